//! The rows of a sheet as batches of text columns below a header.

use std::collections::VecDeque;

use dray_model::batch::{RawRows, TextBatch};
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use dray_model::{Error, Result};

use super::address::{Area, MAX_ROWS, cell_name};
use super::header_rows::{Header, ROWS_LOOKED_AT, find};
use super::package::damaged;
use super::row::{Content, Noticed, SheetCell, SheetReader, SheetRow};
use super::tabs::Tabs;
use crate::cells::{Cell, Cells, unguard_columns};
use crate::csv::{CsvFailedRows, Quoting, append_quoted};
use crate::header::column_names;
use crate::options::{HeaderRow, ReadLimits, ReadOptions};

/// Rejected rows are given back as delimited text.
const DELIMITER: u8 = b',';

/// The most cells of a row that are told to be wrong; they are enough to find the others by.
const PROBLEMS_OF_ROW: usize = 20;

/// A sheet that is being read.
pub(super) struct SheetSource {
    name: String,
    reader: Box<dyn SheetReader>,
    tabs: Tabs,
    /// Nobody said which sheet to read.
    chose: bool,
    detected: Vec<Detected>,
    limits: ReadLimits,
    /// Takes the apostrophes of a formula guard off.
    unguards: bool,
    header: Header,
    header_raw: Vec<u8>,
    /// Rows that were looked at to find the header.
    waiting: VecDeque<SheetRow>,
    row: SheetRow,
    next_row: u64,
    rows_to_skip: u64,
    /// What is said about the sheet as a whole, until it was said.
    remarks: Vec<Problem>,
    ended: bool,
}

impl SheetSource {
    /// Reads the header of the chosen sheet, whose rows `reader` gives.
    pub(super) fn open(
        name: &str,
        mut reader: Box<dyn SheetReader>,
        tabs: Tabs,
        options: &ReadOptions,
        mut detected: Vec<Detected>,
    ) -> Result<Self> {
        let limits = options.limits.within_reason();
        let mut rows: Vec<SheetRow> = Vec::new();
        let (mut bytes, mut looked_at) = (0, 0);
        let mut row = SheetRow::default();
        while looked_at < ROWS_LOOKED_AT && bytes < limits.batch_bytes && reader.next_row(&mut row)? {
            if u64::from(row.number) <= options.skip_lines {
                continue;
            }
            if !row.is_text() {
                return Err(no_text(name));
            }
            let is_above =
                matches!(options.header_row, Some(HeaderRow::Row(number)) if u64::from(row.number) < number);
            if is_above && rows.len() > 1 {
                // Of the rows above a header that was asked for, the first and the last are enough.
                rows.pop();
            }
            if !is_above {
                bytes += row.len();
                looked_at += 1;
            }
            rows.push(std::mem::take(&mut row));
        }
        if rows.is_empty() {
            return Err(Error::source(format!("`{name}` has no rows below row {}", options.skip_lines))
                .hint("leave out fewer lines"));
        }
        let header = find(name, &rows, options, || reader.merged_cells())?;
        rows.drain(..header.rows_used);

        let chose = options.sheet.is_none();
        let confidence = if !chose || tabs.sheets.len() < 2 { 1.0 } else { 0.8 };
        let value = format!("\"{}\" ({} of {})", tabs.name(), tabs.chosen + 1, tabs.sheets.len());
        detected.push(Detected { what: "sheet", value, confidence });
        let (value, confidence) = (header.found.clone(), header.confidence);
        detected.push(Detected { what: "header row", value, confidence });

        let mut remarks = header.problems.clone();
        remarks.extend(tabs.hidden());
        if options.skip_rows > 0 {
            // Whoever goes on in the middle was told before.
            remarks.clear();
        }
        let mut header_raw = Vec::new();
        let quoting = Quoting::new(DELIMITER);
        for (index, name) in header.names.iter().enumerate() {
            if index > 0 {
                header_raw.push(DELIMITER);
            }
            quoting.append(name.as_bytes(), &mut header_raw);
        }
        Ok(Self {
            name: name.to_owned(),
            reader,
            tabs,
            chose,
            detected,
            limits,
            unguards: options.unguard,
            header,
            header_raw,
            waiting: rows.into(),
            row,
            next_row: 1,
            rows_to_skip: options.skip_rows,
            remarks,
            ended: false,
        })
    }

    /// Puts the next row of data in place of `self.row`; false at the end.
    fn advance(&mut self) -> Result<bool> {
        if let Some(row) = self.waiting.pop_front() {
            self.row = row;
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        let found = self.reader.next_row(&mut self.row)? || self.go_on()?;
        if !found {
            self.ended = true;
            self.remarks.extend(self.final_remarks());
        }
        Ok(found)
    }

    /// Where the sheet is full and its table goes on in another, goes to the first row there.
    fn go_on(&mut self) -> Result<bool> {
        let is_full = self.row.number >= MAX_ROWS;
        let Some(next) = self.tabs.next().filter(|_| is_full) else { return Ok(false) };
        if !self.reader.go_on_in(next)? || !self.reader.next_row(&mut self.row)? {
            return Ok(false);
        }
        let is_whole = self.row.is_text() && self.repeats_header();
        if self.header.is_there && !is_whole {
            // It has a similar name and is another table.
            return Ok(false);
        }
        self.tabs.continued.push(next);
        if self.header.is_there { self.advance() } else { Ok(true) }
    }

    /// True where the row says what the header says.
    fn repeats_header(&self) -> bool {
        let text_at = |column: u32| {
            let cell = self.row.cells.iter().find(|cell| cell.column == column);
            cell.map_or(String::new(), |&cell| String::from_utf8_lossy(self.row.text(cell)).into_owned())
        };
        let columns = (self.header.first_column..).take(self.header.names.len());
        self.row.number == self.header.last_row && column_names(columns.map(text_at)) == self.header.names
    }

    /// What is known about the sheet once all of it was read.
    fn final_remarks(&self) -> Vec<Problem> {
        let noticed = self.reader.noticed();
        let mut remarks = Vec::new();
        let hidden = match (noticed.hidden_rows, self.hidden_columns(noticed)) {
            (0, 0) => None,
            (rows, 0) => Some(counted(rows, "row")),
            (0, columns) => Some(counted(columns, "column")),
            (rows, columns) => Some(format!("{} and {}", counted(rows, "row"), counted(columns, "column"))),
        };
        if let Some(hidden) = hidden {
            let message = format!("the sheet has {hidden} that nobody sees; what is in them was read too");
            remarks.push(Problem::about_file(ProblemCode::HiddenRows, 0, message));
        }
        let below = |area: &&Area| area.last_row > self.header.last_row;
        let mut merged = noticed.merged.iter().filter(below);
        if let Some(first) = merged.next() {
            let count = counted(1 + merged.count() as u64, "group");
            let message = format!(
                "the table has {count} of merged cells, the first is {}; the text belongs to the first cell of each",
                first.shown()
            );
            remarks.push(Problem::about_file(ProblemCode::MergedCells, u64::from(first.first_row), message));
        }
        remarks.extend(self.tabs.continuation());
        remarks.extend(self.tabs.others().filter(|_| self.chose));
        remarks
    }

    /// How many columns of the table are hidden. People hide all that lie to its right.
    fn hidden_columns(&self, noticed: &Noticed) -> u64 {
        let is_hidden = |column: u32| {
            noticed.hidden_columns.iter().any(|(first, last)| (*first..=*last).contains(&column))
        };
        (self.header.first_column..).take(self.header.names.len()).filter(|&column| is_hidden(column)).count()
            as u64
    }

    fn problem(&self, column: Option<u32>, code: ProblemCode, message: String) -> Problem {
        let index = column.and_then(|column| column.checked_sub(self.header.first_column));
        Problem {
            row_number: self.next_row,
            line: u64::from(self.row.number),
            column: index.and_then(|index| self.header.names.get(index as usize)).cloned(),
            field: None,
            code,
            severity: Severity::Error,
            value: None,
            message,
        }
    }

    /// What is wrong with a cell.
    fn cell_problem(&self, cell: SheetCell) -> Option<Problem> {
        let at = || cell_name(cell.column, self.row.number);
        let text = self.row.text(cell);
        let (code, value, message) = match cell.content {
            Content::Text if text.len() <= self.limits.max_cell_bytes => return None,
            Content::Text => {
                let limit = self.limits.max_cell_bytes;
                let message = format!("the cell {} has {} bytes; at most {limit} are read", at(), text.len());
                (ProblemCode::CellTooLarge, None, message)
            }
            Content::Error => {
                let error = String::from_utf8_lossy(text);
                let message = format!(
                    "the cell {} shows the error {error}; put it right in the spreadsheet program",
                    at()
                );
                (ProblemCode::CellError, Some(shown(&error)), message)
            }
            Content::NotCalculated => {
                let message = format!(
                    "the formula in the cell {} was never calculated; open the workbook in a spreadsheet program and save it",
                    at()
                );
                (ProblemCode::CellError, None, message)
            }
        };
        Some(Problem { value, ..self.problem(Some(cell.column), code, message) })
    }

    fn surplus_problem(&self, first: SheetCell, count: usize) -> Problem {
        let names = &self.header.names;
        let first_column = self.header.first_column;
        let (from, to) = (first_column, first_column + names.len().saturating_sub(1) as u32);
        let (from, to) = (cell_name(from, self.row.number), cell_name(to, self.row.number));
        let cells = counted(count as u64, "cell");
        let message = format!(
            "the row has {cells} outside of the table, the first is {}; the table reaches from {from} to {to}",
            cell_name(first.column, self.row.number)
        );
        let value = Some(shown(&String::from_utf8_lossy(self.row.text(first))));
        Problem { value, ..self.problem(None, ProblemCode::TooManyCells, message) }
    }

    /// Appends the row to a batch: as a line of delimited text, in which its cells lie.
    fn append_row(&self, batch: &mut Building) {
        let row = &self.row;
        let columns = self.header.names.len();
        let first_column = self.header.first_column;
        let start = batch.raw.len();
        let (mut placed, mut told) = (0, 0);
        let inside = |cell: &SheetCell| {
            cell.column.checked_sub(first_column).is_some_and(|index| (index as usize) < columns)
        };
        for &cell in row.cells.iter().filter(|cell| inside(cell)) {
            let index = (cell.column - first_column) as usize;
            batch.leave_empty(placed..index);
            batch.separate(index);
            placed = index + 1;
            let problem = self.cell_problem(cell);
            let has_value = problem.is_none();
            batch.problems.extend(problem.filter(|_| told < PROBLEMS_OF_ROW));
            told += usize::from(!has_value);
            let position = batch.append(row.text(cell));
            batch.cells.push(if has_value { position } else { Cell::MISSING });
        }
        batch.leave_empty(placed..columns);
        let mut surplus = row.cells.iter().filter(|cell| !inside(cell));
        if let Some(&first) = surplus.next() {
            batch.problems.push(self.surplus_problem(first, 1 + surplus.clone().count()));
            for &cell in std::iter::once(&first).chain(surplus) {
                batch.raw.push(DELIMITER);
                batch.append(row.text(cell));
            }
        }
        batch.ranges.push(start..batch.raw.len());
        batch.lines.push(u64::from(row.number));
    }
}

/// A batch in the making.
struct Building {
    raw: Vec<u8>,
    ranges: Vec<std::ops::Range<usize>>,
    cells: Vec<Cell>,
    lines: Vec<u64>,
    problems: Vec<Problem>,
    quoting: Quoting,
}

impl Building {
    /// Appends what stands before the cell of a column.
    #[inline]
    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.raw.push(DELIMITER);
        }
    }

    /// Appends empty cells in these columns.
    #[inline]
    fn leave_empty(&mut self, columns: std::ops::Range<usize>) {
        for index in columns {
            self.separate(index);
            self.cells.push(Cell::MISSING);
        }
    }

    /// Appends a text, in quotes where it needs them; returns where it lies.
    #[inline]
    fn append(&mut self, text: &[u8]) -> Cell {
        if !self.quoting.needs_quotes(text) {
            let start = self.raw.len();
            self.raw.extend_from_slice(text);
            return Cell::new(start, self.raw.len());
        }
        let start = self.raw.len() + 1;
        append_quoted(text, &mut self.raw);
        let end = self.raw.len() - 1;
        let position = Cell::new(start, end);
        if end - start > text.len() { position.rewritten() } else { position }
    }
}

/// Appends the text of a cell that lies in quotes: its own quotes are doubled.
fn append_undoubled(doubled: &[u8], out: &mut Vec<u8>) {
    let mut rest = doubled;
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(rest.get(..=at).unwrap_or_default());
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

fn no_text(name: &str) -> Error {
    damaged(name, "a text of its cells is not UTF-8")
}

/// `1 row`, `2 rows`.
fn counted(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

impl RowSource for SheetSource {
    fn header(&self) -> &[String] {
        &self.header.names
    }

    fn has_header(&self) -> bool {
        self.header.is_there
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        while self.rows_to_skip > 0 && self.advance()? {
            self.rows_to_skip -= 1;
            self.next_row += 1;
        }
        let columns = self.header.names.len();
        let batch_rows = self.limits.rows_in_batch(columns);
        let first_row = self.next_row;
        let mut batch = Building {
            raw: Vec::new(),
            ranges: Vec::new(),
            cells: Vec::new(),
            lines: Vec::new(),
            problems: Vec::new(),
            quoting: Quoting::new(DELIMITER),
        };
        while batch.lines.len() < batch_rows && batch.raw.len() < self.limits.batch_bytes && self.advance()? {
            self.append_row(&mut batch);
            self.next_row += 1;
        }
        let mut problems = std::mem::take(&mut self.remarks);
        if batch.lines.is_empty() && problems.is_empty() {
            return Ok(None);
        }
        if std::str::from_utf8(&batch.raw).is_err() {
            return Err(no_text(&self.name));
        }
        problems.append(&mut batch.problems);
        let cells = Cells { text: &batch.raw, cells: &batch.cells, columns, rewrite: &append_undoubled };
        let mut columns = cells.columns(&Vec::new())?;
        if self.unguards {
            unguard_columns(&mut columns);
        }
        Ok(Some(TextBatch {
            first_row,
            lines: batch.lines,
            columns,
            raw: RawRows { bytes: batch.raw, ranges: batch.ranges },
            problems,
        }))
    }

    fn bytes_read(&self) -> u64 {
        self.reader.bytes_read()
    }

    fn detected(&self) -> Vec<Detected> {
        self.detected.clone()
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        Box::new(CsvFailedRows::new(&self.header_raw, &self.header.names, DELIMITER))
    }
}
