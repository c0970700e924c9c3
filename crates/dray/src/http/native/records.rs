//! Records one by one and page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dray_model::object::Object;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::shapes::{busy, expected_version, first_sentence, limit_of, number_of, object_of, refused};
use crate::http::access::{Actor, Admin, Reader};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBody, Path, Query};
use crate::http::once::Repeatable;
use crate::operations::objects::KnownObjects;
use crate::operations::pages;
use crate::operations::record::{self, RecordWrite, Written};
use crate::operations::selection::SelectionRequest;
use crate::server::app::App;

/// Which records.
#[derive(Debug, Clone, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RecordsQuery {
    /// Comma-separated field names; all where it is left out.
    fields: Option<String>,
    /// Field to filter on.
    filter_field: Option<String>,
    /// Filter operator: eq, contains, gte …
    filter_operator: Option<String>,
    /// Filter value.
    filter_value: Option<String>,
    /// A FilterGroup as JSON: `{"operator":"and","conditions":[…]}`.
    filters: Option<String>,
    /// Words that must all stand somewhere in the record's texts.
    search: Option<String>,
    /// `field`, `field:desc`, with commas; by id where it is left out.
    sort: Option<String>,
    /// The most records of a page, 1 to 1000; 100 where it is left out.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl RecordsQuery {
    fn selection(&self) -> SelectionRequest {
        SelectionRequest {
            fields: self.fields.clone(),
            filter_field: self.filter_field.clone(),
            filter_operator: self.filter_operator.clone(),
            filter_value: self.filter_value.clone(),
            filters: self.filters.clone(),
            search: self.search.clone(),
            sort: self.sort.clone(),
        }
    }
}

/// A page of records.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Records {
    /// Field → value, typed.
    #[schema(value_type = Vec<Object>)]
    pub records: Box<RawValue>,
    /// How many records the filters find.
    pub total: u64,
    /// What `total` is: `exact`, `estimate` or `at_least`.
    pub total_is: &'static str,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

impl Records {
    /// There is no page behind this one.
    pub(super) fn ends(&mut self) {
        self.next_cursor = None;
    }
}

/// A page of an object's records that a selection finds.
pub(super) async fn page_of(
    app: &App,
    organization: &str,
    object: Arc<Object>,
    selection: SelectionRequest,
    limit: u64,
    cursor: Option<String>,
) -> Answer<Records> {
    let selection = selection.read(&object)?;
    let (page, total) = app
        .run(organization, move |session| {
            session.prepare_object(&object)?;
            let page = pages::page(session, &object, &selection, limit, cursor.as_deref())?;
            let total = pages::total(session, &object, selection.filter.as_ref())?;
            Ok((page, total))
        })
        .await?;
    Ok(Records { records: page.records, total: total.count, total_is: total.is, next_cursor: page.next })
}

/// List records: filtered, searched, sorted, page by page.
///
/// Pages stay right while records come and go: each goes on after the last record of the one before.
#[utoipa::path(
    get, path = "/api/v1/objects/{object}/records", tag = "records",
    params(("object" = String, Path), RecordsQuery),
    responses((status = 200, body = Records), (status = 400), (status = 404)), security(("key" = []))
)]
pub async fn list(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(object): Path<String>,
    Query(query): Query<RecordsQuery>,
) -> Answer<Json<Records>> {
    let limit = limit_of(query.limit.as_deref())?;
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &object)?;
    let name = object.name().to_owned();
    let records =
        page_of(&app, actor.organization(), object, query.selection(), limit, query.cursor.clone()).await?;
    let details = json!({ "query": query });
    app.audit(actor.organization(), actor.entry("records.list", name, details)).await;
    Ok(Json(records))
}

/// The record as an answer, with its version as `ETag`.
fn record_answer(status: StatusCode, record: &RawValue) -> Response {
    #[derive(Deserialize)]
    struct Versioned {
        version: i64,
    }
    let version = serde_json::from_str::<Versioned>(record.get()).map_or(0, |record| record.version);
    let mut response =
        (status, [(header::CONTENT_TYPE, "application/json")], record.get().to_owned()).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn no_record(object: &str, id: i64) -> Failure {
    Failure::not_found(format!("there is no record {id} of `{object}`"))
}

fn outdated(id: i64, version: i64) -> Failure {
    Failure::conflict(format!("record {id} has version {version} now: read it again and repeat the change"))
        .code("VERSION_CONFLICT")
        .details(json!({ "version": version }))
}

/// One record.
#[utoipa::path(get, path = "/api/v1/objects/{object}/records/{id}", tag = "records", params(("object" = String, Path), ("id" = String, Path)), responses((status = 200), (status = 404)), security(("key" = [])))]
pub async fn get(
    State(app): State<App>,
    Reader(actor): Reader,
    Path((object, id)): Path<(String, String)>,
) -> Answer<Response> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &object)?;
    let id = number_of(&id, "record")?;
    let name = object.name().to_owned();
    let found = app
        .run(actor.organization(), move |session| {
            session.prepare_object(&object)?;
            pages::record(session, &object, id)
        })
        .await?;
    let record = found.ok_or_else(|| no_record(&name, id))?;
    app.audit(actor.organization(), actor.entry("records.read", format!("{name}/{id}"), json!({}))).await;
    Ok(record_answer(StatusCode::OK, &record))
}

/// A record as it was written.
struct Kept {
    object: Arc<Object>,
    id: i64,
    record: Box<RawValue>,
}

/// Makes or changes a record.
async fn write(
    app: &App,
    actor: &Actor,
    object: String,
    id: Option<i64>,
    members: Map<String, Value>,
    expected_version: Option<i64>,
    fingerprint: String,
) -> Answer<Kept> {
    let quota = actor.organization.plan.quota();
    let who = actor.name.clone();
    let fields: Vec<String> = members.keys().take(100).cloned().collect();
    let (kept, import) = app
        .run(actor.organization(), move |session| {
            let known = KnownObjects::load(session)?;
            let object = match object_of(&known, &object) {
                Ok(object) => object,
                Err(failure) => return Ok(Err(failure)),
            };
            let name = object.name().to_owned();
            let asked = RecordWrite {
                object: object.clone(),
                id,
                members,
                expected_version,
                fingerprint,
                quota,
                actor: who,
            };
            let (id, import) = match record::write(session, &known, asked)? {
                Written::Done { id, import } => (id, import),
                Written::Refused(problems) => {
                    return Ok(Err(refused("INVALID_RECORD", first_sentence(&problems), &problems)));
                }
                Written::Exceeded(exceeded) => return Ok(Err(exceeded.into())),
                Written::Missing => return Ok(Err(no_record(&name, id.unwrap_or(0)))),
                Written::Outdated(version) => return Ok(Err(outdated(id.unwrap_or(0), version))),
                Written::Busy => return Ok(Err(busy(&name))),
            };
            let record = pages::record(session, &object, id)?;
            let missing = no_record(&name, id);
            Ok(record.map(|record| (Kept { object, id, record }, import)).ok_or(missing))
        })
        .await??;
    if kept.object.definition.endpoints {
        app.event_desk().forget();
    }
    let action = if id.is_some() { "records.change" } else { "records.create" };
    let details = json!({ "fields": fields, "import": import });
    app.audit(
        actor.organization(),
        actor.entry(action, format!("{}/{}", kept.object.name(), kept.id), details),
    )
    .await;
    Ok(kept)
}

/// Makes a record; its id.
pub async fn make(app: &App, actor: &Actor, object: String, members: Map<String, Value>) -> Answer<i64> {
    write(app, actor, object, None, members, None, String::new()).await.map(|kept| kept.id)
}

/// Changes fields of a record.
pub async fn put(
    app: &App,
    actor: &Actor,
    object: String,
    id: i64,
    members: Map<String, Value>,
    expected_version: Option<i64>,
) -> Answer<()> {
    write(app, actor, object, Some(id), members, expected_version, String::new()).await.map(|_| ())
}

/// Make a record, by the same rules as an import of one row.
#[utoipa::path(
    post, path = "/api/v1/objects/{object}/records", tag = "records", params(("object" = String, Path)), request_body(content = Object, example = json!({"first_name": "Ada", "email": "ada@example.com"})),
    responses((status = 201), (status = 400), (status = 403, description = "PLAN_LIMIT"), (status = 422, description = "INVALID_RECORD with every problem")),
    security(("key" = []))
)]
pub async fn create(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(object): Path<String>,
    Repeatable(fingerprint): Repeatable,
    JsonBody(members): JsonBody<Map<String, Value>>,
) -> Answer<Response> {
    let Kept { object, id, record } = write(&app, &actor, object, None, members, None, fingerprint).await?;
    let mut response = record_answer(StatusCode::CREATED, &record);
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/objects/{}/records/{id}", object.name())) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Change fields of a record: those the body names; null empties one. `If-Match` or `version` in the body
/// refuses the change where somebody else was faster.
#[utoipa::path(
    patch, path = "/api/v1/objects/{object}/records/{id}", tag = "records",
    params(("object" = String, Path), ("id" = String, Path), ("If-Match" = Option<String>, Header, description = "The record's ETag")),
    request_body(content = Object, example = json!({"first_name": "Ada", "email": "ada@example.com"})),
    responses((status = 200), (status = 404), (status = 409, description = "VERSION_CONFLICT"), (status = 422)), security(("key" = []))
)]
pub async fn change(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
    JsonBody(mut members): JsonBody<Map<String, Value>>,
) -> Answer<Response> {
    let id = number_of(&id, "record")?;
    let mut expected = expected_version(&headers)?;
    if let Some(version) = members.shift_remove("version") {
        let version =
            version.as_i64().ok_or_else(|| Failure::validation("`version` must be a whole number"))?;
        expected = expected.or(Some(version));
    }
    let kept = write(&app, &actor, object, Some(id), members, expected, String::new()).await?;
    Ok(record_answer(StatusCode::OK, &kept.record))
}

/// Delete a record.
#[utoipa::path(delete, path = "/api/v1/objects/{object}/records/{id}", tag = "records", params(("object" = String, Path), ("id" = String, Path)), responses((status = 204), (status = 404), (status = 409)), security(("key" = [])))]
pub async fn delete(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<StatusCode> {
    let id = number_of(&id, "record")?;
    let expected = expected_version(&headers)?;
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &object)?;
    remove(&app, &actor, object, id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a record.
pub async fn remove(
    app: &App,
    actor: &Actor,
    object: Arc<Object>,
    id: i64,
    expected: Option<i64>,
) -> Answer<()> {
    let (name, has_endpoint) = (object.name().to_owned(), object.definition.endpoints);
    let deleted =
        app.run(actor.organization(), move |session| record::delete(session, &object, id, expected)).await?;
    match deleted {
        Written::Done { .. } => {}
        Written::Outdated(version) => return Err(outdated(id, version)),
        Written::Busy => return Err(busy(&name)),
        Written::Missing | Written::Refused(_) | Written::Exceeded(_) => return Err(no_record(&name, id)),
    }
    if has_endpoint {
        app.event_desk().forget();
    }
    app.audit(actor.organization(), actor.entry("records.delete", format!("{name}/{id}"), json!({}))).await;
    Ok(())
}
