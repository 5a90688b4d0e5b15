//! A counting semaphore, which records no holders.

use super::turn::Turn;
use crate::Error;
use crate::finally::Finally;
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::wait::{Register, Spin, Wait, Wake, fresh, needs_wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
use core::future::poll_fn;
#[cfg(not(loom))]
use core::ptr::NonNull;
use core::task::{Context, Poll};

/// A counting semaphore that begins with `START` permits. See [`SemaphoreInner`].
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
#[doc(alias = "sem_t")]
pub type Semaphore<const START: usize, W = Spin> = SemaphoreInner<[(); START], W>;

/// A [`Semaphore`] whose number of permits at first is known when the program runs.
///
/// `&Semaphore<START, W>` coerces to a reference to it. To create one on the heap or in memory of
/// the caller, see [`InMemory`](crate::storage::InMemory).
///
/// ```
/// use ringway_core::lock::{Semaphore, SemaphoreView};
/// fn all(places: &SemaphoreView) -> usize {
///     std::iter::from_fn(|| places.try_acquire().ok()).count()
/// }
/// assert_eq!(all(&Semaphore::<3>::new()), 3);
/// ```
pub type SemaphoreView<W = Spin> = SemaphoreInner<[()], W>;

/// The type behind [`Semaphore`] and [`SemaphoreView`]: a count that records no holders.
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
/// The word is the number of permits minus that at first, so that all-zero bytes mean as many
/// permits as at first. Bit 31 says that somebody may sleep. The number at first takes no memory.
///
/// [`sem_post(3)`]: https://man7.org/linux/man-pages/man3/sem_post.3.html
#[repr(C)]
pub struct SemaphoreInner<S: AsRef<[()]> + ?Sized, W: Wake> {
    word: AtomicU32,
    how: W,
    /// As many as there are permits at first.
    start: S,
}

const WAITERS: u32 = 1 << 31;
const COUNT: u32 = WAITERS - 1;

impl<const START: usize, W: Wake> Semaphore<START, W> {
    /// Fails to compile for a semaphore that cannot work.
    pub(crate) const VALID: () = {
        assert!(START <= COUNT as usize, "a semaphore counts to 2^31 - 1");
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
            SemaphoreInner { word: AtomicU32::new(0), how: fresh!(W), start: [(); START] }
        }
    }
}

impl<const START: usize, W: Wake> Default for Semaphore<START, W> {
    fn default() -> Self {
        Semaphore::new()
    }
}

impl<S: AsRef<[()]> + ?Sized, W: Wake> fmt::Debug for SemaphoreInner<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("permits", &self.permits()).finish_non_exhaustive()
    }
}

// SAFETY: `from_raw` points to `at`, and the layout is that of this `repr(C)` type: the word, then
// `W`, and permits without bytes. `init_at` writes both.
#[cfg(not(loom))]
unsafe impl<W: Wake> InMemory for SemaphoreView<W> {
    fn layout(start: usize) -> Option<Layout> {
        (start <= COUNT as usize).then(Layout::new::<Semaphore<0, W>>)
    }

    fn from_raw(at: NonNull<u8>, start: usize) -> Option<NonNull<Self>> {
        Self::layout(start)?;
        NonNull::new(storage::slice(at, start) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, start: usize) -> Option<NonNull<Self>> {
        let semaphore = Self::from_raw(at, start)?;
        let fresh = at.cast::<Semaphore<0, W>>();
        // SAFETY: the caller guarantees memory of `layout(start)` at `at`, aligned, which nobody
        // else uses. Every semaphore has the same bytes.
        unsafe { fresh.write(Semaphore::new()) };
        Some(semaphore)
    }
}

impl<S: AsRef<[()]> + ?Sized, W: Wake> SemaphoreInner<S, W> {
    /// The number of permits at first.
    #[inline(always)]
    fn start(&self) -> u32 {
        // At most COUNT: `VALID` and `layout` see to it.
        self.start.as_ref().len() as u32
    }

    /// The number of permits at some moment of the call.
    pub fn permits(&self) -> u32 {
        // Relaxed: an estimate; nothing is read on the strength of it.
        self.count(self.word.load(Ordering::Relaxed))
    }

    fn count(&self, word: u32) -> u32 {
        word.wrapping_add(self.start()) & COUNT
    }

    /// The word for `count` permits, with the waiters' bit of `flags`.
    fn word(&self, count: u32, flags: u32) -> u32 {
        count.wrapping_sub(self.start()) & COUNT | flags & WAITERS
    }

    /// Takes a permit if there is one. Never waits.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none.
    pub fn try_acquire(&self) -> Result<(), Error> {
        if self.take() { Ok(()) } else { Err(Error::WouldBlock) }
    }

    /// Takes a permit if there is one; whether there was.
    fn take(&self) -> bool {
        let next = |seen| Some(self.word(self.count(seen).checked_sub(1)?, seen));
        // SYNC POINT with `release`, acquire: what was done before the permit was given is seen.
        self.word.update(Ordering::Acquire, next).is_ok()
    }

    /// Gives back the permit that was just taken, without waking.
    #[cold]
    fn put_back(&self) {
        let next = |seen| {
            let count = self.count(seen).checked_add(1).filter(|count| *count <= COUNT)?;
            Some(self.word(count, seen))
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
    /// [`Error::Overflow`], when there would be more than [`MAX`](Semaphore::MAX).
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
            let count = self.count(seen);
            (permits <= COUNT - count).then(|| self.word(count + permits, 0))
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

impl<S: AsRef<[()]> + ?Sized, W: Wait> SemaphoreInner<S, W> {
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
            let next = |seen| match self.count(seen).checked_sub(1) {
                Some(left) => self.word(left, seen | slept),
                None => seen | waiters,
            };
            // SYNC POINT with `release`, acquire: what was done before the permit was given is
            // seen. It always writes.
            let seen = match self.word.update(Ordering::Acquire, |seen| Some(next(seen))) {
                Ok(seen) | Err(seen) => seen,
            };
            if let Some(left) = self.count(seen).checked_sub(1) {
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

impl<S: AsRef<[()]> + ?Sized, W: Register> SemaphoreInner<S, W> {
    /// Polls for a permit, for a task.
    ///
    /// Cancel-safe: a task that stops polling holds nothing. But it may have been woken in place of
    /// another, and only [`acquire_async`](Self::acquire_async) passes that on.
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
        // Whether the task has waited before, nobody knows.
        self.poll(true, cx)
    }

    /// `waited`: whether the task may have been woken. If it was, others may sleep that were not.
    fn poll(&self, waited: bool, cx: &mut Context<'_>) -> Poll<()> {
        if !waited && self.take() {
            return Poll::Ready(());
        }
        // Others may sleep, so that WAITERS is to be set in both cases.
        let next = |seen| match self.count(seen).checked_sub(1) {
            Some(left) => Some(self.word(left, WAITERS)),
            None => (seen & WAITERS == 0).then_some(seen | WAITERS),
        };
        // SYNC POINT with `release`, acquire: what was done before the permit was given is seen.
        let seen = match self.word.update(Ordering::Acquire, next) {
            Ok(seen) | Err(seen) => seen,
        };
        let Some(left) = self.count(seen).checked_sub(1) else {
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
        let mut turn = Turn::new(|| self.how.pass_on(&self.word));
        poll_fn(move |cx| turn.kept(self.poll(turn.waits(), cx)))
    }
}
