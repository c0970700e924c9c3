//! Jobs: what waits, what runs and how far it is, what came of it.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use dray_model::catalog::{Job, JobQuery, JobStatus};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::shapes::{before_of, limit_of, next_cursor, number_of, short};
use crate::clock;
use crate::http::access::{Actor, Admin};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{Path, Query};
use crate::operations::import_job::{self, ImportJob};
use crate::operations::job_words::job_json;
use crate::server::app::App;
use crate::server::webhooks::cancel_job;

/// Between two events.
const TICK: Duration = Duration::from_secs(1);

/// Which jobs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct JobsQuery {
    /// Only of this kind: import, export.
    kind: Option<String>,
    /// Only about this object.
    object: Option<String>,
    /// 1 to 1000; 100 where it is left out.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List jobs, the newest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobsQuery), responses((status = 200, description = "`{jobs, next_cursor}`")), security(("key" = [])))]
pub async fn list(
    State(app): State<App>,
    Admin(actor): Admin,
    Query(query): Query<JobsQuery>,
) -> Answer<Json<Value>> {
    let limit = limit_of(query.limit.as_deref())?;
    let before = before_of(query.cursor.as_deref())?;
    let asked = JobQuery { kind: query.kind, object: query.object, before, limit };
    let jobs = app.run(actor.organization(), move |session| session.list_jobs(&asked)).await?;
    let next = next_cursor(jobs.last().map(|job| job.id), jobs.len(), limit);
    Ok(Json(json!({ "jobs": jobs.iter().map(job_json).collect::<Vec<_>>(), "next_cursor": next })))
}

/// The job of an address.
pub async fn found(app: &App, organization: &str, id: &str) -> Answer<Job> {
    let number = number_of(id, "job")?;
    let found = app.run(organization, move |session| session.find_job(number)).await?;
    found.ok_or_else(|| Failure::not_found(format!("there is no job `{}`", short(id))))
}

/// One job: how far it is, what came of it.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)), responses((status = 200), (status = 404)), security(("key" = [])))]
pub async fn get(State(app): State<App>, Admin(actor): Admin, Path(id): Path<String>) -> Answer<Json<Value>> {
    Ok(Json(job_json(&found(&app, actor.organization(), &id).await?)))
}

/// Stop a job at the next checkpoint; one that waits is cancelled at once.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = String, Path)), responses((status = 202), (status = 404), (status = 409, description = "It has ended")), security(("key" = [])))]
pub async fn cancel(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<(StatusCode, Json<Value>)> {
    let job = stop(&app, &actor, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(job_json(&job))))
}

/// Stops a job; as it is then.
pub async fn stop(app: &App, actor: &Actor, id: &str) -> Answer<Job> {
    let job = found(app, actor.organization(), id).await?;
    let number = job.id;
    let (ours, slug) = (app.clone(), actor.organization().to_owned());
    let asked = app
        .run(actor.organization(), move |session| cancel_job(&ours, session, &slug, number, clock::now()))
        .await?;
    if !asked {
        return Err(Failure::conflict(format!("job {number} has ended: nothing is left to cancel")));
    }
    app.audit(actor.organization(), actor.entry("job.cancel", id, json!({}))).await;
    found(app, actor.organization(), id).await
}

/// Ask for a failed or cancelled job again, as a new job.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "jobs", params(("id" = String, Path)), responses((status = 202), (status = 404), (status = 409, description = "It has not failed")), security(("key" = [])))]
pub async fn retry(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<(StatusCode, Json<Value>)> {
    let job = again(&app, &actor, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(job_json(&job))))
}

/// Asks for a job again; the new one.
pub async fn again(app: &App, actor: &Actor, id: &str) -> Answer<Job> {
    let job = found(app, actor.organization(), id).await?;
    if !matches!(job.status, JobStatus::Failed | JobStatus::Cancelled) {
        return Err(Failure::conflict(format!(
            "job {} is {}: only what failed or was cancelled is tried again",
            job.id,
            job.status.word()
        )));
    }
    let request = going_on(&job)?;
    let request = RawValue::from_string(request)
        .map_err(|cause| dray_model::Error::store("the job's request cannot be read").because(cause))?;
    let again = crate::server::queue::new_job(&job.kind, &job.object, &request, &actor.name, clock::now())?;
    let job = app.submit(actor.organization(), again).await?;
    app.audit(actor.organization(), actor.entry("job.retry", id, json!({ "job": job.id }))).await;
    Ok(job)
}

/// The request of a job that is tried again: what an import has done is not done again.
fn going_on(job: &Job) -> Answer<String> {
    if job.kind != import_job::KIND {
        return Ok(job.request.clone());
    }
    let mut asked = ImportJob::parse(&job.request)?;
    asked.fingerprint = Some(asked.fingerprint_of(job.id));
    Ok(serde_json::to_string(&asked).map_err(|cause| {
        dray_model::Error::store("the job's request cannot be written down").because(cause)
    })?)
}

/// How far a job is, as server-sent events: `progress` whenever it changed, at most once in a second, and
/// `end` when it has ended.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", tag = "jobs", params(("id" = String, Path)), responses((status = 200, content_type = "text/event-stream", description = "`progress` and `end` events, each the job as JSON"), (status = 404)), security(("key" = [])))]
pub async fn events(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let job = found(&app, actor.organization(), &id).await?;
    Ok(events_of(app, actor.organization().to_owned(), job.id))
}

/// How far a job is, whenever that changes.
pub fn events_of(
    app: App,
    organization: String,
    job: i64,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let begin = (app, organization, job.to_string(), String::new(), false);
    let events = unfold(begin, |(app, organization, id, mut last, has_ended)| async move {
        if has_ended || app.is_stopping() {
            return None;
        }
        loop {
            if !last.is_empty() {
                tokio::time::sleep(TICK).await;
            }
            if app.is_stopping() {
                return None;
            }
            let job = found(&app, &organization, &id).await.ok()?;
            let text = job_json(&job).to_string();
            let ends = job.status.is_final();
            if text != last || ends {
                let event = Event::default().event(if ends { "end" } else { "progress" }).data(&text);
                last = text;
                return Some((Ok(event), (app, organization, id, last, ends)));
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
