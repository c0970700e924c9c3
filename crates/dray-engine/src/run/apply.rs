//! The passes of an import: bulk, held, direct.

use std::sync::Arc;

use dray_model::Result;
use dray_model::flow::Store;

use super::job::{Progress, Stage};
use super::state::Run;
use crate::fates::stretches;
use crate::matching::filter::KeyFilter;
use crate::matching::{Sight, TableKeys};
use crate::stream::checked_batches;
use crate::target::Real;

/// Below this many rows the indexes stay up.
const BULK_ROWS: u64 = 20_000;
/// Bulk is left when more than this share of rows had to be held back.
const MOST_HELD: f64 = 0.3;

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

impl Run<'_, '_> {
    /// Applies the import; false where the person stopped it.
    pub(super) fn apply(&mut self, store: &mut dyn Store) -> Result<bool> {
        let object = Arc::clone(&self.job.object);
        if self.checkpoint.bulk_rows > 0 {
            self.recall_held(store)?;
        }
        store.begin()?;
        let mut ended = Ended::Early;
        if self.checkpoint.rows_done == 0 && self.know_the_table(store)? {
            store.suspend_indexes(&object)?;
            self.checkpoint.bulk_rows = u64::MAX;
            ended = self.pass(store, Sight::Nothing)?;
            self.checkpoint.bulk_rows = self.checkpoint.rows_done;
            self.observer.progress(Progress {
                rows: self.import.ledger.read,
                bytes_read: 0,
                stage: Stage::Indexes,
            });
            // Indexes are whole at every checkpoint a person can see; a crash before leaves them to the next run.
            store.prepare_object(&object)?;
            self.commit_chunk(store)?;
        }
        if ended != Ended::Stopped && self.held.last() > self.checkpoint.held_done {
            self.matcher.set_table_keys(TableKeys::Unknown);
            if self.repeats(store)? == Ended::Stopped {
                ended = Ended::Stopped;
            }
        }
        if ended == Ended::Early {
            ended = self.pass(store, Sight::Everything)?;
        }
        Ok(ended != Ended::Stopped)
    }

    /// Finds out what keys the table has; true where a bulk load pays.
    pub(super) fn know_the_table(&mut self, store: &mut dyn Store) -> Result<bool> {
        let object = Arc::clone(&self.job.object);
        let records = store.estimated_records(&object)?;
        let rows = self.prepared.estimated_rows(self.job.source_bytes);
        if records == 0 {
            self.matcher.set_table_keys(TableKeys::None);
            return Ok(rows >= BULK_ROWS);
        }
        if rows.saturating_mul(10) < records {
            return Ok(false);
        }
        let mut filter = KeyFilter::default();
        for (space, definition) in self.matcher.spaces().iter().enumerate() {
            for &column in &definition.columns {
                store.scan_keys(&object, column, &mut |text| {
                    filter.insert(self.matcher.hasher().hash(space, text));
                })?;
            }
        }
        let keys = self.matcher.keys(&self.prepared.first);
        let sample = self.prepared.first.len();
        let known = (0..sample).filter(|&row| keys.row(row).any(|key| filter.may_contain(key.hash))).count();
        self.matcher.set_table_keys(TableKeys::Known(filter));
        let mostly_new = (known as f64) <= MOST_HELD * sample as f64;
        Ok(rows >= BULK_ROWS && rows.saturating_mul(2) >= records && mostly_new)
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
        let source = (self.job.open)(self.checkpoint.rows_done)?;
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
        let source = (self.job.open)(self.checkpoint.held_done)?;
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
