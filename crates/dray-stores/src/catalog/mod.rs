//! Dray's own tables, one set for each organization: what objects there are, which ids come next,
//! imports and what they did, documents, jobs, the audit log. Written once over the driver.

pub(crate) mod migrations;
pub(crate) mod objects;
pub(crate) mod imports;
pub(crate) mod outcomes;
pub(crate) mod documents;
pub(crate) mod events;
pub(crate) mod jobs;
pub(crate) mod audit;
