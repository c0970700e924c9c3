//! Tables on pages, for people.

use std::io::Write;

use dray_model::{Error, Result};

use crate::options::WriteOptions;
use crate::write::{OutputColumn, RowWriter};

/// Makes the writer.
pub(crate) fn writer(
    _columns: Vec<OutputColumn>,
    _options: &WriteOptions,
    _out: Box<dyn Write + Send>,
) -> Result<Box<dyn RowWriter>> {
    Err(Error::request("not written yet"))
}
