//! Who may come in, settled before the body of a request is read; and bodies as this door's clients send them.

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::http::access::Actor;
use crate::http::answer::{Answer, Failure};
use crate::http::body::{AnyBytes, parse_json};
use crate::http::lists::short;
use crate::server::app::App;

/// The feature of an organization's plan.
const FEATURE: &str = "data_io";

/// An admin of the organization that the address names.
#[derive(Debug)]
pub struct Admin(pub Actor);

impl FromRequestParts<App> for Admin {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let actor = Actor::from_request_parts(parts, app).await?;
        let path = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|why| Failure::validation(format!("the address cannot be read: {why}")))?;
        let named = path.iter().find(|(name, _)| *name == "org").map(|(_, value)| value).unwrap_or_default();
        let own = &actor.organization;
        if named != own.slug && named != own.id.to_string() {
            let shown = short(named);
            return Err(Failure::not_found(format!("there is no organization `{shown}` for this key")));
        }
        actor.must_be_admin()?;
        if !own.plan.has(FEATURE) {
            let message = format!(
                "the plan `{}` of this organization has no data-io: ask its administrator for another plan",
                own.plan.name
            );
            return Err(Failure::new(StatusCode::FORBIDDEN, "PLAN_REQUIRED", message));
        }
        Ok(Self(actor))
    }
}

/// A JSON body, whatever the request says it is: the document's own requests do not say.
#[derive(Debug)]
pub struct JsonText<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for JsonText<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Answer<Self> {
        let AnyBytes(bytes) = AnyBytes::from_request(request, app).await?;
        parse_json(&bytes).map(Self)
    }
}
