//! Agents: the tools over HTTP with a key, and over standard input and output.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::server::{ADMIN, Server};
use crate::support::{Kind, STORES};

/// One message of the protocol over HTTP.
fn ask(server: &Server, key: &str, method: &str, parameters: &Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
    let bearer = format!("Bearer {key}");
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-06-18"),
    ];
    let reply = server.send("POST", "/mcp", &headers, body.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn call(server: &Server, key: &str, tool: &str, arguments: Value) -> Value {
    ask(server, key, "tools/call", &json!({ "name": tool, "arguments": arguments }))["result"].clone()
}

#[test]
fn an_agent_plans_applies_and_takes_back() {
    for kind in STORES {
        let server = Server::start(kind);
        let begun = ask(
            &server,
            ADMIN,
            "initialize",
            &json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } }),
        );
        assert_eq!(begun["result"]["serverInfo"]["name"], "dray", "{begun}");
        let listed = ask(&server, ADMIN, "tools/list", &json!({}));
        let names: Vec<&str> = listed["result"]["tools"]
            .as_array()
            .map(|tools| tools.iter().filter_map(|tool| tool["name"].as_str()).collect())
            .unwrap_or_default();
        assert!(
            ["describe", "crm_export", "crm_import", "plan_import", "apply_import", "undo_import"]
                .iter()
                .all(|name| names.contains(name)),
            "{names:?}"
        );

        let described = call(&server, ADMIN, "describe", json!({ "object": "contacts" }));
        assert!(described.to_string().contains("first_name"), "{described}");
        let imported = call(
            &server,
            ADMIN,
            "crm_import",
            json!({ "object": "contacts", "records": [{ "first_name": "Ann", "email": "ann@x.io" }] }),
        );
        assert_eq!(imported["structuredContent"]["created"], 1, "{imported}");
        let planned = call(
            &server,
            ADMIN,
            "plan_import",
            json!({ "object": "contacts", "text": "email,first_name\nann@x.io,Anna\nbob@x.io,Bob\nnonsense,X\n", "on_duplicate": "update" }),
        );
        let plan = &planned["structuredContent"];
        assert_eq!(
            (
                plan["plan"]["created"].clone(),
                plan["plan"]["updated"].clone(),
                plan["plan"]["rejected"].clone()
            ),
            (json!(1), json!(1), json!(1)),
            "{planned}"
        );
        let applied =
            call(&server, ADMIN, "apply_import", json!({ "object": "contacts", "plan": plan["id"] }));
        let ledger = &applied["structuredContent"];
        assert_eq!(
            (ledger["created"].clone(), ledger["balanced"].clone()),
            (json!(1), json!(true)),
            "{applied}"
        );
        let undone = call(&server, ADMIN, "undo_import", json!({ "import": ledger["import"] }));
        assert_eq!(undone["isError"], false, "{undone}");
        let left =
            call(&server, ADMIN, "crm_export", json!({ "object": "contacts", "fields": "first_name,email" }));
        assert_eq!(
            left["structuredContent"]["records"],
            json!([{ "first_name": "Ann", "email": "ann@x.io" }]),
            "{left}"
        );
    }
}

#[test]
fn an_agent_tries_a_connector_and_reads_its_events() {
    let server = Server::start(Kind::Sqlite);
    let hook = crate::events_kit::hook(&server, json!({ "trigger": "equals($payload.type, \"order\")" }));
    let tried = call(
        &server,
        ADMIN,
        "test_connector",
        json!({ "connector": hook.id, "payload": { "type": "refund" }, "fields": { "trigger": "exists($payload.type)" } }),
    );
    assert_eq!(tried["structuredContent"]["trigger"]["matched"], true, "{tried}");
    let event = hook.taken(&server, &json!({ "type": "refund" }));
    let listed = call(&server, ADMIN, "list_events", json!({ "connector": hook.id, "status": "ignored" }));
    assert_eq!(listed["structuredContent"]["events"][0]["id"], event.as_str(), "{listed}");
    let one = call(&server, ADMIN, "list_events", json!({ "connector": hook.id, "event": event }));
    assert_eq!(one["structuredContent"]["payload"], json!({ "type": "refund" }), "{one}");
    let refused = call(&server, &server.key("planner"), "list_events", json!({ "connector": hook.id }));
    assert_eq!(refused["isError"], true, "{refused}");
}

#[test]
fn an_agent_may_do_what_its_key_may() {
    let server = Server::start(Kind::Sqlite);
    let planner = server.key("planner");
    let planned = call(
        &server,
        &planner,
        "plan_import",
        json!({ "object": "contacts", "records": [{ "email": "a@x.io" }] }),
    );
    let id = planned["structuredContent"]["id"].clone();
    assert!(id.is_string(), "{planned}");
    let applied = call(&server, &planner, "apply_import", json!({ "object": "contacts", "plan": id }));
    assert_eq!(
        (applied["isError"].clone(), applied["structuredContent"]["error"]["code"].clone()),
        (json!(true), json!("PERMISSION_DENIED")),
        "{applied}"
    );
    let denied = call(
        &server,
        &planner,
        "crm_import",
        json!({ "object": "contacts", "records": [{ "email": "a@x.io" }] }),
    );
    assert_eq!(denied["isError"], true, "{denied}");
    assert_eq!(server.get("/api/v1/export/contacts").json()["total"], 0);
    let unknown = call(&server, ADMIN, "describe", json!({ "object": "../keys" }));
    assert_eq!(unknown["isError"], true, "{unknown}");
    let nobody = server.send("POST", "/mcp", &[("content-type", "application/json")], b"{}");
    assert_eq!(nobody.status, 401, "{}", nobody.text());
}

#[test]
fn tools_over_standard_input_and_output() {
    let server = Server::start(Kind::Sqlite);
    let mut child = server
        .command(&["mcp", "--plan-only"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut to = child.stdin.take().expect("it is written to");
    let mut from = BufReader::new(child.stdout.take().expect("it is read from"));
    let mut ask = |message: Value| {
        writeln!(to, "{message}").expect("it can be written");
        let mut line = String::new();
        if message.get("id").is_some() {
            from.read_line(&mut line).expect("it can be read");
        }
        serde_json::from_str::<Value>(&line).unwrap_or(Value::Null)
    };
    let begun = ask(
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } }),
    );
    assert_eq!(begun["result"]["serverInfo"]["name"], "dray", "{begun}");
    ask(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    let planned = ask(
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "plan_import", "arguments": { "object": "contacts", "text": "email\na@x.io\n" } } }),
    );
    assert_eq!(planned["result"]["structuredContent"]["plan"]["created"], 1, "{planned}");
    let denied = ask(
        json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": { "name": "crm_import", "arguments": { "object": "contacts", "records": [{ "email": "a@x.io" }] } } }),
    );
    assert_eq!(denied["result"]["isError"], true, "{denied}");
    drop(to);
    assert!(child.wait().expect("it ends").success());
}
