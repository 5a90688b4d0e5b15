//! Permits with their holders on record.

use super::handle::{By, Forms, Handle, User, has_forms};
use super::slots::Slots;
#[cfg(not(loom))]
use super::slots::write_slots;
use super::word::{self, HOLDER};
use crate::Error;
use crate::participant::Participant;
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::sync::{AtomicU32, Ordering, array_of, const_unless_loom, worth_a_try};
use crate::wait::{Doorbell, Register, Spin, Wait, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::future::poll_fn;
use core::mem::ManuallyDrop;
#[cfg(not(loom))]
use core::ptr::NonNull;
use core::task::{Context, Poll};

/// A semaphore of `N` permits that knows who holds each. See [`BoundedSemaphoreInner`].
///
/// ```
/// use ringway_core::lock::BoundedSemaphore;
/// static PLACES: BoundedSemaphore<2> = BoundedSemaphore::new();
/// let first = PLACES.acquire();
/// let second = PLACES.try_acquire().unwrap();
/// assert!(PLACES.try_acquire().is_err());
/// drop(first);
/// assert_eq!(PLACES.permits(), 1);
/// ```
pub type BoundedSemaphore<const N: usize, W = Spin> = BoundedSemaphoreInner<[AtomicU32; N], W>;

/// A [`BoundedSemaphore`] of as many permits as are known when the program runs. It is made on the
/// heap or in memory at hand, see [`InMemory`](crate::storage::InMemory), and `&BoundedSemaphore<N,
/// W>` coerces to it.
///
/// ```
/// use ringway_core::lock::{BoundedSemaphore, BoundedSemaphoreView};
/// fn all(places: &BoundedSemaphoreView) -> usize {
///     std::iter::from_fn(|| places.try_acquire().ok()).collect::<Vec<_>>().len()
/// }
/// assert_eq!(all(&BoundedSemaphore::<3>::new()), 3);
/// ```
pub type BoundedSemaphoreView<W = Spin> = BoundedSemaphoreInner<[AtomicU32], W>;

/// What a [`BoundedSemaphore`] and a [`BoundedSemaphoreView`] are: permits that know their holders.
/// There are never more, and those of a holder that died come back. As each has its holder, a
/// permit is a [`Permit`] here, which gives it back when it is dropped.
///
/// *Fairness*: none in order; whoever comes when there is a permit takes it. All that wait are
/// woken when one comes back, so that one that dies on the way delays nobody.
///
/// Memory: 4 bytes a permit and 4 bytes. To take one looks at each in turn: meant for tens of
/// permits.
#[derive(Debug)]
#[repr(C)]
pub struct BoundedSemaphoreInner<S: Slots + ?Sized, W: Wake> {
    bell: Doorbell<W>,
    /// Each: 0, or its holder's name, with KEPT if no [`Permit`] stands for it.
    permits: S,
}

const FREE: u32 = 0;
const KEPT: u32 = 1 << 31;

impl<const N: usize, W: Wake> BoundedSemaphore<N, W> {
    /// Refuses what cannot work when the program is compiled.
    pub(crate) const VALID: () = {
        assert!(N > 0, "a bounded semaphore needs a permit");
    };

    const_unless_loom! {
        /// A semaphore with all its permits.
        ///
        /// ```compile_fail
        /// use ringway_core::lock::BoundedSemaphore;
        /// static NONE: BoundedSemaphore<0> = BoundedSemaphore::new();
        /// ```
        pub fn new() -> Self {
            const { Self::VALID };
            BoundedSemaphoreInner {
                bell: Doorbell::new(),
                permits: array_of!(AtomicU32::new(FREE); N),
            }
        }
    }
}

// SAFETY: `repr(C)`: the words and the slots, all of which are written.
#[cfg(not(loom))]
unsafe impl<W: Wake> InMemory for BoundedSemaphoreView<W> {
    fn layout(slots: usize) -> Option<Layout> {
        storage::layout::<AtomicU32>(Layout::new::<Doorbell<W>>(), slots)
    }

    fn from_raw(at: NonNull<u8>, slots: usize) -> Option<NonNull<Self>> {
        Self::layout(slots)?;
        NonNull::new(storage::slice(at, slots) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, slots: usize) -> Option<NonNull<Self>> {
        let lock = Self::from_raw(at, slots)?;
        let to = lock.as_ptr();
        // SAFETY: within the caller's memory, here and below, as it has the layout above.
        let bell_at = unsafe { &raw mut (*to).bell };
        // SAFETY: as above.
        unsafe { bell_at.write(Doorbell::new()) };
        // SAFETY: as above.
        let slots_at = unsafe { &raw mut (*to).permits };
        // SAFETY: as above.
        unsafe { write_slots(slots_at) };
        Some(lock)
    }
}

impl<const N: usize, W: Wake> Default for BoundedSemaphore<N, W> {
    fn default() -> Self {
        BoundedSemaphore::new()
    }
}

has_forms! { BoundedSemaphoreInner<S, W> where S: Slots + ?Sized, W: Wake }

impl<S: Slots + ?Sized, W: Wake> BoundedSemaphoreInner<S, W> {
    /// The semaphore as `participant` uses it.
    pub fn handle(&self, participant: Participant) -> Handle<'_, BoundedSemaphoreView<W>> {
        Handle::new(By { lock: self, me: participant }.view())
    }

    /// Makes the permits that `dead` holds free again, and says how many it were. Wakes those that
    /// wait.
    ///
    /// # Safety
    /// `dead` takes no further step with this semaphore: its process has ended (or its context was
    /// reset), and what it wrote is visible here, as it is once the operating system has reported
    /// its end.
    ///
    /// ```
    /// use ringway_core::{lock::BoundedSemaphore, participant::Participant};
    /// let places = <BoundedSemaphore<1>>::new();
    /// let other = Participant::new(1).unwrap();
    /// std::mem::forget(places.handle(other).acquire()); // it dies with the permit
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { places.recover(other) }, 1);
    /// assert!(places.try_acquire().is_ok());
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        let mut held = 0;
        for permit in self.permits.as_slice() {
            // Relaxed: the word is as new as the dead one left it.
            let seen = permit.load(Ordering::Relaxed);
            // SYNC POINT with the acquire in `look`, release: the next one sees what the dead one
            // wrote, as we do. When it fails, another recovered it.
            let is_dead = seen & HOLDER == word::name(dead);
            if is_dead
                && permit.compare_exchange(seen, FREE, Ordering::Release, Ordering::Relaxed).is_ok()
            {
                held += 1;
            }
        }
        self.bell.wake_all();
        held
    }
}

impl<S: Slots + ?Sized, W: Wake, U: User<BoundedSemaphoreInner<S, W>> + ?Sized>
    Forms<BoundedSemaphoreInner<S, W>, U>
{
    /// How many permits are free, more or less: others take and give back meanwhile.
    pub fn permits(&self) -> usize {
        let permits = self.by().lock.permits.as_slice().iter();
        // Relaxed: a guess by nature.
        permits.filter(|permit| permit.load(Ordering::Relaxed) == FREE).count()
    }

    /// Takes a permit, if there is one. Never waits.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none.
    pub fn try_acquire(&self) -> Result<Permit<'_, W>, Error> {
        self.by().view().look().ok_or(Error::WouldBlock)
    }

    /// Gives back a permit that was [kept](Permit::keep). Never waits.
    ///
    /// # Errors
    /// [`Error::NotHeld`] when none was, or all are back.
    ///
    /// ```
    /// use ringway_core::{Error, lock::BoundedSemaphore};
    /// let places = <BoundedSemaphore<2>>::new();
    /// places.acquire().keep();
    /// assert_eq!(places.release(), Ok(()));
    /// assert_eq!(places.release(), Err(Error::NotHeld));
    /// ```
    pub fn release(&self) -> Result<(), Error> {
        self.by().view().release()
    }
}

impl<S: Slots + ?Sized, W: Wait, U: User<BoundedSemaphoreInner<S, W>> + ?Sized>
    Forms<BoundedSemaphoreInner<S, W>, U>
{
    /// Takes a permit; waits for one.
    pub fn acquire(&self) -> Permit<'_, W> {
        self.by().view().acquire()
    }

    /// Takes a permit; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when there was none.
    ///
    /// ```
    /// use ringway_core::{Error, lock::BoundedSemaphore, wait::SpinClock};
    /// # struct Hundred;
    /// # impl ringway_core::wait::Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let places = BoundedSemaphore::<1, SpinClock<Hundred>>::new();
    /// let permit = places.acquire_deadline(Some(50)).unwrap();
    /// assert_eq!(places.acquire_deadline(Some(50)).unwrap_err(), Error::TimedOut);
    /// # drop(permit);
    /// ```
    pub fn acquire_deadline(&self, deadline: Option<W::Deadline>) -> Result<Permit<'_, W>, Error> {
        self.by().view().acquire_deadline(deadline)
    }
}

impl<S: Slots + ?Sized, W: Register, U: User<BoundedSemaphoreInner<S, W>> + ?Sized>
    Forms<BoundedSemaphoreInner<S, W>, U>
{
    /// The task's form of [`acquire`](Self::acquire). Cancel-safe: a task that stops polling takes
    /// nothing with it.
    pub fn poll_acquire(&self, cx: &mut Context<'_>) -> Poll<Permit<'_, W>> {
        self.by().view().poll_acquire(cx)
    }

    /// [`acquire`](Self::acquire) for a task. Cancel-safe.
    pub fn acquire_async(&self) -> impl Future<Output = Permit<'_, W>> {
        self.by().view().acquire_async()
    }
}

impl<'a, S: Slots + ?Sized, W: Wake> By<'a, BoundedSemaphoreInner<S, W>> {
    /// The same, whatever the number of permits.
    fn view(self) -> By<'a, BoundedSemaphoreView<W>> {
        let permits = self.lock.permits.as_slice().len();
        let view =
            core::ptr::slice_from_raw_parts(core::ptr::from_ref(self.lock).cast::<()>(), permits);
        // SAFETY: the same semaphore, whose last field has so many permits.
        By { lock: unsafe { &*(view as *const BoundedSemaphoreView<W>) }, me: self.me }
    }
}

impl<'a, W: Wake> By<'a, BoundedSemaphoreView<W>> {
    /// One attempt to take a permit.
    fn look(self) -> Option<Permit<'a, W>> {
        let mine = word::name(self.me);
        let permit = self.lock.permits.iter().find(|permit| {
            // Relaxed: only a look before the exchange.
            worth_a_try(|| permit.load(Ordering::Relaxed) == FREE)
                // SYNC POINT with the release of whoever gave it back, acquire. What was done with
                // it is seen.
                && permit
                    .compare_exchange(FREE, mine, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
        })?;
        Some(Permit { bell: &self.lock.bell, permit })
    }

    fn release(self) -> Result<(), Error> {
        let kept = word::name(self.me) | KEPT;
        let found = self.lock.permits.iter().any(|permit| {
            // SYNC POINT with the acquire in `look`, release.
            permit.compare_exchange(kept, FREE, Ordering::Release, Ordering::Relaxed).is_ok()
        });
        if !found {
            return Err(Error::NotHeld);
        }
        self.lock.bell.ring();
        Ok(())
    }
}

impl<'a, W: Wait> By<'a, BoundedSemaphoreView<W>> {
    fn acquire(self) -> Permit<'a, W> {
        loop {
            if let Ok(permit) = self.acquire_deadline(None) {
                return permit;
            }
        }
    }

    fn acquire_deadline(self, deadline: Option<W::Deadline>) -> Result<Permit<'a, W>, Error> {
        Ok(self.lock.bell.wait_until(deadline, || self.look())?)
    }
}

impl<'a, W: Register> By<'a, BoundedSemaphoreView<W>> {
    fn poll_acquire(self, cx: &mut Context<'_>) -> Poll<Permit<'a, W>> {
        self.lock.bell.poll_until(cx, || self.look())
    }

    fn acquire_async(self) -> impl Future<Output = Permit<'a, W>> {
        poll_fn(move |cx| self.poll_acquire(cx))
    }
}

/// A permit of a [`BoundedSemaphore`]. Dropped, it is given back, also by a panic.
#[derive(Debug)]
#[must_use = "the permit is given back at once if this is dropped"]
pub struct Permit<'a, W: Wake> {
    bell: &'a Doorbell<W>,
    permit: &'a AtomicU32,
}

impl<W: Wake> Permit<'_, W> {
    /// Keeps it beyond this value: it goes back by [`release`](Forms::release), or at the
    /// participant's death.
    pub fn keep(self) {
        let this = ManuallyDrop::new(self);
        // Relaxed, both: it is this participant's before and after; who releases it from another
        // thread has heard of it.
        let mine = this.permit.load(Ordering::Relaxed);
        this.permit.store(mine | KEPT, Ordering::Relaxed);
    }
}

impl<W: Wake> Drop for Permit<'_, W> {
    fn drop(&mut self) {
        // SYNC POINT with the acquire in `look`, release.
        self.permit.store(FREE, Ordering::Release);
        self.bell.ring();
    }
}
