//! Password hashes: argon2id for our own, and the formats that other systems left behind.
//!
//! All of it runs off the async threads, on threads of its own (`workers`), in turns that bound memory, cores and waiting
//! (`turns`). [`Hasher::hash`] makes argon2id with the parameters of today, under the pepper of today if there is one;
//! [`Hasher::verify`] reads whatever is stored; [`Hasher::is_current`] says whether a login should write it anew.

mod argon2_phc;
mod bcrypt;
#[cfg(feature = "local")]
pub mod calibrate;
mod pbkdf2;
mod pepper;
mod recipe;
mod scrypt;
mod sha512_crypt;
mod turns;
mod workers;

pub use pepper::Pepper;
pub use turns::Limits;

use std::sync::Arc;
use std::time::Instant;

use argon2::Block;
use zeroize::Zeroizing;

use crate::domain::{Flaw, PasswordHash};
use crate::error::Error;
use crate::ids::Ids;
use crate::scope;
use argon2_phc::Argon2Hash;
use recipe::Recipe;
use turns::{Place, Turns};
use workers::Workers;

/// Bytes of salt (RFC 9106, section 3.1).
pub const SALT_BYTES: usize = 16;
/// Bytes of hash.
pub const HASH_BYTES: usize = 32;

/// Random bytes that make equal passwords hash differently.
pub type Salt = [u8; SALT_BYTES];

/// What argon2id costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Memory of one hash in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes; they are worked on one after the other.
    pub lanes: u32,
}

/// What a stored hash may ask for at most, whoever made it.
impl Parameters {
    /// Most memory, in KiB.
    pub const MOST_MEMORY_KIB: u32 = turns::MOST_IMPORTED_KIB;
    /// Most lanes.
    pub const MOST_LANES: u32 = 16;
    /// Most passes that a new hash may be given, over however little memory.
    pub const MOST_CHOSEN_PASSES: u32 = 64;
    /// Most work, in KiB of memory times passes: about 0.7 seconds of a core.
    const MOST_WORK_KIB: u32 = 1024 * 1024;

    /// Most passes over this much memory.
    pub const fn most_passes(memory_kib: u32) -> u32 {
        Self::MOST_WORK_KIB / if memory_kib == 0 { 1 } else { memory_kib }
    }

    /// Whether a hash of this cost is worked out when it comes out of the table.
    fn are_affordable(self) -> bool {
        self.memory_kib <= Self::MOST_MEMORY_KIB
            && self.passes <= Self::most_passes(self.memory_kib)
            && self.lanes <= Self::MOST_LANES
    }
}

impl Default for Parameters {
    /// OWASP Password Storage Cheat Sheet, argon2id, second choice.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// How a hash of ours is made, all but its salt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Make {
    /// What it costs.
    pub parameters: Parameters,
    /// The id of the pepper's key, if there is one.
    pub key_id: Option<String>,
}

/// Everything about hashing that can be chosen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a new hash costs.
    pub parameters: Parameters,
    /// What all hashes together may take.
    pub limits: Limits,
    /// The keyed step, if there is one.
    pub pepper: Pepper,
}

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct Hasher {
    settings: Arc<Settings>,
    turns: Turns,
    workers: Workers,
    ids: Ids,
}

/// A place in the queue, for one request and all that it hashes.
pub struct Queued<'a> {
    hasher: &'a Hasher,
    place: Place,
}

impl Hasher {
    /// A hasher with these settings.
    pub fn new(settings: Settings, ids: Ids) -> Self {
        let turns = Turns::new(&settings.limits, settings.parameters.memory_kib);
        Self { settings: Arc::new(settings), turns, workers: Workers::default(), ids }
    }

    /// A fresh random salt.
    pub fn salt(&self) -> Salt {
        let mut salt = [0; SALT_BYTES];
        self.ids.fill(&mut salt);
        salt
    }

    /// Gets a thread, and the memory of one hash, ahead of the first.
    pub fn make_ready(&self) {
        self.workers.make_ready(self.settings.parameters.memory_kib as usize);
    }

    /// How hashes are made today.
    pub fn make(&self) -> Make {
        let key_id = self.settings.pepper.current().map(|key| key.id.clone());
        Make { parameters: self.settings.parameters, key_id }
    }

    /// Takes a place in the queue, or tells at once when to come back: before anything else is spent on the request.
    pub fn queue(&self) -> Result<Queued<'_>, Error> {
        Ok(Queued { hasher: self, place: self.turns.queue()? })
    }

    /// Hashes a password under a salt with the current parameters and pepper.
    pub async fn hash(&self, password: &[u8], salt: Salt) -> Result<PasswordHash, Error> {
        self.queue()?.hash(password, salt).await
    }

    /// The same as it was made before, with a key that still is configured.
    pub async fn hash_as(&self, make: Make, password: &[u8], salt: Salt) -> Result<PasswordHash, Error> {
        self.queue()?.hash_as(make, password, salt).await
    }

    /// Whether the password has this hash. Where there is no hash the same work is done, for nothing.
    pub async fn verify(&self, password: &[u8], stored: Option<&PasswordHash>) -> Result<bool, Error> {
        self.queue()?.verify(password, stored).await
    }

    /// Whether a stored hash is what [`Hasher::hash`] would make today: same kind, same cost, same pepper.
    pub fn is_current(&self, stored: &PasswordHash) -> bool {
        match Recipe::parse(stored.expose()) {
            Ok(Recipe::Argon2(hash)) => hash.is_made_as(&self.make()),
            _ => false,
        }
    }

    /// Refuses an imported hash that takes more than a quarter of this function's memory.
    pub fn afford(&self, hash: &PasswordHash) -> Result<(), Flaw> {
        let most = self.settings.limits.most_imported_kib();
        if Recipe::parse(hash.expose())?.memory_kib() <= most {
            return Ok(());
        }
        Err(Flaw::new("hash_too_costly", format!("import hashes that need at most {} MiB of memory", most / 1024)))
    }
}

impl Queued<'_> {
    /// [`Hasher::hash`], from this place.
    pub async fn hash(&self, password: &[u8], salt: Salt) -> Result<PasswordHash, Error> {
        self.hash_as(self.hasher.make(), password, salt).await
    }

    /// [`Hasher::hash_as`], from this place.
    async fn hash_as(&self, make: Make, password: &[u8], salt: Salt) -> Result<PasswordHash, Error> {
        let unfilled =
            Argon2Hash::unfilled(make, salt).map_err(|_| Error::internal("argon2 parameters are out of range"))?;
        self.work(password, unfilled.memory_kib(), move |password, pepper, memory| {
            unfilled.fill(password, pepper, memory).map(|filled| PasswordHash::from_stored(filled.to_phc()))
        })
        .await
    }

    /// [`Hasher::verify`], from this place.
    pub async fn verify(&self, password: &[u8], stored: Option<&PasswordHash>) -> Result<bool, Error> {
        let Some(stored) = stored else {
            self.hash(password, self.hasher.salt()).await?;
            return Ok(false);
        };
        let recipe = Recipe::parse(stored.expose())
            .map_err(|_| Error::internal("a stored password hash has an unknown form"))?;
        let memory_kib = recipe.memory_kib();
        self.work(password, memory_kib, move |password, pepper, memory| recipe.matches(password, pepper, memory)).await
    }

    /// Runs `work` in its turn, off the async threads.
    async fn work<T: Send + 'static>(
        &self,
        password: &[u8],
        memory_kib: u32,
        work: impl FnOnce(&[u8], &Pepper, &mut Vec<Block>) -> Result<T, &'static str> + Send + 'static,
    ) -> Result<T, Error> {
        let password = Zeroizing::new(password.to_vec());
        let asked = Instant::now();
        let turn = self.place.turn(memory_kib).await;
        scope::note(|scope| scope.hash_wait_micros.add_time(asked.elapsed()));
        let turn = turn?;
        let settings = self.hasher.settings.clone();
        let kept = settings.parameters.memory_kib as usize;
        // The turn ends once its thread is free again, or the next one would find none and start another.
        let run = move |memory: &mut Vec<Block>| (work(&password, &settings.pepper, memory), turn);
        let began = Instant::now();
        let outcome = self.hasher.workers.run(kept, run).await;
        scope::note(|scope| scope.hash_micros.add_time(began.elapsed()));
        let (outcome, turn) = outcome?;
        turn.end();
        outcome.map_err(Error::internal)
    }
}

/// Reads a hash that someone brings along, as it is: its form and its cost are checked, and it is bounded.
///
/// Django's `pbkdf2_sha256`, `pbkdf2_sha1`, `bcrypt`, `bcrypt_sha256`, `argon2` and `scrypt`; PHC strings of argon2id,
/// argon2i, argon2d, scrypt and pbkdf2; bcrypt `$2a$`, `$2b$`, `$2y$`; sha512-crypt `$6$`. Ask [`Hasher::afford`] too.
pub fn parse_imported(text: &str) -> Result<PasswordHash, Flaw> {
    match Recipe::parse(text)? {
        Recipe::Argon2(hash) if hash.is_peppered() => Err(Flaw::new(
            "unknown_hash_format",
            "a hash with a key id cannot be imported: its key stays where it was made",
        )),
        _ => Ok(PasswordHash::from_stored(text.to_owned())),
    }
}

/// Compares in time that depends on the lengths alone.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(pepper: &str) -> Hasher {
        hasher_with(Parameters::default(), pepper)
    }

    fn hasher_with(parameters: Parameters, pepper: &str) -> Hasher {
        let settings =
            Settings { parameters, limits: Limits::new(2, 256), pepper: Pepper::parse(pepper).unwrap_or_default() };
        Hasher::new(settings, Ids::seeded(1))
    }

    const FIRST: &str = "1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const SECOND: &str =
        "2:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=,1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    #[tokio::test]
    async fn a_hash_verifies_its_own_password_alone() {
        let hasher = hasher("");
        let hash = hasher.hash(b"correct horse", hasher.salt()).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hasher.verify(b"correct horse", Some(&hash)).await.unwrap());
        assert!(!hasher.verify(b"correct horsf", Some(&hash)).await.unwrap());
        assert!(!hasher.verify(b"correct horse", None).await.unwrap());
        assert!(hasher.is_current(&hash));
    }

    #[tokio::test]
    async fn a_pepper_is_needed_to_verify_and_can_be_rotated() {
        let (plain, first, second) = (hasher(""), hasher(FIRST), hasher(SECOND));
        let hash = first.hash(b"correct horse", first.salt()).await.unwrap();
        assert!(hash.expose().contains(",keyid="), "{}", hash.expose());
        assert!(first.verify(b"correct horse", Some(&hash)).await.unwrap() && first.is_current(&hash));
        assert!(second.verify(b"correct horse", Some(&hash)).await.unwrap(), "an old key still verifies");
        assert!(!second.is_current(&hash), "and is replaced");
        assert!(plain.verify(b"correct horse", Some(&hash)).await.is_err(), "a lost key is our fault, not the user's");
        let unpeppered = plain.hash(b"correct horse", plain.salt()).await.unwrap();
        assert!(second.verify(b"correct horse", Some(&unpeppered)).await.unwrap() && !second.is_current(&unpeppered));
        assert_eq!(parse_imported(hash.expose()).map(|_| ()).map_err(|flaw| flaw.code()), Err("unknown_hash_format"));
        let other = hasher("1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert!(!other.verify(b"correct horse", Some(&hash)).await.unwrap(), "another key of the same name fails");
    }

    #[tokio::test]
    async fn hashes_of_many_passes_and_lanes_are_read_again() {
        let hasher = hasher_with(Parameters { memory_kib: 7168, passes: 3, lanes: Parameters::MOST_LANES }, "");
        let hash = hasher.hash(b"correct horse", hasher.salt()).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=7168,t=3,p=16$"));
        assert!(hasher.verify(b"correct horse", Some(&hash)).await.unwrap() && hasher.is_current(&hash));
    }

    #[tokio::test]
    async fn other_parameters_make_a_hash_old() {
        let dearer = hasher_with(Parameters { passes: 3, ..Parameters::default() }, "");
        let hash = hasher("").hash(b"correct horse", [7; SALT_BYTES]).await.unwrap();
        assert!(dearer.verify(b"correct horse", Some(&hash)).await.unwrap());
        assert!(!dearer.is_current(&hash));
    }
}
