//! XML as a stream of tags and texts, for documents that may be larger than memory and written to
//! do harm: nothing is expanded, and no tag or text is held that is larger than a limit.
//!
//! Sheets of a million cells are read with it, so it hands out slices of its buffer and does no more
//! than these documents need: it knows no namespaces, and nothing of a document type but to refuse it.

use std::io::Read;

use dray_model::{Error, ErrorKind, Result};

use super::package::damaged;

/// How much is read at a time; the buffer grows where a tag or text is larger.
const READ_BYTES: usize = 64 << 10;

/// The most tags that may be open at a time.
const MAX_DEPTH: usize = 1000;

/// Reads one document.
pub(super) struct XmlReader {
    source: Box<dyn Read + Send>,
    file_name: String,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    max_token_bytes: usize,
    depth: usize,
    /// The name of a tag that closes itself, until its end was handed out.
    to_close: Option<(usize, usize)>,
}

/// A piece of a document.
#[derive(Debug)]
pub(super) enum Token<'a> {
    /// A tag that opens. One that closes itself is followed by its end like any other.
    Open(Tag<'a>),
    /// The name of a tag that closes, without its prefix.
    Close(&'a [u8]),
    /// What stands between two tags.
    Text(Text<'a>),
    /// The end of the document.
    End,
}

/// A tag that opens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag<'a> {
    name: &'a [u8],
    attributes: &'a [u8],
}

/// Text between two tags, as it stands in the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    is_literal: bool,
}

impl XmlReader {
    /// Begins a document of the file `file_name`.
    pub(super) fn new(file_name: &str, source: Box<dyn Read + Send>, max_token_bytes: usize) -> Result<Self> {
        let mut reader = Self {
            source,
            file_name: file_name.to_owned(),
            buffer: vec![0; READ_BYTES],
            start: 0,
            end: 0,
            ended: false,
            max_token_bytes,
            depth: 0,
            to_close: None,
        };
        while reader.unread().len() < 4 && reader.fill()? {}
        match reader.unread() {
            [0xEF, 0xBB, 0xBF, ..] => reader.start += 3,
            [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, ..] | [_, 0, ..] => {
                return Err(reader.wrong_encoding("UTF-16"));
            }
            _ => {}
        }
        Ok(reader)
    }

    /// The next tag or text.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Token<'_>> {
        if let Some((from, to)) = self.to_close.take() {
            self.depth -= 1;
            return Ok(Token::Close(self.buffer.get(from..to).unwrap_or_default()));
        }
        loop {
            if self.start == self.end && !self.fill()? {
                return if self.depth == 0 { Ok(Token::End) } else { Err(self.ends_too_early()) };
            }
            if self.unread().first() != Some(&b'<') {
                if self.depth == 0 {
                    self.pass_blanks()?;
                    continue;
                }
                let length = self.find_from(0, |bytes| memchr::memchr(b'<', bytes))?;
                return Ok(Token::Text(Text { bytes: self.take(length), is_literal: false }));
            }
            while self.unread().len() < 2 {
                if !self.fill()? {
                    return Err(self.ends_too_early());
                }
            }
            match self.unread().get(1) {
                Some(b'/') => return self.close_tag(),
                Some(b'?') => self.pass_instruction()?,
                Some(b'!') => {
                    if let Some(length) = self.pass_declaration()? {
                        let bytes = self.take(length + 3);
                        let bytes = bytes.get(..length).unwrap_or_default();
                        return Ok(Token::Text(Text { bytes, is_literal: true }));
                    }
                }
                _ => return self.open_tag(),
            }
        }
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Hands out the next bytes.
    #[inline]
    fn take(&mut self, length: usize) -> &[u8] {
        let start = self.start;
        self.start = (start + length).min(self.end);
        self.buffer.get(start..self.start).unwrap_or_default()
    }

    /// Reads on; false at the end.
    #[cold]
    fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            if self.buffer.len() >= self.max_token_bytes {
                let (name, limit) = (&self.file_name, self.max_token_bytes);
                let message = format!("a text inside `{name}` is larger than {limit} bytes");
                return Err(Error::new(ErrorKind::Limit, message)
                    .hint("no cell holds as much; check where the file comes from"));
            }
            self.buffer.resize((self.buffer.len() * 2).min(self.max_token_bytes.max(READ_BYTES)), 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = self.source.read(room).map_err(|cause| match cause.downcast::<Error>() {
            Ok(error) => error,
            Err(cause) => Error::file(format!("reading `{}` failed", self.file_name)).because(cause),
        })?;
        self.end += read;
        self.ended = read == 0;
        Ok(read > 0)
    }

    /// Where `find` finds something behind the next `from` bytes; counted from the next byte.
    #[inline]
    fn find_from(&mut self, from: usize, find: impl Fn(&[u8]) -> Option<usize>) -> Result<usize> {
        loop {
            // Whatever is looked for, the bytes behind `from` are few or the buffer has doubled since.
            if let Some(found) = self.unread().get(from..).and_then(&find) {
                return Ok(from + found);
            }
            if !self.fill()? {
                return Err(self.ends_too_early());
            }
        }
    }

    #[inline]
    fn open_tag(&mut self) -> Result<Token<'_>> {
        let length = self.find_from(1, find_tag_end)?;
        if self.depth >= MAX_DEPTH {
            return Err(damaged(&self.file_name, "its parts are nested too deeply"));
        }
        let start = self.start + 1;
        let closes_itself = self.unread().get(length - 1) == Some(&b'/') && length > 1;
        let end = self.start + length - usize::from(closes_itself);
        self.start += length + 1;
        self.depth += 1;
        let inside = self.buffer.get(start..end).unwrap_or_default();
        let name_length = inside.iter().position(u8::is_ascii_whitespace).unwrap_or(inside.len());
        let (full_name, attributes) = inside.split_at(name_length);
        let name = local(full_name);
        if closes_itself {
            self.to_close = Some((start + name_length - name.len(), start + name_length));
        }
        Ok(Token::Open(Tag { name, attributes }))
    }

    #[inline]
    fn close_tag(&mut self) -> Result<Token<'_>> {
        let length = self.find_from(2, |bytes| memchr::memchr(b'>', bytes))?;
        if self.depth == 0 {
            return Err(damaged(&self.file_name, "a tag closes that never opened"));
        }
        self.depth -= 1;
        let tag = self.take(length + 1);
        Ok(Token::Close(local(tag.get(2..length).unwrap_or_default().trim_ascii_end())))
    }

    /// Passes over `<? … ?>`. The one at the beginning may name an encoding.
    fn pass_instruction(&mut self) -> Result<()> {
        let length = self.find_from(2, |bytes| memchr::memmem::find(bytes, b"?>"))?;
        let instruction = self.take(length + 2).to_ascii_lowercase();
        let Some(rest) = instruction.strip_prefix(b"<?xml ") else { return Ok(()) };
        let declaration = Tag { name: b"xml", attributes: rest.strip_suffix(b"?>").unwrap_or(rest) };
        match declaration.attribute(b"encoding") {
            None | Some(b"utf-8" | b"utf8" | b"us-ascii") => Ok(()),
            Some(other) => Err(self.wrong_encoding(&String::from_utf8_lossy(other))),
        }
    }

    /// Passes over a comment. Of a literal text the length is returned, its beginning passed over.
    fn pass_declaration(&mut self) -> Result<Option<usize>> {
        const LITERAL: &[u8] = b"<![CDATA[";
        while self.unread().len() < LITERAL.len() && self.fill()? {}
        if self.unread().starts_with(b"<!--") {
            let length = self.find_from(4, |bytes| memchr::memmem::find(bytes, b"-->"))?;
            self.take(length + 3);
            return Ok(None);
        }
        if self.unread().starts_with(LITERAL) && self.depth > 0 {
            self.take(LITERAL.len());
            return self.find_from(0, |bytes| memchr::memmem::find(bytes, b"]]>")).map(Some);
        }
        Err(Error::source(format!("`{}` declares a document type, which no workbook does", self.file_name))
            .hint("such files are written to attack the programs that read them; check where it comes from"))
    }

    fn pass_blanks(&mut self) -> Result<()> {
        let blanks = self.unread().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if blanks == 0 {
            return Err(damaged(&self.file_name, "one of its parts is not XML"));
        }
        self.start += blanks;
        Ok(())
    }

    #[cold]
    fn ends_too_early(&self) -> Error {
        damaged(&self.file_name, "one of its parts ends too early")
    }

    #[cold]
    fn wrong_encoding(&self, encoding: &str) -> Error {
        Error::source(format!("the parts of `{}` are {encoding} text, which no workbook is", self.file_name))
            .hint("open it in a spreadsheet program and save it again")
    }
}

/// Where a tag ends: at the first `>` that stands in no quotes.
#[inline]
fn find_tag_end(bytes: &[u8]) -> Option<usize> {
    let mut quote = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'>' if quote == 0 => return Some(at),
            b'"' | b'\'' if quote == 0 => quote = byte,
            _ if byte == quote => quote = 0,
            _ => {}
        }
    }
    None
}

/// A name without its prefix.
#[inline]
fn local(name: &[u8]) -> &[u8] {
    match name.iter().position(|&byte| byte == b':') {
        Some(colon) => name.get(colon + 1..).unwrap_or_default(),
        None => name,
    }
}

impl<'a> Tag<'a> {
    /// The name without its prefix.
    #[inline]
    pub(super) fn name(&self) -> &'a [u8] {
        self.name
    }

    /// The attributes: names without their prefixes, and values as they stand in the document.
    #[inline]
    pub(super) fn attributes(&self) -> Attributes<'a> {
        Attributes { rest: self.attributes }
    }

    /// The value of an attribute as it stands in the document.
    pub(super) fn attribute(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.attributes().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// The value of an attribute as text.
    pub(super) fn text_of(&self, name: &[u8]) -> Option<String> {
        let mut text = Vec::new();
        decode(self.attribute(name)?, &mut text).then(|| String::from_utf8_lossy(&text).into_owned())
    }

    /// True where the attribute says yes.
    pub(super) fn is_set(&self, name: &[u8]) -> bool {
        matches!(self.attribute(name), Some(b"1" | b"true" | b"on"))
    }
}

/// The attributes of a tag.
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let equals = self.rest.iter().position(|&byte| byte == b'=')?;
        let name = local(self.rest.get(..equals)?.trim_ascii());
        let behind = self.rest.get(equals + 1..)?.trim_ascii_start();
        let quote = *behind.first()?;
        let value = behind.get(1..)?;
        let length = value.iter().position(|&byte| byte == quote)?;
        self.rest = value.get(length + 1..)?;
        Some((name, value.get(..length)?))
    }
}

impl Text<'_> {
    /// Appends what the text says; false where it says nothing that XML knows.
    #[inline]
    pub(super) fn append_to(&self, out: &mut Vec<u8>) -> bool {
        if self.is_literal {
            append_lines(self.bytes, out);
            return true;
        }
        decode(self.bytes, out)
    }
}

/// Appends the text with every line end as LF, as XML has it.
fn append_lines(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\r', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.push(b'\n');
        rest = rest.get(at + 1..).unwrap_or_default();
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
    out.extend_from_slice(rest);
}

#[inline]
fn decode(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    if memchr::memchr2(b'&', b'\r', bytes).is_none() {
        out.extend_from_slice(bytes);
        return true;
    }
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'&', rest) {
        append_lines(rest.get(..at).unwrap_or_default(), out);
        let behind = rest.get(at + 1..).unwrap_or_default();
        let Some(length) = memchr::memchr(b';', behind.get(..12).unwrap_or(behind)) else { return false };
        let Some(letter) = behind.get(..length).and_then(referenced) else { return false };
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        rest = behind.get(length + 1..).unwrap_or_default();
    }
    append_lines(rest, out);
    true
}

/// The character of `amp`, `#65` or `#x41`.
fn referenced(name: &[u8]) -> Option<char> {
    match name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => None,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    char::from_u32(u32::from_str_radix(digits, radix).ok()?).filter(|&letter| letter != '\0')
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::tests::Trickle;

    /// The document as tags and texts, and how it went wrong.
    fn tokens(document: &[u8], max_token_bytes: usize) -> String {
        let mut out = String::new();
        let source = Box::new(Trickle(Cursor::new(document.to_vec())));
        let mut reader = match XmlReader::new("x", source, max_token_bytes) {
            Ok(reader) => reader,
            Err(error) => return error.to_string(),
        };
        loop {
            match reader.next() {
                Ok(Token::Open(tag)) => {
                    out += &format!("<{}", String::from_utf8_lossy(tag.name()));
                    for (name, _) in tag.attributes() {
                        let value = tag.text_of(name).unwrap_or("?".to_owned());
                        out += &format!(" {}={value}", String::from_utf8_lossy(name));
                    }
                    out += ">";
                }
                Ok(Token::Close(name)) => out += &format!("</{}>", String::from_utf8_lossy(name)),
                Ok(Token::Text(text)) => {
                    let mut said = Vec::new();
                    out += if text.append_to(&mut said) { "" } else { "!" };
                    out += &String::from_utf8_lossy(&said);
                }
                Ok(Token::End) => return out,
                Err(error) => return out + " ! " + &error.message,
            }
        }
    }

    #[test]
    fn documents_come_apart() {
        for (document, expected) in [
            ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a><b/></a>\n", "<a><b></b></a>"),
            ("\u{feff}<a>x</a>", "<a>x</a>"),
            ("<x:a r:id='1' y = \"a>b\" />", "<a id=1 y=a>b></a>"),
            ("<a t='&lt;&#65;&#x42;'>&amp;&quot;&apos;&gt;</a >", "<a t=<AB>&\"'></a>"),
            ("<a><![CDATA[<b>&amp;]]></a>", "<a><b>&amp;</a>"),
            ("<a>1<!-- <b> -- & -->2<?pi <c>?>3</a>", "<a>123</a>"),
            ("<a>1\r\n2\r3&#13;</a>", "<a>1\n2\n3\r</a>"),
            ("<a>&bad;</a>", "<a>!</a>"),
            ("<a>&#0;</a>", "<a>!</a>"),
            ("<a>&#xD800;</a>", "<a>!</a>"),
            ("<a>", "<a> ! `x` is damaged: one of its parts ends too early"),
            ("<a><b", "<a> ! `x` is damaged: one of its parts ends too early"),
            ("</a>", " ! `x` is damaged: a tag closes that never opened"),
            ("text", " ! `x` is damaged: one of its parts is not XML"),
            ("<!DOCTYPE a><a/>", " ! `x` declares a document type, which no workbook does"),
            ("<a>0123456789012345678901234567890</a>", "<a>0123456789012345678901234567890</a>"),
        ] {
            assert_eq!(tokens(document.as_bytes(), 1 << 20), expected, "{document}");
        }
        let utf16: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(tokens(&utf16, 1 << 20), "the parts of `x` are UTF-16 text, which no workbook is");
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>";
        assert_eq!(tokens(latin, 1 << 20), " ! the parts of `x` are iso-8859-1 text, which no workbook is");
        let long = format!("<a>{}</a>", "x".repeat(200_000));
        assert_eq!(tokens(long.as_bytes(), 100_000), "<a> ! a text inside `x` is larger than 100000 bytes");
        assert_eq!(tokens(long.as_bytes(), 300_000), long);
        let deep = tokens("<a>".repeat(2000).as_bytes(), 1 << 20);
        assert!(deep.ends_with("! `x` is damaged: its parts are nested too deeply"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(document in "[<>/&;!?'\"=\\[\\]a-c# \\-]{0,60}") {
            tokens(document.as_bytes(), 1 << 20);
        }
    }
}
