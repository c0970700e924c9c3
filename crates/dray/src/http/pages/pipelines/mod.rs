//! Pipelines: saved imports and exports over connections. All of them here; `one` with its runs, `edit` with a
//! form over the columns of its file (`editor` is what is known meanwhile, `parts` how it looks, `entered` what the
//! door is told), `json` for what the form does not have.

pub mod entered;
mod editor;
mod parts;
pub mod one;
pub mod edit;
pub mod json;

use axum::extract::{RawQuery, State};
use dray_model::catalog::JobStatus;
use maud::{Markup, html};
use serde_json::Value;

use super::connections::role_word;
use super::frame::{Head, Visit, page};
use super::jobs::badge;
use super::pieces::{list_of, text};
use super::words::{Words, count, filled};
use crate::http::answer::Answer;
use crate::http::body;
use crate::http::doors::pipelines::body::NoBody;
use crate::http::doors::pipelines::{connections, definitions, runs};
use crate::operations::pipelines::format_settings::FileFormat;
use crate::operations::pipelines::schedule::minutes_of;
use crate::server::app::App;

/// Where they are.
const PIPELINES: &str = "/pipelines";
/// The step in which records are written.
const WRITTEN: usize = 6;

/// Numbers of what the door shows.
fn numbers(value: &Value, name: &str) -> Vec<u64> {
    list_of(value, name).iter().map(|number| number.as_u64().unwrap_or(0)).collect()
}

fn is_on(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// What a format is called.
fn format_label(code: &str) -> &str {
    FileFormat::from_code(code).map_or(code, |format| format.label())
}

/// How often a period is, in words.
fn period_words(words: &Words, period: &str) -> String {
    match minutes_of(period) {
        None => words.by_request.to_owned(),
        Some(60) => words.every_hour.to_owned(),
        Some(1440) => words.every_day.to_owned(),
        Some(minutes) if minutes < 60 => filled(words.every_minutes, &[&minutes.to_string()]),
        Some(minutes) => filled(words.every_hours, &[&(minutes / 60).to_string()]),
    }
}

/// A minute of the day: `03:00`.
fn clock_text(minute: u64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// When a pipeline runs.
fn schedule_words(words: &Words, pipeline: &Value) -> String {
    let period = text(pipeline, "schedulePeriod");
    let start = pipeline.get("scheduleStart").and_then(Value::as_u64);
    match start.filter(|_| !period.is_empty()) {
        Some(start) => format!("{}, {} UTC", period_words(words, period), clock_text(start)),
        None => words.by_request.to_owned(),
    }
}

/// How a pipeline stands.
fn standing(words: &Words, pipeline: &Value) -> Markup {
    html! {
        @if is_on(pipeline, "running") {
            span.badge.info { (words.status_running) }
        } @else if is_on(pipeline, "enabled") {
            span.badge.good { (words.on) }
        } @else {
            span.badge { (words.off) }
        }
    }
}

/// How a run stands.
fn run_badge(words: &Words, run: &Value) -> Markup {
    badge(words, JobStatus::from_word(text(run, "status")).unwrap_or(JobStatus::Pending))
}

/// What was written and what failed in a run.
fn run_counts(run: &Value) -> (u64, u64) {
    let written = numbers(run, "passed").get(WRITTEN).copied().unwrap_or(0);
    (written, numbers(run, "failed").iter().sum::<u64>() - filtered(run))
}

/// The step in which rows are filtered out, which is no failure.
const FILTER: usize = 2;

fn filtered(run: &Value) -> u64 {
    numbers(run, "failed").get(FILTER).copied().unwrap_or(0)
}

/// A pipeline as the door shows it.
async fn found(app: &App, visit: &Visit, id: &str) -> Answer<Value> {
    let path = body::Path(id.to_owned());
    definitions::get(State(app.clone()), visit.actor.reader()?, path, NoBody).await.map(|found| found.0)
}

/// A connection as the door shows it.
async fn connection_of(app: &App, visit: &Visit, id: &str) -> Answer<Value> {
    let path = body::Path(id.to_owned());
    connections::get(State(app.clone()), visit.actor.reader()?, path, NoBody).await.map(|found| found.0)
}

/// All pipelines.
pub async fn list(State(app): State<App>, visit: Visit) -> Answer<Markup> {
    let words = visit.words;
    let pipelines = definitions::list(State(app.clone()), visit.actor.reader()?, NoBody).await?.0;
    let connections = connections::list(State(app.clone()), visit.actor.reader()?, NoBody).await?.0;
    let runs = runs::list(State(app), visit.actor.reader()?, RawQuery(None), NoBody).await?.0;
    let (pipelines, connections) = (list_of(&pipelines, "pipelines"), list_of(&connections, "connections"));
    let content = html! {
        @if pipelines.is_empty() {
            div.empty {
                p { (words.no_pipelines) }
                @if connections.is_empty() {
                    p { (words.connection_first) }
                    a.button href="/connections" { (words.connections) }
                }
            }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.pipelines) {
                table.grid {
                    thead.titles {
                        tr {
                            th { (words.name) } th { (words.status) } th { (words.schedule) } th { (words.last_run) }
                            th.number { (words.written) } th.number { (words.failed) } th { (words.connection) } th { (words.file) }
                        }
                    }
                    tbody {
                        @for pipeline in pipelines {
                            @let last = list_of(&runs, "runs").iter().find(|run| run["pipeline"] == pipeline["id"]);
                            (row(words, pipeline, last, connections))
                        }
                    }
                }
            }
        }
    };
    let actions = html! {
        @if visit.actor.must_be_admin().is_ok() && !connections.is_empty() {
            details.menu {
                summary.button.primary { (words.new_pipeline) }
                div.items {
                    @for connection in connections {
                        a href=(format!("{PIPELINES}/new/{}", connection["id"])) {
                            (text(connection, "name")) " (" (role_word(words, text(connection, "role"))) ")"
                        }
                    }
                }
            }
        }
    };
    let lead = html! { (words.pipelines_lead) };
    Ok(page(&visit, &Head { title: words.pipelines, lead, actions }, &content))
}

fn row(words: &Words, pipeline: &Value, last: Option<&Value>, connections: &[Value]) -> Markup {
    let connection = connections.iter().find(|connection| connection["id"] == pipeline["connection"]);
    let (written, failed) = last.map(run_counts).unwrap_or_default();
    html! {
        tr {
            td { a href=(format!("{PIPELINES}/{}", pipeline["id"])) { (text(pipeline, "name")) } }
            td { (standing(words, pipeline)) }
            td { (schedule_words(words, pipeline)) }
            @match last {
                Some(run) => {
                    td { (run_badge(words, run)) " " time datetime=(text(run, "startTime")) { (text(run, "startTime")) } }
                    td.number { (count(written)) }
                    td.number { (count(failed)) }
                }
                None => { td.none {} td.number.none {} td.number.none {} }
            }
            td {
                @if let Some(connection) = connection {
                    a href=(format!("/connections/{}", connection["id"])) { (text(connection, "name")) }
                }
            }
            td { code { (text(pipeline, "path")) } }
        }
    }
}
