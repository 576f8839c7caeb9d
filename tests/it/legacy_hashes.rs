//! Hashes that other systems made (`scripts/make-legacy-vectors`) are taken as they are and become argon2id at login.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use roster::domain::{PasswordHash, UserId};
use roster::hashing;
use serde::Deserialize;
use serde_json::json;

use crate::harness::House;

#[derive(Deserialize)]
struct Data {
    vectors: Vec<Vector>,
    refused: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Vector {
    source: String,
    password: String,
    hash: String,
}

#[derive(Deserialize)]
struct Refusal {
    source: String,
    hash: String,
    code: String,
}

fn data() -> Data {
    serde_json::from_str(include_str!("../data/legacy-hashes.json")).unwrap()
}

async fn stored_hash(house: &House, id: &str) -> String {
    let hash = house.app.store.get_credential(UserId::parse(id).unwrap()).await.unwrap().unwrap();
    hash.expose().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_vector_logs_in_and_is_upgraded_and_a_wrong_password_upgrades_nothing() {
    let house = House::new().await;
    let vectors = data().vectors;
    let sources: HashSet<&str> = vectors.iter().map(|vector| vector.source.as_str()).collect();
    assert!(sources.len() >= 20, "{sources:?}");
    let logins = stream::iter(vectors.iter().enumerate().filter(|(_, vector)| vector.password.starts_with("correct")))
        .map(|(n, Vector { source, password, hash })| {
            let house = &house;
            async move {
                let name = format!("user{n}");
                let user = json!({"userName": name, "firstName": "A", "lastName": "B", "passwordHash": hash});
                let id =
                    house.anyone().post("/users", &user).await.expect(201).json()["id"].as_str().unwrap().to_owned();
                let verify = |password: String| {
                    let claim = json!({"userName": name, "password": password});
                    async move { house.anyone().post("/users/verify-password", &claim).await }
                };
                // One character off at the front: bcrypt reads no further than 72 bytes.
                verify(format!("~{password}")).await.problem(401, "invalid-credentials");
                assert_eq!(stored_hash(house, &id).await, *hash, "{source}");
                verify(password.clone()).await.expect(200);
                let upgraded = stored_hash(house, &id).await;
                assert!(upgraded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{source}: {upgraded}");
                verify(password.clone()).await.expect(200);
                assert_eq!(stored_hash(house, &id).await, upgraded, "{source}");
            }
        });
    assert!(logins.buffer_unordered(2).count().await >= 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_password_verifies_in_any_form() {
    let house = House::new().await;
    let vectors = data().vectors;
    // bcrypt ends at 72 bytes; the others are the same for long passwords as for short ones.
    let rest = vectors.iter().filter(|v| v.password.starts_with('Z') || v.password.len() > 72 && v.hash.contains("$2"));
    for Vector { source, password, hash } in rest {
        let hash = hashing::parse_imported(hash).unwrap_or_else(|flaw| panic!("{source}: {flaw:?}"));
        assert!(house.app.hasher.verify(password.as_bytes(), Some(&hash)).await.unwrap(), "{source} {password}");
    }
}

/// One vector for each way of working, among the cheaper ones.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_logins_at_once_upgrade_once() {
    let house = House::new().await;
    let vectors = data().vectors;
    let mut id = String::new();
    for source in
        ["argon2-cffi 25.1.0 version 16", "bcrypt 5.0.0 2b", "pbkdf2_sha256", "scrypt", "crypt without rounds"]
    {
        let Vector { password, hash, .. } =
            vectors.iter().find(|v| v.source.ends_with(source) && !v.source.starts_with("Django")).unwrap();
        let name = format!("user-{}", source.replace(' ', "-"));
        let user = json!({"userName": name, "firstName": "A", "lastName": "B", "passwordHash": hash});
        id = house.anyone().post("/users", &user).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let seen = std::sync::Mutex::new(HashSet::new());
        join_all((0..50).map(|_| async {
            let claim = json!({"userName": name, "password": password});
            // On a busy machine some are told to come back.
            let mut reply = house.anyone().post("/users/verify-password", &claim).await;
            while reply.status == 503 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                reply = house.anyone().post("/users/verify-password", &claim).await;
            }
            reply.expect(200);
            let stored = stored_hash(&house, &id).await;
            seen.lock().unwrap().insert(stored);
        }))
        .await;
        let mut seen = seen.into_inner().unwrap();
        seen.remove(hash);
        assert_eq!(seen.len(), 1, "{source}: one upgrade, which every login that ended after it sees: {seen:?}");
    }

    // The very writes, all at once: one takes.
    let old = PasswordHash::from_stored(stored_hash(&house, &id).await);
    let id = UserId::parse(&id).unwrap();
    let writes =
        join_all(
            (0..50).map(|n| {
                let (house, old) = (&house, &old);
                async move {
                    house.app.store.upgrade_credential(id, old, &PasswordHash::from_stored(format!("new {n}"))).await
                }
            }),
        );
    assert_eq!(writes.await.into_iter().filter(|written| *written.as_ref().unwrap()).count(), 1);
}

#[test]
fn weak_costly_and_strange_hashes_are_refused_with_advice() {
    let refused = |hash: &str| match hashing::parse_imported(hash) {
        Ok(_) => panic!("{hash} is accepted"),
        Err(flaw) => {
            assert!(flaw.detail().len() > 20 && (hash.len() < 8 || !flaw.detail().contains(hash)));
            flaw.code()
        }
    };
    for Refusal { source, hash, code } in data().refused {
        assert_eq!(refused(&hash), code, "{source}");
    }
    let digest = "IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4";
    for (hash, code) in [
        ("", "unknown_hash_format"),
        ("$", "unknown_hash_format"),
        ("$argon2id$", "unknown_hash_format"),
        ("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ", "unknown_hash_format"),
        (&format!("$argon2id$v=20$m=19456,t=2,p=1$c29tZXNhbHQ${digest}"), "unknown_hash_format"),
        (&format!("$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ${digest}"), "hash_too_costly"),
        (&format!("$argon2id$v=19$m=65536,t=17,p=1$c29tZXNhbHQ${digest}"), "hash_too_costly"),
        (&format!("$argon2id$v=19$m=19456,t=4000000000,p=1$c29tZXNhbHQ${digest}"), "hash_too_costly"),
        (&format!("$argon2id$v=19$m=19456,t=2,p=1,keyid=MQ$c29tZXNhbHQ${digest}"), "unknown_hash_format"),
        (&format!("pbkdf2_sha256$3000001$salt${digest}="), "hash_too_costly"),
        (&format!("pbkdf2_sha256$+1000$salt${digest}="), "unknown_hash_format"),
        (&format!("pbkdf2_sha256$1000$${digest}="), "unknown_hash_format"),
        (&format!("pbkdf2_sha256$0$salt${digest}="), "unknown_hash_format"),
        (&format!("$pbkdf2-sha256$i=1000,l=31$c2FsdA${digest}"), "unknown_hash_format"),
        (&format!("scrypt$1048576$salt$8$1${digest}="), "hash_too_costly"),
        (&format!("scrypt$16384$salt$8$4000000${digest}="), "hash_too_costly"),
        (&format!("scrypt$16383$salt$8$1${digest}="), "unknown_hash_format"),
        (&format!("$scrypt$ln=63,r=8,p=1$c2FsdA${digest}"), "hash_too_costly"),
        ("$2b$15$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", "hash_too_costly"),
        ("$2b$03$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", "unknown_hash_format"),
        ("$2x$10$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", "unknown_hash_format"),
        ("$2b$10$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1", "unknown_hash_format"),
        (&format!("$6$rounds=1000001$salt${}", "a".repeat(86)), "hash_too_costly"),
        (&format!("$6$salt${}", "a".repeat(85)), "unknown_hash_format"),
        (&"$2b$".repeat(200), "unknown_hash_format"),
        ("$argon2id$é", "unknown_hash_format"),
    ] {
        assert_eq!(refused(hash), code, "{hash}");
    }
}

#[tokio::test]
async fn a_small_function_takes_no_hash_beyond_a_quarter_of_its_memory() {
    let house = House::with(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")]).await;
    for (memory_kib, status) in [(65_536, 201), (65_537, 422)] {
        let hash =
            format!("$argon2id$v=19$m={memory_kib},t=1,p=1$c29tZXNhbHQ$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4");
        let user = json!({"userName": "ada", "firstName": "A", "lastName": "B", "passwordHash": hash});
        let reply = house.anyone().post("/users", &user).await.expect(status);
        assert!(status == 201 || reply.errors() == ["#/passwordHash hash_too_costly"], "{reply}");
    }
}
