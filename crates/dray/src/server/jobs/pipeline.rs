//! The work of a run of a pipeline: its file is fetched whole, its rows become identities, those are imported,
//! and identities that left the file go. Begun again, it ends the same.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use dray_engine::expression::Schema;
use dray_engine::map::MappingRequest;
use dray_engine::pipeline::columns::{align, align_output};
use dray_engine::pipeline::leaves::leaves;
use dray_engine::pipeline::rows::{RowPipeline, RowRules};
use dray_engine::pipeline::steps::Step;
use dray_engine::pipeline::times;
use dray_formats::{pack_whole, zip_member_time};
use dray_model::catalog::{Job, Session};
use dray_model::definition::{Merge, Mode, OnDuplicate};
use dray_model::flow::ImportStatus;
use dray_model::ledger::{Fate, Ledger};
use dray_model::object::{Object, SystemColumn};
use dray_model::query::{Filter, Query};
use dray_model::{Error, ErrorKind, Result};

use super::import::{describe_failed, failed_name};
use super::resolution;
use crate::memory::give_back_now;
use crate::operations::identities;
use crate::operations::import::{ImportRequest, Rows, Watch, import};
use crate::operations::import_job::ledger_words;
use crate::operations::objects::KnownObjects;
use crate::operations::pipelines::definition::Compiled;
use crate::operations::pipelines::export::export;
use crate::operations::pipelines::file_rows::{FileAsked, FileRows, OpenFault, told};
use crate::operations::pipelines::format_settings::Packing;
use crate::operations::pipelines::receive::{
    COLUMNS, ReceiveFault, Received, Receiving, Users, receive, run_error,
};
use crate::operations::pipelines::run::{RunAsked, RunResult};
use crate::operations::pipelines::saved::{self, Pipeline};
use crate::operations::pipelines::spool::SpoolWriter;
use crate::operations::policy::PolicyRequest;
use crate::operations::profile_schema;
use crate::operations::quota::Quota;
use crate::outbound::fetch::FetchWatch;
use crate::server::app::App;
use crate::server::connections::{self, Connection, open_storage};
use crate::server::queue::Done;
use crate::storage::path::filled;
use crate::storage::{Fetched, NewStorageFile, Role, Storage, is_pattern};

/// How long runs are kept, in microseconds: metrics look back thirty days.
const KEPT: i64 = 90 * 24 * 3600 * 1_000_000;
/// Identities deleted at once.
const DELETED_AT_ONCE: usize = 5_000;

/// Why a run ends before its end.
enum Stop {
    /// For a reason that its people are told.
    Told(Step, String),
    /// Somebody wants it to stop.
    Stopped,
    /// The server cannot do it at the moment.
    Broken(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

fn at(step: Step) -> impl Fn(String) -> Stop {
    move |message| Stop::Told(step, message)
}

/// Runs a pipeline.
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
    let asked = RunAsked::parse(&job.request)?;
    let mut result = RunResult::default();
    let mut is_import = false;
    let done = match saved::find(session, asked.pipeline)? {
        None => Err(Stop::Told(Step::Receive, "the pipeline was deleted".to_owned())),
        Some((pipeline, _)) => {
            is_import = pipeline.role == Role::Source;
            let mut run = Run { app, organization, session, job, watch, asked: &asked, result: &mut result };
            match pipeline.role {
                Role::Source => run.import(&pipeline),
                Role::Destination => run.export(&pipeline),
            }
        }
    };
    let now = session.time()?;
    let expires_at = Some(now.saturating_add(KEPT));
    if is_import && matches!(done, Ok(()) | Err(Stop::Told(..))) {
        let by = format!("run {}", job.id);
        if resolution::start_after_import(session, &by, now)?.is_some() {
            app.queue().wake();
        }
    }
    job.expires_at = expires_at;
    let written = |result: &RunResult| {
        serde_json::to_value(result)
            .map_err(|cause| Error::store("the result of a run cannot be written down").because(cause))
    };
    match done {
        Ok(()) => Ok(Done::Completed(written(&result)?, expires_at)),
        Err(Stop::Stopped) => Ok(Done::Stopped),
        Err(Stop::Broken(error)) => Err(error),
        Err(Stop::Told(step, message)) => {
            result.errors.push(run_error(step, &message));
            result.error.clone_from(&message);
            Ok(Done::Failed(written(&result)?, message))
        }
    }
}

struct Run<'r> {
    app: &'r App,
    organization: &'r str,
    session: &'r mut dyn Session,
    job: &'r mut Job,
    watch: &'r Watch,
    asked: &'r RunAsked,
    result: &'r mut RunResult,
}

impl Run<'_> {
    fn import(&mut self, pipeline: &Pipeline) -> std::result::Result<(), Stop> {
        let compiled = Compiled::new(pipeline).map_err(at(Step::Receive))?;
        let now = self.session.time()?;
        if !pipeline.dropped_paths.is_empty() {
            identities::clear_leaves(self.session, pipeline.id, &pipeline.dropped_paths, now)?;
            let cleared = pipeline.dropped_paths.clone();
            saved::change(self.session, pipeline.id, now, &mut |pipeline| {
                pipeline.dropped_paths.retain(|path| !cleared.contains(path));
            })?;
        }
        let schema = profile_schema::load(self.session)?.schema;
        align_output(&compiled.output, &schema).map_err(at(Step::OutputValidation))?;
        let incremental = self.asked.incremental.unwrap_or(pipeline.incremental);
        let cursor = pipeline.cursor.filter(|_| incremental);
        self.result.full = cursor.is_none();

        let copy = self.app.files().draft(self.organization)?;
        let (path, fetched) =
            fetch_file(self.app, self.organization, self.session, pipeline, &copy, self.watch)?;
        self.result.path.clone_from(&path);
        let within = if pipeline.packing == Packing::Zip { File::open(&copy).ok() } else { None };
        let modified = within.and_then(zip_member_time).unwrap_or(fetched.modified);
        let file_time = times::checked(modified, now).map_err(|why| {
            Stop::Told(Step::InputValidation, format!("the time of the last change of `{path}` {why}"))
        })?;
        self.watch.total.store(fetched.bytes, Ordering::Relaxed);

        let rows = FileRows::open(&FileAsked {
            name: &path,
            path: &copy,
            format: pipeline.format,
            settings: &pipeline.settings,
            sheet: pipeline.sheet.as_deref(),
            packing: pipeline.packing,
        })
        .map_err(open_fault)?;
        let places = align(&compiled.input, &rows.columns, compiled.alignment).map_err(at(Step::Receive))?;
        let transformation = compiled.transformation.load(self.app.functions().as_ref());
        let transformation =
            transformation.map_err(|error| Stop::Told(Step::Transformation, error.to_string()))?;
        let rules = RowRules {
            input: compiled.input,
            user_id: compiled.user_id,
            updated_at: compiled.updated_at,
            filter: compiled.filter,
            file_time,
            cursor,
            now,
        };
        let leaves = leaves(&compiled.output);
        let spool_path = self.app.files().draft(self.organization)?;
        let mut spool = SpoolWriter::new(&spool_path, COLUMNS.len() + leaves.len())?;
        let failed_format = rows.failed_rows();
        let receiving =
            Receiving { pipeline: pipeline.id, leaves: &leaves, newest_wins: pipeline.newest_wins };
        let watch = self.watch;
        let row_pipeline = RowPipeline::new(rules, transformation);
        let mut received = receive(rows, &places, row_pipeline, &receiving, &mut spool, &mut |row| {
            watch.rows.store(row, Ordering::Relaxed);
            !watch.stop.load(Ordering::Relaxed)
        });
        self.result.counts = received.counts;
        if let Some(fault) = received.fault.take() {
            return Err(receive_fault(fault));
        }
        drop(copy);
        self.result.errors.clone_from(&received.errors);
        self.result.not_newer = received.not_newer;
        let columns: Vec<String> = COLUMNS
            .iter()
            .map(|name| (*name).to_owned())
            .chain(leaves.iter().map(|leaf| leaf.column.clone()))
            .collect();
        let spool = spool.finish(columns.clone(), failed_format);

        give_back_now();
        let object = identities::ensure(self.session, now)?;
        self.result.ledger = ledger_words(&Ledger::default());
        if spool.rows > 0 {
            self.write(pipeline, &path, &received, &spool, columns, &object)?;
        }
        if self.result.full {
            self.purge(pipeline, &received, &object)?;
        }
        let latest = received.latest;
        saved::change(self.session, pipeline.id, now, &mut |pipeline| {
            pipeline.cursor = latest.or(pipeline.cursor);
        })?;
        Ok(())
    }

    /// Writes profiles to a file: here first, then packed to where it goes, so that it appears whole.
    fn export(&mut self, pipeline: &Pipeline) -> std::result::Result<(), Stop> {
        let schema = Schema::parse(&pipeline.in_schema).map_err(at(Step::Receive))?;
        let profiles = profile_schema::load(self.session)?.schema;
        align_output(&schema, &profiles).map_err(at(Step::OutputValidation))?;
        let Some(connection) = connections::find(self.session, pipeline.connection)? else {
            return Err(Stop::Told(Step::Finalize, "the connection was deleted".to_owned()));
        };
        let now = self.session.time()?;
        let path = filled(&pipeline.path, now).map_err(at(Step::Receive))?;
        self.result.path.clone_from(&path);
        let draft = self.app.files().draft(self.organization)?;
        let file = File::create(&draft).map_err(cannot_keep)?;
        let watch = self.watch;
        let records = export(self.session, pipeline, &schema, Box::new(file), &mut |records| {
            watch.rows.store(records, Ordering::Relaxed);
            !watch.stop.load(Ordering::Relaxed)
        })
        .map_err(export_fault)?;
        let sent = self.send(pipeline, &connection, &path, &draft);
        match &sent {
            Ok(()) => self.result.counts.pass(Step::Finalize, records),
            Err(Stop::Told(..)) => self.result.counts.fail(Step::Finalize, records),
            Err(_) => {}
        }
        sent
    }

    fn send(
        &self,
        pipeline: &Pipeline,
        connection: &Connection,
        path: &str,
        draft: &Path,
    ) -> std::result::Result<(), Stop> {
        let media_type = pipeline.packing.media_type().unwrap_or(pipeline.format.media_type());
        let storage = open_storage(self.app, self.organization, connection).map_err(sending_fault)?;
        let to = storage.create(path, media_type).map_err(sending_fault)?;
        let to = Arc::new(Mutex::new(to));
        let mut from = File::open(draft).map_err(cannot_keep)?;
        let written = match pipeline.packing.compression() {
            None => std::io::copy(&mut from, &mut Sending(Arc::clone(&to))).map(|_| ()),
            Some(compression) => {
                let member = member_name(path, pipeline);
                pack_whole(compression, &member, &mut from, Box::new(Sending(Arc::clone(&to))))
            }
        };
        written.map_err(|why| match why.downcast::<Error>() {
            Ok(error) => sending_fault(error),
            Err(why) => Stop::Told(Step::Finalize, format!("the file cannot be written: {why}")),
        })?;
        let file = Arc::into_inner(to).map(|file| file.into_inner().unwrap_or_else(PoisonError::into_inner));
        match file {
            Some(file) => file.finish().map(|_| ()).map_err(sending_fault),
            None => Err(Error::file("a file on its way is still held").retryable().into()),
        }
    }

    /// Imports what waits in the spool.
    fn write(
        &mut self,
        pipeline: &Pipeline,
        path: &str,
        received: &Received,
        spool: &crate::operations::pipelines::spool::Spool,
        columns: Vec<String>,
        object: &Arc<Object>,
    ) -> std::result::Result<(), Stop> {
        let fingerprint = format!("run {} {:016x}", self.job.id, spool.hash);
        // An attempt that met another content of the file will not be gone on with.
        if let Some(before) = self.job.import_id
            && let Some(mut import) = self.session.find_import(before)?
            && import.fingerprint != fingerprint
            && matches!(import.status, ImportStatus::Running | ImportStatus::Interrupted)
        {
            import.status = ImportStatus::Failed;
            import.message = Some("the run was begun anew, and the file has changed meanwhile".to_owned());
            self.session.save_import(&import)?;
        }
        let failed_name = failed_name(path.rsplit('/').next().unwrap_or(path));
        let failed = self.app.files().failed_rows(
            self.organization,
            &self.asked.failed_file,
            &failed_name,
            spool.failed_rows(),
        )?;
        let open = |skip_rows| spool.open(skip_rows);
        let known = KnownObjects::load(self.session)?;
        let request = ImportRequest {
            object: Arc::clone(object),
            policy: PolicyRequest {
                match_by: vec![identities::KEY.to_owned()],
                on_duplicate: Some(OnDuplicate::Update),
                merge: Some(Merge::Overwrite),
                mode: Some(Mode::Partial),
                ..PolicyRequest::default()
            },
            rows: Rows::Made(&open),
            source_name: path.to_owned(),
            source_bytes: Some(spool.bytes),
            fingerprint,
            mapping: MappingRequest {
                columns: columns.iter().map(|name| (name.clone(), name.clone())).collect(),
                statics: vec![
                    (identities::PIPELINE.to_owned(), pipeline.id.to_string()),
                    (identities::CONNECTION.to_owned(), pipeline.connection.to_string()),
                ],
            },
            date_order: None,
            failed: Some(failed),
            resume: true,
            plan: false,
            quota: Quota::default(),
        };
        let report = import(self.session, &known, request, self.watch)?;
        self.job.import_id = Some(report.import.id);
        self.result.import = report.import.id;
        self.result.ledger = ledger_words(&report.import.ledger);
        let completed = report.import.status == ImportStatus::Completed;
        if report.import.status == ImportStatus::Interrupted
            || (!completed && self.watch.stop.load(Ordering::Relaxed))
        {
            return Err(Stop::Stopped);
        }
        self.result.failed_file = describe_failed(
            self.app,
            self.organization,
            self.session,
            &self.asked.failed_file,
            path.rsplit('/').next().unwrap_or(path),
        )?;
        if !completed {
            let message = report.import.message.unwrap_or_else(|| "nothing was imported".to_owned());
            return Err(Stop::Told(Step::Finalize, message));
        }
        let failed_before: u64 =
            self.result.counts.failed.iter().sum::<u64>() - self.result.counts.failed[Step::Filter as usize];
        let refused = report.import.ledger.count(Fate::Rejected).saturating_sub(failed_before);
        self.result.counts.pass(Step::Finalize, received.identities.saturating_sub(refused));
        self.result.counts.fail(Step::Finalize, refused);
        self.watch.rows.store(report.import.ledger.read, Ordering::Relaxed);
        Ok(())
    }

    /// Deletes the identities whose users the file has no more.
    fn purge(
        &mut self,
        pipeline: &Pipeline,
        received: &Received,
        object: &Object,
    ) -> std::result::Result<(), Stop> {
        if received.unknown_users > 0 {
            let rows = received.unknown_users;
            let message = format!(
                "identities that are no longer in the file were kept, as the user of {rows} of its rows is not known"
            );
            self.result.errors.push(run_error(Step::Finalize, &message));
            return Ok(());
        }
        let of_pipeline = identities::equal(object, identities::PIPELINE, &pipeline.id.to_string())?;
        // Whose every row was written has no other identities where it has as many as users.
        let written = received.users.written();
        if self.result.counts.failed[Step::Finalize as usize] == 0
            && self.session.count_records(object, Some(&of_pipeline), written + 1)? == written
        {
            return Ok(());
        }
        let gone = no_longer_there(self.session, object, of_pipeline, &received.users)?;
        for ids in gone.chunks(DELETED_AT_ONCE) {
            self.result.purged += self.session.delete_records(object, ids)?;
        }
        Ok(())
    }
}

/// The identities of these whose users are not among those.
fn no_longer_there(
    session: &mut dyn Session,
    object: &Object,
    of_pipeline: Filter,
    users: &Users,
) -> Result<Vec<i64>> {
    let query = Query { filter: Some(of_pipeline), sort: Vec::new(), limit: None };
    let read = [object.system(SystemColumn::Id), identities::column(object, identities::USER_ID)?];
    let mut gone = Vec::new();
    session.read(object, &query, &read, 8_192, &mut |batch| {
        let ids = batch.column(0).as_primitive::<Int64Type>();
        let names = batch.column(1).as_string::<i32>();
        for row in 0..batch.num_rows() {
            if names.is_null(row) || !users.has(names.value(row)) {
                gone.push(ids.value(row));
            }
        }
        Ok(())
    })?;
    Ok(gone)
}

/// Copies the file of a pipeline to this machine; also says which it was.
fn fetch_file(
    app: &App,
    organization: &str,
    session: &mut dyn Session,
    pipeline: &Pipeline,
    to: &Path,
    watch: &Watch,
) -> std::result::Result<(String, Fetched), Stop> {
    let Some(connection) = connections::find(session, pipeline.connection)? else {
        return Err(Stop::Told(Step::InputValidation, "the connection was deleted".to_owned()));
    };
    let opened = open_storage(app, organization, &connection).map_err(storage_fault)?;
    let path = newest(&opened, &pipeline.path).map_err(storage_fault)?;
    let Some(path) = path else {
        let message = format!("no file matches `{}`", pipeline.path);
        return Err(Stop::Told(Step::InputValidation, message));
    };
    let watching = FetchWatch { bytes: &watch.bytes, stop: &watch.stop };
    let fetched = opened.fetch(&path, to, app.files().most_bytes(), watching).map_err(storage_fault)?;
    watch.bytes.store(0, Ordering::Relaxed);
    Ok((path, fetched))
}

/// The path itself, or the newest of the files that a pattern names.
pub fn newest(storage: &Storage, path: &str) -> Result<Option<String>> {
    if !is_pattern(path) {
        return Ok(Some(path.to_owned()));
    }
    Ok(storage.newest(path)?.map(|listed| listed.path))
}

fn storage_fault(error: Error) -> Stop {
    match error.kind {
        ErrorKind::Interrupted => Stop::Stopped,
        ErrorKind::Store => Stop::Broken(error),
        ErrorKind::File if error.retryable => Stop::Broken(error),
        _ => Stop::Told(Step::InputValidation, told(&error)),
    }
}

/// A file on its way, for whoever wants to own where it writes.
struct Sending(Arc<Mutex<NewStorageFile>>);

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

/// What the only file of a zip archive is called.
fn member_name(path: &str, pipeline: &Pipeline) -> String {
    let name = path.split('?').next().unwrap_or(path).rsplit('/').next().unwrap_or("data");
    let name = name.strip_suffix(".zip").unwrap_or(name);
    if name.contains('.') { name.to_owned() } else { format!("{name}.{}", pipeline.format.extension()) }
}

fn cannot_keep(why: std::io::Error) -> Stop {
    Stop::Broken(Error::file("the export cannot be kept before it is sent").because(why).retryable())
}

fn export_fault(error: Error) -> Stop {
    match error.kind {
        ErrorKind::Interrupted => Stop::Stopped,
        ErrorKind::Store => Stop::Broken(error),
        ErrorKind::File if error.retryable => Stop::Broken(error),
        _ => Stop::Told(Step::Finalize, told(&error)),
    }
}

/// What a storage says of a file that is sent to it.
fn sending_fault(error: Error) -> Stop {
    match error.kind {
        ErrorKind::Interrupted => Stop::Stopped,
        ErrorKind::Store => Stop::Broken(error),
        _ => Stop::Told(Step::Finalize, told(&error)),
    }
}

fn open_fault(fault: OpenFault) -> Stop {
    match fault {
        OpenFault::Packing(message) => Stop::Told(Step::InputValidation, message),
        OpenFault::NoSheet(message) | OpenFault::NoColumns(message) => Stop::Told(Step::Receive, message),
        OpenFault::Unreadable(error) => reading_fault(error),
    }
}

fn reading_fault(error: Error) -> Stop {
    match error.kind {
        ErrorKind::Store => Stop::Broken(error),
        ErrorKind::File if error.retryable => Stop::Broken(error),
        ErrorKind::Interrupted => Stop::Stopped,
        _ => Stop::Told(Step::Receive, told(&error)),
    }
}

fn receive_fault(fault: ReceiveFault) -> Stop {
    match fault {
        ReceiveFault::Reading(error) => reading_fault(error),
        ReceiveFault::Function(error) => Stop::Told(Step::Transformation, error.to_string()),
        ReceiveFault::Keeping(error) => Stop::Broken(error),
        ReceiveFault::Stopped => Stop::Stopped,
    }
}
