//! The application: everything that operations need, built once per cold start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::avatars::Avatars;
use crate::avatars::presign::Signer;
use crate::aws;
use crate::clock::Clock;
use crate::config::{Auth, Config, Door, Mistakes, Principals, WarmUp};
use crate::domain::avatar::Size;
use crate::domain::{AttemptLimits, PasswordPolicy, User};
use crate::events::Feed;
use crate::hashing::{Hasher, Settings};
use crate::ids::Ids;
use crate::jwt::Verifier;
use crate::jwt::keys::Keys;
use crate::quotas::Quotas;
use crate::readiness::Readiness;
use crate::store::Store;

/// Store, avatars, hasher, clock and ids, with the settings that operations and doors obey. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The table.
    pub store: Store,
    /// The bucket.
    pub avatars: Avatars,
    /// argon2id.
    pub hasher: Hasher,
    /// The time.
    pub clock: Clock,
    /// Ids and randomness.
    pub ids: Ids,
    /// Rules for new passwords.
    pub password_policy: PasswordPolicy,
    /// How many wrong passwords are too many.
    pub attempt_limits: AttemptLimits,
    /// How callers prove who they are.
    pub auth: Auth,
    /// Verifies tokens, in `jwt` mode.
    pub verifier: Option<Arc<Verifier>>,
    /// What principals may do, in `iam` mode.
    pub principals: Arc<Principals>,
    /// How much callers may do.
    pub quotas: Quotas,
    /// How the HTTP door behaves.
    pub door: Arc<Door>,
    /// Whether a change must name the version it is meant for; a change of password need not.
    pub require_if_match: bool,
    /// How many items one page of a list may read.
    pub list_read_budget: usize,
    /// What is done ahead of the first request.
    pub warm_up: WarmUp,
    /// What changed of late, in local mode.
    pub feed: Option<Feed>,
    /// Whether table and bucket answer.
    pub readiness: Readiness,
    /// Whether nothing has been asked of it yet.
    is_cold: Arc<AtomicBool>,
}

impl App {
    /// Whether this is the first piece of work that the process does; true once.
    pub fn is_cold_start(&self) -> bool {
        self.is_cold.swap(false, Ordering::Relaxed)
    }

    /// The presigned link to a user's picture as it is shown now; signing asks nobody.
    pub fn avatar_link(&self, user: &User) -> Option<String> {
        self.avatar_link_in(user, Size::SHOWN)
    }

    /// The same in another size.
    pub fn avatar_link_in(&self, user: &User, size: Size) -> Option<String> {
        user.avatar.as_ref().map(|avatar| self.avatars.link(avatar, size, self.clock.now()))
    }

    /// The time slot of that link, which is part of what a reader sees.
    pub fn avatar_link_slot(&self, user: &User) -> Option<u64> {
        user.avatar.as_ref().map(|_| self.avatars.link_slot(self.clock.now()))
    }

    /// The largest picture that may be uploaded, in bytes.
    pub fn avatar_max_bytes(&self) -> u64 {
        self.avatars.settings().max_bytes
    }

    /// Does ahead what the first request would wait for, where a sandbox starts before it is asked: opens the connection to
    /// DynamoDB, by a read that finds nobody, fetches the keys of tokens, and beside them makes ready what new passwords need.
    /// What fails is logged, and tried again by that request.
    pub async fn warm(&self) {
        let table = async {
            if !self.warm_up.table {
                return;
            }
            let patience = std::time::Duration::from_secs(1);
            match tokio::time::timeout(patience, self.store.ping()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = crate::error::chain(&error), "the table was not reached at the start");
                }
                Err(_) => tracing::warn!("the table was not reached at the start, within a second"),
            }
        };
        let keys = async {
            if let Some(verifier) = &self.verifier {
                verifier.warm(self.clock.now()).await;
            }
        };
        let passwords = async {
            if self.warm_up.passwords {
                let hasher = self.hasher.clone();
                let ready = tokio::task::spawn_blocking(move || hasher.make_ready());
                if ready.await.is_err() {
                    tracing::warn!("what passwords need was not made ready at the start");
                }
            }
        };
        tokio::join!(passwords, table, keys);
    }

    /// Builds the application for real use; makes no network call but the one that `ROSTER_PASSWORD_PEPPER_SSM` asks for.
    pub async fn new(config: &Config) -> Result<Self, Mistakes> {
        Self::with(config, Clock::system(), Ids::system()).await
    }

    /// Builds the application with a clock and ids of the caller's choice.
    pub async fn with(config: &Config, clock: Clock, ids: Ids) -> Result<Self, Mistakes> {
        let clients = aws::clients(config).await?;
        let pepper = aws::pepper(config, clock.now()).await?;
        let hashing = Settings { pepper, ..config.passwords.hashing.clone() };
        let endpoint = config.avatars.public_endpoint.as_deref().or(config.s3_endpoint.as_deref());
        let signer = Signer::new(clients.s3_keys, &config.region, &config.bucket, endpoint);
        Ok(Self {
            store: Store::new(clients.dynamodb, config.table.clone(), config.lists.shards, Ids::system()),
            avatars: Avatars::new(clients.s3, config.bucket.clone(), signer, config.avatars.clone()),
            hasher: Hasher::new(hashing, Ids::system()),
            clock,
            ids,
            password_policy: config.passwords.policy.clone(),
            attempt_limits: config.passwords.attempts,
            auth: config.auth,
            verifier: verifier(config)?.map(Arc::new),
            principals: Arc::new(config.principals.clone()),
            quotas: Quotas::new(config.quotas.clone()),
            door: Arc::new(config.door.clone()),
            require_if_match: config.require_if_match,
            list_read_budget: config.lists.read_budget,
            warm_up: config.warm_up,
            feed: None,
            readiness: Readiness::default(),
            is_cold: Arc::new(AtomicBool::new(true)),
        })
    }
}

fn verifier(config: &Config) -> Result<Option<Verifier>, Mistakes> {
    if config.auth != Auth::Jwt {
        return Ok(None);
    }
    let tokens = config.tokens.as_ref().ok_or_else(|| Mistakes(vec!["ROSTER_JWT_ISSUER is missing".to_owned()]))?;
    tokens.check()?;
    let keys = Keys::new(tokens.keys.clone(), aws::extra_roots(config)?);
    Ok(Some(Verifier::new(tokens.demands.clone(), keys)))
}
