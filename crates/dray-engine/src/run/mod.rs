//! The one loop: import and plan. Rows are read, checked, matched and take effect in the store, or, for
//! a plan, in memory over it.
//!
//! A large import into a comparatively small table runs in three passes, all over the same source:
//! *bulk* (indexes down, rows that are certainly new go in, rows that may repeat something are held
//! back), *held* (indexes up again, the rows held back are decided one by one in file order) and
//! *direct* (the rest, if bulk did not pay). A small import is direct only. A plan does the same with
//! lookups in place of writes. Whatever the passes, the outcome is that of one row after the other.

mod job;
mod prepared;
mod state;
mod chunks;
mod apply;
mod imagine;

use dray_model::Result;
use dray_model::definition::Mode;
use dray_model::flow::{Import, ImportStatus, Store};
use dray_model::ledger::{Fate, Ledger};

pub use job::{Job, Observer, Outcome, Progress, Stage};
use prepared::Prepared;
use state::{Checkpoint, Run};

/// Seconds to wait for another import of the same object.
const LOCK_SECONDS: u64 = 60;

/// Imports a source. With `resume`, an unfinished import with the same fingerprint is continued.
pub fn import(
    store: &mut dyn Store,
    job: &Job<'_>,
    resume: bool,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    let prepared = Prepared::new(job, observer)?;
    store.lock_object(job.object.name(), LOCK_SECONDS)?;
    let outcome = import_locked(store, job, prepared, resume, observer);
    // A session whose connection is lost has no lock either.
    let unlocked = store.unlock_object(job.object.name());
    match outcome {
        Ok(outcome) => unlocked.map(|()| outcome),
        Err(error) => Err(error),
    }
}

fn import_locked(
    store: &mut dyn Store,
    job: &Job<'_>,
    prepared: Prepared,
    resume: bool,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    store.prepare_object(&job.object)?;
    for target in prepared.references.targets() {
        store.prepare_object(target)?;
    }
    let earlier =
        if resume { store.find_import_by_fingerprint(job.object.name(), &job.fingerprint)? } else { None };
    let mut import = match earlier {
        Some(import) if import.status == ImportStatus::Completed => {
            return Ok(Outcome { import, was_complete: true });
        }
        Some(import) if matches!(import.status, ImportStatus::Running | ImportStatus::Interrupted) => import,
        _ => {
            let mut import = Import {
                id: 0,
                object: job.object.name().to_owned(),
                source: job.source_name.clone(),
                fingerprint: job.fingerprint.clone(),
                status: ImportStatus::Running,
                ledger: Ledger::default(),
                checkpoint: None,
                started_at: (job.clock)(),
                finished_at: None,
                undo_of: None,
                message: None,
            };
            import.id = store.create_import(&import)?;
            import
        }
    };
    if import.status != ImportStatus::Running {
        import.status = ImportStatus::Running;
        import.message = None;
        store.save_import(&import)?;
    }
    observer.begun(import.id)?;
    let checkpoint: Checkpoint =
        import.checkpoint.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    if import.checkpoint.is_none() {
        import.ledger = Ledger::default();
    }
    observer.resumed(checkpoint.failed_bytes)?;
    let mut run = Run::new(job, prepared, import, checkpoint, observer);
    let result = run.apply(store);
    run.conclude(store, result)
}

/// Plans an import: every row gets the fate it would have, nothing is written.
pub fn plan(store: &mut dyn Store, job: &Job<'_>, observer: &mut dyn Observer) -> Result<Outcome> {
    let prepared = Prepared::new(job, observer)?;
    store.prepare_object(&job.object)?;
    for target in prepared.references.targets() {
        store.prepare_object(target)?;
    }
    let import = Import {
        id: 0,
        object: job.object.name().to_owned(),
        source: job.source_name.clone(),
        fingerprint: job.fingerprint.clone(),
        status: ImportStatus::Completed,
        ledger: Ledger::default(),
        checkpoint: None,
        started_at: (job.clock)(),
        finished_at: None,
        undo_of: None,
        message: None,
    };
    observer.resumed(0)?;
    let mut run = Run::new(job, prepared, import, Checkpoint::default(), observer);
    run.imagine(store)?;
    let mut import = run.import;
    if job.object.policy.mode == Mode::Atomic && import.ledger.count(Fate::Rejected) > 0 {
        import.ledger.roll_back();
    }
    Ok(Outcome { import, was_complete: false })
}
