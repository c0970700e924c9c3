//! What a file claims about itself, checked before anything is unpacked: the footer's schema and the
//! headers of the pages. A page may claim to unpack to 2 GiB, a schema to be as deep as the file is long.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::thrift::{Kind, Walker};

/// The most groups within groups a schema may have; also what keeps recursion over it harmless.
pub(super) const MAX_SCHEMA_DEPTH: usize = 40;

/// The most elements of a schema, groups and columns together.
const MAX_SCHEMA_ELEMENTS: u64 = 200_000;

/// Headers larger than this stand in no Parquet file; the values of statistics make them large.
const MAX_HEADER_BYTES: usize = 16 << 20;

/// How much is read where a page header is expected. Most are below a hundred bytes.
const HEADER_BYTES: usize = 512;

/// Why a file is not given to the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes are not what the format says.
    Damaged,
    /// The schema is nested too deeply.
    TooDeep,
}

/// Checks the schema in the bytes of a footer.
pub(super) fn check_schema(footer: &[u8]) -> Result<(), Fault> {
    let mut fault = Fault::Damaged;
    let walked = Walker::new(footer).fields(|walker, id, kind| {
        if id != 2 || kind != Kind::List {
            return Some(false);
        }
        let (count, _) =
            walker.list().filter(|(count, kind)| *kind == Kind::Struct && *count <= MAX_SCHEMA_ELEMENTS)?;
        // How many elements are still missing in each open group.
        let mut open: Vec<u64> = Vec::new();
        for _ in 0..count {
            let mut children = 0;
            walker.fields(|walker, id, kind| match (id, kind) {
                (5, Kind::Number) => {
                    children = u64::try_from(walker.number()?).ok().filter(|children| *children <= count)?;
                    Some(true)
                }
                _ => Some(false),
            })?;
            if children > 0 {
                open.push(children + 1);
            }
            if open.len() > MAX_SCHEMA_DEPTH {
                fault = Fault::TooDeep;
                return None;
            }
            while let Some(missing) = open.last_mut() {
                *missing -= 1;
                if *missing > 0 {
                    break;
                }
                open.pop();
            }
        }
        Some(true)
    });
    walked.ok_or(fault)
}

/// One page with values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// Its size once unpacked.
    pub(super) bytes: u64,
    /// How many values it says it has; of a column without lists, how many rows.
    pub(super) values: u64,
}

/// The pages of a column chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pages {
    pub(super) pages: Vec<Page>,
    /// The dictionary once unpacked, which stays while the others pass.
    pub(super) dictionary: u64,
    /// True where some page stores what its values share with the one before only once: a few bytes may
    /// then stand for much text.
    pub(super) is_incremental: bool,
}

impl Pages {
    /// The largest page.
    pub(super) fn largest(&self) -> u64 {
        self.pages.iter().map(|page| page.bytes).max().unwrap_or(0)
    }

    /// The most bytes of the pages that so many rows one behind the other lie in, wherever they begin.
    pub(super) fn most_bytes_of(&self, rows: u64) -> u64 {
        let (mut most, mut bytes, mut rows_between) = (0, 0_u64, 0_u64);
        let mut first = 0;
        for (last, page) in self.pages.iter().enumerate() {
            bytes = bytes.saturating_add(page.bytes);
            // The rows take one from the first page, one from the last, and all between.
            while first < last && rows_between.saturating_add(2) > rows {
                let passed = self.pages.get(first).map_or(0, |page| page.bytes);
                bytes = bytes.saturating_sub(passed);
                first += 1;
                let inner =
                    if first < last { self.pages.get(first).map_or(0, |page| page.values) } else { 0 };
                rows_between = rows_between.saturating_sub(inner);
            }
            most = most.max(bytes);
            if last > first {
                rows_between = rows_between.saturating_add(page.values);
            }
        }
        most
    }
}

/// Number of the encoding that shares beginnings between values.
const DELTA_BYTE_ARRAY: i64 = 7;

/// Kinds of pages.
const DICTIONARY_PAGE: i64 = 2;

/// Walks the headers of all pages in a stretch of the file.
/// `None` where they are not what the format says.
pub(super) fn look_at_pages(file: &mut File, chunk: Range<u64>) -> std::io::Result<Option<Pages>> {
    let mut pages = Pages::default();
    let mut at = chunk.start;
    let mut buffer = Vec::new();
    while at < chunk.end {
        let Some(header) = read_header(file, at..chunk.end, &mut buffer)? else { return Ok(None) };
        let behind_header = at + header.length;
        let left = chunk.end.saturating_sub(behind_header);
        let (Ok(packed), Ok(unpacked)) = (u64::try_from(header.packed), u64::try_from(header.unpacked))
        else {
            return Ok(None);
        };
        if packed > left {
            return Ok(None);
        }
        if header.kind == DICTIONARY_PAGE {
            pages.dictionary = pages.dictionary.max(unpacked.max(packed));
        } else {
            let values = u64::try_from(header.values).unwrap_or(0);
            pages.pages.push(Page { bytes: unpacked.max(packed), values });
        }
        pages.is_incremental |= header.encoding == DELTA_BYTE_ARRAY;
        at = behind_header + packed;
    }
    Ok(Some(pages))
}

/// The header of a page, as far as it matters here.
#[derive(Default)]
struct PageHeader {
    kind: i64,
    unpacked: i64,
    packed: i64,
    values: i64,
    encoding: i64,
    length: u64,
}

fn read_header(
    file: &mut File,
    stretch: Range<u64>,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<PageHeader>> {
    let available = usize::try_from(stretch.end - stretch.start).unwrap_or(usize::MAX);
    let mut wanted = HEADER_BYTES;
    loop {
        let count = wanted.min(available);
        buffer.clear();
        file.seek(SeekFrom::Start(stretch.start))?;
        file.by_ref().take(count as u64).read_to_end(buffer)?;
        if let Some(header) = parse_header(buffer) {
            return Ok(Some(header));
        }
        if count == available || count >= MAX_HEADER_BYTES || buffer.len() < count {
            return Ok(None);
        }
        wanted = wanted.saturating_mul(16);
    }
}

fn parse_header(bytes: &[u8]) -> Option<PageHeader> {
    let mut header = PageHeader { kind: -1, unpacked: -1, packed: -1, ..PageHeader::default() };
    let mut walker = Walker::new(bytes);
    walker.fields(|walker, id, kind| {
        let field = match (id, kind) {
            (1, Kind::Number) => &mut header.kind,
            (2, Kind::Number) => &mut header.unpacked,
            (3, Kind::Number) => &mut header.packed,
            // The header of a data page, of either version.
            (5 | 8, Kind::Struct) => {
                let encoding_id = if id == 5 { 2 } else { 4 };
                walker.fields(|walker, id, kind| {
                    let field = match kind {
                        Kind::Number if id == 1 => &mut header.values,
                        Kind::Number if id == encoding_id => &mut header.encoding,
                        _ => return Some(false),
                    };
                    *field = walker.number()?;
                    Some(true)
                })?;
                return Some(true);
            }
            _ => return Some(false),
        };
        *field = walker.number()?;
        Some(true)
    })?;
    header.length = walker.position() as u64;
    Some(header)
}
