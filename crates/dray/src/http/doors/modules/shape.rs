//! How this door says that something did not work: `{"success": false, "error": {…}}`, whoever says it.

use axum::Json;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::http::answer::Failure;

/// The paths of this door.
const PATHS: [&str; 3] = ["/v1/modules", "/v1/reports", "/v1/export-jobs"];

/// True for a path of this door.
pub fn is_ours(path: &str) -> bool {
    PATHS
        .iter()
        .any(|ours| path.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Rewrites the body of every failure on this door's paths, also those of extractors and layers.
pub async fn reshape(request: Request, next: Next) -> Response {
    let is_ours = is_ours(request.uri().path());
    let mut response = next.run(request).await;
    let failure = response.extensions().get::<Failure>().cloned();
    let Some(failure) = failure.filter(|_| is_ours) else { return response };
    let (status, body) = (failure.status, body(&failure));
    let reshaped = (status, Json(body)).into_response();
    let (parts, body) = reshaped.into_parts();
    for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        response.headers_mut().remove(name);
    }
    for (name, value) in parts.headers.iter().filter(|(name, _)| **name == header::CONTENT_TYPE) {
        response.headers_mut().insert(name, value.clone());
    }
    *response.body_mut() = body;
    response
}

/// A failure in this door's shape.
pub(super) fn body(failure: &Failure) -> Value {
    let mut failure = failure.clone();
    const DENIED: &str = "Access denied";
    if failure.code == "PERMISSION_DENIED" && !failure.message.starts_with(DENIED) {
        failure.message = format!("{DENIED}: {}", failure.message);
    }
    json!({ "success": false, "error": failure.body() })
}

/// An answer that worked.
pub(super) fn success(data: Value) -> Json<Value> {
    Json(json!({ "success": true, "data": data }))
}
