//! Secrets that connectors read as `$secret.NAME`: made, replaced, listed, deleted. A value is never shown again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock;
use crate::http::access::{Actor, Admin};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBytes, Path};
use crate::http::lists::short;
use crate::operations::ledger::time;
use crate::server::app::App;
use crate::server::named_secrets::{self, NamedSecret};

/// What a secret shall be.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretValue {
    /// 1 to 8192 bytes, none of them NUL.
    pub value: String,
}

/// A secret as the API shows it: without its value.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KnownSecret {
    /// As expressions read it: `$secret.NAME`.
    pub name: String,
    /// When it was made.
    pub created_at: String,
    /// When it got the value it has.
    pub changed_at: String,
}

/// The secrets of the organization.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KnownSecrets {
    /// By their names.
    pub secrets: Vec<KnownSecret>,
}

fn shown(secret: NamedSecret) -> KnownSecret {
    KnownSecret {
        name: secret.name,
        created_at: time(secret.created_at),
        changed_at: time(secret.changed_at),
    }
}

/// List the secrets of the organization, without their values.
#[utoipa::path(get, path = "/api/v1/secrets", tag = "connectors", responses((status = 200, body = KnownSecrets)), security(("key" = [])))]
pub async fn list(State(app): State<App>, Admin(actor): Admin) -> Answer<Json<KnownSecrets>> {
    let secrets = all(&app, &actor).await?.into_iter().map(shown).collect();
    Ok(Json(KnownSecrets { secrets }))
}

/// The secrets of the organization.
pub async fn all(app: &App, actor: &Actor) -> Answer<Vec<NamedSecret>> {
    Ok(app.run(actor.organization(), |session| named_secrets::list(session)).await?)
}

/// Make a secret, or replace its value. Connectors read it as `$secret.NAME`; nobody is shown it again.
#[utoipa::path(put, path = "/api/v1/secrets/{name}", tag = "connectors", params(("name" = String, Path, description = "Up to 64 letters from A to Z, digits and underscores, no digit at the beginning")), request_body = SecretValue, responses((status = 200, body = KnownSecret, description = "Replaced"), (status = 201, body = KnownSecret, description = "Made")), security(("key" = [])))]
pub async fn put(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(name): Path<String>,
    JsonBytes(bytes): JsonBytes,
) -> Answer<(StatusCode, Json<KnownSecret>)> {
    // Whoever reads JSON quotes what is wrong with it, and here that may be the secret.
    let new: SecretValue = serde_json::from_slice(&bytes)
        .map_err(|_| Failure::validation("the body cannot be read: send `{\"value\": \"…\"}`"))?;
    let (secret, is_new) = keep(&app, &actor, name, new.value).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shown(secret))))
}

/// Makes a secret or replaces its value; true where it is new.
pub async fn keep(app: &App, actor: &Actor, name: String, value: String) -> Answer<(NamedSecret, bool)> {
    let (ours, slug) = (app.clone(), actor.organization().to_owned());
    let (secret, is_new) = app
        .run(actor.organization(), move |session| {
            named_secrets::put(session, ours.secret(), &slug, (&name, &value), clock::now())
        })
        .await?;
    let details = json!({ "replaced": !is_new });
    app.audit(actor.organization(), actor.entry("secret.put", secret.name.clone(), details)).await;
    Ok((secret, is_new))
}

/// Delete a secret. Connectors that read it fail until there is another of its name.
#[utoipa::path(delete, path = "/api/v1/secrets/{name}", tag = "connectors", params(("name" = String, Path)), responses((status = 204), (status = 404)), security(("key" = [])))]
pub async fn delete(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    let wanted = name.clone();
    let found = app.run(actor.organization(), move |session| named_secrets::delete(session, &wanted)).await?;
    if !found {
        return Err(Failure::not_found(format!("there is no secret `{}`", short(&name))));
    }
    app.audit(actor.organization(), actor.entry("secret.delete", name, json!({}))).await;
    Ok(StatusCode::NO_CONTENT)
}
