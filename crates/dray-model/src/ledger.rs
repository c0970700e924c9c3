//! Fates and the ledger: every row read has exactly one fate, and the counts must add up.

/// What became of a row. The words are part of the contract (design section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fate {
    /// A new record was made of it.
    Created = 1,
    /// It changed at least one cell of a record.
    Updated = 2,
    /// It matched a record and said nothing new.
    Unchanged = 3,
    /// It matched a record (or an earlier row) and was skipped.
    Duplicate = 4,
    /// A filter left it out.
    Filtered = 5,
    /// It had at least one error.
    Rejected = 6,
    /// The record was changed by someone else meanwhile.
    Conflicted = 7,
    /// The import ended (or was rolled back) before the row took effect.
    NotReached = 8,
}

impl Fate {
    /// All fates, in the order ledgers print them.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Updated,
        Self::Unchanged,
        Self::Duplicate,
        Self::Filtered,
        Self::Rejected,
        Self::Conflicted,
        Self::NotReached,
    ];

    /// The word used everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Duplicate => "duplicate",
            Self::Filtered => "filtered",
            Self::Rejected => "rejected",
            Self::Conflicted => "conflicted",
            Self::NotReached => "not_reached",
        }
    }

    /// The fate stored as this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|fate| *fate as u8 == number)
    }
}

/// The account of a run: how many rows were read and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Rows read.
    pub read: u64,
    counts: [u64; 8],
}

impl Ledger {
    /// How many rows had this fate.
    pub fn count(&self, fate: Fate) -> u64 {
        self.counts[fate as usize - 1]
    }

    /// Gives `rows` rows a fate.
    pub fn add(&mut self, fate: Fate, rows: u64) {
        self.counts[fate as usize - 1] += rows;
    }

    /// Moves every row that took effect or would have to `not_reached`: an atomic import was rolled back.
    pub fn roll_back(&mut self) {
        for fate in [Fate::Created, Fate::Updated, Fate::Unchanged, Fate::Duplicate] {
            let rows = std::mem::take(&mut self.counts[fate as usize - 1]);
            self.add(Fate::NotReached, rows);
        }
    }

    /// True where rows read = the sum of the fates.
    pub fn is_balanced(&self) -> bool {
        self.read == self.counts.iter().sum::<u64>()
    }
}
