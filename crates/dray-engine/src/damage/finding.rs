//! What a scan found: the kind of damage, where, how often, a few examples, and the repair if there is one.

use dray_model::problem::shown;
use dray_model::words::counted;

use super::repair::Repair;

/// The most examples a finding carries.
pub(super) const MOST_EXAMPLES: usize = 3;

/// What a spreadsheet program can do to data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each kind's sentence is in `DamageKind::about`")]
pub enum DamageKind {
    RowLimit,
    LostZeros,
    ScientificNotation,
    LostDigits,
    TextBecameDate,
    MixedDateOrder,
    CutText,
    Mojibake,
}

impl DamageKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::RowLimit,
        Self::LostZeros,
        Self::ScientificNotation,
        Self::LostDigits,
        Self::TextBecameDate,
        Self::MixedDateOrder,
        Self::CutText,
        Self::Mojibake,
    ];

    /// The word used in files, the API and on the page.
    pub fn word(self) -> &'static str {
        self.about().0
    }

    /// What it means, in a sentence.
    pub fn sentence(self) -> &'static str {
        self.about().1
    }

    fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::RowLimit => ("row_limit", "the table ends where a spreadsheet ends; rows may be missing"),
            Self::LostZeros => ("lost_zeros", "codes lost the zeros they began with"),
            Self::ScientificNotation => {
                ("scientific_notation", "long numbers were replaced by their short form")
            }
            Self::LostDigits => ("lost_digits", "digits past the 15th were replaced by zeros"),
            Self::TextBecameDate => ("text_became_date", "text that looks like a date was replaced by one"),
            Self::MixedDateOrder => ("mixed_date_order", "day and month stand in different orders"),
            Self::CutText => ("cut_text", "text was cut at the most characters a cell can hold"),
            Self::Mojibake => ("mojibake", "letters were garbled by a wrong encoding"),
        }
    }
}

/// A cell that shows the damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Number of the row, from 1, over data rows.
    pub row_number: u64,
    /// Physical line the row begins on, from 1; 0 where the source has no lines.
    pub line: u64,
    /// The cell as read, shortened.
    pub value: String,
}

/// Damage of one kind in one column, or in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub kind: DamageKind,
    /// Position of the column in the header; `None` where it is about the whole file.
    pub source: Option<usize>,
    /// The column's header text.
    pub column: Option<String>,
    /// How many cells of the rows looked at are concerned; for the file 1.
    pub count: u64,
    /// Some of them, first ones first, at most three.
    pub examples: Vec<Example>,
    /// What happened and what to do, for people.
    pub message: String,
    /// What puts the cells right, where that is safe.
    pub repair: Option<Repair>,
}

/// Counts cells and keeps the first few.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) examples: Vec<Example>,
}

impl Tally {
    #[inline]
    pub(super) fn add(&mut self, row_number: u64, line: u64, text: &str) {
        self.count += 1;
        if self.examples.len() < MOST_EXAMPLES {
            self.examples.push(Example { row_number, line, value: shown(text) });
        }
    }

    /// Adds what another one counted.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        self.examples.extend(other.examples.iter().cloned());
        self.examples.sort_by_key(|example| example.row_number);
        self.examples.truncate(MOST_EXAMPLES);
    }

    /// `1 cell`, `12 cells`.
    pub(super) fn cells(&self) -> String {
        counted(self.count, "cell", "cells")
    }

    /// The finding about these cells; whoever knows the column fills it in.
    pub(super) fn into_finding(self, kind: DamageKind, message: String, repair: Option<Repair>) -> Finding {
        let Self { count, examples } = self;
        Finding { kind, source: None, column: None, count, examples, message, repair }
    }
}
