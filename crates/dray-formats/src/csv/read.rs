//! Reads delimited text as batches of text columns. Memory is bounded by one batch and one record,
//! whatever the size of the file.
//!
//! Well-formed rows never leave the fast path. A row that has another width than its table, or text
//! behind a closing quote, stops the scanner; what it means is settled apart.

use arrow_array::StringArray;
use dray_model::batch::{RawRows, TextBatch};
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::problem::{Problem, ProblemCode, SHOWN_VALUE, Severity, shown};
use dray_model::words::{counted, thousands};
use dray_model::{Error, ErrorKind, Result};

use super::dialect::Dialect;
use super::failed::CsvFailedRows;
use super::quote::Quoting;
use super::scan::{Oddity, Row, Scanner};
use super::sniff::{Given, find_dialect};
use super::table::{Table, find_table, lines_words, note};
use crate::cells::{CellFault, Cells, Replacements, unguard_columns};
use crate::guard::unguard_names;
use crate::header::column_names;
use crate::input::BYTE_ORDER_MARK;
use crate::options::{ReadLimits, ReadOptions};
use crate::window::Window;

/// The dialect and the table are found in this much of the source.
const SAMPLE_BYTES: usize = 1 << 20;

/// A delimited text that is being read.
pub(crate) struct CsvSource {
    pub(super) window: Window,
    pub(super) detected: Vec<Detected>,
    pub(super) limits: ReadLimits,
    pub(super) dialect: Dialect,
    pub(super) table: Table,
    pub(super) header: Vec<String>,
    pub(super) header_raw: Vec<u8>,
    pub(super) is_strict: bool,
    pub(super) scanner: Scanner,
    /// Cells of the rows found whose text is not that of their bytes, and what else was settled.
    pub(super) settled: Replacements,
    pub(super) settled_problems: Vec<(usize, Problem)>,
    /// Rows that were put right, as they should have been written.
    pub(super) rewritten: Vec<(usize, Vec<u8>)>,
    /// Remarks about lines that are no rows, for the next batch.
    pub(super) notes: Vec<Problem>,
    /// Rows with fewer cells than the header, where that is a habit of the file: how many were handed on,
    /// and the line of the first.
    pub(super) short_rows: (u64, u64),
    /// The lines of those among the rows found.
    pub(super) short_lines: Vec<u64>,
    pub(super) has_ended: bool,
    /// Why the rows from here on belong to another table, where they do. They are handed on without cells,
    /// each with this problem, so that all rows are accounted for.
    pub(super) other_table: Option<String>,
    /// The rows found are such rows.
    is_behind_table: bool,
    /// How often a quote in the middle of a cell meant nothing.
    pub(super) quotes_without_meaning: u32,
    pub(super) next_row: u64,
    pub(super) rows_to_skip: u64,
    /// Takes the apostrophes of a formula guard off.
    pub(super) unguards: bool,
}

impl CsvSource {
    /// Finds the dialect and reads the header.
    pub(crate) fn open(mut window: Window, options: &ReadOptions, detected: Vec<Detected>) -> Result<Self> {
        let limits = options.limits.within_reason();
        let given = Given::new(options)?;
        if window.text().starts_with(BYTE_ORDER_MARK) {
            window.skip(BYTE_ORDER_MARK.len());
        }
        while window.text().len() < SAMPLE_BYTES && !window.is_complete() {
            window.read_more(limits.read_bytes)?;
        }
        let separator = separator_of(&window).filter(|_| !options.strict);
        let has_separator_line = separator.is_some();
        let given = Given { delimiter: given.delimiter.or(separator), ..given };
        let sniffed = find_dialect(window.text(), window.is_complete(), &given);
        let table = loop {
            let (text, complete) = (window.text(), window.is_complete());
            let skip_lines = options.skip_lines.max(u64::from(has_separator_line));
            let dialect = &sniffed.dialect;
            match find_table(text, complete, dialect, skip_lines, options.header_row, options.strict) {
                Some(table) if complete || table.body_start < text.len() => break table,
                Some(table) if text.len() > limits.max_record_bytes => {
                    let names = table.names.as_ref().map_or(0, Vec::len);
                    if names > limits.max_columns {
                        break table;
                    }
                    return Err(record_too_large(window.name(), 1, limits.max_record_bytes));
                }
                None if complete => {
                    return Err(Error::source(format!("`{}` is empty", window.name()))
                        .hint("it has no header and no rows; check that the right file was sent"));
                }
                // Twice as much each time: what was read is looked at from its beginning again.
                _ => {
                    let room = limits.max_record_bytes.saturating_sub(text.len()) + 1;
                    window.read_more(text.len().min(room).max(limits.read_bytes))?;
                }
            }
        };
        if table.width > limits.max_columns {
            let line = table.header_lines.map_or(1, |lines| lines.0);
            let message = format!(
                "the header of `{}` on line {line} has {} columns",
                window.name(),
                thousands(table.width as u64)
            );
            return Err(Error::new(ErrorKind::Limit, message).hint(format!(
                "at most {} are read; is the delimiter right?",
                thousands(limits.max_columns as u64)
            )));
        }
        let names = table.names.clone().unwrap_or_else(|| vec![String::new(); table.width]);
        let mut detected = detected;
        detected.extend(detected_dialect(&sniffed.dialect, &table, &sniffed));
        let mut scanner = Scanner::of_dialect(&sniffed.dialect, table.width, table.body_line);
        if !options.strict {
            scanner.stop_at_odd_rows();
        }
        let mut header = column_names(names.into_iter());
        let line = window.text().get(table.header_raw.clone()).unwrap_or_default();
        let is_as_read = table.names_are_as_read && sniffed.dialect.simple_delimiter().is_some();
        let header_raw = if is_as_read {
            line.to_vec()
        } else {
            written(&header, sniffed.dialect.simple_delimiter().unwrap_or(b','))
        };
        window.skip(table.body_start);
        if options.unguard {
            unguard_names(&mut header);
        }
        Ok(Self {
            notes: if options.strict { Vec::new() } else { table.notes.clone() },
            header,
            header_raw,
            window,
            detected,
            limits,
            dialect: sniffed.dialect,
            table,
            is_strict: options.strict,
            scanner,
            settled: Replacements::new(),
            settled_problems: Vec::new(),
            rewritten: Vec::new(),
            short_rows: (0, 0),
            short_lines: Vec::new(),
            has_ended: false,
            other_table: None,
            is_behind_table: false,
            quotes_without_meaning: 0,
            next_row: 1,
            rows_to_skip: options.skip_rows,
            unguards: options.unguard,
        })
    }

    pub(super) fn cells<'a>(&'a self, text: &'a [u8]) -> Cells<'a> {
        let (cells, columns) = (&self.scanner.cells, self.header.len());
        Cells { text, cells, columns, rewrite: &self.dialect }
    }

    /// Finds up to `max_rows` rows; false where there are none left.
    fn find_rows(&mut self, max_rows: usize) -> Result<bool> {
        loop {
            let was_other_table = self.other_table.is_some();
            self.scan_rows(max_rows)?;
            if !was_other_table {
                self.cut_at_second_header();
            }
            if !self.scanner.rows.is_empty() {
                return Ok(true);
            }
            if was_other_table || self.other_table.is_none() {
                return Ok(false);
            }
            // The other table begins at once.
            self.window.skip(self.scanner.consumed());
        }
    }

    /// Lets the scanner find up to `max_rows` rows of one table, reading on as needed.
    fn scan_rows(&mut self, max_rows: usize) -> Result<()> {
        self.scanner.restart();
        self.count_short_rows();
        self.settled.clear();
        self.settled_problems.clear();
        self.rewritten.clear();
        let mut looked_at = self.limits.batch_bytes;
        self.is_behind_table = self.other_table.is_some();
        loop {
            if self.has_ended || self.other_table.is_some() != self.is_behind_table {
                return Ok(());
            }
            let available = self.window.text().len();
            let seen = available.min(looked_at);
            let complete = self.window.is_complete() && seen == available;
            self.scanner.scan(self.window.text().get(..seen).unwrap_or_default(), complete, max_rows);
            if let Some(row) = self.scanner.take_odd_row() {
                self.settle(row)?;
                if self.scanner.rows.len() >= max_rows {
                    return Ok(());
                }
                continue;
            }

            let found = self.scanner.rows.len();
            if complete || found >= max_rows || (found > 0 && seen >= self.limits.batch_bytes) {
                return Ok(());
            }
            let open = seen - self.scanner.consumed();
            if open > self.limits.max_record_bytes && self.scanner.is_inside_quotes() {
                if self.scanner.can_take_quotes_literally() {
                    self.scanner.take_quote_literally();
                } else {
                    self.scanner.end_open_row(self.window.text().get(..seen).unwrap_or_default());
                }
                continue;
            }
            if open > self.limits.max_record_bytes {
                // The rows before it are handed on first; the next call finds it again.
                let (name, line) = (self.window.name(), self.scanner.next_line());
                let error = record_too_large(name, line, self.limits.max_record_bytes);
                return if found > 0 { Ok(()) } else { Err(error) };
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

    /// Takes the scanned rows out of the window as a batch.
    fn take_batch(&mut self) -> Result<TextBatch> {
        let consumed = self.scanner.consumed();
        // Behind the complete rows stand the first cells of one that goes on in the next batch.
        self.scanner.cells.truncate(self.scanner.rows.len() * self.header.len());
        let (columns, mut problems) = match &self.other_table {
            Some(message) if self.is_behind_table => self.rows_of_other_table(message),
            _ => self.build_columns(consumed)?,
        };
        if !self.notes.is_empty() {
            problems.splice(0..0, std::mem::take(&mut self.notes));
        }
        let raw = self.take_raw(consumed);
        let rows = &self.scanner.rows;
        let first_row = self.next_row;
        self.next_row += rows.len() as u64;
        Ok(TextBatch { first_row, lines: rows.iter().map(|row| row.line).collect(), columns, raw, problems })
    }

    /// The rows as they were read; those put right, and all of a dialect few programs know, as they
    /// should have been written.
    fn take_raw(&mut self, consumed: usize) -> RawRows {
        let mut rewritten = std::mem::take(&mut self.rewritten);
        if self.dialect.simple_delimiter().is_none() {
            let text = self.window.text();
            let put_right: Vec<usize> = rewritten.iter().map(|(index, _)| *index).collect();
            for (index, row) in self.scanner.rows.iter().enumerate() {
                if put_right.binary_search(&index).is_err() {
                    let record = self.dialect.record(text.get(..row.end).unwrap_or_default(), row.start);
                    let cells = record.cells.iter().map(|cell| self.dialect.said(text, cell));
                    let texts: Vec<_> =
                        cells.map(|cell| String::from_utf8_lossy(&cell).into_owned()).collect();
                    rewritten.push((index, written(&texts, b',')));
                }
            }
            rewritten.sort_by_key(|(index, _)| *index);
        }
        let bytes = self.window.take(consumed, self.limits.read_bytes);
        let ranges = self.scanner.rows.iter().map(|row| row.start..row.end).collect();
        let mut raw = RawRows { bytes, ranges };
        for (index, line) in rewritten {
            let start = raw.bytes.len();
            raw.bytes.extend_from_slice(&line);
            if let Some(range) = raw.ranges.get_mut(index) {
                *range = start..raw.bytes.len();
            }
        }
        raw
    }

    /// The delimiter in which rejected rows are given back.
    pub(super) fn failed_delimiter(&self) -> u8 {
        self.dialect.simple_delimiter().unwrap_or(b',')
    }

    fn build_columns(&mut self, consumed: usize) -> Result<(Vec<StringArray>, Vec<Problem>)> {
        self.keep_surplus_cells();
        let settled = std::mem::take(&mut self.settled);
        let cells = self.cells(self.window.text().get(..consumed).unwrap_or_default());
        let (faults, mut replacements) = cells.find_faults(self.limits.max_cell_bytes, &self.window);
        let mut problems = self.shape_problems();
        problems.extend(faults.into_iter().map(|fault| self.cell_problem(fault)));
        problems.extend(
            self.settled_problems
                .iter()
                .map(|(row, problem)| Problem { row_number: self.next_row + *row as u64, ..problem.clone() }),
        );
        problems.sort_by_key(|problem| problem.row_number);
        if !settled.is_empty() {
            replacements.extend(settled);
            replacements.sort_by_key(|(index, _)| *index);
        }
        let mut columns = cells.columns(&replacements)?;
        if self.unguards {
            unguard_columns(&mut columns);
        }
        Ok((columns, problems))
    }

    /// By the letter a row with more cells is no odd one; what the scanner left out of it is kept too.
    fn keep_surplus_cells(&mut self) {
        if !self.is_strict {
            return;
        }
        for oddity in self.scanner.oddities.clone() {
            let Oddity::TooManyCells { row: index } = oddity else { continue };
            let Some(&row) = self.scanner.rows.get(index) else { continue };
            let line = self.window.text().get(row.start..row.end).unwrap_or_default();
            let cells: Vec<Vec<u8>> = if let Some(delimiter) = self.dialect.simple_delimiter() {
                let mut scanner = Scanner::new(delimiter, row.cells, row.line);
                scanner.scan(line, true, 1);
                let (columns, rewrite) = (row.cells, &self.dialect);
                let cells = Cells { text: line, cells: &scanner.cells, columns, rewrite };
                scanner.cells.iter().map(|&cell| cells.bytes(cell).into_owned()).collect()
            } else {
                let record = self.dialect.record(line, 0);
                record.cells.iter().map(|cell| self.dialect.said(line, cell)).collect()
            };
            if cells.len() > self.header.len() {
                self.keep_rest(&row, index, &cells);
            }
        }
    }

    /// Rows behind the end of the table: nothing is known about their cells.
    fn rows_of_other_table(&self, message: &str) -> (Vec<StringArray>, Vec<Problem>) {
        let rows = &self.scanner.rows;
        let problem = |(index, row): (usize, &Row)| {
            let said = self.window.text().get(row.start..row.end).unwrap_or_default();
            // A few bytes more than characters that are shown are enough.
            let said = said.get(..SHOWN_VALUE * 4 + 4).unwrap_or(said);
            Problem {
                row_number: self.next_row + index as u64,
                line: row.line,
                column: None,
                field: None,
                code: ProblemCode::OtherTable,
                severity: Severity::Error,
                value: Some(shown(&String::from_utf8_lossy(said))),
                message: message.to_owned(),
            }
        };
        let columns = self.header.iter().map(|_| StringArray::new_null(rows.len())).collect();
        (columns, rows.iter().enumerate().map(problem).collect())
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
                    let message = self.too_many_unexplained(self.scanner.rows[row].cells);
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

    /// What is left to say when the last row has been handed on.
    fn last_notes(&mut self) -> Option<TextBatch> {
        self.count_short_rows();
        let (count, line) = std::mem::take(&mut self.short_rows);
        if count > 0 {
            let message = format!(
                "{} fewer cells than the header, the first on line {line}; the missing cells are empty",
                counted(count, "row has", "rows have")
            );
            self.notes.push(note(ProblemCode::RepairedRow, line, None, message));
        }
        if self.notes.is_empty() {
            return None;
        }
        Some(TextBatch {
            first_row: self.next_row,
            lines: Vec::new(),
            columns: self.header.iter().map(|_| StringArray::new_null(0)).collect(),
            raw: RawRows::default(),
            problems: std::mem::take(&mut self.notes),
        })
    }
}

impl RowSource for CsvSource {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn has_header(&self) -> bool {
        self.table.names.is_some()
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        let batch_rows = self.limits.rows_in_batch(self.header.len());
        while self.rows_to_skip > 0 {
            let most = usize::try_from(self.rows_to_skip).unwrap_or(usize::MAX).min(batch_rows);
            if !self.find_rows(most)? {
                return Ok(self.last_notes());
            }
            let found = self.scanner.rows.len() as u64;
            self.window.skip(self.scanner.consumed());
            self.next_row += found;
            self.rows_to_skip -= found;
        }
        if !self.find_rows(batch_rows)? {
            return Ok(self.last_notes());
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
        Box::new(CsvFailedRows::new(&self.header_raw, &self.header, self.failed_delimiter()))
    }
}

/// `sep=;` on the first line, by which Excel is told the delimiter.
fn separator_of(window: &Window) -> Option<Vec<u8>> {
    let line = window.text().split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let delimiter = line.strip_prefix(b"sep=").or_else(|| line.strip_prefix(b"SEP="))?;
    (!delimiter.is_empty() && delimiter.len() <= 4).then(|| delimiter.to_vec())
}

/// A line with these cells.
pub(super) fn written(cells: &[impl AsRef<str>], delimiter: u8) -> Vec<u8> {
    let (quoting, mut line) = (Quoting::new(delimiter), Vec::new());
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            line.push(delimiter);
        }
        quoting.append(cell.as_ref().as_bytes(), &mut line);
    }
    line
}

fn record_too_large(name: &str, line: u64, limit: usize) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!("the row on line {line} of `{name}` is larger than {} bytes", thousands(limit as u64)),
    )
    .hint("check that the file has line breaks and is text; no row of a table is as long")
}

fn detected_dialect(dialect: &Dialect, table: &Table, sniffed: &super::sniff::Sniffed) -> Vec<Detected> {
    let header = match table.header_lines {
        None => "none".to_owned(),
        Some((first, last)) => lines_words(first, last),
    };
    let detected = |what, value: String, confidence| Detected { what, value, confidence };
    vec![
        detected("delimiter", dialect.delimiter_word(), sniffed.delimiter_confidence),
        detected("quote", dialect.quote_word(), sniffed.quote_confidence),
        detected("escape", dialect.escape_word(), sniffed.quote_confidence),
        detected("header row", header, table.header_confidence),
    ]
}
