//! Workbooks of spreadsheet programs: xlsx read as a stream, older formats in a process of their own.

use std::fs::File;
use std::io::Write;

use dray_model::flow::{Detected, RowSource};
use dray_model::{Error, Result};

use crate::options::{Format, ReadOptions, WriteOptions};
use crate::write::{OutputColumn, RowWriter};

/// Makes the writer.
pub(crate) fn writer(
    _columns: Vec<OutputColumn>,
    _options: &WriteOptions,
    _out: Box<dyn Write + Send>,
) -> Result<Box<dyn RowWriter>> {
    Err(Error::request("not written yet"))
}

/// Opens a file that can be read from any place.
pub(crate) fn open(
    _name: &str,
    _file: File,
    _format: Format,
    _options: &ReadOptions,
    _detected: Vec<Detected>,
) -> Result<Box<dyn RowSource>> {
    Err(Error::source("not read yet"))
}

/// The first argument by which [`crate::ReadOptions::worker`] is told to call [`run_sheet_worker`].
pub const SHEET_WORKER_ARGUMENT: &str = "__read-sheet";

/// Reads a workbook in a process of its own, within limits; the rows go to standard output.
/// `arguments` are those behind [`SHEET_WORKER_ARGUMENT`]; returns the exit code.
pub fn run_sheet_worker(_arguments: &[String]) -> u8 {
    1
}
