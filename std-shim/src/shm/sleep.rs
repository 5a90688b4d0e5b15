//! Sleeping in a region: woken by any process, and looking after the dead in between.

use super::registry;
use crate::wait::{self, Wait};
use ringway_core::region::SharedWait;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::TimedOut;
use rustix::thread::futex;
use std::time::{Duration, Instant};

/// The detection bound: within this time of a participant's death, whoever sleeps in a region that it was attached to has
/// put right what it held, and looked again.
///
/// ```
/// assert_eq!(ringway::shm::BOUND, std::time::Duration::from_millis(100));
/// ```
pub const BOUND: Duration = Duration::from_millis(100);

/// Sleeping on a futex in a region. Wakes at the latest after [`BOUND`], looks whether a participant has died, puts right
/// what it held, and sleeps again: a sleeper depends on no wake-up that the dead would have had to send.
///
/// Takes no place in memory. Works outside a region too, where there is nobody to look after.
///
/// ```
/// use ringway::shm::Sleep;
/// use ringway::wait::Doorbell;
/// let bell = Doorbell::new(Sleep);
/// assert_eq!(bell.wait_until(None, || Some(5)), Ok(5));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sleep;

impl Wait for Sleep {
    type Deadline = Instant;

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
    ) -> Result<(), TimedOut> {
        let bound = Instant::now() + BOUND;
        let is_last = deadline.is_some_and(|deadline| deadline <= bound);
        let end = if is_last { deadline } else { Some(bound) };
        match wait::wait(word, futex::Flags::empty(), expected, end) {
            Ok(()) => Ok(()),
            Err(TimedOut) => {
                registry::reap(std::ptr::from_ref(word).addr());
                if is_last { Err(TimedOut) } else { Ok(()) }
            }
        }
    }

    fn wake(&self, word: &AtomicU32, n: u32) {
        wait::wake(word, futex::Flags::empty(), n);
    }
}

// SAFETY: it has no bytes; its futex is not private, so that any process that maps the word wakes and is woken.
unsafe impl SharedWait for Sleep {}
