//! Gives rejected JSON records back, one on each line: the members as they were, then why they were
//! rejected. Of an array, the places have the names of their columns. What is neither comes back as text in
//! a member `dray_raw`.

use dray_model::flow::{FAILED_COLUMNS, FailedRowFormat};

use super::parse::{Value, Walker};
use super::records::name_bytes;
use super::text::append_compact;
use super::write::append_string;

/// The member that holds what is no record.
const RAW_MEMBER: &str = "dray_raw";

/// Writes rejected records as JSON lines.
pub(crate) struct JsonFailedRows {
    /// What the places of records are called that are arrays.
    pub(crate) places: Vec<String>,
}

impl FailedRowFormat for JsonFailedRows {
    fn begin(&self, _out: &mut Vec<u8>) {}

    fn row(&self, raw: &[u8], notes: [&str; 4], out: &mut Vec<u8>) {
        out.push(b'{');
        match members(raw) {
            Some(members) => {
                // Notes of an earlier failed-rows file are replaced.
                let is_note = |name: Value| {
                    let name = name_bytes(raw, name);
                    FAILED_COLUMNS.iter().any(|note| note.as_bytes() == name)
                };
                for (name, value) in members.into_iter().filter(|(name, _)| !is_note(*name)) {
                    append_compact(raw.get(name.start..name.end).unwrap_or_default(), out);
                    out.push(b':');
                    append_compact(raw.get(value.start..value.end).unwrap_or_default(), out);
                    out.push(b',');
                }
            }
            None => match elements(raw).filter(|_| !self.places.is_empty()) {
                Some(values) => {
                    for (index, value) in values.into_iter().enumerate() {
                        let surplus = || format!("column {}", index + 1);
                        append_string(&self.places.get(index).cloned().unwrap_or_else(surplus), out);
                        out.push(b':');
                        append_compact(raw.get(value.start..value.end).unwrap_or_default(), out);
                        out.push(b',');
                    }
                }
                None => {
                    append_string(RAW_MEMBER, out);
                    out.push(b':');
                    append_string(&String::from_utf8_lossy(raw), out);
                    out.push(b',');
                }
            },
        }
        for (index, (name, note)) in FAILED_COLUMNS.into_iter().zip(notes).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            append_string(name, out);
            out.push(b':');
            append_string(note, out);
        }
        out.extend_from_slice(b"}\n");
    }
}

/// The elements of a text that is exactly one array.
fn elements(raw: &[u8]) -> Option<Vec<Value>> {
    let mut walker = Walker::new(raw, 0);
    let mut elements = Vec::new();
    walker.elements(|value| elements.push(value)).ok()?;
    walker.peek().is_none().then_some(elements)
}

/// The members of a text that is exactly one object.
fn members(raw: &[u8]) -> Option<Vec<(Value, Value)>> {
    let mut walker = Walker::new(raw, 0);
    let mut members = Vec::new();
    walker.object(|name, value| members.push((name, value))).ok()?;
    walker.peek().is_none().then_some(members)
}
