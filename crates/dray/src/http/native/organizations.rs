//! Organizations: made and changed by the admins of the default one; everybody sees their own.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::shapes::short;
use crate::clock;
use crate::http::access::Actor;
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBody, Path};
use crate::server::app::App;
use crate::server::directory::{self, FIRST, Organization, Role};
use crate::server::limits::Plan;

/// The longest name.
const NAME_LETTERS: usize = 200;

/// Organizations.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Organizations {
    /// All of them for an admin of `default`, else one's own.
    organizations: Vec<Organization>,
}

/// An organization to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// Its name in addresses: letters, digits and underscores.
    slug: String,
    /// Name for people.
    name: String,
    /// What it may do; everything without limits where it is left out.
    #[serde(default)]
    plan: Plan,
}

/// An organization that was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MadeOrganization {
    #[serde(flatten)]
    organization: Organization,
    /// An admin's key for it, shown this once.
    #[schema(value_type = Option<String>, required = true)]
    secret: String,
}

/// What may be changed of one.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationChange {
    /// Name for people.
    pub name: Option<String>,
    /// What it may do.
    pub plan: Option<Plan>,
}

/// Whoever asks is an admin of the first organization, who makes and changes organizations.
pub struct First(Actor);

impl First {
    /// Refuses everybody else.
    pub fn of(actor: Actor) -> Answer<Self> {
        if sees_all(&actor) {
            return Ok(Self(actor));
        }
        Err(Failure::denied("organizations are made and changed by an admin of the default organization"))
    }
}

impl FromRequestParts<App> for First {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        Self::of(Actor::from_request_parts(parts, app).await?)
    }
}

fn sees_all(actor: &Actor) -> bool {
    actor.role == Role::Admin && actor.organization() == FIRST
}

fn checked_name(name: &str) -> Answer<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_LETTERS || name.chars().any(char::is_control) {
        return Err(Failure::validation(format!("`name` must have 1 to {NAME_LETTERS} letters")));
    }
    Ok(name.to_owned())
}

/// List organizations.
#[utoipa::path(get, path = "/api/v1/organizations", tag = "access", responses((status = 200, body = Organizations)), security(("key" = [])))]
pub async fn list(State(app): State<App>, actor: Actor) -> Answer<Json<Organizations>> {
    let organizations = if sees_all(&actor) {
        app.sessions().directory(|store| directory::list_organizations(store)).await?
    } else {
        vec![actor.organization]
    };
    Ok(Json(Organizations { organizations }))
}

/// Make an organization.
#[utoipa::path(post, path = "/api/v1/organizations", tag = "access", request_body = NewOrganization, responses((status = 201, body = MadeOrganization), (status = 400), (status = 403), (status = 409)), security(("key" = [])))]
pub async fn create(
    State(app): State<App>,
    First(actor): First,
    JsonBody(new): JsonBody<NewOrganization>,
) -> Answer<(StatusCode, Json<MadeOrganization>)> {
    let name = checked_name(&new.name)?;
    dray_stores::check_organization(&new.slug)?;
    let slug = new.slug.clone();
    let is_taken = app
        .sessions()
        .directory(move |store| Ok(directory::find_organization(store, &slug)?.is_some()))
        .await?;
    if is_taken {
        return Err(Failure::conflict(format!("there is an organization `{}` already", short(&new.slug))));
    }
    let (organization, secret) = app
        .sessions()
        .directory(move |store| {
            let now = clock::now();
            let organization = directory::create_organization(store, &new.slug, &name, new.plan, now)?;
            let (_, secret) =
                directory::create_key(store, &organization.slug, "first key", Role::Admin, None, now)?;
            Ok((organization, secret))
        })
        .await?;
    // Its tables are made now and not when the first request comes.
    app.run(&organization.slug, |_| Ok(())).await?;
    app.audit(
        actor.organization(),
        actor.entry("organization.create", organization.slug.clone(), json!({ "plan": organization.plan })),
    )
    .await;
    Ok((StatusCode::CREATED, Json(MadeOrganization { organization, secret })))
}

/// The organization of an address, where one may see it.
async fn seen(app: &App, actor: &Actor, slug: &str) -> Answer<Organization> {
    let none = || Failure::not_found(format!("there is no organization `{}`", short(slug)));
    let wanted = slug.to_owned();
    let found = app.sessions().directory(move |store| directory::find_organization(store, &wanted)).await?;
    let may_see = |organization: &Organization| sees_all(actor) || organization.slug == actor.organization();
    found.filter(may_see).ok_or_else(none)
}

/// One organization.
#[utoipa::path(get, path = "/api/v1/organizations/{slug}", tag = "access", params(("slug" = String, Path)), responses((status = 200, body = Organization), (status = 404)), security(("key" = [])))]
pub async fn get(
    State(app): State<App>,
    actor: Actor,
    Path(slug): Path<String>,
) -> Answer<Json<Organization>> {
    Ok(Json(seen(&app, &actor, &slug).await?))
}

/// Change an organization: its name, what it may do.
#[utoipa::path(patch, path = "/api/v1/organizations/{slug}", tag = "access", params(("slug" = String, Path)), request_body = OrganizationChange, responses((status = 200, body = Organization), (status = 403), (status = 404)), security(("key" = [])))]
pub async fn change(
    State(app): State<App>,
    First(actor): First,
    Path(slug): Path<String>,
    JsonBody(change): JsonBody<OrganizationChange>,
) -> Answer<Json<Organization>> {
    let mut organization = seen(&app, &actor, &slug).await?;
    if let Some(name) = &change.name {
        organization.name = checked_name(name)?;
    }
    if let Some(plan) = change.plan {
        organization.plan = plan;
    }
    let kept = organization.clone();
    app.sessions().directory(move |store| directory::save_organization(store, &kept, clock::now())).await?;
    app.forget_keys();
    app.audit(
        actor.organization(),
        actor.entry("organization.change", organization.slug.clone(), json!({ "plan": organization.plan })),
    )
    .await;
    Ok(Json(organization))
}
