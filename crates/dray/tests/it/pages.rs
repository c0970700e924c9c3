//! The pages as a browser without a script sees them: forms are sent, redirects followed, cookies kept.

use serde_json::{Value, json};

use crate::pages_kit::{Browser, form_of};
use crate::server::Server;
use crate::support::{Kind, STORES};

const FILE: &str = "First Name;E-Mail;Status;Birthday\nAda;ada@example.com;lead;1955-12-10\n\
                    Grace;grace.example.com;customer;1906-12-09\nLinus;linus@example.org;unknown;1969-12-28\n";

#[test]
fn from_a_file_to_records_and_back_without_reading_anything() {
    for kind in STORES {
        let server = Server::start(kind);
        let mut browser = Browser::new(&server);
        // Whoever is not signed in comes back to where they wanted to go.
        let asked = browser.get("/records/contacts?search=a+b");
        assert_eq!(asked.path, "/sign-in?next=%2Frecords%2Fcontacts%3Fsearch%3Da%2Bb");
        let mut browser = Browser::signed_in(&server);
        let first = browser.get("/");
        assert_eq!((first.status, first.path.as_str()), (200, "/records/contacts"));
        assert!(first.has("There are no records yet."), "{}", first.text());

        let map = browser.send_file("contacts", "people.csv", FILE);
        assert!(map.has("people.csv into Contacts") && map.has("3 rows, 4 columns"), "{}", map.text());
        assert!(
            map.has("semicolon (found)") && map.has("utf-8 (found)") || map.has("UTF-8 (found)"),
            "{}",
            map.text()
        );
        let mut entered = form_of(&map.html);
        assert_eq!(
            ["field.0", "field.1", "field.2", "field.3"].map(|name| entered[name].as_str()),
            ["first_name", "email", "status", "birthday"]
        );
        entered.retain(|name, _| name.contains('.') || name == "match" || name == "on_duplicate");
        let fields: Vec<(&str, &str)> =
            entered.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let review = browser.post(&format!("{}/mapping", map.path), &fields);
        assert!(review.path.ends_with("/review"), "{}", review.path);
        assert!(review.has("Import 1 row"), "{}", review.text());
        assert!(review.has("3 read = 1 created + 2 rejected"), "{}", review.text());
        assert!(
            review.has("E-Mail : invalid email") && review.has("Status : not a choice"),
            "{}",
            review.text()
        );
        assert_eq!(server.get("/api/v1/objects/contacts/records").json()["total"], 0, "nothing is written");

        let confirm = review.path.replace("/review", "/confirm");
        let done = browser.post(&confirm, &[]);
        assert!(done.path.starts_with("/imports/"), "{}: {}", done.path, done.text());
        assert!(
            done.has("completed") && done.has("balanced") && done.has("Download rejected rows"),
            "{}",
            done.text()
        );
        // Sent twice it is done once.
        assert_eq!(browser.post(&confirm, &[]).path, done.path);
        assert!(browser.get("/imports").has("people.csv"));
        let rejected = browser.get(&format!("/api/v1{}/failed-rows", done.path));
        assert!(rejected.html.contains("grace.example.com"), "{}", rejected.html);

        let list = browser.get("/records/contacts");
        assert!(list.has("Ada") && list.has("1 record"), "{}", list.text());
        let undone = browser.post(&format!("{}/undo", done.path), &[]);
        assert!(undone.has("Undo of import"), "{}", undone.text());
        assert!(browser.get("/records/contacts").has("There are no records yet."));
        assert!(browser.get(&done.path).has("undone"));
    }
}

#[test]
fn bad_rows_are_repaired_on_the_spot() {
    let server = Server::start(Kind::Sqlite);
    let mut browser = Browser::signed_in(&server);
    let map = browser.send_file("contacts", "people.csv", FILE);
    let mut entered = form_of(&map.html);
    entered.retain(|name, _| name.contains('.') || name == "match" || name == "on_duplicate");
    let fields: Vec<(&str, &str)> =
        entered.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let review = browser.post(&format!("{}/mapping", map.path), &fields);
    assert!(
        review.html.contains("name=\"2.1\" value=\"grace.example.com\"")
            && review.has("Match the values of Status")
    );
    // A value that means a choice, a cell, a text in all rows; after each the plan is another.
    let matched = browser.post(
        &format!("{}/values", map.path),
        &[("column", "Status"), ("from.0", "unknown"), ("to.0", "qualified")],
    );
    assert!(matched.has("3 read = 2 created + 1 rejected"), "{}", matched.text());
    let wrong = browser.post(&format!("{}/cells", map.path), &[("2.0", "Grace"), ("2.1", "grace@example")]);
    assert!(wrong.has("1 rejected") && wrong.html.contains("value=\"grace@example\""), "{}", wrong.text());
    let right = browser.post(
        &format!("{}/replace", map.path),
        &[("find", "@example"), ("value", "@example.com"), ("column", "E-Mail")],
    );
    assert!(right.has("1 rejected"), "cells come last: {}", right.text());
    let right = browser.post(&format!("{}/cells", map.path), &[("2.1", "grace@example.com")]);
    assert!(right.has("3 read = 3 created") && right.has("3 repairs are applied"), "{}", right.text());
    let forgotten = browser.post(&format!("{}/unrepaired", map.path), &[]);
    assert!(forgotten.has("1 created + 2 rejected"), "{}", forgotten.text());
    let emptied =
        browser.post(&format!("{}/empty", map.path), &[("column", "Status"), ("code", "not_a_choice")]);
    assert!(emptied.has("2 created + 1 rejected"), "{}", emptied.text());
    browser.post(&format!("{}/cells", map.path), &[("2.1", "grace@example.com")]);
    let done = browser.post(&format!("{}/confirm", map.path), &[]);
    assert!(done.has("3 read = 3 created"), "{}", done.text());
    let records = server.get("/api/v1/objects/contacts/records?fields=email,status&sort=id").json();
    let records: Vec<(&str, &Value)> = records["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|record| (record["email"].as_str().unwrap_or_default(), &record["status"]))
        .collect();
    assert_eq!(
        records,
        [
            ("ada@example.com", &json!("lead")),
            ("grace@example.com", &json!("customer")),
            ("linus@example.org", &Value::Null)
        ]
    );
    // What must be there cannot be left out, and a draft of nobody is told.
    assert_eq!(browser.post("/import/contacts/none/cells", &[]).status, 404);
}

#[test]
fn records_that_references_name_are_made_where_somebody_says_so() {
    let server = Server::start(Kind::Sqlite);
    let mut browser = Browser::signed_in(&server);
    let map = browser.send_file(
        "contacts",
        "c.csv",
        "Name,Email,Company\nAda,ada@x.io,Umbra\nBob,bob@x.io,Initech\n",
    );
    assert_eq!(form_of(&map.html)["field.2"], "company_name", "a text takes any company");
    let fields = [
        ("column.0", "Name"),
        ("field.0", "display_name"),
        ("column.1", "Email"),
        ("field.1", "email"),
        ("column.2", "Company"),
        ("field.2", "account"),
    ];
    let review = browser.post(&format!("{}/mapping", map.path), &fields);
    assert!(
        review.has("2 read = 2 rejected") && review.has("reference not found Make them"),
        "{}",
        review.text()
    );
    let emptied = browser.post(&format!("{}/references", map.path), &[("missing", "empty")]);
    assert!(emptied.has("2 read = 2 created"), "{}", emptied.text());
    browser.post(&format!("{}/references", map.path), &[("missing", "make")]);
    assert!(browser.post(&format!("{}/confirm", map.path), &[]).has("2 read = 2 created"));
    assert_eq!(server.get("/api/v1/objects/companies/records").json()["total"], 2);
}

#[test]
fn the_grid_filters_sorts_and_exports_what_it_shows() {
    let server = Server::start(Kind::Sqlite);
    for (name, email, status) in
        [("Ada", "ada@x.io", "lead"), ("Bob", "bob@x.io", "customer"), ("Cy", "cy@y.io", "lead")]
    {
        server.post(
            "/api/v1/objects/contacts/records",
            &json!({ "first_name": name, "email": email, "status": status }),
        );
    }
    let mut browser = Browser::signed_in(&server);
    let query = "/records/contacts?search=x.io&field=status&operator=eq&value=lead&sort=email%3Adesc&column=email&column=status";
    let shown = browser.get(query);
    assert!(shown.has("ada@x.io") && shown.has("1 record") && !shown.has("bob@x.io"), "{}", shown.text());
    assert!(shown.has("Status is lead") && shown.has("↓ Email"), "{}", shown.text());
    let links: Vec<String> = shown
        .html
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default().replace("&amp;", "&"))
        .filter(|link| link.contains("/export?format=csv"))
        .collect();
    let download = |link: &String| server.send("GET", link, &[("cookie", &browser.cookie)], b"").text();
    let files: Vec<String> = links.iter().map(download).collect();
    assert_eq!(files[0].replace('\r', ""), "email,status\nada@x.io,lead\n", "{links:?}");
    assert!(files[1].contains("bob@x.io") && files[1].lines().count() == 4, "{}", files[1]);
    let sorted = browser.get("/records/contacts?sort=first_name%3Adesc").html;
    let places = ["Cy", "Bob", "Ada"].map(|name| sorted.find(&format!(">{name}<")).expect("it is shown"));
    assert!(places.is_sorted(), "{places:?}");
    // What cannot be understood is told on the page, and the page stays.
    let wrong = browser.get("/records/contacts?field=nope&operator=eq&value=1");
    assert!(wrong.status == 200 && wrong.has("nope") && wrong.has("Clear all"), "{}", wrong.text());
    assert_eq!(browser.get("/records/nothing").status, 404);
    browser.language = "de-CH, en;q=0.5";
    assert!(browser.get("/records/contacts").has("3 Datensätze"));
    browser.language = "fr";
    assert!(browser.get("/records/contacts").has("3 enregistrements"));
}

#[test]
fn a_record_is_made_changed_and_deleted() {
    let server = Server::start(Kind::Sqlite);
    let mut browser = Browser::signed_in(&server);
    let refused = browser.post("/records/contacts/new", &[("first_name", "Ada <b>"), ("email", "nonsense")]);
    assert!(
        refused.status == 422 && refused.has("Ada <b>") || refused.html.contains("Ada &lt;b&gt;"),
        "{}",
        refused.html
    );
    assert!(refused.html.contains("aria-invalid=\"true\""), "{}", refused.html);
    let made = browser
        .post("/records/contacts/new", &[("first_name", "Ada"), ("email", "ada@x.io"), ("status", "lead")]);
    assert!(made.status == 200 && made.html.contains("value=\"ada@x.io\""), "{}", made.html);
    let version = form_of(&made.html)["version"].clone();
    let changed = browser.post(&made.path, &[("first_name", "Ada"), ("email", ""), ("version", &version)]);
    assert_eq!(changed.status, 200, "{}", changed.text());
    let id = made.path.rsplit('/').next().expect("an id");
    let record = server.get(&format!("/api/v1/objects/contacts/records/{id}")).json();
    assert_eq!((&record["email"], &record["status"]), (&Value::Null, &json!("lead")), "{record}");
    let late = browser.post(&made.path, &[("first_name", "Eve"), ("version", &version)]);
    assert!(late.status == 422 && late.has("Somebody else changed this record"), "{}", late.text());
    let gone = browser.post(&format!("{}/delete", made.path), &[]);
    assert_eq!(gone.path, "/records/contacts");
    assert_eq!(browser.get(&made.path).status, 404);
}

#[test]
fn pages_need_no_one_elses_help_and_let_nobody_else_in() {
    let server = Server::start(Kind::Sqlite);
    server.post(
        "/api/v1/users",
        &json!({ "email": "ann@x.io", "role": "member", "password": "a long password" }),
    );
    let mut browser = Browser::signed_in(&server);
    let map = browser.send_file("contacts", "people.csv", FILE).path;
    for path in [
        "/records/contacts",
        "/records/contacts/new",
        "/import/contacts",
        &map,
        "/imports",
        "/jobs",
        "/exports",
        "/audit",
        "/reports",
        "/reports/new/contacts",
        "/connections",
        "/connections/new/source/sftp",
        "/pipelines",
        "/settings/objects",
        "/settings/objects/contacts",
        "/settings/users",
        "/settings/keys",
        "/settings/webhooks",
        "/settings/secrets",
        "/settings/plan",
        "/sign-in",
    ] {
        let shown = browser.get(path);
        assert_eq!(shown.status, 200, "{path}");
        assert!(shown.head.contains("content-security-policy: default-src 'none'"), "{path}");
        for foreign in [" style=", "<style", " onclick", "http://", "https://", "<script>", "javascript:"] {
            assert!(!shown.html.contains(foreign), "{path} has `{foreign}`");
        }
        let assets: Vec<&str> = shown.html.split('"').filter(|text| text.starts_with("/assets/")).collect();
        assert_eq!(assets.len(), 3, "{path}");
    }
    let style = browser.get("/records/contacts").html;
    let style =
        style.split('"').find(|text| text.starts_with("/assets/pages.css")).expect("a style").to_owned();
    assert!(browser.get(&style).head.contains("immutable"));
    // A page of another site makes a browser do nothing here.
    let foreign = server.send(
        "POST",
        "/records/contacts/new",
        &[
            ("cookie", &browser.cookie),
            ("sec-fetch-site", "cross-site"),
            ("content-type", "application/x-www-form-urlencoded"),
        ],
        b"first_name=Eve",
    );
    assert_eq!(foreign.status, 403);
    let mut member = Browser::new(&server);
    let wrong = member.post("/sign-in", &[("email", "ann@x.io"), ("password", "no")]);
    assert!(wrong.status == 401 && wrong.has("password is wrong"), "{}", wrong.text());
    let inside = member.post(
        "/sign-in",
        &[("email", "ann@x.io"), ("password", "a long password"), ("next", "//evil.example")],
    );
    assert_eq!((inside.status, inside.path.as_str()), (200, "/records/contacts"), "{}", inside.text());
    for path in ["/import/contacts", &map, "/jobs", "/records/contacts/new"] {
        assert_eq!(member.get(path).status, 403, "{path}");
    }
    assert_eq!(member.post("/records/contacts/new", &[("first_name", "Eve")]).status, 403);
    let out = member.post("/sign-out", &[]);
    assert_eq!(out.path, "/sign-in");
    assert_eq!(member.get("/records/contacts").path, "/sign-in?next=%2Frecords%2Fcontacts");
    // A form has an end, a file has its own.
    let long = "x".repeat(9 << 20);
    assert_eq!(browser.post("/records/contacts/new", &[("notes", &long)]).status, 413);
    let large = format!("email,notes\na@x.io,{}\n", "y,z\n".repeat(3 << 20));
    assert_eq!(browser.send_file("contacts", "large.csv", &large).status, 200);
    // What another organization prepares is not there.
    let made = server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "Acme" })).json();
    let secret = made["secret"].as_str().unwrap_or_default().to_owned();
    assert_eq!(server.json_as(&secret, "GET", &map, &Value::Null).status, 404);
}

#[test]
fn fields_that_no_column_fills_get_a_value_or_are_computed_and_that_is_remembered() {
    for kind in STORES {
        let server = Server::start(kind);
        let mut browser = Browser::signed_in(&server);
        let file = "First,E-mail,Score\nada, ADA@X.ORG ,7\nbob,B@X.ORG,3\n";
        let map = browser.send_file("contacts", "u.csv", file);
        let said = [
            ("column.0", "First"),
            ("field.0", "first_name"),
            ("column.1", "E-mail"),
            ("field.1", ""),
            ("column.2", "Score"),
            ("field.2", ""),
            ("more.0.field", "source"),
            ("more.0.kind", "value"),
            ("more.0.text", "Fair"),
            ("more.1.field", "email"),
            ("more.1.kind", "expression"),
            ("more.1.text", "lower(trim(E_mail))"),
        ];
        let review = browser.post(&format!("{}/mapping", map.path), &said);
        assert!(review.has("2 read = 2 created"), "{}", review.text());
        browser.post(&review.path.replace("/review", "/confirm"), &[]);
        let records =
            server.get("/api/v1/objects/contacts/records?fields=first_name,email,source&sort=id").json();
        let expected = json!([
            { "first_name": "ada", "email": "ada@x.org", "source": "Fair" },
            { "first_name": "bob", "email": "b@x.org", "source": "Fair" },
        ]);
        assert_eq!(records["records"], expected);

        // The next file with these columns is filled alike; another file is not.
        let again = form_of(&browser.send_file("contacts", "again.csv", file).html);
        assert_eq!((again["more.0.field"].as_str(), again["more.1.field"].as_str()), ("source", "email"));
        let other = form_of(&browser.send_file("contacts", "other.csv", "First,Mail\na,a@x.io\n").html);
        assert_eq!(other["more.0.field"], "");

        let wrong = browser.send_file("contacts", "w.csv", file);
        let mut said = said.to_vec();
        said.retain(|(name, _)| *name != "more.1.text");
        said.push(("more.1.text", "lower(Mail)"));
        let refused = browser.post(&format!("{}/mapping", wrong.path), &said);
        assert!(refused.has("cannot be computed") && !refused.has("Import 2 rows"), "{}", refused.text());
    }
}
