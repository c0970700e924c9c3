//! What a run is asked to do, who watches it, and how it ended.

use std::sync::Arc;

use dray_model::Result;
use dray_model::flow::{Import, RowSource};
use dray_model::ledger::Fate;
use dray_model::object::Object;
use dray_model::problem::Problem;

use crate::check::style::DateOrder;
use crate::map::computed::{is_computed, with_computed};
use crate::map::{Mapping, MappingRequest};
use crate::write::Change;

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

impl Job<'_> {
    /// The source with the columns that the mapping computes, after this many rows.
    pub(super) fn source(&self, skip_rows: u64) -> Result<Box<dyn RowSource>> {
        let columns = self.mapping.columns.iter().map(|(column, _)| column);
        let computed: Vec<String> = columns.filter(|column| is_computed(column)).cloned().collect();
        with_computed((self.open)(skip_rows)?, &computed)
    }
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
    /// The import is in the catalog under this number; not said of a plan.
    fn begun(&mut self, _import_id: i64) -> Result<()> {
        Ok(())
    }
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
    /// True where it is worth looking what the columns that are left out look like.
    fn wants_hints(&self) -> bool {
        false
    }
    /// True where a plan wants to hear of every changed cell.
    fn wants_changes(&self) -> bool {
        false
    }
    /// The fate of a row that is planned.
    fn foreseen(&mut self, _row_number: u64, _fate: Fate) {}
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
