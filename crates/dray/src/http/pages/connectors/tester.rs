//! Trying a connector out, and changing it: its fields beside a payload, and what would be done with that, step by step.
//! Nobody is asked; what was entered stays, whatever is wrong with it.

use std::collections::BTreeMap;

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::Value;
use serde_json::value::RawValue;

use super::choices::choices;
use super::events::lead;
use super::steps::{steps, trigger};
use super::{Place, events_address, test_address};
use crate::http::answer::{Answer, Failure};
use crate::http::body::Query;
use crate::http::native::events::{self as native, Trial, Trialed};
use crate::http::native::records;
use crate::http::pages::failure_words::{notice, short};
use crate::http::pages::fields::{Entered, Input, entered_of, inputs, members, wrong_of};
use crate::http::pages::frame::{Head, Visit, page};
use crate::http::pages::json_text::{WHOLE, mistake, pretty};
use crate::http::pages::pieces::of_engine;
use crate::http::pages::words::Words;
use crate::server::app::App;

/// The fields of a connector that say what it does, in the order in which they do it.
const FIELDS: [&str; 9] = [
    "trigger",
    "process_api_url",
    "process_api_params",
    "process_api_headers",
    "process",
    "perform_api_method",
    "perform_api_url",
    "perform_headers",
    "perform",
];
/// The field with what comes.
const PAYLOAD: &str = "example_payload";
/// What the lookup is taken to answer; it is not kept.
const LOOKUP: &str = "lookup";
/// Lines of what comes.
const PAYLOAD_LINES: usize = 12;
/// The most lines of it.
const MOST_LINES: usize = 24;

/// What came of trying.
#[derive(Default)]
struct Tried {
    /// What is wrong: each with its field.
    mistakes: Vec<(String, String)>,
    /// What would be done.
    trialed: Option<Trialed>,
    /// Why nothing can be said.
    failure: Option<Failure>,
}

/// What a record is shown with.
struct Shown<'s> {
    /// What is kept of it.
    kept: &'s Entered,
    entered: &'s Entered,
    tried: &'s Tried,
    /// Why it was not saved.
    refused: Option<&'s Failure>,
    is_saved: bool,
}

/// The page with the record's own payload, or that of an event.
pub async fn get(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Answer<Markup> {
    let place = Place::of(&visit, &name, &id)?;
    let kept = kept(&app, &visit, &place).await?;
    let mut entered = kept.clone();
    if let Some(event) = query.get("event") {
        let event = native::found(&app, &visit.actor, place.object.name(), place.id, event.clone()).await?;
        let payload = event.payload.map(|payload| pretty(payload.get(), WHOLE));
        entered.insert(PAYLOAD.to_owned(), payload.unwrap_or_default());
    }
    let tried = tried(&app, &visit, &place, &entered).await?;
    let shown = Shown { kept: &kept, entered: &entered, tried: &tried, refused: None, is_saved: false };
    tester_page(&app, &visit, &place, shown).await
}

/// What is kept of a record, with its version.
async fn kept(app: &App, visit: &Visit, place: &Place) -> Answer<Entered> {
    let record = place.record(app, visit).await?;
    let mut entered = entered_of(&place.object, &record);
    let known: BTreeMap<String, Value> = serde_json::from_str(record.get()).unwrap_or_default();
    entered.extend(known.get("version").map(|version| ("version".to_owned(), version.to_string())));
    Ok(entered)
}

/// Tries what was entered, or saves it.
pub async fn post(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
    Form(mut entered): Form<Entered>,
) -> Answer<Response> {
    let place = Place::of(&visit, &name, &id)?;
    let before = kept(&app, &visit, &place).await?;
    if !entered.contains_key("save") {
        let tried = tried(&app, &visit, &place, &entered).await?;
        let shown = Shown { kept: &before, entered: &entered, tried: &tried, refused: None, is_saved: false };
        return Ok(tester_page(&app, &visit, &place, shown).await?.into_response());
    }
    let version = entered.get("version").and_then(|version| version.parse().ok());
    let members = members(&place.object, &entered);
    let name = place.object.name().to_owned();
    if let Err(failure) = records::put(&app, &visit.actor, name, place.id, members, version).await {
        let tried = Tried::default();
        let shown = Shown {
            kept: &before,
            entered: &entered,
            tried: &tried,
            refused: Some(&failure),
            is_saved: false,
        };
        let page = tester_page(&app, &visit, &place, shown).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    // What the lookup is taken to answer is not kept: the page stays as it is, with the new version.
    let kept = kept(&app, &visit, &place).await?;
    entered.extend(kept.clone());
    let tried = tried(&app, &visit, &place, &entered).await?;
    let shown = Shown { kept: &kept, entered: &entered, tried: &tried, refused: None, is_saved: true };
    Ok(tester_page(&app, &visit, &place, shown).await?.into_response())
}

fn text_of<'e>(entered: &'e Entered, name: &str) -> &'e str {
    entered.get(name).map_or("", String::as_str)
}

/// Tries what was entered.
async fn tried(app: &App, visit: &Visit, place: &Place, entered: &Entered) -> Answer<Tried> {
    let mut mistakes = Vec::new();
    let mut json = |name: &str| {
        let text = text_of(entered, name).trim();
        if let Some(why) = mistake(text).filter(|_| !text.is_empty()) {
            mistakes.push((name.to_owned(), why));
        }
        // Where nothing was entered nothing comes: not what the record has.
        RawValue::from_string(text.to_owned()).ok().or_else(|| RawValue::from_string("null".to_owned()).ok())
    };
    let (payload, lookup) = (json(PAYLOAD), json(LOOKUP));
    let mut fields = members(&place.object, entered);
    fields.retain(|name, _| FIELDS.contains(&name.as_str()));
    let trial = Trial { payload, lookup, fields };
    let has_payload = !text_of(entered, PAYLOAD).trim().is_empty();
    match native::tried(app, &visit.actor, place.object.name(), place.id, trial).await {
        Ok(trialed) => {
            let found = trialed.mistakes.iter();
            mistakes.extend(found.map(|mistake| (mistake.field.to_owned(), mistake.message.clone())));
            let trialed = Some(trialed).filter(|_| mistakes.is_empty() && has_payload);
            Ok(Tried { mistakes, trialed, failure: None })
        }
        Err(failure) if failure.status == StatusCode::BAD_REQUEST => {
            Ok(Tried { mistakes, trialed: None, failure: Some(failure) })
        }
        Err(failure) => Err(failure),
    }
}

async fn tester_page(app: &App, visit: &Visit, place: &Place, shown: Shown<'_>) -> Answer<Markup> {
    let words = visit.words;
    let Shown { kept, entered, tried, refused, is_saved } = shown;
    let object = &place.object;
    let text = |name: &str| text_of(entered, name);
    let wrong = |name: &str, field: &str| {
        let mistake = tried.mistakes.iter().find(|(known, _)| known == name);
        mistake.map(|(_, why)| of_engine(words, why)).or_else(|| wrong_of(words, refused, name, field))
    };
    let field = |name: &&'static str| {
        let (column, field) = inputs(object).find(|(column, _)| column.name == *name)?;
        let wrong = wrong(name, &field.name);
        Some((*name, Input { object, column, field, text: text(name), wrong, may_change: true, lines: 3 }))
    };
    let fields: Vec<(&str, Input<'_>)> = FIELDS.iter().filter_map(field).collect();
    let has_lookup = fields.iter().any(|(name, _)| *name == "process_api_url");
    let labels: Vec<(&str, String)> =
        fields.iter().map(|(name, input)| (*name, object.label_of_column(input.column))).collect();
    // What a try replaces beside its result.
    let replaced: Vec<String> = fields
        .iter()
        .map(|(name, _)| *name)
        .chain([PAYLOAD, LOOKUP])
        .map(|name| format!("#field-{name}-error"))
        .chain(["#choices".to_owned()])
        .collect();
    let address = test_address(object, place.id);
    let offered = choices(app, visit, entered).await?;
    let content = html! {
        @if let Some(failure) = refused {
            p.notice.error role="alert" {
                @if failure.code == "VERSION_CONFLICT" { (words.changed_meanwhile) } @else { (short(words, failure)) }
            }
        }
        @if is_saved { p.notice.good role="status" { (words.saved) } }
        (offered)
        form.tester method="post" action=(address) {
            input type="hidden" name="version" value=(text("version"));
            section.card.editor {
                @for (_, input) in &fields { (input.shown(words)) }
            }
            div.editor {
                section.card.editor {
                    (area(PAYLOAD, words.payload, words.payload_hint, text(PAYLOAD), wrong(PAYLOAD, PAYLOAD)))
                    @if has_lookup {
                        details open[!text(LOOKUP).is_empty() || !text("process_api_url").is_empty()] {
                            summary { (words.lookup_answer) }
                            (area(LOOKUP, words.lookup_answer, words.lookup_answer_hint, text(LOOKUP), wrong(LOOKUP, LOOKUP)))
                        }
                    }
                    div.actions {
                        button.primary hx-post=(address) hx-target="#result" hx-select="#result" hx-swap="outerHTML"
                            hx-select-oob=(replaced.join(",")) { (words.try_it) }
                        button name="save" value="yes" { (words.save) }
                    }
                }
                (result(visit, tried, &labels))
            }
        }
    };
    let actions = html! {
        a.button.quiet href=(place.address()) { (words.back) }
        a.button href=(events_address(object, place.id)) { (words.events) }
    };
    let lead = html! { (lead(visit, place, kept)) ". " (words.test_lead) };
    Ok(page(visit, &Head { title: words.try_out, lead, actions }, &content))
}

/// JSON to be entered.
fn area(name: &str, label: &str, hint: &str, text: &str, wrong: Option<Markup>) -> Markup {
    let id = format!("field-{name}");
    let error = format!("{id}-error");
    let least = if name == PAYLOAD { PAYLOAD_LINES } else { 4 };
    html! {
        div.field {
            label for=(id) { (label) }
            textarea.code id=(id) name=(name) rows=(text.lines().count().clamp(least, MOST_LINES)) spellcheck="false"
                aria-invalid=[wrong.as_ref().map(|_| "true")] aria-describedby=(error) { (text) }
            p.error id=(error) { @if let Some(why) = &wrong { (why) } }
            p.hint { (hint) }
        }
    }
}

/// What would be done.
fn result(visit: &Visit, tried: &Tried, labels: &[(&str, String)]) -> Markup {
    let words = visit.words;
    let label = |name: &str| -> String {
        let known = labels.iter().find(|(known, _)| *known == name).map(|(_, label)| label.clone());
        known.unwrap_or_else(|| if name == LOOKUP { words.lookup_answer } else { words.payload }.to_owned())
    };
    html! {
        section #result .card {
            h2 { (words.what_would_happen) }
            @if let Some(failure) = &tried.failure { (notice(words, failure)) }
            @if !tried.mistakes.is_empty() {
                div.notice.error {
                    p { (words.mistakes_at_fields) }
                    ul { @for (name, why) in &tried.mistakes { li { a href=(format!("#field-{name}")) { (label(name)) } ": " (of_engine(words, why)) } } }
                }
            }
            @if let Some(trialed) = &tried.trialed {
                (trialed_steps(visit, words, trialed))
            } @else if tried.mistakes.is_empty() && tried.failure.is_none() {
                p.hint { (words.give_payload) }
            }
        }
    }
}

fn trialed_steps(visit: &Visit, words: &Words, trialed: &Trialed) -> Markup {
    html! {
        @if let Some(outcome) = &trialed.trigger {
            section.step {
                h3 { (words.step_trigger) }
                (trigger(words, outcome))
                @if !outcome.matched && outcome.error.is_none() { p.hint { (words.would_be_ignored) } }
            }
        }
        @if !trialed.missing_secrets.is_empty() {
            p.notice.warning {
                (words.missing_secrets) " "
                @for name in &trialed.missing_secrets { code { (name) } " " }
                a href="/settings/secrets" { (words.keep_secret) }
            }
        }
        (steps(visit, &trialed.steps))
    }
}
