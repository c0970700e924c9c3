//! Work that waits: how a job is asked for.

use std::sync::Arc;

use dray_model::Result;
use dray_model::catalog::{Job, JobStatus, Session};
use serde::Serialize;
use tokio::sync::Notify;

/// Wakes the workers of this process when there is a new job.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    wake: Arc<Notify>,
}

impl Queue {
    /// Tells the workers to look.
    pub fn wake(&self) {
        self.wake.notify_waiters();
        self.wake.notify_one();
    }

    /// Waits until told to look.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
}

/// A new job, not yet kept.
pub fn new_job(kind: &str, object: &str, request: &impl Serialize, actor: &str, now: i64) -> Result<Job> {
    let request = serde_json::to_string(request)
        .map_err(|cause| dray_model::Error::request("the job cannot be written down").because(cause))?;
    Ok(Job {
        id: 0,
        kind: kind.to_owned(),
        object: object.to_owned(),
        status: JobStatus::Pending,
        request,
        progress: None,
        result: None,
        error: None,
        import_id: None,
        actor: actor.to_owned(),
        cancel_requested: false,
        attempts: 0,
        created_at: now,
        started_at: None,
        finished_at: None,
        expires_at: None,
        lease_until: None,
        worker: None,
    })
}

/// Keeps a new job; it begins as soon as a worker is free.
pub fn submit(session: &mut dyn Session, mut job: Job) -> Result<Job> {
    job.id = session.create_job(&job)?;
    Ok(job)
}
