//! Puts quotes around cells that need them.

/// Knows which cells need quotes in a file with this delimiter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoting {
    delimiter: u8,
}

impl Quoting {
    pub(crate) fn new(delimiter: u8) -> Self {
        Self { delimiter }
    }

    /// True where any of the bytes has a meaning of its own in CSV.
    #[inline]
    pub(super) fn has_special_bytes(self, text: &[u8]) -> bool {
        let special = |byte: u8| byte == self.delimiter || byte == b'"' || byte == b'\n' || byte == b'\r';
        // Without an early exit inside a block the compiler compares all its bytes at once.
        let (blocks, rest) = text.as_chunks::<16>();
        blocks.iter().any(|block| block.iter().fold(false, |found, &byte| found | special(byte)))
            || rest.iter().any(|&byte| special(byte))
    }

    /// True where the cell would not be read back as it is: it has special bytes, or a blank at
    /// either end, which other programs take off.
    #[inline]
    pub(crate) fn needs_quotes(self, cell: &[u8]) -> bool {
        has_blank_edge(cell) || self.has_special_bytes(cell)
    }

    /// Appends a cell, in quotes where it needs them.
    pub(crate) fn append(self, cell: &[u8], out: &mut Vec<u8>) {
        if self.needs_quotes(cell) {
            append_quoted(cell, out);
        } else {
            out.extend_from_slice(cell);
        }
    }
}

/// True where the cell begins or ends with a blank.
#[inline]
pub(super) fn has_blank_edge(cell: &[u8]) -> bool {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_blank(cell.first()) || is_blank(cell.last())
}

/// True where a delimiter can stand in the text of a number, a date or a truth value.
pub(super) fn is_in_typed_text(delimiter: u8) -> bool {
    delimiter.is_ascii_alphanumeric() || matches!(delimiter, b'-' | b'+' | b':' | b'.')
}

/// Appends a cell in quotes, its own quotes doubled.
pub(crate) fn append_quoted(cell: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut from = 0;
    for at in memchr::memchr_iter(b'"', cell) {
        out.extend_from_slice(&cell[from..=at]);
        out.push(b'"');
        from = at + 1;
    }
    out.extend_from_slice(&cell[from..]);
    out.push(b'"');
}
