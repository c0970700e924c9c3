//! The work of an import job: a stored file into an object, exactly once however often it is begun.

use std::sync::atomic::Ordering;

use dray_engine::map::MappingRequest;
use dray_formats::ReadOptions;
use dray_model::catalog::{Job, Session};
use dray_model::flow::ImportStatus;
use dray_model::{Error, Result};

use crate::clock;
use crate::failed_file::FailedFile;
use crate::operations::import::{ImportRequest, Rows, Watch, import};
use crate::operations::import_job::{ImportJob, ImportResult, ledger_words};
use crate::operations::objects::KnownObjects;
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};
use crate::server::queue::Done;
use crate::source::Source;

/// How long rejected rows are kept, in microseconds.
const FAILED_FILE_TIME: i64 = 7 * 24 * 3600 * 1_000_000;

/// The stored file of an import, ready to be opened.
pub fn source_of(app: &App, organization: &str, asked: &ImportJob) -> Result<Source> {
    let path = app.files().path(organization, &asked.file).filter(|path| path.is_file());
    let path = path.ok_or_else(|| {
        Error::request(format!("the file `{}` is no longer kept", asked.source_name)).hint("send it again")
    })?;
    let options = ReadOptions { columns: asked.only_columns.clone(), ..asked.read.options()? };
    Ok(Source::stored(&asked.source_name, path, options))
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
        let result = ImportResult {
            import: before.id,
            ledger: ledger_words(&before.ledger),
            failed_file: asked.failed_file.filter(|id| matches!(Files::find(session, id), Ok(Some(_)))),
            ..ImportResult::default()
        };
        return done(&result);
    }
    let source = source_of(app, organization, &asked)?;
    let failed = match &asked.failed_file {
        None => None,
        Some(id) => {
            let path = app.files().new_path(organization, id)?;
            Some(FailedFile::new(&path, source.open(0)?.failed_rows()))
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
        object,
    };
    let report = import(session, &known, request, watch)?;
    job.import_id = Some(report.import.id);
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

fn done(result: &ImportResult) -> Result<Done> {
    serde_json::to_value(result)
        .map(|result| Done::Completed(result, None))
        .map_err(|cause| Error::store("the result of an import cannot be written down").because(cause))
}

/// Makes the file of rejected rows known, where there are any.
fn describe_failed(
    app: &App,
    organization: &str,
    session: &mut dyn Session,
    id: &str,
    source_name: &str,
) -> Result<Option<String>> {
    let path = app.files().path(organization, id).filter(|path| path.is_file());
    let Some(path) = path else { return Ok(None) };
    let now = clock::now();
    let file = StoredFile {
        id: id.to_owned(),
        name: format!("failed-{source_name}"),
        bytes: std::fs::metadata(path).map_or(0, |about| about.len()),
        expires_at: now + FAILED_FILE_TIME,
    };
    Files::describe(session, &file, now)?;
    Ok(Some(id.to_owned()))
}
