//! Who may send an event, and what is taken: tokens and signatures, messages that come twice, limits, and what an
//! address tells to whoever only guesses.

use std::time::Duration;

use serde_json::{Value, json};

use crate::events_kit::{Hook, hook, now, server, set, signature};
use crate::server::{Reply, Server};
use crate::site::{Site, answer, until};
use crate::support::{Kind, STORES};

/// A connector that only keeps what comes.
fn keeping(server: &Server) -> Hook {
    hook(server, json!({}))
}

fn signed(server: &Server, hook: &Hook, (id, at): (Option<&str>, i64), signature: &str, body: &str) -> Reply {
    let at = at.to_string();
    let mut headers = vec![
        ("content-type", "application/json"),
        ("webhook-timestamp", at.as_str()),
        ("webhook-signature", signature),
    ];
    headers.extend(id.map(|id| ("webhook-id", id)));
    server.send("POST", &hook.path, &headers, body.as_bytes())
}

fn number(reply: &Reply) -> String {
    assert_eq!(reply.status, 202, "{}", reply.text());
    reply.json()["id"].as_str().expect("a number").to_owned()
}

#[test]
fn a_token_or_a_signature_lets_an_event_in_and_nothing_else() {
    for kind in STORES {
        let server = server(kind, "1");
        let hook = keeping(&server);
        let other = keeping(&server);
        hook.taken(&server, &json!({ "a": 1 }));
        let post = |headers: &[(&str, &str)]| server.send("POST", &hook.path, headers, b"{}").status;
        let bearer = |token: &str| format!("Bearer {token}");
        assert_eq!(post(&[("authorization", &format!("bearer  {}", hook.bearer))]), 202);
        for wrong in [
            bearer(&other.bearer),
            bearer(&hook.secret),
            bearer(crate::server::ADMIN),
            bearer(""),
            hook.bearer.clone(),
            bearer(hook.bearer.get(..hook.bearer.len() - 1).expect("letters")),
        ] {
            assert_eq!(post(&[("authorization", &wrong)]), 401, "{wrong}");
        }
        assert_eq!(post(&[]), 401);
        assert_eq!(post(&[("x-api-key", &hook.bearer)]), 401);

        let body = r#"{"type":"order","ü":1}"#;
        let at = now();
        let good = signature(&hook.secret, &format!("m1.{at}.{body}"));
        let first = number(&signed(&server, &hook, (Some("m1"), at), &good, body));
        assert_eq!(hook.event(&server, &first)["message"], "m1");
        // Sent again within its time, it is the event it was.
        assert_eq!(number(&signed(&server, &hook, (Some("m1"), at), &good, body)), first);
        let several = format!("v1,AAAA v2,x {good}");
        assert_eq!(number(&signed(&server, &hook, (Some("m1"), at), &several, body)), first);
        for (what, reply) in [
            ("another number", signed(&server, &hook, (Some("m2"), at), &good, body)),
            ("another time", signed(&server, &hook, (Some("m1"), at - 1), &good, body)),
            ("another body", signed(&server, &hook, (Some("m1"), at), &good, "{}")),
            ("another endpoint", signed(&server, &other, (Some("m1"), at), &good, body)),
            ("no signature", signed(&server, &hook, (Some("m1"), at), "", body)),
            ("half a signature", signed(&server, &hook, (Some("m1"), at), "v1", body)),
        ] {
            assert_eq!(reply.status, 401, "{what}: {}", reply.text());
        }
        for late in [at - 301, at + 320] {
            let old = signature(&hook.secret, &format!("m3.{late}.{body}"));
            let reply = signed(&server, &hook, (Some("m3"), late), &old, body);
            assert_eq!(reply.status, 401);
            assert!(reply.text().contains("five minutes"), "{}", reply.text());
        }
        // A sender that has no numbers signs time and body.
        let plain = signature(&hook.secret, &format!("{at}.{body}"));
        let once = number(&signed(&server, &hook, (None, at), &plain, body));
        assert_eq!(
            number(&signed(&server, &hook, (None, at), &plain, body)),
            once,
            "a replay is the event it was"
        );
        assert_ne!(once, first);
    }
}

#[test]
fn a_message_that_is_sent_again_is_one_event() {
    for kind in STORES {
        let site = Site::answering("200 OK", "");
        let server = server(kind, "1");
        let hook = hook(&server, json!({ "perform_api_url": site.url("/") }));
        let bearer = format!("Bearer {}", hook.bearer);
        let send = |name: &str, value: &str| {
            server.send("POST", &hook.path, &[("authorization", &bearer), (name, value)], b"{\"a\":1}")
        };
        let first = number(&send("Idempotency-Key", "order-7"));
        assert_eq!(number(&send("webhook-id", "order-7")), first);
        let other = number(&send("Idempotency-Key", "order-8"));
        assert_ne!(other, first);
        // Without a name each is an event of its own.
        assert_ne!(hook.taken(&server, &json!({ "a": 1 })), hook.taken(&server, &json!({ "a": 1 })));
        let many: Vec<String> = std::thread::scope(|scope| {
            let senders: Vec<_> =
                (0..8).map(|_| scope.spawn(|| number(&send("webhook-id", "at once")))).collect();
            senders.into_iter().map(|sender| sender.join().expect("an answer")).collect()
        });
        assert!(many.iter().all(|id| *id == many[0]), "{many:?}");
        until("all to be done", || (hook.counts(&server)["completed"] == 5).then_some(()));
        assert_eq!(site.asked().len(), 5);
        assert_eq!(send("webhook-id", &"x".repeat(256)).status, 400);
    }
}

#[test]
fn an_address_that_takes_nothing_is_as_one_that_never_was() {
    for kind in STORES {
        let server = server(kind, "1");
        let hook = keeping(&server);
        let disabled = keeping(&server);
        set(&server, disabled.id, json!({ "status": "disabled" }));
        let cut = hook.path.get(..hook.path.len() - 1).expect("letters").to_owned();
        let unknown = server.json_as("x", "POST", "/hooks/nobody", &json!({}));
        assert_eq!(unknown.status, 404);
        let headers = |reply: &Reply| -> Vec<String> {
            let names = reply.headers.keys().map(|name| name.as_str().to_owned());
            names.collect()
        };
        for path in [
            disabled.path.as_str(),
            cut.as_str(),
            &hook.path.replace(".1.", ".2."),
            "/hooks/default.contacts.1.AAAAAAAAAAAAAAAA",
            "/hooks/%00",
            "/hooks/default.connectors.99999999999999999999.x",
        ] {
            for key in [hook.bearer.as_str(), disabled.bearer.as_str(), "x"] {
                let reply = server.json_as(key, "POST", path, &json!({}));
                assert_eq!(
                    (reply.status, reply.text(), headers(&reply)),
                    (404, unknown.text(), headers(&unknown)),
                    "{path}"
                );
            }
        }
        assert_eq!(server.get(&hook.path).status, 405);
    }
}

#[test]
fn what_is_too_much_or_no_event_is_refused() {
    for kind in STORES {
        let server = Server::start_with(
            kind,
            &[
                ("DRAY_EVENT_BYTES", "1000"),
                ("DRAY_EVENTS_PER_MINUTE", "40"),
                ("DRAY_WAITING_EVENTS", "3"),
                ("DRAY_ALLOW_OUTBOUND", "127.0.0.0/8"),
                ("DRAY_WEBHOOK_PAUSES", "60,60"),
            ],
        );
        let hook = keeping(&server);
        let bearer = format!("Bearer {}", hook.bearer);
        let send = |kind: &str, body: &[u8]| {
            server.send("POST", &hook.path, &[("authorization", &bearer), ("content-type", kind)], body)
        };
        assert_eq!(send("application/json", &[b' '; 1_001]).status, 413);
        for (body, told) in [
            (&b""[..], "a value is missing"),
            (b"{\"a\":", "a value is missing"),
            (b"hello", "a value is missing"),
            (b"{} {}", "nothing more may follow"),
            (b"\"\xff\"", "not UTF-8"),
            (&[b'['; 900], "levels"),
        ] {
            let reply = send("application/json", body);
            assert_eq!(reply.status, 400, "{}", reply.text());
            assert!(reply.text().contains(told), "{}", reply.text());
        }
        // Forms and documents of any kind; numbers keep their digits, texts their letters.
        let id =
            number(&send("application/x-www-form-urlencoded; charset=utf-8", b"Body=Hello+%C3%BC&n=1&n=2"));
        assert_eq!(hook.event(&server, &id)["payload"], json!({ "Body": "Hello ü", "n": "2" }));
        let id =
            number(&send("text/plain", "\u{feff}[1.50, 12345678901234567890123, \"\\u0000ü\"]".as_bytes()));
        let text = server.get(&format!("{}/{id}", hook.events())).text();
        assert!(text.contains("[1.50,12345678901234567890123,\"\\u0000ü\"]"), "{text}");
        let limited = until("too many in a minute", || {
            let reply = send("application/json", b"{}");
            (reply.status == 429).then_some(reply)
        });
        assert!(limited.header("retry-after").parse::<u64>().is_ok_and(|wait| wait >= 1));
        // Another endpoint has its own, until too many wait.
        let site = Site::answering("500 Internal Server Error", "");
        let waiting = crate::events_kit::hook(&server, json!({ "perform_api_url": site.url("/") }));
        let full = until("too many that wait", || {
            let reply = waiting.send(&server, &json!({}));
            std::thread::sleep(Duration::from_millis(300));
            (reply.status == 429).then_some(reply)
        });
        assert_eq!(full.header("retry-after"), "31");
        let counts = waiting.counts(&server);
        assert!(counts["pending"].as_u64().is_some_and(|waiting| (3..12).contains(&waiting)), "{counts}");
    }
}

#[test]
fn while_tokens_are_changed_both_work_and_then_only_the_new_ones() {
    for kind in STORES {
        let server = server(kind, "1");
        let hook = keeping(&server);
        let tokens = format!("/api/v1/objects/connectors/records/{}/endpoint/tokens", hook.id);
        let made = server.post(&tokens, &json!({ "rotate": true }));
        assert_eq!(made.status, 200, "{}", made.text());
        let text = |name: &str| made.json()[name].as_str().expect("it is shown").to_owned();
        let fresh = Hook { bearer: text("bearer"), secret: text("secret"), ..hook.clone() };
        let works = |hook: &Hook| {
            let at = now();
            let signature = signature(&hook.secret, &format!("{at}.{{}}"));
            [
                hook.send(&server, &json!({ "a": 1 })).status,
                signed(&server, hook, (None, at), &signature, "{}").status,
            ]
        };
        assert_eq!((works(&hook), works(&fresh)), ([202, 202], [202, 202]));
        // A day later, as far as the store knows.
        let past = "{\"generation\":2,\"shown_at\":1,\"previous_until\":1}";
        let statement =
            format!("UPDATE {{}}dray_document SET body = '{past}' WHERE kind = 'record_endpoint'");
        match kind {
            Kind::Postgres => {
                let mut database = server.database();
                let schemas = "SELECT schemaname FROM pg_tables WHERE tablename = 'dray_document'";
                for row in database.query(schemas, &[]).expect("schemas") {
                    let schema = format!("\"{}\".", row.get::<_, String>(0));
                    database.execute(&statement.replace("{}", &schema), &[]).expect("it is written");
                }
            }
            Kind::Sqlite => {
                let file = server.directory.path().join("store").join("default.db");
                let database = rusqlite::Connection::open(file).expect("the store opens");
                database.busy_timeout(Duration::from_secs(10)).expect("it waits");
                database.execute(&statement.replace("{}", ""), []).expect("it is written");
            }
        }
        until("the tokens before to end", || (works(&hook) == [401, 401]).then_some(()));
        assert_eq!(works(&fresh), [202, 202]);
    }
}

#[test]
fn connectors_lead_neither_inside_nor_out_of_their_organization() {
    for kind in STORES {
        let site = Site::answering("200 OK", "");
        let server = Server::start_with(kind, &[("DRAY_WEBHOOK_PAUSES", "60")]);
        let port = site.port;
        for address in [
            format!("http://127.0.0.1:{port}/"),
            format!("http://localhost:{port}/"),
            format!("http://[::1]:{port}/"),
            format!("http://[::ffff:127.0.0.1]:{port}/"),
            format!("http://2130706433:{port}/"),
            format!("http://0x7f.1:{port}/"),
            format!("http://127.0.0.1.:{port}/"),
            format!("http://user:pass@127.0.0.1:{port}/"),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            "http://10.0.0.1/".to_owned(),
        ] {
            for field in ["perform_api_url", "process_api_url"] {
                let made = server.post(
                    "/api/v1/objects/connectors/records",
                    &json!({ "name": "inside", field: address, "status": "enabled" }),
                );
                // Some are no addresses at all.
                if made.status != 201 {
                    assert_eq!(made.status, 422, "{address}: {}", made.text());
                    continue;
                }
                let hook = crate::events_kit::enabled(&server, made.json()["id"].as_i64().expect("an id"));
                let id = hook.taken(&server, &json!({ "host": "127.0.0.1" }));
                let event = hook.ended(&server, &id, "failed");
                let told = event["attempts"][0]["error"].as_str().unwrap_or_default();
                assert!(told.contains("is not asked"), "{address}: {event}");
            }
        }
        assert_eq!(site.connections(), 0);
        // A host cannot be put together of what is sent.
        let made = server.post(
            "/api/v1/objects/connectors/records",
            &json!({ "name": "host", "perform_api_url": "https://$payload.host/x" }),
        );
        assert_eq!(made.status, 422, "{}", made.text());
        // Another organization's object is none.
        let organization = server.post("/api/v1/organizations", &json!({ "slug": "other", "name": "Other" }));
        assert_eq!(organization.status, 201, "{}", organization.text());
        let hook = crate::events_kit::hook(&server, json!({ "perform_api_url": "object:other/contacts" }));
        let id = hook.taken(&server, &json!({ "email": "a@example.com" }));
        assert_eq!(hook.ended(&server, &id, "failed")["record"], Value::Null);
    }
}

#[test]
fn no_secret_and_no_token_is_ever_shown_or_logged() {
    const CANARY: &str = "canary-4711 a&b/c";
    const BEGINNING: &str = "canary-4711";
    for kind in STORES {
        let site = Site::new(|asked, _, stream| {
            // Whoever is asked says again what they were told.
            let body = format!("{{\"you\": \"{} {}\"}}", asked.header("authorization"), asked.path);
            let status = if asked.path.contains("bad") { "400 Bad Request" } else { "200 OK" };
            answer(stream, status, "", body.as_bytes());
        });
        let server = server(kind, "1");
        server.json("PUT", "/api/v1/secrets/KEY", &json!({ "value": CANARY }));
        let hook = hook(
            &server,
            json!({
                "trigger": "not_equals($secret.KEY, $payload.x)",
                "process_api_url": site.url("/look?k=$secret.KEY"),
                "process_api_headers": [{ "key": "Authorization", "value": "Bearer $secret.KEY" }],
                "process": [{ "key": "both", "value": "$lookup.you, $secret.KEY" }],
                "perform_api_url": site.url("/$payload.path/$secret.KEY"),
                "perform_headers": [{ "key": "Authorization", "value": "Basic $secret.KEY" }],
                "perform": [{ "key": "said", "value": "$process.both" }],
            }),
        );
        for (path, status) in [("good", "completed"), ("bad", "failed")] {
            let id = hook.taken(&server, &json!({ "path": path }));
            let event = hook.ended(&server, &id, status);
            assert!(!event.to_string().contains("canary"), "{event}");
            assert!(
                event["attempts"][1]["answer"].as_str().is_some_and(|said| said.contains("$secret.KEY")),
                "{event}"
            );
        }
        let sent = site.asked().into_iter().find(|asked| asked.method == "POST").expect("it was sent");
        assert!(
            sent.json()["said"]
                .as_str()
                .is_some_and(|said| said.matches(BEGINNING).count() == 3 && said.contains(CANARY)),
            "{sent:?}"
        );
        let tried = server.post(
            &format!("/api/v1/objects/connectors/records/{}/test", hook.id),
            &json!({ "payload": { "path": "p" } }),
        );
        assert_eq!(tried.status, 200, "{}", tried.text());
        let shown = [
            tried.text(),
            server.get(&hook.events()).text(),
            server.get("/api/v1/audit").text(),
            server.get("/metrics").text(),
            server.get("/api/v1/objects/connectors/records").text(),
            server.log(),
        ]
        .concat();
        for secret in [BEGINNING, hook.bearer.as_str(), hook.secret.trim_start_matches("whsec_")] {
            assert!(!shown.contains(secret), "{secret} is shown");
            assert_eq!(server.keeps(secret), [""; 0], "{secret} is kept");
        }
        // What is missing is told before anything is sent.
        let count = site.asked().len();
        assert_eq!(server.json("DELETE", "/api/v1/secrets/KEY", &json!({})).status, 204);
        std::thread::sleep(Duration::from_secs(1));
        let id = hook.taken(&server, &json!({ "path": "good" }));
        let event = hook.ended(&server, &id, "failed");
        assert!(
            event["reason"].as_str().is_some_and(|why| why.contains("there is no secret `KEY`")),
            "{event}"
        );
        assert_eq!(site.asked().len(), count);
    }
}

#[test]
fn a_connector_is_tried_out_without_asking_anybody() {
    for kind in STORES {
        let site = Site::answering("200 OK", "");
        let server = server(kind, "1");
        let hook = hook(
            &server,
            json!({
                "example_payload": { "type": "order", "customer": { "e-mail": "ada@example.com" }, "items": [{ "n": 2 }] },
                "trigger": "equals($payload.type, \"order\")",
                "process_api_url": site.url("/people"),
                "process": [{ "key": "tier", "value": "$lookup.tier" }],
                "perform_api_url": site.url("/orders"),
                "perform_headers": [{ "key": "X-Key", "value": "$secret.NONE" }],
            }),
        );
        let path = format!("/api/v1/objects/connectors/records/{}/test", hook.id);
        let tried = server.post(&path, &json!({ "lookup": { "tier": "gold" } })).json();
        assert_eq!(tried["trigger"]["matched"], true, "{tried}");
        assert!(tried["trigger"]["microseconds"].is_number());
        assert_eq!(tried["steps"]["lookup"]["url"], site.url("/people"));
        assert_eq!(tried["steps"]["process"], json!({ "tier": "gold" }));
        assert_eq!(tried["steps"]["perform"]["body"], json!({ "tier": "gold" }));
        assert_eq!(tried["missing_secrets"], json!(["NONE"]));
        let paths: Vec<&str> = tried["paths"]
            .as_array()
            .expect("paths")
            .iter()
            .filter_map(|path| path["path"].as_str())
            .collect();
        assert_eq!(
            paths,
            [
                "$payload.type",
                "$payload.customer",
                "$payload.customer['e-mail']",
                "$payload.items",
                "$payload.items[0]",
                "$payload.items[0].n",
                "$lookup.tier"
            ]
        );
        let other = server.post(&path, &json!({ "payload": { "type": "refund" } })).json();
        assert_eq!(other["trigger"]["matched"], false);
        let wrong = json!({ "fields": { "trigger": "equals($payload.type", "perform": [{ "key": "a", "value": "lower(" }] } });
        let wrong = server.post(&path, &wrong).json();
        let fields: Vec<&Value> =
            wrong["mistakes"].as_array().expect("mistakes").iter().map(|mistake| &mistake["field"]).collect();
        assert_eq!(fields, ["perform", "trigger"], "{wrong}");
        assert!(
            wrong["mistakes"][1]["message"].as_str().is_some_and(|why| why.contains("at character")),
            "{wrong}"
        );
        assert_eq!(site.connections(), 0);
        assert_eq!(hook.counts(&server), json!({ "pending": 0, "completed": 0, "ignored": 0, "failed": 0 }));
    }
}
