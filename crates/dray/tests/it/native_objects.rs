//! Objects and fields made and changed over the native API, and what records stand in the way of.

use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::support::STORES;

fn told(reply: &Reply) -> String {
    let body = reply.json();
    format!("{} {}", reply.status, body["error"]["message"].as_str().unwrap_or_default())
}

fn boats() -> Value {
    json!({
        "name": "boats", "label": "Boats", "description": "What floats.",
        "policy": { "match": ["hull_number"] },
        "fields": [
            { "name": "name", "type": "text", "required": true, "names_record": true },
            { "name": "hull_number", "type": "text", "unique": true },
            { "name": "length", "type": "decimal", "scale": 2 },
            { "name": "kind", "type": "choice", "choices": ["sail", "motor"] },
            { "name": "owner", "type": "reference", "target": "contacts" },
        ],
    })
}

#[test]
fn an_object_is_made_and_changed() {
    for kind in STORES {
        let server = Server::start(kind);
        let shipped = server.get("/api/v1/objects").json();
        let names: Vec<&str> = shipped["objects"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|object| object["name"].as_str())
            .collect();
        assert!(names.contains(&"contacts") && names.contains(&"connectors"), "{names:?}");
        assert_eq!(server.get("/api/v1/objects/accounts").json()["name"], "companies", "by an alias");

        let made = server.post("/api/v1/objects", &boats());
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(made.json()["fields"][2]["columns"], json!(["length"]));
        assert_eq!(server.post("/api/v1/objects", &boats()).status, 409);
        let record = json!({ "name": "Ada", "hull_number": "H1", "length": 12.5, "kind": "sail" });
        let saved = server.post("/api/v1/objects/boats/records", &record);
        assert_eq!(saved.status, 201, "{}", saved.text());
        assert_eq!(saved.json()["length"], json!(12.5));

        let change = json!({ "label": "Ships", "fields": [
            { "name": "kind", "choices": ["sail", "motor", "steam"] },
            { "name": "built", "type": "date" },
            { "name": "length", "label": "Length (m)" },
        ] });
        let changed = server.json("PATCH", "/api/v1/objects/boats", &change);
        assert_eq!(changed.status, 200, "{}", changed.text());
        let fields: Vec<String> = changed.json()["fields"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|field| field["name"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(fields, ["name", "hull_number", "length", "kind", "owner", "built"]);
        let steam = json!({ "name": "Bea", "hull_number": "H2", "kind": "steam", "built": "1901-02-03" });
        assert_eq!(server.post("/api/v1/objects/boats/records", &steam).json()["built"], "1901-02-03");

        // An object that ships is changed the same way.
        let more = json!({ "name": "shoe_size", "type": "integer", "min": "1", "max": "99" });
        let added = server.post("/api/v1/objects/contacts/fields", &more);
        assert_eq!(added.status, 201, "{}", added.text());
        let sized =
            server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "A", "shoe_size": 42 }));
        assert_eq!(sized.json()["shoe_size"], 42);
        let large =
            server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "A", "shoe_size": 142 }));
        assert_eq!(large.status, 422, "{}", large.text());
    }
}

#[test]
fn what_stands_in_the_way_is_told() {
    for kind in STORES {
        let server = Server::start(kind);
        server.post("/api/v1/objects", &boats());
        for record in [json!({ "name": "Ada", "kind": "sail" }), json!({ "name": "Ada" })] {
            assert_eq!(server.post("/api/v1/objects/boats/records", &record).status, 201);
        }
        let change = |field: Value| {
            told(&server.json("PATCH", "/api/v1/objects/boats", &json!({ "fields": [field] })))
        };
        let wrong = change(json!({ "name": "length", "type": "date" }));
        assert!(wrong.starts_with("409") && wrong.contains("a type is not changed"), "{wrong}");
        let wrong = change(json!({ "name": "kind", "required": true }));
        assert!(wrong.starts_with("409") && wrong.contains("1 records have no value in it"), "{wrong}");
        let wrong = change(json!({ "name": "harbour", "type": "text", "required": true }));
        assert!(wrong.starts_with("409") && wrong.contains("2 records"), "{wrong}");
        let wrong = change(json!({ "name": "name", "unique": true }));
        assert!(wrong.starts_with("409") && wrong.contains("share a value"), "{wrong}");
        // Nothing of all that was kept.
        assert_eq!(server.get("/api/v1/objects/boats").json()["fields"][0].get("unique"), None);
        assert_eq!(server.post("/api/v1/objects/boats/records", &json!({ "name": "Ada" })).status, 201);

        // Hidden fields keep their values.
        let hide = |field: &str| {
            server.json("DELETE", &format!("/api/v1/objects/boats/fields/{field}"), &Value::Null)
        };
        assert!(
            told(&hide("hull_number")).contains("imports match records by"),
            "{}",
            hide("hull_number").text()
        );
        assert_eq!(hide("colour").status, 404);
        assert_eq!(hide("kind").status, 200);
        assert_eq!(server.get("/api/v1/objects/boats/records/1").json().get("kind"), None);
        let other =
            server.post("/api/v1/objects/boats/fields", &json!({ "name": "kind", "type": "integer" }));
        assert_eq!(other.status, 409, "{}", other.text());
        let back = json!({ "name": "kind", "type": "choice", "choices": ["sail", "motor"] });
        assert_eq!(server.post("/api/v1/objects/boats/fields", &back).status, 201);
        assert_eq!(server.get("/api/v1/objects/boats/records/1").json()["kind"], "sail");
    }
}

#[test]
fn what_cannot_be_an_object() {
    for kind in STORES {
        let server = Server::start(kind);
        let with = |name: &str, field: Value| {
            let body = json!({ "name": name, "label": "X", "fields": [field] });
            server.post("/api/v1/objects", &body).status
        };
        let text = |name: &str| json!({ "name": name, "type": "text" });
        for name in [
            "",
            "A",
            "a b",
            "a\"; drop table x; --",
            "../x",
            "dray_x",
            "sqlite_x",
            "ü",
            "a\u{0}b",
            "contacts",
        ] {
            let status = with(name, text("ok"));
            assert!(matches!(status, 400 | 409), "{name:?} {status}");
            if name != "contacts" {
                let status = with("fine", text(name));
                assert!(
                    matches!(status, 400 | 409) || name.starts_with("dray") || name.starts_with("sqlite"),
                    "{name:?} {status}"
                );
            }
        }
        for field in [
            json!({ "name": "id", "type": "text" }),
            json!({ "name": "version", "type": "text" }),
            json!({ "name": "xmin", "type": "text" }),
            json!({ "name": "a", "type": "nonsense" }),
            json!({ "name": "a", "type": "choice" }),
            json!({ "name": "a", "type": "reference", "target": "nowhere" }),
            json!({ "name": "a", "type": "text", "pattern": "(" }),
            json!({ "name": "a", "type": "text", "pattern": "(((\\w{900}){900}){900})" }),
            json!({ "name": "a", "type": "integer", "min": "x" }),
            json!({ "name": "a", "type": "text", "nonsense": 1 }),
            json!({ "name": "a", "type": "text", "label": "x".repeat(300) }),
            json!({ "name": "a", "type": "text", "types": ["a b"] }),
            json!({ "name": "a", "type": "text", "schemes": ["object"] }),
            json!({ "name": "a", "type": "url", "schemes": ["object:"] }),
            json!({ "name": "a", "type": "url", "schemes": ["object", ""] }),
            json!("a"),
        ] {
            let status = with("thing", field.clone());
            assert!(matches!(status, 400 | 409), "{field} {status}");
        }
        let many: Vec<Value> = (0..301).map(|number| text(&format!("f{number}"))).collect();
        assert_eq!(
            server.post("/api/v1/objects", &json!({ "name": "wide", "label": "W", "fields": many })).status,
            400
        );
        assert_eq!(
            server.post("/api/v1/objects", &json!({ "name": "none", "label": "N", "fields": [] })).status,
            400
        );
        assert_eq!(
            server.json("PATCH", "/api/v1/objects/contacts", &json!({ "name": "people" })).status,
            400
        );
        assert_eq!(server.json("PATCH", "/api/v1/objects/contacts", &json!({ "nonsense": 1 })).status, 400);
        assert_eq!(server.json("PATCH", "/api/v1/objects/nowhere", &json!({ "label": "X" })).status, 404);
        for name in ["%FF", "a%00b", "..%2F..%2Fetc", "%22%3B%20drop%20table%20dray_import%3B--"] {
            let status = server.get(&format!("/api/v1/objects/{name}")).status;
            assert!(matches!(status, 400 | 404), "{name} {status}");
        }
    }
}
