//! Writes delimited text: a header, commas, LF, and quotes only where they are needed, unless it is asked
//! for otherwise; null is an empty cell.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch, StringArray};
use dray_model::value::{ValueType, append_text, text_of};
use dray_model::{Error, Result};

use super::quote::{Quoting, append_quoted, has_blank_edge, is_in_typed_text};
use crate::dates::DateFormat;
use crate::encode::TextEncoder;
use crate::guard::{guarded, looks_guarded, needs_guard};
use crate::options::{FormulaGuard, LineEnd, QuoteStyle, WriteOptions};
use crate::write::{FLUSH_BYTES, Output, OutputColumn, RowWriter, check_columns};

/// A text file that is being written.
pub(crate) struct CsvWriter {
    columns: Vec<OutputColumn>,
    out: Output,
    /// What was not handed on yet.
    text: Vec<u8>,
    style: Style,
    encoder: Option<TextEncoder>,
    encoded: Vec<u8>,
    /// Rows of the batches before.
    rows: u64,
}

/// How cells look.
struct Style {
    quoting: Quoting,
    delimiter: u8,
    quotes: QuoteStyle,
    line_end: &'static [u8],
    guard: FormulaGuard,
    dates: Option<DateFormat>,
    /// Numbers and dates may contain what has a meaning.
    checks_typed: bool,
}

/// A column of one batch, looked at once so that its cells need little thought.
enum Column<'a> {
    /// Text without any byte that has a meaning of its own.
    Clean(&'a StringArray),
    /// Text of which some cells may need quotes.
    Text(&'a StringArray),
    /// Text of which some cells get an apostrophe in front.
    Dangerous(&'a StringArray),
    /// Text of which every cell gets quotes.
    Quoted(&'a StringArray),
    /// Numbers, dates and the like, whose texts need no quotes.
    Typed(ValueType, &'a dyn Array),
    /// The same where they may need them, or get them anyway.
    Written(ValueType, &'a dyn Array),
}

impl CsvWriter {
    /// Writes with this delimiter unless the options have another.
    pub(crate) fn new(
        columns: Vec<OutputColumn>,
        delimiter: u8,
        options: &WriteOptions,
        out: Box<dyn Write + Send>,
    ) -> Result<Self> {
        let text = &options.text;
        let delimiter = text.delimiter.unwrap_or(delimiter);
        if !delimiter.is_ascii() || matches!(delimiter, b'"' | b'\n' | b'\r') {
            return Err(Error::request(
                "the delimiter must be an ASCII character, and no quote or line break",
            )
            .hint("use a comma, a semicolon, a tab or a bar"));
        }
        let dates = options.date_format.as_deref().map(DateFormat::parse).transpose()?;
        let encoder = text.encoding.as_deref().map(TextEncoder::new).transpose()?.flatten();
        let style = Style {
            quoting: Quoting::new(delimiter),
            delimiter,
            quotes: text.quotes,
            line_end: match text.line_end {
                LineEnd::LineFeed => b"\n",
                LineEnd::CarriageReturnLineFeed => b"\r\n",
            },
            guard: options.formula_guard,
            checks_typed: dates.is_some() || is_in_typed_text(delimiter),
            dates,
        };
        let mut writer = Self {
            columns,
            out: Output::new(out),
            text: Vec::with_capacity(FLUSH_BYTES * 2),
            style,
            encoder,
            encoded: Vec::new(),
            rows: 0,
        };
        if text.byte_order_mark {
            writer.encoder.as_ref().map_or(Ok(()), TextEncoder::check_mark)?;
            writer.text.extend_from_slice("\u{feff}".as_bytes());
        }
        if options.header {
            writer.append_header();
            writer.encode(None, false)?;
        }
        Ok(writer)
    }

    fn append_header(&mut self) {
        let begin = self.text.len();
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                self.text.push(self.style.delimiter);
            }
            let name = guarded(&column.name, self.style.guard);
            if self.style.quotes == QuoteStyle::Needed {
                self.style.quoting.append(name.as_bytes(), &mut self.text);
            } else {
                append_quoted(name.as_bytes(), &mut self.text);
            }
        }
        self.style.end_row(begin, self.columns.len(), &mut self.text);
    }

    /// Encodes the text so far, which is that of the header or of some rows of one batch.
    fn encode(&mut self, batch: Option<(&RecordBatch, usize)>, is_last: bool) -> Result<()> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        let text = String::from_utf8_lossy(&self.text);
        let encoded = encoder.encode(&text, is_last, &mut self.encoded);
        let name = encoder.name();
        encoded.map_err(|missing| self.unencodable(missing, name, batch))?;
        self.text.clear();
        Ok(())
    }

    /// Says where the character stands. The text ends with the row before `end`.
    fn unencodable(&self, character: char, encoding: &str, batch: Option<(&RecordBatch, usize)>) -> Error {
        let code = u32::from(character);
        let place = match batch.and_then(|(batch, end)| self.find_cell(character, batch, end)) {
            Some((row, column)) => format!("row {row}, column `{column}`"),
            None => "the header".to_owned(),
        };
        let message =
            format!("{place} has the character `{character}` (U+{code:04X}), which {encoding} does not have");
        Error::request(message).hint("write UTF-8, or leave the record or column out")
    }

    /// The first cell with a character among the rows before `end` of a batch.
    fn find_cell(&self, character: char, batch: &RecordBatch, end: usize) -> Option<(u64, &str)> {
        (0..end).find_map(|row| {
            let has_it = |(column, array): &(&OutputColumn, &arrow_array::ArrayRef)| {
                text_of(column.value_type, array.as_ref(), row).is_some_and(|text| text.contains(character))
            };
            let (column, _) = self.columns.iter().zip(batch.columns()).find(has_it)?;
            Some((self.rows + row as u64 + 1, column.name.as_str()))
        })
    }

    fn flush(&mut self) -> Result<()> {
        let text = if self.encoder.is_some() { &mut self.encoded } else { &mut self.text };
        self.out.flush_text(text)
    }
}

impl RowWriter for CsvWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        check_columns(&self.columns, batch)?;
        let look_at = |(column, array)| {
            let (column, array): (&OutputColumn, &arrow_array::ArrayRef) = (column, array);
            self.style.look_at(column.value_type, array.as_ref())
        };
        let columns: Vec<Column<'_>> = self.columns.iter().zip(batch.columns()).map(look_at).collect();
        let mut scratch = String::new();
        for row in 0..batch.num_rows() {
            self.style.append_row(&columns, row, &mut scratch, &mut self.text);
            if self.text.len() >= FLUSH_BYTES {
                self.encode(Some((batch, row + 1)), false)?;
                self.flush()?;
            }
        }
        self.encode(Some((batch, batch.num_rows())), false)?;
        self.rows += batch.num_rows() as u64;
        if self.encoded.len() >= FLUSH_BYTES { self.flush() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.encode(None, true)?;
        let text = if self.encoder.is_some() { &mut self.encoded } else { &mut self.text };
        self.out.finish(text)
    }
}

impl Style {
    fn look_at<'a>(&self, value_type: ValueType, array: &'a dyn Array) -> Column<'a> {
        let is_dated = self.dates.is_some() && matches!(value_type, ValueType::Date | ValueType::DateTime);
        if !value_type.is_text() {
            let is_plain = !is_dated && !self.checks_typed && self.quotes != QuoteStyle::All;
            return if is_plain {
                Column::Typed(value_type, array)
            } else {
                Column::Written(value_type, array)
            };
        }
        let array = array.as_string::<i32>();
        let from = array.value_offsets().first().map_or(0, |&offset| offset as usize);
        let to = array.value_offsets().last().map_or(0, |&offset| offset as usize);
        let values = array.value_data().get(from..to).unwrap_or_default();
        if value_type == ValueType::Text && self.is_dangerous(array, values) {
            return Column::Dangerous(array);
        }
        if self.gets_quotes(value_type) {
            return Column::Quoted(array);
        }
        if self.quoting.has_special_bytes(values) { Column::Text(array) } else { Column::Clean(array) }
    }

    /// True where some cells must get an apostrophe. `values` is all their text.
    fn is_dangerous(&self, array: &StringArray, values: &[u8]) -> bool {
        match self.guard {
            FormulaGuard::Off => false,
            FormulaGuard::On => array.iter().flatten().any(needs_guard),
            // Hardly any column has an apostrophe at all, so that is looked for first.
            FormulaGuard::LookAlikes => {
                memchr::memchr(b'\'', values).is_some() && array.iter().flatten().any(looks_guarded)
            }
        }
    }

    /// True where cells of this type get quotes whether they need them or not.
    fn gets_quotes(&self, value_type: ValueType) -> bool {
        match self.quotes {
            QuoteStyle::Needed => false,
            QuoteStyle::All => true,
            QuoteStyle::Text => matches!(value_type, ValueType::Text | ValueType::Uuid | ValueType::Json),
        }
    }

    fn append_row(&self, columns: &[Column<'_>], row: usize, scratch: &mut String, text: &mut Vec<u8>) {
        let begin = text.len();
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                text.push(self.delimiter);
            }
            match column {
                Column::Clean(array) if array.is_valid(row) => {
                    let cell = array.value(row).as_bytes();
                    if has_blank_edge(cell) {
                        append_quoted(cell, text);
                    } else {
                        text.extend_from_slice(cell);
                    }
                }
                Column::Text(array) if array.is_valid(row) => {
                    self.quoting.append(array.value(row).as_bytes(), text);
                }
                Column::Dangerous(array) if array.is_valid(row) => {
                    self.append(ValueType::Text, guarded(array.value(row), self.guard).as_bytes(), text);
                }
                Column::Quoted(array) if array.is_valid(row) => {
                    append_quoted(array.value(row).as_bytes(), text);
                }
                Column::Typed(value_type, array) => {
                    scratch.clear();
                    append_text(*value_type, *array, row, scratch);
                    text.extend_from_slice(scratch.as_bytes());
                }
                Column::Written(value_type, array) if array.is_valid(row) => {
                    scratch.clear();
                    self.append_typed(*value_type, *array, row, scratch);
                    self.append(*value_type, scratch.as_bytes(), text);
                }
                // Null.
                _ => {}
            }
        }
        self.end_row(begin, columns.len(), text);
    }

    fn append(&self, value_type: ValueType, cell: &[u8], text: &mut Vec<u8>) {
        if self.gets_quotes(value_type) {
            append_quoted(cell, text);
        } else {
            self.quoting.append(cell, text);
        }
    }

    fn append_typed(&self, value_type: ValueType, array: &dyn Array, row: usize, text: &mut String) {
        match (&self.dates, value_type) {
            (Some(format), ValueType::Date) => {
                format.append_date(i64::from(array.as_primitive::<Date32Type>().value(row)), text);
            }
            (Some(format), ValueType::DateTime) => {
                format.append_datetime(array.as_primitive::<TimestampMicrosecondType>().value(row), text);
            }
            _ => {
                append_text(value_type, array, row, text);
            }
        }
    }

    /// Ends a row. A row of one empty cell would be a blank line, which is no row, so it gets quotes.
    fn end_row(&self, begin: usize, columns: usize, text: &mut Vec<u8>) {
        if columns == 1 && text.len() == begin {
            text.extend_from_slice(b"\"\"");
        }
        text.extend_from_slice(self.line_end);
    }
}
