//! `dray objects`: the named typed tables, and the fields of one.

use dray_model::Result;
use dray_model::definition::FieldDefinition;
use dray_model::object::{ADDRESS_PARTS, Object};
use dray_model::starter::starter_objects;

use super::print::{counted, line, table};
use super::{StoreArguments, object_named};

/// Show the objects, or the fields of one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dray objects contacts")]
pub(super) struct ObjectsArguments {
    /// Show the fields of this object
    object: Option<String>,
    /// Print them as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    store: StoreArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &ObjectsArguments) -> Result<u8> {
    let objects = match &arguments.object {
        Some(name) => vec![match dray_model::starter::starter_object(name) {
            Ok(object) => object,
            Err(_) => object_named(arguments.store.connect()?.as_mut(), name)?,
        }],
        None => starter_objects()?,
    };
    if arguments.json {
        let definitions: Vec<_> = objects.iter().map(|object| &object.definition).collect();
        line(&serde_json::json!(definitions).to_string());
        return Ok(0);
    }
    match (&arguments.object, objects.first()) {
        (Some(_), Some(object)) => show_one(object),
        _ => {
            let rows: Vec<Vec<String>> = objects
                .iter()
                .map(|object| {
                    let fields = counted(object.fields.len() as u64, "field", "fields");
                    vec![object.name().to_owned(), fields, object.definition.description.clone()]
                })
                .collect();
            line(table(&rows).trim_end());
            line("\nThe fields of one: dray objects NAME");
        }
    }
    Ok(0)
}

fn show_one(object: &Object) {
    line(&format!("{} — {}\n", object.name(), object.definition.description));
    let rows: Vec<Vec<String>> = object
        .fields
        .iter()
        .map(|field| {
            let definition = &field.definition;
            vec![definition.name.clone(), kind(definition), constraints(definition)]
        })
        .collect();
    line(table(&rows).trim_end());
    let policy = &object.policy;
    let rules: Vec<&str> = policy.match_by.iter().map(|rule| rule.name.as_str()).collect();
    line(&format!(
        "\nA row is an existing record by: {}\nUnless told otherwise: duplicates {}, merge {}, {}{}",
        rules.join(", then "),
        policy.on_duplicate.word(),
        policy.merge.word(),
        policy.mode.word(),
        policy.max_rows.map_or(String::new(), |rows| format!(", at most {rows} rows"))
    ));
}

fn kind(definition: &FieldDefinition) -> String {
    let word = definition.kind.word();
    match &definition.target {
        Some(target) => format!("{word} → {target}"),
        None if definition.multiple => format!("list of {word}"),
        None if !definition.types.is_empty() => format!("{word} ({})", definition.types.join(", ")),
        None if definition.kind == dray_model::definition::FieldKind::Address => {
            format!("{word} ({})", ADDRESS_PARTS.join(", "))
        }
        None => word.to_owned(),
    }
}

fn constraints(definition: &FieldDefinition) -> String {
    let mut told = Vec::new();
    if definition.required {
        told.push("required".to_owned());
    }
    if definition.unique {
        told.push("unique".to_owned());
    }
    if !definition.choices.is_empty() {
        told.push(format!("one of {}", definition.choices.join(", ")));
    }
    if let Some(most) = definition.max_length {
        told.push(format!("at most {most} characters"));
    }
    if let Some(shape) = definition.shape {
        told.push(format!("shape {}", shape.word()));
    }
    if !definition.schemes.is_empty() {
        told.push(format!("also with the scheme {}", definition.schemes.join(", ")));
    }
    if let Some(pattern) = &definition.pattern {
        told.push(format!("matches {pattern}"));
    }
    if let Some(min) = &definition.min {
        told.push(format!("from {min}"));
    }
    if let Some(max) = &definition.max {
        told.push(format!("to {max}"));
    }
    if let Some(scale) = definition.scale {
        told.push(format!("{scale} decimals"));
    }
    if let Some(default) = &definition.default {
        told.push(format!("default {default}"));
    }
    told.join(", ")
}
