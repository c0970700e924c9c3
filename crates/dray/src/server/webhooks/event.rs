//! What is told: that a job has ended, and how.

use dray_model::catalog::{Job, JobStatus};
use serde_json::{Value, json};

use crate::operations::ledger::time;

/// What can be told of.
pub const EVENTS: [&str; 3] = ["job.completed", "job.failed", "job.cancelled"];
/// Told only to see whether it arrives.
pub const TEST: &str = "webhook.test";

/// What has happened to a job, once it has ended.
pub fn event_of(job: &Job) -> Option<&'static str> {
    match job.status {
        JobStatus::Completed => Some("job.completed"),
        JobStatus::Failed => Some("job.failed"),
        JobStatus::Cancelled => Some("job.cancelled"),
        JobStatus::Pending | JobStatus::Running => None,
    }
}

/// The body as it is signed and sent.
pub fn body(id: &str, event: &str, at: i64, organization: &str, data: &Value) -> String {
    json!({ "id": id, "type": event, "timestamp": time(at), "organization": organization, "data": data })
        .to_string()
}
