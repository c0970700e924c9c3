//! Values that become texts, booleans, dates and times, UUIDs and addresses.

use std::borrow::Cow;

use super::super::clock::{parse_any_date, parse_clock, parse_iso8601, parse_rfc3339};
use super::super::json::Json;
use super::super::types::{StringType, Type};
use super::super::value::{NANOS_PER_DAY, Value};
use super::{Failure, not_convertible};

pub(super) fn to_string<'v>(
    value: Cow<'v, Value>,
    from: Option<&Type>,
    string: &StringType,
) -> Result<Cow<'v, Value>, Failure> {
    let value = match &*value {
        Value::Text(_) => value,
        other => {
            let mut text = String::new();
            if !other.append_text(from, &mut text) {
                return Err(not_convertible(other, "string"));
            }
            Cow::Owned(Value::Text(text))
        }
    };
    let Value::Text(text) = &*value else { return Ok(value) };
    if !string.values.is_empty() {
        if !string.values.contains(text) {
            if text.is_empty() {
                return Ok(Cow::Owned(Value::Null));
            }
            return Err(Failure::NotAllowed(text.clone()));
        }
    } else if let Some(pattern) = &string.pattern {
        if !pattern.0.is_match(text) {
            if text.is_empty() {
                return Ok(Cow::Owned(Value::Null));
            }
            return Err(Failure::PatternMismatch(pattern.0.as_str().to_owned()));
        }
    } else {
        if let Some(most) = string.max_bytes.filter(|most| text.len() > *most as usize) {
            return Err(Failure::TooManyBytes(most));
        }
        if let Some(most) = string.max_length
            && text.len() > most as usize
            && text.chars().count() > most as usize
        {
            return Err(Failure::TooManyCharacters(most));
        }
    }
    Ok(value)
}

pub(super) fn to_boolean(value: &Value, from: Option<&Type>) -> Result<Value, Failure> {
    match value {
        Value::Boolean(value) => Ok(Value::Boolean(*value)),
        Value::Json(Json::Boolean(value)) => Ok(Value::Boolean(*value)),
        Value::Int(number) if matches!(from, Some(Type::Int(int)) if int.bit_size == 8) => {
            Ok(Value::Boolean(*number != 0))
        }
        Value::Text(text) => match text.as_str() {
            "false" | "False" | "FALSE" | "no" | "No" | "NO" => Ok(Value::Boolean(false)),
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" => Ok(Value::Boolean(true)),
            _ => Err(Failure::NotParsable(text.clone(), "a boolean (true, false, yes or no)")),
        },
        other => Err(not_convertible(other, "boolean")),
    }
}

pub(super) fn to_datetime(value: &Value) -> Result<Value, Failure> {
    let nanos = match value {
        Value::DateTime(nanos) => *nanos,
        Value::Date(days) => i128::from(*days) * NANOS_PER_DAY,
        Value::Text(text) => {
            parse_rfc3339(text).ok_or_else(|| Failure::NotParsable(text.clone(), "a date time (RFC 3339)"))?
        }
        Value::Json(Json::Text(text)) => parse_iso8601(text)
            .ok_or_else(|| Failure::NotParsable(text.to_string(), "a date time (ISO 8601)"))?,
        other => return Err(not_convertible(other, "datetime")),
    };
    Ok(Value::DateTime(nanos))
}

pub(super) fn to_date(value: &Value) -> Result<Value, Failure> {
    let days = match value {
        Value::Date(days) => *days,
        Value::DateTime(nanos) => {
            i64::try_from(nanos.div_euclid(NANOS_PER_DAY)).map_err(|_| Failure::YearOutside)?
        }
        Value::Text(text) => {
            parse_any_date(text).ok_or_else(|| Failure::NotParsable(text.clone(), "a date (YYYY-MM-DD)"))?
        }
        Value::Json(Json::Text(text)) => dray_model::value::parse_date(text)
            .ok_or_else(|| Failure::NotParsable(text.to_string(), "a date (YYYY-MM-DD)"))?,
        other => return Err(not_convertible(other, "date")),
    };
    Ok(Value::Date(days))
}

pub(super) fn to_time(value: &Value) -> Result<Value, Failure> {
    let text: &str = match value {
        Value::Time(nanos) => return Ok(Value::Time(*nanos)),
        Value::DateTime(nanos) => {
            let since_midnight = i64::try_from(nanos.rem_euclid(NANOS_PER_DAY));
            return since_midnight.map(Value::Time).map_err(|_| Failure::YearOutside);
        }
        Value::Text(text) => text,
        Value::Json(Json::Text(text)) => text,
        other => return Err(not_convertible(other, "time")),
    };
    parse_clock(text)
        .map(Value::Time)
        .ok_or_else(|| Failure::NotParsable(text.to_owned(), "a time (hh:mm:ss)"))
}

pub(super) fn to_uuid(value: &Value) -> Result<Value, Failure> {
    let text: &str = match value {
        Value::Uuid(bytes) => return Ok(Value::Uuid(*bytes)),
        Value::Text(text) => text,
        Value::Json(Json::Text(text)) => text,
        other => return Err(not_convertible(other, "uuid")),
    };
    parse_uuid(text).map(Value::Uuid).ok_or_else(|| Failure::NotParsable(text.to_owned(), "a UUID"))
}

/// A UUID with its hyphens (also in braces or after `urn:uuid:`), or its 32 digits.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let text = match text.len() {
        45 if text.get(..9)?.eq_ignore_ascii_case("urn:uuid:") => text.get(9..)?,
        38 => text.strip_prefix('{')?.strip_suffix('}')?,
        _ => text,
    };
    let digits: Vec<u8> = match text.len() {
        32 => text.bytes().collect(),
        36 => {
            let hyphens = |index: usize| matches!(index, 8 | 13 | 18 | 23);
            if !text.bytes().enumerate().all(|(index, byte)| (byte == b'-') == hyphens(index)) {
                return None;
            }
            text.bytes().filter(|byte| *byte != b'-').collect()
        }
        _ => return None,
    };
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let digit = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(digit).ok()?;
        }
    }
    Some(bytes)
}

pub(super) fn to_ip(value: &Value) -> Result<Value, Failure> {
    let text: &str = match value {
        Value::Ip(address) => return Ok(Value::Ip(*address)),
        Value::Text(text) => text,
        Value::Json(Json::Text(text)) => text,
        other => return Err(not_convertible(other, "ip")),
    };
    text.parse().map(Value::Ip).map_err(|_| Failure::NotParsable(text.to_owned(), "an IP address"))
}
