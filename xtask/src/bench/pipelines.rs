//! `cargo xtask bench --pipelines`: a file of contacts through a filter and a mapping of ten properties into
//! identities, beside the plain import of the same file; and the same with a function in place of the mapping.

use std::time::{Duration, Instant};

use super::client::Client;
use super::jobs::{postgres, word};
use super::lines::StoreKind;
use super::serving::Serving;
use super::setting::Setting;

/// The columns of the file.
const COLUMNS: [&str; 10] = [
    "first_name",
    "last_name",
    "email",
    "phone",
    "company",
    "city",
    "country",
    "created_at",
    "score",
    "notes",
];

/// Measures, and prints the table.
pub(super) fn print(setting: &Setting<'_>, stores: &[StoreKind]) -> Result<(), String> {
    println!("| what | figure | of the plain import | at most |\n|---|--:|--:|--:|");
    setting.make_files()?;
    let root = setting.place.file("storage");
    let folder = root.join("default");
    std::fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    std::fs::copy(setting.contacts(), folder.join("u.csv")).map_err(|why| format!("u.csv: {why}"))?;
    let root = root.display().to_string();
    for kind in stores {
        let store = match kind {
            StoreKind::Sqlite => format!("sqlite:{}", setting.place.file("pipelines").display()),
            StoreKind::Postgres => postgres(setting, "pipelines")?,
        };
        let plain = setting.import(&setting.contacts(), &[], "created", &store)?.wall;
        println!("| {} contacts, {}: plain import | {plain:.1} s | | |", setting.rows, kind.label());
        let serving = Serving::start(setting, &store, &["--files-root", &root])?;
        let mut client = serving.client()?;
        prepare(&mut client)?;
        let mapping: Vec<String> = COLUMNS
            .iter()
            .enumerate()
            .map(|(index, name)| match index % 3 {
                0 => format!("\"p_{name}\":\"lower(trim({name}))\""),
                _ => format!("\"p_{name}\":\"{name}\""),
            })
            .collect();
        let mapping = format!("{{\"mapping\":{{{}}}}}", mapping.join(","));
        let made: Vec<String> = COLUMNS.iter().map(|name| format!("p_{name}: user.{name}")).collect();
        let function = format!(
            "{{\"function\":{{\"language\":\"JavaScript\",\"source\":\"const transform = (user) => ({{ {} }})\",\"inPaths\":{},\"outPaths\":{}}}}}",
            made.join(", "),
            list(""),
            list("p_")
        );
        for (what, transformation, most) in [
            ("filter and mapping of 10 properties", mapping, "2"),
            ("filter and a JavaScript function", function, ""),
        ] {
            let id = pipeline(&mut client, &transformation)?;
            for again in ["", ", again: nothing has changed"] {
                let seconds = run(&mut client, &id, setting.rows)?;
                println!(
                    "| … {what}{again} | {seconds:.1} s | {:.2} | {} |",
                    seconds / plain,
                    if again.is_empty() { most } else { "" }
                );
            }
            client.send(
                "DELETE",
                &format!("/v1/pipelines/{id}"),
                "application/json",
                &mut &b""[..],
                0,
                true,
            )?;
        }
        println!("| … most memory of the server | {:.0} MB | | 150 MB |", serving.peak());
    }
    Ok(())
}

fn list(before: &str) -> String {
    let names: Vec<String> = COLUMNS.iter().map(|name| format!("\"{before}{name}\"")).collect();
    format!("[{}]", names.join(","))
}

fn schema(before: &str, more: &str) -> String {
    let property =
        |name: &&str| format!("{{\"name\":\"{before}{name}\",\"type\":{{\"kind\":\"string\"}}{more}}}");
    let properties: Vec<String> = COLUMNS.iter().map(property).collect();
    format!("{{\"kind\":\"object\",\"properties\":[{}]}}", properties.join(","))
}

fn put(client: &mut Client, path: &str, body: &str) -> Result<(), String> {
    let bytes = body.len() as u64;
    client.send("PUT", path, "application/json", &mut body.as_bytes(), bytes, true).map(|_| ())
}

/// A connection to the folder, and profiles that have the ten properties.
fn prepare(client: &mut Client) -> Result<(), String> {
    let optional = schema("p_", ",\"readOptional\":true");
    put(client, "/v1/profiles/schema", &format!("{{\"schema\":{optional}}}"))?;
    let settings = "{\"runOnBatchImport\":false,\"identifiers\":[]}";
    put(client, "/v1/identity-resolution/settings", settings)?;
    let folder = "{\"name\":\"F\",\"role\":\"Source\",\"connector\":\"filesystem\",\"settings\":{}}";
    client.post("/v1/connections", folder).map(|_| ())
}

fn pipeline(client: &mut Client, transformation: &str) -> Result<String, String> {
    let body = format!(
        "{{\"name\":\"P\",\"connection\":1,\"target\":\"User\",\"enabled\":true,\"format\":\"csv\",\"path\":\"u.csv\",\
         \"formatSettings\":{{\"separator\":\",\",\"hasColumnNames\":true}},\"userIDColumn\":\"email\",\
         \"filter\":{{\"logical\":\"and\",\"conditions\":[{{\"property\":\"city\",\"operator\":\"is not\",\"values\":[\"Nowhere\"]}}]}},\
         \"transformation\":{transformation},\"inSchema\":{},\"outSchema\":{}}}",
        schema("", ""),
        schema("p_", ",\"readOptional\":true")
    );
    number(&client.post("/v1/pipelines", &body)?.body)
}

/// The number that an answer holds.
fn number(body: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(body);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() { Err(format!("no number: {text}")) } else { Ok(digits) }
}

/// Runs a pipeline to its end; how many seconds that took.
fn run(client: &mut Client, id: &str, rows: u64) -> Result<f64, String> {
    let begun = Instant::now();
    let run = number(&client.post(&format!("/v1/pipelines/{id}/runs"), "{}")?.body)?;
    loop {
        let answer = client.get(&format!("/v1/pipelines/runs/{run}"), true)?;
        match word(&answer.body, "status")?.as_str() {
            "pending" | "running" => std::thread::sleep(Duration::from_millis(20)),
            "completed" => break,
            _ => return Err(String::from_utf8_lossy(&answer.body).into_owned()),
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let answer = client.get(&format!("/v1/pipelines/runs/{run}"), true)?;
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    if told.contains(&format!("\"read\":{rows}")) { Ok(seconds) } else { Err(told) }
}
