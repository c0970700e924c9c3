//! Requests to others as a connector describes them: address, parameters, headers and body with values in them,
//! which become one request for each event.

use axum::http::{HeaderName, HeaderValue, Method};
use dray_engine::expression::{Json, RepeatedMember, Roots, Template};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::values::{FORM, member_of, text_of};

/// Headers that belong to the connection and to whoever keeps it.
const OWN_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A key and the value it gets.
#[derive(Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: Template,
}

/// A request with values in it.
#[derive(Debug)]
pub struct RequestTemplate {
    /// The address without what has values in it.
    base: Url,
    /// The steps of its path; `None` where it is as it stands.
    steps: Option<Vec<Template>>,
    /// Parameters of its query that stand in the address.
    query: Vec<(Template, Template)>,
    parameters: Vec<Entry>,
    headers: Vec<(HeaderName, Template)>,
}

/// A request to be made.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// How.
    pub method: Method,
    /// Whom to ask.
    pub url: Url,
    /// What is said beside the body.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What is sent.
    pub body: Option<String>,
}

/// The entries of a field: `[{"key": …, "value": …}]`, as JSON or as its text. The error says what is wrong.
pub fn entries(value: Option<&Value>) -> Result<Vec<Entry>, String> {
    let parsed;
    let list = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(Vec::new()),
        Some(Value::String(text)) => {
            parsed = serde_json::from_str(text).map_err(|why| why.to_string())?;
            &parsed
        }
        Some(other) => other,
    };
    let list = list.as_array().ok_or("not a JSON array")?;
    let entry = |(place, entry): (usize, &Value)| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let key = text("key").ok_or_else(|| format!("entry {} has no `key`", place + 1))?;
        let value = Template::compile(text("value").unwrap_or_default())
            .map_err(|why| format!("entry {} (`{key}`): {why}", place + 1))?;
        Ok(Entry { key: key.to_owned(), value })
    };
    list.iter().enumerate().map(entry).collect()
}

impl RequestTemplate {
    /// Compiles a request. The error says what is wrong.
    pub fn compile(address: &str, parameters: Vec<Entry>, headers: Vec<Entry>) -> Result<Self, String> {
        let address = address.trim();
        let address = if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
        let mut base = Url::parse(&address).map_err(|why| format!("the address cannot be used: {why}"))?;
        if base.host_str().is_none_or(|host| host.contains('$')) {
            return Err("the host of the address must stand as it is: values may stand behind it".to_owned());
        }
        if [base.username(), base.password().unwrap_or_default()].iter().any(|part| part.contains('$')) {
            return Err("no value may stand before the host: put a password into a header".to_owned());
        }
        let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let compiled = |text: &str| Template::compile(text).map_err(|why| format!("the address: {why}"));
        let mut steps = None;
        if base.path().contains('$') {
            let path = base.path().trim_start_matches('/').to_owned();
            let all: Result<Vec<Template>, String> =
                path.split('/').map(|step| compiled(&plain(step))).collect();
            steps = Some(all?);
            base.set_path("");
        }
        let mut query = Vec::new();
        if base.query().is_some_and(|query| query.contains('$')) {
            for (name, value) in base.query_pairs() {
                query.push((compiled(&name)?, compiled(&value)?));
            }
            base.set_query(None);
        }
        let headers = headers
            .into_iter()
            .map(|Entry { key, value }| {
                let name = HeaderName::from_bytes(key.trim().as_bytes())
                    .map_err(|_| format!("`{key}` is not the name of a header"))?;
                if OWN_HEADERS.contains(&name.as_str()) {
                    return Err(format!("the header `{name}` cannot be set: it belongs to the connection"));
                }
                Ok((name, value))
            })
            .collect::<Result<_, String>>()?;
        Ok(Self { base, steps, query, parameters, headers })
    }

    /// The templates it is made of.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let query = self.query.iter().flat_map(|(name, value)| [name, value]);
        let parameters = self.parameters.iter().map(|entry| &entry.value);
        let headers = self.headers.iter().map(|(_, value)| value);
        self.steps.iter().flatten().chain(query).chain(parameters).chain(headers)
    }

    /// The request for these values. A parameter or header that is null is left out; `body` is written as the
    /// header `Content-Type` says. The error says what is wrong.
    pub fn prepare(&self, method: Method, roots: &Roots, body: Option<&Json>) -> Result<Prepared, String> {
        let evaluated = |template: &Template| {
            template.evaluate(roots).map(|value| text_of(&value)).map_err(|why| why.message)
        };
        let mut url = self.base.clone();
        if let Some(steps) = &self.steps {
            let mut texts = Vec::new();
            for step in steps {
                let text = evaluated(step)?.unwrap_or_default();
                // An empty step, or one that leads up, would be another address.
                if text.is_empty() || text == "." || text == ".." {
                    return Err("the address: a value in its path is missing".to_owned());
                }
                texts.push(text);
            }
            let mut path = url.path_segments_mut().map_err(|()| "the address has no path".to_owned())?;
            path.clear().extend(texts);
        }
        let mut pairs = Vec::new();
        for (name, value) in &self.query {
            pairs.push((evaluated(name)?.unwrap_or_default(), evaluated(value)?.unwrap_or_default()));
        }
        for Entry { key, value } in &self.parameters {
            if let Some(value) = evaluated(value).map_err(|why| format!("the parameter `{key}`: {why}"))? {
                pairs.push((key.clone(), value));
            }
        }
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            let of_header = |why: &str| format!("the header `{name}`: {why}");
            let Some(text) = evaluated(value).map_err(|why| of_header(&why))? else { continue };
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| of_header("its value has a character that no header may have"))?;
            value.set_sensitive(true);
            headers.push((name.clone(), value));
        }
        let media_type = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value);
        let is_form = media_type
            .and_then(|value| value.to_str().ok())
            .is_some_and(|text| text.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM));
        let has_type = media_type.is_some();
        let body = body.map(|body| if is_form { form(body) } else { body.to_string() });
        if body.is_some() && !has_type {
            headers.push((axum::http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        Ok(Prepared { method, url, headers, body })
    }
}

/// The members of an object as a form.
fn form(body: &Json) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    if let Json::Object(members) = body {
        for (name, value) in members.iter() {
            if let Some(text) = text_of(value) {
                out.append_pair(name, &text);
            }
        }
    }
    out.finish()
}

impl Prepared {
    /// As it is shown: `{method, url, headers, body}`.
    pub fn shown(&self) -> Value {
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into())
            })
            .collect();
        let body = self.body.as_ref().map(|body| match Json::parse(body, RepeatedMember::LastCounts) {
            Ok(json) => member_of(&json),
            Err(_) => Value::String(body.clone()),
        });
        serde_json::json!({
            "method": self.method.as_str(), "url": self.url.as_str(), "headers": headers, "body": body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::connectors::values::payload;

    fn roots() -> Roots {
        let read = |text: &str| payload(text.as_bytes(), "").expect("JSON");
        Roots {
            payload: read("{\"id\":\"a/../b?\",\"n\":[1,2],\"none\":null,\"bad\":\"a\\nb\"}"),
            secret: read("{\"KEY\":\"k&k\"}"),
            ..Roots::default()
        }
    }

    fn entry(key: &str, value: &str) -> Entry {
        Entry { key: key.to_owned(), value: Template::compile(value).expect("a template") }
    }

    fn url(address: &str, parameters: Vec<Entry>) -> Result<String, String> {
        let request = RequestTemplate::compile(address, parameters, Vec::new())?;
        Ok(request.prepare(Method::GET, &roots(), None)?.url.to_string())
    }

    #[test]
    fn values_stay_where_they_stand() {
        for (address, expected) in [
            ("example.com/a%20b?q=1", "https://example.com/a%20b?q=1"),
            ("http://example.com:81/$payload.id/x", "http://example.com:81/a%2F..%2Fb%3F/x"),
            ("https://example.com/p-$payload.n[1]", "https://example.com/p-2"),
            (
                "https://example.com/?k=$secret.KEY&x=$payload.id",
                "https://example.com/?k=k%26k&x=a%2F..%2Fb%3F",
            ),
            ("https://example.com/#$payload.id", "https://example.com/#$payload.id"),
        ] {
            assert_eq!(url(address, Vec::new()).as_deref(), Ok(expected), "{address}");
        }
        let parameters = vec![
            entry("a b", "$payload.n"),
            entry("left out", "$payload.none"),
            entry("c", "x $payload.none"),
        ];
        assert_eq!(
            url("https://example.com/?z=1", parameters).as_deref(),
            Ok("https://example.com/?z=1&a+b=%5B1%2C2%5D&c=x+")
        );
        for (address, told) in [
            ("https://$payload.id/", "host"),
            ("https://$payload.id.example.com/", "host"),
            ("https://u:$secret.KEY@example.com/", "before the host"),
            ("https://example.com/$payload.none", "a value in its path is missing"),
            ("https://example.com/$payloads.x", "no property `payloads`"),
            ("https://", "cannot be used"),
        ] {
            let error = url(address, Vec::new()).expect_err(address);
            assert!(error.contains(told), "{address}: {error}");
        }
    }

    #[test]
    fn headers_are_headers_and_bodies_what_their_type_says() {
        let of = |headers: Vec<Entry>| RequestTemplate::compile("https://example.com/", Vec::new(), headers);
        let prepared = |headers, body: &str| {
            let body = payload(body.as_bytes(), "").expect("JSON");
            of(headers)?.prepare(Method::POST, &roots(), Some(&body))
        };
        let plain = prepared(
            vec![entry("X-Key", "Bearer $secret.KEY"), entry("X-None", "$payload.none")],
            "{\"a\":1.50}",
        );
        let shown = plain.expect("a request").shown();
        assert_eq!(
            shown.to_string(),
            "{\"method\":\"POST\",\"url\":\"https://example.com/\",\"headers\":{\"x-key\":\"Bearer k&k\",\
             \"content-type\":\"application/json\"},\"body\":{\"a\":\"1.50\"}}"
        );
        let form =
            prepared(vec![entry("content-type", FORM)], "{\"a b\":\"x&y\",\"n\":1,\"none\":null,\"l\":[1]}");
        assert_eq!(form.expect("a request").body.as_deref(), Some("a+b=x%26y&n=1&l=%5B1%5D"));
        for (name, value, told) in [
            ("Host", "x", "belongs to the connection"),
            ("content-length", "1", "belongs to the connection"),
            ("a b", "x", "not the name of a header"),
            ("X-Bad", "$payload.bad", "no header may have"),
        ] {
            let error = prepared(vec![entry(name, value)], "{}").expect_err(name);
            assert!(error.contains(told), "{name}: {error}");
        }
    }
}
