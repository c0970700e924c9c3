//! Apache Parquet, typed both ways.

use std::fs::File;
use std::io::Write;

use dray_model::flow::{Detected, RowSource};
use dray_model::{Error, Result};

use crate::options::{ReadOptions, WriteOptions};
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
    _options: &ReadOptions,
    _detected: Vec<Detected>,
) -> Result<Box<dyn RowSource>> {
    Err(Error::source("not read yet"))
}
