//! Signatures as the Standard Webhooks specification has them: HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What secrets begin with.
const PREFIX: &str = "whsec_";

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
    let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
    let key = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        unreachable!("a key of HMAC may have any length")
    };
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
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
}
