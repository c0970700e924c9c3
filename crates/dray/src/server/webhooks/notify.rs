//! The end of a job and what is told of it are one transaction: there is no moment at which the job has ended
//! and its news could be lost, and none at which the news is out and the job has not ended.

use dray_model::Result;
use dray_model::catalog::{Job, JobStatus, Session};
use serde::Deserialize;
use serde_json::json;

use super::delivery::{self, Delivery, News};
use super::endpoint::{self, Endpoint};
use super::event::{TEST, body, event_of};
use super::together;
use crate::operations::job_words::job_json;
use crate::server::app::App;
use crate::server::directory::random_text;

/// What the request of any kind of job may say about webhooks.
#[derive(Deserialize)]
struct Wish {
    webhook_url: Option<String>,
}

/// Writes how a job ended, and keeps what is to be told of it; false, and nothing kept, where another worker has
/// the job. A job that has not ended is only written. Blocking.
pub fn save_end(app: &App, session: &mut dyn Session, organization: &str, job: &Job) -> Result<bool> {
    if event_of(job).is_none() {
        return session.save_job(job);
    }
    let saved = together(session, |session| {
        let saved = session.save_job(job)?;
        if saved {
            notify_job(app, session, organization, job)?;
        }
        Ok(saved)
    })?;
    app.sender().notify_one();
    Ok(saved)
}

/// Asks for a job to be stopped; one that waits is cancelled at once, and that is told. False where it has ended.
pub fn cancel_job(
    app: &App,
    session: &mut dyn Session,
    organization: &str,
    id: i64,
    now: i64,
) -> Result<bool> {
    let asked = together(session, |session| {
        let asked = session.cancel_job(id, now)?;
        let job = session.find_job(id)?.filter(|job| asked && job.status == JobStatus::Cancelled);
        if let Some(job) = job {
            notify_job(app, session, organization, &job)?;
        }
        Ok(asked)
    })?;
    app.sender().notify_one();
    Ok(asked)
}

/// Keeps what is to be told of a job's end, for every endpoint that wants to know it and for the address that
/// the job named. Within the transaction that writes the end down.
fn notify_job(app: &App, session: &mut dyn Session, organization: &str, job: &Job) -> Result<()> {
    let Some(event) = event_of(job) else { return Ok(()) };
    let wish: Option<Wish> = serde_json::from_str(&job.request).ok();
    let own_url = wish.and_then(|wish| wish.webhook_url).filter(|url| !url.trim().is_empty());
    let mut wanted: Vec<(Endpoint, Option<&str>)> = endpoint::list(session)?
        .into_iter()
        .filter(|known| known.wants(event))
        .map(|known| (known, None))
        .collect();
    if let Some(url) = own_url.as_deref() {
        let now = session.time()?;
        wanted.push((endpoint::of_jobs(session, app.secret(), organization, now)?, Some(url)));
    }
    for (endpoint, url) in &wanted {
        let message = new_message();
        let at = job.finished_at.unwrap_or(job.created_at);
        let body = body(&message, event, at, organization, &job_json(job));
        let news = News {
            message: &message,
            endpoint: &endpoint.id,
            url: *url,
            event,
            job: Some(job.id),
            body: &body,
        };
        delivery::keep(session, &news)?;
    }
    Ok(())
}

/// Keeps something to be told only to see whether it arrives.
pub fn test(session: &mut dyn Session, organization: &str, endpoint: &Endpoint) -> Result<Delivery> {
    let message = new_message();
    let data = json!({ "webhook": endpoint.id, "description": endpoint.description });
    let body = body(&message, TEST, session.time()?, organization, &data);
    let news =
        News { message: &message, endpoint: &endpoint.id, url: None, event: TEST, job: None, body: &body };
    together(session, |session| delivery::keep(session, &news))
}

fn new_message() -> String {
    format!("msg_{}", random_text(24))
}
