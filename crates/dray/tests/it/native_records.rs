//! Records over the native API: made, changed, deleted, found, page by page.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::server::{ADMIN, Server};
use crate::support::STORES;

const CONTACTS: &str = "/api/v1/objects/contacts/records";

fn create(server: &Server, record: &Value) -> i64 {
    let made = server.post(CONTACTS, record);
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_i64().expect("a record has an id")
}

#[test]
fn one_record_from_first_to_last() {
    for kind in STORES {
        let server = Server::start(kind);
        let made = server.post(
            CONTACTS,
            &json!({ "first_name": "Ada", "email": "ADA@x.io", "tags": ["a", "b"], "address": { "city": "Paris" },
                "phone": "+49 30 1234567", "birthday": "1990-02-03" }),
        );
        assert_eq!(made.status, 201, "{}", made.text());
        let record = made.json();
        let id = record["id"].as_i64().expect("a number");
        assert_eq!(made.header("location"), format!("{CONTACTS}/{id}"));
        assert_eq!(made.header("etag"), "\"1\"");
        assert_eq!(record["tags"], json!(["a", "b"]));
        assert_eq!(record["address_city"], "Paris");
        assert_eq!(record["version"], 1);
        assert_eq!(server.get(&format!("{CONTACTS}/{id}")).json(), record);

        let path = format!("{CONTACTS}/{id}");
        let changed =
            server.json("PATCH", &path, &json!({ "first_name": "Ida", "birthday": null, "version": 1 }));
        assert_eq!(changed.status, 200, "{}", changed.text());
        let now = changed.json();
        assert_eq!(
            (&now["first_name"], &now["birthday"], &now["version"]),
            (&json!("Ida"), &Value::Null, &json!(2))
        );
        assert_eq!(now["email"], record["email"], "what is not named stays");

        // Somebody else was faster.
        let late = server.json("PATCH", &path, &json!({ "first_name": "Eva", "version": 1 }));
        assert_eq!((late.status, late.json()["error"]["code"].as_str()), (409, Some("VERSION_CONFLICT")));
        let key = format!("Bearer {ADMIN}");
        let matching = |tag: &str, method: &str, body: &[u8]| {
            let headers =
                [("authorization", key.as_str()), ("content-type", "application/json"), ("if-match", tag)];
            server.send(method, &path, &headers, body).status
        };
        assert_eq!(matching("\"1\"", "PATCH", b"{\"first_name\":\"Eva\"}"), 409);
        assert_eq!(matching("nonsense", "PATCH", b"{}"), 400);
        assert_eq!(matching("\"2\"", "PATCH", b"{\"first_name\":\"Eva\"}"), 200);
        assert_eq!(matching("\"2\"", "DELETE", b""), 409);
        assert_eq!(matching("\"3\"", "DELETE", b""), 204);
        assert_eq!(server.get(&path).status, 404);
        assert_eq!(server.json("PATCH", &path, &json!({ "first_name": "X" })).status, 404);
        assert_eq!(server.json("DELETE", &path, &Value::Null).status, 404);
    }
}

#[test]
fn the_rules_are_those_of_an_import() {
    for kind in STORES {
        let server = Server::start(kind);
        let wrong = server
            .post(CONTACTS, &json!({ "first_name": "A", "email": "nonsense", "birthday": "yesterday" }));
        assert_eq!(wrong.status, 422, "{}", wrong.text());
        let body = wrong.json();
        let problems: BTreeSet<String> = body["error"]["details"]["problems"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|problem| format!("{} {} {}", problem["field"], problem["code"], problem["value"]))
            .collect();
        let expected =
            ["\"birthday\" \"not_a_date\" \"yesterday\"", "\"email\" \"invalid_email\" \"nonsense\""];
        assert_eq!(problems, expected.map(str::to_owned).into(), "{body}");

        let user = json!({ "name": "Ann", "email": "ann@x.io" });
        assert_eq!(server.post("/api/v1/objects/users/records", &user).status, 201);
        let twice = server.post("/api/v1/objects/users/records", &user);
        assert_eq!(twice.status, 422, "{}", twice.text());
        assert_eq!(twice.json()["error"]["details"]["problems"][0]["code"], "not_unique");
        let missing = server.post("/api/v1/objects/users/records", &json!({ "name": "Ben" }));
        assert!(matches!(missing.status, 400 | 422), "{}", missing.text());
        let emptied = server.json("PATCH", "/api/v1/objects/users/records/1", &json!({ "email": null }));
        assert_eq!(emptied.status, 422, "{}", emptied.text());

        // A new connector is disabled whatever the body says, as in a file.
        let connector = json!({ "name": "Hook", "status": "enabled" });
        let made = server.post("/api/v1/objects/connectors/records", &connector);
        assert_eq!((made.status, &made.json()["status"]), (201, &json!("disabled")), "{}", made.text());
    }
}

#[test]
fn what_is_refused_by_name() {
    for kind in STORES {
        let server = Server::start(kind);
        let id = create(&server, &json!({ "first_name": "A" }));
        for field in ["id", "created_at", "updated_at", "version", "import_id", "Import ID"] {
            let reply = server.post(CONTACTS, &json!({ "first_name": "A", field: 7 }));
            assert_eq!(reply.status, 400, "{field}: {}", reply.text());
            assert!(reply.text().contains(field), "{}", reply.text());
        }
        for (body, what) in [
            (json!({ "frist_name": "A" }), "did you mean `first_name`"),
            (json!({}), "the record is empty"),
            (json!({ "first_name": "" }), "the record is empty"),
            (json!({ "first_name": null }), "the record is empty"),
            (json!([1]), "cannot be read"),
            (json!("x"), "cannot be read"),
        ] {
            let reply = server.post(CONTACTS, &body);
            assert_eq!(reply.status, 400, "{body}: {}", reply.text());
            assert!(reply.text().contains(what), "{body}: {}", reply.text());
        }
        let odd = [
            "'; drop table contacts; --",
            "a\u{0}b",
            "\u{202e}x",
            "=1+1",
            "<script>",
            "a".repeat(100_000).as_str(),
        ]
        .map(str::to_owned);
        for name in &odd {
            assert_eq!(server.post(CONTACTS, &json!({ name: 1 })).status, 400, "{name:.20}");
        }
        for id in ["0", "-1", "abc", "99999999999999999999", "1%20or%201=1", "%FF", "1.0"] {
            let status = server.get(&format!("{CONTACTS}/{id}")).status;
            assert!(matches!(status, 400 | 404), "{id} {status}");
        }
        for version in [json!("1"), json!(1.5), json!([])] {
            let reply = server.json("PATCH", &format!("{CONTACTS}/{id}"), &json!({ "version": version }));
            assert_eq!(reply.status, 400, "{}", reply.text());
        }
        // Wrong types are problems or are read as what they mean; nothing breaks.
        for value in
            [json!([1, 2]), json!({ "a": 1 }), json!(true), json!(1e300), json!("x".repeat(1_000_000))]
        {
            let status = server.post(CONTACTS, &json!({ "birthday": value, "last_name": value })).status;
            assert!(matches!(status, 201 | 400 | 422), "{status}");
        }
        for query in [
            "limit=1000000000",
            "limit=1e9",
            "limit=0",
            "limit=-1",
            "limit=x",
            "cursor=nonsense",
            "cursor=%FF",
            "sort=nonsense",
            "sort=first_name:sideways",
            "fields=nonsense",
            "filter_field=nonsense&filter_value=1",
            "filter_value=1",
            "filters=%7B",
            "filters=%5B%5D",
            "search=a&search=b",
            "nonsense=1",
            "filter_field=id&filter_operator=like",
        ] {
            let reply = server.get(&format!("{CONTACTS}?{query}"));
            assert_eq!(reply.status, 400, "{query}: {}", reply.text());
            assert_eq!(reply.json()["error"]["code"], "VALIDATION_ERROR", "{query}");
        }
        assert_eq!(server.get("/api/v1/objects/nowhere/records").status, 404);
    }
}

/// The values of a field over all pages.
fn all(server: &Server, query: &str, field: &str, between: impl Fn(usize)) -> Vec<Value> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    for page in 0.. {
        let reply = server.get(&format!("{CONTACTS}?{query}{cursor}"));
        assert_eq!(reply.status, 200, "{}", reply.text());
        let body = reply.json();
        found.extend(body["records"].as_array().into_iter().flatten().map(|record| record[field].clone()));
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
        between(page);
    }
    found
}

#[test]
fn pages_stay_right_while_records_come_and_go() {
    for kind in STORES {
        let server = Server::start(kind);
        // Equal values, empty ones, letters of either case, times with and without decimals.
        let mut csv = "first_name,last_name,birthday,source,created_at\n".to_owned();
        for number in 0..60 {
            let name = ["Bo", "bo", "Al", "", "Zoë"][number % 5];
            let day = if number % 3 == 0 { String::new() } else { format!("1990-01-{:02}", number % 7 + 1) };
            csv.push_str(&format!(
                "n{number},{name},{day},s{},2024-01-01T00:00:0{}Z\n",
                number % 2,
                ["1", "1.5"][number % 2]
            ));
        }
        let plan = server.upload("/api/v1/objects/contacts/import", "c.csv", csv.as_bytes(), &[]);
        assert_eq!(plan.status, 200, "{}", plan.text());
        let id = plan.json()["id"].as_str().unwrap_or_default().to_owned();
        let done = server.post(&format!("/api/v1/objects/contacts/import/{id}/confirm"), &json!({}));
        assert_eq!(done.json()["created"], 60, "{}", done.text());

        for sort in [
            "",
            "sort=id:desc",
            "sort=last_name",
            "sort=last_name:desc",
            "sort=birthday:desc,last_name",
            "sort=created_at:desc,source",
            "sort=source,birthday,last_name:desc,first_name",
            "sort=address_city,birthday",
            "sort=last_name,id:desc,source",
            "sort=tags",
        ] {
            let whole = all(&server, &format!("limit=1000&{sort}"), "id", |_| {});
            let paged = all(&server, &format!("limit=7&fields=id&{sort}"), "id", |_| {});
            assert_eq!(whole.len(), 60);
            assert_eq!(whole, paged, "{kind:?} {sort}");
        }

        // While somebody reads, records come before and behind, and go.
        let seen = all(&server, "limit=10&sort=last_name:desc,birthday&fields=id", "id", |page| {
            create(&server, &json!({ "first_name": format!("new{page}"), "last_name": "zzz" }));
            let gone = server.json("DELETE", &format!("{CONTACTS}/{}", page + 1), &Value::Null);
            assert_eq!(gone.status, 204);
        });
        let ids: BTreeSet<i64> = seen.iter().filter_map(Value::as_i64).collect();
        assert_eq!(ids.len(), seen.len(), "no record twice");
        assert!((10..=60).all(|id| ids.contains(&id)), "nobody who stayed is left out: {ids:?}");

        let other = server.get(&format!("{CONTACTS}?limit=1&sort=last_name")).json();
        let cursor = other["next_cursor"].as_str().unwrap_or_default().to_owned();
        assert_eq!(server.get(&format!("{CONTACTS}?limit=1&sort=birthday&cursor={cursor}")).status, 400);
    }
}

#[test]
fn filters_search_and_totals() {
    for kind in STORES {
        let server = Server::start(kind);
        for (name, city, status) in
            [("Ada", "Paris", "lead"), ("Ben", "Berlin", "lead"), ("Cyd", "Paris", "customer")]
        {
            create(
                &server,
                &json!({ "first_name": name, "address_city": city, "status": status, "email": format!("{name}@x.io") }),
            );
        }
        let names = |query: &str| -> (Vec<Value>, Value) {
            let body = server.get(&format!("{CONTACTS}?sort=first_name&{query}")).json();
            let records = body["records"].as_array().cloned().unwrap_or_default();
            let names = records.iter().map(|record| record["first_name"].clone()).collect();
            (names, json!([body["total"], body["total_is"]]))
        };
        assert_eq!(names(""), (vec![json!("Ada"), json!("Ben"), json!("Cyd")], json!([3, "exact"])));
        assert_eq!(names("search=PARIS"), (vec![json!("Ada"), json!("Cyd")], json!([2, "exact"])));
        assert_eq!(names("search=paris%20lead").0, [json!("Ada")], "every word, in any field");
        assert_eq!(names("search=%25"), (vec![], json!([0, "exact"])));
        assert_eq!(names("filter_field=status&filter_value=lead&search=berlin").0, [json!("Ben")]);
        assert_eq!(names("limit=1").1, json!([3, "exact"]));
        let only =
            server.get(&format!("{CONTACTS}?fields=email,first_name,email&limit=1&sort=first_name")).json();
        assert_eq!(only["records"], json!([{ "email": "Ada@x.io", "first_name": "Ada" }]), "{only}");
    }
}
