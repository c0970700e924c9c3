//! What the tests in a real browser share: a server, and somebody before it with a browser of their own. Few
//! browsers are open at once, and one chromedriver opens them all.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use dray_browser::{Browser, Driver, Setting, Tour};
use serde_json::Value;

use crate::server::Server;
use crate::support::Kind;

/// Browsers at once: each wants some hundred megabytes and most of a processor.
const MOST_BROWSERS: usize = 2;

static OPEN: Mutex<usize> = Mutex::new(0);
static CLOSED: Condvar = Condvar::new();
static DRIVER: Mutex<Weak<Driver>> = Mutex::new(Weak::new());

/// What a test comes to: nothing, or what could not be done and where.
pub(crate) type Done = Result<(), String>;

/// Somebody with a browser before a server; what a browser does they do.
pub(crate) struct Visitor {
    browser: Browser,
    pub(crate) server: Server,
    downloads: tempfile::TempDir,
    // The last: others may begin once the browser is closed.
    _turn: Turn,
}

impl Deref for Visitor {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Visitor {
    /// Before a fresh server, not signed in.
    pub(crate) fn new(kind: Kind) -> Result<Self, String> {
        Self::before(Server::start(kind), Setting::default())
    }

    /// Before a fresh server, and signed in.
    pub(crate) fn signed_in(kind: Kind) -> Result<Self, String> {
        let visitor = Self::new(kind)?;
        visitor.sign_in(&visitor.link())?;
        Ok(visitor)
    }

    /// Before some server, with a browser that is set up in this way.
    pub(crate) fn before(server: Server, setting: Setting) -> Result<Self, String> {
        let turn = Turn::take();
        let downloads = tempfile::tempdir().map_err(|why| format!("no folder for downloads: {why}"))?;
        let setting = Setting { downloads: Some(downloads.path().to_owned()), ..setting };
        let browser = Browser::open(&driver()?, &setting)?;
        Ok(Self { browser, server, downloads, _turn: turn })
    }

    /// The link that the first start prints.
    pub(crate) fn link(&self) -> String {
        let line =
            self.server.greeting.iter().find_map(|line| line.strip_prefix("Sign in (once, within a day): "));
        line.expect("the first start prints a link").to_owned()
    }

    /// Goes to a path of the server.
    pub(crate) fn visit(&self, path: &str) -> Done {
        self.go(&format!("{}{path}", self.server.url))
    }

    /// A file that can be chosen.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.server.directory.path().join(name);
        std::fs::write(&path, content).expect("a file can be written");
        path
    }

    /// Chooses a file of this content for contacts, and comes to its columns.
    pub(crate) fn send(&self, name: &str, content: impl AsRef<[u8]>) -> Done {
        self.send_file(&self.server.url, "contacts", &self.file(name, content))
    }

    /// Clicks on something that is downloaded; what it holds.
    pub(crate) fn download(&self, selector: &str) -> Result<PathBuf, String> {
        let before = self.downloaded();
        self.click(selector)?;
        self.until("a downloaded file", || {
            Ok(self.downloaded().into_iter().find(|file| !before.contains(file)))
        })
    }

    fn downloaded(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.downloads.path()).expect("the folder can be read").flatten();
        let is_whole = |file: &PathBuf| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            !name.starts_with('.') && !name.ends_with(".crdownload")
        };
        files.map(|file| file.path()).filter(is_whole).collect()
    }

    /// Something on every page of the server, for somebody who has just signed in.
    pub(crate) fn tour(&self) -> Result<Tour, String> {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        Tour::prepare(self, &examples)
    }

    /// The contacts there are, by some of their fields.
    pub(crate) fn contacts(&self, fields: &str) -> Vec<Vec<String>> {
        let address = format!("/api/v1/objects/contacts/records?fields={fields}&sort=id");
        let answer = self.server.get(&address).json();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let row = |record: &Value| fields.split(',').map(|field| text(&record[field])).collect();
        answer["records"].as_array().expect("records").iter().map(row).collect()
    }

    /// A text that a script gives.
    pub(crate) fn told(&self, script: &str) -> Result<String, String> {
        let value = self.run(script, &[])?;
        Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

/// The driver of all tests: it ends when the last browser is closed.
fn driver() -> Result<Arc<Driver>, String> {
    let mut known = DRIVER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(driver) = known.upgrade() {
        return Ok(driver);
    }
    let driver = Driver::start()?;
    *known = Arc::downgrade(&driver);
    Ok(driver)
}

/// One of the few browsers at once.
struct Turn;

impl Turn {
    fn take() -> Self {
        let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open =
            CLOSED.wait_while(open, |open| *open >= MOST_BROWSERS).unwrap_or_else(PoisonError::into_inner);
        *open += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *OPEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        CLOSED.notify_one();
    }
}
