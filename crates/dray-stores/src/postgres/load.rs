//! Writes many rows: COPY for new ones, one UPDATE from arrays for changed ones.

use std::io::Write as _;

use arrow_array::{Array, ArrayRef};
use dray_model::value::{ValueType, text_of};
use dray_model::{Error, Result};
use postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use super::encode::{append_bytes, append_cell, server_type};
use super::{BoxedError, PostgresDriver, errors};
use crate::cells::is_uuid;
use crate::cells::{StoredColumn, Values};
use crate::dialect::{Dialect, quote};
use crate::driver::{Driver as _, RecordUpdate};

/// Bytes sent at a time.
const CHUNK: usize = 128 * 1024;

/// What every binary COPY begins with: a signature, no flags, no header extension.
const COPY_HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

impl PostgresDriver {
    /// Inserts all rows with one COPY.
    pub(super) fn copy_in(
        &mut self,
        table: &str,
        columns: &[StoredColumn],
        values: &[ArrayRef],
    ) -> Result<()> {
        let rows = values.first().map_or(0, Array::len);
        let views = Values::of_all(columns, values)?;
        let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
        let sql = format!("COPY {} ({}) FROM STDIN (FORMAT BINARY)", self.qualified(table), names.join(", "));
        let statement = self.prepared(&sql)?;
        let width = i16::try_from(columns.len()).unwrap_or(i16::MAX).to_be_bytes();
        let place = &self.place;
        let failed = |cause| errors::describe(place, cause);
        let mut writer = self.client.copy_in(&statement).map_err(failed)?;
        let mut chunk = Vec::with_capacity(CHUNK + CHUNK / 4);
        chunk.extend_from_slice(COPY_HEADER);
        for row in 0..rows {
            chunk.extend_from_slice(&width);
            for (column, view) in columns.iter().zip(&views) {
                if !append_cell(column.value_type, *view, row, &mut chunk) {
                    return Err(not_storable(column, values, columns, row));
                }
            }
            if chunk.len() >= CHUNK {
                writer.write_all(&chunk).map_err(|cause| lost_while_writing(place, cause))?;
                chunk.clear();
            }
        }
        chunk.extend_from_slice(&(-1_i16).to_be_bytes());
        writer.write_all(&chunk).map_err(|cause| lost_while_writing(place, cause))?;
        writer.finish().map_err(failed)?;
        Ok(())
    }

    /// Changes the rows whose version is still the expected one, with one statement.
    pub(super) fn update_by_arrays(&mut self, table: &str, update: &RecordUpdate<'_>) -> Result<u64> {
        let views = Values::of_all(update.columns, update.values)?;
        let sql = update_statement(&self.qualified(table), update.columns);
        let statement = self.prepared(&sql)?;
        let mut lists = vec![
            ArrayParameter::integers(update.ids, update.order),
            ArrayParameter::integers(update.expected_versions, update.order),
        ];
        for (column, view) in update.columns.iter().zip(views) {
            let mut list = ArrayParameter::new(column.value_type, update.order.len());
            for &row in update.order {
                if !append_cell(column.value_type, view, row, &mut list.bytes) {
                    return Err(not_storable(column, update.values, update.columns, row));
                }
            }
            lists.push(list);
        }
        let parameters: Vec<&(dyn ToSql + Sync)> = lists.iter().map(|list| list as _).collect();
        self.client.execute(&statement, &parameters).map_err(|cause| self.failed(cause))
    }
}

/// `UPDATE … SET … FROM unnest(…)`: records are found by their id.
fn update_statement(table: &str, columns: &[StoredColumn]) -> String {
    let mut lists = vec!["$1::bigint[]".to_owned(), "$2::bigint[]".to_owned()];
    let mut names = vec!["id".to_owned(), "expected_version".to_owned()];
    let mut set = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        lists.push(format!("${}::{}[]", index + 3, Dialect::Postgres.column_type(column.value_type, false)));
        names.push(format!("new_{index}"));
        set.push(format!("{} = change.new_{index}", quote(&column.name)));
    }
    format!(
        "UPDATE {table} AS record SET {} FROM unnest({}) AS change({}) \
         WHERE record.id = change.id AND record.version = change.expected_version",
        set.join(", "),
        lists.join(", "),
        names.join(", ")
    )
}

/// A value that no column of the type can hold; checked values always can.
fn not_storable(column: &StoredColumn, values: &[ArrayRef], columns: &[StoredColumn], row: usize) -> Error {
    let index = columns.iter().position(|known| known.name == column.name).unwrap_or_default();
    let text = text_of(column.value_type, &values[index], row).unwrap_or_default();
    Error::store(format!(
        "`{}` cannot be stored in column `{}`, it is no {:?}",
        dray_model::problem::shown(&text),
        column.name,
        column.value_type
    ))
}

fn lost_while_writing(place: &str, cause: std::io::Error) -> Error {
    match cause.downcast::<postgres::Error>() {
        Ok(cause) => errors::describe(place, cause),
        Err(cause) => Error::store(format!("the connection to {place} was lost")).retryable().because(cause),
    }
}

/// An array in binary form, built as its elements are.
#[derive(Debug)]
struct ArrayParameter {
    bytes: Vec<u8>,
}

impl ArrayParameter {
    fn new(value_type: ValueType, length: usize) -> Self {
        let mut bytes = Vec::with_capacity(20 + length * 12);
        append_array_header(&server_type(value_type), length, &mut bytes);
        Self { bytes }
    }

    fn integers(values: &[i64], order: &[usize]) -> Self {
        let mut list = Self::new(ValueType::Integer, order.len());
        for &row in order {
            append_bytes(&values[row].to_be_bytes(), &mut list.bytes);
        }
        list
    }
}

/// One dimension, nulls allowed, the element type, the length, counting from 1.
fn append_array_header(element: &Type, length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&1_i32.to_be_bytes());
    out.extend_from_slice(&1_i32.to_be_bytes());
    out.extend_from_slice(&element.oid().to_be_bytes());
    out.extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes());
    out.extend_from_slice(&1_i32.to_be_bytes());
}

impl ToSql for ArrayParameter {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, BoxedError> {
        out.extend_from_slice(&self.bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Keys to look for, as an array of integers or of texts that the statement casts.
#[derive(Debug)]
pub(super) struct KeyList {
    list: ArrayParameter,
}

impl KeyList {
    /// Keys given as canonical text; those that are no value of the type cannot match and are left out.
    pub(super) fn new(value_type: ValueType, keys: &[&str]) -> Self {
        let mut bytes = Vec::with_capacity(20 + keys.len() * 24);
        if value_type == ValueType::Integer {
            let integers: Vec<i64> = keys.iter().filter_map(|key| key.parse().ok()).collect();
            append_array_header(&Type::INT8, integers.len(), &mut bytes);
            for integer in integers {
                append_bytes(&integer.to_be_bytes(), &mut bytes);
            }
        } else {
            let usable: Vec<&&str> = keys.iter().filter(|key| is_value(value_type, key)).collect();
            append_array_header(&Type::TEXT, usable.len(), &mut bytes);
            for key in usable {
                append_bytes(key.as_bytes(), &mut bytes);
            }
        }
        Self { list: ArrayParameter { bytes } }
    }
}

impl ToSql for KeyList {
    fn to_sql(&self, column_type: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, BoxedError> {
        self.list.to_sql(column_type, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// True where the server can read `key` as a value of the type.
fn is_value(value_type: ValueType, key: &str) -> bool {
    use dray_model::value::{parse_date, parse_datetime, parse_time};
    match value_type {
        ValueType::Integer => key.parse::<i64>().is_ok(),
        ValueType::Decimal => crate::decimal::is_decimal(key),
        ValueType::Boolean => matches!(key, "true" | "false"),
        ValueType::Date => parse_date(key).is_some(),
        ValueType::DateTime => parse_datetime(key).is_some(),
        ValueType::Time => parse_time(key).is_some(),
        ValueType::Uuid => is_uuid(key),
        ValueType::Text | ValueType::Json => !key.contains('\0'),
    }
}
