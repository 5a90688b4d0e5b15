//! The doorbell: the protocol by which no wake-up is lost.

use super::how::sealed::Word as _;
use super::how::{BellWord, Register, TimedOut, Wait, Wake};
use crate::sync::{AtomicU32, Ordering, const_unless_loom, fence, spin_loop};
use core::task::{Context, Poll};

/// The word a side sleeps on, with a protocol that loses no wake-up.
///
/// The [module](crate::wait) describes the protocol. Any number of waiters and ringers may use one
/// doorbell. It takes the size of `W` and 4 bytes for the word; no word where nobody has to be
/// woken.
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
        /// A doorbell on which sides sleep as `W` says.
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
    /// Wakes those who sleep. Call it after you published the change.
    ///
    /// Costs a fence and a load when nobody sleeps, and nothing where nobody has to be woken
    /// ([`Wake::Word`]). Safe in an interrupt and in a signal handler if [`Wake::wake`] is.
    #[inline(always)]
    pub fn ring(&self) {
        let Some(word) = self.word.counter() else { return };
        // Partner: the fence in `announce`. If this fence is first, the waiter's second check sees
        // what was published before it. If the other is first, the load below sees the waiter's
        // bit.
        fence(Ordering::SeqCst);
        let seen = word.0.load(Ordering::Relaxed);
        if seen & SLEEPER != 0 {
            self.ring_slow(word, seen);
        }
    }

    #[cold]
    fn ring_slow(&self, word: &BellWord, seen: u32) {
        // The word is odd, so + 1 clears the bit and counts in one step. If the exchange fails,
        // another ringer was faster. The waiter that it woke announces itself anew, behind our
        // fence, and so sees our publication.
        if word
            .0
            .compare_exchange(seen, seen.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
        {
            self.how.wake(word.0.as_atomic(), u32::MAX);
        }
    }

    /// The word, for code that looks whether there is somebody to be woken; null without a word.
    #[cfg(not(loom))]
    pub(crate) fn word_ptr(&self) -> *const AtomicU32 {
        self.word.counter().map_or(core::ptr::null(), |word| word.0.as_atomic())
    }

    /// Wakes all sleepers, whether or not the word says that there are any.
    ///
    /// Recovery calls it instead of [`ring`](Self::ring), after the change: the dead participant
    /// may have cleared the bit (step d) without waking anybody (step e).
    pub(crate) fn wake_all(&self) {
        let Some(word) = self.word.counter() else { return };
        // Partner: the fence in `announce`, through the count. Release is enough here; `ring` needs
        // more because it reads the word afterwards, and this function does not. A waiter that
        // announces itself on the new count sees the change in its second check. A waiter that
        // announced itself before is either asleep, and woken; or it compares the word after the
        // count went up, does not fall asleep, and announces itself anew.
        fence(Ordering::Release);
        // + 2: counts, and keeps the bit for those that announced themselves since.
        word.0.fetch_add(2, Ordering::Relaxed);
        self.how.wake(word.0.as_atomic(), u32::MAX);
    }

    /// Announces that this side is about to sleep; returns the word to sleep on.
    ///
    /// Check the condition once more after it. Sleep only while the word has the returned value.
    #[inline]
    fn announce(&self) -> u32 {
        // Without a word nobody rings, and nobody can sleep through a ring.
        let Some(word) = self.word.counter() else { return 0 };
        let ticket = word.0.fetch_or(SLEEPER, Ordering::Relaxed) | SLEEPER;
        // Partner: the fence in `ring`.
        fence(Ordering::SeqCst);
        ticket
    }

    /// Checks the condition up to `spin_limit` times before the side announces itself.
    #[inline]
    fn spin_for<R>(&self, mut ready: impl FnMut() -> Option<R>) -> Option<R> {
        let limit = self.how.spin_limit();
        if limit == 0 {
            return None;
        }
        let answer = (0..limit).find_map(|_| {
            spin_loop();
            ready()
        });
        self.how.record_spin(answer.is_some());
        answer
    }
}

impl<W: Wait> Doorbell<W> {
    /// Sleeps while the word is `ticket`.
    #[inline]
    fn sleep(&self, ticket: u32, deadline: Option<W::Deadline>) -> Result<(), TimedOut> {
        match self.word.counter() {
            Some(word) => self.how.wait(word.0.as_atomic(), ticket, deadline),
            None => self.how.wait(&AtomicU32::new(ticket), ticket, deadline),
        }
    }

    /// Sleeps until `ready` returns `Some`, and returns its content.
    ///
    /// Calls `ready` at least once, and once more after the deadline passed. So a deadline in the
    /// past makes this a plain check.
    ///
    /// # Errors
    /// [`TimedOut`] if the deadline passed and `ready` still returned `None`.
    pub fn wait_until<R>(
        &self,
        deadline: Option<W::Deadline>,
        mut ready: impl FnMut() -> Option<R>,
    ) -> Result<R, TimedOut> {
        loop {
            if let Some(answer) = ready().or_else(|| self.spin_for(&mut ready)) {
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
    /// The form of [`wait_until`](Self::wait_until) that a task polls.
    ///
    /// `Pending` means that the next ring wakes the task. As many tasks at a time can wait as `W`
    /// keeps wakers, see [`Async`](crate::wait::Async); a ring wakes all of them. If one more
    /// comes, it replaces the waker of another task and wakes that task; the two then wake each
    /// other in turn.
    ///
    /// Cancel-safe: a task that stops polling takes nothing with it. It leaves a waker behind,
    /// which costs one needless wake-up.
    pub fn poll_until<R>(
        &self,
        cx: &mut Context<'_>,
        mut ready: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        if let Some(answer) = ready().or_else(|| self.spin_for(&mut ready)) {
            return Poll::Ready(answer);
        }
        // As a thread does: announce, check again, and sleep unless the word has changed since.
        let ticket = self.announce();
        if let Some(answer) = ready() {
            return Poll::Ready(answer);
        }
        match self.word.counter() {
            Some(word) => self.how.register(word.0.as_atomic(), ticket, cx.waker()),
            // Nobody rings, and the task checks again at once.
            None => cx.waker().wake_by_ref(),
        }
        Poll::Pending
    }
}
