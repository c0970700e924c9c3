//! Runs of pipelines: begun, looked at, stopped; what was wrong, and how many records passed each step when.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use dray_engine::expression::clock::parse_iso8601;
use dray_engine::pipeline::steps::{Counts, STEPS, Step};
use dray_model::catalog::{Job, JobStatus};
use dray_model::value::append_datetime;
use serde_json::{Value, json};

use super::body::{Members, NoBody};
use super::definitions::no_such_pipeline;
use super::refused::number;
use super::shape::{bad_request, not_found, unprocessable};
use crate::clock;
use crate::http::access::{Admin, Reader};
use crate::http::answer::Answer;
use crate::http::body::Path;
use crate::http::download::send_file;
use crate::operations::pipelines::run::{self, RunResult, pipeline_of};
use crate::operations::pipelines::saved;
use crate::server::app::App;
use crate::server::files::Files;
use crate::server::scheduler::new_run;
use crate::storage::Role;

/// Runs that a list shows unless told otherwise, and at most.
const MOST_RUNS: u64 = 1_000;
/// Runs looked at for metrics and errors.
const MOST_LOOKED_AT: usize = 200_000;
/// Microseconds.
const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn time(micros: i64) -> String {
    let mut text = String::new();
    append_datetime(micros, &mut text);
    text
}

/// A run as the API shows it.
fn shown(job: &Job) -> Value {
    let result = RunResult::parse(job.result.as_deref());
    let ended = job.status.is_final();
    // Counters are told once they count.
    let counts = if ended { result.counts } else { Counts::default() };
    let error = match job.status {
        JobStatus::Completed | JobStatus::Pending | JobStatus::Running => String::new(),
        JobStatus::Cancelled => "the run was cancelled".to_owned(),
        JobStatus::Failed if result.error.is_empty() => job.error.clone().unwrap_or_default(),
        JobStatus::Failed => result.error.clone(),
    };
    let mut shown = json!({
        "id": job.id,
        "pipeline": pipeline_of(job),
        "startTime": time(job.started_at.unwrap_or(job.created_at)),
        "endTime": job.finished_at.filter(|_| ended).map(time),
        "passed": counts.passed,
        "failed": counts.failed,
        "error": error,
        "status": job.status.word(),
        "progress": job.progress.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()),
    });
    if ended && let Value::Object(shown) = &mut shown {
        shown.insert("path".to_owned(), result.path.into());
        shown.insert("full".to_owned(), result.full.into());
        shown.insert("notNewer".to_owned(), result.not_newer.into());
        shown.insert("purged".to_owned(), result.purged.into());
        let import = (result.import > 0).then_some(result.import);
        shown.insert("import".to_owned(), import.into());
        shown.insert("ledger".to_owned(), json!(result.ledger));
        let rows = result.failed_file.map(|_| format!("/v1/pipelines/runs/{}/failed-rows", job.id));
        shown.insert("failedRows".to_owned(), rows.into());
    }
    shown
}

/// What a run shall do otherwise.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[allow(dead_code, reason = "it describes the body, which is read with its own rules")]
pub struct RunBody {
    /// Only what was updated since the last run, or everything; as the pipeline says where it is left out.
    incremental: Option<bool>,
}

/// Run a pipeline now.
#[utoipa::path(post, path = "/v1/pipelines/{id}/runs", tag = "pipelines", params(("id" = String, Path)), request_body = RunBody, responses((status = 200, description = "`{id}` of the run"), (status = 404), (status = 422, description = "CannotRunIncrementally, PipelineDisabled, PipelineAlreadyRunning")), security(("key" = [])))]
pub async fn start(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    body: Members,
) -> Answer<Json<Value>> {
    let id = number(&id, "pipeline")?;
    let incremental = match body.get("incremental") {
        None => None,
        Some(value) => Some(value.as_bool().ok_or_else(|| bad_request("`incremental` must be true, false or null"))?),
    };
    let found = app.run(actor.organization(), move |session| saved::find(session, id)).await?;
    let (pipeline, _) = found.ok_or_else(|| no_such_pipeline(id))?;
    if incremental.is_some() && pipeline.role == Role::Destination {
        return Err(bad_request("`incremental` means nothing for an export: leave it out"));
    }
    if incremental == Some(true) && pipeline.updated_at_column.is_none() {
        return Err(unprocessable(
            "CannotRunIncrementally",
            "the pipeline has no `updatedAtColumn`, by which an incremental run could tell what is new",
        ));
    }
    if !pipeline.enabled {
        return Err(unprocessable("PipelineDisabled", format!("the pipeline {id} is switched off")));
    }
    let by = actor.name.clone();
    let begun = app
        .run(actor.organization(), move |session| {
            let now = session.time()?;
            let job = new_run(&pipeline, incremental, &by, now)?;
            run::begin(session, &pipeline, &job, now, &mut |_| Ok(true))
        })
        .await?;
    let Some(job) = begun else {
        return Err(unprocessable("PipelineAlreadyRunning", format!("the pipeline {id} is running")));
    };
    app.queue().wake();
    let details = json!({ "run": job.id, "incremental": incremental });
    app.audit(actor.organization(), actor.entry("pipeline.run", id.to_string(), details)).await;
    Ok(Json(json!({ "id": job.id })))
}

/// A query whose names may stand several times.
struct Asked(Vec<(String, String)>);

impl Asked {
    fn of(query: Option<&str>) -> Self {
        Self(url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    fn one(&self, name: &str) -> Answer<Option<&str>> {
        let mut found = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        match (found.next(), found.next()) {
            (first, None) => Ok(first.filter(|value| !value.is_empty())),
            _ => Err(bad_request(format!("`{name}` stands twice"))),
        }
    }

    fn number(&self, name: &str, default: u64, within: std::ops::RangeInclusive<u64>) -> Answer<u64> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        let number = text.parse().ok().filter(|number| within.contains(number));
        number.ok_or_else(|| {
            bad_request(format!("`{name}` must be a number from {} to {}", within.start(), within.end()))
        })
    }

    /// Numbers with commas between them, or under the same name.
    fn numbers(&self, name: &str) -> Answer<Option<Vec<i64>>> {
        let mut found = self.0.iter().filter(|(known, _)| known == name).peekable();
        if found.peek().is_none() {
            return Ok(None);
        }
        let parts = found.flat_map(|(_, value)| value.split(','));
        parts.map(|part| number(part.trim(), name.trim_end_matches('s'))).collect::<Answer<_>>().map(Some)
    }
}

/// List runs, the newest first.
#[utoipa::path(get, path = "/v1/pipelines/runs", tag = "pipelines", params(("pipelines" = Option<String>, Query, description = "Only those of these pipelines"), ("before" = Option<i64>, Query, description = "Only those with a number below"), ("limit" = Option<u64>, Query, description = "At most so many, 1 to 1000")), responses((status = 200, description = "`{runs}`")), security(("key" = [])))]
pub async fn list(
    State(app): State<App>,
    Reader(actor): Reader,
    RawQuery(query): RawQuery,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let asked = Asked::of(query.as_deref());
    let pipelines = asked.numbers("pipelines")?;
    let before = match asked.one("before")? {
        Some(before) => Some(number(before, "run")?),
        None => None,
    };
    let limit = usize::try_from(asked.number("limit", MOST_RUNS, 1..=MOST_RUNS)?).unwrap_or(1);
    let runs = app
        .run(actor.organization(), move |session| {
            let wanted = |job: &Job| {
                pipelines.as_ref().is_none_or(|pipelines| pipelines.contains(&pipeline_of(job)))
            };
            run::list(session, before, limit, &wanted, &|_| true)
        })
        .await?;
    Ok(Json(json!({ "runs": runs.iter().map(shown).collect::<Vec<_>>() })))
}

async fn found(app: &App, organization: &str, id: &str) -> Answer<Job> {
    let id = number(id, "run")?;
    let job = app.run(organization, move |session| session.find_job(id)).await?;
    job.filter(|job| job.kind == run::KIND).ok_or_else(|| not_found(format!("there is no run {id}")))
}

/// One run.
#[utoipa::path(get, path = "/v1/pipelines/runs/{id}", tag = "pipelines", params(("id" = String, Path)), responses((status = 200, description = "The run"), (status = 404)), security(("key" = [])))]
pub async fn get(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(id): Path<String>,
    _none: NoBody,
) -> Answer<Json<Value>> {
    Ok(Json(shown(&found(&app, actor.organization(), &id).await?)))
}

/// Stop a run.
#[utoipa::path(post, path = "/v1/pipelines/runs/{id}/cancel", tag = "pipelines", params(("id" = String, Path)), responses((status = 200, description = "Nothing"), (status = 404), (status = 422, description = "RunEnded")), security(("key" = [])))]
pub async fn cancel(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    _none: NoBody,
) -> Answer<StatusCode> {
    let id = found(&app, actor.organization(), &id).await?.id;
    let stopped =
        app.run(actor.organization(), move |session| session.cancel_job(id, clock::now())).await?;
    if !stopped {
        return Err(unprocessable("RunEnded", format!("the run {id} has ended")));
    }
    app.queue().wake();
    app.audit(actor.organization(), actor.entry("pipeline.cancel", id.to_string(), json!({}))).await;
    Ok(StatusCode::OK)
}

/// Download the rejected rows of a run as they were read, with the reasons.
#[utoipa::path(get, path = "/v1/pipelines/runs/{id}/failed-rows", tag = "pipelines", params(("id" = String, Path)), responses((status = 200, description = "The file"), (status = 404)), security(("key" = [])))]
pub async fn failed_rows(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let job = found(&app, actor.organization(), &id).await?;
    let none = || not_found(format!("no rejected rows of the run {} are kept", job.id));
    let file = RunResult::parse(job.result.as_deref()).failed_file.ok_or_else(none)?;
    let file = app.run(actor.organization(), move |session| Files::find(session, &file)).await?;
    let file = file.ok_or_else(none)?;
    let sent = send_file(&app, actor.organization(), &file, &headers).await?.ok_or_else(none)?;
    let entry = actor.entry("pipeline.failed_rows", job.id.to_string(), json!({}));
    app.audit(actor.organization(), entry).await;
    Ok(sent)
}

/// A stretch of time, from one moment to before another.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: i64,
    end: i64,
}

fn stretch(start: &str, end: &str) -> Answer<Stretch> {
    let moment = |text: &str| {
        let micros = parse_iso8601(text).and_then(|nanos| i64::try_from(nanos.div_euclid(1_000)).ok());
        micros.ok_or_else(|| not_found(format!("`{}` is no time of ISO 8601", crate::http::lists::short(text))))
    };
    let stretch = Stretch { start: moment(start)?, end: moment(end)? };
    if stretch.start >= stretch.end {
        return Err(not_found("the stretch of time ends before it begins"));
    }
    Ok(stretch)
}

/// The runs that ended within a stretch of time.
async fn ended_within(
    app: &App,
    organization: &str,
    stretch: Stretch,
    wanted: impl Fn(i64) -> bool + Send + 'static,
) -> Answer<Vec<Job>> {
    let jobs = app
        .run(organization, move |session| {
            let is_wanted = |job: &Job| {
                let ended = job.finished_at.filter(|_| job.status.is_final());
                ended.is_some_and(|ended| ended >= stretch.start && ended < stretch.end)
                    && wanted(pipeline_of(job))
            };
            // A run that was asked for long before may have ended within; none lasts for days.
            let goes_on = |job: &Job| job.created_at >= stretch.start - 2 * DAY;
            run::list(session, None, MOST_LOOKED_AT, &is_wanted, &goes_on)
        })
        .await?;
    Ok(jobs)
}

/// What was wrong in a stretch of time, by pipeline, step and message, the newest first.
#[utoipa::path(get, path = "/v1/pipelines/errors/{start}/{end}", tag = "pipelines", params(("start" = String, Path, description = "ISO 8601"), ("end" = String, Path, description = "ISO 8601, not included"), ("pipelines" = String, Query), ("step" = Option<String>, Query), ("first" = Option<u64>, Query), ("limit" = Option<u64>, Query)), responses((status = 200, description = "`{errors: [{pipeline, step, count, message, lastOccurred, rows, lines, run}]}`"), (status = 404)), security(("key" = [])))]
pub async fn errors(
    State(app): State<App>,
    Reader(actor): Reader,
    Path((start, end)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let stretch = stretch(&start, &end)?;
    let asked = Asked::of(query.as_deref());
    let pipelines =
        asked.numbers("pipelines")?.ok_or_else(|| bad_request("`pipelines` is missing: their numbers"))?;
    let step = match asked.one("step")? {
        None => None,
        Some(name) => {
            let known = Step::from_name(name);
            Some(known.ok_or_else(|| bad_request("`step` must be Receive, InputValidation, Filter, Consent, Transformation, OutputValidation or Finalize"))?)
        }
    };
    let first = usize::try_from(asked.number("first", 0, 0..=9_999)?).unwrap_or(0);
    let limit = usize::try_from(asked.number("limit", 100, 1..=100)?).unwrap_or(1);
    let jobs =
        ended_within(&app, actor.organization(), stretch, move |pipeline| pipelines.contains(&pipeline))
            .await?;
    let mut order: Vec<(i64, Step, String)> = Vec::new();
    let mut groups: BTreeMap<(i64, Step, String), Value> = BTreeMap::new();
    for job in &jobs {
        let result = RunResult::parse(job.result.as_deref());
        for error in result.errors.iter().filter(|error| step.is_none_or(|step| step == error.step)) {
            let key = (pipeline_of(job), error.step, error.message.clone());
            if let Some(known) = groups.get_mut(&key) {
                let count = known["count"].as_u64().unwrap_or(0) + error.count;
                known["count"] = count.into();
                continue;
            }
            let shown = json!({
                "pipeline": key.0, "step": error.step.name(), "count": error.count,
                "message": error.message, "lastOccurred": job.finished_at.map(time),
                "run": job.id, "rows": error.rows, "lines": error.lines,
            });
            order.push(key.clone());
            groups.insert(key, shown);
        }
    }
    let errors: Vec<Value> = order
        .into_iter()
        .skip(first)
        .take(limit)
        .filter_map(|key| groups.remove(&key))
        .collect();
    Ok(Json(json!({ "errors": errors })))
}

/// Whose numbers are asked for.
enum Whose {
    Pipelines(Vec<i64>),
    Connections(Vec<i64>),
    Workspaces(Vec<i64>),
}

async fn metrics(
    app: &App,
    organization: &(String, i64),
    query: Option<&str>,
    stretch: Stretch,
    unit: i64,
) -> Answer<Json<Value>> {
    let asked = Asked::of(query);
    match asked.one("target")? {
        None | Some("User" | "Event") => {}
        Some(_) => return Err(bad_request("`target` must be \"User\" or \"Event\"")),
    }
    let whose = match (asked.numbers("pipelines")?, asked.numbers("connections")?, asked.numbers("workspaces")?) {
        (Some(pipelines), None, None) => Whose::Pipelines(pipelines),
        (None, Some(connections), None) => Whose::Connections(connections),
        (None, None, Some(workspaces)) => Whose::Workspaces(workspaces),
        _ => return Err(bad_request("one of `pipelines`, `connections` and `workspaces` must be there")),
    };
    let pipelines = app.run(&organization.0, saved_list).await?;
    let connection_of: BTreeMap<i64, i64> =
        pipelines.iter().map(|pipeline| (pipeline.id, pipeline.connection)).collect();
    let number = organization.1;
    let owners = match &whose {
        Whose::Pipelines(owners) | Whose::Connections(owners) | Whose::Workspaces(owners) => owners.clone(),
    };
    let owner_of = move |pipeline: i64| match &whose {
        Whose::Pipelines(wanted) => Some(pipeline).filter(|pipeline| wanted.contains(pipeline)),
        Whose::Connections(wanted) => {
            connection_of.get(&pipeline).copied().filter(|connection| wanted.contains(connection))
        }
        Whose::Workspaces(wanted) => wanted.contains(&number).then_some(number),
    };
    let name = if asked.numbers("pipelines")?.is_some() {
        "pipeline"
    } else if asked.numbers("connections")?.is_some() {
        "connection"
    } else {
        "workspace"
    };
    let units = usize::try_from((stretch.end - stretch.start + unit - 1) / unit).unwrap_or(0);
    let mut found: BTreeMap<i64, Vec<Counts>> =
        owners.iter().map(|owner| (*owner, vec![Counts::default(); units])).collect();
    let is_events = asked.one("target")? == Some("Event");
    let jobs = if is_events {
        Vec::new()
    } else {
        ended_within(app, &organization.0, stretch, |_| true).await?
    };
    for job in &jobs {
        let (Some(owner), Some(ended)) = (owner_of(pipeline_of(job)), job.finished_at) else { continue };
        let place = usize::try_from((ended - stretch.start) / unit).unwrap_or(usize::MAX);
        let Some(counts) = found.get_mut(&owner).and_then(|counts| counts.get_mut(place)) else { continue };
        let result = RunResult::parse(job.result.as_deref()).counts;
        for step in 0..STEPS {
            counts.passed[step] += result.passed[step];
            counts.failed[step] += result.failed[step];
        }
    }
    let shown = |owner: &i64| {
        let counts = found.get(owner)?;
        let passed: Vec<_> = counts.iter().map(|counts| counts.passed).collect();
        let failed: Vec<_> = counts.iter().map(|counts| counts.failed).collect();
        Some(json!({ name: owner, "passed": passed, "failed": failed }))
    };
    let shown: Vec<Value> = owners.iter().filter_map(shown).collect();
    Ok(Json(json!({ "start": time(stretch.start), "end": time(stretch.end), "metrics": shown })))
}

fn saved_list(
    session: &mut dyn dray_model::catalog::Session,
) -> dray_model::Result<Vec<saved::Pipeline>> {
    saved::list(session)
}

/// The last so many units that have begun, up to the end of the present one.
fn last(units: &str, most: i64, unit: i64) -> Answer<Stretch> {
    let units = units.parse().ok().filter(|units| (1..=most).contains(units));
    let units: i64 = units.ok_or_else(|| not_found(format!("it must be a number from 1 to {most}")))?;
    let end = clock::now().div_euclid(unit) * unit + unit;
    Ok(Stretch { start: end - units * unit, end })
}

fn organization_of(actor: &crate::http::access::Actor) -> (String, i64) {
    (actor.organization().to_owned(), actor.organization.id)
}

/// Records that passed and failed each step, day by day.
#[utoipa::path(get, path = "/v1/pipelines/metrics/dates/{start}/{end}", tag = "pipelines", params(("start" = String, Path), ("end" = String, Path, description = "Not included"), ("pipelines" = Option<String>, Query), ("connections" = Option<String>, Query), ("workspaces" = Option<String>, Query), ("target" = Option<String>, Query)), responses((status = 200, description = "`{start, end, metrics: [{pipeline, passed, failed}]}`, seven numbers for each unit, the oldest first"), (status = 404)), security(("key" = [])))]
pub async fn metrics_of_dates(
    State(app): State<App>,
    Reader(actor): Reader,
    Path((start, end)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let mut asked = stretch(&start, &end)?;
    asked.start = asked.start.div_euclid(DAY) * DAY;
    asked.end = (asked.end + DAY - 1).div_euclid(DAY) * DAY;
    if asked.end - asked.start > 366 * DAY {
        return Err(not_found("the stretch of time is longer than a year"));
    }
    metrics(&app, &organization_of(&actor), query.as_deref(), asked, DAY).await
}

/// Records that passed and failed each step in the last days.
#[utoipa::path(get, path = "/v1/pipelines/metrics/days/{days}", tag = "pipelines", params(("days" = String, Path, description = "1 to 30"), ("pipelines" = Option<String>, Query), ("connections" = Option<String>, Query), ("workspaces" = Option<String>, Query), ("target" = Option<String>, Query)), responses((status = 200, description = "As for dates"), (status = 404)), security(("key" = [])))]
pub async fn metrics_of_days(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(days): Path<String>,
    RawQuery(query): RawQuery,
    _none: NoBody,
) -> Answer<Json<Value>> {
    metrics(&app, &organization_of(&actor), query.as_deref(), last(&days, 30, DAY)?, DAY).await
}

/// Records that passed and failed each step in the last hours.
#[utoipa::path(get, path = "/v1/pipelines/metrics/hours/{hours}", tag = "pipelines", params(("hours" = String, Path, description = "1 to 48"), ("pipelines" = Option<String>, Query), ("connections" = Option<String>, Query), ("workspaces" = Option<String>, Query), ("target" = Option<String>, Query)), responses((status = 200, description = "As for dates"), (status = 404)), security(("key" = [])))]
pub async fn metrics_of_hours(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(hours): Path<String>,
    RawQuery(query): RawQuery,
    _none: NoBody,
) -> Answer<Json<Value>> {
    metrics(&app, &organization_of(&actor), query.as_deref(), last(&hours, 48, HOUR)?, HOUR).await
}

/// Records that passed and failed each step in the last minutes.
#[utoipa::path(get, path = "/v1/pipelines/metrics/minutes/{minutes}", tag = "pipelines", params(("minutes" = String, Path, description = "1 to 60"), ("pipelines" = Option<String>, Query), ("connections" = Option<String>, Query), ("workspaces" = Option<String>, Query), ("target" = Option<String>, Query)), responses((status = 200, description = "As for dates"), (status = 404)), security(("key" = [])))]
pub async fn metrics_of_minutes(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(minutes): Path<String>,
    RawQuery(query): RawQuery,
    _none: NoBody,
) -> Answer<Json<Value>> {
    metrics(&app, &organization_of(&actor), query.as_deref(), last(&minutes, 60, MINUTE)?, MINUTE).await
}

