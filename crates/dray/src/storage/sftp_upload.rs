//! A file under way to an SFTP server: under another name, and under its own once it is whole.

use std::sync::Arc;

use dray_model::{Error, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};
use tokio::runtime::Handle;

use super::outcome::{End, as_io};
use super::settings::SftpSettings;
use super::sftp::told;
use super::ssh::Session;

/// Bytes that are sent together, and those of one request: what every server takes.
const TOGETHER: usize = 1 << 20;
const PART_BYTES: usize = 32 << 10;
/// Parts on their way at once.
const PARTS_AT_ONCE: usize = 32;

/// A file under way. It is gone where it is dropped before it is finished.
pub(super) struct Upload {
    session: Option<Session>,
    settings: Arc<SftpSettings>,
    path: String,
    draft: String,
    handle: String,
    buffer: Vec<u8>,
    sent: u64,
    runtime: Handle,
}

impl Upload {
    pub(super) async fn begin(
        session: Session,
        settings: Arc<SftpSettings>,
        path: String,
        runtime: Handle,
    ) -> std::result::Result<Self, End> {
        let draft = draft_of(&path, settings.temp_path.as_deref());
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUDE;
        let opened = session.sftp.open(&draft, flags, FileAttributes::empty()).await;
        let opened = opened.map_err(|why| match &why {
            SftpError::Status(status) if status.status_code == StatusCode::NoSuchFile => End::Final(
                Error::source(format!("the folder of `{draft}` is not there"))
                    .hint("folders are not made: make it on the server, or change the path"),
            ),
            why => told(&settings, &draft, why),
        })?;
        let handle = opened.handle;
        let buffer = Vec::with_capacity(TOGETHER);
        Ok(Self { session: Some(session), settings, path, draft, handle, buffer, sent: 0, runtime })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= TOGETHER {
            self.send().map_err(as_io)?;
        }
        Ok(bytes.len())
    }

    fn send(&mut self) -> Result<()> {
        let Some(session) = &self.session else { return Err(self.ended()) };
        let (sftp, handle) = (&session.sftp, self.handle.as_str());
        let sent = self.sent;
        let parts = self.buffer.chunks(PART_BYTES).enumerate().map(|(index, part)| {
            let offset = sent + (index * PART_BYTES) as u64;
            sftp.write(handle, offset, part.to_vec())
        });
        let written = self.runtime.block_on(
            stream::iter(parts).buffer_unordered(PARTS_AT_ONCE).try_for_each(|_| std::future::ready(Ok(()))),
        );
        written.map_err(|why| self.told(&why))?;
        self.sent += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.send()?;
        }
        let Some(session) = &self.session else { return Err(self.ended()) };
        self.runtime.block_on(self.put_in_place(session))?;
        if let Some(session) = self.session.take() {
            self.runtime.block_on(session.close());
        }
        Ok(())
    }

    async fn put_in_place(&self, session: &Session) -> Result<()> {
        let sftp = &session.sftp;
        let told = |why: SftpError| self.told(&why);
        if session.syncs {
            sftp.fsync(&self.handle).await.map_err(told)?;
        }
        let kept = sftp.fstat(&self.handle).await.map_err(told)?.attrs.size;
        if kept.is_some_and(|bytes| bytes != self.sent) {
            return Err(Error::source(format!("the server kept only a part of `{}`", self.path))
                .hint("is there space left on it?")
                .retryable());
        }
        sftp.close(&self.handle).await.map_err(told)?;
        if session.replaces {
            let names = [self.draft.as_str(), self.path.as_str()].map(ssh_text).concat();
            return match sftp.extended("posix-rename@openssh.com", names).await.map_err(told)? {
                Packet::Status(status) if status.status_code == StatusCode::Ok => Ok(()),
                Packet::Status(status) => Err(self.told(&SftpError::Status(status))),
                _ => Err(self.told(&SftpError::UnexpectedPacket)),
            };
        }
        // The protocol's own renaming replaces nothing: for a moment there is no file.
        if sftp.rename(&self.draft, &self.path).await.is_ok() {
            return Ok(());
        }
        let _ = sftp.remove(&self.path).await;
        sftp.rename(&self.draft, &self.path).await.map(|_| ()).map_err(told)
    }

    fn told(&self, why: &SftpError) -> Error {
        match told(&self.settings, &self.path, why) {
            End::Broken(error) | End::Final(error) => error,
        }
    }

    fn ended(&self) -> Error {
        Error::source(format!("`{}` was ended before", self.path))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let (handle, draft) = (self.handle.clone(), self.draft.clone());
        self.runtime.spawn(async move {
            let _ = session.sftp.close(handle).await;
            let _ = session.sftp.remove(draft).await;
            session.close().await;
        });
    }
}

/// The name of a file under way: in the folder for them, or beside the file.
fn draft_of(path: &str, temp_path: Option<&str>) -> String {
    let random = format!("{:016x}", rand::random::<u64>());
    let Some(folder) = temp_path else { return format!("{path}-{random}.tmp") };
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => format!("{stem}-{random}.{ending}"),
        _ => format!("{name}-{random}"),
    };
    format!("{}/{name}", folder.trim_end_matches('/'))
}

/// A text as SSH writes it: its length, and it.
fn ssh_text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    [length.as_slice(), text.as_bytes()].concat()
}
