//! One writer, any number of readers, and every reader gets every message: the writer overwrites the oldest and never waits.
//!
//! A reader that is too slow is told how many messages it missed, exactly, and goes on at the oldest that is still there.
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
//! the slots' code, `broadcast/stamped.rs`.
//!
//! ```
//! use ringway_core::ring::broadcast::{Broadcast, Missed};
//! static PRICES: Broadcast<u32, 4> = Broadcast::new();
//!
//! let mut quick = PRICES.reader();
//! let mut slow = PRICES.reader();
//! let mut writer = PRICES.writer().unwrap();
//! for price in 1..=6 {
//!     writer.send(price);
//!     assert_eq!(quick.try_recv(), Ok(Some(price)));
//! }
//! assert_eq!(slow.try_recv(), Err(Missed(2)));
//! assert_eq!(slow.try_recv(), Ok(Some(3)));
//! ```

mod number;
pub(super) mod stamped;
mod waiting;

pub use waiting::RecvError;

use crate::participant::Participant;
use crate::plain::Plain;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::storage::MAX_CAPACITY;
use crate::sync::{CachePadded, const_unless_loom};
use crate::wait::{Nobody, Wake};
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use stamped::{Pen, Stamped};

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
#[derive(Debug)]
#[repr(transparent)]
pub struct Broadcast<T, const N: usize, W: Wake = Nobody>(Stamped<T, N, W>);

impl<T: Plain, const N: usize, W: Wake> Broadcast<T, N, W> {
    /// Refuses a capacity that cannot work when the program is compiled.
    pub(crate) const VALID: () = {
        assert!(N > 0, "a broadcast needs a capacity of at least 1");
        assert!(N <= MAX_CAPACITY, "a broadcast holds at most 2^30 messages");
    };

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
            const { Self::VALID };
            Broadcast(Stamped::new())
        }
    }

    /// How many messages are kept.
    ///
    /// ```
    /// assert_eq!(<ringway_core::ring::broadcast::Broadcast<u8, 5>>::new().capacity(), 5);
    /// ```
    pub const fn capacity(&self) -> usize {
        N
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
    pub fn reader(&self) -> Reader<'_, T, N, W> {
        let known = self.0.newest(0);
        Reader::new(&self.0, known.wrapping_add(1), known)
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
    pub fn reader_from_oldest(&self) -> Reader<'_, T, N, W> {
        let known = self.0.newest(0);
        Reader::new(&self.0, oldest::<N>(known), known)
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
        self.0.newest(0)
    }

    /// Who has the writer's half: at this moment, which is past when this returns.
    pub fn holder(&self) -> Option<Participant> {
        self.0.holder()
    }

    /// Whether the last writer closed its half or died, and nobody took it since. One that has not
    /// come yet is not gone, nor is one that gave its half back.
    pub fn writer_is_gone(&self) -> bool {
        self.0.writer_is_gone()
    }
}

impl<T: Plain, const N: usize, W: Wake> Default for Broadcast<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: it is stamped slots, which are made there.
#[cfg(not(loom))]
unsafe impl<T: Plain, const N: usize, W: Wake> InPlace for Broadcast<T, N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        const { Self::VALID };
        let stamped = place.as_mut_ptr().cast::<MaybeUninit<Stamped<T, N, W>>>();
        // SAFETY: `repr(transparent)`, and the place is ours.
        Stamped::init(unsafe { &mut *stamped });
        // SAFETY: just made.
        unsafe { place.assume_init_mut() }
    }
}

impl<T: Plain, const N: usize, W: Wake> Broadcast<T, N, W> {
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
    pub fn writer(&self) -> Option<Writer<'_, T, N, W>> {
        self.writer_as(Participant::LOCAL)
    }

    /// [`writer`](Self::writer) for `me`, where processes share the broadcast.
    pub fn writer_as(&self, me: Participant) -> Option<Writer<'_, T, N, W>> {
        self.0.take(me).map(|pen| Writer(CachePadded(pen)))
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
    pub fn split(&mut self) -> (Writer<'_, T, N, W>, Reader<'_, T, N, W>) {
        let pen = self.0.take_from_owner();
        let (stamped, known) = (pen.stamped(), pen.newest());
        (Writer(CachePadded(pen)), Reader::new(stamped, known.wrapping_add(1), known))
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
        usize::from(self.0.recover(dead))
    }
}

/// The number of the oldest message that can still be there when `newest` is the newest.
const fn oldest<const N: usize>(newest: u64) -> u64 {
    if newest < N as u64 { 1 } else { newest.wrapping_sub(N as u64).wrapping_add(1) }
}

/// So many messages were overwritten before this reader got them. It goes on at the oldest that was still there.
///
/// ```
/// use ringway_core::ring::broadcast::Missed;
/// assert_eq!(Missed(3).to_string(), "the reader was too slow and missed 3 messages; the next call goes on behind them");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Missed(
    /// How many they were.
    pub u64,
);

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the reader was too slow and missed {} messages; the next call goes on behind them",
            self.0
        )
    }
}

impl core::error::Error for Missed {}

/// The half that writes. It can move to another thread or context, and is used from one at a time.
#[derive(Debug)]
pub struct Writer<'a, T: Plain, const N: usize, W: Wake = Nobody>(CachePadded<Pen<'a, T, N, W>>);

impl<T: Plain, const N: usize, W: Wake> Writer<'_, T, N, W> {
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
#[derive(Debug)]
pub struct Reader<'a, T, const N: usize, W: Wake = Nobody> {
    stamped: &'a Stamped<T, N, W>,
    place: CachePadded<Place>,
}

/// Where a reader stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The number of the message that comes next.
    next: u64,
    /// Up to which number messages are known to be there, or to have been.
    known: u64,
}

impl<T, const N: usize, W: Wake> Clone for Reader<'_, T, N, W> {
    fn clone(&self) -> Self {
        Reader { stamped: self.stamped, place: CachePadded(self.place.0) }
    }
}

impl<'a, T: Plain, const N: usize, W: Wake> Reader<'a, T, N, W> {
    fn new(stamped: &'a Stamped<T, N, W>, next: u64, known: u64) -> Self {
        Reader { stamped, place: CachePadded(Place { next, known }) }
    }

    /// Copies the next message out, if there is one. Wait-free.
    ///
    /// # Errors
    /// [`Missed`] when the next message was overwritten; the reader then stands at the oldest one that is still there.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Option<T>, Missed> {
        let Some(next) = self.published() else { return Ok(None) };
        match self.stamped.read(next) {
            Some(message) => {
                self.place.0.next = next.wrapping_add(1);
                Ok(Some(message))
            }
            None => Err(self.skip()),
        }
    }

    /// Copies the next message into `out`, if there is one, and says whether there was. For a large message: there is no
    /// other copy on the way. Wait-free.
    ///
    /// # Errors
    /// [`Missed`] as for [`try_recv`](Self::try_recv). What is in `out` then is of no message.
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
    pub fn try_recv_into(&mut self, out: &mut T) -> Result<bool, Missed> {
        let Some(next) = self.published() else { return Ok(false) };
        if !self.stamped.read_into(next, out) {
            return Err(self.skip());
        }
        self.place.0.next = next.wrapping_add(1);
        Ok(true)
    }

    /// The number of the next message, if it was published.
    #[inline(always)]
    fn published(&mut self) -> Option<u64> {
        let place = &mut self.place.0;
        if place.known < place.next {
            place.known = self.stamped.newest(place.known);
        }
        (place.known >= place.next).then_some(place.next)
    }

    /// Goes on behind what was overwritten: the next message was.
    #[cold]
    fn skip(&mut self) -> Missed {
        let place = &mut self.place.0;
        place.known = self.stamped.newest(place.known);
        // The one that we tried is gone in any case, also when the message that overwrites it is not published yet.
        let next = oldest::<N>(place.known).max(place.next.wrapping_add(1));
        let missed = Missed(next.wrapping_sub(place.next));
        place.next = next;
        missed
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
        place.known = self.stamped.newest(place.known);
        place.known.wrapping_add(1).saturating_sub(place.next)
    }

    /// How many messages are kept.
    pub const fn capacity(&self) -> usize {
        N
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
        self.stamped.writer_is_gone()
    }
}
