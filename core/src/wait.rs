//! The waiting seam: how a side sleeps, and how the other side wakes it.
//!
//! Every structure has one parameter for it, `W`, and makes its sleepers by itself from
//! [`W::INIT`](Wake::INIT):
//!
//! - [`Wake`] is what every `W` can: wake those who sleep. A structure needs no more.
//! - [`Wait`] is what its blocking forms need: sleep, until a deadline if there is one.
//! - [`Register`] is what its forms for tasks need: keep a waker.
//!
//! | `W` | who sleeps | costs | take it |
//! |---|---|---|---|
//! | [`Nobody`] | nobody: there are only the `try_` forms | nothing | where each side looks when it suits it: a main loop, an interrupt |
//! | [`Spin`] | the waiter looks again and again | nothing | where the other side runs on another core and answers soon |
//! | [`SpinClock`] | the same, and it has deadlines | nothing | the same, with a timer to read |
//! | [`WaitForInterrupt`] | the main loop or a thread on bare metal, by `wfi` | a fence for each publication, a word | where an interrupt on the same core is the other side |
//! | [`WaitForEvent`] | the same on ARM, by `wfe` | the same, and `sev` for each wake-up | where the other side may be another core |
//! | [`Async`] | up to `TASKS` tasks, and threads if its inner `W` sleeps | a fence for each publication; a word and the wakers | with an executor |
//! | `ringway::wait::Futex`, `PrivateFutex` | threads, and with the first processes that share the word | a fence for each publication, a word | in one program on Linux |
//! | `ringway::shm::RobustFutex` | the same, and it looks after participants that died | the same | in a region |
//!
//! [`Doorbell`] makes sleeping safe: a waiter that announces itself before its last look at the
//! condition cannot miss a ring. A ringer pays for a wake-up only when somebody sleeps, and for
//! nothing at all where [`Wake::Word`] says that nobody has to be woken.
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
//! # Between the look and the sleep
//!
//! In step 5 a waiter looks at the word and, if nobody rang, sleeps. On bare metal an interrupt that
//! rings between the two would go unnoticed, and the waiter would sleep although there is something.
//! The kernel closes that gap for a futex. The processors close it in two ways, with a type for each:
//!
//! - [`WaitForInterrupt`] holds interrupts back for the look and the sleep together. One that comes
//!   meanwhile stays pending, and a pending interrupt ends `wfi` although it is held back. Its
//!   handler runs as soon as the waiter lets interrupts in again.
//! - [`WaitForEvent`] holds nothing back. A Cortex-M remembers in its event register that a handler
//!   returned, or that another core executed `sev`; `wfe` then goes on at once and clears it.
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

use crate::Error;
use crate::sync::{AtomicU32, Ordering, RmwU32, const_unless_loom, fence, spin_loop};
use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;
use core::task::{Context, Poll, Waker};
use sealed::Word as _;

/// The constant of a [`Wake`], as loom's world has it too.
macro_rules! init {
    ($value:expr) => {
        #[cfg(not(loom))]
        const INIT: Self = $value;
        #[cfg(loom)]
        fn init() -> Self {
            $value
        }
    };
}

/// A fresh one of a type that [`init!`] made one for.
macro_rules! fresh {
    ($type:ty) => {{
        #[cfg(not(loom))]
        {
            <$type>::INIT
        }
        #[cfg(loom)]
        {
            <$type>::init()
        }
    }};
}
pub(crate) use fresh;

mod interrupt;
mod set;
mod tasks;
mod waker;

pub use interrupt::{WaitForEvent, WaitForInterrupt};
pub use set::WakerSet;
pub use tasks::Async;
pub use waker::WakerCell;

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
/// An implementation may panic, and what it was called for is then not done: no value is lost but one
/// that was to be returned, and no other side waits for this one. See [what is
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
    /// What a doorbell counts in: a [`BellWord`] where somebody has to be woken. `()` where a waiter
    /// looks again by itself, as with [`Spin`], or nobody waits: ringing costs nothing then, neither a
    /// fence nor a look.
    type Word: Word;

    /// A fresh one.
    #[cfg(not(loom))]
    const INIT: Self;

    /// A fresh one. (loom's words register themselves when they are made.)
    #[cfg(loom)]
    fn init() -> Self;

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

/// What sleeping is on this target: what the blocking forms need.
///
/// An implementation may wake for no reason: the caller always looks again. It must not sleep through a change:
/// when the word differs from `expected` at the call, or changes and is followed by [`wake`](Wake::wake), `wait`
/// returns.
///
/// A wait that answers [`TimedOut`] may have been woken as well. So a structure that wakes fewer
/// than all must not take the answer for a sign that its wake-up went to another sleeper: it looks
/// once more, and hands the wake-up on if it has no use for it. The locks and the [`Doorbell`],
/// which wakes all, do so.
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
    /// [`Infallible`] where there is no clock.
    type Deadline: Copy;

    /// How often a side looks again before it says that it is about to sleep. As long as it only looks, the other side pays
    /// for no wake-up. What is right depends on how soon the other side answers, and on whether it runs at all meanwhile:
    /// see [`record_spin`](Self::record_spin).
    #[inline(always)]
    fn spin_limit(&self) -> u32 {
        0
    }

    /// Told whether the looks were enough, for an implementation that gives fewer where they are in vain.
    #[inline(always)]
    fn record_spin(&self, _were_enough: bool) {}

    /// Sleeps while `word == expected`, at most until `deadline` (`None`: for ever). Where
    /// [`Wake::Word`] is `()`, a doorbell's word never changes, and the caller looks again after each
    /// return.
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

/// Nobody sleeps: each side looks when it suits it. Takes no memory and no time.
///
/// The structures have no blocking forms then:
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

/// Waits by looking again and again. No clock, hence no deadline.
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
        // Relaxed: the caller looks at its condition after this.
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
    /// The time now, in ticks: a count that never goes back. (One of 64 bits does not wrap in the
    /// life of a device.)
    fn now() -> u64;
}

/// [`Spin`] with a clock, whose ticks its deadlines count.
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
    /// One that reads `C`.
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
        // Relaxed: as in `Spin`.
        if word.load(Ordering::Relaxed) == expected {
            if deadline.is_some_and(|end| C::now() >= end) {
                return Err(TimedOut);
            }
            spin_loop();
        }
        Ok(())
    }
}

/// A way of sleeping that can also wake a task: [`Async`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no waker, and the forms for tasks need one that does",
    note = "give the structure `Async<{Self}>` as its `W`"
)]
pub trait Register: Wake {
    /// Remembers whom to wake: the next [`Wake::wake`] wakes it, once.
    fn register(&self, waker: &Waker);
}

/// One look of a side that waits for another: what `look` finds, or else why there will be nothing any more. `None` when
/// there may be.
///
/// In this order: what the other side did before it went is seen by the look after one saw that it went.
#[inline]
pub(crate) fn look_or_end<S: ?Sized, R>(
    side: &mut S,
    mut look: impl FnMut(&mut S) -> Option<R>,
    ended: impl FnOnce(&S) -> Option<R>,
) -> Option<R> {
    if let Some(found) = look(side) {
        return Some(found);
    }
    let end = ended(side)?;
    Some(look(side).unwrap_or(end))
}

/// Awaits what `poll` answers, and makes of it what borrows from `side`.
///
/// Not an `async fn`: the compiler gives those a panic for a poll after the end. This one never answers again.
pub(crate) fn lend_until<'s, S: ?Sized, R, L>(
    side: &'s mut S,
    mut poll: impl FnMut(&mut S, &mut Context<'_>) -> Poll<R>,
    mut lend: impl FnMut(&'s mut S, R) -> L,
) -> impl Future<Output = L> {
    let mut side = Some(side);
    core::future::poll_fn(move |cx| {
        let Some(this) = side.take() else { return Poll::Pending };
        match poll(this, cx) {
            Poll::Ready(answer) => Poll::Ready(lend(this, answer)),
            Poll::Pending => {
                side = Some(this);
                Poll::Pending
            }
        }
    })
}

mod sealed {
    /// A doorbell's word, if it has one.
    pub trait Word: Sized {
        #[cfg(not(loom))]
        const INIT: Self;
        #[cfg(loom)]
        fn init() -> Self;

        fn counter(&self) -> Option<&super::BellWord>;
    }
}

/// What a [`Doorbell`] counts in: a [`BellWord`], or nothing.
pub trait Word: sealed::Word + fmt::Debug + Send + Sync {}

/// The word of a doorbell on which somebody may sleep: 4 bytes.
#[derive(Debug)]
#[repr(transparent)]
pub struct BellWord(RmwU32);

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

/// What a side sleeps on: see the [module](self) for the protocol and why it loses no wake-up.
///
/// Any number of waiters and ringers. 4 bytes and the size of `W`; without the 4 bytes where nobody has to be woken.
///
/// ```
/// use ringway_core::wait::{Doorbell, Spin};
/// use std::sync::atomic::{AtomicBool, Ordering};
/// let bell = Doorbell::<Spin>::new();
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
pub struct Doorbell<W: Wake> {
    word: W::Word,
    how: W,
}

/// Bit 0 of the word: somebody may be asleep.
const SLEEPER: u32 = 1;

impl<W: Wake> Doorbell<W> {
    const_unless_loom! {
        /// A doorbell on which one sleeps as `W` says.
        pub fn new() -> Self {
            Doorbell { word: fresh!(W::Word), how: fresh!(W) }
        }
    }
}

impl<W: Wake> Default for Doorbell<W> {
    fn default() -> Self {
        Doorbell::new()
    }
}

impl<W: Wake> Doorbell<W> {
    /// Wakes whoever sleeps. Call it after the change is published; costs a fence and a load when nobody sleeps, and
    /// nothing where nobody has to be woken ([`Wake::Word`]). Safe in an interrupt and in a signal handler if
    /// [`Wake::wake`] is.
    #[inline(always)]
    pub fn ring(&self) {
        let Some(word) = self.word.counter() else { return };
        // Partner: the fence in `announce`. Either this one is first, and the waiter's second look sees what was
        // published before it, or that one is, and the load below sees the waiter's bit.
        fence(Ordering::SeqCst);
        let seen = word.0.load(Ordering::Relaxed);
        if seen & SLEEPER != 0 {
            self.ring_slow(word, seen);
        }
    }

    #[cold]
    fn ring_slow(&self, word: &BellWord, seen: u32) {
        // Odd + 1: the bit is cleared and the count goes up in one step. Should it fail, another ringer was
        // faster: the waiter it woke announces itself anew, behind our fence, and so sees our publication.
        if word
            .0
            .compare_exchange(seen, seen.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
        {
            self.how.wake(word.0.as_atomic(), u32::MAX);
        }
    }

    /// Wakes all sleepers, whether the word says that there are any or not. Recovery calls it
    /// instead of [`ring`](Self::ring), after the change: the dead participant may have cleared the
    /// bit (d) and not come to the wake-up (e).
    pub(crate) fn wake_all(&self) {
        let Some(word) = self.word.counter() else { return };
        // Release, where `ring` needs more: this looks at nothing. Partner: the fence in `announce`,
        // with the count between the two. A waiter that announces itself on the new count sees the
        // change in its look. One that did before sleeps and is woken, or compares the word after the
        // count went up, does not fall asleep, and announces itself anew.
        fence(Ordering::Release);
        // + 2: the count goes up, and the bit stays for those that announced themselves since.
        word.0.fetch_add(2, Ordering::Relaxed);
        self.how.wake(word.0.as_atomic(), u32::MAX);
    }

    /// Says that this side is about to sleep. After it, look once more; sleep only on the value returned.
    #[inline]
    fn announce(&self) -> u32 {
        // Where there is no word nobody will ring, and nobody sleeps through anything.
        let Some(word) = self.word.counter() else { return 0 };
        let ticket = word.0.fetch_or(SLEEPER, Ordering::Relaxed) | SLEEPER;
        // Partner: the fence in `ring`.
        fence(Ordering::SeqCst);
        ticket
    }
}

impl<W: Wait> Doorbell<W> {
    /// Looks as often as `W` has patience for, before anybody is told.
    #[inline]
    fn look_again<R>(&self, mut ready: impl FnMut() -> Option<R>) -> Option<R> {
        let looks = self.how.spin_limit();
        if looks == 0 {
            return None;
        }
        let answer = (0..looks).find_map(|_| {
            spin_loop();
            ready()
        });
        self.how.record_spin(answer.is_some());
        answer
    }

    /// Sleeps on the word, while it is `ticket`.
    #[inline]
    fn sleep(&self, ticket: u32, deadline: Option<W::Deadline>) -> Result<(), TimedOut> {
        match self.word.counter() {
            Some(word) => self.how.wait(word.0.as_atomic(), ticket, deadline),
            None => self.how.wait(&AtomicU32::new(ticket), ticket, deadline),
        }
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
            if self.sleep(ticket, deadline).is_err() {
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
