//! Where records rest: SQLite and PostgreSQL behind one trait, [`dray_model::flow::Store`].
//!
//! [`connect`] opens the store of one organization. Below it stands one generic store, written over a
//! small face ([`driver::Driver`]) that both databases wear; only what really differs is written twice.
//!
//! The modules stand in reading order; each may use those above it, never those below.

mod catalog;
mod cells;
mod connect;
mod decimal;
mod dialect;
mod driver;
mod errors;
mod postgres;
mod sqlite;
mod store;
mod tables;

pub use connect::connect;
