//! Wrong passwords are counted, by user and by address; whoever sends too many waits.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long wrong passwords are remembered.
const WINDOW: Duration = Duration::from_secs(300);
/// Names remembered at once. Beyond, what has run out is forgotten, and if nothing has, everything.
const MOST_NAMES: usize = 50_000;

/// Counts what went wrong lately.
#[derive(Debug, Default)]
pub struct Throttle {
    names: Mutex<HashMap<String, (u32, Instant)>>,
}

impl Throttle {
    /// Counts an attempt of each name before it is looked at, so that many at once count too; an error tells
    /// how long to wait where one of them has had all it may have.
    pub fn attempt(&self, limits: &[(&str, u32)]) -> Result<(), Duration> {
        let now = Instant::now();
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MOST_NAMES {
            names.retain(|_, (_, since)| now.duration_since(*since) < WINDOW);
            if names.len() >= MOST_NAMES {
                names.clear();
            }
        }
        for (name, most) in limits {
            if let Some((count, since)) = names.get(*name)
                && count >= most
                && now.duration_since(*since) < WINDOW
            {
                return Err(WINDOW.saturating_sub(now.duration_since(*since)));
            }
        }
        for (name, _) in limits {
            let entry = names.entry((*name).to_owned()).or_insert((0, now));
            if now.duration_since(entry.1) >= WINDOW {
                *entry = (0, now);
            }
            entry.0 += 1;
        }
        Ok(())
    }

    /// Takes an attempt back: it was right.
    pub fn succeeded(&self, limits: &[(&str, u32)]) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, _) in limits {
            if let Some((count, _)) = names.get_mut(*name) {
                *count = count.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_too_often_waits_and_others_do_not() {
        let throttle = Throttle::default();
        for _ in 0..3 {
            assert!(throttle.attempt(&[("user a", 3), ("address 1", 9)]).is_ok());
        }
        assert!(throttle.attempt(&[("user a", 3), ("address 2", 9)]).is_err());
        assert!(throttle.attempt(&[("user b", 3), ("address 1", 9)]).is_ok());
        throttle.succeeded(&[("user a", 3)]);
        assert!(throttle.attempt(&[("user a", 3)]).is_ok());
    }
}
