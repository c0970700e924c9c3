//! Finds out which kind of text a source is: by its content first, then by its name.

use std::path::Path;

use crate::input::BYTE_ORDER_MARK;
use crate::options::Format;

/// The format of a source called `name` whose text begins with `sample`.
pub(crate) fn find_format(name: &str, sample: &[u8]) -> Format {
    // Encrypted files begin with another letter; the reader says what they are.
    if sample.starts_with(b"PAR1") || sample.starts_with(b"PARE") {
        return Format::Parquet;
    }
    let by_name =
        Path::new(name).extension().and_then(|extension| Format::from_name(&extension.to_string_lossy()));
    // Many a program calls a text after the one that is to open it.
    let by_name =
        by_name.filter(|format| matches!(format, Format::Csv | Format::Tsv | Format::Json | Format::Jsonl));
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

/// A document is alone or spans lines; records stand one below the other.
fn json_or_lines(by_name: Option<Format>, text: &[u8]) -> Format {
    if by_name == Some(Format::Jsonl) {
        return Format::Jsonl;
    }
    let mut lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let Some(second) = lines.next() else {
        return Format::Json;
    };
    // A first line that leaves something open is the beginning of a document.
    let leaves_open =
        first.ends_with(b"[") || first.ends_with(b"{") || first.ends_with(b":") || first.ends_with(b",");
    if second.starts_with(b"{") && !leaves_open { Format::Jsonl } else { Format::Json }
}
