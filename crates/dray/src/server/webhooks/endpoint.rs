//! Who wants to know: endpoints of an organization, each with a secret that signs what it is told. The secrets
//! are sealed where they rest, as they have to be read again.

use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{parse, write};
use crate::server::secret::Secret;
use crate::server::signature::new_secret;

const KIND: &str = "webhook_endpoint";
/// The endpoint that stands for the addresses which jobs name themselves: it has a secret and no address.
pub const JOBS: &str = "jobs";
/// What secrets are sealed for.
const PURPOSE: &str = "webhook secret";
/// How long the secret before still signs, in microseconds.
const OVERLAP: i64 = 24 * 3600 * 1_000_000;
/// Endpoints of one organization.
pub const MOST_ENDPOINTS: usize = 50;
/// How often a change is tried where others change the same.
const MOST_TRIES: usize = 10;

/// Whom to tell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its name in addresses.
    pub id: String,
    /// Where it is; empty for [`JOBS`].
    pub url: String,
    /// What it wants to know; empty for everything.
    pub events: Vec<String>,
    /// For people.
    pub description: String,
    /// Microseconds since the epoch, as all times here.
    pub created_at: i64,
    /// When it was last changed.
    pub changed_at: i64,
    /// Since when it is told nothing.
    #[serde(default)]
    pub disabled_at: Option<i64>,
    /// Why.
    #[serde(default)]
    pub disabled_because: Option<String>,
    /// Until when the secret before still signs.
    #[serde(default)]
    pub previous_until: Option<i64>,
    /// The sealed secret.
    secret: String,
    /// The sealed secret before.
    #[serde(default)]
    previous: Option<String>,
}

impl Endpoint {
    /// True where it wants to know of this.
    pub fn wants(&self, event: &str) -> bool {
        self.disabled_at.is_none()
            && self.id != JOBS
            && (self.events.is_empty() || self.events.iter().any(|wanted| wanted == event))
    }

    /// The secrets that sign now, the newest first.
    pub fn secrets(&self, secret: &Secret, organization: &str, now: i64) -> Result<Vec<String>> {
        let previous =
            self.previous.as_ref().filter(|_| self.previous_until.is_some_and(|until| now < until));
        let owner = owner(organization, &self.id);
        let opened: Option<Vec<String>> = [Some(&self.secret), previous]
            .into_iter()
            .flatten()
            .map(|sealed| secret.open(PURPOSE, &owner, sealed))
            .collect();
        opened.ok_or_else(|| {
            Error::request("the secret of a webhook cannot be read")
                .hint("was DRAY_SECRET_KEY changed? rotate the secret of the webhook")
        })
    }
}

fn owner(organization: &str, id: &str) -> String {
    format!("{organization}/{id}")
}

/// All endpoints, the oldest first.
pub fn list(session: &mut dyn Session) -> Result<Vec<Endpoint>> {
    let found = session.list_documents(KIND, "", MOST_ENDPOINTS as u64 + 1)?;
    let mut endpoints: Vec<Endpoint> =
        found.iter().map(|document| parse(&document.body)).collect::<Result<_>>()?;
    endpoints.sort_by_key(|endpoint| endpoint.created_at);
    Ok(endpoints)
}

/// One endpoint.
pub fn find(session: &mut dyn Session, id: &str) -> Result<Option<Endpoint>> {
    session.find_document(KIND, id)?.map(|document| parse(&document.body)).transpose()
}

/// Makes an endpoint; returns it with its secret, which is shown this once.
pub fn create(
    session: &mut dyn Session,
    secret: &Secret,
    organization: &str,
    (url, events, description): (String, Vec<String>, String),
    now: i64,
) -> Result<(Endpoint, String)> {
    if list(session)?.iter().filter(|endpoint| endpoint.id != JOBS).count() >= MOST_ENDPOINTS {
        return Err(Error::request(format!("there are {MOST_ENDPOINTS} webhooks already"))
            .hint("delete one that is no longer needed"));
    }
    let id = format!("wh_{:016x}", rand::random::<u64>());
    let (endpoint, clear) = new_endpoint(secret, organization, id, now)?;
    let endpoint = Endpoint { url, events, description, ..endpoint };
    session.create_document(KIND, &endpoint.id, &write(&endpoint)?, now)?;
    Ok((endpoint, clear))
}

/// The endpoint of the addresses that jobs name, made when it is first needed.
pub fn of_jobs(session: &mut dyn Session, secret: &Secret, organization: &str, now: i64) -> Result<Endpoint> {
    if let Some(found) = find(session, JOBS)? {
        return Ok(found);
    }
    let (endpoint, _) = new_endpoint(secret, organization, JOBS.to_owned(), now)?;
    let endpoint = Endpoint { description: "Addresses that jobs name themselves".to_owned(), ..endpoint };
    if session.create_document(KIND, JOBS, &write(&endpoint)?, now)? {
        return Ok(endpoint);
    }
    find(session, JOBS)?.ok_or_else(changed_too_often)
}

fn new_endpoint(secret: &Secret, organization: &str, id: String, now: i64) -> Result<(Endpoint, String)> {
    let clear = new_secret();
    let endpoint = Endpoint {
        url: String::new(),
        events: Vec::new(),
        description: String::new(),
        created_at: now,
        changed_at: now,
        disabled_at: None,
        disabled_because: None,
        previous_until: None,
        secret: secret.seal(PURPOSE, &owner(organization, &id), &clear)?,
        previous: None,
        id,
    };
    Ok((endpoint, clear))
}

/// Changes an endpoint; the changed one, where there is one.
pub fn change(
    session: &mut dyn Session,
    id: &str,
    now: i64,
    change: impl Fn(&mut Endpoint),
) -> Result<Option<Endpoint>> {
    for _ in 0..MOST_TRIES {
        let Some(found) = session.find_document(KIND, id)? else { return Ok(None) };
        let mut endpoint: Endpoint = parse(&found.body)?;
        change(&mut endpoint);
        endpoint.changed_at = now;
        if session.replace_document(KIND, id, found.version, &write(&endpoint)?, now)? {
            return Ok(Some(endpoint));
        }
    }
    Err(changed_too_often())
}

/// Gives an endpoint a new secret, shown this once; the one before signs beside it for a day.
pub fn rotate(
    session: &mut dyn Session,
    secret: &Secret,
    organization: &str,
    id: &str,
    now: i64,
) -> Result<Option<(Endpoint, String)>> {
    let clear = new_secret();
    let sealed = secret.seal(PURPOSE, &owner(organization, id), &clear)?;
    let changed = change(session, id, now, |endpoint| {
        endpoint.previous = Some(std::mem::replace(&mut endpoint.secret, sealed.clone()));
        endpoint.previous_until = Some(now + OVERLAP);
    })?;
    Ok(changed.map(|endpoint| (endpoint, clear)))
}

/// Deletes an endpoint; false where there is none. What waits for it is not sent.
pub fn delete(session: &mut dyn Session, id: &str) -> Result<bool> {
    session.delete_document(KIND, id)
}

fn changed_too_often() -> Error {
    Error::store("a webhook is being changed by others").hint("try again").retryable()
}
