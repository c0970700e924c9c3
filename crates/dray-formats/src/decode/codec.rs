//! The ways a stream can be packed: how each is recognised and undone.

use std::io::{BufReader, Read, Result as IoResult};

use super::xz::XzReader;
use crate::options::Compression;

/// Packed bytes taken at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// How a source is packed that begins with these bytes.
pub(super) fn recognise(sample: &[u8]) -> Option<Compression> {
    let is_skippable_zstd =
        matches!(sample.first_chunk::<4>(), Some([byte, 0x2A, 0x4D, 0x18]) if byte & 0xF0 == 0x50);
    // The digits of pi begin a block, those of its square root the end of a file without any.
    let is_bzip2 = matches!(sample, [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] if !block.is_empty()
        && [b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"]
            .iter().any(|magic| block.starts_with(*magic) || magic.starts_with(block)));
    if sample.starts_with(b"\x1F\x8B") {
        Some(Compression::Gzip)
    } else if [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|magic| sample.starts_with(*magic)) {
        Some(Compression::Zip)
    } else if sample.starts_with(b"\x28\xB5\x2F\xFD") || is_skippable_zstd {
        Some(Compression::Zstd)
    } else if sample.starts_with(b"\xFF\x06\x00\x00sNaPpY") {
        Some(Compression::Snappy)
    } else if sample.starts_with(b"\xFD7zXZ\x00") {
        Some(Compression::Xz)
    } else {
        is_bzip2.then_some(Compression::Bzip2)
    }
}

/// Unpacks a stream completely: all members, frames and streams that stand one behind the other.
/// A zip archive is no stream; its members are packed by [`deflated`] and these.
pub(super) fn unpack(
    compression: Compression,
    reader: impl Read + Send + 'static,
) -> IoResult<Box<dyn Read + Send>> {
    let packed = BufReader::with_capacity(BUFFER_BYTES, reader);
    Ok(match compression {
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        Compression::Zstd => Box::new(zstd::Decoder::with_buffer(packed)?),
        Compression::Snappy => Box::new(snap::read::FrameDecoder::new(packed)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        Compression::Xz => Box::new(XzReader::new(packed)),
        Compression::Zip => return Err(std::io::Error::other("a zip archive is no stream")),
    })
}

/// Unpacks what deflate alone has packed, as members of zip archives are.
pub(super) fn deflated(reader: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(flate2::bufread::DeflateDecoder::new(BufReader::with_capacity(BUFFER_BYTES, reader)))
}
