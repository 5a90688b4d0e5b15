//! The half of a broadcast that writes.

use super::inner::{BroadcastRef, CapacityOf};
use super::seq_slots::SlotWriter;
use crate::participant::Participant;
use crate::sync::CachePadded;

/// The half that writes. It can move to another thread or context, and is used from one at a time.
///
/// `R` is the reference by which the half reaches its broadcast and keeps it, see
/// [`StableRef`](crate::storage::StableRef). It is `&Broadcast<T, N, W>`, `&BroadcastView<T, W>`,
/// or one that owns the broadcast, such as an `Arc`.
#[derive(Debug)]
pub struct Writer<R: BroadcastRef>(CachePadded<SlotWriterOf<R>>);

/// The writer of the slots of the broadcast that `R` refers to.
type SlotWriterOf<R> =
    SlotWriter<<R as BroadcastRef>::Value, <R as BroadcastRef>::Wake, CapacityOf<R>, R>;

impl<R: BroadcastRef> Writer<R> {
    /// Takes the writer's half of the broadcast that `owner` refers to; `None` while somebody holds
    /// it.
    ///
    /// The half is held for the owner's [`participant`](crate::storage::StableRef::participant). It
    /// contains the owner.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::{Broadcast, Writer};
    /// static PRICES: Broadcast<u32, 4> = Broadcast::new();
    /// struct Market {
    ///     prices: Writer<&'static Broadcast<u32, 4>>,
    /// }
    /// let mut market = Market { prices: Writer::new(&PRICES).unwrap() };
    /// market.prices.send(7);
    /// assert_eq!(PRICES.sent(), 1);
    /// ```
    pub fn new(owner: R) -> Option<Self> {
        let me = owner.participant();
        Self::take(owner, me)
    }

    /// As [`new`](Self::new), for the participant `me`.
    pub(super) fn take(owner: R, me: Participant) -> Option<Self> {
        owner.get().0.take(me).then(|| Self::from_taken(owner))
    }

    /// The writer's half of the broadcast that `owner` refers to, which was taken already.
    pub(super) fn from_taken(owner: R) -> Self {
        // SAFETY: the owner keeps the broadcast where it is. The half contains the owner and drops
        // it last.
        let slots = unsafe { owner.get().0.borrow() };
        Writer(CachePadded(SlotWriter::new(slots, owner)))
    }

    /// Sends one message to every reader. Wait-free.
    ///
    /// It overwrites the oldest message if the broadcast is full.
    #[inline]
    pub fn send(&mut self, message: R::Value) {
        self.0.0.write(&message);
    }

    /// As [`send`](Self::send), for a large message: it makes no intermediate copy.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let mut broadcast: Broadcast<[u8; 4096], 4> = Broadcast::new();
    /// let (mut writer, mut reader) = broadcast.split();
    /// writer.send_from(&[7; 4096]);
    /// assert_eq!(reader.try_recv(), Ok(Some([7; 4096])));
    /// ```
    #[inline]
    pub fn send_from(&mut self, message: &R::Value) {
        self.0.0.write(message);
    }

    /// The number of messages sent since the broadcast was made, by this writer and all before it.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let broadcast: Broadcast<_, 4> = Broadcast::new();
    /// broadcast.writer().unwrap().send(1);
    /// assert_eq!(broadcast.writer().unwrap().sent(), 1);
    /// ```
    pub fn sent(&self) -> u64 {
        self.0.0.newest()
    }

    /// Ends the stream.
    ///
    /// Each reader still gets the messages that are there. After that, the calls that wait return
    /// [`EndOfFile`](super::RecvError::EndOfFile). A writer that is taken later opens the stream
    /// again.
    pub fn close(self) {
        self.0.0.close();
    }

    /// The writer of the slots, for a caller that keeps the messages elsewhere.
    #[cfg(not(loom))]
    pub(super) fn slots_mut(&mut self) -> &mut SlotWriterOf<R> {
        &mut self.0.0
    }
}
