//! Records as JSON: `{"records": […]}`, members in the schema's order, those without a value left out.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};

use dray_engine::expression::value::Record;
use dray_engine::expression::{Json, Schema, Type, Value};
use dray_model::Result;

use super::{RecordWriter, cannot_write};
use crate::operations::pipelines::format_settings::FormatSettings;

/// Writes JSON.
pub struct JsonRecords {
    out: BufWriter<Box<dyn Write + Send>>,
    schema: Schema,
    style: Style,
    is_first: bool,
    text: String,
}

#[derive(Debug, Clone, Copy)]
struct Style {
    indent: bool,
    ascii: bool,
    special_floats: bool,
}

impl JsonRecords {
    /// Writes the beginning.
    pub fn new(schema: &Schema, settings: &FormatSettings, out: Box<dyn Write + Send>) -> Result<Self> {
        let style = Style {
            indent: settings.indent,
            ascii: settings.generate_ascii,
            special_floats: settings.allow_special_floats,
        };
        let mut out = BufWriter::new(out);
        let begin = if style.indent { "{\n\t\"records\": [" } else { "{\"records\":[" };
        out.write_all(begin.as_bytes()).map_err(cannot_write)?;
        Ok(Self { out, schema: schema.clone(), style, is_first: true, text: String::new() })
    }
}

impl RecordWriter for JsonRecords {
    fn write(&mut self, records: &[Record]) -> Result<()> {
        for record in records {
            self.text.clear();
            if !std::mem::take(&mut self.is_first) {
                self.text.push(',');
            }
            self.style.line(2, &mut self.text);
            self.style.object(record, &self.schema, 2, &mut self.text);
            self.out.write_all(self.text.as_bytes()).map_err(cannot_write)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let end = match (self.style.indent, self.is_first) {
            (true, false) => "\n\t]\n}",
            (true, true) => "]\n}",
            (false, _) => "]}",
        };
        self.out.write_all(end.as_bytes()).map_err(cannot_write)?;
        self.out.flush().map_err(cannot_write)
    }
}

impl Style {
    /// A new line, so deep, where there are lines.
    fn line(self, depth: usize, out: &mut String) {
        if self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n('\t', depth));
        }
    }

    fn member(self, name: &str, is_first: bool, depth: usize, out: &mut String) {
        if !is_first {
            out.push(',');
        }
        self.line(depth, out);
        self.text(name, out);
        out.push_str(if self.indent { ": " } else { ":" });
    }

    fn object(self, record: &Record, schema: &Schema, depth: usize, out: &mut String) {
        out.push('{');
        let mut is_first = true;
        for (property, value) in schema.properties.iter().zip(record) {
            if let Some(value) = value {
                self.member(&property.name, is_first, depth + 1, out);
                self.value(value, &property.kind, depth + 1, out);
                is_first = false;
            }
        }
        if !is_first {
            self.line(depth, out);
        }
        out.push('}');
    }

    fn value(self, value: &Value, kind: &Type, depth: usize, out: &mut String) {
        match (value, kind) {
            (Value::Null, _) => out.push_str("null"),
            (Value::Boolean(_) | Value::Int(_) | Value::Decimal(_), _) => {
                value.append_text(Some(kind), out);
            }
            (Value::Float(number), _) => self.float(*number, kind, out),
            (Value::Json(json), _) => self.json(json, depth, out),
            (Value::Object(record), Type::Object(schema)) => self.object(record, schema, depth, out),
            (Value::Array(elements), Type::Array(array)) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.line(depth + 1, out);
                    self.value(element, &array.element, depth + 1, out);
                }
                if !elements.is_empty() {
                    self.line(depth, out);
                }
                out.push(']');
            }
            (Value::Map(members), Type::Map(element)) => {
                let mut sorted: Vec<&(String, Value)> = members.iter().collect();
                sorted.sort_by(|left, right| left.0.cmp(&right.0));
                out.push('{');
                for (index, (name, value)) in sorted.into_iter().enumerate() {
                    self.member(name, index == 0, depth + 1, out);
                    self.value(value, element, depth + 1, out);
                }
                if !members.is_empty() {
                    self.line(depth, out);
                }
                out.push('}');
            }
            (single, kind) => {
                let mut text = String::new();
                single.append_text(Some(kind), &mut text);
                if matches!(single, Value::Time(_)) {
                    text.push('Z');
                }
                self.text(&text, out);
            }
        }
    }

    fn float(self, number: f64, kind: &Type, out: &mut String) {
        if !number.is_finite() {
            out.push_str(match (self.special_floats, number.is_nan(), number > 0.0) {
                (false, _, _) => "null",
                (true, true, _) => "NaN",
                (true, false, true) => "Infinity",
                (true, false, false) => "-Infinity",
            });
            return;
        }
        let plain = number == 0.0 || (1e-6..1e21).contains(&number.abs());
        let single = matches!(kind, Type::Float(float) if float.bit_size == 32);
        #[expect(clippy::cast_possible_truncation, reason = "the property is of this size")]
        let _ = match (single, plain) {
            (true, true) => write!(out, "{}", number as f32),
            (true, false) => write!(out, "{:e}", number as f32),
            (false, true) => write!(out, "{number}"),
            (false, false) => write!(out, "{number:e}"),
        };
    }

    /// JSON with the members of objects in the order of their names.
    fn json(self, json: &Json, depth: usize, out: &mut String) {
        match json {
            Json::Text(text) => self.text(text, out),
            Json::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.line(depth + 1, out);
                    self.json(element, depth + 1, out);
                }
                if !elements.is_empty() {
                    self.line(depth, out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by(|left, right| left.0.cmp(&right.0));
                out.push('{');
                for (index, (name, value)) in sorted.into_iter().enumerate() {
                    self.member(name, index == 0, depth + 1, out);
                    self.json(value, depth + 1, out);
                }
                if !members.is_empty() {
                    self.line(depth, out);
                }
                out.push('}');
            }
            single => {
                let _ = write!(out, "{single}");
            }
        }
    }

    fn text(self, text: &str, out: &mut String) {
        out.push('"');
        for letter in text.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                letter
                    if letter < ' ' || matches!(letter, '&' | '\'' | '<' | '>' | '\u{2028}' | '\u{2029}') =>
                {
                    let _ = write!(out, "\\u{:04x}", u32::from(letter));
                }
                letter if self.ascii && !letter.is_ascii() => {
                    let mut units = [0; 2];
                    for unit in letter.encode_utf16(&mut units) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                letter => out.push(letter),
            }
        }
        out.push('"');
    }
}
