//! What this sandbox holds of its callers' quotas: leases, from which most requests are admitted without asking the table.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;

use crate::clock::Clock;
use crate::domain::limit::{Lease, Policy, Verdict};
use crate::domain::{ClientId, Timestamp};
use crate::error::{Error, chain};
use crate::scope;
use crate::store::Store;

/// How many leases are held; beyond that all are dropped.
const MAX_LEASES: usize = 4096;
/// How long the table may take before it counts as out of reach.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the table is not asked again after it was out of reach, in milliseconds.
const PAUSE_MILLIS: i64 = 1000;

/// The quotas that are configured.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// For callers that are not named below.
    pub default: Vec<Policy>,
    /// By caller, in place of the default.
    pub by_client: HashMap<String, Vec<Policy>>,
    /// Operations that are refused while the table cannot be reached.
    pub closed_without_table: Closed,
}

/// What is refused while the table cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Everything.
    All,
    /// These operations.
    Named(Vec<String>),
}

impl Default for Closed {
    /// Without a quota, guessing passwords would be free.
    fn default() -> Self {
        Self::Named(vec!["verify_password".to_owned()])
    }
}

impl Closed {
    fn contains(&self, operation: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| name == operation),
        }
    }
}

/// How a caller stands under one policy; all numbers are what this sandbox knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The policy's name.
    pub name: String,
    /// Requests per window.
    pub quota: u64,
    /// The window's length in seconds.
    pub window_seconds: i64,
    /// Requests left in this window.
    pub remaining: u64,
    /// Seconds until the next window.
    pub resets_in: i64,
}

/// Admits and refuses requests. Cheap to clone.
#[derive(Clone)]
pub struct Quotas(Arc<Inner>);

struct Inner {
    plan: Plan,
    leases: Mutex<Leases>,
    unchecked: AtomicU64,
    writes: AtomicU64,
}

/// By caller and policy.
type Leases = HashMap<(ClientId, String), Arc<Turn<Held>>>;

#[derive(Default)]
struct Held {
    lease: Lease,
    /// When the table was last out of reach.
    lost_at: Option<Timestamp>,
}

impl Quotas {
    /// Quotas as planned, without leases yet.
    pub fn new(plan: Plan) -> Self {
        Self(Arc::new(Inner {
            plan,
            leases: Mutex::default(),
            unchecked: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }))
    }

    /// How many requests were admitted without a count, because the table could not be reached.
    pub fn unchecked(&self) -> u64 {
        self.0.unchecked.load(Ordering::Relaxed)
    }

    /// How many writes the table was asked for, failed conditions included.
    pub fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::Relaxed)
    }

    /// Takes one request from each of the caller's quotas that count this operation; `is_read` says whether it only
    /// reads. The first list is how the caller stands now.
    pub async fn admit(
        &self,
        store: &Store,
        clock: &Clock,
        client: &ClientId,
        operation: &str,
        is_read: bool,
    ) -> (Vec<Standing>, Result<(), Error>) {
        let plan = &self.0.plan;
        let policies = plan.by_client.get(client.as_str()).unwrap_or(&plan.default);
        let mut standings = Vec::new();
        for policy in policies.iter().filter(|policy| policy.counts(operation, is_read)) {
            let held = self.held(client, policy);
            // One request at a time asks the table; the others wait for its lease.
            let mut held = held.lock().await;
            let outcome = match self.take(store, clock, client, policy, &mut held).await {
                Ok(None) => Ok(()),
                Ok(Some(until)) => Err(exceeded(until, clock.now())),
                Err(error) => self.without_table(operation, error),
            };
            let now = clock.now();
            standings.push(Standing {
                name: policy.name().to_owned(),
                quota: policy.quota(),
                window_seconds: policy.window_seconds(),
                remaining: held.lease.remaining(policy, now),
                resets_in: held.lease.resets_in(policy, now),
            });
            if let Err(error) = &outcome {
                if matches!(error, Error::QuotaExceeded { .. }) {
                    scope::note(|scope| scope.quota_refusals.one());
                }
                return (standings, outcome);
            }
        }
        (standings, Ok(()))
    }

    /// Takes one request; says until when there is none.
    async fn take(
        &self,
        store: &Store,
        clock: &Clock,
        client: &ClientId,
        policy: &Policy,
        held: &mut Held,
    ) -> Result<Option<Timestamp>, Error> {
        let now = clock.now();
        let asked = match held.lease.take(policy, now) {
            Verdict::Admitted => return Ok(None),
            Verdict::Refused(until) => return Ok(Some(until)),
            Verdict::Ask(asked) => asked,
        };
        let lost = |reason| Error::Unavailable { reason, retry_after_seconds: 1, source: None };
        if held.lost_at.is_some_and(|at| (0..PAUSE_MILLIS).contains(&(now.unix_millis() - at.unix_millis()))) {
            return Err(lost("DynamoDB was out of reach a moment ago"));
        }
        let answer = tokio::time::timeout(PATIENCE, store.lease(client, policy, asked, now)).await;
        let answer = answer.unwrap_or_else(|_| Err(lost("DynamoDB did not answer in time")));
        held.lost_at = answer.is_err().then(|| clock.now());
        let leased = answer?;
        self.0.writes.fetch_add(leased.writes, Ordering::Relaxed);
        if leased.granted == 0 {
            return Ok(Some(held.lease.close(policy, leased.count.window, leased.count.taken, now)));
        }
        held.lease.grant(leased.count.window, asked, leased.granted, leased.count.taken, now);
        // It holds at least this one.
        let _first = held.lease.take(policy, now);
        Ok(None)
    }

    fn held(&self, client: &ClientId, policy: &Policy) -> Arc<Turn<Held>> {
        let mut leases = self.0.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (client.clone(), policy.name().to_owned());
        if leases.len() >= MAX_LEASES && !leases.contains_key(&key) {
            // Whoever is being served holds a handle of its own; what is left of a lease is lost, never counted twice.
            leases.clear();
        }
        Arc::clone(leases.entry(key).or_default())
    }

    /// Decides about a request that cannot be counted.
    fn without_table(&self, operation: &str, error: Error) -> Result<(), Error> {
        if self.0.plan.closed_without_table.contains(operation) {
            let source = Some(error.into());
            return Err(Error::Unavailable { reason: "quotas cannot be counted", retry_after_seconds: 1, source });
        }
        let unchecked = self.0.unchecked.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(operation, unchecked, error = chain(&error), "a request was admitted without counting it");
        Ok(())
    }
}

fn exceeded(until: Timestamp, now: Timestamp) -> Error {
    let millis = (until.unix_millis() - now.unix_millis()).max(1);
    Error::QuotaExceeded { retry_after_seconds: u32::try_from((millis + 999) / 1000).unwrap_or(u32::MAX) }
}
