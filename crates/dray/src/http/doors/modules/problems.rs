//! What is wrong with rows, in this door's words.

use std::collections::BTreeMap;

use dray_model::object::Object;
use dray_model::problem::{Problem, ProblemCode, Severity};
use serde_json::{Value, json};

use super::names::{module_slug, slug};
use super::rows::RowError;
use crate::operations::objects::KnownObjects;

/// Errors listed in one answer.
pub(super) const MOST_ERRORS: usize = 1_000;

/// A problem as an entry of `errors`.
pub(super) fn row_error(object: &Object, problem: &Problem) -> RowError {
    RowError {
        row: problem.row_number,
        field: problem.field.as_deref().map(slug),
        value: problem.value.clone(),
        error: sentence(object, problem),
        code: problem.code.word(),
    }
}

/// The errors among problems, the first of them.
pub(super) fn errors<'p>(object: &Object, problems: impl Iterator<Item = &'p Problem>) -> Vec<RowError> {
    problems
        .filter(|problem| problem.severity == Severity::Error)
        .take(MOST_ERRORS)
        .map(|problem| row_error(object, problem))
        .collect()
}

/// The warnings among problems, the first of them, as entries of `warnings`.
pub(super) fn warnings<'p>(object: &Object, problems: impl Iterator<Item = &'p Problem>) -> Vec<Value> {
    problems
        .filter(|problem| problem.severity == Severity::Warning)
        .take(MOST_ERRORS)
        .map(|problem| {
            json!({
                "row": problem.row_number,
                "field": problem.field.as_deref().map(slug),
                "value": problem.value,
                "message": sentence(object, problem),
            })
        })
        .collect()
}

/// A short sentence on what is wrong.
fn sentence(object: &Object, problem: &Problem) -> String {
    let field = problem.field.as_deref().or(problem.column.as_deref()).unwrap_or("value");
    match problem.code {
        ProblemCode::InvalidEmail => "Invalid email format".to_owned(),
        ProblemCode::InvalidPhone => "Invalid phone format".to_owned(),
        ProblemCode::InvalidUrl => "Invalid URL format".to_owned(),
        ProblemCode::NotADate => "Invalid date format".to_owned(),
        ProblemCode::NotATime => "Invalid time format".to_owned(),
        ProblemCode::NotADateTime => "Invalid date and time format".to_owned(),
        ProblemCode::NotAnInteger => "Must be a whole number".to_owned(),
        ProblemCode::NotADecimal => "Must be a number".to_owned(),
        ProblemCode::NotABoolean => "Must be true or false".to_owned(),
        ProblemCode::Required => format!("Required field \"{}\" is empty", object.label_of(field)),
        ProblemCode::NotUnique => format!("Duplicate {} found", field.replace('_', " ")),
        _ => {
            let mut letters = problem.message.chars();
            letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
        }
    }
}

/// References that found no record, as entries of `referenceWarnings`.
pub(super) fn reference_warnings(
    known: &KnownObjects,
    object: &Object,
    unresolved: &BTreeMap<String, Vec<String>>,
) -> Vec<Value> {
    unresolved
        .iter()
        .map(|(field, values)| {
            let target = object.field(field).and_then(|field| field.definition.target.as_deref());
            let target = target.and_then(|target| known.named(target).ok());
            json!({
                "fieldSlug": slug(field),
                "fieldLabel": object.label_of(field),
                "unresolvedValues": values,
                "targetModuleSlug": target.map(|target| module_slug(&target).to_owned()),
            })
        })
        .collect()
}

/// References that found no record, as problems tell of them.
pub(super) fn unresolved<'p>(
    problems: impl Iterator<Item = &'p Problem>,
    into: &mut BTreeMap<String, Vec<String>>,
) {
    const MOST_VALUES: usize = 100;
    for problem in problems.filter(|problem| problem.code == ProblemCode::ReferenceNotFound) {
        if let (Some(field), Some(value)) = (&problem.field, &problem.value) {
            let values = into.entry(field.clone()).or_default();
            if values.len() < MOST_VALUES && !values.contains(value) {
                values.push(value.clone());
            }
        }
    }
}
