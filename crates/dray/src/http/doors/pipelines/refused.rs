//! What the definitions and runs of pipelines refuse, as HTTP says it; and numbers in addresses.

use axum::http::StatusCode;

use super::shape::bad_request;
use crate::http::answer::{Answer, Failure};
use crate::http::lists::short;
use crate::operations::pipelines::refusal::Refusal;

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, refusal.code, refusal.message)
    }
}

/// The number that an address names; 400 for what is none.
pub(super) fn number(text: &str, what: &str) -> Answer<i64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|&id: &i64| is_number && id > 0)
        .ok_or_else(|| bad_request(format!("`{}` is no id of a {what}: it is a whole number", short(text))))
}
