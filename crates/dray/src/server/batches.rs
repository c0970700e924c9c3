//! Small pieces of work that are written down together: what comes while one transaction is under way waits for the
//! next, so that many that come at once cost few transactions, and one that comes alone waits for nobody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dray_model::catalog::Session;
use dray_model::{Error, Result};
use tokio::sync::oneshot;

use super::sessions::Sessions;

/// The most of one transaction.
const MOST: usize = 500;

/// What is done with all that has come meanwhile: one answer for each.
type Work<T, R> = fn(&mut dyn Session, &[T]) -> Result<Vec<R>>;

/// Something that waits, and who waits for it.
type Waiting<T, R> = (T, oneshot::Sender<Result<R>>);

/// What waits, by organization.
type Queues<T, R> = Mutex<HashMap<String, Vec<Waiting<T, R>>>>;

/// Pieces of work that share transactions.
pub struct Batches<T, R> {
    waiting: Arc<Queues<T, R>>,
    work: Work<T, R>,
}

impl<T: Clone + Send + Sync + 'static, R: Send + 'static> Batches<T, R> {
    /// Batches of this work, which is done in one transaction.
    pub fn new(work: Work<T, R>) -> Self {
        Self { waiting: Arc::default(), work }
    }

    /// Adds a piece, and waits until it is done durably.
    pub async fn add(&self, sessions: &Sessions, organization: &str, piece: T) -> Result<R> {
        let (tell, told) = oneshot::channel();
        let is_first = {
            let mut waiting = lock(&self.waiting);
            let is_first = !waiting.contains_key(organization);
            waiting.entry(organization.to_owned()).or_default().push((piece, tell));
            is_first
        };
        if is_first {
            let (sessions, organization) = (sessions.clone(), organization.to_owned());
            let (waiting, work) = (Arc::clone(&self.waiting), self.work);
            // Whoever came first may go away; the others still wait.
            tokio::spawn(async move { work_off(&sessions, &organization, &waiting, work).await });
        }
        told.await.unwrap_or_else(|_| Err(Error::store("the work broke off").retryable()))
    }
}

/// Carries out what waits for an organization until nothing waits.
async fn work_off<T: Clone + Send + Sync + 'static, R: Send + 'static>(
    sessions: &Sessions,
    organization: &str,
    waiting: &Queues<T, R>,
    work: Work<T, R>,
) {
    loop {
        let taken: Vec<Waiting<T, R>> = {
            let mut waiting = lock(waiting);
            let Some(own) = waiting.get_mut(organization) else { return };
            if own.is_empty() {
                waiting.remove(organization);
                return;
            }
            own.drain(..own.len().min(MOST)).collect()
        };
        let (pieces, tell): (Vec<T>, Vec<oneshot::Sender<Result<R>>>) = taken.into_iter().unzip();
        let done = sessions.run(organization, move |session| work(session, &pieces));
        match done.await {
            Ok(done) => {
                for (tell, done) in tell.into_iter().zip(done) {
                    let _ = tell.send(Ok(done));
                }
            }
            Err(error) => {
                for tell in tell {
                    let _ = tell.send(Err(again(&error)));
                }
            }
        }
    }
}

/// The same error for one more of those who wait.
fn again(error: &Error) -> Error {
    let mut same = Error::new(error.kind, error.message.clone());
    same.hint.clone_from(&error.hint);
    same.retryable = error.retryable;
    same
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
