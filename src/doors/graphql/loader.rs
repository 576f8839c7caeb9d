//! Gathers the users that the fields of one request ask for, and reads them in one call.
//!
//! Fields beside each other are resolved on one task: each writes down whom it wants and steps back once. By the time the
//! first comes to its turn all have written; it reads for everyone, and the others find the answer. No task is spawned.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::app::App;
use crate::domain::{Actor, User};
use crate::doors::rest::problem::Problem;
use crate::operations::{self, Wanted};

/// Reads users for one request.
pub struct Loader {
    app: App,
    actor: Actor,
    open: Mutex<Arc<Batch>>,
}

#[derive(Default)]
struct Batch {
    wanted: Mutex<Vec<Wanted>>,
    answer: OnceCell<Result<Vec<Option<User>>, Arc<Problem>>>,
}

impl Loader {
    /// A loader that reads as `actor`.
    pub fn new(app: App, actor: Actor) -> Self {
        Self { app, actor, open: Mutex::default() }
    }

    /// Reads one user, together with those that are asked for at the same time.
    pub async fn user(&self, wanted: Wanted) -> Result<Option<User>, Arc<Problem>> {
        let (batch, place) = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let mut all = open.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(wanted);
            (Arc::clone(&open), all.len() - 1)
        };
        tokio::task::yield_now().await;
        let answer = batch.answer.get_or_init(async || {
            let wanted = self.close(&batch);
            let found = operations::get_users(&self.app, &self.actor, &wanted).await;
            found.map_err(|error| Arc::new(Problem::from(error)))
        });
        match answer.await {
            Ok(users) => Ok(users.get(place).cloned().flatten()),
            Err(problem) => Err(Arc::clone(problem)),
        }
    }

    /// From here on others begin another batch.
    fn close(&self, batch: &Arc<Batch>) -> Vec<Wanted> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&open, batch) {
            *open = Arc::default();
        }
        batch.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
