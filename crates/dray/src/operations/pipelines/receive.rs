//! The rows of a pipeline's file become identities, row by row, and wait in a spool for their import.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::mpsc::sync_channel;

use dray_engine::expression::Value;
use dray_engine::pipeline::function::FunctionError;
use dray_engine::pipeline::leaves::Leaf;
use dray_engine::pipeline::rows::{FailedRow, Identity, Outcome, RowPipeline};
use dray_engine::pipeline::steps::Step;
use dray_engine::pipeline::stored::stored_text;
use dray_model::Error;
use dray_model::problem::ProblemCode;
use dray_model::value::append_datetime;
use serde::{Deserialize, Serialize};

use super::file_rows::FileRows;
use super::spool::{Entry, SpoolWriter};
use crate::operations::identities;

/// Kinds of errors that are told apart; the others are counted as one.
const MOST_GROUPS: usize = 500;
/// Batches of rows that wait.
const BATCHES: usize = 2;
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

/// The users of a file.
pub struct Users {
    hasher: RandomState,
    hashes: Vec<u64>,
}

impl Users {
    fn new() -> Self {
        Self { hasher: RandomState::new(), hashes: Vec::new() }
    }

    fn hash(&self, user_id: &str) -> u64 {
        self.hasher.hash_one(user_id)
    }

    fn add(&mut self, user_id: &str) -> u64 {
        let hash = self.hash(user_id);
        self.hashes.push(hash);
        hash
    }

    /// Once all are there.
    fn finish(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.hashes.shrink_to_fit();
    }

    /// True where the file has this user. (One that it has not may seem to be there, once in 10^12 files.)
    pub fn has(&self, user_id: &str) -> bool {
        self.hashes.binary_search(&self.hash(user_id)).is_ok()
    }
}

/// What a file came to.
pub struct Received {
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
pub fn receive(
    mut rows: FileRows,
    places: &[usize],
    pipeline: &mut RowPipeline,
    receiving: &Receiving<'_>,
    spool: &mut SpoolWriter,
    watch: &mut dyn FnMut(u64) -> bool,
) -> std::result::Result<Received, ReceiveFault> {
    let mut groups = Groups::default();
    let mut users = Users::new();
    let mut newest: HashMap<u64, i64> = HashMap::new();
    let (mut unknown_users, mut not_newer, mut identities) = (0, 0, 0);
    let (sender, batches) = sync_channel(BATCHES);
    // Reading is a thread's work of its own; it ends when nobody listens any more.
    let reader = std::thread::Builder::new().name("read".to_owned()).spawn(move || {
        loop {
            let batch = rows.next_batch().transpose();
            let is_last = !matches!(batch, Some(Ok(_)));
            if let Some(batch) = batch
                && sender.send(batch).is_err()
            {
                return;
            }
            if is_last {
                return;
            }
        }
    });
    let reader = reader.map_err(|cause| {
        ReceiveFault::Keeping(
            Error::file("no thread could be started to read the file").because(cause).retryable(),
        )
    })?;
    for batch in batches {
        let batch = batch.map_err(ReceiveFault::Reading)?;
        if !watch(batch.first_row + batch.len() as u64 - 1) {
            return Err(ReceiveFault::Stopped);
        }
        let outcomes = pipeline
            .take(
                batch.len(),
                &|row, property| batch.value(row, places.get(property).copied().unwrap_or(usize::MAX)),
                &|row| batch.broken.get(row).cloned().flatten(),
            )
            .map_err(ReceiveFault::Function)?;
        for (index, outcome) in outcomes.into_iter().enumerate() {
            let line = batch.lines.get(index).copied().unwrap_or(0);
            let row = batch.first_row + index as u64;
            let kept = match &outcome {
                Outcome::NotNewer { user_id } => {
                    match user_id {
                        Some(user_id) => drop(users.add(user_id)),
                        None => unknown_users += 1,
                    }
                    not_newer += 1;
                    spool.add(line, &Entry::LeftOut)
                }
                Outcome::Filtered => spool.add(line, &Entry::LeftOut),
                Outcome::Failed(failed) => {
                    match &failed.user_id {
                        Some(user_id) => drop(users.add(user_id)),
                        None => unknown_users += 1,
                    }
                    groups.add(failed, row, line);
                    let rejected = Entry::Rejected {
                        raw: batch.raw.row(index),
                        property: failed.property.as_deref(),
                        code: code_of(failed.step),
                        message: &failed.message,
                    };
                    spool.add(line, &rejected)
                }
                Outcome::Identity(identity) => {
                    let hash = users.add(&identity.user_id);
                    identities += 1;
                    let is_older = receiving.newest_wins
                        && newest.get(&hash).is_some_and(|known| *known > identity.updated_at);
                    if is_older {
                        spool.add(line, &Entry::LeftOut)
                    } else {
                        if receiving.newest_wins {
                            newest.insert(hash, identity.updated_at);
                        }
                        spool.add(line, &Entry::Cells(&cells_of(identity, receiving)))
                    }
                }
            };
            kept.map_err(ReceiveFault::Keeping)?;
        }
    }
    if reader.join().is_err() {
        let broke =
            Error::file("reading the file broke off").hint("this is a defect in Dray: please report it");
        return Err(ReceiveFault::Reading(broke));
    }
    users.finish();
    Ok(Received { errors: groups.all, users, unknown_users, not_newer, identities })
}

/// The cells of an identity, in the order of the spool's columns.
fn cells_of<'i>(identity: &'i Identity, receiving: &Receiving<'_>) -> Vec<Option<Cow<'i, str>>> {
    let mut cells = Vec::with_capacity(COLUMNS.len() + receiving.leaves.len());
    cells.push(Some(identities::key_of(receiving.pipeline, &identity.user_id).into()));
    cells.push(Some(identity.user_id.as_str().into()));
    let mut time = String::with_capacity(24);
    append_datetime(identity.updated_at, &mut time);
    cells.push(Some(time.into()));
    for leaf in receiving.leaves {
        let text: Option<Cow<'i, str>> = match leaf.value(&identity.attributes) {
            None => None,
            Some(Value::Text(text)) => Some(text.as_str().into()),
            Some(value) => stored_text(value, &leaf.property.kind).map(Cow::from),
        };
        // No store holds the character NUL, and an empty text says nothing.
        let text = text.map(|text| if text.contains('\0') { text.replace('\0', "").into() } else { text });
        cells.push(text.filter(|text| !text.is_empty()));
    }
    cells
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
