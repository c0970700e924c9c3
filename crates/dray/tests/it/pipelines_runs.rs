//! Runs of pipelines: what a file becomes, what is counted, what stays and what goes; named by the lines of the
//! compatibility list.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::pipelines_kit::{Pipelines, base, code, optional, property, schema, string, with};
use crate::support::{Kind, STORES};

fn timed() -> Value {
    let mut body = base();
    body["updatedAtColumn"] = json!("ts");
    body["updatedAtFormat"] = json!("ISO8601");
    body["incremental"] = json!(true);
    body["inSchema"] =
        schema(&[property("id", string()), property("mail", string()), property("ts", string())]);
    body
}

#[test]
fn line_1_and_2_headers_and_alignment() {
    let pipelines = Pipelines::start(Kind::Sqlite);
    pipelines.put("u.csv", "\u{feff}id,mail\n1,a@x\n");
    let plain = pipelines.make(&base());
    assert_eq!(pipelines.ran(plain)["passed"], json!([1, 1, 1, 0, 1, 1, 1]));
    let old =
        pipelines.make(&with(base(), "formatSettings", json!({ "separator": ",", "HasColumnNames": true })));
    assert_eq!(pipelines.ran(old)["passed"][6], 1);
    // A limit of the schema is a check of each row; unless the types must be the same.
    let limited =
        schema(&[property("id", string()), property("mail", json!({ "kind": "string", "maxLength": 3 }))]);
    let lenient = pipelines.make(&with(base(), "inSchema", limited.clone()));
    pipelines.put("u.csv", "id,mail\n1,a@x\n2,abcd\n");
    let run = pipelines.ran(lenient);
    assert_eq!(
        (&run["passed"], &run["failed"]),
        (&json!([2, 1, 1, 0, 1, 1, 1]), &json!([0, 1, 0, 0, 0, 0, 0]))
    );
    let strict = pipelines.make(&with(with(base(), "inSchema", limited), "strict", json!(true)));
    let run = pipelines.run(strict);
    assert!(run["error"].as_str().is_some_and(|error| error.contains("`mail`")), "{run}");
    let errors = errors_of(&pipelines, strict);
    assert_eq!((&errors[0]["step"], &errors[0]["count"]), (&json!("Receive"), &json!(0)));
    // Without names of columns they are letters.
    let mut letters = with(base(), "formatSettings", json!({ "separator": "," }));
    letters["inSchema"] = schema(&[property("A", string()), property("B", string())]);
    letters["userIDColumn"] = json!("A");
    letters["transformation"] = json!({ "mapping": { "email": "B" } });
    let letters = pipelines.make(&letters);
    assert_eq!(pipelines.ran(letters)["passed"][6], 3);
    for (content, part) in [
        ("", "no columns"),
        ("id,id\n1,2\n", "two columns"),
        ("id,имя\n1,2\n", "a name no property can have"),
        ("id,nail\n1,2\n", "has no column `mail`"),
    ] {
        pipelines.put("u.csv", content);
        let run = pipelines.run(plain);
        assert!(run["error"].as_str().is_some_and(|error| error.contains(part)), "{content}: {run}");
    }
}

fn errors_of(pipelines: &Pipelines, id: i64) -> Vec<Value> {
    let path = format!("/v1/pipelines/errors/2020-01-01/2100-01-01?pipelines={id}");
    let listed = pipelines.server.get(&path);
    assert_eq!(listed.status, 200, "{}", listed.text());
    listed.json()["errors"].as_array().cloned().unwrap_or_default()
}

#[test]
fn line_3_sheets() {
    let pipelines = Pipelines::start(Kind::Sqlite);
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("Users").expect("a name");
    let day = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
    for (column, name) in [(0, "id"), (1, "First Name"), (2, "seen"), (3, "flag")] {
        sheet.write_string(0, column, name).expect("a cell");
    }
    sheet.write_number(1, 0, 7).expect("a cell");
    sheet.write_string(1, 1, "Zoë").expect("a cell");
    sheet.write_number_with_format(1, 2, 45123.5, &day).expect("a cell");
    sheet.write_boolean(1, 3, true).expect("a cell");
    pipelines.put("u.xlsx", book.save_to_buffer().expect("a workbook"));
    let body = json!({
        "name": "Book", "connection": 1, "target": "User", "enabled": true, "format": "excel", "path": "u.xlsx",
        "sheet": "uSERS", "formatSettings": { "hasColumnNames": true }, "userIDColumn": "id",
        "updatedAtColumn": "seen", "updatedAtFormat": "Excel",
        "transformation": { "mapping": { "first_name": "First_Name flag" } },
        "inSchema": schema(&[property("id", string()), property("First_Name", string()),
            property("seen", string()), property("flag", string())]),
        "outSchema": schema(&[optional("first_name", json!({ "kind": "string", "maxLength": 100 }))]),
    });
    let id = pipelines.make(&body);
    pipelines.ran(id);
    let listed = pipelines.server.get("/v1/connections/1/identities").json();
    assert_eq!(listed["identities"][0]["userId"], "7");
    assert_eq!(listed["identities"][0]["updatedAt"], "2023-07-16T12:00:00Z");
    assert_eq!(pipelines.profiles(), [json!({ "first_name": "Zoë1" })]);
    let missing = pipelines.make(&with(body, "sheet", json!("Other")));
    let run = pipelines.run(missing);
    assert!(run["error"].as_str().is_some_and(|error| error.contains("`Other`")), "{run}");
    let sheets =
        pipelines.server.get("/v1/connections/1/files/sheets?path=u.xlsx&format=excel&formatSettings=%7B%7D");
    assert_eq!(sheets.json(), json!({ "sheets": ["Users"] }), "{}", sheets.text());
    let none = pipelines
        .server
        .get("/v1/connections/1/files?path=u.xlsx&format=excel&sheet=Nope&formatSettings=%7B%7D");
    assert_eq!(code(&none), (422, "SheetNotExist".to_owned()));
}

#[test]
fn line_6_incremental_runs_take_what_is_as_new_as_the_last_or_newer() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        let id = pipelines.make(&timed());
        pipelines.put("u.csv", "id,mail,ts\n1,a,2024-01-01\n2,b,2024-01-02\n3,c,\n");
        // The third has the time of the file, which is now.
        pipelines.put("u.csv", "id,mail,ts\n1,a,2024-01-01\n2,b,2024-01-02\n");
        assert_eq!(pipelines.ran(id)["passed"], json!([2, 2, 2, 0, 2, 2, 2]));
        pipelines.put("u.csv", "id,mail,ts\n1,z,2024-01-01\n2,y,2024-01-02\n4,d,2024-01-03\n");
        let run = pipelines.ran(id);
        assert_eq!((&run["passed"], &run["notNewer"]), (&json!([2, 2, 2, 0, 2, 2, 2]), &json!(1)));
        assert_eq!(run["ledger"]["read"], 3);
        assert_eq!(run["ledger"]["balanced"], true);
        // Nothing is deleted by an incremental run.
        pipelines.put("u.csv", "id,mail,ts\n5,e,2024-01-04\n");
        pipelines.ran(id);
        assert_eq!(pipelines.users(), ["1", "2", "4", "5"]);
        // How it is packed does not matter; what is let through does.
        let definition = pipelines.server.get(&format!("/v1/pipelines/{id}")).json();
        pipelines.put_json(&format!("/v1/pipelines/{id}"), &with(definition.clone(), "name", json!("Other")));
        pipelines.put("u.csv", "id,mail,ts\n6,f,2024-01-01\n");
        assert_eq!(pipelines.ran(id)["notNewer"], 1);
        let filter = json!({ "logical": "or", "conditions": [
            { "property": "mail", "operator": "is not", "values": ["nobody"] } ] });
        pipelines.put_json(&format!("/v1/pipelines/{id}"), &with(definition, "filter", filter));
        let run = pipelines.ran(id);
        assert_eq!((&run["full"], &run["passed"][6]), (&json!(true), &json!(1)));
        assert_eq!(pipelines.users(), ["6"]);
        // A single run may do otherwise.
        let run = pipelines.run_with(id, &json!({ "incremental": false }));
        assert_eq!(run["full"], true);
    }
}

#[test]
fn line_7_a_full_run_keeps_what_it_cannot_read_and_deletes_what_is_gone() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        let mut body = base();
        body["filter"] = json!({ "logical": "and", "conditions": [
            { "property": "mail", "operator": "is not", "values": ["out"] } ] });
        body["outSchema"] = schema(&[optional("email", json!({ "kind": "string", "maxLength": 3 }))]);
        let id = pipelines.make(&body);
        pipelines.put("u.csv", "id,mail\n1,a\n2,b\n3,c\n4,d\n");
        pipelines.ran(id);
        // 1 left the file, 2 cannot be used any more, 3 is filtered out.
        pipelines.put("u.csv", "id,mail\n2,far too long\n3,out\n4,d\n");
        let run = pipelines.ran(id);
        assert_eq!(pipelines.users(), ["2", "4"], "{run}");
        assert_eq!(
            (&run["passed"], &run["failed"]),
            (&json!([3, 3, 2, 0, 2, 1, 1]), &json!([0, 0, 1, 0, 0, 1, 0]))
        );
        assert_eq!(run["purged"], 2);
        assert_eq!(run["ledger"]["rejected"], 1);
        assert_eq!(run["ledger"]["filtered"], 1);
        // It has the time of the file.
        assert_eq!(run["ledger"]["updated"], 1);
        let errors = errors_of(&pipelines, id);
        assert_eq!(
            (&errors[0]["step"], &errors[0]["rows"], &errors[0]["lines"]),
            (&json!("OutputValidation"), &json!([1]), &json!([2])),
            "{errors:?}"
        );
        let failed = pipelines.server.get(run["failedRows"].as_str().expect("an address")).text();
        assert!(failed.starts_with("id,mail,dray_row") && failed.contains("\n2,far too long,1,"), "{failed}");
        // A row whose user is not known: nobody is deleted.
        pipelines.put("u.csv", "id,mail\n,x\n");
        let run = pipelines.ran(id);
        assert_eq!(pipelines.users(), ["2", "4"]);
        assert_eq!(run["failed"], json!([1, 0, 0, 0, 0, 0, 0]));
        let errors = errors_of(&pipelines, id);
        assert!(errors.iter().any(|error| error["step"] == "Finalize" && error["count"] == 0), "{errors:?}");
        // A file with nothing but its header.
        pipelines.put("u.csv", "id,mail\n");
        pipelines.ran(id);
        assert!(pipelines.users().is_empty());
    }
}

#[test]
fn line_8_of_two_rows_with_one_user_the_last_counts() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        let id = pipelines.make(&timed());
        pipelines.put("u.csv", "id,mail,ts\n1,new,2024-01-02\n2,x,2024-01-01\n1,old,2024-01-01\n");
        assert_eq!(pipelines.ran(id)["passed"][6], 3);
        assert_eq!(pipelines.profiles(), [json!({ "email": "old" }), json!({ "email": "x" })]);
        let newest = pipelines.make(&with(timed(), "newestWins", json!(true)));
        pipelines.delete(&format!("/v1/pipelines/{id}"));
        assert_eq!(pipelines.ran(newest)["passed"][6], 3);
        assert_eq!(pipelines.profiles(), [json!({ "email": "new" }), json!({ "email": "x" })]);
    }
}

#[test]
fn line_9_every_step_is_counted() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        let body = json!({
            "name": "Steps", "connection": 1, "target": "User", "enabled": true, "format": "json", "path": "u.json",
            "formatSettings": { "properties": [{ "key": "id", "value": "t" }, { "key": "v", "value": "t" },
                { "key": "w", "value": "f" }] },
            "userIDColumn": "id",
            "filter": { "logical": "and", "conditions": [{ "property": "w", "operator": "is not", "values": ["out"] }] },
            "transformation": { "mapping": { "email": "v.mail", "phone": "v.n" } },
            "inSchema": schema(&[property("id", json!({ "kind": "json" })), property("v", json!({ "kind": "json" })),
                optional("w", json!({ "kind": "json" }))]),
            "outSchema": schema(&[optional("email", json!({ "kind": "string", "maxLength": 10 })),
                optional("phone", string())]),
        });
        let id = pipelines.make(&body);
        pipelines.put(
            "u.json",
            r#"{"users": [
            {"id": true, "v": {}},
            {"id": 2},
            {"id": 3, "v": {"mail": "c"}, "w": "out"},
            {"id": 4, "v": 5},
            {"id": 5, "v": {"mail": "far too long a text"}},
            {"id": 6.0, "v": {"mail": "f", "n": 12.50}, "w": null, "more": 1}
        ]}"#,
        );
        let run = pipelines.ran(id);
        assert_eq!(run["passed"], json!([5, 4, 3, 0, 2, 1, 1]), "{run}");
        assert_eq!(run["failed"], json!([1, 1, 1, 0, 1, 1, 0]), "{run}");
        assert_eq!(pipelines.users(), ["6"]);
        assert_eq!(pipelines.profiles(), [json!({ "email": "f", "phone": "12.50" })]);
        let ledger = &run["ledger"];
        assert_eq!(
            (&ledger["read"], &ledger["created"], &ledger["rejected"], &ledger["filtered"]),
            (&json!(6), &json!(1), &json!(4), &json!(1))
        );
        let import = run["import"].as_i64().expect("a number");
        let problems = pipelines.server.get(&format!("/api/v1/imports/{import}/problems")).json();
        assert_eq!(problems["problems"].as_array().map(Vec::len), Some(4), "{problems}");
        for path in ["days/1", "hours/2", "minutes/60"] {
            let metrics = pipelines
                .server
                .get(&format!("/v1/pipelines/metrics/{path}?pipelines={id}&target=User"))
                .json();
            let all = metrics["metrics"][0]["passed"].as_array().cloned().unwrap_or_default();
            let sum: i64 = all.iter().filter_map(|unit| unit[0].as_i64()).sum();
            assert_eq!(sum, 5, "{path}: {metrics}");
        }
        assert_eq!(pipelines.server.get("/v1/pipelines/metrics/days/31?pipelines=1").status, 404);
        assert_eq!(pipelines.server.get("/v1/pipelines/metrics/days/1").status, 400);
        let by_connection = pipelines.server.get("/v1/pipelines/metrics/days/2?connections=1,2").json();
        assert_eq!(by_connection["metrics"][0]["passed"][1], run["passed"]);
        assert_eq!(by_connection["metrics"][1]["passed"][1][0], 0);
        for wrong in ["[1]", "{}", "{\"a\":[],\"b\":[]}", "[{}] x", "[{\"id\":1", "{\"a\":[]"] {
            pipelines.put("u.json", wrong);
            assert_ne!(pipelines.run(id)["error"], "", "{wrong}");
        }
        assert_eq!(pipelines.users(), ["6"], "a broken file changes nothing");
    }
}

#[test]
fn line_12_functions_make_records_or_fail_for_one_or_for_all() {
    let pipelines = Pipelines::start(Kind::Sqlite);
    let with_function = |language: &str, source: &str| {
        with(
            base(),
            "transformation",
            json!({ "function": { "source": source, "language": language,
            "inPaths": ["mail"], "outPaths": ["email"] } }),
        )
    };
    pipelines.put("u.csv", "id,mail\n1,A@X\n2,throw\n3,wrong\n");
    let sources = [
        (
            "JavaScript",
            "const transform = (user) => { if (user.mail === 'throw') throw new Error('no');
            if (user.mail === 'wrong') return { email: 5 }; return { email: user.mail.toLowerCase() } }",
        ),
        (
            "Python",
            "def transform(user):\n    if user['mail'] == 'throw':\n        raise ValueError('no')\n    if user['mail'] == 'wrong':\n        return {'email': 5}\n    return {'email': user['mail'].lower()}\n",
        ),
    ];
    for (language, source) in sources {
        let id = pipelines.make(&with_function(language, source));
        let run = pipelines.ran(id);
        assert_eq!(run["passed"], json!([3, 3, 3, 0, 2, 1, 1]), "{language}: {run}");
        let errors = errors_of(&pipelines, id);
        let thrown = errors.iter().find(|error| error["step"] == "Transformation").expect("it was thrown");
        assert!(thrown["message"].as_str().is_some_and(|message| message.starts_with(language)), "{thrown}");
        assert_eq!(thrown["rows"], json!([2]));
        assert!(pipelines.profiles().contains(&json!({ "email": "a@x" })));
        assert_eq!(pipelines.delete(&format!("/v1/pipelines/{id}")).status, 200);
    }
    for (language, source, part) in [
        ("JavaScript", "const transform = (user => {", "SyntaxError"),
        ("JavaScript", "const other = 1", "transform"),
        ("Python", "def transform(user):\n  return {\n", "line"),
        ("Python", "import os\ndef transform(user):\n    return {'email': os.listdir('/etc')[0]}", ""),
    ] {
        let id = pipelines.make(&with_function(language, source));
        let run = pipelines.run(id);
        if part.is_empty() {
            assert_eq!(run["passed"][6], 0, "{run}");
            continue;
        }
        assert!(run["error"].as_str().is_some_and(|error| error.contains(part)), "{source}: {run}");
    }
    // A trial shows the same without a pipeline.
    let tried = pipelines.server.post("/v1/pipelines/transform", &json!({
        "rows": [{ "mail": "A" }, { "mail": "throw" }, { "mail": "out" }],
        "inSchema": schema(&[property("mail", string())]),
        "outSchema": schema(&[optional("email", string())]),
        "filter": { "logical": "and", "conditions": [{ "property": "mail", "operator": "is not", "values": ["out"] }] },
        "transformation": with_function("JavaScript", sources[0].1)["transformation"],
    }));
    assert_eq!(tried.status, 200, "{}", tried.text());
    let rows = tried.json()["rows"].clone();
    assert_eq!((&rows[0], &rows[2]), (&json!({ "data": { "email": "a" } }), &json!({ "filtered": true })));
    assert_eq!(rows[1]["error"]["step"], "Transformation");
    let one = pipelines.server.post("/v1/transformations", &json!({
        "data": { "mail": "x" }, "purpose": "Import",
        "inSchema": schema(&[property("mail", string())]), "outSchema": schema(&[optional("email", string())]),
        "transformation": { "mapping": { "email": "upper(mail) '!'" } },
    }));
    assert_eq!(one.json(), json!({ "data": { "email": "X!" } }), "{}", one.text());
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut archive = zip::ZipWriter::new(&mut bytes);
    for (name, content) in members {
        let options = zip::write::SimpleFileOptions::default();
        if name.ends_with('/') {
            archive.add_directory(*name, options).expect("a folder");
        } else {
            archive.start_file(*name, options).expect("a member");
            archive.write_all(content).expect("its bytes");
        }
    }
    archive.finish().expect("the archive");
    bytes.into_inner()
}

#[test]
fn line_13_packed_files() {
    let pipelines = Pipelines::start(Kind::Sqlite);
    let plain: &[u8] = b"id,mail\n1,a\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(plain).expect("it is packed");
    let gzip = gzip.finish().expect("it is packed");
    let snappy = snappy_of(plain);
    let cases: [(&str, Vec<u8>, bool); 9] = [
        ("Zip", zip_of(&[("u.csv", plain)]), true),
        ("Zip", zip_of(&[("folder/", b""), ("folder/u.csv", plain)]), true),
        ("Zip", zip_of(&[]), false),
        ("Zip", zip_of(&[("a.csv", plain), ("b.csv", plain)]), false),
        ("Gzip", gzip.clone(), true),
        ("Gzip", plain.to_vec(), false),
        ("Snappy", snappy, true),
        ("Snappy", gzip.clone(), false),
        // What is packed is found out where nothing is said.
        ("", gzip, true),
    ];
    for (index, (packing, bytes, works)) in cases.into_iter().enumerate() {
        pipelines.put("u.csv", bytes);
        let id = pipelines.make(&with(base(), "compression", json!(packing)));
        let run = pipelines.run(id);
        assert_eq!(run["error"] == "", works, "{index} {packing}: {run}");
        if works {
            assert_eq!(run["passed"][6], 1, "{index} {packing}: {run}");
        }
    }
}

/// Snappy in its framing format.
fn snappy_of(plain: &[u8]) -> Vec<u8> {
    let place = tempfile::NamedTempFile::new().expect("a file");
    let to = place.reopen().expect("the file");
    dray_formats::pack_whole(dray_formats::Compression::Snappy, "", &mut &plain[..], Box::new(to))
        .expect("it is packed");
    std::fs::read(place.path()).expect("it is there")
}

#[test]
fn line_15_one_run_at_a_time() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        let id = pipelines.make(&base());
        let rows: String = (0..60_000).map(|row| format!("{row},m{row}@x.org\n")).collect();
        pipelines.put("u.csv", format!("id,mail\n{rows}"));
        let runs = format!("/v1/pipelines/{id}/runs");
        let first = pipelines.server.post(&runs, &json!({}));
        assert_eq!(first.status, 200, "{}", first.text());
        let second = pipelines.server.post(&runs, &json!({}));
        assert_eq!(code(&second), (422, "PipelineAlreadyRunning".to_owned()));
        assert_eq!(pipelines.server.get(&format!("/v1/pipelines/{id}")).json()["running"], true);
        let run = first.json()["id"].as_i64().expect("a number");
        assert_eq!(pipelines.server.get(&format!("/v1/pipelines/runs/{run}")).json()["pipeline"], id);
        let ended = pipelines.ended(run);
        assert_eq!(ended["passed"][6], 60_000, "{ended}");
        let incremental = pipelines.server.post(&runs, &json!({ "incremental": true }));
        assert_eq!(code(&incremental), (422, "CannotRunIncrementally".to_owned()));
        assert_eq!(pipelines.server.post(&runs, &json!({ "incremental": 1 })).status, 400);
        // Again: nothing has changed, and a run can be taken back like any import.
        let again = pipelines.ran(id);
        assert_eq!(again["ledger"]["unchanged"], 60_000);
        let listed = pipelines.server.get("/v1/pipelines/runs?limit=1").json();
        assert_eq!(listed["runs"][0]["id"], again["id"]);
        assert_eq!(listed["runs"].as_array().map(Vec::len), Some(1));
        let stopped = pipelines.server.post(&runs, &json!({}));
        let stopped = stopped.json()["id"].as_i64().expect("a number");
        let key = format!("Bearer {}", crate::server::ADMIN);
        let cancel = format!("/v1/pipelines/runs/{stopped}/cancel");
        let asked = pipelines.server.send("POST", &cancel, &[("authorization", &key)], b"");
        assert!(asked.status == 200 || asked.status == 422, "{}", asked.text());
        let ended = pipelines.ended(stopped);
        assert!(ended["error"] == "" || ended["error"] == "the run was cancelled", "{ended}");
    }
}

#[test]
fn line_16_the_scenario_of_resolution() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        let phones = json!({ "kind": "array", "elementType": { "kind": "string" } });
        let wanted = schema(&[
            optional("dummy_id", string()),
            optional("email", string()),
            optional("phones", phones.clone()),
        ]);
        let changed = pipelines.put_json("/v1/profiles/schema", &json!({ "schema": wanted }));
        assert_eq!(changed.status, 200, "{}", changed.text());
        pipelines.put_json(
            "/v1/identity-resolution/settings",
            &json!({ "runOnBatchImport": true, "identifiers": ["dummy_id", "email"] }),
        );
        let json_kind = json!({ "kind": "json" });
        let body = |name: &str| {
            json!({
                "name": name, "connection": 1, "target": "User", "enabled": true, "format": "json", "path": "u.json",
                "formatSettings": { "properties": [{ "key": "dummy_id", "value": "t" }, { "key": "email", "value": "f" },
                    { "key": "phones", "value": "f" }] },
                "userIDColumn": "dummy_id",
                "transformation": { "mapping": { "dummy_id": "dummy_id", "email": "email", "phones": "phones" } },
                "inSchema": schema(&[property("dummy_id", json_kind.clone()), optional("email", json_kind.clone()),
                    optional("phones", json_kind.clone())]),
                "outSchema": wanted,
            })
        };
        let (first, second) = (pipelines.make(&body("A")), pipelines.make(&body("B")));
        let bring = |pipeline: i64, user: Value| {
            pipelines.put("u.json", json!([user]).to_string());
            pipelines.ran(pipeline);
            pipelines.profiles()
        };
        assert_eq!(bring(first, json!({ "dummy_id": "AAA", "phones": [] })).len(), 1);
        assert_eq!(
            bring(first, json!({ "dummy_id": "AAA", "phones": ["333"] })),
            [json!({ "dummy_id": "AAA", "phones": ["333"] })]
        );
        assert_eq!(bring(first, json!({ "dummy_id": "BBB" })), [json!({ "dummy_id": "BBB" })]);
        let two = bring(second, json!({ "dummy_id": "AAA", "email": "a@b", "phones": ["333"] }));
        assert_eq!(two.len(), 2, "{two:?}");
        let one = bring(first, json!({ "dummy_id": "AAA", "email": "a@b", "phones": ["444"] }));
        assert_eq!(one.len(), 1, "{one:?}");
        assert_eq!((&one[0]["dummy_id"], &one[0]["email"]), (&json!("AAA"), &json!("a@b")));
        let mut phones: Vec<&str> =
            one[0]["phones"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        phones.sort_unstable();
        assert_eq!(phones, ["333", "444"]);
    }
}

#[test]
fn line_17_profiles_are_exported_in_every_format() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        let source = pipelines.make(&base());
        pipelines.put("u.csv", "id,mail\n1,c@x\n2,\"a,\"\"x\"\"\"\n3,\n4,b@<x>\n");
        pipelines.ran(source);
        pipelines.profiles();
        let export = |format: &str, compression: &str, path: &str, settings: Value| {
            let body = json!({
                "name": "Out", "connection": 2, "target": "User", "enabled": true, "format": format,
                "path": path, "compression": compression, "formatSettings": settings, "orderBy": "email",
                "sheet": if format == "excel" { json!("People") } else { Value::Null },
                "inSchema": schema(&[optional("email", json!({ "kind": "string", "maxLength": 254 })),
                    optional("first_name", json!({ "kind": "string", "maxLength": 100 }))]),
            });
            let id = pipelines.make(&body);
            let run = pipelines.run(id);
            assert_eq!(run["error"], "", "{format} {compression}: {run}");
            assert_eq!(run["passed"], json!([0, 0, 0, 0, 0, 0, 4]), "{run}");
            pipelines.written(run["path"].as_str().expect("a path"))
        };
        let csv = "email,first_name\n\"a,\"\"x\"\"\",\nb@<x>,\nc@x,\n,\n";
        assert_eq!(String::from_utf8_lossy(&export("csv", "", "a.csv", json!({ "separator": "," }))), csv);
        let crlf = export("csv", "", "b.csv", json!({ "separator": ";", "useCRLF": true }));
        assert!(crlf.starts_with(b"email;first_name\r\n\"a,"), "{}", String::from_utf8_lossy(&crlf));
        let text = export("json", "", "a.json", json!({}));
        assert_eq!(
            String::from_utf8_lossy(&text),
            "{\"records\":[{\"email\":\"a,\\\"x\\\"\"},{\"email\":\"b@\\u003cx\\u003e\"},{\"email\":\"c@x\"},{}]}"
        );
        let indented = export("json", "", "i.json", json!({ "indent": true, "generateASCII": true }));
        assert!(
            String::from_utf8_lossy(&indented).starts_with("{\n\t\"records\": [\n\t\t{\n\t\t\t\"email\": ")
        );
        for compression in ["Zip", "Gzip", "Snappy"] {
            let packed = export("csv", compression, "packed", json!({ "separator": "," }));
            // What was written is what an import of it reads.
            pipelines.put("packed.in", &packed);
            let mut again = with(with(base(), "compression", json!(compression)), "path", json!("packed.in"));
            again["userIDColumn"] = json!("email");
            again["inSchema"] = schema(&[property("email", string())]);
            again["transformation"] = json!({ "mapping": { "email": "email" } });
            let id = pipelines.make(&again);
            let run = pipelines.run(id);
            assert_eq!(run["passed"][6], 3, "{compression}: {run}");
            pipelines.resolved();
            pipelines.delete(&format!("/v1/pipelines/{id}"));
            pipelines.put_json(
                "/v1/identity-resolution/settings",
                &json!({ "runOnBatchImport": true, "identifiers": [] }),
            );
            pipelines.server.send(
                "POST",
                "/v1/identity-resolution/start",
                &[("authorization", &format!("Bearer {}", crate::server::ADMIN))],
                b"",
            );
            pipelines.profiles();
        }
        let book = export("excel", "", "a.xlsx", Value::Null);
        assert!(book.starts_with(b"PK"));
        let parquet = export("parquet", "", "a.parquet", Value::Null);
        assert!(parquet.starts_with(b"PAR1"));
        let placed = export("csv", "", "p-${ TODAY }-${unix}.csv", json!({ "separator": "," }));
        assert_eq!(String::from_utf8_lossy(&placed), csv);
    }
}

#[test]
fn a_run_whose_process_dies_ends_as_if_it_had_not() {
    const ROWS: usize = 150_000;
    for kind in STORES {
        let mut pipelines = Pipelines::start(kind);
        let rows: String = (0..ROWS).map(|row| format!("{row},M{row}@x.org\n")).collect();
        pipelines.put("u.csv", format!("id,mail\n{rows}bad\n"));
        let mut body = base();
        body["transformation"] = json!({ "mapping": { "email": "lower(mail)" } });
        let id = pipelines.make(&body);
        let begun = pipelines.server.post(&format!("/v1/pipelines/{id}/runs"), &json!({}));
        let run = begun.json()["id"].as_i64().expect("a number");
        for milliseconds in [40, 250, 700] {
            std::thread::sleep(std::time::Duration::from_millis(milliseconds));
            pipelines.server.restart("KILL");
        }
        let ended = pipelines.ended(run);
        assert_eq!(ended["error"], "", "{kind:?}: {ended}");
        let all = ROWS as u64;
        assert_eq!(ended["passed"], json!([all, all, all, 0, all, all, all]), "{kind:?}: {ended}");
        assert_eq!(ended["failed"], json!([1, 0, 0, 0, 0, 0, 0]), "{kind:?}: {ended}");
        let ledger = &ended["ledger"];
        assert_eq!((&ledger["created"], &ledger["rejected"]), (&json!(all), &json!(1)), "{kind:?}: {ended}");
        assert_eq!(ledger["balanced"], true);
        let listed = pipelines.server.get("/v1/connections/1/identities?limit=1").json();
        assert_eq!(listed["total"], all);
        let errors = errors_of(&pipelines, id);
        assert!(errors.iter().any(|error| error["rows"] == json!([ROWS + 1])), "{errors:?}");
    }
}
