//! An event: something that has happened, or has not happened yet.

use crate::Error;
use crate::sync::{Ordering, RmwU32, const_unless_loom};
use crate::wait::{Doorbell, Register, Spin, Wait, Wake};
use core::future::poll_fn;

/// A flag that threads and processes can wait for. It begins clear.
///
/// All that wait when the event is set return, even if it is clear again by then: no waiter misses
/// that it was set. Nobody holds an event, so that there is nothing to recover. If a process dies
/// between setting the event and waking, the sleepers sleep on until their sleep ends by itself; in
/// a region that happens within the bound in which deaths are detected.
///
/// *Fairness*: setting the event wakes all waiters at once.
///
/// Bit 0 of the word says that the event is set; the other bits count how often it was set.
///
/// ```
/// use ringway_core::lock::Event;
/// static READY: Event = Event::new();
/// std::thread::scope(|s| {
///     s.spawn(|| READY.wait());
///     READY.set();
/// });
/// assert!(READY.is_set());
/// READY.clear();
/// assert!(!READY.is_set());
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct Event<W: Wake = Spin> {
    word: RmwU32,
    bell: Doorbell<W>,
}

const SET: u32 = 1;

impl<W: Wake> Event<W> {
    const_unless_loom! {
        /// An event that has not happened.
        pub fn new() -> Self {
            Event { word: RmwU32::new(0), bell: Doorbell::new() }
        }
    }

    /// Whether the event is set.
    pub fn is_set(&self) -> bool {
        // SYNC POINT with `set`, acquire: what was done before the event was set is seen.
        self.word.load(Ordering::Acquire) & SET != 0
    }

    /// Clears the event: callers that come from now on wait.
    pub fn clear(&self) {
        // Relaxed: it publishes nothing. It is a read-modify-write, so that a waiter that sees the
        // new count still acquires from the `set` before.
        self.word.fetch_and(!SET, Ordering::Relaxed);
    }
}

impl<W: Wake> Default for Event<W> {
    fn default() -> Self {
        Event::new()
    }
}

impl<W: Wake> Event<W> {
    /// Sets the event and wakes all that wait. An interrupt may call it.
    pub fn set(&self) {
        // From clear to set, the count goes up by one, and bit 0 is set. From set to set the word
        // stays the same, but the exchange publishes what was done before.
        let next = |seen: u32| if seen & SET == 0 { seen.wrapping_add(2) | SET } else { seen };
        // SYNC POINT with the loads in `is_set` and `set_since_now`, release: what was done before
        // is seen. It always writes.
        let _ = self.word.update(Ordering::Release, |seen| Some(next(seen)));
        self.bell.ring();
    }

    /// Returns a check that succeeds if the event is set now, or is set after now, even if it is
    /// clear again by the time of the check.
    fn set_since_now(&self) -> impl Fn() -> Option<()> {
        // SYNC POINT with `set`, acquire, here and below: what was done before the event was set is
        // seen.
        let first = self.word.load(Ordering::Acquire);
        move || {
            let is_set = first & SET != 0 || self.word.load(Ordering::Acquire) != first;
            is_set.then_some(())
        }
    }
}

impl<W: Wait> Event<W> {
    /// Waits until the event is set.
    pub fn wait(&self) {
        while self.wait_deadline(None).is_err() {}
    }

    /// Waits until the event is set, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when it was not set in time.
    ///
    /// ```
    /// use ringway_core::{Error, lock::Event, wait::SpinClock};
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// static NOW: AtomicU64 = AtomicU64::new(0);
    /// # struct Ticks;
    /// # impl ringway_core::wait::Clock for Ticks {
    /// #     fn now() -> u64 {
    /// #         NOW.fetch_add(1, Ordering::Relaxed)
    /// #     }
    /// # }
    /// let never = Event::<SpinClock<Ticks>>::new();
    /// assert_eq!(never.wait_deadline(Some(10)), Err(Error::TimedOut));
    /// ```
    pub fn wait_deadline(&self, deadline: Option<W::Deadline>) -> Result<(), Error> {
        Ok(self.bell.wait_until(deadline, self.set_since_now())?)
    }
}

impl<W: Register> Event<W> {
    /// [`wait`](Self::wait) for a task. Cancel-safe.
    ///
    /// There is no `poll_wait`: it could miss an event that is set and cleared between two polls.
    ///
    /// ```
    /// use ringway_core::{lock::Event, wait::Async};
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// let event = Event::<Async>::new();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut waits = pin!(event.wait_async());
    /// assert!(waits.as_mut().poll(&mut cx).is_pending());
    /// event.set();
    /// event.clear();
    /// assert!(waits.as_mut().poll(&mut cx).is_ready());
    /// ```
    pub fn wait_async(&self) -> impl Future<Output = ()> {
        let check = self.set_since_now();
        poll_fn(move |cx| self.bell.poll_until(cx, &check))
    }
}
