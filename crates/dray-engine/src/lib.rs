//! What happens to rows: mapping, checks, matching, plan, ledger, undo. Plain blocking Rust with no
//! input or output of its own: rows come from a [`dray_model::flow::RowSource`], records rest in a
//! [`dray_model::flow::Store`].
//!
//! The modules stand in reading order, which is the order of the data flow; each may use those above
//! it, never those below.

pub mod expression;
pub mod record_filter;
pub mod pipeline;
pub mod map;
mod defaults;
pub mod check;
pub mod suggest;
pub mod damage;
pub mod infer;
pub mod matching;
pub mod fates;
pub mod target;
pub mod references;
pub mod write;
pub mod rows;
pub mod stream;
pub mod run;
pub mod undo;
pub mod query;
