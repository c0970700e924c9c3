//! The endpoint of a record, such as a connector: its address, and the tokens, which are shown once.

use std::collections::BTreeMap;

use axum::extract::{Form, Path, State};
use axum::http::HeaderMap;
use dray_model::object::Object;
use maud::{Markup, html};

use super::connectors::{Place, example};
use super::fields::entered_of;
use super::frame::{Head, Visit, page};
use super::pieces::{self, moment};
use super::words::{Words, filled};
use crate::http::answer::Answer;
use crate::http::links::base_url;
use crate::http::native::endpoints as native;
use crate::server::app::App;
use crate::server::endpoints::Tokens;

fn address_of(object: &Object, id: i64) -> String {
    format!("/records/{}/{id}/endpoint", object.name())
}

/// The place of the endpoint on a record's page: it is brought once the page is there.
pub fn later(words: &Words, object: &Object, id: i64) -> Markup {
    pieces::later("endpoint", &address_of(object, id), words.record_endpoint, words.show_endpoint)
}

/// The endpoint as a page of its own.
pub async fn get(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<Markup> {
    show(&app, &visit, &Place::of(&visit, &name, &id)?, &headers, None).await
}

/// Shows the tokens, once, or new ones.
pub async fn show_tokens(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
    Form(entered): Form<BTreeMap<String, String>>,
) -> Answer<Markup> {
    let place = Place::of(&visit, &name, &id)?;
    let rotate = entered.contains_key("rotate");
    let tokens = native::shown(&app, &visit.actor, &place.object, place.id, rotate).await?;
    show(&app, &visit, &place, &headers, Some(tokens)).await
}

async fn show(
    app: &App,
    visit: &Visit,
    place: &Place,
    headers: &HeaderMap,
    tokens: Option<Tokens>,
) -> Answer<Markup> {
    let Place { object, id } = place;
    let (url, state) = native::found(app, &visit.actor, object, *id, &base_url(app, headers)).await?;
    let entered = entered_of(object, &place.record(app, visit).await?);
    let words = visit.words;
    let secrets = tokens.iter().flat_map(|tokens| {
        [
            ("bearer", words.bearer_token, words.bearer_hint, &tokens.bearer),
            ("secret", words.secret_token, words.secret_hint, &tokens.secret),
        ]
    });
    let content = html! {
        section #endpoint .card {
            h2 { (words.record_endpoint) }
            p.hint { (words.record_endpoint_hint) }
            (copied(words, ("endpoint-address", words.address, ""), &url))
            @if tokens.is_some() { p.notice.warning role="status" { (words.tokens_shown_once) } }
            @for (id, title, hint, value) in secrets { (copied(words, (id, title, hint), value)) }
            form.bar method="post" action=(address_of(object, *id)) hx-post=(address_of(object, *id))
                hx-target="#endpoint" hx-select="#endpoint" hx-swap="outerHTML" {
                @if let Some(at) = state.shown_at {
                    @if tokens.is_none() { p.hint { (words.tokens_seen) " " (moment(at)) } }
                    button.small name="rotate" value="yes" data-confirm=(words.new_tokens_sure) { (words.new_tokens) }
                } @else {
                    button.small { (words.show_tokens) }
                    p.hint { (words.show_tokens_hint) }
                }
            }
            (example::line(
                words, &url, tokens.as_ref().map_or("TOKEN", |tokens| &tokens.bearer),
                entered.get("example_payload").map_or("", String::as_str),
            ))
        }
    };
    let title = filled(words.record, &[&id.to_string()]);
    let actions = html! { a.button.quiet href=(place.address()) { (words.back) } };
    Ok(page(visit, &Head { title: &title, lead: html! { (object.definition.label) }, actions }, &content))
}

/// A text to be copied.
fn copied(words: &Words, (id, title, hint): (&str, &str, &str), value: &str) -> Markup {
    html! {
        div.field {
            label for=(id) { (title) }
            div.bar {
                input id=(id) .mono value=(value) readonly;
                button.small type="button" data-copy=(id) { (words.copy) }
            }
            @if !hint.is_empty() { p.hint { (hint) } }
        }
    }
}
