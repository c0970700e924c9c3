//! Pipelines: saved imports of users from files, and exports of profiles to files. A definition is checked
//! ([`definition`]) and kept ([`saved`]); a run reads a file ([`file_rows`]), turns its rows into identities
//! ([`receive`]) that wait in a file of their own ([`spool`]), and imports those like any other rows.

pub mod refusal;
pub mod format_settings;
pub mod saved;
pub mod fields;
pub mod definition;
pub mod json_rows;
pub mod file_rows;
pub mod spool;
pub mod receive;

pub mod run;
pub mod schedule;
