//! The modules door, `/v1/modules/…`, `/v1/reports/…` and `/v1/export-jobs…`, as `spec/source/modules-api.txt` has
//! it: upload → map → validate → execute, the history of imports with rollback, and exports.

pub mod shape;
mod names;
mod mapping;
mod rows;
mod problems;
pub mod parse;
mod refine;
pub mod suggest;
pub mod validate;
pub mod jobs;
pub mod execute;
pub mod export_jobs;
pub mod export;
