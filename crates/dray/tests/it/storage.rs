//! Files in a bucket: a real S3 server, which `./test` installs, beside the server under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::data_io::ended;
use crate::server::{ADMIN, Server};
use crate::support::{Kind, STORES};

const DOOR: &str = "/api/v1/orgs/default/data-io";

/// An S3 server with a bucket; it is killed when dropped.
pub(crate) struct Bucket {
    pub(crate) address: String,
    child: Child,
}

impl Bucket {
    pub(crate) fn start() -> Self {
        let program = std::env::var("DRAY_TEST_S3_SERVER").expect(
            "DRAY_TEST_S3_SERVER names the program `moto_server`: run ./test, or see CONTRIBUTING.md",
        );
        let port =
            TcpListener::bind("127.0.0.1:0").expect("it is there").local_addr().expect("it is there").port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the S3 server starts");
        let bucket = Self { address: format!("127.0.0.1:{port}"), child };
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(&bucket.address).is_err() {
            assert!(Instant::now() < until, "the S3 server does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(bucket.request("PUT", "/kept", b"").starts_with("HTTP/1.1 200"));
        bucket
    }

    /// A whole answer, as text.
    pub(crate) fn request(&self, method: &str, path: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it is there");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("it is there");
        stream.write_all(body).expect("it is there");
        let mut reader = BufReader::new(stream);
        let mut text = String::new();
        reader.read_line(&mut text).expect("it is there");
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).expect("it is there");
        text + &String::from_utf8_lossy(&rest)
    }

    /// The names of all objects.
    pub(crate) fn listed(&self) -> String {
        self.request("GET", "/kept?list-type=2", b"")
    }

    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DRAY_FILES", "s3://kept/dray".to_owned()),
            ("DRAY_S3_ENDPOINT", format!("http://{}", self.address)),
            ("DRAY_S3_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ]
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn files_of_all_doors_rest_in_a_bucket() {
    for kind in STORES {
        let bucket = Bucket::start();
        let environment = bucket.environment();
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, &**value)).collect();
        let server = Server::start_with(kind, &environment);
        // The bucket's own links: what is sent and fetched does not pass the server.
        let place = server.post(&format!("{DOOR}/uploads"), &json!({ "fileName": "a.csv" })).json();
        let upload = place["uploadUrl"].as_str().expect("it is there").to_owned();
        let path = upload.strip_prefix(&format!("http://{}", bucket.address)).expect("a link of the bucket");
        let text: String = (0..30_000).map(|row| format!("{row}@x.example,name {row}\n")).collect();
        let text = format!("email,first_name\n{text}bad,nobody\n");
        assert!(bucket.request("PUT", path, text.as_bytes()).starts_with("HTTP/1.1 200"));
        let body = json!({ "resource": "contacts", "uploadId": place["uploadId"] });
        let accepted = server.post(&format!("{DOOR}/import"), &body).json();
        let done = ended(&server, accepted["jobId"].as_str().expect("it is there"));
        assert_eq!(
            (&done["result"]["ledger"]["created"], &done["result"]["ledger"]["rejected"]),
            (&json!(30_000), &json!(1)),
            "{done}"
        );
        let failed = done["failedRowsUrl"].as_str().expect("it is there");
        let failed = bucket.request(
            "GET",
            failed.strip_prefix(&format!("http://{}", bucket.address)).expect("it is there"),
            b"",
        );
        assert!(failed.contains("bad,nobody"), "{failed}");
        assert!(!bucket.listed().contains(".parts"), "{}", bucket.listed());
        // An export, and the file of another door.
        let events = server.post("/api/v1/objects/events/records", &json!({ "name": "signup" }));
        assert_eq!(events.status, 201, "{}", events.text());
        let accepted = server.post(&format!("{DOOR}/export"), &json!({ "resource": "events" })).json();
        let done = ended(&server, accepted["jobId"].as_str().expect("it is there"));
        let link = done["downloadUrl"].as_str().unwrap_or_else(|| panic!("{done}"));
        let file = bucket.request(
            "GET",
            link.strip_prefix(&format!("http://{}", bucket.address)).expect("it is there"),
            b"",
        );
        assert!(file.contains("signup") && file.to_lowercase().contains("filename=\"events-20"), "{file}");
        let parsed = server.upload("/v1/modules/contacts/import/parse", "b.csv", b"Email\nz@x.io\n", &[]);
        assert_eq!(parsed.json()["data"]["totalRows"], 1, "{}", parsed.text());
        let planned = server.upload("/api/v1/objects/contacts/import", "c.csv", b"email\ny@x.io\nbad\n", &[]);
        assert_eq!(planned.status, 200, "{}", planned.text());
        let confirm = format!(
            "/api/v1/objects/contacts/import/{}/confirm",
            planned.json()["id"].as_str().expect("it is there")
        );
        let confirmed = server.post(&confirm, &json!({})).json();
        assert_eq!(confirmed["created"], 1, "{confirmed}");
        let failed = server.get(&format!("/api/v1/imports/{}/failed-rows", confirmed["import"]));
        assert!(failed.status == 200 && failed.text().contains("bad"), "{}", failed.text());
        let left: Vec<_> = std::fs::read_dir(server.directory.path().join("files"))
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        assert!(left.is_empty(), "with a bucket nothing is kept here: {left:?}");
    }
}

#[test]
fn a_bucket_that_is_not_there_is_told() {
    let environment = [
        ("DRAY_FILES", "s3://kept"),
        ("DRAY_S3_ENDPOINT", "http://127.0.0.1:9"),
        ("DRAY_S3_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let server = Server::start_with(Kind::Sqlite, &environment);
    let sent = server.upload("/v1/modules/contacts/import/parse", "b.csv", b"Email\nz@x.io\n", &[]);
    assert_eq!(sent.status, 503, "{}", sent.text());
    assert_eq!(server.send("GET", "/healthz", &[("x-api-key", ADMIN)], b"").status, 200);
}
