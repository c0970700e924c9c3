//! The tables of objects: their definition, and the SQL that reads them. Written once for both databases.

pub(crate) mod filter;
pub(crate) mod schema;
