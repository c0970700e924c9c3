//! Keys of programs and agents: made, listed, revoked. The secret is shown once.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock;
use crate::http::access::Admin;
use crate::http::answer::{Answer, Failure};
use crate::http::body::JsonBody;
use crate::server::app::App;
use crate::server::directory::{self, Key, Role};

/// The most letters of a name.
const NAME_LETTERS: usize = 120;

/// A key to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it ends by itself: seconds from now.
    pub expires_in: Option<u32>,
}

/// A key that was made, with its secret, which is shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MadeKey {
    /// The key itself: send it as `Authorization: Bearer …`. Null where the same request
    /// (`Idempotency-Key`) is answered again: it is shown once.
    #[schema(value_type = Option<String>, required = true)]
    pub secret: String,
    /// What is known of it.
    #[serde(flatten)]
    pub key: Key,
}

/// The keys of the organization.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Keys {
    /// The oldest first.
    pub keys: Vec<Key>,
}

/// List the keys of the organization.
#[utoipa::path(get, path = "/api/v1/keys", tag = "access", responses((status = 200, body = Keys)), security(("key" = [])))]
pub async fn list(State(app): State<App>, Admin(actor): Admin) -> Answer<Json<Keys>> {
    let organization = actor.organization().to_owned();
    let keys = app.sessions().directory(move |store| directory::list_keys(store, &organization)).await?;
    Ok(Json(Keys { keys }))
}

/// Make a key.
#[utoipa::path(post, path = "/api/v1/keys", tag = "access", request_body = NewKey, responses((status = 201, body = MadeKey)), security(("key" = [])))]
pub async fn create(
    State(app): State<App>,
    Admin(actor): Admin,
    JsonBody(new): JsonBody<NewKey>,
) -> Answer<(StatusCode, Json<MadeKey>)> {
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > NAME_LETTERS || name.chars().any(char::is_control) {
        return Err(Failure::validation(format!("`name` must have 1 to {NAME_LETTERS} letters")));
    }
    let organization = actor.organization().to_owned();
    let now = clock::now();
    let expires_at = new.expires_in.map(|seconds| now + i64::from(seconds) * 1_000_000);
    let (key, secret) = app
        .sessions()
        .directory(move |store| directory::create_key(store, &organization, &name, new.role, expires_at, now))
        .await?;
    let details = json!({ "name": key.name, "role": key.role });
    app.audit(actor.organization(), actor.entry("key.create", key.id.clone(), details)).await;
    Ok((StatusCode::CREATED, Json(MadeKey { secret, key })))
}

/// Revoke a key.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "access", params(("id" = String, Path)), responses((status = 204), (status = 404)), security(("key" = [])))]
pub async fn revoke(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let organization = actor.organization().to_owned();
    let now = clock::now();
    let wanted = id.clone();
    let found = app
        .sessions()
        .directory(move |store| {
            directory::change_key(store, &organization, &wanted, now, |key| {
                key.revoked_at = key.revoked_at.or(Some(now));
            })
        })
        .await?;
    if !found {
        return Err(Failure::not_found("there is no such key"));
    }
    app.forget_keys();
    app.audit(actor.organization(), actor.entry("key.revoke", id, json!({}))).await;
    Ok(StatusCode::NO_CONTENT)
}
