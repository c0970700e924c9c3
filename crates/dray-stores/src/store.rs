//! The store itself: the trait of the model over one driver.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
    cast::AsArray,
};
use arrow_schema::{Field, Schema};
use dray_model::catalog::{
    AuditEntry, AuditQuery, Catalog, Document, ImportQuery, Job, JobQuery, NumberedProblem,
};
use dray_model::definition::ObjectDefinition;
use dray_model::event::{Event, EventClaim, EventQuery, EventStatus, Events};
use dray_model::flow::{
    ChangedRecords, CreatedRange, FateRuns, Found, Import, Journal, NewRecords, Stamp, Store,
};
use dray_model::object::{ColumnIndex, Object, SystemColumn, key_of};
use dray_model::problem::Problem;
use dray_model::query::{Filter, Query};
use dray_model::value::{UTC, ValueType, append_text};
use dray_model::{Error, Result};

use crate::catalog::{audit, documents, events, imports, jobs, migrations, objects, outcomes};
use crate::cells::{ReadBatch, StoredColumn};
use crate::dialect::quote;
use crate::driver::{Driver, RecordUpdate, SqlValue, query_value};
use crate::tables::filter;
use crate::tables::schema;

/// Up to this many records are counted; of more the number is estimated.
const COUNTED_RECORDS: u64 = 10_000;

/// From this many deletions on it pays to delete without indexes and build them again.
const BULK_DELETION: u64 = 20_000;

/// And where it is at least this part of the table: measured with a million records and two indexes,
/// deleting a record from its indexes takes five times as long as building them anew takes for one.
const BULK_DELETION_SHARE: u64 = 5;

/// Records deleted by one statement.
const DELETED_AT_ONCE: usize = 1_000;

/// Rows read at a time while keys are scanned.
const SCAN_ROWS: usize = 8192;

/// The store of one organization.
#[derive(Debug)]
pub(crate) struct SqlStore<D> {
    driver: D,
    suspended: HashMap<String, Suspension>,
    /// The highest sequence among each import's problems, where it is known.
    last_problems: HashMap<i64, i64>,
}

/// An object whose indexes are not to be kept up for a while. Each is dropped when something is written
/// that it would have to take up: one that nothing is written to stays and needs no rebuilding.
#[derive(Debug)]
struct Suspension {
    dropped: HashSet<String>,
    /// Columns whose indexes stay.
    keep: Vec<ColumnIndex>,
    /// Asked for in the current transaction, so that a rollback takes it back.
    in_transaction: bool,
}

impl<D: Driver> SqlStore<D> {
    /// The store over a connection; makes its own tables where they are missing.
    pub(crate) fn new(mut driver: D) -> Result<Self> {
        migrations::migrate(&mut driver)?;
        Ok(Self { driver, suspended: HashMap::new(), last_problems: HashMap::new() })
    }

    /// Runs `work` in the open transaction, or in one of its own.
    fn within_transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.driver.in_transaction() {
            return work(self);
        }
        self.driver.begin()?;
        let result = work(self).and_then(|value| self.driver.commit().map(|()| value));
        if result.is_err() {
            self.rollback();
        }
        result
    }

    /// Drops the suspended indexes that a write of these columns would touch.
    fn drop_indexes_written(
        &mut self,
        object: &Object,
        columns: &[StoredColumn],
        is_update: bool,
    ) -> Result<()> {
        let Some(suspension) = self.suspended.get_mut(object.name()) else { return Ok(()) };
        for index in schema::indexes_of(object) {
            if suspension.keep.contains(&index.column) || suspension.dropped.contains(&index.name) {
                continue;
            }
            let name = &object.columns[index.column].name;
            let is_written = columns.iter().any(|column| column.name == *name);
            // A changed record is a new entry in every index that holds it, where the database keeps both.
            let holds_values = is_update && !self.driver.dialect().deletes_from_indexes() && {
                let table = self.driver.qualified(object.name());
                let sql = format!("SELECT 1 FROM {table} WHERE {} IS NOT NULL LIMIT 1", quote(name));
                query_value(&mut self.driver, &sql, &[])? != SqlValue::Null
            };
            if is_written || holds_values {
                let sql = format!("DROP INDEX IF EXISTS {}", self.driver.qualified(&index.name));
                self.driver.execute(&sql, &[])?;
            }
            // An index without values is not asked about again: updates do not fill it.
            if is_written || is_update {
                suspension.dropped.insert(index.name);
            }
        }
        Ok(())
    }

    fn define(&mut self, object: &Object, stored: Option<String>, definition: &str) -> Result<()> {
        let stored = match stored {
            None => None,
            Some(text) => Some(Object::new(objects::parse_definition(object.name(), &text)?)?),
        };
        schema::make_table(&mut self.driver, object, stored.as_ref())?;
        objects::begin_ids(&mut self.driver, object.name())?;
        objects::save(&mut self.driver, object.name(), definition)
    }

    fn delete_range(&mut self, object: &Object, range: &CreatedRange, import_id: i64) -> Result<u64> {
        let table = self.driver.qualified(object.name());
        let values = [range.first_id, range.last_id, import_id].map(SqlValue::Integer);
        let sql =
            format!("DELETE FROM {table} WHERE id BETWEEN $1 AND $2 AND import_id = $3 AND version = 1");
        let span = u64::try_from(range.last_id.saturating_sub(range.first_id)).unwrap_or(0);
        if !self.driver.dialect().deletes_from_indexes() || span < BULK_DELETION {
            return self.driver.execute(&sql, &values);
        }
        let kept = format!(
            "SELECT 1 FROM {table} WHERE NOT (id BETWEEN $1 AND $2 AND import_id IS $3 AND version = 1) LIMIT 1"
        );
        if query_value(&mut self.driver, &kept, &values)? == SqlValue::Null {
            // Nothing stays: the table is emptied page by page instead of record by record.
            return self.driver.execute(&format!("DELETE FROM {table}"), &[]);
        }
        if span < self.driver.estimate_rows(object.name())? / BULK_DELETION_SHARE {
            return self.driver.execute(&sql, &values);
        }
        for index in schema::indexes_of(object) {
            let drop = format!("DROP INDEX IF EXISTS {}", self.driver.qualified(&index.name));
            self.driver.execute(&drop, &[])?;
        }
        let deleted = self.driver.execute(&sql, &values)?;
        schema::make_indexes(&mut self.driver, object, &[])?;
        Ok(deleted)
    }
}

impl<D: Driver> Store for SqlStore<D> {
    fn prepare_object(&mut self, object: &Object) -> Result<()> {
        let definition = objects::definition_text(&object.definition)?;
        let stored = objects::stored_text(&mut self.driver, object.name())?;
        let is_known = stored.as_deref() == Some(definition.as_str());
        let existing = schema::existing_indexes(&mut self.driver, object.name())?;
        let is_indexed = schema::indexes_of(object).iter().all(|index| existing.contains(&index.name));
        if !(is_known && is_indexed) {
            schema::check_names(object)?;
            let is_own = !self.driver.in_transaction();
            self.within_transaction(|store| {
                let mut stored = stored;
                if is_own {
                    // Of several that come at once to an object without a table, one makes it.
                    store.driver.prepare_place()?;
                    stored = objects::stored_text(&mut store.driver, object.name())?;
                }
                if stored.as_deref() != Some(definition.as_str()) {
                    store.define(object, stored, &definition)?;
                }
                let existing = schema::existing_indexes(&mut store.driver, object.name())?;
                schema::make_indexes(&mut store.driver, object, &existing)
            })?;
        }
        self.suspended.remove(object.name());
        Ok(())
    }

    fn stored_definition(&mut self, object: &str) -> Result<Option<ObjectDefinition>> {
        let text = objects::stored_text(&mut self.driver, object)?;
        text.map(|text| objects::parse_definition(object, &text)).transpose()
    }

    fn stored_objects(&mut self) -> Result<Vec<String>> {
        objects::names(&mut self.driver)
    }

    fn lock_object(&mut self, object: &str, wait_seconds: u64) -> Result<()> {
        self.driver.lock(object, Duration::from_secs(wait_seconds))
    }

    fn unlock_object(&mut self, object: &str) -> Result<()> {
        self.driver.unlock(object)
    }

    fn suspend_indexes(&mut self, object: &Object, keep: &[ColumnIndex]) -> Result<()> {
        let in_transaction = self.driver.in_transaction();
        let suspension = Suspension { dropped: HashSet::new(), keep: keep.to_vec(), in_transaction };
        self.suspended.insert(object.name().to_owned(), suspension);
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        self.driver.begin()
    }

    fn commit(&mut self) -> Result<()> {
        self.driver.commit()?;
        for suspension in self.suspended.values_mut() {
            suspension.in_transaction = false;
        }
        Ok(())
    }

    fn rollback(&mut self) {
        self.driver.rollback();
        self.suspended.retain(|_, suspension| !suspension.in_transaction);
        for suspension in self.suspended.values_mut() {
            // What was dropped in the transaction is there again.
            suspension.dropped.clear();
        }
        self.last_problems.clear();
    }

    fn estimated_records(&mut self, object: &Object) -> Result<u64> {
        let table = self.driver.qualified(object.name());
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {COUNTED_RECORDS}) AS counted");
        let counted = query_value(&mut self.driver, &sql, &[])?.as_integer().unwrap_or(0);
        let counted = u64::try_from(counted).unwrap_or(0);
        if counted < COUNTED_RECORDS {
            return Ok(counted);
        }
        Ok(self.driver.estimate_rows(object.name())?.max(COUNTED_RECORDS))
    }

    fn scan_keys(
        &mut self,
        object: &Object,
        column: ColumnIndex,
        visit: &mut dyn FnMut(&str, i64),
    ) -> Result<()> {
        let id = object.system(SystemColumn::Id);
        let stored = [StoredColumn::of(object, column), StoredColumn::of(object, id)];
        let column = &object.columns[column];
        let name = quote(&column.name);
        let sql = format!(
            "SELECT {name}, id FROM {} WHERE {name} IS NOT NULL",
            self.driver.qualified(object.name())
        );
        let mut text = String::new();
        self.driver.read(&sql, &[], &stored, SCAN_ROWS, &mut |batch| {
            let ids = batch.columns[1].as_primitive::<Int64Type>();
            for row in 0..batch.rows {
                text.clear();
                append_text(column.value_type, &batch.columns[0], row, &mut text);
                if column.caseless {
                    text.make_ascii_lowercase();
                }
                visit(&text, ids.value(row));
            }
            Ok(())
        })
    }

    fn find(
        &mut self,
        object: &Object,
        key: ColumnIndex,
        values: &[&str],
        columns: &[ColumnIndex],
    ) -> Result<Found> {
        let system =
            [SystemColumn::Id, SystemColumn::Version, SystemColumn::UpdatedAt, SystemColumn::ImportId];
        let system = if columns.is_empty() { &system[..1] } else { &system[..] };
        let stored: Vec<StoredColumn> = std::iter::once(key)
            .chain(system.iter().map(|&system| object.system(system)))
            .chain(columns.iter().copied())
            .map(|index| StoredColumn::of(object, index))
            .collect();
        let names: Vec<String> = stored.iter().map(|column| quote(&column.name)).collect();
        let key = &object.columns[key];
        let sql = format!(
            "SELECT {} FROM {} WHERE {} AND {} IS NOT NULL",
            names.join(", "),
            self.driver.qualified(object.name()),
            self.driver.dialect().key_probe(key),
            quote(&key.name),
        );
        let mut batch = self.driver.find(&sql, values, &stored)?;
        let keys = normalized_keys(key.value_type, key.caseless, &batch);
        let ids = batch.columns[1].as_primitive::<Int64Type>().values().to_vec();
        if columns.is_empty() {
            let (versions, updated_at, import_ids) = Default::default();
            return Ok(Found { keys, ids, versions, updated_at, import_ids, values: Vec::new() });
        }
        let found = batch.columns.split_off(5);
        Ok(Found {
            keys,
            ids,
            versions: batch.columns[2].as_primitive::<Int64Type>().values().to_vec(),
            updated_at: batch.columns[3].as_primitive::<TimestampMicrosecondType>().values().to_vec(),
            import_ids: batch.columns[4].as_primitive::<Int64Type>().iter().collect(),
            values: found,
        })
    }

    fn reserve_ids(&mut self, object: &Object, count: u64) -> Result<i64> {
        objects::reserve_ids(&mut self.driver, object.name(), count)?.ok_or_else(|| {
            Error::store(format!("object `{}` has no table in this store yet", object.name()))
                .hint("it must be prepared first")
        })
    }

    fn insert(&mut self, object: &Object, records: &NewRecords) -> Result<()> {
        if records.len == 0 {
            return Ok(());
        }
        let (columns, values) = rows_to_insert(object, records)?;
        self.within_transaction(|store| {
            store.drop_indexes_written(object, &columns, false)?;
            store.driver.insert(object.name(), &columns, &values)
        })
    }

    fn update(&mut self, object: &Object, records: &ChangedRecords) -> Result<u64> {
        if records.ids.is_empty() {
            return Ok(0);
        }
        let mut columns: Vec<StoredColumn> =
            records.columns.iter().map(|&index| StoredColumn::of(object, index)).collect();
        let mut values = records.values.clone();
        let system = [SystemColumn::Version, SystemColumn::UpdatedAt, SystemColumn::ImportId];
        columns.extend(system.map(|system| StoredColumn::of(object, object.system(system))));
        values.extend(stamp_values(records));
        check_lengths(&columns, &values, records.ids.len())?;
        let mut order: Vec<usize> = (0..records.ids.len()).collect();
        order.sort_unstable_by_key(|&row| records.ids[row]);
        let update = RecordUpdate {
            columns: &columns,
            values: &values,
            ids: &records.ids,
            expected_versions: &records.expected_versions,
            order: &order,
        };
        let keeps_versions = matches!(&records.stamp, Stamp::Restore { versions, .. }
            if *versions == records.expected_versions);
        self.within_transaction(|store| {
            store.drop_indexes_written(object, &columns, true)?;
            if !keeps_versions {
                return store.driver.update(object.name(), &update);
            }
            store.driver.let_versions_stay(true)?;
            let updated = store.driver.update(object.name(), &update);
            let restored = store.driver.let_versions_stay(false);
            updated.and_then(|updated| restored.map(|()| updated))
        })
    }

    fn delete_created(&mut self, object: &Object, range: &CreatedRange, import_id: i64) -> Result<u64> {
        self.within_transaction(|store| store.delete_range(object, range, import_id))
    }

    fn read(
        &mut self,
        object: &Object,
        query: &Query,
        columns: &[ColumnIndex],
        batch_rows: usize,
        visit: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let table = self.driver.qualified(object.name());
        let statement = filter::select(self.driver.dialect(), &table, object, query, columns)?;
        let stored: Vec<StoredColumn> =
            columns.iter().map(|&index| StoredColumn::of(object, index)).collect();
        let fields: Vec<Field> =
            stored.iter().map(|column| Field::new(&column.name, column.value_type.arrow(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        self.driver.read(&statement.sql, &statement.parameters, &stored, batch_rows.max(1), &mut |batch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.rows));
            let batch = RecordBatch::try_new_with_options(schema.clone(), batch.columns, &options)
                .map_err(|cause| Error::store("the records read do not fit together").because(cause))?;
            visit(batch)
        })
    }

    fn create_import(&mut self, import: &Import) -> Result<i64> {
        self.within_transaction(|store| imports::create(&mut store.driver, import))
    }

    fn save_import(&mut self, import: &Import) -> Result<()> {
        imports::save(&mut self.driver, import)
    }

    fn find_import(&mut self, id: i64) -> Result<Option<Import>> {
        imports::find(&mut self.driver, id)
    }

    fn list_imports(&mut self, object: Option<&str>, limit: u64) -> Result<Vec<Import>> {
        imports::list(&mut self.driver, object, limit)
    }

    fn find_import_by_fingerprint(&mut self, object: &str, fingerprint: &str) -> Result<Option<Import>> {
        imports::find_by_fingerprint(&mut self.driver, object, fingerprint)
    }

    fn save_created_range(&mut self, import_id: i64, range: &CreatedRange) -> Result<()> {
        self.within_transaction(|store| imports::save_range(&mut store.driver, import_id, range))
    }

    fn created_ranges(&mut self, import_id: i64) -> Result<Vec<CreatedRange>> {
        imports::ranges(&mut self.driver, import_id)
    }

    fn append_journal(&mut self, import_id: i64, journal: &Journal) -> Result<()> {
        self.within_transaction(|store| outcomes::append_journal(&mut store.driver, import_id, journal))
    }

    fn read_journal(&mut self, import_id: i64, before: i64, limit: u64) -> Result<Journal> {
        outcomes::read_journal(&mut self.driver, import_id, before, limit)
    }

    fn read_journal_of_record(&mut self, import_id: i64, record_id: i64, limit: u64) -> Result<Journal> {
        outcomes::read_journal_of_record(&mut self.driver, import_id, record_id, limit)
    }

    fn append_fates(&mut self, import_id: i64, runs: &FateRuns) -> Result<()> {
        outcomes::append_fates(&mut self.driver, import_id, runs)
    }

    fn read_fates(&mut self, import_id: i64, visit: &mut dyn FnMut(FateRuns) -> Result<()>) -> Result<()> {
        outcomes::read_fates(&mut self.driver, import_id, visit)
    }

    fn append_problems(&mut self, import_id: i64, problems: &[Problem]) -> Result<()> {
        if problems.is_empty() {
            return Ok(());
        }
        let last = match self.last_problems.get(&import_id) {
            Some(&last) => last,
            None => outcomes::last_problem(&mut self.driver, import_id)?,
        };
        self.within_transaction(|store| {
            outcomes::append_problems(&mut store.driver, import_id, last, problems)
        })?;
        self.last_problems.insert(import_id, last + i64::try_from(problems.len()).unwrap_or(0));
        Ok(())
    }

    fn read_problems(&mut self, import_id: i64, limit: u64) -> Result<Vec<Problem>> {
        outcomes::read_problems(&mut self.driver, import_id, limit)
    }
}

impl<D: Driver> Catalog for SqlStore<D> {
    fn create_document(&mut self, kind: &str, key: &str, body: &str, now: i64) -> Result<bool> {
        documents::create(&mut self.driver, kind, key, body, now)
    }

    fn replace_document(
        &mut self,
        kind: &str,
        key: &str,
        version: i64,
        body: &str,
        now: i64,
    ) -> Result<bool> {
        documents::replace(&mut self.driver, kind, key, version, body, now)
    }

    fn save_document(&mut self, kind: &str, key: &str, body: &str, now: i64) -> Result<()> {
        documents::save(&mut self.driver, kind, key, body, now)
    }

    fn find_document(&mut self, kind: &str, key: &str) -> Result<Option<Document>> {
        documents::find(&mut self.driver, kind, key)
    }

    fn list_documents(&mut self, kind: &str, after: &str, limit: u64) -> Result<Vec<Document>> {
        documents::list(&mut self.driver, kind, after, limit)
    }

    fn delete_document(&mut self, kind: &str, key: &str) -> Result<bool> {
        documents::delete(&mut self.driver, kind, key)
    }

    fn delete_documents_before(&mut self, kind: &str, time: i64) -> Result<u64> {
        documents::delete_before(&mut self.driver, kind, time)
    }

    fn create_job(&mut self, job: &Job) -> Result<i64> {
        self.within_transaction(|store| jobs::create(&mut store.driver, job))
    }

    fn find_job(&mut self, id: i64) -> Result<Option<Job>> {
        jobs::find(&mut self.driver, id)
    }

    fn list_jobs(&mut self, query: &JobQuery) -> Result<Vec<Job>> {
        jobs::list(&mut self.driver, query)
    }

    fn claim_job(&mut self, worker: &str, now: i64, lease_until: i64) -> Result<Option<Job>> {
        jobs::claim(&mut self.driver, worker, now, lease_until)
    }

    fn save_job(&mut self, job: &Job) -> Result<bool> {
        jobs::save(&mut self.driver, job)
    }

    fn cancel_job(&mut self, id: i64, now: i64) -> Result<bool> {
        jobs::cancel(&mut self.driver, id, now)
    }

    fn take_job(&mut self, id: i64) -> Result<()> {
        self.driver.end_other_sessions(&format!("job {id}"))
    }

    fn time(&mut self) -> Result<i64> {
        self.driver.time()
    }

    fn delete_expired_jobs(&mut self, now: i64) -> Result<Vec<Job>> {
        self.within_transaction(|store| jobs::delete_expired(&mut store.driver, now))
    }

    fn append_audit(&mut self, entry: &AuditEntry) -> Result<()> {
        self.within_transaction(|store| audit::append(&mut store.driver, entry))
    }

    fn list_audit(&mut self, query: &AuditQuery) -> Result<Vec<AuditEntry>> {
        audit::list(&mut self.driver, query)
    }

    fn query_imports(&mut self, query: &ImportQuery) -> Result<Vec<Import>> {
        imports::query(&mut self.driver, query)
    }

    fn problems_after(
        &mut self,
        import_id: i64,
        after: (u64, i64),
        limit: u64,
    ) -> Result<Vec<NumberedProblem>> {
        outcomes::problems_after(&mut self.driver, import_id, after, limit)
    }

    fn count_records(&mut self, object: &Object, filter: Option<&Filter>, most: u64) -> Result<u64> {
        let table = self.driver.qualified(object.name());
        let statement = filter::count(self.driver.dialect(), &table, object, filter, most)?;
        let counted = query_value(&mut self.driver, &statement.sql, &statement.parameters)?;
        Ok(counted.as_integer().and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    fn delete_records(&mut self, object: &Object, ids: &[i64]) -> Result<u64> {
        let table = self.driver.qualified(object.name());
        let dialect = self.driver.dialect();
        let sql = format!("DELETE FROM {table} WHERE {}", dialect.in_list("id", 1, ValueType::Integer));
        let list = |ids: &[i64]| {
            if dialect.lists_are_json() {
                SqlValue::Text(serde_json::Value::from(ids).to_string())
            } else {
                SqlValue::TextList(ids.iter().map(i64::to_string).collect())
            }
        };
        self.within_transaction(|store| {
            ids.chunks(DELETED_AT_ONCE)
                .try_fold(0, |deleted, ids| Ok(deleted + store.driver.execute(&sql, &[list(ids)])?))
        })
    }
}

impl<D: Driver> Events for SqlStore<D> {
    fn append_events(&mut self, events: &[Event]) -> Result<Vec<String>> {
        self.driver.flush_commits(true)?;
        let kept = self.within_transaction(|store| events::append(&mut store.driver, events));
        let calmed = self.driver.flush_commits(false);
        kept.and_then(|kept| calmed.map(|()| kept))
    }

    fn claim_events(&mut self, claim: &EventClaim) -> Result<Vec<Event>> {
        self.within_transaction(|store| events::claim(&mut store.driver, claim))
    }

    fn claim_events_of(
        &mut self,
        endpoint: &str,
        limit: u64,
        now: i64,
        lease_until: i64,
    ) -> Result<Vec<Event>> {
        self.within_transaction(|store| {
            events::claim_of(&mut store.driver, endpoint, limit, (now, lease_until))
        })
    }

    fn save_event(&mut self, event: &Event) -> Result<bool> {
        self.within_transaction(|store| events::save(&mut store.driver, event))
    }

    fn find_event(&mut self, endpoint: &str, id: &str) -> Result<Option<Event>> {
        events::find(&mut self.driver, endpoint, id)
    }

    fn list_events(&mut self, query: &EventQuery) -> Result<Vec<Event>> {
        events::list(&mut self.driver, query)
    }

    fn count_events(&mut self, endpoint: &str, most: u64) -> Result<Vec<(EventStatus, u64)>> {
        events::count(&mut self.driver, endpoint, most)
    }

    fn count_waiting_events(&mut self, most: u64) -> Result<u64> {
        events::count_waiting(&mut self.driver, most)
    }

    fn delete_events_before(&mut self, id: &str, limit: u64) -> Result<u64> {
        self.within_transaction(|store| events::delete_before(&mut store.driver, id, limit))
    }
}

/// The columns that have at least one value, with the system columns.
fn rows_to_insert(object: &Object, records: &NewRecords) -> Result<(Vec<StoredColumn>, Vec<ArrayRef>)> {
    let mut columns = Vec::with_capacity(records.columns.len() + 5);
    let mut values: Vec<ArrayRef> = Vec::with_capacity(records.columns.len() + 5);
    let last_id = i64::try_from(records.len).unwrap_or(i64::MAX).saturating_add(records.first_id);
    columns.push(StoredColumn::of(object, object.system(SystemColumn::Id)));
    values.push(Arc::new(Int64Array::from_iter_values(records.first_id..last_id)));
    let created_at_column = object.system(SystemColumn::CreatedAt);
    let mut created_at = same_time(records.now, records.len);
    for (&column, array) in records.columns.iter().zip(&records.values) {
        if column == created_at_column {
            created_at = times_or(array, records.now);
        } else if array.null_count() < array.len() || array.is_empty() {
            columns.push(StoredColumn::of(object, column));
            values.push(Arc::clone(array));
        }
    }
    let system: [(SystemColumn, ArrayRef); 4] = [
        (SystemColumn::CreatedAt, created_at),
        (SystemColumn::UpdatedAt, same_time(records.now, records.len)),
        (SystemColumn::Version, Arc::new(Int64Array::from_value(1, records.len))),
        (SystemColumn::ImportId, Arc::new(Int64Array::from(vec![records.import_id; records.len]))),
    ];
    for (column, array) in system {
        columns.push(StoredColumn::of(object, object.system(column)));
        values.push(array);
    }
    check_lengths(&columns, &values, records.len)?;
    Ok((columns, values))
}

/// Version, `updated_at` and `import_id` of changed records.
fn stamp_values(records: &ChangedRecords) -> [ArrayRef; 3] {
    let len = records.ids.len();
    match &records.stamp {
        Stamp::Change { now, import_id } => [
            Arc::new(Int64Array::from_iter_values(
                records.expected_versions.iter().map(|version| version + 1),
            )),
            same_time(*now, len),
            Arc::new(Int64Array::from(vec![*import_id; len])),
        ],
        Stamp::Restore { versions, updated_at, import_ids } => [
            Arc::new(Int64Array::from(versions.clone())),
            Arc::new(TimestampMicrosecondArray::from(updated_at.clone()).with_timezone(UTC)),
            Arc::new(Int64Array::from(import_ids.clone())),
        ],
    }
}

/// Arrays that do not match would be read past their end.
fn check_lengths(columns: &[StoredColumn], values: &[ArrayRef], rows: usize) -> Result<()> {
    let wrong = columns.iter().zip(values).find(|(_, array)| array.len() != rows);
    match wrong {
        None if columns.len() == values.len() => Ok(()),
        _ => Err(Error::store(format!(
            "the columns of a batch of {rows} records differ in length{}",
            wrong
                .map(|(column, array)| format!(": `{}` has {}", column.name, array.len()))
                .unwrap_or_default()
        ))
        .hint("this is a mistake in Dray; please report it")),
    }
}

fn same_time(micros: i64, len: usize) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_value(micros, len).with_timezone(UTC))
}

/// The times of `array`, and `micros` where there is none.
fn times_or(array: &ArrayRef, micros: i64) -> ArrayRef {
    match array.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(times) if times.null_count() > 0 => {
            let filled = times.iter().map(|time| time.unwrap_or(micros));
            Arc::new(TimestampMicrosecondArray::from_iter_values(filled).with_timezone(UTC))
        }
        _ => Arc::clone(array),
    }
}

fn normalized_keys(value_type: ValueType, caseless: bool, batch: &ReadBatch) -> StringArray {
    let mut text = String::new();
    let mut keys = arrow_array::builder::StringBuilder::with_capacity(batch.rows, batch.rows * 16);
    for row in 0..batch.rows {
        text.clear();
        append_text(value_type, &batch.columns[0], row, &mut text);
        keys.append_value(key_of(caseless, &text));
    }
    keys.finish()
}
