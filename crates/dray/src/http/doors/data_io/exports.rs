//! `POST …/data-io/export`: records of a resource into a file, by a worker.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dray_formats::{Compression, Format};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::access::{Admin, JsonText};
use super::filters::conditions;
use super::jobs::accepted;
use crate::clock;
use crate::http::answer::{Answer, Failure};
use crate::http::lists::short;
use crate::operations::export_job::{ExportJob, KIND};
use crate::operations::ledger::time;
use crate::server::app::App;
use crate::server::queue::new_job;

/// What can be exported.
const RESOURCES: [&str; 4] = ["profiles", "events", "analytics", "survey_responses"];
/// What an export can be.
const FORMATS: [Format; 3] = [Format::Csv, Format::Json, Format::Jsonl];

/// The body of an export.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DataIoExport)]
pub struct ExportBody {
    /// profiles, events, analytics or survey_responses.
    resource: String,
    /// csv (default), json (an array) or jsonl.
    format: Option<String>,
    /// `from` and `to` (inclusive dates, UTC), and fields with the values they shall have:
    /// `{"from": "2026-04-01", "name": "signup", "value": {"operator": "gt", "value": 3}}`; or a group of
    /// conditions.
    #[serde(default)]
    #[schema(value_type = Object)]
    filters: Map<String, Value>,
    /// Only these fields, in this order; all where they are left out.
    #[serde(default)]
    fields: Vec<String>,
    /// `gzip`, `zip` or `zstd`.
    compression: Option<String>,
    /// Where to tell that the job has ended, beside the organization's webhooks.
    #[serde(rename = "webhookUrl")]
    webhook_url: Option<String>,
}

/// 400 for a resource this direction does not have.
pub(super) fn invalid_resource(given: &str, resources: &[&str]) -> Failure {
    let shown = short(given);
    Failure::validation(format!("`{shown}` is no resource here: use {}", resources.join(", ")))
        .code("INVALID_RESOURCE")
}

/// The format of this name; 400 for one this direction (`an export`, `an import`) does not have.
pub(super) fn format_of(asked: &str, formats: &[Format], direction: &str) -> Answer<Format> {
    let format = Format::from_name(&asked.trim().to_ascii_lowercase());
    format.filter(|format| formats.contains(format)).ok_or_else(|| {
        let words: Vec<&str> = formats.iter().map(|format| format.extension()).collect();
        let words = words.join(", ");
        Failure::validation(format!("`{}` is no format of {direction}: use {words}", short(asked)))
            .code("INVALID_FORMAT")
    })
}

/// Begin an export: the answer tells the job, which tells the link to the file once it is complete.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/data-io/export", tag = "data-io",
    params(("org" = String, Path, description = "The organization's name or number")),
    request_body = ExportBody,
    responses(
        (status = 202, description = "`{jobId, status}`"),
        (status = 400, description = "INVALID_RESOURCE, INVALID_FORMAT, VALIDATION_ERROR"),
        (status = 403, description = "PERMISSION_DENIED, PLAN_REQUIRED"),
        (status = 404),
    ),
    security(("key" = []))
)]
pub async fn export(
    State(app): State<App>,
    Admin(actor): Admin,
    JsonText(body): JsonText<ExportBody>,
) -> Answer<(StatusCode, Json<Value>)> {
    let resource = body.resource.trim().to_owned();
    if !RESOURCES.contains(&resource.as_str()) {
        return Err(invalid_resource(&resource, &RESOURCES));
    }
    let format = format_of(body.format.as_deref().unwrap_or("csv").trim(), &FORMATS, "an export")?;
    let packing = body.compression.as_deref().and_then(Compression::from_name);
    let ending = packing.map_or("", Compression::ending);
    let object = app.objects(actor.organization()).await?.named(&resource)?;
    let now = clock::now();
    let day = time(now).get(..10).unwrap_or_default().to_owned();
    let export = ExportJob {
        source_id: resource.clone(),
        source_type: "data-io".to_owned(),
        format: format.extension().to_owned(),
        compression: body.compression,
        file_name: format!("{resource}-{day}.{}{ending}", format.extension()),
        fields: body.fields,
        filters: conditions(&object, body.filters.clone())?,
        webhook_url: body.webhook_url,
        ..ExportJob::default()
    };
    // Whatever is wrong with it is told now.
    export.plan(&object)?;
    let job = new_job(KIND, object.name(), &export, &actor.name, now)?;
    let job = app.submit(actor.organization(), job).await?;
    let details = json!({
        "job": job.id, "resource": resource, "format": export.format, "filters": body.filters,
        "fields": export.fields,
    });
    app.audit(actor.organization(), actor.entry("data_io.export", resource, details)).await;
    Ok(accepted(&job))
}
