//! What SQLite's errors mean to a person.

use std::path::Path;

use dray_model::Error;
use rusqlite::ErrorCode;

/// The error for what SQLite answered about this file.
pub(super) fn describe(path: &Path, cause: rusqlite::Error) -> Error {
    let file = path.display();
    let code = cause.sqlite_error_code();
    let error = match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::store(format!(
            "the database file `{file}` is locked by another process"
        ))
        .hint("wait until the other import, or whatever else writes to the file, has ended, and try again")
        .retryable(),
        Some(ErrorCode::ReadOnly) => Error::store(format!("the database file `{file}` can only be read"))
            .hint("give this user permission to write to the file and its directory"),
        Some(ErrorCode::CannotOpen) => Error::store(format!("the database file `{file}` cannot be opened"))
            .hint("check that its directory exists and that this user may read and write there"),
        Some(ErrorCode::PermissionDenied) => {
            Error::store(format!("this user may not use the database file `{file}`"))
                .hint("give this user permission to read and write the file and its directory")
        }
        Some(ErrorCode::DiskFull) => Error::store(format!("the disk is full, `{file}` cannot grow"))
            .hint("free some space and try again; nothing of the unfinished transaction was kept"),
        Some(ErrorCode::NotADatabase) => Error::store(format!("`{file}` is not a database file"))
            .hint("choose another directory with --store, or move the file away"),
        Some(ErrorCode::DatabaseCorrupt) => Error::store(format!("the database file `{file}` is damaged"))
            .hint("restore it from a backup, or save what can be read with `sqlite3 FILE .recover`"),
        Some(ErrorCode::SystemIoFailure) => {
            Error::store(format!("reading or writing the database file `{file}` failed"))
                .hint("check the disk and the space left on it")
        }
        Some(ErrorCode::TooBig) => {
            Error::store(format!("a value is too large for the database file `{file}`"))
                .hint("a cell may have up to 1,000,000,000 bytes")
        }
        _ => {
            if let Some((table, column)) = not_null_column(&cause) {
                return crate::errors::value_missing(&table, &column).because(cause);
            }
            if let Some((table, column)) = unique_column(&cause) {
                return crate::errors::not_unique(&table, &column, None).because(cause);
            }
            Error::store(format!("the database file `{file}` refused a statement: {}", said(&cause)))
        }
    };
    error.because(cause)
}

/// The error for a file or directory beside the database.
pub(super) fn describe_file(path: &Path, cause: std::io::Error) -> Error {
    let shown = path.display();
    let error = match cause.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            Error::store(format!("this user may not write to `{shown}`"))
                .hint("give this user permission to write there, or choose another directory with --store")
        }
        std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
            Error::store(format!("`{shown}` is not a directory"))
                .hint("choose another directory with --store sqlite:DIRECTORY")
        }
        std::io::ErrorKind::StorageFull => {
            Error::store(format!("the disk is full, `{shown}` cannot be written"))
                .hint("free some space and try again")
        }
        _ => Error::store(format!("`{shown}` cannot be made or opened"))
            .hint("choose another directory with --store sqlite:DIRECTORY"),
    };
    error.because(cause)
}

/// True where a unique index or primary key was violated.
pub(super) fn is_not_unique(cause: &rusqlite::Error) -> bool {
    matches!(
        extended_code(cause),
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY)
    )
}

/// Table and column of a violated unique index: SQLite says `UNIQUE constraint failed: table.column`.
pub(super) fn unique_column(cause: &rusqlite::Error) -> Option<(String, String)> {
    is_not_unique(cause).then(|| named_column(cause)).flatten()
}

fn not_null_column(cause: &rusqlite::Error) -> Option<(String, String)> {
    (extended_code(cause) == Some(rusqlite::ffi::SQLITE_CONSTRAINT_NOTNULL))
        .then(|| named_column(cause))
        .flatten()
}

fn named_column(cause: &rusqlite::Error) -> Option<(String, String)> {
    let text = said(cause);
    let (_, name) = text.split_once("failed: ")?;
    let (table, column) = name.split_once('.')?;
    Some((table.to_owned(), column.to_owned()))
}

fn extended_code(cause: &rusqlite::Error) -> Option<i32> {
    match cause {
        rusqlite::Error::SqliteFailure(failure, _) => Some(failure.extended_code),
        _ => None,
    }
}

fn said(cause: &rusqlite::Error) -> String {
    match cause {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn every_trouble_with_the_file_has_a_sentence_and_a_hint() {
        let cases = [
            (ffi::SQLITE_FULL, "the disk is full, `/data/a.db` cannot grow", false),
            (ffi::SQLITE_READONLY, "the database file `/data/a.db` can only be read", false),
            (ffi::SQLITE_CANTOPEN, "the database file `/data/a.db` cannot be opened", false),
            (ffi::SQLITE_PERM, "this user may not use the database file `/data/a.db`", false),
            (ffi::SQLITE_CORRUPT, "the database file `/data/a.db` is damaged", false),
            (ffi::SQLITE_NOTADB, "`/data/a.db` is not a database file", false),
            (ffi::SQLITE_IOERR_READ, "reading or writing the database file `/data/a.db` failed", false),
            (ffi::SQLITE_BUSY_SNAPSHOT, "the database file `/data/a.db` is locked by another process", true),
        ];
        for (code, sentence, retryable) in cases {
            let cause = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = describe(Path::new("/data/a.db"), cause);
            assert_eq!(error.to_string(), sentence);
            assert!(error.hint.is_some(), "{sentence}");
            assert_eq!(error.retryable, retryable, "{sentence}");
        }
    }
}
