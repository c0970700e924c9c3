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
        let connector = browser.ask("POST", "/api/v1/objects/connectors/records", &connector())?;
        tour.made.push(("connector", format!("{url}/records/connectors/{}", connector["id"])));
        browser.ask("PUT", "/api/v1/secrets/API_KEY", &json!({ "value": "not shown" }))?;
        browser.ask("POST", "/v1/connections", &connection())?;
        let pipeline = browser.ask("POST", "/v1/pipelines", &pipeline())?;
        tour.made.push(("pipeline", format!("{url}/pipelines/{}", pipeline["id"])));
        browser.go(&format!("{url}/records/contacts"))?;
        browser.follow(".grid tbody a")?;
        tour.keep("record", browser)?;
        Ok(tour)
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
    json!({
        "name": "Orders", "trigger": "equals($payload.type, \"order\")",
        "perform_api_url": "https://api.example.com/webhook", "perform_api_method": "POST",
        "perform": [{ "key": "email", "value": "$payload.email" }],
    })
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
