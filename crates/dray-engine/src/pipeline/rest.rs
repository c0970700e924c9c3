//! Values as the pipelines' API writes them: 64-bit integers and floats that are no numbers as texts, times
//! with their decimals in groups of three, everything else as JSON has it; and the same read back.

use std::fmt::Write as _;

use dray_model::value::parse_date;

use crate::expression::clock::{parse_clock, parse_iso8601};
use crate::expression::value::Record;
use crate::expression::{Decimal, Json, Schema, Type, Value};

/// Appends the JSON of a value of this type.
pub fn append_json(value: &Value, kind: &Type, out: &mut String) {
    match (value, kind) {
        (Value::Null, _) => out.push_str("null"),
        (Value::Int(number), Type::Int(int)) if int.bit_size == 64 => {
            written(out, format_args!("\"{number}\""));
        }
        (Value::Boolean(value), _) => written(out, format_args!("{value}")),
        (Value::Int(number), _) => written(out, format_args!("{number}")),
        (Value::Decimal(number), _) => written(out, format_args!("{number}")),
        (Value::Json(json), _) => written(out, format_args!("{json}")),
        (Value::Float(number), kind) => append_float(*number, kind, out),
        (Value::Array(elements), kind) => {
            let element = match kind {
                Type::Array(array) => &*array.element,
                _ => &Type::Json,
            };
            out.push('[');
            for (index, value) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                append_json(value, element, out);
            }
            out.push(']');
        }
        (Value::Map(members), kind) => {
            let element = match kind {
                Type::Map(element) => element,
                _ => &Type::Json,
            };
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                append_text(name, out);
                out.push(':');
                append_json(value, element, out);
            }
            out.push('}');
        }
        (Value::Object(record), Type::Object(schema)) => append_record(record, schema, out),
        (Value::Object(_), _) => out.push_str("{}"),
        (Value::DateTime(_) | Value::Time(_), _) => {
            let mut text = String::new();
            value.append_text(Some(kind), &mut text);
            append_text(&in_groups(&text), out);
        }
        (single, kind) => {
            let mut text = String::new();
            single.append_text(Some(kind), &mut text);
            append_text(&text, out);
        }
    }
}

/// Appends the JSON object of a record of this schema; what is missing is left out.
pub fn append_record(record: &Record, schema: &Schema, out: &mut String) {
    out.push('{');
    let mut is_first = true;
    for (value, property) in record.iter().zip(&schema.properties) {
        let Some(value) = value else { continue };
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        append_text(&property.name, out);
        out.push(':');
        append_json(value, &property.kind, out);
    }
    out.push('}');
}

/// Reads a value of this type. The error says what it is instead.
pub fn read_json(json: &Json, kind: &Type) -> Result<Value, String> {
    let wrong = || Err(format!("{} where {kind} belongs", described(json)));
    let read = |value: Option<Value>| value.map_or_else(wrong, Ok);
    match (json, kind) {
        (_, Type::Json) => Ok(Value::Json(json.clone())),
        (Json::Null, _) => Ok(Value::Null),
        (Json::Text(text), Type::String(_)) => Ok(Value::text(&**text)),
        (Json::Boolean(value), Type::Boolean) => Ok(Value::Boolean(*value)),
        (Json::Number(text) | Json::Text(text), Type::Int(_) | Type::Year) => {
            read(Decimal::parse(text).and_then(|number| number.to_integer()).map(Value::Int))
        }
        (Json::Number(text) | Json::Text(text), Type::Float(_)) => read(text.parse().ok().map(Value::Float)),
        (Json::Number(text) | Json::Text(text), Type::Decimal(_)) => {
            read(Decimal::parse(text).map(Value::Decimal))
        }
        (Json::Text(text), Type::DateTime) => read(parse_iso8601(text).map(Value::DateTime)),
        (Json::Text(text), Type::Date) => read(parse_date(text).map(Value::Date)),
        (Json::Text(text), Type::Time) => read(parse_clock(text).map(Value::Time)),
        (Json::Text(text), Type::Uuid) => read(parse_uuid(text).map(Value::Uuid)),
        (Json::Text(text), Type::Ip) => read(text.parse().ok().map(Value::Ip)),
        (Json::Array(elements), Type::Array(array)) => {
            let elements = elements.iter().map(|element| read_json(element, &array.element));
            elements.collect::<Result<_, _>>().map(Value::Array)
        }
        (Json::Object(members), Type::Map(element)) => {
            let members =
                members.iter().map(|(name, value)| Ok((name.to_string(), read_json(value, element)?)));
            members.collect::<Result<_, String>>().map(Value::Map)
        }
        (Json::Object(_), Type::Object(schema)) => read_record(json, schema).map(Value::Object),
        _ => wrong(),
    }
}

/// Reads a record of this schema; members it has not are passed over.
pub fn read_record(json: &Json, schema: &Schema) -> Result<Record, String> {
    let value = |property: &crate::expression::Property| {
        let read = json.member(&property.name).map(|value| read_json(value, &property.kind));
        read.transpose().map_err(|why| format!("`{}`: {why}", property.name))
    };
    schema.properties.iter().map(value).collect()
}

/// The 16 bytes of a UUID of 36 characters.
pub fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let dashes = |(index, byte): (usize, u8)| (byte == b'-') == matches!(index, 8 | 13 | 18 | 23);
    if text.len() != 36 || !text.bytes().enumerate().all(dashes) {
        return None;
    }
    let mut bytes = [0; 16];
    let mut digits = text.chars().filter(|letter| *letter != '-').map(|letter| letter.to_digit(16));
    for byte in &mut bytes {
        *byte = u8::try_from(digits.next()?? * 16 + digits.next()??).ok()?;
    }
    Some(bytes)
}

fn described(json: &Json) -> String {
    match json {
        Json::Text(text) => format!("the text `{}`", dray_model::problem::shown(text)),
        other => other.described().to_owned(),
    }
}

fn append_text(text: &str, out: &mut String) {
    written(out, format_args!("{}", Json::text(text)));
}

fn append_float(number: f64, kind: &Type, out: &mut String) {
    let is_single = matches!(kind, Type::Float(float) if float.bit_size == 32);
    if number.is_nan() {
        return out.push_str("\"NaN\"");
    }
    if number.is_infinite() {
        return out.push_str(if number > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    }
    let size = number.abs();
    let is_plain = size == 0.0 || (1e-6..1e21).contains(&size);
    #[expect(clippy::cast_possible_truncation, reason = "the property is of this size")]
    let single = number as f32;
    match (is_plain, is_single) {
        (true, true) => written(out, format_args!("{single}")),
        (true, false) => written(out, format_args!("{number}")),
        (false, true) => written(out, format_args!("{single:e}")),
        (false, false) => written(out, format_args!("{number:e}")),
    }
}

/// A time with 3, 6 or 9 decimals, where it has any.
fn in_groups(text: &str) -> String {
    let (time, zone) = text.strip_suffix('Z').map_or((text, ""), |time| (time, "Z"));
    match time.split_once('.') {
        None => text.to_owned(),
        Some((whole, decimals)) => {
            format!("{whole}.{decimals:0<width$}{zone}", width = decimals.len().next_multiple_of(3))
        }
    }
}

fn written(out: &mut String, text: std::fmt::Arguments<'_>) {
    let done = out.write_fmt(text);
    debug_assert!(done.is_ok(), "writing to a text does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::RepeatedMember;

    fn again(schema: &str, record: &str) -> Result<String, String> {
        let schema = Schema::parse(schema)?;
        let record = read_record(&Json::parse(record, RepeatedMember::LastCounts)?, &schema)?;
        let mut out = String::new();
        append_record(&record, &schema, &mut out);
        Ok(out)
    }

    fn one(kind: &str, value: &str) -> Result<String, String> {
        let schema = format!("{{\"kind\":\"object\",\"properties\":[{{\"name\":\"v\",\"type\":{kind}}}]}}");
        again(&schema, &format!("{{\"v\":{value}}}"))
    }

    #[test]
    fn values_are_written_as_they_are_read() {
        for (kind, given, expected) in [
            (r#"{"kind":"string"}"#, r#""a\"b""#, r#""a\"b""#),
            (r#"{"kind":"boolean"}"#, "true", "true"),
            (r#"{"kind":"int","bitSize":32}"#, "-7", "-7"),
            (r#"{"kind":"int","bitSize":64}"#, "9007199254740993", "\"9007199254740993\""),
            (
                r#"{"kind":"int","bitSize":64,"unsigned":true}"#,
                "\"18446744073709551615\"",
                "\"18446744073709551615\"",
            ),
            (r#"{"kind":"year"}"#, "2024", "2024"),
            (r#"{"kind":"float","bitSize":64}"#, "1.5e300", "1.5e300"),
            (r#"{"kind":"float","bitSize":32}"#, "0.1", "0.1"),
            (r#"{"kind":"float","bitSize":64}"#, "\"NaN\"", "\"NaN\""),
            (r#"{"kind":"float","bitSize":64}"#, "\"-Infinity\"", "\"-Infinity\""),
            (r#"{"kind":"decimal","precision":10,"scale":2}"#, "\"12.50\"", "12.5"),
            (r#"{"kind":"datetime"}"#, "\"2024-01-02T03:04:05.1Z\"", "\"2024-01-02T03:04:05.100Z\""),
            (r#"{"kind":"datetime"}"#, "\"2024-01-02T03:04:05+01:00\"", "\"2024-01-02T02:04:05Z\""),
            (r#"{"kind":"date"}"#, "\"2024-02-29\"", "\"2024-02-29\""),
            (r#"{"kind":"time"}"#, "\"03:04:05.1234\"", "\"03:04:05.123400\""),
            (
                r#"{"kind":"uuid"}"#,
                "\"6F1C2A34-5b6d-4e7f-8a9b-0c1d2e3f4a5b\"",
                "\"6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b\"",
            ),
            (r#"{"kind":"ip"}"#, "\"2001:0db8::1\"", "\"2001:db8::1\""),
            (r#"{"kind":"json"}"#, "{\"a\":[1,null]}", "{\"a\":[1,null]}"),
            (r#"{"kind":"array","elementType":{"kind":"int","bitSize":64}}"#, "[1,\"2\"]", "[\"1\",\"2\"]"),
            (
                r#"{"kind":"map","elementType":{"kind":"date"}}"#,
                "{\"a\":\"2024-01-01\"}",
                "{\"a\":\"2024-01-01\"}",
            ),
            (r#"{"kind":"string"}"#, "null", "null"),
        ] {
            assert_eq!(one(kind, given), Ok(format!("{{\"v\":{expected}}}")), "{kind} {given}");
        }
    }

    #[test]
    fn what_is_missing_is_left_out_and_what_is_wrong_is_told() {
        let schema = r#"{"kind":"object","properties":[{"name":"a","type":{"kind":"string"}},
            {"name":"o","type":{"kind":"object","properties":[{"name":"b","type":{"kind":"date"}}]}}]}"#;
        assert_eq!(again(schema, r#"{"o":{"c":1}}"#), Ok(r#"{"o":{}}"#.to_owned()));
        assert_eq!(
            again(schema, r#"{"o":{"b":"x"}}"#),
            Err("`o`: `b`: the text `x` where date belongs".to_owned())
        );
        assert!(one(r#"{"kind":"int","bitSize":8}"#, "1.5").is_err());
        assert!(one(r#"{"kind":"uuid"}"#, "\"é\"").is_err());
    }
}
