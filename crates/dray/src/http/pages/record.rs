//! One record: all its fields to be looked at and changed, and what every import did to it.

use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use dray_model::object::Object;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::connectors::choices::choices;
use super::connectors::{Place, events, test_address};
use super::endpoint;
use super::failure_words::short;
use super::fields::{Entered, Input, entered_of, inputs, members, wrong_of};
use super::frame::{Head, Visit, page};
use super::history;
use super::words::{Words, filled};
use crate::http::answer::{Answer, Failure};
use crate::http::lists::number_of;
use crate::http::native::records as native;
use crate::http::native::shapes::object_of;
use crate::operations::pages;
use crate::server::app::App;
use crate::server::directory::Role;

/// Lines that a long text has at least.
const LINES: usize = 3;

/// An empty form.
pub async fn new(State(app): State<App>, visit: Visit, Path(name): Path<String>) -> Answer<Markup> {
    visit.actor.must_be_admin()?;
    let object = object_of(&visit.objects, &name)?;
    form_page(&app, &visit, &object, None, &Entered::new(), None).await
}

/// Makes a record of what was entered.
pub async fn create(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    Form(entered): Form<Entered>,
) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let object = object_of(&visit.objects, &name)?;
    match native::make(&app, &visit.actor, name, members(&object, &entered)).await {
        Ok(id) => Ok(Redirect::to(&format!("/records/{}/{id}", object.name())).into_response()),
        Err(failure) => refused(&app, &visit, &object, None, &entered, &failure).await,
    }
}

/// A record.
pub async fn get(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
) -> Answer<Markup> {
    visit.actor.reader()?;
    let object = object_of(&visit.objects, &name)?;
    let id = number_of(&id, "record")?;
    let of_work = object.clone();
    let found = app
        .run(visit.actor.organization(), move |session| {
            session.prepare_object(&of_work)?;
            pages::record(session, &of_work, id)
        })
        .await?;
    let found = found.ok_or_else(|| Failure::not_found(format!("there is no record {id} of `{name}`")))?;
    let record: Map<String, Value> = serde_json::from_str(found.get()).unwrap_or_default();
    let entry = visit.actor.entry("records.read", format!("{}/{id}", object.name()), serde_json::json!({}));
    app.audit(visit.actor.organization(), entry).await;
    form_page(&app, &visit, &object, Some((id, &record)), &entered_of(&object, &found), None).await
}

/// Changes a record to what was entered.
pub async fn change(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
    Form(entered): Form<Entered>,
) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let object = object_of(&visit.objects, &name)?;
    let id = number_of(&id, "record")?;
    let version = entered.get("version").and_then(|version| version.parse().ok());
    match native::put(&app, &visit.actor, name, id, members(&object, &entered), version).await {
        Ok(()) => Ok(Redirect::to(&format!("/records/{}/{id}", object.name())).into_response()),
        Err(failure) => {
            let known = Map::from_iter([("version".to_owned(), version.into())]);
            refused(&app, &visit, &object, Some((id, &known)), &entered, &failure).await
        }
    }
}

/// Deletes a record.
pub async fn delete(
    State(app): State<App>,
    visit: Visit,
    Path((name, id)): Path<(String, String)>,
) -> Answer<Response> {
    visit.actor.must_be_admin()?;
    let object = object_of(&visit.objects, &name)?;
    let id = number_of(&id, "record")?;
    native::remove(&app, &visit.actor, object.clone(), id, None).await?;
    Ok(Redirect::to(&format!("/records/{}", object.name())).into_response())
}

/// The form again, with what is wrong.
async fn refused(
    app: &App,
    visit: &Visit,
    object: &Arc<Object>,
    record: Option<(i64, &Map<String, Value>)>,
    entered: &Entered,
    failure: &Failure,
) -> Answer<Response> {
    let page = form_page(app, visit, object, record, entered, Some(failure)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn form_page(
    app: &App,
    visit: &Visit,
    object: &Arc<Object>,
    record: Option<(i64, &Map<String, Value>)>,
    entered: &Entered,
    failure: Option<&Failure>,
) -> Answer<Markup> {
    let words = visit.words;
    let list = format!("/records/{}", object.name());
    let may_change = visit.actor.role == Role::Admin;
    let title = match record {
        Some((id, _)) => {
            title_of(object, entered).unwrap_or_else(|| filled(words.record, &[&id.to_string()]))
        }
        None => words.new_record.to_owned(),
    };
    let is_connector = may_change && object.definition.endpoints;
    let place = record.filter(|_| is_connector).map(|(id, _)| Place { object: Arc::clone(object), id });
    let offered = match is_connector {
        true => choices(app, visit, entered).await?,
        false => html! {},
    };
    let actions = html! {
        a.button.quiet href=(list) { (object.definition.label) }
        @if let Some(place) = &place {
            a.button href=(test_address(object, place.id)) { (words.try_out) }
        }
        @if let (Some((id, _)), true) = (record, may_change) {
            form method="post" action=(format!("{list}/{id}/delete")) {
                button.danger data-confirm=(words.delete_sure) { (words.delete) }
            }
        }
    };
    let address = record.map_or(format!("{list}/new"), |(id, _)| format!("{list}/{id}"));
    let content = html! {
        @if let Some(failure) = failure {
            p.notice.error role="alert" {
                @if failure.code == "VERSION_CONFLICT" { (words.changed_meanwhile) } @else { (short(words, failure)) }
            }
        }
        (offered)
        form.fields.two method="post" action=(address) {
            @if let Some(version) = record.and_then(|(_, record)| record.get("version")) {
                input type="hidden" name="version" value=(version);
            }
            @for (column, field) in inputs(object) {
                (Input {
                    object, column, field, may_change,
                    text: entered.get(&column.name).map_or("", String::as_str),
                    wrong: wrong_of(words, failure, &column.name, &field.name),
                    lines: LINES,
                }.shown(words))
            }
            @if may_change { div.wide { button.primary { (words.save) } } }
        }
        @let known = record.filter(|(_, record)| record.contains_key("created_at"));
        @if let Some((id, record)) = known {
            (facts(words, record))
            @if let Some(place) = &place { (events::later(words, place)) (endpoint::later(words, object, id)) }
            (history::later(words, object, id))
        }
    };
    Ok(page(visit, &Head { title: &title, lead: html! {}, actions }, &content))
}

/// What names a record.
fn title_of(object: &Object, entered: &Entered) -> Option<String> {
    let column = object.naming_column().and_then(|column| object.columns.get(column));
    let named = column.and_then(|column| entered.get(&column.name));
    let first = ["name", "display_name", "email"].into_iter().filter_map(|name| entered.get(name));
    named.into_iter().chain(first).find(|text| !text.is_empty()).cloned()
}

fn facts(words: &Words, record: &Map<String, Value>) -> Markup {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    let time = |name: &str| html! { time datetime=(text(name)) { (text(name)) } };
    html! {
        dl.facts {
            dt { (words.created) } dd { (time("created_at")) }
            dt { (words.changed) } dd { (time("updated_at")) }
            dt { (words.version) } dd { (record.get("version").map(Value::to_string).unwrap_or_default()) }
        }
    }
}
