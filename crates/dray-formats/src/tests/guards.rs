//! Text that spreadsheet programs would run leaves guarded and comes back as it was.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use dray_model::value::ValueType;
use proptest::prelude::*;

use super::{read, write_with};
use crate::guard::{guarded, needs_guard, unguarded};
use crate::{Format, FormulaGuard, ReadOptions, WriteOptions};

fn guarding() -> WriteOptions {
    WriteOptions { formula_guard: FormulaGuard::On, ..WriteOptions::default() }
}

#[test]
fn what_a_spreadsheet_would_run_is_guarded() {
    for (text, written) in [
        ("=1+2", "'=1+2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),
        ("＠x", "'＠x"),
        ("+49 30 1234", "'+49 30 1234"),
        ("'=1", "''=1"),
        ("''=1", "'''=1"),
        // Untouched: numbers, and what does not begin a formula.
        ("-5.2", "-5.2"),
        ("+3,50", "+3,50"),
        ("-1e-5", "-1e-5"),
        ("'-5", "'-5"),
        ("a=b", "a=b"),
        ("'quoted'", "'quoted'"),
        ("", ""),
    ] {
        assert_eq!(guarded(text, FormulaGuard::On), written);
        assert_eq!(unguarded(written), text);
    }
}

#[test]
fn an_export_with_guards_comes_back_unchanged() {
    let names: ArrayRef =
        Arc::new(StringArray::from(vec![Some("=1+1"), Some("'=x"), Some("-5"), None, Some("@a,\"b\"")]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![-1, -2, -3, -4, -5]));
    let decimals: ArrayRef = Arc::new(StringArray::from(vec!["-1.5"; 5]));
    let columns = [
        ("=name", ValueType::Text, names),
        ("number", ValueType::Integer, numbers),
        ("amount", ValueType::Decimal, decimals),
    ];
    let text = write_with(Format::Csv, &columns, &guarding()).unwrap();
    assert_eq!(
        String::from_utf8(text.clone()).unwrap(),
        "'=name,number,amount\n'=1+1,-1,-1.5\n''=x,-2,-1.5\n-5,-3,-1.5\n,-4,-1.5\n\"'@a,\"\"b\"\"\",-5,-1.5\n"
    );
    let contents = read("x.csv", &text, &ReadOptions::default());
    assert_eq!(contents.header[0], "=name");
    let cells: Vec<Option<&str>> = contents.rows.iter().map(|row| row[0].as_deref()).collect();
    assert_eq!(cells, [Some("=1+1"), Some("'=x"), Some("-5"), None, Some("@a,\"b\"")]);

    let kept = read("x.csv", &text, &ReadOptions { unguard: false, ..ReadOptions::default() });
    assert_eq!((kept.header[0].as_str(), kept.rows[0][0].as_deref()), ("'=name", Some("'=1+1")));
}

/// Text made of what matters to the guard.
fn risky() -> impl Strategy<Value = String> {
    prop_oneof!["['=+@\t\r＝＋－＠,\"\na1.e-]{0,6}", any::<String>()]
}

proptest! {
    #[test]
    fn a_guard_comes_off_again(text in risky()) {
        let written = guarded(&text, FormulaGuard::On);
        prop_assert_eq!(unguarded(&written), text.as_str());
        let begins = written.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
        let is_number = written.trim_start_matches(['+', '-']).replace(',', ".").parse::<f64>().is_ok();
        prop_assert!(!begins || is_number, "{written:?}");
        prop_assert_eq!(needs_guard(&text), written.len() > text.len());
        prop_assert_eq!(unguarded(&guarded(&text, FormulaGuard::LookAlikes)).to_owned(), text);
    }

    #[test]
    fn files_come_back_with_and_without_guards(cells in prop::collection::vec(risky(), 1..20), guards in any::<bool>()) {
        // Neither a blank row nor an empty cell says anything, and no cell holds a NUL.
        let cells: Vec<String> = cells.into_iter().map(|cell| format!("{}.", cell.replace('\0', ""))).collect();
        let array: ArrayRef = Arc::new(StringArray::from(cells.clone()));
        let formula_guard = if guards { FormulaGuard::On } else { FormulaGuard::LookAlikes };
        let options = WriteOptions { formula_guard, ..WriteOptions::default() };
        let text = write_with(Format::Csv, &[("a", ValueType::Text, array)], &options).unwrap();
        let options = ReadOptions {
            delimiter: Some(",".to_owned()), encoding: Some("utf-8".to_owned()), ..ReadOptions::default()
        };
        let back = read("x.csv", &text, &options).rows.into_iter().map(|row| row[0].clone().unwrap());
        prop_assert_eq!(back.collect::<Vec<_>>(), cells);
    }
}
