//! The way into an SFTP server: a checked address, a known key of the server, then our key or password.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dray_model::Error;
use futures_util::TryFutureExt;
use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Disconnect, MethodKind, Preferred};
use russh_sftp::client::{Config as SftpConfig, RawSftpSession};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::host_key::{algorithms_of, fingerprint, line_of, public_key};
use super::outcome::End;
use super::settings::SftpSettings;
use crate::outbound::client::Outbound;

/// How long it may take to come in.
const COMING_IN: Duration = Duration::from_secs(20);
/// How often something is sent to a server that says nothing, so that nobody in between forgets us.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a server may ask what it wants to know of the password.
const MOST_QUESTIONS: usize = 5;
/// What servers may be able to do beyond the protocol.
const POSIX_RENAME: &str = "posix-rename@openssh.com";
const FSYNC: &str = "fsync@openssh.com";

/// A session with an SFTP server.
pub(super) struct Session {
    pub(super) sftp: RawSftpSession,
    /// It can replace a file by another at once.
    pub(super) replaces: bool,
    /// It can say when a file is on its disk.
    pub(super) syncs: bool,
    /// The key it has shown, as OpenSSH writes it.
    pub(super) host_key: String,
    handle: Handle<Door>,
}

impl Session {
    /// Ends it in order.
    pub(super) async fn close(self) {
        let _ = self.sftp.close_session();
        let _ =
            timeout(Duration::from_secs(1), self.handle.disconnect(Disconnect::ByApplication, "", "")).await;
    }
}

/// Looks at the key that a server shows.
struct Door {
    known: Option<PublicKey>,
    shown: Arc<Mutex<Option<PublicKey>>>,
}

impl client::Handler for Door {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let is_known = self.known.as_ref().is_none_or(|known| known.key_data() == key.key_data());
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        Ok(is_known)
    }
}

/// Comes in. `remembered` is the key that the server showed before, where the settings name none.
pub(super) async fn connect(
    settings: &SftpSettings,
    remembered: Option<&str>,
    outbound: &Outbound,
    silence: Duration,
) -> Result<Session, End> {
    let most = silence.min(COMING_IN);
    match timeout(most, come_in(settings, remembered, outbound, silence)).await {
        Ok(came_in) => came_in,
        Err(_) => Err(End::Broken(
            Error::source(format!(
                "`{}` did not let us in within {} seconds",
                shown(settings),
                most.as_secs_f32()
            ))
            .hint("see `host` and `port` of the connection, and whether the server is well")
            .retryable(),
        )),
    }
}

pub(super) fn shown(settings: &SftpSettings) -> String {
    format!("{}:{}", settings.host, settings.port)
}

async fn come_in(
    settings: &SftpSettings,
    remembered: Option<&str>,
    outbound: &Outbound,
    silence: Duration,
) -> Result<Session, End> {
    let known = match (&settings.host_public_key, remembered) {
        (Some(key), _) => Some(key.clone()),
        (None, Some(line)) => Some(public_key(line).map_err(|_| {
            End::Final(
                Error::source("the server's key that was remembered cannot be read")
                    .hint("save the settings of the connection again"),
            )
        })?),
        (None, None) => None,
    };
    let stream = reach(settings, outbound).await?;
    let _ = stream.set_nodelay(true);
    let seen: Arc<Mutex<Option<PublicKey>>> = Arc::default();
    let door = Door { known: known.clone(), shown: Arc::clone(&seen) };
    let connected = client::connect_stream(Arc::new(config(known.as_ref())), stream, door).await;
    let shown_key = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut handle = connected.map_err(|why| refused(settings, &why, known.as_ref(), shown_key.as_ref()))?;
    let host_key = shown_key.as_ref().and_then(line_of).unwrap_or_default();
    authenticate(&mut handle, settings).await?;

    let broken = |why: russh::Error| broken(settings, &why);
    let channel = handle.channel_open_session().map_err(broken).await?;
    channel.request_subsystem(true, "sftp").map_err(broken).await?;
    let config = SftpConfig { request_timeout_secs: silence.as_secs().max(1), ..SftpConfig::default() };
    let sftp = RawSftpSession::new_with_config(channel.into_stream(), config);
    let version = sftp.init().await.map_err(|_| {
        End::Final(
            Error::source(format!("`{}` lets us in and does not speak SFTP", shown(settings)))
                .hint("is the user allowed to use SFTP there?"),
        )
    })?;
    let can = |name: &str| version.extensions.get(name).is_some_and(|version| version == "1");
    Ok(Session { replaces: can(POSIX_RENAME), syncs: can(FSYNC), sftp, host_key, handle })
}

/// A connection to the first address that takes one.
async fn reach(settings: &SftpSettings, outbound: &Outbound) -> Result<TcpStream, End> {
    let mut last = None;
    for address in outbound.addresses(&settings.host, settings.port).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(why) => last = Some(why.kind()),
        }
    }
    let why = last.map(|kind| format!(" ({kind})")).unwrap_or_default();
    Err(End::Broken(
        Error::source(format!("`{}` cannot be reached{why}", shown(settings)))
            .hint("see `host` and `port` of the connection, and whether the server is well")
            .retryable(),
    ))
}

fn config(known: Option<&PublicKey>) -> client::Config {
    let is_safe = |algorithm: &&Algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None });
    let algorithms: Vec<Algorithm> = match known {
        // A server with several keys shows the one we know.
        Some(key) => algorithms_of(key),
        None => Preferred::DEFAULT.key.iter().filter(is_safe).cloned().collect(),
    };
    client::Config {
        preferred: Preferred { key: algorithms.into(), ..Preferred::DEFAULT },
        keepalive_interval: Some(KEEP_ALIVE),
        ..client::Config::default()
    }
}

async fn authenticate(handle: &mut Handle<Door>, settings: &SftpSettings) -> Result<(), End> {
    let broken = |why: russh::Error| broken(settings, &why);
    let mut has_failed = false;
    if let Some(key) = &settings.private_key {
        let hash = match key.algorithm() {
            // The old way of RSA keys is no proof any more.
            Algorithm::Rsa { .. } => {
                handle.best_supported_rsa_hash().await.map_err(broken)?.flatten().or(Some(HashAlg::Sha256))
            }
            _ => None,
        };
        let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
        if handle.authenticate_publickey(&settings.username, key).await.map_err(broken)?.success() {
            return Ok(());
        }
        has_failed = true;
    }
    if let Some(password) = &settings.password {
        match handle.authenticate_password(&settings.username, password).await.map_err(broken)? {
            AuthResult::Success => return Ok(()),
            // Many servers take passwords only as the answer to a question.
            AuthResult::Failure { remaining_methods, .. }
                if remaining_methods.contains(&MethodKind::KeyboardInteractive) =>
            {
                if answer_questions(handle, settings, password).await.map_err(broken)? {
                    return Ok(());
                }
            }
            AuthResult::Failure { .. } => {}
        }
    }
    let what = if has_failed && settings.password.is_none() { "the private key" } else { "the password" };
    Err(End::Final(
        Error::source(format!("`{}` refuses {what} of the user", shown(settings)))
            .hint("see `username`, `password` and `privateKey` of the connection"),
    ))
}

async fn answer_questions(
    handle: &mut Handle<Door>,
    settings: &SftpSettings,
    password: &str,
) -> Result<bool, russh::Error> {
    let mut asked = handle.authenticate_keyboard_interactive_start(&settings.username, None).await?;
    for _ in 0..MOST_QUESTIONS {
        let prompts = match asked {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
        };
        // What is shown while it is typed is no password.
        let answers =
            prompts.iter().map(|prompt| if prompt.echo { String::new() } else { password.to_owned() });
        asked = handle.authenticate_keyboard_interactive_respond(answers.collect()).await?;
    }
    Ok(false)
}

/// Why the server was left before anybody said who we are.
fn refused(
    settings: &SftpSettings,
    why: &russh::Error,
    known: Option<&PublicKey>,
    shown_key: Option<&PublicKey>,
) -> End {
    let host = shown(settings);
    let is_unknown = matches!(why, russh::Error::UnknownKey);
    match (known, shown_key) {
        (Some(known), Some(key)) if is_unknown || known.key_data() != key.key_data() => End::Final(
            Error::source(format!(
                "`{host}` shows another key ({}) than the one it is known by ({})",
                fingerprint(key),
                fingerprint(known)
            ))
            .hint(
                "somebody may stand in between: ask whoever runs the server; where the key was changed on purpose, \
                 save the settings of the connection again, best with its `hostPublicKey`",
            ),
        ),
        (Some(known), None) if matches!(why, russh::Error::NoCommonAlgo { .. }) => End::Final(
            Error::source(format!(
                "`{host}` does not show the key it is known by ({})",
                fingerprint(known)
            ))
            .hint("where it was changed on purpose, save the settings of the connection again"),
        ),
        _ => match why {
            russh::Error::NoCommonAlgo { .. } => End::Final(
                Error::source(format!("`{host}` speaks only ways of SSH that are no longer safe"))
                    .hint("bring the server up to date"),
            ),
            why => broken(settings, why),
        },
    }
}

/// A connection that broke off.
fn broken(settings: &SftpSettings, why: &russh::Error) -> End {
    let what = match why {
        russh::Error::IO(why) => format!(" ({})", why.kind()),
        russh::Error::Version => " (it does not speak SSH)".to_owned(),
        _ => String::new(),
    };
    End::Broken(
        Error::source(format!("the connection to `{}` broke off{what}", shown(settings)))
            .hint("see whether the server is well, and try again")
            .retryable(),
    )
}
