//! What the tests share: a world of its own for each test, with a store, a directory and the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use dray_model::flow::Store;

/// The stores every test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Both stores.
pub(crate) const STORES: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

/// A directory and an organization of its own; both are gone when it is dropped.
pub(crate) struct World {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) store: String,
    pub(crate) organization: String,
    pub(crate) kind: Kind,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    /// A new world on a store.
    pub(crate) fn new(kind: Kind) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (store, organization) = match kind {
            Kind::Sqlite => {
                (format!("sqlite:{}", directory.path().join("store").display()), "default".to_owned())
            }
            Kind::Postgres => (postgres_url(), format!("t{}_{number}", std::process::id())),
        };
        Self { directory, store, organization, kind }
    }

    /// Writes a file into the world's directory.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    }

    /// A path in the world's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Reads a file of the world's directory.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file is there")
    }

    /// The program, in the world's directory and on its store.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dray"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env("DRAY_STORE", &self.store)
            .env("DRAY_ORG", &self.organization)
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn dray(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().expect("the program can be started");
        Ended {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs the program, which must answer JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ended = self.dray(arguments);
        serde_json::from_str(&ended.out).unwrap_or_else(|why| panic!("no JSON ({why}): {ended:?}"))
    }

    /// The records of an object as CSV, without the times, which differ between runs.
    pub(crate) fn records(&self, object: &str, fields: &str) -> String {
        let ended = self.dray(&["export", object, "--fields", fields, "--sort", "id"]);
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.out
    }

    /// A session on the store, beside the program.
    pub(crate) fn connect(&self) -> Box<dyn Store> {
        dray_stores::connect(&self.store, &self.organization).expect("the store can be reached")
    }

    /// The one number a query answers.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        match self.kind {
            Kind::Sqlite => {
                let path = self.path("store").join("default.db");
                let connection = rusqlite::Connection::open(path).expect("the database opens");
                connection.query_row(sql, [], |row| row.get(0)).expect("the query runs")
            }
            Kind::Postgres => client().query_one(sql, &[]).expect("the query runs").get(0),
        }
    }

    /// Runs SQL as another user of the database would.
    pub(crate) fn sql(&self, sql: &str) {
        match self.kind {
            Kind::Sqlite => {
                let path = self.path("store").join("default.db");
                let connection = rusqlite::Connection::open(path).expect("the database opens");
                connection.busy_timeout(std::time::Duration::from_secs(10)).expect("a timeout can be set");
                connection.execute_batch(sql).expect("the statement runs");
            }
            Kind::Postgres => {
                let mut client = client();
                client
                    .batch_execute(&format!("SET search_path TO {};{sql}", self.organization))
                    .expect("the statement runs");
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.kind == Kind::Postgres && !std::thread::panicking() {
            client()
                .batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.organization))
                .expect("the schema can be dropped");
        }
    }
}

/// Where the tests' PostgreSQL is. Without one they fail: a test that did not run proves nothing.
pub(crate) fn postgres_url() -> String {
    std::env::var("DRAY_TEST_POSTGRES_URL").expect(
        "set DRAY_TEST_POSTGRES_URL to a PostgreSQL the tests may use, or run ./test, which starts one",
    )
}

/// A connection to it.
pub(crate) fn client() -> postgres::Client {
    postgres::Client::connect(&postgres_url(), postgres::NoTls).expect("the tests' PostgreSQL answers")
}

/// The fates of a JSON ledger that are not zero: `created 2, duplicate 1`.
pub(crate) fn fates(ledger: &serde_json::Value) -> String {
    assert_eq!(ledger["balanced"], true, "{ledger}");
    let words =
        ["created", "updated", "unchanged", "duplicate", "filtered", "rejected", "conflicted", "not_reached"];
    let told: Vec<String> = words
        .iter()
        .filter(|word| ledger[**word].as_u64().unwrap_or_default() > 0)
        .map(|word| format!("{word} {}", ledger[*word]))
        .collect();
    told.join(", ")
}

/// The repository's example.
pub(crate) fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contacts.csv")
}
