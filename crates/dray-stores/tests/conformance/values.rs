//! Every value a checked cell can have comes back as the same canonical text.

use dray_model::query::Query;

use crate::world::{World, insert, read};

/// Column and values.
const VALUES: &[(&str, &[&str])] = &[
    ("code", &["", " ", "a", "Ä é 漢字 😀", "a'b\"c\\d\te\nf", "007", "NULL", "\u{1}", "zero\u{200b}width"]),
    ("count", &["0", "-1", "9223372036854775807", "-9223372036854775808"]),
    (
        "price",
        &[
            "0.00",
            "0.10",
            "10.50",
            "10.00",
            "-0.01",
            "100.00",
            "1234567890123.45",
            "12345678901234.56",
            "99999999999999999999999999.99",
            "-99999999999999999999999999.99",
            "0.01",
            "1000000.00",
        ],
    ),
    (
        "ratio",
        &[
            "0",
            "1",
            "-1",
            "0.1",
            "0.5",
            "0.000001",
            "0.0000000000000000000000000001",
            "1234567890.123456789",
            "9999999999999999999999999999",
            "-9999999999999999999999999999",
            "0.3",
            "123456789012345",
            "1234567890123456",
            "0.123456789012345",
            "0.1234567890123456",
            "10000",
            "10000.0001",
            "100000000",
            "9007199254740993",
            "1000000000000000000000000000",
        ],
    ),
    ("active", &["true", "false"]),
    ("day", &["0001-01-01", "1969-12-31", "1970-01-01", "2000-01-01", "2024-02-29", "9999-12-31"]),
    (
        "moment",
        &[
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59Z",
            "2024-02-29T23:59:59.5Z",
            "1905-06-07T08:09:10.000001Z",
            "9999-12-31T23:59:59.999999Z",
        ],
    ),
    ("clock", &["00:00:00", "00:00:00.000001", "12:34:56.5", "23:59:59.999999"]),
    (
        "uid",
        &[
            "00000000-0000-0000-0000-000000000000",
            "6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ],
    ),
    (
        "document",
        &[
            "null",
            "1",
            "\"text\"",
            "[]",
            "{}",
            r#"{"b":1,"a":2}"#,
            r#"{"a" :  1 , "a":2}"#,
            "[1, 2 ,3]",
            r#"{"x":1.50,"y":1e400}"#,
            "\"\\u00e9 é\"",
        ],
    ),
    ("tags", &["[]", r#"["a"]"#, r#"["a","b \"c\"","漢"]"#]),
    ("place_city", &["Köln"]),
];

pub(crate) fn round_trip(world: &World) {
    let (mut store, things) = world.things();
    for (name, values) in VALUES {
        let mut rows: Vec<Vec<Option<&str>>> =
            values.iter().map(|value| vec![Some(*name), Some(*value)]).collect();
        rows.push(vec![Some(*name), None]);
        let first = insert(&mut *store, &things, &["name", name], &rows);
        let mut expected: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        expected.push("∅".to_owned());
        let all = read(&mut *store, &things, &Query::default(), &[name]);
        let at = usize::try_from(first - 1).unwrap();
        assert_eq!(all[at..], expected, "{name}");
        // The same through the other way out.
        let ids: Vec<String> = (0..rows.len() as i64).map(|number| (first + number).to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let column = crate::world::column(&things, name);
        let found = store.find(&things, 0, &ids, &[column]).unwrap();
        let mut texts: Vec<Option<String>> = (0..found.ids.len())
            .map(|row| dray_model::value::text_of(things.columns[column].value_type, &found.values[0], row))
            .collect();
        let mut expected: Vec<Option<String>> =
            values.iter().map(|value| Some((*value).to_owned())).collect();
        expected.push(None);
        texts.sort();
        expected.sort();
        assert_eq!(texts, expected, "{name}");
    }
}

pub(crate) fn large_text(world: &World) {
    let (mut store, things) = world.things();
    let large = "ä€".repeat(210_000);
    assert!(large.len() > 1_000_000);
    let rows: Vec<Vec<Option<&str>>> = vec![vec![Some(large.as_str())]; 5];
    insert(&mut *store, &things, &["name"], &rows);
    let read = read(&mut *store, &things, &Query::default(), &["name"]);
    assert_eq!(read.len(), 5);
    assert!(read.iter().all(|text| *text == large));
}

pub(crate) fn only_empty_cells(world: &World) {
    let (mut store, things) = world.things();
    let rows = vec![vec![Some("a"), None, None, None]; 3];
    insert(&mut *store, &things, &["name", "email", "price", "tags"], &rows);
    assert_eq!(
        read(&mut *store, &things, &Query::default(), &["name", "email", "price", "tags"]),
        ["a|∅|∅|∅"; 3]
    );
}
