//! What was found in the store, believed for a moment.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long something is believed: a revoked key is refused everywhere within this time.
const BELIEVED: Duration = Duration::from_millis(900);
/// Remembered at once; beyond, the memory is begun anew.
const MOST_REMEMBERED: usize = 10_000;

/// What was found, by what was looked for.
#[derive(Debug)]
pub struct Believed<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Believed<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Believed<K, V> {
    /// What was found a moment ago.
    pub fn get(&self, key: &K) -> Option<V> {
        let known = self.known();
        known.get(key).filter(|(since, _)| since.elapsed() < BELIEVED).map(|(_, value)| value.clone())
    }

    /// Believes what was asked for at a time.
    pub fn put(&self, key: K, since: Instant, value: V) {
        let mut known = self.known();
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(key, (since, value));
    }

    /// Believes nothing any more.
    pub fn clear(&self) {
        self.known().clear();
    }

    fn known(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
