//! A semaphore whose permits have their holders on record.

use super::handle::{Caller, Forms, Handle, User, has_forms};
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

/// A semaphore of `N` permits that records who holds each. See [`BoundedSemaphoreInner`].
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

/// A [`BoundedSemaphore`] whose number of permits is known when the program runs.
///
/// `&BoundedSemaphore<N, W>` coerces to a reference to it. To create one on the heap or in memory
/// of the caller, see [`InMemory`](crate::storage::InMemory).
///
/// ```
/// use ringway_core::lock::{BoundedSemaphore, BoundedSemaphoreView};
/// fn all(places: &BoundedSemaphoreView) -> usize {
///     std::iter::from_fn(|| places.try_acquire().ok()).collect::<Vec<_>>().len()
/// }
/// assert_eq!(all(&BoundedSemaphore::<3>::new()), 3);
/// ```
pub type BoundedSemaphoreView<W = Spin> = BoundedSemaphoreInner<[AtomicU32], W>;

/// The type behind [`BoundedSemaphore`] and [`BoundedSemaphoreView`].
///
/// It records the holder of each permit. There are never more permits than at first, and recovery
/// gives back the permits of a dead holder. A permit is a [`Permit`] here, which gives itself back
/// when it is dropped.
///
/// *Fairness*: no order; a caller that finds a permit free takes it. A permit that comes back wakes
/// all that wait, so that a waiter that dies before it takes the permit delays nobody.
///
/// Memory: 4 bytes, and 4 bytes for each permit. Taking a permit searches them one by one: meant
/// for tens of permits.
#[derive(Debug)]
#[repr(C)]
pub struct BoundedSemaphoreInner<S: Slots + ?Sized, W: Wake> {
    bell: Doorbell<W>,
    /// Each is 0, or its holder, encoded by [`word::name`]; with KEPT if no [`Permit`] stands for
    /// it.
    permits: S,
}

const FREE: u32 = 0;
const KEPT: u32 = 1 << 31;

impl<const N: usize, W: Wake> BoundedSemaphore<N, W> {
    /// Fails to compile for a semaphore that cannot work.
    pub(crate) const VALID: () = {
        assert!(N > 0, "a bounded semaphore needs a permit");
    };

    const_unless_loom! {
        /// A semaphore with all its permits free.
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

// SAFETY: `from_raw` points to `at`, and the layout is that of this `repr(C)` type: the bell, then
// the permits. `init_at` writes all of them.
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
        // SAFETY: the caller guarantees memory of `layout(slots)` at `at`, in which the bell lies.
        let bell_at = unsafe { &raw mut (*to).bell };
        // SAFETY: the bell lies in memory that the caller guarantees and nobody else uses, and is
        // aligned.
        unsafe { bell_at.write(Doorbell::new()) };
        // SAFETY: the caller guarantees memory of `layout(slots)` at `at`, in which the permits
        // lie.
        let slots_at = unsafe { &raw mut (*to).permits };
        // SAFETY: the permits lie in memory that the caller guarantees and nobody else uses, and
        // are aligned.
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
    /// Returns a handle by which `participant` uses the semaphore.
    pub fn handle(&self, participant: Participant) -> Handle<'_, BoundedSemaphoreView<W>> {
        Handle::new(Caller { lock: self, me: participant }.view())
    }

    /// Frees the permits that `dead` holds; returns how many. Wakes all that wait.
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
            // Relaxed: the caller sees what `dead` wrote.
            let seen = permit.load(Ordering::Relaxed);
            // SYNC POINT with the exchange in `attempt`, release: the next holder sees what the
            // dead one wrote, as this caller does. If the exchange fails, another caller recovered
            // the permit.
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
    /// The number of free permits. It may change meanwhile.
    pub fn permits(&self) -> usize {
        let permits = self.caller().lock.permits.as_slice().iter();
        // Relaxed: an estimate; nothing is read on the strength of it.
        permits.filter(|permit| permit.load(Ordering::Relaxed) == FREE).count()
    }

    /// Takes a permit, if one is free. Never waits.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when no permit is free.
    pub fn try_acquire(&self) -> Result<Permit<'_, W>, Error> {
        self.caller().view().attempt().ok_or(Error::WouldBlock)
    }

    /// Gives back a permit that was [kept](Permit::keep). Never waits.
    ///
    /// # Errors
    /// [`Error::NotHeld`] when this participant has no kept permit.
    ///
    /// ```
    /// use ringway_core::{Error, lock::BoundedSemaphore};
    /// let places = <BoundedSemaphore<2>>::new();
    /// places.acquire().keep();
    /// assert_eq!(places.release(), Ok(()));
    /// assert_eq!(places.release(), Err(Error::NotHeld));
    /// ```
    pub fn release(&self) -> Result<(), Error> {
        self.caller().view().release()
    }
}

impl<S: Slots + ?Sized, W: Wait, U: User<BoundedSemaphoreInner<S, W>> + ?Sized>
    Forms<BoundedSemaphoreInner<S, W>, U>
{
    /// Takes a permit; waits until one is free.
    pub fn acquire(&self) -> Permit<'_, W> {
        self.caller().view().acquire()
    }

    /// Takes a permit; waits until one is free, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when none was free in time.
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
        self.caller().view().acquire_deadline(deadline)
    }
}

impl<S: Slots + ?Sized, W: Register, U: User<BoundedSemaphoreInner<S, W>> + ?Sized>
    Forms<BoundedSemaphoreInner<S, W>, U>
{
    /// Polls for a permit, for a task.
    ///
    /// Cancel-safe: a task that stops polling holds nothing.
    pub fn poll_acquire(&self, cx: &mut Context<'_>) -> Poll<Permit<'_, W>> {
        self.caller().view().poll_acquire(cx)
    }

    /// [`acquire`](Self::acquire) for a task. Cancel-safe.
    pub fn acquire_async(&self) -> impl Future<Output = Permit<'_, W>> {
        self.caller().view().acquire_async()
    }
}

impl<'a, S: Slots + ?Sized, W: Wake> Caller<'a, BoundedSemaphoreInner<S, W>> {
    /// The same semaphore as a view.
    fn view(self) -> Caller<'a, BoundedSemaphoreView<W>> {
        let permits = self.lock.permits.as_slice().len();
        let view =
            core::ptr::slice_from_raw_parts(core::ptr::from_ref(self.lock).cast::<()>(), permits);
        // SAFETY: the pointer is to the same semaphore, with the number of permits of its last
        // field, and a view has the same layout; the semaphore is borrowed for `'a`.
        Caller { lock: unsafe { &*(view as *const BoundedSemaphoreView<W>) }, me: self.me }
    }
}

impl<'a, W: Wake> Caller<'a, BoundedSemaphoreView<W>> {
    /// Tries once to take a permit.
    fn attempt(self) -> Option<Permit<'a, W>> {
        let mine = word::name(self.me);
        let permit = self.lock.permits.iter().find(|permit| {
            // Relaxed: a guess, which the exchange checks.
            worth_a_try(|| permit.load(Ordering::Relaxed) == FREE)
                // SYNC POINT with `Permit::drop`, `release` and `recover`, acquire: what the last
                // holder did with the permit is seen.
                && permit
                    .compare_exchange(FREE, mine, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
        })?;
        Some(Permit { bell: &self.lock.bell, permit })
    }

    fn release(self) -> Result<(), Error> {
        let kept = word::name(self.me) | KEPT;
        let found = self.lock.permits.iter().any(|permit| {
            // SYNC POINT with the exchange in `attempt`, release: the next holder sees what was
            // done with the permit.
            permit.compare_exchange(kept, FREE, Ordering::Release, Ordering::Relaxed).is_ok()
        });
        if !found {
            return Err(Error::NotHeld);
        }
        self.lock.bell.ring();
        Ok(())
    }
}

impl<'a, W: Wait> Caller<'a, BoundedSemaphoreView<W>> {
    fn acquire(self) -> Permit<'a, W> {
        loop {
            if let Ok(permit) = self.acquire_deadline(None) {
                return permit;
            }
        }
    }

    fn acquire_deadline(self, deadline: Option<W::Deadline>) -> Result<Permit<'a, W>, Error> {
        Ok(self.lock.bell.wait_until(deadline, || self.attempt())?)
    }
}

impl<'a, W: Register> Caller<'a, BoundedSemaphoreView<W>> {
    fn poll_acquire(self, cx: &mut Context<'_>) -> Poll<Permit<'a, W>> {
        self.lock.bell.poll_until(cx, || self.attempt())
    }

    fn acquire_async(self) -> impl Future<Output = Permit<'a, W>> {
        poll_fn(move |cx| self.poll_acquire(cx))
    }
}

/// A permit of a [`BoundedSemaphore`]. Dropping it gives it back, also if a panic drops it.
#[derive(Debug)]
#[must_use = "the permit is given back at once if this is dropped"]
pub struct Permit<'a, W: Wake> {
    bell: &'a Doorbell<W>,
    permit: &'a AtomicU32,
}

impl<W: Wake> Permit<'_, W> {
    /// Keeps the permit beyond this value.
    ///
    /// [`release`](Forms::release) gives it back, or recovery after the participant's death.
    pub fn keep(self) {
        let this = ManuallyDrop::new(self);
        // Relaxed, both: the permit is this participant's before and after. A thread that releases
        // it has learnt of it by other means, which order this store.
        let mine = this.permit.load(Ordering::Relaxed);
        this.permit.store(mine | KEPT, Ordering::Relaxed);
    }
}

impl<W: Wake> Drop for Permit<'_, W> {
    fn drop(&mut self) {
        // SYNC POINT with the exchange in `attempt`, release: the next holder sees what was done
        // with the permit.
        self.permit.store(FREE, Ordering::Release);
        self.bell.ring();
    }
}
