//! The structures and their operations: for each a file that says what is done and what may be found.

mod byte_ring;
mod control;
mod queue;
mod ring;

use super::run::Entry;
use ringway::wait::{TimedOut, Wait};
use ringway_core::sync::AtomicU32;
use std::time::{Duration, Instant};

/// Every operation of every structure, in the order of the table.
pub fn all() -> Vec<Entry> {
    queue::entries()
        .chain(ring::entries())
        .chain(byte_ring::entries())
        .chain(control::entries())
        .collect()
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
    if found == message(found[0]) {
        Ok(found[0])
    } else {
        Err(format!("a torn message: {found:?}"))
    }
}

/// Sleeping on a futex that any process may wake, but never for longer than the detection bound, as in a region: whoever
/// was to wake the sleeper may be dead.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sleep;

/// How long a death may go unnoticed.
pub const BOUND: Duration = Duration::from_millis(100);

impl Wait for Sleep {
    type Deadline = Instant;

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        until: Option<Instant>,
    ) -> Result<(), TimedOut> {
        let bound = Instant::now() + BOUND;
        match ringway::wait::Futex.wait(word, expected, Some(until.map_or(bound, |t| t.min(bound))))
        {
            Err(TimedOut) if until.is_none_or(|until| until > bound) => Ok(()),
            answer => answer,
        }
    }

    fn wake(&self, word: &AtomicU32, n: u32) {
        ringway::wait::Futex.wake(word, n);
    }
}

/// A moment that only a survivor who hangs gets to.
fn late() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(600))
}

/// The messages that [`Operation::wake`](super::Operation::wake) sends are numbered from here on.
const WAKES: u64 = 1000;

/// Whether the messages with which the child was woken are there once each, or one of them was lost with a child that
/// died before it could say what it was given.
fn woken_once(found: &super::Found) -> bool {
    let times = |n| found.times(WAKES + n);
    let lost = (0..found.wakes).filter(|n| times(*n) == 0).count();
    (0..found.wakes).all(|n| times(n) <= 1) && lost <= usize::from(!found.ended)
}
