//! Sends what is due. Every process looks; who claims an attempt sends it, so that no two send the same.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dray_model::Result;
use dray_model::catalog::Session;
use rand::RngExt;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::delivery::{self, Attempt, Delivery, Next};
use super::endpoint::{self, Endpoint, JOBS};
use crate::clock;
use crate::outbound::client::{Call, Limits};
use crate::server::app::App;
use crate::server::signature::sign;

/// How often what is due is looked for.
const LOOK: Duration = Duration::from_secs(1);
/// How often what was settled long ago is forgotten.
const SWEEP: Duration = Duration::from_secs(3600);
/// Attempts under way at once, altogether and for one endpoint.
const MOST_AT_ONCE: usize = 32;
const MOST_FOR_ONE: usize = 4;
/// Documents looked at in one step.
const PAGE: u64 = 200;
/// Bytes of an answer that are kept, and that may come.
const KEPT_BYTES: usize = 500;
const ANSWER_BYTES: u64 = 64 << 10;
/// The longest pause that an endpoint may ask for.
const MOST_PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// An attempt whose outcome the store would not take is written down again after this time.
const PAUSE: Duration = Duration::from_millis(500);
const MOST_SETTLES: usize = 5;

/// What is under way.
struct Slots {
    all: Arc<Semaphore>,
    /// Organization and endpoint → attempts.
    each: Mutex<HashMap<(String, String), usize>>,
    /// Somebody had no leave and waits for an attempt to end.
    someone_waits: AtomicBool,
}

/// Leave for one attempt; it ends when dropped.
struct Slot {
    slots: Arc<Slots>,
    whose: (String, String),
    _permit: OwnedSemaphorePermit,
}

impl Slots {
    fn take(slots: &Arc<Self>, whose: (String, String), permit: OwnedSemaphorePermit) -> Option<Slot> {
        let mut each = slots.each.lock().unwrap_or_else(PoisonError::into_inner);
        let count = each.entry(whose.clone()).or_insert(0);
        if *count >= MOST_FOR_ONE {
            slots.someone_waits.store(true, Ordering::Relaxed);
            return None;
        }
        *count += 1;
        Some(Slot { slots: Arc::clone(slots), whose, _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut each = self.slots.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = each.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                each.remove(&self.whose);
            }
        }
    }
}

/// Sends until the process is asked to end, and then waits for what is under way.
pub async fn run(app: App) {
    let slots = Arc::new(Slots {
        all: Arc::new(Semaphore::new(MOST_AT_ONCE)),
        each: Mutex::default(),
        someone_waits: AtomicBool::new(false),
    });
    let mut swept: Option<Instant> = None;
    while !app.is_stopping() {
        let must_sweep = swept.is_none_or(|last| last.elapsed() >= SWEEP);
        if must_sweep {
            swept = Some(Instant::now());
        }
        for organization in app.organizations().await {
            if app.is_stopping() {
                break;
            }
            if let Err(error) = look(&app, &slots, &organization).await {
                tracing::warn!(%error, %organization, "webhooks that are due cannot be looked for");
            }
            if must_sweep && let Err(error) = app.run(&organization, |session| delivery::sweep(session)).await
            {
                tracing::warn!(%error, %organization, "old deliveries of webhooks could not be swept away");
            }
        }
        let _ = tokio::time::timeout(LOOK, app.sender().notified()).await;
    }
    let _ = slots.all.acquire_many(MOST_AT_ONCE as u32).await;
}

/// Begins what is due, as far as there is leave for it.
async fn look(app: &App, slots: &Arc<Slots>, organization: &str) -> Result<()> {
    let mut after = String::new();
    loop {
        let from = after.clone();
        let due = app.run(organization, move |session| delivery::due(session, &from, PAGE)).await?;
        let Some(last) = due.last() else { return Ok(()) };
        after = last.clone();
        for name in due {
            if app.is_stopping() {
                return Ok(());
            }
            let Ok(permit) = Arc::clone(&slots.all).acquire_owned().await else { return Ok(()) };
            let Some(slot) = Slots::take(slots, (organization.to_owned(), endpoint_of(&name)), permit) else {
                continue;
            };
            let (app, organization) = (app.clone(), organization.to_owned());
            tokio::spawn(async move {
                if let Err(error) = attempt(&app, &organization, name).await {
                    tracing::warn!(%error, %organization, "a webhook could not be sent");
                }
                let slots = Arc::clone(&slot.slots);
                drop(slot);
                if slots.someone_waits.swap(false, Ordering::Relaxed) {
                    app.sender().notify_one();
                }
            });
        }
    }
}

/// Whom something that is due is for: it stands between the time and the delivery's own name.
fn endpoint_of(due: &str) -> String {
    let letters: Vec<char> = due.chars().skip(delivery::TIME_DIGITS).collect();
    letters.iter().take(letters.len().saturating_sub(24)).collect()
}

/// What is needed for an attempt.
struct Taken {
    delivery: Delivery,
    version: i64,
    endpoint: Endpoint,
    secrets: Vec<String>,
    now: i64,
}

/// One attempt, from the claim to what became of it.
async fn attempt(app: &App, organization: &str, due: String) -> Result<()> {
    let (ours, slug) = (app.clone(), organization.to_owned());
    let taken = app.run(organization, move |session| take(&ours, session, &slug, &due)).await?;
    let Some(taken) = taken else { return Ok(()) };
    let begun = Instant::now();
    let (mut attempt, wanted_pause) = send(app, &taken).await;
    attempt.milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let word = match attempt.status {
        Some(status) => status.to_string(),
        None => "none".to_owned(),
    };
    metrics::counter!("dray_webhook_attempts_total", "status" => word).increment(1);
    let is_gone = attempt.status == Some(410);
    let next = match attempt.status {
        Some(200..=299) => Next::Delivered,
        _ if is_gone => Next::Failed,
        _ => next_try(app, taken.delivery.tries, wanted_pause),
    };
    let (delivery, version, endpoint) = (taken.delivery, taken.version, taken.endpoint.id);
    tracing::info!(
        %organization, webhook = %endpoint, message = %delivery.message, status = attempt.status,
        tries = delivery.tries, ?next, "a webhook was sent"
    );
    if is_gone && endpoint != JOBS {
        let settled = app.run(organization, move |session| {
            endpoint::change(session, &endpoint, clock::now(), |endpoint| {
                endpoint.disabled_at = endpoint.disabled_at.or(Some(clock::now()));
                endpoint.disabled_because =
                    Some("it answered 410: nobody wants to be told there any more".to_owned());
            })
        });
        settled.await?;
    }
    let next = Arc::new(next);
    for _ in 0..MOST_SETTLES {
        let (delivery, attempt, next) = (delivery.clone(), attempt.clone(), Arc::clone(&next));
        let settled = app.run(organization, move |session| {
            delivery::settle(session, (delivery, version), Some(attempt), &next)
        });
        match settled.await {
            Ok(()) => return Ok(()),
            Err(error) => tracing::warn!(%error, "what became of a webhook could not be written down"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Claims what is due, with everything that is needed to send it.
fn take(app: &App, session: &mut dyn Session, organization: &str, due: &str) -> Result<Option<Taken>> {
    let Some((delivery, version)) = delivery::claim(session, due)? else { return Ok(None) };
    let ended = |why: &str| Attempt {
        at: clock::now(),
        status: None,
        milliseconds: 0,
        answer: String::new(),
        error: Some(why.to_owned()),
    };
    let endpoint = endpoint::find(session, &delivery.endpoint)?;
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.disabled_at.is_none()) else {
        let attempt = ended("not sent: the webhook is disabled or deleted");
        delivery::settle(session, (delivery, version), Some(attempt), &Next::Failed)?;
        return Ok(None);
    };
    let now = session.time()?;
    match endpoint.secrets(app.secret(), organization, now) {
        Ok(secrets) => Ok(Some(Taken { delivery, version, endpoint, secrets, now })),
        Err(error) => {
            let next = next_try(app, delivery.tries, None);
            delivery::settle(session, (delivery, version), Some(ended(&error.message)), &next)?;
            Ok(None)
        }
    }
}

/// When an attempt that failed is followed by another: each pause is longer than the one before, and no two
/// are alike.
fn next_try(app: &App, tries: usize, wanted: Option<Duration>) -> Next {
    let Some(pause) = app.settings().webhook_pauses.get(tries.saturating_sub(1)) else { return Next::Failed };
    let pause = pause.mul_f64(rand::rng().random_range(1.0..1.2));
    let pause = pause.max(wanted.unwrap_or_default().min(MOST_PATIENCE));
    Next::After(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX / 2))
}

/// Sends; returns how it was answered, and the pause the other asks for.
async fn send(app: &App, taken: &Taken) -> (Attempt, Option<Duration>) {
    let Taken { delivery, endpoint, secrets, now, .. } = taken;
    let mut attempt = Attempt { at: *now, status: None, milliseconds: 0, answer: String::new(), error: None };
    let time = app.settings().webhook_time;
    let seconds = now.div_euclid(1_000_000);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [
        ("webhook-id", delivery.message.clone()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", sign(secrets, &delivery.message, seconds, &delivery.body)),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    let url = match app.outbound().address(delivery.url.as_deref().unwrap_or(&endpoint.url)) {
        Ok(url) => url,
        Err(fault) => {
            attempt.error = Some(fault.to_string());
            return (attempt, None);
        }
    };
    let limits = Limits { answer: time, idle: time, whole: time, bytes: ANSWER_BYTES, redirects: 0 };
    let body = Some(delivery.body.clone().into());
    match app.outbound().send(Call { method: Method::POST, url, headers, body, limits }).await {
        Ok(reply) => {
            let status = reply.status();
            attempt.status = Some(status.as_u16());
            if status.is_redirection() {
                attempt.error = Some("a webhook is not sent on to where an answer leads".to_owned());
            }
            let wanted = reply.retry_after();
            attempt.answer = String::from_utf8_lossy(&reply.beginning(KEPT_BYTES).await).into_owned();
            (attempt, wanted)
        }
        Err(fault) => {
            attempt.error = Some(fault.to_string());
            (attempt, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_it_is_for_is_read_from_its_name() {
        let name = format!("{:016}{}{}", 1_700_000_000_000_000_i64, "wh_0123456789abcdef", "f".repeat(24));
        assert_eq!(endpoint_of(&name), "wh_0123456789abcdef");
        assert_eq!(endpoint_of("short"), "");
    }
}
