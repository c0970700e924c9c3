//! The single values within a schema: objects are looked into, everything else is a leaf and has a column
//! named by its path, joined by `_`.

use dray_model::definition::{FieldDefinition, FieldKind};

use crate::expression::value::Record;
use crate::expression::{Property, Schema, Type, Value};

/// The most digits of a decimal that columns of decimals hold; longer ones are text.
const MOST_DIGITS: u32 = 38;

/// One leaf of a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// Its dotted path.
    pub path: String,
    /// The name of its column: the path, lower-cased, joined by `_`.
    pub column: String,
    /// Where its value stands in a record: its index, then that within the object, and so on.
    pub place: Vec<usize>,
    /// Its property.
    pub property: Property,
}

impl Leaf {
    /// Its value in a record of the schema; `None` where it or an object around it is missing.
    pub fn value<'r>(&self, record: &'r Record) -> Option<&'r Value> {
        let mut record = record;
        let (last, above) = self.place.split_last()?;
        for index in above {
            match record.get(*index)?.as_ref()? {
                Value::Object(members) => record = members,
                _ => return None,
            }
        }
        record.get(*last)?.as_ref()
    }

    /// The field that can hold its values.
    pub fn field(&self) -> FieldDefinition {
        let kind = match &self.property.kind {
            Type::Boolean => FieldKind::Boolean,
            Type::Int(int) if int.unsigned && int.bit_size == 64 => FieldKind::Decimal,
            Type::Int(_) | Type::Year => FieldKind::Integer,
            Type::Decimal(decimal) if decimal.precision <= MOST_DIGITS => FieldKind::Decimal,
            Type::DateTime => FieldKind::DateTime,
            Type::Date => FieldKind::Date,
            Type::Time => FieldKind::Time,
            Type::Uuid => FieldKind::Uuid,
            Type::Json | Type::Array(_) | Type::Map(_) | Type::Object(_) => FieldKind::Json,
            Type::String(_) | Type::Float(_) | Type::Decimal(_) | Type::Ip => FieldKind::Text,
        };
        FieldDefinition {
            name: self.column.clone(),
            label: self.property.description.clone(),
            kind,
            keep_blanks: kind == FieldKind::Text,
            ..FieldDefinition::default()
        }
    }
}

/// The leaves of a schema, in its order.
pub fn leaves(schema: &Schema) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(schema, "", &[], &mut found);
    found
}

fn collect(schema: &Schema, above: &str, place: &[usize], found: &mut Vec<Leaf>) {
    for (index, property) in schema.properties.iter().enumerate() {
        let path =
            if above.is_empty() { property.name.clone() } else { format!("{above}.{}", property.name) };
        let place: Vec<usize> = place.iter().copied().chain([index]).collect();
        match &property.kind {
            Type::Object(inner) => collect(inner, &path, &place, found),
            _ => found.push(Leaf {
                column: path.replace('.', "_").to_lowercase(),
                path,
                place,
                property: property.clone(),
            }),
        }
    }
}

impl Schema {
    /// The schema with only the properties at these paths, and the objects around them, in its own order.
    pub fn only(&self, paths: &[String]) -> Self {
        let mut properties = Vec::new();
        for property in &self.properties {
            if paths.contains(&property.name) {
                properties.push(property.clone());
                continue;
            }
            let Type::Object(inner) = &property.kind else { continue };
            let within: Vec<String> = paths
                .iter()
                .filter_map(|path| path.strip_prefix(&property.name)?.strip_prefix('.'))
                .map(str::to_owned)
                .collect();
            if !within.is_empty() {
                properties.push(Property { kind: Type::object(inner.only(&within)), ..property.clone() });
            }
        }
        Self { properties }
    }
}
