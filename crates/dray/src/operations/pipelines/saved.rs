//! Pipelines as they are kept.

use dray_engine::pipeline::function::Language;
use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::format_settings::{FileFormat, FormatSettings, Packing};
use crate::storage::Role;

/// The kind of its documents.
pub const KIND: &str = "pipeline";
/// The kind of documents that count.
const COUNTER: &str = "counter";
/// How often a number is tried to be had where others want one too.
const MOST_TRIES: usize = 50;
/// Pipelines read at once, and the most an organization can have.
pub const MOST_PIPELINES: u64 = 10_000;

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The number of its connection.
    pub connection: i64,
    /// The role of that.
    pub role: Role,
    /// False where it does not run.
    pub enabled: bool,
    /// The format of the file.
    pub format: FileFormat,
    /// Where the file is.
    pub path: String,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    /// How the file is packed.
    pub packing: Packing,
    /// The settings of the format.
    pub settings: FormatSettings,
    /// Which records are let through, as JSON.
    pub filter: Option<String>,
    /// The column with the id of the user; empty for exports.
    pub user_id_column: String,
    /// The column with the time of the last update.
    pub updated_at_column: Option<String>,
    /// How it says it.
    pub updated_at_format: Option<String>,
    /// Runs pass over what was not updated since the last.
    pub incremental: bool,
    /// Where two rows have one user, the one that was updated later counts, not the one that stands later.
    #[serde(default)]
    pub newest_wins: bool,
    /// The file must have exactly the types of the schema.
    #[serde(default)]
    pub strict: bool,
    /// How records become those of the output; none for exports.
    pub transformation: Option<Transformed>,
    /// What is read: the schema as JSON.
    pub in_schema: String,
    /// What comes out: the schema as JSON; none for exports.
    pub out_schema: Option<String>,
    /// The property an export is sorted by.
    pub order_by: Option<String>,
    /// How often it runs by itself.
    pub period: Option<String>,
    /// The minute of the day from which on.
    pub start: u16,
    /// The time from which on an incremental run takes records, microseconds since 1970.
    pub cursor: Option<i64>,
    /// Output paths that are no longer filled, whose values are still to be cleared.
    #[serde(default)]
    pub dropped_paths: Vec<String>,
}

/// How records become records of the output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transformed {
    /// Output path → expression.
    Mapping(Map<String, Value>),
    /// By a function.
    Function(SavedFunction),
}

/// A function as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFunction {
    /// Its text.
    pub source: String,
    /// Its language.
    pub language: String,
    /// JSON goes in and out as text.
    pub preserve_json: bool,
    /// What it gets, sorted.
    pub in_paths: Vec<String>,
    /// What it may return, sorted.
    pub out_paths: Vec<String>,
}

impl SavedFunction {
    /// Its language.
    pub fn language(&self) -> Option<Language> {
        Language::from_name(&self.language)
    }
}

impl Pipeline {
    /// The paths of the output that its transformation fills.
    pub fn filled_paths(&self) -> Vec<String> {
        match &self.transformation {
            Some(Transformed::Mapping(mapping)) => mapping.keys().cloned().collect(),
            Some(Transformed::Function(function)) => function.out_paths.clone(),
            None => Vec::new(),
        }
    }
}

/// The key of the document of a number: numbers sort as they count.
pub fn key_of(id: i64) -> String {
    format!("{id:020}")
}

/// The next number of a kind; no two are given the same.
pub fn next_number(session: &mut dyn Session, of: &str, now: i64) -> Result<i64> {
    for _ in 0..MOST_TRIES {
        let Some(counter) = session.find_document(COUNTER, of)? else {
            if session.create_document(COUNTER, of, "1", now)? {
                return Ok(1);
            }
            continue;
        };
        let last: i64 = counter
            .body
            .parse()
            .map_err(|cause| Error::store(format!("the numbers of `{of}` cannot be read")).because(cause))?;
        let next = last.saturating_add(1);
        if session.replace_document(COUNTER, of, counter.version, &next.to_string(), now)? {
            return Ok(next);
        }
    }
    Err(Error::store(format!("others take numbers of `{of}` at the same time")).retryable())
}

fn parse(body: &str) -> Result<Pipeline> {
    serde_json::from_str(body).map_err(|cause| {
        Error::store("a pipeline cannot be read").hint("was the store used by a newer Dray?").because(cause)
    })
}

fn written(pipeline: &Pipeline) -> Result<String> {
    serde_json::to_string(pipeline)
        .map_err(|cause| Error::request("the pipeline cannot be written down").because(cause))
}

/// A pipeline and the version of its document.
pub fn find(session: &mut dyn Session, id: i64) -> Result<Option<(Pipeline, i64)>> {
    let document = session.find_document(KIND, &key_of(id))?;
    document.map(|document| Ok((parse(&document.body)?, document.version))).transpose()
}

/// All pipelines, the oldest first.
pub fn list(session: &mut dyn Session) -> Result<Vec<Pipeline>> {
    session.list_documents(KIND, "", MOST_PIPELINES)?.iter().map(|document| parse(&document.body)).collect()
}

/// Keeps a new pipeline; gives it its number.
pub fn create(session: &mut dyn Session, mut pipeline: Pipeline, now: i64) -> Result<Pipeline> {
    pipeline.id = next_number(session, KIND, now)?;
    session.create_document(KIND, &key_of(pipeline.id), &written(&pipeline)?, now)?;
    Ok(pipeline)
}

/// Changes a pipeline, whoever else changes it meanwhile; `None` where it is gone.
pub fn change(
    session: &mut dyn Session,
    id: i64,
    now: i64,
    change: &mut dyn FnMut(&mut Pipeline),
) -> Result<Option<Pipeline>> {
    loop {
        let Some((mut pipeline, version)) = find(session, id)? else { return Ok(None) };
        change(&mut pipeline);
        if session.replace_document(KIND, &key_of(id), version, &written(&pipeline)?, now)? {
            return Ok(Some(pipeline));
        }
    }
}

/// Deletes a pipeline; false where there is none.
pub fn delete(session: &mut dyn Session, id: i64) -> Result<bool> {
    session.delete_document(KIND, &key_of(id))
}
