//! The audit log: lines are appended, never changed.

use dray_model::Result;
use dray_model::catalog::AuditEntry;

use super::objects::next_id;
use crate::driver::{Driver, SqlValue};

/// The name under which the lines are counted; no object can have it.
const AUDIT_IDS: &str = "dray_audit";

const COLUMNS: &str = "id, at, actor, action, subject, address, request_id, status, payload_bytes, details";

/// Adds a line.
pub(crate) fn append(driver: &mut impl Driver, entry: &AuditEntry) -> Result<()> {
    let id = next_id(driver, AUDIT_IDS)?;
    let places: Vec<String> = (1..=10).map(|number| format!("${number}")).collect();
    let sql =
        driver.statement(&format!("INSERT INTO @dray_audit ({COLUMNS}) VALUES ({})", places.join(", ")));
    let text = |text: &str| SqlValue::Text(text.to_owned());
    let values = [
        SqlValue::Integer(id),
        SqlValue::Integer(entry.at),
        text(&entry.actor),
        text(&entry.action),
        text(&entry.subject),
        text(&entry.address),
        text(&entry.request_id),
        SqlValue::Integer(entry.status),
        SqlValue::Integer(entry.payload_bytes),
        text(&entry.details),
    ];
    driver.execute(&sql, &values)?;
    Ok(())
}

/// The newest lines first.
pub(crate) fn list(driver: &mut impl Driver, before: Option<i64>, limit: u64) -> Result<Vec<AuditEntry>> {
    let sql = driver
        .statement(&format!("SELECT {COLUMNS} FROM @dray_audit WHERE id < $1 ORDER BY id DESC LIMIT $2"));
    let limit = SqlValue::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
    let mut found = Vec::new();
    driver.query(&sql, &[SqlValue::Integer(before.unwrap_or(i64::MAX)), limit], &mut |row| {
        let text = |index: usize| row.get(index).and_then(SqlValue::as_text).unwrap_or_default().to_owned();
        let integer = |index: usize| row.get(index).and_then(SqlValue::as_integer).unwrap_or(0);
        found.push(AuditEntry {
            id: integer(0),
            at: integer(1),
            actor: text(2),
            action: text(3),
            subject: text(4),
            address: text(5),
            request_id: text(6),
            status: integer(7),
            payload_bytes: integer(8),
            details: text(9),
        });
        Ok(())
    })?;
    Ok(found)
}
