//! Export jobs: how far they are, and their files.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use dray_formats::Format;
use dray_model::catalog::{Job, JobQuery, JobStatus, Session};
use serde_json::{Value, json};

use super::jobs::ListQuery;
use super::names::{number, time};
use crate::clock;
use crate::http::access::Admin;
use crate::http::answer::{Answer, Failure};
use crate::http::body::Query;
use crate::http::download::send_file;
use crate::http::links::base_url;
use crate::http::lists::short;
use crate::operations::export_job::{ExportJob, ExportResult, KIND, content_type};
use crate::server::app::App;
use crate::server::files::Files;

const MICROS_PER_DAY: i64 = 24 * 3600 * 1_000_000;

fn no_such_job(id: &str) -> Failure {
    let shown = short(id);
    Failure::not_found(format!(
        "Export job not found: there is no export job `{shown}`; jobs are kept for seven days"
    ))
    .code("EXPORT_JOB_NOT_FOUND")
}

fn find(session: &mut dyn Session, id: &str) -> Answer<Job> {
    let job = number("exp_", id).map(|number| session.find_job(number)).transpose()?.flatten();
    job.filter(|job| job.kind == KIND).ok_or_else(|| no_such_job(id))
}

/// The content type in the header of an answer.
pub(super) fn with_charset(format: Format) -> String {
    let plain = content_type(format);
    if format == Format::Csv { format!("{plain}; charset=utf-8") } else { plain.to_owned() }
}

/// An export job with all that is known of it.
pub(super) fn view(base_url: &str, organization: &str, job: &Job) -> dray_model::Result<Value> {
    let asked = ExportJob::parse(&job.request)?;
    let result = ExportResult::parse(job.result.as_deref());
    let rows =
        || -> Option<u64> { serde_json::from_str::<Value>(job.progress.as_deref()?).ok()?["rows"].as_u64() };
    let progress = match job.status {
        JobStatus::Completed => 100,
        _ => {
            let expected = asked.expected.filter(|expected| *expected > 0);
            expected.map_or(0, |expected| (rows().unwrap_or(0) * 100 / expected).min(99))
        }
    };
    let status = match job.status {
        JobStatus::Running => "processing",
        other => other.word(),
    };
    let expires_at = result.as_ref().map_or(job.created_at + MICROS_PER_DAY, |result| result.expires_at);
    let is_there = result.is_some() && expires_at > clock::now();
    Ok(json!({
        "exportJobId": format!("exp_{}", job.id),
        "accountId": format!("acc_{organization}"),
        "sourceId": asked.source_id,
        "sourceType": asked.source_type,
        "format": asked.format,
        "status": status,
        "progress": progress,
        "recordCount": result.as_ref().map(|result| result.records),
        "fileName": asked.file_name,
        "fileUrl": is_there.then(|| format!("{base_url}/v1/export-jobs/exp_{}/download", job.id)),
        "fileSizeBytes": result.as_ref().map(|result| result.bytes),
        "contentType": asked.format().map_or("application/octet-stream", content_type),
        "requestedDateTime": time(job.created_at),
        "completedDateTime": job.finished_at.map(time),
        "expiresDateTime": time(expires_at),
        "error": job.error,
    }))
}

/// List export jobs, the newest first.
#[utoipa::path(
    get, path = "/v1/export-jobs", tag = "modules",
    params(ListQuery),
    responses((status = 200, description = "`{jobs: [ExportJob]}`")),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<App>,
    Admin(actor): Admin,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Answer<Json<Value>> {
    let query = JobQuery { kind: Some(KIND.to_owned()), object: None, before: None, limit: query.limit()? };
    let (base, organization) = (base_url(&app, &headers), actor.organization().to_owned());
    let jobs = app.run(actor.organization(), move |session| {
        let jobs = session.list_jobs(&query)?;
        jobs.iter().map(|job| view(&base, &organization, job)).collect::<dray_model::Result<Vec<_>>>()
    });
    Ok(Json(json!({ "jobs": jobs.await? })))
}

/// How far an export job is.
#[utoipa::path(
    get, path = "/v1/export-jobs/{job_id}", tag = "modules",
    params(("job_id" = String, Path)),
    responses((status = 200, description = "ExportJob"), (status = 404, description = "EXPORT_JOB_NOT_FOUND")),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<Json<Value>> {
    let job = app.run(actor.organization(), move |session| Ok(find(session, &id))).await??;
    Ok(Json(view(&base_url(&app, &headers), actor.organization(), &job)?))
}

/// The file of an export job, for 24 hours after its completion.
#[utoipa::path(
    get, path = "/v1/export-jobs/{job_id}/download", tag = "modules",
    params(("job_id" = String, Path)),
    responses(
        (status = 200, description = "The file"),
        (status = 404, description = "EXPORT_JOB_NOT_FOUND"),
        (status = 409, description = "EXPORT_NOT_READY"),
        (status = 410, description = "EXPORT_EXPIRED"),
    ),
    security(("key" = []))
)]
pub async fn download(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let wanted = id.clone();
    let (job, file) = app
        .run(actor.organization(), move |session| {
            let job = match find(session, &wanted) {
                Ok(job) => job,
                Err(failure) => return Ok(Err(failure)),
            };
            let file = match ExportResult::parse(job.result.as_deref()) {
                Some(result) => Files::find(session, &result.file)?,
                None => None,
            };
            Ok(Ok((job, file)))
        })
        .await??;
    if job.status != JobStatus::Completed {
        let message = format!("the export is {}: its file is there once it is completed", job.status.word());
        return Err(Failure::conflict(message).code("EXPORT_NOT_READY"));
    }
    let gone = || Failure::new(StatusCode::GONE, "EXPORT_EXPIRED", "the file has expired: export again");
    let file = file.filter(|file| file.expires_at > clock::now()).ok_or_else(gone)?;
    let sent = send_file(&app, actor.organization(), &file, &headers).await?.ok_or_else(gone)?;
    app.audit(actor.organization(), actor.entry("modules.export.download", id, json!({ "file": file.name })))
        .await;
    Ok(sent)
}
