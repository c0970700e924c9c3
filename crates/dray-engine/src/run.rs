//! The one loop: import and plan. Rows are read, checked, matched and take effect in the store, or, for
//! a plan, in memory over it.
//!
//! A large import into a comparatively small table runs in three passes, all over the same source:
//! *bulk* (indexes down, rows that are certainly new go in, rows that may repeat something are held
//! back), *held* (indexes up again, the rows held back are decided one by one in file order) and
//! *direct* (the rest, if bulk did not pay). A small import is direct only. A plan does the same with
//! lookups in place of writes. Whatever the passes, the outcome is that of one row after the other.

use std::sync::Arc;

use dray_model::definition::Mode;
use dray_model::flow::{CreatedRange, Import, ImportStatus, Journal, RowSource, Store};
use dray_model::ledger::{Fate, Ledger};
use dray_model::object::Object;
use dray_model::problem::{Problem, Severity};
use dray_model::{Error, ErrorKind, Result};

use crate::check::decide::{DateOrder, Evidence};
use crate::check::{CheckedBatch, Checker};
use crate::fates::{FateRecorder, stretches};
use crate::map::{Mapping, MappingRequest};
use crate::matching::filter::KeyFilter;
use crate::matching::{Decisions, Matcher, Sight, TableKeys};
use crate::references::References;
use crate::rows::RowSet;
use crate::stream::{Arrived, checked_batches};
use crate::target::{Imagined, Real, Target};
use crate::write::{Change, Context, Written, write};

/// Rows committed at once in a partial import.
const CHUNK_ROWS: u64 = 50_000;
/// Below this many rows the indexes stay up.
const BULK_ROWS: u64 = 20_000;
/// Bulk is left when more than this share of rows had to be held back.
const MOST_HELD: f64 = 0.3;
/// Seconds to wait for another import of the same object.
const LOCK_SECONDS: u64 = 60;
/// Rounds in which all waiting rows of a batch are decided at once.
const PATIENT_ROUNDS: usize = 4;
/// Rows decided at once after that.
const IMPATIENT_ROWS: usize = 64;
/// Problems of an atomic import kept for the catalog when everything else is rolled back.
const KEPT_PROBLEMS: usize = 10_000;

/// What is to be imported.
pub struct Job<'j> {
    /// The object, with the policy of this import.
    pub object: Arc<Object>,
    /// Opens the source, after skipping this many rows. Called several times.
    pub open: &'j dyn Fn(u64) -> Result<Box<dyn RowSource>>,
    /// The source's name for people.
    pub source_name: String,
    /// Its size, where known.
    pub source_bytes: Option<u64>,
    /// Tells whether another run is about the same source and settings.
    pub fingerprint: String,
    /// What the person says about the mapping.
    pub mapping: MappingRequest,
    /// What the person says about dates.
    pub date_order: Option<DateOrder>,
    /// Knows the other objects.
    pub object_named: &'j dyn Fn(&str) -> Result<Object>,
    /// The time, in microseconds since the epoch.
    pub clock: &'j dyn Fn() -> i64,
}

/// Where a run is, for the person watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows that have a fate.
    pub rows: u64,
    /// Bytes of the source consumed in this pass.
    pub bytes_read: u64,
    /// What is going on.
    pub stage: Stage,
}

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Rows are read and written.
    Rows,
    /// Indexes are built after a bulk load.
    Indexes,
    /// Rows that repeat others are decided.
    Repeats,
}

/// Watches a run, keeps what it rejects, and may stop it.
pub trait Observer {
    /// The mapping was made; the run begins.
    fn mapped(&mut self, _mapping: &Mapping, _source: &dyn RowSource) -> Result<()> {
        Ok(())
    }
    /// Some rows further.
    fn progress(&mut self, _progress: Progress) {}
    /// A row was rejected: its bytes as read, and everything wrong with it.
    fn rejected(&mut self, _row_number: u64, _raw: &[u8], _problems: &[&Problem]) -> Result<()> {
        Ok(())
    }
    /// A problem that rejects no row.
    fn warned(&mut self, _problem: &Problem) {}
    /// True where a plan wants to hear of every changed cell.
    fn wants_changes(&self) -> bool {
        false
    }
    /// A cell that changes.
    fn change(&mut self, _change: &Change) {}
    /// Makes durable what was handed to `rejected`, and says where that ends. Called at every checkpoint.
    fn checkpoint(&mut self) -> Result<u64> {
        Ok(0)
    }
    /// The run goes on from a checkpoint: what was handed to `rejected` after this place comes again.
    fn resumed(&mut self, _failed_bytes: u64) -> Result<()> {
        Ok(())
    }
    /// True where the person wants the run to stop.
    fn should_stop(&self) -> bool {
        false
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The import as the catalog has it (id 0 for a plan).
    pub import: Import,
    /// True where nothing was done because an earlier run of the same import is complete.
    pub was_complete: bool,
}

/// Where to go on. Kept with every chunk in the transaction that writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Checkpoint {
    /// Rows decided or held back so far: the direct pass goes on after them.
    rows_done: u64,
    /// Rows up to this number were read in the bulk pass; some are held back.
    bulk_rows: u64,
    /// Held-back rows up to this number are decided.
    held_done: u64,
    fate_sequence: i64,
    journal_sequence: i64,
    failed_bytes: u64,
}

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
        Some(import) if import.status != ImportStatus::Undone => import,
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

/// What is worked out before the first row takes effect.
struct Prepared {
    checker: Checker,
    references: References,
    /// The first rows, checked: they tell how large a row is and whether rows repeat the table.
    first: CheckedBatch,
    first_bytes: u64,
}

impl Prepared {
    fn new(job: &Job<'_>, observer: &mut dyn Observer) -> Result<Self> {
        if let (Some(most), Some(bytes)) = (job.object.policy.max_bytes, job.source_bytes)
            && bytes > most
        {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "`{}` has {bytes} bytes; an import into `{}` may have {most}",
                    job.source_name,
                    job.object.name()
                ),
            )
            .hint("split the file"));
        }
        let mut source = (job.open)(0)?;
        let mapping = Mapping::new(&job.object, source.header(), &job.mapping)?;
        let mut evidence = Evidence::new(&job.object, &mapping, job.date_order);
        let first = source.next_batch()?.ok_or_else(|| {
            Error::source(format!("`{}` has a header but no rows", job.source_name))
                .hint("nothing was imported; export the file again with its data")
        })?;
        let first_bytes = source.bytes_read();
        evidence.observe(&first);
        let mut rows = first.len() as u64;
        let most = job.object.policy.max_rows.unwrap_or(u64::MAX);
        while rows <= most && (evidence.is_open() || most < u64::MAX) {
            let Some(batch) = source.next_batch()? else { break };
            evidence.observe(&batch);
            rows += batch.len() as u64;
        }
        if rows > most {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "`{}` has more than {most} rows; an import into `{}` may have {most}",
                    job.source_name,
                    job.object.name()
                ),
            )
            .hint("nothing was imported; split the file"));
        }
        let checker = Checker::new(Arc::clone(&job.object), &mapping, &evidence.decide()?);
        let references = References::new(&job.object, &checker, job.object_named)?;
        observer.mapped(&mapping, source.as_ref())?;
        let first = checker.check(first);
        Ok(Self { checker, references, first, first_bytes })
    }

    /// Roughly how many rows the source has.
    fn estimated_rows(&self, source_bytes: Option<u64>) -> u64 {
        let rows = self.first.len() as u64;
        match source_bytes {
            Some(bytes) if self.first_bytes > 0 => {
                rows.saturating_mul(bytes.max(self.first_bytes)) / self.first_bytes
            }
            _ => rows,
        }
    }
}

/// How a pass over the source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The source is at its end.
    AtEnd,
    /// Bulk does not pay; the rest goes directly.
    Early,
    /// The person wants it to stop.
    Stopped,
}

/// What became of a batch.
#[derive(Debug)]
struct Decided {
    fates: Vec<Option<Fate>>,
    records: Vec<Option<i64>>,
    problems: Vec<Problem>,
    changes: Vec<Change>,
    journals: Vec<Journal>,
    created: Vec<CreatedRange>,
}

impl Decided {
    fn new(rows: usize) -> Self {
        Self {
            fates: vec![None; rows],
            records: vec![None; rows],
            problems: Vec::new(),
            changes: Vec::new(),
            journals: Vec::new(),
            created: Vec::new(),
        }
    }

    fn add(&mut self, object: &str, decisions: Decisions, written: Written) {
        self.problems.extend(decisions.problems);
        self.changes.extend(written.changes);
        if !written.journal.record_ids.is_empty() {
            self.journals.push(written.journal);
        }
        if written.created > 0 {
            let last_id = written.first_id + written.created as i64 - 1;
            self.created.push(CreatedRange {
                object: object.to_owned(),
                first_id: written.first_id,
                last_id,
            });
        }
    }

    /// Numbers the before-images on from `sequence`. A gap stands between those of different statements:
    /// an undo puts back one statement at a time, so that keys which records handed to each other can
    /// go back the same way.
    fn journal_into(&mut self, sequence: &mut i64) {
        for journal in &mut self.journals {
            journal.sequences =
                (1..=journal.record_ids.len() as i64).map(|offset| *sequence + offset).collect();
            *sequence += journal.record_ids.len() as i64 + 1;
        }
    }
}

/// A run under way.
struct Run<'r, 'j> {
    job: &'r Job<'j>,
    prepared: Prepared,
    matcher: Matcher,
    import: Import,
    checkpoint: Checkpoint,
    fates: FateRecorder,
    held: RowSet,
    /// Rows of a plan that change a stored record.
    updating: RowSet,
    created: Vec<CreatedRange>,
    problems: Vec<Problem>,
    rows_since_commit: u64,
    observer: &'r mut dyn Observer,
    partial: bool,
}

impl<'r, 'j> Run<'r, 'j> {
    fn new(
        job: &'r Job<'j>,
        prepared: Prepared,
        import: Import,
        checkpoint: Checkpoint,
        observer: &'r mut dyn Observer,
    ) -> Self {
        let mut matcher = Matcher::new(Arc::clone(&job.object), &prepared.checker);
        matcher.tell_changes = observer.wants_changes();
        Self {
            matcher,
            fates: FateRecorder::after(checkpoint.fate_sequence),
            partial: job.object.policy.mode == Mode::Partial,
            job,
            prepared,
            import,
            checkpoint,
            held: RowSet::default(),
            updating: RowSet::default(),
            created: Vec::new(),
            problems: Vec::new(),
            rows_since_commit: 0,
            observer,
        }
    }

    // ── apply ───────────────────────────────────────────────────────────────────────────────────

    /// Applies the import; false where the person stopped it.
    fn apply(&mut self, store: &mut dyn Store) -> Result<bool> {
        let object = Arc::clone(&self.job.object);
        if self.checkpoint.bulk_rows > 0 {
            self.recall_held(store)?;
        }
        store.begin()?;
        let mut ended = Ended::Early;
        if self.checkpoint.rows_done == 0 && self.know_the_table(store)? {
            store.suspend_indexes(&object)?;
            self.checkpoint.bulk_rows = u64::MAX;
            ended = self.pass(store, Sight::Nothing)?;
            self.checkpoint.bulk_rows = self.checkpoint.rows_done;
            self.observer.progress(Progress {
                rows: self.import.ledger.read,
                bytes_read: 0,
                stage: Stage::Indexes,
            });
            // Indexes are whole at every checkpoint a person can see; a crash before leaves them to the next run.
            store.prepare_object(&object)?;
            self.commit_chunk(store)?;
        }
        if ended != Ended::Stopped && self.held.last() > self.checkpoint.held_done {
            self.matcher.set_table_keys(TableKeys::Unknown);
            if self.repeats(store)? == Ended::Stopped {
                ended = Ended::Stopped;
            }
        }
        if ended == Ended::Early {
            ended = self.pass(store, Sight::Everything)?;
        }
        Ok(ended != Ended::Stopped)
    }

    /// Finds out what keys the table has; true where a bulk load pays.
    fn know_the_table(&mut self, store: &mut dyn Store) -> Result<bool> {
        let object = Arc::clone(&self.job.object);
        let records = store.estimated_records(&object)?;
        let rows = self.prepared.estimated_rows(self.job.source_bytes);
        if records == 0 {
            self.matcher.set_table_keys(TableKeys::None);
            return Ok(rows >= BULK_ROWS);
        }
        if rows.saturating_mul(10) < records {
            return Ok(false);
        }
        let mut filter = KeyFilter::default();
        for (space, definition) in self.matcher.spaces().iter().enumerate() {
            for &column in &definition.columns {
                store.scan_keys(&object, column, &mut |text| {
                    filter.insert(self.matcher.hasher().hash(space, text));
                })?;
            }
        }
        let keys = self.matcher.keys(&self.prepared.first);
        let sample = self.prepared.first.len();
        let known = (0..sample).filter(|&row| keys.row(row).any(|key| filter.may_contain(key.hash))).count();
        self.matcher.set_table_keys(TableKeys::Known(filter));
        let mostly_new = (known as f64) <= MOST_HELD * sample as f64;
        Ok(rows >= BULK_ROWS && rows.saturating_mul(2) >= records && mostly_new)
    }

    /// Rows that an interrupted run held back.
    fn recall_held(&mut self, store: &mut dyn Store) -> Result<()> {
        // Killed within the bulk pass: the rows of the last committed chunk are the last of it.
        self.checkpoint.bulk_rows = self.checkpoint.bulk_rows.min(self.checkpoint.rows_done);
        let held = &mut self.held;
        store.read_fates(self.import.id, &mut |part| {
            for stretch in stretches(&part).into_iter().filter(|stretch| stretch.fate.is_none()) {
                (stretch.first_row..stretch.first_row + stretch.rows).for_each(|row| held.insert(row));
            }
            Ok(())
        })
    }

    /// One pass over the rows that have not been read, from the checkpoint on.
    fn pass(&mut self, store: &mut dyn Store, sight: Sight) -> Result<Ended> {
        let source = (self.job.open)(self.checkpoint.rows_done)?;
        let checker = self.prepared.checker.clone();
        let mut ended = Ended::AtEnd;
        let (mut seen, held_before) = (0_u64, self.held.len());
        checked_batches(source, &checker, &mut |arrived| {
            let rows = arrived.batch.len() as u64;
            let last_row = arrived.batch.first_row + rows - 1;
            self.take(arrived, sight, &mut Real(store), &|_| true, Stage::Rows)?;
            seen += rows;
            self.checkpoint.rows_done = last_row;
            self.chunk_is_full(store, rows)?;
            if self.observer.should_stop() {
                ended = Ended::Stopped;
            } else if sight == Sight::Nothing
                && (self.held.len() - held_before) as f64 > MOST_HELD * seen as f64
            {
                ended = Ended::Early;
            }
            Ok(ended == Ended::AtEnd)
        })?;
        Ok(ended)
    }

    /// Decides the rows held back, in file order, now that everything can be seen.
    fn repeats(&mut self, store: &mut dyn Store) -> Result<Ended> {
        let last = self.held.last();
        let held = std::mem::take(&mut self.held);
        let source = (self.job.open)(self.checkpoint.held_done)?;
        let checker = self.prepared.checker.clone();
        let mut ended = Ended::AtEnd;
        checked_batches(source, &checker, &mut |arrived| {
            let (first_row, rows) = (arrived.batch.first_row, arrived.batch.len() as u64);
            let among = |row: usize| held.contains(first_row + row as u64);
            let count = (0..arrived.batch.len()).filter(|&row| among(row)).count() as u64;
            if count > 0 {
                self.take(arrived, Sight::Everything, &mut Real(store), &among, Stage::Repeats)?;
            }
            self.checkpoint.held_done = first_row + rows - 1;
            self.chunk_is_full(store, count)?;
            if self.observer.should_stop() {
                ended = Ended::Stopped;
            }
            Ok(ended == Ended::AtEnd && self.checkpoint.held_done < last)
        })?;
        self.held = held;
        Ok(ended)
    }

    // ── plan ────────────────────────────────────────────────────────────────────────────────────

    /// Decides every row over an imagined store.
    fn imagine(&mut self, store: &mut dyn Store) -> Result<()> {
        self.know_the_table(store)?;
        let mut target = Imagined::new(store);
        let source = (self.job.open)(0)?;
        let checker = self.prepared.checker.clone();
        let mut stopped = false;
        checked_batches(source, &checker, &mut |arrived| {
            self.take(arrived, Sight::Table, &mut target, &|_| true, Stage::Rows)?;
            stopped = self.observer.should_stop();
            Ok(!stopped)
        })?;
        if stopped {
            return Err(Error::new(ErrorKind::Interrupted, "the plan was stopped; nothing was written"));
        }
        if !self.held.is_empty() { self.imagine_repeats(&mut target) } else { Ok(()) }
    }

    /// Decides the rows held back. The rows they may meet are decided again before them, so that they
    /// find what those would have made of the table; nothing else is remembered.
    fn imagine_repeats(&mut self, target: &mut Imagined<'_>) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        let checker = self.prepared.checker.clone();
        let object = Arc::clone(&self.job.object);
        self.matcher.set_table_keys(TableKeys::Unknown);
        let hasher = self.matcher.hasher().clone();
        let mut met = KeyFilter::default();
        let read_on = |batch: &CheckedBatch| batch.first_row + batch.len() as u64 <= held.last();
        checked_batches((self.job.open)(0)?, &checker, &mut |arrived| {
            let batch = &arrived.batch;
            let is_held = |row: usize| held.contains(batch.first_row + row as u64);
            let keys = self.matcher.keys(batch);
            (0..batch.len())
                .filter(|&row| is_held(row))
                .for_each(|row| keys.row(row).for_each(|key| met.insert(key.hash)));
            let records = self.matcher.records_of(&keys, &is_held, &mut |key, values, columns| {
                target.find(&object, key, values, columns)
            })?;
            records.into_iter().for_each(|id| met.insert(hasher.hash_record(id)));
            Ok(read_on(batch))
        })?;
        target.remember(met, hasher);
        self.matcher.forget_rows();
        checked_batches((self.job.open)(0)?, &checker, &mut |mut arrived| {
            let first_row = arrived.batch.first_row;
            let is_held = |row: usize| held.contains(first_row + row as u64);
            let keys = self.matcher.keys(&arrived.batch);
            let concerned: Vec<bool> = (0..arrived.batch.len())
                .map(|row| {
                    is_held(row)
                        || self.updating.contains(first_row + row as u64)
                        || keys.row(row).any(|key| target.meets(key.hash))
                })
                .collect();
            if concerned.contains(&true) {
                self.prepared.references.resolve(&mut arrived.batch, target, self.import.started_at, None)?;
                let decided =
                    self.settle(&arrived.batch, Sight::Everything, target, &|row| concerned[row])?;
                self.account(&arrived.batch, &decided, &is_held)?;
            }
            self.tell_progress(arrived.bytes_read, Stage::Repeats);
            Ok(read_on(&arrived.batch))
        })
    }

    // ── both ────────────────────────────────────────────────────────────────────────────────────

    /// Decides a batch, lets it take effect, and accounts for its rows.
    fn take(
        &mut self,
        mut arrived: Arrived,
        sight: Sight,
        target: &mut dyn Target,
        among: &dyn Fn(usize) -> bool,
        stage: Stage,
    ) -> Result<()> {
        let import_id = (!self.is_plan()).then_some(self.import.id);
        let batch = &mut arrived.batch;
        let made = self.prepared.references.resolve(batch, target, self.import.started_at, import_id)?;
        made.into_iter().for_each(|range| self.note_created(range));
        let mut decided = self.settle(batch, sight, target, among)?;
        decided.journal_into(&mut self.checkpoint.journal_sequence);
        if let Some(store) = target.store() {
            for journal in &decided.journals {
                store.append_journal(self.import.id, journal)?;
            }
        }
        decided.created.drain(..).for_each(|range| self.note_created(range));
        self.account(batch, &decided, among)?;
        self.tell_progress(arrived.bytes_read, stage);
        Ok(())
    }

    /// Decides and writes a batch. Rows that meet records this very batch makes wait until those are
    /// written, and are decided then.
    fn settle(
        &mut self,
        batch: &CheckedBatch,
        sight: Sight,
        target: &mut dyn Target,
        among: &dyn Fn(usize) -> bool,
    ) -> Result<Decided> {
        let mut decided = Decided::new(batch.len());
        let keys = self.matcher.keys(batch);
        let object = Arc::clone(&self.job.object);
        let mut open: Vec<bool> = (0..batch.len()).map(among).collect();
        for round in 0.. {
            // Rows made to wait for each other again and again are taken a few at a time.
            let first = open.iter().position(|open| *open).unwrap_or_default();
            let end = if round < PATIENT_ROUNDS { batch.len() } else { first + IMPATIENT_ROWS };
            let decisions = self.matcher.decide(
                batch,
                &keys,
                sight,
                &|row| open[row] && row < end,
                &mut |key, values, columns| target.find(&object, key, values, columns),
            )?;
            let written = write(&self.context(), batch, &decisions, target)?;
            for (row, is_open) in open.iter_mut().enumerate() {
                if *is_open && decisions.fates[row].is_some() {
                    *is_open = false;
                    decided.fates[row] = decisions.fates[row];
                    decided.records[row] =
                        decisions.targets[row].map(|about| written.record_id(about, &decisions));
                }
            }
            decided.add(self.job.object.name(), decisions, written);
            if sight != Sight::Everything || !open.contains(&true) {
                break;
            }
        }
        Ok(decided)
    }

    fn is_plan(&self) -> bool {
        self.import.id == 0
    }

    fn context(&self) -> Context<'_> {
        Context {
            object: &self.job.object,
            columns: &self.prepared.checker.columns,
            wanted: self.matcher.wanted_columns(),
            now: self.import.started_at,
            import_id: (!self.is_plan()).then_some(self.import.id),
        }
    }

    /// Gives every row of `among` its fate, and tells what is wrong with it.
    fn account(
        &mut self,
        batch: &CheckedBatch,
        decided: &Decided,
        among: &dyn Fn(usize) -> bool,
    ) -> Result<()> {
        let mut problems: Vec<&Problem> = batch.problems.iter().chain(&decided.problems).collect();
        problems.sort_by_key(|problem| problem.row_number);
        let mut rest = problems.as_slice();
        for row in (0..batch.len()).filter(|&row| among(row)) {
            let row_number = batch.first_row + row as u64;
            let fate = decided.fates[row];
            let record = decided.records[row].filter(|&id| id > 0);
            if !self.is_plan() {
                self.fates.push(row_number, fate, record);
            } else if fate == Some(Fate::Updated) {
                self.updating.insert(row_number);
            }
            let Some(fate) = fate else {
                self.held.insert(row_number);
                continue;
            };
            self.import.ledger.read += 1;
            self.import.ledger.add(fate, 1);
            if rest.is_empty() {
                continue;
            }
            let before = rest.partition_point(|problem| problem.row_number < row_number);
            let (_, from_here) = rest.split_at(before);
            let (of_row, after) =
                from_here.split_at(from_here.partition_point(|problem| problem.row_number == row_number));
            rest = after;
            for problem in of_row {
                if problem.severity == Severity::Warning {
                    self.observer.warned(problem);
                }
                if !self.is_plan() && (self.partial || self.problems.len() < KEPT_PROBLEMS) {
                    self.problems.push((*problem).clone());
                }
            }
            if fate == Fate::Rejected {
                self.observer.rejected(row_number, batch.raw.row(row), of_row)?;
            }
        }
        for change in decided.changes.iter().filter(|change| {
            among(usize::try_from(change.row_number - batch.first_row).unwrap_or(usize::MAX))
        }) {
            self.observer.change(change);
        }
        Ok(())
    }

    fn note_created(&mut self, range: CreatedRange) {
        match self.created.last_mut() {
            Some(last) if last.object == range.object && last.last_id + 1 == range.first_id => {
                last.last_id = range.last_id;
            }
            _ => self.created.push(range),
        }
    }

    fn tell_progress(&mut self, bytes_read: u64, stage: Stage) {
        self.observer.progress(Progress { rows: self.import.ledger.read, bytes_read, stage });
    }

    // ── chunks ──────────────────────────────────────────────────────────────────────────────────

    fn chunk_is_full(&mut self, store: &mut dyn Store, rows: u64) -> Result<()> {
        self.rows_since_commit += rows;
        if self.partial && self.rows_since_commit >= CHUNK_ROWS { self.commit_chunk(store) } else { Ok(()) }
    }

    /// Commits what was written together with the account of it, and begins the next chunk.
    fn commit_chunk(&mut self, store: &mut dyn Store) -> Result<()> {
        if self.partial {
            self.save_account(store)?;
            store.commit()?;
            store.begin()?;
            self.rows_since_commit = 0;
        }
        Ok(())
    }

    /// Writes ledger, checkpoint, fates, created ranges and problems into the open transaction.
    fn save_account(&mut self, store: &mut dyn Store) -> Result<()> {
        for part in self.fates.take() {
            store.append_fates(self.import.id, &part)?;
        }
        for range in &self.created {
            store.save_created_range(self.import.id, range)?;
        }
        // The last range may still grow; saving it again lengthens it.
        self.created.drain(..self.created.len().saturating_sub(1));
        if !self.problems.is_empty() {
            store.append_problems(self.import.id, &self.problems)?;
            self.problems.clear();
        }
        self.checkpoint.fate_sequence = self.fates.sequence();
        self.checkpoint.failed_bytes = self.observer.checkpoint()?;
        self.import.checkpoint = serde_json::to_string(&self.checkpoint).ok();
        store.save_import(&self.import)
    }

    /// Ends the run: commits, or rolls back and says why.
    fn conclude(mut self, store: &mut dyn Store, result: Result<bool>) -> Result<Outcome> {
        let rejected = self.import.ledger.count(Fate::Rejected);
        match result {
            Ok(true) if self.partial || rejected == 0 => {
                self.save_account(store)?;
                debug_assert!(self.import.ledger.is_balanced(), "every row read has exactly one fate");
                self.import.status = ImportStatus::Completed;
                self.import.checkpoint = None;
                self.import.finished_at = Some((self.job.clock)());
                store.save_import(&self.import)?;
                store.commit()?;
            }
            Ok(true) => {
                store.rollback();
                let message = format!("{rejected} rows were rejected and the import is all or nothing");
                self.give_up(store, &message)?;
            }
            Ok(false) if self.partial => {
                self.import.status = ImportStatus::Interrupted;
                self.save_account(store)?;
                store.commit()?;
            }
            Ok(false) => {
                store.rollback();
                self.give_up(store, "the import was stopped")?;
            }
            Err(error) => {
                store.rollback();
                // The chunks before are whole; the store may be gone, then this is told by the next run.
                if let Ok(Some(mut import)) = store.find_import(self.import.id) {
                    import.status =
                        if self.partial { ImportStatus::Interrupted } else { ImportStatus::Failed };
                    import.message = Some(error.message.clone());
                    let _ = store.save_import(&import);
                }
                return Err(error);
            }
        }
        Ok(Outcome { import: self.import, was_complete: false })
    }

    /// An atomic import that keeps nothing: every row that would have taken effect did not.
    fn give_up(&mut self, store: &mut dyn Store, message: &str) -> Result<()> {
        self.import.ledger.roll_back();
        self.import.status = ImportStatus::Failed;
        self.import.message = Some(message.to_owned());
        self.import.checkpoint = None;
        self.import.finished_at = Some((self.job.clock)());
        store.begin()?;
        store.append_problems(self.import.id, &self.problems)?;
        store.save_import(&self.import)?;
        store.commit()?;
        self.observer.checkpoint()?;
        Ok(())
    }
}
