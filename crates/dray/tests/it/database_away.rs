//! Databases that go away, come back, or refuse: a job goes on where it came to, or says why it could not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::data_io::ended;
use crate::server::Server;
use crate::site::until;
use crate::support::{Kind, STORES};
use crate::worker_deaths::{begin, csv, native, rows, send};

const DOOR: &str = "/api/v1/orgs/default/data-io";

#[test]
fn an_import_survives_sessions_that_are_ended() {
    // So many that the import is still at it when the last sessions are ended, on any machine.
    const ROWS: usize = 1_000_000;
    let server = Server::start(Kind::Postgres);
    let mut database = server.database();
    let upload = send(&server, None, csv(ROWS, 1000).as_bytes());
    let job = begin(&server, "import", &json!({ "resource": "contacts", "uploadId": upload }));
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut ended_sessions = 0;
    for round in 0..5_u64 {
        let before = rows(&mut database);
        until("the import to be at it", || {
            let now = native(&server, &job);
            let is_at_it = now["progress"]["retries"].as_u64() >= Some(round) && now["status"] == "running";
            (is_at_it || now["status"] == "completed").then_some(())
        });
        std::thread::sleep(Duration::from_millis(20 + 90 * round));
        ended_sessions += database.query(end, &[]).expect("sessions can be ended").len();
        assert!(rows(&mut database) >= before);
        // Whoever asks is answered, at the latest the second time.
        let asked = server.get(&format!("{DOOR}/jobs/{job}"));
        assert!(matches!(asked.status, 200 | 503), "{}", asked.text());
        assert!(
            asked.status == 200 || asked.text().contains("the database cannot be reached"),
            "{}",
            asked.text()
        );
        assert_eq!(server.get(&format!("{DOOR}/jobs/{job}")).status, 200);
    }
    assert!(ended_sessions >= 5, "{ended_sessions}");
    let done = ended(&server, &job);
    assert_eq!(done["status"], "completed", "{done}");
    let ledger = &done["result"]["ledger"];
    let counted = (&ledger["read"], &ledger["created"], &ledger["rejected"]);
    assert_eq!(counted, (&json!(ROWS), &json!(ROWS - ROWS / 1000), &json!(ROWS / 1000)), "{done}");
    assert_eq!(rows(&mut database), (ROWS - ROWS / 1000) as i64);
    let told = native(&server, &job);
    assert!(told["progress"]["retries"].as_u64() >= Some(1) || told["attempts"].as_i64() > Some(1), "{told}");
}

/// A PostgreSQL of the test's own, which may be stopped; it is gone when it is dropped.
struct Cluster {
    programs: PathBuf,
    place: tempfile::TempDir,
}

impl Cluster {
    fn start() -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let cluster = Self { programs: programs(), place };
        let (own, data) = (cluster.place.path().to_owned(), cluster.data());
        if is_root() {
            let given = Command::new("chown").arg("postgres").arg(&own).status().expect("chown runs");
            assert!(given.success());
        }
        let made = cluster
            .run("initdb", &["-D", &data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C"]);
        assert!(made, "a cluster is made");
        cluster.control(&["start", "-l", &own.join("log").to_string_lossy(), "-o", &cluster.options()]);
        cluster
    }

    fn options(&self) -> String {
        format!("-k {} -c listen_addresses=''", self.place.path().display())
    }

    fn data(&self) -> String {
        self.place.path().join("data").to_string_lossy().into_owned()
    }

    fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=postgres", self.place.path().display())
    }

    fn control(&self, arguments: &[&str]) {
        let data = self.data();
        let arguments = [&["-D", &data, "-w"], arguments].concat();
        assert!(self.run("pg_ctl", &arguments), "{arguments:?}");
    }

    /// PostgreSQL refuses to run as root.
    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let silent = command.args(arguments).current_dir(self.place.path()).stdin(Stdio::null());
        let ended = silent.stdout(Stdio::null()).stderr(Stdio::null()).status();
        ended.expect("the program runs").success()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]);
    }
}

fn is_root() -> bool {
    let asked = Command::new("id").arg("-u").output().expect("id runs");
    asked.stdout.starts_with(b"0\n")
}

/// Where PostgreSQL's server programs are, as `./test` finds them.
fn programs() -> PathBuf {
    let mut places: Vec<PathBuf> =
        std::env::var_os("PATH").map_or_else(Vec::new, |path| std::env::split_paths(&path).collect());
    for folder in ["/usr/lib/postgresql", "/usr", "/opt/homebrew/opt"] {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        places.extend(entries.map(|entry| entry.path().join("bin")));
    }
    let has_programs = |place: &Path| place.join("initdb").exists() && place.join("pg_ctl").exists();
    let found = places.into_iter().find(|place| has_programs(place));
    found.expect("PostgreSQL's server programs are installed: run ./test")
}

#[test]
fn an_import_of_a_million_rows_survives_a_database_that_restarts() {
    const ROWS: usize = 1_000_000;
    let cluster = Cluster::start();
    let server = Server::start_on(&cluster.url(), &[]);
    let upload = send(&server, None, csv(ROWS, 1000).as_bytes());
    let job = begin(&server, "import", &json!({ "resource": "contacts", "uploadId": upload }));
    let mut restarts = 0;
    for mode in ["fast", "immediate", "fast", "immediate", "fast"] {
        let before = restarts;
        let begun = Instant::now();
        // Between two restarts it comes a little further.
        let mut seen = None;
        until("the import to go on", || {
            let now = server.get(&format!("/api/v1/jobs/{}", job.trim_start_matches("job_")));
            if now.status != 200 {
                assert!(
                    now.status == 503 && now.text().contains("the database cannot be reached"),
                    "{}",
                    now.text()
                );
                return None;
            }
            let now = now.json();
            assert_ne!(now["status"], "failed", "{now}");
            let rows = now["progress"]["rows"].as_u64().unwrap_or(0);
            let first = *seen.get_or_insert(rows);
            (now["status"] == "completed" || (rows > first && begun.elapsed() > Duration::from_millis(700)))
                .then_some(())
        });
        assert_eq!(native(&server, &job)["status"], "running", "it was too quick: {before} restarts");
        cluster.control(&["stop", "-m", mode]);
        let away = server.get("/api/v1/objects");
        assert_eq!(away.status, 503, "{}", away.text());
        let said = away.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(said.contains("the database cannot be reached") && !said.contains("panicked"), "{said}");
        assert_eq!(server.send("GET", "/readyz", &[], b"").status, 503);
        let log = cluster.place.path().join("log");
        cluster.control(&["start", "-l", &log.to_string_lossy(), "-o", &cluster.options()]);
        until("the server to be ready", || {
            (server.send("GET", "/readyz", &[], b"").status == 200).then_some(())
        });
        restarts += 1;
    }
    assert_eq!(restarts, 5);
    let done = ended(&server, &job);
    assert_eq!(done["status"], "completed", "{done}");
    let ledger = &done["result"]["ledger"];
    let counted = (&ledger["read"], &ledger["created"], &ledger["rejected"]);
    assert_eq!(counted, (&json!(ROWS), &json!(ROWS - ROWS / 1000), &json!(ROWS / 1000)), "{done}");
    assert_eq!(rows(&mut server.database()), (ROWS - ROWS / 1000) as i64);
    let link = done["failedRowsUrl"].as_str().expect("a link").to_owned();
    let failed = server.send("GET", link.strip_prefix(&server.url).expect("ours"), &[], b"").text();
    assert_eq!(failed.lines().count(), ROWS / 1000 + 1);
    assert!(server.log().contains("was lost") || server.log().contains("cannot be reached"));
}

/// SQL as an administrator of the database would run it, in the place of the default organization.
fn sql(server: &Server, kind: Kind, sqlite: &str, postgres: &str) {
    match kind {
        Kind::Sqlite => {
            let path = server.directory.path().join("store/default.db");
            let connection = rusqlite::Connection::open(path).expect("the database opens");
            connection.busy_timeout(Duration::from_secs(20)).expect("a timeout can be set");
            connection.execute_batch(sqlite).expect("the statement runs");
        }
        Kind::Postgres => {
            let whole = format!("SET search_path TO \"default\"; {postgres}");
            server.database().batch_execute(&whole).expect("the statement runs");
        }
    }
}

/// Has the database refuse every contact of this first name.
fn refuse(server: &Server, kind: Kind, name: &str) {
    sql(
        server,
        kind,
        &format!(
            "CREATE TRIGGER refuses BEFORE INSERT ON contacts WHEN NEW.first_name = '{name}' \
             BEGIN SELECT RAISE(ABORT, 'the archive is closed'); END"
        ),
        &format!(
            "CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.first_name = '{name}' THEN RAISE EXCEPTION 'the archive is closed'; END IF; \
             RETURN NEW; END $$; \
             CREATE TRIGGER refuses BEFORE INSERT ON contacts FOR EACH ROW EXECUTE FUNCTION refuses()"
        ),
    );
}

fn allow(server: &Server, kind: Kind) {
    sql(server, kind, "DROP TRIGGER refuses", "DROP TRIGGER refuses ON contacts");
}

/// Rows of which one, late in the file, is refused.
fn with_one_refused() -> String {
    let mut text = String::from("email,first_name\n");
    for row in 0..120_000 {
        let name = if row == 119_000 { "closed".to_owned() } else { format!("name {row}") };
        text.push_str(&format!("{row}@x.example,{name}\n"));
    }
    text
}

fn emails(server: &Server) -> usize {
    let listed = server.get("/api/v1/objects/contacts/export?format=csv&fields=email");
    assert_eq!(listed.status, 200);
    listed.text().lines().skip(1).collect::<std::collections::HashSet<_>>().len()
}

#[test]
fn a_database_that_refuses_for_a_while_is_tried_again() {
    for kind in STORES {
        let server = Server::start(kind);
        server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "A" }));
        refuse(&server, kind, "closed");
        let upload = send(&server, None, with_one_refused().as_bytes());
        let job = begin(&server, "import", &json!({ "resource": "contacts", "uploadId": upload }));
        let told = until("another attempt", || {
            let now = native(&server, &job);
            assert_ne!(now["status"], "failed", "{kind:?}: {now}");
            (now["attempts"].as_i64() >= Some(2)).then_some(now)
        });
        assert!(
            told["error"].as_str().is_some_and(|why| why.contains("the archive is closed")),
            "{kind:?}: {told}"
        );
        assert_eq!(server.get(&format!("{DOOR}/jobs/{job}")).json()["error"], json!(null));
        allow(&server, kind);
        let done = ended(&server, &job);
        assert_eq!(done["status"], "completed", "{kind:?}: {done}");
        let ledger = &done["result"]["ledger"];
        assert_eq!(
            (&ledger["read"], &ledger["created"]),
            (&json!(120_000), &json!(120_000)),
            "{kind:?}: {done}"
        );
        assert_eq!(native(&server, &job)["error"], json!(null));
        assert_eq!(emails(&server), 120_001);
    }
}

#[test]
fn a_database_that_refuses_for_ever_fails_the_job_and_loses_no_row() {
    for kind in STORES {
        let server = Server::start_with(kind, &[("DRAY_JOB_ATTEMPTS", "3")]);
        server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "A" }));
        refuse(&server, kind, "closed");
        let wrong = with_one_refused().replacen("\n1@x.example", "\nbad,first\n1@x.example", 1);
        let upload = send(&server, None, format!("{wrong}bad,nobody\n").as_bytes());
        let job = begin(&server, "import", &json!({ "resource": "contacts", "uploadId": upload }));
        let failed = ended(&server, &job);
        assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("JOB_FAILED")));
        let why = failed["error"]["message"].as_str().expect("a reason");
        assert!(
            why.contains("the archive is closed") && why.contains("the last of 3 attempts"),
            "{kind:?}: {why}"
        );
        assert!(why.contains("the database refused"), "{kind:?}: {why}");
        assert!(!why.contains("/tmp") && !why.contains("dray_server"), "{kind:?}: not where it is: {why}");
        assert_eq!(native(&server, &job)["attempts"], 3);
        // The ledger says how far it came, and the rejected rows are there.
        let ledger = &failed["result"]["ledger"];
        let (read, created) =
            (ledger["read"].as_u64().expect("a count"), ledger["created"].as_u64().expect("a count"));
        assert!(read < 120_002 && ledger["balanced"] == true, "{kind:?}: {failed}");
        assert_eq!(emails(&server) as u64, created + 1, "{kind:?}: {failed}");
        if read > 0 {
            let link = failed["failedRowsUrl"].as_str().expect("a link").to_owned();
            let rejected = server.send("GET", link.strip_prefix(&server.url).expect("ours"), &[], b"").text();
            assert!(rejected.contains("bad,first") && !rejected.contains("nobody"), "{kind:?}: {rejected}");
        }
        // Once the database takes them, the other rows go in by a retry.
        allow(&server, kind);
        let again =
            server.post(&format!("/api/v1/jobs/{}/retry", job.trim_start_matches("job_")), &json!({}));
        assert_eq!(again.status, 202, "{}", again.text());
        let done = ended(&server, &format!("job_{}", again.json()["id"]));
        assert_eq!(done["status"], "completed", "{kind:?}: {done}");
        let ledger = &done["result"]["ledger"];
        let counted = (&ledger["read"], &ledger["created"], &ledger["rejected"]);
        assert_eq!(counted, (&json!(120_002), &json!(120_000), &json!(2)), "{kind:?}: {done}");
        assert_eq!(emails(&server), 120_001);
        let link = done["failedRowsUrl"].as_str().expect("a link").to_owned();
        let rejected = server.send("GET", link.strip_prefix(&server.url).expect("ours"), &[], b"").text();
        assert_eq!(rejected.lines().count(), 3, "{kind:?}: {rejected}");
    }
}
