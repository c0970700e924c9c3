//! From one type to another: which kinds can become which, and how a value does, or why it does not.

mod number;
mod single;
pub(super) mod nested;

use std::borrow::Cow;
use std::fmt;

use dray_model::problem::shown;

use super::json::Json;
use super::types::Type;
use super::value::Value;

/// Why a value cannot have a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No value of what it is becomes the type.
    NotConvertible(String, String),
    /// The text or number is not one of this type.
    NotANumber(String, String),
    /// It is below the smallest value.
    Below(String),
    /// It is above the largest value.
    Above(String),
    /// The text is not a date, a time, a UUID …
    NotParsable(String, &'static str),
    /// The year lies outside 1 to 9999.
    YearOutside,
    /// It is none of the texts allowed.
    NotAllowed(String),
    /// It does not match the pattern.
    PatternMismatch(String),
    /// It has more bytes than this.
    TooManyBytes(u32),
    /// It has more characters than this.
    TooManyCharacters(u32),
    /// It has fewer elements than this.
    TooFewElements(u32),
    /// It has more elements than this.
    TooManyElements(u32),
    /// Two of its elements are equal.
    RepeatedElement,
    /// This member may not be null.
    NullMember(String),
    /// An element is null.
    NullElement,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConvertible(from, to) => write!(out, "{from} cannot become {to}"),
            Self::NotANumber(text, to) => write!(out, "`{}` is not a number of type {to}", shown(text)),
            Self::Below(least) => write!(out, "the number is below the minimum {least}"),
            Self::Above(most) => write!(out, "the number is above the maximum {most}"),
            Self::NotParsable(text, what) => write!(out, "`{}` cannot be read as {what}", shown(text)),
            Self::YearOutside => out.write_str("the year is not between 1 and 9999"),
            Self::NotAllowed(text) => write!(out, "`{}` is not one of the allowed values", shown(text)),
            Self::PatternMismatch(pattern) => write!(out, "the text does not match the pattern `{pattern}`"),
            Self::TooManyBytes(most) => write!(out, "the text is longer than {most} bytes"),
            Self::TooManyCharacters(most) => write!(out, "the text is longer than {most} characters"),
            Self::TooFewElements(least) => write!(out, "there are fewer than {least} elements"),
            Self::TooManyElements(most) => write!(out, "there are more than {most} elements"),
            Self::RepeatedElement => out.write_str("two elements are equal; each may occur once"),
            Self::NullMember(name) => write!(out, "the member `{name}` is null and may not be"),
            Self::NullElement => out.write_str("an element is null and may not be"),
        }
    }
}

/// True where values of a type can become values of another; single values may still fail.
pub fn is_convertible(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (_, Type::Json) | (Type::Json, _) => true,
        (Type::Array(from), Type::Array(to)) => is_convertible(&from.element, &to.element),
        (Type::Object(from), Type::Object(to)) => {
            let mut shared = 0;
            to.properties.iter().all(|property| match from.find(&property.name) {
                Some((_, member)) => {
                    shared += 1;
                    is_convertible(&member.kind, &property.kind)
                }
                None => true,
            }) && shared > 0
        }
        (Type::Object(from), Type::Map(to)) => {
            from.properties.iter().all(|property| is_convertible(&property.kind, to))
        }
        (Type::Map(from), Type::Object(to)) => {
            to.properties.iter().all(|property| is_convertible(from, &property.kind))
        }
        (Type::Map(from), Type::Map(to)) => is_convertible(from, to),
        (Type::Array(_) | Type::Object(_) | Type::Map(_), _)
        | (_, Type::Array(_) | Type::Object(_) | Type::Map(_)) => false,
        (Type::String(_), _) | (_, Type::String(_)) => true,
        (Type::Int(int), Type::Boolean) | (Type::Boolean, Type::Int(int)) => {
            int.bit_size == 8 && !int.unsigned
        }
        (Type::Int(_), Type::Float(_) | Type::Decimal(_) | Type::Year)
        | (Type::Float(_), Type::Int(_) | Type::Decimal(_))
        | (Type::Decimal(_), Type::Int(_) | Type::Float(_))
        | (Type::DateTime, Type::Date | Type::Time)
        | (Type::Date, Type::DateTime)
        | (Type::Year, Type::Int(_)) => true,
        _ => from.kind() == to.kind(),
    }
}

/// Gives a value another type. Null stays null, JSON null becomes null unless JSON is wanted, and so does
/// an empty text unless text or JSON is wanted. `from` is the type of the value, unless it is null.
pub fn convert<'v>(value: Cow<'v, Value>, from: Option<&Type>, to: &Type) -> Result<Cow<'v, Value>, Failure> {
    let empty_text = match &*value {
        Value::Null => return Ok(value),
        Value::Text(text) => text.is_empty(),
        Value::Json(Json::Null) if *to != Type::Json => return Ok(Cow::Owned(Value::Null)),
        Value::Json(Json::Text(text)) => text.is_empty(),
        _ => false,
    };
    if empty_text && !matches!(to, Type::String(_) | Type::Json) {
        return Ok(Cow::Owned(Value::Null));
    }
    Ok(match to {
        Type::String(string) => return single::to_string(value, from, string),
        Type::Json if matches!(&*value, Value::Json(_)) => value,
        Type::Json => Cow::Owned(Value::Json(nested::to_json(&value, from)?)),
        Type::Boolean => Cow::Owned(single::to_boolean(&value, from)?),
        Type::Int(int) => Cow::Owned(number::to_int(&value, to, int)?),
        Type::Float(float) => Cow::Owned(number::to_float(&value, to, float)?),
        Type::Decimal(decimal) => Cow::Owned(number::to_decimal(&value, to, decimal)?),
        Type::Year => Cow::Owned(number::to_year(&value)?),
        Type::DateTime => Cow::Owned(single::to_datetime(&value)?),
        Type::Date => Cow::Owned(single::to_date(&value)?),
        Type::Time => Cow::Owned(single::to_time(&value)?),
        Type::Uuid => Cow::Owned(single::to_uuid(&value)?),
        Type::Ip => Cow::Owned(single::to_ip(&value)?),
        Type::Array(array) => Cow::Owned(nested::to_array(&value, from, array)?),
        Type::Object(schema) => Cow::Owned(nested::to_object(&value, from, schema)?),
        Type::Map(element) => Cow::Owned(nested::to_map(&value, from, element)?),
    })
}

/// What a value is, for messages.
pub(super) fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Text(_) => "a text",
        Value::Boolean(_) => "a boolean",
        Value::Int(_) => "a whole number",
        Value::Float(_) => "a float",
        Value::Decimal(_) => "a decimal number",
        Value::DateTime(_) => "a date time",
        Value::Date(_) => "a date",
        Value::Time(_) => "a time",
        Value::Uuid(_) => "a UUID",
        Value::Json(json) => json.described(),
        Value::Ip(_) => "an IP address",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
        Value::Map(_) => "a map",
    }
}

fn not_convertible(value: &Value, to: impl fmt::Display) -> Failure {
    Failure::NotConvertible(described(value).to_owned(), to.to_string())
}
