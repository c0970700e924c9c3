//! The registry of formats: the one place that lists them. Opens any source and makes any writer.

use std::io::{Read, Write};
use std::path::Path;

use dray_model::flow::{Detected, RowSource};
use dray_model::{Error, Result};

use crate::csv::{CsvSource, CsvWriter, find_delimiter};
use crate::detect::find_format;
use crate::input::{Input, refuse_unreadable};
use crate::json::{JsonSource, JsonWriter};
use crate::options::{Format, ReadOptions, WriteOptions};
use crate::window::Window;
use crate::write::{OutputColumn, RowWriter};

/// How much of a source is looked at to find its format and delimiter.
const SAMPLE_BYTES: usize = 256 << 10;

/// Opens a file.
pub fn open_path(path: &Path, options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    open(Input::open(path)?, options)
}

/// Opens anything that gives bytes. `name` tells people, and by its extension perhaps the format.
pub fn open_reader(
    name: &str,
    reader: Box<dyn Read + Send>,
    options: &ReadOptions,
) -> Result<Box<dyn RowSource>> {
    open(Input::new(name, reader), options)
}

fn open(mut input: Input, options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    let mut sample = Vec::new();
    input.read_more(&mut sample, SAMPLE_BYTES)?;
    let named = options.format.or_else(|| Format::from_path(Path::new(input.name())));
    let workbook = named.filter(|format| format.is_workbook());
    if workbook.is_none() {
        refuse_unreadable(input.name(), &sample, input.ended())?;
    }
    let format = workbook.or(options.format).unwrap_or_else(|| find_format(input.name(), &sample));
    let detected = vec![Detected::certain("format", format.word())];
    match format {
        Format::Csv | Format::Tsv => {
            let delimiter = match options.delimiter.as_deref().map(str::as_bytes) {
                Some(&[delimiter]) => delimiter,
                _ => find_delimiter(&sample, input.ended()),
            };
            Ok(Box::new(CsvSource::open(Window::new(input, sample), delimiter, options, detected)?))
        }
        Format::Json => Ok(Box::new(JsonSource::open(Window::new(input, sample), false, options, detected)?)),
        Format::Jsonl => Ok(Box::new(JsonSource::open(Window::new(input, sample), true, options, detected)?)),
        Format::Xlsx | Format::Xls | Format::Xlsb | Format::Ods => {
            let name = input.name().to_owned();
            crate::excel::open(&name, input.into_file(&sample)?, format, options, detected)
        }
        Format::Parquet => {
            let name = input.name().to_owned();
            crate::parquet::open(&name, input.into_file(&sample)?, options, detected)
        }
        Format::Pdf => Err(Error::request("PDF documents are written, not read")
            .hint("ask for the table as CSV or Excel; a PDF holds only its picture")),
    }
}

/// Makes a writer of this format for these columns.
pub fn writer(
    format: Format,
    columns: Vec<OutputColumn>,
    options: &WriteOptions,
    out: Box<dyn Write + Send>,
) -> Result<Box<dyn RowWriter>> {
    match format {
        Format::Csv | Format::Tsv => Ok(Box::new(CsvWriter::new(columns, out))),
        Format::Json => Ok(Box::new(JsonWriter::new(columns, true, out))),
        Format::Jsonl => Ok(Box::new(JsonWriter::new(columns, false, out))),
        Format::Xlsx => crate::excel::writer(columns, options, out),
        Format::Parquet => crate::parquet::writer(columns, options, out),
        Format::Pdf => crate::pdf::writer(columns, options, out),
        Format::Xls | Format::Xlsb | Format::Ods => {
            Err(Error::request(format!("{} files are read, not written", format.word()))
                .hint("write xlsx, which every spreadsheet program opens"))
        }
    }
}

impl Format {
    /// The format a file of this name is written in.
    pub fn from_path(path: &Path) -> Option<Self> {
        Self::from_name(&path.extension()?.to_string_lossy())
    }
}
