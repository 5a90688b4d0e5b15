//! The message ring itself, and what can be seen without a half.

use crate::participant::Participant;
#[cfg(not(loom))]
use crate::ring::InPlace;
#[cfg(not(loom))]
use crate::ring::bytes::ByteRingView;
use crate::ring::bytes::{ByteRing, ByteRingInner, HEADER};
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::storage::{StableRef, Storage};
use crate::sync::{Slot, const_unless_loom};
use crate::wait::{Doorbell, Nobody, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::ptr::NonNull;

/// A ring of messages in `N` bytes, for one producer and one consumer.
///
/// `W` says how a side can sleep, see [`Wake`]. `N` is 9 to 2^30; other numbers do not compile.
///
/// Memory: as a [`ByteRing`] of `N` bytes. A message takes its own bytes and 4 more.
///
/// ```
/// use ringway_core::ring::messages::MessageRing;
/// static EVENTS: MessageRing<256> = MessageRing::new();
/// EVENTS.sender().unwrap().try_send(b"started").unwrap();
/// ```
pub type MessageRing<const N: usize, W = Nobody> = MessageRingInner<[Slot<u8>; N], W>;

/// A [`MessageRing`] whose capacity is known at run time.
///
/// A reference to it carries the capacity. `&MessageRing<N, W>` coerces to `&MessageRingView<W>`.
/// Other views lie on the heap or in memory that the caller provides, see [`InMemory`].
///
/// ```
/// use ringway_core::ring::messages::{MessageRing, MessageRingView};
/// static EVENTS: MessageRing<256> = MessageRing::new();
/// let events: &MessageRingView = &EVENTS;
/// assert_eq!(events.max_message(), MessageRing::<256>::MAX_MESSAGE);
/// events.sender().unwrap().try_send(b"started").unwrap();
/// ```
pub type MessageRingView<W = Nobody> = MessageRingInner<[Slot<u8>], W>;

/// The type behind [`MessageRing`] and [`MessageRingView`].
///
/// `S` is its array of bytes, see [`storage`](crate::storage).
#[derive(Debug)]
#[repr(transparent)]
pub struct MessageRingInner<S: Storage<Value = u8> + ?Sized, W: Wake>(ByteRingInner<S, W>);

impl<const N: usize, W: Wake> MessageRing<N, W> {
    /// The longest message, in bytes.
    ///
    /// ```
    /// assert_eq!(ringway_core::ring::messages::MessageRing::<64>::MAX_MESSAGE, 28);
    /// ```
    pub const MAX_MESSAGE: usize = {
        assert!(N > 2 * HEADER, "a ring of messages needs room for a length and a byte, twice");
        ByteRing::<N, W>::MAX_GRANT - HEADER
    };

    const_unless_loom! {
        /// Makes an empty ring.
        ///
        /// ```
        /// use ringway_core::ring::messages::MessageRing;
        /// use ringway_core::wait::Spin;
        /// static EVENTS: MessageRing<64, Spin> = MessageRing::new();
        /// EVENTS.sender().unwrap().send(b"waits for room if need be").unwrap();
        /// ```
        pub fn new() -> Self {
            // Refuses a ring that is too small, at compile time.
            const { Self::MAX_MESSAGE };
            MessageRingInner(ByteRing::new())
        }
    }
}

impl<const N: usize, W: Wake> Default for MessageRing<N, W> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: a message ring is a byte ring, which `init` makes in `place`.
#[cfg(not(loom))]
unsafe impl<const N: usize, W: Wake> InPlace for MessageRing<N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        const { Self::MAX_MESSAGE };
        let ring = place.as_mut_ptr().cast::<MaybeUninit<ByteRing<N, W>>>();
        // SAFETY: `repr(transparent)`: both types have one layout. `place` is borrowed exclusively.
        ByteRing::init(unsafe { &mut *ring });
        // SAFETY: `ByteRing::init` has just made the ring in `place`.
        unsafe { place.assume_init_mut() }
    }
}

// SAFETY: a message ring is a byte ring.
#[cfg(not(loom))]
unsafe impl<W: Wake> InMemory for MessageRingView<W> {
    fn layout(capacity: usize) -> Option<Layout> {
        ByteRingView::<W>::layout(capacity).filter(|_| capacity > 2 * HEADER)
    }

    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        Self::layout(capacity)?;
        NonNull::new(storage::slice(at, capacity) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        let ring = Self::from_raw(at, capacity)?;
        // SAFETY: the caller provides memory of `layout(capacity)`, which is the layout of the byte
        // ring, and only the caller uses it.
        unsafe { ByteRingView::<W>::init_at(at, capacity) }.map(|_| ring)
    }
}

/// A reference by which a half reaches and keeps its message ring.
///
/// It is any [`StableRef`] to a [`MessageRing`] or a [`MessageRingView`].
///
/// ```
/// use ringway_core::ring::messages::{MessageRing, MessageRingRef, Sender};
/// /// Sends through any ring, however it is kept.
/// fn report<R: MessageRingRef>(to: &mut Sender<R>) -> Result<(), ringway_core::Error> {
///     to.try_send(b"alive")
/// }
/// static EVENTS: MessageRing<64> = MessageRing::new();
/// assert_eq!(report(&mut EVENTS.sender().unwrap()), Ok(()));
/// ```
pub trait MessageRingRef:
    StableRef<
    Target = MessageRingInner<<Self as MessageRingRef>::Storage, <Self as MessageRingRef>::Wake>,
>
{
    /// The array of the ring's bytes.
    type Storage: Storage<Value = u8> + ?Sized;
    /// How the ring's sides sleep.
    type Wake: Wake;
}

impl<R, S, W> MessageRingRef for R
where
    R: StableRef<Target = MessageRingInner<S, W>>,
    S: Storage<Value = u8> + ?Sized,
    W: Wake,
{
    type Storage = S;
    type Wake = W;
}

/// A reference to the byte ring of a message ring.
#[derive(Debug)]
pub struct Bytes<R>(pub(super) R);

// SAFETY: the byte ring is the message ring, which stays where it is.
unsafe impl<R: MessageRingRef> StableRef for Bytes<R> {
    type Target = ByteRingInner<R::Storage, R::Wake>;

    #[inline(always)]
    fn get(&self) -> &Self::Target {
        self.0.get().bytes()
    }

    fn participant(&self) -> Participant {
        self.0.participant()
    }
}

impl<S: Storage<Value = u8> + ?Sized, W: Wake> MessageRingInner<S, W> {
    /// The byte ring of this message ring.
    #[inline(always)]
    fn bytes(&self) -> &ByteRingInner<S, W> {
        &self.0
    }

    /// Takes both halves for the owner of the ring, who knows that they are free.
    pub(super) fn take_both_halves(&mut self) {
        self.0.take_both_halves();
    }

    /// The longest message, in bytes: [`MAX_MESSAGE`](MessageRing::MAX_MESSAGE).
    pub fn max_message(&self) -> usize {
        self.0.capacity().div_ceil(2).saturating_sub(HEADER)
    }

    /// Closes the halves that `dead` held, wakes the other side, and returns the number of halves.
    ///
    /// See [`ByteRingInner::recover`].
    ///
    /// # Safety
    /// `dead` takes no further step in this ring: its process has ended, or its context was reset.
    /// What it wrote is visible to the caller, as it is once the operating system has reported its
    /// end.
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible.
        unsafe { self.0.recover(dead) }
    }

    /// Whether the ring was empty at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the last sender closed its half or died, and nobody has taken the half since.
    ///
    /// The messages that it sent can still be received. A sender that has not come yet is not gone,
    /// and neither is one that gave its half back.
    pub fn sender_is_gone(&self) -> bool {
        self.0.producer_is_gone()
    }

    /// Whether the last receiver closed its half or died, and nobody has taken the half since.
    ///
    /// A receiver that has not come yet is not gone, and neither is one that gave its half back.
    pub fn receiver_is_gone(&self) -> bool {
        self.0.consumer_is_gone()
    }

    /// The doorbell on which the receiver sleeps.
    ///
    /// Every message rings it, and so does [`Sender::close`](super::Sender::close).
    pub fn receivers_bell(&self) -> &Doorbell<W> {
        self.0.consumers_bell()
    }

    /// The doorbell on which the sender sleeps.
    ///
    /// Every release rings it, and so does [`Receiver::close`](super::Receiver::close).
    pub fn senders_bell(&self) -> &Doorbell<W> {
        self.0.producers_bell()
    }

    /// Whether both positions are valid for this ring, see [`ByteRingInner::is_valid`].
    pub fn is_valid(&self) -> bool {
        self.0.is_valid()
    }
}
