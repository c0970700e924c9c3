//! What became of an import's rows, page by page; what is remembered beside an import; taking it back.

use std::collections::BTreeMap;

use dray_engine::fates::stretches;
use dray_engine::undo::Undone;
use dray_model::catalog::Session;
use dray_model::flow::ImportStatus;
use dray_model::ledger::Fate;
use dray_model::object::Object;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::import::{ImportReport, take_back};
use super::ledger::{detected_json, mapping_json};
use super::objects::KnownObjects;

/// The kind of document that says more about an import than the catalog's own row.
const KIND: &str = "import";

/// What is remembered beside an import.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportNote {
    /// Who asked.
    pub actor: String,
    /// The plan that was confirmed, if one was.
    pub plan: Option<String>,
    /// Which column filled which field.
    pub mapping: Value,
    /// The columns left out, and why.
    pub ignored: Value,
    /// What was found out about the source.
    pub detected: Value,
    /// The failed-rows file among the kept files, if there is one.
    pub failed_file: Option<String>,
}

impl ImportNote {
    /// What is remembered of an import that somebody asked for.
    pub fn of(report: &ImportReport, object: &Object, actor: &str) -> Self {
        let (mapping, ignored) = match &report.mapping {
            Some(mapping) => mapping_json(object, mapping),
            None => (Value::Null, Value::Null),
        };
        let detected = detected_json(&report.detected);
        Self { actor: actor.to_owned(), mapping, ignored, detected, ..Self::default() }
    }
}

/// Remembers something beside an import.
pub fn save_note(session: &mut dyn Session, import_id: i64, note: &ImportNote, now: i64) -> Result<()> {
    let body = serde_json::to_string(note)
        .map_err(|cause| Error::store("the import cannot be described").because(cause))?;
    session.save_document(KIND, &import_id.to_string(), &body, now)
}

/// What is remembered beside an import; nothing, perhaps.
pub fn note(session: &mut dyn Session, import_id: i64) -> Result<ImportNote> {
    let found = session.find_document(KIND, &import_id.to_string())?;
    Ok(found.and_then(|document| serde_json::from_str(&document.body).ok()).unwrap_or_default())
}

/// One row of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowFate {
    /// Its number, from 1.
    pub row: u64,
    /// What became of it.
    pub fate: Fate,
    /// The record it is about.
    pub record: Option<i64>,
}

/// Rows after a number, of one fate where it is named, in their order.
pub fn row_fates(
    session: &mut dyn Session,
    import_id: i64,
    fate: Option<Fate>,
    after: u64,
    limit: usize,
) -> Result<Vec<RowFate>> {
    // Parts of several passes overlap: what is kept is the first rows of all of them.
    let mut rows: BTreeMap<u64, RowFate> = BTreeMap::new();
    session.read_fates(import_id, &mut |part| {
        if part.last_row <= after {
            return Ok(());
        }
        for stretch in stretches(&part) {
            let Some(found) = stretch.fate.filter(|found| fate.is_none_or(|fate| fate == *found)) else {
                continue;
            };
            let from = stretch.first_row.max(after + 1);
            for row in from..stretch.first_row + stretch.rows {
                if rows.len() >= limit && rows.last_key_value().is_some_and(|(last, _)| *last < row) {
                    break;
                }
                let offset = row - stretch.first_row;
                let record = stretch.first_record.and_then(|first| first.checked_add_unsigned(offset));
                rows.insert(row, RowFate { row, fate: found, record });
                if rows.len() > limit {
                    rows.pop_last();
                }
            }
        }
        Ok(())
    })?;
    Ok(rows.into_values().collect())
}

/// What came of the wish to take an import back.
#[derive(Debug)]
pub enum TakenBack {
    /// It was taken back.
    Done(Box<Undone>),
    /// There is no such import.
    Missing,
    /// It cannot be, and why.
    Conflict(String),
}

/// Takes an import back, unless it is under way or was taken back.
pub fn undo_import(session: &mut dyn Session, known: &KnownObjects, import_id: i64) -> Result<TakenBack> {
    let Some(import) = session.find_import(import_id)? else { return Ok(TakenBack::Missing) };
    match session.lock_object(&import.object, 1) {
        Ok(()) => {}
        Err(error) if error.retryable => {
            return Ok(TakenBack::Conflict(format!(
                "an import into `{}` is running: take it back when it has ended",
                import.object
            )));
        }
        Err(error) => return Err(error),
    }
    let done = (|| {
        // Asked again: another undo may have been faster.
        let Some(import) = session.find_import(import_id)? else { return Ok(TakenBack::Missing) };
        if import.status == ImportStatus::Undone {
            return Ok(TakenBack::Conflict(format!("import {import_id} is undone already")));
        }
        if import.undo_of.is_some() {
            return Ok(TakenBack::Conflict(format!(
                "import {import_id} is an undo itself: import the file again to bring its rows back"
            )));
        }
        take_back(session, known, import_id).map(|undone| TakenBack::Done(Box::new(undone)))
    })();
    let unlocked = session.unlock_object(&import.object);
    done.and_then(|done| unlocked.map(|()| done))
}
