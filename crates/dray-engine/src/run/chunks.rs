//! Chunks: what was written commits together with the account of it; and the end of a run.

use dray_model::Result;
use dray_model::flow::{ImportStatus, Store};
use dray_model::ledger::Fate;
use dray_model::words::counted;

use super::job::Outcome;
use super::state::Run;

/// Rows committed at once in a partial import.
const CHUNK_ROWS: u64 = 50_000;

impl Run<'_, '_> {
    pub(super) fn chunk_is_full(&mut self, store: &mut dyn Store, rows: u64) -> Result<()> {
        self.rows_since_commit += rows;
        if self.partial && self.rows_since_commit >= CHUNK_ROWS { self.commit_chunk(store) } else { Ok(()) }
    }

    /// Commits what was written together with the account of it, and begins the next chunk.
    pub(super) fn commit_chunk(&mut self, store: &mut dyn Store) -> Result<()> {
        if self.partial {
            self.save_account(store)?;
            store.commit()?;
            store.begin()?;
            self.rows_since_commit = 0;
        }
        Ok(())
    }

    /// Writes ledger, checkpoint, fates, created ranges and problems into the open transaction.
    pub(super) fn save_account(&mut self, store: &mut dyn Store) -> Result<()> {
        for part in self.fates.take() {
            store.append_fates(self.import.id, &part)?;
        }
        for range in &self.created {
            store.save_created_range(self.import.id, range)?;
        }
        // The last range may still grow; saving it again lengthens it.
        self.created.drain(..self.created.len().saturating_sub(1));
        if !self.problems.is_empty() {
            store.append_problems(self.import.id, &self.problems)?;
            self.problems.clear();
        }
        self.checkpoint.fate_sequence = self.fates.sequence();
        self.checkpoint.failed_bytes = self.observer.checkpoint()?;
        self.import.checkpoint = serde_json::to_string(&self.checkpoint).ok();
        store.save_import(&self.import)
    }

    /// Ends the run: commits, or rolls back and says why.
    pub(super) fn conclude(mut self, store: &mut dyn Store, result: Result<bool>) -> Result<Outcome> {
        let rejected = self.import.ledger.count(Fate::Rejected);
        match result {
            Ok(true) if self.partial || rejected == 0 => {
                self.save_account(store)?;
                debug_assert!(self.import.ledger.is_balanced(), "every row read has exactly one fate");
                self.import.status = ImportStatus::Completed;
                self.import.checkpoint = None;
                self.import.finished_at = Some((self.job.clock)());
                store.save_import(&self.import)?;
                store.commit()?;
            }
            Ok(true) => {
                store.rollback();
                let rows = counted(rejected, "row was", "rows were");
                let message = format!("{rows} rejected and the import is all or nothing");
                self.give_up(store, &message)?;
            }
            Ok(false) if self.partial => {
                self.import.status = ImportStatus::Interrupted;
                self.save_account(store)?;
                store.commit()?;
            }
            Ok(false) => {
                store.rollback();
                self.give_up(store, "the import was stopped")?;
            }
            Err(error) => {
                store.rollback();
                // The chunks before are whole; the store may be gone, then this is told by the next run.
                if let Ok(Some(mut import)) = store.find_import(self.import.id) {
                    import.status =
                        if self.partial { ImportStatus::Interrupted } else { ImportStatus::Failed };
                    import.message = Some(error.message.clone());
                    let _ = store.save_import(&import);
                }
                return Err(error);
            }
        }
        Ok(Outcome { import: self.import, was_complete: false })
    }

    /// An atomic import that keeps nothing: every row that would have taken effect did not.
    pub(super) fn give_up(&mut self, store: &mut dyn Store, message: &str) -> Result<()> {
        self.import.ledger.roll_back();
        self.import.status = ImportStatus::Failed;
        self.import.message = Some(message.to_owned());
        self.import.checkpoint = None;
        self.import.finished_at = Some((self.job.clock)());
        store.begin()?;
        store.append_problems(self.import.id, &self.problems)?;
        store.save_import(&self.import)?;
        store.commit()?;
        self.observer.checkpoint()?;
        Ok(())
    }
}
