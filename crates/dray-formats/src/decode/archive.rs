//! Zip archives: the list of their files, and one of them as a stream. Names in an archive are only
//! ever compared and shown; nothing is written where they say.

use std::collections::HashSet;
use std::fs::File;
use std::io::{
    BufReader, Error as IoError, ErrorKind as IoErrorKind, Read, Result as IoResult, Seek, SeekFrom,
};
use std::sync::Arc;

use dray_model::{Error, ErrorKind, Result};
use flate2::Crc;

use super::codec::{deflated, unpack};
use super::listing::{Member, read_end, read_list, read_local_header};
use super::meter::{Count, Taken};
use crate::options::{Compression, Format};
use crate::origin::Origin;

/// More files than this nobody sends to have one of them read.
const MAX_FILES: u64 = 65_536;
/// The most bytes of the list of files.
const MAX_DIRECTORY_BYTES: u64 = 32 << 20;
/// The most names an error lists.
const SHOWN_NAMES: usize = 10;

/// An opened archive.
pub(super) struct Archive {
    name: String,
    file: File,
    bytes: u64,
    members: Vec<Member>,
}

impl Archive {
    /// Reads the list of files.
    pub(super) fn open(name: &str, mut file: File) -> Result<Self> {
        let cannot_read = |cause: IoError| {
            Error::file(format!("reading `{name}` failed"))
                .hint("check the disk and try again")
                .because(cause)
        };
        let bytes = file.seek(SeekFrom::End(0)).map_err(cannot_read)?;
        let end = read_end(&mut file, bytes).map_err(cannot_read)?.ok_or_else(|| {
            Error::source(format!(
                "`{name}` is cut off: the list of files that ends a zip archive is missing at byte {bytes}"
            ))
            .hint("send the archive again, completely")
        })?;
        if end.files > MAX_FILES || end.list_bytes > MAX_DIRECTORY_BYTES {
            return Err(Error::new(ErrorKind::Limit, format!("`{name}` holds more than {MAX_FILES} files"))
                .hint("pack only the file that is to be read"));
        }
        let mut list = Vec::new();
        file.seek(SeekFrom::Start(end.list_at)).map_err(cannot_read)?;
        (&mut file).take(end.list_bytes).read_to_end(&mut list).map_err(cannot_read)?;
        let members = read_list(&list, end.files).ok_or_else(|| {
            Error::source(format!(
                "`{name}` is damaged: its list of files at byte {} cannot be read",
                end.list_at
            ))
            .hint("pack the file again, or send it unpacked")
        })?;
        Ok(Self { name: name.to_owned(), file, bytes, members })
    }

    /// The format of the workbook that this archive is.
    pub(super) fn workbook(&mut self) -> Option<Format> {
        let has = |path: &str| self.members.iter().any(|member| member.path.eq_ignore_ascii_case(path));
        if has("xl/workbook.bin") {
            return Some(Format::Xlsb);
        }
        // Other office documents have the same relations; the reader of workbooks says what they are.
        if has("xl/workbook.xml") || has("_rels/.rels") {
            return Some(Format::Xlsx);
        }
        let mimetype = self.members.iter().position(|member| member.path == "mimetype")?;
        let (mut text, mut count) = (Vec::new(), Count::default());
        let reader = self.member_reader(mimetype, &mut count, None).ok()?;
        reader.take(200).read_to_end(&mut text).ok()?;
        let spreadsheet = b"application/vnd.oasis.opendocument.spreadsheet";
        text.starts_with(spreadsheet).then_some(Format::Ods)
    }

    /// What other kind of document this archive is.
    pub(super) fn kind_of_document(&self) -> Option<&'static str> {
        let has = |path: &str| self.members.iter().any(|member| member.path == path);
        if has("word/document.xml") {
            Some("a Word document")
        } else if has("ppt/presentation.xml") {
            Some("a PowerPoint presentation")
        } else {
            (has("mimetype") && has("content.xml")).then_some("an OpenDocument file that is no spreadsheet")
        }
    }

    /// The file itself.
    pub(super) fn into_file(mut self) -> Result<File> {
        self.file.rewind().map_err(|cause| {
            Error::file(format!("reading `{}` failed", self.name))
                .hint("check the disk and try again")
                .because(cause)
        })?;
        Ok(self.file)
    }

    /// Finds the file that is meant: the one of this path or name, or the only one.
    pub(super) fn find(&self, wanted: Option<&str>) -> Result<usize> {
        let name = &self.name;
        let mut paths = HashSet::new();
        if let Some(twice) = self.members.iter().find(|member| !paths.insert(&member.path)) {
            return Err(Error::source(format!("`{name}` holds `{}` twice", shown(&twice.path)))
                .hint("pack the file again, or send it unpacked"));
        }
        let files = || self.members.iter().enumerate().filter(|(_, member)| !member.is_beside_the_point());
        let found: Vec<usize> = match wanted {
            None => files().map(|(index, _)| index).collect(),
            Some(wanted) => {
                let by_path = files().find(|(_, member)| member.path == wanted);
                let by_name = files().filter(|(_, member)| member.file_name() == wanted);
                by_path.map_or_else(|| by_name.map(|(index, _)| index).collect(), |(index, _)| vec![index])
            }
        };
        let list = |indexes: &mut dyn Iterator<Item = usize>| {
            let paths = indexes.filter_map(|index| self.members.get(index));
            let mut paths: Vec<String> =
                paths.take(SHOWN_NAMES + 1).map(|member| format!("`{}`", shown(&member.path))).collect();
            if paths.len() > SHOWN_NAMES {
                paths.truncate(SHOWN_NAMES);
                paths.push("…".to_owned());
            }
            paths.join(", ")
        };
        let all = || list(&mut files().map(|(index, _)| index));
        match (found.as_slice(), wanted) {
            (&[only], _) => Ok(only),
            ([], None) => Err(Error::source(format!("`{name}` is a zip archive without a file in it"))
                .hint("check that the right archive was sent")),
            ([], Some(wanted)) => {
                let message = format!("`{name}` holds no file `{}`; it holds {}", shown(wanted), all());
                Err(Error::request(message).hint("name one of them as the member"))
            }
            (several, _) => {
                let message =
                    format!("`{name}` holds {} files: {}", several.len(), list(&mut several.iter().copied()));
                Err(Error::request(message).hint("name the one to read as the member, or pack only that one"))
            }
        }
    }

    pub(super) fn member(&self, index: usize) -> Option<&Member> {
        self.members.get(index)
    }

    /// A member's unpacked bytes. `count` counts the packed ones, and so does `origin`.
    pub(super) fn into_reader(
        mut self,
        index: usize,
        count: &mut Count,
        origin: Option<&Arc<Origin>>,
    ) -> Result<Box<dyn Read + Send>> {
        self.member_reader(index, count, origin)
    }

    fn member_reader(
        &mut self,
        index: usize,
        count: &mut Count,
        origin: Option<&Arc<Origin>>,
    ) -> Result<Box<dyn Read + Send>> {
        let (name, archive_bytes) = (&self.name, self.bytes);
        let damaged = |what: &str| {
            Error::source(format!("`{name}` is damaged: {what}"))
                .hint("pack the file again, or send it unpacked")
        };
        let member = self.members.get(index).ok_or_else(|| damaged("a file is missing"))?;
        let path = shown(&member.path);
        if member.flags & 1 != 0 || member.flags & 0x40 != 0 {
            return Err(Error::source(format!("`{path}` in `{name}` is encrypted"))
                .hint("unpack it with its password and send the file itself"));
        }
        if member.is_link {
            return Err(Error::source(format!("`{path}` in `{name}` is a link, not a file"))
                .hint("pack the file itself"));
        }
        let data_at = read_local_header(&mut self.file, member)
            .ok()
            .flatten()
            .ok_or_else(|| damaged(&format!("the list of files and `{path}` itself say different things")))?;
        if data_at.checked_add(member.packed).is_none_or(|end| end > archive_bytes) {
            return Err(Error::source(format!(
                "`{name}` is cut off: `{path}` should reach beyond byte {archive_bytes}"
            ))
            .hint("send the archive again, completely"));
        }
        let file = self.file.try_clone().and_then(|mut file| {
            file.seek(SeekFrom::Start(data_at))?;
            Ok(file)
        });
        let file = file.map_err(|cause| {
            Error::file(format!("reading `{name}` failed"))
                .hint("check the disk and try again")
                .because(cause)
        })?;
        let packed = Taken::new(file.take(member.packed), count, origin);
        let unpacked = match member.method {
            0 => Ok(Box::new(BufReader::with_capacity(64 << 10, packed)) as Box<dyn Read + Send>),
            8 => Ok(deflated(packed)),
            12 => unpack(Compression::Bzip2, packed),
            93 => unpack(Compression::Zstd, packed),
            95 => unpack(Compression::Xz, packed),
            method => {
                return Err(Error::source(format!(
                    "`{path}` in `{name}` is packed by method {method}, which is not read"
                ))
                .hint("pack it again with the usual settings, or send it unpacked"));
            }
        };
        let reader = unpacked.map_err(|cause| damaged("its data cannot be unpacked").because(cause))?;
        Ok(Box::new(Checked {
            reader,
            crc: Crc::new(),
            made: 0,
            wanted_crc: member.crc,
            wanted_bytes: member.unpacked,
            // The other files and the list count as read once this one is.
            rest: origin.map(|origin| (Arc::clone(origin), archive_bytes.saturating_sub(member.packed))),
        }))
    }
}

/// Compares what comes out of a member with what the list says of it.
struct Checked {
    reader: Box<dyn Read + Send>,
    crc: Crc,
    made: u64,
    wanted_crc: u32,
    wanted_bytes: u64,
    rest: Option<(Arc<Origin>, u64)>,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let read = self.reader.read(buffer)?;
        self.made += read as u64;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        let has_ended = read == 0 && !buffer.is_empty();
        if self.made > self.wanted_bytes || (has_ended && self.made < self.wanted_bytes) {
            return Err(IoError::new(IoErrorKind::InvalidData, "it is not as long as the archive says"));
        }
        if has_ended && self.crc.sum() != self.wanted_crc {
            return Err(IoError::new(IoErrorKind::InvalidData, "its checksum is not the one in the archive"));
        }
        if has_ended && let Some((origin, rest)) = self.rest.take() {
            origin.add_taken(rest);
        }
        Ok(read)
    }
}

/// A path for people: short, and without anything that moves a cursor.
pub(super) fn shown(path: &str) -> String {
    let clean: String = path.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    dray_model::problem::shown(&clean)
}
