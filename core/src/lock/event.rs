//! Something that has happened, or not yet.

use crate::Error;
use crate::sync::{Ordering, RmwU32, const_unless_loom};
use crate::wait::{Doorbell, Register, Spin, Wait, Wake};
use core::future::poll_fn;

/// A flag that is waited for. It begins clear.
///
/// Whoever waits when it is set returns, though it may be clear again by then: setting it is not
/// missed. It holds nothing, so that there is nothing to recover. One that dies between setting it
/// and waking leaves those that sleep asleep until their sleep ends by itself; in a region it does
/// so within the bound in which deaths are detected.
///
/// *Fairness*: all that wait are woken at once.
///
/// Bit 0 of the word says that it is set; the rest counts how often it was.
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

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        // SYNC POINT A, acquire: with the release in `set`.
        self.word.load(Ordering::Acquire) & SET != 0
    }

    /// Makes it clear again, so that who comes from now on waits.
    pub fn clear(&self) {
        // Relaxed: it publishes nothing. It is a read-modify-write, so that whoever sees the count
        // still acquires from the `set` before.
        self.word.fetch_and(!SET, Ordering::Relaxed);
    }
}

impl<W: Wake> Default for Event<W> {
    fn default() -> Self {
        Event::new()
    }
}

impl<W: Wake> Event<W> {
    /// Sets it, and wakes all that wait. Safe in an interrupt.
    pub fn set(&self) {
        // Relaxed: what is seen is exchanged only if it is still so.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            // From clear to set, the count goes up by one, and bit 0 up; from set to set nothing
            // changes, but what was done before is published.
            let next = if seen & SET == 0 { seen.wrapping_add(2) | SET } else { seen };
            // SYNC POINT A, release: with the acquire in `is_set` and `wait`. What was done before
            // is seen.
            match self.word.compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        self.bell.ring();
    }

    /// A look that is answered when the event is set now, or was meanwhile and is clear again.
    fn look(&self) -> impl Fn() -> Option<()> {
        // SYNC POINT A, acquire, here and below: with the release in `set`.
        let first = self.word.load(Ordering::Acquire);
        move || {
            let is_set = first & SET != 0 || self.word.load(Ordering::Acquire) != first;
            is_set.then_some(())
        }
    }
}

impl<W: Wait> Event<W> {
    /// Waits until it is set.
    pub fn wait(&self) {
        while self.wait_deadline(None).is_err() {}
    }

    /// Waits until it is set, at most until `deadline` (`None`: for ever).
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
        Ok(self.bell.wait_until(deadline, self.look())?)
    }
}

impl<W: Register> Event<W> {
    /// [`wait`](Self::wait) for a task. Cancel-safe. There is no `poll_wait`: it could miss an
    /// event that is set and clear again between two polls.
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
        let look = self.look();
        poll_fn(move |cx| self.bell.poll_until(cx, &look))
    }
}
