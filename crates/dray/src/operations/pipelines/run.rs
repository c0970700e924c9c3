//! Runs of pipelines: how one is begun, never twice at once, and what is known of it afterwards.

use std::collections::BTreeMap;

use dray_engine::pipeline::steps::Counts;
use dray_model::catalog::{Job, JobQuery, Session};
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::receive::ErrorGroup;
use super::saved::{Pipeline, key_of};

/// The kind of job.
pub const KIND: &str = "pipeline_run";
/// Which run of a pipeline is the live one.
const LIVE: &str = "pipeline_run";
/// Runs looked through at once.
const PAGE: u64 = 500;

/// What a run was asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunAsked {
    /// The number of the pipeline.
    pub pipeline: i64,
    /// Where it shall differ from the pipeline.
    pub incremental: Option<bool>,
    /// The stored file for rejected rows.
    pub failed_file: String,
}

impl RunAsked {
    /// Reads the request of a job.
    pub fn parse(request: &str) -> Result<Self> {
        serde_json::from_str(request).map_err(|cause| {
            Error::store("the request of a run cannot be read")
                .hint("was the store used by a newer Dray?")
                .because(cause)
        })
    }
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunResult {
    /// Records that passed and failed each step.
    pub counts: Counts,
    /// Why it ended before its end; empty where it did not.
    pub error: String,
    /// Everything that was wrong, by kind.
    pub errors: Vec<ErrorGroup>,
    /// The import into the identities; 0 where there was none.
    pub import: i64,
    /// What became of every row of the file: fate → rows, and `read`.
    pub ledger: BTreeMap<String, Value>,
    /// Identities that left the file.
    pub purged: u64,
    /// Rows passed over, as they were not updated since the last run.
    pub not_newer: u64,
    /// True where all rows were taken, whenever they were updated.
    pub full: bool,
    /// The stored file with the rejected rows, where there are any.
    pub failed_file: Option<String>,
    /// The path of the file that was read or written.
    pub path: String,
}

impl RunResult {
    /// Reads the result of a job; an empty one where there is none.
    pub fn parse(result: Option<&str>) -> Self {
        result.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// The pipeline that a job runs.
pub fn pipeline_of(job: &Job) -> i64 {
    RunAsked::parse(&job.request).map(|asked| asked.pipeline).unwrap_or(0)
}

/// The live run of a pipeline, where there is one.
pub fn live(session: &mut dyn Session, pipeline: i64) -> Result<Option<Job>> {
    let Some(document) = session.find_document(LIVE, &key_of(pipeline))? else { return Ok(None) };
    let job = document.body.parse().ok().map(|id| session.find_job(id)).transpose()?.flatten();
    Ok(job.filter(|job| !job.status.is_final()))
}

/// Begins a run, unless one is live: `None` then. `also` does more in the same transaction, and says whether to
/// go on.
pub fn begin(
    session: &mut dyn Session,
    pipeline: &Pipeline,
    job: &Job,
    now: i64,
    also: &mut dyn FnMut(&mut dyn Session) -> Result<bool>,
) -> Result<Option<Job>> {
    session.begin()?;
    let begun = begin_within(session, pipeline.id, job, now, also);
    match begun {
        Ok(Some(job)) => session.commit().map(|()| Some(job)),
        other => {
            session.rollback();
            other
        }
    }
}

fn begin_within(
    session: &mut dyn Session,
    pipeline: i64,
    job: &Job,
    now: i64,
    also: &mut dyn FnMut(&mut dyn Session) -> Result<bool>,
) -> Result<Option<Job>> {
    if !also(session)? {
        return Ok(None);
    }
    let key = key_of(pipeline);
    let known = session.find_document(LIVE, &key)?;
    if let Some(known) = &known {
        let before = known.body.parse().ok().map(|id| session.find_job(id)).transpose()?.flatten();
        if before.is_some_and(|before| !before.status.is_final()) {
            return Ok(None);
        }
    }
    let mut job = job.clone();
    job.id = session.create_job(&job)?;
    let body = job.id.to_string();
    // Whoever does the same at the same moment meets the other's document.
    let is_ours = match known {
        None => session.create_document(LIVE, &key, &body, now)?,
        Some(known) => session.replace_document(LIVE, &key, known.version, &body, now)?,
    };
    Ok(is_ours.then_some(job))
}

/// Forgets that a pipeline ever ran.
pub fn forget(session: &mut dyn Session, pipeline: i64) -> Result<()> {
    session.delete_document(LIVE, &key_of(pipeline)).map(|_| ())
}

/// Runs, the newest first, that `wanted` wants, from behind the number `before` on; at most `most`. It ends where
/// `goes_on` says of a run that older ones do not matter.
pub fn list(
    session: &mut dyn Session,
    before: Option<i64>,
    most: usize,
    wanted: &dyn Fn(&Job) -> bool,
    goes_on: &dyn Fn(&Job) -> bool,
) -> Result<Vec<Job>> {
    let mut found = Vec::new();
    let mut before = before;
    loop {
        let query = JobQuery { kind: Some(KIND.to_owned()), object: None, before, limit: PAGE };
        let page = session.list_jobs(&query)?;
        let is_last = (page.len() as u64) < PAGE;
        for job in page {
            before = Some(job.id);
            if !goes_on(&job) {
                return Ok(found);
            }
            if wanted(&job) {
                found.push(job);
                if found.len() >= most {
                    return Ok(found);
                }
            }
        }
        if is_last {
            return Ok(found);
        }
    }
}
