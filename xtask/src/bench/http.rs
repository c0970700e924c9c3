//! `cargo xtask bench --http`: the server over HTTP, as its clients see it.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::client::{Answer, Client};
use super::memory::megabytes;
use super::serving::Serving;
use super::setting::Setting;

/// Records of one request: as many as the records door takes.
const RECORDS: u64 = 50;
/// Requests of the client that is alone.
const REQUESTS: u64 = 300;
/// Clients at once.
const CLIENTS: u64 = 8;
/// How long they send.
const SENDING: Duration = Duration::from_secs(15);
/// Bytes of the file that is uploaded.
const UPLOAD_BYTES: u64 = 100 << 20;
/// Rows of a file that has as many: about 70 bytes each.
pub(super) const ROWS_OF_UPLOAD: u64 = UPLOAD_BYTES / 60;
/// The fields of an export, and of what it is compared with.
const FIELDS: &str = "id,first_name,last_name,email,phone_work";

/// Measures, and prints the table.
pub(super) fn print(setting: &Setting<'_>, runs: u32) -> Result<(), String> {
    println!("| what | figure | aim |\n|---|--:|--:|");
    let directory = setting.place.file("sqlite");
    let sqlite = format!("sqlite:{}", directory.display());
    let serving = Serving::start(setting, &sqlite, &[])?;
    alone(&serving, runs)?;
    suggestions(&serving)?;
    upload(setting, runs)?;
    drop(serving);
    let server = setting.server()?;
    eprintln!("importing {} contacts …", setting.rows);
    let file = setting.place.file("people.csv");
    people(&file, setting.rows)?;
    server.fresh("http", "template0")?;
    let store = server.address("http");
    import(setting, &file, &store)?;
    server.sql("http", "VACUUM ANALYZE")?;
    server.settle()?;
    export(setting, &store, runs)?;
    at_once(setting, &store, runs)
}

/// Imports a file of people.
pub(super) fn import(setting: &Setting<'_>, file: &Path, store: &str) -> Result<(), String> {
    let words = ["import", &file.display().to_string(), "--to", "contacts", "--json", "--org", "default"];
    let done = Command::new(&setting.dray).args(words).args(["--store", store]).output();
    let done = done.map_err(|why| why.to_string())?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) }
}

/// One client, new records, one request after the other.
fn alone(serving: &Serving, runs: u32) -> Result<(), String> {
    let mut client = serving.client()?;
    let (mut middle, mut late) = (Vec::new(), Vec::new());
    for run in 0..u64::from(runs) {
        let mut times = Vec::new();
        for request in 0..REQUESTS + 10 {
            let body = records(run * 1_000_000 + request * RECORDS);
            let answer = client.post("/api/v1/import/contacts", &body)?;
            if !String::from_utf8_lossy(&answer.body).contains("\"created\":50") {
                return Err(String::from_utf8_lossy(&answer.body).into_owned());
            }
            times.push(answer.whole.as_secs_f64() * 1000.0);
        }
        // The first requests open sessions and prepare statements.
        let mut times = times.split_off(10);
        times.sort_by(f64::total_cmp);
        middle.push(times[times.len() / 2]);
        late.push(times[times.len() * 95 / 100]);
    }
    println!("| 50 new records as JSON, SQLite, one client: median | {:.1} ms | 5 ms |", median(&mut middle));
    println!("| … of 20 the slowest (p95) | {:.1} ms | |", median(&mut late));
    Ok(())
}

/// Fields for fifty columns.
fn suggestions(serving: &Serving) -> Result<(), String> {
    const HEADERS: [&str; 10] = [
        "Vorname",
        "Nachname",
        "E-mail 1 - Value",
        "Mobile Phone",
        "Job Title",
        "Mailing City",
        "Notes",
        "Website",
        "Birthday",
        "MEMBER_SINCE",
    ];
    let names: Vec<String> =
        (0..50).map(|column| format!("\"{} {}\"", HEADERS[column % 10], column / 10)).collect();
    let row: Vec<String> = names.iter().map(|name| format!("{name}: \"Value of {}\"", name.len())).collect();
    let rows = vec![format!("{{{}}}", row.join(",")); 50];
    let body = format!("{{\"sourceColumns\": [{}], \"sampleData\": [{}]}}", names.join(","), rows.join(","));
    let mut client = serving.client()?;
    let mut times = Vec::new();
    for _ in 0..21 {
        let answer = client.post("/v1/modules/contacts/import/suggest-mapping", &body)?;
        times.push(answer.whole.as_secs_f64() * 1000.0);
    }
    println!("| fields for 50 columns × 50 rows: median | {:.1} ms | 10 ms |", median(&mut times));
    Ok(())
}

/// A large file, sent and looked through.
fn upload(setting: &Setting<'_>, runs: u32) -> Result<(), String> {
    let file = setting.place.file("upload.csv");
    people(&file, ROWS_OF_UPLOAD)?;
    let (mut seconds, mut peaks, mut bytes) = (Vec::new(), Vec::new(), 0);
    for run in 0..runs {
        let store = setting.place.file(&format!("upload-{run}"));
        let serving = Serving::start(setting, &format!("sqlite:{}", store.display()), &[])?;
        let (answer, sent) = send_file(&mut serving.client()?, "/v1/modules/contacts/import/parse", &file)?;
        bytes = sent;
        seconds.push(answer.whole.as_secs_f64());
        peaks.push(serving.peak());
    }
    println!(
        "| a CSV file of {:.0} MB sent and looked through: time | {:.1} s | |",
        megabytes(bytes),
        median(&mut seconds)
    );
    println!("| … most memory of the server | {:.0} MB | 150 MB |", median(&mut peaks));
    std::fs::remove_file(&file).map_err(|why| why.to_string())
}

/// Sends the first [`UPLOAD_BYTES`] of a file by a form; the answer, and how many bytes they were.
pub(super) fn send_file(client: &mut Client, path: &str, file: &Path) -> Result<(Answer, u64), String> {
    let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"people.csv\"\r\n\r\n";
    let tail = "\r\n--x--\r\n";
    let content = File::open(file).map_err(|why| why.to_string())?;
    let bytes = content.metadata().map_err(|why| why.to_string())?.len().min(UPLOAD_BYTES);
    let mut body = head.as_bytes().chain(content.take(bytes)).chain(tail.as_bytes());
    let length = (head.len() + tail.len()) as u64 + bytes;
    let kind = "multipart/form-data; boundary=x";
    client.send("POST", path, kind, &mut body, length, true).map(|answer| (answer, bytes))
}

/// All records as CSV, beside what `psql` does.
fn export(setting: &Setting<'_>, store: &str, runs: u32) -> Result<(), String> {
    let server = setting.server()?;
    let (mut first, mut whole, mut peaks, mut copied) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..runs {
        let schema = schema(setting)?;
        let copy =
            format!("\\copy (SELECT {FIELDS} FROM \"{schema}\".contacts) TO STDOUT (FORMAT csv, HEADER)");
        copied.push(setting.measure(&server.psql("http", &[&copy]))?.0.wall);
        let serving = Serving::start(setting, store, &[])?;
        let mut client = serving.client()?;
        // A page before, as a person sees it, so that the session is open.
        client.get("/api/v1/objects/contacts/records?limit=1", true)?;
        let path = format!("/api/v1/objects/contacts/export?format=csv&fields={FIELDS}");
        let answer = client.get(&path, false)?;
        first.push(answer.first.as_secs_f64() * 1000.0);
        whole.push(answer.whole.as_secs_f64());
        peaks.push(serving.peak());
        bytes = answer.bytes;
    }
    let ratio = median(&mut whole) / median(&mut copied);
    println!(
        "| CSV of {} contacts ({:.0} MB), PostgreSQL: first byte | {:.0} ms | 100 ms |",
        setting.rows,
        megabytes(bytes),
        median(&mut first)
    );
    println!(
        "| … whole, beside `\\copy … TO STDOUT` through psql ({:.2} s) | {:.2} s, ratio {ratio:.2} | 1.25 |",
        median(&mut copied),
        median(&mut whole)
    );
    println!("| … most memory of the server | {:.0} MB | constant |", median(&mut peaks));
    Ok(())
}

/// The schema that has the contacts.
fn schema(setting: &Setting<'_>) -> Result<String, String> {
    setting.server()?.sql("http", "SELECT schemaname FROM pg_tables WHERE tablename = 'contacts'")
}

/// Several clients, nine of ten records new, the others there already.
fn at_once(setting: &Setting<'_>, store: &str, runs: u32) -> Result<(), String> {
    let serving = Serving::start(setting, store, &[])?;
    let mut rates = Vec::new();
    let mut late = Vec::new();
    for run in 0..u64::from(runs) {
        let begun = Instant::now();
        let sent: Result<Vec<Vec<f64>>, String> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| {
                    let serving = &serving;
                    scope.spawn(move || {
                        let mut client = serving.client()?;
                        let mut times = Vec::new();
                        while begun.elapsed() < SENDING {
                            let at =
                                100_000_000 * (run * CLIENTS + number + 1) + times.len() as u64 * RECORDS;
                            let answer = client.post("/api/v1/import/contacts", &records(at))?;
                            times.push(answer.whole.as_secs_f64() * 1000.0);
                        }
                        Ok(times)
                    })
                })
                .collect();
            clients
                .into_iter()
                .map(|client| client.join().map_err(|_| "a client panicked".to_owned())?)
                .collect()
        });
        let mut times: Vec<f64> = sent?.into_iter().flatten().collect();
        rates.push(times.len() as f64 * RECORDS as f64 / begun.elapsed().as_secs_f64());
        late.push(median(&mut times));
    }
    println!(
        "| {CLIENTS} clients, PostgreSQL, {} contacts there, duplicates by e-mail, phone and name | {:.0} records/s | 2,000 |",
        setting.rows,
        median(&mut rates)
    );
    println!("| … a request takes | {:.0} ms | |", median(&mut late));
    println!("| … most memory of the server | {:.0} MB | |", serving.peak());
    Ok(())
}

/// Fifty records, from a number on.
fn records(from: u64) -> String {
    let mut body = "{\"records\":[".to_owned();
    for number in from..from + RECORDS {
        if number > from {
            body.push(',');
        }
        let [first, last, email, phone] = person(number);
        body.push_str(&format!(
            "{{\"first_name\":\"{first}\",\"last_name\":\"{last}\",\"email\":\"{email}\",\"phone\":\"{phone}\"}}"
        ));
    }
    body.push_str("]}");
    body
}

/// A file of people.
pub(super) fn people(path: &Path, rows: u64) -> Result<(), String> {
    let told = |why: std::io::Error| format!("{}: {why}", path.display());
    let mut out = BufWriter::new(File::create(path).map_err(told)?);
    writeln!(out, "first_name,last_name,email,phone").map_err(told)?;
    // Numbers that no request has.
    for number in 10_000_000_000..10_000_000_000 + rows {
        let [first, last, email, phone] = person(number);
        writeln!(out, "{first},{last},{email},{phone}").map_err(told)?;
    }
    out.flush().map_err(told)
}

/// Somebody whom no other number is.
pub(super) fn person(number: u64) -> [String; 4] {
    const FIRST: [&str; 8] = ["Ada", "Björn", "Chloé", "Daniel", "Emma", "Fatima", "Grace", "Hiro"];
    let first = FIRST[(number % 8) as usize];
    // Letters, so that names differ as names do.
    let letters: String =
        format!("{number:b}").chars().map(|bit| if bit == '1' { 'i' } else { 'o' }).collect();
    [
        format!("{first}{}", number % 997),
        format!("M{letters}"),
        format!("{}.{number}@example.com", first.to_ascii_lowercase().replace(['ö', 'é'], "e")),
        format!("+49{number:011}"),
    ]
}

/// The one in the middle.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
