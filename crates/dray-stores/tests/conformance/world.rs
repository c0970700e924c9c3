//! What the cases share: a fresh organization, an object with every type, and short ways to write and read.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use dray_model::catalog::Session;
use dray_model::flow::{ChangedRecords, NewRecords, Stamp, Store};
use dray_model::object::{ColumnIndex, Object};
use dray_model::query::{Filter, Operator, Query};
use dray_model::value::{column_from_text, text_of};

/// 2024-02-29T12:00:00Z.
pub(crate) const NOW: i64 = 1_709_208_000_000_000;

/// An object with a field of every kind of value.
pub(crate) const THINGS: &str = r#"
name = "things"
label = "Things"
[[field]]
name = "name"
type = "text"
required = true
[[field]]
name = "email"
type = "email"
unique = true
[[field]]
name = "code"
type = "text"
indexed = true
[[field]]
name = "count"
type = "integer"
indexed = true
[[field]]
name = "price"
type = "decimal"
scale = 2
indexed = true
[[field]]
name = "ratio"
type = "decimal"
[[field]]
name = "active"
type = "boolean"
[[field]]
name = "day"
type = "date"
indexed = true
[[field]]
name = "moment"
type = "datetime"
indexed = true
[[field]]
name = "clock"
type = "time"
indexed = true
[[field]]
name = "uid"
type = "uuid"
unique = true
[[field]]
name = "document"
type = "json"
[[field]]
name = "tags"
type = "text"
multiple = true
[[field]]
name = "place"
type = "address"
required = true
"#;

/// A store's address and a fresh organization in it.
pub(crate) struct World {
    pub(crate) address: String,
    pub(crate) organization: String,
}

impl World {
    pub(crate) fn sqlite(directory: &Path, number: usize) -> Self {
        Self { address: format!("sqlite:{}", directory.display()), organization: format!("case_{number}") }
    }

    pub(crate) fn postgres(number: usize) -> Self {
        let address = std::env::var("DRAY_TEST_POSTGRES_URL").unwrap_or_else(|_| {
            panic!("DRAY_TEST_POSTGRES_URL names no PostgreSQL server; run ./test, which starts one")
        });
        Self { address, organization: format!("dray_test_{}_{number}", std::process::id()) }
    }

    /// A session in the organization.
    pub(crate) fn open(&self) -> Box<dyn Session> {
        dray_stores::connect(&self.address, &self.organization).unwrap()
    }

    /// A session in another organization of the same store.
    pub(crate) fn open_other(&self) -> Box<dyn Session> {
        dray_stores::connect(&self.address, &self.other()).unwrap()
    }

    /// A session with the table of [`THINGS`].
    pub(crate) fn things(&self) -> (Box<dyn Session>, Object) {
        let object = object(THINGS);
        let mut store = self.open();
        store.prepare_object(&object).unwrap();
        (store, object)
    }

    /// Runs SQL beside the store, as an owner of the database would.
    pub(crate) fn sql(&self, sql: &str) {
        match self.address.strip_prefix("sqlite:") {
            Some(directory) => {
                let path = Path::new(directory).join(format!("{}.db", self.organization));
                rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
            }
            None => {
                let mut client = postgres::Client::connect(&self.address, postgres::NoTls).unwrap();
                let path = format!("SET search_path = {}; {sql}", self.organization);
                client.batch_execute(&path).unwrap();
            }
        }
    }

    /// Names of the indexes on a table, in order.
    pub(crate) fn indexes(&self, table: &str) -> Vec<String> {
        match self.address.strip_prefix("sqlite:") {
            Some(directory) => {
                let path = Path::new(directory).join(format!("{}.db", self.organization));
                let connection = rusqlite::Connection::open(path).unwrap();
                let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND name LIKE 'dray%' ORDER BY name";
                let mut statement = connection.prepare(sql).unwrap();
                statement.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            None => {
                let mut client = postgres::Client::connect(&self.address, postgres::NoTls).unwrap();
                let sql = "SELECT indexname::text FROM pg_indexes WHERE schemaname = $1 AND tablename = $2 AND indexname LIKE 'dray%' ORDER BY indexname COLLATE \"C\"";
                let rows = client.query(sql, &[&self.organization, &table]).unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    pub(crate) fn remove(&self) {
        if self.address.starts_with("sqlite:") {
            return;
        }
        let mut client = postgres::Client::connect(&self.address, postgres::NoTls).unwrap();
        for schema in [&self.organization, &self.other()] {
            client
                .batch_execute(&format!(
                    "SET client_min_messages = warning; DROP SCHEMA IF EXISTS {schema} CASCADE"
                ))
                .unwrap();
        }
    }

    fn other(&self) -> String {
        format!("{}_b", self.organization)
    }
}

pub(crate) fn object(toml: &str) -> Object {
    Object::from_toml(toml).unwrap()
}

pub(crate) fn column(object: &Object, name: &str) -> ColumnIndex {
    object.column(name).unwrap_or_else(|| panic!("no column {name}"))
}

pub(crate) fn columns(object: &Object, names: &[&str]) -> Vec<ColumnIndex> {
    names.iter().map(|name| column(object, name)).collect()
}

fn arrays(object: &Object, columns: &[ColumnIndex], rows: &[Vec<Option<&str>>]) -> Vec<ArrayRef> {
    columns
        .iter()
        .enumerate()
        .map(|(at, &column)| {
            column_from_text(object.columns[column].value_type, rows.iter().map(|row| row[at]))
        })
        .collect()
}

/// Records of canonical texts, not yet written.
pub(crate) fn new_records(
    object: &Object,
    first_id: i64,
    names: &[&str],
    rows: &[Vec<Option<&str>>],
) -> NewRecords {
    let columns = columns(object, names);
    let values = arrays(object, &columns, rows);
    NewRecords { first_id, columns, values, len: rows.len(), now: NOW, import_id: Some(7) }
}

/// Makes records of canonical texts; returns the first id.
pub(crate) fn insert(
    store: &mut dyn Store,
    object: &Object,
    names: &[&str],
    rows: &[Vec<Option<&str>>],
) -> i64 {
    let first_id = store.reserve_ids(object, rows.len() as u64).unwrap();
    store.insert(object, &new_records(object, first_id, names, rows)).unwrap();
    first_id
}

/// Makes records with just a name.
pub(crate) fn insert_named(store: &mut dyn Store, object: &Object, names: &[&str]) -> i64 {
    insert(store, object, &["name"], &names.iter().map(|name| vec![Some(*name)]).collect::<Vec<_>>())
}

/// A change of some columns to canonical texts.
pub(crate) fn change(
    object: &Object,
    records: &[(i64, i64)],
    names: &[&str],
    rows: &[Vec<Option<&str>>],
) -> ChangedRecords {
    let columns = columns(object, names);
    ChangedRecords {
        ids: records.iter().map(|(id, _)| *id).collect(),
        expected_versions: records.iter().map(|(_, version)| *version).collect(),
        values: arrays(object, &columns, rows),
        columns,
        stamp: Stamp::Change { now: NOW + 1, import_id: Some(8) },
    }
}

/// The canonical texts of some columns of the records a query finds; `∅` for an empty cell.
pub(crate) fn read(store: &mut dyn Store, object: &Object, query: &Query, names: &[&str]) -> Vec<String> {
    let columns = columns(object, names);
    let mut lines = Vec::new();
    store
        .read(object, query, &columns, 3, &mut |batch| {
            lines.extend(lines_of(object, &columns, &batch));
            Ok(())
        })
        .unwrap();
    lines
}

fn lines_of(object: &Object, columns: &[ColumnIndex], batch: &RecordBatch) -> Vec<String> {
    let cell = |at: usize, row: usize| {
        let value_type = object.columns[columns[at]].value_type;
        text_of(value_type, Arc::as_ref(batch.column(at)), row).unwrap_or_else(|| "∅".to_owned())
    };
    (0..batch.num_rows())
        .map(|row| (0..columns.len()).map(|at| cell(at, row)).collect::<Vec<_>>().join("|"))
        .collect()
}

/// One comparison.
pub(crate) fn compare(object: &Object, name: &str, operator: Operator, values: &[&str]) -> Filter {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Filter::Compare { column: column(object, name), operator, values }
}

/// A query with only a filter.
pub(crate) fn with_filter(filter: Filter) -> Query {
    Query { filter: Some(filter), ..Query::default() }
}
