//! A dialect of delimited text: what stands between cells, around them, and before a quote inside them.

use std::ops::Range;

use crate::cells::Rewrite;

/// What stands between cells, around them, and before a quote inside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Between two cells; never empty.
    pub(crate) delimiter: Vec<u8>,
    /// Before and behind a quoted cell; empty where nothing is a quote.
    pub(crate) open: Vec<u8>,
    pub(crate) close: Vec<u8>,
    /// The character that takes the meaning of the next one away; doubled quotes always count.
    pub(crate) escape: Option<u8>,
}

/// One cell of a record: where its bytes stand, and whether what it says is something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) range: Range<usize>,
    /// Quotes or escapes have to be taken off.
    pub(crate) needs_rewrite: bool,
}

/// A record as the rules of the dialect divide it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) cells: Vec<Token>,
    /// Where its text ends, and where the next record begins.
    pub(crate) end: usize,
    pub(crate) next: usize,
    /// There is text behind a closing quote, so the quotes may mean something else.
    pub(crate) has_stray_quote: bool,
    /// The text ended inside quotes.
    pub(crate) is_open: bool,
}

impl Rewrite for Dialect {
    fn append_said(&self, source: &[u8], out: &mut Vec<u8>) {
        if self.escape.is_none() && self.open == b"\"" {
            append_unquoted(source, out);
        } else {
            self.append_unquoted(source, out);
        }
    }
}

impl Dialect {
    /// Quotes as spreadsheet programs write them.
    pub(crate) fn standard(delimiter: &[u8]) -> Self {
        Self { delimiter: delimiter.to_vec(), open: b"\"".to_vec(), close: b"\"".to_vec(), escape: None }
    }

    /// The delimiter of a dialect that the fast scanner knows: one byte, and quotes as in
    /// [`Dialect::standard`].
    pub(crate) fn simple_delimiter(&self) -> Option<u8> {
        match self.delimiter.as_slice() {
            &[delimiter] if self.open == b"\"" && self.close == b"\"" && self.escape.is_none() => {
                Some(delimiter)
            }
            _ => None,
        }
    }

    /// Divides the record that begins at `from`.
    pub(crate) fn record(&self, text: &[u8], from: usize) -> Record {
        let mut record = Record::default();
        let mut at = from;
        loop {
            let (token, end) = self.cell(text, at, &mut record);
            record.cells.push(token);
            if self.is_delimiter(text, end) {
                at = end + self.delimiter.len();
                continue;
            }
            record.end = end;
            record.next = end + line_end_length(text, end);
            return record;
        }
    }

    /// The cell that begins at `at`, and where it ends: at a delimiter, a line end or the end of the text.
    fn cell(&self, text: &[u8], at: usize, record: &mut Record) -> (Token, usize) {
        let mut escaped = false;
        if self.opens(text, at) {
            let inside = at + self.open.len();
            let (close, doubled) = self.closing_quote(text, inside);
            let Some(close) = close else {
                record.is_open = true;
                return (Token { range: at..text.len(), needs_rewrite: false }, text.len());
            };
            let behind = close + self.close.len();
            let end = self.plain_end(text, behind, &mut escaped);
            if end == behind {
                return if doubled {
                    (Token { range: at..end, needs_rewrite: true }, end)
                } else {
                    (Token { range: inside..close, needs_rewrite: false }, end)
                };
            }
            // Blanks between the quote and the delimiter are no text.
            record.has_stray_quote |= !text.get(behind..end).unwrap_or_default().trim_ascii().is_empty();
            return (Token { range: at..end, needs_rewrite: true }, end);
        }
        let end = self.plain_end(text, at, &mut escaped);
        (Token { range: at..end, needs_rewrite: escaped }, end)
    }

    /// True where a quote opens at `at`.
    pub(crate) fn opens(&self, text: &[u8], at: usize) -> bool {
        !self.open.is_empty() && text.get(at..).is_some_and(|rest| rest.starts_with(&self.open))
    }

    /// True where a delimiter stands at `at`.
    pub(crate) fn is_delimiter(&self, text: &[u8], at: usize) -> bool {
        text.get(at..).is_some_and(|rest| rest.starts_with(&self.delimiter))
    }

    /// Where the quoted cell whose text begins at `inside` closes, and whether it has doubled or
    /// escaped characters.
    pub(crate) fn closing_quote(&self, text: &[u8], inside: usize) -> (Option<usize>, bool) {
        let (mut at, mut doubled) = (inside, false);
        while let Some(&byte) = text.get(at) {
            if Some(byte) == self.escape {
                doubled = true;
                at += 2;
                continue;
            }
            let rest = text.get(at..).unwrap_or_default();
            if rest.starts_with(&self.close) {
                let behind = at + self.close.len();
                if text.get(behind..).is_some_and(|rest| rest.starts_with(&self.close)) {
                    doubled = true;
                    at = behind + self.close.len();
                    continue;
                }
                return (Some(at), doubled);
            }
            at += 1;
        }
        (None, doubled)
    }

    /// Where text without quotes ends that begins at `at`.
    pub(crate) fn plain_end(&self, text: &[u8], mut at: usize, escaped: &mut bool) -> usize {
        while let Some(&byte) = text.get(at) {
            if Some(byte) == self.escape && self.escape_counts_outside_quotes(text, at + 1) {
                *escaped = true;
                at += 2;
                continue;
            }
            if byte == b'\n' || byte == b'\r' || self.is_delimiter(text, at) {
                return at;
            }
            at += 1;
        }
        text.len()
    }

    /// A backslash in `C:\new` is a backslash; before a delimiter, a quote or another one it is an escape.
    fn escape_counts_outside_quotes(&self, text: &[u8], next: usize) -> bool {
        self.is_delimiter(text, next) || self.opens(text, next) || text.get(next).copied() == self.escape
    }

    /// Appends what the bytes of a cell say: quotes and escapes taken off, doubled quotes halved.
    pub(crate) fn append_unquoted(&self, source: &[u8], out: &mut Vec<u8>) {
        let Some(mut rest) = source.strip_prefix(self.open.as_slice()).filter(|_| !self.open.is_empty())
        else {
            self.append_unescaped(source, out);
            return;
        };
        while let Some(&byte) = rest.first() {
            if Some(byte) == self.escape {
                match rest.get(1) {
                    // `\n` and `\t` are how programs with this escape write what cannot stand in a line.
                    Some(b'n') => out.push(b'\n'),
                    Some(b't') => out.push(b'\t'),
                    Some(b'r') => out.push(b'\r'),
                    Some(&next) => out.push(next),
                    None => out.push(byte),
                }
                rest = rest.get(2..).unwrap_or_default();
                continue;
            }
            if let Some(behind) = rest.strip_prefix(self.close.as_slice()) {
                if let Some(after_both) = behind.strip_prefix(self.close.as_slice()) {
                    out.extend_from_slice(&self.close);
                    rest = after_both;
                    continue;
                }
                if !behind.trim_ascii().is_empty() {
                    out.extend_from_slice(behind);
                }
                return;
            }
            out.push(byte);
            rest = rest.get(1..).unwrap_or_default();
        }
    }

    fn append_unescaped(&self, source: &[u8], out: &mut Vec<u8>) {
        let mut at = 0;
        while let Some(&byte) = source.get(at) {
            if Some(byte) == self.escape && self.escape_counts_outside_quotes(source, at + 1) {
                at += 1;
            }
            out.extend(source.get(at));
            at += 1;
        }
    }

    /// What a token says.
    pub(crate) fn said(&self, text: &[u8], token: &Token) -> Vec<u8> {
        let source = text.get(token.range.clone()).unwrap_or_default();
        if !token.needs_rewrite {
            return source.to_vec();
        }
        let mut out = Vec::new();
        self.append_unquoted(source, &mut out);
        out
    }

    /// The dialect in words.
    pub(crate) fn delimiter_word(&self) -> String {
        match self.delimiter.as_slice() {
            b"," => "comma".to_owned(),
            b";" => "semicolon".to_owned(),
            b"\t" => "tab".to_owned(),
            b"|" => "bar".to_owned(),
            b" " => "blank".to_owned(),
            other => format!("`{}`", String::from_utf8_lossy(other).escape_debug()),
        }
    }

    /// The quote in words.
    pub(crate) fn quote_word(&self) -> String {
        match self.open.as_slice() {
            b"" => "none".to_owned(),
            b"\"" => "double".to_owned(),
            b"'" => "single".to_owned(),
            _ => {
                let (open, close) =
                    (String::from_utf8_lossy(&self.open), String::from_utf8_lossy(&self.close));
                format!("{open} {close}")
            }
        }
    }

    /// The escape in words.
    pub(crate) fn escape_word(&self) -> String {
        match self.escape {
            None => "doubled".to_owned(),
            Some(b'\\') => "backslash".to_owned(),
            Some(other) => format!("`{}`", char::from(other)),
        }
    }
}

/// How many bytes the line end at `at` has; 0 where there is none.
pub(crate) fn line_end_length(text: &[u8], at: usize) -> usize {
    match (text.get(at), text.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => 2,
        (Some(b'\r' | b'\n'), _) => 1,
        _ => 0,
    }
}

/// Appends what a quoted cell says: quotes taken off, doubled ones halved.
pub(super) fn append_unquoted(source: &[u8], out: &mut Vec<u8>) {
    let Some(mut rest) = source.strip_prefix(b"\"") else {
        out.extend_from_slice(source);
        return;
    };
    while let Some(at) = memchr::memchr(b'"', rest) {
        let (before, behind) = rest.split_at(at);
        out.extend_from_slice(before);
        let behind = behind.get(1..).unwrap_or_default();
        match behind.strip_prefix(b"\"") {
            Some(after_both) => {
                out.push(b'"');
                rest = after_both;
            }
            None => {
                out.extend_from_slice(behind);
                return;
            }
        }
    }
    out.extend_from_slice(rest);
}
