//! Imports that somebody prepares step by step: the file that was sent, how it is read, which column is which
//! field, what is repaired, and what the last plan said. Kept in the store, so that a page can be left and come
//! back to.

use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::import_job::ImportJob;
use super::sample::WholeRows;

/// The kind of document.
const KIND: &str = "import_draft";
/// How long a draft is kept after it was begun, in microseconds.
pub const DRAFT_TIME: i64 = 7 * 24 * 3600 * 1_000_000;

/// An import that is being prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Letters and digits.
    pub id: String,
    /// The object.
    pub object: String,
    /// What is to be done so far.
    pub job: ImportJob,
    /// The size of the file.
    pub bytes: u64,
    /// Who prepares it.
    pub actor: String,
    /// Microseconds since the epoch.
    pub created_at: i64,
    /// What the last plan said.
    pub review: Option<Review>,
}

/// What a plan said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The plan, where it can be carried out.
    pub plan: Option<String>,
    /// Why it cannot; empty where it can.
    pub refused: String,
    /// The answer of the planning: fates, problems, changes.
    pub answer: Value,
    /// The first rows that cannot be imported, as they are with what was repaired so far.
    #[serde(default)]
    pub bad: WholeRows,
}

impl Draft {
    /// The draft of this id.
    pub fn find(session: &mut dyn Session, id: &str) -> Result<Option<Self>> {
        let Some(document) = session.find_document(KIND, id)? else { return Ok(None) };
        serde_json::from_str(&document.body)
            .map(Some)
            .map_err(|cause| Error::store("a prepared import cannot be read").because(cause))
    }

    /// Keeps it.
    pub fn save(&self, session: &mut dyn Session, now: i64) -> Result<()> {
        let body = serde_json::to_string(self)
            .map_err(|cause| Error::store("a prepared import cannot be written").because(cause))?;
        session.save_document(KIND, &self.id, &body, now)
    }

    /// Forgets drafts that were left before this time.
    pub fn forget_before(session: &mut dyn Session, time: i64) -> Result<()> {
        session.delete_documents_before(KIND, time).map(|_| ())
    }
}
