//! The keys of a provider (RFC 7517), of the two algorithms that are taken: RS256 and ES256 (RFC 7518, 3.1).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
}

impl Algorithm {
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

/// Which key a token says that it is signed with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeyName {
    pub(super) algorithm: Algorithm,
    pub(super) id: Option<String>,
}

/// A key, as a document has it.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

enum PublicKey {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
}

struct Key {
    id: Option<String>,
    public: PublicKey,
}

impl Key {
    fn algorithm(&self) -> Algorithm {
        match self.public {
            PublicKey::Rsa { .. } => Algorithm::Rs256,
            PublicKey::P256(_) => Algorithm::Es256,
        }
    }

    /// None for a key of another kind, or for another purpose.
    fn of(jwk: Jwk) -> Option<Self> {
        let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let signs = jwk.r#use.is_none_or(|of| of == "sig");
        let verifies = jwk.key_ops.is_none_or(|all| all.iter().any(|one| one == "verify"));
        if !signs || !verifies {
            return None;
        }
        let public = match (&*jwk.kty, jwk.crv.as_deref()) {
            ("RSA", _) => PublicKey::Rsa { modulus: bytes(jwk.n)?, exponent: bytes(jwk.e)? },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(jwk.x)?, bytes(jwk.y)?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                PublicKey::P256([&[4], &*x, &*y].concat())
            }
            _ => return None,
        };
        let key = Self { id: jwk.kid, public };
        let is_for_it = jwk.alg.is_none_or(|alg| Algorithm::parse(&alg) == Some(key.algorithm()));
        is_for_it.then_some(key)
    }

    fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.public {
            PublicKey::Rsa { modulus, exponent } => {
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(
                    &RSA_PKCS1_2048_8192_SHA256,
                    message,
                    signature,
                )
            }
            PublicKey::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

/// The keys of a provider that can be used.
pub(super) struct KeySet(Vec<Key>);

impl<'de> Deserialize<'de> for KeySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let Jwks { keys } = Jwks::deserialize(deserializer)?;
        // A key of a kind that is not known takes nothing from the others (RFC 7517, section 5).
        let usable = |key| serde_json::from_value(key).ok().and_then(Key::of);
        Ok(Self(keys.into_iter().filter_map(usable).collect()))
    }
}

impl KeySet {
    /// The keys of this name. A token that names none may be signed with the one key of its algorithm.
    fn named(&self, name: &KeyName) -> Vec<&Key> {
        let of_kind = self.0.iter().filter(|key| key.algorithm() == name.algorithm);
        match &name.id {
            Some(id) => of_kind.filter(|key| key.id.as_ref() == Some(id)).collect(),
            None => {
                let all: Vec<&Key> = of_kind.collect();
                if all.len() == 1 { all } else { Vec::new() }
            }
        }
    }

    /// Whether there is a key of this name.
    pub(super) fn has(&self, name: &KeyName) -> bool {
        !self.named(name).is_empty()
    }

    /// Whether the key of this name signed the message.
    pub(super) fn signed(&self, name: &KeyName, message: &[u8], signature: &[u8]) -> bool {
        self.named(name).iter().any(|key| key.signed(message, signature))
    }
}
