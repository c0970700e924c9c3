//! What nobody may be able to do, whoever they are: see what is others', set what is not theirs to set, read
//! secrets in logs and answers, go around limits.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{ADMIN, Reply, Server};
use crate::support::{Kind, STORES};

fn bearer() -> String {
    format!("Bearer {ADMIN}")
}

/// The records of the contacts, as text.
fn everything(server: &Server) -> String {
    [
        "/api/v1/objects/contacts/records",
        "/api/v1/users",
        "/api/v1/keys",
        "/api/v1/organizations",
        "/api/v1/reports",
        "/api/v1/objects",
        "/api/v1/objects/contacts/export?format=json",
    ]
    .iter()
    .map(|path| server.get(path).text())
    .collect()
}

#[test]
fn things_of_others_do_not_exist() {
    for kind in STORES {
        let server = Server::start(kind);
        let made = server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "Acme" })).json();
        let other = made["secret"].as_str().unwrap_or_default().to_owned();
        server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "A" }));
        let report = server.post("/api/v1/reports", &json!({ "name": "R", "object": "contacts" })).json();
        let report = report["id"].as_str().unwrap_or_default().to_owned();
        server.upload("/api/v1/objects/contacts/import", "a.csv", b"email\na@x.io\n", &[]);
        server.post("/v1/export-jobs", &json!({ "module": "contacts", "format": "csv" }));
        let before = server.json_as(&other, "GET", "/api/v1/audit?limit=1000", &Value::Null).json();
        let before = before["entries"].as_array().map_or(0, Vec::len);
        let mut asked = 0;
        for (path, theirs) in [
            ("/api/v1/objects/contacts/records/{}", "1"),
            ("/api/v1/imports/{}", "1"),
            ("/api/v1/imports/{}/problems", "1"),
            ("/api/v1/jobs/{}", "1"),
            ("/api/v1/reports/{}", report.as_str()),
            ("/api/v1/reports/{}/records", report.as_str()),
            ("/v1/export-jobs/{}", "exp_1"),
        ] {
            let ask = |id: &str| {
                let reply = server.json_as(&other, "GET", &path.replace("{}", id), &Value::Null);
                (reply.status, reply.text().replace(id, "ID"))
            };
            let mut shown = ask(theirs);
            shown.1 = shown.1.replace("exp_1", "ID");
            assert_eq!(shown.0, 404, "{path}: {}", shown.1);
            asked += 1;
            for odd in [
                "999999",
                "0",
                "-1",
                "1.0",
                "01x",
                "9223372036854775808",
                "1%20OR%201=1",
                "%27%3B--",
                "null",
                "1%2C2",
                "..%2F1",
                "%E2%82%AC",
                "true",
                "[]",
                "1e3",
            ] {
                let (status, body) = ask(odd);
                assert_eq!(status, 404, "{path} {odd}: {body}");
                asked += 1;
            }
            let nobodys = if path.contains("reports") {
                "rpt_AAAAAAAAAAAA"
            } else if path.contains("export") {
                "exp_999"
            } else {
                "999"
            };
            assert_eq!(ask(nobodys), shown, "{path}: like what does not exist");
            asked += 1;
        }
        let after = server.json_as(&other, "GET", "/api/v1/audit?limit=1000", &Value::Null).json();
        let after = after["entries"].as_array().map_or(0, Vec::len);
        assert_eq!(after - before, asked, "{kind:?}: each is written down");
    }
}

#[test]
fn keys_end_are_revoked_and_kept_as_hashes() {
    for kind in STORES {
        let server = Server::start(kind);
        let made = |body: Value| server.post("/api/v1/keys", &body).json();
        let short = made(json!({ "name": "short", "role": "admin", "expires_in": 1 }));
        let long = made(json!({ "name": "long", "role": "admin" }));
        let (short, id) = (short["secret"].as_str().unwrap_or_default().to_owned(), long["id"].clone());
        let long = long["secret"].as_str().unwrap_or_default().to_owned();
        assert!(long.starts_with("dray_") && long.len() == 51, "{} letters", long.len());
        let status = |key: &str| server.json_as(key, "GET", "/api/v1/objects", &Value::Null).status;
        assert_eq!((status(&short), status(&long)), (200, 200));
        let listed = server.get("/api/v1/keys").json();
        let used = listed["keys"].as_array().into_iter().flatten().find(|key| key["id"] == id);
        assert!(used.is_some_and(|key| key["last_used_at"].is_i64()), "its use is written down: {listed}");
        let path = format!("/api/v1/keys/{}", id.as_str().unwrap_or_default());
        assert_eq!(server.json("DELETE", &path, &Value::Null).status, 204);
        assert_eq!(status(&long), 401);
        let until = Instant::now() + Duration::from_secs(4);
        while status(&short) != 401 {
            assert!(Instant::now() < until, "{kind:?}: a key ends when it says");
        }
        if kind == Kind::Sqlite {
            let mut stored = Vec::new();
            for entry in
                std::fs::read_dir(server.directory.path().join("store")).into_iter().flatten().flatten()
            {
                stored.extend(std::fs::read(entry.path()).unwrap_or_default());
            }
            let has = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(has(id.as_str().unwrap_or("none")), "the store was read");
            assert!(!has(&long) && !has(&short), "the store holds no key that can be used");
        }
    }
}

#[test]
fn what_nobody_may_set_is_never_set() {
    const ODD: i64 = 987_654_321;
    let server = Server::start(Kind::Sqlite);
    let extra = |mut body: Value| {
        for name in [
            "id",
            "tenant_id",
            "organization",
            "org_id",
            "created_at",
            "updated_at",
            "import_id",
            "version",
            "is_admin",
            "password_hash",
            "prefix",
            "status",
            "actor",
            "expires_at",
        ] {
            body[name] = json!(ODD);
        }
        body
    };
    let record = json!({ "first_name": "A", "email": "a@x.io" });
    let id = server.post("/api/v1/objects/contacts/records", &record).json()["id"].clone();
    let mapping = json!([{ "sourceColumn": "E-mail", "targetFieldSlug": "email" }]);
    for (method, path, body) in [
        ("POST", "/api/v1/objects/contacts/records".to_owned(), json!({ "first_name": "B" })),
        ("PATCH", format!("/api/v1/objects/contacts/records/{id}"), json!({ "first_name": "B" })),
        ("POST", "/api/v1/import/contacts".to_owned(), json!({ "records": [{ "first_name": "B" }] })),
        (
            "POST",
            "/api/v1/import/contacts".to_owned(),
            json!({ "records": [extra(json!({ "first_name": "C" }))] }),
        ),
        ("POST", "/api/v1/users".to_owned(), json!({ "email": "new@x.io", "role": "member" })),
        ("POST", "/api/v1/keys".to_owned(), json!({ "name": "k", "role": "member" })),
        ("POST", "/api/v1/reports".to_owned(), json!({ "name": "R", "object": "contacts" })),
        ("POST", "/api/v1/organizations".to_owned(), json!({ "slug": "b", "name": "B" })),
        ("PATCH", "/api/v1/organizations/default".to_owned(), json!({ "name": "B" })),
        (
            "POST",
            "/api/v1/objects".to_owned(),
            json!({ "name": "boats", "label": "B", "fields": [{ "name": "a", "type": "text" }] }),
        ),
        ("POST", "/api/v1/objects/contacts/fields".to_owned(), json!({ "name": "extra", "type": "text" })),
        (
            "POST",
            "/v1/modules/contacts/import/execute".to_owned(),
            json!({ "rows": [{ "E-mail": "d@x.io" }], "columnMapping": mapping }),
        ),
        (
            "POST",
            "/v1/modules/contacts/import/execute".to_owned(),
            json!({ "rows": [extra(json!({ "E-mail": "e@x.io" }))], "columnMapping": mapping }),
        ),
        ("POST", "/v1/export-jobs".to_owned(), json!({ "module": "contacts", "format": "csv" })),
    ] {
        let reply = server.json(method, &path, &extra(body));
        assert!(reply.status < 500, "{method} {path}: {}", reply.text());
        if reply.status < 300 {
            assert!(!reply.text().contains(&ODD.to_string()), "{method} {path}: {}", reply.text());
        }
    }
    let found = everything(&server);
    assert!(!found.contains(&ODD.to_string()), "{found}");
    let refused =
        server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "B", "import_id": 1 }));
    assert_eq!(refused.status, 400, "{}", refused.text());
}

#[test]
fn what_breaks_inside_is_for_the_log() {
    let server = Server::start(Kind::Sqlite);
    server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "A" }));
    let store = server.directory.path().join("store").join("default.db");
    let connection = rusqlite::Connection::open(store).expect("the database opens");
    connection.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
    connection.execute_batch("DROP TABLE dray_import; DROP TABLE dray_job").expect("the tables are dropped");
    for (method, path, body) in [
        ("POST", "/api/v1/objects/contacts/records", json!({ "first_name": "B" })),
        ("POST", "/api/v1/import/contacts", json!({ "records": [{ "first_name": "C" }] })),
        ("GET", "/api/v1/imports", Value::Null),
        ("GET", "/api/v1/jobs", Value::Null),
        ("POST", "/v1/export-jobs", json!({ "module": "contacts", "format": "csv" })),
    ] {
        let reply = server.json(method, path, &body);
        assert_eq!(reply.status, 500, "{method} {path}: {}", reply.text());
        let number = reply.header("x-request-id").to_owned();
        assert!(!number.is_empty() && server.log().contains(&number), "{path}: the log knows it");
        let told = reply.text();
        assert!(told.contains("INTERNAL_ERROR"), "{path}: {told}");
        for secret in
            ["dray_", "SELECT", "INSERT", "sqlite", "SQLite", ".db", "/tmp", "no such table", ".rs", "0.1.0"]
        {
            assert!(!told.contains(secret), "{path} tells `{secret}`: {told}");
        }
    }
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn logs_hold_no_secrets_and_no_rows() {
    let server = Server::start_with(Kind::Sqlite, &[("DRAY_LOG", "debug")]);
    let made = server.post("/api/v1/keys", &json!({ "name": "k", "role": "admin" })).json();
    let key = made["secret"].as_str().unwrap_or_default().to_owned();
    let email = json!({ "email": "ann@x.io", "role": "admin", "password": "canary-password-1" });
    assert_eq!(server.post("/api/v1/users", &email).status, 201);
    let wrong = json!({ "email": "ann@x.io", "password": "canary-wrong-password" });
    assert_eq!(server.post("/api/v1/session", &wrong).status, 401);
    let right =
        server.post("/api/v1/session", &json!({ "email": "ann@x.io", "password": "canary-password-1" }));
    let cookie = right.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let session = cookie.split('=').nth(1).unwrap_or_default().to_owned();
    assert_eq!(server.send("GET", "/api/v1/objects", &[("cookie", &cookie)], b"").status, 200);
    for cell in ["canary-cell@x.io", "canary-cell"] {
        let record = json!({ "records": [{ "email": cell, "notes": "canary-cell" }] });
        server.json_as(&key, "POST", "/api/v1/import/contacts", &record);
        server.json_as(&key, "POST", "/api/v1/objects/contacts/records", &json!({ "email": cell }));
    }
    server.upload("/api/v1/objects/contacts/import", "a.csv", b"email\ncanary-cell\ncanary-cell@y.io\n", &[]);
    server.upload("/v1/modules/contacts/import/parse", "a.csv", b"email\ncanary-cell\n", &[]);
    server.get("/api/v1/objects/contacts/records?search=canary-cell");
    server.send("GET", "/api/v1/objects", &[("authorization", "Bearer canary-key")], b"");
    server.send("GET", "/api/v1/objects", &[("x-api-key", "canary-key")], b"");
    server.send(
        "GET",
        "/api/v1/objects",
        &[("authorization", &bearer()), ("x-request-id", "a canary-number")],
        b"",
    );
    let link = server
        .greeting
        .iter()
        .find_map(|line| line.split("/sign-in/").nth(1))
        .unwrap_or("no link")
        .to_owned();
    let (log, metrics) = (server.log(), server.get("/metrics").text());
    assert!(log.lines().count() > 10 && metrics.contains("dray_requests_total"), "{metrics}");
    for secret in ["canary", &key, ADMIN, &session, &link] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "the log tells `{secret}`: {line:?}");
        assert!(!metrics.contains(secret), "the metrics tell `{secret}`");
    }
}

#[test]
fn browsers_are_told_to_be_careful() {
    let ask = |server: &Server, origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        server.send("OPTIONS", "/api/v1/import/contacts", &headers, b"")
    };
    let allowed = |reply: &Reply| reply.header("access-control-allow-origin").to_owned();
    let server = Server::start(Kind::Sqlite);
    assert_eq!(allowed(&ask(&server, "https://elsewhere.example")), "");
    let open = Server::start_with(Kind::Sqlite, &[("DRAY_CORS_ORIGINS", "https://app.example")]);
    assert_eq!(allowed(&ask(&open, "https://app.example")), "https://app.example");
    assert_eq!(allowed(&ask(&open, "https://app.example.evil.example")), "");
    server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "<script>alert(1)</script>" }));
    for path in
        ["/api/v1/objects/contacts/export", "/api/v1/export/contacts?format=csv", "/api/v1/audit/export"]
    {
        let file = server.get(path);
        assert!(file.header("content-disposition").starts_with("attachment"), "{path}");
        assert_eq!(file.header("x-content-type-options"), "nosniff", "{path}");
        assert!(file.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
    let page = server.get("/docs");
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        !page.text().contains("<script")
            && !page.text().contains("\"http://")
            && !page.text().contains("\"https://")
    );
}

#[test]
fn nothing_is_open_that_need_not_be() {
    let server = Server::start(Kind::Sqlite);
    let made = server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "Acme" })).json();
    let other = made["secret"].as_str().unwrap_or_default().to_owned();
    let member = server.key("member");
    assert_eq!(server.send("GET", "/metrics", &[], b"").status, 401);
    assert_eq!(server.json_as(&member, "GET", "/metrics", &Value::Null).status, 403);
    assert_eq!(server.json_as(&other, "GET", "/metrics", &Value::Null).status, 403);
    assert_eq!(server.get("/metrics").status, 200);
    for path in [
        "/debug",
        "/debug/pprof",
        "/.env",
        "/.git/config",
        "/server-status",
        "/api/v0/keys",
        "/files",
        "/assets/",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    for method in ["TRACE", "CONNECT"] {
        let answer = server.raw(
            format!("{method} /api/v1/objects HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\nconnection: close\r\n\r\n", bearer())
                .as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 4"), "{method}: {answer}");
    }
}

#[test]
fn a_quota_is_never_passed_however_many_come_at_once() {
    for kind in STORES {
        let server = Server::start(kind);
        let plan = json!({ "name": "small", "records_per_object": 50 });
        assert_eq!(
            server.json("PATCH", "/api/v1/organizations/default", &json!({ "plan": plan })).status,
            200
        );
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..30)
                .map(|number| {
                    let server = &server;
                    scope.spawn(move || match number % 3 {
                        0 => {
                            let records: Vec<Value> = (0..10)
                                .map(|row| json!({ "email": format!("{number}.{row}@x.io") }))
                                .collect();
                            server.post("/api/v1/import/contacts", &json!({ "records": records }))
                        }
                        1 => {
                            let rows: Vec<Value> = (0..10)
                                .map(|row| json!({ "E-mail": format!("{number}.{row}@x.io") }))
                                .collect();
                            let mapping = json!([{ "sourceColumn": "E-mail", "targetFieldSlug": "email" }]);
                            server.post(
                                "/v1/modules/contacts/import/execute",
                                &json!({ "rows": rows, "columnMapping": mapping }),
                            )
                        }
                        _ => server.post(
                            "/api/v1/objects/contacts/records",
                            &json!({ "email": format!("{number}@x.io") }),
                        ),
                    })
                })
                .collect();
            asking.into_iter().map(|asked| asked.join().expect("answered").status).collect()
        });
        assert!(statuses.iter().all(|status| *status < 500), "{kind:?}: {statuses:?} {}", server.log());
        assert!(statuses.contains(&403), "{kind:?}: {statuses:?}");
        let total =
            server.get("/api/v1/objects/contacts/records?limit=1").json()["total"].as_u64().unwrap_or(0);
        assert!((40..=50).contains(&total), "{kind:?}: {total} records, {statuses:?}");
    }
}
