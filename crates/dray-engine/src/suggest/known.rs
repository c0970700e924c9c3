//! What is known beside the table itself: what this organization confirmed before, what is stored
//! already, what somebody cleverer thinks of the uncertain columns.

use std::collections::{HashMap, HashSet};

use dray_model::object::ColumnIndex;

use super::profile::Profile;
use super::words::fold;

/// What the caller knows. Everything may be left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Mappings people confirmed before.
    pub confirmed: Option<&'a Confirmed>,
    /// Values that are stored already.
    pub stored: Option<&'a StoredValues>,
    /// Second opinions on single columns, from a language model for example. They are evidence like any
    /// other: values that contradict them win, and no field is filled twice.
    pub opinions: &'a [Opinion],
    /// Where both a text field and a reference take a company, the reference is suggested.
    pub prefers_references: bool,
}

/// Headers with the fields they were mapped to before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Confirmed {
    fields: HashMap<String, Option<String>>,
}

impl Confirmed {
    /// Remembers a mapping; `None` where the column was left out. The later one counts.
    pub fn remember(&mut self, header: &str, field: Option<&str>) {
        self.fields.insert(Self::key(header), field.map(str::to_owned));
    }

    /// What a header was mapped to; the inner `None` is a column that was left out.
    pub fn recall(&self, header: &str) -> Option<Option<&str>> {
        self.fields.get(&Self::key(header)).map(Option::as_deref)
    }

    /// The form under which headers are kept: case, blanks, accents and signs do not count.
    pub fn key(header: &str) -> String {
        let folded = fold(header);
        if folded.is_empty() { header.trim().to_owned() } else { folded }
    }
}

/// Some values of the stored columns, to find columns that hold the same.
#[derive(Debug, Clone, Default)]
pub struct StoredValues {
    values: HashMap<ColumnIndex, HashSet<String>>,
}

/// Shorter values are alike by chance: codes, yes and no.
const SHORTEST_TELLING_VALUE: usize = 3;

impl StoredValues {
    /// Takes note of a stored value.
    pub fn add(&mut self, column: ColumnIndex, value: &str) {
        let value = value.trim();
        if value.len() >= SHORTEST_TELLING_VALUE && value.len() < 300 {
            self.values.entry(column).or_default().insert(value.to_lowercase());
        }
    }

    /// The share of a column's values that are stored in a column, where at least two different ones are.
    pub(super) fn overlap(&self, column: ColumnIndex, profile: &Profile<'_>) -> f64 {
        let Some(stored) = self.values.get(&column) else { return 0.0 };
        let found: HashSet<String> = profile
            .cells
            .iter()
            .map(|cell| cell.to_lowercase())
            .filter(|cell| stored.contains(cell))
            .collect();
        if found.len() < 2 { 0.0 } else { profile.share(|cell| found.contains(&cell.to_lowercase())) }
    }
}

/// What somebody else thinks of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// Position of the column in the table.
    pub column: usize,
    /// The field as [`super::Suggestion::name`] writes it; `None` where none fits.
    pub field: Option<String>,
    /// How sure they are, from 0 to 1.
    pub confidence: f64,
}
