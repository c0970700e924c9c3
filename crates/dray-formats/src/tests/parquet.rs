//! Parquet files of other programs, and what is refused.

use std::path::{Path, PathBuf};

use dray_model::Result;
use dray_model::flow::RowSource;

use super::{Contents, read_all, tiny};
use crate::{ReadOptions, open_path};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet").join(name)
}

fn open(name: &str, options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    open_path(&fixture(name), options)
}

fn read(name: &str, options: &ReadOptions) -> Contents {
    read_all(open(name, options).unwrap().as_mut()).unwrap()
}

/// One line for each column: its name, its type and its cells, `·` for null; then the problems.
fn show(name: &str) -> String {
    let mut source = open(name, &ReadOptions::default()).unwrap();
    let types = source.column_types();
    let contents = read_all(source.as_mut()).unwrap();
    let mut out = String::new();
    for (index, column) in contents.header.iter().enumerate() {
        let cells: Vec<&str> = contents.rows.iter().map(|row| row[index].as_deref().unwrap_or("·")).collect();
        let kind = types[index].map_or("-".to_owned(), |kind| format!("{kind:?}"));
        out += &format!("{column} {kind}: {}\n", cells.join(" | ").replace('\n', "\\n"));
    }
    for problem in &contents.problems {
        let (column, value) = (problem.column.as_deref().unwrap_or(""), problem.value.as_deref().unwrap_or(""));
        let (row, code) = (problem.row_number, problem.code.word());
        out += &format!("{row} {column} {code} `{value}`: {}\n", problem.message);
    }
    out
}

#[test]
fn x() {
    for name in ["types", "nested", "odd_values", "int96", "delta_v2", "no_rows"] {
        println!("{}", show(&format!("{name}.parquet")));
    }
    println!("{}", open("brotli.parquet", &ReadOptions::default()).and_then(|mut s| read_all(s.as_mut())).unwrap_err());
    let contents = read("odd_values.parquet", &tiny(1, 1, 1));
    for raw in contents.raw { println!("{}", String::from_utf8(raw).unwrap()); }
}
