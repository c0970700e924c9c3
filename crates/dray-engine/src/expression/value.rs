//! The values of properties, as they stand in records and as expressions make them; and their texts.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use dray_model::value::append_date;

use super::decimal::Decimal;
use super::json::Json;
use super::types::Type;

/// The values of an object's properties, in the order of its schema; `None` where one is missing, which
/// is not the same as null.
pub type Record = Vec<Option<Value>>;

/// The value of a property.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// Of kind string.
    Text(String),
    /// Of kind boolean.
    Boolean(bool),
    /// Of kind int or year.
    Int(i128),
    /// Of kind float.
    Float(f64),
    /// Of kind decimal.
    Decimal(Decimal),
    /// Of kind datetime: nanoseconds since 1970-01-01T00:00:00Z.
    DateTime(i128),
    /// Of kind date: days since 1970-01-01.
    Date(i64),
    /// Of kind time: nanoseconds since midnight.
    Time(i64),
    /// Of kind uuid.
    Uuid([u8; 16]),
    /// Of kind json.
    Json(Json),
    /// Of kind ip.
    Ip(IpAddr),
    /// Of kind array.
    Array(Vec<Value>),
    /// Of kind object.
    Object(Record),
    /// Of kind map; no key occurs twice.
    Map(Vec<(String, Value)>),
}

/// Nanoseconds of a day.
pub(super) const NANOS_PER_DAY: i128 = 86_400_000_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Appends the text of a single value of this type; false (and nothing appended) where it has none:
    /// null, arrays, objects and maps, and those of JSON.
    pub fn append_text(&self, kind: Option<&Type>, out: &mut String) -> bool {
        let written = match self {
            Self::Null | Self::Array(_) | Self::Object(_) | Self::Map(_) => return false,
            Self::Json(Json::Null | Json::Array(_) | Json::Object(_)) => return false,
            Self::Text(text) => {
                out.push_str(text);
                Ok(())
            }
            Self::Json(Json::Text(text)) => {
                out.push_str(text);
                Ok(())
            }
            Self::Json(json) => write!(out, "{json}"),
            Self::Boolean(value) => write!(out, "{value}"),
            Self::Int(value) => write!(out, "{value}"),
            Self::Float(value) => {
                let single = matches!(kind, Some(Type::Float(float)) if float.bit_size == 32);
                append_float(*value, single, out);
                Ok(())
            }
            Self::Decimal(value) => write!(out, "{value}"),
            Self::DateTime(nanos) => {
                append_date(i64::try_from(nanos.div_euclid(NANOS_PER_DAY)).unwrap_or(0), out);
                out.push('T');
                append_clock(i64::try_from(nanos.rem_euclid(NANOS_PER_DAY)).unwrap_or(0), out);
                out.push('Z');
                Ok(())
            }
            Self::Date(days) => {
                append_date(*days, out);
                Ok(())
            }
            Self::Time(nanos) => {
                append_clock(*nanos, out);
                Ok(())
            }
            Self::Uuid(bytes) => append_uuid(bytes, out),
            Self::Ip(address) => write!(out, "{address}"),
        };
        debug_assert!(written.is_ok(), "writing to a text does not fail");
        true
    }
}

/// The shortest digits that mean the same float, with an exponent below 0.0001 and from a million on.
fn append_float(value: f64, single: bool, out: &mut String) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    #[expect(clippy::cast_possible_truncation, reason = "the property is of this size")]
    let shortest = if single { format!("{:e}", value as f32) } else { format!("{value:e}") };
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let plain = Decimal::parse(&shortest).map(|number| number.to_string());
        let minus = if value.is_sign_negative() && value == 0.0 { "-" } else { "" };
        let _ = write!(out, "{minus}{}", plain.unwrap_or(shortest));
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
}

fn append_clock(nanos: i64, out: &mut String) {
    let seconds = nanos.div_euclid(NANOS_PER_SECOND);
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = nanos.rem_euclid(NANOS_PER_SECOND);
    if fraction > 0 {
        let digits = format!("{fraction:09}");
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
}

fn append_uuid(bytes: &[u8; 16], out: &mut String) -> fmt::Result {
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        write!(out, "{byte:02x}")?;
    }
    Ok(())
}
