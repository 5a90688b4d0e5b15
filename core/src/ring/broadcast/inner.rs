//! The broadcast itself: where its slots lie, and what can be seen without a half.

#[cfg(not(loom))]
use super::seq_slots::Head;
use super::seq_slots::{SeqSlot, SeqSlots};
use crate::participant::Participant;
use crate::plain::Plain;
#[cfg(not(loom))]
use crate::ring::in_place::InPlace;
#[cfg(not(loom))]
use crate::storage::{self, InMemory, fixed};
use crate::storage::{StableRef, Storage, sealed};
use crate::sync::{Whole, const_unless_loom};
use crate::wait::{Nobody, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::ptr::NonNull;

/// A broadcast of messages of type `T` that keeps the newest `N`.
///
/// `W` says how readers can sleep, see [`Wake`]. `N` is 1 to 2^30; other numbers do not compile. A
/// power of two is faster.
///
/// Memory: for each of the `N` messages, its size (in whole words) and 8 bytes. In addition 16
/// bytes, which have a cache line of their own where the target has caches.
///
/// ```
/// use ringway_core::ring::broadcast::Broadcast;
/// let broadcast: Broadcast<[u8; 16], 8> = Broadcast::new();
/// std::thread::scope(|s| {
///     for _ in 0..2 {
///         let mut reader = broadcast.reader();
///         s.spawn(move || {
///             loop {
///                 if let Some(message) = reader.try_recv().unwrap() {
///                     assert_eq!(&message, b"to all of you   ");
///                     break;
///                 }
///             }
///         });
///     }
///     broadcast.writer().unwrap().send(*b"to all of you   ");
/// });
/// ```
pub type Broadcast<T, const N: usize, W = Nobody> = BroadcastInner<[SeqSlot<T>; N], W>;

/// A [`Broadcast`] whose capacity is known at run time.
///
/// A reference to it carries the capacity. `&Broadcast<T, N, W>` coerces to `&BroadcastView<T, W>`.
/// Other views lie on the heap or in memory that the caller provides, see [`InMemory`].
///
/// ```
/// use ringway_core::ring::broadcast::{Broadcast, BroadcastView};
/// static FEW: Broadcast<u8, 4> = Broadcast::new();
/// static MANY: Broadcast<u8, 400> = Broadcast::new();
/// let broadcasts: [&BroadcastView<u8>; 2] = [&FEW, &MANY];
/// assert_eq!(broadcasts.map(BroadcastView::capacity), [4, 400]);
/// ```
pub type BroadcastView<T, W = Nobody> = BroadcastInner<[SeqSlot<T>], W>;

/// The type behind [`Broadcast`] and [`BroadcastView`]; `S` is its array of slots, see [`storage`].
// Shared as a whole: a `RawBroadcast` sees the same memory as slots of another size.
#[derive(Debug)]
#[repr(transparent)]
pub struct BroadcastInner<S: Storage + ?Sized, W: Wake>(pub(super) Whole<SeqSlots<S, W>>);

impl<T: Plain, const N: usize, W: Wake> Broadcast<T, N, W> {
    const_unless_loom! {
        /// Makes a broadcast without messages.
        ///
        /// ```
        /// use ringway_core::ring::broadcast::Broadcast;
        /// static BROADCAST: Broadcast<u32, 64> = Broadcast::new();
        /// ```
        ///
        /// A broadcast without slots does not compile:
        ///
        /// ```compile_fail
        /// static BROADCAST: ringway_core::ring::broadcast::Broadcast<u32, 0> =
        ///     ringway_core::ring::broadcast::Broadcast::new();
        /// ```
        ///
        /// ```
        /// use ringway_core::ring::broadcast::Broadcast;
        /// use ringway_core::wait::Spin;
        /// static BROADCAST: Broadcast<u32, 4, Spin> = Broadcast::new();
        /// let mut reader = BROADCAST.reader();
        /// std::thread::scope(|s| {
        ///     s.spawn(|| BROADCAST.writer().unwrap().send(5));
        ///     assert_eq!(reader.recv(), Ok(5));
        /// });
        /// ```
        pub fn new() -> Self {
            BroadcastInner(Whole::new(SeqSlots::new()))
        }
    }
}

impl<T: Plain, const N: usize, W: Wake> Default for Broadcast<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: a broadcast consists of its slots, which `init` makes in `place`.
#[cfg(not(loom))]
unsafe impl<T: Plain, const N: usize, W: Wake> InPlace for Broadcast<T, N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        fixed::<N>();
        // SAFETY: `repr(transparent)`: the slots have the layout of the broadcast. `place` is
        // borrowed exclusively and large enough for `N` slots.
        unsafe { Head::<T, W>::init(NonNull::from(&mut *place).cast(), N) };
        // SAFETY: `Head::init` has just made the slots in `place`.
        unsafe { place.assume_init_mut() }
    }
}

// SAFETY: a broadcast consists of its slots. By `repr(C)` the header comes first and the slots
// follow. `init_at` makes both.
#[cfg(not(loom))]
unsafe impl<T: Plain, W: Wake> InMemory for BroadcastView<T, W> {
    fn layout(capacity: usize) -> Option<Layout> {
        storage::layout::<SeqSlot<T>>(Layout::new::<Head<T, W>>(), capacity)
    }

    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        Self::layout(capacity)?;
        NonNull::new(storage::slice(at, capacity) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        let made = Self::from_raw(at, capacity)?;
        // SAFETY: the caller provides memory of `layout(capacity)`, and only the caller uses it.
        unsafe { Head::<T, W>::init(at.cast(), capacity) };
        Some(made)
    }
}

/// A reference by which a half reaches and keeps its broadcast.
///
/// It is any [`StableRef`] to a [`Broadcast`] or a [`BroadcastView`].
///
/// ```
/// use ringway_core::ring::broadcast::{Broadcast, BroadcastRef, BroadcastView, Reader};
/// /// The newest message of any broadcast of numbers, however it is kept.
/// fn newest<R: BroadcastRef<Value = u32>>(numbers: &mut Reader<R>) -> Option<u32> {
///     std::iter::from_fn(|| numbers.try_recv().ok()?).last()
/// }
/// static SIZED: Broadcast<u32, 4> = Broadcast::new();
/// let view: &BroadcastView<u32> = &SIZED;
/// let (mut one, mut other) = (SIZED.reader(), view.reader());
/// SIZED.writer().unwrap().send(7);
/// assert_eq!((newest(&mut one), newest(&mut other)), (Some(7), Some(7)));
/// ```
pub trait BroadcastRef:
    StableRef<Target = BroadcastInner<<Self as BroadcastRef>::Storage, <Self as BroadcastRef>::Wake>>
{
    /// The type of the broadcast's messages.
    type Value: Plain;
    /// The array of the broadcast's slots.
    type Storage: Storage<Element = SeqSlot<Self::Value>> + ?Sized;
    /// How the broadcast's readers sleep.
    type Wake: Wake;
}

impl<R, T, S, W> BroadcastRef for R
where
    R: StableRef<Target = BroadcastInner<S, W>>,
    T: Plain,
    S: Storage<Element = SeqSlot<T>> + ?Sized,
    W: Wake,
{
    type Value = T;
    type Storage = S;
    type Wake = W;
}

/// The capacity type of the broadcast that `R` refers to.
pub(super) type CapacityOf<R> = <<R as BroadcastRef>::Storage as sealed::Storage>::Capacity;

impl<T: Plain, S: Storage<Element = SeqSlot<T>> + ?Sized, W: Wake> BroadcastInner<S, W> {
    /// The number of messages that the broadcast keeps.
    ///
    /// ```
    /// assert_eq!(<ringway_core::ring::broadcast::Broadcast<u8, 5>>::new().capacity(), 5);
    /// ```
    pub fn capacity(&self) -> usize {
        self.0.capacity() as usize
    }

    /// The number of messages sent since the broadcast was made.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let broadcast: Broadcast<_, 4> = Broadcast::new();
    /// broadcast.writer().unwrap().send(1);
    /// assert_eq!(broadcast.sent(), 1);
    /// assert!(broadcast.holder().is_none() && !broadcast.writer_is_gone());
    /// ```
    pub fn sent(&self) -> u64 {
        self.0.control().find_newest(0)
    }

    /// The participant that holds the writer's half. The answer may be outdated when this returns.
    pub fn holder(&self) -> Option<Participant> {
        self.0.control().holder()
    }

    /// Whether the last writer closed its half or died, and nobody has taken the half since.
    ///
    /// A writer that has not come yet is not gone, and neither is one that gave its half back.
    pub fn writer_is_gone(&self) -> bool {
        self.0.control().writer_is_gone()
    }

    /// Closes the writer's half if `dead` held it, wakes the readers, and returns the number of
    /// halves.
    ///
    /// Readers can still read what `dead` published, and another writer continues from there.
    /// Several callers may do this at once, and again later. Dead readers need no recovery. After
    /// all these calls have returned, the number is free for another [`Participant`].
    ///
    /// # Safety
    /// `dead` takes no further step in this broadcast: its process has ended, or its context was
    /// reset. What it wrote is visible to the caller, as it is once the operating system has
    /// reported its end.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::broadcast::Broadcast;
    /// static BROADCAST: Broadcast<u8, 4> = Broadcast::new();
    /// let one = Participant::new(1).unwrap();
    /// let mut reader = BROADCAST.reader();
    /// let mut writer = BROADCAST.writer_as(one).unwrap();
    /// writer.send(7);
    /// std::mem::forget(writer); // it dies
    ///
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { BROADCAST.recover(one) }, 1);
    /// BROADCAST.writer().unwrap().send(8);
    /// assert_eq!(reader.try_recv(), Ok(Some(7)));
    /// assert_eq!(reader.try_recv(), Ok(Some(8)));
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        usize::from(self.0.control().recover(dead))
    }
}
