//! Endpoints of records: where others send to a connector, and by which tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use dray_model::Result;
use dray_model::catalog::Session;
use dray_model::object::Object;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::shapes::{number_of, object_of};
use crate::clock;
use crate::http::access::{Actor, Admin};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBody, Path};
use crate::http::links::base_url;
use crate::operations::ledger::time;
use crate::operations::pages;
use crate::server::app::App;
use crate::server::endpoints::{Endpoint, TokenState, Tokens};

/// The endpoint of a record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RecordEndpoint {
    /// Where others send to.
    pub url: String,
    /// When somebody was shown the tokens; null where nobody was yet.
    pub tokens_shown_at: Option<String>,
    /// Until when the tokens before still work, where they were made anew.
    pub previous_tokens_until: Option<String>,
}

/// Which tokens to show.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokensWanted {
    /// Make new ones; those there are work for one more day.
    pub rotate: bool,
}

/// The tokens of an endpoint, shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EndpointTokens {
    /// Sent as `Authorization: Bearer …`. Null where the same request (`Idempotency-Key`) is answered again.
    #[schema(value_type = Option<String>, required = true)]
    pub bearer: String,
    /// Signs what is sent. Null where the same request is answered again.
    #[schema(value_type = Option<String>, required = true)]
    pub secret: String,
}

/// Does something with the endpoint of a record; 404 where there is no such record, or it has none.
pub async fn with_endpoint<T: Send + 'static>(
    app: &App,
    actor: &Actor,
    object: &Arc<Object>,
    id: i64,
    work: impl FnOnce(&mut dyn Session, &Endpoint) -> Result<T> + Send + 'static,
) -> Answer<T> {
    if !object.definition.endpoints {
        return Err(Failure::not_found(format!("records of `{}` have no endpoints", object.name())));
    }
    let (of_work, endpoint) = (Arc::clone(object), endpoint_of(actor, object, id));
    let done = app
        .run(actor.organization(), move |session| {
            session.prepare_object(&of_work)?;
            let Some(_) = pages::record(session, &of_work, id)? else { return Ok(None) };
            work(session, &endpoint).map(Some)
        })
        .await?;
    done.ok_or_else(|| Failure::not_found(format!("there is no record {id} of `{}`", object.name())))
}

/// The endpoint of a record.
pub fn endpoint_of(actor: &Actor, object: &Object, id: i64) -> Endpoint {
    Endpoint { organization: actor.organization().to_owned(), object: object.name().to_owned(), id }
}

/// The address of a record's endpoint, and what is known of its tokens.
pub async fn found(
    app: &App,
    actor: &Actor,
    object: &Arc<Object>,
    id: i64,
    base_url: &str,
) -> Answer<(String, TokenState)> {
    let state = with_endpoint(app, actor, object, id, |session, endpoint| endpoint.state(session)).await?;
    Ok((format!("{base_url}{}", endpoint_of(actor, object, id).path(app.secret())), state))
}

/// The tokens of a record's endpoint, to be shown; 409 where they were shown before and no new ones are asked for.
pub async fn shown(app: &App, actor: &Actor, object: &Arc<Object>, id: i64, rotate: bool) -> Answer<Tokens> {
    let (secret, now) = (app.secret().clone(), clock::now());
    let tokens = with_endpoint(app, actor, object, id, move |session, endpoint| {
        endpoint.show(session, &secret, rotate, now)
    })
    .await?;
    let tokens = tokens.ok_or_else(|| {
        Failure::conflict("the tokens were shown before: make new ones with `{\"rotate\": true}`")
            .code("SHOWN_ONCE")
    })?;
    app.event_desk().forget();
    let subject = format!("{}/{id}", object.name());
    app.audit(actor.organization(), actor.entry("endpoint.tokens", subject, json!({ "rotate": rotate })))
        .await;
    Ok(tokens)
}

/// The endpoint of a record: where others send to. Every record of an object with `endpoints` has one from its
/// first moment, whichever way it came.
#[utoipa::path(get, path = "/api/v1/objects/{object}/records/{id}/endpoint", tag = "records", params(("object" = String, Path), ("id" = String, Path)), responses((status = 200, body = RecordEndpoint), (status = 404)), security(("key" = [])))]
pub async fn get(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<Json<RecordEndpoint>> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &object)?;
    let id = number_of(&id, "record")?;
    let (url, state) = found(&app, &actor, &object, id, &base_url(&app, &headers)).await?;
    let previous = state.previous_until.filter(|&until| clock::now() < until);
    Ok(Json(RecordEndpoint {
        url,
        tokens_shown_at: state.shown_at.map(time),
        previous_tokens_until: previous.map(time),
    }))
}

/// Show the two tokens of a record's endpoint, once; or make new ones.
#[utoipa::path(post, path = "/api/v1/objects/{object}/records/{id}/endpoint/tokens", tag = "records", params(("object" = String, Path), ("id" = String, Path)), request_body = TokensWanted, responses((status = 200, body = EndpointTokens), (status = 404), (status = 409, description = "SHOWN_ONCE")), security(("key" = [])))]
pub async fn show_tokens(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, id)): Path<(String, String)>,
    JsonBody(wanted): JsonBody<TokensWanted>,
) -> Answer<Json<EndpointTokens>> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, &object)?;
    let Tokens { bearer, secret } =
        shown(&app, &actor, &object, number_of(&id, "record")?, wanted.rotate).await?;
    Ok(Json(EndpointTokens { bearer, secret }))
}
