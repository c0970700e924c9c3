//! What an organization's people mapped before: one document for each object, read where a mapping is
//! suggested and written where an import is begun with a mapping somebody confirmed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dray_engine::suggest::Confirmed;
use dray_model::Result;
use dray_model::catalog::Session;
use dray_model::object::Object;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The kind of document.
const KIND: &str = "mapping_memory";
/// The kind of document for fields that no column filled.
const MORE_KIND: &str = "mapping_memory_more";

/// Kinds of files remembered for one object.
const MOST_FILES: usize = 200;

/// Headers remembered for one object.
const MOST_HEADERS: usize = 2_000;

/// The longest header worth remembering, in bytes.
const LONGEST_HEADER: usize = 200;

/// Attempts to write where others write too.
const ATTEMPTS: usize = 4;

/// Header → field; an empty field for a column that was left out.
type Remembered = BTreeMap<String, String>;

/// Fields that no column filled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct More {
    /// Field and its value in every row.
    pub statics: Vec<(String, String)>,
    /// Field and the expression that computes it.
    pub computed: Vec<(String, String)>,
}

/// What is remembered of an object.
pub fn recall(session: &mut dyn Session, object: &Object) -> Result<Confirmed> {
    let mut confirmed = Confirmed::default();
    let Some(document) = session.find_document(KIND, object.name())? else { return Ok(confirmed) };
    let remembered: Remembered = serde_json::from_str(&document.body).unwrap_or_default();
    for (header, field) in &remembered {
        // What was removed from the object since is no field any more.
        if field.is_empty() || object.find_columns(field).is_some() {
            confirmed.remember(header, Some(field.as_str()).filter(|field| !field.is_empty()));
        }
    }
    Ok(confirmed)
}

/// How the fields that no column filled were filled, when a file with this header was imported last.
pub fn recall_more(session: &mut dyn Session, object: &Object, header: &[String]) -> Result<More> {
    let Some(document) = session.find_document(MORE_KIND, object.name())? else { return Ok(More::default()) };
    let mut known: BTreeMap<String, More> = serde_json::from_str(&document.body).unwrap_or_default();
    let mut more = known.remove(&key_of(header)).unwrap_or_default();
    let is_field = |(field, _): &(String, String)| object.column(field).is_some();
    more.statics.retain(is_field);
    more.computed.retain(is_field);
    Ok(more)
}

/// Remembers how fields were filled that no column of a file with this header filled.
pub fn remember_more(
    session: &mut dyn Session,
    object: &Object,
    header: &[String],
    more: More,
    now: i64,
) -> Result<()> {
    update(session, MORE_KIND, object, now, |known: &mut BTreeMap<String, More>| {
        let key = key_of(header);
        if more == More::default() {
            known.remove(&key);
        } else if known.len() < MOST_FILES || known.contains_key(&key) {
            known.insert(key, more.clone());
        }
    })
}

/// What tells the headers of files apart.
fn key_of(header: &[String]) -> String {
    let mut digest = Sha256::new();
    for name in header {
        digest.update((name.len() as u64).to_be_bytes());
        digest.update(name);
    }
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

/// Remembers pairs of header and field, as a mapping request has them. The later one counts.
pub fn remember(
    session: &mut dyn Session,
    object: &Object,
    pairs: &[(String, String)],
    now: i64,
) -> Result<()> {
    update(session, KIND, object, now, |remembered: &mut Remembered| {
        for (header, field) in pairs {
            let key = Confirmed::key(header);
            let has_room = remembered.len() < MOST_HEADERS || remembered.contains_key(&key);
            if has_room && !key.is_empty() && key.len() <= LONGEST_HEADER {
                remembered.insert(key, field.clone());
            }
        }
    })
}

/// Changes what is remembered of an object, where others may change it too.
fn update<T: Clone + Default + PartialEq + Serialize + DeserializeOwned>(
    session: &mut dyn Session,
    kind: &str,
    object: &Object,
    now: i64,
    change: impl Fn(&mut T),
) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let known = session.find_document(kind, object.name())?;
        let mut remembered: T =
            known.as_ref().and_then(|document| serde_json::from_str(&document.body).ok()).unwrap_or_default();
        let before = remembered.clone();
        change(&mut remembered);
        if remembered == before {
            return Ok(());
        }
        let body = serde_json::to_string(&remembered).unwrap_or_default();
        let written = match known {
            None => session.create_document(kind, object.name(), &body, now)?,
            Some(known) => session.replace_document(kind, object.name(), known.version, &body, now)?,
        };
        if written {
            return Ok(());
        }
    }
    Ok(())
}
