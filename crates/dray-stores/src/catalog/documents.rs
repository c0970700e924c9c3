//! Documents: small things kept whole, as JSON.

use dray_model::Result;
use dray_model::catalog::Document;

use crate::driver::{Driver, SqlValue};

const COLUMNS: &str = "kind, key, version, body, created_at, updated_at";

fn text(text: &str) -> SqlValue {
    SqlValue::Text(text.to_owned())
}

/// Keeps a new document; false where there is one.
pub(crate) fn create(driver: &mut impl Driver, kind: &str, key: &str, body: &str, now: i64) -> Result<bool> {
    let sql = driver.statement(&format!(
        "INSERT INTO @dray_document ({COLUMNS}) VALUES ($1, $2, 1, $3, $4, $5) ON CONFLICT (kind, key) DO NOTHING"
    ));
    let values = [text(kind), text(key), text(body), SqlValue::Integer(now), SqlValue::Integer(now)];
    Ok(driver.execute(&sql, &values)? > 0)
}

/// Changes a document of this version; false where it has another or is gone.
pub(crate) fn replace(
    driver: &mut impl Driver,
    kind: &str,
    key: &str,
    version: i64,
    body: &str,
    now: i64,
) -> Result<bool> {
    let sql = driver.statement(
        "UPDATE @dray_document SET body = $1, updated_at = $2, version = version + 1 \
         WHERE kind = $3 AND key = $4 AND version = $5",
    );
    let values = [text(body), SqlValue::Integer(now), text(kind), text(key), SqlValue::Integer(version)];
    Ok(driver.execute(&sql, &values)? > 0)
}

/// Keeps a document whatever stood there.
pub(crate) fn save(driver: &mut impl Driver, kind: &str, key: &str, body: &str, now: i64) -> Result<()> {
    let sql = driver.statement(&format!(
        "INSERT INTO @dray_document ({COLUMNS}) VALUES ($1, $2, 1, $3, $4, $5) ON CONFLICT (kind, key) \
         DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at, version = dray_document.version + 1"
    ));
    let values = [text(kind), text(key), text(body), SqlValue::Integer(now), SqlValue::Integer(now)];
    driver.execute(&sql, &values)?;
    Ok(())
}

/// One document.
pub(crate) fn find(driver: &mut impl Driver, kind: &str, key: &str) -> Result<Option<Document>> {
    let found = select(driver, "WHERE kind = $1 AND key = $2", &[text(kind), text(key)])?;
    Ok(found.into_iter().next())
}

/// Documents of a kind in the order of their keys.
pub(crate) fn list(driver: &mut impl Driver, kind: &str, after: &str, limit: u64) -> Result<Vec<Document>> {
    let limit = SqlValue::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
    select(driver, "WHERE kind = $1 AND key > $2 ORDER BY key LIMIT $3", &[text(kind), text(after), limit])
}

/// Deletes a document; false where there is none.
pub(crate) fn delete(driver: &mut impl Driver, kind: &str, key: &str) -> Result<bool> {
    let sql = driver.statement("DELETE FROM @dray_document WHERE kind = $1 AND key = $2");
    Ok(driver.execute(&sql, &[text(kind), text(key)])? > 0)
}

/// Deletes documents of a kind last changed before a time.
pub(crate) fn delete_before(driver: &mut impl Driver, kind: &str, time: i64) -> Result<u64> {
    let sql = driver.statement("DELETE FROM @dray_document WHERE kind = $1 AND updated_at < $2");
    driver.execute(&sql, &[text(kind), SqlValue::Integer(time)])
}

fn select(driver: &mut impl Driver, condition: &str, values: &[SqlValue]) -> Result<Vec<Document>> {
    let sql = driver.statement(&format!("SELECT {COLUMNS} FROM @dray_document {condition}"));
    let mut found = Vec::new();
    driver.query(&sql, values, &mut |row| {
        let text = |index: usize| row.get(index).and_then(SqlValue::as_text).unwrap_or_default().to_owned();
        let integer = |index: usize| row.get(index).and_then(SqlValue::as_integer).unwrap_or(0);
        found.push(Document {
            kind: text(0),
            key: text(1),
            version: integer(2),
            body: text(3),
            created_at: integer(4),
            updated_at: integer(5),
        });
        Ok(())
    })?;
    Ok(found)
}
