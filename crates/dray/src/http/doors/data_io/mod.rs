//! The data-io door: exports and imports as jobs, files by signed links, sources by URL. Everything is for
//! admins, and for organizations whose plan has `data_io`.

pub mod access;
mod filters;
pub mod exports;
pub mod uploads;
pub mod imports;
pub mod jobs;
