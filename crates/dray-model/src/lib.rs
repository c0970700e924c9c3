//! The words everybody in Dray uses: what a value, a field, an object, a batch, a problem and a fate
//! are, and the two ends of every run (`RowSource`, `Store`). No input or output happens here.
//!
//! The modules stand in reading order; each may use those above it, never those below.

pub mod error;
pub mod words;
pub mod value;
pub mod definition;
pub mod object;
pub mod starter;
pub mod problem;
pub mod ledger;
pub mod query;
pub mod batch;
pub mod flow;
pub mod event;
pub mod catalog;

pub use error::{Error, ErrorKind, Result};
