//! What the tests of storages share: a storage of the library with settings as people write them, and a file
//! fetched from it or sent to it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dray::outbound::address::{Guard, parse_ranges};
use dray::outbound::client::Outbound;
use dray::outbound::fetch::FetchWatch;
use dray::storage::{
    Connector, Fetched, Listed, Patience, Role, Storage, StorageSettings, Surroundings, Tested,
};
use dray_model::Result;
use serde_json::Value;

/// A storage, the folder of its organization, and what keeps it going.
pub(crate) struct Kit {
    pub(crate) directory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    connector: Connector,
    settings: Value,
    host_key: Option<String>,
    allowed: &'static str,
    silence: Duration,
}

/// The most bytes of a file unless a test says otherwise.
const MOST: u64 = 1 << 30;

impl Kit {
    pub(crate) fn new(connector: Connector, settings: Value) -> Self {
        Self {
            directory: tempfile::tempdir().expect("a temporary directory can be made"),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .expect("a runtime starts"),
            connector,
            settings,
            host_key: None,
            allowed: "127.0.0.0/8",
            silence: Duration::from_secs(20),
        }
    }

    /// The same with little patience.
    pub(crate) fn impatient(mut self) -> Self {
        self.silence = Duration::from_secs(1);
        self
    }

    /// The same where the administrator allows no address inside.
    pub(crate) fn outside_only(mut self) -> Self {
        self.allowed = "203.0.113.1";
        self
    }

    /// The same with a key of the server that was remembered.
    pub(crate) fn remembering(mut self, host_key: &str) -> Self {
        self.host_key = Some(host_key.to_owned());
        self
    }

    /// A setting that is another.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.settings[key] = value.into();
        self
    }

    /// The folder of the organization.
    pub(crate) fn folder(&self) -> PathBuf {
        self.directory.path().join("default")
    }

    pub(crate) fn storage(&self, role: Role) -> Result<Storage> {
        let settings = StorageSettings::parse(self.connector, role, &self.settings)
            .unwrap_or_else(|wrong| panic!("{wrong}"));
        let guard = Guard::new(parse_ranges(&[self.allowed.to_owned()]).expect("a range"));
        let surroundings = Surroundings {
            outbound: Outbound::new(guard)?,
            folder: self.folder(),
            patience: Patience::of(self.silence),
        };
        let _entered = self.runtime.enter();
        Storage::open(&settings, self.host_key.as_deref(), &surroundings)
    }

    fn source(&self) -> Result<Storage> {
        self.storage(if self.connector == Connector::HttpPost { Role::Destination } else { Role::Source })
    }

    pub(crate) fn test(&self, role: Role) -> Result<Tested> {
        let _entered = self.runtime.enter();
        self.storage(role)?.test()
    }

    pub(crate) fn absolute(&self, path: &str) -> std::result::Result<String, String> {
        let storage = self.source().expect("the storage opens");
        storage.absolute_path(path).map_err(|invalid| invalid.0)
    }

    pub(crate) fn newest(&self, pattern: &str) -> Result<Option<Listed>> {
        let _entered = self.runtime.enter();
        self.source()?.newest(pattern)
    }

    /// Fetches and reads what was kept.
    pub(crate) fn fetch(&self, path: &str) -> Result<(Fetched, Vec<u8>)> {
        self.fetch_at_most(path, MOST)
    }

    pub(crate) fn fetch_at_most(&self, path: &str, most: u64) -> Result<(Fetched, Vec<u8>)> {
        self.fetch_while(path, most, |_, _| {})
    }

    /// The same while something happens: it is told the bytes that have come, and may wish it to stop.
    pub(crate) fn fetch_while(
        &self,
        path: &str,
        most: u64,
        meanwhile: impl Fn(&AtomicU64, &AtomicBool) + Sync,
    ) -> Result<(Fetched, Vec<u8>)> {
        let to = self.directory.path().join("fetched");
        let (bytes, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let fetched = std::thread::scope(|scope| {
            scope.spawn(|| meanwhile(&bytes, &stop));
            let _entered = self.runtime.enter();
            self.source()?.fetch(path, &to, most, FetchWatch { bytes: &bytes, stop: &stop })
        });
        match fetched {
            Ok(fetched) => {
                let content = std::fs::read(&to).expect("it is there");
                assert_eq!(content.len() as u64, fetched.bytes);
                assert_eq!(bytes.load(Ordering::Relaxed), fetched.bytes);
                Ok((fetched, content))
            }
            Err(error) => {
                assert!(!to.exists(), "nothing is left of what failed");
                Err(error)
            }
        }
    }

    /// What is told of a fetch that does not work.
    pub(crate) fn refused(&self, path: &str) -> String {
        match self.fetch(path) {
            Ok((fetched, _)) => panic!("`{path}` was fetched: {fetched:?}"),
            Err(error) => told(&error),
        }
    }

    /// Sends a file in small parts, and finishes it.
    pub(crate) fn send(&self, path: &str, content: &[u8]) -> Result<u64> {
        self.send_part(path, content, true)
    }

    /// Sends a file and drops it where it is not to be finished.
    pub(crate) fn send_part(&self, path: &str, content: &[u8], is_finished: bool) -> Result<u64> {
        let _entered = self.runtime.enter();
        let mut file = self.storage(Role::Destination)?.create(path, "text/csv; charset=UTF-8")?;
        for part in content.chunks(10_000) {
            file.write_all(part).map_err(|why| dray_model::Error::source(why.to_string()))?;
        }
        if is_finished { file.finish() } else { Ok(0) }
    }
}

/// Everything that is told of an error, also in the log.
pub(crate) fn told(error: &dray_model::Error) -> String {
    format!("{} ({})", error.with_causes(), error.hint.as_deref().unwrap_or_default())
}

/// A file that is told from any other by every part of it.
pub(crate) fn content(lines: u32) -> Vec<u8> {
    (0..lines).flat_map(|number| format!("{number},row\n").into_bytes()).collect()
}
