//! Exports of a module or a report: at once where there are few records, else as a job.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dray_formats::{Format, writer};
use dray_model::catalog::Job;
use dray_model::object::{Object, SystemColumn};
use dray_model::value::append_date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::export_jobs::{view, with_charset};
use super::names::{module, module_slug, stored, unknown_field};
use crate::clock;
use crate::http::access::{Actor, Admin};
use crate::http::answer::{Answer, Failure};
use crate::http::body::JsonBody;
use crate::http::links::base_url;
use crate::http::lists::short;
use crate::http::stream;
use crate::operations::export::Export;
use crate::operations::export_job::{ExportJob, KIND};
use crate::operations::objects::KnownObjects;
use crate::operations::reports::{self, Report};
use crate::server::app::App;
use crate::server::queue::new_job;

/// The most records of an export.
const MOST_RECORDS: u64 = 100_000;
/// The most records that are answered at once.
const MOST_DIRECT: u64 = 10_000;
/// The most fields, and the longest text of a title.
const MOST_COLUMNS: usize = 2_000;
const TEXT_LETTERS: usize = 2_000;
const MICROS_PER_DAY: i64 = 24 * 3600 * 1_000_000;

/// What to export.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ModulesExport)]
pub struct ExportBody {
    /// `csv` or `pdf`.
    format: String,
    /// How.
    config: Option<ExportConfig>,
    /// True for an export job whatever the number of records.
    #[serde(rename = "async")]
    in_background: Option<bool>,
}

/// How to export.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportConfig {
    /// Fields; name, owner and dates where they are left out.
    columns: Option<Vec<String>>,
    /// Field → header.
    column_labels: Option<BTreeMap<String, String>>,
    /// False leaves the header out.
    include_headers: Option<bool>,
    /// `YYYY-MM-DD`, `DD.MM.YYYY HH:mm` …, or a strftime format.
    date_format: Option<String>,
    /// The heading of a PDF.
    title: Option<String>,
    /// A sentence below it.
    description: Option<String>,
    /// The field to sort by; createdDateTime where it is left out.
    sort_field: Option<String>,
    /// `asc` or `desc`.
    sort_direction: Option<String>,
    /// The most records, up to 100,000.
    limit: Option<u64>,
}

/// What an export job is about.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportJobBody {
    /// The module …
    module: Option<String>,
    /// … or the report.
    report_id: Option<String>,
    /// Either of them, as jobs are listed: `mod_contacts`, `rpt_…`.
    source_id: Option<String>,
    #[serde(flatten)]
    #[schema(inline)]
    export: ExportBody,
}

/// Export records of a module as CSV or PDF. More than 10,000 records, or `"async": true`, become an export job (202).
#[utoipa::path(
    post, path = "/v1/modules/{module}/export", tag = "modules",
    params(("module" = String, Path)),
    request_body = ExportBody,
    responses(
        (status = 200, description = "The file"),
        (status = 202, description = "An export job"),
        (status = 400, description = "VALIDATION_ERROR, UNKNOWN_FIELD"),
        (status = 403, description = "PERMISSION_DENIED"),
        (status = 404, description = "MODULE_NOT_FOUND"),
    ),
    security(("key" = []))
)]
pub async fn export_module(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(name): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<ExportBody>,
) -> Answer<Response> {
    let known = app.objects(actor.organization()).await?;
    let object = module(&known, &name)?;
    run(app, actor, &headers, Wanted { object, report: None, body, is_job: false }).await
}

/// Export the results of a saved report as CSV or PDF.
#[utoipa::path(
    post, path = "/v1/reports/{report_id}/export", tag = "modules",
    params(("report_id" = String, Path)),
    request_body = ExportBody,
    responses(
        (status = 200, description = "The file"),
        (status = 202, description = "An export job"),
        (status = 400, description = "VALIDATION_ERROR, UNKNOWN_FIELD"),
        (status = 404, description = "REPORT_NOT_FOUND"),
    ),
    security(("key" = []))
)]
pub async fn export_report(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<ExportBody>,
) -> Answer<Response> {
    let (object, report) = find_report(&app, &actor, id).await?;
    run(app, actor, &headers, Wanted { object, report: Some(report), body, is_job: false }).await
}

/// Begin an export job of a module or a report, whatever the number of records.
#[utoipa::path(
    post, path = "/v1/export-jobs", tag = "modules",
    request_body = ExportJobBody,
    responses((status = 202, description = "An export job"), (status = 404, description = "MODULE_NOT_FOUND, REPORT_NOT_FOUND")),
    security(("key" = []))
)]
pub async fn create_job(
    State(app): State<App>,
    Admin(actor): Admin,
    headers: HeaderMap,
    JsonBody(body): JsonBody<ExportJobBody>,
) -> Answer<Response> {
    let is_report = |id: &String| id.starts_with("rpt_");
    let report_id = body.report_id.or_else(|| body.source_id.clone().filter(is_report));
    if let Some(id) = report_id {
        let (object, report) = find_report(&app, &actor, id).await?;
        let wanted = Wanted { object, report: Some(report), body: body.export, is_job: true };
        return run(app, actor, &headers, wanted).await;
    }
    let name = body.module.or(body.source_id).ok_or_else(|| {
        Failure::validation("the request names nothing to export: send module, reportId or sourceId")
    })?;
    let known = app.objects(actor.organization()).await?;
    let object = module(&known, &name)?;
    run(app, actor, &headers, Wanted { object, report: None, body: body.export, is_job: true }).await
}

async fn find_report(app: &App, actor: &Actor, id: String) -> Answer<(Arc<Object>, Report)> {
    let found = app.run(actor.organization(), move |session| {
        let known = KnownObjects::load(session)?;
        let shown = short(&id);
        let Some(report) = reports::find(session, &id)? else {
            let message = format!("Report not found: there is no report `{shown}`");
            return Ok(Err(Failure::not_found(message).code("REPORT_NOT_FOUND")));
        };
        known.named(&report.object).map(|object| Ok((object, report)))
    });
    found.await?
}

struct Wanted {
    object: Arc<Object>,
    report: Option<Report>,
    body: ExportBody,
    is_job: bool,
}

async fn run(app: App, actor: Actor, headers: &HeaderMap, wanted: Wanted) -> Answer<Response> {
    let mut asked = job_of(&wanted)?;
    let object = wanted.object;
    let planned = asked.plan(&object)?;
    check_date_format(&planned)?;
    let is_job = wanted.is_job || wanted.body.in_background == Some(true);
    let counted = app
        .run(actor.organization(), move |session| {
            session.prepare_object(&planned.object)?;
            let known = session.estimated_records(&planned.object)?;
            let most = planned.query.limit.unwrap_or(MOST_RECORDS);
            let filter = planned.query.filter.as_ref();
            let count = if is_job {
                0
            } else {
                session.count_records(&planned.object, filter, most.min(MOST_DIRECT + 1))?
            };
            Ok((planned, count, known.min(most)))
        })
        .await;
    let (planned, count, expected) = counted?;
    let details = json!({
        "format": asked.format, "fields": asked.fields, "filters": asked.filters, "limit": asked.limit,
    });
    app.audit(actor.organization(), actor.entry("modules.export", asked.source_id.clone(), details)).await;
    if is_job || count > MOST_DIRECT {
        asked.expected = Some(expected.max(count));
        let now = clock::now();
        let mut job = new_job(KIND, object.name(), &asked, &actor.name, now)?;
        job.expires_at = Some(app.settings().imports_kept_until(now));
        let job: Job = app.submit(actor.organization(), job).await?;
        let told: Value = view(&base_url(&app, headers), actor.organization(), &job)?;
        return Ok((StatusCode::ACCEPTED, Json(told)).into_response());
    }
    let format = planned.format;
    let body = stream::stream(&app, actor.organization(), planned).await?;
    let file = format!("attachment; filename=\"{}\"", asked.file_name);
    let headers = [(header::CONTENT_TYPE, with_charset(format)), (header::CONTENT_DISPOSITION, file)];
    Ok((StatusCode::OK, headers, body).into_response())
}

/// A date format is refused before the first byte and before the job.
fn check_date_format(planned: &Export) -> Answer<()> {
    if planned.options.date_format.is_some() {
        writer(planned.format, planned.output.clone(), &planned.options, Box::new(std::io::sink()))?;
    }
    Ok(())
}

/// What is asked for, in the terms of an export job.
fn job_of(wanted: &Wanted) -> Answer<ExportJob> {
    let (object, report) = (&wanted.object, wanted.report.as_ref());
    let none = ExportConfig::default();
    let config = wanted.body.config.as_ref().unwrap_or(&none);
    let format = match wanted.body.format.trim().to_ascii_lowercase().as_str() {
        "csv" => Format::Csv,
        "pdf" => Format::Pdf,
        other => {
            let shown = short(other);
            return Err(Failure::validation(format!("`{shown}` is no export format: use csv or pdf")));
        }
    };
    let columns = config.columns.clone().unwrap_or_default();
    let labels = config.column_labels.clone().unwrap_or_default();
    if columns.len().max(labels.len()) > MOST_COLUMNS {
        return Err(Failure::validation(format!("an export has at most {MOST_COLUMNS} columns")));
    }
    let texts = [&config.title, &config.description, &config.date_format];
    if texts.into_iter().flatten().chain(labels.values()).any(|text| text.chars().count() > TEXT_LETTERS) {
        return Err(Failure::validation(format!("titles and labels have at most {TEXT_LETTERS} letters")));
    }
    let mut fields = Vec::new();
    for name in &columns {
        object.find_columns(stored(name)).ok_or_else(|| unknown_field(object, name))?;
        fields.push(stored(name).to_owned());
    }
    if fields.is_empty() {
        fields = report.map(|report| report.fields.clone()).unwrap_or_default();
    }
    if fields.is_empty() {
        fields = usual_fields(object);
    }
    let mut named: Vec<(String, String)> = Vec::new();
    if format == Format::Pdf {
        named = fields.iter().map(|field| (field.clone(), people_label(object, field))).collect();
    }
    for (name, label) in labels {
        object.find_columns(stored(&name)).ok_or_else(|| unknown_field(object, &name))?;
        named.push((stored(&name).to_owned(), label));
    }
    let limit = match config.limit.or(report.and_then(|report| report.limit)) {
        None => MOST_RECORDS,
        Some(limit) if config.limit.is_none() => limit.clamp(1, MOST_RECORDS),
        Some(limit) if (1..=MOST_RECORDS).contains(&limit) => limit,
        Some(limit) => {
            return Err(Failure::validation(format!(
                "`{limit}` is no limit: use a number from 1 to {MOST_RECORDS}"
            )));
        }
    };
    let today = clock::now().div_euclid(MICROS_PER_DAY);
    let mut date = String::new();
    append_date(today, &mut date);
    let is_pdf = format == Format::Pdf;
    let usual_title = report.map_or(&object.definition.label, |report| &report.name);
    let stem = report.map_or_else(|| module_slug(object).to_owned(), |report| file_stem(&report.name));
    Ok(ExportJob {
        source_id: report.map_or_else(|| format!("mod_{}", module_slug(object)), |report| report.id.clone()),
        source_type: if report.is_some() { "report" } else { "module" }.to_owned(),
        format: format.word().to_owned(),
        file_name: format!("{stem}-export-{date}.{}", format.extension()),
        fields,
        labels: named,
        // What a format has no use for is left out, as one configuration serves both.
        header: config.include_headers.filter(|_| !is_pdf),
        filters: report.and_then(|report| report.filters.clone()),
        sort: vec![sort_of(object, config, report)?],
        limit: Some(limit),
        date_format: config.date_format.as_deref().map(strftime),
        title: is_pdf.then(|| config.title.clone().unwrap_or_else(|| usual_title.clone())),
        description: config.description.clone().filter(|_| is_pdf),
        ..ExportJob::default()
    })
}

/// The field sorted by, and whether the largest comes first.
fn sort_of(object: &Object, config: &ExportConfig, report: Option<&Report>) -> Answer<(String, bool)> {
    let field = config.sort_field.as_ref().or(report.and_then(|report| report.sort_by.as_ref()));
    let direction = config.sort_direction.as_ref().or(report.and_then(|report| report.sort_dir.as_ref()));
    let descending = match direction.map(String::as_str) {
        // The newest first, and names from A to Z.
        None => field.is_none(),
        Some("asc") => false,
        Some("desc") => true,
        Some(other) => {
            let shown = short(other);
            return Err(Failure::validation(format!("`{shown}` is no sort direction: use asc or desc")));
        }
    };
    let Some(name) = field else { return Ok(("created_at".to_owned(), descending)) };
    let columns = object.find_columns(stored(name)).ok_or_else(|| unknown_field(object, name))?;
    // A phone number is sorted by its usual type, an address by its street.
    let column = dray_engine::map::single_column(object, stored(name)).ok().or(columns.first().copied());
    let column = column.map_or(stored(name), |column| object.columns[column].name.as_str());
    Ok((column.to_owned(), descending))
}

/// What is exported unless told otherwise: what names a record, its owner, and its dates.
fn usual_fields(object: &Object) -> Vec<String> {
    let naming = object.naming_column().map(|column| object.columns[column].name.clone());
    let owner = object.field("owner").map(|field| field.definition.name.clone());
    let first = naming.unwrap_or_else(|| "id".to_owned());
    std::iter::once(first).chain(owner).chain(["created_at".to_owned(), "updated_at".to_owned()]).collect()
}

/// The heading of a column for people.
fn people_label(object: &Object, name: &str) -> String {
    let columns = object.find_columns(name).unwrap_or_default();
    let Some(&column) = columns.first() else { return name.to_owned() };
    match object.columns[column].system {
        Some(SystemColumn::CreatedAt) => "Created".to_owned(),
        Some(SystemColumn::UpdatedAt) => "Updated".to_owned(),
        Some(_) => object.label_of(&object.columns[column].name),
        None if columns.len() > 1 => {
            object.field_of(column).map_or_else(String::new, |field| object.label_of(&field.definition.name))
        }
        None => match (&object.columns[column].part, object.field_of(column)) {
            (Some(part), Some(field)) => format!("{} {part}", object.label_of(&field.definition.name)),
            _ => object.label_of(&object.columns[column].name),
        },
    }
}

/// A name as the beginning of a file's: letters, digits and dashes.
fn file_stem(name: &str) -> String {
    let words: Vec<String> = name
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let stem: String = words.join("-").chars().take(80).collect();
    if stem.is_empty() { "report".to_owned() } else { stem }
}

/// A date format in the letters most programs use (`YYYY-MM-DD HH:mm`) as strftime; one with `%` is that already.
fn strftime(format: &str) -> String {
    const LETTERS: [(&str, &str); 17] = [
        ("YYYY", "%Y"),
        ("yyyy", "%Y"),
        ("MMMM", "%B"),
        ("MMM", "%b"),
        ("YY", "%y"),
        ("yy", "%y"),
        ("MM", "%m"),
        ("DD", "%d"),
        ("dd", "%d"),
        ("HH", "%H"),
        ("hh", "%I"),
        ("mm", "%M"),
        ("ss", "%S"),
        ("A", "%p"),
        ("a", "%p"),
        ("D", "%e"),
        ("d", "%e"),
    ];
    if format.contains('%') {
        return format.to_owned();
    }
    let mut out = String::new();
    let mut rest = format;
    while let Some(letter) = rest.chars().next() {
        match LETTERS.iter().find(|(letters, _)| rest.starts_with(letters)) {
            Some((letters, field)) => {
                out.push_str(field);
                rest = rest.get(letters.len()..).unwrap_or_default();
            }
            None => {
                out.push(letter);
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_formats_of_most_programs() {
        assert_eq!(strftime("YYYY-MM-DD"), "%Y-%m-%d");
        assert_eq!(strftime("DD.MM.YY HH:mm:ss"), "%d.%m.%y %H:%M:%S");
        assert_eq!(strftime("MMM D, YYYY"), "%b %e, %Y");
        assert_eq!(strftime("%d/%m/%Y"), "%d/%m/%Y");
        assert_eq!(file_stem("Q4: Sales / Report"), "q4-sales-report");
        assert_eq!(file_stem("…"), "report");
    }
}
