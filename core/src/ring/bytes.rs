//! The byte ring: one producer, one consumer, and grants that are contiguous, so that a DMA transfer, a `memcpy` or a
//! parser gets one run of memory.
//!
//! Two ways in and two ways out, which may be mixed:
//!
//! | | copies | in place |
//! |---|---|---|
//! | as much as there is | [`try_write`](Producer::try_write), [`try_read`](Consumer::try_read) | [`try_reserve_up_to`](Producer::try_reserve_up_to), [`try_peek`](Consumer::try_peek) |
//! | exactly so much, in one publication | [`try_write_all`](Producer::try_write_all) | [`try_reserve`](Producer::try_reserve) |
//!
//! To copy 2 KiB or more, the methods that copy are quicker than a `copy_from_slice` into a grant where the C library leaves
//! such to the processor (`rep movsb`): they go in pieces, and long ones pass to the other side a stretch at a time.
//!
//! # Where the ring's end lies in the way
//!
//! An exact grant that does not fit before the end of the memory begins at its start, and the bytes before the end
//! stay unused for this lap. The producer writes down where the lap's bytes end (the *mark*), and the consumer skips
//! from there. As in Cooke's bip buffer (2003), but the consumer's view of such a gap costs no second position.
//!
//! A gap must not lead to a grant that can never succeed: with everything read, the free memory is still cut in two
//! at the position, and the larger piece has at least half of it. So an exact grant may ask for
//! [`MAX_GRANT`](ByteRing::MAX_GRANT), half the capacity rounded up, which always succeeds once the consumer has read
//! everything; more is refused as [`TooLarge`](ReserveError::TooLarge), not as full. Copies wrap around and have no such
//! limit.
//!
//! ```
//! use ringway_core::ring::bytes::ByteRing;
//! static UART: ByteRing<64> = ByteRing::new();
//! let (mut tx, mut rx) = (UART.producer().unwrap(), UART.consumer().unwrap());
//!
//! let mut grant = tx.try_reserve(5).unwrap();
//! grant.copy_from_slice(b"hello");
//! grant.commit(5);
//!
//! let grant = rx.try_peek().unwrap();
//! assert_eq!(&*grant, b"hello");
//! grant.release(5);
//! ```

#[cfg(not(loom))]
use super::InPlace;
use super::copy::{LONG, VERY_LONG};
use super::cursor::{ConsumerCursor, Header, ProducerCursor};
use super::index;
use crate::participant::Participant;
use crate::sync::{AtomicU32, CachePadded, Kept, Ordering, Slots, SlotsRef, const_unless_loom};
use crate::wait::{Doorbell, Nobody, Wake};
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;

mod grant;
#[cfg(feature = "embedded-io")]
mod io;
mod lend;
mod waiting;

pub use grant::{ReadGrant, ReserveError, WriteGrant};
pub(crate) use lend::HEADER;

/// So many bytes of a longer write or read pass to the other side at once, so that it copies them while we copy the next.
/// Less costs more looks at the other side's line than is gained.
const STRETCH: usize = 1 << 15;

/// In which stretches so many bytes go; what is [`VERY_LONG`] is copied better in such.
const fn stretch_of(bytes: usize) -> usize {
    if bytes < VERY_LONG { STRETCH } else { VERY_LONG }
}

/// A ring of `N` bytes for one producer and one consumer. `W` says how a side can sleep, see [`Wake`].
///
/// Memory: `N` bytes and 20 more (with [`Nobody`]) where the target has no caches; where it has, cache lines. `N` is
/// 1 to 2^30; another does not compile.
///
/// ```
/// use ringway_core::ring::bytes::ByteRing;
/// let mut ring: ByteRing<8> = ByteRing::new();
/// let (mut producer, mut consumer) = ring.split();
/// assert_eq!(producer.try_write(b"0123456789"), 8, "as much as fits");
/// let mut out = [0; 4];
/// assert_eq!(consumer.try_read(&mut out), 4);
/// assert_eq!(&out, b"0123");
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct ByteRing<const N: usize, W: Wake = Nobody> {
    header: Header<W>,
    /// At the start of a cache line, so that copies of whole lines are copies of whole lines.
    slots: Slots<u8, N>,
    /// The mark: where the bytes of the consumer's lap end, once the producer has left that lap.
    mark: AtomicU32,
}

// SAFETY: bytes pass from one side to the other by the ownership rule, see `cursor` and `raw`.
unsafe impl<const N: usize, W: Wake + Sync> Sync for ByteRing<N, W> {}

impl<const N: usize, W: Wake> ByteRing<N, W> {
    /// The largest exact grant: half the capacity, rounded up. See the [module](self) for why.
    ///
    /// ```
    /// assert_eq!(ringway_core::ring::bytes::ByteRing::<7>::MAX_GRANT, 4);
    /// ```
    pub const MAX_GRANT: usize = N.div_ceil(2);

    const_unless_loom! {
        /// An empty ring.
        ///
        /// ```
        /// use ringway_core::ring::bytes::ByteRing;
        /// static RING: ByteRing<256> = ByteRing::new();
        /// ```
        ///
        /// ```
        /// use ringway_core::ring::bytes::ByteRing;
        /// use ringway_core::wait::Spin;
        /// static RING: ByteRing<16, Spin> =
        ///     ByteRing::new();
        /// assert_eq!(RING.producer().unwrap().write(b"hi"), Ok(2));
        /// ```
        pub fn new() -> Self {
            index::capacity::<N>();
            ByteRing {
                header: Header::new(),
                slots: Slots::zeroed(),
                mark: AtomicU32::new(0),
            }
        }
    }

    /// How many bytes the ring holds.
    pub const fn capacity(&self) -> usize {
        N
    }
}

impl<const N: usize, W: Wake> Default for ByteRing<N, W> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: all of it is zeroed, which slots and mark are in a fresh one, and the header is written.
#[cfg(not(loom))]
unsafe impl<const N: usize, W: Wake> InPlace for ByteRing<N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        index::capacity::<N>();
        let at = place.as_mut_ptr();
        // SAFETY: the place is ours.
        unsafe { at.write_bytes(0, 1) };
        // SAFETY: within the place.
        let header = unsafe { &raw mut (*at).header };
        // SAFETY: as above.
        unsafe { header.write(Header::new()) };
        // SAFETY: just made; see above.
        unsafe { place.assume_init_mut() }
    }
}

impl<const N: usize, W: Wake> ByteRing<N, W> {
    /// The producer's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back, and the consumer waits for the next producer; [`Producer::close`] ends the stream.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// static RING: ByteRing<8> = ByteRing::new();
    /// let producer = RING.producer().unwrap();
    /// assert!(RING.producer().is_none());
    /// ```
    pub fn producer(&self) -> Option<Producer<'_, N, W>> {
        self.producer_as(Participant::LOCAL)
    }

    /// [`producer`](Self::producer) for `me`, where processes share the ring. `None` also when its memory was scribbled over,
    /// see [`is_sound`](Self::is_sound).
    pub fn producer_as(&self, me: Participant) -> Option<Producer<'_, N, W>> {
        self.header.take_producer(me).map(|cursor| Producer::new(cursor, &self.mark, &self.slots))
    }

    /// The consumer's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back; bytes that it left are there for the next. [`Consumer::close`] tells the producer
    /// that there will be no next.
    pub fn consumer(&self) -> Option<Consumer<'_, N, W>> {
        self.consumer_as(Participant::LOCAL)
    }

    /// [`consumer`](Self::consumer) for `me`, where processes share the ring. `None` also when its memory was scribbled over,
    /// see [`is_sound`](Self::is_sound).
    pub fn consumer_as(&self, me: Participant) -> Option<Consumer<'_, N, W>> {
        self.header.take_consumer(me).map(|cursor| Consumer::new(cursor, &self.mark, &self.slots))
    }

    /// Closes the halves that `dead` held, and wakes the other side so that it notices; returns how
    /// many they were. What it published can be read, what it had not published is gone. May be
    /// called by several at once, and again.
    /// The number is free for another [`Participant`] once all of these calls have returned.
    ///
    /// # Safety
    /// `dead` will not take another step in this ring: its process has ended (or its context was reset), and what it
    /// wrote is visible here, as it is once the operating system has reported its end.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::bytes::ByteRing;
    /// static RING: ByteRing<8> = ByteRing::new();
    /// let one = Participant::new(1).unwrap();
    /// let mut producer = RING.producer_as(one).unwrap();
    /// std::mem::forget(producer.try_reserve(3)); // it dies with a grant
    /// std::mem::forget(producer);
    ///
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { RING.recover(one) }, 1);
    /// assert_eq!(RING.producer().unwrap().room(), 8);
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        self.header.recover(dead)
    }

    /// Whether both sides stand where the sides of such a ring can: always, but in memory that somebody scribbled over.
    pub fn is_sound(&self) -> bool {
        self.header.is_sound::<N>()
    }

    /// How many bytes are in the ring, more or less (a gap counts): for one who holds no half. 0 only if it was empty at some
    /// moment of the call.
    pub fn len(&self) -> usize {
        self.header.len::<N>()
    }

    /// Whether the ring was empty at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the last producer closed its half or died, and nobody took it since.
    pub fn producer_is_gone(&self) -> bool {
        self.header.consumer.0.peer.is_gone()
    }

    /// What the consumer sleeps on. Every publication rings it, and so does [`Producer::close`].
    #[inline(always)]
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        &self.header.producer.0.bell
    }

    /// What the producer sleeps on. Every release rings it, and so does [`Consumer::close`].
    #[inline(always)]
    pub fn producers_bell(&self) -> &Doorbell<W> {
        &self.header.consumer.0.bell
    }

    /// Both halves of a ring that the caller owns. Needs no read-modify-write.
    pub fn split(&mut self) -> (Producer<'_, N, W>, Consumer<'_, N, W>) {
        let (producer, consumer) = self.header.take_both();
        (
            Producer::new(producer, &self.mark, &self.slots),
            Consumer::new(consumer, &self.mark, &self.slots),
        )
    }
}

/// Why bytes were not written; none were.
///
/// ```
/// use ringway_core::ring::bytes::{ByteRing, WriteAllError};
/// let mut ring: ByteRing<4> = ByteRing::new();
/// let (mut producer, _consumer) = ring.split();
/// assert_eq!(producer.try_write_all(b"12345"), Err(WriteAllError::TooLarge { max: 4 }));
/// assert_eq!(producer.try_write_all(b"123"), Ok(()));
/// assert_eq!(producer.try_write_all(b"45"), Err(WriteAllError::Full));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WriteAllError {
    /// There is not enough room now.
    Full,
    /// There can never be enough room.
    TooLarge {
        /// The most that fits, in bytes.
        max: usize,
    },
}

impl fmt::Display for WriteAllError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteAllError::Full => {
                f.write_str("the ring is too full now: read first, or try later")
            }
            WriteAllError::TooLarge { max } => write!(f, "the ring holds at most {max} bytes"),
        }
    }
}

impl core::error::Error for WriteAllError {}

/// The half that writes. It can move to another thread or context, and is used from one at a time.
#[derive(Debug)]
pub struct Producer<'a, const N: usize, W: Wake = Nobody> {
    cursor: CachePadded<ProducerCursor<'a, N, W>>,
    mark: &'a AtomicU32,
    slots: SlotsRef<'a, u8>,
}

// SAFETY: bytes pass from side to side by the ownership rule. The raw pointer inside is a borrow of the ring's slots.
unsafe impl<const N: usize, W: Wake + Sync> Send for Producer<'_, N, W> {}

impl<'a, const N: usize, W: Wake> Producer<'a, N, W> {
    fn new(cursor: ProducerCursor<'a, N, W>, mark: &'a AtomicU32, slots: &'a Slots<u8, N>) -> Self {
        Producer { cursor: CachePadded(cursor), mark, slots: slots.as_slots_ref() }
    }

    /// Copies in as many of `bytes` as there is room for, and returns how many. The consumer sees them at once, but more than
    /// 32 KiB a stretch at a time, so that it can copy the first while we copy the next; see
    /// [`try_write_all`](Self::try_write_all). Wait-free.
    #[inline]
    pub fn try_write(&mut self, bytes: &[u8]) -> usize {
        let room = self.cursor.0.room(bytes.len().min(N) as u32) as usize;
        if room < bytes.len() {
            return self.try_write_less(room, bytes);
        }
        // The length as the caller knows it: where it is a constant, the copy is a few moves.
        // SAFETY: the ownership rule: there is room for all of `bytes`.
        unsafe { self.put(bytes) };
        bytes.len()
    }

    /// The rest of [`try_write`](Self::try_write) where there is room for fewer than all bytes.
    #[inline(never)]
    fn try_write_less(&mut self, room: usize, bytes: &[u8]) -> usize {
        let Some((taken, _)) = bytes.split_at_checked(room) else { return 0 };
        // SAFETY: the ownership rule: `taken` is as long as there is room.
        unsafe { self.put(taken) };
        taken.len()
    }

    /// Copies in `bytes` and gives them to the consumer.
    ///
    /// # Safety
    /// There is room for so many.
    #[inline(always)]
    unsafe fn put(&mut self, bytes: &[u8]) {
        if N >= LONG && bytes.len() >= LONG {
            // SAFETY: by the caller's word.
            unsafe { self.put_long(bytes) };
        } else {
            // SAFETY: by the caller's word.
            unsafe { self.put_whole(bytes) };
        }
    }

    /// [`put`](Self::put) in one publication.
    ///
    /// # Safety
    /// As `put`.
    #[inline(always)]
    unsafe fn put_whole(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            // SAFETY: the ownership rule, by the caller's word.
            unsafe { self.slots.copy_in::<N>(self.cursor.0.tail(), bytes) };
            self.publish(bytes.len() as u32);
        }
    }

    /// [`put`](Self::put) a stretch at a time.
    ///
    /// # Safety
    /// As `put`.
    #[inline(never)]
    unsafe fn put_long(&mut self, bytes: &[u8]) {
        for stretch in bytes.chunks(stretch_of(bytes.len())) {
            // SAFETY: by the caller's word.
            unsafe { self.put_whole(stretch) };
        }
    }

    /// Copies in all of `bytes` in one publication, or nothing: the consumer never sees a part. Wait-free.
    ///
    /// # Errors
    /// [`WriteAllError::Full`] when there is too little room now, [`WriteAllError::TooLarge`] when there can never be
    /// enough.
    pub fn try_write_all(&mut self, bytes: &[u8]) -> Result<(), WriteAllError> {
        if bytes.len() > N {
            return Err(WriteAllError::TooLarge { max: N });
        }
        let count = bytes.len() as u32;
        if self.cursor.0.room(count) < count {
            return Err(WriteAllError::Full);
        }
        // SAFETY: there is room for all.
        unsafe { self.put_whole(bytes) };
        Ok(())
    }

    /// How many bytes can be written now. The consumer can only make it more.
    pub fn room(&mut self) -> usize {
        self.cursor.0.room(N as u32) as usize
    }

    /// How many bytes the ring holds when it is full.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// Whether the last consumer closed its half or died, and nobody took it since. One that has
    /// not come yet is not gone, nor is one that gave its half back.
    pub fn consumer_is_gone(&self) -> bool {
        self.cursor.0.peer_is_gone()
    }

    /// Ends the stream: the consumer gets what was written, and then the end of file. A producer
    /// that is taken later opens the stream again.
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// Publishes `count` bytes that lie at the tail without a gap.
    fn publish(&mut self, count: u32) {
        if index::offset::<N>(self.cursor.0.tail()) + count >= N as u32 {
            self.set_mark(N as u32);
        }
        self.cursor.0.publish(count);
    }

    /// Writes down where the bytes of this lap end, before the position says that the lap is over.
    fn set_mark(&mut self, mark: u32) {
        // Relaxed: the store of the position that follows (SYNC POINT A) carries it to the load in
        // `Consumer::first_run`. The mark that it replaces was for the lap before, which the consumer has left: we saw so
        // through SYNC POINT B when we got room in this lap.
        self.mark.store(mark, Ordering::Relaxed);
    }
}

/// The half that reads. It can move to another thread or context, and is used from one at a time.
#[derive(Debug)]
pub struct Consumer<'a, const N: usize, W: Wake = Nobody> {
    cursor: CachePadded<ConsumerCursor<'a, N, W>>,
    /// How many bytes were taken the last time: about what a message has.
    taken: Kept,
    mark: &'a AtomicU32,
    slots: SlotsRef<'a, u8>,
}

// SAFETY: as for `Producer`.
unsafe impl<const N: usize, W: Wake + Sync> Send for Consumer<'_, N, W> {}

impl<'a, const N: usize, W: Wake> Consumer<'a, N, W> {
    fn new(cursor: ConsumerCursor<'a, N, W>, mark: &'a AtomicU32, slots: &'a Slots<u8, N>) -> Self {
        let (cursor, slots) = (CachePadded(cursor), slots.as_slots_ref());
        Consumer { cursor, taken: Kept::new(1), mark, slots }
    }

    /// Copies out as many bytes as there are, at most `out.len()`, and returns how many. Wait-free.
    #[inline]
    pub fn try_read(&mut self, out: &mut [u8]) -> usize {
        let run = self.first_run(out.len().min(N) as u32);
        if out.len() > run as usize {
            return self.try_read_less(run, out);
        }
        // The length as the caller knows it: where it is a constant, the copy is a few moves.
        // SAFETY: the ownership rule: at least `out.len()` bytes are ready and contiguous.
        unsafe { self.take(out) };
        out.len()
    }

    /// The rest of [`try_read`](Self::try_read) where fewer than `out.len()` bytes are contiguous, namely `run`.
    #[inline(never)]
    fn try_read_less(&mut self, mut run: u32, out: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..) {
            let left = rest.len();
            let Some(to) = rest.get_mut(..left.min(run as usize)).filter(|to| !to.is_empty())
            else {
                break;
            };
            done += to.len();
            // SAFETY: the ownership rule: `run` bytes are ready and contiguous, and `to` is no longer.
            unsafe { self.take(to) };
            // Where a look is kept and nothing more is known of, it has just been taken. Else the memory begins again, or
            // a gap ends.
            if Kept::IS_KEPT && self.cursor.0.ready(0) == 0 {
                break;
            }
            run = self.first_run((out.len() - done).min(N) as u32);
        }
        self.took(done as u32);
        done
    }

    /// Copies out so many bytes as there is place in `to`, and gives them back to the producer.
    ///
    /// # Safety
    /// So many are ready, and contiguous.
    #[inline(always)]
    unsafe fn take(&mut self, to: &mut [u8]) {
        let count = to.len() as u32;
        if N >= LONG && to.len() >= LONG {
            // SAFETY: by the caller's word.
            unsafe { self.take_long(to) };
        } else if count > 0 {
            // SAFETY: the ownership rule, by the caller's word.
            unsafe { self.slots.copy_run_out::<N>(self.cursor.0.head(), to) };
            self.cursor.0.release(count);
        }
        self.took(count);
    }

    /// [`take`](Self::take) a stretch at a time.
    ///
    /// # Safety
    /// As `take`.
    #[inline(never)]
    unsafe fn take_long(&mut self, to: &mut [u8]) {
        for stretch in to.chunks_mut(stretch_of(to.len())) {
            let count = stretch.len() as u32;
            // SAFETY: the ownership rule, by the caller's word.
            unsafe { self.slots.copy_run_out::<N>(self.cursor.0.head(), stretch) };
            self.cursor.0.release(count);
        }
    }

    /// Remembers that a read took `count` bytes, unless it is none.
    #[inline(always)]
    fn took(&mut self, count: u32) {
        if count > 0 {
            self.taken = Kept::new(count);
        }
    }

    /// Drops every byte that is in the ring now, and wakes the producer.
    pub fn clear(&mut self) {
        let count = self.cursor.0.ready(N as u32);
        self.cursor.0.release(count);
    }

    /// [`clear`](Self::clear) of a ring that has no producer, which wakes nobody.
    pub(crate) fn discard(&mut self) {
        let count = self.cursor.0.ready(N as u32);
        self.cursor.0.release_unheard(self.cursor.0.head(), count);
    }

    /// How many bytes can be read now. The producer can only make it more.
    pub fn len(&mut self) -> usize {
        let ready = self.cursor.0.ready(N as u32);
        let first = self.first_run(ready);
        // The run may have begun behind a gap: what is ready is counted from there.
        let ready = self.cursor.0.ready(0);
        let to_end = N as u32 - index::offset::<N>(self.cursor.0.head());
        (first + ready.saturating_sub(to_end)) as usize
    }

    /// Whether there is nothing to read now.
    pub fn is_empty(&mut self) -> bool {
        self.cursor.0.ready(1) == 0
    }

    /// How many bytes the ring holds when it is full.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// Whether the last producer closed its half or died, and nobody took it since. What it wrote
    /// can still be read. One that has not come yet is not gone, nor is one that gave its half
    /// back.
    pub fn producer_is_gone(&self) -> bool {
        self.cursor.0.peer_is_gone()
    }

    /// Takes no more: the producer's forms that wait answer
    /// [`BrokenPipe`](crate::Error::BrokenPipe). Bytes that are left stay. A consumer that
    /// is taken later opens the ring again.
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// How many bytes lie contiguous at the head, after skipping the gap if the head stands at one. 0: nothing is
    /// ready. Looks at the producer's position only when fewer than `want` are known to be.
    #[inline]
    fn first_run(&mut self, want: u32) -> u32 {
        let ready = self.cursor.0.ready_soon(want, self.taken);
        self.run_of(ready)
    }

    /// [`first_run`](Self::first_run) for those who do not say how many they want: no longer one is there now.
    #[inline(always)]
    fn longest_run(&mut self) -> u32 {
        // A run ends at the end of the memory, so that what may have come since matters only up to there.
        let to_end = N as u32 - index::offset::<N>(self.cursor.0.head());
        let ready = self.cursor.0.ready_now(to_end, self.taken);
        self.run_of(ready)
    }

    /// How many of the `ready` bytes lie contiguous at the head, after skipping the gap if the head stands at one.
    #[inline(always)]
    fn run_of(&mut self, ready: u32) -> u32 {
        let at = index::offset::<N>(self.cursor.0.head());
        let to_end = N as u32 - at;
        if ready <= to_end {
            return ready;
        }
        // The producer is in the next lap, hence the mark is for ours.
        // Relaxed: the partner is the store in `Producer::set_mark`, carried here by SYNC POINT A. It is not
        // replaced before we leave this lap, which we say through SYNC POINT B.
        let mark = self.mark.load(Ordering::Relaxed).min(N as u32);
        if mark > at {
            return mark - at;
        }
        self.skip(to_end)
    }

    /// Skips a gap of `len` bytes, and returns how many are ready behind it, which are contiguous.
    #[cold]
    fn skip(&mut self, len: u32) -> u32 {
        self.cursor.0.release(len);
        self.cursor.0.ready(N as u32)
    }
}
