//! One request to others: its address is checked, its redirects are followed one by one, and its time and size
//! are limited. No proxy of the environment is asked, since it would reach what may not be reached.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dray_model::{Error, Result};
use percent_encoding::percent_decode_str;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use tokio::time::Instant;
use url::{Host, Url};

use super::address::Guard;
use super::fault::{Fault, FaultKind, shown};
use super::resolve::{CheckedResolver, Inside, Lookup, SystemLookup};

/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long an idle connection is kept.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
/// The longest address.
const URL_LETTERS: usize = 4_096;
/// Headers of an answer, and their bytes altogether.
const MOST_HEADERS: usize = 100;
const HEADER_BYTES: usize = 64 << 10;

const INSIDE_HINT: &str =
    "only public addresses are asked; an administrator may allow others with --allow-outbound";

/// What a request may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Until its answer begins.
    pub answer: Duration,
    /// Between two parts of the answer.
    pub idle: Duration,
    /// From its begin to the end of its answer.
    pub whole: Duration,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// Redirects that are followed, of a GET.
    pub redirects: usize,
}

/// A request to be made.
#[derive(Debug, Clone)]
pub struct Call {
    /// GET, POST …
    pub method: Method,
    /// Whom to ask.
    pub url: Url,
    /// Headers; they go to the first host only.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Option<Bytes>,
    /// What it may take.
    pub limits: Limits,
}

/// Makes requests. A clone shares its connections.
#[derive(Clone)]
pub struct Outbound {
    client: reqwest::Client,
    resolver: CheckedResolver,
}

impl Outbound {
    /// Asks whom the guard lets through.
    pub fn new(guard: Guard) -> Result<Self> {
        Self::with_lookup(guard, Arc::new(SystemLookup))
    }

    /// The same with names looked up in another way.
    pub fn with_lookup(guard: Guard, lookup: Arc<dyn Lookup>) -> Result<Self> {
        let resolver = CheckedResolver { guard, lookup };
        Ok(Self { client: build(&resolver, None)?, resolver })
    }

    /// A client for a library that speaks a protocol of its own over HTTP: it asks whom this one asks, but for
    /// addresses that are numbers, which [`Self::address`] has to see first. It waits for the next bytes of an
    /// answer at most so long.
    pub fn client(&self, silence: Duration) -> Result<reqwest::Client> {
        build(&self.resolver, Some(silence))
    }

    /// The checked addresses of a host, for connections that are not HTTP.
    pub async fn addresses(&self, host: &str, port: u16) -> std::result::Result<Vec<SocketAddr>, Fault> {
        let shown = format!("{host}:{port}");
        let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let found = match number {
            Ok(address) => match self.resolver.guard.check(address) {
                Ok(()) => vec![address],
                Err(what) => return Err(leads_inside(&shown, what)),
            },
            Err(_) => match self.resolver.clone().addresses(host.to_owned()).await {
                Ok(addresses) => addresses,
                Err(why) => {
                    return Err(match why.downcast_ref::<Inside>() {
                        Some(found) => leads_inside(&shown, found.what),
                        None => {
                            Fault::new(FaultKind::Unreachable, format!("`{shown}` cannot be reached ({why})"))
                        }
                    });
                }
            },
        };
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// Reads an address and checks what can be seen from it: a number for an inside address in any spelling
    /// is refused here, a name only when it is looked up.
    pub fn address(&self, text: &str) -> std::result::Result<Url, Fault> {
        let cannot = |why: &str| Fault::new(FaultKind::Address, format!("the address cannot be used: {why}"));
        if text.len() > URL_LETTERS {
            return Err(cannot("it is too long"));
        }
        let url = Url::parse(text.trim()).map_err(|why| cannot(&why.to_string()))?;
        self.check(&url)?;
        Ok(url)
    }

    fn check(&self, url: &Url) -> std::result::Result<(), Fault> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Fault::new(FaultKind::Address, "the address must begin with http:// or https://"));
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(name)) if !name.trim_matches('.').is_empty() => return Ok(()),
            _ => return Err(Fault::new(FaultKind::Address, "the address names no host")),
        };
        self.resolver.guard.check(address).map_err(|what| inside(url, what))
    }

    /// Makes a request whose body is sent while it is made. A redirect is an answer, and it takes the time that
    /// the body takes: whoever makes the body watches over it.
    pub async fn send_streamed(&self, call: Call, body: reqwest::Body) -> std::result::Result<Reply, Fault> {
        let Call { method, mut url, mut headers, limits, .. } = call;
        take_password(&mut url, &mut headers);
        self.check(&url)?;
        let mut request = reqwest::Request::new(method, url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = Some(body);
        let response = self.client.execute(request).await.map_err(|error| told(&url, &error))?;
        Ok(Reply { url, response, read: 0, deadline: Instant::now() + limits.whole, limits })
    }

    /// Makes a request. An answer of any status is an answer.
    pub async fn send(&self, call: Call) -> std::result::Result<Reply, Fault> {
        let Call { method, mut url, mut headers, body, limits } = call;
        let deadline = Instant::now() + limits.whole;
        take_password(&mut url, &mut headers);
        let mut redirects = 0;
        loop {
            self.check(&url)?;
            let mut request = reqwest::Request::new(method.clone(), url.clone());
            *request.headers_mut() = headers.clone();
            *request.body_mut() = body.clone().map(Into::into);
            let until = deadline.min(Instant::now() + limits.answer);
            let response = match tokio::time::timeout_at(until, self.client.execute(request)).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Err(told(&url, &error)),
                Err(_) => {
                    return Err(Fault::new(
                        FaultKind::TooSlow,
                        format!("`{}` did not answer in time", shown(&url)),
                    ));
                }
            };
            let bytes: usize =
                response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
            if bytes > HEADER_BYTES {
                return Err(Fault::new(
                    FaultKind::Answer,
                    format!("the headers of `{}` are larger than {HEADER_BYTES} bytes", shown(&url)),
                ));
            }
            let is_followed = limits.redirects > 0 && matches!(method, Method::GET | Method::HEAD);
            let Some(next) = next_of(&response, &url).filter(|_| is_followed) else {
                return Ok(Reply { url, response, read: 0, deadline, limits });
            };
            let mut next = next?;
            redirects += 1;
            if redirects > limits.redirects {
                return Err(Fault::new(
                    FaultKind::Answer,
                    format!("`{}` leads on more than {} times", shown(&url), limits.redirects),
                ));
            }
            if url.scheme() == "https" && next.scheme() == "http" {
                return Err(Fault::new(
                    FaultKind::Refused,
                    format!("`{}` leads from https to http", shown(&url)),
                ));
            }
            if next.origin() != url.origin() {
                // What only the first may know: keys, cookies.
                headers = kept_elsewhere(&headers);
            }
            take_password(&mut next, &mut headers);
            url = next;
        }
    }
}

/// The answer to a request, its body not yet read.
pub struct Reply {
    /// Who answered in the end.
    pub url: Url,
    response: reqwest::Response,
    read: u64,
    deadline: Instant,
    limits: Limits,
}

impl Reply {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The length of the body, where it is announced.
    pub fn announced_bytes(&self) -> Option<u64> {
        self.header("content-length").and_then(|text| text.trim().parse().ok())
    }

    /// The pause that the server asks for, in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs)
    }

    /// The next part of the body; `None` at its end.
    pub async fn next(&mut self) -> std::result::Result<Option<Bytes>, Fault> {
        let until = self.deadline.min(Instant::now() + self.limits.idle);
        let part = match tokio::time::timeout_at(until, self.response.chunk()).await {
            Ok(Ok(part)) => part,
            Ok(Err(error)) => return Err(told(&self.url, &error)),
            Err(_) if until == self.deadline => {
                return Err(Fault::new(
                    FaultKind::TooSlow,
                    format!(
                        "`{}` took longer than {} seconds",
                        shown(&self.url),
                        self.limits.whole.as_secs()
                    ),
                ));
            }
            Err(_) => {
                return Err(Fault::new(
                    FaultKind::TooSlow,
                    format!(
                        "nothing came from `{}` for {} seconds",
                        shown(&self.url),
                        self.limits.idle.as_secs_f32()
                    ),
                ));
            }
        };
        self.read += part.as_ref().map_or(0, |part| part.len() as u64);
        if self.read > self.limits.bytes {
            return Err(Fault::new(
                FaultKind::TooLarge,
                format!("`{}` sends more than {} bytes", shown(&self.url), self.limits.bytes),
            ));
        }
        Ok(part)
    }

    /// The whole body, which may not be larger than the limits say.
    pub async fn whole(mut self) -> std::result::Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        while let Some(part) = self.next().await? {
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// The begin of the body, as far as it comes.
    pub async fn beginning(mut self, most: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < most {
            let Ok(Some(part)) = self.next().await else { break };
            body.extend_from_slice(&part);
        }
        body.truncate(most);
        body
    }
}

fn build(resolver: &CheckedResolver, silence: Option<Duration>) -> Result<reqwest::Client> {
    // Refused only where it was installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .user_agent(concat!("Dray/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(silence.map_or(CONNECT_TIME, |silence| silence.min(CONNECT_TIME)))
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(2)
        .http1_max_headers(MOST_HEADERS)
        .dns_resolver(resolver.clone());
    let builder = match silence {
        Some(silence) => builder.read_timeout(silence),
        None => builder,
    };
    builder.build().map_err(|cause| Error::file("requests to others cannot be made").because(cause))
}

/// Where an answer leads on to, if it does.
fn next_of(response: &reqwest::Response, url: &Url) -> Option<std::result::Result<Url, Fault>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    let cannot = || {
        Fault::new(FaultKind::Answer, format!("`{}` leads on to an address that cannot be used", shown(url)))
    };
    let next = location.to_str().ok().filter(|text| text.len() <= URL_LETTERS);
    Some(next.and_then(|text| url.join(text).ok()).ok_or_else(cannot))
}

/// Headers that say nothing about who asks.
fn kept_elsewhere(headers: &HeaderMap) -> HeaderMap {
    let harmless = ["accept", "accept-encoding", "range", "if-range"];
    headers
        .iter()
        .filter(|(name, _)| harmless.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A name and password in an address become a header, so that no log and no message shows them.
fn take_password(url: &mut Url, headers: &mut HeaderMap) {
    if url.username().is_empty() && url.password().is_none() {
        return;
    }
    let plain = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let pair = [plain(url.username()), b":".to_vec(), plain(url.password().unwrap_or_default())].concat();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
}

fn inside(url: &Url, what: &str) -> Fault {
    leads_inside(&shown(url), what)
}

fn leads_inside(shown: &str, what: &str) -> Fault {
    Fault::new(FaultKind::Refused, format!("`{shown}` is not asked, as it leads to {what}")).hint(INSIDE_HINT)
}

/// What a failure of the connection is.
fn told(url: &Url, error: &reqwest::Error) -> Fault {
    told_of(&shown(url), error)
}

/// What a failure below a library is that speaks over [`Outbound::client`]; `None` where it is none of the
/// connection. `shown` is what may be told of the address.
pub fn told_below(shown: &str, error: &(dyn std::error::Error + 'static)) -> Option<Fault> {
    let mut below = Some(error);
    while let Some(cause) = below {
        if let Some(error) = cause.downcast_ref::<reqwest::Error>() {
            return Some(told_of(shown, error));
        }
        below = cause.source();
    }
    None
}

fn told_of(host: &str, error: &reqwest::Error) -> Fault {
    let mut below: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut deepest = String::new();
    while let Some(cause) = below {
        if let Some(found) = cause.downcast_ref::<Inside>() {
            return leads_inside(host, found.what);
        }
        deepest = cause.to_string();
        below = cause.source();
    }
    if error.is_timeout() {
        Fault::new(FaultKind::TooSlow, format!("`{host}` did not answer in time"))
    } else if error.is_connect() {
        Fault::new(FaultKind::Unreachable, format!("`{host}` cannot be reached ({deepest})"))
    } else if error.is_builder() {
        Fault::new(FaultKind::Address, format!("`{host}` cannot be asked ({deepest})"))
    } else {
        Fault::new(FaultKind::Broken, format!("the connection to `{host}` broke off ({deepest})"))
    }
}
