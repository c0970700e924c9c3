//! What goes wrong with requests to others, in words that whoever asked may read: they name the host of the
//! address and never its path, query, password or the number a name stands for.

use std::fmt;

use dray_model::{Error, ErrorKind};
use url::Url;

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The text is no address that can be asked.
    Address,
    /// The address leads inside, and the administrator does not allow it.
    Refused,
    /// The name is not known, nobody listens there, or the certificate is not valid.
    Unreachable,
    /// Nothing came for too long, or the whole took too long.
    TooSlow,
    /// More came than was allowed.
    TooLarge,
    /// The connection broke off.
    Broken,
    /// The answer is none that can be used.
    Answer,
}

/// A request to others that did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing went wrong.
    pub kind: FaultKind,
    /// What happened, lower case.
    pub message: String,
    /// What the person can do.
    pub hint: Option<&'static str>,
}

impl Fault {
    /// A fault of a kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same with what the person can do.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// True where the same request may work later.
    pub fn may_pass(&self) -> bool {
        matches!(self.kind, FaultKind::Unreachable | FaultKind::TooSlow | FaultKind::Broken)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.map_or(Ok(()), |hint| write!(f, ": {hint}"))
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let kind = match fault.kind {
            FaultKind::Address | FaultKind::Refused => ErrorKind::Request,
            FaultKind::TooLarge => ErrorKind::Limit,
            _ => ErrorKind::Source,
        };
        let error = Self::new(kind, fault.message);
        match fault.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// An address as it may be shown: what follows the host may be a secret.
pub fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}
