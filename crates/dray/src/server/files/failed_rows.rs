//! The rejected rows of an import under way, where the files are kept in a bucket: what was written since the
//! last checkpoint is kept as an object of its own, so that a worker on another machine can go on.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use dray_model::Result;

use super::bucket::Bucket;
use super::new_file::cannot;
use crate::failed_file::Safekeeping;

/// The parts of one failed-rows file, and in the end the whole.
pub(super) struct FailedRowParts {
    pub(super) bucket: Bucket,
    /// The name of the whole; those of the parts begin with it.
    pub(super) name: String,
    /// Its name for people.
    pub(super) shown_name: String,
    /// Where it is written on this machine.
    pub(super) path: PathBuf,
    /// Bytes that are safe.
    pub(super) safe_bytes: u64,
}

impl FailedRowParts {
    fn folder(&self) -> String {
        format!("{}.parts", self.name)
    }

    /// The parts with the place where each begins, in order.
    fn parts(&self) -> Result<Vec<(u64, String)>> {
        let mut parts: Vec<(u64, String)> = self
            .bucket
            .list(&self.folder())?
            .into_iter()
            .filter_map(|(part, _)| Some((part.parse().ok()?, format!("{}/{part}", self.folder()))))
            .collect();
        parts.sort();
        Ok(parts)
    }
}

impl Safekeeping for FailedRowParts {
    fn fetch(&mut self, bytes: u64) -> Result<()> {
        let mut file = std::fs::File::create(&self.path).map_err(cannot)?;
        for (begins, part) in self.parts()? {
            if begins >= bytes {
                // Written behind a checkpoint that never was.
                self.bucket.remove(&part)?;
                continue;
            }
            let copy = tempfile::NamedTempFile::new().map_err(cannot)?;
            if self.bucket.download(&part, copy.path())? {
                let mut copy = std::fs::File::open(copy.path()).map_err(cannot)?;
                file.seek(SeekFrom::Start(begins)).map_err(cannot)?;
                std::io::copy(&mut copy, &mut file).map_err(cannot)?;
            }
        }
        self.safe_bytes = bytes;
        Ok(())
    }

    fn keep(&mut self, bytes: u64) -> Result<()> {
        if bytes <= self.safe_bytes {
            return Ok(());
        }
        let mut file = std::fs::File::open(&self.path).map_err(cannot)?;
        file.seek(SeekFrom::Start(self.safe_bytes)).map_err(cannot)?;
        let mut part = Vec::new();
        file.take(bytes - self.safe_bytes).read_to_end(&mut part).map_err(cannot)?;
        self.bucket.put(&format!("{}/{:020}", self.folder(), self.safe_bytes), part.into())?;
        self.safe_bytes = bytes;
        Ok(())
    }

    fn end(&mut self, has_rows: bool) -> Result<()> {
        if has_rows {
            let mut file = std::fs::File::open(&self.path).map_err(cannot)?;
            let media_type = super::media_type(&self.shown_name);
            let mut writer = self.bucket.writer(&self.name, &self.shown_name, media_type);
            std::io::copy(&mut file, &mut writer).map_err(cannot)?;
            writer.flush().and_then(|()| writer.end()).map_err(cannot)?;
        }
        for (_, part) in self.parts()? {
            self.bucket.remove(&part)?;
        }
        match std::fs::remove_file(&self.path) {
            Err(why) if has_rows => Err(cannot(why)),
            _ => Ok(()),
        }
    }
}
