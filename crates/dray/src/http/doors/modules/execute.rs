//! Step 4: rows go in. Up to 5,000 the answer waits for them; up to 50,000 it can tell how far it is
//! meanwhile; beyond, a worker does it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dray_model::catalog::{Job, JobStatus, Session};
use dray_model::ledger::Fate;
use dray_model::object::Object;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::jobs::{import_of, outcome};
use super::mapping::not_mapped;
use super::names::{module, module_slug};
use super::rows::{Prepared, RowsBody, prepare};
use super::shape::{body as failure_body, success};
use crate::clock;
use crate::http::access::Admin;
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBytes, parse_json};
use crate::http::once::Repeatable;
use crate::operations::import::{Rows, Watch, import};
use crate::operations::import_job::{ImportJob, KIND};
use crate::operations::mapping_memory;
use crate::operations::objects::KnownObjects;
use crate::server::app::App;
use crate::server::directory::Organization;
use crate::server::files::{Files, StoredFile};
use crate::server::queue::new_job;
use crate::server::worker;

/// The most rows for which the answer waits.
const MOST_SYNC: u64 = 5_000;
/// The most rows that are done while somebody waits.
const MOST_STREAM: u64 = 50_000;
/// How often progress is told.
const TELL: Duration = Duration::from_millis(250);

/// Import rows. Up to 5,000 rows and, with progress as server-sent events where `Accept: text/event-stream` asks
/// for them, up to 50,000 are answered when complete; more are done in the background: ask for the job. Every
/// import is a job, can be taken back, and is finished though the server be killed meanwhile. At most 1,000 errors
/// and 50,000 ids are listed.
#[utoipa::path(
    post, path = "/v1/modules/{module}/import/execute", tag = "modules",
    params(("module" = String, Path)),
    request_body(content = RowsBody, example = json!({"rows": [{"Name": "Ada", "E-mail": "ada@example.com"}], "columnMapping": [{"sourceColumn": "Name", "targetFieldSlug": "first-name"}, {"sourceColumn": "E-mail", "targetFieldSlug": "email"}], "duplicateStrategy": "skip"})),
    responses(
        (status = 200, description = "`{success, data: {importJobId, status, processingMode, successRows, errorRows, skippedRows, createdRecordIds, errors, referenceWarnings}}`"),
        (status = 400, description = "VALIDATION_ERROR, UNKNOWN_FIELD, UNKNOWN_COLUMN"),
        (status = 403, description = "PERMISSION_DENIED"),
        (status = 404, description = "MODULE_NOT_FOUND, FILE_NOT_FOUND"),
        (status = 422, description = "IMPORT_FAILED"),
    ),
    security(("key" = []))
)]
pub async fn execute(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(name): Path<String>,
    Repeatable(repeatable): Repeatable,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Answer<Response> {
    let body: RowsBody = parse_json(&bytes)?;
    let (ours, organization, actor_name) = (app.clone(), actor.organization.clone(), actor.name.clone());
    let (known, object, job, total) = app
        .run(actor.organization(), move |session| {
            let known = KnownObjects::load(session)?;
            let asked = module(&known, &name).and_then(|object| {
                let prepared =
                    prepare(&ours, session, &organization.slug, &organization.plan, &object, &body)?;
                let total = prepared.total_rows;
                let slug = &organization.slug;
                let records_per_object = organization.plan.records_per_object;
                let request = Request {
                    body: &body,
                    bytes: &bytes,
                    actor: &actor_name,
                    repeatable,
                    records_per_object,
                };
                within_plan(&ours, session, &organization, &known, &prepared, &bytes)?;
                let job = job_of(&ours, session, slug, request, prepared)?;
                Ok((known, object, job, total))
            });
            Ok(asked)
        })
        .await??;
    let details = json!({ "rows": total, "request": asked_of(&job) });
    app.audit(actor.organization(), actor.entry("modules.import", module_slug(&object), details)).await;
    if total > MOST_STREAM {
        let job = app.submit(actor.organization(), job).await?;
        return answer(&app, actor.organization(), known, object, job).await.map(IntoResponse::into_response);
    }
    let watch = Arc::new(Watch::default());
    let (job_id, work) = worker::begin_now(&app, actor.organization(), job, Arc::clone(&watch)).await?;
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let ended = Ended { app, organization: actor.organization().to_owned(), known, object };
    if accepts.contains("text/event-stream") {
        return Ok(events(ended, job_id, total, work, watch));
    }
    let job = work.await.map_err(|_| dray_model::Error::store("an import broke off"))?;
    ended.answer(job).await.map(IntoResponse::into_response)
}

/// What of a request is worth a line in the audit log.
fn asked_of(job: &Job) -> Value {
    let mut asked: Value = serde_json::from_str(&job.request).unwrap_or_default();
    if let Some(members) = asked.as_object_mut() {
        members.retain(|name, _| {
            ["source_name", "columns", "statics", "policy", "processing_mode"].contains(&name.as_str())
        });
    }
    asked
}

/// 403 where the organization's plan allows fewer rows or records. How many records there would be is planned
/// only where that may matter.
fn within_plan(
    app: &App,
    session: &mut dyn Session,
    organization: &Organization,
    known: &KnownObjects,
    prepared: &Prepared,
    bytes: &Bytes,
) -> Answer<()> {
    let quota = organization.plan.quota();
    let rows = prepared.total_rows;
    session.prepare_object(&prepared.object)?;
    let mut exceeded = quota.exceeded(session, &prepared.object, rows, rows)?;
    if exceeded.as_ref().is_some_and(|exceeded| exceeded.limit == "records_per_object")
        && prepared.missing.is_empty()
        && rows > 0
    {
        let source = prepared.source(app, &organization.slug)?;
        let rows_of = match &source {
            Some(source) => Rows::File(source),
            None => Rows::Bytes(bytes.clone(), prepared.options()?),
        };
        let report = import(session, known, prepared.plan(rows_of), &Watch::default())?;
        let created = report.import.ledger.count(Fate::Created);
        exceeded = quota.exceeded(session, &prepared.object, rows, created)?;
    }
    exceeded.map_or(Ok(()), |exceeded| Err(exceeded.into()))
}

/// A request as it came.
struct Request<'r> {
    body: &'r RowsBody,
    bytes: &'r Bytes,
    actor: &'r str,
    /// What tells it from all others where it may come again.
    repeatable: String,
    /// The most records the organization may have.
    records_per_object: Option<u64>,
}

/// Keeps the rows in a file and writes down what is to be done with them.
fn job_of(
    app: &App,
    session: &mut dyn Session,
    organization: &str,
    request: Request<'_>,
    mut prepared: Prepared,
) -> Answer<Job> {
    let Request { body, bytes, actor, repeatable, records_per_object } = request;
    let object = prepared.object.clone();
    if prepared.total_rows == 0 {
        return Err(Failure::validation("there are no rows to import"));
    }
    if let Some(field) = prepared.missing.first() {
        return Err(Failure::validation(format!(
            "{}: map a column to it, or give it a value in staticValues",
            not_mapped(&object, field)
        )));
    }
    let now = clock::now();
    let keep_until = app.settings().imports_kept_until(now);
    let is_own = prepared.file.is_none();
    let file = match prepared.file.take() {
        Some(file) => StoredFile { expires_at: keep_until, ..file },
        None => {
            let name = prepared.source_name.clone();
            let id = app.files().keep(organization, &name, bytes)?;
            StoredFile { id, name, bytes: bytes.len() as u64, expires_at: keep_until }
        }
    };
    Files::describe(session, &file, now)?;
    mapping_memory::remember(session, &object, &prepared.mapped.named, now)?;
    let mode = match prepared.total_rows {
        rows if rows <= MOST_SYNC => "sync",
        rows if rows <= MOST_STREAM => "stream",
        _ => "background",
    };
    let mapping = prepared.mapping();
    let asked = ImportJob {
        file: file.id,
        remove_file: is_own,
        source_name: prepared.source_name,
        file_type: prepared.file_type,
        read: prepared.read,
        only_columns: prepared.only_columns,
        columns: mapping.columns,
        statics: mapping.statics,
        policy: prepared.policy,
        total_rows: Some(prepared.total_rows),
        records_per_object,
        fingerprint: Some(repeatable).filter(|repeatable| !repeatable.is_empty()),
        ai_mapping_used: body.ai_mapping_used == Some(true),
        processing_mode: mode.to_owned(),
        ..ImportJob::default()
    };
    let mut job = new_job(KIND, object.name(), &asked, actor, now)?;
    job.expires_at = Some(keep_until);
    Ok(job)
}

/// What is needed to answer once the work has ended.
struct Ended {
    app: App,
    organization: String,
    known: KnownObjects,
    object: Arc<Object>,
}

impl Ended {
    async fn answer(self, job: Job) -> Answer<Json<Value>> {
        match job.status {
            JobStatus::Pending | JobStatus::Running => {
                let mut failure = Failure::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "STOPPED",
                    "the server is stopping: the import goes on when it is back, ask for the job",
                )
                .details(json!({ "importJobId": format!("job_{}", job.id) }));
                failure.retry_after = Some(5);
                Err(failure)
            }
            _ => answer(&self.app, &self.organization, self.known, self.object, job).await,
        }
    }
}

/// The answer to an import as it stands.
async fn answer(
    app: &App,
    organization: &str,
    known: KnownObjects,
    object: Arc<Object>,
    job: Job,
) -> Answer<Json<Value>> {
    let slug = organization.to_owned();
    let told = app.run(organization, move |session| {
        // An import that never began says why as a whole; else the rows say it.
        if job.status == JobStatus::Failed && import_of(session, &job)?.is_none_or(|it| it.ledger.read == 0) {
            let why = job.error.clone().unwrap_or_else(|| "the import failed".to_owned());
            return Ok(Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "IMPORT_FAILED", why)
                .details(json!({ "importJobId": format!("job_{}", job.id) }))));
        }
        outcome(session, &known, &slug, &object, &job).map(Ok)
    });
    Ok(success(told.await??))
}

/// Tells how far the import is, and at the end what came of it: events `progress`, then `result` or `error`.
fn events(
    ended: Ended,
    job_id: i64,
    total: u64,
    mut work: tokio::task::JoinHandle<Job>,
    watch: Arc<Watch>,
) -> Response {
    let (sender, receiver) = mpsc::channel::<Result<Event, Infallible>>(16);
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(TELL);
        let finished = loop {
            tokio::select! {
                finished = &mut work => break finished,
                _ = tick.tick() => {
                    let rows = watch.rows.load(Ordering::Relaxed).min(total);
                    let told = json!({
                        "importJobId": format!("job_{job_id}"), "status": "processing",
                        "processedRows": rows, "totalRows": total,
                        "errorRows": watch.rejected.load(Ordering::Relaxed),
                    });
                    let event = Event::default().event("progress").data(told.to_string());
                    // The import goes on where nobody listens.
                    let _ = sender.try_send(Ok(event));
                }
            }
        };
        let answer = match finished {
            Ok(job) => ended.answer(job).await,
            Err(_) => Err(dray_model::Error::store("an import broke off").into()),
        };
        let event = match answer {
            Ok(Json(told)) => Event::default().event("result").data(told.to_string()),
            Err(failure) => Event::default().event("error").data(failure_body(&failure).to_string()),
        };
        let _ = sender.send(Ok(event)).await;
    });
    Sse::new(ReceiverStream::new(receiver)).into_response()
}
