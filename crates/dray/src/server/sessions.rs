//! Sessions with the store: a bounded number, kept open, each used by one piece of blocking work at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dray_model::catalog::Session;
use dray_model::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for a session before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Idle sessions kept for one organization.
const MOST_IDLE: usize = 8;

/// A session that was idle for longer is asked whether the store is still there.
const FRESH: Duration = Duration::from_secs(1);

/// The name under which the directory's sessions are kept; no organization can have it.
const DIRECTORY: &str = "";

/// The sessions of one process.
#[derive(Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
}

struct Shared {
    address: String,
    idle: Mutex<HashMap<String, Vec<Idle>>>,
    permits: Arc<Semaphore>,
}

/// A session that waits, and since when.
struct Idle {
    since: Instant,
    session: Box<dyn Session>,
}

impl Sessions {
    /// At most `most` sessions with the store at this address.
    pub fn new(address: &str, most: usize) -> Self {
        let permits = Arc::new(Semaphore::new(most));
        Self { shared: Arc::new(Shared { address: address.to_owned(), idle: Mutex::default(), permits }) }
    }

    /// Does blocking work with a session of an organization.
    pub async fn run<T: Send + 'static>(
        &self,
        organization: &str,
        work: impl FnOnce(&mut dyn Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.shared.permits).acquire_owned())
            .await
            .map_err(|_| Error::store("the server is busy").hint("try again in a few seconds").retryable())?
            .map_err(|_| Error::store("the server is stopping").retryable())?;
        let shared = Arc::clone(&self.shared);
        let organization = organization.to_owned();
        let span = tracing::Span::current();
        let worked = tokio::task::spawn_blocking(move || {
            span.in_scope(|| shared.with_session(&organization, permit, work))
        });
        worked.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, "work in the store panicked");
            Err(Error::store("the work broke off").hint("this is a defect in Dray: please report it"))
        })
    }

    /// Does blocking work with the directory.
    pub async fn directory<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(DIRECTORY, work).await
    }

    /// A session of its own, for work that takes long; it is not among those counted.
    pub fn open(&self, organization: &str) -> Result<Box<dyn Session>> {
        self.shared.open(organization)
    }

    /// Closes what is idle. Blocking.
    pub fn close(&self) {
        self.shared.permits.close();
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Shared {
    fn with_session<T>(
        &self,
        organization: &str,
        _permit: OwnedSemaphorePermit,
        work: impl FnOnce(&mut dyn Session) -> Result<T>,
    ) -> Result<T> {
        let mut session = match self.take_idle(organization) {
            Some(session) => session,
            None => self.open(organization)?,
        };
        let result = work(session.as_mut());
        // After an error the connection may be gone, or a transaction open.
        let is_sound = result.as_ref().err().is_none_or(|error| error.kind != dray_model::ErrorKind::Store);
        if is_sound {
            session.rollback();
            let mut idle = self.idle();
            let kept = idle.entry(organization.to_owned()).or_default();
            if kept.len() < MOST_IDLE {
                kept.push(Idle { since: Instant::now(), session });
            }
        } else if session.time().is_err() {
            // Where the store went away, so did the connections of the others.
            self.idle().clear();
        }
        result
    }

    /// A session that waits and whose connection has not gone away meanwhile.
    fn take_idle(&self, organization: &str) -> Option<Box<dyn Session>> {
        loop {
            let Idle { since, mut session } = self.idle().get_mut(organization).and_then(Vec::pop)?;
            if since.elapsed() < FRESH || session.time().is_ok() {
                return Some(session);
            }
        }
    }

    fn open(&self, organization: &str) -> Result<Box<dyn Session>> {
        if organization == DIRECTORY {
            return dray_stores::connect_directory(&self.address);
        }
        dray_stores::connect(&self.address, organization)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
