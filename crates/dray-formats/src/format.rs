//! The registry of formats: the one place that lists them. Opens any source and makes any writer.

use std::io::{Read, Write};
use std::path::Path;

use dray_model::flow::{Detected, RowSource};
use dray_model::value::days_from_civil;
use dray_model::{Error, Result};

use crate::csv::{CsvSource, CsvWriter};
use crate::decode::{Decoded, decode};
use crate::detect::find_format;
use crate::input::Input;
use crate::json::{JsonSource, JsonWriter};
use crate::options::{Format, ReadOptions, WriteOptions};
use crate::pack::packed;
use crate::window::Window;
use crate::write::{OutputColumn, RowWriter};

/// Opens a file.
pub fn open_path(path: &Path, options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    open(Input::open(path)?, options)
}

/// Opens a file that lies under another name than the one people know it by.
pub fn open_named(name: &str, file: std::fs::File, options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    open(Input::from_file(name, file)?, options)
}

/// Opens anything that gives bytes. `name` tells people, and by its extension perhaps the format.
pub fn open_reader(
    name: &str,
    reader: Box<dyn Read + Send>,
    options: &ReadOptions,
) -> Result<Box<dyn RowSource>> {
    open(Input::new(name, reader), options)
}

fn open(input: Input, options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    let Decoded { input, sample, binary, mut detected } = decode(input, options)?;
    let format = match options.format {
        Some(asked) => check_format(input.name(), asked, binary)?,
        None => binary.unwrap_or_else(|| find_format(input.name(), &sample)),
    };
    options.check(format)?;
    detected.push(Detected::certain("format", format.word()));
    match format {
        Format::Csv | Format::Tsv => {
            Ok(Box::new(CsvSource::open(Window::new(input, sample), options, detected)?))
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

/// The names of the sheets of an xlsx workbook, which may be packed.
pub fn sheet_names(name: &str, file: std::fs::File, options: &ReadOptions) -> Result<Vec<String>> {
    let Decoded { input, sample, .. } = decode(Input::from_file(name, file)?, options)?;
    let name = input.name().to_owned();
    crate::excel::sheet_names(&name, input.into_file(&sample)?, options)
}

/// The columns of a Parquet file, which may be packed, as it declares them.
pub fn parquet_columns(
    name: &str,
    file: std::fs::File,
    options: &ReadOptions,
) -> Result<Vec<crate::parquet::ParquetColumn>> {
    let Decoded { input, sample, .. } = decode(Input::from_file(name, file)?, options)?;
    let name = input.name().to_owned();
    crate::parquet::columns(&name, input.into_file(&sample)?, options)
}

/// When the only file of a zip archive was last changed (its clock is taken for UTC), in microseconds since 1970;
/// `None` where the archive does not say.
pub fn zip_member_time(archive: std::fs::File) -> Option<i64> {
    let mut archive = zip::ZipArchive::new(archive).ok()?;
    let mut found = None;
    for index in 0..archive.len().min(MOST_MEMBERS) {
        let member = archive.by_index_raw(index).ok()?;
        if member.is_file() {
            found = member.last_modified();
            break;
        }
    }
    let time = found?;
    let days = days_from_civil(i64::from(time.year()), u32::from(time.month()), u32::from(time.day()))?;
    let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    // Programs that know no time write the first there is.
    (days > days_from_civil(1980, 1, 1)?).then_some((days * 86_400 + seconds) * 1_000_000)
}

/// Members of an archive that are looked at.
const MOST_MEMBERS: usize = 1_000;

/// Unpacks a file and makes UTF-8 of it, without asking what it holds.
pub fn open_text(
    name: &str,
    file: std::fs::File,
    options: &ReadOptions,
) -> Result<Box<dyn std::io::Read + Send>> {
    let Decoded { input, sample, .. } = decode(Input::from_file(name, file)?, options)?;
    Ok(input.into_reader(sample))
}

/// The format to read where a person asked for one and the first bytes may say what it is.
fn check_format(name: &str, asked: Format, binary: Option<Format>) -> Result<Format> {
    let is_text = |format: Format| !format.is_workbook() && format != Format::Parquet;
    match binary {
        // Which kind of workbook it is, people know less well than the file.
        Some(found) if asked == found || (asked.is_workbook() && found.is_workbook()) => Ok(found),
        Some(found) => Err(Error::request(format!("`{name}` is {}, not {}", found.word(), asked.word()))
            .hint("leave the format out; it is found by content")),
        None if is_text(asked) => Ok(asked),
        None => Err(Error::request(format!("`{name}` is text, not {}", asked.word()))
            .hint("leave the format out; it is found by content")),
    }
}

/// Makes a writer of this format for these columns.
pub fn writer(
    format: Format,
    columns: Vec<OutputColumn>,
    options: &WriteOptions,
    out: Box<dyn Write + Send>,
) -> Result<Box<dyn RowWriter>> {
    options.check(format)?;
    let make = |out| plain_writer(format, columns, options, out);
    let Some(compression) = options.compression else { return make(out) };
    let member = options.member_name.clone().unwrap_or_else(|| format!("data.{}", format.extension()));
    packed(compression, &member, out, make)
}

fn plain_writer(
    format: Format,
    columns: Vec<OutputColumn>,
    options: &WriteOptions,
    out: Box<dyn Write + Send>,
) -> Result<Box<dyn RowWriter>> {
    match format {
        Format::Csv => Ok(Box::new(CsvWriter::new(columns, b',', options, out)?)),
        Format::Tsv => Ok(Box::new(CsvWriter::new(columns, b'\t', options, out)?)),
        Format::Json | Format::Jsonl => Ok(Box::new(JsonWriter::new(columns, format == Format::Json, out))),
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
