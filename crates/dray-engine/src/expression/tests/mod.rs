//! The language as its description has it, section by section: text in, text out.

mod grammar;
mod conversions;
mod results;
mod functions;
mod schemas;
mod mappings;
mod triggers;
mod templates;
mod hostile;

use std::borrow::Cow;

use super::convert::convert;
use super::convert::nested::to_json;
use super::types::{IntType, Property, Schema, Type};
use super::{Json, Program, RecordError, RepeatedMember, Value};

/// A type by a short name: `int8`, `unsigned32`, `float32`, `decimal(5,2)`, `array(date)`, `map(json)`.
fn kind(name: &str) -> Type {
    let inner = |prefix: &str| name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(')'));
    let size = |prefix: &str| name.strip_prefix(prefix).and_then(|size| size.parse::<u8>().ok());
    if let Some(element) = inner("array(") {
        return Type::array(kind(element));
    }
    if let Some(element) = inner("map(") {
        return Type::Map(Box::new(kind(element)));
    }
    if let Some((precision, scale)) = inner("decimal(").and_then(|inner| inner.split_once(',')) {
        return Type::decimal(precision.parse().expect("a precision"), scale.parse().expect("a scale"));
    }
    if let Some(size) = size("int") {
        return Type::int(size);
    }
    if let Some(size) = size("unsigned") {
        return Type::Int(IntType::full(size, true));
    }
    if let Some(size) = size("float") {
        return Type::float(size);
    }
    Type::parse(name).or_else(|_| Type::parse(&format!("{{\"kind\":\"{name}\"}}"))).expect("a type")
}

/// A schema of nullable properties: `a:string b:int8`.
fn schema(text: &str) -> Schema {
    let properties = text.split_whitespace().map(|property| {
        let (name, kind_name) = property.split_once(':').expect("name:type");
        Property { nullable: true, read_optional: true, ..Property::new(name, kind(kind_name)) }
    });
    Schema { properties: properties.collect() }
}

fn json(text: &str) -> Json {
    Json::parse(text, RepeatedMember::LastCounts).expect("JSON")
}

/// The values of a JSON object as a record of a schema.
fn record(schema: &Schema, text: &str) -> Vec<Option<Value>> {
    let value = Cow::Owned(Value::Json(json(text)));
    match convert(value, Some(&Type::Json), &Type::object(schema.clone())).map(Cow::into_owned) {
        Ok(Value::Object(record)) => record,
        other => panic!("{other:?}"),
    }
}

fn shown(value: &Value, kind: &Type) -> String {
    match (value, kind) {
        (Value::Float(number), _) if !number.is_finite() => number.to_string(),
        _ => to_json(value, Some(kind)).expect("it has a text").to_string(),
    }
}

/// What an expression makes of a record: JSON, `omitted`, `refused: …` or the failed step and why.
fn outcome_as(input: &Schema, values: &str, expression: &str, output: Property) -> String {
    let program = match Program::compile(expression, "out", &output, input) {
        Ok(program) => program,
        Err(error) => return format!("refused: {error}"),
    };
    match program.evaluate(&record(input, values)) {
        Ok(Some(value)) => shown(&value, &output.kind),
        Ok(None) => "omitted".to_owned(),
        Err(RecordError { step, message, .. }) => format!("{step:?}: {message}"),
    }
}

fn outcome(input: &str, values: &str, expression: &str, to: &str) -> String {
    outcome_as(&schema(input), values, expression, Property::new("out", kind(to)))
}

/// What an expression without properties makes.
fn constant(expression: &str, to: &str) -> String {
    outcome("unused:json", "{}", expression, to)
}
