//! A broken world: something outside the data kept Dray from going on. What is wrong *in* the data
//! is never an error but a [`crate::problem::Problem`].

use std::fmt;

/// What kind of thing went wrong; decides whether trying again can help and how the edge answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request itself cannot be carried out: an unknown object, field, option or mapping.
    Request,
    /// The source cannot be read as what it claims to be.
    Source,
    /// A file could not be read or written.
    File,
    /// The store is unreachable, locked, read-only, full or refused a statement.
    Store,
    /// A setting or policy limit was exceeded.
    Limit,
    /// The person or the system asked the work to stop.
    Interrupted,
}

/// An error a person can act on: what and where, the remedy, and the cause below it.
#[derive(Debug)]
pub struct Error {
    /// What kind of failure this is.
    pub kind: ErrorKind,
    /// What failed, for which input; lower case, no full stop.
    pub message: String,
    /// What the person can do about it.
    pub hint: Option<String>,
    /// True where the same call may pass when tried again.
    pub retryable: bool,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything that touches the world.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error of `kind` with a message that says what and where.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, retryable: false, cause: None }
    }

    /// A request that cannot be carried out.
    pub fn request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Request, message)
    }

    /// A source that cannot be read.
    pub fn source(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Source, message)
    }

    /// A store that cannot do what was asked.
    pub fn store(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Store, message)
    }

    /// A file that cannot be read or written.
    pub fn file(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::File, message)
    }

    /// Adds what the person can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Keeps the cause below this error.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The message with those of everything below it, for logs.
    pub fn with_causes(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(below) = cause {
            text.push_str(": ");
            text.push_str(&below.to_string());
            cause = below.source();
        }
        text
    }

    /// Marks the error as one that trying again may cure.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
