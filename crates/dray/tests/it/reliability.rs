//! What is promised when things go wrong or become too many: stops, floods, slow senders, exports beside writers.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{ADMIN, Server};
use crate::support::{Kind, STORES};

const PARSE: &str = "/v1/modules/contacts/import/parse";

fn csv(rows: usize, of: &str) -> Vec<u8> {
    let rows = (0..rows).map(|row| format!("{row}@{of}.example,name {row},some notes about row {row}\n"));
    std::iter::once("Email,Name,Notes\n".to_owned()).chain(rows).collect::<String>().into_bytes()
}

/// Has a file imported in the background with this key; returns the job's name.
fn begin(server: &Server, key: &str, file: &str) -> String {
    let body = json!({ "fileId": file, "columnMapping": [
        { "sourceColumn": "Email", "targetFieldSlug": "email" },
        { "sourceColumn": "Name", "targetFieldSlug": "displayName" },
        { "sourceColumn": "Notes", "targetFieldSlug": "notes" },
    ] });
    let begun = server.json_as(key, "POST", "/v1/modules/contacts/import/execute", &body);
    assert_eq!(begun.status, 200, "{}", begun.text());
    begun.json()["data"]["importJobId"].as_str().unwrap_or_default().to_owned()
}

fn upload(server: &Server, key: &str, content: &[u8]) -> crate::server::Reply {
    let mut body =
        b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n".to_vec();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--x--\r\n");
    let headers =
        [("authorization", &*format!("Bearer {key}")), ("content-type", "multipart/form-data; boundary=x")];
    server.send("POST", PARSE, &headers, &body)
}

fn file_of(reply: &crate::server::Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["data"]["fileId"].as_str().unwrap_or_default().to_owned()
}

fn job(server: &Server, key: &str, id: &str) -> Value {
    let reply = server.json_as(key, "GET", &format!("/v1/modules/contacts/import/jobs/{id}"), &Value::Null);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["data"].clone()
}

/// The second organization of a server, by its key.
fn other(server: &Server) -> String {
    let made = server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "Acme" })).json();
    made["secret"].as_str().unwrap_or_default().to_owned()
}

/// What is asked of a server that may be gone: a status, or 0.
fn ready(server: &Server) -> u16 {
    let address = server.url.trim_start_matches("http://");
    let asked = std::net::TcpStream::connect(address).and_then(|mut stream| {
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    });
    let status = asked.ok().and_then(|answer| answer.split(' ').nth(1)?.parse().ok());
    status.unwrap_or(0)
}

#[test]
fn a_server_asked_to_stop_says_so_first_and_loses_no_job() {
    for kind in STORES {
        let mut server = Server::start(kind);
        let file = file_of(&upload(&server, ADMIN, &csv(60_000, "a")));
        let begun = begin(&server, ADMIN, &file);
        let until = Instant::now() + Duration::from_secs(60);
        while job(&server, ADMIN, &begun)["status"] != "processing" && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(ready(&server), 200);
        server.signal("TERM");
        let mut seen = Vec::new();
        loop {
            let status = ready(&server);
            if seen.last() != Some(&status) {
                seen.push(status);
            }
            if status == 0 {
                break;
            }
        }
        assert!(matches!(seen[..], [200, 503, 0] | [503, 0] | [200, 0] | [0]), "{kind:?}: {seen:?}");
        assert!(server.ended_within(Duration::from_secs(15)), "{kind:?}: it ends");
        server.start_again();
        let until = Instant::now() + Duration::from_secs(120);
        let ended = loop {
            let job = job(&server, ADMIN, &begun);
            if job["status"] == "completed" || Instant::now() > until {
                break job;
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(ended["status"], "completed", "{kind:?}: {ended}");
        let total = server.get("/api/v1/objects/contacts/records?limit=1&filter_field=email&filter_operator=eq&filter_value=59999@a.example");
        assert_eq!(total.json()["total"], 1, "{kind:?}");
    }
}

#[test]
fn a_job_is_there_exactly_if_it_was_asked_for() {
    for kind in STORES {
        let mut server = Server::start(kind);
        let answered = AtomicUsize::new(0);
        for round in 0..4_u64 {
            let ended = AtomicBool::new(false);
            let before = answered.load(Ordering::Relaxed);
            std::thread::scope(|scope| {
                let asking = scope.spawn(|| {
                    while !ended.load(Ordering::Relaxed) {
                        let body = br#"{"module":"contacts","format":"csv"}"#;
                        let head = format!(
                            "POST /v1/export-jobs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN}\r\n\
                             content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                            body.len()
                        );
                        let address = server.url.trim_start_matches("http://");
                        let asked = std::net::TcpStream::connect(address).and_then(|mut stream| {
                            stream.write_all(head.as_bytes())?;
                            stream.write_all(body)?;
                            let mut answer = String::new();
                            stream.read_to_string(&mut answer).map(|_| answer)
                        });
                        let is_promised = asked.is_ok_and(|answer| answer.contains(" 202 "));
                        answered.fetch_add(usize::from(is_promised), Ordering::Relaxed);
                    }
                });
                let until = Instant::now() + Duration::from_secs(60);
                while answered.load(Ordering::Relaxed) == before {
                    assert!(Instant::now() < until, "{kind:?}: nothing is promised");
                    std::thread::sleep(Duration::from_millis(5));
                }
                std::thread::sleep(Duration::from_millis(37 * round));
                server.signal("KILL");
                ended.store(true, Ordering::Relaxed);
                asking.join().expect("whoever asks comes to an end");
            });
            server.restart("KILL");
        }
        let answered = answered.into_inner();
        let jobs = || {
            let jobs = server.get("/api/v1/jobs?limit=1000").json();
            jobs["jobs"].as_array().cloned().unwrap_or_default()
        };
        assert!(jobs().len() >= answered, "{kind:?}: {answered} were promised");
        assert!(jobs().len() <= answered + 4, "{kind:?}: at most one for each time the server was killed");
        let until = Instant::now() + Duration::from_secs(120);
        let is_open = |job: &Value| matches!(job["status"].as_str(), Some("pending" | "running"));
        while jobs().iter().any(is_open) {
            assert!(Instant::now() < until, "{kind:?}: jobs end: {:?}", jobs());
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(jobs().iter().all(|job| job["status"] == "completed"), "{kind:?}: {:?}", jobs());
    }
}

#[test]
fn many_uploads_at_once_are_taken_or_sent_away() {
    let server = Server::start(Kind::Sqlite);
    let content = csv(8_000, "x");
    assert!(content.len() > 300_000);
    let before = server.peak_bytes();
    let over = AtomicBool::new(false);
    let (replies, slowest) = std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..300).map(|_| scope.spawn(|| upload(&server, ADMIN, &content))).collect();
        let watching = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                assert_eq!(server.send("GET", "/healthz", &[], b"").status, 200);
                slowest = slowest.max(begun.elapsed());
            }
            slowest
        });
        let replies: Vec<_> = uploads.into_iter().map(|upload| upload.join().expect("answered")).collect();
        over.store(true, Ordering::Relaxed);
        (replies, watching.join().expect("it answers"))
    });
    let taken = replies.iter().filter(|reply| reply.status == 200).count();
    assert!(taken > 0, "some are taken");
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert!(matches!(reply.status, 429 | 503), "{}: {}", reply.status, reply.text());
        assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    }
    // The test itself keeps both cores busy; alone it is a millisecond.
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    let grown = server.peak_bytes().saturating_sub(before) >> 20;
    // Sixteen work at once, each with the cache and the batches of its plan; without a bound it would be gigabytes.
    assert!(grown < 16 * 25, "{grown} MB more than before");
}

#[test]
fn a_small_organization_does_not_wait_for_a_large_one() {
    for kind in STORES {
        let server = Server::start(kind);
        let small = other(&server);
        let of_small = file_of(&upload(&server, &small, &csv(50_001, "small")));
        let file = file_of(&upload(&server, ADMIN, &csv(150_000, "large")));
        let large: Vec<String> = (0..12).map(|_| begin(&server, ADMIN, &file)).collect();
        let until = Instant::now() + Duration::from_secs(30);
        while job(&server, ADMIN, &large[0])["status"] == "pending" && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let asked = Instant::now();
        let mine = begin(&server, &small, &of_small);
        while job(&server, &small, &mine)["status"] == "pending" {
            assert!(asked.elapsed() < Duration::from_secs(10), "{kind:?}: it waits for the others");
            std::thread::sleep(Duration::from_millis(20));
        }
        let last = job(&server, ADMIN, &large[11]);
        let has_work = ["pending", "processing"].iter().any(|status| last["status"] == *status);
        assert!(has_work, "{kind:?}: the large one still has work: {last}");
    }
}

#[test]
fn a_server_that_cannot_start_says_why() {
    for kind in STORES {
        let server = Server::start(kind);
        let address = server.url.trim_start_matches("http://").to_owned();
        let files = server.directory.path().join("files");
        let mut second = server.command(&["serve", "--listen", &address]);
        let second = second.env("DRAY_FILES", files).output().expect("the program runs");
        let told = String::from_utf8_lossy(&second.stderr);
        assert!(told.contains("cannot be listened to") && !told.contains("panicked"), "{kind:?}: {told}");
        assert_ne!(second.status.code(), Some(0), "{kind:?}");
    }
}

#[test]
fn a_body_that_stops_arriving_ends_its_request() {
    let server = Server::start_with(Kind::Sqlite, &[("DRAY_BODY_SECONDS", "1")]);
    let key = format!("authorization: Bearer {ADMIN}\r\n");
    let json = "content-type: application/json\r\ncontent-length: 100\r\n\r\n{\"records\": [";
    let form = "content-type: multipart/form-data; boundary=x\r\ncontent-length: 9000000\r\n\r\n--x\r\n\
                Content-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nemail\na@x.io\n";
    let once = format!("idempotency-key: a\r\n{json}");
    for (path, rest) in [
        ("/api/v1/import/contacts", json),
        ("/api/v1/import/contacts", &*once),
        (PARSE, form),
        ("/api/v1/objects/contacts/import", form),
    ] {
        let begun = Instant::now();
        let answer = server.raw(format!("POST {path} HTTP/1.1\r\nhost: x\r\n{key}{rest}").as_bytes());
        assert!(answer.contains(" 408 ") && answer.contains("TOO_SLOW"), "{path}: {answer}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{path}: {:?}", begun.elapsed());
    }
    let begun = Instant::now();
    server.raw(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow");
    assert!(begun.elapsed() < Duration::from_secs(8), "a head that stops ends too");
    let files = server.directory.path().join("files").join("default");
    let left = std::fs::read_dir(files).map_or(0, |entries| entries.flatten().count());
    assert_eq!(left, 0, "nothing of what broke off is kept");
}

#[test]
fn an_export_shows_one_moment() {
    for kind in STORES {
        let server = Server::start(kind);
        let entries = json!({ "name": "entries", "label": "Entries", "fields": [
            { "name": "amount", "type": "integer" } ] });
        assert_eq!(server.post("/api/v1/objects", &entries).status, 201);
        let pair = |amount: i64| json!({ "records": [{ "amount": amount }, { "amount": -amount }] });
        server.post("/api/v1/import/entries", &pair(1));
        let over = AtomicBool::new(false);
        let counts = std::thread::scope(|scope| {
            for writer in 0..2 {
                let (server, over) = (&server, &over);
                scope.spawn(move || {
                    let mut amount = writer + 2;
                    while !over.load(Ordering::Relaxed) {
                        let written = server.post("/api/v1/import/entries", &pair(amount));
                        assert_eq!(written.json()["created"], 2, "{}", written.text());
                        amount += 2;
                    }
                });
            }
            let until = Instant::now() + Duration::from_secs(4);
            let mut counts = Vec::new();
            while Instant::now() < until {
                let file = server.get("/api/v1/objects/entries/export?format=csv&fields=amount").text();
                let amounts: Vec<i64> = file
                    .lines()
                    .skip(1)
                    .map(|line| line.trim().trim_start_matches('\'').parse().expect("a number"))
                    .collect();
                assert_eq!(amounts.iter().sum::<i64>(), 0, "{kind:?}: both of a pair or none");
                counts.push(amounts.len());
            }
            over.store(true, Ordering::Relaxed);
            counts
        });
        assert!(
            counts.len() > 3 && counts.first() < counts.last(),
            "{kind:?}: records came meanwhile: {counts:?}"
        );
    }
}
