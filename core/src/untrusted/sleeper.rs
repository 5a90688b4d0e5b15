//! How an end sleeps, and learns of its peer's death.

use crate::sync::AtomicU32;
use crate::wait::{Spin, TimedOut};

/// How an end sleeps, wakes its peer, and learns that the peer is gone.
///
/// It is private to the end, and is dropped last. So it may also keep the memory.
pub trait Sleeper {
    /// A moment, on the sleeper's clock.
    type Deadline: Copy;

    /// Sleeps while `word` is `expected`, until `deadline` at most (`None`: for ever).
    ///
    /// `word` lies in the peer's memory, which this side can only read. It may return at any time,
    /// and should do so every now and then: the caller then asks [`peer_is_gone`] again.
    ///
    /// [`peer_is_gone`]: Self::peer_is_gone
    ///
    /// # Errors
    /// [`TimedOut`] once the deadline has passed, also when `word` is something else: a peer that
    /// changes it all the time must not keep this side from that.
    fn sleep(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Self::Deadline>,
    ) -> Result<(), TimedOut>;

    /// Wakes the peer if it sleeps on `word`, which lies in this side's memory.
    fn wake(&self, word: &AtomicU32);

    /// Whether the peer is dead, by what it cannot write: a descriptor, a line, a watchdog.
    fn peer_is_gone(&self) -> bool;
}

/// The waiter polls. There is no clock, and a peer never dies.
impl Sleeper for Spin {
    type Deadline = core::convert::Infallible;

    /// Returns at once, so that the caller looks again.
    fn sleep(
        &self,
        _: &AtomicU32,
        _: u32,
        _: Option<core::convert::Infallible>,
    ) -> Result<(), TimedOut> {
        crate::sync::spin_loop();
        Ok(())
    }

    fn wake(&self, _: &AtomicU32) {}

    fn peer_is_gone(&self) -> bool {
        false
    }
}
