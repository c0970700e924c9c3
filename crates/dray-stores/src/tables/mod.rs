//! The tables of objects: their definition, and the SQL that reads them. Written once for both databases.

pub(crate) mod schema;
pub(crate) mod filter;
