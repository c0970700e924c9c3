//! Definitions of pipelines: what is taken and what is refused, with which code; what is answered about them.

use serde_json::{Value, json};

use crate::pipelines_kit::{Pipelines, base, code, optional, property, schema, string, with};
use crate::support::{Kind, STORES};

const BAD: (u16, &str) = (400, "BadRequest");
const SETTINGS: (u16, &str) = (422, "InvalidSettings");
const FINE: (u16, &str) = (200, "");

/// Each line: what is changed of a valid definition, and the answer.
#[test]
fn line_4_and_5_every_rule_of_a_definition_has_its_answer() {
    let pipelines = Pipelines::start(Kind::Sqlite);
    let string60 = "é".repeat(60);
    let in_schema = |more: &[Value]| {
        let mut properties = vec![property("id", string()), property("mail", string())];
        properties.extend_from_slice(more);
        schema(&properties)
    };
    let id_kind = |kind: Value| schema(&[property("id", kind), property("mail", string())]);
    let mapping = |mapping: Value| json!({ "mapping": mapping });
    let function = |language: &str, in_paths: Value| {
        json!({ "function": { "source": "const transform = (user) => ({})", "language": language,
            "inPaths": in_paths, "outPaths": ["email"] } })
    };
    let filter = |property: &str, operator: &str, values: Value| json!({ "logical": "and", "conditions": [{ "property": property, "operator": operator, "values": values }] });
    let out = |property: Value| schema(&[property]);
    let cases: Vec<(&str, Value, (u16, &str))> = vec![
        ("name", json!("Users"), FINE),
        ("name", json!(""), BAD),
        ("name", json!(string60), FINE),
        ("name", json!(format!("{string60}x")), BAD),
        ("name", json!("a\u{0}b"), BAD),
        ("name", json!(7), BAD),
        ("target", Value::Null, BAD),
        ("target", json!("Group"), BAD),
        ("target", json!("user"), BAD),
        ("connection", json!(99), (422, "ConnectionNotExist")),
        ("connection", Value::Null, BAD),
        ("connection", json!("1"), BAD),
        ("format", json!(""), BAD),
        ("format", json!("CSV"), (422, "FormatNotExist")),
        ("format", json!("postgresql"), BAD),
        ("formatSettings", Value::Null, BAD),
        ("formatSettings", json!([]), BAD),
        ("formatSettings", json!("x"), BAD),
        ("formatSettings", json!({ "separator": "" }), SETTINGS),
        ("formatSettings", json!({ "separator": ";;" }), SETTINGS),
        ("formatSettings", json!({ "separator": "\n" }), SETTINGS),
        ("formatSettings", json!({ "separator": ",", "numberOfColumns": 1001 }), SETTINGS),
        ("formatSettings", json!({ "separator": ",", "numberOfColumns": 1000 }), FINE),
        ("formatSettings", json!({ "separator": ",", "HasColumnNames": true }), FINE),
        ("formatSettings", json!({ "separator": ",", "hasColumnName": true }), SETTINGS),
        ("sheet", json!("Sheet1"), BAD),
        ("compression", json!("zip"), BAD),
        ("compression", json!("Zip"), FINE),
        ("compression", json!("Gzip"), FINE),
        ("compression", json!("Snappy"), FINE),
        ("path", json!(""), BAD),
        ("path", json!("a".repeat(1024)), FINE),
        ("path", json!("a".repeat(1025)), BAD),
        ("path", json!("a-${now}.csv"), BAD),
        ("path", json!("a-${"), BAD),
        ("path", json!("../x"), FINE),
        ("userIDColumn", Value::Null, BAD),
        ("userIDColumn", json!("nope"), BAD),
        ("userIDColumn", json!("a b"), BAD),
        ("userIDColumn", json!("a.b"), BAD),
        ("inSchema", id_kind(json!({ "kind": "float", "bitSize": 64 })), BAD),
        ("inSchema", id_kind(json!({ "kind": "array", "elementType": { "kind": "string" } })), BAD),
        ("inSchema", id_kind(json!({ "kind": "int", "bitSize": 32 })), FINE),
        ("inSchema", id_kind(json!({ "kind": "uuid" })), FINE),
        ("inSchema", id_kind(json!({ "kind": "json" })), FINE),
        ("inSchema", schema(&[optional("id", string()), property("mail", string())]), BAD),
        ("inSchema", json!({ "kind": "string" }), BAD),
        ("inSchema", in_schema(&[property("unused", string())]), BAD),
        ("updatedAtFormat", json!("ISO8601"), BAD),
        ("incremental", json!(true), BAD),
        ("transformation", Value::Null, BAD),
        ("transformation", json!({}), BAD),
        ("transformation", json!({ "mapping": { "email": "mail" }, "function": { "source": "" } }), BAD),
        ("transformation", mapping(json!({})), BAD),
        ("transformation", mapping(json!({ "email": "'x'" })), BAD),
        ("transformation", mapping(json!({ "email": "mail", "email.x": "mail" })), BAD),
        ("transformation", mapping(json!({ "email": "lower(mail" })), BAD),
        ("transformation", mapping(json!({ "email": "upper()" })), BAD),
        ("transformation", mapping(json!({ "email": "nope" })), BAD),
        ("transformation", mapping(json!({ "nope": "mail" })), BAD),
        ("transformation", function("Ruby", json!(["mail"])), BAD),
        ("transformation", function("JavaScript", json!(["mail"])), FINE),
        ("transformation", function("JavaScript", json!([])), BAD),
        ("transformation", function("JavaScript", Value::Null), BAD),
        ("transformation", function("JavaScript", json!(["mail", "mail"])), BAD),
        ("transformation", function("JavaScript", json!(["nope"])), BAD),
        ("outSchema", schema(&[optional("email", string()), optional("phone", string())]), BAD),
        (
            "outSchema",
            out(json!({ "name": "email", "type": string(), "readOptional": true, "nullable": true })),
            BAD,
        ),
        ("outSchema", out(property("email", string())), BAD),
        ("outSchema", out(optional("_email", string())), BAD),
        ("filter", json!({ "logical": "xor", "conditions": [] }), BAD),
        ("filter", json!({ "logical": "and", "conditions": [] }), BAD),
        ("filter", filter("nope", "is", json!(["x"])), BAD),
        ("filter", filter("mail", "is null", Value::Null), BAD),
        ("filter", filter("mail", "exists", Value::Null), BAD),
        ("filter", filter("mail", "is", json!(["a".repeat(61)])), BAD),
        ("filter", filter("mail", "is", json!([""])), BAD),
        ("filter", filter("mail", "is", json!(["x"])), FINE),
        ("orderBy", json!("email"), BAD),
        ("query", json!("SELECT 1"), BAD),
        ("somethingElse", json!(1), FINE),
    ];
    for (member, value, expected) in cases {
        let reply = pipelines.server.post("/v1/pipelines", &with(base(), member, value.clone()));
        let (status, found) = code(&reply);
        assert_eq!((status, found.as_str()), expected, "{member}: {value}: {}", reply.text());
    }
    // Several members at once.
    let timed = |kind: Value, format: Value| {
        let body = with(base(), "inSchema", in_schema(&[property("ts", kind)]));
        with(with(body, "updatedAtColumn", json!("ts")), "updatedAtFormat", format)
    };
    for (kind, format, expected) in [
        (string(), Value::Null, BAD),
        (string(), json!("ISO8601"), FINE),
        (string(), json!("iso8601"), BAD),
        (string(), json!("Excel"), FINE),
        (string(), json!("%Y-%m-%d"), FINE),
        (string(), json!(format!("%Y{}", "x".repeat(62))), FINE),
        (string(), json!(format!("%Y{}", "x".repeat(63))), BAD),
        (json!({ "kind": "datetime" }), json!("ISO8601"), BAD),
        (json!({ "kind": "datetime" }), Value::Null, FINE),
        (json!({ "kind": "boolean" }), Value::Null, BAD),
    ] {
        let reply = pipelines.server.post("/v1/pipelines", &timed(kind.clone(), format.clone()));
        let (status, found) = code(&reply);
        assert_eq!((status, found.as_str()), expected, "{kind} {format}: {}", reply.text());
    }
    let json_format = |properties: Value| {
        let json_kind = json!({ "kind": "json" });
        let body = with(
            with(base(), "format", json!("json")),
            "formatSettings",
            json!({ "properties": properties }),
        );
        with(body, "inSchema", schema(&[property("id", json_kind.clone()), property("mail", json_kind)]))
    };
    let both = json!([{ "key": "id", "value": "t" }, { "key": "mail", "value": "f" }]);
    for (properties, expected) in [
        (json!([]), SETTINGS),
        (json!([{ "key": "id", "value": "x" }]), SETTINGS),
        (json!([{ "key": "id", "value": "t" }, { "key": "id", "value": "t" }]), SETTINGS),
        (both, FINE),
    ] {
        let reply = pipelines.server.post("/v1/pipelines", &json_format(properties));
        let (status, found) = code(&reply);
        assert_eq!((status, found.as_str()), expected, "{}", reply.text());
    }
    let parquet = with(base(), "format", json!("parquet"));
    for (settings, expected) in [(json!({}), BAD), (Value::Null, FINE)] {
        let reply =
            pipelines.server.post("/v1/pipelines", &with(parquet.clone(), "formatSettings", settings));
        let (status, found) = code(&reply);
        assert_eq!((status, found.as_str()), expected, "{}", reply.text());
    }
    let excel = |sheet: Value| {
        let body = with(base(), "format", json!("excel"));
        with(with(body, "formatSettings", json!({ "hasColumnNames": true })), "sheet", sheet)
    };
    for (sheet, expected) in [
        (Value::Null, BAD),
        (json!("S".repeat(31)), FINE),
        (json!("S".repeat(32)), BAD),
        (json!("'a"), BAD),
        (json!("a'"), BAD),
        (json!("a/b"), BAD),
        (json!("a'b"), FINE),
    ] {
        let reply = pipelines.server.post("/v1/pipelines", &excel(sheet.clone()));
        let (status, found) = code(&reply);
        assert_eq!((status, found.as_str()), expected, "{sheet}: {}", reply.text());
    }
    // The place of a mistake is told.
    let wrong = with(base(), "transformation", mapping(json!({ "email": "lower(mail" })));
    let told = pipelines.server.post("/v1/pipelines", &wrong).text();
    assert!(told.contains("character 11"), "{told}");
    let twice = pipelines.server.send(
        "POST",
        "/v1/pipelines",
        &[
            ("authorization", &format!("Bearer {}", crate::server::ADMIN)),
            ("content-type", "application/json"),
        ],
        br#"{"name":"a","name":"b"}"#,
    );
    assert_eq!(code(&twice), (400, "BadRequest".to_owned()));
}

#[test]
fn a_definition_is_answered_as_it_was_given() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        let mut body = with(base(), "formatSettings", json!({ "separator": ";", "HasColumnNames": true }));
        body["filter"] = json!({ "logical": "and", "conditions": [
            { "property": "mail", "operator": "is not empty" } ] });
        let id = pipelines.make(&body);
        let path = format!("/v1/pipelines/{id}");
        let shown = pipelines.server.get(&path).json();
        assert_eq!(
            shown,
            json!({
                "id": id, "name": "Users", "connector": "filesystem", "connectorType": "FileStorage",
                "connection": 1, "connectionRole": "Source", "target": "User", "enabled": true,
                "format": "csv", "path": "u.csv", "sheet": null, "compression": "",
                "formatSettings": { "separator": ";", "numberOfColumns": 0, "trimLeadingSpace": false,
                    "hasColumnNames": true, "lazyQuotes": false },
                "filter": { "logical": "and", "conditions": [{ "property": "mail", "operator": "is not empty" }] },
                "userIDColumn": "id", "updatedAtColumn": null, "updatedAtFormat": null, "incremental": false,
                "transformation": { "mapping": { "email": "mail" }, "function": null },
                "inSchema": { "kind": "object", "properties": [
                    { "name": "id", "type": { "kind": "string" }, "description": "" },
                    { "name": "mail", "type": { "kind": "string" }, "description": "" } ] },
                "outSchema": { "kind": "object", "properties": [
                    { "name": "email", "type": { "kind": "string", "maxLength": 254 }, "readOptional": true,
                      "description": "" } ] },
                "running": false, "scheduleStart": null, "schedulePeriod": null,
                "strict": false, "newestWins": false,
            })
        );
        // What was answered can be sent back.
        let again = pipelines.put_json(&path, &shown);
        assert_eq!((again.status, again.text()), (200, String::new()), "{}", again.text());
        assert_eq!(pipelines.server.get(&path).json(), shown);
        let of_connection = pipelines.server.get("/v1/connections/1").json();
        assert_eq!(of_connection["pipelines"], json!([shown]));
        assert_eq!(pipelines.server.get("/v1/pipelines").json(), json!({ "pipelines": [shown] }));

        let status = pipelines.put_json(&format!("{path}/status"), &json!({ "enabled": false }));
        assert_eq!((status.status, status.text()), (200, String::new()));
        assert_eq!(pipelines.server.get(&path).json()["enabled"], false);
        let refused = pipelines.server.post(&format!("{path}/runs"), &json!({}));
        assert_eq!(code(&refused), (422, "PipelineDisabled".to_owned()));

        for (period, expected) in
            [(json!("1h"), 200), (json!("7m"), 400), (Value::Null, 200), (json!(5), 400)]
        {
            let set = pipelines.put_json(&format!("{path}/schedule"), &json!({ "period": period }));
            assert_eq!(set.status, expected, "{period}: {}", set.text());
        }
        pipelines.put_json(&format!("{path}/schedule"), &json!({ "period": "24h", "start": 180 }));
        let scheduled = pipelines.server.get(&path).json();
        assert_eq!((&scheduled["schedulePeriod"], &scheduled["scheduleStart"]), (&json!("24h"), &json!(180)));

        for (id, expected) in [("x", BAD), ("0", BAD), ("-1", BAD), ("77", (404, "NotFound"))] {
            let (status, found) = code(&pipelines.server.get(&format!("/v1/pipelines/{id}")));
            assert_eq!((status, found.as_str()), expected, "{id}");
        }
        assert_eq!(pipelines.delete(&path).status, 200);
        assert_eq!(code(&pipelines.server.get(&path)), (404, "NotFound".to_owned()));
    }
}

/// The request that the page of this door shows, with the setting's key as it stands there.
#[test]
fn line_1_and_2_the_documented_requests_run() {
    let pipelines = Pipelines::start(Kind::Sqlite);
    let languages = pipelines.server.get("/v1/system/transformations/languages").json();
    assert_eq!(languages["languages"], json!(["JavaScript", "Python"]));
    let body = json!({
        "name": "Newsletter Subscribers", "connection": 1, "target": "User", "enabled": true,
        "format": "excel", "path": "subscribers.xlsx", "sheet": "Sheet1",
        "formatSettings": { "HasColumnNames": true },
        "filter": { "logical": "and", "conditions": [
            { "property": "country", "operator": "is", "values": ["US"] } ] },
        "userIDColumn": "email", "updatedAtColumn": "updated_at", "updatedAtFormat": "ISO8601",
        "incremental": true,
        "transformation": { "function": {
            "source": "def transform(user: dict) -> dict:\n\treturn {}\n", "language": "Python",
            "preserveJSON": false, "inPaths": ["email", "firstName", "lastName"],
            "outPaths": ["email", "first_name", "last_name"] } },
        "inSchema": schema(&[
            property("email", string()), property("firstName", string()), property("lastName", string()),
            property("country", string()), property("updated_at", json!({ "kind": "string", "maxLength": 60 })),
        ]),
        "outSchema": schema(&[
            json!({ "name": "first_name", "type": { "kind": "string", "maxLength": 100 }, "readOptional": true, "description": "First name" }),
            json!({ "name": "last_name", "type": { "kind": "string", "maxLength": 100 }, "readOptional": true, "description": "Last name" }),
            json!({ "name": "email", "type": { "kind": "string", "maxLength": 254 }, "readOptional": true, "description": "Email" }),
        ]),
    });
    let id = pipelines.make(&body);
    let mut again = body.clone();
    for member in ["connection", "target"] {
        again = with(again, member, Value::Null);
    }
    assert_eq!(pipelines.put_json(&format!("/v1/pipelines/{id}"), &again).status, 200);
    let shown = pipelines.server.get(&format!("/v1/pipelines/{id}")).json();
    assert_eq!(shown["sheet"], "Sheet1");
    assert_eq!(shown["transformation"]["function"]["language"], "Python");
    assert_eq!(shown["incremental"], true);
    // And it runs: two from the States, of whom one is of the wrong form nowhere.
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("Sheet1").expect("a name");
    for (row, cells) in [
        ["email", "firstName", "lastName", "country", "updated_at"],
        ["a@x.org", "Ada", "L", "US", "2026-01-01T00:00:00Z"],
        ["b@x.org", "Bob", "M", "DE", "2026-01-02"],
        ["c@x.org", "Cyd", "N", "US", "2026-01-03 10:00"],
    ]
    .into_iter()
    .enumerate()
    {
        for (column, cell) in cells.into_iter().enumerate() {
            sheet
                .write_string(
                    u32::try_from(row).expect("a row"),
                    u16::try_from(column).expect("a column"),
                    cell,
                )
                .expect("a cell");
        }
    }
    pipelines.put("subscribers.xlsx", book.save_to_buffer().expect("a workbook"));
    let run = pipelines.ran(id);
    assert_eq!(run["passed"], json!([3, 3, 2, 0, 2, 2, 2]), "{run}");
    assert_eq!(pipelines.users(), ["a@x.org", "c@x.org"]);
    let errors = pipelines.run_with(id, &json!({ "incremental": true }));
    assert_eq!(errors["passed"], json!([1, 1, 1, 0, 1, 1, 1]), "{errors}");
}

#[test]
fn line_14_who_may_come_in() {
    let pipelines = Pipelines::start(Kind::Sqlite);
    let id = pipelines.make(&base());
    let path = format!("/v1/pipelines/{id}");
    assert_eq!(code(&pipelines.server.send("GET", &path, &[], b"")), (401, "Unauthorized".to_owned()));
    let unknown = [("authorization", "Bearer api_unknown")];
    assert_eq!(code(&pipelines.server.send("GET", &path, &unknown, b"")), (401, "Unauthorized".to_owned()));
    let member = pipelines.server.key("member");
    let reads = [("authorization", &*format!("Bearer {member}"))];
    assert_eq!(pipelines.server.send("GET", &path, &reads, b"").status, 200);
    let writes = [("authorization", &*format!("Bearer {member}")), ("content-type", "application/json")];
    let refused = pipelines.server.send("POST", "/v1/pipelines", &writes, base().to_string().as_bytes());
    assert_eq!(code(&refused), (403, "Forbidden".to_owned()));
}
