//! `dray key create`: a key for a program, without a running server.

use clap::{Subcommand, ValueEnum};
use dray_model::Result;
use serde_json::json;

use super::StoreArguments;
use super::print::{line, note};
use crate::clock;
use crate::server::directory::{self, Role};
use crate::server::limits::Plan;

/// Make a key for a program.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dray key create --role admin")]
pub(super) struct KeyArguments {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key and print it: it is shown this once
    Create {
        /// What the key may do
        #[arg(long, value_name = "ROLE")]
        role: RoleWord,
        /// Its name for people
        #[arg(long, default_value = "command line", value_name = "NAME")]
        name: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        store: StoreArguments,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleWord {
    Admin,
    Member,
    Planner,
}

impl KeyArguments {
    pub(super) fn json(&self) -> bool {
        let KeyCommand::Create { json, .. } = &self.command;
        *json
    }
}

/// Runs the command.
pub(super) fn run(arguments: &KeyArguments) -> Result<u8> {
    let KeyCommand::Create { role, name, json, store } = &arguments.command;
    let role = match role {
        RoleWord::Admin => Role::Admin,
        RoleWord::Member => Role::Member,
        RoleWord::Planner => Role::Planner,
    };
    let now = clock::now();
    let mut directory = dray_stores::connect_directory(&store.store)?;
    if directory::find_organization(directory.as_mut(), &store.org)?.is_none() {
        directory::create_organization(directory.as_mut(), &store.org, &store.org, Plan::default(), now)?;
    }
    let (key, secret) = directory::create_key(directory.as_mut(), &store.org, name, role, None, now)?;
    if *json {
        line(
            &json!({ "id": key.id, "role": key.role, "organization": key.organization, "secret": secret })
                .to_string(),
        );
    } else {
        line(&secret);
        note("Keep it well: it is not shown again.");
    }
    Ok(0)
}
