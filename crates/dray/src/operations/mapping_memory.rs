//! What an organization's people mapped before: one document for each object, read where a mapping is
//! suggested and written where an import is begun with a mapping somebody confirmed.

use std::collections::BTreeMap;

use dray_engine::suggest::Confirmed;
use dray_model::Result;
use dray_model::catalog::Session;
use dray_model::object::Object;

/// The kind of document.
const KIND: &str = "mapping_memory";

/// Headers remembered for one object.
const MOST_HEADERS: usize = 2_000;

/// The longest header worth remembering, in bytes.
const LONGEST_HEADER: usize = 200;

/// Attempts to write where others write too.
const ATTEMPTS: usize = 4;

/// Header → field; an empty field for a column that was left out.
type Remembered = BTreeMap<String, String>;

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

/// Remembers pairs of header and field, as a mapping request has them. The later one counts.
pub fn remember(
    session: &mut dyn Session,
    object: &Object,
    pairs: &[(String, String)],
    now: i64,
) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let known = session.find_document(KIND, object.name())?;
        let mut remembered: Remembered =
            known.as_ref().and_then(|document| serde_json::from_str(&document.body).ok()).unwrap_or_default();
        let before = remembered.clone();
        for (header, field) in pairs {
            let key = Confirmed::key(header);
            let has_room = remembered.len() < MOST_HEADERS || remembered.contains_key(&key);
            if has_room && !key.is_empty() && key.len() <= LONGEST_HEADER {
                remembered.insert(key, field.clone());
            }
        }
        if remembered == before {
            return Ok(());
        }
        let body = serde_json::to_string(&remembered).unwrap_or_default();
        let written = match known {
            None => session.create_document(KIND, object.name(), &body, now)?,
            Some(known) => session.replace_document(KIND, object.name(), known.version, &body, now)?,
        };
        if written {
            return Ok(());
        }
    }
    Ok(())
}
