//! Text that begins in ASCII and shows its encoding only further on: handed through untouched up to the
//! first character beyond ASCII, at which the encoding is decided.

use std::io::{Cursor, Read, Result as IoResult};
use std::sync::Arc;

use super::encoding::TextEncoding;
use super::guess::guess;
use super::transcode::Transcoder;
use crate::origin::Origin;

/// How much is looked at from the first character beyond ASCII on; always as much, so that the same file
/// is always taken for the same.
const EVIDENCE_BYTES: usize = 64 << 10;

/// ASCII before it that is looked at too, because it may be the beginning of a word.
const CONTEXT_BYTES: usize = 32;

/// Text in ASCII so far.
pub(super) struct Late {
    stage: Stage,
    origin: Arc<Origin>,
    context: Vec<u8>,
    at: u64,
}

enum Stage {
    Ascii(Box<dyn Read + Send>),
    Decided(Box<dyn Read + Send>),
}

impl Late {
    pub(super) fn new(reader: Box<dyn Read + Send>, origin: Arc<Origin>) -> Self {
        Self { stage: Stage::Ascii(reader), origin, context: Vec::new(), at: 0 }
    }

    /// Decides what text is that goes on with `begun`, the first byte of which is no ASCII.
    fn decide(&self, begun: &[u8], mut reader: Box<dyn Read + Send>) -> IoResult<Stage> {
        let mut text = begun.to_vec();
        let missing = EVIDENCE_BYTES.saturating_sub(text.len()) as u64;
        (&mut reader).take(missing).read_to_end(&mut text)?;
        let is_complete = text.len() < EVIDENCE_BYTES;
        let evidence = [&self.context, text.get(..EVIDENCE_BYTES).unwrap_or(&text)].concat();
        let encoding = guess(&evidence, is_complete).encoding;
        self.origin.set_encoding(encoding.name());
        let rest = Cursor::new(text).chain(reader);
        Ok(Stage::Decided(match encoding {
            TextEncoding::Utf8 => Box::new(rest),
            other => Box::new(Transcoder::new(rest, other, self.at, Arc::clone(&self.origin))),
        }))
    }

    fn remember(&mut self, ascii: &[u8]) {
        self.at += ascii.len() as u64;
        self.context
            .extend_from_slice(ascii.get(ascii.len().saturating_sub(CONTEXT_BYTES)..).unwrap_or_default());
        self.context.drain(..self.context.len().saturating_sub(CONTEXT_BYTES));
    }
}

impl Read for Late {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let read = match &mut self.stage {
            Stage::Decided(reader) => return reader.read(buffer),
            Stage::Ascii(reader) => reader.read(buffer)?,
        };
        let found = buffer.get(..read).unwrap_or_default();
        let ascii = encoding_rs::Encoding::ascii_valid_up_to(found);
        let (ascii, begun) = found.split_at(ascii);
        self.remember(ascii);
        if begun.is_empty() {
            return Ok(read);
        }
        let nothing: Box<dyn Read + Send> = Box::new(std::io::empty());
        let (Stage::Ascii(reader) | Stage::Decided(reader)) =
            std::mem::replace(&mut self.stage, Stage::Decided(nothing));
        self.stage = self.decide(begun, reader)?;
        if ascii.is_empty() { self.read(buffer) } else { Ok(ascii.len()) }
    }
}
