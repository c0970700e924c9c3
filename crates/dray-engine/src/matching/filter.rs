//! A set that answers "certainly new" or "perhaps seen" in a fixed 16 MiB, however many keys it holds.
//! It spares almost every lookup for rows that are new; what it says is never taken as proof.

/// Words of one block: one cache line, so a question costs one memory access.
const BLOCK_WORDS: usize = 8;
/// Blocks: 16 MiB in all; at ten million keys about one new key in 250 is asked about needlessly.
const BLOCKS: usize = 1 << 18;

/// The set. See the module.
#[derive(Debug)]
pub struct KeyFilter {
    blocks: Vec<[u64; BLOCK_WORDS]>,
}

impl Default for KeyFilter {
    fn default() -> Self {
        Self { blocks: vec![[0; BLOCK_WORDS]; BLOCKS] }
    }
}

impl KeyFilter {
    /// Forgets every key.
    pub fn clear(&mut self) {
        self.blocks.fill([0; BLOCK_WORDS]);
    }

    /// Adds a key by its hash.
    pub fn insert(&mut self, hash: u64) {
        let (block, mut bits) = locate(hash);
        for word in &mut self.blocks[block] {
            *word |= 1 << (bits & 63);
            bits >>= 6;
        }
    }

    /// False where the key was certainly never added.
    pub fn may_contain(&self, hash: u64) -> bool {
        let (block, mut bits) = locate(hash);
        self.blocks[block].iter().all(|word| {
            let set = word & (1 << (bits & 63)) != 0;
            bits >>= 6;
            set
        })
    }
}

/// The block a hash belongs to, and 48 further bits that choose one bit in each of its words.
fn locate(hash: u64) -> (usize, u64) {
    let block = (hash >> 46) as usize & (BLOCKS - 1);
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
