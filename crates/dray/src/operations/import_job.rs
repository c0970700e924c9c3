//! An import as a job: what is asked for and what came of it, as the job's row keeps them. The same for every
//! door; each says only how it is shown.

use std::collections::BTreeMap;

use dray_engine::check::style::DateOrder;
use dray_engine::map::edits::Edits;
use dray_model::ledger::{Fate, Ledger};
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::policy::PolicyRequest;
use super::quota::Quota;
use super::reading::ReadRequest;

/// The kind of job.
pub const KIND: &str = "import";

/// An import to be done when a worker is free. The object is the job's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportJob {
    /// The stored file that holds the rows.
    pub file: String,
    /// The file is only there for this import: it goes once that is complete.
    pub remove_file: bool,
    /// Where the file is fetched from first, where it was not sent.
    pub source_url: Option<String>,
    /// Its name for people.
    pub source_name: String,
    /// What kind of file it is, for people: `csv`, `xlsx` …
    pub file_type: String,
    /// How it is read.
    pub read: ReadRequest,
    /// Only the members of these names, where the rows are JSON.
    pub only_columns: Option<Vec<String>>,
    /// Source column → stored column; an empty one leaves the column out.
    pub columns: Vec<(String, String)>,
    /// Stored column → value for every row.
    pub statics: Vec<(String, String)>,
    /// Repairs of cells before they are anything else.
    #[serde(skip_serializing_if = "Edits::is_empty")]
    pub edits: Edits,
    /// How it goes where the object's own policy says something else.
    pub policy: PolicyRequest,
    /// What is said about dates like 03/04/2025: true for the third of April.
    pub day_first: Option<bool>,
    /// The stored file that rejected rows go to, where they are wanted.
    pub failed_file: Option<String>,
    /// Only tell what would happen.
    pub dry_run: bool,
    /// Where to tell that the job has ended, beside the organization's webhooks.
    pub webhook_url: Option<String>,
    /// What tells this import from all others where the request that asked for it may come again; else its
    /// job's number does.
    pub fingerprint: Option<String>,
    /// Rows of the source, where they were counted.
    pub total_rows: Option<u64>,
    /// The most records the object may have, where the organization's plan limits them.
    pub records_per_object: Option<u64>,
    /// A language model had a part in the mapping.
    pub ai_mapping_used: bool,
    /// How whoever asked was to learn of the end: `sync`, `stream` or `background`.
    pub processing_mode: String,
}

impl ImportJob {
    /// Reads the request of a job.
    pub fn parse(request: &str) -> Result<Self> {
        serde_json::from_str(request).map_err(|cause| {
            Error::store("the request of an import cannot be read")
                .hint("was the store used by a newer Dray?")
                .because(cause)
        })
    }

    /// What is said about dates, as the engine understands it.
    pub fn date_order(&self) -> Option<DateOrder> {
        self.day_first.map(|first| if first { DateOrder::DayFirst } else { DateOrder::MonthFirst })
    }

    /// What the organization may have.
    pub fn quota(&self) -> Quota {
        Quota { rows_per_import: None, records_per_object: self.records_per_object }
    }

    /// What tells the import of a job from all others, so that it is done once however often it is begun.
    pub fn fingerprint_of(&self, job_id: i64) -> String {
        self.fingerprint.clone().unwrap_or_else(|| format!("job {job_id}"))
    }
}

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportResult {
    /// The import's number.
    pub import: i64,
    /// The ledger: fate → rows, and `read`.
    pub ledger: BTreeMap<String, Value>,
    /// Texts of references that found no record, by field.
    pub unresolved: BTreeMap<String, Vec<String>>,
    /// The stored file with the rejected rows, where there are any.
    pub failed_file: Option<String>,
}

impl ImportResult {
    /// Reads the result of a job; an empty one where there is none.
    pub fn parse(result: Option<&str>) -> Self {
        result.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// A ledger in the words of the contract.
pub fn ledger_words(ledger: &Ledger) -> BTreeMap<String, Value> {
    let mut words: BTreeMap<String, Value> =
        Fate::ALL.iter().map(|fate| (fate.word().to_owned(), json!(ledger.count(*fate)))).collect();
    words.insert("read".to_owned(), json!(ledger.read));
    words.insert("balanced".to_owned(), json!(ledger.is_balanced()));
    words
}
