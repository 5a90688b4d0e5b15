//! How a side sleeps, and how it is woken: what every such way can.

use crate::Error;
use crate::sync::{AtomicU32, RmwU32};
use core::fmt;
use core::task::Waker;

/// The deadline passed before what was waited for came to be. Nothing was consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline passed first; nothing was lost, try again")
    }
}

impl core::error::Error for TimedOut {}

impl From<TimedOut> for Error {
    fn from(_: TimedOut) -> Self {
        Error::TimedOut
    }
}

/// What waking is on this target: the one parameter of every structure that others may wait for.
///
/// An implementation may panic, and what it was called for is then not done: no value is lost but
/// one that was to be returned, and no other side waits for this one. See [what is
/// promised](crate#what-is-promised).
///
/// ```
/// use ringway_core::sync::AtomicU32;
/// use ringway_core::wait::{BellWord, Wake};
/// /// Wakes the processor's other core.
/// struct OtherCore;
/// impl Wake for OtherCore {
///     type Word = BellWord;
///     const INIT: Self = OtherCore;
///     fn wake(&self, _word: &AtomicU32, _n: u32) { /* set the event */ }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing of how to wake those who sleep",
    note = "take `Nobody` where each side looks when it suits it, `WaitForInterrupt` on bare metal, \
            `ringway::wait::Futex` between threads, `Async` for tasks"
)]
pub trait Wake: Sized {
    /// What a doorbell counts in: a [`BellWord`] where somebody has to be woken. `()` where a
    /// waiter looks again by itself, as with [`Spin`](crate::wait::Spin), or nobody waits: ringing
    /// costs nothing then, neither a fence nor a look.
    type Word: Word;

    /// A fresh one.
    #[cfg(not(loom))]
    const INIT: Self;

    /// A fresh one. (loom's words register themselves when they are made.)
    #[cfg(loom)]
    fn init() -> Self;

    /// Wakes at most `n` of those who sleep on `word`. Safe in an interrupt and in a signal
    /// handler.
    fn wake(&self, word: &AtomicU32, n: u32);

    /// Whether the calling thread is unwinding from a panic. A guard that began to unwind while it
    /// held its lock hands the lock over as after a death: see [`lock`](crate::lock#panics). An
    /// implementation does not panic here.
    ///
    /// No is the answer of one that cannot tell: [`Spin`](crate::wait::Spin) and
    /// [`SpinClock`](crate::wait::SpinClock), as this crate knows no threads. Where a panic never
    /// unwinds, as on bare metal, it is also the right one.
    #[inline(always)]
    fn is_unwinding(&self) -> bool {
        false
    }
}

/// What sleeping is on this target: what the blocking forms need.
///
/// An implementation may wake for no reason: the caller always looks again. It must not sleep
/// through a change: when the word differs from `expected` at the call, or changes and is followed
/// by [`wake`](Wake::wake), `wait` returns.
///
/// A wait that answers [`TimedOut`] may have been woken as well. So a structure that wakes fewer
/// than all must not take the answer for a sign that its wake-up went to another sleeper: it looks
/// once more, and hands the wake-up on if it has no use for it. The locks and the
/// [`Doorbell`](crate::wait::Doorbell), which wakes all, do so.
///
/// ```
/// use ringway_core::wait::{Spin, Wait};
/// use ringway_core::sync::AtomicU32;
/// let word = AtomicU32::new(7);
/// // The word is not 6, so there is nothing to wait for.
/// assert!(Spin.wait(&word, 6, None).is_ok());
/// ```
#[diagnostic::on_unimplemented(
    message = "with `{Self}` nobody sleeps, and the forms that wait need a sleeper",
    note = "use the `try_` form, or give the structure another `W`: `WaitForInterrupt` on bare metal, \
            `ringway::wait::Futex` between threads, `Async` for tasks"
)]
pub trait Wait: Wake {
    /// A point in time, in whatever this target counts: `std::time::Instant`, timer ticks, or
    /// [`Infallible`](core::convert::Infallible) where there is no clock.
    type Deadline: Copy;

    /// How often a side looks again before it says that it is about to sleep. As long as it only
    /// looks, the other side pays for no wake-up. What is right depends on how soon the other side
    /// answers, and on whether it runs at all meanwhile: see [`record_spin`](Self::record_spin).
    #[inline(always)]
    fn spin_limit(&self) -> u32 {
        0
    }

    /// Told whether the looks were enough, for an implementation that gives fewer where they are in
    /// vain.
    #[inline(always)]
    fn record_spin(&self, _were_enough: bool) {}

    /// Sleeps while `word == expected`, at most until `deadline` (`None`: for ever). Where
    /// [`Wake::Word`] is `()`, a doorbell's word never changes, and the caller looks again after
    /// each return.
    ///
    /// # Errors
    /// [`TimedOut`] when the deadline passed.
    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Self::Deadline>,
    ) -> Result<(), TimedOut>;
}

/// A way of sleeping that can also wake a task: [`Async`](crate::wait::Async).
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no waker, and the forms for tasks need one that does",
    note = "give the structure `Async<{Self}>` as its `W`"
)]
pub trait Register: Wake {
    /// Remembers whom to wake: the next [`Wake::wake`] wakes it, once.
    fn register(&self, waker: &Waker);
}

pub(super) mod sealed {
    /// A doorbell's word, if it has one.
    pub trait Word: Sized {
        #[cfg(not(loom))]
        const INIT: Self;
        #[cfg(loom)]
        fn init() -> Self;

        fn counter(&self) -> Option<&super::BellWord>;
    }
}

/// What a [`Doorbell`](crate::wait::Doorbell) counts in: a [`BellWord`], or nothing.
pub trait Word: sealed::Word + fmt::Debug + Send + Sync {}

/// The word of a doorbell on which somebody may sleep: 4 bytes.
#[derive(Debug)]
#[repr(transparent)]
pub struct BellWord(pub(super) RmwU32);

/// Whether somebody may sleep who has to be woken, with `W`.
pub(crate) const fn needs_wake<W: Wake>() -> bool {
    size_of::<W::Word>() > 0
}

impl sealed::Word for () {
    init!(());

    #[inline(always)]
    fn counter(&self) -> Option<&BellWord> {
        None
    }
}

impl sealed::Word for BellWord {
    init!(BellWord(RmwU32::new(0)));

    #[inline(always)]
    fn counter(&self) -> Option<&BellWord> {
        Some(self)
    }
}

impl Word for () {}
impl Word for BellWord {}
