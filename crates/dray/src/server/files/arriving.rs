//! A file on its way in by an upload link: what came stays in a draft beside its place, so that whoever was cut
//! off goes on there. One sender at a time, whichever process was asked; the draft's own lock sees to that.

use std::fmt::Display;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dray_model::{Error, ErrorKind, Result};
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::new_file::{cannot, sync_folder};
use super::{Files, PARTS_WAITING, Part, READ_BYTES, name_of, no_name};

/// How long a sender waits for another to end: what one that was cut off had sent may still be written.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// What the name of a draft ends in; no file of its own has a name with a dot.
const DRAFT: &str = "part";

/// A draft that nobody else writes as long as this lives.
#[derive(Debug)]
pub struct Arriving {
    draft: File,
    bytes: u64,
}

/// What one request sends.
#[derive(Debug, Clone, Default)]
pub struct Sending {
    /// How large the file may be at its end.
    pub most_bytes: u64,
    /// The SHA-256 that the bytes of this request must have.
    pub digest: Option<Vec<u8>>,
    /// What came stays where the sender breaks off, though the digest could not be checked.
    pub keep_broken: bool,
}

impl Arriving {
    /// The draft, made where it is missing; `None` while somebody else writes it.
    fn open(path: &Path) -> Result<Option<Self>> {
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let draft = opened.map_err(cannot)?;
        let until = Instant::now() + PATIENCE;
        loop {
            match draft.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(why)) => return Err(cannot(why)),
            }
        }
        let bytes = draft.metadata().map_err(cannot)?.len();
        Ok(Some(Self { draft, bytes }))
    }

    /// How much has come.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Forgets what came behind this byte.
    pub fn cut(&mut self, bytes: u64) -> Result<()> {
        self.draft.set_len(bytes).map_err(cannot)?;
        self.bytes = bytes;
        Ok(())
    }

    /// The SHA-256 of all that came.
    pub fn digest(&mut self) -> Result<Vec<u8>> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; READ_BYTES];
        self.draft.seek(SeekFrom::Start(0)).map_err(cannot)?;
        loop {
            let read = self.draft.read(&mut buffer).map_err(cannot)?;
            if read == 0 {
                return Ok(hash.finalize().to_vec());
            }
            hash.update(buffer.get(..read).unwrap_or_default());
        }
    }

    /// Adds what is sent, as it comes. Where it breaks off, what came stays; where it is not what was announced,
    /// nothing of it does.
    pub async fn receive<E: Display>(
        self,
        sending: Sending,
        sent: &mut (impl Stream<Item = std::result::Result<Bytes, E>> + Unpin),
    ) -> Result<Self> {
        let (parts, coming) = mpsc::channel::<Part>(PARTS_WAITING);
        let writing = tokio::task::spawn_blocking(move || self.write(&sending, coming));
        let mut is_whole = true;
        while let Some(part) = sent.next().await {
            let Ok(part) = part else {
                is_whole = false;
                break;
            };
            // Nobody takes it where writing failed; why is told below.
            if parts.send(Part::Bytes(part)).await.is_err() {
                break;
            }
        }
        if is_whole {
            let _ = parts.send(Part::End).await;
        }
        drop(parts);
        writing.await.unwrap_or_else(|_| Err(Error::file("keeping a file broke off").retryable()))
    }

    /// Blocking. The sender may go away at any time, and the request with it.
    fn write(mut self, sending: &Sending, mut coming: mpsc::Receiver<Part>) -> Result<Self> {
        let begin = self.bytes;
        let mut hash = Sha256::new();
        self.draft.seek(SeekFrom::Start(begin)).map_err(cannot)?;
        while let Some(part) = coming.blocking_recv() {
            let Part::Bytes(bytes) = part else {
                self.draft.sync_data().map_err(cannot)?;
                let own = hash.finalize();
                if sending.digest.as_ref().is_some_and(|digest| own.as_slice() != digest) {
                    self.cut(begin)?;
                    return Err(Error::request("its SHA-256 is not the one of Content-Digest")
                        .hint("nothing of it was kept: send it again"));
                }
                return Ok(self);
            };
            if self.bytes + bytes.len() as u64 > sending.most_bytes {
                self.cut(begin)?;
                return Err(too_large(sending.most_bytes));
            }
            if sending.digest.is_some() {
                hash.update(&bytes);
            }
            if let Err(why) = self.draft.write_all(&bytes) {
                self.cut(self.bytes)?;
                return Err(cannot(why));
            }
            self.bytes += bytes.len() as u64;
        }
        if sending.digest.is_some() && !sending.keep_broken {
            self.cut(begin)?;
        }
        self.draft.sync_data().map_err(cannot)?;
        Err(Error::request(format!("the upload broke off; {} bytes are here", self.bytes))
            .hint("send it again, or go on: HEAD tells where, PATCH sends the rest"))
    }
}

/// More than may come.
pub fn too_large(most_bytes: u64) -> Error {
    Error::new(ErrorKind::Limit, format!("the file is larger than {most_bytes} bytes"))
        .hint("that is the size it was announced with, or the most that is taken: split it, pack it, or ask the administrator for a larger limit")
}

impl Files {
    fn draft_path(&self, organization: &str, id: &str) -> Result<PathBuf> {
        let name = name_of(organization, id).ok_or_else(no_name)?;
        Ok(self.root.join(name).with_extension(DRAFT))
    }

    /// The draft of a file that is sent by a link; `None` while somebody else sends it. Blocking, as all here
    /// that are not `async`.
    pub fn arriving(&self, organization: &str, id: &str) -> Result<Option<Arriving>> {
        self.folder(organization)?;
        Arriving::open(&self.draft_path(organization, id)?)
    }

    /// True where some of the file may have come.
    pub fn has_draft(&self, organization: &str, id: &str) -> bool {
        self.draft_path(organization, id).is_ok_and(|path| path.exists())
    }

    /// Removes a draft.
    pub fn remove_draft(&self, organization: &str, id: &str) {
        if let Ok(path) = self.draft_path(organization, id) {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Keeps what came as the whole file; returns its size.
    pub fn arrived(
        &self,
        organization: &str,
        id: &str,
        shown_name: &str,
        mut arriving: Arriving,
    ) -> Result<u64> {
        let path = self.draft_path(organization, id)?;
        if self.bucket.is_some() {
            arriving.draft.seek(SeekFrom::Start(0)).map_err(cannot)?;
            let bytes = self.copy_in(organization, id, shown_name, &mut arriving.draft)?;
            self.remove_draft(organization, id);
            return Ok(bytes);
        }
        let folder = self.folder(organization)?;
        arriving.draft.sync_all().map_err(cannot)?;
        std::fs::rename(&path, folder.join(id)).map_err(cannot)?;
        sync_folder(&folder)?;
        Ok(arriving.bytes)
    }
}
