//! Whom connectors ask: how many requests one destination gets at once, and a pause for one that fails again and
//! again, after which a single request tries whether it is well.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests to one destination at once.
pub const MOST_FOR_ONE: usize = 8;
/// Failures in a row after which a destination gets a pause.
const FAILURES: u32 = 5;
/// The first pause, and the longest: each is twice the one before.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(300)];

/// What is known of one destination.
#[derive(Debug, Default)]
struct State {
    running: usize,
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
    /// Nothing before others have ended.
    Full,
    /// Nothing before this time is over.
    Paused(Duration),
}

/// Leave for one request. Dropped without a word, it tells nothing about the destination.
#[derive(Debug)]
pub struct Leave {
    destinations: Destinations,
    whose: (String, String),
    was_well: Option<bool>,
}

impl Destinations {
    /// Asks for leave.
    pub fn enter(&self, organization: &str, origin: &str) -> Entry {
        let whose = (organization.to_owned(), origin.to_owned());
        let mut known = self.known();
        let state = known.entry(whose.clone()).or_default();
        if let Some(until) = state.paused_until {
            let rest = until.saturating_duration_since(Instant::now());
            if !rest.is_zero() {
                return Entry::Paused(rest);
            }
            if state.is_tried {
                return Entry::Full;
            }
            state.is_tried = true;
        } else if state.running >= MOST_FOR_ONE {
            return Entry::Full;
        }
        state.running += 1;
        drop(known);
        Entry::Leave(Leave { destinations: self.clone(), whose, was_well: None })
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(String, String), State>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut known = self.destinations.known();
        let Some(state) = known.get_mut(&self.whose) else { return };
        state.running = state.running.saturating_sub(1);
        state.is_tried = false;
        match self.was_well {
            Some(true) => (state.failures, state.paused_until) = (0, None),
            Some(false) => {
                state.failures = state.failures.saturating_add(1);
                if state.failures >= FAILURES {
                    let [first, longest] = PAUSES;
                    let doubled = 2_u32.saturating_pow((state.failures - FAILURES).min(16));
                    state.paused_until = Some(Instant::now() + first.saturating_mul(doubled).min(longest));
                }
            }
            None => {}
        }
        if state.running == 0 && state.failures == 0 {
            known.remove(&self.whose);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leave(destinations: &Destinations, organization: &str) -> Leave {
        match destinations.enter(organization, "https://a.example") {
            Entry::Leave(leave) => leave,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_destination_gets_so_many_at_once() {
        let destinations = Destinations::default();
        let mut held: Vec<Leave> = (0..MOST_FOR_ONE).map(|_| leave(&destinations, "default")).collect();
        assert!(matches!(destinations.enter("default", "https://a.example"), Entry::Full));
        assert!(matches!(destinations.enter("default", "https://b.example"), Entry::Leave(_)));
        assert!(matches!(destinations.enter("other", "https://a.example"), Entry::Leave(_)));
        held.pop();
        held.push(leave(&destinations, "default"));
        drop(held);
        assert!(destinations.known().is_empty());
    }

    #[test]
    fn one_that_fails_again_and_again_gets_a_pause_and_is_tried_by_one() {
        let destinations = Destinations::default();
        for _ in 0..FAILURES - 1 {
            leave(&destinations, "default").end(false);
        }
        leave(&destinations, "default").end(true);
        for _ in 0..FAILURES {
            leave(&destinations, "default").end(false);
        }
        let Entry::Paused(rest) = destinations.enter("default", "https://a.example") else {
            panic!("no pause")
        };
        assert!(rest <= PAUSES[0] && !rest.is_zero());
        assert!(matches!(destinations.enter("other", "https://a.example"), Entry::Leave(_)));
        for state in destinations.known().values_mut() {
            state.paused_until = Some(Instant::now());
        }
        let trial = leave(&destinations, "default");
        assert!(matches!(destinations.enter("default", "https://a.example"), Entry::Full));
        trial.end(false);
        let Entry::Paused(longer) = destinations.enter("default", "https://a.example") else {
            panic!("no pause")
        };
        assert!(longer > PAUSES[0]);
        for state in destinations.known().values_mut() {
            state.paused_until = Some(Instant::now());
        }
        leave(&destinations, "default").end(true);
        assert!(destinations.known().is_empty());
    }
}
