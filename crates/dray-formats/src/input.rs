//! Where bytes come from: a file or any reader, with a name for people. Refuses at the door what is
//! empty or is not text at all, in a sentence that says what it is.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use dray_model::{Error, Result};

/// The three bytes some programs put in front of UTF-8 text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A source of bytes with a name.
pub(crate) struct Input {
    name: String,
    reader: Box<dyn Read + Send>,
    /// The file the bytes lie in, where they do.
    file: Option<File>,
    ended: bool,
}

impl Input {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let shown = path.display();
        let metadata = std::fs::metadata(path).map_err(|cause| cannot_open(path, cause))?;
        if metadata.is_dir() {
            return Err(Error::file(format!("`{shown}` is a directory"))
                .hint("name one file; a directory cannot be read as a table"));
        }
        let file = File::open(path).map_err(|cause| cannot_open(path, cause))?;
        let whole = file.try_clone().map_err(|cause| cannot_open(path, cause))?;
        Ok(Self { file: Some(whole), ..Self::new(name, Box::new(file)) })
    }

    /// Takes bytes from any reader.
    pub(crate) fn new(name: impl Into<String>, reader: Box<dyn Read + Send>) -> Self {
        Self { name: name.into(), reader, file: None, ended: false }
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
            Error::file(format!("`{name}` cannot be kept in a temporary file"))
                .hint("free some space, or set TMPDIR to a directory with room")
                .because(cause)
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
            Error::file(format!("reading `{}` failed", self.name))
                .hint("check the disk or connection the file comes from and try again")
                .because(cause)
                .retryable()
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

/// Refuses a source whose beginning shows that no table can be read from it.
///
/// `complete` says that `sample` is all there is.
pub(crate) fn refuse_unreadable(name: &str, sample: &[u8], complete: bool) -> Result<()> {
    let text = sample.strip_prefix(BYTE_ORDER_MARK).unwrap_or(sample);
    if complete && text.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::source(format!("`{name}` is empty"))
            .hint("it has no header and no rows; check that the right file was sent, and sent completely"));
    }
    if let Some((kind, hint)) = kind_of_binary(sample) {
        return Err(Error::source(format!("`{name}` is {kind}, which is not read yet")).hint(hint));
    }
    if is_utf16(sample) {
        return Err(Error::source(format!("`{name}` is UTF-16 text, which is not read yet")).hint(
            "save it again as UTF-8: in Excel choose \"CSV UTF-8\", in an editor \"Save with encoding\"",
        ));
    }
    Ok(())
}

/// What a file is that begins with these bytes, and what to do about it.
fn kind_of_binary(sample: &[u8]) -> Option<(&'static str, &'static str)> {
    const UNPACK: &str = "unpack it and send the file inside";
    const SAVE_AS_CSV: &str = "open it in a spreadsheet program and save it as \"CSV UTF-8\"";
    if sample.starts_with(b"PK\x03\x04") || sample.starts_with(b"PK\x05\x06") {
        let is_workbook = memchr::memmem::find(sample, b"xl/").is_some();
        return Some(if is_workbook {
            ("an Excel workbook", SAVE_AS_CSV)
        } else {
            ("a zip archive", UNPACK)
        });
    }
    let known: [(&[u8], &str, &str); 6] = [
        (b"\x1F\x8B", "gzip-compressed", UNPACK),
        (b"\x28\xB5\x2F\xFD", "zstd-compressed", UNPACK),
        (b"BZh", "bzip2-compressed", UNPACK),
        (b"\xFD7zXZ\x00", "xz-compressed", UNPACK),
        (b"\xD0\xCF\x11\xE0", "an old Excel workbook (.xls)", SAVE_AS_CSV),
        (b"%PDF-", "a PDF document", "ask for the table as CSV or Excel; a PDF holds only its picture"),
    ];
    known.into_iter().find(|(magic, ..)| sample.starts_with(magic)).map(|(_, kind, hint)| (kind, hint))
}

/// UTF-16 shows by its byte order mark, or by zero bytes in every other place.
fn is_utf16(sample: &[u8]) -> bool {
    if sample.starts_with(b"\xFF\xFE") || sample.starts_with(b"\xFE\xFF") {
        return true;
    }
    let sample = sample.get(..4096).unwrap_or(sample);
    let pairs = sample.len() / 2;
    let zeros_at = |first: usize| sample.iter().skip(first).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd) = (zeros_at(0), zeros_at(1));
    pairs > 0 && even.max(odd) * 2 > pairs && even.min(odd) * 20 <= pairs
}
