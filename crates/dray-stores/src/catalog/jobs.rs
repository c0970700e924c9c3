//! Jobs: who may work on one is decided by a single conditional update, on either database.

use dray_model::catalog::{Job, JobQuery, JobStatus};
use dray_model::{Error, Result};

use super::objects::next_id;
use crate::driver::{Driver, SqlValue};

/// The name under which the numbers of jobs are counted; no object can have it.
const JOB_IDS: &str = "dray_job";

/// What others are told when there is a new job.
pub(crate) const NEWS: &str = "dray_job";

const COLUMNS: &str = "id, kind, object, status, request, progress, result, error, import_id, actor, \
    cancel_requested, attempts, created_at, started_at, finished_at, expires_at, lease_until, worker";

fn text(text: &str) -> SqlValue {
    SqlValue::Text(text.to_owned())
}

/// Keeps a new job; returns its number.
pub(crate) fn create(driver: &mut impl Driver, job: &Job) -> Result<i64> {
    let id = next_id(driver, JOB_IDS)?;
    let places: Vec<String> = (1..=18).map(|number| format!("${number}")).collect();
    let sql = driver.statement(&format!("INSERT INTO @dray_job ({COLUMNS}) VALUES ({})", places.join(", ")));
    let values = [
        SqlValue::Integer(id),
        text(&job.kind),
        text(&job.object),
        text(job.status.word()),
        text(&job.request),
        SqlValue::optional_text(job.progress.as_deref()),
        SqlValue::optional_text(job.result.as_deref()),
        SqlValue::optional_text(job.error.as_deref()),
        SqlValue::optional_integer(job.import_id),
        text(&job.actor),
        SqlValue::Integer(job.cancel_requested.into()),
        SqlValue::Integer(job.attempts),
        SqlValue::Integer(job.created_at),
        SqlValue::optional_integer(job.started_at),
        SqlValue::optional_integer(job.finished_at),
        SqlValue::optional_integer(job.expires_at),
        SqlValue::optional_integer(job.lease_until),
        SqlValue::optional_text(job.worker.as_deref()),
    ];
    driver.execute(&sql, &values)?;
    if job.status == JobStatus::Pending {
        driver.tell(NEWS)?;
    }
    Ok(id)
}

/// One job.
pub(crate) fn find(driver: &mut impl Driver, id: i64) -> Result<Option<Job>> {
    Ok(select(driver, "WHERE id = $1", &[SqlValue::Integer(id)])?.into_iter().next())
}

/// Jobs, the newest first.
pub(crate) fn list(driver: &mut impl Driver, query: &JobQuery) -> Result<Vec<Job>> {
    let mut values = vec![SqlValue::Integer(query.before.unwrap_or(i64::MAX))];
    let mut condition = "WHERE id < $1".to_owned();
    for (column, value) in [("kind", &query.kind), ("object", &query.object)] {
        if let Some(value) = value {
            values.push(text(value));
            condition.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    values.push(SqlValue::Integer(i64::try_from(query.limit).unwrap_or(i64::MAX)));
    condition.push_str(&format!(" ORDER BY id DESC LIMIT ${}", values.len()));
    select(driver, &condition, &values)
}

/// Gives the oldest job that waits, or whose lease has run out, to this worker.
pub(crate) fn claim(
    driver: &mut impl Driver,
    worker: &str,
    now: i64,
    lease_until: i64,
) -> Result<Option<Job>> {
    let waiting = "WHERE status = 'pending' OR (status = 'running' AND lease_until < $1) ORDER BY id LIMIT 8";
    for job in select(driver, waiting, &[SqlValue::Integer(now)])? {
        let sql = driver.statement(
            "UPDATE @dray_job SET status = 'running', worker = $1, lease_until = $2, attempts = attempts + 1, \
             started_at = coalesce(started_at, $3) WHERE id = $4 AND status = $5 AND attempts = $6",
        );
        let values = [
            text(worker),
            SqlValue::Integer(lease_until),
            SqlValue::Integer(now),
            SqlValue::Integer(job.id),
            text(job.status.word()),
            SqlValue::Integer(job.attempts),
        ];
        if driver.execute(&sql, &values)? > 0 {
            return find(driver, job.id);
        }
    }
    Ok(None)
}

/// Writes what may change of a job while its worker holds it.
pub(crate) fn save(driver: &mut impl Driver, job: &Job) -> Result<bool> {
    let sql = driver.statement(
        "UPDATE @dray_job SET status = $1, progress = $2, result = $3, error = $4, import_id = $5, \
         finished_at = $6, expires_at = $7, lease_until = $8 WHERE id = $9 AND attempts = $10",
    );
    let values = [
        text(job.status.word()),
        SqlValue::optional_text(job.progress.as_deref()),
        SqlValue::optional_text(job.result.as_deref()),
        SqlValue::optional_text(job.error.as_deref()),
        SqlValue::optional_integer(job.import_id),
        SqlValue::optional_integer(job.finished_at),
        SqlValue::optional_integer(job.expires_at),
        SqlValue::optional_integer(job.lease_until),
        SqlValue::Integer(job.id),
        SqlValue::Integer(job.attempts),
    ];
    Ok(driver.execute(&sql, &values)? > 0)
}

/// Asks for a job to be stopped; one that waits is cancelled at once.
pub(crate) fn cancel(driver: &mut impl Driver, id: i64, now: i64) -> Result<bool> {
    let waiting = driver.statement(
        "UPDATE @dray_job SET status = 'cancelled', finished_at = $1, cancel_requested = 1 \
         WHERE id = $2 AND status = 'pending'",
    );
    if driver.execute(&waiting, &[SqlValue::Integer(now), SqlValue::Integer(id)])? > 0 {
        return Ok(true);
    }
    let running =
        driver.statement("UPDATE @dray_job SET cancel_requested = 1 WHERE id = $1 AND status = 'running'");
    Ok(driver.execute(&running, &[SqlValue::Integer(id)])? > 0)
}

/// Deletes ended jobs that have expired; returns them.
pub(crate) fn delete_expired(driver: &mut impl Driver, now: i64) -> Result<Vec<Job>> {
    let condition = "WHERE expires_at < $1 AND status NOT IN ('pending', 'running')";
    let expired = select(driver, condition, &[SqlValue::Integer(now)])?;
    let sql = driver.statement("DELETE FROM @dray_job WHERE id = $1");
    for job in &expired {
        driver.execute(&sql, &[SqlValue::Integer(job.id)])?;
    }
    Ok(expired)
}

fn select(driver: &mut impl Driver, condition: &str, values: &[SqlValue]) -> Result<Vec<Job>> {
    let sql = driver.statement(&format!("SELECT {COLUMNS} FROM @dray_job {condition}"));
    let mut found = Vec::new();
    driver.query(&sql, values, &mut |row| {
        found.push(job_of(row)?);
        Ok(())
    })?;
    Ok(found)
}

fn job_of(row: &[SqlValue]) -> Result<Job> {
    let text = |index: usize| row.get(index).and_then(SqlValue::as_text).map(str::to_owned);
    let integer = |index: usize| row.get(index).and_then(SqlValue::as_integer);
    let id = integer(0).unwrap_or(0);
    let word = text(3).unwrap_or_default();
    let status = JobStatus::from_word(&word).ok_or_else(|| {
        Error::store(format!("job {id} has the status `{word}`, which this program does not know"))
            .hint("was the store used by a newer Dray?")
    })?;
    Ok(Job {
        id,
        kind: text(1).unwrap_or_default(),
        object: text(2).unwrap_or_default(),
        status,
        request: text(4).unwrap_or_default(),
        progress: text(5),
        result: text(6),
        error: text(7),
        import_id: integer(8),
        actor: text(9).unwrap_or_default(),
        cancel_requested: integer(10) == Some(1),
        attempts: integer(11).unwrap_or(0),
        created_at: integer(12).unwrap_or(0),
        started_at: integer(13),
        finished_at: integer(14),
        expires_at: integer(15),
        lease_until: integer(16),
        worker: text(17),
    })
}
