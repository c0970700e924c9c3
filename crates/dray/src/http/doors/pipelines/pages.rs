//! Pages of lists, times, and answers that are JSON already, as this door has them.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use dray_engine::expression::Type;
use dray_engine::pipeline::rest::append_json;

use super::shape::bad_request;
use crate::http::answer::Answer;
use crate::http::lists::short;
use crate::operations::profiles::time_value;

/// The most of a list.
const MOST: u64 = 1_000;
/// How many of a list unless told otherwise.
const PAGE: u64 = 100;
/// The most that are passed over.
const MOST_FIRST: u64 = i32::MAX as u64;

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
