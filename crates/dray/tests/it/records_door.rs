//! The records door, as `records-api.txt` has it: every request shown there, and what can go wrong.

use serde_json::{Value, json};

use crate::server::{ADMIN, Server};
use crate::support::STORES;

#[test]
fn the_documented_requests() {
    for kind in STORES {
        let server = Server::start(kind);
        let bob = json!({ "first_name": "Bob", "last_name": "Dupont", "email": "bob@startup.io" });
        assert_eq!(server.post("/api/v1/import/contacts", &json!({ "records": [bob] })).status, 200);
        let reply = server.post(
            "/api/v1/import/contacts",
            &json!({ "records": [
                { "first_name": "Alice", "last_name": "Martin", "email": "alice@example.com" }, bob,
            ] }),
        );
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(
            reply.json(),
            json!({ "object_name": "contacts", "created": 1, "duplicates": 1, "failed": 0, "errors": [] })
        );
        let failing = server.post(
            "/api/v1/import/contacts",
            &json!({ "records": [{ "first_name": "C", "company_name": "Acme Corp" }, { "email": "nonsense" }] }),
        );
        assert_eq!(
            failing.json(),
            json!({ "object_name": "contacts", "created": 1, "duplicates": 0, "failed": 1, "errors": [
                { "index": 1, "code": "VALIDATION_ERROR", "message": "Field 'email' must be a valid email address" },
            ] })
        );

        let exported =
            server.get("/api/v1/export/contacts?format=json&fields=first_name,last_name,email&limit=500&sort_by=email&sort_dir=asc");
        assert_eq!(
            exported.json(),
            json!({ "format": "json", "records": [
                { "first_name": "Alice", "last_name": "Martin", "email": "alice@example.com" },
                { "first_name": "Bob", "last_name": "Dupont", "email": "bob@startup.io" },
                { "first_name": "C", "last_name": null, "email": null },
            ], "total": 3 })
        );
        let csv = server.get(
            "/api/v1/export/contacts?format=csv&fields=first_name,last_name,email&sort_by=id&sort_dir=asc",
        );
        assert_eq!(csv.header("content-type"), "text/csv");
        assert_eq!(csv.header("content-disposition"), "attachment; filename=\"contacts_export.csv\"");
        assert_eq!(
            csv.text(),
            "first_name,last_name,email\nBob,Dupont,bob@startup.io\nAlice,Martin,alice@example.com\nC,,\n"
        );
    }
}

#[test]
fn filters() {
    for kind in STORES {
        let server = Server::start(kind);
        let records: Vec<Value> = [("Ada", "lead", "a@x.io"), ("Ben", "qualified", "b@x.io"), ("Cy", "qualified", "c@y.io")]
            .iter()
            .map(|(name, status, email)| json!({ "first_name": name, "last_name": name, "status": status, "email": email }))
            .collect();
        let made = server.post("/api/v1/import/contacts", &json!({ "records": records }));
        assert_eq!(made.json()["created"], 3, "{}", made.text());
        let names = |query: &str| -> String {
            let reply = server.get(&format!(
                "/api/v1/export/contacts?fields=first_name&sort_by=last_name&sort_dir=asc&{query}"
            ));
            let body = reply.json();
            let Some(records) = body["records"].as_array() else { return reply.text() };
            records.iter().filter_map(|record| record["first_name"].as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            names("format=json&filter_field=status&filter_operator=eq&filter_value=qualified"),
            "Ben Cy"
        );
        assert_eq!(names("filter_field=email&filter_operator=contains&filter_value=@X."), "Ada Ben");
        let group = |group: Value| {
            let text = group.to_string();
            let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            names(&format!("filters={escaped}"))
        };
        assert_eq!(
            group(json!({ "operator": "and", "conditions": [
                { "field": "status", "operator": "eq", "value": "qualified" },
                { "field": "created_at", "operator": "gte", "value": "2025-01-01" },
            ] })),
            "Ben Cy"
        );
        assert_eq!(
            group(json!({ "operator": "or", "conditions": [
                { "field": "first_name", "operator": "in", "value": ["Ada", "Nobody"] },
                { "operator": "and", "conditions": [{ "field": "email", "operator": "ends_with", "value": "y.io" }] },
            ] })),
            "Ada Cy"
        );
        assert!(names("filter_field=nonsense&filter_value=x").contains("has no field `nonsense`"));
        assert!(
            names("filter_field=id&filter_operator=gt&filter_value=x")
                .contains("cannot be compared with `id`")
        );
        assert!(
            names("filter_field=id&filter_operator=like&filter_value=x")
                .contains("`like` is no filter operator")
        );
        assert!(names("limit=10001").contains("from 1 to 10000"));
        assert!(names("filters=%7B").contains("the filters are not JSON"));
    }
}

#[test]
fn what_is_refused() {
    let server = Server::start(crate::support::Kind::Sqlite);
    let codes = |reply: crate::server::Reply| {
        let body = reply.json();
        format!("{} {}", reply.status, body["error"]["code"].as_str().unwrap_or_default())
    };
    let one = json!({ "records": [{ "first_name": "A" }] });
    assert_eq!(codes(server.post("/api/v1/import/nonsense", &one)), "400 INVALID_OBJECT");
    assert_eq!(codes(server.get("/api/v1/export/nonsense")), "400 INVALID_OBJECT");
    assert_eq!(codes(server.get("/api/v1/export/contacts?format=xml")), "400 VALIDATION_ERROR");
    assert_eq!(codes(server.get("/api/v1/export/contacts?fields=nonsense")), "400 VALIDATION_ERROR");
    let many: Vec<Value> = (0..51).map(|number| json!({ "first_name": number.to_string() })).collect();
    assert_eq!(
        codes(server.post("/api/v1/import/contacts", &json!({ "records": many }))),
        "400 VALIDATION_ERROR"
    );
    assert_eq!(server.get("/api/v1/export/contacts").json()["total"], 0, "nothing of it was imported");
    assert_eq!(codes(server.post("/api/v1/import/contacts", &json!({ "rows": [] }))), "400 VALIDATION_ERROR");

    let member = server.key("member");
    assert_eq!(
        codes(server.json_as(&member, "POST", "/api/v1/import/contacts", &one)),
        "403 PERMISSION_DENIED"
    );
    assert_eq!(
        codes(server.json_as("wrong", "POST", "/api/v1/import/contacts", &one)),
        "401 UNAUTHENTICATED"
    );
    assert_eq!(codes(server.send("GET", "/api/v1/export/contacts", &[], b"")), "401 UNAUTHENTICATED");
    assert_eq!(server.send("GET", "/api/v1/export/contacts", &[("x-api-key", ADMIN)], b"").status, 200);

    let key = [("x-api-key", ADMIN), ("content-type", "application/json")];
    let broken = server.send("POST", "/api/v1/import/contacts", &key, b"{\"records\": [\n{]}");
    assert_eq!((broken.status, broken.json()["error"]["details"]["line"].as_i64()), (400, Some(2)));
    let text = [("x-api-key", ADMIN), ("content-type", "text/plain")];
    assert_eq!(
        codes(server.send("POST", "/api/v1/import/contacts", &text, b"x")),
        "415 UNSUPPORTED_MEDIA_TYPE"
    );

    let unknown =
        server.post("/api/v1/import/contacts", &json!({ "records": [{ "emial": "a@b.c" }, "x", {}] }));
    let messages: Vec<String> = unknown.json()["errors"]
        .as_array()
        .map(|errors| errors.iter().map(|error| format!("{} {}", error["index"], error["message"])).collect())
        .unwrap_or_default();
    assert_eq!(
        messages,
        [
            "0 \"Field 'emial' does not exist; did you mean 'email'?\"",
            "1 \"The record must be an object: field name → value\"",
            "2 \"The record is empty\"",
        ]
    );
}

#[test]
fn duplicates_by_email_phone_and_name() {
    for kind in STORES {
        let server = Server::start(kind);
        let first = json!({ "first_name": "Ann", "last_name": "Lee", "email": "ann@x.io", "phone": "+49 30 1234567" });
        assert_eq!(
            server.post("/api/v1/import/contacts", &json!({ "records": [first] })).json()["created"],
            1
        );
        for (same, what) in [
            (json!({ "first_name": "Other", "email": "ANN@x.io" }), "the address in other letters"),
            (json!({ "first_name": "Other", "phone": "0049 (30) 123-4567" }), "the number in another form"),
            (json!({ "first_name": "ann", "last_name": "LEE" }), "the name in other letters"),
        ] {
            let reply = server.post("/api/v1/import/contacts", &json!({ "records": [same] }));
            assert_eq!(reply.json()["duplicates"], 1, "{what}: {}", reply.text());
        }
        let twice = json!({ "first_name": "New", "last_name": "One", "email": "new@x.io" });
        let reply = server.post("/api/v1/import/contacts", &json!({ "records": [twice, twice] }));
        assert_eq!(
            (reply.json()["created"].clone(), reply.json()["duplicates"].clone()),
            (json!(1), json!(1))
        );
    }
}
