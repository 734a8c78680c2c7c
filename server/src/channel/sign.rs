//! Signatures: that a message is ours and of this moment, told by a secret that both sides have.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;

use crate::units::WallMs;

/// The head of a web hook's request in which the signature stands.
pub const SIGNATURE_HEADER: &str = "x-roundsman-signature";

fn hmac_sha256(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

/// Of a web hook: `t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256 of `SECONDS.BODY` by the secret. The
/// moment is signed, too: who kept an old request cannot send it as a new one.
#[must_use]
pub(super) fn webhook(secret: &str, body: &str, now: WallMs) -> String {
    let seconds = now.0.div_euclid(1000);
    let tag = hmac_sha256(secret.as_bytes(), format!("{seconds}.{body}").as_bytes());
    let mut signature = format!("t={seconds},v1=");
    for byte in tag.as_ref() {
        // Writing into a text cannot fail.
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}

/// Of DingTalk: what is added to the URL's query. The text is `MILLISECONDS\nSECRET`, signed by the
/// secret.
#[must_use]
pub(super) fn dingtalk(secret: &str, now: WallMs) -> String {
    let text = format!("{}\n{secret}", now.0);
    let sign = STANDARD.encode(hmac_sha256(secret.as_bytes(), text.as_bytes()));
    format!("timestamp={}&sign={}", now.0, percent_encoded(&sign))
}

/// Of Feishu and Lark: seconds and signature, both fields of the document. There the text is the key,
/// and nothing is signed by it.
#[must_use]
pub(super) fn feishu(secret: &str, now: WallMs) -> (String, String) {
    let seconds = now.0.div_euclid(1000).to_string();
    let key = format!("{seconds}\n{secret}");
    let sign = STANDARD.encode(hmac_sha256(key.as_bytes(), b""));
    (seconds, sign)
}

/// RFC 3986, 2.1: all but letters, digits and `-._~`.
#[must_use]
pub(super) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallMs = WallMs(1_599_360_473_123);

    /// Each is compared with what OpenSSL says:
    /// `printf 'TEXT' | openssl dgst -sha256 -hmac KEY` (with `-binary | base64`).
    #[test]
    fn signatures_are_those_of_openssl() {
        assert_eq!(
            webhook("hunter2", "{}", NOW),
            "t=1599360473,v1=359d409aa64685120b5d850606acbceff5e76d3adabca58bccd2a50a5de73577"
        );
        assert_eq!(
            dingtalk("SECabc", NOW),
            "timestamp=1599360473123&sign=WTmPOAnx8ZVo%2BxZKX7g%2Bo52vstWy10neVWw7vKA4UbY%3D"
        );
        assert_eq!(
            feishu("demo", NOW),
            ("1599360473".to_owned(), "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=".to_owned())
        );
    }
}
