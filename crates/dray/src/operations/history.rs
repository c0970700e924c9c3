//! The history of one record: which import set which cell, and what stood there before. It is read backwards,
//! from what the record is now, along what every import kept for its undo.

use std::collections::BTreeMap;

use dray_model::catalog::Session;
use dray_model::flow::{CreatedRange, Import};
use dray_model::object::{Column, ColumnIndex, Object, SystemColumn};
use dray_model::value::text_of;
use dray_model::{Error, Result};

use super::outcomes;
use super::record::SOURCE;

/// The most steps shown.
const STEPS: usize = 100;
/// The most imports looked through: each has to be looked at whole.
const IMPORTS: usize = 20;

/// A cell that was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellChange {
    /// The column.
    pub column: String,
    /// Its canonical text before; `None` where it was empty.
    pub before: Option<String>,
    /// Its canonical text after.
    pub after: Option<String>,
}

/// How a version of a record came about.
#[derive(Debug)]
pub enum Cause {
    /// An import that made the record or changed it.
    Import {
        /// Its number.
        id: i64,
        /// The import, where it is still known.
        import: Option<Box<Import>>,
        /// Who asked for it; empty where that was not kept.
        actor: String,
        /// It made the record.
        is_creation: bool,
    },
    /// SQL of somebody else: versions are counted, and nobody kept what stood there before.
    Elsewhere,
}

/// One step of a history.
#[derive(Debug)]
pub struct Step {
    /// The version that the record had afterwards.
    pub version: i64,
    /// When, microseconds since the epoch; `None` where only the version is known.
    pub at: Option<i64>,
    /// How it came about.
    pub cause: Cause,
    /// The cells that it set.
    pub cells: Vec<CellChange>,
}

impl Step {
    /// True where somebody changed just this record.
    pub fn is_by_hand(&self) -> bool {
        matches!(&self.cause, Cause::Import { import: Some(import), .. } if import.source == SOURCE)
    }
}

/// The history of a record, newest step first.
#[derive(Debug)]
pub struct History {
    /// The steps.
    pub steps: Vec<Step>,
    /// True where the record is older than what is told.
    pub is_cut: bool,
}

/// A record as it was at some time.
struct Past {
    version: i64,
    updated_at: i64,
    import_id: Option<i64>,
    /// Canonical texts, in the order of the object's columns.
    cells: Vec<Option<String>>,
}

/// The history of a record; `None` where there is none of this id. The journals of the imports that wrote it
/// are looked through, as far as 20 imports or 100 steps go.
pub fn history(session: &mut dyn Session, object: &Object, id: i64) -> Result<Option<History>> {
    session.prepare_object(object)?;
    let Some(mut past) = present(session, object, id)? else { return Ok(None) };
    let mut steps = Vec::new();
    for _ in 0..IMPORTS {
        let Some(import_id) = past.import_id else {
            // SQL of somebody else leaves no import behind, so nothing leads further back than this.
            steps.push(elsewhere(&past));
            return Ok(Some(History { steps, is_cut: past.version > 1 }));
        };
        let (import, actor) = (session.find_import(import_id)?, outcomes::note(session, import_id)?.actor);
        let by_import = |is_creation| {
            let (import, actor) = (import.clone().map(Box::new), actor.clone());
            Cause::Import { id: import_id, import, actor, is_creation }
        };
        let journal = session.read_journal_of_record(import_id, id, STEPS as u64)?;
        for (entry, &version) in journal.versions.iter().enumerate() {
            if version >= past.version {
                continue;
            }
            if version + 1 < past.version {
                steps.push(elsewhere(&past));
            }
            let cells = put_back(object, &mut past.cells, &journal.before[entry])?;
            let at = Some(past.updated_at);
            steps.push(Step { version: version + 1, at, cause: by_import(false), cells });
            past.version = version;
            past.updated_at = journal.updated_at[entry];
            past.import_id = journal.import_ids[entry];
            if steps.len() >= STEPS {
                return Ok(Some(History { steps, is_cut: true }));
            }
            if past.import_id != Some(import_id) {
                break;
            }
        }
        if past.import_id == Some(import_id) {
            // Nothing of this import lies before: it made the record, or what it changed is no longer kept.
            if past.version > 1 {
                steps.push(elsewhere(&past));
            }
            let has_made = has_created(&session.created_ranges(import_id)?, object, id);
            if has_made {
                let at = import.as_ref().map(|import| import.started_at);
                steps.push(Step {
                    version: 1,
                    at,
                    cause: by_import(true),
                    cells: first_cells(object, past.cells),
                });
            }
            return Ok(Some(History { steps, is_cut: !has_made }));
        }
    }
    Ok(Some(History { steps, is_cut: true }))
}

/// The record as it is now.
fn present(session: &mut dyn Session, object: &Object, id: i64) -> Result<Option<Past>> {
    let all: Vec<ColumnIndex> = (0..object.columns.len()).collect();
    let found = session.find(object, object.system(SystemColumn::Id), &[&id.to_string()], &all)?;
    let Some(&version) = found.versions.first() else { return Ok(None) };
    let cells = object.columns.iter().zip(&found.values);
    let cells = cells.map(|(column, values)| text_of(column.value_type, values, 0)).collect();
    Ok(Some(Past { version, updated_at: found.updated_at[0], import_id: found.import_ids[0], cells }))
}

/// A change that nobody kept anything about.
fn elsewhere(past: &Past) -> Step {
    Step { version: past.version, at: None, cause: Cause::Elsewhere, cells: Vec::new() }
}

/// Puts the cells back that a change set; what it set.
fn put_back(object: &Object, cells: &mut [Option<String>], before: &str) -> Result<Vec<CellChange>> {
    let mut before: BTreeMap<String, Option<String>> = serde_json::from_str(before)
        .map_err(|why| Error::store("the journal of an import cannot be read").because(why))?;
    let change = |(column, cell): (&Column, &mut Option<String>)| {
        let before = before.remove(&column.name)?;
        let after = std::mem::replace(cell, before.clone());
        Some(CellChange { column: column.name.clone(), before, after })
    };
    Ok(object
        .columns
        .iter()
        .zip(cells)
        .filter(|(column, _)| !column.is_system())
        .filter_map(change)
        .collect())
}

/// The cells of a record that was just made.
fn first_cells(object: &Object, cells: Vec<Option<String>>) -> Vec<CellChange> {
    let filled =
        object.columns.iter().zip(cells).filter(|(column, cell)| !column.is_system() && cell.is_some());
    filled.map(|(column, after)| CellChange { column: column.name.clone(), before: None, after }).collect()
}

fn has_created(ranges: &[CreatedRange], object: &Object, id: i64) -> bool {
    ranges.iter().any(|range| range.object == object.name() && (range.first_id..=range.last_id).contains(&id))
}
