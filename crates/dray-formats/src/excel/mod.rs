//! Workbooks of spreadsheet programs: xlsx read as a stream, older formats in a process of their own.

// Numbers, dates and addresses as a sheet stores them.
mod number;
mod serial;
mod number_format;
mod address;

// Rows of a sheet, and which sheet.
mod row;
mod choice;

// The parts of an xlsx workbook.
mod archive;
mod package;
mod xml;
mod workbook;
mod styles;
mod strings;

// A sheet as a stream of rows.
mod xlsx;

// Other workbooks, read in a process of their own.
mod messages;
mod worker;
mod in_worker;

// What a file really is.
mod container;

// Rows as batches below a header.
mod header_rows;
mod tabs;
mod table;

// The writer.
mod write;

use std::fs::File;
use std::io::Write;

use dray_model::flow::{Detected, RowSource};
use dray_model::{Error, Result};

use self::container::{Container, look_into};
use self::in_worker::open_in_worker;
use self::table::SheetSource;
use self::tabs::Tabs;
use self::write::XlsxWriter;
use self::xlsx::open_xlsx;
use crate::options::{Format, ReadOptions, WriteOptions};
use crate::write::{OutputColumn, RowWriter};

/// Makes the writer.
pub(crate) fn writer(
    columns: Vec<OutputColumn>,
    options: &WriteOptions,
    out: Box<dyn Write + Send>,
) -> Result<Box<dyn RowWriter>> {
    Ok(Box::new(XlsxWriter::new(columns, options, out)?))
}

/// Opens a file that can be read from any place. What it is decides its content, not `format`.
pub(crate) fn open(
    name: &str,
    file: File,
    _format: Format,
    options: &ReadOptions,
    detected: Vec<Detected>,
) -> Result<Box<dyn RowSource>> {
    let limits = options.limits.within_reason();
    let again = file.try_clone().map_err(|cause| {
        Error::file(format!("reading `{name}` failed")).hint("too many files may be open").because(cause)
    })?;
    let (reader, sheets, chosen) = match look_into(name, file, &limits)? {
        Container::Xlsx(package) => {
            open_xlsx(package, options.sheet.as_deref(), options.stored_cells, &limits)?
        }
        Container::Other(format) => open_in_worker(name, again, format, SHEET_WORKER_ARGUMENT, options)?,
    };
    let tabs = Tabs { sheets, chosen, continued: Vec::new() };
    Ok(Box::new(SheetSource::open(name, reader, tabs, options, detected)?))
}

/// The names of the sheets of an xlsx workbook, in the order of their tabs.
pub(crate) fn sheet_names(name: &str, file: File, options: &ReadOptions) -> Result<Vec<String>> {
    match look_into(name, file, &options.limits.within_reason())? {
        Container::Xlsx(package) => xlsx::sheet_names(package),
        Container::Other(_) => Err(Error::source(format!("`{name}` is not an xlsx workbook"))
            .hint("save it as xlsx in the program that made it")),
    }
}

/// The first argument by which [`crate::ReadOptions::worker`] is told to call [`run_sheet_worker`].
pub const SHEET_WORKER_ARGUMENT: &str = "__read-sheet";

/// Reads a workbook in a process of its own, within limits; the rows go to standard output.
/// `arguments` are those behind [`SHEET_WORKER_ARGUMENT`]; returns the exit code.
pub fn run_sheet_worker(arguments: &[String]) -> u8 {
    worker::run(arguments)
}
