//! Keys: the normalized values by which a row is recognised as an existing record, and those no two
//! records may share.

use std::collections::HashSet;
use std::hash::BuildHasher;

use arrow_array::ArrayRef;
use dray_model::definition::OnDuplicate;
use dray_model::object::{ColumnIndex, Object, SystemColumn, key_of};
use dray_model::value::append_text;
use foldhash::fast::RandomState;

/// Columns whose values are compared with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpace {
    /// The columns a key is looked up in.
    pub columns: Vec<ColumnIndex>,
    /// Which of the row's values are keys: positions in the batch's columns.
    pub inputs: Vec<usize>,
    /// Keys are lower-cased.
    pub caseless: bool,
    /// True where an equal key makes the row a match; the order of the spaces is the order of the rules.
    pub matches: bool,
    /// True where no two records may share a key.
    pub unique: bool,
}

/// The key spaces of an import: its match rules, then the unique columns beside them. Only those the
/// rows bring values for.
pub fn key_spaces(object: &Object, columns: &[ColumnIndex]) -> Vec<KeySpace> {
    let mut spaces: Vec<KeySpace> = Vec::new();
    let mut add = |wanted: &[ColumnIndex], matches: bool| {
        let inputs: Vec<usize> =
            (0..columns.len()).filter(|&input| wanted.contains(&columns[input])).collect();
        let Some(first) = wanted.first().map(|&column| &object.columns[column]) else { return };
        if inputs.is_empty() || spaces.iter().any(|space| space.columns == wanted) {
            return;
        }
        spaces.push(KeySpace {
            columns: wanted.to_vec(),
            inputs,
            caseless: first.caseless,
            matches,
            unique: first.unique && first.system != Some(SystemColumn::Id),
        });
    };
    if object.policy.on_duplicate != OnDuplicate::Create {
        object.policy.match_by.iter().for_each(|rule| add(&rule.columns, true));
    }
    for (index, column) in object.columns.iter().enumerate() {
        if column.unique && column.system.is_none() {
            add(&[index], false);
        }
    }
    spaces
}

/// One key of one row.
#[derive(Debug, Clone, Copy)]
pub struct Key<'k> {
    /// Index of its space.
    pub space: usize,
    /// Hash of space and text, the same throughout one run.
    pub hash: u64,
    /// The normalized text.
    pub text: &'k str,
}

/// The keys of the rows of one batch.
#[derive(Debug, Default)]
pub struct BatchKeys {
    texts: String,
    /// Space, hash, where the text ends.
    keys: Vec<(u32, u64, u32)>,
    /// Where the keys of each row end.
    row_ends: Vec<u32>,
}

/// Hashes keys; one for a run, so that batches agree.
#[derive(Debug, Clone, Default)]
pub struct KeyHasher(RandomState, RandomState);

impl KeyHasher {
    /// The hash of a normalized key in a space.
    pub fn hash(&self, space: usize, text: &str) -> u64 {
        self.0.hash_one((space as u32, text))
    }

    /// The hash of a normalized key and 32 bits of another: together they tell keys apart for good.
    pub fn hashes(&self, space: usize, text: &str) -> (u64, u32) {
        (self.hash(space, text), self.check(space, text))
    }

    /// The second part of [`Self::hashes`].
    pub fn check(&self, space: usize, text: &str) -> u32 {
        (self.1.hash_one((space as u32, text)) >> 32) as u32
    }

    /// The hash of a record id, in a space of its own.
    pub fn hash_record(&self, id: i64) -> u64 {
        self.0.hash_one((u32::MAX, id))
    }
}

impl BatchKeys {
    /// Collects the keys of every row that is not rejected.
    pub fn new(
        object: &Object,
        columns: &[ColumnIndex],
        spaces: &[KeySpace],
        values: &[ArrayRef],
        rejected: &[bool],
        hasher: &KeyHasher,
    ) -> Self {
        let mut keys = Self::default();
        for (row, rejected) in rejected.iter().enumerate() {
            if !rejected {
                for (space, definition) in spaces.iter().enumerate() {
                    for &input in &definition.inputs {
                        let value_type = object.columns[columns[input]].value_type;
                        let begin = keys.texts.len();
                        if !append_text(value_type, &values[input], row, &mut keys.texts) {
                            continue;
                        }
                        if definition.caseless
                            && let std::borrow::Cow::Owned(lower) =
                                key_of(true, keys.texts.get(begin..).unwrap_or_default())
                        {
                            keys.texts.truncate(begin);
                            keys.texts.push_str(&lower);
                        }
                        let hash = hasher.hash(space, keys.texts.get(begin..).unwrap_or_default());
                        keys.keys.push((space as u32, hash, keys.texts.len() as u32));
                    }
                }
            }
            keys.row_ends.push(keys.keys.len() as u32);
        }
        keys
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.row_ends.len()
    }

    /// The keys of one row, in the order of the spaces.
    pub fn row(&self, row: usize) -> impl Iterator<Item = Key<'_>> {
        let begin = row.checked_sub(1).map_or(0, |row| self.row_ends[row] as usize);
        (begin..self.row_ends[row] as usize).map(|index| self.key(index))
    }

    fn key(&self, index: usize) -> Key<'_> {
        let begin = index.checked_sub(1).map_or(0, |index| self.keys[index].2 as usize);
        let (space, hash, end) = self.keys[index];
        Key { space: space as usize, hash, text: self.texts.get(begin..end as usize).unwrap_or_default() }
    }

    /// The distinct keys of one space, of the rows of `among`, for whose hash `wanted` holds.
    pub fn distinct(
        &self,
        space: usize,
        among: &dyn Fn(usize) -> bool,
        wanted: impl Fn(u64) -> bool,
    ) -> Vec<&str> {
        let mut seen: HashSet<&str, RandomState> = HashSet::default();
        let mut found = Vec::new();
        for row in (0..self.row_ends.len()).filter(|&row| among(row)) {
            for key in self.row(row).filter(|key| key.space == space && wanted(key.hash)) {
                if seen.insert(key.text) {
                    found.push(key.text);
                }
            }
        }
        found
    }
}
