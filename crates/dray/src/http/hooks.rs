//! Where others send events: the endpoints of connectors. Whoever sends needs no key of the organization, but a token
//! of the endpoint or a signature; an address that takes nothing answers as one that never was.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::answer::{Answer, Failure};
use super::body::Path;
use crate::server::app::App;
use crate::server::connectors::intake::{Refusal, Sent, open_connector, take};

/// An event that was taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TakenEvent {
    /// Its number; that of the first where the same message is sent again.
    pub id: String,
}

/// Send an event to a connector.
///
/// It is kept before this answers; what the connector does with it is done afterwards and stands in its events. Send the endpoint's
/// bearer token, or sign the message with its secret (`webhook-id`, `webhook-timestamp`, `webhook-signature`, as the
/// Standard Webhooks specification has them). A message with the same `webhook-id` or `Idempotency-Key` is one event.
#[utoipa::path(post, path = "/hooks/{endpoint}", tag = "connectors", params(("endpoint" = String, Path, description = "What stands behind `/hooks/` in the endpoint's address")), request_body(content = Object, description = "JSON, or a form", example = json!({"type": "order", "id": 1})), responses((status = 202, body = TakenEvent), (status = 400), (status = 401), (status = 404), (status = 413), (status = 429, description = "RATE_LIMITED: too many events in a minute, or too many wait; come again after `Retry-After`")), security(("key" = [])))]
pub async fn receive(
    State(app): State<App>,
    Path(address): Path<String>,
    request: Request,
) -> Answer<Response> {
    let Some((endpoint, known)) = open_connector(&app, &address).await? else {
        return Err(Failure::not_found("nothing is received at this address"));
    };
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = bearer(headers);
    let is_signed = text("webhook-signature").is_some();
    if !is_signed && !bearer.is_some_and(|bearer| known.has_bearer(bearer)) {
        // Nobody's body is read who cannot be let in.
        return Err(Failure::unauthenticated(
            "send the endpoint's token as `Authorization: Bearer TOKEN`, or sign the message",
        ));
    }
    let most = app.settings().event_bytes;
    let body = to_bytes(body, most).await.map_err(|_| {
        Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PAYLOAD_TOO_LARGE",
            format!("the event is larger than {most} bytes, or it broke off"),
        )
    })?;
    let sent = Sent {
        bearer,
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signatures: text("webhook-signature"),
        repeat_key: text("idempotency-key"),
        media_type: text("content-type").unwrap_or_default().split(';').next().unwrap_or_default(),
        body: &body,
    };
    let taken = take(&app, &endpoint, &known, sent).await;
    let id = taken.map_err(|refusal| match refusal {
        Refusal::Unauthenticated(why) => Failure::unauthenticated(why),
        Refusal::Invalid(why) => Failure::validation(why),
        Refusal::TooMuch(wait) => {
            let mut failure = Failure::new(
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMITED",
                "more events come than can be taken: send them again later",
            );
            failure.retry_after = Some(wait.as_secs() + 1);
            failure
        }
        Refusal::Broken(error) => error.into(),
    })?;
    Ok((StatusCode::ACCEPTED, Json(TakenEvent { id })).into_response())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
