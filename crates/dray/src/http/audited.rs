//! Requests that were refused or failed are written down too: handlers write a line for what they did, this
//! writes one for what somebody known was not allowed or not able to do.

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use super::access::ActorSlot;
use super::answer::Failure;
use crate::server::app::App;

/// The longest address that is written down.
const SUBJECT_LETTERS: usize = 500;

/// Lets a request pass and looks at its answer.
pub async fn audited(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let slot = ActorSlot::default();
    request.extensions_mut().insert(slot.clone());
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let method = request.method().clone();
    let address = request.uri().path_and_query().map_or("", |path| path.as_str());
    let address: String = without_token(address).chars().take(SUBJECT_LETTERS).collect();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let was_refused = matches!(status, 401 | 403 | 404) || (!reads && status >= 400);
    if let (true, Some(route), Some(actor)) = (was_refused, route, slot.get()) {
        let code = response.extensions().get::<Failure>().map(|failure| failure.code);
        let mut entry = actor.entry(
            "request.refused",
            address,
            json!({ "route": format!("{method} {route}"), "code": code }),
        );
        entry.status = i64::from(status);
        app.audit(actor.organization(), entry).await;
    }
    response
}

/// An address without the token that stands in it: whoever reads the log shall not be able to use it.
fn without_token(address: &str) -> String {
    match address.strip_prefix("/embed/") {
        None => address.to_owned(),
        Some(rest) => rest.split_once('/').map_or_else(String::new, |(_, rest)| format!("/embed/…/{rest}")),
    }
}
