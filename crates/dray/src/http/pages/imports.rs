//! Imports after the fact: what each did to every row, the rejected rows as a file, and taking one back.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use dray_model::catalog::ImportQuery;
use dray_model::flow::{Import, ImportStatus};
use dray_model::ledger::Fate;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::frame::{Head, Visit, page, tells};
use super::import::review::problems;
use super::import::{Step, steps};
use super::pictures::{Bar, chart, fate_word, ledger, legend};
use super::pieces::{moment, of_engine, pager, person};
use super::view::address;
use super::words::{Words, count, counted, filled};
use crate::clock;
use crate::http::answer::Answer;
use crate::http::native::imports as native;
use crate::operations::ledger::{fates_json, import_json, problem_json, time};
use crate::operations::outcomes::ImportNote;
use crate::operations::record::SOURCE;
use crate::server::app::App;
use crate::server::directory::Role;

/// Imports of one page.
const IMPORTS: u64 = 50;
/// Days of the chart, and imports it looks through: so many at a time, so often.
const DAYS: usize = 30;
const LOOKED_THROUGH: u64 = 500;
const MOST_LOOKS: usize = 10;
/// Microseconds of a day.
const DAY: i64 = 24 * 3600 * 1_000_000;
/// Problems shown of one.
const PROBLEMS: u64 = 200;

/// How an import stands.
fn badge(words: &Words, import: &Import) -> Markup {
    let (class, text) = match import.status {
        ImportStatus::Completed => ("badge good", words.status_completed),
        ImportStatus::Running => ("badge info", words.status_running),
        ImportStatus::Interrupted => ("badge warning", words.status_interrupted),
        ImportStatus::Failed => ("badge error", words.status_failed),
        ImportStatus::Undone => ("badge", words.status_undone),
    };
    html! { span class=(class) { (text) } }
}

/// All imports, the newest first.
pub async fn list(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer<Markup> {
    visit.actor.may_plan()?;
    let words = visit.words;
    let before = query.as_deref().and_then(|query| query.strip_prefix("before=")?.parse().ok());
    let asked = ImportQuery { object: None, without_source: Some(SOURCE.to_owned()), before, limit: IMPORTS };
    let imports = app.run(visit.actor.organization(), move |session| session.query_imports(&asked)).await?;
    let older = imports.last().filter(|_| imports.len() as u64 == IMPORTS).map(|last| last.id.to_string());
    let older = older.map(|last| address("/imports", &[("before", &last)]));
    let days = if before.is_none() { by_day(&app, &visit).await? } else { Vec::new() };
    let content = html! {
        (over_time(words, &days))
        @if imports.is_empty() {
            div.empty { p { (words.no_imports) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.imports) {
                table.grid {
                    thead.titles {
                        tr {
                            th.number { "#" } th { (words.file) } th { (words.object) } th { (words.status) }
                            th.number { (words.rows) } th.number { (words.fate_created) } th.number { (words.fate_updated) }
                            th.number { (words.fate_rejected) } th { (words.begun) }
                        }
                    }
                    tbody {
                        @for import in &imports {
                            tr {
                                td.number { a href=(format!("/imports/{}", import.id)) { (import.id) } }
                                td {
                                    @match import.undo_of {
                                        Some(of) => (filled(words.undo_of, &[&of.to_string()])),
                                        None => (import.source),
                                    }
                                }
                                td { (visit.label_of(&import.object)) }
                                td { (badge(words, import)) }
                                td.number { (count(import.ledger.read)) }
                                @for fate in [Fate::Created, Fate::Updated, Fate::Rejected] {
                                    td.number { (count(import.ledger.count(fate))) }
                                }
                                td { (moment(import.started_at)) }
                            }
                        }
                    }
                }
            }
            (pager(words, older.as_deref()))
        }
    };
    Ok(page(&visit, &Head { title: words.imports, lead: html! {}, actions: html! {} }, &content))
}

/// The rows of each of the last days by their fates, the oldest day first; none where nothing was imported.
async fn by_day(app: &App, visit: &Visit) -> Answer<Vec<Bar>> {
    let today = clock::now().div_euclid(DAY);
    let counted = app.run(visit.actor.organization(), move |session| {
        let mut days = vec![[0_u64; Fate::ALL.len()]; DAYS];
        let mut asked = ImportQuery {
            object: None,
            without_source: Some(SOURCE.to_owned()),
            before: None,
            limit: LOOKED_THROUGH,
        };
        for _ in 0..MOST_LOOKS {
            let imports = session.query_imports(&asked)?;
            for import in imports.iter().filter(|import| import.undo_of.is_none()) {
                let ago = usize::try_from(today - import.started_at.div_euclid(DAY)).unwrap_or(0);
                let Some(day) = days.iter_mut().rev().nth(ago) else { return Ok(days) };
                for (rows, fate) in day.iter_mut().zip(Fate::ALL) {
                    *rows += import.ledger.count(fate);
                }
            }
            if (imports.len() as u64) < LOOKED_THROUGH {
                break;
            }
            asked.before = imports.last().map(|import| import.id);
        }
        Ok(days)
    });
    let bar = |day: [u64; Fate::ALL.len()]| Fate::ALL.into_iter().map(Fate::word).zip(day).collect();
    Ok(counted.await?.into_iter().map(bar).collect())
}

/// The last days as a chart.
fn over_time(words: &Words, days: &[Bar]) -> Markup {
    let sums = Fate::ALL.into_iter().enumerate().map(|(place, fate)| {
        let rows = days.iter().filter_map(|day| day.get(place)).map(|(_, rows)| rows).sum::<u64>();
        (fate.word(), fate_word(words, fate), rows)
    });
    let parts: Vec<(&'static str, &str, u64)> = sums.filter(|(.., rows)| *rows > 0).collect();
    if parts.is_empty() {
        return html! {};
    }
    let said: Vec<String> = parts.iter().map(|(_, word, rows)| format!("{} {word}", count(*rows))).collect();
    let last = DAYS.to_string();
    let now = clock::now();
    let day = |ago: i64| time(now - ago * DAY).get(..10).unwrap_or_default().to_owned();
    html! {
        section.card {
            header { h2 { (words.rows_per_day) } p.hint { (filled(words.last_days, &[&last])) } }
            (chart(days, &filled(words.chart_said, &[&said.join(", "), &last])))
            p.axis { span { (day(DAYS as i64 - 1)) } span { (day(DAYS as i64 / 2 - 1)) } span { (day(0)) } }
            (legend(&parts))
        }
    }
}

/// The parts of an address.
#[derive(Debug, Deserialize)]
pub struct Place {
    id: String,
}

/// The import of an address, and what is remembered beside it.
async fn found(app: &App, visit: &Visit, place: &Place) -> Answer<(Import, ImportNote)> {
    let (import, note) = native::found(app, &visit.actor, &place.id).await?;
    visit.must_own(&note.actor)?;
    Ok((import, note))
}

/// One import.
pub async fn get(State(app): State<App>, visit: Visit, Path(place): Path<Place>) -> Answer<Markup> {
    visit.actor.may_plan()?;
    let words = visit.words;
    let (import, note) = found(&app, &visit, &place).await?;
    let number = import.id;
    let wrong = app
        .run(visit.actor.organization(), move |session| session.problems_after(number, (0, 0), PROBLEMS))
        .await?;
    let wrong: Vec<Value> = wrong.iter().map(|numbered| problem_json(&numbered.problem)).collect();
    let object = visit.objects.named(&import.object).ok();
    let label = visit.label_of(&import.object);
    let is_admin = visit.actor.role == Role::Admin;
    let rejected = import.ledger.count(Fate::Rejected);
    let may_undo = is_admin
        && import.undo_of.is_none()
        && matches!(import.status, ImportStatus::Completed | ImportStatus::Interrupted);
    let sure = filled(
        words.undo_sure,
        &[&count(import.ledger.count(Fate::Created)), &count(import.ledger.count(Fate::Updated))],
    );
    let title = match import.undo_of {
        Some(of) => filled(words.undo_of, &[&of.to_string()]),
        None => import.source.clone(),
    };
    let is_embedded = visit.embedded.is_some();
    let actions = html! {
        @if !is_embedded { a.button.quiet href="/imports" { (words.imports) } }
        @if may_undo {
            form method="post" action=(visit.at(&format!("/imports/{number}/undo"))) {
                button.danger data-confirm=(sure) { (words.undo) }
            }
        }
        @if object.is_some() && !is_embedded {
            a.button.primary href=(format!("/records/{}", import.object)) { (filled(words.see_records, &[&label])) }
        }
    };
    let seconds = import.finished_at.map(|end| (end - import.started_at) as f64 / 1e6);
    let fates = Value::Object(fates_json(&import.ledger));
    let lead = html! {
            (badge(words, &import)) " " (label) ", " (moment(import.started_at))
            @if !note.actor.is_empty() && !is_embedded { ", " (person(&note.actor)) }
    };
    // Of all imports only those of a file that somebody sent have a mapping.
    let content = html! {
        @if !note.mapping.is_null() { (steps(words, Step::Done, None)) }
        @if let Some(message) = &import.message { p.notice.warning { (of_engine(words, message)) } }
        section.card {
            header {
                h2 { (words.ledger) }
                @if import.ledger.is_balanced() { span.badge.good { (words.balanced) } } @else { span.badge.error { (words.not_balanced) } }
            }
            (ledger(words, &fates))
            @if let Some(seconds) = seconds { p.hint { (filled(words.took, &[&shown_seconds(seconds)])) } }
        }
        @if rejected > 0 && is_admin {
            section.card {
                h2 { (words.rejected_rows) }
                p { (counted(words.rejected_once_hint, words.rejected_hint, rejected)) }
                div.actions {
                    a.button href=(visit.at(&format!("/imports/{number}/failed-rows"))) download { (words.download_rejected) }
                    @if object.is_some() {
                        a.button.quiet href=(visit.at(&format!("/import/{}", import.object))) { (words.send_repaired) }
                    }
                }
            }
        }
        @if let Some(object) = &object { (problems(words, object, &json!({ "problems": wrong }))) }
        @if is_embedded { (told(&import)) }
    };
    Ok(page(&visit, &Head { title: &title, lead, actions }, &content))
}

/// Seconds as people say them: short ones to the hundredth.
fn shown_seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.2}", seconds.max(0.01)) } else { format!("{seconds:.1}") }
}

/// Tells the page around this one what came of the import.
fn told(import: &Import) -> Markup {
    let event = match import.status {
        ImportStatus::Completed => "completed",
        ImportStatus::Undone => "undone",
        ImportStatus::Failed => "failed",
        ImportStatus::Running | ImportStatus::Interrupted => return html! {},
    };
    tells(event, &Value::Object(import_json(import)))
}

/// The rejected rows as a file.
pub async fn failed_rows(
    State(app): State<App>,
    visit: Visit,
    Path(place): Path<Place>,
    headers: HeaderMap,
) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    found(&app, &visit, &place).await?;
    native::rejected(&app, &visit.actor, &place.id, &headers).await
}

/// Takes an import back.
pub async fn undo(State(app): State<App>, visit: Visit, Path(place): Path<Place>) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let (import, _) = found(&app, &visit, &place).await?;
    let undone = native::take_back(&app, &visit.actor, import.id).await?;
    let shown = if visit.embedded.is_some() { import.id } else { undone.undo.id };
    Ok(Redirect::to(&visit.at(&format!("/imports/{shown}"))).into_response())
}
