//! What a side sleeps on: the protocol by which no wake-up is lost.

use super::how::sealed::Word as _;
use super::how::{BellWord, Register, TimedOut, Wait, Wake};
use crate::sync::{AtomicU32, Ordering, const_unless_loom, fence, spin_loop};
use core::task::{Context, Poll};

/// What a side sleeps on: see the [module](crate::wait) for the protocol and why it loses no
/// wake-up.
///
/// Any number of waiters and ringers. 4 bytes and the size of `W`; without the 4 bytes where nobody
/// has to be woken.
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
    /// Wakes whoever sleeps. Call it after the change is published; costs a fence and a load when
    /// nobody sleeps, and nothing where nobody has to be woken ([`Wake::Word`]). Safe in an
    /// interrupt and in a signal handler if [`Wake::wake`] is.
    #[inline(always)]
    pub fn ring(&self) {
        let Some(word) = self.word.counter() else { return };
        // Partner: the fence in `announce`. Either this one is first, and the waiter's second look
        // sees what was published before it, or that one is, and the load below sees the waiter's
        // bit.
        fence(Ordering::SeqCst);
        let seen = word.0.load(Ordering::Relaxed);
        if seen & SLEEPER != 0 {
            self.ring_slow(word, seen);
        }
    }

    #[cold]
    fn ring_slow(&self, word: &BellWord, seen: u32) {
        // Odd + 1: the bit is cleared and the count goes up in one step. Should it fail, another
        // ringer was faster: the waiter it woke announces itself anew, behind our fence, and so
        // sees our publication.
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
        // Release, where `ring` needs more: this looks at nothing. Partner: the fence in
        // `announce`, with the count between the two. A waiter that announces itself on the new
        // count sees the change in its look. One that did before sleeps and is woken, or compares
        // the word after the count went up, does not fall asleep, and announces itself anew.
        fence(Ordering::Release);
        // + 2: the count goes up, and the bit stays for those that announced themselves since.
        word.0.fetch_add(2, Ordering::Relaxed);
        self.how.wake(word.0.as_atomic(), u32::MAX);
    }

    /// Says that this side is about to sleep. After it, look once more; sleep only on the value
    /// returned.
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

    /// Sleeps until `ready` answers, and returns the answer. `ready` is called at least once, and
    /// once more when the deadline has passed, so that a deadline of the past is a plain look.
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
    /// when the doorbell rings. As many tasks at a time as `W` has places for, see
    /// [`Async`](crate::wait::Async); a ring wakes all of them. One more takes the place of
    /// another, which is woken so that it notices, and the two then wake each other in turn.
    ///
    /// Cancel-safe: a task that stops polling leaves a waker behind, which costs one needless
    /// wake-up, and takes nothing with it.
    pub fn poll_until<R>(
        &self,
        cx: &mut Context<'_>,
        mut ready: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        if let Some(answer) = ready() {
            return Poll::Ready(answer);
        }
        // Register, then announce, then look: a ringer that sees the bit finds the waker, or it
        // came so early that registering acquired what it had published (see `WakerCell`), and the
        // look below sees that.
        self.how.register(cx.waker());
        self.announce();
        match ready() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}
