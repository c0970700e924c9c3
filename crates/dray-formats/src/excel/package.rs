//! The parts of a workbook: files in a zip archive, unpacked as they are read and never beyond the limits.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dray_model::{Error, ErrorKind, Result};
use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::archive::{Entry, read_entries, start_of};
use crate::options::ReadLimits;

/// How much of the file is read at a time.
const READ_BYTES: usize = 64 << 10;

/// A zip archive.
pub(super) struct Package {
    name: String,
    file: Arc<File>,
    file_bytes: u64,
    parts: HashMap<String, Entry>,
    limits: ReadLimits,
}

impl Package {
    /// Reads the list of parts.
    pub(super) fn open(name: &str, file: File, limits: &ReadLimits) -> Result<Self> {
        let file_bytes = file.metadata().map_err(|cause| cannot_read(name, cause))?.len();
        let mut parts = HashMap::new();
        for entry in read_entries(&file, file_bytes).map_err(|what| damaged(name, what))? {
            if parts.insert(key_of(&entry.name), entry).is_some() {
                return Err(Error::source(format!("`{name}` has two parts with the same name"))
                    .hint("programs would not agree on which of them counts; save the workbook again"));
            }
        }
        Ok(Self { name: name.to_owned(), file: Arc::new(file), file_bytes, parts, limits: limits.clone() })
    }

    /// The file's name for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The size of the file.
    pub(super) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// True where there is such a part.
    pub(super) fn has(&self, part: &str) -> bool {
        self.parts.contains_key(&key_of(part))
    }

    /// How many bytes a part says it has. Nobody may rely on it.
    pub(super) fn claimed_bytes(&self, part: &str) -> u64 {
        self.parts.get(&key_of(part)).map_or(0, |entry| entry.unpacked_bytes)
    }

    /// How much of the file a part takes up.
    pub(super) fn packed_bytes(&self, part: &str) -> u64 {
        self.parts.get(&key_of(part)).map_or(0, |entry| entry.packed_bytes.min(self.file_bytes))
    }

    /// Opens a part for reading from its beginning.
    pub(super) fn part(&self, part: &str) -> Result<Part> {
        let entry = self
            .parts
            .get(&key_of(part))
            .ok_or_else(|| damaged(&self.name, &format!("the part `{part}` is missing")))?;
        if entry.is_encrypted {
            return Err(password_protected(&self.name));
        }
        let start = start_of(&self.file, entry).map_err(|what| damaged(&self.name, what))?;
        let packed = Packed {
            file: Arc::clone(&self.file),
            at: start,
            left: entry.packed_bytes,
            consumed: Arc::default(),
        };
        let consumed = Arc::clone(&packed.consumed);
        let packed = BufReader::with_capacity(READ_BYTES, packed);
        let unpacking = match entry.method {
            0 => Unpacking::Stored(packed),
            8 => Unpacking::Deflated(DeflateDecoder::new(packed)),
            _ => {
                return Err(Error::source(format!("`{}` is packed in an unusual way", self.name))
                    .hint("open it in a spreadsheet program and save it again"));
            }
        };
        Ok(Part {
            name: self.name.clone(),
            unpacking,
            crc: Crc::new(),
            expected_crc: entry.crc,
            unpacked: 0,
            consumed,
            limits: self.limits.clone(),
        })
    }
}

/// Programs do not agree on the case of names, on slashes and on whether one stands in front.
fn key_of(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_ascii_lowercase()
}

/// What is said about a file that is not what it should be.
pub(super) fn damaged(name: &str, what: &str) -> Error {
    Error::source(format!("`{name}` is damaged: {what}"))
        .hint("send it again, or open it in a spreadsheet program and save it")
}

/// What is said about a file nobody can read without its password.
pub(super) fn password_protected(name: &str) -> Error {
    Error::source(format!("`{name}` is protected with a password"))
        .hint("open it in a spreadsheet program, remove the password, save it and send it again")
}

fn cannot_read(name: &str, cause: std::io::Error) -> Error {
    Error::file(format!("reading `{name}` failed"))
        .hint("check the disk or connection the file comes from and try again")
        .because(cause)
        .retryable()
}

/// The packed bytes of one part. Reads by position, so that several parts can be read at a time.
struct Packed {
    file: Arc<File>,
    at: u64,
    left: u64,
    consumed: Arc<AtomicU64>,
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

enum Unpacking {
    Stored(BufReader<Packed>),
    Deflated(DeflateDecoder<BufReader<Packed>>),
}

/// A part that is being read.
pub(super) struct Part {
    name: String,
    unpacking: Unpacking,
    crc: Crc,
    expected_crc: u32,
    unpacked: u64,
    consumed: Arc<AtomicU64>,
    limits: ReadLimits,
}

impl Part {
    /// The packed bytes read so far, as it grows.
    pub(super) fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.consumed)
    }

    fn check(&mut self, read: &[u8]) -> Result<()> {
        if read.is_empty() {
            return if self.crc.sum() == self.expected_crc {
                Ok(())
            } else {
                Err(damaged(&self.name, "its contents do not match their checksum"))
            };
        }
        self.crc.update(read);
        self.unpacked += read.len() as u64;
        let packed = self.consumed.load(Ordering::Relaxed);
        let by_ratio =
            packed.saturating_mul(self.limits.max_unpacked_ratio).max(ReadLimits::RATIO_FREE_BYTES);
        if self.unpacked > by_ratio {
            return Err(unpacks_to_too_much(&self.name));
        }
        if self.unpacked > self.limits.max_unpacked_bytes {
            let message =
                format!("`{}` unpacks to more than {} bytes", self.name, self.limits.max_unpacked_bytes);
            return Err(Error::new(ErrorKind::Limit, message).hint("send the table in several files"));
        }
        Ok(())
    }
}

/// What is said about a file that is a bomb.
pub(super) fn unpacks_to_too_much(name: &str) -> Error {
    Error::new(ErrorKind::Limit, format!("`{name}` unpacks to far more than its size allows"))
        .hint("check where the file comes from; if it is a real table, save it as CSV")
}

impl Read for Part {
    /// Errors carry an [`Error`] of ours inside.
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = match &mut self.unpacking {
            Unpacking::Stored(packed) => packed.read(buffer),
            Unpacking::Deflated(packed) => packed.read(buffer),
        };
        let read = read.map_err(|cause| match cause.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                std::io::Error::other(damaged(&self.name, "one of its parts ends too early"))
            }
            std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
                std::io::Error::other(damaged(&self.name, "one of its parts cannot be unpacked"))
            }
            _ => std::io::Error::other(cannot_read(&self.name, cause)),
        })?;
        if buffer.is_empty() {
            return Ok(0);
        }
        self.check(buffer.get(..read).unwrap_or_default()).map_err(std::io::Error::other)?;
        Ok(read)
    }
}
