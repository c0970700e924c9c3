//! Where decided rows take effect: in the store, or, for a plan, in memory over the store as it is.
//! Matching and writing go through this one face, so that plan and apply are the same code.

use std::collections::HashMap;

use arrow_array::{Array, StringArray};
use dray_model::flow::{ChangedRecords, Found, NewRecords, Stamp, Store};
use dray_model::object::{ColumnIndex, Object, SystemColumn, key_of};
use dray_model::value::{column_from_text, text_of};
use dray_model::{Error, Result};

use crate::matching::filter::KeyFilter;
use crate::matching::keys::KeyHasher;

/// Finds, makes and changes records.
pub trait Target {
    /// As [`Store::find`].
    fn find(
        &mut self,
        object: &Object,
        key: ColumnIndex,
        values: &[&str],
        columns: &[ColumnIndex],
    ) -> Result<Found>;
    /// As [`Store::reserve_ids`].
    fn reserve_ids(&mut self, object: &Object, count: u64) -> Result<i64>;
    /// As [`Store::insert`].
    fn insert(&mut self, object: &Object, records: &NewRecords) -> Result<()>;
    /// As [`Store::update`], but every record must still have the expected version.
    fn update(&mut self, object: &Object, records: &ChangedRecords) -> Result<()>;
    /// The store, where what happens is real.
    fn store(&mut self) -> Option<&mut dyn Store>;
}

/// The store itself.
pub struct Real<'s>(pub &'s mut dyn Store);

impl Target for Real<'_> {
    fn find(
        &mut self,
        object: &Object,
        key: ColumnIndex,
        values: &[&str],
        columns: &[ColumnIndex],
    ) -> Result<Found> {
        self.0.find(object, key, values, columns)
    }

    fn reserve_ids(&mut self, object: &Object, count: u64) -> Result<i64> {
        self.0.reserve_ids(object, count)
    }

    fn insert(&mut self, object: &Object, records: &NewRecords) -> Result<()> {
        self.0.insert(object, records)
    }

    fn update(&mut self, object: &Object, records: &ChangedRecords) -> Result<()> {
        let changed = self.0.update(object, records)?;
        if changed == records.ids.len() as u64 {
            return Ok(());
        }
        Err(Error::store(format!(
            "{} records of `{}` were changed by someone else while this import was about to change them",
            records.ids.len() as u64 - changed,
            object.name()
        ))
        .hint("run the import again with --resume")
        .retryable())
    }

    fn store(&mut self) -> Option<&mut dyn Store> {
        Some(self.0)
    }
}

/// The store as it would be: what a plan makes and changes is kept here and nowhere else.
pub struct Imagined<'s> {
    store: &'s mut dyn Store,
    /// Hashes of the keys and records that later rows may meet. Before it is set everything made or
    /// changed is forgotten.
    met: Option<(KeyFilter, KeyHasher)>,
    next_id: i64,
    records: HashMap<(String, i64), ImaginedRecord>,
    by_key: HashMap<(String, ColumnIndex, String), Vec<i64>>,
}

#[derive(Debug, Clone, Default)]
struct ImaginedRecord {
    version: i64,
    cells: HashMap<ColumnIndex, Option<String>>,
}

impl<'s> Imagined<'s> {
    /// Imagines over this store.
    pub fn new(store: &'s mut dyn Store) -> Self {
        // Ids of imagined records are negative: no stored record has one.
        Self { store, met: None, next_id: i64::MIN / 2, records: HashMap::new(), by_key: HashMap::new() }
    }

    /// From now on remembers what is made, and those changed records that are in `met`.
    pub fn remember(&mut self, met: KeyFilter, hasher: KeyHasher) {
        self.met = Some((met, hasher));
    }

    /// True where a later row may meet this hash of a key or record.
    pub fn meets(&self, hash: u64) -> bool {
        self.met.as_ref().is_some_and(|(met, _)| met.may_contain(hash))
    }

    fn meets_record(&self, id: i64) -> bool {
        self.met.as_ref().is_some_and(|(met, hasher)| met.may_contain(hasher.hash_record(id)))
    }

    fn keep(&mut self, object: &Object, id: i64, version: i64, cells: Vec<(ColumnIndex, Option<String>)>) {
        for (column, text) in &cells {
            if let Some(text) = text {
                let key = key_of(object.columns[*column].caseless, text).into_owned();
                let ids = self.by_key.entry((object.name().to_owned(), *column, key)).or_default();
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        let record = self.records.entry((object.name().to_owned(), id)).or_default();
        record.version = version;
        record.cells.extend(cells);
    }
}

impl Target for Imagined<'_> {
    fn find(
        &mut self,
        object: &Object,
        key: ColumnIndex,
        values: &[&str],
        columns: &[ColumnIndex],
    ) -> Result<Found> {
        let stored = self.store.find(object, key, values, columns)?;
        if self.records.is_empty() {
            return Ok(stored);
        }
        let mut rows: Vec<FoundRow> =
            (0..stored.ids.len()).map(|row| FoundRow::of(object, &stored, row, columns)).collect();
        let caseless = object.columns[key].caseless;
        for row in &mut rows {
            if let Some(record) = self.records.get(&(object.name().to_owned(), row.id)) {
                row.version = record.version;
                for (cell, column) in row.cells.iter_mut().zip(columns) {
                    if let Some(imagined) = record.cells.get(column) {
                        cell.clone_from(imagined);
                    }
                }
                row.gone = record
                    .cells
                    .get(&key)
                    .is_some_and(|text| text.as_deref().is_none_or(|text| key_of(caseless, text) != row.key));
            }
        }
        rows.retain(|row| !row.gone);
        for &value in values {
            let place = (object.name().to_owned(), key, value.to_owned());
            for id in self.by_key.get(&place).into_iter().flatten() {
                let Some(record) = self.records.get(&(object.name().to_owned(), *id)) else { continue };
                let has_key = record
                    .cells
                    .get(&key)
                    .is_some_and(|text| text.as_deref().is_some_and(|text| key_of(caseless, text) == value));
                if has_key && !rows.iter().any(|row| row.id == *id && row.key == value) {
                    let cells =
                        columns.iter().map(|column| record.cells.get(column).cloned().flatten()).collect();
                    rows.push(FoundRow {
                        key: value.to_owned(),
                        id: *id,
                        version: record.version,
                        updated_at: 0,
                        import_id: None,
                        cells,
                        gone: false,
                    });
                }
            }
        }
        Ok(FoundRow::collect(object, rows, columns))
    }

    fn reserve_ids(&mut self, _object: &Object, count: u64) -> Result<i64> {
        let first = self.next_id;
        self.next_id = self.next_id.saturating_add_unsigned(count);
        Ok(first)
    }

    fn insert(&mut self, object: &Object, records: &NewRecords) -> Result<()> {
        if self.met.is_some() {
            for row in 0..records.len {
                let cells = cells_of(object, &records.columns, &records.values, row);
                self.keep(object, records.first_id + row as i64, 1, cells);
            }
        }
        Ok(())
    }

    fn update(&mut self, object: &Object, records: &ChangedRecords) -> Result<()> {
        debug_assert!(
            matches!(records.stamp, Stamp::Change { .. }),
            "only an undo restores, and it is never planned"
        );
        for (row, &id) in records.ids.iter().enumerate() {
            if id < 0 || self.meets_record(id) {
                let cells = cells_of(object, &records.columns, &records.values, row);
                self.keep(object, id, records.expected_versions[row] + 1, cells);
            }
        }
        Ok(())
    }

    fn store(&mut self) -> Option<&mut dyn Store> {
        None
    }
}

fn cells_of(
    object: &Object,
    columns: &[ColumnIndex],
    values: &[arrow_array::ArrayRef],
    row: usize,
) -> Vec<(ColumnIndex, Option<String>)> {
    columns
        .iter()
        .zip(values)
        .filter(|(column, _)| object.columns[**column].system != Some(SystemColumn::Id))
        .map(|(&column, array)| (column, text_of(object.columns[column].value_type, array, row)))
        .collect()
}

/// One found record, taken out of its columns.
struct FoundRow {
    key: String,
    id: i64,
    version: i64,
    updated_at: i64,
    import_id: Option<i64>,
    cells: Vec<Option<String>>,
    gone: bool,
}

impl FoundRow {
    fn of(object: &Object, found: &Found, row: usize, columns: &[ColumnIndex]) -> Self {
        Self {
            key: if found.keys.is_valid(row) { found.keys.value(row).to_owned() } else { String::new() },
            id: found.ids[row],
            version: found.versions.get(row).copied().unwrap_or_default(),
            updated_at: found.updated_at.get(row).copied().unwrap_or_default(),
            import_id: found.import_ids.get(row).copied().flatten(),
            cells: columns
                .iter()
                .zip(&found.values)
                .map(|(&column, array)| text_of(object.columns[column].value_type, array, row))
                .collect(),
            gone: false,
        }
    }

    fn collect(object: &Object, rows: Vec<Self>, columns: &[ColumnIndex]) -> Found {
        let values = columns
            .iter()
            .enumerate()
            .map(|(index, &column)| {
                column_from_text(
                    object.columns[column].value_type,
                    rows.iter().map(|row| row.cells[index].as_deref()),
                )
            })
            .collect();
        Found {
            keys: rows.iter().map(|row| Some(row.key.as_str())).collect::<StringArray>(),
            ids: rows.iter().map(|row| row.id).collect(),
            versions: rows.iter().map(|row| row.version).collect(),
            updated_at: rows.iter().map(|row| row.updated_at).collect(),
            import_ids: rows.iter().map(|row| row.import_id).collect(),
            values,
        }
    }
}
