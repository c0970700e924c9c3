//! Writes CSV: a header, commas, LF; quotes only where they are needed; null is an empty cell.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray};
use dray_model::Result;
use dray_model::value::{ValueType, append_text};

use super::quote::{Quoting, append_quoted, has_blank_edge};
use crate::write::{FLUSH_BYTES, Output, OutputColumn, RowWriter, check_columns};

const DELIMITER: u8 = b',';

/// A CSV file that is being written.
pub(crate) struct CsvWriter {
    columns: Vec<OutputColumn>,
    out: Output,
    text: Vec<u8>,
    quoting: Quoting,
}

/// A column of one batch, looked at once so that its cells need little thought.
enum Column<'a> {
    /// Text without any byte that has a meaning of its own in CSV.
    Clean(&'a StringArray),
    /// Text of which some cells may need quotes.
    Text(&'a StringArray),
    /// Numbers, dates and the like, whose texts never need quotes.
    Typed(ValueType, &'a dyn Array),
}

impl CsvWriter {
    pub(crate) fn new(columns: Vec<OutputColumn>, out: Box<dyn Write + Send>) -> Self {
        let quoting = Quoting::new(DELIMITER);
        let mut text = Vec::with_capacity(FLUSH_BYTES * 2);
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                text.push(DELIMITER);
            }
            quoting.append(column.name.as_bytes(), &mut text);
        }
        end_row(0, columns.len(), &mut text);
        Self { columns, out: Output::new(out), text, quoting }
    }

    fn look_at<'a>(&self, value_type: ValueType, array: &'a dyn Array) -> Column<'a> {
        if !value_type.is_text() {
            return Column::Typed(value_type, array);
        }
        let array = array.as_string::<i32>();
        let from = array.value_offsets().first().map_or(0, |&offset| offset as usize);
        let to = array.value_offsets().last().map_or(0, |&offset| offset as usize);
        let values = array.value_data().get(from..to).unwrap_or_default();
        if self.quoting.has_special_bytes(values) { Column::Text(array) } else { Column::Clean(array) }
    }
}

impl RowWriter for CsvWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        check_columns(&self.columns, batch)?;
        let columns: Vec<Column<'_>> = self
            .columns
            .iter()
            .zip(batch.columns())
            .map(|(column, array)| self.look_at(column.value_type, array.as_ref()))
            .collect();
        let mut typed_text = String::new();
        for row in 0..batch.num_rows() {
            let row_start = self.text.len();
            for (index, column) in columns.iter().enumerate() {
                if index > 0 {
                    self.text.push(DELIMITER);
                }
                match column {
                    Column::Clean(array) if array.is_valid(row) => {
                        let cell = array.value(row).as_bytes();
                        if has_blank_edge(cell) {
                            append_quoted(cell, &mut self.text);
                        } else {
                            self.text.extend_from_slice(cell);
                        }
                    }
                    Column::Text(array) if array.is_valid(row) => {
                        self.quoting.append(array.value(row).as_bytes(), &mut self.text);
                    }
                    Column::Typed(value_type, array) => {
                        typed_text.clear();
                        append_text(*value_type, *array, row, &mut typed_text);
                        self.text.extend_from_slice(typed_text.as_bytes());
                    }
                    Column::Clean(_) | Column::Text(_) => {}
                }
            }
            end_row(row_start, columns.len(), &mut self.text);
            if self.text.len() >= FLUSH_BYTES {
                self.out.flush_text(&mut self.text)?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.out.finish(&mut self.text)
    }
}

/// Ends a row. A row of one empty cell would be a blank line, which is no row, so it gets quotes.
fn end_row(row_start: usize, columns: usize, text: &mut Vec<u8>) {
    if columns == 1 && text.len() == row_start {
        text.extend_from_slice(b"\"\"");
    }
    text.push(b'\n');
}
