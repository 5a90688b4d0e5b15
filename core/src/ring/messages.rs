//! Messages of any length, up to a limit, for one producer and one consumer; written and read in place.
//!
//! A ring of bytes in which each message lies in one piece behind its length. Sending it is one publication, so that the
//! receiver sees it whole or not at all, also when the sender is killed while it writes.
//!
//! | | copies | in place |
//! |---|---|---|
//! | send | [`try_send`](Sender::try_send) | [`try_reserve`](Sender::try_reserve), write, [`commit`](SendGrant::commit) |
//! | receive | [`try_recv`](Receiver::try_recv) | [`try_peek`](Receiver::try_peek), read, [`release`](RecvGrant::release) |
//!
//! A message has at most [`MAX_MESSAGE`](MessageRing::MAX_MESSAGE) bytes, some less than half of the ring, for the reason
//! that the [byte ring](super::bytes) gives.
//!
//! ```
//! use ringway_core::ring::messages::MessageRing;
//! let mut ring: MessageRing<64> = MessageRing::new();
//! let (mut sender, mut receiver) = ring.split();
//! sender.try_send(b"first")?;
//! let mut grant = sender.try_reserve(20)?;
//! grant[..6].copy_from_slice(b"second");
//! grant.commit(6);
//!
//! let message = receiver.try_peek()?;
//! assert_eq!(&*message, b"first");
//! message.release();
//! let mut out = [0; 20];
//! assert_eq!(receiver.try_recv(&mut out)?, 6);
//! # Ok::<(), ringway_core::Error>(())
//! ```

mod receiver;
mod sender;

pub use receiver::{Receiver, RecvGrant};
pub use sender::{SendGrant, Sender};

#[cfg(not(loom))]
use super::bytes::ByteRingView;
use super::bytes::{ByteRing, ByteRingInner, HEADER};
use crate::participant::Participant;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::storage::Storage;
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::sync::{Slot, const_unless_loom};
use crate::wait::{Doorbell, Nobody, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::ptr::NonNull;

/// A ring of messages in `N` bytes, for one producer and one consumer. `W` says how a side can sleep, see [`Wake`].
///
/// Memory: as a [`ByteRing`] of as many bytes. A message takes its bytes and 4 more. `N` is 9 to 2^30.
///
/// ```
/// use ringway_core::ring::messages::MessageRing;
/// static EVENTS: MessageRing<256> = MessageRing::new();
/// EVENTS.sender().unwrap().try_send(b"started").unwrap();
/// ```
pub type MessageRing<const N: usize, W = Nobody> = MessageRingInner<[Slot<u8>; N], W>;

/// A [`MessageRing`] whose capacity is known when the program runs: a reference to it says what it is.
///
/// `&MessageRing<N, W>` coerces to `&MessageRingView<W>`. Others lie on the heap or in memory at hand, see
/// [`InMemory`].
///
/// ```
/// use ringway_core::ring::messages::{MessageRing, MessageRingView};
/// static EVENTS: MessageRing<256> = MessageRing::new();
/// let events: &MessageRingView = &EVENTS;
/// assert_eq!(events.max_message(), MessageRing::<256>::MAX_MESSAGE);
/// events.sender().unwrap().try_send(b"started").unwrap();
/// ```
pub type MessageRingView<W = Nobody> = MessageRingInner<[Slot<u8>], W>;

/// What [`MessageRing`] and [`MessageRingView`] are. `S` is the array of its bytes, see [`storage`].
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
        /// An empty ring.
        ///
        /// ```
        /// use ringway_core::ring::messages::MessageRing;
        /// use ringway_core::wait::Spin;
        /// static EVENTS: MessageRing<64, Spin> = MessageRing::new();
        /// EVENTS.sender().unwrap().send(b"waits for room if need be").unwrap();
        /// ```
        pub fn new() -> Self {
            // Refuses a ring that is too small when the program is compiled.
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

// SAFETY: it is a ring of bytes, which is made there.
#[cfg(not(loom))]
unsafe impl<const N: usize, W: Wake> InPlace for MessageRing<N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        const { Self::MAX_MESSAGE };
        let ring = place.as_mut_ptr().cast::<MaybeUninit<ByteRing<N, W>>>();
        // SAFETY: `repr(transparent)`, and the place is ours.
        ByteRing::init(unsafe { &mut *ring });
        // SAFETY: just made.
        unsafe { place.assume_init_mut() }
    }
}

// SAFETY: it is a ring of bytes.
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
        // SAFETY: as the caller states.
        unsafe { ByteRingView::<W>::init_at(at, capacity) }.map(|_| ring)
    }
}

impl<S: Storage<Value = u8> + ?Sized, W: Wake> MessageRingInner<S, W> {
    /// The longest message, in bytes: [`MAX_MESSAGE`](MessageRing::MAX_MESSAGE).
    pub fn max_message(&self) -> usize {
        self.0.capacity().div_ceil(2).saturating_sub(HEADER)
    }

    /// The sender's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back, and the receiver waits for the next sender; [`Sender::close`] ends the stream.
    pub fn sender(&self) -> Option<Sender<'_, W, S::Capacity>> {
        self.sender_as(Participant::LOCAL)
    }

    /// [`sender`](Self::sender) for `me`, where processes share the ring.
    pub fn sender_as(&self, me: Participant) -> Option<Sender<'_, W, S::Capacity>> {
        self.0.producer_as(me).map(Sender)
    }

    /// The receiver's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back; messages that it left are there for the next. [`Receiver::close`] tells the sender
    /// that there will be no next.
    pub fn receiver(&self) -> Option<Receiver<'_, W, S::Capacity>> {
        self.receiver_as(Participant::LOCAL)
    }

    /// [`receiver`](Self::receiver) for `me`, where processes share the ring.
    pub fn receiver_as(&self, me: Participant) -> Option<Receiver<'_, W, S::Capacity>> {
        self.0.consumer_as(me).map(Receiver)
    }

    /// Both halves of a ring that the caller owns.
    pub fn split(&mut self) -> (Sender<'_, W, S::Capacity>, Receiver<'_, W, S::Capacity>) {
        let (producer, consumer) = self.0.split();
        (Sender(producer), Receiver(consumer))
    }

    /// Closes the halves that `dead` held, see [`ByteRingInner::recover`].
    ///
    /// # Safety
    /// As there.
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        // SAFETY: as the caller promises.
        unsafe { self.0.recover(dead) }
    }

    /// Whether the ring was empty at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the last sender closed its half or died, and nobody took it since.
    pub fn sender_is_gone(&self) -> bool {
        self.0.producer_is_gone()
    }

    /// What the receiver sleeps on. Every message rings it, and so does [`Sender::close`].
    pub fn receivers_bell(&self) -> &Doorbell<W> {
        self.0.consumers_bell()
    }

    /// What the sender sleeps on. Every release rings it, and so does [`Receiver::close`].
    pub fn senders_bell(&self) -> &Doorbell<W> {
        self.0.producers_bell()
    }

    /// See [`ByteRingInner::is_valid`].
    pub fn is_valid(&self) -> bool {
        self.0.is_valid()
    }
}
