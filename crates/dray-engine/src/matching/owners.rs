//! Who has which key, within one batch.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::decisions::Target;

/// Who owns a key.
pub(super) enum Owner {
    Nobody,
    One(Target),
    Several(Target),
}

/// Which records have which keys, within one batch.
#[derive(Debug, Default)]
pub(super) struct Owners<'k> {
    by_key: HashMap<(usize, &'k str), Vec<Target>, RandomState>,
    /// Hashes of the keys and records of rows that wait.
    pub(super) waiting: HashSet<u64, RandomState>,
}

impl<'k> Owners<'k> {
    pub(super) fn add(&mut self, space: usize, text: &'k str, target: Target) {
        let owners = self.by_key.entry((space, text)).or_default();
        if !owners.contains(&target) {
            owners.push(target);
        }
    }

    pub(super) fn of(&self, space: usize, text: &'k str) -> &[Target] {
        self.by_key.get(&(space, text)).map_or(&[], Vec::as_slice)
    }
}
