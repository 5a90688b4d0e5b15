//! The structures of this crate as parts: their descriptions, handles and type-erased forms.
//!
//! A new structure is added here, and nowhere else in this module.

use super::erased::{ByPrefix, Erased, Functions, Nothing, PartState, Prefix};
use super::kind::{kind_for, kinds};
use super::{Description, Item, Kind, Part, ReadOnly, SharedWait, Structure};
use crate::lock::{
    self, Barrier, BarrierView, BoundedSemaphore, BoundedSemaphoreView, Condition, Event, Mutex,
    RawRwLock, RwLock, RwLockView, Semaphore, SemaphoreView,
};
#[cfg(target_has_atomic = "64")]
use crate::lock::{ReentrantMutex, ThreadId};
use crate::participant::Participant;
use crate::plain::Words;
use crate::ring::broadcast::{Broadcast, BroadcastView};
use crate::ring::bytes::{ByteRing, ByteRingView};
use crate::ring::latest::{Latest, SLOTS};
use crate::ring::messages::{MessageRing, MessageRingView};
#[cfg(not(loom))]
use crate::ring::pool::RawPool;
#[cfg(target_has_atomic = "64")]
use crate::ring::queue::{self, Queue, QueueView};
use crate::ring::{Ring, RingView};
use crate::storage::InMemory;
use crate::wait::{Doorbell, Spin, Wait};
#[cfg(not(loom))]
use core::alloc;
use core::marker::PhantomData;
#[cfg(target_has_atomic = "64")]
use core::num::NonZeroU32;
use core::ptr::NonNull;

kinds! { W;
    /// [`Ring`].
    RING = 1, "ring", AnyRing<W>, AnyRing<Spin>;
    /// [`ByteRing`].
    BYTE_RING = 2, "byte ring", AnyRing<W>, AnyRing<Spin>;
    /// [`Queue`].
    QUEUE = 3, "queue", AnyQueue<W>, AnyQueue<Spin>;
    /// [`MessageRing`].
    MESSAGE_RING = 4, "message ring", AnyRing<W>, AnyRing<Spin>;
    /// [`Broadcast`].
    BROADCAST = 5, "broadcast", AnyBroadcast<W>, AnyBroadcast<Spin>;
    /// [`Latest`], which is a broadcast in memory.
    LATEST = 6, "latest value", AnyBroadcast<W>, AnyBroadcast<Spin>;
    /// [`Mutex`](crate::lock::Mutex).
    MUTEX = 7, "mutex", AnyMutex<W>, AnyMutex<Spin>;
    /// [`ReentrantMutex`](crate::lock::ReentrantMutex).
    REENTRANT_MUTEX = 8, "reentrant mutex", AnyReentrant<W>, AnyReentrant<Spin>;
    /// [`RwLock`](crate::lock::RwLock).
    RW_LOCK = 9, "readers-writer lock", AnyRwLock<W>, AnyRwLock<Spin>;
    /// [`Semaphore`](crate::lock::Semaphore).
    SEMAPHORE = 10, "semaphore", AnySemaphore<W>, AnySemaphore<Spin>;
    /// [`BoundedSemaphore`](crate::lock::BoundedSemaphore).
    BOUNDED_SEMAPHORE = 11, "bounded semaphore", AnyBounded<W>, AnyBounded<Spin>;
    /// [`Condition`](crate::lock::Condition).
    CONDITION = 12, "condition", Nothing, Nothing;
    /// [`Event`](crate::lock::Event).
    EVENT = 13, "event", Nothing, Nothing;
    /// [`Barrier`](crate::lock::Barrier).
    BARRIER = 14, "barrier", AnyBarrier<W>, AnyBarrier<Spin>;
    /// `core`'s atomic integers.
    ATOMIC = 15, "atomic integer", Nothing, Nothing;
    /// [`Words`](crate::plain::Words).
    WORDS = 16, "raw value", Nothing, Nothing;
    /// [`RawPool`].
    POOL = 17, "pool", AnyPool<W>, AnyPool<Spin>;
}

/// The methods of a type that fixes its capacity: for its kind, its item and its capacity. The last
/// argument names a constant that fails to compile for a capacity that cannot work.
macro_rules! sized {
    ($kind:expr, $item:ty, $capacity:expr $(, $valid:ident)?) => {
        fn capacity(_: &Description) -> usize {
            $capacity
        }

        fn description_for(_: usize) -> Option<Description> {
            $(const { Self::$valid };)?
            Some(Description::of::<Self, $item>($kind, $capacity))
        }

        fn found_at(at: NonNull<u8>, _: usize) -> Option<NonNull<Self>> {
            Some(at.cast())
        }
    };
}

/// The methods of a type whose capacity is known when the program runs.
macro_rules! counted {
    ($kind:expr, $item:ty) => {
        fn capacity(said: &Description) -> usize {
            said.capacity as usize
        }

        fn description_for(capacity: usize) -> Option<Description> {
            let size = Self::layout(capacity)?.size();
            Some(Description::sized::<$item>($kind, capacity, size))
        }

        fn found_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
            Self::from_raw(at, capacity)
        }
    };
}

/// The methods of a slice of cells.
macro_rules! cells {
    ($kind:expr, $item:ty, $cell:ty) => {
        fn capacity(said: &Description) -> usize {
            said.capacity as usize
        }

        fn description_for(length: usize) -> Option<Description> {
            let size = length.checked_mul(size_of::<$cell>())?;
            Some(Description::sized::<$item>($kind, length, size))
        }

        fn found_at(at: NonNull<u8>, length: usize) -> Option<NonNull<Self>> {
            Some(NonNull::slice_from_raw_parts(at.cast(), length))
        }
    };
}

/// The handle of a structure that records no participant.
macro_rules! lends_itself {
    () => {
        type Handle = Structure<Self>;

        unsafe fn handle(part: NonNull<Self>, _: Participant) -> Structure<Self> {
            // SAFETY: the caller guarantees that the part is there until the handle is dropped, and
            // the handle lends it for no longer than it is borrowed.
            Structure::new(unsafe { part.as_ref() })
        }
    };
}

/// The handle of a structure whose halves are taken under a participant's name.
macro_rules! lends_a_view {
    () => {
        type Handle = ReadOnly<Self>;

        unsafe fn handle(part: NonNull<Self>, _: Participant) -> ReadOnly<Self> {
            // SAFETY: the caller guarantees that the part is there until the handle is dropped, and
            // the handle lends nothing for longer than it is borrowed.
            ReadOnly::new(unsafe { part.as_ref() })
        }
    };
}

/// The handle of a structure that has a handle for each participant.
macro_rules! lends_a_handle {
    ($handle:ty) => {
        type Handle = $handle;

        unsafe fn handle(part: NonNull<Self>, me: Participant) -> $handle {
            let part: *const Self = part.as_ptr();
            // SAFETY: the caller guarantees that the part is there until the handle is dropped, and
            // the handle lends nothing for longer than it is borrowed.
            unsafe { &*part }.handle(me)
        }
    };
}

// SAFETY: a ring is `repr(C)`: two lines of words, then slots, which hold plain values if any. Zero
// positions and words are a fresh ring. The kind, the item and the capacity determine its layout.
unsafe impl<T: Item, const N: usize, W: SharedWait> Part for Ring<T, N, W> {
    lends_a_view!();
    sized!(kind_for::<W>(Kind::RING), T, N);
}

// SAFETY: it is a `Ring` whose capacity is known when the program runs, with the same layout and
// description.
unsafe impl<T: Item, W: SharedWait> Part for RingView<T, W> {
    lends_a_view!();
    counted!(kind_for::<W>(Kind::RING), T);
}

// SAFETY: a byte ring is `repr(C)`: two lines of words, then bytes. Zero words are a fresh ring,
// and the capacity determines its layout.
unsafe impl<const N: usize, W: SharedWait> Part for ByteRing<N, W> {
    lends_a_view!();
    sized!(kind_for::<W>(Kind::BYTE_RING), u8, N);
}

// SAFETY: it is a `ByteRing` whose capacity is known when the program runs, with the same layout
// and description.
unsafe impl<W: SharedWait> Part for ByteRingView<W> {
    lends_a_view!();
    counted!(kind_for::<W>(Kind::BYTE_RING), u8);
}

// SAFETY: it is a `ByteRing`, of another kind: two lines of words, then bytes. Zero words are a
// fresh ring, and the capacity determines its layout.
unsafe impl<const N: usize, W: SharedWait> Part for MessageRing<N, W> {
    lends_a_view!();
    sized!(kind_for::<W>(Kind::MESSAGE_RING), u8, N, MAX_MESSAGE);
}

// SAFETY: it is a `MessageRing` whose capacity is known when the program runs, with the same layout
// and description.
unsafe impl<W: SharedWait> Part for MessageRingView<W> {
    lends_a_view!();
    counted!(kind_for::<W>(Kind::MESSAGE_RING), u8);
}

// SAFETY: a queue is `repr(C)`: two lines of words, the entries and the owners, then slots, which
// hold plain values if any. A zero entry was never used, and a zero owner is nobody. The kind, the
// item and the capacity determine its layout.
#[cfg(target_has_atomic = "64")]
unsafe impl<T: Item, const N: usize, W: SharedWait> Part for Queue<T, N, W> {
    lends_a_handle!(queue::Handle<'static, T, W>);
    sized!(kind_for::<W>(Kind::QUEUE), T, N, VALID);
}

// SAFETY: it is a `Queue` whose capacity is known when the program runs, with the same layout and
// description.
#[cfg(target_has_atomic = "64")]
unsafe impl<T: Item, W: SharedWait> Part for QueueView<T, W> {
    lends_a_handle!(queue::Handle<'static, T, W>);
    counted!(kind_for::<W>(Kind::QUEUE), T);
}

// SAFETY: a broadcast is `repr(C)`: a line of words, then slots, each of words and a plain value.
// Zero numbers and words are a fresh broadcast. The kind, the item and the capacity determine its
// layout.
unsafe impl<T: Item, const N: usize, W: SharedWait> Part for Broadcast<T, N, W> {
    lends_a_view!();
    sized!(kind_for::<W>(Kind::BROADCAST), T, N);
}

// SAFETY: it is a `Broadcast` whose capacity is known when the program runs, with the same layout
// and description.
unsafe impl<T: Item, W: SharedWait> Part for BroadcastView<T, W> {
    lends_a_view!();
    counted!(kind_for::<W>(Kind::BROADCAST), T);
}

// SAFETY: a latest value is transparent over the slots of a broadcast of `SLOTS` messages: words
// and plain values. Zero words are a fresh one.
unsafe impl<T: Item, W: SharedWait> Part for Latest<T, W> {
    lends_a_view!();
    sized!(kind_for::<W>(Kind::LATEST), T, SLOTS);
}

// SAFETY: the lock is `repr(C)`: words, and a plain value behind them if it has one. Zeroed words
// are a fresh lock, and `W` has no bytes.
unsafe impl<T: Item, W: SharedWait> Part for Mutex<T, W> {
    lends_a_handle!(lock::Handle<'static, Mutex<T, W>>);
    sized!(kind_for::<W>(Kind::MUTEX), T, 1);
}

// SAFETY: a slice under a lock has the layout and the description of an array of as many values: a
// word, then plain values. Zeroed words are a fresh lock.
unsafe impl<T: Item, W: SharedWait> Part for Mutex<[T], W> {
    lends_a_handle!(lock::Handle<'static, Self>);

    fn capacity(said: &Description) -> usize {
        (said.item_size as usize).checked_div(size_of::<T>()).unwrap_or(0)
    }

    fn description_for(length: usize) -> Option<Description> {
        // The directory does not tell the number of values without bytes.
        let layout = Self::layout(length).filter(|_| size_of::<T>() > 0)?;
        Some(Description::array::<T>(kind_for::<W>(Kind::MUTEX), length, layout.size()))
    }

    fn found_at(at: NonNull<u8>, length: usize) -> Option<NonNull<Self>> {
        Self::from_raw(at, length)
    }
}

// SAFETY: the lock is `repr(C)`: words, and a plain value behind them if it has one. Zeroed words
// are a fresh lock, and `W` has no bytes.
#[cfg(target_has_atomic = "64")]
unsafe impl<T: Item, I: ThreadId + 'static, W: SharedWait> Part for ReentrantMutex<T, I, W> {
    lends_a_handle!(lock::Handle<'static, ReentrantMutex<T, I, W>>);
    sized!(kind_for::<W>(Kind::REENTRANT_MUTEX), T, 1);
}

// SAFETY: the lock is `repr(C)`: words, a plain value behind them if it has one, and slots. Zeroed
// words are a fresh lock, and `W` has no bytes.
unsafe impl<T: Item, const R: usize, W: SharedWait> Part for RwLock<T, R, W> {
    lends_a_handle!(lock::Handle<'static, RwLockView<T, W>>);
    sized!(kind_for::<W>(Kind::RW_LOCK), T, R, VALID);
}

// SAFETY: the lock is `repr(C)`: words, a plain value behind them if it has one, and slots. Zeroed
// words are a fresh lock, and `W` has no bytes.
unsafe impl<T: Item, W: SharedWait> Part for RwLockView<T, W> {
    lends_a_handle!(lock::Handle<'static, Self>);
    counted!(kind_for::<W>(Kind::RW_LOCK), T);
}

// SAFETY: the lock is `repr(C)`: words, and a plain value behind them if it has one. Zeroed words
// are a fresh lock, and `W` has no bytes.
unsafe impl<const START: usize, W: SharedWait> Part for Semaphore<START, W> {
    lends_itself!();
    sized!(kind_for::<W>(Kind::SEMAPHORE), (), START, VALID);
}

// SAFETY: it is a `Semaphore` whose number of permits at first is known when the program runs, with
// the same layout and description.
unsafe impl<W: SharedWait> Part for SemaphoreView<W> {
    lends_itself!();
    counted!(kind_for::<W>(Kind::SEMAPHORE), ());
}

// SAFETY: the lock is `repr(C)`: words, a plain value behind them if it has one, and slots. Zeroed
// words are a fresh lock, and `W` has no bytes.
unsafe impl<const N: usize, W: SharedWait> Part for BoundedSemaphore<N, W> {
    lends_a_handle!(lock::Handle<'static, BoundedSemaphoreView<W>>);
    sized!(kind_for::<W>(Kind::BOUNDED_SEMAPHORE), (), N, VALID);
}

// SAFETY: the lock is `repr(C)`: words, a plain value behind them if it has one, and slots. Zeroed
// words are a fresh lock, and `W` has no bytes.
unsafe impl<W: SharedWait> Part for BoundedSemaphoreView<W> {
    lends_a_handle!(lock::Handle<'static, Self>);
    counted!(kind_for::<W>(Kind::BOUNDED_SEMAPHORE), ());
}

// SAFETY: the lock is `repr(C)`: words, and a plain value behind them if it has one. Zeroed words
// are a fresh lock, and `W` has no bytes.
unsafe impl<W: SharedWait> Part for Condition<W> {
    lends_itself!();
    sized!(kind_for::<W>(Kind::CONDITION), (), 1);
}

// SAFETY: the lock is `repr(C)`: words, and a plain value behind them if it has one. Zeroed words
// are a fresh lock, and `W` has no bytes.
unsafe impl<W: SharedWait> Part for Event<W> {
    lends_itself!();
    sized!(kind_for::<W>(Kind::EVENT), (), 1);
}

// SAFETY: the lock is `repr(C)`: words, a plain value behind them if it has one, and slots. Zeroed
// words are a fresh lock, and `W` has no bytes.
unsafe impl<const N: usize, W: SharedWait> Part for Barrier<N, W> {
    lends_a_handle!(lock::Handle<'static, BarrierView<W>>);
    sized!(kind_for::<W>(Kind::BARRIER), (), N, VALID);
}

// SAFETY: the lock is `repr(C)`: words, a plain value behind them if it has one, and slots. Zeroed
// words are a fresh lock, and `W` has no bytes.
unsafe impl<W: SharedWait> Part for BarrierView<W> {
    lends_a_handle!(lock::Handle<'static, Self>);
    counted!(kind_for::<W>(Kind::BARRIER), ());
}

// These are a user's own integers: this crate does not access them.
#[allow(clippy::disallowed_types)]
#[cfg(target_has_atomic = "8")]
mod integers {
    use super::{Description, Kind, NonNull, Part, Participant, Structure};

    macro_rules! integers {
        ($($width:literal $($name:ident $integer:ty),*;)*) => {
            $($(
                // SAFETY: it is an atomic integer, and zero is a fresh one.
                #[cfg(target_has_atomic = $width)]
                unsafe impl Part for crate::sync::integers::$name {
                    lends_itself!();
                    sized!(Kind::ATOMIC, $integer, 1);
                }

                // SAFETY: it is atomic integers one beside the other, and zero is a fresh one.
                #[cfg(target_has_atomic = $width)]
                unsafe impl<const N: usize> Part for [crate::sync::integers::$name; N] {
                    lends_itself!();
                    sized!(Kind::ATOMIC, $integer, N);
                }

                // SAFETY: it is atomic integers one beside the other, and zero is a fresh one.
                #[cfg(target_has_atomic = $width)]
                unsafe impl Part for [crate::sync::integers::$name] {
                    lends_itself!();
                    cells!(Kind::ATOMIC, $integer, crate::sync::integers::$name);
                }
            )*)*
        };
    }

    integers! {
        "8" AtomicU8 u8, AtomicI8 i8;
        "16" AtomicU16 u16, AtomicI16 i16;
        "32" AtomicU32 u32, AtomicI32 i32;
        "64" AtomicU64 u64, AtomicI64 i64;
    }
}

// SAFETY: it is a plain value that is accessed word by word, and zero words are a fresh one.
unsafe impl<T: Item> Part for Words<T> {
    lends_itself!();
    sized!(Kind::WORDS, T, 1);
}

// SAFETY: it is plain values one beside the other, accessed word by word, and zero words are fresh.
unsafe impl<T: Item, const N: usize> Part for [Words<T>; N] {
    lends_itself!();
    sized!(Kind::WORDS, T, N);
}

// SAFETY: it is plain values one beside the other, accessed word by word, and zero words are fresh.
unsafe impl<T: Item> Part for [Words<T>] {
    lends_itself!();
    cells!(Kind::WORDS, T, Words<T>);
}

/// A ring of any items: these functions access only its header.
#[derive(Debug)]
struct AnyRing<W>(PhantomData<W>);

impl<W: SharedWait> Erased for AnyRing<W> {
    fn words(description: &Description) -> Option<usize> {
        let size = size_of::<Ring<(), 1, W>>();
        (size <= description.size as usize).then_some(size)
    }

    unsafe fn recover(
        at: NonNull<u8>,
        _: &Description,
        _: Participant,
        dead: Participant,
    ) -> usize {
        let Some(ring) = RingView::<(), W>::from_raw(at, 1) else { return 0 };
        // SAFETY: the caller guarantees that a ring lies at `at`. Every ring begins with the same
        // header, and slots of `()` have no bytes.
        let ring = unsafe { ring.as_ref() };
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible here.
        unsafe { ring.recover(dead) }
    }

    unsafe fn look(at: NonNull<u8>, description: &Description) -> PartState {
        let Some(ring) = RingView::<(), W>::from_raw(at, description.capacity as usize) else {
            return PartState::CORRUPT;
        };
        // SAFETY: the caller guarantees that the header of a ring, or a copy of it, lies at `at`;
        // slots of `()` have no bytes.
        let ring = unsafe { ring.as_ref() };
        let named = |role, who: Option<Participant>| Some((role, who?));
        let [producer, consumer] = ring.holders();
        PartState {
            is_valid: ring.is_valid(),
            is_torn: ring.used().is_none(),
            len: ring.used(),
            is_closed: Some(ring.producer_is_gone()),
            holders: [named("producer", producer), named("consumer", consumer)],
            ..PartState::VALID
        }
    }
}

#[cfg(target_has_atomic = "64")]
#[derive(Debug)]
struct AnyQueue<W>(PhantomData<W>);
#[cfg(not(target_has_atomic = "64"))]
type AnyQueue<W> = Nothing<W>;

#[cfg(target_has_atomic = "64")]
impl<W: SharedWait> Erased for AnyQueue<W> {
    fn words(description: &Description) -> Option<usize> {
        let words = QueueView::<(), W>::layout(description.capacity as usize)?.size();
        (words <= description.size as usize).then_some(words)
    }

    unsafe fn recover(
        at: NonNull<u8>,
        description: &Description,
        me: Participant,
        dead: Participant,
    ) -> usize {
        let queue = QueueView::<(), W>::from_raw(at, description.capacity as usize);
        let Some(queue) = queue else { return 0 };
        // SAFETY: the caller guarantees that a queue of this capacity lies at `at`; slots of `()`
        // have no bytes.
        let queue = unsafe { queue.as_ref() };
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible here; what a part holds is plain.
        unsafe { queue.handle(me).recover(dead) }
    }

    unsafe fn look(at: NonNull<u8>, description: &Description) -> PartState {
        let queue = QueueView::<(), W>::from_raw(at, description.capacity as usize);
        let Some(queue) = queue else { return PartState::CORRUPT };
        // SAFETY: the caller guarantees that all the words of a queue of this capacity, or a copy
        // of them, lie at `at`; slots of `()` have no bytes.
        let queue = unsafe { queue.as_ref() };
        let is_valid = queue.is_valid();
        PartState {
            is_valid,
            is_torn: !is_valid,
            len: Some(queue.len()),
            unfinished: Some(queue.unfinished()),
            pushed: Some(queue.pushed()),
            is_closed: Some(queue.is_closed()),
            ..PartState::VALID
        }
    }
}

/// A broadcast of any messages: every broadcast begins with the same words.
type AnyBroadcast<W> = ByPrefix<Broadcast<u8, 1, W>>;

// SAFETY: it is atomics and a byte, of which any bits are a value.
unsafe impl<W: SharedWait> Prefix for Broadcast<u8, 1, W> {
    unsafe fn recover(&self, dead: Participant) -> usize {
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible here.
        unsafe { self.recover(dead) }
    }

    fn look(&self, _: &Description) -> PartState {
        PartState {
            pushed: Some(self.sent()),
            is_closed: Some(self.writer_is_gone()),
            ..PartState::held("writer", self.holder())
        }
    }
}

/// A pool of any frames.
#[cfg(not(loom))]
#[derive(Debug)]
pub(super) struct AnyPool<W>(PhantomData<W>);

#[cfg(loom)]
type AnyPool<W> = Nothing<W>;

#[cfg(not(loom))]
impl<W: SharedWait> AnyPool<W> {
    /// The frames of a pool with this description: their number, and their layout.
    fn frames(said: &Description) -> Option<(usize, alloc::Layout)> {
        let (frames, frame) = (said.capacity as usize, said.item_layout()?);
        let layout = RawPool::<W>::layout(frames, frame)?;
        (layout.size() <= said.size as usize).then_some((frames, frame))
    }
}

#[cfg(not(loom))]
impl<W: SharedWait> Erased for AnyPool<W> {
    fn words(said: &Description) -> Option<usize> {
        Self::frames(said).map(|_| RawPool::<W>::HEAD)
    }

    unsafe fn recover(
        at: NonNull<u8>,
        said: &Description,
        _: Participant,
        dead: Participant,
    ) -> usize {
        let Some((frames, frame)) = Self::frames(said) else { return 0 };
        // SAFETY: the caller guarantees a whole part with this description at `at`.
        let Some(pool) = (unsafe { RawPool::<W>::at(at, frames, frame) }) else { return 0 };
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible here.
        unsafe { pool.recover(dead) }
    }

    unsafe fn look(at: NonNull<u8>, _: &Description) -> PartState {
        // SAFETY: the caller guarantees the first `words` bytes at `at`, which are those of the
        // head, aligned to 8 bytes.
        let (published, is_gone, holder) = unsafe { RawPool::<W>::look(at) };
        PartState {
            pushed: Some(published.into()),
            is_closed: Some(is_gone),
            ..PartState::held("writer", holder)
        }
    }
}

/// A mutex of any value: every mutex begins with its words.
type AnyMutex<W> = ByPrefix<Mutex<(), W>>;

// SAFETY: atomics.
unsafe impl<W: SharedWait + Wait> Prefix for Mutex<(), W> {
    unsafe fn recover(&self, dead: Participant) -> usize {
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible here.
        unsafe { self.recover(dead) }.into()
    }

    fn look(&self, _: &Description) -> PartState {
        PartState::held("holder", self.holder())
    }
}

#[cfg(target_has_atomic = "64")]
type AnyReentrant<W> = ByPrefix<ReentrantMutex<(), AnyThread, W>>;
#[cfg(not(target_has_atomic = "64"))]
type AnyReentrant<W> = Nothing<W>;

/// Stands for the thread type of other programs.
#[cfg(target_has_atomic = "64")]
#[derive(Debug)]
enum AnyThread {}

// SAFETY: no value of this type exists, and nobody locks a mutex by it.
#[cfg(target_has_atomic = "64")]
unsafe impl ThreadId for AnyThread {
    fn thread_id() -> NonZeroU32 {
        NonZeroU32::MIN
    }
}

// SAFETY: atomics.
#[cfg(target_has_atomic = "64")]
unsafe impl<W: SharedWait + Wait> Prefix for ReentrantMutex<(), AnyThread, W> {
    unsafe fn recover(&self, dead: Participant) -> usize {
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible here.
        unsafe { self.recover(dead) }.into()
    }

    fn look(&self, _: &Description) -> PartState {
        PartState::held("holder", self.holder())
    }
}

/// A semaphore: its word counts permits from the number at first, which is the capacity.
type AnySemaphore<W> = ByPrefix<Semaphore<0, W>>;

// SAFETY: atomics.
unsafe impl<W: SharedWait + Wait> Prefix for Semaphore<0, W> {
    unsafe fn recover(&self, _: Participant) -> usize {
        // A semaphore records no holders.
        0
    }

    fn look(&self, description: &Description) -> PartState {
        let permits = self.permits().wrapping_add(description.capacity) & Self::MAX;
        PartState { len: Some(permits as usize), ..PartState::VALID }
    }
}

/// The size of a lock that ends with slots of 4 bytes, in bytes. The slots begin at the offset
/// `before`, and the description says how many there are. `None` when the part is smaller.
fn with_slots(description: &Description, before: usize) -> Option<usize> {
    let size = (description.capacity as usize).checked_mul(4)?.checked_add(before)?;
    (size <= description.size as usize).then_some(size)
}

/// A lock for readers and writers, of any value.
#[derive(Debug)]
struct AnyRwLock<W>(PhantomData<W>);

impl<W: SharedWait> AnyRwLock<W> {
    fn value(description: &Description) -> Option<core::alloc::Layout> {
        let (size, align) = (description.item_size as usize, description.item_align as usize);
        core::alloc::Layout::from_size_align(size, align).ok()
    }
}

impl<W: SharedWait> Erased for AnyRwLock<W> {
    fn words(description: &Description) -> Option<usize> {
        let before = RawRwLock::<W>::offset_of_slots(Self::value(description)?)?;
        with_slots(description, before)?;
        // `look` reads the lock as one without a value and slots.
        RawRwLock::<W>::offset_of_slots(core::alloc::Layout::new::<()>())
    }

    unsafe fn recover(
        at: NonNull<u8>,
        description: &Description,
        _: Participant,
        dead: Participant,
    ) -> usize {
        let readers = description.capacity as usize;
        let Some(value) = Self::value(description) else { return 0 };
        // SAFETY: the caller guarantees that such a lock lies at `at`, for so many readers, with a
        // value of this size. What a part holds is plain.
        let lock = unsafe { RawRwLock::<W>::exactly_at(at, readers, value) };
        // SAFETY: the caller guarantees that `dead` takes no further step, and that what it wrote
        // is visible here.
        lock.is_some_and(|lock| unsafe { lock.recover(dead) }).into()
    }

    unsafe fn look(at: NonNull<u8>, _: &Description) -> PartState {
        let none = core::ptr::slice_from_raw_parts(at.cast::<()>().as_ptr(), 0);
        // SAFETY: the caller guarantees that the words of such a lock, or a copy of them, lie at
        // `at`. A lock begins as one without slots, and it is atomics, of which any bits are a
        // value.
        let lock = unsafe { &*(none as *const RwLockView<(), W>) };
        PartState::held("writer", lock.writer())
    }
}

/// Locks that are words and slots, without a value.
macro_rules! slots_alone {
    ($($any:ident, $view:ident, $words:expr;)*) => {
        $(
            #[derive(Debug)]
            struct $any<W>(PhantomData<W>);

            impl<W: SharedWait> Erased for $any<W> {
                fn words(description: &Description) -> Option<usize> {
                    // `look` reads nothing.
                    with_slots(description, $words + size_of::<Doorbell<W>>()).map(|_| 0)
                }

                unsafe fn recover(
                    at: NonNull<u8>,
                    description: &Description,
                    _: Participant,
                    dead: Participant,
                ) -> usize {
                    let slots = description.capacity as usize;
                    let view = core::ptr::slice_from_raw_parts(at.cast::<()>().as_ptr(), slots);
                    // SAFETY: the caller guarantees that such a lock lies at `at`, with so many
                    // slots.
                    let lock = unsafe { &*(view as *const $view<W>) };
                    // SAFETY: the caller guarantees that `dead` takes no further step and that what
                    // it wrote is visible here.
                    unsafe { lock.recover(dead) }.into()
                }

                unsafe fn look(_: NonNull<u8>, _: &Description) -> PartState {
                    PartState::VALID
                }
            }
        )*
    };
}

slots_alone! {
    AnyBounded, BoundedSemaphoreView, 0;
    AnyBarrier, BarrierView, size_of::<u32>();
}

#[cfg(test)]
mod tests {
    use super::super::AnyPart;
    use super::*;
    use crate::wait::Spin;

    fn participant(number: u16) -> Participant {
        Participant::new(number).unwrap()
    }

    /// What can be seen in `part`, and how many things of `dead` are recovered.
    fn seen_and_recovered<P: Part>(part: &P, dead: Participant) -> (PartState, usize) {
        let any = AnyPart::<Spin>::new(&P::description()).unwrap();
        let at = NonNull::from(part).cast();
        // SAFETY: `at` points to the part, which is borrowed.
        let seen = unsafe { any.look(at) };
        // SAFETY: `at` points to the part, which is borrowed, and `dead` takes no further step: its
        // guards were forgotten.
        (seen, unsafe { any.recover(at, participant(9), dead) })
    }

    #[test]
    fn every_held_kind_is_seen_and_recovered() {
        let dead = participant(3);
        let ring = Ring::<[u16; 5], 3>::new();
        core::mem::forget(ring.producer_as(dead));
        let (seen, count) = seen_and_recovered(&ring, dead);
        assert_eq!((seen.holders[0], count), (Some(("producer", dead)), 1));
        assert_eq!(seen_and_recovered(&ring, dead).0.is_closed, Some(true));

        let queue = Queue::<u64, 5>::new();
        queue.try_push(1).unwrap();
        core::mem::forget(queue.handle(dead).try_claim());
        let (seen, count) = seen_and_recovered(&queue, dead);
        assert_eq!((seen.len, seen.unfinished, count), (Some(0), Some(1), 1));

        let newest = Latest::<u32>::new();
        core::mem::forget(newest.writer_as(dead));
        let (seen, count) = seen_and_recovered(&newest, dead);
        assert_eq!((seen.holders[0], count), (Some(("writer", dead)), 1));

        let news = Broadcast::<u32, 4>::new();
        let mut writer = core::mem::ManuallyDrop::new(news.writer_as(dead).unwrap());
        (0..5).for_each(|number| writer.send(number));
        let (seen, count) = seen_and_recovered(&news, dead);
        assert_eq!((seen.holders[0], count), (Some(("writer", dead)), 1));
        assert_eq!((seen.pushed, seen.is_closed), (Some(5), Some(false)));
        assert_eq!(seen_and_recovered(&news, dead).0.is_closed, Some(true));

        let lock = RwLock::<[u64; 3], 2>::new([0; 3]);
        core::mem::forget(lock.handle(dead).write());
        let (seen, count) = seen_and_recovered(&lock, dead);
        assert_eq!((seen.holders[0], count), (Some(("writer", dead)), 1));
        core::mem::forget(lock.handle(dead).read());
        assert_eq!((seen_and_recovered(&lock, dead).1, lock.readers()), (1, 0));

        let mutex = Mutex::<u64>::new(0);
        core::mem::forget(mutex.handle(dead).lock());
        let (seen, count) = seen_and_recovered(&mutex, dead);
        assert_eq!((seen.holders[0], count), (Some(("holder", dead)), 1));
        assert_eq!(seen_and_recovered(&mutex, dead).1, 0);

        assert_eq!(SemaphoreView::<Spin>::description_for(5), Some(Semaphore::<5>::description()));
        assert_eq!(SemaphoreView::<Spin>::description_for(1 << 31), None);
        let permits = Semaphore::<5>::new();
        permits.acquire();
        let (seen, count) = seen_and_recovered(&permits, dead);
        assert_eq!((seen.len, count), (Some(4), 0));
    }

    #[test]
    fn a_look_reads_as_much_as_it_says_at_most() {
        let words =
            |description: Description| AnyPart::<Spin>::new(&description).map(|any| any.words());
        let mutex = Mutex::<u64>::description();
        let least = words(mutex).unwrap() as u32;
        assert_eq!(least, size_of::<lock::Mutex<()>>() as u32);
        assert!(words(Description { size: least, ..mutex }).is_some());
        assert!(words(Description { size: least - 1, ..mutex }).is_none());
        // The lock's words, 8 bytes of value, and two slots: what `look` reads is its words.
        let lock = RwLock::<u64, 2>::description();
        assert_eq!(words(lock), Some(8));
        assert!(words(Description { size: lock.size - 8, ..lock }).is_none());
        assert!(words(Description { item_align: 3, ..lock }).is_none());
    }

    #[test]
    #[allow(clippy::disallowed_types)] // A user's own integers.
    fn arrays_and_slices_have_the_same_description() {
        type Row = Mutex<[u16; 5], Spin>;
        assert_eq!(<Mutex<[u16], Spin>>::description_for(5), Some(Row::description()));
        assert_eq!(<Mutex<[u16], Spin>>::capacity(&Row::description()), 5);
        let nothing = <Mutex<[[u16; 0]], Spin>>::description_for(5);
        assert!(nothing.is_none(), "its length stands nowhere");
        let dead = participant(3);
        let row = Row::new([0; 5]);
        core::mem::forget(row.handle(dead).lock());
        let (seen, count) = seen_and_recovered(&row, dead);
        assert_eq!((seen.holders[0], count), (Some(("holder", dead)), 1));

        let raw = <[Words<u16>; 5]>::description();
        assert_eq!(<[Words<u16>]>::description_for(5), Some(raw));
        assert_eq!((raw.size, raw.capacity, raw.item_size), (20, 5, 2));
        assert!(<[Words<u16>]>::description_for(usize::MAX).is_none());
        let counts = <[crate::sync::integers::AtomicU8; 5]>::description();
        assert_eq!(<[crate::sync::integers::AtomicU8]>::description_for(5), Some(counts));
        assert_eq!(counts.size, 5);
        assert_ne!(Some(counts), <[crate::sync::integers::AtomicI8]>::description_for(5));
    }

    #[test]
    fn an_invalid_description_is_no_part() {
        let queue = Queue::<u64, 5>::description();
        for capacity in [0, 100, 1 << 16, u32::MAX] {
            assert!(AnyPart::<Spin>::new(&Description { capacity, ..queue }).is_none());
        }
        let ring = Description { size: 8, ..Ring::<u8, 4>::description() };
        assert!(AnyPart::<Spin>::new(&ring).is_none());
        let later = AnyPart::<Spin>::new(&Description { kind: Kind(999), ..ring }).unwrap();
        assert_eq!(later.words(), 0);
    }

    #[test]
    fn a_look_at_a_lock_of_many_slots_reads_few_bytes() {
        let many = |description: Description| Description {
            size: u32::MAX,
            capacity: 1 << 29,
            ..description
        };
        for description in [
            RwLock::<u64, 2>::description(),
            BoundedSemaphore::<2>::description(),
            Barrier::<2>::description(),
        ] {
            let words = AnyPart::<Spin>::new(&many(description)).unwrap().words();
            assert!(words <= 64, "{}: {words}", description.kind);
        }
    }
}
