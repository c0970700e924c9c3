//! Profiles over the pipelines' API: pages, filters, order, schema, settings, and what is refused.

use serde_json::{Value, json};

use crate::resolution::{begin, bring, percent, resolve, start};
use crate::server::{ADMIN, Reply, Server};
use crate::support::{Kind, STORES};

fn code(reply: &Reply) -> String {
    format!("{} {}", reply.status, reply.json()["error"]["code"].as_str().unwrap_or_default())
}

fn people(server: &Server) {
    bring(
        server,
        &[
            "1|1|a|2024-01-01T00:00:00Z|1|Ada@x.io|Ada|[\"1\",\"2\"]",
            "1|1|b|2024-01-03T00:00:00Z|2|ben@x.io||",
            "2|2|c|2024-01-02T00:00:00.5Z|10|cyd@x.io|Cyd|[]",
            "2|2|d|2024-01-04T00:00:00Z|4||dan|[\"2\"]",
        ],
    );
    resolve(server);
}

fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let profiles = reply.json()["profiles"].clone();
    let id = |profile: &Value| profile["attributes"]["dummy_id"].as_str().unwrap_or_default().to_owned();
    profiles.as_array().into_iter().flatten().map(id).collect()
}

#[test]
fn filters_have_the_logic_of_imports() {
    for kind in STORES {
        let server = start(kind, &["dummy_id"]);
        people(&server);
        for (property, operator, values, found) in [
            ("first_name", "is", json!(["Ada"]), "1"),
            ("first_name", "is", json!(["ada"]), ""),
            ("first_name", "is not", json!(["Ada"]), "10,2,4"),
            ("email", "is", json!(["ada@x.io"]), ""),
            ("email", "is not", json!(["ada@x.io"]), "1,10,2,4"),
            ("email", "is one of", json!(["Ada@x.io", "cyd@x.io"]), "1,10"),
            ("email", "is not one of", json!(["Ada@x.io", "cyd@x.io"]), "2,4"),
            ("first_name", "contains", json!(["d"]), "1,10,4"),
            ("first_name", "contains", json!(["D"]), ""),
            ("first_name", "does not contain", json!(["a"]), "10,2"),
            ("first_name", "starts with", json!(["d"]), "4"),
            ("first_name", "ends with", json!(["a"]), "1"),
            ("first_name", "is less than", json!(["B"]), "1"),
            ("first_name", "is greater than", json!(["Cyd"]), "4"),
            ("dummy_id", "is between", json!(["10", "2"]), "10,2"),
            ("dummy_id", "is not between", json!(["10", "2"]), "1,4"),
            ("first_name", "is empty", Value::Null, "2"),
            ("first_name", "is not empty", Value::Null, "1,10,4"),
            ("email", "exists", Value::Null, "1,10,2"),
            ("email", "does not exist", Value::Null, "4"),
            ("phones", "contains", json!(["2"]), "1,4"),
            ("phones", "does not contain", json!(["2"]), "10,2"),
            ("phones", "is empty", Value::Null, "10,2"),
        ] {
            let condition = json!({ "property": property, "operator": operator, "values": values });
            let filter = json!({ "logical": "and", "conditions": [condition] }).to_string();
            let reply = server.get(&format!("/v1/profiles?order=dummy_id&filter={}", percent(&filter)));
            let expected: Vec<&str> = found.split(',').filter(|id| !id.is_empty()).collect();
            assert_eq!(ids(&reply), expected, "{property} {operator} {values}");
            assert_eq!(reply.json()["total"], expected.len(), "{property} {operator} {values}");
        }
        let either = json!({ "logical": "or", "conditions": [
            { "property": "first_name", "operator": "is", "values": ["dan"] },
            { "property": "phones", "operator": "contains", "values": ["1"] } ] });
        let reply =
            server.get(&format!("/v1/profiles?order=dummy_id&filter={}", percent(&either.to_string())));
        assert_eq!(ids(&reply), ["1", "4"]);
    }
}

#[test]
fn pages_of_profiles_and_of_their_identities() {
    for kind in STORES {
        let server = start(kind, &["dummy_id"]);
        people(&server);
        assert_eq!(ids(&server.get("/v1/profiles")), ["1", "10", "2", "4"], "the oldest first");
        assert_eq!(ids(&server.get("/v1/profiles?orderDesc=true")), ["4", "2", "10", "1"]);
        assert_eq!(ids(&server.get("/v1/profiles?order=first_name&first=1&limit=2")), ["10", "4"]);
        assert_eq!(ids(&server.get("/v1/profiles?order=email")), ["1", "2", "10", "4"], "nothing comes last");
        assert_eq!(ids(&server.get("/v1/profiles?first=9")), Vec::<String>::new());
        let shown = server.get("/v1/profiles?properties=phones,first_name&order=dummy_id").json();
        assert_eq!(shown["profiles"][0]["attributes"], json!({ "first_name": "Ada", "phones": ["1", "2"] }));
        assert_eq!(shown["profiles"][2]["attributes"], json!({}), "what is missing is left out");
        assert_eq!(shown["profiles"][1]["updatedAt"], "2024-01-02T00:00:00.500Z");
        assert_eq!(shown["schema"]["properties"].as_array().map(Vec::len), Some(2));
        assert_eq!(shown["total"], 4);
        let kpid = shown["profiles"][0]["kpid"].as_str().unwrap_or_default().to_owned();
        let attributes = server.get(&format!("/v1/profiles/{}/attributes", kpid.to_uppercase())).json();
        assert_eq!(attributes["attributes"]["email"], "Ada@x.io");
        let identities = server.get(&format!("/v1/profiles/{kpid}/identities")).json();
        let ada =
            json!({ "userId": "a", "connection": 1, "pipeline": 1, "updatedAt": "2024-01-01T00:00:00Z" });
        assert_eq!(identities, json!({ "identities": [ada], "total": 1 }));
        let of_connection = server.get("/v1/connections/2/identities?limit=1").json();
        assert_eq!(
            (&of_connection["total"], &of_connection["identities"][0]["userId"]),
            (&json!(2), &json!("d"))
        );
        let rest = server.get("/v1/connections/2/identities?first=1").json();
        assert_eq!(rest["identities"][0]["userId"], "c");
        let grid = server.get("/api/v1/objects/profiles/records?sort=dummy_id&fields=dummy_id,kpid").json();
        assert_eq!(grid["records"][0]["kpid"], kpid.as_str(), "profiles are an object like any other");
    }
}

#[test]
fn what_is_refused() {
    let server = start(Kind::Sqlite, &["dummy_id"]);
    people(&server);
    let filter =
        |condition: Value| percent(&json!({ "logical": "and", "conditions": [condition] }).to_string());
    let unknown = filter(json!({ "property": "colour", "operator": "is", "values": ["red"] }));
    let malformed = filter(json!({ "property": "email", "operator": "resembles", "values": ["red"] }));
    for (query, expected) in [
        ("limit=0", "400 BadRequest"),
        ("limit=1001", "400 BadRequest"),
        ("first=-1", "400 BadRequest"),
        ("orderDesc=yes", "400 BadRequest"),
        ("properties=a%20b", "400 BadRequest"),
        ("properties=colour", "422 PropertyNotExist"),
        ("order=colour", "422 OrderNotExist"),
        ("order=phones", "422 OrderTypeNotSortable"),
        ("filter=nonsense", "400 BadRequest"),
        (&format!("filter={unknown}"), "422 PropertyNotExist"),
        (&format!("filter={malformed}"), "400 BadRequest"),
    ] {
        assert_eq!(code(&server.get(&format!("/v1/profiles?{query}"))), expected, "{query}");
    }
    let nobody = "6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b";
    for (path, expected) in [
        ("/v1/profiles/nobody/attributes", "400 BadRequest"),
        ("/v1/profiles/nobody/identities", "400 BadRequest"),
        (&format!("/v1/profiles/{nobody}/attributes"), "404 NotFound"),
        (&format!("/v1/profiles/{nobody}/identities"), "404 NotFound"),
        ("/v1/connections/99/identities", "404 NotFound"),
        ("/v1/connections/x/identities", "400 BadRequest"),
        ("/v1/connections/1/identities?limit=0", "400 BadRequest"),
    ] {
        assert_eq!(code(&server.get(path)), expected, "{path}");
    }
    let settings = |identifiers: Value| {
        let body = json!({ "runOnBatchImport": false, "identifiers": identifiers });
        server.json("PUT", "/v1/identity-resolution/settings", &body)
    };
    assert_eq!(code(&settings(json!(["a b"]))), "400 BadRequest");
    assert_eq!(code(&settings(json!(["email", "email"]))), "400 BadRequest");
    assert_eq!(code(&settings(json!(["colour"]))), "422 PropertyNotExist");
    assert_eq!(code(&settings(json!(["phones"]))), "422 TypeNotAllowed");
    let kept = server.get("/v1/identity-resolution/settings").json();
    assert_eq!(kept, json!({ "runOnBatchImport": true, "identifiers": ["dummy_id"] }));
    assert_eq!(settings(json!(["email"])).status, 200);
    let kept = server.get("/v1/identity-resolution/settings").json();
    assert_eq!(kept, json!({ "runOnBatchImport": false, "identifiers": ["email"] }));
    for body in
        [json!({}), json!({ "runOnBatchImport": 1, "identifiers": [] }), json!({ "runOnBatchImport": true })]
    {
        assert_eq!(
            code(&server.json("PUT", "/v1/identity-resolution/settings", &body)),
            "400 BadRequest",
            "{body}"
        );
    }
    let with_body = server.post("/v1/identity-resolution/start", &json!({}));
    assert_eq!(code(&with_body), "400 BadRequest");
}

#[test]
fn another_organization_sees_nothing() {
    let server = start(Kind::Sqlite, &["dummy_id"]);
    people(&server);
    let kpid =
        server.get("/v1/profiles").json()["profiles"][0]["kpid"].as_str().unwrap_or_default().to_owned();
    let made = server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "Acme" })).json();
    let bearer = format!("Bearer {}", made["secret"].as_str().unwrap_or_default());
    let theirs = |path: &str| server.send("GET", path, &[("authorization", &bearer)], b"");
    assert_eq!(theirs("/v1/profiles").json()["total"], 0);
    assert_eq!(theirs(&format!("/v1/profiles/{kpid}/attributes")).status, 404);
    assert_eq!(theirs(&format!("/v1/profiles/{kpid}/identities")).status, 404);
    assert_eq!(theirs("/v1/connections/1/identities").status, 404);
}

#[test]
fn the_schema_follows_its_rules() {
    for kind in STORES {
        let server = Server::start(kind);
        let known = server.get("/v1/profiles/schema").json();
        let names = |schema: &Value| {
            let properties = schema["properties"].as_array().cloned().unwrap_or_default();
            properties
                .iter()
                .map(|one| one["name"].as_str().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&known["schema"]),
            ["external_id", "email", "phone", "first_name", "last_name", "attributes"]
        );
        assert_eq!(known["schema"]["properties"][1]["type"], json!({ "kind": "string", "maxLength": 254 }));
        assert_eq!(
            server.get("/v1/profiles/schema/latest-alter").json(),
            json!({ "startTime": null, "endTime": null, "error": null })
        );
        let with = |property: Value| {
            let mut schema = known["schema"].clone();
            schema["properties"].as_array_mut().expect("properties").push(property);
            json!({ "schema": schema })
        };
        let score =
            json!({ "name": "score", "readOptional": true, "type": { "kind": "int", "bitSize": 64 } });
        let address = json!({ "name": "home", "readOptional": true, "type": { "kind": "object", "properties": [
            { "name": "City", "readOptional": true, "type": { "kind": "string", "maxLength": 50 } }] } });
        let preview = server.json("PUT", "/v1/profiles/schema/preview", &with(address.clone())).json();
        assert_eq!(
            preview["queries"],
            json!([
                "ALTER TABLE \"profiles\" ADD COLUMN \"home_city\" text;",
                "ALTER TABLE \"identities\" ADD COLUMN \"home_city\" text;"
            ])
        );
        for (property, expected) in [
            (json!({ "name": "a", "type": { "kind": "string" } }), "400 BadRequest"),
            (json!({ "name": "kpid", "readOptional": true, "type": { "kind": "uuid" } }), "400 BadRequest"),
            (
                json!({ "name": "EMAIL", "readOptional": true, "type": { "kind": "string" } }),
                "400 BadRequest",
            ),
            (
                json!({ "name": "a", "readOptional": true, "type": { "kind": "string", "values": ["x"] } }),
                "400 BadRequest",
            ),
            (json!({ "name": "a", "readOptional": true, "type": { "kind": "int" } }), "400 BadRequest"),
        ] {
            assert_eq!(
                code(&server.json("PUT", "/v1/profiles/schema", &with(property.clone()))),
                expected,
                "{property}"
            );
        }
        let both = {
            let mut body = with(score);
            body["schema"]["properties"].as_array_mut().expect("properties").push(address);
            body
        };
        assert_eq!(server.json("PUT", "/v1/profiles/schema", &both).status, 200);
        assert!(server.get("/v1/profiles/schema/latest-alter").json()["endTime"].is_string());
        let fields = server.get("/api/v1/objects/profiles").json().to_string();
        assert!(fields.contains("\"home_city\"") && fields.contains("\"score\""), "{fields}");
        // Without it again: its column stays, and another kind cannot have its name.
        let without = json!({ "schema": known["schema"] });
        assert_eq!(server.json("PUT", "/v1/profiles/schema", &without).status, 200);
        assert_eq!(names(&server.get("/v1/profiles/schema").json()["schema"]).len(), 6);
        let again = with(json!({ "name": "score", "readOptional": true, "type": { "kind": "string" } }));
        assert_eq!(
            code(&server.json("PUT", "/v1/profiles/schema", &again)),
            "422 InvalidAlterSchema",
            "its column is there"
        );
        let other = with(json!({ "name": "email", "readOptional": true, "type": { "kind": "boolean" } }));
        assert_eq!(code(&server.json("PUT", "/v1/profiles/schema", &other)), "400 BadRequest", "named twice");
        let changed = json!({ "schema": { "kind": "object", "properties": [
            { "name": "email", "readOptional": true, "type": { "kind": "boolean" } }] } });
        assert_eq!(code(&server.json("PUT", "/v1/profiles/schema", &changed)), "422 InvalidAlterSchema");
        let renamed = json!({ "schema": { "kind": "object", "properties": [
            { "name": "mail", "readOptional": true, "type": { "kind": "string" } }] }, "rePaths": { "mail": "email" } });
        assert_eq!(code(&server.json("PUT", "/v1/profiles/schema", &renamed)), "422 InvalidAlterSchema");
        let kept = server.post(
            "/api/v1/objects",
            &json!({ "name": "identities", "label": "I", "fields": [{ "name": "a", "type": "text" }] }),
        );
        assert_eq!(kept.status, 409, "{}", kept.text());
        assert_eq!(begin(&server).status, 200);
        let wide = server.send("GET", "/v1/profiles", &[("authorization", &format!("Bearer {ADMIN}"))], b"");
        assert_eq!(wide.status, 200);
    }
}
