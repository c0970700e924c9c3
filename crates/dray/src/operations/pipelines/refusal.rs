//! Why a request about pipelines is refused, before HTTP has a say in it.

use std::fmt;

/// A request that cannot be carried out: a status, a stable code, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// As HTTP has it.
    pub status: u16,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl Refusal {
    /// 400: the request is malformed or its arguments are not valid.
    pub fn bad(message: impl Into<String>) -> Self {
        Self { status: 400, code: "BadRequest", message: message.into() }
    }

    /// 404: what the address names is not there.
    pub fn missing(message: impl Into<String>) -> Self {
        Self { status: 404, code: "NotFound", message: message.into() }
    }

    /// 422: valid, but it cannot be done as things are.
    pub fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 422, code, message: message.into() }
    }

    /// 503: somebody else failed.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { status: 503, code: "ServiceUnavailable", message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

/// What is asked for, or why it is refused.
pub type Asked<T> = Result<T, Refusal>;
