//! Writes xlsx: typed cells, real dates, a header that stays in sight, lists where the choices are few.
//! Rows go to a temporary file as they come, so memory does not grow with the table.

use std::borrow::Cow;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use dray_model::value::{ValueType, append_text, text_of};
use dray_model::{Error, ErrorKind, Result};
use rust_xlsxwriter::{DataValidation, Format, Formula, Workbook, Worksheet, XlsxError};

use super::address::{MAX_COLUMNS, MAX_ROWS, column_name};
use super::choice::{FIRST_SHEET, MAX_SHEET_NAME_UNITS, cut, numbered};
use super::serial::{serial_of_day, serial_of_time};
use crate::guard::guarded;
use crate::options::{FormulaGuard, WriteOptions};
use crate::write::{OutputColumn, RowWriter, check_columns};

/// The digits a spreadsheet program keeps; longer numbers are written as text, which loses none.
const EXACT_DIGITS: usize = 15;
const FIRST_INEXACT: i64 = 1_000_000_000_000_000;

/// The longest text of a cell, in the units of UTF-16.
const MAX_CELL_UNITS: usize = 32_767;

/// The longest list of choices that stands in the rule itself; a longer one stands on a hidden sheet.
const MAX_LIST_UNITS: usize = 255;

/// How many rows decide how wide a column is, and how wide it may be.
const ROWS_MEASURED: usize = 500;
const NARROWEST: usize = 8;
const WIDEST: usize = 60;

const CHOICES_SHEET: &str = "Choices";

/// A workbook that is being written.
pub(super) struct XlsxWriter {
    workbook: Workbook,
    columns: Vec<OutputColumn>,
    formats: Vec<Option<Format>>,
    has_header: bool,
    guard: FormulaGuard,
    title: String,
    out: Box<dyn Write + Send>,
    /// Data sheets so far, as indexes into the workbook.
    sheets: Vec<usize>,
    next_row: u32,
    rows_written: u64,
    widths: Vec<usize>,
    is_broken: bool,
}

impl XlsxWriter {
    pub(super) fn new(
        columns: Vec<OutputColumn>,
        options: &WriteOptions,
        out: Box<dyn Write + Send>,
    ) -> Result<Self> {
        if columns.len() > MAX_COLUMNS as usize {
            let message = format!("a sheet has at most {MAX_COLUMNS} columns, not {}", columns.len());
            return Err(Error::new(ErrorKind::Limit, message).hint("export fewer columns, or choose CSV"));
        }
        Ok(Self {
            workbook: Workbook::new(),
            formats: columns.iter().map(|column| format_of(column.value_type)).collect(),
            widths: columns.iter().map(|column| column.name.chars().count() + 2).collect(),
            columns,
            has_header: options.header,
            guard: options.formula_guard,
            title: sheet_name(options.title.as_deref().unwrap_or_default()),
            out,
            sheets: Vec::new(),
            next_row: 0,
            rows_written: 0,
            is_broken: false,
        })
    }

    /// Begins the first sheet or one that goes on where the last is full.
    fn begin_sheet(&mut self) -> std::result::Result<(), XlsxError> {
        let number = self.sheets.len() + 1;
        let name = if number == 1 { self.title.clone() } else { numbered(&self.title, number) };
        let index = self.workbook.worksheets().len();
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        for ((column, width), format) in (0_u16..).zip(&self.widths).zip(&self.formats) {
            sheet.set_column_width(column, (*width).clamp(NARROWEST, WIDEST) as f64)?;
            if let Some(format) = format {
                sheet.set_column_format(column, format)?;
            }
        }
        if self.has_header {
            sheet.set_freeze_panes(1, 0)?;
            let bold = Format::new().set_bold();
            for (column, output) in (0_u16..).zip(&self.columns) {
                sheet.write_string_with_format(0, column, &output.name, &bold)?;
            }
        }
        self.next_row = u32::from(self.has_header);
        self.sheets.push(index);
        self.offer_choices(index)
    }

    /// Lets people choose where there are choices, in all rows of the sheet: also in those to come.
    fn offer_choices(&mut self, index: usize) -> std::result::Result<(), XlsxError> {
        for (column, output) in (0_u16..).zip(&self.columns.clone()) {
            if output.choices.is_empty() {
                continue;
            }
            let units: usize = output.choices.iter().map(|choice| choice.encode_utf16().count() + 1).sum();
            let fits = units <= MAX_LIST_UNITS && !output.choices.iter().any(|choice| choice.contains(','));
            let rule = if fits {
                DataValidation::new().allow_list_strings(&output.choices)?
            } else {
                let count = output.choices.len().min(MAX_ROWS as usize);
                let letters = column_name(u32::from(column));
                let list = format!("={CHOICES_SHEET}!${letters}$1:${letters}${count}");
                DataValidation::new().allow_list_formula(Formula::new(list))
            };
            let sheet = self.workbook.worksheet_from_index(index)?;
            sheet.add_data_validation(u32::from(self.has_header), column, MAX_ROWS - 1, column, &rule)?;
            if !fits && self.sheets.len() == 1 {
                self.list_choices(column, &output.choices)?;
            }
        }
        Ok(())
    }

    /// Writes the choices of a column to the hidden sheet, in the column of the same letters.
    fn list_choices(&mut self, column: u16, choices: &[String]) -> std::result::Result<(), XlsxError> {
        let is_there = self.workbook.worksheets().iter().any(|sheet| sheet.name() == CHOICES_SHEET);
        if !is_there {
            self.workbook.add_worksheet().set_name(CHOICES_SHEET)?.set_hidden(true);
        }
        let sheet = self.workbook.worksheet_from_name(CHOICES_SHEET)?;
        for (row, choice) in (0..MAX_ROWS).zip(choices) {
            sheet.write_string(row, column, choice)?;
        }
        Ok(())
    }

    /// Looks how wide the texts of the first rows are.
    fn measure(&mut self, batch: &RecordBatch) {
        let rows = batch.num_rows().min(ROWS_MEASURED);
        for ((width, column), array) in self.widths.iter_mut().zip(&self.columns).zip(batch.columns()) {
            for row in 0..rows {
                let text = text_of(column.value_type, array.as_ref(), row).unwrap_or_default();
                let longest = text.lines().next().map_or(0, |line| line.chars().take(WIDEST).count());
                *width = (*width).max(longest + 2);
            }
        }
    }

    fn write_batch(&mut self, batch: &RecordBatch) -> std::result::Result<(), Refusal> {
        if self.sheets.is_empty() {
            self.measure(batch);
            self.begin_sheet()?;
        }
        let mut row = 0;
        while row < batch.num_rows() {
            if self.next_row == MAX_ROWS {
                self.begin_sheet()?;
            }
            let room = (MAX_ROWS - self.next_row) as usize;
            let rows = row..batch.num_rows().min(row + room);
            row = rows.end;
            let sheet = self.workbook.worksheet_from_index(self.sheets.last().copied().unwrap_or(0))?;
            let mut text = String::new();
            for batch_row in rows {
                for ((column, output), array) in (0_u16..).zip(&self.columns).zip(batch.columns()) {
                    text.clear();
                    let place = (self.next_row, column);
                    let cell = CellOf { output, array: array.as_ref(), row: batch_row };
                    cell.write(sheet, place, self.guard, &mut text)
                        .map_err(|cause| Refusal::of_cell(cause, &output.name, self.rows_written + 1))?;
                }
                self.next_row += 1;
                self.rows_written += 1;
            }
        }
        Ok(())
    }

    /// Runs one step. The library panics where its temporary file cannot be written, which happens to
    /// whoever runs out of disk; that must not end more than this file.
    fn guarded_step(
        &mut self,
        step: impl FnOnce(&mut Self) -> std::result::Result<(), Refusal>,
    ) -> Result<()> {
        if self.is_broken {
            return Err(cannot_keep_rows());
        }
        let result = catch_unwind(AssertUnwindSafe(|| step(self)));
        self.is_broken = !matches!(result, Ok(Ok(())));
        match result {
            Ok(result) => result.map_err(Refusal::into_error),
            Err(_) => Err(cannot_keep_rows()),
        }
    }
}

impl RowWriter for XlsxWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        check_columns(&self.columns, batch)?;
        self.guarded_step(|writer| writer.write_batch(batch))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.guarded_step(|writer| {
            if writer.sheets.is_empty() {
                writer.begin_sheet()?;
            }
            writer.workbook.save_to_writer(&mut writer.out)?;
            writer.out.flush().map_err(XlsxError::IoError)?;
            Ok(())
        })
    }
}

/// One cell to be written.
struct CellOf<'a> {
    output: &'a OutputColumn,
    array: &'a dyn Array,
    row: usize,
}

impl CellOf<'_> {
    /// Writes the cell at `place`. What a number of a sheet cannot hold is written as text.
    #[inline]
    fn write(
        &self,
        sheet: &mut Worksheet,
        (sheet_row, column): (u32, u16),
        guard: FormulaGuard,
        text: &mut String,
    ) -> std::result::Result<(), XlsxError> {
        let Self { output, array, row } = *self;
        if array.is_null(row) {
            return Ok(());
        }
        let number = match output.value_type {
            ValueType::Integer => {
                let value = array.as_primitive::<Int64Type>().value(row);
                (-FIRST_INEXACT < value && value < FIRST_INEXACT).then_some(value as f64)
            }
            ValueType::Decimal => exact_number(array.as_string::<i32>().value(row)),
            ValueType::Date => serial_of_day(i64::from(array.as_primitive::<Date32Type>().value(row))),
            ValueType::Time => serial_of_time(array.as_primitive::<Time64MicrosecondType>().value(row)),
            ValueType::DateTime => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
                let (day, of_day) = (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY));
                serial_of_day(day).zip(serial_of_time(of_day)).map(|(day, of_day)| day + of_day)
            }
            ValueType::Boolean => {
                sheet.write_boolean(sheet_row, column, array.as_boolean().value(row))?;
                return Ok(());
            }
            ValueType::Text | ValueType::Uuid | ValueType::Json => None,
        };
        if let Some(number) = number {
            sheet.write_number(sheet_row, column, number)?;
            return Ok(());
        }
        append_text(output.value_type, array, row, text);
        let is_people_text = output.value_type == ValueType::Text;
        let shown = if is_people_text { guarded(text, guard) } else { Cow::Borrowed(text.as_str()) };
        sheet.write_string(sheet_row, column, shown.as_ref())?;
        Ok(())
    }
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The number a decimal is, where a spreadsheet program keeps all its digits.
fn exact_number(decimal: &str) -> Option<f64> {
    let digits = decimal.bytes().filter(u8::is_ascii_digit).skip_while(|&digit| digit == b'0').count();
    (digits <= EXACT_DIGITS && decimal.len() <= 2 * EXACT_DIGITS).then(|| decimal.parse().ok())?
}

/// How numbers of this type are shown.
fn format_of(value_type: ValueType) -> Option<Format> {
    let code = match value_type {
        ValueType::Date => "yyyy-mm-dd",
        ValueType::DateTime => "yyyy-mm-dd hh:mm:ss",
        ValueType::Time => "hh:mm:ss",
        _ => return None,
    };
    Some(Format::new().set_num_format(code))
}

/// A name that spreadsheet programs accept for a sheet.
fn sheet_name(title: &str) -> String {
    let allowed =
        |letter: char| !letter.is_control() && !matches!(letter, '*' | '?' | ':' | '[' | ']' | '\\' | '/');
    let name: String = title.chars().map(|letter| if allowed(letter) { letter } else { ' ' }).collect();
    let name = cut(name.trim().trim_matches('\''), MAX_SHEET_NAME_UNITS);
    let is_taken = name.eq_ignore_ascii_case(CHOICES_SHEET) || name.eq_ignore_ascii_case("history");
    if name.is_empty() || is_taken { FIRST_SHEET.to_owned() } else { name }
}

/// Why a workbook cannot be written.
enum Refusal {
    Library(XlsxError),
    Cell(Error),
}

impl From<XlsxError> for Refusal {
    fn from(cause: XlsxError) -> Self {
        Self::Library(cause)
    }
}

impl Refusal {
    fn of_cell(cause: XlsxError, column: &str, row_number: u64) -> Self {
        match cause {
            XlsxError::MaxStringLengthExceeded => {
                let message = format!(
                    "the text in column `{column}` of row {row_number} is longer than the {MAX_CELL_UNITS} characters a cell of a workbook holds"
                );
                Self::Cell(
                    Error::new(ErrorKind::Limit, message).hint("export the table as CSV, JSON or Parquet"),
                )
            }
            other => Self::Library(other),
        }
    }

    fn into_error(self) -> Error {
        match self {
            Self::Cell(error) => error,
            Self::Library(XlsxError::TempFileError(_, cause)) => cannot_keep_rows().because(cause),
            Self::Library(cause @ (XlsxError::IoError(_) | XlsxError::ZipError(_))) => {
                Error::file("writing the file failed")
                    .hint("check that there is room on the disk and the receiver still listens")
                    .because(cause)
            }
            Self::Library(cause) => Error::request("the workbook cannot be written").because(cause),
        }
    }
}

#[cold]
fn cannot_keep_rows() -> Error {
    Error::file("the rows cannot be kept in a temporary file")
        .hint("free some space, or set TMPDIR to a directory with room")
}
