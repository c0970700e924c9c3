//! Events on their way in: whoever sends one shows that they may, the trigger says whether something is to be done,
//! and the event is in the store before its sender is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dray_engine::expression::Json;
use dray_model::event::{Event, EventStatus};
use dray_model::{Error, Result};

use super::log::{EventLog, TriggerOutcome};
use crate::operations::connectors::connector::Connector;
use crate::operations::connectors::values;
use crate::server::app::App;
use crate::server::directory::hash_of;
use crate::server::endpoints::Endpoint;
use crate::server::known_connectors::KnownConnector;
use crate::server::signature::Signed;

/// The longest number of a message.
const MESSAGE_LETTERS: usize = 255;
/// What the numbers of events begin with.
const PREFIX: &str = "evt_";
/// After how long whoever meets a full queue may come again.
const COME_AGAIN: Duration = Duration::from_secs(30);

/// What came with an event.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'s> {
    /// The bearer token.
    pub bearer: Option<&'s str>,
    /// `webhook-id`.
    pub id: Option<&'s str>,
    /// `webhook-timestamp`.
    pub timestamp: Option<&'s str>,
    /// `webhook-signature`.
    pub signatures: Option<&'s str>,
    /// `Idempotency-Key`.
    pub repeat_key: Option<&'s str>,
    /// `Content-Type`, without what follows it.
    pub media_type: &'s str,
    /// What was sent.
    pub body: &'s [u8],
}

/// Why an event was not taken.
#[derive(Debug)]
pub enum Refusal {
    /// Whoever sends it does not show that they may.
    Unauthenticated(&'static str),
    /// It is none.
    Invalid(String),
    /// Too much comes; come again after this time.
    TooMuch(Duration),
    /// Something is broken here.
    Broken(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// The connector of an address, where there is one that takes events; all others are alike.
pub async fn open_connector(app: &App, address: &str) -> Result<Option<(Endpoint, Arc<KnownConnector>)>> {
    let Some(endpoint) = Endpoint::of_address(app.secret(), address) else { return Ok(None) };
    let known = connector(app, &endpoint).await?;
    Ok(known.filter(|known| known.is_enabled).map(|known| (endpoint, known)))
}

/// The connector of an endpoint.
pub async fn connector(app: &App, endpoint: &Endpoint) -> Result<Option<Arc<KnownConnector>>> {
    let now = app.time().await?;
    app.event_desk().connector(app.sessions(), app.secret(), endpoint, now).await
}

/// Takes an event; its number.
pub async fn take(
    app: &App,
    endpoint: &Endpoint,
    known: &KnownConnector,
    sent: Sent<'_>,
) -> std::result::Result<String, Refusal> {
    let now = app.time().await?;
    let message = authenticated(known, &sent, now)?;
    let desk = app.event_desk();
    desk.admit(endpoint).map_err(Refusal::TooMuch)?;
    let payload = values::payload(sent.body, sent.media_type)
        .map_err(|why| Refusal::Invalid(format!("the body is not JSON: {why}")))?;
    let organization = &endpoint.organization;
    if desk.is_full(app.sessions(), organization, app.settings().waiting_events).await? {
        return Err(Refusal::TooMuch(COME_AGAIN));
    }
    let _room = desk.room(sent.body.len()).ok_or(Refusal::TooMuch(Duration::from_secs(1)))?;
    let event = event(endpoint, known, &payload, message, now);
    let is_due = event.due_at.is_some();
    let id = desk.arriving.add(app.sessions(), organization, event).await?;
    if is_due {
        desk.news.notify_one();
    }
    Ok(id)
}

/// An event that has come, with what the trigger says to it.
fn event(
    endpoint: &Endpoint,
    known: &KnownConnector,
    payload: &Json,
    message: Option<String>,
    now: i64,
) -> Event {
    let outcome = known.connector.as_ref().ok().map(|connector| triggered(connector, payload, &known.secret));
    let status = match &outcome {
        Some(TriggerOutcome { error: Some(_), .. }) => EventStatus::Failed,
        Some(TriggerOutcome { matched: false, .. }) => EventStatus::Ignored,
        // What is wrong with the connector is found out when it is to work.
        _ => EventStatus::Pending,
    };
    let is_pending = status == EventStatus::Pending;
    let reason = outcome.as_ref().and_then(|outcome| outcome.error.clone());
    let log = EventLog { trigger: outcome, reason, ..EventLog::default() };
    metrics::counter!("dray_events_total", "status" => status.word()).increment(1);
    Event {
        id: number(now, rand::random()),
        endpoint: endpoint.key(),
        message,
        status,
        payload: payload.to_string(),
        received_at: now,
        due_at: is_pending.then_some(now),
        claims: 0,
        tries: 0,
        finished_at: (!is_pending).then_some(now),
        kept: None,
        log: log.text(),
    }
}

/// What a connector's trigger says, how long that takes, and what it looked at where nothing is to be done.
pub fn triggered(connector: &Connector, payload: &Json, secret: &Json) -> TriggerOutcome {
    let begun = Instant::now();
    let (matched, error) = match connector.is_triggered(payload, secret) {
        Ok(matched) => (matched, None),
        Err(why) => (false, Some(why)),
    };
    let tenths = (begun.elapsed().as_secs_f64() * 1e7).round();
    let looked_at = if matched { Vec::new() } else { connector.looked_at(payload) };
    TriggerOutcome { matched, error, microseconds: tenths / 10.0, looked_at }
}

/// The number of an event that came at a time (microseconds since the epoch): numbers follow in the order of times.
pub fn number(time: i64, random: u32) -> String {
    format!("{PREFIX}{time:014x}{random:08x}")
}

/// True where this can be the number of an event.
pub fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == 22 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Checks that whoever sends may, and says how they call their message.
fn authenticated(
    known: &KnownConnector,
    sent: &Sent<'_>,
    now: i64,
) -> std::result::Result<Option<String>, Refusal> {
    let named = sent.id.or(sent.repeat_key);
    if named.is_some_and(|name| name.is_empty() || name.len() > MESSAGE_LETTERS) {
        return Err(Refusal::Invalid(format!("the number of a message has 1 to {MESSAGE_LETTERS} letters")));
    }
    if let Some(signatures) = sent.signatures {
        let timestamp =
            sent.timestamp.ok_or(Refusal::Unauthenticated("a signed message needs `webhook-timestamp`"))?;
        let signed = Signed { id: sent.id, timestamp, signatures, body: sent.body };
        signed
            .check(&known.signing_secrets(), now.div_euclid(1_000_000))
            .map_err(Refusal::Unauthenticated)?;
        // Within its time a signed message could be sent again by whoever has seen it.
        let once = || hash_of(&format!("{timestamp}.{}", String::from_utf8_lossy(sent.body)));
        return Ok(Some(sent.id.map_or_else(once, str::to_owned)));
    }
    match sent.bearer {
        Some(bearer) if known.has_bearer(bearer) => Ok(named.map(str::to_owned)),
        Some(_) => Err(Refusal::Unauthenticated("the token is not one of this endpoint")),
        None => Err(Refusal::Unauthenticated(
            "send the endpoint's token as `Authorization: Bearer …`, or sign the message",
        )),
    }
}
