//! Reads one sheet of an xlsx workbook as a stream: memory is one row, and the texts that cells share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dray_model::{Error, ErrorKind, Result};

use super::address::{Area, MAX_COLUMNS, MAX_ROWS, cell_name, parse_column, parse_row};
use super::choice::{Glance, SheetInfo, candidates, choose, no_cells};
use super::number::append_stored;
use super::package::{Package, damaged, unpacks_to_too_much};
use super::row::{Content, Noticed, SheetReader, SheetRow};
use super::serial::{Epoch, NumberKind, append_moment};
use super::strings::{SharedStrings, no_xml, trim_from, unescape_from};
use super::styles::read_styles;
use super::workbook::{Workbook, main_part, read_workbook};
use super::xml::{Tag, Token, XmlReader};
use crate::options::ReadLimits;

/// The most merged cells and hidden columns kept to tell about them.
const MAX_NOTICED: usize = 100_000;

/// How often a text that cells share may come, on the average, for each byte of the file.
const SHARED_RATIO: u64 = 10;

/// A sheet that is being read.
struct XlsxSheet {
    package: Arc<Package>,
    /// The parts of all sheets, and that of the one being read.
    parts: Vec<String>,
    part: String,
    xml: XmlReader,
    progress: Arc<AtomicU64>,
    /// What was read before the sheet.
    bytes_before: u64,
    values: Values,
    noticed: Noticed,
    row_number: u32,
    in_sheet_data: bool,
    in_row: bool,
    ended: bool,
    max_record_bytes: usize,
    cell: Cell,
}

/// Opens the sheet that is asked for, or the first visible one with a table in it.
pub(super) fn open_xlsx(
    package: Package,
    wanted: Option<&str>,
    stored_cells: bool,
    limits: &ReadLimits,
) -> Result<(Box<dyn SheetReader>, Vec<SheetInfo>, usize)> {
    let package = Arc::new(package);
    let Workbook { sheets, sheet_parts, epoch, strings_part, styles_part } =
        read_workbook(&package, &main_part(&package)?)?;
    let candidates = candidates(package.name(), &sheets, wanted)?;
    let bytes_before = strings_part.as_deref().map_or(0, |part| package.packed_bytes(part));
    let strings = strings_part.map(|part| SharedStrings::read(&package, &part, limits)).transpose()?;
    // Without formats every number is a number.
    let styles_part = styles_part.filter(|_| !stored_cells);
    let values = Values {
        file_name: package.name().to_owned(),
        strings: strings.unwrap_or_default(),
        styles: styles_part.map(|part| read_styles(&package, &part)).transpose()?.unwrap_or_default(),
        epoch,
        stored_cells,
        shared_bytes_left: package
            .file_bytes()
            .saturating_mul(limits.max_unpacked_ratio * SHARED_RATIO)
            .max(ReadLimits::RATIO_FREE_BYTES * SHARED_RATIO),
        moment: String::new(),
    };
    let Some(&first) = candidates.first() else { return Err(no_cells(package.name(), &sheets, wanted)) };
    let name = package.name().to_owned();
    let shared_bytes = values.shared_bytes_left;
    let mut sheet = XlsxSheet::open(package, sheet_parts, first, values, limits)?;
    let mut row = SheetRow::default();
    let chosen = choose(&candidates, |index| {
        sheet.enter(index)?;
        let mut glance = Glance::default();
        while sheet.next_row(&mut row)? && glance.look(row.cells.len()) {}
        Ok(glance)
    })?;
    let Some(chosen) = chosen else { return Err(no_cells(&name, &sheets, wanted)) };
    // What was looked at is read again rather than kept: it is a row or two.
    sheet.enter(chosen)?;
    (sheet.noticed, sheet.bytes_before) = (Noticed::default(), bytes_before);
    sheet.values.shared_bytes_left = shared_bytes;
    Ok((Box::new(sheet), sheets, chosen))
}

/// The names of the sheets, in the order of their tabs.
pub(super) fn sheet_names(package: Package) -> Result<Vec<String>> {
    let workbook = read_workbook(&package, &main_part(&package)?)?;
    Ok(workbook.sheets.into_iter().map(|sheet| sheet.name).collect())
}

/// Opens the part of a sheet; also says where its progress can be seen.
fn open_part(package: &Package, part: &str, max_record_bytes: usize) -> Result<(XmlReader, Arc<AtomicU64>)> {
    let bytes = package.part(part)?;
    let progress = bytes.progress();
    Ok((XmlReader::new(package.name(), Box::new(bytes), max_record_bytes)?, progress))
}

impl XlsxSheet {
    fn open(
        package: Arc<Package>,
        parts: Vec<String>,
        index: usize,
        values: Values,
        limits: &ReadLimits,
    ) -> Result<Self> {
        let part = parts.get(index).cloned().unwrap_or_default();
        let (xml, progress) = open_part(&package, &part, limits.max_record_bytes)?;
        Ok(Self {
            package,
            parts,
            part,
            xml,
            progress,
            bytes_before: 0,
            values,
            noticed: Noticed::default(),
            row_number: 0,
            in_sheet_data: false,
            in_row: false,
            ended: false,
            max_record_bytes: limits.max_record_bytes,
            cell: Cell::default(),
        })
    }

    /// Goes to the top of a sheet.
    fn enter(&mut self, index: usize) -> Result<()> {
        self.part = self.parts.get(index).cloned().unwrap_or_default();
        self.bytes_before += self.progress.load(Ordering::Relaxed);
        (self.xml, self.progress) = open_part(&self.package, &self.part, self.max_record_bytes)?;
        (self.row_number, self.in_sheet_data, self.in_row, self.ended) = (0, false, false, false);
        self.cell = Cell::default();
        Ok(())
    }
}

impl SheetReader for XlsxSheet {
    fn next_row(&mut self, row: &mut SheetRow) -> Result<bool> {
        let Self { xml, values, noticed, cell, .. } = self;
        let name = self.package.name();
        let mut in_reading_aid = false;
        let mut is_hidden = false;
        let mut next_column = 0;
        row.begin(self.row_number);
        while !self.ended {
            match xml.next()? {
                Token::Open(tag) if self.in_sheet_data => match tag.name() {
                    b"c" => {
                        if cell.is_open || !self.in_row {
                            return Err(no_xml(name));
                        }
                        cell.begin(&tag, next_column);
                        if cell.column >= MAX_COLUMNS {
                            return Err(beyond_the_sheet(name));
                        }
                        if cell.column < next_column {
                            return Err(damaged(name, "the cells of a row do not stand in order"));
                        }
                        next_column = cell.column + 1;
                    }
                    b"v" if !cell.is_inline => cell.place = Place::Value,
                    b"is" => {
                        (cell.stored, cell.is_inline) = (Stored::Text, true);
                        cell.value.clear();
                    }
                    b"f" => {
                        cell.has_formula = true;
                        cell.place = Place::Elsewhere;
                    }
                    b"t" if cell.is_inline && !in_reading_aid => {
                        cell.place = Place::Value;
                        cell.keeps_blanks = tag.attribute(b"space") == Some(b"preserve");
                        cell.text_start = cell.value.len();
                    }
                    b"rPh" => in_reading_aid = true,
                    b"row" => {
                        if std::mem::replace(&mut self.in_row, true) {
                            return Err(no_xml(name));
                        }
                        let number = tag.attribute(b"r").and_then(|digits| parse_row(digits.trim_ascii()));
                        let number = number.unwrap_or_else(|| self.row_number.saturating_add(1));
                        if number > MAX_ROWS {
                            return Err(beyond_the_sheet(name));
                        }
                        if number <= self.row_number {
                            return Err(damaged(name, "its rows do not stand in order"));
                        }
                        self.row_number = number;
                        is_hidden = tag.is_set(b"hidden");
                        next_column = 0;
                        row.begin(number);
                    }
                    _ => {}
                },
                Token::Text(text) if cell.place == Place::Value => {
                    let is_xml = text.append_to(&mut cell.value);
                    is_xml.then_some(()).ok_or_else(|| no_xml(name))?;
                    if cell.value.len() > self.max_record_bytes {
                        return Err(row_too_large(name, row.number, self.max_record_bytes));
                    }
                }
                Token::Close(close) if self.in_sheet_data => match close {
                    b"t" => {
                        cell.place = Place::Elsewhere;
                        if !cell.keeps_blanks {
                            trim_from(&mut cell.value, cell.text_start);
                        }
                    }
                    b"v" | b"f" => cell.place = Place::Elsewhere,
                    b"c" => {
                        if !std::mem::take(&mut cell.is_open) {
                            return Err(no_xml(name));
                        }
                        values.push(cell, row)?;
                        if row.len() > self.max_record_bytes {
                            return Err(row_too_large(name, row.number, self.max_record_bytes));
                        }
                    }
                    b"rPh" => in_reading_aid = false,
                    b"row" => {
                        if cell.is_open || !std::mem::take(&mut self.in_row) {
                            return Err(no_xml(name));
                        }
                        if !row.cells.is_empty() {
                            noticed.hidden_rows += u64::from(is_hidden);
                            return Ok(true);
                        }
                    }
                    b"sheetData" => self.in_sheet_data = false,
                    _ => {}
                },
                Token::Open(tag) => match tag.name() {
                    b"sheetData" => self.in_sheet_data = true,
                    b"col" if tag.is_set(b"hidden") && noticed.hidden_columns.len() < MAX_NOTICED => {
                        noticed.hidden_columns.extend(columns_of(&tag));
                    }
                    b"mergeCell" if noticed.merged.len() < MAX_NOTICED => {
                        noticed.merged.extend(tag.attribute(b"ref").and_then(Area::parse));
                    }
                    _ => {}
                },
                Token::End => self.ended = true,
                Token::Text(_) | Token::Close(_) => {}
            }
        }
        Ok(false)
    }

    /// They stand behind the rows, so the sheet is read once more for them. Only headers of several
    /// rows need them beforehand.
    fn merged_cells(&mut self) -> Result<Vec<Area>> {
        let bytes = Box::new(self.package.part(&self.part)?);
        let mut xml = XmlReader::new(self.package.name(), bytes, self.max_record_bytes)?;
        let mut merged = Vec::new();
        loop {
            match xml.next()? {
                Token::Open(tag) if tag.name() == b"mergeCell" && merged.len() < MAX_NOTICED => {
                    merged.extend(tag.attribute(b"ref").and_then(Area::parse));
                }
                Token::End => return Ok(merged),
                _ => {}
            }
        }
    }

    fn go_on_in(&mut self, sheet: usize) -> Result<bool> {
        self.enter(sheet).map(|()| true)
    }

    fn noticed(&self) -> &Noticed {
        &self.noticed
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_before + self.progress.load(Ordering::Relaxed)
    }
}

/// The first and last column a `col` tag is about.
fn columns_of(tag: &Tag<'_>) -> Option<(u32, u32)> {
    Some((parse_row(tag.attribute(b"min")?)? - 1, parse_row(tag.attribute(b"max")?)? - 1))
}

#[cold]
fn beyond_the_sheet(name: &str) -> Error {
    let message =
        format!("`{name}` has a cell beyond row {MAX_ROWS} or column {MAX_COLUMNS}, where no sheet has one");
    Error::new(ErrorKind::Limit, message)
        .hint("open it in a spreadsheet program and save it again, or send the table as CSV")
}

#[cold]
fn row_too_large(name: &str, row_number: u32, limit: usize) -> Error {
    Error::new(ErrorKind::Limit, format!("row {row_number} of `{name}` is larger than {limit} bytes"))
        .hint("check that the sheet is a table; no larger row is read")
}

/// Where in a cell the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Elsewhere,
    Value,
}

/// How the value of a cell is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stored {
    #[default]
    Number,
    Shared,
    Text,
    /// The text of a formula, which may be empty.
    FormulaText,
    Boolean,
    Error,
}

/// The cell that is being read.
#[derive(Debug, Default)]
struct Cell {
    is_open: bool,
    column: u32,
    style: usize,
    stored: Stored,
    has_formula: bool,
    place: Place,
    value: Vec<u8>,
    /// Its text stands in the cell itself, in pieces.
    is_inline: bool,
    /// Whether the piece being read keeps blanks at its ends, and where in the value it begins.
    keeps_blanks: bool,
    text_start: usize,
}

impl Cell {
    #[inline]
    fn begin(&mut self, tag: &Tag<'_>, next_column: u32) {
        (self.column, self.style, self.stored) = (next_column, 0, Stored::Number);
        (self.is_open, self.has_formula, self.is_inline) = (true, false, false);
        self.place = Place::Elsewhere;
        self.value.clear();
        for (name, value) in tag.attributes() {
            match name {
                b"r" => self.column = parse_column(value).map_or(next_column, |(column, _)| column),
                b"s" => self.style = parse_index(value).unwrap_or(0),
                b"t" => {
                    self.stored = match value {
                        b"s" => Stored::Shared,
                        b"str" => Stored::FormulaText,
                        b"inlineStr" | b"d" => Stored::Text,
                        b"b" => Stored::Boolean,
                        b"e" => Stored::Error,
                        _ => Stored::Number,
                    }
                }
                _ => {}
            }
        }
    }
}

#[inline]
fn parse_index(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + usize::from(digit - b'0')))
}

/// What is needed to make texts of values.
struct Values {
    file_name: String,
    strings: SharedStrings,
    styles: Vec<NumberKind>,
    epoch: Epoch,
    /// Booleans are 1 and 0.
    stored_cells: bool,
    /// What shared texts may still be handed out, so that a small file does not keep Dray busy for days.
    shared_bytes_left: u64,
    moment: String,
}

impl Values {
    /// Appends the cell to its row.
    #[inline]
    fn push(&mut self, cell: &mut Cell, row: &mut SheetRow) -> Result<()> {
        let column = cell.column;
        if cell.value.is_empty() {
            if cell.has_formula && cell.stored != Stored::FormulaText {
                row.push(column, Content::NotCalculated, |_| {});
            }
            return Ok(());
        }
        match cell.stored {
            Stored::Number => match self.styles.get(cell.style) {
                None | Some(NumberKind::Number) => row.push(column, Content::Text, |out| {
                    if !append_stored(&cell.value, out) {
                        out.extend_from_slice(&cell.value);
                    }
                }),
                Some(&kind) => self.push_moment(kind, cell, row),
            },
            Stored::Shared => {
                let index = parse_index(cell.value.trim_ascii());
                let Some(text) = index.and_then(|index| self.strings.get(index)) else {
                    let cell = cell_name(column, row.number);
                    return Err(damaged(&self.file_name, &format!("the text of the cell {cell} is missing")));
                };
                let Some(left) = self.shared_bytes_left.checked_sub(text.len() as u64) else {
                    return Err(unpacks_to_too_much(&self.file_name));
                };
                self.shared_bytes_left = left;
                row.push(column, Content::Text, |out| out.extend_from_slice(text));
            }
            Stored::Text | Stored::FormulaText => {
                unescape_from(&mut cell.value, 0);
                row.push(column, Content::Text, |out| out.extend_from_slice(&cell.value));
            }
            Stored::Boolean => row.push(column, Content::Text, |out| {
                out.extend_from_slice(match cell.value.trim_ascii() {
                    b"1" if !self.stored_cells => b"true",
                    b"0" if !self.stored_cells => b"false",
                    other => other,
                });
            }),
            Stored::Error => row.push(column, Content::Error, |out| out.extend_from_slice(&cell.value)),
        }
        Ok(())
    }

    fn push_moment(&mut self, kind: NumberKind, cell: &Cell, row: &mut SheetRow) {
        let serial = std::str::from_utf8(&cell.value).ok().and_then(|text| text.trim().parse().ok());
        self.moment.clear();
        let is_moment =
            serial.is_some_and(|serial| append_moment(serial, kind, self.epoch, &mut self.moment));
        row.push(cell.column, Content::Text, |out| {
            if is_moment {
                out.extend_from_slice(self.moment.as_bytes());
            } else if !append_stored(&cell.value, out) {
                out.extend_from_slice(&cell.value);
            }
        });
    }
}
