//! Bytes to batches of rows and back: CSV, JSON, JSONL; no network, no database.
//!
//! The modules stand in reading order; each may use those above it, never those below.

mod cells;
mod csv;
mod detect;
mod format;
mod header;
mod input;
mod json;
mod options;
mod window;
mod write;

pub use format::{open_path, open_reader, writer};
pub use options::{Format, ReadLimits, ReadOptions};
pub use write::{OutputColumn, RowWriter};

#[cfg(test)]
mod tests;
