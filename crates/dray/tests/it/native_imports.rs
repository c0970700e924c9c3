//! Imports over the native API: plan, confirmation, what is kept of it, undo, and jobs for large files.

use serde_json::{Value, json};

use crate::server::{ADMIN, Reply, Server};
use crate::support::{Kind, STORES, fates};

const PLAN: &str = "/api/v1/objects/contacts/import";

fn planned(server: &Server, csv: &str, parts: &[(&str, &str)]) -> Value {
    let reply = server.upload(PLAN, "people.csv", csv.as_bytes(), parts);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn confirm(server: &Server, plan: &Value) -> Reply {
    let id = plan["id"].as_str().unwrap_or_default();
    server.post(&format!("{PLAN}/{id}/confirm"), &json!({}))
}

fn count(server: &Server) -> i64 {
    server.get("/api/v1/objects/contacts/records?limit=1").json()["total"].as_i64().unwrap_or(-1)
}

fn code(reply: &Reply) -> String {
    let body = reply.json();
    format!("{} {}", reply.status, body["error"]["code"].as_str().unwrap_or_default())
}

#[test]
fn a_plan_is_shown_confirmed_looked_at_and_taken_back() {
    for kind in STORES {
        let server = Server::start(kind);
        let first = json!({ "first_name": "Ada", "email": "ada@x.io", "job_title": "Clerk" });
        assert_eq!(server.post("/api/v1/objects/contacts/records", &first).status, 201);
        let csv =
            "First Name;E-Mail;Job Title;Colour\nAda;ada@x.io;Boss;red\nBen;ben@x.io;;\nCyd;nonsense;;\n";
        let plan = planned(&server, csv, &[("on_duplicate", "update"), ("match", "email")]);
        assert_eq!(plan["columns"], json!(["First Name", "E-Mail", "Job Title", "Colour"]));
        assert_eq!(plan["mapping"]["E-Mail"], "email", "{plan}");
        assert_eq!(plan["ignored"][0]["column"], "Colour");
        assert_eq!(plan["preview"][0], json!(["Ada", "ada@x.io", "Boss", "red"]));
        assert_eq!(fates(&plan["plan"]), "created 1, updated 1, rejected 1");
        assert_eq!(plan["problems"][0]["code"], "invalid_email");
        assert_eq!((&plan["problems"][0]["row"], &plan["problems"][0]["line"]), (&json!(3), &json!(4)));
        assert_eq!(plan["problems"][0]["value"], "nonsense");
        assert_eq!(
            plan["changes"],
            json!([{ "row": 1, "record": 1, "field": "job_title", "old": "Clerk", "new": "Boss" }])
        );
        assert_eq!(count(&server), 1, "a plan writes nothing");

        let done = confirm(&server, &plan);
        assert_eq!(done.status, 200, "{}", done.text());
        let ledger = done.json();
        assert_eq!(fates(&ledger), "created 1, updated 1, rejected 1");
        assert_eq!(ledger["differences"], json!({}));
        assert_eq!(ledger["problems"][0]["code"], "invalid_email");
        let import = ledger["import"].as_i64().expect("the import's number");
        assert_eq!(code(&confirm(&server, &plan)), "409 ALREADY_CONFIRMED");

        let listed = server.get("/api/v1/imports").json();
        assert_eq!(listed["imports"].as_array().map(Vec::len), Some(1), "single records are left out");
        assert_eq!(listed["imports"][0]["source"], "people.csv");
        assert_eq!(
            server.get("/api/v1/imports?single=true").json()["imports"].as_array().map(Vec::len),
            Some(2)
        );
        let shown = server.get(&format!("/api/v1/imports/{import}")).json();
        assert_eq!(
            (&shown["status"], &shown["mapping"]["First Name"]),
            (&json!("completed"), &json!("first_name"))
        );
        let rows = server.get(&format!("/api/v1/imports/{import}/rows?limit=2")).json();
        assert_eq!(rows["rows"][0], json!({ "row": 1, "fate": "updated", "record": 1 }), "{rows}");
        assert_eq!(rows["next_cursor"], "2");
        let rest = server.get(&format!("/api/v1/imports/{import}/rows?limit=2&cursor=2")).json();
        assert_eq!(rest["rows"], json!([{ "row": 3, "fate": "rejected", "record": null }]));
        let created = server.get(&format!("/api/v1/imports/{import}/rows?fate=created")).json();
        assert_eq!(created["rows"].as_array().map(Vec::len), Some(1));
        assert_eq!(server.get(&format!("/api/v1/imports/{import}/rows?fate=x")).status, 400);
        let problems = server.get(&format!("/api/v1/imports/{import}/problems?limit=1")).json();
        assert_eq!(problems["problems"][0]["value"], "nonsense");
        let failed = server.get(&format!("/api/v1/imports/{import}/failed-rows"));
        assert!(failed.text().contains("Cyd;nonsense"), "{}", failed.text());
        assert!(failed.header("content-disposition").contains("failed-people.csv"));

        let undone = server.post(&format!("/api/v1/imports/{import}/undo"), &json!({}));
        assert_eq!(
            (undone.status, &undone.json()["deleted"], &undone.json()["restored"]),
            (200, &json!(1), &json!(1))
        );
        assert_eq!(server.get("/api/v1/objects/contacts/records/1").json()["job_title"], "Clerk");
        assert_eq!(code(&server.post(&format!("/api/v1/imports/{import}/undo"), &json!({}))), "409 CONFLICT");
        let undo = undone.json()["undo"].clone();
        assert_eq!(code(&server.post(&format!("/api/v1/imports/{undo}/undo"), &json!({}))), "409 CONFLICT");
        assert_eq!(code(&server.post("/api/v1/imports/999/undo", &json!({}))), "404 NOT_FOUND");
    }
}

#[test]
fn what_changed_between_plan_and_confirmation_is_said() {
    for kind in STORES {
        let server = Server::start(kind);
        let old = json!({ "first_name": "Ada", "email": "ada@x.io", "job_title": "Clerk" });
        server.post("/api/v1/objects/contacts/records", &old);
        let csv = "email,job_title\nada@x.io,Boss\nben@x.io,Cook\n";
        let plan = planned(&server, csv, &[("on_duplicate", "update"), ("match", "email")]);
        server.json("PATCH", "/api/v1/objects/contacts/records/1", &json!({ "job_title": "Queen" }));
        server.post("/api/v1/objects/contacts/records", &json!({ "email": "ben@x.io", "job_title": "Cook" }));
        let ledger = confirm(&server, &plan).json();
        assert_eq!(fates(&ledger), "updated 1, unchanged 1");
        assert_eq!(ledger["changed_since"], json!([1]), "{ledger}");
        assert_eq!(ledger["differences"]["created"], json!({ "planned": 1, "now": 0 }));
    }
}

#[test]
fn a_file_that_cannot_be_imported_is_refused_whole() {
    for kind in STORES {
        let server = Server::start(kind);
        let connectors =
            |csv: &str| server.upload("/api/v1/objects/connectors/import", "c.csv", csv.as_bytes(), &[]);
        let refused = connectors("name,trigger,process\nGood,true,[]\n,\"equals(\",{\n");
        assert_eq!(code(&refused), "422 IMPORT_REFUSED");
        let body = refused.json();
        let codes: Vec<&str> = body["error"]["details"]["problems"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|problem| problem["code"].as_str())
            .collect();
        assert!(codes.contains(&"invalid_expression") && codes.contains(&"invalid_json"), "{body}");
        assert_eq!(body["error"]["details"]["problems"][0]["row"], 2);
        let many: String = (0..101).map(|number| format!("c{number}\n")).collect();
        let refused = connectors(&format!("name\n{many}"));
        assert_eq!(code(&refused), "422 IMPORT_REFUSED");
        assert!(refused.text().contains("more than 100 rows"), "{}", refused.text());
        let refused = connectors("colour\nred\n");
        assert_eq!(code(&refused), "422 IMPORT_REFUSED");
        let large = connectors(&format!("name\n{}\n", "x".repeat(3 << 20)));
        assert!(matches!(large.status, 413 | 422), "{}", large.text());
        assert_eq!(server.get("/api/v1/objects/connectors/records").json()["total"], 0);
        let good = connectors("name,status\nHook,enabled\n");
        let id = good.json()["id"].as_str().unwrap_or_default().to_owned();
        let done = server.post(&format!("/api/v1/objects/connectors/import/{id}/confirm"), &json!({}));
        assert_eq!(fates(&done.json()), "created 1", "{}", done.text());
        // Nothing that was refused lies about.
        let files =
            std::fs::read_dir(server.directory.path().join("files/default")).map_or(0, Iterator::count);
        assert_eq!(files, 1, "only the file of the confirmed plan");
    }
}

#[test]
fn rows_are_repaired_between_two_plans() {
    for kind in STORES {
        let server = Server::start(kind);
        let of = |path: &str| server.get(&format!("/api/v1/objects/connectors/records{path}")).json();
        server.post("/api/v1/objects/connectors/records", &json!({ "name": "Old" }));
        let csv = "id,Name,State,Trigger\n1,Old,Live,true\n,,Live,true\n,Third,live,equals(\n";
        let upload = |parts: &[(&str, &str)]| {
            let parts = [&[("mapping", "{\"State\":\"status\"}")], parts].concat();
            server.upload("/api/v1/objects/connectors/import", "hooks.csv", csv.as_bytes(), &parts)
        };
        let rejected = |reply: &Reply| reply.json()["error"]["details"]["plan"]["rejected"].clone();
        let refused = upload(&[]);
        assert_eq!((code(&refused), rejected(&refused)), ("422 IMPORT_REFUSED".into(), json!(3)));
        let replace = json!([
            { "column": "State", "find": "Live", "value": "enabled", "whole": true, "ignore_case": true }
        ])
        .to_string();
        let refused = upload(&[("replace", &replace)]);
        assert_eq!((code(&refused), rejected(&refused)), ("422 IMPORT_REFUSED".into(), json!(2)));
        let edits = json!([
            { "row": 2, "column": "Name", "value": "Second" },
            { "row": 3, "column": "Trigger", "value": "equals($payload.a, 1)" },
        ])
        .to_string();
        let plan = upload(&[("edits", &edits), ("replace", &replace)]);
        assert_eq!(plan.status, 200, "{}", plan.text());
        let plan = plan.json();
        assert_eq!(fates(&plan["plan"]), "created 2, updated 1");
        assert_eq!(plan["preview"][1], json!([null, "Second", "enabled", "true"]));
        let told = plan["detected"].as_array().into_iter().flatten().find(|found| found["what"] == "edits");
        assert_eq!(told.map(|found| &found["value"]), Some(&json!("cells: 2, replacements: 1")), "{plan}");
        assert_eq!(of("")["total"], 1, "nothing of it is written yet");

        let id = plan["id"].as_str().unwrap_or_default();
        let done = server.post(&format!("/api/v1/objects/connectors/import/{id}/confirm"), &json!({}));
        assert_eq!(
            (done.status, fates(&done.json())),
            (200, "created 2, updated 1".into()),
            "{}",
            done.text()
        );
        assert_eq!(done.json()["differences"], json!({}));
        let shown: Vec<String> = (1..=3)
            .map(|id| of(&format!("/{id}")))
            .map(|record| format!("{} {} {}", record["name"], record["status"], record["trigger"]))
            .map(|record| record.replace('"', ""))
            .collect();
        assert_eq!(
            shown,
            ["Old enabled true", "Second disabled true", "Third disabled equals($payload.a, 1)"],
            "new ones are disabled, whatever was put in"
        );

        // What is rejected after all is given back as it was sent.
        let csv = "first_name,email\nAda,ada\nBen,ben\n";
        let edits = json!([
            { "row": 1, "column": "email", "value": "ada@x.io" },
            { "row": 2, "column": "email", "value": "ben@" },
        ])
        .to_string();
        let plan = planned(&server, csv, &[("edits", &edits)]);
        assert_eq!(plan["problems"][0]["value"], "ben@");
        let done = confirm(&server, &plan).json();
        assert_eq!(fates(&done), "created 1, rejected 1", "{done}");
        let failed = server.get(&format!("/api/v1/imports/{}/failed-rows", done["import"])).text();
        assert!(failed.contains("Ben,ben,"), "{failed}");
        assert_eq!(server.get("/api/v1/objects/contacts/records/1").json()["email"], "ada@x.io");
    }
}

#[test]
fn what_is_no_import() {
    for kind in STORES {
        let server = Server::start(kind);
        let csv = "email\na@x.io\n";
        let with = |parts: &[(&str, &str)]| server.upload(PLAN, "a.csv", csv.as_bytes(), parts).status;
        for part in [
            ("on_duplicate", "explode"),
            ("merge", "x"),
            ("mode", "x"),
            ("mapping", "[1]"),
            ("mapping", "{\"email\":[1]}"),
            ("set", "x"),
            ("match", "nonsense"),
            ("dates", "x"),
            ("max_rejected", "-1"),
            ("header_row", "x"),
            ("flatten", "maybe"),
            ("format", "exe"),
            ("delimiter_", ";"),
            ("quote", "abc"),
            ("create_references", "1"),
            ("edits", "x"),
            ("edits", "{}"),
            ("edits", "[{\"row\":1,\"column\":\"email\",\"value\":1}]"),
            ("edits", "[{\"row\":0,\"column\":\"email\",\"value\":\"\"}]"),
            ("edits", "[{\"row\":1,\"column\":\"email\",\"text\":\"\"}]"),
            ("replace", "[{\"find\":\"\",\"value\":\"x\"}]"),
            ("replace", "[{\"value\":\"x\"}]"),
        ] {
            assert_eq!(with(&[part]), 400, "{part:?}");
        }
        for part in [
            ("mapping", "{\"nonsense\":\"email\"}"),
            ("mapping", "{\"email\":\"nonsense\"}"),
            ("edits", "[{\"row\":1,\"column\":\"colour\",\"value\":\"\"}]"),
            ("edits", "[{\"row\":2,\"column\":\"email\",\"value\":\"\"}]"),
            ("replace", "[{\"column\":\"colour\",\"find\":\"x\"}]"),
            ("encoding", "klingon"),
            ("format", "xlsx"),
        ] {
            let status = with(&[part]);
            assert!(matches!(status, 400 | 422), "{part:?} {status}");
        }
        assert_eq!(server.upload("/api/v1/objects/nowhere/import", "a.csv", b"a\n1\n", &[]).status, 404);
        assert_eq!(server.post(PLAN, &json!({})).status, 415);
        let form = [
            ("authorization", &*format!("Bearer {ADMIN}")),
            ("content-type", "multipart/form-data; boundary=x"),
        ];
        assert_eq!(server.send("POST", PLAN, &form, b"--x--\r\n").status, 400);
        assert_eq!(server.send("POST", PLAN, &form, b"nonsense").status, 400);
        for content in [&b""[..], b"\0\0\0\0", b"PK\x03\x04nonsense", b"email\n", b"{\"a\":", b"\xff\xfe\xff"]
        {
            let reply = server.upload(PLAN, "a.csv", content, &[]);
            assert!(matches!(reply.status, 400 | 422), "{content:?} {}", reply.text());
        }
        for name in [
            "../../../etc/passwd",
            "a\u{202e}b.csv",
            "=cmd|' /C calc'!A0.csv",
            "<script>.csv",
            &"n".repeat(5000),
            "..",
        ] {
            let reply = server.upload(PLAN, name, csv.as_bytes(), &[]);
            assert_eq!(reply.status, 200, "{name:.40}: {}", reply.text());
            assert!(!reply.json()["source"].as_str().unwrap_or("/").contains('/'));
        }
        assert!(!server.directory.path().join("etc").exists());
        for id in ["nonsense", "..%2F..", "%00"] {
            let status = server.post(&format!("{PLAN}/{id}/confirm"), &json!({})).status;
            assert!(matches!(status, 400 | 404), "{id} {status}");
        }
        let plan = planned(&server, csv, &[]);
        let other =
            format!("/api/v1/objects/companies/import/{}/confirm", plan["id"].as_str().unwrap_or_default());
        assert_eq!(server.post(&other, &json!({})).status, 404, "a plan of another object");
    }
}

#[test]
fn limits_of_the_plan() {
    for kind in STORES {
        let server = Server::start(kind);
        let limits = json!({ "plan": { "name": "small", "rows_per_import": 3, "records_per_object": 4 } });
        assert_eq!(server.json("PATCH", "/api/v1/organizations/default", &limits).status, 200);
        let rows = |from: usize, to: usize| -> String {
            (from..to).map(|number| format!("c{number}@x.io\n")).collect()
        };
        let many = server.upload(PLAN, "a.csv", format!("email\n{}", rows(0, 5)).as_bytes(), &[]);
        assert_eq!(code(&many), "403 PLAN_LIMIT");
        assert_eq!(
            many.json()["error"]["details"],
            json!({ "limit": "rows_per_import", "allowed": 3, "wanted": 5 })
        );
        let plan = planned(&server, &format!("email\n{}", rows(0, 3)), &[]);
        let second = planned(&server, &format!("email\n{}", rows(3, 6)), &[]);
        assert_eq!(confirm(&server, &plan).json()["created"], 3);
        assert_eq!(code(&confirm(&server, &second)), "403 PLAN_LIMIT", "others were faster");
        assert_eq!(
            server.post("/api/v1/objects/contacts/records", &json!({ "email": "x@x.io" })).status,
            201
        );
        let full = server.post("/api/v1/objects/contacts/records", &json!({ "email": "y@x.io" }));
        assert_eq!(code(&full), "403 PLAN_LIMIT");
        assert_eq!(count(&server), 4);
    }
}

#[test]
fn a_large_file_becomes_a_job_that_tells_how_far_it_is() {
    let mut server = Server::start(Kind::Sqlite);
    let rows: String = (0..50_010).map(|number| format!("n{number},c{number}@x.io\n")).collect();
    let plan = planned(&server, &format!("first_name,email\n{rows}bad,nonsense\n"), &[]);
    assert_eq!(plan["is_large"], true);
    let begun = confirm(&server, &plan);
    assert_eq!(begun.status, 202, "{}", begun.text());
    let job = begun.json()["job"].as_i64().expect("a job");
    assert_eq!(code(&confirm(&server, &plan)), "409 ALREADY_CONFIRMED");
    // The events end when the job does.
    let events = server.get(&format!("/api/v1/jobs/{job}/events"));
    assert_eq!(events.header("content-type"), "text/event-stream");
    let text = events.text();
    let last = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap_or_default();
    let ended: Value = serde_json::from_str(last).unwrap_or_else(|why| panic!("{why}: {text}"));
    assert!(text.contains("event: end"), "{text}");
    assert_eq!(ended["status"], "completed", "{ended}");
    assert_eq!(ended["result"]["ledger"]["created"], 50_010);
    let import = ended["import"].as_i64().expect("the import's number");
    assert!(server.get(&format!("/api/v1/imports/{import}/failed-rows")).text().contains("bad,nonsense"));
    let rows = server.get(&format!("/api/v1/imports/{import}/rows?limit=3&cursor=50009")).json();
    let shown: Vec<String> = rows["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| format!("{} {}", row["row"], row["fate"]))
        .collect();
    assert_eq!(shown, ["50010 \"created\"", "50011 \"rejected\""]);
    assert_eq!(server.get("/api/v1/jobs?kind=import").json()["jobs"][0]["id"], job);
    assert_eq!(code(&server.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({}))), "409 CONFLICT");
    assert_eq!(code(&server.post(&format!("/api/v1/jobs/{job}/retry"), &json!({}))), "409 CONFLICT");
    assert_eq!(server.get("/api/v1/jobs/999").status, 404);
    let total = server.get("/api/v1/objects/contacts/records?limit=1").json();
    assert_eq!(total["total_is"], "estimate");
    assert!(total["total"].as_i64().is_some_and(|total| total > 40_000), "{total}");
    // A server that is asked to end ends by itself.
    server.signal("TERM");
    assert!(server.ended_within(std::time::Duration::from_secs(30)));
}
