//! Finds the table in delimited text: what stands above it, the rows that name its columns, how wide it
//! is and what its columns look like.

use std::ops::Range;

use dray_model::flow::FAILED_COLUMNS;
use dray_model::problem::{Problem, ProblemCode, shown};
use dray_model::words::{counted, thousands};

use super::dialect::Dialect;
use super::divided::pieces_of;
use super::repair::repair_header;
use super::scan::line_ends;
use super::sniff::readable_record;
use crate::header::{count_header_rows, usual_width};
use crate::options::HeaderRow;
use crate::shapes::Shapes;

/// Enough rows to know the columns by.
const ROWS: usize = 400;

/// Below a row that does not belong to the table, one that does is looked for among so many.
pub(super) const ROWS_AHEAD: usize = 20;

/// A title and notes above a table are no longer than this.
const LINES_ABOVE: usize = 60;

/// The table as its beginning shows it.
#[derive(Debug)]
pub(super) struct Table {
    /// The names as they stand in the file; `None` where there are none.
    pub(super) names: Option<Vec<String>>,
    /// True where the names stand on one line, just as they are.
    pub(super) names_are_as_read: bool,
    pub(super) width: usize,
    /// The first header row, or where it would stand.
    pub(super) header_raw: Range<usize>,
    /// Where the first data row begins, and on which line.
    pub(super) body_start: usize,
    pub(super) body_line: u64,
    /// Which line (or lines) the header stands on, for people.
    pub(super) header_lines: Option<(u64, u64)>,
    pub(super) header_confidence: f64,
    pub(super) shapes: Shapes,
    /// Widths other than the table's that rows often have.
    pub(super) usual_widths: Vec<usize>,
    /// What was left out or made up.
    pub(super) notes: Vec<Problem>,
}

struct Sampled {
    range: Range<usize>,
    next: usize,
    line: u64,
    last_line: u64,
    cells: Vec<Vec<u8>>,
    is_odd: bool,
}

impl Sampled {
    fn texts(&self) -> Vec<String> {
        self.cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
    }
}

/// Finds the table in a text that begins with `text`; `complete` says that this is all of it. `None`
/// where there is nothing but blank lines.
pub(super) fn find_table(
    text: &[u8],
    complete: bool,
    dialect: &Dialect,
    skip_lines: u64,
    header_row: Option<HeaderRow>,
    strict: bool,
) -> Option<Table> {
    let records = sample_records(text, complete, dialect, skip_lines, strict);
    let first = records.first()?;
    let width = usual_width(records.iter().map(|record| record.cells.len()));
    let (at, count, confidence) = match header_row {
        Some(HeaderRow::None) => (0, 0, 1.0),
        Some(HeaderRow::Row(line)) => {
            let at = records.iter().position(|record| record.line >= line).unwrap_or(records.len() - 1);
            (at, 1, 1.0)
        }
        None if strict => (0, 1, 1.0),
        None => {
            let at = first_table_row(text, &records, dialect, width);
            let mut rows: Vec<Vec<String>> = records.iter().skip(at).map(Sampled::texts).collect();
            if let (Some(names), Some(record)) = (rows.first_mut(), records.get(at)) {
                *names = names_of(text, record, dialect, width);
            }
            let (count, confidence) = count_header_rows(&rows, width);
            (at, count, confidence)
        }
    };
    let body = records.get(at + count..).unwrap_or_default();
    let width = match records.get(at) {
        Some(header) if count > 0 && header_knows_better(header, body, width) => header.cells.len(),
        _ => width,
    };
    let header = records.get(at..at + count).unwrap_or_default();
    let header_width = header.iter().map(|record| record.cells.len()).max().unwrap_or(width);
    let mut notes = Vec::new();
    let (names, width) = if header.is_empty() {
        // Who said so need not be told.
        if header_row != Some(HeaderRow::None) {
            notes.push(note(
                ProblemCode::NoHeader,
                first.line,
                None,
                "no line names the columns, so they are called by their numbers; if there is a header, say on which line".to_owned(),
            ));
        }
        (None, width)
    } else if strict {
        (Some(header[0].texts()), header_width)
    } else {
        let (names, width) = join_header(text, header, body, dialect, width, &mut notes);
        (Some(names), width)
    };
    let above = records.get(..at).unwrap_or_default();
    if let (Some(begin), Some(end)) = (above.first(), above.last()) {
        let said = above.iter().flat_map(Sampled::texts).find(|cell| !cell.trim().is_empty());
        let message = left_out(begin.line, end.last_line, "above the header", "no part of the table");
        notes.insert(0, note(ProblemCode::SkippedLines, begin.line, said, message));
    }
    let body = above_other_table(header.first(), body, width);
    let shapes = learn_shapes(body, dialect, width);
    let body_start = header
        .last()
        .map_or(records.get(at).map_or(first.range.start, |record| record.range.start), |last| last.next);
    let body_line = header.last().map_or(records.get(at).map_or(first.line, |record| record.line), |last| {
        last.line + line_ends(text.get(last.range.start..last.next).unwrap_or_default())
    });
    Some(Table {
        header_raw: header.first().map_or(0..0, |record| record.range.clone()),
        header_lines: header.first().zip(header.last()).map(|(first, last)| (first.line, last.last_line)),
        header_confidence: confidence,
        usual_widths: usual_widths(body, width),
        names_are_as_read: header.len() == 1
            && names.is_some()
            && header[0].cells.len() == width
            && !header[0].is_odd,
        names,
        width,
        body_start,
        body_line,
        shapes,
        notes,
    })
}

/// A remark about lines that are no rows.
pub(super) fn note(code: ProblemCode, line: u64, value: Option<String>, message: String) -> Problem {
    Problem { value: value.as_deref().map(shown), ..Problem::about_file(code, line, message) }
}

/// `line 3`, `lines 3 to 5`.
pub(super) fn lines_words(first: u64, last: u64) -> String {
    if first == last { format!("line {first}") } else { format!("lines {first} to {last}") }
}

/// `line 1 above the header was left out; it is no part of the table`.
pub(super) fn left_out(first: u64, last: u64, place: &str, nature: &str) -> String {
    let (was, are) = if first == last { ("was", "it is") } else { ("were", "they are") };
    format!("{} {place} {was} left out; {are} {nature}", lines_words(first, last))
}

fn sample_records(
    text: &[u8],
    complete: bool,
    dialect: &Dialect,
    skip_lines: u64,
    strict: bool,
) -> Vec<Sampled> {
    let (mut at, mut line) = skip(text, skip_lines);
    let mut records: Vec<Sampled> = Vec::new();
    while at < text.len() && records.len() < ROWS {
        let record = if strict { dialect.record(text, at) } else { readable_record(dialect, text, at) };
        let next = record.next.max(at + 1);
        let ends = line_ends(text.get(at..next).unwrap_or_default());
        if record.end > at {
            // The last record of a text that goes on may go on with it.
            if !complete && next >= text.len() && !records.is_empty() {
                break;
            }
            let inside = line_ends(text.get(at..record.end).unwrap_or_default());
            records.push(Sampled {
                cells: record.cells.iter().map(|cell| dialect.said(text, cell)).collect(),
                range: at..record.end,
                next,
                line,
                last_line: line + inside,
                is_odd: record.has_stray_quote || record.is_open,
            });
            if strict {
                break;
            }
        }
        line += ends;
        at = next;
    }
    records
}

/// The position behind the first `lines` lines, and the number of the line there.
fn skip(text: &[u8], lines: u64) -> (usize, u64) {
    let (mut at, mut line) = (0, 1);
    while line <= lines {
        let rest = text.get(at..).unwrap_or_default();
        let Some(length) = memchr::memchr2(b'\n', b'\r', rest) else { return (text.len(), line) };
        at += length;
        at += super::dialect::line_end_length(text, at);
        line += 1;
    }
    (at, line)
}

/// The cells of a record as names: in the width of the table where any reading gives that.
fn names_of(text: &[u8], record: &Sampled, dialect: &Dialect, width: usize) -> Vec<String> {
    if record.cells.len() == width && !record.is_odd {
        return record.texts();
    }
    let filled: Vec<String> = record.texts().into_iter().filter(|cell| !cell.trim().is_empty()).collect();
    if filled.len() == width && !record.is_odd {
        return filled;
    }
    let line = text.get(record.range.clone()).unwrap_or_default();
    match repair_header(line, dialect, width) {
        Some(cells) if cells.iter().all(|cell| !cell.is_empty()) => {
            cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
        }
        _ => record.texts(),
    }
}

/// The first record that can belong to the table: wide enough, and not a title in its first cell.
fn first_table_row(text: &[u8], records: &[Sampled], dialect: &Dialect, width: usize) -> usize {
    if width <= 1 {
        return 0;
    }
    let belongs = |names: &[String]| {
        let filled = names.iter().filter(|cell| !cell.trim().is_empty()).count();
        // A table as narrow as two columns may have a row with one cell filled.
        names.len() > 1 && names.len() * 2 >= width && filled * 3 >= width && filled > 1
    };
    let above = || records.iter().take(LINES_ABOVE);
    let as_it_is = above().position(|record| belongs(&record.texts()));
    let put_right = above().position(|record| belongs(&names_of(text, record, dialect, width)));
    match (as_it_is, put_right) {
        // A title may have as many words as the table has columns; but then a header follows.
        (Some(later), Some(first)) if first < later => {
            let rows: Vec<Vec<String>> = records.iter().skip(later).map(Sampled::texts).collect();
            if count_header_rows(&rows, width).0 > 0 { later } else { first }
        }
        (as_it_is, put_right) => as_it_is.or(put_right).unwrap_or(0),
    }
}

/// True where the names are those of rows that were given back, behind which surplus cells may stand.
pub(super) fn is_of_failed_rows(names: &[String]) -> bool {
    names.len() > FAILED_COLUMNS.len() && names.ends_with(&FAILED_COLUMNS.map(str::to_owned))
}

/// True where the width of the header counts and not that of most rows: where the rows do not agree, or
/// those just below the header, or a good part of all, are as wide as it.
fn header_knows_better(header: &Sampled, body: &[Sampled], width: usize) -> bool {
    let names = header.cells.len();
    let of_width = |width: usize| body.iter().filter(|record| record.cells.len() == width).count();
    let below = body.iter().take(2).filter(|record| record.cells.len() == names && !record.is_odd).count();
    let as_wide = of_width(names);
    let is_wider = names > width && !header.is_odd;
    is_of_failed_rows(&header.texts())
        || names > 1
            && (of_width(width) * 2 < body.len()
                || is_wider && as_wide >= 2 && (below == 2 || as_wide * 10 >= body.len()))
}

/// What the columns look like. Where no row is as wide as the table, rows that stand in quotes as a whole tell.
fn learn_shapes(body: &[Sampled], dialect: &Dialect, width: usize) -> Shapes {
    let mut shapes = Shapes::new(width);
    for record in body.iter().filter(|record| record.cells.len() == width && !record.is_odd) {
        shapes.learn(record.cells.iter().map(Vec::as_slice));
    }
    if shapes.rows == 0 {
        for record in body {
            if let ([whole], false) = (record.cells.as_slice(), record.is_odd)
                && let Some(pieces) = pieces_of(whole, dialect).filter(|pieces| pieces.len() == width)
            {
                shapes.learn(pieces.iter().map(Vec::as_slice));
            }
        }
    }
    shapes
}

/// The names of the columns, several header rows joined, and how many columns there are.
fn join_header(
    text: &[u8],
    header: &[Sampled],
    body: &[Sampled],
    dialect: &Dialect,
    usual: usize,
    notes: &mut Vec<Problem>,
) -> (Vec<String>, usize) {
    let mut names: Vec<String> = Vec::new();
    for record in header {
        let cells = names_of(text, record, dialect, usual);
        if cells.len() != record.cells.len() {
            notes.push(note(
                ProblemCode::RepairedRow,
                record.line,
                None,
                format!("the header on line {} did not fit the columns and was put right", record.line),
            ));
        }
        if names.len() < cells.len() {
            names.resize(cells.len(), String::new());
        }
        for (name, cell) in names.iter_mut().zip(cells) {
            let cell = cell.trim();
            if !name.is_empty() && !cell.is_empty() {
                name.push(' ');
            }
            name.push_str(cell);
        }
    }
    let is_narrower = |record: &&Sampled| record.cells.len() > names.len();
    let surplus_has_text = body
        .iter()
        .filter(is_narrower)
        .any(|record| record.cells.iter().skip(names.len()).any(|cell| !cell.trim_ascii().is_empty()));
    if !is_of_failed_rows(&names)
        && usual > names.len()
        && surplus_has_text
        && body.iter().filter(is_narrower).count() * 2 > body.len()
    {
        let line = header.first().map_or(1, |record| record.line);
        notes.push(note(
            ProblemCode::RepairedRow,
            line,
            None,
            format!(
                "the header names {} and the rows have {}; the others are called by their numbers",
                counted(names.len() as u64, "column", "columns"),
                thousands(usual as u64)
            ),
        ));
        names.resize(usual, String::new());
    }
    let width = names.len();
    (names, width)
}

/// The rows above the first blank line below which rows of another width begin, at least two of them
/// alike, and none that fits follows soon: those below are another table, and say nothing about this one.
fn above_other_table<'a>(header: Option<&Sampled>, body: &'a [Sampled], width: usize) -> &'a [Sampled] {
    let names_again = |record: &&Sampled| header.is_some_and(|header| header.cells == record.cells);
    let begins_other = |&index: &usize| {
        let (Some(above), Some(here)) = (index.checked_sub(1).and_then(|at| body.get(at)), body.get(index))
        else {
            return false;
        };
        let count = here.cells.len();
        let below = body.iter().skip(index + 1).take(ROWS_AHEAD).take_while(|record| !names_again(record));
        here.range.start > above.next
            && count != width
            && count > 1
            && below.clone().any(|record| record.cells.len() == count)
            && below.clone().all(|record| record.cells.len() != width)
            && !usual_widths(body.get(..index).unwrap_or_default(), width).contains(&count)
    };
    let end = (0..body.len()).find(begins_other).unwrap_or(body.len());
    body.get(..end).unwrap_or_default()
}

/// Widths that so many rows have that they are a habit of the file and no accident.
fn usual_widths(body: &[Sampled], width: usize) -> Vec<usize> {
    let mut counts = std::collections::BTreeMap::new();
    for record in body.iter().filter(|record| record.cells.len() != width && !record.is_odd) {
        let surplus = record.cells.iter().skip(width);
        if surplus.clone().all(|cell| cell.trim_ascii().is_empty()) {
            *counts.entry(record.cells.len()).or_insert(0_usize) += 1;
        }
    }
    let enough = 3.max(body.len() / 50);
    counts.into_iter().filter(|&(_, count)| count >= enough).map(|(width, _)| width).collect()
}
