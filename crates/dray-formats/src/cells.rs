//! The cells of a batch as positions in the text they were read from, and the Arrow columns made of them.

use std::borrow::Cow;

use arrow_array::StringArray;
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use dray_model::problem::ProblemCode;
use dray_model::{Error, Result};

/// One cell: a stretch of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    start: u32,
    end: u32,
}

/// Marks, in a cell's start, that what the cell says is not what its bytes are.
const REWRITE: u32 = 1 << 31;

impl Cell {
    /// The cell of a row that ends before it.
    pub(crate) const MISSING: Self = Self { start: 0, end: 0 };

    /// The bytes from `start` to `end`.
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        debug_assert!(end < REWRITE as usize, "the limits keep a batch far below 2 GiB");
        Self { start: start as u32, end: end as u32 }
    }

    /// Where the cell begins.
    #[inline]
    pub(crate) fn start(self) -> usize {
        (self.start & !REWRITE) as usize
    }

    /// Where it ends.
    #[inline]
    pub(crate) fn end(self) -> usize {
        self.end as usize
    }

    /// Its size in the source; what it says is never longer.
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.end() - self.start()
    }

    /// True where a [`Rewrite`] must work out what the cell says.
    #[inline]
    pub(crate) fn needs_rewrite(self) -> bool {
        self.start & REWRITE != 0
    }

    /// The same cell, rewritten.
    #[inline]
    pub(crate) fn rewritten(self) -> Self {
        Self { start: self.start | REWRITE, end: self.end }
    }
}

/// Works out what the bytes of a cell say: without quotes, escapes and the like.
pub(crate) trait Rewrite {
    /// Appends it; never more bytes than given.
    fn append_said(&self, source: &[u8], out: &mut Vec<u8>);
}

impl<F: Fn(&[u8], &mut Vec<u8>)> Rewrite for F {
    fn append_said(&self, source: &[u8], out: &mut Vec<u8>) {
        self(source, out);
    }
}

/// Cells whose text is decided already, by index, in rising order.
pub(crate) type Replacements = Vec<(usize, Vec<u8>)>;

/// The cells of a batch, row after row, and the text they point into.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) cells: &'a [Cell],
    pub(crate) columns: usize,
    pub(crate) rewrite: &'a dyn Rewrite,
}

/// What is wrong with one cell.
pub(crate) struct CellFault {
    /// Index of the cell in its batch.
    pub(crate) index: usize,
    pub(crate) code: ProblemCode,
    pub(crate) value: Option<String>,
    pub(crate) message: String,
}

/// Short cells are copied as one block of this size, which is faster than copying just their bytes.
const BLOCK: usize = 16;

impl Cells<'_> {
    /// The bytes a cell says.
    pub(crate) fn bytes(&self, cell: Cell) -> Cow<'_, [u8]> {
        let source = self.text.get(cell.start()..cell.end()).unwrap_or_default();
        if !cell.needs_rewrite() {
            return source.into();
        }
        let mut said = Vec::new();
        self.rewrite.append_said(source, &mut said);
        said.into()
    }

    /// Finds cells that are larger than allowed (they become empty) or no UTF-8 (U+FFFD stands where
    /// it is not). `file_offset` is where in the source the text begins.
    pub(crate) fn find_faults(
        &self,
        max_cell_bytes: usize,
        file_offset: u64,
    ) -> (Vec<CellFault>, Replacements) {
        let (mut faults, mut replacements) = (Vec::new(), Replacements::new());
        let may_be_large = self.text.len() > max_cell_bytes;
        let is_text = std::str::from_utf8(self.text).is_ok();
        if is_text && !may_be_large {
            return (faults, replacements);
        }
        for (index, &cell) in self.cells.iter().enumerate() {
            let source = self.text.get(cell.start()..cell.end()).unwrap_or_default();
            if source.len() > max_cell_bytes {
                let message =
                    format!("the cell has {} bytes; at most {max_cell_bytes} are read", source.len());
                faults.push(CellFault { index, code: ProblemCode::CellTooLarge, value: None, message });
                replacements.push((index, Vec::new()));
                continue;
            }
            if is_text {
                continue;
            }
            let Err(wrong) = std::str::from_utf8(source) else { continue };
            let at = file_offset + (cell.start() + wrong.valid_up_to()) as u64;
            let value = String::from_utf8_lossy(&self.bytes(cell)).into_owned();
            let message =
                format!("the bytes at offset {at} of the file are not UTF-8; save the file as UTF-8");
            faults.push(CellFault {
                index,
                code: ProblemCode::InvalidEncoding,
                value: Some(value.clone()),
                message,
            });
            replacements.push((index, value.into_bytes()));
        }
        (faults, replacements)
    }

    /// All columns. Empty cells become nulls.
    pub(crate) fn columns(&self, replacements: &Replacements) -> Result<Vec<StringArray>> {
        if replacements.is_empty() {
            return (0..self.columns).map(|column| self.column(column, replacements)).collect();
        }
        // A replaced cell is found by its index, for which it must ask to be rewritten.
        let mut cells = self.cells.to_vec();
        for (index, _) in replacements {
            cells[*index] = cells[*index].rewritten();
        }
        let marked = Cells { cells: &cells, ..*self };
        (0..self.columns).map(|column| marked.column(column, replacements)).collect()
    }

    fn column(&self, column: usize, replacements: &Replacements) -> Result<StringArray> {
        let rows = self.cells.len() / self.columns;
        let column_cells = || self.cells.iter().skip(column).step_by(self.columns);
        let replaced = replacements.iter().filter(|(index, _)| index % self.columns == column);
        let size: usize = column_cells().map(|cell| cell.len()).sum();
        let size_replaced: usize = replaced.map(|(_, text)| text.len()).sum();
        let mut values = vec![0_u8; size + size_replaced + BLOCK];
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0_i32);
        let mut length = 0;
        let mut said = Vec::new();
        for (row, &cell) in column_cells().enumerate() {
            let size = cell.len();
            let source = self.text.get(cell.start()..).and_then(|rest| rest.first_chunk::<BLOCK>());
            let target = values.get_mut(length..).and_then(|rest| rest.first_chunk_mut::<BLOCK>());
            match (source, target) {
                _ if cell.needs_rewrite() => {
                    let index = row * self.columns + column;
                    said.clear();
                    match replacements.binary_search_by_key(&index, |(at, _)| *at) {
                        Ok(found) => said.extend_from_slice(&replacements[found].1),
                        Err(_) => self.rewrite.append_said(&self.text[cell.start()..cell.end()], &mut said),
                    }
                    values[length..length + said.len()].copy_from_slice(&said);
                    length += said.len();
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
