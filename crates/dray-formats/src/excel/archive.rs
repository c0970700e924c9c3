//! The list of files at the end of a zip archive. It is read here, byte by byte, because whoever makes
//! room for as many entries as an archive claims to have can be made to ask for any amount of memory.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// How large the list may be. A workbook has some dozens of parts, one full of pictures has thousands;
/// this is room for fifty thousand.
const MAX_LIST_BYTES: u64 = 8 << 20;

/// The end record, and the longest comment that may stand behind it.
const END_BYTES: usize = 22;
const MAX_COMMENT_BYTES: usize = 65_535;

const END: &[u8] = b"PK\x05\x06";
const LARGE_LOCATOR: &[u8] = b"PK\x06\x07";
const LARGE_LOCATOR_BYTES: usize = 20;
const LARGE_END: &[u8] = b"PK\x06\x06";
const LARGE_END_BYTES: usize = 56;
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;

/// The mark of a size or place that is too large for its field and stands elsewhere.
const ELSEWHERE: u64 = 0xFFFF_FFFF;

/// A file in the archive, as the list describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) packed_bytes: u64,
    /// Nobody may rely on it.
    pub(super) unpacked_bytes: u64,
    pub(super) crc: u32,
    /// How it is packed: 0 not at all, 8 by deflate.
    pub(super) method: u16,
    pub(super) is_encrypted: bool,
    header_start: u64,
}

/// Reads the list; an error says what is wrong with the archive.
pub(super) fn read_entries(file: &File, file_bytes: u64) -> Result<Vec<Entry>, &'static str> {
    const CUT_OFF: &str = "its end is missing";
    let tail_bytes = (END_BYTES + MAX_COMMENT_BYTES + LARGE_LOCATOR_BYTES) as u64;
    let tail_start = file_bytes.saturating_sub(tail_bytes);
    let tail = read(file, tail_start, file_bytes - tail_start).ok_or(CUT_OFF)?;
    // The comment may hold anything, but the record that counts reaches exactly to the end.
    let end_at = memchr::memmem::rfind_iter(&tail, END)
        .find(|&at| {
            number(&tail, at + 20, 2).is_some_and(|comment| at + END_BYTES + comment as usize == tail.len())
        })
        .ok_or(CUT_OFF)?;
    let mut list_bytes = number(&tail, end_at + 12, 4).ok_or(CUT_OFF)?;
    let mut list_start = number(&tail, end_at + 16, 4).ok_or(CUT_OFF)?;
    let mut list_end = tail_start + end_at as u64;
    let locator = end_at.checked_sub(LARGE_LOCATOR_BYTES).and_then(|at| tail.get(at..end_at));
    if let Some(locator) = locator.filter(|locator| locator.starts_with(LARGE_LOCATOR)) {
        let at = number(locator, 8, 8).ok_or(CUT_OFF)?;
        let end =
            read(file, at, LARGE_END_BYTES as u64).filter(|end| end.starts_with(LARGE_END)).ok_or(CUT_OFF)?;
        list_bytes = number(&end, 40, 8).ok_or(CUT_OFF)?;
        list_start = number(&end, 48, 8).ok_or(CUT_OFF)?;
        list_end = at;
    }
    if list_bytes > MAX_LIST_BYTES {
        return Err("its list of parts is longer than any workbook's");
    }
    // Something may stand in front of the archive, which those who wrote its list did not know of.
    let shift = list_end.checked_sub(list_bytes).and_then(|real| real.checked_sub(list_start));
    let shift = shift.ok_or("its list of parts is not where it should be")?;
    let list = read(file, list_start + shift, list_bytes).ok_or(CUT_OFF)?;
    entries(&list, shift).ok_or("its list of parts is broken")
}

/// Where the bytes of an entry begin: behind a header of its own.
pub(super) fn start_of(file: &File, entry: &Entry) -> Result<u64, &'static str> {
    let header = read(file, entry.header_start, LOCAL_BYTES as u64).ok_or("it ends before its parts do")?;
    match (number(&header, 26, 2), number(&header, 28, 2)) {
        (Some(name), Some(extra)) if header.starts_with(LOCAL) => {
            Ok(entry.header_start + LOCAL_BYTES as u64 + name + extra)
        }
        _ => Err("its list of parts points to something else"),
    }
}

fn entries(list: &[u8], shift: u64) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        if !rest.starts_with(ENTRY) {
            return None;
        }
        let length = |at: usize| number(rest, at, 2).map(|length| length as usize);
        let (name_end, extra, comment) = (ENTRY_BYTES + length(28)?, length(30)?, length(32)?);
        let name = String::from_utf8_lossy(rest.get(ENTRY_BYTES..name_end)?).into_owned();
        let extra_field = rest.get(name_end..name_end + extra)?;
        let mut large = large_numbers(extra_field);
        let mut or_large = |value: u64| {
            if value != ELSEWHERE {
                return Some(value);
            }
            let (value, behind) = large.split_at_checked(8)?;
            large = behind;
            number(value, 0, 8)
        };
        // The numbers that stand elsewhere stand there in this order.
        let unpacked_bytes = or_large(number(rest, 24, 4)?)?;
        let packed_bytes = or_large(number(rest, 20, 4)?)?;
        let header_start = or_large(number(rest, 42, 4)?)?.checked_add(shift)?;
        entries.push(Entry {
            name,
            packed_bytes,
            unpacked_bytes,
            crc: number(rest, 16, 4)? as u32,
            method: number(rest, 10, 2)? as u16,
            is_encrypted: number(rest, 8, 2)? & 1 == 1,
            header_start,
        });
        rest = rest.get(name_end + extra + comment..)?;
    }
    Some(entries)
}

/// The extra field with the numbers that are too large for theirs.
fn large_numbers(extra: &[u8]) -> &[u8] {
    let mut rest = extra;
    while let (Some(id), Some(length)) = (number(rest, 0, 2), number(rest, 2, 2)) {
        let end = 4 + length as usize;
        if id == 1 {
            return rest.get(4..end).unwrap_or_default();
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    &[]
}

/// The number in the `count` bytes at `at`, lowest first.
fn number(bytes: &[u8], at: usize, count: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(count)?)?;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

fn read(file: &File, at: u64, count: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(count).ok()?];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}
