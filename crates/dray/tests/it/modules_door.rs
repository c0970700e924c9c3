//! The modules door, as `modules-api.txt` has it: every request shown there, its table of errors, and what its
//! options mean.

use serde_json::{Value, json};

use crate::server::{ADMIN, Reply, Server};
use crate::support::{Kind, STORES};

const CONTACTS: &str = "/v1/modules/contacts";

fn contacts_csv() -> &'static [u8] {
    b"Name,Email,Phone,Company\nJohn Smith,john@example.com,555-0100,Acme Corp\nJane Doe,jane@example.com,555-0101,TechStart Inc\n"
}

/// The data of an answer that worked.
fn data(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = reply.json();
    assert_eq!(body["success"], true, "{body}");
    body["data"].clone()
}

/// Status, code and message of one that did not.
fn failure(reply: &Reply) -> String {
    let body = reply.json();
    assert_eq!(body["success"], false, "{body}");
    let error = &body["error"];
    format!(
        "{} {} {}",
        reply.status,
        error["code"].as_str().unwrap_or_default(),
        error["message"].as_str().unwrap_or_default()
    )
}

fn begins(reply: &Reply, expected: &str) {
    let told = failure(reply);
    assert!(told.starts_with(expected), "{told}");
}

fn execute(server: &Server, body: &Value) -> Value {
    data(&server.post(&format!("{CONTACTS}/import/execute"), body))
}

fn csv(server: &Server, module: &str, columns: &[&str]) -> String {
    let body = json!({ "format": "csv", "config": { "columns": columns, "sortField": "id", "includeHeaders": false } });
    let reply = server.post(&format!("/v1/modules/{module}/export"), &body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text()
}

#[test]
fn the_documented_import() {
    for kind in STORES {
        let server = Server::start(kind);
        let parsed =
            data(&server.upload(&format!("{CONTACTS}/import/parse"), "contacts.csv", contacts_csv(), &[]));
        assert_eq!(parsed["sourceColumns"], json!(["Name", "Email", "Phone", "Company"]));
        assert_eq!(
            parsed["sampleRows"][0],
            json!({ "Name": "John Smith", "Email": "john@example.com", "Phone": "555-0100", "Company": "Acme Corp" })
        );
        assert_eq!(
            json!([parsed["totalRows"], parsed["fileType"], parsed["fileName"], parsed["encoding"]]),
            json!([2, "csv", "contacts.csv", "utf-8"])
        );
        assert!(parsed["fileId"].as_str().is_some_and(|id| id.starts_with("file_")), "{parsed}");

        let suggested = data(&server.post(
            &format!("{CONTACTS}/import/suggest-mapping"),
            &json!({ "sourceColumns": parsed["sourceColumns"], "sampleData": parsed["sampleRows"] }),
        ));
        let pairs: Vec<(&str, &str)> = suggested["suggestions"]
            .as_array()
            .expect("suggestions")
            .iter()
            .map(|pair| {
                assert!(pair["confidence"].as_f64().is_some_and(|sure| sure > 0.5 && sure <= 1.0), "{pair}");
                let text = |name: &str| pair[name].as_str().unwrap_or_default();
                (text("sourceColumn"), text("targetFieldSlug"))
            })
            .collect();
        assert_eq!(
            pairs,
            [("Name", "displayName"), ("Email", "email"), ("Phone", "phone"), ("Company", "account")]
        );
        assert_eq!(suggested["aiUsed"], false, "no model was asked");
        let fields = suggested["targetFields"].as_array().expect("fields");
        for (slug, label, kind) in [
            ("displayName", "Name", "text"),
            ("email", "Email", "email"),
            ("phone", "Phone", "phone"),
            ("account", "Account", "reference"),
        ] {
            let field = fields.iter().find(|field| field["fieldSlug"] == slug).expect("the field is there");
            assert_eq!(json!([field["label"], field["dataType"]]), json!([label, kind]));
        }

        let mapping = json!([
            { "sourceColumn": "Name", "targetFieldSlug": "displayName" },
            { "sourceColumn": "Email", "targetFieldSlug": "email" },
        ]);
        let validated = data(&server.post(
            &format!("{CONTACTS}/import/validate"),
            &json!({
                "rows": [
                    { "Name": "John Smith", "Email": "john@example.com" },
                    { "Name": "Jane Doe", "Email": "invalid-email" },
                ],
                "columnMapping": mapping,
            }),
        ));
        let counts = ["isValid", "totalRows", "validRows", "errorRows"].map(|name| validated[name].clone());
        assert_eq!(json!(counts), json!([false, 2, 1, 1]));
        let error = &validated["errors"][0];
        assert_eq!(
            json!([error["row"], error["field"], error["value"], error["error"]]),
            json!([2, "email", "invalid-email", "Invalid email format"])
        );
        assert_eq!(
            validated["warnings"],
            json!([{ "row": 1, "field": "phone", "message": "Required field \"Phone\" is not mapped" }])
        );
        assert_eq!(csv(&server, "contacts", &["email"]), "", "nothing was written");

        // The pseudo-code of the document: the suggestions are the mapping as they are.
        let done = execute(
            &server,
            &json!({
                "rows": parsed["sampleRows"], "columnMapping": suggested["suggestions"],
                "duplicateStrategy": "update", "duplicateMatchFields": ["email"], "mergeMode": "prefer_import",
            }),
        );
        let counts = ["status", "processingMode", "successRows", "errorRows", "skippedRows"]
            .map(|name| done[name].clone());
        assert_eq!(json!(counts), json!(["completed", "sync", 2, 0, 0]), "{done}");
        assert_eq!(done["createdRecordIds"], json!(["rec_1", "rec_2"]));
        assert_eq!(done["errors"], json!([]));
        assert_eq!(
            done["referenceWarnings"],
            json!([{
                "fieldSlug": "account", "fieldLabel": "Account",
                "unresolvedValues": ["Acme Corp", "TechStart Inc"], "targetModuleSlug": "accounts",
            }])
        );
        let id = done["importJobId"].as_str().expect("an id").to_owned();
        assert!(id.starts_with("job_"), "{id}");

        let job = data(&server.get(&format!("{CONTACTS}/import/jobs/{id}")));
        for (name, value) in [
            ("importJobId", json!(id)),
            ("accountId", json!("acc_default")),
            ("moduleId", json!("mod_contacts")),
            ("status", json!("completed")),
            ("processingMode", json!("sync")),
            ("totalRows", json!(2)),
            ("processedRows", json!(2)),
            ("successRows", json!(2)),
            ("errorRows", json!(0)),
            ("skippedRows", json!(0)),
            ("aiMappingUsed", json!(false)),
            ("duplicateStrategy", json!("update")),
        ] {
            assert_eq!(job[name], value, "{name} of {job}");
        }
        for name in ["createdDateTime", "startedDateTime", "completedDateTime", "expiresDateTime"] {
            let text = job[name].as_str().unwrap_or_default();
            assert!(text.len() == 20 && text.ends_with('Z'), "{name}: {text}");
        }
        let listed = data(&server.get(&format!("{CONTACTS}/import/jobs?limit=25")));
        assert_eq!(listed["jobs"][0]["importJobId"], json!(id));
        assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(1));
        let elsewhere = data(&server.get("/v1/modules/accounts/import/jobs"));
        assert_eq!(elsewhere["jobs"], json!([]));

        let undone = data(&server.json("DELETE", &format!("{CONTACTS}/import/jobs/{id}"), &json!({})));
        assert_eq!(json!([undone["deletedCount"], undone["restoredCount"]]), json!([2, 0]));
        assert_eq!(data(&server.get(&format!("{CONTACTS}/import/jobs/{id}")))["status"], "cancelled");
        assert_eq!(csv(&server, "contacts", &["email"]), "");
        begins(
            &server.json("DELETE", &format!("{CONTACTS}/import/jobs/{id}"), &json!({})),
            "409 ALREADY_ROLLED_BACK import job `job_1` was rolled back already",
        );
    }
}

#[test]
fn the_table_of_errors() {
    let server = Server::start(Kind::Sqlite);
    let parse = format!("{CONTACTS}/import/parse");
    let key = [("x-api-key", ADMIN)];
    begins(&server.send("POST", &parse, &key, b""), "400 NO_FILE No file uploaded");
    let empty = server.upload(&parse, "contacts.csv", b"", &[]);
    begins(&empty, "400 NO_FILE No file uploaded");
    let other_part = [("x-api-key", ADMIN), ("content-type", "multipart/form-data; boundary=B")];
    let form = b"--B\r\nContent-Disposition: form-data; name=\"document\"\r\n\r\nx\r\n--B--\r\n";
    begins(&server.send("POST", &parse, &other_part, form), "400 NO_FILE No file uploaded");
    for (name, content) in [
        ("contacts.pdf", &b"%PDF-1.7\n%\xE2\xE3\n1 0 obj"[..]),
        ("contacts.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("contacts.json", b"[{\"Name\": \"John\"}]"),
    ] {
        let reply = server.upload(&parse, name, content, &[]);
        begins(&reply, "400 UNSUPPORTED_FILE_TYPE Unsupported file type");
    }
    let large = vec![b'x'; (100 << 20) + 1];
    begins(&server.upload(&parse, "contacts.csv", &large, &[]), "400 FILE_TOO_LARGE File too large");
    assert_eq!(stored_files(&server), 0, "nothing of it is kept");
    drop(large);

    begins(
        &server.upload("/v1/modules/nonsense/import/parse", "contacts.csv", contacts_csv(), &[]),
        "404 MODULE_NOT_FOUND Module not found: there is no module `nonsense`",
    );
    begins(&server.get("/v1/modules/nonsense/import/jobs"), "404 MODULE_NOT_FOUND Module not found");
    for id in ["job_1", "job_x", "1", "job_9999999999999999999"] {
        let path = format!("{CONTACTS}/import/jobs/{id}");
        begins(&server.get(&path), "404 IMPORT_JOB_NOT_FOUND Import job not found");
        let deleted = server.json("DELETE", &path, &json!({}));
        begins(&deleted, "404 IMPORT_JOB_NOT_FOUND Import job not found");
    }
    begins(&server.get("/v1/export-jobs/exp_1"), "404 EXPORT_JOB_NOT_FOUND");
    let export = json!({ "format": "csv" });
    begins(&server.post("/v1/reports/rpt_1/export", &export), "404 REPORT_NOT_FOUND Report not found");

    let member = server.key("member");
    for (method, path) in [
        ("POST", "/v1/modules/contacts/import/execute"),
        ("POST", "/v1/modules/contacts/import/validate"),
        ("GET", "/v1/modules/contacts/import/jobs"),
        ("DELETE", "/v1/modules/contacts/import/jobs/job_1"),
        ("POST", "/v1/modules/contacts/export"),
        ("GET", "/v1/export-jobs"),
    ] {
        let reply = server.json_as(&member, method, path, &json!({}));
        begins(&reply, "403 PERMISSION_DENIED Access denied");
        begins(&server.json_as("wrong", method, path, &json!({})), "401 UNAUTHENTICATED");
    }
    begins(&server.get("/v1/modules/contacts/nonsense"), "404 NOT_FOUND");
    begins(&server.get("/v1/modules/contacts/export"), "405 METHOD_NOT_ALLOWED");
    assert!(server.get("/v1/modulesque").json().get("success").is_none(), "other paths keep their shape");
}

fn stored_files(server: &Server) -> usize {
    let folder = server.directory.path().join("files").join("default");
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[test]
fn what_a_mapping_may_say() {
    let server = Server::start(Kind::Sqlite);
    let validate = |body: Value| server.post(&format!("{CONTACTS}/import/validate"), &body);
    let with = |mapping: Value| {
        validate(
            json!({ "rows": [{ "Name": "A", "Mobile": "+49 171 1234567", "City": "Bern" }], "columnMapping": mapping }),
        )
    };
    for (mapping, expected) in [
        (
            json!([{ "sourceColumn": "Nmae", "targetFieldSlug": "displayName" }]),
            "400 UNKNOWN_COLUMN the source has no column `Nmae`: did you mean `Name`?",
        ),
        (
            json!([{ "sourceColumn": "Name", "targetFieldSlug": "displyName" }]),
            "400 UNKNOWN_FIELD module `contacts` has no field `displyName`: did you mean `displayName`?",
        ),
        (
            json!([{ "sourceColumn": "Name", "targetFieldSlug": "displayName" }, { "sourceColumn": "City", "targetFieldSlug": "display_name" }]),
            "400 VALIDATION_ERROR the columns `Name` and `City` both fill `displayName`",
        ),
        (
            json!([{ "sourceColumn": "Name", "targetFieldSlug": "displayName" }, { "sourceColumn": "name", "targetFieldSlug": "notes" }]),
            "400 VALIDATION_ERROR column `name` is mapped twice",
        ),
        (
            json!([{ "sourceColumn": "Mobile", "targetFieldSlug": "phone", "valueType": "Pager" }]),
            "400 VALIDATION_ERROR `phone` has no valueType `Pager`: use one of Mobile, Work, Home, Other",
        ),
        (
            json!([{ "sourceColumn": "City", "targetFieldSlug": "address" }]),
            "400 VALIDATION_ERROR `address` is an address: say with addressPart",
        ),
        (
            json!([{ "sourceColumn": "City", "targetFieldSlug": "address", "addressPart": "town" }]),
            "400 VALIDATION_ERROR `town` is no addressPart",
        ),
        (
            json!([{ "sourceColumn": "City", "targetFieldSlug": "updatedDateTime" }]),
            "400 VALIDATION_ERROR `updatedDateTime` is kept by Dray",
        ),
        (
            json!([{ "sourceColumn": "City", "targetFieldSlug": null }]),
            "400 VALIDATION_ERROR columnMapping maps no column",
        ),
    ] {
        begins(&with(mapping), expected);
    }
    begins(&validate(json!({ "columnMapping": [] })), "400 VALIDATION_ERROR the request has no rows");
    begins(
        &validate(json!({ "fileId": "file_x", "columnMapping": [] })),
        "404 FILE_NOT_FOUND File not found",
    );
    begins(
        &validate(json!({ "rows": 1, "columnMapping": [] })),
        "400 VALIDATION_ERROR the body cannot be read",
    );
    let ok = with(json!([
        { "sourceColumn": "Name", "targetFieldSlug": "displayName" },
        { "sourceColumn": "Gone", "targetFieldSlug": "email", "ignored": true },
        { "sourceColumn": "mobile", "targetFieldSlug": "phone", "valueType": "Mobile" },
    ]));
    assert_eq!(data(&ok)["isValid"], true);

    // Required fields: `accounts` cannot be without a name.
    let accounts = |step: &str| {
        server.post(
            &format!("/v1/modules/accounts/import/{step}"),
            &json!({ "rows": [{ "Site": "https://a.example" }], "columnMapping": [{ "sourceColumn": "Site", "targetFieldSlug": "website" }] }),
        )
    };
    let told = data(&accounts("validate"));
    assert_eq!(told["isValid"], false);
    assert_eq!(told["errors"][0]["error"], "Required field \"Name\" is not mapped");
    begins(&accounts("execute"), "400 VALIDATION_ERROR Required field \"Name\" is not mapped");
}

#[test]
fn values_of_many_kinds() {
    for kind in STORES {
        let server = Server::start(kind);
        let done = execute(
            &server,
            &json!({
                "rows": [
                    {
                        "Who": "Ann Lee", "Mail": "ann@x.io", "Mobile Phone": "+49 171 1234567", "Work Phone": "+49 30 1234567",
                        "Street Address": "1 Main St", "City": "Bern", "State": "BE", "Postal Code": "03000",
                        "Company Name": "Acme", "Tags": ["a", "b"], "Since": "2020-02-03T04:05:06Z", "Other": "left out",
                    },
                    { "Who": 12, "Mail": null, "Late": "a member nobody had before" },
                    "no row at all",
                    { "Who": "Bad", "Mail": "bad" },
                ],
                "columnMapping": [
                    { "sourceColumn": "Who", "targetFieldSlug": "displayName" },
                    { "sourceColumn": "Mail", "targetFieldSlug": "email", "ignored": false },
                    { "sourceColumn": "Mobile Phone", "targetFieldSlug": "phone", "valueType": "Mobile" },
                    { "sourceColumn": "Work Phone", "targetFieldSlug": "phone", "valueType": "Work" },
                    { "sourceColumn": "Street Address", "targetFieldSlug": "address", "addressPart": "street" },
                    { "sourceColumn": "City", "targetFieldSlug": "address", "addressPart": "city" },
                    { "sourceColumn": "State", "targetFieldSlug": "address", "addressPart": "state" },
                    { "sourceColumn": "Postal Code", "targetFieldSlug": "address", "addressPart": "zip" },
                    { "sourceColumn": "Company Name", "targetFieldSlug": "account" },
                    { "sourceColumn": "Tags", "targetFieldSlug": "tags" },
                    { "sourceColumn": "Late", "targetFieldSlug": "notes" },
                    { "sourceColumn": "Since", "targetFieldSlug": "createdDateTime" },
                ],
                "createMissingReferences": true,
                "skipValidation": true,
                "aiMappingUsed": true,
                "staticValues": { "source": "fair", "jobTitle": "Visitor" },
            }),
        );
        assert_eq!(json!([done["successRows"], done["errorRows"]]), json!([2, 2]), "{done}");
        let errors: Vec<String> = done["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|error| format!("{} {}", error["row"], error["error"].as_str().unwrap_or_default()))
            .collect();
        assert_eq!(
            errors,
            ["3 The record is not an object; write it as {\"name\": value}", "4 Invalid email format"]
        );
        assert_eq!(done["referenceWarnings"], json!([]));
        assert_eq!(
            csv(
                &server,
                "contacts",
                &[
                    "displayName",
                    "email",
                    "phone",
                    "address",
                    "account",
                    "tags",
                    "notes",
                    "source",
                    "jobTitle",
                    "createdDateTime"
                ]
            )
            .lines()
            .map(|line| line.rsplit_once(',').map_or(line, |(line, _)| line))
            .collect::<Vec<_>>(),
            [
                "Ann Lee,ann@x.io,+491711234567,+49301234567,,,1 Main St,,Bern,BE,03000,,1,\"[\"\"a\"\",\"\"b\"\"]\",,fair,Visitor",
                "12,,,,,,,,,,,,,,a member nobody had before,fair,Visitor",
            ]
        );
        assert!(csv(&server, "contacts", &["createdDateTime"]).starts_with("2020-02-03T04:05:06Z\n"));
        assert_eq!(csv(&server, "companies", &["name"]), "Acme\n");
        let id = done["importJobId"].as_str().expect("an id");
        assert_eq!(data(&server.get(&format!("{CONTACTS}/import/jobs/{id}")))["aiMappingUsed"], true);
        let undone = data(&server.json("DELETE", &format!("{CONTACTS}/import/jobs/{id}"), &json!({})));
        assert_eq!(undone["deletedCount"], 3, "with the account that was made on the way");
        assert_eq!(csv(&server, "accounts", &["name"]), "");
    }
}

#[test]
fn duplicates_and_what_a_rollback_restores() {
    for kind in STORES {
        let server = Server::start(kind);
        let mapping = json!([
            { "sourceColumn": "e", "targetFieldSlug": "email" },
            { "sourceColumn": "n", "targetFieldSlug": "displayName" },
            { "sourceColumn": "d", "targetFieldSlug": "department" },
        ]);
        let import = |rows: Value, more: Value| {
            let mut body = json!({ "rows": rows, "columnMapping": mapping });
            for (name, value) in more.as_object().into_iter().flatten() {
                body[name] = value.clone();
            }
            execute(&server, &body)
        };
        let told = |done: &Value| json!([done["successRows"], done["errorRows"], done["skippedRows"]]);
        let first = import(
            json!([
                { "e": "a@x.io", "n": "Ann", "d": "Sales" }, { "e": "b@x.io", "n": "Ben", "d": "Sales" },
                { "e": "c@x.io", "n": "Cy", "d": "Sales" }, { "e": "A@x.io", "n": "again", "d": "" },
            ]),
            json!({}),
        );
        assert_eq!(told(&first), json!([3, 0, 1]), "skip is the default");
        let created =
            import(json!([{ "e": "a@x.io", "n": "Other" }]), json!({ "duplicateStrategy": "create" }));
        assert_eq!(told(&created), json!([0, 1, 0]));
        assert_eq!(created["errors"][0]["error"], "Duplicate email found");
        let filled = import(
            json!([{ "e": "a@x.io", "n": "No", "d": "No" }]),
            json!({ "duplicateStrategy": "update", "mergeMode": "fill_empty" }),
        );
        assert_eq!(told(&filled), json!([1, 0, 0]));
        let changed = import(
            json!([{ "e": "a@x.io", "n": "Anna", "d": null }, { "e": "b@x.io", "n": "Bob", "d": "IT" }, { "e": "d@x.io", "n": "Dee" }]),
            json!({ "duplicateStrategy": "update", "duplicateMatchFields": ["email"] }),
        );
        assert_eq!(told(&changed), json!([3, 0, 0]));
        let all = ["email", "displayName", "department"];
        assert_eq!(
            csv(&server, "contacts", &all),
            "a@x.io,Anna,Sales\nb@x.io,Bob,IT\nc@x.io,Cy,Sales\nd@x.io,Dee,\n"
        );
        let overwritten = import(
            json!([{ "e": "b@x.io", "n": "Bobby", "d": null }]),
            json!({ "duplicateStrategy": "update", "mergeMode": "overwrite" }),
        );
        assert_eq!(told(&overwritten), json!([1, 0, 0]));
        assert!(csv(&server, "contacts", &all).contains("b@x.io,Bobby,\n"));

        // `changed` goes back: Ann is restored, Dee deleted, and Ben, whom a later import changed, is kept.
        let id = changed["importJobId"].as_str().expect("an id");
        let undone = data(&server.json("DELETE", &format!("{CONTACTS}/import/jobs/{id}"), &json!({})));
        assert_eq!(
            undone,
            json!({
                "deletedCount": 1, "restoredCount": 1, "keptCount": 1,
                "keptRecords": [{ "moduleSlug": "contacts", "recordId": "rec_2" }],
            })
        );
        assert_eq!(csv(&server, "contacts", &all), "a@x.io,Ann,Sales\nb@x.io,Bobby,\nc@x.io,Cy,Sales\n");
        begins(
            &server.post(
                &format!("{CONTACTS}/import/execute"),
                &json!({ "rows": [{ "e": "x" }], "columnMapping": mapping, "duplicateMatchFields": ["emial"] }),
            ),
            "400 UNKNOWN_FIELD module `contacts` has no field `emial`: did you mean `email`?",
        );
    }
}

#[test]
fn files_stand_for_rows() {
    let fixture = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../dray-formats/fixtures/excel")
            .join(name);
        std::fs::read(path).expect("the fixture is there")
    };
    for kind in STORES {
        let server = Server::start(kind);
        let parse = format!("{CONTACTS}/import/parse");
        let latin = b"Vorname;E-Mail;Plz\nJ\xFCrgen;j@x.io;01067\n;bad;1\n";
        let parsed = data(&server.upload(&parse, "kunden.txt", latin, &[("note", "parts before the file")]));
        assert_eq!(
            json!([parsed["sourceColumns"], parsed["totalRows"], parsed["fileType"], parsed["encoding"]]),
            json!([["Vorname", "E-Mail", "Plz"], 2, "csv", "windows-1252"])
        );
        assert_eq!(parsed["sampleRows"][1], json!({ "Vorname": "", "E-Mail": "bad", "Plz": "1" }));
        let body = json!({ "fileId": parsed["fileId"], "columnMapping": [
            { "sourceColumn": "Vorname", "targetFieldSlug": "firstName" },
            { "sourceColumn": "e-mail", "targetFieldSlug": "email" },
        ] });
        let validated = data(&server.post(&format!("{CONTACTS}/import/validate"), &body));
        assert_eq!(json!([validated["validRows"], validated["errorRows"]]), json!([1, 1]));
        let done = execute(&server, &body);
        assert_eq!(json!([done["successRows"], done["errorRows"]]), json!([1, 1]));
        assert_eq!(
            csv(&server, "contacts", &["firstName", "addressZip"]),
            "Jürgen,\n",
            "nothing else is mapped"
        );
        let id = done["importJobId"].as_str().expect("an id");
        let job = data(&server.get(&format!("{CONTACTS}/import/jobs/{id}")));
        assert_eq!(json!([job["fileName"], job["fileType"]]), json!(["kunden.txt", "csv"]));

        // What was mapped once is suggested from then on, whatever it was.
        let own = json!({ "rows": [{ "Spalte X": "VIP" }], "columnMapping": [{ "sourceColumn": "Spalte X", "targetFieldSlug": "department" }] });
        execute(&server, &own);
        let suggested = data(&server.post(
            &format!("{CONTACTS}/import/suggest-mapping"),
            &json!({ "sourceColumns": ["spalte x", "Handy", "Ort", "createdDateTime", "Zzz"] }),
        ));
        let pairs: Vec<Value> = suggested["suggestions"]
            .as_array()
            .expect("suggestions")
            .iter()
            .map(|pair| json!([pair["targetFieldSlug"], pair["valueType"], pair["addressPart"]]))
            .collect();
        assert_eq!(
            json!(pairs),
            json!([
                ["department", null, null],
                ["phone", "Mobile", null],
                ["address", null, "city"],
                ["createdDateTime", null, null],
                [null, null, null]
            ])
        );

        if kind == Kind::Sqlite {
            let xls = data(&server.upload(&parse, "dates.bin", &fixture("dates_1900.xls"), &[]));
            assert_eq!(xls["fileType"], "xls", "by content");
            begins(
                &server.upload(&parse, "kinds.ods", &fixture("kinds.ods"), &[]),
                "400 UNSUPPORTED_FILE_TYPE Unsupported file type: `kinds.ods` is ods",
            );
            begins(
                &server.upload(&parse, "password.xls", &fixture("password.xls"), &[]),
                "400 INVALID_FILE `password.xls` is protected with a password",
            );
        }
    }
}

#[test]
fn the_documented_exports() {
    for kind in STORES {
        let server = Server::start(kind);
        execute(
            &server,
            &json!({
                "rows": [{ "n": "Zoë", "e": "z@x.io", "p": "+49301234567", "o": "Kim" }, { "n": "Ann", "e": "a@x.io", "p": "", "o": "Lou" }],
                "columnMapping": [
                    { "sourceColumn": "n", "targetFieldSlug": "displayName" }, { "sourceColumn": "e", "targetFieldSlug": "email" },
                    { "sourceColumn": "p", "targetFieldSlug": "phone" }, { "sourceColumn": "o", "targetFieldSlug": "owner" },
                ],
            }),
        );
        let export = format!("{CONTACTS}/export");
        let reply = server.post(
            &export,
            &json!({ "format": "csv", "config": {
                "columns": ["displayName", "email", "phone", "createdDateTime"], "includeHeaders": true,
                "sortField": "createdDateTime", "sortDirection": "desc", "limit": 1000,
            } }),
        );
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8");
        let name = reply.header("content-disposition").to_owned();
        assert!(
            name.starts_with("attachment; filename=\"contacts-export-20")
                && name.ends_with(".csv\"")
                && name.len() == 53,
            "{name}"
        );
        let text = reply.text();
        assert!(
            text.starts_with(
                "display_name,email,phone_mobile,phone_work,phone_home,phone_other,created_at\n"
            ),
            "{text}"
        );
        assert_eq!(text.lines().count(), 3);

        let usual = server.post(&export, &json!({ "format": "csv" })).text();
        assert!(usual.starts_with("display_name,owner,created_at,updated_at\n"), "{usual}");
        let labelled = server.post(
            &export,
            &json!({ "format": "csv", "config": {
                "columns": ["displayName", "createdDateTime"], "columnLabels": { "displayName": "Who" },
                "dateFormat": "DD.MM.YYYY", "sortField": "displayName", "limit": 1, "title": "of a PDF", "description": "too",
            } }),
        );
        let text = labelled.text();
        assert!(text.starts_with("Who,created_at\nAnn,"), "{text}");
        assert!(
            text.trim_end().rsplit(',').next().is_some_and(|date| date.len() == 10 && date.contains(".20")),
            "{text}"
        );

        let pdf = server.post(
            &export,
            &json!({ "format": "pdf", "config": { "title": "All", "description": "of them" } }),
        );
        assert_eq!((pdf.status, pdf.header("content-type")), (200, "application/pdf"));
        assert!(pdf.bytes.starts_with(b"%PDF-"));

        let bare = server.post(
            &export,
            &json!({ "format": "pdf", "config": { "includeHeaders": false, "dateFormat": "%d/%m/%Y" } }),
        );
        assert!(bare.bytes.starts_with(b"%PDF-"), "{}", bare.text());

        for (config, expected) in [
            (json!({ "format": "xml" }), "400 VALIDATION_ERROR `xml` is no export format: use csv or pdf"),
            (
                json!({ "format": "csv", "config": { "columns": ["emial"] } }),
                "400 UNKNOWN_FIELD module `contacts` has no field `emial`: did you mean `email`?",
            ),
            (
                json!({ "format": "csv", "config": { "limit": 100_001 } }),
                "400 VALIDATION_ERROR `100001` is no limit: use a number from 1 to 100000",
            ),
            (
                json!({ "format": "csv", "config": { "sortDirection": "up" } }),
                "400 VALIDATION_ERROR `up` is no sort direction",
            ),
            (
                json!({ "format": "csv", "config": { "dateFormat": "%Q" } }),
                "400 VALIDATION_ERROR the date format `%Q` has `%Q`",
            ),
        ] {
            begins(&server.post(&export, &config), expected);
        }

        // A saved report.
        let report = dray::operations::reports::Report {
            id: "rpt_abc123".to_owned(),
            name: "Q4 Sales".to_owned(),
            object: "contacts".to_owned(),
            fields: vec!["email".to_owned()],
            filters: Some(
                json!({ "operator": "and", "conditions": [{ "field": "owner", "operator": "eq", "value": "Kim" }] }),
            ),
            sort_by: Some("email".to_owned()),
            sort_dir: Some("asc".to_owned()),
            limit: None,
        };
        let mut session = dray_stores::connect(&server.store, "default").expect("the store can be reached");
        dray::operations::reports::save(session.as_mut(), &report, 1).expect("it is saved");
        drop(session);
        let pdf = server.post(
            "/v1/reports/rpt_abc123/export",
            &json!({ "format": "pdf", "config": { "title": "Q4 Sales Report", "description": "Generated for quarterly review" } }),
        );
        assert!(pdf.bytes.starts_with(b"%PDF-"), "{}", pdf.text());
        let reported = server.post("/v1/reports/rpt_abc123/export", &json!({ "format": "csv" }));
        assert_eq!(reported.text(), "email\nz@x.io\n");
        assert!(reported.header("content-disposition").contains("\"q4-sales-export-20"));
    }
}

#[test]
fn a_request_with_a_key_of_its_own_is_carried_out_once() {
    for kind in STORES {
        let server = Server::start(kind);
        let path = format!("{CONTACTS}/import/execute");
        let send = |key: &str, body: &Value| {
            let headers =
                [("x-api-key", ADMIN), ("content-type", "application/json"), ("idempotency-key", key)];
            server.send("POST", &path, &headers, body.to_string().as_bytes())
        };
        let body = json!({ "rows": [{ "n": "Ann" }], "columnMapping": [{ "sourceColumn": "n", "targetFieldSlug": "displayName" }] });
        let (first, second) = (data(&send("one", &body)), data(&send("one", &body)));
        assert_eq!(first, second);
        assert_eq!(
            csv(&server, "contacts", &["displayName"]),
            "Ann\n",
            "a contact without an address has no double"
        );
        let broken = json!({ "rows": [{ "n": "Ann" }], "columnMapping": [] });
        for _ in 0..2 {
            begins(&send("two", &broken), "400 VALIDATION_ERROR columnMapping maps no column");
        }
    }
}

#[test]
fn what_the_plan_of_an_organization_allows() {
    for kind in STORES {
        let server = Server::start(kind);
        let import = |rows: Value| {
            let mapping = json!([{ "sourceColumn": "e", "targetFieldSlug": "email" }]);
            server.post(
                &format!("{CONTACTS}/import/execute"),
                &json!({ "rows": rows, "columnMapping": mapping }),
            )
        };
        data(&import(json!([{ "e": "a@x.io" }, { "e": "b@x.io" }])));
        let limits = json!({ "plan": { "name": "small", "rows_per_import": 3, "records_per_object": 3 } });
        let changed = server.json("PATCH", "/api/v1/organizations/default", &limits);
        assert_eq!(changed.status, 200, "{}", changed.text());
        begins(
            &import(json!([{ "e": "1@x.io" }, { "e": "2@x.io" }, { "e": "3@x.io" }, { "e": "4@x.io" }])),
            "403 PLAN_LIMIT the plan of this organization allows 3 rows",
        );
        begins(
            &import(json!([{ "e": "1@x.io" }, { "e": "2@x.io" }])),
            "403 PLAN_LIMIT the plan of this organization allows 3 records of `contacts`",
        );
        let told = data(&import(json!([{ "e": "a@x.io" }, { "e": "b@x.io" }, { "e": "c@x.io" }])));
        assert_eq!(
            json!([told["successRows"], told["skippedRows"]]),
            json!([1, 2]),
            "what is there makes no record"
        );
    }
}
