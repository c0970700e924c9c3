//! Unpacks xz: a container around LZMA2, read here because its dictionary, for which a file may ask
//! four gigabytes, must stay within a limit.

use std::io::{Error as IoError, ErrorKind, Read, Result as IoResult};

use flate2::Crc;
use lzma_rust2::Lzma2Reader;

const MAGIC: [u8; 6] = *b"\xFD7zXZ\x00";

/// Twice what `xz -9` asks for.
const MAX_DICTIONARY_BYTES: u32 = 128 << 20;

/// The only filter that is read; the others are made for machine code.
const LZMA2: u64 = 0x21;

/// Sizes of the checks behind a block, by their number.
const CHECK_BYTES: [usize; 16] = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/// Reads all streams of a file, and the padding between them.
pub(super) struct XzReader<R: Read> {
    stage: Stage<R>,
    /// The kind of check behind each block of the stream.
    check: u8,
    block: Block,
    /// What the index of the stream must say.
    total: Index,
}

enum Stage<R: Read> {
    Stream(Counted<R>),
    Blocks(Counted<R>),
    Block(Box<Lzma2Reader<Counted<R>>>),
    Ended,
}

/// The block that is being read.
#[derive(Default)]
struct Block {
    header_bytes: u64,
    packed_before: u64,
    unpacked: u64,
    crc32: Crc,
    crc64: u64,
}

/// Number of blocks and their sizes added up.
#[derive(Default, PartialEq)]
struct Index {
    blocks: u64,
    packed: u64,
    unpacked: u64,
}

struct Counted<R> {
    reader: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let read = self.reader.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

impl<R: Read> XzReader<R> {
    pub(super) fn new(reader: R) -> Self {
        let stage = Stage::Stream(Counted { reader, count: 0 });
        Self { stage, check: 0, block: Block::default(), total: Index::default() }
    }

    /// Reads the header of a block, whose size stands in its first byte.
    fn begin_block(&mut self, mut reader: Counted<R>, size: u8) -> IoResult<Stage<R>> {
        let mut header = vec![0; usize::from(size) * 4 + 3];
        reader.read_exact(&mut header)?;
        let (fields, crc) =
            header.split_last_chunk::<4>().ok_or_else(|| damaged("a block header is too short"))?;
        let mut check = Crc::new();
        check.update(&[size]);
        check.update(fields);
        if u32::from_le_bytes(*crc) != check.sum() {
            return Err(damaged("the header of a block does not add up"));
        }
        let mut fields = fields;
        let flags = bytes::<1>(&mut fields)?[0];
        for is_given in [flags & 0x40, flags & 0x80] {
            if is_given != 0 {
                number(&mut fields)?;
            }
        }
        let (filter, property_bytes) = (number(&mut fields)?, number(&mut fields)?);
        if flags & 0x3F != 0 || filter != LZMA2 || property_bytes != 1 {
            return Err(damaged("it uses a filter that is not read"));
        }
        let dictionary = dictionary_bytes(bytes::<1>(&mut fields)?[0])?;
        self.block =
            Block { header_bytes: u64::from(size) * 4 + 4, packed_before: reader.count, ..Block::default() };
        Ok(Stage::Block(Box::new(Lzma2Reader::new(reader, dictionary, None))))
    }

    /// Reads what stands behind the data of a block.
    fn end_block(&mut self, reader: &mut Counted<R>) -> IoResult<()> {
        let packed = reader.count - self.block.packed_before;
        let mut padding = [0; 3];
        let count = (packed.wrapping_neg() & 3) as usize;
        read_zeros(reader, padding.get_mut(..count).unwrap_or_default())?;
        let mut check = [0; 64];
        let check_bytes = CHECK_BYTES.get(usize::from(self.check)).copied().unwrap_or_default();
        let check = check.get_mut(..check_bytes).unwrap_or_default();
        reader.read_exact(check)?;
        let is_right = match self.check {
            1 => *check == self.block.crc32.sum().to_le_bytes(),
            4 => *check == self.block.crc64.to_le_bytes(),
            // SHA-256, which hardly anybody asks for, is passed over.
            _ => true,
        };
        if !is_right {
            return Err(damaged("the check of a block does not fit its data"));
        }
        self.total.blocks += 1;
        let unpadded = self.block.header_bytes + packed + check_bytes as u64;
        self.total.packed = self.total.packed.wrapping_add(unpadded);
        self.total.unpacked = self.total.unpacked.wrapping_add(self.block.unpacked);
        Ok(())
    }

    /// Reads the index and the footer behind the last block; the first byte of the index is read already.
    fn end_stream(&mut self, reader: &mut Counted<R>) -> IoResult<()> {
        let before = reader.count - 1;
        let mut summed = Summed { reader, crc: Crc::new() };
        summed.crc.update(&[0]);
        let mut index = Index { blocks: number(&mut summed)?, ..Index::default() };
        for _ in 0..index.blocks {
            index.packed = index.packed.wrapping_add(number(&mut summed)?);
            index.unpacked = index.unpacked.wrapping_add(number(&mut summed)?);
        }
        let mut padding = [0; 3];
        let count = ((summed.reader.count - before).wrapping_neg() & 3) as usize;
        read_zeros(&mut summed, padding.get_mut(..count).unwrap_or_default())?;
        let crc = summed.crc.sum();
        if u32::from_le_bytes(bytes(reader)?) != crc || index != self.total {
            return Err(damaged("its index does not fit its blocks"));
        }
        let crc = u32::from_le_bytes(bytes(reader)?);
        let size_and_flags = bytes::<6>(reader)?;
        let is_right = crc == crc32(&size_and_flags) && size_and_flags[4..] == [0, self.check];
        if !is_right || bytes(reader)? != *b"YZ" {
            return Err(damaged("its end is not that of a stream"));
        }
        Ok(())
    }

    /// Behind a stream: nothing, or zeros in fours and perhaps another stream.
    fn find_next_stream(&mut self, mut reader: Counted<R>) -> IoResult<Stage<R>> {
        loop {
            let mut first = [0];
            if reader.read(&mut first)? == 0 {
                return Ok(Stage::Ended);
            }
            let rest = bytes::<3>(&mut reader)?;
            if first[0] == 0 && rest == [0; 3] {
                continue;
            }
            let begun = [first[0], rest[0], rest[1], rest[2]];
            self.check = stream_header(&mut begun.as_slice().chain(&mut reader))?;
            self.total = Index::default();
            return Ok(Stage::Blocks(reader));
        }
    }
}

impl<R: Read> Read for XzReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        while !buffer.is_empty() {
            // Where anything fails nothing more is read.
            self.stage = match std::mem::replace(&mut self.stage, Stage::Ended) {
                Stage::Stream(mut reader) => {
                    self.check = stream_header(&mut reader)?;
                    Stage::Blocks(reader)
                }
                Stage::Blocks(mut reader) => match bytes::<1>(&mut reader)? {
                    [0] => {
                        self.end_stream(&mut reader)?;
                        self.find_next_stream(reader)?
                    }
                    [size] => self.begin_block(reader, size)?,
                },
                Stage::Block(mut data) => {
                    let read = data.read(buffer)?;
                    if read > 0 {
                        self.block.add(buffer.get(..read).unwrap_or_default(), self.check);
                        self.stage = Stage::Block(data);
                        return Ok(read);
                    }
                    let mut reader = data.into_inner();
                    self.end_block(&mut reader)?;
                    Stage::Blocks(reader)
                }
                Stage::Ended => return Ok(0),
            };
        }
        Ok(0)
    }
}

impl Block {
    fn add(&mut self, unpacked: &[u8], check: u8) {
        self.unpacked += unpacked.len() as u64;
        match check {
            1 => self.crc32.update(unpacked),
            4 => self.crc64 = crc64(self.crc64, unpacked),
            _ => {}
        }
    }
}

/// Reads what stands before the first block of a stream; returns the kind of check behind each.
fn stream_header(reader: &mut impl Read) -> IoResult<u8> {
    let magic = bytes::<6>(reader)?;
    let flags = bytes::<2>(reader)?;
    let crc = u32::from_le_bytes(bytes(reader)?);
    if magic != MAGIC || flags[0] != 0 || flags[1] > 15 || crc != crc32(&flags) {
        return Err(damaged("no stream begins where one should"));
    }
    Ok(flags[1])
}

fn dictionary_bytes(property: u8) -> IoResult<u32> {
    if property > 40 {
        return Err(damaged("the size of its dictionary is unknown"));
    }
    let bytes = (2 | u64::from(property & 1)) << (property / 2 + 11);
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    if bytes > MAX_DICTIONARY_BYTES {
        return Err(IoError::other(format!(
            "it asks for a dictionary of {bytes} bytes; at most {MAX_DICTIONARY_BYTES} are given"
        )));
    }
    Ok(bytes)
}

/// Reads a number of seven bits a byte, the lowest first.
fn number(reader: &mut impl Read) -> IoResult<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let [byte] = bytes::<1>(reader)?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(damaged("a number in it is too long"))
}

fn bytes<const COUNT: usize>(reader: &mut impl Read) -> IoResult<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_zeros(reader: &mut impl Read, padding: &mut [u8]) -> IoResult<()> {
    reader.read_exact(padding)?;
    if padding.iter().all(|&byte| byte == 0) { Ok(()) } else { Err(damaged("its padding is not empty")) }
}

fn damaged(what: &str) -> IoError {
    IoError::new(ErrorKind::InvalidData, what)
}

/// Adds up the bytes of an index while they are read.
struct Summed<'a, R> {
    reader: &'a mut Counted<R>,
    crc: Crc,
}

impl<R: Read> Read for Summed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let read = self.reader.read(buffer)?;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The CRC of ECMA-182, as xz uses it.
const CRC64_TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ if value & 1 == 1 { 0xC96C_5795_D787_0F42 } else { 0 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

fn crc64(crc: u64, bytes: &[u8]) -> u64 {
    !bytes.iter().fold(!crc, |crc, &byte| CRC64_TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}
