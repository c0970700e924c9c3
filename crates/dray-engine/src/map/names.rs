//! Which field a header names: by name, label, synonym, and names one typing error away. Each header
//! gets its best free column; no column is filled twice.

use dray_model::definition::FieldDefinition;
use dray_model::object::{Column, ColumnIndex, Object, SystemColumn, fold_name};
use dray_model::{Error, Result};
use unicode_normalization::UnicodeNormalization;

use super::{IgnoredColumn, MappedColumn, Wanted, default_part, is_read_only};

/// Why a source column is taken to fill a stored column. Ordered by strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The person said so.
    Explicit,
    /// The header is the name or label, in whatever spelling.
    Name,
    /// The header is a known synonym.
    Synonym,
    /// The header is one typing error away from a name or synonym.
    Similar,
}

/// The columns a header may name, best first.
pub(super) fn candidates(object: &Object, header: &str) -> Vec<(ColumnIndex, Reason)> {
    let folded = fold(header);
    let mut found: Vec<(ColumnIndex, Reason)> = Vec::new();
    for (index, column) in object.columns.iter().enumerate() {
        let names = names_of(object, index, column);
        let best = names
            .iter()
            .filter_map(|(name, reason)| {
                if *name == folded {
                    return Some(*reason);
                }
                let close = folded.chars().count() >= 6 && strsim::osa_distance(name, &folded) == 1;
                close.then_some(Reason::Similar)
            })
            .min();
        if let Some(reason) = best {
            found.push((index, reason));
        }
    }
    found.sort_by_key(|(index, reason)| (*reason, *index));
    found
}

/// Everything a column is known by, folded.
fn names_of(object: &Object, index: ColumnIndex, column: &Column) -> Vec<(String, Reason)> {
    let mut names = vec![(fold(&column.name), Reason::Name)];
    let Some(field) = object.field_of(index) else {
        let synonyms: &[&str] = match column.system {
            Some(SystemColumn::CreatedAt) => {
                &["created", "create date", "created date", "creation date", "date added"]
            }
            Some(SystemColumn::UpdatedAt) => &["updated", "last modified", "last changed", "modified date"],
            _ => &[],
        };
        names.extend(synonyms.iter().map(|name| (fold(name), Reason::Synonym)));
        return names;
    };
    let definition: &FieldDefinition = &field.definition;
    let mut add = |name: &str, reason| names.push((fold(name), reason));
    match &column.part {
        None => {
            add(&definition.label, Reason::Name);
            definition.synonyms.iter().for_each(|name| add(name, Reason::Synonym));
        }
        Some(part) => {
            add(&format!("{part}{}", definition.name), Reason::Name);
            for name in definition.part_synonyms.get(part).into_iter().flatten() {
                add(name, Reason::Synonym);
            }
            if default_part(object, index) == Some(index) {
                add(&definition.name, Reason::Name);
                add(&definition.label, Reason::Name);
                definition.synonyms.iter().for_each(|name| add(name, Reason::Synonym));
            }
        }
    }
    names.retain(|(name, _)| !name.is_empty());
    names
}

/// A name without case, accents, blanks and signs, so that `E-Mail`, `e_mail` and `Émail` are one.
fn fold(name: &str) -> String {
    fold_name(
        &name.nfkd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).collect::<String>(),
    )
}

/// Gives every source column its column: what the person said, then the strongest reasons first.
pub(super) fn assign(
    object: &Object,
    header: &[String],
    wanted: Vec<Wanted>,
    mut taken: Vec<ColumnIndex>,
) -> Result<(Vec<MappedColumn>, Vec<IgnoredColumn>)> {
    let mut chosen: Vec<Option<(ColumnIndex, Reason)>> = vec![None; header.len()];
    for (source, wanted) in wanted.iter().enumerate() {
        if let Wanted::Explicit(column) = wanted {
            if taken.contains(column) {
                return Err(Error::request(format!(
                    "field `{}` would be filled twice, the second time by column `{}`",
                    object.columns[*column].name, header[source]
                ))
                .hint("name each field once in --map and --set"));
            }
            taken.push(*column);
            chosen[source] = Some((*column, Reason::Explicit));
        }
    }
    for strength in [Reason::Name, Reason::Synonym, Reason::Similar] {
        for (source, wanted) in wanted.iter().enumerate() {
            let Wanted::Suggested(candidates) = wanted else { continue };
            if chosen[source].is_some() {
                continue;
            }
            let free = candidates.iter().find(|(column, reason)| {
                *reason == strength && !taken.contains(column) && !is_read_only(object, *column)
            });
            if let Some(&(column, reason)) = free {
                taken.push(column);
                chosen[source] = Some((column, reason));
            }
        }
    }
    // A second phone number goes to the next type that is free.
    for (source, wanted) in wanted.iter().enumerate() {
        let Wanted::Suggested(candidates) = wanted else { continue };
        if chosen[source].is_none()
            && let Some((column, reason)) = candidates.first()
            && let Some(field) = object.field_of(*column)
            && !field.definition.types.is_empty()
            && let Some(free) = field.columns.clone().rev().find(|column| !taken.contains(column))
        {
            taken.push(free);
            chosen[source] = Some((free, *reason));
        }
    }
    let mut columns = Vec::new();
    let mut ignored = Vec::new();
    for (source, (chosen, wanted)) in chosen.into_iter().zip(wanted).enumerate() {
        let header = header[source].clone();
        match (chosen, wanted) {
            (Some((column, reason)), _) => columns.push(MappedColumn { source, header, column, reason }),
            (None, Wanted::Own) => ignored.push(IgnoredColumn { header, why: None, looks_like: None }),
            (None, Wanted::LeftOut(why)) => {
                ignored.push(IgnoredColumn { header, why: Some(why), looks_like: None });
            }
            (None, Wanted::Suggested(candidates)) => {
                let why = match candidates.first() {
                    Some((column, _)) if is_read_only(object, *column) => None,
                    Some((column, _)) => {
                        Some(format!("`{}` is filled already", object.columns[*column].name))
                    }
                    None => Some(format!("`{}` has no such field", object.name())),
                };
                ignored.push(IgnoredColumn { header, why, looks_like: None });
            }
            (None, Wanted::Explicit(_)) => {}
        }
    }
    Ok((columns, ignored))
}
