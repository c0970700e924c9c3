//! Webhooks: whom to tell when a job has ended, with what secret, and what became of it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock;
use crate::http::access::{Actor, Admin};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBody, Path, Query};
use crate::http::lists::{limit_of, short, unknown_cursor};
use crate::operations::ledger::time;
use crate::outbound::fault::{FaultKind, shown as shown_host};
use crate::server::app::App;
use crate::server::webhooks::delivery::{self, Delivery, DeliveryStatus};
use crate::server::webhooks::endpoint::{self, Endpoint, JOBS};
use crate::server::webhooks::event::EVENTS;
use crate::server::webhooks::notify;

/// The most letters of a description.
const DESCRIPTION_LETTERS: usize = 500;
/// Letters of a delivery's name.
const DELIVERY_LETTERS: usize = 24;

/// A webhook to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where to: http or https, not inside.
    pub url: String,
    /// `job.completed`, `job.failed`, `job.cancelled`; all where they are left out.
    #[serde(default)]
    pub events: Vec<String>,
    /// For people.
    #[serde(default)]
    pub description: String,
}

/// What to change of a webhook.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// Where to.
    pub url: Option<String>,
    /// What it wants to know; none for everything.
    pub events: Option<Vec<String>>,
    /// For people.
    pub description: Option<String>,
    /// False stops it, true starts it again.
    pub enabled: Option<bool>,
}

/// A webhook as the API shows it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Webhook {
    /// Its name in addresses.
    pub id: String,
    /// Where to.
    pub url: String,
    /// What it wants to know; none for everything.
    pub events: Vec<String>,
    /// For people.
    pub description: String,
    /// False where it is told nothing.
    pub enabled: bool,
    /// Why it is told nothing, where nobody asked for that.
    pub disabled_because: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it was last changed.
    pub changed_at: String,
    /// Until when the secret before still signs beside the new one.
    pub previous_secret_until: Option<String>,
    /// Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

fn shown(endpoint: Endpoint, secret: Option<String>) -> Webhook {
    let now = clock::now();
    Webhook {
        id: endpoint.id,
        url: endpoint.url,
        events: endpoint.events,
        description: endpoint.description,
        enabled: endpoint.disabled_at.is_none(),
        disabled_because: endpoint.disabled_because,
        created_at: time(endpoint.created_at),
        changed_at: time(endpoint.changed_at),
        previous_secret_until: endpoint.previous_until.filter(|&until| now < until).map(time),
        secret,
    }
}

/// A delivery as the API shows it.
fn shown_delivery(delivery: &Delivery, with_body: bool) -> Value {
    let attempts: Vec<Value> = delivery
        .attempts
        .iter()
        .map(|attempt| {
            json!({
                "at": time(attempt.at), "status": attempt.status, "milliseconds": attempt.milliseconds,
                "answer": attempt.answer, "error": attempt.error,
            })
        })
        .collect();
    let mut told = json!({
        "id": delivery.id, "message": delivery.message, "event": delivery.event, "job": delivery.job,
        "status": delivery.status, "created_at": time(delivery.created_at), "attempts": attempts,
        "next_attempt_at": delivery.due_at.filter(|_| delivery.begun_at.is_none()).map(time),
    });
    if let (Some(url), Value::Object(members)) = (&delivery.url, &mut told) {
        members.insert("url".to_owned(), json!(url));
    }
    if let (true, Value::Object(members)) = (with_body, &mut told) {
        members.insert("body".to_owned(), serde_json::from_str(&delivery.body).unwrap_or(Value::Null));
    }
    told
}

fn no_such_webhook(id: &str) -> Failure {
    Failure::not_found(format!("there is no webhook `{}`", short(id)))
}

/// What jobs name themselves has a secret and deliveries, and nothing else.
fn must_be_own(id: &str) -> Answer<()> {
    if id == JOBS {
        return Err(Failure::conflict(
            "`jobs` stands for the addresses that jobs name: it has no address of its own",
        ));
    }
    Ok(())
}

/// Checks an address: a number inside is refused at once, a name where it leads inside now.
fn checked_url(app: &App, url: &str) -> Answer<String> {
    let url = url.trim();
    match app.outbound().address(url) {
        Ok(_) => Ok(url.to_owned()),
        Err(fault) => {
            let code = if fault.kind == FaultKind::Refused { "OUTBOUND_REFUSED" } else { "VALIDATION_ERROR" };
            Err(Failure::validation(format!("`url`: {fault}")).code(code))
        }
    }
}

fn checked_events(mut events: Vec<String>) -> Answer<Vec<String>> {
    if let Some(wrong) = events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
        return Err(Failure::validation(format!(
            "`events`: there is no event `{}`; the events are {}",
            short(wrong),
            EVENTS.join(", ")
        )));
    }
    events.sort();
    events.dedup();
    Ok(events)
}

fn checked_description(text: &str) -> Answer<String> {
    let text = text.trim();
    if text.chars().count() > DESCRIPTION_LETTERS || text.chars().any(char::is_control) {
        return Err(Failure::validation(format!("`description` may have {DESCRIPTION_LETTERS} letters")));
    }
    Ok(text.to_owned())
}

/// The host of an address, for the audit log: the rest may be a secret.
fn host_of(url: &str) -> String {
    url::Url::parse(url).map(|url| shown_host(&url)).unwrap_or_default()
}

/// List the webhooks of the organization.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", responses((status = 200, description = "`{webhooks}`, the oldest first")), security(("key" = [])))]
pub async fn list(State(app): State<App>, Admin(actor): Admin) -> Answer<Json<Value>> {
    Ok(Json(json!({ "webhooks": all(&app, &actor).await? })))
}

/// The webhooks of the organization, the oldest first.
pub async fn all(app: &App, actor: &Actor) -> Answer<Vec<Webhook>> {
    let found = app.run(actor.organization(), |session| endpoint::list(session)).await?;
    Ok(found.into_iter().map(|endpoint| shown(endpoint, None)).collect())
}

/// Make a webhook. The secret that signs what it is told is shown this once.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = NewWebhook, responses((status = 201, body = Webhook), (status = 400, description = "VALIDATION_ERROR, OUTBOUND_REFUSED")), security(("key" = [])))]
pub async fn create(
    State(app): State<App>,
    Admin(actor): Admin,
    JsonBody(new): JsonBody<NewWebhook>,
) -> Answer<(StatusCode, Json<Webhook>)> {
    let url = checked_url(&app, &new.url)?;
    let asked = (url, checked_events(new.events)?, checked_description(&new.description)?);
    let (ours, slug) = (app.clone(), actor.organization().to_owned());
    let (endpoint, secret) = app
        .run(actor.organization(), move |session| {
            endpoint::create(session, ours.secret(), &slug, asked, clock::now())
        })
        .await?;
    let details = json!({ "url": host_of(&endpoint.url), "events": endpoint.events });
    app.audit(actor.organization(), actor.entry("webhook.create", endpoint.id.clone(), details)).await;
    Ok((StatusCode::CREATED, Json(shown(endpoint, Some(secret)))))
}

/// One webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), responses((status = 200, body = Webhook), (status = 404)), security(("key" = [])))]
pub async fn get(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<Json<Webhook>> {
    found(&app, &actor, &id).await.map(|endpoint| Json(shown(endpoint, None)))
}

async fn found(app: &App, actor: &Actor, id: &str) -> Answer<Endpoint> {
    let wanted = id.to_owned();
    let found = app.run(actor.organization(), move |session| endpoint::find(session, &wanted)).await?;
    found.ok_or_else(|| no_such_webhook(id))
}

/// Change a webhook; `enabled` true starts one again that was stopped.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), request_body = WebhookChange, responses((status = 200, body = Webhook), (status = 400, description = "VALIDATION_ERROR, OUTBOUND_REFUSED"), (status = 404)), security(("key" = [])))]
pub async fn change(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    JsonBody(asked): JsonBody<WebhookChange>,
) -> Answer<Json<Webhook>> {
    must_be_own(&id)?;
    let url = asked.url.as_deref().map(|url| checked_url(&app, url)).transpose()?;
    let events = asked.events.map(checked_events).transpose()?;
    let description = asked.description.as_deref().map(checked_description).transpose()?;
    let details = json!({
        "url": url.as_deref().map(host_of), "events": events, "enabled": asked.enabled,
    });
    let (wanted, now) = (id.clone(), clock::now());
    let changed = app
        .run(actor.organization(), move |session| {
            endpoint::change(session, &wanted, now, |endpoint| {
                endpoint.url = url.clone().unwrap_or_else(|| endpoint.url.clone());
                endpoint.events = events.clone().unwrap_or_else(|| endpoint.events.clone());
                endpoint.description = description.clone().unwrap_or_else(|| endpoint.description.clone());
                if let Some(enabled) = asked.enabled {
                    endpoint.disabled_at = (!enabled).then(|| endpoint.disabled_at.unwrap_or(now));
                    endpoint.disabled_because = None;
                }
            })
        })
        .await?;
    let changed = changed.ok_or_else(|| no_such_webhook(&id))?;
    app.audit(actor.organization(), actor.entry("webhook.change", id, details)).await;
    Ok(Json(shown(changed, None)))
}

/// Delete a webhook. What waits to be told there is not told.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), responses((status = 204), (status = 404)), security(("key" = [])))]
pub async fn delete(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    must_be_own(&id)?;
    let wanted = id.clone();
    let found = app.run(actor.organization(), move |session| endpoint::delete(session, &wanted)).await?;
    if !found {
        return Err(no_such_webhook(&id));
    }
    app.audit(actor.organization(), actor.entry("webhook.delete", id, json!({}))).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a webhook a new secret, shown this once. The one before signs beside it for a day. The webhook `jobs`
/// has the secret for the addresses that jobs name themselves.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate-secret", tag = "webhooks", params(("id" = String, Path)), responses((status = 200, body = Webhook), (status = 404)), security(("key" = [])))]
pub async fn rotate(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<Json<Webhook>> {
    let (ours, slug, wanted) = (app.clone(), actor.organization().to_owned(), id.clone());
    let rotated = app
        .run(actor.organization(), move |session| {
            let now = session.time()?;
            if wanted == JOBS {
                endpoint::of_jobs(session, ours.secret(), &slug, now)?;
            }
            endpoint::rotate(session, ours.secret(), &slug, &wanted, now)
        })
        .await?;
    let (endpoint, secret) = rotated.ok_or_else(|| no_such_webhook(&id))?;
    app.audit(actor.organization(), actor.entry("webhook.rotate_secret", id, json!({}))).await;
    Ok(Json(shown(endpoint, Some(secret))))
}

/// Tell a webhook something, to see whether it arrives: the event `webhook.test`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks", params(("id" = String, Path)), responses((status = 202, description = "The delivery: see what became of it under `deliveries`"), (status = 404), (status = 409, description = "It is disabled")), security(("key" = [])))]
pub async fn test(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<(StatusCode, Json<Value>)> {
    must_be_own(&id)?;
    let endpoint = found(&app, &actor, &id).await?;
    must_be_enabled(&endpoint)?;
    let slug = actor.organization().to_owned();
    let delivery =
        app.run(actor.organization(), move |session| notify::test(session, &slug, &endpoint)).await?;
    app.sender().notify_one();
    app.audit(actor.organization(), actor.entry("webhook.test", id, json!({}))).await;
    Ok((StatusCode::ACCEPTED, Json(shown_delivery(&delivery, true))))
}

fn must_be_enabled(endpoint: &Endpoint) -> Answer<()> {
    if endpoint.disabled_at.is_some() {
        return Err(Failure::conflict("the webhook is disabled: enable it first"));
    }
    Ok(())
}

/// Which deliveries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeliveriesQuery {
    /// 1 to 1000; 100 where it is left out.
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What a webhook was told in the last 30 days, the newest first, with every attempt.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks", params(("id" = String, Path), DeliveriesQuery), responses((status = 200, description = "`{deliveries, next_cursor}`"), (status = 404)), security(("key" = [])))]
pub async fn deliveries(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
    Query(query): Query<DeliveriesQuery>,
) -> Answer<Json<Value>> {
    found(&app, &actor, &id).await?;
    let limit = limit_of(query.limit.as_deref())?;
    let after = query.cursor.unwrap_or_default();
    if !after.is_empty() && !is_delivery(&after) {
        return Err(unknown_cursor());
    }
    let found =
        app.run(actor.organization(), move |session| delivery::list(session, &id, &after, limit)).await?;
    let next = found.last().filter(|_| found.len() as u64 >= limit).map(|last| last.id.clone());
    let shown: Vec<Value> = found.iter().map(|delivery| shown_delivery(delivery, false)).collect();
    Ok(Json(json!({ "deliveries": shown, "next_cursor": next })))
}

fn is_delivery(id: &str) -> bool {
    id.len() == DELIVERY_LETTERS && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Send something again that arrived or has failed, under the same message number.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/deliveries/{delivery}/replay", tag = "webhooks", params(("id" = String, Path), ("delivery" = String, Path)), responses((status = 202, description = "The delivery"), (status = 404), (status = 409, description = "The webhook is disabled")), security(("key" = [])))]
pub async fn replay(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((id, wanted)): Path<(String, String)>,
) -> Answer<(StatusCode, Json<Value>)> {
    let endpoint = found(&app, &actor, &id).await?;
    let none = || Failure::not_found(format!("there is no delivery `{}`", short(&wanted)));
    if !is_delivery(&wanted) {
        return Err(none());
    }
    let (ours, name) = (endpoint.id.clone(), wanted.clone());
    let known = app.run(actor.organization(), move |session| delivery::find(session, &ours, &name)).await?;
    known.ok_or_else(none)?;
    must_be_enabled(&endpoint)?;
    let (ours, name) = (endpoint.id.clone(), wanted.clone());
    let again = app.run(actor.organization(), move |session| delivery::replay(session, &ours, &name)).await?;
    let again = again.ok_or_else(none)?;
    debug_assert!(again.status == DeliveryStatus::Pending);
    app.sender().notify_one();
    let details = json!({ "delivery": wanted, "message": again.message });
    app.audit(actor.organization(), actor.entry("webhook.replay", id, details)).await;
    Ok((StatusCode::ACCEPTED, Json(shown_delivery(&again, true))))
}
