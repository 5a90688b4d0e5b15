//! One writer, any number of readers, and every reader gets every message: the writer overwrites the oldest and never waits.
//!
//! A reader that is too slow is told by how many messages it lagged behind, exactly, and goes on at the oldest that is still there.
//! Readers are not registered anywhere: a reader's place is in its own handle, so that there may be any number, they cost the
//! writer nothing, and one that dies leaves nothing behind.
//!
//! | | |
//! |---|---|
//! | [`Writer::send`] | wait-free |
//! | [`Reader::try_recv`] | wait-free |
//! | a writer that is suspended or killed between any two instructions | delays nobody who looks, and those who sleep until it goes on or is recovered; the message that it had not published is never seen |
//! | a reader that is | is noticed by nobody |
//!
//! Loads and stores alone carry the messages. Taking the writer's half is a read-modify-write, and so is waking somebody
//! who sleeps.
//!
//! A message is copied into its slot and out of it, word by word ([`Words`](crate::plain::Words)), and the copy is thrown
//! away if the writer came by meanwhile: that is what [`Plain`] is for. The argument that no torn message gets out is with
//! the slots' code, `broadcast/seq_slots.rs`.
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

mod number;
#[cfg(not(loom))]
mod raw;
pub(super) mod seq_slots;
mod waiting;

#[cfg(not(loom))]
pub use raw::{RawBroadcast, RawReader, RawWriter};
pub use seq_slots::SeqSlot;
pub use waiting::RecvError;

use crate::participant::Participant;
use crate::plain::Plain;
#[cfg(not(loom))]
use crate::ring::InPlace;
#[cfg(not(loom))]
use crate::storage::InMemory;
#[cfg(not(loom))]
use crate::storage::{self, fixed};
use crate::storage::{Capacity, Counted, Storage};
use crate::sync::{CachePadded, const_unless_loom};
use crate::wait::{Nobody, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::ptr::NonNull;
use seq_slots::{SeqSlots, SeqSlotsRef, SlotWriter, Standing};

/// A broadcast of messages of type `T`, of which the newest `N` are kept. `W` says how readers can sleep, see [`Wake`].
///
/// `N` is 1 to 2^30; another does not compile. A power of two is quicker. Memory: `N` times the message (in whole words) and 8
/// bytes, and 16 bytes more (a cache line of their own where the target has caches).
///
/// ```
/// use ringway_core::ring::broadcast::Broadcast;
/// let broadcast: Broadcast<[u8; 16], 8> = Broadcast::new();
/// std::thread::scope(|s| {
///     for _ in 0..2 {
///         let mut reader = broadcast.reader();
///         s.spawn(move || {
///             loop {
///                 if let Some(message) = reader.try_recv().unwrap() {
///                     assert_eq!(&message, b"to all of you   ");
///                     break;
///                 }
///             }
///         });
///     }
///     broadcast.writer().unwrap().send(*b"to all of you   ");
/// });
/// ```
pub type Broadcast<T, const N: usize, W = Nobody> = BroadcastInner<[SeqSlot<T>; N], W>;

/// A [`Broadcast`] whose capacity is known when the program runs: a reference to it says how many messages are kept.
///
/// `&Broadcast<T, N, W>` coerces to `&BroadcastView<T, W>`. Others lie on the heap or in memory at hand, see
/// [`InMemory`].
///
/// ```
/// use ringway_core::ring::broadcast::{Broadcast, BroadcastView};
/// static FEW: Broadcast<u8, 4> = Broadcast::new();
/// static MANY: Broadcast<u8, 400> = Broadcast::new();
/// let broadcasts: [&BroadcastView<u8>; 2] = [&FEW, &MANY];
/// assert_eq!(broadcasts.map(BroadcastView::capacity), [4, 400]);
/// ```
pub type BroadcastView<T, W = Nobody> = BroadcastInner<[SeqSlot<T>], W>;

/// What [`Broadcast`] and [`BroadcastView`] are. `S` is the array of its slots, see [`storage`].
#[derive(Debug)]
#[repr(transparent)]
pub struct BroadcastInner<S: Storage + ?Sized, W: Wake>(SeqSlots<S, W>);

impl<T: Plain, const N: usize, W: Wake> Broadcast<T, N, W> {
    const_unless_loom! {
        /// A broadcast without messages.
        ///
        /// ```
        /// use ringway_core::ring::broadcast::Broadcast;
        /// static BROADCAST: Broadcast<u32, 64> = Broadcast::new();
        /// ```
        ///
        /// One without slots does not compile:
        ///
        /// ```compile_fail
        /// static BROADCAST: ringway_core::ring::broadcast::Broadcast<u32, 0> =
        ///     ringway_core::ring::broadcast::Broadcast::new();
        /// ```
        ///
        /// ```
        /// use ringway_core::ring::broadcast::Broadcast;
        /// use ringway_core::wait::Spin;
        /// static BROADCAST: Broadcast<u32, 4, Spin> = Broadcast::new();
        /// let mut reader = BROADCAST.reader();
        /// std::thread::scope(|s| {
        ///     s.spawn(|| BROADCAST.writer().unwrap().send(5));
        ///     assert_eq!(reader.recv(), Ok(5));
        /// });
        /// ```
        pub fn new() -> Self {
            BroadcastInner(SeqSlots::new())
        }
    }
}

impl<T: Plain, S: Storage<Element = SeqSlot<T>> + ?Sized, W: Wake> BroadcastInner<S, W> {
    /// How many messages are kept.
    ///
    /// ```
    /// assert_eq!(<ringway_core::ring::broadcast::Broadcast<u8, 5>>::new().capacity(), 5);
    /// ```
    pub fn capacity(&self) -> usize {
        self.0.capacity() as usize
    }

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
    pub fn reader(&self) -> Reader<'_, T, W, S::Capacity> {
        let known = self.sent();
        Reader::new(self.0.borrow(), known.wrapping_add(1), known)
    }

    /// A reader that begins at the oldest message that is still there.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let broadcast: Broadcast<u32, 2> = Broadcast::new();
    /// let mut writer = broadcast.writer().unwrap();
    /// (1..=3).for_each(|message| writer.send(message));
    /// let mut reader = broadcast.reader_from_oldest();
    /// assert_eq!(reader.try_recv(), Ok(Some(2)));
    /// ```
    pub fn reader_from_oldest(&self) -> Reader<'_, T, W, S::Capacity> {
        let known = self.sent();
        Reader::new(self.0.borrow(), number::oldest(known, self.0.capacity()), known)
    }

    /// How many messages were sent in its life.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let broadcast: Broadcast<_, 4> = Broadcast::new();
    /// broadcast.writer().unwrap().send(1);
    /// assert_eq!(broadcast.sent(), 1);
    /// assert!(broadcast.holder().is_none() && !broadcast.writer_is_gone());
    /// ```
    pub fn sent(&self) -> u64 {
        self.0.line().newest(0)
    }

    /// Who has the writer's half: at this moment, which is past when this returns.
    pub fn holder(&self) -> Option<Participant> {
        self.0.line().holder()
    }

    /// Whether the last writer closed its half or died, and nobody took it since. One that has not
    /// come yet is not gone, nor is one that gave its half back.
    pub fn writer_is_gone(&self) -> bool {
        self.0.line().writer_is_gone()
    }
}

impl<T: Plain, const N: usize, W: Wake> Default for Broadcast<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: it is the slots, which are made there.
#[cfg(not(loom))]
unsafe impl<T: Plain, const N: usize, W: Wake> InPlace for Broadcast<T, N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        fixed::<N>();
        // SAFETY: `repr(transparent)`, and the place is ours.
        unsafe { seq_slots::Head::<T, W>::init(NonNull::from(&mut *place).cast(), N) };
        // SAFETY: just made.
        unsafe { place.assume_init_mut() }
    }
}

// SAFETY: it is the slots, `repr(C)`: a head, which is made there, and behind it so many of them, which are too.
#[cfg(not(loom))]
unsafe impl<T: Plain, W: Wake> InMemory for BroadcastView<T, W> {
    fn layout(capacity: usize) -> Option<Layout> {
        storage::layout::<SeqSlot<T>>(Layout::new::<seq_slots::Head<T, W>>(), capacity)
    }

    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        Self::layout(capacity)?;
        NonNull::new(storage::slice(at, capacity) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        let made = Self::from_raw(at, capacity)?;
        // SAFETY: by the caller's word there is memory for them.
        unsafe { seq_slots::Head::<T, W>::init(at.cast(), capacity) };
        Some(made)
    }
}

impl<T: Plain, S: Storage<Element = SeqSlot<T>> + ?Sized, W: Wake> BroadcastInner<S, W> {
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
    pub fn writer(&self) -> Option<Writer<'_, T, W, S::Capacity>> {
        self.writer_as(Participant::LOCAL)
    }

    /// [`writer`](Self::writer) for `me`, where processes share the broadcast.
    pub fn writer_as(&self, me: Participant) -> Option<Writer<'_, T, W, S::Capacity>> {
        self.0.take(me).map(|writer| Writer(CachePadded(writer)))
    }

    /// The writer's half and a reader, of a broadcast that the caller owns. Needs no read-modify-write. More readers:
    /// [`Reader::clone`].
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let mut broadcast: Broadcast<_, 4> = Broadcast::new();
    /// let (mut writer, mut one) = broadcast.split();
    /// let mut other = one.clone();
    /// writer.send(1);
    /// assert_eq!((one.try_recv(), other.try_recv()), (Ok(Some(1)), Ok(Some(1))));
    /// ```
    pub fn split(&mut self) -> Sides<'_, T, W, S::Capacity> {
        let writer = self.0.take_from_owner();
        let (slots, known) = (writer.slots(), writer.newest());
        (Writer(CachePadded(writer)), Reader::new(slots, known.wrapping_add(1), known))
    }

    /// Closes the writer's half if `dead` held it, and wakes the readers so that they notice;
    /// returns how many halves that were. What it published can be read; another writer goes on
    /// from there. May be called by several at once, and again. Of dead readers nothing has to be
    /// known.
    /// The number is free for another [`Participant`] once all of these calls have returned.
    ///
    /// # Safety
    /// `dead` will not take another step in this broadcast: its process has ended (or its context was reset), and what it
    /// wrote is visible here, as it is once the operating system has reported its end.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::broadcast::Broadcast;
    /// static BROADCAST: Broadcast<u8, 4> = Broadcast::new();
    /// let one = Participant::new(1).unwrap();
    /// let mut reader = BROADCAST.reader();
    /// let mut writer = BROADCAST.writer_as(one).unwrap();
    /// writer.send(7);
    /// std::mem::forget(writer); // it dies
    ///
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { BROADCAST.recover(one) }, 1);
    /// BROADCAST.writer().unwrap().send(8);
    /// assert_eq!(reader.try_recv(), Ok(Some(7)));
    /// assert_eq!(reader.try_recv(), Ok(Some(8)));
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        usize::from(self.0.line().recover(dead))
    }
}

/// The half that writes. It can move to another thread or context, and is used from one at a time. `C` says where it knows
/// the capacity from, see [`storage`].
#[derive(Debug)]
pub struct Writer<'a, T: Plain, W: Wake = Nobody, C: Capacity = Counted>(
    CachePadded<SlotWriter<'a, T, W, C>>,
);

impl<T: Plain, W: Wake, C: Capacity> Writer<'_, T, W, C> {
    /// Sends one message to every reader, and overwrites the oldest one kept. Wait-free.
    #[inline]
    pub fn send(&mut self, message: T) {
        self.0.0.write(&message);
    }

    /// [`send`](Self::send) of a large message, without a copy on the way.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// let mut broadcast: Broadcast<[u8; 4096], 4> = Broadcast::new();
    /// let (mut writer, mut reader) = broadcast.split();
    /// writer.send_from(&[7; 4096]);
    /// assert_eq!(reader.try_recv(), Ok(Some([7; 4096])));
    /// ```
    #[inline]
    pub fn send_from(&mut self, message: &T) {
        self.0.0.write(message);
    }

    /// How many messages were sent in the life of the broadcast, by this writer and those before it.
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

    /// Ends the stream: each reader gets what was sent and is still there, and then the forms that
    /// wait answer [`RecvError::EndOfFile`]. A writer that is taken later opens the stream again.
    pub fn close(self) {
        self.0.0.close();
    }
}

/// One that reads. Its place is its own; a clone goes on from the same place. It can move to another thread or context.
pub struct Reader<'a, T, W: Wake = Nobody, C: Capacity = Counted> {
    slots: SeqSlotsRef<'a, T, W, C>,
    place: CachePadded<Place<T, C>>,
}

type Sides<'a, T, W, C> = (Writer<'a, T, W, C>, Reader<'a, T, W, C>);

/// Where a reader stands.
struct Place<T, C: Capacity> {
    /// The message that comes next.
    next: Standing<T, C>,
    /// Up to which number messages are known to be there, or to have been.
    known: u64,
}

impl<T, W: Wake, C: Capacity> fmt::Debug for Reader<'_, T, W, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { next, known } = &self.place.0;
        f.debug_struct("Reader").field("next", &next.number).field("known", known).finish()
    }
}

impl<T, W: Wake, C: Capacity> Clone for Reader<'_, T, W, C> {
    fn clone(&self) -> Self {
        let Place { next, known } = self.place.0;
        Reader { slots: self.slots, place: CachePadded(Place { next, known }) }
    }
}

impl<'a, T: Plain, W: Wake, C: Capacity> Reader<'a, T, W, C> {
    fn new(slots: SeqSlotsRef<'a, T, W, C>, next: u64, known: u64) -> Self {
        Reader { slots, place: CachePadded(Place { next: slots.stand(next), known }) }
    }

    /// Copies the next message out, if there is one. Wait-free.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] when the next message was overwritten; the reader then stands at the oldest one that is still
    /// there.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Option<T>, RecvError> {
        self.attempt(|slots, next| slots.read(next))
    }

    /// Copies the next message into `out`, if there is one, and says whether there was. For a large message: there is no
    /// other copy on the way. Wait-free.
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
    pub fn try_recv_into(&mut self, out: &mut T) -> Result<bool, RecvError> {
        self.attempt(|slots, next| slots.read_into(next, out)).map(|received| received.is_some())
    }

    /// What `read` makes of the next message, if there is one. It answers `None` when the message was overwritten.
    #[inline(always)]
    fn attempt<R>(
        &mut self,
        read: impl FnOnce(SeqSlotsRef<'a, T, W, C>, Standing<T, C>) -> Option<R>,
    ) -> Result<Option<R>, RecvError> {
        let Some(next) = self.published() else { return Ok(None) };
        match read(self.slots, next) {
            Some(message) => {
                self.slots.step(&mut self.place.0.next);
                Ok(Some(message))
            }
            None => Err(RecvError::Lagged(self.skip())),
        }
    }

    /// The next message, if it was published.
    #[inline(always)]
    fn published(&mut self) -> Option<Standing<T, C>> {
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
        // The one that we tried is gone in any case, also when the message that overwrites it is not published yet.
        let oldest = number::oldest(place.known, self.slots.capacity());
        let next = oldest.max(place.next.number.wrapping_add(1));
        let lagged = next.wrapping_sub(place.next.number);
        place.next = self.slots.stand(next);
        lagged
    }

    /// How many messages this reader is behind the writer. More than [`capacity`](Self::capacity): it will miss some.
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

    /// How many messages are kept.
    pub fn capacity(&self) -> usize {
        self.slots.capacity() as usize
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
