//! Where pipelines read their files and write them: a folder of the server, a bucket, an SFTP server, an HTTP
//! server. `settings` (what people say) → one file for each storage → a whole copy of a file here, or a file
//! there that appears when it is whole. Blocking, within a runtime: for a job's own thread.

pub mod path;
pub mod members;
pub mod settings;
pub mod outcome;
pub mod copy;
mod beneath;
mod filesystem;
mod bucket;
mod host_key;
mod ssh;
mod sftp;
mod sftp_upload;
mod post;
mod http;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dray_model::{Error, Result};
use tokio::runtime::Handle;

pub use copy::{Fetched, Patience};
pub use path::{InvalidPath, is_pattern};
pub use settings::{Connector, Role, StorageSettings};

use crate::outbound::client::Outbound;
use crate::outbound::fetch::FetchWatch;
use filesystem::{Folder, NewLocalFile};
use settings::Of;

/// The most entries of a folder that are looked through for the newest file.
const MOST_LISTED: usize = 100_000;
/// How long a test of a connection may take.
const TEST_TIME: Duration = Duration::from_secs(5);

/// What storages need of the server.
#[derive(Clone)]
pub struct Surroundings {
    /// Makes requests to others, and knows whom not to ask.
    pub outbound: Outbound,
    /// The folder of the organization for connections to the file system.
    pub folder: PathBuf,
    /// How long a storage may say nothing, and how often it is asked again.
    pub patience: Patience,
}

/// A file that lies in a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path, as [`Storage::fetch`] takes it.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last changed, microseconds since the epoch.
    pub modified: i64,
}

/// What a test of a storage found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tested {
    /// The key that an SFTP server has shown, to be remembered: one line as OpenSSH writes it.
    pub host_key: Option<String>,
}

/// A storage that can be asked.
pub struct Storage {
    way: Way,
    role: Role,
}

enum Way {
    Folder(Folder),
    Bucket(Box<bucket::Bucket>),
    Sftp(Box<sftp::Sftp>),
    Http(Box<http::Http>),
}

impl Storage {
    /// A storage with these settings; nothing is asked of it yet. `host_key` is the one that was remembered of an
    /// SFTP server whose settings name none.
    pub fn open(
        settings: &StorageSettings,
        host_key: Option<&str>,
        surroundings: &Surroundings,
    ) -> Result<Self> {
        let runtime = Handle::try_current()
            .map_err(|cause| Error::file("storages are used by the server only").because(cause))?;
        let Surroundings { outbound, folder, patience } = surroundings.clone();
        let way = match &settings.of {
            Of::Filesystem => Way::Folder(Folder::new(folder)),
            Of::S3(s3) => Way::Bucket(Box::new(bucket::Bucket::new(s3, &outbound, patience, runtime)?)),
            Of::Sftp(sftp) => {
                let host_key = host_key.map(str::to_owned);
                Way::Sftp(Box::new(sftp::Sftp::new(sftp.clone(), host_key, outbound, patience, runtime)))
            }
            Of::Http(http) => Way::Http(Box::new(http::Http::new(http.clone(), outbound, patience, runtime))),
        };
        Ok(Self { way, role: settings.role })
    }

    /// The path as people know it: with the folder, bucket or server before it.
    pub fn absolute_path(&self, path: &str) -> std::result::Result<String, InvalidPath> {
        match &self.way {
            Way::Folder(folder) => folder.absolute_path(path),
            Way::Bucket(bucket) => bucket.absolute_path(path),
            Way::Sftp(sftp) => sftp.absolute_path(path),
            Way::Http(http) => http.absolute_path(path),
        }
    }

    /// Sees whether the storage is there and lets us in.
    pub fn test(&self) -> Result<Tested> {
        match &self.way {
            Way::Folder(folder) => folder.test(self.role).map(|()| Tested::default()),
            Way::Bucket(bucket) => bucket.test().map(|()| Tested::default()),
            Way::Sftp(sftp) => sftp.test().map(|host_key| Tested { host_key: Some(host_key) }),
            Way::Http(http) => http.test().map(|()| Tested::default()),
        }
    }

    /// Copies a file to a path of this machine, whole and as it was at one time: an error where it is larger than
    /// `most_bytes`, is not what it was announced to be, or changes meanwhile. Nothing is left where it fails.
    pub fn fetch(&self, path: &str, to: &Path, most_bytes: u64, watch: FetchWatch<'_>) -> Result<Fetched> {
        let fetched = match &self.way {
            Way::Folder(folder) => folder.fetch(path, to, most_bytes, watch),
            Way::Bucket(bucket) => bucket.fetch(path, to, most_bytes, watch),
            Way::Sftp(sftp) => sftp.fetch(path, to, most_bytes, watch),
            Way::Http(http) => http.fetch(path, to, most_bytes, watch),
        };
        if fetched.is_err() {
            let _ = std::fs::remove_file(to);
        }
        fetched
    }

    /// The file last changed among those whose names match: a `*` in the last part of the pattern stands for any
    /// letters. `None` where there is none.
    pub fn newest(&self, pattern: &str) -> Result<Option<Listed>> {
        let pattern = path::Pattern::parse(pattern)?;
        match &self.way {
            Way::Folder(folder) => folder.newest(&pattern),
            Way::Bucket(bucket) => bucket.newest(&pattern),
            Way::Sftp(sftp) => sftp.newest(&pattern),
            Way::Http(_) => Err(Error::request("an HTTP server cannot be asked which files it has")
                .hint("name one file: a path without `*`")),
        }
    }

    /// Begins a file; it is there once it is finished, and never a part of it. What stood there is replaced.
    pub fn create(&self, path: &str, content_type: &str) -> Result<NewStorageFile> {
        let way = match &self.way {
            Way::Folder(folder) => NewWay::Local(folder.create(path)?),
            Way::Bucket(bucket) => NewWay::Bucket(Box::new(bucket.create(path, content_type)?)),
            Way::Sftp(sftp) => NewWay::Sftp(Box::new(sftp.create(path)?)),
            Way::Http(http) => NewWay::Http(Box::new(http.create(path, content_type)?)),
        };
        Ok(NewStorageFile { way, bytes: 0 })
    }
}

/// A file under way into a storage. Where it is dropped before it is finished, nothing appears there.
pub struct NewStorageFile {
    way: NewWay,
    bytes: u64,
}

enum NewWay {
    Local(NewLocalFile),
    Bucket(Box<bucket::Upload>),
    Sftp(Box<sftp_upload::Upload>),
    Http(Box<post::Upload>),
}

impl NewStorageFile {
    /// Makes the file appear; returns its size.
    pub fn finish(self) -> Result<u64> {
        match self.way {
            NewWay::Local(file) => file.finish()?,
            NewWay::Bucket(upload) => upload.finish()?,
            NewWay::Sftp(upload) => upload.finish()?,
            NewWay::Http(upload) => upload.finish()?,
        }
        Ok(self.bytes)
    }
}

/// What is wrong is an [`Error`] within the [`std::io::Error`], its words for people.
impl Write for NewStorageFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = match &mut self.way {
            NewWay::Local(file) => file.write(bytes)?,
            NewWay::Bucket(upload) => upload.write(bytes)?,
            NewWay::Sftp(upload) => upload.write(bytes)?,
            NewWay::Http(upload) => upload.write(bytes)?,
        };
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        // What is not yet sent waits for the next bytes, or for the end.
        Ok(())
    }
}
