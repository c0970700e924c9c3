//! `dray serve`: the server.

use std::net::SocketAddr;
use std::path::PathBuf;

use dray_model::{Error, Result};
use tracing_subscriber::EnvFilter;

use crate::http::serve::serve;
use crate::server::settings::Settings;

/// Serve pages and the API.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  dray serve --listen 127.0.0.1:8080

The first start prints a link to sign in with once, and an admin key.")]
pub(super) struct ServeArguments {
    /// Where to listen
    #[arg(long, env = "DRAY_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where records rest: sqlite:DIR or postgres://USER@HOST/DATABASE
    #[arg(
        long,
        env = "DRAY_STORE",
        default_value = "sqlite:./dray-data",
        hide_env_values = true,
        value_name = "URL"
    )]
    store: String,
    /// The folder for files that were sent and exports; beside the records where it is left out
    #[arg(long, env = "DRAY_FILES", value_name = "DIR")]
    files: Option<PathBuf>,
    /// How the server is reached from outside
    #[arg(long, env = "DRAY_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Origins whose pages may call the API
    #[arg(long, env = "DRAY_CORS_ORIGINS", value_name = "ORIGIN,…", value_delimiter = ',')]
    cors_origins: Vec<String>,
    /// Jobs at once
    #[arg(long, env = "DRAY_WORKERS", default_value_t = 2, value_name = "N")]
    workers: usize,
    /// Requests a key may make in a minute
    #[arg(long, env = "DRAY_REQUESTS_PER_MINUTE", default_value_t = 6_000, value_name = "N")]
    requests_per_minute: u32,
    /// The largest file that is taken, in bytes
    #[arg(long, env = "DRAY_FILE_BYTES", default_value_t = 5 << 30, value_name = "BYTES")]
    file_bytes: u64,
    /// Seconds for which nothing of a body may arrive
    #[arg(long, env = "DRAY_BODY_SECONDS", default_value_t = 30, value_name = "N")]
    body_seconds: u64,
    /// Write logs as JSON, one object a line
    #[arg(long, env = "DRAY_LOG_JSON")]
    log_json: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &ServeArguments) -> Result<u8> {
    let mut settings = Settings::new(&arguments.store);
    settings.listen = arguments.listen;
    settings.files = arguments.files.clone().unwrap_or(settings.files);
    settings.public_url = arguments.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    settings.cors_origins = arguments.cors_origins.clone();
    settings.workers = arguments.workers.clamp(1, 64);
    settings.requests_per_minute = arguments.requests_per_minute.max(1);
    settings.file_bytes = arguments.file_bytes;
    settings.body_time = std::time::Duration::from_secs(arguments.body_seconds.clamp(1, 3_600));
    settings.log_json = arguments.log_json;
    // Only from the environment: what stands on a command line can be read by others on the machine.
    settings.admin_key = std::env::var("DRAY_ADMIN_KEY").ok().filter(|key| !key.is_empty());
    settings.secret_key = std::env::var("DRAY_SECRET_KEY").ok().filter(|key| !key.is_empty());
    if settings.admin_key.as_deref().is_some_and(|key| key.len() < 8) {
        return Err(Error::request("the key in DRAY_ADMIN_KEY is too short")
            .hint("use at least 8 characters, better 40 random ones"));
    }
    log(settings.log_json);
    serve(settings)?;
    Ok(0)
}

/// Logs to standard error: warnings and, of this program, what it does; `DRAY_LOG` says otherwise.
pub(super) fn log(as_json: bool) {
    let filter = EnvFilter::try_from_env("DRAY_LOG").unwrap_or_else(|_| EnvFilter::new("warn,dray=info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Set already where a test runs two servers in one process.
    let _ = if as_json { builder.json().try_init() } else { builder.with_ansi(false).try_init() };
}
