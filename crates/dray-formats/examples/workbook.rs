//! Reads a workbook, or writes one, as fast as it goes, and says how long it took: for measuring.
//!
//! `workbook read FILE`, `workbook print FILE`, `workbook write FILE ROWS`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use dray_formats::{Format, OutputColumn, ReadOptions, WriteOptions, open_path, writer};
use dray_model::Result;
use dray_model::value::ValueType;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == dray_formats::SHEET_WORKER_ARGUMENT) {
        let code = dray_formats::run_sheet_worker(arguments.get(1..).unwrap_or_default());
        std::process::exit(i32::from(code));
    }
    let begun = Instant::now();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["read", file] => read(Path::new(file), false),
        ["print", file] => read(Path::new(file), true),
        ["write", file, rows] => write(Path::new(file), rows.parse().unwrap_or(100_000)),
        _ => Ok("read FILE, print FILE or write FILE ROWS".to_owned()),
    };
    match done {
        Ok(done) => println!("{done} in {:.3} s", begun.elapsed().as_secs_f64()),
        Err(error) => println!("{error} ({})", error.hint.as_deref().unwrap_or_default()),
    }
}

fn read(path: &Path, print: bool) -> Result<String> {
    let worker: Option<PathBuf> = std::env::current_exe().ok();
    let mut source = open_path(path, &ReadOptions { worker, ..ReadOptions::default() })?;
    let (mut rows, mut problems, mut bytes) = (0, 0, 0);
    while let Some(batch) = source.next_batch()? {
        for row in (0..batch.len()).filter(|_| print) {
            println!("{}\t{}", batch.lines[row], String::from_utf8_lossy(batch.raw.row(row)));
        }
        for problem in batch.problems.iter().filter(|_| print) {
            println!("! {} {}", problem.row_number, problem.message);
        }
        rows += batch.len();
        problems += batch.problems.len();
        bytes += batch.columns.iter().map(|column| column.value_data().len()).sum::<usize>();
    }
    Ok(format!(
        "{rows} rows of {} columns, {bytes} bytes of text, {problems} problems",
        source.header().len()
    ))
}

fn write(path: &Path, rows: usize) -> Result<String> {
    let file = std::fs::File::create(path)
        .map_err(|cause| dray_model::Error::file("the file cannot be made").because(cause))?;
    let types = [
        ("id", ValueType::Integer),
        ("name", ValueType::Text),
        ("email", ValueType::Text),
        ("city", ValueType::Text),
        ("note", ValueType::Text),
        ("amount", ValueType::Decimal),
        ("since", ValueType::Date),
        ("score", ValueType::Integer),
        ("code", ValueType::Text),
        ("rank", ValueType::Integer),
    ];
    let columns = types.iter().map(|(name, kind)| OutputColumn::new(*name, *kind)).collect();
    let fields: Vec<Field> = types.iter().map(|(name, kind)| Field::new(*name, kind.arrow(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let mut out = writer(Format::Xlsx, columns, &WriteOptions::default(), Box::new(file))?;
    for from in (0..rows).step_by(8192) {
        let range = from..(from + 8192).min(rows);
        let texts = |make: &dyn Fn(usize) -> String| -> ArrayRef {
            Arc::new(range.clone().map(|row| Some(make(row))).collect::<StringArray>())
        };
        let numbers = |factor: i64| -> ArrayRef {
            Arc::new(range.clone().map(|row| Some(row as i64 * factor)).collect::<Int64Array>())
        };
        let arrays = vec![
            numbers(1),
            texts(&|row| format!("Name {row}")),
            texts(&|row| format!("person{row}@example.com")),
            texts(&|row| format!("City {}", row % 500)),
            texts(&|row| format!("a note about {row}")),
            texts(&|row| format!("{}.{:02}", row, row % 100)),
            Arc::new(range.clone().map(|row| Some(15_000 + (row % 5000) as i32)).collect::<Date32Array>()),
            numbers(7),
            texts(&|row| format!("{:08}", row * 13)),
            numbers(3),
        ];
        if let Ok(batch) = RecordBatch::try_new(Arc::clone(&schema), arrays) {
            out.write(&batch)?;
        }
    }
    out.finish()?;
    Ok(format!("{rows} rows written"))
}
