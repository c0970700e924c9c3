//! The profile schema: shown, changed, and what a change would do.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use dray_engine::expression::Schema;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::refusals::{bad_request, json as json_answer, time, unprocessable};
use crate::clock;
use crate::http::access::{Admin, Reader};
use crate::http::answer::{Answer, Failure};
use crate::http::body::JsonBody;
use crate::operations::identities;
use crate::operations::profile_schema::{self, Change, Refusal};
use crate::server::app::App;

/// The profile schema there shall be.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchemaBody {
    /// A type of kind `object`.
    #[schema(value_type = Object)]
    schema: Box<RawValue>,
    /// Path of a property → number of the connection whose values come first.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    primary_sources: Option<BTreeMap<String, Value>>,
    /// New path → the path it had, or null.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    re_paths: Option<BTreeMap<String, Option<String>>>,
}

impl SchemaBody {
    fn change(&self) -> Answer<Change> {
        let schema = Schema::parse(self.schema.get()).map_err(bad_request)?;
        let mut primary_sources = BTreeMap::new();
        for (path, connection) in self.primary_sources.iter().flatten() {
            let number = match connection {
                Value::Null => continue,
                Value::String(text) => text.parse().ok(),
                other => other.as_i64(),
            };
            let number = number.filter(|number| *number > 0).ok_or_else(|| {
                bad_request(format!("`primarySources` must name a connection by its number for `{path}`"))
            })?;
            primary_sources.insert(path.clone(), number);
        }
        Ok(Change { schema, primary_sources, renamed: self.re_paths.clone().unwrap_or_default() })
    }
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
pub async fn get(State(app): State<App>, Reader(actor): Reader) -> Answer<Response> {
    let known = app.run(actor.organization(), |session| profile_schema::load(session)).await?;
    let (schema, primary) = (known.schema.to_json(), json!(known.primary_sources));
    Ok(json_answer(format!("{{\"schema\":{schema},\"primarySources\":{primary}}}")))
}

/// Change the profile schema.
#[utoipa::path(put, path = "/v1/profiles/schema", tag = "pipelines", request_body = SchemaBody, responses((status = 200), (status = 422, description = "InvalidAlterSchema, ConnectionNotExist, OperationAlreadyExecuting")), security(("key" = [])))]
pub async fn change(
    State(app): State<App>,
    Admin(actor): Admin,
    JsonBody(body): JsonBody<SchemaBody>,
) -> Answer<StatusCode> {
    let change = body.change()?;
    let details =
        json!({ "properties": change.schema.properties.len(), "primarySources": change.primary_sources });
    app.run(actor.organization(), move |session| {
        for (path, connection) in &change.primary_sources {
            if !identities::is_connection(session, *connection)? {
                let why =
                    format!("there is no connection `{connection}`, which is to be the source of `{path}`");
                return Ok(Err(unprocessable("ConnectionNotExist", why)));
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
pub async fn preview(
    State(app): State<App>,
    Admin(actor): Admin,
    JsonBody(body): JsonBody<SchemaBody>,
) -> Answer<Json<Value>> {
    let change = body.change()?;
    let queries =
        app.run(actor.organization(), move |session| profile_schema::preview(session, &change)).await?;
    Ok(Json(json!({ "queries": queries.map_err(refused)? })))
}

/// When the profile schema was last changed.
#[utoipa::path(get, path = "/v1/profiles/schema/latest-alter", tag = "pipelines", responses((status = 200, description = "`{startTime, endTime, error}`")), security(("key" = [])))]
pub async fn latest_alter(State(app): State<App>, Reader(actor): Reader) -> Answer<Json<Value>> {
    let known = app.run(actor.organization(), |session| profile_schema::load(session)).await?;
    let (start, end) = known.altered.unzip();
    Ok(Json(json!({ "startTime": time(start), "endTime": time(end), "error": null })))
}
