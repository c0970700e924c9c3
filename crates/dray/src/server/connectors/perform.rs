//! What a connector asks of others for an event, and the records that it writes.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use dray_engine::expression::{Json, RepeatedMember};
use serde_json::{Map, Value};

use super::log::{Attempt, RecordOutcome, Step};
use crate::operations::connectors::request::Prepared;
use crate::operations::objects::KnownObjects;
use crate::operations::quota::Quota;
use crate::operations::record::{self, Received, Written};
use crate::outbound::client::{Call, Limits, Reply};
use crate::outbound::fault::Fault;
use crate::server::app::App;
use crate::server::known_connectors::KnownConnector;

/// Bytes of an answer that are kept with the event.
const KEPT_BYTES: usize = 2_000;
/// Bytes of an answer that may come, of which only the beginning is of interest.
const ANSWER_BYTES: u64 = 64 << 10;
/// Bytes of an answer that is looked up.
const LOOKUP_BYTES: u64 = 1 << 20;
/// Problems of a record that are told.
const MOST_PROBLEMS: usize = 10;
/// How often a lookup may be led on.
const LOOKUP_REDIRECTS: usize = 3;
/// By what others know an event that they are sent again.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How a request to somebody else ended.
#[derive(Debug)]
pub enum Asked<T> {
    /// As it should.
    Done(T),
    /// It may work later; the pause that the other asks for.
    Later(Option<Duration>),
    /// It will not work.
    Never,
}

/// A request to be made for an event.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The event's number.
    pub event: &'a str,
    /// The request.
    pub request: &'a Prepared,
    /// When it begins, microseconds since the epoch.
    pub at: i64,
}

/// What came of asking somebody else.
#[derive(Debug)]
pub struct Answered<T> {
    /// For the log.
    pub attempt: Attempt,
    /// How it ended.
    pub asked: Asked<T>,
    /// True where the other is well, false where they are not; `None` where they were not asked.
    pub was_well: Option<bool>,
}

/// Asks for more than a payload says; the answer as JSON.
pub async fn look_up(app: &App, known: &KnownConnector, ask: Ask<'_>) -> Answered<Json> {
    let (mut attempt, reply) = match send(app, known, ask, Step::Lookup, LOOKUP_BYTES, LOOKUP_REDIRECTS).await
    {
        Ok(sent) => sent,
        Err(answered) => return answered,
    };
    if !reply.status().is_success() {
        return refused(known, attempt, reply).await;
    }
    let begun = Instant::now();
    let read = reply.whole().await;
    attempt.milliseconds += milliseconds(begun);
    let body = match read {
        Ok(body) => body,
        Err(fault) => return broken(known, attempt, &fault),
    };
    attempt.answer = shown(known, &body);
    let text = String::from_utf8_lossy(&body);
    let asked = match text.trim() {
        "" => Asked::Done(Json::Null),
        text => match Json::parse(text, RepeatedMember::LastCounts) {
            Ok(json) => Asked::Done(json),
            Err(why) => {
                attempt.error = Some(format!("the answer is not JSON: {why}"));
                Asked::Never
            }
        },
    };
    Answered { attempt, asked, was_well: Some(true) }
}

/// Makes the request in the end.
pub async fn send_on(app: &App, known: &KnownConnector, ask: Ask<'_>) -> Answered<()> {
    let (mut attempt, reply) = match send(app, known, ask, Step::Perform, ANSWER_BYTES, 0).await {
        Ok(sent) => sent,
        Err(answered) => return answered,
    };
    if !reply.status().is_success() {
        return refused(known, attempt, reply).await;
    }
    attempt.answer = beginning(known, reply).await;
    Answered { attempt, asked: Asked::Done(()), was_well: Some(true) }
}

async fn send<T>(
    app: &App,
    known: &KnownConnector,
    Ask { event, request, at }: Ask<'_>,
    step: Step,
    bytes: u64,
    redirects: usize,
) -> Result<(Attempt, Reply), Answered<T>> {
    let begun = Instant::now();
    let mut attempt = Attempt { at, step, status: None, milliseconds: 0, answer: String::new(), error: None };
    let mut headers = HeaderMap::new();
    if step == Step::Lookup {
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    } else if let Ok(value) = HeaderValue::from_str(event) {
        headers.insert(IDEMPOTENCY_KEY, value);
    }
    // What the connector says counts.
    for (name, _) in &request.headers {
        headers.remove(name);
    }
    for (name, value) in &request.headers {
        headers.append(name, value.clone());
    }
    let time = app.settings().webhook_time;
    let limits = Limits { answer: time, idle: time, whole: time, bytes, redirects };
    let sent = match app.outbound().address(request.url.as_str()) {
        Ok(url) => {
            let body = request.body.clone().map(Into::into);
            app.outbound().send(Call { method: request.method.clone(), url, headers, body, limits }).await
        }
        Err(fault) => Err(fault),
    };
    attempt.milliseconds = milliseconds(begun);
    match sent {
        Ok(reply) => {
            attempt.status = Some(reply.status().as_u16());
            Ok((attempt, reply))
        }
        Err(fault) => Err(broken(known, attempt, &fault)),
    }
}

/// A request that was not answered, or not to its end.
fn broken<T>(known: &KnownConnector, mut attempt: Attempt, fault: &Fault) -> Answered<T> {
    attempt.error = Some(known.without_secrets(&fault.to_string()));
    let was_well = fault.may_pass().then_some(false);
    Answered { attempt, asked: if fault.may_pass() { Asked::Later(None) } else { Asked::Never }, was_well }
}

/// A request that was answered with no: what others cannot do now they may do later, what they do not want they
/// will not want later.
async fn refused<T>(known: &KnownConnector, mut attempt: Attempt, reply: Reply) -> Answered<T> {
    let (status, wanted) = (reply.status(), reply.retry_after());
    let asked = match status.as_u16() {
        408 | 409 | 423 | 425 | 429 | 500..=599 => Asked::Later(wanted),
        300..=399 => {
            let why = "it leads to another address, where nothing is sent: change the address";
            attempt.error = Some(why.to_owned());
            Asked::Never
        }
        _ => Asked::Never,
    };
    attempt.answer = beginning(known, reply).await;
    Answered { attempt, asked, was_well: Some(!status.is_server_error()) }
}

fn milliseconds(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

async fn beginning(known: &KnownConnector, reply: Reply) -> String {
    shown(known, &reply.beginning(KEPT_BYTES).await)
}

fn shown(known: &KnownConnector, body: &[u8]) -> String {
    let text = known.without_secrets(&String::from_utf8_lossy(body));
    // No store can hold a NUL.
    text.chars().filter(|letter| *letter != '\0').take(KEPT_BYTES).collect()
}

/// A record to be written for an event.
#[derive(Debug, Clone)]
pub struct Record {
    /// Tells whether it was written before: then it is not written again.
    pub fingerprint: String,
    /// Who asks, and where it comes from, for people.
    pub actor: String,
    /// See there.
    pub source: String,
    /// The object.
    pub object: String,
    /// The fields that tell whether there is such a record.
    pub match_by: Vec<String>,
    /// Its fields.
    pub members: Map<String, Value>,
    /// False where members that are no fields are left out.
    pub chosen: bool,
}

/// Writes a record of the same organization; what became of it, or why it cannot be written.
pub async fn write(
    app: &App,
    organization: &str,
    record: Record,
    quota: Quota,
) -> (Option<RecordOutcome>, Asked<()>, Option<String>) {
    let written = app
        .run(organization, move |session| {
            let known = KnownObjects::load(session)?;
            let object = known.named(&record.object)?;
            let name = object.name().to_owned();
            let Record { fingerprint, actor, source, match_by, mut members, chosen, .. } = record;
            if !chosen {
                members.retain(|name, _| object.find_columns(name).is_some());
            }
            let received = Received { object, members, match_by, fingerprint, source, quota, actor };
            record::receive(session, &known, received).map(|(written, outcome)| (name, written, outcome))
        })
        .await;
    let (object, written, outcome) = match written {
        Ok(written) => written,
        Err(error) if error.retryable => return (None, Asked::Later(None), Some(error.message)),
        Err(error) => return (None, Asked::Never, Some(error.message)),
    };
    match written {
        Written::Done { id, import } => {
            (Some(RecordOutcome { object, id, import, outcome: outcome.to_owned() }), Asked::Done(()), None)
        }
        Written::Busy => (None, Asked::Later(None), Some(format!("an import into `{object}` is running"))),
        Written::Refused(problems) => {
            let told = problems.iter().take(MOST_PROBLEMS).map(|problem| match &problem.field {
                Some(field) => format!("`{field}`: {}", problem.message),
                None => problem.message.clone(),
            });
            let told: Vec<String> = told.collect();
            (None, Asked::Never, Some(told.join("; ")))
        }
        Written::Exceeded(exceeded) => (None, Asked::Never, Some(exceeded.message)),
        Written::Missing | Written::Outdated(_) => {
            (None, Asked::Later(None), Some("the record was changed meanwhile".to_owned()))
        }
    }
}
