//! `columnMapping` and `staticValues` in the engine's terms, and what is said about fields that are not mapped.

use std::collections::BTreeMap;

use dray_model::definition::{FieldKind, OnDuplicate};
use dray_model::object::{ADDRESS_PARTS, ColumnIndex, Field, Object, SystemColumn, fold_name};
use serde::Deserialize;
use serde_json::Value;

use super::names::{slug, stored, unknown_column, unknown_field};
use crate::http::answer::{Answer, Failure};

/// One column of the source and the field it fills.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ColumnMapping {
    /// Header of the column.
    source_column: String,
    /// The field; null leaves the column out.
    target_field_slug: Option<String>,
    /// Leaves the column out.
    ignored: Option<bool>,
    /// Which of several values of the field: `Mobile`, `Work` …
    value_type: Option<String>,
    /// Which part of an address: street, street2, city, state, zip, country.
    address_part: Option<String>,
}

/// A mapping in the engine's terms.
#[derive(Debug, Clone, Default)]
pub(super) struct Mapped {
    /// Every column of the source, with the stored column it fills; an empty one leaves it out.
    pub(super) columns: Vec<(String, String)>,
    /// Stored column → value.
    pub(super) statics: Vec<(String, String)>,
    /// All stored columns that get a value.
    pub(super) filled: Vec<ColumnIndex>,
    /// The pairs somebody named, to be remembered; columns that only were not mentioned are not among them.
    pub(super) named: Vec<(String, String)>,
}

/// Works out a mapping. Columns nobody names are left out.
pub(super) fn resolve(
    object: &Object,
    header: &[String],
    mapping: &[ColumnMapping],
    statics: &BTreeMap<String, Value>,
) -> Answer<Mapped> {
    let mut targets: Vec<Option<ColumnIndex>> = vec![None; header.len()];
    let mut named: Vec<bool> = vec![false; header.len()];
    let mut mapped = Mapped::default();
    for entry in mapping {
        let target = target_of(object, entry)?;
        let source = find_source(header, &entry.source_column);
        let Some(source) = source else {
            // A column that is left out may as well not be there.
            if target.is_none() {
                continue;
            }
            return Err(unknown_column(header, &entry.source_column));
        };
        if named.get(source).copied().unwrap_or_default() {
            return Err(Failure::validation(format!(
                "column `{}` is mapped twice: map it to one field",
                entry.source_column
            )));
        }
        if let Some(column) = target {
            if let Some(other) = targets.iter().position(|taken| *taken == Some(column)) {
                return Err(Failure::validation(format!(
                    "the columns `{}` and `{}` both fill `{}`: leave one of them out, or give them different \
                     valueTypes",
                    header.get(other).map_or("", String::as_str),
                    entry.source_column,
                    slug(&object.columns[column].name)
                )));
            }
            mapped.filled.push(column);
        }
        if let (Some(slot), Some(is_named)) = (targets.get_mut(source), named.get_mut(source)) {
            *slot = target;
            *is_named = true;
        }
    }
    for ((name, target), is_named) in header.iter().zip(&targets).zip(&named) {
        let field = target.map_or(String::new(), |column| object.columns[column].name.clone());
        if *is_named {
            mapped.named.push((name.clone(), field.clone()));
        }
        mapped.columns.push((name.clone(), field));
    }
    for (name, value) in statics {
        let entry = ColumnMapping {
            source_column: String::new(),
            target_field_slug: Some(name.clone()),
            ignored: None,
            value_type: None,
            address_part: None,
        };
        let Some(column) = target_of(object, &entry)? else { continue };
        if mapped.filled.contains(&column) {
            return Err(Failure::validation(format!(
                "staticValues gives `{name}` a value, and a column fills it too: leave one of them out"
            )));
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(boolean) => boolean.to_string(),
            Value::Null => continue,
            Value::Array(_) | Value::Object(_) => {
                return Err(Failure::validation(format!(
                    "the value of `{name}` in staticValues must be a text"
                )));
            }
        };
        mapped.filled.push(column);
        mapped.statics.push((object.columns[column].name.clone(), text));
    }
    if mapped.columns.iter().all(|(_, field)| field.is_empty()) {
        return Err(Failure::validation(
            "columnMapping maps no column to a field: give at least one column a targetFieldSlug",
        ));
    }
    Ok(mapped)
}

/// The columns of rows: the members seen, and those that are mapped and that no row has, as programs leave out what
/// is empty. Where rows have members that nobody names, a name that no row has is rather a typing error, and is
/// not added.
pub(super) fn columns_of_rows(members: &[String], mapping: &[ColumnMapping]) -> Vec<String> {
    let mut named = vec![false; members.len()];
    let mut columns = members.to_vec();
    for entry in mapping {
        match find_source(members, &entry.source_column).and_then(|source| named.get_mut(source)) {
            Some(is_named) => *is_named = true,
            None => columns.push(entry.source_column.clone()),
        }
    }
    if named.contains(&false) { members.to_vec() } else { columns }
}

/// The column of this name: exactly, or in another spelling.
fn find_source(header: &[String], name: &str) -> Option<usize> {
    let folded = fold_name(name);
    let exact = header.iter().position(|known| known == name);
    exact
        .or_else(|| header.iter().position(|known| known.trim() == name.trim()))
        .or_else(|| header.iter().position(|known| !folded.is_empty() && fold_name(known) == folded))
}

/// The stored column an entry fills; `None` where it leaves its column out.
fn target_of(object: &Object, entry: &ColumnMapping) -> Answer<Option<ColumnIndex>> {
    let name = entry.target_field_slug.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let Some(name) = name.filter(|_| entry.ignored != Some(true)) else { return Ok(None) };
    let columns = object.find_columns(stored(name)).ok_or_else(|| unknown_field(object, name))?;
    let Some(&first) = columns.first() else { return Err(unknown_field(object, name)) };
    if let Some(SystemColumn::UpdatedAt | SystemColumn::Version | SystemColumn::ImportId) =
        object.columns[first].system
    {
        return Err(Failure::validation(format!("`{name}` is kept by Dray and cannot be imported")));
    }
    let field = object.field_of(first);
    let has_types = field.is_some_and(|field| !field.definition.types.is_empty());
    let is_address = field.is_some_and(|field| field.definition.kind == FieldKind::Address);
    let value_type = entry.value_type.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let address_part = entry.address_part.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let of_part = |part: &str| {
        let folded = fold_name(part);
        let range = field.map(|field| field.columns.clone()).unwrap_or_default();
        range.into_iter().find(|&column| {
            object.columns[column].part.as_deref().is_some_and(|known| fold_name(known) == folded)
        })
    };
    match (value_type, address_part) {
        (Some(value_type), None) if has_types => of_part(value_type).map(Some).ok_or_else(|| {
            let types = field.map(|field| field.definition.types.join(", ")).unwrap_or_default();
            Failure::validation(format!("`{name}` has no valueType `{value_type}`: use one of {types}"))
        }),
        (None, Some(part)) if is_address => of_part(part).map(Some).ok_or_else(|| {
            let parts = ADDRESS_PARTS.join(", ");
            Failure::validation(format!("`{part}` is no addressPart: use one of {parts}"))
        }),
        (Some(_), _) => {
            Err(Failure::validation(format!("`{name}` has no types of values: leave valueType out")))
        }
        (None, Some(_)) => Err(Failure::validation(format!("`{name}` is no address: leave addressPart out"))),
        (None, None) if columns.len() == 1 => Ok(Some(first)),
        (None, None) if is_address => Err(Failure::validation(format!(
            "`{name}` is an address: say with addressPart which part the column is, one of {}",
            ADDRESS_PARTS.join(", ")
        ))),
        (None, None) => Ok(dray_engine::map::single_column(object, stored(name)).map(Some)?),
    }
}

/// The fields without which nothing can be created and that nothing fills.
pub(super) fn missing(object: &Object, filled: &[ColumnIndex], on_duplicate: OnDuplicate) -> Vec<String> {
    if on_duplicate == OnDuplicate::Update {
        return Vec::new();
    }
    let lacks = |field: &&Field| {
        let definition = &field.definition;
        let forced = object.policy.force.iter().any(|(column, _)| field.columns.contains(column));
        definition.required && definition.default.is_none() && !forced && !is_filled(field, filled)
    };
    object.fields.iter().filter(lacks).map(|field| field.definition.name.clone()).collect()
}

/// Fields worth a warning where nothing fills them: those a record is known and reached by, which are the
/// required ones, the one that names it, e-mail and phone. One that is made of others needs one of these.
pub(super) fn worth_a_warning(object: &Object, filled: &[ColumnIndex]) -> Vec<String> {
    let mut names = Vec::new();
    for field in &object.fields {
        let definition = &field.definition;
        let matters = definition.required
            || definition.names_record
            || matches!(definition.kind, FieldKind::Email | FieldKind::Phone);
        let is_made = definition.default.as_deref().is_some_and(|default| {
            let made_of = |other: &&Field| default.contains(&format!("{{{}}}", other.definition.name));
            let parts: Vec<&Field> = object.fields.iter().filter(made_of).collect();
            parts.is_empty() || parts.iter().any(|part| is_filled(part, filled))
        });
        if matters && !is_made && !is_filled(field, filled) {
            names.push(definition.name.clone());
        }
    }
    names
}

/// The sentence for such a field.
pub(super) fn not_mapped(object: &Object, field: &str) -> String {
    format!("Required field \"{}\" is not mapped", object.label_of(field))
}

fn is_filled(field: &Field, filled: &[ColumnIndex]) -> bool {
    filled.iter().any(|column| field.columns.contains(column))
}
