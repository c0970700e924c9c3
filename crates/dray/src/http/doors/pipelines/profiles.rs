//! Profiles: a page of them, the attributes of one, the identities it is made of.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use dray_engine::pipeline::rest::parse_uuid;
use serde::Deserialize;
use serde_json::Value;

use super::body::NoBody;
use super::identities::{PageQuery, identities_json};
use super::pages::{json as json_answer, page};
use super::shape::{bad_request, not_found, unprocessable};
use crate::http::access::Reader;
use crate::http::answer::{Answer, Failure};
use crate::http::body::{Path, Query};
use crate::http::lists::short;
use crate::operations::identities::{self, Of};
use crate::operations::profiles::{self, Asked, Refusal};
use crate::server::app::App;

/// The longest filter, in bytes.
const FILTER_BYTES: usize = 32 << 10;

/// Which profiles.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct ProfilesQuery {
    /// Names of properties with commas; all where it is left out.
    properties: Option<String>,
    /// A filter as JSON: `{"logical":"and","conditions":[…]}`.
    filter: Option<String>,
    /// The property they are sorted by; the time of their last update where it is left out.
    order: Option<String>,
    /// `true` for the largest first.
    order_desc: Option<String>,
    /// So many are passed over; 0 where it is left out.
    first: Option<String>,
    /// 1 to 1000; 100 where it is left out.
    limit: Option<String>,
}

/// List profiles.
#[utoipa::path(get, path = "/v1/profiles", tag = "pipelines", params(ProfilesQuery), responses((status = 200, description = "`{profiles: [{kpid, updatedAt, attributes}], schema, total}`"), (status = 422, description = "PropertyNotExist, OrderNotExist, OrderTypeNotSortable")), security(("key" = [])))]
pub async fn list(
    State(app): State<App>,
    Reader(actor): Reader,
    Query(query): Query<ProfilesQuery>,
    _none: NoBody,
) -> Answer<Response> {
    let (first, limit) = page(query.first.as_deref(), query.limit.as_deref())?;
    let descending = match query.order_desc.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            return Err(bad_request(format!("`{}` cannot be `orderDesc`: use true or false", short(other))));
        }
    };
    if query.filter.as_ref().is_some_and(|filter| filter.len() > FILTER_BYTES) {
        return Err(bad_request(format!("the filter has more than {FILTER_BYTES} bytes")));
    }
    let asked = Asked {
        properties: query.properties.map(|names| names.split(',').map(str::to_owned).collect()),
        filter: query.filter.filter(|filter| !matches!(filter.trim(), "" | "null")),
        order: query.order.filter(|order| !order.is_empty()),
        descending,
        first,
        limit,
    };
    let page = app
        .run(actor.organization(), move |session| profiles::list(session, &asked))
        .await?
        .map_err(refused)?;
    let (profiles, schema, total) = (page.profiles, page.schema, page.total);
    Ok(json_answer(format!("{{\"profiles\":{profiles},\"schema\":{schema},\"total\":{total}}}")))
}

fn refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Malformed(why) => bad_request(why),
        Refusal::NoProperty(why) => unprocessable("PropertyNotExist", why),
        Refusal::NoOrder(why) => unprocessable("OrderNotExist", why),
        Refusal::NotSortable(why) => unprocessable("OrderTypeNotSortable", why),
    }
}

fn kpid_of(text: &str) -> Answer<String> {
    if parse_uuid(text).is_none() {
        return Err(bad_request(format!("`{}` is no id of a profile: it is a UUID", short(text))));
    }
    Ok(text.to_lowercase())
}

fn no_profile(kpid: &str) -> Failure {
    not_found(format!("there is no profile `{kpid}`"))
}

/// The attributes of one profile.
#[utoipa::path(get, path = "/v1/profiles/{kpid}/attributes", tag = "pipelines", params(("kpid" = String, Path, description = "The id of a profile")), responses((status = 200, description = "`{attributes}`"), (status = 404)), security(("key" = [])))]
pub async fn attributes(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(kpid): Path<String>,
    _none: NoBody,
) -> Answer<Response> {
    let kpid = kpid_of(&kpid)?;
    let asked = kpid.clone();
    let found = app.run(actor.organization(), move |session| profiles::attributes(session, &asked)).await?;
    let attributes = found.ok_or_else(|| no_profile(&kpid))?;
    Ok(json_answer(format!("{{\"attributes\":{attributes}}}")))
}

/// The identities that a profile is made of, the newest first.
#[utoipa::path(get, path = "/v1/profiles/{kpid}/identities", tag = "pipelines", params(("kpid" = String, Path, description = "The id of a profile"), PageQuery), responses((status = 200, description = "`{identities: [{userId, connection, pipeline, updatedAt}], total}`"), (status = 404)), security(("key" = [])))]
pub async fn identities(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(kpid): Path<String>,
    Query(query): Query<PageQuery>,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let kpid = kpid_of(&kpid)?;
    let (first, limit) = page(query.first.as_deref(), query.limit.as_deref())?;
    let asked = kpid.clone();
    let found = app
        .run(actor.organization(), move |session| {
            if profiles::attributes(session, &asked)?.is_none() {
                return Ok(None);
            }
            identities::list(session, &Of::Profile(asked), first, limit).map(Some)
        })
        .await?;
    let (found, total) = found.ok_or_else(|| no_profile(&kpid))?;
    Ok(Json(identities_json(&found, total)))
}
