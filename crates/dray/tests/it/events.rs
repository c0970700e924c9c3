//! Connectors at work: what is sent to one is kept before its sender is answered, triggers decide, lookups enrich,
//! requests and records are made of it, and every event can be followed.

use serde_json::{Value, json};

use crate::events_kit::{enabled, hook, server};
use crate::site::{Site, answer};
use crate::support::STORES;

/// The file of the list pages' document, as it stands there.
const DOCUMENT: &str = "name,status,trigger,perform_api_url,perform_api_method\n\
    \"My Connector\",\"enabled\",\"equals($payload.type, \"\"order\"\")\",\"https://api.example.com/webhook\",\"POST\"";

#[test]
fn the_document_s_connector_is_imported_enabled_and_fired() {
    for kind in STORES {
        let site = Site::answering("200 OK", "thanks");
        let server = server(kind, "1");
        let plan = server.upload(
            "/api/v1/objects/connectors/import",
            "connectors.csv",
            DOCUMENT.replace("https://api.example.com/webhook", &site.url("/webhook")).as_bytes(),
            &[],
        );
        assert_eq!(plan.status, 200, "{}", plan.text());
        let import = plan.json()["id"].as_str().expect("an id").to_owned();
        let done = server.post(&format!("/api/v1/objects/connectors/import/{import}/confirm"), &json!({}));
        assert_eq!(done.status, 200, "{}", done.text());
        // A new one is disabled, and its endpoint is as one that never was.
        let address = server.get("/api/v1/objects/connectors/records/1/endpoint").json();
        let url = address["url"].as_str().expect("an address");
        let path = url.split_once("/hooks/").map(|(_, rest)| format!("/hooks/{rest}")).expect("a hook");
        let disabled = server.json_as("drh_x", "POST", &path, &json!({ "type": "order" }));
        let unknown = server.json_as("drh_x", "POST", "/hooks/default.connectors.99.abc", &json!({}));
        assert_eq!((disabled.status, disabled.text()), (404, unknown.text()));
        std::thread::sleep(std::time::Duration::from_secs(1));

        let hook = enabled(&server, 1);
        let order = json!({ "type": "order", "id": 7, "total": 12.50 });
        let id = hook.taken(&server, &order);
        let asked = site.wait_for(1).remove(0);
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/webhook"));
        assert_eq!(asked.header("content-type"), "application/json");
        assert_eq!(asked.header("idempotency-key"), id);
        assert_eq!(asked.json(), order, "where nothing is said about the body, it is what came");
        let event = hook.ended(&server, &id, "completed");
        assert_eq!(event["payload"], order);
        assert_eq!(event["trigger"]["matched"], true);
        assert_eq!(
            (&event["attempts"][0]["status"], &event["attempts"][0]["answer"]),
            (&json!(200), &json!("thanks"))
        );
        assert!(event["finished_at"].is_string() && event["next_attempt_at"].is_null(), "{event}");
        let other = hook.taken(&server, &json!({ "type": "refund" }));
        let event = hook.ended(&server, &other, "ignored");
        assert_eq!((&event["trigger"]["matched"], &event["attempts"]), (&json!(false), &json!([])));
        let why = json!([{ "path": "$payload.type", "value": "\"refund\"" }]);
        assert_eq!(event["trigger"]["looked_at"], why, "it is told why nothing was done");
        assert_eq!(site.asked().len(), 1);
        let list = server.get(&hook.events()).json();
        assert_eq!(list["events"].as_array().map(Vec::len), Some(2), "{list}");
        assert_eq!(list["events"][0]["id"], other.as_str(), "the newest first");
        assert_eq!(list["counts"], json!({ "pending": 0, "completed": 1, "ignored": 1, "failed": 0 }));
        let ignored = server.get(&format!("{}?status=ignored", hook.events())).json();
        assert_eq!(ignored["events"].as_array().map(Vec::len), Some(1), "{ignored}");
    }
}

fn entries(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

#[test]
fn every_step_uses_what_those_before_it_made() {
    for kind in STORES {
        let site = Site::new(|asked, _, stream| {
            let body = match asked.path.starts_with("/people") {
                true => &b"{\"tier\": \"gold\", \"limit\": 12345678901234567890}"[..],
                false => b"ok",
            };
            answer(stream, "200 OK", "", body);
        });
        let server = server(kind, "1");
        let put = server.json("PUT", "/api/v1/secrets/CRM", &json!({ "value": "canary-of-the-crm" }));
        assert_eq!(put.status, 201, "{}", put.text());
        let hook = hook(
            &server,
            json!({
                "trigger": "and(exists($payload.user.id), in($payload.type, \"order\", \"refund\"), gte($payload.total, 10))",
                "process_api_url": site.url("/people/$payload.user.id?lang=de"),
                "process_api_params": entries(&[("key", "$secret.CRM"), ("none", "$payload.nowhere")]),
                "process_api_headers": entries(&[("Authorization", "Bearer $secret.CRM")]),
                "process": entries(&[("name", "upper($payload.user.name)"), ("label", "$process.name ($lookup.tier)")]),
                "perform": entries(&[("label", "$process.label"), ("limit", "$lookup.limit"), ("total", "$payload.total"), ("first", "$payload.items[0]")]),
                "perform_api_url": site.url("/orders/$payload.user.id/notes"),
                "perform_api_method": "PUT",
                "perform_headers": entries(&[("X-Key", "k-$secret.CRM")]),
            }),
        );
        let payload = json!({
            "type": "order", "total": 10, "user": { "id": "a/b ü", "name": "ada" }, "items": [{ "sku": 1 }],
        });
        let id = hook.taken(&server, &payload);
        let event = hook.ended(&server, &id, "completed");
        let asked = site.asked();
        let [lookup, perform] = asked.as_slice() else { panic!("{asked:?}") };
        assert_eq!(
            (lookup.method.as_str(), lookup.path.as_str()),
            ("GET", "/people/a%2Fb%20%C3%BC?lang=de&key=canary-of-the-crm")
        );
        assert_eq!(lookup.header("authorization"), "Bearer canary-of-the-crm");
        assert_eq!((perform.method.as_str(), perform.path.as_str()), ("PUT", "/orders/a%2Fb%20%C3%BC/notes"));
        assert_eq!(perform.header("x-key"), "k-canary-of-the-crm");
        assert_eq!(
            String::from_utf8_lossy(&perform.body),
            "{\"label\":\"ADA (gold)\",\"limit\":12345678901234567890,\"total\":10,\"first\":{\"sku\":1}}"
        );
        assert_eq!(event["steps"]["process"], json!({ "name": "ADA", "label": "ADA (gold)" }));
        assert_eq!(event["steps"]["perform"]["headers"]["x-key"], "k-***", "{event}");
        assert!(!event.to_string().contains("canary"), "{event}");
        let steps: Vec<&Value> =
            event["attempts"].as_array().expect("attempts").iter().map(|attempt| &attempt["step"]).collect();
        assert_eq!(steps, ["lookup", "perform"]);
        let small = hook.taken(&server, &json!({ "type": "order", "total": 9.99, "user": { "id": 1 } }));
        assert_eq!(hook.event(&server, &small)["status"], "ignored");
    }
}

#[test]
fn webhooks_become_records() {
    for kind in STORES {
        let server = server(kind, "1");
        let hook = hook(
            &server,
            json!({
                "perform_api_url": "object:contacts?match=email",
                "perform": entries(&[("email", "$payload.mail"), ("first_name", "$payload.name"), ("tags", "$payload.tags")]),
            }),
        );
        let contacts = || server.get("/api/v1/objects/contacts/records?sort=id").json()["records"].clone();
        let first =
            hook.taken(&server, &json!({ "mail": "ADA@example.com", "name": "Ada", "tags": ["a", "b"] }));
        let event = hook.ended(&server, &first, "completed");
        assert_eq!(
            (&event["record"]["object"], &event["record"]["outcome"]),
            (&json!("contacts"), &json!("created")),
            "{event}"
        );
        let second = hook.taken(&server, &json!({ "mail": "ada@example.com", "name": "Augusta" }));
        assert_eq!(hook.ended(&server, &second, "completed")["record"]["outcome"], "updated");
        let records = contacts();
        assert_eq!(records.as_array().map(Vec::len), Some(1), "{records}");
        assert_eq!((&records[0]["first_name"], &records[0]["tags"]), (&json!("Augusta"), &json!(["a", "b"])));
        let bad = hook.taken(&server, &json!({ "mail": "nowhere", "name": "X" }));
        let event = hook.ended(&server, &bad, "failed");
        assert!(
            event["attempts"][0]["error"]
                .as_str()
                .is_some_and(|why| why.contains("nowhere") || why.contains("e-mail")),
            "{event}"
        );
        // Once the connector is mended, it can be done again.
        let mended = entries(&[("email", "$payload.name@example.com"), ("first_name", "$payload.name")]);
        crate::events_kit::set(&server, hook.id, json!({ "perform": mended }));
        assert_eq!(server.post(&format!("{}/{bad}/replay", hook.events()), &json!({})).status, 202);
        assert_eq!(hook.ended(&server, &bad, "completed")["record"]["outcome"], "created");
        // What an event wrote can be undone like any import.
        let import = hook.event(&server, &second)["record"]["import"].as_i64().expect("an import");
        let undone = server.post(&format!("/api/v1/imports/{import}/undo"), &json!({}));
        assert_eq!(undone.status, 200, "{}", undone.text());
        assert_eq!(contacts()[0]["first_name"], "Ada");
    }
}

/// The how-to, as it stands in the documentation.
const WALK: &str = include_str!("../../../../docs/how-to/connect-a-webhook.md");

#[test]
fn the_walk_of_the_documentation() {
    let file =
        WALK.split_once("```csv\n").and_then(|(_, rest)| Some(rest.split_once("```")?.0)).expect("a file");
    for kind in STORES {
        let site = Site::answering("200 OK", "");
        let server = server(kind, "1");
        let file = file.replace("https://warehouse.example.com", &site.url(""));
        let plan = server.upload("/api/v1/objects/connectors/import", "connectors.csv", file.as_bytes(), &[]);
        assert_eq!(plan.status, 200, "{}", plan.text());
        let import = plan.json()["id"].as_str().expect("an id").to_owned();
        let done = server.post(&format!("/api/v1/objects/connectors/import/{import}/confirm"), &json!({}));
        assert_eq!(done.json()["created"], 2, "{}", done.text());
        server.json("PUT", "/api/v1/secrets/WAREHOUSE", &json!({ "value": "the key" }));
        let tried = server.post("/api/v1/objects/connectors/records/1/test", &json!({})).json();
        assert_eq!((&tried["mistakes"], &tried["missing_secrets"]), (&json!([]), &json!([])), "{tried}");
        assert_eq!(tried["trigger"]["matched"], true);
        let perform = &tried["steps"]["perform"];
        assert_eq!(perform["body"], json!({ "number": 7, "text": "Order 7 of Ada" }));
        assert_eq!(perform["headers"]["authorization"], "Bearer ***");
        assert_eq!(tried["paths"][0], json!({ "path": "$payload.type", "value": "\"order\"" }));
        let order = json!({
            "type": "order", "id": 7, "total": 12.5, "customer": { "name": "Ada", "email": "ada@example.com" },
        });
        let (orders, customers) = (enabled(&server, 1), enabled(&server, 2));
        let id = orders.taken(&server, &order);
        orders.ended(&server, &id, "completed");
        let asked = site.wait_for(1).remove(0);
        assert_eq!((asked.path.as_str(), asked.header("authorization")), ("/orders", "Bearer the key"));
        assert_eq!(asked.json(), json!({ "number": 7, "text": "Order 7 of Ada" }));
        let id = customers.taken(&server, &order);
        let record = customers.ended(&server, &id, "completed")["record"].clone();
        assert_eq!(
            (&record["object"], &record["id"], &record["outcome"]),
            (&json!("contacts"), &json!(1), &json!("created"))
        );
        let failed = server.post(&format!("{}/replay-failed", orders.events()), &json!({}));
        assert_eq!(failed.json(), json!({ "replayed": 0 }));
    }
}
