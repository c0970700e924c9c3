//! Bytes to batches of rows and back: delimited text, JSON, workbooks, Parquet, PDF; no network, no database.
//!
//! The modules stand in reading order; each may use those above it, never those below.

// What a reader may be told, and the limits.
mod options;

// Which of it means something for which format.
mod applies;

// Where the text readers see stood in the source.
mod origin;

// Where bytes come from.
mod input;

// Packed bytes and foreign encodings become UTF-8 text.
mod decode;

// The stretch of a source that a reader works on.
mod window;

// Finds the bytes that matter, many at once.
mod bitmask;

// Text that spreadsheet programs would run.
mod guard;

// Cells as positions in the text, and the Arrow columns made of them.
mod cells;

// What the cells of a column look like.
mod shapes;

// Which rows name the columns.
mod header;

// What every writer is.
mod write;

// Dates as people want them written.
mod dates;

// Text in other encodings.
mod encode;

// Packed files.
mod pack;

// Delimited text.
mod csv;

// JSON documents and JSON lines.
mod json;

// Workbooks of spreadsheet programs.
mod excel;

// Apache Parquet.
mod parquet;

// Tables on pages.
mod pdf;

// Which format a source has.
mod detect;

// The registry: opens any source, makes any writer.
mod format;

pub use excel::{SHEET_WORKER_ARGUMENT, run_sheet_worker};
pub use format::{
    open_named, open_path, open_reader, open_text, parquet_columns, sheet_names, writer, zip_member_time,
};
pub use options::{
    Compression, Escape, Format, FormulaGuard, HeaderRow, LineEnd, Quote, QuoteStyle, ReadLimits,
    ReadOptions, TextStyle, WriteOptions,
};
pub use pack::pack_whole;
pub use parquet::{ParquetColumn, ParquetFile, ParquetKind};
pub use write::{OutputColumn, RowWriter};

#[cfg(test)]
mod tests;
