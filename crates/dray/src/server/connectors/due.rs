//! What is due: found and taken up, as far as there is room for it, by whichever process takes it first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dray_model::Result;
use dray_model::event::EventClaim;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::intake::number;
use super::work::{lease, work_on};
use crate::server::app::App;
use crate::server::destinations::MOST_FOR_ONE;

/// How often what is due is looked for.
const LOOK: Duration = Duration::from_secs(1);
/// The least pause between two looks, and how many times as long as the last look it is.
const REST: Duration = Duration::from_millis(20);
const RESTS: u32 = 4;
/// How often what ended long ago is forgotten, and how many events at once.
const SWEEP: Duration = Duration::from_secs(600);
const SWEPT_AT_ONCE: u64 = 10_000;
/// The longest time that an endpoint is left alone.
const MOST_REST: Duration = Duration::from_secs(10);
/// Events worked on at once, altogether and of one organization.
const MOST_AT_ONCE: usize = 64;
const MOST_OF_ORGANIZATION: usize = 32;

/// What is under way in this process.
#[derive(Debug, Default)]
struct UnderWay {
    /// Organization and endpoint → events.
    each: Mutex<HashMap<(String, String), usize>>,
    /// Organization and endpoint → until when nothing of it can be done.
    resting: Mutex<HashMap<(String, String), Instant>>,
    /// There was more that was due than could be taken up.
    leaves_some: AtomicBool,
}

impl UnderWay {
    fn each(&self) -> MutexGuard<'_, HashMap<(String, String), usize>> {
        self.each.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Endpoints of an organization that have enough to do, or can do nothing.
    fn busy(&self, organization: &str) -> Vec<String> {
        let each = self.each();
        let busy = each.iter().filter(|(_, count)| **count >= MOST_FOR_ONE).map(|(whose, _)| whose);
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, until| Instant::now() < *until);
        let own = busy.chain(resting.keys()).filter(|(whose, _)| whose == organization);
        own.map(|(_, endpoint)| endpoint.clone()).collect()
    }

    /// Leaves what waits at an endpoint alone for a while.
    fn rest(&self, whose: (String, String), pause: Duration) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.insert(whose, Instant::now() + pause.min(MOST_REST));
    }

    /// Events of an organization.
    fn count(&self, organization: &str) -> usize {
        self.each().iter().filter(|((whose, _), _)| whose == organization).map(|(_, count)| count).sum()
    }

    fn begin(&self, whose: (String, String)) {
        *self.each().entry(whose).or_default() += 1;
    }

    fn end(&self, whose: &(String, String)) {
        let mut each = self.each();
        if let Some(count) = each.get_mut(whose) {
            *count -= 1;
            if *count == 0 {
                each.remove(whose);
            }
        }
    }
}

/// Works until the process is asked to end, and then waits for what is under way.
pub async fn run(app: App) {
    let all = Arc::new(Semaphore::new(MOST_AT_ONCE));
    let under_way = Arc::new(UnderWay::default());
    let mut swept: Option<Instant> = None;
    while !app.is_stopping() {
        let must_sweep = swept.is_none_or(|last| last.elapsed() >= SWEEP);
        if must_sweep {
            swept = Some(Instant::now());
        }
        let begun = Instant::now();
        for organization in app.organizations().await {
            if app.is_stopping() {
                break;
            }
            if let Err(error) = look(&app, &all, &under_way, &organization).await {
                tracing::warn!(%error, %organization, "events that are due cannot be looked for");
            }
            if must_sweep && let Err(error) = sweep(&app, &organization).await {
                tracing::warn!(%error, %organization, "old events could not be swept away");
            }
        }
        // What waits for those who are busy is looked at every time: the more of it, the less often.
        tokio::time::sleep((begun.elapsed() * RESTS).clamp(REST, LOOK)).await;
        let _ = tokio::time::timeout(LOOK, app.event_desk().news.notified()).await;
    }
    let _ = all.acquire_many(MOST_AT_ONCE as u32).await;
}

/// Forgets what ended long ago.
async fn sweep(app: &App, organization: &str) -> Result<()> {
    let kept = i64::try_from(app.settings().keep_events.as_micros()).unwrap_or(i64::MAX);
    loop {
        let swept = app
            .run(organization, move |session| {
                let before = session.time()?.saturating_sub(kept).max(0);
                session.delete_events_before(&number(before, 0), SWEPT_AT_ONCE)
            })
            .await?;
        if swept < SWEPT_AT_ONCE || app.is_stopping() {
            return Ok(());
        }
    }
}

/// Takes up what is due, as far as there is room for it.
async fn look(app: &App, all: &Arc<Semaphore>, under_way: &Arc<UnderWay>, organization: &str) -> Result<()> {
    loop {
        let without = under_way.busy(organization);
        let is_busy = !without.is_empty();
        let mut permits: Vec<OwnedSemaphorePermit> = Vec::new();
        let own = under_way.count(organization);
        while own + permits.len() < MOST_OF_ORGANIZATION
            && let Ok(permit) = Arc::clone(all).try_acquire_owned()
        {
            permits.push(permit);
        }
        let room = permits.len() as u64;
        if room == 0 {
            under_way.leaves_some.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let lease = lease(app);
        let claimed = app
            .run(organization, move |session| {
                let now = session.time()?;
                let each = MOST_FOR_ONE as u64;
                session.claim_events(&EventClaim {
                    without,
                    each,
                    limit: room,
                    now,
                    lease_until: now + lease,
                })
            })
            .await?;
        let mut each: HashMap<&str, usize> = HashMap::new();
        for event in &claimed {
            *each.entry(&event.endpoint).or_default() += 1;
        }
        if is_busy || claimed.len() as u64 == room || each.values().any(|count| *count >= MOST_FOR_ONE) {
            under_way.leaves_some.store(true, Ordering::Relaxed);
        }
        if claimed.is_empty() {
            return Ok(());
        }
        for (event, permit) in claimed.into_iter().zip(permits) {
            let whose = (organization.to_owned(), event.endpoint.clone());
            under_way.begin(whose.clone());
            let (app, under_way) = (app.clone(), Arc::clone(under_way));
            tokio::spawn(async move {
                let rest = work_on(&app, &whose.0, event).await;
                drop(permit);
                under_way.end(&whose);
                if let Some(pause) = rest {
                    under_way.rest(whose, pause);
                }
                if under_way.leaves_some.swap(false, Ordering::Relaxed) {
                    app.event_desk().news.notify_one();
                }
            });
        }
    }
}
