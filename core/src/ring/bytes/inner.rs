//! The byte ring itself: where its sides and its bytes lie, and what can be seen without a half.

use crate::participant::Participant;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::ring::sides::Header;
use crate::storage::sealed::{self, Capacity as _};
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::storage::{StableRef, Storage, fixed};
#[cfg(loom)]
use crate::sync::Watch;
use crate::sync::{AtomicU32, CachePadded, Slot, SlotsRef, const_unless_loom};
use crate::wait::{Doorbell, Nobody, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::panic::RefUnwindSafe;
use core::ptr::NonNull;

/// A ring of `N` bytes for one producer and one consumer.
///
/// `W` says how a side can sleep, see [`Wake`]. `N` is 1 to 2^30; other numbers do not compile.
///
/// Memory: `N` bytes, and 20 more (with [`Nobody`]) where the target has no caches. Where it has
/// caches, cache lines replace the 20 bytes.
///
/// ```
/// use ringway_core::ring::bytes::ByteRing;
/// let mut ring: ByteRing<8> = ByteRing::new();
/// let (mut producer, mut consumer) = ring.split();
/// assert_eq!(producer.try_write(b"0123456789"), 8, "as many as fit");
/// let mut out = [0; 4];
/// assert_eq!(consumer.try_read(&mut out), 4);
/// assert_eq!(&out, b"0123");
/// ```
pub type ByteRing<const N: usize, W = Nobody> = ByteRingInner<[Slot<u8>; N], W>;

/// A [`ByteRing`] whose capacity is known at run time.
///
/// A reference to it carries the capacity. `&ByteRing<N, W>` coerces to `&ByteRingView<W>`. Other
/// views lie on the heap or in memory that the caller provides, see [`InMemory`].
///
/// ```
/// use ringway_core::ring::bytes::{ByteRing, ByteRingView};
/// static LOG: ByteRing<100> = ByteRing::new();
/// let log: &ByteRingView = &LOG;
/// log.producer().unwrap().try_write(b"a line");
/// assert_eq!((log.len(), log.capacity()), (6, 100));
/// ```
pub type ByteRingView<W = Nobody> = ByteRingInner<[Slot<u8>], W>;

/// The type behind [`ByteRing`] and [`ByteRingView`].
///
/// `S` is its array of bytes, see [`storage`](crate::storage).
#[repr(C)]
pub struct ByteRingInner<S: Storage<Value = u8> + ?Sized, W: Wake> {
    header: Header<W>,
    /// The mark: where the bytes of the consumer's lap end, once the producer has left that lap. It
    /// has a cache line of its own, so that the bytes begin at the start of a line, and a copy of
    /// whole lines touches no others.
    mark: CachePadded<AtomicU32>,
    #[cfg(loom)]
    watch: Watch,
    slots: S,
}

// SAFETY: bytes pass from one side to the other by the ownership rule, see `sides` and `slots`. The
// sides share `W`, which is `Sync`.
unsafe impl<S: Storage<Value = u8> + ?Sized, W: Wake + Sync> Sync for ByteRingInner<S, W> {}

// A panic never leaves a ring half changed.
impl<S: Storage<Value = u8> + ?Sized, W: Wake> RefUnwindSafe for ByteRingInner<S, W> {}

impl<S: Storage<Value = u8> + ?Sized, W: Wake> fmt::Debug for ByteRingInner<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, len) = (self.capacity(), self.len());
        f.debug_struct("ByteRing").field("capacity", &n).field("len", &len).finish()
    }
}

impl<const N: usize, W: Wake> ByteRing<N, W> {
    /// The largest exact grant: half the capacity, rounded up. The [module](super) says why.
    ///
    /// ```
    /// assert_eq!(ringway_core::ring::bytes::ByteRing::<7>::MAX_GRANT, 4);
    /// ```
    pub const MAX_GRANT: usize = N.div_ceil(2);

    const_unless_loom! {
        /// Makes an empty ring.
        ///
        /// ```
        /// use ringway_core::ring::bytes::ByteRing;
        /// static RING: ByteRing<256> = ByteRing::new();
        /// ```
        ///
        /// ```
        /// use ringway_core::ring::bytes::ByteRing;
        /// use ringway_core::wait::Spin;
        /// static RING: ByteRing<16, Spin> = ByteRing::new();
        /// assert_eq!(RING.producer().unwrap().write(b"hi"), Ok(2));
        /// ```
        pub fn new() -> Self {
            fixed::<N>();
            ByteRingInner {
                header: Header::new(),
                mark: CachePadded(AtomicU32::new(0)),
                #[cfg(loom)]
                watch: Watch::new(N),
                slots: [const { Slot::zero() }; N],
            }
        }
    }
}

impl<const N: usize, W: Wake> Default for ByteRing<N, W> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: `init_at` zeroes everything, as the mark and the slots of a fresh ring are, and then
// writes the header.
#[cfg(not(loom))]
unsafe impl<const N: usize, W: Wake> InPlace for ByteRing<N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        fixed::<N>();
        let at = NonNull::from(&mut *place).cast();
        // SAFETY: `place` is borrowed exclusively, and large enough: a sized ring has the layout of
        // its view.
        unsafe { ByteRingView::<W>::init_at(at, N) };
        // SAFETY: `init_at` has just made a ring in `place`.
        unsafe { place.assume_init_mut() }
    }
}

// SAFETY: by `repr(C)`, the header comes first, and `init_at` writes it. The mark and the slots
// follow, and are zero in a fresh ring.
#[cfg(not(loom))]
unsafe impl<W: Wake> InMemory for ByteRingView<W> {
    fn layout(capacity: usize) -> Option<Layout> {
        let mark = Layout::new::<CachePadded<AtomicU32>>();
        let (head, _) = Layout::new::<Header<W>>().extend(mark).ok()?;
        storage::layout::<Slot<u8>>(head, capacity)
    }

    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        Self::layout(capacity)?;
        NonNull::new(storage::slice(at, capacity) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        let ring = Self::from_raw(at, capacity)?;
        // SAFETY: the caller provides memory of `layout(capacity)`, and only the caller uses it.
        unsafe { at.as_ptr().write_bytes(0, Self::layout(capacity)?.size()) };
        // SAFETY: the caller provides memory of `layout(capacity)`, which begins with room for a
        // header.
        unsafe { at.cast().write(Header::<W>::new()) };
        Some(ring)
    }
}

/// A reference by which a half reaches and keeps its byte ring.
///
/// It is any [`StableRef`] to a [`ByteRing`] or a [`ByteRingView`].
///
/// ```
/// use ringway_core::ring::bytes::{ByteRing, ByteRingRef, Consumer};
/// /// The number of bytes that wait in a ring, however it is kept.
/// fn backlog<R: ByteRingRef>(bytes: &mut Consumer<R>) -> usize {
///     bytes.len()
/// }
/// static UART: ByteRing<8> = ByteRing::new();
/// assert_eq!(backlog(&mut UART.consumer().unwrap()), 0);
/// ```
pub trait ByteRingRef:
    StableRef<Target = ByteRingInner<<Self as ByteRingRef>::Storage, <Self as ByteRingRef>::Wake>>
{
    /// The array of the ring's bytes.
    type Storage: Storage<Value = u8> + ?Sized;
    /// How the ring's sides sleep.
    type Wake: Wake;
}

impl<R, S, W> ByteRingRef for R
where
    R: StableRef<Target = ByteRingInner<S, W>>,
    S: Storage<Value = u8> + ?Sized,
    W: Wake,
{
    type Storage = S;
    type Wake = W;
}

/// The capacity type of the ring that `R` refers to.
pub(super) type CapacityOf<R> = <<R as ByteRingRef>::Storage as sealed::Storage>::Capacity;

/// The ring that begins with `header`, up to the slots: that part has the same layout for every
/// capacity.
type AnyRing<W> = ByteRingInner<[Slot<u8>; 0], W>;

/// The mark of the ring that begins with `header`.
///
/// # Safety
/// For `'a`, `header` is the beginning of a byte ring, and the pointer may be used for the whole
/// ring.
#[inline(always)]
pub(super) unsafe fn mark<'a, W: Wake>(header: NonNull<Header<W>>) -> &'a AtomicU32 {
    let ring: *const AnyRing<W> = header.as_ptr().cast();
    // SAFETY: the field lies within the ring. The caller guarantees that the ring exists for `'a`
    // and that the pointer may be used for all of it.
    unsafe { &(*ring).mark.0 }
}

/// The bytes of the ring that begins with `header`.
///
/// # Safety
/// For `'a`, `header` is the beginning of a byte ring, and the pointer may be used for the whole
/// ring.
#[inline(always)]
pub(super) unsafe fn slots<'a, W: Wake>(header: NonNull<Header<W>>) -> SlotsRef<'a, u8> {
    let ring: *mut AnyRing<W> = header.as_ptr().cast();
    // SAFETY: the field lies within the ring. The caller guarantees that the ring exists and that
    // the pointer may be used for all of it.
    let first = unsafe { &raw mut (*ring).slots };
    SlotsRef::new(
        first.cast(),
        #[cfg(loom)]
        // SAFETY: the field lies within the ring. The caller guarantees that the ring exists for
        // `'a`.
        unsafe {
            &(*ring).watch
        },
    )
}

impl<S: Storage<Value = u8> + ?Sized, W: Wake> ByteRingInner<S, W> {
    /// The number of bytes that the ring can hold.
    pub fn capacity(&self) -> usize {
        self.slots.capacity().get() as usize
    }

    /// The capacity in the form that the functions of `position` take.
    #[inline(always)]
    pub(super) fn n(&self) -> S::Capacity {
        self.slots.capacity()
    }

    /// The header, with which the ring begins. The pointer may be used for the whole ring.
    #[inline(always)]
    pub(super) fn header(&self) -> NonNull<Header<W>> {
        NonNull::from(self).cast()
    }

    /// Takes both halves for the owner of the ring, who knows that they are free.
    pub(in crate::ring) fn take_both_halves(&mut self) {
        self.header.take_both_halves();
    }

    /// Closes the halves that `dead` held, wakes the other side, and returns the number of halves.
    ///
    /// The consumer can still read what `dead` published. What `dead` had not published is lost.
    /// Several callers may do this at once, and again later. After all these calls have returned,
    /// the number is free for another [`Participant`].
    ///
    /// # Safety
    /// `dead` takes no further step in this ring: its process has ended, or its context was reset.
    /// What it wrote is visible to the caller, as it is once the operating system has reported its
    /// end.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::bytes::ByteRing;
    /// static RING: ByteRing<8> = ByteRing::new();
    /// let one = Participant::new(1).unwrap();
    /// let mut producer = RING.producer_as(one).unwrap();
    /// std::mem::forget(producer.try_reserve(3)); // it dies with a grant
    /// std::mem::forget(producer);
    ///
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { RING.recover(one) }, 1);
    /// assert_eq!(RING.producer().unwrap().room(), 8);
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        self.header.recover(dead)
    }

    /// Whether both positions are valid for this ring.
    ///
    /// They always are, unless somebody corrupted the memory.
    pub fn is_valid(&self) -> bool {
        self.header.is_valid(self.slots.capacity())
    }

    /// The approximate number of bytes in the ring, for a caller that holds no half. A gap counts.
    ///
    /// It is 0 only if the ring was empty at some moment of the call.
    pub fn len(&self) -> usize {
        self.header.len(self.slots.capacity())
    }

    /// Whether the ring was empty at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the last producer closed its half or died, and nobody has taken the half since.
    ///
    /// The bytes that it wrote can still be read. A producer that has not come yet is not gone, and
    /// neither is one that gave its half back.
    pub fn producer_is_gone(&self) -> bool {
        self.header.producer_half().is_gone()
    }

    /// Whether the last consumer closed its half or died, and nobody has taken the half since.
    ///
    /// A consumer that has not come yet is not gone, and neither is one that gave its half back.
    pub fn consumer_is_gone(&self) -> bool {
        self.header.consumer_half().is_gone()
    }

    /// The doorbell on which the consumer sleeps.
    ///
    /// Every publication rings it, and so does [`Producer::close`](super::Producer::close).
    #[inline(always)]
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        self.header.consumers_bell()
    }

    /// The doorbell on which the producer sleeps.
    ///
    /// Every release rings it, and so does [`Consumer::close`](super::Consumer::close).
    #[inline(always)]
    pub fn producers_bell(&self) -> &Doorbell<W> {
        self.header.producers_bell()
    }
}
