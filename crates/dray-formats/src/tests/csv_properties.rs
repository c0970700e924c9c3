//! CSV: the same rows as the `csv` crate where both mean the same, the same rows whatever the
//! batch size, and everything written is read back.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use dray_model::value::ValueType;
use proptest::prelude::*;

use super::{Row, open, read, read_all, tiny, write};
use crate::{Format, ReadOptions};

/// Few bytes, so that every meeting of two or three of them happens.
fn messy_text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec!["a", ",", "\"", " ", "\n", "\r", ";", "é", "\r\n", "\"\"", "xyz"]),
        0..120,
    )
    .prop_map(|parts| parts.concat())
}

fn comma() -> ReadOptions {
    ReadOptions {
        format: Some(Format::Csv),
        delimiter: Some(",".to_owned()),
        strict: true,
        ..ReadOptions::default()
    }
}

fn rows_of_oracle(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn the_oracle_reads_the_same(body in messy_text()) {
        let header = "h1,h2,h3,h4,h5\n";
        let text = format!("{header}{body}");
        let contents = read("a.csv", text.as_bytes(), &comma());
        // Behind a quote that never closes the two differ on purpose.
        let unclosed = contents.problems.iter().find(|problem| problem.code.word() == "unclosed_quote");
        let alike = unclosed.map_or(usize::MAX, |problem| problem.row_number as usize - 1);
        let expected: Vec<Row> = rows_of_oracle(&text).into_iter().skip(1).map(|cells| {
            let mut cells = cells;
            // What stands beyond the last column is kept in it, where it says anything.
            if cells.iter().skip(5).any(|cell| !cell.is_empty()) {
                cells = [&cells[..4], &[cells[4..].join(",")]].concat();
            }
            let mut row: Row = cells.into_iter().map(|cell| Some(cell).filter(|cell| !cell.is_empty())).collect();
            row.resize(5, None);
            row
        }).collect();
        let first = |rows: Vec<Row>| rows.into_iter().take(alike).collect::<Vec<Row>>();
        prop_assert_eq!(first(contents.rows), first(expected));
    }

    #[test]
    fn boundaries_do_not_matter(body in messy_text(), rows in 1_usize..5, bytes in 1_usize..80, read_bytes in 1_usize..80) {
        let text = format!("h1,h2,h3\n{body}");
        let whole = read("a.csv", text.as_bytes(), &comma());
        let mut options = tiny(rows, bytes, read_bytes);
        options.format = Some(Format::Csv);
        options.delimiter = Some(",".to_owned());
        options.strict = true;
        let mut source = open("a.csv", text.as_bytes(), &options).unwrap();
        prop_assert_eq!(read_all(source.as_mut()).unwrap(), whole);
    }

    #[test]
    fn lines_are_those_of_an_editor(body in messy_text()) {
        let text = format!("h1,h2\n{body}");
        let contents = read("a.csv", text.as_bytes(), &comma());
        // Each row begins where its raw bytes stand; count the line ends before them.
        let mut from = "h1,h2\n".len();
        for (raw, line) in contents.raw.iter().zip(&contents.lines) {
            let raw = std::str::from_utf8(raw).unwrap();
            let at = from + text.get(from..).unwrap().find(raw).unwrap();
            let before = text.get(..at).unwrap().replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(*line, before.matches('\n').count() as u64 + 1);
            from = at + raw.len();
        }
    }

    #[test]
    fn failed_rows_give_the_same_cells(body in messy_text()) {
        let text = format!("h1,h2,h3\n{body}");
        let mut source = open("a.csv", text.as_bytes(), &comma()).unwrap();
        let format = source.failed_rows();
        let contents = read_all(source.as_mut()).unwrap();
        let mut failed = Vec::new();
        format.begin(&mut failed);
        for raw in &contents.raw {
            format.row(raw, ["1", "f,g", "code", "why \"not\""], &mut failed);
        }
        let again = read("failed.csv", &failed, &comma());
        let cells: Vec<Row> = again.rows.iter().map(|row| row[..3].to_vec()).collect();
        prop_assert_eq!(cells, contents.rows);
        prop_assert!(again.rows.iter().all(|row| row[6].as_deref() == Some("why \"not\"")));
    }

    #[test]
    fn what_is_written_is_read_back(cells in prop::collection::vec(prop::option::of(messy_text()), 0..40), columns in 1_usize..4) {
        let columns = columns.min(cells.len().max(1));
        let rows = cells.len() / columns;
        let column = |index: usize| -> ArrayRef {
            Arc::new((0..rows).map(|row| cells[row * columns + index].clone()).collect::<StringArray>())
        };
        let names = ["one", "two", "three"];
        let output: Vec<_> = (0..columns).map(|index| (names[index], ValueType::Text, column(index))).collect();
        let written = write(Format::Csv, &output);
        let contents = read("a.csv", written.as_bytes(), &comma());
        let expected: Vec<Row> = (0..rows)
            .map(|row| (0..columns).map(|index| cells[row * columns + index].clone().filter(|cell| !cell.is_empty())).collect())
            .collect();
        prop_assert_eq!(contents.rows, expected);
        prop_assert!(contents.problems.is_empty());
    }
}
