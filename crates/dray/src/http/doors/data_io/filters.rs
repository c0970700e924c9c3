//! The filters of an export: `from` and `to`, and fields with the values they shall have.

use dray_engine::query::canonical_value;
use dray_model::object::Object;
use dray_model::value::{append_date, days_from_civil};
use serde_json::{Map, Value, json};

use crate::http::answer::{Answer, Failure};

/// The fields that tell when something was, the first that an object has.
const TIME_FIELDS: [&str; 3] = ["occurred_at", "submitted_at", "created_at"];

/// The conditions (as `operations::filters` reads them) that the filters of a request stand for; `None`
/// where there are none.
pub(super) fn conditions(object: &Object, filters: Map<String, Value>) -> Answer<Option<Value>> {
    // A group, or one condition, as the other doors know them.
    let is_condition = filters.contains_key("field") && filters.contains_key("operator");
    if filters.contains_key("conditions") || is_condition {
        return Ok(Some(Value::Object(filters)));
    }
    let mut conditions = Vec::new();
    let (mut from, mut to) = (None, None);
    for (name, value) in filters {
        match name.as_str() {
            "from" => from = Some(text_of(&name, value)?),
            "to" => to = Some(text_of(&name, value)?),
            _ => conditions.push(condition(&name, value)),
        }
    }
    let found = TIME_FIELDS.into_iter().find_map(|name| Some((name, *object.find_columns(name)?.first()?)));
    if let Some((time, column)) = found {
        let mut first = String::new();
        if let Some(from) = from {
            first = canonical_value(object, column, &from).map_err(|why| no_time("from", &why))?;
            conditions.push(json!({ "field": time, "operator": "gte", "value": first }));
        }
        if let Some(to) = to {
            // The whole day belongs to it.
            let (last, operator) = day_behind(&to).map_or((to, "lte"), |behind| (behind, "lt"));
            let last = canonical_value(object, column, &last).map_err(|why| no_time("to", &why))?;
            if last < first {
                return Err(Failure::validation("filters.from is after filters.to: exchange them"));
            }
            conditions.push(json!({ "field": time, "operator": operator, "value": last }));
        }
    }
    Ok((!conditions.is_empty()).then(|| json!({ "operator": "and", "conditions": conditions })))
}

/// A field with a value, a list of values, nothing, or `{operator, value}`.
fn condition(name: &str, value: Value) -> Value {
    match value {
        Value::Object(mut told) if told.contains_key("operator") => {
            told.insert("field".to_owned(), json!(name));
            Value::Object(told)
        }
        Value::Array(values) => json!({ "field": name, "operator": "in", "value": values }),
        Value::Null => json!({ "field": name, "operator": "is_empty" }),
        value => json!({ "field": name, "operator": "eq", "value": value }),
    }
}

fn text_of(name: &str, value: Value) -> Answer<String> {
    match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        _ => Err(Failure::validation(format!(
            "filters.{name} is no text: write a date like \"2026-04-01\" or \"2026-04-01T12:00:00Z\""
        ))),
    }
}

fn no_time(name: &str, why: &dray_model::Error) -> Failure {
    Failure::validation(format!(
        "filters.{name}: {}: write a date like \"2026-04-01\" or \"2026-04-01T12:00:00Z\"",
        why.message
    ))
}

/// The day behind `YYYY-MM-DD`; `None` for what is no such day.
fn day_behind(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let is_date = (year.len(), month.len(), day.len()) == (4, 2, 2)
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let days =
        is_date.then(|| days_from_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))??;
    let mut behind = String::new();
    append_date(days + 1, &mut behind);
    Some(behind)
}
