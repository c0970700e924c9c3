//! Files of an SFTP server, read in many parts at once and gone on with where the connection breaks off.

use std::path::Path;
use std::sync::Arc;

use dray_model::{Error, Result};
use futures_util::StreamExt;
use futures_util::stream;
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::copy::{Copy, Fetched, Patience};
use super::outcome::{End, changed, no_such_file, other_size, too_many_files};
use super::path::{InvalidPath, Pattern, checked};
use super::settings::SftpSettings;
use super::sftp_upload::Upload;
use super::ssh::{self, Session, shown};
use super::{Listed, MOST_LISTED, TEST_TIME};
use crate::clock;
use crate::outbound::client::Outbound;
use crate::outbound::fetch::FetchWatch;

/// Bytes asked for at once: what every server gives.
const PART_BYTES: u32 = 32 << 10;
/// Parts on their way at once.
const PARTS_AT_ONCE: usize = 32;

/// An SFTP server.
pub(super) struct Sftp {
    settings: Arc<SftpSettings>,
    host_key: Option<String>,
    outbound: Outbound,
    patience: Patience,
    runtime: Handle,
}

impl Sftp {
    pub(super) fn new(
        settings: Box<SftpSettings>,
        host_key: Option<String>,
        outbound: Outbound,
        patience: Patience,
        runtime: Handle,
    ) -> Self {
        Self { settings: Arc::from(settings), host_key, outbound, patience, runtime }
    }

    pub(super) fn absolute_path(&self, path: &str) -> std::result::Result<String, InvalidPath> {
        Ok(format!("sftp://{}{}", shown(&self.settings), rooted(path)?))
    }

    async fn connect(&self) -> std::result::Result<Session, End> {
        ssh::connect(&self.settings, self.host_key.as_deref(), &self.outbound, self.patience.silence).await
    }

    pub(super) fn test(&self) -> Result<String> {
        let tested = async {
            let session = self.connect().await?;
            session.sftp.realpath(".").await.map_err(|why| self.end(".", &why))?;
            if let Some(folder) = &self.settings.temp_path {
                let about = session.sftp.stat(folder).await.map_err(|why| self.end(folder, &why))?;
                if about.attrs.permissions.is_some() && !about.attrs.is_dir() {
                    return Err(End::Final(Error::source("`tempPath` is no folder of the server")));
                }
            }
            let host_key = session.host_key.clone();
            session.close().await;
            Ok(host_key)
        };
        match self.runtime.block_on(async { timeout(TEST_TIME, tested).await }) {
            Ok(Ok(host_key)) => Ok(host_key),
            Ok(Err(End::Broken(error) | End::Final(error))) => Err(error),
            Err(_) => Err(Error::source(format!(
                "`{}` did not answer within {} seconds",
                shown(&self.settings),
                TEST_TIME.as_secs()
            ))
            .hint("see `host` and `port` of the connection, and whether the server is well")
            .retryable()),
        }
    }

    pub(super) fn fetch(&self, path: &str, to: &Path, most: u64, watch: FetchWatch<'_>) -> Result<Fetched> {
        let there = rooted(path)?;
        self.runtime.block_on(async {
            let copy = Copy::begin(path, to, most, watch).await?;
            let mut first: Option<Seen> = None;
            copy.persevere(self.patience, async |copy| {
                let session = self.connect().await?;
                let modified = self.read(&session.sftp, &there, &mut first, copy).await?;
                session.close().await;
                Ok(modified)
            })
            .await
        })
    }

    /// Reads what is missing of a file.
    async fn read(
        &self,
        sftp: &RawSftpSession,
        path: &str,
        first: &mut Option<Seen>,
        copy: &mut Copy<'_>,
    ) -> std::result::Result<i64, End> {
        let end = |why: SftpError| self.end(path, &why);
        // Asked before it is opened: a pipe would be waited for.
        must_be_file(path, &sftp.stat(path).await.map_err(end)?.attrs)?;
        let opened = sftp.open(path, OpenFlags::READ, FileAttributes::empty()).await.map_err(end)?;
        let about = sftp.fstat(&opened.handle).await.map_err(end)?.attrs;
        must_be_file(path, &about)?;
        let before = Seen::of(&about);
        if first.get_or_insert(before) != &before {
            return Err(End::Final(changed(path)));
        }
        copy.check(before.bytes.unwrap_or(0))?;

        // One part more than it has: nothing may come behind its end.
        let last = before.bytes.unwrap_or(u64::MAX);
        let begin = copy.received;
        let offsets =
            (0..).map(|part| begin + part * u64::from(PART_BYTES)).take_while(|&offset| offset <= last);
        let handle = opened.handle.as_str();
        let mut parts =
            stream::iter(offsets).map(|offset| read_part(sftp, handle, offset)).buffered(PARTS_AT_ONCE);
        while let Some(part) = parts.next().await {
            let part = part.map_err(end)?;
            copy.write(&part).await?;
            if part.len() < PART_BYTES as usize {
                break;
            }
        }
        drop(parts);
        let after = sftp.fstat(handle).await.map_err(end)?.attrs;
        if Seen::of(&after) != before {
            return Err(End::Final(changed(path)));
        }
        if let Some(bytes) = before.bytes
            && bytes != copy.received
        {
            return Err(End::Final(other_size(path, bytes, copy.received)));
        }
        let _ = sftp.close(handle).await;
        Ok(before.modified.map_or_else(clock::now, |seconds| i64::from(seconds) * 1_000_000))
    }

    pub(super) fn newest(&self, pattern: &Pattern) -> Result<Option<Listed>> {
        let folder = match pattern.folder.trim_end_matches('/') {
            "" => "/".to_owned(),
            folder => rooted(folder)?,
        };
        let found = self.runtime.block_on(async {
            let session = self.connect().await?;
            let newest = self.look_through(&session.sftp, &folder, pattern).await?;
            session.close().await;
            Ok(newest)
        });
        found.map_err(|end| match end {
            End::Broken(error) | End::Final(error) => error,
        })
    }

    async fn look_through(
        &self,
        sftp: &RawSftpSession,
        folder: &str,
        pattern: &Pattern,
    ) -> std::result::Result<Option<Listed>, End> {
        let opened = sftp.opendir(folder).await.map_err(|why| self.end(folder, &why))?;
        let mut newest: Option<Listed> = None;
        let mut count = 0;
        loop {
            let names = match sftp.readdir(&opened.handle).await {
                Ok(names) => names.files,
                Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => break,
                Err(why) => return Err(self.end(folder, &why)),
            };
            // A page without names would be asked for for ever.
            count += names.len().max(1);
            if count > MOST_LISTED {
                return Err(End::Final(too_many_files(folder)));
            }
            for entry in names {
                let name = entry.filename;
                if name.contains('/') || name == "." || name == ".." || !pattern.matches(&name) {
                    continue;
                }
                let mut about = entry.attrs;
                if about.is_symlink() || about.mtime.is_none() || about.permissions.is_none() {
                    let path = format!("{}/{name}", folder.trim_end_matches('/'));
                    // A link that leads nowhere is no file.
                    let Ok(found) = sftp.stat(path).await else { continue };
                    about = found.attrs;
                }
                if must_be_file(&name, &about).is_err() {
                    continue;
                }
                let modified = i64::from(about.mtime.unwrap_or(0)) * 1_000_000;
                let found = Listed { path: pattern.path(&name), bytes: about.len(), modified };
                if newest.as_ref().is_none_or(|known| (known.modified, &known.path) < (modified, &found.path))
                {
                    newest = Some(found);
                }
            }
        }
        let _ = sftp.close(&opened.handle).await;
        Ok(newest)
    }

    pub(super) fn create(&self, path: &str) -> Result<Upload> {
        let there = rooted(path)?;
        let begun = self.runtime.block_on(async {
            let session = self.connect().await?;
            Upload::begin(session, Arc::clone(&self.settings), there, self.runtime.clone()).await
        });
        begun.map_err(|end| match end {
            End::Broken(error) | End::Final(error) => error,
        })
    }

    fn end(&self, path: &str, why: &SftpError) -> End {
        told(&self.settings, path, why)
    }
}

/// What went wrong, without the words of the server, which knows the password.
pub(super) fn told(settings: &SftpSettings, path: &str, why: &SftpError) -> End {
    let host = shown(settings);
    match why {
        SftpError::Status(status) => match status.status_code {
            StatusCode::NoSuchFile => End::Final(no_such_file(path)),
            StatusCode::PermissionDenied => End::Final(
                Error::source(format!("`{host}` does not let the user at `{path}`"))
                    .hint("ask whoever runs the server for permission"),
            ),
            StatusCode::ConnectionLost | StatusCode::NoConnection => End::Broken(
                Error::source(format!("the connection to `{host}` broke off while at `{path}`")).retryable(),
            ),
            code => End::Final(
                Error::source(format!("`{host}` cannot do that with `{path}` ({code})"))
                    .hint("is the path right, and is there space left on the server?"),
            ),
        },
        SftpError::Timeout => End::Broken(
            Error::source(format!("nothing came from `{host}` for too long while at `{path}`"))
                .hint("see whether the server is well, and try again")
                .retryable(),
        ),
        _ => End::Broken(
            Error::source(format!("the connection to `{host}` broke off while at `{path}`"))
                .hint("see whether the server is well, and try again")
                .retryable(),
        ),
    }
}

/// A path from the root of the server.
fn rooted(path: &str) -> std::result::Result<String, InvalidPath> {
    let path = checked(path)?;
    if path.ends_with('/') {
        return Err(InvalidPath(format!("the path `{path}` names no file")));
    }
    Ok(if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
}

/// What tells whether a file is still the same; servers need not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    bytes: Option<u64>,
    modified: Option<u32>,
}

impl Seen {
    fn of(about: &FileAttributes) -> Self {
        Self { bytes: about.size, modified: about.mtime }
    }
}

fn must_be_file(path: &str, about: &FileAttributes) -> std::result::Result<(), End> {
    const KIND: u32 = 0xF000;
    const REGULAR: u32 = 0x8000;
    match about.permissions.map(|mode| mode & KIND) {
        None | Some(REGULAR | 0) => Ok(()),
        Some(_) => Err(End::Final(
            Error::source(format!("`{path}` is no file"))
                .hint("only regular files are read: no folders, pipes or devices"),
        )),
    }
}

/// A part of a file, shorter only at its end.
async fn read_part(
    sftp: &RawSftpSession,
    handle: &str,
    offset: u64,
) -> std::result::Result<Vec<u8>, SftpError> {
    let mut part: Vec<u8> = Vec::new();
    loop {
        let missing = PART_BYTES - u32::try_from(part.len()).unwrap_or(PART_BYTES);
        match sftp.read(handle, offset + part.len() as u64, missing).await {
            Ok(data) if data.data.is_empty() || data.data.len() > missing as usize => {
                return Err(SftpError::UnexpectedPacket);
            }
            Ok(data) => part.extend_from_slice(&data.data),
            Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => return Ok(part),
            Err(why) => return Err(why),
        }
        if part.len() >= PART_BYTES as usize {
            return Ok(part);
        }
    }
}
