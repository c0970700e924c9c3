//! What JSON strings and values say once quotes, escapes and blanks are off.

use crate::bitmask::find_string_specials;

/// How many bytes of a string mean only themselves.
#[inline]
pub(super) fn plain_length(text: &[u8]) -> usize {
    let (blocks, rest) = text.as_chunks::<16>();
    for (index, block) in blocks.iter().enumerate() {
        let specials = find_string_specials(block);
        if specials != 0 {
            return index * 16 + specials.trailing_zeros() as usize;
        }
    }
    let is_special = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < 0x20;
    blocks.len() * 16 + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// The character of a `\u` escape or a pair of them, and how many bytes it takes; `None` for half a pair.
pub(super) fn unicode_escape(text: &[u8]) -> Option<(char, usize)> {
    let unit = |from: usize| -> Option<u32> {
        let digits = text.get(from..from + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let first = unit(0)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first).map(|character| (character, 6));
    }
    let second = unit(6).filter(|second| (0xDC00..0xE000).contains(second))?;
    char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)).map(|character| (character, 12))
}

/// Appends what a walked value says: a string without quotes and escapes, an object or array without
/// the blanks between its parts. Half a character becomes U+FFFD.
pub(super) fn append_value(source: &[u8], out: &mut Vec<u8>) {
    let Some(text) = source.strip_prefix(b"\"") else {
        append_compact(source, out);
        return;
    };
    let mut rest = text.strip_suffix(b"\"").unwrap_or(text);
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at(at);
        out.extend_from_slice(before);
        let (character, length) = match escape.get(1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => unicode_escape(escape).unwrap_or((char::REPLACEMENT_CHARACTER, 6)),
            Some(&other) => (char::from(other), 2),
            None => break,
        };
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Appends JSON without the blanks between its parts; strings and numbers stay as they are.
pub(super) fn append_compact(source: &[u8], out: &mut Vec<u8>) {
    let mut rest = source;
    while let Some(&byte) = rest.first() {
        let length = if byte == b'"' {
            let mut end = 1;
            loop {
                end += plain_length(rest.get(end..).unwrap_or_default());
                match rest.get(end) {
                    Some(b'\\') => end += 2,
                    Some(b'"') => break end + 1,
                    Some(_) => end += 1,
                    None => break rest.len(),
                }
            }
        } else {
            1
        };
        if !byte.is_ascii_whitespace() {
            out.extend_from_slice(rest.get(..length).unwrap_or_default());
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}
