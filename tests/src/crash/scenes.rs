//! The structures and their operations: for each a file that says what is done and what may be
//! found.

mod broadcast;
mod byte_ring;
mod control;
mod latest;
mod lock;
mod messages;
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
        .chain(lock::entries())
        .chain(region::entries())
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

/// Sleeping until one is woken. In a region one gets up within the detection
/// bound, which would hide that recovery wakes nobody.
pub type Sleeper = Futex;

/// A moment that only a survivor who hangs gets to.
fn late() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(600))
}

/// The messages that [`Operation::wake`](super::Operation::wake) sends are numbered from here on.
const WAKES: u64 = 1000;

/// Whether the messages with which the child was woken are there once each, or one of them was lost
/// with a child that died before it could say what it was given.
fn woken_once(found: &super::Found) -> bool {
    let times = |n| found.times(WAKES + n);
    let lost = (0..found.wakes).filter(|n| times(*n) == 0).count();
    (0..found.wakes).all(|n| times(n) <= 1) && lost <= usize::from(!found.ended)
}
