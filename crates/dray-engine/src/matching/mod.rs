//! Matching: which existing record a row is, and what it would change. Row after row in file order, so
//! that equal rows of one file meet each other too. Decides only; writing comes after.

pub mod cells;
pub mod filter;
pub mod known;
pub mod keys;
mod decisions;
mod owners;

use std::collections::HashMap;
use std::sync::Arc;

use dray_model::definition::{Merge, OnDuplicate};
use dray_model::flow::Found;
use dray_model::ledger::Fate;
use dray_model::object::{ColumnIndex, Object, SystemColumn};
use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use foldhash::fast::RandomState;

use crate::check::{CheckedBatch, Checker, sentence};
use cells::{CellRef, Incoming};
pub use decisions::{CellChange, Decisions, Record, Sight, TableKeys, Target};
use filter::KeyFilter;
use keys::{BatchKeys, Key, KeyHasher, KeySpace, key_spaces};
use owners::{Owner, Owners};

/// Decides the rows of one import.
#[derive(Debug)]
pub struct Matcher {
    object: Arc<Object>,
    columns: Arc<[ColumnIndex]>,
    /// The cells a lookup must bring: those an update may compare and change.
    wanted: Arc<[ColumnIndex]>,
    headers: Vec<Option<String>>,
    spaces: Vec<KeySpace>,
    hasher: KeyHasher,
    table_keys: TableKeys,
    file_keys: KeyFilter,
    /// Required columns whose emptiness is judged only when a record is created.
    required: Vec<ColumnIndex>,
    rows_seen: bool,
    /// Collect every changed cell.
    pub tell_changes: bool,
}

/// Asks the store for records: space's column, keys → records with the cells of [`Matcher::wanted_columns`].
pub type Lookup<'l> = dyn FnMut(ColumnIndex, &[&str], &[ColumnIndex]) -> dray_model::Result<Found> + 'l;

impl Matcher {
    /// A matcher for batches checked by `checker`.
    pub fn new(object: Arc<Object>, checker: &Checker) -> Self {
        let columns: Arc<[ColumnIndex]> = checker.columns.as_slice().into();
        let id = object.system(SystemColumn::Id);
        let wanted = match object.policy.on_duplicate {
            OnDuplicate::Update => columns.iter().copied().filter(|&column| column != id).collect(),
            OnDuplicate::Skip | OnDuplicate::Create => Arc::from([]),
        };
        let spaces = key_spaces(&object, &columns);
        let stays_empty =
            object.policy.on_duplicate == OnDuplicate::Update && object.policy.merge != Merge::Overwrite;
        let required = (0..object.columns.len())
            .filter(|&column| {
                stays_empty
                    && object
                        .field_of(column)
                        .is_some_and(|field| field.definition.required && field.definition.default.is_none())
            })
            .collect();
        Self {
            headers: columns.iter().map(|&column| checker.header_of(column).map(str::to_owned)).collect(),
            object,
            columns,
            wanted,
            spaces,
            hasher: KeyHasher::default(),
            table_keys: TableKeys::Unknown,
            file_keys: KeyFilter::default(),
            required,
            rows_seen: false,
            tell_changes: false,
        }
    }

    /// The key spaces rows are compared in.
    pub fn spaces(&self) -> &[KeySpace] {
        &self.spaces
    }

    /// The hasher of this run.
    pub fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// Forgets the rows seen, for another pass over the same source.
    pub fn forget_rows(&mut self) {
        self.file_keys.clear();
        self.rows_seen = false;
    }

    /// The ids of the records in the table that rows of `among` match by any key.
    pub fn records_of(
        &self,
        keys: &BatchKeys,
        among: &dyn Fn(usize) -> bool,
        lookup: &mut Lookup<'_>,
    ) -> dray_model::Result<Vec<i64>> {
        let mut ids = Vec::new();
        for (space, definition) in self.spaces.iter().enumerate() {
            let texts = keys.distinct(space, among, |_| true);
            if texts.is_empty() {
                continue;
            }
            for &column in &definition.columns {
                ids.extend(lookup(column, &texts, &[])?.ids);
            }
        }
        Ok(ids)
    }

    /// Says what is known of the table's keys.
    pub fn set_table_keys(&mut self, keys: TableKeys) {
        self.table_keys = keys;
    }

    /// The cells lookups bring: those an update may compare and change.
    pub fn wanted_columns(&self) -> &[ColumnIndex] {
        &self.wanted
    }

    /// The keys of a batch.
    pub fn keys(&self, batch: &CheckedBatch) -> BatchKeys {
        BatchKeys::new(
            &self.object,
            &self.columns,
            &self.spaces,
            &batch.values,
            &batch.rejected,
            &self.hasher,
        )
    }

    /// Decides every row for which `among` holds. `keys` are those of the batch.
    pub fn decide(
        &mut self,
        batch: &CheckedBatch,
        keys: &BatchKeys,
        sight: Sight,
        among: &dyn Fn(usize) -> bool,
        lookup: &mut Lookup<'_>,
    ) -> dray_model::Result<Decisions> {
        let mut decisions = Decisions::default();
        let mut owners = Owners::default();
        if sight != Sight::Nothing {
            self.look_up(keys, sight, among, lookup, &mut decisions, &mut owners)?;
        }
        let (object, columns, wanted) = (self.object.clone(), self.columns.clone(), self.wanted.clone());
        let incoming =
            Incoming { object: &object, columns: &columns, wanted: &wanted, values: &batch.values };
        for row in 0..batch.len() {
            let (fate, target) = if !among(row) {
                (None, None)
            } else if batch.rejected[row] {
                (Some(Fate::Rejected), None)
            } else if batch.empty[row] {
                (Some(Fate::Filtered), None)
            } else {
                self.decide_row(row, batch, sight, keys, &incoming, &mut owners, &mut decisions)
            };
            decisions.fates.push(fate);
            decisions.targets.push(target);
        }
        self.rows_seen = true;
        Ok(decisions)
    }

    /// Looks up the keys that may be in the table.
    fn look_up<'k>(
        &self,
        keys: &'k BatchKeys,
        sight: Sight,
        among: &dyn Fn(usize) -> bool,
        lookup: &mut Lookup<'_>,
        decisions: &mut Decisions,
        owners: &mut Owners<'k>,
    ) -> dray_model::Result<()> {
        let mut by_id: HashMap<i64, usize, RandomState> = HashMap::default();
        if let TableKeys::Owned(known) = &self.table_keys {
            for row in (0..keys.rows()).filter(|&row| among(row)) {
                for key in keys.row(row) {
                    let hashes = (key.hash, self.hasher.check(key.space, key.text));
                    let Some(id) = known.find(hashes) else { continue };
                    let record = *by_id.entry(id).or_insert_with(|| {
                        decisions.records.push(Record { id, found: usize::MAX, row: 0, cells: None });
                        decisions.records.len() - 1
                    });
                    owners.add(key.space, key.text, Target::Existing(record));
                }
            }
        }
        for (space, definition) in self.spaces.iter().enumerate() {
            let wanted = keys.distinct(space, among, |hash| {
                self.table_keys.may_be_found(hash)
                    || (sight == Sight::Everything && self.rows_seen && self.file_keys.may_contain(hash))
            });
            if wanted.is_empty() {
                continue;
            }
            let texts: HashMap<&str, &'k str, RandomState> =
                wanted.iter().map(|text| (*text, *text)).collect();
            for &column in &definition.columns {
                let found = lookup(column, &wanted, &self.wanted)?;
                for (row, &id) in found.ids.iter().enumerate() {
                    let Some(text) = texts.get(found.keys.value(row)) else { continue };
                    let record = *by_id.entry(id).or_insert_with(|| {
                        decisions.records.push(Record { id, found: decisions.found.len(), row, cells: None });
                        decisions.records.len() - 1
                    });
                    owners.add(space, text, Target::Existing(record));
                }
                decisions.found.push(found);
            }
        }
        Ok(())
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the state of one batch, taken apart for the borrow checker"
    )]
    fn decide_row<'k>(
        &mut self,
        row: usize,
        batch: &CheckedBatch,
        sight: Sight,
        keys: &'k BatchKeys,
        incoming: &Incoming<'_>,
        owners: &mut Owners<'k>,
        decisions: &mut Decisions,
    ) -> (Option<Fate>, Option<Target>) {
        let waits = match sight {
            Sight::Everything => self.must_wait_for_batch(row, keys, incoming, owners, decisions),
            Sight::Table | Sight::Nothing => self.must_wait_for_pass(row, sight, keys, owners, decisions),
        };
        if waits {
            return (None, None);
        }
        let matched = self.find_match(row, keys, owners);
        let problem = |code, advice: &str, key: Option<Key<'_>>, decisions: &mut Decisions| {
            decisions.problems.push(self.problem(batch, row, code, advice, key));
            (Some(Fate::Rejected), None)
        };
        match (matched, self.object.policy.on_duplicate) {
            (Owner::One(target) | Owner::Several(target), OnDuplicate::Skip) => {
                (Some(Fate::Duplicate), Some(target))
            }
            (Owner::Several(_), OnDuplicate::Update) => {
                let key = keys.row(row).find(|key| self.spaces[key.space].matches);
                problem(
                    ProblemCode::MatchAmbiguous,
                    "match by a field that only one record has",
                    key,
                    decisions,
                )
            }
            (Owner::One(target), OnDuplicate::Update) => {
                if let Some(key) = self.taken_key(row, Some(target), keys, owners) {
                    return problem(ProblemCode::NotUnique, "", Some(key), decisions);
                }
                let changed = self.merge(row, target, incoming, decisions);
                if changed {
                    self.note_keys(row, target, sight, keys, owners);
                }
                if sight == Sight::Table
                    && let Target::Existing(record) = target
                    && changed
                {
                    self.file_keys.insert(self.hasher.hash_record(decisions.records[record].id));
                }
                (Some(if changed { Fate::Updated } else { Fate::Unchanged }), Some(target))
            }
            (Owner::Nobody, _) | (_, OnDuplicate::Create) => {
                if let Some(key) = self.taken_key(row, None, keys, owners) {
                    return problem(ProblemCode::NotUnique, "", Some(key), decisions);
                }
                if let Some(column) = self.required.iter().find(|&&column| incoming.is_empty(column, row)) {
                    let mut found =
                        self.problem(batch, row, ProblemCode::Required, "a new record needs it", None);
                    found.field = Some(self.object.columns[*column].name.clone());
                    decisions.problems.push(found);
                    return (Some(Fate::Rejected), None);
                }
                let target = Target::New(decisions.creations.len());
                decisions.creations.push(row);
                self.note_keys(row, target, sight, keys, owners);
                (Some(Fate::Created), Some(target))
            }
        }
    }

    /// True where the row may match something that cannot be seen before this pass is over. Its own keys,
    /// and the records it matched, make later rows wait too, so that rows that meet stay in order.
    fn must_wait_for_pass<'k>(
        &mut self,
        row: usize,
        sight: Sight,
        keys: &'k BatchKeys,
        owners: &Owners<'k>,
        decisions: &Decisions,
    ) -> bool {
        let records = self.records_met(row, keys, owners, decisions);
        let waits = keys.row(row).any(|key| {
            self.file_keys.may_contain(key.hash)
                || sight == Sight::Nothing && self.table_keys.may_be_found(key.hash)
        }) || records.iter().any(|&record| self.file_keys.may_contain(record));
        if waits {
            keys.row(row).for_each(|key| self.file_keys.insert(key.hash));
            records.into_iter().for_each(|record| self.file_keys.insert(record));
        }
        waits
    }

    /// True where the row would change a record that this very batch makes, or takes a key that this batch
    /// frees: it is decided anew when the rows before it are written.
    fn must_wait_for_batch<'k>(
        &self,
        row: usize,
        keys: &'k BatchKeys,
        incoming: &Incoming<'_>,
        owners: &mut Owners<'k>,
        decisions: &Decisions,
    ) -> bool {
        if self.object.policy.on_duplicate != OnDuplicate::Update {
            return false;
        }
        let has = |owner, key| self.still_has(owner, key, incoming, decisions);
        let matched = keys
            .row(row)
            .filter(|key| self.spaces[key.space].matches)
            .find_map(|key| owners.of(key.space, key.text).iter().copied().find(|&owner| has(owner, key)));
        let records = self.records_met(row, keys, owners, decisions);
        let waits = keys.row(row).any(|key| {
            owners.waiting.contains(&key.hash)
                || owners.of(key.space, key.text).iter().any(|&owner| match owner {
                    Target::New(_) => true,
                    Target::Existing(_) => Some(owner) != matched && !has(owner, key),
                })
        }) || records.iter().any(|record| owners.waiting.contains(record));
        if waits {
            owners.waiting.extend(keys.row(row).map(|key| key.hash));
            owners.waiting.extend(records);
        }
        waits
    }

    /// The hashes of the existing records that have a key of the row.
    fn records_met<'k>(
        &self,
        row: usize,
        keys: &'k BatchKeys,
        owners: &Owners<'k>,
        decisions: &Decisions,
    ) -> Vec<u64> {
        let mut records = Vec::new();
        for key in keys.row(row) {
            for target in owners.of(key.space, key.text) {
                if let Target::Existing(record) = target {
                    records.push(self.hasher.hash_record(decisions.records[*record].id));
                }
            }
        }
        records
    }

    /// The record the row is: the first space with an owner decides.
    fn find_match<'k>(&self, row: usize, keys: &'k BatchKeys, owners: &Owners<'k>) -> Owner {
        let mut space = usize::MAX;
        let mut found: Option<Target> = None;
        for key in keys.row(row).filter(|key| self.spaces[key.space].matches) {
            if found.is_some() && key.space != space {
                break;
            }
            space = key.space;
            for &target in owners.of(key.space, key.text) {
                match found {
                    None => found = Some(target),
                    Some(first) if first != target => return Owner::Several(first),
                    Some(_) => {}
                }
            }
        }
        found.map_or(Owner::Nobody, Owner::One)
    }

    /// The first unique key of the row that another record has.
    fn taken_key<'k>(
        &self,
        row: usize,
        target: Option<Target>,
        keys: &'k BatchKeys,
        owners: &Owners<'k>,
    ) -> Option<Key<'k>> {
        keys.row(row)
            .filter(|key| self.spaces[key.space].unique)
            .find(|key| owners.of(key.space, key.text).iter().any(|&owner| Some(owner) != target))
    }

    /// False where an earlier row of the batch took this key away from the record.
    fn still_has(
        &self,
        target: Target,
        key: Key<'_>,
        incoming: &Incoming<'_>,
        decisions: &Decisions,
    ) -> bool {
        let Target::Existing(record) = target else { return true };
        let Some(cells) = &decisions.records[record].cells else { return true };
        let space = &self.spaces[key.space];
        let mapped = space.columns.iter().all(|column| self.columns.contains(column));
        !mapped
            || space.inputs.iter().any(|&input| {
                incoming
                    .text(cells[input], input, &decisions.found)
                    .is_some_and(|text| dray_model::object::key_of(space.caseless, &text) == key.text)
            })
    }

    /// Writes the row's cells into the record by the merge mode; false where that changes nothing.
    fn merge(&self, row: usize, target: Target, incoming: &Incoming<'_>, decisions: &mut Decisions) -> bool {
        let Target::Existing(record) = target else { return false };
        let matched = &decisions.records[record];
        let mut cells = matched.cells.clone().unwrap_or_else(|| {
            vec![CellRef::Found { found: matched.found, row: matched.row }; self.columns.len()]
        });
        let mut changed = false;
        for (position, cell) in cells.iter_mut().enumerate() {
            if !self.wanted.contains(&self.columns[position]) {
                continue;
            }
            let new = CellRef::Incoming(row);
            let new_is_empty = incoming.is_null(new, position, &decisions.found);
            let old_is_empty = incoming.is_null(*cell, position, &decisions.found);
            let write = match self.object.policy.merge {
                Merge::FillEmpty => old_is_empty && !new_is_empty,
                Merge::PreferImport => !new_is_empty,
                Merge::Overwrite => true,
            };
            if write && !incoming.are_equal(*cell, new, position, &decisions.found) {
                if self.tell_changes {
                    decisions.changes.push(CellChange { row, target, position, old: *cell });
                }
                *cell = new;
                changed = true;
            }
        }
        if changed {
            decisions.records[record].cells = Some(cells);
        }
        changed
    }

    fn note_keys<'k>(
        &mut self,
        row: usize,
        target: Target,
        sight: Sight,
        keys: &'k BatchKeys,
        owners: &mut Owners<'k>,
    ) {
        for key in keys.row(row) {
            self.file_keys.insert(key.hash);
            // Where repeated keys wait, nobody asks who owns them within the batch.
            if sight == Sight::Everything {
                owners.add(key.space, key.text, target);
            }
        }
    }

    fn problem(
        &self,
        batch: &CheckedBatch,
        row: usize,
        code: ProblemCode,
        advice: &str,
        key: Option<Key<'_>>,
    ) -> Problem {
        let input = key.and_then(|key| self.spaces[key.space].inputs.first().copied());
        Problem {
            row_number: batch.first_row + row as u64,
            line: batch.lines.get(row).copied().unwrap_or_default(),
            column: input.and_then(|input| self.headers[input].clone()),
            field: input.map(|input| self.object.columns[self.columns[input]].name.clone()),
            code,
            severity: Severity::Error,
            value: key.map(|key| shown(key.text)),
            message: sentence(code, advice),
        }
    }
}
