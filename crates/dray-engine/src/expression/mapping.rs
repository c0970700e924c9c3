//! A whole mapping: one expression for each output property, from records of one schema to records of
//! another.

use std::fmt;

use super::fault::{ExpressionError, RecordError};
use super::program::Program;
use super::types::{Schema, Type, is_property_name};
use super::value::{Record, Value};

/// The most properties a mapping may fill.
const MOST_PROPERTIES: usize = 10_000;

/// Expressions for the properties of an output schema.
#[derive(Debug, Clone)]
pub struct Mapping {
    entries: Vec<Entry>,
    size: usize,
    /// The input properties the expressions read, each once.
    pub inputs: Vec<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    program: Program,
    /// Where the property stands: its index, then that within the object, and so on; with how many
    /// properties each object on the way has.
    place: Vec<(usize, usize)>,
}

/// Why a mapping cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingError {
    /// It has no expression, or too many.
    Size(String),
    /// One of its output paths cannot be used.
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// One of its expressions cannot be used.
    Expression {
        /// The output path it is for.
        path: String,
        /// What is wrong with it.
        error: ExpressionError,
    },
    /// No expression reads a property.
    OnlyConstants,
}

impl fmt::Display for MappingError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(message) => out.write_str(message),
            Self::Path { path, message } => write!(out, "the mapping of `{path}` {message}"),
            Self::Expression { path, error } => {
                write!(out, "the expression for `{path}` is not valid: {error}")
            }
            Self::OnlyConstants => {
                out.write_str("no expression of the mapping reads a property of the input; at least one must")
            }
        }
    }
}

impl std::error::Error for MappingError {}

impl Mapping {
    /// Compiles a mapping from output paths to expressions.
    pub fn compile(
        expressions: &[(String, String)],
        input: &Schema,
        output: &Schema,
    ) -> Result<Self, MappingError> {
        if expressions.is_empty() {
            return Err(MappingError::Size("the mapping is empty; map one property or more".to_owned()));
        }
        if expressions.len() > MOST_PROPERTIES {
            return Err(MappingError::Size(format!(
                "the mapping has more than {MOST_PROPERTIES} properties"
            )));
        }
        apart(expressions)?;
        let mut entries = Vec::with_capacity(expressions.len());
        let mut inputs: Vec<String> = Vec::new();
        for (path, text) in expressions {
            let (place, property) =
                locate(path, output).map_err(|message| MappingError::Path { path: path.clone(), message })?;
            let program = Program::compile(text, path, property, input)
                .map_err(|error| MappingError::Expression { path: path.clone(), error })?;
            for read in &program.inputs {
                if !inputs.contains(read) {
                    inputs.push(read.clone());
                }
            }
            entries.push(Entry { program, place });
        }
        if inputs.is_empty() {
            return Err(MappingError::OnlyConstants);
        }
        Ok(Self { entries, size: output.properties.len(), inputs })
    }

    /// The output record of an input record.
    pub fn apply(&self, record: &[Option<Value>]) -> Result<Record, RecordError> {
        let mut output = vec![None; self.size];
        for entry in &self.entries {
            if let Some(value) = entry.program.evaluate(record)? {
                put(&mut output, &entry.place, value);
            }
        }
        Ok(output)
    }
}

/// Refuses a path that stands twice, or within another.
fn apart(expressions: &[(String, String)]) -> Result<(), MappingError> {
    let known: std::collections::HashSet<&str> = expressions.iter().map(|(path, _)| path.as_str()).collect();
    if known.len() < expressions.len() {
        let mut seen = std::collections::HashSet::new();
        let twice = expressions.iter().map(|(path, _)| path).find(|path| !seen.insert(*path));
        let path = twice.cloned().unwrap_or_default();
        return Err(MappingError::Path { path, message: "occurs twice".to_owned() });
    }
    for (path, _) in expressions {
        for (dot, _) in path.match_indices('.') {
            let above = path.get(..dot).unwrap_or_default();
            if known.contains(above) {
                let message = format!("is part of `{above}`, which is mapped too; keep one of them");
                return Err(MappingError::Path { path: path.clone(), message });
            }
        }
    }
    Ok(())
}

type Located<'s> = (Vec<(usize, usize)>, &'s super::types::Property);

fn locate<'s>(path: &str, output: &'s Schema) -> Result<Located<'s>, String> {
    let mut place = Vec::new();
    let mut schema = Some(output);
    let mut found = None;
    for name in path.split('.') {
        if !is_property_name(name) {
            return Err(format!("is no path: `{name}` is not the name of a property"));
        }
        let property = schema.and_then(|schema| Some((schema.properties.len(), schema.find(name)?)));
        let Some((size, (index, property))) = property else {
            return Err(format!("leads nowhere: the output schema has no `{name}` there"));
        };
        place.push((index, size));
        schema = match &property.kind {
            Type::Object(schema) => Some(schema),
            _ => None,
        };
        found = Some(property);
    }
    found.map(|property| (place, property)).ok_or_else(|| "is empty".to_owned())
}

fn put(record: &mut Record, place: &[(usize, usize)], value: Value) {
    let Some(((index, _), rest)) = place.split_first() else { return };
    let Some(slot) = record.get_mut(*index) else { return };
    let Some((_, size)) = rest.first() else {
        *slot = Some(value);
        return;
    };
    let object = slot.get_or_insert_with(|| Value::Object(vec![None; *size]));
    if let Value::Object(members) = object {
        put(members, rest, value);
    }
}
