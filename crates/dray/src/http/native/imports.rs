//! Imports and undos: what was done, what became of each row, and taking it back.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use dray_engine::undo::Undone;
use dray_model::Result;
use dray_model::catalog::{ImportQuery, JobQuery, Session};
use dray_model::flow::Import;
use dray_model::ledger::Fate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{before_of, limit_of, next_cursor, number_of, short, unknown_cursor};
use crate::http::access::{Actor, Admin, Planner};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{Path, Query};
use crate::http::download::send_file;
use crate::operations::import_job::{self, ImportJob};
use crate::operations::ledger::{import_json, problem_json};
use crate::operations::objects::KnownObjects;
use crate::operations::outcomes::{self, ImportNote, TakenBack, note};
use crate::operations::record::SOURCE;
use crate::server::app::App;
use crate::server::files::{Files, StoredFile};

/// Import jobs looked through for the file with rejected rows.
const JOBS_LOOKED_AT: u64 = 1_000;

/// Which imports.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImportsQuery {
    /// Only into this object.
    object: Option<String>,
    /// `true` lists also what was written record by record.
    single: Option<bool>,
    /// 1 to 1000; 100 where it is left out.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List imports and undos, the newest first.
#[utoipa::path(get, path = "/api/v1/imports", tag = "imports", params(ImportsQuery), responses((status = 200, description = "`{imports, next_cursor}`")), security(("key" = [])))]
pub async fn list(
    State(app): State<App>,
    Planner(actor): Planner,
    Query(query): Query<ImportsQuery>,
) -> Answer<Json<Value>> {
    let limit = limit_of(query.limit.as_deref())?;
    let asked = ImportQuery {
        object: query.object,
        without_source: if query.single == Some(true) { None } else { Some(SOURCE.to_owned()) },
        before: before_of(query.cursor.as_deref())?,
        limit,
    };
    let imports = app.run(actor.organization(), move |session| session.query_imports(&asked)).await?;
    let next = next_cursor(imports.last().map(|import| import.id), imports.len(), limit);
    let imports: Vec<Value> = imports.iter().map(|import| Value::Object(import_json(import))).collect();
    Ok(Json(json!({ "imports": imports, "next_cursor": next })))
}

/// The import of an address, with what is remembered beside it.
pub async fn found(app: &App, actor: &Actor, id: &str) -> Answer<(Import, ImportNote)> {
    let number = number_of(id, "import")?;
    let found = app
        .run(actor.organization(), move |session| {
            let Some(import) = session.find_import(number)? else { return Ok(None) };
            let note = note(session, number)?;
            Ok(Some((import, note)))
        })
        .await?;
    found.ok_or_else(|| Failure::not_found(format!("there is no import `{}`", short(id))))
}

/// One import: its ledger, how far it is, which column filled which field.
#[utoipa::path(get, path = "/api/v1/imports/{id}", tag = "imports", params(("id" = String, Path)), responses((status = 200), (status = 404)), security(("key" = [])))]
pub async fn get(
    State(app): State<App>,
    Planner(actor): Planner,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    let (import, note) = found(&app, &actor, &id).await?;
    let mut out = import_json(&import);
    out.insert("actor".into(), json!(note.actor));
    out.insert("plan".into(), json!(note.plan));
    out.insert("mapping".into(), note.mapping);
    out.insert("ignored".into(), note.ignored);
    out.insert("detected".into(), note.detected);
    Ok(Json(Value::Object(out)))
}

/// Which rows of an import.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RowsQuery {
    /// Only rows with this fate: created, updated, unchanged, duplicate, filtered, rejected, conflicted, not_reached.
    fate: Option<String>,
    /// 1 to 1000; 100 where it is left out.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What became of each row of an import: its fate and the record it is about.
#[utoipa::path(get, path = "/api/v1/imports/{id}/rows", tag = "imports", params(("id" = String, Path), RowsQuery), responses((status = 200, description = "`{rows: [{row, fate, record}], next_cursor}`"), (status = 404)), security(("key" = [])))]
pub async fn rows(
    State(app): State<App>,
    Planner(actor): Planner,
    Path(id): Path<String>,
    Query(query): Query<RowsQuery>,
) -> Answer<Json<Value>> {
    let limit = limit_of(query.limit.as_deref())?;
    let fate = match query.fate.as_deref() {
        None => None,
        Some(word) => Some(Fate::ALL.into_iter().find(|fate| fate.word() == word).ok_or_else(|| {
            let words: Vec<&str> = Fate::ALL.iter().map(|fate| fate.word()).collect();
            Failure::validation(format!("`{}` is no fate: use one of {}", short(word), words.join(", ")))
        })?),
    };
    let after = before_of(query.cursor.as_deref())?.and_then(|row| u64::try_from(row).ok()).unwrap_or(0);
    let (import, _) = found(&app, &actor, &id).await?;
    let most = usize::try_from(limit).unwrap_or(0);
    let rows = app
        .run(actor.organization(), move |session| outcomes::row_fates(session, import.id, fate, after, most))
        .await?;
    let last = rows.last().and_then(|row| i64::try_from(row.row).ok());
    let next = next_cursor(last, rows.len(), limit);
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| json!({ "row": row.row, "fate": row.fate.word(), "record": row.record }))
        .collect();
    Ok(Json(json!({ "rows": rows, "next_cursor": next })))
}

/// Which problems of an import.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ProblemsQuery {
    /// 1 to 1000; 100 where it is left out.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Everything that was wrong with the rows of an import, in their order.
#[utoipa::path(get, path = "/api/v1/imports/{id}/problems", tag = "imports", params(("id" = String, Path), ProblemsQuery), responses((status = 200, description = "`{problems, next_cursor}`"), (status = 404)), security(("key" = [])))]
pub async fn problems(
    State(app): State<App>,
    Planner(actor): Planner,
    Path(id): Path<String>,
    Query(query): Query<ProblemsQuery>,
) -> Answer<Json<Value>> {
    let limit = limit_of(query.limit.as_deref())?;
    let after = match query.cursor.as_deref() {
        None => (0, 0),
        Some(text) => text
            .split_once('-')
            .and_then(|(row, sequence)| Some((row.parse().ok()?, sequence.parse().ok()?)))
            .filter(|(row, _)| i64::try_from(*row).is_ok())
            .ok_or_else(unknown_cursor)?,
    };
    let (import, _) = found(&app, &actor, &id).await?;
    let found =
        app.run(actor.organization(), move |session| session.problems_after(import.id, after, limit)).await?;
    app.audit(actor.organization(), actor.entry("import.problems", id, json!({}))).await;
    let last = found.last().filter(|_| found.len() as u64 >= limit);
    let next = last.map(|last| format!("{}-{}", last.problem.row_number, last.sequence));
    let problems: Vec<Value> = found.iter().map(|numbered| problem_json(&numbered.problem)).collect();
    Ok(Json(json!({ "problems": problems, "next_cursor": next })))
}

/// The file with an import's rejected rows.
fn failed_file(session: &mut dyn Session, import: &Import, note: &ImportNote) -> Result<Option<StoredFile>> {
    if let Some(id) = &note.failed_file {
        return Files::find(session, id);
    }
    // An import that was done as a job: the job knows.
    let query = JobQuery {
        kind: Some(import_job::KIND.to_owned()),
        object: Some(import.object.clone()),
        before: None,
        limit: JOBS_LOOKED_AT,
    };
    let job = session.list_jobs(&query)?.into_iter().find(|job| job.import_id == Some(import.id));
    let Some(job) = job else { return Ok(None) };
    match ImportJob::parse(&job.request)?.failed_file {
        Some(id) => Files::find(session, &id),
        None => Ok(None),
    }
}

/// Download the rejected rows as they were sent, with the reasons: repair them there and send that file.
#[utoipa::path(get, path = "/api/v1/imports/{id}/failed-rows", tag = "imports", params(("id" = String, Path)), responses((status = 200, description = "The file"), (status = 404)), security(("key" = [])))]
pub async fn failed_rows(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    rejected(&app, &actor, &id, &headers).await
}

/// The rejected rows of an import as a file.
pub async fn rejected(app: &App, actor: &Actor, id: &str, headers: &HeaderMap) -> Answer<Response> {
    let (import, note) = found(app, actor, id).await?;
    let number = import.id;
    let file = app.run(actor.organization(), move |session| failed_file(session, &import, &note)).await?;
    let none = || Failure::not_found(format!("no rejected rows of import {number} are kept"));
    let file = file.ok_or_else(none)?;
    let sent = send_file(app, actor.organization(), &file, headers).await?.ok_or_else(none)?;
    app.audit(actor.organization(), actor.entry("import.failed_rows", number.to_string(), json!({}))).await;
    Ok(sent)
}

/// Take an import back: what it created is deleted, what it changed is put back, what somebody changed since
/// is kept and named.
#[utoipa::path(post, path = "/api/v1/imports/{id}/undo", tag = "imports", params(("id" = String, Path)), responses((status = 200, description = "`{undo, deleted, restored, kept}`"), (status = 404), (status = 409)), security(("key" = [])))]
pub async fn undo(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    let number = number_of(&id, "import")?;
    let undone = take_back(&app, &actor, number).await?;
    let kept: Vec<Value> =
        undone.kept.iter().map(|(object, record)| json!({ "object": object, "record": record })).collect();
    Ok(Json(json!({
        "import": number, "undo": undone.undo.id, "deleted": undone.deleted, "restored": undone.restored,
        "conflicted": undone.undo.ledger.count(Fate::Conflicted), "kept": kept,
    })))
}

/// Takes an import back.
pub async fn take_back(app: &App, actor: &Actor, number: i64) -> Answer<Box<Undone>> {
    let taken = app
        .run(actor.organization(), move |session| {
            let known = KnownObjects::load(session)?;
            outcomes::undo_import(session, &known, number)
        })
        .await?;
    let undone = match taken {
        TakenBack::Done(undone) => undone,
        TakenBack::Missing => return Err(Failure::not_found(format!("there is no import `{number}`"))),
        TakenBack::Conflict(why) => return Err(Failure::conflict(why)),
    };
    let details = json!({ "undo": undone.undo.id, "deleted": undone.deleted, "restored": undone.restored });
    app.audit(actor.organization(), actor.entry("import.undo", number.to_string(), details)).await;
    Ok(undone)
}
