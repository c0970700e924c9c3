//! Reads CSV as batches of text columns. Memory is bounded by one batch and one record, whatever the
//! size of the file.

use arrow_array::StringArray;
use dray_model::batch::{RawRows, TextBatch};
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use dray_model::{Error, ErrorKind, Result};

use super::failed::CsvFailedRows;
use super::scan::{Oddity, Scanner, append_unquoted};
use crate::cells::{CellFault, Cells, unguard_columns};
use crate::guard::unguard_names;
use crate::header::column_names;
use crate::input::BYTE_ORDER_MARK;
use crate::options::{ReadLimits, ReadOptions};
use crate::window::Window;

/// A CSV file that is being read.
pub(crate) struct CsvSource {
    window: Window,
    detected: Vec<Detected>,
    limits: ReadLimits,
    delimiter: u8,
    header: Vec<String>,
    header_raw: Vec<u8>,
    scanner: Scanner,
    next_row: u64,
    rows_to_skip: u64,
    /// Takes the apostrophes of a formula guard off.
    unguards: bool,
}

impl CsvSource {
    /// Reads the header.
    pub(crate) fn open(
        mut window: Window,
        delimiter: u8,
        options: &ReadOptions,
        detected: Vec<Detected>,
    ) -> Result<Self> {
        let limits = options.limits.within_reason();
        if !delimiter.is_ascii() || matches!(delimiter, b'"' | b'\n' | b'\r') {
            return Err(Error::request(
                "the delimiter must be an ASCII character, and no quote or line break",
            )
            .hint("use a comma, a semicolon, a tab or a bar"));
        }
        if window.text().starts_with(BYTE_ORDER_MARK) {
            window.skip(BYTE_ORDER_MARK.len());
        }
        let mut source = Self {
            window,
            detected,
            // One more than allowed, so that a header over the limit is seen without storing all of it.
            scanner: Scanner::new(delimiter, limits.max_columns + 1, 1),
            limits,
            delimiter,
            header: Vec::new(),
            header_raw: Vec::new(),
            next_row: 1,
            rows_to_skip: options.skip_rows,
            unguards: options.unguard,
        };
        source.read_header()?;
        if source.unguards {
            unguard_names(&mut source.header);
        }
        Ok(source)
    }

    fn read_header(&mut self) -> Result<()> {
        self.scan_rows(1)?;
        let Some(row) = self.scanner.rows.first().copied() else {
            return Err(Error::source(format!("`{}` is empty", self.window.name()))
                .hint("it has no header and no rows; check that the right file was sent"));
        };
        if row.cells > self.limits.max_columns {
            let (name, line) = (self.window.name(), row.line);
            let message = format!("the header of `{name}` on line {line} has {} columns", row.cells);
            return Err(Error::new(ErrorKind::Limit, message)
                .hint(format!("at most {} are read; is the delimiter right?", self.limits.max_columns)));
        }
        let cells = self.cells(self.window.text());
        let names = self.scanner.cells.iter().take(row.cells);
        self.header =
            column_names(names.map(|&cell| String::from_utf8_lossy(&cells.bytes(cell)).into_owned()));
        self.header_raw = self.window.text().get(row.start..row.end).unwrap_or_default().to_vec();
        self.window.skip(self.scanner.consumed());
        self.scanner.change_columns(self.header.len());
        Ok(())
    }

    fn cells<'a>(&'a self, text: &'a [u8]) -> Cells<'a> {
        let (cells, columns) = (&self.scanner.cells, self.header.len());
        Cells { text, cells, columns, rewrite: append_unquoted }
    }

    /// Lets the scanner find up to `max_rows` rows, reading on as needed.
    fn scan_rows(&mut self, max_rows: usize) -> Result<()> {
        self.scanner.restart();
        let mut looked_at = self.limits.batch_bytes;
        loop {
            let available = self.window.text().len();
            let seen = available.min(looked_at);
            let complete = self.window.is_complete() && seen == available;
            self.scanner.scan(self.window.text().get(..seen).unwrap_or_default(), complete, max_rows);

            let found = self.scanner.rows.len();
            if complete || found >= max_rows || (found > 0 && seen >= self.limits.batch_bytes) {
                return Ok(());
            }
            let open = seen - self.scanner.consumed();
            if open > self.limits.max_record_bytes && self.scanner.is_inside_quotes() {
                self.scanner.take_quote_literally();
                continue;
            }
            if open > self.limits.max_record_bytes {
                // The rows before it are handed on first; the next call finds it again.
                return if found > 0 { Ok(()) } else { Err(self.record_too_large()) };
            }
            if found == 0 && self.scanner.consumed() > 0 {
                // Nothing but blank lines so far.
                self.window.skip(self.scanner.consumed());
                self.scanner.restart();
                continue;
            }
            if seen == available {
                self.window.read_more(self.limits.read_bytes)?;
            }
            looked_at = looked_at.max(seen + self.limits.read_bytes);
        }
    }

    fn record_too_large(&self) -> Error {
        let (name, line) = (self.window.name(), self.scanner.next_line());
        let limit = self.limits.max_record_bytes;
        Error::new(
            ErrorKind::Limit,
            format!("the row on line {line} of `{name}` is larger than {limit} bytes"),
        )
        .hint("check that the file has line breaks and is text; otherwise raise the limit of a record")
    }

    /// Takes the scanned rows out of the window as a batch.
    fn take_batch(&mut self) -> Result<TextBatch> {
        let consumed = self.scanner.consumed();
        // Behind the complete rows stand the first cells of one that goes on in the next batch.
        self.scanner.cells.truncate(self.scanner.rows.len() * self.header.len());
        let (columns, problems) = self.build_columns(consumed)?;
        let bytes = self.window.take(consumed, self.limits.read_bytes);
        let rows = &self.scanner.rows;
        let first_row = self.next_row;
        self.next_row += rows.len() as u64;
        Ok(TextBatch {
            first_row,
            lines: rows.iter().map(|row| row.line).collect(),
            columns,
            raw: RawRows { bytes, ranges: rows.iter().map(|row| row.start..row.end).collect() },
            problems,
        })
    }

    fn build_columns(&self, consumed: usize) -> Result<(Vec<StringArray>, Vec<Problem>)> {
        let cells = self.cells(self.window.text().get(..consumed).unwrap_or_default());
        let (faults, replacements) = cells.find_faults(self.limits.max_cell_bytes, &self.window);
        let mut problems = self.shape_problems();
        problems.extend(faults.into_iter().map(|fault| self.cell_problem(fault)));
        problems.sort_by_key(|problem| problem.row_number);
        let mut columns = cells.columns(&replacements)?;
        if self.unguards {
            unguard_columns(&mut columns);
        }
        Ok((columns, problems))
    }

    fn cell_problem(&self, fault: CellFault) -> Problem {
        let (row, column) = (fault.index / self.header.len(), fault.index % self.header.len());
        Problem {
            row_number: self.next_row + row as u64,
            line: self.scanner.rows[row].line,
            column: self.header.get(column).cloned(),
            field: None,
            code: fault.code,
            severity: Severity::Error,
            value: fault.value.as_deref().map(shown),
            message: fault.message,
        }
    }

    fn shape_problems(&self) -> Vec<Problem> {
        let problem = |oddity: &Oddity| {
            let (row, column, line, code, message) = match *oddity {
                Oddity::TooManyCells { row } => {
                    let (cells, columns) = (self.scanner.rows[row].cells, self.header.len());
                    let message = format!(
                        "the row has {cells} cells and the header {columns}; put cells that contain the delimiter in quotes"
                    );
                    (row, None, self.scanner.rows[row].line, ProblemCode::TooManyCells, message)
                }
                Oddity::UnclosedQuote { row, column, line } => {
                    let message =
                        format!("the quote that opens on line {line} never closes; close it, or double it");
                    (row, self.header.get(column), line, ProblemCode::UnclosedQuote, message)
                }
            };
            Problem {
                row_number: self.next_row + row as u64,
                line,
                column: column.cloned(),
                field: None,
                code,
                severity: Severity::Error,
                value: None,
                message,
            }
        };
        // A quote can be given up in the row that was being scanned when enough rows were found.
        let complete = |oddity: &&Oddity| match oddity {
            Oddity::TooManyCells { row } | Oddity::UnclosedQuote { row, .. } => {
                *row < self.scanner.rows.len()
            }
        };
        self.scanner.oddities.iter().filter(complete).map(problem).collect()
    }
}

impl RowSource for CsvSource {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        let batch_rows = self.limits.rows_in_batch(self.header.len());
        while self.rows_to_skip > 0 {
            let most = usize::try_from(self.rows_to_skip).unwrap_or(usize::MAX).min(batch_rows);
            self.scan_rows(most)?;
            let found = self.scanner.rows.len() as u64;
            self.window.skip(self.scanner.consumed());
            self.next_row += found;
            self.rows_to_skip -= found;
            if found == 0 {
                return Ok(None);
            }
        }
        self.scan_rows(batch_rows)?;
        if self.scanner.rows.is_empty() {
            return Ok(None);
        }
        self.take_batch().map(Some)
    }

    fn bytes_read(&self) -> u64 {
        self.window.bytes_read()
    }

    fn detected(&self) -> Vec<Detected> {
        self.window.detected(&self.detected)
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        Box::new(CsvFailedRows::new(&self.header_raw, &self.header, self.delimiter))
    }
}
