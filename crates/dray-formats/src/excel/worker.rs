//! The process of its own in which xls, xlsb and ods are read. The library that reads them takes memory
//! as a file claims to need it, and may not survive what is written to do harm; here it can take nothing
//! down, and no more than it was given. What it reads goes to standard output.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::os::fd::AsFd;

use calamine::{
    CellErrorType, Data, DataRef, ExcelDateTime, Ods, OdsError, Reader, SheetType, SheetVisible, Sheets, Xls,
    XlsError, Xlsb, XlsbError,
};
use dray_model::{Error, ErrorKind, Result};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::address::{Area, MAX_COLUMNS, MAX_ROWS};
use super::choice::{Glance, SheetInfo, candidates, choose, no_cells};
use super::messages::{Message, ROWS_BYTES, put_row};
use super::number::append_number;
use super::package::{damaged, password_protected};
use super::row::{Content, SheetRow};
use super::serial::{Epoch, NumberKind, append_moment};
use crate::options::Format;

/// How long it may compute, in seconds.
pub(super) const MAX_COMPUTING_SECONDS: u64 = 120;

/// How many files it may have open: the three streams, and a few to spare.
const MAX_OPEN_FILES: u64 = 16;

type Source = BufReader<File>;

/// Reads a workbook from standard input; returns the exit code.
///
/// `arguments`: the format, the name for people, the most bytes of memory, and the sheet if one is wanted.
pub(super) fn run(arguments: &[String]) -> u8 {
    let [format, name, max_bytes, rest @ ..] = arguments else { return 2 };
    let (Some(format), Ok(max_bytes)) = (Format::from_name(format), max_bytes.parse()) else { return 2 };
    if limit_this_process(max_bytes).is_err() {
        return 3;
    }
    let Ok(file) = std::io::stdin().as_fd().try_clone_to_owned() else { return 3 };
    let mut out = BufWriter::new(std::io::stdout().lock());
    let read = read_workbook(format, name, File::from(file), rest.first().map(String::as_str), &mut out);
    let last = match read {
        Ok(()) => Message::End,
        Err(error) => Message::refused(&error),
    };
    u8::from(last.send(&mut out).is_err())
}

/// Takes from this process what it does not need.
fn limit_this_process(max_bytes: u64) -> rustix::io::Result<()> {
    let limits = [
        (Resource::As, max_bytes),
        (Resource::Data, max_bytes),
        (Resource::Cpu, MAX_COMPUTING_SECONDS),
        (Resource::Nofile, MAX_OPEN_FILES),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        // A second more for the hard limit, so that the soft one is what ends it.
        let maximum = if resource == Resource::Cpu { most + 1 } else { most };
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(maximum) })?;
    }
    Ok(())
}

fn read_workbook(
    format: Format,
    name: &str,
    file: File,
    wanted: Option<&str>,
    out: &mut impl Write,
) -> Result<()> {
    let mut book = open(format, name, BufReader::new(file))?;
    let epoch = match &book {
        Sheets::Xls(book) if book.has_1904_epoch() => Epoch::Year1904,
        Sheets::Xlsb(book) if book.has_1904_epoch() => Epoch::Year1904,
        _ => Epoch::Year1900,
    };
    let sheets: Vec<SheetInfo> = book
        .sheets_metadata()
        .iter()
        .map(|sheet| SheetInfo {
            name: sheet.name.clone(),
            visible: sheet.visible == SheetVisible::Visible,
            has_cells: sheet.typ == SheetType::WorkSheet,
        })
        .collect();
    let name_of = |index: usize| sheets.get(index).map(|sheet| sheet.name.clone()).unwrap_or_default();
    let chosen = match candidates(name, &sheets, wanted)?.as_slice() {
        &[only] => Some(only),
        several => choose(several, |index| glance_at(&mut book, name, &name_of(index)))?,
    };
    if let Some(chosen) = chosen {
        let sheet_name = name_of(chosen);
        let merged = match &book {
            Sheets::Xls(book) => book.merge_cells_by_sheet_name(&sheet_name).unwrap_or_default(),
            _ => Vec::new(),
        };
        let merged = merged.iter().map(|area| Area {
            first_row: area.start.0.saturating_add(1),
            last_row: area.end.0.saturating_add(1),
            first_column: area.start.1,
            last_column: area.end.1,
        });
        let begin = Message::Sheets { sheets: sheets.clone(), chosen, rows: 0, merged: merged.collect() };
        let mut sender =
            Sender { name, out: &mut *out, begin: Some(begin), row: SheetRow::default(), rows: Vec::new() };
        send_sheet(&mut book, &sheet_name, epoch, &mut sender)?;
        if sender.finish()? {
            return Ok(());
        }
    }
    Err(no_cells(name, &sheets, wanted))
}

fn open(format: Format, name: &str, source: Source) -> Result<Sheets<Source>> {
    match format {
        Format::Xls => Xls::new(source).map(Sheets::Xls).map_err(|cause| match cause {
            XlsError::Password => password_protected(name),
            other => unreadable(name, &other),
        }),
        Format::Xlsb => Xlsb::new(source).map(Sheets::Xlsb).map_err(|cause| match cause {
            XlsbError::Password => password_protected(name),
            other => unreadable(name, &other),
        }),
        _ => Ods::new(source).map(Sheets::Ods).map_err(|cause| match cause {
            OdsError::Password => password_protected(name),
            other => unreadable(name, &other),
        }),
    }
}

/// Looks at the first rows of a sheet.
fn glance_at(book: &mut Sheets<Source>, name: &str, sheet: &str) -> Result<Glance> {
    let mut glance = Glance::default();
    let has_value = |value: Value<'_>| !matches!(value, Value::Empty | Value::Text(""));
    if let Sheets::Xlsb(book) = book {
        let mut cells = book.worksheet_cells_reader(sheet).map_err(|cause| unreadable(name, &cause))?;
        let (mut row, mut filled) = (0, 0);
        while let Some(cell) = cells.next_cell().map_err(|cause| unreadable(name, &cause))? {
            if !has_value(Value::from(cell.get_value())) {
                continue;
            }
            let (cell_row, _) = cell.get_position();
            if cell_row != row && filled > 0 && !glance.look(std::mem::take(&mut filled)) {
                return Ok(glance);
            }
            row = cell_row;
            filled += 1;
        }
        if filled > 0 {
            glance.look(filled);
        }
        return Ok(glance);
    }
    let range = book.worksheet_range(sheet).map_err(|cause| unreadable(name, &cause))?;
    for cells in range.rows() {
        let filled = cells.iter().filter(|cell| has_value(Value::from(*cell))).count();
        if filled > 0 && !glance.look(filled) {
            break;
        }
    }
    Ok(glance)
}

/// Sends all rows of a sheet.
fn send_sheet<W: Write>(
    book: &mut Sheets<Source>,
    sheet: &str,
    epoch: Epoch,
    sender: &mut Sender<'_, W>,
) -> Result<()> {
    let name = sender.name;
    if let Sheets::Xlsb(book) = book {
        let mut cells = book.worksheet_cells_reader(sheet).map_err(|cause| unreadable(name, &cause))?;
        sender.expect_rows(cells.dimensions().end.0.saturating_add(1));
        while let Some(cell) = cells.next_cell().map_err(|cause| unreadable(name, &cause))? {
            let (row, column) = cell.get_position();
            sender.push(row, column, &Value::from(cell.get_value()), epoch)?;
        }
        return Ok(());
    }
    let range = book.worksheet_range(sheet).map_err(|cause| unreadable(name, &cause))?;
    let (first_row, first_column) = range.start().unwrap_or((0, 0));
    sender.expect_rows(range.end().map_or(0, |end| end.0.saturating_add(1)));
    for (row, cells) in (first_row..).zip(range.rows()) {
        for (column, cell) in (first_column..).zip(cells) {
            sender.push(row, column, &Value::from(cell), epoch)?;
        }
    }
    Ok(())
}

/// Sends rows as they come.
struct Sender<'a, W: Write> {
    name: &'a str,
    out: W,
    /// What is sent before the first row.
    begin: Option<Message>,
    row: SheetRow,
    rows: Vec<u8>,
}

impl<W: Write> Sender<'_, W> {
    fn expect_rows(&mut self, expected: u32) {
        if let Some(Message::Sheets { rows, .. }) = &mut self.begin {
            *rows = expected;
        }
    }

    /// Appends a cell; row and column count from 0.
    fn push(&mut self, row: u32, column: u32, value: &Value<'_>, epoch: Epoch) -> Result<()> {
        if *value == Value::Empty {
            return Ok(());
        }
        if row >= MAX_ROWS || column >= MAX_COLUMNS {
            return Err(damaged(self.name, "it has cells where no sheet has any"));
        }
        if self.row.number != row + 1 {
            if row + 1 < self.row.number {
                return Err(damaged(self.name, "its rows do not stand in order"));
            }
            self.end_row()?;
            self.row.begin(row + 1);
        }
        if self.row.cells.last().is_some_and(|last| last.column >= column) {
            return Err(damaged(self.name, "the cells of a row do not stand in order"));
        }
        value.push_to(&mut self.row, column, epoch);
        Ok(())
    }

    fn end_row(&mut self) -> Result<()> {
        if !self.row.cells.is_empty() {
            put_row(&self.row, &mut self.rows);
        }
        if self.rows.len() >= ROWS_BYTES { self.send_rows() } else { Ok(()) }
    }

    fn send_rows(&mut self) -> Result<()> {
        let gone = |cause: std::io::Error| Error::file("nobody listens").because(cause);
        if let Some(begin) = self.begin.take() {
            begin.send(&mut self.out).map_err(gone)?;
        }
        Message::Rows(std::mem::take(&mut self.rows)).send(&mut self.out).map_err(gone)
    }

    /// Sends what is left; false where the sheet had no rows.
    fn finish(mut self) -> Result<bool> {
        self.end_row()?;
        if !self.rows.is_empty() {
            self.send_rows()?;
        }
        Ok(self.begin.is_none())
    }
}

/// The value of a cell.
#[derive(Debug, PartialEq)]
enum Value<'a> {
    Empty,
    Integer(i64),
    Number(f64),
    Text(&'a str),
    Boolean(bool),
    Moment(ExcelDateTime),
    IsoMoment(&'a str),
    IsoDuration(&'a str),
    Error(CellErrorType),
}

impl<'a> From<&'a Data> for Value<'a> {
    fn from(data: &'a Data) -> Self {
        match data {
            Data::Empty => Self::Empty,
            Data::Int(value) => Self::Integer(*value),
            Data::Float(value) => Self::Number(*value),
            Data::String(text) => Self::Text(text),
            Data::Bool(value) => Self::Boolean(*value),
            Data::DateTime(moment) => Self::Moment(*moment),
            Data::DateTimeIso(text) => Self::IsoMoment(text),
            Data::DurationIso(text) => Self::IsoDuration(text),
            Data::Error(error) => Self::Error(error.clone()),
        }
    }
}

impl<'a> From<&'a DataRef<'a>> for Value<'a> {
    fn from(data: &'a DataRef<'a>) -> Self {
        match data {
            DataRef::Empty => Self::Empty,
            DataRef::Int(value) => Self::Integer(*value),
            DataRef::Float(value) => Self::Number(*value),
            DataRef::String(text) => Self::Text(text),
            DataRef::SharedString(text) => Self::Text(text),
            DataRef::Bool(value) => Self::Boolean(*value),
            DataRef::DateTime(moment) => Self::Moment(*moment),
            DataRef::DateTimeIso(text) => Self::IsoMoment(text),
            DataRef::DurationIso(text) => Self::IsoDuration(text),
            DataRef::Error(error) => Self::Error(error.clone()),
        }
    }
}

impl Value<'_> {
    fn push_to(&self, row: &mut SheetRow, column: u32, epoch: Epoch) {
        let content = if matches!(self, Self::Error(_)) { Content::Error } else { Content::Text };
        row.push(column, content, |out| match self {
            Self::Empty => {}
            Self::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Number(value) => append_number(*value, out),
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Self::Moment(moment) => {
                let kind = if moment.is_duration() { NumberKind::Duration } else { NumberKind::Moment };
                let mut text = String::new();
                if append_moment(moment.as_f64(), kind, epoch, &mut text) {
                    out.extend_from_slice(text.as_bytes());
                } else {
                    append_number(moment.as_f64(), out);
                }
            }
            Self::IsoMoment(text) => out.extend_from_slice(without_noise(text).as_bytes()),
            Self::IsoDuration(text) => {
                let clock = clock_of(text);
                out.extend_from_slice(clock.as_deref().unwrap_or(text).as_bytes());
            }
            Self::Error(error) => out.extend_from_slice(error.to_string().as_bytes()),
        });
    }
}

/// Seconds with no more decimals than they need, six at most.
fn without_noise(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, decimals)) if decimals.bytes().all(|byte| byte.is_ascii_digit()) => {
            let decimals: String = decimals.chars().take(6).collect();
            let decimals = decimals.trim_end_matches('0');
            if decimals.is_empty() { whole.to_owned() } else { format!("{whole}.{decimals}") }
        }
        _ => text.to_owned(),
    }
}

/// `PT10H20M30.5S` as a time of day or a duration: `10:20:30.5`.
fn clock_of(text: &str) -> Option<String> {
    let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let seconds = without_noise(&rest.strip_suffix('S')?.replace(',', "."));
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    seconds.parse::<f64>().ok()?;
    let padded = if seconds.find('.').unwrap_or(seconds.len()) < 2 { "0" } else { "" };
    Some(format!("{hours:02}:{minutes:02}:{padded}{seconds}"))
}

fn unreadable(name: &str, cause: &dyn std::error::Error) -> Error {
    // What the library says is for developers; a few words of it may still help.
    let cause: String = cause.to_string().chars().filter(|letter| !letter.is_control()).take(200).collect();
    Error::new(ErrorKind::Source, format!("`{name}` cannot be read as a workbook: {cause}"))
        .hint("open it in a spreadsheet program and save it as xlsx")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_clocks() {
        for (text, clock) in [
            ("PT10H20M30S", Some("10:20:30")),
            ("PT36H00M00.000000000S", Some("36:00:00")),
            ("PT1H2M3.50S", Some("01:02:03.5")),
            ("P1D", None),
            ("PT1H", None),
            ("", None),
        ] {
            assert_eq!(clock_of(text).as_deref(), clock);
        }
        assert_eq!(without_noise("2024-03-01T10:20:30.000000000"), "2024-03-01T10:20:30");
        assert_eq!(without_noise("2024-03-01T10:20:30.123456789"), "2024-03-01T10:20:30.123456");
        assert_eq!(without_noise("2024-03-01"), "2024-03-01");
    }
}
