//! JSON: the same values as `serde_json`, the same rows whatever the batch size, everything written
//! is read back, and no text makes the reader panic.

use std::sync::Arc;

use arrow_array::StringArray;
use dray_model::value::ValueType;
use proptest::prelude::*;
use serde_json::Value;

use super::{Row, open, read, read_all, tiny, write};
use crate::{Format, ReadOptions};

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a\"\\\\é\n\u{1}😀 ]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[ab\"]{0,2}", inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn records() -> impl Strategy<Value = Vec<Value>> {
    let record = prop::collection::vec(("[abc]", any_value()), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()));
    prop::collection::vec(record, 1..12)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

fn messy_text() -> impl Strategy<Value = String> {
    let parts = vec![
        "{",
        "}",
        "[",
        "]",
        "\"a\"",
        ":",
        ",",
        "1",
        "null",
        "\"",
        "\\",
        "\n",
        " ",
        "é",
        "\\u12",
        "tru",
        "{\"a\":1}",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn values_are_those_of_serde(records in records(), pretty in any::<bool>(), rows in 1_usize..5, bytes in 1_usize..80, read_bytes in 1_usize..80) {
        let document = if pretty { serde_json::to_string_pretty(&records) } else { serde_json::to_string(&records) }.unwrap();
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        for (name, text) in [("x.json", document), ("x.jsonl", lines)] {
            let contents = read(name, text.as_bytes(), &ReadOptions::default());
            let expected: Vec<Row> = records
                .iter()
                .map(|record| contents.header.iter().map(|name| record.get(name).and_then(text_of)).collect())
                .collect();
            prop_assert_eq!(&contents.rows, &expected);
            prop_assert!(contents.problems.is_empty());
            let mut source = open(name, text.as_bytes(), &tiny(rows, bytes, read_bytes)).unwrap();
            prop_assert_eq!(read_all(source.as_mut()).unwrap(), contents);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in messy_text(), lines in any::<bool>(), begin in prop::sample::select(vec!["", "[", "{\"a\":[{", "{\"a\":1}\n"])) {
        let text = format!("x{begin}{text}");
        let text = text.strip_prefix('x').unwrap();
        let mut whole = ReadOptions { format: Some(if lines { Format::Jsonl } else { Format::Json }), ..ReadOptions::default() };
        let all = open("x", text.as_bytes(), &whole).and_then(|mut source| read_all(source.as_mut()));
        whole.limits = tiny(2, 7, 5).limits;
        let tiny = open("x", text.as_bytes(), &whole).and_then(|mut source| read_all(source.as_mut()));
        match (all, tiny) {
            (Ok(all), Ok(tiny)) => prop_assert_eq!(all, tiny),
            (Err(all), Err(tiny)) => prop_assert_eq!(all.to_string(), tiny.to_string()),
            (all, tiny) => prop_assert!(false, "{:?} {:?}", all, tiny),
        }
    }

    #[test]
    fn what_is_written_is_read_back(cells in prop::collection::vec(prop::option::of("[a,\"\\\\\n\r\té\u{0}\u{7f} ]{0,8}"), 1..30)) {
        let column = Arc::new(cells.iter().cloned().collect::<StringArray>());
        for format in [Format::Json, Format::Jsonl] {
            let written = write(format, &[("one", ValueType::Text, Arc::clone(&column) as _), ("two", ValueType::Text, Arc::clone(&column) as _)]);
            let parsed: Vec<Value> = match format {
                Format::Json => serde_json::from_str(&written).unwrap(),
                _ => written.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            };
            prop_assert_eq!(parsed.len(), cells.len());
            let contents = read(&format!("x.{}", format.extension()), written.as_bytes(), &ReadOptions::default());
            let expected: Vec<Row> = cells.iter().map(|cell| vec![cell.clone().filter(|cell| !cell.is_empty()); 2]).collect();
            prop_assert_eq!(contents.rows, expected);
            prop_assert!(contents.problems.is_empty());
        }
    }
}
