//! Sentences both stores use, so that the same trouble reads the same whichever database it came from.

use dray_model::Error;
use dray_model::problem::shown;

/// Two records would share a value that must be unique.
pub(crate) fn not_unique(table: &str, column: &str, value: Option<&str>) -> Error {
    let value = value.map(|value| format!(" `{}`", shown(value))).unwrap_or_default();
    Error::store(format!("another record of `{table}` already has the value{value} in `{column}`"))
        .hint(format!("`{column}` is unique: match by it, or correct one of the two records"))
}

/// A unique index cannot be built because the records already there disagree with it.
pub(crate) fn duplicates_in_the_way(table: &str, column: &str, value: Option<&str>) -> Error {
    let value = value.map(|value| format!(": `{}`", shown(value))).unwrap_or_default();
    Error::request(format!(
        "column `{column}` of `{table}` cannot be made unique, at least two records share a value{value}"
    ))
    .hint("correct or delete the records that share a value, then try again")
}

/// A column that must have a value was given none.
pub(crate) fn value_missing(table: &str, column: &str) -> Error {
    Error::store(format!("a record of `{table}` has no value in `{column}`"))
        .hint(format!("`{column}` is required: map it or give it a default"))
}

/// Someone else imports into the object.
pub(crate) fn object_locked(object: &str, holder: Option<&str>, waited_seconds: u64) -> Error {
    let holder = holder.map(|holder| format!(" ({holder})")).unwrap_or_default();
    Error::store(format!("another import or undo of `{object}` is running{holder}"))
        .hint(format!("waited {waited_seconds} seconds for it to end; try again when it has"))
        .retryable()
}

/// The caller handed values that do not fit the column: a mistake in Dray, told instead of a crash.
pub(crate) fn wrong_array(column: &str, expected: &impl std::fmt::Debug) -> Error {
    Error::store(format!("column `{column}` was given values that are not {expected:?}"))
        .hint("this is a mistake in Dray; please report it")
}

/// A stored cell that is not of its column's type: someone else wrote it.
pub(crate) fn unreadable_cell(column: &str, expected: &impl std::fmt::Debug, found: &str) -> Error {
    Error::store(format!("column `{column}` holds {found}, which is no {expected:?}"))
        .hint("the cell was not written by Dray; correct it in the database")
}
