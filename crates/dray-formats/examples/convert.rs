//! Measures how fast one file becomes another:
//! `cargo run --release -p dray-formats --example convert -- FROM TO [TITLE [DESCRIPTION]]`.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use dray_formats::{Format, OutputColumn, ReadOptions, WriteOptions, open_path, writer};
use dray_model::value::{ValueType, column_from_text};
use dray_model::{Error, Result};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, from, to, heading @ ..] = arguments.as_slice() else {
        return Err(Error::request("the arguments are FROM, TO and perhaps a title and a description"));
    };
    let options = WriteOptions {
        title: heading.first().cloned(),
        description: heading.get(1).cloned(),
        ..WriteOptions::default()
    };
    let start = Instant::now();
    let mut source = open_path(Path::new(from), &ReadOptions::default())?;
    let mut types = source.column_types();
    types.resize(source.header().len(), None);
    let types: Vec<ValueType> = types.into_iter().map(|found| found.unwrap_or(ValueType::Text)).collect();
    let named = source.header().iter().zip(&types);
    let columns: Vec<OutputColumn> = named.map(|(name, kind)| OutputColumn::new(name, *kind)).collect();
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(&column.name, column.value_type.arrow(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let format = Format::from_path(Path::new(to)).ok_or_else(|| Error::request("no format has that name"))?;
    let failed = |cause| Error::file("the file cannot be written").because(cause);
    let out = File::create(to).map_err(failed)?;
    let mut writer = writer(format, columns, &options, Box::new(out))?;
    // One batch waits while another is written.
    let (sender, receiver) = sync_channel(1);
    let reading = std::thread::spawn(move || -> Result<()> {
        while let Some(batch) = source.next_batch()? {
            let typed = |(column, kind): (StringArray, &ValueType)| -> ArrayRef {
                if kind.is_text() { Arc::new(column) } else { column_from_text(*kind, column.iter()) }
            };
            let arrays = batch.columns.into_iter().zip(&types).map(typed).collect();
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
