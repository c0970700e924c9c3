//! The work of an import job: a stored file into an object, exactly once however often it is begun.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dray_engine::map::MappingRequest;
use dray_formats::ReadOptions;
use dray_model::catalog::{Job, Session};
use dray_model::flow::ImportStatus;
use dray_model::ledger::Fate;
use dray_model::object::Object;
use dray_model::{Error, Result};
use serde_json::Map;

use crate::operations::import::{ImportRequest, Rows, Watch, import};
use crate::operations::import_job::{ImportJob, ImportResult, ledger_words};
use crate::operations::ledger::{fates_json, mapping_json, problem_json};
use crate::operations::objects::KnownObjects;
use crate::operations::outcomes::{ImportNote, save_note};
use crate::operations::plans::{self, Planned};
use crate::operations::quota::Quota;
use crate::outbound::fetch::{FetchLimits, FetchWatch, Wanted, fetch_to_path};
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};
use crate::server::queue::Done;
use crate::source::Source;

/// The stored file of an import, ready to be opened; `None` where it is gone.
pub fn kept_source(app: &App, organization: &str, asked: &ImportJob) -> Result<Option<Source>> {
    let options = ReadOptions { columns: asked.only_columns.clone(), ..asked.read.options()? };
    Ok(app.files().local(organization, &asked.file)?.map(|file| {
        let mut source = Source::stored(&asked.source_name, file, options);
        source.edit(asked.edits.clone());
        source
    }))
}

/// The stored file of an import that is to be done.
fn source_of(app: &App, organization: &str, asked: &ImportJob) -> Result<Source> {
    kept_source(app, organization, asked)?.ok_or_else(|| {
        Error::request(format!("the file `{}` is no longer kept", asked.source_name)).hint("send it again")
    })
}

/// Imports.
pub fn perform(
    app: &App,
    organization: &str,
    session: &mut dyn Session,
    job: &mut Job,
    watch: &Watch,
) -> Result<Done> {
    if job.cancel_requested {
        return Ok(Done::Stopped);
    }
    let asked = ImportJob::parse(&job.request)?;
    let known = KnownObjects::load(session)?;
    let object = known.named(&job.object)?;
    // Whoever did it before may have died between the import's end and the job's.
    let before = session.find_import_by_fingerprint(object.name(), &asked.fingerprint_of(job.id))?;
    if let Some(before) = before.filter(|before| {
        before.finished_at.is_some()
            && matches!(before.status, ImportStatus::Completed | ImportStatus::Undone)
    }) {
        job.import_id = Some(before.id);
        watch.rows.store(before.ledger.read, Ordering::Relaxed);
        let failed_file = match &asked.failed_file {
            Some(id) if before.ledger.count(Fate::Rejected) > 0 => {
                app.files().end_failed_rows(organization, id, &failed_name(&asked.source_name))?;
                describe_failed(app, organization, session, id, &asked.source_name)?
            }
            _ => None,
        };
        if asked.remove_file {
            app.files().remove(session, organization, &asked.file)?;
        }
        let result = ImportResult {
            import: before.id,
            ledger: ledger_words(&before.ledger),
            failed_file,
            ..ImportResult::default()
        };
        return done(&result);
    }
    if let Some(url) = &asked.source_url {
        fetch(app, organization, session, &asked, url, watch)?;
    }
    let source = source_of(app, organization, &asked)?;
    watch.total.store(source.bytes, Ordering::Relaxed);
    if asked.dry_run {
        let planned = plan(session, &known, &object, &asked, &source, watch)?;
        if asked.remove_file {
            app.files().remove(session, organization, &asked.file)?;
        }
        return Ok(planned);
    }
    let failed = match &asked.failed_file {
        None => None,
        Some(id) => {
            let format = source.open(0)?.failed_rows();
            Some(app.files().failed_rows(organization, id, &failed_name(&source.name), format)?)
        }
    };
    let request = ImportRequest {
        policy: asked.policy.clone(),
        rows: Rows::File(&source),
        source_name: asked.source_name.clone(),
        source_bytes: Some(source.bytes),
        fingerprint: asked.fingerprint_of(job.id),
        mapping: MappingRequest { columns: asked.columns.clone(), statics: asked.statics.clone() },
        date_order: asked.date_order(),
        failed,
        resume: true,
        plan: false,
        quota: asked.quota(),
        object: Arc::clone(&object),
    };
    let report = import(session, &known, request, watch)?;
    job.import_id = Some(report.import.id);
    let failed_file = asked.failed_file.clone();
    let note = ImportNote { failed_file, ..ImportNote::of(&report, &object, &job.actor) };
    let now = session.time()?;
    save_note(session, report.import.id, &note, now)?;
    let was_stopped = watch.stop.load(Ordering::Relaxed) && report.import.status != ImportStatus::Completed;
    if was_stopped || report.import.status == ImportStatus::Interrupted {
        return Ok(Done::Stopped);
    }
    let failed_file = match &asked.failed_file {
        Some(id) => describe_failed(app, organization, session, id, &source.name)?,
        None => None,
    };
    watch.rows.store(report.import.ledger.read, Ordering::Relaxed);
    let result = ImportResult {
        import: report.import.id,
        ledger: ledger_words(&report.import.ledger),
        unresolved: report.unresolved,
        failed_file,
    };
    if report.import.status == ImportStatus::Failed {
        let message = report.import.message.unwrap_or_else(|| "nothing was imported".to_owned());
        return Ok(Done::Failed(serde_json::to_value(&result).unwrap_or_default(), message));
    }
    if asked.remove_file {
        app.files().remove(session, organization, &asked.file)?;
    }
    done(&result)
}

/// Fetches the file that lies somewhere, unless an earlier attempt of this job has.
fn fetch(
    app: &App,
    organization: &str,
    session: &mut dyn Session,
    asked: &ImportJob,
    url: &str,
    watch: &Watch,
) -> Result<()> {
    if app.files().size(organization, &asked.file)?.is_some() {
        return Ok(());
    }
    let draft = app.files().draft(organization)?;
    let limits = FetchLimits::of_bytes(app.files().most_bytes());
    let fetching = FetchWatch { bytes: &watch.bytes, stop: &watch.stop };
    fetch_to_path(app.outbound(), Wanted::at(url), &draft, &limits, fetching)?;
    let name = asked.source_name.clone();
    let bytes = app.files().adopt(organization, &asked.file, &name, draft)?;
    watch.bytes.store(0, Ordering::Relaxed);
    let now = session.time()?;
    let file = StoredFile {
        id: asked.file.clone(),
        name,
        bytes,
        expires_at: app.settings().imports_kept_until(now),
    };
    Files::describe(session, &file, now)
}

/// Problems that the result of a dry run shows.
const SHOWN: usize = 20;

/// What the import would do.
fn plan(
    session: &mut dyn Session,
    known: &KnownObjects,
    object: &Arc<Object>,
    asked: &ImportJob,
    source: &Source,
    watch: &Watch,
) -> Result<Done> {
    let planned = plans::plan(session, known, object, asked, source, Quota::default(), watch)?;
    let (report, refused) = match planned {
        Planned::Done(report, _) => (report, None),
        Planned::Refused(error, Some(report)) => (report, Some(error)),
        Planned::Refused(error, None) => return Err(error),
        Planned::Exceeded(exceeded) => return Err(Error::request(exceeded.message)),
    };
    let mut result = Map::new();
    result.insert("dryRun".to_owned(), true.into());
    result.insert("plan".to_owned(), fates_json(&report.import.ledger).into());
    result.insert("rows".to_owned(), plans::first_rows(&report, source)?);
    result.insert("changedCells".to_owned(), report.changed_cells.into());
    result.insert("problems".to_owned(), report.problems.iter().take(SHOWN).map(problem_json).collect());
    if let Some(mapping) = &report.mapping {
        let (mapping, ignored) = mapping_json(object, mapping);
        result.insert("mapping".to_owned(), mapping);
        result.insert("ignored".to_owned(), ignored);
    }
    Ok(match refused {
        Some(error) => Done::Failed(result.into(), error.message),
        None => Done::Completed(result.into(), None),
    })
}

/// What a failed import came to before: the ledger of the rows that were read, and those that were rejected.
/// The other rows are in its source, and a retry goes on with them. `None` where it never began.
pub fn account(
    app: &App,
    organization: &str,
    session: &mut dyn Session,
    job: &Job,
) -> Result<Option<String>> {
    let Some(import) = job.import_id else { return Ok(None) };
    let (asked, import) = (ImportJob::parse(&job.request)?, session.find_import(import)?);
    let Some(import) = import else { return Ok(None) };
    let failed_file = match &asked.failed_file {
        Some(id) => describe_failed(app, organization, session, id, &asked.source_name)?,
        None => None,
    };
    let result = ImportResult {
        import: import.id,
        ledger: ledger_words(&import.ledger),
        failed_file,
        ..ImportResult::default()
    };
    Ok(serde_json::to_string(&result).ok())
}

fn done(result: &ImportResult) -> Result<Done> {
    serde_json::to_value(result)
        .map(|result| Done::Completed(result, None))
        .map_err(|cause| Error::store("the result of an import cannot be written down").because(cause))
}

/// What people call the file of rejected rows.
pub fn failed_name(source_name: &str) -> String {
    format!("failed-{source_name}")
}

/// Makes the file of rejected rows known, where there are any; returns its name then.
pub fn describe_failed(
    app: &App,
    organization: &str,
    session: &mut dyn Session,
    id: &str,
    source_name: &str,
) -> Result<Option<String>> {
    let Some(bytes) = app.files().size(organization, id)? else { return Ok(None) };
    let now = session.time()?;
    let file = StoredFile {
        id: id.to_owned(),
        name: failed_name(source_name),
        bytes,
        expires_at: app.settings().imports_kept_until(now),
    };
    Files::describe(session, &file, now)?;
    Ok(Some(id.to_owned()))
}
