//! JSON: one document with an array of objects, or one object on each line.

mod failed;
mod parse;
mod read;
mod records;
mod shape;
mod write;

pub(crate) use read::JsonSource;
pub(crate) use write::JsonWriter;
