//! Collects decoded values as columns of text, as many rows as a batch may have.

use arrow_array::{Array, BinaryViewArray, RecordBatch, StringArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use dray_model::problem::ProblemCode;
use dray_model::{Error, Result};

use super::nested::{JsonWriting, append_json};
use super::scalar::{Leaf, Said, append_value};
use super::schema::{Column, Shape};
use crate::cells::CellFault;
use crate::json::compact_json;
use crate::options::ReadLimits;

/// What is worth telling once about a whole column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Note {
    /// Times finer than a microsecond.
    Shortened,
    /// Bytes that are no text.
    Encoded,
    /// Numbers that are none.
    NotANumber,
}

/// The cells of one column, lying one behind the other.
struct ColumnText {
    offsets: Vec<i32>,
    values: Vec<u8>,
}

/// The rows of a batch in the making.
pub(super) struct BatchText {
    texts: Vec<ColumnText>,
    rows: usize,
    pub(super) faults: Vec<CellFault>,
    /// Columns by index, and what is to be told about them.
    pub(super) notes: Vec<(usize, Note)>,
}

impl BatchText {
    pub(super) fn new(columns: usize) -> Self {
        let texts = (0..columns).map(|_| ColumnText { offsets: vec![0], values: Vec::new() }).collect();
        Self { texts, rows: 0, faults: Vec::new(), notes: Vec::new() }
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The size of all cells.
    pub(super) fn bytes(&self) -> usize {
        self.texts.iter().map(|text| text.values.len()).sum()
    }

    /// Appends rows of decoded columns from `at` on, up to `most_rows`, and ends early where the batch has
    /// reached its size. Returns how many were appended, one at least.
    pub(super) fn append(
        &mut self,
        columns: &[Column],
        decoded: &RecordBatch,
        at: usize,
        most_rows: usize,
        limits: &ReadLimits,
    ) -> usize {
        let most_bytes = limits.batch_bytes.saturating_sub(self.bytes()).max(1);
        let mut rows = rows_within(columns, decoded, at, most_rows, most_bytes, limits);
        // What lists and the like come to is known only once they are written, so they come first.
        for is_nested in [true, false] {
            for (index, column) in columns.iter().enumerate() {
                if matches!(column.shape, Shape::Leaf(_)) == is_nested {
                    continue;
                }
                let cells = Cells { column, index, columns: columns.len(), at, rows, first_row: self.rows };
                let Some(text) = self.texts.get_mut(index) else { continue };
                let mut found = Found { faults: &mut self.faults, notes: &mut self.notes };
                rows = cells.append(decoded.column(index).as_ref(), most_bytes, limits, text, &mut found);
            }
        }
        self.rows += rows;
        let end = self.rows;
        for text in &mut self.texts {
            text.offsets.truncate(end + 1);
            text.values.truncate(text.offsets.last().map_or(0, |&end| end as usize));
        }
        self.faults.retain(|fault| fault.index < end * columns.len());
        rows
    }

    /// The columns, empty cells as nulls. Text that is not UTF-8 becomes a fault.
    pub(super) fn finish(mut self) -> Result<(Vec<StringArray>, Vec<CellFault>)> {
        let mut arrays = Vec::with_capacity(self.texts.len());
        let columns = self.texts.len();
        for (index, text) in self.texts.into_iter().enumerate() {
            let values = Buffer::from_vec(text.values);
            let array = string_array(text.offsets.clone(), values.clone())
                .or_else(|_| repaired(&text.offsets, &values, index, columns, &mut self.faults))
                .map_err(|cause| Error::source("the cells of a column are not text").because(cause))?;
            arrays.push(array);
        }
        self.faults.sort_by_key(|fault| fault.index);
        Ok((arrays, self.faults))
    }
}

/// How many rows come to no more than `most_bytes` of text, as far as that can be seen beforehand; one at
/// least.
fn rows_within(
    columns: &[Column],
    decoded: &RecordBatch,
    at: usize,
    most_rows: usize,
    most_bytes: usize,
    limits: &ReadLimits,
) -> usize {
    let rows = most_rows.min(decoded.num_rows().saturating_sub(at));
    let mut sizes = vec![0_u64; rows];
    for (column, array) in columns.iter().zip(decoded.columns()) {
        let Some(array) = array.as_any().downcast_ref::<BinaryViewArray>() else { continue };
        if matches!(column.shape, Shape::Leaf(_)) {
            for (size, view) in sizes.iter_mut().zip(array.views().iter().skip(at)) {
                // The lowest 32 bits of a view are the length.
                let length = u64::from(*view as u32);
                *size += if length > limits.max_cell_bytes as u64 { 0 } else { length };
            }
        }
    }
    let mut total = 0_u64;
    let mut fits = |size: &u64| {
        total += size;
        total <= most_bytes as u64
    };
    sizes.iter().take_while(|size| fits(size)).count().max(1).min(rows)
}

/// The cells of one column that are to be appended.
struct Cells<'a> {
    column: &'a Column,
    index: usize,
    columns: usize,
    at: usize,
    rows: usize,
    first_row: usize,
}

/// Where faults and notes go.
struct Found<'a> {
    faults: &'a mut Vec<CellFault>,
    notes: &'a mut Vec<(usize, Note)>,
}

impl Cells<'_> {
    /// Appends the cells; returns how many there was room for, one at least.
    fn append(
        &self,
        array: &dyn Array,
        most_bytes: usize,
        limits: &ReadLimits,
        text: &mut ColumnText,
        found: &mut Found<'_>,
    ) -> usize {
        if array.data_type().is_null() {
            text.offsets.resize(text.offsets.len() + self.rows, text.values.len() as i32);
            return self.rows;
        }
        match &self.column.shape {
            Shape::Leaf(Leaf::Text) => {
                self.append_texts(array, limits, text, found);
                self.rows
            }
            Shape::Leaf(leaf) => {
                self.append_leaves(*leaf, array, limits, text, found);
                self.rows
            }
            shape => self.append_nested(shape, array, most_bytes, limits, text, found),
        }
    }

    fn append_texts(
        &self,
        array: &dyn Array,
        limits: &ReadLimits,
        text: &mut ColumnText,
        found: &mut Found<'_>,
    ) {
        let views = array.as_any().downcast_ref::<BinaryViewArray>();
        for row in 0..self.rows {
            if array.is_valid(self.at + row) {
                let value = match views {
                    Some(views) => views.value(self.at + row),
                    None => super::scalar::bytes_of(array, self.at + row),
                };
                if value.len() > limits.max_cell_bytes {
                    self.too_large(row, value.len(), limits, found);
                } else {
                    text.values.extend_from_slice(value);
                }
            }
            text.offsets.push(text.values.len() as i32);
        }
    }

    fn append_leaves(
        &self,
        leaf: Leaf,
        array: &dyn Array,
        limits: &ReadLimits,
        text: &mut ColumnText,
        found: &mut Found<'_>,
    ) {
        let mut scratch = String::new();
        for row in 0..self.rows {
            if array.is_valid(self.at + row) {
                let begin = text.values.len();
                let mut said = append_value(leaf, array, self.at + row, &mut text.values, &mut scratch);
                let cell = text.values.get(begin..).unwrap_or_default();
                let size = cell.len();
                if leaf == Leaf::Json && size <= limits.max_cell_bytes {
                    match compact_json(cell) {
                        Some(compact) => {
                            text.values.truncate(begin);
                            text.values.extend_from_slice(&compact);
                        }
                        None => {
                            said = Said::Unfit(ProblemCode::InvalidJson, "the column says that it is JSON");
                        }
                    }
                }
                if size > limits.max_cell_bytes {
                    self.too_large(row, size, limits, found);
                    text.values.truncate(begin);
                } else {
                    self.hear(said, row, begin, text, found);
                }
            }
            text.offsets.push(text.values.len() as i32);
        }
    }

    fn hear(&self, said: Said, row: usize, begin: usize, text: &mut ColumnText, found: &mut Found<'_>) {
        match said {
            Said::Exactly => {}
            Said::Unfit(code, message) => {
                let cell = text.values.get(begin..).unwrap_or_default();
                let value = Some(String::from_utf8_lossy(cell).into_owned());
                found.faults.push(CellFault {
                    index: self.cell(row),
                    code,
                    value,
                    message: message.to_owned(),
                });
                text.values.truncate(begin);
            }
            Said::NotANumber => {
                text.values.truncate(begin);
                found.note(self.index, Note::NotANumber);
            }
            Said::Shortened => found.note(self.index, Note::Shortened),
            Said::Encoded => found.note(self.index, Note::Encoded),
        }
    }

    fn append_nested(
        &self,
        shape: &Shape,
        array: &dyn Array,
        most_bytes: usize,
        limits: &ReadLimits,
        text: &mut ColumnText,
        found: &mut Found<'_>,
    ) -> usize {
        let first = text.values.len();
        let (mut scratch, mut cell) = (String::new(), Vec::new());
        for row in 0..self.rows {
            let begin = text.values.len();
            if row > 0 && begin - first > most_bytes {
                return row;
            }
            if array.is_valid(self.at + row) {
                let index = self.index;
                let mut tell = |said: Said| match said {
                    Said::Shortened => found.note(index, Note::Shortened),
                    Said::Encoded => found.note(index, Note::Encoded),
                    Said::NotANumber => found.note(index, Note::NotANumber),
                    Said::Exactly | Said::Unfit(..) => {}
                };
                let mut writing = JsonWriting {
                    most_bytes: begin + limits.max_cell_bytes + 1,
                    tell: &mut tell,
                    scratch: &mut scratch,
                    cell: &mut cell,
                };
                append_json(shape, array, self.at + row, &mut text.values, &mut writing);
                let size = text.values.len() - begin;
                if size > limits.max_cell_bytes {
                    self.too_large(row, size, limits, found);
                    text.values.truncate(begin);
                }
            }
            text.offsets.push(text.values.len() as i32);
        }
        self.rows
    }

    fn too_large(&self, row: usize, size: usize, limits: &ReadLimits, found: &mut Found<'_>) {
        let message =
            format!("the cell has {size} bytes or more; at most {} are read", limits.max_cell_bytes);
        let code = ProblemCode::CellTooLarge;
        found.faults.push(CellFault { index: self.cell(row), code, value: None, message });
    }

    fn cell(&self, row: usize) -> usize {
        (self.first_row + row) * self.columns + self.index
    }
}

impl Found<'_> {
    fn note(&mut self, column: usize, note: Note) {
        if !self.notes.contains(&(column, note)) {
            self.notes.push((column, note));
        }
    }
}

fn string_array(
    offsets: Vec<i32>,
    values: Buffer,
) -> std::result::Result<StringArray, arrow_schema::ArrowError> {
    let has_text =
        BooleanBuffer::collect_bool(offsets.len() - 1, |row| offsets.get(row) < offsets.get(row + 1));
    let nulls = Some(NullBuffer::new(has_text)).filter(|nulls| nulls.null_count() > 0);
    StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(offsets)), values, nulls)
}

/// The same column with U+FFFD for what is no text.
fn repaired(
    offsets: &[i32],
    values: &[u8],
    column: usize,
    columns: usize,
    faults: &mut Vec<CellFault>,
) -> std::result::Result<StringArray, arrow_schema::ArrowError> {
    let (mut texts, mut ends) = (Vec::with_capacity(values.len()), vec![0]);
    for (row, pair) in offsets.windows(2).enumerate() {
        let (start, end) = (pair.first().copied().unwrap_or(0), pair.last().copied().unwrap_or(0));
        let cell = values.get(start as usize..end as usize).unwrap_or_default();
        let text = String::from_utf8_lossy(cell);
        if std::str::from_utf8(cell).is_err() {
            faults.push(CellFault {
                index: row * columns + column,
                code: ProblemCode::InvalidEncoding,
                value: Some(text.clone().into_owned()),
                message: "the column says that it is text, and the bytes are not UTF-8".to_owned(),
            });
        }
        texts.extend_from_slice(text.as_bytes());
        ends.push(i32::try_from(texts.len()).unwrap_or(i32::MAX));
    }
    string_array(ends, Buffer::from_vec(texts))
}
