//! Measures how fast one file becomes another:
//! `cargo run --release -p dray-formats --example convert -- FROM TO`.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use dray_formats::{Format, OutputColumn, ReadOptions, WriteOptions, open_path, writer};
use dray_model::value::ValueType;
use dray_model::{Error, Result};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, from, to] = arguments.as_slice() else {
        return Err(Error::request("the arguments are FROM and TO"));
    };
    let start = Instant::now();
    let mut source = open_path(Path::new(from), &ReadOptions::default())?;
    let columns: Vec<OutputColumn> =
        source.header().iter().map(|name| OutputColumn::new(name, ValueType::Text)).collect();
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(&column.name, column.value_type.arrow(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let format = Format::from_path(Path::new(to)).ok_or_else(|| Error::request("no format has that name"))?;
    let failed = |cause| Error::file("the file cannot be written").because(cause);
    let out = File::create(to).map_err(failed)?;
    let mut writer = writer(format, columns, &WriteOptions::default(), Box::new(out))?;
    // One batch waits while another is written.
    let (sender, receiver) = sync_channel(1);
    let reading = std::thread::spawn(move || -> Result<()> {
        while let Some(batch) = source.next_batch()? {
            let arrays = batch.columns.into_iter().map(|column| Arc::new(column) as ArrayRef).collect();
            let batch = RecordBatch::try_new(Arc::clone(&schema), arrays);
            if sender.send(batch).is_err() {
                break;
            }
        }
        Ok(())
    });
    let mut rows = 0;
    for batch in receiver {
        let batch = batch.map_err(|cause| Error::source("the columns do not fit").because(cause))?;
        rows += batch.num_rows();
        writer.write(&batch)?;
    }
    reading.join().map_err(|_| Error::source("the reader panicked"))??;
    writer.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{rows} rows in {seconds:.3} s, {} bytes", std::fs::metadata(to).map_or(0, |file| file.len()));
    Ok(())
}
