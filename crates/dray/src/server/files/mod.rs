//! Files that people sent, failed rows, exports: each under a name of its own making in the place of its
//! organization, with its name for people in a document. The place is a folder of this machine, or a bucket
//! that several machines share. What nobody needs any more is swept away.

mod bucket;
mod new_file;
mod failed_rows;
mod arriving;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Method;
use bytes::Bytes;
use dray_model::catalog::Session;
use dray_model::flow::FailedRowFormat;
use dray_model::{Error, ErrorKind, Result};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::io::Write;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

pub use arriving::{Arriving, Sending, too_large};
pub use bucket::BucketSettings;
pub use new_file::NewFile;

use bucket::Bucket;
use failed_rows::FailedRowParts;
use new_file::{cannot, sync_folder};

use super::directory::random_text;
use crate::failed_file::{FailedFile, Safekeeping};
use crate::source::LocalFile;

/// The kind of document that describes a file.
const KIND: &str = "file";
/// Parts of a file that wait to be written while more of it comes.
const PARTS_WAITING: usize = 4;
/// The bytes read at once of a file that is sent.
const READ_BYTES: usize = 256 << 10;
/// What nothing describes is swept away after this time: whoever made it has died.
const ORPHAN_AGE: Duration = Duration::from_secs(24 * 3600);

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

/// The bytes of a file on their way to somebody.
pub type FileBytes = BoxStream<'static, std::io::Result<Bytes>>;

/// Where the files of all organizations are kept.
#[derive(Debug, Clone)]
pub struct Files {
    /// The folder of this machine: for all files, or for those that are worked on where a bucket keeps them.
    root: PathBuf,
    bucket: Option<Bucket>,
    most_bytes: u64,
}

/// What is written by another thread while it comes.
enum Part {
    Bytes(Bytes),
    /// The file is whole.
    End,
}

impl Files {
    /// Files in this folder or bucket, none larger than `most_bytes`. Within a runtime.
    pub fn new(root: &Path, bucket: Option<&BucketSettings>, most_bytes: u64) -> Result<Self> {
        Ok(Self { root: root.to_owned(), bucket: bucket.map(Bucket::new).transpose()?, most_bytes })
    }

    /// A name for a new file.
    pub fn new_id() -> String {
        random_text(24)
    }

    /// The largest file that is kept, in bytes.
    pub fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// A file for this machine only, without a name, gone when it is closed.
    pub fn scratch(&self, organization: &str) -> Result<std::fs::File> {
        let folder = self.folder(organization)?;
        tempfile::tempfile_in(folder).map_err(cannot)
    }

    /// Begins a file; it is there once it is published. Blocking, as all below that are not `async`.
    pub fn create(&self, organization: &str, id: &str, shown_name: &str) -> Result<NewFile> {
        let name = name_of(organization, id).ok_or_else(no_name)?;
        match &self.bucket {
            Some(bucket) => Ok(NewFile::in_bucket(bucket.writer(&name, shown_name, media_type(shown_name)))),
            None => NewFile::in_folder(&self.folder(organization)?, id),
        }
    }

    /// Keeps these bytes as a new file; returns its name.
    pub fn keep(&self, organization: &str, shown_name: &str, bytes: &[u8]) -> Result<String> {
        let id = Self::new_id();
        let mut file = self.create(organization, &id, shown_name)?;
        file.write_all(bytes).map_err(cannot)?;
        file.publish()?;
        Ok(id)
    }

    /// A file of this machine to be written and then adopted; it goes where it is not.
    pub fn draft(&self, organization: &str) -> Result<tempfile::TempPath> {
        let draft = tempfile::NamedTempFile::new_in(self.folder(organization)?).map_err(cannot)?;
        Ok(draft.into_temp_path())
    }

    /// Keeps a draft under this name; returns its size.
    pub fn adopt(
        &self,
        organization: &str,
        id: &str,
        shown_name: &str,
        draft: tempfile::TempPath,
    ) -> Result<u64> {
        let mut whole = std::fs::File::open(&draft).map_err(cannot)?;
        if self.bucket.is_some() {
            return self.copy_in(organization, id, shown_name, &mut whole);
        }
        whole.sync_all().map_err(cannot)?;
        let bytes = whole.metadata().map_err(cannot)?.len();
        let folder = self.folder(organization)?;
        draft.persist(folder.join(id)).map_err(|why| cannot(why.error))?;
        sync_folder(&folder)?;
        Ok(bytes)
    }

    /// Keeps what is read from here on under this name; returns its size.
    fn copy_in(
        &self,
        organization: &str,
        id: &str,
        shown_name: &str,
        from: &mut std::fs::File,
    ) -> Result<u64> {
        let mut file = self.create(organization, id, shown_name)?;
        std::io::copy(from, &mut file).map_err(cannot)?;
        file.publish()
    }

    /// Keeps what is sent, as it comes; an error, and nothing kept, where it is too large or breaks off.
    /// Returns its name and size.
    pub async fn receive<E: std::fmt::Display>(
        &self,
        organization: &str,
        shown_name: &str,
        most_bytes: Option<u64>,
        sent: &mut (impl Stream<Item = std::result::Result<Bytes, E>> + Unpin),
    ) -> Result<(String, u64)> {
        let id = Self::new_id();
        let most = most_bytes.unwrap_or(self.most_bytes).min(self.most_bytes);
        let (parts, mut coming) = tokio::sync::mpsc::channel::<Part>(PARTS_WAITING);
        let (files, organization) = (self.clone(), organization.to_owned());
        let (name, shown_name) = (id.clone(), shown_name.to_owned());
        let writing = tokio::task::spawn_blocking(move || {
            let mut file = files.create(&organization, &name, &shown_name)?;
            while let Some(part) = coming.blocking_recv() {
                match part {
                    Part::Bytes(bytes) => file.write_all(&bytes).map_err(cannot)?,
                    Part::End => return file.publish(),
                }
            }
            // Whoever sent it went away: the file goes with it.
            Err(Error::request("the upload broke off").hint("send the file again"))
        });
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
            // Nobody takes it where writing failed; why is told below.
            if parts.send(Part::Bytes(part)).await.is_err() {
                break;
            }
        }
        let _ = parts.send(Part::End).await;
        let kept = writing.await;
        let bytes = kept.unwrap_or_else(|_| Err(Error::file("keeping a file broke off").retryable()))?;
        Ok((id, bytes))
    }

    /// A kept file where readers can open it: in its place, or as a copy; `None` where it is gone.
    pub fn local(&self, organization: &str, id: &str) -> Result<Option<LocalFile>> {
        let Some(name) = name_of(organization, id) else { return Ok(None) };
        let Some(bucket) = &self.bucket else {
            let path = self.root.join(name);
            return Ok(path.is_file().then(|| LocalFile::in_place(path)));
        };
        let copy = tempfile::NamedTempFile::new_in(self.folder(organization)?).map_err(cannot)?;
        let copy = copy.into_temp_path();
        Ok(bucket.download(&name, &copy)?.then(|| LocalFile::copy(copy)))
    }

    /// The size of a kept file in bytes; `None` where it is gone.
    pub fn size(&self, organization: &str, id: &str) -> Result<Option<u64>> {
        let Some(name) = name_of(organization, id) else { return Ok(None) };
        match &self.bucket {
            Some(bucket) => bucket.size(&name),
            None => Ok(std::fs::metadata(self.root.join(name)).ok().map(|about| about.len())),
        }
    }

    /// The bytes of a kept file, from the first to before the last; `None` where it is gone.
    pub async fn stream(&self, organization: &str, id: &str, bytes: Range<u64>) -> Result<Option<FileBytes>> {
        let Some(name) = name_of(organization, id) else { return Ok(None) };
        if bytes.is_empty() {
            return Ok(Some(futures_util::stream::empty().boxed()));
        }
        if let Some(bucket) = &self.bucket {
            return Ok(bucket.stream(&name, bytes).await?.map(StreamExt::boxed));
        }
        let Ok(mut file) = tokio::fs::File::open(self.root.join(name)).await else { return Ok(None) };
        file.seek(std::io::SeekFrom::Start(bytes.start)).await.map_err(cannot)?;
        let wanted = file.take(bytes.end - bytes.start);
        Ok(Some(ReaderStream::with_capacity(wanted, READ_BYTES).boxed()))
    }

    /// An address of the bucket by which anybody may read the file, or write it, for a while; `None` where
    /// this server sends the files itself.
    pub async fn bucket_link(
        &self,
        method: Method,
        organization: &str,
        file: &StoredFile,
        lives: Duration,
    ) -> Result<Option<String>> {
        let (Some(bucket), Some(name)) = (&self.bucket, name_of(organization, &file.id)) else {
            return Ok(None);
        };
        let query = match method {
            Method::GET => vec![
                ("response-content-disposition".to_owned(), disposition(&file.name)),
                ("response-content-type".to_owned(), media_type(&file.name).to_owned()),
            ],
            _ => Vec::new(),
        };
        bucket.link(method, &name, lives, query).await.map(Some)
    }

    /// Where the rejected rows of an import go, in the source's own format. Blocking.
    pub fn failed_rows(
        &self,
        organization: &str,
        id: &str,
        shown_name: &str,
        format: Box<dyn FailedRowFormat>,
    ) -> Result<FailedFile> {
        let name = name_of(organization, id).ok_or_else(no_name)?;
        let path = self.folder(organization)?.join(id);
        let file = FailedFile::new(&path, format);
        Ok(match &self.bucket {
            None => file,
            Some(bucket) => file.kept_by(Box::new(FailedRowParts {
                bucket: bucket.clone(),
                name,
                shown_name: shown_name.to_owned(),
                path,
                safe_bytes: 0,
            })),
        })
    }

    /// Ends the rejected rows of an import that was complete when its worker died: in a bucket they may still be
    /// in parts.
    pub fn end_failed_rows(&self, organization: &str, id: &str, shown_name: &str) -> Result<()> {
        let (Some(bucket), Some(name)) = (&self.bucket, name_of(organization, id)) else { return Ok(()) };
        let is_whole = bucket.size(&name)?.is_some();
        let path = self.folder(organization)?.join(id);
        let shown_name = shown_name.to_owned();
        let mut parts = FailedRowParts { bucket: bucket.clone(), name, shown_name, path, safe_bytes: 0 };
        if !is_whole {
            parts.fetch(u64::MAX)?;
        }
        parts.end(!is_whole)
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
        self.remove_bytes(organization, id)
    }

    /// Removes a file that nothing describes yet.
    pub fn remove_bytes(&self, organization: &str, id: &str) -> Result<()> {
        let Some(name) = name_of(organization, id) else { return Ok(()) };
        // With a bucket there may be a part of it here too, from an import that went on elsewhere.
        let _ = std::fs::remove_file(self.root.join(&name));
        self.remove_draft(organization, id);
        self.bucket.as_ref().map_or(Ok(()), |bucket| bucket.remove(&name))
    }

    /// Removes what has expired, and what is there for a day and nothing describes; returns how many files.
    pub fn sweep(&self, session: &mut dyn Session, organization: &str, now: i64) -> Result<u64> {
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
        for name in self.orphans(session, organization)? {
            let _ = std::fs::remove_file(self.root.join(&name));
            if let Some(bucket) = &self.bucket {
                bucket.remove(&name)?;
            }
            swept += 1;
        }
        Ok(swept)
    }

    /// Files and objects that nothing describes, and that are too old to be under way.
    fn orphans(&self, session: &mut dyn Session, organization: &str) -> Result<Vec<String>> {
        let mut found = match &self.bucket {
            Some(bucket) => bucket.list(organization)?,
            None => Vec::new(),
        };
        if let Ok(folder) = std::fs::read_dir(self.root.join(organization)) {
            found.extend(folder.flatten().filter_map(|entry| {
                let changed = entry.metadata().and_then(|about| about.modified()).ok()?;
                Some((entry.file_name().into_string().ok()?, changed.elapsed().ok()?))
            }));
        }
        let mut orphans = Vec::new();
        for (name, age) in found {
            if age > ORPHAN_AGE && Self::find(session, &name)?.is_none() {
                orphans.push(format!("{organization}/{name}"));
            }
        }
        Ok(orphans)
    }

    fn folder(&self, organization: &str) -> Result<PathBuf> {
        let folder = self.root.join(organization);
        std::fs::create_dir_all(&folder).map_err(|why| {
            Error::file(format!("the folder for files cannot be made: {why}"))
                .hint("give the server permission to write to the folder it was started with (--files)")
        })?;
        Ok(folder)
    }
}

/// Where the file lies below the folder, or under which prefix in the bucket; `None` for a name that is
/// never made here.
fn name_of(organization: &str, id: &str) -> Option<String> {
    let is_own = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_own.then(|| format!("{organization}/{id}"))
}

fn no_name() -> Error {
    Error::request("that is no file's name")
}

/// What the bytes of a file are, by the end of its name.
pub fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase().as_str() {
        "csv" => "text/csv; charset=utf-8",
        "tsv" => "text/tab-separated-values; charset=utf-8",
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/x-ndjson",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "parquet" => "application/vnd.apache.parquet",
        "pdf" => "application/pdf",
        "gz" => "application/gzip",
        "zip" => "application/zip",
        "zst" => "application/zstd",
        _ => "application/octet-stream",
    }
}

/// What is escaped in a name that stands in a header.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// The header by which a browser saves a file under its name for people.
pub fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| match letter {
            '"' | '\\' | '/' | '%' => '_',
            letter if letter.is_ascii_graphic() || letter == ' ' => letter,
            _ => '_',
        })
        .collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let encoded = utf8_percent_encode(name, ESCAPED);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}
