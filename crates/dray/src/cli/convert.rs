//! `dray convert`: a file becomes a file, through the readers of the import and the writers of the
//! export, without a store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use dray_engine::infer::{Inference, InferredType, Misfit, cast};
use dray_formats::{Format, FormulaGuard, OutputColumn, RowWriter, WriteOptions, writer};
use dray_model::batch::TextBatch;
use dray_model::flow::RowSource;
use dray_model::problem::{Problem, ProblemCode};
use dray_model::value::ValueType;
use dray_model::{Error, ErrorKind, Result};

use super::damage;
use super::print::{counted, note, quoted};
use super::reading::{ReadArguments, detected_words};
use super::writing::{WriteArguments, target, write_format};
use crate::destination::Destination;
use crate::source::Source;

/// The types of columns are found in so many rows; a later cell that does not fit starts the work again.
const SAMPLE_ROWS: u64 = 100_000;

/// Convert a file into another format.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dray convert contacts.csv contacts.parquet
  dray convert umsatz.xls umsatz.csv --sheet 2
  dray convert export.csv.gz letter.pdf --title 'All customers' --columns name,city
  cat export.json | dray convert - - --records data.items --to csv

What was found out about the file, and what was put right in it, is told on standard error.")]
pub(super) struct ConvertArguments {
    /// The file to read, or - for standard input
    input: String,
    /// The file to write, or - for standard output
    output: String,
    /// The format to write; by the file's name, else csv
    #[arg(long = "to", value_name = "FORMAT", value_parser = write_format)]
    to: Option<Format>,
    /// Only these columns, in this order
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// The most rows
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Write every cell as text, also into formats that know numbers and dates
    #[arg(long)]
    text: bool,
    /// Put an apostrophe before text that a spreadsheet program would run as a formula
    #[arg(long)]
    formula_guard: bool,
    /// Take the apostrophes of a formula guard off
    #[arg(long)]
    unguard: bool,
    /// Put right what a spreadsheet program did to the values, where that is certain
    #[arg(long)]
    repair: bool,
    /// Say nothing about what was found and put right
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    reading: ReadArguments,
    #[command(flatten)]
    writing: WriteArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &ConvertArguments) -> Result<u8> {
    let begun = Instant::now();
    let path = (arguments.output != "-").then(|| PathBuf::from(&arguments.output));
    let format = arguments.to.or(target(path.as_deref()).0).unwrap_or(Format::Csv);
    if !format.can_write() {
        return Err(Error::request(format!("{} files are read, not written", format.word()))
            .hint("write xlsx, which every spreadsheet program opens"));
    }
    let mut options = arguments.writing.options(format, path.as_deref());
    // What is converted is not read back by an import as a matter of course, so nothing is added or taken.
    options.formula_guard = if arguments.formula_guard { FormulaGuard::On } else { FormulaGuard::Off };
    let reading = dray_formats::ReadOptions { unguard: arguments.unguard, ..arguments.reading.options() };
    let mut source = Source::new(&arguments.input, reading)?;
    if same_file(&source, path.as_deref()) {
        return Err(Error::request(format!("`{}` is the source itself", arguments.output))
            .hint("name another file: the source is never changed"));
    }
    let rows = match source.open(0) {
        Ok(rows) => rows,
        Err(error) => {
            leave_empty(&source, format, path.as_deref())?;
            return Err(error);
        }
    };
    options.header &= rows.has_header();
    let told = rows.detected();
    let columns = chosen(rows.header(), &arguments.columns)?;
    let findings = damage::scan(rows, SAMPLE_ROWS)?;
    if arguments.repair {
        source.repair(damage::repairs(&findings));
    }
    if !arguments.quiet {
        note(&format!("{}: {}", source.name, detected_words(&told)));
        damage::tell(&findings, arguments.repair);
    }

    let mut work = Work { arguments, source: &source, format, options, columns, path: path.as_deref() };
    let report = work.run()?;
    if !arguments.quiet {
        report.tell();
        let place = path.as_deref().map_or("standard output".into(), Path::to_string_lossy);
        let seconds = begun.elapsed().as_secs_f64();
        note(&format!("{} → {place} in {seconds:.2} s", counted(report.rows, "row", "rows")));
    }
    Ok(0)
}

fn same_file(source: &Source, path: Option<&Path>) -> bool {
    match (path.and_then(|path| path.canonicalize().ok()), source.path().canonicalize()) {
        (Some(output), Ok(input)) => output == input,
        _ => false,
    }
}

/// Of a file without a byte an empty file is all there is to write, where the format has no more to say.
fn leave_empty(source: &Source, format: Format, path: Option<&Path>) -> Result<()> {
    if source.bytes == 0 && format.is_delimited() && source.path().is_file() && path.is_some() {
        Destination::open(path)?.publish()?;
    }
    Ok(())
}

/// The positions of the columns to write.
fn chosen(header: &[String], wanted: &[String]) -> Result<Vec<usize>> {
    if wanted.is_empty() {
        return Ok((0..header.len()).collect());
    }
    let position = |name: &String| {
        header.iter().position(|column| column == name.trim()).ok_or_else(|| {
            Error::request(format!("there is no column {}", quoted(name)))
                .hint(format!("the columns are {}", header.join(", ")))
        })
    };
    wanted.iter().map(position).collect()
}

/// One conversion.
struct Work<'a> {
    arguments: &'a ConvertArguments,
    source: &'a Source,
    format: Format,
    options: WriteOptions,
    columns: Vec<usize>,
    path: Option<&'a Path>,
}

/// How a try to write the file ended.
enum Tried {
    Written(Report),
    /// A cell is not of its column's type.
    Misfit,
}

impl Work<'_> {
    fn run(&mut self) -> Result<Report> {
        let rows = self.source.open(0)?;
        let header = rows.header().to_vec();
        let given: Vec<_> = if self.arguments.text || self.format.is_delimited() {
            header.iter().map(|_| Some(ValueType::Text)).collect()
        } else {
            rows.column_types()
        };
        let mut inference = Inference::with_given(header.len(), &given);
        // What went to standard output cannot be taken back, so there everything is looked at first.
        let sample = if self.path.is_some() { SAMPLE_ROWS } else { u64::MAX };
        look(rows, &mut inference, sample)?;
        loop {
            let types = inference.types();
            match self.try_writing(&header, &types)? {
                Tried::Written(report) => return Ok(report),
                Tried::Misfit => look(self.source.open(0)?, &mut inference, u64::MAX)?,
            }
        }
    }

    fn try_writing(&self, header: &[String], types: &[InferredType]) -> Result<Tried> {
        let columns: Vec<OutputColumn> = self
            .columns
            .iter()
            .map(|&index| {
                let mut column = OutputColumn::new(header[index].clone(), types[index].value_type);
                column.decimal = types[index].decimal.map(|size| (size.precision, size.scale));
                column
            })
            .collect();
        let fields: Vec<Field> =
            columns.iter().map(|column| Field::new(&column.name, column.value_type.arrow(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let rows = self.source.open(0)?;
        let destination = Destination::open(self.path)?;
        let out = writer(self.format, columns, &self.options, destination.writer()?)?;
        let limit = self.arguments.limit.unwrap_or(u64::MAX);
        let chosen: Vec<(usize, InferredType)> =
            self.columns.iter().map(|&index| (index, types[index])).collect();
        let tried = copy(rows, &chosen, &schema, limit, out)?;
        if matches!(tried, Tried::Written(_)) {
            destination.publish()?;
        }
        Ok(tried)
    }
}

/// Looks at the first rows for the types of their columns.
fn look(mut rows: Box<dyn RowSource>, inference: &mut Inference, most: u64) -> Result<()> {
    let mut seen = 0;
    while seen < most && !inference.is_settled() {
        let Some(batch) = rows.next_batch()? else { break };
        seen += batch.len() as u64;
        inference.look(&batch);
    }
    Ok(())
}

/// A batch with its cells typed, and what was wrong with it.
struct Typed {
    batch: RecordBatch,
    problems: Vec<Problem>,
}

/// Reads on one thread, types on another and writes on this one.
fn copy(
    mut rows: Box<dyn RowSource>,
    columns: &[(usize, InferredType)],
    schema: &Arc<Schema>,
    limit: u64,
    mut out: Box<dyn RowWriter>,
) -> Result<Tried> {
    std::thread::scope(|scope| {
        let (text_sender, text_receiver) = sync_channel::<Result<TextBatch>>(2);
        let (typed_sender, typed_receiver) = sync_channel::<Result<Option<Typed>>>(2);
        scope.spawn(move || {
            let mut seen = 0;
            while seen < limit
                && let Some(batch) = rows.next_batch().transpose()
            {
                let is_last = batch.is_err();
                seen += batch.as_ref().map_or(0, |batch| batch.len() as u64);
                if text_sender.send(batch).is_err() || is_last {
                    break;
                }
            }
        });
        scope.spawn(move || {
            for batch in text_receiver {
                let typed = batch.and_then(|batch| type_cells(batch, columns, schema, limit));
                let is_last = !matches!(typed, Ok(Some(_)));
                if typed_sender.send(typed).is_err() || is_last {
                    break;
                }
            }
        });
        let mut report = Report::default();
        for typed in typed_receiver {
            if crate::interrupt::asked() {
                let message = "the conversion was stopped; no file was written";
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
            let Some(typed) = typed? else { return Ok(Tried::Misfit) };
            report.count(&typed);
            out.write(&typed.batch)?;
        }
        out.finish()?;
        Ok(Tried::Written(report))
    })
}

/// The chosen columns of a batch in their types; `None` where a cell is of another type.
fn type_cells(
    batch: TextBatch,
    columns: &[(usize, InferredType)],
    schema: &Arc<Schema>,
    limit: u64,
) -> Result<Option<Typed>> {
    let before = batch.first_row.saturating_sub(1);
    // Below the first row of another table all rows are; there is nobody to give them back to.
    let is_other =
        |problem: &&Problem| problem.code == ProblemCode::OtherTable && problem.row_number >= batch.first_row;
    let last = batch.problems.iter().find(is_other).map_or(limit, |first| limit.min(first.row_number - 1));
    let count = usize::try_from(last.saturating_sub(before)).unwrap_or(usize::MAX).min(batch.len());
    let typed: std::result::Result<Vec<ArrayRef>, Misfit> = columns
        .iter()
        .map(|(index, wanted)| {
            let cells = batch.columns[*index].slice(0, count);
            if wanted.value_type == ValueType::Text {
                Ok(Arc::new(cells) as ArrayRef)
            } else {
                cast(&cells, wanted)
            }
        })
        .collect();
    let Ok(typed) = typed else { return Ok(None) };
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    let batch_typed = RecordBatch::try_new_with_options(Arc::clone(schema), typed, &options)
        .map_err(|cause| Error::source("the columns do not fit together").because(cause))?;
    Ok(Some(Typed { batch: batch_typed, problems: batch.problems }))
}

/// What there is to say at the end.
#[derive(Default)]
struct Report {
    rows: u64,
    groups: BTreeMap<(ProblemCode, Option<String>), (u64, Option<Problem>)>,
    remarks: Vec<Problem>,
}

/// Remarks about lines that are no rows; more than these nobody reads.
const REMARKS: usize = 50;

impl Report {
    fn count(&mut self, typed: &Typed) {
        self.rows += typed.batch.num_rows() as u64;
        for problem in &typed.problems {
            if problem.row_number == 0 {
                if self.remarks.len() < REMARKS {
                    self.remarks.push(problem.clone());
                }
                continue;
            }
            let group = self.groups.entry((problem.code, problem.column.clone())).or_default();
            group.0 += 1;
            group.1.get_or_insert_with(|| problem.clone());
        }
    }

    fn tell(&self) {
        for remark in &self.remarks {
            let value = remark.value.as_deref().map_or(String::new(), |value| format!(" {}", quoted(value)));
            note(&format!("  {}: {}{value}", remark.code.word(), remark.message));
        }
        for ((code, column), (count, first)) in &self.groups {
            let Some(first) = first else { continue };
            let column = column.as_deref().map_or(String::new(), |column| format!(" in {}", quoted(column)));
            let rows = counted(*count, "row", "rows");
            let fate = if *code == ProblemCode::OtherTable { " left out" } else { "" };
            let place = match first.line {
                0 => format!("row {}", first.row_number),
                line => format!("row {}, line {line}", first.row_number),
            };
            note(&format!("  {}{column}: {rows}{fate}, first {place}: {}", code.word(), first.message));
        }
    }
}
