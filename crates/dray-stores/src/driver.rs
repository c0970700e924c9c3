//! The small face both databases wear. Everything above it is written once.

use std::time::Duration;

use arrow_array::ArrayRef;
use dray_model::Result;
use dray_model::object::Column;

use crate::cells::{ReadBatch, StoredColumn};
use crate::dialect::{Dialect, quote};

/// A parameter or a cell of Dray's own tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SqlValue {
    Null,
    Integer(i64),
    Boolean(bool),
    Text(String),
    Blob(Vec<u8>),
    /// A list for `= ANY(…)`, where the dialect knows lists.
    TextList(Vec<String>),
}

impl SqlValue {
    /// A text that may be missing.
    pub(crate) fn optional_text(text: Option<&str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.to_owned()))
    }

    /// An integer that may be missing.
    pub(crate) fn optional_integer(integer: Option<i64>) -> Self {
        integer.map_or(Self::Null, Self::Integer)
    }

    /// The integer in this cell.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    /// The text in this cell.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Rows to change, by id, where their version is still the expected one.
#[derive(Debug)]
pub(crate) struct RecordUpdate<'a> {
    /// Columns written.
    pub(crate) columns: &'a [StoredColumn],
    /// Their new values.
    pub(crate) values: &'a [ArrayRef],
    /// Ids.
    pub(crate) ids: &'a [i64],
    /// The version each must still have.
    pub(crate) expected_versions: &'a [i64],
    /// The order in which the rows above are visited: ascending ids keep the pages touched together.
    pub(crate) order: &'a [usize],
}

/// Visits what is read, batch by batch.
pub(crate) type BatchVisitor<'a> = &'a mut dyn FnMut(ReadBatch) -> Result<()>;

/// A connection to a database: one session, one transaction at a time. Parameters are `$1`, `$2` …,
/// numbered by first appearance.
pub(crate) trait Driver: Send {
    /// How this database spells SQL.
    fn dialect(&self) -> Dialect;

    /// The table's or index's name as statements say it.
    fn qualified(&self, name: &str) -> String {
        quote(name)
    }

    /// The table's name as the parameter of [`Dialect::columns_of_table`] and its sibling.
    fn catalog_name(&self, name: &str) -> String {
        name.to_owned()
    }

    /// A statement on Dray's own tables, in which `@name` stands for the qualified name of one.
    fn statement(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 32);
        let mut parts = template.split('@');
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            out.push_str(&self.qualified(name));
            out.push_str(rest);
        }
        out
    }

    /// Runs a statement; returns how many rows it changed.
    fn execute(&mut self, sql: &str, parameters: &[SqlValue]) -> Result<u64>;

    /// Runs a query and visits its rows.
    fn query(
        &mut self,
        sql: &str,
        parameters: &[SqlValue],
        visit: &mut dyn FnMut(&[SqlValue]) -> Result<()>,
    ) -> Result<()>;

    /// Begins a transaction that may write.
    fn begin(&mut self) -> Result<()>;
    /// Commits it.
    fn commit(&mut self) -> Result<()>;
    /// From now on, or no longer, a commit is on the disk before it returns, so that not even a machine that loses its
    /// power takes it back. Not within a transaction.
    fn flush_commits(&mut self, flush: bool) -> Result<()>;
    /// Undoes it; nothing is said where there is none or the connection is gone.
    fn rollback(&mut self);
    /// True between begin and its end.
    fn in_transaction(&self) -> bool;

    /// Makes the place where this organization's tables stand, inside a transaction in which no other
    /// session does the same.
    fn prepare_place(&mut self) -> Result<()>;

    /// Calls this session by a name of its schema, and ends every other that has it: one that was left
    /// behind by a process which may wake up.
    fn end_other_sessions(&mut self, name: &str) -> Result<()>;
    /// The time by the clock of the database, in microseconds since the epoch.
    fn time(&mut self) -> Result<i64>;
    /// Wakes those who wait for news of this kind in other processes, once the transaction is committed.
    fn tell(&mut self, news: &str) -> Result<()>;

    /// Takes the lock of this name, waiting at most `wait`.
    fn lock(&mut self, name: &str, wait: Duration) -> Result<()>;
    /// Gives the lock back.
    fn unlock(&mut self, name: &str) -> Result<()>;

    /// Inserts rows, given column by column.
    fn insert(&mut self, table: &str, columns: &[StoredColumn], values: &[ArrayRef]) -> Result<()>;

    /// Lets changes that leave a record's version as it is pass as they are, until told otherwise or the
    /// transaction ends; else the database raises the version.
    fn let_versions_stay(&mut self, stay: bool) -> Result<()>;

    /// Changes rows; returns how many.
    fn update(&mut self, table: &str, update: &RecordUpdate<'_>) -> Result<u64>;

    /// Runs `sql`, whose only parameter is one key or all of them ([`Dialect::key_probe`]), for `keys`,
    /// canonical texts of `columns[0]`; hands all rows over in one batch.
    fn find(&mut self, sql: &str, keys: &[&str], columns: &[StoredColumn]) -> Result<ReadBatch>;

    /// Runs a query and visits its rows in batches of about `batch_rows`, or fewer where they are long.
    fn read(
        &mut self,
        sql: &str,
        parameters: &[SqlValue],
        columns: &[StoredColumn],
        batch_rows: usize,
        visit: BatchVisitor<'_>,
    ) -> Result<()>;

    /// Runs a statement that makes an index on `column`; an error of its own where records are in the way.
    fn create_index(&mut self, table: &str, column: &Column, sql: &str) -> Result<()>;

    /// Roughly how many rows a large table has.
    fn estimate_rows(&mut self, table: &str) -> Result<u64>;
}

/// The first cell of the first row, or null.
pub(crate) fn query_value(driver: &mut impl Driver, sql: &str, parameters: &[SqlValue]) -> Result<SqlValue> {
    let mut found = SqlValue::Null;
    driver.query(sql, parameters, &mut |row| {
        if let (SqlValue::Null, Some(value)) = (&found, row.first()) {
            found = value.clone();
        }
        Ok(())
    })?;
    Ok(found)
}

/// The first cells of all rows, as texts.
pub(crate) fn query_texts(
    driver: &mut impl Driver,
    sql: &str,
    parameters: &[SqlValue],
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    driver.query(sql, parameters, &mut |row| {
        found.extend(row.first().and_then(SqlValue::as_text).map(str::to_owned));
        Ok(())
    })?;
    Ok(found)
}
