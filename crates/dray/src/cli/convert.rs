//! `dray convert`: a file becomes a file, through the readers of the import and the writers of the
//! export, without a store.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{Field, Schema};
use dray_engine::infer::{Inference, InferredType, Misfit, cast};
use dray_formats::{Format, FormulaGuard, OutputColumn, ReadOptions, RowWriter, WriteOptions, writer};
use dray_model::batch::TextBatch;
use dray_model::flow::{Detected, RowSource};
use dray_model::problem::{Problem, ProblemCode};
use dray_model::value::ValueType;
use dray_model::words::thousands;
use dray_model::{Error, ErrorKind, Result};

use super::damage;
use super::print::{counted, note, quoted};
use super::reading::{ReadArguments, detected_words};
use super::writing::{WriteArguments, target, write_format};
use crate::destination::Destination;
use crate::source::Source;

/// The types of columns are found in so many rows; a later cell that does not fit starts the work again.
const SAMPLE_ROWS: u64 = 100_000;

/// How the program ends where records could not be read, as an import that rejects rows does.
const SOME_LEFT_OUT: u8 = 2;

/// The most lines of records left out that are named.
const LINES_SHOWN: usize = 10;

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
    #[arg(long, conflicts_with = "date_format")]
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
    let (format, packing) = target(path.as_deref(), arguments.to)?;
    let mut options = arguments.writing.options(format, packing, path.as_deref())?;
    // What is converted is not read back by an import as a matter of course, so nothing is added or taken.
    options.formula_guard = if arguments.formula_guard { FormulaGuard::On } else { FormulaGuard::Off };
    options.check(format)?;
    let reading = arguments.reading.options();
    let reading = ReadOptions { unguard: arguments.unguard, keep_empty_text: true, ..reading };
    let mut source = Source::new(&arguments.input, reading)?;
    if same_file(&source, path.as_deref()) {
        return Err(Error::request(format!("`{}` is the source itself", arguments.output))
            .hint("name another file: the source is never changed"));
    }
    let mut rows = match source.open(0) {
        Ok(rows) => rows,
        Err(error) => {
            leave_empty(&source, format, path.as_deref())?;
            return Err(error);
        }
    };
    // Names that were made up are left out, where a format can do without.
    if !rows.has_header() && (format.is_delimited() || format.is_workbook()) {
        options.header = false;
    }
    let told = rows.detected();
    if arguments.unguard {
        check_unguard(&told)?;
    }
    let mut columns = chosen(rows.header(), &arguments.columns)?;
    if !arguments.columns.is_empty() {
        source.only(columns.iter().map(|&index| rows.header()[index].clone()).collect());
        rows = source.open(0)?;
        columns = chosen(rows.header(), &arguments.columns)?;
    }
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
        let left_out = match report.left_out {
            0 => String::new(),
            some => format!(", {} left out", thousands(some)),
        };
        note(&format!("{} → {place} in {seconds:.2} s{left_out}", counted(report.rows, "row", "rows")));
    }
    Ok(if report.left_out > 0 { SOME_LEFT_OUT } else { 0 })
}

/// Refuses to take off what nobody puts there.
fn check_unguard(told: &[Detected]) -> Result<()> {
    let format = told.iter().find(|found| found.what == "format");
    match format.and_then(|found| Format::from_name(&found.value)) {
        Some(format) if !format.is_delimited() && !format.is_workbook() => {
            Err(Error::request(format!("the option `unguard` means nothing for {}", format.word()))
                .hint("leave it out; it is for delimited text and workbooks"))
        }
        _ => Ok(()),
    }
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
        let mut sample = match self.path {
            _ if self.is_all_text() => 0,
            Some(_) => SAMPLE_ROWS,
            // What went to standard output cannot be taken back, so there everything is looked at first.
            None => u64::MAX,
        };
        loop {
            let rows = self.source.open(0)?;
            let header = rows.header().to_vec();
            let types = self.look(rows, sample)?;
            match self.try_writing(&header, &types)? {
                Tried::Written(report) => return Ok(report),
                Tried::Misfit => sample = u64::MAX,
            }
        }
    }

    /// True where every column is written as text, whatever it looks like.
    fn is_all_text(&self) -> bool {
        self.arguments.text || (self.format.is_delimited() && self.options.date_format.is_none())
    }

    /// Looks at the first rows for the types of their columns.
    fn look(&self, mut rows: Box<dyn RowSource>, most: u64) -> Result<Vec<InferredType>> {
        let mut inference = Inference::with_given(rows.header().len(), &rows.column_types());
        let mut seen = 0;
        while seen < most && !inference.is_settled() {
            let Some(batch) = rows.next_batch()? else { break };
            seen += batch.len() as u64;
            inference.look(&batch);
        }
        let given = rows.column_types().into_iter().chain(std::iter::repeat(None));
        Ok(inference
            .types()
            .into_iter()
            .zip(given)
            .map(|(found, given)| self.written(found, given))
            .collect())
    }

    /// The type a column is written in: the one its cells look like, unless its source knows better.
    fn written(&self, found: InferredType, given: Option<ValueType>) -> InferredType {
        let of = |value_type| InferredType { value_type, decimal: None };
        let has_day = matches!(found.value_type, ValueType::Date | ValueType::DateTime);
        // The strings of JSON may be dates, and who opens a workbook wants to see some.
        let shows_dates = matches!(self.format, Format::Xlsx | Format::Pdf);
        match given {
            _ if self.is_all_text() => of(ValueType::Text),
            _ if self.format.is_delimited() => {
                if has_day {
                    found
                } else {
                    of(ValueType::Text)
                }
            }
            Some(ValueType::Text) if shows_dates && (has_day || found.value_type == ValueType::Time) => found,
            Some(known @ (ValueType::Text | ValueType::Json)) => of(known),
            _ => found,
        }
    }

    /// True where rows that were read since say that a column is of another type than it is written in.
    fn is_misfit(&self, types: &[(usize, InferredType)], given: &[Option<ValueType>]) -> bool {
        types.iter().any(|&(index, found)| {
            let given = given.get(index).copied().flatten();
            found.value_type != ValueType::Text && self.written(found, given) != found
        })
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
        let tried = self.copy(rows, &chosen, &schema, limit, out)?;
        if matches!(tried, Tried::Written(_)) {
            destination.publish()?;
        }
        Ok(tried)
    }

    /// Reads on one thread, types on another and writes on this one.
    fn copy(
        &self,
        mut rows: Box<dyn RowSource>,
        columns: &[(usize, InferredType)],
        schema: &Arc<Schema>,
        limit: u64,
        mut out: Box<dyn RowWriter>,
    ) -> Result<Tried> {
        std::thread::scope(|scope| {
            let (text_sender, text_receiver) = sync_channel::<Result<Option<TextBatch>>>(2);
            let (typed_sender, typed_receiver) = sync_channel::<Result<Option<Typed>>>(2);
            scope.spawn(move || {
                let mut left = limit;
                while left > 0
                    && let Some(batch) = rows.next_batch().transpose()
                {
                    let batch = batch.map(|mut batch| {
                        keep_readable(&mut batch, left);
                        left -= batch.len() as u64;
                        (!self.is_misfit(columns, &rows.column_types())).then_some(batch)
                    });
                    let is_last = !matches!(batch, Ok(Some(_)));
                    if text_sender.send(batch).is_err() || is_last {
                        break;
                    }
                }
            });
            scope.spawn(move || {
                for batch in text_receiver {
                    let typed = match batch {
                        Ok(Some(batch)) => type_cells(batch, columns, schema),
                        Ok(None) => Ok(None),
                        Err(error) => Err(error),
                    };
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
}

/// Leaves the rows that are written: not those of records that cannot be read, and `most` at most. What is
/// wrong with others is not told.
fn keep_readable(batch: &mut TextBatch, most: u64) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let broken: HashSet<u64> = batch
        .problems
        .iter()
        .filter(|problem| is_unreadable(problem) || is_of_another_table(problem))
        .map(|problem| problem.row_number)
        .collect();
    if broken.is_empty() && batch.len() <= most {
        return;
    }
    let row_number = |row: usize| batch.first_row + row as u64;
    let is_kept = |row: &usize| !broken.contains(&row_number(*row));
    let kept: Vec<usize> = (0..batch.len()).filter(is_kept).take(most).collect();
    let last = kept.last().filter(|_| kept.len() == most);
    let beyond = row_number(last.map_or(batch.len(), |last| last + 1));
    let cell = |column: &StringArray, row: usize| column.is_valid(row).then(|| column.value(row).to_owned());
    for column in &mut batch.columns {
        *column = kept.iter().map(|&row| cell(column, row)).collect();
    }
    batch.lines = kept.iter().filter_map(|&row| batch.lines.get(row).copied()).collect();
    batch.problems.retain(|problem| problem.row_number < beyond);
}

/// True for a record of which nothing can be written; an import rejects it.
fn is_unreadable(problem: &Problem) -> bool {
    problem.code == ProblemCode::InvalidRecord
}

/// True for a row below the table that is converted: there is nobody to give it back to.
fn is_of_another_table(problem: &Problem) -> bool {
    problem.code == ProblemCode::OtherTable && problem.row_number > 0
}

/// A batch with its cells typed, and what was wrong with it.
struct Typed {
    batch: RecordBatch,
    problems: Vec<Problem>,
}

/// The chosen columns of a batch in their types; `None` where a cell is of another type.
fn type_cells(
    batch: TextBatch,
    columns: &[(usize, InferredType)],
    schema: &Arc<Schema>,
) -> Result<Option<Typed>> {
    let typed: std::result::Result<Vec<ArrayRef>, Misfit> =
        columns.iter().map(|(index, wanted)| cast(&batch.columns[*index], wanted)).collect();
    let Ok(typed) = typed else { return Ok(None) };
    let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
    let batch_typed = RecordBatch::try_new_with_options(Arc::clone(schema), typed, &options)
        .map_err(|cause| Error::source("the columns do not fit together").because(cause))?;
    Ok(Some(Typed { batch: batch_typed, problems: batch.problems }))
}

/// What there is to say at the end.
#[derive(Default)]
struct Report {
    rows: u64,
    /// Rows that could not be read, the last of them, and the lines of the first ones.
    left_out: u64,
    last_left_out: u64,
    lines_left_out: Vec<u64>,
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
            if is_unreadable(problem) && self.last_left_out != problem.row_number {
                self.last_left_out = problem.row_number;
                self.left_out += 1;
                if self.lines_left_out.len() < LINES_SHOWN {
                    self.lines_left_out.push(problem.line);
                }
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
            if is_unreadable(first) {
                let rows = counted(self.left_out, "row", "rows");
                let lines: Vec<String> = self.lines_left_out.iter().map(u64::to_string).collect();
                let (on, lines) = (if lines.len() == 1 { "line" } else { "lines" }, lines.join(", "));
                let more = if self.left_out > LINES_SHOWN as u64 { " …" } else { "" };
                note(&format!("  {}: {rows} left out, {on} {lines}{more}: {}", code.word(), first.message));
                continue;
            }
            let rows = counted(*count, "row", "rows");
            let fate = if is_of_another_table(first) { " left out" } else { "" };
            let place = match first.line {
                0 => format!("row {}", first.row_number),
                line => format!("row {}, line {line}", first.row_number),
            };
            note(&format!("  {}{column}: {rows}{fate}, first {place}: {}", code.word(), first.message));
        }
    }
}
