//! A run under way: what it knows, and what happens to one batch whichever pass it is in.

use std::sync::Arc;

use dray_model::definition::Mode;
use dray_model::flow::{CreatedRange, Import, Journal};
use dray_model::ledger::Fate;
use dray_model::problem::{Problem, Severity};
use dray_model::words::counted;
use dray_model::{Error, ErrorKind, Result};

use super::job::{Job, Observer, Progress, Stage};
use super::prepared::Prepared;
use crate::check::CheckedBatch;
use crate::fates::FateRecorder;
use crate::matching::{Decisions, Matcher, Sight};
use crate::rows::RowSet;
use crate::stream::Arrived;
use crate::target::Target;
use crate::write::{Change, Context, Written, write};

/// Rounds in which all waiting rows of a batch are decided at once.
const PATIENT_ROUNDS: usize = 4;
/// Rows decided at once after that.
const IMPATIENT_ROWS: usize = 64;
/// Problems of an atomic import kept for the catalog when everything else is rolled back.
const KEPT_PROBLEMS: usize = 10_000;

/// Where to go on. Kept with every chunk in the transaction that writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Checkpoint {
    /// Rows decided or held back so far: the direct pass goes on after them.
    pub(super) rows_done: u64,
    /// Rows up to this number were read in the bulk pass; some are held back.
    pub(super) bulk_rows: u64,
    /// Held-back rows up to this number are decided.
    pub(super) held_done: u64,
    pub(super) fate_sequence: i64,
    pub(super) journal_sequence: i64,
    pub(super) failed_bytes: u64,
}

/// A run under way.
pub(super) struct Run<'r, 'j> {
    pub(super) job: &'r Job<'j>,
    pub(super) prepared: Prepared,
    pub(super) matcher: Matcher,
    pub(super) import: Import,
    pub(super) checkpoint: Checkpoint,
    pub(super) fates: FateRecorder,
    pub(super) held: RowSet,
    /// Rows of a plan that change a stored record.
    pub(super) updating: RowSet,
    pub(super) created: Vec<CreatedRange>,
    pub(super) problems: Vec<Problem>,
    pub(super) rows_since_commit: u64,
    pub(super) observer: &'r mut dyn Observer,
    pub(super) partial: bool,
}

impl<'r, 'j> Run<'r, 'j> {
    pub(super) fn new(
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

    /// Decides a batch, lets it take effect, and accounts for its rows.
    pub(super) fn take(
        &mut self,
        mut arrived: Arrived,
        sight: Sight,
        target: &mut dyn Target,
        among: &dyn Fn(usize) -> bool,
        stage: Stage,
    ) -> Result<()> {
        if stage == Stage::Rows {
            self.remark(&arrived.batch);
        }
        if arrived.batch.is_empty() {
            return Ok(());
        }
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

    /// Tells what there is to say about lines that are no rows. Who goes on in the middle of a source hears
    /// again what stands above, and was told before.
    fn remark(&mut self, batch: &CheckedBatch) {
        let from = if batch.first_row == 1 { 0 } else { batch.lines.first().copied().unwrap_or(0) };
        for remark in batch.remarks.iter().filter(|remark| remark.line >= from) {
            self.observer.warned(remark);
            if !self.is_plan() {
                self.problems.push(remark.clone());
            }
        }
    }

    /// Decides and writes a batch. Rows that meet records this very batch makes wait until those are
    /// written, and are decided then.
    pub(super) fn settle(
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

    pub(super) fn is_plan(&self) -> bool {
        self.import.id == 0
    }

    pub(super) fn context(&self) -> Context<'_> {
        Context {
            object: &self.job.object,
            columns: &self.prepared.checker.columns,
            wanted: self.matcher.wanted_columns(),
            now: self.import.started_at,
            import_id: (!self.is_plan()).then_some(self.import.id),
        }
    }

    /// Gives every row of `among` its fate, and tells what is wrong with it.
    pub(super) fn account(
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
            if self.is_plan() {
                self.observer.foreseen(row_number, fate);
            }
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
                self.stop_at_limit(of_row)?;
            }
        }
        for change in decided.changes.iter().filter(|change| {
            among(usize::try_from(change.row_number - batch.first_row).unwrap_or(usize::MAX))
        }) {
            self.observer.change(change);
        }
        Ok(())
    }

    /// A file with more bad rows than the person expects is not the file they mean.
    fn stop_at_limit(&self, problems: &[&Problem]) -> Result<()> {
        let Some(most) = self.job.object.policy.max_rejected else { return Ok(()) };
        if self.import.ledger.count(Fate::Rejected) <= most {
            return Ok(());
        }
        let at = problems.first().map_or(String::new(), |problem| {
            format!(" with row {} (line {}): {}", problem.row_number, problem.line, problem.message)
        });
        Err(Error::new(
            ErrorKind::Limit,
            format!("of `{}` more than {} rejected,{at}", self.job.source_name, counted(most, "row is", "rows are")),
        )
        .hint("repair the file, or allow more with --max-rejected and go on with --resume; `dray undo` takes back what went in"))
    }

    pub(super) fn note_created(&mut self, range: CreatedRange) {
        match self.created.last_mut() {
            Some(last) if last.object == range.object && last.last_id + 1 == range.first_id => {
                last.last_id = range.last_id;
            }
            _ => self.created.push(range),
        }
    }

    pub(super) fn tell_progress(&mut self, bytes_read: u64, stage: Stage) {
        self.observer.progress(Progress { rows: self.import.ledger.read, bytes_read, stage });
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) fates: Vec<Option<Fate>>,
    pub(super) records: Vec<Option<i64>>,
    pub(super) problems: Vec<Problem>,
    pub(super) changes: Vec<Change>,
    pub(super) journals: Vec<Journal>,
    pub(super) created: Vec<CreatedRange>,
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
