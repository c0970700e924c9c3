//! Makes Dray's own tables and brings older ones up to date: an ordered list of steps and a version,
//! the number of steps taken.

use dray_model::{Error, Result};

use crate::driver::{Driver, SqlValue, query_value};
use crate::tables::schema::existing_columns;

/// The steps, oldest first. A step is never changed once it was released; a change is a new step.
/// `@name` is the qualified name of a table, `%bytes` the type of bytes, `%bytewise` what follows a
/// text that is ordered byte by byte, `%clustered` what follows a
/// table that is kept in the order of its key.
const STEPS: [&[&str]; 3] = [
    &[
    "CREATE TABLE @dray_object (name text NOT NULL PRIMARY KEY, definition text NOT NULL)",
    "CREATE TABLE @dray_id (object text NOT NULL PRIMARY KEY, next_id bigint NOT NULL)",
    "CREATE TABLE @dray_import (
        id bigint NOT NULL PRIMARY KEY, object text NOT NULL, source text NOT NULL, fingerprint text NOT NULL,
        status text NOT NULL, rows_read bigint NOT NULL, created bigint NOT NULL, updated bigint NOT NULL,
        unchanged bigint NOT NULL, duplicate bigint NOT NULL, filtered bigint NOT NULL, rejected bigint NOT NULL,
        conflicted bigint NOT NULL, not_reached bigint NOT NULL, checkpoint text, started_at bigint NOT NULL,
        finished_at bigint, undo_of bigint, message text)",
    "CREATE INDEX dray_import_fingerprint_idx ON @dray_import (object, fingerprint, id)",
    "CREATE TABLE @dray_created_range (
        import_id bigint NOT NULL, sequence bigint NOT NULL, object text NOT NULL, first_id bigint NOT NULL,
        last_id bigint NOT NULL, PRIMARY KEY (import_id, sequence))%clustered",
    "CREATE TABLE @dray_journal (
        import_id bigint NOT NULL, sequence bigint NOT NULL, record_id bigint NOT NULL, version bigint NOT NULL,
        updated_at bigint NOT NULL, previous_import_id bigint, before text NOT NULL,
        PRIMARY KEY (import_id, sequence))%clustered",
    "CREATE TABLE @dray_fate (
        import_id bigint NOT NULL, sequence bigint NOT NULL, first_row bigint NOT NULL, last_row bigint NOT NULL,
        runs %bytes NOT NULL, PRIMARY KEY (import_id, sequence))%clustered",
    "CREATE TABLE @dray_problem (
        import_id bigint NOT NULL, row_number bigint NOT NULL, sequence bigint NOT NULL, line bigint NOT NULL,
        source_column text, field text, code text NOT NULL, severity text NOT NULL, value text,
        message text NOT NULL, PRIMARY KEY (import_id, row_number, sequence))%clustered",
], &[
    "CREATE TABLE @dray_document (
        kind text NOT NULL, key text%bytewise NOT NULL, version bigint NOT NULL, body text NOT NULL, created_at bigint NOT NULL,
        updated_at bigint NOT NULL, PRIMARY KEY (kind, key))%clustered",
    "CREATE TABLE @dray_job (
        id bigint NOT NULL PRIMARY KEY, kind text NOT NULL, object text NOT NULL, status text NOT NULL,
        request text NOT NULL, progress text, result text, error text, import_id bigint, actor text NOT NULL,
        cancel_requested bigint NOT NULL, attempts bigint NOT NULL, created_at bigint NOT NULL, started_at bigint,
        finished_at bigint, expires_at bigint, lease_until bigint, worker text)",
    "CREATE INDEX dray_job_status_idx ON @dray_job (status, id)",
    "CREATE TABLE @dray_audit (
        id bigint NOT NULL PRIMARY KEY, at bigint NOT NULL, actor text NOT NULL, action text NOT NULL,
        subject text NOT NULL, address text NOT NULL, request_id text NOT NULL, status bigint NOT NULL,
        payload_bytes bigint NOT NULL, details text NOT NULL)",
], &[
    "CREATE TABLE @dray_event (
        id text%bytewise NOT NULL PRIMARY KEY, endpoint text%bytewise NOT NULL, message text, status text NOT NULL,
        payload text NOT NULL, received_at bigint NOT NULL, due_at bigint, claims bigint NOT NULL,
        tries bigint NOT NULL, finished_at bigint, kept text, log text NOT NULL)",
    "CREATE INDEX dray_event_status_idx ON @dray_event (endpoint, status, id)",
    "CREATE UNIQUE INDEX dray_event_message_idx ON @dray_event (endpoint, message) WHERE message IS NOT NULL",
    "CREATE INDEX dray_event_due_idx ON @dray_event (due_at, endpoint) WHERE due_at IS NOT NULL",
]];

/// Brings the catalog to the newest version; cheap where it is there.
pub(crate) fn migrate(driver: &mut impl Driver) -> Result<()> {
    if version(driver)? == STEPS.len() {
        return Ok(());
    }
    driver.begin()?;
    let result = take_steps(driver).and_then(|()| driver.commit());
    if result.is_err() {
        driver.rollback();
    }
    result
}

fn take_steps(driver: &mut impl Driver) -> Result<()> {
    driver.prepare_place()?;
    // Asked again: another process may have been faster.
    let version = version(driver)?;
    if version == 0 {
        let create = driver.statement("CREATE TABLE @dray_version (version bigint NOT NULL)");
        driver.execute(&create, &[])?;
        let insert = driver.statement("INSERT INTO @dray_version (version) VALUES ($1)");
        driver.execute(&insert, &[SqlValue::Integer(0)])?;
    }
    if version > STEPS.len() {
        return Err(Error::store(format!(
            "the store was made by a newer Dray (catalog version {version}, this program knows {})",
            STEPS.len()
        ))
        .hint("use the newer program, or another store"));
    }
    for statement in STEPS.iter().skip(version).copied().flatten() {
        let sql = statement
            .replace("%bytes", driver.dialect().bytes_type())
            .replace("%bytewise", driver.dialect().bytewise())
            .replace("%clustered", driver.dialect().clustered());
        let sql = driver.statement(&sql);
        driver.execute(&sql, &[])?;
    }
    let update = driver.statement("UPDATE @dray_version SET version = $1");
    driver.execute(&update, &[SqlValue::Integer(i64::try_from(STEPS.len()).unwrap_or(i64::MAX))])?;
    Ok(())
}

fn version(driver: &mut impl Driver) -> Result<usize> {
    if existing_columns(driver, "dray_version")?.is_empty() {
        return Ok(0);
    }
    let sql = driver.statement("SELECT version FROM @dray_version");
    let version = query_value(driver, &sql, &[])?;
    Ok(version.as_integer().and_then(|version| usize::try_from(version).ok()).unwrap_or(0))
}
