//! Reports: saved queries of an object, kept as documents. Whichever way one is made, every way can run it.

use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};

/// The kind of document that holds a report.
const KIND: &str = "report";

/// The most reports of an organization.
pub const MOST_REPORTS: u64 = 10_000;

/// A saved query. `POST /api/v1/reports` makes one, the modules door exports its results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Report {
    /// `rpt_` and letters and digits.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// The object it is about.
    pub object: String,
    /// The fields it shows; empty for what an export of the object shows anyway.
    #[serde(default)]
    pub fields: Vec<String>,
    /// A FilterGroup: `{"operator": "and", "conditions": [{"field", "operator", "value"}]}`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub filters: Option<serde_json::Value>,
    /// The field it is sorted by.
    #[serde(default)]
    pub sort_by: Option<String>,
    /// `asc` or `desc`.
    #[serde(default)]
    pub sort_dir: Option<String>,
    /// The most records.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// Keeps a report, whatever stood under its id.
pub fn save(session: &mut dyn Session, report: &Report, now: i64) -> Result<()> {
    let body = serde_json::to_string(report)
        .map_err(|cause| Error::request("the report cannot be written down").because(cause))?;
    session.save_document(KIND, &report.id, &body, now)
}

/// The report of this id.
pub fn find(session: &mut dyn Session, id: &str) -> Result<Option<Report>> {
    session.find_document(KIND, id)?.map(|document| parse(&document.body)).transpose()
}

/// Reports in the order of their ids, from the first after `after`.
pub fn list(session: &mut dyn Session, after: &str, limit: u64) -> Result<Vec<Report>> {
    let found = session.list_documents(KIND, after, limit.min(MOST_REPORTS))?;
    found.iter().map(|document| parse(&document.body)).collect()
}

/// Deletes a report; false where there is none.
pub fn delete(session: &mut dyn Session, id: &str) -> Result<bool> {
    session.delete_document(KIND, id)
}

fn parse(body: &str) -> Result<Report> {
    serde_json::from_str(body).map_err(|cause| {
        Error::store("a report cannot be read").hint("was the store used by a newer Dray?").because(cause)
    })
}
