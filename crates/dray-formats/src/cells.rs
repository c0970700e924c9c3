//! Turns the cells of a batch into Arrow columns.

use arrow_array::StringArray;
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use dray_model::{Error, Result};

use super::scan::{Cell, append_cell};

/// Short cells are copied as one block of this size, which is faster than copying just their bytes.
const BLOCK: usize = 16;

/// Cells whose text is not what the source says, by index, in rising order.
pub(super) type Replacements = Vec<(usize, Vec<u8>)>;

/// The cells of a batch, row after row, and the text they point into.
pub(super) struct Cells<'a> {
    pub(super) text: &'a [u8],
    pub(super) cells: &'a [Cell],
    pub(super) columns: usize,
    pub(super) replacements: &'a Replacements,
}

impl Cells<'_> {
    /// The text of one cell.
    pub(super) fn append(&self, index: usize, out: &mut Vec<u8>) {
        match self.replacements.binary_search_by_key(&index, |(at, _)| *at) {
            Ok(found) => out.extend_from_slice(&self.replacements[found].1),
            Err(_) => append_cell(self.text, self.cells[index], out),
        }
    }

    /// One column. Empty cells become nulls.
    pub(super) fn column(&self, column: usize) -> Result<StringArray> {
        let rows = self.cells.len() / self.columns;
        let column_cells = || self.cells.iter().skip(column).step_by(self.columns);
        let in_column = |index: usize| index % self.columns == column;
        let replaced = self.replacements.iter().filter(|(index, _)| in_column(*index));
        let size: usize = column_cells().map(|cell| cell.len()).sum();
        let size_replaced: usize = replaced.map(|(_, text)| text.len()).sum();
        let mut values = vec![0_u8; size + size_replaced + BLOCK];
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0_i32);
        let mut length = 0;
        let mut rewritten = Vec::new();
        for (row, &cell) in column_cells().enumerate() {
            let size = cell.len();
            let source = self.text.get(cell.start()..).and_then(|rest| rest.first_chunk::<BLOCK>());
            let target = values.get_mut(length..).and_then(|rest| rest.first_chunk_mut::<BLOCK>());
            match (source, target) {
                _ if cell.needs_rewrite() => {
                    rewritten.clear();
                    self.append(row * self.columns + column, &mut rewritten);
                    values[length..length + rewritten.len()].copy_from_slice(&rewritten);
                    length += rewritten.len();
                }
                (Some(source), Some(target)) if size <= BLOCK => {
                    *target = *source;
                    length += size;
                }
                _ => {
                    values[length..length + size].copy_from_slice(&self.text[cell.start()..cell.end()]);
                    length += size;
                }
            }
            offsets.push(length as i32);
        }
        values.truncate(length);
        string_array(offsets, values)
    }
}

/// Makes a column of texts lying one behind the other; empty ones become nulls.
fn string_array(offsets: Vec<i32>, values: Vec<u8>) -> Result<StringArray> {
    let has_text = BooleanBuffer::collect_bool(offsets.len() - 1, |row| offsets[row] < offsets[row + 1]);
    let nulls = Some(NullBuffer::new(has_text)).filter(|nulls| nulls.null_count() > 0);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    StringArray::try_new(offsets, Buffer::from_vec(values), nulls)
        .map_err(|cause| Error::source("the cells of a column are not text").because(cause))
}
