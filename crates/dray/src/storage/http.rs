//! Files of an HTTP server: read with GET, sent with POST, each with the headers of the connection. Redirects are
//! not followed: the headers are for this server.

use std::path::Path;

use dray_model::{Error, Result};
use reqwest::Method;
use tokio::runtime::Handle;
use url::Url;

use super::TEST_TIME;
use super::copy::{Fetched, Patience, WHOLE};
use super::path::{InvalidPath, checked};
use super::post::Upload;
use super::settings::HttpSettings;
use crate::clock;
use crate::outbound::client::{Call, Limits, Outbound};
use crate::outbound::fetch::{FetchLimits, FetchWatch, Wanted, fetch_to_path};

/// Bytes of an answer that are looked at where none are needed.
const ANSWER_BYTES: u64 = 64 << 10;

/// An HTTP server.
pub(super) struct Http {
    settings: HttpSettings,
    outbound: Outbound,
    patience: Patience,
    runtime: Handle,
}

impl Http {
    pub(super) fn new(
        settings: HttpSettings,
        outbound: Outbound,
        patience: Patience,
        runtime: Handle,
    ) -> Self {
        Self { settings, outbound, patience, runtime }
    }

    fn url(&self, path: &str) -> std::result::Result<Url, InvalidPath> {
        let path = checked(path)?;
        let invalid = |what: &str| InvalidPath(format!("`{path}` cannot be the path of an address: {what}"));
        if path.contains('#') {
            return Err(invalid("it holds `#`"));
        }
        if path.chars().any(char::is_control) {
            return Err(invalid("it holds a control character"));
        }
        let mut behind = path.split('%');
        behind.next();
        for escape in behind {
            let digits = escape.as_bytes().get(..2);
            if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                return Err(invalid("`%` must stand before two hexadecimal digits"));
            }
        }
        let origin = self.settings.origin.as_str();
        let text = format!("{origin}{}", path.strip_prefix('/').unwrap_or(path));
        let mut url = Url::parse(&text).map_err(|_| invalid("it cannot be read"))?;
        if url.origin() != self.settings.origin.origin() {
            return Err(invalid("it leads to another server"));
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        Ok(url)
    }

    pub(super) fn absolute_path(&self, path: &str) -> std::result::Result<String, InvalidPath> {
        self.url(path).map(String::from)
    }

    /// Any answer is one: which paths there are is known to the pipelines only.
    pub(super) fn test(&self) -> Result<()> {
        let call = self.call(Method::HEAD, self.settings.origin.clone());
        let limits = Limits { answer: TEST_TIME, whole: TEST_TIME, ..call.limits.clone() };
        let call = Call { headers: self.settings.headers.clone(), limits, ..call };
        self.runtime.block_on(self.outbound.send(call)).map(|_| ()).map_err(Error::from)
    }

    fn call(&self, method: Method, url: Url) -> Call {
        let limits = Limits {
            answer: self.patience.silence,
            idle: self.patience.silence,
            whole: WHOLE,
            bytes: ANSWER_BYTES,
            redirects: 0,
        };
        Call { method, url, headers: self.settings.headers.clone(), body: None, limits }
    }

    pub(super) fn fetch(&self, path: &str, to: &Path, most: u64, watch: FetchWatch<'_>) -> Result<Fetched> {
        let url = self.url(path)?;
        let limits = FetchLimits {
            answer: self.patience.silence,
            idle: self.patience.silence,
            attempts: self.patience.attempts,
            pause: self.patience.pause,
            ..FetchLimits::of_bytes(most)
        };
        let wanted = Wanted { url: url.as_str(), headers: self.settings.headers.clone(), redirects: 0 };
        let fetched = fetch_to_path(&self.outbound, wanted, to, &limits, watch)?;
        Ok(Fetched { bytes: fetched.bytes, modified: fetched.modified.unwrap_or_else(clock::now) })
    }

    pub(super) fn create(&self, path: &str, content_type: &str) -> Result<Upload> {
        let call = self.call(Method::POST, self.url(path)?);
        Upload::begin(call, content_type, self.outbound.clone(), self.patience, self.runtime.clone())
    }
}
