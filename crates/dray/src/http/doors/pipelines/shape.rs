//! How this door says that something did not work: its own codes, whoever says it.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dray_model::{Error, ErrorKind};

use crate::http::answer::{Answer, Failure};

/// The paths of this door.
const PATHS: [&str; 9] = [
    "/v1/connections",
    "/v1/connectors",
    "/v1/pipelines",
    "/v1/transformations",
    "/v1/system",
    "/v1/identity-resolution",
    "/v1/profiles",
    "/v1/identities",
    "/v1/workspaces",
];

/// True for a path of this door.
pub fn is_ours(path: &str) -> bool {
    PATHS
        .iter()
        .any(|ours| path.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// 400 `BadRequest`: the request is malformed.
pub(super) fn bad_request(message: impl Into<String>) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, "BadRequest", message)
}

/// 422 with one of the door's codes: well formed, and cannot be done as things are.
pub(super) fn unprocessable(code: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
}

/// 404 `NotFound`.
pub(super) fn not_found(message: impl Into<String>) -> Failure {
    Failure::not_found(message).code("NotFound")
}

/// What a storage says, for whoever waits for it: 422 where the settings lead nowhere, else 503.
pub(super) fn of_storage<T>(result: Result<T, Error>) -> Answer<T> {
    result.map_err(|error| {
        let told = match &error.hint {
            Some(hint) => format!("{}: {hint}", error.message),
            None => error.message.clone(),
        };
        match error.kind {
            ErrorKind::Request => unprocessable("InvalidSettings", told),
            ErrorKind::Source | ErrorKind::Limit => {
                Failure::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", told)
            }
            _ => error.into(),
        }
    })
}

/// The door's code for a failure that has another door's.
fn code_of(failure: &Failure) -> &'static str {
    // The door's own codes are written as words.
    if failure.code.contains(|letter: char| letter.is_ascii_lowercase()) {
        return failure.code;
    }
    match failure.status.as_u16() {
        400 | 408 | 411 | 413 | 415 | 422 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        429 => "TooManyRequests",
        503 | 504 => "ServiceUnavailable",
        _ => failure.code,
    }
}

/// Rewrites the code of every failure on this door's paths, also those of extractors and layers.
pub async fn reshape(request: Request, next: Next) -> Response {
    let is_ours = is_ours(request.uri().path());
    let mut response = next.run(request).await;
    let failure = response.extensions().get::<Failure>().cloned();
    let Some(mut failure) = failure.filter(|failure| is_ours && code_of(failure) != failure.code) else {
        return response;
    };
    failure.code = code_of(&failure);
    let (parts, body) = failure.into_response().into_parts();
    for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        response.headers_mut().remove(name);
    }
    for (name, value) in parts.headers.iter().filter(|(name, _)| **name == header::CONTENT_TYPE) {
        response.headers_mut().insert(name, value.clone());
    }
    if let Some(failure) = parts.extensions.get::<Failure>() {
        response.extensions_mut().insert(failure.clone());
    }
    *response.body_mut() = body;
    response
}
