//! Requests to others: what leads inside is never asked, in whatever spelling, and whatever a server does, a
//! fetch ends with the right file or with a sentence that says what happened.

use std::collections::HashMap;
use std::net::{IpAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dray::outbound::address::{Guard, parse_ranges};
use dray::outbound::client::{Call, Limits, Outbound};
use dray::outbound::fetch::{FetchLimits, FetchWatch, Fetched, Wanted, fetch_to_path};
use dray::outbound::resolve::{Found, Lookup};
use dray_model::ErrorKind;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};

use crate::site::{Site, answer, raw};

/// Names and what they stand for; a name with several answers gives one after the other.
#[derive(Default)]
struct Names {
    known: HashMap<&'static str, Vec<Vec<&'static str>>>,
    asked: Mutex<HashMap<String, usize>>,
}

impl Lookup for Names {
    fn lookup(&self, host: String) -> Found {
        let mut asked = self.asked.lock().expect("no test panicked here");
        let before = asked.entry(host.clone()).or_default();
        let answers = self.known.get(host.trim_end_matches('.'));
        let answer = answers.and_then(|answers| answers.get(*before).or(answers.last()));
        *before += 1;
        let found = match answer {
            Some(addresses) => {
                Ok(addresses.iter().map(|text| text.parse::<IpAddr>().expect("a number")).collect())
            }
            None => Err(std::io::Error::other("no such name")),
        };
        Box::pin(async move { found })
    }
}

fn limits() -> Limits {
    Limits {
        answer: Duration::from_secs(5),
        idle: Duration::from_secs(5),
        whole: Duration::from_secs(10),
        bytes: 1 << 20,
        redirects: 5,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts")
}

/// Asks an address; the status of the answer, or what is told.
fn ask(outbound: &Outbound, url: &str) -> Result<u16, String> {
    ask_with(outbound, url, HeaderMap::new())
}

fn ask_with(outbound: &Outbound, url: &str, headers: HeaderMap) -> Result<u16, String> {
    runtime().block_on(async {
        let url = outbound.address(url).map_err(|fault| fault.to_string())?;
        let call = Call { method: Method::GET, url, headers, body: None, limits: limits() };
        outbound.send(call).await.map(|reply| reply.status().as_u16()).map_err(|fault| fault.to_string())
    })
}

/// Loopback is allowed, for sites of the tests.
fn open() -> Outbound {
    Outbound::new(Guard::new(parse_ranges(&["127.0.0.0/8".to_owned()]).expect("a range"))).expect("a client")
}

/// Addresses that lead inside; `PORT` is one where somebody listens.
const INSIDE: &[&str] = &[
    "http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT",
    "http://127.0.0.2:PORT/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://127.255.255.254:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://2130706433:PORT/",
    "http://2130706433.:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7F.0x0.0x0.0x1:PORT/",
    "http://0x7f.1:PORT/",
    "http://017700000001:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://0177.0.0.01:PORT/",
    "http://00000177.0.0.1:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "http://0177.0x0.0.1:PORT/",
    "http://127.0.0.0x1:PORT/",
    "http://0:PORT/",
    "http://0.0.0.0:PORT/",
    "http://0x0:PORT/",
    "http://0.0.0.1:PORT/",
    "http://１２７.０.０.１:PORT/",
    "http://①②⑦.⓪.⓪.①:PORT/",
    "http://127。0。0。1:PORT/",
    "http://%31%32%37.0.0.1:PORT/",
    "http://12%37.0.0.1:PORT/",
    "http:127.0.0.1:PORT/",
    "http:/127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT\\",
    "http://\t127.0.0.1:PORT/",
    "  http://127.0.0.1:PORT/  ",
    "HTTP://127.0.0.1:PORT/",
    "http://user@127.0.0.1:PORT/",
    "http://user:password@127.0.0.1:PORT/",
    "http://public.test@127.0.0.1:PORT/",
    "http://public.test:80@127.0.0.1:PORT/",
    "http://public.test%40@127.0.0.1:PORT/",
    "http://1.1.1.1@127.0.0.1:PORT/",
    "http://public.test\\@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@public.test/",
    "http://127.0.0.1:PORT?@public.test/",
    "http://127.0.0.1:PORT\\@public.test/",
    "http://[::1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT/",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[64:ff9b::127.0.0.1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:PORT/",
    "http://[fe80::1]:PORT/",
    "http://[fc00::1]:PORT/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[ff02::1]:PORT/",
    "http://[fe80::1%25eth0]:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254.:80/latest/",
    "http://2852039166/latest/meta-data/",
    "http://0xA9FEA9FE/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://0251.0376.0251.0376/",
    "http://[::ffff:169.254.169.254]/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/metadata",
    "http://192.0.0.192/opc/v1/",
    "http://169.254.170.2/v2/credentials",
    "http://10.0.0.1:PORT/",
    "http://10.1:PORT/",
    "http://172.16.0.1:PORT/",
    "http://192.168.1.1:PORT/",
    "http://192.168.257:PORT/",
    "http://100.64.0.1:PORT/",
    "http://198.18.0.1:PORT/",
    "http://224.0.0.1:PORT/",
    "http://255.255.255.255:PORT/",
    "http://localhost:PORT/",
    "http://LOCALHOST:PORT/",
    "http://localhost.:PORT/",
    "http://loc%61lhost:PORT/",
    "http://private.test:PORT/",
    "http://private.test.:PORT/",
    "http://PRIVATE.test:PORT/",
    "http://mapped.test:PORT/",
    "http://metadata.test/",
    "http://mixed.test:PORT/",
    "http://mixed-other-way.test:PORT/",
    "http://six.test:PORT/",
    "https://private.test:PORT/",
    "https://127.0.0.1:PORT/",
    "ftp://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_x",
    "dict://127.0.0.1:PORT/",
    "ldap://127.0.0.1:PORT/",
    "unix:///var/run/docker.sock",
    "data:text/csv,a",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    "http://",
    "http://:PORT/",
    "http://./",
    "",
];

fn names() -> Names {
    let known = HashMap::from([
        ("localhost", vec![vec!["127.0.0.1", "::1"]]),
        ("private.test", vec![vec!["10.0.0.5"]]),
        ("mapped.test", vec![vec!["::ffff:127.0.0.1"]]),
        ("metadata.test", vec![vec!["169.254.169.254"]]),
        ("mixed.test", vec![vec!["127.0.0.1", "93.184.216.34"]]),
        ("mixed-other-way.test", vec![vec!["93.184.216.34", "127.0.0.1"]]),
        ("six.test", vec![vec!["fd12::1"]]),
        ("changes.test", vec![vec!["127.0.0.3"], vec!["127.0.0.1"]]),
    ]);
    Names { known, ..Names::default() }
}

#[test]
fn what_leads_inside_is_never_asked_in_any_spelling() {
    let listeners: Vec<TcpListener> = ["127.0.0.1:0", "127.0.0.2:0", "[::1]:0"]
        .iter()
        .filter_map(|address| TcpListener::bind(address).ok())
        .collect();
    assert!(listeners.len() >= 2, "somebody listens");
    assert!(INSIDE.len() >= 70);
    let outbound = Outbound::with_lookup(Guard::default(), Arc::new(names())).expect("a client");
    for listener in &listeners {
        listener.set_nonblocking(true).expect("it can be asked");
        let port = listener.local_addr().expect("it has an address").port();
        for address in INSIDE {
            let url = address.replace("PORT", &port.to_string());
            let told = ask(&outbound, &url).expect_err(&format!("{url} was asked"));
            let is_refusal =
                told.contains("is not asked") || told.contains("address") || told.contains("no such name");
            assert!(is_refusal, "{url}: {told}");
            // Whatever a name stands for inside is nobody's business.
            assert!(!told.contains("10.0.0.5") && !told.contains("password"), "{url}: {told}");
        }
    }
    for listener in &listeners {
        assert!(listener.accept().is_err(), "somebody was asked");
    }
}

#[test]
fn the_machines_own_names_lead_inside_too() {
    let told =
        ask(&Outbound::new(Guard::default()).expect("a client"), "http://localhost:9/").expect_err("refused");
    assert!(told.contains("is not asked"), "{told}");
    let told = ask(&open(), "http://no-such-name.invalid/").expect_err("there is none");
    assert!(told.contains("cannot be reached") || told.contains("in time"), "{told}");
}

#[test]
fn redirects_are_checked_one_by_one() {
    let site = Site::new(|asked, _, stream| {
        let to = match asked.path.as_str() {
            "/relative" => "/end".to_owned(),
            "/loop" => "/loop".to_owned(),
            path if path.starts_with("/to?") => path.trim_start_matches("/to?").to_owned(),
            _ => return answer(stream, "200 OK", "", b"end"),
        };
        answer(stream, "302 Found", &format!("Location: {to}\r\n"), b"");
    });
    let inside = TcpListener::bind("127.0.0.2:0").expect("a port is free");
    inside.set_nonblocking(true).expect("it can be asked");
    let port = inside.local_addr().expect("it has an address").port();
    // Only the site itself is allowed.
    let guard = Guard::new(parse_ranges(&["127.0.0.1".to_owned()]).expect("a range"));
    let outbound = Outbound::with_lookup(guard, Arc::new(names())).expect("a client");
    assert_eq!(ask(&outbound, &site.url("/relative")), Ok(200));
    for to in [
        format!("http://127.0.0.2:{port}/"),
        format!("//127.0.0.2:{port}/"),
        format!("http://2130706434:{port}/"),
        format!("http://private.test:{port}/"),
        format!("http://[::ffff:127.0.0.2]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
    ] {
        let told = ask(&outbound, &site.url(&format!("/to?{to}"))).expect_err(&format!("{to} was asked"));
        assert!(told.contains("is not asked") || told.contains("must begin with"), "{to}: {told}");
    }
    let told = ask(&outbound, &site.url("/loop")).expect_err("it never ends");
    assert!(told.contains("more than 5 times"), "{told}");
    assert!(inside.accept().is_err(), "somebody inside was asked");
}

#[test]
fn keys_and_passwords_stay_with_the_host_they_are_for() {
    let other = Site::answering("200 OK", "other");
    let to = other.url("/other");
    let site = Site::new(move |asked, _, stream| match asked.path.as_str() {
        "/same" => answer(stream, "301 Moved", "Location: /end\r\n", b""),
        "/away" => answer(stream, "307 Away", &format!("Location: {to}\r\n"), b""),
        _ => answer(stream, "200 OK", "", b"end"),
    });
    let mut headers = HeaderMap::new();
    for name in ["authorization", "cookie", "x-api-key"] {
        headers.insert(name, HeaderValue::from_static("secret"));
    }
    assert_eq!(ask_with(&open(), &site.url("/same"), headers.clone()), Ok(200));
    assert_eq!(site.asked()[1].header("x-api-key"), "secret");
    assert_eq!(ask_with(&open(), &site.url("/away"), headers), Ok(200));
    let with_password = site.url("/away").replace("http://", "http://ann:pass%40word@");
    assert_eq!(ask(&open(), &with_password), Ok(200));
    let asked = site.asked();
    assert_eq!(asked.last().map(|asked| asked.header("authorization")), Some("Basic YW5uOnBhc3NAd29yZA=="));
    for asked in other.asked() {
        for name in ["authorization", "cookie", "x-api-key"] {
            assert_eq!(asked.header(name), "", "{name} was carried to another host");
        }
    }
}

#[test]
fn a_name_is_looked_up_once_and_that_address_is_asked() {
    let site = Site::answering("200 OK", "ok");
    let names = Arc::new(names());
    let guard = Guard::new(parse_ranges(&["127.0.0.1".to_owned()]).expect("a range"));
    let outbound = Outbound::with_lookup(guard, Arc::clone(&names) as Arc<dyn Lookup>).expect("a client");
    let url = format!("http://changes.test:{}/", site.port);
    // The first answer leads inside; the second would not, and is never asked for.
    assert!(ask(&outbound, &url).is_err_and(|told| told.contains("is not asked")));
    assert_eq!(names.asked.lock().expect("no test panicked here").get("changes.test"), Some(&1));
    assert_eq!(site.connections(), 0);
    assert_eq!(ask(&outbound, &url), Ok(200));
    assert_eq!(names.asked.lock().expect("no test panicked here").get("changes.test"), Some(&2));
}

#[test]
fn answers_with_huge_headers_are_refused() {
    let site = Site::new(|asked, _, stream| {
        let header = match asked.path.as_str() {
            "/large" => format!("X-Large: {}\r\n", "x".repeat(100_000)),
            "/many" => (0..500).map(|number| format!("X-{number}: a\r\n")).collect(),
            "/endless" => "X-Endless: yes\r\n".repeat(200_000),
            _ => return raw(stream, "I do not speak HTTP\r\n\r\n"),
        };
        answer(stream, "200 OK", &header, b"");
    });
    for path in ["/large", "/many", "/endless", "/other"] {
        let told = ask(&open(), &site.url(path)).expect_err(path);
        assert!(told.contains("headers") || told.contains("broke off"), "{path}: {told}");
    }
}

#[test]
fn the_environments_proxy_is_not_asked() {
    // Nothing of the program reads the environment's proxies: a server with one set fetches past it.
    let proxy = Site::answering("200 OK", "proxy");
    let site = Site::answering("500 Broken", "site");
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let server = crate::server::Server::start_with(
        crate::support::Kind::Sqlite,
        &[
            ("HTTP_PROXY", &proxy.url("")),
            ("http_proxy", &proxy.url("")),
            ("ALL_PROXY", &proxy.url("")),
            ("DRAY_ALLOW_OUTBOUND", "127.0.0.0/8"),
            ("TMPDIR", directory.path().to_str().unwrap_or_default()),
        ],
    );
    let made = server.post("/api/v1/webhooks", &serde_json::json!({ "url": site.url("/hook") })).json();
    let id = made["id"].as_str().unwrap_or_default();
    assert_eq!(server.post(&format!("/api/v1/webhooks/{id}/test"), &serde_json::json!({})).status, 202);
    site.wait_for(1);
    assert_eq!(proxy.connections(), 0);
}

// ── fetching ────────────────────────────────────────────────────────────────────────────────────────

/// A file that is told from any other by every part of it.
fn content() -> Vec<u8> {
    (0..60_000_u32).flat_map(|number| format!("{number},row\n").into_bytes()).collect()
}

fn quick(bytes: u64) -> FetchLimits {
    FetchLimits {
        whole: Duration::from_secs(20),
        answer: Duration::from_millis(500),
        idle: Duration::from_millis(500),
        attempts: 6,
        pause: Duration::from_millis(20),
        most_pause: Duration::from_millis(200),
        ..FetchLimits::of_bytes(bytes)
    }
}

/// Fetches and reads what was kept.
fn fetched(url: &str, limits: &FetchLimits) -> dray_model::Result<(Fetched, Vec<u8>)> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("file");
    let (bytes, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let runtime = runtime();
    let _entered = runtime.enter();
    let result =
        fetch_to_path(&open(), Wanted::at(url), &path, limits, FetchWatch { bytes: &bytes, stop: &stop });
    match result {
        Ok(fetched) => {
            assert_eq!(bytes.load(Ordering::Relaxed), fetched.bytes);
            Ok((fetched, std::fs::read(&path).expect("it is there")))
        }
        Err(error) => {
            assert!(!path.exists(), "nothing is left of what failed");
            Err(error)
        }
    }
}

/// The first byte a request asks for.
fn first_byte(range: &str) -> usize {
    range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0)
}

#[test]
fn a_connection_that_breaks_off_is_taken_up_where_it_came_to() {
    let whole = content();
    let total = whole.len();
    let served = whole.clone();
    let site = Site::new(move |asked, before, stream| {
        let first = first_byte(asked.header("range"));
        let part = &served[first..];
        // The first three come to no end.
        let sent = if before < 3 { &part[..part.len() / 2] } else { part };
        let status = if first > 0 {
            format!("206 Partial Content\r\nContent-Range: bytes {first}-{}/{total}", total - 1)
        } else {
            "200 OK".to_owned()
        };
        raw(
            stream,
            format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"one\"\r\nAccept-Ranges: bytes\r\n\
             Content-Type: text/csv\r\nContent-Disposition: attachment; filename=\"../list.csv\"\r\nConnection: close\r\n\r\n",
                part.len()
            ),
        );
        raw(stream, sent);
    });
    let (fetched, kept) = fetched(&site.url("/files/x.csv"), &quick(10 << 20)).expect("it is fetched");
    assert!(kept == whole, "the file is the same, byte for byte");
    assert_eq!((fetched.name.as_str(), fetched.breaks), ("list.csv", 3));
    assert_eq!(fetched.content_type.as_deref(), Some("text/csv"));
    let asked = site.asked();
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[0].header("range"), "");
    assert!(asked[1..].iter().all(|asked| asked.header("if-range") == "\"one\""), "{asked:?}");
    assert!(
        asked
            .windows(2)
            .all(|pair| first_byte(pair[0].header("range")) < first_byte(pair[1].header("range")))
    );
    // The pauses grow.
    let pauses: Vec<Duration> = asked.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(pauses[0] < pauses[2], "{pauses:?}");
}

#[test]
fn a_file_that_changed_meanwhile_comes_anew() {
    let first: Vec<u8> = content();
    let second: Vec<u8> = content().iter().rev().copied().collect();
    for way in [
        "ignores the range",
        "sends the other file's end",
        "sends another part",
        "refuses the range",
        "no mark",
    ] {
        let (first, second) = (first.clone(), second.clone());
        let expected = second.clone();
        let site = Site::new(move |asked, before, stream| {
            let range = first_byte(asked.header("range"));
            let total = second.len();
            let mark = if way == "no mark" {
                String::new()
            } else {
                format!("ETag: \"{}\"\r\n", usize::from(before > 0))
            };
            if before == 0 {
                raw(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n{mark}\r\n"));
                return raw(stream, &first[..total / 2]);
            }
            if way == "no mark" {
                assert_eq!(asked.header("range"), "", "nothing says that it is the same file");
            }
            match (range > 0, way) {
                (true, "sends the other file's end") => {
                    let header = format!("Content-Range: bytes {range}-{}/{total}\r\n{mark}", total - 1);
                    answer(stream, "206 Partial Content", &header, &second[range..]);
                }
                (true, "sends another part") => {
                    let header = format!("Content-Range: bytes 5-{}/{total}\r\nETag: \"0\"\r\n", total - 1);
                    answer(stream, "206 Partial Content", &header, &second[5..]);
                }
                (true, "refuses the range") => answer(stream, "416 Range Not Satisfiable", "", b""),
                _ => answer(stream, "200 OK", &mark, &second),
            }
        });
        let (_, kept) =
            fetched(&site.url("/x"), &quick(10 << 20)).unwrap_or_else(|error| panic!("{way}: {error}"));
        assert!(kept == expected, "{way}: the file is one file");
    }
}

#[test]
fn a_server_that_lies_stalls_or_never_ends_is_given_up() {
    let site = Site::new(|asked, _, stream| match asked.path.as_str() {
        // Says more than it sends.
        "/short" => raw(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: \"a\"\r\n\r\nonly this"),
        "/silent" => {
            raw(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst");
            let _ = std::io::Read::read(stream, &mut [0; 1]);
        }
        "/mute" => {
            let _ = std::io::Read::read(stream, &mut [0; 1]);
        }
        "/endless" => {
            raw(stream, "HTTP/1.1 200 OK\r\n\r\n");
            while std::io::Write::write_all(stream, &[b'x'; 65_536]).is_ok() {}
        }
        "/announced" => raw(stream, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
        "/chunks" => raw(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n"),
        "/cut" => raw(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"),
        "/two" => raw(stream, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 9\r\n\r\nabcdefghi"),
        "/negative" => raw(stream, "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc"),
        "/slow" => {
            raw(stream, "HTTP/1.1 200 OK\r\n\r\n");
            while std::io::Write::write_all(stream, b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        "/missing" => answer(stream, "404 Not Found", "", b"<html>"),
        "/locked" => answer(stream, "403 Forbidden", "", b""),
        "/nothing" => answer(stream, "204 No Content", "", b""),
        _ => answer(stream, "503 Busy", "Retry-After: 0\r\n", b""),
    });
    let cases = [
        ("/short", "6 attempts", ErrorKind::Source),
        ("/silent", "nothing came", ErrorKind::Source),
        ("/mute", "did not answer in time", ErrorKind::Source),
        ("/endless", "larger than 1000000 bytes", ErrorKind::Limit),
        ("/announced", "larger than 1000000 bytes", ErrorKind::Limit),
        ("/chunks", "broke off", ErrorKind::Source),
        ("/cut", "broke off", ErrorKind::Source),
        ("/two", "broke off", ErrorKind::Source),
        ("/negative", "broke off", ErrorKind::Source),
        ("/slow", "took longer than", ErrorKind::Source),
        ("/missing", "answered 404", ErrorKind::Source),
        ("/locked", "answered 403", ErrorKind::Source),
        ("/nothing", "answered 204", ErrorKind::Source),
        ("/busy", "answered 503", ErrorKind::Source),
    ];
    for (path, told, kind) in cases {
        let begun = Instant::now();
        let limits = FetchLimits {
            whole: Duration::from_secs(if path == "/slow" { 2 } else { 20 }),
            ..quick(1_000_000)
        };
        let error = fetched(&site.url(path), &limits).expect_err(path);
        assert!(error.message.contains(told), "{path}: {}", error.message);
        assert_eq!(error.kind, kind, "{path}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{path} took {:?}", begun.elapsed());
    }
    // What cannot get better is not tried again.
    let tries = |path: &str| site.asked().iter().filter(|asked| asked.path == path).count();
    assert_eq!((tries("/missing"), tries("/announced"), tries("/busy")), (1, 1, 6));
}

#[test]
fn whoever_wants_a_fetch_to_stop_need_not_wait() {
    let site = Site::new(|_, _, stream| {
        raw(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst");
        let _ = std::io::Read::read(stream, &mut [0; 1]);
    });
    let stop = Arc::new(AtomicBool::new(false));
    let came = Arc::new(AtomicU64::new(0));
    let watcher = {
        let (stop, came) = (Arc::clone(&stop), Arc::clone(&came));
        std::thread::spawn(move || {
            crate::site::until("the first bytes", || (came.load(Ordering::Relaxed) == 5).then_some(()));
            stop.store(true, Ordering::Relaxed);
        })
    };
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let runtime = runtime();
    let _entered = runtime.enter();
    let limits = FetchLimits { idle: Duration::from_secs(60), ..quick(10_000) };
    let watch = FetchWatch { bytes: &came, stop: &stop };
    let begun = Instant::now();
    let error =
        fetch_to_path(&open(), Wanted::at(&site.url("/")), &directory.path().join("x"), &limits, watch)
            .expect_err("stopped");
    assert_eq!(error.kind, ErrorKind::Interrupted);
    assert!(begun.elapsed() < Duration::from_secs(5));
    watcher.join().expect("it ends");
}

#[test]
fn a_fetch_never_leads_inside() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.set_nonblocking(true).expect("it can be asked");
    let port = listener.local_addr().expect("it has an address").port();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let runtime = runtime();
    let _entered = runtime.enter();
    let (bytes, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let closed = Outbound::new(Guard::default()).expect("a client");
    let watch = FetchWatch { bytes: &bytes, stop: &stop };
    for host in ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}/a.csv");
        let error =
            fetch_to_path(&closed, Wanted::at(&url), &directory.path().join("x"), &quick(1_000), watch)
                .expect_err(host);
        assert_eq!(error.kind, ErrorKind::Request, "{host}: {error}");
    }
    assert!(listener.accept().is_err(), "somebody inside was asked");
}
