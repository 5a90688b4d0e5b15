//! One that reads: its place, and the forms that try, wait and await.

use super::error::RecvError;
use super::inner::{BroadcastRef, CapacityOf};
use super::number;
use super::seq_slots::{SeqSlotsRef, Standing};
use crate::storage::Capacity;
use crate::sync::CachePadded;
use crate::wait::{Register, Wait, look_or_end};
use core::fmt;
use core::future::poll_fn;

/// One that reads. Its place is its own; a clone goes on from the same place. It can move to
/// another thread or context.
///
/// `R` is the reference by which it reaches its broadcast and keeps it, as for a
/// [`Writer`](super::Writer).
pub struct Reader<R: BroadcastRef> {
    slots: Slots<R>,
    place: CachePadded<Place<R::Value, CapacityOf<R>>>,
    /// Keeps the broadcast, which the slots are of. The last field, which is dropped last.
    owner: R,
}

/// The slots of a broadcast that `R` refers to, and a message in one.
pub(super) type Slots<R> =
    SeqSlotsRef<<R as BroadcastRef>::Value, <R as BroadcastRef>::Wake, CapacityOf<R>>;
pub(super) type Message<R> = Standing<<R as BroadcastRef>::Value, CapacityOf<R>>;

/// Where a reader stands.
struct Place<T, C: Capacity> {
    /// The message that comes next.
    next: Standing<T, C>,
    /// Up to which number messages are known to be there, or to have been.
    known: u64,
}

impl<R: BroadcastRef> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { next, known } = &self.place.0;
        f.debug_struct("Reader").field("next", &next.number).field("known", known).finish()
    }
}

impl<R: BroadcastRef + Clone> Clone for Reader<R> {
    fn clone(&self) -> Self {
        let Place { next, known } = self.place.0;
        let place = CachePadded(Place { next, known });
        // The clone of a reference is to the same broadcast, see `StableRef`.
        Reader { slots: self.slots, place, owner: self.owner.clone() }
    }
}

impl<R: BroadcastRef> Reader<R> {
    /// A reader of the broadcast that `owner` refers to, which it has with it. It gets every
    /// message from now on.
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

    /// [`new`](Self::new), which begins at the oldest message that is still there.
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
        Reader { slots, place: CachePadded(Place { next: slots.stand(next), known }), owner }
    }

    /// Copies the next message out, if there is one. Wait-free.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] when the next message was overwritten; the reader then stands at the
    /// oldest one that is still there.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Option<R::Value>, RecvError> {
        self.attempt(|slots, next| slots.read(next))
    }

    /// Copies the next message into `out`, if there is one, and says whether there was. For a large
    /// message: there is no other copy on the way. Wait-free.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv). What is in `out` then is of no message.
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

    /// What `read` makes of the next message, if there is one. It answers `None` when the message
    /// was overwritten.
    #[inline(always)]
    pub(super) fn attempt<A>(
        &mut self,
        read: impl FnOnce(Slots<R>, Message<R>) -> Option<A>,
    ) -> Result<Option<A>, RecvError> {
        let Some(next) = self.published() else { return Ok(None) };
        match read(self.slots, next) {
            Some(message) => {
                self.slots.step(&mut self.place.0.next, next.number);
                Ok(Some(message))
            }
            None => Err(RecvError::Lagged(self.skip())),
        }
    }

    /// The next message, if it was published.
    #[inline(always)]
    fn published(&mut self) -> Option<Message<R>> {
        let place = &mut self.place.0;
        if place.known < place.next.number {
            place.known = self.slots.line().newest(place.known);
        }
        (place.known >= place.next.number).then_some(place.next)
    }

    /// Goes on behind what was overwritten, which the next message was; how many messages that is.
    #[cold]
    fn skip(&mut self) -> u64 {
        let place = &mut self.place.0;
        place.known = self.slots.line().newest(place.known);
        // The one that we tried is gone in any case, also when the message that overwrites it is
        // not published yet.
        let oldest = number::oldest(place.known, self.slots.capacity());
        let next = oldest.max(place.next.number.wrapping_add(1));
        let lagged = next.wrapping_sub(place.next.number);
        place.next = self.slots.stand(next);
        lagged
    }

    /// Goes on at the newest message; returns how many before it are passed over. None when nothing
    /// is newer than what was received.
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
        let place = &mut self.place.0;
        place.known = self.slots.line().newest(place.known);
        let next = place.known.max(place.next.number);
        let skipped = next.wrapping_sub(place.next.number);
        place.next = self.slots.stand(next);
        skipped
    }

    /// How many messages this reader is behind the writer. More than the broadcast keeps: it will
    /// miss some.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let mut broadcast: Broadcast<_, 2> = Broadcast::new();
    /// let (mut writer, mut reader) = broadcast.split();
    /// (1..=3).for_each(|message| writer.send(message));
    /// assert_eq!(reader.behind(), 3);
    /// ```
    pub fn behind(&mut self) -> u64 {
        let place = &mut self.place.0;
        place.known = self.slots.line().newest(place.known);
        place.known.wrapping_add(1).saturating_sub(place.next.number)
    }

    /// Whether the last writer closed its half or died, and nobody took it since. What it sent can
    /// still be read. One that has not come yet is not gone, nor is one that gave its half back.
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
        self.slots.line().writer_is_gone()
    }
}

impl<R: BroadcastRef> Reader<R> {
    /// What `read` makes of a message, or why there will be none; `None` when one may come.
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

    /// The slots, for whoever sleeps on their bell.
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

    /// Copies the next message out; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`RecvError::TimedOut`] when none came in time.
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
            .line()
            .bell()
            .wait_until(deadline, || self.attempt_or_end(|slots, next| slots.read(next)))?
    }

    /// Copies the next message into `out`; waits for one. For a large message, as
    /// [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Errors
    /// As [`recv`](Self::recv). What is in `out` then is of no message.
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

    /// [`recv_into`](Self::recv_into), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As [`recv_deadline`](Self::recv_deadline). What is in `out` then is of no message.
    pub fn recv_into_deadline(
        &mut self,
        out: &mut R::Value,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<(), RecvError> {
        let slots = self.slots;
        slots.line().bell().wait_until(deadline, || {
            self.attempt_or_end(|slots, next| slots.read_into(next, out))
        })?
    }
}

impl<R: BroadcastRef<Wake: Register>> Reader<R> {
    /// Copies the next message out; awaits one. Cancelled, it consumes nothing. As many tasks at a
    /// time can wait as the bell has places for, see [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
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
        let slots = self.slots;
        poll_fn(move |cx| {
            slots
                .line()
                .bell()
                .poll_until(cx, || self.attempt_or_end(|slots, next| slots.read(next)))
        })
    }

    /// Copies the next message into `out`; awaits one. For a large message, as
    /// [`recv_into`](Self::recv_into). Cancelled, it consumes nothing.
    ///
    /// # Errors
    /// As [`recv`](Self::recv). What is in `out` without a message is of none.
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
                .line()
                .bell()
                .poll_until(cx, || self.attempt_or_end(|slots, next| slots.read_into(next, out)))
        })
    }
}
