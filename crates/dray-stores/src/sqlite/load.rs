//! Writes many rows: several a statement when they are new, one prepared statement each when they change.

use std::collections::HashSet;
use std::path::Path;

use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use dray_model::Result;
use dray_model::object::key_of;
use dray_model::value::{ValueType, append_date, append_datetime, append_time, text_of};
use rusqlite::types::Null;
use rusqlite::{Connection, Statement};

use super::errors;
use crate::cells::{StoredColumn, Values};
use crate::dialect::quote;
use crate::driver::RecordUpdate;

/// Parameters of one statement at most; 8 to 32 rows a statement are fastest, more make it slower.
const PARAMETERS: usize = 320;
/// Rows of one statement at most.
const ROWS: usize = 32;

/// Inserts all rows of `values`.
pub(super) fn insert(
    connection: &Connection,
    path: &Path,
    table: &str,
    columns: &[StoredColumn],
    values: &[ArrayRef],
) -> Result<()> {
    let rows = values.first().map_or(0, Array::len);
    let views = Values::of_all(columns, values)?;
    let mut cells: Vec<CellWriter<'_>> =
        columns.iter().zip(views).map(|(column, view)| CellWriter::new(column.value_type, view)).collect();
    let together = (PARAMETERS / columns.len().max(1)).clamp(1, ROWS);
    let mut run = || -> rusqlite::Result<()> {
        let mut row = 0;
        for (size, last) in [(together, rows - rows % together), (1, rows)] {
            if row == last {
                continue;
            }
            let mut statement = connection.prepare_cached(&insert_statement(table, columns, size))?;
            while row < last {
                let mut parameter = 0;
                for row in row..row + size {
                    for cell in &mut cells {
                        parameter += 1;
                        cell.bind(&mut statement, parameter, row)?;
                    }
                }
                statement.raw_execute()?;
                row += size;
            }
            statement.clear_bindings();
        }
        Ok(())
    };
    run().map_err(|cause| match errors::unique_column(&cause) {
        Some((_, column)) => {
            let value =
                conflicting_value(connection, table, &column, columns, values, &ids_of(columns, values));
            crate::errors::not_unique(table, &column, value.as_deref()).because(cause)
        }
        None => errors::describe(path, cause),
    })
}

/// The ids among the values, where the table has any.
fn ids_of(columns: &[StoredColumn], values: &[ArrayRef]) -> Vec<i64> {
    let ids = columns.iter().position(|column| column.name == "id").map(|index| &values[index]);
    ids.and_then(|ids| ids.as_primitive_opt::<Int64Type>())
        .map(|ids| ids.values().to_vec())
        .unwrap_or_default()
}

/// Changes the rows whose version is still the expected one.
pub(super) fn update(
    connection: &Connection,
    path: &Path,
    table: &str,
    update: &RecordUpdate<'_>,
) -> Result<u64> {
    let views = Values::of_all(update.columns, update.values)?;
    let mut cells: Vec<CellWriter<'_>> = update
        .columns
        .iter()
        .zip(views)
        .map(|(column, view)| CellWriter::new(column.value_type, view))
        .collect();
    let mut changed = 0;
    let mut run = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(&update_statement(table, update.columns))?;
        for &row in update.order {
            for (index, cell) in cells.iter_mut().enumerate() {
                cell.bind(&mut statement, index + 1, row)?;
            }
            statement.raw_bind_parameter(cells.len() + 1, update.ids[row])?;
            statement.raw_bind_parameter(cells.len() + 2, update.expected_versions[row])?;
            changed += statement.raw_execute()? as u64;
        }
        statement.clear_bindings();
        Ok(())
    };
    run().map_err(|cause| match errors::unique_column(&cause) {
        Some((_, column)) => {
            let value =
                conflicting_value(connection, table, &column, update.columns, update.values, update.ids);
            crate::errors::not_unique(table, &column, value.as_deref()).because(cause)
        }
        None => errors::describe(path, cause),
    })?;
    Ok(changed)
}

fn insert_statement(table: &str, columns: &[StoredColumn], rows: usize) -> String {
    let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    format!("INSERT INTO {} ({}) VALUES {}", quote(table), names.join(","), vec![row; rows].join(","))
}

fn update_statement(table: &str, columns: &[StoredColumn]) -> String {
    let set: Vec<String> = columns.iter().map(|column| format!("{} = ?", quote(&column.name))).collect();
    format!("UPDATE {} SET {} WHERE id = ? AND version = ?", quote(table), set.join(", "))
}

/// Binds the cells of one column. Times that repeat are not written out again.
struct CellWriter<'a> {
    value_type: ValueType,
    values: Values<'a>,
    text: String,
    text_is_of: Option<i64>,
}

impl<'a> CellWriter<'a> {
    fn new(value_type: ValueType, values: Values<'a>) -> Self {
        Self { value_type, values, text: String::new(), text_is_of: None }
    }

    fn bind(&mut self, statement: &mut Statement<'_>, parameter: usize, row: usize) -> rusqlite::Result<()> {
        match self.values {
            Values::Text(array) if array.is_null(row) => statement.raw_bind_parameter(parameter, Null),
            Values::Text(array) if self.value_type == ValueType::Decimal => {
                bind_decimal(statement, parameter, array.value(row))
            }
            Values::Text(array) => statement.raw_bind_parameter(parameter, array.value(row)),
            Values::Integer(array) if array.is_null(row) => statement.raw_bind_parameter(parameter, Null),
            Values::Integer(array) => statement.raw_bind_parameter(parameter, array.value(row)),
            Values::Boolean(array) if array.is_null(row) => statement.raw_bind_parameter(parameter, Null),
            Values::Boolean(array) => statement.raw_bind_parameter(parameter, array.value(row)),
            Values::Date(array) if array.is_null(row) => statement.raw_bind_parameter(parameter, Null),
            Values::Date(array) => {
                self.bind_text(statement, parameter, i64::from(array.value(row)), append_date)
            }
            Values::DateTime(array) if array.is_null(row) => statement.raw_bind_parameter(parameter, Null),
            Values::DateTime(array) => {
                self.bind_text(statement, parameter, array.value(row), append_datetime)
            }
            Values::Time(array) if array.is_null(row) => statement.raw_bind_parameter(parameter, Null),
            Values::Time(array) => self.bind_text(statement, parameter, array.value(row), append_time),
        }
    }

    fn bind_text(
        &mut self,
        statement: &mut Statement<'_>,
        parameter: usize,
        value: i64,
        append: fn(i64, &mut String),
    ) -> rusqlite::Result<()> {
        if self.text_is_of != Some(value) {
            self.text.clear();
            append(value, &mut self.text);
            self.text_is_of = Some(value);
        }
        statement.raw_bind_parameter(parameter, self.text.as_str())
    }
}

/// The most digits every decimal number of which a floating point number holds exactly enough to come back.
const EXACT_DIGITS: usize = 15;

/// Binds a decimal as a number where the same text comes back, as text where it would not.
pub(super) fn bind_decimal(
    statement: &mut Statement<'_>,
    parameter: usize,
    text: &str,
) -> rusqlite::Result<()> {
    let short = match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.'),
        None => text,
    };
    if short.bytes().filter(u8::is_ascii_digit).count() <= EXACT_DIGITS {
        if let Ok(integer) = short.parse::<i64>() {
            if integer.to_string() == short {
                return statement.raw_bind_parameter(parameter, integer);
            }
        } else if let Ok(real) = short.parse::<f64>()
            && real.to_string() == short
        {
            return statement.raw_bind_parameter(parameter, real);
        }
    }
    statement.raw_bind_parameter(parameter, text)
}

/// The value of `column` that is twice in the batch, or in the batch and in another record: SQLite
/// names the column only. Looks for exact repetitions first, then for those that differ in case.
fn conflicting_value(
    connection: &Connection,
    table: &str,
    column: &str,
    columns: &[StoredColumn],
    values: &[ArrayRef],
    ids: &[i64],
) -> Option<String> {
    let index = columns.iter().position(|known| known.name == column)?;
    for (caseless, collation) in [(false, "BINARY"), (true, "NOCASE")] {
        let sql = format!(
            "SELECT count(*) FROM {} WHERE {} = ?1 COLLATE {collation} AND id <> ?2",
            quote(table),
            quote(column)
        );
        let mut seen = HashSet::new();
        for row in 0..values[index].len() {
            let Some(text) = text_of(columns[index].value_type, &values[index], row) else { continue };
            let own_id = ids.get(row).copied().unwrap_or(i64::MIN);
            let stored: rusqlite::Result<i64> = connection.query_row(&sql, (&text, own_id), |row| row.get(0));
            if stored.is_ok_and(|count| count > 0) || !seen.insert(key_of(caseless, &text).into_owned()) {
                return Some(text);
            }
        }
    }
    None
}
