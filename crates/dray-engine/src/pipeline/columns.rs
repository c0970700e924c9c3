//! The columns of a file as properties, and which of them fill the properties of a pipeline's schema.

use crate::expression::{Property, Schema, Type};
use dray_model::problem::shown;

/// How closely a file must follow the schema of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// The kinds must be the same; constraints are checked row by row.
    Kinds,
    /// The types must be equal with every constraint, and so must whether values may be null or missing.
    Exact,
}

/// For each property of the schema the index of its column among those of the file. The error names the
/// first that does not fit.
pub fn align(schema: &Schema, columns: &[Property], alignment: Alignment) -> Result<Vec<usize>, String> {
    let mut places = Vec::with_capacity(schema.properties.len());
    for property in &schema.properties {
        let name = &property.name;
        let found = columns.iter().enumerate().find(|(_, column)| column.name == *name);
        let Some((index, column)) = found else {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).take(20).collect();
            return Err(format!(
                "the file has no column `{name}`; its columns are: {}",
                shown(&known.join(", "))
            ));
        };
        let fits = match alignment {
            Alignment::Kinds => is_of_kind(&column.kind, &property.kind),
            Alignment::Exact => column.kind == property.kind,
        };
        if !fits {
            return Err(format!(
                "the column `{name}` of the file is of type {}, and the schema says {}",
                told(&column.kind),
                told(&property.kind)
            ));
        }
        if alignment == Alignment::Exact {
            for (what, column, schema) in [
                ("nullable", column.nullable, property.nullable),
                ("readOptional", column.read_optional, property.read_optional),
            ] {
                if column != schema {
                    return Err(format!(
                        "`{what}` of the column `{name}` is {column} in the file and {schema} in the schema"
                    ));
                }
            }
        }
        places.push(index);
    }
    Ok(places)
}

/// The output of a pipeline must be a part of the profiles' schema, with types no wider than there.
pub fn align_output(output: &Schema, profile: &Schema) -> Result<(), String> {
    align_within(output, profile, "")
}

fn align_within(output: &Schema, profile: &Schema, above: &str) -> Result<(), String> {
    for property in &output.properties {
        let path = format!("{above}{}", property.name);
        let Some((_, known)) = profile.find(&property.name) else {
            return Err(format!(
                "profiles have no property `{path}` any more: review the pipeline's transformation and schema"
            ));
        };
        match (&property.kind, &known.kind) {
            (Type::Object(inner), Type::Object(known)) => align_within(inner, known, &format!("{path}."))?,
            (output, known) if is_within(output, known) => {}
            (output, known) => {
                return Err(format!(
                    "`{path}` is of type {} in profiles and of type {} in the pipeline's schema: review the pipeline",
                    told(known),
                    told(output)
                ));
            }
        }
    }
    Ok(())
}

/// True where values of a column can be checked against a type row by row.
fn is_of_kind(column: &Type, wanted: &Type) -> bool {
    match (column, wanted) {
        (Type::Object(column), Type::Object(wanted)) => wanted.properties.iter().all(|property| {
            column.find(&property.name).is_some_and(|(_, known)| is_of_kind(&known.kind, &property.kind))
        }),
        (Type::Array(column), Type::Array(wanted)) => is_of_kind(&column.element, &wanted.element),
        (Type::Map(column), Type::Map(wanted)) => is_of_kind(column, wanted),
        (column, wanted) => column.kind() == wanted.kind(),
    }
}

/// True where every value of a type is one of the other, too.
fn is_within(narrow: &Type, wide: &Type) -> bool {
    let most = |narrow: Option<u32>, wide: Option<u32>| match (narrow, wide) {
        (_, None) => true,
        (Some(narrow), Some(wide)) => narrow <= wide,
        (None, Some(_)) => false,
    };
    match (narrow, wide) {
        (narrow, wide) if narrow == wide => true,
        (Type::String(narrow), Type::String(wide)) => {
            wide.values.is_empty()
                && wide.pattern.is_none()
                && (!narrow.values.is_empty()
                    || (most(narrow.max_length, wide.max_length) && most(narrow.max_bytes, wide.max_bytes)))
        }
        (Type::Int(narrow), Type::Int(wide)) => {
            narrow.minimum >= wide.minimum && narrow.maximum <= wide.maximum
        }
        (Type::Float(narrow), Type::Float(wide)) => {
            narrow.bit_size <= wide.bit_size
                && (!wide.real || narrow.real)
                && wide.minimum.is_none()
                && wide.maximum.is_none()
        }
        (Type::Decimal(narrow), Type::Decimal(wide)) => {
            narrow.scale <= wide.scale
                && narrow.precision - narrow.scale <= wide.precision - wide.scale
                && wide.minimum.is_none()
                && wide.maximum.is_none()
        }
        (Type::Array(narrow), Type::Array(wide)) => {
            is_within(&narrow.element, &wide.element)
                && narrow.min_elements >= wide.min_elements
                && narrow.max_elements <= wide.max_elements
                && (!wide.unique || narrow.unique)
        }
        (Type::Map(narrow), Type::Map(wide)) => is_within(narrow, wide),
        _ => false,
    }
}

fn told(kind: &Type) -> String {
    shown(&kind.to_json())
}
