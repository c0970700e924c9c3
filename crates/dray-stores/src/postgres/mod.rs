//! The PostgreSQL driver: one schema for each organization, one connection.

mod encode;
mod errors;
mod load;
mod read;
mod connect;

pub(crate) use connect::listen;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use arrow_array::ArrayRef;
use dray_model::object::Column;
use dray_model::{Error, Result};
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use postgres::{Client, Statement};

use crate::cells::{BatchBuilder, ReadBatch, StoredColumn};
use crate::dialect::{Dialect, quote};
use crate::driver::{BatchVisitor, Driver, RecordUpdate, SqlValue};
use crate::errors::object_locked;

/// After how long a lock that someone else holds is asked for again: soon at first, because many work with
/// an object for milliseconds, later at most so often.
const LOCK_POLL: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// Prepared statements kept at most: one import of a wide object with references needs a few dozen.
const PREPARED_STATEMENTS: usize = 200;

/// How the driver's library hands on what went wrong while a value was converted.
type BoxedError = Box<dyn std::error::Error + Sync + Send>;

/// A connection to a server.
pub(crate) struct PostgresDriver {
    client: Client,
    /// The organization's schema.
    schema: String,
    /// The server and database, for messages; never with the password.
    place: String,
    statements: HashMap<String, Statement>,
    in_transaction: bool,
    locks: HashSet<String>,
}

impl PostgresDriver {
    fn failed(&self, cause: postgres::Error) -> Error {
        errors::describe(&self.place, cause)
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= PREPARED_STATEMENTS {
            self.statements.clear();
        }
        let statement = self.client.prepare(sql).map_err(|cause| self.failed(cause))?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn control(&mut self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).map_err(|cause| self.failed(cause))
    }

    /// Two numbers that stand for a lock's name in this schema.
    fn lock_numbers(&self, name: &str) -> [SqlValue; 2] {
        [&self.schema, name].map(|text| SqlValue::Integer(i64::from(errors::stable_hash(text))))
    }

    fn lock_holder(&mut self, numbers: &[SqlValue; 2]) -> Option<String> {
        let sql = "SELECT 'server process ' || l.pid || coalesce(' of ' || nullif(a.application_name, ''), '') \
                   || coalesce(' from ' || host(a.client_addr), '') \
                   FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) \
                   WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 \
                   AND l.classid::bigint = $1::bigint & 4294967295 AND l.objid::bigint = $2::bigint & 4294967295";
        let mut holder = None;
        let _ = self.query(sql, numbers, &mut |row| {
            holder = row.first().and_then(SqlValue::as_text).map(str::to_owned);
            Ok(())
        });
        holder
    }
}

impl ToSql for SqlValue {
    fn to_sql(&self, column_type: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, BoxedError> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(integer) => match *column_type {
                Type::INT4 => i32::try_from(*integer)?.to_sql(column_type, out),
                Type::INT8 => integer.to_sql(column_type, out),
                _ => Err(format!("an integer cannot be sent as {column_type}").into()),
            },
            Self::Boolean(boolean) => boolean.to_sql(column_type, out),
            Self::Text(text) => text.to_sql(column_type, out),
            Self::Blob(bytes) => bytes.as_slice().to_sql(column_type, out),
            Self::TextList(texts) => texts.to_sql(column_type, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for SqlValue {
    fn from_sql(column_type: &Type, raw: &'a [u8]) -> std::result::Result<Self, BoxedError> {
        Ok(match *column_type {
            Type::INT8 => Self::Integer(i64::from_sql(column_type, raw)?),
            Type::INT4 => Self::Integer(i64::from(i32::from_sql(column_type, raw)?)),
            Type::BOOL => Self::Boolean(bool::from_sql(column_type, raw)?),
            Type::BYTEA => Self::Blob(raw.to_vec()),
            _ => Self::Text(String::from_utf8_lossy(raw).into_owned()),
        })
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Self, BoxedError> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Driver for PostgresDriver {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn qualified(&self, name: &str) -> String {
        format!("{}.{}", quote(&self.schema), quote(name))
    }

    fn catalog_name(&self, name: &str) -> String {
        self.qualified(name)
    }

    fn execute(&mut self, sql: &str, parameters: &[SqlValue]) -> Result<u64> {
        if parameters.is_empty() {
            // Statements without parameters are mostly DDL, which gains nothing from being prepared.
            return self.client.execute(sql, &[]).map_err(|cause| self.failed(cause));
        }
        let statement = self.prepared(sql)?;
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|value| value as _).collect();
        self.client.execute(&statement, &parameters).map_err(|cause| self.failed(cause))
    }

    fn query(
        &mut self,
        sql: &str,
        parameters: &[SqlValue],
        visit: &mut dyn FnMut(&[SqlValue]) -> Result<()>,
    ) -> Result<()> {
        let statement = self.prepared(sql)?;
        let place = &self.place;
        let failed = |cause| errors::describe(place, cause);
        let mut rows = self.client.query_raw(&statement, parameters).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let mut cells = Vec::with_capacity(row.len());
            for index in 0..row.len() {
                cells.push(row.try_get::<_, SqlValue>(index).map_err(failed)?);
            }
            visit(&cells)?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        self.control("BEGIN")?;
        self.in_transaction = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.control("COMMIT")?;
        self.in_transaction = false;
        Ok(())
    }

    fn flush_commits(&mut self, _flush: bool) -> Result<()> {
        // The server always does, unless its administrator says otherwise.
        Ok(())
    }

    fn rollback(&mut self) {
        if self.in_transaction {
            self.in_transaction = false;
            let _ = self.client.batch_execute("ROLLBACK");
        }
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    fn prepare_place(&mut self) -> Result<()> {
        let numbers = self.lock_numbers("");
        self.execute("SELECT pg_catalog.pg_advisory_xact_lock($1::int, $2::int)", &numbers)?;
        // `IF NOT EXISTS` would ask for the right to make schemas even where there is nothing to make.
        let known = crate::driver::query_texts(
            self,
            "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname = $1",
            &[SqlValue::Text(self.schema.clone())],
        )?;
        if known.is_empty() {
            self.control(&format!("CREATE SCHEMA {}", quote(&self.schema)))?;
        }
        Ok(())
    }

    fn end_other_sessions(&mut self, name: &str) -> Result<()> {
        // A name of a session has at most 63 bytes.
        let name = format!("dray {name} of {:08x}", errors::stable_hash(&self.schema));
        self.execute(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
             WHERE application_name = $1 AND datname = pg_catalog.current_database() \
             AND pid <> pg_catalog.pg_backend_pid()",
            &[SqlValue::Text(name.clone())],
        )?;
        self.execute("SELECT pg_catalog.set_config('application_name', $1, false)", &[SqlValue::Text(name)])?;
        Ok(())
    }

    fn time(&mut self) -> Result<i64> {
        let sql = "SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint";
        match crate::driver::query_value(self, sql, &[])? {
            SqlValue::Integer(time) => Ok(time),
            other => Err(Error::store(format!("the server's clock says `{other:?}`"))),
        }
    }

    fn tell(&mut self, news: &str) -> Result<()> {
        self.execute("SELECT pg_catalog.pg_notify($1, '')", &[SqlValue::Text(news.to_owned())])?;
        Ok(())
    }

    fn lock(&mut self, name: &str, wait: Duration) -> Result<()> {
        if self.locks.contains(name) {
            return Ok(());
        }
        let numbers = self.lock_numbers(name);
        let deadline = Instant::now() + wait;
        let [mut pause, longest] = LOCK_POLL;
        loop {
            let sql = "SELECT pg_catalog.pg_try_advisory_lock($1::int, $2::int)";
            if crate::driver::query_value(self, sql, &numbers)? == SqlValue::Boolean(true) {
                self.locks.insert(name.to_owned());
                return Ok(());
            }
            if Instant::now() >= deadline {
                let holder = self.lock_holder(&numbers);
                return Err(object_locked(name, holder.as_deref(), wait.as_secs()));
            }
            std::thread::sleep(pause);
            pause = (pause * 5 / 4).min(longest);
        }
    }

    fn unlock(&mut self, name: &str) -> Result<()> {
        if self.locks.remove(name) {
            let numbers = self.lock_numbers(name);
            self.execute("SELECT pg_catalog.pg_advisory_unlock($1::int, $2::int)", &numbers)?;
        }
        Ok(())
    }

    fn insert(&mut self, table: &str, columns: &[StoredColumn], values: &[ArrayRef]) -> Result<()> {
        self.copy_in(table, columns, values)
    }

    fn let_versions_stay(&mut self, stay: bool) -> Result<()> {
        let word = SqlValue::Text(if stay { "on" } else { "off" }.to_owned());
        let sql = "SELECT pg_catalog.set_config('dray.versions_stay', $1, true)";
        crate::driver::query_value(self, sql, &[word]).map(|_| ())
    }

    fn update(&mut self, table: &str, update: &RecordUpdate<'_>) -> Result<u64> {
        self.update_by_arrays(table, update)
    }

    fn find(&mut self, sql: &str, keys: &[&str], columns: &[StoredColumn]) -> Result<ReadBatch> {
        let statement = self.prepared(sql)?;
        let place = &self.place;
        let failed = |cause| errors::describe(place, cause);
        let keys = load::KeyList::new(columns[0].value_type, keys);
        let mut rows = self.client.query_raw(&statement, [&keys]).map_err(failed)?;
        let mut batch = BatchBuilder::new(columns);
        while let Some(row) = rows.next().map_err(failed)? {
            read::append_row(&mut batch, columns, &row)?;
        }
        Ok(batch.finish())
    }

    fn read(
        &mut self,
        sql: &str,
        parameters: &[SqlValue],
        columns: &[StoredColumn],
        batch_rows: usize,
        visit: BatchVisitor<'_>,
    ) -> Result<()> {
        let statement = self.prepared(sql)?;
        let place = &self.place;
        let failed = |cause| errors::describe(place, cause);
        let mut rows = self.client.query_raw(&statement, parameters).map_err(failed)?;
        let mut batch = BatchBuilder::new(columns);
        while let Some(row) = rows.next().map_err(failed)? {
            read::append_row(&mut batch, columns, &row)?;
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
        self.client
            .batch_execute(sql)
            .map_err(|cause| errors::describe_index(&self.place, table, &column.name, cause))
    }

    fn estimate_rows(&mut self, table: &str) -> Result<u64> {
        // As the planner estimates: rows a page when last analyzed, or a guess of 40, times the pages now.
        let sql = "SELECT (CASE WHEN relpages > 0 AND reltuples > 0 THEN reltuples / relpages ELSE 40 END \
                   * pg_catalog.pg_relation_size(oid) / current_setting('block_size')::float8)::bigint \
                   FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)";
        let name = SqlValue::Text(self.catalog_name(table));
        let rows = crate::driver::query_value(self, sql, &[name])?;
        Ok(rows.as_integer().and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0))
    }
}
