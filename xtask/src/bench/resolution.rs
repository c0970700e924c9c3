//! `cargo xtask bench --resolution`: identities with two identifiers become profiles, once from nothing and once
//! where nothing changed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::client::Client;
use super::jobs::{postgres, word};
use super::lines::StoreKind;
use super::serving::Serving;
use super::setting::Setting;

/// Measures, and prints the table: so many identities as rows are asked for, two of each person.
pub(super) fn print(setting: &Setting<'_>, stores: &[StoreKind]) -> Result<(), String> {
    println!("| what | figure | aim |\n|---|--:|--:|");
    let file = setting.place.file("identities.csv");
    identities(&file, setting.rows)?;
    for kind in stores {
        let store = match kind {
            StoreKind::Sqlite => format!("sqlite:{}", setting.place.file("resolution").display()),
            StoreKind::Postgres => postgres(setting, "resolution")?,
        };
        {
            let serving = Serving::start(setting, &store, &[])?;
            let mut client = serving.client()?;
            let settings = "{\"runOnBatchImport\":false,\"identifiers\":[\"external_id\",\"email\"]}";
            let path = "/v1/identity-resolution/settings";
            let bytes = settings.len() as u64;
            client.send("PUT", path, "application/json", &mut settings.as_bytes(), bytes, true)?;
            // The first makes the object of identities.
            resolve(&mut client)?;
        }
        import(setting, &file, &store)?;
        let serving = Serving::start(setting, &store, &[])?;
        let mut client = serving.client()?;
        let what = format!("{} identities with 2 identifiers, {}", setting.rows, kind.label());
        let begun = Instant::now();
        let done = resolve(&mut client)?;
        let seconds = begun.elapsed().as_secs_f64();
        if !done.contains(&format!("\"created\":{}", setting.rows.div_ceil(2))) {
            return Err(format!("not the profiles there should be: {done}"));
        }
        println!("| {what}: resolved, and their profiles made | {seconds:.1} s | 60 s |");
        let begun = Instant::now();
        resolve(&mut client)?;
        println!("| … again, with nothing to do | {:.1} s | |", begun.elapsed().as_secs_f64());
        println!("| … most memory of the server | {:.0} MB | 150 MB |", serving.peak());
    }
    Ok(())
}

/// Imports the identities into the organization of the server.
fn import(setting: &Setting<'_>, file: &Path, store: &str) -> Result<(), String> {
    let output = Command::new(&setting.dray)
        .args(["import", "--to", "identities", "--store", store])
        .arg(file)
        .output()
        .map_err(|why| format!("dray cannot be started: {why}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Resolves; what came of it.
fn resolve(client: &mut Client) -> Result<String, String> {
    client.send("POST", "/v1/identity-resolution/start", "application/json", &mut &b""[..], 0, true)?;
    loop {
        let answer = client.get("/api/v1/jobs?kind=identity_resolution&limit=1", true)?;
        match word(&answer.body, "status")?.as_str() {
            "pending" | "running" => std::thread::sleep(Duration::from_millis(50)),
            "completed" => return Ok(String::from_utf8_lossy(&answer.body).into_owned()),
            _ => return Err(String::from_utf8_lossy(&answer.body).into_owned()),
        }
    }
}

/// Two identities of each person: one with both identifiers, one with either.
fn identities(path: &Path, rows: u64) -> Result<(), String> {
    let told = |why: std::io::Error| format!("{}: {why}", path.display());
    let mut out = BufWriter::new(File::create(path).map_err(told)?);
    writeln!(
        out,
        "identity_key,source_connection,source_pipeline,source_user_id,source_updated_at,external_id,email,first_name,last_name"
    )
    .map_err(told)?;
    for row in 0..rows {
        let (person, from) = (row / 2, row % 2 + 1);
        let number = if from == 1 || person % 2 == 0 { format!("C-{person}") } else { String::new() };
        let email =
            if from == 1 || person % 2 == 1 { format!("p{person}@example.com") } else { String::new() };
        writeln!(
            out,
            "{from}:{row},{from},{from},{row},2024-01-{:02}T00:00:00Z,{number},{email},First {person},Last {row}",
            row % 28 + 1
        )
        .map_err(told)?;
    }
    out.flush().map_err(told)
}
