//! Workers: each takes a job when there is one, keeps its lease while it works, and hands it back where the
//! process is asked to end, so that any worker goes on at the checkpoint.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dray_model::Result;
use dray_model::catalog::{Job, JobStatus};
use serde_json::json;
use tokio::task::JoinHandle;

use super::app::App;
use super::attempt::{PAUSE, attempt, fail, import_of};
use super::directory::random_text;
use super::{connectors, scheduler, webhooks};
use crate::operations::drafts::{DRAFT_TIME, Draft};
use crate::operations::import::Watch;
use crate::operations::looked_through;
use crate::operations::upload::Upload;

/// How long a worker has a job for itself without renewing that. Where it dies, another goes on within this time
/// and [`LOOK`]; a slow machine may miss several renewals.
const LEASE: i64 = 15 * 1_000_000;
/// How often it renews that, and writes down how far the job is.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often workers look for jobs of other processes.
const LOOK: Duration = Duration::from_secs(1);
/// How long a worker tries again where the store is busy: with another import into the same object, perhaps.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long the end of a job is tried to be written down.
const END_PATIENCE: Duration = Duration::from_secs(120);
/// How often what has expired is swept away, unless it expires sooner than that.
const SWEEP: Duration = Duration::from_secs(600);
/// In microseconds.
const DAY: i64 = 24 * 3600 * 1_000_000;

/// The jobs that the workers of this process do, by organization.
#[derive(Debug, Clone, Default)]
struct Doing(Arc<Mutex<HashMap<String, usize>>>);

impl Doing {
    fn count(&self) -> usize {
        self.jobs().values().sum()
    }

    fn works_for(&self, organization: &str) -> bool {
        self.jobs().contains_key(organization)
    }

    fn begin(&self, organization: &str) {
        *self.jobs().entry(organization.to_owned()).or_default() += 1;
    }

    fn end(&self, organization: &str) {
        let mut jobs = self.jobs();
        if let Some(count) = jobs.get_mut(organization) {
            *count -= 1;
            if *count == 0 {
                jobs.remove(organization);
            }
        }
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the workers of this process: as many as the settings say, and one who takes a job only while those
/// have no time and none of them works for its organization. So nobody waits for the long jobs of others. Where there
/// are no workers, jobs are left to other processes.
pub fn start(app: &App) -> Vec<JoinHandle<()>> {
    let doing = Doing::default();
    let count = app.settings().workers;
    // Where the settings want none, there is no such one either.
    let all = if count == 0 { 0 } else { count + 1 };
    let mut workers: Vec<JoinHandle<()>> = (0..all)
        .map(|number| {
            let (app, doing) = (app.clone(), doing.clone());
            let name = format!("{}-{number}", random_text(8));
            tokio::spawn(async move { work(&app, &name, &doing, number == count).await })
        })
        .collect();
    let ours = app.clone();
    workers.push(tokio::spawn(async move { sweep(&ours).await }));
    workers.push(tokio::spawn(webhooks::send::run(app.clone())));
    workers.push(tokio::spawn(connectors::due::run(app.clone())));
    workers.push(tokio::spawn(scheduler::schedule(app.clone())));
    let ours = app.clone();
    workers.push(tokio::task::spawn_blocking(move || listen(&ours)));
    workers
}

/// Waits until all have ended.
pub async fn stop(workers: Vec<JoinHandle<()>>) {
    for worker in workers {
        let _ = worker.await;
    }
}

/// Wakes the workers when another process has a new job. Blocking.
fn listen(app: &App) {
    let store = app.settings().store.clone();
    while !app.is_stopping() {
        match dray_stores::listen_for_jobs(&store, &mut || app.queue().wake(), &|| app.is_stopping()) {
            // They look again by themselves where the store cannot tell.
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(%error, "new jobs of other processes are not heard of");
                std::thread::sleep(PAUSE);
            }
        }
    }
}

async fn work(app: &App, name: &str, doing: &Doing, is_guest: bool) {
    while !app.is_stopping() {
        let mut found = false;
        let listed = if is_guest && doing.count() < app.settings().workers {
            Vec::new()
        } else {
            app.organizations().await
        };
        for organization in listed {
            if app.is_stopping() {
                return;
            }
            if is_guest && (doing.count() < app.settings().workers || doing.works_for(&organization)) {
                continue;
            }
            let worker = name.to_owned();
            let claimed = app.run(&organization, move |session| {
                // All processes judge leases by one clock.
                let now = session.time()?;
                session.claim_job(&worker, now, now + LEASE)
            });
            match claimed.await {
                Ok(Some(mut job)) => {
                    found = true;
                    doing.begin(&organization);
                    perform(app, &organization, &mut job, &Arc::default(), PATIENCE).await;
                    doing.end(&organization);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, %organization, "jobs cannot be looked for"),
            }
        }
        if !found && !app.is_stopping() {
            let _ = tokio::time::timeout(LOOK, app.queue().woken()).await;
        }
    }
}

/// Begins a new job at once, for somebody who waits for it; returns its number and what to wait for. Where the
/// process dies meanwhile, a worker goes on as with any other job, and where nobody waits any more it goes on too.
pub async fn begin_now(
    app: &App,
    organization: &str,
    mut job: Job,
    watch: Arc<Watch>,
) -> Result<(i64, JoinHandle<Job>)> {
    let permit = app.queue().may_work().await?;
    job.status = JobStatus::Running;
    job.worker = Some(format!("here-{}", random_text(8)));
    job.attempts = 1;
    let mut job = app
        .run(organization, move |session| {
            let now = session.time()?;
            job.started_at = Some(now);
            job.lease_until = Some(now + LEASE);
            job.id = session.create_job(&job)?;
            Ok(job)
        })
        .await?;
    let id = job.id;
    let (ours, slug) = (app.clone(), organization.to_owned());
    let work = tokio::spawn(async move {
        let _permit = permit;
        perform(&ours, &slug, &mut job, &watch, Duration::ZERO).await;
        job
    });
    Ok((id, work))
}

/// Does one job while its lease is renewed beside it, and writes down how it ended.
async fn perform(app: &App, organization: &str, job: &mut Job, watch: &Arc<Watch>, patience: Duration) {
    let begun = std::time::Instant::now();
    let working = {
        let (app, organization, job, watch) =
            (app.clone(), organization.to_owned(), job.clone(), Arc::clone(watch));
        tokio::task::spawn_blocking(move || attempt(&app, &organization, job, &watch, patience))
    };
    let mut beat = tokio::time::interval(HEARTBEAT);
    beat.tick().await;
    tokio::pin!(working);
    // Nothing renews the lease any more once the work has ended, so the end is the last that is written.
    let ended = loop {
        tokio::select! {
            ended = &mut working => break ended,
            _ = beat.tick() => {
                if app.is_stopping() {
                    watch.stop.store(true, Ordering::Relaxed);
                }
                renew(app, organization, job, watch).await;
            }
        }
    };
    match ended {
        Ok(ended) => *job = ended,
        Err(panic) => {
            tracing::error!(%panic, job = job.id, "a job panicked");
            job.import_id = import_of(watch).or(job.import_id);
            let now = app.time_at_least_here().await;
            fail(job, "the work broke off: this is a defect in Dray, please report it".to_owned(), now);
        }
    }
    job.progress = Some(progress(watch));
    job.lease_until = None;
    write_end(app, organization, job).await;
    let labels = [("kind", job.kind.clone()), ("status", job.status.word().to_owned())];
    metrics::counter!("dray_jobs_total", &labels).increment(1);
    metrics::histogram!("dray_job_seconds", &labels).record(begun.elapsed().as_secs_f64());
}

/// Writes down how a job ended, also where the store is away at that moment.
async fn write_end(app: &App, organization: &str, job: &Job) {
    let begun = std::time::Instant::now();
    loop {
        let (ours, last) = (app.clone(), job.clone());
        let slug = organization.to_owned();
        let saved = tokio::task::spawn_blocking(move || {
            let mut session = ours.sessions().open(&slug)?;
            webhooks::save_end(&ours, session.as_mut(), &slug, &last)
        });
        match saved.await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) if error.retryable && begun.elapsed() < END_PATIENCE => {
                tracing::warn!(%error, job = job.id, "the end of a job is written down later");
                tokio::time::sleep(PAUSE).await;
            }
            _ => {
                tracing::error!(job = job.id, "the end of a job could not be written down");
                return;
            }
        }
    }
}

/// How far a job is, as its row in the store says it.
fn progress(watch: &Watch) -> String {
    json!({
        "rows": watch.rows.load(Ordering::Relaxed),
        "rejected": watch.rejected.load(Ordering::Relaxed),
        "bytes": watch.bytes.load(Ordering::Relaxed),
        "total": watch.total.load(Ordering::Relaxed),
        "retries": watch.retries.load(Ordering::Relaxed),
    })
    .to_string()
}

async fn renew(app: &App, organization: &str, job: &Job, watch: &Arc<Watch>) {
    let id = job.id;
    let attempts = job.attempts;
    let held = Arc::clone(watch);
    let renewed = app.run(organization, move |session| {
        let Some(mut job) = session.find_job(id)? else { return Ok(false) };
        if job.attempts != attempts || job.status != JobStatus::Running {
            return Ok(false);
        }
        if job.cancel_requested {
            held.stop.store(true, Ordering::Relaxed);
        }
        job.lease_until = Some(session.time()? + LEASE);
        job.progress = Some(progress(&held));
        job.import_id = import_of(&held).or(job.import_id);
        session.save_job(&job)
    });
    match renewed.await {
        Ok(true) => {}
        // Another worker has it: what this one does must end.
        Ok(false) => watch.stop.store(true, Ordering::Relaxed),
        Err(error) => tracing::warn!(%error, job = id, "a lease could not be renewed"),
    }
}

async fn sweep(app: &App) {
    let shortest = app.settings().keep_imports.min(app.settings().keep_exports);
    let pause = (shortest / 10).clamp(Duration::from_secs(1), SWEEP);
    while !app.is_stopping() {
        for organization in app.organizations().await {
            let files = app.files().clone();
            let name = organization.clone();
            let kept = app.settings().imports_kept_until(0);
            let swept = app.run(&organization, move |session| {
                let now = session.time()?;
                // What is known about a file goes after the file.
                let forgotten = now.saturating_sub(kept).saturating_sub(DAY);
                session.delete_expired_jobs(now)?;
                session.delete_documents_before("idempotency", now - 25 * 3600 * 1_000_000)?;
                session.delete_documents_before(looked_through::KIND, forgotten)?;
                Upload::forget_before(session, forgotten)?;
                Draft::forget_before(session, now - DRAFT_TIME)?;
                files.sweep(session, &name, now)
            });
            if let Err(error) = swept.await {
                tracing::warn!(%error, %organization, "what has expired could not be swept away");
            }
        }
        let until = tokio::time::Instant::now() + pause;
        while !app.is_stopping() && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
