//! Machines whose clocks are wrong: what several processes judge by time they judge by the database's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::data_io::ended;
use crate::processes::Worker;
use crate::server::{ADMIN, Server};
use crate::site::until;
use crate::support::Kind;
use crate::worker_deaths::{begin, csv, native, rows, send};

const DOOR: &str = "/api/v1/orgs/default/data-io";

/// What makes a process believe another time.
fn off_by(offset: &str) -> Vec<(&'static str, String)> {
    let library = std::env::var("DRAY_TEST_FAKETIME").expect(
        "DRAY_TEST_FAKETIME names the library `libfaketimeMT.so.1` (Debian: libfaketime): run ./test, or see CONTRIBUTING.md",
    );
    vec![
        ("LD_PRELOAD", library),
        ("FAKETIME", offset.to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}

fn worker(server: &Server, offset: &str) -> Worker {
    let environment = off_by(offset);
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
    Worker::start_with(server, &environment)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[test]
fn no_job_is_done_twice_however_wrong_the_clocks_are() {
    const ROWS: usize = 400_000;
    let text = csv(ROWS, 1000);
    let server = Server::start_with(Kind::Postgres, &[("DRAY_WORKERS", "0")]);
    let mut database = server.database();
    let upload = send(&server, None, text.as_bytes());
    // Whoever holds the job, those beside it are ten minutes away in both directions.
    for (round, (holder, others)) in
        [("+0", ["+10m", "-10m"]), ("+10m", ["+0", "-10m"]), ("-10m", ["+0", "+10m"])].into_iter().enumerate()
    {
        database.batch_execute("TRUNCATE \"default\".contacts").unwrap_or_default();
        let first = worker(&server, holder);
        let job = begin(&server, "import", &json!({ "resource": "contacts", "uploadId": upload }));
        until("the job to be taken", || (native(&server, &job)["status"] == "running").then_some(()));
        let others = others.map(|offset| worker(&server, offset));
        let mut seen = 0;
        let done = loop {
            let told = native(&server, &job);
            assert_eq!(told["attempts"], 1, "held by {holder}: {told}");
            if told["status"] != "running" {
                break told;
            }
            seen += 1;
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(seen > 3, "the others had time to look: {seen}");
        assert_eq!(done["status"], "completed", "held by {holder}: {done}");
        assert_eq!(rows(&mut database), (ROWS - ROWS / 1000) as i64, "held by {holder}, round {round}");
        drop(others);
        drop(first);
    }
    // One that dies is replaced in time, also by somebody who lives ten minutes ago.
    database.batch_execute("TRUNCATE \"default\".contacts").expect("it can be emptied");
    let first = worker(&server, "+10m");
    let job = begin(&server, "import", &json!({ "resource": "contacts", "uploadId": upload }));
    until("the job to be under way", || (rows(&mut database) > 0).then_some(()));
    first.signal("KILL");
    let _second = worker(&server, "-10m");
    let done = ended(&server, &job);
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(native(&server, &job)["attempts"], 2);
    assert_eq!(rows(&mut database), (ROWS - ROWS / 1000) as i64);
}

#[test]
fn links_live_by_the_clock_of_the_database() {
    for offset in ["+10m", "-10m"] {
        let mut environment = off_by(offset);
        environment.push(("DRAY_LINK_MINUTES", "1".to_owned()));
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, &**value)).collect();
        let server = Server::start_with(Kind::Postgres, &environment);
        let key = [("x-api-key", ADMIN)];
        let place = server.send("POST", &format!("{DOOR}/uploads"), &key, b"").json();
        let link = place["uploadUrl"].as_str().and_then(|url| url.strip_prefix(&server.url)).expect("a link");
        let expires = link.split("expires=").nth(1).and_then(|rest| rest.split('&').next());
        let expires: u64 = expires.and_then(|text| text.parse().ok()).expect("a time");
        assert!((now() + 30..=now() + 65).contains(&expires), "{offset}: {expires}, now {}", now());
        assert_eq!(server.send("PUT", link, &[], b"email\na@x.io\n").status, 200, "{offset}");
        let export = begin(&server, "export", &json!({ "resource": "events" }));
        let done = ended(&server, &export);
        let link =
            done["downloadUrl"].as_str().and_then(|url| url.strip_prefix(&server.url)).expect("a link");
        assert_eq!(server.send("GET", link, &[], b"").status, 200, "{offset}");
    }
}
