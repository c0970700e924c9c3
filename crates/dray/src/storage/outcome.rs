//! What goes wrong with storages, in words that whoever asked may read: no passwords, no keys, no headers.

use dray_model::{Error, ErrorKind};

use crate::outbound::fault::Fault;

/// How an attempt ended before the file did.
pub(super) enum End {
    /// It may go on.
    Broken(Error),
    /// Trying again changes nothing.
    Final(Error),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        if fault.may_pass() {
            Self::Broken(Error::from(fault).retryable())
        } else {
            Self::Final(fault.into())
        }
    }
}

/// A file that is not the one that was begun.
pub(super) fn changed(path: &str) -> Error {
    Error::source(format!("the file `{path}` changed while it was read"))
        .hint("let it be written whole under another name and then renamed, and run again")
        .retryable()
}

/// A file of which more or less came than was announced.
pub(super) fn other_size(path: &str, announced: u64, came: u64) -> Error {
    Error::source(format!("the file `{path}` was announced with {announced} bytes, and {came} came"))
        .hint("see whether it is still being written, and run again")
        .retryable()
}

/// A file that is larger than allowed.
pub(super) fn too_large(path: &str, most: u64) -> Error {
    Error::new(ErrorKind::Limit, format!("the file `{path}` is larger than {most} bytes"))
        .hint("divide the file, or ask an administrator to allow larger ones")
}

/// A path where there is no file.
pub(super) fn no_such_file(path: &str) -> Error {
    Error::source(format!("there is no file `{path}`"))
        .hint("see how it is written: letters are not the same in both cases")
}

/// More names than are looked through.
pub(super) fn too_many_files(folder: &str) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!("the folder `/{}` holds more than {} files", folder.trim_matches('/'), super::MOST_LISTED),
    )
    .hint("name one file, or move old ones elsewhere")
}

/// What came cannot be kept on this machine.
pub(super) fn unkept(why: &std::io::Error) -> Error {
    Error::file(format!("the file cannot be kept here: {why}")).hint("is there space left?").retryable()
}

/// Somebody wished it to stop.
pub(super) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "the work with the storage was stopped")
}

/// An error for whoever writes through [`std::io::Write`].
pub(super) fn as_io(error: Error) -> std::io::Error {
    std::io::Error::other(match &error.hint {
        Some(hint) => format!("{}: {hint}", error.message),
        None => error.message,
    })
}
