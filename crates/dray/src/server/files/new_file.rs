//! A file under way: whoever writes it may fail or die at any byte, and nobody ever sees a part of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use dray_model::{Error, Result};
use tempfile::NamedTempFile;

use super::bucket::BucketWriter;

/// A file under way. Its clones write the same file: one goes into a writer of rows, another publishes it.
#[derive(Debug, Clone)]
pub struct NewFile(Arc<Mutex<UnderWay>>);

#[derive(Debug)]
struct UnderWay {
    place: Place,
    bytes: u64,
}

#[derive(Debug)]
enum Place {
    /// Under another name beside its own.
    Folder(NamedTempFile, PathBuf),
    Bucket(BucketWriter),
    Published,
}

pub(super) fn cannot(why: std::io::Error) -> Error {
    Error::file(format!("a file cannot be kept: {why}"))
        .hint("is there space left where the server keeps its files, and may it write there?")
        .retryable()
}

/// Makes the names in a folder as durable as their files.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(cannot)
}

impl NewFile {
    /// A file in a folder, which is made where it is missing.
    pub(super) fn in_folder(folder: &Path, name: &str) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(cannot)?;
        let file = NamedTempFile::new_in(folder).map_err(cannot)?;
        Ok(Self::new(Place::Folder(file, folder.join(name))))
    }

    /// An object of a bucket.
    pub(super) fn in_bucket(writer: BucketWriter) -> Self {
        Self::new(Place::Bucket(writer))
    }

    fn new(place: Place) -> Self {
        Self(Arc::new(Mutex::new(UnderWay { place, bytes: 0 })))
    }

    /// Makes it durable, and then known under its name; returns its size in bytes. Blocking.
    pub fn publish(&self) -> Result<u64> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut under_way.place, Place::Published) {
            Place::Folder(file, name) => {
                file.as_file().sync_all().map_err(cannot)?;
                file.persist(&name).map_err(|why| cannot(why.error))?;
                if let Some(folder) = name.parent() {
                    sync_folder(folder)?;
                }
            }
            Place::Bucket(mut writer) => writer.end().map_err(cannot)?,
            Place::Published => {}
        }
        Ok(under_way.bytes)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match &mut under_way.place {
            Place::Folder(file, _) => file.write(bytes)?,
            Place::Bucket(writer) => writer.write(bytes)?,
            Place::Published => return Err(std::io::ErrorKind::BrokenPipe.into()),
        };
        under_way.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
