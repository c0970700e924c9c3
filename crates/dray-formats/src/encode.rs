//! UTF-8 text becomes bytes of another encoding.

use dray_model::{Error, Result};
use encoding_rs::{Encoder, EncoderResult};

use crate::decode::TextEncoding;

/// Encodes text piece by piece.
pub(crate) struct TextEncoder {
    encoding: TextEncoding,
    /// Where there is one; Unicode is written by hand.
    encoder: Option<Encoder>,
}

impl TextEncoder {
    /// An encoder of the encoding with this name; `None` where it is UTF-8, which text is already.
    pub(crate) fn new(name: &str) -> Result<Option<Self>> {
        let encoding = TextEncoding::from_name(name)?;
        let encoder = match encoding {
            TextEncoding::Utf8 => return Ok(None),
            TextEncoding::Other(other) if other.output_encoding() == other => Some(other.new_encoder()),
            TextEncoding::Other(_) | TextEncoding::Utf32 { .. } => None,
        };
        Ok(Some(Self { encoding, encoder }))
    }

    /// The encoding's name.
    pub(crate) fn name(&self) -> &'static str {
        self.encoding.name()
    }

    /// Refuses to put a mark in front where the encoding has none.
    pub(crate) fn check_mark(&self) -> Result<()> {
        if self.encoder.is_none() {
            return Ok(());
        }
        Err(Error::request(format!("{} has no byte-order mark", self.name()))
            .hint("leave the mark out, or write UTF-8 or UTF-16"))
    }

    /// Appends the text; `is_last` says that none follows. Fails with the first character that the encoding
    /// does not have.
    pub(crate) fn encode(
        &mut self,
        text: &str,
        is_last: bool,
        out: &mut Vec<u8>,
    ) -> std::result::Result<(), char> {
        let Some(encoder) = &mut self.encoder else {
            append_unicode(self.encoding, text, out);
            return Ok(());
        };
        let mut done = 0;
        loop {
            let rest = text.get(done..).unwrap_or_default();
            let room = encoder.max_buffer_length_from_utf8_without_replacement(rest.len());
            let from = out.len();
            out.resize(from + room.unwrap_or(rest.len() * 4 + 64), 0);
            let target = out.get_mut(from..).unwrap_or_default();
            let (result, read, written) = encoder.encode_from_utf8_without_replacement(rest, target, is_last);
            out.truncate(from + written);
            done += read;
            match result {
                EncoderResult::InputEmpty => return Ok(()),
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(character) => return Err(character),
            }
        }
    }
}

fn append_unicode(encoding: TextEncoding, text: &str, out: &mut Vec<u8>) {
    match encoding {
        TextEncoding::Utf32 { big_endian } => {
            for character in text.chars().map(u32::from) {
                out.extend(if big_endian { character.to_be_bytes() } else { character.to_le_bytes() });
            }
        }
        TextEncoding::Other(other) => {
            let big_endian = other == encoding_rs::UTF_16BE;
            for unit in text.encode_utf16() {
                out.extend(if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() });
            }
        }
        TextEncoding::Utf8 => out.extend_from_slice(text.as_bytes()),
    }
}
