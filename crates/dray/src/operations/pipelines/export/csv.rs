//! Records as CSV: the header first, then a line for each; what is no single value as JSON.

use std::io::{BufWriter, Write};

use dray_engine::expression::value::Record;
use dray_engine::expression::{Schema, Type, Value};
use dray_engine::pipeline::rest::append_json;
use dray_model::Result;

use super::{RecordWriter, cannot_write};
use crate::operations::pipelines::format_settings::FormatSettings;

/// Writes CSV.
pub struct CsvRecords {
    out: BufWriter<Box<dyn Write + Send>>,
    separator: char,
    line_end: &'static str,
    kinds: Vec<Type>,
    line: String,
}

impl CsvRecords {
    /// Writes the header.
    pub fn new(schema: &Schema, settings: &FormatSettings, out: Box<dyn Write + Send>) -> Result<Self> {
        let mut writer = Self {
            out: BufWriter::new(out),
            separator: settings.separator,
            line_end: if settings.use_crlf { "\r\n" } else { "\n" },
            kinds: schema.properties.iter().map(|property| property.kind.clone()).collect(),
            line: String::new(),
        };
        for (index, property) in schema.properties.iter().enumerate() {
            writer.cell(index, &property.name);
        }
        writer.end_line()?;
        Ok(writer)
    }

    fn cell(&mut self, index: usize, text: &str) {
        if index > 0 {
            self.line.push(self.separator);
        }
        let must_quote = text.starts_with(' ')
            || text == "\\."
            || text.contains(['"', '\r', '\n'])
            || text.contains(self.separator);
        if !must_quote {
            return self.line.push_str(text);
        }
        self.line.push('"');
        self.line.push_str(&text.replace('"', "\"\""));
        self.line.push('"');
    }

    fn end_line(&mut self) -> Result<()> {
        self.line.push_str(self.line_end);
        self.out.write_all(self.line.as_bytes()).map_err(cannot_write)?;
        self.line.clear();
        Ok(())
    }
}

/// The text of a value in a cell.
fn text_of(value: Option<&Value>, kind: &Type) -> String {
    let mut text = String::new();
    match value {
        None | Some(Value::Null) => {}
        Some(Value::Json(json)) => text.push_str(&json.to_string()),
        Some(value @ (Value::Array(_) | Value::Object(_) | Value::Map(_))) => {
            append_json(value, kind, &mut text);
        }
        Some(value) => {
            value.append_text(Some(kind), &mut text);
            if matches!(value, Value::Time(_)) {
                text.push('Z');
            }
        }
    }
    text
}

impl RecordWriter for CsvRecords {
    fn write(&mut self, records: &[Record]) -> Result<()> {
        for record in records {
            for index in 0..self.kinds.len() {
                let value = record.get(index).and_then(Option::as_ref);
                let text = self.kinds.get(index).map(|kind| text_of(value, kind)).unwrap_or_default();
                self.cell(index, &text);
            }
            self.end_line()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.out.flush().map_err(cannot_write)
    }
}
