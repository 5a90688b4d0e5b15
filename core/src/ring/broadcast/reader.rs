//! The reader: its position, and its calls that try, wait and await.

use super::error::RecvError;
use super::inner::{BroadcastRef, CapacityOf};
use super::number;
use super::seq_slots::{MessageSlot, SeqSlotsRef};
use crate::storage::Capacity;
use crate::sync::CachePadded;
use crate::wait::{Register, Wait, look_or_end};
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

/// A reader of a broadcast. It can move to another thread or context.
///
/// Its position is its own. A clone continues from the same position.
///
/// `R` is the reference by which it reaches its broadcast and keeps it, as for a
/// [`Writer`](super::Writer).
pub struct Reader<R: BroadcastRef> {
    slots: Slots<R>,
    progress: CachePadded<Progress<R::Value, CapacityOf<R>>>,
    /// Keeps the broadcast, to which the slots belong. It is the last field, so that it is dropped
    /// last.
    owner: R,
}

/// The slots of a broadcast that `R` refers to.
pub(super) type Slots<R> =
    SeqSlotsRef<<R as BroadcastRef>::Value, <R as BroadcastRef>::Wake, CapacityOf<R>>;
/// A message of a broadcast that `R` refers to, and its slot.
pub(super) type Message<R> = MessageSlot<<R as BroadcastRef>::Value, CapacityOf<R>>;

/// The position of a reader.
struct Progress<T, C: Capacity> {
    /// The next message to be read.
    next: MessageSlot<T, C>,
    /// The largest number that is known to have been published.
    known: u64,
}

impl<R: BroadcastRef> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Progress { next, known } = &self.progress.0;
        f.debug_struct("Reader").field("next", &next.number).field("known", known).finish()
    }
}

impl<R: BroadcastRef + Clone> Clone for Reader<R> {
    fn clone(&self) -> Self {
        let Progress { next, known } = self.progress.0;
        let progress = CachePadded(Progress { next, known });
        // A clone of the reference refers to the same broadcast, see `StableRef`.
        Reader { slots: self.slots, progress, owner: self.owner.clone() }
    }
}

impl<R: BroadcastRef> Reader<R> {
    /// Makes a reader of the broadcast that `owner` refers to. It gets every message from now on.
    ///
    /// The reader contains the owner.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::{Broadcast, Reader};
    /// static PRICES: Broadcast<u32, 4> = Broadcast::new();
    /// struct Buyer {
    ///     prices: Reader<&'static Broadcast<u32, 4>>,
    /// }
    /// let mut buyer = Buyer { prices: Reader::new(&PRICES) };
    /// PRICES.writer().unwrap().send(7);
    /// assert_eq!(buyer.prices.try_recv(), Ok(Some(7)));
    /// ```
    pub fn new(owner: R) -> Self {
        let known = owner.get().sent();
        Self::at(owner, known.wrapping_add(1), known)
    }

    /// As [`new`](Self::new), but begins at the oldest message that is still there.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::{Broadcast, Reader};
    /// let broadcast: Broadcast<u32, 2> = Broadcast::new();
    /// let mut writer = broadcast.writer().unwrap();
    /// (1..=3).for_each(|message| writer.send(message));
    /// let mut reader = Reader::from_oldest(&broadcast);
    /// assert_eq!(reader.try_recv(), Ok(Some(2)));
    /// ```
    pub fn from_oldest(owner: R) -> Self {
        let known = owner.get().sent();
        let oldest = number::oldest(known, owner.get().0.capacity());
        Self::at(owner, oldest, known)
    }

    fn at(owner: R, next: u64, known: u64) -> Self {
        // SAFETY: the owner keeps the broadcast where it is, and is dropped after the slots.
        let slots = unsafe { owner.get().0.borrow() };
        Reader {
            slots,
            progress: CachePadded(Progress { next: slots.message_slot(next), known }),
            owner,
        }
    }

    /// Copies the next message out, if there is one. Wait-free.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] when the next message was overwritten. The reader then continues at
    /// the oldest message that is still there.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Option<R::Value>, RecvError> {
        self.attempt(|slots, next| slots.read(next))
    }

    /// Copies the next message into `out`, if there is one, and says whether there was. Wait-free.
    ///
    /// It is for a large message: it makes no intermediate copy.
    ///
    /// # Errors
    /// Those of [`try_recv`](Self::try_recv). After an error, `out` contains no message.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let mut broadcast: Broadcast<[u8; 4096], 4> = Broadcast::new();
    /// let (mut writer, mut reader) = broadcast.split();
    /// let mut out = [0; 4096];
    /// assert_eq!(reader.try_recv_into(&mut out), Ok(false));
    /// writer.send_from(&[7; 4096]);
    /// assert_eq!(reader.try_recv_into(&mut out), Ok(true));
    /// assert_eq!(out, [7; 4096]);
    /// ```
    #[inline]
    pub fn try_recv_into(&mut self, out: &mut R::Value) -> Result<bool, RecvError> {
        self.attempt(|slots, next| slots.read_into(next, out)).map(|received| received.is_some())
    }

    /// What `read` returns for the next message, if there is one. `read` returns `None` when the
    /// message was overwritten.
    #[inline(always)]
    pub(super) fn attempt<A>(
        &mut self,
        read: impl FnOnce(Slots<R>, Message<R>) -> Option<A>,
    ) -> Result<Option<A>, RecvError> {
        let Some(next) = self.published() else { return Ok(None) };
        match read(self.slots, next) {
            Some(message) => {
                self.slots.step(&mut self.progress.0.next, next.number);
                Ok(Some(message))
            }
            None => Err(RecvError::Lagged(self.skip())),
        }
    }

    /// The next message, if it was published.
    #[inline(always)]
    fn published(&mut self) -> Option<Message<R>> {
        let progress = &mut self.progress.0;
        if progress.known < progress.next.number {
            progress.known = self.slots.control().newest(progress.known);
        }
        (progress.known >= progress.next.number).then_some(progress.next)
    }

    /// Moves past the messages that were overwritten, of which the next message is one. It returns
    /// their number.
    #[cold]
    fn skip(&mut self) -> u64 {
        let progress = &mut self.progress.0;
        progress.known = self.slots.control().find_newest(progress.known);
        // The message that we tried is gone in any case, even if the message that overwrites it is
        // not published yet.
        let oldest = number::oldest(progress.known, self.slots.capacity());
        let next = oldest.max(progress.next.number.wrapping_add(1));
        let lagged = next.wrapping_sub(progress.next.number);
        progress.next = self.slots.message_slot(next);
        lagged
    }

    /// Moves to the newest message, and returns the number of messages that it skips.
    ///
    /// `try_recv` then returns the newest message, or nothing if that was received already.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let mut broadcast: Broadcast<_, 4> = Broadcast::new();
    /// let (mut writer, mut reader) = broadcast.split();
    /// (1..=3).for_each(|message| writer.send(message));
    /// assert_eq!(reader.skip_to_newest(), 2);
    /// assert_eq!(reader.try_recv(), Ok(Some(3)));
    /// assert_eq!((reader.skip_to_newest(), reader.try_recv()), (0, Ok(None)));
    /// ```
    pub fn skip_to_newest(&mut self) -> u64 {
        let progress = &mut self.progress.0;
        progress.known = self.slots.control().find_newest(progress.known);
        let next = progress.known.max(progress.next.number);
        let skipped = next.wrapping_sub(progress.next.number);
        progress.next = self.slots.message_slot(next);
        skipped
    }

    /// The number of messages by which this reader is behind the writer.
    ///
    /// If it is more than the broadcast keeps, the reader will miss some.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let mut broadcast: Broadcast<_, 2> = Broadcast::new();
    /// let (mut writer, mut reader) = broadcast.split();
    /// (1..=3).for_each(|message| writer.send(message));
    /// assert_eq!(reader.behind(), 3);
    /// ```
    pub fn behind(&mut self) -> u64 {
        let progress = &mut self.progress.0;
        progress.known = self.slots.control().find_newest(progress.known);
        progress.known.wrapping_add(1).saturating_sub(progress.next.number)
    }

    /// Whether the last writer closed its half or died, and nobody has taken the half since.
    ///
    /// The messages that it sent can still be read. A writer that has not come yet is not gone, and
    /// neither is one that gave its half back.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let mut broadcast: Broadcast<u8, 4> = Broadcast::new();
    /// let (writer, reader) = broadcast.split();
    /// assert!(!reader.writer_is_gone());
    /// writer.close();
    /// assert!(reader.writer_is_gone());
    /// ```
    pub fn writer_is_gone(&self) -> bool {
        self.slots.control().writer_is_gone()
    }
}

impl<R: BroadcastRef> Reader<R> {
    /// What `read` returns for a message, or why there will be none. `None` when one may come.
    pub(super) fn attempt_or_end<A>(
        &mut self,
        mut read: impl FnMut(Slots<R>, Message<R>) -> Option<A>,
    ) -> Option<Result<A, RecvError>> {
        look_or_end(
            self,
            |reader| reader.attempt(&mut read).transpose(),
            |reader| reader.writer_is_gone().then_some(Err(RecvError::EndOfFile)),
        )
    }

    /// The slots, for a caller that sleeps on their bell.
    #[cfg(not(loom))]
    pub(super) fn slots(&self) -> Slots<R> {
        self.slots
    }
}

impl<R: BroadcastRef<Wake: Wait>> Reader<R> {
    /// Copies the next message out; waits for one.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] when the next message was overwritten, [`RecvError::EndOfFile`] when
    /// the writer closed or died and everything was read.
    pub fn recv(&mut self) -> Result<R::Value, RecvError> {
        self.recv_deadline(None)
    }

    /// Copies the next message out; waits for one until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv), and [`RecvError::TimedOut`] when no message came in time.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::{Broadcast, RecvError};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let mut broadcast = Broadcast::<u32, 4, SpinClock<Hundred>>::new();
    /// let (_writer, mut reader) = broadcast.split();
    /// assert_eq!(reader.recv_deadline(Some(50)), Err(RecvError::TimedOut));
    /// ```
    pub fn recv_deadline(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<R::Value, RecvError> {
        let slots = self.slots;
        slots
            .control()
            .bell()
            .wait_until(deadline, || self.attempt_or_end(|slots, next| slots.read(next)))?
    }

    /// Copies the next message into `out`; waits for one.
    ///
    /// It is for a large message, as [`try_recv_into`](Self::try_recv_into) is.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv). After an error, `out` contains no message.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// use ringway_core::wait::Spin;
    /// let mut frames = Broadcast::<[u8; 4096], 2, Spin>::new();
    /// let (mut writer, mut reader) = frames.split();
    /// writer.send_from(&[7; 4096]);
    /// let mut frame = Box::new([0; 4096]);
    /// reader.recv_into(&mut frame).unwrap();
    /// assert_eq!(*frame, [7; 4096]);
    /// ```
    pub fn recv_into(&mut self, out: &mut R::Value) -> Result<(), RecvError> {
        self.recv_into_deadline(out, None)
    }

    /// As [`recv_into`](Self::recv_into), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`recv_deadline`](Self::recv_deadline). After an error, `out` contains no message.
    pub fn recv_into_deadline(
        &mut self,
        out: &mut R::Value,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<(), RecvError> {
        let slots = self.slots;
        slots.control().bell().wait_until(deadline, || {
            self.attempt_or_end(|slots, next| slots.read_into(next, out))
        })?
    }
}

impl<R: BroadcastRef<Wake: Register>> Reader<R> {
    /// Copies the next message out; awaits one. If the future is dropped, nothing is consumed.
    ///
    /// At most as many tasks can wait at a time as the bell has places, see
    /// [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    /// let mut broadcast = Broadcast::<_, 4, Async<Spin>>::new();
    /// let (mut writer, mut reader) = broadcast.split();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut message = pin!(reader.recv_async());
    /// assert!(message.as_mut().poll(&mut cx).is_pending());
    /// writer.send(1);
    /// assert_eq!(message.poll(&mut cx), Poll::Ready(Ok(1)));
    /// ```
    pub fn recv_async(&mut self) -> impl Future<Output = Result<R::Value, RecvError>> {
        poll_fn(|cx| self.poll_next_message(cx))
    }

    /// The next message, or has the task woken when there may be one.
    pub(in crate::ring) fn poll_next_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<R::Value, RecvError>> {
        let slots = self.slots;
        let attempt = || self.attempt_or_end(|slots, next| slots.read(next));
        slots.control().bell().poll_until(cx, attempt)
    }

    /// Copies the next message into `out`; awaits one. If the future is dropped, nothing is
    /// consumed.
    ///
    /// It is for a large message, as [`recv_into`](Self::recv_into) is.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv). Without a message, `out` contains no message.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// use ringway_core::wait::Async;
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// let mut frames = Broadcast::<[u8; 4096], 2, Async>::new();
    /// let (mut writer, mut reader) = frames.split();
    /// let mut frame = Box::new([0; 4096]);
    /// writer.send_from(&[7; 4096]);
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(pin!(reader.recv_into_async(&mut frame)).poll(&mut cx).is_ready());
    /// assert_eq!(*frame, [7; 4096]);
    /// ```
    pub fn recv_into_async(
        &mut self,
        out: &mut R::Value,
    ) -> impl Future<Output = Result<(), RecvError>> {
        let slots = self.slots;
        poll_fn(move |cx| {
            slots
                .control()
                .bell()
                .poll_until(cx, || self.attempt_or_end(|slots, next| slots.read_into(next, out)))
        })
    }
}
