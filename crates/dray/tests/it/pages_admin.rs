//! The pages of administrators as a browser without a script sees them: settings, exports, the audit log, reports,
//! connections, pipelines; and that nobody else gets in.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::pages_kit::{Browser, Shown};
use crate::pipelines_kit::Pipelines;
use crate::server::Server;
use crate::support::{Kind, STORES};

/// What stands in the element with the secret that is shown once.
fn secret_of(shown: &Shown) -> String {
    let (_, rest) =
        shown.html.split_once("id=\"secret\"").unwrap_or_else(|| panic!("no secret: {}", shown.text()));
    let (_, rest) = rest.split_once('>').expect("a tag");
    rest.split('<').next().unwrap_or_default().to_owned()
}

/// The addresses of links and forms on a page.
fn addresses(shown: &Shown) -> Vec<String> {
    let of = |name: &str| -> Vec<String> {
        let parts = shown.html.split(name).skip(1);
        parts.map(|rest| rest.split('"').next().unwrap_or_default().replace("&amp;", "&")).collect()
    };
    [of("href=\""), of("action=\"")].concat()
}

fn address_with(shown: &Shown, part: &str) -> String {
    let found = addresses(shown).into_iter().find(|address| address.contains(part));
    found.unwrap_or_else(|| panic!("no address with `{part}`: {:?}", addresses(shown)))
}

#[test]
fn objects_and_fields_are_made_at_run_time() {
    for kind in STORES {
        let server = Server::start(kind);
        let mut browser = Browser::signed_in(&server);
        assert_eq!(browser.get("/settings").path, "/settings/objects");
        let made =
            browser.post("/settings/objects", &[("label", "Boats"), ("name", ""), ("field", "Ship’s name")]);
        assert_eq!((made.status, made.path.as_str()), (200, "/settings/objects/boats"), "{}", made.text());
        assert!(made.has("Fields of Boats") && made.has("ship_s_name"), "{}", made.text());
        let taken = browser.post("/settings/objects", &[("label", "Boats"), ("field", "Name")]);
        assert!(taken.status == 409 && taken.html.contains("value=\"Boats\""), "{}", taken.text());

        let fields = "/settings/objects/boats/fields";
        let added = browser.post(
            fields,
            &[("label", "Class"), ("kind", "choice"), ("choices", "sail\r\nmotor\r\n"), ("required", "on")],
        );
        assert!(added.has("Class class Choice required sail, motor"), "{}", added.text());
        let owner =
            browser.post(fields, &[("label", "Owner"), ("kind", "reference"), ("target", "contacts")]);
        assert!(owner.has("Refers to Contacts"), "{}", owner.text());
        let wrong = browser.post(fields, &[("label", "Größe"), ("name", "Größe"), ("kind", "integer")]);
        assert!(wrong.status == 400 && wrong.html.contains("value=\"Größe\""), "{}", wrong.text());
        let hidden = browser.post("/settings/objects/boats/fields/owner/hide", &[]);
        assert!(hidden.status == 200 && !hidden.has("Refers to Contacts Hide"), "{}", hidden.text());
        let object = server.get("/api/v1/objects/boats").json();
        assert_eq!(object["fields"].as_array().map(Vec::len), Some(2), "{object}");
        assert!(browser.get("/records/boats").has("Boats"));
        browser.language = "de";
        assert!(browser.get("/settings/objects/boats").has("Felder von Boats"));
        browser.language = "fr";
        assert!(browser.get("/settings/objects/boats").has("Champs de Boats"));
    }
}

#[test]
fn users_come_in_by_a_link_or_a_password() {
    for kind in STORES {
        let server = Server::start(kind);
        let mut browser = Browser::signed_in(&server);
        let invited = browser.post(
            "/settings/users",
            &[("email", "ann@x.io"), ("name", "Ann"), ("role", "member"), ("password", "")],
        );
        assert_eq!(invited.status, 201, "{}", invited.text());
        let link = secret_of(&invited);
        let link = format!("/sign-in/{}", link.split_once("/sign-in/").expect("a link").1);
        let mut ann = Browser::new(&server);
        assert_eq!(ann.post(&link, &[]).path, "/records/contacts");
        assert!(!browser.get("/settings/users").html.contains("id=\"secret\""), "it is shown once");

        let short =
            browser.post("/settings/users", &[("email", "b@x.io"), ("role", "admin"), ("password", "short")]);
        assert!(short.status == 400 && short.html.contains("value=\"b@x.io\""), "{}", short.text());
        let user = address_with(&browser.get("/settings/users"), "/settings/users/user_");
        let one = browser.get(&user);
        let user = if one.has("ann@x.io") {
            user
        } else {
            let all = addresses(&browser.get("/settings/users"));
            all.into_iter().rfind(|address| address.starts_with("/settings/users/user_")).expect("two users")
        };
        let set = browser.post(&format!("{user}/password"), &[("password", "a long password")]);
        assert!(set.has("The password is set.") && set.has("has a password"), "{}", set.text());
        assert_eq!(ann.get("/records/contacts").path, "/sign-in?next=%2Frecords%2Fcontacts", "signed out");
        let inside = ann.post("/sign-in", &[("email", "ann@x.io"), ("password", "a long password")]);
        assert_eq!(inside.path, "/records/contacts");
        assert_eq!(browser.post(&format!("{user}/delete"), &[]).path, "/settings/users");
        assert!(!browser.get("/settings/users").has("ann@x.io"));
        assert_eq!(ann.get("/records/contacts").path, "/sign-in?next=%2Frecords%2Fcontacts");
        let last = address_with(&browser.get("/settings/users"), "/settings/users/user_");
        let stays = browser.post(&format!("{last}/delete"), &[]);
        assert!(stays.status == 409 && stays.has("the only admin"), "{}", stays.text());
    }
}

#[test]
fn keys_are_shown_once_and_revoked() {
    for kind in STORES {
        let server = Server::start(kind);
        let mut browser = Browser::signed_in(&server);
        let made =
            browser.post("/settings/keys", &[("name", "Shop <1>"), ("role", "planner"), ("days", "7")]);
        assert!(made.status == 201 && made.has("The new key Shop <1>"), "{}", made.text());
        let key = secret_of(&made);
        assert_eq!(server.json_as(&key, "GET", "/api/v1/objects", &Value::Null).status, 200);
        let listed = browser.get("/settings/keys");
        assert!(listed.has("Shop <1>") && listed.has("planner active") && !listed.html.contains(&key));
        let id = server.get("/api/v1/keys").json()["keys"]
            .as_array()
            .and_then(|keys| {
                keys.iter().find(|key| key["name"] == "Shop <1>")?["id"].as_str().map(str::to_owned)
            })
            .expect("the key");
        let revoked = browser.post(&format!("/settings/keys/{id}/revoke"), &[]);
        assert!(revoked.has("revoked"), "{}", revoked.text());
        assert_eq!(server.json_as(&key, "GET", "/api/v1/objects", &Value::Null).status, 401);
        assert_eq!(browser.post("/settings/keys", &[("name", " "), ("role", "admin")]).status, 400);
    }
}

#[test]
fn secrets_are_kept_and_never_shown() {
    for kind in STORES {
        let server = Server::start(kind);
        let mut browser = Browser::signed_in(&server);
        let first = browser.get("/settings/secrets");
        assert!(first.has("There are no secrets yet.") && first.has("as in $secret.KEY"), "{}", first.text());
        assert!(first.html.contains("type=\"password\""), "{}", first.html);
        let made = browser.post("/settings/secrets", &[("name", " API_KEY "), ("value", " canary & 1")]);
        assert_eq!((made.status, made.path.as_str()), (200, "/settings/secrets"), "{}", made.text());
        assert!(made.has("API_KEY 2") && !made.html.contains("canary"), "{}", made.text());
        let again = browser.post("/settings/secrets", &[("name", "API_KEY"), ("value", "canary 2")]);
        assert_eq!(again.html.matches("/settings/secrets/API_KEY/delete").count(), 1);
        let wrong = browser.post("/settings/secrets", &[("name", "API KEY"), ("value", "canary 3")]);
        assert!(wrong.status == 400 && wrong.html.contains("value=\"API KEY\""), "{}", wrong.text());
        assert!(wrong.has("`API KEY` is not a name") && !wrong.html.contains("canary"), "{}", wrong.text());
        let empty = browser.post("/settings/secrets", &[("name", "EMPTY"), ("value", "")]);
        assert!(empty.status == 400 && empty.has("it has 1 to 8192 bytes"), "{}", empty.text());
        for (language, words) in [("de", "Geheimnis anlegen"), ("fr", "Ajouter ou remplacer un secret")] {
            browser.language = language;
            assert!(browser.get("/settings/secrets").has(words));
        }
        browser.language = "en";
        let secrets = server.get("/api/v1/secrets").json();
        assert_eq!(secrets["secrets"].as_array().map(Vec::len), Some(1), "{secrets}");
        let deleted = browser.post("/settings/secrets/API_KEY/delete", &[]);
        assert!(deleted.has("There are no secrets yet."), "{}", deleted.text());
        assert_eq!(browser.post("/settings/secrets/API_KEY/delete", &[]).status, 404);
        assert_eq!(server.keeps("canary"), Vec::<String>::new());
        let audit = server.get("/api/v1/audit").text();
        assert!(audit.contains("secret.put") && audit.contains("secret.delete"), "{audit}");
    }
}

#[test]
fn webhooks_and_the_plan_are_set() {
    for kind in STORES {
        let server = Server::start_with(kind, &[("DRAY_ALLOW_OUTBOUND", "127.0.0.0/8")]);
        let mut browser = Browser::signed_in(&server);
        // Nobody listens there.
        let made = browser.post(
            "/settings/webhooks",
            &[("url", "http://127.0.0.1:9/hook"), ("description", "Ours"), ("event", "job.failed")],
        );
        assert!(made.status == 201 && !secret_of(&made).is_empty(), "{}", made.text());
        let place = address_with(&made, "/settings/webhooks/wh_");
        let tested = browser.post(&format!("{place}/test"), &[]);
        assert!(tested.has("a job failed") && tested.has("test"), "{}", tested.text());
        let until = Instant::now() + Duration::from_secs(30);
        while !browser.get(&place).has("waiting 1") && !browser.get(&place).has("failed 1") {
            assert!(Instant::now() < until, "nothing is tried: {}", browser.get(&place).text());
            std::thread::sleep(Duration::from_millis(50));
        }
        let rotated = browser.post(&format!("{place}/secret"), &[]);
        assert_ne!(secret_of(&rotated), secret_of(&made));
        let off = browser.post(&place, &[("url", "http://127.0.0.1:9/hook"), ("description", "")]);
        assert!(off.has("disabled all"), "{}", off.text());
        assert_eq!(browser.post(&format!("{place}/test"), &[]).status, 409);
        let wrong = browser.post("/settings/webhooks", &[("url", "ftp://x")]);
        assert!(wrong.status == 400 && wrong.html.contains("value=\"ftp://x\""), "{}", wrong.text());
        assert!(browser.post(&format!("{place}/delete"), &[]).has("Nobody is told yet."));

        let plan = browser.get("/settings/plan");
        assert!(plan.has("without limit") && plan.has("Largest file"), "{}", plan.text());
        let entered = [("name", "Harbour"), ("plan", "small"), ("rows", "1000"), ("records", "")];
        let changed = browser.post("/settings/plan", &entered);
        assert!(changed.has("Harbour") && changed.has("Rows of one import 1 000"), "{}", changed.text());
        assert_eq!(
            browser.post("/settings/plan", &[("name", "H"), ("plan", "p"), ("rows", "many")]).status,
            400
        );
    }
}

/// Some contacts to ask about.
fn contacts(server: &Server) {
    for (name, status) in [("Ada", "lead"), ("Bob", "customer"), ("Cy", "lead")] {
        let record = json!({ "first_name": name, "email": format!("{name}@x.io"), "status": status });
        assert_eq!(server.post("/api/v1/objects/contacts/records", &record).status, 201);
    }
}

#[test]
fn a_list_becomes_a_report_and_its_export_a_file() {
    for kind in STORES {
        let server = Server::start(kind);
        contacts(&server);
        let mut browser = Browser::signed_in(&server);
        let list = browser.get(
            "/records/contacts?field=status&operator=eq&value=lead&sort=first_name%3Adesc&column=first_name",
        );
        let new = browser.get(&address_with(&list, "/reports/new/contacts"));
        assert!(new.html.contains("value=\"lead\"") && new.has("New report: Contacts"), "{}", new.text());
        let entered = [
            ("name", "Leads"),
            ("field", "status"),
            ("operator", "eq"),
            ("value", "lead"),
            ("field", ""),
            ("operator", "eq"),
            ("value", ""),
            ("column", "first_name"),
            ("sort_by", "first_name"),
            ("sort_dir", "desc"),
            ("limit", ""),
        ];
        let report = browser.post("/reports/new/contacts", &entered);
        assert!(
            report.has("Contacts · 2 records · Status is lead") && !report.has("Bob"),
            "{}",
            report.text()
        );
        let places = ["Cy", "Ada"].map(|name| report.html.find(&format!(">{name}<")).expect("it is shown"));
        assert!(places.is_sorted(), "{places:?}");
        let address = address_with(&report, "/export?format=csv");
        let csv = server.send("GET", &address, &[("cookie", &browser.cookie)], b"").text();
        assert_eq!(csv.replace('\r', ""), "first_name\nCy\nAda\n");
        let grid = browser.get(&address_with(&report, "/records/contacts?"));
        assert!(grid.has("2 records") && grid.has("Status is lead"), "{}", grid.text());

        let edit = format!("{}/change", report.path);
        assert!(browser.get(&edit).html.contains("value=\"Leads\""));
        let fewer = browser.post(
            &edit,
            &[
                ("name", "First lead"),
                ("field", "status"),
                ("operator", "eq"),
                ("value", "lead"),
                ("limit", "1"),
            ],
        );
        assert!(fewer.has("First lead") && fewer.has("1 record"), "{}", fewer.text());
        let wrong =
            browser.post(&edit, &[("name", "X"), ("field", "nope"), ("operator", "eq"), ("value", "1")]);
        assert!(wrong.status == 400 && wrong.has("nope"), "{}", wrong.text());
        assert!(
            browser.get("/reports").has("First lead Contacts Status is lead"),
            "{}",
            browser.get("/reports").text()
        );

        // What a form cannot say is changed as the API writes it.
        let either = json!({ "operator": "or", "conditions": [{ "field": "status", "operator": "eq", "value": "customer" }] });
        let made = server
            .post("/api/v1/reports", &json!({ "name": "Any", "object": "contacts", "filters": either }))
            .json();
        let any = format!("/reports/{}/change", made["id"].as_str().unwrap_or_default());
        assert!(browser.get(&any).has("Filters as JSON"));
        let kept = browser.post(&any, &[("name", "Any"), ("filters", &either.to_string())]);
        assert!(kept.has("1 record") && kept.has("Bob@x.io"), "{}", kept.text());

        let id = report.path.rsplit('/').next().unwrap_or_default().to_owned();
        let job = browser.post("/exports", &[("source", &id), ("format", "xlsx"), ("packing", "")]);
        assert!(job.path.starts_with("/jobs/"), "{}: {}", job.path, job.text());
        let until = Instant::now() + Duration::from_secs(30);
        while !browser.get("/exports").has("Download") {
            assert!(Instant::now() < until, "no file: {}", browser.get("/exports").text());
            std::thread::sleep(Duration::from_millis(50));
        }
        let exports = browser.get("/exports");
        assert!(exports.has("First lead-") && exports.has("Contacts Excel 1"), "{}", exports.text());
        let file =
            server.send("GET", &address_with(&exports, "/download"), &[("cookie", &browser.cookie)], b"");
        assert!(file.status == 200 && file.bytes.starts_with(b"PK"), "{}", file.status);
        let page = browser.get(&job.path);
        assert!(page.has("Download") && page.has("First lead-"), "{}", page.text());
        assert_eq!(address_with(&page, "/download"), address_with(&exports, "/download"));
        let wrong = browser.post("/exports", &[("source", "contacts"), ("format", "exe")]);
        assert!(wrong.status == 400 && wrong.has("no format that is written"), "{}", wrong.text());
        assert!(!browser.post(&format!("{}/delete", report.path), &[]).has("First lead"));
    }
}

#[test]
fn the_audit_log_is_found_by_who_what_and_when() {
    for kind in STORES {
        let server = Server::start(kind);
        contacts(&server);
        let mut browser = Browser::signed_in(&server);
        let all = browser.get("/audit");
        assert!(all.has("session.create") && all.has("records.create"), "{}", all.text());
        let created = browser
            .get("/audit?actor=&action=Records.Create&subject=contacts&from=2020-01-01&until=2999-01-01");
        assert!(created.has("records.create") && !created.has("session.create"), "{}", created.text());
        assert!(
            browser
                .get("/audit?actor=admin%40localhost&action=records.create")
                .has("Nothing was written down")
        );
        assert!(browser.get("/audit?until=2020-01-01").has("Nothing was written down"));
        let wrong = browser.get("/audit?from=yesterday");
        assert!(wrong.status == 200 && wrong.has("use a day as 2026-11-22"), "{}", wrong.text());
        let file = browser.get(&address_with(&created, "/audit/export?format=csv"));
        assert_eq!(
            file.html.lines().filter(|line| line.contains("records.create")).count(),
            3,
            "{}",
            file.html
        );
        assert!(!file.html.contains("session.create"), "{}", file.html);
        let page = server.get("/api/v1/audit?action=records.create&limit=2").json();
        let next = page["next_cursor"].as_str().expect("there is one more").to_owned();
        let rest = server.get(&format!("/api/v1/audit?action=records.create&cursor={next}")).json();
        assert_eq!(rest["entries"].as_array().map(Vec::len), Some(1), "{rest}");
    }
}

#[test]
fn connections_are_made_tested_and_changed() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        let mut browser = Browser::signed_in(&pipelines.server);
        let listed = browser.get("/connections");
        assert!(listed.has("Source Folder of the server reads") && listed.has("writes"), "{}", listed.text());
        let made = browser.post("/connections/new/source/filesystem", &[("name", "Ours")]);
        assert!(made.path.starts_with("/connections/") && made.has("Ours"), "{}", made.text());
        let tested = browser.post(&format!("{}/test", made.path), &[]);
        assert!(tested.status == 200 && tested.has("The connection works."), "{}", tested.text());
        assert!(browser.post(&made.path, &[("name", "Theirs")]).has("Theirs"));
        let refused = browser.post(
            "/connections/new/source/s3",
            &[
                ("name", "S3"),
                ("accessKeyID", "short"),
                ("secretAccessKey", "hush"),
                ("bucket", "b"),
                ("region", "r"),
            ],
        );
        assert!(refused.status == 422 && refused.html.contains("value=\"short\""), "{}", refused.text());
        assert!(!refused.html.contains("hush"), "a secret is not shown again");
        let bucket = [
            ("name", "S3"),
            ("accessKeyID", "a"),
            ("secretAccessKey", "hush"),
            ("bucket", "files"),
            ("region", "r"),
            ("endpoint", "https://s3.example.com"),
        ];
        let made = browser.post("/connections/new/destination/s3", &bucket);
        assert!(made.has("S3 bucket, writes") && !made.html.contains("hush"), "{}", made.text());
        let mut anew = bucket.to_vec();
        anew.push(("settings", "on"));
        assert_eq!(browser.post(&made.path, &anew).status, 200);
        assert_eq!(browser.post(&made.path, &[("name", "S3"), ("settings", "on")]).status, 422);
        assert_eq!(browser.get("/connections/new/destination/http-get").status, 404);
        assert_eq!(browser.post(&format!("{}/delete", made.path), &[]).path, "/connections");
        let headers = [("name", "Web"), ("host", "example.com"), ("headers", "X-Api-Key: hush\r\nX-B: 1")];
        let web = browser.post("/connections/new/source/http-get", &headers);
        assert!(web.has("HTTP server, reads") && !web.html.contains("hush"), "{}", web.text());
    }
}

const CUSTOMERS: &str =
    "Customer ID,E-mail,First Name,Country\n1,ADA@X.IO,ada,DE\n2,bob@x.io,bob,CH\n3,,cy,DE\n";

#[test]
fn a_pipeline_is_made_by_looking_at_its_file() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        pipelines.put("customers.csv", CUSTOMERS);
        let mut browser = Browser::signed_in(&pipelines.server);
        assert!(browser.get("/pipelines").has("There are no pipelines yet."));
        let new = "/pipelines/new/1";
        assert!(browser.get(new).has("Look at the file first"));
        let missing = browser.post(
            new,
            &[("name", "C"), ("path", "none.csv"), ("format", "csv"), ("separator", ","), ("then", "look")],
        );
        assert!(missing.status == 503 && missing.html.contains("value=\"none.csv\""), "{}", missing.text());
        let file = [
            ("name", "Customers"),
            ("path", "cust*.csv"),
            ("format", "csv"),
            ("separator", ","),
            ("header", "on"),
        ];
        let looked = browser.post(new, &[&file[..], &[("then", "look")]].concat());
        assert!(
            looked.has("Rows of the file Customer_ID E_mail First_Name Country 1 ADA@X.IO"),
            "{}",
            looked.text()
        );
        // Columns that are named like properties are taken for them.
        assert!(looked.html.contains("name=\"map.first_name\" value=\"First_Name\""), "{}", looked.html);
        let columns =
            looked.html.split("name=\"columns\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let columns = columns.expect("the columns are kept").replace("&quot;", "\"");
        let rest = [
            ("columns", columns.as_str()),
            ("user", "Customer_ID"),
            ("updated", ""),
            ("logical", "and"),
            ("property", "Country"),
            ("operator", "is"),
            ("value", "DE"),
            ("property", ""),
            ("operator", "is"),
            ("value", ""),
            ("map.email", "lower(E_mail)"),
            ("map.first_name", "initcap(First_Name)"),
            ("map.last_name", ""),
            ("enabled", "on"),
        ];
        let whole = [&file[..], &rest[..]].concat();
        let tried = browser.post(new, &[&whole[..], &[("then", "try")]].concat());
        assert!(
            tried.has("What becomes of them") && tried.has("1 ada@x.io Ada 2 filtered 3 Cy"),
            "{}",
            tried.text()
        );
        let wrong: Vec<_> = whole
            .iter()
            .map(|&(name, text)| (name, if name == "map.email" { "lower(" } else { text }))
            .collect();
        let wrong = browser.post(new, &wrong);
        assert!(wrong.status == 400 && wrong.html.contains("value=\"lower(\""), "{}", wrong.text());
        let made = browser.post(new, &[&whole[..], &[("then", "save")]].concat());
        assert_eq!(made.path, "/pipelines/1", "{}", made.text());
        let known = pipelines.server.get("/v1/pipelines/1").json();
        let names = |schema: &Value| -> Vec<String> {
            let properties = schema["properties"].as_array().into_iter().flatten();
            properties.map(|property| property["name"].as_str().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(names(&known["inSchema"]), ["Customer_ID", "E_mail", "First_Name", "Country"], "{known}");
        assert_eq!(names(&known["outSchema"]), ["email", "first_name"], "only what is filled");

        browser.post("/pipelines/1/run", &[]);
        let until = Instant::now() + Duration::from_secs(60);
        while !browser.get("/pipelines/1").has("Import 1") {
            assert!(Instant::now() < until, "it never ends: {}", browser.get("/pipelines/1").text());
            std::thread::sleep(Duration::from_millis(50));
        }
        let ran = browser.get("/pipelines/1");
        assert!(ran.has("Received 3") && ran.has("Filtered 2 1") && ran.has("Written 2"), "{}", ran.text());
        assert!(browser.get(&address_with(&ran, "/imports/")).has("3 read = 2 created + 1 filtered"));
        assert!(browser.get("/imports").has("last 30 days"), "{}", browser.get("/imports").text());
        assert!(browser.get("/pipelines").has("Customers on only on request completed"));

        // Changed by its form it stays what it is.
        let before = pipelines.server.get("/v1/pipelines/1").json();
        let form = browser.get("/pipelines/1/change");
        assert!(
            form.html.contains("value=\"lower(E_mail)\"") && form.html.contains("value=\"DE\""),
            "{}",
            form.html
        );
        let saved = browser.post("/pipelines/1/change", &[&whole[..], &[("then", "save")]].concat());
        assert_eq!(saved.path, "/pipelines/1", "{}", saved.text());
        assert_eq!(pipelines.server.get("/v1/pipelines/1").json(), before);

        let scheduled = browser.post("/pipelines/1/schedule", &[("period", "24h"), ("start", "03:30")]);
        assert!(scheduled.has("every day, 03:30 UTC"), "{}", scheduled.text());
        let off = browser.post("/pipelines/1/status", &[("enabled", "")]);
        assert!(off.has("off every day"), "{}", off.text());
        let refused = browser.post("/pipelines/1/run", &[]);
        assert!(refused.status == 422 && refused.has("switched off"), "{}", refused.text());
        assert!(browser.post("/pipelines/1/status", &[("enabled", "on")]).has("on every day"));

        // What the form does not have is written as JSON.
        let json = browser.get("/pipelines/1/definition");
        assert!(json.has("\"userIDColumn\": \"Customer_ID\""), "{}", json.text());
        let mut definition = before.clone();
        let members = definition.as_object_mut().expect("an object");
        for name in [
            "id",
            "connector",
            "connectorType",
            "connection",
            "connectionRole",
            "target",
            "running",
            "scheduleStart",
            "schedulePeriod",
        ] {
            members.shift_remove(name);
        }
        members.insert("name".to_owned(), json!("Renamed"));
        let renamed = browser.post("/pipelines/1/definition", &[("definition", &definition.to_string())]);
        assert!(renamed.path == "/pipelines/1" && renamed.has("Renamed"), "{}", renamed.text());
        let broken = browser.post("/pipelines/1/definition", &[("definition", "{")]);
        assert!(broken.status == 400 && broken.has("no JSON object"), "{}", broken.text());
        assert_eq!(browser.post("/pipelines/1/delete", &[]).path, "/pipelines");
        assert_eq!(pipelines.server.get("/v1/pipelines/1").status, 404);
    }
}

#[test]
fn profiles_go_out_by_a_form() {
    for kind in STORES {
        let pipelines = Pipelines::start(kind);
        let mut browser = Browser::signed_in(&pipelines.server);
        let new = browser.get("/pipelines/new/2");
        assert!(
            new.has("Properties that are written") && new.has("Files are written to: Destination"),
            "{}",
            new.text()
        );
        let entered = [
            ("name", "Out"),
            ("path", "out-${today}.csv"),
            ("format", "csv"),
            ("separator", ";"),
            ("crlf", "on"),
            ("written", "email"),
            ("written", "first_name"),
            ("order", "external_id"),
            ("property", "email"),
            ("operator", "exists"),
            ("value", ""),
            ("enabled", "on"),
            ("then", "save"),
        ];
        let refused = browser.post(
            "/pipelines/new/2",
            &entered.iter().filter(|(name, _)| *name != "written").copied().collect::<Vec<_>>(),
        );
        assert!(refused.status == 400 && refused.has("choose one property"), "{}", refused.text());
        let made = browser.post("/pipelines/new/2", &entered);
        assert_eq!(made.path, "/pipelines/1", "{}", made.text());
        let known = pipelines.server.get("/v1/pipelines/1").json();
        assert_eq!(known["formatSettings"], json!({ "separator": ";", "useCRLF": true }));
        assert_eq!(known["inSchema"]["properties"].as_array().map(Vec::len), Some(3), "{known}");
        let form = browser.get("/pipelines/1/change");
        assert_eq!(form.html.matches("name=\"written\"").count(), 6, "{}", form.html);
        assert_eq!(
            form.html.matches("\" checked").count(),
            5,
            "three properties, CR LF, and that it runs: {}",
            form.html
        );
        let again = browser.post("/pipelines/1/change", &entered);
        assert_eq!(again.path, "/pipelines/1", "{}", again.text());
        assert_eq!(pipelines.server.get("/v1/pipelines/1").json(), known);
    }
}

/// Pages, and what a member, a planner and an administrator are answered.
const WHO_SEES: [(&str, u16, u16); 17] = [
    ("/settings/objects", 200, 200),
    ("/settings/objects/contacts", 200, 200),
    ("/settings/plan", 200, 200),
    ("/settings/users", 403, 403),
    ("/settings/keys", 403, 403),
    ("/settings/webhooks", 403, 403),
    ("/exports", 403, 403),
    ("/audit", 403, 403),
    ("/reports", 200, 403),
    ("/reports/new/contacts", 403, 403),
    ("/connections", 200, 403),
    ("/connections/1", 200, 403),
    ("/connections/new/source/sftp", 403, 403),
    ("/pipelines", 200, 403),
    ("/pipelines/new/1", 403, 403),
    ("/pipelines/new/1/definition", 403, 403),
    ("/jobs", 403, 403),
];

/// Forms that only administrators may send.
const FORMS: [&str; 30] = [
    "/settings/objects",
    "/settings/objects/contacts/fields",
    "/settings/objects/contacts/fields/notes/hide",
    "/settings/users",
    "/settings/users/user_x/password",
    "/settings/users/user_x/delete",
    "/settings/keys",
    "/settings/keys/key_x/revoke",
    "/settings/webhooks",
    "/settings/webhooks/wh_x",
    "/settings/webhooks/wh_x/secret",
    "/settings/webhooks/wh_x/test",
    "/settings/webhooks/wh_x/delete",
    "/settings/webhooks/wh_x/deliveries/x/replay",
    "/settings/plan",
    "/exports",
    "/reports/new/contacts",
    "/reports/rpt_x/change",
    "/reports/rpt_x/delete",
    "/connections/new/source/filesystem",
    "/connections/1",
    "/connections/1/test",
    "/connections/1/delete",
    "/pipelines/new/1",
    "/pipelines/new/1/definition",
    "/pipelines/1/change",
    "/pipelines/1/run",
    "/pipelines/1/status",
    "/pipelines/1/schedule",
    "/pipelines/1/delete",
];

#[test]
fn whoever_administers_nothing_changes_nothing() {
    let pipelines = Pipelines::start(Kind::Sqlite);
    let server = &pipelines.server;
    let key_of = |role: &str| {
        let made = server.post("/api/v1/keys", &json!({ "name": role, "role": role })).json();
        made["secret"].as_str().unwrap_or_default().to_owned()
    };
    let (member, planner) = (key_of("member"), key_of("planner"));
    let mut browser = Browser::signed_in(server);
    for (page, as_member, as_planner) in WHO_SEES {
        assert_eq!(server.json_as(&member, "GET", page, &Value::Null).status, as_member, "{page}");
        assert_eq!(server.json_as(&planner, "GET", page, &Value::Null).status, as_planner, "{page}");
        assert_eq!(browser.get(page).status, 200, "{page}");
    }
    for form in FORMS {
        for key in [&member, &planner] {
            let authorization = format!("Bearer {key}");
            let headers =
                [("authorization", &*authorization), ("content-type", "application/x-www-form-urlencoded")];
            let answer = server.send("POST", form, &headers, b"name=x");
            assert_eq!(answer.status, 403, "{form}: {}", answer.text());
        }
    }
    assert_eq!(server.get("/v1/connections").json()["connections"].as_array().map(Vec::len), Some(2));
    // Nobody is shown a way where they cannot go.
    let seen = server.json_as(&member, "GET", "/settings/objects/contacts", &Value::Null).text();
    for open in ["href=\"/reports\"", "href=\"/connections\"", "href=\"/pipelines\"", "href=\"/settings\""] {
        assert!(seen.contains(open), "{open}");
    }
    for closed in ["href=\"/exports\"", "href=\"/audit\"", "href=\"/jobs\"", "/settings/users", "/hide\""] {
        assert!(!seen.contains(closed), "{closed}");
    }
    let seen = server.json_as(&member, "GET", "/connections/1", &Value::Null).text();
    assert!(!seen.contains("method=\"post\" action=\"/connections"), "{seen}");
}
