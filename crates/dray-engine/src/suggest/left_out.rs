//! What the columns that names alone did not place look like, for people who read of them.

use dray_model::batch::TextBatch;
use dray_model::object::{Object, fold_name};

use super::{Known, Table, suggest};
use crate::map::{Mapping, MappingRequest};

/// Below this nobody is bothered.
const LIKELY: f64 = 0.6;

/// Says of columns that a mapping leaves out which field they look like, where that field is free and nobody
/// left the column out on purpose.
pub fn hint(
    mapping: &mut Mapping,
    object: &Object,
    header: &[String],
    rows: Option<&TextBatch>,
    request: &MappingRequest,
) {
    let on_purpose =
        |name: &str| request.columns.iter().any(|(column, _)| fold_name(column) == fold_name(name));
    let is_open = |name: &str, why: &Option<String>| why.is_some() && !on_purpose(name);
    if !mapping.ignored.iter().any(|ignored| is_open(&ignored.header, &ignored.why)) {
        return;
    }
    let taken = mapping.targets();
    let table = match rows {
        Some(rows) => Table::from_batch(header, rows),
        None => Table::from_rows(header, &[] as &[Vec<String>]),
    };
    let suggestions = suggest(object, &table, &Known::default());
    for ignored in &mut mapping.ignored {
        if !is_open(&ignored.header, &ignored.why) {
            continue;
        }
        let likely = suggestions.iter().filter(|found| found.header == ignored.header);
        ignored.looks_like = likely
            .filter(|found| found.confidence >= LIKELY)
            .filter_map(super::Suggestion::name)
            .find(|name| {
                let columns = object.find_columns(name).unwrap_or_default();
                !columns.is_empty() && !columns.iter().any(|column| taken.contains(column))
            });
    }
}
