//! One attempt at a job: the work itself, tried again where the store is away, and what is written down of its
//! end. What a store refuses is attempted again from the checkpoint, and has failed after so many attempts.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use dray_model::catalog::{Job, JobStatus, Session};
use dray_model::{Error, ErrorKind, Result};

use super::app::App;
use super::jobs;
use super::queue::Done;
use crate::memory;
use crate::operations::import::Watch;
use crate::operations::pipelines::run;
use crate::operations::{export_job, import_job, resolution};

/// How long a worker waits before it tries again.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause before a job that was refused is taken up again; each is twice as long as the one before.
const MOST_PAUSE: Duration = Duration::from_secs(20);
/// How often somebody who rests looks whether the work is to stop.
const LISTEN: Duration = Duration::from_millis(100);

/// What does the work of one kind of job. Blocking.
pub type Perform = fn(&App, &str, &mut dyn Session, &mut Job, &Watch) -> Result<Done>;

/// What is done for each kind of job.
pub const KINDS: &[(&str, Perform)] = &[
    (import_job::KIND, jobs::import::perform),
    (export_job::KIND, jobs::export::perform),
    (run::KIND, jobs::pipeline::perform),
    (resolution::KIND, jobs::resolution::perform),
];

/// A job that was taken up so often and never ended takes its process down: nobody takes it up again.
const MOST_ATTEMPTS: i64 = 25;

/// Does the work; returns the job as it ended. Blocking.
pub(super) fn attempt(app: &App, organization: &str, mut job: Job, watch: &Watch, patience: Duration) -> Job {
    if job.attempts > MOST_ATTEMPTS {
        let why = format!("the work was begun {MOST_ATTEMPTS} times and never came to an end");
        fail(&mut job, why, time(app));
        return job;
    }
    let begun = Instant::now();
    let done = loop {
        let done = app.sessions().open(organization).and_then(|mut session| {
            // Whoever was away longer than the lease may find that another has the job.
            let is_ours = session.find_job(job.id)?.is_some_and(|known| known.attempts == job.attempts);
            if !is_ours {
                return Ok(Done::Stopped);
            }
            session.take_job(job.id)?;
            let perform = KINDS.iter().find(|(kind, _)| *kind == job.kind).map(|(_, perform)| perform);
            match perform {
                Some(perform) => perform(app, organization, session.as_mut(), &mut job, watch),
                None => Err(Error::request(format!("this program knows no job `{}`", job.kind))),
            }
        });
        match &done {
            // The store is away, or busy with another import into the same object.
            Err(error) if error.kind == ErrorKind::Store && error.retryable && begun.elapsed() < patience => {
                if watch.stop.load(Ordering::Relaxed) {
                    break Ok(Done::Stopped);
                }
                tracing::info!(%error, job = job.id, "a job is tried again");
                watch.retries.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
            _ => break done,
        }
    };
    memory::give_back_now();
    let now = time(app);
    job.import_id = import_of(watch).or(job.import_id);
    match done {
        Ok(Done::Completed(result, expires_at)) => {
            job.status = JobStatus::Completed;
            job.result = Some(result.to_string());
            job.error = None;
            job.expires_at = expires_at.or(job.expires_at);
            job.finished_at = Some(now);
        }
        Ok(Done::Failed(result, why)) => {
            job.result = Some(result.to_string());
            fail(&mut job, why, now);
        }
        Ok(Done::Stopped) => give_back(app, organization, &mut job, now),
        Err(error) if error.kind == dray_model::ErrorKind::Interrupted => {
            give_back(app, organization, &mut job, now);
        }
        // What refused it may take it later, and a job goes on where it came to.
        Err(error)
            if may_pass(&error) && !patience.is_zero() && job.attempts < app.settings().job_attempts =>
        {
            tracing::warn!(error = %error.with_causes(), job = job.id, attempt = job.attempts, "a job was refused");
            rest(job.attempts, watch);
            give_back(app, organization, &mut job, now);
            job.error = Some(told(&error));
        }
        Err(error) => {
            tracing::warn!(error = %error.with_causes(), job = job.id, "a job failed");
            let why = match job.attempts {
                attempts if attempts > 1 => format!("{} (the last of {attempts} attempts)", told(&error)),
                _ => told(&error),
            };
            fail(&mut job, why, now);
            job.result = account(app, organization, &job).or(job.result);
        }
    }
    job
}

/// The time by the store's clock. Blocking.
fn time(app: &App) -> i64 {
    tokio::runtime::Handle::current().block_on(app.time_at_least_here())
}

/// True where the same work may be taken another time: a store or the place of the files said no, not the data.
fn may_pass(error: &Error) -> bool {
    error.kind == ErrorKind::Store || (error.kind == ErrorKind::File && error.retryable)
}

/// The pause after an attempt that was refused.
fn rest(attempt: i64, watch: &Watch) {
    let doublings = u32::try_from(attempt.clamp(1, 16) - 1).unwrap_or(0);
    let until = Instant::now() + PAUSE.saturating_mul(1 << doublings).min(MOST_PAUSE);
    while Instant::now() < until && !watch.stop.load(Ordering::Relaxed) {
        std::thread::sleep(LISTEN);
    }
}

/// What an import that failed came to before: which rows were read and what became of them.
fn account(app: &App, organization: &str, job: &Job) -> Option<String> {
    let mut session = app.sessions().open(organization).ok()?;
    jobs::import::account(app, organization, session.as_mut(), job).unwrap_or_else(|error| {
        tracing::warn!(%error, job = job.id, "the account of a failed import cannot be given");
        None
    })
}

/// A job that was stopped is cancelled where a person asked for it, and else waits for the next worker.
fn give_back(app: &App, organization: &str, job: &mut Job, now: i64) {
    let asked = app.sessions().open(organization).and_then(|mut session| session.find_job(job.id));
    let is_cancelled = asked.ok().flatten().is_some_and(|job| job.cancel_requested);
    if is_cancelled {
        job.status = JobStatus::Cancelled;
        job.finished_at = Some(now);
    } else {
        job.status = JobStatus::Pending;
    }
}

/// What people are told of an error; what lies below it is for the log.
fn told(error: &Error) -> String {
    let message = match error.kind {
        ErrorKind::Store => without_place(&error.message),
        _ => error.message.clone(),
    };
    match &error.hint {
        Some(hint) => format!("{message}: {hint}"),
        None => message,
    }
}

/// A sentence about the store that does not tell where it is: that is for the log.
fn without_place(message: &str) -> String {
    let quoted = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before)?;
        rest.split_once('`').map(|(_, rest)| rest.to_owned())
    };
    for place in ["the database file ", "PostgreSQL at "] {
        let Some((before, place)) = message.split_once(place) else { continue };
        let rest = quoted(place, "database `")
            .or_else(|| place.strip_prefix('`').and_then(|place| Some(place.split_once('`')?.1.to_owned())))
            .or_else(|| Some(format!(" {}", place.split_once(' ')?.1)));
        return format!("{before}the database{}", rest.unwrap_or_default());
    }
    message.to_owned()
}

/// A job that has failed, and why.
pub(super) fn fail(job: &mut Job, why: String, now: i64) {
    job.status = JobStatus::Failed;
    job.error = Some(why);
    job.finished_at = Some(now);
}

/// The import that a job is.
pub(super) fn import_of(watch: &Watch) -> Option<i64> {
    i64::try_from(watch.import_id.load(Ordering::Relaxed)).ok().filter(|&id| id > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_without_its_place() {
        for (message, told) in [
            (
                "PostgreSQL at db:5432, database `d` refused a statement: no",
                "the database refused a statement: no",
            ),
            (
                "the connection to PostgreSQL at db:5432, database `d` was lost",
                "the connection to the database was lost",
            ),
            ("PostgreSQL at db:5432 cannot be reached", "the database cannot be reached"),
            ("the database file `/a/b.db` is locked", "the database is locked"),
            (
                "another import or undo of `contacts` is running",
                "another import or undo of `contacts` is running",
            ),
            ("PostgreSQL at ", "the database"),
        ] {
            assert_eq!(without_place(message), told);
        }
    }
}
