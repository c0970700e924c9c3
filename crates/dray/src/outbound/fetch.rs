//! A whole file from elsewhere, into whatever keeps it. Where the connection breaks off it goes on at the byte
//! it came to, if the server offers that and says that the file is still the same; else it begins anew.

use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dray_model::{Error, ErrorKind, Result};
use rand::RngExt;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::time::Instant;
use url::Url;

use super::client::{Call, Limits, Outbound, Reply};
use super::fault::{Fault, FaultKind, shown};
use super::file_name::file_name;

/// How often the wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// The longest pause that a server may ask for.
const MOST_PATIENCE: Duration = Duration::from_secs(120);

/// What a fetch may take.
#[derive(Debug, Clone)]
pub struct FetchLimits {
    /// Bytes of the file.
    pub bytes: u64,
    /// From begin to end, with all pauses.
    pub whole: Duration,
    /// Until an answer begins.
    pub answer: Duration,
    /// Between two parts.
    pub idle: Duration,
    /// How often it is tried, broken connections counted.
    pub attempts: u32,
    /// The pause after the first break; each next one is twice as long.
    pub pause: Duration,
    /// The longest pause.
    pub most_pause: Duration,
}

impl FetchLimits {
    /// For a file of at most so many bytes.
    pub fn of_bytes(bytes: u64) -> Self {
        Self {
            bytes,
            whole: Duration::from_secs(6 * 3600),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            attempts: 10,
            pause: Duration::from_secs(1),
            most_pause: Duration::from_secs(60),
        }
    }
}

/// How far a fetch is, and whether it is to stop; shared with whoever watches.
#[derive(Debug, Clone, Copy)]
pub struct FetchWatch<'a> {
    /// Bytes that have come.
    pub bytes: &'a AtomicU64,
    /// Set by whoever wants it to stop.
    pub stop: &'a AtomicBool,
}

/// Where a fetched file goes.
struct Place(tokio::fs::File);

impl Place {
    /// A file that is made here, or emptied.
    async fn create(path: &Path) -> std::io::Result<Self> {
        tokio::fs::File::create(path).await.map(Self)
    }

    async fn write(&mut self, part: &[u8]) -> std::io::Result<()> {
        self.0.write_all(part).await
    }

    /// Forgets what was taken: the file comes again from its begin.
    async fn restart(&mut self) -> std::io::Result<()> {
        self.0.flush().await?;
        self.0.set_len(0).await?;
        self.0.rewind().await.map(|_| ())
    }

    /// It was the last part: what was taken is to be kept.
    async fn finish(&mut self) -> std::io::Result<()> {
        self.0.flush().await?;
        self.0.sync_all().await
    }
}

/// A file that was fetched whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// What it is called: a name, never a path.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// What its server says it is.
    pub content_type: Option<String>,
    /// When it was last changed, as its server says, in microseconds since the epoch.
    pub modified: Option<i64>,
    /// How often the connection broke off.
    pub breaks: u32,
}

/// What to fetch.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Its address.
    pub url: &'a str,
    /// Headers of the requests; they go to the first host only.
    pub headers: HeaderMap,
    /// Redirects that are followed.
    pub redirects: usize,
}

impl<'a> Wanted<'a> {
    /// What is at an address, with nothing said about who asks.
    pub fn at(url: &'a str) -> Self {
        Self { url, headers: HeaderMap::new(), redirects: REDIRECTS }
    }
}

/// Fetches a file into a place on disk. Blocking: for a job's own thread; where it fails nothing is left there.
pub fn fetch_to_path(
    outbound: &Outbound,
    wanted: Wanted<'_>,
    path: &Path,
    limits: &FetchLimits,
    watch: FetchWatch<'_>,
) -> Result<Fetched> {
    let runtime = tokio::runtime::Handle::try_current()
        .map_err(|cause| Error::file("files are fetched by the server only").because(cause))?;
    let fetched = runtime.block_on(async {
        let mut place = Place::create(path).await.map_err(|why| unkept(&why))?;
        fetch(outbound, wanted, &mut place, limits, watch).await
    });
    if fetched.is_err() {
        let _ = std::fs::remove_file(path);
    }
    fetched
}

async fn fetch(
    outbound: &Outbound,
    wanted: Wanted<'_>,
    place: &mut Place,
    limits: &FetchLimits,
    watch: FetchWatch<'_>,
) -> Result<Fetched> {
    let url = outbound.address(wanted.url)?;
    let mut fetching = Fetching {
        outbound,
        url,
        headers: wanted.headers,
        redirects: wanted.redirects,
        limits,
        watch,
        deadline: Instant::now() + limits.whole,
        received: 0,
        total: None,
        mark: None,
        about: None,
        modified: None,
    };
    watch.bytes.store(0, Ordering::Relaxed);
    let mut breaks = 0;
    loop {
        let stopped = fetching.stopped();
        let ended = tokio::select! {
            ended = fetching.attempt(place) => ended,
            () = stopped => return Err(interrupted()),
        };
        let (fault, wanted_pause) = match ended {
            Ok(()) => break,
            Err(End::Unkept(why)) => return Err(unkept(&why)),
            Err(End::Final(fault)) => return Err(fault.into()),
            Err(End::Broken(fault, pause)) => (fault, pause),
        };
        breaks += 1;
        if breaks >= limits.attempts {
            return Err(fetching.given_up(&fault, breaks));
        }
        let pause = pause_after(breaks, limits).max(wanted_pause.unwrap_or_default().min(MOST_PATIENCE));
        if Instant::now() + pause >= fetching.deadline {
            return Err(fetching.given_up(&fault, breaks));
        }
        tracing::info!(%fault, bytes = fetching.received, pause = pause.as_secs_f64(), "a fetch goes on after a pause");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = fetching.stopped() => return Err(interrupted()),
        }
    }
    place.finish().await.map_err(|why| unkept(&why))?;
    let (name, content_type) = fetching.about.unwrap_or_else(|| ("download".to_owned(), None));
    Ok(Fetched { name, bytes: fetching.received, content_type, modified: fetching.modified, breaks })
}

/// How one attempt ended before the file did.
enum End {
    /// It may go on, after a pause the server wants perhaps.
    Broken(Fault, Option<Duration>),
    /// Trying again changes nothing.
    Final(Fault),
    /// What came cannot be kept.
    Unkept(std::io::Error),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        if fault.may_pass() { Self::Broken(fault, None) } else { Self::Final(fault) }
    }
}

struct Fetching<'a> {
    outbound: &'a Outbound,
    url: Url,
    headers: HeaderMap,
    redirects: usize,
    limits: &'a FetchLimits,
    watch: FetchWatch<'a>,
    deadline: Instant,
    received: u64,
    /// Bytes of the whole file, where they were announced.
    total: Option<u64>,
    /// What says that the file is still the same: a strong `ETag` or `Last-Modified`.
    mark: Option<HeaderValue>,
    /// Name and type.
    about: Option<(String, Option<String>)>,
    modified: Option<i64>,
}

impl<'a> Fetching<'a> {
    fn stopped(&self) -> impl Future<Output = ()> + use<'a> {
        let stop = self.watch.stop;
        async move {
            while !stop.load(Ordering::Relaxed) {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Asks for what is missing and keeps what comes.
    async fn attempt(&mut self, place: &mut Place) -> std::result::Result<(), End> {
        let mut reply = self.ask().await?;
        let status = reply.status();
        match status {
            StatusCode::OK => self.begin(place, &reply).await?,
            StatusCode::PARTIAL_CONTENT if self.goes_on(&reply) => {}
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if self.received > 0 => {
                // Another part than was asked for, or another file: the next attempt asks for all of it.
                self.mark = None;
                let what = format!("`{}` does not go on where the connection broke off", shown(&reply.url));
                return Err(End::Broken(Fault::new(FaultKind::Broken, what), None));
            }
            _ => return Err(refused(&reply, !self.headers.is_empty())),
        }
        loop {
            let part = match reply.next().await {
                Ok(Some(part)) => part,
                Ok(None) => break,
                Err(fault) if fault.kind == FaultKind::TooLarge => {
                    return Err(End::Final(self.too_large(&reply.url)));
                }
                Err(fault) => return Err(fault.into()),
            };
            let bytes = part.len() as u64;
            if self.received + bytes > self.limits.bytes {
                return Err(End::Final(self.too_large(&reply.url)));
            }
            place.write(&part).await.map_err(End::Unkept)?;
            self.received += bytes;
            self.watch.bytes.store(self.received, Ordering::Relaxed);
        }
        match self.total {
            Some(total) if total != self.received => {
                let what =
                    format!("`{}` announced {total} bytes and sent {}", shown(&reply.url), self.received);
                if self.received > total {
                    self.mark = None;
                }
                Err(End::Broken(Fault::new(FaultKind::Broken, what), None))
            }
            _ => Ok(()),
        }
    }

    async fn ask(&self) -> std::result::Result<Reply, Fault> {
        let mut headers = self.headers.clone();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let (Some(mark), true) = (&self.mark, self.received > 0)
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.received))
        {
            headers.insert(RANGE, range);
            headers.insert(IF_RANGE, mark.clone());
        }
        let limits = Limits {
            answer: self.limits.answer,
            idle: self.limits.idle,
            whole: self.deadline.saturating_duration_since(Instant::now()),
            bytes: self.limits.bytes,
            redirects: self.redirects,
        };
        self.outbound
            .send(Call { method: Method::GET, url: self.url.clone(), headers, body: None, limits })
            .await
    }

    /// The file comes from its begin.
    async fn begin(&mut self, place: &mut Place, reply: &Reply) -> std::result::Result<(), End> {
        if self.received > 0 {
            place.restart().await.map_err(End::Unkept)?;
            self.received = 0;
            self.watch.bytes.store(0, Ordering::Relaxed);
        }
        self.total = reply.announced_bytes();
        self.mark = mark_of(reply);
        let content_type = reply.header("content-type").map(|text| text.chars().take(200).collect());
        self.about = Some((file_name(reply.headers(), &reply.url), content_type));
        self.modified = reply.header("last-modified").and_then(time_of);
        match self.total {
            Some(total) if total > self.limits.bytes => Err(End::Final(self.too_large(&reply.url))),
            _ => Ok(()),
        }
    }

    /// True where an answer is the part that was asked for, of the same file.
    fn goes_on(&self, reply: &Reply) -> bool {
        let Some((first, total)) = reply.header("content-range").and_then(range_of) else { return false };
        let is_same = match (&self.mark, mark_of(reply)) {
            // An answer to `If-Range` need not say it again.
            (Some(_), None) => true,
            (Some(mark), Some(now)) => *mark == now,
            (None, _) => false,
        };
        let is_as_long = total.is_none() || self.total.is_none() || total == self.total;
        self.received > 0 && first == self.received && is_same && is_as_long
    }

    fn too_large(&self, url: &Url) -> Fault {
        Fault::new(
            FaultKind::TooLarge,
            format!("the file of `{}` is larger than {} bytes", shown(url), self.limits.bytes),
        )
        .hint("divide the file, or ask an administrator to allow larger ones")
    }

    fn given_up(&self, fault: &Fault, breaks: u32) -> Error {
        let came = match self.total {
            Some(total) => format!("{} of {total} bytes", self.received),
            None => format!("{} bytes", self.received),
        };
        Error::source(format!(
            "the file could not be fetched, {came} came in {breaks} attempts: {}",
            fault.message
        ))
        .hint("see whether its server is well, and try again")
    }
}

/// The longer it fails, the longer the pause, and never the same for all that fail at once.
fn pause_after(breaks: u32, limits: &FetchLimits) -> Duration {
    let doubled = limits.pause.saturating_mul(1 << (breaks.saturating_sub(1)).min(16));
    doubled.min(limits.most_pause).mul_f64(rand::rng().random_range(1.0..1.25))
}

/// What says that a file is the same: only what stands for its very bytes.
fn mark_of(reply: &Reply) -> Option<HeaderValue> {
    let headers = reply.headers();
    let strong = headers.get("etag").filter(|tag| tag.as_bytes().starts_with(b"\""));
    strong.or_else(|| headers.get("last-modified").filter(|_| !headers.contains_key("etag"))).cloned()
}

/// `bytes 100-199/1000` → 100 and 1000.
fn range_of(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` in microseconds since the epoch.
fn time_of(text: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    i64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_micros()).ok()
}

/// An answer that is no file. Whoever sends headers may have a key among them.
fn refused(reply: &Reply, has_headers: bool) -> End {
    let status = reply.status();
    let host = shown(&reply.url);
    let fault = Fault::new(FaultKind::Answer, format!("`{host}` answered {status}"));
    match status.as_u16() {
        408 | 425 | 429 | 500 | 502 | 503 | 504 => End::Broken(fault, reply.retry_after()),
        401 | 403 if has_headers => {
            End::Final(fault.hint("see whether the headers that are sent let you in"))
        }
        401 | 403 => {
            End::Final(fault.hint("use an address that needs no sign-in: a signed link, for example"))
        }
        404 | 410 => End::Final(fault.hint("see whether the file is still there")),
        _ => End::Final(fault),
    }
}

fn unkept(why: &std::io::Error) -> Error {
    Error::file(format!("the fetched file cannot be kept: {why}")).hint("is there space left?")
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "the fetch was stopped")
}
