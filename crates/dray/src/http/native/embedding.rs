//! Importing from within another application's page: the pages that may show it, and tokens for them.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::shapes::object_of;
use crate::clock;
use crate::http::access::{Actor, Admin};
use crate::http::answer::{Answer, Failure};
use crate::http::body::JsonBody;
use crate::http::links::base_url;
use crate::operations::ledger::time;
use crate::server::app::App;
use crate::server::directory::random_text;
use crate::server::embedding::{Embedding, Token};

/// How long a token works where nothing is said, and the longest, in minutes.
const USUAL_MINUTES: u32 = 60;
const MOST_MINUTES: u32 = 24 * 60;
const MICROS_PER_MINUTE: i64 = 60 * 1_000_000;

/// The pages that may show imports.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSettings {
    /// Their origins: `https://app.example.com`. None at first.
    pub origins: Vec<String>,
}

/// A token to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEmbedToken {
    /// The object that files are imported into.
    pub object: String,
    /// How long it works, 1 to 1440; 60 where it is left out.
    pub minutes: Option<u32>,
}

/// A token, and what to write into the page.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EmbedToken {
    /// For the `token` of `<dray-import>`.
    pub token: String,
    /// Until when it works.
    pub expires_at: String,
    /// The object.
    pub object: String,
    /// The script that the page needs.
    pub script: String,
}

/// Which pages may show imports.
#[utoipa::path(get, path = "/api/v1/embedding", tag = "embedding", responses((status = 200, body = EmbeddingSettings)), security(("key" = [])))]
pub async fn get(State(app): State<App>, Admin(actor): Admin) -> Answer<Json<EmbeddingSettings>> {
    let origins = app.run(actor.organization(), Embedding::load).await?.origins;
    Ok(Json(EmbeddingSettings { origins }))
}

/// Say which pages may show imports. Takes effect at once, for tokens that were made before too.
#[utoipa::path(put, path = "/api/v1/embedding", tag = "embedding", request_body = EmbeddingSettings, responses((status = 200, body = EmbeddingSettings), (status = 400)), security(("key" = [])))]
pub async fn put(
    State(app): State<App>,
    Admin(actor): Admin,
    JsonBody(settings): JsonBody<EmbeddingSettings>,
) -> Answer<Json<EmbeddingSettings>> {
    let origins = change(&app, &actor, settings.origins).await?;
    Ok(Json(EmbeddingSettings { origins }))
}

/// Keeps which pages may show imports; as they are spelled then.
pub async fn change(app: &App, actor: &Actor, origins: Vec<String>) -> Answer<Vec<String>> {
    let now = clock::now();
    let kept = app.run(actor.organization(), move |session| Embedding::save(session, &origins, now)).await?;
    let details = json!({ "origins": kept.origins });
    app.audit(actor.organization(), actor.entry("embedding.change", "embedding", details)).await;
    Ok(kept.origins)
}

/// Make a token by which a page of another application imports into one object, for a short time.
///
/// Ask for it on the server of that application, for each visitor anew, and write it into the page:
/// `<script src="…/embed.js"></script><dray-import object="contacts" token="…"></dray-import>`. Whoever has it
/// may send files, see what they would change, import them, and take back what was imported with this token.
#[utoipa::path(
    post, path = "/api/v1/embedding/tokens", tag = "embedding", request_body = NewEmbedToken,
    responses((status = 201, body = EmbedToken), (status = 400), (status = 404), (status = 409, description = "No page may show imports yet")),
    security(("key" = []))
)]
pub async fn create_token(
    State(app): State<App>,
    Admin(actor): Admin,
    headers: HeaderMap,
    JsonBody(new): JsonBody<NewEmbedToken>,
) -> Answer<(StatusCode, Json<EmbedToken>)> {
    let minutes = new.minutes.unwrap_or(USUAL_MINUTES);
    if !(1..=MOST_MINUTES).contains(&minutes) {
        return Err(Failure::validation(format!("`minutes` must be 1 to {MOST_MINUTES}")));
    }
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &new.object)?;
    if app.run(actor.organization(), Embedding::load).await?.origins.is_empty() {
        return Err(Failure::conflict(
            "no page may show imports yet: name the origins that may with `PUT /api/v1/embedding`",
        ));
    }
    let expires_at = app.time().await? + i64::from(minutes) * MICROS_PER_MINUTE;
    let token = Token {
        organization: actor.organization().to_owned(),
        object: object.name().to_owned(),
        id: format!("emb_{}", random_text(12)),
        holder: actor.id.clone(),
        expires_at,
    };
    let details = json!({ "object": object.name(), "expires_at": time(expires_at) });
    app.audit(actor.organization(), actor.entry("embedding.token", token.id.clone(), details)).await;
    let made = EmbedToken {
        token: token.seal(app.secret())?,
        expires_at: time(expires_at),
        object: token.object,
        script: format!("{}/embed.js", base_url(&app, &headers)),
    };
    Ok((StatusCode::CREATED, Json(made)))
}
