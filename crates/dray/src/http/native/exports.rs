//! Exports: the records a selection finds, as a file of any format, streamed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dray_formats::{Compression, Format, FormulaGuard, WriteOptions};
use dray_model::catalog::Job;
use dray_model::object::Object;
use dray_model::query::Query as RecordQuery;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::shapes::{attachment, object_of, short};
use crate::clock;
use crate::http::access::{Actor, Admin};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{Path, Query};
use crate::http::stream;
use crate::operations::export::{Export, exported_columns, output_column};
use crate::operations::export_job::{ExportJob, KIND};
use crate::operations::selection::SelectionRequest;
use crate::server::app::App;
use crate::server::queue::new_job;

/// The longest title or description.
const TITLE_LETTERS: usize = 500;

/// What to export, and as what.
#[derive(Debug, Clone, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// csv (default), tsv, json, jsonl, xlsx, parquet or pdf.
    pub(super) format: Option<String>,
    /// Comma-separated field names.
    fields: Option<String>,
    /// Field to filter on.
    filter_field: Option<String>,
    /// Filter operator: eq, contains, gte …
    filter_operator: Option<String>,
    /// Filter value.
    filter_value: Option<String>,
    /// A FilterGroup as JSON.
    filters: Option<String>,
    /// Words that must all stand somewhere in the record's texts.
    search: Option<String>,
    /// `field`, `field:desc`, with commas.
    sort: Option<String>,
    /// The most records; all where it is left out.
    limit: Option<String>,
    /// `on` (default for csv, tsv and xlsx) puts an apostrophe before text that a spreadsheet program would run; `off`.
    pub(super) formula_guard: Option<String>,
    /// `labels` heads columns with the fields' labels; `names` (default).
    header: Option<String>,
    /// `gzip`, `zip` or `zstd`.
    compression: Option<String>,
    /// `;`, `tab` …: what stands between the cells of a CSV file.
    delimiter: Option<String>,
    /// `true` puts a byte-order mark in front of a CSV file, by which Excel knows UTF-8.
    bom: Option<bool>,
    /// The heading of a PDF, the name of a sheet.
    title: Option<String>,
    /// The form of dates in CSV and PDF files: `%d.%m.%Y`.
    date_format: Option<String>,
}

impl ExportQuery {
    /// What a report exports.
    pub(super) fn of_report(
        selection: SelectionRequest,
        limit: Option<u64>,
        format: Option<String>,
        formula_guard: Option<String>,
        title: &str,
    ) -> Self {
        let format_of = format.as_deref().and_then(Format::from_name);
        let has_title = matches!(format_of, Some(Format::Xlsx | Format::Pdf));
        Self {
            format,
            fields: selection.fields,
            filter_field: None,
            filter_operator: None,
            filter_value: None,
            filters: selection.filters,
            search: None,
            sort: selection.sort,
            limit: limit.map(|limit| limit.to_string()),
            formula_guard,
            header: None,
            compression: None,
            delimiter: None,
            bom: None,
            title: has_title.then(|| title.to_owned()),
            date_format: None,
        }
    }

    /// Reads what is asked for.
    pub(super) fn export(&self, object: &Arc<Object>) -> Answer<Export> {
        let selection = SelectionRequest {
            fields: self.fields.clone(),
            filter_field: self.filter_field.clone(),
            filter_operator: self.filter_operator.clone(),
            filter_value: self.filter_value.clone(),
            filters: self.filters.clone(),
            search: self.search.clone(),
            sort: self.sort.clone(),
        }
        .read(object)?;
        let limit = match self.limit.as_deref() {
            None => None,
            Some(text) => Some(text.parse().ok().filter(|&limit| limit > 0).ok_or_else(|| {
                Failure::validation(format!("`{}` is no limit: use a whole number", short(text)))
            })?),
        };
        let has_labels = match self.header.as_deref() {
            None | Some("names") => false,
            Some("labels") => true,
            Some(other) => return Err(wrong("header", other, "names or labels")),
        };
        let columns = if selection.columns.is_empty() { exported_columns(object) } else { selection.columns };
        let output = columns.iter().map(|&column| output_column(object, column, has_labels)).collect();
        let query = RecordQuery { filter: selection.filter, sort: selection.sort, limit };
        let (format, options) = self.writing()?;
        Ok(Export { object: Arc::clone(object), query, columns, output, format, options })
    }

    /// The format and how it is written.
    pub(super) fn writing(&self) -> Answer<(Format, WriteOptions)> {
        let name = self.format.as_deref().unwrap_or("csv");
        let format = Format::from_name(name)
            .filter(|format| format.can_write())
            .ok_or_else(|| wrong("format", name, "csv, tsv, json, jsonl, xlsx, parquet or pdf"))?;
        // Only spreadsheet programs run text; for all else the guard means nothing.
        let is_for_spreadsheets = format.is_delimited() || format == Format::Xlsx;
        let formula_guard = match self.formula_guard.as_deref() {
            None | Some("on" | "off") if !is_for_spreadsheets => WriteOptions::default().formula_guard,
            None | Some("on") => FormulaGuard::On,
            Some("off") => FormulaGuard::Off,
            Some(other) => return Err(wrong("formula_guard", other, "on or off")),
        };
        let compression = match self.compression.as_deref() {
            None | Some("none") => None,
            Some("gzip") => Some(Compression::Gzip),
            Some("zip") => Some(Compression::Zip),
            Some("zstd") => Some(Compression::Zstd),
            Some(other) => return Err(wrong("compression", other, "gzip, zip or zstd")),
        };
        let mut options = WriteOptions { formula_guard, compression, ..WriteOptions::default() };
        options.text.delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("tab" | "\t") => Some(b'\t'),
            Some(text) => match text.as_bytes() {
                &[delimiter] if delimiter.is_ascii_punctuation() => Some(delimiter),
                _ => return Err(wrong("delimiter", text, "one character, or tab")),
            },
        };
        options.text.byte_order_mark = self.bom.unwrap_or(false);
        for text in [&self.title, &self.date_format].into_iter().flatten() {
            if text.chars().count() > TITLE_LETTERS {
                return Err(Failure::validation(format!("a title has at most {TITLE_LETTERS} letters")));
            }
        }
        options.title = self.title.clone();
        options.date_format = self.date_format.clone();
        Ok((format, options))
    }
}

fn wrong(name: &str, text: &str, right: &str) -> Failure {
    Failure::validation(format!("`{name}` cannot be `{}`: use {right}", short(text)))
}

/// The kind of a file as HTTP names it.
fn media_type(format: Format, compression: Option<Compression>) -> &'static str {
    match (compression, format) {
        (Some(Compression::Gzip), _) => "application/gzip",
        (Some(Compression::Zip), _) => "application/zip",
        (Some(_), _) => "application/zstd",
        (None, Format::Csv) => "text/csv; charset=utf-8",
        (None, Format::Tsv) => "text/tab-separated-values; charset=utf-8",
        (None, Format::Json) => "application/json",
        (None, Format::Jsonl) => "application/x-ndjson",
        (None, Format::Xlsx) => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        (None, Format::Pdf) => "application/pdf",
        (None, _) => "application/vnd.apache.parquet",
    }
}

/// Sends an export as a file.
pub(super) async fn send(app: &App, actor: &Actor, name: &str, export: Export) -> Answer<Response> {
    let ending = export.options.compression.map_or("", Compression::ending);
    let name = format!("{name}.{}{ending}", export.format.extension());
    let headers = attachment(media_type(export.format, export.options.compression), &name);
    let body = stream::stream(app, actor.organization(), export).await?;
    Ok((StatusCode::OK, headers, body).into_response())
}

/// Begins an export in the background, whose file is kept; the job.
pub async fn begin(app: &App, Admin(actor): &Admin, object: &Arc<Object>, asked: ExportJob) -> Answer<Job> {
    // Whatever is wrong with it is told now.
    asked.plan(object)?;
    let now = clock::now();
    let job = new_job(KIND, object.name(), &asked, &actor.name, now)?;
    let job = app.submit(actor.organization(), job).await?;
    let details = json!({
        "job": job.id, "source": asked.source_id, "format": asked.format, "fields": asked.fields,
        "filters": asked.filters, "limit": asked.limit,
    });
    app.audit(actor.organization(), actor.entry("records.export", object.name(), details)).await;
    Ok(job)
}

/// Export records as a file: all of them, or those a view shows.
#[utoipa::path(get, path = "/api/v1/objects/{object}/export", tag = "records", params(("object" = String, Path), ExportQuery), responses((status = 200, description = "The file"), (status = 400), (status = 404)), security(("key" = [])))]
pub async fn export(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(object): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Answer<Response> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &object)?;
    let export = query.export(&object)?;
    let name = object.name().to_owned();
    app.audit(actor.organization(), actor.entry("records.export", name.clone(), json!({ "query": query })))
        .await;
    send(&app, &actor, &name, export).await
}
