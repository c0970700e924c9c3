//! The server's own secret: what signs its links and seals the secrets of others that it has to know in clear.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use dray_model::catalog::Session;
use dray_model::{Error, Result};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::clock;

/// The fewest characters of a secret that somebody chose.
const FEWEST_CHARACTERS: usize = 32;
/// The document by which processes see that they have the same secret.
const KIND: &str = "secret";
/// Bytes of a nonce.
const NONCE_BYTES: usize = 12;

/// The secret of all processes that serve one store.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret of `DRAY_SECRET_KEY`; where there is none, one made at the first start and kept in this folder.
    pub fn load(given: Option<&str>, folder: &Path) -> Result<Self> {
        match given {
            Some(given) if given.chars().count() < FEWEST_CHARACTERS => {
                Err(Error::request("the secret in DRAY_SECRET_KEY is too short")
                    .hint(format!("use at least {FEWEST_CHARACTERS} random characters")))
            }
            Some(given) => Ok(Self(mac(b"dray secret", &[given.as_bytes()]))),
            None => Ok(Self(mac(b"dray secret", &[&kept(folder)?]))),
        }
    }

    /// An error where another process of this store has another secret: links and sealed secrets of one
    /// would mean nothing to the other.
    pub fn check(&self, directory: &mut dyn Session) -> Result<()> {
        let own = URL_SAFE_NO_PAD.encode(self.sign("which secret", &[]));
        directory.create_document(KIND, "check", &own, clock::now())?;
        let known = directory.find_document(KIND, "check")?.map(|document| document.body);
        if known.as_deref() == Some(own.as_str()) {
            return Ok(());
        }
        Err(Error::request("this process has another secret than those that served this store before").hint(
            "give all processes the same DRAY_SECRET_KEY, or the file `secret.key` that stands beside the records or in ./dray-files",
        ))
    }

    /// What proves that this server said it: a code over the parts, for one purpose.
    pub fn sign(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        mac(&mac(&self.0, &[purpose.as_bytes()]), parts)
    }

    /// True where this server said it. Takes the same time whatever is wrong.
    pub fn has_signed(&self, purpose: &str, parts: &[&[u8]], code: &[u8]) -> bool {
        self.sign(purpose, parts).ct_eq(code).into()
    }

    /// Text that only this server can read again, bound to a purpose and to what it belongs to.
    pub fn seal(&self, purpose: &str, owner: &str, text: &str) -> Result<String> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: text.as_bytes(), aad: owner.as_bytes() };
        let sealed = self
            .cipher(purpose)
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Error::request("the secret is too long to be kept"))?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Reads what [`Self::seal`] made; `None` where it was changed, moved or sealed by another secret.
    pub fn open(&self, purpose: &str, owner: &str, sealed: &str) -> Option<String> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: text, aad: owner.as_bytes() };
        let text = self.cipher(purpose).decrypt(&Nonce::from(*nonce), payload).ok()?;
        String::from_utf8(text).ok()
    }

    fn cipher(&self, purpose: &str) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&self.sign("seal", &[purpose.as_bytes()]).into())
    }
}

/// HMAC-SHA256 over parts with their lengths, so that no two lists of parts are the same message.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) else {
        unreachable!("a key of HMAC may have any length")
    };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The random bytes kept in this folder, made where there are none yet.
fn kept(folder: &Path) -> Result<Vec<u8>> {
    let path = folder.join("secret.key");
    let cannot = |why: std::io::Error| {
        Error::file(format!("the server's secret `{}` cannot be kept: {why}", path.display()))
            .hint("give the server permission to write there, or set DRAY_SECRET_KEY")
    };
    std::fs::create_dir_all(folder).map_err(cannot)?;
    if !path.exists() {
        make(folder, &path).map_err(cannot)?;
    }
    let bytes = std::fs::read(&path).map_err(cannot)?;
    if bytes.len() < FEWEST_CHARACTERS {
        return Err(Error::file(format!("the server's secret `{}` is damaged", path.display()))
            .hint("put back the copy of your backup; without it, links and kept secrets are lost"));
    }
    Ok(bytes)
}

/// Whole at once, and never over one that another process made meanwhile.
fn make(folder: &Path, path: &PathBuf) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&rand::random::<[u8; 32]>())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::load(Some(&"long enough ".repeat(4)), Path::new("/nowhere")).unwrap()
    }

    #[test]
    fn what_is_sealed_is_read_by_its_owner_only() {
        let sealed = secret().seal("webhooks", "org/1", "whsec_ß").unwrap();
        assert!(!sealed.contains("whsec"));
        assert_ne!(sealed, secret().seal("webhooks", "org/1", "whsec_ß").unwrap());
        assert_eq!(secret().open("webhooks", "org/1", &sealed).as_deref(), Some("whsec_ß"));
        assert_eq!(secret().open("webhooks", "org/2", &sealed), None);
        assert_eq!(secret().open("connections", "org/1", &sealed), None);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let read = secret().open("webhooks", "org/1", &changed);
            // The last letter may have bits that say nothing.
            assert!(read.is_none() || place == sealed.len() - 1);
        }
        assert_eq!(secret().open("webhooks", "org/1", "short"), None);
    }

    #[test]
    fn parts_are_signed_with_their_bounds() {
        let signed = secret().sign("link", &[b"ab", b"c"]);
        assert!(secret().has_signed("link", &[b"ab", b"c"], &signed));
        assert!(!secret().has_signed("link", &[b"a", b"bc"], &signed));
        assert!(!secret().has_signed("seal", &[b"ab", b"c"], &signed));
        assert!(!secret().has_signed("link", &[b"ab", b"c"], &signed[..31]));
    }

    #[test]
    fn a_secret_of_the_first_start_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secret::load(None, folder.path()).unwrap().sign("link", &[]);
        assert_eq!(Secret::load(None, folder.path()).unwrap().sign("link", &[]), first);
        std::fs::write(folder.path().join("secret.key"), "cut").unwrap();
        let Err(error) = Secret::load(None, folder.path()) else { panic!("a damaged secret was taken") };
        assert!(error.message.ends_with("is damaged"));
        assert!(Secret::load(Some("short"), folder.path()).is_err());
    }
}
