//! Imports after the fact: their history, how far one is, and taking one back.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use dray_model::catalog::{Job, JobQuery, JobStatus, Session};
use dray_model::definition::OnDuplicate;
use dray_model::flow::{Import, ImportStatus};
use dray_model::ledger::{Fate, Ledger};
use dray_model::object::Object;
use dray_model::problem::Severity;
use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{module, module_slug, number, time};
use super::problems::{errors, reference_warnings, unresolved};
use super::shape::success;
use crate::clock;
use crate::http::access::Admin;
use crate::http::answer::{Answer, Failure};
use crate::http::body::Query;
use crate::http::lists::short;
use crate::operations::import::take_back;
use crate::operations::import_job::{ImportJob, ImportResult, KIND};
use crate::operations::objects::KnownObjects;
use crate::server::app::App;
use crate::server::webhooks::cancel_job;

/// Problems of an import that are looked at for an answer.
const MOST_PROBLEMS: u64 = 20_000;
/// Ids listed in one answer: those of every import that is answered when it is complete.
const MOST_IDS: usize = 50_000;
/// How long a rollback waits for an import to stop.
const STOPPING: Duration = Duration::from_secs(60);

fn no_such_job(id: &str) -> Failure {
    let shown = short(id);
    Failure::new(
        StatusCode::NOT_FOUND,
        "IMPORT_JOB_NOT_FOUND",
        format!(
            "Import job not found: this module has no import job `{shown}`; jobs are kept for seven days"
        ),
    )
}

/// The job of this id, where it is an import into the object.
fn find(session: &mut dyn Session, object: &Object, id: &str) -> Answer<Job> {
    let job = number("job_", id).map(|number| session.find_job(number)).transpose()?.flatten();
    job.filter(|job| job.kind == KIND && job.object == object.name()).ok_or_else(|| no_such_job(id))
}

/// The import of a job, as far as it has begun.
pub(super) fn import_of(session: &mut dyn Session, job: &Job) -> dray_model::Result<Option<Import>> {
    match job.import_id {
        Some(id) => session.find_import(id),
        None => {
            let fingerprint = ImportJob::parse(&job.request)?.fingerprint_of(job.id);
            session.find_import_by_fingerprint(&job.object, &fingerprint)
        }
    }
}

/// Rows that went in, rows with errors, rows left out.
fn counts(ledger: &Ledger) -> (u64, u64, u64) {
    let sum = |fates: &[Fate]| fates.iter().map(|fate| ledger.count(*fate)).sum();
    (
        sum(&[Fate::Created, Fate::Updated, Fate::Unchanged]),
        sum(&[Fate::Rejected, Fate::Conflicted]),
        sum(&[Fate::Duplicate, Fate::Filtered, Fate::NotReached]),
    )
}

/// A job's status in this door's words.
fn status(job: &Job, import: Option<&Import>) -> &'static str {
    if import.is_some_and(|import| import.status == ImportStatus::Undone) {
        return "cancelled";
    }
    match job.status {
        JobStatus::Pending => "pending",
        JobStatus::Running => "processing",
        JobStatus::Completed => "completed",
        JobStatus::Failed => "failed",
        JobStatus::Cancelled => "cancelled",
    }
}

/// A job as the history shows it.
fn view(
    organization: &str,
    object: &Object,
    job: &Job,
    import: Option<&Import>,
) -> dray_model::Result<Value> {
    let asked = ImportJob::parse(&job.request)?;
    let ledger = import.map(|import| import.ledger).unwrap_or_default();
    let (successes, failures, skipped) = counts(&ledger);
    let progress: Value =
        job.progress.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let total = asked.total_rows.or_else(|| job.status.is_final().then_some(ledger.read));
    let seen = progress["rows"].as_u64().unwrap_or(0).max(ledger.read);
    let on_duplicate = asked.policy.on_duplicate.unwrap_or(object.policy.on_duplicate);
    let mode = if asked.processing_mode.is_empty() { "background" } else { &asked.processing_mode };
    Ok(json!({
        "importJobId": format!("job_{}", job.id),
        "accountId": format!("acc_{organization}"),
        "moduleId": format!("mod_{}", module_slug(object)),
        "status": status(job, import),
        "processingMode": mode,
        "fileName": asked.source_name,
        "fileType": asked.file_type,
        "totalRows": total,
        "processedRows": total.map_or(seen, |total| seen.min(total)),
        "successRows": successes,
        "errorRows": failures,
        "skippedRows": skipped,
        "aiMappingUsed": asked.ai_mapping_used,
        "duplicateStrategy": OnDuplicate::word(on_duplicate),
        "createdDateTime": time(job.created_at),
        "startedDateTime": job.started_at.map(time),
        "completedDateTime": job.finished_at.map(time),
        "expiresDateTime": job.expires_at.map(time),
    }))
}

/// What is wrong with the rows of an import, and what its references did not find.
fn add_details(
    session: &mut dyn Session,
    known: &KnownObjects,
    object: &Object,
    job: &Job,
    import: Option<&Import>,
    view: &mut Value,
) -> dray_model::Result<()> {
    let mut result = ImportResult::parse(job.result.as_deref());
    let problems = match import {
        Some(import) if import.ledger.read > 0 => session.read_problems(import.id, MOST_PROBLEMS)?,
        _ => Vec::new(),
    };
    unresolved(problems.iter(), &mut result.unresolved);
    view["errors"] = json!(errors(object, problems.iter()));
    view["warningCount"] =
        json!(problems.iter().filter(|problem| problem.severity == Severity::Warning).count());
    view["referenceWarnings"] = json!(reference_warnings(known, object, &result.unresolved));
    view["error"] = json!(job.error);
    Ok(())
}

/// What an import that somebody waited for came to.
pub(super) fn outcome(
    session: &mut dyn Session,
    known: &KnownObjects,
    organization: &str,
    object: &Object,
    job: &Job,
) -> dray_model::Result<Value> {
    let import = import_of(session, job)?;
    let mut told = view(organization, object, job, import.as_ref())?;
    let mut ids: Vec<String> = Vec::new();
    if let Some(import) = &import
        && job.status == JobStatus::Completed
    {
        for range in session.created_ranges(import.id)? {
            if range.object == object.name() {
                let room = MOST_IDS.saturating_sub(ids.len());
                ids.extend((range.first_id..=range.last_id).take(room).map(|id| format!("rec_{id}")));
            }
        }
    }
    told["createdRecordIds"] = json!(ids);
    add_details(session, known, object, job, import.as_ref(), &mut told)?;
    Ok(told)
}

/// The query of the history.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// The most jobs, from 1 to 100; 50 where it is left out.
    limit: Option<String>,
}

impl ListQuery {
    /// The limit that is asked for.
    pub(super) fn limit(&self) -> Answer<u64> {
        let Some(text) = &self.limit else { return Ok(50) };
        text.parse()
            .ok()
            .filter(|limit| (1..=100).contains(limit))
            .ok_or_else(|| Failure::validation(format!("`{text}` is no limit: use a number from 1 to 100")))
    }
}

/// List past and present imports of a module, the newest first.
#[utoipa::path(
    get, path = "/v1/modules/{module}/import/jobs", tag = "modules",
    params(("module" = String, Path), ListQuery),
    responses((status = 200, description = "`{success, data: {jobs: [ImportJob]}}`"), (status = 404, description = "MODULE_NOT_FOUND")),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(name): Path<String>,
    Query(query): Query<ListQuery>,
) -> Answer<Json<Value>> {
    let limit = query.limit()?;
    let organization = actor.organization().to_owned();
    let jobs = app.run(actor.organization(), move |session| {
        let known = KnownObjects::load(session)?;
        let object = match module(&known, &name) {
            Ok(object) => object,
            Err(failure) => return Ok(Err(failure)),
        };
        let query = JobQuery {
            kind: Some(KIND.to_owned()),
            object: Some(object.name().to_owned()),
            before: None,
            limit,
        };
        let mut views = Vec::new();
        for job in session.list_jobs(&query)? {
            let import = import_of(session, &job)?;
            views.push(view(&organization, &object, &job, import.as_ref())?);
        }
        Ok(Ok(views))
    });
    Ok(success(json!({ "jobs": jobs.await?? })))
}

/// How far an import is, and what it came to.
#[utoipa::path(
    get, path = "/v1/modules/{module}/import/jobs/{job_id}", tag = "modules",
    params(("module" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, description = "`{success, data: ImportJob}`"), (status = 404, description = "MODULE_NOT_FOUND, IMPORT_JOB_NOT_FOUND")),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((name, id)): Path<(String, String)>,
) -> Answer<Json<Value>> {
    let organization = actor.organization().to_owned();
    let told = app.run(actor.organization(), move |session| {
        let known = KnownObjects::load(session)?;
        let found = module(&known, &name).and_then(|object| {
            let job = find(session, &object, &id)?;
            let import = import_of(session, &job)?;
            let mut told = view(&organization, &object, &job, import.as_ref())?;
            add_details(session, &known, &object, &job, import.as_ref(), &mut told)?;
            Ok(told)
        });
        Ok(found)
    });
    Ok(success(told.await??))
}

/// Take an import back: what it created is deleted, what it changed is put back. An import under way is stopped
/// first. Records that somebody changed since are kept and listed.
#[utoipa::path(
    delete, path = "/v1/modules/{module}/import/jobs/{job_id}", tag = "modules",
    params(("module" = String, Path), ("job_id" = String, Path)),
    responses(
        (status = 200, description = "`{success, data: {deletedCount, restoredCount, keptCount, keptRecords}}`"),
        (status = 404, description = "MODULE_NOT_FOUND, IMPORT_JOB_NOT_FOUND"),
        (status = 409, description = "ALREADY_ROLLED_BACK, IMPORT_RUNNING"),
    ),
    security(("key" = []))
)]
pub async fn rollback(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((name, id)): Path<(String, String)>,
) -> Answer<Json<Value>> {
    let (wanted_module, wanted) = (name.clone(), id.clone());
    let (ours, slug) = (app.clone(), actor.organization().to_owned());
    let job_id = app
        .run(actor.organization(), move |session| {
            let known = KnownObjects::load(session)?;
            let stopped = module(&known, &wanted_module).and_then(|object| {
                let job = find(session, &object, &wanted)?;
                refuse_second(session, &job)?;
                cancel_job(&ours, session, &slug, job.id, clock::now())?;
                Ok(job.id)
            });
            Ok(stopped)
        })
        .await??;
    wait_for_end(&app, actor.organization(), job_id).await?;
    // Once begun it ends, whether somebody waits or not.
    let (ours, organization) = (app.clone(), actor.organization().to_owned());
    let working = tokio::spawn(async move {
        let permit = ours.queue().may_work().await?;
        let undone = ours.run(&organization, move |session| {
            let _permit = permit;
            Ok(roll_back(session, job_id))
        });
        undone.await?
    });
    let told =
        working.await.map_err(|_| Failure::from(dray_model::Error::store("a rollback broke off")))??;
    app.audit(
        actor.organization(),
        actor.entry("modules.import.rollback", format!("{name} {id}"), told.clone()),
    )
    .await;
    Ok(success(told))
}

/// 409 where the job was taken back before.
fn refuse_second(session: &mut dyn Session, job: &Job) -> Answer<()> {
    let import = import_of(session, job)?;
    let was_undone = match &import {
        Some(import) => import.status == ImportStatus::Undone,
        None => job.status == JobStatus::Cancelled,
    };
    if was_undone { Err(already(job.id)) } else { Ok(()) }
}

fn already(job_id: i64) -> Failure {
    Failure::conflict(format!(
        "import job `job_{job_id}` was rolled back already: import its file again to bring the rows back"
    ))
    .code("ALREADY_ROLLED_BACK")
}

/// Waits until nobody works on the job any more.
async fn wait_for_end(app: &App, organization: &str, job_id: i64) -> Answer<()> {
    let until = tokio::time::Instant::now() + STOPPING;
    loop {
        let job = app.run(organization, move |session| session.find_job(job_id)).await?;
        if job.is_none_or(|job| job.status.is_final()) {
            return Ok(());
        }
        if tokio::time::Instant::now() >= until || app.is_stopping() {
            return Err(Failure::conflict(format!(
                "import job `job_{job_id}` is still stopping: ask for the rollback again in a minute"
            ))
            .code("IMPORT_RUNNING"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn roll_back(session: &mut dyn Session, job_id: i64) -> Answer<Value> {
    let known = KnownObjects::load(session)?;
    let Some(mut job) = session.find_job(job_id)? else { return Err(no_such_job(&format!("job_{job_id}"))) };
    let mut told = json!({ "deletedCount": 0, "restoredCount": 0, "keptCount": 0, "keptRecords": [] });
    if let Some(import) = import_of(session, &job)? {
        let undone = match take_back(session, &known, import.id) {
            Ok(undone) => undone,
            Err(error) => {
                // Somebody else may have been faster.
                let now = session.find_import(import.id)?;
                let is_undone = now.is_some_and(|import| import.status == ImportStatus::Undone);
                return Err(if is_undone { already(job_id) } else { error.into() });
            }
        };
        let kept: Vec<Value> = undone
            .kept
            .iter()
            .map(|(object, id)| {
                let named = known.named(object);
                let module = named.as_ref().map_or(object.as_str(), |object| module_slug(object));
                json!({ "moduleSlug": module, "recordId": format!("rec_{id}") })
            })
            .collect();
        told = json!({
            "deletedCount": undone.deleted,
            "restoredCount": undone.restored,
            "keptCount": undone.undo.ledger.count(Fate::Conflicted),
            "keptRecords": kept,
        });
        job.import_id = Some(import.id);
    }
    job.status = JobStatus::Cancelled;
    job.finished_at = job.finished_at.or(Some(clock::now()));
    session.save_job(&job)?;
    Ok(told)
}
