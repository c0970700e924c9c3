//! What a filter says of a record. A value that is missing or null satisfies no question but those about
//! that; the negative operators are the plain opposite.

use std::cmp::Ordering;

use super::operator::Test;
use super::{Condition, Filter};
use crate::expression::clock::parse_iso8601;
use crate::expression::{Decimal, Json, Value};

/// What stands at the path of a condition.
enum Found<'r> {
    Missing,
    Null,
    Json(&'r Json),
    Value(&'r Value),
}

impl Filter {
    /// True where the record is let through.
    pub fn matches(&self, record: &[Option<Value>]) -> bool {
        if self.all {
            self.conditions.iter().all(|condition| condition.holds(record))
        } else {
            self.conditions.iter().any(|condition| condition.holds(record))
        }
    }
}

impl Condition {
    /// True where the condition holds for a record.
    pub fn holds(&self, record: &[Option<Value>]) -> bool {
        let test = self.operator.test;
        let holds = match self.find(record) {
            Found::Missing => test == Test::Empty,
            Found::Null => matches!(test, Test::Empty | Test::Null | Test::Exists),
            Found::Json(json) => json_holds(test, json, &self.values),
            Found::Value(value) => value_holds(test, value, &self.values),
        };
        holds != self.operator.opposite
    }

    fn find<'r>(&self, record: &'r [Option<Value>]) -> Found<'r> {
        let mut members = record;
        let mut found = None;
        for (depth, index) in self.place.iter().enumerate() {
            let Some(Some(value)) = members.get(*index).map(Option::as_ref) else { return Found::Missing };
            found = Some(value);
            if depth + 1 < self.place.len() {
                let Value::Object(inner) = value else { return Found::Missing };
                members = inner;
            }
        }
        let mut json = match found {
            None => return Found::Missing,
            Some(Value::Json(json)) => json,
            // Null has no members.
            Some(Value::Null) if !self.members.is_empty() => return Found::Missing,
            Some(Value::Null) => return Found::Null,
            Some(value) => return Found::Value(value),
        };
        for member in &self.members {
            let Some(value) = json.member(member) else { return Found::Missing };
            json = value;
        }
        if matches!(json, Json::Null) { Found::Null } else { Found::Json(json) }
    }
}

/// What an order must be for a test that asks for one.
fn order_holds(test: Test, order: Option<Ordering>) -> bool {
    match test {
        Test::Is | Test::OneOf => order == Some(Ordering::Equal),
        Test::LessThan | Test::Before => order == Some(Ordering::Less),
        Test::LessThanOrEqual | Test::OnOrBefore => order.is_some_and(Ordering::is_le),
        Test::GreaterThan | Test::After => order == Some(Ordering::Greater),
        Test::GreaterThanOrEqual | Test::OnOrAfter => order.is_some_and(Ordering::is_ge),
        _ => false,
    }
}

/// The order of two values of one kind.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Decimal(left), Value::Decimal(right)) => Some(left.cmp(right)),
        (Value::DateTime(left), Value::DateTime(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
        (Value::Uuid(left), Value::Uuid(right)) => Some(left.cmp(right)),
        (Value::Ip(left), Value::Ip(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn value_holds(test: Test, value: &Value, values: &[Value]) -> bool {
    match test {
        Test::True => *value == Value::Boolean(true),
        Test::False => *value == Value::Boolean(false),
        Test::Null => false,
        Test::Exists => true,
        Test::Empty => match value {
            Value::Text(text) => text.is_empty(),
            Value::Array(elements) => elements.is_empty(),
            Value::Object(members) => members.iter().all(Option::is_none),
            Value::Map(entries) => entries.is_empty(),
            _ => false,
        },
        Test::Between => match values {
            [low, high] => {
                compare(value, low).is_some_and(Ordering::is_ge)
                    && compare(value, high).is_some_and(Ordering::is_le)
            }
            _ => false,
        },
        Test::Contains => match (value, values) {
            (Value::Text(text), [Value::Text(part)]) => text.contains(part.as_str()),
            (Value::Array(elements), [wanted]) => elements.iter().any(|element| match element {
                Value::Json(json) => json_holds(Test::Is, json, values),
                element => compare(element, wanted) == Some(Ordering::Equal),
            }),
            _ => false,
        },
        Test::StartsWith | Test::EndsWith => match (value, values) {
            (Value::Text(text), [Value::Text(part)]) if test == Test::StartsWith => {
                text.starts_with(part.as_str())
            }
            (Value::Text(text), [Value::Text(part)]) => text.ends_with(part.as_str()),
            _ => false,
        },
        _ => values.iter().any(|wanted| order_holds(test, compare(value, wanted))),
    }
}

/// The order of a JSON value and the text of a filter: as numbers where the JSON is one.
fn json_order(json: &Json, wanted: &Value) -> Option<Ordering> {
    let Value::Text(wanted) = wanted else { return None };
    match json {
        Json::Number(number) => Some(Decimal::parse(number)?.cmp(&Decimal::parse(wanted)?)),
        Json::Text(text) => Some((**text).cmp(wanted.as_str())),
        _ => None,
    }
}

/// The order of a JSON text and a filter's text as points in time.
fn json_time_order(json: &Json, wanted: &Value) -> Option<Ordering> {
    let (Json::Text(text), Value::Text(wanted)) = (json, wanted) else { return None };
    Some(parse_iso8601(text)?.cmp(&parse_iso8601(wanted)?))
}

fn json_holds(test: Test, json: &Json, values: &[Value]) -> bool {
    match test {
        Test::True => matches!(json, Json::Boolean(true)),
        Test::False => matches!(json, Json::Boolean(false)),
        Test::Null => matches!(json, Json::Null),
        Test::Exists => true,
        Test::Empty => match json {
            Json::Null => true,
            Json::Text(text) => text.is_empty(),
            Json::Array(elements) => elements.is_empty(),
            Json::Object(members) => members.is_empty(),
            Json::Boolean(_) | Json::Number(_) => false,
        },
        Test::Between => match values {
            [low, high] => {
                json_order(json, low).is_some_and(Ordering::is_ge)
                    && json_order(json, high).is_some_and(Ordering::is_le)
            }
            _ => false,
        },
        Test::Contains => match (json, values) {
            (Json::Text(text), [Value::Text(part)]) => text.contains(part.as_str()),
            (Json::Array(elements), _) => {
                elements.iter().any(|element| json_holds(Test::Is, element, values))
            }
            _ => false,
        },
        Test::StartsWith | Test::EndsWith => match (json, values) {
            (Json::Text(text), [Value::Text(part)]) if test == Test::StartsWith => {
                text.starts_with(part.as_str())
            }
            (Json::Text(text), [Value::Text(part)]) => text.ends_with(part.as_str()),
            _ => false,
        },
        Test::Before | Test::OnOrBefore | Test::After | Test::OnOrAfter => {
            values.iter().any(|wanted| order_holds(test, json_time_order(json, wanted)))
        }
        _ => values.iter().any(|wanted| order_holds(test, json_order(json, wanted))),
    }
}
