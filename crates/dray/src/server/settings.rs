//! How a server is set up: the command line and the environment, with safe defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dray_model::{Error, Result};
use ipnet::IpNet;

use super::files::BucketSettings;
use crate::outbound::chat::ChatSettings;

/// Seconds after which a webhook is tried again: ten attempts in three days.
const WEBHOOK_PAUSES: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Settings of one process.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the records rest: `sqlite:DIR` or `postgres://…`.
    pub store: String,
    /// Where requests are listened to.
    pub listen: SocketAddr,
    /// The folder for files that were sent, exports and failed rows; with a bucket, for those that are worked on.
    pub files: PathBuf,
    /// The folder where the server's secret is kept, where none is given.
    pub secret_folder: PathBuf,
    /// The folder for connections to the file system: each organization has one of its own within.
    pub files_root: PathBuf,
    /// How long a storage of a connection may say nothing.
    pub storage_time: Duration,
    /// The bucket for files, where several machines share them.
    pub bucket: Option<BucketSettings>,
    /// How long a signed link works.
    pub link_time: Duration,
    /// How long files that were sent, rejected rows and the history of imports are kept.
    pub keep_imports: Duration,
    /// How long finished exports are kept.
    pub keep_exports: Duration,
    /// An admin key of the default organization, for automation.
    pub admin_key: Option<String>,
    /// What signs links and seals secrets, the same for all processes of a store.
    pub secret_key: Option<String>,
    /// How the server is reached from outside, where that differs from `listen`.
    pub public_url: Option<String>,
    /// Origins whose pages may call the API; none by default.
    pub cors_origins: Vec<String>,
    /// Sessions with the store at once.
    pub sessions: usize,
    /// Jobs at once.
    pub workers: usize,
    /// How often a job is begun that the store or the place of the files refuses; after that it has failed.
    pub job_attempts: i64,
    /// Requests a key may make in a minute.
    pub requests_per_minute: u32,
    /// The largest body that is not a file.
    pub body_bytes: usize,
    /// The largest file.
    pub file_bytes: u64,
    /// How long nothing of a body may arrive.
    pub body_time: Duration,
    /// How long a request may take until its answer begins.
    pub request_time: Duration,
    /// How long an orderly stop may take.
    pub stop_time: Duration,
    /// Ranges inside that may be asked when people give their addresses.
    pub allow_outbound: Vec<IpNet>,
    /// The pauses after attempts to send a webhook; it has failed where there is none left.
    pub webhook_pauses: Vec<Duration>,
    /// How long such an attempt may take.
    pub webhook_time: Duration,
    /// The most bytes of an event that is sent to an endpoint.
    pub event_bytes: usize,
    /// Events that one endpoint takes in a minute.
    pub events_per_minute: u32,
    /// Events that may wait in one organization.
    pub waiting_events: u64,
    /// How long events are kept once they have ended.
    pub keep_events: Duration,
    /// The language model that is asked about columns nobody is sure of; none by default.
    pub chat: Option<ChatSettings>,
    /// Logs as JSON, one object a line.
    pub log_json: bool,
}

impl Settings {
    /// The defaults for a store.
    pub fn new(store: &str) -> Self {
        let (secret_folder, files, files_root) = match store.strip_prefix("sqlite:").map(PathBuf::from) {
            Some(folder) => (folder.clone(), folder.join("files"), folder.join("storage")),
            None => ("./dray-files".into(), "./dray-files".into(), "./dray-storage".into()),
        };
        Self {
            store: store.to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            files,
            secret_folder,
            files_root,
            storage_time: Duration::from_secs(30),
            bucket: None,
            link_time: Duration::from_secs(30 * 60),
            keep_imports: Duration::from_secs(7 * 24 * 3600),
            keep_exports: Duration::from_secs(24 * 3600),
            admin_key: None,
            secret_key: None,
            public_url: None,
            cors_origins: Vec::new(),
            sessions: 16,
            workers: 2,
            job_attempts: 10,
            requests_per_minute: 6_000,
            body_bytes: 32 << 20,
            file_bytes: 5 << 30,
            body_time: Duration::from_secs(30),
            request_time: Duration::from_secs(300),
            stop_time: Duration::from_secs(10),
            allow_outbound: Vec::new(),
            webhook_pauses: WEBHOOK_PAUSES.iter().map(|&seconds| Duration::from_secs(seconds)).collect(),
            webhook_time: Duration::from_secs(15),
            event_bytes: 1 << 20,
            events_per_minute: 120_000,
            waiting_events: 1_000_000,
            keep_events: Duration::from_secs(30 * 24 * 3600),
            chat: None,
            log_json: false,
        }
    }

    /// An error where connections to the file system would reach what the server keeps for itself, or the server
    /// would sweep away what they write.
    pub fn check_files_root(&self) -> Result<()> {
        let plain = |path: &Path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            // What is not there yet leads nowhere else.
            let there = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(&path);
            let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
            there.canonicalize().unwrap_or_else(|_| there.to_owned()).join(rest)
        };
        let root = plain(&self.files_root);
        let records = self.store.strip_prefix("sqlite:").map(Path::new);
        let own = [Some(self.files.as_path()), Some(self.secret_folder.as_path()), records];
        let holds_own = own.into_iter().flatten().any(|own| plain(own).starts_with(&root));
        if holds_own || root.starts_with(plain(&self.files)) {
            return Err(Error::request(format!(
                "the folder for connections, `{}`, is where the server keeps its own files",
                self.files_root.display()
            ))
            .hint("give --files-root a folder of its own"));
        }
        Ok(())
    }

    /// Until when what belongs to an import is kept, in microseconds since the epoch.
    pub fn imports_kept_until(&self, now: i64) -> i64 {
        now.saturating_add(micros(self.keep_imports))
    }

    /// Until when an export is kept, in microseconds since the epoch.
    pub fn exports_kept_until(&self, now: i64) -> i64 {
        now.saturating_add(micros(self.keep_exports))
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
