//! JSON: one document with an array of objects, or one object on each line.

// What strings and values say.
mod text;

// Walks JSON text.
mod parse;

// Finds the records of a source.
mod shape;

// What kinds of values a column has.
mod kinds;

// Turns records into rows.
mod records;

// Records that are arrays.
mod arrays;

// The writer.
mod write;

// Gives rejected records back.
mod failed;

// The source.
mod read;

pub(crate) use failed::JsonFailedRows;
pub(crate) use read::JsonSource;
pub(crate) use write::{
    JsonWriter, append_string as append_json_string, compact_json, has_special_bytes as needs_json_escapes,
};
