//! The rows of a pipeline's file with its columns as properties: CSV and Excel as text, JSON as JSON, Parquet
//! by its own types (spec section 1).

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use arrow_array::{Array, StringArray};
use dray_engine::expression::types::{FloatType, IntType, is_property_name};
use dray_engine::expression::{Json, Property, Type};
use dray_engine::pipeline::name::{letters_of, property_name};
use dray_engine::pipeline::normalize::Raw;
use dray_formats::{HeaderRow, ParquetKind, open_named, open_text, parquet_columns, sheet_names};
use dray_model::batch::RawRows;
use dray_model::flow::{FailedRowFormat, RowSource};
use dray_model::problem::{Severity, shown};
use dray_model::{Error, Result};

use super::format_settings::{FileFormat, FormatSettings, Packing};
use super::json_rows::JsonRows;

/// JSON records of a batch.
const JSON_ROWS: usize = 1_000;
/// Bytes of JSON records of a batch; whole records always.
const JSON_BYTES: usize = 4 << 20;
/// Bytes by which packed files are known.
const MAGIC_BYTES: u64 = 16;

/// A file and how it is read.
#[derive(Debug, Clone)]
pub struct FileAsked<'f> {
    /// Its name for people.
    pub name: &'f str,
    /// Where it lies on this machine.
    pub path: &'f Path,
    /// Its format.
    pub format: FileFormat,
    /// How that is read.
    pub settings: &'f FormatSettings,
    /// The sheet of a workbook.
    pub sheet: Option<&'f str>,
    /// How it is packed.
    pub packing: Packing,
}

/// Why a file has no rows to give.
#[derive(Debug)]
pub enum OpenFault {
    /// It is not packed as it is said to be, or not as it can be read.
    Packing(String),
    /// It has no such sheet.
    NoSheet(String),
    /// It has no columns, or columns whose names cannot be used.
    NoColumns(String),
    /// It cannot be read.
    Unreadable(Error),
}

impl OpenFault {
    /// What is wrong, for people.
    pub fn message(&self) -> String {
        match self {
            Self::Packing(message) | Self::NoSheet(message) | Self::NoColumns(message) => message.clone(),
            Self::Unreadable(error) => told(error),
        }
    }
}

/// An error with its hint.
pub fn told(error: &Error) -> String {
    match &error.hint {
        Some(hint) => format!("{}: {hint}", error.message),
        None => error.message.clone(),
    }
}

impl From<Error> for OpenFault {
    fn from(error: Error) -> Self {
        Self::Unreadable(error)
    }
}

/// The rows of a file.
pub struct FileRows {
    /// Its columns.
    pub columns: Vec<Property>,
    /// What there is to say about columns that are left out.
    pub issues: Vec<String>,
    reader: Reader,
}

enum Reader {
    Table {
        source: Box<dyn RowSource>,
        /// For each property the index of its column in the source.
        places: Vec<usize>,
        /// A cell without a value is an empty text.
        is_text: bool,
        trim: bool,
        /// The separator of CSV, where rows with too few cells are to be found out.
        separator: Option<char>,
    },
    Json {
        rows: JsonRows,
        next_row: u64,
    },
}

/// Some rows of a file.
pub struct RowBatch {
    /// The number of the first, from 1.
    pub first_row: u64,
    /// The physical line of each.
    pub lines: Vec<u64>,
    /// Each as it was read.
    pub raw: RawRows,
    /// Why a row cannot be taken for one.
    pub broken: Vec<Option<String>>,
    cells: Cells,
}

enum Cells {
    Text { columns: Vec<StringArray>, is_text: bool, trim: bool },
    Json(Vec<Vec<Option<Json>>>),
}

impl RowBatch {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The raw value of a row's column.
    pub fn value(&self, row: usize, column: usize) -> Raw<'_> {
        match &self.cells {
            Cells::Text { columns, is_text, trim } => match columns.get(column) {
                Some(cells) if row < cells.len() && cells.is_valid(row) => {
                    Raw::Text(if *trim { trimmed(cells.value(row)) } else { cells.value(row) })
                }
                Some(_) if *is_text => Raw::Text(""),
                Some(_) => Raw::Null,
                None => Raw::Missing,
            },
            Cells::Json(rows) => match rows.get(row).and_then(|row| row.get(column)) {
                Some(Some(json)) => Raw::Json(json),
                _ => Raw::Missing,
            },
        }
    }
}

/// A cell without the blanks it begins with; quotes behind them are quotes after all.
fn trimmed(cell: &str) -> &str {
    let rest = cell.trim_start();
    if rest.len() == cell.len() {
        return cell;
    }
    rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(rest)
}

impl FileRows {
    /// Opens a file.
    pub fn open(asked: &FileAsked<'_>) -> std::result::Result<Self, OpenFault> {
        check_packing(asked)?;
        if asked.file()?.metadata().is_ok_and(|about| about.len() == 0) {
            return Err(OpenFault::NoColumns(format!("`{}` has no columns: it is empty", asked.name)));
        }
        match asked.format {
            FileFormat::Csv | FileFormat::Excel => Self::open_table(asked),
            FileFormat::Json => {
                let options = asked.settings.read_options(asked.format, None, HeaderRow::None);
                let text = open_text(asked.name, asked.file()?, &options)?;
                let column = |property: &super::format_settings::JsonProperty| Property {
                    read_optional: !property.required,
                    ..Property::new(property.name.clone(), Type::Json)
                };
                Ok(Self {
                    columns: asked.settings.properties.iter().map(column).collect(),
                    issues: Vec::new(),
                    reader: Reader::Json { rows: JsonRows::new(asked.name, text), next_row: 1 },
                })
            }
            FileFormat::Parquet => Self::open_parquet(asked),
        }
    }

    fn open_table(asked: &FileAsked<'_>) -> std::result::Result<Self, OpenFault> {
        if asked.format == FileFormat::Excel {
            check_sheet(asked)?;
        }
        let open = |header| {
            let options = asked.settings.read_options(asked.format, asked.sheet, header);
            open_named(asked.name, asked.file()?, &options)
        };
        // The first row as it is: readers would tell equal names apart and give names to nameless columns.
        let mut source = open(HeaderRow::None)?;
        let first = loop {
            match source.next_batch()? {
                Some(batch) if batch.is_empty() => {}
                other => break other,
            }
        };
        let Some(first) = first else {
            return Err(OpenFault::NoColumns(format!("`{}` has no columns: it is empty", asked.name)));
        };
        let cells: Vec<String> = first
            .columns
            .iter()
            .map(|column| if column.is_valid(0) { column.value(0).to_owned() } else { String::new() })
            .collect();
        let width = match asked.settings.number_of_columns {
            0 => cells.len(),
            said if said == cells.len() => said,
            said => {
                let message = format!("`{}` has {} columns, not {said}", asked.name, cells.len());
                return Err(OpenFault::NoColumns(message));
            }
        };
        let mut columns = Vec::with_capacity(width);
        let header = if asked.settings.has_column_names {
            for cell in &cells {
                let cell = if asked.settings.trim_leading_space { trimmed(cell) } else { cell };
                let cell = cell.trim_start_matches('\u{feff}');
                let Some(name) = property_name(cell) else {
                    let shown = shown(cell);
                    let message =
                        format!("the column `{shown}` of `{}` has a name no property can have", asked.name);
                    return Err(OpenFault::NoColumns(message));
                };
                let mut property = Property::new(name, Type::string());
                if asked.format == FileFormat::Excel && property.name != cell {
                    cell.clone_into(&mut property.description);
                }
                columns.push(property);
            }
            HeaderRow::Row(first.lines.first().copied().unwrap_or(1).max(1))
        } else {
            columns.extend((0..width).map(|index| Property::new(letters_of(index), Type::string())));
            HeaderRow::None
        };
        for (index, column) in columns.iter().enumerate() {
            if columns.iter().take(index).any(|known| known.name == column.name) {
                let message = format!("two columns of `{}` have the name `{}`", asked.name, column.name);
                return Err(OpenFault::NoColumns(message));
            }
        }
        Ok(Self {
            reader: Reader::Table {
                source: open(header)?,
                places: (0..columns.len()).collect(),
                is_text: true,
                trim: asked.settings.trim_leading_space,
                separator: (asked.format == FileFormat::Csv).then_some(asked.settings.separator),
            },
            columns,
            issues: Vec::new(),
        })
    }

    fn open_parquet(asked: &FileAsked<'_>) -> std::result::Result<Self, OpenFault> {
        let options = asked.settings.read_options(asked.format, None, HeaderRow::None);
        let (mut columns, mut places, mut issues) = (Vec::new(), Vec::new(), Vec::new());
        for (place, column) in parquet_columns(asked.name, asked.file()?, &options)?.into_iter().enumerate() {
            let shown = shown(&column.name);
            if !is_property_name(&column.name) {
                issues.push(format!("the column `{shown}` is left out: no property can have its name"));
                continue;
            }
            let Some(kind) = type_of(column.kind) else {
                issues.push(format!("the column `{shown}` is left out: values of its type are not read"));
                continue;
            };
            places.push(place);
            columns.push(Property { nullable: true, ..Property::new(column.name, kind) });
        }
        if columns.is_empty() {
            let message = format!("`{}` has no columns that can be read", asked.name);
            return Err(OpenFault::NoColumns(message));
        }
        let source = open_named(asked.name, asked.file()?, &options)?;
        let reader = Reader::Table { source, places, is_text: false, trim: false, separator: None };
        Ok(Self { columns, issues, reader })
    }

    /// How rejected rows of the file are written.
    pub fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        match &self.reader {
            Reader::Table { source, .. } => source.failed_rows(),
            Reader::Json { .. } => Box::new(JsonFailed),
        }
    }

    /// The next rows, or `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<RowBatch>> {
        match &mut self.reader {
            Reader::Table { source, places, is_text, trim, separator } => loop {
                let Some(mut batch) = source.next_batch()? else { return Ok(None) };
                if batch.is_empty() {
                    continue;
                }
                let mut broken = vec![None; batch.len()];
                for problem in &batch.problems {
                    let index = problem.row_number.wrapping_sub(batch.first_row);
                    let slot = usize::try_from(index).ok().and_then(|index| broken.get_mut(index));
                    if let (Some(slot), Severity::Error) = (slot, problem.severity) {
                        slot.get_or_insert_with(|| problem.message.clone());
                    }
                }
                if let (Some(separator), Some(last)) = (*separator, batch.columns.last()) {
                    for (row, slot) in broken.iter_mut().enumerate() {
                        if last.is_null(row) && slot.is_none() {
                            let cells = count_cells(batch.raw.row(row), separator);
                            if cells < batch.columns.len() {
                                let wanted = batch.columns.len();
                                *slot = Some(format!("the row has {cells} cells in place of {wanted}"));
                            }
                        }
                    }
                }
                let mut columns: Vec<Option<StringArray>> = batch.columns.drain(..).map(Some).collect();
                let taken = places.iter().filter_map(|place| columns.get_mut(*place)?.take()).collect();
                return Ok(Some(RowBatch {
                    first_row: batch.first_row,
                    lines: batch.lines,
                    raw: batch.raw,
                    broken,
                    cells: Cells::Text { columns: taken, is_text: *is_text, trim: *trim },
                }));
            },
            Reader::Json { rows, next_row } => {
                let (mut lines, mut raw, mut records) = (Vec::new(), RawRows::default(), Vec::new());
                while lines.len() < JSON_ROWS && raw.bytes.len() < JSON_BYTES {
                    let Some(row) = rows.next_row()? else { break };
                    lines.push(row.line);
                    let begin = raw.bytes.len();
                    raw.bytes.extend_from_slice(&row.raw);
                    raw.ranges.push(begin..raw.bytes.len());
                    let member = |column: &Property| row.record.member(&column.name).cloned();
                    records.push(self.columns.iter().map(member).collect());
                }
                if lines.is_empty() {
                    return Ok(None);
                }
                let first_row = *next_row;
                *next_row += lines.len() as u64;
                let broken = vec![None; lines.len()];
                Ok(Some(RowBatch { first_row, lines, raw, broken, cells: Cells::Json(records) }))
            }
        }
    }
}

impl FileAsked<'_> {
    fn file(&self) -> Result<File> {
        File::open(self.path).map_err(|why| {
            Error::file(format!("`{}` cannot be opened", self.name))
                .hint("try again")
                .because(why)
                .retryable()
        })
    }
}

/// The sheets of a workbook that a pipeline can name.
pub fn sheets(asked: &FileAsked<'_>) -> std::result::Result<Vec<String>, OpenFault> {
    check_packing(asked)?;
    let options = asked.settings.read_options(FileFormat::Excel, None, HeaderRow::None);
    let names = sheet_names(asked.name, asked.file()?, &options)?;
    Ok(names.into_iter().filter(|name| super::definition::check_sheet(name).is_ok()).collect())
}

fn check_sheet(asked: &FileAsked<'_>) -> std::result::Result<(), OpenFault> {
    let Some(wanted) = asked.sheet else { return Ok(()) };
    let options = asked.settings.read_options(FileFormat::Excel, None, HeaderRow::None);
    let names = sheet_names(asked.name, asked.file()?, &options)?;
    if names.iter().any(|name| name.to_lowercase() == wanted.to_lowercase()) {
        return Ok(());
    }
    let known = shown(&names.join("`, `"));
    Err(OpenFault::NoSheet(format!("`{}` has no sheet `{wanted}`: its sheets are `{known}`", asked.name)))
}

fn check_packing(asked: &FileAsked<'_>) -> std::result::Result<(), OpenFault> {
    let mut first = Vec::new();
    let read = asked.file()?.take(MAGIC_BYTES).read_to_end(&mut first);
    read.map_err(|why| Error::file(format!("`{}` cannot be read: {why}", asked.name)).hint("try again"))?;
    if asked.packing.fits(&first) {
        return Ok(());
    }
    let packing = asked.packing.name();
    Err(OpenFault::Packing(format!("`{}` is not packed with {packing}", asked.name)))
}

fn type_of(kind: ParquetKind) -> Option<Type> {
    Some(match kind {
        ParquetKind::Boolean => Type::Boolean,
        ParquetKind::Int { bits, unsigned } => Type::Int(IntType::full(bits, unsigned)),
        ParquetKind::Float { bits } => {
            Type::Float(FloatType { bit_size: bits, real: false, minimum: None, maximum: None })
        }
        ParquetKind::Decimal { precision, scale } if (1..=76).contains(&precision) && scale <= 37 => {
            Type::decimal(precision.max(scale), scale)
        }
        ParquetKind::Text => Type::string(),
        ParquetKind::Date => Type::Date,
        ParquetKind::Time => Type::Time,
        ParquetKind::DateTime => Type::DateTime,
        ParquetKind::Uuid => Type::Uuid,
        ParquetKind::Json => Type::Json,
        ParquetKind::Decimal { .. } | ParquetKind::Unsupported => return None,
    })
}

/// How many cells a row of CSV has.
fn count_cells(row: &[u8], separator: char) -> usize {
    let mut place = [0; 4];
    let separator = separator.encode_utf8(&mut place).as_bytes();
    let (mut cells, mut in_quotes, mut at) = (1, false, 0);
    while let Some(&byte) = row.get(at) {
        if byte == b'"' {
            in_quotes = !in_quotes;
        } else if !in_quotes && row.get(at..).is_some_and(|rest| rest.starts_with(separator)) {
            cells += 1;
            at += separator.len();
            continue;
        }
        at += 1;
    }
    cells
}

/// Rejected JSON records: one on each line, with the reasons as members.
struct JsonFailed;

impl FailedRowFormat for JsonFailed {
    fn begin(&self, _out: &mut Vec<u8>) {}

    fn row(&self, raw: &[u8], notes: [&str; 4], out: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(raw);
        let body = text.trim().strip_suffix('}').unwrap_or(&text).trim_end();
        out.extend(
            body.chars()
                .map(|letter| if letter == '\n' || letter == '\r' { ' ' } else { letter })
                .collect::<String>()
                .bytes(),
        );
        for (name, note) in dray_model::flow::FAILED_COLUMNS.iter().zip(notes) {
            if !out.ends_with(b"{") {
                out.push(b',');
            }
            out.extend_from_slice(serde_json::Value::from(*name).to_string().as_bytes());
            out.push(b':');
            out.extend_from_slice(serde_json::Value::from(note).to_string().as_bytes());
        }
        out.extend_from_slice(b"}\n");
    }
}
