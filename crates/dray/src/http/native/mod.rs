//! The native API, `/api/v1/…`: one file for each kind of thing.

pub mod shapes;
pub mod keys;
pub mod session;
pub mod users;
pub mod organizations;
pub mod objects;
pub mod records;
pub mod history;
pub mod endpoints;
pub mod events;
pub mod upload;
pub mod plans;
pub mod imports;
pub mod exports;
pub mod jobs;
pub mod reports;
pub mod webhooks;
pub mod embedding;
pub mod secrets;
pub mod audit;
