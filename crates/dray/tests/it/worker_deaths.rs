//! Workers that die at any moment: another goes on within half a minute, nobody sees half a file, and what is
//! there in the end is what an undisturbed worker would have left.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::data_io::ended;
use crate::processes::Worker;
use crate::server::{ADMIN, Server};
use crate::storage::Bucket;
use crate::support::Kind;

const DOOR: &str = "/api/v1/orgs/default/data-io";
/// Several chunks of an import; the last checkpoint before its end is at 99 per cent.
const ROWS: usize = 303_000;

/// Rows of which every so many is wrong; none where that is 0.
pub(crate) fn csv(rows: usize, wrong_every: usize) -> String {
    let mut text = String::from("email,first_name,notes\n");
    for row in 0..rows {
        let is_wrong = row.checked_rem(wrong_every) == Some(13);
        let email = if is_wrong { "bad".to_owned() } else { format!("{row}@x.example") };
        text.push_str(&format!(
            "{email},name {row},\"some more words, so that there is something to move: row {row}\"\n"
        ));
    }
    text
}

/// Sends a file to wherever its link says; returns the upload's id.
pub(crate) fn send(server: &Server, bucket: Option<&Bucket>, bytes: &[u8]) -> String {
    let key = [("x-api-key", ADMIN)];
    let place = server.send("POST", &format!("{DOOR}/uploads"), &key, b"{\"fileName\":\"many.csv\"}").json();
    let url = place["uploadUrl"].as_str().expect("a link").to_owned();
    match bucket {
        Some(bucket) => {
            let path = url.strip_prefix(&format!("http://{}", bucket.address)).expect("a link of the bucket");
            assert!(bucket.request("PUT", path, bytes).starts_with("HTTP/1.1 200"));
        }
        None => {
            let path = url.strip_prefix(&server.url).expect("a link of ours");
            let sent = server.send("PUT", path, &[], bytes);
            assert_eq!(sent.status, 200, "{}", sent.text());
        }
    }
    place["uploadId"].as_str().expect("an id").to_owned()
}

/// Asks for a job; returns its name.
pub(crate) fn begin(server: &Server, what: &str, body: &Value) -> String {
    let accepted = server.post(&format!("{DOOR}/{what}"), body);
    assert_eq!(accepted.status, 202, "{}", accepted.text());
    accepted.json()["jobId"].as_str().expect("a job").to_owned()
}

/// The job as the native API shows it.
pub(crate) fn native(server: &Server, job: &str) -> Value {
    server.get(&format!("/api/v1/jobs/{}", job.trim_start_matches("job_"))).json()
}

/// Rows in the table of contacts; 0 while there is none.
pub(crate) fn rows(database: &mut postgres::Client) -> i64 {
    let counted = database.query_one("SELECT count(*) FROM \"default\".contacts", &[]);
    counted.map_or(0, |row| row.get(0))
}

/// Rows of the import that have a fate, by its last checkpoint.
fn rows_read(database: &mut postgres::Client) -> i64 {
    let read = database.query_opt("SELECT rows_read FROM \"default\".dray_import", &[]);
    read.ok().flatten().map_or(0, |row| row.get(0))
}

/// Waits for something that comes soon and may pass quickly.
fn at_once(what: &str, mut is_there: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(120);
    while !is_there() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until another worker has the job; that takes less than half a minute.
fn taken_over(server: &Server, job: &str, killed: Instant) {
    loop {
        let now = native(server, job);
        if now["attempts"].as_i64() >= Some(2) {
            break;
        }
        assert!(killed.elapsed() < Duration::from_secs(30), "nobody goes on: {now}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn an_import_goes_on_wherever_its_worker_died() {
    let text = csv(ROWS, 1000);
    let rejected = ROWS / 1000;
    let good = ROWS - rejected;
    std::thread::scope(|scope| {
        for percent in [10, 50, 99] {
            let text = &text;
            scope.spawn(move || {
                let server = Server::start_with(Kind::Postgres, &[("DRAY_WORKERS", "0")]);
                let mut database = server.database();
                let upload = send(&server, None, text.as_bytes());
                let first = Worker::start(&server);
                let job = begin(&server, "import", &json!({ "resource": "contacts", "uploadId": upload }));
                at_once("the rows", || rows_read(&mut database) >= (ROWS * percent / 100) as i64 - 1_000);
                first.signal("KILL");
                let killed = Instant::now();
                let before = native(&server, &job);
                assert_eq!(before["status"], "running", "{percent} %: it was too quick: {before}");
                let _second = Worker::start(&server);
                taken_over(&server, &job, killed);
                let done = ended(&server, &job);
                assert!(killed.elapsed() < Duration::from_secs(45), "{percent} %: {:?}", killed.elapsed());
                assert_eq!(done["status"], "completed", "{percent} %: {done}");
                let ledger = &done["result"]["ledger"];
                let counted = (&ledger["read"], &ledger["created"], &ledger["rejected"], &ledger["balanced"]);
                assert_eq!(
                    counted,
                    (&json!(ROWS), &json!(good), &json!(rejected), &json!(true)),
                    "{percent} %: {done}"
                );
                assert_eq!(rows(&mut database), good as i64, "{percent} %");
                let sum = "SELECT count(DISTINCT email), min(length(notes)) FROM \"default\".contacts";
                let row = database.query_one(sum, &[]).expect("the query runs");
                assert_eq!((row.get::<_, i64>(0), row.get::<_, i32>(1) > 50), (good as i64, true));
                let link = done["failedRowsUrl"].as_str().expect("a link").to_owned();
                let failed =
                    server.send("GET", link.strip_prefix(&server.url).expect("ours"), &[], b"").text();
                assert_eq!(failed.lines().count(), rejected + 1, "{percent} %");
                assert!(failed.lines().skip(1).all(|line| line.starts_with("bad,")), "{percent} %");
            });
        }
    });
}

/// Files of a folder, with their sizes.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.len()))).collect()
}

fn is_draft(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp"))
}

/// The lines of a file, sorted.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn nobody_sees_half_an_export() {
    let mut server = Server::start_with(Kind::Postgres, &[("DRAY_WORKERS", "0")]);
    let upload = send(&server, None, csv(200_000, 0).as_bytes());
    let first = Worker::start(&server);
    let import = begin(&server, "import", &json!({ "resource": "profiles", "uploadId": upload }));
    assert_eq!(ended(&server, &import)["result"]["ledger"]["created"], 200_000);
    let folder = server.directory.path().join("files/default");
    let before: Vec<PathBuf> = files(&folder).into_iter().map(|(path, _)| path).collect();
    let job = begin(&server, "export", &json!({ "resource": "profiles" }));
    at_once("half a file", || files(&folder).iter().any(|(path, bytes)| is_draft(path) && *bytes > 1 << 20));
    first.signal("KILL");
    let killed = Instant::now();
    let dead = server.get(&format!("{DOOR}/jobs/{job}")).json();
    assert_eq!((&dead["status"], &dead["downloadUrl"]), (&json!("running"), &Value::Null), "{dead}");
    let early = server.get(&format!("{DOOR}/jobs/{job}/download"));
    assert_eq!(early.json()["error"]["code"], "JOB_NOT_COMPLETED");
    let drafts: Vec<PathBuf> =
        files(&folder).into_iter().map(|(path, _)| path).filter(|path| !before.contains(path)).collect();
    assert!(drafts.len() == 1 && is_draft(&drafts[0]), "only a draft: {drafts:?}");
    let _second = Worker::start(&server);
    taken_over(&server, &job, killed);
    let done = ended(&server, &job);
    assert!(killed.elapsed() < Duration::from_secs(45), "{:?}", killed.elapsed());
    let text = |done: &Value| {
        let link = done["downloadUrl"].as_str().unwrap_or_else(|| panic!("{done}"));
        server.send("GET", link.strip_prefix(&server.url).expect("ours"), &[], b"").text()
    };
    let file = text(&done);
    assert_eq!(file.len() as u64, done["result"]["bytes"].as_u64().expect("a size"));
    let undisturbed = ended(&server, &begin(&server, "export", &json!({ "resource": "profiles" })));
    assert!(sorted(&file) == sorted(&text(&undisturbed)), "every record once");
    assert_eq!(file.lines().count(), 200_001);
    // What the dead one left is swept away in time.
    let old = std::time::SystemTime::now() - Duration::from_secs(25 * 3600);
    let draft = std::fs::File::options().write(true).open(&drafts[0]).expect("it is still there");
    draft.set_modified(old).expect("its time can be set");
    server.restart("TERM");
    at_once("the sweeper", || !drafts[0].exists());
    assert_eq!(files(&folder).iter().filter(|(path, _)| is_draft(path)).count(), 0);
}

#[test]
fn nobody_sees_half_an_export_in_a_bucket() {
    let bucket = Bucket::start();
    let environment = bucket.environment();
    let mut environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, &**value)).collect();
    environment.push(("DRAY_WORKERS", "0"));
    let server = Server::start_with(Kind::Postgres, &environment);
    environment.pop();
    let rows = 300_000;
    let upload = send(&server, Some(&bucket), csv(rows, 0).as_bytes());
    let first = Worker::start_with(&server, &environment);
    let import = begin(&server, "import", &json!({ "resource": "profiles", "uploadId": upload }));
    assert_eq!(ended(&server, &import)["result"]["ledger"]["created"], rows);
    let before = bucket.listed().matches("<Key>").count();
    let job = begin(&server, "export", &json!({ "resource": "profiles" }));
    at_once("parts of a file", || bucket.request("GET", "/kept?uploads", b"").contains("<UploadId>"));
    first.signal("KILL");
    let killed = Instant::now();
    let dead = server.get(&format!("{DOOR}/jobs/{job}")).json();
    assert_eq!((&dead["status"], &dead["downloadUrl"]), (&json!("running"), &Value::Null), "{dead}");
    assert_eq!(bucket.listed().matches("<Key>").count(), before, "parts are no object");
    let _second = Worker::start_with(&server, &environment);
    taken_over(&server, &job, killed);
    let done = ended(&server, &job);
    assert!(killed.elapsed() < Duration::from_secs(60), "{:?}", killed.elapsed());
    let text = |done: &Value| {
        let link = done["downloadUrl"].as_str().unwrap_or_else(|| panic!("{done}"));
        let path = link.strip_prefix(&format!("http://{}", bucket.address)).expect("a link of the bucket");
        let answer = bucket.request("GET", path, b"");
        answer.split_once("\r\n\r\n").expect("a head and a body").1.to_owned()
    };
    let file = text(&done);
    assert_eq!(file.len() as u64, done["result"]["bytes"].as_u64().expect("a size"));
    assert_eq!(file.lines().count(), rows + 1);
    let undisturbed = ended(&server, &begin(&server, "export", &json!({ "resource": "profiles" })));
    assert!(sorted(&file) == sorted(&text(&undisturbed)), "every record once");
}
