//! How long an operation may wait.

use std::time::Instant;

/// How long an operation may wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Timeout {
    /// Does not wait.
    Now,
    /// Waits if the descriptor is in the blocking mode.
    Mode,
    /// Waits at most until then, or without a limit for `None`, whatever the descriptor's mode is.
    Until(Option<Instant>),
}

impl Timeout {
    pub(crate) const NEVER: Self = Timeout::Until(None);
}
