//! What all lines of the benchmark share: the programs, the files, and runs of Dray.

use std::path::{Path, PathBuf};

use super::data::Contacts;
use super::measure::{Call, Cost, Meter};
use super::postgres::Server;
use super::sqlite::Shell;
use crate::place::Place;

/// A run of one side: what it took, and what it left behind, to compare the two.
pub(super) struct Run {
    /// What the process took.
    pub(super) cost: Cost,
    /// Says what the result is: equal results, equal texts.
    pub(super) result: String,
}

/// Everything a line needs.
pub(super) struct Setting<'a> {
    /// Rows of each file.
    pub(super) rows: u64,
    /// The temporary directory.
    pub(super) place: &'a Place,
    /// Times processes.
    pub(super) meter: Meter,
    /// The program that is measured.
    pub(super) dray: PathBuf,
    /// The PostgreSQL server; none where it is left out.
    pub(super) server: Option<Server>,
    /// The SQLite shell; none where it is left out.
    pub(super) shell: Option<Shell>,
}

impl Setting<'_> {
    /// The file that is imported.
    pub(super) fn contacts(&self) -> PathBuf {
        self.place.file("contacts.csv")
    }

    /// A file of as many other contacts.
    pub(super) fn more(&self) -> PathBuf {
        self.place.file("more.csv")
    }

    /// The same contacts, each with other notes.
    pub(super) fn changed(&self) -> PathBuf {
        self.place.file("changed.csv")
    }

    /// Writes the three files.
    pub(super) fn make_files(&self) -> Result<(), String> {
        let contacts = Contacts { rows: self.rows, seed: 42, first_number: 0, changed_notes: false };
        contacts.write(&self.contacts())?;
        Contacts { changed_notes: true, ..contacts }.write(&self.changed())?;
        Contacts { seed: 43, first_number: self.rows, ..contacts }.write(&self.more())
    }

    /// The server.
    pub(super) fn server(&self) -> Result<&Server, String> {
        self.server.as_ref().ok_or_else(|| "PostgreSQL was left out".to_owned())
    }

    /// The shell of SQLite.
    pub(super) fn shell(&self) -> Result<&Shell, String> {
        self.shell.as_ref().ok_or_else(|| "SQLite was left out".to_owned())
    }

    /// Measures a process; returns what it took and what it printed.
    pub(super) fn measure(&self, call: &Call<'_>) -> Result<(Cost, String), String> {
        let output = self.place.file("output.txt");
        let cost = self.meter.run(call, &output)?;
        let printed = std::fs::read_to_string(&output).map_err(|why| format!("output: {why}"))?;
        Ok((cost, printed))
    }

    /// Runs Dray on a store; returns what it took and what it printed.
    pub(super) fn dray(&self, words: &[&str], store: &str) -> Result<(Cost, String), String> {
        let mut arguments: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        arguments.extend(["--store", store, "--org", "bench"].map(str::to_owned));
        self.measure(&Call { program: &self.dray, arguments })
    }

    /// Imports a file; fails where not every row has the fate.
    pub(super) fn import(
        &self,
        file: &Path,
        options: &[&str],
        fate: &str,
        store: &str,
    ) -> Result<Cost, String> {
        let path = file.display().to_string();
        let mut words = vec!["import", &path, "--to", "contacts", "--json"];
        words.extend(options);
        let (cost, ledger) = self.dray(&words, store)?;
        self.expect_all(&ledger, fate)?;
        Ok(cost)
    }

    /// Takes an import back; fails where not every row of it is gone or put back.
    pub(super) fn undo(&self, import: u64, done: &str, store: &str) -> Result<Cost, String> {
        let (cost, ledger) = self.dray(&["undo", &import.to_string(), "--json"], store)?;
        self.expect_all(&ledger, done)?;
        Ok(cost)
    }

    /// Exports all contacts to a file.
    pub(super) fn export_to(&self, file: &Path, store: &str) -> Result<Cost, String> {
        let file = file.display().to_string();
        Ok(self.dray(&["export", "contacts", "-o", &file], store)?.0)
    }

    fn expect_all(&self, ledger: &str, fate: &str) -> Result<(), String> {
        if number_of(ledger, fate) == Some(self.rows) && ledger.contains("\"balanced\":true") {
            return Ok(());
        }
        let shown: String = ledger.chars().take(500).collect();
        Err(format!("not every row is `{fate}`: {shown}"))
    }
}

/// A number in a flat JSON object.
fn number_of(json: &str, name: &str) -> Option<u64> {
    let (_, rest) = json.split_once(&format!("\"{name}\":"))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
