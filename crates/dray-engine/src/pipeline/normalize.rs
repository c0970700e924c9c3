//! Raw values of files become values of the types a pipeline's schema says (spec of the pipelines door,
//! section 1.6).

use std::borrow::Cow;

use crate::expression::clock::{parse_clock, parse_iso8601};
use crate::expression::convert::convert;
use crate::expression::{Json, Property, RepeatedMember, Type, Value};

const NANOS_PER_DAY: i128 = 86_400_000_000_000;

/// A value as a reader gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw<'r> {
    /// The record has no such member.
    Missing,
    /// No value.
    Null,
    /// Text.
    Text(&'r str),
    /// JSON.
    Json(&'r Json),
}

/// The value of a property; `None` where it is missing and may be. The error says what is wrong with it.
pub fn normalize(raw: &Raw<'_>, property: &Property) -> Result<Option<Value>, String> {
    let value = match raw {
        Raw::Missing if property.read_optional => return Ok(None),
        Raw::Missing => return Err("is missing and must be there".to_owned()),
        Raw::Null => Value::Null,
        Raw::Json(json) if property.kind == Type::Json => Value::Json((*json).clone()),
        Raw::Json(json) => converted(Value::Json((*json).clone()), &Type::Json, &property.kind)?,
        Raw::Text(text) => typed(text, &property.kind, property.nullable)?,
    };
    if value.is_null() && !property.nullable {
        return Err("is null and may not be".to_owned());
    }
    Ok(Some(value))
}

fn typed(text: &str, kind: &Type, nullable: bool) -> Result<Value, String> {
    match kind {
        Type::String(string) if string.is_any() => Ok(Value::text(text)),
        Type::String(string) => {
            let lacks_empty = !string.values.is_empty() && !string.values.iter().any(String::is_empty);
            if text.is_empty() && !lacks_empty && string.pattern.is_none() {
                return Ok(Value::Text(String::new()));
            }
            if let (true, Some(pattern)) = (text.is_empty(), &string.pattern)
                && !pattern.0.is_match("")
            {
                return Err(format!("does not match the pattern `{}`", pattern.0.as_str()));
            }
            converted(Value::text(text), &Type::string(), kind)
        }
        Type::Boolean => match text {
            "true" => Ok(Value::Boolean(true)),
            "false" => Ok(Value::Boolean(false)),
            _ => Err("is neither `true` nor `false`".to_owned()),
        },
        Type::Int(_) | Type::Float(_) if text.is_empty() => Err("is empty and no number".to_owned()),
        Type::Year => {
            let year: Option<i128> = text.parse().ok().filter(|year| (1..=9999).contains(year));
            year.map(Value::Int).ok_or_else(|| "is not a year from 1 to 9999".to_owned())
        }
        _ if text.is_empty() && nullable => Ok(Value::Null),
        Type::DateTime => moment(text).map(Value::DateTime),
        Type::Date => {
            moment(text).map(|nanos| Value::Date(i64::try_from(nanos.div_euclid(NANOS_PER_DAY)).unwrap_or(0)))
        }
        Type::Time => match parse_clock(text) {
            Some(nanos) => Ok(Value::Time(nanos)),
            None => moment(text)
                .map(|nanos| Value::Time(i64::try_from(nanos.rem_euclid(NANOS_PER_DAY)).unwrap_or(0))),
        },
        Type::Uuid if text.len() != 36 => Err("is not a UUID of 36 characters".to_owned()),
        Type::Ip => {
            let address = text.split(['/', '%']).next().unwrap_or_default();
            converted(Value::text(address), &Type::string(), kind)
        }
        Type::Json | Type::Array(_) | Type::Object(_) | Type::Map(_) => {
            let json =
                Json::parse(text, RepeatedMember::LastCounts).map_err(|why| format!("is not JSON: {why}"))?;
            if *kind == Type::Json {
                return Ok(Value::Json(json));
            }
            converted(Value::Json(json), &Type::Json, kind)
        }
        Type::Int(_) | Type::Float(_) | Type::Decimal(_) | Type::Uuid => {
            converted(Value::text(text), &Type::string(), kind)
        }
    }
}

fn moment(text: &str) -> Result<i128, String> {
    parse_iso8601(text).ok_or_else(|| "is not a date time of ISO 8601".to_owned())
}

fn converted(value: Value, from: &Type, to: &Type) -> Result<Value, String> {
    convert(Cow::Owned(value), Some(from), to)
        .map(Cow::into_owned)
        .map_err(|why| format!("cannot be used: {why}"))
}
