//! The steps of a connector for one event, one after the other: each takes what those before have made.

use std::sync::Arc;

use axum::http::Method;
use dray_engine::expression::{Json, Roots};
use serde_json::{Map, Value, json};

use super::connector::{Connector, Perform};
use super::request::{Entry, Prepared};
use super::values::{member_of, object};

/// What stands for a secret where it may be seen.
const HIDDEN: &str = "***";

/// What is to be done in the end.
#[derive(Debug)]
pub enum Action {
    /// A request.
    Request(Prepared),
    /// A record.
    Record {
        /// The object.
        object: String,
        /// The fields that tell whether there is such a record.
        match_by: Vec<String>,
        /// Its fields.
        members: Map<String, Value>,
        /// False where the payload is taken as it is, of which the object may lack some fields.
        chosen: bool,
    },
    /// Nothing: the event is kept, and that is all.
    Nothing,
}

/// What can be shown instead of secrets.
pub fn hidden(names: &[String]) -> Json {
    object(names.iter().map(|name| (name.as_str().into(), Json::text(HIDDEN))).collect())
}

impl Connector {
    /// Whom to ask for more than the payload says; `None` where nobody is.
    pub fn lookup_request(&self, roots: &Roots) -> Result<Option<Prepared>, String> {
        self.lookup.as_ref().map(|request| request.prepare(Method::GET, roots, None)).transpose()
    }

    /// What is made of the payload and of what was looked up: an object. Each of its fields may use those above it.
    pub fn processed(&self, roots: &Roots) -> Result<Json, String> {
        let mut roots = roots.clone();
        roots.process = object(Vec::new());
        let mut made: Vec<(Arc<str>, Json)> = Vec::new();
        for entry in &self.process {
            put(&mut made, entry, &roots)?;
            roots.process = object(made.clone());
        }
        Ok(roots.process)
    }

    /// What is to be done in the end.
    pub fn action(&self, roots: &Roots) -> Result<Action, String> {
        let Some(perform) = &self.perform else { return Ok(Action::Nothing) };
        let mut fields: Vec<(Arc<str>, Json)> = Vec::new();
        for entry in &self.fields {
            put(&mut fields, entry, roots)?;
        }
        // Where nothing is said about the body, it is what was made, and else what came.
        let chosen = !self.fields.is_empty() || !self.process.is_empty();
        let body = match (self.fields.is_empty(), self.process.is_empty()) {
            (false, _) => object(fields),
            (true, false) => roots.process.clone(),
            (true, true) => roots.payload.clone(),
        };
        match perform {
            Perform::Request(method, request) => {
                let body = Some(&body).filter(|_| *method != Method::DELETE || !self.fields.is_empty());
                request.prepare(method.clone(), roots, body).map(Action::Request)
            }
            Perform::Record { object, match_by } => {
                let Value::Object(members) = member_of(&body) else {
                    return Err(format!(
                        "a record is an object, and what is to be written is {}",
                        body.described()
                    ));
                };
                Ok(Action::Record { object: object.clone(), match_by: match_by.clone(), members, chosen })
            }
        }
    }

    /// Every step for a payload as it can be shown, nothing sent: `{lookup, process, perform}` with requests as
    /// `{method, url, headers, body}`; `error` where one cannot be taken. Secrets are hidden; `lookup` is taken for
    /// what was answered.
    pub fn shown(&self, payload: &Json, lookup: &Json) -> Value {
        let mut roots = Roots {
            payload: payload.clone(),
            secret: hidden(&self.secrets),
            lookup: lookup.clone(),
            ..Roots::default()
        };
        let mut steps = Map::new();
        let told = |why: String| json!({ "error": why });
        if self.lookup.is_some() {
            let request = self.lookup_request(&roots);
            steps.insert(
                "lookup".to_owned(),
                request.map_or_else(told, |request| request.map_or(Value::Null, |request| request.shown())),
            );
        }
        let made = self.processed(&roots);
        if !self.process.is_empty() {
            steps.insert("process".to_owned(), made.as_ref().map_or_else(|why| told(why.clone()), member_of));
        }
        let Ok(made) = made else { return Value::Object(steps) };
        roots.process = made;
        let action = match self.action(&roots) {
            Ok(Action::Request(request)) => request.shown(),
            Ok(Action::Record { object, match_by, members, .. }) => {
                json!({ "object": object, "match": match_by, "record": members })
            }
            Ok(Action::Nothing) => Value::Null,
            Err(why) => told(why),
        };
        steps.insert("perform".to_owned(), action);
        Value::Object(steps)
    }
}

fn put(made: &mut Vec<(Arc<str>, Json)>, Entry { key, value }: &Entry, roots: &Roots) -> Result<(), String> {
    let value = value.evaluate(roots).map_err(|why| format!("`{key}`: {}", why.message))?;
    match made.iter_mut().find(|(known, _)| **known == **key) {
        Some((_, known)) => *known = value,
        None => made.push((key.as_str().into(), value)),
    }
    Ok(())
}
