//! One record: all its fields to be looked at and changed, and what every import did to it.

use std::collections::BTreeMap;

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use dray_model::definition::{FieldDefinition, FieldKind};
use dray_model::object::{Column, Object};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::endpoint;
use super::failure_words::short;
use super::frame::{Head, Visit, page};
use super::history;
use super::problem_words::sentence;
use super::view::columns_of;
use super::words::{Words, filled};
use crate::http::answer::{Answer, Failure};
use crate::http::lists::number_of;
use crate::http::native::records as native;
use crate::http::native::shapes::object_of;
use crate::operations::pages;
use crate::server::app::App;
use crate::server::directory::Role;

/// What is entered into a form: name → text.
type Entered = BTreeMap<String, String>;

/// An empty form.
pub async fn new(visit: Visit, Path(name): Path<String>) -> Answer<Markup> {
    visit.actor.must_be_admin()?;
    let object = object_of(&visit.objects, &name)?;
    Ok(form_page(&visit, &object, None, &Entered::new(), None))
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
        Err(failure) => Ok(refused(&visit, &object, None, &entered, &failure)),
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
    Ok(form_page(&visit, &object, Some((id, &record)), &entered_of(&object, &record), None))
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
            Ok(refused(&visit, &object, Some((id, &known)), &entered, &failure))
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
fn refused(
    visit: &Visit,
    object: &Object,
    record: Option<(i64, &Map<String, Value>)>,
    entered: &Entered,
    failure: &Failure,
) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, form_page(visit, object, record, entered, Some(failure)))
        .into_response()
}

/// What is entered one by one: each stored column, with the definition of its field.
fn inputs(object: &Object) -> impl Iterator<Item = (&Column, &FieldDefinition)> {
    columns_of(object).filter_map(|column| {
        let field = object.fields.get(column.field?)?;
        Some((column, &field.definition))
    })
}

/// The members to write: every input of the form, empty ones as null.
fn members(object: &Object, entered: &Entered) -> Map<String, Value> {
    let mut members = Map::new();
    for (column, field) in inputs(object) {
        let Some(text) = entered.get(&column.name) else { continue };
        let text = text.replace("\r\n", "\n");
        let value = if text.trim().is_empty() {
            Value::Null
        } else if field.multiple {
            text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).collect()
        } else if field.kind == FieldKind::Json {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        } else {
            Value::String(text)
        };
        members.insert(column.name.clone(), value);
    }
    members
}

/// What a record's form shows at first.
fn entered_of(object: &Object, record: &Map<String, Value>) -> Entered {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = |column: &Column, field: &FieldDefinition| match record.get(&column.name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::Array(items)) if field.multiple => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Some(value) => plain(value),
    };
    inputs(object).map(|(column, field)| (column.name.clone(), text(column, field))).collect()
}

fn form_page(
    visit: &Visit,
    object: &Object,
    record: Option<(i64, &Map<String, Value>)>,
    entered: &Entered,
    failure: Option<&Failure>,
) -> Markup {
    let words = visit.words;
    let list = format!("/records/{}", object.name());
    let may_change = visit.actor.role == Role::Admin;
    let title = match record {
        Some((id, _)) => {
            title_of(object, entered).unwrap_or_else(|| filled(words.record, &[&id.to_string()]))
        }
        None => words.new_record.to_owned(),
    };
    let actions = html! {
        a.button.quiet href=(list) { (object.definition.label) }
        @if let (Some((id, _)), true) = (record, may_change) {
            form method="post" action=(format!("{list}/{id}/delete")) {
                button.danger data-confirm=(words.delete_sure) { (words.delete) }
            }
        }
    };
    let problems = failure.and_then(|failure| failure.details.as_ref()?.get("problems")?.as_array());
    let wrong = |name: &str| {
        let of_field = |problem: &&Value| problem.get("field").and_then(Value::as_str) == Some(name);
        problems.and_then(|problems| problems.iter().find(of_field))
    };
    let address = record.map_or(format!("{list}/new"), |(id, _)| format!("{list}/{id}"));
    let content = html! {
        @if let Some(failure) = failure {
            p.notice.error role="alert" {
                @if failure.code == "VERSION_CONFLICT" { (words.changed_meanwhile) } @else { (short(words, failure)) }
            }
        }
        form.fields.two method="post" action=(address) {
            @if let Some(version) = record.and_then(|(_, record)| record.get("version")) {
                input type="hidden" name="version" value=(version);
            }
            @for (column, field) in inputs(object) {
                @let wrong = wrong(&column.name).or(wrong(&field.name));
                @let text = entered.get(&column.name).map_or("", String::as_str);
                (input(words, &object.label_of_column(column), (column, field), text, wrong, may_change))
            }
            @if may_change { div.wide { button.primary { (words.save) } } }
        }
        @let known = record.filter(|(_, record)| record.contains_key("created_at"));
        @if let Some((id, record)) = known {
            (facts(words, record))
            @if may_change && object.definition.endpoints { (endpoint::later(words, object, id)) }
            (history::later(words, object, id))
        }
    };
    page(visit, &Head { title: &title, lead: html! {}, actions }, &content)
}

/// What names a record.
fn title_of(object: &Object, entered: &Entered) -> Option<String> {
    let column = object.naming_column().and_then(|column| object.columns.get(column));
    let named = column.and_then(|column| entered.get(&column.name));
    let first = ["name", "display_name", "email"].into_iter().filter_map(|name| entered.get(name));
    named.into_iter().chain(first).find(|text| !text.is_empty()).cloned()
}

fn input(
    words: &Words,
    label: &str,
    (column, field): (&Column, &FieldDefinition),
    text: &str,
    wrong: Option<&Value>,
    may_change: bool,
) -> Markup {
    let name = &column.name;
    let is_part = column.part.is_some();
    let id = format!("field-{name}");
    let described = wrong.map(|_| format!("{id}-error"));
    let kind = match field.kind {
        _ if is_part => "text",
        FieldKind::Email => "email",
        FieldKind::Url => "url",
        FieldKind::Phone => "tel",
        FieldKind::Date => "date",
        _ => "text",
    };
    let is_long = matches!(field.kind, FieldKind::Json | FieldKind::Expression)
        || (!is_part && field.kind == FieldKind::Text && field.max_length.is_none_or(|most| most > 1_000));
    let invalid = wrong.map(|_| "true");
    html! {
        div.field {
            label for=(id) {
                (label)
                @if field.required { " " span.hint { "(" (words.required) ")" } }
            }
            @if !field.choices.is_empty() && !field.multiple {
                select id=(id) name=(name) disabled[!may_change] aria-invalid=[invalid] aria-describedby=[described.as_deref()] {
                    option value="" { (words.nothing) }
                    @for choice in &field.choices { option value=(choice) selected[choice == text] { (choice) } }
                }
            } @else if field.kind == FieldKind::Boolean {
                select id=(id) name=(name) disabled[!may_change] aria-invalid=[invalid] aria-describedby=[described.as_deref()] {
                    option value="" { (words.nothing) }
                    option value="true" selected[text == "true"] { (words.yes) }
                    option value="false" selected[text == "false"] { (words.no) }
                }
            } @else if is_long {
                textarea id=(id) name=(name) rows="3" readonly[!may_change] aria-invalid=[invalid] aria-describedby=[described.as_deref()] { (text) }
            } @else {
                input id=(id) name=(name) type=(kind) value=(text) readonly[!may_change] aria-invalid=[invalid] aria-describedby=[described.as_deref()];
            }
            @if let Some(why) = wrong { p.error id=[described.as_deref()] { (sentence(words, why)) } }
        }
    }
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
