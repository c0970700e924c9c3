//! Objects and their fields: listed, made and changed at run time.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dray_model::definition::{FieldDefinition, ObjectDefinition};
use dray_model::object::Object;
use serde_json::{Map, Value, json};

use super::shapes::object_of;
use crate::clock;
use crate::http::access::{Actor, Admin};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBody, JsonBytes, Path, parse_json};
use crate::operations::definitions::{self, Defined};
use crate::server::app::App;

/// An object as the API shows it: as it is written down, with the stored columns of each field.
fn shown(object: &Object) -> Value {
    let mut out = serde_json::to_value(&object.definition).unwrap_or_default();
    if let Value::Object(members) = &mut out
        && let Some(Value::Array(mut fields)) = members.shift_remove("field")
    {
        for (field, known) in fields.iter_mut().zip(&object.fields) {
            let columns = object.columns.get(known.columns.clone()).unwrap_or_default();
            field["columns"] = columns.iter().map(|column| column.name.clone()).collect();
        }
        members.insert("fields".to_owned(), Value::Array(fields));
    }
    out
}

fn answer_of(defined: Defined) -> Answer<Object> {
    match defined {
        Defined::Done(object) => Ok(*object),
        Defined::Conflict(why) => Err(Failure::conflict(why)),
        Defined::Missing(why) => Err(Failure::not_found(why)),
    }
}

/// List the objects with their fields.
#[utoipa::path(get, path = "/api/v1/objects", tag = "objects", responses((status = 200, description = "`{objects: [definition]}`")), security(("key" = [])))]
pub async fn list(State(app): State<App>, actor: Actor) -> Answer<Json<Value>> {
    let known = app.objects(actor.organization()).await?;
    let objects: Vec<Value> = known.all().iter().map(|object| shown(object)).collect();
    Ok(Json(json!({ "objects": objects })))
}

/// One object.
#[utoipa::path(get, path = "/api/v1/objects/{object}", tag = "objects", params(("object" = String, Path)), responses((status = 200), (status = 404)), security(("key" = [])))]
pub async fn get(State(app): State<App>, actor: Actor, Path(object): Path<String>) -> Answer<Json<Value>> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &object)?;
    Ok(Json(shown(&object)))
}

/// Make an object: a name, a label and fields; its table is made at once.
#[utoipa::path(post, path = "/api/v1/objects", tag = "objects", request_body(content = Object, example = json!({"name": "boats", "label": "Boats", "fields": [{"name": "title", "type": "text"}, {"name": "built", "type": "date"}]})), responses((status = 201), (status = 400), (status = 409)), security(("key" = [])))]
pub async fn create(
    State(app): State<App>,
    Admin(actor): Admin,
    JsonBytes(bytes): JsonBytes,
) -> Answer<(StatusCode, Json<Value>)> {
    let definition: ObjectDefinition = parse_json(&bytes)?;
    let defined = app
        .run(actor.organization(), move |session| definitions::create(session, definition, clock::now()))
        .await?;
    let object = answer_of(defined)?;
    let details = json!({ "fields": object.definition.fields.len() });
    app.audit(actor.organization(), actor.entry("object.create", object.name(), details)).await;
    Ok((StatusCode::CREATED, Json(shown(&object))))
}

/// Change an object: label, description, aliases, policy, and fields to be added or changed by name. Its
/// table follows; what records stand in the way of is refused.
#[utoipa::path(patch, path = "/api/v1/objects/{object}", tag = "objects", params(("object" = String, Path)), request_body(content = Object, example = json!({"label": "Customers"})), responses((status = 200), (status = 400), (status = 404), (status = 409)), security(("key" = [])))]
pub async fn change(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(object): Path<String>,
    JsonBody(patch): JsonBody<Map<String, Value>>,
) -> Answer<Json<Value>> {
    let details = json!({ "changed": patch.keys().take(20).collect::<Vec<_>>() });
    let defined = app
        .run(actor.organization(), move |session| definitions::change(session, &object, &patch, clock::now()))
        .await?;
    let object = answer_of(defined)?;
    app.audit(actor.organization(), actor.entry("object.change", object.name(), details)).await;
    Ok(Json(shown(&object)))
}

/// Add a field. A hidden field of the same name and type comes back with its values.
#[utoipa::path(post, path = "/api/v1/objects/{object}/fields", tag = "objects", params(("object" = String, Path)), request_body(content = Object, example = json!({"name": "shoe_size", "type": "integer"})), responses((status = 201), (status = 400), (status = 404), (status = 409)), security(("key" = [])))]
pub async fn add_field(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(object): Path<String>,
    JsonBytes(bytes): JsonBytes,
) -> Answer<(StatusCode, Json<Value>)> {
    let field: FieldDefinition = parse_json(&bytes)?;
    let details = json!({ "field": field.name });
    let defined = app
        .run(actor.organization(), move |session| {
            definitions::add_field(session, &object, &field, clock::now())
        })
        .await?;
    let object = answer_of(defined)?;
    app.audit(actor.organization(), actor.entry("object.add_field", object.name(), details)).await;
    Ok((StatusCode::CREATED, Json(shown(&object))))
}

/// Hide a field. Its values stay in the table and come back when the field is added again.
#[utoipa::path(delete, path = "/api/v1/objects/{object}/fields/{field}", tag = "objects", params(("object" = String, Path), ("field" = String, Path)), responses((status = 200), (status = 404), (status = 409)), security(("key" = [])))]
pub async fn hide_field(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, field)): Path<(String, String)>,
) -> Answer<Json<Value>> {
    let details = json!({ "field": super::shapes::short(&field) });
    let defined = app
        .run(actor.organization(), move |session| {
            definitions::hide_field(session, &object, &field, clock::now())
        })
        .await?;
    let object = answer_of(defined)?;
    app.audit(actor.organization(), actor.entry("object.hide_field", object.name(), details)).await;
    Ok(Json(shown(&object)))
}
