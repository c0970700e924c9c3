//! Text in, text out: what each reader makes of a file and each writer of rows.

#[allow(unreachable_pub, missing_docs, reason = "the crate in `fuzz` includes these files too")]
mod contract;
#[allow(unreachable_pub, reason = "the crate in `fuzz` includes these files too")]
mod targets;

mod csv;
mod csv_edges;
mod csv_properties;
mod csv_styles;
mod encodings;
mod excel;
mod excel_hostile;
mod excel_round_trip;
mod fuzz;
mod guards;
mod json;
mod json_paths;
mod json_properties;
mod layout;
mod packed;
mod packing;
mod parquet;
mod parquet_properties;
mod pdf;
mod pollution;
mod refusals;

use std::io::{Cursor, Read};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use dray_model::flow::RowSource;
use dray_model::value::ValueType;

pub(super) use self::contract::{Contents, Row, Sink, read_all};
use crate::{
    Format, FormulaGuard, LineEnd, OutputColumn, QuoteStyle, ReadLimits, ReadOptions, TextStyle,
    WriteOptions, open_reader, writer,
};

pub(super) fn open(name: &str, text: &[u8], options: &ReadOptions) -> dray_model::Result<Box<dyn RowSource>> {
    open_reader(name, Box::new(Cursor::new(text.to_vec())), options)
}

pub(super) fn read(name: &str, text: &[u8], options: &ReadOptions) -> Contents {
    read_all(open(name, text, options).unwrap().as_mut()).unwrap()
}

/// Limits so small that every boundary falls everywhere.
pub(super) fn tiny(batch_rows: usize, batch_bytes: usize, read_bytes: usize) -> ReadOptions {
    let limits = ReadLimits { batch_rows, batch_bytes, read_bytes, ..ReadLimits::default() };
    ReadOptions { limits, ..ReadOptions::default() }
}

/// What a source gives, for people: `line: cell | cell`, `·` for null, problems below their row.
pub(super) fn show(contents: &Contents) -> String {
    let mut out = contents.header.join(" | ") + "\n";
    for note in contents.problems.iter().filter(|problem| problem.row_number == 0) {
        out += &format!("  {}@{} {}\n", note.code.word(), note.line, note.message);
    }
    for (index, row) in contents.rows.iter().enumerate() {
        let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("·")).collect();
        let cells = cells.join(" | ").replace('\n', "\\n").replace('\r', "\\r").replace('\0', "\\0");
        out += &format!("{}: {cells}\n", contents.lines[index]);
        for problem in contents.problems.iter().filter(|p| p.row_number == index as u64 + 1) {
            let column = problem.column.as_deref().map(|column| format!(" {column}:")).unwrap_or_default();
            out += &format!("  {}@{}{column} {}\n", problem.code.word(), problem.line, problem.message);
        }
    }
    out
}

/// Reads `text` and compares what [`show`] makes of it with an indented block.
pub(super) fn check(name: &str, text: impl AsRef<[u8]>, expected: &str) {
    let shown = show(&read(name, text.as_ref(), &ReadOptions::default()));
    let indent = expected
        .lines()
        .find(|line| !line.trim().is_empty())
        .map_or(0, |line| line.len() - line.trim_start().len());
    let expected: Vec<&str> = expected.lines().map(|line| line.get(indent..).unwrap_or("")).collect();
    assert_eq!(shown.trim_end(), expected.join("\n").trim());
}

/// Columns with their names and types.
pub(super) type Columns<'a> = &'a [(&'a str, ValueType, ArrayRef)];

pub(super) fn write(format: Format, columns: Columns<'_>) -> String {
    String::from_utf8(write_with(format, columns, &WriteOptions::default()).unwrap()).unwrap()
}

/// Writes the columns as one batch.
pub(super) fn write_with(
    format: Format,
    columns: Columns<'_>,
    options: &WriteOptions,
) -> dray_model::Result<Vec<u8>> {
    let sink = Sink::default();
    let output = columns.iter().map(|(name, value_type, _)| OutputColumn::new(*name, *value_type));
    let mut writer = writer(format, output.collect(), options, Box::new(sink.clone()))?;
    writer.write(&batch_of(columns))?;
    writer.finish()?;
    Ok(sink.taken())
}

pub(super) fn batch_of(columns: Columns<'_>) -> RecordBatch {
    let fields: Vec<arrow_schema::Field> = columns
        .iter()
        .map(|(name, value_type, _)| arrow_schema::Field::new(*name, value_type.arrow(), true))
        .collect();
    let arrays = columns.iter().map(|(.., array)| Arc::clone(array)).collect();
    RecordBatch::try_new(Arc::new(arrow_schema::Schema::new(fields)), arrays).unwrap()
}

/// A reader that gives at most a few bytes at a time, as pipes and sockets do.
pub(super) struct Trickle(pub(super) Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(3);
        self.0.read(&mut buffer[..most])
    }
}
