//! Users, passwords and browsers; organizations; the audit log.

use std::time::Instant;

use serde_json::{Value, json};

use crate::server::{ADMIN, Reply, Server};
use crate::support::{Kind, STORES};

fn sign_in(server: &Server, email: &str, password: &str) -> Reply {
    let body = json!({ "email": email, "password": password }).to_string();
    server.send("POST", "/api/v1/session", &[("content-type", "application/json")], body.as_bytes())
}

fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
}

#[test]
fn a_user_signs_in_and_out() {
    for kind in STORES {
        let server = Server::start(kind);
        let new =
            json!({ "email": "Ann@X.io", "name": "Ann", "role": "member", "password": "correct horse" });
        let made = server.post("/api/v1/users", &new);
        assert_eq!(made.status, 201, "{}", made.text());
        assert!(!made.text().contains("argon2") && made.json()["email"] == "ann@x.io", "{}", made.text());
        let id = made.json()["id"].as_str().unwrap_or_default().to_owned();
        assert_eq!(server.post("/api/v1/users", &new).status, 409);

        let inside = sign_in(&server, "ann@x.io ", "correct horse");
        assert_eq!(inside.status, 200, "{}", inside.text());
        let set = inside.header("set-cookie").to_owned();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && !set.contains("Secure"), "{set}");
        let cookie = cookie(&inside);
        let who = server.send("GET", "/api/v1/session", &[("cookie", &cookie)], b"").json();
        assert_eq!(
            (&who["email"], &who["role"], &who["organization"]["slug"]),
            (&json!("ann@x.io"), &json!("member"), &json!("default"))
        );
        assert_eq!(
            server.send("GET", "/api/v1/objects/contacts/records", &[("cookie", &cookie)], b"").status,
            200
        );
        assert_eq!(server.send("GET", "/api/v1/users", &[("cookie", &cookie)], b"").status, 403);

        // A page of another server cannot change anything in the user's name.
        let foreign = server.send(
            "DELETE",
            "/api/v1/session",
            &[("cookie", &cookie), ("sec-fetch-site", "cross-site")],
            b"",
        );
        assert_eq!(foreign.status, 403);
        let own =
            [("cookie", &*cookie), ("sec-fetch-site", "same-origin"), ("content-type", "application/json")];
        let password = format!("/api/v1/users/{id}/password");
        let without = server.send("PUT", &password, &own, br#"{"password":"another horse"}"#);
        assert_eq!(without.status, 403, "{}", without.text());
        let changed = server.send(
            "PUT",
            &password,
            &own,
            br#"{"password":"another horse","current_password":"correct horse"}"#,
        );
        assert_eq!(changed.status, 204, "{}", changed.text());
        assert_eq!(
            server.send("GET", "/api/v1/session", &[("cookie", &cookie)], b"").status,
            401,
            "signed out everywhere"
        );
        assert_eq!(sign_in(&server, "ann@x.io", "correct horse").status, 401);
        let again = sign_in(&server, "ann@x.io", "another horse");
        let cookie = self::cookie(&again);
        let out = server.send("DELETE", "/api/v1/session", &[("cookie", &cookie), ("x-dray-page", "1")], b"");
        assert_eq!((out.status, out.header("set-cookie").contains("Max-Age=0")), (204, true));
        assert_eq!(server.send("GET", "/api/v1/session", &[("cookie", &cookie)], b"").status, 401);

        assert_eq!(server.json("DELETE", &format!("/api/v1/users/{id}"), &Value::Null).status, 204);
        assert_eq!(server.json("DELETE", &format!("/api/v1/users/{id}"), &Value::Null).status, 404);
        assert_eq!(sign_in(&server, "ann@x.io", "another horse").status, 401);
        let users = server.get("/api/v1/users").json();
        let last = users["users"][0]["id"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            server.json("DELETE", &format!("/api/v1/users/{last}"), &Value::Null).status,
            409,
            "the only admin"
        );
    }
}

#[test]
fn wrong_passwords_tell_nothing_and_are_counted() {
    for kind in STORES {
        let server = Server::start(kind);
        let new = json!({ "email": "ann@x.io", "role": "member", "password": "correct horse" });
        assert_eq!(server.post("/api/v1/users", &new).status, 201);
        let mut times = Vec::new();
        let mut told = Vec::new();
        for email in ["ann@x.io", "nobody@x.io", "admin@localhost"] {
            let begun = Instant::now();
            let reply = sign_in(&server, email, "wrong password");
            times.push(begun.elapsed().as_secs_f64());
            assert_eq!(reply.status, 401);
            told.push(reply.text());
        }
        assert!(told.iter().all(|text| *text == told[0]), "{told:?}");
        let (least, most) =
            times.iter().fold((f64::MAX, 0.0_f64), |(least, most), &time| (least.min(time), most.max(time)));
        assert!(least > most / 10.0, "nobody is told apart by the time it takes: {times:?}");
        for _ in 0..9 {
            assert_eq!(sign_in(&server, "ann@x.io", "wrong password").status, 401);
        }
        let throttled = sign_in(&server, "ann@x.io", "correct horse");
        assert_eq!(throttled.status, 429, "even the right one waits now");
        assert!(throttled.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
        assert_eq!(sign_in(&server, "admin@localhost", "x").status, 401, "others do not wait");
        for _ in 0..60 {
            sign_in(&server, "someone@x.io", &"x".repeat(300));
        }
        for (email, password) in [("", ""), ("ann@x.io\u{0}", "x"), (&*"e".repeat(9000), "x")] {
            assert_eq!(sign_in(&server, email, password).status, 401, "{email:.20}");
        }
        for body in ["{}", "[]", r#"{"email":1,"password":2}"#, r#"{"email":"a","password":"b","c":1}"#] {
            let status = server
                .send("POST", "/api/v1/session", &[("content-type", "application/json")], body.as_bytes())
                .status;
            assert_eq!(status, 400, "{body}");
        }
        for user in [
            json!({ "email": "x", "role": "member" }),
            json!({ "email": "a@b@c", "role": "member" }),
            json!({ "email": "a b@c.d", "role": "member" }),
            json!({ "email": "a@b.c", "role": "king" }),
            json!({ "email": "a@b.c", "role": "member", "password": "short" }),
            json!({ "email": "a@b.c", "role": "member", "password": "x".repeat(10_000) }),
            json!({ "email": format!("{}@b.c", "x".repeat(999)), "role": "member" }),
        ] {
            assert_eq!(server.post("/api/v1/users", &user).status, 400, "{user}");
        }
    }
}

#[test]
fn a_cookie_over_https_is_secure() {
    let mut server = Server::start(Kind::Sqlite);
    let new = json!({ "email": "ann@x.io", "role": "member", "password": "correct horse" });
    assert_eq!(server.post("/api/v1/users", &new).status, 201);
    // A second server over the same store, reached over https from outside.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let listen = port.to_string();
    let mut behind = server
        .command(&["serve", "--listen", &listen])
        .env("DRAY_PUBLIC_URL", "https://dray.example")
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let until = Instant::now() + std::time::Duration::from_secs(30);
    while std::net::TcpStream::connect(port).is_err() && Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    server.url = format!("http://{listen}");
    let set = sign_in(&server, "ann@x.io", "correct horse").header("set-cookie").to_owned();
    let _ = behind.kill();
    let _ = behind.wait();
    assert!(set.ends_with("; Secure"), "{set}");
}

#[test]
fn organizations_see_only_their_own() {
    for kind in STORES {
        let server = Server::start(kind);
        let made = server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "Acme" }));
        assert_eq!(made.status, 201, "{}", made.text());
        let key = made.json()["secret"].as_str().unwrap_or_default().to_owned();
        assert_eq!(server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "B" })).status, 409);
        for slug in ["", "../x", "a\u{0}", "A B", "a'; drop", "pg_x", &"a".repeat(200), "default"] {
            let status = server.post("/api/v1/organizations", &json!({ "slug": slug, "name": "B" })).status;
            assert!(matches!(status, 400 | 409), "{slug:.20} {status}");
        }
        let own = server.json_as(&key, "GET", "/api/v1/organizations", &Value::Null).json();
        assert_eq!(own["organizations"].as_array().map(Vec::len), Some(1));
        assert_eq!(own["organizations"][0]["slug"], "acme");
        assert_eq!(
            server.get("/api/v1/organizations").json()["organizations"].as_array().map(Vec::len),
            Some(2)
        );
        assert_eq!(server.json_as(&key, "GET", "/api/v1/organizations/default", &Value::Null).status, 404);
        assert_eq!(server.json_as(&key, "GET", "/api/v1/organizations/acme", &Value::Null).status, 200);
        assert_eq!(
            server
                .json_as(&key, "POST", "/api/v1/organizations", &json!({ "slug": "b", "name": "B" }))
                .status,
            403
        );
        assert_eq!(
            server.json_as(&key, "PATCH", "/api/v1/organizations/acme", &json!({ "name": "B" })).status,
            403
        );
        let changed = server.json(
            "PATCH",
            "/api/v1/organizations/acme",
            &json!({ "name": "Acme Inc", "plan": { "name": "s", "rows_per_import": 1 } }),
        );
        assert_eq!(changed.json()["plan"]["rows_per_import"], 1, "{}", changed.text());

        let record = json!({ "first_name": "Ada" });
        assert_eq!(server.post("/api/v1/objects/contacts/records", &record).status, 201);
        let theirs = server.json_as(&key, "GET", "/api/v1/objects/contacts/records", &Value::Null).json();
        assert_eq!(theirs["total"], 0);
        assert_eq!(
            server.json_as(&key, "GET", "/api/v1/objects/contacts/records/1", &Value::Null).status,
            404
        );
        let field = json!({ "name": "extra", "type": "text" });
        assert_eq!(server.json_as(&key, "POST", "/api/v1/objects/contacts/fields", &field).status, 201);
        assert!(
            !server.get("/api/v1/objects/contacts").text().contains("\"extra\""),
            "definitions are each their own"
        );
    }
}

#[test]
fn everything_is_written_down() {
    for kind in STORES {
        let server = Server::start(kind);
        let member = server.key("member");
        let record = json!({ "first_name": "Ada" });
        server.post("/api/v1/objects/contacts/records", &record);
        server.get("/api/v1/objects/contacts/records?search=%3D1%2B1");
        server.get("/api/v1/objects/contacts/export?filter_field=status&filter_value=lead");
        assert_eq!(server.json_as(&member, "POST", "/api/v1/objects/contacts/records", &record).status, 403);
        let keys = server.get("/api/v1/keys").json();
        let id = keys["keys"].as_array().into_iter().flatten().find(|key| key["role"] == "member");
        let id = id.and_then(|key| key["id"].as_str()).unwrap_or_default().to_owned();
        assert_eq!(server.json("DELETE", &format!("/api/v1/keys/{id}"), &Value::Null).status, 204);
        assert_eq!(server.json_as(&member, "GET", "/api/v1/objects", &Value::Null).status, 401);
        assert_eq!(server.post("/api/v1/objects/contacts/records", &json!({ "email": "bad" })).status, 422);

        let log = server.get("/api/v1/audit?limit=1000").json();
        let lines: Vec<String> = log["entries"]
            .as_array()
            .into_iter()
            .flatten()
            .rev()
            .map(|entry| {
                format!(
                    "{} {} {}",
                    entry["action"].as_str().unwrap_or_default(),
                    entry["status"],
                    entry["subject"].as_str().unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                format!("key.create 200 {id}"),
                "records.create 200 contacts/1".to_owned(),
                "records.list 200 contacts".to_owned(),
                "records.export 200 contacts".to_owned(),
                "request.refused 403 /api/v1/objects/contacts/records".to_owned(),
                format!("key.revoke 200 {id}"),
                "request.refused 401 /api/v1/objects".to_owned(),
                "request.refused 422 /api/v1/objects/contacts/records".to_owned(),
            ]
        );
        let refused = &log["entries"][1];
        assert!(refused["actor"].as_str().unwrap_or_default().contains(&id), "{refused}");
        assert_eq!(refused["details"]["code"], "UNAUTHENTICATED");
        let exported =
            log["entries"].as_array().into_iter().flatten().find(|entry| entry["action"] == "records.export");
        let exported = exported.cloned().unwrap_or_default();
        assert_eq!(exported["details"]["query"]["filter_value"], "lead", "{exported}");
        assert_eq!(exported["address"], "127.0.0.1");
        let created = &log["entries"][6];
        assert!(created["payload_bytes"].as_i64().is_some_and(|bytes| bytes > 10), "{created}");

        let page = server.get("/api/v1/audit?limit=3").json();
        let cursor = page["next_cursor"].as_str().unwrap_or_default();
        let rest = server.get(&format!("/api/v1/audit?limit=1000&cursor={cursor}")).json();
        assert_eq!(rest["entries"].as_array().map(Vec::len), Some(5));
        let file = server.get("/api/v1/audit/export");
        assert_eq!(
            file.text().lines().count(),
            10,
            "a head, eight lines and the one of this export: {}",
            file.text()
        );
        let lines = server.get("/api/v1/audit/export?format=jsonl").text();
        assert!(
            lines.lines().count() == 10
                && lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()),
            "{lines}"
        );
        for (method, path) in
            [("DELETE", "/api/v1/audit"), ("PATCH", "/api/v1/audit/1"), ("DELETE", "/api/v1/audit/1")]
        {
            assert!(
                matches!(server.json(method, path, &Value::Null).status, 404 | 405),
                "it is only appended to"
            );
        }
        assert_eq!(
            server
                .send("GET", "/api/v1/audit", &[("authorization", &format!("Bearer {ADMIN}x"))], b"")
                .status,
            401
        );
    }
}

#[test]
fn a_link_signs_in_once() {
    for kind in STORES {
        let server = Server::start(kind);
        let greeted = server.greeting.iter().find_map(|line| line.split_once("/sign-in/"));
        let first = format!("/sign-in/{}", greeted.expect("the first start shows a link").1.trim());
        // Looking uses nothing up.
        for _ in 0..2 {
            let page = server.send("GET", &first, &[], b"");
            assert_eq!(page.status, 200, "{}", page.text());
            assert!(page.text().contains("<form method=\"post\"><button"), "{}", page.text());
        }
        let foreign = server.send("POST", &first, &[("sec-fetch-site", "cross-site")], b"");
        assert_eq!(foreign.status, 410);
        // The client of the other requests would follow to the next page and forget the cookie.
        let press = |link: &str| {
            let head = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            server.raw(format!("POST {link} {head}").as_bytes())
        };
        let inside = press(&first);
        assert!(inside.contains(" 303 ") && inside.contains("location: /\r\n"), "{inside}");
        let cookie = inside.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        let cookie = cookie.and_then(|set| set.split(';').next()).expect("a cookie").to_owned();
        let who = server.send("GET", "/api/v1/session", &[("cookie", &cookie)], b"").json();
        assert_eq!(who["role"], "admin", "{who}");
        let again = server.send("POST", &first, &[], b"");
        assert_eq!((again.status, again.text().contains("no longer works")), (410, true), "{}", again.text());
        // Whoever is made without a password gets a link too.
        let made = server.post("/api/v1/users", &json!({ "email": "ann@x.io", "role": "member" })).json();
        let link = format!("/sign-in/{}", made["secret"].as_str().expect("a link"));
        let racing: Vec<String> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| press(&link))).collect();
            asked.into_iter().map(|asked| asked.join().expect("answered")).collect()
        });
        assert_eq!(racing.iter().filter(|answer| answer.contains(" 303 ")).count(), 1, "{racing:?}");
        assert!(server.get("/api/v1/audit").text().contains("session.create"));
    }
}
