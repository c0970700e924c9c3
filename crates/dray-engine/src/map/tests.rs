//! What people see of repairs: a table and what is said about it in, text out.

use std::io::Cursor;

use arrow_array::Array;
use dray_formats::{ReadOptions, open_reader};
use dray_model::flow::RowSource;
use dray_model::problem::ProblemCode;
use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

use super::edited::with_edits;
use super::edits::{
    CellEdit, Edits, MOST_BYTES, MOST_CELLS, MOST_REPLACEMENTS, MOST_TEXT_BYTES, Replacement,
};

fn source(table: &str, skip_rows: u64) -> Box<dyn RowSource> {
    let options = ReadOptions { skip_rows, ..ReadOptions::default() };
    open_reader("table.csv", Box::new(Cursor::new(table.to_owned())), &options).expect("it is a table")
}

fn cell(row: u64, column: &str, value: Option<&str>) -> CellEdit {
    CellEdit { row, column: column.to_owned(), value: value.map(str::to_owned) }
}

/// `column: find → value`, with the words `whole` and `any case` in front.
fn replacement(words: &str, column: &str, find: &str, value: &str) -> Replacement {
    Replacement {
        column: Some(column.to_owned()).filter(|column| column != "*"),
        find: find.to_owned(),
        value: Some(value.to_owned()).filter(|value| !value.is_empty()),
        whole: words.contains("whole"),
        ignore_case: words.contains("any case"),
    }
}

/// Everything a source gives: the cells, the bytes as read, and what is wrong.
#[derive(Debug, Default, PartialEq)]
struct Given {
    rows: Vec<String>,
    raw: Vec<String>,
    problems: Vec<(u64, ProblemCode, Option<String>)>,
}

fn read(mut source: Box<dyn RowSource>) -> Result<Given, String> {
    let mut given = Given::default();
    while let Some(batch) = source.next_batch().map_err(|error| error.to_string())? {
        for row in 0..batch.len() {
            let cells = batch.columns.iter().map(|cells| match cells.is_valid(row) {
                true => cells.value(row),
                false => "-",
            });
            given.rows.push(cells.collect::<Vec<_>>().join("|"));
            given.raw.push(String::from_utf8_lossy(batch.raw.row(row)).into_owned());
        }
        let problems = batch.problems.into_iter();
        given.problems.extend(problems.map(|problem| (problem.row_number, problem.code, problem.column)));
    }
    Ok(given)
}

fn edited(table: &str, edits: &Edits) -> Result<Given, String> {
    let source = with_edits(source(table, 0), edits, 0).map_err(|error| error.to_string())?;
    read(source)
}

fn rows(table: &str, edits: &Edits) -> Vec<String> {
    edited(table, edits).expect("it can be edited").rows
}

const TABLE: &str = "Name,Status,E-mail\nAda,Active,ada@x\nBen, active ,\n,ACTIVE,c@x.io\n";

#[test]
fn cells_are_written_anew_and_raw_rows_stay() {
    let edits = Edits {
        cells: vec![
            cell(1, "E-mail", Some("nobody")),
            cell(3, "Name", Some("Cyd")),
            cell(1, "e_mail", Some("ada@x.io")),
            cell(2, "Status", None),
            cell(2, "Name", Some("")),
        ],
        ..Edits::default()
    };
    let given = edited(TABLE, &edits).expect("it can be edited");
    assert_eq!(given.rows, ["Ada|Active|ada@x.io", "-|-|-", "Cyd|ACTIVE|c@x.io"]);
    assert_eq!(given.raw, ["Ada,Active,ada@x", "Ben, active ,", ",ACTIVE,c@x.io"]);
    let skipped = with_edits(source(TABLE, 2), &edits, 2).expect("it can be edited");
    assert_eq!(read(skipped).expect("it can be read").rows, ["Cyd|ACTIVE|c@x.io"]);
    // A run that goes on behind the last row asks for nothing that is not there.
    assert_eq!(read(with_edits(source(TABLE, 3), &edits, 3).expect("source")).expect("end").rows.len(), 0);
}

#[test]
fn texts_are_replaced() {
    for (replacements, expected) in [
        (
            vec![replacement("whole", "Status", "Active", "enabled")],
            ["Ada|enabled|ada@x", "Ben| active |-", "-|ACTIVE|c@x.io"],
        ),
        (
            vec![replacement("whole, any case", "*", "aCTIVE ", "enabled")],
            ["Ada|enabled|ada@x", "Ben|enabled|-", "-|enabled|c@x.io"],
        ),
        (
            vec![
                replacement("whole", "status", "Active", "ACTIVE"),
                replacement("whole", "status", "ACTIVE", "Active"),
            ],
            ["Ada|ACTIVE|ada@x", "Ben| active |-", "-|Active|c@x.io"],
        ),
        (
            vec![
                replacement("whole, any case", "Status", "active", "any"),
                replacement("whole", "Status", "ACTIVE", "loud"),
            ],
            ["Ada|any|ada@x", "Ben|any|-", "-|any|c@x.io"],
        ),
        (vec![replacement("", "*", "a", "")], ["Ad|Active|d@x", "Ben| ctive |-", "-|ACTIVE|c@x.io"]),
        (
            vec![replacement("any case", "*", "A", "4"), replacement("", "*", "44", "!")],
            ["4d4|4ctive|4d4@x", "Ben| 4ctive |-", "-|4CTIVE|c@x.io"],
        ),
        (
            vec![replacement("", "E-mail", "x", "y"), replacement("whole", "*", "ada@y", "")],
            ["Ada|Active|-", "Ben| active |-", "-|ACTIVE|c@y.io"],
        ),
        (
            vec![replacement("whole", "*", "", "none")],
            ["Ada|Active|ada@x", "Ben| active |none", "none|ACTIVE|c@x.io"],
        ),
    ] {
        let edits = Edits { replacements: replacements.clone(), ..Edits::default() };
        assert_eq!(rows(TABLE, &edits), expected, "{replacements:?}");
    }
}

#[test]
fn parts_are_found_in_any_case_and_script() {
    let replace = |words: &str, text: &str, find: &str, value: &str| {
        let replacements = vec![replacement(words, "*", find, value)];
        rows(&format!("a,b\n{text},x\n"), &Edits { replacements, ..Edits::default() }).remove(0)
    };
    assert_eq!(replace("any case", "ÄRGER über ärger", "Ärger", "ok"), "ok über ok|x");
    assert_eq!(replace("any case", "aAaAb aab", "AAB", "-"), "aA- -|x");
    assert_eq!(replace("any case", "İİi", "i", "j"), "İİj|x");
    assert_eq!(replace("", "日本日本語", "日本語", "ja"), "日本ja|x");
    assert_eq!(replace("", "aaaa", "aa", "b"), "bb|x");
    assert_eq!(replace("whole, any case", "ЖУК", "жук", "beetle"), "beetle|x");
}

#[test]
fn replacements_come_before_cells_and_empty_rows_stay_empty() {
    let edits = Edits {
        cells: vec![cell(1, "a", Some("x"))],
        replacements: vec![replacement("", "*", "x", "y"), replacement("whole", "b", "", "filled")],
    };
    assert_eq!(rows("a,b\nx,x\n,\nz,\n", &edits), ["x|y", "-|-", "z|filled"]);
}

#[test]
fn what_is_wrong_with_a_row_stays_and_what_is_wrong_with_a_cell_goes_with_it() {
    let table = "a,b\n1,n\0\n1,2,3\n";
    let problems = |edits: &Edits| {
        let given = edited(table, edits).expect("it can be edited").problems.into_iter();
        given.map(|(row, code, _)| format!("{row} {}", code.word())).collect::<Vec<_>>()
    };
    assert_eq!(problems(&Edits::default()), ["1 invalid_character", "2 too_many_cells"]);
    let cells = vec![cell(1, "b", Some("2")), cell(2, "b", Some("2"))];
    assert_eq!(problems(&Edits { cells, ..Edits::default() }), ["2 too_many_cells"]);
    let other = vec![cell(1, "a", Some("2"))];
    assert_eq!(problems(&Edits { cells: other, ..Edits::default() }).len(), 2);
}

#[test]
fn edits_of_what_is_not_there_are_refused() {
    let cells = |row, column: &str| Edits { cells: vec![cell(row, column, None)], ..Edits::default() };
    let replace = |words: &str, column: &str, find: &str| Edits {
        replacements: vec![replacement(words, column, find, "x")],
        ..Edits::default()
    };
    for (edits, expected) in [
        (cells(1, "Colour"), "the source has no column `Colour` to be edited"),
        (replace("", "Colour", "x"), "the source has no column `Colour` to be edited"),
        (cells(1, ""), "the source has no column `` to be edited"),
        (cells(0, "Name"), "a cell of `Name` is edited in row 0"),
        (cells(4, "Name"), "row 4 cannot be edited: the source has 3 rows"),
        (cells(u64::MAX, "Name"), "row 18446744073709551615 cannot be edited: the source has 3 rows"),
        (replace("", "Name", ""), "a replacement does not say what to find"),
    ] {
        let told = edited(TABLE, &edits).expect_err("it is refused");
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn there_is_an_end_to_edits() {
    let long = "x".repeat(MOST_TEXT_BYTES + 1);
    let text = "x".repeat(MOST_TEXT_BYTES);
    let one = |edits: Edits| edits.check().map_err(|error| error.to_string());
    let cells =
        |count: usize, text: &str| Edits { cells: vec![cell(1, "a", Some(text)); count], ..Edits::default() };
    assert_eq!(one(cells(MOST_CELLS, "x")), Ok(()));
    assert!(one(cells(MOST_CELLS + 1, "x")).is_err_and(|told| told.contains("20001 cells")));
    assert!(one(cells(1, &long)).is_err_and(|told| told.contains("32769 bytes")));
    assert!(
        one(cells(MOST_BYTES / MOST_TEXT_BYTES, &text)).is_err_and(|told| told.contains("bytes of text"))
    );
    let replacements = vec![replacement("", "a", "x", &text); MOST_REPLACEMENTS + 1];
    assert!(one(Edits { replacements, ..Edits::default() }).is_err_and(|told| told.contains("501")));
    // What replacements make of a row has an end too, and is told as a problem of that row.
    let replacements = vec![replacement("", "a", "x", &text)];
    let given = edited("a,b\nx,1\nxxxx,2\n", &Edits { replacements, ..Edits::default() }).expect("rows");
    assert_eq!(given.rows, [format!("{text}|1"), "xxxx|2".to_owned()]);
    assert_eq!(given.problems, [(2, ProblemCode::CellTooLarge, Some("a".to_owned()))]);
}

#[test]
fn it_is_told_that_something_was_edited() {
    let replacements = vec![replacement("whole", "Status", "Active", "enabled")];
    let edits = Edits { cells: vec![cell(1, "Name", None)], replacements };
    let source = with_edits(source(TABLE, 0), &edits, 0).expect("it can be edited");
    let told = source.detected().into_iter().find(|found| found.what == "edits").expect("it is told");
    assert_eq!(told.value, "cells: 1, replacements: 1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No edits, and edits that find nothing, change nothing.
    #[test]
    fn nothing_said_is_nothing_changed(cells in proptest::collection::vec("[a-zA-Z0-9 ,;\"äß日]{0,8}", 1..60)) {
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let mut table = "a,b,c\n".to_owned();
        for row in cells.chunks(3) {
            let mut row: Vec<String> = row.iter().map(quoted).collect();
            row.resize(3, String::new());
            table += &(row.join(",") + "\n");
        }
        let plain = read(source(&table, 0)).expect("it can be read");
        prop_assert_eq!(&edited(&table, &Edits::default()).expect("it can be edited"), &plain);
        let replacements = vec![
            replacement("", "*", "#", "x"),
            replacement("any case", "*", "##", "x"),
            replacement("whole", "*", "#", "x"),
            replacement("whole, any case", "*", "#", "x"),
        ];
        let edits = Edits { replacements, ..Edits::default() };
        prop_assert_eq!(&edited(&table, &edits).expect("it can be edited"), &plain);
    }
}
