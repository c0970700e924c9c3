//! The records door: `POST /api/v1/import/{object}` and `GET /api/v1/export/{object}`, as
//! `spec/source/records-api.txt` has them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dray_engine::map::MappingRequest;
use dray_formats::{Format, ReadOptions, WriteOptions};
use dray_model::definition::OnDuplicate;
use dray_model::ledger::Fate;
use dray_model::object::{Object, SystemColumn};
use dray_model::problem::{Problem, ProblemCode, Severity};
use dray_model::query::{Query as RecordQuery, Sort};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::access::Admin;
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBody, Query};
use crate::http::once::Repeatable;
use crate::http::stream;
use crate::operations::export::{Export, exported_columns, output_column};
use crate::operations::filters::{compare, parse_group, sort_column};
use crate::operations::import::{ImportReport, ImportRequest, Rows, Watch, import};
use crate::operations::objects::KnownObjects;
use crate::operations::policy::PolicyRequest;
use crate::operations::quota::Quota;
use crate::operations::record::flat_members;
use crate::server::app::App;

/// The most records of one request.
const MOST_RECORDS: usize = 50;
/// Records exported unless told otherwise.
const DEFAULT_LIMIT: u64 = 1_000;
/// The most records exported.
const MOST_EXPORTED: u64 = 10_000;

/// The body of an import.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = RecordsImport)]
pub struct ImportBody {
    /// At most 50 records: field name → value.
    #[schema(value_type = Vec<Object>)]
    records: Vec<Value>,
}

/// What an import came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ImportAnswer {
    /// The object that was imported into.
    object_name: String,
    /// Records created.
    created: u64,
    /// Records skipped because they are there already, or twice in the request.
    duplicates: u64,
    /// Records that failed validation.
    failed: u64,
    /// Why, for each of them.
    errors: Vec<RecordError>,
}

/// Why a record failed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RecordError {
    /// Position in the request, from 0.
    index: usize,
    /// Stable code.
    code: &'static str,
    /// What is wrong.
    message: String,
}

/// 400 `INVALID_OBJECT` where there is no such object.
pub fn invalid_object(error: dray_model::Error) -> Failure {
    Failure::from(error).code("INVALID_OBJECT")
}

/// Import up to 50 records; duplicates by e-mail, phone and name are skipped.
#[utoipa::path(
    post, path = "/api/v1/import/{object}", tag = "records",
    params(("object" = String, Path, description = "The object to import into")),
    request_body(content = ImportBody, example = json!({"records": [{"first_name": "Ada", "email": "ada@example.com"}]})),
    responses(
        (status = 200, body = ImportAnswer),
        (status = 400, description = "INVALID_OBJECT, VALIDATION_ERROR"),
        (status = 403, description = "PERMISSION_DENIED"),
    ),
    security(("key" = []))
)]
pub async fn import_records(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(object): Path<String>,
    Repeatable(fingerprint): Repeatable,
    JsonBody(body): JsonBody<ImportBody>,
) -> Answer<Json<ImportAnswer>> {
    if body.records.len() > MOST_RECORDS {
        return Err(Failure::validation(format!(
            "a request has at most {MOST_RECORDS} records, this one has {}: send several",
            body.records.len()
        )));
    }
    let plan = actor.organization.plan.clone();
    let answer = app
        .run(actor.organization(), move |session| {
            let known = KnownObjects::load(session)?;
            let object = match known.named(&object) {
                Ok(object) => object,
                Err(error) => return Ok(Err(invalid_object(error))),
            };
            let mut errors = Vec::new();
            let mut good = Vec::new();
            let mut records = Vec::new();
            for (index, record) in body.records.into_iter().enumerate() {
                match readable(&object, record) {
                    Ok(record) => {
                        good.push(index);
                        records.push(record);
                    }
                    Err(message) => errors.push(RecordError { index, code: "VALIDATION_ERROR", message }),
                }
            }
            let mut answer = ImportAnswer {
                object_name: object.name().to_owned(),
                created: 0,
                duplicates: 0,
                failed: errors.len() as u64,
                errors,
            };
            if !records.is_empty() {
                let request = ImportRequest {
                    policy: duplicates_by(&object, plan.rows_per_import),
                    rows: Rows::Bytes(
                        Bytes::from(Value::Array(records).to_string()),
                        ReadOptions { format: Some(Format::Json), ..ReadOptions::default() },
                    ),
                    source_name: "records".to_owned(),
                    source_bytes: None,
                    resume: !fingerprint.is_empty(),
                    fingerprint,
                    mapping: MappingRequest::default(),
                    date_order: None,
                    failed: None,
                    plan: false,
                    quota: Quota { rows_per_import: None, records_per_object: plan.records_per_object },
                    object,
                };
                let report = import(session, &known, request, &Watch::default())?;
                if let Some(exceeded) = report.exceeded {
                    return Ok(Err(exceeded.into()));
                }
                add(&mut answer, &report, &good);
            }
            Ok(Ok(answer))
        })
        .await??;
    let details =
        json!({ "created": answer.created, "duplicates": answer.duplicates, "failed": answer.failed });
    app.audit(actor.organization(), actor.entry("records.import", answer.object_name.clone(), details)).await;
    Ok(Json(answer))
}

/// A record the engine can read: an object whose members are fields.
fn readable(object: &Object, record: Value) -> std::result::Result<Value, String> {
    let Value::Object(members) = record else {
        return Err("The record must be an object: field name → value".to_owned());
    };
    let flat = flat_members(object, members, |name| unknown_field(object, name))?;
    if flat.values().all(|value| value.is_null() || value.as_str().is_some_and(str::is_empty)) {
        return Err("The record is empty".to_owned());
    }
    Ok(Value::Object(flat))
}

/// Names the field that was probably meant.
pub fn unknown_field(object: &Object, name: &str) -> String {
    let shown: String = name.chars().take(100).collect();
    let nearest = dray_engine::query::nearest_field(object, name);
    let advice = nearest.map_or_else(String::new, |field| format!("; did you mean '{field}'?"));
    format!("Field '{shown}' does not exist{advice}")
}

/// Duplicates are found by id and unique fields, e-mail, phone and name; they are skipped.
fn duplicates_by(object: &Object, most_rows: Option<u64>) -> PolicyRequest {
    use dray_model::definition::FieldKind;
    let mut match_by: Vec<String> = object.policy.match_by.iter().map(|rule| rule.name.clone()).collect();
    for field in &object.fields {
        let definition = &field.definition;
        let tells = matches!(definition.kind, FieldKind::Email | FieldKind::Phone)
            || definition.unique
            || definition.names_record;
        if tells && !match_by.contains(&definition.name) {
            match_by.push(definition.name.clone());
        }
    }
    PolicyRequest {
        match_by,
        on_duplicate: Some(OnDuplicate::Skip),
        max_rows: most_rows,
        ..PolicyRequest::default()
    }
}

fn add(answer: &mut ImportAnswer, report: &ImportReport, good: &[usize]) {
    let ledger = &report.import.ledger;
    answer.created = ledger.count(Fate::Created);
    answer.duplicates = ledger.count(Fate::Duplicate) + ledger.count(Fate::Unchanged);
    answer.failed += ledger.count(Fate::Rejected) + ledger.count(Fate::NotReached);
    let mut last = None;
    for problem in report.problems.iter().filter(|problem| problem.severity == Severity::Error) {
        let position = usize::try_from(problem.row_number).unwrap_or(0).saturating_sub(1);
        // One entry for each record: what is wrong with it first.
        if last == Some(position) {
            continue;
        }
        last = Some(position);
        let index = good.get(position).copied().unwrap_or(position);
        answer.errors.push(RecordError { index, code: "VALIDATION_ERROR", message: sentence(problem) });
    }
    answer.errors.sort_by_key(|error| error.index);
}

/// What is wrong, in the words of the document where it has some.
pub fn sentence(problem: &Problem) -> String {
    let field = problem.field.as_deref().or(problem.column.as_deref()).unwrap_or("record");
    let wanted = match problem.code {
        ProblemCode::InvalidEmail => "must be a valid email address",
        ProblemCode::InvalidPhone => "must be a valid phone number",
        ProblemCode::InvalidUrl => "must be a valid URL",
        ProblemCode::Required => "is required",
        ProblemCode::NotAnInteger => "must be a whole number",
        ProblemCode::NotADecimal => "must be a number",
        ProblemCode::NotABoolean => "must be true or false",
        ProblemCode::NotADate => "must be a date",
        ProblemCode::NotADateTime => "must be a date and time",
        _ => return format!("Field '{field}': {}", problem.message),
    };
    format!("Field '{field}' {wanted}")
}

/// The query of an export.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `json` (default) or `csv`.
    format: Option<String>,
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
    /// Field to sort by; created_at where it is left out.
    sort_by: Option<String>,
    /// `asc` or `desc` (default).
    sort_dir: Option<String>,
    /// The most records, up to 10000; 1000 where it is left out.
    limit: Option<String>,
}

/// Reads what is asked for.
pub fn export_of(object: &std::sync::Arc<Object>, query: &ExportQuery, default_limit: u64) -> Answer<Export> {
    let format = match query.format.as_deref().unwrap_or("json") {
        "json" => Format::Json,
        "csv" => Format::Csv,
        other => {
            return Err(Failure::validation(format!("`{other}` is no export format: use json or csv")));
        }
    };
    let columns = match query.fields.as_deref().map(str::trim) {
        None | Some("") => exported_columns(object),
        Some(fields) => dray_engine::query::parse_fields(object, fields)?,
    };
    let mut conditions = Vec::new();
    match (&query.filter_field, &query.filter_operator) {
        (Some(field), operator) => {
            let value = query.filter_value.clone().map_or(Value::Null, Value::String);
            conditions.push(compare(object, field, operator.as_deref().unwrap_or("eq"), &value)?);
        }
        (None, None) if query.filter_value.is_none() => {}
        _ => return Err(Failure::validation("the filter names no field: add filter_field")),
    }
    if let Some(group) = &query.filters {
        conditions.push(parse_group(object, group)?);
    }
    let descending = match query.sort_dir.as_deref().unwrap_or("desc") {
        "asc" => false,
        "desc" => true,
        other => {
            return Err(Failure::validation(format!("`{other}` is no sort direction: use asc or desc")));
        }
    };
    let column = match query.sort_by.as_deref() {
        None => object.system(SystemColumn::CreatedAt),
        Some(name) => sort_column(object, name)?,
    };
    let limit = match query.limit.as_deref() {
        None => default_limit,
        Some(text) => {
            text.parse().ok().filter(|limit| (1..=MOST_EXPORTED).contains(limit)).ok_or_else(|| {
                Failure::validation(format!("`{text}` is no limit: use a number from 1 to {MOST_EXPORTED}"))
            })?
        }
    };
    let filter = match conditions.len() {
        0 => None,
        1 => conditions.pop(),
        _ => Some(dray_model::query::Filter::And(conditions)),
    };
    let output = columns.iter().map(|&column| output_column(object, column, false)).collect();
    Ok(Export {
        object: std::sync::Arc::clone(object),
        query: RecordQuery { filter, sort: vec![Sort { column, descending }], limit: Some(limit) },
        columns,
        output,
        format,
        options: WriteOptions::default(),
    })
}

/// Export records as JSON or CSV.
#[utoipa::path(
    get, path = "/api/v1/export/{object}", tag = "records",
    params(("object" = String, Path, description = "The object to export"), ExportQuery),
    responses(
        (status = 200, description = "The file: `{format, records, total}`, or CSV"),
        (status = 400, description = "INVALID_OBJECT, VALIDATION_ERROR"),
        (status = 403, description = "PERMISSION_DENIED"),
    ),
    security(("key" = []))
)]
pub async fn export_records(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(object): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Answer<Response> {
    let known = app.objects(actor.organization()).await?;
    let object = known.named(&object).map_err(invalid_object)?;
    let export = export_of(&object, &query, DEFAULT_LIMIT)?;
    let details = json!({
        "format": query.format, "fields": query.fields, "filter_field": query.filter_field,
        "filter_operator": query.filter_operator, "filter_value": query.filter_value, "filters": query.filters,
    });
    app.audit(actor.organization(), actor.entry("records.export", object.name(), details)).await;
    if export.format == Format::Csv {
        let body = stream::stream(&app, actor.organization(), export).await?;
        let name = format!("attachment; filename=\"{}_export.csv\"", object.name());
        let headers = [(header::CONTENT_TYPE, "text/csv".to_owned()), (header::CONTENT_DISPOSITION, name)];
        return Ok((StatusCode::OK, headers, body).into_response());
    }
    let (records, total) =
        app.run(actor.organization(), move |session| stream::write_whole(session, export)).await?;
    let mut body = Vec::with_capacity(records.len() + 64);
    body.extend_from_slice(b"{\"format\":\"json\",\"records\":");
    body.extend_from_slice(records.trim_ascii());
    body.extend_from_slice(format!(",\"total\":{total}}}").as_bytes());
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}
