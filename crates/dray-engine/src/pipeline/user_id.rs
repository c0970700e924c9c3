//! The id of a user as rows give it: one text, whatever the kind of the column (spec section 6.1).

use crate::expression::{Json, Type, Value};

/// True for the kinds a column of ids may have.
pub fn can_identify(kind: &Type) -> bool {
    matches!(kind, Type::String(_) | Type::Int(_) | Type::Uuid | Type::Json)
}

/// The id; the error says why the value is none.
pub fn user_id(value: Option<&Value>) -> Result<String, &'static str> {
    match value {
        None | Some(Value::Null | Value::Json(Json::Null)) => Err("is null, and a user needs an id"),
        Some(Value::Text(text)) if text.is_empty() => Err("is empty, and a user needs an id"),
        Some(Value::Text(text)) => Ok(text.clone()),
        Some(Value::Json(Json::Text(text))) if text.is_empty() => Err("is empty, and a user needs an id"),
        Some(Value::Json(Json::Text(text))) => Ok(text.to_string()),
        Some(Value::Json(Json::Number(number))) => whole(number).ok_or("is no whole number"),
        Some(Value::Json(_)) => Err("is neither a JSON string nor a whole JSON number"),
        Some(value) => {
            let mut text = String::new();
            if value.append_text(None, &mut text) { Ok(text) } else { Err("cannot be an id") }
        }
    }
}

/// Digits, optionally followed by `.0`, which says nothing.
fn whole(number: &str) -> Option<String> {
    let digits = number.strip_suffix(".0").unwrap_or(number);
    let plain = digits.strip_prefix('-').unwrap_or(digits);
    plain.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.to_owned())
}
