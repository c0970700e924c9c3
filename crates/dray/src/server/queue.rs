//! Work that waits: how a job is asked for, and how it may end.

use std::sync::Arc;

use dray_model::Result;
use dray_model::catalog::{Job, JobStatus, Session};
use serde::Serialize;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Jobs done at once for people who wait for them, and files looked through for them.
const AWAITED: usize = 8;

/// How a job ended.
pub enum Done {
    /// With a result (JSON) that is kept until a time, if there is one.
    Completed(serde_json::Value, Option<i64>),
    /// It took no effect, for a reason that is told; the result (JSON) says more.
    Failed(serde_json::Value, String),
    /// Stopped before its end: by a person, or because the process ends.
    Stopped,
}

/// Wakes the workers of this process when there is a new job.
#[derive(Debug, Clone)]
pub struct Queue {
    wake: Arc<Notify>,
    awaited: Arc<Semaphore>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { wake: Arc::default(), awaited: Arc::new(Semaphore::new(AWAITED)) }
    }
}

impl Queue {
    /// Tells the workers to look.
    pub fn wake(&self) {
        self.wake.notify_waiters();
        self.wake.notify_one();
    }

    /// Leave to do something large while somebody waits for it; it ends with the permit.
    pub async fn may_work(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.awaited)
            .acquire_owned()
            .await
            .map_err(|_| dray_model::Error::store("the server is stopping").retryable())
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
