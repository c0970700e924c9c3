//! Where bytes come from: a file, or standard input or a pipe kept in a temporary file, because a run may
//! read its source more than once.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use dray_engine::damage::{Repair, repaired};
use dray_engine::map::edited::with_edits;
use dray_engine::map::edits::Edits;
use dray_formats::ReadOptions;
use dray_model::flow::RowSource;
use dray_model::{Error, Result};
use sha2::{Digest, Sha256};
use tempfile::TempPath;

/// Bytes at either end of a source that its fingerprint covers, beside its length.
const FINGERPRINT_BYTES: u64 = 1 << 20;

/// A source that can be opened again and again.
#[derive(Debug)]
pub struct Source {
    /// Its name for people.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    path: PathBuf,
    /// It lies under another name than the one people know it by.
    is_stored: bool,
    options: ReadOptions,
    repairs: Vec<(usize, Repair)>,
    edits: Edits,
    /// Deletes the copy of standard input, or of a file kept elsewhere, at the end.
    copy: Option<TempPath>,
}

/// A kept file where it can be opened: in its place, or a copy that goes with this.
#[derive(Debug)]
pub struct LocalFile {
    path: PathBuf,
    copy: Option<TempPath>,
}

impl LocalFile {
    /// The file itself.
    pub fn in_place(path: PathBuf) -> Self {
        Self { path, copy: None }
    }

    /// A copy.
    pub fn copy(copy: TempPath) -> Self {
        Self { path: copy.to_path_buf(), copy: Some(copy) }
    }

    /// Where its bytes are.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Source {
    /// A file, or standard input for `-`.
    pub fn new(name: &str, options: ReadOptions) -> Result<Self> {
        let spool = if name == "-" {
            Some(spooled(&mut std::io::stdin().lock(), "standard input")?)
        } else if is_pipe(Path::new(name)) {
            let mut pipe = File::open(name).map_err(|why| unreadable(name, &why))?;
            Some(spooled(&mut pipe, name)?)
        } else {
            None
        };
        let copy = spool.map(tempfile::NamedTempFile::into_temp_path);
        let path = copy.as_ref().map_or_else(|| PathBuf::from(name), |copy| copy.to_path_buf());
        // What is wrong with a missing or unreadable file is told when it is opened as rows.
        let bytes = std::fs::metadata(&path).map_or(0, |about| about.len());
        let name = if name == "-" { "standard input".to_owned() } else { name.to_owned() };
        Ok(Self {
            name,
            bytes,
            path,
            is_stored: false,
            options,
            repairs: Vec::new(),
            edits: Edits::default(),
            copy,
        })
    }

    /// A file the server keeps, with the name people know it by: where it lies is nobody's business.
    pub fn stored(name: &str, file: LocalFile, options: ReadOptions) -> Self {
        let LocalFile { path, copy } = file;
        let bytes = std::fs::metadata(&path).map_or(0, |about| about.len());
        Self {
            name: name.to_owned(),
            bytes,
            path,
            is_stored: true,
            options,
            repairs: Vec::new(),
            edits: Edits::default(),
            copy,
        }
    }

    /// Where the bytes lie.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it as rows, the first `skip_rows` left out.
    pub fn open(&self, skip_rows: u64) -> Result<Box<dyn RowSource>> {
        let options = ReadOptions { skip_rows, ..self.options.clone() };
        let rows = if self.copy.is_some() && !self.is_stored {
            let file = File::open(&self.path).map_err(|why| self.unreadable(why))?;
            dray_formats::open_reader(&self.name, Box::new(file), &options)?
        } else if self.is_stored {
            let file = File::open(&self.path).map_err(|why| self.unreadable(why))?;
            dray_formats::open_named(&self.name, file, &options)?
        } else {
            dray_formats::open_path(&self.path, &options)?
        };
        let rows = if self.repairs.is_empty() { rows } else { repaired(rows, &self.repairs) };
        with_edits(rows, &self.edits, skip_rows)
    }

    /// From now on these columns are repaired wherever the source is opened.
    pub fn repair(&mut self, repairs: Vec<(usize, Repair)>) {
        self.repairs = repairs;
    }

    /// From now on its cells are edited wherever it is opened.
    pub fn edit(&mut self, edits: Edits) {
        self.edits = edits;
    }

    /// From now on only these columns are read, where the format keeps them apart.
    pub fn only(&mut self, columns: Vec<String>) {
        self.options.columns = Some(columns);
    }

    /// Tells whether two runs are about the same bytes with the same settings.
    pub fn fingerprint(&self, settings: &str) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(settings.as_bytes());
        hash.update(self.bytes.to_le_bytes());
        let mut file = File::open(&self.path).map_err(|why| self.unreadable(why))?;
        let mut part = Vec::new();
        (&mut file).take(FINGERPRINT_BYTES).read_to_end(&mut part).map_err(|why| self.unreadable(why))?;
        hash.update(&part);
        if self.bytes > FINGERPRINT_BYTES {
            let from = self.bytes.saturating_sub(FINGERPRINT_BYTES).max(FINGERPRINT_BYTES);
            file.seek(SeekFrom::Start(from)).map_err(|why| self.unreadable(why))?;
            part.clear();
            file.take(FINGERPRINT_BYTES).read_to_end(&mut part).map_err(|why| self.unreadable(why))?;
            hash.update(&part);
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn unreadable(&self, why: std::io::Error) -> Error {
        unreadable(&self.name, &why)
    }
}

fn unreadable(name: &str, why: &std::io::Error) -> Error {
    Error::file(format!("`{name}` cannot be read: {why}")).hint("check the name and its permissions")
}

/// True for a named pipe, such as a shell makes of `<(command)`.
#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|about| about.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_path: &Path) -> bool {
    false
}

/// A copy of what can be read only once.
fn spooled(from: &mut dyn Read, name: &str) -> Result<tempfile::NamedTempFile> {
    let cannot = |why: std::io::Error| {
        Error::file(format!("{name} cannot be kept in a temporary file: {why}"))
            .hint("free some space, or set TMPDIR to a directory with room, or read from a file")
    };
    let mut spool = tempfile::NamedTempFile::with_prefix("dray-").map_err(cannot)?;
    std::io::copy(from, spool.as_file_mut()).map_err(cannot)?;
    Ok(spool)
}
