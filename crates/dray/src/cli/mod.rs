//! The command line: one file for each command; what they share stands here and in `print`.

mod print;
mod progress;
mod ledger;
mod reading;
mod writing;
mod damage;
mod import;
mod export;
mod convert;
mod undo;
mod jobs;
mod objects;
mod key;
mod server_settings;
mod serve;
mod mcp;

use std::io::IsTerminal;

use clap::{CommandFactory, Parser, Subcommand};
use dray_model::catalog::Session;
use dray_model::flow::Store;
use dray_model::object::Object;
use dray_model::starter::starter_object;
use dray_model::{Error, ErrorKind, Result};

/// Carries data between files and the typed tables of an application, and accounts for every row.
#[derive(Debug, Parser)]
#[command(name = "dray", version, about, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  dray import contacts.csv --to contacts --plan      what would happen to every row
  dray import contacts.csv --to contacts             do it, and print the ledger
  dray undo 1                                        take import 1 back
  dray export contacts --where 'status = lead' -o leads.csv";

#[derive(Debug, Subcommand)]
enum Command {
    /// Import a file into an object
    Import(import::ImportArguments),
    /// Export records of an object
    Export(export::ExportArguments),
    /// Convert a file into another format
    Convert(convert::ConvertArguments),
    /// Take an import back: delete what it created, restore what it changed
    Undo(undo::UndoArguments),
    /// List imports and undos, the newest first
    Jobs(jobs::JobsArguments),
    /// Show the objects, or the fields of one
    Objects(objects::ObjectsArguments),
    /// Keys of programs
    Key(key::KeyArguments),
    /// Serve the API
    Serve(serve::ServeArguments),
    /// Do the jobs of servers, without the HTTP part
    Worker(serve::WorkerArguments),
    /// Answer an agent (MCP) over standard input and output
    Mcp(mcp::McpArguments),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  dray completions bash > ~/.local/share/bash-completion/completions/dray"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Where the records rest.
#[derive(Debug, clap::Args)]
struct StoreArguments {
    /// Where records rest: sqlite:DIR or postgres://USER@HOST/DATABASE
    #[arg(
        long,
        env = "DRAY_STORE",
        default_value = "sqlite:./dray-data",
        hide_env_values = true,
        value_name = "URL"
    )]
    store: String,
    /// The organization whose records these are
    #[arg(long, env = "DRAY_ORG", default_value = "default", hide_env_values = true, value_name = "NAME")]
    org: String,
}

impl StoreArguments {
    fn connect(&self) -> Result<Box<dyn Session>> {
        dray_stores::connect(&self.store, &self.org)
    }
}

/// Runs the command that the process was started with; returns the exit code.
pub fn run() -> u8 {
    crate::interrupt::listen();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return u8::from(error.use_stderr());
        }
    };
    let (outcome, json) = match &arguments.command {
        Command::Import(arguments) => (import::run(arguments), arguments.json),
        Command::Export(arguments) => (export::run(arguments), false),
        Command::Convert(arguments) => (convert::run(arguments), false),
        Command::Undo(arguments) => (undo::run(arguments), arguments.json),
        Command::Jobs(arguments) => (jobs::run(arguments), arguments.json),
        Command::Objects(arguments) => (objects::run(arguments), arguments.json),
        Command::Key(arguments) => (key::run(arguments), arguments.json()),
        Command::Serve(arguments) => (serve::run(arguments), false),
        Command::Worker(arguments) => (serve::run_worker(arguments), false),
        Command::Mcp(arguments) => (mcp::run(arguments), false),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Arguments::command(), "dray", &mut std::io::stdout());
            (Ok(0), false)
        }
    };
    outcome.unwrap_or_else(|error| fail(&error, json))
}

/// Tells a person (and with `--json` a program) what went wrong.
fn fail(error: &Error, json: bool) -> u8 {
    if json {
        let code = match error.kind {
            ErrorKind::Request => "INVALID_REQUEST",
            ErrorKind::Source => "INVALID_SOURCE",
            ErrorKind::File => "FILE_ERROR",
            ErrorKind::Store => "STORE_ERROR",
            ErrorKind::Limit => "LIMIT_EXCEEDED",
            ErrorKind::Interrupted => "INTERRUPTED",
        };
        print::line(
            &serde_json::json!({ "error": { "code": code, "message": error.message, "hint": error.hint } })
                .to_string(),
        );
    }
    let mut text = format!("{} {}", print::red("error:"), error.message);
    let mut cause = std::error::Error::source(error);
    while let Some(below) = cause {
        text.push_str(&format!("\n  because: {below}"));
        cause = below.source();
    }
    if let Some(hint) = &error.hint {
        text.push_str(&format!("\n{} {hint}", print::bold("hint:")));
    }
    print::note(&text);
    if error.kind == ErrorKind::Interrupted { crate::interrupt::EXIT_CODE } else { 1 }
}

/// The object of this name: one that ships with Dray, or one the store knows.
fn object_named(store: &mut dyn Store, name: &str) -> Result<Object> {
    match starter_object(name) {
        Ok(object) => Ok(object),
        Err(unknown) => match store.stored_definition(name)? {
            Some(definition) => Object::new(definition),
            None => Err(unknown),
        },
    }
}

/// True where a person watches standard error.
fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
