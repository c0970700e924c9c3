//! Importing within another application's page: who lets it in, and how far.

use serde_json::json;

use crate::server::{Reply, Server};
use crate::support::{Kind, STORES};

const HOST: &str = "https://app.example.com";

/// A token for an object, as the host's own server asks for it.
fn token(server: &Server, object: &str) -> String {
    let made = server.post("/api/v1/embedding/tokens", &json!({ "object": object }));
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(made.json()["script"].as_str().is_some_and(|script| script.ends_with("/embed.js")));
    made.json()["token"].as_str().expect("a token").to_owned()
}

fn lets_in(server: &Server) {
    let put = server.json("PUT", "/api/v1/embedding", &json!({ "origins": [HOST] }));
    assert_eq!((put.status, put.json()), (200, json!({ "origins": [HOST] })));
}

/// What a frame gets, without a key and without a cookie.
fn get(server: &Server, path: &str) -> Reply {
    server.send("GET", path, &[], b"")
}

/// What a form within a frame sends: the status, and where the answer leads.
fn post(server: &Server, path: &str, kind: &str, body: &str) -> (u16, String) {
    let answer = server.raw(
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let to = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default();
    (status, to.to_owned())
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Sends a file by a frame's form and maps it as suggested; the address of what is prepared.
fn prepare(server: &Server, base: &str) -> String {
    let body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"people.csv\"\r\n\r\n\
                First Name,E-Mail\nAda,ada@x.io\nBob,nonsense\n\r\n--b--\r\n";
    let form = format!("{base}/import/contacts");
    let (status, draft) = post(server, &form, "multipart/form-data; boundary=b", body);
    assert_eq!(status, 303);
    assert!(draft.starts_with(&format!("{base}/import/contacts/")), "{draft}");
    let mapping = "column.0=First+Name&field.0=first_name&column.1=E-Mail&field.1=email";
    let mapped = post(server, &format!("{draft}/mapping"), FORM, mapping);
    assert_eq!(mapped, (303, format!("{draft}/review")));
    draft
}

#[test]
fn a_host_page_imports_and_takes_back_what_it_imported() {
    for kind in STORES {
        let server = Server::start(kind);
        let before = server.post("/api/v1/embedding/tokens", &json!({ "object": "contacts" }));
        assert_eq!(
            (before.status, before.text().contains("origins")),
            (409, true),
            "nobody is let in at first"
        );
        lets_in(&server);
        let base = format!("/embed/{}", token(&server, "contacts"));

        let first = get(&server, &format!("{base}/import/contacts"));
        assert_eq!(first.status, 200, "{}", first.text());
        assert!(first.header("content-security-policy").ends_with(&format!("frame-ancestors {HOST}")));
        assert_eq!(first.header("x-frame-options"), "");
        for outside in ["href=\"/imports\"", "href=\"/records", "action=\"/sign-out\"", "href=\"/import"] {
            assert!(!first.text().contains(outside), "{outside} leads out of the frame");
        }
        let german = get(&server, &format!("{base}~de/import/contacts"));
        assert!(german.text().contains("Hochladen") && german.text().contains(&format!("{base}~de/import/")));

        let draft = prepare(&server, &base);
        let review = get(&server, &format!("{draft}/review")).text();
        assert!(review.contains("Import 1 row"), "{review}");
        let (status, import) = post(&server, &format!("{draft}/confirm"), FORM, "");
        assert!(status == 303 && import.starts_with(&format!("{base}/imports/")), "{status} {import}");
        let told = get(&server, &import).text();
        assert!(told.contains("data-embed-event=\"completed\""), "{told}");
        assert!(told.contains("&quot;created&quot;:1") && told.contains("&quot;rejected&quot;:1"), "{told}");
        assert!(get(&server, &format!("{import}/failed-rows")).text().contains("nonsense"));
        assert_eq!(server.get("/api/v1/objects/contacts/records").json()["total"], 1);

        let undone = post(&server, &format!("{import}/undo"), FORM, "");
        assert_eq!(undone, (303, import.clone()));
        assert!(get(&server, &import).text().contains("data-embed-event=\"undone\""));
        assert_eq!(server.get("/api/v1/objects/contacts/records").json()["total"], 0);
    }
}

#[test]
fn a_token_lets_in_to_its_own_object_and_its_own_work_only() {
    let server = Server::start(Kind::Sqlite);
    lets_in(&server);
    let mine = format!("/embed/{}", token(&server, "contacts"));
    let theirs = format!("/embed/{}", token(&server, "contacts"));
    let draft = prepare(&server, &mine);
    let (_, done) = post(&server, &format!("{draft}/confirm"), FORM, "");
    let of_theirs = |address: &str| address.replace(&mine, &theirs);
    assert_eq!(get(&server, &of_theirs(&draft)).status, 404);
    for (method, path) in [
        ("GET", of_theirs(&done)),
        ("GET", of_theirs(&format!("{done}/failed-rows"))),
        ("POST", of_theirs(&format!("{done}/undo"))),
        ("POST", of_theirs(&format!("{draft}/confirm"))),
    ] {
        let status =
            if method == "GET" { get(&server, &path).status } else { post(&server, &path, FORM, "").0 };
        assert_eq!(status, 404, "{method} {path}");
    }
    let other = get(&server, &format!("{mine}/import/companies"));
    assert_eq!((other.status, other.text().contains("another object")), (403, true));
    for path in ["/records/contacts", "/imports", "/jobs", "/api/v1/keys", "/api/v1/imports/1/failed-rows"] {
        assert_eq!(get(&server, &format!("{mine}{path}")).status, 404, "{path}");
    }
    let bearer = format!("Bearer {}", mine.trim_start_matches("/embed/"));
    assert_eq!(server.send("GET", "/api/v1/objects", &[("authorization", &bearer)], b"").status, 401);
    // A key of somebody else that comes along makes no difference.
    let key = format!("Bearer {}", server.key("member"));
    let address = format!("{mine}/import/contacts");
    assert_eq!(server.send("GET", &address, &[("authorization", &key)], b"").status, 200);
    assert_eq!(get(&server, "/embed/nonsense/import/contacts").status, 403);
    assert_eq!(get(&server, "/embed/nonsense/import/contacts").header("x-frame-options"), "DENY");
    let log = server.get("/api/v1/audit?limit=200").text();
    assert!(log.contains("embed emb_") && log.contains("request.refused"), "{log}");
    assert!(!log.contains(mine.trim_start_matches("/embed/")), "a token stands in the log: {log}");
}

#[test]
fn a_token_ends_with_its_time_its_holder_and_the_origins() {
    let server = Server::start(Kind::Sqlite);
    lets_in(&server);
    for wrong in
        [json!({ "object": "contacts", "minutes": 0 }), json!({ "object": "contacts", "minutes": 1441 })]
    {
        assert_eq!(server.post("/api/v1/embedding/tokens", &wrong).status, 400);
    }
    assert_eq!(server.post("/api/v1/embedding/tokens", &json!({ "object": "boats" })).status, 404);
    for origin in ["*", "https://a.b/path", "javascript:alert(1)", "https://a.b; script-src *"] {
        let put = server.json("PUT", "/api/v1/embedding", &json!({ "origins": [origin] }));
        assert_eq!(put.status, 400, "{origin}");
    }

    let holder = server.key("admin");
    let made = server.json_as(&holder, "POST", "/api/v1/embedding/tokens", &json!({ "object": "contacts" }));
    let theirs = made.json()["token"].as_str().expect("a token").to_owned();
    let address = format!("/embed/{theirs}/import/contacts");
    assert_eq!(get(&server, &address).status, 200);
    let keys = server.get("/api/v1/keys").json();
    let key = keys["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|key| key["name"] == "admin key")
        .or_else(|| keys["keys"].as_array()?.last());
    let id = key.and_then(|key| key["id"].as_str()).expect("a key").to_owned();
    assert_eq!(server.json("DELETE", &format!("/api/v1/keys/{id}"), &json!({})).status, 204);
    let revoked = get(&server, &address);
    assert_eq!((revoked.status, revoked.text().contains("may no longer be shown")), (403, true));
    assert!(revoked.text().contains("TOKEN_REVOKED"), "the page around it is told");

    let mine = token(&server, "contacts");
    assert_eq!(server.json("PUT", "/api/v1/embedding", &json!({ "origins": [] })).status, 200);
    let closed = get(&server, &format!("/embed/{mine}/import/contacts"));
    assert_eq!((closed.status, closed.header("x-frame-options")), (403, "DENY"));
}
