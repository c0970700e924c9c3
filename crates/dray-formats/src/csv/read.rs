//! Reads delimited text as batches of text columns. Memory is bounded by one batch and one record,
//! whatever the size of the file.
//!
//! Well-formed rows never leave the fast path. A row that has another width than its table, or text
//! behind a closing quote, stops the scanner; what it means is settled here, and told.

use arrow_array::StringArray;
use dray_model::batch::{RawRows, TextBatch};
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use dray_model::{Error, ErrorKind, Result};

use super::dialect::{Dialect, Record, line_end_length};
use super::failed::CsvFailedRows;
use super::quote::Quoting;
use super::repair::{Change, repair};
use super::scan::{Oddity, Row, Scanner, line_ends};
use super::sniff::{Given, find_dialect, readable_record};
use super::table::{Table, find_table, lines_words, note};
use crate::cells::{Cell, CellFault, Cells, Replacements, unguard_columns};
use crate::guard::unguard_names;
use crate::header::column_names;
use crate::input::BYTE_ORDER_MARK;
use crate::options::{Escape, Quote, ReadLimits, ReadOptions};
use crate::window::Window;

/// The dialect and the table are found in this much of the source.
const SAMPLE_BYTES: usize = 1 << 20;

/// A quoted cell goes over no more lines than this where its quotes do not close as they should.
const LINES_OF_BROKEN_CELL: usize = 8;

/// Behind a row that does not belong to the table, so many bytes are looked at for one that does.
const LOOK_AHEAD: usize = 64 << 10;
const ROWS_AHEAD: usize = 20;

/// After so many quotes in the middle of cells that mean nothing, nobody asks any more.
const DOUBTS: u32 = 500;

/// A delimited text that is being read.
pub(crate) struct CsvSource {
    window: Window,
    detected: Vec<Detected>,
    limits: ReadLimits,
    dialect: Dialect,
    table: Table,
    header: Vec<String>,
    header_raw: Vec<u8>,
    is_strict: bool,
    scanner: Scanner,
    /// Cells of the rows found whose text is not that of their bytes, and what else was settled.
    settled: Replacements,
    settled_problems: Vec<(usize, Problem)>,
    /// Rows that were put right, as they should have been written.
    rewritten: Vec<(usize, Vec<u8>)>,
    /// Remarks about lines that are no rows, for the next batch.
    notes: Vec<Problem>,
    /// Rows with fewer cells than the header, where that is a habit of the file: how many were handed on,
    /// and the line of the first.
    short_rows: (u64, u64),
    /// The lines of those among the rows found.
    short_lines: Vec<u64>,
    has_ended: bool,
    /// How often a quote in the middle of a cell meant nothing.
    quotes_without_meaning: u32,
    next_row: u64,
    rows_to_skip: u64,
    /// Takes the apostrophes of a formula guard off.
    unguards: bool,
}

impl CsvSource {
    /// Finds the dialect and reads the header.
    pub(crate) fn open(mut window: Window, options: &ReadOptions, detected: Vec<Detected>) -> Result<Self> {
        let limits = options.limits.within_reason();
        let given = given(options)?;
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
                _ => window.read_more(limits.read_bytes)?,
            }
        };
        if table.width > limits.max_columns {
            let line = table.header_lines.map_or(1, |lines| lines.0);
            let message =
                format!("the header of `{}` on line {line} has {} columns", window.name(), table.width);
            return Err(Error::new(ErrorKind::Limit, message)
                .hint(format!("at most {} are read; is the delimiter right?", limits.max_columns)));
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
            quotes_without_meaning: 0,
            next_row: 1,
            rows_to_skip: options.skip_rows,
            unguards: options.unguard,
        })
    }

    fn cells<'a>(&'a self, text: &'a [u8]) -> Cells<'a> {
        let (cells, columns) = (&self.scanner.cells, self.header.len());
        Cells { text, cells, columns, rewrite: &self.dialect }
    }

    /// Lets the scanner find up to `max_rows` rows, reading on as needed.
    fn scan_rows(&mut self, max_rows: usize) -> Result<()> {
        self.scanner.restart();
        self.count_short_rows();
        self.settled.clear();
        self.settled_problems.clear();
        self.rewritten.clear();
        let mut looked_at = self.limits.batch_bytes;
        loop {
            if self.has_ended {
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
                if self.is_strict {
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

    /// Decides what an odd row means: a habit of the file, a row that can be put right, the end of the
    /// table, or a problem.
    fn settle(&mut self, row: Row) -> Result<()> {
        self.load(row.start + LOOK_AHEAD)?;
        let width = self.header.len();
        let whole = self.bytes(row.start, row.end).to_vec();
        let record = self.dialect.record(&whole, 0);
        if !row.has_stray_quote {
            let cells: Vec<Vec<u8>> =
                record.cells.iter().map(|cell| self.dialect.said(&whole, cell)).collect();
            if self.names_columns_again(&cells) {
                self.end_table(row, "the names of its columns stand");
                return Ok(());
            }
            if cells.len() == width {
                self.settle_inner_quotes(row, &whole, &record, cells);
                return Ok(());
            }
            let surplus_is_empty = cells.iter().skip(width).all(|cell| cell.trim_ascii().is_empty());
            let is_usual = self.table.usual_widths.contains(&cells.len());
            let is_longer = cells.len() > width && self.fits_best(&whole, &cells);
            if surplus_is_empty && (is_usual || is_longer || width == 1) {
                if cells.len() < width {
                    self.short_lines.push(row.line);
                }
                self.put_as_read(row, &record, None);
                return Ok(());
            }
        }
        for end in self.possible_ends(&row) {
            let line = self.bytes(row.start, end).to_vec();
            let Some(repaired) =
                repair(&line, &self.dialect, &self.table.shapes, !row.has_stray_quote && end == row.end)
            else {
                continue;
            };
            if repaired.changes == [Change::Filled] && self.ends_table(row, record.cells.len())? {
                return Ok(());
            }
            let problem = self.repaired_problem(&row, record.cells.len(), &repaired.changes);
            if repaired.changes == [Change::Filled] {
                self.short_lines.push(row.line);
                self.put(row, end, repaired.cells, None);
            } else {
                self.put(row, end, repaired.cells, problem);
            }
            return Ok(());
        }
        if !row.has_stray_quote && self.ends_table(row, record.cells.len())? {
            return Ok(());
        }
        self.put_broken(row);
        Ok(())
    }

    /// A row of the right width with a quote in the middle of a cell, which hardly ever means anything.
    fn settle_inner_quotes(&mut self, row: Row, line: &[u8], record: &Record, cells: Vec<Vec<u8>>) {
        let width = cells.len();
        let other = repair(line, &self.dialect, &self.table.shapes, false)
            .filter(|found| found.cells != cells && found.changes != [Change::Quotes]);
        match other {
            Some(found) => {
                let problem = self.repaired_problem(&row, width, &found.changes);
                self.put(row, row.end, found.cells, problem);
            }
            None => {
                self.quotes_without_meaning += 1;
                if self.quotes_without_meaning >= DOUBTS {
                    self.scanner.trust_inner_quotes();
                }
                self.put_as_read(row, record, None);
            }
        }
    }

    /// True where the first cells of a row that has more, all empty, stand where they belong.
    fn fits_best(&self, line: &[u8], cells: &[Vec<u8>]) -> bool {
        match repair(line, &self.dialect, &self.table.shapes, true) {
            Some(found) => cells.get(..self.header.len()) == Some(found.cells.as_slice()),
            None => true,
        }
    }

    /// Has the source read up to this position, where it goes so far.
    fn load(&mut self, end: usize) -> Result<()> {
        while self.window.text().len() < end && !self.window.is_complete() {
            self.window.read_more(self.limits.read_bytes.max(LOOK_AHEAD))?;
        }
        Ok(())
    }

    fn bytes(&self, start: usize, end: usize) -> &[u8] {
        self.window.text().get(start..end).unwrap_or_default()
    }

    /// Counts the short rows that are handed on.
    fn count_short_rows(&mut self) {
        if let (0, Some(&line)) = (self.short_rows.0, self.short_lines.first()) {
            self.short_rows.1 = line;
        }
        self.short_rows.0 += self.short_lines.len() as u64;
        self.short_lines.clear();
    }

    /// Where the record may end, the likeliest first.
    fn possible_ends(&self, row: &Row) -> Vec<usize> {
        let text = self.window.text();
        let mut ends = Vec::new();
        if !row.has_stray_quote {
            // Its quotes close as they should, so its end is not in doubt, unless a stray one swallowed lines.
            ends.push(row.end);
            let inside = self.bytes(row.start, row.end);
            ends.extend(memchr::memchr2(b'\n', b'\r', inside).map(|length| row.start + length));
            return ends;
        }
        let mut at = row.start;
        for _ in 0..LINES_OF_BROKEN_CELL {
            let rest = text.get(at..).unwrap_or_default();
            let Some(length) = memchr::memchr2(b'\n', b'\r', rest) else {
                ends.push(text.len());
                break;
            };
            ends.push(at + length);
            at += length + line_end_length(text, at + length);
            if at >= text.len() {
                break;
            }
        }
        ends.push(row.end);
        let mut seen = Vec::new();
        ends.retain(|end| {
            let is_new = !seen.contains(end);
            seen.push(*end);
            is_new
        });
        ends
    }

    /// What there is to say about a row that was put right. Cells that moved may have moved wrongly: nobody
    /// imports them before a person has looked.
    fn repaired_problem(&self, row: &Row, count: usize, changes: &[Change]) -> Option<Problem> {
        let sentences: Vec<&str> = changes.iter().map(|change| change.sentence()).collect();
        if sentences.is_empty() {
            return None;
        }
        let sentences = sentences.join("; ");
        if changes.iter().any(|change| matches!(change, Change::Dropped | Change::Joined)) {
            let message = format!("{}; as it was read, {sentences}", self.too_many(count));
            return Some(self.problem(row, ProblemCode::TooManyCells, Severity::Error, message));
        }
        let code =
            if changes == [Change::Quotes] { ProblemCode::StrayQuote } else { ProblemCode::RepairedRow };
        Some(self.problem(row, code, Severity::Warning, sentences))
    }

    fn too_many(&self, count: usize) -> String {
        let width = self.header.len();
        format!(
            "the row has {count} cells and the header {width}; put cells that contain the delimiter in quotes"
        )
    }

    fn problem(&self, row: &Row, code: ProblemCode, severity: Severity, message: String) -> Problem {
        let line = row.line;
        // The row number is known when the batch is handed on.
        Problem { row_number: 0, line, column: None, field: None, code, severity, value: None, message }
    }

    /// Takes a row as the dialect divides it; `record` counts from where the row begins.
    fn put_as_read(&mut self, row: Row, record: &Record, problem: Option<Problem>) {
        if let Some(problem) = problem {
            self.settled_problems.push((self.scanner.rows.len(), problem));
        }
        let cells = record.cells.iter().map(|token| {
            let cell = Cell::new(row.start + token.range.start, row.start + token.range.end);
            if token.needs_rewrite { cell.rewritten() } else { cell }
        });
        let end = row.start + record.end;
        self.scanner.put_row(
            Row { end, ..row },
            cells,
            self.window.text(),
            row_end(self.window.text(), &row, end),
        );
    }

    /// Takes a row with cells that are not those of its bytes.
    fn put(&mut self, row: Row, end: usize, cells: Vec<Vec<u8>>, problem: Option<Problem>) {
        let (width, index) = (self.header.len(), self.scanner.rows.len());
        if let Some(problem) = problem {
            if problem.severity == Severity::Warning {
                let texts: Vec<_> = cells.iter().map(|cell| String::from_utf8_lossy(cell)).collect();
                self.rewritten.push((index, written(&texts, self.failed_delimiter())));
            }
            self.settled_problems.push((index, problem));
        }
        for (column, cell) in cells.into_iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let fault = if cell.len() > self.limits.max_cell_bytes {
                let (size, most) = (cell.len(), self.limits.max_cell_bytes);
                Some((
                    ProblemCode::CellTooLarge,
                    format!("the cell has {size} bytes; at most {most} are read"),
                ))
            } else if std::str::from_utf8(&cell).is_err() {
                Some((ProblemCode::InvalidEncoding, "the cell has bytes that are no text".to_owned()))
            } else if cell.contains(&0) {
                Some((ProblemCode::InvalidCharacter, "the cell has a NUL character; take it out".to_owned()))
            } else {
                None
            };
            let Some((code, message)) = fault else {
                self.settled.push((index * width + column, cell));
                continue;
            };
            let value = String::from_utf8_lossy(&cell).replace('\0', "\u{fffd}");
            let mut problem = self.problem(&row, code, Severity::Error, message);
            problem.column = self.header.get(column).cloned();
            if code != ProblemCode::CellTooLarge {
                problem.value = Some(shown(&value));
                self.settled.push((index * width + column, value.into_bytes()));
            }
            self.settled_problems.push((index, problem));
        }
        let next = row_end(self.window.text(), &row, end);
        self.scanner.put_row(Row { end, ..row }, std::iter::empty(), self.window.text(), next);
    }

    /// Takes a row that cannot be put right, with its problem; only its first line where its quotes are broken.
    fn put_broken(&mut self, row: Row) {
        let text = self.window.text();
        let line = text.get(row.start..row.end).unwrap_or_default();
        let record = if row.has_stray_quote {
            readable_record(&self.dialect, line, 0)
        } else {
            self.dialect.record(line, 0)
        };
        let cells: Vec<Vec<u8>> = record.cells.iter().map(|cell| self.dialect.said(line, cell)).collect();
        let (count, width) = (cells.len(), self.header.len());
        let surplus_has_text = cells.iter().skip(width).any(|cell| !cell.is_empty());
        let problem = if record.is_open {
            let message =
                format!("a quote that opens on line {} never closes; close it, or double it", row.line);
            Some(self.problem(&row, ProblemCode::UnclosedQuote, Severity::Error, message))
        } else if surplus_has_text {
            let message = self.too_many(count);
            Some(self.problem(&row, ProblemCode::TooManyCells, Severity::Error, message))
        } else if row.has_stray_quote {
            let message = Change::Quotes.sentence().to_owned();
            Some(self.problem(&row, ProblemCode::StrayQuote, Severity::Warning, message))
        } else {
            self.short_lines.push(row.line);
            None
        };
        let row = Row { cells: count, ..row };
        self.put_as_read(row, &record, problem);
    }

    /// True where the cells are the names of the columns, with some more or fewer at the end.
    fn names_columns_again(&self, cells: &[Vec<u8>]) -> bool {
        let Some(names) = &self.table.names else { return false };
        let same = |(cell, name): (&Vec<u8>, &String)| {
            cell.trim_ascii().eq_ignore_ascii_case(name.trim().as_bytes()) && !name.trim().is_empty()
        };
        let compared = cells.len().min(names.len());
        let equal = cells.iter().zip(names).filter(|&pair| same(pair)).count();
        compared >= 2 && equal * 5 >= compared * 4
    }

    /// Finds out whether an odd row with so many cells stands below the table: it is a note of one cell, or
    /// rows of its width follow, or a blank line stands before it; and no row that fits follows soon.
    fn ends_table(&mut self, row: Row, count: usize) -> Result<bool> {
        let width = self.header.len();
        if width < 3 || self.table.shapes.rows < 2 {
            return Ok(false);
        }
        let behind = row.end + line_end_length(self.window.text(), row.end);
        self.load(behind + LOOK_AHEAD)?;
        let is_below_blank = self.is_below_blank(row.start);
        let text = self.window.text();
        let (mut at, mut others, mut alike) = (behind, 0, 0);
        while at < text.len() && others < ROWS_AHEAD {
            let record = readable_record(&self.dialect, text, at);
            if record.end > at {
                let cells: Vec<Vec<u8>> =
                    record.cells.iter().map(|cell| self.dialect.said(text, cell)).collect();
                let fits = cells.len() == width && self.table.shapes.misplaced(&cells) * 3 <= width;
                if fits || self.table.usual_widths.contains(&cells.len()) {
                    return Ok(false);
                }
                others += 1;
                alike += usize::from(cells.len() == count);
            }
            at = record.next.max(at + 1);
        }
        let is_note = count == 1 || is_below_blank && count * 2 <= width && alike == 0;
        let is_table = count > 1 && (alike >= 3 || is_below_blank && alike > 0);
        if !is_note && !is_table {
            return Ok(false);
        }
        if is_table {
            self.end_table(row, "rows of another shape begin");
            return Ok(true);
        }
        let last = row.line + line_ends(text.get(row.start..at).unwrap_or_default().trim_ascii_end());
        let said = String::from_utf8_lossy(self.bytes(row.start, row.end)).into_owned();
        let message =
            format!("{} below the table were left out; they are no rows of it", lines_words(row.line, last));
        self.notes.push(note(ProblemCode::SkippedLines, row.line, Some(said), message));
        self.stop_reading(row);
        Ok(true)
    }

    /// True where a blank line stands before a row, perhaps at the end of the batch before.
    fn is_below_blank(&self, start: usize) -> bool {
        let here = self.window.text().get(..start).unwrap_or_default();
        let before =
            [self.window.before(), here.get(here.len().saturating_sub(3)..).unwrap_or_default()].concat();
        [&b"\n\n"[..], b"\n\r\n", b"\r\r"].iter().any(|blank| before.ends_with(blank))
    }

    fn end_table(&mut self, row: Row, what: &str) {
        let said = String::from_utf8_lossy(self.bytes(row.start, row.end)).into_owned();
        let line = row.line;
        let message = format!(
            "on line {line} {what}: another table, which was left out; to read it, skip the {} lines above",
            line - 1
        );
        self.notes.push(note(ProblemCode::OtherTable, line, Some(said), message));
        self.stop_reading(row);
    }

    fn stop_reading(&mut self, row: Row) {
        self.has_ended = true;
        self.scanner.go_back_to(row);
    }

    /// Drops the rows from the one on in which the names of the columns stand again.
    fn cut_at_second_header(&mut self) {
        let Some(first_name) = self.table.names.as_ref().and_then(|names| names.first()) else { return };
        let first_name = first_name.trim();
        if self.is_strict || self.header.len() < 2 || first_name.is_empty() {
            return;
        }
        let width = self.header.len();
        let cells = self.cells(self.window.text());
        let begins_alike = |row: &usize| {
            let said = self.scanner.cells.get(row * width).map(|&cell| cells.bytes(cell));
            said.is_some_and(|said| said.trim_ascii().eq_ignore_ascii_case(first_name.as_bytes()))
        };
        let again = (0..self.scanner.rows.len()).filter(begins_alike).find(|row| {
            let of_row = self.scanner.cells.get(row * width..(row + 1) * width).unwrap_or_default();
            let said: Vec<Vec<u8>> = of_row.iter().map(|&cell| cells.bytes(cell).into_owned()).collect();
            self.names_columns_again(&said)
        });
        let Some(index) = again else { return };
        let row = self.scanner.rows[index];
        self.scanner.keep_rows(index);
        self.settled.retain(|(cell, _)| *cell < index * width);
        self.settled_problems.retain(|(row, _)| *row < index);
        self.rewritten.retain(|(row, _)| *row < index);
        // What was said about the lines below is not about rows.
        self.short_lines.retain(|line| *line < row.line);
        self.notes.retain(|note| note.line < row.line);
        self.end_table(row, "the names of its columns stand");
    }

    /// Takes the scanned rows out of the window as a batch.
    fn take_batch(&mut self) -> Result<TextBatch> {
        let consumed = self.scanner.consumed();
        // Behind the complete rows stand the first cells of one that goes on in the next batch.
        self.scanner.cells.truncate(self.scanner.rows.len() * self.header.len());
        let (columns, mut problems) = self.build_columns(consumed)?;
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
    fn failed_delimiter(&self) -> u8 {
        self.dialect.simple_delimiter().unwrap_or(b',')
    }

    fn build_columns(&mut self, consumed: usize) -> Result<(Vec<StringArray>, Vec<Problem>)> {
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

    /// What is left to say when the last row has been handed on.
    fn last_notes(&mut self) -> Option<TextBatch> {
        self.count_short_rows();
        let (count, line) = std::mem::take(&mut self.short_rows);
        if count > 0 {
            let rows = if count == 1 { "1 row has".to_owned() } else { format!("{count} rows have") };
            let message = format!(
                "{rows} fewer cells than the header, the first on line {line}; the missing cells are empty"
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
            self.scan_rows(most)?;
            self.cut_at_second_header();
            let found = self.scanner.rows.len() as u64;
            self.window.skip(self.scanner.consumed());
            self.next_row += found;
            self.rows_to_skip -= found;
            if found == 0 {
                return Ok(self.last_notes());
            }
        }
        self.scan_rows(batch_rows)?;
        self.cut_at_second_header();
        if self.scanner.rows.is_empty() {
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

/// What the person said about the dialect.
fn given(options: &ReadOptions) -> Result<Given> {
    let delimiter = options.delimiter.as_ref().map(|delimiter| delimiter.as_bytes().to_vec());
    if let Some(delimiter) = &delimiter
        && (delimiter.is_empty() || delimiter.iter().any(|byte| matches!(byte, b'"' | b'\n' | b'\r')))
    {
        return Err(Error::request("the delimiter must have a character, and no quote or line break")
            .hint("use a comma, a semicolon, a tab or a bar"));
    }
    let quote = match options.quote {
        Some(Quote::Character(quote)) if !quote.is_ascii() || matches!(quote, b'\n' | b'\r') => {
            return Err(Error::request("the quote must be an ASCII character and no line break")
                .hint("use a double quote, a single quote, or none"));
        }
        Some(Quote::Character(quote)) => Some(vec![quote]),
        Some(Quote::None) => Some(Vec::new()),
        None if options.strict => Some(b"\"".to_vec()),
        None => None,
    };
    let escape = match options.escape {
        Some(Escape::Character(escape)) => Some(Some(escape)),
        Some(Escape::Doubled) => Some(None),
        None if options.strict => Some(None),
        None => None,
    };
    Ok(Given { delimiter, quote, escape })
}

/// `sep=;` on the first line, by which Excel is told the delimiter.
fn separator_of(window: &Window) -> Option<Vec<u8>> {
    let line = window.text().split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let delimiter = line.strip_prefix(b"sep=").or_else(|| line.strip_prefix(b"SEP="))?;
    (!delimiter.is_empty() && delimiter.len() <= 4).then(|| delimiter.to_vec())
}

/// Where the row behind one begins that ends at `end`.
fn row_end(text: &[u8], row: &Row, end: usize) -> usize {
    (end + line_end_length(text, end)).max(row.start + 1).min(text.len())
}

/// A line with these cells.
fn written(cells: &[impl AsRef<str>], delimiter: u8) -> Vec<u8> {
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
    Error::new(ErrorKind::Limit, format!("the row on line {line} of `{name}` is larger than {limit} bytes"))
        .hint("check that the file has line breaks and is text; otherwise raise the limit of a record")
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
