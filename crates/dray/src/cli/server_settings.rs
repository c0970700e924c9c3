//! The options that `dray serve` and `dray worker` share: on the command line, in the environment, or in a
//! file of settings; the first of these that says something wins.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dray_model::{Error, Result};
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use crate::outbound::address::parse_ranges;
use crate::outbound::chat::ChatSettings;
use crate::server::files::BucketSettings;
use crate::server::settings::Settings;

/// The longest that a signed link may work: no object storage makes one that works longer than a week.
const MOST_LINK_MINUTES: u64 = 7 * 24 * 60;
/// The largest event that can be allowed: it is in memory as a whole.
const MOST_EVENT_BYTES: usize = 16 << 20;

/// How a server or a worker is set up. What is left out has a safe default.
#[derive(Debug, Clone, Default, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ServerSettings {
    /// A file of settings (TOML): the options below without dashes before them, `_` for `-` within
    #[arg(long, env = "DRAY_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Where records rest: sqlite:DIR (sqlite:./dray-data where it is left out) or postgres://USER@HOST/DATABASE
    #[arg(long, env = "DRAY_STORE", hide_env_values = true, value_name = "URL")]
    store: Option<String>,
    /// Where files rest that were sent, and exports: a folder, or s3://BUCKET/PREFIX; a folder beside the
    /// records where it is left out
    #[arg(long, env = "DRAY_FILES", value_name = "DIR or s3://…")]
    files: Option<String>,
    /// The folder for connections of pipelines to the file system: each organization reads and writes in a folder
    /// of its own within, which is made; `storage` beside SQLite's records, else ./dray-storage, where it is left out
    #[arg(long, env = "DRAY_FILES_ROOT", value_name = "DIR")]
    files_root: Option<PathBuf>,
    /// How long a storage of a connection may say nothing, 1 to 3600 seconds; 30 where it is left out
    #[arg(long, env = "DRAY_STORAGE_SECONDS", value_name = "N")]
    storage_seconds: Option<u64>,
    /// The S3-compatible store that has the bucket, unless it is Amazon's: https://s3.example.com. The
    /// credentials are those of the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
    #[arg(long, env = "DRAY_S3_ENDPOINT", value_name = "URL")]
    s3_endpoint: Option<String>,
    /// The bucket's region
    #[arg(long, env = "DRAY_S3_REGION", value_name = "REGION")]
    s3_region: Option<String>,
    /// Where to listen; 127.0.0.1:8080 where it is left out
    #[arg(long, env = "DRAY_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// How the server is reached from outside
    #[arg(long, env = "DRAY_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Origins whose pages may call the API
    #[arg(long, env = "DRAY_CORS_ORIGINS", value_name = "ORIGIN,…", value_delimiter = ',')]
    cors_origins: Option<Vec<String>>,
    /// Jobs at once, 0 to 64; 2 where it is left out
    #[arg(long, env = "DRAY_WORKERS", value_name = "N")]
    workers: Option<usize>,
    /// How often a job is begun that the store or the place of the files refuses, 1 to 20; 10 where it is left out
    #[arg(long, env = "DRAY_JOB_ATTEMPTS", value_name = "N")]
    job_attempts: Option<i64>,
    /// Requests a key may make in a minute; 6000 where it is left out
    #[arg(long, env = "DRAY_REQUESTS_PER_MINUTE", value_name = "N")]
    requests_per_minute: Option<u32>,
    /// The largest file that is taken, in bytes; 5 GiB where it is left out
    #[arg(long, env = "DRAY_FILE_BYTES", value_name = "BYTES")]
    file_bytes: Option<u64>,
    /// Seconds for which nothing of a body may arrive; 30 where it is left out
    #[arg(long, env = "DRAY_BODY_SECONDS", value_name = "N")]
    body_seconds: Option<u64>,
    /// How long signed links work, in minutes; 30 where it is left out
    #[arg(long, env = "DRAY_LINK_MINUTES", value_name = "N")]
    link_minutes: Option<u64>,
    /// How long sent files, rejected rows and the history of imports are kept (90s, 15m, 12h, 7d); 7d where
    /// it is left out
    #[arg(long, env = "DRAY_KEEP_IMPORTS", value_name = "TIME")]
    keep_imports: Option<String>,
    /// How long finished exports are kept; 24h where it is left out
    #[arg(long, env = "DRAY_KEEP_EXPORTS", value_name = "TIME")]
    keep_exports: Option<String>,
    /// Ranges of addresses inside that the server may ask where people give an address (webhooks, sources);
    /// none where it is left out
    #[arg(long, env = "DRAY_ALLOW_OUTBOUND", value_name = "CIDR,…", value_delimiter = ',')]
    allow_outbound: Option<Vec<String>>,
    /// Seconds after which a webhook that did not arrive, or the work of a connector, is tried again: one pause after
    /// each attempt
    #[arg(long, env = "DRAY_WEBHOOK_PAUSES", value_name = "SECONDS,…", value_delimiter = ',')]
    webhook_pauses: Option<Vec<f64>>,
    /// How long an attempt to send a webhook, or a connector's request, may take, 1 to 60 seconds; 15 where it is left
    /// out
    #[arg(long, env = "DRAY_WEBHOOK_SECONDS", value_name = "N")]
    webhook_seconds: Option<u64>,
    /// The most bytes of an event that is sent to a connector's endpoint; 1 MiB where it is left out
    #[arg(long, env = "DRAY_EVENT_BYTES", value_name = "BYTES")]
    event_bytes: Option<usize>,
    /// Events that one endpoint takes in a minute; 120000 where it is left out
    #[arg(long, env = "DRAY_EVENTS_PER_MINUTE", value_name = "N")]
    events_per_minute: Option<u32>,
    /// Events that may wait in one organization; 1000000 where it is left out
    #[arg(long, env = "DRAY_WAITING_EVENTS", value_name = "N")]
    waiting_events: Option<u64>,
    /// How long events are kept once they have ended; 30d where it is left out
    #[arg(long, env = "DRAY_KEEP_EVENTS", value_name = "TIME")]
    keep_events: Option<String>,
    /// A language model that speaks the OpenAI protocol, asked about columns whose field is uncertain:
    /// https://api.example.com/v1. Its key is DRAY_AI_KEY in the environment
    #[arg(long, env = "DRAY_AI_URL", value_name = "URL")]
    ai_url: Option<String>,
    /// The model's name
    #[arg(long, env = "DRAY_AI_MODEL", value_name = "NAME")]
    ai_model: Option<String>,
    /// How long its answer is waited for, 1 to 60 seconds; 6 where it is left out
    #[arg(long, env = "DRAY_AI_SECONDS", value_name = "N")]
    ai_seconds: Option<u64>,
    /// Write logs as JSON, one object a line
    #[arg(long, env = "DRAY_LOG_JSON", num_args = 0..=1, default_missing_value = "true", value_name = "true")]
    log_json: Option<bool>,
}

impl ServerSettings {
    /// The settings of this process.
    pub(super) fn settings(&self) -> Result<Settings> {
        let own = match &self.config {
            Some(path) => self.clone().or(read(path)?),
            None => self.clone(),
        };
        let mut settings = Settings::new(own.store.as_deref().unwrap_or("sqlite:./dray-data"));
        if let Some(files) = &own.files {
            match BucketSettings::parse(files) {
                Some(bucket) => {
                    settings.bucket =
                        Some(BucketSettings { endpoint: own.s3_endpoint, region: own.s3_region, ..bucket? });
                }
                None => {
                    settings.files = PathBuf::from(files);
                    if !settings.store.starts_with("sqlite:") {
                        settings.secret_folder.clone_from(&settings.files);
                    }
                }
            }
        }
        if let Some(folder) = own.files_root {
            settings.files_root = folder;
        }
        settings.check_files_root()?;
        if let Some(seconds) = own.storage_seconds {
            settings.storage_time = Duration::from_secs(seconds.clamp(1, 3_600));
        }
        settings.listen = own.listen.unwrap_or(settings.listen);
        settings.public_url = own.public_url.map(|url| url.trim_end_matches('/').to_owned());
        settings.cors_origins = own.cors_origins.unwrap_or_default();
        settings.workers = own.workers.unwrap_or(settings.workers).min(64);
        settings.job_attempts = own.job_attempts.unwrap_or(settings.job_attempts).clamp(1, 20);
        settings.requests_per_minute = own.requests_per_minute.unwrap_or(settings.requests_per_minute).max(1);
        settings.file_bytes = own.file_bytes.unwrap_or(settings.file_bytes);
        if let Some(seconds) = own.body_seconds {
            settings.body_time = Duration::from_secs(seconds.clamp(1, 3_600));
        }
        if let Some(minutes) = own.link_minutes {
            settings.link_time = Duration::from_secs(minutes.clamp(1, MOST_LINK_MINUTES) * 60);
        }
        if let Some(time) = &own.keep_imports {
            settings.keep_imports = kept(time)?;
        }
        if let Some(time) = &own.keep_exports {
            settings.keep_exports = kept(time)?;
        }
        settings.allow_outbound = parse_ranges(&own.allow_outbound.unwrap_or_default())?;
        if let Some(pauses) = own.webhook_pauses {
            settings.webhook_pauses = pauses.into_iter().map(pause).collect::<Result<_>>()?;
        }
        if let Some(seconds) = own.webhook_seconds {
            settings.webhook_time = Duration::from_secs(seconds.clamp(1, 60));
        }
        settings.event_bytes = own.event_bytes.unwrap_or(settings.event_bytes).clamp(1, MOST_EVENT_BYTES);
        settings.events_per_minute = own.events_per_minute.unwrap_or(settings.events_per_minute).max(1);
        settings.waiting_events = own.waiting_events.unwrap_or(settings.waiting_events);
        if let Some(time) = &own.keep_events {
            settings.keep_events = kept(time)?;
        }
        let ai_time = Duration::from_secs(own.ai_seconds.unwrap_or(6).clamp(1, 60));
        settings.log_json = own.log_json.unwrap_or(false);
        // Only from the environment: what stands on a command line can be read by others on the machine.
        let secret = |name: &str| std::env::var(name).ok().filter(|key| !key.is_empty());
        settings.chat = match (own.ai_url, own.ai_model) {
            (Some(url), Some(model)) => {
                Some(ChatSettings { url, model, key: secret("DRAY_AI_KEY"), time: ai_time })
            }
            (None, None) => None,
            _ => {
                return Err(Error::request("of --ai-url and --ai-model only one is given")
                    .hint("a language model needs both"));
            }
        };
        settings.secret_key = secret("DRAY_SECRET_KEY");
        settings.admin_key = secret("DRAY_ADMIN_KEY");
        if settings.admin_key.as_deref().is_some_and(|key| key.len() < 8) {
            return Err(Error::request("the key in DRAY_ADMIN_KEY is too short")
                .hint("use at least 8 characters, better 40 random ones"));
        }
        Ok(settings)
    }

    /// What is said here, and else there.
    fn or(self, file: Self) -> Self {
        Self {
            config: self.config,
            store: self.store.or(file.store),
            files: self.files.or(file.files),
            files_root: self.files_root.or(file.files_root),
            storage_seconds: self.storage_seconds.or(file.storage_seconds),
            s3_endpoint: self.s3_endpoint.or(file.s3_endpoint),
            s3_region: self.s3_region.or(file.s3_region),
            listen: self.listen.or(file.listen),
            public_url: self.public_url.or(file.public_url),
            cors_origins: self.cors_origins.or(file.cors_origins),
            workers: self.workers.or(file.workers),
            job_attempts: self.job_attempts.or(file.job_attempts),
            requests_per_minute: self.requests_per_minute.or(file.requests_per_minute),
            file_bytes: self.file_bytes.or(file.file_bytes),
            body_seconds: self.body_seconds.or(file.body_seconds),
            link_minutes: self.link_minutes.or(file.link_minutes),
            keep_imports: self.keep_imports.or(file.keep_imports),
            keep_exports: self.keep_exports.or(file.keep_exports),
            allow_outbound: self.allow_outbound.or(file.allow_outbound),
            webhook_pauses: self.webhook_pauses.or(file.webhook_pauses),
            webhook_seconds: self.webhook_seconds.or(file.webhook_seconds),
            event_bytes: self.event_bytes.or(file.event_bytes),
            events_per_minute: self.events_per_minute.or(file.events_per_minute),
            waiting_events: self.waiting_events.or(file.waiting_events),
            keep_events: self.keep_events.or(file.keep_events),
            ai_url: self.ai_url.or(file.ai_url),
            ai_model: self.ai_model.or(file.ai_model),
            ai_seconds: self.ai_seconds.or(file.ai_seconds),
            log_json: self.log_json.or(file.log_json),
        }
    }
}

/// A pause of a setting: at most a week, and at most a hundred of them would be of use.
fn pause(seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|pause| pause.as_secs() <= 7 * 24 * 3600).ok_or_else(
        || {
            Error::request(format!("`{seconds}` is no pause of a webhook"))
                .hint("use seconds, at most a week")
        },
    )
}

/// A time of a setting: a number and its unit, as `90s`, `15m`, `12h` or `7d`; up to ten years.
fn kept(text: &str) -> Result<Duration> {
    let text = text.trim();
    let parsed = text.char_indices().last().and_then(|(end, unit)| {
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        let count: u64 = text.get(..end)?.trim().parse().ok()?;
        count.checked_mul(seconds).filter(|seconds| (1..=3_650 * 86_400).contains(seconds))
    });
    parsed.map(Duration::from_secs).ok_or_else(|| {
        Error::request(format!("`{text}` is no time for which something is kept"))
            .hint("use a number and s, m, h or d: 90s, 12h, 7d")
    })
}

fn read(path: &Path) -> Result<ServerSettings> {
    let text = std::fs::read_to_string(path)
        .map_err(|why| Error::file(format!("the settings `{}` cannot be read: {why}", path.display())))?;
    toml::from_str(&text).map_err(|why| {
        Error::request(format!("the settings `{}` cannot be understood: {}", path.display(), why.message()))
            .hint("the options of `dray serve --help`, without dashes before them and with _ for - within")
            .because(why)
    })
}

/// Logs to standard error: warnings and, of this program, what it does; `DRAY_LOG` says otherwise.
pub(super) fn log(as_json: bool) {
    let filter = EnvFilter::try_from_env("DRAY_LOG").unwrap_or_else(|_| EnvFilter::new("warn,dray=info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Set already where a test runs two servers in one process.
    let _ = if as_json { builder.json().try_init() } else { builder.with_ansi(false).try_init() };
}
