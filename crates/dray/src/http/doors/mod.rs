//! The doors: each speaks as the clients of one product expect, over the same operations.

pub mod records;
pub mod modules;
pub mod data_io;
pub mod pipelines;
