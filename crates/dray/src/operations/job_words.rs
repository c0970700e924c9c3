//! A job in the words of the native API and of webhooks.

use dray_model::catalog::Job;
use serde_json::{Value, json};

use super::ledger::time;

fn json_of(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}

/// A job as it is shown.
pub fn job_json(job: &Job) -> Value {
    json!({
        "id": job.id, "kind": job.kind, "object": job.object, "status": job.status.word(),
        "progress": json_of(job.progress.as_deref()), "result": json_of(job.result.as_deref()),
        "error": job.error, "import": job.import_id, "actor": job.actor, "attempts": job.attempts,
        "cancel_requested": job.cancel_requested, "created_at": time(job.created_at),
        "started_at": job.started_at.map(time), "finished_at": job.finished_at.map(time),
        "expires_at": job.expires_at.map(time),
    })
}
