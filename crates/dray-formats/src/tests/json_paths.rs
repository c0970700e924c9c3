//! Records inside documents, members inside members, and documents that go too far.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use dray_model::value::ValueType;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{open, read, read_all, show, tiny, write};
use crate::{Format, ReadLimits, ReadOptions};

fn at(path: &str) -> ReadOptions {
    ReadOptions { records_path: Some(path.to_owned()), ..ReadOptions::default() }
}

fn flat() -> ReadOptions {
    ReadOptions { flatten: true, ..ReadOptions::default() }
}

#[test]
fn records_are_read_from_where_the_path_leads() {
    let text = r#"{"meta": {"rows": [[1, 2]]}, "data": {
        "other": [{"x": 1}],
        "items": [
            {"a": 1},
            {"a": 2}
        ],
        "more": [{"y": 2}]
    }, "tail": [{"z": 3}]}"#;
    let expected = "a\n4: 1\n5: 2\n";
    assert_eq!(show(&read("x.json", text.as_bytes(), &at("data.items"))), expected);
    for read_bytes in 1..30 {
        let options = ReadOptions { records_path: Some("data.items".to_owned()), ..tiny(1, 1, read_bytes) };
        assert_eq!(show(&read("x.json", text.as_bytes(), &options)), expected);
    }
    assert_eq!(show(&read("x.json", text.as_bytes(), &at("tail"))), "z\n8: 3\n");
    assert_eq!(show(&read("x.json", br#"[{"a":1}]"#, &at(""))), "a\n1: 1\n");
    assert_eq!(show(&read("x.json", br#"{"d\u0061ta":[{"a":1}]}"#, &at("data"))), "a\n1: 1\n");
    // The array may begin far behind the bytes that are looked at first.
    let late = format!(r#"{{"notes":"{}","data":[{{"a":1}}]}}"#, "x".repeat(20 << 20));
    assert_eq!(show(&read("x.json", late.as_bytes(), &at("data"))), "a\n1: 1\n");
}

#[test]
fn a_path_that_leads_nowhere_tells_what_is_there() {
    let refusal = |text: &str, path: &str| {
        let error = open("x.json", text.as_bytes(), &at(path)).err().unwrap();
        format!("{error}: {}", error.hint.as_deref().unwrap())
    };
    let text = r#"{"meta": 1, "data": {"items": [{"a": 1}], "count": 1}}"#;
    assert_eq!(
        refusal(text, "rows"),
        "the document in `x.json` has no member `rows`: the members there are `meta`, `data`"
    );
    assert_eq!(
        refusal(text, "data.rows"),
        "`data` in `x.json` has no member `rows`: the members there are `items`, `count`"
    );
    assert_eq!(
        refusal(text, "data"),
        "`data` in `x.json` is no array of records: the members there are `items`, `count`"
    );
    assert_eq!(
        refusal(text, "data.count"),
        "`data.count` in `x.json` is no array of records: name the members that lead to the array, with dots between them"
    );
    assert!(
        refusal(r#"{"data": [{"a": }]}"#, "rows")
            .starts_with("`x.json` cannot be read beyond line 1, column 17")
    );
    assert!(refusal(r#"{"data": {"#, "data.rows").contains("the document ends in the middle"));
    let error = open("x.jsonl", b"{\"a\":1}\n{\"a\":2}\n", &at("a")).err().unwrap();
    assert_eq!(error.to_string(), "the option `records` means nothing for jsonl");
    let endless = format!(r#"{{"notes":"{}"}}"#, "x".repeat(30 << 20));
    let limits = ReadLimits { max_record_bytes: 10 << 20, ..ReadLimits::default() };
    let options = ReadOptions { limits, ..at("data") };
    let error = open("x.json", endless.as_bytes(), &options).err().unwrap();
    assert!(error.to_string().starts_with("no records are at `data` within"), "{error}");
}

#[test]
fn nested_members_become_columns_when_asked() {
    let text = r#"[
        {"name": "Ana", "address": {"city": "Köln", "geo": {"lat": 50.94, "lon": 6.96}}, "tags": ["a", {"b": 1}]},
        {"address": {"geo": {}, "city": "Ulm"}, "name": "Bo"},
        {"name": "Cy", "address": "unknown"},
        {"name": "Di", "address": {"city": "X", "city": "Y"}, "address.city": "Z"}
    ]"#;
    assert_eq!(
        show(&read("x.json", text.as_bytes(), &flat())),
        "name | address.city | address.geo.lat | address.geo.lon | tags | address.geo | address\n\
         2: Ana | Köln | 50.94 | 6.96 | [\"a\",{\"b\":1}] | · | ·\n\
         3: Bo | Ulm | · | · | · | {} | ·\n\
         4: Cy | · | · | · | · | · | unknown\n\
         5: Di | Z | · | · | · | · | ·\n  \
           invalid_record@5 the record has two members `address.city`; keep one\n"
    );
    let plain = read("x.json", text.as_bytes(), &ReadOptions::default());
    assert_eq!(plain.header, ["name", "address", "tags", "address.city"]);
    assert_eq!(plain.rows[0][1].as_deref(), Some(r#"{"city":"Köln","geo":{"lat":50.94,"lon":6.96}}"#));

    let deep = r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}}}"#;
    assert_eq!(show(&read("x.jsonl", deep.as_bytes(), &flat())), "a.b.c.d.e.f\n1: {\"g\":1}\n");
    let late = "{\"a\":{\"b\":1}}\n".repeat(10_000) + "{\"a\":{\"c\":2}}\n";
    let contents = read("x.jsonl", late.as_bytes(), &flat());
    assert_eq!(contents.problems[0].column.as_deref(), Some("a.c"));
    assert_eq!(contents.problems[0].code.word(), "unknown_member");
}

#[test]
fn too_deep_and_too_wide_is_refused_with_its_place() {
    let deep = format!("[{{\"a\":1}},\n{{\"a\":{}{}}}]", "[".repeat(100_000), "]".repeat(100_000));
    for options in [ReadOptions::default(), flat()] {
        let contents = read("x.json", deep.as_bytes(), &options);
        assert_eq!(contents.problems.len(), 1);
        assert_eq!(contents.problems[0].line, 2);
        assert_eq!(contents.problems[0].message, "the record is nested deeper than 64 levels; flatten it");
    }
    let objects = format!("{{\"a\":{}1{}}}", "{\"b\":".repeat(100_000), "}".repeat(100_000));
    assert_eq!(read("x.jsonl", objects.as_bytes(), &flat()).problems.len(), 1);
    let unclosed = "[".repeat(100_000);
    let mut source =
        open("x.json", format!("[{{\"a\":{unclosed}").as_bytes(), &ReadOptions::default()).unwrap();
    assert!(read_all(source.as_mut()).unwrap_err().to_string().contains("the document ends in the middle"));

    let wide: Vec<String> = (0..5000).map(|n| format!("\"m{n}\":{{\"x\":1}}")).collect();
    let error =
        open("x.jsonl", format!("{{\"w\":{{{}}}}}", wide.join(",")).as_bytes(), &flat()).err().unwrap();
    assert_eq!(error.to_string(), "the records of `x.jsonl` have more than 4096 different members");
}

#[test]
fn numbers_keep_every_digit() {
    let text = r#"[{"a":1e400,"b":12345678901234567890,"c":-0.10,"d":1E-7,"e":100000000000000000000000.00}]"#;
    assert_eq!(
        show(&read("x.json", text.as_bytes(), &ReadOptions::default())),
        "a | b | c | d | e\n1: 1e400 | 12345678901234567890 | -0.10 | 1E-7 | 100000000000000000000000.00\n"
    );
}

#[test]
fn json_in_a_cell_comes_back_as_it_was() {
    let cells =
        [Some(r#"{"city":"Ulm","geo":{"lat":1.50}}"#), Some("[1,2]"), Some("\"text\""), Some("5"), None];
    let array: ArrayRef = Arc::new(StringArray::from(cells.to_vec()));
    for format in [Format::Json, Format::Jsonl] {
        let text = write(format, &[("id", ValueType::Json, Arc::clone(&array))]);
        let contents = read("x", text.as_bytes(), &ReadOptions::default());
        let back: Vec<Option<&str>> = contents.rows.iter().map(|row| row[0].as_deref()).collect();
        assert_eq!(back, cells, "{text}");
    }
}

fn record(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from)
    ];
    let value = leaf.prop_recursive(depth, 12, 3, |inner| {
        prop::collection::btree_map("[a-c]", inner, 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    });
    prop::collection::btree_map("[a-c]", value, 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// What flattening is, in the simplest words.
fn flattened(value: &Map<String, Value>, path: &str, out: &mut Vec<(String, String)>) {
    for (name, value) in value {
        match value {
            Value::Object(members) if !members.is_empty() => {
                flattened(members, &format!("{path}{name}."), out);
            }
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => out.push((format!("{path}{name}"), text.clone())),
            other => out.push((format!("{path}{name}"), other.to_string())),
        }
    }
}

proptest! {
    #[test]
    fn flattened_records_have_every_leaf(records in prop::collection::vec(record(3), 1..8), read_bytes in 1..50_usize) {
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        let options = ReadOptions { flatten: true, format: Some(Format::Jsonl), ..tiny(2, 20, read_bytes) };
        let contents = read("x", lines.as_bytes(), &options);
        prop_assert_eq!(&contents.problems, &[]);
        for (record, row) in records.iter().zip(&contents.rows) {
            let mut expected = Vec::new();
            flattened(record.as_object().unwrap(), "", &mut expected);
            let mut found: Vec<(String, String)> = contents.header.iter().cloned().zip(row.iter().cloned())
                .filter_map(|(name, cell)| Some((name, cell?))).collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
