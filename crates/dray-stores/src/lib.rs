//! Where records rest: SQLite and PostgreSQL behind one trait, [`dray_model::flow::Store`].
//!
//! [`connect`] opens the store of one organization. Below it stands one generic store, written over a
//! small face ([`driver::Driver`]) that both databases wear; only what really differs is written twice.
//!
//! The modules stand in reading order; each may use those above it, never those below.

mod errors;
mod decimal;
mod cells;
mod dialect;
mod driver;
mod sqlite;
mod postgres;
mod tables;
mod catalog;
mod store;
mod connect;

pub use connect::{check_organization, connect, connect_directory, listen_for_jobs};
