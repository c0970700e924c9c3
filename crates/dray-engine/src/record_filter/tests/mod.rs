//! Filters as their description has them, section by section.

mod semantics;

use super::Filter;
use super::operator::{OPERATORS, Operator};
use crate::expression::types::IntType;
use crate::expression::{Json, Property, RepeatedMember, Schema, Type};

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
