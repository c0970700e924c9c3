//! Buckets: a real S3 server, and ones that stall, break off, lie and change what they have.

use std::time::{Duration, Instant};

use dray::storage::{Connector, Role};
use serde_json::json;

use crate::site::{Asked, Site, answer, raw, until};
use crate::storage::Bucket;
use crate::storage_kit::{Kit, content, told};

const ACCESS: &str = "CANARYACCESSKEY";
const SECRET: &str = "Canary-4711-secret-of-s3";

fn at(endpoint: &str) -> Kit {
    let settings = json!({
        "endpoint": endpoint, "accessKeyID": ACCESS, "secretAccessKey": SECRET, "region": "us-east-1",
        "bucket": "kept",
    });
    Kit::new(Connector::S3, settings)
}

#[test]
fn files_of_a_bucket_are_read_and_written() {
    let bucket = Bucket::start();
    let kit = at(&format!("http://{}", bucket.address));
    assert!(kit.test(Role::Source).is_ok());
    // Two parts and a bit; and one that is sent at once.
    let large = content(1_700_000);
    assert!(large.len() > 17 << 20);
    for (path, lines) in
        [("large.csv", &large), ("/daily/ü %20*#?+.csv", &content(10)), ("empty.csv", &Vec::new())]
    {
        assert_eq!(kit.send(path, lines).ok(), Some(lines.len() as u64), "{path}");
        let (fetched, bytes) = kit.fetch(path).unwrap_or_else(|error| panic!("{path}: {}", told(&error)));
        assert_eq!(&bytes, lines, "{path}");
        let age = dray::clock::now() - fetched.modified;
        assert!((-5_000_000..120_000_000).contains(&age), "{path}: {age}");
    }
    let head = bucket.request("HEAD", "/kept/large.csv", b"").to_lowercase();
    assert!(head.contains("content-type: text/csv; charset=utf-8"), "{head}");
    // What is not finished is never there, and its parts are given back.
    assert!(kit.send_part("half.csv", &large, false).is_ok());
    until("the parts to be given back", || {
        let uploads = bucket.request("GET", "/kept?uploads", b"");
        (!uploads.contains("half.csv")).then_some(())
    });
    assert!(!bucket.listed().contains("half.csv"));
    assert!(kit.refused("half.csv").contains("there is no file `half.csv`"));
    let error = kit.fetch_at_most("large.csv", 1_000).map(|_| ()).expect_err("it is larger");
    assert!(error.message.contains("larger than 1000 bytes"), "{}", error.message);
    let none = at(&format!("http://{}", bucket.address)).with("bucket", "no-such-bucket");
    assert!(none.test(Role::Source).is_err_and(|error| error.message.contains("no bucket `no-such-bucket`")));
    assert!(none.send("a.csv", b"a").is_err());
}

#[test]
fn the_newest_file_of_a_bucket_is_found() {
    let bucket = Bucket::start();
    let kit = at(&format!("http://{}", bucket.address));
    let second = || dray::clock::now() / 1_000_000;
    for name in [
        "daily/users-9.csv",
        "daily/users-1.csv",
        "daily/users-0.json",
        "daily/deep/users-8.csv",
        "users-7.csv",
    ] {
        // The times of objects are whole seconds.
        assert!(kit.send(name, name.as_bytes()).is_ok());
        let sent = second();
        until("the next second", || (second() > sent).then_some(()));
    }
    let newest = |pattern: &str| kit.newest(pattern).expect("it can be listed").map(|found| found.path);
    assert_eq!(newest("daily/users-*.csv").as_deref(), Some("daily/users-1.csv"));
    assert_eq!(newest("/daily/*").as_deref(), Some("/daily/users-0.json"));
    assert_eq!(newest("*.csv").as_deref(), Some("users-7.csv"));
    assert_eq!(newest("none/*"), None);
    let found = kit.newest("daily/users-*.csv").expect("it can be listed").expect("it is there");
    assert_eq!(kit.fetch(&found.path).expect("it is there").1, b"daily/users-1.csv");
}

/// The answer of an object, from the byte that was asked for.
fn object(asked: &Asked, whole: &[u8], tag: &str) -> (String, Vec<u8>) {
    let range = asked.header("range").trim_start_matches("bytes=").trim_end_matches('-');
    let first = range.parse().unwrap_or(0_usize);
    let rest = whole.get(first..).unwrap_or_default().to_vec();
    let range = format!("Content-Range: bytes {first}-{}/{}\r\n", whole.len().saturating_sub(1), whole.len());
    let status = if first > 0 { "206 Partial Content" } else { "200 OK" };
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: \"{tag}\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n{}Content-Length: {}\r\n\
         Connection: close\r\n\r\n",
        if first > 0 { range.as_str() } else { "" },
        rest.len(),
    );
    (head, rest)
}

#[test]
fn a_bucket_that_breaks_off_is_taken_up_where_it_came_to() {
    let whole = content(40_000);
    let served = whole.clone();
    let site = Site::new(move |asked, before, stream| {
        let (head, rest) = object(asked, &served, "one");
        raw(stream, head);
        if asked.method == "GET" {
            raw(stream, if before < 2 { &rest[..rest.len() / 2] } else { &rest });
        }
    });
    let kit = at(&site.url("")).impatient();
    let (fetched, bytes) = kit.fetch("a.csv").unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!(bytes, whole);
    assert_eq!(fetched.modified, 784_111_777_000_000);
    let asked = site.asked();
    assert!(asked.len() >= 4 && asked[1].header("range").starts_with("bytes="), "{asked:?}");
    assert_eq!(asked[1].header("if-match"), "\"one\"");
    assert!(asked.iter().all(|asked| !asked.header("authorization").contains(SECRET)));
}

#[test]
fn buckets_that_do_not_what_they_say_are_told() {
    let whole = content(2_000);
    type Answer = Box<dyn Fn(&Asked, usize, &mut std::net::TcpStream) + Send + Sync>;
    let [one, two, three, four, five] = [(); 5].map(|()| whole.clone());
    let table: Vec<(&str, Answer, &str)> = vec![
        (
            "changes between two parts",
            Box::new(move |asked, before, stream| {
                let (head, rest) = object(asked, &one, if before == 0 { "one" } else { "two" });
                raw(stream, head);
                raw(stream, if before == 0 { &rest[..100] } else { &rest });
            }),
            "changed while it was read",
        ),
        (
            "says that it is another",
            Box::new(move |asked, before, stream| {
                if before > 0 {
                    return answer(stream, "412 Precondition Failed", "", b"");
                }
                let (head, rest) = object(asked, &two, "one");
                raw(stream, head);
                raw(stream, &rest[..100]);
            }),
            "changed while it was read",
        ),
        (
            "is another when it has been read",
            Box::new(move |asked, _, stream| {
                let (head, rest) = object(asked, &three, if asked.method == "HEAD" { "two" } else { "one" });
                raw(stream, head);
                if asked.method == "GET" {
                    raw(stream, rest);
                }
            }),
            "changed while it was read",
        ),
        (
            "announces more than it has",
            Box::new(move |asked, _, stream| {
                let (head, rest) = object(asked, &four, "one");
                raw(stream, head);
                raw(stream, &rest[..10]);
            }),
            "broke off",
        ),
        (
            "says nothing",
            Box::new(|_, _, _| std::thread::sleep(Duration::from_secs(5))),
            "in time|nothing came",
        ),
        (
            "stops in the middle",
            Box::new(move |asked, _, stream| {
                let (head, rest) = object(asked, &five, "one");
                raw(stream, head);
                raw(stream, &rest[..10]);
                std::thread::sleep(Duration::from_secs(5));
            }),
            "in time|nothing came",
        ),
        (
            "is none of S3",
            Box::new(|_, _, stream| answer(stream, "200 OK", "", b"<html>hello</html>")),
            "none of S3",
        ),
        (
            "refuses the key and repeats it",
            Box::new(|_, _, stream| {
                let body = format!(
                    "<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>{ACCESS}</AWSAccessKeyId></Error>"
                );
                answer(stream, "403 Forbidden", "", body.as_bytes());
            }),
            "refuses the access key",
        ),
        (
            "leads elsewhere",
            Box::new(|_, _, stream| {
                answer(stream, "301 Moved", "Location: http://169.254.169.254/\r\n", b"");
            }),
            "answered 301",
        ),
        (
            "is not well",
            Box::new(|_, _, stream| answer(stream, "503 Slow Down", "", ACCESS.as_bytes())),
            "answered 503",
        ),
    ];
    for (what, behaviour, says) in table {
        let site = Site::new(move |asked, before, stream| behaviour(asked, before, stream));
        let begun = Instant::now();
        let told = at(&site.url("")).impatient().refused("a.csv");
        assert!(says.split('|').any(|says| told.contains(says)), "{what}: {told}");
        assert!(!told.contains(SECRET) && !told.contains(ACCESS), "{what}: {told}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}", begun.elapsed());
    }
}

#[test]
fn endpoints_lead_nowhere_inside() {
    let bucket = Site::answering("200 OK", "");
    for endpoint in [
        bucket.url(""),
        format!("http://localhost:{}", bucket.port),
        format!("http://2130706433:{}", bucket.port),
        "http://169.254.169.254".to_owned(),
    ] {
        for path_style in [true, false] {
            let kit = at(&endpoint).outside_only().impatient().with("pathStyle", path_style);
            let error = kit.test(Role::Source).map(|_| ()).expect_err(&endpoint);
            let told = told(&error);
            assert!(
                told.contains("is not asked")
                    || told.contains("pathStyle")
                    || told.contains("cannot be reached"),
                "{endpoint}: {told}"
            );
        }
    }
    assert_eq!(bucket.connections(), 0);
    let gone = at("http://127.0.0.1:9").impatient();
    assert!(gone.test(Role::Source).is_err_and(|error| error.message.contains("cannot be reached")));
    assert!(gone.send("a.csv", b"a").is_err());
}
