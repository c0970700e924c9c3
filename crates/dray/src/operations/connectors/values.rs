//! What is received, and what goes out, as values of the expression language.

use std::sync::Arc;

use dray_engine::expression::{Json, RepeatedMember};
use serde_json::Value;
use url::form_urlencoded;

/// The media type of forms.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// What was received as JSON: a document, or the fields of a form as texts. The error says what is wrong.
pub fn payload(body: &[u8], media_type: &str) -> Result<Json, String> {
    if media_type.trim().eq_ignore_ascii_case(FORM) {
        let mut members: Vec<(Arc<str>, Json)> = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            let value = Json::text(&value);
            match members.iter_mut().find(|(known, _)| **known == *name) {
                Some((_, known)) => *known = value,
                None => members.push((name.as_ref().into(), value)),
            }
        }
        return Ok(Json::Object(members.into()));
    }
    let text =
        std::str::from_utf8(body).map_err(|why| format!("not UTF-8 at byte {}", why.valid_up_to() + 1))?;
    Json::parse(text.trim_start_matches('\u{feff}'), RepeatedMember::LastCounts)
}

/// A value as one text: a text as it is, anything else as JSON; `None` for null.
pub fn text_of(json: &Json) -> Option<String> {
    match json {
        Json::Null => None,
        Json::Text(text) => Some(text.to_string()),
        other => Some(other.to_string()),
    }
}

/// A value for a field of a record. A number that would lose digits travels as its text.
pub fn member_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Boolean(value) => Value::Bool(*value),
        Json::Number(text) => {
            let number = serde_json::from_str::<Value>(text).unwrap_or_default();
            let (written, text) = (number.to_string(), text.to_string());
            if written == text { number } else { Value::String(text) }
        }
        Json::Text(text) => Value::String(text.to_string()),
        Json::Array(elements) => elements.iter().map(member_of).collect(),
        Json::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.to_string(), member_of(value))).collect())
        }
    }
}

/// An object of these members.
pub fn object(members: Vec<(Arc<str>, Json)>) -> Json {
    Json::Object(members.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_documents_are_payloads() {
        let read = |body: &str, kind: &str| payload(body.as_bytes(), kind).map(|json| json.to_string());
        assert_eq!(read("a=1&b=x+y&a=2", FORM).as_deref(), Ok("{\"a\":\"2\",\"b\":\"x y\"}"));
        assert_eq!(read("\u{feff} [1.0]", "").as_deref(), Ok("[1.0]"));
        assert_eq!(
            read("{", "application/json"),
            Err("the name of a member is missing at byte 2".to_owned())
        );
        assert_eq!(payload(b"\"\xff\"", ""), Err("not UTF-8 at byte 2".to_owned()));
    }

    #[test]
    fn no_number_loses_digits() {
        let json = payload(b"[1, 1.5, 12345678901234567890123, 1e3, 0.10]", "").expect("JSON");
        assert_eq!(member_of(&json).to_string(), "[1,1.5,\"12345678901234567890123\",\"1e3\",\"0.10\"]");
    }
}
