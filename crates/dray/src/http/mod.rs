//! The way of a request: `router` (the whole API on one screen) → `access` (who asks) → a door or the
//! native API → `operations` → an answer in the door's own shape.

pub mod answer;
pub mod access;
pub mod body;
pub mod arrival;
pub mod audited;
pub mod once;
pub mod lists;
pub mod stream;
pub mod download;
pub mod links;
pub mod sent;
pub mod doors;
pub mod native;
pub mod hooks;
pub mod document;
pub mod reference;
pub mod about;
pub mod pages;
pub mod router;
pub mod listen;
pub mod serve;
