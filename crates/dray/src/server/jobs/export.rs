//! The work of an export job: records into a stored file. It begins anew where the process died; what was
//! written before is swept away.

use std::sync::atomic::Ordering;

use dray_model::catalog::{Job, Session};
use dray_model::{Error, Result};

use crate::operations::export_job::{ExportJob, ExportResult};
use crate::operations::import::Watch;
use crate::operations::objects::KnownObjects;
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};
use crate::server::queue::Done;

/// Exports.
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
    let asked = ExportJob::parse(&job.request)?;
    let object = KnownObjects::load(session)?.named(&job.object)?;
    let export = asked.plan(&object)?;
    session.prepare_object(&object)?;
    let records = session.count_records(&object, export.query.filter.as_ref(), u64::MAX >> 1)?;
    watch.total.store(records.min(export.query.limit.unwrap_or(records)), Ordering::Relaxed);
    let id = Files::new_id();
    let file = app.files().create(organization, &id, &asked.file_name)?;
    let records = export.write(session, Box::new(file.clone()), &|records| {
        watch.rows.store(records, Ordering::Relaxed);
        watch.stop.load(Ordering::Relaxed)
    })?;
    let bytes = file.publish()?;
    watch.rows.store(records, Ordering::Relaxed);
    let now = session.time()?;
    let expires_at = app.settings().exports_kept_until(now);
    let stored = StoredFile { id, name: asked.file_name.clone(), bytes, expires_at };
    Files::describe(session, &stored, now)?;
    let result =
        ExportResult { file: stored.id, bytes: stored.bytes, records, expires_at: stored.expires_at };
    serde_json::to_value(&result)
        .map(|result| Done::Completed(result, None))
        .map_err(|cause| Error::store("the result of an export cannot be written down").because(cause))
}
