//! A connector, compiled from the fields of its record: every expression is parsed once, and what cannot be used
//! is told with the field it stands in.

use axum::http::Method;
use dray_engine::expression::{Json, Template, Trigger};
use serde_json::{Map, Value};
use url::Url;

use super::paths::{PayloadPath, beginning};
use super::request::{Entry, RequestTemplate, entries};

/// The most paths of a trigger that are told.
const MOST_LOOKED_AT: usize = 20;
/// The scheme of addresses that lead into an object of the same organization.
const OBJECT: &str = "object:";

/// What a connector does.
#[derive(Debug)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// False where nothing is received and nothing is done.
    pub enabled: bool,
    /// Decides whether anything is to be done; always where there is none.
    pub trigger: Option<Trigger>,
    /// Whom to ask for more than the payload says.
    pub lookup: Option<RequestTemplate>,
    /// What is made of the payload.
    pub process: Vec<Entry>,
    /// What is done in the end; nothing where there is none.
    pub perform: Option<Perform>,
    /// The fields of what is done in the end.
    pub fields: Vec<Entry>,
    /// The names of the secrets that it reads.
    pub secrets: Vec<String>,
}

/// What a connector does in the end.
#[derive(Debug)]
pub enum Perform {
    /// A request.
    Request(Method, Box<RequestTemplate>),
    /// A record of the same organization: `object:contacts?match=email`.
    Record {
        /// The object.
        object: String,
        /// The fields that tell whether there is such a record; the object's own policy where there are none.
        match_by: Vec<String>,
    },
}

/// Why a connector cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Connector {
    /// Compiles the record of a connector: its fields by their names, JSON as JSON or as text.
    pub fn compile(record: &Map<String, Value>) -> Result<Self, Vec<Mistake>> {
        let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default();
        let mut mistakes = Vec::new();
        let mut list = |field: &'static str| {
            entries(record.get(field)).unwrap_or_else(|message| {
                mistakes.push(Mistake { field, message });
                Vec::new()
            })
        };
        let (process, fields) = (list("process"), list("perform"));
        let (parameters, lookup_headers) = (list("process_api_params"), list("process_api_headers"));
        let headers = list("perform_headers");
        let mut wrong = |field: &'static str, message: String| mistakes.push(Mistake { field, message });
        let trigger = match text("trigger") {
            "" => None,
            trigger => Trigger::compile(trigger).map_err(|why| wrong("trigger", why.to_string())).ok(),
        };
        let lookup = match text("process_api_url") {
            "" => None,
            address => RequestTemplate::compile(address, parameters, lookup_headers)
                .map_err(|why| wrong("process_api_url", why))
                .ok(),
        };
        let perform = match text("perform_api_url") {
            "" => None,
            address => perform(address, text("perform_api_method"), headers)
                .map_err(|why| wrong("perform_api_url", why))
                .ok(),
        };
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let mut secrets: Vec<String> = trigger.iter().flat_map(|trigger| trigger.secrets.clone()).collect();
        let of_requests = lookup.iter().chain(match &perform {
            Some(Perform::Request(_, request)) => Some(&**request),
            _ => None,
        });
        let of_entries = process.iter().chain(&fields).map(|entry| &entry.value);
        let templates = of_requests.flat_map(RequestTemplate::templates).chain(of_entries);
        secrets.extend(templates.flat_map(|template: &Template| template.secrets.clone()));
        secrets.sort();
        secrets.dedup();
        let (name, enabled) = (text("name").to_owned(), text("status") == "enabled");
        Ok(Self { name, enabled, trigger, lookup, process, perform, fields, secrets })
    }

    /// True where something is to be done with a payload. The error says why that cannot be said.
    pub fn is_triggered(&self, payload: &Json, secret: &Json) -> Result<bool, String> {
        let Some(trigger) = &self.trigger else { return Ok(true) };
        if let Some(name) = trigger.secrets.iter().find(|name| secret.member(name).is_none()) {
            return Err(missing_secret(name));
        }
        trigger.matches(payload, secret).map_err(|why| why.message)
    }

    /// What the trigger looks at in a payload, the beginnings of the values.
    pub fn looked_at(&self, payload: &Json) -> Vec<PayloadPath> {
        let read = self.trigger.iter().flat_map(|trigger| trigger.read(payload));
        read.take(MOST_LOOKED_AT).map(|(path, json)| PayloadPath { path, value: beginning(&json) }).collect()
    }
}

/// What is said of a secret that a connector reads and that there is not.
pub fn missing_secret(name: &str) -> String {
    format!("there is no secret `{name}`: add it in the settings, then send the event again")
}

fn perform(address: &str, method: &str, headers: Vec<Entry>) -> Result<Perform, String> {
    let Some(target) = address.get(..OBJECT.len()).filter(|scheme| scheme.eq_ignore_ascii_case(OBJECT))
    else {
        let method = match method {
            "" => Method::POST,
            other => {
                Method::from_bytes(other.as_bytes()).map_err(|_| format!("there is no method `{other}`"))?
            }
        };
        let request = RequestTemplate::compile(address, Vec::new(), headers)?;
        return Ok(Perform::Request(method, Box::new(request)));
    };
    if method == Method::DELETE.as_str() {
        return Err("records can be made and changed by a connector, not deleted".to_owned());
    }
    let rest = address.get(target.len()..).unwrap_or_default().trim_start_matches('/');
    let url =
        Url::parse(&format!("object:/{rest}")).map_err(|why| format!("the address cannot be used: {why}"))?;
    let mut match_by = Vec::new();
    for (name, value) in url.query_pairs() {
        if name != "match" {
            return Err(format!("`{name}` cannot be said of an object: write `object:contacts?match=email`"));
        }
        match_by.extend(value.split(',').map(|field| field.trim().to_owned()));
    }
    let object = url.path().trim_matches('/').to_owned();
    if object.is_empty() {
        return Err("the object is missing: write `object:contacts?match=email`".to_owned());
    }
    Ok(Perform::Record { object, match_by })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(fields: Value) -> Result<Connector, Vec<Mistake>> {
        Connector::compile(fields.as_object().expect("an object"))
    }

    #[test]
    fn an_object_may_be_what_is_written() {
        let target = |address: &str| {
            let connector = compiled(serde_json::json!({ "perform_api_url": address }));
            match connector.map(|connector| connector.perform) {
                Ok(Some(Perform::Record { object, match_by })) => Ok((object, match_by.join("+"))),
                Ok(other) => panic!("{other:?}"),
                Err(mistakes) => Err(mistakes.into_iter().map(|mistake| mistake.message).collect::<String>()),
            }
        };
        let is = |object: &str, match_by: &str| Ok((object.to_owned(), match_by.to_owned()));
        assert_eq!(target("object:contacts"), is("contacts", ""));
        assert_eq!(target("OBJECT://contacts?match=email"), is("contacts", "email"));
        assert_eq!(
            target("object:/contacts/?match=email,%20phone&match=id"),
            is("contacts", "email+phone+id")
        );
        for wrong in ["object:", "object://?match=email", "object:contacts?email"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
        let deleting =
            serde_json::json!({ "perform_api_url": "object:contacts", "perform_api_method": "DELETE" });
        assert_eq!(compiled(deleting).map(|_| ()).map_err(|mistakes| mistakes.len()), Err(1));
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_field() {
        let wrong = serde_json::json!({
            "trigger": "equals(", "process": "{}", "perform": [{ "value": "x" }], "process_api_url": "https://$x/",
            "perform_api_url": "https://example.com/", "perform_headers": "[{\"key\":\"Host\",\"value\":\"x\"}]",
        });
        let mistakes = compiled(wrong).map(|_| ()).expect_err("it is wrong");
        let fields: Vec<&str> = mistakes.iter().map(|mistake| mistake.field).collect();
        assert_eq!(fields, ["process", "perform", "trigger", "process_api_url", "perform_api_url"]);
        let read = serde_json::json!({
            "trigger": "exists($secret.A)", "perform": [{ "key": "x", "value": "$secret.B $secret.A" }],
        });
        let connector = compiled(read).expect("it is good");
        assert_eq!(connector.secrets, ["A", "B"]);
        assert_eq!(connector.is_triggered(&Json::Null, &Json::Null), Err(missing_secret("A")));
    }
}
