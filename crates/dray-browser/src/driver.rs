//! Chromedriver as a process of its own, on a free port. It and its browsers end when it is dropped, and also when
//! whoever started it ends in another way.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;

/// Runs a program until the pipe that it is told of by is closed, which happens however its owner ends.
const UNTIL_CLOSED: &str = r#""$0" --port=0 --log-level=SEVERE & driver=$!
cat >/dev/null
kill "$driver""#;
/// How long one command may take; loading a page is the longest of them.
const COMMAND_TIME: Duration = Duration::from_secs(120);

/// A running chromedriver.
#[derive(Debug)]
pub struct Driver {
    process: Child,
    /// Kept open, as the driver may say more.
    _said: BufReader<ChildStdout>,
    address: String,
    chromium: String,
    agent: ureq::Agent,
}

/// How a browser is set up.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// Runs no scripts of pages.
    pub without_scripts: bool,
    /// Where downloaded files are kept.
    pub downloads: Option<PathBuf>,
}

impl Driver {
    /// Starts one.
    pub fn start() -> Result<Arc<Self>> {
        let program = program("DRAY_TEST_CHROMEDRIVER", "chromedriver")?;
        let chromium = program_of_chromium()?;
        let begun = Command::new("sh")
            .args(["-c", UNTIL_CLOSED, &program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = begun.map_err(|why| format!("`{program}` cannot be started: {why}"))?;
        let said = process.stdout.take().ok_or("the output of chromedriver cannot be read")?;
        let mut said = BufReader::new(said);
        let port = port_of(&mut said)
            .ok_or(format!("`{program}` ended before it listened: run it by hand to see why"))?;
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(COMMAND_TIME))
            .build()
            .new_agent();
        let address = format!("http://127.0.0.1:{port}");
        Ok(Arc::new(Self { process, _said: said, address, chromium, agent }))
    }

    /// Begins a session in a browser that holds nothing of others; its number.
    pub(crate) fn begin(&self, setting: &Setting) -> Result<String> {
        let begun = self.command("POST", "/session", &self.wanted(setting))?;
        let session = begun["sessionId"].as_str().map(str::to_owned);
        session.ok_or(format!("no browser was opened: {begun}"))
    }

    fn wanted(&self, setting: &Setting) -> Value {
        let mut arguments = vec![
            "--headless=new",
            "--window-size=1280,800",
            "--hide-scrollbars",
            "--lang=en-US",
            "--force-color-profile=srgb",
            "--disable-dev-shm-usage",
            // The browser ends with the driver.
            "--remote-debugging-pipe",
        ];
        if is_root() {
            arguments.push("--no-sandbox");
        }
        let mut preferences = json!({
            "intl.accept_languages": "en",
            "download.prompt_for_download": false,
        });
        if let Some(folder) = &setting.downloads {
            preferences["download.default_directory"] = json!(folder);
        }
        if setting.without_scripts {
            preferences["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": self.chromium, "args": arguments, "prefs": preferences },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } })
    }

    /// One command of the protocol, and its value.
    pub(crate) fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header("content-type", "application/json")
            .body(body)
            .map_err(|why| format!("{method} {path}: {why}"))?;
        let mut response = self
            .agent
            .run(request)
            .map_err(|why| format!("chromedriver does not answer {method} {path}: {why}"))?;
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string();
        let text = text.map_err(|why| format!("the answer to {method} {path} breaks off: {why}"))?;
        let mut answer: Value = serde_json::from_str(&text)
            .map_err(|why| format!("{method} {path} answers no JSON ({why}): {text}"))?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => {
                let message =
                    value["message"].as_str().unwrap_or_default().lines().next().unwrap_or_default();
                let asked = path.rsplit('/').next().unwrap_or_default();
                Err(format!("{asked}: {error}: {message}"))
            }
            None => Ok(value),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The port the driver says it listens at.
fn port_of(said: &mut impl BufRead) -> Option<u16> {
    let mut line = String::new();
    while said.read_line(&mut line).ok()? > 0 {
        if let Some((_, port)) = line.trim_end().split_once("started successfully on port ") {
            return port.trim_end_matches('.').parse().ok();
        }
        line.clear();
    }
    None
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Where the browser is.
fn program_of_chromium() -> Result<String> {
    program("DRAY_TEST_CHROMIUM", "chromium")
        .or_else(|why| program("DRAY_TEST_CHROMIUM", "google-chrome").map_err(|_| why))
}

/// A program: the one the environment names, or one of the search path.
fn program(variable: &str, name: &str) -> Result<String> {
    if let Ok(program) = std::env::var(variable) {
        return Ok(program);
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|program| program.is_file());
    found.map(|program| program.display().to_string()).ok_or(format!(
        "there is no `{name}`: install Debian's chromium and chromium-driver (`./test` does it), or say in {variable} where it is"
    ))
}
