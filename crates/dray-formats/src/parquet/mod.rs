//! Apache Parquet, typed both ways.

use std::fs::File;
use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use dray_model::flow::{Detected, RowSource};
use dray_model::{Error, Result};

use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

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

/// A file of columns whose types are exactly those of an Arrow schema.
pub struct ParquetFile(ArrowWriter<Box<dyn Write + Send>>);

/// The most rows of a row group.
const ROW_GROUP: usize = 128 << 10;

impl ParquetFile {
    /// Begins the file.
    pub fn new(schema: SchemaRef, out: Box<dyn Write + Send>) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_created_by("Dray".to_owned())
            .set_compression(parquet::basic::Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        ArrowWriter::try_new(out, schema, Some(properties)).map(Self).map_err(cannot)
    }

    /// Appends rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.0.write(batch).map_err(cannot)
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<()> {
        self.0.finish().map(|_| ()).map_err(cannot)
    }
}

fn cannot(cause: ParquetError) -> Error {
    Error::file("the Parquet file cannot be written")
        .hint("check that there is room on the disk")
        .because(cause)
}
