//! Files that are sent by a signed link, at once or in parts: whatever breaks off, what is kept is the file.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::server::{Reply, Server};
use crate::site::until;
use crate::support::Kind;

const DOOR: &str = "/api/v1/orgs/default/data-io";
const PART: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// The path of a new upload link, and the upload's id.
fn place(server: &Server, body: &Value) -> (String, String) {
    let place = server.post(&format!("{DOOR}/uploads"), body);
    assert_eq!(place.status, 201, "{}", place.text());
    let place = place.json();
    let link = place["uploadUrl"].as_str().and_then(|url| url.strip_prefix(&server.url)).expect("a link");
    (link.to_owned(), place["uploadId"].as_str().expect("an id").to_owned())
}

/// What is kept of an upload; `None` where nothing is.
fn kept(server: &Server, id: &str) -> Option<Vec<u8>> {
    std::fs::read(server.directory.path().join("files/default").join(id)).ok()
}

fn look(server: &Server, link: &str) -> Reply {
    server.send("HEAD", link, &[], b"")
}

/// How much came, once nobody sends any more.
fn offset(server: &Server, link: &str) -> usize {
    until("the one who was cut off to end", || {
        let told = look(server, link);
        assert!(matches!(told.status, 200 | 423), "{told:?}");
        (told.status == 200).then(|| told.header("upload-offset").parse().expect("a number"))
    })
}

fn patch(server: &Server, link: &str, from: usize, more: &[(&str, &str)], bytes: &[u8]) -> Reply {
    let from = from.to_string();
    let mut headers = vec![PART, ("tus-resumable", "1.0.0"), ("upload-offset", &from)];
    headers.extend_from_slice(more);
    server.send("PATCH", link, &headers, bytes)
}

fn digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(bytes)))
}

/// Announces all of it, sends a part, and goes away.
fn cut(server: &Server, method: &str, link: &str, headers: &str, bytes: &[u8], sent: usize) {
    let mut stream = server.connect();
    let head =
        format!("{method} {link} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n", bytes.len());
    stream.write_all(head.as_bytes()).expect("it can be sent");
    let _ = stream.write_all(bytes.get(..sent).expect("a part"));
    let _ = stream.shutdown(Shutdown::Both);
}

fn content(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        })
        .collect()
}

#[test]
fn two_hundred_cuts_and_every_file_is_whole() {
    let server = Server::start(Kind::Sqlite);
    let mut seed = 20_261_121_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below.max(1)
    };
    let (mut cuts, mut went_on) = (0, 0);
    for number in 0..40 {
        let file = content(1 + random(400_000), number);
        let (link, id) = place(&server, &json!({}));
        let sha = digest(&file);
        let (mut come, mut furthest) = (0, 0);
        for round in 0..5 {
            let rest = file.get(come..).expect("the rest");
            let sent = random(rest.len() + 1);
            let length = file.len();
            if round == 0 && number % 2 == 0 {
                cut(&server, "PUT", &link, &format!("content-digest: {sha}\r\n"), rest, sent);
            } else {
                let headers = format!(
                    "{}: {}\r\nupload-offset: {come}\r\nupload-length: {length}\r\nrepr-digest: {sha}\r\n",
                    PART.0, PART.1
                );
                cut(&server, "PATCH", &link, &headers, rest, sent);
            }
            cuts += 1;
            furthest = furthest.max(come + sent);
            // What was sent before may arrive after the question.
            let now = offset(&server, &link);
            assert!(now <= furthest, "{now} of {furthest}");
            went_on += usize::from(now > come);
            come = now;
        }
        let length = file.len().to_string();
        until("the rest to be taken", || {
            let come = offset(&server, &link);
            if come == file.len() {
                return Some(());
            }
            assert_eq!(kept(&server, &id), None, "a part is no file");
            let rest = file.get(come..).expect("the rest");
            let done = patch(&server, &link, come, &[("upload-length", &length)], rest);
            assert!(matches!(done.status, 204 | 409 | 423), "{}", done.text());
            (done.status == 204).then(|| assert_eq!(done.header("upload-offset"), length))
        });
        assert!(kept(&server, &id).is_some_and(|kept| kept == file), "file {number} is what was sent");
    }
    assert_eq!(cuts, 200);
    assert!(went_on > 100, "what came stays: {went_on}");
    let left = std::fs::read_dir(server.directory.path().join("files/default")).expect("the folder");
    assert_eq!(left.count(), 40, "no draft is left");
}

#[test]
fn parts_come_in_order_or_are_refused() {
    let server = Server::start(Kind::Sqlite);
    let file = b"email,first_name\na@x.io,Ann\nb@x.io,Bob\n".to_vec();
    let (link, id) = place(&server, &json!({ "fileName": "a.csv", "bytes": file.len() }));
    let told = look(&server, &link);
    assert_eq!((told.status, told.header("upload-offset")), (200, "0"));
    assert_eq!(told.header("upload-length"), file.len().to_string());
    assert_eq!((told.header("tus-resumable"), told.header("cache-control")), ("1.0.0", "no-store"));
    let part = |from: usize, to: usize| patch(&server, &link, from, &[], file.get(from..to).expect("a part"));
    let refused = |reply: Reply, status: u16, code: &str, at: &str| {
        assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (status, Some(code)), "{reply:?}");
        assert_eq!(look(&server, &link).header("upload-offset"), at);
    };
    assert_eq!(part(0, 10).status, 204);
    // Twice, out of order, one missing.
    let twice = part(0, 10);
    assert_eq!(twice.header("upload-offset"), "10");
    refused(twice, 409, "OFFSET_MISMATCH", "10");
    refused(part(20, file.len()), 409, "OFFSET_MISMATCH", "10");
    let import = json!({ "resource": "contacts", "uploadId": id });
    assert_eq!(server.post(&format!("{DOOR}/import"), &import).json()["error"]["code"], "UPLOAD_NOT_FOUND");
    // What is not what it says.
    let whole = digest(&file);
    let next = file.get(10..20).expect("a part");
    refused(patch(&server, &link, 10, &[("content-digest", &whole)], next), 400, "VALIDATION_ERROR", "10");
    refused(patch(&server, &link, 10, &[("upload-length", "9")], next), 400, "VALIDATION_ERROR", "10");
    refused(patch(&server, &link, 10, &[], &[b'x'; 99]), 413, "LIMIT_EXCEEDED", "10");
    refused(server.send("PATCH", &link, &[PART], next), 400, "VALIDATION_ERROR", "10");
    let of = |offset: &str| server.send("PATCH", &link, &[PART, ("upload-offset", offset)], next);
    for odd in ["", "-1", "+10", "10.0", "0x0a", "99999999999999999999"] {
        refused(of(odd), 400, "VALIDATION_ERROR", "10");
    }
    let plain = [("content-type", "text/csv"), ("upload-offset", "10")];
    refused(server.send("PATCH", &link, &plain, next), 415, "UNSUPPORTED_MEDIA_TYPE", "10");
    let other =
        server.send("PATCH", &link, &[PART, ("upload-offset", "10"), ("tus-resumable", "0.2.2")], next);
    assert_eq!(other.header("tus-version"), "1.0.0");
    refused(other, 412, "TUS_VERSION", "10");
    let of_part = digest(next);
    assert_eq!(patch(&server, &link, 10, &[("content-digest", &of_part)], next).status, 204);
    let last = patch(&server, &link, 20, &[("repr-digest", &whole)], file.get(20..).expect("a part"));
    assert_eq!((last.status, last.header("upload-offset")), (204, &*file.len().to_string()));
    assert!(kept(&server, &id).is_some_and(|kept| kept == file));
    let told = look(&server, &link);
    assert_eq!((told.status, told.header("upload-offset")), (200, &*file.len().to_string()));
    for again in [patch(&server, &link, 0, &[], &file), server.send("PUT", &link, &[], &file)] {
        assert_eq!((again.status, again.json()["error"]["code"].as_str()), (403, Some("LINK_USED")));
    }
    let accepted = server.post(&format!("{DOOR}/import"), &import).json();
    let done = crate::data_io::ended(&server, accepted["jobId"].as_str().expect("a job"));
    assert_eq!(done["result"]["ledger"]["created"], 2, "{done}");
}

#[test]
fn what_is_not_the_file_leaves_nothing_to_go_on_with() {
    let server = Server::start_with(Kind::Sqlite, &[("DRAY_FILE_BYTES", "1000")]);
    let file = content(900, 7);
    let (link, id) = place(&server, &json!({}));
    let wrong = digest(b"another");
    let ended = |reply: Reply, status: u16| {
        assert_eq!(reply.status, status, "{}", reply.text());
        assert_eq!(look(&server, &link).header("upload-offset"), "0");
        assert_eq!(kept(&server, &id), None);
    };
    ended(server.send("PUT", &link, &[("content-digest", &wrong)], &file), 400);
    ended(server.send("PUT", &link, &[], &content(1001, 1)), 413);
    let chunked = server.raw(
        format!(
            "PUT {link} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5dc\r\n{}\r\n0\r\n\r\n",
            "x".repeat(1500)
        )
        .as_bytes(),
    );
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");
    assert_eq!(look(&server, &link).header("upload-offset"), "0");
    ended(patch(&server, &link, 0, &[("upload-length", "1001")], b"x"), 413);
    let half = file.get(..450).expect("a half");
    let length = [("upload-length", "900"), ("repr-digest", &*wrong)];
    assert_eq!(patch(&server, &link, 0, &length, half).status, 204);
    ended(patch(&server, &link, 450, &[], file.get(450..).expect("a half")), 400);
    assert_eq!(server.post(&format!("{DOOR}/uploads"), &json!({ "bytes": 1001 })).status, 413);
    // The link still works.
    let sent = server.send("PUT", &link, &[("content-digest", &digest(&file))], &file);
    assert_eq!((sent.status, &sent.json()["bytes"]), (200, &json!(900)), "{}", sent.text());
    assert!(kept(&server, &id).is_some_and(|kept| kept == file));
    // A size that was announced binds.
    let (link, id) = place(&server, &json!({ "bytes": 899 }));
    assert_eq!(server.send("PUT", &link, &[], &file).status, 400);
    assert_eq!(kept(&server, &id), None);
    // Nothing is a file too.
    let (link, id) = place(&server, &json!({}));
    assert_eq!(server.send("PUT", &link, &[], b"").json()["bytes"], 0);
    assert_eq!(kept(&server, &id), Some(Vec::new()));
}

#[test]
fn one_sends_at_a_time() {
    let server = Server::start(Kind::Sqlite);
    let (link, id) = place(&server, &json!({}));
    let file = content(100_000, 3);
    let mut first = server.connect();
    let head = format!(
        "PUT {link} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        file.len()
    );
    first.write_all(head.as_bytes()).expect("it can be sent");
    first.write_all(file.get(..50_000).expect("a half")).expect("it can be sent");
    until("the first to be at it", || {
        server
            .directory
            .path()
            .join(format!("files/default/{id}.part"))
            .metadata()
            .ok()
            .filter(|about| about.len() > 0)
    });
    for second in [server.send("PUT", &link, &[], b"other"), patch(&server, &link, 0, &[], b"other")] {
        assert_eq!((second.status, second.json()["error"]["code"].as_str()), (423, Some("UPLOAD_BUSY")));
        assert_eq!(second.header("retry-after"), "2");
    }
    assert_eq!(look(&server, &link).status, 423);
    first.write_all(file.get(50_000..).expect("a half")).expect("it can be sent");
    let mut answer = String::new();
    first.read_to_string(&mut answer).expect("it is answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(kept(&server, &id).is_some_and(|kept| kept == file));
    // Of many that come at once one sends the file.
    let (link, id) = place(&server, &json!({}));
    let files: Vec<Vec<u8>> = (0..8).map(|number| content(60_000, 100 + number)).collect();
    let taken = std::thread::scope(|scope| {
        let senders: Vec<_> = files
            .iter()
            .map(|file| scope.spawn(|| server.send("PUT", &link, &[], file).status == 200))
            .collect();
        let taken: Vec<bool> = senders.into_iter().map(|sender| sender.join().expect("answered")).collect();
        files.iter().zip(taken).filter(|(_, taken)| *taken).map(|(file, _)| file).collect::<Vec<_>>()
    });
    assert_eq!(taken.len(), 1);
    assert!(kept(&server, &id).is_some_and(|kept| taken.first().is_some_and(|file| **file == kept)));
}

#[test]
fn a_server_that_died_goes_on_with_what_it_has() {
    let mut server = Server::start(Kind::Sqlite);
    let (link, id) = place(&server, &json!({}));
    let file = content(3_000_000, 9);
    let mut first = server.connect();
    let head = format!("PUT {link} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", file.len());
    first.write_all(head.as_bytes()).expect("it can be sent");
    first.write_all(file.get(..2_000_000).expect("a part")).expect("it can be sent");
    let draft = server.directory.path().join(format!("files/default/{id}.part"));
    until("a part to be there", || draft.metadata().ok().filter(|about| about.len() > 1_000_000));
    server.restart("KILL");
    let come = offset(&server, &link);
    assert!((1_000_000..=2_000_000).contains(&come), "{come}");
    assert_eq!(look(&server, &link).header("upload-length"), "3000000");
    assert_eq!(patch(&server, &link, come, &[], file.get(come..).expect("the rest")).status, 204);
    assert!(kept(&server, &id).is_some_and(|kept| kept == file));
    // A draft that nobody goes on with is swept away.
    let (link, id) = place(&server, &json!({}));
    assert_eq!(patch(&server, &link, 0, &[("upload-length", "9")], b"abc").status, 204);
    let draft = server.directory.path().join(format!("files/default/{id}.part"));
    let old = std::time::SystemTime::now() - Duration::from_secs(25 * 3600);
    std::fs::File::options()
        .write(true)
        .open(&draft)
        .and_then(|file| file.set_modified(old))
        .expect("a time");
    server.restart("TERM");
    let begun = Instant::now();
    until("the sweeper", || (!draft.exists()).then_some(()));
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(look(&server, &link).header("upload-offset"), "0");
}
