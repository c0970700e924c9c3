//! One event: what was sent, what the trigger said, every step, and every attempt with its answer.

use axum::extract::{Path, State};
use axum::response::Redirect;
use dray_model::event::EventStatus;
use maud::{Markup, html};

use super::events::{badge, duration, lead};
use super::steps::{document, steps, trigger};
use super::{Place, events_address, test_address};
use crate::http::answer::Answer;
use crate::http::native::events::{self as native, ShownAttempt, ShownEvent};
use crate::http::pages::fields::entered_of;
use crate::http::pages::frame::{Head, Visit, page};
use crate::http::pages::pieces::{button, cell, of_engine};
use crate::http::pages::view;
use crate::http::pages::words::{Words, count};
use crate::server::app::App;
use crate::server::connectors::log::Step;

/// The parts of the address of an event.
type Parts = (String, String, String);

/// An event; while it waits the page looks for what becomes of it.
pub async fn get(
    State(app): State<App>,
    visit: Visit,
    Path((name, id, event)): Path<Parts>,
) -> Answer<Markup> {
    let place = Place::of(&visit, &name, &id)?;
    let event = native::found(&app, &visit.actor, place.object.name(), place.id, event).await?;
    let entered = entered_of(&place.object, &place.record(&app, &visit).await?);
    let words = visit.words;
    let all = events_address(&place.object, place.id);
    let address = format!("{all}/{}", event.id);
    let is_pending = event.status == EventStatus::Pending.word();
    let content = html! {
        div #event .editor hx-get=[is_pending.then_some(&address)] hx-trigger=[is_pending.then_some("every 2s")]
            hx-select=[is_pending.then_some("#event")] hx-swap=[is_pending.then_some("outerHTML")] {
            (facts(&visit, &event))
            @if let Some(outcome) = &event.trigger { section.card { h2 { (words.step_trigger) } (trigger(words, outcome)) } }
            @if !event.attempts.is_empty() { (attempts(words, &event.attempts)) }
            @if let Some(payload) = &event.payload { section.card { h2 { (words.payload) } (document(words.payload, payload.get())) } }
            @if let Some(taken) = &event.steps { section.card { h2 { (words.steps_taken) } (steps(&visit, taken)) } }
        }
    };
    let actions = html! {
        a.button.quiet href=(all) { (words.events) }
        a.button href=(view::address(&test_address(&place.object, place.id), &[("event", &event.id)])) { (words.use_as_example) }
        (button(&format!("{address}/replay"), "primary", words.send_again))
    };
    Ok(page(&visit, &Head { title: &event.id, lead: lead(&visit, &place, &entered), actions }, &content))
}

fn facts(visit: &Visit, event: &ShownEvent) -> Markup {
    let words = visit.words;
    let moment = |text: &str| html! { time datetime=(text) { (text) } };
    html! {
        section.card { dl.facts {
            dt { (words.status) } dd { (badge(words, event.status)) }
            dt { (words.received) } dd { (moment(&event.received_at)) }
            @if let Some(at) = &event.finished_at { dt { (words.finished) } dd { (moment(at)) " " span.hint { (duration(event)) } } }
            @if let Some(at) = &event.next_attempt_at { dt { (words.next_attempt) } dd { (moment(at)) } }
            @if let Some(message) = &event.message { dt { (words.message_number) } dd { code { (message) } } }
            @if let Some(why) = &event.reason { dt { (words.why) } dd { (of_engine(words, why)) } }
            @if let Some(record) = &event.record {
                dt { (words.record_word) }
                dd { a href=(format!("/records/{}/{}", record.object, record.id)) { (visit.label_of(&record.object)) " " (record.id) } " " (outcome(words, &record.outcome)) }
                dt { (words.import) }
                dd { a href=(format!("/imports/{}", record.import)) { (record.import) } }
            }
        } }
    }
}

/// What became of a record, in words.
fn outcome(words: &Words, outcome: &str) -> String {
    match outcome {
        "created" => words.fate_created,
        "updated" => words.fate_updated,
        "unchanged" => words.fate_unchanged,
        other => other,
    }
    .to_owned()
}

fn attempts(words: &Words, attempts: &[ShownAttempt]) -> Markup {
    html! {
        section.card {
            h2 { (words.attempts) }
            div.scroll tabindex="0" role="region" aria-label=(words.attempts) {
                table.grid.events {
                    thead {
                        tr {
                            th { (words.begun) } th { (words.step) } th.number { (words.status) } th.number { (words.duration) }
                            th { (words.answer) } th { (words.error) }
                        }
                    }
                    tbody {
                        @for attempt in attempts {
                            tr {
                                td { time datetime=(attempt.at) { (attempt.at) } }
                                td { (match attempt.step { Step::Lookup => words.step_lookup, Step::Perform => words.step_perform }) }
                                td.number { @if let Some(status) = attempt.status { (status) } }
                                td.number { (count(attempt.milliseconds)) " ms" }
                                (cell(&attempt.answer))
                                @match attempt.error.as_deref() {
                                    Some(why) => td.text { (of_engine(words, why)) },
                                    None => td.none {},
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Does an event again.
pub async fn replay(
    State(app): State<App>,
    visit: Visit,
    Path((name, id, event)): Path<Parts>,
) -> Answer<Redirect> {
    let place = Place::of(&visit, &name, &id)?;
    let again = native::again(&app, &visit.actor, place.object.name(), place.id, event).await?;
    Ok(Redirect::to(&format!("{}/{}", events_address(&place.object, place.id), again.id)))
}
