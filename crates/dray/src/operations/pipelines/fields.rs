//! The members of a request's JSON object, each of its type; null is the same as none.

use dray_engine::expression::types::is_property_name;
use serde_json::{Map, Value};

use super::refusal::{Asked, Refusal};

/// A JSON object of a request.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'r>(pub &'r Map<String, Value>);

impl<'r> Fields<'r> {
    /// The object that a value is.
    pub fn of(value: &'r Value, what: &str) -> Asked<Self> {
        value.as_object().map(Self).ok_or_else(|| Refusal::bad(format!("{what} must be a JSON object")))
    }

    /// A member, unless it is null.
    pub fn value(&self, name: &str) -> Option<&'r Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Asked<Option<&'r str>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::bad(format!("`{name}` must be a text"))),
        }
    }

    /// A boolean; false where there is none.
    pub fn boolean(&self, name: &str) -> Asked<bool> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(Refusal::bad(format!("`{name}` must be true or false"))),
        }
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Asked<Option<i64>> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => value
                .as_i64()
                .map(Some)
                .ok_or_else(|| Refusal::bad(format!("`{name}` must be a whole number"))),
        }
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Asked<Option<Vec<String>>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let wrong = || Refusal::bad(format!("`{name}` must be a list of texts"));
        let texts = value.as_array().ok_or_else(wrong)?.iter();
        texts.map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong)).collect::<Asked<_>>().map(Some)
    }
}

/// A text of at most so many characters, without NUL.
pub fn within(name: &str, text: &str, most: usize) -> Asked<()> {
    if text.contains('\0') {
        return Err(Refusal::bad(format!("`{name}` holds the character NUL")));
    }
    if text.chars().count() > most {
        return Err(Refusal::bad(format!("`{name}` is longer than {most} characters")));
    }
    Ok(())
}

/// Dotted names of properties.
pub fn path(name: &str, path: &str) -> Asked<()> {
    if path.split('.').all(is_property_name) {
        return Ok(());
    }
    let shown = dray_model::problem::shown(path);
    Err(Refusal::bad(format!("`{shown}` in `{name}` is no path of a property")))
}
