//! What the tests of the server share: the program listening on a port of its own, over a store of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::http;

use crate::support::{Kind, client, postgres_url};

/// The admin key every server under test knows.
pub(crate) const ADMIN: &str = "test-admin-key";

/// A running server; it is killed when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) store: String,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) greeting: Vec<String>,
    child: Child,
    database: Option<String>,
    environment: Vec<(String, String)>,
    agent: ureq::Agent,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|why| panic!("no JSON ({why}): {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Server {
    /// A server over a fresh store.
    pub(crate) fn start(kind: Kind) -> Self {
        Self::start_with(kind, &[])
    }

    /// A server over a fresh store, with more in its environment.
    pub(crate) fn start_with(kind: Kind, environment: &[(&str, &str)]) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let (store, database) = match kind {
            Kind::Sqlite => (format!("sqlite:{}", directory.path().join("store").display()), None),
            Kind::Postgres => {
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let name = format!("dray_server_{}_{number}", std::process::id());
                client().batch_execute(&format!("CREATE DATABASE {name}")).expect("a database can be made");
                (postgres_url().replacen("/postgres?", &format!("/{name}?"), 1), Some(name))
            }
        };
        Self::over(store, database, directory, environment)
    }

    /// A server over a PostgreSQL of the test's own.
    pub(crate) fn start_on(store: &str, environment: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        Self::over(store.to_owned(), None, directory, environment)
    }

    fn over(
        store: String,
        database: Option<String>,
        directory: tempfile::TempDir,
        environment: &[(&str, &str)],
    ) -> Self {
        let (child, greeting) = spawn(&store, directory.path(), environment);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A request that is refused before its body is read ends its connection.
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_secs(120)))
            .build()
            .new_agent();
        let url = url_of(&greeting);
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { url, store, directory, greeting, child, database, environment, agent }
    }

    /// A connection to the server's own database.
    pub(crate) fn database(&self) -> postgres::Client {
        postgres::Client::connect(&self.store, postgres::NoTls).expect("PostgreSQL answers")
    }

    /// The program on the server's store, beside the server.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dray"));
        command.args(arguments).current_dir(self.directory.path()).env("DRAY_STORE", &self.store);
        command
    }

    /// Ends the process as the system would, and starts it again over the same store.
    pub(crate) fn restart(&mut self, signal: &str) {
        // It may have ended already.
        let _ = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        self.start_again();
    }

    /// Waits for the process to end, and starts it again over the same store.
    pub(crate) fn start_again(&mut self) {
        let _ = self.child.wait();
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (child, greeting) = spawn(&self.store, self.directory.path(), &environment);
        self.url = url_of(&greeting);
        self.child = child;
        self.greeting = greeting;
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
    }

    /// Waits for the process to end by itself.
    pub(crate) fn ended_within(&mut self, most: Duration) -> bool {
        let until = Instant::now() + most;
        while Instant::now() < until {
            if self.child.try_wait().expect("the process can be asked").is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Sends a request and reads the whole answer.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_vec()).expect("the request is well formed");
        let mut response = self.agent.run(request).unwrap_or_else(|why| panic!("{method} {path}: {why}"));
        let bytes =
            response.body_mut().with_config().limit(1 << 30).read_to_vec().expect("the answer can be read");
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), bytes }
    }

    /// A connection of its own, for what a client library would not send.
    pub(crate) fn connect(&self) -> TcpStream {
        let address = self.url.trim_start_matches("http://");
        let stream = TcpStream::connect(address).expect("the server takes connections");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit can be set");
        stream
    }

    /// Sends bytes as they are and reads until the server ends the connection.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).expect("it can be sent");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Where the server keeps this text: its files, and the documents, events and the audit log of PostgreSQL.
    pub(crate) fn keeps(&self, text: &str) -> Vec<String> {
        let mut places = Vec::new();
        let mut folders = vec![self.directory.path().to_owned()];
        let mut looked_at = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    looked_at += bytes.len();
                    if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                        places.push(path.display().to_string());
                    }
                }
            }
        }
        assert!(looked_at > 1_000, "the files are found");
        if self.store.starts_with("postgres") {
            let tables = "SELECT schemaname, tablename FROM pg_tables WHERE tablename IN ('dray_document', 'dray_audit', 'dray_event')";
            let mut database = self.database();
            let mut rows = 0;
            for table in database.query(tables, &[]).expect("it answers") {
                let table = format!("\"{}\".{}", table.get::<_, String>(0), table.get::<_, String>(1));
                let query = format!("SELECT row_to_json(whole)::text FROM {table} AS whole");
                for row in database.query(&query, &[]).expect("it answers") {
                    rows += 1;
                    if row.get::<_, String>(0).contains(text) {
                        places.push(table.clone());
                    }
                }
            }
            assert!(rows > 3, "the rows are found");
        }
        places
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// The most memory the process has held, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
    }

    /// As an administrator, without a body.
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[("authorization", &format!("Bearer {ADMIN}"))], b"")
    }

    /// As an administrator, with JSON.
    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.json_as(ADMIN, method, path, body)
    }

    /// With some key, with JSON.
    pub(crate) fn json_as(&self, key: &str, method: &str, path: &str, body: &Value) -> Reply {
        let headers = [("authorization", &*format!("Bearer {key}")), ("content-type", "application/json")];
        self.send(method, path, &headers, body.to_string().as_bytes())
    }

    /// As an administrator, with JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.json("POST", path, body)
    }

    /// As an administrator, a file as the part `file` of a form, with further parts before it.
    pub(crate) fn upload(&self, path: &str, name: &str, content: &[u8], parts: &[(&str, &str)]) -> Reply {
        const BORDER: &str = "----dray-test-border";
        let mut body = Vec::new();
        for (part, value) in parts {
            body.extend_from_slice(
                format!("--{BORDER}\r\nContent-Disposition: form-data; name=\"{part}\"\r\n\r\n{value}\r\n")
                    .as_bytes(),
            );
        }
        let head = format!(
            "--{BORDER}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(format!("\r\n--{BORDER}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BORDER}");
        let headers = [("authorization", &*format!("Bearer {ADMIN}")), ("content-type", &*kind)];
        self.send("POST", path, &headers, &body)
    }

    /// Makes a key of a role in the default organization.
    pub(crate) fn key(&self, role: &str) -> String {
        let made = self.post("/api/v1/keys", &serde_json::json!({ "name": role, "role": role }));
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["secret"].as_str().expect("the secret is shown").to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(name) = &self.database
            && !std::thread::panicking()
        {
            let _ = client().batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

#[allow(clippy::zombie_processes, reason = "the server waits for its process when it is dropped")]
fn spawn(store: &str, directory: &std::path::Path, environment: &[(&str, &str)]) -> (Child, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dray"));
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(directory)
        .env("DRAY_STORE", store)
        .env("DRAY_ADMIN_KEY", ADMIN)
        .env("DRAY_FILES", directory.join("files"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(
            std::fs::File::options().create(true).append(true).open(directory.join("log")).expect("a log"),
        );
    command.envs(environment.iter().copied());
    let mut child = command.spawn().expect("the server starts");
    let mut out = BufReader::new(child.stdout.take().expect("its output is read"));
    let mut greeting: Vec<String> = Vec::new();
    let mut line = String::new();
    while !line.starts_with("Admin key") {
        line.clear();
        let read = out.read_line(&mut line).expect("its output can be read");
        greeting.push(line.trim_end().to_owned());
        if read == 0 {
            break;
        }
    }
    if !line.starts_with("Admin key") {
        let _ = child.wait();
        let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
        panic!("the server ended at once: {greeting:?} {log}");
    }
    (child, greeting)
}

fn url_of(greeting: &[String]) -> String {
    let line = greeting.iter().find_map(|line| line.strip_prefix("Dray listens on "));
    line.unwrap_or_else(|| panic!("no address in {greeting:?}")).to_owned()
}
