//! Reads CSV as batches of text columns. Memory is bounded by one batch and one record, whatever the
//! size of the file.

use dray_model::batch::{RawRows, TextBatch};
use dray_model::flow::{FailedRowFormat, RowSource};
use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use dray_model::{Error, ErrorKind, Result};

use super::columns::{Cells, Replacements};
use super::failed::CsvFailedRows;
use super::scan::{Oddity, Scanner, append_cell};
use crate::input::{BYTE_ORDER_MARK, Input};
use crate::options::{ReadLimits, ReadOptions};

/// A CSV file that is being read.
pub(crate) struct CsvSource {
    input: Input,
    limits: ReadLimits,
    delimiter: u8,
    header: Vec<String>,
    header_raw: Vec<u8>,
    scanner: Scanner,
    /// Bytes read from the input; those before `start` belong to batches handed on.
    buffer: Vec<u8>,
    start: usize,
    /// Where in the file the buffer begins.
    offset: u64,
    next_row: u64,
    rows_to_skip: u64,
}

impl CsvSource {
    /// Reads the header of `input`, of which `sample` is the beginning.
    pub(crate) fn open(input: Input, sample: Vec<u8>, delimiter: u8, options: &ReadOptions) -> Result<Self> {
        let limits = options.limits.within_reason();
        if matches!(delimiter, b'"' | b'\n' | b'\r') {
            return Err(Error::request("a quote or line break cannot be the delimiter")
                .hint("use a comma, a semicolon, a tab or a bar"));
        }
        let start = if sample.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let mut source = Self {
            input,
            // One more than allowed, so that a header over the limit is seen without storing all of it.
            scanner: Scanner::new(delimiter, limits.max_columns + 1, 1),
            limits,
            delimiter,
            header: Vec::new(),
            header_raw: Vec::new(),
            buffer: sample,
            start,
            offset: 0,
            next_row: 1,
            rows_to_skip: options.skip_rows,
        };
        source.read_header()?;
        Ok(source)
    }

    fn read_header(&mut self) -> Result<()> {
        self.scan_rows(1)?;
        let Some(row) = self.scanner.rows.first().copied() else {
            return Err(Error::source(format!("`{}` is empty", self.input.name())));
        };
        if row.cells > self.limits.max_columns {
            let (name, line) = (self.input.name(), row.line);
            let message = format!("the header of `{name}` on line {line} has {} columns", row.cells);
            return Err(Error::new(ErrorKind::Limit, message)
                .hint(format!("at most {} are read; is the delimiter right?", self.limits.max_columns)));
        }
        let text = &self.buffer[self.start..];
        let cells = self.scanner.cells.iter().take(row.cells).map(|&cell| {
            let mut name = Vec::new();
            append_cell(text, cell, &mut name);
            String::from_utf8_lossy(&name).into_owned()
        });
        self.header = crate::header::column_names(cells);
        self.header_raw = text[row.start..row.end].to_vec();
        self.start += self.scanner.consumed();
        let mut scanner = Scanner::new(self.delimiter, self.header.len(), self.scanner.next_line());
        scanner.set_after_carriage_return(self.scanner.is_after_carriage_return());
        self.scanner = scanner;
        Ok(())
    }

    /// Lets the scanner find up to `max_rows` rows behind `start`, reading on as needed.
    fn scan_rows(&mut self, max_rows: usize) -> Result<()> {
        self.scanner.restart();
        let mut window = self.limits.batch_bytes;
        loop {
            let available = self.buffer.len() - self.start;
            let seen = available.min(window);
            let complete = self.input.ended() && seen == available;
            let text = &self.buffer[self.start..self.start + seen];
            self.scanner.scan(text, complete, max_rows);
            let found = self.scanner.rows.len();
            if complete || found >= max_rows || (found > 0 && seen >= self.limits.batch_bytes) {
                return Ok(());
            }
            if seen - self.scanner.consumed() > self.limits.max_record_bytes {
                if self.scanner.is_inside_quotes() {
                    self.scanner.take_quote_literally();
                    continue;
                }
                // The rows before it are handed on first; the next call finds it again.
                return if found > 0 { Ok(()) } else { Err(self.record_too_large()) };
            }
            if found == 0 && self.scanner.consumed() > 0 {
                // Nothing but blank lines so far.
                self.start += self.scanner.consumed();
                self.scanner.restart();
                continue;
            }
            if seen == available {
                self.forget_delivered();
                self.input.read_more(&mut self.buffer, self.limits.read_bytes)?;
            }
            window = window.max(seen + self.limits.read_bytes);
        }
    }

    fn forget_delivered(&mut self) {
        self.buffer.drain(..self.start);
        self.offset += self.start as u64;
        self.start = 0;
    }

    fn record_too_large(&self) -> Error {
        let (name, line) = (self.input.name(), self.scanner.next_line());
        let limit = self.limits.max_record_bytes;
        Error::new(
            ErrorKind::Limit,
            format!("the row on line {line} of `{name}` is larger than {limit} bytes"),
        )
        .hint("check that the file has line breaks and is text; otherwise raise the limit of a record")
    }

    /// Takes the scanned rows out of the buffer as a batch.
    fn take_batch(&mut self) -> Result<TextBatch> {
        let consumed = self.scanner.consumed();
        // Behind the complete rows stand the first cells of one that goes on in the next batch.
        self.scanner.cells.truncate(self.scanner.rows.len() * self.header.len());
        let (columns, problems) = self.build_columns(consumed)?;
        let rows = &self.scanner.rows;
        let batch = TextBatch {
            first_row: self.next_row,
            lines: rows.iter().map(|row| row.line).collect(),
            columns,
            raw: RawRows { bytes: Vec::new(), ranges: rows.iter().map(|row| row.start..row.end).collect() },
            problems,
        };
        self.next_row += rows.len() as u64;
        let bytes = self.take_bytes(consumed);
        Ok(TextBatch { raw: RawRows { bytes, ..batch.raw }, ..batch })
    }

    /// Gives away the next `count` bytes: the buffer itself where little is left behind them.
    fn take_bytes(&mut self, count: usize) -> Vec<u8> {
        let end = self.start + count;
        let left = self.buffer.len() - end;
        if self.start > 0 || left > count {
            let bytes = self.buffer[self.start..end].to_vec();
            self.start = end;
            return bytes;
        }
        let mut next = Vec::with_capacity(left + count.min(self.limits.batch_bytes) + self.limits.read_bytes);
        next.extend_from_slice(&self.buffer[end..]);
        let mut bytes = std::mem::replace(&mut self.buffer, next);
        bytes.truncate(end);
        self.offset += end as u64;
        bytes
    }

    fn build_columns(&mut self, consumed: usize) -> Result<(Vec<arrow_array::StringArray>, Vec<Problem>)> {
        let mut problems = self.shape_problems();
        let mut replacements = Replacements::new();
        let text = &self.buffer[self.start..self.start + consumed];
        let file_offset = self.offset + self.start as u64;
        if consumed > self.limits.max_cell_bytes {
            for index in 0..self.scanner.cells.len() {
                let size = self.scanner.cells[index].len();
                if size > self.limits.max_cell_bytes {
                    let limit = self.limits.max_cell_bytes;
                    let message = format!("the cell has {size} bytes; at most {limit} are read");
                    problems.push(self.cell_problem(index, ProblemCode::CellTooLarge, None, message));
                    self.scanner.cells[index] = self.scanner.cells[index].rewritten();
                    replacements.push((index, Vec::new()));
                }
            }
        }
        if std::str::from_utf8(text).is_err() {
            for index in 0..self.scanner.cells.len() {
                let cell = self.scanner.cells[index];
                let Err(wrong) = std::str::from_utf8(&text[cell.start()..cell.end()]) else { continue };
                if replacements.binary_search_by_key(&index, |(at, _)| *at).is_ok() {
                    continue;
                }
                let mut value = Vec::new();
                let cells =
                    Cells { text, cells: &self.scanner.cells, columns: 1, replacements: &replacements };
                cells.append(index, &mut value);
                let value = String::from_utf8_lossy(&value).into_owned();
                let at = file_offset + (cell.start() + wrong.valid_up_to()) as u64;
                let message =
                    format!("the bytes at offset {at} of the file are not UTF-8; save the file as UTF-8");
                problems.push(self.cell_problem(index, ProblemCode::InvalidEncoding, Some(&value), message));
                self.scanner.cells[index] = cell.rewritten();
                let place = replacements.partition_point(|(at, _)| *at < index);
                replacements.insert(place, (index, value.into_bytes()));
            }
        }
        problems.sort_by_key(|problem| problem.row_number);
        let cells = Cells {
            text,
            cells: &self.scanner.cells,
            columns: self.header.len(),
            replacements: &replacements,
        };
        let columns = (0..self.header.len()).map(|column| cells.column(column)).collect::<Result<_>>()?;
        Ok((columns, problems))
    }

    fn cell_problem(&self, index: usize, code: ProblemCode, value: Option<&str>, message: String) -> Problem {
        let (row, column) = (index / self.header.len(), index % self.header.len());
        Problem {
            row_number: self.next_row + row as u64,
            line: self.scanner.rows[row].line,
            column: self.header.get(column).cloned(),
            field: None,
            code,
            severity: Severity::Error,
            value: value.map(shown),
            message,
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
        while self.rows_to_skip > 0 {
            let most = usize::try_from(self.rows_to_skip).unwrap_or(usize::MAX).min(self.limits.batch_rows);
            self.scan_rows(most)?;
            let found = self.scanner.rows.len() as u64;
            self.start += self.scanner.consumed();
            self.next_row += found;
            self.rows_to_skip -= found;
            if found == 0 {
                return Ok(None);
            }
        }
        self.scan_rows(self.limits.batch_rows)?;
        if self.scanner.rows.is_empty() {
            return Ok(None);
        }
        self.take_batch().map(Some)
    }

    fn bytes_read(&self) -> u64 {
        self.offset + self.start as u64
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        Box::new(CsvFailedRows::new(&self.header_raw, &self.header, self.delimiter))
    }
}
