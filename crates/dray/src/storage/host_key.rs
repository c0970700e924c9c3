//! Keys of SFTP: the key by which a server is known, and the key by which we come in.

use std::sync::Arc;

use russh::keys::ssh_key::private::KeypairData;
use russh::keys::ssh_key::{self, Kdf};
use russh::keys::{Algorithm, HashAlg};

use super::members::Wrong;

pub(super) use russh::keys::PublicKey;

/// A private key that can be used.
pub(super) type PrivateKey = Arc<russh::keys::PrivateKey>;

/// The most rounds by which a key may be locked: who makes it decides how long it takes to open.
const MOST_ROUNDS: u32 = 1_000;

/// Reads the line by which OpenSSH knows a server: `ssh-ed25519 AAAA…`, without options before it.
pub(super) fn public_key(line: &str) -> Result<PublicKey, Wrong> {
    let wrong = || "`hostPublicKey` must be one line as `ssh-ed25519 AAAA…`".to_owned();
    let line = line.trim();
    if line.lines().count() != 1 {
        return Err(wrong());
    }
    let mut words = line.split_whitespace();
    let (name, text) = (words.next().ok_or_else(wrong)?, words.next().ok_or_else(wrong)?);
    let key = russh::keys::parse_public_key_base64(text).map_err(|_| wrong())?;
    if key.algorithm().as_str() == name { Ok(key) } else { Err(wrong()) }
}

/// A key as the line that [`public_key`] reads.
pub(super) fn line_of(key: &PublicKey) -> Option<String> {
    let mut key = key.clone();
    key.set_comment("");
    key.to_openssh().ok().map(|line| line.trim().to_owned())
}

/// What people compare: `SHA256:…`.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// The algorithms by which a server with this key shows that it has it.
pub(super) fn algorithms_of(key: &PublicKey) -> Vec<Algorithm> {
    match key.algorithm() {
        Algorithm::Rsa { .. } => [HashAlg::Sha512, HashAlg::Sha256]
            .into_iter()
            .map(|hash| Algorithm::Rsa { hash: Some(hash) })
            .collect(),
        algorithm => vec![algorithm],
    }
}

/// Reads a private key: OpenSSH's own form, or PEM that is not locked.
pub(super) fn private_key(text: &str, passphrase: Option<&str>) -> Result<PrivateKey, Wrong> {
    let text = text.trim();
    if text.starts_with("PuTTY-User-Key-File") || text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        // How long these take to open is up to whoever made them.
        return Err(
            "`privateKey` is locked in a form that is not read: convert it with `ssh-keygen -p -f KEY`"
                .to_owned(),
        );
    }
    let cannot = || "`privateKey` cannot be read: it must be a private key as OpenSSH writes it".to_owned();
    if text.contains("BEGIN OPENSSH PRIVATE KEY") {
        let key = ssh_key::PrivateKey::from_openssh(text).map_err(|_| cannot())?;
        if let Kdf::Bcrypt { rounds, .. } = key.kdf()
            && *rounds > MOST_ROUNDS
        {
            return Err(format!("`privateKey` is locked with more than {MOST_ROUNDS} rounds"));
        }
        if !matches!(key.key_data(), KeypairData::Encrypted(_)) {
            return Ok(Arc::new(key));
        }
        let passphrase = passphrase.ok_or("`passphrase` is missing: the private key is locked")?;
        return key
            .decrypt(passphrase)
            .map(Arc::new)
            .map_err(|_| "`passphrase` does not open the private key".to_owned());
    }
    match russh::keys::decode_secret_key(text, passphrase) {
        Ok(key) => Ok(Arc::new(key)),
        Err(russh::keys::Error::KeyIsEncrypted) => {
            Err("`passphrase` is missing: the private key is locked".to_owned())
        }
        Err(_) => Err(cannot()),
    }
}
