//! Webhooks: what is told when a job has ended, signed as the Standard Webhooks specification has it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::data_io::ended;
use crate::server::Server;
use crate::site::{Site, answer, until};
use crate::support::STORES;

const DOOR: &str = "/api/v1/orgs/default/data-io";

#[test]
fn the_end_of_a_job_is_told_and_signed() {
    for kind in STORES {
        let site = Site::answering("200 OK", "thanks");
        let own = Site::answering("204 No Content", "");
        let server = Server::start_with(kind, &[("DRAY_ALLOW_OUTBOUND", "127.0.0.1/32")]);
        let made = server
            .post("/api/v1/webhooks", &json!({ "url": site.url("/told"), "events": ["job.completed"] }));
        assert_eq!(made.status, 201, "{}", made.text());
        let secret = made.json()["secret"].as_str().expect("it is shown once").to_owned();
        let body = json!({ "resource": "events", "webhookUrl": own.url("/mine") });
        let job = server.post(&format!("{DOOR}/export"), &body).json();
        ended(&server, job["jobId"].as_str().expect("a job"));
        let told = site.wait_for(1).remove(0);
        assert_eq!((told.method.as_str(), told.path.as_str()), ("POST", "/told"));
        assert_eq!(told.json()["type"], "job.completed");
        assert_eq!(told.json()["organization"], "default");
        let signed = [told.header("webhook-id"), told.header("webhook-timestamp")].join(".");
        let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        mac.update(signed.as_bytes());
        mac.update(b".");
        mac.update(&told.body);
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert!(told.header("webhook-signature").split(' ').any(|one| one == signature), "{told:?}");
        assert_eq!(own.wait_for(1).remove(0).path, "/mine");
        let listed = server.get("/api/v1/webhooks").text();
        assert!(!listed.contains(&secret) && !server.get("/api/v1/audit").text().contains(&secret));
    }
}

#[test]
fn what_does_not_arrive_is_tried_again_and_ends() {
    let site = Site::new(|_, _, stream| answer(stream, "500 Internal Server Error", "", b"no"));
    let settings = [("DRAY_ALLOW_OUTBOUND", "127.0.0.1/32"), ("DRAY_WEBHOOK_PAUSES", "0.05,0.1,0.2")];
    let server = Server::start_with(crate::support::Kind::Sqlite, &settings);
    let made =
        server.post("/api/v1/webhooks", &json!({ "url": site.url("/"), "events": ["job.completed"] })).json();
    let id = made["id"].as_str().expect("an id").to_owned();
    server.post(&format!("{DOOR}/export"), &json!({ "resource": "events" }));
    let deliveries = format!("/api/v1/webhooks/{id}/deliveries");
    let failed = until("the delivery fails for good", || {
        let listed = server.get(&deliveries).json();
        let delivery = listed["deliveries"][0].clone();
        (delivery["status"] == "failed").then_some(delivery)
    });
    assert_eq!(site.asked().len(), 4, "{failed}");
    assert_eq!(failed["attempts"].as_array().map(Vec::len), Some(4), "{failed}");
    // Replayed by hand.
    let replay = format!("{deliveries}/{}/replay", failed["id"].as_str().expect("an id"));
    assert_eq!(server.post(&replay, &json!({})).status, 202);
    site.wait_for(5);
}
