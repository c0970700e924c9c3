//! Step 2: which field each column probably is, from its header, the sample and what was mapped before.

use axum::Json;
use axum::extract::{Path, State};
use dray_engine::suggest::{Known, Table, suggest as suggestions};
use dray_model::definition::FieldKind;
use dray_model::object::{ADDRESS_PARTS, Object, SystemColumn};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::names::{module, module_slug, slug, stored};
use super::refine::{open, refine};
use super::shape::success;
use crate::http::access::Planner;
use crate::http::answer::{Answer, Failure};
use crate::http::body::JsonBody;
use crate::operations::mapping_memory;
use crate::operations::objects::KnownObjects;
use crate::server::app::App;

/// The most columns of a source.
const MOST_COLUMNS: usize = 4_096;
/// Sample rows looked at.
const MOST_ROWS: usize = 1_000;

/// The columns to find fields for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuggestBody {
    /// Column headers from the file.
    source_columns: Vec<String>,
    /// Sample rows: header → value.
    #[schema(value_type = Option<Vec<Object>>)]
    sample_data: Option<Vec<Map<String, Value>>>,
}

/// Suggest which field each column of a source is. What was mapped before in this organization counts.
#[utoipa::path(
    post, path = "/v1/modules/{module}/import/suggest-mapping", tag = "modules",
    params(("module" = String, Path)),
    request_body = SuggestBody,
    responses(
        (status = 200, description = "`{success, data: {suggestions, aiUsed, targetFields}}`"),
        (status = 400, description = "VALIDATION_ERROR"),
        (status = 404, description = "MODULE_NOT_FOUND"),
    ),
    security(("key" = []))
)]
pub async fn suggest(
    State(app): State<App>,
    Planner(actor): Planner,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<SuggestBody>,
) -> Answer<Json<Value>> {
    if body.source_columns.is_empty() || body.source_columns.len() > MOST_COLUMNS {
        return Err(Failure::validation(format!("sourceColumns must name 1 to {MOST_COLUMNS} columns")));
    }
    let found = app.run(actor.organization(), move |session| {
        let known = KnownObjects::load(session)?;
        let object = match module(&known, &name) {
            Ok(object) => object,
            Err(failure) => return Ok(Err(failure)),
        };
        let confirmed = mapping_memory::recall(session, &object)?;
        let rows = rows(&body);
        let suggested = suggested(&object, &body, &rows, &confirmed);
        let open = open(&object, &suggested, &rows);
        let fields: Vec<Value> =
            object.fields.iter().map(|field| target_field(&known, &object, &field.definition.name)).collect();
        Ok(Ok((suggested, open, fields)))
    });
    let (mut suggested, open, fields) = found.await??;
    let used = refine(&app, &actor, &open, &mut suggested).await;
    Ok(success(json!({ "suggestions": suggested, "aiUsed": used, "targetFields": fields })))
}

/// The cells of the sample, in the order of the columns.
fn rows(body: &SuggestBody) -> Vec<Vec<String>> {
    let columns = &body.source_columns;
    let rows = body.sample_data.iter().flatten().take(MOST_ROWS);
    rows.map(|row| columns.iter().map(|name| cell(row.get(name))).collect()).collect()
}

fn suggested(
    object: &Object,
    body: &SuggestBody,
    rows: &[Vec<String>],
    confirmed: &dray_engine::suggest::Confirmed,
) -> Vec<Value> {
    let columns = &body.source_columns;
    let table = Table::from_rows(columns, rows);
    let known = Known { confirmed: Some(confirmed), prefers_references: true, ..Known::default() };
    let mut found: Vec<Value> = Vec::with_capacity(columns.len());
    let mut taken: Vec<usize> = Vec::new();
    let suggestions = suggestions(object, &table, &known);
    // This door's own words for the times are nobody else's.
    let own: Vec<Option<usize>> = columns
        .iter()
        .map(|name| {
            let column = object.column(stored(name)).filter(|_| stored(name) != name.as_str())?;
            (object.columns[column].system == Some(SystemColumn::CreatedAt)).then_some(column)
        })
        .collect();
    taken.extend(own.iter().flatten());
    for (suggestion, own) in suggestions.iter().zip(own) {
        let mut entry = Map::new();
        entry.insert("sourceColumn".to_owned(), json!(suggestion.header));
        let field = suggestion.field.as_deref().filter(|field| {
            object.column(field).is_none_or(|column| match object.columns[column].system {
                None | Some(SystemColumn::Id) => true,
                Some(SystemColumn::CreatedAt) => !taken.contains(&column),
                Some(_) => false,
            })
        });
        let field = own.map(|column| object.columns[column].name.as_str()).or(field);
        entry.insert("targetFieldSlug".to_owned(), json!(field.map(slug)));
        let confidence = match (own, field) {
            (Some(_), _) => 1.0,
            (None, Some(_)) => (suggestion.confidence * 100.0).round() / 100.0,
            (None, None) => 0.0,
        };
        entry.insert("confidence".to_owned(), json!(confidence));
        if field.is_some() && own.is_none() {
            if let Some(value_type) = &suggestion.value_type {
                entry.insert("valueType".to_owned(), json!(value_type));
            }
            if let Some(part) = &suggestion.address_part {
                entry.insert("addressPart".to_owned(), json!(part));
            }
        }
        entry.insert("reason".to_owned(), json!(suggestion.reason.to_string()));
        found.push(Value::Object(entry));
    }
    found
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A field as something a column may be mapped to.
fn target_field(known: &KnownObjects, object: &Object, name: &str) -> Value {
    let mut field = json!({ "fieldSlug": slug(name), "label": object.label_of(name) });
    let Some(definition) = object.field(name).map(|field| &field.definition) else { return field };
    field["dataType"] = json!(definition.kind.word());
    field["required"] = json!(definition.required);
    if !definition.choices.is_empty() {
        field["choices"] = json!(definition.choices);
    }
    if !definition.types.is_empty() {
        field["valueTypes"] = json!(definition.types);
    }
    if definition.kind == FieldKind::Address {
        field["addressParts"] = json!(ADDRESS_PARTS);
    }
    if let Some(target) = definition.target.as_deref() {
        let target = known.named(target).map_or(target.to_owned(), |target| module_slug(&target).to_owned());
        field["targetModuleSlug"] = json!(target);
    }
    field
}
