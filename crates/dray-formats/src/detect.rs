//! Finds out what a source is: by its content first, then by its name.

use std::path::Path;

use crate::input::BYTE_ORDER_MARK;
use crate::options::Format;

/// The format of a source called `name` that begins with `sample`.
pub(crate) fn find_format(name: &str, sample: &[u8]) -> Format {
    let by_name =
        Path::new(name).extension().and_then(|extension| Format::from_name(&extension.to_string_lossy()));
    let text = sample.strip_prefix(BYTE_ORDER_MARK).unwrap_or(sample).trim_ascii_start();
    let second = text.get(1..).unwrap_or_default().trim_ascii_start().first().copied();
    match (text.first(), second) {
        (Some(b'['), Some(b'{' | b']')) => Format::Json,
        (Some(b'{'), Some(b'"' | b'}')) => json_or_lines(by_name, text),
        // Headers can begin with a bracket, so other content is JSON only where the name says so.
        (Some(b'[' | b'{'), _) => by_name.unwrap_or(Format::Csv),
        _ => match by_name {
            Some(Format::Jsonl) => Format::Jsonl,
            _ => Format::Csv,
        },
    }
}

/// One document spans lines or is alone; lines are objects one below the other.
fn json_or_lines(by_name: Option<Format>, text: &[u8]) -> Format {
    let mut lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let first_is_whole = first.ends_with(b"}");
    let second_begins = lines.next().map(|line| line.starts_with(b"{"));
    match (first_is_whole, second_begins, by_name) {
        (true, Some(true), _) | (_, _, Some(Format::Jsonl)) => Format::Jsonl,
        // A broken first line does not make the others one document.
        (false, Some(true), _) if first.len() > 1 => Format::Jsonl,
        (_, _, Some(Format::Json)) => Format::Json,
        (true, None, _) => Format::Json,
        (true, Some(false), _) => Format::Jsonl,
        _ => Format::Json,
    }
}
