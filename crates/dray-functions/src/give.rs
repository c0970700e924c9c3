//! Records on their way into a function: the values of each kind as its language has them.

use dray_engine::expression::value::Record;
use dray_engine::expression::{Json, Schema, Type, Value};
use dray_engine::pipeline::function::Language;

use crate::wire;

const NANOS_PER_MICRO: i128 = 1_000;

/// How values are given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Giver {
    pub(crate) language: Language,
    pub(crate) preserve_json: bool,
}

impl Giver {
    /// Appends a record. JavaScript gets the values in the order of the schema, whose names it knows, Python
    /// gets members.
    pub(crate) fn put_record(&self, schema: &Schema, record: &Record, out: &mut Vec<u8>) {
        if self.language == Language::Python {
            return self.put_object(schema, record, out);
        }
        for (index, property) in schema.properties.iter().enumerate() {
            match record.get(index).and_then(Option::as_ref) {
                Some(value) => self.put_value(&property.kind, value, out),
                None => out.push(wire::NOTHING),
            }
        }
    }

    fn put_object(&self, schema: &Schema, record: &Record, out: &mut Vec<u8>) {
        wire::put_members(out);
        for (property, value) in schema.properties.iter().zip(record) {
            if let Some(value) = value {
                wire::put_text(&property.name, out);
                self.put_value(&property.kind, value, out);
            }
        }
        out.push(wire::NOTHING);
    }

    fn put_value(&self, kind: &Type, value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Null => wire::put_null(out),
            Value::Text(text) => wire::put_text(text, out),
            Value::Boolean(value) => wire::put_boolean(*value, out),
            Value::Int(number) => self.put_int(kind, *number, out),
            Value::Float(number) => wire::put_float(*number, out),
            Value::Json(json) if self.preserve_json => wire::put_text(&json.to_string(), out),
            Value::Json(json) => self.put_json(json, out),
            Value::DateTime(nanos) if self.language == Language::Python => {
                let micros = nanos.div_euclid(NANOS_PER_MICRO) * NANOS_PER_MICRO;
                put_single(&Value::DateTime(micros), |text| in_micros(text.trim_end_matches('Z')), out);
            }
            Value::Time(nanos) if self.language == Language::Python => {
                put_single(&Value::Time(nanos.div_euclid(1_000) * 1_000), in_micros, out);
            }
            Value::Decimal(_)
            | Value::DateTime(_)
            | Value::Date(_)
            | Value::Time(_)
            | Value::Uuid(_)
            | Value::Ip(_) => put_single(value, str::to_owned, out),
            Value::Array(elements) => {
                let Type::Array(array) = kind else { return wire::put_null(out) };
                wire::put_list(elements.len(), out);
                for element in elements {
                    self.put_value(&array.element, element, out);
                }
            }
            Value::Object(record) => {
                let Type::Object(schema) = kind else { return wire::put_null(out) };
                self.put_object(schema, record, out);
            }
            Value::Map(entries) => {
                let Type::Map(element) = kind else { return wire::put_null(out) };
                wire::put_members(out);
                for (key, value) in entries {
                    wire::put_text(key, out);
                    self.put_value(element, value, out);
                }
                out.push(wire::NOTHING);
            }
        }
    }

    /// In JavaScript whole numbers of 64 bits are of another type than smaller ones.
    fn put_int(&self, kind: &Type, number: i128, out: &mut Vec<u8>) {
        let large = matches!(kind, Type::Int(int) if int.bit_size == 64);
        match (i32::try_from(number), self.language) {
            (_, Language::JavaScript) if large => wire::put_long(number, out),
            (Ok(number), _) => wire::put_int(number, out),
            #[expect(clippy::cast_precision_loss, reason = "numbers of 32 bits are exact")]
            (Err(_), Language::JavaScript) => wire::put_float(number as f64, out),
            (Err(_), Language::Python) => wire::put_long(number, out),
        }
    }

    fn put_json(&self, json: &Json, out: &mut Vec<u8>) {
        match json {
            Json::Null => wire::put_null(out),
            Json::Boolean(value) => wire::put_boolean(*value, out),
            Json::Number(text) => self.put_json_number(text, out),
            Json::Text(text) => wire::put_text(text, out),
            Json::Array(elements) => {
                wire::put_list(elements.len(), out);
                for element in elements.iter() {
                    self.put_json(element, out);
                }
            }
            Json::Object(members) => {
                wire::put_members(out);
                for (name, value) in members.iter() {
                    wire::put_text(name, out);
                    self.put_json(value, out);
                }
                out.push(wire::NOTHING);
            }
        }
    }

    fn put_json_number(&self, text: &str, out: &mut Vec<u8>) {
        let whole = !text.contains(['.', 'e', 'E']);
        if whole && let Ok(number) = text.parse::<i32>() {
            // In JavaScript `-0` is not 0.
            let negative_zero = number == 0 && text.starts_with('-');
            if negative_zero && self.language == Language::JavaScript {
                wire::put_float(-0.0, out);
            } else {
                wire::put_int(number, out);
            }
            return;
        }
        if whole
            && self.language == Language::Python
            && let Ok(number) = text.parse::<i128>()
        {
            return wire::put_long(number, out);
        }
        wire::put_float(text.parse().unwrap_or(f64::NAN), out);
    }
}

/// Appends the text of a single value.
fn put_single(value: &Value, form: impl Fn(&str) -> String, out: &mut Vec<u8>) {
    let mut text = String::new();
    value.append_text(None, &mut text);
    wire::put_text(&form(&text), out);
}

/// A fraction of seconds with the six digits that every version of Python reads.
fn in_micros(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{fraction:0<6}"),
        None => text.to_owned(),
    }
}
