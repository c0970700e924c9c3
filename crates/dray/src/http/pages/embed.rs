//! The import within a page of another application: the same steps in a frame, for whoever has a token. The
//! token stands in every address below `/embed/`, as browsers keep cookies of frames to themselves; it lets
//! in here and nowhere else.

use std::sync::Arc;

use axum::extract::{RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::frame::{self, Embedded};
use super::words::{self, of_code};
use crate::http::access::Actor;
use crate::http::answer::{Answer, Failure, FramedBy};
use crate::server::app::App;
use crate::server::directory::{self, Role};
use crate::server::embedding::{Embedding, Token};

/// What stands between a token and the language of its page.
const LANGUAGE_MARK: char = '~';
/// Seconds for which browsers keep the script.
const SCRIPT_SECONDS: &str = "public, max-age=3600";

/// The script of other applications' pages.
pub async fn script() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, SCRIPT_SECONDS)];
    (headers, include_str!("embed.js")).into_response()
}

/// Lets in whoever has a token; what fails is shown within the frame.
pub async fn enter(
    State(app): State<App>,
    parameters: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let given = parameters.iter().find(|(name, _)| *name == "token").map_or("", |(_, text)| text);
    let (text, language) = given.split_once(LANGUAGE_MARK).unwrap_or((given, ""));
    let base = format!("/embed/{given}");
    let Some(token) = Token::open(app.secret(), text) else {
        return Failure::denied("the token is none that this server made")
            .code("TOKEN_INVALID")
            .into_response();
    };
    let origins = match app.run(&token.organization, Embedding::load).await {
        Ok(embedding) => embedding.origins,
        Err(error) => return Failure::from(error).into_response(),
    };
    let words = of_code(language).unwrap_or_else(|| words::of_request(request.headers()));
    let (mut parts, body) = request.into_parts();
    let embedded = Arc::new(Embedded {
        base,
        object: token.object.clone(),
        holder: token.holder.clone(),
        origins,
        words,
    });
    let mut response = match let_in(&app, &mut parts, token, &embedded).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(failure) => failure.into_response(),
    };
    if let Some(failure) = response.extensions().get::<Failure>().cloned() {
        response = (failure.status, frame::embedded_failure(&embedded, &failure)).into_response();
        response.extensions_mut().insert(failure);
    }
    if !embedded.origins.is_empty() {
        response.extensions_mut().insert(FramedBy(embedded.origins.join(" ")));
    }
    response
}

async fn let_in(app: &App, parts: &mut Parts, token: Token, embedded: &Arc<Embedded>) -> Answer<()> {
    if app.time().await? >= token.expires_at {
        let message = "the time of this page is over: load the page around it again";
        return Err(Failure::denied(message).code("TOKEN_EXPIRED"));
    }
    if embedded.origins.is_empty() || !app.is_admin(&token.organization, &token.holder).await? {
        let message = "this page may no longer be shown here: whoever gave the token may not import any more";
        return Err(Failure::denied(message).code("TOKEN_REVOKED"));
    }
    let slug = token.organization.clone();
    let found =
        app.sessions().directory(move |directory| directory::find_organization(directory, &slug)).await?;
    let organization = found.ok_or_else(|| Failure::not_found("there is no such organization"))?;
    // Whoever is signed in here as well is not meant.
    for name in [header::COOKIE, header::AUTHORIZATION, HeaderName::from_static("x-api-key")] {
        parts.headers.remove(name);
    }
    let name = format!("embed {} ({})", token.id, token.object);
    // What lies below `/embed/` is all that this role can be used for, and all of it asks whose it is.
    let actor = Actor::of_request(parts, Role::Admin, organization, token.id, name);
    actor.enter(parts, app)?;
    parts.extensions.insert(Arc::clone(embedded));
    Ok(())
}
