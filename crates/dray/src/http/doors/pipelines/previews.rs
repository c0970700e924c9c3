//! What a pipeline would meet and make, before there is one: the rows and sheets of a file, and what filters and
//! transformations make of rows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dray_engine::expression::value::Record;
use dray_engine::expression::{Json as Raw, RepeatedMember, Schema};
use dray_engine::pipeline::function::FunctionError;
use dray_engine::pipeline::normalize::normalize;
use dray_engine::pipeline::rest::{append_json, append_record, read_record};
use dray_engine::record_filter::Filter;
use dray_model::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::{Members, NoBody};
use super::refused::number;
use super::shape::{bad_request, not_found, unprocessable};
use crate::http::access::{Admin, Reader};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{Path, Query};
use crate::operations::pipelines::definition::{
    CompiledTransformation, check_sheet, compile_transformation, read_format, read_transformation,
};
use crate::operations::pipelines::fields::Fields;
use crate::operations::pipelines::file_rows::{FileAsked, FileRows, OpenFault, sheets, told};
use crate::operations::pipelines::format_settings::{FileFormat, FormatSettings, Packing};
use crate::operations::pipelines::refusal::{Asked, Refusal};
use crate::outbound::fetch::FetchWatch;
use crate::server::app::App;
use crate::server::connections::{self, open_storage};
use crate::server::jobs::pipeline::newest;
use crate::storage::Role;

/// Rows of a preview.
const MOST_ROWS: u64 = 100;

/// Which file, and how it is read.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct FileQuery {
    /// Where it is.
    pub path: Option<String>,
    /// `csv`, `excel`, `json` or `parquet`.
    pub format: Option<String>,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    /// Empty, `Zip`, `Gzip` or `Snappy`.
    pub compression: Option<String>,
    /// The settings of the format, as JSON.
    pub format_settings: Option<String>,
    /// How many rows, 0 to 100; none where it is left out.
    pub limit: Option<String>,
}

/// A file that is asked about, checked.
struct FileWanted {
    path: String,
    format: FileFormat,
    settings: FormatSettings,
    sheet: Option<String>,
    packing: Packing,
}

fn wanted(query: &FileQuery, needs_sheet: bool) -> Asked<FileWanted> {
    let mut members = Map::new();
    if let Some(format) = &query.format {
        members.insert("format".to_owned(), format.clone().into());
    }
    let format = read_format(Fields(&members))?;
    let path = query.path.clone().unwrap_or_default();
    if path.is_empty() {
        return Err(Refusal::bad("`path` is missing: where the file is"));
    }
    crate::operations::pipelines::fields::within("path", &path, 1024)?;
    let sheet = query.sheet.clone().filter(|sheet| !sheet.is_empty());
    match (format, &sheet) {
        (FileFormat::Excel, None) if needs_sheet => {
            return Err(Refusal::bad("`sheet` is missing: the name of the sheet"));
        }
        (FileFormat::Excel, Some(sheet)) => check_sheet(sheet)?,
        (FileFormat::Excel, None) | (_, None) => {}
        (format, Some(_)) => {
            return Err(Refusal::bad(format!("`sheet` means nothing for {}", format.code())));
        }
    }
    let packing = Packing::from_name(query.compression.as_deref().unwrap_or_default())
        .ok_or_else(|| Refusal::bad("`compression` must be \"\", \"Zip\", \"Gzip\" or \"Snappy\""))?;
    let given = query.format_settings.as_deref().filter(|text| !text.is_empty() && *text != "null");
    let settings = match (given, format.has_settings(Role::Source)) {
        (None, false) => FormatSettings::default(),
        (None, true) => return Err(Refusal::bad("`formatSettings` is missing: the settings of the format")),
        (Some(_), false) => {
            return Err(Refusal::bad(format!(
                "{} has no settings: leave `formatSettings` out",
                format.label()
            )));
        }
        (Some(text), true) => {
            let parsed: Value = serde_json::from_str(text)
                .map_err(|why| Refusal::bad(format!("`formatSettings` is not JSON: {why}")))?;
            let parsed = Fields::of(&parsed, "`formatSettings`")?;
            FormatSettings::parse(format, Role::Source, parsed.0).map_err(|why| {
                Refusal::unprocessable("InvalidSettings", format!("the settings of the format: {why}"))
            })?
        }
    };
    Ok(FileWanted { path, format, settings, sheet, packing })
}

/// Fetches a file and looks into it.
async fn look<T: Send + 'static>(
    app: &App,
    organization: &str,
    id: &str,
    wanted: FileWanted,
    work: impl FnOnce(&FileAsked<'_>) -> std::result::Result<T, OpenFault> + Send + 'static,
) -> Answer<T> {
    let id = number(id, "connection")?;
    let connection = app.run(organization, move |session| connections::find(session, id)).await?;
    let connection = connection.ok_or_else(|| not_found(format!("there is no connection {id}")))?;
    if connection.role != Role::Source {
        return Err(bad_request("files are read from a source, and this connection is a destination"));
    }
    let (ours, slug) = (app.clone(), organization.to_owned());
    let span = tracing::Span::current();
    let worked = tokio::task::spawn_blocking(move || {
        span.in_scope(|| {
            let storage = open_storage(&ours, &slug, &connection)?;
            let path = newest(&storage, &wanted.path)?.ok_or_else(|| {
                Error::source(format!("no file matches `{}`", wanted.path)).hint("check the path")
            })?;
            let copy = ours.files().draft(&slug)?;
            let (bytes, stop) = Default::default();
            let watch = FetchWatch { bytes: &bytes, stop: &stop };
            storage.fetch(&path, &copy, ours.files().most_bytes(), watch)?;
            work(&FileAsked {
                name: &path,
                path: &copy,
                format: wanted.format,
                settings: &wanted.settings,
                sheet: wanted.sheet.as_deref(),
                packing: wanted.packing,
            })
        })
    });
    let worked = worked.await.unwrap_or_else(|_| Err(Error::store("looking into a file broke off").into()));
    worked.map_err(|fault| match fault {
        OpenFault::NoSheet(message) => unprocessable("SheetNotExist", message),
        OpenFault::NoColumns(message) => unprocessable("NoColumnsFound", message),
        OpenFault::Packing(message) => Refusal::unavailable(message).into(),
        OpenFault::Unreadable(error) => match error.kind {
            ErrorKind::Request | ErrorKind::Source | ErrorKind::Limit => {
                Refusal::unavailable(told(&error)).into()
            }
            _ => Failure::from(error),
        },
    })
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// The columns of a file as a schema, and its first rows.
#[utoipa::path(get, path = "/v1/connections/{id}/files", tag = "pipelines", params(("id" = String, Path), FileQuery), responses((status = 200, description = "`{records, schema, issues}`"), (status = 404), (status = 422, description = "FormatNotExist, InvalidSettings, NoColumnsFound, SheetNotExist"), (status = 503, description = "ServiceUnavailable: the file cannot be read")), security(("key" = [])))]
pub async fn file(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(id): Path<String>,
    Query(query): Query<FileQuery>,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let limit = query.limit.as_deref().filter(|limit| !limit.is_empty()).unwrap_or("0");
    let limit: u64 = limit
        .parse()
        .ok()
        .filter(|limit| *limit <= MOST_ROWS)
        .ok_or_else(|| bad_request(format!("`limit` must be a number from 0 to {MOST_ROWS}")))?;
    let wanted = wanted(&query, true)?;
    let found = look(&app, actor.organization(), &id, wanted, move |asked| {
        let mut rows = FileRows::open(asked)?;
        let (mut records, mut issues) = (Vec::new(), rows.issues.clone());
        while (records.len() as u64) < limit {
            let Some(batch) = rows.next_batch()? else { break };
            for row in 0..batch.len() {
                if records.len() as u64 >= limit {
                    break;
                }
                let number = batch.first_row + row as u64;
                if let Some(why) = batch.broken.get(row).cloned().flatten() {
                    issues.push(format!("row {number}: {why}"));
                    continue;
                }
                let mut record = Map::new();
                for (index, column) in rows.columns.iter().enumerate() {
                    match normalize(&batch.value(row, index), column) {
                        Ok(Some(value)) => {
                            let mut text = String::new();
                            append_json(&value, &column.kind, &mut text);
                            record.insert(column.name.clone(), json_of(&text));
                        }
                        Ok(None) => {}
                        Err(why) => issues.push(format!("row {number}: `{}` {why}", column.name)),
                    }
                }
                records.push(Value::Object(record));
            }
        }
        let schema = Schema { properties: rows.columns.clone() }.to_json();
        let issues = if issues.is_empty() { Value::Null } else { json!(issues) };
        Ok(json!({ "records": records, "schema": json_of(&schema), "issues": issues }))
    });
    Ok(Json(found.await?))
}

/// The sheets of a workbook.
#[utoipa::path(get, path = "/v1/connections/{id}/files/sheets", tag = "pipelines", params(("id" = String, Path), FileQuery), responses((status = 200, description = "`{sheets}`, in the order of their tabs"), (status = 404), (status = 422, description = "FormatNotExist, InvalidSettings, NoColumnsFound"), (status = 503, description = "ServiceUnavailable: the file cannot be read")), security(("key" = [])))]
pub async fn file_sheets(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(id): Path<String>,
    Query(query): Query<FileQuery>,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let wanted = wanted(&query, false)?;
    if wanted.format != FileFormat::Excel {
        return Err(bad_request(format!("{} has no sheets", wanted.format.code())));
    }
    let found = look(&app, actor.organization(), &id, wanted, move |asked| {
        let names = sheets(asked)?;
        if names.is_empty() {
            return Err(OpenFault::NoColumns(
                "the workbook has no sheet that a pipeline can name".to_owned(),
            ));
        }
        Ok(json!({ "sheets": names }))
    });
    Ok(Json(found.await?))
}

/// Rows, and what shall be made of them.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "it describes the body, which is read with its own rules")]
pub struct TransformBody {
    /// Up to 100 records of `inSchema`.
    rows: Vec<Map<String, Value>>,
    /// What goes in.
    in_schema: Map<String, Value>,
    /// What comes out.
    out_schema: Map<String, Value>,
    /// Which rows are let through.
    filter: Option<Map<String, Value>>,
    /// A mapping or a function.
    transformation: Map<String, Value>,
}

/// One record, and what shall be made of it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "it describes the body, which is read with its own rules")]
pub struct TransformationBody {
    /// A record of `inSchema`.
    data: Map<String, Value>,
    /// What goes in.
    in_schema: Map<String, Value>,
    /// What comes out.
    out_schema: Map<String, Value>,
    /// A mapping or a function.
    transformation: Map<String, Value>,
    /// `Import`, `Create` or `Update`.
    purpose: Option<String>,
}

/// What became of a row.
enum Made {
    Filtered,
    Record(Record),
    Failed(&'static str, String),
}

/// What transformations are asked for.
struct Trial {
    input: Schema,
    output: Arc<Schema>,
    filter: Option<Filter>,
    transformation: CompiledTransformation,
}

impl Trial {
    async fn of(app: &App, body: &Map<String, Value>) -> Answer<Self> {
        let languages = app.languages().await;
        let fields = Fields(body);
        let schema = |name: &str| -> Answer<Schema> {
            let given = fields.value(name).ok_or_else(|| bad_request(format!("`{name}` is missing")))?;
            Schema::parse(&given.to_string()).map_err(|why| bad_request(format!("`{name}`: {why}")))
        };
        let (input, output) = (schema("inSchema")?, schema("outSchema")?);
        let filter = match fields.value("filter") {
            None => None,
            Some(given) => {
                let filter = Filter::parse(&given.to_string(), &input);
                Some(filter.map_err(|why| bad_request(why.to_string()))?)
            }
        };
        let given =
            fields.value("transformation").ok_or_else(|| bad_request("`transformation` is missing"))?;
        let read = read_transformation(given, &input, Some(&output), &languages)?;
        let read =
            read.ok_or_else(|| bad_request("`transformation` must have a `mapping` or a `function`"))?;
        let transformation = compile_transformation(&read, &input, &output).map_err(bad_request)?;
        Ok(Self { input, output: Arc::new(output), filter, transformation })
    }

    fn record(&self, row: &Value) -> Answer<Record> {
        let json = Raw::parse(&row.to_string(), RepeatedMember::LastCounts).map_err(bad_request)?;
        read_record(&json, &self.input).map_err(bad_request)
    }

    /// What becomes of records. Blocking.
    fn make(self, app: &App, records: Vec<Record>) -> Answer<Vec<Made>> {
        let passes = |record: &Record| self.filter.as_ref().is_none_or(|filter| filter.matches(record));
        let mut made = Vec::with_capacity(records.len());
        let mut waiting = Vec::new();
        for record in records {
            if passes(&record) {
                waiting.push(record);
                made.push(None);
            } else {
                made.push(Some(Made::Filtered));
            }
        }
        let stopped = |error: FunctionError| unprocessable("TransformationFailed", error.to_string());
        let mut transformation = self.transformation.load(app.functions().as_ref()).map_err(stopped)?;
        let results = transformation.apply(waiting.iter()).map_err(stopped)?;
        let mut results = results.into_iter().map(|result| match result {
            Ok(record) => Made::Record(record),
            Err(failed) => Made::Failed(step_of(failed.step), failed.message),
        });
        Ok(made.into_iter().filter_map(|made| made.or_else(|| results.next())).collect())
    }
}

fn step_of(step: dray_engine::expression::FailedStep) -> &'static str {
    match step {
        dray_engine::expression::FailedStep::Transformation => "Transformation",
        dray_engine::expression::FailedStep::OutputValidation => "OutputValidation",
    }
}

async fn made(app: &App, trial: Trial, records: Vec<Record>) -> Answer<Vec<Made>> {
    let ours = app.clone();
    let _permit = app.queue().may_work().await?;
    let worked = tokio::task::spawn_blocking(move || trial.make(&ours, records)).await;
    worked.unwrap_or_else(|_| Err(Error::store("the transformation broke off").into()))
}

fn shown(record: &Record, schema: &Schema) -> Value {
    let mut text = String::new();
    append_record(record, schema, &mut text);
    json_of(&text)
}

/// Try a filter and a transformation on some rows.
#[utoipa::path(post, path = "/v1/pipelines/transform", tag = "pipelines", request_body = TransformBody, responses((status = 200, description = "`{rows: [{data} | {filtered: true} | {error: {step, message}}]}`, one for each row"), (status = 422, description = "UnsupportedLanguage; TransformationFailed: the function cannot be used at all")), security(("key" = [])))]
pub async fn transform(State(app): State<App>, Admin(_actor): Admin, body: Members) -> Answer<Json<Value>> {
    let rows = body.get("rows").and_then(Value::as_array);
    let rows = rows.ok_or_else(|| bad_request("`rows` is missing: a list of records"))?;
    if rows.len() as u64 > MOST_ROWS {
        return Err(bad_request(format!("at most {MOST_ROWS} rows are tried at once")));
    }
    let trial = Trial::of(&app, &body.0).await?;
    let records: Vec<Record> = rows.iter().map(|row| trial.record(row)).collect::<Answer<_>>()?;
    let output = Arc::clone(&trial.output);
    let made = made(&app, trial, records).await?;
    let rows: Vec<Value> = made
        .iter()
        .map(|made| match made {
            Made::Filtered => json!({ "filtered": true }),
            Made::Record(record) => json!({ "data": shown(record, &output) }),
            Made::Failed(step, message) => json!({ "error": { "step": step, "message": message } }),
        })
        .collect();
    Ok(Json(json!({ "rows": rows })))
}

/// Try a transformation on one record.
#[utoipa::path(post, path = "/v1/transformations", tag = "pipelines", request_body = TransformationBody, responses((status = 200, description = "`{data}`"), (status = 422, description = "TransformationFailed, UnsupportedLanguage")), security(("key" = [])))]
pub async fn transformation(
    State(app): State<App>,
    Admin(_actor): Admin,
    body: Members,
) -> Answer<Json<Value>> {
    match body.text("purpose")? {
        None | Some("Import" | "Create" | "Update") => {}
        Some(_) => return Err(bad_request("`purpose` must be \"Import\", \"Create\" or \"Update\"")),
    }
    let data = body.get("data").ok_or_else(|| bad_request("`data` is missing: a record"))?;
    let trial = Trial::of(&app, &body.0).await?;
    let record = trial.record(data)?;
    let output = Arc::clone(&trial.output);
    match made(&app, trial, vec![record]).await?.pop() {
        Some(Made::Record(record)) => Ok(Json(json!({ "data": shown(&record, &output) }))),
        Some(Made::Failed(_, message)) => Err(unprocessable("TransformationFailed", message)),
        _ => Ok(Json(json!({ "data": {} }))),
    }
}

/// The languages that functions can be written in.
#[utoipa::path(get, path = "/v1/system/transformations/languages", tag = "pipelines", responses((status = 200, description = "`{languages}`")), security(("key" = [])))]
pub async fn languages(State(app): State<App>, Reader(_actor): Reader, _none: NoBody) -> Answer<Json<Value>> {
    let languages = app.languages().await;
    let names: Vec<&str> = languages.iter().map(|language| language.name()).collect();
    Ok(Json(json!({ "languages": names })))
}
