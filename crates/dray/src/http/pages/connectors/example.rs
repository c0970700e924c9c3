//! How an event is sent: a line for the shell, with an example of what may be sent.

use std::sync::Arc;

use dray_engine::expression::{Json, RepeatedMember};
use maud::{Markup, html};

use crate::http::pages::words::Words;

/// Letters of an example; members that would make it longer are left out.
const LETTERS: usize = 160;
/// What is sent where nobody has said what comes.
const ANYTHING: &str = r#"{"type":"test"}"#;

/// An example of a payload on one line, short.
fn short_payload(payload: &str) -> String {
    let letters = |json: &Json| json.to_string().chars().count();
    match Json::parse(payload, RepeatedMember::LastCounts) {
        Ok(json) if letters(&json) <= LETTERS => json.to_string(),
        Ok(Json::Object(members)) => {
            let mut kept: Vec<(Arc<str>, Json)> = Vec::new();
            for member in members.iter() {
                kept.push(member.clone());
                if letters(&Json::Object(kept.clone().into())) > LETTERS {
                    kept.pop();
                }
            }
            Json::Object(kept.into()).to_string()
        }
        _ => ANYTHING.to_owned(),
    }
}

/// The line that sends an event, to be copied.
pub fn line(words: &Words, url: &str, token: &str, payload: &str) -> Markup {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let line = format!(
        "curl -X POST {} \\\n  -H {} \\\n  -H 'Content-Type: application/json' \\\n  -d {}",
        quoted(url),
        quoted(&format!("Authorization: Bearer {token}")),
        quoted(&short_payload(payload)),
    );
    html! {
        div.field.sends {
            div.bar {
                span.label { (words.send_event) }
                button.small.space type="button" data-copy="send-event" { (words.copy) }
            }
            pre #send-event tabindex="0" role="region" aria-label=(words.send_event) { (line) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::short_payload;

    #[test]
    fn examples_are_short_and_whole() {
        assert_eq!(short_payload(" {\"a\" : 1.50}\n"), "{\"a\":1.50}");
        assert_eq!(short_payload(""), "{\"type\":\"test\"}");
        let long = format!("{{\"a\": 1, \"b\": \"{}\", \"c\": 2}}", "x".repeat(200));
        assert_eq!(short_payload(&long), "{\"a\":1,\"c\":2}");
    }
}
