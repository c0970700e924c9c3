//! One question to a language model that speaks the OpenAI protocol, answered by a JSON object.

use std::fmt;
use std::time::Duration;

use dray_model::{Error, Result};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::address::Guard;
use super::client::{Call, Limits, Outbound};

/// The largest answer.
const ANSWER_BYTES: u64 = 256 << 10;

/// Which model is asked. The administrator has set it, so it may be inside.
#[derive(Clone)]
pub struct ChatSettings {
    /// Where the protocol begins, `https://api.example.com/v1`.
    pub url: String,
    /// What it asks for, where it asks for something.
    pub key: Option<String>,
    /// The model's name.
    pub model: String,
    /// How long an answer may take.
    pub time: Duration,
}

impl fmt::Debug for ChatSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatSettings")
            .field("url", &self.url)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// A language model.
#[derive(Clone)]
pub struct Chat {
    outbound: Outbound,
    url: url::Url,
    headers: HeaderMap,
    settings: ChatSettings,
}

/// What of an answer counts; everything else that servers send along does not.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

impl Chat {
    /// A model as it is set; an error where the settings cannot work.
    pub fn new(settings: ChatSettings) -> Result<Self> {
        let outbound = Outbound::new(Guard::everywhere())?;
        let base = settings.url.trim_end_matches('/');
        let path = if base.ends_with("/chat/completions") { "" } else { "/chat/completions" };
        let url = outbound.address(&format!("{base}{path}")).map_err(|fault| {
            Error::request(format!("DRAY_AI_URL: {fault}")).hint("set it like https://api.example.com/v1")
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &settings.key {
            let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
                .map_err(|_| Error::request("the key in DRAY_AI_KEY has characters that cannot be sent"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self { outbound, url, headers, settings })
    }

    /// Asks; the answer must be a JSON object of exactly this form.
    pub async fn ask<T: DeserializeOwned>(&self, task: &str, question: &Value) -> Result<T> {
        let body = json!({
            "model": self.settings.model,
            "response_format": { "type": "json_object" },
            "messages": [
                { "role": "system", "content": task },
                { "role": "user", "content": question.to_string() },
            ],
        });
        let time = self.settings.time;
        let limits = Limits { answer: time, idle: time, whole: time, bytes: ANSWER_BYTES, redirects: 0 };
        let reply = self
            .outbound
            .send(Call {
                method: Method::POST,
                url: self.url.clone(),
                headers: self.headers.clone(),
                body: Some(body.to_string().into()),
                limits,
            })
            .await?;
        let status = reply.status();
        if !status.is_success() {
            return Err(Error::source(format!("the language model answered {status}")));
        }
        let answer = reply.whole().await?;
        let cannot = |cause: serde_json::Error| {
            Error::source("the language model's answer is not of the form that was asked for").because(cause)
        };
        let completion: Completion = serde_json::from_slice(&answer).map_err(cannot)?;
        let choice = completion.choices.into_iter().next();
        let content = choice.map(|choice| choice.message.content).unwrap_or_default();
        serde_json::from_str(&content).map_err(cannot)
    }
}
