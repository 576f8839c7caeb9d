//! What access control adds to a request: token check and quota, warm, as every request pays them.
//!
//! ```text
//! cargo bench --profile server --bench access
//! ```
//!
//! On two cores of an AMD EPYC, 2026-11-22, medians: a token seen for the first time 66 us (ES256), 59 (EdDSA), 28 (RS256), one
//! seen before 0.6 to 0.8 us; a quota at steady rate 0.6 us. Together 67 us at most; a warm request pays 1.2 us.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use criterion::{Criterion, criterion_group, criterion_main};
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use roster::clock::Clock;
use roster::config::Config;
use roster::domain::ClientId;
use roster::domain::limit::{Counted, Policy};
use roster::jwt::jwk::Algorithm;
use roster::jwt::keys::{Keys, Place};
use roster::jwt::{Demands, Verifier};
use roster::local::DynamoDb;
use roster::quotas::{Plan, Quotas};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const ISSUER: &str = "https://issuer.example";

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A way to sign, and the public key.
type Signer = (&'static str, Value, Box<dyn Fn(&[u8]) -> Vec<u8>>);

fn signers() -> Vec<Signer> {
    let random = SystemRandom::new();
    let kind = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
    let es = EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap();
    let point = es.public_key().as_ref().to_vec();
    let ed = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
    let rs = rsa::KeyPair::from_pkcs8(include_bytes!("../tests/it/keys/rsa-test-key.p8")).unwrap();
    let public = rsa::PublicKeyComponents::<Vec<u8>>::from(rs.public());
    vec![
        (
            "ES256",
            json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])}),
            Box::new(move |message| es.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()),
        ),
        (
            "EdDSA",
            json!({"kty": "OKP", "crv": "Ed25519", "x": encode(ed.public_key().as_ref())}),
            Box::new(move |message| ed.sign(message).as_ref().to_vec()),
        ),
        (
            "RS256",
            json!({"kty": "RSA", "n": encode(&public.n), "e": encode(&public.e)}),
            Box::new(move |message| {
                let mut bytes = vec![0; rs.public().modulus_len()];
                rs.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut bytes).unwrap();
                bytes
            }),
        ),
    ]
}

fn token(algorithm: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>, number: usize) -> String {
    let now = Clock::system().now().unix_seconds();
    let claims = json!({
        "iss": ISSUER, "aud": "roster", "exp": now + 3600, "iat": now, "jti": number, "client_id": "billing",
        "sub": "01980000-0000-7000-8000-000000000001", "scope": "users:read users:write",
    });
    let message =
        format!("{}.{}", encode(json!({"alg": algorithm, "typ": "at+jwt"}).to_string()), encode(claims.to_string()));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", encode(signature))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn tokens(criterion: &mut Criterion) {
    let runtime = runtime();
    let signers = signers();
    let file = tempfile::NamedTempFile::new().unwrap();
    let keys: Vec<&Value> = signers.iter().map(|(_, key, _)| key).collect();
    std::fs::write(file.path(), json!({"keys": keys}).to_string()).unwrap();
    let demands = Demands {
        issuer: ISSUER.to_owned(),
        audiences: vec!["roster".to_owned()],
        algorithms: Algorithm::ALL.to_vec(),
        types: vec!["at+jwt".to_owned()],
        leeway_seconds: 30,
    };
    let keys = || Keys::new(Place::File(file.path().display().to_string()), None);
    let now = Clock::system().now();
    let mut group = criterion.benchmark_group("token");
    for (algorithm, _, sign) in &signers {
        let verifier = Verifier::new(demands.clone(), keys());
        // More tokens than are remembered, in turn: each is verified from the start.
        let many: Vec<String> = (0..600).map(|number| token(algorithm, sign, number)).collect();
        let mut next = 0;
        group.bench_function(format!("{algorithm}, first seen"), |bencher| {
            bencher.iter(|| {
                next = (next + 1) % many.len();
                runtime.block_on(verifier.verify(&many[next], now)).unwrap().unwrap()
            });
        });
        let verifier = Verifier::new(demands.clone(), keys());
        group.bench_function(format!("{algorithm}, seen before"), |bencher| {
            bencher.iter(|| runtime.block_on(verifier.verify(&many[0], now)).unwrap().unwrap());
        });
    }
    group.finish();
}

fn quotas(criterion: &mut Criterion) {
    let runtime = runtime();
    let engine = DynamoDb::in_memory().unwrap();
    let url = engine.url();
    let config = Config::for_local(&|name| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| url.clone())).unwrap();
    let app = runtime.block_on(roster::app::App::new(&config)).unwrap();
    runtime.block_on(app.store.create_table()).unwrap();
    let default = vec![Policy::new("caller", 1_000_000_000, 60, 1_000_000_000, Counted::All).unwrap()];
    let quotas = Quotas::new(Plan { default, ..Plan::default() });
    let client = ClientId::parse("billing").unwrap();
    let mut admitted = 0_u64;
    criterion.bench_function("quota, steady", |bencher| {
        bencher.iter(|| {
            admitted += 1;
            runtime.block_on(quotas.admit(&app.store, &app.clock, &client, "get_user", true)).1.unwrap();
        });
    });
    println!("{admitted} requests admitted with {} writes", quotas.writes());
}

criterion_group!(access, tokens, quotas);
criterion_main!(access);
