//! Secrets that connectors read: who may keep them, and that a value is never seen again.

use serde_json::{Value, json};

use crate::server::{ADMIN, Server};
use crate::support::STORES;

const SECRETS: &str = "/api/v1/secrets";
const CANARY: &str = "Canary-4711-secret";

fn put(server: &Server, key: &str, name: &str, value: &Value) -> (u16, Value) {
    let put = server.json_as(key, "PUT", &format!("{SECRETS}/{name}"), &json!({ "value": value }));
    (put.status, put.json())
}

fn names(server: &Server, key: &str) -> Vec<String> {
    let list = server.json_as(key, "GET", SECRETS, &Value::Null).json();
    let secrets = list["secrets"].as_array().unwrap_or_else(|| panic!("{list}"));
    secrets.iter().map(|secret| secret["name"].as_str().unwrap_or_default().to_owned()).collect()
}

fn delete(server: &Server, key: &str, name: &str) -> u16 {
    server.json_as(key, "DELETE", &format!("{SECRETS}/{name}"), &Value::Null).status
}

#[test]
fn a_secret_is_made_replaced_and_deleted() {
    for kind in STORES {
        let server = Server::start(kind);
        assert_eq!(server.get(SECRETS).json(), json!({ "secrets": [] }));
        let (status, made) = put(&server, ADMIN, "API_KEY", &json!(CANARY));
        assert_eq!(status, 201, "{made}");
        assert_eq!((&made["name"], &made["created_at"]), (&json!("API_KEY"), &made["changed_at"]), "{made}");
        assert_eq!(made.as_object().map(serde_json::Map::len), Some(3), "{made}");
        let (status, replaced) = put(&server, ADMIN, "API_KEY", &json!("x".repeat(8192)));
        assert_eq!((status, &replaced["created_at"]), (200, &made["created_at"]), "{replaced}");
        assert!(replaced["changed_at"].as_str() > made["changed_at"].as_str(), "{made} {replaced}");
        assert_eq!(put(&server, ADMIN, "api_key", &json!("another")).0, 201);
        assert_eq!(put(&server, ADMIN, "_1", &json!("a\nb")).0, 201);
        assert_eq!(names(&server, ADMIN), ["API_KEY", "_1", "api_key"]);
        assert_eq!(server.get(SECRETS).json()["secrets"][0], replaced);
        assert_eq!(delete(&server, ADMIN, "api_key"), 204);
        assert_eq!(delete(&server, ADMIN, "api_key"), 404);
        assert_eq!(names(&server, ADMIN), ["API_KEY", "_1"]);
        let audit = server.get("/api/v1/audit?action=secret&limit=10").json();
        let lines: Vec<String> = audit["entries"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| format!("{} {} {}", line["action"], line["subject"], line["details"]))
            .collect();
        assert_eq!(
            lines,
            [
                "\"secret.delete\" \"api_key\" {}",
                "\"secret.put\" \"_1\" {\"replaced\":false}",
                "\"secret.put\" \"api_key\" {\"replaced\":false}",
                "\"secret.put\" \"API_KEY\" {\"replaced\":true}",
                "\"secret.put\" \"API_KEY\" {\"replaced\":false}",
            ],
            "{audit}"
        );
    }
}

#[test]
fn secrets_are_for_administrators_of_their_organization() {
    for kind in STORES {
        let server = Server::start(kind);
        let made = server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "Acme" })).json();
        let other = made["secret"].as_str().expect("a key").to_owned();
        assert_eq!(put(&server, ADMIN, "KEY", &json!("ours")).0, 201);
        for role in ["member", "planner"] {
            let key = server.key(role);
            assert_eq!(server.json_as(&key, "GET", SECRETS, &Value::Null).status, 403);
            assert_eq!(put(&server, &key, "KEY", &json!("theirs")).0, 403);
            assert_eq!(delete(&server, &key, "KEY"), 403);
        }
        assert_eq!(names(&server, &other), [""; 0]);
        assert_eq!(delete(&server, &other, "KEY"), 404);
        assert_eq!(put(&server, &other, "KEY", &json!("theirs")).0, 201, "one of their own");
        assert_eq!(delete(&server, &other, "KEY"), 204);
        assert_eq!(names(&server, ADMIN), ["KEY"]);
    }
}

#[test]
fn names_and_values_that_are_refused() {
    for kind in STORES {
        let server = Server::start(kind);
        for name in ["1A", "a-b", "a.b", "%20", "%C3%A4", "a%00", "a%2Fb", &"x".repeat(65)] {
            let (status, told) = put(&server, ADMIN, name, &json!(CANARY));
            assert_eq!((status, &told["error"]["code"]), (400, &json!("VALIDATION_ERROR")), "{name} {told}");
            assert!(matches!(delete(&server, ADMIN, name), 400 | 404), "{name}");
        }
        for value in
            [json!(""), json!("a\u{0}b"), json!("€".repeat(2731)), json!(null), json!(5), json!([CANARY])]
        {
            let (status, told) = put(&server, ADMIN, "KEY", &value);
            assert_eq!((status, &told["error"]["code"]), (400, &json!("VALIDATION_ERROR")), "{value} {told}");
        }
        assert_eq!(names(&server, ADMIN), [""; 0]);
    }
}

#[test]
fn a_value_is_never_seen_again() {
    for kind in STORES {
        let mut server = Server::start_with(kind, &[("DRAY_LOG", "debug")]);
        let bearer = format!("Bearer {ADMIN}");
        let headers =
            [("authorization", &*bearer), ("content-type", "application/json"), ("idempotency-key", "one")];
        let send = |body: &str| server.send("PUT", &format!("{SECRETS}/KEY"), &headers, body.as_bytes());
        let mut told = String::new();
        // Refused: whoever says what is wrong with it does not quote it.
        for body in [
            format!("\"{CANARY}\""),
            CANARY.to_owned(),
            format!("{{\"{CANARY}\":\"{CANARY}\"}}"),
            format!("{{\"value\":\"x\",\"{CANARY}\":1}}"),
            format!("{{\"value\":[\"{CANARY}\"]}}"),
            format!("{{\"value\":{{\"{CANARY}\":1}}}}"),
            format!("{{\"value\":\"{CANARY}"),
            format!("{{\"value\":\"{CANARY}\\u0000\"}}"),
            format!("{{\"value\":\"{}\"}}", CANARY.repeat(500)),
        ] {
            let refused = send(&body);
            assert_eq!(refused.status, 400, "{body}");
            told += &refused.text();
        }
        for (body, status) in [(CANARY, 201), (CANARY, 200)] {
            let kept = send(&json!({ "value": body }).to_string());
            assert_eq!((kept.status, kept.header("idempotent-replayed")), (status, ""), "{}", kept.text());
            told += &kept.text();
        }
        told += &server.get(SECRETS).text();
        told += &server.get(&format!("{SECRETS}/KEY")).text();
        told += &server.get("/api/v1/audit?limit=1000").text();
        told += &server.get("/api/v1/audit/export?format=csv").text();
        told += &server.get("/metrics").text();
        let log = server.log();
        assert!(log.lines().count() > 10, "{log}");
        assert!(!told.contains(CANARY) && !log.contains(CANARY), "{told}");
        assert_eq!(server.keeps(CANARY), Vec::<String>::new(), "{kind:?}: it rests in clear");
        assert!(!server.keeps("named_secret").is_empty(), "where they rest is looked at");
        server.restart("KILL");
        assert_eq!(names(&server, ADMIN), ["KEY"]);
        assert_eq!(server.keeps(CANARY), Vec::<String>::new());
    }
}
