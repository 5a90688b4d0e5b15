//! The structures and their operations. Each file says what the child does and what the others may
//! find.

mod broadcast;
mod byte_ring;
mod control;
mod latest;
mod lock;
mod messages;
mod pool;
mod queue;
mod region;
mod ring;

use super::run::Entry;
use ringway::wait::Futex;
use std::time::{Duration, Instant};

/// Every operation of every structure, in the order of the table.
pub fn all() -> Vec<Entry> {
    queue::entries()
        .chain(ring::entries())
        .chain(byte_ring::entries())
        .chain(messages::entries())
        .chain(broadcast::entries())
        .chain(latest::entries())
        .chain(pool::entries())
        .chain(lock::entries())
        .chain(region::entries())
        .chain(control::entries())
        .collect()
}

/// A message of several words, so that a mixture of two messages is noticed.
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

/// A sleep that ends only when another wakes it. In a region a sleeper wakes by itself within the
/// detection bound, which would hide a recovery that wakes nobody.
pub type Sleeper = Futex;

/// A deadline that only a survivor who hangs reaches.
fn late() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(600))
}

/// The first number of the messages that [`Operation::wake`](super::Operation::wake) sends.
const WAKES: u64 = 1000;

/// Whether each message that woke the child is there once. One of them may be lost with a child
/// that died before it could note it.
fn woken_once(found: &super::Found) -> bool {
    let times = |n| found.times(WAKES + n);
    let lost = (0..found.wakes).filter(|n| times(*n) == 0).count();
    (0..found.wakes).all(|n| times(n) <= 1) && lost <= usize::from(!found.ended)
}
