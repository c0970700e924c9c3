//! What the server says about itself: whether it is alive and ready, what it counts, what it can do.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;

use super::access::Admin;
use super::answer::{Answer, Failure};
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
    Html(page(&api))
}

/// Every route on one page: method, path, what it does, parameters, body, answers.
fn page(api: &Value) -> String {
    let mut out = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Dray API</title><link rel=stylesheet href=/assets/docs.css><main><h1>Dray API</h1>\
         <p>Send your key as <code>Authorization: Bearer KEY</code> or <code>x-api-key: KEY</code>. \
         The same as a machine reads it: <a href=/openapi.json>openapi.json</a>.</p>",
    );
    let empty = serde_json::Map::new();
    for (path, methods) in api["paths"].as_object().unwrap_or(&empty) {
        for (method, operation) in methods.as_object().unwrap_or(&empty) {
            let summary = operation["summary"].as_str().unwrap_or_default();
            out.push_str(&format!(
                "<section><h2><code>{} {}</code></h2><p>{}</p>",
                escaped(&method.to_uppercase()),
                escaped(path),
                escaped(summary)
            ));
            if let Some(text) = operation["description"].as_str() {
                out.push_str(&format!("<p>{}</p>", escaped(text)));
            }
            let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            if !parameters.is_empty() {
                out.push_str("<table><tr><th>Parameter<th>In<th>About</tr>");
                for parameter in parameters {
                    let cell = |name: &str| escaped(parameter[name].as_str().unwrap_or_default());
                    out.push_str(&format!(
                        "<tr><td><code>{}</code><td>{}<td>{}</tr>",
                        cell("name"),
                        cell("in"),
                        cell("description")
                    ));
                }
                out.push_str("</table>");
            }
            if let Some(body) = operation.get("requestBody") {
                out.push_str(&format!(
                    "<details><summary>Body</summary><pre>{}</pre></details>",
                    pretty(body)
                ));
            }
            if let Some(answers) = operation.get("responses") {
                out.push_str(&format!(
                    "<details><summary>Answers</summary><pre>{}</pre></details>",
                    pretty(answers)
                ));
            }
            out.push_str("</section>");
        }
    }
    out.push_str(&format!(
        "<h2>Shapes</h2><details><summary>All shapes</summary><pre>{}</pre></details></main></html>",
        pretty(&api["components"]["schemas"])
    ));
    out
}

fn pretty(value: &Value) -> String {
    escaped(&serde_json::to_string_pretty(value).unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The look of the page above.
pub async fn docs_style() -> Response {
    const STYLE: &str = ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
        main{max-width:60rem;margin:0 auto;padding:1rem}section{border-top:1px solid #8884;padding:.5rem 0}\
        h2{font-size:1.1rem}pre{overflow:auto;background:#8881;padding:.75rem;border-radius:.4rem}\
        table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .5rem;border-bottom:1px solid #8883}";
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}
