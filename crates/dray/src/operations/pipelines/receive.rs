//! The rows of a pipeline's file become identities, row by row, and wait in a spool for their import.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use dray_engine::expression::Value;
use dray_engine::pipeline::function::FunctionError;
use dray_engine::pipeline::leaves::Leaf;
use dray_engine::pipeline::rows::{FailedRow, Identity, Outcome, RowPipeline};
use dray_engine::pipeline::steps::{Counts, Step};
use dray_engine::pipeline::stored::stored_text;
use dray_model::problem::ProblemCode;
use dray_model::value::append_datetime;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};

use super::file_rows::{FileRows, RowBatch};
use super::spool::{Block, Rejected, SpoolWriter};
use crate::operations::identities;

/// Kinds of errors that are told apart; the others are counted as one.
const MOST_GROUPS: usize = 500;
/// Threads that transform rows, where the machine has as many.
const MOST_THREADS: usize = 4;
/// Rows that are named for each.
const MOST_EXAMPLES: usize = 10;

/// Errors of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorGroup {
    /// At which step.
    pub step: Step,
    /// What is wrong.
    pub message: String,
    /// How often.
    pub count: u64,
    /// The first rows, from 1.
    pub rows: Vec<u64>,
    /// The lines they begin on.
    pub lines: Vec<u64>,
}

/// The users of a file: hashes of their ids, whose last bit says whether an identity was written.
pub struct Users {
    hasher: RandomState,
    hashes: Vec<u64>,
}

fn hash_of(hasher: &RandomState, user_id: &str) -> u64 {
    hasher.hash_one(user_id) & !1
}

impl Users {
    fn new() -> Self {
        Self { hasher: RandomState::new(), hashes: Vec::new() }
    }

    /// Once all are there.
    fn finish(&mut self) {
        self.hashes.sort_unstable();
        // Where one was written, that comes last.
        self.hashes.dedup_by(|later, earlier| {
            let is_same = *later & !1 == *earlier & !1;
            if is_same {
                *earlier |= *later;
            }
            is_same
        });
        self.hashes.shrink_to_fit();
    }

    /// True where the file has this user. (One that it has not may seem to be there, once in 10^12 files.)
    pub fn has(&self, user_id: &str) -> bool {
        let hash = hash_of(&self.hasher, user_id);
        self.hashes.binary_search_by_key(&hash, |known| known & !1).is_ok()
    }

    /// How many users have an identity that was written.
    pub fn written(&self) -> u64 {
        self.hashes.iter().filter(|hash| *hash & 1 == 1).count() as u64
    }
}

/// What a file came to.
pub struct Received {
    /// How many passed and failed each step.
    pub counts: Counts,
    /// The latest time of the records that the filter let through.
    pub latest: Option<i64>,
    /// Why it was not received to its end.
    pub fault: Option<ReceiveFault>,
    /// Errors by kind, in the order they were met.
    pub errors: Vec<ErrorGroup>,
    /// Users that the file has: their identities stay.
    pub users: Users,
    /// Rows whose user is not known.
    pub unknown_users: u64,
    /// Rows that were not updated since the last run.
    pub not_newer: u64,
    /// Rows written as identities.
    pub identities: u64,
}

/// Why a file cannot be received to its end.
#[derive(Debug)]
pub enum ReceiveFault {
    /// It cannot be read any further.
    Reading(Error),
    /// The function cannot be used.
    Function(FunctionError),
    /// The server cannot keep the rows.
    Keeping(Error),
    /// Somebody wants it to stop.
    Stopped,
}

/// Which pipeline, and what of a row becomes which column.
pub struct Receiving<'r> {
    /// The number of the pipeline.
    pub pipeline: i64,
    /// The leaves of the output, each of which is a column.
    pub leaves: &'r [Leaf],
    /// Among rows of one user the newest counts, and not the last.
    pub newest_wins: bool,
}

/// The columns that a spool has before those of the leaves.
pub const COLUMNS: [&str; 3] =
    [identities::KEY, identities::USER_ID, crate::operations::profile_schema::SOURCE_UPDATED_AT];

/// Takes all rows of a file. `places` are the columns of the input's properties; `watch` is told how many rows
/// were taken, and says whether to go on.
///
/// One thread reads, some transform, a batch each in turn, and this one collects in the order of the file.
pub fn receive(
    rows: FileRows,
    places: &[usize],
    pipeline: RowPipeline,
    receiving: &Receiving<'_>,
    spool: &mut SpoolWriter,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Received {
    let mut pipelines = vec![pipeline];
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    while let (true, Some(another)) =
        (pipelines.len() < threads, pipelines.first().and_then(RowPipeline::another))
    {
        pipelines.push(another);
    }
    let mut collector = Collector::new(spool);
    let hasher = collector.received.users.hasher.clone();
    let fault = thread::scope(|scope| {
        let (mut queues, mut results, mut handles) = (Vec::new(), Vec::new(), Vec::new());
        for pipeline in pipelines {
            let (queue, batches) = sync_channel(0);
            let (done, result) = sync_channel(0);
            queues.push(queue);
            results.push(result);
            let worker = Worker { pipeline, places, receiving, hasher: hasher.clone(), room: 0 };
            handles.push(scope.spawn(move || worker.work(batches, done)));
        }
        handles.push(scope.spawn(move || read(rows, queues)));
        let collected = collector.collect(&results, watch);
        // Whoever still works ends when nobody listens.
        drop(results);
        let are_whole = handles.into_iter().map(thread::ScopedJoinHandle::join).all(|ended| ended.is_ok());
        if !are_whole {
            let broke = Error::file("taking the rows of the file broke off");
            return Err(ReceiveFault::Keeping(broke.hint("this is a defect in Dray: please report it")));
        }
        collected
    });
    collector.finish(fault.err())
}

/// Reads batches, for one queue after the other. Ends when nobody listens any more.
fn read(mut rows: FileRows, queues: Vec<SyncSender<Result<RowBatch>>>) {
    for queue in queues.iter().cycle() {
        let Some(batch) = rows.next_batch().transpose() else { return };
        let is_last = batch.is_err();
        if queue.send(batch).is_err() || is_last {
            return;
        }
    }
}

/// What became of a batch.
#[derive(Default)]
struct Worked {
    last_row: u64,
    block: Block,
    counts: Counts,
    latest: Option<i64>,
    stopped: Option<FunctionError>,
    /// Rows that cannot be used, with their numbers and lines.
    failed: Vec<(FailedRow, u64, u64)>,
    /// As [`Users`] keeps them.
    users: Vec<u64>,
    /// Of each identity its row of the block, its user and its time, where that decides.
    dated: Vec<(usize, u64, i64)>,
    unknown_users: u64,
    not_newer: u64,
    identities: u64,
}

/// Transforms batches.
struct Worker<'w> {
    pipeline: RowPipeline,
    places: &'w [usize],
    receiving: &'w Receiving<'w>,
    hasher: RandomState,
    /// Bytes that the last block came to.
    room: usize,
}

impl Worker<'_> {
    fn work(mut self, batches: Receiver<Result<RowBatch>>, done: SyncSender<Result<Worked>>) {
        for batch in batches {
            if done.send(batch.map(|batch| self.take(&batch))).is_err() {
                return;
            }
        }
    }

    fn take(&mut self, batch: &RowBatch) -> Worked {
        let block = Block::with_capacity(self.room + self.room / 8);
        let last_row = batch.first_row + batch.len() as u64 - 1;
        let mut worked = Worked { block, last_row, ..Worked::default() };
        let at_once = self.pipeline.rows_at_once();
        for first in (0..batch.len()).step_by(at_once) {
            let (places, rows) = (self.places, at_once.min(batch.len() - first));
            let place = |property: usize| places.get(property).copied().unwrap_or(usize::MAX);
            let taken = self.pipeline.take(
                rows,
                &|row, property| batch.value(first + row, place(property)),
                &|row| batch.broken.get(first + row).cloned().flatten(),
            );
            worked.counts.add_all(&taken.counts);
            worked.latest = worked.latest.max(taken.latest);
            worked.stopped = taken.stopped;
            for (row, outcome) in taken.outcomes.into_iter().enumerate() {
                self.add(batch, first + row, outcome, &mut worked);
            }
            if worked.stopped.is_some() {
                break;
            }
        }
        self.room = worked.block.bytes();
        worked
    }

    /// Keeps what became of a row.
    fn add(&self, batch: &RowBatch, row: usize, outcome: Outcome, worked: &mut Worked) {
        let line = batch.lines.get(row).copied().unwrap_or(0);
        match outcome {
            Outcome::NotNewer { user_id } => {
                self.keep_user(user_id.as_deref(), worked);
                worked.not_newer += 1;
                worked.block.leave_out(line);
            }
            Outcome::Filtered => worked.block.leave_out(line),
            Outcome::Failed(failed) => {
                self.keep_user(failed.user_id.as_deref(), worked);
                let rejected = Rejected {
                    raw: batch.raw.row(row),
                    property: failed.property.as_deref(),
                    code: code_of(failed.step),
                    message: &failed.message,
                };
                worked.block.reject(line, &rejected);
                worked.failed.push((failed, batch.first_row + row as u64, line));
            }
            Outcome::Identity(identity) => {
                let hash = hash_of(&self.hasher, &identity.user_id);
                worked.users.push(hash | 1);
                worked.identities += 1;
                if self.receiving.newest_wins {
                    worked.dated.push((worked.block.rows(), hash, identity.updated_at));
                }
                worked.block.identity(line);
                put_cells(&identity, self.receiving, &mut worked.block);
            }
        }
    }

    /// Users of the file, also of rows that become nothing, keep their identity.
    fn keep_user(&self, user_id: Option<&str>, worked: &mut Worked) {
        match user_id {
            Some(user_id) => worked.users.push(hash_of(&self.hasher, user_id)),
            None => worked.unknown_users += 1,
        }
    }
}

/// Puts together what became of the batches, in their order.
struct Collector<'c> {
    spool: &'c mut SpoolWriter,
    groups: Groups,
    newest: HashMap<u64, i64>,
    received: Received,
}

impl<'c> Collector<'c> {
    fn new(spool: &'c mut SpoolWriter) -> Self {
        let received = Received {
            counts: Counts::default(),
            latest: None,
            fault: None,
            errors: Vec::new(),
            users: Users::new(),
            unknown_users: 0,
            not_newer: 0,
            identities: 0,
        };
        Self { spool, groups: Groups::default(), newest: HashMap::new(), received }
    }

    /// Takes batches from one after the other, until one has no more.
    fn collect(
        &mut self,
        results: &[Receiver<Result<Worked>>],
        watch: &mut dyn FnMut(u64) -> bool,
    ) -> std::result::Result<(), ReceiveFault> {
        for result in results.iter().cycle() {
            let Ok(worked) = result.recv() else { return Ok(()) };
            let worked = worked.map_err(ReceiveFault::Reading)?;
            if !watch(worked.last_row) {
                return Err(ReceiveFault::Stopped);
            }
            let received = &mut self.received;
            received.counts.add_all(&worked.counts);
            received.latest = received.latest.max(worked.latest);
            received.unknown_users += worked.unknown_users;
            received.not_newer += worked.not_newer;
            received.identities += worked.identities;
            received.users.hashes.extend_from_slice(&worked.users);
            for (failed, row, line) in &worked.failed {
                self.groups.add(failed, *row, *line);
            }
            if let Some(why) = worked.stopped {
                return Err(ReceiveFault::Function(why));
            }
            self.write(worked.block, &worked.dated).map_err(ReceiveFault::Keeping)?;
        }
        Ok(())
    }

    fn write(&mut self, mut block: Block, dated: &[(usize, u64, i64)]) -> Result<()> {
        for &(row, user, updated_at) in dated {
            let newest = self.newest.entry(user).or_insert(updated_at);
            if *newest > updated_at {
                block.is_older(row);
            } else {
                *newest = updated_at;
            }
        }
        self.spool.write(&block)
    }

    fn finish(mut self, fault: Option<ReceiveFault>) -> Received {
        self.received.users.finish();
        self.received.errors = self.groups.all;
        self.received.fault = fault;
        self.received
    }
}

/// The cells of an identity, in the order of the spool's columns.
fn put_cells(identity: &Identity, receiving: &Receiving<'_>, block: &mut Block) {
    block.cell(Some(&identities::key_of(receiving.pipeline, &identity.user_id)));
    block.cell(Some(&identity.user_id));
    let mut time = String::with_capacity(24);
    append_datetime(identity.updated_at, &mut time);
    block.cell(Some(&time));
    for leaf in receiving.leaves {
        let text: Option<Cow<'_, str>> = match leaf.value(&identity.attributes) {
            None => None,
            Some(Value::Text(text)) => Some(text.as_str().into()),
            Some(value) => stored_text(value, &leaf.property.kind).map(Cow::from),
        };
        // No store holds the character NUL, and an empty text says nothing.
        let text = text.map(|text| match memchr::memchr(0, text.as_bytes()) {
            Some(_) => text.replace('\0', "").into(),
            None => text,
        });
        block.cell(text.as_deref().filter(|text| !text.is_empty()));
    }
}

fn code_of(step: Step) -> ProblemCode {
    match step {
        Step::Transformation => ProblemCode::NotTransformed,
        Step::OutputValidation => ProblemCode::InvalidResult,
        _ => ProblemCode::InvalidRecord,
    }
}

#[derive(Default)]
struct Groups {
    all: Vec<ErrorGroup>,
    places: HashMap<(Step, String), usize>,
}

impl Groups {
    fn add(&mut self, failed: &FailedRow, row: u64, line: u64) {
        let mut key = (failed.step, failed.message.clone());
        if !self.places.contains_key(&key) && self.all.len() >= MOST_GROUPS {
            key.1 = "other errors".to_owned();
        }
        let place = *self.places.entry(key).or_insert_with_key(|(step, message)| {
            self.all.push(ErrorGroup {
                step: *step,
                message: message.clone(),
                count: 0,
                rows: Vec::new(),
                lines: Vec::new(),
            });
            self.all.len() - 1
        });
        if let Some(group) = self.all.get_mut(place) {
            group.count += 1;
            if group.rows.len() < MOST_EXAMPLES {
                group.rows.push(row);
                group.lines.push(line);
            }
        }
    }
}

/// Errors of a run as a whole.
pub fn run_error(step: Step, message: &str) -> ErrorGroup {
    ErrorGroup { step, message: message.to_owned(), count: 0, rows: Vec::new(), lines: Vec::new() }
}
