//! What made a record what it is: each version, the import or the person it came from, and every cell it set
//! with what stood there before.

use axum::extract::{Path, State};
use dray_model::object::Object;
use maud::{Markup, html};

use super::frame::{Head, Visit, page};
use super::pieces::{self, moment, person};
use super::view::label;
use super::words::{Words, filled};
use crate::http::answer::Answer;
use crate::http::lists::number_of;
use crate::http::native::history as native;
use crate::http::native::shapes::object_of;
use crate::operations::history::{Cause, CellChange, History, Step};
use crate::server::app::App;

/// Letters of a cell.
const CELL_LETTERS: usize = 200;

fn address_of(object: &Object, id: i64) -> String {
    format!("/records/{}/{id}/history", object.name())
}

/// The place of the history on a record's page: it is brought once the page is there.
pub fn later(words: &Words, object: &Object, id: i64) -> Markup {
    pieces::later("history", &address_of(object, id), words.history, words.show_history)
}

/// The history as a page of its own.
pub async fn get(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
) -> Answer<Markup> {
    visit.actor.reader()?;
    let object = object_of(&visit.objects, &name)?;
    let id = number_of(&id, "record")?;
    let found = native::found(&app, &visit.actor, &object, id).await?;
    let words = visit.words;
    let actions = html! {
        a.button.quiet href=(format!("/records/{}/{id}", object.name())) { (words.back) }
    };
    let content = html! {
        section #history .card {
            h2 { (words.history) }
            (steps(&visit, &object, &found))
        }
    };
    let title = filled(words.record, &[&id.to_string()]);
    Ok(page(&visit, &Head { title: &title, lead: html! { (object.definition.label) }, actions }, &content))
}

fn steps(visit: &Visit, object: &Object, history: &History) -> Markup {
    let words = visit.words;
    html! {
        ol.history {
            @for step in &history.steps {
                li {
                    p { strong { (cause(visit, step)) } " " span.hint { (words.version) " " (step.version) @if let Some(at) = step.at { ", " (moment(at)) } } }
                    @if !step.cells.is_empty() {
                        dl.cells {
                            @for cell in &step.cells {
                                dt { (label(object, &cell.column)) }
                                dd { (change(cell)) }
                            }
                        }
                    }
                }
            }
        }
        @if history.is_cut { p.hint { (words.history_cut) } }
    }
}

/// Who or what brought a version about.
fn cause(visit: &Visit, step: &Step) -> Markup {
    let words: &Words = visit.words;
    let Cause::Import { id, import, actor, is_creation } = &step.cause else {
        return html! { (words.changed_elsewhere) };
    };
    let who = person(actor);
    if step.is_by_hand() {
        let text = if *is_creation { words.made_by } else { words.changed_by };
        return html! { (filled(text, &[if who.is_empty() { "—" } else { who }])) };
    }
    let text =
        filled(if *is_creation { words.made_by_import } else { words.changed_by_import }, &[&id.to_string()]);
    html! {
        @if visit.actor.may_plan().is_ok() { a href=(format!("/imports/{id}")) { (text) } } @else { (text) }
        @if let Some(import) = import { ": " (import.source) }
        @if !who.is_empty() { ", " (who) }
    }
}

/// What stood there before, and what stands there since.
fn change(cell: &CellChange) -> Markup {
    let short = |text: &String| {
        let is_long = text.chars().count() > CELL_LETTERS;
        if is_long { text.chars().take(CELL_LETTERS).chain(['…']).collect() } else { text.clone() }
    };
    let (before, after) = (cell.before.as_ref().map(short), cell.after.as_ref().map(short));
    html! {
        span.change {
            @if let Some(before) = before { del { (before) } }
            @if let Some(after) = after { ins { (after) } } @else { ins { "∅" } }
        }
    }
}
