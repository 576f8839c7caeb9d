//! `ROSTER_AUTH=jwt`: which tokens are good, and which are refused.

#![allow(clippy::print_stderr, clippy::too_many_lines, reason = "figures for people, and one list of attacks")]

use ring::hmac;
use serde_json::{Value, json};

use crate::harness::tokens::{AUDIENCE, Answer, ISSUER, KeyServer, NOW, Signer, claims, encode, key_set};
use crate::harness::{House, Reply};

pub const SCOPE: &str = "users:read";

pub async fn house(server: &KeyServer) -> House {
    house_with(server, &[]).await
}

pub async fn house_with(server: &KeyServer, more: &[(&str, &str)]) -> House {
    let keys = server.keys_url();
    let mut variables = vec![
        ("ROSTER_AUTH", "jwt"),
        ("ROSTER_JWT_ISSUER", ISSUER),
        ("ROSTER_JWT_AUDIENCE", AUDIENCE),
        ("ROSTER_JWT_JWKS", keys.as_str()),
        ("ROSTER_LIST_SHARDS", "1"),
    ];
    variables.extend_from_slice(more);
    House::with(&variables).await
}

pub async fn list(house: &House, token: &str) -> Reply {
    house.anyone().with("authorization", format!("Bearer {token}")).get("/users").await
}

pub fn refusal(reply: &Reply) -> &str {
    let challenge = reply.header("www-authenticate");
    challenge.split("error_description=\"").nth(1).unwrap_or(challenge).trim_end_matches('"')
}

#[tokio::test]
async fn tokens_of_every_accepted_kind_are_taken() {
    let signers = [Signer::es256("e"), Signer::eddsa("d"), Signer::rs256("r")];
    let server = KeyServer::start(Answer::Keys(key_set(&signers.each_ref())));
    let house = house(&server).await;
    for signer in &signers {
        for changes in [
            json!({"scope": SCOPE}),
            json!({"scope": "openid users:read profile"}),
            json!({"scp": [SCOPE, "offline_access"]}),
            json!({"scp": SCOPE}),
            json!({"scope": SCOPE, "aud": ["https://other.example", AUDIENCE]}),
            json!({"scope": SCOPE, "exp": NOW - 29}),
            json!({"scope": SCOPE, "nbf": NOW + 30}),
            json!({"scope": SCOPE, "client_id": null, "azp": "billing"}),
            json!({"scope": SCOPE, "iat": null, "client_id": null}),
        ] {
            list(&house, &signer.token(&changes)).await.expect(200);
        }
        for header in
            [json!({"typ": "application/at+jwt"}), json!({"typ": "JWT"}), json!({"kid": null}), json!({"x5t": "AA"})]
        {
            let mut full = signer.header();
            for (name, value) in header.as_object().unwrap() {
                full[name] = value.clone();
            }
            full.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            list(&house, &signer.token_of(&full.to_string(), &claims(&json!({"scope": SCOPE})).to_string()))
                .await
                .expect(200);
        }
    }
    assert_eq!(server.asked(), 1, "keys are fetched once");
}

#[tokio::test]
async fn every_attack_is_refused_with_401() {
    let (es, rs, ed) = (Signer::es256("1"), Signer::rs256("2"), Signer::eddsa("3"));
    let (stranger, wrong_curve) = (Signer::es256("1"), Signer::eddsa("1"));
    let server = KeyServer::start(Answer::Keys(key_set(&[&es, &rs, &ed])));
    let house = house(&server).await;
    let good = claims(&json!({"scope": SCOPE}));
    let text = good.to_string();
    let header = |changes: Value| {
        let mut header = es.header();
        for (name, value) in changes.as_object().unwrap() {
            header[name] = value.clone();
        }
        header.to_string()
    };
    let with = |changes: Value| es.token_of(&header(changes), &text);
    let forged = |header: &str, signature: &[u8]| format!("{}.{}.{}", encode(header), encode(&text), encode(signature));
    let hs256 = |key: &[u8]| {
        let message = format!("{}.{}", encode(header(json!({"alg": "HS256"}))), encode(&text));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
        format!("{message}.{}", encode(tag))
    };
    let jwk = es.jwk();
    let claim = |name: &str, value: Value| es.token(&json!({"scope": SCOPE, name: value}));
    let raw = |claims: &str| es.token_of(&header(json!({})), claims);
    let valid = es.token(&json!({"scope": SCOPE}));
    let (head, rest) = valid.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();

    let mut attacks: Vec<(String, String, &str)> = Vec::new();
    let mut attack = |name: &str, token: String, told: &'static str| attacks.push((name.to_owned(), token, told));
    for none in ["none", "None", "NONE", "nOnE", ""] {
        attack(&format!("alg {none:?}"), forged(&header(json!({"alg": none})), b""), "algorithm");
        attack(&format!("alg {none:?}, signed"), with(json!({"alg": none})), "algorithm");
    }
    attack("HS256 under the public key's JSON", hs256(jwk.to_string().as_bytes()), "algorithm");
    attack("HS256 under the public key's x", hs256(jwk["x"].as_str().unwrap().as_bytes()), "algorithm");
    attack("HS256 under nothing", hs256(b""), "algorithm");
    for alg in ["ES384", "ES512", "ES256K", "RS384", "PS256", "HS512", "es256", "EdDSA ", "Ed448"] {
        attack(&format!("alg {alg}"), with(json!({"alg": alg})), "algorithm");
    }
    attack("alg of another key", with(json!({"alg": "RS256"})), "key");
    attack("alg RS256 on the RSA key, signed by the EC key", with(json!({"alg": "RS256", "kid": "2"})), "signature");
    attack("alg EdDSA on the EC key", with(json!({"alg": "EdDSA"})), "key");
    attack("alg of a wrong type", with(json!({"alg": ["ES256"]})), "JWT");
    attack("no alg", es.token_of(r#"{"typ":"at+jwt","kid":"1"}"#, &text), "JWT");
    for kid in [
        "../../../../dev/null",
        "/dev/null",
        "1' OR '1'='1",
        "1\u{0}",
        "http://127.0.0.1/keys",
        "file:///etc/passwd",
        "4",
        "$(id)",
    ] {
        attack(&format!("kid {kid}"), with(json!({"kid": kid})), "key");
    }
    attack("kid of a wrong type", with(json!({"kid": 1})), "JWT");
    attack("kid of another kind of key", with(json!({"kid": "2"})), "key");
    let embedded = stranger.token_of(&header(json!({"jwk": stranger.jwk()})), &text);
    attack("embedded jwk of a stranger", embedded, "header");
    attack("embedded jwk, our own", with(json!({"jwk": jwk})), "header");
    for name in ["jku", "x5u"] {
        attack(name, with(json!({name: server.keys_url()})), "header");
    }
    attack("x5c", with(json!({"x5c": ["AA"]})), "header");
    attack("crit", with(json!({"crit": ["exp"]})), "header");
    attack("crit, empty", with(json!({"crit": []})), "header");
    attack("b64", with(json!({"b64": false, "crit": ["b64"]})), "header");
    attack("typ of another kind", with(json!({"typ": "logout+jwt"})), "type");
    attack("no typ", es.token_of(r#"{"alg":"ES256","kid":"1"}"#, &text), "type");
    attack(
        "duplicate header member",
        es.token_of(r#"{"alg":"ES256","alg":"none","typ":"at+jwt","kid":"1"}"#, &text),
        "JWT",
    );
    let tail = text.strip_prefix('{').unwrap();
    attack("duplicate sub", raw(&format!(r#"{{"sub":"a","sub":"b",{tail}"#)), "claims");
    attack("duplicate exp", raw(&format!(r#"{{"exp":{},{tail}"#, NOW + 9999)), "claims");
    attack("duplicate scope by escape", raw(&format!(r#"{{"\u0073cope":"users:admin",{tail}"#)), "claims");
    for (name, value) in [
        ("exp", json!(-1)),
        ("exp", json!(1.5e9)),
        ("exp", json!(99_999_999_999.5)),
        ("exp", json!("99999999999")),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        ("exp", Value::Bool(true)),
        ("exp", json!([NOW + 100])),
        ("exp", Value::Null),
        ("nbf", json!(-5)),
        ("nbf", json!(0.5)),
        ("nbf", json!("0")),
        ("iat", json!(-1)),
        ("iat", json!({})),
        ("sub", json!(1)),
        ("sub", json!(["a"])),
        ("client_id", json!(7)),
        ("client_id", json!("a b")),
        ("client_id", json!("")),
        ("azp", json!([])),
        ("scope", json!(7)),
        ("scope", json!({"users:read": true})),
        ("iss", json!([ISSUER])),
        ("aud", json!({"a": 1})),
        ("aud", json!([1])),
    ] {
        attack(&format!("{name} {value}"), claim(name, value), "claims");
    }
    attack("exp null", raw(&text.replace(&format!("\"exp\":{}", NOW + 3600), "\"exp\":null")), "claims");
    attack("expired", claim("exp", json!(NOW - 30)), "expired");
    attack("expired in 1970", claim("exp", json!(0)), "expired");
    attack("not yet", claim("nbf", json!(NOW + 31)), "not valid yet");
    attack("issued in the future", claim("iat", json!(NOW + 31)), "not valid yet");
    for issuer in [json!("https://issuer.example/"), json!("https://ISSUER.example"), json!(""), Value::Null] {
        attack(&format!("iss {issuer}"), claim("iss", issuer), "issuer");
    }
    for audience in
        [json!("https://roster.example/"), json!([]), json!(""), Value::Null, json!(["https://other.example"])]
    {
        attack(&format!("aud {audience}"), claim("aud", audience), "audience");
    }
    attack("another issuer's key under our kid", stranger.token(&json!({"scope": SCOPE})), "signature");
    attack("a key of the wrong curve under our kid", wrong_curve.token(&json!({"scope": SCOPE})), "key");
    attack("Ed25519 said to be ES256", wrong_curve.token_of(&header(json!({})), &text), "signature");
    attack("psychic signature", forged(&header(json!({})), &[0; 64]), "signature");
    attack("psychic signature, DER", forged(&header(json!({})), &[0x30, 6, 2, 1, 0, 2, 1, 0]), "signature");
    // r = s = n, the order of P-256 (FIPS 186-4, D.1.2.3).
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    attack("r = s = n", forged(&header(json!({})), &[order, order].concat()), "signature");
    attack("all zeros under Ed25519", forged(&ed.header().to_string(), &[0; 64]), "signature");
    attack("all zeros under RSA", forged(&rs.header().to_string(), &[0; 256]), "signature");
    attack("an empty RSA signature", forged(&rs.header().to_string(), b""), "signature");
    attack(
        "claims changed",
        format!("{head}.{}.{signature}", encode(claims(&json!({"scope": "users:admin"})).to_string())),
        "signature",
    );
    attack("header changed", format!("{}.{body}.{signature}", encode(header(json!({"x": 1})))), "signature");
    attack("signature cut", valid[..valid.len() - 2].to_owned(), "signature");
    attack("no signature", format!("{head}.{body}."), "signature");
    attack("two parts", format!("{head}.{body}"), "JWT");
    attack("four parts", format!("{valid}.x"), "JWT");
    attack("five parts, as an encrypted one", format!("{valid}.x.y"), "JWT");
    attack("padding", format!("{valid}=="), "JWT");
    attack("the other base64", format!("{head}.{body}.{}+/", &signature[..84]), "JWT");
    attack("a line break", format!("{head}.{body}.\t{signature}"), "JWT");
    attack(
        "JSON serialization",
        json!({"payload": body, "protected": head, "signature": signature}).to_string(),
        "JWT",
    );
    attack("nothing", String::new(), "Bearer");
    attack("dots", "..".to_owned(), "JWT");
    attack("huge", es.token(&json!({"scope": SCOPE, "x": "x".repeat(6200)})), "JWT");
    attack("huge, of dots", ".".repeat(12_000), "JWT");
    attack("deep", raw(&format!("{{\"a\":{}{}}}", "[".repeat(2000), "]".repeat(2000))), "claims");
    attack("claims are no object", raw("[]"), "claims");
    attack("claims are no JSON", raw("{"), "claims");

    let count = attacks.len();
    let mut wrong = Vec::new();
    for (name, token, told) in attacks {
        let reply = list(&house, &token).await;
        if reply.status != 401 || !refusal(&reply).contains(told) {
            wrong.push(format!("{name}: {reply}"));
        }
        assert!(token.len() < 10 || !reply.to_string().contains(&token), "the token is not repeated");
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 100, "{count}");
    list(&house, &valid).await.expect(200);
    assert!(server.asked() <= 2, "unknown keys make no flood: {}", server.asked());
    eprintln!("{count} attacks refused");
}

#[tokio::test]
async fn credentials_come_in_one_authorization_header_and_nowhere_else() {
    let signer = Signer::es256("1");
    let server = KeyServer::start(Answer::Keys(key_set(&[&signer])));
    let house = house(&server).await;
    let token = signer.token(&json!({"scope": SCOPE}));
    for (value, status) in [
        (format!("bearer {token}"), 200),
        (format!("BEARER  {token} "), 200),
        (token.clone(), 401),
        (format!("Basic {token}"), 401),
        (format!("DPoP {token}"), 401),
        (format!("Bearer\u{a0}{token}"), 401),
        (format!("Bearer {token}, Bearer {token}"), 401),
    ] {
        let reply = house.anyone().with("authorization", &value).get("/users").await.expect(status);
        assert_eq!(status == 401, reply.headers.contains_key("www-authenticate"));
    }
    let twice = house
        .anyone()
        .with("authorization", format!("Bearer {token}"))
        .with("authorization", format!("Bearer {token}"));
    twice.get("/users").await.problem(401, "unauthenticated");
    house.anyone().get(&format!("/users?access_token={token}")).await.problem(401, "unauthenticated");
    house.anyone().with("cookie", format!("access_token={token}")).get("/users").await.problem(401, "unauthenticated");
    assert_eq!(house.anyone().get("/users").await.header("www-authenticate"), "Bearer realm=\"roster\"");
}

#[tokio::test]
async fn configuration_pins_algorithms_types_and_leeway() {
    let (es, rs) = (Signer::es256("1"), Signer::rs256("2"));
    let server = KeyServer::start(Answer::Keys(key_set(&[&es, &rs])));
    let pinned =
        [("ROSTER_JWT_ALGORITHMS", "ES256"), ("ROSTER_JWT_TYPES", "at+jwt"), ("ROSTER_JWT_LEEWAY_SECONDS", "0")];
    let house = house_with(&server, &pinned).await;
    list(&house, &es.token(&json!({"scope": SCOPE}))).await.expect(200);
    assert!(refusal(&list(&house, &rs.token(&json!({"scope": SCOPE}))).await).contains("algorithm"));
    assert!(refusal(&list(&house, &es.token(&json!({"scope": SCOPE, "exp": NOW}))).await).contains("expired"));
    let id_token =
        es.token_of(r#"{"alg":"ES256","typ":"JWT","kid":"1"}"#, &claims(&json!({"scope": SCOPE})).to_string());
    assert!(refusal(&list(&house, &id_token).await).contains("type"));
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let signer = Signer::es256("1");
    let server = KeyServer::start(Answer::Keys(key_set(&[&signer])));
    let house = house(&server).await;
    let token = signer.token(&json!({"scope": SCOPE, "exp": NOW + 60}));
    list(&house, &token).await.expect(200);
    house.clock.advance_seconds(89);
    list(&house, &token).await.expect(200);
    house.clock.advance_seconds(1);
    assert!(refusal(&list(&house, &token).await).contains("expired"));
}
