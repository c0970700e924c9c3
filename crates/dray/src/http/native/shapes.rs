//! What the files of the native API share: limits and cursors of lists, names of files, the failures that
//! several of them give.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use dray_model::object::Object;
use dray_model::problem::{Problem, Severity};
use serde_json::{Value, json};

pub use crate::http::lists::{before_of, limit_of, next_cursor, number_of, short, unknown_cursor};

use crate::http::answer::{Answer, Failure};
use crate::operations::ledger::problem_json;
use crate::operations::objects::KnownObjects;
use crate::server::files::disposition;

/// The object of an address; 404 where there is none.
pub fn object_of(known: &KnownObjects, name: &str) -> Answer<Arc<Object>> {
    known.named(name).map_err(|error| {
        let hint = error.hint.unwrap_or_default();
        Failure::not_found(format!("there is no object `{}`: {hint}", short(name)))
    })
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
    let mut headers = HeaderMap::new();
    for (name, value) in
        [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition(name))]
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
