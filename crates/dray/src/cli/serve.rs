//! `dray serve` and `dray worker`: the server, and jobs without one.

use dray_model::Result;

use super::server_settings::{ServerSettings, log};
use crate::http::serve::{serve, work};

/// Serve pages and the API.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  dray serve --listen 127.0.0.1:8080

The first start prints a link to sign in with once, and an admin key.")]
pub(super) struct ServeArguments {
    #[command(flatten)]
    settings: ServerSettings,
}

/// Do the jobs of servers on the same store and files.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  dray worker --store postgres://dray@db/dray --files s3://dray --workers 4

Jobs of a process that dies go on in another, from their last checkpoint.")]
pub(super) struct WorkerArguments {
    #[command(flatten)]
    settings: ServerSettings,
}

/// Runs the server.
pub(super) fn run(arguments: &ServeArguments) -> Result<u8> {
    let settings = arguments.settings.settings()?;
    log(settings.log_json);
    serve(settings)?;
    Ok(0)
}

/// Runs the jobs.
pub(super) fn run_worker(arguments: &WorkerArguments) -> Result<u8> {
    let mut settings = arguments.settings.settings()?;
    settings.workers = settings.workers.max(1);
    log(settings.log_json);
    work(settings)?;
    Ok(0)
}
