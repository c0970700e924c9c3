//! The pipelines door, `/v1/connections…`, `/v1/pipelines…`, `/v1/profiles…`: storages that files are read from and
//! written to, saved imports and exports, identities, and the profiles made of them.

pub mod shape;
pub mod body;
pub mod refused;
pub mod pages;
pub mod connectors;
pub mod definitions;
pub mod connections;
pub mod runs;
pub mod previews;
pub mod identities;
pub mod profile_schema;
pub mod profiles;
pub mod resolution;
