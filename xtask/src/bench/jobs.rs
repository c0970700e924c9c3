//! `cargo xtask bench --jobs`: jobs over files of gigabytes, how soon jobs begin, and several processes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::client::Client;
use super::http::{median, person};
use super::lines::StoreKind;
use super::serving::{Process, Serving};
use super::setting::Setting;

const DOOR: &str = "/api/v1/orgs/default/data-io";
/// A row of the large file has so many bytes, or a few more.
const ROW_BYTES: usize = 500;
/// Small jobs whose beginning is waited for.
const SMALL_JOBS: usize = 40;
/// Jobs that several processes share.
const SHARED_JOBS: u64 = 30;
/// Rows of each of those.
const SHARED_ROWS: u64 = 100_000;
/// Processes that share them.
const PROCESSES: usize = 3;

/// Measures, and prints the table. The large file has ten times as many rows as asked for.
pub(super) fn print(setting: &Setting<'_>, stores: &[StoreKind]) -> Result<(), String> {
    println!("| what | figure | aim |\n|---|--:|--:|");
    beginnings(setting)?;
    shared(setting)?;
    for store in stores {
        large(setting, *store)?;
    }
    Ok(())
}

/// An empty database of PostgreSQL.
pub(super) fn postgres(setting: &Setting<'_>, name: &str) -> Result<String, String> {
    let server = setting.server()?;
    server.fresh(name, "template0")?;
    Ok(server.address(name))
}

/// The time from the request for a job to its first work, as whoever asks sees it.
fn beginnings(setting: &Setting<'_>) -> Result<(), String> {
    let store = postgres(setting, "beginnings")?;
    for by_worker in [false, true] {
        let workers = if by_worker { "0" } else { "2" };
        let serving = Serving::start(setting, &store, &["--workers", workers])?;
        let _worker = if by_worker { Some(Process::worker(setting, &store, 0)?) } else { None };
        std::thread::sleep(Duration::from_secs(3));
        let mut client = serving.client()?;
        let mut times = Vec::new();
        for number in 0..SMALL_JOBS {
            // They come at any moment, not when a worker has just ended its last.
            std::thread::sleep(Duration::from_millis(200 + 37 * (number as u64 % 20)));
            let begun = Instant::now();
            let asked = client.post(&format!("{DOOR}/export"), "{\"resource\":\"events\"}")?;
            let job = word(&asked.body, "jobId")?;
            while status(&mut client, &job)? == "pending" {
                std::thread::sleep(Duration::from_millis(1));
            }
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        let slowest = times.iter().copied().fold(0.0, f64::max);
        let who = if by_worker { "a worker of its own" } else { "the server itself" };
        println!(
            "| a job begins after its request, {who}: median, slowest of {SMALL_JOBS} | {:.0} ms, {slowest:.0} ms | 200 ms |",
            median(&mut times)
        );
    }
    Ok(())
}

/// Many jobs that several processes share.
fn shared(setting: &Setting<'_>) -> Result<(), String> {
    let store = postgres(setting, "shared")?;
    let serving = Serving::start(setting, &store, &["--workers", "0"])?;
    let mut client = serving.client()?;
    let file = setting.place.file("shared.csv");
    let mut jobs = Vec::new();
    for number in 0..SHARED_JOBS {
        people(&file, number * SHARED_ROWS, SHARED_ROWS, 0)?;
        let resource = ["contacts", "profiles"][number as usize % 2];
        jobs.push(import(&mut client, &file, resource)?);
    }
    std::fs::remove_file(&file).map_err(|why| why.to_string())?;
    let begun = Instant::now();
    let workers: Vec<Process> =
        (0..PROCESSES).map(|number| Process::worker(setting, &store, number)).collect::<Result<_, _>>()?;
    for job in &jobs {
        wait(&mut client, job)?;
        let answer = client.get(&format!("/api/v1/jobs/{}", job.trim_start_matches("job_")), true)?;
        let text = String::from_utf8_lossy(&answer.body);
        if !text.contains("\"attempts\":1,") || !text.contains(&format!("\"created\":{SHARED_ROWS}")) {
            return Err(format!("a job was not done once: {text}"));
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let mut rows = 0;
    for object in ["contacts", "profiles"] {
        let query = format!("/api/v1/objects/{object}/export?format=csv&fields=id");
        let answer = client.get(&query, true)?;
        rows += answer.body.iter().filter(|byte| **byte == b'\n').count() as u64 - 1;
    }
    if rows != SHARED_JOBS * SHARED_ROWS {
        return Err(format!("{rows} records of {}", SHARED_JOBS * SHARED_ROWS));
    }
    let peak = workers.iter().map(Process::peak).fold(0.0, f64::max);
    println!(
        "| {SHARED_JOBS} queued imports of {SHARED_ROWS} rows, {PROCESSES} processes, PostgreSQL: each once, {rows} records there | {seconds:.0} s | once |"
    );
    println!("| … most memory of a process | {peak:.0} MB | 150 MB |");
    Ok(())
}

/// A file of gigabytes: sent, imported, exported, fetched.
fn large(setting: &Setting<'_>, kind: StoreKind) -> Result<(), String> {
    let store = match kind {
        StoreKind::Sqlite => format!("sqlite:{}", setting.place.file("large").display()),
        StoreKind::Postgres => postgres(setting, "large")?,
    };
    let rows = setting.rows * 10;
    let file = setting.place.file("large.csv");
    eprintln!("making a file of {rows} rows …");
    people(&file, 0, rows, ROW_BYTES)?;
    let bytes = file.metadata().map_err(|why| why.to_string())?.len();
    let serving = Serving::start(setting, &store, &["--file-bytes", "100000000000"])?;
    let mut client = serving.client()?;
    let what = format!("{:.1} GB, {rows} rows, {}", bytes as f64 / 1e9, kind.label());
    let begun = Instant::now();
    let place = client.post(&format!("{DOOR}/uploads"), "{\"fileName\":\"large.csv\"}")?;
    put(&mut client, &word(&place.body, "uploadUrl")?, &file)?;
    std::fs::remove_file(&file).map_err(|why| why.to_string())?;
    println!("| {what}: sent by a signed link | {:.0} s | |", begun.elapsed().as_secs_f64());
    println!("| … most memory of the server until then | {:.0} MB | 150 MB |", serving.peak());
    let begun = Instant::now();
    let upload = word(&place.body, "uploadId")?;
    let job = client.post(
        &format!("{DOOR}/import"),
        &format!("{{\"resource\":\"profiles\",\"uploadId\":\"{upload}\"}}"),
    )?;
    let done = wait(&mut client, &word(&job.body, "jobId")?)?;
    if !done.contains(&format!("\"created\":{rows},")) {
        return Err(format!("not everything was imported: {done}"));
    }
    println!("| … imported | {:.0} s | |", begun.elapsed().as_secs_f64());
    println!("| … most memory of the server until then | {:.0} MB | 150 MB |", serving.peak());
    drop(client);
    drop(serving);
    let serving = Serving::start(setting, &store, &[])?;
    let mut client = serving.client()?;
    let begun = Instant::now();
    let job = client.post(&format!("{DOOR}/export"), "{\"resource\":\"profiles\",\"format\":\"csv\"}")?;
    let done = wait(&mut client, &word(&job.body, "jobId")?)?;
    let seconds = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let link = word(done.as_bytes(), "downloadUrl")?;
    let answer = client.get(path_of(&link)?, false)?;
    println!("| … exported as CSV to a file of {:.1} GB | {seconds:.0} s | |", answer.bytes as f64 / 1e9);
    println!("| … fetched | {:.0} s | |", begun.elapsed().as_secs_f64());
    println!("| … most memory of a server that did both | {:.0} MB | 150 MB |", serving.peak());
    drop(serving);
    // The next store needs the room.
    for folder in ["files", "large"] {
        let _ = std::fs::remove_dir_all(setting.place.file(folder));
    }
    if kind == StoreKind::Postgres {
        setting.server()?.fresh("large", "template0")?;
    }
    Ok(())
}

/// Sends a file and asks for its import; the job.
fn import(client: &mut Client, file: &Path, resource: &str) -> Result<String, String> {
    let place = client.post(&format!("{DOOR}/uploads"), "{\"fileName\":\"shared.csv\"}")?;
    put(client, &word(&place.body, "uploadUrl")?, file)?;
    let upload = word(&place.body, "uploadId")?;
    let body = format!("{{\"resource\":\"{resource}\",\"uploadId\":\"{upload}\"}}");
    let asked = client.post(&format!("{DOOR}/import"), &body)?;
    word(&asked.body, "jobId")
}

/// What stands behind the server's name.
fn path_of(link: &str) -> Result<&str, String> {
    link.find("/files/").and_then(|at| link.get(at..)).ok_or_else(|| format!("no link of ours: {link}"))
}

fn put(client: &mut Client, link: &str, file: &Path) -> Result<(), String> {
    let path = path_of(link)?;
    let mut content = File::open(file).map_err(|why| why.to_string())?;
    let bytes = content.metadata().map_err(|why| why.to_string())?.len();
    client.send("PUT", path, "text/csv", &mut content, bytes, true).map(|_| ())
}

fn status(client: &mut Client, job: &str) -> Result<String, String> {
    word(&client.get(&format!("{DOOR}/jobs/{job}"), true)?.body, "status")
}

/// The job once it is complete.
fn wait(client: &mut Client, job: &str) -> Result<String, String> {
    loop {
        let answer = client.get(&format!("{DOOR}/jobs/{job}"), true)?;
        match word(&answer.body, "status")?.as_str() {
            "pending" | "running" => std::thread::sleep(Duration::from_millis(100)),
            "completed" => return Ok(String::from_utf8_lossy(&answer.body).into_owned()),
            _ => return Err(String::from_utf8_lossy(&answer.body).into_owned()),
        }
    }
}

/// The text of a member of a JSON object that has it once.
pub(super) fn word(body: &[u8], member: &str) -> Result<String, String> {
    let text = String::from_utf8_lossy(body);
    let found = text.split_once(&format!("\"{member}\":\"")).and_then(|(_, rest)| rest.split_once('"'));
    found.map(|(word, _)| word.to_owned()).ok_or_else(|| format!("no {member}: {text}"))
}

/// A file of people, with attributes where rows are to be long.
fn people(path: &Path, from: u64, rows: u64, row_bytes: usize) -> Result<(), String> {
    let told = |why: std::io::Error| format!("{}: {why}", path.display());
    let mut out = BufWriter::new(File::create(path).map_err(told)?);
    let words = "she said that she would call again after the holidays, ".repeat(row_bytes / 50 + 1);
    let is_long = row_bytes > 0;
    writeln!(out, "first_name,last_name,email,phone{}", if is_long { ",attributes" } else { "" })
        .map_err(told)?;
    for number in from..from + rows {
        let row = person(number).join(",");
        if is_long {
            let room = row_bytes.saturating_sub(row.len() + 20);
            let note = words.get(..room).unwrap_or_default();
            writeln!(out, "{row},\"{{\"\"note\"\":\"\"{note}\"\"}}\"").map_err(told)?;
        } else {
            writeln!(out, "{row}").map_err(told)?;
        }
    }
    out.flush().map_err(told)
}
