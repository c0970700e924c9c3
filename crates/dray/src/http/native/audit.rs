//! The audit log: who did what, when, from where, and how it ended. It is read here and changed nowhere.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dray_formats::{Format, FormulaGuard, OutputColumn, WriteOptions, writer};
use dray_model::catalog::AuditEntry;
use dray_model::value::ValueType;
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

/// Which lines.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// 1 to 1000; 100 where it is left out.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn shown(entry: &AuditEntry) -> Value {
    json!({
        "id": entry.id, "at": time(entry.at), "actor": entry.actor, "action": entry.action,
        "subject": entry.subject, "address": entry.address, "request_id": entry.request_id,
        "status": entry.status, "payload_bytes": entry.payload_bytes,
        "details": serde_json::from_str(&entry.details).unwrap_or(Value::Null),
    })
}

/// The audit log, the newest lines first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery), responses((status = 200, description = "`{entries, next_cursor}`")), security(("key" = [])))]
pub async fn list(
    State(app): State<App>,
    Admin(actor): Admin,
    Query(query): Query<AuditQuery>,
) -> Answer<Json<Value>> {
    let limit = limit_of(query.limit.as_deref())?;
    let before = before_of(query.cursor.as_deref())?;
    let entries = app.run(actor.organization(), move |session| session.list_audit(before, limit)).await?;
    let next = next_cursor(entries.last().map(|entry| entry.id), entries.len(), limit);
    Ok(Json(json!({ "entries": entries.iter().map(shown).collect::<Vec<_>>(), "next_cursor": next })))
}

/// As what the log is exported.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditFile {
    /// `csv` (default) or `jsonl`.
    format: Option<String>,
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

/// Download the whole audit log, the newest lines first.
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
        let mut before = None;
        loop {
            let entries = session.list_audit(before, LINES)?;
            let Some(last) = entries.last() else { break };
            before = Some(last.id);
            rows.write(&batch_of(&entries)?)?;
        }
        rows.finish()
    })
    .await?;
    Ok((StatusCode::OK, attachment(kind, &format!("audit.{}", format.extension())), body).into_response())
}
