//! Names as this door speaks them: camelCase fields, modules under their alias, ids with a prefix.

use std::sync::Arc;

use axum::http::StatusCode;
use dray_engine::query::{nearest_field, nearest_name};
use dray_model::object::{Object, fold_name};
use dray_model::value::append_datetime;

use crate::http::answer::{Answer, Failure};
use crate::http::lists::short;
use crate::operations::objects::KnownObjects;

/// Stored names that this door has other words for.
const OTHER_WORDS: [(&str, &str); 2] = [("created_at", "createdDateTime"), ("updated_at", "updatedDateTime")];

/// A stored name as this door writes it: `display_name` → `displayName`.
pub(super) fn slug(name: &str) -> String {
    if let Some((_, word)) = OTHER_WORDS.iter().find(|(stored, _)| *stored == name) {
        return (*word).to_owned();
    }
    let mut slug = String::with_capacity(name.len());
    let mut is_next_upper = false;
    for letter in name.chars() {
        match letter {
            '_' => is_next_upper = true,
            letter if is_next_upper => {
                slug.extend(letter.to_uppercase());
                is_next_upper = false;
            }
            letter => slug.push(letter),
        }
    }
    slug
}

/// The name by which an object finds a field that this door names.
pub(super) fn stored(slug: &str) -> &str {
    let folded = fold_name(slug);
    OTHER_WORDS.iter().find(|(_, word)| fold_name(word) == folded).map_or(slug, |(stored, _)| stored)
}

/// 400 for a field that does not exist, with the one that was probably meant.
pub(super) fn unknown_field(object: &Object, name: &str) -> Failure {
    let shown = short(name);
    let advice = match nearest_field(object, stored(name)) {
        Some(field) => format!("did you mean `{}`?", slug(field)),
        None => {
            let names: Vec<String> = object.fields.iter().map(|field| slug(&field.definition.name)).collect();
            format!("its fields are: {}", names.join(", "))
        }
    };
    Failure::validation(format!("module `{}` has no field `{shown}`: {advice}", module_slug(object)))
        .code("UNKNOWN_FIELD")
}

/// 400 for a column the source does not have, with the one that was probably meant.
pub(super) fn unknown_column(header: &[String], name: &str) -> Failure {
    let shown = short(name);
    let advice = match nearest_name(header.iter().map(String::as_str), name) {
        Some(column) => format!("did you mean `{column}`?"),
        None => {
            let names: Vec<String> = header.iter().take(50).map(|name| format!("`{name}`")).collect();
            format!("its columns are: {}", names.join(", "))
        }
    };
    Failure::validation(format!("the source has no column `{shown}`: {advice}")).code("UNKNOWN_COLUMN")
}

/// An object as this door names it: by its first alias where it has one.
pub(super) fn module_slug(object: &Object) -> &str {
    object.definition.aliases.first().map_or(object.name(), String::as_str)
}

/// The module of this name, in any spelling.
pub(super) fn module(known: &KnownObjects, name: &str) -> Answer<Arc<Object>> {
    let name = name.strip_prefix("mod_").unwrap_or(name);
    let folded = fold_name(name);
    let found = known.all().iter().find(|object| object.answers_to(name)).or_else(|| {
        let answers = |object: &Arc<Object>| {
            fold_name(object.name()) == folded
                || object.definition.aliases.iter().any(|alias| fold_name(alias) == folded)
        };
        known.all().iter().find(|object| answers(object))
    });
    found.cloned().ok_or_else(|| {
        let shown = short(name);
        let names: Vec<&str> = known.all().iter().map(|object| module_slug(object)).collect();
        Failure::new(
            StatusCode::NOT_FOUND,
            "MODULE_NOT_FOUND",
            format!("Module not found: there is no module `{shown}`; the modules are: {}", names.join(", ")),
        )
    })
}

/// The number in an id such as `job_12`.
pub(super) fn number(prefix: &str, id: &str) -> Option<i64> {
    id.strip_prefix(prefix)?.parse().ok().filter(|number| *number > 0)
}

/// A time as this door writes it: to the second.
pub(super) fn time(micros: i64) -> String {
    const SECOND: i64 = 1_000_000;
    let mut text = String::new();
    append_datetime(micros.div_euclid(SECOND) * SECOND, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        assert_eq!(slug("display_name"), "displayName");
        assert_eq!(slug("address_street2"), "addressStreet2");
        assert_eq!(slug("created_at"), "createdDateTime");
        assert_eq!(stored("createdDateTime"), "created_at");
        assert_eq!(stored("Updated Date Time"), "updated_at");
        assert_eq!(stored("displayName"), "displayName");
        assert_eq!(time(1_705_314_600_999_999), "2024-01-15T10:30:00Z");
        assert_eq!(number("job_", "job_12"), Some(12));
        assert_eq!(number("job_", "job_-1"), None);
        assert_eq!(number("job_", "12"), None);
    }
}
