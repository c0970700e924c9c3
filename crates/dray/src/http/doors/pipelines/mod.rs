//! The pipelines door, `/v1/connections…` and `/v1/connectors…`: storages that files are read from and written to.

pub mod shape;
pub mod body;
pub mod connectors;
pub mod connections;
