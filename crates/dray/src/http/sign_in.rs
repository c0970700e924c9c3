//! Links that sign in once: the page behind them, and the button that uses them up. Looking at the page uses
//! nothing up, as programs that show mail look at every link in it.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use dray_model::catalog::AuditEntry;

use super::access::request_id;
use super::answer::Answer;
use super::native::session::{COOKIE_SECONDS, set_cookie};
use crate::clock;
use crate::server::app::App;
use crate::server::directory;

/// Where whoever signed in goes on.
const NEXT: &str = "/";

/// Asks whether to sign in.
pub async fn page() -> Html<String> {
    Html(html(
        "Sign in",
        "<p>This link signs you in once.</p><form method=post><button autofocus>Sign in</button></form>",
    ))
}

/// Signs in, where the link was not used yet.
pub async fn sign_in(
    State(app): State<App>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    Path(link): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    // A page of another server shall not sign its visitors in as somebody else.
    let is_foreign = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    let found = if is_foreign {
        None
    } else {
        app.sessions()
            .directory(move |store| {
                let now = clock::now();
                let Some(user) = directory::use_sign_in_link(store, &link, now)? else { return Ok(None) };
                let token = directory::sign_in(store, &user, now)?;
                Ok(Some((user, token)))
            })
            .await?
    };
    let Some((user, token)) = found else {
        let told = "<p>It was used, or its time is over. Whoever made it can make another.</p>";
        return Ok((StatusCode::GONE, Html(html("This link no longer works", told))).into_response());
    };
    let entry = AuditEntry {
        at: clock::now(),
        actor: format!("user {}", user.email),
        action: "session.create".to_owned(),
        address: address.ip().to_string(),
        request_id: request_id(&headers),
        status: 303,
        details: r#"{"by":"link"}"#.to_owned(),
        ..AuditEntry::default()
    };
    app.audit(&user.organization, entry).await;
    let mut response = Redirect::to(NEXT).into_response();
    set_cookie(&app, &mut response, &token, COOKIE_SECONDS);
    Ok(response)
}

fn html(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Dray: {title}</title><link rel=stylesheet href=/assets/docs.css><main><h1>{title}</h1>{body}</main></html>"
    )
}
