//! `dray convert`: a file becomes a file, through the readers of the import and the writers of the
//! export, without a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema};
use dray_formats::{Format, OutputColumn, RowWriter, WriteOptions, writer};
use dray_model::batch::TextBatch;
use dray_model::flow::RowSource;
use dray_model::value::ValueType;
use dray_model::{Error, Result};

use super::print::{counted, note, thousands};
use super::reading::{ReadArguments, detected_words};
use crate::destination::Destination;
use crate::source::Source;

/// Convert a file into another format.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dray convert contacts.csv contacts.parquet
  dray convert umsatz.xls umsatz.csv --sheet 2
  cat export.json | dray convert - - --records data.items --to csv")]
pub(super) struct ConvertArguments {
    /// The file to read, or - for standard input
    input: String,
    /// The file to write, or - for standard output
    output: String,
    /// The format to write; by the file's name, else csv
    #[arg(long = "to", value_name = "FORMAT", value_parser = super::import::format)]
    to: Option<Format>,
    /// Say nothing about what was found and put right
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    reading: ReadArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &ConvertArguments) -> Result<u8> {
    let begun = Instant::now();
    let source = Source::new(&arguments.input, arguments.reading.options())?;
    let rows = source.open(0)?;
    let path = (arguments.output != "-").then(|| PathBuf::from(&arguments.output));
    let format = arguments.to.or_else(|| path.as_deref().and_then(Format::from_path)).unwrap_or(Format::Csv);
    let columns =
        rows.header().iter().map(|name| OutputColumn::new(name.clone(), ValueType::Text)).collect::<Vec<_>>();
    let options = WriteOptions { header: rows.has_header(), ..WriteOptions::default() };
    if !arguments.quiet {
        note(&format!("{}: {}", source.name, detected_words(&rows.detected())));
    }
    let destination = Destination::open(path.as_deref())?;
    let out = writer(format, columns, &options, destination.writer()?)?;
    let count = copy_rows(rows, out, arguments.quiet)?;
    destination.publish()?;
    if !arguments.quiet {
        let place = path.as_deref().map_or("standard output".into(), Path::to_string_lossy);
        note(&format!(
            "{} → {place} in {:.2} s",
            counted(count, "row", "rows"),
            begun.elapsed().as_secs_f64()
        ));
    }
    Ok(0)
}

/// Reads on one thread and writes on this one, so that both are busy; returns how many rows there were.
fn copy_rows(mut rows: Box<dyn RowSource>, mut out: Box<dyn RowWriter>, quiet: bool) -> Result<u64> {
    let fields: Vec<Field> =
        rows.header().iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Result<TextBatch>>(2);
        scope.spawn(move || {
            while let Some(batch) = rows.next_batch().transpose() {
                let is_last = batch.is_err();
                if sender.send(batch).is_err() || is_last {
                    break;
                }
            }
        });
        let mut count = 0;
        for batch in receiver {
            let batch = batch?;
            count += batch.len() as u64;
            if !quiet {
                for problem in &batch.problems {
                    note(&format!("line {}: {}", thousands(problem.line), problem.message));
                }
            }
            let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
            let columns = batch.columns.into_iter().map(|column| Arc::new(column) as ArrayRef).collect();
            let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
                .map_err(|cause| Error::source("the columns do not fit together").because(cause))?;
            out.write(&batch)?;
        }
        out.finish()?;
        Ok(count)
    })
}
