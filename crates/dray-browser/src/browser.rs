//! A browser and what somebody does in it. A selector is CSS, or XPath where it begins with `//`; whatever is
//! looked for is waited for.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::driver::{Driver, Setting};
use crate::{Result, keyboard};

/// How long something is waited for, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often it is looked for.
const GLANCE: Duration = Duration::from_millis(40);
/// The member by which the protocol names elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Letters of a page that are told where something was not found.
const TOLD_LETTERS: usize = 1_500;

/// An open browser; it is closed when it is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Arc<Driver>,
    session: String,
}

/// An element of a page.
#[derive(Debug, Clone)]
pub struct Element(String);

/// What a browser writes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Its console, with what the Content-Security-Policy forbade.
    Console,
    /// What it asked of the network.
    Network,
}

impl Browser {
    /// Opens one.
    pub fn open(driver: &Arc<Driver>, setting: &Setting) -> Result<Self> {
        let session = driver.begin(setting)?;
        Ok(Self { driver: Arc::clone(driver), session: format!("/session/{session}") })
    }

    fn get(&self, path: &str) -> Result<Value> {
        self.driver.command("GET", &format!("{}{path}", self.session), &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.driver.command("POST", &format!("{}{path}", self.session), body)
    }

    /// Goes to an address.
    pub fn go(&self, address: &str) -> Result<()> {
        self.post("/url", &json!({ "url": address })).map(drop).map_err(|why| format!("{address}: {why}"))
    }

    /// Loads the page again.
    pub fn reload(&self) -> Result<()> {
        self.post("/refresh", &json!({})).map(drop)
    }

    /// The address of the page.
    pub fn address(&self) -> Result<String> {
        Ok(self.get("/url")?.as_str().unwrap_or_default().to_owned())
    }

    /// What a page shows as text.
    pub fn text(&self) -> Result<String> {
        Ok(self.run("return document.body.innerText", &[])?.as_str().unwrap_or_default().to_owned())
    }

    /// Runs a script in the page, and waits where it promises something; `arguments` are `arguments[0]` and so on.
    pub fn run(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Waits for something. Failures meanwhile are those of a page that is not there yet.
    pub fn until<T>(&self, what: &str, mut found: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        let end = Instant::now() + PATIENCE;
        loop {
            let failure = match found() {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => String::new(),
                Err(why) => format!(" ({why})"),
            };
            if Instant::now() > end {
                let text: String = self.text().unwrap_or_default().chars().take(TOLD_LETTERS).collect();
                return Err(format!(
                    "waited in vain for {what}{failure} at {}:\n{text}",
                    self.address().unwrap_or_default()
                ));
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// Waits until a script gives something true.
    pub fn until_true(&self, what: &str, script: &str) -> Result<()> {
        self.until(what, || Ok(self.run(script, &[])?.as_bool().filter(|is_so| *is_so).map(drop)))
    }

    /// Waits until the page says this.
    pub fn see(&self, words: &str) -> Result<()> {
        self.until(&format!("“{words}”"), || Ok(self.text()?.contains(words).then_some(())))
    }

    /// Waits until the address has this in it.
    pub fn arrive(&self, part: &str) -> Result<String> {
        self.until(&format!("an address with {part}"), || {
            Ok(Some(self.address()?).filter(|at| at.contains(part)))
        })
    }

    /// All elements there are now.
    pub fn all(&self, selector: &str) -> Result<Vec<Element>> {
        let using = if selector.starts_with("//") { "xpath" } else { "css selector" };
        let found = self.post("/elements", &json!({ "using": using, "value": selector }))?;
        let name = |element: &Value| element[ELEMENT].as_str().map(|name| Element(name.to_owned()));
        Ok(found.as_array().into_iter().flatten().filter_map(name).collect())
    }

    /// Waits for an element.
    pub fn find(&self, selector: &str) -> Result<Element> {
        self.until(selector, || Ok(self.all(selector)?.into_iter().next()))
    }

    /// Does something with an element as soon as that can be done.
    fn with(&self, selector: &str, path: &str, body: &Value) -> Result<Value> {
        self.until(selector, || {
            let Some(Element(element)) = self.all(selector)?.into_iter().next() else { return Ok(None) };
            self.post(&format!("/element/{element}/{path}"), body).map(Some)
        })
    }

    /// Clicks.
    pub fn click(&self, selector: &str) -> Result<()> {
        self.with(selector, "click", &json!({})).map(drop)
    }

    /// Clicks what leads to another page, and waits for that.
    pub fn follow(&self, selector: &str) -> Result<()> {
        self.run("window.isLeft = false", &[])?;
        self.click(selector)?;
        self.until_true(
            "another page",
            "return window.isLeft === undefined && document.readyState === 'complete'",
        )
    }

    /// Writes into a field, in place of what is in it.
    pub fn fill(&self, selector: &str, text: &str) -> Result<()> {
        self.with(selector, "clear", &json!({}))?;
        self.with(selector, "value", &json!({ "text": text })).map(drop)
    }

    /// Gives a file to its field.
    pub fn give(&self, selector: &str, file: &Path) -> Result<()> {
        let file = file.canonicalize().map_err(|why| format!("{}: {why}", file.display()))?;
        self.with(selector, "value", &json!({ "text": file })).map(drop)
    }

    /// Chooses by the value.
    pub fn choose(&self, selector: &str, value: &str) -> Result<()> {
        self.click(&format!("{selector} option[value=\"{value}\"]"))
    }

    /// The property of an element, as text.
    pub fn property(&self, selector: &str, name: &str) -> Result<String> {
        let value = self.until(selector, || {
            let Some(Element(element)) = self.all(selector)?.into_iter().next() else { return Ok(None) };
            self.get(&format!("/element/{element}/property/{name}")).map(Some)
        })?;
        Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    /// Presses keys together: `Shift+Tab`, `Alt+n`, `Enter`.
    pub fn press(&self, keys: &str) -> Result<()> {
        self.post("/actions", &keyboard::chord(keys)).map(drop)
    }

    /// Types where the keyboard is.
    pub fn write(&self, text: &str) -> Result<()> {
        self.post("/actions", &keyboard::typed(text)).map(drop)
    }

    /// Looks at pages in another size and light.
    pub fn look(&self, width: u32, height: u32, is_dark: bool) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask_chromium("Emulation.setDeviceMetricsOverride", &size)?;
        let scheme = if is_dark { "dark" } else { "light" };
        let light = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask_chromium("Emulation.setEmulatedMedia", &light).map(drop)
    }

    /// A command of Chromium's own protocol.
    pub fn ask_chromium(&self, command: &str, parameters: &Value) -> Result<Value> {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// What is seen now, as PNG. A browser that has just begun to draw a page may fail at first.
    pub fn picture(&self) -> Result<Vec<u8>> {
        let picture = self.until("a picture", || {
            self.ask_chromium("Page.captureScreenshot", &json!({ "format": "png" })).map(Some)
        })?;
        let picture = picture["data"].as_str().unwrap_or_default();
        STANDARD.decode(picture).map_err(|why| format!("the picture cannot be read: {why}"))
    }

    /// What was written down since the last time somebody asked.
    pub fn log(&self, log: Log) -> Result<Vec<Value>> {
        let kind = match log {
            Log::Console => "browser",
            Log::Network => "performance",
        };
        let entries = self.post("/se/log", &json!({ "type": kind }))?;
        let message = |entry: &Value| match log {
            Log::Console => Some(entry.clone()),
            Log::Network => serde_json::from_str::<Value>(entry["message"].as_str()?)
                .ok()
                .map(|mut entry| entry["message"].take()),
        };
        Ok(entries.as_array().into_iter().flatten().filter_map(message).collect())
    }

    /// Goes into a frame of the page; what follows is done there.
    pub fn enter_frame(&self, selector: &str) -> Result<()> {
        let Element(element) = self.find(selector)?;
        self.post("/frame", &json!({ "id": { ELEMENT: element } })).map(drop)
    }

    /// Goes back to the page around all frames.
    pub fn leave_frames(&self) -> Result<()> {
        self.post("/frame", &json!({ "id": null })).map(drop)
    }

    /// Forgets who is signed in.
    pub fn forget_cookies(&self) -> Result<()> {
        self.driver.command("DELETE", &format!("{}/cookie", self.session), &Value::Null).map(drop)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.command("DELETE", &self.session, &Value::Null);
    }
}
