//! Evaluates compiled expressions over the values of one record. What one evaluation may produce is
//! limited, so that no expression can use memory without bound.

use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Ordering;

use super::compile::{Equality, Node, Typed, json_of};
use super::convert::{convert, described};
use super::decimal::Decimal;
use super::fault::{Failed, FailedStep};
use super::function::Function;
use super::json::{Json, RepeatedMember};
use super::types::Type;
use super::value::Value;

/// How many bytes of text one evaluation may make.
pub const MOST_BYTES: usize = 16 << 20;

pub(super) struct Evaluator<'r> {
    record: &'r [Option<Value>],
    spent: Cell<usize>,
}

type Evaluated<'r> = Result<Cow<'r, Value>, Failed>;

impl<'r> Evaluator<'r> {
    pub(super) fn new(record: &'r [Option<Value>]) -> Self {
        Self { record, spent: Cell::new(0) }
    }

    pub(super) fn value(&self, typed: &'r Typed) -> Evaluated<'r> {
        let kind = typed.kind.as_ref();
        match &typed.node {
            Node::Constant(value) => Ok(Cow::Borrowed(value)),
            Node::Property(reading) => reading.value(self.record),
            Node::Joined(parts) => self.joined(parts),
            Node::Convert(inner, step) => {
                let value = self.value(inner)?;
                converted(value, inner.kind.as_ref(), kind, *step)
            }
            Node::Decides(decisive, arguments) => {
                let mut unknown = false;
                for argument in arguments {
                    match &*self.value(argument)? {
                        Value::Boolean(value) if value == decisive => return boolean(*value),
                        Value::Boolean(_) => {}
                        _ => unknown = true,
                    }
                }
                if unknown { null() } else { boolean(!decisive) }
            }
            Node::Not(argument) => match &*self.value(argument)? {
                Value::Boolean(value) => boolean(!value),
                _ => null(),
            },
            Node::Equal(pair, equality) => {
                let [left, right] = &**pair;
                let (left_value, right_value) = (self.value(left)?, self.value(right)?);
                equal((&left_value, left.kind.as_ref()), (&right_value, right.kind.as_ref()), *equality)
                    .map_or_else(null, boolean)
            }
            Node::If(condition, then, otherwise) => match (&*self.value(condition)?, otherwise) {
                (Value::Boolean(true), _) => self.value(then),
                (_, Some(otherwise)) => self.value(otherwise),
                (_, None) => null(),
            },
            Node::Coalesce(arguments, step) => {
                for argument in arguments {
                    let value = self.value(argument)?;
                    if !value.is_null() {
                        return converted(value, argument.kind.as_ref(), kind, *step);
                    }
                }
                null()
            }
            Node::Array(elements) => {
                let mut values = Vec::with_capacity(elements.len());
                for element in elements {
                    values.push(self.element(element)?);
                }
                Ok(Cow::Owned(Value::Array(values)))
            }
            Node::Map(entries) => {
                let mut values = Vec::with_capacity(entries.len());
                for entry in entries {
                    if entry.droppable && self.value(&entry.value)?.is_null() {
                        continue;
                    }
                    values.push((entry.key.clone(), self.element(&entry.value)?));
                }
                Ok(Cow::Owned(Value::Map(values)))
            }
            Node::Text(function, argument) => self.text_function(*function, argument),
            Node::Substring(source, start, length) => self.substring(source, start, length.as_deref()),
            Node::Length(argument) => {
                let value = self.value(argument)?;
                Ok(Cow::Owned(Value::Int(
                    i128::try_from(length(&value, argument.kind.as_ref())).unwrap_or(0),
                )))
            }
            Node::Exists(argument) => boolean(!self.value(argument)?.is_null()),
            Node::Compare(function, pair) => {
                let [left, right] = &**pair;
                let (left_value, right_value) = (self.value(left)?, self.value(right)?);
                boolean(holds(
                    *function,
                    (&left_value, left.kind.as_ref()),
                    (&right_value, right.kind.as_ref()),
                ))
            }
            Node::In(argument, others) => {
                let value = self.value(argument)?;
                let equality = Equality { opposite: false, null_is_value: true };
                for other in others {
                    let other_value = self.value(other)?;
                    let pair = ((&*value, argument.kind.as_ref()), (&*other_value, other.kind.as_ref()));
                    if equal(pair.0, pair.1, equality) == Some(true) || has_element(pair.1, pair.0) {
                        return boolean(true);
                    }
                }
                boolean(false)
            }
        }
    }

    /// Counts what is made, and stops where it is too much.
    fn spend(&self, bytes: usize) -> Result<(), Failed> {
        self.spent.set(self.spent.get().saturating_add(bytes));
        if self.spent.get() <= MOST_BYTES {
            return Ok(());
        }
        Err(Failed::transformation(format!("it makes more than {MOST_BYTES} bytes of text from this record")))
    }

    fn joined(&self, parts: &'r [Typed]) -> Evaluated<'r> {
        let mut out = String::new();
        for part in parts {
            let value = self.value(part)?;
            let before = out.len();
            if !value.append_text(part.kind.as_ref(), &mut out)
                && !matches!(&*value, Value::Null | Value::Json(Json::Null))
            {
                return Err(Failed::transformation(format!(
                    "{} cannot be joined to a text",
                    described(&value)
                )));
            }
            self.spend(out.len() - before)?;
        }
        Ok(Cow::Owned(Value::Text(out)))
    }

    fn element(&self, element: &'r Typed) -> Result<Value, Failed> {
        let value = self.value(element)?.into_owned();
        self.spend(weight(&value))?;
        match (&value, &element.kind) {
            (Value::Null, Some(Type::Json)) => Ok(Value::Json(Json::Null)),
            (Value::Null, _) => Err(Failed {
                step: FailedStep::OutputValidation,
                message: "an element is null and may not be".to_owned(),
            }),
            _ => Ok(value),
        }
    }

    fn text_function(&self, function: Function, argument: &'r Typed) -> Evaluated<'r> {
        let value = self.value(argument)?;
        let Value::Text(text) = &*value else { return null() };
        let made = match function {
            Function::Lower => text.to_lowercase(),
            Function::Upper => text.to_uppercase(),
            Function::InitCap => initial_capitals(text),
            Function::Trim => text.trim().to_owned(),
            Function::TrimLeft => text.trim_start().to_owned(),
            Function::TrimRight => text.trim_end().to_owned(),
            _ => {
                self.spend(text.len())?;
                return match Json::parse(text, RepeatedMember::LastCounts) {
                    Ok(json) => Ok(Cow::Owned(Value::Json(json))),
                    Err(why) => Err(Failed::transformation(format!(
                        "`json_parse` was given a text that is not JSON: {why}"
                    ))),
                };
            }
        };
        self.spend(made.len())?;
        Ok(Cow::Owned(Value::Text(made)))
    }

    fn substring(&self, source: &'r Typed, start: &'r Typed, length: Option<&'r Typed>) -> Evaluated<'r> {
        let source = self.value(source)?;
        let start = self.value(start)?;
        let length = match length {
            Some(length) => self.value(length)?,
            None => Cow::Owned(Value::Int(i128::MAX)),
        };
        let (Value::Text(text), Value::Int(start), Value::Int(length)) = (&*source, &*start, &*length) else {
            return null();
        };
        let count = usize::try_from(*length).unwrap_or(usize::MAX);
        if *length < 0 {
            return Err(Failed::transformation(format!(
                "the length given to `substring` is negative: {length}"
            )));
        }
        let skipped = usize::try_from(start.saturating_sub(1).max(0)).unwrap_or(usize::MAX);
        let made: String = text.chars().skip(skipped).take(count).collect();
        self.spend(made.len())?;
        Ok(Cow::Owned(Value::Text(made)))
    }
}

/// About how many bytes a value is when it is written.
fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Json(json) => json_weight(json),
        Value::Array(elements) => 1 + elements.iter().map(weight).sum::<usize>(),
        Value::Object(members) => 1 + members.iter().flatten().map(weight).sum::<usize>(),
        Value::Map(entries) => {
            1 + entries.iter().map(|(key, value)| key.len() + weight(value)).sum::<usize>()
        }
        _ => 8,
    }
}

fn json_weight(json: &Json) -> usize {
    match json {
        Json::Null | Json::Boolean(_) => 4,
        Json::Number(text) | Json::Text(text) => 2 + text.len(),
        Json::Array(elements) => 1 + elements.iter().map(json_weight).sum::<usize>(),
        Json::Object(members) => {
            1 + members.iter().map(|(name, value)| name.len() + json_weight(value)).sum::<usize>()
        }
    }
}

fn null<'r>() -> Evaluated<'r> {
    Ok(Cow::Owned(Value::Null))
}

fn boolean<'r>(value: bool) -> Evaluated<'r> {
    Ok(Cow::Owned(Value::Boolean(value)))
}

fn converted<'r>(
    value: Cow<'r, Value>,
    from: Option<&Type>,
    to: Option<&Type>,
    step: FailedStep,
) -> Evaluated<'r> {
    let Some(to) = to else { return Ok(value) };
    convert(value, from, to).map_err(|failure| Failed { step, message: failure.to_string() })
}

/// The first letter of each word as a capital, the others as they are. A word is letters, digits and
/// apostrophes.
fn initial_capitals(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut within = false;
    for letter in text.chars() {
        if within {
            out.push(letter);
        } else {
            out.extend(letter.to_uppercase());
        }
        within = letter.is_alphanumeric() || (within && matches!(letter, '\'' | '’'));
    }
    out
}

fn length(value: &Value, kind: Option<&Type>) -> usize {
    match value {
        Value::Null | Value::Json(Json::Null) => 0,
        Value::Array(elements) => elements.len(),
        Value::Object(members) => members.iter().flatten().count(),
        Value::Map(entries) => entries.len(),
        Value::Json(Json::Array(elements)) => elements.len(),
        Value::Json(Json::Object(members)) => members.len(),
        Value::DateTime(_) => 20,
        Value::Date(_) => 10,
        other => {
            let mut text = String::new();
            other.append_text(kind, &mut text);
            text.chars().count()
        }
    }
}

/// A value and its type.
type Side<'v> = (&'v Value, Option<&'v Type>);

/// True where the left, as a value of the right's type, is the right; `None` where either is null and
/// null is not a value.
fn equal(left: Side<'_>, right: Side<'_>, equality: Equality) -> Option<bool> {
    let is_null = |side: Side<'_>| match side.0 {
        Value::Null => true,
        Value::Json(Json::Null) => equality.null_is_value,
        _ => false,
    };
    let same = match (is_null(left), is_null(right)) {
        (false, false) => same_value(left, right),
        (left, right) if equality.null_is_value => left && right,
        _ => return None,
    };
    Some(same != equality.opposite)
}

fn same_value(left: Side<'_>, right: Side<'_>) -> bool {
    let Some(kind) = right.1 else { return false };
    let Ok(converted) = convert(Cow::Borrowed(left.0), left.1, kind) else { return false };
    match (&*converted, right.0) {
        // The members of maps and objects have no order of their own.
        (Value::Map(_) | Value::Array(_) | Value::Object(_), _) => {
            json_of(&converted, Some(kind)).is_some_and(|json| Some(json) == json_of(right.0, Some(kind)))
        }
        (converted, right) => converted == right,
    }
}

fn has_element(list: Side<'_>, element: Side<'_>) -> bool {
    let Some(wanted) = json_of(element.0, element.1) else { return false };
    match list.0 {
        Value::Json(Json::Array(elements)) => elements.contains(&wanted),
        Value::Array(_) => match json_of(list.0, list.1) {
            Some(Json::Array(elements)) => elements.contains(&wanted),
            _ => false,
        },
        _ => false,
    }
}

/// What triggers ask of two values; false where there is nothing to compare.
fn holds(function: Function, left: Side<'_>, right: Side<'_>) -> bool {
    if function == Function::Contains && has_element(left, right) {
        return true;
    }
    let (mut left_text, mut right_text) = (String::new(), String::new());
    if !left.0.append_text(left.1, &mut left_text) || !right.0.append_text(right.1, &mut right_text) {
        return false;
    }
    let is_number = |value: &Value| {
        matches!(value, Value::Int(_) | Value::Float(_) | Value::Decimal(_) | Value::Json(Json::Number(_)))
    };
    let order = || -> Option<Ordering> {
        if is_number(left.0) || is_number(right.0) {
            // A text that is no number is neither smaller nor larger than one.
            return Some(Decimal::parse(&left_text)?.cmp(&Decimal::parse(&right_text)?));
        }
        Some(left_text.cmp(&right_text))
    };
    match function {
        Function::Contains => left_text.contains(&right_text),
        Function::StartsWith => left_text.starts_with(&right_text),
        Function::EndsWith => left_text.ends_with(&right_text),
        Function::LessThan => order() == Some(Ordering::Less),
        Function::LessThanOrEqual => order().is_some_and(Ordering::is_le),
        Function::GreaterThan => order() == Some(Ordering::Greater),
        Function::GreaterThanOrEqual => order().is_some_and(Ordering::is_ge),
        _ => false,
    }
}
