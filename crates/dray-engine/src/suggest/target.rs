//! What a column may be mapped to: the stored columns of any object, with what their names mean.

use dray_model::definition::{FieldDefinition, FieldKind};
use dray_model::object::{ColumnIndex, Object, SystemColumn};

use super::reading::{ITSELF, Reading, read_name};
use super::words::fold;

/// A stored column that a source column may fill.
#[derive(Debug)]
pub(super) struct Target {
    /// The stored column.
    pub column: ColumnIndex,
    /// The field's name, or the system column's.
    pub field: String,
    /// The part of an address.
    pub address_part: Option<String>,
    /// The type of one of several values, as written in the definition.
    pub value_type: Option<String>,
    /// What a value is.
    pub kind: FieldKind,
    /// What the name or label means.
    pub reading: Reading,
    /// Which of several values it is, as the vocabulary calls it.
    pub value_kind: Option<&'static str>,
    /// Where a value without a type goes.
    pub is_default: bool,
    /// Name and label, folded.
    pub names: Vec<String>,
    /// Other headers the definition lists, folded.
    pub synonyms: Vec<String>,
    /// Points to records of another object.
    pub is_reference: bool,
}

/// An object as the suggestions see it.
#[derive(Debug)]
pub(super) struct Targets {
    /// All columns that may be filled, in the object's order.
    pub all: Vec<Target>,
    /// What a record is, as the vocabulary calls it.
    pub entity: Option<&'static str>,
    /// The words of the object's own name, folded.
    pub own_words: Vec<String>,
}

impl Targets {
    /// Looks at an object; `is_own_export` says that the table shows the columns Dray keeps itself.
    pub(super) fn new(object: &Object, is_own_export: bool) -> Self {
        let mut all = Vec::with_capacity(object.columns.len());
        for (index, column) in object.columns.iter().enumerate() {
            match (column.system, object.field_of(index)) {
                (Some(system), _) => all.extend(system_target(index, &column.name, system, is_own_export)),
                (None, Some(field)) => {
                    let default = default_column(&field.definition, field.columns.clone(), object);
                    all.push(field_target(object, index, &field.definition, default == Some(index)));
                }
                (None, None) => {}
            }
        }
        let entity = entity_of(object, &all);
        let own_words = [object.name(), &object.definition.label]
            .into_iter()
            .flat_map(|name| read_name(name).words)
            .flat_map(|word| [word.trim_end_matches('s').to_owned(), word])
            .collect();
        Self { all, entity, own_words }
    }

    /// True where values of this entity are values of the record itself.
    pub(super) fn is_own(&self, entity: &str) -> bool {
        match (self.entity, entity) {
            (Some(own), entity) if own == entity => true,
            (Some("person" | "company" | "party") | None, "party") => true,
            (Some("company"), "supplier") => true,
            (Some("party"), "person") => true,
            _ => false,
        }
    }
}

/// The entity a record is: by the object's name, or because it has a person's names.
fn entity_of(object: &Object, targets: &[Target]) -> Option<&'static str> {
    let named = [object.name(), &object.definition.label].into_iter().find_map(|name| read_name(name).entity);
    let has_names = targets.iter().any(|target| target.reading.property == Some("first_name"));
    named.filter(|name| *name != "other").or(has_names.then_some("person"))
}

fn system_target(
    column: ColumnIndex,
    name: &str,
    system: SystemColumn,
    is_own_export: bool,
) -> Option<Target> {
    let property = match system {
        SystemColumn::CreatedAt => Some("created"),
        SystemColumn::UpdatedAt => Some("updated"),
        _ if is_own_export => None,
        _ => return None,
    };
    Some(Target {
        column,
        field: name.to_owned(),
        address_part: None,
        value_type: None,
        kind: if property.is_some() { FieldKind::DateTime } else { FieldKind::Integer },
        reading: Reading { property, ..Reading::default() },
        value_kind: None,
        is_default: true,
        names: vec![fold(name)],
        synonyms: Vec::new(),
        is_reference: false,
    })
}

fn field_target(object: &Object, column: ColumnIndex, written: &FieldDefinition, is_default: bool) -> Target {
    let part = object.columns.get(column).and_then(|column| column.part.clone());
    let is_address = written.kind == FieldKind::Address;
    let mut names = Vec::new();
    let mut synonyms = Vec::new();
    let whole = [fold(&written.name), fold(&written.label)];
    let listed = written.synonyms.iter().map(|name| fold(name));
    match &part {
        None => {
            names.extend(whole);
            synonyms.extend(listed);
        }
        Some(part) => {
            names.extend(
                whole
                    .iter()
                    .flat_map(|name| [format!("{name}{}", fold(part)), format!("{}{name}", fold(part))]),
            );
            let of_part = written.part_synonyms.get(part).into_iter().flatten();
            synonyms.extend(of_part.map(|name| fold(name)));
            if is_default {
                names.extend(whole);
                synonyms.extend(listed);
            }
        }
    }
    names.retain(|name| !name.is_empty());
    synonyms.retain(|name| !name.is_empty());
    let value_type = part.as_ref().filter(|_| !is_address).map(|part| {
        written.types.iter().find(|name| name.eq_ignore_ascii_case(part)).unwrap_or(part).clone()
    });
    let address_part = part.filter(|_| is_address);
    let mut reading = meaning(written, address_part.as_deref());
    if written.kind == FieldKind::Reference {
        let target = written.target.as_deref().map(read_name).unwrap_or_default();
        (reading.property, reading.entity) = (Some(ITSELF), target.entity.or(reading.entity));
    }
    Target {
        column,
        field: written.name.clone(),
        value_kind: value_type.as_deref().and_then(|name| read_name(name).kind),
        address_part,
        value_type,
        kind: written.kind,
        reading,
        is_default,
        names,
        synonyms,
        is_reference: written.kind == FieldKind::Reference,
    }
}

/// What a field is, by its name, else its label, else its kind.
fn meaning(written: &FieldDefinition, address_part: Option<&str>) -> Reading {
    if let Some(part) = address_part {
        return Reading { property: address_property(part), ..Reading::default() };
    }
    let by_kind = match written.kind {
        FieldKind::Email => Some("email"),
        FieldKind::Phone => Some("phone"),
        FieldKind::Url => Some("website"),
        _ => None,
    };
    let by_name = [&written.name, &written.label]
        .into_iter()
        .map(|name| read_name(name))
        .find(|reading| reading.property.is_some() && reading.unknown.is_empty());
    let mut reading = by_name.unwrap_or_else(|| read_name(&written.name));
    // A kind says more than a word: an e-mail field called `login` takes e-mail addresses.
    let fits_kind = match by_kind {
        Some("website") => matches!(reading.property, Some("website" | "linkedin" | "social" | "medium")),
        Some(property) => reading.property == Some(property),
        None => true,
    };
    if !fits_kind {
        reading.property = by_kind;
        reading.is_generic = false;
    }
    reading
}

/// The vocabulary's name of an address part.
pub(super) fn address_property(part: &str) -> Option<&'static str> {
    ["street", "street2", "city", "state", "zip", "country"].into_iter().find(|name| *name == part)
}

/// The column of a field that takes a value of which nothing more is said.
fn default_column(
    written: &FieldDefinition,
    columns: std::ops::Range<ColumnIndex>,
    object: &Object,
) -> Option<ColumnIndex> {
    let wanted = written.default_type.as_deref().map(fold);
    let is_wanted = |column: &ColumnIndex| {
        let part = object.columns.get(*column).and_then(|column| column.part.as_deref()).map(fold);
        wanted.is_some() && part == wanted
    };
    let first = columns.start;
    if written.kind == FieldKind::Address {
        Some(first)
    } else {
        columns.clone().find(is_wanted).or(Some(first))
    }
}
