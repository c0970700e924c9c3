//! `dray export`: records of an object become a file, streamed from one consistent snapshot.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use arrow_array::RecordBatch;
use dray_engine::query::{parse_fields, parse_filter, parse_sort};
use dray_formats::{Format, FormulaGuard, OutputColumn, RowWriter, writer};
use dray_model::flow::Store;
use dray_model::object::{ColumnIndex, Object, SystemColumn};
use dray_model::query::Query;
use dray_model::{Error, ErrorKind, Result};

use super::print::{counted, note};
use super::writing::{WriteArguments, target, write_format};
use super::{StoreArguments, is_watched, object_named};
use crate::destination::Destination;

/// Records read at once.
const BATCH_ROWS: usize = 8192;

/// Export records of an object.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dray export contacts -o contacts.csv
  dray export contacts --fields email,first_name --where 'status = lead and address_city = Paris'
  dray export deals --sort amount:desc --limit 10 --format json

Filters: = != < <= > >= contains, not contains, starts with, ends with, between A and B, in (A, B),
not in (A, B), is empty, is not empty; and, or, not, brackets.")]
pub(super) struct ExportArguments {
    /// The object to export
    object: String,
    /// The file to write; standard output where it is left out
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// csv, tsv, json, jsonl, xlsx, parquet or pdf; by the file's name, else csv
    #[arg(long, value_name = "FORMAT", value_parser = write_format)]
    format: Option<Format>,
    /// The fields to write, in this order; all where it is left out
    #[arg(long, value_name = "FIELD,…")]
    fields: Option<String>,
    /// Only records for which this holds
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// Sort by these fields: field or field:desc
    #[arg(long, value_name = "FIELD,…")]
    sort: Option<String>,
    /// The most records
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Name the columns by their labels instead of their field names
    #[arg(long)]
    labels: bool,
    /// Write text that a spreadsheet program would run as a formula as it is
    #[arg(long)]
    no_formula_guard: bool,
    #[command(flatten)]
    writing: WriteArguments,
    #[command(flatten)]
    store: StoreArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &ExportArguments) -> Result<u8> {
    let begun = Instant::now();
    let (format, packing) = target(arguments.output.as_deref(), arguments.format)?;
    let mut options = arguments.writing.options(format, packing, arguments.output.as_deref())?;
    let mut store = arguments.store.connect()?;
    let object = object_named(store.as_mut(), &arguments.object)?;
    store.prepare_object(&object)?;
    let columns = match &arguments.fields {
        Some(fields) => parse_fields(&object, fields)?,
        None => exported_columns(&object),
    };
    let query = Query {
        filter: arguments.filter.as_deref().map(|text| parse_filter(&object, text)).transpose()?,
        sort: arguments.sort.as_deref().map_or(Ok(Vec::new()), |text| parse_sort(&object, text))?,
        limit: arguments.limit,
    };
    let output: Vec<OutputColumn> =
        columns.iter().map(|&column| output_column(&object, column, arguments.labels)).collect();
    let destination = Destination::open(arguments.output.as_deref())?;
    // Only spreadsheet programs run text, and the reader takes the apostrophe off again.
    if !arguments.no_formula_guard && (format.is_delimited() || format.is_workbook()) {
        options.formula_guard = FormulaGuard::On;
    }
    let rows = writer(format, output, &options, destination.writer()?)?;
    let count = copy_records(store.as_mut(), &object, &query, &columns, rows)?;
    destination.publish()?;
    if is_watched() {
        let place = arguments
            .output
            .as_deref()
            .map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
        let seconds = begun.elapsed().as_secs_f64();
        note(&format!(
            "{} of {} → {place} in {seconds:.2} s",
            counted(count, "record", "records"),
            object.name()
        ));
    }
    Ok(0)
}

/// Reads on this thread and writes on another, so that both are busy; returns how many records there were.
fn copy_records(
    store: &mut dyn Store,
    object: &Object,
    query: &Query,
    columns: &[ColumnIndex],
    mut rows: Box<dyn RowWriter>,
) -> Result<u64> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<RecordBatch>(1);
        let writing = scope.spawn(move || {
            for batch in receiver {
                rows.write(&batch)?;
            }
            Ok(rows)
        });
        let mut count = 0_u64;
        let mut writer_ended = false;
        let read = store.read(object, query, columns, BATCH_ROWS, &mut |batch| {
            if crate::interrupt::asked() {
                return Err(Error::new(
                    ErrorKind::Interrupted,
                    "the export was stopped; no file was written",
                ));
            }
            count += batch.num_rows() as u64;
            writer_ended = sender.send(batch).is_err();
            if writer_ended { Err(Error::file("the writer has ended")) } else { Ok(()) }
        });
        drop(sender);
        let written = writing.join().unwrap_or_else(|_| {
            Err(Error::file("the writer failed").hint("this is a defect in Dray: please report it"))
        });
        // Where the writer ended first its own error says why.
        if !writer_ended {
            read?;
        }
        written.and_then(RowWriter::finish).map(|()| count)
    })
}

/// A column of the file, with what its format may make of the field's definition.
fn output_column(object: &Object, index: ColumnIndex, labels: bool) -> OutputColumn {
    let column = &object.columns[index];
    let mut output = OutputColumn::new(column.name.clone(), column.value_type);
    let Some(field) = object.field_of(index) else { return output };
    let definition = &field.definition;
    if labels && !definition.label.is_empty() {
        let part = column.part.as_deref().map_or(String::new(), |part| format!(" {part}"));
        output.name = format!("{}{part}", definition.label);
    }
    if !definition.multiple {
        output.choices = definition.choices.clone();
    }
    let scale = definition.scale.and_then(|scale| u8::try_from(scale).ok());
    output.decimal = scale.filter(|&scale| scale <= 38).map(|scale| (38, scale));
    output
}

/// What an export writes unless told otherwise: what an import can take back, and when it changed.
fn exported_columns(object: &Object) -> Vec<ColumnIndex> {
    let hidden = [SystemColumn::Version, SystemColumn::ImportId];
    (0..object.columns.len())
        .filter(|&column| object.columns[column].system.is_none_or(|system| !hidden.contains(&system)))
        .collect()
}
