//! What every reader of sheets gives: rows of cells as text, and what was noticed beside them.

use dray_model::Result;

use super::address::Area;

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A value.
    Text,
    /// An error of the spreadsheet program; its text is the error's name.
    Error,
    /// A formula that was never calculated.
    NotCalculated,
}

impl Content {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Text, Self::Error, Self::NotCalculated];
}

/// A cell of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SheetCell {
    /// Column, from 0.
    pub(super) column: u32,
    start: u32,
    end: u32,
    /// What its text is.
    pub(super) content: Content,
}

/// One row of a sheet: its cells from left to right, without the empty ones.
#[derive(Debug, Clone, Default)]
pub(super) struct SheetRow {
    /// Number within the sheet, from 1.
    pub(super) number: u32,
    /// The cells.
    pub(super) cells: Vec<SheetCell>,
    text: Vec<u8>,
}

impl SheetRow {
    /// Begins a new row in place of this one.
    pub(super) fn begin(&mut self, number: u32) {
        self.number = number;
        self.cells.clear();
        self.text.clear();
    }

    /// Appends a cell whose text `append` appends. Empty text makes no cell.
    #[inline]
    pub(super) fn push(&mut self, column: u32, content: Content, append: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        append(&mut self.text);
        let end = self.text.len();
        if end > start || content != Content::Text {
            self.cells.push(SheetCell { column, start: start as u32, end: end as u32, content });
        }
    }

    /// The text of a cell of this row.
    #[inline]
    pub(super) fn text(&self, cell: SheetCell) -> &[u8] {
        self.text.get(cell.start as usize..cell.end as usize).unwrap_or_default()
    }

    /// True where its texts are UTF-8.
    pub(super) fn is_text(&self) -> bool {
        std::str::from_utf8(&self.text).is_ok()
    }

    /// How many bytes its texts have.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }
}

/// What was noticed beside the cells; complete once the last row was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Noticed {
    /// Hidden rows that have cells.
    pub(super) hidden_rows: u64,
    /// Hidden columns, as the first and last of each stretch, from 0.
    pub(super) hidden_columns: Vec<(u32, u32)>,
    /// Merged cells.
    pub(super) merged: Vec<Area>,
}

/// Gives the rows of one sheet, from top to bottom, without the empty ones.
pub(super) trait SheetReader: Send {
    /// Puts the next row in place of `row`; false at the end.
    fn next_row(&mut self, row: &mut SheetRow) -> Result<bool>;

    /// The merged cells, before the rows were read.
    fn merged_cells(&mut self) -> Result<Vec<Area>>;

    /// Goes on at the top of another sheet; false where this reader reads only one.
    fn go_on_in(&mut self, _sheet: usize) -> Result<bool> {
        Ok(false)
    }

    /// What was noticed so far.
    fn noticed(&self) -> &Noticed;

    /// Bytes of the file consumed so far.
    fn bytes_read(&self) -> u64;
}
