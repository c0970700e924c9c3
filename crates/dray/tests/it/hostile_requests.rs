//! What anybody may send: numbers far too large, names that are paths or statements, things said twice.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{ADMIN, Server};
use crate::support::{Kind, STORES};

fn bearer() -> String {
    format!("Bearer {ADMIN}")
}

#[test]
fn limits_answer_at_once_and_name_the_number() {
    let server = Server::start(Kind::Sqlite);
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let group = (0..100_000).map(|_| r#"{"field":"email","operator":"eq","value":"a"}"#).collect::<Vec<_>>();
    let group = format!(
        r#"{{"name":"R","object":"contacts","filters":{{"operator":"or","conditions":[{}]}}}}"#,
        group.join(",")
    );
    let nested = format!(r#"{{"records":[{{"first_name":{deep}}}]}}"#);
    let many = json!({ "records": vec![json!({ "first_name": "A" }); 10_000] }).to_string();
    let columns: Vec<String> = (0..1_000_000).map(|column| format!("c{column}")).collect();
    let wide = format!("{}\n1\n", columns.join(","));
    let asked: Vec<(&str, &str, Vec<u8>, u16, &str)> = vec![
        ("GET", "/api/v1/objects/contacts/records?limit=1000000000", Vec::new(), 400, "1000"),
        ("GET", "/api/v1/export/contacts?limit=1000000000", Vec::new(), 400, "10000"),
        ("GET", "/api/v1/audit?limit=1000000000", Vec::new(), 400, "1000"),
        ("POST", "/api/v1/import/contacts", many.into_bytes(), 400, "50"),
        ("POST", "/api/v1/import/contacts", nested.into_bytes(), 400, "recursion"),
        ("POST", "/api/v1/reports", group.into_bytes(), 400, "500"),
    ];
    for (method, path, body, status, words) in asked {
        let begun = Instant::now();
        let headers = [("authorization", &*bearer()), ("content-type", "application/json")];
        let reply = server.send(method, path, &headers, &body);
        assert_eq!(reply.status, status, "{path}: {:.300}", reply.text());
        assert!(reply.text().contains(words), "{path}: {:.300}", reply.text());
        assert!(begun.elapsed() < Duration::from_secs(5), "{path}: {:?}", begun.elapsed());
    }
    let large = format!(
        "POST /api/v1/import/contacts HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-type: application/json\r\n\
         content-length: 99999999999\r\nconnection: close\r\n\r\n",
        bearer()
    );
    let answer = server.raw(large.as_bytes());
    assert!(answer.contains(" 413 ") && answer.contains("33554432"), "before it is read: {answer}");
    for path in ["/v1/modules/contacts/import/parse", "/api/v1/objects/contacts/import"] {
        let begun = Instant::now();
        let reply = server.upload(path, "wide.csv", wide.as_bytes(), &[]);
        assert!((400..500).contains(&reply.status), "{path}: {:.300}", reply.text());
        assert!(reply.text().contains("columns"), "{path}: {:.300}", reply.text());
        assert!(begun.elapsed() < Duration::from_secs(5), "{path}: {:?}", begun.elapsed());
    }
}

#[test]
fn names_are_never_paths_headers_or_lines_of_the_log() {
    let server = Server::start(Kind::Sqlite);
    for name in [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "/etc/passwd",
        "C:\\a.csv",
        "con.csv",
        "a;b.csv",
        "a\u{202e}vsc.exe",
        ".csv",
        "...",
        "a%00.csv",
        "a%0d%0aSet-Cookie:x=1.csv",
        "${jndi:x}.csv",
        "<script>.csv",
        "a'b.csv",
        "~root.csv",
        "-rf.csv",
        "ä.csv",
        "a b\tc.csv",
        "|ls.csv",
        "*.csv",
    ] {
        let file = server.upload("/api/v1/objects/contacts/import", name, b"email\nbad\na@x.io\n", &[]);
        assert_eq!(file.status, 200, "{name:?}: {}", file.text());
        let id = file.json()["id"].as_str().unwrap_or_default().to_owned();
        let done = server.post(&format!("/api/v1/objects/contacts/import/{id}/confirm"), &json!({}));
        assert_eq!(done.status, 200, "{name:?}: {}", done.text());
        let failed = done.json()["failed_rows"].as_str().unwrap_or_default().to_owned();
        let file = server.get(&failed);
        assert_eq!(file.status, 200, "{name:?}: {}", file.text());
        let told = file.header("content-disposition");
        let plain = told.strip_prefix("attachment; filename=\"").and_then(|rest| rest.split('"').next());
        let plain = plain.unwrap_or_else(|| panic!("{name:?}: {told}"));
        let is_plain =
            |letter: char| !letter.is_ascii_control() && letter.is_ascii() && !r#""\/%"#.contains(letter);
        assert!(plain.chars().all(is_plain), "{name:?}: {told}");
        assert!(file.headers.get("set-cookie").is_none());
        assert_eq!(file.header("x-content-type-options"), "nosniff");
    }
    let coloured = server.upload("/api/v1/objects/contacts/import", "a\u{1b}[31m.csv", b"email\n", &[]);
    assert_eq!(coloured.status, 400, "no header holds that: {}", coloured.text());
    let mut folders = vec![server.directory.path().join("files")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{name:?} is a name of our own making"
            );
            if entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    let log = server.log();
    assert!(log.lines().all(|line| line.starts_with("20") && !line.contains('\u{1b}')), "{log}");
}

#[test]
fn names_never_become_statements() {
    for kind in STORES {
        let server = Server::start(kind);
        let (same, first, second) = ("a".repeat(62), "a".repeat(62) + "_x", "a".repeat(62) + "_y");
        for name in [same.as_str(), first.as_str(), second.as_str()] {
            let field = json!({ "name": name, "type": "text" });
            let reply = server.post("/api/v1/objects/contacts/fields", &field);
            assert!(matches!(reply.status, 201 | 400), "{kind:?} {name}: {}", reply.text());
            let record =
                server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "A", (name): name }));
            let expected = if reply.status == 201 { 201 } else { 400 };
            assert_eq!(record.status, expected, "{kind:?} {name}: {}", record.text());
            if expected == 201 {
                assert_eq!(record.json()[name], name, "names that begin alike stay apart");
            }
        }
        let hostile = [
            "\"; DROP TABLE contacts; --",
            "'; DROP TABLE contacts; --",
            "a' OR '1'='1",
            "id) OR (1=1) --",
            "1=1",
            "$1",
            "?1",
            "email\" || (SELECT 1) || \"",
            "pg_sleep(10)",
            "id;SELECT 1",
            "\\",
            "%",
            "_",
            "`id` = 1",
            "[id] = 1",
            "x\u{0}y",
        ];
        for name in hostile {
            let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
            for query in [
                format!("fields={encoded}"),
                format!("sort={encoded}"),
                format!("sort=email:{encoded}"),
                format!("filter_field={encoded}&filter_value=1"),
                format!("cursor={encoded}"),
                format!("filter_field=email&filter_operator={encoded}&filter_value=1"),
            ] {
                let reply = server.get(&format!("/api/v1/objects/contacts/records?{query}"));
                assert_eq!(reply.status, 400, "{kind:?} {query}: {}", reply.text());
            }
            for query in [
                format!("search={encoded}"),
                format!("filter_field=first_name&filter_value={encoded}"),
                format!("filter_field=first_name&filter_operator=contains&filter_value={encoded}"),
            ] {
                let reply = server.get(&format!("/api/v1/objects/contacts/records?{query}"));
                assert!(matches!(reply.status, 200 | 400), "{kind:?} {query}: {}", reply.text());
                assert_ne!(reply.json()["total"], 3, "{kind:?} {query} is a value and no condition");
            }
            let csv = format!("email,\"{}\"\n,\n", name.replace('"', "\"\"")).replace('\u{0}', "");
            let reply = server.upload("/api/v1/objects/contacts/import", "a.csv", csv.as_bytes(), &[]);
            assert!(matches!(reply.status, 200 | 422), "{kind:?} {name}: {}", reply.text());
            let object = json!({ "name": name, "label": name, "fields": [{ "name": name, "type": "text" }] });
            assert_eq!(server.post("/api/v1/objects", &object).status, 400, "{kind:?} {name}");
            let record =
                json!({ "records": [{ "first_name": name.replace('\u{0}', ""), "last_name": "hostile" }] });
            let reply = server.post("/api/v1/import/contacts", &record);
            assert_eq!(reply.status, 200, "{kind:?} {name}: {}", reply.text());
        }
        let kept = server.get("/api/v1/objects/contacts/records?filter_field=last_name&filter_value=hostile");
        let names: Vec<String> = kept.json()["records"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|record| record["first_name"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert!(names.contains(&"'; DROP TABLE contacts; --".to_owned()), "{kind:?}: {names:?}");
        assert_eq!(names.len(), hostile.len(), "{kind:?}: {names:?}");
    }
}

#[test]
fn what_is_said_twice_is_refused_or_read_once() {
    let server = Server::start(Kind::Sqlite);
    let headers = [("authorization", &*bearer()), ("content-type", "application/json")];
    let twice = br#"{"records":[],"records":[{"first_name":"A"}]}"#;
    assert_eq!(server.send("POST", "/api/v1/import/contacts", &headers, twice).status, 400);
    let twice = br#"{"email":"good@x.io","email":"bad"}"#;
    let reply = server.send("POST", "/api/v1/objects/contacts/records", &headers, twice);
    assert!(matches!(reply.status, 400 | 422), "the last one counts, for the check too: {}", reply.text());
    assert_eq!(server.get("/api/v1/objects/contacts/records?limit=1&limit=2").status, 400);
    assert_eq!(server.get("/api/v1/export/contacts?format=csv&format=json").status, 400);
    let body = "{\"records\":[{\"first_name\":\"A\"}]}";
    let head = format!(
        "POST /api/v1/import/contacts HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-type: application/json\r\nconnection: close\r\n",
        bearer()
    );
    let lengths = format!("{head}content-length: {}\r\ncontent-length: 5\r\n\r\n{body}", body.len());
    assert!(server.raw(lengths.as_bytes()).starts_with("HTTP/1.1 400"));
    let both = format!(
        "{head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let answer = server.raw(both.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400") || answer.matches("HTTP/1.1").count() == 1, "{answer}");
    let parts =
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nemail\na@x.io\n\r\n";
    let form = format!("{parts}{parts}--x--\r\n");
    let headers = [("authorization", &*bearer()), ("content-type", "multipart/form-data; boundary=x")];
    assert_eq!(server.send("POST", "/api/v1/objects/contacts/import", &headers, form.as_bytes()).status, 400);
}
