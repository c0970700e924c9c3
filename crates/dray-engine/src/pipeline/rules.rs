//! The rules that the schemas of pipelines and of profiles follow (spec section 5.3).

use std::collections::HashSet;

use crate::expression::{Property, Schema, Type};

use super::leaves::leaves;

/// Names that columns of every table have.
pub const RESERVED: [&str; 7] =
    ["id", "created_at", "updated_at", "version", "import_id", "kpid", "source_updated_at"];

/// Checks the schema of a file that is imported.
pub fn check_source_schema(schema: &Schema) -> Result<(), String> {
    each(schema, "", &mut |path, property| {
        let flags = [
            ("createRequired", property.create_required),
            ("updateRequired", property.update_required),
            ("prefilled", !property.prefilled.is_empty()),
        ];
        match flags.iter().find(|(_, set)| *set) {
            Some((flag, _)) => {
                Err(format!("`{path}` has `{flag}`, which means nothing for a file: leave it out"))
            }
            None => Ok(()),
        }
    })
}

/// Checks a schema of profiles, or of a part of them.
pub fn check_profile_schema(schema: &Schema) -> Result<(), String> {
    for property in &schema.properties {
        if property.name.starts_with('_') {
            return Err(format!("`{}` begins with `_`, which properties of profiles may not", property.name));
        }
    }
    check_source_schema(schema)?;
    each(schema, "", &mut |path, property| {
        if !property.read_optional {
            return Err(format!("`{path}` must have `readOptional`: true, as every property of profiles"));
        }
        if property.nullable {
            return Err(format!("`{path}` is nullable; properties of profiles are missing instead"));
        }
        let element = match &property.kind {
            Type::Array(array) => &array.element,
            Type::Map(element) => element,
            _ => return Ok(()),
        };
        match &**element {
            Type::Array(_) | Type::Object(_) | Type::Map(_) => Err(format!(
                "`{path}` holds values of kind {}; only single values can be held",
                element.kind()
            )),
            _ => Ok(()),
        }
    })?;
    let mut columns = HashSet::new();
    for leaf in leaves(schema) {
        if RESERVED.contains(&leaf.column.as_str()) {
            return Err(format!("`{}` cannot be the name of a property: the tables use it", leaf.path));
        }
        if !columns.insert(leaf.column.clone()) {
            return Err(format!("two properties would have the same column `{}`: rename one", leaf.column));
        }
    }
    Ok(())
}

/// What the profiles' own schema may not say beyond that.
pub fn check_profile_types(schema: &Schema) -> Result<(), String> {
    each(schema, "", &mut |path, property| {
        let constrained = match &property.kind {
            Type::String(string) => !string.values.is_empty() || string.pattern.is_some(),
            Type::Array(array) => {
                array.unique
                    || array.min_elements > 0
                    || array.max_elements < crate::expression::types::MOST_ELEMENTS
            }
            _ => false,
        };
        if constrained {
            return Err(format!(
                "`{path}` of the profiles cannot have `values`, `pattern`, or limits of its elements"
            ));
        }
        Ok(())
    })
}

/// The first leaf of a schema that none of these paths uses. A path uses what it holds.
pub fn unused(schema: &Schema, used: &[String]) -> Option<String> {
    let is_used = |path: &str| {
        used.iter().any(|known| {
            path == known || path.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    leaves(schema).into_iter().map(|leaf| leaf.path).find(|path| !is_used(path))
}

/// The schema with nothing but what is used; of objects only those parts.
pub fn only(schema: &Schema, used: &[String]) -> Schema {
    only_within(schema, "", used)
}

fn only_within(schema: &Schema, above: &str, used: &[String]) -> Schema {
    let kept = schema.properties.iter().filter_map(|property| {
        let path = format!("{above}{}", property.name);
        if used.contains(&path) {
            return Some(property.clone());
        }
        let Type::Object(inner) = &property.kind else { return None };
        let inner = only_within(inner, &format!("{path}."), used);
        let kind = Type::object(inner);
        matches!(&kind, Type::Object(inner) if !inner.properties.is_empty())
            .then(|| Property { kind, ..property.clone() })
    });
    Schema { properties: kept.collect() }
}

fn each(
    schema: &Schema,
    above: &str,
    check: &mut dyn FnMut(&str, &Property) -> Result<(), String>,
) -> Result<(), String> {
    for property in &schema.properties {
        let path = format!("{above}{}", property.name);
        check(&path, property)?;
        if let Type::Object(inner) = &property.kind {
            each(inner, &format!("{path}."), check)?;
        }
    }
    Ok(())
}
