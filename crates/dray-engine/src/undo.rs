//! Undo: what an import created is deleted, what it changed is put back, and what someone changed
//! since is kept and told. One transaction: all of it or nothing.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use dray_model::flow::{ChangedRecords, CreatedRange, Import, ImportStatus, Journal, Stamp, Store};
use dray_model::ledger::{Fate, Ledger};
use dray_model::object::{ColumnIndex, Object, SystemColumn};
use dray_model::query::{Filter, Operator, Query};
use dray_model::value::{column_from_text, text_of};
use dray_model::{Error, Result};

/// Changes put back at once.
const BATCH: u64 = 5_000;
/// Seconds to wait for an import of the same object.
const LOCK_SECONDS: u64 = 60;
/// Kept records named in the outcome.
const NAMED: usize = 100;

/// What an undo did.
#[derive(Debug, Clone)]
pub struct Undone {
    /// The undo itself, as an import.
    pub undo: Import,
    /// Records deleted because the import created them.
    pub deleted: u64,
    /// Changes put back.
    pub restored: u64,
    /// Records that were kept because someone changed them since: object and id, the first hundred.
    pub kept: Vec<(String, i64)>,
}

/// Undoes an import.
pub fn undo(
    store: &mut dyn Store,
    import_id: i64,
    object_named: &dyn Fn(&str) -> Result<Object>,
    clock: &dyn Fn() -> i64,
) -> Result<Undone> {
    let import = store.find_import(import_id)?.ok_or_else(|| no_such_import(import_id))?;
    store.lock_object(&import.object, LOCK_SECONDS)?;
    let outcome = undo_locked(store, import_id, object_named, clock);
    if outcome.is_err() {
        store.rollback();
    }
    let unlocked = store.unlock_object(&import.object);
    outcome.and_then(|undone| unlocked.map(|()| undone))
}

fn no_such_import(import_id: i64) -> Error {
    Error::request(format!("there is no import {import_id}")).hint("`dray jobs` lists the imports")
}

fn undo_locked(
    store: &mut dyn Store,
    import_id: i64,
    object_named: &dyn Fn(&str) -> Result<Object>,
    clock: &dyn Fn() -> i64,
) -> Result<Undone> {
    let mut import = store.find_import(import_id)?.ok_or_else(|| no_such_import(import_id))?;
    if import.status == ImportStatus::Undone {
        return Err(Error::request(format!("import {import_id} is undone already")));
    }
    if import.undo_of.is_some() {
        return Err(Error::request(format!("import {import_id} is an undo itself"))
            .hint("import the file again to bring its rows back"));
    }
    let object = object_named(&import.object)?;
    store.prepare_object(&object)?;
    let mut undo = Import {
        id: 0,
        object: import.object.clone(),
        source: format!("undo of import {import_id}"),
        fingerprint: String::new(),
        status: ImportStatus::Running,
        ledger: Ledger::default(),
        checkpoint: None,
        started_at: clock(),
        finished_at: None,
        undo_of: Some(import_id),
        message: None,
    };
    store.begin()?;
    undo.id = store.create_import(&undo)?;
    let mut undone = Undone { undo, deleted: 0, restored: 0, kept: Vec::new() };
    // What was created goes first, so that its keys are free for the records that had them before; what
    // the import itself changed afterwards goes once those changes are put back.
    let mut created = Vec::new();
    for range in store.created_ranges(import_id)?.into_iter().rev() {
        let of_range =
            if range.object == object.name() { object.clone() } else { object_named(&range.object)? };
        let deleted = store.delete_created(&of_range, &range, import_id)?;
        undone.deleted += deleted;
        if deleted < range.count() {
            created.push((of_range, range));
        }
    }
    let mut conflicted = restore_changes(store, &object, import_id, &mut undone)?;
    for (of_range, range) in created {
        if undone.restored > 0 {
            undone.deleted += store.delete_created(&of_range, &range, import_id)?;
        }
        conflicted += name_kept(store, &of_range, &range, &mut undone.kept)?;
    }
    let done = undone.deleted + undone.restored;
    undone.undo.ledger.read = done + conflicted;
    undone.undo.ledger.add(Fate::Updated, done);
    undone.undo.ledger.add(Fate::Conflicted, conflicted);
    undone.undo.status = ImportStatus::Completed;
    undone.undo.finished_at = Some(clock());
    store.save_import(&undone.undo)?;
    import.status = ImportStatus::Undone;
    import.checkpoint = None;
    store.save_import(&import)?;
    store.commit()?;
    Ok(undone)
}

/// Puts changed cells back, newest change first; returns how many records were kept as they are.
fn restore_changes(
    store: &mut dyn Store,
    object: &Object,
    import_id: i64,
    undone: &mut Undone,
) -> Result<u64> {
    let mut conflicted = std::collections::HashSet::new();
    let mut before = i64::MAX;
    loop {
        let journal = store.read_journal(import_id, before, BATCH)?;
        let Some(&oldest) = journal.sequences.last() else { break };
        before = oldest;
        let mut begin = 0;
        while begin < journal.record_ids.len() {
            // One statement of the import at a time: see how the import numbers them.
            let newest = journal.sequences[begin];
            let length = journal.sequences[begin..]
                .iter()
                .zip(0..)
                .take_while(|(at, step)| **at == newest - step)
                .count();
            undone.restored +=
                restore_batch(store, object, &journal, begin..begin + length, &mut conflicted)?;
            begin += length;
        }
    }
    for &id in conflicted.iter().take(NAMED - undone.kept.len().min(NAMED)) {
        undone.kept.push((object.name().to_owned(), id));
    }
    Ok(conflicted.len() as u64)
}

/// The cells of one journal entry: column → text before.
type Before = HashMap<String, Option<String>>;

fn restore_batch(
    store: &mut dyn Store,
    object: &Object,
    journal: &Journal,
    entries: std::ops::Range<usize>,
    conflicted: &mut std::collections::HashSet<i64>,
) -> Result<u64> {
    let befores: Vec<Before> = journal.before[entries.clone()]
        .iter()
        .map(|text| serde_json::from_str(text))
        .collect::<std::result::Result<_, _>>()
        .map_err(|why| Error::store("the journal of the import cannot be read").because(why))?;
    let columns: Vec<ColumnIndex> = (0..object.columns.len())
        .filter(|&column| befores.iter().any(|before| before.contains_key(&object.columns[column].name)))
        .collect();
    let keys: Vec<String> = journal.record_ids[entries.clone()].iter().map(i64::to_string).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let found = store.find(object, object.system(SystemColumn::Id), &keys, &columns)?;
    let now_at: HashMap<i64, usize> = found.ids.iter().enumerate().map(|(row, &id)| (id, row)).collect();
    let mut restored: Vec<(usize, usize)> = Vec::new();
    for (offset, entry) in entries.clone().enumerate() {
        let id = journal.record_ids[entry];
        match now_at.get(&id) {
            Some(&row) if found.versions[row] == journal.versions[entry] + 1 && !conflicted.contains(&id) => {
                restored.push((offset, row));
            }
            _ => {
                conflicted.insert(id);
            }
        }
    }
    let mut values = Vec::with_capacity(columns.len());
    for (position, &column) in columns.iter().enumerate() {
        let definition = &object.columns[column];
        let texts: Vec<Option<String>> = restored
            .iter()
            .map(|&(offset, row)| match befores[offset].get(&definition.name) {
                Some(text) => text.clone(),
                None => text_of(definition.value_type, &found.values[position], row),
            })
            .collect();
        values.push(column_from_text(definition.value_type, texts.iter().map(Option::as_deref)));
    }
    let entry_of = |offset: usize| entries.start + offset;
    let records = ChangedRecords {
        ids: restored.iter().map(|&(offset, _)| journal.record_ids[entry_of(offset)]).collect(),
        expected_versions: restored
            .iter()
            .map(|&(offset, _)| journal.versions[entry_of(offset)] + 1)
            .collect(),
        columns,
        values,
        stamp: Stamp::Restore {
            versions: restored.iter().map(|&(offset, _)| journal.versions[entry_of(offset)]).collect(),
            updated_at: restored.iter().map(|&(offset, _)| journal.updated_at[entry_of(offset)]).collect(),
            import_ids: restored.iter().map(|&(offset, _)| journal.import_ids[entry_of(offset)]).collect(),
        },
    };
    if records.ids.is_empty() { Ok(0) } else { store.update(object, &records) }
}

/// What is left of a range of created records was changed by someone since.
fn name_kept(
    store: &mut dyn Store,
    object: &Object,
    range: &CreatedRange,
    kept: &mut Vec<(String, i64)>,
) -> Result<u64> {
    let id = object.system(SystemColumn::Id);
    let between = Filter::Compare {
        column: id,
        operator: Operator::Between,
        values: vec![range.first_id.to_string(), range.last_id.to_string()],
    };
    let query = Query { filter: Some(between), ..Query::default() };
    let mut count = 0;
    store.read(object, &query, &[id], 8192, &mut |batch| {
        let ids = batch.column(0).as_primitive::<Int64Type>();
        for &id in ids.values() {
            // A record that was changed by the import and could not be put back is counted already.
            let named = (object.name().to_owned(), id);
            if !kept.contains(&named) {
                count += 1;
                if kept.len() < NAMED {
                    kept.push(named);
                }
            }
        }
        Ok(())
    })?;
    Ok(count)
}
