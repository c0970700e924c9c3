//! Files in the organization's own folder of the server. Nothing leads out of it, only regular files are read,
//! and a new file replaces the old one at once.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use dray_model::{Error, Result};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::beneath;
use super::copy::Fetched;
use super::outcome::{as_io, changed, interrupted, no_such_file, too_large, too_many_files, unkept};
use super::path::{InvalidPath, Pattern, below};
use super::settings::Role;
use super::{Listed, MOST_LISTED};
use crate::outbound::fetch::FetchWatch;

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;
/// What the names of files under way begin with; nobody else's begin so.
const UNDER_WAY: &str = ".dray-";

/// The folder of an organization.
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn absolute_path(&self, path: &str) -> std::result::Result<String, InvalidPath> {
        Ok(self.root.join(below(path)?).display().to_string())
    }

    /// The folder itself, made where it is missing.
    fn open_root(&self) -> Result<File> {
        let cannot = |why: std::io::Error| {
            tracing::warn!(folder = %self.root.display(), %why, "the folder of a connection cannot be used");
            Error::source("the server's folder for files cannot be used")
                .hint("an administrator sees why in the server's log")
                .retryable()
        };
        std::fs::create_dir_all(&self.root).map_err(cannot)?;
        File::open(&self.root).map_err(cannot)
    }

    pub(super) fn test(&self, role: Role) -> Result<()> {
        let root = self.open_root()?;
        if role == Role::Destination {
            drop(NewLocalFile::begin(OwnedFd::from(root), "test")?);
        }
        Ok(())
    }

    fn open_file(&self, path: &str) -> Result<File> {
        let below = below(path)?;
        let root = self.open_root()?;
        // A pipe without a writer would be waited for.
        let opened = beneath::open(root.as_fd(), below, OFlags::RDONLY | OFlags::NONBLOCK);
        let file = File::from(opened.map_err(|why| cannot(path, why))?);
        let about = file.metadata().map_err(|why| cannot_io(path, &why))?;
        if !about.is_file() {
            return Err(Error::source(format!("`{path}` is no file"))
                .hint("only regular files are read: no folders, pipes or devices"));
        }
        Ok(file)
    }

    pub(super) fn fetch(&self, path: &str, to: &Path, most: u64, watch: FetchWatch<'_>) -> Result<Fetched> {
        let mut file = self.open_file(path)?;
        let before = Seen::of(&file).map_err(|why| cannot_io(path, &why))?;
        if before.bytes > most {
            return Err(too_large(path, most));
        }
        let mut copy = File::create(to).map_err(|why| unkept(&why))?;
        let mut buffer = vec![0; READ_BYTES];
        let mut received = 0;
        loop {
            if watch.stop.load(Ordering::Relaxed) {
                return Err(interrupted());
            }
            let read = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(why) if why.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(why) => return Err(cannot_io(path, &why)),
            };
            received += read as u64;
            if received > before.bytes {
                return Err(changed(path));
            }
            copy.write_all(buffer.get(..read).unwrap_or_default()).map_err(|why| unkept(&why))?;
            watch.bytes.store(received, Ordering::Relaxed);
        }
        let after = Seen::of(&file).map_err(|why| cannot_io(path, &why))?;
        if received != before.bytes || before != after {
            return Err(changed(path));
        }
        Ok(Fetched { bytes: received, modified: before.modified_micros() })
    }

    pub(super) fn newest(&self, pattern: &Pattern) -> Result<Option<Listed>> {
        let root = self.open_root()?;
        let folder = match pattern.folder.trim_matches('/') {
            "" => OwnedFd::from(root),
            folder => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                beneath::open(root.as_fd(), below(folder)?, flags).map_err(|why| cannot(folder, why))?
            }
        };
        let entries = Dir::read_from(&folder).map_err(|why| cannot(&pattern.folder, why))?;
        let mut newest: Option<Listed> = None;
        for (index, entry) in entries.enumerate() {
            if index > MOST_LISTED {
                return Err(too_many_files(&pattern.folder));
            }
            let entry = entry.map_err(|why| cannot(&pattern.folder, why))?;
            // A name that is no UTF-8 cannot be said in a path.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." || name.starts_with(UNDER_WAY) || !pattern.matches(name) {
                continue;
            }
            // What is no file, leads out or is gone meanwhile is none of them.
            let Ok(file) = beneath::open(folder.as_fd(), name, OFlags::RDONLY | OFlags::NONBLOCK) else {
                continue;
            };
            let Ok(about) = fstat(&file) else { continue };
            let Ok(seen) = Seen::of(&File::from(file)) else { continue };
            if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
                continue;
            }
            let found =
                Listed { path: pattern.path(name), bytes: seen.bytes, modified: seen.modified_micros() };
            if newest
                .as_ref()
                .is_none_or(|known| (known.modified, &known.path) < (found.modified, &found.path))
            {
                newest = Some(found);
            }
        }
        Ok(newest)
    }

    pub(super) fn create(&self, path: &str) -> Result<NewLocalFile> {
        let below = below(path)?;
        let root = self.open_root()?;
        let (folder, name) = match below.rsplit_once('/') {
            None => (OwnedFd::from(root), below),
            Some((folder, name)) => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let opened = beneath::open(root.as_fd(), folder, flags);
                (opened.map_err(|why| cannot(folder, why))?, name)
            }
        };
        if let Ok(about) = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            let kind = FileType::from_raw_mode(about.st_mode);
            if !matches!(kind, FileType::RegularFile | FileType::Symlink) {
                return Err(Error::source(format!(
                    "`{path}` is there, and is no file that could be replaced"
                )));
            }
        }
        NewLocalFile::begin(folder, name)
    }
}

/// What tells whether a file is still the same.
#[derive(PartialEq, Eq)]
struct Seen {
    bytes: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Seen {
    fn of(file: &File) -> std::io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self { bytes: about.len(), seconds: about.mtime(), nanoseconds: about.mtime_nsec() })
    }

    fn modified_micros(&self) -> i64 {
        self.seconds.saturating_mul(1_000_000).saturating_add(self.nanoseconds / 1_000)
    }
}

/// A file under way, under another name in its folder.
pub(super) struct NewLocalFile {
    folder: OwnedFd,
    name: String,
    draft: String,
    file: File,
    is_whole: bool,
}

impl NewLocalFile {
    fn begin(folder: OwnedFd, name: &str) -> Result<Self> {
        let draft = format!("{UNDER_WAY}{:016x}.tmp", rand::random::<u64>());
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o644);
        let file = openat(&folder, &*draft, flags, mode).map_err(|why| cannot_write(name, why.into()))?;
        Ok(Self { folder, name: name.to_owned(), draft, file: File::from(file), is_whole: false })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes).map_err(|why| as_io(cannot_write(&self.name, why)))
    }

    pub(super) fn finish(mut self) -> Result<()> {
        let cannot = |why| cannot_write(&self.name, why);
        self.file.sync_all().map_err(cannot)?;
        renameat(&self.folder, &*self.draft, &self.folder, &*self.name).map_err(|why| cannot(why.into()))?;
        self.is_whole = true;
        rustix::fs::fsync(&self.folder).map_err(|why| cannot_write(&self.name, why.into()))
    }
}

impl Drop for NewLocalFile {
    fn drop(&mut self) {
        if !self.is_whole {
            let _ = unlinkat(&self.folder, &*self.draft, AtFlags::empty());
        }
    }
}

fn cannot(path: &str, why: Errno) -> Error {
    match why {
        Errno::NOENT | Errno::NOTDIR => no_such_file(path),
        Errno::XDEV | Errno::LOOP => Error::request(format!("`{path}` leads out of the folder for files"))
            .hint("links are followed only within the organization's folder"),
        Errno::ACCESS | Errno::PERM => Error::source(format!("the server may not open `{path}`"))
            .hint("ask an administrator of the server"),
        Errno::NXIO => Error::source(format!("`{path}` is no file")),
        why => cannot_io(path, &why.into()),
    }
}

fn cannot_io(path: &str, why: &std::io::Error) -> Error {
    Error::source(format!("`{path}` cannot be read: {why}")).retryable()
}

fn cannot_write(name: &str, why: std::io::Error) -> Error {
    Error::source(format!("`{name}` cannot be written: {why}"))
        .hint("is there space left, and may the server write there?")
        .retryable()
}
