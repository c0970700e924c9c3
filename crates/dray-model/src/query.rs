//! What to read from an object: filter, sort order, limit. Values are typed by the column.

use crate::object::ColumnIndex;

/// Which records, in which order, how many.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Only records for which this holds.
    pub filter: Option<Filter>,
    /// Sort keys, first first; records equal in all are ordered by id.
    pub sort: Vec<Sort>,
    /// The most records.
    pub limit: Option<u64>,
}

/// One sort key. Empty cells come last in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The column sorted by.
    pub column: ColumnIndex,
    /// Largest first.
    pub descending: bool,
}

/// A condition on a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All hold.
    And(Vec<Filter>),
    /// At least one holds.
    Or(Vec<Filter>),
    /// Does not hold.
    Not(Box<Filter>),
    /// A comparison of one cell. Text compares without regard to case for the text operators
    /// (`Contains`, `StartsWith`, `EndsWith`) and on caseless columns, exactly otherwise.
    Compare {
        /// The column compared.
        column: ColumnIndex,
        /// How.
        operator: Operator,
        /// The operands: one for most, two for `Between`, any number for `In`, none for `IsEmpty`;
        /// each the canonical text of the column's type (plain text for the text operators).
        values: Vec<String>,
    },
}

/// How a cell is compared. A null cell satisfies `IsEmpty`, `NotEqual`, `NotContains` and `NotIn` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operator {
    Equal,
    NotEqual,
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Between,
    In,
    NotIn,
    IsEmpty,
    IsNotEmpty,
}
