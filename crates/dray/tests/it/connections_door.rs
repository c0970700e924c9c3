//! Connections over HTTP: who may, what is refused, and that no secret of them is ever seen again.

use serde_json::{Value, json};

use crate::server::{ADMIN, Reply, Server};
use crate::sftp_servers::{OwnServer, Ways};
use crate::site::Site;
use crate::support::{Kind, STORES};

const CANARY: &str = "Canary-4711-secret";

fn server(kind: Kind) -> Server {
    Server::start_with(kind, &[("DRAY_ALLOW_OUTBOUND", "127.0.0.0/8"), ("DRAY_STORAGE_SECONDS", "2")])
}

fn code(reply: &Reply) -> (u16, String) {
    let code = reply.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
    (reply.status, code)
}

fn folder() -> Value {
    json!({ "name": "Files", "role": "Source", "connector": "filesystem", "settings": {} })
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

#[test]
fn a_connection_is_made_changed_and_deleted() {
    for kind in STORES {
        let server = server(kind);
        let made = server.post("/v1/connections", &folder());
        assert_eq!((made.status, made.json()), (200, json!({ "id": 1 })), "{}", made.text());
        let post = json!({ "name": "Hook", "role": "Destination", "connector": "http-post",
            "settings": { "host": "example.com" }, "strategy": null, "unknown": 1 });
        assert_eq!(server.post("/v1/connections", &post).json()["id"], 2);
        let shown = json!({ "id": 1, "name": "Files", "connector": "filesystem", "connectorType": "FileStorage",
            "role": "Source", "strategy": null, "sendingMode": null, "pipelines": [] });
        assert_eq!(server.get("/v1/connections/1").json(), shown);
        let list = server.get("/v1/connections").json();
        assert_eq!(list["connections"][0], shown);
        assert_eq!(list["connections"][1]["role"], "Destination");
        let changed = server.json("PUT", "/v1/connections/1", &json!({ "name": "Bücher" }));
        assert_eq!((changed.status, changed.text()), (200, String::new()));
        assert_eq!(server.get("/v1/connections/1").json()["name"], "Bücher");
        // Its pipelines go with it.
        let mut session = dray_stores::connect(&server.store, "default").expect("the store is there");
        for (key, connection) in [("a", 1), ("b", 2), ("c", 1)] {
            let body = json!({ "connection": connection }).to_string();
            assert!(session.create_document("pipeline", key, &body, 0).expect("it can be kept"));
        }
        let headers = [("authorization", &*format!("Bearer {ADMIN}"))];
        let deleted = server.send("DELETE", "/v1/connections/1", &headers, b"");
        assert_eq!((deleted.status, deleted.text()), (200, String::new()));
        assert_eq!(code(&server.get("/v1/connections/1")), (404, "NotFound".to_owned()));
        let left = session.list_documents("pipeline", "", 10).expect("they are listed");
        assert_eq!(left.iter().map(|document| document.key.as_str()).collect::<Vec<_>>(), ["b"]);
        drop(session);
        // A number is given once.
        assert_eq!(server.post("/v1/connections", &folder()).json()["id"], 3);
        let audit = server.get("/api/v1/audit?limit=1000").text();
        for action in ["connection.create", "connection.change", "connection.delete"] {
            assert!(audit.contains(action), "{action} {audit}");
        }
    }
}

#[test]
fn numbers_are_given_once_also_to_many_at_once() {
    for kind in STORES {
        let server = server(kind);
        let mut ids: Vec<i64> = std::thread::scope(|scope| {
            let asked: Vec<_> =
                (0..12).map(|_| scope.spawn(|| server.post("/v1/connections", &folder()))).collect();
            asked
                .into_iter()
                .map(|asked| asked.join().expect("it answers").json()["id"].as_i64().expect("a number"))
                .collect()
        });
        ids.sort_unstable();
        assert_eq!(ids, (1..=12).collect::<Vec<i64>>());
    }
}

#[test]
fn bad_bodies_are_refused_with_the_doors_codes() {
    let server = server(Kind::Sqlite);
    assert_eq!(server.post("/v1/connections", &folder()).status, 200);
    let long = |letters: usize| json!("ü".repeat(letters));
    for (body, status, expected) in [
        (with(folder(), "name", json!("")), 400, "BadRequest"),
        (with(folder(), "name", Value::Null), 400, "BadRequest"),
        (with(folder(), "name", json!(7)), 400, "BadRequest"),
        (with(folder(), "name", long(101)), 400, "BadRequest"),
        (with(folder(), "name", json!("a\0b")), 400, "BadRequest"),
        (with(folder(), "role", json!("source")), 400, "BadRequest"),
        (with(folder(), "role", Value::Null), 400, "BadRequest"),
        (with(folder(), "connector", json!("")), 400, "BadRequest"),
        (with(folder(), "connector", json!("csv")), 400, "BadRequest"),
        (with(folder(), "connector", json!("ftp")), 422, "ConnectorNotExist"),
        (with(folder(), "connector", json!("http-post")), 400, "BadRequest"),
        (with(folder(), "settings", Value::Null), 400, "BadRequest"),
        (with(folder(), "settings", json!([])), 400, "BadRequest"),
        (with(folder(), "settings", json!({ "root": "/" })), 422, "InvalidSettings"),
        (with(folder(), "strategy", json!("Fusion")), 400, "BadRequest"),
        (with(folder(), "linkedConnections", json!([])), 400, "BadRequest"),
        (json!([]), 400, "BadRequest"),
    ] {
        for path in ["/v1/connections", "/v1/connections/test"] {
            if path.ends_with("test")
                && body.get("settings").is_some()
                && status == 400
                && body["role"] == "Source"
                && body["connector"] == "filesystem"
            {
                // A test needs no name.
                continue;
            }
            let reply = server.post(path, &body);
            assert_eq!(code(&reply), (status, expected.to_owned()), "{path} {body} {}", reply.text());
        }
    }
    assert_eq!(server.post("/v1/connections", &with(folder(), "name", long(100))).status, 200);
    let bearer = format!("Bearer {ADMIN}");
    let key = ("authorization", bearer.as_str());
    let json_type = ("content-type", "application/json");
    let large = format!("{{\"name\": \"{}\"}}", "a".repeat(512_000));
    for (method, path, headers, body) in [
        ("POST", "/v1/connections", vec![key, json_type], ""),
        ("POST", "/v1/connections", vec![key, json_type], "{"),
        ("POST", "/v1/connections", vec![key, json_type], "{\"name\": \"a\", \"name\": \"b\"}"),
        ("POST", "/v1/connections", vec![key, json_type], large.as_str()),
        ("POST", "/v1/connections", vec![key, ("content-type", "text/plain")], "{}"),
        ("POST", "/v1/connections", vec![key, ("content-type", "application/json; charset=latin1")], "{}"),
        ("GET", "/v1/connections", vec![key, json_type], "{}"),
        ("GET", "/v1/connections/1", vec![key, json_type], "{}"),
        ("DELETE", "/v1/connections/1", vec![key, json_type], "{}"),
        ("POST", "/v1/connections/1/test", vec![key, json_type], "{}"),
        ("GET", "/v1/connections/x", vec![key], ""),
        ("GET", "/v1/connections/-1", vec![key], ""),
        ("GET", "/v1/connections/99999999999999999999", vec![key], ""),
    ] {
        let reply = server.send(method, path, &headers, body.as_bytes());
        assert_eq!(code(&reply), (400, "BadRequest".to_owned()), "{method} {path}: {}", reply.text());
    }
    assert_eq!(code(&server.get("/v1/connections/9")), (404, "NotFound".to_owned()));
    assert_eq!(
        code(&server.json("PUT", "/v1/connections/9", &json!({ "name": "a" }))),
        (404, "NotFound".to_owned())
    );
    let nobody = server.send("GET", "/v1/connections", &[], b"");
    assert_eq!(code(&nobody), (401, "Unauthorized".to_owned()));
    let reply = server.send(
        "POST",
        "/v1/connections",
        &[key, ("content-type", "application/json; charset=UTF-8")],
        folder().to_string().as_bytes(),
    );
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[test]
fn members_read_admins_write_and_others_see_nothing() {
    for kind in STORES {
        let server = server(kind);
        assert_eq!(server.post("/v1/connections", &folder()).status, 200);
        let member = server.key("member");
        let made = server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "Acme" })).json();
        let other = made["secret"].as_str().unwrap_or_default().to_owned();
        let ask = |key: &str, method: &str, path: &str, body: &Value| {
            let headers =
                [("authorization", &*format!("Bearer {key}")), ("content-type", "application/json")];
            let body = if body.is_null() { String::new() } else { body.to_string() };
            server.send(method, path, &headers, body.as_bytes())
        };
        let name = json!({ "name": "a" });
        for (method, path, body, of_member) in [
            ("GET", "/v1/connections/1", &Value::Null, 200),
            ("GET", "/v1/connections/1/files/absolute?path=a", &Value::Null, 200),
            ("PUT", "/v1/connections/1", &name, 403),
            ("POST", "/v1/connections/1/test", &Value::Null, 403),
            ("DELETE", "/v1/connections/1", &Value::Null, 403),
        ] {
            let reply = ask(&member, method, path, body);
            assert_eq!(reply.status, of_member, "{method} {path}: {}", reply.text());
            if of_member == 403 {
                assert_eq!(code(&reply).1, "Forbidden");
            }
            assert_eq!(
                code(&ask(&other, method, path, body)),
                (404, "NotFound".to_owned()),
                "{method} {path}"
            );
        }
        assert_eq!(ask(&member, "POST", "/v1/connections", &folder()).status, 403);
        assert_eq!(ask(&member, "POST", "/v1/connections/test", &folder()).status, 403);
        assert_eq!(ask(&other, "GET", "/v1/connections", &Value::Null).json(), json!({ "connections": [] }));
        // Each organization has a folder of its own, and its own numbers.
        assert_eq!(ask(&other, "POST", "/v1/connections", &folder()).json()["id"], 1);
        let path = "/v1/connections/1/files/absolute?path=a.csv";
        let (ours, theirs) =
            (ask(&member, "GET", path, &Value::Null).json(), ask(&other, "GET", path, &Value::Null).json());
        let ours = ours["path"].as_str().expect("a path").to_owned();
        assert!(ours.starts_with('/') && ours.ends_with("/default/a.csv"), "{ours}");
        assert_eq!(theirs["path"].as_str(), Some(ours.replace("/default/", "/acme/").as_str()));
    }
}

#[test]
fn paths_are_shown_absolute() {
    let server = server(Kind::Sqlite);
    let to = |role: &str| {
        json!({ "name": "S3", "role": role, "connector": "s3", "settings": {
        "accessKeyID": "A".repeat(20), "secretAccessKey": "s".repeat(40), "region": "eu-west-1", "bucket": "kept" } })
    };
    let source = server.post("/v1/connections", &to("Source")).json()["id"].to_string();
    let destination = server.post("/v1/connections", &to("Destination")).json()["id"].to_string();
    let ask = |id: &str, query: &str| server.get(&format!("/v1/connections/{id}/files/absolute{query}"));
    assert_eq!(ask(&source, "?path=/a%20b.csv").json(), json!({ "path": "s3://kept/a b.csv" }));
    assert_eq!(code(&ask(&source, "")), (400, "BadRequest".to_owned()));
    assert_eq!(code(&ask(&source, "?path=a&path=b")), (400, "BadRequest".to_owned()));
    for path in ["?path=", "?path=/", "?path=a/../b"] {
        assert_eq!(code(&ask(&source, path)), (422, "InvalidPath".to_owned()), "{path}");
    }
    for path in ["?path=a-$%7Bnow%7D.csv", "?path=a-$%7B"] {
        assert_eq!(code(&ask(&source, path)), (422, "InvalidPlaceholder".to_owned()), "{path}");
    }
    let filled = ask(&destination, "?path=a-$%7B%20ToDay%7D.csv").json();
    let filled = filled["path"].as_str().expect("a path");
    assert!(
        filled.starts_with("s3://kept/a-20") && filled.len() == "s3://kept/a-2024-02-29.csv".len(),
        "{filled}"
    );
    for path in ["?path=a-$%7Byesterday%7D.csv", "?path=a-$%7B"] {
        assert_eq!(code(&ask(&destination, path)), (422, "InvalidPlaceholder".to_owned()), "{path}");
    }
}

#[test]
fn connectors_are_listed() {
    let server = server(Kind::Sqlite);
    let list = server.get("/v1/connectors").json();
    let codes: Vec<&str> =
        list["connectors"].as_array().into_iter().flatten().filter_map(|one| one["code"].as_str()).collect();
    assert_eq!(
        codes,
        ["filesystem", "s3", "sftp", "http-get", "http-post", "csv", "excel", "json", "parquet"]
    );
    let get = server.get("/v1/connectors/http-get").json();
    assert_eq!(
        (&get["type"], &get["asSource"]["hasSettings"], &get["asDestination"]),
        (&json!("FileStorage"), &json!(true), &Value::Null)
    );
    let excel = server.get("/v1/connectors/excel").json();
    assert_eq!(
        (&excel["type"], &excel["hasSheets"], &excel["fileExtension"]),
        (&json!("File"), &json!(true), &json!("xlsx"))
    );
    assert_eq!(code(&server.get("/v1/connectors/ftp")), (404, "NotFound".to_owned()));
}

#[test]
fn an_sftp_server_is_visited_and_known_again() {
    for kind in STORES {
        let server = server(kind);
        let ways = Ways { password: CANARY, replaces: true, ..Ways::default() };
        let first = OwnServer::start(ways.clone(), &[]);
        let to = |port: u16, password: &str| {
            json!({ "name": "S", "role": "Source", "connector": "sftp",
            "settings": { "host": "127.0.0.1", "port": port, "username": "ann", "password": password } })
        };
        let tested = server.post("/v1/connections/test", &to(first.port, CANARY));
        assert_eq!(
            (tested.status, tested.json()),
            (200, json!({ "ok": true, "hostPublicKey": first.host_key }))
        );
        for (body, says) in
            [(to(first.port, "wrong"), "refuses the password"), (to(9, CANARY), "cannot be reached")]
        {
            for path in ["/v1/connections", "/v1/connections/test"] {
                let refused = server.post(path, &body);
                assert_eq!(code(&refused), (503, "ServiceUnavailable".to_owned()), "{}", refused.text());
                assert!(refused.text().contains(says), "{}", refused.text());
            }
        }
        let inside = with(
            to(22, CANARY),
            "settings",
            json!({ "host": "10.0.0.1", "username": "a", "password": CANARY }),
        );
        assert_eq!(code(&server.post("/v1/connections", &inside)), (422, "InvalidSettings".to_owned()));
        assert_eq!(server.post("/v1/connections", &to(first.port, CANARY)).json(), json!({ "id": 1 }));
        let test = || {
            server.send(
                "POST",
                "/v1/connections/1/test",
                &[("authorization", &format!("Bearer {ADMIN}"))],
                b"",
            )
        };
        assert_eq!(test().status, 200);
        // Somebody else at the same place is not let near the password; whoever saves the settings again trusts.
        let port = first.port;
        drop(first);
        let second = OwnServer::start(ways.clone(), &[]);
        let moved = json!({ "name": "S", "settings": to(second.port, CANARY)["settings"] });
        assert_eq!(server.json("PUT", "/v1/connections/1", &moved).status, 200);
        assert_eq!(test().status, 200);
        let wrong = with(
            moved.clone(),
            "settings",
            with(
                moved["settings"].clone(),
                "hostPublicKey",
                json!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"),
            ),
        );
        let refused = server.json("PUT", "/v1/connections/1", &wrong);
        assert_eq!(code(&refused), (503, "ServiceUnavailable".to_owned()));
        assert!(refused.text().contains("another key"), "{}", refused.text());
        assert_eq!(test().status, 200, "what was refused changed nothing");
        let _ = port;
        let seen = format!(
            "{}{}{}",
            server.get("/v1/connections").text(),
            server.get("/api/v1/audit?limit=1000").text(),
            server.log()
        );
        assert!(!seen.contains(CANARY), "{seen}");
    }
}

#[test]
fn secrets_are_sealed_and_never_told() {
    for kind in STORES {
        let mut server = server(kind);
        let site = Site::new(|asked, _, stream| {
            let status = if asked.header("x-key") == CANARY { "200 OK" } else { "403 Forbidden" };
            crate::site::answer(stream, status, "", CANARY.as_bytes());
        });
        let s3 = |key: &str| {
            json!({ "name": "B", "role": "Source", "connector": "s3", "settings": {
            "endpoint": site.url(""), "accessKeyID": CANARY, "secretAccessKey": CANARY, "region": "r", "bucket": "kept", "x": key } })
        };
        let http = json!({ "name": "H", "role": "Source", "connector": "http-get", "settings": {
            "scheme": "http", "host": "127.0.0.1", "port": site.port, "headers": [{ "key": "x-key", "value": CANARY }] } });
        let mut told = String::new();
        // Refused: a setting there is none of, in every way to say it.
        let refused = server.post("/v1/connections", &s3(CANARY));
        assert_eq!(code(&refused), (422, "InvalidSettings".to_owned()));
        told += &refused.text();
        let mut bucket = s3("");
        bucket["settings"].as_object_mut().expect("an object").remove("x");
        told += &server.post("/v1/connections/test", &bucket).text();
        for body in [&bucket, &http] {
            let made = server.post("/v1/connections", body);
            assert_eq!(made.status, 200, "{}", made.text());
            told += &made.text();
        }
        for (body, key) in [(&bucket, "accessKeyID"), (&http, "headers")] {
            let mut broken = body.clone();
            broken["settings"][key] = json!({ CANARY: CANARY });
            told += &server.post("/v1/connections", &broken).text();
            told += &server.json("PUT", "/v1/connections/1", &broken).text();
        }
        let bearer = format!("Bearer {ADMIN}");
        let idempotent =
            [("authorization", &*bearer), ("content-type", "application/json"), ("idempotency-key", "one")];
        told += &server.send("POST", "/v1/connections", &idempotent, http.to_string().as_bytes()).text();
        for id in 1..=3 {
            let tested = server.send(
                "POST",
                &format!("/v1/connections/{id}/test"),
                &[("authorization", &bearer)],
                b"",
            );
            assert_eq!(tested.status, if id == 1 { 503 } else { 200 }, "{}", tested.text());
            told += &tested.text();
            told += &server.get(&format!("/v1/connections/{id}")).text();
        }
        told += &server.get("/v1/connections").text();
        told += &server.get("/api/v1/audit?limit=1000").text();
        told += &server.get("/api/v1/audit/export?format=csv").text();
        told += &server.log();
        assert!(!told.contains(CANARY), "{told}");
        assert!(site.asked().iter().any(|asked| asked.header("x-key") == CANARY), "it is used");
        assert_eq!(server.keeps(CANARY), Vec::<String>::new(), "{kind:?}: it rests in clear");
        // They are read again after a restart, and moved to another connection they are worth nothing.
        server.restart("KILL");
        let test = |id: u32| {
            server
                .send("POST", &format!("/v1/connections/{id}/test"), &[("authorization", &bearer)], b"")
                .status
        };
        assert_eq!(test(2), 200);
        let sql =
            "UPDATE dray_document SET body = REPLACE(body, '\"id\":2', '\"id\":7') WHERE kind = 'connection'";
        if kind == Kind::Sqlite {
            let path = server.directory.path().join("store").join("default.db");
            let moved =
                rusqlite::Connection::open(path).expect("it opens").execute(sql, []).expect("it runs");
            assert_eq!(moved, 3);
            assert_eq!(test(2), 422);
        }
    }
}

#[test]
fn the_folder_for_connections_is_none_of_the_servers_own() {
    let server = server(Kind::Sqlite);
    let root = server.directory.path();
    for (files, folder) in [
        ("store/files", "store"),
        ("store/files", "store/files"),
        ("store/files", "store/files/x"),
        ("elsewhere", "."),
        ("elsewhere", "elsewhere/../store"),
    ] {
        let output = server
            .command(&["serve", "--listen", "127.0.0.1:0", "--files", files, "--files-root", folder])
            .output()
            .expect("the program starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains("--files-root"), "{files} {folder}: {told}");
    }
    // By default it lies beside the records, and reaches neither them nor kept files.
    assert_eq!(server.post("/v1/connections", &with(folder(), "role", json!("Destination"))).json()["id"], 1);
    let test =
        server.send("POST", "/v1/connections/1/test", &[("authorization", &format!("Bearer {ADMIN}"))], b"");
    assert_eq!(test.status, 200, "{}", test.text());
    assert!(root.join("store/storage/default").is_dir());
    let own =
        Server::start_with(Kind::Sqlite, &[("DRAY_FILES_ROOT", root.join("mine").to_str().expect("text"))]);
    assert_eq!(own.post("/v1/connections", &folder()).status, 200);
    let shown = own.get("/v1/connections/1/files/absolute?path=a").json();
    assert_eq!(shown["path"].as_str(), root.join("mine/default/a").to_str());
}
