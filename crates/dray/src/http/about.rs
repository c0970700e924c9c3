//! What the server says about itself: whether it is alive and ready, what it counts, what it can do.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;

use super::access::Admin;
use super::answer::{Answer, Failure};
use super::reference;
use crate::server::app::App;
use crate::server::directory::FIRST;

/// The process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The store answers, and the process is not about to end.
pub async fn readyz(State(app): State<App>) -> Response {
    if app.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let asked = app.sessions().directory(|directory| directory.find_document("organization", FIRST));
    match tokio::time::timeout(std::time::Duration::from_secs(2), asked).await {
        Ok(Ok(_)) => "ready\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response(),
    }
}

/// Counters and times of all organizations, for Prometheus with a key of who may see them.
pub async fn metrics(
    Extension(handle): Extension<PrometheusHandle>,
    Admin(actor): Admin,
) -> Answer<Response> {
    if actor.organization() != FIRST {
        return Err(Failure::denied("this needs a key of an admin of the default organization"));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response())
}

/// The whole API as OpenAPI 3.1.
pub async fn openapi(Extension(api): Extension<std::sync::Arc<Value>>) -> Json<Value> {
    Json(api.as_ref().clone())
}

/// The API for reading, without anything from elsewhere.
pub async fn docs(Extension(api): Extension<std::sync::Arc<Value>>) -> Html<String> {
    Html(reference::page(&api))
}

/// The look of the page above.
pub async fn docs_style() -> Response {
    const STYLE: &str = include_str!("reference.css");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}
