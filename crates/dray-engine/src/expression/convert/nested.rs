//! Values that become JSON, arrays, objects and maps; each of their parts is converted in turn.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::super::json::Json;
use super::super::types::{ArrayType, Property, Schema, Type};
use super::super::value::{Record, Value};
use super::{Failure, convert, not_convertible};

pub(in super::super) fn to_json(value: &Value, from: Option<&Type>) -> Result<Json, Failure> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Json(json) => json.clone(),
        Value::Boolean(value) => Json::Boolean(*value),
        Value::Int(number) => Json::Number(number.to_string().into()),
        Value::Decimal(number) => Json::Number(number.to_string().into()),
        Value::Float(number) if !number.is_finite() => {
            return Err(not_convertible(value, "json: it is no number"));
        }
        Value::Float(number) => {
            let small = matches!(from, Some(Type::Float(float)) if float.bit_size == 32);
            Json::Number(json_float(*number, small).into())
        }
        Value::Array(elements) => {
            let element = match from {
                Some(Type::Array(array)) => Some(&*array.element),
                _ => None,
            };
            let elements: Result<Vec<Json>, Failure> =
                elements.iter().map(|value| to_json(value, element)).collect();
            Json::Array(Arc::new(elements?))
        }
        Value::Object(record) => {
            let Some(Type::Object(schema)) = from else { return Err(not_convertible(value, "json")) };
            let mut members = Vec::with_capacity(record.len());
            for (property, value) in schema.properties.iter().zip(record) {
                if let Some(value) = value {
                    members.push((Arc::from(property.name.as_str()), to_json(value, Some(&property.kind))?));
                }
            }
            Json::Object(Arc::new(members))
        }
        Value::Map(entries) => {
            let element = match from {
                Some(Type::Map(element)) => Some(&**element),
                _ => None,
            };
            let mut members = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                members.push((Arc::from(key.as_str()), to_json(value, element)?));
            }
            Json::Object(Arc::new(members))
        }
        single => {
            let mut text = String::new();
            single.append_text(from, &mut text);
            Json::Text(text.into())
        }
    })
}

/// The shortest digits, with an exponent only for very small and very large numbers.
fn json_float(number: f64, single: bool) -> String {
    let plain = number == 0.0 || (1e-6..1e21).contains(&number.abs());
    #[expect(clippy::cast_possible_truncation, reason = "the property is of this size")]
    match (single, plain) {
        (true, true) => (number as f32).to_string(),
        (true, false) => format!("{:e}", number as f32),
        (false, true) => number.to_string(),
        (false, false) => format!("{number:e}"),
    }
}

pub(super) fn to_array(value: &Value, from: Option<&Type>, array: &ArrayType) -> Result<Value, Failure> {
    let mut converted = Vec::new();
    match value {
        Value::Array(elements) => {
            let element = match from {
                Some(Type::Array(array)) => Some(&*array.element),
                _ => None,
            };
            for value in elements {
                let value = convert(Cow::Borrowed(value), element, &array.element)?.into_owned();
                converted.push(null_as_json(value, &array.element));
            }
        }
        Value::Json(json) => {
            // A single JSON value is an array of one.
            let alone = [json.clone()];
            let elements: &[Json] = match json {
                Json::Array(elements) => elements,
                Json::Object(_) => return Err(not_convertible(value, "array")),
                _ => &alone,
            };
            for json in elements {
                let value = Cow::Owned(Value::Json(json.clone()));
                converted.push(convert(value, Some(&Type::Json), &array.element)?.into_owned());
            }
        }
        other => return Err(not_convertible(other, "array")),
    }
    if converted.iter().any(Value::is_null) {
        return Err(Failure::NullElement);
    }
    if converted.len() < array.min_elements as usize {
        return Err(Failure::TooFewElements(array.min_elements));
    }
    if converted.len() > array.max_elements as usize {
        return Err(Failure::TooManyElements(array.max_elements));
    }
    if array.unique {
        let mut known = HashSet::new();
        for value in &converted {
            let mut text = String::new();
            value.append_text(Some(&array.element), &mut text);
            if !known.insert(text) {
                return Err(Failure::RepeatedElement);
            }
        }
    }
    Ok(Value::Array(converted))
}

/// Among JSON values null is a value too.
fn null_as_json(value: Value, element: &Type) -> Value {
    if value.is_null() && *element == Type::Json { Value::Json(Json::Null) } else { value }
}

pub(super) fn to_object(value: &Value, from: Option<&Type>, schema: &Schema) -> Result<Value, Failure> {
    let members: Result<Record, Failure> = match (value, from) {
        (Value::Object(record), Some(Type::Object(given))) => schema
            .properties
            .iter()
            .map(|property| {
                let Some((index, known)) = given.find(&property.name) else { return Ok(None) };
                let Some(value) = record.get(index).and_then(Option::as_ref) else { return Ok(None) };
                let value = convert(Cow::Borrowed(value), Some(&known.kind), &property.kind)?;
                if value.is_null() && !property.nullable {
                    return Err(Failure::NullMember(property.name.clone()));
                }
                Ok(Some(value.into_owned()))
            })
            .collect(),
        (Value::Map(entries), Some(Type::Map(element))) => schema
            .properties
            .iter()
            .map(|property| {
                let entry = entries.iter().find(|(key, _)| *key == property.name);
                let Some((_, value)) = entry else { return Ok(None) };
                member(Cow::Borrowed(value), element, property)
            })
            .collect(),
        (Value::Json(json @ Json::Object(_)), _) => schema
            .properties
            .iter()
            .map(|property| {
                let Some(value) = json.member(&property.name) else { return Ok(None) };
                member(Cow::Owned(Value::Json(value.clone())), &Type::Json, property)
            })
            .collect(),
        (other, _) => return Err(not_convertible(other, "object")),
    };
    members.map(Value::Object)
}

/// A member of a map or JSON object: where it is null and may not be, it is left out, as a result is.
fn member(value: Cow<'_, Value>, from: &Type, property: &Property) -> Result<Option<Value>, Failure> {
    let value = convert(value, Some(from), &property.kind)?;
    Ok((property.nullable || !value.is_null()).then(|| value.into_owned()))
}

pub(super) fn to_map(value: &Value, from: Option<&Type>, element: &Type) -> Result<Value, Failure> {
    let mut entries = Vec::new();
    let mut push = |key: &str, value: Cow<'_, Value>, from: Option<&Type>| -> Result<(), Failure> {
        let value = null_as_json(convert(value, from, element)?.into_owned(), element);
        if value.is_null() {
            return Err(Failure::NullMember(key.to_owned()));
        }
        entries.push((key.to_owned(), value));
        Ok(())
    };
    match (value, from) {
        (Value::Map(given), Some(Type::Map(known))) => {
            for (key, value) in given {
                push(key, Cow::Borrowed(value), Some(known))?;
            }
        }
        (Value::Object(record), Some(Type::Object(schema))) => {
            for (property, value) in schema.properties.iter().zip(record) {
                if let Some(value) = value {
                    push(&property.name, Cow::Borrowed(value), Some(&property.kind))?;
                }
            }
        }
        (Value::Json(Json::Object(members)), _) => {
            for (key, value) in members.iter() {
                push(key, Cow::Owned(Value::Json(value.clone())), Some(&Type::Json))?;
            }
        }
        (other, _) => return Err(not_convertible(other, "map")),
    }
    Ok(Value::Map(entries))
}
