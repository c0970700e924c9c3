//! Several processes on one PostgreSQL: a worker that dies or sleeps, jobs that are done once.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::data_io::ended;
use crate::server::{ADMIN, Server};
use crate::support::Kind;

const DOOR: &str = "/api/v1/orgs/default/data-io";
const ROWS: usize = 1_000_000;

/// A process that does jobs; it is killed when dropped.
pub(crate) struct Worker(Child);

impl Worker {
    pub(crate) fn start(server: &Server) -> Self {
        Self::start_with(server, &[])
    }

    /// With more in its environment.
    pub(crate) fn start_with(server: &Server, environment: &[(&str, &str)]) -> Self {
        let log =
            std::fs::File::options().create(true).append(true).open(server.directory.path().join("workers"));
        let child = server
            .command(&["worker", "--workers", "1"])
            .env("DRAY_FILES", server.directory.path().join("files"))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("a worker starts");
        Self(child)
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.0.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks for an import of many rows, of which every thousandth is wrong; returns the job.
fn begin(server: &Server) -> String {
    let mut text = String::from("email,first_name,notes\n");
    for row in 0..ROWS {
        let email = if row % 1000 == 13 { "bad".to_owned() } else { format!("{row}@x.example") };
        text.push_str(&format!("{email},name {row},\"some words about row {row}\"\n"));
    }
    let key = [("x-api-key", ADMIN)];
    let place = server.send("POST", &format!("{DOOR}/uploads"), &key, b"{\"fileName\":\"many.csv\"}").json();
    let link = place["uploadUrl"]
        .as_str()
        .expect("it is there")
        .strip_prefix(&server.url)
        .expect("it is there")
        .to_owned();
    assert_eq!(server.send("PUT", &link, &[], text.as_bytes()).status, 200);
    let body = json!({ "resource": "contacts", "uploadId": place["uploadId"] });
    let accepted = server.post(&format!("{DOOR}/import"), &body);
    assert_eq!(accepted.status, 202, "{}", accepted.text());
    accepted.json()["jobId"].as_str().expect("it is there").to_owned()
}

/// Waits until the job is under way.
fn under_way(server: &Server, job: &str) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let job = server.get(&format!("{DOOR}/jobs/{job}")).json();
        if job["progress"].as_u64().unwrap_or(0) > 3 {
            assert_eq!(job["status"], "running", "it was too quick: {job}");
            return;
        }
        assert!(Instant::now() < until, "the job does not begin: {job}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn count(server: &Server) -> usize {
    let listed = server.get("/api/v1/objects/contacts/export?format=csv&fields=email");
    assert_eq!(listed.status, 200);
    listed.text().lines().count() - 1
}

fn check(server: &Server, done: &Value) {
    assert_eq!(done["status"], "completed", "{done}");
    let rejected = ROWS / 1000;
    let ledger = &done["result"]["ledger"];
    assert_eq!(
        (&ledger["created"], &ledger["rejected"]),
        (&json!(ROWS - rejected), &json!(rejected)),
        "{done}"
    );
    assert_eq!((&ledger["read"], &ledger["balanced"]), (&json!(ROWS), &json!(true)));
    assert_eq!(count(server), ROWS - rejected);
    let link =
        done["failedRowsUrl"].as_str().expect("it is there").strip_prefix(&server.url).expect("it is there");
    let failed = server.send("GET", link, &[], b"").text();
    assert_eq!(failed.lines().count(), rejected + 1, "{failed}");
}

#[test]
fn the_job_of_a_killed_worker_goes_on_in_another() {
    let server = Server::start_with(Kind::Postgres, &[("DRAY_WORKERS", "0")]);
    let first = Worker::start(&server);
    let job = begin(&server);
    under_way(&server, &job);
    let second = Worker::start(&server);
    first.signal("KILL");
    let killed = Instant::now();
    let done = ended(&server, &job);
    assert!(killed.elapsed() < Duration::from_secs(60), "it took {:?}", killed.elapsed());
    check(&server, &done);
    drop(second);
}

#[test]
fn a_worker_that_wakes_up_after_its_lease_writes_nothing() {
    let server = Server::start_with(Kind::Postgres, &[("DRAY_WORKERS", "0")]);
    let sleeper = Worker::start(&server);
    let job = begin(&server);
    under_way(&server, &job);
    sleeper.signal("STOP");
    let other = Worker::start(&server);
    let done = ended(&server, &job);
    sleeper.signal("CONT");
    check(&server, &done);
    // The one that woke up sees that the job has gone on, and takes the next.
    drop(other);
    let export = server.post(&format!("{DOOR}/export"), &json!({ "resource": "profiles" })).json();
    let export = ended(&server, export["jobId"].as_str().expect("it is there"));
    assert_eq!(export["status"], "completed", "{export}");
    let again = server.get(&format!("{DOOR}/jobs/{job}")).json();
    check(&server, &again);
}

#[test]
fn three_processes_do_thirty_jobs_once_each() {
    let server = Server::start_with(Kind::Postgres, &[("DRAY_WORKERS", "0")]);
    let key = [("x-api-key", ADMIN)];
    let jobs: Vec<String> = (0..30)
        .map(|number| {
            let place = server.send("POST", &format!("{DOOR}/uploads"), &key, b"").json();
            let link = place["uploadUrl"]
                .as_str()
                .expect("it is there")
                .strip_prefix(&server.url)
                .expect("it is there")
                .to_owned();
            let rows: String = (0..200).map(|row| format!("{number}-{row}@x.example,{row}\n")).collect();
            assert_eq!(
                server.send("PUT", &link, &[], format!("email,first_name\n{rows}").as_bytes()).status,
                200
            );
            let body = json!({ "resource": "profiles", "uploadId": place["uploadId"] });
            server.post(&format!("{DOOR}/import"), &body).json()["jobId"]
                .as_str()
                .expect("it is there")
                .to_owned()
        })
        .collect();
    let _workers = [Worker::start(&server), Worker::start(&server), Worker::start(&server)];
    for job in &jobs {
        let done = ended(&server, job);
        assert_eq!(done["result"]["ledger"]["created"], 200, "{done}");
        let native = server.get(&format!("/api/v1/jobs/{}", job.trim_start_matches("job_"))).json();
        assert_eq!(native["attempts"], 1, "{native}");
    }
    let listed = server.get("/api/v1/objects/profiles/export?format=csv&fields=email").text();
    assert_eq!(listed.lines().count() - 1, 30 * 200);
}
