//! Turns text of any encoding into UTF-8 while it is read. Where bytes are no text, one byte that is
//! never part of UTF-8 stands for them, and what they were is kept for the message.

use std::io::{Read, Result as IoResult};
use std::sync::Arc;

use encoding_rs::{Decoder, DecoderResult, Encoding};

use super::encoding::TextEncoding;
use super::letters::high_half;
use crate::origin::{Origin, UNDECODABLE, Undecodable};

/// How much is decoded at a time; what comes of it stays in the cache.
const SOURCE_BYTES: usize = 32 << 10;

/// No character has more bytes in any encoding.
const LONGEST: usize = 8;

/// Text being turned into UTF-8.
pub(super) struct Transcoder<R> {
    reader: R,
    converter: Converter,
    origin: Arc<Origin>,
    source: Vec<u8>,
    text: Vec<u8>,
    text_from: usize,
    /// Where the next source and text bytes stand, counted from the beginning of the source.
    source_at: u64,
    decoded_at: u64,
    has_ended: bool,
}

enum Converter {
    /// What each byte from 0x80 on says, empty where it says nothing.
    Bytes(Box<[Vec<u8>; 128]>),
    /// Four bytes a character; those that wait for the rest of theirs.
    Utf32 { big_endian: bool, waiting: Vec<u8> },
    /// Everything else; the last bytes it was given before.
    Sequences { decoder: Box<Decoder>, last: Vec<u8> },
}

/// What a converter may change.
struct Sink<'a> {
    origin: &'a Origin,
    text: &'a mut Vec<u8>,
    decoded_at: u64,
}

impl Sink<'_> {
    fn undecodable(&mut self, source_at: u64, bytes: &[u8]) {
        let decoded_at = self.decoded_at + self.text.len() as u64;
        self.origin.add_undecodable(Undecodable { decoded_at, source_at, bytes: bytes.to_vec() });
        self.text.push(UNDECODABLE);
    }
}

impl<R: Read> Transcoder<R> {
    /// `reader` stands at byte `at` of the source; everything before was ASCII.
    pub(super) fn new(reader: R, encoding: TextEncoding, at: u64, origin: Arc<Origin>) -> Self {
        let converter = match encoding {
            TextEncoding::Utf32 { big_endian } => Converter::Utf32 { big_endian, waiting: Vec::new() },
            TextEncoding::Utf8 => Converter::sequences(encoding_rs::UTF_8),
            TextEncoding::Other(encoding) if encoding.is_single_byte() => Converter::bytes(encoding),
            TextEncoding::Other(encoding) => Converter::sequences(encoding),
        };
        Self {
            reader,
            converter,
            origin,
            source: vec![0; SOURCE_BYTES],
            text: Vec::new(),
            text_from: 0,
            source_at: at,
            decoded_at: at,
            has_ended: false,
        }
    }

    fn refill(&mut self) -> IoResult<()> {
        self.decoded_at += self.text.len() as u64;
        self.text.clear();
        self.text_from = 0;
        let read = self.reader.read(&mut self.source)?;
        self.has_ended = read == 0;
        let source = self.source.get(..read).unwrap_or_default();
        let mut sink = Sink { origin: &self.origin, text: &mut self.text, decoded_at: self.decoded_at };
        self.converter.convert(source, self.source_at, self.has_ended, &mut sink);
        self.source_at += read as u64;
        Ok(())
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        while self.text_from == self.text.len() && !self.has_ended {
            self.refill()?;
        }
        let rest = self.text.get(self.text_from..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.text_from += count;
        Ok(count)
    }
}

impl Converter {
    fn bytes(encoding: &'static Encoding) -> Self {
        let say = |c: Option<char>| c.map(|c| c.to_string().into_bytes()).unwrap_or_default();
        Self::Bytes(Box::new(high_half(encoding).map(say)))
    }

    fn sequences(encoding: &'static Encoding) -> Self {
        Self::Sequences { decoder: Box::new(encoding.new_decoder_with_bom_removal()), last: Vec::new() }
    }

    /// Appends what `source`, which stands at `at`, says. `is_last` is set when nothing follows.
    fn convert(&mut self, source: &[u8], at: u64, is_last: bool, sink: &mut Sink<'_>) {
        match self {
            Self::Bytes(said) => convert_bytes(said, source, at, sink),
            Self::Utf32 { big_endian, waiting } => {
                let first_at = at - waiting.len() as u64;
                waiting.extend_from_slice(source);
                let (quads, rest) = waiting.as_chunks::<4>();
                for (quad, at) in quads.iter().zip((first_at..).step_by(4)) {
                    let number =
                        if *big_endian { u32::from_be_bytes(*quad) } else { u32::from_le_bytes(*quad) };
                    match char::from_u32(number) {
                        Some('\u{feff}') if at == 0 => {}
                        Some(c) => sink.text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                        None => sink.undecodable(at, quad),
                    }
                }
                let rest = rest.to_vec();
                if is_last && !rest.is_empty() {
                    sink.undecodable(first_at + quads.len() as u64 * 4, &rest);
                }
                *waiting = rest;
            }
            Self::Sequences { decoder, last } => convert_sequences(decoder, last, source, at, is_last, sink),
        }
    }
}

fn convert_bytes(said: &[Vec<u8>; 128], source: &[u8], at: u64, sink: &mut Sink<'_>) {
    let mut rest = source;
    while !rest.is_empty() {
        let (ascii, behind) = rest.split_at(Encoding::ascii_valid_up_to(rest));
        sink.text.extend_from_slice(ascii);
        rest = behind;
        while let Some((&byte, behind)) = rest.split_first().filter(|(byte, _)| **byte >= 0x80) {
            match said.get(usize::from(byte) - 0x80) {
                Some(text) if !text.is_empty() => sink.text.extend_from_slice(text),
                _ => sink.undecodable(at + (source.len() - rest.len()) as u64, &[byte]),
            }
            rest = behind;
        }
    }
}

fn convert_sequences(
    decoder: &mut Decoder,
    last: &mut Vec<u8>,
    source: &[u8],
    at: u64,
    is_last: bool,
    sink: &mut Sink<'_>,
) {
    let before = last.len();
    last.extend_from_slice(source);
    let mut done = 0;
    loop {
        let rest = source.get(done..).unwrap_or_default();
        let from = sink.text.len();
        let room =
            decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len() * 3 + 64);
        sink.text.resize(from + room, 0);
        let target = sink.text.get_mut(from..).unwrap_or_default();
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(rest, target, is_last);
        sink.text.truncate(from + written);
        done += read;
        match result {
            DecoderResult::InputEmpty => break,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(length, behind) => {
                // Counted from the first of the bytes kept from before.
                let end = before + done - usize::from(behind);
                let begin = end.saturating_sub(usize::from(length));
                let bytes = last.get(begin..end).unwrap_or_default().to_vec();
                sink.undecodable((at + begin as u64).saturating_sub(before as u64), &bytes);
            }
        }
    }
    last.drain(..last.len().saturating_sub(LONGEST));
}
