//! The whole API on one screen, and what every request passes on its way in and out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Failure, FramedBy};
use super::doors::{data_io, modules, pipelines, records};
use super::native::records as native_records;
use super::native::{
    audit, embedding, endpoints, events, exports, history, imports, jobs, keys, objects, organizations,
    plans, reports, secrets, session, users, webhooks,
};
use super::{about, access, arrival, audited, document, hooks, links, once, pages, sent};
use crate::mcp::http_service;
use crate::server::app::App;
use crate::server::directory::random_text;

/// The number of a request, in its answer and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a page may do: nothing with any other server.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
     font-src 'self'; form-action 'self'; base-uri 'none'";

/// Every route. A route is also a line of the OpenAPI document, as both are made of the same handler.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        // the records door
        .routes(routes!(records::import_records))
        .routes(routes!(records::export_records))
        // the modules door
        .routes(routes!(modules::parse::parse))
        .routes(routes!(modules::suggest::suggest))
        .routes(routes!(modules::validate::validate))
        .routes(routes!(modules::execute::execute))
        .routes(routes!(modules::jobs::list))
        .routes(routes!(modules::jobs::get, modules::jobs::rollback))
        .routes(routes!(modules::export::export_module))
        .routes(routes!(modules::export::export_report))
        .routes(routes!(modules::export_jobs::list, modules::export::create_job))
        .routes(routes!(modules::export_jobs::get))
        .routes(routes!(modules::export_jobs::download))
        // the data-io door
        .routes(routes!(data_io::exports::export))
        .routes(routes!(data_io::uploads::create))
        .routes(routes!(data_io::imports::import))
        .routes(routes!(data_io::jobs::list))
        .routes(routes!(data_io::jobs::get))
        .routes(routes!(data_io::jobs::download))
        .routes(routes!(data_io::jobs::cancel))
        // the pipelines door
        .routes(routes!(pipelines::connections::list, pipelines::connections::create))
        .routes(routes!(pipelines::connections::test_settings))
        .routes(routes!(
            pipelines::connections::get,
            pipelines::connections::change,
            pipelines::connections::delete
        ))
        .routes(routes!(pipelines::connections::test))
        .routes(routes!(pipelines::connections::absolute_path))
        .routes(routes!(pipelines::previews::file))
        .routes(routes!(pipelines::previews::file_sheets))
        .routes(routes!(pipelines::connectors::list))
        .routes(routes!(pipelines::connectors::get))
        .routes(routes!(pipelines::definitions::list, pipelines::definitions::create))
        .routes(routes!(
            pipelines::definitions::get,
            pipelines::definitions::change,
            pipelines::definitions::delete
        ))
        .routes(routes!(pipelines::definitions::set_status))
        .routes(routes!(pipelines::definitions::set_schedule))
        .routes(routes!(pipelines::runs::start))
        .routes(routes!(pipelines::runs::list))
        .routes(routes!(pipelines::runs::get))
        .routes(routes!(pipelines::runs::cancel))
        .routes(routes!(pipelines::runs::failed_rows))
        .routes(routes!(pipelines::runs::errors))
        .routes(routes!(pipelines::runs::metrics_of_dates))
        .routes(routes!(pipelines::runs::metrics_of_days))
        .routes(routes!(pipelines::runs::metrics_of_hours))
        .routes(routes!(pipelines::runs::metrics_of_minutes))
        .routes(routes!(pipelines::previews::transform))
        .routes(routes!(pipelines::previews::transformation))
        .routes(routes!(pipelines::previews::languages))
        .routes(routes!(links::download, sent::send, sent::look, sent::go_on))
        // the pipelines door
        .routes(routes!(pipelines::resolution::settings, pipelines::resolution::change_settings))
        .routes(routes!(pipelines::resolution::start))
        .routes(routes!(pipelines::resolution::latest))
        .routes(routes!(pipelines::profiles::list))
        .routes(routes!(pipelines::profiles::attributes))
        .routes(routes!(pipelines::profiles::identities))
        .routes(routes!(pipelines::profile_schema::get, pipelines::profile_schema::change))
        .routes(routes!(pipelines::profile_schema::preview))
        .routes(routes!(pipelines::profile_schema::latest_alter))
        .routes(routes!(pipelines::identities::list))
        // the native API
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(session::get, session::create, session::delete))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::delete))
        .routes(routes!(users::set_password))
        .routes(routes!(organizations::list, organizations::create))
        .routes(routes!(organizations::get, organizations::change))
        .routes(routes!(objects::list, objects::create))
        .routes(routes!(objects::get, objects::change))
        .routes(routes!(objects::add_field))
        .routes(routes!(objects::hide_field))
        .routes(routes!(native_records::list, native_records::create))
        .routes(routes!(native_records::get, native_records::change, native_records::delete))
        .routes(routes!(history::get))
        .routes(routes!(endpoints::get))
        .routes(routes!(endpoints::show_tokens))
        .routes(routes!(events::list))
        .routes(routes!(events::replay_failed))
        .routes(routes!(events::get))
        .routes(routes!(events::replay))
        .routes(routes!(events::test))
        .routes(routes!(exports::export))
        .routes(routes!(plans::plan))
        .routes(routes!(plans::confirm))
        .routes(routes!(imports::list))
        .routes(routes!(imports::get))
        .routes(routes!(imports::rows))
        .routes(routes!(imports::problems))
        .routes(routes!(imports::failed_rows))
        .routes(routes!(imports::undo))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::retry))
        .routes(routes!(jobs::events))
        .routes(routes!(reports::list, reports::create))
        .routes(routes!(reports::get, reports::change, reports::delete))
        .routes(routes!(reports::records))
        .routes(routes!(reports::export))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::get, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::replay))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::put, secrets::delete))
        .routes(routes!(embedding::get, embedding::put))
        .routes(routes!(embedding::create_token))
        .routes(routes!(audit::list))
        .routes(routes!(audit::export))
}

/// The server's answers to everything.
pub fn router(app: App, metrics: PrometheusHandle) -> axum::Router {
    let (routes, mut api) = api().split_for_parts();
    let (events, of_events) = OpenApiRouter::new().routes(routes!(hooks::receive)).split_for_parts();
    api.merge(of_events);
    let api = Arc::new(document::complete(api));
    let cors = cors(&app);
    let most = app.settings().request_time;
    let routes = routes
        .route("/healthz", get(about::healthz))
        .route("/readyz", get(about::readyz))
        .route("/metrics", get(about::metrics))
        .route("/openapi.json", get(about::openapi))
        .route("/docs", get(about::docs))
        .route("/assets/docs.css", get(about::docs_style))
        .merge(pages::routes(&app))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        // Within, so that answers which are kept have the door's shape; and around everything, see below.
        .layer(middleware::from_fn(modules::shape::reshape))
        .layer(middleware::from_fn(pipelines::shape::reshape))
        .layer(middleware::from_fn_with_state(app.clone(), once::once))
        .layer(middleware::from_fn_with_state(app.clone(), audited::audited))
        .layer(middleware::from_fn(without_nul))
        .layer(middleware::from_fn_with_state(app.clone(), arrival::arrive))
        .layer(Extension(metrics))
        .layer(Extension(api))
        .layer(DefaultBodyLimit::disable())
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(move |request: Request, next: Next| within(most, request, next)))
        .layer(cors)
        .layer(middleware::from_fn_with_state(app.clone(), watch))
        .layer(middleware::from_fn(modules::shape::reshape))
        .layer(middleware::from_fn(pipelines::shape::reshape))
        .with_state(app.clone());
    // Whoever sends an event has no key and sends it often: nothing of the above is asked for it.
    let events = events
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(app.clone(), arrival::arrive))
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(move |request: Request, next: Next| within(most, request, next)))
        .layer(middleware::from_fn_with_state(app.clone(), watch))
        .with_state(app.clone());
    // Agents call the routes above as tools, each with its own key.
    let agents = axum::Router::new()
        .route_service("/mcp", http_service(routes.clone()))
        .layer(middleware::from_fn_with_state(app.clone(), needs_key))
        .layer(middleware::from_fn_with_state(app, watch));
    routes.merge(events).merge(agents)
}

/// Refuses whoever has no key.
async fn needs_key(_actor: access::Actor, request: Request, next: Next) -> Response {
    next.run(request).await
}

async fn no_such_route(request: Request) -> Failure {
    Failure::not_found(format!("there is no `{} {}`: see /docs", request.method(), request.uri().path()))
}

/// No store can hold a NUL, so that nothing can be found by one.
async fn without_nul(request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|address| address.as_str().contains("%00")) {
        return Failure::validation("the address holds a character no store can hold (NUL)").into_response();
    }
    next.run(request).await
}

async fn no_such_method(request: Request) -> Failure {
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD_NOT_ALLOWED",
        format!("`{}` cannot be used here: see /docs", request.method()),
    )
}

/// Pages of other origins may call the API only where the settings name them.
fn cors(app: &App) -> CorsLayer {
    let origins: Vec<HeaderValue> =
        app.settings().cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static("idempotency-key"),
            header::IF_MATCH,
            HeaderName::from_static("content-digest"),
            HeaderName::from_static("repr-digest"),
            HeaderName::from_static("tus-resumable"),
            HeaderName::from_static("upload-offset"),
            HeaderName::from_static("upload-length"),
        ])
        .expose_headers([
            REQUEST_ID,
            header::CONTENT_DISPOSITION,
            header::ETAG,
            header::LOCATION,
            HeaderName::from_static("idempotent-replayed"),
            HeaderName::from_static("tus-resumable"),
            HeaderName::from_static("upload-offset"),
            HeaderName::from_static("upload-length"),
        ])
}

/// An answer begins within this time. A file that is sent by a link may take as long as it comes.
async fn within(most: Duration, request: Request, next: Next) -> Response {
    if arrival::is_sent_file(&request) {
        return next.run(request).await;
    }
    match tokio::time::timeout(most, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure::new(
            StatusCode::GATEWAY_TIMEOUT,
            "TIMEOUT",
            format!("the work took longer than {} seconds: ask for less at once", most.as_secs()),
        )
        .into_response(),
    }
}

fn panicked(_panic: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Failure::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "INTERNAL_ERROR",
        "something went wrong inside the server: its log knows more under this request's number",
    )
    .into_response()
}

/// Numbers, counts, times and logs every request, and gives every answer the headers that keep browsers safe.
async fn watch(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let given = access::request_id(request.headers());
    let is_plain =
        |id: &str| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let id = if is_plain(&given) { given } else { random_text(16) };
    let number = HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("unknown"));
    request.headers_mut().insert(REQUEST_ID, number.clone());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", %id, %method, %route);
    let mut response = if app.is_stopping() && route != "/healthz" && route != "/readyz" {
        let mut failure = Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "STOPPING",
            "the server is stopping: try again soon",
        );
        failure.retry_after = Some(5);
        failure.into_response()
    } else {
        tracing::Instrument::instrument(next.run(request), span.clone()).await
    };
    let status = response.status();
    let seconds = begun.elapsed().as_secs_f64();
    let code = response.extensions().get::<Failure>().map(|failure| failure.code).unwrap_or_default();
    span.in_scope(|| {
        tracing::info!(status = status.as_u16(), code, milliseconds = seconds * 1000.0, "answered");
    });
    let labels = [("method", method.to_string()), ("route", route), ("status", status.as_u16().to_string())];
    metrics::counter!("dray_requests_total", &labels).increment(1);
    metrics::histogram!("dray_request_seconds", &labels).record(seconds);
    let framed = response.extensions().get::<FramedBy>().cloned();
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, number);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if framed.is_none() {
        headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    }
    let by = framed.map_or_else(|| "'none'".to_owned(), |framed| framed.0);
    let policy = HeaderValue::from_str(&format!("{CONTENT_SECURITY_POLICY}; frame-ancestors {by}"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(policy.unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")));
    response
}
