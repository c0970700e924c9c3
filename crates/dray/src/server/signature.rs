//! Signatures as the Standard Webhooks specification has them: HMAC-SHA256 over `id.timestamp.body`. Where a sender
//! has no numbers for its messages, over `timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// Signatures of one message that are looked at.
const MOST_SIGNATURES: usize = 10;
/// How far the time of a message may be from now, in seconds.
const WINDOW: i64 = 5 * 60;

/// A new secret: 32 random bytes.
pub fn new_secret() -> String {
    format!("{PREFIX}{}", STANDARD.encode(rand::random::<[u8; 32]>()))
}

/// The value of `webhook-signature`: one signature for each secret that is valid.
pub fn sign(secrets: &[String], id: &str, seconds: i64, body: &str) -> String {
    let signatures: Vec<String> = secrets.iter().map(|secret| signature(secret, id, seconds, body)).collect();
    signatures.join(" ")
}

fn signature(secret: &str, id: &str, seconds: i64, body: &str) -> String {
    let code = code(secret, &[format!("{id}.{seconds}.").as_bytes(), body.as_bytes()]);
    format!("v1,{}", STANDARD.encode(code))
}

fn code(secret: &str, parts: &[&[u8]]) -> [u8; 32] {
    let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
    let key = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        unreachable!("a key of HMAC may have any length")
    };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// A message that says it is signed.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'m> {
    /// `webhook-id`, where the sender gives one.
    pub id: Option<&'m str>,
    /// `webhook-timestamp`: seconds since the epoch.
    pub timestamp: &'m str,
    /// `webhook-signature`: `v1,…`, several with blanks between them.
    pub signatures: &'m str,
    /// What was sent.
    pub body: &'m [u8],
}

impl Signed<'_> {
    /// Checks that one of the secrets has signed it, and that it is not too old at this time (seconds since the
    /// epoch). The error says what is wrong, and takes the same time whatever is wrong with a signature.
    pub fn check(&self, secrets: &[String], now: i64) -> Result<(), &'static str> {
        let seconds: i64 =
            self.timestamp.trim().parse().map_err(|_| "`webhook-timestamp` is not a number of seconds")?;
        if now.abs_diff(seconds) > WINDOW.unsigned_abs() {
            return Err("`webhook-timestamp` is more than five minutes from now");
        }
        let id = self.id.map_or_else(String::new, |id| format!("{id}."));
        let mut is_good = subtle::Choice::from(0);
        for secret in secrets {
            let code = code(secret, &[id.as_bytes(), self.timestamp.trim().as_bytes(), b".", self.body]);
            for signature in self.signatures.split_ascii_whitespace().take(MOST_SIGNATURES) {
                let given = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
                is_good |= code.as_slice().ct_eq(&given.unwrap_or_default());
            }
        }
        if bool::from(is_good) { Ok(()) } else { Err("`webhook-signature` does not fit the message") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // Computed once with another implementation, of the specification's own example.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let signed = sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_is_changed_both_sign() {
        let secrets = [new_secret(), new_secret()];
        let signed = sign(&secrets, "a", 1, "b");
        assert_eq!(signed.split(' ').count(), 2);
        assert!(signed.starts_with(&sign(&secrets[..1], "a", 1, "b")));
        assert_ne!(secrets[0], secrets[1]);
    }

    #[test]
    fn what_is_signed_is_checked_as_a_whole() {
        let secrets = [new_secret(), new_secret()];
        let body = "{\"a\":1}";
        let signatures = sign(&secrets[1..], "m1", 1_000, body);
        let good =
            Signed { id: Some("m1"), timestamp: "1000", signatures: &signatures, body: body.as_bytes() };
        let check = |signed: Signed<'_>, now| signed.check(&secrets, now).is_ok();
        assert!(check(good, 1_000) && check(good, 1_300) && check(good, 700));
        assert!(!check(good, 1_301) && !check(good, 699));
        let twice = format!("v1,AAAA {signatures}");
        assert!(check(Signed { signatures: &twice, ..good }, 1_000));
        for wrong in [
            Signed { id: Some("m2"), ..good },
            Signed { id: None, ..good },
            Signed { timestamp: "1001", ..good },
            Signed { timestamp: "", ..good },
            Signed { body: b"{\"a\":2}", ..good },
            Signed { signatures: "", ..good },
            Signed { signatures: "v1,", ..good },
            Signed { signatures: signatures.trim_start_matches("v1,"), ..good },
        ] {
            assert!(!check(wrong, 1_000), "{wrong:?}");
        }
        assert!(good.check(&secrets[..1], 1_000).is_err());
        let plain = STANDARD.encode(code(&secrets[0], &[b"1000.", body.as_bytes()]));
        let plain = format!("v1,{plain}");
        assert!(check(Signed { id: None, signatures: &plain, ..good }, 1_000));
    }
}
