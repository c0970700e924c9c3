//! Signing in by e-mail and password or by a link that works once, signing out, and choosing a language.
//! Looking at the page of a link uses nothing up, as programs that show mail look at every link in it.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Form, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use dray_model::catalog::AuditEntry;
use maud::{Markup, html};
use serde::Deserialize;

use super::failure_words::notice;
use super::frame::plain;
use super::words::{self, Words};
use crate::clock;
use crate::http::access::{Actor, request_id};
use crate::http::answer::{Answer, Failure};
use crate::http::native::session::{self, COOKIE_SECONDS, SignIn, set_cookie};
use crate::server::app::App;
use crate::server::directory;

/// How long a browser keeps the language.
const LANGUAGE_SECONDS: u32 = 365 * 24 * 3600;

/// Where to go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Next {
    next: String,
}

/// A place of this server to go on to, and no other.
fn next(asked: &str) -> &str {
    let is_plain = asked.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_ours = is_plain && asked.starts_with('/') && !asked.starts_with("//");
    if is_ours { asked } else { "/" }
}

/// A browser of another site shall not sign its visitors in or out here.
fn is_foreign(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

fn sign_in_page(words: &Words, email: &str, next: &str, failure: Option<&Failure>) -> Markup {
    let content = html! {
        @if let Some(failure) = failure { (notice(words, failure)) }
        form.fields method="post" action="/sign-in" {
            input type="hidden" name="next" value=(next);
            div.field {
                label for="email" { (words.email) }
                input #email name="email" type="email" autocomplete="username" required autofocus value=(email);
            }
            div.field {
                label for="password" { (words.password) }
                input #password name="password" type="password" autocomplete="current-password" required;
            }
            button.primary { (words.sign_in) }
        }
        p.hint { (words.first_sign_in) }
    };
    plain(words, words.sign_in, &content)
}

/// Asks for e-mail and password.
pub async fn page(headers: HeaderMap, Query(asked): Query<Next>) -> Markup {
    sign_in_page(words::of_request(&headers), "", next(&asked.next), None)
}

/// What was entered.
#[derive(Deserialize)]
pub struct Entered {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// Signs in; the page again where that fails.
pub async fn sign_in(
    State(app): State<App>,
    address: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(entered): Form<Entered>,
) -> Response {
    let words = words::of_request(&headers);
    let to = next(&entered.next).to_owned();
    let email = entered.email.clone();
    let signed_in = if is_foreign(&headers) {
        Err(Failure::denied("a browser may sign in only from a page of this server"))
    } else {
        session::sign_in(&app, address, &headers, SignIn::new(entered.email, entered.password)).await
    };
    match signed_in {
        Ok((_, token)) => {
            let mut response = Redirect::to(&to).into_response();
            set_cookie(&app, &mut response, &token, COOKIE_SECONDS);
            response
        }
        Err(failure) => (failure.status, sign_in_page(words, &email, &to, Some(&failure))).into_response(),
    }
}

/// Asks whether to sign in by a link.
pub async fn link_page(headers: HeaderMap) -> Markup {
    let words = words::of_request(&headers);
    let content = html! {
        p { (words.signs_in_once) }
        form method="post" { button.primary autofocus { (words.sign_in) } }
    };
    plain(words, words.sign_in, &content)
}

/// Signs in by a link, where it was not used yet.
pub async fn sign_in_by_link(
    State(app): State<App>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    Path(link): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let found = if is_foreign(&headers) {
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
        let words = words::of_request(&headers);
        let content = html! { p { (words.link_used_hint) } p { a href="/sign-in" { (words.sign_in) } } };
        return Ok((StatusCode::GONE, plain(words, words.link_used, &content)).into_response());
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
    let mut response = Redirect::to("/").into_response();
    set_cookie(&app, &mut response, &token, COOKIE_SECONDS);
    Ok(response)
}

/// Signs out.
pub async fn sign_out(State(app): State<App>, actor: Actor, headers: HeaderMap) -> Answer<Response> {
    session::sign_out(&app, &actor, &headers).await?;
    let mut response = Redirect::to("/sign-in").into_response();
    set_cookie(&app, &mut response, "", 0);
    Ok(response)
}

/// A language.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    language: String,
}

/// Keeps the language somebody chose, and goes back to where they were.
pub async fn choose_language(headers: HeaderMap, Form(chosen): Form<Chosen>) -> Response {
    let from = headers.get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = url::Url::parse(from).ok().map(|url| match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    });
    let mut response = Redirect::to(next(path.as_deref().unwrap_or("/"))).into_response();
    if let Some(words) = words::of_code(&chosen.language) {
        let cookie =
            format!("{}={}; Path=/; SameSite=Lax; Max-Age={LANGUAGE_SECONDS}", words::COOKIE, words.code);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }
    response
}
