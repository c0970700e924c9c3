//! What a connector does with a payload, step by step, as it is shown: the trigger, requests with secrets hidden, what is
//! made, the record.

use maud::{Markup, html};
use serde_json::Value;

use crate::http::pages::frame::Visit;
use crate::http::pages::json_text::{WHOLE, pretty};
use crate::http::pages::pieces::{list_of, of_engine, text};
use crate::http::pages::words::{Words, filled};
use crate::server::connectors::log::TriggerOutcome;

/// What the trigger said, and how long it took.
pub fn trigger(words: &Words, outcome: &TriggerOutcome) -> Markup {
    html! {
        p {
            @if outcome.error.is_some() {
                span.badge.error { (words.status_failed) }
            } @else if outcome.matched {
                span.badge.good { (words.trigger_matched) }
            } @else {
                span.badge.warning { (words.trigger_not_matched) }
            }
            " " span.hint { (format!("{:.1}", outcome.microseconds)) " µs" }
        }
        @if let Some(why) = &outcome.error { p.error { (of_engine(words, why)) } }
        @if !outcome.looked_at.is_empty() {
            dl.facts {
                @for looked in &outcome.looked_at { dt { code { (looked.path) } } dd { code { (looked.value) } } }
            }
        }
    }
}

/// JSON to be read.
pub fn document(title: &str, json: &str) -> Markup {
    plain(title, &pretty(json, WHOLE))
}

fn plain(title: &str, text: &str) -> Markup {
    html! { pre.document tabindex="0" role="region" aria-label=(title) { (text) } }
}

/// Every step there is: `{lookup, process, perform}`.
pub fn steps(visit: &Visit, steps: &Value) -> Markup {
    let words = visit.words;
    let titles =
        [("lookup", words.step_lookup), ("process", words.step_process), ("perform", words.step_perform)];
    let known = titles.into_iter().filter_map(|(name, title)| Some((title, steps.get(name)?)));
    let has_any = titles.iter().any(|(name, _)| steps.get(name).is_some());
    html! {
        @for (title, done) in known {
            section.step { h3 { (title) } (step(visit, title, done)) }
        }
        @if !has_any && !steps.is_null() && steps.as_object().is_none_or(|steps| !steps.is_empty()) {
            (document(words.steps_taken, &steps.to_string()))
        }
    }
}

/// One step: a request, a record, why there is none, or what was made.
fn step(visit: &Visit, title: &str, done: &Value) -> Markup {
    let words = visit.words;
    let whole = done.as_object();
    let only = |name: &str| {
        done.get(name).and_then(Value::as_str).filter(|_| whole.is_some_and(|whole| whole.len() == 1))
    };
    html! {
        @if let Some(why) = only("error") {
            p.error { (of_engine(words, why)) }
        } @else if done.get("method").is_some() && done.get("url").is_some() {
            (plain(title, &request(done)))
        } @else if let (Some(object), Some(record)) = (done.get("object").and_then(Value::as_str), done.get("record")) {
            @let fields: Vec<&str> = list_of(done, "match").iter().filter_map(Value::as_str).collect();
            p.hint {
                @if fields.is_empty() { (filled(words.record_of, &[&visit.label_of(object)])) }
                @else { (filled(words.record_of_by, &[&visit.label_of(object), &fields.join(", ")])) }
            }
            (document(title, &record.to_string()))
        } @else if done.is_null() {
            p.hint { (words.nothing_performed) }
        } @else {
            (document(title, &done.to_string()))
        }
    }
}

/// A request as it goes over the wire, its body with lines.
fn request(request: &Value) -> String {
    let mut out = format!("{} {}\n", text(request, "method"), text(request, "url"));
    for (name, value) in request.get("headers").and_then(Value::as_object).into_iter().flatten() {
        out.push_str(&format!("{name}: {}\n", value.as_str().unwrap_or_default()));
    }
    match request.get("body") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => out.push_str(&format!("\n{text}\n")),
        Some(json) => out.push_str(&format!("\n{}\n", pretty(&json.to_string(), WHOLE))),
    }
    out.trim_end().to_owned()
}
