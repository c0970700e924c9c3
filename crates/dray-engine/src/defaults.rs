//! Default values of fields: a literal, or a template of other fields, for new records, and for rows that
//! are recognised by what they would be called.

use std::sync::Arc;

use arrow_array::ArrayRef;
use dray_model::object::{ColumnIndex, Object};
use dray_model::value::{ValueType, append_text, column_from_text, text_of};

/// A default value: a literal, or a template of other fields (`{first_name} {last_name}`).
pub(crate) struct DefaultText {
    literal: String,
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    Field(Option<ArrayRef>),
}

impl DefaultText {
    /// The default of a field over rows that have these columns.
    pub(crate) fn new(object: &Object, default: &str, columns: &[ColumnIndex], values: &[ArrayRef]) -> Self {
        let mut parts = Vec::new();
        if default.contains('{') {
            for piece in default.split_inclusive(['{', '}']) {
                match piece.strip_suffix('}') {
                    Some(name) => {
                        let position = object
                            .column(name)
                            .and_then(|column| columns.iter().position(|&given| given == column));
                        parts.push(Part::Field(position.map(|position| Arc::clone(&values[position]))));
                    }
                    None => parts.push(Part::Text(piece.trim_end_matches('{').to_owned())),
                }
            }
        }
        Self { literal: default.to_owned(), parts }
    }

    /// The values given, and the default where there are none.
    pub(crate) fn fill(
        &self,
        object: &Object,
        column: ColumnIndex,
        given: Option<&ArrayRef>,
        rows: usize,
    ) -> ArrayRef {
        let value_type = object.columns[column].value_type;
        let texts: Vec<Option<String>> = (0..rows)
            .map(|row| {
                given.and_then(|array| text_of(value_type, array, row)).or_else(|| {
                    if self.parts.is_empty() {
                        return Some(self.literal.clone());
                    }
                    let mut text = String::new();
                    for part in &self.parts {
                        match part {
                            Part::Text(literal) => text.push_str(literal),
                            Part::Field(Some(array)) => {
                                append_text(ValueType::Text, array, row, &mut text);
                            }
                            Part::Field(None) => {}
                        }
                    }
                    let text = text.trim();
                    (!text.is_empty()).then(|| text.to_owned())
                })
            })
            .collect();
        column_from_text(value_type, texts.iter().map(Option::as_deref))
    }
}
