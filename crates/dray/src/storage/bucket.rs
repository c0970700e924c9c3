//! A bucket of any S3-compatible store. The store's library speaks over our own client, so that an endpoint leads
//! nowhere inside; what it says is not repeated, as it may name keys.

use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dray_model::{Error, Result};
use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::buffered::BufWriter;
use object_store::client::{HttpClient, HttpConnector};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt,
    RetryConfig,
};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::copy::{Copy, Fetched, Patience};
use super::outcome::{End, as_io, changed, no_such_file, other_size, too_many_files};
use super::path::{InvalidPath, Pattern, checked};
use super::settings::S3Settings;
use super::{Listed, MOST_LISTED, TEST_TIME};
use crate::outbound::client::{Outbound, told_below};
use crate::outbound::fault::{FaultKind, shown};
use crate::outbound::fetch::FetchWatch;

/// Bytes of one part of an object, and parts on their way at once: 10,000 parts are the most an object can have.
const PART_BYTES: usize = 8 << 20;
const PARTS_AT_ONCE: usize = 2;
/// The longest key of an object.
const KEY_BYTES: usize = 1_024;
/// A whole part is sent before it is answered: it may take this many times as long.
const SENDING: u32 = 5;
/// How often the sending of a part is tried again.
const RETRIES: usize = 3;
/// Objects on a page of a list.
const PAGE: usize = 1_000;

/// A bucket.
pub(super) struct Bucket {
    name: String,
    /// What may be told of the address.
    shown: String,
    reading: Arc<AmazonS3>,
    writing: Arc<AmazonS3>,
    patience: Patience,
    runtime: Handle,
}

/// Gives the library our own client.
#[derive(Debug)]
struct Guarded(reqwest::Client);

impl HttpConnector for Guarded {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

impl Bucket {
    pub(super) fn new(
        settings: &S3Settings,
        outbound: &Outbound,
        patience: Patience,
        runtime: Handle,
    ) -> Result<Self> {
        let endpoint = match &settings.endpoint {
            Some(endpoint) => Some(endpoint_of(settings, endpoint, outbound)?),
            None => None,
        };
        let build = |silence: Duration, retries: usize| {
            let retry = RetryConfig {
                max_retries: retries,
                retry_timeout: silence.saturating_mul(SENDING),
                ..RetryConfig::default()
            };
            // Not from the environment: the server's own credentials are for its own files only.
            let mut builder = AmazonS3Builder::new()
                .with_bucket_name(&settings.bucket)
                .with_region(&settings.region)
                .with_access_key_id(&settings.access_key_id)
                .with_secret_access_key(&settings.secret_access_key)
                .with_virtual_hosted_style_request(!settings.path_style)
                .with_http_connector(Guarded(outbound.client(silence)?))
                .with_retry(retry);
            if let Some(endpoint) = &endpoint {
                builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
            }
            let built = builder.build();
            built.map(Arc::new).map_err(|_| Error::request("the settings of the bucket cannot be used"))
        };
        let shown = match &settings.endpoint {
            Some(endpoint) => shown(endpoint),
            None => format!("s3.{}.amazonaws.com", settings.region),
        };
        Ok(Self {
            name: settings.bucket.clone(),
            shown,
            reading: build(patience.silence, 0)?,
            writing: build(patience.silence.saturating_mul(SENDING), RETRIES)?,
            patience,
            runtime,
        })
    }

    fn key(path: &str) -> std::result::Result<Key, InvalidPath> {
        let path = checked(path)?;
        let key = path.strip_prefix('/').unwrap_or(path);
        let invalid = |what: &str| InvalidPath(format!("`{path}` cannot be the key of an object: {what}"));
        if key.is_empty() || key.ends_with('/') {
            return Err(invalid("it names a folder"));
        }
        if key.len() > KEY_BYTES {
            return Err(invalid("it is longer than 1,024 bytes"));
        }
        Key::parse(key).map_err(|_| invalid("a part of it is empty, `.`, `..` or holds a control character"))
    }

    pub(super) fn absolute_path(&self, path: &str) -> std::result::Result<String, InvalidPath> {
        Ok(format!("s3://{}/{}", self.name, Self::key(path)?))
    }

    pub(super) fn test(&self) -> Result<()> {
        self.runtime.block_on(async {
            let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
            let Ok(listed) = timeout(TEST_TIME, self.reading.list_paginated(None, options)).await else {
                return Err(self.too_slow());
            };
            match listed {
                Ok(_) => Ok(()),
                // Who may read and write single objects need not be allowed to list them.
                Err(why) if is_denied(&why) => {
                    let key = Key::from(format!("dray-test-{:016x}", rand::random::<u64>()));
                    match timeout(TEST_TIME, self.reading.head(&key)).await {
                        Ok(Ok(_) | Err(object_store::Error::NotFound { .. })) => Ok(()),
                        _ => Err(final_error(self.end("", &why))),
                    }
                }
                Err(why) => Err(final_error(self.end("", &why))),
            }
        })
    }

    pub(super) fn fetch(&self, path: &str, to: &Path, most: u64, watch: FetchWatch<'_>) -> Result<Fetched> {
        let key = Self::key(path)?;
        self.runtime.block_on(async {
            let copy = Copy::begin(path, to, most, watch).await?;
            let mut first: Option<ObjectMeta> = None;
            copy.persevere(self.patience, async |copy| self.attempt(path, &key, &mut first, copy).await).await
        })
    }

    async fn attempt(
        &self,
        path: &str,
        key: &Key,
        first: &mut Option<ObjectMeta>,
        copy: &mut Copy<'_>,
    ) -> std::result::Result<i64, End> {
        let silence = self.patience.silence;
        if first.as_ref().is_none_or(|first| copy.received < first.size) {
            let options = GetOptions {
                if_match: first.as_ref().and_then(|first| first.e_tag.clone()),
                range: (copy.received > 0).then_some(GetRange::Offset(copy.received)),
                ..GetOptions::default()
            };
            let found = timeout(silence, self.reading.get_opts(key, options)).await;
            let found =
                found.map_err(|_| End::Broken(self.too_slow()))?.map_err(|why| self.end(path, &why))?;
            match first {
                None => {
                    // Every answer of S3 says when the object was made, and what tells it from others.
                    if found.meta.e_tag.is_none() && found.meta.last_modified.timestamp() == 0 {
                        return Err(End::Final(none_of_s3(&self.shown)));
                    }
                    copy.check(found.meta.size)?;
                    *first = Some(found.meta.clone());
                }
                Some(first) => must_be_same(path, first, &found.meta)?,
            }
            let mut parts = found.into_stream();
            loop {
                match timeout(silence, parts.next()).await {
                    Err(_) => return Err(End::Broken(self.too_slow())),
                    Ok(None) => break,
                    Ok(Some(Err(why))) => return Err(self.end(path, &why)),
                    Ok(Some(Ok(part))) => copy.write(&part).await?,
                }
            }
        }
        let Some(first) = first else { return Err(End::Final(changed(path))) };
        if copy.received < first.size {
            return Err(End::Broken(other_size(path, first.size, copy.received)));
        }
        if copy.received > first.size {
            return Err(End::Final(other_size(path, first.size, copy.received)));
        }
        let after = timeout(silence, self.reading.head(key)).await;
        let after = after.map_err(|_| End::Broken(self.too_slow()))?;
        match after {
            Ok(after) => must_be_same(path, first, &after)?,
            // It was there when it was read.
            Err(object_store::Error::NotFound { .. }) => return Err(End::Final(changed(path))),
            Err(why) => return Err(self.end(path, &why)),
        }
        Ok(first.last_modified.timestamp_micros())
    }

    pub(super) fn newest(&self, pattern: &Pattern) -> Result<Option<Listed>> {
        let folder = pattern.folder.strip_prefix('/').unwrap_or(&pattern.folder);
        let prefix = format!("{folder}{}", pattern.beginning());
        let mut newest: Option<Listed> = None;
        let (mut token, mut count) = (None, 0);
        loop {
            let options = PaginatedListOptions {
                delimiter: Some("/".into()),
                max_keys: Some(PAGE),
                page_token: token.take(),
                ..PaginatedListOptions::default()
            };
            let listing = self.reading.list_paginated(Some(&prefix), options);
            let page = self.runtime.block_on(async { timeout(self.patience.silence, listing).await });
            let page = page.map_err(|_| self.too_slow())?;
            let page = page.map_err(|why| final_error(self.end(&pattern.folder, &why)))?;
            count += page.result.objects.len() + page.result.common_prefixes.len();
            if count > MOST_LISTED {
                return Err(too_many_files(&pattern.folder));
            }
            for object in page.result.objects {
                let Some(name) = object.location.as_ref().strip_prefix(folder) else { continue };
                if name.is_empty() || name.contains('/') || !pattern.matches(name) {
                    continue;
                }
                let modified = object.last_modified.timestamp_micros();
                let found = Listed { path: pattern.path(name), bytes: object.size, modified };
                if newest.as_ref().is_none_or(|known| (known.modified, &known.path) < (modified, &found.path))
                {
                    newest = Some(found);
                }
            }
            match page.page_token {
                Some(next) => token = Some(next),
                None => return Ok(newest),
            }
        }
    }

    pub(super) fn create(&self, path: &str, content_type: &str) -> Result<Upload> {
        let mut about = Attributes::new();
        about.insert(Attribute::ContentType, content_type.to_owned().into());
        let store: Arc<dyn ObjectStore> = Arc::clone(&self.writing) as Arc<dyn ObjectStore>;
        let writer = BufWriter::with_capacity(store, Self::key(path)?, PART_BYTES)
            .with_max_concurrency(PARTS_AT_ONCE)
            .with_attributes(about);
        Ok(Upload {
            writer: Some(writer),
            path: path.to_owned(),
            shown: self.shown.clone(),
            most: self.patience.silence.saturating_mul(SENDING * 2),
            runtime: self.runtime.clone(),
        })
    }

    fn too_slow(&self) -> Error {
        too_slow(&self.shown)
    }

    fn end(&self, path: &str, why: &object_store::Error) -> End {
        // A list that is not found is one of a bucket that is not there; the library does not say so by a kind.
        let is_listed = !matches!(why, object_store::Error::NotFound { .. });
        if is_listed && status_of(&why.to_string()) == Some(404) {
            return End::Final(
                Error::source(format!("there is no bucket `{}` at `{}`", self.name, self.shown))
                    .hint("see `bucket`, `region` and `endpoint` of the connection"),
            );
        }
        match why {
            object_store::Error::NotFound { .. } => End::Final(no_such_file(path)),
            object_store::Error::Precondition { .. } => End::Final(changed(path)),
            why => told(&self.shown, why),
        }
    }
}

/// The address of the store, checked; that of the bucket where it stands in the host.
fn endpoint_of(settings: &S3Settings, endpoint: &url::Url, outbound: &Outbound) -> Result<String> {
    let mut endpoint = outbound.address(endpoint.as_str())?;
    if !settings.path_style {
        let host = format!("{}.{}", settings.bucket, endpoint.host_str().unwrap_or_default());
        let is_name = matches!(endpoint.host(), Some(url::Host::Domain(_)));
        if !is_name || endpoint.set_host(Some(&host)).is_err() {
            return Err(Error::request("the bucket cannot stand before the host of the endpoint")
                .hint("set `pathStyle` to true"));
        }
    }
    Ok(endpoint.as_str().trim_end_matches('/').to_owned())
}

fn must_be_same(path: &str, first: &ObjectMeta, now: &ObjectMeta) -> std::result::Result<(), End> {
    let is_same =
        first.size == now.size && first.e_tag == now.e_tag && first.last_modified == now.last_modified;
    if is_same { Ok(()) } else { Err(End::Final(changed(path))) }
}

fn is_denied(why: &object_store::Error) -> bool {
    matches!(why, object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. })
}

fn too_slow(shown: &str) -> Error {
    Error::source(format!("nothing came from `{shown}` for too long"))
        .hint("see whether the storage is well, and try again")
        .retryable()
}

/// What is wrong, without the words of the store, which may repeat a key.
fn told(shown: &str, why: &object_store::Error) -> End {
    if is_denied(why) {
        let error = Error::source(format!("`{shown}` refuses the access key"));
        return End::Final(error.hint("see `accessKeyID`, `secretAccessKey` and what the key may do"));
    }
    if let Some(fault) = why.source().and_then(|below| told_below(shown, below)) {
        // The library takes an answer that it cannot read for a broken connection, and so do we.
        return match fault.kind {
            FaultKind::Refused | FaultKind::Address => End::Final(fault.into()),
            _ => End::Broken(Error::from(fault).retryable()),
        };
    }
    let said = why.to_string();
    if said.contains("Received redirect") {
        return End::Final(
            Error::source(format!("`{shown}` leads elsewhere"))
                .hint("see `region` and `endpoint` of the connection: it may be another region's bucket"),
        );
    }
    let status = status_of(&said);
    let error = match status {
        Some(status) => Error::source(format!("`{shown}` answered {status}")),
        None => none_of_s3(shown),
    };
    match status {
        Some(301 | 307 | 308 | 400 | 401 | 403 | 405) => {
            End::Final(error.hint("see `region`, `endpoint` and the access key of the connection"))
        }
        _ => End::Broken(error.hint("see whether the storage is well, and try again").retryable()),
    }
}

fn none_of_s3(shown: &str) -> Error {
    Error::source(format!("`{shown}` gave an answer that is none of S3"))
        .hint("see `endpoint` of the connection: it is the address of a store, not of a page")
}

/// The number after "status code" in what the library says.
fn status_of(text: &str) -> Option<u16> {
    let (_, behind) = text.split_once("status code")?;
    let number: String = behind
        .chars()
        .skip_while(|letter| matches!(letter, ':' | ' '))
        .take_while(char::is_ascii_digit)
        .collect();
    number.parse().ok()
}

fn final_error(end: End) -> Error {
    match end {
        End::Broken(error) | End::Final(error) => error,
    }
}

/// An object under way; it exists once it is finished.
pub(super) struct Upload {
    writer: Option<BufWriter>,
    path: String,
    shown: String,
    /// How long a part may take.
    most: Duration,
    runtime: Handle,
}

impl Upload {
    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Some(writer) = &mut self.writer else { return Err(std::io::ErrorKind::BrokenPipe.into()) };
        match self.runtime.block_on(async { timeout(self.most, writer.write(bytes)).await }) {
            Ok(Ok(written)) => Ok(written),
            Ok(Err(why)) => Err(as_io(self.told(&why))),
            Err(_) => Err(as_io(too_slow(&self.shown))),
        }
    }

    pub(super) fn finish(mut self) -> Result<()> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let ended = self.runtime.block_on(async { timeout(self.most, writer.shutdown()).await });
        let error = match ended {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) => self.told(&why),
            Err(_) => too_slow(&self.shown),
        };
        self.writer = Some(writer);
        Err(error)
    }

    fn told(&self, why: &std::io::Error) -> Error {
        let below = why.get_ref().and_then(|below| below.downcast_ref::<object_store::Error>());
        let error = match below {
            Some(object_store::Error::NotFound { .. }) => {
                Error::source(format!("there is no such bucket at `{}`", self.shown))
            }
            Some(why) => final_error(told(&self.shown, why)),
            None => Error::source(format!("`{}` broke off", self.shown)).retryable(),
        };
        tracing::info!(path = %self.path, error = %error.message, "an object could not be written");
        error
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // What was sent of an object that was not finished is given back.
        if let Some(mut writer) = self.writer.take() {
            self.runtime.spawn(async move { writer.abort().await });
        }
    }
}
