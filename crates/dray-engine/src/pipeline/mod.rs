//! Saved imports, as they treat each record: raw values become typed ones ([`normalize`]), filters and
//! transformations are applied, and what happened is counted by step. Pure: files, stores and the sandbox
//! of functions are others' business.

pub mod function;
pub mod leaves;
pub mod rest;
pub mod stored;
pub mod resolve;
