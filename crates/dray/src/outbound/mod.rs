//! The only place that makes requests to others: `address` (which addresses may be asked) → `resolve` (names
//! become checked addresses) → `client` (one request with its limits) → `fetch` (a whole file) and `chat`.

pub mod fault;
pub mod address;
pub mod resolve;
pub mod client;
pub mod file_name;
pub mod fetch;
pub mod chat;
