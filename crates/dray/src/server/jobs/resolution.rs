//! Identity resolution as a job: asked for by a person or after an import, and done by one worker at a time.

use dray_model::Result;
use dray_model::catalog::{Job, JobQuery, JobStatus, Session};
use serde_json::json;

use crate::operations::import::Watch;
use crate::operations::objects::IDENTITIES;
use crate::operations::resolution::{self, KIND};
use crate::server::app::App;
use crate::server::queue::{Done, new_job, submit};

/// The lock under which it is decided whether there is to be another job.
const LOCK: &str = "identity_resolution_start";
const LOCK_SECONDS: u64 = 10;
/// Jobs looked at: those that have not ended are among the newest.
const NEWEST: u64 = 20;

/// Asks for a resolution; none where one waits or goes on.
pub fn start(session: &mut dyn Session, actor: &str, now: i64) -> Result<Option<Job>> {
    start_unless(session, actor, now, |job| !job.status.is_final())
}

/// Asks for a resolution after an import of a pipeline, where the settings say so and none waits; one that
/// goes on may have passed what was imported, and another comes after it.
pub fn start_after_import(session: &mut dyn Session, actor: &str, now: i64) -> Result<Option<Job>> {
    if !resolution::settings(session)?.run_on_batch_import {
        return Ok(None);
    }
    start_unless(session, actor, now, |job| job.status == JobStatus::Pending)
}

fn start_unless(
    session: &mut dyn Session,
    actor: &str,
    now: i64,
    stands_in_the_way: impl Fn(&Job) -> bool,
) -> Result<Option<Job>> {
    session.lock_object(LOCK, LOCK_SECONDS)?;
    let started = (|| {
        let query = JobQuery { kind: Some(KIND.to_owned()), limit: NEWEST, ..JobQuery::default() };
        if session.list_jobs(&query)?.iter().any(stands_in_the_way) {
            return Ok(None);
        }
        submit(session, new_job(KIND, IDENTITIES, &json!({}), actor, now)?).map(Some)
    })();
    let unlocked = session.unlock_object(LOCK);
    started.and_then(|started| unlocked.map(|()| started))
}

/// Resolves.
pub fn perform(
    app: &App,
    _organization: &str,
    session: &mut dyn Session,
    job: &mut Job,
    watch: &Watch,
) -> Result<Done> {
    if job.cancel_requested {
        return Ok(Done::Stopped);
    }
    let resolved = resolution::resolve(session, &format!("identity resolution {}", job.id), watch)?;
    job.import_id = resolved.import;
    let kept_until = app.settings().imports_kept_until(session.time()?);
    serde_json::to_value(&resolved).map(|result| Done::Completed(result, Some(kept_until))).map_err(|cause| {
        dray_model::Error::store("the result of a resolution cannot be written down").because(cause)
    })
}
