//! CSV: text with a delimiter between cells, quotes around those that contain it.

mod bitmask;
mod failed;
mod quote;
mod read;
mod scan;
mod sniff;
mod write;

pub(crate) use read::CsvSource;
pub(crate) use sniff::find_delimiter;
pub(crate) use write::CsvWriter;
