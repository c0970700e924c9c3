//! The two ends of every run: where rows come from ([`RowSource`]) and where records rest ([`Store`]).
//! Formats implement the first, stores the second; the engine knows only these traits.

use arrow_array::{ArrayRef, RecordBatch, StringArray};

use crate::batch::TextBatch;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::object::{ColumnIndex, Object};
use crate::problem::Problem;
use crate::query::Query;
use crate::value::ValueType;

/// A stream of text rows with a header.
pub trait RowSource: Send {
    /// The header: one name for each column of every batch.
    fn header(&self) -> &[String];

    /// The next rows, or `None` at the end. An error means the source cannot be read any further.
    fn next_batch(&mut self) -> Result<Option<TextBatch>>;

    /// Bytes of the source consumed so far, for progress.
    fn bytes_read(&self) -> u64;

    /// What was found out about the source and how sure that is, in the order a person would ask.
    fn detected(&self) -> Vec<Detected>;

    /// False where the source names no columns, so that [`RowSource::header`] is made up.
    fn has_header(&self) -> bool {
        true
    }

    /// The types the source itself gives its columns; empty where it gives none. The cells of a column
    /// with a type are in the canonical text of that type ([`crate::value::append_text`]). A source that learns
    /// the types from its rows gives them as far as it was read; there text is final, and JSON may only become
    /// text.
    fn column_types(&self) -> Vec<Option<ValueType>> {
        Vec::new()
    }

    /// How rejected rows of this source are written so that the file can be repaired and sent again.
    fn failed_rows(&self) -> Box<dyn FailedRowFormat>;
}

/// One thing found out about a source: its encoding, its delimiter, the row its header stands on …
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// What it is, in the words of the option that overrides it: `format`, `encoding`, `delimiter`,
    /// `quote`, `escape`, `header row`, `sheet`, `compression`, `member`.
    pub what: &'static str,
    /// What was found, for people: `semicolon`, `windows-1252`, `row 4`.
    pub value: String,
    /// From 0 to 1; 1 where the person said so or the bytes leave no choice.
    pub confidence: f64,
}

impl Detected {
    /// Something that is certain.
    pub fn certain(what: &'static str, value: impl Into<String>) -> Self {
        Self { what, value: value.into(), confidence: 1.0 }
    }
}

/// The columns that a failed-rows file has beside those of the source; an import ignores them.
pub const FAILED_COLUMNS: [&str; 4] = ["dray_row", "dray_field", "dray_code", "dray_reason"];

/// Writes rejected rows as they were read, followed by [`FAILED_COLUMNS`].
pub trait FailedRowFormat: Send {
    /// Appends what stands before the first row (for CSV the header line).
    fn begin(&self, out: &mut Vec<u8>);
    /// Appends one row. `raw` is the row as read; `notes` are the values of [`FAILED_COLUMNS`].
    fn row(&self, raw: &[u8], notes: [&str; 4], out: &mut Vec<u8>);
}

/// Records to make: one column array for each of `columns`, all of the same length.
#[derive(Debug, Clone)]
pub struct NewRecords {
    /// Id of the first; the rest follow one by one.
    pub first_id: i64,
    /// The stored columns given; may hold `created_at`, never another system column. Others become null.
    pub columns: Vec<ColumnIndex>,
    /// Their values, in the Arrow types of the columns' value types.
    pub values: Vec<ArrayRef>,
    /// How many records.
    pub len: usize,
    /// `updated_at`, and `created_at` where it is not given or null: microseconds since the epoch.
    pub now: i64,
    /// The import they come from.
    pub import_id: Option<i64>,
}

/// Changes to existing records. A record whose version is no longer the expected one is left alone.
#[derive(Debug, Clone)]
pub struct ChangedRecords {
    /// The records; no id twice.
    pub ids: Vec<i64>,
    /// The version each must still have.
    pub expected_versions: Vec<i64>,
    /// The columns written (fields or `created_at`).
    pub columns: Vec<ColumnIndex>,
    /// Their new values, one row for each id.
    pub values: Vec<ArrayRef>,
    /// What is written to the system columns.
    pub stamp: Stamp,
}

/// New values of the system columns of changed records.
#[derive(Debug, Clone)]
pub enum Stamp {
    /// version + 1, this time, this import.
    Change {
        /// Microseconds since the epoch.
        now: i64,
        /// The import that changes them.
        import_id: Option<i64>,
    },
    /// Exactly these, one for each record: an undo puts back what stood there. Where they are the expected
    /// versions, the change is none to people: bookkeeping that no history and no undo knows of.
    Restore {
        /// Versions.
        versions: Vec<i64>,
        /// `updated_at`, microseconds.
        updated_at: Vec<i64>,
        /// `import_id`.
        import_ids: Vec<Option<i64>>,
    },
}

/// Existing records, as found by key or id.
#[derive(Debug, Clone)]
pub struct Found {
    /// The key by which each was found, normalized (lower-cased where the column is caseless).
    pub keys: StringArray,
    /// Ids. A record may appear once for each key that found it.
    pub ids: Vec<i64>,
    /// Versions; empty, like the two below, where no columns were asked for.
    pub versions: Vec<i64>,
    /// `updated_at`, microseconds.
    pub updated_at: Vec<i64>,
    /// `import_id`.
    pub import_ids: Vec<Option<i64>>,
    /// The columns asked for, in that order.
    pub values: Vec<ArrayRef>,
}

/// How an import ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportStatus {
    /// Running, or its process died: whoever holds the object's lock knows which.
    Running,
    /// Stopped on request at a checkpoint; can be resumed.
    Interrupted,
    /// Done; the ledger balances.
    Completed,
    /// Ended by an error, or an atomic import with a rejected row: nothing was kept beyond the checkpoint.
    Failed,
    /// Undone.
    Undone,
}

impl ImportStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Running, Self::Interrupted, Self::Completed, Self::Failed, Self::Undone];

    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Undone => "undone",
        }
    }

    /// The status of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// An import (or an undo, which is one too) as the catalog keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// Number; 0 before it is created.
    pub id: i64,
    /// The object imported into.
    pub object: String,
    /// The source's name for people.
    pub source: String,
    /// Tells whether a later request is about the same source with the same settings.
    pub fingerprint: String,
    /// How far it is.
    pub status: ImportStatus,
    /// The account so far; it grows in the same transaction as the rows it counts.
    pub ledger: Ledger,
    /// Where to go on; the engine's own JSON. `None` before the first chunk and after the end.
    pub checkpoint: Option<String>,
    /// Microseconds since the epoch; also the `created_at` and `updated_at` of what it writes.
    pub started_at: i64,
    /// Microseconds since the epoch.
    pub finished_at: Option<i64>,
    /// For an undo, the import it undid.
    pub undo_of: Option<i64>,
    /// Why it failed, for people.
    pub message: Option<String>,
}

/// A run of records an import created, in whichever object (references may create in others).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedRange {
    /// The object.
    pub object: String,
    /// First id.
    pub first_id: i64,
    /// Last id, inclusive.
    pub last_id: i64,
}

impl CreatedRange {
    /// How many records the import created there.
    pub fn count(&self) -> u64 {
        self.first_id.abs_diff(self.last_id) + 1
    }
}

/// Before-images of changed records, for undo: one entry for each change, in the order of the changes.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// The records changed.
    pub record_ids: Vec<i64>,
    /// Their version before the change.
    pub versions: Vec<i64>,
    /// Their `updated_at` before.
    pub updated_at: Vec<i64>,
    /// Their `import_id` before.
    pub import_ids: Vec<Option<i64>>,
    /// JSON object: changed column → canonical text before (or null).
    pub before: Vec<String>,
    /// Position of the entry within its import, counting from 1; given by the engine.
    pub sequences: Vec<i64>,
}

/// What became of a stretch of rows, run-length encoded by the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FateRuns {
    /// Position within the import, from 1.
    pub sequence: i64,
    /// First row number covered.
    pub first_row: u64,
    /// Last row number covered.
    pub last_row: u64,
    /// The engine's encoding.
    pub runs: Vec<u8>,
}

/// Where the records of one organization rest. One instance is one session: one transaction at a time.
///
/// All values travel as parameters, ids are handed out in blocks, times are given by the caller.
/// Every method may fail with [`crate::ErrorKind::Store`]; after an error inside a transaction the
/// only useful call is [`Store::rollback`].
pub trait Store: Send {
    // ── the tables ──────────────────────────────────────────────────────────────────────────────

    /// Makes the object's table and indexes, or brings an older table up to the definition:
    /// new columns are added, missing indexes are made, nothing is ever dropped.
    fn prepare_object(&mut self, object: &Object) -> Result<()>;

    /// The object as the catalog knows it (prepared before, perhaps by an older program).
    fn stored_definition(&mut self, object: &str) -> Result<Option<crate::definition::ObjectDefinition>>;

    /// Names of all objects that have a table.
    fn stored_objects(&mut self) -> Result<Vec<String>>;

    /// Keeps every other import and undo of this object waiting until this session ends or
    /// [`Store::unlock_object`] is called. Waits at most `wait_seconds`; then an error tells who holds it.
    fn lock_object(&mut self, object: &str, wait_seconds: u64) -> Result<()>;

    /// Lets others in again.
    fn unlock_object(&mut self, object: &str) -> Result<()>;

    /// Lets writes drop the indexes they would have to keep up, all but the primary key and those of
    /// `keep`; [`Store::prepare_object`] makes them again (also after a crash, by whoever imports next).
    fn suspend_indexes(&mut self, object: &Object, keep: &[ColumnIndex]) -> Result<()>;

    // ── transactions ────────────────────────────────────────────────────────────────────────────

    /// Begins a transaction. Statements outside one commit by themselves.
    fn begin(&mut self) -> Result<()>;
    /// Commits it durably.
    fn commit(&mut self) -> Result<()>;
    /// Undoes it. Never fails: where the connection is gone the transaction is too.
    fn rollback(&mut self);

    // ── records ─────────────────────────────────────────────────────────────────────────────────

    /// Roughly how many records there are (exact below 10,000).
    fn estimated_records(&mut self, object: &Object) -> Result<u64>;

    /// Visits the normalized key and the id of every record that has a value in this column, in no order.
    fn scan_keys(
        &mut self,
        object: &Object,
        column: ColumnIndex,
        visit: &mut dyn FnMut(&str, i64),
    ) -> Result<()>;

    /// Records whose key in `key` is one of `values` (normalized, no duplicates among them), with
    /// the cells of `columns`; without any, only keys and ids. For the column `id` the values are decimal
    /// numbers.
    fn find(
        &mut self,
        object: &Object,
        key: ColumnIndex,
        values: &[&str],
        columns: &[ColumnIndex],
    ) -> Result<Found>;

    /// Reserves `count` ids of the object; returns the first. Ids of a rolled-back transaction are
    /// handed out again.
    fn reserve_ids(&mut self, object: &Object, count: u64) -> Result<i64>;

    /// Makes records.
    fn insert(&mut self, object: &Object, records: &NewRecords) -> Result<()>;

    /// Changes records; returns how many were changed.
    fn update(&mut self, object: &Object, records: &ChangedRecords) -> Result<u64>;

    /// Deletes the records `first_id..=last_id` that `import_id` created and nobody changed since
    /// (version 1, that import). Returns how many.
    fn delete_created(&mut self, object: &Object, range: &CreatedRange, import_id: i64) -> Result<u64>;

    /// Reads records in batches of about `batch_rows`, from one consistent snapshot.
    fn read(
        &mut self,
        object: &Object,
        query: &Query,
        columns: &[ColumnIndex],
        batch_rows: usize,
        visit: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Result<()>;

    // ── imports ─────────────────────────────────────────────────────────────────────────────────

    /// Keeps a new import; returns its number.
    fn create_import(&mut self, import: &Import) -> Result<i64>;
    /// Writes status, ledger, checkpoint, end and message of an import.
    fn save_import(&mut self, import: &Import) -> Result<()>;
    /// One import.
    fn find_import(&mut self, id: i64) -> Result<Option<Import>>;
    /// The newest imports first; of one object where it is named.
    fn list_imports(&mut self, object: Option<&str>, limit: u64) -> Result<Vec<Import>>;
    /// The newest import of this object with this fingerprint.
    fn find_import_by_fingerprint(&mut self, object: &str, fingerprint: &str) -> Result<Option<Import>>;

    /// Keeps a range of created ids; a range with the same object and first id is lengthened.
    fn save_created_range(&mut self, import_id: i64, range: &CreatedRange) -> Result<()>;
    /// All ranges of an import, in order of creation.
    fn created_ranges(&mut self, import_id: i64) -> Result<Vec<CreatedRange>>;

    /// Appends before-images.
    fn append_journal(&mut self, import_id: i64, journal: &Journal) -> Result<()>;
    /// Up to `limit` entries with a sequence below `before`, newest first.
    fn read_journal(&mut self, import_id: i64, before: i64, limit: u64) -> Result<Journal>;
    /// The last `limit` changes that an import made to one record, newest first. All entries of the import
    /// are looked at.
    fn read_journal_of_record(&mut self, import_id: i64, record_id: i64, limit: u64) -> Result<Journal>;

    /// Appends what became of rows.
    fn append_fates(&mut self, import_id: i64, runs: &FateRuns) -> Result<()>;
    /// All runs of an import, in sequence.
    fn read_fates(&mut self, import_id: i64, visit: &mut dyn FnMut(FateRuns) -> Result<()>) -> Result<()>;

    /// Appends problems.
    fn append_problems(&mut self, import_id: i64, problems: &[Problem]) -> Result<()>;
    /// Problems of an import in row order, at most `limit`.
    fn read_problems(&mut self, import_id: i64, limit: u64) -> Result<Vec<Problem>>;
}
