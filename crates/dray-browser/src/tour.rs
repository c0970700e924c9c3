//! The pages there are, and what a server must hold so that each of them shows something.

use std::path::Path;

use serde_json::{Value, json};

use crate::{Browser, Result};

/// Every page by a name of its own. What stands in braces is made by [`Tour::prepare`].
pub const PAGES: &[(&str, &str)] = &[
    ("sign-in", "/sign-in"),
    ("sign-in-by-link", "/sign-in/some-link"),
    ("records", "/records/contacts"),
    (
        "records-filtered",
        "/records/contacts?search=nova&field=status&operator=eq&value=lead&sort=email%3Adesc",
    ),
    ("records-empty", "/records/deals"),
    ("record", "{record}"),
    ("record-new", "/records/contacts/new"),
    ("import-upload", "/import/contacts"),
    ("import-map", "{map}"),
    ("import-review", "{review}"),
    ("imports", "/imports"),
    ("import-done", "{done}"),
    ("import-undone", "{undone}"),
    ("jobs", "/jobs"),
    ("job", "{job}"),
    ("record-history", "{record}/history"),
    ("connector", "{connector}"),
    ("connector-test", "{connector}/test"),
    ("connector-events", "{connector}/events"),
    ("connector-events-failed", "{connector}/events?status=failed"),
    ("connector-event", "{event}"),
    ("connector-events-none", "{new-connector}/events"),
    ("exports", "/exports"),
    ("pipelines", "/pipelines"),
    ("pipeline", "{pipeline}"),
    ("pipeline-change", "{pipeline}/change"),
    ("connections", "/connections"),
    ("connection-new", "/connections/new/source/sftp"),
    ("reports", "/reports"),
    ("report-new", "/reports/new/contacts"),
    ("audit", "/audit"),
    ("settings-objects", "/settings/objects"),
    ("settings-object", "/settings/objects/contacts"),
    ("settings-users", "/settings/users"),
    ("settings-keys", "/settings/keys"),
    ("settings-webhooks", "/settings/webhooks"),
    ("settings-secrets", "/settings/secrets"),
    ("settings-embedding", "/settings/embedding"),
    ("settings-plan", "/settings/plan"),
    ("not-found", "/records/nothing"),
    ("reference", "/docs"),
];

/// A server with something on every page, and the browser of whoever is signed in there.
#[derive(Debug)]
pub struct Tour {
    url: String,
    made: Vec<(&'static str, String)>,
}

impl Tour {
    /// Does what people do who have just signed in: imports, undoes, prepares.
    pub fn prepare(browser: &Browser, examples: &Path) -> Result<Self> {
        let address = browser.address()?;
        let url =
            address.strip_suffix("/records/contacts").ok_or(format!("signing in leads to {address}"))?;
        let mut tour = Self { url: url.to_owned(), made: Vec::new() };
        tour.import(browser, &examples.join("contacts.csv"))?;
        tour.keep("done", browser)?;
        tour.import(browser, &examples.join("changes.csv"))?;
        browser.agree("form[action$='/undo'] button")?;
        tour.keep("undone", browser)?;
        browser.send_file(url, "contacts", &examples.join("fair.csv"))?;
        tour.keep("map", browser)?;
        browser.send_file(url, "contacts", &examples.join("fair.csv"))?;
        browser.review()?;
        tour.keep("review", browser)?;
        let job =
            browser.ask("POST", "/v1/export-jobs", &json!({ "module": "contacts", "format": "csv" }))?;
        let number = job["exportJobId"]
            .as_str()
            .and_then(|id| id.strip_prefix("exp_"))
            .ok_or(format!("no job was made: {job}"))?;
        tour.made.push(("job", format!("{url}/jobs/{number}")));
        tour.connect(browser)?;
        browser.ask("PUT", "/api/v1/secrets/API_KEY", &json!({ "value": "not shown" }))?;
        browser.ask("POST", "/v1/connections", &connection())?;
        let pipeline = browser.ask("POST", "/v1/pipelines", &pipeline())?;
        tour.made.push(("pipeline", format!("{url}/pipelines/{}", pipeline["id"])));
        browser.go(&format!("{url}/records/contacts"))?;
        browser.follow(".grid tbody a")?;
        tour.keep("record", browser)?;
        Ok(tour)
    }

    /// Makes two connectors, and sends events to the first: some become contacts, one is ignored, one fails.
    fn connect(&mut self, browser: &Browser) -> Result<()> {
        const RECORDS: &str = "/api/v1/objects/connectors/records";
        let enabled = browser.ask("POST", RECORDS, &connector())?["id"].to_string();
        browser.ask("PATCH", &format!("{RECORDS}/{enabled}"), &json!({ "status": "enabled" }))?;
        let other = browser.ask("POST", RECORDS, &json!({ "name": "Newsletter" }))?["id"].to_string();
        let connector = format!("{}/records/connectors/{enabled}", self.url);
        let endpoint = format!("{RECORDS}/{enabled}/endpoint");
        let hook = browser.ask("GET", &endpoint, &Value::Null)?["url"].clone();
        let hook = hook
            .as_str()
            .and_then(|hook| hook.split_once("/hooks/"))
            .ok_or(format!("{hook} is no endpoint"))?
            .1;
        let token = browser.ask("POST", &format!("{endpoint}/tokens"), &json!({}))?["bearer"].clone();
        let mut last = String::new();
        for event in events() {
            let taken = browser.ask_with(&token, "POST", &format!("/hooks/{hook}"), &event)?;
            last = taken["id"].as_str().ok_or(format!("no event was taken: {taken}"))?.to_owned();
        }
        let events = format!("{RECORDS}/{enabled}/events");
        browser.until("events that are done", || {
            let counts = browser.ask("GET", &events, &Value::Null)?["counts"].clone();
            Ok((counts["pending"] == 0 && counts["failed"] == 1).then_some(()))
        })?;
        self.made.push(("event", format!("{connector}/events/{last}")));
        self.made.push(("new-connector", format!("{}/records/connectors/{other}", self.url)));
        self.made.push(("connector", connector));
        Ok(())
    }

    /// Imports a file as it is suggested.
    fn import(&self, browser: &Browser, file: &Path) -> Result<()> {
        browser.send_file(&self.url, "contacts", file)?;
        browser.review()?;
        browser.follow("form[action$='/confirm'] button")?;
        browser.arrive("/imports/").map(drop)
    }

    fn keep(&mut self, name: &'static str, browser: &Browser) -> Result<()> {
        self.made.push((name, browser.address()?));
        Ok(())
    }

    /// The pages by their names, with the addresses they have here.
    pub fn pages(&self) -> Vec<(&'static str, String)> {
        let address = |page: &str| {
            let made = self.made.iter().find_map(|(name, address)| {
                page.strip_prefix(&format!("{{{name}}}")).map(|rest| format!("{address}{rest}"))
            });
            made.unwrap_or_else(|| format!("{}{page}", self.url))
        };
        PAGES.iter().map(|(name, page)| (*name, address(page))).collect()
    }
}

fn connector() -> Value {
    let entry = |key: &str, value: &str| json!({ "key": key, "value": value });
    json!({
        "name": "Orders", "trigger": "equals($payload.type, \"order\")",
        "example_payload": order("grace@example.com", "Grace"),
        "process": [entry("email", "lower($payload.customer.email)"), entry("first_name", "initcap($payload.customer.name)")],
        "perform": [entry("email", "$process.email"), entry("first_name", "$process.first_name")],
        "perform_api_url": "object:contacts?match=email",
    })
}

fn order(email: &str, name: &str) -> Value {
    json!({
        "type": "order", "id": 1042, "total": 129.9, "customer": { "email": email, "name": name },
        "items": [{ "sku": "cart-blue", "quantity": 2 }, { "sku": "bell", "quantity": 1 }],
    })
}

/// What is sent to the connector.
fn events() -> [Value; 4] {
    [
        order("ADA@example.com", "ada"),
        json!({ "type": "refund", "id": 7 }),
        order("nowhere", "linus"),
        order("grace@example.com", "Grace"),
    ]
}

fn connection() -> Value {
    json!({ "name": "Shop", "role": "Source", "connector": "filesystem", "settings": {} })
}

fn pipeline() -> Value {
    let read = |name: &str| json!({ "name": name, "type": { "kind": "string" } });
    let written =
        json!({ "name": "email", "type": { "kind": "string", "maxLength": 254 }, "readOptional": true });
    let schema = |properties: &[Value]| json!({ "kind": "object", "properties": properties });
    json!({
        "name": "Customers of the shop", "connection": 1, "target": "User", "enabled": true, "format": "csv",
        "path": "customers.csv", "formatSettings": { "separator": ",", "hasColumnNames": true },
        "userIDColumn": "id", "transformation": { "mapping": { "email": "lower(mail)" } },
        "inSchema": schema(&[read("id"), read("mail")]), "outSchema": schema(&[written]),
    })
}
