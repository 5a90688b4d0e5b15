//! How long an operation may wait.

use std::time::Instant;

/// How long an operation may wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Timeout {
    /// Not at all.
    Now,
    /// As the descriptor's mode has it.
    Mode,
    /// At most until then, or as long as it takes, whatever the descriptor's mode is.
    Until(Option<Instant>),
}

impl Timeout {
    pub(crate) const NEVER: Self = Timeout::Until(None);
}
