//! argon2id over passwords: off the async threads, a bounded number at once, memory wiped and used again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::Semaphore;
use zeroize::{Zeroize, Zeroizing};

use crate::domain::{Flaw, PasswordHash};
use crate::error::Error;
use crate::ids::Ids;

/// Memory of one hash in KiB, passes and lanes: OWASP Password Storage Cheat Sheet, argon2id, second choice.
pub const MEMORY_KIB: u32 = 19_456;
/// See [`MEMORY_KIB`].
pub const PASSES: u32 = 2;
/// See [`MEMORY_KIB`].
pub const LANES: u32 = 1;
/// Bytes of salt (RFC 9106, section 3.1).
pub const SALT_BYTES: usize = 16;
/// Bytes of hash.
pub const HASH_BYTES: usize = 32;

/// Most that an imported hash may ask for: memory in KiB, passes and lanes.
const MOST_MEMORY_KIB: u32 = 65_536;
const MOST_PASSES: u32 = 10;
const MOST_LANES: u32 = 8;

/// How long a request waits for its turn before it is told to come back.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Random bytes that make equal passwords hash differently.
pub type Salt = [u8; SALT_BYTES];

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct Hasher {
    turns: Arc<Semaphore>,
    memories: Arc<Mutex<Vec<Vec<Block>>>>,
    ids: Ids,
}

impl Hasher {
    /// A hasher that works on at most `parallel` passwords at once.
    pub fn new(parallel: usize, ids: Ids) -> Self {
        Self { turns: Arc::new(Semaphore::new(parallel)), memories: Arc::default(), ids }
    }

    /// A fresh random salt.
    pub fn salt(&self) -> Salt {
        let mut salt = [0; SALT_BYTES];
        self.ids.fill(&mut salt);
        salt
    }

    /// Hashes a password under a salt with the current parameters.
    pub async fn hash(&self, password: &[u8], salt: Salt) -> Result<PasswordHash, Error> {
        let params = current_params()?;
        let digest = self.digest(password, salt.to_vec(), params, HASH_BYTES).await?;
        Ok(PasswordHash::from_stored(format!(
            "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}",
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(&*digest)
        )))
    }

    /// Whether the password has this hash. Where there is no hash the same work is done, for nothing.
    pub async fn verify(&self, password: &[u8], stored: Option<&PasswordHash>) -> Result<bool, Error> {
        let Some(stored) = stored else {
            self.digest(password, self.salt().to_vec(), current_params()?, HASH_BYTES).await?;
            return Ok(false);
        };
        let phc =
            Phc::parse(stored.expose()).map_err(|_| Error::internal("a stored password hash has an unknown form"))?;
        let digest = self.digest(password, phc.salt, phc.params, phc.digest.len()).await?;
        Ok(is_equal(&digest, &phc.digest))
    }

    async fn digest(
        &self,
        password: &[u8],
        salt: Vec<u8>,
        params: Params,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let password = Zeroizing::new(password.to_vec());
        let turn = tokio::time::timeout(LONGEST_WAIT, self.turns.clone().acquire_owned())
            .await
            .map_err(|_| Error::Unavailable {
                reason: "too many passwords are being hashed",
                retry_after_seconds: 2,
                source: None,
            })?
            .map_err(|_| Error::internal("the hasher is closed"))?;
        let memories = self.memories.clone();
        let work = move || {
            let _turn = turn;
            let mut memory = memories.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            memory.resize(params.block_count().max(memory.len()), Block::new());
            let mut digest = Zeroizing::new(vec![0; length]);
            let outcome = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
                .hash_password_into_with_memory(&password, &salt, &mut digest, &mut memory[..params.block_count()]);
            memory.iter_mut().for_each(Zeroize::zeroize);
            memory.truncate(MEMORY_KIB as usize);
            memories.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            outcome.map(|()| digest)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| Error::Internal { context: "hashing panicked", source: Some(e.into()) })?
            .map_err(|e| Error::Internal { context: "hashing failed", source: Some(e.to_string().into()) })
    }
}

fn current_params() -> Result<Params, Error> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES))
        .map_err(|_| Error::internal("argon2 parameters are out of range"))
}

/// Reads a hash that someone brings along: a PHC string of argon2id, bounded in cost.
pub fn parse_imported(text: &str) -> Result<PasswordHash, Flaw> {
    Phc::parse(text).map(|_| PasswordHash::from_stored(text.to_owned()))
}

/// Compares in time that depends on the lengths alone.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

/// The parts of a PHC string (<https://github.com/P-H-C/phc-string-format>) of argon2id, version 19.
struct Phc {
    params: Params,
    salt: Vec<u8>,
    digest: Zeroizing<Vec<u8>>,
}

impl Phc {
    fn parse(text: &str) -> Result<Self, Flaw> {
        let form = || Flaw::new("unknown_hash_format", "give a PHC string that starts with $argon2id$v=19$m=");
        if text.len() > 512 {
            return Err(form());
        }
        let hash = argon2::password_hash::phc::PasswordHash::new(text).map_err(|_| form())?;
        if hash.algorithm.as_str() != "argon2id" || hash.version != Some(19) {
            return Err(form());
        }
        let params = Params::try_from(&hash).map_err(|_| form())?;
        if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES || params.p_cost() > MOST_LANES {
            return Err(Flaw::new("hash_too_costly", "use at most m=65536, t=10, p=8"));
        }
        let (Some(salt), Some(digest)) = (hash.salt, hash.hash) else { return Err(form()) };
        if salt.len() < 8 || digest.len() < 16 {
            return Err(form());
        }
        Ok(Self { params, salt: salt.to_vec(), digest: Zeroizing::new(digest.as_bytes().to_vec()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> Hasher {
        Hasher::new(2, Ids::seeded(1))
    }

    #[tokio::test]
    async fn a_hash_verifies_its_own_password_alone() {
        let hasher = hasher();
        let hash = hasher.hash(b"correct horse", hasher.salt()).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hasher.verify(b"correct horse", Some(&hash)).await.unwrap());
        assert!(!hasher.verify(b"correct horsf", Some(&hash)).await.unwrap());
        assert!(!hasher.verify(b"correct horse", None).await.unwrap());
    }

    #[tokio::test]
    async fn the_reference_implementation_agrees() {
        // echo -n password | argon2 somesalt -id -t 2 -m 16 -p 4 -l 32 -e (libargon2)
        let hash =
            parse_imported("$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4");
        let hash = hash.unwrap_or_else(|flaw| panic!("{flaw:?}"));
        assert!(!hasher().verify(b"passwore", Some(&hash)).await.unwrap());
    }

    #[test]
    fn imported_hashes_are_checked_for_form_and_cost() {
        for (text, code) in [
            ("", "unknown_hash_format"),
            ("5f4dcc3b5aa765d61d8327deb882cf99", "unknown_hash_format"),
            ("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ", "unknown_hash_format"),
            (
                "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4",
                "unknown_hash_format",
            ),
            (
                "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4",
                "hash_too_costly",
            ),
            (
                "$argon2id$v=19$m=19456,t=4000000000,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4",
                "hash_too_costly",
            ),
        ] {
            assert_eq!(parse_imported(text).map(|_| ()).map_err(|flaw| flaw.code()), Err(code), "{text}");
        }
    }
}
