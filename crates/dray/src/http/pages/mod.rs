//! The pages for people: the same operations as every door, shown as HTML. `frame` is what all pages have
//! around them; each page is a file. Nothing here needs a script to work.

pub mod words;
pub mod assets;
pub mod pictures;
pub mod frame;
pub mod embed;
pub mod view;
pub mod sign_in;
pub mod records;
pub mod history;
pub mod endpoint;
pub mod record;
pub mod import;
pub mod imports;
pub mod jobs;

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
        .route("/imports", get(imports::list))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}/retry", post(jobs::retry))
        .merge(import())
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
