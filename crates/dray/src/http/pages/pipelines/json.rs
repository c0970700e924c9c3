//! The definition of a pipeline as JSON: everything that a pipeline can be told.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use dray_engine::expression::Schema;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::entered::{import_body, json_of, of_nothing};
use super::{PIPELINES, connection_of, found, text};
use crate::http::answer::{Answer, Failure};
use crate::http::body;
use crate::http::doors::pipelines::body::Members;
use crate::http::doors::pipelines::definitions;
use crate::http::pages::form::{Entered, Field, wrong};
use crate::http::pages::frame::{Head, Visit, page};
use crate::operations::profile_schema;
use crate::server::app::App;
use crate::storage::Role;

/// What the door shows of a pipeline and does not take.
const NOT_SAID: [&str; 9] = [
    "id",
    "connector",
    "connectorType",
    "connection",
    "connectionRole",
    "target",
    "running",
    "scheduleStart",
    "schedulePeriod",
];

fn json_page(visit: &Visit, title: &str, place: &str, json: &str, failure: Option<&Failure>) -> Markup {
    let words = visit.words;
    let content = html! {
        (wrong(words, failure))
        form.editor method="post" action=(format!("{place}/definition")) {
            (Field::new("definition", words.definition_json, json).hint(words.definition_json_hint).code(28))
            div.actions { button.primary { (words.save) } }
        }
    };
    let actions = html! { a.button.quiet href=(place) { (words.cancel) } };
    page(visit, &Head { title, lead: html! {}, actions }, &content)
}

fn members(entered: &Entered) -> Answer<Map<String, Value>> {
    serde_json::from_str(entered.raw("definition"))
        .map_err(|why| Failure::validation(format!("the definition is no JSON object: {why}")))
}

/// The form of a new pipeline.
pub async fn new(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Markup> {
    visit.actor.must_be_admin()?;
    let connection = connection_of(&app, &visit, &id).await?;
    let known = app.run(visit.actor.organization(), |session| profile_schema::load(session)).await?;
    let json = format!("{:#}", Value::Object(template(&connection, &known.schema)));
    Ok(json_page(&visit, visit.words.new_pipeline, &format!("{PIPELINES}/new/{id}"), &json, None))
}

/// Makes a pipeline of this connection.
pub async fn create(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let connection = connection_of(&app, &visit, &id).await?;
    let made = async {
        let mut said = members(&entered)?;
        said.insert("connection".to_owned(), connection["id"].clone());
        said.insert("target".to_owned(), "User".into());
        definitions::create(State(app), admin, Members(said)).await
    };
    match made.await {
        Ok(made) => Ok(Redirect::to(&format!("{PIPELINES}/{}", made.0["id"])).into_response()),
        Err(failure) => {
            let (title, place) = (visit.words.new_pipeline, format!("{PIPELINES}/new/{id}"));
            let page = json_page(&visit, title, &place, entered.raw("definition"), Some(&failure));
            Ok((failure.status, page).into_response())
        }
    }
}

/// The definition of a pipeline.
pub async fn edit(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Markup> {
    visit.actor.must_be_admin()?;
    let mut pipeline = found(&app, &visit, &id).await?;
    let title = text(&pipeline, "name").to_owned();
    if let Value::Object(members) = &mut pipeline {
        members.retain(|name, value| !NOT_SAID.contains(&name.as_str()) && !value.is_null());
    }
    Ok(json_page(&visit, &title, &format!("{PIPELINES}/{id}"), &format!("{pipeline:#}"), None))
}

/// Changes a pipeline to what was entered.
pub async fn change(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let changed = async {
        let said = Members(members(&entered)?);
        definitions::change(State(app), admin, body::Path(id.clone()), said).await
    };
    match changed.await {
        Ok(_) => Ok(Redirect::to(&format!("{PIPELINES}/{id}")).into_response()),
        Err(failure) => {
            let place = format!("{PIPELINES}/{id}");
            let page = json_page(
                &visit,
                visit.words.definition_json,
                &place,
                entered.raw("definition"),
                Some(&failure),
            );
            Ok((failure.status, page).into_response())
        }
    }
}

/// A definition to begin with.
fn template(connection: &Value, profiles: &Schema) -> Map<String, Value> {
    let entered = of_nothing();
    let is_import = text(connection, "role") == Role::Source.word();
    let mut body = if is_import { import_body(&entered, profiles) } else { Map::new() };
    body.insert("name".to_owned(), "".into());
    body.insert("format".to_owned(), "csv".into());
    body.insert("path".to_owned(), "".into());
    let columns = if is_import { json!({ "kind": "object", "properties": [] }) } else { json_of(profiles) };
    body.insert("inSchema".to_owned(), columns);
    body
}
