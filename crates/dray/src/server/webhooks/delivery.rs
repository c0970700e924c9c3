//! What is to be told to one endpoint, and every attempt at it. Beside each delivery that waits lies a small
//! document under the time it is due, so that what is due is found without looking at what is not; the delivery
//! says which of these counts.

use dray_model::Result;
use dray_model::catalog::Session;
use serde::{Deserialize, Serialize};

use super::{parse, together, write};

const KIND: &str = "webhook_delivery";
/// When a delivery is due: the time, then the delivery's key.
const DUE: &str = "webhook_due";
/// Digits of a time in a key.
pub(super) const TIME_DIGITS: usize = 16;
/// How long whoever sends has an attempt for itself, in microseconds: longer than any attempt takes.
const LEASE: i64 = 120 * 1_000_000;
/// How long deliveries are kept after their last change, in microseconds.
const KEPT: i64 = 30 * 24 * 3600 * 1_000_000;
/// Attempts that are told; the first of them go where there are more.
const MOST_TOLD: usize = 50;

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// It will be tried, or tried again.
    Pending,
    /// It arrived.
    Delivered,
    /// It is not tried again unless somebody asks for it.
    Failed,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began, microseconds since the epoch.
    pub at: i64,
    /// How it was answered.
    pub status: Option<u16>,
    /// How long that took.
    pub milliseconds: u64,
    /// The begin of the answer.
    pub answer: String,
    /// Why there was none.
    pub error: Option<String>,
}

/// Something to be told to one endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    /// Its name among the deliveries of its endpoint; the newest comes first in the order of names.
    pub id: String,
    /// The message's number, the same however often it is sent.
    pub message: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// Where to, when the endpoint does not say it.
    pub url: Option<String>,
    /// What has happened.
    pub event: String,
    /// To which job.
    pub job: Option<i64>,
    /// What is sent.
    pub body: String,
    /// How far it is.
    pub status: DeliveryStatus,
    /// What was tried, the oldest first.
    pub attempts: Vec<Attempt>,
    /// Attempts since it was asked for.
    pub tries: usize,
    /// When it is tried next, or counts as broken off; microseconds since the epoch.
    pub due_at: Option<i64>,
    /// Since when an attempt is under way.
    #[serde(default)]
    pub begun_at: Option<i64>,
    /// When it happened.
    pub created_at: i64,
}

/// Something that has happened, to be told to one endpoint.
#[derive(Debug, Clone)]
pub struct News<'a> {
    /// The message's number.
    pub message: &'a str,
    /// The endpoint's id.
    pub endpoint: &'a str,
    /// Where to, when the endpoint does not say it.
    pub url: Option<&'a str>,
    /// What has happened.
    pub event: &'a str,
    /// To which job.
    pub job: Option<i64>,
    /// What is sent.
    pub body: &'a str,
}

impl Delivery {
    fn key(&self) -> String {
        format!("{}{}", self.endpoint, self.id)
    }
}

/// When what becomes of an attempt is written down.
#[derive(Debug)]
pub enum Next {
    /// It arrived.
    Delivered,
    /// It is tried again after so many microseconds.
    After(i64),
    /// It is not tried again.
    Failed,
}

/// Keeps something that is to be told; it is due at once. Within the transaction in which it happens.
pub fn keep(session: &mut dyn Session, news: &News<'_>) -> Result<Delivery> {
    let now = session.time()?;
    let newest_first = u64::try_from(i64::MAX - now).unwrap_or(0);
    let delivery = Delivery {
        id: format!("{newest_first:016x}{:08x}", rand::random::<u32>()),
        message: news.message.to_owned(),
        endpoint: news.endpoint.to_owned(),
        url: news.url.map(str::to_owned),
        event: news.event.to_owned(),
        job: news.job,
        body: news.body.to_owned(),
        status: DeliveryStatus::Pending,
        attempts: Vec::new(),
        tries: 0,
        due_at: Some(now),
        begun_at: None,
        created_at: now,
    };
    session.create_document(KIND, &delivery.key(), &write(&delivery)?, now)?;
    session.create_document(DUE, &due_key(now, &delivery.key()), "{}", now)?;
    Ok(delivery)
}

fn due_key(due: i64, key: &str) -> String {
    format!("{due:0TIME_DIGITS$}{key}")
}

/// Deliveries of an endpoint, the newest first, from the first after `after`.
pub fn list(session: &mut dyn Session, endpoint: &str, after: &str, limit: u64) -> Result<Vec<Delivery>> {
    let found = session.list_documents(KIND, &format!("{endpoint}{after}"), limit)?;
    let own = found.iter().take_while(|document| document.key.starts_with(endpoint));
    own.map(|document| parse(&document.body)).collect()
}

/// One delivery.
pub fn find(session: &mut dyn Session, endpoint: &str, id: &str) -> Result<Option<Delivery>> {
    let found = session.find_document(KIND, &format!("{endpoint}{id}"))?;
    found.map(|document| parse(&document.body)).transpose()
}

/// What is due now: names in the order in which it became due, from the first after `after`.
pub fn due(session: &mut dyn Session, after: &str, limit: u64) -> Result<Vec<String>> {
    let until = due_key(session.time()?, "~");
    let found = session.list_documents(DUE, after, limit)?;
    Ok(found.into_iter().map(|document| document.key).take_while(|key| *key < until).collect())
}

/// Takes what is due for one attempt; `None` where another process has it, or nothing is to be done.
pub fn claim(session: &mut dyn Session, due: &str) -> Result<Option<(Delivery, i64)>> {
    let (Some(time), Some(key)) = (due.get(..TIME_DIGITS), due.get(TIME_DIGITS..)) else {
        session.delete_document(DUE, due)?;
        return Ok(None);
    };
    let time: Option<i64> = time.parse().ok();
    together(session, |session| {
        let Some(found) = session.find_document(KIND, key)? else {
            session.delete_document(DUE, due)?;
            return Ok(None);
        };
        let mut delivery: Delivery = parse(&found.body)?;
        if delivery.status != DeliveryStatus::Pending || delivery.due_at != time {
            session.delete_document(DUE, due)?;
            return Ok(None);
        }
        let now = session.time()?;
        if let Some(at) = delivery.begun_at.take() {
            let error = Some("the process that sent it ended before an answer came".to_owned());
            log(&mut delivery, Attempt { at, status: None, milliseconds: 0, answer: String::new(), error });
        }
        delivery.tries += 1;
        delivery.begun_at = Some(now);
        delivery.due_at = Some(now + LEASE);
        if !session.replace_document(KIND, key, found.version, &write(&delivery)?, now)? {
            return Ok(None);
        }
        session.delete_document(DUE, due)?;
        session.create_document(DUE, &due_key(now + LEASE, key), "{}", now)?;
        Ok(Some((delivery, found.version + 1)))
    })
}

/// Writes down what became of an attempt; where it took so long that another took it up, that one counts.
pub fn settle(
    session: &mut dyn Session,
    (mut delivery, version): (Delivery, i64),
    attempt: Option<Attempt>,
    next: &Next,
) -> Result<()> {
    together(session, |session| {
        let now = session.time()?;
        let held = delivery.due_at.take();
        delivery.begun_at = None;
        if let Some(attempt) = attempt {
            log(&mut delivery, attempt);
        }
        delivery.status = match next {
            Next::Delivered => DeliveryStatus::Delivered,
            Next::Failed => DeliveryStatus::Failed,
            Next::After(_) => DeliveryStatus::Pending,
        };
        if let Next::After(pause) = next {
            delivery.due_at = Some(now + pause);
        }
        let key = delivery.key();
        if !session.replace_document(KIND, &key, version, &write(&delivery)?, now)? {
            return Ok(());
        }
        if let Some(held) = held {
            session.delete_document(DUE, &due_key(held, &key))?;
        }
        if let Some(due) = delivery.due_at {
            session.create_document(DUE, &due_key(due, &key), "{}", now)?;
        }
        Ok(())
    })
}

/// Sends a delivery again that has ended; `None` where there is none, the delivery as it is where it has not.
pub fn replay(session: &mut dyn Session, endpoint: &str, id: &str) -> Result<Option<Delivery>> {
    let key = format!("{endpoint}{id}");
    together(session, |session| {
        let Some(found) = session.find_document(KIND, &key)? else { return Ok(None) };
        let mut delivery: Delivery = parse(&found.body)?;
        if delivery.status == DeliveryStatus::Pending {
            return Ok(Some(delivery));
        }
        let now = session.time()?;
        delivery.status = DeliveryStatus::Pending;
        delivery.tries = 0;
        delivery.due_at = Some(now);
        if session.replace_document(KIND, &key, found.version, &write(&delivery)?, now)? {
            session.create_document(DUE, &due_key(now, &key), "{}", now)?;
        }
        Ok(Some(delivery))
    })
}

/// Forgets what was settled long ago.
pub fn sweep(session: &mut dyn Session) -> Result<u64> {
    let before = session.time()? - KEPT;
    session.delete_documents_before(KIND, before)
}

fn log(delivery: &mut Delivery, attempt: Attempt) {
    if delivery.attempts.len() >= MOST_TOLD {
        delivery.attempts.remove(0);
    }
    delivery.attempts.push(attempt);
}
