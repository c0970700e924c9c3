//! Filters as programs write them: a field, an operator and a value, or groups of such conditions.

use dray_engine::query::{canonical_value, stored_column};
use dray_model::object::{ColumnIndex, Object};
use dray_model::query::{Filter, Operator};
use dray_model::value::ValueType;
use dray_model::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

/// How deep groups may nest (`spec`: any depth up to 8).
const MOST_DEPTH: usize = 8;

/// The most conditions in all groups together.
const MOST_CONDITIONS: usize = 500;

/// The most values of `in` and `not_in`.
const MOST_VALUES: usize = 10_000;

/// The words of the operators.
const OPERATORS: [(&str, Operator); 15] = [
    ("eq", Operator::Equal),
    ("neq", Operator::NotEqual),
    ("contains", Operator::Contains),
    ("not_contains", Operator::NotContains),
    ("starts_with", Operator::StartsWith),
    ("ends_with", Operator::EndsWith),
    ("gt", Operator::Greater),
    ("gte", Operator::GreaterOrEqual),
    ("lt", Operator::Less),
    ("lte", Operator::LessOrEqual),
    ("between", Operator::Between),
    ("in", Operator::In),
    ("not_in", Operator::NotIn),
    ("is_empty", Operator::IsEmpty),
    ("is_not_empty", Operator::IsNotEmpty),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    operator: String,
    conditions: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    field: String,
    operator: String,
    #[serde(default)]
    value: Value,
}

/// Reads a group of conditions: `{"operator": "and", "conditions": [{"field", "operator", "value"} or a
/// group, …]}`.
pub fn parse_group(object: &Object, text: &str) -> Result<Filter> {
    let value: Value = serde_json::from_str(text).map_err(|why| {
        Error::request(format!("the filters are not JSON: {why}")).hint(
            r#"write them like {"operator":"and","conditions":[{"field":"status","operator":"eq","value":"lead"}]}"#,
        )
    })?;
    filter_of(object, value)
}

/// The filter a JSON value stands for; a single condition is one too.
pub fn filter_of(object: &Object, value: Value) -> Result<Filter> {
    let mut conditions = 0;
    part(object, value, 0, &mut conditions)
}

fn part(object: &Object, value: Value, depth: usize, conditions: &mut usize) -> Result<Filter> {
    let shape = |why: serde_json::Error| {
        Error::request(format!("a filter cannot be read: {why}"))
            .hint("a group has `operator` and `conditions`; a condition has `field`, `operator` and `value`")
    };
    if value.get("conditions").is_none() {
        let condition: Condition = serde_json::from_value(value).map_err(shape)?;
        *conditions += 1;
        if *conditions > MOST_CONDITIONS {
            return Err(Error::request(format!("a filter has at most {MOST_CONDITIONS} conditions")));
        }
        return compare(object, &condition.field, &condition.operator, &condition.value);
    }
    if depth >= MOST_DEPTH {
        return Err(Error::request(format!("groups of filters nest at most {MOST_DEPTH} deep")));
    }
    let group: Group = serde_json::from_value(value).map_err(shape)?;
    let mut parts = Vec::with_capacity(group.conditions.len());
    for condition in group.conditions {
        parts.push(part(object, condition, depth + 1, conditions)?);
    }
    match group.operator.to_ascii_lowercase().as_str() {
        "and" => Ok(Filter::And(parts)),
        "or" => Ok(Filter::Or(parts)),
        "not" => Ok(Filter::Not(Box::new(Filter::Or(parts)))),
        other => Err(Error::request(format!("`{other}` does not join conditions"))
            .hint("the operator of a group is `and`, `or` or `not`")),
    }
}

/// One condition. The value is typed by the field; lists are JSON arrays, or texts with commas.
pub fn compare(object: &Object, field: &str, operator: &str, value: &Value) -> Result<Filter> {
    let operator = OPERATORS
        .into_iter()
        .find(|(word, _)| *word == operator.trim().to_ascii_lowercase())
        .map(|(_, operator)| operator)
        .ok_or_else(|| {
            let words: Vec<&str> = OPERATORS.into_iter().map(|(word, _)| word).collect();
            Error::request(format!("`{operator}` is no filter operator"))
                .hint(format!("the operators are: {}", words.join(", ")))
        })?;
    // A field with several columns holds a value where one of them does.
    let columns = object.find_columns(field).ok_or_else(|| object.unknown_field(field))?;
    let mut parts = Vec::with_capacity(columns.len());
    for column in columns {
        parts.push(Filter::Compare { column, operator, values: values(object, column, operator, value)? });
    }
    let negative =
        matches!(operator, Operator::NotEqual | Operator::NotContains | Operator::NotIn | Operator::IsEmpty);
    Ok(match parts.len() {
        1 => parts.remove(0),
        _ if negative => Filter::And(parts),
        _ => Filter::Or(parts),
    })
}

fn values(object: &Object, column: ColumnIndex, operator: Operator, value: &Value) -> Result<Vec<String>> {
    let name = &object.columns[column].name;
    let wrong = |what: &str| Error::request(format!("the filter on `{name}` {what}"));
    let is_text = matches!(
        operator,
        Operator::Contains | Operator::NotContains | Operator::StartsWith | Operator::EndsWith
    );
    let one = |value: &Value| match plain(value) {
        None => Err(wrong("compares with no single text, number or boolean")
            .hint("use the operator `is_empty` to find empty cells")),
        Some(text) if is_text => Ok(text),
        Some(text) => canonical_value(object, column, &text),
    };
    let many = |value: &Value| -> Result<Vec<String>> {
        match value {
            Value::Array(items) if items.len() > MOST_VALUES => {
                Err(wrong(&format!("has more than {MOST_VALUES} values")))
            }
            Value::Array(items) => items.iter().map(one).collect(),
            Value::String(text) => {
                text.split(',').map(|item| one(&Value::String(item.trim().to_owned()))).collect()
            }
            other => one(other).map(|text| vec![text]),
        }
    };
    match operator {
        Operator::IsEmpty | Operator::IsNotEmpty => Ok(Vec::new()),
        Operator::In | Operator::NotIn => many(value),
        Operator::Between => match many(value)? {
            both if both.len() == 2 => Ok(both),
            _ => Err(wrong("with `between` needs two values").hint("write the value as [low, high]")),
        },
        _ if is_text && object.columns[column].value_type == ValueType::Boolean => {
            Err(wrong("cannot search in a boolean").hint("use `eq`"))
        }
        _ => one(value).map(|text| vec![text]),
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The one stored column of a name, for sorting.
pub fn sort_column(object: &Object, name: &str) -> Result<ColumnIndex> {
    stored_column(object, name)
}
