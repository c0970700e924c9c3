//! The pipelines door: identities, their resolution, and the profiles made of them, as
//! `spec/source/pipelines.txt` and the product it documents have them.

pub mod refusals;
pub mod identities;
pub mod profile_schema;
pub mod profiles;
pub mod resolution;
