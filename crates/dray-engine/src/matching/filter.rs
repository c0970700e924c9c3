//! A set that answers "certainly new" or "perhaps seen" in at most 16 MiB, however many keys it holds.
//! It spares almost every lookup for rows that are new; what it says is never taken as proof. It begins
//! small, because most imports are, and clearing 16 MiB takes longer than importing fifty rows.

/// Words of one block: one cache line, so a question costs one memory access.
const BLOCK_WORDS: usize = 8;
/// The most blocks: 16 MiB in all; at ten million keys about one new key in 250 is asked about needlessly.
const MOST_BLOCKS: usize = 1 << 18;
/// Bits spent on a key where the number of keys is known.
const BITS_PER_KEY: u64 = 32;
/// Keys that go into the small blocks a filter begins with, where their number is not known.
const FIRST_KEYS: u64 = 4_096;

/// How many times roomier those blocks are than known keys would need: a new row that is taken for a repeated
/// one is held back, and so few keys are not to hold back any.
const FIRST_ROOM: u64 = 8;

/// The set. See the module.
#[derive(Debug)]
pub struct KeyFilter {
    blocks: Vec<[u64; BLOCK_WORDS]>,
    /// Keys that still go into `blocks`; later ones go into `more`.
    room: u64,
    /// As many blocks as there may be, once they are needed.
    more: Vec<[u64; BLOCK_WORDS]>,
}

impl Default for KeyFilter {
    fn default() -> Self {
        Self { room: FIRST_KEYS, ..Self::for_keys(FIRST_KEYS * FIRST_ROOM) }
    }
}

impl KeyFilter {
    /// A set for about this many keys, as small as it can be.
    pub fn for_keys(keys: u64) -> Self {
        let blocks = keys.saturating_mul(BITS_PER_KEY).div_ceil(64 * BLOCK_WORDS as u64);
        let blocks = usize::try_from(blocks).unwrap_or(MOST_BLOCKS).clamp(1, MOST_BLOCKS);
        let blocks = vec![[0; BLOCK_WORDS]; blocks.next_power_of_two()];
        Self { blocks, room: u64::MAX, more: Vec::new() }
    }

    /// Forgets every key.
    pub fn clear(&mut self) {
        self.blocks.fill([0; BLOCK_WORDS]);
        self.more.fill([0; BLOCK_WORDS]);
    }

    /// Adds a key by its hash.
    pub fn insert(&mut self, hash: u64) {
        let blocks = if self.room > 0 {
            self.room -= 1;
            &mut self.blocks
        } else {
            if self.more.is_empty() {
                self.more = vec![[0; BLOCK_WORDS]; MOST_BLOCKS];
            }
            &mut self.more
        };
        let (block, mut bits) = locate(blocks, hash);
        for word in &mut blocks[block] {
            *word |= 1 << (bits & 63);
            bits >>= 6;
        }
    }

    /// False where the key was certainly never added.
    pub fn may_contain(&self, hash: u64) -> bool {
        holds(&self.blocks, hash) || (!self.more.is_empty() && holds(&self.more, hash))
    }
}

fn holds(blocks: &[[u64; BLOCK_WORDS]], hash: u64) -> bool {
    let (block, mut bits) = locate(blocks, hash);
    blocks[block].iter().all(|word| {
        let set = word & (1 << (bits & 63)) != 0;
        bits >>= 6;
        set
    })
}

/// The block a hash belongs to, and 48 further bits that choose one bit in each of its words.
fn locate(blocks: &[[u64; BLOCK_WORDS]], hash: u64) -> (usize, u64) {
    let block = (hash >> 46) as usize & (blocks.len() - 1);
    (block, hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let mut filter = KeyFilter::default();
        let hash = |n: u64| {
            use std::hash::BuildHasher;
            foldhash::fast::FixedState::with_seed(7).hash_one(n)
        };
        (0..1_000_000).for_each(|n| filter.insert(hash(n)));
        assert!((0..1_000_000).all(|n| filter.may_contain(hash(n))));
        let wrong = (1_000_000..2_000_000).filter(|&n| filter.may_contain(hash(n))).count();
        assert!(wrong < 200, "{wrong}");
    }
}
