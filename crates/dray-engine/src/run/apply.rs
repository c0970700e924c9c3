//! The passes of an import: bulk, held, direct.

use std::sync::Arc;

use dray_model::Result;
use dray_model::definition::OnDuplicate;
use dray_model::flow::Store;
use dray_model::object::ColumnIndex;

use super::job::{Progress, Stage};
use super::state::Run;
use crate::fates::stretches;
use crate::matching::filter::KeyFilter;
use crate::matching::known::{KnownKeys, MOST_KEYS};
use crate::matching::{Sight, TableKeys};
use crate::stream::checked_batches;
use crate::target::Real;

/// So few rows are looked up whatever the table holds; finding out what it holds would take longer.
const FEW_ROWS: u64 = 1_000;
/// Below this many rows the indexes stay up.
const BULK_ROWS: u64 = 20_000;
/// Bulk is left when more than this share of rows had to be held back.
const MOST_HELD: f64 = 0.3;
/// From this share of known rows on, every row is looked up: a scan of the table's keys would not pay.
const MOSTLY_KNOWN: f64 = 0.9;

/// How a pass over the source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The source is at its end.
    AtEnd,
    /// Bulk does not pay; the rest goes directly.
    Early,
    /// The person wants it to stop.
    Stopped,
}

/// Which way a run takes through its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// New rows go in with the indexes down, rows that may repeat something afterwards.
    Bulk,
    /// One after the other; most change a record, so that indexes without keys are down meanwhile.
    Changes,
    /// One after the other.
    Direct,
}

impl Run<'_, '_> {
    /// Applies the import; false where the person stopped it.
    pub(super) fn apply(&mut self, store: &mut dyn Store) -> Result<bool> {
        let object = Arc::clone(&self.job.object);
        if self.checkpoint.bulk_rows > 0 {
            self.recall_held(store)?;
        }
        store.begin()?;
        let mut ended = Ended::Early;
        let way = if self.checkpoint.rows_done == 0 { self.choose_way(store)? } else { Way::Direct };
        if way == Way::Bulk {
            store.suspend_indexes(&object, &[])?;
            self.checkpoint.bulk_rows = u64::MAX;
            ended = self.pass(store, Sight::Nothing)?;
            self.checkpoint.bulk_rows = self.checkpoint.rows_done;
            self.make_indexes(store)?;
            self.commit_chunk(store)?;
        }
        if ended != Ended::Stopped && self.held.last() > self.checkpoint.held_done {
            self.matcher.set_table_keys(TableKeys::Unknown);
            if self.repeats(store)? == Ended::Stopped {
                ended = Ended::Stopped;
            }
        }
        if ended == Ended::Early {
            if way == Way::Changes {
                let spaces = self.matcher.spaces().iter();
                let keys: Vec<ColumnIndex> = spaces.flat_map(|space| space.columns.clone()).collect();
                store.suspend_indexes(&object, &keys)?;
            }
            ended = self.pass(store, Sight::Everything)?;
            if way == Way::Changes {
                self.make_indexes(store)?;
            }
        }
        Ok(ended != Ended::Stopped)
    }

    /// Indexes are whole when a run ends; a crash before leaves them to the next run.
    fn make_indexes(&mut self, store: &mut dyn Store) -> Result<()> {
        self.observer.progress(Progress {
            rows: self.import.ledger.read,
            bytes_read: 0,
            stage: Stage::Indexes,
        });
        store.prepare_object(&self.job.object)
    }

    /// Finds out what keys the table has, and which way through the rows is the shortest.
    pub(super) fn choose_way(&mut self, store: &mut dyn Store) -> Result<Way> {
        let object = Arc::clone(&self.job.object);
        let rows = self.prepared.estimated_rows(self.job.source_bytes);
        if rows < FEW_ROWS {
            return Ok(Way::Direct);
        }
        let records = store.estimated_records(&object)?;
        let is_large = rows >= BULK_ROWS && rows.saturating_mul(2) >= records;
        if records == 0 {
            self.matcher.set_table_keys(TableKeys::None);
            return Ok(if is_large { Way::Bulk } else { Way::Direct });
        }
        if rows.saturating_mul(10) < records {
            return Ok(Way::Direct);
        }
        // The first rows tell what the others will be like.
        let first = &self.prepared.first;
        let keys = self.matcher.keys(first);
        let mut known = self.matcher.records_of(&keys, &|_| true, &mut |key, values, columns| {
            store.find(&object, key, values, columns)
        })?;
        known.sort_unstable();
        known.dedup();
        let known_share = known.len() as f64 / first.len() as f64;
        if known_share >= MOSTLY_KNOWN {
            let updates = object.policy.on_duplicate == OnDuplicate::Update;
            if is_large && !updates && records <= MOST_KEYS {
                self.know_the_owners(store)?;
            }
            return Ok(if is_large && updates { Way::Changes } else { Way::Direct });
        }
        let mut filter = KeyFilter::default();
        for (space, definition) in self.matcher.spaces().iter().enumerate() {
            for &column in &definition.columns {
                store.scan_keys(&object, column, &mut |text, _| {
                    filter.insert(self.matcher.hasher().hash(space, text));
                })?;
            }
        }
        self.matcher.set_table_keys(TableKeys::Known(filter));
        Ok(if is_large && known_share <= MOST_HELD { Way::Bulk } else { Way::Direct })
    }

    /// Takes the table's keys into memory, where they fit; else every key is looked up.
    fn know_the_owners(&mut self, store: &mut dyn Store) -> Result<()> {
        let mut known = KnownKeys::new(1);
        let mut fits = true;
        for (space, definition) in self.matcher.spaces().iter().enumerate() {
            for &column in &definition.columns {
                store.scan_keys(&self.job.object, column, &mut |text, id| {
                    fits = fits && known.push(self.matcher.hasher().hashes(space, text), id);
                })?;
            }
        }
        if fits {
            known.finish();
            self.matcher.set_table_keys(TableKeys::Owned(known));
        }
        Ok(())
    }

    /// Rows that an interrupted run held back.
    fn recall_held(&mut self, store: &mut dyn Store) -> Result<()> {
        // Killed within the bulk pass: the rows of the last committed chunk are the last of it.
        self.checkpoint.bulk_rows = self.checkpoint.bulk_rows.min(self.checkpoint.rows_done);
        let held = &mut self.held;
        store.read_fates(self.import.id, &mut |part| {
            for stretch in stretches(&part).into_iter().filter(|stretch| stretch.fate.is_none()) {
                (stretch.first_row..stretch.first_row + stretch.rows).for_each(|row| held.insert(row));
            }
            Ok(())
        })
    }

    /// One pass over the rows that have not been read, from the checkpoint on.
    fn pass(&mut self, store: &mut dyn Store, sight: Sight) -> Result<Ended> {
        let source = self.job.source(self.checkpoint.rows_done)?;
        let checker = self.prepared.checker.clone();
        let mut ended = Ended::AtEnd;
        let (mut seen, held_before) = (0_u64, self.held.len());
        checked_batches(source, &checker, &mut |arrived| {
            let rows = arrived.batch.len() as u64;
            let last_row = arrived.batch.first_row + rows - 1;
            self.take(arrived, sight, &mut Real(store), &|_| true, Stage::Rows)?;
            seen += rows;
            self.checkpoint.rows_done = last_row;
            self.chunk_is_full(store, rows)?;
            if self.observer.should_stop() {
                ended = Ended::Stopped;
            } else if sight == Sight::Nothing
                && (self.held.len() - held_before) as f64 > MOST_HELD * seen as f64
            {
                ended = Ended::Early;
            }
            Ok(ended == Ended::AtEnd)
        })?;
        Ok(ended)
    }

    /// Decides the rows held back, in file order, now that everything can be seen.
    fn repeats(&mut self, store: &mut dyn Store) -> Result<Ended> {
        let last = self.held.last();
        let held = std::mem::take(&mut self.held);
        let source = self.job.source(self.checkpoint.held_done)?;
        let checker = self.prepared.checker.clone();
        let mut ended = Ended::AtEnd;
        checked_batches(source, &checker, &mut |arrived| {
            let (first_row, rows) = (arrived.batch.first_row, arrived.batch.len() as u64);
            let among = |row: usize| held.contains(first_row + row as u64);
            let count = (0..arrived.batch.len()).filter(|&row| among(row)).count() as u64;
            if count > 0 {
                self.take(arrived, Sight::Everything, &mut Real(store), &among, Stage::Repeats)?;
            }
            self.checkpoint.held_done = first_row + rows - 1;
            self.chunk_is_full(store, count)?;
            if self.observer.should_stop() {
                ended = Ended::Stopped;
            }
            Ok(ended == Ended::AtEnd && self.checkpoint.held_done < last)
        })?;
        self.held = held;
        Ok(ended)
    }
}
