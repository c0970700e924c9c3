//! One pipeline: what its last run did step by step, its runs over time and one by one, when it runs, what it is
//! told to do; beginning and stopping a run.

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::parts::operators;
use super::{
    FILTER, PIPELINES, WRITTEN, clock_text, connection_of, format_label, found, is_on, list_of, numbers,
    period_words, run_badge, run_counts, schedule_words, standing, text,
};
use crate::clock;
use crate::http::answer::{Answer, Failure};
use crate::http::body;
use crate::http::doors::pipelines::body::{Members, NoBody};
use crate::http::doors::pipelines::{definitions, runs};
use crate::http::pages::form::{Entered, Field, wrong};
use crate::http::pages::frame::{Head, Visit, page};
use crate::http::pages::jobs::live;
use crate::http::pages::pictures::{Bar, chart, legend, share};
use crate::http::pages::pieces::{button, careful_button, of_engine, pager};
use crate::http::pages::view::address;
use crate::http::pages::words::{Words, count, filled};
use crate::operations::ledger::time;
use crate::operations::pipelines::schedule::PERIODS;
use crate::server::app::App;

/// Days of the chart.
const DAYS: &str = "14";
/// Runs of one page.
const RUNS: usize = 30;

/// One pipeline.
pub async fn get(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer<Markup> {
    let before = query.as_deref().and_then(|query| query.strip_prefix("before=")?.parse().ok());
    one_page(&app, &visit, &id, before, None).await
}

/// The page again, with what is wrong.
async fn refused(app: &App, visit: &Visit, id: &str, failure: &Failure) -> Answer<Response> {
    let page = one_page(app, visit, id, None, Some(failure)).await?;
    Ok((failure.status, page).into_response())
}

fn back(id: &str) -> Response {
    Redirect::to(&format!("{PIPELINES}/{id}")).into_response()
}

async fn one_page(
    app: &App,
    visit: &Visit,
    id: &str,
    before: Option<i64>,
    failure: Option<&Failure>,
) -> Answer<Markup> {
    let words = visit.words;
    let pipeline = found(app, visit, id).await?;
    let connection = connection_of(app, visit, &pipeline["connection"].to_string()).await?;
    let before = before.map(|before| format!("&before={before}")).unwrap_or_default();
    let asked = format!("pipelines={id}&limit={RUNS}{before}");
    let runs = runs::list(State(app.clone()), visit.actor.reader()?, RawQuery(Some(asked)), NoBody).await?.0;
    let runs = list_of(&runs, "runs");
    let days = runs::metrics_of_days(
        State(app.clone()),
        visit.actor.reader()?,
        body::Path(DAYS.to_owned()),
        RawQuery(Some(format!("pipelines={id}"))),
        NoBody,
    );
    let days = days.await?.0;
    let place = format!("{PIPELINES}/{id}");
    let older = runs.last().filter(|_| runs.len() == RUNS).map(|run| run["id"].to_string());
    let older = older.map(|last| address(&place, &[("before", &last)]));
    let is_admin = visit.actor.must_be_admin().is_ok();
    let under_way = runs.iter().find(|run| run["endTime"].is_null());
    let last = runs.iter().find(|run| !run["endTime"].is_null());
    let content = html! {
        (wrong(words, failure))
        @if let (Some(run), true) = (under_way, is_admin) {
            @let stop = button(&format!("{place}/runs/{}/cancel", run["id"]), "small danger", words.stop);
            (live(visit, run["id"].as_i64().unwrap_or_default(), &run["progress"], &stop))
        }
        @if let Some(run) = last {
            div.cards {
                (last_run(words, run))
                (over_time(words, &days))
            }
        }
        div.cards {
            (definition(visit, &pipeline, &connection))
            @if is_admin { (schedule_form(words, &pipeline, &place)) }
        }
        h2 { (words.runs) }
        @if runs.is_empty() {
            div.empty { p { (words.no_runs) } }
        } @else {
            (runs_table(words, runs, is_admin))
            (pager(words, older.as_deref()))
        }
    };
    let lead = html! { (standing(words, &pipeline)) " " (schedule_words(words, &pipeline)) };
    let actions = html! { @if is_admin { (actions(words, &pipeline, &place, under_way.is_some())) } };
    Ok(page(visit, &Head { title: text(&pipeline, "name"), lead, actions }, &content))
}

fn actions(words: &Words, pipeline: &Value, place: &str, runs: bool) -> Markup {
    let enabled = is_on(pipeline, "enabled");
    let sure = filled(words.pipeline_delete_sure, &[text(pipeline, "name")]);
    html! {
        a.button.quiet href=(PIPELINES) { (words.pipelines) }
        (careful_button(&format!("{place}/delete"), "quiet danger", words.delete, &sure))
        form method="post" action=(format!("{place}/status")) {
            input type="hidden" name="enabled" value=(if enabled { "" } else { "on" });
            button { @if enabled { (words.switch_off) } @else { (words.switch_on) } }
        }
        a.button href=(format!("{place}/change")) { (words.change) }
        @if enabled && !runs {
            @if is_on(pipeline, "incremental") {
                form method="post" action=(format!("{place}/run")) {
                    input type="hidden" name="all" value="on";
                    button { (words.run_fully) }
                }
            }
            (button(&format!("{place}/run"), "primary", words.run_now))
        }
    }
}

/// The last run step by step.
fn last_run(words: &Words, run: &Value) -> Markup {
    let names = [
        words.step_receive,
        words.step_input,
        words.step_filter,
        words.step_consent,
        words.step_transform,
        words.step_output,
        words.step_write,
    ];
    let (passed, failed) = (numbers(run, "passed"), numbers(run, "failed"));
    let steps: Vec<_> = names.into_iter().zip(passed.into_iter().zip(failed)).enumerate().collect();
    let all = steps.iter().map(|(_, (_, (passed, failed)))| passed + failed).max().unwrap_or(0);
    html! {
        section.card {
            header {
                h2 { (words.last_run) }
                p.hint { (run_badge(words, run)) " " time datetime=(text(run, "startTime")) { (text(run, "startTime")) } }
            }
            @if !text(run, "error").is_empty() { p.notice.error { (of_engine(words, text(run, "error"))) } }
            table.plain.steps-taken {
                thead.titles { tr { th { (words.step) } th { span.unseen { (words.rows) } } th.number { (words.passed) } th.number { (words.failed) } } }
                tbody {
                    @for (index, (name, (passed, failed))) in &steps {
                        @if *index != 3 || passed + failed > 0 {
                            tr {
                                th scope="row" { (name) }
                                td { (share(*passed, *failed, all, if *index == FILTER { "filtered" } else { "rejected" })) }
                                td.number { (count(*passed)) }
                                td.number.none[*failed == 0] { @if *failed > 0 { (count(*failed)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What was written and what failed, day by day.
fn over_time(words: &Words, days: &Value) -> Markup {
    let shown = list_of(days, "metrics").first().cloned().unwrap_or_default();
    let of_day = |counts: &Value| -> Vec<u64> {
        counts.as_array().into_iter().flatten().map(|number| number.as_u64().unwrap_or(0)).collect()
    };
    let written =
        list_of(&shown, "passed").iter().map(|counts| of_day(counts).get(WRITTEN).copied().unwrap_or(0));
    let failed = list_of(&shown, "failed").iter().map(|counts| {
        let counts = of_day(counts);
        counts.iter().sum::<u64>() - counts.get(FILTER).copied().unwrap_or(0)
    });
    let bars: Vec<Bar> = written
        .zip(failed)
        .map(|(written, failed)| vec![("created", written), ("rejected", failed)])
        .collect();
    let sum = |part: usize| bars.iter().filter_map(|bar| bar.get(part)).map(|(_, rows)| rows).sum::<u64>();
    let (written, failed) = (sum(0), sum(1));
    let all = format!("{} {}, {} {}", count(written), words.written, count(failed), words.failed);
    html! {
        section.card {
            header { h2 { (words.rows_per_day) } p.hint { (filled(words.last_days, &[DAYS])) } }
            (chart(&bars, &filled(words.chart_said, &[&all, DAYS])))
            p.axis { span { (day_of(text(days, "start"))) } span { (day_of(&time(clock::now()))) } }
            (legend(&[("created", words.written, written), ("rejected", words.failed, failed)]))
        }
    }
}

/// The day of a time.
fn day_of(time: &str) -> &str {
    time.get(..10).unwrap_or_default()
}

/// What the pipeline is told to do.
fn definition(visit: &Visit, pipeline: &Value, connection: &Value) -> Markup {
    let words = visit.words;
    let none = Map::new();
    let mapping = pipeline.pointer("/transformation/mapping").and_then(Value::as_object).unwrap_or(&none);
    let language = pipeline.pointer("/transformation/function/language").and_then(Value::as_str);
    let conditions = pipeline.get("filter").map(|filter| list_of(filter, "conditions")).unwrap_or_default();
    let facts = [
        (words.user_column, "userIDColumn"),
        (words.updated_column, "updatedAtColumn"),
        (words.sort_by, "orderBy"),
    ];
    html! {
        section.card {
            header {
                h2 { (words.definition) }
                @if visit.actor.must_be_admin().is_ok() {
                    a href=(format!("{PIPELINES}/{}/definition", pipeline["id"])) { (words.definition_json) }
                }
            }
            dl.facts {
                dt { (words.connection) }
                dd { a href=(format!("/connections/{}", connection["id"])) { (text(connection, "name")) } }
                dt { (words.file) } dd { (format_label(text(pipeline, "format"))) " " code { (text(pipeline, "path")) } }
                @for (label, name) in facts {
                    @if !text(pipeline, name).is_empty() { dt { (label) } dd { code { (text(pipeline, name)) } } }
                }
                @if !conditions.is_empty() {
                    dt { (words.which_rows) }
                    dd { @for condition in conditions { p { (condition_text(words, condition)) } } }
                }
                @if let Some(language) = language { dt { (words.mapping) } dd { (filled(words.made_by_function, &[language])) } }
                @for (path, expression) in mapping {
                    dt { (path) } dd { code { (expression.as_str().unwrap_or_default()) } }
                }
            }
        }
    }
}

fn condition_text(words: &'static Words, condition: &Value) -> String {
    let values: Vec<&str> = list_of(condition, "values").iter().filter_map(Value::as_str).collect();
    let operator = text(condition, "operator");
    let known = operators(words).into_iter().find(|(name, _)| *name == operator);
    let operator = known.map_or(operator, |(_, word)| word);
    let said = [text(condition, "property"), operator, &values.join(", ")].join(" ");
    said.trim_end().to_owned()
}

fn schedule_form(words: &Words, pipeline: &Value, place: &str) -> Markup {
    let periods: Vec<(&str, String)> = [("", words.by_request.to_owned())]
        .into_iter()
        .chain(PERIODS.iter().map(|(name, _)| (*name, period_words(words, name))))
        .collect();
    let periods = periods.iter().map(|(name, text)| (*name, text.as_str()));
    let start = pipeline.get("scheduleStart").and_then(Value::as_u64);
    let start = start.map(clock_text).unwrap_or_default();
    html! {
        section.card {
            h2 { (words.schedule) }
            form.fields method="post" action=(format!("{place}/schedule")) {
                (Field::new("period", words.how_often, text(pipeline, "schedulePeriod")).choice(periods))
                (Field::new("start", words.from_time, &start).kind("time").hint(words.from_time_hint))
                div.actions { button { (words.save) } }
            }
        }
    }
}

fn runs_table(words: &Words, runs: &[Value], is_admin: bool) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.runs) {
            table.grid {
                thead.titles {
                    tr {
                        th.number { "#" } th { (words.status) } th { (words.begun) } th.number { (words.step_receive) }
                        th.number { (words.written) } th.number { (words.failed) } th { (words.imports) } th { (words.failed_rows) }
                    }
                }
                tbody {
                    @for run in runs {
                        @let (written, failed) = run_counts(run);
                        @let received = numbers(run, "passed").first().copied().unwrap_or(0);
                        tr {
                            td.number { @if is_admin { a href=(format!("/jobs/{}", run["id"])) { (run["id"]) } } @else { (run["id"]) } }
                            td title=(text(run, "error")) { (run_badge(words, run)) }
                            td { time datetime=(text(run, "startTime")) { (text(run, "startTime")) } }
                            td.number { (count(received)) } td.number { (count(written)) } td.number { (count(failed)) }
                            @match run.get("import").and_then(Value::as_i64) {
                                Some(import) if is_admin => td { a href=(format!("/imports/{import}")) { (filled(words.import_number, &[&import.to_string()])) } },
                                _ => td.none {},
                            }
                            @match run.get("failedRows").and_then(Value::as_str) {
                                Some(rows) if is_admin => td { a href=(rows) download { (words.download) } },
                                _ => td.none {},
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Back to the page of a pipeline; with what is wrong, where something is.
async fn come_back<T>(app: &App, visit: &Visit, id: &str, done: Answer<T>) -> Answer<Response> {
    match done {
        Ok(_) => Ok(back(id)),
        Err(failure) => refused(app, visit, id, &failure).await,
    }
}

/// Runs a pipeline now.
pub async fn run(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let mut said = Map::new();
    if entered.is_on("all") {
        said.insert("incremental".to_owned(), false.into());
    }
    let done = runs::start(State(app.clone()), admin, body::Path(id.clone()), Members(said)).await;
    come_back(&app, &visit, &id, done).await
}

/// Stops a run.
pub async fn cancel(
    State(app): State<App>,
    visit: Visit,
    Path((id, run)): Path<(String, String)>,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let done = runs::cancel(State(app.clone()), admin, body::Path(run), NoBody).await;
    come_back(&app, &visit, &id, done).await
}

/// Switches a pipeline on or off.
pub async fn set_status(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let said = Map::from_iter([("enabled".to_owned(), entered.is_on("enabled").into())]);
    let done =
        definitions::set_status(State(app.clone()), admin, body::Path(id.clone()), Members(said)).await;
    come_back(&app, &visit, &id, done).await
}

/// Sets how often a pipeline runs by itself.
pub async fn set_schedule(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let minute = entered.text("start").split_once(':').and_then(|(hours, minutes)| {
        Some(hours.parse::<u64>().ok()? * 60 + minutes.get(..2)?.parse::<u64>().ok()?)
    });
    let period = entered.filled("period").map_or(Value::Null, Value::from);
    let mut said = Map::from_iter([("period".to_owned(), period)]);
    said.extend(minute.map(|minute| ("start".to_owned(), minute.into())));
    let done =
        definitions::set_schedule(State(app.clone()), admin, body::Path(id.clone()), Members(said)).await;
    come_back(&app, &visit, &id, done).await
}

/// Deletes a pipeline.
pub async fn delete(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Redirect> {
    let deleted = definitions::delete(State(app), visit.actor.admin()?, body::Path(id), NoBody).await;
    deleted.map(|_| Redirect::to(PIPELINES))
}
