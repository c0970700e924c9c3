//! Where bytes come from: a file or any reader, with a name for people.

use std::fs::{File, FileType};
use std::io::{Cursor, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;

use dray_model::{Error, Result};

use crate::origin::Origin;

/// The three bytes some programs put in front of UTF-8 text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A source of bytes with a name.
pub(crate) struct Input {
    name: String,
    reader: Box<dyn Read + Send>,
    /// The file the bytes lie in, where they do.
    file: Option<File>,
    ended: bool,
    origin: Arc<Origin>,
}

impl Input {
    /// Opens a file, or a pipe that has a path.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let shown = path.display();
        let metadata = std::fs::metadata(path).map_err(|cause| cannot_open(path, cause))?;
        if metadata.is_dir() {
            return Err(Error::file(format!("`{shown}` is a directory"))
                .hint("name one file; a directory cannot be read as a table"));
        }
        if let Some(kind) = kind_of_special_file(metadata.file_type()) {
            return Err(Error::file(format!("`{shown}` is {kind}, not a file"))
                .hint("name a file, or send the data through a pipe"));
        }
        let file = File::open(path).map_err(|cause| cannot_open(path, cause))?;
        if !metadata.is_file() {
            return Ok(Self::new(name, Box::new(file)));
        }
        Self::from_file(name, file)
    }

    /// Takes a file that can be read from any place, from where it stands.
    pub(crate) fn from_file(name: impl Into<String>, file: File) -> Result<Self> {
        let name = name.into();
        let whole = file.try_clone().map_err(|cause| {
            Error::file(format!("`{name}` cannot be read")).hint("close some files").because(cause)
        })?;
        Ok(Self { file: Some(whole), ..Self::new(name, Box::new(file)) })
    }

    /// Takes bytes from any reader.
    pub(crate) fn new(name: impl Into<String>, reader: Box<dyn Read + Send>) -> Self {
        Self { name: name.into(), reader, file: None, ended: false, origin: Arc::default() }
    }

    /// The same source with its bytes decoded by `reader`, and under another name where it has one inside.
    pub(crate) fn decoded(name: String, reader: Box<dyn Read + Send>, origin: Arc<Origin>) -> Self {
        Self { name, reader, file: None, ended: false, origin }
    }

    /// What connects the text with the source as it lies.
    pub(crate) fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// A reader of the whole source, of which `sample` was read already.
    pub(crate) fn into_reader(self, sample: Vec<u8>) -> Box<dyn Read + Send> {
        if self.ended {
            Box::new(Cursor::new(sample))
        } else {
            Box::new(Cursor::new(sample).chain(self.reader))
        }
    }

    /// The source's name for people.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The whole source as a file that can be read from any place. A stream, of which `sample` was read
    /// already, is copied into an unnamed temporary file first.
    pub(crate) fn into_file(mut self, sample: &[u8]) -> Result<File> {
        let name = self.name;
        let cannot_keep = |cause: std::io::Error| {
            own_error(cause).unwrap_or_else(|cause| {
                Error::file(format!("`{name}` cannot be kept in a temporary file"))
                    .hint("free some space, or set TMPDIR to a directory with room")
                    .because(cause)
            })
        };
        let mut file = match self.file {
            Some(file) => file,
            None => {
                let mut copy = tempfile::tempfile().map_err(cannot_keep)?;
                copy.write_all(sample).map_err(cannot_keep)?;
                std::io::copy(&mut self.reader, &mut copy).map_err(cannot_keep)?;
                copy
            }
        };
        file.rewind().map_err(cannot_keep)?;
        Ok(file)
    }

    /// True once the source has nothing more to give.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Appends up to `count` more bytes; fewer only at the end.
    pub(crate) fn read_more(&mut self, buffer: &mut Vec<u8>, count: usize) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        buffer.reserve(count);
        let wanted = u64::try_from(count).unwrap_or(u64::MAX);
        let read = (&mut self.reader).take(wanted).read_to_end(buffer).map_err(|cause| {
            own_error(cause).unwrap_or_else(|cause| {
                Error::file(format!("reading `{}` failed", self.name))
                    .hint("check the disk or connection the file comes from and try again")
                    .because(cause)
                    .retryable()
            })
        })?;
        self.ended = read < count;
        Ok(())
    }
}

fn cannot_open(path: &Path, cause: std::io::Error) -> Error {
    let shown = path.display();
    let (message, hint) = match cause.kind() {
        std::io::ErrorKind::NotFound => {
            (format!("there is no file `{shown}`"), "check the spelling and the directory")
        }
        std::io::ErrorKind::PermissionDenied => (
            format!("the file `{shown}` may not be read"),
            "give the user that runs Dray permission to read it",
        ),
        _ => (format!("the file `{shown}` cannot be opened"), "check that it is an ordinary, readable file"),
    };
    Error::file(message).hint(hint).because(cause)
}

/// The error that a decoder, which can only speak through [`Read`], has wrapped up.
fn own_error(cause: std::io::Error) -> std::result::Result<Error, std::io::Error> {
    cause.downcast::<Error>()
}

/// What a thing with a path is that has no end or no content. A pipe has both.
#[cfg(unix)]
fn kind_of_special_file(file_type: FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    if file_type.is_char_device() || file_type.is_block_device() {
        return Some("a device");
    }
    file_type.is_socket().then_some("a socket")
}

#[cfg(not(unix))]
fn kind_of_special_file(_file_type: FileType) -> Option<&'static str> {
    None
}
