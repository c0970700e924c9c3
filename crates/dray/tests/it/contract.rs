//! The API against its own description: schemathesis makes requests of the OpenAPI document, sensible and
//! senseless ones, and looks at the answers. `./test` installs it.

use std::process::Command;

use serde_json::{Value, json};

use crate::server::{ADMIN, Server};
use crate::support::{Kind, STORES};

/// What is looked for. Data that the document allows may still be refused for what it says, so that
/// `positive_data_acceptance` means nothing here, and neither does its opposite: more is taken than is described.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance,unsupported_method,ignored_auth";

/// How long the requests of one store are made.
const SECONDS: u64 = 40;

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Things that are there, for most of the names in paths: else every answer would be 404.
fn settings(server: &Server) -> String {
    let record = server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "A" })).json();
    let plan = server.upload("/api/v1/objects/contacts/import", "a.csv", b"email\na@x.io\nbad\n", &[]).json();
    let confirm = format!("/api/v1/objects/contacts/import/{}/confirm", text(&plan["id"]));
    assert_eq!(server.post(&confirm, &json!({})).status, 200);
    let second = server.upload("/api/v1/objects/contacts/import", "a.csv", b"email\nb@x.io\n", &[]).json();
    let report = server.post("/api/v1/reports", &json!({ "name": "R", "object": "contacts" })).json();
    let job = server.post("/v1/export-jobs", &json!({ "module": "contacts", "format": "csv" })).json();
    let rows = json!({ "rows": [{ "E-mail": "c@x.io" }], "columnMapping": [
        { "sourceColumn": "E-mail", "targetFieldSlug": "email" }] });
    let import = server.post("/v1/modules/contacts/import/execute", &rows).json();
    let folder = json!({ "name": "F", "role": "Source", "connector": "filesystem", "settings": {} });
    assert_eq!(server.post("/v1/connections", &folder).status, 200);
    let list = |values: &[String]| format!("{{ values = {} }}", json!(values));
    let ids = [text(&record["id"]), text(&second["id"]), text(&report["id"]), "1".to_owned(), "2".to_owned()];
    let jobs = [text(&job["exportJobId"]), text(&import["data"]["importJobId"])];
    let mut toml = String::from("[dictionaries]\n");
    for (name, values) in [
        ("objects", &["contacts".to_owned(), "companies".to_owned()][..]),
        ("ids", &ids[..]),
        ("jobs", &jobs[..]),
        ("reports", &[text(&report["id"])][..]),
    ] {
        toml.push_str(&format!("{name} = {}\n", list(values)));
    }
    toml.push_str("\n[parameters]\n");
    for (parameter, dictionary) in [
        ("object", "objects"),
        ("module", "objects"),
        ("id", "ids"),
        ("job_id", "jobs"),
        ("report_id", "reports"),
    ] {
        toml.push_str(&format!(
            "\"path.{parameter}\" = {{ dictionary = \"{dictionary}\", probability = 0.8 }}\n"
        ));
    }
    toml
}

#[test]
fn every_answer_is_one_the_document_knows() {
    let program = std::env::var("DRAY_TEST_SCHEMATHESIS").expect(
        "set DRAY_TEST_SCHEMATHESIS to the program `schemathesis` (pip install schemathesis), or run ./test, \
         which installs it",
    );
    std::thread::scope(|scope| {
        for kind in STORES {
            let program = &program;
            scope.spawn(move || fuzz(program, kind));
        }
    });
}

fn fuzz(program: &str, kind: Kind) {
    let server = Server::start_with(kind, &[("DRAY_REQUESTS_PER_MINUTE", "1000000000")]);
    let file = server.directory.path().join("schemathesis.toml");
    std::fs::write(&file, settings(&server)).expect("a file can be written");
    let output = Command::new(program)
        .arg("--config-file")
        .arg(&file)
        .args(["run", &format!("{}/openapi.json", server.url)])
        .args(["--header", &format!("Authorization: Bearer {ADMIN}"), "--checks", CHECKS])
        // Whoever asks would end their own session, key or account otherwise.
        .args(["--phases", "examples,coverage,fuzzing,stateful", "--seed", "20240229", "--no-shrink"])
        .args(["--max-time", &SECONDS.to_string(), "--request-timeout", "30", "--max-failures", "20"])
        // It cannot write a body of tus's own type; `sent_files` and `signed_links` make such requests.
        .args(["--exclude-operation-id", "patch_files_organization_file"])
        .args(["--warnings", "off", "--no-color"])
        .current_dir(server.directory.path())
        .output()
        .unwrap_or_else(|why| panic!("`{program}` cannot be started: {why}"));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{kind:?}: {told}\n{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        server.log().lines().filter(|line| line.contains("ERROR")).take(20).collect::<Vec<_>>().join("\n")
    );
    assert_eq!(server.get("/readyz").status, 200, "{kind:?}: the server is alive");
    let panics = server.log().lines().filter(|line| line.contains("panicked")).count();
    assert_eq!(panics, 0, "{kind:?}: {}", server.log());
}
