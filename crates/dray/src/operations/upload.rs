//! A place for a file that somebody will send by a signed link.

use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};

/// The kind of document that holds the place.
const KIND: &str = "upload";

/// A file that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The name it will be kept under.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Until when it is kept once it came, microseconds since the epoch.
    pub keep_until: i64,
    /// Its size, where that was said when the place was asked for.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Its size as whoever sends it says.
    #[serde(default)]
    pub length: Option<u64>,
    /// The SHA-256 that the whole must have, where it was said.
    #[serde(default)]
    pub digest: Option<Vec<u8>>,
}

impl Upload {
    /// A place for a file.
    pub fn new(id: String, name: String, keep_until: i64, bytes: Option<u64>) -> Self {
        Self { id, name, keep_until, bytes, length: None, digest: None }
    }

    /// The size of the whole, where it is known.
    pub fn whole(&self) -> Option<u64> {
        self.bytes.or(self.length)
    }

    /// The place of this name.
    pub fn find(session: &mut dyn Session, id: &str) -> Result<Option<Self>> {
        let found = session.find_document(KIND, id)?;
        Ok(found.and_then(|document| serde_json::from_str(&document.body).ok()))
    }

    /// Keeps the place.
    pub fn save(&self, session: &mut dyn Session, now: i64) -> Result<()> {
        let body = serde_json::to_string(self)
            .map_err(|cause| Error::store("a place for a file cannot be kept").because(cause))?;
        session.save_document(KIND, &self.id, &body, now)
    }

    /// Forgets places that were made before a time.
    pub fn forget_before(session: &mut dyn Session, time: i64) -> Result<()> {
        session.delete_documents_before(KIND, time).map(|_| ())
    }
}
