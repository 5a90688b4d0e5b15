//! One writer and any number of readers; every reader gets every message.
//!
//! The writer never waits: it overwrites the oldest message. A reader that is too slow learns
//! exactly how many messages it missed, and continues with the oldest message that is still there.
//! Readers are not registered anywhere, because a reader's position lies in its own handle. So
//! there may be any number of readers. They cost the writer nothing, and one that dies leaves
//! nothing behind.
//!
//! | | |
//! |---|---|
//! | [`Writer::send`] | wait-free |
//! | [`Reader::try_recv`] | wait-free |
//! | a writer that is suspended or killed between any two instructions | delays nobody who polls. Readers that sleep wait until it continues or is recovered. The message that it had not published is never seen |
//! | a reader that is suspended or killed | is noticed by nobody |
//!
//! Loads and stores alone carry the messages. Two steps are read-modify-writes: taking the writer's
//! half, and waking a reader that sleeps.
//!
//! A message is copied into its slot and out of it word by word ([`Words`](crate::plain::Words)).
//! The reader discards its copy if the writer wrote to the slot in the meantime: this is why
//! messages are [`Plain`]. The source of the slots, `broadcast/seq_slots.rs`, argues why no torn
//! message gets out.
//!
//! ```
//! use ringway_core::ring::broadcast::{Broadcast, RecvError};
//! static PRICES: Broadcast<u32, 4> = Broadcast::new();
//!
//! let mut quick = PRICES.reader();
//! let mut slow = PRICES.reader();
//! let mut writer = PRICES.writer().unwrap();
//! for price in 1..=6 {
//!     writer.send(price);
//!     assert_eq!(quick.try_recv(), Ok(Some(price)));
//! }
//! assert_eq!(slow.try_recv(), Err(RecvError::Lagged(2)));
//! assert_eq!(slow.try_recv(), Ok(Some(3)));
//! ```

mod error;
mod inner;
mod number;
#[cfg(not(loom))]
pub(super) mod raw;
mod reader;
pub(super) mod seq_slots;
mod writer;

pub use error::RecvError;
pub use inner::{Broadcast, BroadcastInner, BroadcastRef, BroadcastView};
#[cfg(not(loom))]
pub use raw::{RawBroadcast, RawReader, RawWriter};
pub use reader::Reader;
pub use seq_slots::SeqSlot;
pub use writer::Writer;

use crate::participant::Participant;
use crate::plain::Plain;
use crate::storage::Storage;
use crate::wait::Wake;

impl<T: Plain, S: Storage<Element = SeqSlot<T>> + ?Sized, W: Wake> BroadcastInner<S, W> {
    /// Makes a reader that gets every message from now on.
    ///
    /// Any context may call this, any number of times.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let broadcast: Broadcast<u32, 4> = Broadcast::new();
    /// let mut writer = broadcast.writer().unwrap();
    /// writer.send(1);
    /// let mut reader = broadcast.reader();
    /// writer.send(2);
    /// assert_eq!(reader.try_recv(), Ok(Some(2)));
    /// ```
    pub fn reader(&self) -> Reader<&Self> {
        Reader::new(self)
    }

    /// Takes the writer's half; `None` while somebody holds it.
    ///
    /// Any context may call this. When the half is dropped, it is given back, and the readers wait
    /// for the next writer. [`Writer::close`] ends the stream.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// static BROADCAST: Broadcast<u8, 2> = Broadcast::new();
    /// let writer = BROADCAST.writer().unwrap();
    /// assert!(BROADCAST.writer().is_none(), "there is one");
    /// drop(writer);
    /// assert!(BROADCAST.writer().is_some(), "it was given back");
    /// ```
    pub fn writer(&self) -> Option<Writer<&Self>> {
        Writer::new(self)
    }

    /// As [`writer`](Self::writer), for the participant `me`, where processes share the broadcast.
    pub fn writer_as(&self, me: Participant) -> Option<Writer<&Self>> {
        Writer::take(self, me)
    }

    /// The writer's half and a reader, of a broadcast that the caller owns.
    ///
    /// This needs no read-modify-write. [`Reader::clone`] makes more readers.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let mut broadcast: Broadcast<_, 4> = Broadcast::new();
    /// let (mut writer, mut one) = broadcast.split();
    /// let mut other = one.clone();
    /// writer.send(1);
    /// assert_eq!((one.try_recv(), other.try_recv()), (Ok(Some(1)), Ok(Some(1))));
    /// ```
    pub fn split(&mut self) -> (Writer<&Self>, Reader<&Self>) {
        self.0.take_from_owner();
        let broadcast = &*self;
        (Writer::from_taken(broadcast), Reader::new(broadcast))
    }
}
