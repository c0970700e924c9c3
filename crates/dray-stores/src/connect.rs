//! Opens the store of an organization from the address a person gives.

use std::path::Path;

use dray_model::catalog::Session;
use dray_model::{Error, Result};

use crate::catalog::jobs::NEWS;
use crate::postgres::{PostgresDriver, listen};
use crate::sqlite::SqliteDriver;
use crate::store::SqlStore;

/// The longest name of an organization.
const NAME_BYTES: usize = 40;

/// File or schema of what belongs to no organization; no organization can have this name.
const DIRECTORY: &str = "dray_directory";

/// Opens the store of one organization: `sqlite:DIRECTORY` (a file `ORGANIZATION.db` in it, made where
/// it is missing) or `postgres://user:password@host:port/database` (a schema of the organization's name).
pub fn connect(address: &str, organization: &str) -> Result<Box<dyn Session>> {
    check_organization(organization)?;
    open(address, organization)
}

/// Opens the place that belongs to no organization: which organizations there are, their users and keys.
pub fn connect_directory(address: &str) -> Result<Box<dyn Session>> {
    open(address, DIRECTORY)
}

/// Calls `told` whenever a process has made a new job, until `should_stop` says so. Returns at once where the
/// store has no way to tell (SQLite): whoever waits looks again by itself.
pub fn listen_for_jobs(address: &str, told: &mut dyn FnMut(), should_stop: &dyn Fn() -> bool) -> Result<()> {
    if address.starts_with("sqlite:") {
        return Ok(());
    }
    listen(address, NEWS, told, should_stop)
}

fn open(address: &str, organization: &str) -> Result<Box<dyn Session>> {
    if let Some(directory) = address.strip_prefix("sqlite:") {
        if directory.is_empty() {
            return Err(Error::store("the address of the SQLite store names no directory")
                .hint("it looks like sqlite:./dray-data"));
        }
        let driver = SqliteDriver::open(Path::new(directory), organization)?;
        return Ok(Box::new(SqlStore::new(driver)?));
    }
    if address.starts_with("postgres://") || address.starts_with("postgresql://") {
        let driver = PostgresDriver::open(address, organization)?;
        return Ok(Box::new(SqlStore::new(driver)?));
    }
    // Only what stands before the colon is shown: the rest may hold a password.
    let kind = address.split(':').next().unwrap_or_default();
    Err(Error::store(format!("`{kind}:…` is not a store Dray knows"))
        .hint("use sqlite:DIRECTORY or postgres://user:password@host:5432/database"))
}

/// An organization is a file name and a schema name, so only plain names are allowed.
pub fn check_organization(name: &str) -> Result<()> {
    let is_plain = name.len() <= NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_plain {
        return Err(Error::request(format!("`{name}` is not a name an organization can have"))
            .hint("use up to 40 lower-case letters, digits and underscores, beginning with a letter"));
    }
    if name == DIRECTORY || name == "public" || name == "information_schema" || name.starts_with("pg_") {
        return Err(Error::request(format!("`{name}` cannot be the name of an organization"))
            .hint("the database keeps this name for itself; choose another"));
    }
    Ok(())
}
