//! Permits with their holders on record.

use super::Handle;
use super::word::{self, HOLDER};
use crate::Error;
use crate::participant::Participant;
use crate::sync::{AtomicU32, Ordering, array_of, const_unless_loom, worth_a_try};
use crate::wait::{Doorbell, Spin, Wait, Wake};
use core::mem::ManuallyDrop;
#[cfg(not(loom))]
use core::ptr::NonNull;

/// A semaphore of `N` permits that knows who holds each: there are never more, and those of one that died come back.
///
/// *Fairness*: none in order; whoever comes when there is a permit takes it. All that wait are woken when one comes
/// back, so that one that dies on the way delays nobody.
///
/// Memory: 4 bytes a permit and 4 bytes. To take one looks at each in turn: meant for tens of permits.
///
/// ```
/// use ringway_core::lock::BoundedSemaphore;
/// use ringway_core::wait::Spin;
/// static PLACES: BoundedSemaphore<2> = BoundedSemaphore::new(Spin);
/// let first = PLACES.acquire();
/// let second = PLACES.try_acquire().unwrap();
/// assert!(PLACES.try_acquire().is_none());
/// drop(first);
/// assert_eq!(PLACES.permits(), 1);
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct BoundedSemaphore<const N: usize, W: Wake = Spin> {
    bell: Doorbell<W>,
    /// Each: 0, or its holder's name, with KEPT if no [`Permit`] stands for it.
    permits: [AtomicU32; N],
}

const FREE: u32 = 0;
const KEPT: u32 = 1 << 31;

impl<const N: usize, W: Wake> BoundedSemaphore<N, W> {
    /// Refuses what cannot work when the program is compiled.
    pub(crate) const VALID: () = {
        assert!(N > 0, "a bounded semaphore needs a permit");
    };

    const_unless_loom! {
        /// A semaphore with all its permits, on which one sleeps as `how` says.
        ///
        /// ```compile_fail
        /// use ringway_core::{lock::BoundedSemaphore, wait::Spin};
        /// static NONE: BoundedSemaphore<0> = BoundedSemaphore::new(Spin);
        /// ```
        pub fn new(how: W) -> Self {
            const { Self::VALID };
            BoundedSemaphore { bell: Doorbell::with(how), permits: array_of!(AtomicU32::new(FREE); N) }
        }
    }

    /// How many permits are free, more or less: others take and give back meanwhile.
    pub fn permits(&self) -> usize {
        // Relaxed: a guess by nature.
        self.permits.iter().filter(|permit| permit.load(Ordering::Relaxed) == FREE).count()
    }
}

impl<const N: usize, W: Wake + Default> Default for BoundedSemaphore<N, W> {
    fn default() -> Self {
        BoundedSemaphore::new(W::default())
    }
}

impl<const N: usize, W: Wait> BoundedSemaphore<N, W> {
    /// The semaphore as `participant` uses it.
    pub fn handle(&self, participant: Participant) -> Handle<'_, BoundedSemaphore<N, W>> {
        Handle::new(self, participant)
    }

    /// Takes a permit, if there is one. Never waits.
    pub fn try_acquire(&self) -> Option<Permit<'_, N, W>> {
        self.handle(Participant::LOCAL).try_acquire()
    }

    /// Takes a permit; waits for one.
    pub fn acquire(&self) -> Permit<'_, N, W> {
        self.handle(Participant::LOCAL).acquire()
    }

    /// Takes a permit; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when there was none.
    ///
    /// ```
    /// use ringway_core::{Error, lock::BoundedSemaphore};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let places = BoundedSemaphore::<1, _>::new(SpinClock::<Hundred>::new());
    /// let permit = places.acquire_deadline(Some(50)).unwrap();
    /// assert_eq!(places.acquire_deadline(Some(50)).unwrap_err(), Error::TimedOut);
    /// # drop(permit);
    /// ```
    pub fn acquire_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> Result<Permit<'_, N, W>, Error> {
        self.handle(Participant::LOCAL).acquire_deadline(deadline)
    }

    /// Gives back a permit that was [kept](Permit::keep). Never waits.
    ///
    /// # Errors
    /// [`Error::NotHeld`] when none was, or all are back.
    ///
    /// ```
    /// use ringway_core::{Error, lock::BoundedSemaphore, wait::Spin};
    /// let places = BoundedSemaphore::<2>::new(Spin);
    /// places.acquire().keep();
    /// assert_eq!(places.release(), Ok(()));
    /// assert_eq!(places.release(), Err(Error::NotHeld));
    /// ```
    pub fn release(&self) -> Result<(), Error> {
        self.handle(Participant::LOCAL).release()
    }

    /// Makes the permits that `dead` holds free again, and says how many it were. Wakes those that wait.
    ///
    /// # Safety
    /// `dead` takes no further step with this semaphore: its process has ended (or its context was reset), and what it
    /// wrote is visible here, as it is once the operating system has reported its end.
    ///
    /// ```
    /// use ringway_core::{lock::BoundedSemaphore, participant::Participant, wait::Spin};
    /// let places = BoundedSemaphore::<1>::new(Spin);
    /// let other = Participant::new(1).unwrap();
    /// std::mem::forget(places.handle(other).acquire()); // it dies with the permit
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { places.recover(other) }, 1);
    /// assert!(places.try_acquire().is_some());
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        recover(&self.bell, &self.permits, dead)
    }

    /// [`recover`](Self::recover) of a semaphore of so many `permits`, for one who knows how many they are only now.
    ///
    /// # Safety
    /// As there; and there is a `BoundedSemaphore<N, W>` at `at`, with `N == permits`.
    #[cfg(not(loom))]
    pub unsafe fn recover_at(
        at: NonNull<BoundedSemaphore<1, W>>,
        permits: usize,
        dead: Participant,
    ) -> usize {
        // SAFETY: by the caller's word: every one begins as one of 1, whatever comes behind.
        let bell = unsafe { &at.as_ref().bell };
        // SAFETY: the permits come behind, as many as the caller says.
        let first = unsafe { at.byte_add(core::mem::offset_of!(BoundedSemaphore<1, W>, permits)) };
        let permits = NonNull::slice_from_raw_parts(first.cast(), permits);
        // SAFETY: as above; they are atomics.
        recover(bell, unsafe { permits.as_ref() }, dead)
    }
}

fn recover<W: Wait>(bell: &Doorbell<W>, permits: &[AtomicU32], dead: Participant) -> usize {
    let mut held = 0;
    for permit in permits {
        // Relaxed: the word is as new as the dead one left it, by the caller's word.
        let seen = permit.load(Ordering::Relaxed);
        // SYNC POINT A, release: with the acquire in `try_acquire`; the next one sees what the dead one wrote, as we
        // do. When it fails, another recovered it.
        let is_dead = seen & HOLDER == word::name(dead);
        if is_dead
            && permit.compare_exchange(seen, FREE, Ordering::Release, Ordering::Relaxed).is_ok()
        {
            held += 1;
        }
    }
    bell.wake_all();
    held
}

impl<'a, const N: usize, W: Wait> Handle<'a, BoundedSemaphore<N, W>> {
    /// [`BoundedSemaphore::try_acquire`] by this participant.
    pub fn try_acquire(self) -> Option<Permit<'a, N, W>> {
        let mine = word::name(self.me);
        let permit = self.lock.permits.iter().find(|permit| {
            // Relaxed: only a look before the exchange.
            worth_a_try(|| permit.load(Ordering::Relaxed) == FREE)
                // SYNC POINT A, acquire: with the release of whoever gave it back. What was done with it is seen.
                && permit
                    .compare_exchange(FREE, mine, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
        })?;
        Some(Permit { handle: self, permit })
    }

    /// [`BoundedSemaphore::acquire`] by this participant.
    pub fn acquire(self) -> Permit<'a, N, W> {
        loop {
            if let Ok(permit) = self.acquire_deadline(None) {
                return permit;
            }
        }
    }

    /// [`BoundedSemaphore::acquire_deadline`] by this participant.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when there was none.
    pub fn acquire_deadline(
        self,
        deadline: Option<W::Deadline>,
    ) -> Result<Permit<'a, N, W>, Error> {
        Ok(self.lock.bell.wait_until(deadline, || self.try_acquire())?)
    }

    /// [`BoundedSemaphore::release`] by this participant.
    ///
    /// # Errors
    /// [`Error::NotHeld`] when it has kept none, or all are back.
    pub fn release(self) -> Result<(), Error> {
        let kept = word::name(self.me) | KEPT;
        let found = self.lock.permits.iter().any(|permit| {
            // SYNC POINT A, release: with the acquire in `try_acquire`.
            permit.compare_exchange(kept, FREE, Ordering::Release, Ordering::Relaxed).is_ok()
        });
        if !found {
            return Err(Error::NotHeld);
        }
        self.lock.bell.ring();
        Ok(())
    }
}

/// A permit of a [`BoundedSemaphore`]. Dropped, it is given back, also by a panic.
#[derive(Debug)]
#[must_use = "the permit is given back at once if this is dropped"]
pub struct Permit<'a, const N: usize, W: Wait> {
    handle: Handle<'a, BoundedSemaphore<N, W>>,
    permit: &'a AtomicU32,
}

impl<const N: usize, W: Wait> Permit<'_, N, W> {
    /// Keeps it beyond this value: it goes back by [`BoundedSemaphore::release`], or at the participant's death.
    pub fn keep(self) {
        let this = ManuallyDrop::new(self);
        // Relaxed: it is this participant's before and after; who releases it from another thread has heard of it.
        this.permit.store(word::name(this.handle.me) | KEPT, Ordering::Relaxed);
    }
}

impl<const N: usize, W: Wait> Drop for Permit<'_, N, W> {
    fn drop(&mut self) {
        // SYNC POINT A, release: with the acquire in `try_acquire`.
        self.permit.store(FREE, Ordering::Release);
        self.handle.lock.bell.ring();
    }
}
