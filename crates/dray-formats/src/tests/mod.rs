//! Text in, text out: what each reader makes of a file and each writer of rows.

mod csv;
mod csv_properties;
mod csv_styles;
mod encodings;
mod excel;
mod excel_hostile;
mod excel_round_trip;
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

use std::io::{Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use arrow_array::{Array, ArrayRef, RecordBatch};
use dray_model::flow::RowSource;
use dray_model::problem::Problem;
use dray_model::value::ValueType;

use crate::{Format, OutputColumn, ReadLimits, ReadOptions, WriteOptions, open_reader, writer};

/// The cells of one row.
pub(super) type Row = Vec<Option<String>>;

/// Everything a source gave.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Contents {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Row>,
    pub(super) lines: Vec<u64>,
    pub(super) raw: Vec<Vec<u8>>,
    pub(super) problems: Vec<Problem>,
}

pub(super) fn open(name: &str, text: &[u8], options: &ReadOptions) -> dray_model::Result<Box<dyn RowSource>> {
    open_reader(name, Box::new(Cursor::new(text.to_vec())), options)
}

pub(super) fn read_all(source: &mut dyn RowSource) -> dray_model::Result<Contents> {
    let mut contents = Contents { header: source.header().to_vec(), ..Contents::default() };
    let mut next_row = None;
    while let Some(batch) = source.next_batch()? {
        assert!(!batch.is_empty() || !batch.problems.is_empty(), "a batch has rows or remarks");
        assert_eq!(batch.first_row, next_row.unwrap_or(batch.first_row), "row numbers have no gap");
        next_row = Some(batch.first_row + batch.len() as u64);
        assert_eq!(batch.columns.len(), contents.header.len());
        assert_eq!(batch.raw.ranges.len(), batch.len());
        for row in 0..batch.len() {
            let cell = |column: &arrow_array::StringArray| {
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            contents.rows.push(batch.columns.iter().map(cell).collect());
            contents.raw.push(batch.raw.row(row).to_vec());
        }
        contents.lines.extend(&batch.lines);
        let rows = batch.first_row..batch.first_row + batch.len() as u64;
        assert!(batch.problems.iter().all(|p| p.row_number == 0 || rows.contains(&p.row_number)));
        assert!(batch.problems.is_sorted_by_key(|problem| problem.row_number));
        contents.problems.extend(batch.problems);
    }
    Ok(contents)
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

/// Collects what a writer writes.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    /// What was written so far.
    pub(super) fn taken(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
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
