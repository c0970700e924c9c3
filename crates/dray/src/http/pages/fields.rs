//! The fields of a record in forms: what they show, what is entered into them, what is wrong with them.

use std::collections::BTreeMap;

use dray_model::definition::{FieldDefinition, FieldKind};
use dray_model::object::{Column, Object};
use maud::{Markup, html};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::json_text::{ENTRIES, WHOLE, compact, pretty};
use super::problem_words::sentence;
use super::view::columns_of;
use super::words::Words;
use crate::http::answer::Failure;

/// What is entered into a form: name → text.
pub type Entered = BTreeMap<String, String>;

/// Letters of a text from which on it gets several lines.
const LONG_TEXT: usize = 1_000;

/// The most lines that are shown of a text.
const MOST_LINES: usize = 16;

/// What is entered one by one: each stored column, with the definition of its field.
pub fn inputs(object: &Object) -> impl Iterator<Item = (&Column, &FieldDefinition)> {
    columns_of(object).filter_map(|column| {
        let field = object.fields.get(column.field?)?;
        Some((column, &field.definition))
    })
}

/// The members to write: every input of the form, empty ones as null.
pub fn members(object: &Object, entered: &Entered) -> Map<String, Value> {
    let mut members = Map::new();
    for (column, field) in inputs(object) {
        let Some(text) = entered.get(&column.name) else { continue };
        let text = text.replace("\r\n", "\n");
        let value = if text.trim().is_empty() {
            Value::Null
        } else if field.multiple {
            text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).collect()
        } else if field.kind == FieldKind::Json {
            // As text, so that numbers keep their digits.
            Value::String(compact(&text))
        } else {
            Value::String(text)
        };
        members.insert(column.name.clone(), value);
    }
    members
}

/// What the form of a record shows at first.
pub fn entered_of(object: &Object, record: &RawValue) -> Entered {
    let record: BTreeMap<String, &RawValue> = serde_json::from_str(record.get()).unwrap_or_default();
    let plain = |value: &RawValue| {
        serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
    };
    let text = |column: &Column, field: &FieldDefinition| {
        let Some(value) = record.get(&column.name).filter(|value| value.get() != "null") else {
            return String::new();
        };
        match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            Ok(items) if field.multiple => items.into_iter().map(plain).collect::<Vec<_>>().join(", "),
            _ if field.kind == FieldKind::Json => {
                pretty(&plain(value), if field.shape.is_some() { ENTRIES } else { WHOLE })
            }
            _ => plain(value),
        }
    };
    inputs(object).map(|(column, field)| (column.name.clone(), text(column, field))).collect()
}

/// What is wrong with a field of a record that was not written.
pub fn wrong_of(words: &Words, failure: Option<&Failure>, column: &str, field: &str) -> Option<Markup> {
    let problems = failure?.details.as_ref()?.get("problems")?.as_array()?;
    let of = |name: &str| {
        problems.iter().find(|problem| problem.get("field").and_then(Value::as_str) == Some(name))
    };
    of(column).or_else(|| of(field)).map(|problem| sentence(words, problem))
}

/// What expressions in a field of an object with endpoints may begin with.
fn roots(object: &Object, name: &str) -> Option<&'static str> {
    match name {
        _ if !object.definition.endpoints => None,
        "trigger" | "process_api_url" | "process_api_params" | "process_api_headers" => {
            Some("$payload $secret")
        }
        "process" | "perform" | "perform_api_url" | "perform_headers" => {
            Some("$payload $secret $process $lookup")
        }
        _ => None,
    }
}

/// A field of a form.
#[derive(Debug)]
pub struct Input<'i> {
    /// The object.
    pub object: &'i Object,
    /// Where it is stored.
    pub column: &'i Column,
    /// What it is.
    pub field: &'i FieldDefinition,
    /// What was entered.
    pub text: &'i str,
    /// What is wrong with it.
    pub wrong: Option<Markup>,
    /// False where it is only shown.
    pub may_change: bool,
    /// Lines that a long text has at least.
    pub lines: usize,
}

impl Input<'_> {
    /// The field with its label and what is wrong with it.
    pub fn shown(&self, words: &Words) -> Markup {
        let Self { object, column, field, text, wrong, may_change, lines } = self;
        let name = &column.name;
        let is_part = column.part.is_some();
        let id = format!("field-{name}");
        let error = format!("{id}-error");
        let roots = roots(object, name).filter(|_| *may_change);
        let kind = match field.kind {
            _ if is_part || roots.is_some() => "text",
            FieldKind::Email => "email",
            FieldKind::Url => "url",
            FieldKind::Phone => "tel",
            FieldKind::Date => "date",
            _ => "text",
        };
        let is_code = matches!(field.kind, FieldKind::Json | FieldKind::Expression) || roots.is_some();
        let is_long = matches!(field.kind, FieldKind::Json | FieldKind::Expression)
            || (!is_part
                && field.kind == FieldKind::Text
                && field.max_length.is_none_or(|most| most > LONG_TEXT));
        let rows = text.lines().count().min(MOST_LINES).max(*lines);
        let invalid = wrong.as_ref().map(|_| "true");
        html! {
            div.field {
                label for=(id) {
                    (object.label_of_column(column))
                    @if field.required { " " span.hint { "(" (words.required) ")" } }
                }
                @if !field.choices.is_empty() && !field.multiple {
                    select id=(id) name=(name) disabled[!may_change] aria-invalid=[invalid] aria-describedby=(error) {
                        option value="" { (words.nothing) }
                        @for choice in &field.choices { option value=(choice) selected[choice == text] { (choice) } }
                    }
                } @else if field.kind == FieldKind::Boolean {
                    select id=(id) name=(name) disabled[!may_change] aria-invalid=[invalid] aria-describedby=(error) {
                        option value="" { (words.nothing) }
                        option value="true" selected[*text == "true"] { (words.yes) }
                        option value="false" selected[*text == "false"] { (words.no) }
                    }
                } @else if is_long {
                    textarea.code[is_code] id=(id) name=(name) rows=(rows) readonly[!may_change] spellcheck=[is_code.then_some("false")] wrap=[(field.kind == FieldKind::Json).then_some("off")]
                        data-roots=[roots] aria-invalid=[invalid] aria-describedby=(error) { (text) }
                } @else {
                    input.code[is_code] id=(id) name=(name) type=(kind) value=(text) readonly[!may_change]
                        data-roots=[roots] autocomplete=[roots.map(|_| "off")] aria-invalid=[invalid] aria-describedby=(error);
                }
                p.error id=(error) { @if let Some(why) = wrong { (why) } }
            }
        }
    }
}
