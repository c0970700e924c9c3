//! Signed links: whatever is changed in one it gives nothing and takes nothing, and it ends with whoever was
//! given it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::data_io::ended;
use crate::server::{ADMIN, Reply, Server};
use crate::support::STORES;

const DOOR: &str = "/api/v1/orgs/default/data-io";

/// Path and query of a link that an answer has.
fn link(server: &Server, url: &Value) -> String {
    url.as_str()
        .and_then(|url| url.strip_prefix(&server.url))
        .unwrap_or_else(|| panic!("not ours: {url}"))
        .to_owned()
}

/// A link to read and a link to write, given to whoever has these headers.
fn links(server: &Server, headers: &[(&str, &str)]) -> (String, String, String) {
    let asked = server.send("POST", &format!("{DOOR}/export"), headers, br#"{"resource":"events"}"#);
    assert_eq!(asked.status, 202, "{}", asked.text());
    let job = asked.json()["jobId"].as_str().expect("a job").to_owned();
    assert_eq!(ended(server, &job)["status"], "completed");
    let told = server.send("GET", &format!("{DOOR}/jobs/{job}"), headers, b"").json();
    let place = server.send("POST", &format!("{DOOR}/uploads"), headers, b"").json();
    let id = place["uploadId"].as_str().expect("an id").to_owned();
    (link(server, &told["downloadUrl"]), link(server, &place["uploadUrl"]), id)
}

/// Every way to change a link that still is an address of files.
fn tampered(link: &str, other: &str) -> Vec<String> {
    let (path, query) = link.split_once('?').expect("a query");
    let parts: Vec<(&str, &str)> = query.split('&').filter_map(|part| part.split_once('=')).collect();
    let [(_, expires), (_, holder), (_, signature)] = parts[..] else { panic!("{link}") };
    let with = |expires: &str, holder: &str, signature: &str| {
        format!("{path}?expires={expires}&for={holder}&signature={signature}")
    };
    let number: i64 = expires.parse().expect("a number");
    let (_, file) = path.rsplit_once('/').expect("a file");
    let swapped = signature.chars().rev().collect::<String>();
    let encoded: String = signature.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let flipped = |place: usize| {
        let mut letters = signature.as_bytes().to_vec();
        letters[place] = if letters[place] == b'A' { b'B' } else { b'A' };
        String::from_utf8(letters).expect("letters")
    };
    let (first, behind) = file.split_at(1);
    let file_flipped = format!("{}{behind}", if first == "a" { "b" } else { "a" });
    let others = other.split("signature=").nth(1).expect("a signature");
    let mut changed = vec![
        // the signature
        path.to_owned(),
        format!("{path}?"),
        format!("{path}?signature={signature}"),
        format!("{path}?expires={expires}&for={holder}"),
        format!("{path}?expires={expires}&for={holder}&signature="),
        with(expires, holder, &flipped(0)),
        with(expires, holder, &flipped(signature.len() / 2)),
        with(expires, holder, signature.split_at(1).1),
        with(expires, holder, signature.split_at(signature.len() - 1).0),
        with(expires, holder, &format!("{signature}A")),
        with(expires, holder, &format!("{signature}=")),
        with(expires, holder, &format!("{signature}%3D")),
        with(expires, holder, &signature.to_uppercase()),
        with(expires, holder, &signature.to_lowercase()),
        with(expires, holder, &swapped),
        with(expires, holder, &encoded),
        with(expires, holder, others),
        with(expires, holder, &"A".repeat(signature.len())),
        with(expires, holder, &format!("{signature}&signature={signature}")),
        format!("{path}?expires={expires}&for={holder}&signature=AAAA&signature={signature}"),
        format!("{path}?expires={expires}&for={holder}&Signature={signature}"),
        // the time
        with(&(number + 1).to_string(), holder, signature),
        with(&(number - 1).to_string(), holder, signature),
        with("9999999999", holder, signature),
        with("-1", holder, signature),
        with("", holder, signature),
        with(&format!("0{expires}"), holder, signature),
        with(&format!("+{expires}"), holder, signature),
        with(&format!("{expires}.0"), holder, signature),
        with(&format!("{expires}&expires=9999999999"), holder, signature),
        format!("{path}?for={holder}&signature={signature}"),
        format!("{path}?Expires={expires}&for={holder}&signature={signature}"),
        // who was given it
        with(expires, "", signature),
        with(expires, "key_AAAAAAAAAAAA", signature),
        with(expires, &holder.to_uppercase(), signature),
        with(expires, &format!("{holder}%00"), signature),
        format!("{path}?expires={expires}&signature={signature}"),
        // what was never there
        format!("{link}&x=1"),
        format!("{link}&"),
        format!("{link}%20"),
        format!("{path}?x=1&{query}"),
        format!("{path}?{query}&{query}"),
        format!("{path}?{}", query.replace('&', ";")),
        format!("{path}?{}", query.replace('=', "%3D")),
        format!("{path}?signature={signature}&for={holder}&expires={expires}"),
        // the organization and the file
        link.replacen("/files/default/", "/files/acme/", 1),
        link.replacen("/files/default/", "/files/DEFAULT/", 1),
        link.replacen("/files/default/", "/files/%64efault/", 1),
        link.replacen("/files/default/", "/files/default%2f..%2facme/", 1),
        link.replacen("/files/default/", "/files/1/", 1),
        link.replacen(file, &file_flipped, 1),
        link.replacen(file, &file.to_lowercase(), 1),
        link.replacen(file, &format!("{file}%00"), 1),
        link.replacen(file, &format!("{file}.part"), 1),
        link.replacen(file, &format!("%{:02x}{}", file.as_bytes()[0], behind), 1),
        link.replacen(file, "..%2fsecret.key", 1),
        other.replacen(other.split(['/', '?']).nth(3).expect("a file"), file, 1),
    ];
    changed.retain(|changed| changed != link);
    changed
}

#[test]
fn a_changed_link_gives_and_takes_nothing() {
    for kind in STORES {
        let server = Server::start(kind);
        server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "Acme" }));
        let (get, put, id) = links(&server, &[("x-api-key", ADMIN)]);
        let files = server.directory.path().join("files");
        let listed = || {
            let folders = std::fs::read_dir(&files).into_iter().flatten().flatten();
            let mut names: Vec<_> = folders
                .flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten())
                .map(|entry| entry.path())
                .collect();
            names.sort();
            names
        };
        let before = listed();
        let mut cases = 0;
        let mut refused = |what: &str, reply: Reply| {
            // No store can hold a NUL: an address that has one is refused before it is looked at.
            let is_odd = reply.status == 400 && what.contains("%00");
            assert!(reply.status == 403 || is_odd, "{kind:?} {what}: {}", reply.text());
            let body = reply.json();
            let names: Vec<&str> =
                body["error"].as_object().expect("an error").keys().map(String::as_str).collect();
            let members = body.as_object().map(serde_json::Map::len);
            assert_eq!((names, members), (vec!["code", "message"], Some(1)), "{what}");
            if !is_odd {
                assert_eq!(body["error"]["code"], "LINK_INVALID", "{what}");
            }
            cases += 1;
        };
        for changed in tampered(&get, &put) {
            refused(&format!("GET {changed}"), server.send("GET", &changed, &[], b""));
        }
        let part = [
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", "0"),
            ("upload-length", "1"),
        ];
        for changed in tampered(&put, &get) {
            refused(&format!("PUT {changed}"), server.send("PUT", &changed, &[], b"x"));
            refused(&format!("PATCH {changed}"), server.send("PATCH", &changed, &part, b"x"));
        }
        // What allows one thing allows no other.
        refused("PUT of a link to read", server.send("PUT", &get, &[], b"x"));
        refused("PATCH of a link to read", server.send("PATCH", &get, &part, b"x"));
        refused("GET of a link to write", server.send("GET", &put, &[], b""));
        assert!(cases >= 3 * 33, "{cases}");
        for changed in tampered(&put, &get) {
            assert!(matches!(server.send("HEAD", &changed, &[], b"").status, 400 | 403), "{changed}");
        }
        for (method, link) in [("POST", &put), ("DELETE", &put), ("POST", &get), ("DELETE", &get)] {
            assert_eq!(server.send(method, link, &[], b"x").status, 405, "{method}");
        }
        assert_eq!(listed(), before, "nothing is written");
        // The links themselves work, and the one to write once.
        assert_eq!(server.send("GET", &get, &[], b"").status, 200);
        assert_eq!(server.send("HEAD", &get, &[], b"").header("accept-ranges"), "bytes");
        assert_eq!(server.send("PUT", &put, &[], b"email\na@x.io\n").status, 200);
        let again = server.send("PUT", &put, &[], b"email\nb@x.io\n");
        assert_eq!((again.status, again.json()["error"]["code"].as_str()), (403, Some("LINK_USED")));
        assert_eq!(std::fs::read(files.join("default").join(id)).expect("the file"), b"email\na@x.io\n");
    }
}

/// Waits until both links are refused.
fn refused_within(server: &Server, get: &str, put: &str, most: Duration) {
    let begun = Instant::now();
    loop {
        let replies =
            [server.send("GET", get, &[], b""), server.send("PUT", put, &[("content-length", "0")], b"")];
        if replies.iter().all(|reply| reply.status == 403) {
            for reply in replies {
                assert_eq!(reply.json()["error"]["code"], "LINK_REVOKED", "{}", reply.text());
            }
            return;
        }
        assert!(begun.elapsed() < most, "the links still work: {:?}", replies.map(|reply| reply.status));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn links_end_with_whoever_was_given_them() {
    for kind in STORES {
        let server = Server::start(kind);
        let made = server.post("/api/v1/keys", &json!({ "name": "k", "role": "admin" })).json();
        let secret = made["secret"].as_str().expect("a secret").to_owned();
        let (get, put, _) = links(&server, &[("x-api-key", &secret)]);
        assert_eq!(server.send("GET", &get, &[], b"").status, 200);
        let id = made["id"].as_str().expect("an id");
        assert_eq!(server.json("DELETE", &format!("/api/v1/keys/{id}"), &Value::Null).status, 204);
        refused_within(&server, &get, &put, Duration::from_secs(1));
        // A key that ends by itself.
        let made =
            server.post("/api/v1/keys", &json!({ "name": "s", "role": "admin", "expires_in": 3 })).json();
        let secret = made["secret"].as_str().expect("a secret").to_owned();
        let (get, put, _) = links(&server, &[("x-api-key", &secret)]);
        refused_within(&server, &get, &put, Duration::from_secs(5));
        // A person who is no longer there.
        let person = json!({ "email": "ann@x.io", "role": "admin", "password": "correct horse battery" });
        let made = server.post("/api/v1/users", &person).json();
        let signed = server.send(
            "POST",
            "/api/v1/session",
            &[("content-type", "application/json"), ("sec-fetch-site", "same-origin")],
            br#"{"email":"ann@x.io","password":"correct horse battery"}"#,
        );
        let cookie = signed.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        assert!(!cookie.is_empty(), "{}", signed.text());
        let (get, put, _) = links(&server, &[("cookie", &cookie), ("sec-fetch-site", "same-origin")]);
        assert_eq!(server.send("GET", &get, &[], b"").status, 200);
        let id = made["id"].as_str().expect("an id");
        assert_eq!(server.json("DELETE", &format!("/api/v1/users/{id}"), &Value::Null).status, 204);
        refused_within(&server, &get, &put, Duration::from_secs(1));
        // Those of others go on.
        let (get, _, _) = links(&server, &[("x-api-key", ADMIN)]);
        assert_eq!(server.send("GET", &get, &[], b"").status, 200);
        let audit = server.get("/api/v1/audit?limit=200").text();
        assert!(audit.contains("signed link of key_") && audit.contains("signed link of user_"), "{audit}");
    }
}
