use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use core_domain::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::secret::{Secret, SecretSealer, UnreadableSecret};
use crate::{EndpointUrl, Job};

/// One attempt, ready to be sent: `POST`, with exactly these headers beside those that HTTP itself needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// Where to.
    pub url: EndpointUrl,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body's exact bytes.
    pub body: String,
}

const USER_AGENT: &str = concat!("core-api/", env!("CARGO_PKG_VERSION"));

/// Signs an attempt made at `now`.
///
/// Standard Webhooks: `webhook-id` is the event's id, `webhook-timestamp` the attempt's moment in whole Unix seconds,
/// `webhook-signature` one signature for each secret in force, parted by blanks. Beside them, for receivers of the
/// system that this replaces, `x-webhook-*` (contract: Events and webhooks), of HMAC secrets alone: with Ed25519 there
/// is nothing that both sides hold.
///
/// # Errors
/// [`UnreadableSecret`] when the current secret can't be opened.
pub fn sign(job: &Job, sealer: &SecretSealer, now: Timestamp) -> Result<SignedRequest, UnreadableSecret> {
    let (endpoint, message) = (&job.endpoint, &job.message);
    let current = sealer.open(endpoint.id, &endpoint.secrets.current)?;
    let previous = endpoint.secrets.previous.as_ref().filter(|(_, until)| now < *until);
    let previous = previous.and_then(|(sealed, _)| sealer.open(endpoint.id, sealed).ok());
    let (id, timestamp) = (message.event_id.as_str(), now.as_unix_seconds().to_string());
    let mut signatures = signature(&current, id, &timestamp, &message.body);
    if let Some(previous) = previous {
        signatures.push(' ');
        signatures.push_str(&signature(&previous, id, &timestamp, &message.body));
    }
    let mut headers = Vec::with_capacity(10 + endpoint.headers.pairs().len());
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    add("content-type", "application/json".to_owned());
    add("user-agent", USER_AGENT.to_owned());
    add("webhook-id", id.to_owned());
    add("webhook-signature", signatures);
    add("x-webhook-id", id.to_owned());
    add("x-webhook-event", message.event_type.clone());
    add("x-webhook-timestamp", timestamp.clone());
    if let Some(signature) = legacy_signature(&current, &timestamp, &message.body) {
        add("x-webhook-signature", signature);
    }
    add("webhook-timestamp", timestamp);
    headers.extend_from_slice(endpoint.headers.pairs());
    Ok(SignedRequest { url: endpoint.url.clone(), headers, body: message.body.clone() })
}

/// `v1,` or `v1a,` and the base64 signature of `id.timestamp.body`.
fn signature(secret: &Secret, id: &str, timestamp: &str, body: &str) -> String {
    match secret.pair() {
        None => format!("v1,{}", STANDARD.encode(mac(secret.key(), &[id, ".", timestamp, ".", body]))),
        Some(pair) => {
            let text = [id, ".", timestamp, ".", body].concat();
            format!("v1a,{}", STANDARD.encode(pair.sign(text.as_bytes())))
        }
    }
}

/// Lower-case hex of the HMAC-SHA-256 of `timestamp.body`, keyed with the secret's text.
fn legacy_signature(secret: &Secret, timestamp: &str, body: &str) -> Option<String> {
    let is_shared = secret.pair().is_none();
    is_shared.then(|| hex::encode(mac(secret.expose().as_bytes(), &[timestamp, ".", body])))
}

fn mac(key: &[u8], parts: &[&str]) -> [u8; 32] {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const T1: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const T2: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const T3: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

    /// The vectors that the reference libraries are tested with; the last two were computed independently of them.
    #[test]
    fn published_vectors_are_met() {
        for (secret, id, timestamp, body, expected) in [
            (
                T1,
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "1614265330",
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                T2,
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                "1649367553",
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
            (
                T3,
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "1614265330",
                r#"{"test": 2432232314}"#,
                "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
            ),
            (
                T1,
                "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
                "1674087231",
                "",
                "v1,A5hMMR9P/3wRdDlYQIpfU6eGBMB4KECXzx5EMRv7TBg=",
            ),
            (
                T1,
                "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
                "1674087231",
                r#"{"name":"Zoë 🚀"}"#,
                "v1,1RoiXxbb7pr5P+AnI1yPgLatTqau0mHCjQIN1zpT/Zw=",
            ),
        ] {
            assert_eq!(signature(&Secret::parse(secret).unwrap(), id, timestamp, body), expected);
        }
    }

    #[test]
    fn the_public_key_is_the_published_one() {
        let key = Secret::parse(T3).unwrap().public_key();
        assert_eq!(key.as_deref(), Some("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="));
        assert_eq!(*Secret::parse(T3).unwrap().expose(), T3);
    }

    #[test]
    fn the_legacy_signature_is_keyed_with_the_secrets_text() {
        // echo -n '1614265330.{}' | openssl dgst -sha256 -hmac "$T1"
        let signature = legacy_signature(&Secret::parse(T1).unwrap(), "1614265330", "{}");
        assert_eq!(signature.as_deref(), Some("f0350121c22e0191dba7cbf90fa37bdb0dcf44bb6e9a1e1ef2e47d6191282643"));
        assert_eq!(legacy_signature(&Secret::parse(T3).unwrap(), "1614265330", "{}"), None);
    }
}
