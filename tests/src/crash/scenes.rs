//! The structures and their operations: for each a file that says what is done and what may be found.

mod queue;

use super::run::Entry;
use ringway::wait::{TimedOut, Wait};
use ringway_core::sync::AtomicU32;
use std::time::{Duration, Instant};

/// Every operation of every structure, in the order of the table.
pub fn all() -> Vec<Entry> {
    queue::entries().collect()
}

/// A message of several words, so that one that was put together from two is noticed.
pub type Message = [u64; 4];

/// The message with this number.
pub const fn message(number: u64) -> Message {
    [number, !number, number, !number]
}

/// The number of a message.
///
/// # Errors
/// When it is not one that [`message`] made.
pub fn number(found: Message) -> super::Check<u64> {
    if found == message(found[0]) { Ok(found[0]) } else { Err(format!("a torn message: {found:?}")) }
}

/// Sleeping on a futex that any process may wake, but never for longer than the detection bound, as in a region: whoever
/// was to wake the sleeper may be dead.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sleep;

/// How long a death may go unnoticed.
pub const BOUND: Duration = Duration::from_millis(100);

impl Wait for Sleep {
    type Deadline = Instant;

    fn wait(&self, word: &AtomicU32, expected: u32, until: Option<Instant>) -> Result<(), TimedOut> {
        let bound = Instant::now() + BOUND;
        match ringway::wait::Futex.wait(word, expected, Some(until.map_or(bound, |t| t.min(bound)))) {
            Err(TimedOut) if until.is_none_or(|until| until > bound) => Ok(()),
            answer => answer,
        }
    }

    fn wake(&self, word: &AtomicU32, n: u32) {
        ringway::wait::Futex.wake(word, n);
    }
}
