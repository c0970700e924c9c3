//! The settings of a storage, checked before anything is asked. They hold secrets: nothing here can be printed,
//! and no error says a value.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::host_key::{self, PrivateKey, PublicKey};
use super::members::{Members, Wrong};

/// Regions of Amazon's storage; where an endpoint is given any name is one.
const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];
/// Headers that a request has by itself.
const OWN_HEADERS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "if-range",
    "keep-alive",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Headers of one connection, and their bytes.
const MOST_HEADERS: usize = 50;
const HEADER_BYTES: usize = 32 << 10;

/// What kind of storage a connection is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Connector {
    /// A folder of the server.
    Filesystem,
    /// A bucket of an S3-compatible store.
    S3,
    /// An SFTP server.
    Sftp,
    /// Files are read from an HTTP server.
    HttpGet,
    /// Files are sent to an HTTP server.
    HttpPost,
}

impl Connector {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Filesystem, Self::S3, Self::Sftp, Self::HttpGet, Self::HttpPost];

    /// Its name in the API.
    pub fn code(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::S3 => "s3",
            Self::Sftp => "sftp",
            Self::HttpGet => "http-get",
            Self::HttpPost => "http-post",
        }
    }

    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Filesystem => "File System",
            Self::S3 => "S3",
            Self::Sftp => "SFTP",
            Self::HttpGet => "HTTP GET",
            Self::HttpPost => "HTTP POST",
        }
    }

    /// The connector of this name.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|connector| connector.code() == code)
    }

    /// True where it can be used in a role.
    pub fn supports(self, role: Role) -> bool {
        !matches!((self, role), (Self::HttpGet, Role::Destination) | (Self::HttpPost, Role::Source))
    }

    /// True where it can say which files it has.
    pub fn can_list(self) -> bool {
        !matches!(self, Self::HttpGet | Self::HttpPost)
    }
}

/// Whether files come from a storage or go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Role {
    /// They come from it.
    Source,
    /// They go there.
    Destination,
}

impl Role {
    /// Its name in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Destination => "Destination",
        }
    }

    /// The role of this name.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Source, Self::Destination].into_iter().find(|role| role.word() == word)
    }
}

impl TryFrom<String> for Connector {
    type Error = String;

    fn try_from(code: String) -> Result<Self, String> {
        Self::of_code(&code).ok_or_else(|| format!("there is no connector `{code}`"))
    }
}

impl From<Connector> for String {
    fn from(connector: Connector) -> Self {
        connector.code().to_owned()
    }
}

impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Self::of_word(&word).ok_or_else(|| format!("there is no role `{word}`"))
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.word().to_owned()
    }
}

/// Checked settings of a storage.
#[derive(Clone)]
pub struct StorageSettings {
    pub(super) of: Of,
    pub(super) role: Role,
}

#[derive(Clone)]
pub(super) enum Of {
    Filesystem,
    S3(S3Settings),
    Sftp(Box<SftpSettings>),
    Http(HttpSettings),
}

/// A bucket and who may use it.
#[derive(Clone)]
pub(super) struct S3Settings {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) region: String,
    pub(super) bucket: String,
    /// Where the store is, unless it is Amazon's.
    pub(super) endpoint: Option<Url>,
    /// The bucket stands in the path, not in the host.
    pub(super) path_style: bool,
}

/// An SFTP server and who comes in.
#[derive(Clone)]
pub(super) struct SftpSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) username: String,
    pub(super) password: Option<String>,
    pub(super) private_key: Option<PrivateKey>,
    pub(super) host_public_key: Option<PublicKey>,
    pub(super) temp_path: Option<String>,
}

/// An HTTP server and what is said to it.
#[derive(Clone)]
pub(super) struct HttpSettings {
    /// `https://example.com`, without a path.
    pub(super) origin: Url,
    pub(super) headers: HeaderMap,
}

impl StorageSettings {
    /// Reads settings; the error is a sentence that names the key.
    pub fn parse(connector: Connector, role: Role, settings: &Value) -> Result<Self, Wrong> {
        if !connector.supports(role) {
            return Err(format!("`{}` cannot be a {}", connector.code(), role.word()));
        }
        let map = settings.as_object().ok_or("`settings` must be a JSON object")?;
        let mut members = Members::of(map);
        let of = match connector {
            Connector::Filesystem => {
                // A help of tests elsewhere, which says nothing here.
                members.flag("simulateHighIOLatency")?;
                Of::Filesystem
            }
            Connector::S3 => Of::S3(s3(&mut members)?),
            Connector::Sftp => Of::Sftp(Box::new(sftp(&mut members, role)?)),
            Connector::HttpGet | Connector::HttpPost => Of::Http(http(&mut members)?),
        };
        members.end()?;
        Ok(Self { of, role })
    }
}

fn s3(members: &mut Members<'_>) -> Result<S3Settings, Wrong> {
    let endpoint = members.text_if_any("endpoint", 1_000)?.map(endpoint_of).transpose()?;
    let access_key_id = members.text("accessKeyID", 200)?.to_owned();
    let secret_access_key = members.text("secretAccessKey", 200)?.to_owned();
    let region = members.text("region", 100)?.to_owned();
    let bucket = members.text("bucket", 63)?.to_owned();
    let path_style = members.flag("pathStyle")?;
    if endpoint.is_none() {
        if access_key_id.len() != 20 {
            return Err("`accessKeyID` must have 20 characters".to_owned());
        }
        if secret_access_key.len() < 40 {
            return Err("`secretAccessKey` must have 40 to 200 characters".to_owned());
        }
        if !REGIONS.contains(&region.as_str()) {
            return Err("`region` is none of Amazon's: give one as us-east-1, or an `endpoint`".to_owned());
        }
    }
    let is_header = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_header(&access_key_id) || !is_header(&secret_access_key) || !is_header(&region) {
        return Err("`accessKeyID`, `secretAccessKey` and `region` may hold plain letters only".to_owned());
    }
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = bucket.len() >= 3
        && bucket.bytes().next().is_some_and(is_letter)
        && bucket.bytes().all(|byte| is_letter(byte) || matches!(byte, b'.' | b'-'))
        && !bucket.contains("..")
        && !bucket.starts_with("xn--")
        && !bucket.ends_with("-s3alias");
    if !is_name {
        return Err("`bucket` must be a name of 3 to 63 characters: a-z, 0-9, `.` and `-`".to_owned());
    }
    // A name with dots cannot stand before the host of a certificate.
    let path_style = path_style.unwrap_or(endpoint.is_some() || bucket.contains('.'));
    Ok(S3Settings { access_key_id, secret_access_key, region, bucket, endpoint, path_style })
}

fn endpoint_of(text: &str) -> Result<Url, Wrong> {
    let wrong = || "`endpoint` must be an address as https://s3.example.com".to_owned();
    let url = Url::parse(text.trim()).map_err(|_| wrong())?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if is_plain { Ok(url) } else { Err(wrong()) }
}

fn sftp(members: &mut Members<'_>, role: Role) -> Result<SftpSettings, Wrong> {
    let host = host_of(members.text("host", 253)?)?;
    let port = members.port("port", 22)?;
    let username = members.text("username", 200)?.to_owned();
    let password = members.text_if_any("password", 200)?.map(str::to_owned);
    let private_key = members.text_if_any("privateKey", 20_000)?;
    let passphrase = members.text_if_any("passphrase", 1_000)?;
    let host_public_key = members.text_if_any("hostPublicKey", 5_000)?;
    let temp_path = if role == Role::Destination { members.text_if_any("tempPath", 1_000)? } else { None };
    if username.contains('\0') || temp_path.is_some_and(|path| path.contains('\0')) {
        return Err("`username` and `tempPath` may not hold a NUL".to_owned());
    }
    if password.is_none() && private_key.is_none() {
        return Err("`password` or `privateKey` is missing".to_owned());
    }
    if passphrase.is_some() && private_key.is_none() {
        return Err("`passphrase` is that of a `privateKey`, which is missing".to_owned());
    }
    Ok(SftpSettings {
        host,
        port,
        username,
        password,
        private_key: private_key.map(|key| host_key::private_key(key, passphrase)).transpose()?,
        host_public_key: host_public_key.map(host_key::public_key).transpose()?,
        temp_path: temp_path.map(str::to_owned),
    })
}

fn http(members: &mut Members<'_>) -> Result<HttpSettings, Wrong> {
    let host = host_of(members.text("host", 253)?)?;
    let scheme = members.text_if_any("scheme", 10)?.unwrap_or("https");
    if !matches!(scheme, "http" | "https") {
        return Err("`scheme` must be https or http".to_owned());
    }
    let port = members.port("port", if scheme == "https" { 443 } else { 80 })?;
    let origin = Url::parse(&format!("{scheme}://{host}:{port}/"))
        .map_err(|_| "`host` must be a name or an address, without a port".to_owned())?;
    let mut headers = HeaderMap::new();
    let list = members.take("headers").map(|list| list.as_array().ok_or("`headers` must be a list"));
    let list = list.transpose()?.map_or(&[][..], Vec::as_slice);
    if list.len() > MOST_HEADERS {
        return Err(format!("`headers` may hold {MOST_HEADERS} headers"));
    }
    let mut bytes = 0;
    for (index, entry) in list.iter().enumerate() {
        let of = |what: &str| format!("`headers[{index}]`: {what}");
        let map = entry.as_object().ok_or_else(|| of("it must be an object with `key` and `value`"))?;
        let mut entry = Members::of(map);
        let key = entry.text("key", 100).map_err(|wrong| of(&wrong))?;
        let value = entry.text("value", 10_000).map_err(|wrong| of(&wrong))?;
        entry.end().map_err(|wrong| of(&wrong))?;
        let name: HeaderName = key.parse().map_err(|_| of("`key` is no name of a header"))?;
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(of("this header is set by the request itself"));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| of("`value` cannot stand in a header"))?;
        value.set_sensitive(true);
        bytes += name.as_str().len() + value.len();
        headers.append(name, value);
    }
    if bytes > HEADER_BYTES {
        return Err(format!("`headers` may hold {HEADER_BYTES} bytes together"));
    }
    Ok(HttpSettings { origin, headers })
}

/// A host without a port: a name, also one of other scripts, or an address.
fn host_of(text: &str) -> Result<String, Wrong> {
    let wrong = || "`host` must be a name or an address, without a port or a path".to_owned();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(format!("[{bare}]"));
    }
    let is_plain = !text.contains(|letter: char| {
        letter.is_whitespace() || letter.is_control() || "/\\:@?#%[]<>^|`{}\"".contains(letter)
    });
    if !is_plain {
        return Err(wrong());
    }
    match url::Host::parse(text) {
        Ok(url::Host::Domain(name)) if !name.trim_matches('.').is_empty() => Ok(name),
        Ok(url::Host::Ipv4(address)) => Ok(address.to_string()),
        _ => Err(wrong()),
    }
}
