//! The audit log: who did what, when, from where, and how it ended. It is read here and changed nowhere.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dray_formats::{Format, FormulaGuard, OutputColumn, WriteOptions, writer};
use dray_model::catalog::{AuditEntry, AuditQuery};
use dray_model::value::{ValueType, parse_date, parse_datetime};
use dray_model::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{attachment, before_of, limit_of, next_cursor, short};
use crate::http::access::Admin;
use crate::http::answer::{Answer, Failure};
use crate::http::body::Query;
use crate::http::stream::stream_with;
use crate::operations::ledger::time;
use crate::server::app::App;

/// Lines read at a time.
const LINES: u64 = 1_000;
/// Microseconds of a day.
const DAY: i64 = 24 * 3600 * 1_000_000;

/// Which lines.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditPage {
    /// Only of those whose name holds this.
    pub actor: Option<String>,
    /// Only what holds this: `import`, `key.create` …
    pub action: Option<String>,
    /// Only what was done to something whose name holds this.
    pub subject: Option<String>,
    /// Only from this day or time on (UTC): `2026-11-22`.
    pub from: Option<String>,
    /// Only until this day, itself included, or until this time (UTC).
    pub until: Option<String>,
    /// 1 to 1000; 100 where it is left out.
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A day or a time as it was written; a day counts to its end where that is wanted.
fn moment_of(name: &str, text: Option<&str>, to_its_end: bool) -> Answer<Option<i64>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let of_day = |day: i64| (day + i64::from(to_its_end)).saturating_mul(DAY);
    parse_date(text).map(of_day).or_else(|| parse_datetime(text)).map(Some).ok_or_else(|| {
        Failure::validation(format!("`{name}` cannot be `{}`: use a day as 2026-11-22", short(text)))
    })
}

impl AuditPage {
    fn query(&self) -> Answer<AuditQuery> {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(AuditQuery {
            actor: text(&self.actor),
            action: text(&self.action),
            subject: text(&self.subject),
            from: moment_of("from", self.from.as_deref(), false)?,
            until: moment_of("until", self.until.as_deref(), true)?,
            before: before_of(self.cursor.as_deref())?,
            limit: limit_of(self.limit.as_deref())?,
        })
    }
}

/// A page of the log, and where the next one begins.
pub async fn entries(
    app: &App,
    Admin(actor): &Admin,
    page: &AuditPage,
) -> Answer<(Vec<AuditEntry>, Option<String>)> {
    let query = page.query()?;
    let limit = query.limit;
    let entries = app.run(actor.organization(), move |session| session.list_audit(&query)).await?;
    let next = next_cursor(entries.last().map(|entry| entry.id), entries.len(), limit);
    Ok((entries, next))
}

fn shown(entry: &AuditEntry) -> Value {
    json!({
        "id": entry.id, "at": time(entry.at), "actor": entry.actor, "action": entry.action,
        "subject": entry.subject, "address": entry.address, "request_id": entry.request_id,
        "status": entry.status, "payload_bytes": entry.payload_bytes,
        "details": serde_json::from_str(&entry.details).unwrap_or(Value::Null),
    })
}

/// The audit log, or what filters leave of it, the newest lines first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditPage), responses((status = 200, description = "`{entries, next_cursor}`")), security(("key" = [])))]
pub async fn list(
    State(app): State<App>,
    admin: Admin,
    Query(page): Query<AuditPage>,
) -> Answer<Json<Value>> {
    let (entries, next) = entries(&app, &admin, &page).await?;
    Ok(Json(json!({ "entries": entries.iter().map(shown).collect::<Vec<_>>(), "next_cursor": next })))
}

/// As what the log is exported.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditFile {
    /// `csv` (default) or `jsonl`.
    format: Option<String>,
    /// Only of those whose name holds this.
    actor: Option<String>,
    /// Only what holds this: `import`, `key.create` …
    action: Option<String>,
    /// Only what was done to something whose name holds this.
    subject: Option<String>,
    /// Only from this day or time on (UTC).
    from: Option<String>,
    /// Only until this day, itself included, or until this time (UTC).
    until: Option<String>,
}

/// The columns of the exported log.
const COLUMNS: [(&str, ValueType); 10] = [
    ("id", ValueType::Integer),
    ("at", ValueType::Text),
    ("actor", ValueType::Text),
    ("action", ValueType::Text),
    ("subject", ValueType::Text),
    ("address", ValueType::Text),
    ("request_id", ValueType::Text),
    ("status", ValueType::Integer),
    ("payload_bytes", ValueType::Integer),
    ("details", ValueType::Json),
];

fn batch_of(entries: &[AuditEntry]) -> Result<RecordBatch> {
    let texts = |text: &dyn Fn(&AuditEntry) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(entries.iter().map(text)))
    };
    let numbers = |number: &dyn Fn(&AuditEntry) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(entries.iter().map(number)))
    };
    let values = vec![
        numbers(&|entry| entry.id),
        texts(&|entry| time(entry.at)),
        texts(&|entry| entry.actor.clone()),
        texts(&|entry| entry.action.clone()),
        texts(&|entry| entry.subject.clone()),
        texts(&|entry| entry.address.clone()),
        texts(&|entry| entry.request_id.clone()),
        numbers(&|entry| entry.status),
        numbers(&|entry| entry.payload_bytes),
        texts(&|entry| entry.details.clone()),
    ];
    let fields: Vec<Field> =
        COLUMNS.iter().map(|(name, value_type)| Field::new(*name, value_type.arrow(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), values)
        .map_err(|cause| Error::store("the lines of the audit log do not fit together").because(cause))
}

/// Download the audit log, or what filters leave of it, the newest lines first.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", params(AuditFile), responses((status = 200, description = "The file"), (status = 400)), security(("key" = [])))]
pub async fn export(
    State(app): State<App>,
    Admin(actor): Admin,
    Query(query): Query<AuditFile>,
) -> Answer<Response> {
    let (format, kind) = match query.format.as_deref().unwrap_or("csv") {
        "csv" => (Format::Csv, "text/csv; charset=utf-8"),
        "jsonl" => (Format::Jsonl, "application/x-ndjson"),
        other => {
            return Err(Failure::validation(format!(
                "`{}` is no format of it: use csv or jsonl",
                short(other)
            )));
        }
    };
    let page = AuditPage {
        actor: query.actor,
        action: query.action,
        subject: query.subject,
        from: query.from,
        until: query.until,
        ..AuditPage::default()
    };
    let mut wanted = AuditQuery { limit: LINES, ..page.query()? };
    app.audit(actor.organization(), actor.entry("audit.export", "audit", json!({ "format": format.word() })))
        .await;
    let body = stream_with(&app, actor.organization(), move |session, out| {
        let columns =
            COLUMNS.iter().map(|(name, value_type)| OutputColumn::new(*name, *value_type)).collect();
        let mut options = WriteOptions::default();
        if format == Format::Csv {
            options.formula_guard = FormulaGuard::On;
        }
        let mut rows = writer(format, columns, &options, out)?;
        loop {
            let entries = session.list_audit(&wanted)?;
            let Some(last) = entries.last() else { break };
            wanted.before = Some(last.id);
            rows.write(&batch_of(&entries)?)?;
        }
        rows.finish()
    })
    .await?;
    Ok((StatusCode::OK, attachment(kind, &format!("audit.{}", format.extension())), body).into_response())
}
