//! Bodies as this door takes them: one JSON object in which no key stands twice, its text in one Unicode form; or
//! none at all.

use std::fmt;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use unicode_normalization::UnicodeNormalization;

use super::shape::bad_request;
use crate::http::answer::{Answer, Failure};
use crate::server::app::App;

/// The largest body.
const BODY_BYTES: usize = 512_000;

/// The JSON object of a request.
pub struct Members(pub Map<String, Value>);

impl Members {
    /// A member; `null` is as if it were not there.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(&self, key: &str) -> Answer<Option<&str>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| bad_request(format!("`{key}` must be a text")))
    }
}

impl FromRequest<App> for Members {
    type Rejection = Failure;

    async fn from_request(request: Request, _app: &App) -> Answer<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let mut parts = kind.unwrap_or_default().split(';').map(|part| part.trim().to_ascii_lowercase());
        let is_json = parts.next().as_deref() == Some("application/json")
            && parts.all(|part| matches!(part.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\""));
        if !is_json {
            return Err(bad_request("the body must be JSON: send it with `Content-Type: application/json`"));
        }
        let bytes = to_bytes(request.into_body(), BODY_BYTES)
            .await
            .map_err(|_| bad_request(format!("the body is larger than {BODY_BYTES} bytes, or broke off")))?;
        parse(&bytes).map(Self)
    }
}

/// Says that a request may have no body.
pub struct NoBody;

impl FromRequest<App> for NoBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _app: &App) -> Answer<Self> {
        match to_bytes(request.into_body(), 0).await {
            Ok(bytes) if bytes.is_empty() => Ok(Self),
            _ => Err(bad_request("this request has no body: leave it out")),
        }
    }
}

/// Reads the object of a body.
fn parse(bytes: &[u8]) -> Answer<Map<String, Value>> {
    let text = std::str::from_utf8(bytes).map_err(|_| bad_request("the body is not UTF-8"))?;
    if text.trim().is_empty() {
        return Err(bad_request("the body is empty: send a JSON object"));
    }
    let text: String = text.nfc().collect();
    let mut reader = serde_json::Deserializer::from_str(&text);
    let value = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(bad_request("the body must be a JSON object")),
        Err(why) => Err(bad_request(format!(
            "the body cannot be read (line {}, column {})",
            why.line(),
            why.column()
        ))),
    }
}

/// Reads a value, in which no key of an object stands twice.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Self)? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom("a key stands twice"));
            }
            let value = members.next_value_seed(Self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_objects_whose_keys_stand_once() {
        for wrong in [
            "",
            " ",
            "[]",
            "1",
            "{",
            "{\"a\":1,\"a\":2}",
            "{\"a\":[{\"b\":1,\"b\":1}]}",
            "{} {}",
            "{\"a\":1,}",
        ] {
            assert_eq!(parse(wrong.as_bytes()).unwrap_err().code, "BadRequest", "{wrong}");
        }
        assert!(parse(b"{\"a\":\"\xff\"}").is_err());
        let parsed =
            parse("{\"a\": [1, -2, 1.5, true, null, \"e\u{301}\"], \"b\": {\"c\": {}}}".as_bytes()).unwrap();
        assert_eq!(
            Value::Object(parsed),
            serde_json::json!({ "a": [1, -2, 1.5, true, null, "é"], "b": { "c": {} } })
        );
    }
}
