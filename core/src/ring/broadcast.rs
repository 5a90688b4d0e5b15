//! One writer, any number of readers, and every reader gets every message: the writer overwrites
//! the oldest and never waits.
//!
//! A reader that is too slow is told by how many messages it lagged behind, exactly, and goes on at
//! the oldest that is still there. Readers are not registered anywhere: a reader's place is in its
//! own handle, so that there may be any number, they cost the writer nothing, and one that dies
//! leaves nothing behind.
//!
//! | | |
//! |---|---|
//! | [`Writer::send`] | wait-free |
//! | [`Reader::try_recv`] | wait-free |
//! | a writer that is suspended or killed between any two instructions | delays nobody who looks, and those who sleep until it goes on or is recovered; the message that it had not published is never seen |
//! | a reader that is | is noticed by nobody |
//!
//! Loads and stores alone carry the messages. Taking the writer's half is a read-modify-write, and
//! so is waking somebody who sleeps.
//!
//! A message is copied into its slot and out of it, word by word ([`Words`](crate::plain::Words)),
//! and the copy is thrown away if the writer came by meanwhile: that is what [`Plain`] is for. The
//! argument that no torn message gets out is with the slots' code, `broadcast/seq_slots.rs`.
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
mod raw;
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
    /// A reader that gets every message from now on. Any context may ask, any number of times.
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

    /// The writer's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back, and the readers wait for the next writer; [`Writer::close`] ends the stream.
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

    /// [`writer`](Self::writer) for `me`, where processes share the broadcast.
    pub fn writer_as(&self, me: Participant) -> Option<Writer<&Self>> {
        Writer::take(self, me)
    }

    /// The writer's half and a reader, of a broadcast that the caller owns. Needs no
    /// read-modify-write. More readers: [`Reader::clone`].
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
        (Writer::of_taken(broadcast), Reader::new(broadcast))
    }
}
