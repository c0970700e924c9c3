//! The pipelines door, `/v1/connections…`, `/v1/pipelines…`: storages that files are read from and written to,
//! and saved imports and exports.

pub mod shape;
pub mod body;
pub mod refused;
pub mod connectors;
pub mod definitions;
pub mod connections;
pub mod runs;
pub mod previews;
