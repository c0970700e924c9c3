//! The pages for people: the same operations as every door, shown as HTML. `frame` is what all pages have
//! around them; each page is a file. Nothing here needs a script to work.

pub mod words;
pub mod json_text;
pub mod pieces;
pub mod problem_words;
pub mod reason_words;
pub mod reading_words;
pub mod failure_words;
pub mod assets;
pub mod pictures;
pub mod frame;
pub mod embed;
pub mod view;
pub mod form;
pub mod fields;
pub mod sign_in;
pub mod records;
pub mod connectors;
pub mod history;
pub mod endpoint;
pub mod record;
pub mod import;
pub mod imports;
pub mod exported;
pub mod jobs;
pub mod settings;
pub mod exports;
pub mod audit;
pub mod reports;
pub mod connections;
pub mod pipelines;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use super::answer::Failure;
use crate::server::app::App;

/// The most bytes of a form.
const FORM_BYTES: usize = 8 << 20;
/// Where people sign in.
const SIGN_IN: &str = "/sign-in";

/// Every page.
pub fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/", get(records::home))
        .route(SIGN_IN, get(sign_in::page).post(sign_in::sign_in))
        .route("/sign-in/{link}", get(sign_in::link_page).post(sign_in::sign_in_by_link))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/language", post(sign_in::choose_language))
        .route("/records/{object}", get(records::list))
        .route("/records/{object}/new", get(record::new).post(record::create))
        .route("/records/{object}/{id}", get(record::get).post(record::change))
        .route("/records/{object}/{id}/delete", post(record::delete))
        .route("/records/{object}/{id}/history", get(history::get))
        .route("/records/{object}/{id}/endpoint", get(endpoint::get).post(endpoint::show_tokens))
        .merge(connectors())
        .route("/imports", get(imports::list))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}/retry", post(jobs::retry))
        .merge(import())
        .merge(settings())
        .merge(pipelines())
        .route("/exports", get(exports::list).post(exports::create))
        .route("/audit", get(audit::list))
        .route("/connections", get(connections::list))
        .route("/connections/new/{role}/{connector}", get(connections::new).post(connections::create))
        .route("/connections/{id}", get(connections::get).post(connections::change))
        .route("/connections/{id}/test", post(connections::test))
        .route("/connections/{id}/delete", post(connections::delete))
        .route("/reports", get(reports::list))
        .route("/reports/new/{object}", get(reports::new).post(reports::create))
        .route("/reports/{id}", get(reports::get))
        .route("/reports/{id}/change", get(reports::edit).post(reports::change))
        .route("/reports/{id}/delete", post(reports::delete))
        .layer(axum::middleware::from_fn(reshape))
        .route("/assets/{name}", get(assets::asset))
        .route("/embed.js", get(embed::script))
        .nest("/embed/{token}", import().layer(from_fn_with_state(app.clone(), embed::enter)))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
}

/// An import from its first step to its end, for people who are signed in and for pages of other applications.
fn import() -> Router<App> {
    Router::new()
        .route(
            "/import/{object}",
            // A file is kept as it comes; its own limits are looked at there.
            get(import::upload::ask).post(import::upload::send).layer(DefaultBodyLimit::disable()),
        )
        .route("/import/{object}/uploads", post(import::upload::begin))
        .route("/import/{object}/uploaded", post(import::upload::take))
        .route("/import/{object}/{draft}", get(import::map::show))
        .route("/import/{object}/{draft}/reading", post(import::map::read))
        .route("/import/{object}/{draft}/mapping", post(import::map::put))
        .route("/import/{object}/{draft}/review", get(import::review::show))
        .route("/import/{object}/{draft}/cells", post(import::repair::cells))
        .route("/import/{object}/{draft}/replace", post(import::repair::replace))
        .route("/import/{object}/{draft}/empty", post(import::repair::empty))
        .route("/import/{object}/{draft}/values", post(import::repair::values))
        .route("/import/{object}/{draft}/references", post(import::repair::references))
        .route("/import/{object}/{draft}/unrepaired", post(import::repair::forget))
        .route("/import/{object}/{draft}/confirm", post(import::review::confirm))
        .route("/imports/{id}", get(imports::get))
        .route("/imports/{id}/undo", post(imports::undo))
        .route("/imports/{id}/failed-rows", get(imports::failed_rows))
        .route("/jobs/{id}", get(jobs::get))
        .route("/jobs/{id}/cancel", post(jobs::cancel))
        .route("/jobs/{id}/events", get(jobs::events))
}

/// The pages of connectors.
fn connectors() -> Router<App> {
    use connectors::{event, events, tester};
    Router::new()
        .route("/records/{object}/{id}/test", get(tester::get).post(tester::post))
        .route("/records/{object}/{id}/events", get(events::list))
        .route("/records/{object}/{id}/events/replay-failed", post(events::replay_failed))
        .route("/records/{object}/{id}/events/{event}", get(event::get))
        .route("/records/{object}/{id}/events/{event}/replay", post(event::replay))
}

/// The pages of pipelines.
fn pipelines() -> Router<App> {
    use pipelines::{edit, json, list, one};
    Router::new()
        .route("/pipelines", get(list))
        .route("/pipelines/new/{connection}", get(edit::new).post(edit::create))
        .route("/pipelines/new/{connection}/definition", get(json::new).post(json::create))
        .route("/pipelines/{id}", get(one::get))
        .route("/pipelines/{id}/change", get(edit::edit).post(edit::change))
        .route("/pipelines/{id}/definition", get(json::edit).post(json::change))
        .route("/pipelines/{id}/run", post(one::run))
        .route("/pipelines/{id}/status", post(one::set_status))
        .route("/pipelines/{id}/schedule", post(one::set_schedule))
        .route("/pipelines/{id}/delete", post(one::delete))
        .route("/pipelines/{id}/runs/{run}/cancel", post(one::cancel))
}

/// The pages of the settings.
fn settings() -> Router<App> {
    use settings::{embedding, home, keys, objects, plan, secrets, users, webhooks};
    Router::new()
        .route("/settings", get(home))
        .route("/settings/objects", get(objects::list).post(objects::create))
        .route("/settings/objects/{object}", get(objects::get))
        .route("/settings/objects/{object}/fields", post(objects::add_field))
        .route("/settings/objects/{object}/fields/{field}/hide", post(objects::hide_field))
        .route("/settings/users", get(users::list).post(users::create))
        .route("/settings/users/{id}", get(users::get))
        .route("/settings/users/{id}/password", post(users::set_password))
        .route("/settings/users/{id}/delete", post(users::delete))
        .route("/settings/keys", get(keys::list).post(keys::create))
        .route("/settings/keys/{id}/revoke", post(keys::revoke))
        .route("/settings/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/settings/webhooks/{id}", get(webhooks::get).post(webhooks::change))
        .route("/settings/webhooks/{id}/secret", post(webhooks::rotate))
        .route("/settings/webhooks/{id}/test", post(webhooks::test))
        .route("/settings/webhooks/{id}/delete", post(webhooks::delete))
        .route("/settings/webhooks/{id}/deliveries/{delivery}/replay", post(webhooks::replay))
        .route("/settings/secrets", get(secrets::list).post(secrets::put))
        .route("/settings/secrets/{name}/delete", post(secrets::delete))
        .route("/settings/embedding", get(embedding::get).post(embedding::change))
        .route("/settings/plan", get(plan::get).post(plan::change))
}

/// Failures are shown as a page; whoever is not signed in is asked to, and comes back.
async fn reshape(request: Request, next: Next) -> Response {
    let words = words::of_request(request.headers());
    let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str()).to_owned();
    let response = next.run(request).await;
    let Some(failure) = response.extensions().get::<Failure>().cloned() else { return response };
    if failure.code == "UNAUTHENTICATED" {
        return Redirect::to(&view::address(SIGN_IN, &[("next", &wanted)])).into_response();
    }
    let mut shown = (failure.status, frame::failure(words, &failure)).into_response();
    shown.extensions_mut().insert(failure);
    shown
}
