//! Imports in two steps: a file is sent and answered with a plan; the plan is confirmed within an hour.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dray_model::Error;
use dray_model::flow::ImportStatus;
use serde_json::{Value, json};

use super::shapes::{object_of, refused, short};
use super::upload::{drop_file, receive};
use crate::clock;
use crate::http::access::{Actor, Admin, Planner};
use crate::http::answer::{Answer, Failure};
use crate::http::body::Path;
use crate::http::once::Repeatable;
use crate::operations::import::Watch;
use crate::operations::import_job::{ImportJob, KIND};
use crate::operations::ledger::{
    change_json, detected_json, fates_json, groups_json, json as ledger_json, mapping_json, problem_json,
    time,
};
use crate::operations::objects::KnownObjects;
use crate::operations::outcomes::{ImportNote, save_note};
use crate::operations::plans::{self, Confirmed, PLAN_TIME, Plan, Planned};
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};
use crate::server::jobs::import::{describe_failed, failed_name, kept_source};
use crate::server::queue::{new_job, submit};

/// Ends blocking work when whoever asked for it does not wait any more.
struct StopOnDrop(Arc<Watch>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// The form of an import.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only described: the parts are read as they come")]
pub(super) struct ImportForm {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    file: (),
    /// A JSON object: column → field; null leaves a column out.
    mapping: Option<String>,
    /// A JSON object: field → value for all rows.
    set: Option<String>,
    /// A JSON array of cells to write anew: `[{"row": 3, "column": "E-mail", "value": "a@b.c"}]`; null empties one.
    edits: Option<String>,
    /// A JSON array of texts to replace, in one column or (null) in all:
    /// `[{"column": "Status", "find": "Active", "value": "enabled", "whole": true, "ignore_case": true}]`.
    replace: Option<String>,
    /// Fields with commas by which rows meet records.
    #[schema(rename = "match")]
    match_by: Option<String>,
    /// `skip`, `update` or `create`.
    on_duplicate: Option<String>,
    /// `fill_empty`, `overwrite` or `prefer_import`.
    merge: Option<String>,
    /// `atomic` or `partial`.
    mode: Option<String>,
    /// The most rejected rows.
    max_rejected: Option<String>,
    /// `true` makes records that references name and nobody finds.
    create_references: Option<String>,
    /// `true` leaves a reference empty that finds no record.
    leave_references_empty: Option<String>,
    /// `day_first` or `month_first`.
    dates: Option<String>,
    /// The format of the file, where it is not to be found out.
    format: Option<String>,
    /// The encoding of the text.
    encoding: Option<String>,
    /// What stands between cells.
    delimiter: Option<String>,
    /// What stands around cells.
    quote: Option<String>,
    /// What stands before a quote within a cell.
    escape: Option<String>,
    /// The row that names the columns.
    header_row: Option<String>,
    /// Rows to leave out.
    skip_rows: Option<String>,
    /// The sheet of a workbook.
    sheet: Option<String>,
    /// The file within an archive.
    member: Option<String>,
    /// Where the records of a JSON file are.
    records: Option<String>,
    /// `true` makes columns of the members of objects.
    flatten: Option<String>,
}

/// Plan an import: send a file, get what would happen.
///
/// The part `file` is the file; further parts say how: `mapping` and `set` (JSON objects: column → field,
/// field → value), `edits` and `replace` (JSON arrays: cells written anew, texts replaced), `match` (fields with commas), `on_duplicate`, `merge`, `mode`, `max_rejected`,
/// `create_references`, `leave_references_empty`, `dates` (`day_first`, `month_first`), and how the file is
/// read: `format`, `encoding`, `delimiter`, `quote`, `escape`, `header_row`, `skip_rows`, `sheet`, `member`,
/// `records`, `flatten`. Nothing is written to any record.
#[utoipa::path(
    post, path = "/api/v1/objects/{object}/import", tag = "imports", params(("object" = String, Path)),
    request_body(content_type = "multipart/form-data", content = ImportForm),
    responses(
        (status = 200, description = "`{id, columns, mapping, preview, plan, problems, changes, expires_at}`"),
        (status = 403, description = "PLAN_LIMIT"),
        (status = 422, description = "IMPORT_REFUSED with every problem; nothing is kept"),
    ),
    security(("key" = []))
)]
pub async fn plan(
    State(app): State<App>,
    Planner(actor): Planner,
    Path(object): Path<String>,
    request: Request,
) -> Answer<Json<Value>> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &object)?;
    let most = object.policy.max_bytes;
    let form = Multipart::from_request(request, &()).await.map_err(|why| {
        Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            format!("send the file as the part `file` of a form (multipart/form-data): {}", why.body_text()),
        )
    })?;
    let upload = receive(&app, actor.organization(), most, form).await?;
    let file = upload.job.file.clone();
    let planned = make(&app, &actor, &known, object, upload.job, upload.bytes).await;
    if planned.is_err() {
        drop_file(&app, actor.organization(), file).await;
    }
    planned.map(Json)
}

/// Plans the import of a kept file, and keeps the plan; its answer, whose `id` is the plan's.
pub async fn make(
    app: &App,
    actor: &Actor,
    known: &KnownObjects,
    object: Arc<dray_model::object::Object>,
    job: ImportJob,
    bytes: u64,
) -> Answer<Value> {
    let quota = actor.organization.plan.quota();
    let watch = Arc::new(Watch::default());
    let _stop = StopOnDrop(Arc::clone(&watch));
    let created_at = clock::now();
    let (of_work, name) = (known.clone(), object.name().to_owned());
    let (of_source, of_plan) = (job.clone(), Arc::clone(&object));
    let (ours, organization) = (app.clone(), actor.organization().to_owned());
    let planned = app
        .run(actor.organization(), move |session| {
            let Some(source) = kept_source(&ours, &organization, &of_source)? else {
                return Ok(Err(file_gone()));
            };
            plans::plan(session, &of_work, &of_plan, &of_source, &source, quota, &watch).map(Ok)
        })
        .await??;
    let (report, preview) = match planned {
        Planned::Done(report, preview) => (report, preview),
        Planned::Exceeded(exceeded) => return Err(exceeded.into()),
        Planned::Refused(error, report) => return Err(import_refused(error, report.as_deref())),
    };
    let fates = fates_json(&report.import.ledger);
    let plan = Plan {
        id: Files::new_id(),
        object: name.clone(),
        bytes,
        actor: actor.name.clone(),
        created_at,
        expires_at: created_at + PLAN_TIME,
        rows: report.import.ledger.read,
        fates: fates.clone(),
        changes: plans::changed_records(&report),
        confirmed: None,
        job,
    };
    let (mapping, ignored) = match &report.mapping {
        Some(mapping) => mapping_json(&object, mapping),
        None => (Value::Null, Value::Null),
    };
    let answer = json!({
        "id": plan.id, "object": name, "source": plan.job.source_name, "rows": plan.rows,
        "columns": preview.columns, "mapping": mapping, "ignored": ignored, "preview": preview.rows,
        "plan": fates,
        "problems": report.problems.iter().map(problem_json).collect::<Vec<_>>(),
        "errors": report.errors, "warnings": report.warnings,
        "changed_cells": report.changed_cells,
        "changes": report.changes.iter().map(change_json).collect::<Vec<_>>(),
        "unresolved": report.unresolved, "detected": detected_json(&report.detected),
        "is_large": plan.is_large(), "expires_at": time(plan.expires_at),
    });
    let file = StoredFile {
        id: plan.job.file.clone(),
        name: plan.job.source_name.clone(),
        bytes: plan.bytes,
        expires_at: plan.expires_at + PLAN_TIME,
    };
    let mut details = json!({ "plan": plan.id, "source": plan.job.source_name, "fates": plan.fates });
    if !plan.job.edits.is_empty() {
        details["edited_cells"] = plan.job.edits.cells.len().into();
        details["replacements"] = plan.job.edits.replacements.len().into();
    }
    app.run(actor.organization(), move |session| {
        Files::describe(session, &file, created_at)?;
        plan.save(session, created_at)
    })
    .await?;
    app.audit(actor.organization(), actor.entry("import.plan", name, details)).await;
    Ok(answer)
}

/// 422 with every problem: those of the rows, or the one that the whole file has.
fn import_refused(error: Error, report: Option<&crate::operations::import::ImportReport>) -> Failure {
    let message = match &error.hint {
        Some(hint) => format!("{}: {hint}", error.message),
        None => error.message.clone(),
    };
    let Some(report) = report else {
        let problem = json!({
            "row": 0, "line": 0, "column": null, "field": null, "code": "file", "severity": "error",
            "value": null, "message": message,
        });
        return refused("IMPORT_REFUSED", message, &[]).details(json!({ "problems": [problem] }));
    };
    let mut failure = refused("IMPORT_REFUSED", message, &report.problems);
    if let Some(Value::Object(details)) = &mut failure.details {
        details.insert("errors".to_owned(), json!(report.errors));
        details.insert("plan".to_owned(), Value::Object(fates_json(&report.import.ledger)));
    }
    failure
}

/// The file of a plan has gone.
pub fn file_gone() -> Failure {
    Failure::new(StatusCode::GONE, "FILE_GONE", "the file of this plan is no longer kept: send it again")
}

/// Carry out a plan.
///
/// Answers the ledger; for a large file 202 with the job that does it.
#[utoipa::path(
    post, path = "/api/v1/objects/{object}/import/{id}/confirm", tag = "imports",
    params(("object" = String, Path), ("id" = String, Path, description = "The plan")),
    responses(
        (status = 200, description = "The ledger: `{import, read, created, …, balanced, seconds, problems, …}`"),
        (status = 202, description = "`{job}`"),
        (status = 404), (status = 409, description = "PLAN_EXPIRED, ALREADY_CONFIRMED"), (status = 422),
    ),
    security(("key" = []))
)]
pub async fn confirm(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, id)): Path<(String, String)>,
    Repeatable(repeatable): Repeatable,
) -> Answer<Response> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &object)?;
    let request = if repeatable.is_empty() { format!("once {}", Files::new_id()) } else { repeatable };
    carry_out(&app, &actor, &known, object, id, request).await
}

/// Carries out a plan, or begins a job that does. `request` tells whether it is asked for again.
pub async fn carry_out(
    app: &App,
    actor: &Actor,
    known: &KnownObjects,
    object: Arc<dray_model::object::Object>,
    id: String,
    request: String,
) -> Answer<Response> {
    let wanted = id.clone();
    let found = app.run(actor.organization(), move |session| Plan::find(session, &wanted)).await?;
    let plan = found.filter(|plan| plan.object == object.name());
    let mut plan = plan.ok_or_else(|| Failure::not_found(format!("there is no plan `{}`", short(&id))))?;
    if let Some(confirmed) = &plan.confirmed
        && confirmed.request != request
    {
        return Err(already_confirmed(confirmed));
    }
    if plan.confirmed.is_none() && plan.expires_at <= clock::now() {
        return Err(Failure::conflict("this plan was made more than an hour ago: send the file again")
            .code("PLAN_EXPIRED"));
    }
    let quota = actor.organization.plan.quota();
    let created = plan.fates.get("created").and_then(Value::as_u64).unwrap_or(0);
    let rows = plan.rows;
    if plan.confirmed.is_none() {
        let of_quota = Arc::clone(&object);
        let exceeded = app
            .run(actor.organization(), move |session| {
                session.prepare_object(&of_quota)?;
                quota.exceeded(session, &of_quota, rows, created)
            })
            .await?;
        if let Some(exceeded) = exceeded {
            return Err(exceeded.into());
        }
    }
    plan.job.records_per_object = quota.records_per_object;
    if plan.is_large() {
        return begin_job(app, actor, plan, request).await;
    }
    execute(app, actor, known, plan, request).await
}

fn already_confirmed(confirmed: &Confirmed) -> Failure {
    Failure::conflict("this plan was confirmed already: send the file again to import it again")
        .code("ALREADY_CONFIRMED")
        .details(json!({ "import": confirmed.import, "job": confirmed.job }))
}

/// A large plan becomes a job.
async fn begin_job(app: &App, actor: &Actor, mut plan: Plan, request: String) -> Answer<Response> {
    if let Some(job) = plan.confirmed.as_ref().and_then(|confirmed| confirmed.job) {
        return Ok((StatusCode::ACCEPTED, Json(json!({ "job": job }))).into_response());
    }
    let now = clock::now();
    plan.job.failed_file = Some(Files::new_id());
    plan.job.total_rows = Some(plan.rows);
    plan.job.processing_mode = "background".to_owned();
    plan.job.remove_file = true;
    let job = new_job(KIND, &plan.object, &plan.job, &actor.name, now)?;
    let file = StoredFile {
        id: plan.job.file.clone(),
        name: plan.job.source_name.clone(),
        bytes: plan.bytes,
        expires_at: app.settings().imports_kept_until(now),
    };
    let (name, id) = (plan.object.clone(), plan.id.clone());
    let begun = app
        .run(actor.organization(), move |session| {
            if let Some(confirmed) = plan.confirm(session, &request, now)? {
                return Ok(Err(already_confirmed(&confirmed)));
            }
            Files::describe(session, &file, now)?;
            let job = submit(session, job)?;
            plan.confirmed = Some(Confirmed { import: None, job: Some(job.id), request });
            plan.save(session, now)?;
            Ok(Ok(job.id))
        })
        .await??;
    app.queue().wake();
    app.audit(actor.organization(), actor.entry("import.confirm", name, json!({ "plan": id, "job": begun })))
        .await;
    Ok((StatusCode::ACCEPTED, Json(json!({ "job": begun }))).into_response())
}

/// Does what was planned, at once.
async fn execute(
    app: &App,
    actor: &Actor,
    known: &KnownObjects,
    mut plan: Plan,
    request: String,
) -> Answer<Response> {
    let begun = std::time::Instant::now();
    let (ours, organization) = (app.clone(), actor.organization().to_owned());
    let of_work = known.clone();
    let (who, name, plan_id) = (actor.name.clone(), plan.object.clone(), plan.id.clone());
    let executed = app
        .run(actor.organization(), move |session| {
            if let Some(confirmed) = plan.confirm(session, &request, clock::now())? {
                return Ok(Err(already_confirmed(&confirmed)));
            }
            let Some(source) = kept_source(&ours, &organization, &plan.job)? else {
                return Ok(Err(file_gone()));
            };
            let failed_name = failed_name(&plan.job.source_name);
            let format = source.open(0)?.failed_rows();
            let failed = ours.files().failed_rows(&organization, &plan.id, &failed_name, format)?;
            let executed =
                plans::execute(session, &of_work, &plan, &source, Some(failed), &Watch::default())?;
            let report = &executed.report;
            let now = clock::now();
            if !plans::has_effect(report) {
                // Nothing was kept: the plan may be confirmed again.
                plan.confirmed = None;
                plan.save(session, now)?;
                return Ok(Ok(executed));
            }
            let failed_file =
                describe_failed(&ours, &organization, session, &plan.id, &plan.job.source_name)?;
            let object = of_work.named(&plan.object)?;
            let note = ImportNote {
                plan: Some(plan.id.clone()),
                failed_file,
                ..ImportNote::of(report, &object, &who)
            };
            save_note(session, report.import.id, &note, now)?;
            plan.confirmed = Some(Confirmed { import: Some(report.import.id), job: None, request });
            plan.save(session, now)?;
            Ok(Ok(executed))
        })
        .await??;
    let report = &executed.report;
    if let Some(exceeded) = report.exceeded.clone() {
        return Err(exceeded.into());
    }
    let import = report.import.id;
    let ledger = fates_json(&report.import.ledger);
    let details = json!({ "plan": plan_id, "import": import, "fates": ledger });
    app.audit(actor.organization(), actor.entry("import.confirm", name, details)).await;
    if report.import.status == ImportStatus::Failed {
        let message = report.import.message.clone().unwrap_or_else(|| "nothing was imported".to_owned());
        return Err(refused("IMPORT_REFUSED", message, &report.problems));
    }
    let mut out = ledger_json(Some(import), &report.import.ledger, begun.elapsed().as_secs_f64());
    out.insert("status".into(), json!(report.import.status.word()));
    out.insert("problems".into(), groups_json(&report.groups));
    out.insert("detected".into(), detected_json(&report.detected));
    out.insert("unresolved".into(), json!(report.unresolved));
    out.insert("differences".into(), Value::Object(executed.differences));
    out.insert("changed_since".into(), json!(executed.changed_since));
    let has_failed = report.has_failed_rows.then(|| format!("/api/v1/imports/{import}/failed-rows"));
    out.insert("failed_rows".into(), json!(has_failed));
    Ok(Json(Value::Object(out)).into_response())
}
