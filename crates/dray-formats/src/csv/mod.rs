//! CSV: text with a delimiter between cells, quotes around those that contain it.

// What stands between cells and around them.
mod dialect;

// Splits text into cells.
mod scan;

// Finds the dialect.
mod sniff;

// Puts rows right that do not fit.
mod repair;

// Divides short rows whose cells stand in one.
mod divided;

// Finds the table and its header.
mod table;

// Puts quotes around cells.
mod quote;

// Gives rejected rows back.
mod failed;

// The source.
mod read;

// What its odd rows mean.
mod settle;

// The writer.
mod write;

pub(crate) use failed::CsvFailedRows;
pub(crate) use quote::{Quoting, append_quoted};
pub(crate) use read::CsvSource;
pub(crate) use write::CsvWriter;
