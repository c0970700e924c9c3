//! The list of files that ends a zip archive, and what stands before each file.

use std::fs::File;
use std::io::{Read, Result as IoResult, Seek, SeekFrom};

/// The list of files stands before this record at the end, which a comment may follow.
const END_BYTES: usize = 22;
const MAX_COMMENT_BYTES: usize = 0xFFFF;

/// One file of an archive, as the list says.
pub(super) struct Member {
    /// Its path in the archive.
    pub(super) path: String,
    pub(super) raw_path: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    pub(super) is_link: bool,
    pub(super) header_at: u64,
}

impl Member {
    /// The last part of its path.
    pub(super) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// True for directories and for what systems add on their own.
    pub(super) fn is_beside_the_point(&self) -> bool {
        self.path.ends_with('/')
            || self.path.starts_with("__MACOSX/")
            || matches!(self.file_name(), ".DS_Store" | "Thumbs.db" | "desktop.ini")
    }
}

/// Where the list of files is.
pub(super) struct End {
    pub(super) files: u64,
    pub(super) list_bytes: u64,
    pub(super) list_at: u64,
}

/// Finds the record at the end of an archive; `None` where there is none.
pub(super) fn read_end(file: &mut File, archive_bytes: u64) -> IoResult<Option<End>> {
    let tail_bytes = archive_bytes.min((END_BYTES + MAX_COMMENT_BYTES) as u64);
    let tail_at = archive_bytes - tail_bytes;
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(tail_at))?;
    file.take(tail_bytes).read_to_end(&mut tail)?;
    // The comment may hold anything, so only a record counts whose comment ends where the file does.
    let is_end = |at: &usize| {
        let comment = short(&tail, at + 20).map(usize::from);
        comment.is_some_and(|comment| at + END_BYTES + comment == tail.len())
    };
    let Some(at) = memchr::memmem::rfind_iter(&tail, b"PK\x05\x06").find(is_end) else { return Ok(None) };
    let (Some(files), Some(list_bytes), Some(list_at)) =
        (short(&tail, at + 10), long(&tail, at + 12), long(&tail, at + 16))
    else {
        return Ok(None);
    };
    if files != u16::MAX && list_bytes != u32::MAX && list_at != u32::MAX {
        return Ok(Some(End {
            files: u64::from(files),
            list_bytes: u64::from(list_bytes),
            list_at: u64::from(list_at),
        }));
    }
    // Larger numbers stand in a second record, to which a third one points.
    let locator = at.checked_sub(20).and_then(|at| tail.get(at..)).unwrap_or_default();
    let Some(large_at) = wide(locator, 8).filter(|_| locator.starts_with(b"PK\x06\x07")) else {
        return Ok(Some(End {
            files: u64::from(files),
            list_bytes: u64::from(list_bytes),
            list_at: u64::from(list_at),
        }));
    };
    let mut large = Vec::new();
    file.seek(SeekFrom::Start(large_at))?;
    file.take(56).read_to_end(&mut large)?;
    let (Some(files), Some(list_bytes), Some(list_at)) =
        (wide(&large, 32), wide(&large, 40), wide(&large, 48))
    else {
        return Ok(None);
    };
    Ok(large.starts_with(b"PK\x06\x06").then_some(End { files, list_bytes, list_at }))
}

/// Reads the list of files; `None` where it is not one.
pub(super) fn read_list(list: &[u8], files: u64) -> Option<Vec<Member>> {
    let mut members = Vec::new();
    let mut rest = list;
    for _ in 0..files {
        if !rest.starts_with(b"PK\x01\x02") {
            return None;
        }
        let path_bytes = usize::from(short(rest, 28)?);
        let extra_bytes = usize::from(short(rest, 30)?);
        let comment_bytes = usize::from(short(rest, 32)?);
        let raw_path = rest.get(46..46 + path_bytes)?.to_vec();
        let extra = rest.get(46 + path_bytes..46 + path_bytes + extra_bytes)?;
        let (unpacked, packed, header_at) = (long(rest, 24)?, long(rest, 20)?, long(rest, 42)?);
        let mut large = large_numbers(extra);
        let mut number = |small: u32| {
            if small != u32::MAX {
                return Some(u64::from(small));
            }
            let (value, behind) = large.split_first_chunk::<8>()?;
            large = behind;
            Some(u64::from_le_bytes(*value))
        };
        members.push(Member {
            path: String::from_utf8_lossy(&raw_path).replace('\\', "/"),
            flags: short(rest, 8)?,
            method: short(rest, 10)?,
            crc: long(rest, 16)?,
            unpacked: number(unpacked)?,
            packed: number(packed)?,
            header_at: number(header_at)?,
            is_link: (long(rest, 38)? >> 16) & 0o170_000 == 0o120_000,
            raw_path,
        });
        rest = rest.get(46 + path_bytes + extra_bytes + comment_bytes..)?;
    }
    Some(members)
}

/// The part of a member's extra fields that holds numbers too large for 32 bits.
fn large_numbers(mut extra: &[u8]) -> &[u8] {
    while let (Some(kind), Some(bytes)) = (short(extra, 0), short(extra, 2)) {
        let end = 4 + usize::from(bytes);
        if kind == 1 {
            return extra.get(4..end).unwrap_or_default();
        }
        extra = extra.get(end..).unwrap_or_default();
    }
    &[]
}

/// Reads what stands before a member's data; returns where they begin, or `None` where it is not this
/// member that is there.
pub(super) fn read_local_header(file: &mut File, member: &Member) -> IoResult<Option<u64>> {
    let mut header = [0; 30];
    file.seek(SeekFrom::Start(member.header_at))?;
    file.read_exact(&mut header)?;
    let (Some(path_bytes), Some(extra_bytes)) = (short(&header, 26), short(&header, 28)) else {
        return Ok(None);
    };
    let mut path = vec![0; usize::from(path_bytes)];
    file.read_exact(&mut path)?;
    let is_same = header.starts_with(b"PK\x03\x04") && path == member.raw_path;
    Ok(is_same.then(|| member.header_at + 30 + u64::from(path_bytes) + u64::from(extra_bytes)))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

fn wide(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}
