//! Files that people sent, failed rows, exports: each under a name of its own making in a folder of its
//! organization, with its name for people in a document. What nobody needs any more is swept away.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use dray_model::catalog::Session;
use dray_model::{Error, ErrorKind, Result};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use super::directory::random_text;

/// The kind of document that describes a file.
const KIND: &str = "file";

/// A file kept for a while.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its own name: letters and digits.
    pub id: String,
    /// Its name for people, as they sent it; never part of a path.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it is swept away, microseconds since the epoch.
    pub expires_at: i64,
}

/// The folder of one process's files.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
    most_bytes: u64,
}

/// A file that is removed again unless it is finished.
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Files {
    /// Files in this folder, none larger than `most_bytes`.
    pub fn new(root: &Path, most_bytes: u64) -> Self {
        Self { root: root.to_owned(), most_bytes }
    }

    /// A name for a new file.
    pub fn new_id() -> String {
        random_text(24)
    }

    /// Where the file of this name lies; `None` for a name that Dray never makes.
    pub fn path(&self, organization: &str, id: &str) -> Option<PathBuf> {
        let is_own = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_own.then(|| self.root.join(organization).join(id))
    }

    /// Where a new file of this name goes; makes the folder.
    pub fn new_path(&self, organization: &str, id: &str) -> Result<PathBuf> {
        let path = self.path(organization, id).ok_or_else(|| Error::request("that is no file's name"))?;
        let folder = self.root.join(organization);
        std::fs::create_dir_all(&folder).map_err(|why| {
            Error::file(format!("the folder for files cannot be made: {why}"))
                .hint("give the server permission to write to the folder it was started with (--files)")
        })?;
        Ok(path)
    }

    /// Keeps what is sent, as it comes; an error, and nothing kept, where it is too large or breaks off.
    pub async fn receive<E: std::fmt::Display>(
        &self,
        organization: &str,
        most_bytes: Option<u64>,
        sent: &mut (impl Stream<Item = std::result::Result<Bytes, E>> + Unpin),
    ) -> Result<(String, u64)> {
        let id = Self::new_id();
        // Whoever sends may go away at any moment, and with them the one who waits here.
        let mut unfinished = Unfinished(Some(self.new_path(organization, &id)?));
        let path = unfinished.0.clone().unwrap_or_default();
        let bytes =
            self.write(&path, most_bytes.unwrap_or(self.most_bytes).min(self.most_bytes), sent).await?;
        unfinished.0 = None;
        Ok((id, bytes))
    }

    async fn write<E: std::fmt::Display>(
        &self,
        path: &Path,
        most: u64,
        sent: &mut (impl Stream<Item = std::result::Result<Bytes, E>> + Unpin),
    ) -> Result<u64> {
        let cannot = |why: std::io::Error| {
            Error::file(format!("the file cannot be kept: {why}")).hint("is there space left?").retryable()
        };
        let mut file = tokio::fs::File::create(path).await.map_err(cannot)?;
        let mut bytes = 0_u64;
        while let Some(part) = sent.next().await {
            let part = part.map_err(|why| {
                Error::request(format!("the upload broke off after {bytes} bytes: {why}"))
                    .hint("send the file again")
            })?;
            bytes += part.len() as u64;
            if bytes > most {
                return Err(Error::new(ErrorKind::Limit, format!("the file is larger than {most} bytes"))
                    .hint("split it, pack it, or ask the administrator for a larger limit"));
            }
            file.write_all(&part).await.map_err(cannot)?;
        }
        file.flush().await.map_err(cannot)?;
        Ok(bytes)
    }

    /// Describes a file in the store, so that it can be found by its name and is swept away in time.
    pub fn describe(session: &mut dyn Session, file: &StoredFile, now: i64) -> Result<()> {
        let body = serde_json::to_string(file)
            .map_err(|cause| Error::store("the file cannot be described").because(cause))?;
        session.save_document(KIND, &file.id, &body, now)
    }

    /// The file of this name in the organization of the session.
    pub fn find(session: &mut dyn Session, id: &str) -> Result<Option<StoredFile>> {
        let found = session.find_document(KIND, id)?;
        Ok(found.and_then(|document| serde_json::from_str(&document.body).ok()))
    }

    /// Removes a file and what describes it.
    pub fn remove(&self, session: &mut dyn Session, organization: &str, id: &str) -> Result<()> {
        session.delete_document(KIND, id)?;
        if let Some(path) = self.path(organization, id) {
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    /// Removes what has expired, and what lies in the folder for a day and nothing describes.
    pub fn sweep(&self, session: &mut dyn Session, organization: &str, now: i64) -> Result<u64> {
        const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
        let mut swept = 0;
        let mut after = String::new();
        loop {
            let files = session.list_documents(KIND, &after, 1_000)?;
            let Some(last) = files.last() else { break };
            after = last.key.clone();
            for document in &files {
                let file: Option<StoredFile> = serde_json::from_str(&document.body).ok();
                if file.is_none_or(|file| file.expires_at <= now) {
                    self.remove(session, organization, &document.key)?;
                    swept += 1;
                }
            }
        }
        let Ok(folder) = std::fs::read_dir(self.root.join(organization)) else { return Ok(swept) };
        for entry in folder.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_old = entry
                .metadata()
                .and_then(|about| about.modified())
                .is_ok_and(|time| time.elapsed().is_ok_and(|age| age > DAY));
            if is_old && Self::find(session, &name)?.is_none() {
                swept += u64::from(std::fs::remove_file(entry.path()).is_ok());
            }
        }
        Ok(swept)
    }
}
