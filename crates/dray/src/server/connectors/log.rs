//! What was done with an event and what came of it, as it is kept with the event. No secret stands in it: requests are
//! shown with secrets hidden, and what others answer is searched for them.

use dray_model::event::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::operations::connectors::paths::PayloadPath;

/// Attempts that are told; the first of them go where there are more.
const MOST_ATTEMPTS: usize = 50;
/// Bytes of the steps that are kept.
const STEPS_BYTES: usize = 32 << 10;

/// Everything about one event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventLog {
    /// What the trigger said; `None` before it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerOutcome>,
    /// What was to be sent the last time: `{lookup, process, perform}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Value>,
    /// What was asked of others, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The record that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordOutcome>,
    /// Why it ended as it did, or what it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often somebody asked for it again.
    #[serde(skip_serializing_if = "is_zero")]
    pub replays: u32,
    /// The last time that somebody had it up and wrote down what became of it.
    pub settled: i64,
}

/// What a trigger said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TriggerOutcome {
    /// True where something was to be done.
    pub matched: bool,
    /// Why it could say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took.
    pub microseconds: f64,
    /// What it looked at, where nothing was to be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looked_at: Vec<PayloadPath>,
}

/// Which step asks somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The request for more than the payload says.
    Lookup,
    /// The request, or the record, in the end.
    Perform,
}

/// One request to somebody else, or one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began, microseconds since the epoch.
    pub at: i64,
    /// Of which step.
    pub step: Step,
    /// How it was answered.
    pub status: Option<u16>,
    /// How long that took.
    pub milliseconds: u64,
    /// The begin of the answer.
    pub answer: String,
    /// Why there was none, or none that is of use.
    pub error: Option<String>,
}

/// A record that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RecordOutcome {
    /// The object.
    pub object: String,
    /// The record.
    pub id: i64,
    /// The import that wrote it.
    pub import: i64,
    /// What became of it: `created`, `updated`, `unchanged` …
    pub outcome: String,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl EventLog {
    /// The log of an event. Where somebody had it up and never said what became of it, that is told.
    pub fn of(event: &Event) -> Self {
        let mut log: Self = serde_json::from_str(&event.log).unwrap_or_default();
        if log.settled + 1 < event.claims {
            log.add(Attempt {
                at: event.received_at,
                step: Step::Perform,
                status: None,
                milliseconds: 0,
                answer: String::new(),
                error: Some(
                    "the process that worked on it ended before it was known what became of it".to_owned(),
                ),
            });
        }
        log
    }

    /// Adds an attempt.
    pub fn add(&mut self, attempt: Attempt) {
        if self.attempts.len() >= MOST_ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }

    /// Keeps what is to be sent, where it is not too large to be shown.
    pub fn show(&mut self, steps: String) {
        self.steps = Some(if steps.len() > STEPS_BYTES {
            serde_json::json!({ "left_out": format!("{} bytes", steps.len()) })
        } else {
            serde_json::from_str(&steps).unwrap_or(Value::String(steps))
        });
    }

    /// As it is kept.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}
