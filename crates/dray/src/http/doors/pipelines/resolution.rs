//! Identity resolution: its settings, its beginning, and when it last was.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::body::{Members, NoBody};
use super::pages::time;
use super::shape::{bad_request, unprocessable};
use crate::http::access::{Admin, Reader};
use crate::http::answer::{Answer, Failure};
use crate::operations::pipelines::fields::Fields;
use crate::operations::resolution::{self, Refusal, Settings};
use crate::server::app::App;
use crate::server::jobs::resolution as job;

/// The settings of identity resolution.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "it describes the body, which is read with its own rules")]
pub struct SettingsBody {
    /// After every import of a pipeline.
    run_on_batch_import: bool,
    /// Paths of properties, the strongest first.
    identifiers: Vec<String>,
}

/// How identities are resolved.
#[utoipa::path(get, path = "/v1/identity-resolution/settings", tag = "pipelines", responses((status = 200, description = "`{runOnBatchImport, identifiers}`")), security(("key" = [])))]
pub async fn settings(
    State(app): State<App>,
    Reader(actor): Reader,
    _none: NoBody,
) -> Answer<Json<Settings>> {
    Ok(Json(app.run(actor.organization(), |session| resolution::settings(session)).await?))
}

/// Change how identities are resolved.
#[utoipa::path(put, path = "/v1/identity-resolution/settings", tag = "pipelines", request_body = SettingsBody, responses((status = 200, description = "Nothing"), (status = 422, description = "PropertyNotExist, TypeNotAllowed, IdentityResolutionInExecution")), security(("key" = [])))]
pub async fn change_settings(
    State(app): State<App>,
    Admin(actor): Admin,
    body: Members,
) -> Answer<StatusCode> {
    let fields = Fields(&body.0);
    if fields.value("runOnBatchImport").is_none() {
        return Err(bad_request("`runOnBatchImport` is missing: true or false"));
    }
    let settings = Settings {
        run_on_batch_import: fields.boolean("runOnBatchImport")?,
        identifiers: fields
            .texts("identifiers")?
            .ok_or_else(|| bad_request("`identifiers` is missing: a list of paths, which may be empty"))?,
    };
    let details = json!(settings);
    let saved = app
        .run(actor.organization(), move |session| {
            let now = session.time()?;
            resolution::save_settings(session, &settings, now)
        })
        .await?;
    saved.map_err(refused)?;
    app.audit(actor.organization(), actor.entry("identity_resolution.change", "settings", details)).await;
    Ok(StatusCode::OK)
}

fn refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Malformed(why) => bad_request(why),
        Refusal::NoProperty(why) => unprocessable("PropertyNotExist", why),
        Refusal::WrongType(why) => unprocessable("TypeNotAllowed", why),
        Refusal::Resolving => unprocessable(
            "IdentityResolutionInExecution",
            "identities are being resolved: try again when that has ended",
        ),
    }
}

/// Resolve identities now, in the background.
#[utoipa::path(post, path = "/v1/identity-resolution/start", tag = "pipelines", responses((status = 200, description = "Nothing"), (status = 422, description = "OperationAlreadyExecuting")), security(("key" = [])))]
pub async fn start(State(app): State<App>, Admin(actor): Admin, _none: NoBody) -> Answer<StatusCode> {
    let name = actor.name.clone();
    let started = app
        .run(actor.organization(), move |session| {
            let now = session.time()?;
            job::start(session, &name, now)
        })
        .await?;
    let Some(started) = started else {
        return Err(unprocessable(
            "OperationAlreadyExecuting",
            "identities are being resolved already, or will be in a moment",
        ));
    };
    app.queue().wake();
    let details = json!({ "job": started.id });
    app.audit(actor.organization(), actor.entry("identity_resolution.start", "profiles", details)).await;
    Ok(StatusCode::OK)
}

/// When identities were last resolved.
#[utoipa::path(get, path = "/v1/identity-resolution/latest", tag = "pipelines", responses((status = 200, description = "`{startTime, endTime}`")), security(("key" = [])))]
pub async fn latest(State(app): State<App>, Reader(actor): Reader, _none: NoBody) -> Answer<Json<Value>> {
    let latest = app.run(actor.organization(), |session| resolution::latest(session)).await?;
    Ok(Json(json!({ "startTime": time(latest.start), "endTime": time(latest.end) })))
}
