//! Kept files in a bucket of any S3-compatible store, for several processes on several machines.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dray_model::{Error, Result};
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use object_store::signer::{SignedUrlOptions, Signer};
use object_store::{
    Attribute, Attributes, ClientOptions, GetOptions, ObjectStore, ObjectStoreExt, RetryConfig,
};
use tokio::runtime::Handle;

/// Bytes of one part of a large object; 10,000 parts are the most an object can have.
const PART_BYTES: usize = 16 << 20;
/// Parts on their way at once.
const PARTS_AT_ONCE: usize = 2;
/// How long the store may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// How often, and for how long, a request is made again that the store refused for a while.
const RETRIES: usize = 4;
const RETRY_TIME: Duration = Duration::from_secs(30);

/// Which bucket, and where. The credentials are those of the environment (`AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, …) or of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSettings {
    /// Its name.
    pub name: String,
    /// What stands before the names of all objects; may be empty.
    pub prefix: String,
    /// Where the store is, unless it is Amazon's: `https://s3.example.com`.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: Option<String>,
}

impl BucketSettings {
    /// Reads `s3://BUCKET` or `s3://BUCKET/PREFIX`; `None` for what is no such address.
    pub fn parse(address: &str) -> Option<Result<Self>> {
        let rest = address.strip_prefix("s3://")?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() {
            let error = Error::request(format!("`{address}` names no bucket"));
            return Some(Err(error.hint("it looks like s3://BUCKET or s3://BUCKET/PREFIX")));
        }
        let prefix = prefix.trim_matches('/').to_owned();
        Some(Ok(Self { name: name.to_owned(), prefix, endpoint: None, region: None }))
    }
}

/// A bucket.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    store: Arc<AmazonS3>,
    prefix: String,
    runtime: Handle,
}

fn cannot(what: &str, why: object_store::Error) -> Error {
    Error::file(format!("a file cannot be {what} the object storage"))
        .hint("is it there, and may the server's credentials use it?")
        .because(why)
        .retryable()
}

impl Bucket {
    /// A bucket; nothing is asked of it yet. Within a runtime.
    pub(super) fn new(settings: &BucketSettings) -> Result<Self> {
        let client = ClientOptions::new()
            .with_timeout_disabled()
            .with_read_timeout(SILENCE)
            .with_connect_timeout(Duration::from_secs(10));
        let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIME, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&settings.name)
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        if let Some(region) = &settings.region {
            builder = builder.with_region(region);
        }
        let store = builder.build().map_err(|why| {
            Error::request(format!("the object storage cannot be used: {why}"))
                .hint("give --files s3://BUCKET, --s3-endpoint and --s3-region, and the credentials in the environment")
        })?;
        Ok(Self { store: Arc::new(store), prefix: settings.prefix.clone(), runtime: Handle::current() })
    }

    fn key(&self, name: &str) -> Key {
        // Both are made of letters, digits and slashes, or were given by an administrator.
        Key::from(format!("{}/{name}", self.prefix))
    }

    /// The size of an object; `None` where there is none. Blocking, as all below that are not `async`.
    pub(super) fn size(&self, name: &str) -> Result<Option<u64>> {
        match self.runtime.block_on(self.store.head(&self.key(name))) {
            Ok(about) => Ok(Some(about.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(why) => Err(cannot("looked for in", why)),
        }
    }

    /// Copies an object into a file; false where there is none.
    pub(super) fn download(&self, name: &str, to: &Path) -> Result<bool> {
        let cannot_write =
            |why: std::io::Error| Error::file(format!("a file cannot be copied here: {why}")).retryable();
        self.runtime.block_on(async {
            let found = match self.store.get(&self.key(name)).await {
                Ok(found) => found,
                Err(object_store::Error::NotFound { .. }) => return Ok(false),
                Err(why) => return Err(cannot("read from", why)),
            };
            let mut file = std::fs::File::create(to).map_err(cannot_write)?;
            let mut parts = found.into_stream();
            while let Some(part) = parts.next().await {
                let part = part.map_err(|why| cannot("read from", why))?;
                file.write_all(&part).map_err(cannot_write)?;
            }
            Ok(true)
        })
    }

    /// The bytes of an object, from the first to before the last; `None` where there is no such object.
    pub(super) async fn stream(
        &self,
        name: &str,
        bytes: std::ops::Range<u64>,
    ) -> Result<Option<impl Stream<Item = std::io::Result<Bytes>> + Send + 'static>> {
        let options = GetOptions { range: Some(bytes.into()), ..GetOptions::default() };
        match self.store.get_opts(&self.key(name), options).await {
            Ok(found) => Ok(Some(found.into_stream().map_err(std::io::Error::other))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(why) => Err(cannot("read from", why)),
        }
    }

    /// An object under way; it exists once it is ended.
    pub(super) fn writer(&self, name: &str, shown_name: &str, media_type: &str) -> BucketWriter {
        let mut about = Attributes::new();
        about.insert(Attribute::ContentType, media_type.to_owned().into());
        about.insert(Attribute::ContentDisposition, super::disposition(shown_name).into());
        let store: Arc<dyn ObjectStore> = Arc::clone(&self.store) as Arc<dyn ObjectStore>;
        let writer = BufWriter::with_capacity(store, self.key(name), PART_BYTES)
            .with_max_concurrency(PARTS_AT_ONCE)
            .with_attributes(about);
        BucketWriter { writer: Some(writer), runtime: self.runtime.clone() }
    }

    /// Keeps a small object whole.
    pub(super) fn put(&self, name: &str, bytes: Bytes) -> Result<()> {
        self.runtime
            .block_on(self.store.put(&self.key(name), bytes.into()))
            .map(|_| ())
            .map_err(|why| cannot("written to", why))
    }

    /// Removes an object, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        match self.runtime.block_on(self.store.delete(&self.key(name))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(why) => Err(cannot("removed from", why)),
        }
    }

    /// The objects of a folder, with their age.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<(String, Duration)>> {
        let now = std::time::SystemTime::now();
        let key = self.key(folder);
        let strip = format!("{key}/");
        self.runtime.block_on(async {
            self.store
                .list(Some(&key))
                .map_err(|why| cannot("listed in", why))
                .try_filter_map(|about| {
                    let changed: std::time::SystemTime = about.last_modified.into();
                    let age = now.duration_since(changed).unwrap_or_default();
                    let name = about.location.as_ref().strip_prefix(&strip).map(str::to_owned);
                    std::future::ready(Ok(name.map(|name| (name, age))))
                })
                .try_collect()
                .await
        })
    }

    /// An address by which anybody may read the object, or write it, for a while.
    pub(super) async fn link(
        &self,
        method: axum::http::Method,
        name: &str,
        lives: Duration,
        query: Vec<(String, String)>,
    ) -> Result<String> {
        let options = SignedUrlOptions::new().with_query(query);
        let signed = self.store.signed_url_opts(method, &self.key(name), lives, &options).await;
        signed.map(String::from).map_err(|why| cannot("given a link by", why))
    }
}

/// An object under way.
#[derive(Debug)]
pub(super) struct BucketWriter {
    writer: Option<BufWriter>,
    runtime: Handle,
}

impl BucketWriter {
    /// Ends the object: now it exists.
    pub(super) fn end(&mut self) -> std::io::Result<()> {
        use tokio::io::AsyncWriteExt;
        match &mut self.writer {
            Some(writer) => {
                self.runtime.block_on(writer.shutdown())?;
                self.writer = None;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Write for BucketWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        use tokio::io::AsyncWriteExt;
        match &mut self.writer {
            Some(writer) => self.runtime.block_on(writer.write(bytes)),
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        // Parts have the size they have: what is not yet one waits for the next bytes.
        Ok(())
    }
}

impl Drop for BucketWriter {
    fn drop(&mut self) {
        // What was sent of an object that was not ended is given back.
        if let Some(mut writer) = self.writer.take() {
            self.runtime.spawn(async move { writer.abort().await });
        }
    }
}
