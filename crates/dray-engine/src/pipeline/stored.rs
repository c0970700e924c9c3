//! The values of leaves as the columns of identities and profiles hold them: the canonical text of the
//! column's type, and JSON (as [`super::rest`] writes it) for whatever is not a single value.

use dray_model::value::{append_datetime, append_time, parse_date, parse_datetime, parse_time};

use super::leaves::Leaf;
use super::rest::{append_json, parse_uuid, read_json};
use crate::expression::value::Record;
use crate::expression::{Decimal, Json, RepeatedMember, Schema, Type, Value};

/// The text of a column for a value; `None` for null.
pub fn stored_text(value: &Value, kind: &Type) -> Option<String> {
    let mut out = String::new();
    match (value, kind) {
        (Value::Null, _) => return None,
        (_, Type::Json | Type::Array(_) | Type::Map(_) | Type::Object(_)) => {
            append_json(value, kind, &mut out);
        }
        // Columns hold microseconds.
        (Value::DateTime(nanos), _) => {
            append_datetime(i64::try_from(nanos.div_euclid(1_000)).unwrap_or(0), &mut out);
        }
        (Value::Time(nanos), _) => append_time(nanos / 1_000, &mut out),
        (single, kind) => {
            single.append_text(Some(kind), &mut out);
        }
    }
    Some(out)
}

/// The value of a column's text; `None` where the text is none of this type, which only somebody who writes
/// into the table by hand can bring about.
pub fn stored_value(text: &str, kind: &Type) -> Option<Value> {
    Some(match kind {
        Type::String(_) => Value::text(text),
        Type::Boolean => Value::Boolean(text.parse().ok()?),
        Type::Int(_) | Type::Year => Value::Int(Decimal::parse(text)?.to_integer()?),
        Type::Float(_) => Value::Float(text.parse().ok()?),
        Type::Decimal(_) => Value::Decimal(Decimal::parse(text)?),
        Type::DateTime => Value::DateTime(i128::from(parse_datetime(text)?) * 1_000),
        Type::Date => Value::Date(parse_date(text)?),
        Type::Time => Value::Time(parse_time(text)?.checked_mul(1_000)?),
        Type::Uuid => Value::Uuid(parse_uuid(text)?),
        Type::Ip => Value::Ip(text.parse().ok()?),
        Type::Json | Type::Array(_) | Type::Map(_) | Type::Object(_) => {
            read_json(&Json::parse(text, RepeatedMember::LastCounts).ok()?, kind).ok()?
        }
    })
}

/// A record of which nothing is there; objects are, so that their members can be put into them.
pub fn empty_record(schema: &Schema) -> Record {
    let value = |kind: &Type| match kind {
        Type::Object(inner) => Some(Value::Object(empty_record(inner))),
        _ => None,
    };
    schema.properties.iter().map(|property| value(&property.kind)).collect()
}

/// The record of a schema whose leaves have these texts; objects without any member are missing.
pub fn record_of<'t>(
    schema: &Schema,
    leaves: &[Leaf],
    mut text: impl FnMut(usize, &Leaf) -> Option<std::borrow::Cow<'t, str>>,
) -> Record {
    let mut record = empty_record(schema);
    for (index, leaf) in leaves.iter().enumerate() {
        let value = text(index, leaf).and_then(|text| stored_value(&text, &leaf.property.kind));
        if value.is_some() {
            put(&mut record, &leaf.place, value);
        }
    }
    without_empty_objects(&mut record);
    record
}

fn put(record: &mut Record, place: &[usize], value: Option<Value>) {
    let Some((first, rest)) = place.split_first() else { return };
    let Some(slot) = record.get_mut(*first) else { return };
    match slot {
        Some(Value::Object(inner)) if !rest.is_empty() => put(inner, rest, value),
        slot => *slot = value,
    }
}

fn without_empty_objects(record: &mut Record) {
    for slot in record {
        if let Some(Value::Object(inner)) = slot {
            without_empty_objects(inner);
            if inner.iter().all(Option::is_none) {
                *slot = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::leaves::leaves;
    use crate::pipeline::rest::{append_record, read_record};

    #[test]
    fn records_come_back_from_their_columns() {
        let schema = r#"{"kind":"object","properties":[
            {"name":"text","type":{"kind":"string"}}, {"name":"flag","type":{"kind":"boolean"}},
            {"name":"wide","type":{"kind":"int","bitSize":64,"unsigned":true}},
            {"name":"float","type":{"kind":"float","bitSize":64}},
            {"name":"amount","type":{"kind":"decimal","precision":20,"scale":3}},
            {"name":"at","type":{"kind":"datetime"}}, {"name":"day","type":{"kind":"date"}},
            {"name":"time","type":{"kind":"time"}}, {"name":"year","type":{"kind":"year"}},
            {"name":"uuid","type":{"kind":"uuid"}}, {"name":"ip","type":{"kind":"ip"}},
            {"name":"json","type":{"kind":"json"}},
            {"name":"list","type":{"kind":"array","elementType":{"kind":"datetime"}}},
            {"name":"map","type":{"kind":"map","elementType":{"kind":"int","bitSize":64}}},
            {"name":"inner","type":{"kind":"object","properties":[{"name":"a","type":{"kind":"string"}}]}},
            {"name":"none","type":{"kind":"object","properties":[{"name":"a","type":{"kind":"string"}}]}}]}"#;
        let given = r#"{"text":" a ","flag":false,"wide":"18446744073709551615","float":1.5e-7,"amount":-12.125,"at":"2024-01-02T03:04:05.123456Z","day":"0099-12-31","time":"03:04:05.100","year":33,"uuid":"6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b","ip":"10.0.0.1","json":null,"list":["2024-01-02T03:04:05Z"],"map":{"k":"7"},"inner":{"a":"x"}}"#;
        let schema = Schema::parse(schema).expect("a schema");
        let json = Json::parse(given, RepeatedMember::Refused).expect("JSON");
        let record = read_record(&json, &schema).expect("a record");
        let leaves = leaves(&schema);
        let texts: Vec<Option<String>> = leaves
            .iter()
            .map(|leaf| leaf.value(&record).and_then(|value| stored_text(value, &leaf.property.kind)))
            .collect();
        let again = record_of(&schema, &leaves, |index, _| {
            texts.get(index).and_then(std::clone::Clone::clone).map(Into::into)
        });
        let mut out = String::new();
        append_record(&again, &schema, &mut out);
        assert_eq!(out, given);
    }
}
