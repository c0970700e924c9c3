//! JSON and JSON lines: rows, lines, problems, refusals, failed rows, writing.

use std::sync::Arc;

use arrow_array::{BooleanArray, Date32Array, Int64Array, StringArray};
use dray_model::value::ValueType;

use super::{check, open, read, read_all, tiny, write};
use crate::{Format, ReadLimits, ReadOptions};

#[test]
fn values_keep_their_text() {
    check(
        "a.json",
        r#"[
          {"n": 1.10, "big": 12345678901234567890, "t": true, "f": false, "z": null, "s": ""},
          {"s": "tab\tquote\" \u00e9\ud83d\ude00 a\/b", "o": { "k" : [ 1, "a b" ] }, "a": [], "n": -1E+5}
        ]"#,
        r#"
        n | big | t | f | z | s | o | a
        2: 1.10 | 12345678901234567890 | true | false | · | · | · | ·
        3: -1E+5 | · | · | · | · | tab	quote" é😀 a/b | {"k":[1,"a b"]} | []
        "#,
    );
}

#[test]
fn documents_come_in_several_shapes() {
    let expected = "a\n1: 1\n1: 2";
    check("x", r#"[{"a":1},{"a":2}]"#, expected);
    check("x", r#"[{"a":1},{"a":2},]"#, expected);
    check("x", r#"{"count":2,"tags":["x"],"contacts":[{"a":1},{"a":2}],"next":null}"#, expected);
    check("x", "{\"contacts\":[\n{\"a\":1},\n{\"a\":2}\n]}", "a\n2: 1\n3: 2");
    check("x", "{\"a\":1}\n{\"a\":2}\n", "a\n1: 1\n2: 2");
    check("x", "{\n\"a\":1\n}\n{\n\"a\":2\n}\n", "a\n1: 1\n4: 2");
    check("x", "\u{feff}{\"a\":1}\r\n\r\n  \r\n{\"a\":2}\r\n", "a\n1: 1\n4: 2");
    check("x", r#"{"a":1,"b":["x","y"]}"#, "a | b\n1: 1 | [\"x\",\"y\"]");
    check("x", "[]", "");
    check("x", r#"{"contacts":[],"n":0}"#, "");
}

#[test]
fn a_broken_line_costs_only_itself() {
    check(
        "a.jsonl",
        "{\"a\":1,\"b\":2}\n{\"a\":1,\"b\":}\n[1]\n{\"a\":3\n{\"a\":01}\n{\"a\":4} x\n\"s\"\n{\"a\":5,\"a\":6}\n{\"a\":7,\"c\":{\"d\": 1}}\n{\"a\":\"\\ud800\"}\n",
        r#"
        a | b | c
        1: 1 | 2 | ·
        2: · | · | ·
          invalid_record@2 the JSON is broken at column 12; wanted: a value
        3: · | · | ·
          invalid_record@3 the record is not an object; write it as {"name": value}
        4: · | · | ·
          invalid_record@4 the line ends in the middle of the record; write each record on one line
        5: · | · | ·
          invalid_record@5 the JSON is broken at column 6; wanted: a value
        6: · | · | ·
          invalid_record@6 the JSON is broken at column 9; wanted: the end of the line behind the object
        7: · | · | ·
          invalid_record@7 the record is not an object; write it as {"name": value}
        8: 6 | · | ·
          invalid_record@8 the record has two members `a`; keep one
        9: 7 | · | {"d":1}
        10: � | · | ·
          invalid_character@10 a `\u` escape stands for half a character; write both halves
        "#,
    );
}

#[test]
fn arrays_of_arrays_are_a_table() {
    let expected = "id | name\n1: 1 | Ann\n1: 2 | ·";
    check("a.json", r#"[["id","name"],[1,"Ann"],[2]]"#, expected);
    check("a.json", "[[\"id\",\"name\"],\n[1,\"Ann\"],[2,null]]", "id | name\n2: 1 | Ann\n2: 2 | ·");
    check("a.jsonl", "[\"id\",\"name\"]\n[1,\"Ann\"]\n[2]\n", "id | name\n2: 1 | Ann\n3: 2 | ·");
    check("a.json", "[[1,\"Ann\"],[2,\"Bob\"]]", "column 1 | column 2\n1: 1 | Ann\n1: 2 | Bob");
    check("a.json", r#"[["a","a",""]]"#, "a | a (2) | column 3");
    check(
        "a.jsonl",
        "[\"id\",\"tags\"]\n[1,[\"x\"]]\n[2,3,4]\n{\"id\":5}\n[6,\n",
        r#"
        id | tags
        2: 1 | ["x"]
        3: 2 | 3
          too_many_cells@3 the row has 3 values and the table 2 columns
        4: · | ·
          invalid_record@4 the record is not an array, as the first one is; write it as [value]
        5: · | ·
          invalid_record@5 the line ends in the middle of the record; write each record on one line
        "#,
    );
    // An array that is lost among objects is no header.
    check(
        "a.jsonl",
        "[1]\n{\"a\":2}\n",
        "a\n1: ·\n  invalid_record@1 the record is not an object; write it as {\"name\": value}\n2: 2",
    );
}

#[test]
fn rejected_arrays_come_back_with_names() {
    let text = b"[[\"id\",\"name\"],[1,\"Ann\",true]]";
    let mut source = open("x.json", text, &ReadOptions::default()).unwrap();
    let mut failed = Vec::new();
    let raw = read_all(source.as_mut()).unwrap().raw;
    source.failed_rows().row(&raw[0], ["1", "", "code", "why"], &mut failed);
    assert_eq!(
        String::from_utf8(failed).unwrap(),
        "{\"id\":1,\"name\":\"Ann\",\"column 3\":true,\"dray_row\":\"1\",\"dray_field\":\"\",\"dray_code\":\"code\",\"dray_reason\":\"why\"}\n"
    );
}

#[test]
fn columns_have_the_kinds_of_their_values() {
    let text = r#"[{"s":"1","n":1,"b":true,"o":{},"e":1e3,"m":1,"z":null,"x":[1]},
                   {"s":null,"n":2.5,"b":false,"o":[1],"e":1,"m":true,"x":"[1]"}]"#;
    let mut source = open("x.json", text.as_bytes(), &ReadOptions::default()).unwrap();
    assert_eq!(source.column_types(), [None; 8], "nothing was read");
    source.next_batch().unwrap();
    let (text, json) = (Some(ValueType::Text), Some(ValueType::Json));
    assert_eq!(source.column_types(), [text, None, None, json, json, json, None, text]);
    // What could not be read says nothing about a column.
    let mut source = open("x.jsonl", b"{\"a\":1}\n{\"a\":\"x\"\n", &ReadOptions::default()).unwrap();
    source.next_batch().unwrap();
    assert_eq!(source.column_types(), [None]);
}

#[test]
fn empty_text_is_kept_for_whom_it_matters() {
    let text = b"[{\"a\":\"\",\"b\":1},{\"a\":null},{\"b\":2},{\"a\":\"x\"}]";
    let options = ReadOptions { keep_empty_text: true, ..ReadOptions::default() };
    let cells = |options: &ReadOptions| -> Vec<Option<String>> {
        read("x.json", text, options).rows.into_iter().map(|mut row| row.swap_remove(0)).collect()
    };
    assert_eq!(cells(&options), [Some(String::new()), None, None, Some("x".to_owned())]);
    assert_eq!(cells(&ReadOptions::default()), [None, None, None, Some("x".to_owned())]);
}

#[test]
fn members_seen_late_are_told() {
    let mut text = "{\"a\":1}\n".repeat(10_000);
    text += "{\"a\":2,\"late\":\"x\"}\n";
    let contents = read("a.jsonl", text.as_bytes(), &ReadOptions::default());
    assert_eq!(contents.header, ["a"]);
    let problem = &contents.problems[0];
    assert_eq!((problem.code.word(), problem.row_number, problem.line), ("unknown_member", 10_001, 10_001));
    assert_eq!((problem.column.as_deref(), problem.value.as_deref()), (Some("late"), Some("x")));
}

#[test]
fn bytes_that_are_no_text_are_told() {
    let text = b"{\"a\":\"M\xfcller\\n\",\"b\":\"\xC3\xBC\xC3\xBC\"}\n";
    let contents = read("a.jsonl", text, &ReadOptions::default());
    assert_eq!(contents.rows[0][0].as_deref(), Some("M\u{fffd}ller\n"));
    assert_eq!(contents.problems[0].code.word(), "invalid_encoding");
    assert!(contents.problems[0].message.contains("offset 7 "), "{}", contents.problems[0].message);
}

fn refusal(text: &str) -> String {
    let limits = ReadLimits { max_record_bytes: 1 << 20, ..ReadLimits::default() };
    let options = ReadOptions { limits, format: Some(Format::Json), ..ReadOptions::default() };
    let error = match open("x.json", text.as_bytes(), &options) {
        Err(error) => error,
        Ok(mut source) => read_all(source.as_mut()).unwrap_err(),
    };
    assert!(error.hint.is_some());
    error.to_string()
}

#[test]
fn a_broken_document_is_refused_at_its_place() {
    let beyond = |place: &str, what: &str| format!("`x.json` cannot be read beyond {place}: {what}");
    let wanted = |place: &str, what: &str| beyond(place, &format!("the JSON is broken; wanted: {what}"));
    assert_eq!(refusal("[{\"a\":1},\n {\"a\":é}]"), wanted("line 2, column 7", "a value"));
    assert_eq!(
        refusal("[{\"a\":1}\n {\"a\":2}]"),
        wanted("line 2, column 2", "`,` or `]` behind the record")
    );
    assert_eq!(refusal("[{\"a\":1},"), beyond("line 1, column 10", "the document ends in the middle"));
    assert_eq!(
        refusal("[{\"a\":1}] x"),
        wanted("line 1, column 11", "nothing more behind the end of the document")
    );
    assert_eq!(
        refusal("[{\"a\":\"x\ny\"}]"),
        wanted("line 1, column 9", "an escape like `\\n` instead of a control character")
    );
    assert_eq!(
        refusal("{\"x\":[{\"a\":1}],\"y\":[{\"b\":1}]}"),
        wanted("line 1, column 21", "one array of records; this is a second one")
    );
    let endless = format!("[{{\"a\":\"{}", "x".repeat(20 << 20));
    assert_eq!(
        refusal(&endless),
        "the record that begins about line 1 of `x.json` is larger than 1048576 bytes"
    );
}

#[test]
fn rows_before_a_broken_place_are_delivered() {
    let mut source = open("x.json", b"[{\"a\":1},{\"a\":2},{\"a\":]", &ReadOptions::default()).unwrap();
    assert_eq!(source.next_batch().unwrap().unwrap().len(), 2);
    assert!(source.next_batch().is_err());
}

#[test]
fn deep_nesting_is_refused_and_harmless() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let text =
        format!("[{{\"a\":{}}},{{\"a\":{}}},{{\"a\":2}},{}]", nested(63), nested(100_000), nested(1_000_000));
    let contents = read("x.json", text.as_bytes(), &ReadOptions::default());
    assert_eq!(contents.rows.len(), 4);
    assert_eq!(contents.rows[0][0].as_ref().map(String::len), Some(127));
    assert_eq!(contents.rows[2][0].as_deref(), Some("2"));
    let rows: Vec<u64> = contents.problems.iter().map(|problem| problem.row_number).collect();
    assert_eq!(rows, [2, 4]);
    assert_eq!(
        refusal(&"[".repeat(100_000)),
        "`x.json` cannot be read beyond line 1, column 100001: the document ends in the middle"
    );
}

#[test]
fn skipped_rows_keep_the_numbers_of_the_others() {
    for (name, text) in [
        ("x.json", "[\n{\"a\":1},\n\n{\"a\":\n2},3,{\"a\":4,\"b\":5}\n]\n"),
        ("x.jsonl", "{\"a\":1}\n\n{\"a\":2}\n3\n{\"a\":4,\"b\":5}\n"),
    ] {
        let all = read(name, text.as_bytes(), &ReadOptions::default());
        assert_eq!(all.rows.len(), 4);
        for skip in 0..6_usize {
            let mut options = tiny(2, 10, 3);
            options.skip_rows = skip as u64;
            let mut source = open(name, text.as_bytes(), &options).unwrap();
            let rest = read_all(source.as_mut()).unwrap();
            assert_eq!(rest.rows, all.rows.get(skip..).unwrap_or_default());
            assert_eq!(rest.lines, all.lines.get(skip..).unwrap_or_default());
            assert!(rest.problems.iter().all(|problem| problem.row_number > skip as u64));
            assert_eq!(source.bytes_read(), text.len() as u64);
        }
    }
}

#[test]
fn failed_records_come_back_as_lines() {
    let text = "[{\"a\": 1.10,\n \"b\": {\"c\": \"x y\"}}, 7, {}, {\"a\":1,\"a\":2,\"dray_code\":\"old\"}]";
    let mut source = open("x.json", text.as_bytes(), &ReadOptions::default()).unwrap();
    let format = source.failed_rows();
    let contents = read_all(source.as_mut()).unwrap();
    let mut failed = Vec::new();
    format.begin(&mut failed);
    for raw in &contents.raw {
        format.row(raw, ["1", "", "code", "a \"reason\"\n"], &mut failed);
    }
    let notes = r#""dray_row":"1","dray_field":"","dray_code":"code","dray_reason":"a \"reason\"\n"}"#;
    let expected = [r#"{"a":1.10,"b":{"c":"x y"},"#, r#"{"dray_raw":"7","#, "{", r#"{"a":1,"a":2,"#]
        .map(|begin| format!("{begin}{notes}\n"));
    assert_eq!(String::from_utf8(failed.clone()).unwrap(), expected.concat());
    let again = read("failed.jsonl", &failed, &ReadOptions::default());
    assert_eq!(again.rows[0][..2], contents.rows[0][..2]);
}

#[test]
fn cells_are_written_typed() {
    let columns = || {
        [
            ("te\"xt", ValueType::Text, Arc::new(StringArray::from(vec![Some("a\"b\n\u{1}é"), None])) as _),
            ("i", ValueType::Integer, Arc::new(Int64Array::from(vec![Some(-7), None])) as _),
            ("d", ValueType::Decimal, Arc::new(StringArray::from(vec![Some("1.10"), None])) as _),
            ("b", ValueType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), None])) as _),
            ("day", ValueType::Date, Arc::new(Date32Array::from(vec![Some(0), None])) as _),
            ("j", ValueType::Json, Arc::new(StringArray::from(vec![Some("{\"k\": [1]}"), None])) as _),
        ]
    };
    let first = r#"{"te\"xt":"a\"b\n\u0001é","i":-7,"d":1.10,"b":true,"day":"1970-01-01","j":{"k":[1]}}"#;
    let second = r#"{"te\"xt":null,"i":null,"d":null,"b":null,"day":null,"j":null}"#;
    assert_eq!(write(Format::Jsonl, &columns()), format!("{first}\n{second}\n"));
    assert_eq!(write(Format::Json, &columns()), format!("[\n{first},\n{second}\n]\n"));
    let none = [("a", ValueType::Text, Arc::new(StringArray::from(Vec::<&str>::new())) as _)];
    assert_eq!(write(Format::Json, &none), "[]\n");
    assert_eq!(write(Format::Jsonl, &none), "");
}
