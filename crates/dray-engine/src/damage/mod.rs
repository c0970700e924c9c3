//! Damage that spreadsheet programs do to data, found before an import: lost zeros, shortened numbers, eaten
//! dates, cut text, garbled letters. Where there is a safe repair it is offered; none is ever made unasked.
//!
//! A scan looks at any number of batches and remembers counts and a few examples, never the cells.

mod mojibake;
mod exponent;
mod repair;
mod finding;
mod name;
mod texts;
mod digits;
mod notation;
mod dates;
mod column;
mod source;

use dray_model::batch::TextBatch;

use column::{Column, Rows};
use finding::Tally;
pub use finding::{DamageKind, Example, Finding};
use name::Name;
pub use repair::Repair;
pub use source::repaired;

/// The most rows a sheet has: since 2007, and before.
const SHEET_ROWS: [u64; 2] = [1_048_576, 65_536];

/// Looks for damage in the batches of one source.
#[derive(Debug)]
pub struct DamageScan {
    columns: Vec<Column>,
    /// The column of countries, which tells how long postal codes are.
    country: Option<usize>,
    header_rows: u64,
    last_row: u64,
    last_line: u64,
}

impl DamageScan {
    /// Begins a scan of a source with this header; `has_header` is false where the source names no columns
    /// ([`dray_model::flow::RowSource::has_header`]).
    pub fn new(header: &[String], has_header: bool) -> Self {
        let columns: Vec<Column> = header.iter().map(|header| Column::new(Name::new(header))).collect();
        Self {
            country: columns.iter().position(|column| column.name.is_country),
            columns,
            header_rows: u64::from(has_header),
            last_row: 0,
            last_line: 0,
        }
    }

    /// Looks at the cells of a batch. Batches come in order; a sample of them will do for most kinds of damage.
    pub fn look(&mut self, batch: &TextBatch) {
        let Some(&line) = batch.lines.last() else { return };
        self.last_row = batch.first_row + batch.len() as u64 - 1;
        self.last_line = line;
        let countries = self.country.and_then(|country| batch.columns.get(country));
        let rows = Rows { first_row: batch.first_row, lines: &batch.lines, countries };
        for (column, cells) in self.columns.iter_mut().zip(&batch.columns) {
            column.look(cells, rows);
        }
    }

    /// What was found, file first, then column by column. `total_rows` is how many data rows the source has,
    /// `None` where only its beginning was read.
    pub fn finish(self, total_rows: Option<u64>) -> Vec<Finding> {
        let mut findings: Vec<Finding> =
            total_rows.and_then(|rows| self.judge_rows(rows)).into_iter().collect();
        for (source, column) in self.columns.iter().enumerate() {
            findings.extend(column.findings().into_iter().map(|finding| Finding {
                source: Some(source),
                column: Some(column.name.header.clone()),
                ..finding
            }));
        }
        findings
    }

    /// A finding where the last row of the source is the last row of a sheet.
    fn judge_rows(&self, total_rows: u64) -> Option<Finding> {
        // Lines above the header take rows of the sheet, too, which the line of the last row tells.
        let last_line = if self.last_row == total_rows { self.last_line } else { 0 };
        let sheet_rows = total_rows + self.header_rows;
        let rows = SHEET_ROWS.into_iter().find(|&rows| rows == sheet_rows || rows == last_line)?;
        let programs = if rows == SHEET_ROWS[0] { "a sheet" } else { "a sheet of the old .xls form" };
        let message = format!(
            "the table ends at row {rows}, the last row that {programs} has: rows behind it were most likely left out; \
             compare the number of rows with the original"
        );
        let mut found = Tally::default();
        found.add(total_rows, last_line, "");
        found.examples.clear();
        Some(found.into_finding(DamageKind::RowLimit, message, None))
    }
}

#[cfg(test)]
mod tests;
