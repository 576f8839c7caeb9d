//! Issuers of tokens for tests: keys of every accepted kind, tokens of any shape, and a key set over HTTP that can break.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::START_MILLIS;

pub const ISSUER: &str = "https://issuer.example";
pub const AUDIENCE: &str = "https://roster.example";
/// When a house's clock starts, in seconds.
pub const NOW: i64 = START_MILLIS / 1000;

/// A private key with an id.
#[derive(Clone)]
pub struct Signer {
    pub id: String,
    key: Arc<Pair>,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(rsa::KeyPair),
}

impl Signer {
    pub fn es256(id: &str) -> Self {
        let (kind, random) = (&signature::ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self::new(id, Pair::Es256(EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap()))
    }

    pub fn eddsa(id: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::new(id, Pair::EdDsa(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()))
    }

    /// The committed key, which is good for nothing but tests.
    pub fn rs256(id: &str) -> Self {
        Self::new(id, Pair::Rs256(rsa::KeyPair::from_pkcs8(include_bytes!("../keys/rsa-test-key.p8")).unwrap()))
    }

    fn new(id: &str, key: Pair) -> Self {
        Self { id: id.to_owned(), key: Arc::new(key) }
    }

    pub fn algorithm(&self) -> &'static str {
        match *self.key {
            Pair::Es256(_) => "ES256",
            Pair::EdDsa(_) => "EdDSA",
            Pair::Rs256(_) => "RS256",
        }
    }

    /// The public key as it stands in a key set.
    pub fn jwk(&self) -> Value {
        match &*self.key {
            Pair::Es256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": self.id, "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Pair::EdDsa(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": encode(pair.public_key().as_ref())})
            }
            Pair::Rs256(pair) => {
                let public = rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "kid": self.id, "alg": "RS256", "use": "sig", "n": encode(&public.n), "e": encode(&public.e)})
            }
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &*self.key {
            Pair::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rs256(pair) => {
                let mut bytes = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut bytes).unwrap();
                bytes
            }
        }
    }

    pub fn header(&self) -> Value {
        json!({"alg": self.algorithm(), "typ": "at+jwt", "kid": self.id})
    }

    /// A token with this header and these claims, given as text so that anything can stand in them.
    pub fn token_of(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        format!("{message}.{}", encode(self.sign(message.as_bytes())))
    }

    /// A good token with some claims changed; `null` takes one away.
    pub fn token(&self, changes: &Value) -> String {
        self.token_of(&self.header().to_string(), &claims(changes).to_string())
    }
}

/// Good claims for an hour with some changed.
pub fn claims(changes: &Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 3600, "iat": NOW, "client_id": "billing"});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub fn key_set(signers: &[&Signer]) -> Value {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()})
}

/// What a key server answers.
#[derive(Clone)]
pub enum Answer {
    Keys(Value),
    Status(u16),
    /// Nothing: the connection is closed.
    Down,
    /// A body of so many bytes.
    Flood(usize),
}

/// A key set at `http://127.0.0.1:…/keys`, and a discovery document beside it.
pub struct KeyServer {
    pub url: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl KeyServer {
    pub fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
        let (current, count, here) = (Arc::clone(&answer), Arc::clone(&asked), url.clone());
        // Ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut line = String::new();
                if BufReader::new(&stream).read_line(&mut line).is_err() {
                    continue;
                }
                let (status, body) = if line.contains("/.well-known/openid-configuration") {
                    (200, json!({"issuer": here, "jwks_uri": format!("{here}/keys")}).to_string())
                } else {
                    count.fetch_add(1, Ordering::SeqCst);
                    match current.lock().unwrap().clone() {
                        Answer::Keys(keys) => (200, keys.to_string()),
                        Answer::Status(status) => (status, "{}".to_owned()),
                        Answer::Flood(bytes) => (200, "x".repeat(bytes)),
                        Answer::Down => continue,
                    }
                };
                let length = body.len();
                let head = format!("HTTP/1.1 {status} OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            }
        });
        Self { url, answer, asked }
    }

    pub fn keys_url(&self) -> String {
        format!("{}/keys", self.url)
    }

    pub fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How often the key set was asked for.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
