//! Threads of this program: one that the system refuses is an error, not a panic.

use crate::failure::{Doing, Result};
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

const START: &str = "start a thread (the limit on processes or memory may be reached)";

/// Starts a thread.
pub fn start<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    Builder::new().spawn(work).doing(START)
}

/// Starts a thread that ends before the scope does.
pub fn start_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().spawn_scoped(scope, work).doing(START)
}
