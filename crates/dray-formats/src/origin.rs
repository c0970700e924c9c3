//! Where the text that readers see stood in the source as it lies: how much of the source is used up,
//! which encoding it is in, and the bytes that are no text in it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Stands in decoded text for bytes that are no text in the source's encoding. It is never part of
/// UTF-8, so whoever checks the text finds it.
pub(crate) const UNDECODABLE: u8 = 0xFF;

/// More of these are not kept for their messages; the faults themselves are found in the text.
const KEPT_UNDECODABLE: usize = 4096;

/// Bytes of a source that are no text in its encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undecodable {
    /// Where [`UNDECODABLE`] stands for them in the decoded text.
    pub(crate) decoded_at: u64,
    /// Where they lie in the source (unpacked, where it was packed).
    pub(crate) source_at: u64,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
}

/// What is known about the way from a source to its text. Shared by those who decode and those who read.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    /// Bytes taken from the source as it lies, and bytes of text made of them; both zero where the
    /// source is read as it is.
    taken: AtomicU64,
    made: AtomicU64,
    /// The largest number ever told, because progress does not go back.
    told: AtomicU64,
    encoding: OnceLock<&'static str>,
    undecodable: Mutex<VecDeque<Undecodable>>,
}

impl Origin {
    /// More bytes were taken from the source.
    pub(crate) fn add_taken(&self, count: u64) {
        self.taken.fetch_add(count, Ordering::Relaxed);
    }

    /// Bytes taken from the source so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// More bytes of text were made.
    pub(crate) fn add_made(&self, count: u64) {
        self.made.fetch_add(count, Ordering::Relaxed);
    }

    /// How much of the source the first `offset` bytes of its text are. The decoder runs ahead of the
    /// reader, so where it is in between is reckoned by proportion.
    pub(crate) fn bytes_read(&self, offset: u64) -> u64 {
        let (taken, made) = (self.taken(), self.made.load(Ordering::Relaxed));
        if made == 0 {
            // What was unpacked whole within the first look is read whole when its text is.
            return if taken == 0 { offset } else { offset.min(taken) };
        }
        let share = u128::from(taken) * u128::from(offset.min(made)) / u128::from(made);
        let share = u64::try_from(share).unwrap_or(taken);
        self.told.fetch_max(share, Ordering::Relaxed).max(share)
    }

    /// Says which encoding the source is in, once that is certain.
    pub(crate) fn set_encoding(&self, name: &'static str) {
        let _ = self.encoding.set(name);
    }

    /// The encoding's name, once it is certain.
    pub(crate) fn encoding(&self) -> Option<&'static str> {
        self.encoding.get().copied()
    }

    /// Keeps what is needed to tell about bytes that are no text.
    pub(crate) fn add_undecodable(&self, found: Undecodable) {
        let mut kept = self.lock_undecodable();
        if kept.len() < KEPT_UNDECODABLE {
            kept.push_back(found);
        }
    }

    /// What [`UNDECODABLE`] stands for at this place of the text. Asked in rising order: what stands
    /// before is forgotten.
    pub(crate) fn undecodable_at(&self, decoded_at: u64) -> Option<Undecodable> {
        let mut kept = self.lock_undecodable();
        while kept.front().is_some_and(|first| first.decoded_at < decoded_at) {
            kept.pop_front();
        }
        kept.front().filter(|first| first.decoded_at == decoded_at).cloned()
    }

    fn lock_undecodable(&self) -> MutexGuard<'_, VecDeque<Undecodable>> {
        self.undecodable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
