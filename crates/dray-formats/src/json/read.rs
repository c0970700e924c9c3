//! Reads JSON documents and JSON lines as batches of text columns. Memory is bounded by one batch, one
//! record and the sample the header is found in.

use dray_model::batch::{RawRows, TextBatch};
use dray_model::flow::{Detected, FailedRowFormat, RowSource};
use dray_model::value::ValueType;
use dray_model::{Error, ErrorKind, Result};

use super::arrays::{FirstArrays, ROWS_LOOKED_AT};
use super::failed::JsonFailedRows;
use super::parse::{Stop, Walker};
use super::records::{Columns, Layout, Records, name_bytes, walk_leaves};
use super::shape::{Lost, Next, Shape, find_next, find_records, find_records_at};
use super::text::append_value;
use crate::cells::{Cells, keep_empty_text};
use crate::input::BYTE_ORDER_MARK;
use crate::options::{ReadLimits, ReadOptions};
use crate::window::Window;

/// The header is made of the members found in this much of the source ...
const HEADER_BYTES: usize = 8 << 20;
/// ... or in this many records, whichever comes first.
const HEADER_RECORDS: usize = 10_000;

/// A JSON source that is being read.
pub(crate) struct JsonSource {
    window: Window,
    detected: Vec<Detected>,
    limits: ReadLimits,
    shape: Shape,
    records: Records,
    /// False where nothing names the columns.
    has_header: bool,
    /// Hands on empty text as such.
    keeps_empty: bool,
    /// True where the window begins behind a record.
    behind_record: bool,
    /// The line the window begins on, and how many characters of it stand before the window.
    line: u64,
    column: usize,
    next_row: u64,
    rows_to_skip: u64,
    has_ended: bool,
}

/// Where a look at the records has come to.
struct Position {
    /// Everything before it has been looked at.
    at: usize,
    behind_record: bool,
    line: u64,
}

/// What became of the attempt to take one more record.
enum Taken {
    /// There is one more row.
    Row,
    /// There was none to take, but the position moved on.
    Blank,
    /// There is none.
    End,
    /// More bytes are needed to tell.
    Unknown,
}

impl JsonSource {
    /// Reads a document (`lines` is false) or JSON lines.
    pub(crate) fn open(
        mut window: Window,
        lines: bool,
        options: &ReadOptions,
        detected: Vec<Detected>,
    ) -> Result<Self> {
        if window.text().starts_with(BYTE_ORDER_MARK) {
            window.skip(BYTE_ORDER_MARK.len());
        }
        let mut source = Self {
            window,
            detected,
            limits: options.limits.within_reason(),
            shape: Shape::Lines,
            records: Records::new(Columns::new(), Layout::Objects),
            has_header: true,
            keeps_empty: options.keep_empty_text,
            behind_record: false,
            line: 1,
            column: 0,
            next_row: 1,
            rows_to_skip: options.skip_rows,
            has_ended: false,
        };
        source.read_sample()?;
        match &options.records_path {
            Some(path) => source.enter_at(path)?,
            None if lines => {}
            None => source.enter_document()?,
        }
        let layout = if options.flatten { Layout::Flattened } else { Layout::Objects };
        if let Some(names) = &options.columns {
            source.take_columns(names, layout);
        } else if source.is_table_of_arrays() {
            source.name_places()?;
        } else {
            source.find_columns(layout)?;
        }
        Ok(source)
    }

    /// Reads as much as the header is found in.
    fn read_sample(&mut self) -> Result<()> {
        while self.window.text().len() < HEADER_BYTES && !self.window.is_complete() {
            self.window.read_more(self.limits.read_bytes)?;
        }
        Ok(())
    }

    /// Goes to the array that a path of member names leads to.
    fn enter_at(&mut self, path: &str) -> Result<()> {
        let steps: Vec<&str> = path.split('.').filter(|step| !step.is_empty()).collect();
        let (shape, begin) = loop {
            let text = self.window.text();
            match find_records_at(text, &steps) {
                Ok(found) => break found,
                Err(Lost::Stopped(Stop::Incomplete)) if !self.window.is_complete() => {
                    let seen = text.len();
                    if seen > self.limits.max_record_bytes {
                        let name = self.window.name();
                        let message =
                            format!("no records are at `{path}` within the first {seen} bytes of `{name}`");
                        return Err(Error::new(ErrorKind::Limit, message)
                            .hint("check the path, or take out what stands before the records"));
                    }
                    // At least doubled, so that the members before are not walked again and again.
                    self.window.read_more(seen.max(self.limits.read_bytes))?;
                }
                Err(Lost::Stopped(stop)) => return Err(self.broken(stop, self.line, 0)),
                Err(Lost::Missing { steps: found, members }) => {
                    return Err(lost(self.window.name(), &steps, found, &members));
                }
            }
        };
        self.enter(shape, begin);
        self.read_sample()
    }

    fn enter_document(&mut self) -> Result<()> {
        let text = self.window.text();
        let (shape, begin) = match find_records(text) {
            Ok(found) => found,
            Err(Stop::Incomplete) if !self.window.is_complete() => (Shape::Sequence, 0),
            Err(stop) => return Err(self.broken(stop, self.line, 0)),
        };
        self.enter(shape, begin);
        Ok(())
    }

    /// Goes to where the first record may begin.
    fn enter(&mut self, shape: Shape, begin: usize) {
        self.shape = shape;
        let line = self.line + line_ends(self.window.text().get(..begin).unwrap_or_default());
        self.move_to(&Position { at: begin, behind_record: false, line });
    }

    /// The columns are known beforehand.
    fn take_columns(&mut self, names: &[String], layout: Layout) {
        let mut columns = Columns::new();
        for name in names.iter().take(self.limits.max_columns) {
            columns.add(name.clone().into_bytes());
        }
        self.records = Records::new(columns, layout);
        self.records.passes_over_others = true;
    }

    /// Where the next record of the sample begins, and where the line ends that it stands on, if it is a
    /// line. `at` stands behind a record, or before the first.
    fn find_in_sample(&self, at: usize, behind_record: bool) -> Option<(usize, Option<usize>)> {
        let text = self.window.text();
        if self.shape == Shape::Lines {
            let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
            return Some((at, Some(at + memchr::memchr(b'\n', rest).unwrap_or(rest.len()))));
        }
        match find_next(self.shape, text, at, behind_record, self.window.is_complete()) {
            Ok(Next::Record(record)) => Some((record, None)),
            _ => None,
        }
    }

    /// True where the first record is an array with something in it, and the second is no object.
    fn is_table_of_arrays(&self) -> bool {
        let text = self.window.text();
        let Some((record, line_end)) = self.find_in_sample(0, false) else { return false };
        let mut walker = Walker::new(text.get(..line_end.unwrap_or(text.len())).unwrap_or_default(), record);
        let mut values = 0;
        if walker.elements(|_| values += 1).is_err() || values == 0 {
            return false;
        }
        let second = self.find_in_sample(line_end.map_or(walker.at, |end| end + 1), true);
        second.is_none_or(|(record, _)| Walker::new(text, record).peek() != Some(b'{'))
    }

    /// Looks at the first arrays for the names of their places. An array that is the header is no row.
    fn name_places(&mut self) -> Result<()> {
        let mut first = FirstArrays::new(self.limits.max_columns);
        let text = self.window.text();
        let (mut at, mut behind_header) = (0, 0);
        for index in 0..ROWS_LOOKED_AT {
            let Some((record, line_end)) = self.find_in_sample(at, index > 0) else { break };
            let end = line_end.unwrap_or(text.len());
            let mut walker = Walker::new(text.get(..end).unwrap_or_default(), record);
            let walked = match walker.peek() {
                Some(b'[') => first.add(&mut walker, text),
                _ => walker.value().map(|_| ()),
            };
            // What is broken is told when it is read.
            if walked.is_err() && (line_end.is_none() || index == 0) {
                break;
            }
            at = line_end.map_or(walker.at, |end| (end + 1).min(text.len()));
            if index == 0 {
                behind_header = at;
            }
        }
        let (columns, sure) = first.columns();
        self.check_columns(&columns, "write the table as objects, or with fewer columns")?;
        let value = if sure.is_some() { "the first array" } else { "none" };
        let confidence = sure.unwrap_or(0.6);
        self.detected.push(Detected { what: "header row", value: value.to_owned(), confidence });
        self.has_header = sure.is_some();
        self.records = Records::new(columns, Layout::Arrays);
        if self.has_header {
            let passed = self.window.text().get(..behind_header).unwrap_or_default();
            let line = self.line + line_ends(passed);
            self.move_to(&Position { at: behind_header, behind_record: true, line });
        }
        Ok(())
    }

    fn check_columns(&self, columns: &Columns, hint: &str) -> Result<()> {
        let (name, most) = (self.window.name(), self.limits.max_columns);
        if columns.len() <= most {
            return Ok(());
        }
        let message = format!("the records of `{name}` have more than {most} different members");
        Err(Error::new(ErrorKind::Limit, message).hint(hint))
    }

    /// Looks at the first records for the names of their members, and leaves them to be read.
    fn find_columns(&mut self, layout: Layout) -> Result<()> {
        let mut columns = Columns::new();
        let text = self.window.text();
        let mut at = 0;
        for index in 0..HEADER_RECORDS {
            let Some((record, line_end)) = self.find_in_sample(at, index > 0) else { break };
            let end = line_end.unwrap_or(text.len());
            let mut walker = Walker::new(text.get(..end).unwrap_or_default(), record);
            let mut add = |name: Vec<u8>| {
                if columns.len() <= self.limits.max_columns {
                    columns.add(name);
                }
            };
            let walked = match walker.peek() {
                Some(b'{') if layout == Layout::Flattened => {
                    walk_leaves(&mut walker, text, &mut Vec::new(), 0, &mut |name, _| add(name.to_vec()))
                }
                Some(b'{') => walker.object(|name, _| add(name_bytes(text, name))),
                _ => walker.value().map(|_| ()),
            };
            // What is broken is told when it is read.
            if walked.is_err() && line_end.is_none() {
                break;
            }
            at = line_end.map_or(walker.at, |end| end + 1);
        }
        self.check_columns(&columns, "put values that are keys into an array of objects")?;
        self.records = Records::new(columns, layout);
        Ok(())
    }

    /// Collects up to `max_rows` records and returns where they end.
    fn collect_rows(&mut self, max_rows: usize) -> Result<Position> {
        self.records.restart(self.next_row);
        let mut position = Position { at: 0, behind_record: self.behind_record, line: self.line };
        while self.records.len() < max_rows && position.at < self.limits.batch_bytes {
            let (text, complete) = (self.window.text(), self.window.is_complete());
            let taken = match self.shape {
                Shape::Lines => Ok(take_line(&mut self.records, &mut position, text, complete)),
                shape => take_value(&mut self.records, &mut position, shape, text, complete),
            };
            let pending = text.len().saturating_sub(position.at);
            match taken {
                Ok(Taken::Row | Taken::Blank) => {}
                Ok(Taken::End) => break,
                // The rows before are handed on first; the next call finds the rest again.
                _ if self.records.len() > 0 && (taken.is_err() || pending > self.limits.max_record_bytes) => {
                    break;
                }
                Ok(Taken::Unknown) if pending > self.limits.max_record_bytes => {
                    return Err(self.record_too_large(position.line));
                }
                Ok(Taken::Unknown) => {
                    if self.records.len() == 0 {
                        self.move_to(&position);
                        position.at = 0;
                    }
                    // At least doubled, so that a large record is not walked again and again.
                    self.window.read_more(pending.max(self.limits.read_bytes))?;
                }
                Err(stop) => return Err(self.broken(stop, position.line, position.at)),
            }
        }
        Ok(position)
    }

    /// Passes over everything before the position.
    fn move_to(&mut self, position: &Position) {
        self.note_move(position);
        self.window.skip(position.at);
    }

    fn note_move(&mut self, position: &Position) {
        let passed = self.window.text().get(..position.at).unwrap_or_default();
        self.column = match memchr::memrchr(b'\n', passed) {
            Some(line_end) => characters(passed.get(line_end + 1..).unwrap_or_default()),
            None => self.column + characters(passed),
        };
        self.line = position.line;
        self.behind_record = position.behind_record;
    }

    fn record_too_large(&self, line: u64) -> Error {
        let (name, limit) = (self.window.name(), self.limits.max_record_bytes);
        let message =
            format!("the record that begins about line {line} of `{name}` is larger than {limit} bytes");
        Error::new(ErrorKind::Limit, message)
            .hint("check that no brace or quote is missing; no larger record is read")
    }

    /// The error for a document that cannot be split any further; `line` is that of position `from`.
    fn broken(&self, stop: Stop, line: u64, from: usize) -> Error {
        let (text, name) = (self.window.text(), self.window.name());
        let (at, what) = match stop {
            Stop::Incomplete => (text.len(), "the document ends in the middle".to_owned()),
            Stop::Malformed { at, wanted } => (at, format!("the JSON is broken; wanted: {wanted}")),
        };
        let line = line + line_ends(text.get(from..at).unwrap_or_default());
        let before = text.get(..at).unwrap_or_default();
        let column = 1 + match memchr::memrchr(b'\n', before) {
            Some(line_end) => characters(before.get(line_end + 1..).unwrap_or_default()),
            None => self.column + characters(before),
        };
        Error::source(format!("`{name}` cannot be read beyond line {line}, column {column}: {what}")).hint(
            "correct that place, or send one record on each line (JSONL): then a broken record costs only itself",
        )
    }

    fn take_batch(&mut self, end: &Position) -> Result<TextBatch> {
        let text = self.window.text().get(..end.at).unwrap_or_default();
        let cells = Cells {
            text,
            cells: &self.records.cells,
            columns: self.records.columns.len(),
            rewrite: &append_value,
        };
        let (faults, replacements) = cells.find_faults(self.limits.max_cell_bytes, &self.window);
        let mut columns = cells.columns(&replacements)?;
        if self.keeps_empty {
            keep_empty_text(&mut columns, &cells)?;
        }
        for fault in faults {
            self.records.add_cell_fault(fault);
        }
        self.records.problems.sort_by_key(|problem| problem.row_number);
        self.note_move(end);
        let bytes = self.window.take(end.at, self.limits.read_bytes);
        let first_row = self.next_row;
        self.next_row += self.records.len() as u64;
        Ok(TextBatch {
            first_row,
            lines: std::mem::take(&mut self.records.lines),
            columns,
            raw: RawRows { bytes, ranges: std::mem::take(&mut self.records.ranges) },
            problems: std::mem::take(&mut self.records.problems),
        })
    }
}

/// The error for a path that leads to no array; `found` of its steps could be taken.
fn lost(name: &str, steps: &[&str], found: usize, members: &[String]) -> Error {
    let way = steps.get(..found).unwrap_or_default().join(".");
    let place = if way.is_empty() { "the document".to_owned() } else { format!("`{way}`") };
    let message = match steps.get(found) {
        Some(step) => format!("{place} in `{name}` has no member `{step}`"),
        None => format!("{place} in `{name}` is no array of records"),
    };
    let hint = if members.is_empty() {
        "name the members that lead to the array, with dots between them".to_owned()
    } else {
        let members: Vec<String> = members.iter().map(|member| format!("`{member}`")).collect();
        format!("the members there are {}", members.join(", "))
    };
    Error::request(message).hint(hint)
}

/// Takes the next line that is not blank.
fn take_line(records: &mut Records, position: &mut Position, text: &[u8], complete: bool) -> Taken {
    let rest = text.get(position.at..).unwrap_or_default();
    let (length, next) = match memchr::memchr(b'\n', rest) {
        Some(length) => (length, length + 1),
        None if !complete => return Taken::Unknown,
        None if rest.is_empty() => return Taken::End,
        None => (rest.len(), rest.len()),
    };
    let start = position.at;
    let line_text = rest.get(..length).unwrap_or_default();
    let line_text = line_text.strip_suffix(b"\r").unwrap_or(line_text);
    let end = start + line_text.len();
    let line = position.line;
    position.at += next;
    position.line += 1;
    if line_text.trim_ascii().is_empty() {
        return Taken::Blank;
    }
    // The record is the whole line, blanks and all, so that it can be given back as it was.
    let visible = text.get(..end).unwrap_or_default();
    let problem = match records.add(visible, start, line) {
        Ok(record_end) => {
            let mut walker = Walker::new(visible, record_end);
            if walker.peek().is_none() {
                if let Some(range) = records.ranges.last_mut() {
                    range.end = end;
                }
                return Taken::Row;
            }
            records.remove_last();
            walker.malformed("the end of the line behind the object")
        }
        Err(stop) => stop,
    };
    let message = match problem {
        Stop::Incomplete => {
            "the line ends in the middle of the record; write each record on one line".to_owned()
        }
        Stop::Malformed { at, wanted } => {
            let column = 1 + characters(visible.get(start..at).unwrap_or_default());
            format!("the JSON is broken at column {column}; wanted: {wanted}")
        }
    };
    records.add_broken(start..end, text, line, &message);
    Taken::Row
}

/// Takes the next element of an array or sequence.
fn take_value(
    records: &mut Records,
    position: &mut Position,
    shape: Shape,
    text: &[u8],
    complete: bool,
) -> std::result::Result<Taken, Stop> {
    let unknown_or = |stop: Stop| match stop {
        Stop::Incomplete if !complete => Ok(Taken::Unknown),
        stop => Err(stop),
    };
    let start = match find_next(shape, text, position.at, position.behind_record, complete) {
        Ok(Next::Record(start)) => start,
        Ok(Next::End) => return Ok(Taken::End),
        Err(stop) => return unknown_or(stop),
    };
    let line = position.line + line_ends(text.get(position.at..start).unwrap_or_default());
    match records.add(text, start, line) {
        // A number may go on in bytes not yet read.
        Ok(end) if end == text.len() && !complete => {
            records.remove_last();
            Ok(Taken::Unknown)
        }
        Ok(end) => {
            position.line = line + line_ends(text.get(start..end).unwrap_or_default());
            position.at = end;
            position.behind_record = true;
            Ok(Taken::Row)
        }
        Err(stop) => unknown_or(stop),
    }
}

/// JSON knows no line breaks inside strings, so every LF ends a line.
fn line_ends(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// How many characters there are: every byte but those that continue one.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

impl RowSource for JsonSource {
    fn header(&self) -> &[String] {
        &self.records.header
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        while !self.has_ended {
            let batch_rows = self.limits.rows_in_batch(self.records.columns.len());
            let wanted = match self.rows_to_skip {
                0 => batch_rows,
                some => usize::try_from(some).unwrap_or(usize::MAX).min(batch_rows),
            };
            let end = self.collect_rows(wanted)?;
            let found = self.records.len() as u64;
            if found > 0 && self.rows_to_skip == 0 {
                return self.take_batch(&end).map(Some);
            }
            self.has_ended = found == 0 && end.at == 0;
            self.move_to(&end);
            self.next_row += found;
            self.rows_to_skip -= found;
        }
        // What closes a document counts as read.
        self.window.skip(self.window.text().len());
        Ok(None)
    }

    fn bytes_read(&self) -> u64 {
        self.window.bytes_read()
    }

    fn detected(&self) -> Vec<Detected> {
        self.window.detected(&self.detected)
    }

    fn has_header(&self) -> bool {
        self.has_header
    }

    /// Those found so far: what comes may be of other kinds.
    fn column_types(&self) -> Vec<Option<ValueType>> {
        self.records.types()
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        Box::new(JsonFailedRows { places: self.records.places() })
    }
}
