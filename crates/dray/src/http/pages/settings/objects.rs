//! Objects and their fields: looked at by everybody, made and changed by administrators.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use dray_model::definition::FieldKind;
use dray_model::object::{Field as ObjectField, Object};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::{OBJECTS, Shown, settings_page};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{self, JsonBytes};
use crate::http::native::objects as native;
use crate::http::native::shapes::object_of;
use crate::http::pages::form::{Entered, Field, name_of, tick, wrong};
use crate::http::pages::frame::Visit;
use crate::http::pages::pieces::careful_button;
use crate::http::pages::words::{Words, filled};
use crate::server::app::App;

/// Kinds of fields that people make, the usual ones first.
const KINDS: [FieldKind; 15] = [
    FieldKind::Text,
    FieldKind::Email,
    FieldKind::Phone,
    FieldKind::Url,
    FieldKind::Integer,
    FieldKind::Decimal,
    FieldKind::Boolean,
    FieldKind::Date,
    FieldKind::DateTime,
    FieldKind::Time,
    FieldKind::Choice,
    FieldKind::Reference,
    FieldKind::Address,
    FieldKind::Uuid,
    FieldKind::Json,
];

fn kind_word(words: &Words, kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => words.kind_text,
        FieldKind::Email => words.kind_email,
        FieldKind::Phone => words.kind_phone,
        FieldKind::Url => words.kind_url,
        FieldKind::Integer => words.kind_integer,
        FieldKind::Decimal => words.kind_decimal,
        FieldKind::Boolean => words.kind_boolean,
        FieldKind::Date => words.kind_date,
        FieldKind::DateTime => words.kind_datetime,
        FieldKind::Time => words.kind_time,
        FieldKind::Uuid => words.kind_uuid,
        FieldKind::Json => words.kind_json,
        FieldKind::Choice => words.kind_choice,
        FieldKind::Reference => words.kind_reference,
        FieldKind::Expression => words.kind_expression,
        FieldKind::Address => words.kind_address,
    }
}

/// All objects.
pub async fn list(visit: Visit) -> Markup {
    list_page(&visit, &Entered::default(), None)
}

fn list_page(visit: &Visit, entered: &Entered, failure: Option<&Failure>) -> Markup {
    let words = visit.words;
    let content = html! {
        (wrong(words, failure))
        div.scroll tabindex="0" role="region" aria-label=(words.objects) {
            table.plain {
                thead { tr { th { (words.object) } th { (words.name_in_files) } th.number { (words.fields) } th { (words.description) } } }
                tbody {
                    @for object in visit.objects.all() {
                        tr {
                            th scope="row" { a href=(format!("{OBJECTS}/{}", object.name())) { (object.definition.label) } }
                            td { code { (object.name()) } }
                            td.number { (object.fields.len()) }
                            td.none[object.definition.description.is_empty()] { (object.definition.description) }
                        }
                    }
                }
            }
        }
        @if visit.actor.must_be_admin().is_ok() {
            section.card {
                h2 { (words.add_object) }
                form.fields.two method="post" action=(OBJECTS) {
                    (Field::new("label", words.label, entered.text("label")).required())
                    (Field::new("name", words.name_in_files, entered.text("name")).hint(words.name_made))
                    (Field::new("field", words.first_field, entered.text("field")).required().hint(words.first_field_hint))
                    div.actions { button.primary { (words.add_object) } }
                }
            }
        }
    };
    let shown = Shown { here: OBJECTS, title: None, lead: html! { (words.objects_lead) }, actions: html! {} };
    settings_page(visit, shown, &content)
}

/// The name that was entered, or one made of the label.
fn name_or_made(entered: &Entered, name: &str, label: &str) -> String {
    entered.filled(name).map_or_else(|| name_of(entered.text(label)), str::to_owned)
}

/// Makes an object.
pub async fn create(State(app): State<App>, visit: Visit, entered: Entered) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let name = name_or_made(&entered, "name", "label");
    let field = entered.text("field");
    let definition = json!({
        "name": name, "label": entered.text("label"),
        "fields": [{ "name": name_of(field), "label": field, "type": "text" }],
    });
    match native::create(State(app), admin, JsonBytes(Bytes::from(definition.to_string()))).await {
        Ok(_) => Ok(Redirect::to(&format!("{OBJECTS}/{name}")).into_response()),
        Err(failure) => Ok((failure.status, list_page(&visit, &entered, Some(&failure))).into_response()),
    }
}

/// One object with its fields.
pub async fn get(visit: Visit, Path(name): Path<String>) -> Answer<Markup> {
    let object = object_of(&visit.objects, &name)?;
    Ok(object_page(&visit, &object, &Entered::default(), None))
}

fn object_page(visit: &Visit, object: &Object, entered: &Entered, failure: Option<&Failure>) -> Markup {
    let words = visit.words;
    let label = &object.definition.label;
    let is_admin = visit.actor.must_be_admin().is_ok();
    let content = html! {
        (wrong(words, failure))
        div.scroll tabindex="0" role="region" aria-label=(words.fields) {
            table.plain {
                thead {
                    tr {
                        th { (words.field) } th { (words.name_in_files) } th { (words.kind) } th { (words.rules) }
                        @if is_admin { th { span.unseen { (words.actions) } } }
                    }
                }
                tbody {
                    @for field in &object.fields { (field_row(visit, object, field, is_admin)) }
                }
            }
        }
        @if is_admin { (field_form(visit, object, entered)) }
    };
    let actions = html! {
        a.button.quiet href=(OBJECTS) { (words.objects) }
        a.button href=(format!("/records/{}", object.name())) { (filled(words.see_records, &[label])) }
    };
    let title = filled(words.fields_of, &[label]);
    let lead = html! { (object.definition.description) };
    settings_page(visit, Shown { here: OBJECTS, title: Some(&title), lead, actions }, &content)
}

fn field_row(visit: &Visit, object: &Object, field: &ObjectField, is_admin: bool) -> Markup {
    let words = visit.words;
    let definition = &field.definition;
    let recognizes = object
        .policy
        .match_by
        .iter()
        .any(|rule| rule.columns.iter().any(|column| field.columns.contains(column)));
    let target = definition.target.as_deref().map(|target| {
        visit
            .objects
            .named(target)
            .map_or_else(|_| target.to_owned(), |object| object.definition.label.clone())
    });
    let texts: Vec<String> = definition
        .choices
        .iter()
        .cloned()
        .chain(target.map(|target| format!("{} {target}", words.refers_to)))
        .collect();
    let badges = [
        (definition.required, "badge", words.required),
        (definition.unique, "badge", words.unique),
        (definition.multiple, "badge", words.list_of_values),
        (recognizes, "badge info", words.match_key),
    ];
    let has_rules = !texts.is_empty() || badges.iter().any(|(is_so, ..)| *is_so);
    let label = object.label_of(&definition.name);
    let sure = filled(words.hide_sure, &[&label]);
    html! {
        tr id=(format!("field-{}", definition.name)) {
            th scope="row" { (label) }
            td { code { (definition.name) } }
            td { (kind_word(words, definition.kind)) }
            td.none[!has_rules] {
                @for (is_so, class, text) in badges { @if is_so { span class=(class) { (text) } " " } }
                (texts.join(", "))
            }
            @if is_admin {
                td {
                    div.actions {
                        (careful_button(&format!("{OBJECTS}/{}/fields/{}/hide", object.name(), definition.name), "small quiet danger", words.hide, &sure))
                    }
                }
            }
        }
    }
}

fn field_form(visit: &Visit, object: &Object, entered: &Entered) -> Markup {
    let words = visit.words;
    let kinds = KINDS.map(|kind| (kind.word(), kind_word(words, kind)));
    let targets = visit.objects.all().iter().map(|object| (object.name(), object.definition.label.as_str()));
    html! {
        section.card {
            h2 { (words.add_field) }
            p.hint { (words.add_field_hint) }
            form.fields.two method="post" action=(format!("{OBJECTS}/{}/fields", object.name())) {
                (Field::new("label", words.label, entered.text("label")).required())
                (Field::new("name", words.name_in_files, entered.text("name")).hint(words.name_made))
                (Field::new("kind", words.kind, entered.text("kind")).choice(kinds))
                (Field::new("target", words.refers_to, entered.text("target")).hint(words.refers_to_hint)
                    .choice([("", words.nothing)].into_iter().chain(targets)))
                (Field::new("choices", words.choices, entered.raw("choices")).hint(words.choices_hint).lines(3))
                fieldset.field {
                    legend { (words.rules) }
                    (tick("required", words.required, entered.is_on("required")))
                    (tick("unique", words.unique, entered.is_on("unique")))
                    (tick("multiple", words.list_of_values, entered.is_on("multiple")))
                }
                div.actions { button.primary { (words.add_field) } }
            }
        }
    }
}

/// The field that was entered, as the API takes it.
fn field_of(entered: &Entered) -> Value {
    let mut field = Map::new();
    let mut put = |name: &str, value: Value| field.insert(name.to_owned(), value);
    put("name", name_or_made(entered, "name", "label").into());
    put("label", entered.text("label").into());
    put("type", entered.filled("kind").unwrap_or("text").into());
    for name in ["required", "unique", "multiple"] {
        if entered.is_on(name) {
            put(name, true.into());
        }
    }
    let choices = entered.lines("choices");
    if entered.text("kind") == FieldKind::Choice.word() {
        put("choices", choices.into());
    }
    if let (Some(target), true) =
        (entered.filled("target"), entered.text("kind") == FieldKind::Reference.word())
    {
        put("target", target.into());
    }
    Value::Object(field)
}

/// Adds a field.
pub async fn add_field(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let object = object_of(&visit.objects, &name)?;
    let field = JsonBytes(Bytes::from(field_of(&entered).to_string()));
    match native::add_field(State(app), admin, body::Path(object.name().to_owned()), field).await {
        Ok(_) => Ok(Redirect::to(&format!("{OBJECTS}/{}", object.name())).into_response()),
        Err(failure) => {
            Ok((failure.status, object_page(&visit, &object, &entered, Some(&failure))).into_response())
        }
    }
}

/// Hides a field.
pub async fn hide_field(
    State(app): State<App>,
    visit: Visit,
    Path((name, field)): Path<(String, String)>,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let object = object_of(&visit.objects, &name)?;
    match native::hide_field(State(app), admin, body::Path((object.name().to_owned(), field))).await {
        Ok(_) => Ok(Redirect::to(&format!("{OBJECTS}/{}", object.name())).into_response()),
        Err(failure) => {
            let page = object_page(&visit, &object, &Entered::default(), Some(&failure));
            Ok((failure.status, page).into_response())
        }
    }
}
