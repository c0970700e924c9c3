//! What was found out about a file that was sent, so that it need not be looked through again: a document
//! beside the file's own.

use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};

/// The kind of document.
pub const KIND: &str = "looked_through";

/// What was found out about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedThrough {
    /// Its columns.
    pub columns: Vec<String>,
    /// Its rows, all of them.
    pub total_rows: u64,
    /// `csv`, `xlsx`, `xls` …
    pub file_type: String,
    /// The encoding of its text.
    pub encoding: String,
}

/// Keeps what was found out about the stored file of this id.
pub fn save(session: &mut dyn Session, id: &str, found: &LookedThrough, now: i64) -> Result<()> {
    let body = serde_json::to_string(found)
        .map_err(|cause| Error::request("the columns of the file cannot be written down").because(cause))?;
    session.save_document(KIND, id, &body, now)
}

/// What was found out about the stored file of this id.
pub fn find(session: &mut dyn Session, id: &str) -> Result<Option<LookedThrough>> {
    let found = session.find_document(KIND, id)?;
    Ok(found.and_then(|document| serde_json::from_str(&document.body).ok()))
}
