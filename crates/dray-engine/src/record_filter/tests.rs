//! Filters as their description has them, section by section.

use std::borrow::Cow;

use super::Filter;
use super::operator::{OPERATORS, Operator};
use crate::expression::convert::convert;
use crate::expression::types::IntType;
use crate::expression::{Json, Property, RepeatedMember, Schema, Type, Value};

/// Kinds by the letters of the table.
fn kind(letter: &str) -> Type {
    let read = |text: &str| Type::parse(text).expect("a type");
    match letter {
        "S" => Type::string(),
        "S*" => read(r#"{"kind":"string","values":["a","b"]}"#),
        "S+" => read(r#"{"kind":"string","values":["a",""]}"#),
        "B" => Type::Boolean,
        "I" => Type::int(64),
        "UI" => Type::Int(IntType::full(64, true)),
        "F" => Type::float(64),
        "F32" => Type::float(32),
        "D" => Type::decimal(20, 5),
        "dt" => Type::DateTime,
        "d" => Type::Date,
        "t" => Type::Time,
        "y" => Type::Year,
        "U" => Type::Uuid,
        "J" => Type::Json,
        "P" => Type::Ip,
        "A" => Type::array(Type::string()),
        "AI" => Type::array(Type::int(32)),
        "AD" => Type::array(Type::decimal(20, 5)),
        "AJ" => Type::array(Type::Json),
        "AB" => Type::array(Type::Boolean),
        "O" => Type::object(schema(Type::string())),
        "M" => Type::Map(Box::new(Type::string())),
        other => panic!("{other}"),
    }
}

fn schema(kind: Type) -> Schema {
    Schema { properties: vec![Property { nullable: true, read_optional: true, ..Property::new("v", kind) }] }
}

fn json(text: &str) -> Json {
    Json::parse(text, RepeatedMember::LastCounts).expect("JSON")
}

fn filter(schema: &Schema, operator: &str, property: &str, values: &[&str]) -> Result<Filter, String> {
    let quoted: Vec<String> = values.iter().map(|value| Json::text(value).to_string()).collect();
    let values =
        if values.is_empty() { String::new() } else { format!(",\"values\":[{}]", quoted.join(",")) };
    let condition = format!("{{\"property\":\"{property}\",\"operator\":\"{operator}\"{values}}}");
    Filter::parse(&format!("{{\"logical\":\"and\",\"conditions\":[{condition}]}}"), schema)
        .map_err(|error| error.to_string())
}

/// A value that is right for a kind, as filters write it.
fn sample(letter: &str) -> &'static str {
    match letter {
        "I" | "F" | "D" => "5",
        "dt" => "2024-03-01T10:00:00Z",
        "d" => "2024-03-01",
        "t" => "10:00:00",
        "y" => "2024",
        "U" => "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "P" => "::1",
        _ => "a",
    }
}

fn samples(operator: Operator, letter: &str) -> Vec<&'static str> {
    vec![sample(letter); operator.values().0]
}

/// The table of section 3.2: an operator, and the kinds it is for.
const KINDS: [(&[&str], &str); 10] = [
    (&["is", "is not"], "S S* I F D dt d t y U J P"),
    (
        &["is less than", "is less than or equal to", "is greater than", "is greater than or equal to"],
        "S I F D J",
    ),
    (&["is between", "is not between"], "S I F D dt d t y J"),
    (&["contains", "does not contain"], "S S* J A"),
    (&["is one of", "is not one of"], "S S* I F D dt d t y J"),
    (&["starts with", "ends with"], "S J"),
    (&["is before", "is on or before", "is after", "is on or after"], "dt d t y J"),
    (&["is true", "is false"], "B J"),
    (&["is empty", "is not empty"], "S J A O M"),
    (&["is null", "is not null", "exists", "does not exist"], "S S* B I F D dt d t y U P A O M"),
];

#[test]
fn section_3_2_operators_and_kinds() {
    let mut seen = 0;
    for (names, kinds) in KINDS {
        for name in names {
            seen += 1;
            let operator = Operator::find(name).expect("an operator");
            for letter in "S S* B I F D dt d t y U J P A O M".split(' ') {
                if letter == "J" && matches!(*name, "exists" | "does not exist" | "is null" | "is not null") {
                    continue;
                }
                let made = filter(&schema(kind(letter)), name, "v", &samples(operator, letter));
                let expected = kinds.split(' ').any(|known| known == letter);
                assert_eq!(made.is_ok(), expected, "{name} of {letter}: {made:?}");
            }
        }
    }
    assert_eq!(seen, OPERATORS.len());
    assert!(filter(&schema(kind("S+")), "is empty", "v", &[]).is_ok());
    for (letter, expected) in [("AI", true), ("AJ", true), ("AB", false)] {
        assert_eq!(filter(&schema(kind(letter)), "contains", "v", &["5"]).is_ok(), expected, "{letter}");
    }
    // Only what can be null or missing can be asked about it.
    let always =
        Schema { properties: vec![Property::new("s", Type::string()), Property::new("j", Type::Json)] };
    for (property, name, expected) in [
        ("s", "is null", false),
        ("s", "is not null", false),
        ("s", "exists", false),
        ("s", "does not exist", false),
        ("j", "is null", true),
        ("j", "exists", false),
        ("j.a", "exists", true),
        ("j.a", "is null", true),
    ] {
        assert_eq!(filter(&always, name, property, &[]).is_ok(), expected, "{property} {name}");
    }
}

#[test]
fn section_3_1_and_3_3_what_is_refused() {
    let schema = schema(kind("J"));
    for (text, says) in [
        ("", "is not JSON"),
        ("[]", "must be an object"),
        (r#"{"logical":"xor","conditions":[]}"#, "`logical`"),
        (r#"{"logical":"AND","conditions":[]}"#, "`logical`"),
        (r#"{"logical":"and"}"#, "`conditions`, a list"),
        (r#"{"logical":"and","conditions":[]}"#, "from 1 to 1000"),
        (r#"{"logical":"and","conditions":[5]}"#, "condition 1 of the filter: `property` is missing"),
        (r#"{"logical":"and","conditions":[{"property":"v","operator":"equals"}]}"#, "no operator `equals`"),
        (r#"{"logical":"and","conditions":[{"property":"w","operator":"is true"}]}"#, "no property `w`"),
        (r#"{"logical":"and","conditions":[{"property":"v[0]","operator":"is true"}]}"#, "is no path"),
        (r#"{"logical":"and","conditions":[{"property":"v.","operator":"is true"}]}"#, "is no path"),
        (
            r#"{"logical":"and","conditions":[{"property":"v","operator":"is true","values":[]}]}"#,
            "takes no values",
        ),
        (r#"{"logical":"and","conditions":[{"property":"v","operator":"is"}]}"#, "needs `values`"),
        (
            r#"{"logical":"and","conditions":[{"property":"v","operator":"is","values":[]}]}"#,
            "takes 1 value, not 0",
        ),
        (r#"{"logical":"and","conditions":[{"property":"v","operator":"is","values":["a","b"]}]}"#, "not 2"),
        (
            r#"{"logical":"and","conditions":[{"property":"v","operator":"is between","values":["a"]}]}"#,
            "2 values",
        ),
        (
            r#"{"logical":"and","conditions":[{"property":"v","operator":"is","values":[5]}]}"#,
            "in quotes too",
        ),
        (
            r#"{"logical":"and","conditions":[{"property":"v","operator":"is","values":"a"}]}"#,
            "a list of texts",
        ),
        (
            r#"{"logical":"and","conditions":[{"property":"v","operator":"is","values":[""]}]}"#,
            "use `is empty`",
        ),
        (r#"{"logical":"and","conditions":[{"property":"v","operator":"is","values":["\u0000"]}]}"#, "NUL"),
    ] {
        let told = Filter::parse(text, &schema).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(says), "{text}: {told}");
    }
    let sixty = "é".repeat(60);
    assert!(filter(&schema, "is", "v", &[&sixty]).is_ok());
    assert!(filter(&schema, "is", "v", &[&format!("{sixty}a")]).is_err());
    let null = r#"{"logical":"or","conditions":[{"property":"v","operator":"is true","values":null}]}"#;
    assert!(Filter::parse(null, &schema).is_ok());
}

#[test]
fn section_3_3_syntax_of_values_and_how_they_are_written() {
    for (letter, value, expected) in [
        ("I", "5", Some("5")),
        ("I", "+5", Some("5")),
        ("I", "-0", Some("0")),
        ("I", "05", None),
        ("I", "5.0", None),
        ("I", "9223372036854775808", None),
        ("UI", "18446744073709551615", Some("18446744073709551615")),
        ("UI", "+5", None),
        ("F", "-1.50e+3", Some("-1.50e+3")),
        ("F", ".5", None),
        ("F", "5.", None),
        ("F", "NaN", None),
        ("F", "1e999", None),
        ("D", ".50", Some("0.5")),
        ("D", "1e2", Some("100")),
        ("D", "01", None),
        ("dt", "2024-03-01T10:00:00.50+02:00", Some("2024-03-01T08:00:00.5")),
        ("dt", "2024-03-01 10:00", Some("2024-03-01T10:00:00")),
        ("dt", "2024-03-01", Some("2024-03-01T00:00:00")),
        ("dt", "yesterday", None),
        ("d", "2024-03-01", Some("2024-03-01")),
        ("d", "03/01/2024", None),
        ("t", "10:20:30.50", Some("10:20:30.5")),
        ("t", "10:20:30 and more", Some("10:20:30")),
        ("t", "10:20", None),
        ("y", "7", Some("7")),
        ("y", "0", None),
        ("y", "20240", None),
        ("U", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", Some("6ba7b810-9dad-11d1-80b4-00c04fd430c8")),
        ("U", "6ba7b8109dad11d180b400c04fd430c8", None),
        ("P", "2001:0db8::0001", Some("2001:db8::1")),
        ("P", "::g", None),
        ("S*", "a", Some("a")),
        ("S*", "c", None),
        ("S+", "", Some("")),
        ("S", " A ", Some(" A ")),
    ] {
        let schema = schema(kind(letter));
        let made = filter(&schema, "is", "v", &[value]);
        let written = expected.map(|text| {
            format!(
                "{{\"logical\":\"and\",\"conditions\":[{{\"property\":\"v\",\"operator\":\"is\",\"values\":[{}]}}]}}",
                Json::text(text)
            )
        });
        assert_eq!(made.as_ref().map(Filter::to_json).ok(), written, "{letter} {value}");
        if let (Some(written), Ok(made)) = (written, made) {
            assert_eq!(Filter::parse(&written, &schema).map(|filter| filter.to_json()), Ok(made.to_json()));
        }
    }
}

/// Operator, missing, null: the table of section 3.4.
const NOTHING: [(&str, bool, bool); 26] = [
    ("is", false, false),
    ("is not", true, true),
    ("is less than", false, false),
    ("is less than or equal to", false, false),
    ("is greater than", false, false),
    ("is greater than or equal to", false, false),
    ("is between", false, false),
    ("is not between", true, true),
    ("contains", false, false),
    ("does not contain", true, true),
    ("is one of", false, false),
    ("is not one of", true, true),
    ("starts with", false, false),
    ("ends with", false, false),
    ("is before", false, false),
    ("is on or before", false, false),
    ("is after", false, false),
    ("is on or after", false, false),
    ("is true", false, false),
    ("is false", false, false),
    ("is empty", true, true),
    ("is not empty", false, false),
    ("is null", false, true),
    ("is not null", true, false),
    ("exists", false, true),
    ("does not exist", true, false),
];

#[test]
fn section_3_4_missing_and_null_for_all_operators_and_kinds() {
    for (name, missing, null) in NOTHING {
        let operator = Operator::find(name).expect("an operator");
        for letter in "S S* B I F D dt d t y U J P A O M".split(' ') {
            let Ok(made) = filter(&schema(kind(letter)), name, "v", &samples(operator, letter)) else {
                continue;
            };
            assert_eq!(made.matches(&[None]), missing, "{name} of a missing {letter}");
            assert_eq!(made.matches(&[Some(Value::Null)]), null, "{name} of a null {letter}");
        }
        // The same for a path into JSON, and for JSON null.
        let made = filter(&schema(kind("J")), name, "v.a", &samples(operator, "J"));
        let made = made.expect("every operator is for JSON");
        for (given, expected) in
            [("{}", missing), ("[]", missing), ("5", missing), ("null", missing), ("{\"a\":null}", null)]
        {
            assert_eq!(made.matches(&[Some(Value::Json(json(given)))]), expected, "{name} of v.a in {given}");
        }
        assert_eq!(made.matches(&[Some(Value::Null)]), missing, "{name} of v.a in null");
    }
}

/// Whether a condition holds for a value written as JSON.
fn holds(letter: &str, value: &str, operator: &str, values: &[&str]) -> bool {
    let schema = schema(kind(letter));
    let made = filter(&schema, operator, "v", values).expect("a filter");
    let value = Cow::Owned(Value::Json(json(value)));
    let value = convert(value, Some(&Type::Json), &kind(letter)).expect("a value of the kind").into_owned();
    let holds = made.matches(&[Some(value.clone())]);
    // A negative operator is the opposite of the positive one.
    let condition = &made.conditions[0];
    if let Some(other) = OPERATORS
        .iter()
        .find(|other| other.test == condition.operator.test && other.opposite != condition.operator.opposite)
    {
        let opposite = filter(&schema, other.name, "v", values).expect("a filter");
        assert_eq!(opposite.matches(&[Some(value)]), !holds, "{} is the opposite of {operator}", other.name);
    }
    holds
}

#[test]
fn section_3_4_values() {
    for (letter, value, operator, values, expected) in [
        ("I", "412", "is between", &["359", "412"][..], true),
        ("I", "412", "is between", &["412", "359"], false),
        ("I", "412", "is", &["412"], true),
        ("I", "412", "is one of", &["1", "412"], true),
        ("I", "-5", "is less than", &["-4"], true),
        ("S", "\"foo boo\"", "ends with", &["boo"], true),
        ("S", "\"foo boo\"", "starts with", &["Foo"], false),
        ("S", "\"foo boo\"", "contains", &["o b"], true),
        ("S", "\" a\"", "is", &["a"], false),
        ("S", "\"b\"", "is greater than", &["a"], true),
        ("S", "\"Z\"", "is greater than", &["a"], false),
        ("S", "\"\"", "is empty", &[], true),
        ("S", "\" \"", "is empty", &[], false),
        ("S*", "\"a\"", "is one of", &["b"], false),
        ("S*", "\"a\"", "contains", &["a"], true),
        ("F32", "-16.09277", "is", &["-16.09275"], false),
        ("F32", "-16.09277", "is", &["-16.09277"], true),
        ("F", "1500", "is", &["1.5e3"], true),
        ("D", "1.50", "is", &["1.5"], true),
        ("D", "1.50", "is greater than or equal to", &["1.5"], true),
        ("B", "true", "is true", &[], true),
        ("B", "true", "is false", &[], false),
        ("B", "false", "is false", &[], true),
        ("dt", "\"2024-03-01T10:00:00Z\"", "is", &["2024-03-01T12:00:00+02:00"], true),
        ("dt", "\"2024-03-01T10:00:00Z\"", "is before", &["2024-03-01T10:00:00.5"], true),
        ("dt", "\"2024-03-01T10:00:00Z\"", "is on or after", &["2024-03-01T10:00"], true),
        ("d", "\"2024-03-01\"", "is after", &["2024-02-29"], true),
        ("d", "\"2024-03-01\"", "is between", &["2024-03-01", "2024-03-02"], true),
        ("t", "\"10:00:00\"", "is on or before", &["10:00:00"], true),
        ("y", "2024", "is after", &["999"], true),
        ("y", "2024", "is before", &["2024"], false),
        (
            "U",
            "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"",
            "is",
            &["6BA7B810-9DAD-11D1-80B4-00C04FD430C8"],
            true,
        ),
        ("P", "\"::1\"", "is", &["0:0::1"], true),
        ("A", "[\"a\",\"b\"]", "contains", &["b"], true),
        ("A", "[\"ab\"]", "contains", &["b"], false),
        ("AI", "[1,2]", "contains", &["2"], true),
        ("AD", "[1.50]", "contains", &["1.5"], true),
        ("AJ", "[\"x\",670.0]", "contains", &["670"], true),
        ("A", "[]", "is empty", &[], true),
        ("A", "[\"\"]", "is empty", &[], false),
        ("O", "{}", "is empty", &[], true),
        ("O", "{\"v\":\"\"}", "is empty", &[], false),
        ("M", "{}", "is empty", &[], true),
        ("M", "{\"a\":\"\"}", "is not empty", &[], true),
    ] {
        assert_eq!(
            holds(letter, value, operator, values),
            expected,
            "{letter} {value} {operator} {values:?}"
        );
    }
}

#[test]
fn section_3_4_json_values() {
    for (value, operator, values, expected) in [
        ("670.0", "is", &["670"][..], true),
        ("\"670\"", "is", &["670"], true),
        ("670", "is", &["abc"], false),
        ("1e2", "is", &["100"], true),
        ("12345678901234567890123456789", "is", &["12345678901234567890123456788"], false),
        ("\"foo\"", "is greater than", &["670"], true),
        ("\"\"", "is greater than", &["670"], false),
        ("\"671\"", "is less than or equal to", &["670"], false),
        ("671", "is greater than", &["670.5"], true),
        ("true", "is", &["true"], false),
        ("true", "is not", &["true"], true),
        ("{}", "is less than", &["a"], false),
        ("[5]", "is", &["5"], false),
        ("5", "is between", &["1", "9"], true),
        ("5", "is between", &["1", "x"], false),
        ("5", "is between", &["x", "9"], false),
        ("\"b\"", "is between", &["a", "c"], true),
        ("[6.05,23,812.0]", "contains", &["812"], true),
        ("[\"812.0\"]", "contains", &["812"], false),
        ("\"abc\"", "contains", &["b"], true),
        ("123", "contains", &["2"], false),
        ("{\"b\":1}", "contains", &["b"], false),
        ("\"abc\"", "starts with", &["ab"], true),
        ("123", "starts with", &["1"], false),
        ("\"abc\"", "ends with", &["bc"], true),
        ("5", "is one of", &["4", "5.0"], true),
        ("true", "is true", &[], true),
        ("1", "is true", &[], false),
        ("false", "is false", &[], true),
        ("0", "is false", &[], false),
        ("\"x\"", "is false", &[], false),
        ("\"\"", "is empty", &[], true),
        ("[]", "is empty", &[], true),
        ("{}", "is empty", &[], true),
        ("0", "is empty", &[], false),
        ("false", "is empty", &[], false),
        ("5", "is null", &[], false),
        ("\"2024-03-01\"", "is before", &["2024-03-01T00:00:01Z"], true),
        ("\"2024-03-01T01:00:00+01:00\"", "is on or after", &["2024-03-01"], true),
        ("\"soon\"", "is after", &["2024-03-01"], false),
        ("\"2024-03-01\"", "is after", &["soon"], false),
        ("2024", "is after", &["2023"], false),
    ] {
        let made = filter(&schema(kind("J")), operator, "v", values).expect("a filter");
        assert_eq!(
            made.matches(&[Some(Value::Json(json(value)))]),
            expected,
            "{value} {operator} {values:?}"
        );
        // The same at the end of a path.
        let made = filter(&schema(kind("J")), operator, "v.a.b", values).expect("a filter");
        let within = json(&format!("{{\"a\":{{\"b\":{value}}}}}"));
        assert_eq!(made.matches(&[Some(Value::Json(within))]), expected, "{value} {operator} {values:?}");
        assert_eq!(made.conditions[0].input, "v");
    }
}

#[test]
fn section_3_4_and_or_and_paths_through_objects() {
    let inner = Schema {
        properties: vec![Property {
            nullable: true,
            read_optional: true,
            ..Property::new("city", Type::string())
        }],
    };
    let outer = Schema {
        properties: vec![Property::new("id", Type::int(32)), Property::new("address", Type::object(inner))],
    };
    let made = |logical: &str| {
        let text = format!(
            r#"{{"logical":"{logical}","conditions":[{{"property":"id","operator":"is","values":["1"]}},
                {{"property":"address.city","operator":"is","values":["Ulm"]}}]}}"#
        );
        Filter::parse(&text, &outer).expect("a filter")
    };
    let city = |city: &str| Some(Value::Object(vec![Some(Value::text(city))]));
    for (id, address, all, one) in [
        (1, city("Ulm"), true, true),
        (2, city("Ulm"), false, true),
        (1, city("Bonn"), false, true),
        (2, city("Bonn"), false, false),
        (1, None, false, true),
        (2, Some(Value::Object(vec![None])), false, false),
        (2, Some(Value::Null), false, false),
        (2, Some(Value::Object(Vec::new())), false, false),
    ] {
        let record = [Some(Value::Int(id)), address];
        assert_eq!((made("and").matches(&record), made("or").matches(&record)), (all, one), "{record:?}");
    }
    assert_eq!(made("and").conditions[1].input, "address.city");
}
