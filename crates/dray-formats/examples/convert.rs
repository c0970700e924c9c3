//! Measures reading and writing: `cargo run --release -p dray-formats --example convert -- IN OUT [TIMES]`.
//! The formats are those of the extensions; all columns are text.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema};
use dray_formats::{Format, OutputColumn, ReadOptions, open_path, writer};
use dray_model::value::ValueType;
use dray_model::{Error, Result};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, from, to, rest @ ..] = arguments.as_slice() else {
        return Err(Error::request("give the names of two files"));
    };
    let times = rest.first().and_then(|times| times.parse().ok()).unwrap_or(3);
    for _ in 0..times {
        convert(Path::new(from), Path::new(to))?;
    }
    Ok(())
}

fn convert(from: &Path, to: &Path) -> Result<()> {
    let begin = Instant::now();
    let mut source = open_path(from, &ReadOptions::default())?;
    let names = source.header().to_vec();
    let fields: Vec<Field> = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let columns = names.into_iter().map(|name| OutputColumn { name, value_type: ValueType::Text }).collect();
    let file = File::create(to).map_err(|cause| Error::file("cannot make the file").because(cause))?;
    let mut output = writer(Format::from_path(to).unwrap_or(Format::Csv), columns, Box::new(file))?;

    let mut writing = Duration::ZERO;
    while let Some(batch) = source.next_batch()? {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
        let columns = batch.columns.into_iter().map(|column| Arc::new(column) as ArrayRef).collect();
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
            .map_err(|cause| Error::source("the columns do not fit together").because(cause))?;
        let before = Instant::now();
        output.write(&batch)?;
        writing += before.elapsed();
    }
    output.finish()?;
    let read = source.bytes_read() as f64 / 1e6;
    let written = std::fs::metadata(to).map_or(0.0, |file| file.len() as f64 / 1e6);
    let reading = (begin.elapsed() - writing).as_secs_f64();
    let writing = writing.as_secs_f64();
    println!(
        "read {read:.0} MB in {reading:.3} s ({:.0} MB/s), wrote {written:.0} MB in {writing:.3} s ({:.0} MB/s)",
        read / reading,
        written / writing
    );
    Ok(())
}
