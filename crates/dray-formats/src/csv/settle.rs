//! What odd rows mean: rows of another width than their table, with text behind a closing quote or a quote
//! in the middle of a cell. Each is a habit of the file, can be put right, ends the table, or is a problem.

use dray_model::Result;
use dray_model::flow::FAILED_COLUMNS;
use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use dray_model::words::{counted, thousands};

use super::dialect::{Record, line_end_length};
use super::divided::{Divided, divide};
use super::read::{CsvSource, written};
use super::repair::{Change, repair};
use super::scan::{Row, line_ends};
use super::sniff::readable_record;
use super::table::{ROWS_AHEAD, is_of_failed_rows, left_out, note};
use crate::cells::Cell;

/// A quoted cell goes over no more lines than this where its quotes do not close as they should.
const LINES_OF_BROKEN_CELL: usize = 8;

/// Behind a row that does not belong to the table, so many bytes are looked at for one that does.
const LOOK_AHEAD: usize = 64 << 10;

/// After so many quotes in the middle of cells that mean nothing, nobody asks any more.
const DOUBTS: u32 = 500;

/// How a table ends before its file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The names of the columns stand again.
    SameNames,
    /// Rows of another width begin below a blank line.
    OtherShape,
    /// Notes stand there, up to this line.
    Notes { last_line: u64 },
}

impl CsvSource {
    /// Decides what an odd row means: a habit of the file, a row that can be put right, the end of the
    /// table, or a problem.
    pub(super) fn settle(&mut self, row: Row) -> Result<()> {
        self.load(row.start + LOOK_AHEAD)?;
        let width = self.header.len();
        let whole = self.bytes(row.start, row.end).to_vec();
        let record = self.dialect.record(&whole, 0);
        let count = record.cells.len();
        let mut doubt = None;
        if !row.has_stray_quote {
            let cells: Vec<Vec<u8>> =
                record.cells.iter().map(|cell| self.dialect.said(&whole, cell)).collect();
            if self.names_columns_again(&cells) {
                self.end_table(row, Ending::SameNames);
                return Ok(());
            }
            if cells.len() == width {
                self.settle_inner_quotes(row, &whole, &record, cells);
                return Ok(());
            }
            if self.is_below_blank(row.start) && self.ending_at(row, count)? == Some(Ending::OtherShape) {
                self.end_table(row, Ending::OtherShape);
                return Ok(());
            }
            if cells.len() < width {
                match divide(&whole, &cells, &self.dialect, &self.table.shapes) {
                    Some(Divided::Fits(cells, sentence)) => {
                        let (code, severity) = (ProblemCode::RepairedRow, Severity::Warning);
                        let problem = self.problem(&row, code, severity, sentence.to_owned());
                        self.put(row, row.end, cells, Some(problem));
                        return Ok(());
                    }
                    Some(Divided::Doubtful(sentence)) => doubt = Some(sentence),
                    None => {}
                }
            }
            let surplus_is_empty = cells.iter().skip(width).all(|cell| cell.trim_ascii().is_empty());
            let is_usual = self.table.usual_widths.contains(&cells.len());
            let is_longer = cells.len() > width && self.fits_best(&whole, &cells);
            if doubt.is_none() && surplus_is_empty && (is_usual || is_longer || width == 1) {
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
            let is_filled = repaired.changes == [Change::Filled];
            if is_filled && self.ends_table(row, count)? {
                return Ok(());
            }
            if is_filled && doubt.is_some() {
                break;
            }
            let problem = self.repaired_problem(&row, count, &repaired.changes);
            if is_filled {
                self.short_lines.push(row.line);
                self.put(row, end, repaired.cells, None);
            } else {
                self.put(row, end, repaired.cells, problem);
            }
            return Ok(());
        }
        if !row.has_stray_quote && self.ends_table(row, count)? {
            return Ok(());
        }
        if let Some(sentence) = doubt {
            let message = format!(
                "the row has {} and the header {}; perhaps {sentence}, but nothing in the columns shows it; divide it as the other rows are",
                counted(count as u64, "cell", "cells"),
                thousands(width as u64)
            );
            let problem = self.problem(&row, ProblemCode::UnclearRow, Severity::Error, message);
            self.put_as_read(row, &record, Some(problem));
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
    pub(super) fn count_short_rows(&mut self) {
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
        format!(
            "the row has {} and the header {}; put cells that contain the delimiter in quotes",
            counted(count as u64, "cell", "cells"),
            thousands(self.header.len() as u64)
        )
    }

    /// What there is to say about a row with more cells, where nothing explains them.
    pub(super) fn too_many_unexplained(&self, count: usize) -> String {
        format!("{}; as it was read, the rest of it stands in the last cell", self.too_many(count))
    }

    /// Puts what stands beyond the last column into its cell, delimiters and all, so that no text is lost.
    pub(super) fn keep_rest(&mut self, row: &Row, index: usize, cells: &[Vec<u8>]) {
        let width = self.header.len();
        // Behind the notes of a row that was given back stands what was beyond its own last column.
        let own = if is_of_failed_rows(&self.header) { width - FAILED_COLUMNS.len() } else { width };
        let last = own.saturating_sub(1);
        // Empty cells beyond the last column hold no text that could be lost.
        if cells.iter().skip(width).all(Vec::is_empty) {
            return;
        }
        let kept = cells.get(last).into_iter().chain(cells.iter().skip(width));
        let rest = kept.map(Vec::as_slice).collect::<Vec<_>>().join(self.dialect.delimiter.as_slice());
        if let Some(cell) = self.scanner.cells.get_mut(index * width + last) {
            *cell = Cell::MISSING;
        }
        self.settle_cell(row, index, last, rest);
    }

    fn problem(&self, row: &Row, code: ProblemCode, severity: Severity, message: String) -> Problem {
        // The row number is known when the batch is handed on.
        Problem { severity, ..Problem::about_file(code, row.line, message) }
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
        let index = self.scanner.rows.len();
        if let Some(problem) = problem {
            if problem.severity == Severity::Warning {
                let texts: Vec<_> = cells.iter().map(|cell| String::from_utf8_lossy(cell)).collect();
                self.rewritten.push((index, written(&texts, self.failed_delimiter())));
            }
            self.settled_problems.push((index, problem));
        }
        for (column, cell) in cells.into_iter().enumerate() {
            self.settle_cell(&row, index, column, cell);
        }
        let next = row_end(self.window.text(), &row, end);
        self.scanner.put_row(Row { end, ..row }, std::iter::empty(), self.window.text(), next);
    }

    /// Takes a cell that is not that of its bytes, with what is wrong with it.
    fn settle_cell(&mut self, row: &Row, index: usize, column: usize, cell: Vec<u8>) {
        let at = index * self.header.len() + column;
        let (code, message) = if cell.is_empty() {
            return;
        } else if cell.len() > self.limits.max_cell_bytes {
            let (size, most) = (cell.len() as u64, self.limits.max_cell_bytes as u64);
            let message =
                format!("the cell has {} bytes; at most {} are read", thousands(size), thousands(most));
            (ProblemCode::CellTooLarge, message)
        } else if std::str::from_utf8(&cell).is_err() {
            (ProblemCode::InvalidEncoding, "the cell has bytes that are no text".to_owned())
        } else if cell.contains(&0) {
            (ProblemCode::InvalidCharacter, "the cell has a NUL character; take it out".to_owned())
        } else {
            self.settled.push((at, cell));
            return;
        };
        let mut problem = self.problem(row, code, Severity::Error, message);
        problem.column = self.header.get(column).cloned();
        if code != ProblemCode::CellTooLarge {
            let value = String::from_utf8_lossy(&cell).replace('\0', "\u{fffd}");
            problem.value = Some(shown(&value));
            self.settled.push((at, value.into_bytes()));
        }
        self.settled_problems.push((index, problem));
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
            let message = self.too_many_unexplained(count);
            Some(self.problem(&row, ProblemCode::TooManyCells, Severity::Error, message))
        } else if row.has_stray_quote {
            let message = Change::Quotes.sentence().to_owned();
            Some(self.problem(&row, ProblemCode::StrayQuote, Severity::Warning, message))
        } else {
            self.short_lines.push(row.line);
            None
        };
        let row = Row { cells: count, ..row };
        let index = self.scanner.rows.len();
        self.put_as_read(row, &record, problem);
        if surplus_has_text {
            self.keep_rest(&row, index, &cells);
        }
    }

    /// True where the cells are the names of the columns, with some more or fewer at the end.
    fn names_columns_again(&self, cells: &[Vec<u8>]) -> bool {
        let Some(names) = &self.table.names else { return false };
        let same = |(cell, name): (&Vec<u8>, &String)| {
            cell.trim_ascii().eq_ignore_ascii_case(name.trim().as_bytes()) && !name.trim().is_empty()
        };
        // Rows that were given back stand under the names and the notes.
        let notes = if is_of_failed_rows(names) { FAILED_COLUMNS.len() } else { 0 };
        let own = names.len() - notes;
        let compared = cells.len().min(own);
        let equal = cells.iter().zip(names).take(own).filter(|&pair| same(pair)).count();
        compared >= 2 && equal * 5 >= compared * 4
    }

    /// Leaves out what stands below the table, if this odd row with so many cells does.
    fn ends_table(&mut self, row: Row, count: usize) -> Result<bool> {
        match self.ending_at(row, count)? {
            None => return Ok(false),
            Some(Ending::Notes { last_line }) => {
                let said = String::from_utf8_lossy(self.bytes(row.start, row.end)).into_owned();
                let message = left_out(row.line, last_line, "below the table", "no part of it");
                self.notes.push(note(ProblemCode::SkippedLines, row.line, Some(said), message));
                self.has_ended = true;
                self.scanner.go_back_to(row);
            }
            Some(ending) => self.end_table(row, ending),
        }
        Ok(true)
    }

    /// Finds out whether an odd row with so many cells stands below the table: it is a note at the end of the
    /// file, or begins another table below a blank line; and no row that fits follows soon.
    fn ending_at(&mut self, row: Row, count: usize) -> Result<Option<Ending>> {
        let width = self.header.len();
        if width < 3 || self.table.shapes.rows < 2 || self.table.usual_widths.contains(&count) {
            return Ok(None);
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
                if self.names_columns_again(&cells) {
                    // There another table begins for sure.
                    break;
                }
                if fits || self.table.usual_widths.contains(&cells.len()) {
                    return Ok(None);
                }
                others += 1;
                alike += usize::from(cells.len() == count);
            }
            at = record.next.max(at + 1);
        }
        // Rows that are spoilt in a block are rows all the same, so only a blank line begins another table,
        // and only the end of the file shows that what stands before it are notes.
        let is_at_end = at >= text.len() && self.window.is_complete();
        if count > 1 && is_below_blank && alike > 0 {
            return Ok(Some(Ending::OtherShape));
        }
        if is_at_end && (count == 1 || is_below_blank && count * 2 <= width && alike == 0) {
            let below = text.get(row.start..at).unwrap_or_default().trim_ascii_end();
            return Ok(Some(Ending::Notes { last_line: row.line + line_ends(below) }));
        }
        Ok(None)
    }

    /// True where a blank line stands before a row, perhaps at the end of the batch before.
    fn is_below_blank(&self, start: usize) -> bool {
        let here = self.window.text().get(..start).unwrap_or_default();
        let before =
            [self.window.before(), here.get(here.len().saturating_sub(3)..).unwrap_or_default()].concat();
        [&b"\n\n"[..], b"\n\r\n", b"\r\r"].iter().any(|blank| before.ends_with(blank))
    }

    /// Ends the table above this row: it and all below are rows of another one.
    fn end_table(&mut self, row: Row, ending: Ending) {
        let line = row.line;
        let (what, remedy) = match ending {
            Ending::SameNames => (
                "the names of the columns stand again",
                ", or take that line out if the table goes on below it",
            ),
            _ => ("rows of another width stand below a blank line", ""),
        };
        let above = match line - 1 {
            1 => "1 line".to_owned(),
            // The number is typed again, so it stays plain.
            lines => format!("{lines} lines"),
        };
        self.other_table = Some(format!(
            "another table begins on line {line}, where {what}; to read it, skip the {above} above it{remedy}"
        ));
        self.has_ended = false;
        self.scanner.take_rows_as_they_are();
        self.scanner.go_back_to(row);
    }

    /// Drops the rows from the one on in which the names of the columns stand again.
    pub(super) fn cut_at_second_header(&mut self) {
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
        self.end_table(row, Ending::SameNames);
    }
}

/// Where the row behind one begins that ends at `end`.
fn row_end(text: &[u8], row: &Row, end: usize) -> usize {
    (end + line_end_length(text, end)).max(row.start + 1).min(text.len())
}
