//! What connectors ask of others arrives at least once, or is listed as what did not: others fail, stall, lead on,
//! answer nonsense; processes are killed.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::events_kit::{Hook, hook, server, set};
use crate::server::Server;
use crate::site::{Site, answer, raw, until};
use crate::support::STORES;

fn to(site: &Site) -> Value {
    json!({ "perform_api_url": site.url("/in") })
}

fn attempts(event: &Value) -> Vec<Value> {
    event["attempts"].as_array().unwrap_or_else(|| panic!("{event}")).clone()
}

#[test]
fn what_fails_is_tried_for_longer_and_longer_and_then_listed_and_sent_again() {
    for kind in STORES {
        let is_well = Arc::new(AtomicBool::new(false));
        let well = Arc::clone(&is_well);
        let site = Site::new(move |_, _, stream| match well.load(Ordering::Relaxed) {
            true => answer(stream, "200 OK", "", b"now"),
            false => answer(stream, "500 Internal Server Error", "", b"not now"),
        });
        let server = server(kind, "0.2,1.4,4");
        let hook = hook(&server, to(&site));
        let id = hook.taken(&server, &json!({ "n": 1 }));
        let event = hook.ended(&server, &id, "failed");
        let tried = attempts(&event);
        assert_eq!(tried.len(), 4, "{event}");
        assert!(
            tried.iter().all(|attempt| attempt["status"] == 500 && attempt["answer"] == "not now"),
            "{event}"
        );
        assert_eq!(event["reason"], "it was tried 4 times");
        let asked = site.asked();
        let pauses: Vec<Duration> = asked.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
        assert!(pauses.windows(2).all(|pair| pair[0] < pair[1]), "{pauses:?}");
        assert!(pauses[0] >= Duration::from_millis(200) && pauses[2] >= Duration::from_secs(4), "{pauses:?}");
        assert!(asked.iter().all(|asked| asked.header("idempotency-key") == id), "{asked:?}");
        // It is listed, and nothing more is sent.
        let failed = server.get(&format!("{}?status=failed", hook.events())).json();
        assert_eq!((&failed["counts"]["failed"], &failed["events"][0]["id"]), (&json!(1), &json!(id)));
        is_well.store(true, Ordering::Relaxed);
        let replayed = server.post(&format!("{}/{id}/replay", hook.events()), &json!({}));
        assert_eq!(replayed.status, 202, "{}", replayed.text());
        let event = hook.ended(&server, &id, "completed");
        assert_eq!(attempts(&event).len(), 5, "what was tried before is still told");
        assert_eq!(site.asked().len(), 5);
        assert_eq!(server.post(&format!("{}/evt_0/replay", hook.events()), &json!({})).status, 404);
    }
}

#[test]
fn everything_that_has_failed_can_be_sent_again_at_once() {
    for kind in STORES {
        let site = Site::new(|asked, _, stream| match asked.json()["n"].as_str() {
            Some("again") => answer(stream, "200 OK", "", b""),
            _ => answer(stream, "410 Gone", "", b""),
        });
        let server = server(kind, "1");
        let hook = hook(&server, to(&site));
        let ids: Vec<String> = (0..5).map(|n| hook.taken(&server, &json!({ "n": n }))).collect();
        for id in &ids {
            // Whoever is gone is asked once.
            assert_eq!(attempts(&hook.ended(&server, id, "failed")).len(), 1);
        }
        set(&server, hook.id, json!({ "perform": [{ "key": "n", "value": "again" }] }));
        let replayed = server.post(&format!("{}/replay-failed", hook.events()), &json!({}));
        assert_eq!((replayed.status, replayed.json()), (202, json!({ "replayed": 5 })));
        for id in &ids {
            hook.ended(&server, id, "completed");
        }
        assert_eq!(site.asked().len(), 10);
    }
}

#[test]
fn what_others_do_not_want_is_not_sent_again_and_nobody_is_led_on() {
    for kind in STORES {
        let elsewhere = Site::answering("200 OK", "here");
        let place = elsewhere.url("/other");
        let site =
            Site::new(move |asked, before, stream| match asked.json()["want"].as_str().unwrap_or_default() {
                "redirect" => {
                    answer(stream, "307 Temporary Redirect", &format!("Location: {place}\r\n"), b"");
                }
                "no" => answer(stream, "422 Unprocessable Content", "", b"{\"why\": \"no\"}"),
                "wait" if before % 2 == 0 => {
                    answer(stream, "503 Service Unavailable", "Retry-After: 2\r\n", b"");
                }
                _ => answer(stream, "204 No Content", "", b""),
            });
        let server = server(kind, "0.1");
        let hook = hook(&server, to(&site));
        let ended = |want: &str, status: &str| {
            let id = hook.taken(&server, &json!({ "want": want }));
            hook.ended(&server, &id, status)
        };
        let event = ended("wait", "completed");
        let asked = site.asked();
        assert!(asked[1].at - asked[0].at >= Duration::from_secs(2), "the pause that others ask for is kept");
        assert_eq!(attempts(&event).len(), 2);
        let event = ended("redirect", "failed");
        assert_eq!(attempts(&event).len(), 1, "{event}");
        assert!(
            event["attempts"][0]["error"].as_str().is_some_and(|why| why.contains("leads to another")),
            "{event}"
        );
        let event = ended("no", "failed");
        assert_eq!(
            (attempts(&event).len(), &event["attempts"][0]["answer"]),
            (1, &json!("{\"why\": \"no\"}"))
        );
        assert_eq!(elsewhere.connections(), 0);
    }
}

#[test]
fn whoever_answers_slowly_is_waited_for_and_not_for_ever() {
    for kind in STORES {
        let site = Site::new(|asked, _, stream| match asked.json()["how"].as_str().unwrap_or_default() {
            "late" => {
                std::thread::sleep(Duration::from_millis(1_200));
                answer(stream, "200 OK", "", b"at last");
            }
            "too late" => {
                std::thread::sleep(Duration::from_secs(4));
                answer(stream, "200 OK", "", b"");
            }
            // The answer is known, though it never ends.
            _ => {
                raw(stream, "HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n");
                for _ in 0..40 {
                    raw(stream, "x");
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        });
        let server = server(kind, "60");
        let hook = hook(&server, to(&site));
        let late = hook.taken(&server, &json!({ "how": "late" }));
        let too_late = hook.taken(&server, &json!({ "how": "too late" }));
        let endless = hook.taken(&server, &json!({ "how": "endless" }));
        let event = hook.ended(&server, &late, "completed");
        let took = event["attempts"][0]["milliseconds"].as_u64();
        assert!(took.is_some_and(|took| (1_200..2_000).contains(&took)), "{event}");
        let event = hook.ended(&server, &endless, "completed");
        assert_eq!(event["attempts"][0]["status"], 201, "{event}");
        let event = until("an attempt that ends", || {
            let event = hook.event(&server, &too_late);
            (!attempts(&event).is_empty()).then_some(event)
        });
        assert_eq!(
            (&event["status"], &event["attempts"][0]["status"]),
            (&json!("pending"), &Value::Null),
            "{event}"
        );
        assert!(event["next_attempt_at"].is_string(), "{event}");
    }
}

#[test]
fn whoever_never_answers_holds_nobody_up_and_gets_a_pause() {
    for kind in STORES {
        let stalling = Site::new(|_, _, stream| {
            raw(stream, "HTTP/1.1 200 OK\r\n");
            std::thread::sleep(Duration::from_secs(20));
        });
        let well = Site::answering("200 OK", "");
        let server = server(kind, "60");
        let (stalled, quick) = (hook(&server, to(&stalling)), hook(&server, to(&well)));
        let waiting: Vec<String> = (0..60).map(|n| stalled.taken(&server, &json!({ "n": n }))).collect();
        stalling.wait_for(8);
        let begun = Instant::now();
        let ids: Vec<String> = (0..30).map(|n| quick.taken(&server, &json!({ "n": n }))).collect();
        for id in &ids {
            quick.ended(&server, id, "completed");
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
        let paused = until("a pause", || {
            let events = server.get(&format!("{}?limit=100", stalled.events())).json()["events"].clone();
            let told = |event: &&Value| {
                event["reason"].as_str().is_some_and(|why| why.contains("failed again and again"))
            };
            events.as_array().into_iter().flatten().find(told).cloned()
        });
        assert_eq!((&paused["status"], &paused["attempts"]), (&json!("pending"), &json!([])), "{paused}");
        let first = stalled.event(&server, &waiting[0]);
        assert!(
            first["attempts"][0]["error"].as_str().is_some_and(|why| why.contains("did not answer in time")),
            "{first}"
        );
        // Eight at once, and a trial now and then: not all sixty.
        assert!(stalling.connections() < 40, "{} connections", stalling.connections());
    }
}

#[test]
fn no_event_is_lost_whenever_the_process_is_killed() {
    for kind in STORES {
        let site = Site::new(|_, _, stream| {
            std::thread::sleep(Duration::from_millis(5));
            answer(stream, "200 OK", "", b"");
        });
        let mut server = server(kind, "0.1,0.1,0.1,0.1,0.1");
        let hook = hook(&server, to(&site));
        let mut accepted: BTreeSet<String> = BTreeSet::new();
        for round in 0..4_u64 {
            let stop = AtomicBool::new(false);
            let taken: Vec<Vec<String>> = std::thread::scope(|scope| {
                let senders: Vec<_> = (0..8)
                    .map(|sender| {
                        let (server, hook, stop) = (&server, &hook, &stop);
                        scope.spawn(move || send_until(server, hook, stop, round * 100 + sender))
                    })
                    .collect();
                std::thread::sleep(Duration::from_millis(150 + round * 130));
                server.signal("KILL");
                stop.store(true, Ordering::Relaxed);
                senders.into_iter().map(|sender| sender.join().expect("no sender panics")).collect()
            });
            accepted.extend(taken.into_iter().flatten());
            server.start_again();
        }
        assert!(accepted.len() > 50, "only {} were accepted", accepted.len());
        // The numbers of events that arrived; some twice.
        until("all to arrive", || {
            let arrived: BTreeSet<String> =
                site.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
            accepted.is_subset(&arrived).then_some(())
        });
        until("none to wait", || (hook.counts(&server)["pending"] == 0).then_some(()));
        assert_eq!(hook.counts(&server)["failed"], 0);
    }
}

/// Sends events until it is to stop; the numbers of those that were accepted.
fn send_until(server: &Server, hook: &Hook, stop: &AtomicBool, sender: u64) -> Vec<String> {
    let agent = ureq::Agent::new_with_defaults();
    let mut accepted = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let sent = agent
            .post(&format!("{}{}", server.url, hook.path))
            .header("authorization", &format!("Bearer {}", hook.bearer))
            .content_type("application/json")
            .send(format!("{{\"sender\":{sender},\"n\":{}}}", accepted.len()));
        // Whoever gets no answer cannot know; whoever gets one must be able to rely on it.
        let Ok(mut reply) = sent else { continue };
        if reply.status() == 202
            && let Ok(body) = reply.body_mut().read_to_string()
            && let Ok(body) = serde_json::from_str::<Value>(&body)
        {
            accepted.extend(body["id"].as_str().map(str::to_owned));
        }
    }
    accepted
}

#[test]
fn several_processes_do_each_event_once() {
    for kind in STORES {
        let site = Site::answering("200 OK", "");
        let server = server(kind, "1");
        let hook = hook(&server, to(&site));
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let mut worker = server.command(&["worker"]);
                worker
                    .env("DRAY_ALLOW_OUTBOUND", "127.0.0.0/8")
                    .env("DRAY_ADMIN_KEY", crate::server::ADMIN)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
                Ended(worker.spawn().expect("a worker starts"))
            })
            .collect();
        let sent: BTreeSet<String> = (0..200).map(|n| hook.taken(&server, &json!({ "n": n }))).collect();
        until("all to be done", || (hook.counts(&server)["completed"] == 200).then_some(()));
        drop(workers);
        let asked = site.asked();
        let arrived: BTreeSet<String> =
            asked.iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
        assert_eq!(arrived, sent);
        assert_eq!(asked.len(), 200, "none twice while nobody dies");
    }
}

/// A process that is ended when dropped.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_lookup_is_asked_once_however_often_the_rest_is_tried() {
    for kind in STORES {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let site = Site::new(move |asked, _, stream| {
            if asked.method == "GET" {
                let number = counted.fetch_add(1, Ordering::Relaxed);
                return answer(stream, "200 OK", "", format!("{{\"number\": {number}}}").as_bytes());
            }
            match asked.header("x-try").is_empty() && counted.load(Ordering::Relaxed) < 2 {
                true => {
                    counted.fetch_add(1, Ordering::Relaxed);
                    answer(stream, "502 Bad Gateway", "", b"");
                }
                false => answer(stream, "200 OK", "", b""),
            }
        });
        let server = server(kind, "0.1,0.1");
        let mut fields = to(&site);
        fields["process_api_url"] = json!(site.url("/lookup"));
        fields["perform"] = json!([{ "key": "number", "value": "$lookup.number" }]);
        let hook = hook(&server, fields);
        let id = hook.taken(&server, &json!({}));
        hook.ended(&server, &id, "completed");
        let asked = site.asked();
        let methods: Vec<&str> = asked.iter().map(|asked| asked.method.as_str()).collect();
        assert_eq!(methods, ["GET", "POST", "POST"]);
        assert_eq!(asked[1].body, asked[2].body, "a try after a try sends the same");
    }
}

#[test]
fn what_is_looked_up_is_not_trusted() {
    for kind in STORES {
        let site = Site::new(|asked, _, stream| {
            if asked.method == "POST" {
                return answer(stream, "200 OK", "", b"");
            }
            match asked.path.as_str() {
                "/lookup/html" => answer(stream, "200 OK", "", b"<html>"),
                "/lookup/huge" => {
                    raw(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                    let part = "8000\r\n".to_owned() + &" ".repeat(0x8000) + "\r\n";
                    for _ in 0..200 {
                        raw(stream, &part);
                    }
                }
                "/lookup/long" => raw(stream, "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{}"),
                "/lookup/headers" => {
                    raw(stream, "HTTP/1.1 200 OK\r\n");
                    for number in 0..100_000 {
                        raw(stream, format!("X-{number}: {}\r\n", "x".repeat(100)));
                    }
                }
                "/lookup/deep" => answer(stream, "200 OK", "", "[".repeat(100_000).as_bytes()),
                "/lookup/no" => answer(stream, "404 Not Found", "", b"nobody"),
                "/lookup/inside" => {
                    answer(stream, "302 Found", "Location: http://169.254.169.254/latest\r\n", b"");
                }
                "/lookup/empty" => answer(stream, "204 No Content", "", b""),
                _ => answer(stream, "200 OK", "", b"{\"a\": [1, 2]}"),
            }
        });
        let server = server(kind, "0.05");
        let mut fields = to(&site);
        fields["process_api_url"] = json!(site.url("/lookup/$payload.case"));
        fields["perform"] = json!([{ "key": "found", "value": "$lookup.a[1]" }]);
        let hook = hook(&server, fields);
        for (case, told) in [
            ("html", "the answer is not JSON"),
            ("huge", "more than 1048576 bytes"),
            ("long", "broke off"),
            ("headers", ""),
            ("deep", "the answer is not JSON"),
            ("inside", "is not asked"),
            ("no", ""),
        ] {
            let id = hook.taken(&server, &json!({ "case": case }));
            let event = hook.ended(&server, &id, "failed");
            let last = attempts(&event).pop().unwrap_or_default();
            assert_eq!(last["step"], "lookup", "{case}: {event}");
            assert!(
                told.is_empty() || last["error"].as_str().is_some_and(|why| why.contains(told)),
                "{case}: {event}"
            );
        }
        for (case, found) in [("good", json!(2)), ("empty", Value::Null)] {
            let id = hook.taken(&server, &json!({ "case": case }));
            hook.ended(&server, &id, "completed");
            let sent = site.asked().into_iter().rfind(|asked| asked.method == "POST").expect("it was sent");
            assert_eq!(sent.json(), json!({ "found": found }), "{case}");
        }
        // Nothing of it is a step in the address.
        for case in ["..", "", "."] {
            let id = hook.taken(&server, &json!({ "case": case }));
            let event = hook.ended(&server, &id, "failed");
            assert_eq!(event["reason"], "the address: a value in its path is missing", "{event}");
        }
    }
}

#[test]
fn what_came_before_a_connector_was_disabled_waits_and_goes_with_it() {
    for kind in STORES {
        let is_well = Arc::new(AtomicBool::new(false));
        let well = Arc::clone(&is_well);
        let site = Site::new(move |_, _, stream| match well.load(Ordering::Relaxed) {
            true => answer(stream, "200 OK", "", b""),
            false => answer(stream, "500 Internal Server Error", "", b""),
        });
        let server = server(kind, "1,1,1,1,1,1,1,1");
        let hook = hook(&server, to(&site));
        let id = hook.taken(&server, &json!({ "n": 1 }));
        site.wait_for(1);
        set(&server, hook.id, json!({ "status": "disabled" }));
        assert_eq!(hook.send(&server, &json!({ "n": 2 })).status, 404);
        let event = until("it to wait", || {
            let event = hook.event(&server, &id);
            event["reason"].as_str().is_some_and(|why| why.contains("disabled")).then_some(event)
        });
        assert_eq!(event["status"], "pending");
        let sent = site.asked().len();
        is_well.store(true, Ordering::Relaxed);
        set(&server, hook.id, json!({ "status": "enabled" }));
        // Nobody needs to wait for it.
        let replayed = server.post(&format!("{}/{id}/replay", hook.events()), &json!({}));
        assert_eq!(replayed.status, 202, "{}", replayed.text());
        hook.ended(&server, &id, "completed");
        assert_eq!(site.asked().len(), sent + 1);
        let gone =
            server.json("DELETE", &format!("/api/v1/objects/connectors/records/{}", hook.id), &json!({}));
        assert_eq!(gone.status, 204, "{}", gone.text());
        assert_eq!(hook.send(&server, &json!({ "n": 3 })).status, 404);
        assert_eq!(server.get(&hook.events()).status, 404);
    }
}
