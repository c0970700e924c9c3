//! `dray mcp`: the tools of an agent over standard input and output.

use dray_model::Result;

use super::StoreArguments;
use super::server_settings::log;
use crate::http::serve::serve_agent;
use crate::server::directory::Role;
use crate::server::settings::Settings;

/// Answer an agent (MCP) over standard input and output.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example, in the settings of an agent:
  { \"command\": \"dray\", \"args\": [\"mcp\", \"--plan-only\", \"--store\", \"sqlite:./dray-data\"] }

A running server answers agents too, at /mcp, each with its key.")]
pub(super) struct McpArguments {
    /// The agent may describe and plan, and change nothing
    #[arg(long)]
    plan_only: bool,
    #[command(flatten)]
    store: StoreArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &McpArguments) -> Result<u8> {
    log(false);
    let role = if arguments.plan_only { Role::Planner } else { Role::Admin };
    serve_agent(Settings::new(&arguments.store.store), &arguments.store.org, role)?;
    Ok(0)
}
