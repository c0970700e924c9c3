//! `Idempotency-Key`: once is once, however often, at once, or after a crash it is asked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{ADMIN, Reply, Server};
use crate::support::{Kind, STORES};

const RECORDS: &str = "/api/v1/objects/contacts/records";

fn with_key(server: &Server, path: &str, key: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {ADMIN}");
    let headers =
        [("authorization", &*bearer), ("content-type", "application/json"), ("idempotency-key", key)];
    server.send("POST", path, &headers, body.to_string().as_bytes())
}

fn form(server: &Server, border: &str, key: &str, csv: &str) -> Reply {
    let body = format!(
        "--{border}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{csv}\r\n--{border}--\r\n"
    );
    let bearer = format!("Bearer {ADMIN}");
    let kind = format!("multipart/form-data; boundary={border}");
    let headers = [("authorization", &*bearer), ("content-type", &*kind), ("idempotency-key", key)];
    server.send("POST", "/api/v1/objects/contacts/import", &headers, body.as_bytes())
}

fn total(server: &Server) -> Value {
    server.get(&format!("{RECORDS}?limit=1")).json()["total"].clone()
}

fn code(reply: &Reply) -> String {
    reply.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_same_request_is_answered_as_the_first_time() {
    for kind in STORES {
        let server = Server::start(kind);
        let body = json!({ "first_name": "Ada" });
        let first = with_key(&server, RECORDS, "k1", &body);
        assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
        let again = with_key(&server, RECORDS, "k1", &body);
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
        assert_eq!((again.text(), again.header("location")), (first.text(), first.header("location")));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        let other = with_key(&server, RECORDS, "k1", &json!({ "first_name": "Ben" }));
        assert_eq!((other.status, code(&other)), (409, "IDEMPOTENCY_CONFLICT".to_owned()));
        assert_eq!(with_key(&server, RECORDS, "k2", &body).status, 201);
        assert_eq!(total(&server), 2);
        // What is wrong is wrong the second time too.
        let wrong = json!({ "email": "nonsense" });
        assert_eq!(with_key(&server, RECORDS, "k3", &wrong).status, 422);
        let again = with_key(&server, RECORDS, "k3", &wrong);
        assert_eq!((again.status, again.header("idempotent-replayed")), (422, "true"));
        assert_eq!(with_key(&server, RECORDS, &"k".repeat(300), &body).status, 400);
        assert_eq!(with_key(&server, RECORDS, "", &body).status, 400);

        // The records door too; and a form is the same whatever the border between its parts.
        let records =
            json!({ "records": [{ "first_name": "Cyd", "last_name": "Doe" }, { "email": "nonsense" }] });
        let first = with_key(&server, "/api/v1/import/contacts", "k4", &records).json();
        assert_eq!((&first["created"], &first["failed"]), (&json!(1), &json!(1)));
        assert_eq!(with_key(&server, "/api/v1/import/contacts", "k4", &records).json(), first);
        let plan = form(&server, "one", "k5", "email\na@x.io");
        assert_eq!(plan.status, 200, "{}", plan.text());
        assert_eq!(form(&server, "two", "k5", "email\na@x.io").text(), plan.text());
        assert_eq!(form(&server, "two", "k5", "email\nb@x.io").status, 409);

        // Every door keeps its own shape.
        let wrong = with_key(&server, "/v1/export-jobs", "k7", &json!({ "nonsense": 1 }));
        let again = with_key(&server, "/v1/export-jobs", "k7", &json!({ "nonsense": 1 }));
        assert_eq!((again.header("idempotent-replayed"), again.text()), ("true", wrong.text()));
        assert_eq!(again.json()["success"], false);

        // A secret that is shown once is shown once.
        let new = json!({ "name": "n", "role": "member" });
        let made = with_key(&server, "/api/v1/keys", "k6", &new).json();
        let replayed = with_key(&server, "/api/v1/keys", "k6", &new).json();
        assert_eq!((&replayed["id"], &replayed["secret"]), (&made["id"], &Value::Null));
    }
}

#[test]
fn fifty_at_once_are_one_import() {
    for kind in STORES {
        let server = Server::start(kind);
        let csv: String = (0..500).map(|number| format!("c{number}@x.io\n")).collect();
        let plan = server.upload(
            "/api/v1/objects/contacts/import",
            "a.csv",
            format!("email\n{csv}").as_bytes(),
            &[],
        );
        let path = format!(
            "/api/v1/objects/contacts/import/{}/confirm",
            plan.json()["id"].as_str().unwrap_or_default()
        );
        let record = json!({ "records": [{ "first_name": "Once", "last_name": "Only" }] });
        let answers: Vec<(Reply, Reply)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| {
                        let confirmed = with_key(&server, &path, "confirm", &json!({}));
                        let imported = with_key(&server, "/api/v1/import/contacts", "import", &record);
                        (confirmed, imported)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("it answers")).collect()
        });
        let mut confirmed: BTreeMap<String, usize> = BTreeMap::new();
        for (reply, _) in &answers {
            let what = if reply.status == 200 { reply.json()["import"].to_string() } else { code(reply) };
            *confirmed.entry(what).or_default() += 1;
        }
        let imports: Vec<&String> = confirmed
            .keys()
            .filter(|key| !matches!(key.as_str(), "IDEMPOTENCY_RUNNING" | "UNAVAILABLE"))
            .collect();
        assert_eq!(imports.len(), 1, "{confirmed:?}");
        assert!(answers.iter().any(|(_, reply)| reply.status == 200));
        assert_eq!(total(&server), 501);
        let again = with_key(&server, &path, "confirm", &json!({}));
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"), "{}", again.text());
    }
}

/// Sets what the store knows of the only repeatable request back to where the process that carried it out
/// died: after the import was committed, before the answer was kept.
fn forget_the_answer(server: &Server, kind: Kind) {
    let running = "UPDATE dray_document SET body = replace(replace(body, '\"answer\":{', '\"answer\":null,\"lost\":{'), \
                   '\"until\":', '\"until\":0,\"was\":') WHERE kind = 'idempotency'";
    match kind {
        Kind::Sqlite => {
            let path = server.directory.path().join("store/default.db");
            let connection = rusqlite::Connection::open(path).expect("the database opens");
            connection.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
            assert_eq!(connection.execute(running, []).expect("the statement runs"), 1);
        }
        Kind::Postgres => {
            let mut client = postgres::Client::connect(&server.store, postgres::NoTls).expect("it answers");
            let sql = running.replace("UPDATE dray", "UPDATE \"default\".dray");
            assert_eq!(client.execute(&sql, &[]).expect("the statement runs"), 1);
        }
    }
}

#[test]
fn a_server_that_died_before_it_answered_answers_the_second_time() {
    for kind in STORES {
        for (path, body) in [
            (RECORDS, json!({ "first_name": "Ada" })),
            (
                "/api/v1/import/contacts",
                json!({ "records": [{ "first_name": "A", "last_name": "B" }, { "email": "bad" }] }),
            ),
        ] {
            let mut server = Server::start(kind);
            let first = with_key(&server, path, "k", &body);
            assert!(first.status < 300, "{}", first.text());
            server.signal("KILL");
            server.restart("KILL");
            forget_the_answer(&server, kind);
            let again = with_key(&server, path, "k", &body);
            assert_eq!((again.status, again.json()), (first.status, first.json()), "{path}");
            assert_eq!(again.header("idempotent-replayed"), "", "it was found done and not replayed");
            assert_eq!(total(&server), 1, "{path}");
        }
    }
}

#[test]
fn a_server_killed_in_the_middle_goes_on_with_the_same_key() {
    let mut server = Server::start(Kind::Sqlite);
    let rows: String = (0..40_000).map(|number| format!("n{number},c{number}@x.io\n")).collect();
    let csv = format!("first_name,email\n{rows}");
    let plan = server.upload("/api/v1/objects/contacts/import", "a.csv", csv.as_bytes(), &[]);
    let id = plan.json()["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/api/v1/objects/contacts/import/{id}/confirm");
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            // The connection breaks, or the import was faster.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                with_key(&server, &path, "k", &json!({}))
            }));
        });
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until && !asked.is_finished() {
            if server.get("/api/v1/imports").json()["imports"]
                .as_array()
                .is_some_and(|imports| !imports.is_empty())
            {
                break;
            }
        }
        server.signal("KILL");
    });
    server.restart("KILL");
    let until = Instant::now() + Duration::from_secs(60);
    let done = loop {
        let reply = with_key(&server, &path, "k", &json!({}));
        if reply.status != 409 || Instant::now() > until {
            break reply;
        }
        assert_eq!(code(&reply), "IDEMPOTENCY_RUNNING");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.json()["created"], 40_000, "{}", done.text());
    let all = server.get("/api/v1/imports").json();
    assert_eq!(all["imports"].as_array().map(Vec::len), Some(1), "one import: {all}");
}
