//! Reads rows straight into column builders.

use std::borrow::Cow;
use std::path::Path;

use dray_model::object::Column;
use dray_model::value::{ValueType, append_integer, parse_date, parse_datetime, parse_time};
use dray_model::{Error, Result};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement};

use super::errors;
use super::load::bind_decimal;
use crate::cells::{BatchBuilder, ColumnBuilder, ReadBatch, StoredColumn};
use crate::decimal;
use crate::dialect::{Dialect, quote};
use crate::errors::unreadable_cell;

/// Why a row could not be read.
pub(super) enum ReadFailure {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// A cell is not of its column's type.
    Cell(Error),
}

impl ReadFailure {
    /// The error for people.
    pub(super) fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Sqlite(cause) => errors::describe(path, cause),
            Self::Cell(error) => error,
        }
    }
}

/// Appends the current row to the batch.
pub(super) fn append_row(
    batch: &mut BatchBuilder,
    columns: &[StoredColumn],
    row: &Row<'_>,
) -> std::result::Result<(), ReadFailure> {
    for (index, (builder, column)) in batch.columns.iter_mut().zip(columns).enumerate() {
        let value = row.get_ref(index).map_err(ReadFailure::Sqlite)?;
        append_cell(builder, column, value).map_err(ReadFailure::Cell)?;
    }
    batch.rows += 1;
    Ok(())
}

fn append_cell(builder: &mut ColumnBuilder, column: &StoredColumn, value: ValueRef<'_>) -> Result<()> {
    let text = match (&mut *builder, value) {
        (_, ValueRef::Null) => {
            builder.append_null();
            return Ok(());
        }
        (ColumnBuilder::Integer(builder), ValueRef::Integer(integer)) => {
            builder.append_value(integer);
            return Ok(());
        }
        (ColumnBuilder::Boolean(builder), ValueRef::Integer(integer)) => {
            builder.append_value(integer != 0);
            return Ok(());
        }
        (ColumnBuilder::Text(builder), ValueRef::Integer(_) | ValueRef::Real(_)) => {
            append_number(builder, column, value);
            return Ok(());
        }
        (_, ValueRef::Text(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            // Not written by Dray; shown as far as it can be.
            Err(_) => String::from_utf8_lossy(bytes),
        },
        (_, other) => return Err(unreadable(column, other)),
    };
    let parsed = match builder {
        ColumnBuilder::Text(builder) if column.value_type == ValueType::Decimal => {
            let mut canonical = String::with_capacity(text.len());
            decimal::append_canonical(&text, column.scale, &mut canonical);
            builder.append_value(&canonical);
            Some(())
        }
        ColumnBuilder::Text(builder) => {
            builder.append_value(&text);
            Some(())
        }
        ColumnBuilder::Integer(builder) => text.parse().ok().map(|integer| builder.append_value(integer)),
        ColumnBuilder::Boolean(_) => None,
        ColumnBuilder::Date(builder) => {
            parse_date(&text).and_then(|days| i32::try_from(days).ok()).map(|days| builder.append_value(days))
        }
        ColumnBuilder::DateTime(builder) => parse_datetime(&text).map(|micros| builder.append_value(micros)),
        ColumnBuilder::Time(builder) => parse_time(&text).map(|micros| builder.append_value(micros)),
    };
    parsed.ok_or_else(|| unreadable(column, value))
}

fn append_number(
    builder: &mut arrow_array::builder::StringBuilder,
    column: &StoredColumn,
    value: ValueRef<'_>,
) {
    let mut number = String::new();
    match value {
        ValueRef::Integer(integer) => append_integer(integer, &mut number),
        ValueRef::Real(real) => number = real.to_string(),
        _ => {}
    }
    if column.value_type == ValueType::Decimal {
        let mut canonical = String::with_capacity(number.len() + 4);
        decimal::append_canonical(&number, column.scale, &mut canonical);
        number = canonical;
    }
    builder.append_value(&number);
}

fn unreadable(column: &StoredColumn, value: ValueRef<'_>) -> Error {
    let found = match value {
        ValueRef::Null => "nothing".to_owned(),
        ValueRef::Integer(integer) => format!("the number {integer}"),
        ValueRef::Real(real) => format!("the number {real}"),
        ValueRef::Text(text) => {
            format!("the text `{}`", dray_model::problem::shown(&String::from_utf8_lossy(text)))
        }
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    };
    unreadable_cell(&column.name, &column.value_type, &found)
}

/// Runs a prepared query once for each key, in key order, which visits the index from left to right.
pub(super) fn find(
    connection: &Connection,
    path: &Path,
    sql: &str,
    keys: &[&str],
    columns: &[StoredColumn],
) -> Result<ReadBatch> {
    let failed = |cause| errors::describe(path, cause);
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let mut batch = BatchBuilder::new(columns);
    // One snapshot for all keys: otherwise each would take and give back the locks of the file.
    let snapshot = match connection.is_autocommit() {
        true => Some(connection.unchecked_transaction().map_err(failed)?),
        false => None,
    };
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    for key in sorted {
        if !bind_key(&mut statement, columns[0].value_type, key).map_err(failed)? {
            continue;
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            append_row(&mut batch, columns, row).map_err(|failure| failure.into_error(path))?;
        }
    }
    drop(statement);
    if let Some(snapshot) = snapshot {
        snapshot.commit().map_err(failed)?;
    }
    Ok(batch.finish())
}

/// Binds a key given as canonical text; false where it is no value of the type, so that nothing can match.
fn bind_key(statement: &mut Statement<'_>, value_type: ValueType, key: &str) -> rusqlite::Result<bool> {
    match value_type {
        ValueType::Integer => match key.parse::<i64>() {
            Ok(integer) => statement.raw_bind_parameter(1, integer)?,
            Err(_) => return Ok(false),
        },
        ValueType::Boolean => statement.raw_bind_parameter(1, key == "true")?,
        ValueType::Decimal => bind_decimal(statement, 1, key)?,
        _ => statement.raw_bind_parameter(1, key)?,
    }
    Ok(true)
}

/// A query for one value that at least two records share.
pub(super) fn duplicate_key_query(table: &str, column: &Column) -> String {
    format!(
        "SELECT CAST({name} AS TEXT) FROM {table} WHERE {name} IS NOT NULL \
         GROUP BY {key} HAVING count(*) > 1 LIMIT 1",
        name = quote(&column.name),
        table = quote(table),
        key = Dialect::Sqlite.key_expression(column),
    )
}
