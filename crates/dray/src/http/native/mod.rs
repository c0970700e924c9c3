//! The native API, `/api/v1/…`: one file for each kind of thing.

pub mod keys;
