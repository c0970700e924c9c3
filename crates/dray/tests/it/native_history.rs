//! The history of a record: which import set which cell, and what stood there before.

use serde_json::{Value, json};

use crate::server::Server;
use crate::support::{Kind, STORES};

/// Imports a file that changes what is there already; the import's number.
fn import(server: &Server, name: &str, csv: &str) -> i64 {
    let parts = [("on_duplicate", "update"), ("merge", "overwrite"), ("match", "email")];
    let plan = server.upload("/api/v1/objects/contacts/import", name, csv.as_bytes(), &parts);
    assert_eq!(plan.status, 200, "{}", plan.text());
    let id = plan.json()["id"].as_str().expect("a plan has an id").to_owned();
    let done = server.post(&format!("/api/v1/objects/contacts/import/{id}/confirm"), &json!({}));
    assert_eq!(done.status, 200, "{}", done.text());
    done.json()["import"].as_i64().expect("an import has a number")
}

/// Each step in a line: version, how it came about, and the cells it set.
fn told(server: &Server, id: i64) -> Vec<String> {
    let answer = server.get(&format!("/api/v1/objects/contacts/records/{id}/history"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let text = |value: &Value| value.as_str().unwrap_or("·").to_owned();
    let step = |step: &Value| {
        let cells = step["cells"].as_array().expect("a list").iter();
        let cells: Vec<String> = cells
            .map(|cell| {
                format!("{}: {} > {}", text(&cell["column"]), text(&cell["before"]), text(&cell["after"]))
            })
            .collect();
        let source = text(&step["source"]);
        format!("{} {} {source} {}", step["version"], text(&step["by"]), cells.join(", "))
            .trim_end()
            .to_owned()
    };
    let mut lines: Vec<String> = answer["history"].as_array().expect("a list").iter().map(step).collect();
    if answer["complete"] != true {
        lines.push("…".to_owned());
    }
    lines
}

#[test]
fn every_cell_tells_where_it_came_from() {
    for kind in STORES {
        let server = Server::start(kind);
        let first =
            import(&server, "first.csv", "email,first_name,job_title\na@x.io,Ada,Boss\nb@x.io,Bob,\n");
        let second = import(&server, "second.csv", "email,first_name,job_title\na@x.io,Ida,\nb@x.io,Bob,\n");
        let path = "/api/v1/objects/contacts/records/1";
        assert_eq!(server.json("PATCH", path, &json!({ "first_name": "Eva" })).status, 200);
        let by_hand = "3 person record first_name: Ida > Eva";
        let by_second = "2 import second.csv first_name: Ada > Ida, job_title: Boss > ·";
        let by_first = "1 import first.csv first_name: · > Ada, display_name: · > Ada, email: · > a@x.io, job_title: · > Boss";
        assert_eq!(told(&server, 1), [by_hand, by_second, by_first]);
        assert_eq!(
            told(&server, 2),
            ["1 import first.csv first_name: · > Bob, display_name: · > Bob, email: · > b@x.io"]
        );

        let history = server.get(&format!("{path}/history")).json()["history"].clone();
        assert_eq!((&history[2]["created"], &history[2]["import"]), (&json!(true), &json!(first)));
        assert_eq!((&history[1]["created"], &history[1]["import"]), (&json!(false), &json!(second)));
        assert!(history[0]["actor"].as_str().is_some_and(|actor| actor.contains("key")), "{history}");
        assert!(history[1]["at"].as_str() < history[0]["at"].as_str());

        // What was taken back did not happen.
        let third = import(&server, "third.csv", "email,first_name\nb@x.io,Rob\n");
        assert_eq!(told(&server, 2)[0], "2 import third.csv first_name: Bob > Rob");
        assert_eq!(server.post(&format!("/api/v1/imports/{third}/undo"), &json!({})).status, 200);
        assert_eq!(
            told(&server, 2),
            ["1 import first.csv first_name: · > Bob, display_name: · > Bob, email: · > b@x.io"]
        );

        assert_eq!(server.get("/api/v1/objects/contacts/records/99/history").status, 404);
        assert_eq!(server.get("/api/v1/objects/contacts/records/x/history").status, 404);
    }
}

#[test]
fn changes_by_sql_are_told_as_such() {
    let server = Server::start(Kind::Postgres);
    import(&server, "first.csv", "email,first_name\na@x.io,Ada\n");
    let sql = "UPDATE \"default\".contacts SET first_name = 'Eve' WHERE id = 1";
    server.database().batch_execute(sql).expect("the statement runs");
    import(&server, "second.csv", "email,first_name\na@x.io,Ida\n");
    assert_eq!(told(&server, 1), ["3 import second.csv first_name: Eve > Ida", "2 elsewhere ·", "…"]);
}
