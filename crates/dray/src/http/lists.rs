//! Lists of things: how many on a page, where a page goes on; numbers and names in addresses.

use super::answer::{Answer, Failure};

/// Things on one page unless told otherwise.
pub const PAGE: u64 = 100;
/// The most things on one page.
pub const MOST: u64 = 1_000;

/// The number of things on a page.
pub fn limit_of(text: Option<&str>) -> Answer<u64> {
    let Some(text) = text else { return Ok(PAGE) };
    text.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| {
        Failure::validation(format!("`{}` is no limit: use a number from 1 to {MOST}", short(text)))
    })
}

/// The number where a list of numbered things goes on, the newest first.
pub fn before_of(cursor: Option<&str>) -> Answer<Option<i64>> {
    let Some(text) = cursor else { return Ok(None) };
    text.parse().ok().filter(|&before| before > 0).map(Some).ok_or_else(unknown_cursor)
}

/// 400 for a cursor that no list gave.
pub fn unknown_cursor() -> Failure {
    Failure::validation("the cursor is none that this server gave: begin without a cursor")
}

/// The cursor behind the last of a full page.
pub fn next_cursor(last: Option<i64>, count: usize, limit: u64) -> Option<String> {
    last.filter(|_| count as u64 >= limit).map(|last| last.to_string())
}

/// A number in an address; 404 for what is none.
pub fn number_of(text: &str, what: &str) -> Answer<i64> {
    text.parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| Failure::not_found(format!("there is no {what} `{}`", short(text))))
}

/// What may be shown of a text somebody sent.
pub fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
