//! A set of row numbers: one bit a row.

/// Row numbers, from 1.
#[derive(Debug, Default)]
pub struct RowSet {
    words: Vec<u64>,
    count: u64,
}

impl RowSet {
    /// Adds a row.
    pub fn insert(&mut self, row: u64) {
        let word = usize::try_from(row / 64).unwrap_or(usize::MAX);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let bit = 1 << (row % 64);
        self.count += u64::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    /// True where the row was added.
    pub fn contains(&self, row: u64) -> bool {
        let word = usize::try_from(row / 64).unwrap_or(usize::MAX);
        self.words.get(word).is_some_and(|word| word & (1 << (row % 64)) != 0)
    }

    /// How many rows were added.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// True where no row was added.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The largest row number; 0 where there is none.
    pub fn last(&self) -> u64 {
        let Some(word) = self.words.iter().rposition(|word| *word != 0) else { return 0 };
        word as u64 * 64 + 63 - u64::from(self.words[word].leading_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let mut rows = RowSet::default();
        assert_eq!((rows.len(), rows.last()), (0, 0));
        [1, 64, 1000, 64].into_iter().for_each(|row| rows.insert(row));
        assert_eq!((rows.len(), rows.last()), (3, 1000));
        assert!(rows.contains(64) && !rows.contains(63) && !rows.contains(1_000_000));
    }
}
