//! What tests of pipelines share: a server with a folder of files, pipelines over it, and their runs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{ADMIN, Reply, Server};
use crate::support::Kind;

/// A server, and the folder that its connection 1 reads and its connection 2 writes.
pub(crate) struct Pipelines {
    pub(crate) server: Server,
    root: tempfile::TempDir,
}

impl Pipelines {
    pub(crate) fn start(kind: Kind) -> Self {
        Self::start_with(kind, &[])
    }

    pub(crate) fn start_with(kind: Kind, environment: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let place = root.path().to_string_lossy().into_owned();
        let mut all = vec![("DRAY_FILES_ROOT", place.as_str())];
        all.extend_from_slice(environment);
        let server = Server::start_with(kind, &all);
        for role in ["Source", "Destination"] {
            let body = json!({ "name": role, "role": role, "connector": "filesystem", "settings": {} });
            let made = server.post("/v1/connections", &body);
            assert_eq!(made.status, 200, "{}", made.text());
        }
        let pipelines = Self { server, root };
        std::fs::create_dir_all(pipelines.folder()).expect("a folder");
        pipelines
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join("default")
    }

    /// Keeps a file where the connections find it.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder().join(name), bytes).expect("the file is written");
    }

    pub(crate) fn written(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder().join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
    }

    pub(crate) fn put_json(&self, path: &str, body: &Value) -> Reply {
        self.server.json("PUT", path, body)
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.server.send("DELETE", path, &[("authorization", &format!("Bearer {ADMIN}"))], b"")
    }

    /// Makes a pipeline; returns its number.
    pub(crate) fn make(&self, body: &Value) -> i64 {
        let made = self.server.post("/v1/pipelines", body);
        assert_eq!(made.status, 200, "{}", made.text());
        made.json()["id"].as_i64().expect("a number")
    }

    /// Runs a pipeline to its end; returns the run.
    pub(crate) fn run(&self, id: i64) -> Value {
        self.run_with(id, &json!({}))
    }

    pub(crate) fn run_with(&self, id: i64, body: &Value) -> Value {
        let begun = self.server.post(&format!("/v1/pipelines/{id}/runs"), body);
        assert_eq!(begun.status, 200, "{}", begun.text());
        self.ended(begun.json()["id"].as_i64().expect("a number"))
    }

    /// Waits for a run.
    pub(crate) fn ended(&self, run: i64) -> Value {
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            let shown = self.server.get(&format!("/v1/pipelines/runs/{run}")).json();
            if !shown["endTime"].is_null() {
                return shown;
            }
            assert!(Instant::now() < until, "the run never ends: {shown}");
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// A run that ended well.
    pub(crate) fn ran(&self, id: i64) -> Value {
        let run = self.run(id);
        assert_eq!(run["error"], "", "{run}");
        run
    }

    /// The ids of the users of connection 1, sorted.
    pub(crate) fn users(&self) -> Vec<String> {
        let listed = self.server.get("/v1/connections/1/identities?limit=1000").json();
        let mut users: Vec<String> = listed["identities"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|identity| identity["userId"].as_str().unwrap_or_default().to_owned())
            .collect();
        users.sort();
        users
    }

    /// Waits until no resolution waits or goes on.
    pub(crate) fn resolved(&self) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let jobs = self.server.get("/api/v1/jobs?kind=identity_resolution").json();
            let waits = |job: &Value| matches!(job["status"].as_str(), Some("pending" | "running"));
            if !jobs["jobs"].as_array().into_iter().flatten().any(waits) {
                return;
            }
            assert!(Instant::now() < until, "it never ends: {jobs}");
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// The attributes of all profiles, once they are resolved.
    pub(crate) fn profiles(&self) -> Vec<Value> {
        self.resolved();
        let listed = self.server.get("/v1/profiles?limit=1000").json();
        let mut profiles: Vec<Value> = listed["profiles"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|profile| profile["attributes"].clone())
            .collect();
        profiles.sort_by_key(Value::to_string);
        profiles
    }
}

/// A property of a schema.
pub(crate) fn property(name: &str, kind: Value) -> Value {
    json!({ "name": name, "type": kind })
}

pub(crate) fn string() -> Value {
    json!({ "kind": "string" })
}

pub(crate) fn optional(name: &str, kind: Value) -> Value {
    json!({ "name": name, "type": kind, "readOptional": true })
}

pub(crate) fn schema(properties: &[Value]) -> Value {
    json!({ "kind": "object", "properties": properties })
}

/// The valid definition of which every other is a small change: `u.csv` with `id` and `mail`.
pub(crate) fn base() -> Value {
    json!({
        "name": "Users", "connection": 1, "target": "User", "enabled": true, "format": "csv", "path": "u.csv",
        "formatSettings": { "separator": ",", "hasColumnNames": true },
        "userIDColumn": "id", "transformation": { "mapping": { "email": "mail" } },
        "inSchema": schema(&[property("id", string()), property("mail", string())]),
        "outSchema": schema(&[optional("email", json!({ "kind": "string", "maxLength": 254 }))]),
    })
}

/// The same with a member changed; a null takes it away.
pub(crate) fn with(mut body: Value, member: &str, value: Value) -> Value {
    if value.is_null() {
        body.as_object_mut().expect("an object").remove(member);
    } else {
        body[member] = value;
    }
    body
}

/// The status of an answer and the code of its error.
pub(crate) fn code(reply: &Reply) -> (u16, String) {
    let code = reply.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
    (reply.status, code)
}
