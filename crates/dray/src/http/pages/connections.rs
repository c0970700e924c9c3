//! Connections to storages: made with the fields of their kind, tested, changed, deleted. Their settings go in and
//! are never shown again.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::form::{Entered, Field, tick, wrong};
use super::frame::{Head, Visit, page};
use super::pieces::{button, careful_button, list_of, text};
use super::words::{Words, filled};
use crate::http::answer::{Answer, Failure};
use crate::http::body;
use crate::http::doors::pipelines::body::{Members, NoBody};
use crate::http::doors::pipelines::connections as door;
use crate::server::app::App;
use crate::storage::{Connector, Role};

/// Where they are.
const CONNECTIONS: &str = "/connections";

/// What kind of storage it is, for people.
pub fn storage_word(words: &Words, code: &str) -> &'static str {
    match Connector::of_code(code) {
        Some(Connector::Filesystem) => words.storage_folder,
        Some(Connector::S3) => words.storage_s3,
        Some(Connector::Sftp) => words.storage_sftp,
        Some(Connector::HttpGet | Connector::HttpPost) | None => words.storage_http,
    }
}

/// Whether it reads or writes.
pub fn role_word(words: &Words, role: &str) -> &'static str {
    if role == Role::Destination.word() { words.writes } else { words.reads }
}

/// All connections.
pub async fn list(State(app): State<App>, visit: Visit) -> Answer<Markup> {
    let all = door::list(State(app), visit.actor.reader()?, NoBody).await?.0;
    let all = list_of(&all, "connections");
    let words = visit.words;
    let content = html! {
        @if all.is_empty() {
            div.empty { p { (words.no_connections) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.connections) {
                table.plain {
                    thead { tr { th { (words.name) } th { (words.kind) } th { (words.what) } th { (words.pipelines) } } }
                    tbody {
                        @for connection in all {
                            @let used = list_of(connection, "pipelines");
                            tr {
                                th scope="row" { a href=(format!("{CONNECTIONS}/{}", connection["id"])) { (text(connection, "name")) } }
                                td { (storage_word(words, text(connection, "connector"))) }
                                td { (role_word(words, text(connection, "role"))) }
                                td.none[used.is_empty()] {
                                    @for (index, pipeline) in used.iter().enumerate() {
                                        @if index > 0 { ", " }
                                        a href=(format!("/pipelines/{}", pipeline["id"])) { (text(pipeline, "name")) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    let actions = html! {
        @if visit.actor.must_be_admin().is_ok() { (new_menu(words)) }
    };
    let lead = html! { (words.connections_lead) };
    Ok(page(&visit, &Head { title: words.connections, lead, actions }, &content))
}

fn new_menu(words: &Words) -> Markup {
    let part = |role: Role, title: &str| {
        html! {
            div {
                p.group { (title) }
                @for connector in Connector::ALL.into_iter().filter(|connector| connector.supports(role)) {
                    a href=(new_address(role, connector)) { (storage_word(words, connector.code())) }
                }
            }
        }
    };
    html! {
        details.menu {
            summary.button.primary { (words.new_connection) }
            div.items {
                (part(Role::Source, words.read_from))
                (part(Role::Destination, words.written_to))
            }
        }
    }
}

fn new_address(role: Role, connector: Connector) -> String {
    format!("{CONNECTIONS}/new/{}/{}", role.word().to_lowercase(), connector.code())
}

/// What an address says of a new connection.
fn kind_of(role: &str, connector: &str) -> Answer<(Role, Connector)> {
    let role =
        [Role::Source, Role::Destination].into_iter().find(|known| known.word().to_lowercase() == role);
    let found = role.zip(Connector::of_code(connector)).filter(|(role, connector)| connector.supports(*role));
    found.ok_or_else(|| Failure::not_found("there is no such kind of connection"))
}

/// A form with the fields of a kind.
pub async fn new(visit: Visit, Path((role, connector)): Path<(String, String)>) -> Answer<Markup> {
    visit.actor.must_be_admin()?;
    let kind = kind_of(&role, &connector)?;
    Ok(new_page(&visit, kind, &Entered::default(), None))
}

fn new_page(
    visit: &Visit,
    (role, connector): (Role, Connector),
    entered: &Entered,
    failure: Option<&Failure>,
) -> Markup {
    let words = visit.words;
    let content = html! {
        (wrong(words, failure))
        section.card {
            form.fields.two method="post" action=(new_address(role, connector)) {
                (Field::new("name", words.name, entered.text("name")).required().whole())
                (settings_fields(words, role, connector, entered))
                div.actions { button.primary { (words.save) } }
            }
        }
    };
    let said = match role {
        Role::Source => words.read_from,
        Role::Destination => words.written_to,
    };
    let lead = html! { (said) ": " (storage_word(words, connector.code())) };
    let actions = html! { a.button.quiet href=(CONNECTIONS) { (words.connections) } };
    page(visit, &Head { title: words.new_connection, lead, actions }, &content)
}

/// The fields of a kind of storage. What is secret is entered anew each time.
fn settings_fields(words: &Words, role: Role, connector: Connector, entered: &Entered) -> Markup {
    let field = |name: &'static str, label: &'static str| Field::new(name, label, entered.text(name));
    let port = |standard: &str| filled(words.port_hint, &[standard]);
    html! {
        @match connector {
            Connector::Filesystem => p.hint.whole { (words.storage_folder_hint) },
            Connector::S3 => {
                (field("accessKeyID", words.access_key).required())
                (Field::secret("secretAccessKey", words.secret_access_key).required())
                (field("bucket", words.bucket).required())
                (field("region", words.region).required())
                (field("endpoint", words.endpoint).hint(words.endpoint_hint).whole())
                fieldset.whole { (tick("pathStyle", words.path_style, entered.is_on("pathStyle"))) }
            }
            Connector::Sftp => {
                (field("host", words.host).required())
                (field("port", words.port).kind("number").hint(&port("22")))
                (field("username", words.username).required())
                (Field::secret("password", words.password))
                (Field::new("privateKey", words.private_key, "").hint(words.private_key_hint).whole().code(4))
                (Field::secret("passphrase", words.passphrase))
                @if role == Role::Destination { (field("tempPath", words.temp_folder).hint(words.temp_folder_hint)) }
                (field("hostPublicKey", words.host_public_key).hint(words.host_public_key_hint).whole())
            }
            Connector::HttpGet | Connector::HttpPost => {
                (field("host", words.host).required())
                (field("port", words.port).kind("number").hint(&port("443")))
                (field("scheme", words.scheme).choice([("https", "https"), ("http", "http")]))
                (Field::new("headers", words.headers, "").hint(words.headers_hint).whole().code(3))
            }
        }
        @if connector != Connector::Filesystem { p.hint.whole { (words.never_shown_again) } }
    }
}

/// The settings that were entered; what was left out is left out.
fn settings_of(connector: Connector, entered: &Entered) -> Answer<Value> {
    let names: &[&str] = match connector {
        Connector::Filesystem => &[],
        Connector::S3 => &["accessKeyID", "secretAccessKey", "bucket", "region", "endpoint"],
        Connector::Sftp => {
            &["host", "username", "password", "privateKey", "passphrase", "tempPath", "hostPublicKey"]
        }
        Connector::HttpGet | Connector::HttpPost => &["host", "scheme"],
    };
    let mut settings = Map::new();
    for name in names {
        let is_secret = matches!(*name, "password" | "passphrase" | "privateKey");
        let text = if is_secret { entered.raw(name) } else { entered.text(name) };
        if !text.trim().is_empty() {
            settings.insert((*name).to_owned(), text.replace("\r\n", "\n").into());
        }
    }
    if let Some(port) = entered.number("port")? {
        settings.insert("port".to_owned(), port.into());
    }
    if entered.is_on("pathStyle") {
        settings.insert("pathStyle".to_owned(), true.into());
    }
    let headers: Vec<Value> =
        entered.lines("headers").iter().map(|line| header_of(line)).collect::<Answer<_>>()?;
    if !headers.is_empty() {
        settings.insert("headers".to_owned(), headers.into());
    }
    Ok(Value::Object(settings))
}

fn header_of(line: &str) -> Answer<Value> {
    let (key, value) = line
        .split_once(':')
        .ok_or_else(|| Failure::validation("`headers`: write each as `Name: value`, one in each line"))?;
    Ok(json!({ "key": key.trim(), "value": value.trim() }))
}

fn members(pairs: Vec<(&str, Value)>) -> Members {
    Members(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Makes a connection.
pub async fn create(
    State(app): State<App>,
    visit: Visit,
    Path((role, connector)): Path<(String, String)>,
    entered: Entered,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let (role, connector) = kind_of(&role, &connector)?;
    let made = async {
        let said = members(vec![
            ("name", entered.text("name").into()),
            ("role", role.word().into()),
            ("connector", connector.code().into()),
            ("settings", settings_of(connector, &entered)?),
        ]);
        door::create(State(app), admin, said).await
    };
    match made.await {
        Ok(made) => Ok(Redirect::to(&format!("{CONNECTIONS}/{}", made.0["id"])).into_response()),
        Err(failure) => {
            let page = new_page(&visit, (role, connector), &entered, Some(&failure));
            Ok((failure.status, page).into_response())
        }
    }
}

/// One connection.
pub async fn get(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Markup> {
    let connection = found(&app, &visit, &id).await?;
    Ok(one_page(&visit, &connection, &Entered::default(), &html! {}))
}

async fn found(app: &App, visit: &Visit, id: &str) -> Answer<Value> {
    let path = body::Path(id.to_owned());
    door::get(State(app.clone()), visit.actor.reader()?, path, NoBody).await.map(|connection| connection.0)
}

fn one_page(visit: &Visit, connection: &Value, entered: &Entered, above: &Markup) -> Markup {
    let words = visit.words;
    let is_admin = visit.actor.must_be_admin().is_ok();
    let place = format!("{CONNECTIONS}/{}", connection["id"]);
    let (name, code, role) =
        (text(connection, "name"), text(connection, "connector"), text(connection, "role"));
    let used = list_of(connection, "pipelines");
    let content = html! {
        (above)
        h2 { (words.pipelines) }
        @if used.is_empty() {
            div.empty { p { (words.no_pipelines) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.pipelines) {
                table.plain {
                    thead { tr { th { (words.name) } th { (words.file) } th { (words.format) } } }
                    tbody {
                        @for pipeline in used {
                            tr {
                                th scope="row" { a href=(format!("/pipelines/{}", pipeline["id"])) { (text(pipeline, "name")) } }
                                td { code { (text(pipeline, "path")) } }
                                td { (text(pipeline, "format")) }
                            }
                        }
                    }
                }
            }
        }
        @if is_admin { (change_forms(words, connection, &place, entered)) }
    };
    let sure = filled(words.connection_delete_sure, &[name]);
    let actions = html! {
        a.button.quiet href=(CONNECTIONS) { (words.connections) }
        @if is_admin {
            (careful_button(&format!("{place}/delete"), "quiet danger", words.delete, &sure))
            (button(&format!("{place}/test"), "", words.test))
            a.button.primary href=(format!("/pipelines/new/{}", connection["id"])) { (words.new_pipeline) }
        }
    };
    let lead = html! { (storage_word(words, code)) ", " (role_word(words, role)) };
    page(visit, &Head { title: name, lead, actions }, &content)
}

fn change_forms(words: &Words, connection: &Value, place: &str, entered: &Entered) -> Markup {
    let name = text(connection, "name");
    let role = Role::of_word(text(connection, "role")).unwrap_or(Role::Source);
    let connector = Connector::of_code(text(connection, "connector")).unwrap_or(Connector::Filesystem);
    html! {
        section.card {
            h2 { (words.rename) }
            form.bar method="post" action=(place) {
                input name="name" value=(name) aria-label=(words.name) required;
                button { (words.save) }
            }
        }
        @if connector != Connector::Filesystem {
            section.card {
                h2 { (words.replace_settings) }
                p.hint { (words.replace_settings_hint) }
                form.fields.two method="post" action=(place) {
                    input type="hidden" name="name" value=(name);
                    input type="hidden" name="settings" value="on";
                    (settings_fields(words, role, connector, entered))
                    div.actions { button.primary { (words.replace_settings) } }
                }
            }
        }
    }
}

/// Changes the name, and the settings where they are entered anew.
pub async fn change(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let connection = found(&app, &visit, &id).await?;
    let changed = async {
        let mut said = vec![("name", Value::from(entered.text("name")))];
        if let (true, Some(connector)) =
            (entered.is_on("settings"), Connector::of_code(text(&connection, "connector")))
        {
            said.push(("settings", settings_of(connector, &entered)?));
        }
        door::change(State(app), admin, body::Path(id), members(said)).await
    };
    match changed.await {
        Ok(_) => Ok(Redirect::to(&format!("{CONNECTIONS}/{}", connection["id"])).into_response()),
        Err(failure) => {
            let page = one_page(&visit, &connection, &entered, &wrong(visit.words, Some(&failure)));
            Ok((failure.status, page).into_response())
        }
    }
}

/// Sees whether the storage is there and lets us in.
pub async fn test(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Response> {
    let admin = visit.actor.admin()?;
    let connection = found(&app, &visit, &id).await?;
    let words = visit.words;
    let shown = |above: &Markup| one_page(&visit, &connection, &Entered::default(), above);
    Ok(match door::test(State(app), admin, body::Path(id), NoBody).await {
        Ok(told) => {
            let key = text(&told.0, "hostPublicKey");
            let above = html! {
                div.notice.good role="status" {
                    p { (words.test_good) }
                    @if !key.is_empty() { p { (words.host_key_is) " " code { (key) } } }
                }
            };
            shown(&above).into_response()
        }
        Err(failure) => (failure.status, shown(&wrong(visit.words, Some(&failure)))).into_response(),
    })
}

/// Deletes a connection with its pipelines.
pub async fn delete(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Redirect> {
    let deleted = door::delete(State(app), visit.actor.admin()?, body::Path(id), NoBody).await;
    deleted.map(|_| Redirect::to(CONNECTIONS))
}
