//! What is built when it is first used: a cold start pays for what it uses alone.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// What is there already, or will be once it is used. Cheap to clone; clones are one.
pub struct Late<T>(Arc<LazyLock<T, Box<dyn FnOnce() -> T + Send>>>);

impl<T> Late<T> {
    /// What `build` makes at the first use.
    pub fn new(build: impl FnOnce() -> T + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(build))))
    }
}

impl<T: Send + 'static> From<T> for Late<T> {
    fn from(ready: T) -> Self {
        Self::new(move || ready)
    }
}

impl<T> Deref for Late<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for Late<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Late<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Late")
    }
}
