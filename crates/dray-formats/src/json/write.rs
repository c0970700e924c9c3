//! Writes JSON: an array with one record on each line, or just the lines.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray};
use dray_model::Result;
use dray_model::value::{ValueType, append_text};

use super::parse::{Walker, is_number};
use super::text::append_compact;
use crate::write::{FLUSH_BYTES, Output, OutputColumn, RowWriter, check_columns};

/// A JSON file that is being written.
pub(crate) struct JsonWriter {
    columns: Vec<OutputColumn>,
    /// What stands before each value: brace or comma, name, colon.
    prefixes: Vec<Vec<u8>>,
    is_document: bool,
    has_rows: bool,
    out: Output,
    text: Vec<u8>,
}

/// A column of one batch, looked at once so that its cells need little thought.
enum Column<'a> {
    /// Text of which no byte needs an escape.
    Clean(&'a StringArray),
    Text(&'a StringArray),
    Decimal(&'a StringArray),
    Json(&'a StringArray),
    /// Numbers and booleans, whose texts are JSON.
    Literal(ValueType, &'a dyn Array),
    /// Dates and times, whose texts go into quotes.
    Quoted(ValueType, &'a dyn Array),
}

impl JsonWriter {
    /// Writes a document, or lines where `is_document` is false.
    pub(crate) fn new(columns: Vec<OutputColumn>, is_document: bool, out: Box<dyn Write + Send>) -> Self {
        let prefix = |(index, column): (usize, &OutputColumn)| {
            let mut prefix = if index == 0 { b"{".to_vec() } else { b",".to_vec() };
            append_string(&column.name, &mut prefix);
            prefix.push(b':');
            prefix
        };
        let prefixes = columns.iter().enumerate().map(prefix).collect();
        let text = Vec::with_capacity(FLUSH_BYTES * 2);
        Self { columns, prefixes, is_document, has_rows: false, out: Output::new(out), text }
    }

    fn begin_row(&mut self) {
        if self.is_document {
            self.text.extend_from_slice(if self.has_rows { b",\n" } else { b"[\n" });
        }
        self.has_rows = true;
    }
}

impl RowWriter for JsonWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        check_columns(&self.columns, batch)?;
        let columns: Vec<Column<'_>> = self
            .columns
            .iter()
            .zip(batch.columns())
            .map(|(column, array)| look_at(column.value_type, array.as_ref()))
            .collect();
        let mut scratch = String::new();
        for row in 0..batch.num_rows() {
            self.begin_row();
            for (column, prefix) in columns.iter().zip(&self.prefixes) {
                self.text.extend_from_slice(prefix);
                append_cell(column, row, &mut scratch, &mut self.text);
            }
            self.text.extend_from_slice(if columns.is_empty() { b"{}" } else { b"}" });
            if !self.is_document {
                self.text.push(b'\n');
            }
            if self.text.len() >= FLUSH_BYTES {
                self.out.flush_text(&mut self.text)?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.is_document {
            self.text.extend_from_slice(if self.has_rows { b"\n]\n" } else { b"[]\n" });
        }
        self.out.finish(&mut self.text)
    }
}

fn look_at(value_type: ValueType, array: &dyn Array) -> Column<'_> {
    match value_type {
        ValueType::Text | ValueType::Uuid => {
            let array = array.as_string::<i32>();
            let from = array.value_offsets().first().map_or(0, |&offset| offset as usize);
            let to = array.value_offsets().last().map_or(0, |&offset| offset as usize);
            let needs_escapes = has_special_bytes(array.value_data().get(from..to).unwrap_or_default());
            if needs_escapes { Column::Text(array) } else { Column::Clean(array) }
        }
        ValueType::Decimal => Column::Decimal(array.as_string::<i32>()),
        ValueType::Json => Column::Json(array.as_string::<i32>()),
        ValueType::Integer | ValueType::Boolean => Column::Literal(value_type, array),
        ValueType::Date | ValueType::DateTime | ValueType::Time => Column::Quoted(value_type, array),
    }
}

fn append_cell(column: &Column<'_>, row: usize, scratch: &mut String, out: &mut Vec<u8>) {
    let array: &dyn Array = match column {
        Column::Clean(array) | Column::Text(array) | Column::Decimal(array) | Column::Json(array) => array,
        Column::Literal(_, array) | Column::Quoted(_, array) => *array,
    };
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match column {
        Column::Clean(array) => {
            out.push(b'"');
            out.extend_from_slice(array.value(row).as_bytes());
            out.push(b'"');
        }
        Column::Text(array) => append_string(array.value(row), out),
        Column::Decimal(array) if is_number(array.value(row).as_bytes()) => {
            out.extend_from_slice(array.value(row).as_bytes());
        }
        // A JSON text that is itself a string stays JSON text within a string: read again, it would
        // otherwise lose its quotes.
        Column::Json(array) if is_json(array.value(row).as_bytes()) && !array.value(row).starts_with('"') => {
            append_compact(array.value(row).as_bytes(), out);
        }
        // What is not what it should be is still text.
        Column::Decimal(array) | Column::Json(array) => append_string(array.value(row), out),
        Column::Literal(value_type, array) => {
            scratch.clear();
            append_text(*value_type, *array, row, scratch);
            out.extend_from_slice(scratch.as_bytes());
        }
        Column::Quoted(value_type, array) => {
            scratch.clear();
            append_text(*value_type, *array, row, scratch);
            out.push(b'"');
            out.extend_from_slice(scratch.as_bytes());
            out.push(b'"');
        }
    }
}

/// The text without the blanks between its parts; `None` where it is not one JSON value.
pub(crate) fn compact_json(text: &[u8]) -> Option<Vec<u8>> {
    if std::str::from_utf8(text).is_err() || !is_json(text) {
        return None;
    }
    let mut compact = Vec::with_capacity(text.len());
    append_compact(text, &mut compact);
    Some(compact)
}

/// True where the whole text is one JSON value.
fn is_json(text: &[u8]) -> bool {
    let mut walker = Walker::new(text, 0);
    walker.value().is_ok() && walker.peek().is_none()
}

#[inline]
fn needs_escape(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

pub(crate) fn has_special_bytes(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<16>();
    blocks.iter().any(|block| block.iter().fold(false, |found, &byte| found | needs_escape(byte)))
        || rest.iter().any(|&byte| needs_escape(byte))
}

/// Appends a JSON string.
pub(crate) fn append_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if !needs_escape(byte) {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}
