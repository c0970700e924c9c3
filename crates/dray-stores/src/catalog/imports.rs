//! Imports and the ranges of records they created.

use dray_model::catalog::ImportQuery;
use dray_model::flow::{CreatedRange, Import, ImportStatus};
use dray_model::ledger::{Fate, Ledger};
use dray_model::{Error, Result};

use super::objects::next_id;
use crate::driver::{Driver, SqlValue, query_value};

/// The name under which the numbers of imports are counted; no object can have it.
const IMPORT_IDS: &str = "dray_import";

const COLUMNS: &str = "id, object, source, fingerprint, status, checkpoint, started_at, finished_at, undo_of, \
    message, rows_read, created, updated, unchanged, duplicate, filtered, rejected, conflicted, not_reached";

/// Keeps a new import; returns its number.
pub(crate) fn create(driver: &mut impl Driver, import: &Import) -> Result<i64> {
    let id = next_id(driver, IMPORT_IDS)?;
    let places: Vec<String> = (1..=19).map(|number| format!("${number}")).collect();
    let sql = format!("INSERT INTO @dray_import ({COLUMNS}) VALUES ({})", places.join(", "));
    let mut values = vec![
        SqlValue::Integer(id),
        SqlValue::Text(import.object.clone()),
        SqlValue::Text(import.source.clone()),
        SqlValue::Text(import.fingerprint.clone()),
        SqlValue::Text(import.status.word().to_owned()),
        SqlValue::optional_text(import.checkpoint.as_deref()),
        SqlValue::Integer(import.started_at),
        SqlValue::optional_integer(import.finished_at),
        SqlValue::optional_integer(import.undo_of),
        SqlValue::optional_text(import.message.as_deref()),
    ];
    values.extend(ledger_values(&import.ledger));
    let sql = driver.statement(&sql);
    driver.execute(&sql, &values)?;
    Ok(id)
}

/// Writes what may change of an import.
pub(crate) fn save(driver: &mut impl Driver, import: &Import) -> Result<()> {
    let sql = driver.statement(
        "UPDATE @dray_import SET status = $1, checkpoint = $2, finished_at = $3, message = $4, rows_read = $5, \
         created = $6, updated = $7, unchanged = $8, duplicate = $9, filtered = $10, rejected = $11, \
         conflicted = $12, not_reached = $13 WHERE id = $14",
    );
    let mut values = vec![
        SqlValue::Text(import.status.word().to_owned()),
        SqlValue::optional_text(import.checkpoint.as_deref()),
        SqlValue::optional_integer(import.finished_at),
        SqlValue::optional_text(import.message.as_deref()),
    ];
    values.extend(ledger_values(&import.ledger));
    values.push(SqlValue::Integer(import.id));
    if driver.execute(&sql, &values)? == 0 {
        return Err(Error::store(format!("there is no import {} any more", import.id)));
    }
    Ok(())
}

/// One import.
pub(crate) fn find(driver: &mut impl Driver, id: i64) -> Result<Option<Import>> {
    let condition = "WHERE id = $1";
    Ok(select(driver, condition, &[SqlValue::Integer(id)])?.into_iter().next())
}

/// The newest imports first.
pub(crate) fn list(driver: &mut impl Driver, object: Option<&str>, limit: u64) -> Result<Vec<Import>> {
    let limit = SqlValue::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
    match object {
        None => select(driver, "ORDER BY id DESC LIMIT $1", &[limit]),
        Some(object) => {
            let object = SqlValue::Text(object.to_owned());
            select(driver, "WHERE object = $1 ORDER BY id DESC LIMIT $2", &[object, limit])
        }
    }
}

/// The newest imports first, those that a query asks for.
pub(crate) fn query(driver: &mut impl Driver, query: &ImportQuery) -> Result<Vec<Import>> {
    let mut values = vec![SqlValue::Integer(query.before.unwrap_or(i64::MAX))];
    let mut condition = "WHERE id < $1".to_owned();
    for (column, text) in [("object =", &query.object), ("source <>", &query.without_source)] {
        if let Some(text) = text {
            values.push(SqlValue::Text(text.clone()));
            condition.push_str(&format!(" AND {column} ${}", values.len()));
        }
    }
    values.push(SqlValue::Integer(i64::try_from(query.limit).unwrap_or(i64::MAX)));
    condition.push_str(&format!(" ORDER BY id DESC LIMIT ${}", values.len()));
    select(driver, &condition, &values)
}

/// The newest import with this fingerprint.
pub(crate) fn find_by_fingerprint(
    driver: &mut impl Driver,
    object: &str,
    fingerprint: &str,
) -> Result<Option<Import>> {
    let condition = "WHERE object = $1 AND fingerprint = $2 ORDER BY id DESC LIMIT 1";
    let values = [SqlValue::Text(object.to_owned()), SqlValue::Text(fingerprint.to_owned())];
    Ok(select(driver, condition, &values)?.into_iter().next())
}

/// Keeps a range of created records, or lengthens the one that begins there.
pub(crate) fn save_range(driver: &mut impl Driver, import_id: i64, range: &CreatedRange) -> Result<()> {
    let lengthen = driver.statement(
        "UPDATE @dray_created_range SET last_id = $1 WHERE import_id = $2 AND object = $3 AND first_id = $4",
    );
    let values = [
        SqlValue::Integer(range.last_id),
        SqlValue::Integer(import_id),
        SqlValue::Text(range.object.clone()),
        SqlValue::Integer(range.first_id),
    ];
    if driver.execute(&lengthen, &values)? > 0 {
        return Ok(());
    }
    let last = driver.statement("SELECT max(sequence) FROM @dray_created_range WHERE import_id = $1");
    let last = query_value(driver, &last, &[SqlValue::Integer(import_id)])?.as_integer().unwrap_or(0);
    let insert = driver.statement(
        "INSERT INTO @dray_created_range (last_id, import_id, object, first_id, sequence) VALUES ($1, $2, $3, $4, $5)",
    );
    let mut values = values.to_vec();
    values.push(SqlValue::Integer(last + 1));
    driver.execute(&insert, &values)?;
    Ok(())
}

/// All ranges of an import, in order of creation.
pub(crate) fn ranges(driver: &mut impl Driver, import_id: i64) -> Result<Vec<CreatedRange>> {
    let sql = driver.statement(
        "SELECT object, first_id, last_id FROM @dray_created_range WHERE import_id = $1 ORDER BY sequence",
    );
    let mut ranges = Vec::new();
    driver.query(&sql, &[SqlValue::Integer(import_id)], &mut |row| {
        if let [SqlValue::Text(object), SqlValue::Integer(first_id), SqlValue::Integer(last_id)] = row {
            ranges.push(CreatedRange { object: object.clone(), first_id: *first_id, last_id: *last_id });
        }
        Ok(())
    })?;
    Ok(ranges)
}

fn select(driver: &mut impl Driver, condition: &str, values: &[SqlValue]) -> Result<Vec<Import>> {
    let sql = driver.statement(&format!("SELECT {COLUMNS} FROM @dray_import {condition}"));
    let mut imports = Vec::new();
    driver.query(&sql, values, &mut |row| {
        imports.push(import_of(row)?);
        Ok(())
    })?;
    Ok(imports)
}

fn import_of(row: &[SqlValue]) -> Result<Import> {
    let text = |index: usize| row.get(index).and_then(SqlValue::as_text).map(str::to_owned);
    let integer = |index: usize| row.get(index).and_then(SqlValue::as_integer);
    let count = |index: usize| integer(index).and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
    let id = integer(0).unwrap_or(0);
    let word = text(4).unwrap_or_default();
    let status = ImportStatus::from_word(&word).ok_or_else(|| {
        Error::store(format!("import {id} has the status `{word}`, which this program does not know"))
            .hint("was the store used by a newer Dray?")
    })?;
    let mut ledger = Ledger::default();
    ledger.read = count(10);
    for (index, fate) in Fate::ALL.into_iter().enumerate() {
        ledger.add(fate, count(11 + index));
    }
    Ok(Import {
        id,
        object: text(1).unwrap_or_default(),
        source: text(2).unwrap_or_default(),
        fingerprint: text(3).unwrap_or_default(),
        status,
        ledger,
        checkpoint: text(5),
        started_at: integer(6).unwrap_or(0),
        finished_at: integer(7),
        undo_of: integer(8),
        message: text(9),
    })
}

/// Rows read and the count of each fate, in the order of the columns.
fn ledger_values(ledger: &Ledger) -> impl Iterator<Item = SqlValue> {
    let counts = Fate::ALL.map(|fate| ledger.count(fate));
    std::iter::once(ledger.read)
        .chain(counts)
        .map(|count| SqlValue::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
}
