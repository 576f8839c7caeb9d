//! The one source of ids and of randomness.

use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::domain::avatar::UploadId;
use crate::domain::{Timestamp, UserId};

/// Makes ids and random bytes: from the operating system, or from a test's seed.
#[derive(Clone)]
pub struct Ids(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<u64>>),
}

impl Ids {
    /// Randomness from the operating system.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A reproducible stream for tests and benchmarks; never for real users.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(seed))))
    }

    /// Fills `bytes` with randomness.
    ///
    /// # Panics
    /// Only where the operating system has no randomness to give.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System => {
                #[expect(clippy::expect_used, reason = "a machine without randomness must not make salts or ids")]
                getrandom::fill(bytes).expect("the operating system gives random bytes");
            }
            Source::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                for chunk in bytes.chunks_mut(8) {
                    // SplitMix64 (Steele, Lea, Flood 2014).
                    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    let mut z = *state;
                    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                    chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
                }
            }
        }
    }

    /// A new user id: UUID version 7 (RFC 9562, section 5.7).
    pub fn user_id(&self, now: Timestamp) -> UserId {
        UserId::from_uuid(self.uuid(now))
    }

    /// The id of a user who comes from `origin`: the same origin makes the same id at another time again, but for the time
    /// in it ([`UserId::has_origin_of`]).
    pub fn user_id_of(&self, now: Timestamp, origin: &str) -> UserId {
        let digest = Sha256::digest(origin.as_bytes());
        let bytes: [u8; 10] = std::array::from_fn(|place| digest[place]);
        UserId::from_uuid(Builder::from_unix_timestamp_millis(now.unix_millis().unsigned_abs(), &bytes).into_uuid())
    }

    /// A new upload id, likewise: later ones are larger.
    pub fn upload_id(&self, now: Timestamp) -> UploadId {
        UploadId::from_uuid(self.uuid(now))
    }

    /// A new request id, in the same form.
    pub fn request_id(&self, now: Timestamp) -> String {
        self.uuid(now).to_string()
    }

    /// A random mark of 64 bits, in hexadecimal, by which a writer knows its own write again.
    pub fn write_mark(&self) -> String {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        format!("{:016x}", u64::from_be_bytes(bytes))
    }

    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        Builder::from_unix_timestamp_millis(now.unix_millis().unsigned_abs(), &random).into_uuid()
    }
}
