//! Measures how fast a file is read into batches:
//! `cargo run --release -p dray-formats --example read_csv -- FILE [TIMES]`.

use std::path::Path;
use std::time::Instant;

use dray_formats::{ReadOptions, open_path};

fn main() -> dray_model::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let path = Path::new(arguments.get(1).map_or("contacts.csv", String::as_str));
    let times = arguments.get(2).and_then(|times| times.parse().ok()).unwrap_or(5);
    for _ in 0..times {
        let start = Instant::now();
        let mut source = open_path(path, &ReadOptions::default())?;
        let (mut rows, mut problems) = (0, 0);
        while let Some(batch) = source.next_batch()? {
            rows += batch.len();
            problems += batch.problems.len();
        }
        let seconds = start.elapsed().as_secs_f64();
        let megabytes = source.bytes_read() as f64 / 1e6;
        println!("{rows} rows, {problems} problems, {seconds:.3} s, {:.0} MB/s", megabytes / seconds);
    }
    Ok(())
}
