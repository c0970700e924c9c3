//! Jobs: what waits, what runs and how far it is, what came of it; stopping one and trying one again.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use dray_model::catalog::{Job, JobQuery, JobStatus};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::exported::Exported;
use super::frame::{Head, Visit, page, tells};
use super::pictures::ledger;
use super::pieces::{moment, of_engine, person};
use super::words::{Words, count};
use crate::http::answer::Answer;
use crate::http::native::jobs as native;
use crate::operations::job_words::job_json;
use crate::server::app::App;

/// Jobs of one page.
const JOBS: u64 = 100;

/// How a job stands.
pub fn badge(words: &Words, status: JobStatus) -> Markup {
    let (class, text) = match status {
        JobStatus::Pending => ("badge", words.status_waiting),
        JobStatus::Running => ("badge info", words.status_running),
        JobStatus::Completed => ("badge good", words.status_completed),
        JobStatus::Failed => ("badge error", words.status_failed),
        JobStatus::Cancelled => ("badge warning", words.status_cancelled),
    };
    html! { span class=(class) { (text) } }
}

/// What is done, in words.
fn kind(words: &Words, job: &Job) -> String {
    match job.kind.as_str() {
        "import" => words.import.to_owned(),
        "export" => words.export.to_owned(),
        "pipeline_run" => words.job_pipeline.to_owned(),
        "identity_resolution" => words.job_resolution.to_owned(),
        other => other.replace('_', " "),
    }
}

/// All jobs, the newest first.
pub async fn list(State(app): State<App>, visit: Visit) -> Answer<Markup> {
    visit.actor.must_be_admin()?;
    let words = visit.words;
    let asked = JobQuery { kind: None, object: None, before: None, limit: JOBS };
    let jobs = app.run(visit.actor.organization(), move |session| session.list_jobs(&asked)).await?;
    let content = html! {
        @if jobs.is_empty() {
            div.empty { p { (words.no_jobs) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.jobs) {
                table.grid {
                    thead { tr { th.number { "#" } th { (words.what) } th { (words.object) } th { (words.status) } th { (words.begun) } th { (words.by) } } }
                    tbody {
                        @for job in &jobs {
                            tr {
                                td.number { a href=(format!("/jobs/{}", job.id)) { (job.id) } }
                                td { (kind(words, job)) }
                                td { (visit.label_of(&job.object)) }
                                td { (badge(words, job.status)) }
                                td { (moment(job.created_at)) }
                                td { (person(&job.actor)) }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(page(&visit, &Head { title: words.jobs, lead: html! {}, actions: html! {} }, &content))
}

/// The parts of an address.
#[derive(Debug, Deserialize)]
pub struct Place {
    id: String,
}

/// The job of an address.
async fn found(app: &App, visit: &Visit, place: &Place) -> Answer<Job> {
    visit.actor.must_be_admin()?;
    let job = native::found(app, visit.actor.organization(), &place.id).await?;
    visit.must_own(&job.actor)?;
    Ok(job)
}

/// One job, live while it goes on.
pub async fn get(State(app): State<App>, visit: Visit, Path(place): Path<Place>) -> Answer<Response> {
    let words = visit.words;
    let job = found(&app, &visit, &place).await?;
    if let (JobStatus::Completed, Some(import)) = (job.status, job.import_id) {
        return Ok(Redirect::to(&visit.at(&format!("/imports/{import}"))).into_response());
    }
    let is_embedded = visit.embedded.is_some();
    let shown = job_json(&job);
    let is_live = !job.status.is_final();
    let exported = Exported::of(&job);
    let actions = html! {
        @if !is_embedded { a.button.quiet href="/jobs" { (words.jobs) } }
        @if exported.is_some() { a.button.quiet href="/exports" { (words.exports) } }
        @if is_live {
            form method="post" action=(visit.at(&format!("/jobs/{}/cancel", job.id))) { button.danger { (words.stop) } }
        } @else if job.status != JobStatus::Completed && !is_embedded {
            form method="post" action=(format!("/jobs/{}/retry", job.id)) { button.primary { (words.try_again) } }
        }
    };
    let lead =
        html! { (badge(words, job.status)) " " (visit.label_of(&job.object)) ", " (moment(job.created_at)) };
    let content = html! {
        @if let Some(why) = &job.error { p.notice.error { (of_engine(words, why)) } }
        @if is_live {
            (live(&visit, job.id, shown.get("progress").unwrap_or(&Value::Null), &html! {}))
        }
        @if let Some(exported) = &exported { (exported.facts(words)) }
        @if let Some(fates) = shown.get("result").and_then(|result| result.get("ledger")).filter(|fates| fates.get("read").and_then(Value::as_u64).is_some_and(|read| read > 0)) {
            section.card { h2 { (words.ledger) } (ledger(words, fates)) }
        }
    };
    let content = html! {
        (content)
        @if is_embedded && matches!(job.status, JobStatus::Failed | JobStatus::Cancelled) {
            (tells("failed", &json!({ "code": "IMPORT_FAILED", "message": job.error })))
        }
    };
    let title = format!("{} {}", kind(words, &job), job.id);
    Ok(page(&visit, &Head { title: &title, lead, actions }, &content).into_response())
}

/// How far a job is: told as it goes on, with a line of how fast, where there is a script.
pub fn live(visit: &Visit, id: i64, progress: &Value, actions: &Markup) -> Markup {
    let words = visit.words;
    let number = |name: &str| progress.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (rows, total) = (number("rows"), number("total"));
    html! {
        section.card data-events=(visit.at(&format!("/jobs/{id}/events"))) {
            header { h2 { (words.progress) } (actions) }
            progress aria-label=(words.progress) max="100" value=[(total > 0).then(|| rows * 100 / total)] {}
            p role="status" {
                b data-events-rows { (count(rows)) } " " (words.rows) ", "
                b data-events-rejected { (count(number("rejected"))) } " " (words.fate_rejected)
            }
            svg.chart hidden viewBox="0 0 1000 96" preserveAspectRatio="none" role="img" aria-label=(words.throughput) {
                polygon {} polyline {}
            }
            p.hint hidden data-events-speed=(words.rows_a_second) {}
        }
    }
}

/// How far a job is, as it happens.
pub async fn events(State(app): State<App>, visit: Visit, Path(place): Path<Place>) -> Answer<Response> {
    let job = found(&app, &visit, &place).await?;
    Ok(native::events_of(app, visit.actor.organization().to_owned(), job.id).into_response())
}

/// Stops a job.
pub async fn cancel(State(app): State<App>, visit: Visit, Path(place): Path<Place>) -> Answer<Response> {
    found(&app, &visit, &place).await?;
    native::stop(&app, &visit.actor, &place.id).await?;
    Ok(Redirect::to(&visit.at(&format!("/jobs/{}", place.id))).into_response())
}

/// Asks for a job again.
pub async fn retry(State(app): State<App>, visit: Visit, Path(place): Path<Place>) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let job = native::again(&app, &visit.actor, &place.id).await?;
    Ok(Redirect::to(&format!("/jobs/{}", job.id)).into_response())
}
