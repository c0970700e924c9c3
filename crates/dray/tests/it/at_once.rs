//! What happens at the same time: an undo beside an import, and readers who go away in the middle.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::data_io::{DOOR, ended, send_file};
use crate::server::{ADMIN, Server};
use crate::support::{Kind, STORES};

fn rows(from: usize, to: usize) -> String {
    let mut text = String::from("email,first_name\n");
    (from..to).for_each(|row| text.push_str(&format!("{row}@x.example,name {row}\n")));
    text
}

/// Begins an import; the job.
fn begin(server: &Server, text: &str) -> String {
    let upload = send_file(server, "contacts.csv", text.as_bytes());
    let asked = json!({ "resource": "contacts", "uploadId": upload });
    let job = server.post(&format!("{DOOR}/import"), &asked).json();
    job["jobId"].as_str().unwrap_or_else(|| panic!("{job}")).to_owned()
}

fn total(server: &Server) -> i64 {
    server.get("/api/v1/objects/contacts/records?limit=1").json()["total"].as_i64().unwrap_or(-1)
}

#[test]
fn an_undo_beside_an_import_takes_back_its_own_rows_only() {
    for kind in STORES {
        let server = Server::start(kind);
        let first = begin(&server, &rows(0, 500));
        assert_eq!(ended(&server, &first)["status"], "completed");
        let job = server.get(&format!("/api/v1/jobs/{}", first.trim_start_matches("job_"))).json();
        let undo = format!("/api/v1/imports/{}/undo", job["import"]);
        let second = begin(&server, &rows(500, 60_500));
        let until = Instant::now() + Duration::from_secs(120);
        let undone = loop {
            let answer = server.post(&undo, &json!({}));
            if answer.status == 200 {
                break answer.json();
            }
            assert!(matches!(answer.status, 409 | 503), "{kind:?}: {}", answer.text());
            assert!(Instant::now() < until, "{kind:?}: {}", answer.text());
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(undone["deleted"], 500, "{kind:?}: {undone}");
        let done = ended(&server, &second);
        assert_eq!(done["result"]["ledger"]["created"], 60_000, "{kind:?}: {done}");
        assert_eq!(total(&server), 60_000, "{kind:?}");
        assert_eq!(server.post(&undo, &json!({})).status, 409, "{kind:?}: it was taken back already");
    }
}

#[test]
fn readers_who_go_away_leave_nothing_behind() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let server = Server::start(kind);
        let job = begin(&server, &rows(0, 100_000));
        assert_eq!(ended(&server, &job)["status"], "completed");
        let address = server.url.trim_start_matches("http://");
        // More than there are sessions with the store.
        for _ in 0..40 {
            let mut stream = TcpStream::connect(address).expect("it answers");
            let head = format!(
                "GET /api/v1/objects/contacts/export?format=csv HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).expect("it listens");
            let mut begun = [0; 64];
            stream.read_exact(&mut begun).expect("it begins");
            assert!(begun.starts_with(b"HTTP/1.1 200"), "{kind:?}");
        }
        let asked = Instant::now();
        for _ in 0..20 {
            assert_eq!(total(&server), 100_000, "{kind:?}");
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{kind:?}: {:?}", asked.elapsed());
        let whole = server.get("/api/v1/objects/contacts/export?format=csv&fields=email").text();
        assert_eq!(whole.lines().count(), 100_001, "{kind:?}");
        assert!(!server.log().contains("panicked"), "{kind:?}");
    }
}
