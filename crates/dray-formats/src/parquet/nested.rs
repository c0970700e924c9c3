//! Lists, maps and structures as compact JSON: numbers exact, members in the order of the schema.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ListArray, MapArray};

use super::scalar::{Leaf, Said, append_value, is_literal};
use super::schema::Shape;
use crate::json::{append_json_string, compact_json};

/// What is remembered while a cell is written.
pub(super) struct JsonWriting<'a> {
    /// Writing stops where the text has reached this size.
    pub(super) most_bytes: usize,
    /// Is told what became of values that are not exactly as they were.
    pub(super) tell: &'a mut dyn FnMut(Said),
    pub(super) scratch: &'a mut String,
    pub(super) cell: &'a mut Vec<u8>,
}

/// Appends a value, null where it is none.
pub(super) fn append_json(
    shape: &Shape,
    array: &dyn Array,
    row: usize,
    out: &mut Vec<u8>,
    writing: &mut JsonWriting<'_>,
) {
    if out.len() >= writing.most_bytes {
        return;
    }
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match shape {
        Shape::Leaf(leaf) => {
            writing.cell.clear();
            let said = append_value(*leaf, array, row, writing.cell, writing.scratch);
            let is_literal = is_literal(*leaf, array.data_type());
            match said {
                _ if array.data_type().is_null() => out.extend_from_slice(b"null"),
                Said::NotANumber => out.extend_from_slice(b"null"),
                Said::Exactly if is_literal => out.extend_from_slice(writing.cell),
                Said::Exactly if *leaf == Leaf::Json => match compact_json(writing.cell) {
                    Some(compact) => out.extend_from_slice(&compact),
                    None => append_json_string(&String::from_utf8_lossy(writing.cell), out),
                },
                _ => append_json_string(&String::from_utf8_lossy(writing.cell), out),
            }
            if said != Said::Exactly {
                (writing.tell)(said);
            }
        }
        Shape::List(item) => {
            let Some(list) = array.as_any().downcast_ref::<ListArray>() else { return };
            out.push(b'[');
            let values = list.value(row);
            for index in 0..values.len() {
                if index > 0 {
                    out.push(b',');
                }
                append_json(item, values.as_ref(), index, out, writing);
                if out.len() >= writing.most_bytes {
                    return;
                }
            }
            out.push(b']');
        }
        Shape::Map(key, value) => {
            let Some(map) = array.as_any().downcast_ref::<MapArray>() else { return };
            out.push(b'{');
            let entries = map.value(row);
            let (Some(keys), Some(values)) = (entries.columns().first(), entries.columns().get(1)) else {
                return;
            };
            let mut name = Vec::new();
            for index in 0..entries.len() {
                if index > 0 {
                    out.push(b',');
                }
                name.clear();
                append_json(key, keys.as_ref(), index, &mut name, writing);
                // The name of a member is a string, whatever the key is.
                if name.first() == Some(&b'"') {
                    out.extend_from_slice(&name);
                } else {
                    append_json_string(&String::from_utf8_lossy(&name), out);
                }
                out.push(b':');
                append_json(value, values.as_ref(), index, out, writing);
                if out.len() >= writing.most_bytes {
                    return;
                }
            }
            out.push(b'}');
        }
        Shape::Struct(members) => {
            let Some(parts) = array.as_struct_opt() else { return };
            out.push(b'{');
            for (index, ((name, member), part)) in members.iter().zip(parts.columns()).enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                append_json_string(name, out);
                out.push(b':');
                append_json(member, part.as_ref(), row, out, writing);
                if out.len() >= writing.most_bytes {
                    return;
                }
            }
            out.push(b'}');
        }
    }
}
