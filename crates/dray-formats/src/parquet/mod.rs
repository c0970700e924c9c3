//! Apache Parquet, typed both ways.

use std::fs::File;
use std::io::Write;

use dray_model::Result;
use dray_model::flow::{Detected, RowSource};

use crate::options::{ReadOptions, WriteOptions};
use crate::write::{OutputColumn, RowWriter};

// Walks the encoding of Parquet's own structures.
mod thrift;

// What a file claims about itself.
mod pages;

// Single values as text.
mod scalar;

// What the columns are.
mod schema;

// Lists, maps and structures as JSON.
mod nested;

// Decoded values as columns of text.
mod columns;

// Rows to give back.
mod raw;

// The source.
mod read;

// The columns to be written.
mod typed;

// The writer.
mod write;

/// Makes the writer.
pub(crate) fn writer(
    columns: Vec<OutputColumn>,
    _options: &WriteOptions,
    out: Box<dyn Write + Send>,
) -> Result<Box<dyn RowWriter>> {
    Ok(Box::new(write::ParquetWriter::new(columns, out)?))
}

/// Opens a file that can be read from any place.
pub(crate) fn open(
    name: &str,
    file: File,
    options: &ReadOptions,
    detected: Vec<Detected>,
) -> Result<Box<dyn RowSource>> {
    Ok(Box::new(read::ParquetSource::open(name, file, options, detected)?))
}
