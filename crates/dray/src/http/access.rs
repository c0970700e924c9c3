//! Who asks: a key in `Authorization: Bearer` or `x-api-key`, or a signed-in browser's cookie.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use dray_model::catalog::AuditEntry;

use super::answer::{Answer, Failure};
use crate::clock;
use crate::server::app::App;
use crate::server::directory::{self, Key, Organization, Role, User};

/// The cookie of a signed-in browser.
pub const COOKIE: &str = "dray_session";

/// Whoever asks, and for which organization.
#[derive(Debug, Clone)]
pub struct Actor {
    /// What they may do.
    pub role: Role,
    /// Their organization.
    pub organization: Organization,
    /// The number of the key or the user.
    pub id: String,
    /// For people and the audit log: `key key_x (Name)`, `user a@b.c`.
    pub name: String,
    /// Where the request came from.
    pub address: String,
    /// The request's number.
    pub request_id: String,
    /// Bytes of the request's body, as it announced them.
    pub payload_bytes: i64,
}

/// Where whoever asks is written down while a request is answered, for the audit log.
#[derive(Debug, Clone, Default)]
pub struct ActorSlot(Arc<Mutex<Option<Actor>>>);

impl ActorSlot {
    /// Who asked, where that is known.
    pub fn get(&self) -> Option<Actor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, actor: &Actor) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(actor.clone());
    }
}

impl Actor {
    /// Whoever sent a request, once it is known who that is.
    pub fn of_request(
        parts: &Parts,
        role: Role,
        organization: Organization,
        id: String,
        name: String,
    ) -> Self {
        let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        Self {
            role,
            organization,
            id,
            name,
            address: connected.map(|info| info.0.ip().to_string()).unwrap_or_default(),
            request_id: request_id(&parts.headers),
            payload_bytes: announced.and_then(|text| text.parse().ok()).unwrap_or(0),
        }
    }

    /// Lets them in: their requests are counted, and what they do is written down as theirs.
    pub fn enter(self, parts: &mut Parts, app: &App) -> Answer<Self> {
        slot_of(parts).set(&self);
        app.admit(&self.name).map_err(|wait| {
            let mut failure = Failure::new(
                axum::http::StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMITED",
                format!("more than {} requests in a minute: slow down", app.settings().requests_per_minute),
            );
            failure.retry_after = Some(wait.as_secs() + 1);
            failure
        })?;
        parts.extensions.insert(self.clone());
        Ok(self)
    }

    /// The organization's slug.
    pub fn organization(&self) -> &str {
        &self.organization.slug
    }

    /// Refuses everybody but admins.
    pub fn must_be_admin(&self) -> Answer<()> {
        if self.role == Role::Admin {
            return Ok(());
        }
        Err(Failure::denied("this needs an admin's key: ask an administrator of the organization for one"))
    }

    /// Refuses whoever may only read.
    pub fn may_plan(&self) -> Answer<()> {
        match self.role {
            Role::Admin | Role::Planner => Ok(()),
            Role::Member => Err(Failure::denied("this needs an admin's key, or one that may plan")),
        }
    }

    /// The same as an admin; refuses everybody else.
    pub fn admin(&self) -> Answer<Admin> {
        self.must_be_admin().map(|()| Admin(self.clone()))
    }

    /// The same as somebody who may read records; refuses everybody else.
    pub fn reader(&self) -> Answer<Reader> {
        match self.role {
            Role::Admin | Role::Member => Ok(Reader(self.clone())),
            Role::Planner => Err(Failure::denied("a key that may only plan reads no records")),
        }
    }

    /// A line for the audit log.
    pub fn entry(&self, action: &str, subject: impl Into<String>, details: serde_json::Value) -> AuditEntry {
        AuditEntry {
            id: 0,
            at: clock::now(),
            actor: self.name.clone(),
            action: action.to_owned(),
            subject: subject.into(),
            address: self.address.clone(),
            request_id: self.request_id.clone(),
            status: 200,
            payload_bytes: self.payload_bytes,
            details: details.to_string(),
        }
    }
}

/// The number of a request, given by whoever asks or made here.
pub fn request_id(headers: &HeaderMap) -> String {
    headers.get("x-request-id").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The key in the headers.
fn secret_of(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    bearer.or_else(|| headers.get("x-api-key")?.to_str().ok()).filter(|secret| !secret.is_empty())
}

/// The token in a browser's cookie.
pub fn cookie_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies
        .split(';')
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

impl FromRequestParts<App> for Actor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        if let Some(known) = parts.extensions.get::<Actor>() {
            return Ok(known.clone());
        }
        let of_key = |parts: &Parts, (key, organization): (Key, Organization)| {
            let name = format!("{} ({})", key.id, key.name);
            Self::of_request(parts, key.role, organization, key.id, name)
        };
        let actor = match secret_of(&parts.headers) {
            Some(secret) => match app.key(secret).await? {
                Some(found) => of_key(parts, found),
                None => {
                    if let Some(ended) = app.ended_key(secret).await? {
                        slot_of(parts).set(&of_key(parts, ended));
                    }
                    return Err(Failure::unauthenticated("this key is not known, has ended or was revoked"));
                }
            },
            None => {
                let (user, organization) = signed_in(parts, app).await?;
                let name = format!("user {}", user.email);
                Self::of_request(parts, user.role, organization, user.id, name)
            }
        };
        actor.enter(parts, app)
    }
}

fn slot_of(parts: &Parts) -> ActorSlot {
    parts.extensions.get::<ActorSlot>().cloned().unwrap_or_default()
}

/// Whoever asks is an admin, which is settled before the body of a request is read.
#[derive(Debug)]
pub struct Admin(pub Actor);

/// Whoever asks may read records.
#[derive(Debug)]
pub struct Reader(pub Actor);

/// Whoever asks may plan imports: sends files, asks for mappings, checks rows.
#[derive(Debug)]
pub struct Planner(pub Actor);

impl FromRequestParts<App> for Admin {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        Actor::from_request_parts(parts, app).await?.admin()
    }
}

impl FromRequestParts<App> for Reader {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        Actor::from_request_parts(parts, app).await?.reader()
    }
}

impl FromRequestParts<App> for Planner {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let actor = Actor::from_request_parts(parts, app).await?;
        actor.may_plan()?;
        Ok(Self(actor))
    }
}

/// The user of a signed-in browser. What changes something must come from a page of this server: a
/// browser says so itself (`Sec-Fetch-Site`), and pages of others cannot set our header.
async fn signed_in(parts: &Parts, app: &App) -> Answer<(User, Organization)> {
    let no_key = || {
        Failure::unauthenticated(
            "this needs a key: send it as `Authorization: Bearer KEY` or as `x-api-key: KEY`",
        )
    };
    let token = cookie_of(&parts.headers).ok_or_else(no_key)?.to_owned();
    let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let same_site = parts.headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    if !reads && !same_site && !parts.headers.contains_key("x-dray-page") {
        return Err(Failure::denied("a browser may change something only from a page of this server"));
    }
    let found = app
        .sessions()
        .directory(move |directory| {
            let Some(user) = directory::signed_in_user(directory, &token, clock::now())? else {
                return Ok(None);
            };
            let organization = directory::find_organization(directory, &user.organization)?;
            Ok(organization.map(|organization| (user, organization)))
        })
        .await?;
    found.ok_or_else(no_key)
}
