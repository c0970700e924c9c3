//! Gives rejected CSV rows back: each as it was read, followed by why it was rejected.
//!
//! The notes stand under their headers whatever the shape of the row: a short row is filled up with
//! empty cells, and the surplus cells of a long one stand behind the notes. So the file can be read
//! again and gives the same cells and the same problems until somebody repairs it.

use dray_model::flow::{FAILED_COLUMNS, FailedRowFormat};
use dray_model::problem::ProblemCode;

use super::dialect::append_unquoted;
use super::quote::Quoting;
use super::scan::{Oddity, Scanner};
use crate::cells::{Cell, Cells};

/// Writes rejected rows of a CSV file, in its own delimiter.
pub(crate) struct CsvFailedRows {
    header_raw: Vec<u8>,
    /// Columns of the source, without the notes of an earlier failed-rows file.
    columns: usize,
    has_notes: bool,
    delimiter: u8,
}

impl CsvFailedRows {
    pub(crate) fn new(header_raw: &[u8], header: &[String], delimiter: u8) -> Self {
        let columns = header.len().saturating_sub(FAILED_COLUMNS.len());
        let has_notes = columns > 0 && header.iter().skip(columns).eq(FAILED_COLUMNS.iter());
        let columns = if has_notes { columns } else { header.len() };
        Self { header_raw: header_raw.to_vec(), columns, has_notes, delimiter }
    }

    fn append_notes(&self, notes: [&str; 4], out: &mut Vec<u8>) {
        let quoting = Quoting::new(self.delimiter);
        for note in notes {
            out.push(self.delimiter);
            quoting.append(note.as_bytes(), out);
        }
    }
}

impl FailedRowFormat for CsvFailedRows {
    fn begin(&self, out: &mut Vec<u8>) {
        self.row(&self.header_raw, FAILED_COLUMNS, out);
    }

    fn row(&self, raw: &[u8], notes: [&str; 4], out: &mut Vec<u8>) {
        let cells_at_most = memchr::memchr_iter(self.delimiter, raw).count() + 1;
        let mut scanner = Scanner::new(self.delimiter, cells_at_most, 1);
        scanner.scan(raw, true, 1);
        let count = scanner.rows.first().map_or(0, |row| row.cells);
        let has_open_quote = scanner.oddities.iter().any(|odd| matches!(odd, Oddity::UnclosedQuote { .. }));

        // A row of another table has no cell for any column, unless it is as wide.
        let is_of_other_table = notes[2].split("; ").any(|code| code == ProblemCode::OtherTable.word());
        let notes_columns = if self.has_notes { FAILED_COLUMNS.len() } else { 0 };
        let is_as_wide = count == self.columns + notes_columns;
        let (in_columns, first_surplus) = if is_of_other_table && !is_as_wide {
            (0, 0)
        } else {
            (self.columns, self.columns + notes_columns)
        };
        if count <= in_columns && !has_open_quote {
            out.extend_from_slice(raw);
            out.extend(std::iter::repeat_n(self.delimiter, self.columns - count.max(1)));
            self.append_notes(notes, out);
            out.push(b'\n');
            return;
        }
        // Written cell by cell: the same cells, in quotes that close.
        let quoting = Quoting::new(self.delimiter);
        let cells =
            Cells { text: raw, cells: &scanner.cells, columns: cells_at_most, rewrite: &append_unquoted };
        let append = |cell: Cell, out: &mut Vec<u8>| quoting.append(&cells.bytes(cell), out);
        for column in 0..self.columns {
            if column > 0 {
                out.push(self.delimiter);
            }
            let cell = scanner.cells.get(column).copied().filter(|_| column < in_columns);
            append(cell.unwrap_or(Cell::MISSING), out);
        }
        self.append_notes(notes, out);
        let surplus = scanner.cells.get(first_surplus..count).unwrap_or_default();
        if surplus.iter().any(|cell| cell.len() > 0) {
            for &cell in surplus {
                out.push(self.delimiter);
                append(cell, out);
            }
        }
        out.push(b'\n');
    }
}
