//! What this door's requests have in common: its codes, pages, times and numbers.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use dray_engine::expression::Type;
use dray_engine::pipeline::rest::append_json;

use crate::http::answer::{Answer, Failure};
use crate::http::lists::short;
use crate::operations::profiles::time_value;

/// The most of a list.
const MOST: u64 = 1_000;
/// How many of a list unless told otherwise.
const PAGE: u64 = 100;
/// The most that are passed over.
const MOST_FIRST: u64 = i32::MAX as u64;

/// 400: malformed, or arguments that are never valid.
pub fn bad_request(message: impl Into<String>) -> Failure {
    Failure::validation(message).code("BadRequest")
}

/// 404: what the address names is not there.
pub fn missing(message: impl Into<String>) -> Failure {
    Failure::not_found(message).code("NotFound")
}

/// 422: valid, but it cannot be done as things are.
pub fn unprocessable(code: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
}

/// `first` and `limit` of a list.
pub fn page(first: Option<&str>, limit: Option<&str>) -> Answer<(u64, u64)> {
    let number = |name: &str, text: Option<&str>, standard: u64, least: u64, most: u64| {
        let Some(text) = text else { return Ok(standard) };
        text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            let shown = short(text);
            bad_request(format!("`{shown}` cannot be `{name}`: use a number from {least} to {most}"))
        })
    };
    Ok((number("first", first, 0, 0, MOST_FIRST)?, number("limit", limit, PAGE, 1, MOST)?))
}

/// A number in an address.
pub fn number_of(text: &str, what: &str) -> Answer<i64> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| missing(format!("there is no {what} `{}`", short(text))))
}

/// A time as JSON, null where there is none.
pub fn time(micros: Option<i64>) -> serde_json::Value {
    let mut text = String::new();
    append_json(&time_value(micros), &Type::DateTime, &mut text);
    serde_json::from_str(&text).unwrap_or_default()
}

/// A JSON text as an answer.
pub fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], text).into_response()
}
