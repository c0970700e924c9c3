//! What the files of the native API share: limits and cursors of lists, names of files, the failures that
//! several of them give.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use dray_model::object::Object;
use dray_model::problem::{Problem, Severity};
use serde_json::{Value, json};

use crate::http::access::Actor;
use crate::http::answer::{Answer, Failure};
use crate::operations::ledger::problem_json;
use crate::operations::objects::KnownObjects;
use crate::operations::quota::{Exceeded, Quota};

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

/// The object of an address; 404 where there is none.
pub fn object_of(known: &KnownObjects, name: &str) -> Answer<Arc<Object>> {
    known.named(name).map_err(|error| {
        let hint = error.hint.unwrap_or_default();
        Failure::not_found(format!("there is no object `{}`: {hint}", short(name)))
    })
}

/// What may be shown of a text somebody sent.
pub fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

/// The limits of the organization's plan.
pub fn quota_of(actor: &Actor) -> Quota {
    let plan = &actor.organization.plan;
    Quota { rows_per_import: plan.rows_per_import, records_per_object: plan.records_per_object }
}

/// 403 `PLAN_LIMIT`.
pub fn plan_limit(exceeded: Exceeded) -> Failure {
    Failure::denied(exceeded.message)
        .code("PLAN_LIMIT")
        .details(json!({ "limit": exceeded.limit, "allowed": exceeded.allowed, "wanted": exceeded.wanted }))
}

/// 422 with everything that is wrong.
pub fn refused(code: &'static str, message: impl Into<String>, problems: &[Problem]) -> Failure {
    let problems: Vec<Value> = problems.iter().map(problem_json).collect();
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).details(json!({ "problems": problems }))
}

/// What is wrong with a record, in one sentence.
pub fn first_sentence(problems: &[Problem]) -> String {
    let errors: Vec<&Problem> =
        problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    match errors.as_slice() {
        [] => "the record cannot be written".to_owned(),
        [first, rest @ ..] => {
            let place = first.field.as_deref().or(first.column.as_deref()).unwrap_or("the record");
            let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
            format!("`{place}`: {}{more}", first.message)
        }
    }
}

/// 409 while an import has the object.
pub fn busy(object: &str) -> Failure {
    let mut failure =
        Failure::conflict(format!("an import into `{object}` is running: try again when it has ended"));
    failure.retry_after = Some(5);
    failure
}

/// Headers of a file to be saved under a name, which may hold anything.
pub fn attachment(kind: &str, name: &str) -> HeaderMap {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._- ".contains(c) { c } else { '_' })
        .take(150)
        .collect();
    let escaped: String = name
        .bytes()
        .take(300)
        .map(|byte| {
            let is_plain = byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        })
        .collect();
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{escaped}");
    let mut headers = HeaderMap::new();
    for (name, value) in [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)]
    {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// The version a request expects: `If-Match: "3"`.
pub fn expected_version(headers: &HeaderMap) -> Answer<Option<i64>> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    text.trim_start_matches("W/").trim_matches('"').parse().map(Some).map_err(|_| {
        Failure::validation(r#"`If-Match` names no version: send the record's `ETag`, like `"3"`"#)
    })
}
