//! What matching answers: for each row a fate, and what is to be written.

use dray_model::flow::Found;
use dray_model::ledger::Fate;
use dray_model::problem::Problem;

use super::cells::CellRef;
use super::filter::KeyFilter;
use super::known::KnownKeys;

/// What is known of the keys in the table before the import.
#[derive(Debug)]
pub enum TableKeys {
    /// There are no records.
    None,
    /// The keys of all records, perhaps some more.
    Known(KeyFilter),
    /// The keys of all records, and whose they are.
    Owned(KnownKeys),
    /// Too many to know: every key is looked up.
    Unknown,
}

impl TableKeys {
    /// False where the table certainly has no key of this hash that a lookup would find.
    pub fn may_be_found(&self, hash: u64) -> bool {
        match self {
            Self::None | Self::Owned(_) => false,
            Self::Known(filter) => filter.may_contain(hash),
            Self::Unknown => true,
        }
    }
}

/// How far a row's match can be found out at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Lookups see the table and everything this run wrote: every row is decided.
    Everything,
    /// Lookups see the table as it was before this run: rows that may repeat an earlier row are held back.
    Table,
    /// No lookups, the indexes are down: rows that may match anything are held back.
    Nothing,
}

/// Which record a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The n-th record created by this batch.
    New(usize),
    /// A record found, by position in [`Decisions::records`].
    Existing(usize),
}

/// What is to be done with a batch.
#[derive(Debug, Default)]
pub struct Decisions {
    /// The fate of each row; `None` where it must wait: under [`Sight::Everything`] for the rows before
    /// it to be written, else for a later pass.
    pub fates: Vec<Option<Fate>>,
    /// The record each row is about.
    pub targets: Vec<Option<Target>>,
    /// The rows to make records of.
    pub creations: Vec<usize>,
    /// Every record found, whether it changes or not.
    pub records: Vec<Record>,
    /// What the lookups found; [`Record`]s and cells point into it.
    pub found: Vec<Found>,
    /// What was found wrong in matching.
    pub problems: Vec<Problem>,
    /// Every changed cell, where [`Matcher::tell_changes`] is set.
    pub changes: Vec<CellChange>,
}

/// A row changes a cell of a record.
#[derive(Debug, Clone, Copy)]
pub struct CellChange {
    /// The row.
    pub row: usize,
    /// The record.
    pub target: Target,
    /// The position of the column in the batch.
    pub position: usize,
    /// Where the value before comes from.
    pub old: CellRef,
}

/// An existing record that rows of this batch matched.
#[derive(Debug)]
pub struct Record {
    /// Its id.
    pub id: i64,
    /// Which lookup found it.
    pub found: usize,
    /// Its row there.
    pub row: usize,
    /// Where its cells come from now; `None` where nothing changed.
    pub cells: Option<Vec<CellRef>>,
}
