//! The cells of a batch as positions in the text they were read from, and the Arrow columns made of them.

use std::borrow::Cow;

use arrow_array::{Array, StringArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use dray_model::problem::ProblemCode;
use dray_model::words::thousands;
use dray_model::{Error, Result};

use crate::guard::unguarded;
use crate::origin::{Origin, UNDECODABLE};
use crate::window::Window;

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

    /// Finds cells that are larger than allowed (they become empty), no UTF-8, or have a NUL in them, which
    /// no store can hold (U+FFFD stands where these are). The text begins where that of `window` does.
    pub(crate) fn find_faults(
        &self,
        max_cell_bytes: usize,
        window: &Window,
    ) -> (Vec<CellFault>, Replacements) {
        let (mut faults, mut replacements) = (Vec::new(), Replacements::new());
        let may_be_large = self.text.len() > max_cell_bytes;
        let is_text = std::str::from_utf8(self.text).is_ok();
        let may_have_nul = memchr::memchr(0, self.text).is_some();
        if is_text && !may_be_large && !may_have_nul {
            return (faults, replacements);
        }
        for (index, &cell) in self.cells.iter().enumerate() {
            let source = self.text.get(cell.start()..cell.end()).unwrap_or_default();
            if source.len() > max_cell_bytes {
                let message = format!(
                    "the cell has {} bytes; at most {} are read",
                    thousands(source.len() as u64),
                    thousands(max_cell_bytes as u64)
                );
                faults.push(CellFault { index, code: ProblemCode::CellTooLarge, value: None, message });
                replacements.push((index, Vec::new()));
                continue;
            }
            let position = |within: usize| window.offset() + (cell.start() + within) as u64;
            let wrong = if is_text { None } else { std::str::from_utf8(source).err() };
            let (code, message) = if let Some(wrong) = wrong {
                let at = wrong.valid_up_to();
                let length = wrong.error_len().unwrap_or(source.len() - at);
                let bytes = source.get(at..at + length).unwrap_or_default();
                (ProblemCode::InvalidEncoding, undecodable(window.origin(), position(at), bytes))
            } else if may_have_nul && let Some(at) = memchr::memchr(0, source) {
                let at = position(at);
                let message =
                    format!("the cell has a NUL character, at offset {at} of the text; take it out");
                (ProblemCode::InvalidCharacter, message)
            } else {
                continue;
            };
            let value = String::from_utf8_lossy(&self.bytes(cell)).replace('\0', "\u{fffd}");
            replacements.push((index, value.clone().into_bytes()));
            faults.push(CellFault { index, code, value: Some(value), message });
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

/// Takes the apostrophes of a formula guard off the cells of a batch.
pub(crate) fn unguard_columns(columns: &mut [StringArray]) {
    for column in columns {
        // Hardly any column has an apostrophe at all, so that is looked for first.
        if memchr::memchr(b'\'', column.value_data()).is_some()
            && column.iter().flatten().any(|cell| unguarded(cell).len() < cell.len())
        {
            *column = column.iter().map(|cell| cell.map(unguarded)).collect();
        }
    }
}

/// Gives back empty text where [`Cells::columns`] made nulls of it: of all cells that are not missing.
pub(crate) fn keep_empty_text(columns: &mut [StringArray], cells: &Cells<'_>) -> Result<()> {
    for (index, column) in columns.iter_mut().enumerate() {
        if column.null_count() == 0 {
            continue;
        }
        let of_column = cells.cells.iter().skip(index).step_by(cells.columns);
        let is_there = of_column.map(|cell| *cell != Cell::MISSING).collect::<BooleanBuffer>();
        let (offsets, values) = (column.offsets().clone(), column.values().clone());
        let nulls = Some(NullBuffer::new(is_there)).filter(|nulls| nulls.null_count() > 0);
        *column = StringArray::try_new(offsets, values, nulls).map_err(no_text)?;
    }
    Ok(())
}

fn no_text(cause: arrow_schema::ArrowError) -> Error {
    Error::source("the cells of a column are not text").because(cause)
}

/// Says which bytes are no text and where they lie. `decoded_at` is where `bytes`, or what stands for
/// them, is in the decoded text.
fn undecodable(origin: &Origin, decoded_at: u64, bytes: &[u8]) -> String {
    let encoding = origin.encoding().unwrap_or("UTF-8");
    let (at, bytes) = match origin.undecodable_at(decoded_at) {
        Some(found) => (found.source_at, found.bytes),
        // There were too many to keep them all.
        None if bytes == [UNDECODABLE] && encoding != "UTF-8" => {
            return format!("there are bytes that are no text in {encoding}; is that the file's encoding?");
        }
        None => (decoded_at, bytes.to_vec()),
    };
    let listed: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02X}")).collect();
    let (what, is) = if bytes.len() == 1 { ("the byte", "is") } else { ("the bytes", "are") };
    let listed = listed.join(" ");
    format!(
        "{what} {listed} at offset {at} of the file {is} no text in {encoding}; correct the text, or name its encoding"
    )
}

/// Makes a column of texts lying one behind the other; empty ones become nulls.
fn string_array(offsets: Vec<i32>, values: Vec<u8>) -> Result<StringArray> {
    let has_text = BooleanBuffer::collect_bool(offsets.len() - 1, |row| offsets[row] < offsets[row + 1]);
    let nulls = Some(NullBuffer::new(has_text)).filter(|nulls| nulls.null_count() > 0);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    StringArray::try_new(offsets, Buffer::from_vec(values), nulls).map_err(no_text)
}
