//! Webhooks: what is told is signed as the specification says, tried again for as long as it says, and never
//! lost, whatever happens to the server between the end of a job and the telling.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::data_io::ended;
use crate::server::{ADMIN, Server};
use crate::site::{Asked, Site, answer, until};
use crate::support::{Kind, STORES};

const HOOKS: &str = "/api/v1/webhooks";
const OPEN: (&str, &str) = ("DRAY_ALLOW_OUTBOUND", "127.0.0.0/8");

/// A server that may ask the sites of the tests and does not wait long between attempts.
fn server(kind: Kind, pauses: &str) -> Server {
    Server::start_with(kind, &[OPEN, ("DRAY_WEBHOOK_PAUSES", pauses), ("DRAY_WEBHOOK_SECONDS", "2")])
}

/// Makes a webhook; its id and secret.
fn hook(server: &Server, body: &Value) -> (String, String) {
    let made = server.post(HOOKS, body);
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let text = |name: &str| made[name].as_str().expect("it is shown").to_owned();
    (text("id"), text("secret"))
}

/// Begins a job that completes; its number.
fn export(server: &Server) -> i64 {
    let asked = server.post("/v1/export-jobs", &json!({ "module": "contacts", "format": "csv" })).json();
    let id = asked["exportJobId"].as_str().unwrap_or_else(|| panic!("{asked}"));
    id.trim_start_matches("exp_").parse().expect("a number")
}

fn deliveries(server: &Server, hook: &str) -> Vec<Value> {
    let listed = server.get(&format!("{HOOKS}/{hook}/deliveries")).json();
    listed["deliveries"].as_array().unwrap_or_else(|| panic!("{listed}")).clone()
}

/// The newest delivery of a webhook, once it has this status.
fn delivery(server: &Server, hook: &str, status: &str) -> Value {
    until(&format!("a delivery that is {status}"), || {
        deliveries(server, hook).into_iter().next().filter(|delivery| delivery["status"] == status)
    })
}

/// Checks a request as the specification says, with nothing of the program.
fn is_signed(asked: &Asked, secret: &str) -> bool {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    let body = String::from_utf8(asked.body.clone()).expect("text");
    let signed = format!("{}.{}.{body}", asked.header("webhook-id"), asked.header("webhook-timestamp"));
    asked.header("webhook-signature").split(' ').any(|signature| {
        let (version, code) = signature.split_once(',').expect("a version");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key");
        mac.update(signed.as_bytes());
        version == "v1" && mac.verify_slice(&STANDARD.decode(code).expect("base64")).is_ok()
    })
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}

#[test]
fn the_end_of_a_job_is_told_and_signed() {
    for kind in STORES {
        let site = Site::answering("200 OK", "thanks");
        let server = server(kind, "1");
        let (all, secret) = hook(&server, &json!({ "url": site.url("/all"), "description": "every job" }));
        hook(&server, &json!({ "url": site.url("/failed"), "events": ["job.failed", "job.failed"] }));
        assert!(secret.starts_with("whsec_"));
        let job = export(&server);
        let asked = site.wait_for(1).remove(0);
        let (told, id) = (asked.json(), asked.header("webhook-id").to_owned());
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/all"));
        assert_eq!(asked.header("content-type"), "application/json");
        assert!(is_signed(&asked, &secret), "{asked:?}");
        assert!(!is_signed(&asked, "whsec_AAAA"));
        let seconds: i64 = asked.header("webhook-timestamp").parse().expect("seconds");
        assert!((now() - seconds).abs() < 60, "{seconds}");
        assert_eq!((&told["id"], &told["type"]), (&json!(id), &json!("job.completed")));
        assert_eq!((&told["organization"], &told["data"]["id"]), (&json!("default"), &json!(job)));
        assert_eq!((&told["data"]["kind"], &told["data"]["status"]), (&json!("export"), &json!("completed")));
        // When it is told, it is so.
        assert_eq!(server.get(&format!("/api/v1/jobs/{job}")).json()["status"], "completed");
        let kept = delivery(&server, &all, "delivered");
        let attempt = &kept["attempts"][0];
        assert_eq!((&attempt["status"], &attempt["answer"]), (&json!(200), &json!("thanks")), "{kept}");
        assert!(attempt["milliseconds"].is_u64() && kept["message"] == id.as_str(), "{kept}");
        // A job that fails is told to both.
        let source =
            json!({ "resource": "profiles", "sourceUrl": site.url("/404").replace("http:", "https:") });
        let failing = server.post("/api/v1/orgs/default/data-io/import", &source).json();
        let failing = failing["jobId"].as_str().expect("a job").to_owned();
        // Its server speaks no TLS; it is tried often, so it is stopped.
        let stopped = server.post(&format!("/api/v1/orgs/default/data-io/jobs/{failing}/cancel"), &json!({}));
        assert!([202, 409].contains(&stopped.status));
        let end = ended(&server, &failing)["status"].as_str().unwrap_or_default().to_owned();
        let expected = if end == "failed" { 2 } else { 1 };
        until("the next to be told", || {
            let named = format!("job.{end}");
            let told = site
                .asked()
                .into_iter()
                .filter(|asked| asked.method == "POST" && asked.json()["type"] == named.as_str());
            (told.count() == expected).then_some(())
        });
        // Nowhere a secret.
        let shown = [
            server.get(HOOKS).text(),
            server.get("/api/v1/audit").text(),
            server.get(&format!("{HOOKS}/{all}")).text(),
        ];
        let log = std::fs::read_to_string(server.directory.path().join("log")).expect("a log");
        let bare = secret.trim_start_matches("whsec_");
        assert!(!shown.concat().contains(bare) && !log.contains(bare));
        if kind == Kind::Sqlite {
            for entry in std::fs::read_dir(server.directory.path().join("store")).expect("a folder").flatten()
            {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                let is_there = bytes.windows(bare.len()).any(|part| part == bare.as_bytes());
                assert!(!is_there, "the secret lies in {:?}", entry.path());
            }
        }
    }
}

#[test]
fn what_is_never_taken_is_tried_for_longer_and_longer_and_then_listed_and_sent_again() {
    let fails = Arc::new(AtomicUsize::new(usize::MAX));
    let until_then = Arc::clone(&fails);
    let site = Site::new(move |_, before, stream| {
        if before < until_then.load(Ordering::Relaxed) {
            answer(stream, "500 Broken", "", "€".repeat(400).as_bytes());
        } else {
            answer(stream, "204 No Content", "", b"");
        }
    });
    let server = server(Kind::Sqlite, "0.2,0.6,1.8");
    let (id, secret) = hook(&server, &json!({ "url": site.url("/") }));
    let job = export(&server);
    let failed = delivery(&server, &id, "failed");
    let attempts = failed["attempts"].as_array().expect("attempts");
    assert_eq!(attempts.len(), 4, "one and three more: {failed}");
    assert_eq!((&failed["job"], &failed["next_attempt_at"]), (&json!(job), &Value::Null));
    assert!(attempts.iter().all(|attempt| attempt["status"] == 500));
    assert!(attempts[0]["answer"].as_str().is_some_and(|text| text.starts_with('€') && text.len() <= 510));
    let asked = site.asked();
    let pauses: Vec<f64> = asked.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64()).collect();
    for (pause, least) in pauses.iter().zip([0.2, 0.6, 1.8]) {
        assert!(*pause >= least && *pause < least * 1.2 + 2.5, "{pauses:?}");
    }
    // One message, signed anew each time.
    let ids: BTreeSet<&str> = asked.iter().map(|asked| asked.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1);
    assert!(asked.iter().all(|asked| is_signed(asked, &secret) && asked.body == asked.body));
    // It stays so until somebody asks.
    fails.store(4, Ordering::Relaxed);
    let again = format!("{HOOKS}/{id}/deliveries/{}/replay", failed["id"].as_str().unwrap_or_default());
    assert_eq!(server.post(&again, &json!({})).status, 202);
    let delivered = delivery(&server, &id, "delivered");
    assert_eq!(delivered["attempts"].as_array().map(Vec::len), Some(5));
    assert_eq!((&delivered["message"], site.asked().len()), (&failed["message"], 5));
    assert_eq!(site.asked()[4].header("webhook-id"), failed["message"].as_str().unwrap_or_default());
    let audit = server.get("/api/v1/audit").text();
    for action in ["webhook.create", "webhook.replay"] {
        assert!(audit.contains(action), "{audit}");
    }
}

#[test]
fn whoever_is_gone_is_told_nothing_more() {
    for kind in STORES {
        let site = Site::answering("410 Gone", "");
        let server = server(kind, "0.1,0.1");
        let (id, _) = hook(&server, &json!({ "url": site.url("/") }));
        export(&server);
        let failed = delivery(&server, &id, "failed");
        assert_eq!(failed["attempts"].as_array().map(Vec::len), Some(1), "{failed}");
        let now = server.get(&format!("{HOOKS}/{id}")).json();
        assert_eq!(now["enabled"], false, "{now}");
        assert!(now["disabled_because"].as_str().is_some_and(|why| why.contains("410")), "{now}");
        let job = export(&server);
        until("the next job", || {
            (server.get(&format!("/api/v1/jobs/{job}")).json()["status"] == "completed").then_some(())
        });
        assert_eq!((deliveries(&server, &id).len(), site.asked().len()), (1, 1));
        assert_eq!(server.post(&format!("{HOOKS}/{id}/test"), &json!({})).status, 409);
        let back = server.json("PATCH", &format!("{HOOKS}/{id}"), &json!({ "enabled": true })).json();
        assert_eq!((&back["enabled"], &back["disabled_because"]), (&json!(true), &Value::Null));
        export(&server);
        site.wait_for(2);
    }
}

#[test]
fn while_a_secret_is_changed_both_sign() {
    let site = Site::answering("200 OK", "");
    let server = server(Kind::Sqlite, "1");
    let (id, first) = hook(&server, &json!({ "url": site.url("/") }));
    let test = format!("{HOOKS}/{id}/test");
    assert_eq!(server.post(&test, &json!({})).status, 202);
    let rotated = server.post(&format!("{HOOKS}/{id}/rotate-secret"), &json!({})).json();
    let second = rotated["secret"].as_str().expect("it is shown").to_owned();
    assert!(rotated["previous_secret_until"].is_string(), "{rotated}");
    site.wait_for(1);
    assert_eq!(server.post(&test, &json!({})).status, 202);
    let asked = site.wait_for(2);
    assert_eq!(asked[1].json()["type"], "webhook.test");
    assert_eq!(asked[1].header("webhook-signature").split(' ').count(), 2);
    assert!(is_signed(&asked[1], &first) && is_signed(&asked[1], &second));
    // Of three secrets, two sign.
    let third = server.post(&format!("{HOOKS}/{id}/rotate-secret"), &json!({})).json();
    let third = third["secret"].as_str().expect("it is shown").to_owned();
    assert_eq!(server.post(&test, &json!({})).status, 202);
    let asked = site.wait_for(3);
    assert!(!is_signed(&asked[2], &first) && is_signed(&asked[2], &second) && is_signed(&asked[2], &third));
}

#[test]
fn a_job_may_name_an_address_of_its_own() {
    let site = Site::answering("200 OK", "");
    let server = server(Kind::Sqlite, "1");
    let rotated = server.post(&format!("{HOOKS}/jobs/rotate-secret"), &json!({})).json();
    let secret = rotated["secret"].as_str().expect("it is shown").to_owned();
    let asked = json!({ "resource": "events", "webhookUrl": site.url("/own?token=1") });
    let job = server.post("/api/v1/orgs/default/data-io/export", &asked).json();
    let told = site.wait_for(1).remove(0);
    assert_eq!(told.path, "/own?token=1");
    assert!(is_signed(&told, &secret));
    assert_eq!(format!("job_{}", told.json()["data"]["id"]), job["jobId"].as_str().unwrap_or_default());
    let kept = delivery(&server, "jobs", "delivered");
    assert_eq!(kept["url"], site.url("/own?token=1"));
    for (method, path) in [("DELETE", "jobs"), ("PATCH", "jobs"), ("POST", "jobs/test")] {
        assert_eq!(
            server.json(method, &format!("{HOOKS}/{path}"), &json!({})).status,
            409,
            "{method} {path}"
        );
    }
}

#[test]
fn a_job_that_is_cancelled_before_it_began_is_told_too() {
    let site = Site::answering("200 OK", "");
    let server =
        Server::start_with(Kind::Sqlite, &[OPEN, ("DRAY_WORKERS", "0"), ("DRAY_WEBHOOK_PAUSES", "1")]);
    hook(&server, &json!({ "url": site.url("/"), "events": ["job.cancelled"] }));
    let job = export(&server);
    assert_eq!(server.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).status, 202);
    assert_eq!(server.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).status, 409);
    let told = site.wait_for(1).remove(0).json();
    assert_eq!((&told["type"], &told["data"]["id"]), (&json!("job.cancelled"), &json!(job)));
    assert_eq!(site.asked().len(), 1);
}

#[test]
fn killed_between_the_end_of_a_job_and_the_telling_it_is_told_after_the_start() {
    for kind in STORES {
        let site = Site::new(|_, before, stream| {
            if before == 0 {
                // The first attempt is under way when the process dies.
                let _ = std::io::Read::read(stream, &mut [0; 1]);
            } else {
                answer(stream, "200 OK", "", b"");
            }
        });
        // Where the server is told of at first, nobody takes it.
        let refusing = Site::answering("503 Service Unavailable", "");
        let mut server = server(kind, "4,4,4,4,4,4,4,4,4,4,4,4");
        let (never_sent, _) = hook(&server, &json!({ "url": refusing.url("/") }));
        let (under_way, secret) = hook(&server, &json!({ "url": site.url("/") }));
        let job = export(&server);
        site.wait_for(1);
        // Killed while it waits for its next attempt: one under way would be safe for two minutes.
        until("the first refusal to be kept", || {
            let kept = deliveries(&server, &never_sent);
            kept.first()
                .filter(|kept| kept["attempts"].as_array().is_some_and(|all| !all.is_empty()))
                .cloned()
        });
        server.restart("KILL");
        let change = json!({ "url": site.url("/moved") });
        assert_eq!(server.json("PATCH", &format!("{HOOKS}/{never_sent}"), &change).status, 200);
        let moved = until("what was not told before", || {
            site.asked().into_iter().find(|asked| asked.path == "/moved")
        });
        assert_eq!(moved.json()["data"]["id"], job, "{kind:?}");
        assert_eq!(delivery(&server, &never_sent, "delivered")["job"], job);
        // What was under way is tried again when its time is over; nobody need wait so long here.
        let waits = &deliveries(&server, &under_way)[0];
        assert_eq!(waits["status"], "pending", "{waits}");
        assert!(is_signed(&site.asked()[0], &secret));
    }
}

#[test]
fn killed_at_any_moment_no_end_of_a_job_goes_untold() {
    let site = Site::answering("200 OK", "");
    let mut server = server(Kind::Sqlite, "0.2,0.2,0.2,0.2");
    hook(&server, &json!({ "url": site.url("/") }));
    let mut jobs = BTreeSet::new();
    for round in 0..12_u64 {
        jobs.insert(export(&server));
        jobs.insert(export(&server));
        std::thread::sleep(Duration::from_millis(round * 17));
        server.restart("KILL");
    }
    // An attempt under way when its process died is made again two minutes later; until then it is listed.
    until("every job to have ended", || {
        jobs.iter()
            .all(|job| server.get(&format!("/api/v1/jobs/{job}")).json()["status"] == "completed")
            .then_some(())
    });
    until("every end to be told", || {
        let told: BTreeSet<i64> =
            site.asked().iter().filter_map(|asked| asked.json()["data"]["id"].as_i64()).collect();
        let hooks = server.get(HOOKS).json();
        let id = hooks["webhooks"][0]["id"].as_str().unwrap_or_default().to_owned();
        let kept: BTreeMap<i64, String> = deliveries(&server, &id)
            .iter()
            .filter_map(|kept| Some((kept["job"].as_i64()?, kept["status"].as_str()?.to_owned())))
            .collect();
        assert!(
            kept.len() <= jobs.len() && deliveries(&server, &id).len() == kept.len(),
            "each end is kept once"
        );
        let is_safe =
            |job: &i64| told.contains(job) || kept.get(job).is_some_and(|status| status == "pending");
        (jobs.iter().all(is_safe) && jobs.iter().all(|job| kept.contains_key(job))).then_some(())
    });
}

#[test]
fn several_processes_send_everything_once() {
    let site = Site::answering("200 OK", "");
    let server = server(Kind::Postgres, "1");
    let mut workers: Vec<_> = (0..2)
        .map(|_| {
            let mut command = server.command(&["worker", "--workers", "1"]);
            command.env("DRAY_FILES", server.directory.path().join("files")).env(OPEN.0, OPEN.1);
            command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("a worker starts")
        })
        .collect();
    let (id, _) = hook(&server, &json!({ "url": site.url("/") }));
    for _ in 0..40 {
        assert_eq!(server.post(&format!("{HOOKS}/{id}/test"), &json!({})).status, 202);
    }
    until("everything to be delivered", || {
        let all = deliveries(&server, &id);
        (all.len() == 40 && all.iter().all(|one| one["status"] == "delivered")).then_some(())
    });
    let messages: Vec<String> =
        site.asked().iter().map(|asked| asked.header("webhook-id").to_owned()).collect();
    let each: BTreeSet<&String> = messages.iter().collect();
    assert_eq!((messages.len(), each.len()), (40, 40), "nothing is sent twice");
    // A page, and the next.
    let first = server.get(&format!("{HOOKS}/{id}/deliveries?limit=30")).json();
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let second = server.get(&format!("{HOOKS}/{id}/deliveries?limit=30&cursor={cursor}")).json();
    assert_eq!(
        (second["deliveries"].as_array().map(Vec::len), &second["next_cursor"]),
        (Some(10), &Value::Null)
    );
    for worker in &mut workers {
        let _ = worker.kill();
        let _ = worker.wait();
    }
}

#[test]
fn whoever_never_answers_holds_nobody_up() {
    let silent = Site::new(|_, _, stream| {
        let _ = std::io::Read::read(stream, &mut [0; 1]);
    });
    let site = Site::answering("200 OK", "");
    let server = server(Kind::Sqlite, "30");
    let (slow, _) = hook(&server, &json!({ "url": silent.url("/") }));
    let (quick, _) = hook(&server, &json!({ "url": site.url("/") }));
    for _ in 0..20 {
        assert_eq!(server.post(&format!("{HOOKS}/{slow}/test"), &json!({})).status, 202);
    }
    let begun = std::time::Instant::now();
    assert_eq!(server.post(&format!("{HOOKS}/{quick}/test"), &json!({})).status, 202);
    site.wait_for(1);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let given_up = until("the first to be given up", || {
        deliveries(&server, &slow).into_iter().find(|one| one["attempts"][0]["error"].is_string())
    });
    let attempt = &given_up["attempts"][0];
    assert!(attempt["error"].as_str().is_some_and(|why| why.contains("did not answer in time")), "{attempt}");
    assert!(
        attempt["milliseconds"].as_u64().is_some_and(|took| (1_900..10_000).contains(&took)),
        "{attempt}"
    );
    assert_eq!((&attempt["status"], &given_up["status"]), (&Value::Null, &json!("pending")));
}

#[test]
fn webhooks_lead_neither_inside_nor_on() {
    let inside = TcpListener::bind("127.0.0.2:0").expect("a port is free");
    inside.set_nonblocking(true).expect("it can be asked");
    let port = inside.local_addr().expect("an address").port();
    let site = Site::new(move |_, _, stream| {
        answer(stream, "307 On", &format!("Location: http://127.0.0.2:{port}/\r\n"), b"");
    });
    let server = Server::start_with(
        Kind::Sqlite,
        &[("DRAY_ALLOW_OUTBOUND", "127.0.0.1"), ("DRAY_WEBHOOK_PAUSES", "600")],
    );
    let refused = |body: Value, code: &str| {
        let reply = server.post(HOOKS, &body);
        assert_eq!(
            (reply.status, reply.json()["error"]["code"].as_str()),
            (400, Some(code)),
            "{body} {}",
            reply.text()
        );
    };
    for url in [
        "http://127.0.0.2:1/",
        "http://0x7f000002/",
        "http://[::1]/",
        "http://169.254.169.254/",
        "https://10.0.0.1/",
    ] {
        refused(json!({ "url": url }), "OUTBOUND_REFUSED");
    }
    for url in
        ["ftp://x.example/", "x.example", "", "http://", &format!("https://x.example/{}", "a".repeat(5_000))]
    {
        refused(json!({ "url": url }), "VALIDATION_ERROR");
    }
    let good = "https://hooks.example/";
    refused(json!({ "url": good, "events": ["job.started"] }), "VALIDATION_ERROR");
    refused(json!({ "url": good, "description": "x".repeat(501) }), "VALIDATION_ERROR");
    refused(json!({ "url": good, "colour": "red" }), "VALIDATION_ERROR");
    refused(json!({}), "VALIDATION_ERROR");
    let (leads_on, _) = hook(&server, &json!({ "url": site.url("/") }));
    let (named, _) = hook(&server, &json!({ "url": format!("http://localhost:{port}/") }));
    for (id, told) in [(leads_on, "not sent on"), (named, "")] {
        assert_eq!(server.post(&format!("{HOOKS}/{id}/test"), &json!({})).status, 202);
        let tried = until("an attempt", || {
            deliveries(&server, &id).into_iter().find(|one| one["attempts"][0]["at"].is_string())
        });
        let error = tried["attempts"][0]["error"].as_str().unwrap_or_default();
        assert!(error.contains(told) && !error.is_empty(), "{tried}");
    }
    assert!(inside.accept().is_err(), "somebody inside was asked");
    for path in ["wh_0/deliveries", "wh_0/test", "nothing"] {
        let reply = server.json(
            if path.ends_with("test") { "POST" } else { "GET" },
            &format!("{HOOKS}/{path}"),
            &json!({}),
        );
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
    }
}

#[test]
fn there_is_an_end_to_webhooks() {
    let server = server(Kind::Sqlite, "1");
    for number in 0..50 {
        hook(&server, &json!({ "url": format!("https://hooks.example/{number}") }));
    }
    let reply = server.post(HOOKS, &json!({ "url": "https://hooks.example/more" }));
    assert_eq!(reply.status, 400, "{}", reply.text());
    let all = server.get(HOOKS).json();
    let id = all["webhooks"][0]["id"].as_str().expect("there are some").to_owned();
    assert_eq!(server.json("DELETE", &format!("{HOOKS}/{id}"), &json!({})).status, 204);
    // The answer that is kept for a request sent again tells no secret.
    let again = || {
        let headers = [("x-api-key", ADMIN), ("content-type", "application/json"), ("idempotency-key", "a")];
        server.send("POST", HOOKS, &headers, b"{\"url\":\"https://hooks.example/more\"}").json()
    };
    let (first, second) = (again(), again());
    assert!(first["secret"].is_string() && second["secret"].is_null(), "{first} {second}");
    assert_eq!(first["id"], second["id"]);
}
