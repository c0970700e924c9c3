//! Saved imports, as they treat each record: raw values become typed ones, filters and transformations
//! are applied, and what happened is counted by step. Pure: files, stores and the sandbox of functions are
//! others' business.

pub mod function;
pub mod leaves;
pub mod rest;
pub mod stored;
pub mod name;
pub mod columns;
pub mod normalize;
mod strptime;
pub mod times;
pub mod user_id;
pub mod rules;
pub mod steps;
pub mod rows;
pub mod resolve;

#[cfg(test)]
mod tests;
