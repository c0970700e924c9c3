//! Pipelines: made, read, changed, switched on and off, scheduled, deleted.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::body::{Members, NoBody};
use super::refused::number;
use super::shape::{bad_request, not_found, unprocessable};
use crate::clock;
use crate::http::access::{Actor, Admin, Reader};
use crate::http::answer::{Answer, Failure};
use crate::http::body::Path;
use crate::operations::identities;
use crate::operations::pipelines::definition::{self, must_begin_anew};
use crate::operations::pipelines::run;
use crate::operations::pipelines::saved::{self, Pipeline, Transformed};
use crate::operations::pipelines::schedule;
use crate::server::app::App;
use crate::server::connections::{self, Connection};
use crate::server::scheduler;
use dray_model::catalog::Session;
use dray_model::{Error, Result};

/// A pipeline as a request describes it, for the document; what comes is read with its own rules.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "it describes the body, which is read with its own rules")]
pub struct PipelineBody {
    /// 1 to 60 characters.
    name: String,
    /// The number of the connection; only where the pipeline is made.
    connection: Option<i64>,
    /// `User`; only where the pipeline is made.
    target: Option<String>,
    /// It runs by its schedule and on request.
    enabled: Option<bool>,
    /// `csv`, `excel`, `json` or `parquet`.
    format: String,
    /// Where the file is; a `*` in its name means the newest of those that match, `${today}`, `${now}` and
    /// `${unix}` stand for the time of an export.
    path: String,
    /// The sheet of a workbook.
    sheet: Option<String>,
    /// Empty, `Zip`, `Gzip` or `Snappy`.
    compression: Option<String>,
    /// The settings of the format.
    format_settings: Option<Map<String, Value>>,
    /// `{logical, conditions: [{property, operator, values}]}`.
    filter: Option<Map<String, Value>>,
    /// The column that identifies the user.
    #[serde(rename = "userIDColumn")]
    user_id_column: Option<String>,
    /// The column with the time of the last update.
    updated_at_column: Option<String>,
    /// `ISO8601`, `Excel` or a format of strftime.
    updated_at_format: Option<String>,
    /// Pass over what was not updated since the last run.
    incremental: Option<bool>,
    /// `{mapping: {path: expression}}` or `{function: {source, language, preserveJSON, inPaths, outPaths}}`.
    transformation: Option<Map<String, Value>>,
    /// What is read.
    in_schema: Map<String, Value>,
    /// What comes out.
    out_schema: Option<Map<String, Value>>,
    /// The property an export is sorted by.
    order_by: Option<String>,
    /// The file must have exactly the types of `inSchema`.
    strict: Option<bool>,
    /// Among rows of one user the newest counts, and not the last.
    newest_wins: Option<bool>,
}

/// A pipeline as the API shows it.
pub(super) fn shown(pipeline: &Pipeline, connection: &Connection, running: bool) -> Value {
    let schema = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    let (mapping, function) = match &pipeline.transformation {
        Some(Transformed::Mapping(mapping)) => (Value::Object(mapping.clone()), Value::Null),
        Some(Transformed::Function(function)) => (
            Value::Null,
            json!({
                "source": function.source, "language": function.language,
                "preserveJSON": function.preserve_json,
                "inPaths": function.in_paths, "outPaths": function.out_paths,
            }),
        ),
        None => (Value::Null, Value::Null),
    };
    let period = pipeline.period.as_deref();
    let mut shown = json!({
        "id": pipeline.id,
        "name": pipeline.name,
        "connector": connection.connector.code(),
        "connectorType": "FileStorage",
        "connection": pipeline.connection,
        "connectionRole": pipeline.role.word(),
        "target": "User",
        "enabled": pipeline.enabled,
        "format": pipeline.format.code(),
        "path": pipeline.path,
        "sheet": pipeline.sheet,
        "compression": pipeline.packing.name(),
        "formatSettings": pipeline.settings.to_json(pipeline.format, pipeline.role),
        "filter": pipeline.filter.as_deref().map(schema),
        "incremental": pipeline.incremental,
        "inSchema": schema(&pipeline.in_schema),
        "running": running,
        "scheduleStart": period.map(|_| pipeline.start),
        "schedulePeriod": period,
    });
    let more = if pipeline.transformation.is_some() {
        json!({
            "userIDColumn": pipeline.user_id_column,
            "updatedAtColumn": pipeline.updated_at_column,
            "updatedAtFormat": pipeline.updated_at_format,
            "transformation": { "mapping": mapping, "function": function },
            "outSchema": pipeline.out_schema.as_deref().map(schema),
            "strict": pipeline.strict,
            "newestWins": pipeline.newest_wins,
        })
    } else {
        json!({ "orderBy": pipeline.order_by, "outSchema": null })
    };
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, more) {
        shown.extend(more);
    }
    shown
}

/// The same, looked up.
pub(super) fn shown_of(session: &mut dyn Session, pipeline: &Pipeline) -> Result<Value> {
    let connection = connections::find(session, pipeline.connection)?
        .ok_or_else(|| Error::store("the connection of a pipeline is gone").retryable())?;
    let running = run::live(session, pipeline.id)?.is_some();
    Ok(shown(pipeline, &connection, running))
}

pub(super) fn no_such_pipeline(id: i64) -> Failure {
    not_found(format!("there is no pipeline {id}"))
}

fn details_of(pipeline: &Pipeline) -> Value {
    json!({ "name": pipeline.name, "connection": pipeline.connection, "format": pipeline.format.code() })
}

async fn audited(app: &App, actor: &Actor, action: &str, id: i64, details: Value) {
    app.audit(actor.organization(), actor.entry(action, id.to_string(), details)).await;
}

/// Make a pipeline.
#[utoipa::path(post, path = "/v1/pipelines", tag = "pipelines", request_body = PipelineBody, responses((status = 200, description = "`{id}`"), (status = 422, description = "ConnectionNotExist, FormatNotExist, InvalidSettings, UnsupportedLanguage")), security(("key" = [])))]
pub async fn create(State(app): State<App>, Admin(actor): Admin, body: Members) -> Answer<Json<Value>> {
    let connection = definition::connection_of(&body.0)?;
    let languages = app.languages().await;
    let found = app.run(actor.organization(), move |session| connections::find(session, connection)).await?;
    let Some(found) = found else {
        return Err(unprocessable("ConnectionNotExist", format!("there is no connection {connection}")));
    };
    let mut pipeline = definition::read(&body.0, found.role, &languages)?;
    pipeline.connection = connection;
    pipeline.start = schedule::start_of(connection);
    let made = app
        .run(actor.organization(), move |session| {
            let made = saved::create(session, pipeline, clock::now())?;
            // It may have been deleted meanwhile, with its pipelines.
            if connections::find(session, connection)?.is_none() {
                saved::delete(session, made.id)?;
            }
            Ok(made)
        })
        .await?;
    audited(&app, &actor, "pipeline.create", made.id, details_of(&made)).await;
    Ok(Json(json!({ "id": made.id })))
}

/// List the pipelines of the organization.
#[utoipa::path(get, path = "/v1/pipelines", tag = "pipelines", responses((status = 200, description = "`{pipelines}`, the oldest first")), security(("key" = [])))]
pub async fn list(State(app): State<App>, Reader(actor): Reader, _none: NoBody) -> Answer<Json<Value>> {
    let pipelines = app
        .run(actor.organization(), |session| {
            let mut shown = Vec::new();
            for pipeline in saved::list(session)? {
                shown.push(shown_of(session, &pipeline)?);
            }
            Ok(shown)
        })
        .await?;
    Ok(Json(json!({ "pipelines": pipelines })))
}

/// One pipeline.
#[utoipa::path(get, path = "/v1/pipelines/{id}", tag = "pipelines", params(("id" = String, Path)), responses((status = 200, description = "The pipeline"), (status = 404)), security(("key" = [])))]
pub async fn get(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(id): Path<String>,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let id = number(&id, "pipeline")?;
    let shown = app
        .run(actor.organization(), move |session| match saved::find(session, id)? {
            Some((pipeline, _)) => shown_of(session, &pipeline).map(Some),
            None => Ok(None),
        })
        .await?;
    shown.map(Json).ok_or_else(|| no_such_pipeline(id))
}

/// Change a pipeline: everything is said again.
#[utoipa::path(put, path = "/v1/pipelines/{id}", tag = "pipelines", params(("id" = String, Path)), request_body = PipelineBody, responses((status = 200, description = "Nothing"), (status = 404), (status = 422, description = "FormatNotExist, InvalidSettings, UnsupportedLanguage")), security(("key" = [])))]
pub async fn change(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    body: Members,
) -> Answer<StatusCode> {
    let id = number(&id, "pipeline")?;
    let found = app.run(actor.organization(), move |session| saved::find(session, id)).await?;
    let (before, _) = found.ok_or_else(|| no_such_pipeline(id))?;
    let wanted = definition::read(&body.0, before.role, &app.languages().await)?;
    let changed = app
        .run(actor.organization(), move |session| {
            saved::change(session, id, clock::now(), &mut |pipeline| {
                let filled = wanted.filled_paths();
                let mut dropped = pipeline.dropped_paths.clone();
                dropped.extend(pipeline.filled_paths());
                dropped.retain(|path| !filled.contains(path));
                dropped.sort();
                dropped.dedup();
                *pipeline = Pipeline {
                    id: pipeline.id,
                    connection: pipeline.connection,
                    role: pipeline.role,
                    period: pipeline.period.clone(),
                    start: pipeline.start,
                    cursor: pipeline.cursor.filter(|_| !must_begin_anew(pipeline, &wanted)),
                    dropped_paths: dropped,
                    ..wanted.clone()
                };
            })
        })
        .await?;
    let changed = changed.ok_or_else(|| no_such_pipeline(id))?;
    if changed.enabled && !before.enabled {
        let switched_on = changed.clone();
        app.run(actor.organization(), move |session| {
            let now = session.time()?;
            scheduler::begin_from(session, &switched_on, now)
        })
        .await?;
    }
    audited(&app, &actor, "pipeline.change", id, details_of(&changed)).await;
    Ok(StatusCode::OK)
}

/// Delete a pipeline with the identities it brought.
#[utoipa::path(delete, path = "/v1/pipelines/{id}", tag = "pipelines", params(("id" = String, Path)), responses((status = 200, description = "Nothing"), (status = 404)), security(("key" = [])))]
pub async fn delete(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    _none: NoBody,
) -> Answer<StatusCode> {
    let id = number(&id, "pipeline")?;
    let deleted = app
        .run(actor.organization(), move |session| {
            if !saved::delete(session, id)? {
                return Ok(false);
            }
            if let Some(live) = run::live(session, id)? {
                session.cancel_job(live.id, clock::now())?;
            }
            run::forget(session, id)?;
            scheduler::forget(session, id)?;
            identities::delete_of_pipeline(session, id)?;
            Ok(true)
        })
        .await?;
    if !deleted {
        return Err(no_such_pipeline(id));
    }
    audited(&app, &actor, "pipeline.delete", id, json!({})).await;
    Ok(StatusCode::OK)
}

/// Whether a pipeline runs.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[allow(dead_code, reason = "it describes the body, which is read with its own rules")]
pub struct StatusBody {
    /// False: neither by its schedule nor on request.
    enabled: bool,
}

/// Switch a pipeline on or off.
#[utoipa::path(put, path = "/v1/pipelines/{id}/status", tag = "pipelines", params(("id" = String, Path)), request_body = StatusBody, responses((status = 200, description = "Nothing"), (status = 404)), security(("key" = [])))]
pub async fn set_status(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    body: Members,
) -> Answer<StatusCode> {
    let id = number(&id, "pipeline")?;
    let enabled = body.get("enabled").and_then(Value::as_bool);
    let enabled = enabled.ok_or_else(|| bad_request("`enabled` must be true or false"))?;
    let changed = app
        .run(actor.organization(), move |session| {
            let was_enabled = saved::find(session, id)?.is_some_and(|(pipeline, _)| pipeline.enabled);
            let changed =
                saved::change(session, id, clock::now(), &mut |pipeline| pipeline.enabled = enabled)?;
            if let Some(pipeline) = changed.as_ref().filter(|_| enabled && !was_enabled) {
                // What was due while it was off is not made up for.
                let now = session.time()?;
                scheduler::begin_from(session, pipeline, now)?;
            }
            Ok(changed)
        })
        .await?;
    changed.ok_or_else(|| no_such_pipeline(id))?;
    audited(&app, &actor, "pipeline.status", id, json!({ "enabled": enabled })).await;
    Ok(StatusCode::OK)
}

/// How often a pipeline runs.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[allow(dead_code, reason = "it describes the body, which is read with its own rules")]
pub struct ScheduleBody {
    /// `5m`, `15m`, `30m`, `1h`, `2h`, `3h`, `6h`, `8h`, `12h` or `24h`; null for never.
    period: Option<String>,
    /// The minute of the day (UTC) from which on, 0 to 1439; it stays as it is where it is left out.
    start: Option<u16>,
}

/// Set how often a pipeline runs by itself.
#[utoipa::path(put, path = "/v1/pipelines/{id}/schedule", tag = "pipelines", params(("id" = String, Path)), request_body = ScheduleBody, responses((status = 200, description = "Nothing"), (status = 404)), security(("key" = [])))]
pub async fn set_schedule(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    body: Members,
) -> Answer<StatusCode> {
    let id = number(&id, "pipeline")?;
    if !body.0.contains_key("period") {
        return Err(bad_request("`period` is missing: how often, or null for never"));
    }
    let period = body.text("period")?.map(str::to_owned);
    if let Some(period) = &period
        && schedule::minutes_of(period).is_none()
    {
        let known: Vec<&str> = schedule::PERIODS.iter().map(|(name, _)| *name).collect();
        return Err(bad_request(format!("`period` must be null or one of {}", known.join(", "))));
    }
    let start = match body.get("start") {
        None => None,
        Some(start) => {
            let minute =
                start.as_u64().and_then(|start| u16::try_from(start).ok()).filter(|start| *start < 1440);
            Some(minute.ok_or_else(|| bad_request("`start` must be a minute of the day, 0 to 1439"))?)
        }
    };
    let details = json!({ "period": period, "start": start });
    let changed = app
        .run(actor.organization(), move |session| {
            let now = session.time()?;
            let changed = saved::change(session, id, now, &mut |pipeline| {
                pipeline.period.clone_from(&period);
                pipeline.start = start.unwrap_or(pipeline.start);
            })?;
            if let Some(pipeline) = &changed {
                // What was due before is not what was asked for.
                scheduler::begin_from(session, pipeline, now)?;
            }
            Ok(changed)
        })
        .await?;
    changed.ok_or_else(|| no_such_pipeline(id))?;
    audited(&app, &actor, "pipeline.schedule", id, details).await;
    Ok(StatusCode::OK)
}
