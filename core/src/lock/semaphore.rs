//! A counting semaphore, which records no holders.

use super::turn::Turn;
use crate::Error;
use crate::finally::Finally;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::wait::{Register, Spin, Wait, Wake, fresh, needs_wake};
use core::future::poll_fn;
use core::task::{Context, Poll};

/// A counting semaphore that begins with `START` permits.
///
/// The thread that gives a permit back need not be the one that took it. So a permit is no guard
/// here, and [`release`](Self::release) gives it back.
///
/// No holder is on record: what a dead process had taken stays taken, as with [`sem_post(3)`]. If
/// that must not happen, use a [`BoundedSemaphore`](super::BoundedSemaphore). If a process dies
/// between giving permits back and waking, the sleepers sleep on until their sleep ends by itself;
/// in a region that happens within the bound in which deaths are detected.
///
/// *Fairness*: no order; a caller that finds a permit takes it. Each permit that is given back
/// wakes one sleeper.
///
/// The word is the number of permits minus `START`, so that all-zero bytes mean `START` permits.
/// Bit 31 says that somebody may sleep.
///
/// ```
/// use ringway_core::lock::Semaphore;
/// static PLACES: Semaphore<2> = Semaphore::new();
/// PLACES.acquire();
/// assert!(PLACES.try_acquire().is_ok());
/// assert!(PLACES.try_acquire().is_err());
/// PLACES.release(1).unwrap();
/// assert_eq!(PLACES.permits(), 1);
/// ```
///
/// [`sem_post(3)`]: https://man7.org/linux/man-pages/man3/sem_post.3.html
#[doc(alias = "sem_t")]
#[derive(Debug)]
#[repr(C)]
pub struct Semaphore<const START: u32, W: Wake = Spin> {
    word: AtomicU32,
    how: W,
}

const WAITERS: u32 = 1 << 31;
const COUNT: u32 = WAITERS - 1;

impl<const START: u32, W: Wake> Semaphore<START, W> {
    /// Fails to compile for a semaphore that cannot work.
    pub(crate) const VALID: () = {
        assert!(START <= COUNT, "a semaphore counts to 2^31 - 1");
    };

    /// The largest number of permits, as `SEM_VALUE_MAX` on Linux.
    pub const MAX: u32 = COUNT;

    const_unless_loom! {
        /// A semaphore with `START` permits.
        ///
        /// ```compile_fail
        /// use ringway_core::lock::Semaphore;
        /// static TOO_MANY: Semaphore<0x8000_0000> = Semaphore::new();
        /// ```
        pub fn new() -> Self {
            const { Self::VALID };
            Semaphore { word: AtomicU32::new(0), how: fresh!(W) }
        }
    }

    /// The number of permits at some moment of the call.
    pub fn permits(&self) -> u32 {
        // Relaxed: an estimate; nothing is read on the strength of it.
        Self::count(self.word.load(Ordering::Relaxed))
    }

    fn count(word: u32) -> u32 {
        word.wrapping_add(START) & COUNT
    }

    /// The word for `count` permits, with the waiters' bit of `flags`.
    fn word(count: u32, flags: u32) -> u32 {
        count.wrapping_sub(START) & COUNT | flags & WAITERS
    }
}

impl<const START: u32, W: Wake> Default for Semaphore<START, W> {
    fn default() -> Self {
        Semaphore::new()
    }
}

impl<const START: u32, W: Wake> Semaphore<START, W> {
    /// Takes a permit if there is one. Never waits.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none.
    pub fn try_acquire(&self) -> Result<(), Error> {
        if self.take() { Ok(()) } else { Err(Error::WouldBlock) }
    }

    /// Takes a permit if there is one; whether there was.
    fn take(&self) -> bool {
        let next = |seen| Some(Self::word(Self::count(seen).checked_sub(1)?, seen));
        // SYNC POINT with `release`, acquire: what was done before the permit was given is seen.
        self.word.update(Ordering::Acquire, next).is_ok()
    }

    /// Gives back the permit that was just taken, without waking.
    #[cold]
    fn put_back(&self) {
        let next = |seen| {
            let count = Self::count(seen).checked_add(1).filter(|count| *count <= COUNT)?;
            Some(Self::word(count, seen))
        };
        // Relaxed: nothing was done with the permit. An exchange continues the release sequence of
        // the `release` that gave it. Where it is a critical section, the sections order all that
        // takes permits.
        let _ = self.word.update(Ordering::Relaxed, next);
    }

    /// Wakes another waiter, for a caller that took a permit: permits may be left that came without
    /// a wake-up.
    fn pass_on(&self) {
        // If waking panics, the caller does not get the permit.
        let back = Finally(|| self.put_back());
        self.how.wake(&self.word, 1);
        core::mem::forget(back);
    }

    /// Adds `permits` permits, whether or not somebody took them before. Never waits.
    ///
    /// Wakes that many waiters.
    ///
    /// # Errors
    /// [`Error::Overflow`], when there would be more than [`MAX`](Self::MAX).
    ///
    /// ```
    /// use ringway_core::{Error, lock::Semaphore};
    /// let semaphore = <Semaphore<1>>::new();
    /// assert_eq!(semaphore.release(2), Ok(()));
    /// assert_eq!(semaphore.permits(), 3);
    /// assert_eq!(semaphore.release(Semaphore::<1>::MAX), Err(Error::Overflow));
    /// ```
    #[doc(alias = "sem_post")]
    pub fn release(&self, permits: u32) -> Result<(), Error> {
        if permits == 0 {
            return Ok(());
        }
        let next = |seen| {
            let count = Self::count(seen);
            (permits <= Self::MAX - count).then(|| Self::word(count + permits, 0))
        };
        // SYNC POINT with `take`, `acquire_slow` and `poll_acquire`, release. It also reaches
        // callers that take a permit after others did: what those others do to the word are
        // exchanges, which continue this release sequence, or critical sections, each of which
        // acquires from those before it.
        let seen = self.word.update(Ordering::Release, next).map_err(|_| Error::Overflow)?;
        if seen & WAITERS != 0 {
            self.how.wake(&self.word, permits);
        }
        Ok(())
    }
}

impl<const START: u32, W: Wait> Semaphore<START, W> {
    /// Takes a permit; waits until there is one.
    pub fn acquire(&self) {
        while self.acquire_deadline(None).is_err() {}
    }

    /// Takes a permit; waits until there is one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when there was none in time; then nothing was taken.
    ///
    /// ```
    /// use ringway_core::{Error, lock::Semaphore, wait::SpinClock};
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// static NOW: AtomicU64 = AtomicU64::new(0);
    /// # struct Ticks;
    /// # impl ringway_core::wait::Clock for Ticks {
    /// #     fn now() -> u64 {
    /// #         NOW.fetch_add(1, Ordering::Relaxed)
    /// #     }
    /// # }
    /// let full = Semaphore::<0, SpinClock<Ticks>>::new();
    /// assert_eq!(full.acquire_deadline(Some(10)), Err(Error::TimedOut));
    /// full.release(1).unwrap();
    /// assert_eq!(full.acquire_deadline(Some(10)), Ok(()));
    /// ```
    pub fn acquire_deadline(&self, deadline: Option<W::Deadline>) -> Result<(), Error> {
        if self.take() { Ok(()) } else { self.acquire_slow(deadline) }
    }

    /// [`acquire_deadline`](Self::acquire_deadline) when there was no permit.
    ///
    /// No wake-up is lost. A waiter sets WAITERS before it sleeps. `release` clears WAITERS and
    /// wakes as many waiters as it gives permits. A woken waiter sets WAITERS again: before it
    /// sleeps, before it gives up at its deadline, or when it takes a permit. In the last case
    /// permits may be left that came while WAITERS was clear, without a wake-up; then it wakes
    /// another waiter.
    #[cold]
    fn acquire_slow(&self, deadline: Option<W::Deadline>) -> Result<(), Error> {
        let waiters = if needs_wake::<W>() { WAITERS } else { 0 };
        let (mut slept, mut timed_out) = (0, false);
        loop {
            let next = |seen| match Self::count(seen).checked_sub(1) {
                Some(left) => Self::word(left, seen | slept),
                None => seen | waiters,
            };
            // SYNC POINT with `release`, acquire: what was done before the permit was given is
            // seen. It always writes.
            let seen = match self.word.update(Ordering::Acquire, |seen| Some(next(seen))) {
                Ok(seen) | Err(seen) => seen,
            };
            if let Some(left) = Self::count(seen).checked_sub(1) {
                if left > 0 && slept != 0 {
                    self.pass_on();
                }
                return Ok(());
            }
            if timed_out {
                return Err(Error::TimedOut);
            }
            slept = waiters;
            // If waiting panics, another waiter gets the wake-up that this one may have used up.
            let panics = Finally(|| self.how.wake(&self.word, 1));
            timed_out = self.how.wait(&self.word, seen | waiters, deadline).is_err();
            core::mem::forget(panics);
        }
    }
}

impl<const START: u32, W: Register> Semaphore<START, W> {
    /// Polls for a permit, for a task.
    ///
    /// Cancel-safe: a task that stops polling holds nothing.
    ///
    /// ```
    /// use ringway_core::{lock::Semaphore, wait::Async};
    /// use std::task::{Context, Waker};
    /// let jobs = Semaphore::<0, Async>::new();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(jobs.poll_acquire(&mut cx).is_pending());
    /// jobs.release(1).unwrap();
    /// assert!(jobs.poll_acquire(&mut cx).is_ready());
    /// ```
    pub fn poll_acquire(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.take() {
            return Poll::Ready(());
        }
        // Others may sleep, so that WAITERS is to be set in both cases.
        let next = |seen| match Self::count(seen).checked_sub(1) {
            Some(left) => Some(Self::word(left, WAITERS)),
            None => (seen & WAITERS == 0).then_some(seen | WAITERS),
        };
        // SYNC POINT with `release`, acquire: what was done before the permit was given is seen.
        let seen = match self.word.update(Ordering::Acquire, next) {
            Ok(seen) | Err(seen) => seen,
        };
        let Some(left) = Self::count(seen).checked_sub(1) else {
            self.how.register(&self.word, seen | WAITERS, cx.waker());
            return Poll::Pending;
        };
        if left > 0 {
            self.pass_on();
        }
        Poll::Ready(())
    }

    /// [`acquire`](Self::acquire) for a task.
    ///
    /// Cancel-safe: dropped while it waits, it holds nothing, and another waiter is woken instead.
    pub fn acquire_async(&self) -> impl Future<Output = ()> {
        let mut turn = Turn::new(|| self.how.wake(&self.word, 1));
        poll_fn(move |cx| turn.kept(self.poll_acquire(cx)))
    }
}
