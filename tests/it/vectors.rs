//! What others have made: signatures that look right by Project Wycheproof, and tokens of other libraries.

#![allow(clippy::print_stderr, reason = "figures for people")]

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use roster::domain::Timestamp;
use roster::jwt::jwk::{Algorithm, Jwk};
use roster::jwt::keys::{Keys, Place};
use roster::jwt::{Demands, Refused, Verifier};
use serde_json::{Map, Value, json};
use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify};

use crate::harness::tokens::{Answer, KeyServer, NOW};
use crate::tokens::{house, list};

fn verifier(keys: &Value) -> Verifier {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({"keys": [keys]}).to_string()).unwrap();
    let demands = Demands {
        issuer: "https://issuer.example".to_owned(),
        audiences: vec!["roster".to_owned()],
        algorithms: Algorithm::ALL.to_vec(),
        types: vec![String::new()],
        leeway_seconds: 0,
    };
    let keys = Keys::new(Place::File(file.into_temp_path().keep().unwrap().display().to_string()), None);
    Verifier::new(demands, keys)
}

/// Whole tokens, through the whole verifier. Their payload is no set of claims, which is looked at last: a good token is
/// refused for its claims, and every other one for something before.
#[tokio::test]
async fn web_signatures_are_judged_as_wycheproof_says() {
    let vectors: Value = serde_json::from_str(include_str!("../data/wycheproof/json_web_signature_test.json")).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        let verifier = verifier(&group["public"]);
        for test in group["tests"].as_array().unwrap() {
            let now = Timestamp::from_unix_millis(NOW * 1000);
            // A key that is for something else is no key at all, and a set without keys is none.
            let refused = match verifier.verify(test["jws"].as_str().unwrap(), now).await {
                Ok(outcome) => outcome.unwrap_err(),
                Err(_) => Refused::Key,
            };
            if test["result"] == "valid" {
                assert_eq!(refused, Refused::Claims, "{test}");
                valid += 1;
            } else {
                assert_ne!(refused, Refused::Claims, "{test}");
                invalid += 1;
            }
        }
    }
    assert_eq!((valid, invalid), (3, 52));
}

fn key(members: &[(&str, &str)]) -> Option<Jwk> {
    let members: Map<String, Value> = members.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    Jwk::read(&members)
}

/// A big number as it stands in a key: so many bytes at least.
fn encode(number: &[u8], length: usize) -> String {
    let digits = number.iter().position(|byte| *byte != 0).map_or(&[][..], |first| &number[first..]);
    let padding = vec![0; length.saturating_sub(digits.len())];
    BASE64_URL_SAFE_NO_PAD.encode([&padding, digits].concat())
}

/// What a case should be and was, by number of cases.
#[derive(Default, Debug, PartialEq, Eq)]
struct Tally {
    valid: usize,
    invalid: usize,
}

impl Tally {
    #[track_caller]
    fn check(&mut self, case: &str, expected: TestResult, verified: bool) {
        match expected {
            TestResult::Valid => {
                assert!(verified, "{case} is valid");
                self.valid += 1;
            }
            // Nothing that may be either is taken.
            TestResult::Invalid | TestResult::Acceptable => {
                assert!(!verified, "{case} is not valid");
                self.invalid += 1;
            }
        }
    }
}

#[test]
fn signatures_of_each_algorithm_are_judged_as_wycheproof_says() {
    let (mut es256, mut eddsa, mut rs256) = (Tally::default(), Tally::default(), Tally::default());
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    for group in set.test_groups {
        let (x, y) = (encode(&group.key.affine_x, 32), encode(&group.key.affine_y, 32));
        let key = key(&[("kty", "EC"), ("crv", "P-256"), ("x", &x), ("y", &y)]).unwrap();
        for test in group.tests {
            es256.check(
                &format!("ES256 {} {}", test.tc_id, test.comment),
                test.result,
                key.verifies(&test.msg, &test.sig),
            );
        }
    }
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        let key =
            key(&[("kty", "OKP"), ("crv", "Ed25519"), ("x", &BASE64_URL_SAFE_NO_PAD.encode(&*group.key.pk))]).unwrap();
        for test in group.tests {
            eddsa.check(
                &format!("EdDSA {} {}", test.tc_id, test.comment),
                test.result,
                key.verifies(&test.msg, &test.sig),
            );
        }
    }
    for name in [rsa_pkcs1_verify::TestName::Rsa2048Sha256, rsa_pkcs1_verify::TestName::Rsa3072Sha256] {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let Some(jwk) = group.jwk else { continue };
            let (n, e) = (encode(&jwk.n, 0), encode(&jwk.e, 0));
            let key = key(&[("kty", "RSA"), ("n", n.as_str()), ("e", &e)]);
            for test in group.tests {
                let verified = key.as_ref().is_some_and(|key| key.verifies(&test.msg, &test.sig));
                rs256.check(&format!("RS256 {} {}", test.tc_id, test.comment), test.result, verified);
            }
        }
    }
    eprintln!("ES256 {es256:?}, EdDSA {eddsa:?}, RS256 {rs256:?}");
    assert!(es256.valid > 100 && eddsa.valid > 50 && rs256.valid > 5);
    assert!(es256.invalid > 80 && eddsa.invalid > 50 && rs256.invalid > 400);
}

/// `scripts/make-foreign-tokens` has made them, and lets those libraries read ours.
#[tokio::test]
async fn tokens_that_other_libraries_signed_are_taken() {
    let tokens: Value = serde_json::from_str(include_str!("../data/foreign-tokens.json")).unwrap();
    let tokens = tokens.as_array().unwrap();
    let keys: Vec<&Value> = tokens.iter().map(|token| &token["key"]).collect();
    let server = KeyServer::start(Answer::Keys(json!({"keys": keys})));
    let house = house(&server).await;
    for row in tokens {
        let token = row["token"].as_str().unwrap();
        assert_eq!(list(&house, token).await.status, 200, "{} of {}", row["algorithm"], row["by"]);
        let (signed, _) = token.rsplit_once('.').unwrap();
        let other = tokens.iter().find(|other| *other != row).unwrap()["token"].as_str().unwrap();
        let swapped = format!("{signed}.{}", other.rsplit_once('.').unwrap().1);
        assert_eq!(list(&house, &swapped).await.status, 401, "with the signature of another one");
    }
    assert_eq!(tokens.len(), 6);
}
