//! A provider of OpenID Connect for the tests: it keeps to the protocol, signs with keys of its own, and has a switch
//! for each way in which one could be wrong.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};

use super::site::{NOW, Reply, exchange_with};

pub(crate) const CLIENT: &str = "roundsman";
pub(crate) const SECRET: &str = "s3cret:with/odd?signs";
pub(crate) const REDIRECT: &str = "http://localhost/login/oidc/callback";

/// In which way the provider, or who stands in its place, is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    AlgNone,
    AlgNoneSigned,
    Hs256WithSecret,
    Hs256WithPublicKey,
    Rs384,
    Crit,
    ForeignKey,
    UnknownKid,
    NoKidOfTwoKeys,
    KeyOfOtherAlg,
    KeyToEncrypt,
    Tampered,
    CutSignature,
    TwoParts,
    Iss,
    IssWithSlash,
    Aud,
    AudOfSeveral,
    AudOfOthers,
    Azp,
    Nonce,
    NoNonce,
    Exp,
    NoExp,
    IatToCome,
    IatLongAgo,
    NoIat,
    NbfToCome,
    NoSub,
    EmptySub,
    LongSub,
    TokenRefused,
    TokenBroken,
    TokenOfHtml,
    TokenHuge,
    TokenRedirects,
    NoIdToken,
}

/// What the provider is at the moment.
pub(crate) struct Conduct {
    pub(crate) fault: Fault,
    /// What stands in the token beside what has to.
    pub(crate) claims: Value,
    /// ES256, and else RS256.
    pub(crate) elliptic: bool,
    /// Whether the client has a secret.
    pub(crate) confidential: bool,
    /// What its clock says, seconds since 1970.
    pub(crate) now: i64,
    /// The name of its keys.
    pub(crate) kid: String,
    /// What its description says instead.
    pub(crate) described: Value,
    pub(crate) status: StatusCode,
    /// How often it was asked for its keys.
    pub(crate) keys_asked: usize,
    codes: HashMap<String, HashMap<String, String>>,
}

/// A provider that is served until it is dropped.
pub(crate) struct Issuer {
    pub(crate) address: SocketAddr,
    pub(crate) conduct: Arc<Mutex<Conduct>>,
    /// No token is made while somebody has it.
    pub(crate) pause: Arc<tokio::sync::Mutex<()>>,
    waiting: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Shop {
    address: SocketAddr,
    conduct: Arc<Mutex<Conduct>>,
    pause: Arc<tokio::sync::Mutex<()>>,
    waiting: Arc<AtomicUsize>,
    keys: Arc<Keys>,
}

struct Keys {
    rsa: RsaKeyPair,
    elliptic: EcdsaKeyPair,
    foreign: EcdsaKeyPair,
}

fn elliptic() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap()
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let conduct = Arc::new(Mutex::new(Conduct {
            fault: Fault::None,
            claims: json!({ "sub": "0815", "preferred_username": "ann", "groups": ["staff", "sre"] }),
            elliptic: false,
            confidential: true,
            now: NOW.0 / 1_000,
            kid: "one".to_owned(),
            described: json!({}),
            status: StatusCode::OK,
            keys_asked: 0,
            codes: HashMap::new(),
        }));
        // A key of these tests alone: ring makes none of RSA.
        let pem = include_bytes!("oidc_rsa.pem");
        let rsa = PrivatePkcs8KeyDer::from_pem_slice(pem).unwrap();
        let rsa = RsaKeyPair::from_pkcs8(rsa.secret_pkcs8_der()).unwrap();
        let keys = Arc::new(Keys { rsa, elliptic: elliptic(), foreign: elliptic() });
        let (pause, waiting) = <(Arc<tokio::sync::Mutex<()>>, Arc<AtomicUsize>)>::default();
        let shop = Shop {
            address,
            conduct: Arc::clone(&conduct),
            pause: Arc::clone(&pause),
            waiting: Arc::clone(&waiting),
            keys,
        };
        let router = Router::new()
            .route("/main/.well-known/openid-configuration", get(describe))
            .route("/main/authorize", get(authorize))
            .route("/main/token", post(token))
            .route("/main/keys", get(keys_of))
            .with_state(shop);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, conduct, pause, waiting, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/main", self.address)
    }

    /// How many wait for a token.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Conduct)) {
        change(&mut self.conduct.lock().unwrap());
    }

    /// Where it sends a browser back to that comes with this address: path and query.
    pub(crate) async fn signs_in(&self, location: &str) -> String {
        let path = location.strip_prefix(&format!("http://{}", self.address)).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let reply = String::from_utf8(exchange_with(self.address, &request).await).unwrap();
        let reply = Reply::parse(&reply);
        assert_eq!(reply.status, 302, "{}", reply.body);
        let back = reply.header("location").unwrap();
        back.strip_prefix("http://localhost").unwrap().to_owned()
    }
}

async fn describe(State(shop): State<Shop>) -> Response {
    let base = format!("http://{}/main", shop.address);
    let conduct = shop.conduct.lock().unwrap();
    let mut described = json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
        "scopes_supported": ["openid", "groups", "offline_access"],
        "response_types_supported": ["code"],
    });
    for (name, value) in conduct.described.as_object().unwrap() {
        described[name] = value.clone();
    }
    (conduct.status, Json(described)).into_response()
}

/// The user is known and agrees.
async fn authorize(
    State(shop): State<Shop>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let mut conduct = shop.conduct.lock().unwrap();
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("scope", "openid groups"),
        ("code_challenge_method", "S256"),
    ] {
        if asked[name] != value {
            return (StatusCode::BAD_REQUEST, format!("{name} is {}", asked[name])).into_response();
        }
    }
    let code = format!("code-{}", conduct.codes.len());
    let back = format!("{REDIRECT}?code={code}&state={}&session_state=x", asked["state"]);
    conduct.codes.insert(code, asked);
    (StatusCode::FOUND, [(header::LOCATION, back)]).into_response()
}

async fn keys_of(State(shop): State<Shop>) -> Json<Value> {
    let mut conduct = shop.conduct.lock().unwrap();
    conduct.keys_asked += 1;
    let (kid, fault) = (&conduct.kid, conduct.fault);
    let public = shop.keys.rsa.public_key();
    let parts: ring::rsa::PublicKeyComponents<Vec<u8>> = public.into();
    let of_rsa = json!({ "kty": "RSA", "kid": format!("{kid}-rsa"), "alg": "RS256", "use": "sig",
        "n": encoded(parts.n), "e": encoded(parts.e) });
    let point = |key: &EcdsaKeyPair, kid: String| {
        let point = key.public_key().as_ref();
        let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y })
    };
    let mut elliptic = point(&shop.keys.elliptic, format!("{kid}-ec"));
    if fault == Fault::KeyToEncrypt {
        elliptic["use"] = "enc".into();
    }
    let mut all = vec![json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "odd" }), of_rsa];
    all.push(elliptic);
    if fault == Fault::NoKidOfTwoKeys {
        all.push(point(&shop.keys.foreign, "other".to_owned()));
    }
    Json(json!({ "keys": all }))
}

async fn token(State(shop): State<Shop>, headers: HeaderMap, body: String) -> Response {
    let asked = format!("/?{body}").parse().unwrap();
    let Query(asked) = Query::<HashMap<String, String>>::try_from_uri(&asked).unwrap();
    shop.waiting.fetch_add(1, Ordering::SeqCst);
    let _turn = shop.pause.lock().await;
    shop.waiting.fetch_sub(1, Ordering::SeqCst);
    let mut conduct = shop.conduct.lock().unwrap();
    let refuse =
        |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    let basic = format!("{CLIENT}:s3cret%3Awith%2Fodd%3Fsigns");
    let basic = format!("Basic {}", STANDARD.encode(basic));
    let shown = headers.get(header::AUTHORIZATION).map(|shown| shown.to_str().unwrap());
    let posts = conduct.described.get("token_endpoint_auth_methods_supported").is_some();
    let is_client = match (conduct.confidential, posts) {
        (true, true) => asked.get("client_secret").is_some_and(|secret| secret == SECRET),
        (true, false) => shown == Some(&*basic),
        (false, _) => shown.is_none() && !asked.contains_key("client_secret"),
    };
    if !is_client {
        return refuse("invalid_client");
    }
    let Some(began) = conduct.codes.remove(&asked["code"]) else { return refuse("invalid_grant") };
    let challenge = encoded(Sha256::digest(&asked["code_verifier"]));
    let is_same = began["code_challenge"] == challenge
        && asked["redirect_uri"] == began["redirect_uri"]
        && asked["client_id"] == CLIENT
        && asked["grant_type"] == "authorization_code";
    if !is_same || conduct.fault == Fault::TokenRefused {
        return refuse("invalid_grant");
    }
    // No code is given out twice.
    let spent = format!("spent-{}", conduct.codes.len());
    let nonce = began["nonce"].clone();
    conduct.codes.insert(spent, began);
    match conduct.fault {
        Fault::TokenBroken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Fault::TokenOfHtml => "<html>sign in</html>".into_response(),
        Fault::TokenHuge => {
            let mut answer = json!({ "id_token": signed(&shop, &conduct, &nonce) });
            answer["more"] = "x".repeat(roundsman::oidc::MAX_PROVIDER_BYTES).into();
            Json(answer).into_response()
        }
        Fault::TokenRedirects => {
            (StatusCode::FOUND, [(header::LOCATION, "http://127.0.0.1:1/")]).into_response()
        }
        Fault::NoIdToken => Json(json!({ "access_token": "x" })).into_response(),
        _ => Json(json!({ "access_token": "x", "token_type": "Bearer",
            "id_token": signed(&shop, &conduct, &nonce) }))
        .into_response(),
    }
}

/// What the token says.
fn claims(shop: &Shop, conduct: &Conduct, nonce: &str) -> Value {
    let now = conduct.now;
    let issuer = format!("http://{}/main", shop.address);
    let mut claims =
        json!({ "iss": issuer, "aud": CLIENT, "nonce": nonce, "iat": now, "exp": now + 300 });
    for (name, value) in conduct.claims.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let (name, value) = match conduct.fault {
        Fault::Iss => ("iss", "http://127.0.0.1:1/main".into()),
        Fault::IssWithSlash => ("iss", format!("{issuer}/").into()),
        Fault::Aud => ("aud", "another".into()),
        Fault::AudOfSeveral => ("aud", json!([CLIENT, "another"])),
        Fault::AudOfOthers => ("aud", json!(["another", "third"])),
        Fault::Azp => ("azp", "another".into()),
        Fault::Nonce => ("nonce", "another".into()),
        Fault::NoNonce => ("nonce", Value::Null),
        Fault::Exp => ("exp", (now - 60).into()),
        Fault::NoExp => ("exp", Value::Null),
        Fault::IatToCome => ("iat", (now + 61).into()),
        Fault::IatLongAgo => ("iat", (now - 602).into()),
        Fault::NoIat => ("iat", Value::Null),
        Fault::NbfToCome => ("nbf", (now + 61).into()),
        Fault::NoSub => ("sub", Value::Null),
        Fault::EmptySub => ("sub", "".into()),
        Fault::LongSub => ("sub", "x".repeat(256).into()),
        _ => return claims,
    };
    claims[name] = value;
    claims
}

fn signed(shop: &Shop, conduct: &Conduct, nonce: &str) -> String {
    let random = SystemRandom::new();
    let fault = conduct.fault;
    let elliptic = conduct.elliptic
        || matches!(fault, Fault::ForeignKey | Fault::KeyToEncrypt | Fault::NoKidOfTwoKeys);
    let kid = format!("{}-{}", conduct.kid, if elliptic { "ec" } else { "rsa" });
    let mut head = json!({ "alg": if elliptic { "ES256" } else { "RS256" }, "kid": kid });
    match fault {
        Fault::AlgNone | Fault::AlgNoneSigned => head["alg"] = "none".into(),
        Fault::Hs256WithSecret | Fault::Hs256WithPublicKey => head["alg"] = "HS256".into(),
        Fault::Rs384 => head["alg"] = "RS384".into(),
        Fault::Crit => head["crit"] = json!(["exp"]),
        Fault::UnknownKid => head["kid"] = "unknown".into(),
        Fault::KeyOfOtherAlg => head["alg"] = "ES256".into(),
        Fault::NoKidOfTwoKeys => head["kid"] = Value::Null,
        _ => {}
    }
    let claims = claims(shop, conduct, nonce);
    let part = |value: &Value| encoded(serde_json::to_vec(value).unwrap());
    let mut message = format!("{}.{}", part(&head), part(&claims));
    let with_key =
        |key: &EcdsaKeyPair| key.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec();
    let with_rsa = || {
        let mut signature = vec![0; shop.keys.rsa.public().modulus_len()];
        shop.keys.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
        signature
    };
    let with_secret = |secret: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
    };
    let mut signature = match fault {
        Fault::AlgNone => Vec::new(),
        Fault::Hs256WithSecret => with_secret(SECRET.as_bytes()),
        Fault::Hs256WithPublicKey => with_secret(shop.keys.rsa.public_key().as_ref()),
        Fault::ForeignKey | Fault::NoKidOfTwoKeys => with_key(&shop.keys.foreign),
        _ if elliptic => with_key(&shop.keys.elliptic),
        _ => with_rsa(),
    };
    match fault {
        Fault::Tampered => {
            let mut other = claims.clone();
            other["sub"] = "root".into();
            message = format!("{}.{}", part(&head), part(&other));
        }
        Fault::CutSignature => drop(signature.pop()),
        Fault::TwoParts => return message,
        _ => {}
    }
    format!("{message}.{}", encoded(signature))
}
