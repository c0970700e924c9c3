//! The keys of a table of moderate size with the records they belong to, in memory: 16 bytes a key. Where
//! nearly every row is a record already and nothing but its number is wanted, this spares the lookups.

/// The most keys kept: 40 MB.
pub const MOST_KEYS: u64 = 2_500_000;

/// Keys by 96 bits of their hashes (two keys of one table and file sharing them is less likely than a
/// broken memory cell), and the record of each.
#[derive(Debug)]
pub struct KnownKeys {
    entries: Vec<Entry>,
    first_id: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    hash: u64,
    check: u32,
    /// The record's id, counted from the smallest id there is.
    id: u32,
}

impl KnownKeys {
    /// An empty set for records with ids from `first_id` on.
    pub fn new(first_id: i64) -> Self {
        Self { entries: Vec::new(), first_id }
    }

    /// Adds a key; false where the set cannot hold it.
    pub fn push(&mut self, (hash, check): (u64, u32), id: i64) -> bool {
        let offset = id.checked_sub(self.first_id).and_then(|offset| u32::try_from(offset).ok());
        let Some(id) = offset.filter(|_| (self.entries.len() as u64) < MOST_KEYS) else { return false };
        self.entries.push(Entry { hash, check, id });
        true
    }

    /// Makes the set ready for questions.
    pub fn finish(&mut self) {
        self.entries.sort_unstable();
        self.entries.shrink_to_fit();
    }

    /// The record of a key.
    pub fn find(&self, (hash, check): (u64, u32)) -> Option<i64> {
        let begin = self.first_with(hash);
        let equal = self.entries[begin..].iter().take_while(|entry| entry.hash == hash);
        let found = equal.into_iter().find(|entry| entry.check == check)?;
        Some(self.first_id + i64::from(found.id))
    }

    /// Where the entries of a hash begin, or would. Hashes are spread evenly, so that this is close to
    /// where the hash itself says: within a few square roots of the number of entries.
    fn first_with(&self, hash: u64) -> usize {
        let length = self.entries.len();
        let guess = ((u128::from(hash) * length as u128) >> 64) as usize;
        let reach = 4 * length.isqrt() + 1;
        let (begin, end) = (guess.saturating_sub(reach), (guess + reach).min(length));
        let is_before = |entry: &Entry| entry.hash < hash;
        let within = begin + self.entries[begin..end].partition_point(is_before);
        let certain = (within > begin || begin == 0) && (within < end || end == length);
        if certain { within } else { self.entries.partition_point(is_before) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::keys::KeyHasher;

    #[test]
    fn every_key_is_found_and_no_other() {
        let hasher = KeyHasher::default();
        let mut known = KnownKeys::new(100);
        for id in 0..20_000 {
            assert!(known.push(hasher.hashes(1, &id.to_string()), 100 + id));
        }
        known.finish();
        for id in 0..20_000 {
            assert_eq!(known.find(hasher.hashes(1, &id.to_string())), Some(100 + id));
            assert_eq!(known.find(hasher.hashes(2, &id.to_string())), None);
        }
        assert!(!known.push(hasher.hashes(1, "x"), 99), "an id below the first");
        assert_eq!(KnownKeys::new(1).find(hasher.hashes(1, "x")), None);
    }
}
