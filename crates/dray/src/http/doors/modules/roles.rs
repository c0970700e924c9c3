//! Who may do what in this door, settled before the body of a request is read.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::http::access::Actor;
use crate::http::answer::{Answer, Failure};
use crate::server::app::App;

/// Imports, exports, takes back and looks at what was done.
pub struct Admin(pub Actor);

/// Sends files, asks for mappings and checks rows, but imports none.
pub struct Planner(pub Actor);

impl FromRequestParts<App> for Admin {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let actor = Actor::from_request_parts(parts, app).await?;
        actor.must_be_admin()?;
        Ok(Self(actor))
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
