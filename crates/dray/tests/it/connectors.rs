//! Connectors in files, as the pages of lists describe them: what new ones get, what is updated, and that one bad row
//! changes nothing.

use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::support::{STORES, fates};

const PLAN: &str = "/api/v1/objects/connectors/import";

fn planned(server: &Server, csv: &str) -> Reply {
    server.upload(PLAN, "connectors.csv", csv.as_bytes(), &[])
}

/// Imports a file that is good and says what became of its rows.
fn imported(server: &Server, csv: &str) -> String {
    let plan = planned(server, csv);
    assert_eq!(plan.status, 200, "{}", plan.text());
    let id = plan.json()["id"].as_str().unwrap_or_default().to_owned();
    let done = server.post(&format!("{PLAN}/{id}/confirm"), &json!({}));
    assert_eq!(done.status, 200, "{}", done.text());
    fates(&done.json())
}

fn connector(server: &Server, id: u64) -> Value {
    server.get(&format!("/api/v1/objects/connectors/records/{id}")).json()
}

/// A field of JSON, however the record shows it.
fn json_of(connector: &Value, field: &str) -> Value {
    match &connector[field] {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    }
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

#[test]
fn connectors_are_made_disabled_and_updated_by_their_id() {
    for kind in STORES {
        let server = Server::start(kind);
        let first = "\u{feff}name,status,trigger,perform_api_url,perform_api_method\n\
            \"My Connector\",\"enabled\",\"equals($payload.type, \"\"order\"\")\",\
            \"https://api.example.com/webhook\",\"POST\"";
        assert_eq!(imported(&server, first), "created 1");
        let made = connector(&server, 1);
        for (field, expected) in [
            ("name", "My Connector"),
            ("status", "disabled"),
            ("trigger", "equals($payload.type, \"order\")"),
            ("perform_api_url", "https://api.example.com/webhook"),
            ("perform_api_method", "POST"),
        ] {
            assert_eq!(made[field], expected, "{made}");
        }

        let perform =
            r#"[{"key":"email","value":"$payload.email"},{"key":"name","value":"lower($payload.name)"}]"#;
        let lookup = r#"[{"key":"Authorization","value":"Bearer $secret.KEY"}]"#;
        let headers = r#"[{"key":"Content-Type","value":"application/json"}]"#;
        let second = format!(
            "name;process;process_api_params;process_api_headers;perform;perform_headers\n\
             Second;[];{};{};{};{}\n",
            quoted(r#"[{"key":"id","value":"$payload.user.id"}]"#),
            quoted(lookup),
            quoted(perform),
            quoted(headers)
        );
        assert_eq!(imported(&server, &second), "created 1");
        let made = connector(&server, 2);
        for (field, expected) in
            [("perform", perform), ("process_api_headers", lookup), ("perform_headers", headers)]
        {
            let expected: Value = serde_json::from_str(expected).expect("JSON");
            assert_eq!(json_of(&made, field), expected, "{made}");
        }

        let third = "id,name,status\n1,Renamed,enabled\n99,Other,enabled\n,Third,\n";
        assert_eq!(imported(&server, third), "created 2, updated 1");
        let of = |id| (connector(&server, id)["name"].clone(), connector(&server, id)["status"].clone());
        assert_eq!(of(1), (json!("Renamed"), json!("enabled")));
        assert_eq!(connector(&server, 1)["perform_api_method"], "POST", "what the file does not say stays");
        let list = server.get("/api/v1/objects/connectors/records?sort=id").json();
        let shown: Vec<String> = list["records"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|record| format!("{} {}", record["name"], record["status"]).replace('"', ""))
            .collect();
        assert_eq!(
            shown,
            ["Renamed enabled", "Second disabled", "Other disabled", "Third disabled"],
            "{list}"
        );
    }
}

#[test]
fn one_bad_connector_changes_nothing_and_is_told_with_its_place() {
    for kind in STORES {
        let server = Server::start(kind);
        assert_eq!(imported(&server, "name\nKept\n"), "created 1");
        for (column, cell, code, told) in [
            (
                "trigger",
                "equals($payload.type, \"order\"",
                "invalid_expression",
                "for the bracket at character 7 at character 30",
            ),
            ("trigger", "equal($payload.type, 1)", "invalid_expression", "write `equals` at character 1"),
            ("process", "[{\"key\":}]", "invalid_json", "invalid JSON, expected value at line 1 column 9"),
            ("example_payload", "{", "invalid_json", "invalid JSON"),
            ("perform", "{}", "invalid_shape", "not a JSON object"),
            ("perform", "[{\"value\":\"x\"}]", "invalid_shape", "entry 1 has no `key`"),
            (
                "process_api_params",
                "[{\"key\":\"a\",\"value\":1}]",
                "invalid_shape",
                "the `value` of entry 1 (`a`) is a JSON number",
            ),
            (
                "perform_headers",
                "[{\"key\":\"a\",\"value\":\"b\"},{\"key\":\"Authorization\",\"value\":\"Bearer $token\"}]",
                "invalid_expression",
                "entry 2 (`Authorization`): there is no property `token`; there are payload, secret, process, lookup \
                 at character 8",
            ),
            (
                "process_api_headers",
                "[{\"key\":\"X\",\"value\":\"lower($payload.a\"}]",
                "invalid_expression",
                "entry 1 (`X`): a `,` or `)` is missing",
            ),
            ("perform_api_method", "FETCH", "not_a_choice", "POST, PUT, PATCH, DELETE"),
            ("perform_api_url", "nowhere", "invalid_url", "or object:…"),
            ("process_api_url", "object:contacts", "invalid_url", ""),
            ("status", "sleeping", "not_a_choice", "enabled, disabled"),
        ] {
            let csv = format!("id,name,{column}\n1,Changed,\n,New,{}\n", quoted(cell));
            let refused = planned(&server, &csv);
            assert_eq!(refused.status, 422, "{column}: {}", refused.text());
            let body = refused.json();
            let problem = &body["error"]["details"]["problems"][0];
            assert_eq!((&problem["row"], &problem["code"]), (&json!(2), &json!(code)), "{body}");
            assert_eq!(problem["column"], column, "{body}");
            assert!(problem["message"].as_str().is_some_and(|message| message.contains(told)), "{body}");
            assert_eq!(connector(&server, 1)["name"], "Kept");
        }
        let long = planned(&server, &format!("name\n{}\n", "x".repeat(121)));
        assert_eq!(long.json()["error"]["details"]["problems"][0]["code"], "too_long", "{}", long.text());
        let large = format!("name,example_payload\nx,\"{}\"\n", " ".repeat(2 << 20));
        assert!(matches!(planned(&server, &large).status, 413 | 422));
        // What is made one by one is checked by the same rules.
        let single = json!({ "name": "One", "perform": [{ "key": "a", "value": "$nobody.x" }] });
        let refused = server.post("/api/v1/objects/connectors/records", &single);
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert!(refused.text().contains("entry 1 (`a`)"), "{}", refused.text());
        assert_eq!(server.get("/api/v1/objects/connectors/records").json()["total"], 1);
    }
}

#[test]
fn each_new_connector_has_an_endpoint_and_its_tokens_are_shown_once() {
    for kind in STORES {
        let server = Server::start(kind);
        assert_eq!(imported(&server, "name\nFirst\nSecond\n"), "created 2");
        let path = |id: u64| format!("/api/v1/objects/connectors/records/{id}/endpoint");
        let show = |id: u64, wanted: Value| server.post(&format!("{}/tokens", path(id)), &wanted);
        let of = |id: u64| server.get(&path(id)).json();
        let address = |id: u64| of(id)["url"].as_str().unwrap_or_default().to_owned();
        assert!(address(1).starts_with(&format!("{}/hooks/", server.url)), "{}", of(1));
        assert_ne!(address(1), address(2));
        assert_eq!(of(1)["tokens_shown_at"], Value::Null);

        let first = show(1, json!({}));
        assert_eq!(first.status, 200, "{}", first.text());
        let first = first.json();
        assert!(first["bearer"].as_str().is_some_and(|token| token.len() > 40), "{first}");
        assert!(first["secret"].as_str().is_some_and(|token| token.starts_with("whsec_")), "{first}");
        let again = show(1, json!({}));
        assert_eq!((again.status, again.json()["error"]["code"].clone()), (409, json!("SHOWN_ONCE")));
        assert!(of(1)["tokens_shown_at"].is_string());
        let second = show(1, json!({ "rotate": true })).json();
        assert!(second["bearer"] != first["bearer"] && second["secret"] != first["secret"], "{second}");
        assert!(of(1)["previous_tokens_until"].is_string(), "{}", of(1));
        assert_ne!(show(2, json!({})).json()["bearer"], first["bearer"]);

        // Nothing of it stands in a list, an export or the log.
        let exported = server.get("/api/v1/objects/connectors/export?format=csv").text();
        let log = server.get("/api/v1/audit?limit=200").text();
        for secret in [&first["bearer"], &second["secret"]] {
            let secret = secret.as_str().unwrap_or_default();
            assert!(!exported.contains(secret) && !log.contains(secret));
        }
        assert!(log.contains("endpoint.tokens"), "{log}");
        assert_eq!(server.get(&path(99)).status, 404);
        assert_eq!(server.get("/api/v1/objects/users/records/1/endpoint").status, 404);
    }
}
