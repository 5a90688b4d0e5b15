//! The traits of waiting: [`Wake`], [`Wait`] and [`Register`].

use crate::Error;
use crate::sync::{AtomicU32, RmwU32};
use core::fmt;
use core::task::Waker;

/// The deadline passed first. Nothing was consumed.
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

/// A way to wake those who sleep: the `W` of every structure that others may wait for.
///
/// An implementation may panic. What it was called for is then not done. No value is lost but one
/// that the call was about to return, and no other side waits for this one. See [what is
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
    /// The word of a doorbell: [`BellWord`] where somebody has to be woken, `()` elsewhere.
    ///
    /// Use `()` where a waiter polls by itself, as with [`Spin`](crate::wait::Spin), or where
    /// nobody waits. Ringing then costs nothing, neither a fence nor a load.
    type Word: Word;

    /// A fresh value.
    #[cfg(not(loom))]
    const INIT: Self;

    /// A fresh value. (Not a constant: loom registers its atomics when they are made.)
    #[cfg(loom)]
    fn init() -> Self;

    /// Wakes at most `n` of those who sleep on `word`.
    ///
    /// Must be safe to call in an interrupt and in a signal handler.
    fn wake(&self, word: &AtomicU32, n: u32);

    /// Whether the calling thread is unwinding from a panic.
    ///
    /// A guard that began to unwind while it held its lock hands the lock over as after a death:
    /// see [`lock`](crate::lock#panics). An implementation must not panic here.
    ///
    /// An implementation that cannot tell returns `false`. [`Spin`](crate::wait::Spin) and
    /// [`SpinClock`](crate::wait::SpinClock) do, because this crate knows no threads. Where a panic
    /// never unwinds, as on bare metal, `false` is the right answer.
    #[inline(always)]
    fn is_unwinding(&self) -> bool {
        false
    }

    /// How often a side checks again before it announces that it is about to sleep.
    ///
    /// Until the announcement, the other side pays for no wake-up. The right number depends on how
    /// soon the other side answers, and on whether it runs at the same time: see
    /// [`record_spin`](Self::record_spin).
    #[inline(always)]
    fn spin_limit(&self) -> u32 {
        0
    }

    /// Records whether the repeated checks were enough.
    ///
    /// An implementation may use it to lower [`spin_limit`](Self::spin_limit) where they are in
    /// vain.
    #[inline(always)]
    fn record_spin(&self, _were_enough: bool) {}
}

/// A way to sleep: the blocking forms need it.
///
/// An implementation may wake for no reason: the caller always checks again. It must not sleep
/// through a change. `wait` returns when the word differs from `expected` at the call, and when the
/// word changes and [`wake`](Wake::wake) follows.
///
/// A wait that returns [`TimedOut`] may have been woken as well. So a structure that wakes fewer
/// than all must not conclude that its wake-up went to another sleeper. It checks once more, and
/// hands the wake-up on if it has no use for it. The locks do so, and so does the
/// [`Doorbell`](crate::wait::Doorbell), which wakes all.
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
    /// A point in time, in the units of this target.
    ///
    /// For example `std::time::Instant`, timer ticks, or [`Infallible`](core::convert::Infallible)
    /// where there is no clock.
    type Deadline: Copy;

    /// Sleeps while `word == expected`, at most until `deadline` (`None`: for ever).
    ///
    /// Where [`Wake::Word`] is `()`, a doorbell's word never changes, and the caller checks again
    /// after each return.
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

/// A way to have a task woken: [`Async`](crate::wait::Async), and in a region of the shim
/// `RobustFutex`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` wakes no tasks, and the forms for tasks need one that does",
    note = "give the structure `Async<{Self}>` as its `W`"
)]
pub trait Register: Wake {
    /// Has the task of `waker` woken, once: at once if `word` is not `expected`, else when the word
    /// changes and [`wake`](Wake::wake) follows.
    ///
    /// It is [`Wait::wait`] for a task. An implementation may wake for no reason: the task always
    /// checks again. It must not sleep through a change.
    fn register(&self, word: &AtomicU32, expected: u32, waker: &Waker);

    /// Passes a wake-up on: a task that registered for `word` gives up.
    ///
    /// It may have been the only one that was woken, or may be the only one that will be. So it
    /// wakes another sleeper, if there is one. The locks call it when a future is dropped while it
    /// waits. Where a wake-up is for all, nobody needs to.
    ///
    /// An implementation that keeps the wakers outside of the word forgets them here, or the next
    /// wake-up may go to a task that is gone.
    fn pass_on(&self, word: &AtomicU32) {
        self.wake(word, 1);
    }
}

pub(super) mod sealed {
    /// The doorbell's word, if it has one.
    pub trait Word: Sized {
        #[cfg(not(loom))]
        const INIT: Self;
        #[cfg(loom)]
        fn init() -> Self;

        fn counter(&self) -> Option<&super::BellWord>;
    }
}

/// The word of a [`Doorbell`](crate::wait::Doorbell): a [`BellWord`], or nothing.
pub trait Word: sealed::Word + fmt::Debug + Send + Sync {}

/// The word of a doorbell on which somebody may sleep: 4 bytes.
#[derive(Debug)]
#[repr(transparent)]
pub struct BellWord(pub(super) RmwU32);

/// Whether, with `W`, there may be sleepers that have to be woken.
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
