//! Links that work for a while without a key: what one allows and who was given it stands in it, and the
//! server's code over that.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::secret::Secret;

/// What codes are made for.
const PURPOSE: &str = "file link";
const MICROS_PER_SECOND: i64 = 1_000_000;

/// What a link allows: one method on one file of one organization, until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'l> {
    /// `GET` to read it, `PUT` to send it, at once or in parts.
    pub method: &'l Method,
    /// The organization's slug.
    pub organization: &'l str,
    /// The file's own name.
    pub file: &'l str,
}

/// A link that is ours and has time left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed<'q> {
    /// The key or user that was given the link: it works as long as they may.
    pub holder: &'q str,
}

/// Why a link does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server never made it: it was changed, cut, or is for another file, method or organization.
    NotOurs,
    /// Its time is over.
    Expired,
}

impl Link<'_> {
    /// The path and query of the link for a key or user, until a time in microseconds since the epoch.
    pub fn path(&self, secret: &Secret, holder: &str, expires_at: i64) -> String {
        let expires = expires_at.div_euclid(MICROS_PER_SECOND).to_string();
        let signature = self.signature(secret, &expires, holder);
        let Self { organization, file, .. } = self;
        format!("/files/{organization}/{file}?expires={expires}&for={holder}&signature={signature}")
    }

    /// Checks the query of a link that came back. Nothing may stand in it but what was made: what is not
    /// signed could mean something to somebody.
    pub fn check<'q>(&self, secret: &Secret, query: &'q str, now: i64) -> Result<Allowed<'q>, Fault> {
        let (expires, rest) =
            query.strip_prefix("expires=").and_then(|rest| rest.split_once("&for=")).ok_or(Fault::NotOurs)?;
        let (holder, signature) = rest.split_once("&signature=").ok_or(Fault::NotOurs)?;
        // The texts are compared, so that no two texts are the same signature.
        let own = self.signature(secret, expires, holder);
        if !bool::from(own.as_bytes().ct_eq(signature.as_bytes())) {
            return Err(Fault::NotOurs);
        }
        let expires: i64 = expires.parse().map_err(|_| Fault::NotOurs)?;
        if now.div_euclid(MICROS_PER_SECOND) >= expires {
            Err(Fault::Expired)
        } else {
            Ok(Allowed { holder })
        }
    }

    fn signature(&self, secret: &Secret, expires: &str, holder: &str) -> String {
        let parts = [self.method.as_str(), self.organization, self.file, expires, holder];
        URL_SAFE_NO_PAD.encode(secret.sign(PURPOSE, &parts.map(str::as_bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000 * MICROS_PER_SECOND;

    fn secret(text: &str) -> Secret {
        Secret::load(Some(&text.repeat(32)), std::path::Path::new("/nowhere")).unwrap()
    }

    fn query(link: &Link<'_>) -> String {
        link.path(&secret("a"), "key_a", NOW + MICROS_PER_SECOND).split_once('?').unwrap().1.to_owned()
    }

    #[test]
    fn a_link_works_until_its_time() {
        let link = Link { method: &Method::GET, organization: "default", file: "abc" };
        let query = query(&link);
        assert_eq!(link.check(&secret("a"), &query, NOW), Ok(Allowed { holder: "key_a" }));
        assert_eq!(link.check(&secret("a"), &query, NOW + MICROS_PER_SECOND), Err(Fault::Expired));
        assert_eq!(link.check(&secret("b"), &query, NOW), Err(Fault::NotOurs));
    }

    #[test]
    fn a_changed_link_is_not_ours() {
        let link = Link { method: &Method::GET, organization: "default", file: "abc" };
        let query = query(&link);
        let others = [
            Link { method: &Method::PUT, ..link },
            Link { organization: "other", ..link },
            Link { organization: "defaul", file: "tabc", ..link },
            Link { file: "abd", ..link },
        ];
        for other in others {
            assert_eq!(other.check(&secret("a"), &query, NOW), Err(Fault::NotOurs), "{other:?}");
        }
        for place in 0..query.len() {
            for letter in [b'0', b'9', b'A', b'z', b'&', b'=', b' '] {
                let mut changed = query.clone().into_bytes();
                if changed[place] == letter {
                    continue;
                }
                changed[place] = letter;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(link.check(&secret("a"), &changed, NOW), Err(Fault::NotOurs), "{changed}");
            }
            assert_eq!(link.check(&secret("a"), query.get(..place).unwrap(), NOW), Err(Fault::NotOurs));
        }
        for more in ["&expires=9999999999", "&x=1", "=", " ", "%00"] {
            assert_eq!(link.check(&secret("a"), &format!("{query}{more}"), NOW), Err(Fault::NotOurs));
        }
    }
}
