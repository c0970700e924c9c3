//! The modules door where work takes longer: progress, background imports, rollback while they run, a server
//! that is killed or stopped meanwhile, uploads that break off, export jobs.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{ADMIN, Server};
use crate::support::{Kind, STORES};

const CONTACTS: &str = "/v1/modules/contacts";
const ROWS: usize = 100_000;

/// New rows, a few that repeat others and a few that are wrong.
fn file(rows: usize) -> Vec<u8> {
    let mut text = String::from("Email,Name,Notes\n");
    for row in 0..rows {
        match row % 1000 {
            7 => text.push_str(&format!("{}@x.example,again,\n", row - 5)),
            13 => text.push_str("bad,nobody,\n"),
            _ => text.push_str(&format!("{row}@x.example,name {row},\"row, {row}\"\n")),
        }
    }
    text.into_bytes()
}

fn data(reply: &crate::server::Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["data"].clone()
}

/// Sends a file and begins its import.
fn begin(server: &Server, rows: usize) -> Value {
    let parsed = data(&server.upload(&format!("{CONTACTS}/import/parse"), "contacts.csv", &file(rows), &[]));
    assert_eq!(parsed["totalRows"], rows);
    data(&server.post(
        &format!("{CONTACTS}/import/execute"),
        &json!({ "fileId": parsed["fileId"], "columnMapping": [
            { "sourceColumn": "Email", "targetFieldSlug": "email" },
            { "sourceColumn": "Name", "targetFieldSlug": "displayName" },
            { "sourceColumn": "Notes", "targetFieldSlug": "notes" },
        ] }),
    ))
}

/// The same rows in the request itself; the last member of the mapping is one that few rows have.
fn begin_with_rows(server: &Server) -> Value {
    let text = String::from_utf8(file(ROWS)).expect("it is text");
    let rows: Vec<Value> = text
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.splitn(3, ',');
            let mut cell = || cells.next().unwrap_or_default().trim_matches('"').to_owned();
            let (email, name, notes) = (cell(), cell(), cell());
            if notes.is_empty() {
                json!({ "Email": email, "Name": name })
            } else {
                json!({ "Email": email, "Name": name, "Notes": notes })
            }
        })
        .collect();
    data(&server.post(
        &format!("{CONTACTS}/import/execute"),
        &json!({ "columnMapping": [
            { "sourceColumn": "Email", "targetFieldSlug": "email" },
            { "sourceColumn": "Name", "targetFieldSlug": "displayName" },
            { "sourceColumn": "Notes", "targetFieldSlug": "notes" },
        ], "rows": rows, "duplicateStrategy": "skip" }),
    ))
}

fn job(server: &Server, id: &str) -> Value {
    data(&server.get(&format!("{CONTACTS}/import/jobs/{id}")))
}

/// Polls as the document does until something holds.
fn poll(server: &Server, id: &str, until: impl Fn(&Value) -> bool) -> Value {
    let last = Instant::now() + Duration::from_secs(180);
    loop {
        let job = job(server, id);
        if until(&job) {
            return job;
        }
        assert!(Instant::now() < last, "in time: {job}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_done(job: &Value) -> bool {
    job["status"] == "completed" || job["status"] == "failed"
}

/// How many contacts there are, and how many different addresses they have.
fn contacts(server: &Server) -> (usize, usize) {
    let mut session = dray_stores::connect(&server.store, "default").expect("the store can be reached");
    let object = dray_model::starter::starter_object("contacts").expect("it ships");
    let email = object.column("email").expect("it has one");
    let mut seen = std::collections::HashSet::new();
    let mut count = 0;
    session
        .read(&object, &dray_model::query::Query::default(), &[email], 8192, &mut |batch| {
            let cells = arrow_array::cast::AsArray::as_string::<i32>(batch.column(0));
            for cell in cells.iter().flatten() {
                seen.insert(cell.to_owned());
            }
            count += batch.num_rows();
            Ok(())
        })
        .expect("they can be read");
    (count, seen.len())
}

#[test]
fn a_background_import_and_its_rollback() {
    for kind in STORES {
        let server = Server::start(kind);
        // From a file that was sent before, or from the rows in the request.
        let begun = if kind == Kind::Sqlite { begin(&server, ROWS) } else { begin_with_rows(&server) };
        assert_eq!(begun["processingMode"], "background");
        assert!(begun["status"] == "pending" || begun["status"] == "processing", "{begun}");
        assert_eq!(begun["createdRecordIds"], json!([]));
        let id = begun["importJobId"].as_str().expect("an id");
        let ended = poll(&server, id, is_done);
        let counts = ["status", "totalRows", "processedRows", "successRows", "errorRows", "skippedRows"];
        assert_eq!(
            json!(counts.map(|name| ended[name].clone())),
            json!(["completed", ROWS, ROWS, ROWS - 200, 100, 100])
        );
        assert_eq!(
            json!([ended["errors"][0]["row"], ended["errors"][0]["error"]]),
            json!([14, "Invalid email format"])
        );
        assert_eq!(contacts(&server), (ROWS - 200, ROWS - 200));
        let undone = data(&server.json("DELETE", &format!("{CONTACTS}/import/jobs/{id}"), &json!({})));
        assert_eq!(undone["deletedCount"], ROWS - 200);
        assert_eq!(contacts(&server), (0, 0));
    }
}

#[test]
fn a_server_killed_in_the_middle_finishes_the_import_once() {
    for kind in STORES {
        for signal in ["KILL", "TERM"] {
            let mut server = Server::start(kind);
            let begun = begin(&server, ROWS);
            let id = begun["importJobId"].as_str().expect("an id").to_owned();
            let running = poll(&server, &id, |job| job["status"] == "processing" || is_done(job));
            assert_eq!(running["status"], "processing", "it is killed in the middle");
            server.restart(signal);
            let ended = poll(&server, &id, is_done);
            assert_eq!(
                json!([ended["status"], ended["successRows"], ended["errorRows"], ended["skippedRows"]]),
                json!(["completed", ROWS - 200, 100, 100]),
                "{signal}, from {running}"
            );
            assert_eq!(
                contacts(&server),
                (ROWS - 200, ROWS - 200),
                "{signal}: none is lost and none is doubled"
            );
            let listed = data(&server.get(&format!("{CONTACTS}/import/jobs")));
            assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(1));
        }
    }
}

#[test]
fn imports_into_one_module_wait_for_each_other() {
    for kind in STORES {
        let server = Server::start(kind);
        let first = begin(&server, 60_000);
        let second = begin(&server, 60_000);
        let ended = |begun: &Value| poll(&server, begun["importJobId"].as_str().expect("an id"), is_done);
        let (first, second) = (ended(&first), ended(&second));
        let counts =
            |job: &Value| json!([job["status"], job["successRows"], job["errorRows"], job["skippedRows"]]);
        let mut both = [counts(&first).to_string(), counts(&second).to_string()];
        both.sort();
        assert_eq!(both, ["[\"completed\",0,60,59940]", "[\"completed\",59880,60,60]"]);
        assert_eq!(contacts(&server), (59_880, 59_880));
    }
}

#[test]
fn a_rollback_stops_an_import_that_runs() {
    for kind in STORES {
        let server = Server::start(kind);
        let begun = begin(&server, ROWS);
        let id = begun["importJobId"].as_str().expect("an id");
        poll(&server, id, |job| job["status"] == "processing" || is_done(job));
        let reply = server.json("DELETE", &format!("{CONTACTS}/import/jobs/{id}"), &json!({}));
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(job(&server, id)["status"], "cancelled");
        assert_eq!(contacts(&server), (0, 0));
        let again = server.json("DELETE", &format!("{CONTACTS}/import/jobs/{id}"), &json!({}));
        assert_eq!(
            (again.status, again.json()["error"]["code"].clone()),
            (409, json!("ALREADY_ROLLED_BACK"))
        );
    }
}

#[test]
fn progress_of_an_import_somebody_waits_for() {
    for kind in STORES {
        let server = Server::start(kind);
        let rows: Vec<Value> = (0..6_000).map(|row| json!({ "e": format!("{row}@x.io") })).collect();
        let body =
            json!({ "rows": rows, "columnMapping": [{ "sourceColumn": "e", "targetFieldSlug": "email" }] });
        let path = format!("{CONTACTS}/import/execute");
        let headers =
            [("x-api-key", ADMIN), ("content-type", "application/json"), ("accept", "text/event-stream")];
        let reply = server.send("POST", &path, &headers, body.to_string().as_bytes());
        assert!(reply.header("content-type").starts_with("text/event-stream"));
        let text = reply.text();
        assert!(
            text.starts_with("event: progress\ndata: {\"importJobId\":\"job_1\",\"status\":\"processing\""),
            "{text}"
        );
        let last = text.trim_end().rsplit("data: ").next().expect("there is one");
        let last: Value = serde_json::from_str(last).expect("it is JSON");
        assert!(text.contains("event: result"), "{text}");
        assert_eq!(
            json!([last["success"], last["data"]["processingMode"], last["data"]["successRows"]]),
            json!([true, "stream", 6_000])
        );
        assert_eq!(last["data"]["createdRecordIds"].as_array().map(Vec::len), Some(6_000));
        let plain = data(&server.post(&path, &body));
        assert_eq!(
            json!([plain["status"], plain["processingMode"], plain["skippedRows"]]),
            json!(["completed", "stream", 6_000])
        );
    }
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let server = Server::start(Kind::Sqlite);
    let folder = server.directory.path().join("files").join("default");
    let count = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
    let address = server.url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
    let head = format!(
        "POST {CONTACTS}/import/parse HTTP/1.1\r\nHost: {address}\r\nx-api-key: {ADMIN}\r\n\
         Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 50000000\r\n\r\n\
         --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"contacts.csv\"\r\n\r\nName,Email\n"
    );
    stream.write_all(head.as_bytes()).expect("it is sent");
    stream.write_all(&vec![b'x'; 1 << 20]).expect("it is sent");
    let until = Instant::now() + Duration::from_secs(20);
    while count() == 0 {
        assert!(Instant::now() < until, "the file is begun");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(stream);
    while count() > 0 {
        assert!(Instant::now() < until, "the file is gone");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn rows_sent_with_a_request_are_not_kept_after_it() {
    let server = Server::start(Kind::Sqlite);
    let body = json!({ "rows": [{ "e": "a@x.io" }], "columnMapping": [{ "sourceColumn": "e", "targetFieldSlug": "email" }] });
    data(&server.post(&format!("{CONTACTS}/import/execute"), &body));
    let folder = server.directory.path().join("files").join("default");
    assert_eq!(std::fs::read_dir(folder).map_or(0, Iterator::count), 0);
}

#[test]
fn export_jobs() {
    for kind in STORES {
        let server = Server::start(kind);
        let begun = begin(&server, 10_100);
        assert_eq!(begun["status"], "completed", "{begun}");
        let export = format!("{CONTACTS}/export");
        let large = server.post(&export, &json!({ "format": "csv", "config": { "columns": ["email"] } }));
        assert_eq!(large.status, 202, "more than 10,000 records: {}", large.text());
        let direct = server
            .post(&export, &json!({ "format": "csv", "config": { "columns": ["email"], "limit": 10_000 } }));
        assert_eq!((direct.status, direct.text().lines().count()), (200, 10_001));
        let asked =
            server.post(&export, &json!({ "format": "pdf", "async": true, "config": { "limit": 10 } }));
        assert_eq!(asked.status, 202);
        let by_job = server.post(
            "/v1/export-jobs",
            &json!({ "module": "accounts", "format": "csv", "config": { "columns": ["name"] } }),
        );
        assert_eq!((by_job.status, by_job.json()["sourceId"].clone()), (202, json!("mod_accounts")));

        for (reply, records) in [(large, 10_078), (asked, 10), (by_job, 0)] {
            let id = reply.json()["exportJobId"].as_str().expect("an id").to_owned();
            let until = Instant::now() + Duration::from_secs(60);
            let job = loop {
                let job = server.get(&format!("/v1/export-jobs/{id}")).json();
                if job["status"] == "completed" {
                    break job;
                }
                assert!(Instant::now() < until && job["status"] != "failed", "{job}");
                std::thread::sleep(Duration::from_millis(50));
            };
            assert_eq!(
                json!([job["progress"], job["recordCount"], job["sourceType"]]),
                json!([100, records, "module"])
            );
            assert_eq!(job["accountId"], "acc_default");
            for name in ["requestedDateTime", "completedDateTime", "expiresDateTime"] {
                assert!(job[name].as_str().is_some_and(|text| text.ends_with('Z')), "{name} of {job}");
            }
            let url = job["fileUrl"].as_str().expect("a link");
            let path = url.strip_prefix(&server.url).expect("it is this server's");
            assert_eq!(server.send("GET", path, &[], b"").status, 401, "a key is needed");
            let file = server.get(path);
            assert_eq!(file.status, 200, "{}", file.text());
            assert_eq!(json!(file.bytes.len()), job["fileSizeBytes"]);
            assert!(file.header("content-type").starts_with(job["contentType"].as_str().unwrap_or("?")));
            assert!(file.header("content-disposition").contains(job["fileName"].as_str().unwrap_or("?")));
        }
        let listed = server.get("/v1/export-jobs?limit=25").json();
        assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(3), "{listed}");
        assert_eq!(server.get("/v1/export-jobs?limit=101").status, 400);
        assert!(
            server.get("/v1/export-jobs?limit=1").json()["jobs"][0]["exportJobId"] == "exp_4",
            "the newest first"
        );
    }
}

#[test]
fn members_see_no_jobs_of_others() {
    let server = Server::start(Kind::Sqlite);
    let body = json!({ "rows": [{ "e": "a@x.io" }], "columnMapping": [{ "sourceColumn": "e", "targetFieldSlug": "email" }] });
    let id = data(&server.post(&format!("{CONTACTS}/import/execute"), &body))["importJobId"].clone();
    let id = id.as_str().expect("an id");
    // The job of one module is not found under another.
    let reply = server.get(&format!("/v1/modules/accounts/import/jobs/{id}"));
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (404, json!("IMPORT_JOB_NOT_FOUND")));
    let mut text = String::new();
    let log = server.directory.path().join("log");
    std::fs::File::open(log).and_then(|mut log| log.read_to_string(&mut text)).expect("the log can be read");
    assert!(!text.contains("panicked"), "{text}");
}
