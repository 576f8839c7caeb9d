//! The application: everything that operations need, built once per cold start.

use crate::avatars::Avatars;
use crate::aws;
use crate::clock::Clock;
use crate::config::{Auth, Config, Mistakes};
use crate::domain::PasswordPolicy;
use crate::hashing::Hasher;
use crate::ids::Ids;
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
    /// How callers prove who they are.
    pub auth: Auth,
    /// Whether a change must name the version it is meant for.
    pub require_if_match: bool,
}

impl App {
    /// Builds the application for real use; makes no network call.
    pub async fn new(config: &Config) -> Result<Self, Mistakes> {
        Self::with(config, Clock::system(), Ids::system()).await
    }

    /// Builds the application with a clock and ids of the caller's choice.
    pub async fn with(config: &Config, clock: Clock, ids: Ids) -> Result<Self, Mistakes> {
        let clients = aws::clients(config).await?;
        Ok(Self {
            store: Store::new(clients.dynamodb, config.table.clone(), config.list_shards, Ids::system()),
            avatars: Avatars::new(clients.s3, config.bucket.clone()),
            hasher: Hasher::new(config.max_parallel_hashes, Ids::system()),
            clock,
            ids,
            password_policy: config.password_policy.clone(),
            auth: config.auth,
            require_if_match: config.require_if_match,
        })
    }
}
