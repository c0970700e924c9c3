//! Importing from within another application's page: which pages may show it, and the tokens by which they do.
//! A token is for one object and a short time; it says who was given it, and works as long as they may.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dray_model::catalog::Session;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};
use url::Url;

use super::secret::Secret;

/// The kind and key of the document.
const KIND: &str = "embedding";
const KEY: &str = "settings";
/// What tokens are sealed for.
const PURPOSE: &str = "embed token";
/// The most origins.
const ORIGINS: usize = 50;
/// The longest origin.
const ORIGIN_BYTES: usize = 300;

/// Where an organization lets its imports be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Embedding {
    /// The origins of pages that may: `https://app.example.com`.
    pub origins: Vec<String>,
}

impl Embedding {
    /// What was said of it; nothing, at first.
    pub fn load(session: &mut dyn Session) -> Result<Self> {
        let found = session.find_document(KIND, KEY)?;
        Ok(found.and_then(|document| serde_json::from_str(&document.body).ok()).unwrap_or_default())
    }

    /// Checks and keeps it.
    pub fn save(session: &mut dyn Session, origins: &[String], now: i64) -> Result<Self> {
        if origins.len() > ORIGINS {
            return Err(Error::request(format!("more than {ORIGINS} origins are not kept")));
        }
        let mut known: Vec<String> = Vec::new();
        for origin in origins {
            let origin = origin_of(origin)?;
            if !known.contains(&origin) {
                known.push(origin);
            }
        }
        let embedding = Self { origins: known };
        let body = serde_json::to_string(&embedding)
            .map_err(|cause| Error::store("the origins cannot be written down").because(cause))?;
        session.save_document(KIND, KEY, &body, now)?;
        Ok(embedding)
    }
}

/// An origin in its one spelling: scheme, host and a port that is not the usual one.
fn origin_of(text: &str) -> Result<String> {
    let wrong = || {
        Error::request(format!("`{}` is no origin", text.chars().take(80).collect::<String>()))
            .hint("write scheme and host, as in https://app.example.com, and the port where there is one")
    };
    let address = Url::parse(text.trim()).map_err(|_| wrong())?;
    let is_bare = address.path() == "/" && address.query().is_none() && address.fragment().is_none();
    let is_page = matches!(address.scheme(), "http" | "https") && address.username().is_empty();
    // It becomes part of a header, in which other signs would mean something.
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || ".-_[]:".contains(letter);
    let has_host = address.host_str().is_some_and(|host| host.chars().all(is_host));
    if !is_bare || !is_page || !has_host || text.len() > ORIGIN_BYTES || address.password().is_some() {
        return Err(wrong());
    }
    Ok(address.origin().ascii_serialization())
}

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The organization's slug.
    pub organization: String,
    /// The object imported into.
    pub object: String,
    /// Its own number, by which what is done with it is told apart.
    pub id: String,
    /// The key or user that asked for it.
    pub holder: String,
    /// Until when, microseconds since the epoch.
    pub expires_at: i64,
}

impl Token {
    /// The token as text. Nobody but the server reads it.
    pub fn seal(&self, secret: &Secret) -> Result<String> {
        let text = serde_json::to_string(self)
            .map_err(|cause| Error::request("the token cannot be made").because(cause))?;
        secret.seal(PURPOSE, "", &text)
    }

    /// What a text allowed when it was made; `None` where this server made none of it.
    pub fn open(secret: &Secret, text: &str) -> Option<Self> {
        // The same bytes could be spelled in several ways; one is ours.
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        if URL_SAFE_NO_PAD.encode(bytes) != text {
            return None;
        }
        serde_json::from_str(&secret.open(PURPOSE, "", text)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_one_spelling() {
        for (text, origin) in [
            ("https://App.Example.com/", "https://app.example.com"),
            (" http://localhost:3000 ", "http://localhost:3000"),
            ("https://a.b:443", "https://a.b"),
        ] {
            assert_eq!(origin_of(text).unwrap(), origin);
        }
        for text in [
            "",
            "*",
            "a.b",
            "https://a.b/x",
            "https://*.a.b",
            "ftp://a.b",
            "https://u@a.b",
            "data:x",
            "https://a.b?x",
            "https://a.b;script-src *",
            "https://a.b;sandbox",
            "https://a.b,c.d",
        ] {
            assert!(origin_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_is_read_by_who_made_it() {
        let secret = Secret::load(Some(&"a".repeat(32)), std::path::Path::new("/nowhere")).unwrap();
        let token = Token {
            organization: "default".into(),
            object: "contacts".into(),
            id: "emb_1".into(),
            holder: "key_1".into(),
            expires_at: 10,
        };
        let text = token.seal(&secret).unwrap();
        assert_eq!(Token::open(&secret, &text), Some(token));
        let other = Secret::load(Some(&"b".repeat(32)), std::path::Path::new("/nowhere")).unwrap();
        assert_eq!(Token::open(&other, &text), None);
        let cut: String = text.chars().skip(1).collect();
        for changed in [format!("{text}A"), format!("{text}="), cut, String::new()] {
            assert_eq!(Token::open(&secret, &changed), None);
        }
    }
}
