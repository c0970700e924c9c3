//! `…/data-io/jobs`: what waits, what runs and how far it is, what came of it, and links to files.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use dray_model::catalog::{Job, JobQuery, JobStatus, Session};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::access::Admin;
use crate::clock;
use crate::http::access::Actor;
use crate::http::answer::{Answer, Failure};
use crate::http::body::{Path, Query};
use crate::http::links::{base_url, link_to};
use crate::http::lists::{before_of, limit_of, next_cursor, short};
use crate::operations::export_job::ExportResult;
use crate::operations::import_job::ImportResult;
use crate::operations::ledger::time;
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};
use crate::server::webhooks::cancel_job;

/// A job's number as this door writes it.
const PREFIX: &str = "job_";

/// What an address names beside the organization.
#[derive(Debug, Deserialize)]
pub struct JobPath {
    job: String,
}

/// 202 with a new job.
pub(super) fn accepted(job: &Job) -> (StatusCode, Json<Value>) {
    let answer = json!({ "jobId": format!("{PREFIX}{}", job.id), "status": job.status.word() });
    (StatusCode::ACCEPTED, Json(answer))
}

fn no_such_job(id: &str) -> Failure {
    Failure::not_found(format!("there is no job `{}`", short(id))).code("JOB_NOT_FOUND")
}

/// The file of a job that is there to be fetched.
fn file_of(session: &mut dyn Session, job: &Job) -> dray_model::Result<Option<StoredFile>> {
    let id = match job.kind.as_str() {
        "export" => ExportResult::parse(job.result.as_deref()).map(|result| result.file),
        _ => ImportResult::parse(job.result.as_deref()).failed_file,
    };
    let Some(id) = id else { return Ok(None) };
    let now = session.time()?;
    Ok(Files::find(session, &id)?.filter(|file| file.expires_at > now))
}

async fn found(app: &App, organization: &str, id: &str) -> Answer<(Job, Option<StoredFile>)> {
    let number: Option<i64> = id.strip_prefix(PREFIX).unwrap_or(id).parse().ok().filter(|&number| number > 0);
    let number = number.ok_or_else(|| no_such_job(id))?;
    let found = app.run(organization, move |session| {
        let Some(job) = session.find_job(number)? else { return Ok(None) };
        let file = file_of(session, &job)?;
        Ok(Some((job, file)))
    });
    found.await?.ok_or_else(|| no_such_job(id))
}

/// How far a job is, in per cent.
fn percent(job: &Job) -> u64 {
    if job.status == JobStatus::Completed {
        return 100;
    }
    let progress: Value =
        job.progress.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let number = |name: &str| progress[name].as_u64().unwrap_or(0);
    let done = if job.kind == "export" { number("rows") } else { number("bytes") };
    match number("total") {
        0 => 0,
        total => (done.saturating_mul(100) / total).min(99),
    }
}

/// What came of a job, without what is for this server only.
fn result_of(job: &Job) -> Option<Value> {
    let result: Map<String, Value> = serde_json::from_str(job.result.as_deref()?).ok()?;
    let hidden = ["file", "failed_file", "expires_at"];
    Some(Value::Object(result.into_iter().filter(|(name, _)| !hidden.contains(&name.as_str())).collect()))
}

/// A job as this door shows it.
async fn shown(app: &App, actor: &Actor, base: &str, job: &Job, file: Option<&StoredFile>) -> Answer<Value> {
    let mut out = json!({
        "jobId": format!("{PREFIX}{}", job.id), "kind": job.kind, "resource": job.object,
        "status": job.status.word(), "progress": percent(job), "createdAt": time(job.created_at),
        "startedAt": job.started_at.map(time), "completedAt": job.finished_at.map(time),
    });
    let Value::Object(members) = &mut out else { return Ok(out) };
    // Of one that is begun again, the last reason is no error yet.
    if let (Some(error), JobStatus::Failed) = (&job.error, job.status) {
        members.insert("error".to_owned(), json!({ "code": "JOB_FAILED", "message": error }));
    }
    if let Some(result) = result_of(job) {
        members.insert("result".to_owned(), result);
    }
    if let Some(file) = file {
        let (url, until) = link_to(app, base, Method::GET, actor, file).await?;
        let name = if job.kind == "export" { "downloadUrl" } else { "failedRowsUrl" };
        members.insert(name.to_owned(), json!(url));
        members.insert(format!("{name}ExpiresAt"), json!(time(until)));
    }
    Ok(out)
}

/// How far a job is, and what came of it.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/data-io/jobs/{job}", tag = "data-io",
    params(("org" = String, Path), ("job" = String, Path)),
    responses(
        (status = 200, description = "`{jobId, kind, resource, status, progress, downloadUrl?, error?, result?}`"),
        (status = 403, description = "PERMISSION_DENIED, PLAN_REQUIRED"),
        (status = 404, description = "JOB_NOT_FOUND"),
    ),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(path): Path<JobPath>,
    headers: HeaderMap,
) -> Answer<Json<Value>> {
    let (job, file) = found(&app, actor.organization(), &path.job).await?;
    let base = base_url(&app, &headers);
    shown(&app, &actor, &base, &job, file.as_ref()).await.map(Json)
}

/// Which jobs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct JobsQuery {
    /// Only of this kind: import, export.
    kind: Option<String>,
    /// 1 to 1000; 100 where it is left out.
    limit: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// List jobs, the newest first.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/data-io/jobs", tag = "data-io",
    params(("org" = String, Path), JobsQuery),
    responses(
        (status = 200, description = "`{jobs, nextCursor}`"), (status = 400),
        (status = 403, description = "PERMISSION_DENIED, PLAN_REQUIRED"), (status = 404),
    ),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<App>,
    Admin(actor): Admin,
    Query(query): Query<JobsQuery>,
    headers: HeaderMap,
) -> Answer<Json<Value>> {
    let limit = limit_of(query.limit.as_deref())?;
    let wanted =
        JobQuery { kind: query.kind, object: None, before: before_of(query.cursor.as_deref())?, limit };
    let found = app.run(actor.organization(), move |session| {
        let jobs = session.list_jobs(&wanted)?;
        let mut found = Vec::with_capacity(jobs.len());
        for job in jobs {
            let file = file_of(session, &job)?;
            found.push((job, file));
        }
        Ok(found)
    });
    let found = found.await?;
    let next = next_cursor(found.last().map(|(job, _)| job.id), found.len(), limit);
    let base = base_url(&app, &headers);
    let mut jobs = Vec::with_capacity(found.len());
    for (job, file) in &found {
        jobs.push(shown(&app, &actor, &base, job, file.as_ref()).await?);
    }
    Ok(Json(json!({ "jobs": jobs, "nextCursor": next })))
}

/// A new link to the file of a job, for another half hour.
#[utoipa::path(
    method(get, post), path = "/api/v1/orgs/{org}/data-io/jobs/{job}/download", tag = "data-io",
    params(("org" = String, Path), ("job" = String, Path)),
    responses(
        (status = 200, description = "`{downloadUrl, expiresAt}`"),
        (status = 403, description = "PERMISSION_DENIED, PLAN_REQUIRED"),
        (status = 404, description = "JOB_NOT_FOUND"),
        (status = 409, description = "JOB_NOT_COMPLETED"),
        (status = 410, description = "FILE_GONE"),
    ),
    security(("key" = []))
)]
pub async fn download(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(path): Path<JobPath>,
    headers: HeaderMap,
) -> Answer<Json<Value>> {
    let id = path.job;
    let (job, file) = found(&app, actor.organization(), &id).await?;
    if !job.status.is_final() {
        let message = format!("the job is {}: its file is there once it is completed", job.status.word());
        return Err(Failure::conflict(message).code("JOB_NOT_COMPLETED"));
    }
    let file = file.ok_or_else(|| {
        Failure::new(
            StatusCode::GONE,
            "FILE_GONE",
            "the job has no file, or its time is over: begin it again",
        )
    })?;
    let (url, until) = link_to(&app, &base_url(&app, &headers), Method::GET, &actor, &file).await?;
    app.audit(actor.organization(), actor.entry("data_io.download", id, json!({ "file": file.name }))).await;
    Ok(Json(json!({ "downloadUrl": url, "expiresAt": time(until) })))
}

/// Stop a job at the next checkpoint; one that waits is cancelled at once.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/data-io/jobs/{job}/cancel", tag = "data-io",
    params(("org" = String, Path), ("job" = String, Path)),
    responses(
        (status = 202, description = "The job"),
        (status = 403, description = "PERMISSION_DENIED, PLAN_REQUIRED"),
        (status = 404, description = "JOB_NOT_FOUND"),
        (status = 409, description = "It has ended"),
    ),
    security(("key" = []))
)]
pub async fn cancel(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(path): Path<JobPath>,
    headers: HeaderMap,
) -> Answer<(StatusCode, Json<Value>)> {
    let id = path.job;
    let (job, _) = found(&app, actor.organization(), &id).await?;
    let number = job.id;
    let (ours, slug) = (app.clone(), actor.organization().to_owned());
    let asked = app
        .run(actor.organization(), move |session| cancel_job(&ours, session, &slug, number, clock::now()))
        .await?;
    if !asked {
        return Err(Failure::conflict(format!(
            "the job is {}: nothing is left to cancel",
            job.status.word()
        )));
    }
    app.audit(actor.organization(), actor.entry("data_io.cancel", id.clone(), json!({}))).await;
    let (job, file) = found(&app, actor.organization(), &id).await?;
    let base = base_url(&app, &headers);
    let told = shown(&app, &actor, &base, &job, file.as_ref()).await?;
    Ok((StatusCode::ACCEPTED, Json(told)))
}
