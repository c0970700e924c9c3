//! The events that came to a record: how many there are of each status, and what became of each.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Redirect;
use dray_model::event::EventStatus;
use dray_model::value::parse_datetime;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Place, events_address, example, test_address};
use crate::http::answer::Answer;
use crate::http::body::Query;
use crate::http::links::base_url;
use crate::http::native::endpoints;
use crate::http::native::events::{self as native, EventCounts, Events, EventsQuery, ShownEvent};
use crate::http::pages::fields::{Entered, entered_of};
use crate::http::pages::frame::{Head, Visit, page};
use crate::http::pages::pieces::{self, button, careful_button, of_engine, pager, tabs};
use crate::http::pages::view;
use crate::http::pages::words::{Words, count, filled};
use crate::server::app::App;

/// Events of one page.
const EVENTS: &str = "50";
/// Events on the page of their record.
const NEWEST: &str = "5";
/// Events of one status are counted up to this many.
const COUNTED: u64 = 10_000;

/// What is looked at.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// Events of this status only.
    status: Option<String>,
    /// Those before this one.
    after: Option<String>,
    /// Only the newest few, for the page of their record.
    newest: Option<String>,
}

/// The place of the newest events on a record's page: they are brought once the page is there.
pub fn later(words: &Words, place: &Place) -> Markup {
    let address = events_address(&place.object, place.id);
    pieces::later("events", &format!("{address}?newest=yes"), words.events, words.show_events)
}

/// A status in words.
fn word(words: &Words, status: &str) -> &'static str {
    match EventStatus::from_word(status) {
        Some(EventStatus::Pending) => words.event_pending,
        Some(EventStatus::Completed) => words.status_completed,
        Some(EventStatus::Ignored) => words.event_ignored,
        Some(EventStatus::Failed) => words.status_failed,
        None => "",
    }
}

/// How an event stands.
pub fn badge(words: &Words, status: &str) -> Markup {
    let class = match EventStatus::from_word(status) {
        Some(EventStatus::Pending) => "badge info",
        Some(EventStatus::Completed) => "badge good",
        Some(EventStatus::Failed) => "badge error",
        _ => "badge",
    };
    html! { span class=(class) { (word(words, status)) } }
}

/// A number that was counted up to some end.
fn counted(number: u64) -> String {
    if number >= COUNTED { format!("{}+", count(COUNTED)) } else { count(number) }
}

/// The statuses with how many events each has; none for all together.
fn numbers(words: &Words, counts: &EventCounts) -> [(&'static str, String); 5] {
    let of = |status: EventStatus, number: u64| {
        (status.word(), format!("{} ({})", word(words, status.word()), counted(number)))
    };
    let all = [counts.pending, counts.completed, counts.ignored, counts.failed];
    let sum: u64 = all.iter().sum();
    let sum = if all.iter().any(|&one| one >= COUNTED) { format!("{}+", count(sum)) } else { count(sum) };
    [
        ("", format!("{} ({sum})", words.all_events)),
        of(EventStatus::Pending, counts.pending),
        of(EventStatus::Completed, counts.completed),
        of(EventStatus::Ignored, counts.ignored),
        of(EventStatus::Failed, counts.failed),
    ]
}

/// All events, or the newest few.
pub async fn list(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Answer<Markup> {
    let place = Place::of(&visit, &name, &id)?;
    let is_part = wanted.newest.is_some();
    let query = EventsQuery {
        status: wanted.status.clone(),
        limit: Some(if is_part { NEWEST } else { EVENTS }.to_owned()),
        cursor: wanted.after.clone(),
    };
    let found = native::page_of(&app, &visit.actor, place.object.name(), place.id, &query).await?;
    let words = visit.words;
    let entered = entered_of(&place.object, &place.record(&app, &visit).await?);
    let all = events_address(&place.object, place.id);
    let test = test_address(&place.object, place.id);
    if is_part {
        let content = html! { (newest(&visit, &place, &found, is_disabled(&entered))) };
        let actions = html! { a.button.quiet href=(place.address()) { (words.back) } };
        return Ok(page(&visit, &Head { title: words.events, lead: html! {}, actions }, &content));
    }
    let (url, _) =
        endpoints::found(&app, &visit.actor, &place.object, place.id, &base_url(&app, &headers)).await?;
    let status = wanted.status.as_deref().unwrap_or_default();
    let at = |status: &str| {
        if status.is_empty() { all.clone() } else { view::address(&all, &[("status", status)]) }
    };
    let numbers = numbers(words, &found.counts).map(|(status, text)| (at(status), text));
    let links: Vec<(&str, &str)> =
        numbers.iter().map(|(address, text)| (address.as_str(), text.as_str())).collect();
    let older = found
        .next_cursor
        .as_deref()
        .map(|cursor| view::address(&all, &[("status", status), ("after", cursor)]));
    let has_none = links.len() > 1 && sum(&found.counts) == 0;
    let content = html! {
        @if is_disabled(&entered) { p.notice.warning { (words.connector_disabled) } }
        @if has_none {
            div.empty { p { (words.no_events) } }
            section.card {
                (example::line(words, &url, "TOKEN", entered.get("example_payload").map_or("", String::as_str)))
                p.hint { (words.token_hint) " " a href=(place.address()) { (words.record_endpoint) } }
            }
        } @else {
            (tabs(words.status, &links, &at(status)))
            @if status == EventStatus::Failed.word() && found.counts.failed > 0 {
                div.bar {
                    (careful_button(&format!("{all}/replay-failed"), "small", words.replay_failed, &filled(words.replay_failed_sure, &[&counted(found.counts.failed)])))
                }
            }
            @if found.events.is_empty() {
                div.empty { p { (words.no_such_events) } }
            } @else {
                (table(&visit, &place, &found.events, true))
                (pager(words, older.as_deref()))
            }
        }
    };
    let actions = html! {
        a.button.quiet href=(place.address()) { (words.back) }
        a.button href=(test) { (words.try_out) }
    };
    Ok(page(&visit, &Head { title: words.events, lead: lead(&visit, &place, &entered), actions }, &content))
}

/// What the record is called, below the title of a page about it.
pub fn lead(visit: &Visit, place: &Place, entered: &Entered) -> Markup {
    let record = filled(visit.words.record, &[&place.id.to_string()]);
    let name = entered.get("name").filter(|name| !name.is_empty()).unwrap_or(&record);
    html! { (place.object.definition.label) ": " a href=(place.address()) { (name) } }
}

fn sum(counts: &EventCounts) -> u64 {
    counts.pending + counts.completed + counts.ignored + counts.failed
}

/// True where the endpoint takes nothing.
pub fn is_disabled(entered: &Entered) -> bool {
    entered.get("status").is_some_and(|status| status != "enabled")
}

/// The newest events, as the page of their record shows them.
fn newest(visit: &Visit, place: &Place, found: &Events, is_disabled: bool) -> Markup {
    let words = visit.words;
    let all = events_address(&place.object, place.id);
    html! {
        section #events .card {
            header {
                h2 { (words.events) }
                div.actions {
                    a.button.small href=(test_address(&place.object, place.id)) { (words.try_out) }
                    a.button.small href=(all) { (words.see_all_events) }
                }
            }
            @if is_disabled { p.hint { (words.connector_disabled) } }
            @if found.events.is_empty() {
                p { (words.no_events) }
            } @else {
                p.counts {
                    @for (status, text) in numbers(words, &found.counts).iter().skip(1) {
                        a href=(view::address(&all, &[("status", status)])) { (text) }
                    }
                }
                (table(visit, place, &found.events, false))
            }
        }
    }
}

fn table(visit: &Visit, place: &Place, events: &[ShownEvent], may_replay: bool) -> Markup {
    let words = visit.words;
    let all = events_address(&place.object, place.id);
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.events) {
            table.grid.events {
                thead {
                    tr {
                        th { (words.received) } th { (words.status) } th { (words.why) } th.number { (words.attempts) }
                        th.number { (words.duration) } th { (words.last_answer) } @if may_replay { th { span.unseen { (words.actions) } } }
                    }
                }
                tbody {
                    @for event in events {
                        @let address = format!("{all}/{}", event.id);
                        tr {
                            td { a href=(address) { time datetime=(event.received_at) { (event.received_at) } } }
                            td { (badge(words, event.status)) }
                            td.text { (why(words, event)) }
                            td.number { (event.attempts.len()) }
                            td.number { (duration(event)) }
                            td { (last_answer(visit, event)) }
                            @if may_replay {
                                td {
                                    @if event.status != EventStatus::Pending.word() {
                                        div.actions { (button(&format!("{address}/replay"), "small quiet", words.send_again)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Why an event stands as it does: its reason, and else what the trigger said.
fn why(words: &Words, event: &ShownEvent) -> Markup {
    let error = event.trigger.as_ref().and_then(|trigger| trigger.error.as_deref());
    let failed = || event.attempts.last().and_then(|attempt| attempt.error.as_deref());
    let is_failed = event.status == EventStatus::Failed.word();
    html! {
        @if let Some(why) = event.reason.as_deref().or(error).or_else(|| failed().filter(|_| is_failed)) {
            (of_engine(words, why))
        } @else if let Some(trigger) = &event.trigger {
            @if trigger.matched { (words.trigger_matched) } @else { (words.trigger_not_matched) }
        }
    }
}

/// How the last request was answered, or what became of the record.
fn last_answer(visit: &Visit, event: &ShownEvent) -> Markup {
    let status = event.attempts.last().and_then(|attempt| attempt.status);
    html! {
        @if let Some(record) = &event.record {
            a href=(format!("/records/{}/{}", record.object, record.id)) { (visit.label_of(&record.object)) " " (record.id) }
        } @else if let Some(status) = status {
            (status)
        }
    }
}

/// How long an event took from its coming to its end.
pub fn duration(event: &ShownEvent) -> String {
    let micros =
        || Some(parse_datetime(event.finished_at.as_deref()?)? - parse_datetime(&event.received_at)?);
    match micros().map(|micros| micros.div_euclid(1_000)) {
        None => String::new(),
        Some(milliseconds @ ..1_000) => format!("{milliseconds} ms"),
        Some(milliseconds) => {
            format!("{}.{} s", milliseconds.div_euclid(1_000), milliseconds.rem_euclid(1_000).div_euclid(100))
        }
    }
}

/// Does again everything that has failed.
pub async fn replay_failed(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
) -> Answer<Redirect> {
    let place = Place::of(&visit, &name, &id)?;
    native::failed_again(&app, &visit.actor, place.object.name(), place.id).await?;
    Ok(Redirect::to(&events_address(&place.object, place.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pages::words::of_code;

    #[test]
    fn counts_end_where_counting_ends() {
        let words = of_code("en").expect("a language");
        let counts = EventCounts { pending: 3, completed: COUNTED, ignored: 0, failed: 12 };
        let shown = numbers(words, &counts).map(|(_, text)| text.replace('\u{202f}', ","));
        assert_eq!(
            shown,
            ["all (10,015+)", "pending (3)", "completed (10,000+)", "ignored (0)", "failed (12)"]
        );
    }
}
