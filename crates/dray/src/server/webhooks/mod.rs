//! Telling others that a job has ended: `event` (what is told) → `endpoint` (who wants to know) → `delivery` (kept
//! in the same transaction as the job's end, so that no crash loses one) → `super::signature` → `send` (what is due,
//! by whichever process takes it first).

pub mod event;
pub mod endpoint;
pub mod delivery;
pub mod notify;
pub mod send;

pub use notify::{cancel_job, save_end};

use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a document as what it is.
fn parse<T: DeserializeOwned>(body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(|cause| {
        Error::store("a webhook cannot be read").hint("was the store used by a newer Dray?").because(cause)
    })
}

fn write(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|cause| Error::store("a webhook cannot be written").because(cause))
}

/// All of it or nothing.
fn together<T>(session: &mut dyn Session, work: impl FnOnce(&mut dyn Session) -> Result<T>) -> Result<T> {
    session.begin()?;
    match work(session) {
        Ok(done) => session.commit().map(|()| done),
        Err(error) => {
            session.rollback();
            Err(error)
        }
    }
}
