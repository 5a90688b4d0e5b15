//! The waiting seam: how a side sleeps, and how the other side wakes it.
//!
//! Three layers, each usable alone:
//!
//! - [`Wait`] says what sleeping *is* on this target: [`Spin`] and [`SpinClock`] here, a futex in the shim,
//!   [`Async`] around either of them for tasks.
//! - [`Doorbell`] makes sleeping safe: whoever announces itself before its last look at the condition cannot
//!   miss a ring. A ringer pays for a wake-up only when somebody sleeps.
//! - [`Bell`] lets a structure be built without any of it: with [`Polled`] it holds no doorbell word and pays
//!   no fence.
//!
//! # The protocol
//!
//! The doorbell's word is a count of rings shifted left by one; bit 0 says "somebody may be asleep".
//!
//! ```text
//!   waiter                               ringer
//!   1. look at the condition             a. publish (store the position, the state, …)
//!   2. word |= 1, remember it            b. fence
//!   3. fence                             c. bit 0 of the word clear? done, nobody sleeps
//!   4. look at the condition again       d. word += 1 (clears bit 0, counts)
//!   5. sleep while word == remembered    e. wake
//! ```
//!
//! The two fences are sequentially consistent, so that one of them comes first. If the ringer's does (b before
//! 3), the waiter sees the publication in 4. If the waiter's does (3 before b), the ringer sees bit 0 in c. There
//! is no third case, hence no lost wake-up. The accesses to the word itself order nothing and are relaxed.
//!
//! # What a ringer that stops on the way delays
//!
//! A ringer that is preempted or suspended before c has published something that nobody was told
//! of; one that is stopped between d and e has taken over the wake-up for those that sleep, and
//! later ringers, who find bit 0 clear, leave it to that one. In both cases the sleepers go on when
//! the ringer does. Until then only a sleep that ends by itself helps: at its deadline, or in a
//! region of the shim after its detection bound (which says when it is more). Those who look (`try_`) are not concerned. So a
//! lock-free structure with a doorbell is lock-free for all who look; who sleeps depends on those
//! who ring.
//!
//! A ringer that dies there wakes nobody any more. The recovery of its structure does: it wakes all
//! sleepers, announced or not.

use crate::sync::{AtomicU32, Ordering, RmwU32, const_unless_loom, fence, spin_loop};
use core::convert::Infallible;
use core::task::{Context, Poll, Waker};

mod set;
mod tasks;
mod waker;

pub use set::WakerSet;
pub use tasks::Async;
pub use waker::WakerCell;

/// The deadline passed before what was waited for came to be. Nothing was consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TimedOut;

impl core::fmt::Display for TimedOut {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the deadline passed first; nothing was lost, try again")
    }
}

impl core::error::Error for TimedOut {}

/// What sleeping and waking are on this target.
///
/// An implementation may wake for no reason: the caller always looks again. It must not sleep through a change:
/// when the word differs from `expected` at the call, or changes and is followed by [`wake`](Self::wake), `wait`
/// returns.
///
/// A wait that answers [`TimedOut`] may have been woken as well. So a structure that wakes fewer
/// than all must not take the answer for a sign that its wake-up went to another sleeper: it looks
/// once more, and hands the wake-up on if it has no use for it. The locks and the [`Doorbell`],
/// which wakes all, do so.
///
/// An implementation may panic, and what it was called for is then not done: no value is lost but one that was to be
/// returned, and no other side waits for this one. See [what is promised](crate#what-is-promised).
///
/// ```
/// use ringway_core::wait::{Spin, Wait};
/// use ringway_core::sync::AtomicU32;
/// let word = AtomicU32::new(7);
/// // The word is not 6, so there is nothing to wait for.
/// assert!(Spin.wait(&word, 6, None).is_ok());
/// ```
pub trait Wait {
    /// A point in time, in whatever this target counts: `std::time::Instant`, timer ticks, or
    /// [`Infallible`] where there is no clock.
    type Deadline: Copy;

    /// Whether [`wait`](Self::wait) sleeps, so that somebody has to wake it. One that looks again by itself, as
    /// [`Spin`] does, says no: ringing its doorbell then costs nothing, neither a fence nor a look.
    #[inline(always)]
    fn sleeps(&self) -> bool {
        true
    }

    /// How often a side looks again before it says that it is about to sleep. As long as it only looks, the other side pays
    /// for no wake-up. What is right depends on how soon the other side answers, and on whether it runs at all meanwhile:
    /// see [`learn`](Self::learn).
    #[inline(always)]
    fn looks(&self) -> u32 {
        0
    }

    /// Told whether the looks were enough, for an implementation that gives fewer where they are in vain.
    #[inline(always)]
    fn learn(&self, _were_enough: bool) {}

    /// Sleeps while `word == expected`, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`TimedOut`] when the deadline passed.
    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Self::Deadline>,
    ) -> Result<(), TimedOut>;

    /// Wakes at most `n` of those who sleep on `word`. Safe in an interrupt and in a signal handler.
    fn wake(&self, word: &AtomicU32, n: u32);

    /// Whether the calling thread is unwinding from a panic. A guard that began to unwind while it held its lock hands
    /// the lock over as after a death: see [`lock`](crate::lock#panics). An implementation does not panic here.
    ///
    /// No is the answer of one that cannot tell: [`Spin`] and [`SpinClock`], as this crate knows no threads. Where a
    /// panic never unwinds, as on bare metal, it is also the right one.
    #[inline(always)]
    fn is_unwinding(&self) -> bool {
        false
    }
}

/// Waits by looking again and again. No clock, hence no deadline.
///
/// ```
/// use ringway_core::wait::{Doorbell, Spin};
/// let bell = Doorbell::new(Spin);
/// assert_eq!(bell.wait_until(None, || Some(5)), Ok(5));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Spin;

impl Wait for Spin {
    type Deadline = Infallible;

    #[inline(always)]
    fn sleeps(&self) -> bool {
        false
    }

    #[inline]
    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        _deadline: Option<Infallible>,
    ) -> Result<(), TimedOut> {
        // Relaxed: the caller looks at its condition behind the doorbell's fence.
        if word.load(Ordering::Relaxed) == expected {
            spin_loop();
        }
        Ok(())
    }

    #[inline(always)]
    fn wake(&self, _word: &AtomicU32, _n: u32) {}
}

/// [`Spin`] with a clock of the caller's: a function that returns a count of ticks which never goes back
/// (a 64-bit count does not wrap in the life of a device). The deadline is such a count.
///
/// ```
/// use ringway_core::wait::{Doorbell, SpinClock, TimedOut};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// static NOW: AtomicU64 = AtomicU64::new(0);
/// let bell = Doorbell::new(SpinClock(|| NOW.fetch_add(1, Ordering::Relaxed)));
/// assert_eq!(bell.wait_until(Some(10), || None::<()>), Err(TimedOut));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SpinClock(
    /// The clock: returns the time now, in ticks.
    pub fn() -> u64,
);

impl Wait for SpinClock {
    type Deadline = u64;

    #[inline(always)]
    fn sleeps(&self) -> bool {
        false
    }

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<u64>) -> Result<(), TimedOut> {
        // Relaxed: as in `Spin`.
        if word.load(Ordering::Relaxed) == expected {
            if deadline.is_some_and(|end| (self.0)() >= end) {
                return Err(TimedOut);
            }
            spin_loop();
        }
        Ok(())
    }

    #[inline(always)]
    fn wake(&self, _word: &AtomicU32, _n: u32) {}
}

pub(crate) mod sealed {
    pub trait Sealed {
        /// [`Doorbell::alarm`](super::Doorbell), where there is one.
        fn alarm(&self);
    }

    impl Sealed for super::Polled {
        #[inline(always)]
        fn alarm(&self) {}
    }

    impl<W: super::Wait> Sealed for super::Doorbell<W> {
        fn alarm(&self) {
            super::Doorbell::alarm(self);
        }
    }
}

/// Whether anybody may sleep on the other side: [`Polled`] (nobody) or a [`Doorbell`].
///
/// A parameter of the structures, so that one that is only polled pays nothing for waking, and one that is waited
/// on cannot forget to wake.
pub trait Bell: sealed::Sealed {
    /// Tells the other side, if it sleeps, that something changed. Call it after the change is published.
    fn ring(&self);
}

/// Nobody sleeps: both sides look when it suits them. Takes no memory and no time.
///
/// ```
/// use ringway_core::wait::{Bell, Polled};
/// Polled.ring(); // does nothing
/// assert_eq!(size_of::<Polled>(), 0);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Polled;

impl Bell for Polled {
    #[inline(always)]
    fn ring(&self) {}
}

/// What a side sleeps on: see the [module](self) for the protocol and why it loses no wake-up.
///
/// Any number of waiters and ringers. 4 bytes and the size of `W`.
///
/// ```
/// use ringway_core::wait::{Doorbell, Spin};
/// use std::sync::atomic::{AtomicBool, Ordering};
/// let bell = Doorbell::new(Spin);
/// let ready = AtomicBool::new(false);
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         ready.store(true, Ordering::Release);
///         bell.ring();
///     });
///     bell.wait_until(None, || ready.load(Ordering::Acquire).then_some(())).unwrap();
/// });
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct Doorbell<W> {
    word: RmwU32,
    how: W,
}

/// Bit 0 of the word: somebody may be asleep.
const SLEEPER: u32 = 1;

impl<W> Doorbell<W> {
    const_unless_loom! {
        /// A doorbell on which one sleeps as `how` says.
        pub fn new(how: W) -> Self {
            Doorbell { word: RmwU32::new(0), how }
        }
    }
}

impl<W: Default> Default for Doorbell<W> {
    fn default() -> Self {
        Doorbell::new(W::default())
    }
}

impl<W: Wait> Doorbell<W> {
    /// Wakes whoever sleeps. Call it after the change is published; costs a fence and a load when nobody sleeps, and
    /// nothing when `W` never does ([`Wait::sleeps`]). Safe in an interrupt and in a signal handler if
    /// [`Wait::wake`] is.
    #[inline]
    pub fn ring(&self) {
        if !self.how.sleeps() {
            return;
        }
        // Partner: the fence in `announce`. Either this one is first, and the waiter's second look sees what was
        // published before it, or that one is, and the load below sees the waiter's bit.
        fence(Ordering::SeqCst);
        let seen = self.word.load(Ordering::Relaxed);
        if seen & SLEEPER != 0 {
            self.ring_slow(seen);
        }
    }

    #[cold]
    fn ring_slow(&self, seen: u32) {
        // Odd + 1: the bit is cleared and the count goes up in one step. Should it fail, another ringer was
        // faster: the waiter it woke announces itself anew, behind our fence, and so sees our publication.
        if self
            .word
            .compare_exchange(seen, seen.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
        {
            self.how.wake(self.word.as_atomic(), u32::MAX);
        }
    }

    /// Wakes all sleepers, whether the word says that there are any or not. Recovery calls it
    /// instead of [`ring`](Self::ring), after the change: the dead participant may have cleared the
    /// bit (d) and not come to the wake-up (e).
    pub(crate) fn alarm(&self) {
        if !self.how.sleeps() {
            return;
        }
        // Release, where `ring` needs more: this looks at nothing. Partner: the fence in `announce`,
        // with the count between the two. A waiter that announces itself on the new count sees the
        // change in its look. One that did before sleeps and is woken, or compares the word after the
        // count went up, does not fall asleep, and announces itself anew.
        fence(Ordering::Release);
        // + 2: the count goes up, and the bit stays for those that announced themselves since.
        self.word.fetch_add(2, Ordering::Relaxed);
        self.how.wake(self.word.as_atomic(), u32::MAX);
    }

    /// Says that this side is about to sleep. After it, look once more; sleep only on the value returned.
    #[inline]
    fn announce(&self) -> u32 {
        if !self.how.sleeps() {
            // Nobody will ring, and nobody sleeps through anything. Relaxed: the word never changes.
            return self.word.load(Ordering::Relaxed);
        }
        let ticket = self.word.fetch_or(SLEEPER, Ordering::Relaxed) | SLEEPER;
        // Partner: the fence in `ring`.
        fence(Ordering::SeqCst);
        ticket
    }

    /// Looks as often as `W` has patience for, before anybody is told.
    #[inline]
    fn look_again<R>(&self, mut ready: impl FnMut() -> Option<R>) -> Option<R> {
        let looks = self.how.looks();
        if looks == 0 {
            return None;
        }
        let answer = (0..looks).find_map(|_| {
            spin_loop();
            ready()
        });
        self.how.learn(answer.is_some());
        answer
    }

    /// Sleeps until `ready` answers, and returns the answer. `ready` is called at least once, and once more when
    /// the deadline has passed, so that a deadline of the past is a plain look.
    ///
    /// # Errors
    /// [`TimedOut`] if the deadline passed and `ready` still had no answer.
    pub fn wait_until<R>(
        &self,
        deadline: Option<W::Deadline>,
        mut ready: impl FnMut() -> Option<R>,
    ) -> Result<R, TimedOut> {
        loop {
            if let Some(answer) = ready().or_else(|| self.look_again(&mut ready)) {
                return Ok(answer);
            }
            let ticket = self.announce();
            if let Some(answer) = ready() {
                return Ok(answer);
            }
            if self.how.wait(self.word.as_atomic(), ticket, deadline).is_err() {
                return ready().ok_or(TimedOut);
            }
        }
    }
}

impl<W: Register> Doorbell<W> {
    /// The task's form of [`wait_until`](Self::wait_until): `Pending` means that the task is woken
    /// when the doorbell rings. As many tasks at a time as `W` has places for, see [`Async`]; a
    /// ring wakes all of them. One more takes the place of another, which is woken so that it
    /// notices, and the two then wake each other in turn.
    ///
    /// Cancel-safe: a task that stops polling leaves a waker behind, which costs one needless wake-up, and takes
    /// nothing with it.
    pub fn poll_until<R>(
        &self,
        cx: &mut Context<'_>,
        mut ready: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        if let Some(answer) = ready() {
            return Poll::Ready(answer);
        }
        // Register, then announce, then look: a ringer that sees the bit finds the waker, or it came so early that
        // registering acquired what it had published (see `WakerCell`), and the look below sees that.
        self.how.register(cx.waker());
        self.announce();
        match ready() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}

impl<W: Wait> Bell for Doorbell<W> {
    #[inline(always)]
    fn ring(&self) {
        Doorbell::ring(self);
    }
}

/// A way of sleeping that can also wake a task: [`Async`].
pub trait Register: Wait {
    /// Remembers whom to wake: the next [`Wait::wake`] wakes it, once.
    fn register(&self, waker: &Waker);
}
