//! The data-io door as its document has it: exports and imports as jobs, signed links, dry runs, and who may.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{ADMIN, Reply, Server};
use crate::support::{Kind, STORES};

pub(crate) const DOOR: &str = "/api/v1/orgs/default/data-io";

/// As the document's own requests: with `-d` and without a content type of JSON.
fn curl(server: &Server, path: &str, body: &str) -> Reply {
    let headers = [("x-api-key", ADMIN), ("content-type", "application/x-www-form-urlencoded")];
    server.send("POST", &format!("{DOOR}{path}"), &headers, body.as_bytes())
}

/// The number of a job that was accepted.
fn job_of(reply: &Reply) -> String {
    assert_eq!(reply.status, 202, "{}", reply.text());
    let answer = reply.json();
    assert_eq!(answer["status"], "pending");
    answer["jobId"].as_str().expect("a job has an id").to_owned()
}

/// The job once it has ended.
pub(crate) fn ended(server: &Server, job: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(180);
    loop {
        let job = server.get(&format!("{DOOR}/jobs/{job}")).json();
        if !["pending", "running"].contains(&job["status"].as_str().expect("a job has a status")) {
            return job;
        }
        assert!(Instant::now() < until, "the job does not end: {job}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Path and query of an address of this server.
fn path_of<'a>(server: &Server, url: &'a Value) -> &'a str {
    url.as_str().and_then(|url| url.strip_prefix(&server.url)).unwrap_or_else(|| panic!("not ours: {url}"))
}

/// Sends a file by a signed link; returns the upload's id.
pub(crate) fn send_file(server: &Server, name: &str, bytes: &[u8]) -> String {
    let place = curl(server, "/uploads", &json!({ "fileName": name }).to_string());
    assert_eq!(place.status, 201, "{}", place.text());
    let place = place.json();
    let sent = server.send("PUT", path_of(server, &place["uploadUrl"]), &[], bytes);
    assert_eq!(sent.status, 200, "{}", sent.text());
    assert_eq!(sent.json()["bytes"], bytes.len());
    place["uploadId"].as_str().expect("an upload has an id").to_owned()
}

fn import(server: &Server, body: &Value) -> Value {
    ended(server, &job_of(&curl(server, "/import", &body.to_string())))
}

fn events(server: &Server) {
    let text = "name,occurred_at,properties\n\
        a,2026-03-31T23:59:59Z,{}\nb,2026-04-01,{}\nc,2026-04-30T23:59:59.5Z,\"{\"\"x\"\":1}\"\nd,2026-05-01,{}\n";
    let upload = send_file(server, "events.csv", text.as_bytes());
    let done = import(server, &json!({ "resource": "events", "format": "csv", "uploadId": upload }));
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["result"]["ledger"]["created"], 4);
}

#[test]
fn an_export_is_a_job_with_a_signed_link() {
    for kind in STORES {
        let server = Server::start(kind);
        events(&server);
        let body = r#"{
            "resource": "events",
            "format": "csv",
            "filters": { "from": "2026-04-01", "to": "2026-04-30" }
        }"#;
        let id = job_of(&curl(&server, "/export", body));
        let job = ended(&server, &id);
        assert_eq!(job["status"], "completed", "{job}");
        assert_eq!(
            (&job["progress"], &job["kind"], &job["resource"]),
            (&json!(100), &json!("export"), &json!("events"))
        );
        let link = path_of(&server, &job["downloadUrl"]);
        let file = server.send("GET", link, &[], b"");
        assert_eq!(file.status, 200, "{}", file.text());
        let text = file.text();
        assert!(text.starts_with("id,profile,name,occurred_at,properties"), "{text}");
        assert!(
            text.contains(",b,") && text.contains(",c,") && !text.contains(",a,") && !text.contains(",d,")
        );
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        assert!(file.header("content-disposition").starts_with("attachment; filename=\"events-20"));
        // A part, where a download broke off.
        let part = server.send("GET", link, &[("range", "bytes=3-9")], b"");
        assert_eq!((part.status, part.text().as_str()), (206, text.get(3..10).expect("it is there")));
        assert_eq!(part.header("content-range"), format!("bytes 3-9/{}", text.len()));
        let behind = server.send("GET", link, &[("range", "bytes=99999-")], b"");
        assert_eq!(
            (behind.status, behind.json()["error"]["code"].as_str()),
            (416, Some("RANGE_NOT_SATISFIABLE"))
        );
        // Another link to the same file, both ways.
        for method in ["GET", "POST"] {
            let again =
                server.send(method, &format!("{DOOR}/jobs/{id}/download"), &[("x-api-key", ADMIN)], b"");
            assert_eq!(again.status, 200, "{}", again.text());
            assert_eq!(
                server.send("GET", path_of(&server, &again.json()["downloadUrl"]), &[], b"").text(),
                text
            );
        }
        let listed = server.get(&format!("{DOOR}/jobs?limit=1")).json();
        assert_eq!((&listed["jobs"][0]["jobId"], listed["nextCursor"].is_null()), (&json!(id), false));
        assert_eq!(server.post(&format!("{DOOR}/jobs/{id}/cancel"), &json!({})).status, 409);
        for (format, first, last) in [("json", "[", "]"), ("jsonl", "{", "}")] {
            let body = json!({ "resource": "events", "format": format, "filters": { "name": ["a", "d"] } });
            let job = ended(&server, &job_of(&curl(&server, "/export", &body.to_string())));
            let text = server.send("GET", path_of(&server, &job["downloadUrl"]), &[], b"").text();
            assert!(text.starts_with(first) && text.trim_end().ends_with(last), "{text}");
            assert_eq!(text.matches("\"name\"").count(), 2);
        }
        for resource in ["profiles", "analytics", "survey_responses"] {
            let body = json!({ "resource": resource, "filters": { "to": "2030-01-01" } });
            let job = ended(&server, &job_of(&curl(&server, "/export", &body.to_string())));
            assert_eq!(
                (&job["status"], &job["result"]["records"]),
                (&json!("completed"), &json!(0)),
                "{job}"
            );
        }
        let audit = server.get("/api/v1/audit?limit=200").json().to_string();
        assert!(
            audit.contains("data_io.export")
                && audit.contains("2026-04-30")
                && audit.contains("file.download")
        );
    }
}

#[test]
fn a_changed_link_gives_nothing() {
    let server = Server::start(Kind::Sqlite);
    events(&server);
    let job = ended(&server, &job_of(&curl(&server, "/export", r#"{"resource":"events"}"#)));
    let link = path_of(&server, &job["downloadUrl"]).to_owned();
    let (path, query) = link.split_once('?').expect("a link has a query");
    let expires = query.get("expires=".len()..query.find('&').expect("it is there")).expect("it is there");
    let later: u64 = expires.parse::<u64>().expect("it is there") + 1_000;
    let file = path.rsplit('/').next().expect("it is there");
    let changed = [
        path.to_owned(),
        format!("{path}?"),
        format!("{path}?signature="),
        format!("{path}?expires={expires}"),
        link.replace(expires, &later.to_string()),
        link.replace("expires=", "Expires="),
        format!("{link}A"),
        format!("{link}="),
        format!("{link}&expires={later}"),
        format!("{path}?{query}&{query}"),
        link.replace("/files/default/", "/files/other/"),
        link.replace("/files/default/", "/files/DEFAULT/"),
        link.replace("/files/default/", "/files/%64efault%2f"),
        link.replace(file, &file.to_lowercase()),
        link.replace(file, "aaaaaaaaaaaaaaaaaaaaaaaa"),
        link.replace(file, "..%2f..%2fdefault.db"),
        format!(
            "{path}?signature={}&expires={expires}",
            query.split("signature=").nth(1).expect("it is there")
        ),
    ];
    for changed in changed {
        let reply = server.send("GET", &changed, &[], b"");
        let code = reply.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        // Two slashes more or less are another address altogether.
        assert!(
            reply.status == 403 && code == "LINK_INVALID" || reply.status == 404,
            "{changed}: {}",
            reply.text()
        );
    }
    // A link to read is none to write.
    assert_eq!(server.send("PUT", &link, &[], b"x").json()["error"]["code"], "LINK_INVALID");
    assert_eq!(server.send("GET", &link, &[], b"").status, 200);
}

#[test]
fn what_is_sent_is_whole_and_sent_once() {
    let server = Server::start(Kind::Sqlite);
    let place = curl(&server, "/uploads", "").json();
    let link = path_of(&server, &place["uploadUrl"]);
    let wrong = [("content-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")];
    let refused = server.send("PUT", link, &wrong, b"email\na@x.io\n");
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("Content-Digest"));
    // Whoever goes away in the middle leaves nothing behind.
    let mut broken =
        std::net::TcpStream::connect(server.url.trim_start_matches("http://")).expect("it is there");
    write!(broken, "PUT {link} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nemail\n")
        .expect("it is there");
    drop(broken);
    let body = json!({ "resource": "contacts", "uploadId": place["uploadId"] });
    let early = curl(&server, "/import", &body.to_string());
    assert_eq!((early.status, early.json()["error"]["code"].as_str()), (404, Some("UPLOAD_NOT_FOUND")));
    assert_eq!(server.send("PUT", link, &[], b"email\na@x.io\n").status, 200);
    let again = server.send("PUT", link, &[], b"email\nb@x.io\n");
    assert_eq!((again.status, again.json()["error"]["code"].as_str()), (403, Some("LINK_USED")));
    let done = ended(&server, &job_of(&curl(&server, "/import", &body.to_string())));
    assert_eq!(done["result"]["ledger"]["created"], 1, "{done}");
}

#[test]
fn an_import_is_planned_and_then_done() {
    for kind in STORES {
        let server = Server::start(kind);
        let first = send_file(&server, "a.csv", b"Mail,Vorname\na@x.io,Ann\nb@x.io,Bob\n");
        let mapping = json!({ "Mail": "email", "Vorname": "first_name" });
        let done = import(
            &server,
            &json!({ "resource": "contacts", "format": "csv", "uploadId": first, "columnMapping": mapping }),
        );
        assert_eq!(done["result"]["ledger"]["created"], 2, "{done}");
        // Packed lines of JSON.
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed
            .write_all(b"{\"email\":\"a@x.io\",\"first_name\":\"Anna\"}\n{\"email\":\"c@x.io\"}\n{\"email\":\"no\"}\n")
            .expect("it is there");
        let upload = send_file(&server, "b.jsonl.gz", &packed.finish().expect("it is there"));
        let asked = json!({ "resource": "contacts", "format": "jsonl", "uploadId": upload });
        let with = |name: &str, value: Value| {
            let mut asked = asked.clone();
            asked[name] = value;
            asked
        };
        let plan = import(&server, &with("dryRun", json!(true)));
        assert_eq!(plan["status"], "completed", "{plan}");
        let (foreseen, rows) = (&plan["result"]["plan"], &plan["result"]["rows"]);
        assert_eq!((&foreseen["created"], &foreseen["rejected"]), (&json!(1), &json!(1)), "{plan}");
        assert_eq!(rows["created"][0]["cells"]["email"], "c@x.io", "{plan}");
        assert_eq!(rows["rejected"][0]["problems"][0]["code"], "invalid_email", "{plan}");
        let changed = &rows["updated"][0];
        assert_eq!(changed["changes"][0]["field"], "first_name", "{plan}");
        assert_eq!(
            (&changed["changes"][0]["old"], &changed["changes"][0]["new"]),
            (&json!("Ann"), &json!("Anna"))
        );
        let skipped = import(&server, &with("skipDuplicates", json!(true)));
        let ledger = &skipped["result"]["ledger"];
        assert_eq!((&ledger["created"], &ledger["duplicate"]), (&json!(1), &json!(1)), "{skipped}");
        let failed = server.send("GET", path_of(&server, &skipped["failedRowsUrl"]), &[], b"");
        assert!(failed.status == 200 && failed.text().contains("\"no\""), "{}", failed.text());
        let again = import(&server, &asked);
        assert_eq!(again["result"]["ledger"]["updated"], 1, "{again}");
    }
}

#[test]
fn what_is_wrong_is_told_at_once() {
    let server = Server::start(Kind::Sqlite);
    for (path, body, code) in [
        ("/export", r#"{"resource":"contacts"}"#, "INVALID_RESOURCE"),
        ("/export", r#"{"resource":"events","format":"xlsx"}"#, "INVALID_FORMAT"),
        ("/export", r#"{"resource":"events","filters":{"from":"yesterday"}}"#, "VALIDATION_ERROR"),
        (
            "/export",
            r#"{"resource":"events","filters":{"from":"2026-05-01","to":"2026-04-01"}}"#,
            "VALIDATION_ERROR",
        ),
        ("/export", r#"{"resource":"events","filters":{"colour":"red"}}"#, "VALIDATION_ERROR"),
        ("/export", r#"{"resource":"events","fields":["colour"]}"#, "VALIDATION_ERROR"),
        ("/export", r#"{"resource":"events","colour":1}"#, "VALIDATION_ERROR"),
        ("/export", r#"{"resource":"events""#, "VALIDATION_ERROR"),
        ("/export", "", "VALIDATION_ERROR"),
        ("/import", r#"{"resource":"analytics","uploadId":"x"}"#, "INVALID_RESOURCE"),
        ("/import", r#"{"resource":"events"}"#, "VALIDATION_ERROR"),
        (
            "/import",
            r#"{"resource":"events","uploadId":"x","sourceUrl":"https://x.io/a.csv"}"#,
            "VALIDATION_ERROR",
        ),
        ("/import", r#"{"resource":"events","sourceUrl":"file:///etc/passwd"}"#, "INVALID_SOURCE_URL"),
        ("/import", r#"{"resource":"events","sourceUrl":"no address"}"#, "INVALID_SOURCE_URL"),
        ("/import", r#"{"resource":"events","uploadId":"x","format":"pdf"}"#, "INVALID_FORMAT"),
        ("/import", r#"{"resource":"events","uploadId":"x","matchBy":["colour"]}"#, "VALIDATION_ERROR"),
    ] {
        let reply = curl(&server, path, body);
        assert_eq!(
            (reply.status, reply.json()["error"]["code"].as_str()),
            (400, Some(code)),
            "{body}: {}",
            reply.text()
        );
    }
    assert_eq!(server.get(&format!("{DOOR}/jobs/job_99")).json()["error"]["code"], "JOB_NOT_FOUND");
    assert_eq!(server.get(&format!("{DOOR}/jobs/..%2f")).status, 404);
    assert_eq!(server.get(&format!("{DOOR}/jobs")).json()["jobs"], json!([]));
}

#[test]
fn only_admins_of_the_organization_with_the_plan() {
    let server = Server::start(Kind::Sqlite);
    let body = br#"{"resource":"events"}"#;
    let export = |key: &str, organization: &str| {
        let path = format!("/api/v1/orgs/{organization}/data-io/export");
        server.send("POST", &path, &[("x-api-key", key)], body)
    };
    assert_eq!(export("", "default").status, 401);
    assert_eq!(export(ADMIN, "elsewhere").status, 404);
    assert_eq!(export(ADMIN, "1").status, 202);
    assert_eq!(export(&server.key("member"), "default").json()["error"]["code"], "PERMISSION_DENIED");
    let changed = server.json(
        "PATCH",
        "/api/v1/organizations/default",
        &json!({ "plan": { "name": "starter", "features": ["pipelines"] } }),
    );
    assert_eq!(changed.status, 200, "{}", changed.text());
    let until = Instant::now() + Duration::from_secs(5);
    // What is known of a key is believed for a second.
    while export(ADMIN, "default").status == 202 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = export(ADMIN, "default");
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (403, Some("PLAN_REQUIRED")));
}

/// A site that gives a file, and sends those who ask for `/away` there.
fn site(text: &'static str) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("it is there");
    let port = listener.local_addr().expect("it is there").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("it is there");
            let mut asked = [0_u8; 4096];
            let read = std::io::Read::read(&mut stream, &mut asked).unwrap_or(0);
            let asked = String::from_utf8_lossy(asked.get(..read).expect("it is there")).into_owned();
            let answer = if asked.starts_with("GET /away") {
                format!(
                    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/people.csv\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
            } else if asked.starts_with("GET /people.csv") {
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                    text.len()
                )
            } else {
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

#[test]
fn a_file_that_lies_somewhere_is_fetched() {
    let port = site("email,first_name\na@x.io,Ann\nb@x.io,Bob\nbad,Eve\n");
    for kind in STORES {
        let server = Server::start_with(kind, &[("DRAY_ALLOW_OUTBOUND", "127.0.0.1/32")]);
        let asked = |path: &str| json!({ "resource": "profiles", "format": "csv", "sourceUrl": format!("http://127.0.0.1:{port}{path}") });
        let done = import(&server, &asked("/people.csv?signature=secret"));
        let ledger = &done["result"]["ledger"];
        assert_eq!((&ledger["created"], &ledger["rejected"]), (&json!(2), &json!(1)), "{done}");
        let moved = import(&server, &asked("/away"));
        assert_eq!(moved["result"]["ledger"]["unchanged"], 2, "{moved}");
        let gone = import(&server, &asked("/nowhere.csv"));
        assert_eq!(
            (&gone["status"], &gone["error"]["code"]),
            (&json!("failed"), &json!("JOB_FAILED")),
            "{gone}"
        );
        assert!(gone["error"]["message"].as_str().expect("it is there").contains("404"), "{gone}");
        let audit = server.get("/api/v1/audit?limit=200").text();
        assert!(audit.contains("people.csv") && !audit.contains("signature=secret"), "{audit}");
    }
}

#[test]
fn addresses_inside_are_not_fetched() {
    let port = site("email\na@x.io\n");
    let server = Server::start(Kind::Sqlite);
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
    ] {
        let body = json!({ "resource": "profiles", "sourceUrl": format!("http://{host}:{port}/people.csv") });
        let reply = curl(&server, "/import", &body.to_string());
        if reply.status == 400 {
            assert_eq!(reply.json()["error"]["code"], "INVALID_SOURCE_URL", "{host}");
            continue;
        }
        // A name is looked up when it is fetched.
        assert_eq!(ended(&server, &job_of(&reply))["status"], "failed", "{host}");
    }
    let listed = server.get("/api/v1/objects/profiles/export?format=csv").text();
    assert_eq!(listed.lines().count(), 1, "{listed}");
}
