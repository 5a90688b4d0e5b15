//! Waiting without a system: nobody sleeps, or the waiter polls.

use super::how::{TimedOut, Wait, Wake};
use crate::sync::{AtomicU32, Ordering, spin_loop};
use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;

/// Nobody sleeps: each side polls when it suits it. Takes no memory and no time.
///
/// A structure with it has no blocking forms:
///
/// ```compile_fail,E0277
/// use ringway_core::ring::Ring;
/// let mut ring = Ring::<u8, 4>::new();
/// let (mut producer, _consumer) = ring.split();
/// producer.push(1);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nobody;

impl Wake for Nobody {
    type Word = ();

    init!(Nobody);

    #[inline(always)]
    fn wake(&self, _word: &AtomicU32, _n: u32) {}
}

/// The waiter polls. There is no clock, hence no deadline.
///
/// ```
/// use ringway_core::wait::{Doorbell, Spin};
/// let bell = Doorbell::<Spin>::new();
/// assert_eq!(bell.wait_until(None, || Some(5)), Ok(5));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Spin;

impl Wake for Spin {
    type Word = ();

    init!(Spin);

    #[inline(always)]
    fn wake(&self, _word: &AtomicU32, _n: u32) {}
}

impl Wait for Spin {
    type Deadline = Infallible;

    #[inline]
    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        _deadline: Option<Infallible>,
    ) -> Result<(), TimedOut> {
        // Relaxed: the caller checks its condition after this.
        if word.load(Ordering::Relaxed) == expected {
            spin_loop();
        }
        Ok(())
    }
}

/// A clock that [`SpinClock`] reads.
///
/// ```
/// use ringway_core::wait::Clock;
/// struct Systick;
/// impl Clock for Systick {
///     fn now() -> u64 {
///         0 // a count that an interrupt keeps
///     }
/// }
/// ```
pub trait Clock {
    /// The time now, in ticks: a count that never goes back.
    ///
    /// A count of 64 bits does not wrap in the life of a device.
    fn now() -> u64;
}

/// [`Spin`] with deadlines, in the ticks of the clock `C`.
///
/// ```
/// use ringway_core::wait::{Clock, Doorbell, SpinClock, TimedOut};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// static NOW: AtomicU64 = AtomicU64::new(0);
/// struct Ticks;
/// impl Clock for Ticks {
///     fn now() -> u64 {
///         NOW.fetch_add(1, Ordering::Relaxed)
///     }
/// }
/// let bell = Doorbell::<SpinClock<Ticks>>::new();
/// assert_eq!(bell.wait_until(Some(10), || None::<()>), Err(TimedOut));
/// ```
pub struct SpinClock<C>(PhantomData<fn() -> C>);

impl<C> SpinClock<C> {
    /// A spinner that reads the clock `C`.
    pub const fn new() -> Self {
        SpinClock(PhantomData)
    }
}

impl<C> Default for SpinClock<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C> Clone for SpinClock<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for SpinClock<C> {}

impl<C> fmt::Debug for SpinClock<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpinClock")
    }
}

impl<C: Clock> Wake for SpinClock<C> {
    type Word = ();

    init!(SpinClock::new());

    #[inline(always)]
    fn wake(&self, _word: &AtomicU32, _n: u32) {}
}

impl<C: Clock> Wait for SpinClock<C> {
    type Deadline = u64;

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<u64>) -> Result<(), TimedOut> {
        // Relaxed: the caller checks its condition after this.
        if word.load(Ordering::Relaxed) == expected {
            if deadline.is_some_and(|end| C::now() >= end) {
                return Err(TimedOut);
            }
            spin_loop();
        }
        Ok(())
    }
}
