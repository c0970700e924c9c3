//! What the worker in Python must know of a schema: which values come as texts and are to be made into
//! others. Anything else comes as it is.

use dray_engine::expression::{Schema, Type};

use crate::wire;

/// Which values of a type are made from texts.
#[derive(Debug, PartialEq)]
enum Shape<'s> {
    Single(&'static str),
    Array(Box<Self>),
    Map(Box<Self>),
    Object(Vec<(&'s str, Self)>),
}

/// Appends the shape of a schema.
pub(crate) fn put_shape(schema: &Schema, out: &mut Vec<u8>) {
    put(of_schema(schema).as_ref(), out);
}

fn of_schema(schema: &Schema) -> Option<Shape<'_>> {
    let members: Vec<(&str, Shape<'_>)> = schema
        .properties
        .iter()
        .filter_map(|property| Some((property.name.as_str(), of_type(&property.kind)?)))
        .collect();
    (!members.is_empty()).then_some(Shape::Object(members))
}

fn of_type(kind: &Type) -> Option<Shape<'_>> {
    Some(match kind {
        Type::Decimal(_) | Type::DateTime | Type::Date | Type::Time | Type::Uuid => {
            Shape::Single(kind.kind())
        }
        Type::Array(array) => Shape::Array(Box::new(of_type(&array.element)?)),
        Type::Map(element) => Shape::Map(Box::new(of_type(element)?)),
        Type::Object(schema) => of_schema(schema)?,
        _ => return None,
    })
}

fn put(shape: Option<&Shape<'_>>, out: &mut Vec<u8>) {
    let Some(shape) = shape else { return wire::put_null(out) };
    wire::put_list(2, out);
    match shape {
        Shape::Single(kind) => {
            wire::put_text("single", out);
            wire::put_text(kind, out);
        }
        Shape::Array(inner) => {
            wire::put_text("array", out);
            put(Some(inner), out);
        }
        Shape::Map(inner) => {
            wire::put_text("map", out);
            put(Some(inner), out);
        }
        Shape::Object(members) => {
            wire::put_text("object", out);
            wire::put_list(members.len(), out);
            for (name, inner) in members {
                wire::put_list(2, out);
                wire::put_text(name, out);
                put(Some(inner), out);
            }
        }
    }
}
