//! One import, plan or undo from a request to its report.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use dray_engine::check::style::DateOrder;
use dray_engine::map::{Mapping, MappingRequest};
use dray_engine::run::{self, Job, Observer, Outcome, Progress};
use dray_engine::undo::{Undone, undo};
use dray_engine::write::Change;
use dray_formats::ReadOptions;
use dray_model::Result;
use dray_model::catalog::Session;
use dray_model::flow::{Detected, Import, ImportStatus, RowSource};
use dray_model::ledger::Fate;
use dray_model::object::Object;
use dray_model::problem::{Problem, ProblemCode, Severity};

use super::objects::KnownObjects;
use super::policy::PolicyRequest;
use super::quota::{Exceeded, Quota};
use crate::clock;
use crate::failed_file::FailedFile;
use crate::source::Source;

/// Problems of either severity a report names; the rest are in the catalog.
pub const MOST_PROBLEMS: usize = 1_000;
/// Changed cells the report of a plan names.
pub const MOST_CHANGES: usize = 1_000;

/// Rows of each fate the report of a plan names.
const FIRST_ROWS: usize = 20;

/// Where the rows of a request are.
#[allow(clippy::large_enum_variant, reason = "there is one for each import")]
pub enum Rows<'r> {
    /// In the request itself.
    Bytes(Bytes, ReadOptions),
    /// In a file.
    File(&'r Source),
    /// Made by the program itself: opened with the first rows left out.
    Made(&'r (dyn Fn(u64) -> Result<Box<dyn RowSource>> + 'r)),
}

impl Rows<'_> {
    /// Opens them, the first `skip_rows` left out.
    pub fn open(&self, skip_rows: u64) -> Result<Box<dyn RowSource>> {
        match self {
            Self::Bytes(bytes, options) => {
                let options = ReadOptions { skip_rows, ..options.clone() };
                dray_formats::open_reader("the request", Box::new(Cursor::new(bytes.clone())), &options)
            }
            Self::File(source) => source.open(skip_rows),
            Self::Made(open) => open(skip_rows),
        }
    }
}

/// What is asked for.
pub struct ImportRequest<'r> {
    /// The object, with its own policy.
    pub object: Arc<Object>,
    /// Where this import shall differ from it.
    pub policy: PolicyRequest,
    /// The rows.
    pub rows: Rows<'r>,
    /// Their name for people.
    pub source_name: String,
    /// Their size, where known.
    pub source_bytes: Option<u64>,
    /// Tells whether a resumed run is about the same import; empty where it cannot be resumed.
    pub fingerprint: String,
    /// What is said about the mapping.
    pub mapping: MappingRequest,
    /// What is said about dates.
    pub date_order: Option<DateOrder>,
    /// Where rejected rows go.
    pub failed: Option<FailedFile>,
    /// Go on where a run with the same fingerprint stopped.
    pub resume: bool,
    /// Only a plan.
    pub plan: bool,
    /// What the organization may have; looked at while nobody else can write.
    pub quota: Quota,
}

/// How far an import is, for whoever watches from another thread; and the wish to stop it.
#[derive(Debug, Default)]
pub struct Watch {
    /// The number of the import; 0 before it is in the catalog.
    pub import_id: AtomicU64,
    /// Rows that have a fate.
    pub rows: AtomicU64,
    /// Rows rejected so far.
    pub rejected: AtomicU64,
    /// Bytes of the source consumed.
    pub bytes: AtomicU64,
    /// Bytes of the source, or records of an export; 0 while that is not known.
    pub total: AtomicU64,
    /// How often it was begun again by the same worker, as the store was away or busy.
    pub retries: AtomicU64,
    /// Set to stop at the next chunk.
    pub stop: AtomicBool,
}

/// How often a problem occurred in one place, and where first.
#[derive(Debug, Clone)]
pub struct ProblemGroup {
    /// How often.
    pub rows: u64,
    /// The first of them.
    pub first: Problem,
}

/// What an import or a plan came to.
#[derive(Debug)]
pub struct ImportReport {
    /// The import as the catalog has it (number 0 for a plan).
    pub import: Import,
    /// An earlier run was complete, so nothing was done.
    pub was_complete: bool,
    /// Which column fills which field.
    pub mapping: Option<Mapping>,
    /// What was found out about the source.
    pub detected: Vec<Detected>,
    /// The first problems, in the order they were found.
    pub problems: Vec<Problem>,
    /// All problems, by what is wrong and in which column.
    pub groups: Vec<ProblemGroup>,
    /// How many problems of error severity there were.
    pub errors: u64,
    /// How many warnings.
    pub warnings: u64,
    /// Changed cells of a plan, the first.
    pub changes: Vec<Change>,
    /// How many cells a plan would change.
    pub changed_cells: u64,
    /// The first rows of each fate in a plan.
    pub first_rows: BTreeMap<Fate, Vec<u64>>,
    /// Texts of references that found no record, by field.
    pub unresolved: BTreeMap<String, Vec<String>>,
    /// The limit it would have passed; then nothing was done.
    pub exceeded: Option<Exceeded>,
    /// True where a failed-rows file was written.
    pub has_failed_rows: bool,
}

/// How long an import with a quota waits for another one of the same object.
const LOCK_SECONDS: u64 = 60;
/// Unresolved references named per field.
const MOST_UNRESOLVED: usize = 100;

struct Reporter<'w> {
    watch: &'w Watch,
    failed: Option<FailedFile>,
    mapping: Option<Mapping>,
    detected: Vec<Detected>,
    problems: Vec<Problem>,
    groups: BTreeMap<(ProblemCode, Option<String>), ProblemGroup>,
    errors: u64,
    warnings: u64,
    wants_changes: bool,
    changes: Vec<Change>,
    changed_cells: u64,
    first_rows: BTreeMap<Fate, Vec<u64>>,
    unresolved: BTreeMap<String, Vec<String>>,
}

impl<'w> Reporter<'w> {
    fn new(watch: &'w Watch, failed: Option<FailedFile>, wants_changes: bool) -> Self {
        Self {
            watch,
            failed,
            mapping: None,
            detected: Vec::new(),
            problems: Vec::new(),
            groups: BTreeMap::new(),
            errors: 0,
            warnings: 0,
            wants_changes,
            changes: Vec::new(),
            changed_cells: 0,
            first_rows: BTreeMap::new(),
            unresolved: BTreeMap::new(),
        }
    }

    fn report(mut self, outcome: Outcome) -> Result<ImportReport> {
        // A run that goes on later goes on with its file.
        let failed = self.failed.take().filter(|_| outcome.import.status != ImportStatus::Interrupted);
        let has_failed_rows = failed.map_or(Ok(false), FailedFile::finish)?;
        Ok(ImportReport {
            import: outcome.import,
            was_complete: outcome.was_complete,
            mapping: self.mapping,
            detected: self.detected,
            problems: self.problems,
            groups: self.groups.into_values().collect(),
            errors: self.errors,
            warnings: self.warnings,
            changes: self.changes,
            changed_cells: self.changed_cells,
            first_rows: self.first_rows,
            unresolved: self.unresolved,
            exceeded: None,
            has_failed_rows,
        })
    }

    fn tell(&mut self, problem: &Problem) {
        let count = match problem.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        // Many warnings leave room for the errors.
        let is_told = *count <= MOST_PROBLEMS as u64;
        if problem.code == ProblemCode::ReferenceNotFound
            && let (Some(field), Some(value)) = (&problem.field, &problem.value)
        {
            let known = self.unresolved.entry(field.clone()).or_default();
            if known.len() < MOST_UNRESOLVED && !known.contains(value) {
                known.push(value.clone());
            }
        }
        let place = problem.column.clone().or_else(|| problem.field.clone());
        self.groups
            .entry((problem.code, place))
            .and_modify(|group| group.rows += 1)
            .or_insert_with(|| ProblemGroup { rows: 1, first: problem.clone() });
        if is_told {
            self.problems.push(problem.clone());
        }
    }
}

impl Observer for Reporter<'_> {
    fn begun(&mut self, import_id: i64) -> Result<()> {
        self.watch.import_id.store(u64::try_from(import_id).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }

    fn mapped(&mut self, mapping: &Mapping, source: &dyn RowSource) -> Result<()> {
        self.mapping = Some(mapping.clone());
        self.detected = source.detected();
        Ok(())
    }

    fn progress(&mut self, progress: Progress) {
        self.watch.rows.store(progress.rows, Ordering::Relaxed);
        self.watch.bytes.store(progress.bytes_read, Ordering::Relaxed);
    }

    fn rejected(&mut self, row_number: u64, raw: &[u8], problems: &[&Problem]) -> Result<()> {
        self.watch.rejected.fetch_add(1, Ordering::Relaxed);
        for problem in problems {
            self.tell(problem);
        }
        self.failed.as_mut().map_or(Ok(()), |failed| failed.add(row_number, raw, problems))
    }

    fn warned(&mut self, problem: &Problem) {
        self.tell(problem);
    }

    fn wants_hints(&self) -> bool {
        self.wants_changes
    }

    fn wants_changes(&self) -> bool {
        self.wants_changes
    }

    fn foreseen(&mut self, row_number: u64, fate: Fate) {
        let known = self.first_rows.entry(fate).or_default();
        if known.len() < FIRST_ROWS {
            known.push(row_number);
        }
    }

    fn change(&mut self, change: &Change) {
        self.changed_cells += 1;
        if self.changes.len() < MOST_CHANGES {
            self.changes.push(change.clone());
        }
    }

    fn checkpoint(&mut self) -> Result<u64> {
        self.failed.as_mut().map_or(Ok(0), FailedFile::checkpoint)
    }

    fn resumed(&mut self, failed_bytes: u64) -> Result<()> {
        self.failed.as_mut().map_or(Ok(()), |failed| failed.begin(failed_bytes))
    }

    fn should_stop(&self) -> bool {
        self.watch.stop.load(Ordering::Relaxed)
    }
}

/// Runs an import, or plans it.
pub fn import(
    session: &mut dyn Session,
    known: &KnownObjects,
    request: ImportRequest<'_>,
    watch: &Watch,
) -> Result<ImportReport> {
    let object = Arc::new(request.policy.apply(request.object.as_ref().clone())?);
    let resolve = |name: &str| known.resolve(name);
    let rows = &request.rows;
    let open = |skip_rows| rows.open(skip_rows);
    let job = Job {
        object,
        open: &open,
        source_name: request.source_name,
        source_bytes: request.source_bytes,
        fingerprint: request.fingerprint,
        mapping: request.mapping,
        date_order: request.date_order,
        object_named: &resolve,
        clock: &clock::now,
    };
    let mut reporter = Reporter::new(watch, request.failed, request.plan);
    if request.plan {
        let planned = run::plan(session, &job, &mut reporter)?;
        return reporter.report(planned);
    }
    if request.quota.records_per_object.is_none() {
        return imported(session, &job, request.resume, reporter);
    }
    // Counting and writing are one step: whoever else writes waits.
    session.prepare_object(&job.object)?;
    session.lock_object(job.object.name(), LOCK_SECONDS)?;
    let done = within_quota(session, &job, request.quota, request.resume, reporter);
    session.unlock_object(job.object.name())?;
    done
}

/// Imports where the quota allows it; the object is locked.
fn within_quota(
    session: &mut dyn Session,
    job: &Job<'_>,
    quota: Quota,
    resume: bool,
    reporter: Reporter<'_>,
) -> Result<ImportReport> {
    let before =
        if resume { session.find_import_by_fingerprint(job.object.name(), &job.fingerprint)? } else { None };
    if before.is_none_or(|before| before.status != ImportStatus::Completed) {
        let mut quiet = Reporter::new(reporter.watch, None, false);
        let mut planned = run::plan(session, job, &mut quiet)?;
        let ledger = &planned.import.ledger;
        let created = ledger.count(Fate::Created);
        if let Some(exceeded) = quota.exceeded(session, &job.object, ledger.read, created)? {
            planned.import.status = ImportStatus::Failed;
            planned.import.message = Some(exceeded.message.clone());
            planned.import.ledger.roll_back();
            let mut report = quiet.report(planned)?;
            report.exceeded = Some(exceeded);
            return Ok(report);
        }
    }
    imported(session, job, resume, reporter)
}

/// Runs an import to its end.
fn imported(
    session: &mut dyn Session,
    job: &Job<'_>,
    resume: bool,
    mut reporter: Reporter<'_>,
) -> Result<ImportReport> {
    let outcome = run::import(session, job, resume, &mut reporter)?;
    if resume {
        // A run that went on was told only of what came after; the catalog knows the rest.
        let kept = session.read_problems(outcome.import.id, MOST_PROBLEMS as u64)?;
        if kept.len() > reporter.problems.len() {
            (reporter.problems, reporter.errors, reporter.warnings) = (Vec::new(), 0, 0);
            reporter.groups.clear();
            kept.iter().for_each(|problem| reporter.tell(problem));
        }
    }
    reporter.report(outcome)
}

/// Takes an import back.
pub fn take_back(session: &mut dyn Session, known: &KnownObjects, import_id: i64) -> Result<Undone> {
    undo(session, import_id, &|name| known.resolve(name), &clock::now)
}
