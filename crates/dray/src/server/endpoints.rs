//! Where others send to a record, and by which tokens. Nothing of it is kept but how often the tokens were made
//! anew: address and tokens follow from the server's secret, so that every record has them from its first
//! moment, whichever way it came, and none has to be looked up or can be read in the store.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// The kind of document.
const KIND: &str = "record_endpoint";
/// Bytes of the code in an address.
const CODE_BYTES: usize = 12;
/// What codes and tokens are made for.
const ADDRESS: &str = "endpoint address";
const BEARER: &str = "endpoint bearer token";
const SIGNATURE: &str = "endpoint secret token";
/// How long the tokens before still work, in microseconds.
const OVERLAP: i64 = 24 * 3600 * 1_000_000;

/// The endpoint of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The organization's slug.
    pub organization: String,
    /// The object.
    pub object: String,
    /// The record.
    pub id: i64,
}

/// What is known of an endpoint's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenState {
    /// Counts the times they were made, from 1.
    pub generation: u32,
    /// When somebody was shown them, microseconds since the epoch.
    pub shown_at: Option<i64>,
    /// Until when those before still work.
    pub previous_until: Option<i64>,
}

impl Default for TokenState {
    fn default() -> Self {
        Self { generation: 1, shown_at: None, previous_until: None }
    }
}

/// The two tokens of an endpoint: whoever sends uses one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Sent as `Authorization: Bearer …`.
    pub bearer: String,
    /// Signs what is sent.
    pub secret: String,
}

impl Endpoint {
    /// Its path.
    pub fn path(&self, secret: &Secret) -> String {
        format!("/hooks/{}.{}.{}.{}", self.organization, self.object, self.id, self.code(secret))
    }

    /// The endpoint of what stands behind `/hooks/`; `None` where this server made none such.
    pub fn of_address(secret: &Secret, address: &str) -> Option<Self> {
        let mut parts = address.split('.');
        let (organization, object) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let (id, code) = (parts.next()?.parse().ok()?, parts.next()?);
        let found = Self { organization, object, id };
        let is_ours = found.path(secret).strip_prefix("/hooks/") == Some(address);
        (is_ours && !code.is_empty() && parts.next().is_none()).then_some(found)
    }

    fn code(&self, secret: &Secret) -> String {
        let code = self.sign(secret, ADDRESS, 0);
        URL_SAFE_NO_PAD.encode(code.first_chunk::<CODE_BYTES>().unwrap_or(&[0; CODE_BYTES]))
    }

    /// The tokens of a generation.
    pub fn tokens(&self, secret: &Secret, generation: u32) -> Tokens {
        Tokens {
            bearer: format!("drh_{}", URL_SAFE_NO_PAD.encode(self.sign(secret, BEARER, generation))),
            secret: format!("whsec_{}", STANDARD.encode(self.sign(secret, SIGNATURE, generation))),
        }
    }

    fn sign(&self, secret: &Secret, purpose: &str, generation: u32) -> [u8; 32] {
        let (id, generation) = (self.id.to_be_bytes(), generation.to_be_bytes());
        secret.sign(purpose, &[self.organization.as_bytes(), self.object.as_bytes(), &id, &generation])
    }

    /// Its name within the organization: `connectors/12`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.object, self.id)
    }

    /// The endpoint of this name.
    pub fn of_key(organization: &str, key: &str) -> Option<Self> {
        let (object, id) = key.split_once('/')?;
        Some(Self { organization: organization.to_owned(), object: object.to_owned(), id: id.parse().ok()? })
    }

    /// What is known of its tokens.
    pub fn state(&self, session: &mut dyn Session) -> Result<TokenState> {
        self.stored(session).map(|(state, _)| state)
    }

    fn stored(&self, session: &mut dyn Session) -> Result<(TokenState, Option<i64>)> {
        let Some(document) = session.find_document(KIND, &self.key())? else {
            return Ok((TokenState::default(), None));
        };
        let state = serde_json::from_str(&document.body)
            .map_err(|cause| Error::store("what is kept of an endpoint cannot be read").because(cause))?;
        Ok((state, Some(document.version)))
    }

    /// The tokens, for somebody to be shown: once, and then only new ones. `None` where they were shown already.
    pub fn show(
        &self,
        session: &mut dyn Session,
        secret: &Secret,
        makes_new: bool,
        now: i64,
    ) -> Result<Option<Tokens>> {
        let (before, version) = self.stored(session)?;
        if before.shown_at.is_some() && !makes_new {
            return Ok(None);
        }
        let state = match before.shown_at {
            Some(_) => TokenState {
                generation: before.generation.saturating_add(1),
                shown_at: Some(now),
                previous_until: Some(now + OVERLAP),
            },
            None => TokenState { shown_at: Some(now), ..before },
        };
        let body = serde_json::to_string(&state)
            .map_err(|cause| Error::store("what is kept of an endpoint cannot be written").because(cause))?;
        let is_kept = match version {
            None => session.create_document(KIND, &self.key(), &body, now)?,
            Some(version) => session.replace_document(KIND, &self.key(), version, &body, now)?,
        };
        // Somebody else was shown them in this very moment.
        Ok(is_kept.then(|| self.tokens(secret, state.generation)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_ours_as_a_whole_or_not_at_all() {
        let secret = Secret::load(Some(&"a".repeat(32)), std::path::Path::new("/nowhere")).unwrap();
        let endpoint =
            Endpoint { organization: "default".to_owned(), object: "connectors".to_owned(), id: 12 };
        let path = endpoint.path(&secret);
        let address = path.strip_prefix("/hooks/").unwrap();
        assert_eq!(Endpoint::of_address(&secret, address), Some(endpoint.clone()));
        let cut = address.get(..address.len() - 1).unwrap();
        for other in [
            address.replace(".12.", ".13."),
            address.replace(".12.", ".012."),
            address.replace("default", "other"),
            format!("{address}."),
            cut.to_owned(),
            String::new(),
        ] {
            assert_eq!(Endpoint::of_address(&secret, &other), None, "{other}");
        }
        let [first, second] = [1, 2].map(|generation| endpoint.tokens(&secret, generation));
        assert!(first.bearer != second.bearer && first.secret != second.secret);
        assert_ne!(Endpoint { id: 13, ..endpoint }.tokens(&secret, 1), first);
    }
}
