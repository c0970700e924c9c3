//! Writing: decisions about a batch become new records, changed cells and their before-images.

use arrow_array::{Array, ArrayRef};
use dray_model::Result;
use dray_model::flow::{ChangedRecords, Journal, NewRecords, Stamp};
use dray_model::object::{ColumnIndex, Object, SystemColumn};
use dray_model::value::column_from_text;

use crate::check::CheckedBatch;
use crate::defaults::DefaultText;
use crate::matching::cells::{CellRef, Incoming, take_rows};
use crate::matching::{Decisions, Target as RowTarget};
use crate::target::Target;

/// One cell that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The row that changes it.
    pub row_number: u64,
    /// The record.
    pub record_id: i64,
    /// The stored column.
    pub column: String,
    /// What stands there, as canonical text.
    pub old: Option<String>,
    /// What will.
    pub new: Option<String>,
}

/// What writing a batch did.
#[derive(Debug, Default)]
pub struct Written {
    /// Id of the first record made; the rest follow.
    pub first_id: i64,
    /// How many records were made.
    pub created: usize,
    /// Before-images of the records changed.
    pub journal: Journal,
    /// Every changed cell, in the order of the changes, where they were asked for.
    pub changes: Vec<Change>,
}

impl Written {
    /// The record a row is about.
    pub fn record_id(&self, target: RowTarget, decisions: &Decisions) -> i64 {
        match target {
            RowTarget::New(index) => self.first_id + index as i64,
            RowTarget::Existing(record) => decisions.records[record].id,
        }
    }
}

/// What is the same for every batch of a run.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// The object.
    pub object: &'c Object,
    /// The columns of the batches.
    pub columns: &'c [ColumnIndex],
    /// The columns lookups bring.
    pub wanted: &'c [ColumnIndex],
    /// The time of the import.
    pub now: i64,
    /// Its number.
    pub import_id: Option<i64>,
}

/// Writes what was decided about a batch.
pub fn write(
    context: &Context<'_>,
    batch: &CheckedBatch,
    decisions: &Decisions,
    target: &mut dyn Target,
) -> Result<Written> {
    let mut written = Written::default();
    let incoming = Incoming {
        object: context.object,
        columns: context.columns,
        wanted: context.wanted,
        values: &batch.values,
    };
    if !decisions.creations.is_empty() {
        let records = new_records(context, &incoming, decisions)?;
        written.created = records.len;
        written.first_id = target.reserve_ids(context.object, records.len as u64)?;
        target.insert(context.object, &NewRecords { first_id: written.first_id, ..records })?;
    }
    change_records(context, &incoming, decisions, target, &mut written)?;
    for change in &decisions.changes {
        let text = |cell| incoming.text(cell, change.position, &decisions.found);
        written.changes.push(Change {
            row_number: batch.first_row + change.row as u64,
            record_id: written.record_id(change.target, decisions),
            column: context.object.columns[context.columns[change.position]].name.clone(),
            old: text(change.old),
            new: text(CellRef::Incoming(change.row)),
        });
    }
    Ok(written)
}

/// The new records column by column: mapped cells, defaults where they are empty, forced values.
fn new_records(context: &Context<'_>, incoming: &Incoming<'_>, decisions: &Decisions) -> Result<NewRecords> {
    let object = context.object;
    let rows = &decisions.creations;
    let mut columns = Vec::new();
    let mut values: Vec<ArrayRef> = Vec::new();
    for (position, &column) in context.columns.iter().enumerate() {
        if object.columns[column].system == Some(SystemColumn::Id) {
            continue;
        }
        values.push(take_rows(&incoming.values[position], rows)?);
        columns.push(column);
    }
    for field in &object.fields {
        let Some(default) = &field.definition.default else { continue };
        let column = field.columns.start;
        let texts = DefaultText::new(object, default, &columns, &values);
        match columns.iter().position(|&given| given == column) {
            Some(position) if values[position].null_count() == 0 => {}
            Some(position) => {
                let filled = texts.fill(object, column, Some(&values[position]), rows.len());
                values[position] = filled;
            }
            None => {
                let filled = texts.fill(object, column, None, rows.len());
                columns.push(column);
                values.push(filled);
            }
        }
    }
    for (column, value) in &object.policy.force {
        let value_type = object.columns[*column].value_type;
        let constant = column_from_text(value_type, std::iter::repeat_n(Some(value.as_str()), rows.len()));
        match columns.iter().position(|given| given == column) {
            Some(position) => values[position] = constant,
            None => {
                columns.push(*column);
                values.push(constant);
            }
        }
    }
    Ok(NewRecords {
        first_id: 0,
        columns,
        values,
        len: rows.len(),
        now: context.now,
        import_id: context.import_id,
    })
}

/// Writes the cells that change, and keeps what stood there.
fn change_records(
    context: &Context<'_>,
    incoming: &Incoming<'_>,
    decisions: &Decisions,
    target: &mut dyn Target,
    written: &mut Written,
) -> Result<()> {
    let changed: Vec<_> = decisions
        .records
        .iter()
        .filter_map(|record| record.cells.as_ref().map(|cells| (record, cells)))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let is_new = |cell: &CellRef| matches!(cell, CellRef::Incoming(_));
    let positions: Vec<usize> = (0..context.columns.len())
        .filter(|&position| changed.iter().any(|(_, cells)| is_new(&cells[position])))
        .collect();
    let mut values = Vec::with_capacity(positions.len());
    for &position in &positions {
        let cells: Vec<CellRef> = changed.iter().map(|(_, cells)| cells[position]).collect();
        values.push(incoming.gather(position, &cells, &decisions.found)?);
    }
    let journal = &mut written.journal;
    let mut expected_versions = Vec::with_capacity(changed.len());
    for (record, cells) in &changed {
        let found = &decisions.found[record.found];
        journal.record_ids.push(record.id);
        journal.versions.push(found.versions[record.row]);
        journal.updated_at.push(found.updated_at[record.row]);
        journal.import_ids.push(found.import_ids[record.row]);
        expected_versions.push(found.versions[record.row]);
        let mut before = String::from("{");
        for &position in positions.iter().filter(|&&position| is_new(&cells[position])) {
            let column = &context.object.columns[context.columns[position]];
            let was = CellRef::Found { found: record.found, row: record.row };
            let old = incoming.text(was, position, &decisions.found);
            if before.len() > 1 {
                before.push(',');
            }
            before.push_str(&json_text(&column.name));
            before.push(':');
            before.push_str(&old.as_deref().map_or_else(|| "null".to_owned(), json_text));
        }
        before.push('}');
        journal.before.push(before);
    }
    let records = ChangedRecords {
        ids: journal.record_ids.clone(),
        expected_versions,
        columns: positions.iter().map(|&position| context.columns[position]).collect(),
        values,
        stamp: Stamp::Change { now: context.now, import_id: context.import_id },
    };
    target.update(context.object, &records)
}

/// A JSON string literal.
fn json_text(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
