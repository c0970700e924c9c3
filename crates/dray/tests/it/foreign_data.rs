//! What comes from elsewhere is not believed: files that are not what they are called, packed too often or too
//! well, and a bucket that answers nonsense. Each ends as a sentence.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::data_io::ended;
use crate::server::{ADMIN, Server};
use crate::site::{Site, answer, raw};
use crate::support::Kind;
use crate::worker_deaths::{begin, native};

const CSV: &[u8] = b"email,first_name\na@x.io,Ann\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).expect("it can be packed");
    packed.finish().expect("it can be packed")
}

/// A zip of files that are stored as they are; the file is a link where `mode` says so.
fn zip(files: &[(&str, &[u8])], mode: u32) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let offset = out.len() as u32;
        let mut shared = Vec::new();
        for half in [20_u16, 0, 0, 0, 0] {
            shared.extend(half.to_le_bytes());
        }
        for word in [crc.sum(), bytes.len() as u32, bytes.len() as u32] {
            shared.extend(word.to_le_bytes());
        }
        shared.extend((name.len() as u16).to_le_bytes());
        shared.extend(0_u16.to_le_bytes());
        out.extend(0x0403_4b50_u32.to_le_bytes());
        out.extend(&shared);
        out.extend(name.as_bytes());
        out.extend(*bytes);
        directory.extend(0x0201_4b50_u32.to_le_bytes());
        directory.extend((3_u16 << 8 | 20).to_le_bytes());
        directory.extend(&shared);
        for half in [0_u16, 0, 0] {
            directory.extend(half.to_le_bytes());
        }
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (begin, count) = (out.len() as u32, files.len() as u16);
    out.extend(&directory);
    out.extend(0x0605_4b50_u32.to_le_bytes());
    for half in [0, 0, count, count] {
        out.extend(half.to_le_bytes());
    }
    for word in [directory.len() as u32, begin] {
        out.extend(word.to_le_bytes());
    }
    out.extend(0_u16.to_le_bytes());
    out
}

/// Files that are refused, under the name they come by, and a word of why.
fn refused() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let plain: u32 = 0o100_644;
    let inner = zip(&[("a.csv", CSV)], plain);
    let bomb = gzip(&[b"email\n".to_vec(), b"a@x.io\n".repeat(20 << 20)].concat());
    vec![
        (
            "people.csv",
            [&b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"[..], &[7; 4096]].concat(),
            "is a program",
        ),
        ("people.csv", [&b"\x7fELF\x02\x01\x01\0"[..], &[0; 4096]].concat(), "is a program"),
        ("people.csv", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n".repeat(20), "is a PDF"),
        ("people.csv", [&b"\x89PNG\r\n\x1a\n"[..], &[9; 600]].concat(), "is a picture"),
        (
            "people.csv",
            b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body></body></html>\n"
                .to_vec(),
            "is a web page",
        ),
        ("people.csv.gz", bomb, "unpacks to more than 200 times its size"),
        ("people.csv.gz", gzip(&gzip(&gzip(CSV))), "is packed more than 2 times"),
        (
            "people.zip",
            zip(&[("b.zip", &zip(&[("c.zip", &inner)], plain))], plain),
            "is packed more than 2 times",
        ),
        ("people.csv.gz", gzip(&zip(&[("b.zip", &inner)], plain)), "is packed more than 2 times"),
        ("people.zip", zip(&[("a.csv", CSV), ("b.csv", CSV)], plain), "holds 2 files"),
        ("people.zip", zip(&[("a.csv", b"/etc/passwd")], 0o120_777), "is a link"),
        ("people.csv", workbook(), "is xlsx, not csv"),
        ("people.csv.gz", gzip(CSV).into_iter().take(30).collect(), ""),
    ]
}

/// A real workbook, as this program writes it.
fn workbook() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("a.csv"), CSV).expect("it can be written");
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_dray"))
        .args(["convert", "a.csv", "a.xlsx", "--quiet"])
        .current_dir(folder.path())
        .status();
    assert!(made.expect("it runs").success());
    std::fs::read(folder.path().join("a.xlsx")).expect("it was written")
}

/// The sentence by which a job failed.
fn reason(server: &Server, body: &Value) -> String {
    let done = ended(server, &begin(server, "import", body));
    assert_eq!((&done["status"], &done["error"]["code"]), (&json!("failed"), &json!("JOB_FAILED")), "{done}");
    let why = done["error"]["message"].as_str().expect("a sentence").to_owned();
    assert!(!why.contains("panicked") && !why.contains("defect") && why.len() < 600, "{why}");
    why
}

#[test]
fn files_are_what_they_hold_and_not_what_they_are_called() {
    let files = Arc::new(refused());
    let served = Arc::clone(&files);
    let site = Site::new(move |asked, _, stream| {
        let number =
            asked.path.trim_start_matches('/').split('/').next().and_then(|text| text.parse::<usize>().ok());
        match number.and_then(|number| served.get(number)) {
            Some((_, bytes, _)) => answer(stream, "200 OK", "Content-Type: text/csv\r\n", bytes),
            None => answer(stream, "404 Not Found", "", b""),
        }
    });
    let server = Server::start_with(Kind::Sqlite, &[("DRAY_ALLOW_OUTBOUND", "127.0.0.1/32")]);
    let memory = server.peak_bytes();
    for (number, (name, bytes, word)) in files.iter().enumerate() {
        let place = server.post("/api/v1/orgs/default/data-io/uploads", &json!({ "fileName": name })).json();
        let link = place["uploadUrl"].as_str().and_then(|url| url.strip_prefix(&server.url)).expect("a link");
        assert_eq!(server.send("PUT", link, &[], bytes).status, 200);
        let sent = json!({
            "resource": "profiles", "format": "csv", "uploadId": place["uploadId"], "mode": "atomic"
        });
        let why = reason(&server, &sent);
        assert!(why.contains(word), "{number} {name}: {why}");
        let url = site.url(&format!("/{number}/{name}"));
        let why = reason(
            &server,
            &json!({ "resource": "profiles", "format": "csv", "sourceUrl": url, "mode": "atomic" }),
        );
        assert!(why.contains(word), "{number} {name}: {why}");
    }
    let listed = server.get("/api/v1/objects/profiles/export?format=csv").text();
    assert_eq!(listed.lines().count(), 1, "nothing was imported: {listed}");
    let grown = server.peak_bytes().saturating_sub(memory) >> 20;
    assert!(grown < 200, "{grown} MB more than before");
    // A page instead of a file, and a file instead of what was asked for.
    let page = Site::answering("200 OK", "<html><body>Please sign in</body></html>");
    let why = reason(&server, &json!({ "resource": "profiles", "sourceUrl": page.url("/export.csv") }));
    assert!(why.contains("is a web page"), "{why}");
    let lines = Site::answering("200 OK", "{\"email\": \"a@x.io\"}\n{\"email\": \"b@x.io\"}\n");
    let asked = json!({ "resource": "profiles", "format": "jsonl", "sourceUrl": lines.url("/export.csv") });
    let done = ended(&server, &begin(&server, "import", &asked));
    assert_eq!(done["result"]["ledger"]["created"], 2, "{done}");
}

/// A server whose files are in a bucket of this site.
fn with_bucket(site: &Site) -> Server {
    Server::start_with(
        Kind::Sqlite,
        &[
            ("DRAY_FILES", "s3://kept"),
            ("DRAY_S3_ENDPOINT", &format!("http://127.0.0.1:{}", site.port)),
            ("DRAY_S3_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("DRAY_JOB_ATTEMPTS", "2"),
        ],
    )
}

#[test]
fn a_bucket_that_answers_nonsense_ends_the_job_with_a_sentence() {
    const HEAD: &str = "ETag: \"a\"\r\nLast-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n";
    // What it answers to a GET of the file, once it has said that the file is there.
    type Answer = (&'static str, fn(&mut std::net::TcpStream));
    let answers: [Answer; 5] = [
        ("errors", |stream| {
            answer(stream, "500 Internal Server Error", "", b"<Error><Code>InternalError</Code></Error>");
        }),
        ("less than it announced", |stream| {
            raw(
                stream,
                format!(
                    "HTTP/1.1 200 OK\r\n{HEAD}Content-Length: 5000\r\nConnection: close\r\n\r\nemail\na@x.io\n"
                ),
            );
        }),
        ("no HTTP", |stream| raw(stream, "220 mail.example ESMTP\r\n")),
        ("a refusal", |stream| {
            answer(stream, "403 Forbidden", "", b"<Error><Code>AccessDenied</Code></Error>");
        }),
        ("another file", |stream| answer(stream, "200 OK", HEAD, b"<html><body>login</body></html>")),
    ];
    std::thread::scope(|scope| {
        for (what, behaviour) in answers {
            scope.spawn(move || {
                let gets = Arc::new(AtomicUsize::new(0));
                let counted = Arc::clone(&gets);
                let site = Site::new(move |asked, _, stream| match asked.method.as_str() {
                    "HEAD" => raw(
                        stream,
                        format!("HTTP/1.1 200 OK\r\n{HEAD}Content-Length: 28\r\nConnection: close\r\n\r\n"),
                    ),
                    "GET" if !asked.path.contains("list-type") => {
                        counted.fetch_add(1, Ordering::Relaxed);
                        behaviour(stream);
                    }
                    "GET" => answer(
                        stream,
                        "200 OK",
                        "Content-Type: application/xml\r\n",
                        b"<ListBucketResult><Name>",
                    ),
                    _ => answer(stream, "200 OK", HEAD, b""),
                });
                let server = with_bucket(&site);
                let key = [("x-api-key", ADMIN)];
                let place = server.send("POST", "/api/v1/orgs/default/data-io/uploads", &key, b"").json();
                let begun = Instant::now();
                let asked = json!({ "resource": "profiles", "uploadId": place["uploadId"] });
                let job = begin(&server, "import", &asked);
                let done = ended(&server, &job);
                assert_eq!(done["status"], "failed", "{what}: {done}");
                let why = done["error"]["message"].as_str().expect("a sentence");
                let wanted = if what == "another file" { "is a web page" } else { "the object storage" };
                assert!(why.contains(wanted) && why.len() < 400, "{what}: {why}");
                assert!(begun.elapsed() < Duration::from_secs(100), "{what}: {:?}", begun.elapsed());
                assert!(gets.load(Ordering::Relaxed) < 60, "{what}: it is not asked without end");
                let attempts = if what == "another file" { 1 } else { 2 };
                assert_eq!(native(&server, &job)["attempts"], attempts, "{what}");
                assert_eq!(server.send("GET", "/healthz", &[], b"").status, 200);
                let left = server.directory.path().join("files/default");
                let left: Vec<_> = std::fs::read_dir(left).into_iter().flatten().flatten().collect();
                assert!(left.is_empty(), "{what}: no copy is left: {left:?}");
            });
        }
    });
}

#[test]
fn an_export_whose_bucket_refuses_it_fails() {
    let site = Site::new(|asked, _, stream| match asked.method.as_str() {
        "GET" | "HEAD" => answer(stream, "404 Not Found", "", b""),
        _ => answer(stream, "403 Forbidden", "", b"<Error><Code>AccessDenied</Code></Error>"),
    });
    let server = with_bucket(&site);
    let job = begin(&server, "export", &json!({ "resource": "events" }));
    let done = ended(&server, &job);
    assert_eq!((&done["status"], &done["downloadUrl"]), (&json!("failed"), &Value::Null), "{done}");
    let why = done["error"]["message"].as_str().expect("a sentence");
    assert!(why.contains("the last of 2 attempts") && !why.contains("panicked"), "{why}");
}
