//! Pipelines whose files lie elsewhere (SFTP, S3, HTTP), and trials of filters and mappings without any file.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::pipelines_kit::{Pipelines, base, optional, property, schema, with};
use crate::sftp_servers::OpenSsh;
use crate::site::{Site, answer};
use crate::storage::Bucket;
use crate::support::Kind;

const ALLOWED: (&str, &str) = ("DRAY_ALLOW_OUTBOUND", "127.0.0.0/8");

fn connect(pipelines: &Pipelines, connector: &str, role: &str, settings: &Value) -> i64 {
    let body = json!({ "name": connector, "role": role, "connector": connector, "settings": settings });
    let made = pipelines.server.post("/v1/connections", &body);
    assert_eq!(made.status, 200, "{}", made.text());
    made.json()["id"].as_i64().expect("a number")
}

fn import(connection: i64, path: &str) -> Value {
    with(with(base(), "connection", json!(connection)), "path", json!(path))
}

fn export(connection: i64, path: &str) -> Value {
    json!({
        "name": "Out", "connection": connection, "target": "User", "enabled": true, "format": "csv", "path": path,
        "formatSettings": { "separator": "," }, "orderBy": "email",
        "inSchema": schema(&[optional("email", json!({ "kind": "string", "maxLength": 254 }))]),
    })
}

/// What the page about the nightly import says, and the way back.
#[test]
fn the_newest_file_of_an_sftp_server_comes_in_and_profiles_go_out() {
    let sftp = OpenSsh::start();
    let pipelines = Pipelines::start_with(Kind::Sqlite, &[ALLOWED]);
    for (name, content, age) in
        [("old", "id,mail\n9,old@x.org\n", 9_000), ("new", "id,mail\n1,A@X.org\n2,b@x.org\n", 60)]
    {
        let path = sftp.folder.join(format!("customers-{name}.csv"));
        std::fs::write(&path, content).expect("it is written");
        let file = std::fs::File::options().write(true).open(&path).expect("it is there");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000 - age)).expect("it can be set");
    }
    let settings = json!({ "host": "127.0.0.1", "port": sftp.port, "username": sftp.user,
        "privateKey": sftp.key("client-ed25519") });
    let from = connect(&pipelines, "sftp", "Source", &settings);
    let to = connect(&pipelines, "sftp", "Destination", &settings);
    let folder = sftp.folder.display();
    let mut body = import(from, &format!("{folder}/customers-*.csv"));
    body["transformation"] = json!({ "mapping": { "email": "lower(mail)" } });
    let id = pipelines.make(&body);
    let run = pipelines.ran(id);
    assert_eq!(run["path"], format!("{folder}/customers-new.csv"));
    assert_eq!(pipelines.profiles(), [json!({ "email": "a@x.org" }), json!({ "email": "b@x.org" })]);
    let listed = pipelines.server.get(&format!("/v1/connections/{from}/identities")).json();
    assert_eq!(listed["identities"][0]["updatedAt"], "2023-11-14T22:12:20Z", "the time of the file");
    let out = pipelines.make(&export(to, &format!("{folder}/profiles.csv")));
    pipelines.ran(out);
    let written = std::fs::read_to_string(sftp.folder.join("profiles.csv")).expect("it is there");
    assert_eq!(written, "email\na@x.org\nb@x.org\n");
    let preview = pipelines.server.get(&format!(
        "/v1/connections/{from}/files?path={folder}/customers-*.csv&format=csv&limit=1&formatSettings=%7B%22hasColumnNames%22:true%7D"
    ));
    assert_eq!(preview.json()["records"], json!([{ "id": "1", "mail": "A@X.org" }]), "{}", preview.text());
    let nothing = pipelines.make(&import(from, &format!("{folder}/nothing-*.csv")));
    let run = pipelines.run(nothing);
    assert!(run["error"].as_str().is_some_and(|error| error.contains("no file matches")), "{run}");
}

#[test]
fn a_bucket_is_read_and_written() {
    let bucket = Bucket::start();
    let pipelines = Pipelines::start_with(Kind::Sqlite, &[ALLOWED]);
    let settings = json!({ "endpoint": format!("http://{}", bucket.address), "accessKeyID": "CANARYACCESSKEY",
        "secretAccessKey": "Canary-4711-secret-of-s3", "region": "us-east-1", "bucket": "kept" });
    let from = connect(&pipelines, "s3", "Source", &settings);
    let to = connect(&pipelines, "s3", "Destination", &settings);
    pipelines.put("u.csv", "id,mail\n1,a@x.org\n2,b@x.org\n");
    let first = pipelines.make(&base());
    pipelines.ran(first);
    pipelines.profiles();
    let out = pipelines.make(&export(to, "out/${today}.csv"));
    let run = pipelines.ran(out);
    let path = run["path"].as_str().expect("a path").to_owned();
    let mut back = import(from, &path);
    back["userIDColumn"] = json!("email");
    back["inSchema"] = schema(&[property("email", json!({ "kind": "string" }))]);
    back["transformation"] = json!({ "mapping": { "email": "email" } });
    let back = pipelines.make(&back);
    assert_eq!(pipelines.ran(back)["passed"], json!([2, 2, 2, 0, 2, 2, 2]));
}

#[test]
fn an_http_server_is_read() {
    let site = Site::new(|asked, _, stream| {
        let good = asked.header("x-token") == "secret" && asked.path == "/files/u.csv?v=1";
        if good {
            answer(
                stream,
                "200 OK",
                "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n",
                b"id,mail\n1,a@x.org\n",
            );
        } else {
            answer(stream, "404 Not Found", "", b"");
        }
    });
    let pipelines = Pipelines::start_with(Kind::Sqlite, &[ALLOWED]);
    let settings = json!({ "scheme": "http", "host": "127.0.0.1", "port": site.port,
        "headers": [{ "key": "X-Token", "value": "secret" }] });
    let from = connect(&pipelines, "http-get", "Source", &settings);
    let id = pipelines.make(&import(from, "files/u.csv?v=1"));
    assert_eq!(pipelines.ran(id)["passed"][6], 1);
    let listed = pipelines.server.get(&format!("/v1/connections/{from}/identities")).json();
    assert_eq!(listed["identities"][0]["updatedAt"], "2023-11-14T22:13:20Z");
    let missing = pipelines.make(&import(from, "files/other.csv"));
    let run = pipelines.run(missing);
    assert_ne!(run["error"], "", "{run}");
    let errors = pipelines
        .server
        .get(&format!("/v1/pipelines/errors/2020-01-01/2100-01-01?pipelines={missing}&step=InputValidation"))
        .json();
    assert_eq!(errors["errors"].as_array().map(Vec::len), Some(1), "{errors}");
}

/// What a filter lets through of values of one property.
fn passing(pipelines: &Pipelines, kind: &Value, rows: &[Value], operator: &str, values: &Value) -> Vec<bool> {
    let mut condition = json!({ "property": "v", "operator": operator });
    if !values.is_null() {
        condition["values"] = values.clone();
    }
    let tried = pipelines.server.post(
        "/v1/pipelines/transform",
        &json!({
            "rows": rows,
            "inSchema": schema(&[
                json!({ "name": "v", "type": kind, "readOptional": true, "nullable": true }),
                property("id", json!({ "kind": "string" })),
            ]),
            "outSchema": schema(&[optional("id", json!({ "kind": "string" }))]),
            "filter": { "logical": "and", "conditions": [condition] },
            "transformation": { "mapping": { "id": "id" } },
        }),
    );
    assert_eq!(tried.status, 200, "{operator}: {}", tried.text());
    let rows = tried.json()["rows"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["filtered"] != true).collect()
}

/// The whole tables are tests of the engine (`record_filter/tests`); these are the lines people meet.
#[test]
fn line_10_filters() {
    let pipelines = Pipelines::start(Kind::Sqlite);
    let missing = json!({ "id": "1" });
    let null = json!({ "id": "1", "v": null });
    let of = |value: Value| json!({ "id": "1", "v": value });
    let string = json!({ "kind": "string" });
    let int = json!({ "kind": "int", "bitSize": 32 });
    let json_kind = json!({ "kind": "json" });
    let nothing = Value::Null;
    for (kind, value, operator, values, expected) in [
        (&string, json!("US"), "is", json!(["US"]), [true, false, false]),
        (&string, json!("US"), "is not", json!(["US"]), [false, true, true]),
        (&string, json!("US"), "is one of", json!(["DE", "US"]), [true, false, false]),
        (&string, json!("US"), "is not one of", json!(["DE"]), [true, true, true]),
        (&string, json!("foo boo"), "ends with", json!(["boo"]), [true, false, false]),
        (&string, json!("foo boo"), "does not contain", json!(["oo b"]), [false, true, true]),
        (&string, json!(""), "is empty", nothing.clone(), [true, true, true]),
        (&string, json!("x"), "is not empty", nothing.clone(), [true, false, false]),
        (&string, json!("x"), "is null", nothing.clone(), [false, false, true]),
        (&string, json!("x"), "is not null", nothing.clone(), [true, true, false]),
        (&string, json!("x"), "exists", nothing.clone(), [true, false, true]),
        (&string, json!("x"), "does not exist", nothing.clone(), [false, true, false]),
        (&int, json!(412), "is between", json!(["359", "412"]), [true, false, false]),
        (&int, json!(412), "is not between", json!(["359", "412"]), [false, true, true]),
        (&int, json!(-3), "is less than", json!(["-2"]), [true, false, false]),
        (&json_kind, json!([6.05, 23, 812.0]), "contains", json!(["812"]), [true, false, false]),
        (&json_kind, json!("671"), "is less than or equal to", json!(["670"]), [false, false, false]),
        (&json_kind, json!(false), "is false", nothing.clone(), [true, false, false]),
        (&json_kind, json!(0), "is false", nothing, [false, false, false]),
    ] {
        let found =
            passing(&pipelines, kind, &[of(value.clone()), missing.clone(), null.clone()], operator, &values);
        assert_eq!(found, expected, "{value} {operator} {values}");
    }
}

/// The vectors of the specification are tests of the engine (`expression/tests`); these go through the door.
#[test]
fn line_11_mappings() {
    let pipelines = Pipelines::start(Kind::Sqlite);
    let input = schema(&[
        property("first", json!({ "kind": "string" })),
        property("power", json!({ "kind": "int", "bitSize": 16, "unsigned": true })),
        property("flag", json!({ "kind": "boolean" })),
        property("data", json!({ "kind": "json" })),
    ]);
    let row = json!({ "first": "neW YORK", "power": 7000, "flag": true,
        "data": { "a": 1.0, "b": {}, "list": [1, "x"], "none": null } });
    let string = json!({ "kind": "string" });
    for (expression, kind, expected) in [
        ("power ' x ' 1.36", string.clone(), json!("7000 x 1.36")),
        ("initcap(first)", string.clone(), json!("NeW YORK")),
        ("0 coalesce(null, power)", string.clone(), json!("07000")),
        ("flag '!'", string.clone(), json!("true!")),
        ("substring(power, 2, 2)", json!({ "kind": "int", "bitSize": 32 }), json!(0)),
        ("eq(power, '7000')", json!({ "kind": "boolean" }), json!(true)),
        ("data.a", json!({ "kind": "int", "bitSize": 32 }), json!(1)),
        ("data.a", json!({ "kind": "int", "bitSize": 64 }), json!("1")),
        ("data.list", json!({ "kind": "array", "elementType": string.clone() }), json!(["1", "x"])),
        ("data.first_is_missing", string.clone(), Value::Null),
        ("data.a.x?", string.clone(), Value::Null),
        ("if(flag, 'yes', 'no')", string.clone(), json!("yes")),
        ("len(first)", json!({ "kind": "int", "bitSize": 8 }), json!(8)),
        ("'2023-01-01' ''", json!({ "kind": "date" }), json!("2023-01-01")),
    ] {
        let tried = pipelines.server.post(
            "/v1/pipelines/transform",
            &json!({
                "rows": [row], "inSchema": input, "outSchema": schema(&[optional("out", kind), optional("also", string.clone())]),
                "transformation": { "mapping": { "out": expression, "also": "first" } },
            }),
        );
        assert_eq!(tried.status, 200, "{expression}: {}", tried.text());
        assert_eq!(tried.json()["rows"][0]["data"]["out"], expected, "{expression}: {}", tried.text());
    }
    for (expression, step) in [("data.a.x", "Transformation"), ("substring(first, 1, -1)", "Transformation")]
    {
        let tried = pipelines.server.post(
            "/v1/pipelines/transform",
            &json!({
                "rows": [row], "inSchema": input, "outSchema": schema(&[optional("out", string.clone())]),
                "transformation": { "mapping": { "out": expression } },
            }),
        );
        assert_eq!(tried.json()["rows"][0]["error"]["step"], step, "{}", tried.text());
    }
}
