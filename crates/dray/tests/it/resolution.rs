//! Identity resolution as people see it: which identities are one profile, what that profile says, and the id
//! that stays with it. Identities come here as files into the object `identities`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::support::{Kind, STORES};

/// The header of identities, with the leaves of [`SCHEMA`].
pub(crate) const HEADER: &str = "identity_key,source_connection,source_pipeline,source_user_id,source_updated_at,dummy_id,email,first_name,phones";

fn text(name: &str) -> Value {
    json!({ "name": name, "readOptional": true, "type": { "kind": "string" } })
}

/// A server whose profiles have a dummy id, an e-mail address, a first name and a list of phones.
pub(crate) fn start(kind: Kind, identifiers: &[&str]) -> Server {
    start_with(kind, identifiers, &[])
}

fn start_with(kind: Kind, identifiers: &[&str], environment: &[(&str, &str)]) -> Server {
    let server = Server::start_with(kind, environment);
    for name in ["One", "Two"] {
        let connection = json!({ "name": name, "role": "Source", "connector": "http-get",
            "settings": { "host": "files.example", "port": 443, "headers": [] } });
        let made = server.post("/v1/connections", &connection);
        assert_eq!(made.status, 200, "{}", made.text());
    }
    let phones = json!({ "name": "phones", "readOptional": true,
        "type": { "kind": "array", "elementType": { "kind": "string" } } });
    let schema = json!({ "kind": "object", "properties": [text("dummy_id"), text("email"), text("first_name"), phones] });
    let changed = server.json("PUT", "/v1/profiles/schema", &json!({ "schema": schema }));
    assert_eq!(changed.status, 200, "{}", changed.text());
    let settings = json!({ "runOnBatchImport": true, "identifiers": identifiers });
    let changed = server.json("PUT", "/v1/identity-resolution/settings", &settings);
    assert_eq!(changed.status, 200, "{}", changed.text());
    // The first resolution makes the object of identities.
    resolve(&server);
    server
}

/// Imports rows below [`HEADER`]: `connection|pipeline|user|time|dummy_id|email|first_name|phones`.
pub(crate) fn bring(server: &Server, rows: &[&str]) {
    let mut csv = format!("{HEADER}\n");
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        let [connection, pipeline, user, time, rest @ ..] = cells.as_slice() else { panic!("{row}") };
        let quoted: Vec<String> =
            rest.iter()
                .map(|cell| {
                    if cell.is_empty() { String::new() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
                })
                .collect();
        csv.push_str(&format!(
            "{pipeline}:{user},{connection},{pipeline},{user},{time},{}\n",
            quoted.join(",")
        ));
    }
    import(server, &csv);
}

fn import(server: &Server, csv: &str) -> i64 {
    let plan = server.upload("/api/v1/objects/identities/import", "identities.csv", csv.as_bytes(), &[]);
    assert_eq!(plan.status, 200, "{}", plan.text());
    let id = plan.json()["id"].as_str().unwrap_or_default().to_owned();
    let done = server.post(&format!("/api/v1/objects/identities/import/{id}/confirm"), &json!({}));
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.json()["rejected"], 0, "{}", done.text());
    done.json()["import"].as_i64().expect("a number")
}

/// Deletes the identity of a user, as a pipeline does that no longer finds it.
fn purge(server: &Server, key: &str) {
    let listed = server.get("/api/v1/objects/identities/records?limit=1000").json();
    let record =
        listed["records"].as_array().into_iter().flatten().find(|record| record["identity_key"] == key);
    let id = record.expect("the identity is there")["id"].clone();
    let deleted = server.send(
        "DELETE",
        &format!("/api/v1/objects/identities/records/{id}"),
        &[("authorization", &format!("Bearer {}", crate::server::ADMIN))],
        b"",
    );
    assert!(deleted.status < 300, "{}", deleted.text());
}

pub(crate) fn begin(server: &Server) -> Reply {
    server.send(
        "POST",
        "/v1/identity-resolution/start",
        &[("authorization", &format!("Bearer {}", crate::server::ADMIN))],
        b"",
    )
}

/// Jobs of identity resolution, the newest first.
fn jobs(server: &Server) -> Vec<Value> {
    let listed = server.get("/api/v1/jobs?kind=identity_resolution").json();
    listed["jobs"].as_array().cloned().unwrap_or_default()
}

fn wait_until_idle(server: &Server) -> Value {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let jobs = jobs(server);
        let waits = |job: &Value| matches!(job["status"].as_str(), Some("pending" | "running"));
        if !jobs.iter().any(waits) {
            let last = jobs.first().cloned().unwrap_or_default();
            assert_eq!(last["status"], "completed", "{last}");
            return last["result"].clone();
        }
        assert!(Instant::now() < until, "it never ends: {jobs:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Resolves; returns what came of it.
pub(crate) fn resolve(server: &Server) -> Value {
    let begun = begin(server);
    assert_eq!((begun.status, begun.text().as_str()), (200, ""), "{}", begun.text());
    wait_until_idle(server)
}

/// Profiles as `dummy_id|email|first_name|phones`, sorted, with their ids.
fn profiles(server: &Server) -> BTreeMap<String, String> {
    let listed = server.get("/v1/profiles?limit=1000");
    assert_eq!(listed.status, 200, "{}", listed.text());
    let listed = listed.json();
    let shown = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut found = BTreeMap::new();
    for profile in listed["profiles"].as_array().into_iter().flatten() {
        let attributes = &profile["attributes"];
        let line =
            ["dummy_id", "email", "first_name", "phones"].map(|name| shown(&attributes[name])).join("|");
        found.insert(line, shown(&profile["kpid"]));
    }
    found
}

fn lines(server: &Server) -> Vec<String> {
    profiles(server).into_keys().collect()
}

#[test]
fn the_scenario_of_two_pipelines_on_one_file() {
    for kind in STORES {
        let server = start(kind, &["dummy_id", "email"]);
        bring(&server, &["1|1|AAA|2024-01-01T00:00:00Z|AAA|||[]"]);
        resolve(&server);
        let first = profiles(&server);
        assert_eq!(first.keys().collect::<Vec<_>>(), ["AAA|||[]"]);
        bring(&server, &["1|1|AAA|2024-01-02T00:00:00Z|AAA|||[\"333\"]"]);
        resolve(&server);
        let updated = profiles(&server);
        assert_eq!(updated.keys().collect::<Vec<_>>(), ["AAA|||[\"333\"]"]);
        assert_eq!(first.values().next(), updated.values().next(), "a profile that changes keeps its id");
        // A full reload without AAA.
        purge(&server, "1:AAA");
        bring(&server, &["1|1|BBB|2024-01-03T00:00:00Z|BBB|||[]"]);
        resolve(&server);
        assert_eq!(lines(&server), ["BBB|||[]"], "the profile nobody is any more is gone");
        bring(&server, &["1|2|AAA|2024-01-04T00:00:00Z|AAA|a@b||[\"333\"]"]);
        resolve(&server);
        assert_eq!(lines(&server), ["AAA|a@b||[\"333\"]", "BBB|||[]"], "values are not checked again");
        purge(&server, "1:BBB");
        bring(&server, &["1|1|AAA|2024-01-05T00:00:00Z|AAA|a@b||[\"444\"]"]);
        let resolved = resolve(&server);
        assert_eq!(lines(&server), ["AAA|a@b||[\"333\",\"444\"]"]);
        assert_eq!((&resolved["updated"], &resolved["deleted"]), (&json!(1), &json!(1)), "{resolved}");
    }
}

#[test]
fn identifiers_decide_in_their_order() {
    for kind in STORES {
        let server = start(kind, &["dummy_id", "email"]);
        bring(
            &server,
            &[
                // The same e-mail, but other ids: two.
                "1|1|a|2024-01-01T00:00:00Z|1|x@x.io|Ada|",
                "1|1|b|2024-01-02T00:00:00Z|2|x@x.io|Eve|",
                // A chain: by id, then by e-mail; the ends disagree on nothing they share.
                "1|1|c|2024-01-01T00:00:00Z|3||Chain|",
                "1|1|d|2024-01-03T00:00:00Z|3|d@x.io||",
                "2|2|e|2024-01-02T00:00:00Z||d@x.io|Newer|",
                // Nothing in common, without any value.
                "1|1|f|2024-01-01T00:00:00Z|||F|",
                "1|1|g|2024-01-01T00:00:00Z|||G|",
                // The same user of one connection, by two pipelines; and of another connection.
                "1|1|h|2024-01-01T00:00:00Z||h@x.io||",
                "1|3|h|2024-01-02T00:00:00Z|||H|",
                "2|2|h|2024-01-02T00:00:00Z|||Other H|",
            ],
        );
        let resolved = resolve(&server);
        assert_eq!(
            lines(&server),
            ["1|x@x.io|Ada|", "2|x@x.io|Eve|", "3|d@x.io|Newer|", "|h@x.io|H|", "||F|", "||G|", "||Other H|"]
        );
        assert_eq!((&resolved["identities"], &resolved["profiles"]), (&json!(10), &json!(7)));
        assert_eq!(resolved["created"], 7);
        let imports = server.get("/api/v1/imports?object=profiles").json();
        assert_eq!(imports["imports"][0]["source"], "identity resolution");
        // One that has only the e-mail joins both who disagree on the id.
        bring(&server, &["2|2|i|2023-01-01T00:00:00Z||x@x.io|Both|"]);
        resolve(&server);
        assert_eq!(lines(&server)[0], "2|x@x.io|Eve|", "the newest has precedence");
        assert_eq!(lines(&server).len(), 6);
    }
}

#[test]
fn ids_stay_and_go() {
    for kind in STORES {
        let server = start(kind, &["email"]);
        bring(
            &server,
            &[
                "1|1|a|2024-01-01T00:00:00Z||a@x.io|A|",
                "1|1|b|2024-01-01T00:00:00Z||b@x.io|B|",
                "1|1|c|2024-01-01T00:00:00Z||c@x.io|C|",
            ],
        );
        resolve(&server);
        let first = profiles(&server);
        let count = |server: &Server| {
            server.get("/api/v1/imports?limit=1000").json()["imports"].as_array().map(Vec::len)
        };
        let imports = count(&server);
        let resolved = resolve(&server);
        assert_eq!((&resolved["import"], &resolved["created"]), (&Value::Null, &json!(0)), "{resolved}");
        assert_eq!(
            (profiles(&server), count(&server)),
            (first.clone(), imports),
            "nothing to do writes nothing"
        );
        let id = |profiles: &BTreeMap<String, String>, line: &str| {
            profiles.get(line).unwrap_or_else(|| panic!("no `{line}` in {profiles:?}")).clone()
        };
        // Two become one: neither id is kept.
        bring(&server, &["1|1|b|2024-01-02T00:00:00Z||a@x.io|B|"]);
        resolve(&server);
        let merged = profiles(&server);
        assert_eq!(merged.len(), 2);
        assert!(!first.values().any(|known| *known == id(&merged, "|a@x.io|B|")));
        assert_eq!(id(&merged, "|c@x.io|C|"), id(&first, "|c@x.io|C|"));
        // One becomes two: both are new.
        bring(&server, &["1|1|b|2024-01-03T00:00:00Z||b@x.io|B|"]);
        let resolved = resolve(&server);
        let split = profiles(&server);
        assert_eq!(split.keys().collect::<Vec<_>>(), ["|a@x.io|A|", "|b@x.io|B|", "|c@x.io|C|"]);
        for line in ["|a@x.io|A|", "|b@x.io|B|"] {
            assert!(!merged.values().any(|known| *known == id(&split, line)), "{line}");
        }
        assert_eq!((&resolved["created"], &resolved["deleted"]), (&json!(2), &json!(1)), "{resolved}");
        // A further identity of a profile changes no id.
        bring(&server, &["2|2|z|2024-01-04T00:00:00Z||c@x.io|Z|"]);
        resolve(&server);
        assert_eq!(id(&profiles(&server), "|c@x.io|Z|"), id(&first, "|c@x.io|C|"));
    }
}

#[test]
fn a_resolution_leaves_no_trace_on_identities() {
    for kind in STORES {
        let server = start(kind, &["email"]);
        let import = import(
            &server,
            &format!(
                "{HEADER}\n1:a,1,1,a,2024-01-01T00:00:00Z,,a@x.io,A,\n1:b,1,1,b,2024-01-01T00:00:00Z,,a@x.io,B,\n"
            ),
        );
        resolve(&server);
        let records = server.get("/api/v1/objects/identities/records").json();
        for record in records["records"].as_array().into_iter().flatten() {
            assert_eq!((&record["version"], &record["import_id"]), (&json!(1), &json!(import)), "{record}");
            assert!(record["profile_id"].is_string(), "{record}");
        }
        let undone = server.post(&format!("/api/v1/imports/{import}/undo"), &json!({}));
        assert_eq!(undone.status, 200, "{}", undone.text());
        assert_eq!(server.get("/api/v1/objects/identities/records").json()["total"], 0, "{}", undone.text());
        // Who changes one by hand is noticed as ever.
        let resolved = resolve(&server);
        assert_eq!(resolved["deleted"], 1);
        assert_eq!(lines(&server), Vec::<String>::new());
    }
}

#[test]
fn texts_stay_as_they_are() {
    for kind in STORES {
        let server = start(kind, &["email"]);
        let odd = ["'=1+1", "  blanks  ", "not an address", "007", "\"quoted\", and more", "ünïcödé"];
        let rows: Vec<String> = odd
            .iter()
            .enumerate()
            .map(|(index, value)| {
                format!("1|1|u{index}|2024-01-01T00:00:00Z||{value}||[\"{index}\",\"{index}\"]")
            })
            .collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        bring(&server, &rows);
        let stored = server.get("/api/v1/objects/identities/records?fields=email&sort=id").json();
        resolve(&server);
        let shown = server.get("/v1/profiles?properties=email").json();
        let emails = |list: &Value, of: &dyn Fn(&Value) -> Value| {
            list.as_array().into_iter().flatten().map(|one| of(one).to_string()).collect::<BTreeSet<_>>()
        };
        assert_eq!(
            emails(&stored["records"], &|record| record["email"].clone()),
            emails(&shown["profiles"], &|profile| profile["attributes"]["email"].clone())
        );
        assert!(lines(&server).iter().any(|line| line.ends_with("[\"3\"]")), "elements are distinct");
        assert_eq!(resolve(&server)["updated"], 0);
    }
}

#[test]
fn primary_sources_come_before_the_newest() {
    for kind in STORES {
        let server = start(kind, &["email"]);
        bring(
            &server,
            &[
                "1|1|a|2024-01-05T00:00:00Z||a@x.io|Newest|",
                "2|2|a|2024-01-01T00:00:00Z||a@x.io|Primary|",
                "2|2|b|2023-01-01T00:00:00Z|7|a@x.io|Older primary|",
                "2|2|n|2024-01-09T00:00:00Z||a@x.io||",
            ],
        );
        resolve(&server);
        assert_eq!(lines(&server), ["7|a@x.io|Newest|"]);
        let known = server.get("/v1/profiles/schema").json();
        let change = json!({ "schema": known["schema"], "primarySources": { "first_name": 2 } });
        let changed = server.json("PUT", "/v1/profiles/schema", &change);
        assert_eq!((changed.status, changed.text().as_str()), (200, ""));
        assert_eq!(server.get("/v1/profiles/schema").json()["primarySources"], json!({ "first_name": 2 }));
        resolve(&server);
        assert_eq!(lines(&server), ["7|a@x.io|Primary|"]);
        let shown = server.get("/v1/profiles").json();
        assert_eq!(
            shown["profiles"][0]["updatedAt"], "2024-01-09T00:00:00Z",
            "the time is the newest of all"
        );
        let stranger = json!({ "schema": known["schema"], "primarySources": { "first_name": 99 } });
        let refused = server.json("PUT", "/v1/profiles/schema", &stranger);
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (422, &json!("ConnectionNotExist")));
    }
}

#[test]
fn only_one_at_a_time() {
    for kind in STORES {
        let server = start(kind, &["email"]);
        let answers = std::thread::scope(|scope| {
            let ask = || begin(&server).status;
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|one| one.join().expect("an answer")).collect::<Vec<_>>()
        });
        assert!(answers.iter().all(|status| matches!(status, 200 | 422)), "{answers:?}");
        assert!(answers.contains(&200), "{answers:?}");
        wait_until_idle(&server);
        let latest = server.get("/v1/identity-resolution/latest").json();
        assert!(latest["startTime"].is_string() && latest["endTime"].is_string(), "{latest}");
    }
    // Where nobody works, the second is refused for certain.
    let server = Server::start_with(Kind::Postgres, &[("DRAY_WORKERS", "0")]);
    assert_eq!(
        server.get("/v1/identity-resolution/latest").json(),
        json!({ "startTime": null, "endTime": null })
    );
    assert_eq!(begin(&server).status, 200);
    let refused = begin(&server);
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (422, &json!("OperationAlreadyExecuting"))
    );
}

#[test]
fn a_killed_resolution_is_done_again_and_ends_the_same() {
    const USERS: usize = 30_000;
    for kind in STORES {
        let mut server = start(kind, &["email"]);
        let mut csv = format!("{HEADER}\n");
        for user in 0..USERS {
            let (half, name) = (user / 2, format!("name {user}"));
            csv.push_str(&format!("1:{user},1,1,{user},2024-01-01T00:00:00Z,,{half}@x.io,{name},\n"));
        }
        let upload = server.upload("/api/v1/objects/identities/import", "many.csv", csv.as_bytes(), &[]);
        let id = upload.json()["id"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            server.post(&format!("/api/v1/objects/identities/import/{id}/confirm"), &json!({})).status,
            200
        );
        assert_eq!(begin(&server).status, 200);
        for pause in [30, 150, 400, 900] {
            std::thread::sleep(Duration::from_millis(pause));
            server.restart("KILL");
        }
        wait_until_idle(&server);
        let found = server.get("/v1/profiles?limit=1").json();
        assert_eq!(found["total"], USERS / 2, "{found}");
        let last = server.get(&format!("/v1/profiles?filter={}", percent(r#"{"logical":"and","conditions":[{"property":"email","operator":"is","values":["14999@x.io"]}]}"#))).json();
        assert_eq!(last["profiles"].as_array().map(Vec::len), Some(1), "{last}");
        let kpid = last["profiles"][0]["kpid"].as_str().unwrap_or_default().to_owned();
        let identities = server.get(&format!("/v1/profiles/{kpid}/identities")).json();
        assert_eq!(identities["total"], 2, "{identities}");
        let resolved = resolve(&server);
        assert_eq!((&resolved["import"], &resolved["deleted"]), (&Value::Null, &json!(0)), "{resolved}");
        let imports = server.get("/api/v1/imports?object=profiles&limit=100").json();
        let running =
            imports["imports"].as_array().into_iter().flatten().filter(|one| one["status"] == "running");
        assert_eq!(running.count(), 0, "{imports}");
    }
}

/// A text as it stands in an address.
pub(crate) fn percent(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}
