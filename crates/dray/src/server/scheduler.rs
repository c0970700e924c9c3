//! Runs pipelines by their schedules. Every process looks, and each due run is begun by one of them: the mark of
//! the last due minute and the run are written in one transaction. What was due while no process lived is begun
//! once, however often it was due; a pipeline that is running is left alone.

use std::time::Duration;

use dray_model::Result;
use dray_model::catalog::{Job, Session};

use super::app::App;
use super::files::Files;
use super::queue::new_job;
use crate::operations::pipelines::run::{self, RunAsked};
use crate::operations::pipelines::saved::{self, Pipeline, key_of};
use crate::operations::pipelines::schedule::latest_due;
use crate::operations::profile_schema::PROFILES;

/// Marks of the last due minute.
const KIND: &str = "pipeline_schedule";
/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(2);
/// Who begins scheduled runs.
const ACTOR: &str = "schedule";

/// A run that is not yet begun.
pub fn new_run(pipeline: &Pipeline, incremental: Option<bool>, actor: &str, now: i64) -> Result<Job> {
    let asked = RunAsked { pipeline: pipeline.id, incremental, failed_file: Files::new_id() };
    new_job(run::KIND, PROFILES, &asked, actor, now)
}

/// From now on the schedule of a pipeline counts: what was due before is not made up for.
pub fn begin_from(session: &mut dyn Session, pipeline: &Pipeline, now: i64) -> Result<()> {
    let due = pipeline.period.as_deref().and_then(|period| latest_due(period, pipeline.start, now));
    match due {
        Some(due) => session.save_document(KIND, &key_of(pipeline.id), &due.to_string(), now),
        None => forget(session, pipeline.id),
    }
}

/// Forgets the schedule of a pipeline.
pub fn forget(session: &mut dyn Session, pipeline: i64) -> Result<()> {
    session.delete_document(KIND, &key_of(pipeline)).map(|_| ())
}

/// Begins what is due, until the process ends.
pub async fn schedule(app: App) {
    while !app.is_stopping() {
        for organization in app.organizations().await {
            match app.run(&organization, begin_due).await {
                Ok(0) => {}
                Ok(_) => app.queue().wake(),
                Err(error) => tracing::warn!(%error, %organization, "scheduled runs cannot be begun"),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Begins the runs of an organization that are due; returns how many.
fn begin_due(session: &mut dyn Session) -> Result<usize> {
    let mut begun = 0;
    let now = session.time()?;
    for pipeline in saved::list(session)? {
        let Some(period) = pipeline.period.as_deref().filter(|_| pipeline.enabled) else { continue };
        let Some(due) = latest_due(period, pipeline.start, now) else { continue };
        let mark = session.find_document(KIND, &key_of(pipeline.id))?;
        let last = mark.as_ref().and_then(|mark| mark.body.parse::<i64>().ok());
        if last.is_some_and(|last| last >= due) {
            continue;
        }
        if run::live(session, pipeline.id)?.is_some() {
            continue;
        }
        let job = new_run(&pipeline, None, ACTOR, now)?;
        let key = key_of(pipeline.id);
        let started = run::begin(session, &pipeline, &job, now, &mut |session| match &mark {
            Some(mark) => session.replace_document(KIND, &key, mark.version, &due.to_string(), now),
            None => session.create_document(KIND, &key, &due.to_string(), now),
        })?;
        if let Some(started) = started {
            tracing::info!(pipeline = pipeline.id, run = started.id, "a scheduled run begins");
            begun += 1;
        }
    }
    Ok(begun)
}
