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

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParquetKind {
    /// True or false.
    Boolean,
    /// A whole number of so many bits.
    Int {
        /// 8, 16, 32 or 64.
        bits: u8,
        /// True where it is never negative.
        unsigned: bool,
    },
    /// A float of so many bits.
    Float {
        /// 32 or 64.
        bits: u8,
    },
    /// A decimal.
    Decimal {
        /// How many digits.
        precision: u32,
        /// How many of them after the point.
        scale: u32,
    },
    /// Text, or bytes that may be text.
    Text,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A point in time.
    DateTime,
    /// A UUID.
    Uuid,
    /// JSON; also lists, maps and groups, which are read as such.
    Json,
    /// Nothing that is read: intervals.
    Unsupported,
}

/// A column as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetColumn {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: ParquetKind,
}

/// The columns of a file.
pub(crate) fn columns(name: &str, file: File, options: &ReadOptions) -> Result<Vec<ParquetColumn>> {
    Ok(read::ParquetSource::open(name, file, options, Vec::new())?.declared())
}
