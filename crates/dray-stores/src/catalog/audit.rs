//! The audit log: lines are appended, never changed.

use dray_model::Result;
use dray_model::catalog::{AuditEntry, AuditQuery};

use super::objects::next_id;
use crate::dialect::TextMatch;
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

/// Lines, the newest first.
pub(crate) fn list(driver: &mut impl Driver, query: &AuditQuery) -> Result<Vec<AuditEntry>> {
    let mut values = vec![SqlValue::Integer(query.before.unwrap_or(i64::MAX))];
    let mut condition = "WHERE id < $1".to_owned();
    for (column, text) in [("actor", &query.actor), ("action", &query.action), ("subject", &query.subject)] {
        if let Some(text) = text {
            values.push(SqlValue::Text(text.to_ascii_lowercase()));
            let matches = driver.dialect().matches(column, TextMatch::Contains, values.len(), true);
            condition.push_str(&format!(" AND {matches}"));
        }
    }
    for (comparison, time) in [("at >=", query.from), ("at <", query.until)] {
        if let Some(time) = time {
            values.push(SqlValue::Integer(time));
            condition.push_str(&format!(" AND {comparison} ${}", values.len()));
        }
    }
    values.push(SqlValue::Integer(i64::try_from(query.limit).unwrap_or(i64::MAX)));
    let sql = driver.statement(&format!(
        "SELECT {COLUMNS} FROM @dray_audit {condition} ORDER BY id DESC LIMIT ${}",
        values.len()
    ));
    let mut found = Vec::new();
    driver.query(&sql, &values, &mut |row| {
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
