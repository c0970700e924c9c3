//! Events. What is due is found by an index of what waits alone; who may work on an event is decided by one
//! statement, in which several processes step past what another has just taken.

use dray_model::event::{Event, EventClaim, EventQuery, EventStatus};
use dray_model::value::ValueType;
use dray_model::{Error, Result};

use crate::driver::{Driver, SqlValue, query_value};

const COLUMNS: &str =
    "id, endpoint, message, status, payload, received_at, due_at, claims, tries, finished_at, kept, log";

/// How many of what is due are looked at for one claim.
const LOOKED_AT: i64 = 200;

fn text(text: &str) -> SqlValue {
    SqlValue::Text(text.to_owned())
}

fn number(count: u64) -> SqlValue {
    SqlValue::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Keeps events; returns the number of each, or of the one that was sent before.
pub(crate) fn append(driver: &mut impl Driver, events: &[Event]) -> Result<Vec<String>> {
    let places: Vec<String> = (1..=12).map(|number| format!("${number}")).collect();
    let insert = driver.statement(&format!(
        "INSERT INTO @dray_event ({COLUMNS}) VALUES ({}) ON CONFLICT DO NOTHING",
        places.join(", ")
    ));
    let earlier = driver.statement("SELECT id FROM @dray_event WHERE endpoint = $1 AND message = $2");
    let mut ids: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
    let mut order: Vec<usize> = (0..events.len()).collect();
    // In one order, so that no two processes wait for each other.
    order.sort_by_key(|&place| events.get(place).map(|event| (&event.endpoint, &event.message)));
    for place in order {
        let (Some(event), Some(id)) = (events.get(place), ids.get_mut(place)) else { continue };
        let values = [
            text(&event.id),
            text(&event.endpoint),
            SqlValue::optional_text(event.message.as_deref()),
            text(event.status.word()),
            text(&event.payload),
            SqlValue::Integer(event.received_at),
            SqlValue::optional_integer(event.due_at),
            SqlValue::Integer(event.claims),
            SqlValue::Integer(event.tries),
            SqlValue::optional_integer(event.finished_at),
            SqlValue::optional_text(event.kept.as_deref()),
            text(&event.log),
        ];
        if driver.execute(&insert, &values)? > 0 {
            continue;
        }
        let message = event.message.as_deref().unwrap_or_default();
        match query_value(driver, &earlier, &[text(&event.endpoint), text(message)])?.as_text() {
            Some(found) => found.clone_into(id),
            None => return Err(Error::store("an event could not be kept").retryable()),
        }
    }
    Ok(ids)
}

/// Takes up what is due.
pub(crate) fn claim(driver: &mut impl Driver, claim: &EventClaim) -> Result<Vec<Event>> {
    let dialect = driver.dialect();
    let without = if dialect.lists_are_json() {
        text(&serde_json::Value::from(claim.without.clone()).to_string())
    } else {
        SqlValue::TextList(claim.without.clone())
    };
    let values = [
        SqlValue::Integer(claim.now),
        without,
        SqlValue::Integer(LOOKED_AT),
        number(claim.each),
        number(claim.limit),
        SqlValue::Integer(claim.lease_until),
    ];
    let sql = driver.statement(&format!(
        "WITH first AS (SELECT id, endpoint, due_at FROM @dray_event WHERE due_at <= $1 AND NOT ({}) \
           ORDER BY due_at LIMIT $3), \
         placed AS (SELECT id, row_number() OVER (PARTITION BY endpoint ORDER BY due_at, id) AS place FROM first), \
         taken AS MATERIALIZED (SELECT id FROM @dray_event WHERE due_at <= $1 \
           AND id IN (SELECT id FROM placed WHERE place <= $4) ORDER BY due_at LIMIT $5{}) \
         UPDATE @dray_event SET due_at = $6, claims = claims + 1, tries = tries + 1 \
         WHERE id IN (SELECT id FROM taken) RETURNING {COLUMNS}",
        dialect.in_list("endpoint", 2, ValueType::Text),
        dialect.skip_locked()
    ));
    let mut found = select(driver, &sql, &values)?;
    found.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(found)
}

/// Takes up what is due of one endpoint.
pub(crate) fn claim_of(
    driver: &mut impl Driver,
    endpoint: &str,
    limit: u64,
    (now, lease_until): (i64, i64),
) -> Result<Vec<Event>> {
    let sql = driver.statement(&format!(
        "WITH taken AS MATERIALIZED (SELECT id FROM @dray_event WHERE endpoint = $1 AND status = 'pending' \
           AND due_at <= $2 ORDER BY id LIMIT $3{}) \
         UPDATE @dray_event SET due_at = $4, claims = claims + 1, tries = tries + 1 \
         WHERE id IN (SELECT id FROM taken) RETURNING {COLUMNS}",
        driver.dialect().skip_locked()
    ));
    let values = [text(endpoint), SqlValue::Integer(now), number(limit), SqlValue::Integer(lease_until)];
    let mut found = select(driver, &sql, &values)?;
    found.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(found)
}

/// Writes what may change of an event while somebody has it.
pub(crate) fn save(driver: &mut impl Driver, event: &Event) -> Result<bool> {
    let sql = driver.statement(
        "UPDATE @dray_event SET status = $1, due_at = $2, tries = $3, finished_at = $4, kept = $5, log = $6 \
         WHERE id = $7 AND claims = $8",
    );
    let values = [
        text(event.status.word()),
        SqlValue::optional_integer(event.due_at),
        SqlValue::Integer(event.tries),
        SqlValue::optional_integer(event.finished_at),
        SqlValue::optional_text(event.kept.as_deref()),
        text(&event.log),
        text(&event.id),
        SqlValue::Integer(event.claims),
    ];
    Ok(driver.execute(&sql, &values)? > 0)
}

/// One event.
pub(crate) fn find(driver: &mut impl Driver, endpoint: &str, id: &str) -> Result<Option<Event>> {
    let sql = driver.statement(&format!("SELECT {COLUMNS} FROM @dray_event WHERE id = $1 AND endpoint = $2"));
    Ok(select(driver, &sql, &[text(id), text(endpoint)])?.into_iter().next())
}

/// Events of an endpoint, the newest first: of each status wanted the newest, and the newest of these.
pub(crate) fn list(driver: &mut impl Driver, query: &EventQuery) -> Result<Vec<Event>> {
    let sql = driver.statement(&format!(
        "SELECT {COLUMNS} FROM @dray_event WHERE endpoint = $1 AND status = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
    ));
    let wanted = query.status.map_or_else(|| EventStatus::ALL.to_vec(), |status| vec![status]);
    let before = query.before.as_deref().unwrap_or("~");
    let mut found = Vec::new();
    for status in wanted {
        let values = [text(&query.endpoint), text(status.word()), text(before), number(query.limit)];
        found.extend(select(driver, &sql, &values)?);
    }
    found.sort_by(|left, right| right.id.cmp(&left.id));
    found.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// How many events there are of each status.
pub(crate) fn count(driver: &mut impl Driver, endpoint: &str, most: u64) -> Result<Vec<(EventStatus, u64)>> {
    let sql = driver.statement(
        "SELECT count(*) FROM (SELECT 1 FROM @dray_event WHERE endpoint = $1 AND status = $2 LIMIT $3) AS counted",
    );
    EventStatus::ALL
        .into_iter()
        .map(|status| {
            let counted = query_value(driver, &sql, &[text(endpoint), text(status.word()), number(most)])?;
            Ok((status, count_of(&counted)))
        })
        .collect()
}

/// How many events wait.
pub(crate) fn count_waiting(driver: &mut impl Driver, most: u64) -> Result<u64> {
    let sql = driver.statement(
        "SELECT count(*) FROM (SELECT 1 FROM @dray_event WHERE due_at IS NOT NULL LIMIT $1) AS counted",
    );
    Ok(count_of(&query_value(driver, &sql, &[number(most)])?))
}

fn count_of(value: &SqlValue) -> u64 {
    value.as_integer().and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

/// Deletes ended events.
pub(crate) fn delete_before(driver: &mut impl Driver, id: &str, limit: u64) -> Result<u64> {
    let sql = driver.statement(
        "DELETE FROM @dray_event WHERE id IN \
         (SELECT id FROM @dray_event WHERE id < $1 AND due_at IS NULL ORDER BY id LIMIT $2)",
    );
    driver.execute(&sql, &[text(id), number(limit)])
}

fn select(driver: &mut impl Driver, sql: &str, values: &[SqlValue]) -> Result<Vec<Event>> {
    let mut found = Vec::new();
    driver.query(sql, values, &mut |row| {
        found.push(event_of(row)?);
        Ok(())
    })?;
    Ok(found)
}

fn event_of(row: &[SqlValue]) -> Result<Event> {
    let text = |index: usize| row.get(index).and_then(SqlValue::as_text).map(str::to_owned);
    let integer = |index: usize| row.get(index).and_then(SqlValue::as_integer);
    let word = text(3).unwrap_or_default();
    let status = EventStatus::from_word(&word).ok_or_else(|| {
        Error::store(format!("an event has the status `{word}`, which this program does not know"))
            .hint("was the store used by a newer Dray?")
    })?;
    Ok(Event {
        id: text(0).unwrap_or_default(),
        endpoint: text(1).unwrap_or_default(),
        message: text(2),
        status,
        payload: text(4).unwrap_or_default(),
        received_at: integer(5).unwrap_or(0),
        due_at: integer(6),
        claims: integer(7).unwrap_or(0),
        tries: integer(8).unwrap_or(0),
        finished_at: integer(9),
        kept: text(10),
        log: text(11).unwrap_or_default(),
    })
}
