//! What every reader promises whatever the bytes: these checks read whole sources for the tests of this
//! crate, and one input after the other for the tests that make inputs up. The crate in `fuzz` includes
//! this file too, so it takes from its parent all it uses of this crate.

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use arrow_array::{Array, StringArray};
use dray_model::batch::TextBatch;
use dray_model::flow::RowSource;
use dray_model::problem::{Problem, Severity};
use dray_model::value::{column_from_text, text_of};
use dray_model::{Error, Result};

use super::{ReadLimits, ReadOptions, open_reader};

/// The cells of one row.
pub type Row = Vec<Option<String>>;

/// Everything a source gave.
#[derive(Debug, Default, PartialEq)]
pub struct Contents {
    pub header: Vec<String>,
    pub rows: Vec<Row>,
    pub lines: Vec<u64>,
    pub raw: Vec<Vec<u8>>,
    pub problems: Vec<Problem>,
}

/// Reads a source to its end.
pub fn read_all(source: &mut dyn RowSource) -> Result<Contents> {
    read_rows(source, usize::MAX)
}

/// Reads a source to its end, or to the batch with this row.
fn read_rows(source: &mut dyn RowSource, most_rows: usize) -> Result<Contents> {
    let mut contents = Contents { header: source.header().to_vec(), ..Contents::default() };
    let mut next_row = None;
    while contents.rows.len() < most_rows {
        let Some(batch) = source.next_batch()? else {
            assert!(source.next_batch()?.is_none(), "nothing follows the end");
            break;
        };
        assert_eq!(batch.first_row, next_row.unwrap_or(batch.first_row), "row numbers have no gap");
        next_row = Some(batch.first_row + batch.len() as u64);
        check_batch(source, &batch);
        for row in 0..batch.len() {
            let cell = |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
            contents.rows.push(batch.columns.iter().map(cell).collect());
            contents.raw.push(batch.raw.row(row).to_vec());
        }
        contents.lines.extend(&batch.lines);
        contents.problems.extend(batch.problems);
    }
    Ok(contents)
}

fn check_batch(source: &dyn RowSource, batch: &TextBatch) {
    assert!(!batch.is_empty() || !batch.problems.is_empty(), "a batch has rows or remarks");
    assert_eq!(batch.columns.len(), source.header().len(), "the header names every column");
    assert!(batch.columns.iter().all(|column| column.len() == batch.len()), "columns are equally long");
    assert_eq!(batch.raw.ranges.len(), batch.len(), "every row has its bytes");
    assert!(batch.raw.ranges.iter().all(|range| batch.raw.bytes.get(range.clone()).is_some()));
    let rows = batch.first_row..batch.first_row + batch.len() as u64;
    assert!(batch.problems.iter().all(|problem| {
        let is_remark = problem.row_number == 0 && problem.severity == Severity::Warning;
        is_remark || rows.contains(&problem.row_number)
    }));
    assert!(batch.problems.is_sorted_by_key(|problem| problem.row_number), "problems stand in row order");
    check_types(source, batch);
}

/// Cells of columns with a type are in its canonical text, but for those of rejected rows.
fn check_types(source: &dyn RowSource, batch: &TextBatch) {
    let types = source.column_types();
    assert!(types.is_empty() || types.len() == source.header().len(), "all columns have a type, or none");
    let rejects = |problem: &&Problem| problem.severity == Severity::Error;
    let rejected: Vec<u64> =
        batch.problems.iter().filter(rejects).map(|problem| problem.row_number).collect();
    for (column, value_type) in batch.columns.iter().zip(types) {
        let Some(value_type) = value_type else { continue };
        let values = column_from_text(value_type, column.iter());
        for (row, cell) in column.iter().enumerate() {
            if rejected.binary_search(&(batch.first_row + row as u64)).is_err() {
                assert_eq!(text_of(value_type, values.as_ref(), row).as_deref(), cell, "{value_type:?}");
            }
        }
    }
}

/// Limits within which no input takes much time or memory.
pub fn small_limits() -> ReadLimits {
    ReadLimits {
        max_columns: 512,
        max_cell_bytes: 256 << 10,
        max_record_bytes: 1 << 20,
        max_unpacked_bytes: 16 << 20,
        max_worker_bytes: 64 << 20,
        ..ReadLimits::default()
    }
}

/// More rows are not read of an input that was made up.
const MOST_ROWS: usize = 20_000;

/// Above this size an input is not read a second time.
const TWICE_BYTES: usize = 4 << 10;

/// Reads bytes that mean nothing or harm. There may be an error that helps, and else what the contract
/// says: the same in small batches, and rows that can be given back.
pub fn check_reader(name: &str, bytes: &[u8], options: &ReadOptions) {
    let read = open_and_read(name, bytes, options);
    if let Err(error) = &read {
        assert!(error.hint.is_some(), "`{error}` has a hint");
    }
    if bytes.len() > TWICE_BYTES {
        return;
    }
    let limits = ReadLimits { batch_rows: 3, batch_bytes: 50, read_bytes: 7, ..options.limits.clone() };
    match (read, open_and_read(name, bytes, &ReadOptions { limits, ..options.clone() })) {
        (Ok(mut whole), Ok(mut small)) if whole.rows.len() < MOST_ROWS => {
            // Remarks stand first in their batch, which may be the last.
            whole.problems.sort_by_key(|problem| problem.row_number);
            small.problems.sort_by_key(|problem| problem.row_number);
            assert_eq!(small, whole, "the size of batches does not matter");
        }
        (Ok(_), Ok(_)) => {}
        (whole, small) => {
            // What is damaged in two places may be refused for either; but it is refused.
            let kind = |result: Result<Contents>| result.err().map(|error| error.kind);
            assert_eq!(kind(small), kind(whole), "the size of batches does not matter");
        }
    }
}

fn open_and_read(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<Contents> {
    let mut source = open_reader(name, Box::new(Cursor::new(bytes.to_vec())), options)?;
    let failed_rows = source.failed_rows();
    let contents = read_rows(source.as_mut(), MOST_ROWS).inspect_err(|_: &Error| {
        // Whoever asks again gets an answer too.
        let _ = source.next_batch();
    })?;
    let mut failed = Vec::new();
    failed_rows.begin(&mut failed);
    for raw in &contents.raw {
        failed.clear();
        failed_rows.row(raw, ["1", "a,b", "code", "it is \"wrong\""], &mut failed);
        assert!(failed.ends_with(b"\n"), "a row that is given back ends");
    }
    for detected in source.detected() {
        assert!((0.0..=1.0).contains(&detected.confidence), "{detected:?}");
    }
    Ok(contents)
}

/// Collects what a writer writes.
#[derive(Clone, Default)]
pub struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    /// What was written so far.
    pub fn taken(&self) -> Vec<u8> {
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
