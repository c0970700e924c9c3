//! The SQLite driver: one file for each organization, one connection.

mod errors;
mod load;
mod read;
mod connect;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow_array::ArrayRef;
use dray_model::object::Column;
use dray_model::{Error, Result};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ToSql};

use crate::cells::{BatchBuilder, ReadBatch, StoredColumn};
use crate::dialect::Dialect;
use crate::driver::{BatchVisitor, Driver, RecordUpdate, SqlValue};
use crate::errors::{duplicates_in_the_way, object_locked};

/// After how long a lock that someone else holds is asked for again: soon at first, because many work with
/// an object for milliseconds, later at most so often.
const LOCK_POLL: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// A database file.
#[derive(Debug)]
pub(crate) struct SqliteDriver {
    connection: Connection,
    /// The database file; locks stand beside it.
    path: PathBuf,
    /// Locks held: the system gives them back when the process ends, however it ends.
    locks: HashMap<String, File>,
}

impl SqliteDriver {
    fn failed(&self, cause: rusqlite::Error) -> Error {
        errors::describe(&self.path, cause)
    }

    fn lock_path(&self, name: &str) -> PathBuf {
        self.path.with_extension(format!("{name}.lock"))
    }
}

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Integer(integer) => ToSqlOutput::Owned(Value::Integer(*integer)),
            Self::Boolean(boolean) => ToSqlOutput::Owned(Value::Integer((*boolean).into())),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::TextList(_) => {
                return Err(rusqlite::Error::ToSqlConversionFailure("SQLite knows no lists".into()));
            }
        })
    }
}

fn value_of(value: ValueRef<'_>) -> SqlValue {
    match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(integer) => SqlValue::Integer(integer),
        ValueRef::Real(real) => SqlValue::Text(real.to_string()),
        ValueRef::Text(text) => SqlValue::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_vec()),
    }
}

impl Driver for SqliteDriver {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn execute(&mut self, sql: &str, parameters: &[SqlValue]) -> Result<u64> {
        let run = || -> rusqlite::Result<usize> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.execute(rusqlite::params_from_iter(parameters))
        };
        run().map(|changed| changed as u64).map_err(|cause| self.failed(cause))
    }

    fn query(
        &mut self,
        sql: &str,
        parameters: &[SqlValue],
        visit: &mut dyn FnMut(&[SqlValue]) -> Result<()>,
    ) -> Result<()> {
        let failed = |cause| self.failed(cause);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let width = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(failed)?;
        let mut cells = Vec::with_capacity(width);
        while let Some(row) = rows.next().map_err(failed)? {
            cells.clear();
            for index in 0..width {
                cells.push(value_of(row.get_ref(index).map_err(failed)?));
            }
            visit(&cells)?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        // Taking the write lock at once: a transaction that reads first could not get it later.
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|cause| self.failed(cause))
    }

    fn commit(&mut self) -> Result<()> {
        self.connection.execute_batch("COMMIT").map_err(|cause| self.failed(cause))
    }

    fn flush_commits(&mut self, flush: bool) -> Result<()> {
        let level = if flush { "FULL" } else { "NORMAL" };
        let set = self.connection.execute_batch(&format!("PRAGMA synchronous = {level}"));
        set.map_err(|cause| self.failed(cause))
    }

    fn rollback(&mut self) {
        if self.in_transaction() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn prepare_place(&mut self) -> Result<()> {
        Ok(())
    }

    fn end_other_sessions(&mut self, _name: &str) -> Result<()> {
        // No process can end another's work on the file; the lock of the object keeps two apart.
        Ok(())
    }

    fn time(&mut self) -> Result<i64> {
        // All processes are on one machine.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
    }

    fn tell(&mut self, _news: &str) -> Result<()> {
        // Whoever waits in another process looks again by itself.
        Ok(())
    }

    fn lock(&mut self, name: &str, wait: Duration) -> Result<()> {
        if self.locks.contains_key(name) {
            return Ok(());
        }
        let path = self.lock_path(name);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|cause| errors::describe_file(&path, cause))?;
        let deadline = Instant::now() + wait;
        let [mut pause, longest] = LOCK_POLL;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(std::fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(pause);
                    pause = (pause * 5 / 4).min(longest);
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    let _ = file.read_to_string(&mut holder);
                    let holder = Some(holder.trim()).filter(|holder| !holder.is_empty());
                    return Err(object_locked(name, holder, wait.as_secs()));
                }
                Err(std::fs::TryLockError::Error(cause)) => {
                    return Err(errors::describe_file(&path, cause));
                }
            }
        }
        // Only for people: whether the lock is held never depends on what the file says.
        let _ = file.set_len(0);
        let _ = file.rewind();
        let _ = write!(file, "process {}", std::process::id());
        self.locks.insert(name.to_owned(), file);
        Ok(())
    }

    fn unlock(&mut self, name: &str) -> Result<()> {
        if let Some(file) = self.locks.remove(name) {
            let _ = file.set_len(0);
            file.unlock().map_err(|cause| errors::describe_file(&self.lock_path(name), cause))?;
        }
        Ok(())
    }

    fn insert(&mut self, table: &str, columns: &[StoredColumn], values: &[ArrayRef]) -> Result<()> {
        load::insert(&self.connection, &self.path, table, columns, values)
    }

    fn let_versions_stay(&mut self, stay: bool) -> Result<()> {
        let triggers = rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER;
        self.connection.set_db_config(triggers, !stay).map(|_| ()).map_err(|cause| self.failed(cause))
    }

    fn update(&mut self, table: &str, update: &RecordUpdate<'_>) -> Result<u64> {
        load::update(&self.connection, &self.path, table, update)
    }

    fn find(&mut self, sql: &str, keys: &[&str], columns: &[StoredColumn]) -> Result<ReadBatch> {
        read::find(&self.connection, &self.path, sql, keys, columns)
    }

    fn read(
        &mut self,
        sql: &str,
        parameters: &[SqlValue],
        columns: &[StoredColumn],
        batch_rows: usize,
        visit: BatchVisitor<'_>,
    ) -> Result<()> {
        let failed = |cause| self.failed(cause);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(failed)?;
        let mut batch = BatchBuilder::new(columns);
        while let Some(row) = rows.next().map_err(failed)? {
            read::append_row(&mut batch, columns, row).map_err(|cause| cause.into_error(&self.path))?;
            if batch.is_full(batch_rows) {
                visit(batch.finish())?;
            }
        }
        if batch.rows > 0 {
            visit(batch.finish())?;
        }
        Ok(())
    }

    fn create_index(&mut self, table: &str, column: &Column, sql: &str) -> Result<()> {
        let result = self
            .connection
            .execute_batch(connect::INDEXING)
            .and_then(|()| self.connection.execute_batch(sql));
        let _ = self.connection.execute_batch(connect::INDEXED);
        let Err(cause) = result else { return Ok(()) };
        if !errors::is_not_unique(&cause) {
            return Err(self.failed(cause));
        }
        let duplicate: Option<String> =
            self.connection.query_row(&read::duplicate_key_query(table, column), [], |row| row.get(0)).ok();
        Err(duplicates_in_the_way(table, &column.name, duplicate.as_deref()).because(cause))
    }

    fn estimate_rows(&mut self, table: &str) -> Result<u64> {
        // Each end by itself is one step in the index; both in one query would read the whole table.
        let table = self.qualified(table);
        let sql = format!("SELECT (SELECT max(id) FROM {table}) - (SELECT min(id) FROM {table}) + 1");
        self.connection
            .query_row(&sql, [], |row| row.get::<_, Option<i64>>(0))
            .map(|rows| rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0))
            .map_err(|cause| self.failed(cause))
    }
}
