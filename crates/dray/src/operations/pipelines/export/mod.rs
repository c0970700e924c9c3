//! Profiles on their way into a file of a pipeline: read in order, filtered in memory by the rules of imports, and
//! written in the pipeline's format (spec sections 1 and 8.4).

pub mod csv;
pub mod json;
pub mod arrow;

use std::io::Write;

use dray_engine::expression::Schema;
use dray_engine::expression::value::Record;
use dray_engine::pipeline::leaves::leaves;
use dray_engine::record_filter::Filter;
use dray_model::catalog::Session;
use dray_model::query::{Query, Sort};
use dray_model::{Error, ErrorKind, Result};

use super::format_settings::FileFormat;
use super::saved::Pipeline;
use crate::operations::profiles::Reading;

/// Profiles handed on at once.
const BATCH_ROWS: usize = 2_000;

/// Writes records of one schema.
pub trait RecordWriter {
    /// Appends records.
    fn write(&mut self, records: &[Record]) -> Result<()>;
    /// Ends the file.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What could not be written.
pub(super) fn cannot_write(why: std::io::Error) -> Error {
    Error::file("the export cannot be written")
        .hint("is there room where the server keeps its files?")
        .because(why)
        .retryable()
}

/// A writer of a pipeline's format.
pub fn writer(
    pipeline: &Pipeline,
    schema: &Schema,
    out: Box<dyn Write + Send>,
) -> Result<Box<dyn RecordWriter>> {
    Ok(match pipeline.format {
        FileFormat::Csv => Box::new(csv::CsvRecords::new(schema, &pipeline.settings, out)?),
        FileFormat::Json => Box::new(json::JsonRecords::new(schema, &pipeline.settings, out)?),
        FileFormat::Excel => {
            Box::new(arrow::SheetRecords::new(schema, pipeline.sheet.as_deref().unwrap_or_default(), out)?)
        }
        FileFormat::Parquet => Box::new(arrow::ParquetRecords::new(schema, out)?),
    })
}

/// Writes the profiles of a pipeline; returns how many. `goes_on` is told how many there are so far.
pub fn export(
    session: &mut dyn Session,
    pipeline: &Pipeline,
    schema: &Schema,
    out: Box<dyn Write + Send>,
    goes_on: &mut dyn FnMut(u64) -> bool,
) -> Result<u64> {
    let filter = pipeline.filter.as_deref().map(|filter| Filter::parse(filter, schema)).transpose();
    let filter = filter.map_err(|why| Error::request(format!("the filter cannot be used: {why}")))?;
    let reading = Reading::new(session)?;
    let order = leaves(schema).into_iter().find(|leaf| Some(&leaf.path) == pipeline.order_by.as_ref());
    let column = order.and_then(|leaf| reading.leaf_column(&leaf));
    let query = Query {
        filter: None,
        sort: column.map(|column| Sort { column, descending: false }).into_iter().collect(),
        limit: None,
    };
    let part = reading.part(schema);
    let mut writer = writer(pipeline, schema, out)?;
    let mut written = 0;
    let mut records = Vec::with_capacity(BATCH_ROWS);
    session.read(&reading.object, &query, &reading.columns, BATCH_ROWS, &mut |batch| {
        records.clear();
        for row in 0..batch.num_rows() {
            let record = part.take(&reading.record(&batch, row));
            if filter.as_ref().is_none_or(|filter| filter.matches(&record)) {
                records.push(record);
            }
        }
        written += records.len() as u64;
        if !goes_on(written) {
            return Err(Error::new(ErrorKind::Interrupted, "the export was stopped; no file was written"));
        }
        writer.write(&records)
    })?;
    writer.finish()?;
    Ok(written)
}
