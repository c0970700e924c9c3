//! Section 3.4: what filters say of records in memory.

use std::borrow::Cow;

use super::super::Filter;
use super::super::operator::{OPERATORS, Operator};
use super::{filter, json, kind, samples, schema};
use crate::expression::convert::convert;
use crate::expression::{Property, Schema, Type, Value};

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
