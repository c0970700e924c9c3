//! HTTP servers as storages: their headers are sent, redirects are not followed, and a file that is not finished
//! never arrives.

use std::time::{Duration, Instant};

use dray::storage::{Connector, Role};
use serde_json::json;

use crate::site::{Site, answer, raw, until};
use crate::storage_kit::{Kit, content, told};

const SECRET: &str = "Canary-4711-secret-of-http";

fn at(connector: Connector, site: &Site) -> Kit {
    let settings = json!({
        "scheme": "http", "host": "127.0.0.1", "port": site.port,
        "headers": [{ "key": "X-Api-Key", "value": SECRET }, { "key": "Accept", "value": "text/csv" }],
    });
    Kit::new(connector, settings)
}

#[test]
fn a_file_is_read_with_the_headers_of_the_connection() {
    let whole = content(30_000);
    let served = whole.clone();
    let site = Site::new(move |asked, _, stream| match asked.path.as_str() {
        "/a%20b.csv?x=y" => {
            answer(stream, "200 OK", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", &served);
        }
        _ => answer(stream, "200 OK", "", b"now"),
    });
    let kit = at(Connector::HttpGet, &site);
    let (fetched, bytes) = kit.fetch("/a%20b.csv?x=y").unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!((bytes, fetched.modified), (whole, 784_111_777_000_000));
    let (fetched, _) = kit.fetch("now.csv").expect("it is there");
    assert!((dray::clock::now() - fetched.modified).abs() < 60_000_000);
    for asked in site.asked() {
        assert_eq!((asked.header("x-api-key"), asked.header("accept")), (SECRET, "text/csv"));
        assert_eq!(asked.method, "GET");
    }
    assert!(kit.test(Role::Source).is_ok());
    assert_eq!(
        site.asked().last().map(|asked| (asked.method.clone(), asked.header("x-api-key").to_owned())),
        Some(("HEAD".to_owned(), SECRET.to_owned()))
    );
    assert!(
        kit.newest("users-*.csv").is_err_and(|error| error.message.contains("cannot be asked which files"))
    );
}

#[test]
fn a_server_that_breaks_off_is_taken_up_where_it_came_to() {
    let whole = content(30_000);
    let served = whole.clone();
    let site = Site::new(move |asked, before, stream| {
        let first: usize =
            asked.header("range").trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0);
        let rest = &served[first..];
        let status = if first > 0 {
            format!("206 Partial\r\nContent-Range: bytes {first}-{}/{}", served.len() - 1, served.len())
        } else {
            "200 OK".to_owned()
        };
        raw(
            stream,
            format!(
                "HTTP/1.1 {status}\r\nETag: \"one\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                rest.len()
            ),
        );
        raw(stream, if before < 2 { &rest[..rest.len() / 2] } else { rest });
    });
    let kit = at(Connector::HttpGet, &site).impatient();
    assert_eq!(kit.fetch("a.csv").unwrap_or_else(|error| panic!("{}", told(&error))).1, whole);
    let asked = site.asked();
    assert!(asked.len() == 3 && asked.iter().all(|asked| asked.header("x-api-key") == SECRET), "{asked:?}");
}

#[test]
fn servers_that_do_not_what_they_say_are_told() {
    let other = Site::answering("200 OK", "other");
    let to = other.url("/stolen");
    let site = Site::new(move |asked, _, stream| match asked.path.as_str() {
        "/redirect" => answer(stream, "302 Found", &format!("Location: {to}\r\n"), b""),
        "/none" => answer(stream, "404 Not Found", "", SECRET.as_bytes()),
        "/denied" => answer(stream, "403 Forbidden", "", SECRET.as_bytes()),
        "/part" => answer(stream, "206 Partial Content", "Content-Range: bytes 0-2/9\r\n", b"abc"),
        "/lies" => raw(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nConnection: close\r\n\r\nshort"),
        "/stalls" => {
            raw(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nshort");
            std::thread::sleep(Duration::from_secs(5));
        }
        "/silent" => std::thread::sleep(Duration::from_secs(5)),
        _ => answer(stream, "200 OK", "", &[b'a'; 5_000]),
    });
    let kit = at(Connector::HttpGet, &site).impatient();
    for (path, says) in [
        ("/redirect", "302"),
        ("/none", "404"),
        ("/denied", "headers"),
        ("/part", "206"),
        ("/lies", "5 of 5000 bytes"),
        ("/stalls", "nothing came"),
        ("/silent", "did not answer in time"),
        ("/%5z", "hexadecimal"),
    ] {
        let begun = Instant::now();
        let told = kit.refused(path);
        assert!(told.contains(says), "{path}: {told}");
        assert!(!told.contains(SECRET), "{path}: {told}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{path}");
    }
    assert_eq!(other.connections(), 0, "a redirect was followed");
    let error = kit.fetch_at_most("/large", 4_999).map(|_| ()).expect_err("it is larger");
    assert!(error.message.contains("larger than 4999 bytes"), "{}", error.message);
    let inside = at(Connector::HttpGet, &site).outside_only();
    let before = site.connections();
    assert!(inside.refused("/a").contains("is not asked"));
    assert!(inside.test(Role::Source).is_err_and(|error| error.message.contains("is not asked")));
    assert_eq!(site.connections(), before);
}

#[test]
fn a_file_is_sent_whole_or_not_at_all() {
    let site = Site::new(|asked, _, stream| match asked.path.as_str() {
        "/made" => answer(stream, "201 Created", "", b""),
        "/denied" => answer(stream, "403 Forbidden", "", SECRET.as_bytes()),
        "/elsewhere" => answer(stream, "307 Elsewhere", "Location: /made\r\n", b""),
        "/silent" => std::thread::sleep(Duration::from_secs(10)),
        _ => answer(stream, "200 OK", "", b""),
    });
    let kit = at(Connector::HttpPost, &site).impatient();
    assert!(kit.test(Role::Destination).is_ok());
    let before = site.asked().len();
    let large = content(200_000);
    for (path, lines) in [("/in?name=a", large.as_slice()), ("/made", b"small"), ("/empty", b"")] {
        assert_eq!(kit.send(path, lines).ok(), Some(lines.len() as u64), "{path}");
        let asked = site.asked().pop().expect("it came");
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", path));
        assert_eq!(asked.body, lines, "{path}");
        assert_eq!(asked.header("content-type"), "text/csv; charset=UTF-8");
        assert_eq!(asked.header("x-api-key"), SECRET);
    }
    let connections = site.connections();
    assert!(kit.send_part("/half", &large, false).is_ok());
    until("the connection", || (site.connections() > connections).then_some(()));
    for (path, says) in [("/denied", "403"), ("/elsewhere", "307"), ("/silent", "does not answer in time")] {
        let error = kit.send(path, b"small").expect_err(path);
        assert!(told(&error).contains(says) && !told(&error).contains(SECRET), "{path}: {}", told(&error));
    }
    let paths: Vec<String> = site.asked().into_iter().skip(before).map(|asked| asked.path).collect();
    assert_eq!(paths, ["/in?name=a", "/made", "/empty", "/denied", "/elsewhere", "/silent"]);
    let inside = at(Connector::HttpPost, &site).outside_only();
    assert!(inside.send("/a", b"x").is_err());
}
