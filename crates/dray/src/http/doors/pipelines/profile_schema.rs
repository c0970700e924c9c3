//! The profile schema: shown, changed, and what a change would do.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use dray_engine::expression::Schema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::{Members, NoBody};
use super::pages::{json as json_answer, time};
use super::shape::{bad_request, unprocessable};
use crate::clock;
use crate::http::access::{Admin, Reader};
use crate::http::answer::{Answer, Failure};
use crate::http::lists::short;
use crate::operations::identities;
use crate::operations::profile_schema::{self, Change, Refusal};
use crate::server::app::App;
use crate::server::connections;
use crate::storage::Role;

/// The profile schema there shall be, for the document; what comes is read more strictly.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "it describes the body, which is read with its own rules")]
pub struct SchemaBody {
    /// A type of kind `object`.
    schema: Map<String, Value>,
    /// Path of a property → number of the connection whose values come first.
    primary_sources: Option<Map<String, Value>>,
    /// New path → the path it had, or null.
    re_paths: Option<Map<String, Value>>,
}

fn change_of(body: &Members) -> Answer<Change> {
    let schema =
        body.get("schema").ok_or_else(|| bad_request("`schema` is missing: a type of kind `object`"))?;
    let schema = Schema::parse(&schema.to_string()).map_err(|why| bad_request(format!("`schema`: {why}")))?;
    let mut primary_sources = BTreeMap::new();
    for (path, connection) in members_of(body, "primarySources")? {
        let number = match connection {
            Value::Null => continue,
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        let number = number.filter(|number| *number > 0).ok_or_else(|| {
            bad_request(format!(
                "`primarySources` must name a connection by its number for `{}`",
                short(path)
            ))
        })?;
        primary_sources.insert(path.clone(), number);
    }
    let mut renamed = BTreeMap::new();
    for (path, old) in members_of(body, "rePaths")? {
        let old = match old {
            Value::Null => None,
            Value::String(old) => Some(old.clone()),
            _ => return Err(bad_request("`rePaths` must hold paths or null")),
        };
        renamed.insert(path.clone(), old);
    }
    Ok(Change { schema, primary_sources, renamed })
}

/// The members of an object of the body; none where it is not there.
fn members_of<'b>(body: &'b Members, name: &str) -> Answer<impl Iterator<Item = (&'b String, &'b Value)>> {
    let object = match body.get(name) {
        None => None,
        Some(Value::Object(object)) => Some(object),
        Some(_) => return Err(bad_request(format!("`{name}` must be an object"))),
    };
    Ok(object.into_iter().flatten())
}

fn refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Malformed(why) => bad_request(why),
        Refusal::Impossible(why) => unprocessable("InvalidAlterSchema", why),
        Refusal::Busy(why) => unprocessable("OperationAlreadyExecuting", why),
    }
}

/// The profile schema.
#[utoipa::path(get, path = "/v1/profiles/schema", tag = "pipelines", responses((status = 200, description = "`{schema, primarySources}`")), security(("key" = [])))]
pub async fn get(State(app): State<App>, Reader(actor): Reader, _none: NoBody) -> Answer<Response> {
    let known = app.run(actor.organization(), |session| profile_schema::load(session)).await?;
    let (schema, primary) = (known.schema.to_json(), json!(known.primary_sources));
    Ok(json_answer(format!("{{\"schema\":{schema},\"primarySources\":{primary}}}")))
}

/// Change the profile schema.
#[utoipa::path(put, path = "/v1/profiles/schema", tag = "pipelines", request_body = SchemaBody, responses((status = 200, description = "Nothing"), (status = 422, description = "InvalidAlterSchema, ConnectionNotExist, OperationAlreadyExecuting")), security(("key" = [])))]
pub async fn change(State(app): State<App>, Admin(actor): Admin, body: Members) -> Answer<StatusCode> {
    let change = change_of(&body)?;
    let details =
        json!({ "properties": change.schema.properties.len(), "primarySources": change.primary_sources });
    app.run(actor.organization(), move |session| {
        for (path, connection) in &change.primary_sources {
            let Some(found) = connections::find(session, *connection)? else {
                let why =
                    format!("there is no connection `{connection}`, which is to be the source of `{path}`");
                return Ok(Err(unprocessable("ConnectionNotExist", why)));
            };
            if found.role != Role::Source {
                let why = format!("nothing comes from connection `{connection}`, so `{path}` cannot either");
                return Ok(Err(bad_request(why)));
            }
        }
        let now = session.time()?.min(clock::now());
        if let Err(refusal) = profile_schema::save(session, &change, now)? {
            return Ok(Err(refused(refusal)));
        }
        // Identities that there are get the columns; else they come with the first.
        if identities::find(session)?.is_some() {
            identities::ensure(session, now)?;
        }
        Ok(Ok(()))
    })
    .await??;
    app.audit(actor.organization(), actor.entry("profile_schema.change", "profiles", details)).await;
    Ok(StatusCode::OK)
}

/// What a change would do, as SQL; nothing is changed.
#[utoipa::path(put, path = "/v1/profiles/schema/preview", tag = "pipelines", request_body = SchemaBody, responses((status = 200, description = "`{queries}`"), (status = 422, description = "InvalidAlterSchema")), security(("key" = [])))]
pub async fn preview(State(app): State<App>, Admin(actor): Admin, body: Members) -> Answer<Json<Value>> {
    let change = change_of(&body)?;
    let queries =
        app.run(actor.organization(), move |session| profile_schema::preview(session, &change)).await?;
    Ok(Json(json!({ "queries": queries.map_err(refused)? })))
}

/// When the profile schema was last changed.
#[utoipa::path(get, path = "/v1/profiles/schema/latest-alter", tag = "pipelines", responses((status = 200, description = "`{startTime, endTime, error}`")), security(("key" = [])))]
pub async fn latest_alter(
    State(app): State<App>,
    Reader(actor): Reader,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let known = app.run(actor.organization(), |session| profile_schema::load(session)).await?;
    let (start, end) = known.altered.unzip();
    Ok(Json(json!({ "startTime": time(start), "endTime": time(end), "error": null })))
}
