//! Section 4.3: which kinds become which, and how values do.

use super::super::is_convertible;
use super::super::types::{Property, Schema, Type};
use super::{constant, kind, outcome, outcome_as, schema};

/// The table as it is described; a word in a cell is the only type for which it holds.
const MATRIX: &str = "
from       string boolean int  float decimal datetime date time year uuid json ip
string     y      y       y    y     y       y        y    y    y    y    y    y
boolean    y      y       int8 .     .       .        .    .    .    .    y    .
int32      y      .       y    y     y       .        .    .    y    .    y    .
int8       y      y       y    y     y       .        .    .    y    .    y    .
float      y      .       y    y     y       .        .    .    .    .    y    .
decimal    y      .       y    y     y       .        .    .    .    .    y    .
datetime   y      .       .    .     .       y        y    y    .    .    y    .
date       y      .       .    .     .       y        y    .    .    .    y    .
time       y      .       .    .     .       .        .    y    .    .    y    .
year       y      .       y    .     .       .        .    .    y    .    y    .
uuid       y      .       .    .     .       .        .    .    .    y    y    .
json       y      y       y    y     y       y        y    y    y    y    y    y
ip         y      .       .    .     .       .        .    .    .    .    y    y
";

fn named(name: &str) -> Type {
    match name {
        "int" => kind("int32"),
        "float" => kind("float64"),
        "decimal" => kind("decimal(10,2)"),
        name => kind(name),
    }
}

#[test]
fn section_4_3_the_whole_matrix() {
    let mut rows = MATRIX.trim().lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let head = rows.next().expect("a head");
    let object = |members| Type::object(schema(members));
    for row in rows {
        let from = named(row[0]);
        for (to_name, cell) in head.iter().zip(&row).skip(1) {
            let possible = is_convertible(&from, &named(to_name));
            match *cell {
                "y" => assert!(possible, "{from} to {to_name}"),
                "." => assert!(!possible, "{from} to {to_name}"),
                only => {
                    assert!(!possible && is_convertible(&from, &kind(only)), "{from} to {to_name}");
                    assert!(!is_convertible(&from, &kind("unsigned8")), "{from} to {to_name}");
                }
            }
        }
        let json = row[0] == "json";
        for to in [kind("array(string)"), object("a:string"), kind("map(string)")] {
            assert_eq!(is_convertible(&from, &to), json, "{from} to {to}");
            // Of arrays, objects and maps only JSON can be made besides themselves.
            assert_eq!(is_convertible(&to, &from), json, "{to} to {from}");
        }
    }
    for (from, to, possible) in [
        (kind("array(int32)"), kind("array(string)"), true),
        (kind("array(string)"), kind("array(array(string))"), false),
        (kind("array(time)"), kind("array(date)"), false),
        (kind("array(string)"), kind("map(string)"), false),
        (kind("map(int32)"), kind("map(string)"), true),
        (kind("map(uuid)"), kind("map(ip)"), false),
        (object("a:int32 b:string"), object("a:string"), true),
        (object("a:int32"), object("a:string b:ip"), true),
        (object("a:uuid b:string"), object("a:ip b:string"), false),
        (object("a:int32"), object("b:int32"), false),
        (object("a:int32 b:uuid"), kind("map(string)"), true),
        (object("a:int32 b:uuid"), kind("map(int32)"), false),
        (kind("map(string)"), object("a:int32 b:ip"), true),
        (kind("map(uuid)"), object("a:uuid b:ip"), false),
        (object("a:string"), kind("array(string)"), false),
    ] {
        assert_eq!(is_convertible(&from, &to), possible, "{} to {}", from.to_json(), to.to_json());
    }
}

/// Input type, JSON value, output type, what comes out.
fn all(table: &[(&str, &str, &str, &str)]) {
    for (from, value, to, expected) in table {
        let told = outcome(&format!("v:{from}"), &format!("{{\"v\":{value}}}"), "v", to);
        match expected.strip_suffix('…') {
            Some(beginning) => assert!(told.starts_with(beginning), "{from} {value} to {to}: {told}"),
            None => assert_eq!(told, *expected, "{from} {value} to {to}"),
        }
    }
}

const BAD: &str = "OutputValidation: …";

#[test]
fn section_4_3_to_string() {
    all(&[
        ("string", "\"a\"", "string", "\"a\""),
        ("boolean", "true", "string", "\"true\""),
        ("int64", "-12", "string", "\"-12\""),
        ("float64", "7928301735.704827", "string", "\"7.928301735704827e+09\""),
        ("float64", "123456", "string", "\"123456\""),
        ("float64", "1234567", "string", "\"1.234567e+06\""),
        ("float64", "0.0001", "string", "\"0.0001\""),
        ("float64", "0.00001", "string", "\"1e-05\""),
        ("float64", "-16.5", "string", "\"-16.5\""),
        ("float32", "-16.09277", "string", "\"-16.09277\""),
        ("decimal(10,3)", "0.142", "string", "\"0.142\""),
        ("decimal(10,3)", "12.500", "string", "\"12.5\""),
        ("datetime", "\"2024-03-01T10:00:00.120+02:00\"", "string", "\"2024-03-01T08:00:00.12Z\""),
        ("date", "\"2024-03-01\"", "string", "\"2024-03-01\""),
        ("time", "\"10:00:00.5\"", "string", "\"10:00:00.5\""),
        ("year", "2024", "string", "\"2024\""),
        (
            "uuid",
            "\"6BA7B810-9DAD-11D1-80B4-00C04FD430C8\"",
            "string",
            "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"",
        ),
        ("ip", "\"2001:0db8::0001\"", "string", "\"2001:db8::1\""),
        ("json", "\"a\"", "string", "\"a\""),
        ("json", "12.00", "string", "\"12.00\""),
        ("json", "false", "string", "\"false\""),
        ("json", "[1]", "string", "OutputValidation: a JSON array cannot become string"),
        ("json", "{}", "string", BAD),
        ("json", "null", "string", "omitted"),
        ("string", "\"\"", "string", "\"\""),
        (
            "string",
            "\"abc\"",
            r#"{"kind":"string","values":["a","b"]}"#,
            "OutputValidation: `abc` is not one of the allowed values",
        ),
        ("string", "\"\"", r#"{"kind":"string","values":["a","b"]}"#, "omitted"),
        ("string", "\"\"", r#"{"kind":"string","values":["a",""]}"#, "\"\""),
        ("string", "\"xa1\"", r#"{"kind":"string","pattern":"a[0-9]"}"#, "\"xa1\""),
        (
            "string",
            "\"a\"",
            r#"{"kind":"string","pattern":"a[0-9]"}"#,
            "OutputValidation: the text does not match the pattern `a[0-9]`",
        ),
        ("string", "\"\"", r#"{"kind":"string","pattern":"a[0-9]"}"#, "omitted"),
        ("string", "\"éé\"", r#"{"kind":"string","maxLength":2}"#, "\"éé\""),
        (
            "string",
            "\"ééé\"",
            r#"{"kind":"string","maxLength":2}"#,
            "OutputValidation: the text is longer than 2 characters",
        ),
        (
            "string",
            "\"éé\"",
            r#"{"kind":"string","maxBytes":3,"maxLength":1}"#,
            "OutputValidation: the text is longer than 3 bytes",
        ),
    ]);
}

#[test]
fn section_4_3_to_boolean() {
    for text in ["true", "True", "TRUE", "yes", "Yes", "YES"] {
        all(&[("string", &format!("\"{text}\""), "boolean", "true")]);
    }
    for text in ["false", "False", "FALSE", "no", "No", "NO"] {
        all(&[("string", &format!("\"{text}\""), "boolean", "false")]);
    }
    all(&[
        ("string", "\"tRUE\"", "boolean", BAD),
        ("string", "\"1\"", "boolean", BAD),
        ("string", "\"\"", "boolean", "omitted"),
        ("int8", "0", "boolean", "false"),
        ("int8", "-3", "boolean", "true"),
        ("json", "true", "boolean", "true"),
        ("json", "\"true\"", "boolean", BAD),
        ("json", "1", "boolean", BAD),
        ("int32", "1", "boolean", "refused: a value of type int(32) cannot become boolean at character 1"),
    ]);
    assert!(constant("1", "boolean").starts_with("refused"));
    assert!(constant("true", "int32").starts_with("refused"));
    assert_eq!(constant("true", "int8"), "1");
    assert_eq!(constant("'yes'", "boolean"), "true");
}

#[test]
fn section_4_3_to_whole_numbers_and_years() {
    all(&[
        ("string", "\"-12\"", "int32", "-12"),
        ("string", "\"+12\"", "int32", "12"),
        ("string", "\"007\"", "int32", "7"),
        ("string", "\"1.0\"", "int32", "OutputValidation: `1.0` is not a number of type int(32)"),
        ("string", "\" 1\"", "int32", BAD),
        ("string", "\"\"", "int32", "omitted"),
        ("string", "\"200\"", "int8", "OutputValidation: the number is above the maximum 127"),
        ("string", "\"-1\"", "unsigned8", "OutputValidation: the number is below the minimum 0"),
        ("string", "\"18446744073709551615\"", "unsigned64", "18446744073709551615"),
        ("string", "\"99999999999999999999999999999999999999999999999\"", "int64", BAD),
        ("float64", "34.5", "int32", "35"),
        ("float64", "-0.5", "int32", "-1"),
        ("float64", "1e30", "int64", BAD),
        ("decimal(10,2)", "12.00", "int32", "12"),
        ("decimal(10,2)", "12.01", "int32", BAD),
        ("boolean", "true", "int8", "1"),
        ("year", "2024", "int32", "2024"),
        ("json", "12", "int32", "12"),
        ("json", "12.0", "int32", "12"),
        ("json", "-0.0", "int32", "0"),
        ("json", "12.00", "int32", BAD),
        ("json", "1e2", "int32", BAD),
        ("json", "\"12\"", "int32", BAD),
        ("json", "\"\"", "int32", "omitted"),
        ("int32", "2024", "year", "2024"),
        ("int32", "0", "year", "OutputValidation: the year is not between 1 and 9999"),
        ("int32", "10000", "year", BAD),
        ("string", "\"2024\"", "year", "2024"),
        ("string", "\"7\"", "year", "7"),
        ("string", "\"07\"", "year", BAD),
        ("string", "\"+7\"", "year", BAD),
        ("string", "\"20240\"", "year", BAD),
        ("json", "2024.0", "year", "2024"),
        ("json", "2024.5", "year", BAD),
        (
            "int32",
            "5",
            r#"{"kind":"int","bitSize":32,"minimum":6}"#,
            "OutputValidation: the number is below the minimum 6",
        ),
    ]);
}

#[test]
fn section_4_3_to_floats_and_decimals() {
    all(&[
        ("string", "\"1.5\"", "float64", "1.5"),
        ("string", "\"0x1.8p1\"", "float64", "3"),
        ("string", "\"-0X10p-1\"", "float64", "-8"),
        ("string", "\"0x1\"", "float64", BAD),
        ("string", "\"Inf\"", "float64", "inf"),
        ("string", "\"NaN\"", "float64", "NaN"),
        ("string", "\"NaN\"", r#"{"kind":"float","bitSize":64,"real":true}"#, BAD),
        ("string", "\"1e999\"", "float64", BAD),
        ("string", "\"1,5\"", "float64", BAD),
        ("int32", "16777217", "float32", "16777216"),
        ("float64", "1e300", "float32", BAD),
        ("decimal(10,2)", "1.25", "float64", "1.25"),
        ("json", "1.25", "float64", "1.25"),
        ("json", "\"1.25\"", "float64", BAD),
        (
            "float64",
            "2",
            r#"{"kind":"float","bitSize":64,"maximum":1.5}"#,
            "OutputValidation: the number is above the maximum 1.5",
        ),
        ("string", "\"1.25\"", "decimal(3,2)", "1.25"),
        ("string", "\"1.250\"", "decimal(3,2)", "1.25"),
        ("string", "\"1.255\"", "decimal(3,2)", BAD),
        ("string", "\"10.25\"", "decimal(3,2)", BAD),
        ("string", "\"01\"", "decimal(3,2)", BAD),
        ("float64", "1.255", "decimal(3,2)", "1.26"),
        ("float64", "100", "decimal(3,2)", BAD),
        ("int32", "9", "decimal(3,2)", "9"),
        ("int32", "10", "decimal(3,2)", BAD),
        ("json", "1e0", "decimal(3,2)", "1"),
        ("json", "1.234", "decimal(3,2)", BAD),
        (
            "decimal(10,2)",
            "5",
            r#"{"kind":"decimal","precision":3,"maximum":4}"#,
            "OutputValidation: the number is above the maximum 4",
        ),
    ]);
}

#[test]
fn section_4_3_to_dates_and_times() {
    all(&[
        ("string", "\"2024-03-01T10:00:00+02:00\"", "datetime", "\"2024-03-01T08:00:00Z\""),
        ("string", "\"2024-03-01T10:00:00.123456789Z\"", "datetime", "\"2024-03-01T10:00:00.123456789Z\""),
        (
            "string",
            "\"2024-03-01T10:00:00\"",
            "datetime",
            "OutputValidation: `2024-03-01T10:00:00` cannot be read as a date time (RFC 3339)",
        ),
        ("string", "\"2024-03-01 10:00:00Z\"", "datetime", BAD),
        ("string", "\"2024-02-30T10:00:00Z\"", "datetime", BAD),
        ("string", "\"0001-01-01T00:00:00+01:00\"", "datetime", BAD),
        ("string", "\"9999-12-31T23:59:59-01:00\"", "datetime", BAD),
        ("string", "\"\"", "datetime", "omitted"),
        ("date", "\"2024-03-01\"", "datetime", "\"2024-03-01T00:00:00Z\""),
        ("json", "\"2024-03-01T10:00\"", "datetime", "\"2024-03-01T10:00:00Z\""),
        ("json", "\"2024-03-01 10\"", "datetime", "\"2024-03-01T10:00:00Z\""),
        ("json", "\"2024\"", "datetime", "\"2024-01-01T00:00:00Z\""),
        ("json", "\"2024-03\"", "datetime", "\"2024-03-01T00:00:00Z\""),
        ("json", "\"2024-366\"", "datetime", "\"2024-12-31T00:00:00Z\""),
        ("json", "\"2023-366\"", "datetime", BAD),
        ("json", "\"2024-03-01T10:00:00.5+0130\"", "datetime", "\"2024-03-01T08:30:00.5Z\""),
        ("json", "\"2024-03-01T10:00:00-02\"", "datetime", "\"2024-03-01T12:00:00Z\""),
        ("json", "5", "datetime", BAD),
        ("string", "\"2024-03-01\"", "date", "\"2024-03-01\""),
        ("string", "\"03/01/2024\"", "date", "\"2024-03-01\""),
        ("string", "\"03.01.2024\"", "date", "\"2024-03-01\""),
        ("string", "\"03/01.2024\"", "date", BAD),
        ("string", "\"13/01/2024\"", "date", BAD),
        ("string", "\"2023-02-29\"", "date", BAD),
        ("string", "\"44927\"", "date", "\"2023-01-01\""),
        ("string", "\"44927.75\"", "date", "\"2023-01-01\""),
        ("string", "\"061\"", "date", "\"1900-03-01\""),
        ("string", "\"059\"", "date", "\"1900-02-28\""),
        ("string", "\"060\"", "date", BAD),
        ("string", "\"44\"", "date", BAD),
        ("string", "\"44927.\"", "date", BAD),
        ("string", "\".44927\"", "date", BAD),
        ("string", "\"99999999999999999999\"", "date", BAD),
        ("string", "\"24-03-01\"", "date", BAD),
        ("string", "\"03/01/24\"", "date", BAD),
        ("datetime", "\"2024-03-01T23:59:59Z\"", "date", "\"2024-03-01\""),
        ("datetime", "\"1969-12-31T23:59:59Z\"", "date", "\"1969-12-31\""),
        ("json", "\"2024-03-01\"", "date", "\"2024-03-01\""),
        ("json", "\"03/01/2024\"", "date", BAD),
        ("string", "\"10:20:30\"", "time", "\"10:20:30\""),
        ("string", "\"10:20:30.123456789 and more\"", "time", "\"10:20:30.123456789\""),
        ("string", "\"10:20:30Z\"", "time", "\"10:20:30\""),
        ("string", "\"10:20\"", "time", BAD),
        ("string", "\"24:00:00\"", "time", BAD),
        ("datetime", "\"2024-03-01T23:59:59.5Z\"", "time", "\"23:59:59.5\""),
        ("json", "\"10:20:30\"", "time", "\"10:20:30\""),
    ]);
}

#[test]
fn section_4_3_to_uuid_and_ip() {
    let canonical = "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"";
    for text in [
        "6BA7B810-9dad-11d1-80b4-00c04fd430c8",
        "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}",
        "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "6ba7b8109dad11d180b400c04fd430c8",
    ] {
        all(&[("string", &format!("\"{text}\""), "uuid", canonical)]);
    }
    all(&[
        ("string", "\"6ba7b810-9dad-11d1-80b4-00c04fd430cx\"", "uuid", BAD),
        ("string", "\"6ba7b8109-dad-11d1-80b4-00c04fd430c8\"", "uuid", BAD),
        ("string", "\"(6ba7b810-9dad-11d1-80b4-00c04fd430c8)\"", "uuid", BAD),
        ("json", canonical, "uuid", canonical),
        ("string", "\"2001:0DB8::0001\"", "ip", "\"2001:db8::1\""),
        ("string", "\"192.168.0.1\"", "ip", "\"192.168.0.1\""),
        (
            "string",
            "\"192.168.0.256\"",
            "ip",
            "OutputValidation: `192.168.0.256` cannot be read as an IP address",
        ),
        ("string", "\"\"", "ip", "omitted"),
    ]);
}

#[test]
fn section_4_3_to_json_arrays_objects_and_maps() {
    all(&[
        ("string", "\"a\"", "json", "\"a\""),
        ("string", "\"\"", "json", "\"\""),
        ("int64", "9007199254740993", "json", "9007199254740993"),
        ("float64", "1e21", "json", "1e21"),
        ("float64", "0.1", "json", "0.1"),
        ("decimal(10,2)", "1.50", "json", "1.5"),
        ("datetime", "\"2024-03-01T10:00:00Z\"", "json", "\"2024-03-01T10:00:00Z\""),
        ("array(date)", "[\"2024-03-01\"]", "json", "[\"2024-03-01\"]"),
        ("map(int8)", "{\"b\":1,\"a\":2}", "json", "{\"b\":1,\"a\":2}"),
        ("json", "null", "json", "null"),
        ("json", "{\"a\":[1.0]}", "json", "{\"a\":[1.0]}"),
        ("json", "[1,2.0]", "array(int32)", "[1,2]"),
        ("json", "\"a\"", "array(string)", "[\"a\"]"),
        (
            "json",
            "5",
            r#"{"kind":"array","minElements":2,"elementType":{"kind":"json"}}"#,
            "OutputValidation: there are fewer than 2 elements",
        ),
        ("json", "5", r#"{"kind":"array","maxElements":0,"elementType":{"kind":"json"}}"#, BAD),
        (
            "json",
            "[1,2,3]",
            r#"{"kind":"array","maxElements":2,"elementType":{"kind":"json"}}"#,
            "OutputValidation: there are more than 2 elements",
        ),
        (
            "json",
            "[1,1]",
            r#"{"kind":"array","uniqueElements":true,"elementType":{"kind":"year"}}"#,
            "OutputValidation: two elements are equal; each may occur once",
        ),
        ("json", "[1,2]", r#"{"kind":"array","uniqueElements":true,"elementType":{"kind":"year"}}"#, "[1,2]"),
        ("json", "{}", "array(json)", BAD),
        ("json", "[null]", "array(json)", "[null]"),
        ("json", "[null]", "array(string)", BAD),
        ("array(int32)", "[1,2]", "array(string)", "[\"1\",\"2\"]"),
        ("array(string)", "[\"1\",\"x\"]", "array(int32)", BAD),
        ("json", "{\"a\":1,\"b\":2}", "map(string)", "{\"a\":\"1\",\"b\":\"2\"}"),
        ("json", "{\"a\":[]}", "map(string)", BAD),
        ("json", "[1]", "map(string)", BAD),
        ("map(string)", "{\"a\":\"1\"}", "map(int32)", "{\"a\":1}"),
    ]);
    let to_object = |input: &Schema, values: &str, members: Vec<Property>| {
        outcome_as(input, values, "v", Property::new("out", Type::object(Schema { properties: members })))
    };
    let text = |name: &str| Property::new(name, Type::string());
    let nullable = |name: &str| Property { nullable: true, ..text(name) };
    let any = schema("v:json");
    let given = "{\"v\":{\"a\":1,\"b\":null,\"x\":[],\"é\":2}}";
    assert_eq!(to_object(&any, given, vec![text("a"), text("b"), text("c")]), "{\"a\":\"1\"}");
    assert_eq!(to_object(&any, given, vec![nullable("b"), text("a")]), "{\"b\":null,\"a\":\"1\"}");
    let made = to_object(&any, given, vec![text("x")]);
    assert_eq!(made, "OutputValidation: a JSON array cannot become string");
    let object = Schema { properties: vec![Property::new("v", Type::object(schema("a:int32 b:string")))] };
    let given = "{\"v\":{\"a\":1,\"b\":null}}";
    assert_eq!(to_object(&object, given, vec![text("a"), text("c")]), "{\"a\":\"1\"}");
    let made = to_object(&object, given, vec![text("b")]);
    assert_eq!(made, "OutputValidation: the member `b` is null and may not be");
    let map = schema("v:map(string)");
    assert_eq!(
        to_object(&map, "{\"v\":{\"a\":\"1\",\"z\":\"2\"}}", vec![text("a"), text("b")]),
        "{\"a\":\"1\"}"
    );
}
