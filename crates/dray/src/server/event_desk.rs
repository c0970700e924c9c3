//! What a process has to do with events: connectors it knows for a moment, events on their way into the store, what
//! became of them on its way there, and whom it asks.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dray_model::Result;
use dray_model::catalog::Session;
use dray_model::event::Event;
use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::batches::Batches;
use super::believed::Believed;
use super::destinations::Destinations;
use super::directory;
use super::endpoints::Endpoint;
use super::known_connectors::KnownConnector;
use super::secret::Secret;
use super::sessions::Sessions;

/// What a plan must have, that connectors work.
const FEATURE: &str = "connectors";
/// Bytes of events that are in memory at once, as they wait to be written down.
const ARRIVING_BYTES: usize = 64 << 20;

/// What a process has to do with events.
pub struct EventDesk {
    /// Tells whoever works on events that there are new ones.
    pub news: Notify,
    /// Whom connectors ask.
    pub destinations: Destinations,
    /// Events that have come.
    pub arriving: Batches<Event, String>,
    /// Events of which something is known, and what is taken up next by whoever has worked on them.
    pub settled: Batches<Settled, Option<Event>>,
    known: Believed<(String, String), Option<Arc<KnownConnector>>>,
    limiter: DefaultKeyedRateLimiter<String>,
    room: Arc<Semaphore>,
    /// Organization → true where too many events wait there.
    full: Believed<String, bool>,
}

/// An event of which something is known.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The event as it is from now on.
    pub event: Event,
    /// Where whoever worked on it has time for another of the same endpoint: what is due at this time, until when
    /// they have it.
    pub next: Option<(i64, i64)>,
}

/// Writes down what is known of events, and takes up others in the same transaction.
fn settle(session: &mut dyn Session, settled: &[Settled]) -> Result<Vec<Option<Event>>> {
    session.begin()?;
    let following = settle_all(session, settled).and_then(|following| session.commit().map(|()| following));
    if following.is_err() {
        session.rollback();
    }
    following
}

fn settle_all(session: &mut dyn Session, settled: &[Settled]) -> Result<Vec<Option<Event>>> {
    let mut wanted: HashMap<&str, u64> = HashMap::new();
    for Settled { event, next } in settled {
        session.save_event(event)?;
        *wanted.entry(&event.endpoint).or_default() += u64::from(next.is_some());
    }
    let mut taken: HashMap<&str, Vec<Event>> = HashMap::new();
    let mut following = Vec::with_capacity(settled.len());
    for Settled { event, next } in settled {
        let endpoint = event.endpoint.as_str();
        if let (Some((now, lease_until)), false) = (next, taken.contains_key(endpoint)) {
            let wanted = wanted.get(endpoint).copied().unwrap_or(0);
            taken.insert(endpoint, session.claim_events_of(endpoint, wanted, *now, *lease_until)?);
        }
        following.push(next.and_then(|_| taken.get_mut(endpoint)?.pop()));
    }
    Ok(following)
}

impl EventDesk {
    /// A desk at which one endpoint may leave so many events in a minute.
    pub fn new(events_per_minute: u32) -> Self {
        let quota = NonZeroU32::new(events_per_minute).unwrap_or(NonZeroU32::MIN);
        Self {
            news: Notify::new(),
            destinations: Destinations::default(),
            arriving: Batches::new(|session, events| session.append_events(events)),
            settled: Batches::new(settle),
            known: Believed::default(),
            limiter: RateLimiter::keyed(Quota::per_minute(quota)),
            room: Arc::new(Semaphore::new(ARRIVING_BYTES)),
            full: Believed::default(),
        }
    }

    /// The connector of an endpoint; `None` where there is none, or the plan has no connectors. What was changed is known within a second.
    pub async fn connector(
        &self,
        sessions: &Sessions,
        secret: &Secret,
        endpoint: &Endpoint,
        now: i64,
    ) -> Result<Option<Arc<KnownConnector>>> {
        let asked = (endpoint.organization.clone(), endpoint.key());
        if let Some(known) = self.known.get(&asked) {
            return Ok(known);
        }
        let since = Instant::now();
        let (secret, wanted, slug) = (secret.clone(), endpoint.clone(), endpoint.organization.clone());
        let organization =
            sessions.directory(move |store| directory::find_organization(store, &slug)).await?;
        if !organization.is_some_and(|organization| organization.plan.has(FEATURE)) {
            self.known.put(asked, since, None);
            return Ok(None);
        }
        let found = sessions
            .run(&endpoint.organization, move |session| {
                KnownConnector::find(session, &secret, &wanted, now).map(|found| found.map(Arc::new))
            })
            .await?;
        self.known.put(asked, since, found.clone());
        Ok(found)
    }

    /// Forgets what is believed of connectors: something about them was changed.
    pub fn forget(&self) {
        self.known.clear();
    }

    /// Counts an event of an endpoint; an error tells how long to wait.
    pub fn admit(&self, endpoint: &Endpoint) -> std::result::Result<(), Duration> {
        let whose = format!("{}/{}", endpoint.organization, endpoint.key());
        self.limiter
            .check_key(&whose)
            .map_err(|until| until.wait_time_from(governor::clock::DefaultClock::default().now()))
    }

    /// Room for an event of this size until it is written down; `None` where there is none.
    pub fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Arc::clone(&self.room).try_acquire_many_owned(bytes).ok()
    }

    /// True where `most` events of an organization wait already.
    pub async fn is_full(&self, sessions: &Sessions, organization: &str, most: u64) -> Result<bool> {
        let asked = organization.to_owned();
        if let Some(full) = self.full.get(&asked) {
            return Ok(full);
        }
        let since = Instant::now();
        // Until it is counted, it is what it was.
        self.full.put(asked.clone(), since, false);
        let waiting = sessions.run(organization, move |session| session.count_waiting_events(most)).await?;
        self.full.put(asked, since, waiting >= most);
        Ok(waiting >= most)
    }
}
