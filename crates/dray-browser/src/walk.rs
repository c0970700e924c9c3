//! The ways people go through Dray's pages, each as far as its end can be seen.

use std::path::Path;

use serde_json::{Value, json};

use crate::{Browser, Result};

impl Browser {
    /// Signs in by a link that works once.
    pub fn sign_in(&self, link: &str) -> Result<()> {
        self.go(link)?;
        self.follow("main form button.primary")?;
        self.arrive("/records/").map(drop)
    }

    /// Begins an import: chooses a file, and comes to its columns.
    pub fn send_file(&self, url: &str, object: &str, file: &Path) -> Result<()> {
        self.go(&format!("{url}/import/{object}"))?;
        self.give("input[type=file]", file)?;
        self.find("#mapping").map(drop)
    }

    /// From the columns of a file to what would happen.
    pub fn review(&self) -> Result<()> {
        self.follow("button[form=mapping]")?;
        self.arrive("/review").map(drop)
    }

    /// Clicks what asks whether one is sure, and is.
    pub fn agree(&self, selector: &str) -> Result<()> {
        self.click(selector)?;
        self.follow("dialog button[value=yes]")
    }

    /// A request to the API, as the page could make it; its answer.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.ask_with(&Value::Null, method, path, body)
    }

    /// The same with a bearer token.
    pub fn ask_with(&self, token: &Value, method: &str, path: &str, body: &Value) -> Result<Value> {
        const REQUEST: &str = "const [token, method, path, body] = arguments; \
            const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }; \
            return fetch(path, { method, headers, body: method === 'GET' ? undefined : body }).then((answer) => answer.json())";
        self.run(REQUEST, &[token.clone(), json!(method), json!(path), json!(body.to_string())])
    }
}
