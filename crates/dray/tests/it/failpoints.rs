//! The n-th call of a store, a source or an observer fails, for n = 1, 2, 3 … until the import passes:
//! each time it is complete or failed cleanly, and going on gives what an undisturbed run gives.

use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use dray_engine::map::MappingRequest;
use dray_engine::run::{Job, Observer, import};
use dray_model::batch::TextBatch;
use dray_model::definition::{Mode, ObjectDefinition, OnDuplicate};
use dray_model::flow::{
    ChangedRecords, CreatedRange, Detected, FailedRowFormat, FateRuns, Found, Import, ImportStatus, Journal,
    NewRecords, RowSource, Store,
};
use dray_model::object::{ColumnIndex, Object};
use dray_model::problem::Problem;
use dray_model::query::Query;
use dray_model::starter::starter_object;
use dray_model::{Error, Result};

use crate::support::{Kind, STORES, World};

/// Counts calls; one of them fails, before or after it took effect.
#[derive(Clone)]
struct Fuse {
    left: Arc<Mutex<i64>>,
    after: bool,
}

impl Fuse {
    fn new(calls: i64, after: bool) -> Self {
        Self { left: Arc::new(Mutex::new(calls)), after }
    }

    fn call<T>(&self, call: impl FnOnce() -> Result<T>) -> Result<T> {
        let burns = {
            let mut left = self.left.lock().expect("nobody panicked with it");
            *left -= 1;
            *left == 0
        };
        if burns && !self.after {
            return Err(Error::store("this call was made to fail"));
        }
        let done = call()?;
        if burns { Err(Error::store("this call was made to fail after it took effect")) } else { Ok(done) }
    }

    fn burnt(&self) -> bool {
        *self.left.lock().expect("nobody panicked with it") <= 0
    }
}

/// A real store whose calls may fail.
struct FailingStore {
    store: Box<dyn Store>,
    fuse: Fuse,
}

impl Store for FailingStore {
    fn prepare_object(&mut self, object: &Object) -> Result<()> {
        self.fuse.call(|| self.store.prepare_object(object))
    }

    fn stored_definition(&mut self, object: &str) -> Result<Option<ObjectDefinition>> {
        self.fuse.call(|| self.store.stored_definition(object))
    }

    fn stored_objects(&mut self) -> Result<Vec<String>> {
        self.fuse.call(|| self.store.stored_objects())
    }

    fn lock_object(&mut self, object: &str, wait_seconds: u64) -> Result<()> {
        self.fuse.call(|| self.store.lock_object(object, wait_seconds))
    }

    fn unlock_object(&mut self, object: &str) -> Result<()> {
        self.fuse.call(|| self.store.unlock_object(object))
    }

    fn suspend_indexes(&mut self, object: &Object, keep: &[ColumnIndex]) -> Result<()> {
        self.fuse.call(|| self.store.suspend_indexes(object, keep))
    }

    fn begin(&mut self) -> Result<()> {
        self.fuse.call(|| self.store.begin())
    }

    fn commit(&mut self) -> Result<()> {
        self.fuse.call(|| self.store.commit())
    }

    fn estimated_records(&mut self, object: &Object) -> Result<u64> {
        self.fuse.call(|| self.store.estimated_records(object))
    }

    fn scan_keys(
        &mut self,
        object: &Object,
        column: ColumnIndex,
        visit: &mut dyn FnMut(&str, i64),
    ) -> Result<()> {
        self.fuse.call(|| self.store.scan_keys(object, column, visit))
    }

    fn find(
        &mut self,
        object: &Object,
        key: ColumnIndex,
        values: &[&str],
        columns: &[ColumnIndex],
    ) -> Result<Found> {
        self.fuse.call(|| self.store.find(object, key, values, columns))
    }

    fn reserve_ids(&mut self, object: &Object, count: u64) -> Result<i64> {
        self.fuse.call(|| self.store.reserve_ids(object, count))
    }

    fn insert(&mut self, object: &Object, records: &NewRecords) -> Result<()> {
        self.fuse.call(|| self.store.insert(object, records))
    }

    fn update(&mut self, object: &Object, records: &ChangedRecords) -> Result<u64> {
        self.fuse.call(|| self.store.update(object, records))
    }

    fn delete_created(&mut self, object: &Object, range: &CreatedRange, import_id: i64) -> Result<u64> {
        self.fuse.call(|| self.store.delete_created(object, range, import_id))
    }

    fn read(
        &mut self,
        object: &Object,
        query: &Query,
        columns: &[ColumnIndex],
        batch_rows: usize,
        visit: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Result<()> {
        self.fuse.call(|| self.store.read(object, query, columns, batch_rows, visit))
    }

    fn create_import(&mut self, import: &Import) -> Result<i64> {
        self.fuse.call(|| self.store.create_import(import))
    }

    fn save_import(&mut self, import: &Import) -> Result<()> {
        self.fuse.call(|| self.store.save_import(import))
    }

    fn find_import(&mut self, id: i64) -> Result<Option<Import>> {
        self.fuse.call(|| self.store.find_import(id))
    }

    fn list_imports(&mut self, object: Option<&str>, limit: u64) -> Result<Vec<Import>> {
        self.fuse.call(|| self.store.list_imports(object, limit))
    }

    fn find_import_by_fingerprint(&mut self, object: &str, fingerprint: &str) -> Result<Option<Import>> {
        self.fuse.call(|| self.store.find_import_by_fingerprint(object, fingerprint))
    }

    fn save_created_range(&mut self, import_id: i64, range: &CreatedRange) -> Result<()> {
        self.fuse.call(|| self.store.save_created_range(import_id, range))
    }

    fn created_ranges(&mut self, import_id: i64) -> Result<Vec<CreatedRange>> {
        self.fuse.call(|| self.store.created_ranges(import_id))
    }

    fn append_journal(&mut self, import_id: i64, journal: &Journal) -> Result<()> {
        self.fuse.call(|| self.store.append_journal(import_id, journal))
    }

    fn read_journal(&mut self, import_id: i64, before: i64, limit: u64) -> Result<Journal> {
        self.fuse.call(|| self.store.read_journal(import_id, before, limit))
    }

    fn read_journal_of_record(&mut self, import_id: i64, record_id: i64, limit: u64) -> Result<Journal> {
        self.fuse.call(|| self.store.read_journal_of_record(import_id, record_id, limit))
    }

    fn append_fates(&mut self, import_id: i64, runs: &FateRuns) -> Result<()> {
        self.fuse.call(|| self.store.append_fates(import_id, runs))
    }

    fn read_fates(&mut self, import_id: i64, visit: &mut dyn FnMut(FateRuns) -> Result<()>) -> Result<()> {
        self.fuse.call(|| self.store.read_fates(import_id, visit))
    }

    fn append_problems(&mut self, import_id: i64, problems: &[Problem]) -> Result<()> {
        self.fuse.call(|| self.store.append_problems(import_id, problems))
    }

    fn read_problems(&mut self, import_id: i64, limit: u64) -> Result<Vec<Problem>> {
        self.fuse.call(|| self.store.read_problems(import_id, limit))
    }

    fn rollback(&mut self) {
        self.store.rollback();
    }
}

/// A source whose batches may fail to arrive.
struct FailingSource {
    source: Box<dyn RowSource>,
    fuse: Fuse,
}

impl RowSource for FailingSource {
    fn header(&self) -> &[String] {
        self.source.header()
    }

    fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        self.fuse.call(|| self.source.next_batch())
    }

    fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    fn detected(&self) -> Vec<Detected> {
        self.source.detected()
    }

    fn failed_rows(&self) -> Box<dyn FailedRowFormat> {
        self.source.failed_rows()
    }
}

/// Keeps rejected rows in memory; keeping them may fail.
struct Rejects {
    rows: Vec<u64>,
    fuse: Fuse,
}

impl Observer for Rejects {
    fn rejected(&mut self, row_number: u64, _raw: &[u8], _problems: &[&Problem]) -> Result<()> {
        self.fuse.call(|| {
            self.rows.push(row_number);
            Ok(())
        })
    }

    fn checkpoint(&mut self) -> Result<u64> {
        self.fuse.call(|| Ok(self.rows.len() as u64))
    }

    fn resumed(&mut self, failed_bytes: u64) -> Result<()> {
        self.fuse.call(|| {
            self.rows.truncate(usize::try_from(failed_bytes).unwrap_or_default());
            Ok(())
        })
    }
}

/// Runs the import with a fuse; returns what it said and the rows it rejected.
fn run(world: &World, mode: Mode, fuse: &Fuse, rejects: Vec<u64>) -> (Result<Import>, Vec<u64>) {
    let mut object = starter_object("contacts").expect("contacts ship with Dray");
    object.policy.mode = mode;
    object.policy.on_duplicate = OnDuplicate::Update;
    let path = world.path("new.csv");
    let open = |skip_rows| -> Result<Box<dyn RowSource>> {
        let options = dray_formats::ReadOptions { skip_rows, ..Default::default() };
        Ok(Box::new(FailingSource { source: dray_formats::open_path(&path, &options)?, fuse: fuse.clone() }))
    };
    let job = Job {
        object: Arc::new(object),
        open: &open,
        source_name: "new.csv".into(),
        source_bytes: std::fs::metadata(&path).ok().map(|about| about.len()),
        fingerprint: "the same".into(),
        mapping: MappingRequest::default(),
        date_order: None,
        object_named: &|name| starter_object(name),
        clock: &|| 1_700_000_000_000_000,
    };
    let mut store = FailingStore { store: world.connect(), fuse: fuse.clone() };
    let mut observer = Rejects { rows: rejects, fuse: fuse.clone() };
    let outcome = import(&mut store, &job, true, &mut observer);
    (outcome.map(|outcome| outcome.import), observer.rows)
}

fn world(kind: Kind, rows: usize) -> World {
    let world = World::new(kind);
    world.file("old.csv", "email,first_name\nold@x.example,Old\n");
    world.dray(&["import", "old.csv", "--to", "contacts"]);
    let mut text = String::from("email,first_name\n");
    for row in 0..rows {
        match row {
            3 => text.push_str("old@x.example,New\n"),
            5 => text.push_str("broken,Nobody\n"),
            8 => text.push_str("1@x.example,Again\n"),
            _ => text.push_str(&format!("{row}@x.example,Name\n")),
        }
    }
    world.file("new.csv", text);
    world
}

const FIELDS: &str = "id,email,first_name,version";

/// Lets call 1, 2, 3 … fail until nothing fails any more.
fn every_call_fails_once(kind: Kind, rows: usize, mode: Mode, after: bool) {
    let undisturbed = world(kind, rows);
    let before = undisturbed.records("contacts", FIELDS);
    let (outcome, expected_rejects) = run(&undisturbed, mode, &Fuse::new(0, false), Vec::new());
    let expected_ledger = outcome.expect("nothing fails").ledger;
    let expected = undisturbed.records("contacts", FIELDS);
    for call in 1.. {
        assert!(call < 500, "the import never passes");
        let world = world(kind, rows);
        let fuse = Fuse::new(call, after);
        let (outcome, rejects) = run(&world, mode, &fuse, Vec::new());
        let context = format!("{kind:?}, {rows} rows, {mode:?}, call {call}, after {after}");
        let passed = outcome.is_ok();
        if !passed && mode == Mode::Atomic {
            let now = world.records("contacts", FIELDS);
            assert!(now == before || now == expected, "{context}: all or nothing");
        }
        // Going on, with nothing failing, ends as if nothing ever had.
        let (outcome, rejects) = run(&world, mode, &Fuse::new(0, false), rejects);
        let ended = outcome.unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!(ended.ledger, expected_ledger, "{context}");
        assert!(matches!(ended.status, ImportStatus::Completed | ImportStatus::Failed), "{context}");
        assert!(world.records("contacts", FIELDS) == expected, "{context}");
        if !passed && mode == Mode::Partial && ended.status == ImportStatus::Completed {
            assert!(rejects.len() <= expected_rejects.len(), "{context}: a rejected row is told once");
        }
        if !fuse.burnt() {
            return;
        }
    }
}

#[test]
fn every_call_of_a_small_partial_import() {
    for store in STORES {
        every_call_fails_once(store, 20, Mode::Partial, false);
        every_call_fails_once(store, 20, Mode::Partial, true);
    }
}

#[test]
fn every_call_of_a_small_atomic_import() {
    for store in STORES {
        every_call_fails_once(store, 20, Mode::Atomic, false);
        every_call_fails_once(store, 20, Mode::Atomic, true);
    }
}

#[test]
fn every_call_of_a_bulk_import() {
    for store in STORES {
        every_call_fails_once(store, 21_000, Mode::Partial, true);
    }
}
