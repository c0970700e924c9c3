//! CSV: text with a delimiter between cells, quotes around those that contain it.

// Splits text into cells.
mod scan;

// Finds the delimiter.
mod sniff;

// Puts quotes around cells.
mod quote;

// Gives rejected rows back.
mod failed;

// The source.
mod read;

// The writer.
mod write;

pub(crate) use failed::CsvFailedRows;
pub(crate) use quote::{Quoting, append_quoted};
pub(crate) use read::CsvSource;
pub(crate) use sniff::find_delimiter;
pub(crate) use write::CsvWriter;
