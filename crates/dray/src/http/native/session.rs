//! Signing in with e-mail and password, signing out, and who one is.

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::Semaphore;

use crate::clock;
use crate::http::access::{Actor, COOKIE, cookie_of, request_id};
use crate::http::answer::{Answer, Failure};
use crate::http::body::JsonBody;
use crate::server::app::App;
use crate::server::directory::{self, User};

/// Wrong passwords for one user within five minutes.
const WRONG_FOR_USER: u32 = 10;
/// Wrong passwords from one address within five minutes.
const WRONG_FROM_ADDRESS: u32 = 50;
/// How long a browser keeps the cookie: as long as the server keeps it signed in.
pub const COOKIE_SECONDS: u64 = 14 * 24 * 3600;
/// The longest password; a longer one only makes the server work.
pub(super) const PASSWORD_BYTES: usize = 256;
/// The longest address.
const EMAIL_BYTES: usize = 255;
/// Passwords looked at or hashed at once: each takes 19 MiB for a while.
static HASHING: Semaphore = Semaphore::const_new(4);

/// Does something with Argon2, which takes long and much memory, apart from everything else.
pub(super) async fn hashing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    let busy = || {
        let mut failure =
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "too many people sign in at once");
        failure.retry_after = Some(2);
        failure
    };
    let permit = tokio::time::timeout(Duration::from_secs(10), HASHING.acquire()).await;
    let _permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
    tokio::task::spawn_blocking(work).await.map_err(|_| busy())
}

/// Who wants to sign in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// E-mail address.
    email: String,
    /// Password.
    password: String,
}

impl SignIn {
    /// By this address and password.
    pub fn new(email: String, password: String) -> Self {
        Self { email, password }
    }
}

/// Sign in a browser: answers a cookie. A wrong password and an unknown user are told alike.
#[utoipa::path(post, path = "/api/v1/session", tag = "access", request_body = SignIn, responses((status = 200), (status = 401), (status = 429)))]
pub async fn create(
    State(app): State<App>,
    address: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SignIn>,
) -> Answer<Response> {
    let (user, token) = sign_in(&app, address, &headers, body).await?;
    let body = json!({ "email": user.email, "name": user.name, "role": user.role, "organization": user.organization });
    let mut response = Json(body).into_response();
    set_cookie(&app, &mut response, &token, COOKIE_SECONDS);
    Ok(response)
}

/// Signs in; the user and the token of the browser.
pub async fn sign_in(
    app: &App,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: &HeaderMap,
    body: SignIn,
) -> Answer<(User, String)> {
    let is_odd = body.email.chars().any(char::is_control);
    if is_odd || body.password.len() > PASSWORD_BYTES || body.email.len() > EMAIL_BYTES {
        return Err(wrong());
    }
    let email = body.email.trim().to_lowercase();
    let address = address.ip().to_string();
    let (of_user, of_address) = (format!("user {email}"), format!("address {address}"));
    let limits = [(of_user.as_str(), WRONG_FOR_USER), (of_address.as_str(), WRONG_FROM_ADDRESS)];
    app.throttle().attempt(&limits).map_err(|wait| {
        let mut failure = Failure::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TOO_MANY_ATTEMPTS",
            "too many wrong passwords: wait a few minutes",
        );
        failure.retry_after = Some(wait.as_secs() + 1);
        failure
    })?;
    let wanted = email.clone();
    let user = app.sessions().directory(move |store| directory::find_user(store, &wanted)).await?;
    let asked = user.clone();
    let is_right = hashing(move || directory::is_password(asked.as_ref(), &body.password)).await?;
    let entry_of = |action: &str| dray_model::catalog::AuditEntry {
        at: clock::now(),
        actor: format!("user {email}"),
        action: action.to_owned(),
        address: address.clone(),
        request_id: request_id(headers),
        status: if is_right { 200 } else { 401 },
        details: "{}".to_owned(),
        ..dray_model::catalog::AuditEntry::default()
    };
    let user = match user {
        Some(user) if is_right => user,
        known => {
            if let Some(user) = &known {
                app.audit(&user.organization, entry_of("session.refused")).await;
            }
            return Err(wrong());
        }
    };
    app.throttle().succeeded(&limits);
    let of_token = user.clone();
    let token =
        app.sessions().directory(move |store| directory::sign_in(store, &of_token, clock::now())).await?;
    app.audit(&user.organization, entry_of("session.create")).await;
    Ok((user, token))
}

fn wrong() -> Failure {
    Failure::unauthenticated("the e-mail address or the password is wrong").code("WRONG_PASSWORD")
}

/// Gives the browser its cookie, or takes it away.
pub fn set_cookie(app: &App, response: &mut Response, token: &str, seconds: u64) {
    let is_secure = app.settings().public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

/// Sign this browser out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "access", responses((status = 204)), security(("key" = [])))]
pub async fn delete(State(app): State<App>, actor: Actor, headers: HeaderMap) -> Answer<Response> {
    sign_out(&app, &actor, &headers).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&app, &mut response, "", 0);
    Ok(response)
}

/// Ends what the browser's cookie stands for.
pub async fn sign_out(app: &App, actor: &Actor, headers: &HeaderMap) -> Answer<()> {
    if let Some(token) = cookie_of(headers).map(str::to_owned) {
        app.sessions().directory(move |store| directory::sign_out(store, &token)).await?;
        app.audit(actor.organization(), actor.entry("session.delete", "", json!({}))).await;
    }
    Ok(())
}

/// Who one is: what the key or the browser's user may do, and in which organization.
#[utoipa::path(get, path = "/api/v1/session", tag = "access", responses((status = 200, description = "`{actor, email, role, organization}`"), (status = 401)), security(("key" = [])))]
pub async fn get(actor: Actor) -> Json<Value> {
    Json(json!({
        "actor": actor.name, "email": actor.name.strip_prefix("user "), "role": actor.role,
        "organization": actor.organization,
    }))
}
