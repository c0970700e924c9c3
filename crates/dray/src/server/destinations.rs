//! Whom connectors ask: how many requests one destination gets at once, and a pause for one that fails again and
//! again, after which a single request tries whether it is well.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests to one destination at once.
pub const MOST_FOR_ONE: usize = 8;
/// Failures in a row after which a destination gets a pause.
const FAILURES: u32 = 5;
/// The first pause, and the longest: each is twice the one before.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(300)];

/// How long somebody else waits for the one request that tries whether a destination is well again.
const TRIAL: Duration = Duration::from_secs(1);

/// What is known of one destination.
#[derive(Debug)]
struct State {
    slots: Arc<Semaphore>,
    /// Who asks or has leave.
    users: usize,
    /// In a row.
    failures: u32,
    /// Until when nothing is sent.
    paused_until: Option<Instant>,
    /// One request tries whether it is well again.
    is_tried: bool,
}

/// All destinations of this process: the organization and the origin of the address.
#[derive(Debug, Clone, Default)]
pub struct Destinations {
    known: Arc<Mutex<HashMap<(String, String), State>>>,
}

/// What a destination may get.
#[derive(Debug)]
pub enum Entry {
    /// A request.
    Leave(Leave),
    /// Nothing yet: others still have leave, though somebody was patient.
    Full,
    /// Nothing before this time is over.
    Paused(Duration),
}

/// Leave for one request. Dropped without a word, it tells nothing about the destination.
#[derive(Debug)]
pub struct Leave {
    user: User,
    _slot: OwnedSemaphorePermit,
    was_well: Option<bool>,
}

/// Somebody who asks for leave or has it.
#[derive(Debug)]
struct User {
    destinations: Destinations,
    whose: (String, String),
}

impl Destinations {
    /// Asks for leave at a destination that gets `most` at once, and waits for it as long as somebody is patient.
    pub async fn enter(&self, organization: &str, origin: &str, most: usize, patience: Duration) -> Entry {
        let (user, slots) = self.user(organization, origin, most);
        if let Some(rest) = user.paused() {
            return Entry::Paused(rest);
        }
        let Ok(Ok(slot)) = tokio::time::timeout(patience, slots.acquire_owned()).await else {
            return Entry::Full;
        };
        // Something may have happened meanwhile.
        match user.paused_or_tried() {
            Some(rest) => Entry::Paused(rest),
            None => Entry::Leave(Leave { user, _slot: slot, was_well: None }),
        }
    }

    fn user(&self, organization: &str, origin: &str, most: usize) -> (User, Arc<Semaphore>) {
        let whose = (organization.to_owned(), origin.to_owned());
        let mut known = self.known();
        let state = known.entry(whose.clone()).or_insert_with(|| State {
            slots: Arc::new(Semaphore::new(most)),
            users: 0,
            failures: 0,
            paused_until: None,
            is_tried: false,
        });
        state.users += 1;
        let slots = Arc::clone(&state.slots);
        drop(known);
        (User { destinations: self.clone(), whose }, slots)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(String, String), State>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl User {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.destinations.known().get_mut(&self.whose).map(change)
    }

    /// How long nothing is sent from now on; `None` where something is.
    fn paused(&self) -> Option<Duration> {
        self.change(|state| {
            let rest = state.paused_until?.saturating_duration_since(Instant::now());
            match (rest.is_zero(), state.is_tried) {
                (false, _) => Some(rest),
                (true, true) => Some(TRIAL),
                (true, false) => None,
            }
        })?
    }

    /// The same; the first who asks after a pause is the one who tries.
    fn paused_or_tried(&self) -> Option<Duration> {
        let paused = self.paused();
        if paused.is_none() {
            self.change(|state| state.is_tried = state.paused_until.is_some());
        }
        paused
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut known = self.destinations.known();
        if let Some(state) = known.get_mut(&self.whose) {
            state.users = state.users.saturating_sub(1);
            if state.users == 0 && state.failures == 0 {
                known.remove(&self.whose);
            }
        }
    }
}

impl Leave {
    /// Says how the destination was: well where it answered, whatever it answered to this request.
    pub fn end(mut self, was_well: bool) {
        self.was_well = Some(was_well);
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let was_well = self.was_well;
        self.user.change(|state| {
            state.is_tried = false;
            match was_well {
                Some(true) => (state.failures, state.paused_until) = (0, None),
                Some(false) => {
                    state.failures = state.failures.saturating_add(1);
                    if state.failures >= FAILURES {
                        let [first, longest] = PAUSES;
                        let doubled = 2_u32.saturating_pow((state.failures - FAILURES).min(16));
                        state.paused_until =
                            Some(Instant::now() + first.saturating_mul(doubled).min(longest));
                    }
                }
                None => {}
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://a.example";
    const AT_ONCE: Duration = Duration::from_millis(1);

    async fn leave(destinations: &Destinations, organization: &str) -> Leave {
        match destinations.enter(organization, ORIGIN, MOST_FOR_ONE, AT_ONCE).await {
            Entry::Leave(leave) => leave,
            other => panic!("{other:?}"),
        }
    }

    async fn pause(destinations: &Destinations) -> Duration {
        match destinations.enter("default", ORIGIN, MOST_FOR_ONE, AT_ONCE).await {
            Entry::Paused(rest) => rest,
            other => panic!("{other:?}"),
        }
    }

    fn end_pauses(destinations: &Destinations) {
        for state in destinations.known().values_mut() {
            state.paused_until = Some(Instant::now());
        }
    }

    #[tokio::test]
    async fn one_destination_gets_so_many_at_once() {
        let destinations = Destinations::default();
        let mut held = Vec::new();
        for _ in 0..MOST_FOR_ONE {
            held.push(leave(&destinations, "default").await);
        }
        assert!(matches!(destinations.enter("default", ORIGIN, MOST_FOR_ONE, AT_ONCE).await, Entry::Full));
        assert!(matches!(
            destinations.enter("default", "https://b.example", 1, AT_ONCE).await,
            Entry::Leave(_)
        ));
        drop(leave(&destinations, "other").await);
        held.pop();
        held.push(leave(&destinations, "default").await);
        drop(held);
        assert!(destinations.known().is_empty());
    }

    #[tokio::test]
    async fn one_that_fails_again_and_again_gets_a_pause_and_is_tried_by_one() {
        let destinations = Destinations::default();
        for _ in 0..FAILURES - 1 {
            leave(&destinations, "default").await.end(false);
        }
        leave(&destinations, "default").await.end(true);
        for _ in 0..FAILURES {
            leave(&destinations, "default").await.end(false);
        }
        let first = pause(&destinations).await;
        assert!(first <= PAUSES[0] && !first.is_zero());
        drop(leave(&destinations, "other").await);
        end_pauses(&destinations);
        let trial = leave(&destinations, "default").await;
        assert_eq!(pause(&destinations).await, TRIAL);
        trial.end(false);
        assert!(pause(&destinations).await > PAUSES[0]);
        end_pauses(&destinations);
        leave(&destinations, "default").await.end(true);
        assert!(destinations.known().is_empty());
    }
}
