//! What odd rows mean: rows of another width than their table, with text behind a closing quote or a quote
//! in the middle of a cell. Each is a habit of the file, can be put right, ends the table, or is a problem.

use dray_model::Result;
use dray_model::problem::{Problem, ProblemCode, Severity, shown};

use super::dialect::{Record, line_end_length};
use super::read::{CsvSource, written};
use super::repair::{Change, repair};
use super::scan::{Row, line_ends};
use super::sniff::readable_record;
use super::table::{lines_words, note};
use crate::cells::Cell;

/// A quoted cell goes over no more lines than this where its quotes do not close as they should.
const LINES_OF_BROKEN_CELL: usize = 8;

/// Behind a row that does not belong to the table, so many bytes are looked at for one that does.
const LOOK_AHEAD: usize = 64 << 10;
const ROWS_AHEAD: usize = 20;

/// After so many quotes in the middle of cells that mean nothing, nobody asks any more.
const DOUBTS: u32 = 500;

impl CsvSource {
    /// Decides what an odd row means: a habit of the file, a row that can be put right, the end of the
    /// table, or a problem.
    pub(super) fn settle(&mut self, row: Row) -> Result<()> {
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

    /// Finds out whether an odd row with so many cells stands below the table: it is a note at the end of the
    /// file, or begins another table below a blank line; and no row that fits follows soon.
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
        // Rows that are spoilt in a block are rows all the same, so only a blank line begins another table,
        // and only the end of the file shows that what stands before it are notes.
        let is_at_end = at >= text.len() && self.window.is_complete();
        let is_note = is_at_end && (count == 1 || is_below_blank && count * 2 <= width && alike == 0);
        let is_table = count > 1 && is_below_blank && alike > 0;
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
        self.end_table(row, "the names of its columns stand");
    }
}

/// Where the row behind one begins that ends at `end`.
fn row_end(text: &[u8], row: &Row, end: usize) -> usize {
    (end + line_end_length(text, end)).max(row.start + 1).min(text.len())
}
