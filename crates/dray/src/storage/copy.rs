//! A copy of a file under way to this machine, and the patience with which it is fetched: where the connection
//! breaks off it goes on at the byte it came to.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dray_model::{Error, Result};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::outcome::{End, interrupted, too_large, unkept};
use crate::outbound::fetch::FetchWatch;

/// How often the wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// The longest pause between two attempts.
const MOST_PAUSE: Duration = Duration::from_secs(30);
/// How long a whole file may take.
pub(super) const WHOLE: Duration = Duration::from_secs(6 * 3600);

/// How long a storage may say nothing, and how often it is asked again.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Nothing may come for this long.
    pub silence: Duration,
    /// How often a file is begun or gone on with.
    pub attempts: u32,
    /// The pause after the first break; each next one is twice as long.
    pub pause: Duration,
}

impl Patience {
    /// For storages that may be silent for so long.
    pub fn of(silence: Duration) -> Self {
        let pause = (silence / 30).clamp(Duration::from_millis(20), Duration::from_secs(2));
        Self { silence, attempts: 5, pause }
    }
}

/// A file that was copied here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// Its size.
    pub bytes: u64,
    /// When it was last changed, microseconds since the epoch; now where the storage does not say.
    pub modified: i64,
}

/// A copy under way.
pub(super) struct Copy<'a> {
    path: &'a str,
    file: File,
    most: u64,
    watch: FetchWatch<'a>,
    /// Bytes that have come.
    pub(super) received: u64,
}

impl<'a> Copy<'a> {
    pub(super) async fn begin(path: &'a str, to: &Path, most: u64, watch: FetchWatch<'a>) -> Result<Self> {
        let file = File::create(to).await.map_err(|why| unkept(&why))?;
        watch.bytes.store(0, Ordering::Relaxed);
        Ok(Self { path, file, most, watch, received: 0 })
    }

    pub(super) async fn write(&mut self, part: &[u8]) -> std::result::Result<(), End> {
        self.received += part.len() as u64;
        self.check(self.received)?;
        self.file.write_all(part).await.map_err(|why| End::Final(unkept(&why)))?;
        self.watch.bytes.store(self.received, Ordering::Relaxed);
        Ok(())
    }

    /// An error where so many bytes are more than allowed.
    pub(super) fn check(&self, bytes: u64) -> std::result::Result<(), End> {
        if bytes > self.most {
            return Err(End::Final(too_large(self.path, self.most)));
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<u64> {
        // A process that begins anew fetches anew: nothing has to outlive this one.
        self.file.flush().await.map_err(|why| unkept(&why))?;
        Ok(self.received)
    }

    /// Makes attempts until one comes to the end of the file, or nothing is to be hoped for any more. What an
    /// attempt returns is when the file was last changed.
    pub(super) async fn persevere(
        mut self,
        patience: Patience,
        mut attempt: impl AsyncFnMut(&mut Self) -> std::result::Result<i64, End>,
    ) -> Result<Fetched> {
        let stop = self.watch.stop;
        let stopped = async || {
            while !stop.load(Ordering::Relaxed) {
                tokio::time::sleep(LOOK).await;
            }
        };
        let end = tokio::time::Instant::now() + WHOLE;
        let mut breaks = 0;
        loop {
            let ended = tokio::select! {
                ended = tokio::time::timeout_at(end, attempt(&mut self)) => ended,
                () = stopped() => return Err(interrupted()),
            };
            let error = match ended {
                Ok(Ok(modified)) => return Ok(Fetched { bytes: self.finish().await?, modified }),
                Ok(Err(End::Final(error))) => return Err(error),
                Ok(Err(End::Broken(error))) => error,
                Err(_) => {
                    return Err(Error::source(format!(
                        "the file `{}` took longer than {} hours",
                        self.path,
                        WHOLE.as_secs() / 3600
                    )));
                }
            };
            breaks += 1;
            if breaks >= patience.attempts {
                return Err(error);
            }
            let pause = patience.pause.saturating_mul(1 << (breaks - 1).min(16)).min(MOST_PAUSE);
            tracing::info!(error = %error.message, bytes = self.received, "a file is gone on with after a pause");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopped() => return Err(interrupted()),
            }
        }
    }
}
