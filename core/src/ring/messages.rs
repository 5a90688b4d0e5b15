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
//! that [`ByteRing`] gives.
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
//! let message = receiver.try_peek()?.unwrap();
//! assert_eq!(&*message, b"first");
//! message.release();
//! let mut out = [0; 20];
//! assert_eq!(receiver.try_recv(&mut out)?, 6);
//! # Ok::<(), ringway_core::Error>(())
//! ```

mod waiting;

use super::bytes::{self, ByteRing, HEADER, ReserveError};
use super::copy::copy_bytes;
use crate::Error;
use crate::participant::Participant;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::sync::const_unless_loom;
use crate::wait::{Doorbell, Nobody, Wake};
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};

/// A ring of messages in `N` bytes, for one producer and one consumer. `W` says how a side can sleep, see [`Wake`].
///
/// Memory: as a [`ByteRing`] of as many bytes. A message takes its bytes and 4 more. `N` is 9 to 2^30.
///
/// ```
/// use ringway_core::ring::messages::MessageRing;
/// static EVENTS: MessageRing<256> = MessageRing::new();
/// EVENTS.sender().unwrap().try_send(b"started").unwrap();
/// ```
#[derive(Debug)]
#[repr(transparent)]
pub struct MessageRing<const N: usize, W: Wake = Nobody>(ByteRing<N, W>);

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
        /// static EVENTS: MessageRing<64, Spin> =
        ///     MessageRing::new();
        /// EVENTS.sender().unwrap().send(b"waits for room if need be").unwrap();
        /// ```
        pub fn new() -> Self {
            // Refuses a ring that is too small when the program is compiled.
            const { Self::MAX_MESSAGE };
            MessageRing(ByteRing::new())
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

impl<const N: usize, W: Wake> MessageRing<N, W> {
    /// The sender's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back, and the receiver waits for the next sender; [`Sender::close`] ends the stream.
    pub fn sender(&self) -> Option<Sender<'_, N, W>> {
        self.sender_as(Participant::LOCAL)
    }

    /// [`sender`](Self::sender) for `me`, where processes share the ring.
    pub fn sender_as(&self, me: Participant) -> Option<Sender<'_, N, W>> {
        self.0.producer_as(me).map(Sender)
    }

    /// The receiver's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back; messages that it left are there for the next. [`Receiver::close`] tells the sender
    /// that there will be no next.
    pub fn receiver(&self) -> Option<Receiver<'_, N, W>> {
        self.receiver_as(Participant::LOCAL)
    }

    /// [`receiver`](Self::receiver) for `me`, where processes share the ring.
    pub fn receiver_as(&self, me: Participant) -> Option<Receiver<'_, N, W>> {
        self.0.consumer_as(me).map(Receiver)
    }

    /// Both halves of a ring that the caller owns.
    pub fn split(&mut self) -> (Sender<'_, N, W>, Receiver<'_, N, W>) {
        let (producer, consumer) = self.0.split();
        (Sender(producer), Receiver(consumer))
    }

    /// Closes the halves that `dead` held, see [`ByteRing::recover`].
    ///
    /// # Safety
    /// As there.
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        // SAFETY: the caller's word.
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

    /// See [`ByteRing::is_sound`].
    pub fn is_sound(&self) -> bool {
        self.0.is_sound()
    }
}

/// The half that sends. It can move to another thread or context, and is used from one at a time.
#[derive(Debug)]
pub struct Sender<'a, const N: usize, W: Wake = Nobody>(bytes::Producer<'a, N, W>);

impl<'a, const N: usize, W: Wake> Sender<'a, N, W> {
    /// Copies a message in and sends it. Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is too little room now, [`Error::MessageTooLarge`] when there can never be enough.
    pub fn try_send(&mut self, message: &[u8]) -> Result<(), Error> {
        let mut grant = self.try_reserve(message.len())?;
        copy_bytes::<N>(message, &mut grant);
        grant.commit(message.len());
        Ok(())
    }

    /// Reserves room for a message of at most `len` bytes, to be written in place. The receiver sees nothing before
    /// [`SendGrant::commit`].
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_reserve(&mut self, len: usize) -> Result<SendGrant<'_, 'a, N, W>, Error> {
        let max = MessageRing::<N, W>::MAX_MESSAGE;
        if len > max {
            return Err(Error::MessageTooLarge { max });
        }
        match self.0.try_reserve(HEADER + len) {
            Ok(grant) => Ok(SendGrant(grant)),
            Err(ReserveError::Full) => Err(Error::WouldBlock),
            Err(ReserveError::TooLarge { .. }) => Err(Error::MessageTooLarge { max }),
        }
    }

    /// Whether the last receiver closed its half or died, and nobody took it since. One that has
    /// not come yet is not gone, nor is one that gave its half back.
    pub fn receiver_is_gone(&self) -> bool {
        self.0.consumer_is_gone()
    }

    /// Ends the stream: the receiver gets what was sent, and then its forms that wait answer
    /// [`Error::EndOfFile`]. A sender that is taken later opens the stream again.
    pub fn close(self) {
        self.0.close();
    }
}

/// A message to be written, as a slice. Dropped without a commit, it sends nothing.
#[derive(Debug)]
#[must_use = "a grant that is dropped sends nothing"]
pub struct SendGrant<'g, 'a, const N: usize, W: Wake>(bytes::WriteGrant<'g, 'a, N, W>);

impl<const N: usize, W: Wake> SendGrant<'_, '_, N, W> {
    /// Sends the first `len` bytes as a message; more than the grant has count as all it has.
    pub fn commit(mut self, len: usize) {
        let len = len.min(self.len());
        if let Some(to) = self.0.first_chunk_mut() {
            *to = (len as u32).to_le_bytes();
        }
        self.0.commit(HEADER + len);
    }
}

impl<const N: usize, W: Wake> Deref for SendGrant<'_, '_, N, W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.get(HEADER..).unwrap_or_default()
    }
}

impl<const N: usize, W: Wake> DerefMut for SendGrant<'_, '_, N, W> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.get_mut(HEADER..).unwrap_or_default()
    }
}

/// The half that receives. It can move to another thread or context, and is used from one at a time.
#[derive(Debug)]
pub struct Receiver<'a, const N: usize, W: Wake = Nobody>(bytes::Consumer<'a, N, W>);

impl<'a, const N: usize, W: Wake> Receiver<'a, N, W> {
    /// Copies the oldest message out and returns its length. Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none now; [`Error::BufferTooSmall`] when `out` is smaller, and the message stays;
    /// [`Error::Corrupt`] when what lies there is no message, which only a peer that writes nonsense can bring about.
    pub fn try_recv(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let message = self.try_peek()?.ok_or(Error::WouldBlock)?;
        let bytes: &[u8] = &message;
        let needed = bytes.len();
        let to = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
        copy_bytes::<N>(bytes, to);
        message.release();
        Ok(needed)
    }

    /// The oldest message, in place; `None` when there is none now. It stays until [`RecvGrant::release`].
    ///
    /// # Errors
    /// [`Error::Corrupt`], as in [`try_recv`](Self::try_recv).
    pub fn try_peek(&mut self) -> Result<Option<RecvGrant<'_, 'a, N, W>>, Error> {
        // A message is published whole, so that the part of it that is known to be there is all of it.
        let Some(grant) = self.0.try_peek_one() else { return Ok(None) };
        let (length, rest) = grant.split_first_chunk::<HEADER>().ok_or(Error::Corrupt)?;
        // An allegation: what lies behind it decides.
        let len = u32::from_le_bytes(*length) as usize;
        if len > rest.len() {
            return Err(Error::Corrupt);
        }
        Ok(Some(RecvGrant { grant, len }))
    }

    /// Whether the last sender closed its half or died, and nobody took it since. What it sent can
    /// still be received. One that has not come yet is not gone, nor is one that gave its half
    /// back.
    pub fn sender_is_gone(&self) -> bool {
        self.0.producer_is_gone()
    }

    /// Takes no more: the sender's forms that wait answer [`Error::BrokenPipe`]. Messages that are
    /// left stay. A receiver that is taken later opens the ring again.
    pub fn close(self) {
        self.0.close();
    }
}

/// A message to be read, as a slice. Dropped without a release, it stays the oldest.
#[derive(Debug)]
#[must_use = "a message that is not released stays"]
pub struct RecvGrant<'g, 'a, const N: usize, W: Wake> {
    grant: bytes::ReadGrant<'g, 'a, N, W>,
    len: usize,
}

impl<const N: usize, W: Wake> RecvGrant<'_, '_, N, W> {
    /// Done with it: the sender may use its room.
    pub fn release(self) {
        self.grant.release(HEADER + self.len);
    }
}

impl<const N: usize, W: Wake> Deref for RecvGrant<'_, '_, N, W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.grant.get(HEADER..HEADER + self.len).unwrap_or_default()
    }
}
