//! The SQLite shell, with the durability users have: write-ahead log, `synchronous = NORMAL`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::measure::Call;
use crate::place::read_command;

/// The `sqlite3` program.
pub(super) struct Shell {
    program: PathBuf,
}

impl Shell {
    /// Finds it on the path.
    pub(super) fn find() -> Result<Self, String> {
        let program = PathBuf::from("sqlite3");
        read_command(Command::new(&program).arg("--version")).map_err(|_| {
            "the benchmark needs the sqlite3 program: sudo apt-get install sqlite3 (Debian, Ubuntu), sudo dnf \
             install sqlite (Fedora), brew install sqlite (macOS), or leave SQLite out with --store postgres"
        })?;
        Ok(Self { program })
    }

    /// A `sqlite3` that does these things, one after the other, in one session.
    pub(super) fn call(&self, database: &Path, commands: &[&str]) -> Call<'_> {
        let settings = "PRAGMA synchronous = NORMAL;";
        let mut arguments = vec!["-batch".to_owned(), "-bail".to_owned(), database.display().to_string()];
        arguments.push(settings.to_owned());
        arguments.extend(commands.iter().map(|&command| command.to_owned()));
        Call { program: &self.program, arguments }
    }

    /// Runs commands that are not measured; returns what they print.
    pub(super) fn sql(&self, database: &Path, commands: &[&str]) -> Result<String, String> {
        let call = self.call(database, commands);
        read_command(Command::new(call.program).args(&call.arguments))
    }
}

/// Makes `directory` anew with the database of `template`, or empty; nothing is left to write.
pub(super) fn fresh(directory: &Path, template: Option<&Path>) -> Result<(), String> {
    let failed = |why: std::io::Error| format!("{}: {why}", directory.display());
    if directory.exists() {
        std::fs::remove_dir_all(directory).map_err(failed)?;
    }
    std::fs::create_dir_all(directory).map_err(failed)?;
    if let Some(template) = template {
        std::fs::copy(template, directory.join("bench.db")).map_err(failed)?;
    }
    read_command(&mut Command::new("sync")).map(drop)
}
