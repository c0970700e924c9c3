//! Columns that nobody is sure of: a language model is asked where one is set, sees no more than it must, and
//! whatever it answers, the suggestions are at least those without it.

use serde_json::{Value, json};

use crate::server::Server;
use crate::site::{Site, answer};
use crate::support::Kind;

/// A server whose model is this site.
fn server(site: &Site) -> Server {
    let url = site.url("/v1");
    Server::start_with(
        Kind::Sqlite,
        &[
            ("DRAY_AI_URL", &url),
            ("DRAY_AI_MODEL", "small"),
            ("DRAY_AI_KEY", "key-of-the-model"),
            ("DRAY_AI_SECONDS", "1"),
        ],
    )
}

fn suggest(server: &Server) -> Value {
    let rows: Vec<Value> = (0..9)
        .map(|row| json!({ "Email": format!("private{row}@x.io"), "Zzq": format!("value {row}"), "Vvk": "" }))
        .collect();
    let body = json!({ "sourceColumns": ["Email", "Zzq", "Vvk"], "sampleData": rows });
    let reply = server.post("/v1/modules/contacts/import/suggest-mapping", &body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["data"].clone()
}

/// An answer of the protocol with this content.
fn completion(content: &str) -> String {
    json!({ "id": "x", "choices": [{ "index": 0, "message": { "role": "assistant", "content": content } }] })
        .to_string()
}

#[test]
fn a_model_refines_what_is_uncertain_and_sees_only_that() {
    let site = Site::new(|_, _, stream| {
        let content = json!({ "mappings": [
            { "column": 1, "field": "jobTitle", "confidence": 0.97 },
            { "column": 2, "field": null, "confidence": 0 },
        ] });
        answer(stream, "200 OK", "", completion(&content.to_string()).as_bytes());
    });
    let server = server(&site);
    let data = suggest(&server);
    assert_eq!(data["aiUsed"], true);
    assert_eq!(data["suggestions"][0]["targetFieldSlug"], "email");
    let refined = &data["suggestions"][1];
    assert_eq!(
        (&refined["targetFieldSlug"], &refined["confidence"]),
        (&json!("jobTitle"), &json!(0.75)),
        "{refined}"
    );
    assert_eq!(data["suggestions"][2]["targetFieldSlug"], Value::Null);
    let asked = site.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(asked.header("authorization"), "Bearer key-of-the-model");
    assert_eq!(asked.json()["model"], "small");
    let text = asked.json().to_string();
    assert!(text.contains("Zzq") && text.contains("value 2") && !text.contains("value 3"), "{text}");
    assert!(!text.contains("private") && !text.contains("Email\\\""), "{text}");
    let audit = server.get("/api/v1/audit").text();
    assert!(audit.contains("mapping.ask_model"), "{audit}");
    let log = std::fs::read_to_string(server.directory.path().join("log")).expect("a log");
    assert!(!log.contains("key-of-the-model"));
}

#[test]
fn without_a_good_answer_the_suggestions_stand() {
    let plain = suggest(&Server::start(Kind::Sqlite));
    assert_eq!(plain["aiUsed"], false);
    let mapping = |entry: Value| completion(&json!({ "mappings": [entry] }).to_string());
    let site = Site::new(move |_, before, stream| {
        let body = match before {
            0 => mapping(json!({ "column": 1, "field": "no_such_field", "confidence": 0.9 })),
            1 => mapping(json!({ "column": 1, "field": "email", "confidence": 0.9 })),
            2 => mapping(json!({ "column": 0, "field": "notes", "confidence": 0.9 })),
            3 => mapping(json!({ "column": 1, "field": "notes", "confidence": 9 })),
            4 => completion("Sure! Here is the mapping you asked for."),
            5 => completion("{\"mappings\":[]}"),
            6 => "not JSON".to_owned(),
            7 => json!({ "choices": [] }).to_string(),
            8 => return answer(stream, "500 Broken", "", b""),
            9 => return answer(stream, "302 Found", "Location: http://127.0.0.1:9/\r\n", b""),
            10 => completion(&"x".repeat(400_000)),
            11 => return drop(std::io::Read::read(stream, &mut [0; 1])),
            _ => return,
        };
        answer(stream, "200 OK", "", body.as_bytes());
    });
    let server = server(&site);
    for number in 0..13 {
        let begun = std::time::Instant::now();
        assert_eq!(suggest(&server), plain, "answer {number}");
        assert!(begun.elapsed().as_secs() < 8, "answer {number} is waited for too long");
    }
    assert_eq!(site.asked().len(), 13);
}
