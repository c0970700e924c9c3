//! The passes of a plan: every row is decided over an imagined store.

use std::sync::Arc;

use dray_model::flow::Store;
use dray_model::{Error, ErrorKind, Result};

use super::job::Stage;
use super::state::Run;
use crate::check::CheckedBatch;
use crate::matching::filter::KeyFilter;
use crate::matching::{Sight, TableKeys};
use crate::stream::checked_batches;
use crate::target::{Imagined, Target};

impl Run<'_, '_> {
    /// Decides every row over an imagined store.
    pub(super) fn imagine(&mut self, store: &mut dyn Store) -> Result<()> {
        self.choose_way(store)?;
        let mut target = Imagined::new(store);
        let source = self.job.source(0)?;
        let checker = self.prepared.checker.clone();
        let mut stopped = false;
        checked_batches(source, &checker, &mut |arrived| {
            self.take(arrived, Sight::Table, &mut target, &|_| true, Stage::Rows)?;
            stopped = self.observer.should_stop();
            Ok(!stopped)
        })?;
        if stopped {
            return Err(Error::new(ErrorKind::Interrupted, "the plan was stopped; nothing was written"));
        }
        if !self.held.is_empty() { self.imagine_repeats(&mut target) } else { Ok(()) }
    }

    /// Decides the rows held back. The rows they may meet are decided again before them, so that they
    /// find what those would have made of the table; nothing else is remembered.
    pub(super) fn imagine_repeats(&mut self, target: &mut Imagined<'_>) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        let checker = self.prepared.checker.clone();
        let object = Arc::clone(&self.job.object);
        self.matcher.set_table_keys(TableKeys::Unknown);
        let hasher = self.matcher.hasher().clone();
        // Keys and records of a row: a handful.
        let mut met = KeyFilter::for_keys(held.len() * 8);
        let read_on = |batch: &CheckedBatch| batch.first_row + batch.len() as u64 <= held.last();
        checked_batches(self.job.source(0)?, &checker, &mut |arrived| {
            let batch = &arrived.batch;
            let is_held = |row: usize| held.contains(batch.first_row + row as u64);
            let keys = self.matcher.keys(batch);
            (0..batch.len())
                .filter(|&row| is_held(row))
                .for_each(|row| keys.row(row).for_each(|key| met.insert(key.hash)));
            let records = self.matcher.records_of(&keys, &is_held, &mut |key, values, columns| {
                target.find(&object, key, values, columns)
            })?;
            records.into_iter().for_each(|id| met.insert(hasher.hash_record(id)));
            Ok(read_on(batch))
        })?;
        target.remember(met, hasher);
        self.matcher.forget_rows();
        checked_batches(self.job.source(0)?, &checker, &mut |mut arrived| {
            let first_row = arrived.batch.first_row;
            let is_held = |row: usize| held.contains(first_row + row as u64);
            let keys = self.matcher.keys(&arrived.batch);
            let concerned: Vec<bool> = (0..arrived.batch.len())
                .map(|row| {
                    is_held(row)
                        || self.updating.contains(first_row + row as u64)
                        || keys.row(row).any(|key| target.meets(key.hash))
                })
                .collect();
            if concerned.contains(&true) {
                self.prepared.references.resolve(&mut arrived.batch, target, self.import.started_at, None)?;
                let decided =
                    self.settle(&arrived.batch, Sight::Everything, target, &|row| concerned[row])?;
                self.account(&arrived.batch, &decided, &is_held)?;
            }
            self.tell_progress(arrived.bytes_read, Stage::Repeats);
            Ok(read_on(&arrived.batch))
        })
    }
}
