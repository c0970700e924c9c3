//! What every writer is: typed batches in, bytes out.

use std::io::Write;

use arrow_array::{Array, RecordBatch};
use dray_model::value::ValueType;
use dray_model::{Error, Result};

/// A column of a file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    /// Header text or member name.
    pub name: String,
    /// The type of its cells, which says what Arrow type they come in.
    pub value_type: ValueType,
    /// The values a cell may have, where they are few; a workbook offers them in a list.
    pub choices: Vec<String>,
    /// Of a decimal: how many digits it may have, and how many of them behind the point. A format with
    /// numbers of fixed size writes numbers where this is known, and text where it is not.
    pub decimal: Option<(u8, u8)>,
}

impl OutputColumn {
    /// A column that may hold any value of its type.
    pub fn new(name: impl Into<String>, value_type: ValueType) -> Self {
        Self { name: name.into(), value_type, choices: Vec::new(), decimal: None }
    }
}

/// Writes batches as one file.
pub trait RowWriter: Send {
    /// Appends the rows of a batch, whose columns must be those the writer was made for.
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Writes what ends the file, and everything still held back.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Where a writer's bytes go. Keeps them until there are enough for one call.
pub(crate) struct Output {
    out: Box<dyn Write + Send>,
}

/// Above this size the text so far is handed on.
pub(crate) const FLUSH_BYTES: usize = 256 << 10;

impl Output {
    pub(crate) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out }
    }

    /// Hands on the text and empties it.
    pub(crate) fn flush_text(&mut self, text: &mut Vec<u8>) -> Result<()> {
        self.out.write_all(text).map_err(cannot_write)?;
        text.clear();
        Ok(())
    }

    /// Hands on the last text and makes sure that it arrived.
    pub(crate) fn finish(&mut self, text: &mut Vec<u8>) -> Result<()> {
        self.flush_text(text)?;
        self.out.flush().map_err(cannot_write)
    }
}

fn cannot_write(cause: std::io::Error) -> Error {
    Error::file("writing the file failed")
        .hint("check that there is room on the disk and the receiver still listens")
        .because(cause)
}

/// Refuses a batch that is not made of the writer's columns.
pub(crate) fn check_columns(columns: &[OutputColumn], batch: &RecordBatch) -> Result<()> {
    let fits = columns.len() == batch.num_columns()
        && columns
            .iter()
            .zip(batch.columns())
            .all(|(column, array)| *array.data_type() == column.value_type.arrow());
    if fits {
        return Ok(());
    }
    Err(Error::request("the batch does not have the columns this file is written with"))
}
