//! A count of permits, with nobody's name on them.

use crate::Error;
use crate::finally::Finally;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::wait::{Register, Spin, Wait, Wake, fresh, needs_wake};
use core::future::poll_fn;
use core::task::{Context, Poll};

/// A counting semaphore that begins with `START` permits. Who gives a permit back need not be the
/// one who took it: so a permit is a number here, and [`release`](Self::release) gives it back.
///
/// Nobody is on record: what one who died had taken stays taken, as with [`sem_post(3)`]. Where
/// that must not be, use a [`BoundedSemaphore`](super::BoundedSemaphore). One that dies between
/// giving permits back and waking leaves those that sleep asleep until their sleep ends by itself;
/// in a region it does so within the bound in which deaths are detected.
///
/// *Fairness*: none in order; whoever comes when there is a permit takes it. Each permit that is
/// given back wakes one that sleeps.
///
/// The word is the number of permits less `START`, so that all-zero bytes have `START` of them, and
/// bit 31 says that somebody may sleep.
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
    /// Refuses what cannot work when the program is compiled.
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

    /// How many permits there are: at this moment, which is past when this returns.
    pub fn permits(&self) -> u32 {
        // Relaxed: a guess by nature.
        Self::count(self.word.load(Ordering::Relaxed))
    }

    fn count(word: u32) -> u32 {
        word.wrapping_add(START) & COUNT
    }

    /// `count` permits, and of `flags` whether somebody may sleep.
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
    /// Takes a permit, if there is one. Never waits.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none.
    pub fn try_acquire(&self) -> Result<(), Error> {
        if self.take() { Ok(()) } else { Err(Error::WouldBlock) }
    }

    /// Whether there was a permit, which is taken then.
    fn take(&self) -> bool {
        // Relaxed: what is seen is exchanged only if it is still so.
        let mut seen = self.word.load(Ordering::Relaxed);
        while let Some(left) = Self::count(seen).checked_sub(1) {
            // SYNC POINT A, acquire: with the release in `release`. What was done before a permit
            // came is seen.
            match self.word.compare_exchange(
                seen,
                Self::word(left, seen),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Gives back the permit that was just taken, and wakes nobody.
    #[cold]
    fn put_back(&self) {
        // Relaxed: what is seen is exchanged only if it is still so.
        let mut seen = self.word.load(Ordering::Relaxed);
        while let Some(count) = Self::count(seen).checked_add(1).filter(|count| *count <= COUNT) {
            // Relaxed, both: nothing was done with the permit, and an exchange passes on the
            // release that it came with.
            match self.word.compare_exchange(
                seen,
                Self::word(count, seen),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Gives `permits` permits, whoever took them, if anybody did. Never waits. Wakes as many of
    /// those that wait.
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
        // Relaxed: what is seen is exchanged only if it is still so.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let count = Self::count(seen);
            if permits > Self::MAX - count {
                return Err(Error::Overflow);
            }
            // SYNC POINT A, release: with the acquire in `take` and `acquire_slow`. It counts for
            // those that take a permit after others did, too: what they do in between are
            // exchanges.
            match self.word.compare_exchange(
                seen,
                Self::word(count + permits, 0),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    if seen & WAITERS != 0 {
                        self.how.wake(&self.word, permits);
                    }
                    return Ok(());
                }
                Err(now) => seen = now,
            }
        }
    }
}

impl<const START: u32, W: Wait> Semaphore<START, W> {
    /// Takes a permit; waits for one.
    pub fn acquire(&self) {
        while self.acquire_deadline(None).is_err() {}
    }

    /// Takes a permit; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when there was none. Nothing was taken.
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

    /// No wake-up is lost. Who sleeps has set WAITERS. It goes when permits come, and as many are
    /// woken as came. One that was woken sets it again, before it sleeps, before it gives up at its
    /// deadline, or when it takes a permit; and in the last case, if it leaves permits that came
    /// without waking anybody while the bit was gone, it wakes another.
    #[cold]
    fn acquire_slow(&self, deadline: Option<W::Deadline>) -> Result<(), Error> {
        let waiters = if needs_wake::<W>() { WAITERS } else { 0 };
        let (mut slept, mut timed_out) = (0, false);
        // Relaxed, here and below: what is seen is exchanged only if it is still so.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            if let Some(left) = Self::count(seen).checked_sub(1) {
                // SYNC POINT A, as above.
                match self.word.compare_exchange(
                    seen,
                    Self::word(left, seen | slept),
                    Ordering::Acquire,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => {
                        if left > 0 && slept != 0 {
                            // The caller does not get the permit, should this panic.
                            let back = Finally(|| self.put_back());
                            self.how.wake(&self.word, 1);
                            core::mem::forget(back);
                        }
                        return Ok(());
                    }
                    Err(now) => seen = now,
                }
                continue;
            }
            // Relaxed: the bit is about this word alone.
            let announced = self.word.compare_exchange(
                seen,
                seen | waiters,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if let Err(now) = announced {
                seen = now;
                continue;
            }
            if timed_out {
                return Err(Error::TimedOut);
            }
            slept = waiters;
            // Should waiting panic: the wake-up that it may have taken goes to another.
            let panics = Finally(|| self.how.wake(&self.word, 1));
            timed_out = self.how.wait(&self.word, seen | waiters, deadline).is_err();
            core::mem::forget(panics);
            seen = self.word.load(Ordering::Relaxed);
        }
    }
}

impl<const START: u32, W: Register> Semaphore<START, W> {
    /// The task's form of [`acquire`](Self::acquire). Cancel-safe: a task that stops polling takes
    /// nothing with it.
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
        // Register, then announce: who gives a permit sees WAITERS and finds the waker, or came so
        // early that registering acquired what it had published (see `WakerCell`), and the permit
        // is seen.
        self.how.register(cx.waker());
        // Relaxed: what is seen is exchanged only if it is still so.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let left = Self::count(seen).checked_sub(1);
            if left.is_none() && seen & WAITERS != 0 {
                return Poll::Pending;
            }
            // Others may sleep, so that WAITERS is set in both cases.
            let next = left.map_or(seen | WAITERS, |left| Self::word(left, WAITERS));
            // SYNC POINT A, as above.
            match self.word.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {}
                Err(now) => {
                    seen = now;
                    continue;
                }
            }
            let Some(left) = left else { return Poll::Pending };
            if left > 0 {
                // As in `acquire_slow`.
                let back = Finally(|| self.put_back());
                self.how.wake(&self.word, 1);
                core::mem::forget(back);
            }
            return Poll::Ready(());
        }
    }

    /// [`acquire`](Self::acquire) for a task. Cancel-safe.
    pub fn acquire_async(&self) -> impl Future<Output = ()> {
        poll_fn(move |cx| self.poll_acquire(cx))
    }
}
