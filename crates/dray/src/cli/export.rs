//! `dray export`: records of an object become a file, streamed from one consistent snapshot.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use dray_engine::query::{parse_fields, parse_filter, parse_sort};
use dray_formats::{Format, FormulaGuard, OutputColumn};
use dray_model::Result;
use dray_model::query::Query;

use super::print::{counted, note};
use super::writing::{WriteArguments, target, write_format};
use super::{StoreArguments, is_watched, object_named};
use crate::destination::Destination;
use crate::operations::export::{Export, exported_columns, output_column};

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
    let name = object.name().to_owned();
    let export = Export { object: Arc::new(object), query, columns, output, format, options };
    let count = export.write(store.as_mut(), destination.writer()?, &|_| crate::interrupt::asked())?;
    destination.publish()?;
    if is_watched() {
        let place = arguments
            .output
            .as_deref()
            .map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
        let seconds = begun.elapsed().as_secs_f64();
        note(&format!("{} of {} → {place} in {seconds:.2} s", counted(count, "record", "records"), name));
    }
    Ok(0)
}
