//! How an answer says that something did not work: `{"error": {"code", "message", "details"?}}`, and in the
//! modules door `{"success": false, "error": {…}}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dray_model::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::operations::quota::Exceeded;

/// What did not work, for whoever asked.
#[derive(Debug, Clone)]
pub struct Failure {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable code, listed in the documentation.
    pub code: &'static str,
    /// What is wrong, where, and what to do.
    pub message: String,
    /// More, for programs.
    pub details: Option<Value>,
    /// Seconds after which it may work.
    pub retry_after: Option<u64>,
}

/// The result of a handler.
pub type Answer<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with this status and code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: None, retry_after: None }
    }

    /// 400 `VALIDATION_ERROR`: the request cannot be understood or carried out.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    /// 401: no key, or one that is not known.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
    }

    /// 403: the key may not do this.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message)
    }

    /// 404: there is no such thing, or it is not this organization's.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// 409: something else stands in the way.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "CONFLICT", message)
    }

    /// The same with more for programs.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// The same under another code.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// The part all shapes have in common.
    pub fn body(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let (Some(details), Value::Object(error)) = (&self.details, &mut error) {
            error.insert("details".to_owned(), details.clone());
        }
        error
    }
}

/// 403 where the plan of the organization allows no more.
impl From<Exceeded> for Failure {
    fn from(exceeded: Exceeded) -> Self {
        let details =
            json!({ "limit": exceeded.limit, "allowed": exceeded.allowed, "wanted": exceeded.wanted });
        Self::denied(exceeded.message).code("PLAN_LIMIT").details(details)
    }
}

impl From<Error> for Failure {
    /// What the world says, in the words of HTTP. What a store or a file says may name paths and tables,
    /// which are for the log and not for whoever asked.
    fn from(error: Error) -> Self {
        let told = match &error.hint {
            Some(hint) => format!("{}: {hint}", error.message),
            None => error.message.clone(),
        };
        match error.kind {
            ErrorKind::Request => Self::validation(told),
            ErrorKind::Source => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_SOURCE", told),
            ErrorKind::Limit => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "LIMIT_EXCEEDED", told),
            ErrorKind::Interrupted => {
                let mut failure = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "STOPPED",
                    "the work was stopped before its end: ask again",
                );
                failure.retry_after = Some(5);
                failure
            }
            ErrorKind::Store if error.retryable => {
                tracing::warn!(error = %error.with_causes(), "the store is not available");
                let mut failure = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "UNAVAILABLE",
                    "the database cannot be reached or is busy at the moment: try again in a few seconds",
                );
                failure.retry_after = Some(2);
                failure
            }
            ErrorKind::File if error.retryable => {
                tracing::warn!(error = %error.with_causes(), "a file is not available");
                let mut failure = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "UNAVAILABLE",
                    "the server cannot do this at the moment: try again in a few seconds",
                );
                failure.retry_after = Some(2);
                failure
            }
            ErrorKind::Store | ErrorKind::File => {
                tracing::error!(error = %error.with_causes(), "the store or a file failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "INTERNAL_ERROR",
                    "something went wrong inside the server: its log knows more under this request's number",
                )
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "error": self.body() }))).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The modules door and the audit log look at it on its way out.
        response.extensions_mut().insert(self);
        response
    }
}

/// An answer that pages of these origins may show in a frame, as `frame-ancestors` says it. All others are
/// shown by nobody.
#[derive(Debug, Clone)]
pub struct FramedBy(pub String);
