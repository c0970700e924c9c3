//! Paths against a schema: which value of a record a path reads, and of which type it is.

use std::borrow::Cow;

use super::fault::{ExpressionErrorKind, Failed, Mistake};
use super::json::Json;
use super::syntax::{Path, Place, StepTo};
use super::types::{Schema, Type, is_property_name};
use super::value::Value;

/// A path that is known to lead somewhere.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    root: usize,
    steps: Vec<Access>,
    /// The path as it is written, for messages.
    pub(super) text: String,
}

#[derive(Debug, Clone)]
enum Access {
    /// A property of an object.
    Property(usize),
    /// A key of a map.
    Key(String),
    /// A member of a JSON object.
    Member { name: String, optional: bool },
    /// An element of a JSON array.
    Element(usize),
}

/// What a path leads to.
pub(super) struct Resolved {
    pub(super) reading: Reading,
    pub(super) kind: Type,
    /// The property a schema must have for it: the path up to the first JSON value, without keys of maps.
    pub(super) input: String,
}

/// Finds what a path leads to. `lenient` paths never fail in JSON: where there is nothing they are null.
pub(super) fn resolve(
    path: &Path,
    place: Place,
    schema: &Schema,
    lenient: bool,
) -> Result<Resolved, Mistake> {
    let unknown =
        |index: usize, message: String| Mistake::new(ExpressionErrorKind::UnknownProperty, index, message);
    let Some((root, property)) = schema.find(&path.root) else {
        let names: Vec<&str> =
            schema.properties.iter().take(20).map(|property| property.name.as_str()).collect();
        let known = names.join(", ");
        return Err(unknown(
            place.0,
            format!("there is no property `{}`; there are {known}", dray_model::problem::shown(&path.root)),
        ));
    };
    let mut kind = &property.kind;
    let mut input = property.name.clone();
    let mut written = property.name.clone();
    let mut steps = Vec::with_capacity(path.steps.len());
    for step in &path.steps {
        let index = step.place.0;
        if step.optional && *kind != Type::Json {
            let message =
                format!("a `?` stands only after a step inside JSON; `{written}` is of kind {}", kind.kind());
            return Err(unknown(index, message));
        }
        match (kind, &step.to) {
            (Type::Object(schema), StepTo::Name(name)) => {
                if !is_property_name(name) {
                    return Err(unknown(
                        index,
                        format!("`{name}` is not the name of a property of `{written}`"),
                    ));
                }
                let Some((member, property)) = schema.find(name) else {
                    return Err(unknown(index, format!("`{written}` has no property `{name}`")));
                };
                steps.push(Access::Property(member));
                kind = &property.kind;
                input = format!("{input}.{name}");
            }
            (Type::Map(element), StepTo::Name(name)) => {
                steps.push(Access::Key(name.clone()));
                kind = element;
            }
            (Type::Json, StepTo::Name(name)) => {
                steps.push(Access::Member { name: name.clone(), optional: step.optional || lenient });
            }
            (Type::Json, StepTo::Index(element)) => steps.push(Access::Element(*element)),
            _ => {
                let message = format!("`{written}` is of kind {} and has no members", kind.kind());
                return Err(unknown(index, message));
            }
        }
        written = match &step.to {
            StepTo::Name(name) => format!("{written}.{name}"),
            StepTo::Index(element) => format!("{written}[{element}]"),
        };
    }
    let reading = Reading { root, steps, text: path.to_string() };
    Ok(Resolved { reading, kind: kind.clone(), input })
}

impl Reading {
    /// The value of a record; null where it is missing.
    pub(super) fn value<'r>(&self, record: &'r [Option<Value>]) -> Result<Cow<'r, Value>, Failed> {
        const MISSING: Cow<'static, Value> = Cow::Owned(Value::Null);
        let Some(Some(mut value)) = record.get(self.root).map(Option::as_ref) else { return Ok(MISSING) };
        let mut inside: Option<&Json> = None;
        for step in &self.steps {
            let json = match (inside, value) {
                (Some(json), _) | (None, Value::Json(json)) => json,
                (None, Value::Object(members)) => {
                    let Access::Property(index) = step else { return Ok(MISSING) };
                    let Some(Some(member)) = members.get(*index).map(Option::as_ref) else {
                        return Ok(MISSING);
                    };
                    value = member;
                    continue;
                }
                (None, Value::Map(entries)) => {
                    let Access::Key(key) = step else { return Ok(MISSING) };
                    let Some((_, entry)) = entries.iter().find(|(known, _)| known == key) else {
                        return Ok(MISSING);
                    };
                    value = entry;
                    continue;
                }
                _ => return Ok(MISSING),
            };
            let next = match (step, json) {
                (Access::Member { name, .. }, Json::Object(_)) => json.member(name),
                (Access::Element(index), Json::Array(elements)) => elements.get(*index),
                (Access::Member { name, optional: false }, _) => {
                    let what = json.described();
                    return Err(Failed::transformation(format!(
                        "`{}` steps to `{name}`, but there is {what} and not an object; write `{name}?` if it may be so",
                        self.text
                    )));
                }
                _ => None,
            };
            let Some(next) = next else { return Ok(MISSING) };
            inside = Some(next);
        }
        Ok(match inside {
            Some(json) => Cow::Owned(Value::Json(json.clone())),
            None => Cow::Borrowed(value),
        })
    }
}
