//! Secrets of an organization by their names, which expressions read as `$secret.NAME`. Values are sealed where they
//! rest, and opened only where they are used.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use dray_engine::expression::Json;
use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};

use super::secret::Secret;

const KIND: &str = "named_secret";
/// What values are sealed for.
const PURPOSE: &str = "named secret";
/// Secrets of one organization.
pub const MOST_SECRETS: usize = 200;
/// The longest name.
const NAME_BYTES: usize = 64;
/// The longest value.
pub const VALUE_BYTES: usize = 8192;
/// How often a change is tried where others change the same.
const MOST_TRIES: usize = 10;

/// What may be known of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSecret {
    /// As expressions read it.
    pub name: String,
    /// Microseconds since the epoch.
    pub created_at: i64,
    /// When it got the value it has.
    pub changed_at: i64,
}

/// A secret as it rests.
#[derive(Serialize, Deserialize)]
struct Kept {
    created_at: i64,
    changed_at: i64,
    /// The sealed value.
    value: String,
}

/// Values in clear, by their names; whoever looks at it in a log sees the names.
#[derive(Default)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// What expressions read as `$secret`.
    pub fn root(&self) -> Json {
        let members = self.0.iter().map(|(name, value)| (name.as_str().into(), Json::text(value)));
        Json::Object(Arc::new(members.collect()))
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

/// All secrets by their names.
pub fn list(session: &mut dyn Session) -> Result<Vec<NamedSecret>> {
    let found = session.list_documents(KIND, "", MOST_SECRETS as u64)?;
    found.into_iter().map(|document| Ok(known(document.key, &parse(&document.body)?))).collect()
}

/// Makes a secret or replaces its value; what is known of it, and whether it is new.
pub fn put(
    session: &mut dyn Session,
    secret: &Secret,
    organization: &str,
    (name, value): (&str, &str),
    now: i64,
) -> Result<(NamedSecret, bool)> {
    check(name, value)?;
    let value = secret.seal(PURPOSE, &owner(organization, name), value)?;
    let mut kept = Kept { created_at: now, changed_at: now, value };
    for _ in 0..MOST_TRIES {
        let Some(found) = session.find_document(KIND, name)? else {
            if list(session)?.len() >= MOST_SECRETS {
                return Err(Error::request(format!("there are {MOST_SECRETS} secrets already"))
                    .hint("delete one that is no longer needed"));
            }
            kept.created_at = now;
            if session.create_document(KIND, name, &write(&kept)?, now)? {
                return Ok((known(name.to_owned(), &kept), true));
            }
            continue;
        };
        kept.created_at = parse(&found.body)?.created_at;
        if session.replace_document(KIND, name, found.version, &write(&kept)?, now)? {
            return Ok((known(name.to_owned(), &kept), false));
        }
    }
    Err(Error::store("a secret is being changed by others").hint("try again").retryable())
}

/// Deletes a secret; false where there is none.
pub fn delete(session: &mut dyn Session, name: &str) -> Result<bool> {
    Ok(is_name(name) && session.delete_document(KIND, name)?)
}

/// The values of those among these names that there are.
pub fn values(
    session: &mut dyn Session,
    secret: &Secret,
    organization: &str,
    names: &[String],
) -> Result<Values> {
    let mut values = BTreeMap::new();
    // An expression may ask for any name at all, also for one that no store can hold.
    for name in names.iter().filter(|name| is_name(name)) {
        let Some(found) = session.find_document(KIND, name)? else { continue };
        let opened = secret.open(PURPOSE, &owner(organization, name), &parse(&found.body)?.value);
        let value = opened.ok_or_else(|| {
            Error::request(format!("the secret `{name}` cannot be read"))
                .hint("was DRAY_SECRET_KEY changed? give the secret its value again")
        })?;
        values.insert(name.clone(), value);
    }
    Ok(Values(values))
}

fn check(name: &str, value: &str) -> Result<()> {
    if !is_name(name) {
        let shown: String = name.chars().take(NAME_BYTES).collect();
        return Err(Error::request(format!("`{shown}` is not a name a secret can have")).hint(format!(
            "use up to {NAME_BYTES} letters from A to Z, digits and underscores, and no digit at the beginning"
        )));
    }
    if value.is_empty() || value.len() > VALUE_BYTES || value.contains('\0') {
        return Err(Error::request("the value cannot be kept")
            .hint(format!("it has 1 to {VALUE_BYTES} bytes, and none of them is NUL")));
    }
    Ok(())
}

/// True for what can stand behind `$secret.` as it is.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.len() <= NAME_BYTES
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn owner(organization: &str, name: &str) -> String {
    format!("{organization}/{name}")
}

fn known(name: String, kept: &Kept) -> NamedSecret {
    NamedSecret { name, created_at: kept.created_at, changed_at: kept.changed_at }
}

fn parse(body: &str) -> Result<Kept> {
    serde_json::from_str(body).map_err(|cause| {
        Error::store("a secret cannot be read").hint("was the store used by a newer Dray?").because(cause)
    })
}

fn write(kept: &Kept) -> Result<String> {
    serde_json::to_string(kept).map_err(|cause| Error::store("a secret cannot be written").because(cause))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn told(error: &Error) -> String {
        format!("{}: {}", error.message, error.hint.as_deref().unwrap_or_default())
    }

    #[test]
    fn values_are_found_by_name_and_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", folder.path().display());
        let mut session = dray_stores::connect(&address, "acme").unwrap();
        let session = session.as_mut();
        let secret = Secret::load(Some(&"long enough ".repeat(4)), Path::new("/nowhere")).unwrap();
        let (made, is_new) = put(session, &secret, "acme", ("KEY", "one"), 5).unwrap();
        assert!(is_new && made == NamedSecret { name: "KEY".to_owned(), created_at: 5, changed_at: 5 });
        let (replaced, is_new) = put(session, &secret, "acme", ("KEY", "c\u{1}anary\n€"), 7).unwrap();
        assert!(!is_new && (replaced.created_at, replaced.changed_at) == (5, 7));
        put(session, &secret, "acme", ("key", "other"), 8).unwrap();
        let names = ["KEY", "MISSING", "a\0b", ""].map(str::to_owned);
        let found = values(session, &secret, "acme", &names).unwrap();
        assert_eq!(found.root().to_string(), r#"{"KEY":"c\u0001anary\n€"}"#);
        assert_eq!((found.get("KEY"), found.get("key")), (Some("c\u{1}anary\n€"), None));
        assert_eq!(format!("{found:?} {:?}", list(session).unwrap().first()).matches("KEY").count(), 2);
        assert!(!format!("{found:?} {replaced:?}").contains("anary"));
        // Neither another organization nor another server reads what rests here.
        let elsewhere = values(session, &secret, "other", &names).map_err(|error| told(&error));
        assert!(
            elsewhere
                .is_err_and(|told| told.starts_with("the secret `KEY` cannot be read: was DRAY_SECRET_KEY"))
        );
        let another = Secret::load(Some(&"another one ".repeat(4)), Path::new("/nowhere")).unwrap();
        assert!(values(session, &another, "acme", &names).is_err());
        assert!(delete(session, "KEY").unwrap() && !delete(session, "KEY").unwrap());
        assert!(!delete(session, "a\0b").unwrap());
        assert_eq!(values(session, &secret, "acme", &names).unwrap().root().to_string(), "{}");
    }

    #[test]
    fn names_and_values_have_bounds() {
        for name in ["A", "_", "a_1", &"x".repeat(64)] {
            assert!(check(name, "v").is_ok(), "{name}");
        }
        for name in ["", "1a", "a-b", "a.b", "a b", "ä", "a\0", &"x".repeat(65)] {
            assert!(check(name, "v").is_err(), "{name}");
        }
        for value in ["v", " ", "a\nb", &"x".repeat(8192)] {
            assert!(check("A", value).is_ok());
        }
        for value in ["", "a\0b", &"x".repeat(8193), &"€".repeat(2731)] {
            let error = check("A", value).expect_err("it is refused");
            assert_eq!(
                told(&error),
                "the value cannot be kept: it has 1 to 8192 bytes, and none of them is NUL"
            );
        }
    }

    #[test]
    fn there_are_not_more_than_so_many() {
        let folder = tempfile::tempdir().unwrap();
        let mut session =
            dray_stores::connect(&format!("sqlite:{}", folder.path().display()), "acme").unwrap();
        let session = session.as_mut();
        let secret = Secret::load(Some(&"long enough ".repeat(4)), Path::new("/nowhere")).unwrap();
        for number in 0..MOST_SECRETS {
            put(session, &secret, "acme", (&format!("S{number}"), "v"), 1).unwrap();
        }
        let full = put(session, &secret, "acme", ("ONE_MORE", "v"), 2).expect_err("it is full");
        assert_eq!(told(&full), "there are 200 secrets already: delete one that is no longer needed");
        assert!(!put(session, &secret, "acme", ("S7", "w"), 2).unwrap().1, "replacing goes on");
        assert_eq!(list(session).unwrap().len(), MOST_SECRETS);
    }
}
