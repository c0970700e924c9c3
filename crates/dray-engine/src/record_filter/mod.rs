//! Filters of pipelines: which records of a schema are let through. Read from JSON, checked against the
//! schema, applied to records in memory.

pub mod operator;
mod apply;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::expression::clock::{parse_clock, parse_iso8601};
use crate::expression::types::is_property_name;
use crate::expression::{Decimal, Json, Property, RepeatedMember, Schema, Type, Value};
use operator::Operator;

/// The most characters of a value, unless the property's type lists it.
const MOST_VALUE: usize = 60;
/// The most conditions a filter may have.
const MOST_CONDITIONS: usize = 1_000;
/// The most values a condition may have.
const MOST_VALUES: usize = 10_000;

/// Conditions, of which all or one must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// True where all conditions must hold.
    pub all: bool,
    /// The conditions, at least one.
    pub conditions: Vec<Condition>,
}

/// One condition on one property.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The path of the property, with the path into its JSON, as it was written.
    pub property: String,
    /// The path of the property that a schema must have for it: without the path into JSON.
    pub input: String,
    /// What is asked.
    pub operator: Operator,
    /// The values it is compared with.
    pub values: Vec<Value>,
    /// The values as they were written.
    texts: Vec<String>,
    /// Index of the property in its schema, then in the object that is, and so on.
    place: Vec<usize>,
    /// Members of JSON objects, from there.
    members: Vec<String>,
    kind: Type,
}

/// Why a filter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// The number of the condition, from 1; `None` where it is the filter itself.
    pub condition: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.condition {
            Some(number) => write!(out, "condition {number} of the filter: {}", self.message),
            None => write!(out, "the filter {}", self.message),
        }
    }
}

impl std::error::Error for FilterError {}

impl Filter {
    /// Reads a filter of records of a schema.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, FilterError> {
        let whole = |message: &str| FilterError { condition: None, message: message.to_owned() };
        let json = Json::parse(text, RepeatedMember::LastCounts)
            .map_err(|why| whole(&format!("is not JSON: {why}")))?;
        if !matches!(json, Json::Object(_)) {
            return Err(whole("must be an object with `logical` and `conditions`"));
        }
        let all = match json.member("logical") {
            Some(Json::Text(word)) if &**word == "and" => true,
            Some(Json::Text(word)) if &**word == "or" => false,
            _ => return Err(whole("must have `logical`: \"and\" or \"or\"")),
        };
        let Some(Json::Array(given)) = json.member("conditions") else {
            return Err(whole("must have `conditions`, a list"));
        };
        if given.is_empty() || given.len() > MOST_CONDITIONS {
            return Err(whole(&format!("must have from 1 to {MOST_CONDITIONS} conditions")));
        }
        let mut conditions = Vec::with_capacity(given.len());
        for (index, condition) in given.iter().enumerate() {
            let condition = read_condition(condition, schema);
            conditions
                .push(condition.map_err(|message| FilterError { condition: Some(index + 1), message })?);
        }
        Ok(Self { all, conditions })
    }

    /// The filter as JSON, with canonical values.
    pub fn to_json(&self) -> String {
        let member = |name: &str, value: Json| (name.into(), value);
        let conditions = self.conditions.iter().map(|condition| {
            let mut members = vec![
                member("property", Json::text(&condition.property)),
                member("operator", Json::text(condition.operator.name)),
            ];
            if condition.operator.values() != (0, 0) {
                let values: Vec<Json> =
                    condition.canonical_values().iter().map(|text| Json::text(text)).collect();
                members.push(member("values", Json::Array(values.into())));
            }
            Json::Object(members.into())
        });
        let conditions: Vec<Json> = conditions.collect();
        let logical = Json::text(if self.all { "and" } else { "or" });
        let members = vec![member("logical", logical), member("conditions", Json::Array(conditions.into()))];
        Json::Object(members.into()).to_string()
    }
}

impl Condition {
    fn canonical_values(&self) -> Vec<String> {
        let canonical = |(value, written): (&Value, &String)| match value {
            // Floats and texts are as they were written.
            Value::Float(_) | Value::Text(_) => written.clone(),
            Value::DateTime(_) => {
                let mut text = String::new();
                value.append_text(Some(&self.kind), &mut text);
                text.trim_end_matches('Z').to_owned()
            }
            other => {
                let mut text = String::new();
                other.append_text(Some(&self.kind), &mut text);
                text
            }
        };
        self.values.iter().zip(&self.texts).map(canonical).collect()
    }
}

fn read_condition(json: &Json, schema: &Schema) -> Result<Condition, String> {
    let text = |name: &str| match json.member(name) {
        Some(Json::Text(text)) => Ok(text.to_string()),
        _ => Err(format!("`{name}` is missing or no text")),
    };
    let property = text("property")?;
    let located = locate(&property, schema)?;
    let name = text("operator")?;
    let shown = dray_model::problem::shown(&name);
    let operator = Operator::find(&name).ok_or_else(|| format!("there is no operator `{shown}`"))?;
    if !operator.is_for(&located.kind) {
        return Err(format!("`{name}` cannot be asked of `{property}`, which is of type {}", located.kind));
    }
    let json_kind = located.kind == Type::Json;
    match operator.test {
        operator::Test::Null if !located.nullable && !json_kind => {
            return Err(format!("`{name}` cannot be asked of `{property}`, which is never null"));
        }
        operator::Test::Exists if !located.read_optional && located.members.is_empty() => {
            return Err(format!("`{name}` cannot be asked of `{property}`, which is always there"));
        }
        _ => {}
    }
    let texts = read_values(json, operator)?;
    let value_kind = match &located.kind {
        Type::Array(array) => (*array.element).clone(),
        other => other.clone(),
    };
    let mut values = Vec::with_capacity(texts.len());
    for text in &texts {
        let value = read_value(text, &value_kind);
        values.push(value.map_err(|why| format!("the value `{}` {why}", dray_model::problem::shown(text)))?);
    }
    let Located { place, members, kind, input, .. } = located;
    Ok(Condition { property, input, operator, values, texts, place, members, kind })
}

fn read_values(json: &Json, operator: Operator) -> Result<Vec<String>, String> {
    let (least, most) = operator.values();
    let name = operator.name;
    let given = match json.member("values") {
        None | Some(Json::Null) => None,
        Some(Json::Array(values)) => Some(values),
        Some(_) => return Err("`values` must be a list of texts".to_owned()),
    };
    let Some(given) = given else {
        return if least == 0 { Ok(Vec::new()) } else { Err(format!("`{name}` needs `values`")) };
    };
    if most == 0 {
        return Err(format!("`{name}` takes no values; leave `values` out"));
    }
    if given.len() < least || given.len() > most.min(MOST_VALUES) {
        let count = if most == least { least.to_string() } else { format!("from {least} to {MOST_VALUES}") };
        let noun = if most == 1 { "value" } else { "values" };
        return Err(format!("`{name}` takes {count} {noun}, not {}", given.len()));
    }
    let text = |value: &Json| match value {
        Json::Text(text) => Ok(text.to_string()),
        other => {
            Err(format!("`values` must hold texts, not {}; write numbers in quotes too", other.described()))
        }
    };
    given.iter().map(text).collect()
}

struct Located {
    place: Vec<usize>,
    members: Vec<String>,
    kind: Type,
    input: String,
    nullable: bool,
    read_optional: bool,
}

fn locate(path: &str, schema: &Schema) -> Result<Located, String> {
    let shown = dray_model::problem::shown;
    let (mut place, mut members, mut input) = (Vec::new(), Vec::new(), String::new());
    let mut inner = Some(schema);
    let mut found: Option<&Property> = None;
    for name in path.split('.') {
        if !is_property_name(name) {
            let (path, name) = (shown(path), shown(name));
            return Err(format!("`{path}` is no path: `{name}` is not the name of a property"));
        }
        match (inner, found) {
            (Some(schema), _) => {
                let Some((index, property)) = schema.find(name) else {
                    return Err(format!("there is no property `{}`", shown(path)));
                };
                place.push(index);
                if !input.is_empty() {
                    input.push('.');
                }
                input.push_str(name);
                inner = match &property.kind {
                    Type::Object(schema) => Some(&**schema),
                    _ => None,
                };
                found = Some(property);
            }
            (None, Some(property)) if property.kind == Type::Json => members.push(name.to_owned()),
            (None, property) => {
                let kind = property.map_or("object", |property| property.kind.kind());
                return Err(format!("`{input}` is of kind {kind} and has no `{name}`"));
            }
        }
    }
    let property = found.ok_or("the path is empty")?;
    Ok(Located {
        place,
        members,
        kind: property.kind.clone(),
        input,
        nullable: property.nullable,
        read_optional: property.read_optional,
    })
}

/// Reads the text of a value as the kind it is compared with.
fn read_value(text: &str, kind: &Type) -> Result<Value, &'static str> {
    if let Type::String(string) = kind
        && !string.values.is_empty()
    {
        let allowed = string.values.iter().any(|value| value == text);
        return if allowed { Ok(Value::text(text)) } else { Err("is not one of the values of the property") };
    }
    if text.is_empty() {
        return Err("is empty; use `is empty` to ask for that");
    }
    if text.chars().count() > MOST_VALUE {
        return Err("is longer than 60 characters");
    }
    if text.contains('\0') {
        return Err("holds the character NUL");
    }
    match kind {
        Type::Int(int) => whole(text, int.unsigned).map(Value::Int).ok_or("is not a whole number of 64 bits"),
        Type::Float(float) => {
            let number = float_of(text).ok_or("is not a number such as -1.5 or 1e3")?;
            #[expect(clippy::cast_possible_truncation, reason = "the property is of this size")]
            let single = f64::from(number as f32);
            Ok(Value::Float(if float.bit_size == 32 { single } else { number }))
        }
        Type::Decimal(_) => Decimal::parse(text).map(Value::Decimal).ok_or("is not a decimal number"),
        Type::DateTime => parse_iso8601(text).map(Value::DateTime).ok_or("is not a date time of ISO 8601"),
        Type::Date => dray_model::value::parse_date(text).map(Value::Date).ok_or("is not a date, YYYY-MM-DD"),
        Type::Time => parse_clock(text).map(Value::Time).ok_or("is not a time, hh:mm:ss"),
        Type::Year => {
            let digits = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
            let year = text.parse().ok().filter(|year| digits && (1..=9999).contains(year));
            year.map(Value::Int).ok_or("is not a year from 1 to 9999")
        }
        Type::Uuid if text.len() == 36 => crate::expression::convert::convert(
            std::borrow::Cow::Owned(Value::text(text)),
            Some(&Type::string()),
            kind,
        )
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| "is not a UUID"),
        Type::Uuid => Err("is not a UUID of 36 characters"),
        Type::Ip => text.parse().map(Value::Ip).map_err(|_| "is not an IP address"),
        _ => Ok(Value::text(text)),
    }
}

fn whole(text: &str, unsigned: bool) -> Option<i128> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (digits.len() > 1 && digits.starts_with('0')) || (unsigned && digits.len() < text.len()) {
        return None;
    }
    let value: i128 = text.parse().ok()?;
    let fits = if unsigned { u64::try_from(value).is_ok() } else { i64::try_from(value).is_ok() };
    fits.then_some(value)
}

fn float_of(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (number, exponent) = match digits.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (digits, None),
    };
    let (before, after) = match number.split_once('.') {
        Some((before, after)) => (before, Some(after)),
        None => (number, None),
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(before)
        || after.is_some_and(|after| !are_digits(after))
        || exponent.is_some_and(|exponent| !are_digits(exponent))
    {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}
