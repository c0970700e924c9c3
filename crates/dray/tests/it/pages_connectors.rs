//! The pages of connectors as a browser without a script sees them: trying out, saving, events and what became of them.

use serde_json::{Value, json};

use crate::events_kit::{Hook, hook, server, set};
use crate::pages_kit::{Browser, Shown, form_of};
use crate::server::Server;
use crate::support::{Kind, STORES};

/// A connector that makes contacts of orders.
fn orders(server: &Server) -> Hook {
    hook(
        server,
        json!({
            "trigger": "equals($payload.type, \"order\")",
            "example_payload": { "type": "order", "mail": "ada@example.com", "total": 12.5 },
            "process": [{ "key": "mail", "value": "lower($payload.mail)" }],
            "perform": [{ "key": "email", "value": "$process.mail" }],
            "perform_api_url": "object:contacts?match=email",
        }),
    )
}

fn address(hook: &Hook, rest: &str) -> String {
    format!("/records/connectors/{}{rest}", hook.id)
}

/// What stands in a field with several lines.
fn area(shown: &Shown, name: &str) -> String {
    let (_, rest) = shown.html.split_once(&format!("name=\"{name}\"")).expect("the field is there");
    let text = rest.split_once('>').and_then(|(_, rest)| rest.split_once("</textarea>")).expect("its text").0;
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// What is said to be wrong with a field.
fn wrong(shown: &Shown, name: &str) -> String {
    let told = shown.html.split_once(&format!("id=\"field-{name}-error\">")).expect("the field is there").1;
    told.split_once("</p>").expect("its end").0.to_owned()
}

#[test]
fn a_connector_is_tried_out_and_nothing_is_sent_or_lost() {
    for kind in STORES {
        let server = server(kind, "1");
        let hook = orders(&server);
        let mut browser = Browser::signed_in(&server);
        assert!(browser.get(&address(&hook, "")).html.contains(&address(&hook, "/test")));
        let first = browser.get(&address(&hook, "/test"));
        assert_eq!(first.status, 200);
        assert!(
            first.has("Trigger matched") && first.has("A record of Contacts, recognized by email"),
            "{}",
            first.text()
        );
        assert!(first.has("\"email\": \"ada@example.com\""), "{}", first.text());
        assert_eq!(
            area(&first, "process"),
            "[\n  {\"key\": \"mail\", \"value\": \"lower($payload.mail)\"}\n]"
        );
        assert_eq!(area(&first, "example_payload").lines().count(), 5);
        for choice in ["$payload.mail", "$process.mail"] {
            assert!(first.html.contains(&format!("&quot;path&quot;:&quot;{choice}&quot;")), "{choice}");
        }

        let version = form_of(&first.html)["version"].clone();
        let typed = |changes: &[(&'static str, &'static str)]| {
            let mut fields = vec![
                ("version", version.clone()),
                ("trigger", "equals($payload.type, \"refund\")".to_owned()),
                ("process_api_url", "https://crm.example.com/people/$payload.id".to_owned()),
                (
                    "process_api_headers",
                    "[{\"key\": \"Authorization\", \"value\": \"Bearer $secret.CRM\"}]".to_owned(),
                ),
                ("process", "[{\"key\": \"tier\", \"value\": \"$lookup.tier\"}]".to_owned()),
                ("perform", String::new()),
                ("perform_api_url", "https://api.example.com/notes".to_owned()),
                ("perform_api_method", "PUT".to_owned()),
                ("perform_headers", String::new()),
                ("example_payload", "{\"type\": \"refund\", \"id\": 12345678901234567890123}".to_owned()),
                ("lookup", "{\"tier\": \"gold\"}".to_owned()),
            ];
            for (name, text) in changes {
                fields.retain(|(known, _)| known != name);
                fields.push((name, (*text).to_owned()));
            }
            fields
        };
        let post = |browser: &mut Browser<'_>, fields: &[(&'static str, String)]| {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
            browser.post(&address(&hook, "/test"), &fields)
        };
        let tried = post(&mut browser, &typed(&[]));
        assert_eq!(tried.status, 200);
        for told in [
            "Trigger matched",
            "GET https://crm.example.com/people/12345678901234567890123 authorization: Bearer ***",
            "PUT https://api.example.com/notes content-type: application/json { \"tier\": \"gold\" }",
            "Secrets that are missing: CRM",
        ] {
            assert!(tried.has(told), "{told}: {}", tried.text());
        }
        assert!(tried.html.contains("href=\"/settings/secrets\"") && tried.has("Connectors: A connector"));
        // Whatever is wrong is told where it is, and everything stays as it was entered.
        let entered = typed(&[
            ("trigger", "equals($payload.type, \"<refund>\""),
            ("process", "[{\"key\": \"a\"}"),
            ("perform_api_url", "https://$payload.host/x"),
            ("example_payload", "{\"type\": "),
            ("lookup", "gold & more"),
        ]);
        let refused = post(&mut browser, &entered);
        assert_eq!(refused.status, 200);
        for (name, text) in &entered {
            if !["version", "perform_api_method", "process_api_url", "perform_api_url"].contains(name) {
                assert_eq!(&area(&refused, name), text, "{name}");
            }
        }
        assert!(
            refused.html.contains("value=\"https://$payload.host/x\"")
                && refused.html.contains("value=\"PUT\" selected")
        );
        assert!(wrong(&refused, "trigger").contains("at character"), "{}", wrong(&refused, "trigger"));
        assert!(
            wrong(&refused, "example_payload").contains("line 1"),
            "{}",
            wrong(&refused, "example_payload")
        );
        for name in ["process", "perform_api_url", "lookup"] {
            assert!(!wrong(&refused, name).is_empty(), "{name}: {}", refused.text());
        }
        assert_eq!(wrong(&refused, "perform"), "");
        let ignored = post(&mut browser, &typed(&[("example_payload", "{\"type\": \"order\"}")]));
        assert!(
            ignored.has("not matched") && ignored.has("The event would be ignored"),
            "{}",
            ignored.text()
        );
        let nothing = post(&mut browser, &typed(&[("example_payload", "")]));
        assert!(nothing.has("Enter a payload"), "{}", nothing.text());
        // Nothing of it is kept, and nobody was asked.
        assert_eq!(form_of(&browser.get(&address(&hook, "/test")).html)["version"], version);
        assert_eq!(hook.counts(&server), json!({ "pending": 0, "completed": 0, "ignored": 0, "failed": 0 }));
    }
}

#[test]
fn what_was_tried_is_saved_unless_somebody_was_faster() {
    for kind in STORES {
        let server = server(kind, "1");
        let hook = orders(&server);
        let mut browser = Browser::signed_in(&server);
        let page = address(&hook, "/test");
        let version = form_of(&browser.get(&page).html)["version"].clone();
        let payload = "{\r\n  \"type\": \"refund\",\r\n  \"id\": 12345678901234567890123\r\n}";
        let fields = [
            ("version", version.as_str()),
            ("trigger", "equals($payload.type, \"refund\")"),
            ("perform_api_method", "PATCH"),
            ("example_payload", payload),
            ("lookup", "{\"tier\": 1}"),
            ("save", "yes"),
        ];
        let saved = browser.post(&page, &fields);
        assert!(saved.status == 200 && saved.has("Saved."), "{}", saved.text());
        assert!(saved.has("Trigger matched"), "{}", saved.text());
        assert_eq!(area(&saved, "lookup"), "{\"tier\": 1}", "what is not kept stays on the page");
        let record = server.get(&format!(
            "/api/v1{}",
            address(&hook, "").replace("/records/connectors", "/objects/connectors/records")
        ));
        assert!(record.text().contains("12345678901234567890123"), "no digit is lost: {}", record.text());
        assert_eq!(record.json()["perform_api_method"], "PATCH");
        assert_eq!(
            record.json()["perform_api_url"],
            "object:contacts?match=email",
            "what the form lacks stays"
        );
        assert!(area(&browser.get(&page), "example_payload").contains("12345678901234567890123"));

        let again = browser.post(&page, &fields);
        assert_eq!(again.status, 422);
        assert!(again.has("Somebody else changed this record meanwhile"), "{}", again.text());
        assert_eq!(area(&again, "trigger"), "equals($payload.type, \"refund\")");
        let version = form_of(&browser.get(&page).html)["version"].clone();
        let bad = [
            ("version", version.as_str()),
            ("trigger", "equal($payload.type, 1)"),
            ("example_payload", "{"),
            ("save", "yes"),
        ];
        let refused = browser.post(&page, &bad);
        assert_eq!(refused.status, 422);
        assert!(!wrong(&refused, "trigger").is_empty() && !wrong(&refused, "example_payload").is_empty());
        assert_eq!(
            (area(&refused, "trigger").as_str(), area(&refused, "example_payload").as_str()),
            ("equal($payload.type, 1)", "{")
        );
        // The record's own form keeps what it shows as it was.
        let whole = browser.get(&address(&hook, ""));
        let version = form_of(&whole.html)["version"].clone();
        let same = [("version", version.as_str()), ("example_payload", &area(&whole, "example_payload"))];
        browser.post(&address(&hook, ""), &same);
        assert_eq!(
            form_of(&browser.get(&address(&hook, "")).html)["version"],
            version,
            "nothing has changed"
        );
    }
}

/// Gives a connector another address, and waits until that is believed.
fn leads_to(server: &Server, hook: &Hook, address: &str) {
    set(server, hook.id, json!({ "perform_api_url": address }));
    std::thread::sleep(std::time::Duration::from_millis(1_100));
}

#[test]
fn events_are_listed_looked_at_and_sent_again() {
    for kind in STORES {
        let server = server(kind, "1");
        let hook = orders(&server);
        let mut browser = Browser::signed_in(&server);
        let all = address(&hook, "/events");
        let empty = browser.get(&all);
        assert!(
            empty.has("No events have come yet.")
                && empty.has(&format!("curl -X POST 'http://x{}'", hook.path)),
            "{}",
            empty.text()
        );
        assert!(
            empty.has("-d '{\"type\":\"order\",\"mail\":\"ada@example.com\",\"total\":12.5}'"),
            "{}",
            empty.text()
        );

        let done = hook.taken(&server, &json!({ "type": "order", "mail": "ADA@example.com" }));
        hook.ended(&server, &done, "completed");
        let ignored = hook.taken(&server, &json!({ "type": "refund" }));
        leads_to(&server, &hook, "object:nobody");
        let failed = hook.taken(&server, &json!({ "type": "order", "mail": "linus@example.org" }));
        hook.ended(&server, &failed, "failed");
        let list = browser.get(&all);
        for told in [
            "all (3)",
            "pending (0)",
            "completed (1)",
            "ignored (1)",
            "failed (1)",
            "not matched",
            "Contacts 1",
        ] {
            assert!(list.has(told), "{told}: {}", list.text());
        }
        let place = |id: &str| list.html.find(&format!("{all}/{id}\"")).expect("the event is listed");
        assert!(place(&failed) < place(&ignored) && place(&ignored) < place(&done), "the newest first");
        assert!(!list.html.contains("replay-failed"));
        let only = browser.get(&format!("{all}?status=failed"));
        assert!(only.html.contains(&failed) && !only.html.contains(&done));
        assert!(only.html.contains(&format!("{all}/replay-failed")) && only.has("nobody"), "{}", only.text());
        let part = browser.get(&format!("{all}?newest=yes"));
        assert!(part.html.contains("id=\"events\"") && part.html.contains(&address(&hook, "/test")));
        assert!(browser.get(&address(&hook, "")).html.contains(&format!("hx-get=\"{all}?newest=yes\"")));

        let one = browser.get(&format!("{all}/{done}"));
        for told in [
            "completed",
            "Trigger matched",
            "A record of Contacts, recognized by email",
            "\"mail\": \"ADA@example.com\"",
        ] {
            assert!(one.has(told), "{told}: {}", one.text());
        }
        assert!(one.html.contains("href=\"/records/contacts/1\"") && one.html.contains("href=\"/imports/"));
        let example = browser.get(&address(&hook, &format!("/test?event={failed}")));
        assert!(area(&example, "example_payload").contains("linus"));

        leads_to(&server, &hook, "object:contacts?match=email");
        let again = browser.post(&format!("{all}/{done}/replay"), &[]);
        assert_eq!((again.status, again.path), (200, format!("{all}/{done}")));
        hook.ended(&server, &done, "completed");
        assert_eq!(browser.post(&format!("{all}/replay-failed"), &[]).path, all);
        hook.ended(&server, &failed, "completed");
        for gone in
            ["/events/evt_0000000000000000000000", "/events?status=lost", "/events?after=x", "/test?event=x"]
        {
            assert!([400, 404].contains(&browser.get(&address(&hook, gone)).status), "{gone}");
        }
        for nowhere in
            ["/records/contacts/1/events", "/records/contacts/1/test", "/records/connectors/99/test"]
        {
            assert_eq!(browser.get(nowhere).status, 404, "{nowhere}");
        }
    }
}

#[test]
fn events_go_on_on_the_next_page() {
    let server = server(Kind::Sqlite, "1");
    let hook = orders(&server);
    let mut browser = Browser::signed_in(&server);
    for id in 0..51 {
        hook.taken(&server, &json!({ "type": "refund", "id": id }));
    }
    let first = browser.get(&address(&hook, "/events?status=ignored"));
    let rows = |shown: &Shown| shown.html.matches("/replay\"").count();
    let (_, next) = first.html.split_once("rel=\"next\"").expect("a next page");
    let next = first.html.rsplit_once("href=\"").map(|_| next).expect("a link");
    assert!(rows(&first) == 50 && !next.is_empty(), "{}", first.text());
    let link = first.html.split("href=\"").find(|part| part.contains("rel=\"next\"")).expect("a link");
    let link = link.split('"').next().unwrap_or_default().replace("&amp;", "&");
    let second = browser.get(&link);
    assert_eq!(rows(&second), 1, "{}", second.text());
}

#[test]
fn connectors_are_for_administrators() {
    let server = server(Kind::Sqlite, "1");
    let hook = orders(&server);
    let event = hook.taken(&server, &json!({ "type": "refund" }));
    for role in ["member", "planner"] {
        let key = server.post("/api/v1/keys", &json!({ "name": role, "role": role })).json();
        let key = key["secret"].as_str().expect("a key").to_owned();
        let get = |rest: &str| server.json_as(&key, "GET", &address(&hook, rest), &Value::Null);
        for page in [
            "/test",
            "/events",
            "/events?newest=yes",
            &format!("/events/{event}"),
            &format!("/test?event={event}"),
        ] {
            assert_eq!(get(page).status, 403, "{role} {page}");
        }
        let authorization = format!("Bearer {key}");
        let headers =
            [("authorization", &*authorization), ("content-type", "application/x-www-form-urlencoded")];
        for form in ["/test", "/events/replay-failed", &format!("/events/{event}/replay")] {
            let answer = server.send("POST", &address(&hook, form), &headers, b"trigger=x&save=yes");
            assert_eq!(answer.status, 403, "{role} {form}");
        }
        let record = get("").text();
        assert!(
            !record.contains("/test\"")
                && !record.contains("/events?newest")
                && !record.contains("data-choices")
        );
    }
}
