//! Rows on their way from a file to the engine: text columns, the numbers and lines they came from,
//! and the bytes as read, so that a rejected row can be given back exactly.

use std::ops::Range;

use arrow_array::StringArray;

use crate::problem::Problem;

/// A few thousand rows of text cells. A null cell is an empty or missing one.
#[derive(Debug, Clone)]
pub struct TextBatch {
    /// Number of the first row, from 1 over data rows; the rest follow without a gap.
    pub first_row: u64,
    /// Physical line (from 1) each row begins on.
    pub lines: Vec<u64>,
    /// One array for each header column, all of `lines.len()` rows.
    pub columns: Vec<StringArray>,
    /// The bytes of each row as read, without its line end.
    pub raw: RawRows,
    /// What the reader found wrong, in row order. Those about lines that are no rows (a title above the
    /// header, notes below the table) are warnings with row number 0 and stand first. A batch without
    /// rows carries such problems and nothing else.
    pub problems: Vec<Problem>,
}

impl TextBatch {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// The rows of a batch exactly as they were read.
#[derive(Debug, Clone, Default)]
pub struct RawRows {
    /// All bytes of the batch.
    pub bytes: Vec<u8>,
    /// Where in `bytes` each row lies.
    pub ranges: Vec<Range<usize>>,
}

impl RawRows {
    /// The bytes of one row.
    pub fn row(&self, index: usize) -> &[u8] {
        self.ranges.get(index).and_then(|range| self.bytes.get(range.clone())).unwrap_or_default()
    }
}
