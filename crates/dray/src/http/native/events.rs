//! Events of a record's endpoint: what came, what was done with it, and doing it again; and what would be done with
//! a payload, tried out without asking anybody.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dray_engine::expression::{Json as Payload, RepeatedMember};
use dray_model::event::{Event, EventQuery, EventStatus};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::endpoints::with_endpoint;
use super::shapes::{limit_of, number_of, object_of, short, unknown_cursor};
use crate::http::access::{Actor, Admin};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBody, Path, Query};
use crate::operations::connectors::connector::Connector;
use crate::operations::connectors::paths::{PayloadPath, paths};
use crate::operations::connectors::steps::hidden;
use crate::operations::ledger::time;
use crate::operations::pages;
use crate::server::app::App;
use crate::server::connectors::intake::{is_number, triggered};
use crate::server::connectors::log::{EventLog, RecordOutcome, Step, TriggerOutcome};
use crate::server::connectors::replay;
use crate::server::named_secrets;

/// Events of one status are counted up to this many.
const COUNTED: u64 = 10_000;

/// Which events.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// `pending`, `completed`, `ignored` or `failed`; all where it is left out.
    pub status: Option<String>,
    /// 1 to 1000; 100 where it is left out.
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of events.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Events {
    /// The newest first, without what was sent.
    pub events: Vec<ShownEvent>,
    /// How many there are of each status, of those still kept.
    pub counts: EventCounts,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// How many events there are of each status, each counted up to 10,000.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct EventCounts {
    /// They will be tried, or tried again.
    pub pending: u64,
    /// Everything was done.
    pub completed: u64,
    /// Nothing was to be done.
    pub ignored: u64,
    /// They are not tried again unless somebody asks for it.
    pub failed: u64,
}

/// An event as the API shows it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ShownEvent {
    /// Its number.
    pub id: String,
    /// How its sender calls it.
    pub message: Option<String>,
    /// `pending`, `completed`, `ignored` or `failed`.
    pub status: &'static str,
    /// When it came.
    pub received_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
    /// When it is tried next.
    pub next_attempt_at: Option<String>,
    /// What the trigger said; null before it was asked.
    pub trigger: Option<TriggerOutcome>,
    /// Why it ended as it did, or what it waits for.
    pub reason: Option<String>,
    /// Requests to others, and records, the oldest first.
    pub attempts: Vec<ShownAttempt>,
    /// The record that was written.
    pub record: Option<RecordOutcome>,
    /// What was sent here; only where one event is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Box<RawValue>>,
    /// What was to be sent the last time, secrets hidden: `{lookup, process, perform}`; only where one event is asked
    /// for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub steps: Option<Value>,
}

/// One request to somebody else.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ShownAttempt {
    /// When it began.
    pub at: String,
    /// `lookup` or `perform`.
    pub step: Step,
    /// How it was answered.
    pub status: Option<u16>,
    /// How long that took.
    pub milliseconds: u64,
    /// The begin of the answer.
    pub answer: String,
    /// Why there was none, or none that is of use.
    pub error: Option<String>,
}

fn shown(event: Event, is_whole: bool) -> ShownEvent {
    let log = EventLog::of(&event);
    let attempts = log.attempts.into_iter().map(|attempt| ShownAttempt {
        at: time(attempt.at),
        step: attempt.step,
        status: attempt.status,
        milliseconds: attempt.milliseconds,
        answer: attempt.answer,
        error: attempt.error,
    });
    ShownEvent {
        id: event.id,
        message: event.message,
        status: event.status.word(),
        received_at: time(event.received_at),
        finished_at: event.finished_at.map(time),
        next_attempt_at: event.due_at.map(time),
        trigger: log.trigger,
        reason: log.reason,
        attempts: attempts.collect(),
        record: log.record,
        payload: is_whole.then(|| RawValue::from_string(event.payload).ok()).flatten(),
        steps: log.steps.filter(|_| is_whole),
    }
}

fn no_such_event(id: &str) -> Failure {
    Failure::not_found(format!("there is no event `{}`", short(id)))
}

/// Events of a connector's endpoint, the newest first, with counts.
pub async fn page_of(app: &App, actor: &Actor, object: &str, id: i64, query: &EventsQuery) -> Answer<Events> {
    let limit = limit_of(query.limit.as_deref())?;
    let status = match query.status.as_deref().filter(|word| !word.is_empty()) {
        None => None,
        Some(word) => Some(EventStatus::from_word(word).ok_or_else(|| {
            let words: Vec<&str> = EventStatus::ALL.iter().map(|status| status.word()).collect();
            Failure::validation(format!("`{}` is no status: use {}", short(word), words.join(", ")))
        })?),
    };
    if query.cursor.as_deref().is_some_and(|cursor| !is_number(cursor)) {
        return Err(unknown_cursor());
    }
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, object)?;
    let before = query.cursor.clone();
    let (found, counted) = with_endpoint(app, actor, &object, id, move |session, endpoint| {
        let query = EventQuery { endpoint: endpoint.key(), status, before, limit };
        let found = session.list_events(&query)?;
        Ok((found, session.count_events(&endpoint.key(), COUNTED)?))
    })
    .await?;
    let mut counts = EventCounts::default();
    for (status, count) in counted {
        match status {
            EventStatus::Pending => counts.pending = count,
            EventStatus::Completed => counts.completed = count,
            EventStatus::Ignored => counts.ignored = count,
            EventStatus::Failed => counts.failed = count,
        }
    }
    let next_cursor = found.last().filter(|_| found.len() as u64 >= limit).map(|last| last.id.clone());
    let events = found.into_iter().map(|event| shown(event, false)).collect();
    Ok(Events { events, counts, next_cursor })
}

/// One event of a connector's endpoint, with what was sent and what was to be sent.
pub async fn found(app: &App, actor: &Actor, object: &str, id: i64, event: String) -> Answer<ShownEvent> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, object)?;
    let wanted = event.clone();
    let found = with_endpoint(app, actor, &object, id, move |session, endpoint| {
        session.find_event(&endpoint.key(), &wanted)
    })
    .await?;
    found.map(|event| shown(event, true)).ok_or_else(|| no_such_event(&event))
}

/// Does an event again.
pub async fn again(app: &App, actor: &Actor, object: &str, id: i64, event: String) -> Answer<ShownEvent> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, object)?;
    let wanted = event.clone();
    let replayed = with_endpoint(app, actor, &object, id, move |session, endpoint| {
        replay::replay(session, &endpoint.key(), &wanted)
    })
    .await?;
    let replayed = replayed.ok_or_else(|| no_such_event(&event))?;
    app.event_desk().news.notify_one();
    let subject = format!("{}/{id}", object.name());
    app.audit(actor.organization(), actor.entry("event.replay", subject, json!({ "event": event }))).await;
    Ok(shown(replayed, true))
}

/// Does again everything that has failed; how many events that are.
pub async fn failed_again(app: &App, actor: &Actor, object: &str, id: i64) -> Answer<u64> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, object)?;
    let replayed = with_endpoint(app, actor, &object, id, move |session, endpoint| {
        replay::replay_failed(session, &endpoint.key())
    })
    .await?;
    app.event_desk().news.notify_one();
    let subject = format!("{}/{id}", object.name());
    app.audit(actor.organization(), actor.entry("event.replay", subject, json!({ "events": replayed })))
        .await;
    Ok(replayed)
}

/// Events that came to a record's endpoint, the newest first, and what became of them.
#[utoipa::path(get, path = "/api/v1/objects/{object}/records/{id}/events", tag = "connectors", params(("object" = String, Path), ("id" = String, Path), EventsQuery), responses((status = 200, body = Events), (status = 404)), security(("key" = [])))]
pub async fn list(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, id)): Path<(String, String)>,
    Query(query): Query<EventsQuery>,
) -> Answer<Json<Events>> {
    let id = number_of(&id, "record")?;
    page_of(&app, &actor, &object, id, &query).await.map(Json)
}

/// One event: what was sent, what the trigger said, every step and every attempt.
#[utoipa::path(get, path = "/api/v1/objects/{object}/records/{id}/events/{event}", tag = "connectors", params(("object" = String, Path), ("id" = String, Path), ("event" = String, Path)), responses((status = 200, body = ShownEvent), (status = 404)), security(("key" = [])))]
pub async fn get(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, id, event)): Path<(String, String, String)>,
) -> Answer<Json<ShownEvent>> {
    found(&app, &actor, &object, number_of(&id, "record")?, event).await.map(Json)
}

/// Do an event again, under the same number: its trigger is asked anew. One that waits is tried at once.
#[utoipa::path(post, path = "/api/v1/objects/{object}/records/{id}/events/{event}/replay", tag = "connectors", params(("object" = String, Path), ("id" = String, Path), ("event" = String, Path)), responses((status = 202, body = ShownEvent), (status = 404)), security(("key" = [])))]
pub async fn replay(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, id, event)): Path<(String, String, String)>,
) -> Answer<(StatusCode, Json<ShownEvent>)> {
    let replayed = again(&app, &actor, &object, number_of(&id, "record")?, event).await?;
    Ok((StatusCode::ACCEPTED, Json(replayed)))
}

/// Do again every event that has failed, up to 10,000 of them.
#[utoipa::path(post, path = "/api/v1/objects/{object}/records/{id}/events/replay-failed", tag = "connectors", params(("object" = String, Path), ("id" = String, Path)), responses((status = 202, description = "`{replayed}`"), (status = 404)), security(("key" = [])))]
pub async fn replay_failed(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, id)): Path<(String, String)>,
) -> Answer<(StatusCode, Json<Value>)> {
    let replayed = failed_again(&app, &actor, &object, number_of(&id, "record")?).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "replayed": replayed }))))
}

/// What to try out.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trial {
    /// The payload; the record's `example_payload` where it is left out.
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Box<RawValue>>,
    /// What the lookup is taken to answer.
    #[schema(value_type = Option<Object>)]
    pub lookup: Option<Box<RawValue>>,
    /// Fields that are tried instead of those of the record: `{"trigger": "…"}`.
    pub fields: Map<String, Value>,
}

/// What would be done with a payload.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct Trialed {
    /// What is wrong with the connector: each with its field.
    pub mistakes: Vec<FieldMistake>,
    /// What the trigger says; null where there is a mistake.
    pub trigger: Option<TriggerOutcome>,
    /// What would be sent, secrets hidden: `{lookup, process, perform}`, requests as `{method, url, headers, body}`.
    #[schema(value_type = Object)]
    pub steps: Value,
    /// Secrets that it reads and that there are not.
    pub missing_secrets: Vec<String>,
    /// What the payload has, as expressions say it.
    pub paths: Vec<PayloadPath>,
}

/// What is wrong with a field.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FieldMistake {
    /// The field.
    pub field: &'static str,
    /// What is wrong, with its place.
    pub message: String,
}

/// Tries a connector out: nobody is asked, and nothing is kept.
pub async fn tried(app: &App, actor: &Actor, object: &str, id: i64, trial: Trial) -> Answer<Trialed> {
    let known = app.objects(actor.organization()).await?;
    let object = object_of(&known, object)?;
    let of_work = object.clone();
    let (record, secrets) = with_endpoint(app, actor, &object, id, move |session, _| {
        let names = named_secrets::list(session)?.into_iter().map(|secret| secret.name).collect::<Vec<_>>();
        Ok((pages::record(session, &of_work, id)?, names))
    })
    .await?;
    let mut record: Map<String, Value> =
        record.and_then(|record| serde_json::from_str(record.get()).ok()).unwrap_or_default();
    record.extend(trial.fields);
    let read = |text: &str, what: &str| {
        Payload::parse(text, RepeatedMember::LastCounts)
            .map_err(|why| Failure::validation(format!("{what} is not JSON: {why}")))
    };
    let payload = match (&trial.payload, record.get("example_payload")) {
        (Some(payload), _) => read(payload.get(), "`payload`")?,
        (None, None | Some(Value::Null)) => Payload::Null,
        (None, Some(Value::String(text))) => read(text, "`example_payload`")?,
        (None, Some(example)) => read(&example.to_string(), "`example_payload`")?,
    };
    let lookup = trial.lookup.as_ref().map_or(Ok(Payload::Null), |lookup| read(lookup.get(), "`lookup`"))?;
    let mut found = paths("$payload", &payload);
    found.extend(paths("$lookup", &lookup));
    Ok(match Connector::compile(&record) {
        Err(mistakes) => Trialed {
            mistakes: mistakes
                .into_iter()
                .map(|mistake| FieldMistake { field: mistake.field, message: mistake.message })
                .collect(),
            paths: found,
            ..Trialed::default()
        },
        Ok(connector) => {
            let missing = connector.secrets.iter().filter(|name| !secrets.contains(name)).cloned();
            let hidden = hidden(&connector.secrets);
            Trialed {
                mistakes: Vec::new(),
                trigger: Some(triggered(&connector, &payload, &hidden)),
                steps: connector.shown(&payload, &lookup),
                missing_secrets: missing.collect(),
                paths: found,
            }
        }
    })
}

/// Try a connector out on a payload: every step is shown, nobody is asked and nothing is kept.
#[utoipa::path(post, path = "/api/v1/objects/{object}/records/{id}/test", tag = "connectors", params(("object" = String, Path), ("id" = String, Path)), request_body = Trial, responses((status = 200, body = Trialed), (status = 404)), security(("key" = [])))]
pub async fn test(
    State(app): State<App>,
    Admin(actor): Admin,
    Path((object, id)): Path<(String, String)>,
    JsonBody(trial): JsonBody<Trial>,
) -> Answer<Json<Trialed>> {
    tried(&app, &actor, &object, number_of(&id, "record")?, trial).await.map(Json)
}
