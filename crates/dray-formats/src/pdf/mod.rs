//! Tables on pages, for people: a heading, the names of the columns on every page, page numbers, any script
//! that a font of the machine has.

use std::io::Write;

use dray_model::Result;

use crate::options::WriteOptions;
use crate::write::{OutputColumn, RowWriter};

// What characters ask for.
mod script;

// Where glyphs come from.
mod fonts;

// Sets lines of text.
mod text;

// Dates as people write them.

// How the pages look.
mod layout;

// Draws them.
mod draw;

// The writer.
mod write;

/// Makes the writer.
pub(crate) fn writer(
    columns: Vec<OutputColumn>,
    options: &WriteOptions,
    out: Box<dyn Write + Send>,
) -> Result<Box<dyn RowWriter>> {
    Ok(Box::new(write::PdfWriter::new(columns, options, out)?))
}
