//! Messages of any length up to a limit, for one producer and one consumer, written and read in
//! place.
//!
//! This is a ring of bytes in which each message lies in one piece after its length. The sender
//! publishes a message as a whole. So the receiver sees all of it or nothing, even if the sender is
//! killed while it writes.
//!
//! | | copies | in place |
//! |---|---|---|
//! | send | [`try_send`](Sender::try_send) | [`try_reserve`](Sender::try_reserve), write, [`commit`](SendGrant::commit) |
//! | receive | [`try_recv`](Receiver::try_recv) | [`try_peek`](Receiver::try_peek), read, [`release`](RecvGrant::release) |
//!
//! A message has at most [`MAX_MESSAGE`](MessageRing::MAX_MESSAGE) bytes, slightly less than half
//! of the ring. The [byte ring](super::bytes) explains why.
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

use crate::participant::Participant;
use crate::storage::Storage;
use crate::wait::Wake;

mod inner;
mod receiver;
mod sender;

pub use inner::{MessageRing, MessageRingInner, MessageRingRef, MessageRingView};
pub use receiver::{Receiver, RecvGrant};
pub use sender::{SendGrant, Sender};

impl<S: Storage<Value = u8> + ?Sized, W: Wake> MessageRingInner<S, W> {
    /// Takes the sender's half; `None` while somebody holds it.
    ///
    /// Any context may call this. When the half is dropped, it is given back, and the receiver
    /// waits for the next sender. [`Sender::close`] ends the stream.
    pub fn sender(&self) -> Option<Sender<&Self>> {
        Sender::new(self)
    }

    /// As [`sender`](Self::sender), for the participant `me`, where processes share the ring.
    ///
    /// It is also `None` when the memory was corrupted, see [`is_valid`](Self::is_valid).
    pub fn sender_as(&self, me: Participant) -> Option<Sender<&Self>> {
        Sender::take_for(self, me)
    }

    /// Takes the receiver's half; `None` while somebody holds it.
    ///
    /// Any context may call this. When the half is dropped, it is given back, and the messages that
    /// are left are there for the next receiver. [`Receiver::close`] tells the sender that there
    /// will be no next one.
    pub fn receiver(&self) -> Option<Receiver<&Self>> {
        Receiver::new(self)
    }

    /// As [`receiver`](Self::receiver), for the participant `me`, where processes share the ring.
    ///
    /// It is also `None` when the memory was corrupted, see [`is_valid`](Self::is_valid).
    pub fn receiver_as(&self, me: Participant) -> Option<Receiver<&Self>> {
        Receiver::take_for(self, me)
    }

    /// Both halves of a ring that the caller owns. This needs no read-modify-write.
    pub fn split(&mut self) -> (Sender<&Self>, Receiver<&Self>) {
        self.take_both_halves();
        let ring = &*self;
        // SAFETY: `take_both_halves` has just taken the half, and only this call uses it.
        let sender = unsafe { Sender::from_taken(ring) };
        // SAFETY: `take_both_halves` has just taken the half, and only this call uses it.
        (sender, unsafe { Receiver::from_taken(ring) })
    }
}
