//! Connections to storages: made, listed, changed, tested, deleted. Their settings come in and never go out: no
//! answer, no message, no line of the audit log holds them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::{Members, NoBody};
use super::connectors::is_format;
use super::definitions;
use super::refused::number;
use super::shape::{bad_request, not_found, of_storage, unprocessable};
use crate::clock;
use crate::http::access::{Actor, Admin, Reader};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{Path, Query};
use crate::http::lists::short;
use crate::operations::identities;
use crate::operations::pipelines::{run, saved};
use crate::server::app::App;
use crate::server::connections::{
    self, Access, Connection, MOST_CONNECTIONS, NewConnection, open_storage, surroundings,
};
use crate::storage::path::{filled, has_placeholder};
use crate::storage::{Connector, Role, Storage, StorageSettings, Tested};

/// The most characters of a name.
const NAME_LETTERS: usize = 100;
/// Members that storages have none of.
const NOT_OF_STORAGES: [&str; 3] = ["strategy", "sendingMode", "linkedConnections"];

/// A connection to make, for the document; what comes is read more strictly.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[allow(dead_code, reason = "it describes the body, which is read with its own rules")]
pub struct NewConnectionBody {
    /// For people, 1 to 100 characters.
    name: String,
    /// `Source` or `Destination`.
    role: String,
    /// `filesystem`, `s3`, `sftp`, `http-get` or `http-post`.
    connector: String,
    /// How to come in, and where.
    settings: Map<String, Value>,
}

/// What to change of a connection, for the document.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[allow(dead_code, reason = "it describes the body, which is read with its own rules")]
pub struct ConnectionChangeBody {
    /// For people, 1 to 100 characters.
    name: String,
    /// All settings anew; they stay as they are where they are left out.
    settings: Option<Map<String, Value>>,
}

/// A connection as the API shows it.
fn shown(connection: &Connection, pipelines: Vec<Value>) -> Value {
    json!({
        "id": connection.id, "name": connection.name,
        "connector": connection.connector.code(), "connectorType": "FileStorage",
        "role": connection.role.word(), "strategy": null, "sendingMode": null,
        "pipelines": pipelines,
    })
}

/// The pipelines of a connection, as the API shows them.
async fn pipelines_of(app: &App, actor: &Actor, connection: &Connection) -> Answer<Vec<Value>> {
    let connection = connection.clone();
    let found = app.run(actor.organization(), move |session| {
        let mut pipelines = Vec::new();
        for pipeline in saved::list(session)?.iter().filter(|known| known.connection == connection.id) {
            let running = run::live(session, pipeline.id)?.is_some();
            pipelines.push(definitions::shown(pipeline, &connection, running));
        }
        Ok(pipelines)
    });
    Ok(found.await?)
}

fn id_of(text: &str) -> Answer<i64> {
    number(text, "connection")
}

fn name_of(body: &Members) -> Answer<String> {
    let name = body.text("name")?.unwrap_or_default();
    if !(1..=NAME_LETTERS).contains(&name.chars().count()) || name.contains('\0') {
        return Err(bad_request(format!("`name` must have 1 to {NAME_LETTERS} characters, and no NUL")));
    }
    Ok(name.to_owned())
}

fn must_be_of_storages(body: &Members) -> Answer<()> {
    match NOT_OF_STORAGES.iter().find(|key| body.get(key).is_some()) {
        Some(key) => Err(bad_request(format!("`{key}` must be null: storages have none"))),
        None => Ok(()),
    }
}

/// What a body says of a storage.
fn storage_of(body: &Members) -> Answer<(Role, Connector, Value)> {
    let role = body.text("role")?.and_then(Role::of_word);
    let role = role.ok_or_else(|| bad_request("`role` must be `Source` or `Destination`"))?;
    let code = body.text("connector")?.unwrap_or_default();
    if code.is_empty() {
        return Err(bad_request("`connector` is missing: filesystem, s3, sftp, http-get or http-post"));
    }
    if is_format(code) {
        return Err(bad_request(format!(
            "`{code}` is a format of files: a connection is to a storage of files"
        )));
    }
    let connector = Connector::of_code(code).ok_or_else(|| {
        unprocessable("ConnectorNotExist", format!("there is no connector `{}`", short(code)))
    })?;
    if !connector.supports(role) {
        return Err(bad_request(format!("`{code}` cannot be a {}", role.word())));
    }
    must_be_of_storages(body)?;
    Ok((role, connector, settings_of(body)?))
}

fn settings_of(body: &Members) -> Answer<Value> {
    match body.get("settings") {
        Some(settings @ Value::Object(_)) => Ok(settings.clone()),
        Some(_) => Err(bad_request("`settings` must be a JSON object")),
        None => Err(bad_request("`settings` is missing: a JSON object")),
    }
}

/// Checks settings, and where it is wanted the storage they lead to. Blocking work of its own: a storage that
/// says nothing keeps no session with the store.
async fn checked(
    app: &App,
    actor: &Actor,
    (connector, role, settings): (Connector, Role, &Value),
    is_tested: bool,
) -> Answer<Tested> {
    let parsed = StorageSettings::parse(connector, role, settings)
        .map_err(|wrong| unprocessable("InvalidSettings", wrong))?;
    let surroundings = surroundings(app, actor.organization());
    with_storage(move || {
        let storage = Storage::open(&parsed, None, &surroundings)?;
        if is_tested { storage.test() } else { Ok(Tested::default()) }
    })
    .await
}

async fn with_storage<T: Send + 'static>(
    work: impl FnOnce() -> dray_model::Result<T> + Send + 'static,
) -> Answer<T> {
    let span = tracing::Span::current();
    let worked = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    of_storage(
        worked.unwrap_or_else(|_| Err(dray_model::Error::store("the work with the storage broke off"))),
    )
}

/// Settings that were checked; an SFTP server was visited, and its key is remembered.
async fn access(
    app: &App,
    actor: &Actor,
    connector: Connector,
    role: Role,
    settings: Value,
) -> Answer<Access> {
    let tested = checked(app, actor, (connector, role, &settings), connector == Connector::Sftp).await?;
    let host_key = tested.host_key.filter(|key| !key.is_empty());
    Ok(Access { settings, host_key })
}

async fn found(app: &App, actor: &Actor, id: &str) -> Answer<Connection> {
    let id = id_of(id)?;
    let found = app.run(actor.organization(), move |session| connections::find(session, id)).await?;
    found.ok_or_else(|| no_such_connection(id))
}

fn no_such_connection(id: i64) -> Failure {
    not_found(format!("there is no connection {id}"))
}

fn details_of(connection: &Connection) -> Value {
    json!({
        "name": connection.name, "connector": connection.connector.code(), "role": connection.role.word(),
    })
}

/// List the connections of the organization.
#[utoipa::path(get, path = "/v1/connections", tag = "pipelines", responses((status = 200, description = "`{connections}`, the oldest first")), security(("key" = [])))]
pub async fn list(State(app): State<App>, Reader(actor): Reader, _none: NoBody) -> Answer<Json<Value>> {
    let found = app.run(actor.organization(), |session| connections::list(session)).await?;
    let mut list = Vec::with_capacity(found.len());
    for connection in &found {
        list.push(shown(connection, pipelines_of(&app, &actor, connection).await?));
    }
    Ok(Json(json!({ "connections": list })))
}

/// Make a connection. An SFTP server is visited: its key is remembered, and it must let us in.
#[utoipa::path(post, path = "/v1/connections", tag = "pipelines", request_body = NewConnectionBody, responses((status = 200, description = "`{id}`"), (status = 422, description = "ConnectorNotExist, InvalidSettings, ConnectionsLimitReached"), (status = 503, description = "ServiceUnavailable: the SFTP server does not let us in")), security(("key" = [])))]
pub async fn create(State(app): State<App>, Admin(actor): Admin, body: Members) -> Answer<Json<Value>> {
    let name = name_of(&body)?;
    let (role, connector, settings) = storage_of(&body)?;
    let access = access(&app, &actor, connector, role, settings).await?;
    let (ours, slug) = (app.clone(), actor.organization().to_owned());
    let new = NewConnection { name, role, connector, access };
    let made = app
        .run(actor.organization(), move |session| {
            connections::create(session, ours.secret(), &slug, new, clock::now())
        })
        .await?;
    let connection = made.ok_or_else(|| {
        unprocessable(
            "ConnectionsLimitReached",
            format!("there are {MOST_CONNECTIONS} connections already: delete one that is no longer needed"),
        )
    })?;
    let entry = actor.entry("connection.create", connection.id.to_string(), details_of(&connection));
    app.audit(actor.organization(), entry).await;
    Ok(Json(json!({ "id": connection.id })))
}

/// See whether settings work, before a connection is made: a body as for making one.
#[utoipa::path(post, path = "/v1/connections/test", tag = "pipelines", request_body = NewConnectionBody, responses((status = 200, description = "`{ok, hostPublicKey}`: the key is that of an SFTP server"), (status = 422, description = "ConnectorNotExist, InvalidSettings"), (status = 503, description = "ServiceUnavailable: why the storage cannot be used")), security(("key" = [])))]
pub async fn test_settings(
    State(app): State<App>,
    Admin(actor): Admin,
    body: Members,
) -> Answer<Json<Value>> {
    let (role, connector, settings) = storage_of(&body)?;
    let tested = checked(&app, &actor, (connector, role, &settings), true).await?;
    let details = json!({ "connector": connector.code(), "role": role.word() });
    app.audit(actor.organization(), actor.entry("connection.test", "new", details)).await;
    Ok(Json(told(&tested)))
}

fn told(tested: &Tested) -> Value {
    match &tested.host_key {
        Some(key) => json!({ "ok": true, "hostPublicKey": key }),
        None => json!({ "ok": true }),
    }
}

/// One connection, without its settings.
#[utoipa::path(get, path = "/v1/connections/{id}", tag = "pipelines", params(("id" = String, Path)), responses((status = 200, description = "The connection"), (status = 404)), security(("key" = [])))]
pub async fn get(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(id): Path<String>,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let connection = found(&app, &actor, &id).await?;
    let pipelines = pipelines_of(&app, &actor, &connection).await?;
    Ok(Json(shown(&connection, pipelines)))
}

/// Change the name of a connection, and its settings where they are given.
#[utoipa::path(put, path = "/v1/connections/{id}", tag = "pipelines", params(("id" = String, Path)), request_body = ConnectionChangeBody, responses((status = 200, description = "Nothing"), (status = 404), (status = 422, description = "InvalidSettings"), (status = 503, description = "ServiceUnavailable: the SFTP server does not let us in")), security(("key" = [])))]
pub async fn change(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    body: Members,
) -> Answer<StatusCode> {
    let connection = found(&app, &actor, &id).await?;
    let name = name_of(&body)?;
    must_be_of_storages(&body)?;
    let access = match body.get("settings") {
        Some(_) => {
            let settings = settings_of(&body)?;
            Some(access(&app, &actor, connection.connector, connection.role, settings).await?)
        }
        None => None,
    };
    let has_settings = access.is_some();
    let (ours, slug, id) = (app.clone(), actor.organization().to_owned(), connection.id);
    let changed = app
        .run(actor.organization(), move |session| {
            connections::change(session, ours.secret(), &slug, id, (name, access), clock::now())
        })
        .await?;
    let connection = changed.ok_or_else(|| no_such_connection(id))?;
    let mut details = details_of(&connection);
    details["settings_changed"] = json!(has_settings);
    app.audit(actor.organization(), actor.entry("connection.change", id.to_string(), details)).await;
    Ok(StatusCode::OK)
}

/// Delete a connection with its pipelines.
#[utoipa::path(delete, path = "/v1/connections/{id}", tag = "pipelines", params(("id" = String, Path)), responses((status = 200, description = "Nothing"), (status = 404)), security(("key" = [])))]
pub async fn delete(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    _none: NoBody,
) -> Answer<StatusCode> {
    let connection = found(&app, &actor, &id).await?;
    let id = connection.id;
    let deleted = app.run(actor.organization(), move |session| {
        let deleted = connections::delete(session, id)?;
        identities::delete_of_connection(session, id)?;
        Ok(deleted)
    });
    if !deleted.await? {
        return Err(no_such_connection(id));
    }
    let entry = actor.entry("connection.delete", id.to_string(), details_of(&connection));
    app.audit(actor.organization(), entry).await;
    Ok(StatusCode::OK)
}

/// See whether the storage of a connection is there and lets us in.
#[utoipa::path(post, path = "/v1/connections/{id}/test", tag = "pipelines", params(("id" = String, Path)), responses((status = 200, description = "`{ok, hostPublicKey}`: the key is that of an SFTP server"), (status = 404), (status = 422, description = "InvalidSettings"), (status = 503, description = "ServiceUnavailable: why the storage cannot be used")), security(("key" = [])))]
pub async fn test(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let connection = found(&app, &actor, &id).await?;
    let (ours, slug) = (app.clone(), actor.organization().to_owned());
    let (subject, details) = (connection.id.to_string(), details_of(&connection));
    let tested = with_storage(move || open_storage(&ours, &slug, &connection)?.test()).await?;
    app.audit(actor.organization(), actor.entry("connection.test", subject, details)).await;
    Ok(Json(told(&tested)))
}

/// Which file.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AbsolutePathQuery {
    /// A path as pipelines name it.
    path: Option<String>,
}

/// The path of a file with its folder, bucket or server before it. Placeholders are those of an export that
/// begins now.
#[utoipa::path(get, path = "/v1/connections/{id}/files/absolute", tag = "pipelines", params(("id" = String, Path), AbsolutePathQuery), responses((status = 200, description = "`{path}`"), (status = 404), (status = 422, description = "InvalidPath, InvalidPlaceholder")), security(("key" = [])))]
pub async fn absolute_path(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(id): Path<String>,
    Query(query): Query<AbsolutePathQuery>,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let connection = found(&app, &actor, &id).await?;
    let path = query.path.ok_or_else(|| bad_request("`path` is missing"))?;
    let path = match connection.role {
        Role::Destination => {
            filled(&path, clock::now()).map_err(|wrong| unprocessable("InvalidPlaceholder", wrong))?
        }
        Role::Source if has_placeholder(&path) => {
            return Err(unprocessable(
                "InvalidPlaceholder",
                "a path that is read has no placeholders: `${` stands for the time of an export",
            ));
        }
        Role::Source => path,
    };
    let storage = of_storage(open_storage(&app, actor.organization(), &connection))?;
    let absolute = storage.absolute_path(&path).map_err(|invalid| unprocessable("InvalidPath", invalid.0))?;
    Ok(Json(json!({ "path": absolute })))
}
