//! The table to be mapped: headers and sample rows, borrowed from wherever they are.

use arrow_array::Array;
use dray_model::batch::TextBatch;

use super::profile::MOST_CELLS;

/// Headers with the first cells of each column.
#[derive(Debug, Clone, Default)]
pub struct Table<'a> {
    pub(super) headers: Vec<&'a str>,
    pub(super) cells: Vec<Vec<&'a str>>,
}

impl<'a> Table<'a> {
    /// A table of rows; short rows lack their last cells. Only the first rows are looked at.
    pub fn from_rows<H: AsRef<str>, C: AsRef<str>>(headers: &'a [H], rows: &'a [Vec<C>]) -> Self {
        let cells = (0..headers.len())
            .map(|column| {
                rows.iter().take(MOST_CELLS).map(|row| row.get(column).map_or("", AsRef::as_ref)).collect()
            })
            .collect();
        Self { headers: headers.iter().map(AsRef::as_ref).collect(), cells }
    }

    /// The first rows of a batch that was read.
    pub fn from_batch(headers: &'a [String], batch: &'a TextBatch) -> Self {
        let cells = (0..headers.len())
            .map(|column| {
                let Some(cells) = batch.columns.get(column) else { return Vec::new() };
                (0..cells.len().min(MOST_CELLS))
                    .map(|row| if cells.is_valid(row) { cells.value(row) } else { "" })
                    .collect()
            })
            .collect();
        Self { headers: headers.iter().map(String::as_str).collect(), cells }
    }
}
