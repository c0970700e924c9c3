//! Processes of Dray that answer and work while they are measured.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::client::Client;
use super::measure::peak_of;
use super::memory::megabytes;
use super::setting::Setting;

/// The key of the server.
const KEY: &str = "benchmark-key-0123456789";

/// A server that is ended when dropped.
pub(super) struct Serving {
    process: Process,
    port: u16,
}

/// A process that is ended when dropped.
pub(super) struct Process(Child);

impl Process {
    fn start(setting: &Setting<'_>, store: &str, words: &[&str], log: &str) -> Result<Self, String> {
        let log = setting.place.file(log);
        let log = File::create(&log).map_err(|why| format!("{}: {why}", log.display()))?;
        Command::new(&setting.dray)
            .args(words)
            .args(["--store", store])
            .arg("--files")
            .arg(setting.place.file("files"))
            .env("DRAY_ADMIN_KEY", KEY)
            .env("DRAY_REQUESTS_PER_MINUTE", "100000000")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map(Self)
            .map_err(|why| format!("dray cannot be started: {why}"))
    }

    /// A worker beside the server.
    pub(super) fn worker(setting: &Setting<'_>, store: &str, number: usize) -> Result<Self, String> {
        Self::start(setting, store, &["worker", "--workers", "1"], &format!("worker-{number}.log"))
    }

    /// The most memory it has held, in megabytes.
    pub(super) fn peak(&self) -> f64 {
        megabytes(peak_of(self.0.id()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Serving {
    pub(super) fn start(setting: &Setting<'_>, store: &str, more: &[&str]) -> Result<Self, String> {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.map_err(|why| why.to_string())?.port();
        let address = format!("127.0.0.1:{port}");
        let words = [&["serve", "--listen", &address], more].concat();
        let serving = Self { process: Process::start(setting, store, &words, "server.log")?, port };
        let until = Instant::now() + Duration::from_secs(60);
        while serving.client().and_then(|mut client| client.get("/readyz", true)).is_err() {
            if Instant::now() > until {
                let log = std::fs::read_to_string(setting.place.file("server.log")).unwrap_or_default();
                return Err(format!("the server does not answer: {log}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(serving)
    }

    pub(super) fn client(&self) -> Result<Client, String> {
        Client::new(self.port, KEY)
    }

    /// A client with a key of its own.
    pub(super) fn client_as(&self, key: &str) -> Result<Client, String> {
        Client::new(self.port, key)
    }

    /// The most memory it has held, in megabytes.
    pub(super) fn peak(&self) -> f64 {
        self.process.peak()
    }

    /// Processor time that it has taken until now, in seconds.
    pub(super) fn processor_seconds(&self, setting: &Setting<'_>) -> f64 {
        setting.meter.seconds_of(self.process.0.id())
    }
}
