//! Dray's own tables, one set for each organization: what objects there are, which ids come next,
//! imports and what they did. Written once over the driver.

pub(crate) mod migrations;
pub(crate) mod objects;
pub(crate) mod imports;
pub(crate) mod outcomes;
