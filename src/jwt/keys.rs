//! The issuer's keys: cached, refreshed within a request, by one request at a time, and kept while the issuer is down.
//!
//! | the set is                     | and the key is | then                                                               |
//! |--------------------------------|----------------|--------------------------------------------------------------------|
//! | younger than [`REFRESH_AFTER`] | known          | it is used                                                         |
//! | younger than [`REFRESH_AFTER`] | unknown        | the set is fetched, unless that was tried less than [`COOL_DOWN`] ago |
//! | older                          | known          | the set is fetched; if that fails the old one is used              |
//! | older than [`KEPT_FOR`]        | any            | the set is fetched; if that fails the answer is 503                |

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use super::fetch::Fetcher;
use super::jwk::{self, Algorithm, Jwk};
use super::members;
use crate::domain::Timestamp;
use crate::error::{Error, Source, chain};

/// Age in seconds from which a set is fetched anew: a key that the issuer withdrew is honoured no longer than this.
pub const REFRESH_AFTER: i64 = 600;
/// Seconds between two attempts to fetch: a new key is live this long after it is published, at the latest.
pub const COOL_DOWN: i64 = 30;
/// Age in seconds up to which a set is used while the issuer cannot be reached.
pub const KEPT_FOR: i64 = 3600;
/// Seconds between two attempts while there is no set at all.
const PAUSE: i64 = 1;

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A URL of a key set.
    Url(String),
    /// A file with a key set.
    File(String),
    /// The issuer's discovery document (OpenID Connect Discovery 1.0, section 4).
    Discovery(String),
}

/// Keys as they were at one time.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Jwk>,
    fetched_at: Timestamp,
    /// Tells one set from the next.
    pub(super) generation: u64,
}

impl KeySet {
    /// The key that a header asks for: by id and algorithm; without an id, the only one for the algorithm.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Jwk> {
        let mut fitting =
            self.keys.iter().filter(|key| key.algorithm() == algorithm && (id.is_none() || key.id() == id));
        let found = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then_some(found)
    }

    fn age(&self, now: Timestamp) -> i64 {
        now.unix_seconds() - self.fetched_at.unix_seconds()
    }
}

/// The last attempt to fetch.
#[derive(Default)]
struct Attempt {
    at: Option<Timestamp>,
    failed: bool,
}

impl Attempt {
    fn is_younger_than(&self, seconds: i64, now: Timestamp) -> bool {
        self.at.is_some_and(|at| (0..seconds * 1000).contains(&(now.unix_millis() - at.unix_millis())))
    }
}

/// The cache.
pub struct Keys {
    place: Place,
    fetcher: Fetcher,
    current: RwLock<Option<Arc<KeySet>>>,
    /// Held by the one request that fetches.
    attempt: Mutex<Attempt>,
}

impl Keys {
    /// An empty cache; `extra_roots` are trusted beside the machine's certificate authorities (PEM).
    pub fn new(place: Place, extra_roots: Option<Vec<u8>>) -> Self {
        let attempt = Mutex::new(Attempt::default());
        Self { place, fetcher: Fetcher::new(extra_roots), current: RwLock::new(None), attempt }
    }

    /// The keys to use now.
    pub async fn current(&self, now: Timestamp) -> Result<Arc<KeySet>, Error> {
        let held = self.held().filter(|set| set.age(now) < KEPT_FOR);
        let Some(held) = held else { return self.first(now).await };
        if held.age(now) < REFRESH_AFTER {
            return Ok(held);
        }
        // Whoever comes while another fetches goes on with what there is.
        let Ok(mut attempt) = self.attempt.try_lock() else { return Ok(held) };
        if attempt.is_younger_than(COOL_DOWN, now) {
            return Ok(held);
        }
        Ok(self.refresh(&mut attempt, now).await.unwrap_or(held))
    }

    /// Fetches the keys before anyone asks for them. A failure is forgotten: the first request tries for itself.
    pub async fn warm(&self, now: Timestamp) {
        let mut attempt = self.attempt.lock().await;
        if self.refresh(&mut attempt, now).await.is_err() {
            *attempt = Attempt::default();
        }
    }

    /// Newer keys than `seen`, if there may be any.
    pub async fn newer(&self, seen: &KeySet, now: Timestamp) -> Result<Option<Arc<KeySet>>, Error> {
        let mut attempt = self.attempt.lock().await;
        if let Some(held) = self.held().filter(|held| held.generation != seen.generation) {
            return Ok(Some(held));
        }
        if !attempt.is_younger_than(COOL_DOWN, now) {
            return self.refresh(&mut attempt, now).await.map(Some);
        }
        if attempt.failed { Err(unavailable(None)) } else { Ok(None) }
    }

    async fn first(&self, now: Timestamp) -> Result<Arc<KeySet>, Error> {
        let mut attempt = self.attempt.lock().await;
        if let Some(held) = self.held().filter(|set| set.age(now) < KEPT_FOR) {
            return Ok(held);
        }
        if attempt.failed && attempt.is_younger_than(PAUSE, now) {
            return Err(unavailable(None));
        }
        self.refresh(&mut attempt, now).await
    }

    fn held(&self) -> Option<Arc<KeySet>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn refresh(&self, attempt: &mut Attempt, now: Timestamp) -> Result<Arc<KeySet>, Error> {
        // Written first: a request that is dropped while it fetches has tried, too.
        *attempt = Attempt { at: Some(now), failed: true };
        let keys = match self.fetch().await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::warn!(error = chain(error.as_ref()), "the issuer's keys could not be fetched");
                return Err(unavailable(Some(error)));
            }
        };
        attempt.failed = false;
        let generation = self.held().map_or(1, |held| held.generation + 1);
        let set = Arc::new(KeySet { keys, fetched_at: now, generation });
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&set));
        tracing::info!(keys = set.keys.len(), "the issuer's keys were fetched");
        Ok(set)
    }

    async fn fetch(&self) -> Result<Vec<Jwk>, Source> {
        let document = match &self.place {
            Place::File(path) => std::fs::read(path)?,
            Place::Url(url) => self.fetcher.get(url).await?,
            Place::Discovery(issuer) => {
                let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                let document = self.fetcher.get(&url).await?;
                let document = members::parse(&document).ok_or("the discovery document is not a JSON object")?;
                let text = |name: &str| document.get(name).and_then(serde_json::Value::as_str);
                if text("issuer") != Some(issuer) {
                    return Err("the discovery document is another issuer's".into());
                }
                self.fetcher.get(text("jwks_uri").ok_or("the discovery document has no jwks_uri")?).await?
            }
        };
        let keys = jwk::read_set(&document).ok_or("the issuer's answer is not a key set")?;
        // An empty set would turn every caller away; an issuer that is being set up or broken is not one that says so.
        if keys.is_empty() { Err("the key set has no key that could verify a token".into()) } else { Ok(keys) }
    }
}

fn unavailable(source: Option<Source>) -> Error {
    Error::Unavailable { reason: "the issuer's keys cannot be had", retry_after_seconds: 5, source }
}
