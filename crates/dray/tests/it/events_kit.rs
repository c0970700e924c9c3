//! What the tests of running connectors share: a connector that is made, enabled and sent to.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::server::{Reply, Server};
use crate::support::Kind;

/// A server that may ask the sites of the tests, waits `pauses` (seconds) between tries and two seconds for an answer.
pub(crate) fn server(kind: Kind, pauses: &str) -> Server {
    Server::start_with(
        kind,
        &[
            ("DRAY_ALLOW_OUTBOUND", "127.0.0.0/8"),
            ("DRAY_WEBHOOK_PAUSES", pauses),
            ("DRAY_WEBHOOK_SECONDS", "2"),
        ],
    )
}

/// A connector that was made and enabled.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) id: i64,
    /// The path of its endpoint.
    pub(crate) path: String,
    pub(crate) bearer: String,
    pub(crate) secret: String,
}

/// Makes a connector with these fields and enables it.
pub(crate) fn hook(server: &Server, fields: Value) -> Hook {
    let mut fields = fields;
    fields["name"] = json!("A connector");
    let made = server.post("/api/v1/objects/connectors/records", &fields);
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_i64().expect("an id");
    enabled(server, id)
}

/// Enables a connector and reads its address and tokens.
pub(crate) fn enabled(server: &Server, id: i64) -> Hook {
    set(server, id, json!({ "status": "enabled" }));
    let record = format!("/api/v1/objects/connectors/records/{id}/endpoint");
    let url = server.get(&record).json()["url"].as_str().expect("an address").to_owned();
    let path = url.split_once("/hooks/").map(|(_, rest)| format!("/hooks/{rest}")).expect("a hook");
    let tokens = server.post(&format!("{record}/tokens"), &json!({})).json();
    let text = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned();
    Hook { id, path, bearer: text("bearer"), secret: text("secret") }
}

/// Changes fields of a connector; the change is believed everywhere after a second.
pub(crate) fn set(server: &Server, id: i64, fields: Value) {
    let changed = server.json("PATCH", &format!("/api/v1/objects/connectors/records/{id}"), &fields);
    assert_eq!(changed.status, 200, "{}", changed.text());
}

impl Hook {
    /// Sends an event with the bearer token.
    pub(crate) fn send(&self, server: &Server, payload: &Value) -> Reply {
        server.json_as(&self.bearer, "POST", &self.path, payload)
    }

    /// Sends an event that is taken; its number.
    pub(crate) fn taken(&self, server: &Server, payload: &Value) -> String {
        let reply = self.send(server, payload);
        assert_eq!(reply.status, 202, "{}", reply.text());
        reply.json()["id"].as_str().expect("a number").to_owned()
    }

    /// The address of its events in the API.
    pub(crate) fn events(&self) -> String {
        format!("/api/v1/objects/connectors/records/{}/events", self.id)
    }

    /// What is known of an event.
    pub(crate) fn event(&self, server: &Server, id: &str) -> Value {
        let found = server.get(&format!("{}/{id}", self.events()));
        assert_eq!(found.status, 200, "{}", found.text());
        found.json()
    }

    /// An event once it has this status.
    pub(crate) fn ended(&self, server: &Server, id: &str, status: &str) -> Value {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let event = self.event(server, id);
            if event["status"] == status {
                return event;
            }
            assert!(Instant::now() < end, "waited in vain for it to be {status}: {event}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The counts of its events.
    pub(crate) fn counts(&self, server: &Server) -> Value {
        server.get(&format!("{}?limit=1", self.events())).json()["counts"].clone()
    }
}

/// A signature as the specification has it, made with nothing of the program.
pub(crate) fn signature(secret: &str, content: &str) -> String {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key");
    mac.update(content.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Seconds since the epoch.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}
