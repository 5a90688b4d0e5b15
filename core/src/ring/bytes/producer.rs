//! The half of a byte ring that writes: copies, or grants to be filled in place.

use super::inner::{self, ByteRingInner, ByteRingRef, CapacityOf};
use super::run::Run;
use crate::Error;
use crate::participant::Participant;
use crate::ring::position;
use crate::ring::sides::{Header, ProducerCursor, Span};
use crate::ring::slots::{LONG, chunk_size};
#[cfg(not(loom))]
use crate::ring::window::{MessageWindow, Words};
use crate::storage::sealed::Capacity as _;
use crate::sync::{CachePadded, Cached, Local, Ordering, SlotsRef};
use crate::wait::{Doorbell, Register, TimedOut, Wait, lend_until};
use core::fmt;
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::task::{Context, Poll};

/// The size in bytes of the length that precedes each message.
pub(crate) const HEADER: usize = size_of::<u32>();

/// The half that writes. It can move to another thread or context, and is used from one at a time.
///
/// `R` is the reference by which the half reaches its ring and keeps it, see
/// [`StableRef`](crate::storage::StableRef). It is `&ByteRing<N, W>`, `&ByteRingView<W>`, or an
/// `Arc` of one of these. With an `Arc` the half owns what it needs.
pub struct Producer<R: ByteRingRef> {
    pub(super) cursor: CachePadded<ProducerCursor<CapacityOf<R>, R::Wake>>,
    /// The known room, up to the end of the memory. It begins at the cursor's position.
    run: Run,
    /// Keeps the ring, to which the cursor points. It is the last field, so that it is dropped
    /// last.
    owner: R,
}

// SAFETY: bytes pass from one side to the other by the ownership rule. The pointer in the cursor
// leads to what the owner keeps, and the owner is `Send`. Both sides use `W`, which is `Sync`.
unsafe impl<R: ByteRingRef<Wake: Sync> + Send> Send for Producer<R> {}

impl<R: ByteRingRef> fmt::Debug for Producer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("ring", &self.ring()).finish_non_exhaustive()
    }
}

impl<R: ByteRingRef> Producer<R> {
    /// Takes the producer's half of the ring that `owner` refers to; `None` while somebody holds
    /// it.
    ///
    /// The half is held for the owner's [`participant`](crate::storage::StableRef::participant). It
    /// contains the owner.
    ///
    /// ```
    /// use ringway_core::ring::bytes::{ByteRing, Producer};
    /// static LOG: ByteRing<64> = ByteRing::new();
    /// struct Logger {
    ///     to: Producer<&'static ByteRing<64>>,
    /// }
    /// let mut logger = Logger { to: Producer::new(&LOG).unwrap() };
    /// assert_eq!(logger.to.try_write(b"started"), 7);
    /// assert_eq!(LOG.len(), 7);
    /// ```
    pub fn new(owner: R) -> Option<Self> {
        let me = owner.participant();
        Self::take_for(owner, me)
    }

    /// As [`new`](Self::new), for the participant `me`.
    pub(in crate::ring) fn take_for(owner: R, me: Participant) -> Option<Self> {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor.
        let cursor = unsafe { Header::take_producer(header, n, me) }?;
        Some(Producer { cursor: CachePadded(cursor), run: Run::NONE, owner })
    }

    /// The producer's half of the ring that `owner` refers to, which was taken already.
    ///
    /// # Safety
    /// The half is taken, and nothing else uses it.
    pub(in crate::ring) unsafe fn from_taken(owner: R) -> Self {
        // SAFETY: the caller guarantees that nothing else uses the half. A room of 0 is known of
        // every ring.
        unsafe { Self::with_room(owner, 0) }
    }

    /// As [`from_taken`](Self::from_taken), with `room` bytes known to be free.
    ///
    /// # Safety
    /// The half is taken or lent, and nothing else uses it. `room` bytes from its position on are
    /// free.
    #[inline(always)]
    pub(super) unsafe fn with_room(owner: R, room: u32) -> Self {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor. The caller
        // guarantees that there is no other producer and that `room` bytes are free.
        let cursor = unsafe { ProducerCursor::with_room(header, n, room) };
        Producer { cursor: CachePadded(cursor), run: Run::NONE, owner }
    }

    /// The doorbell on which the producer sleeps.
    ///
    /// # Safety
    /// The half lives as long as the returned reference.
    pub(in crate::ring) unsafe fn bell<'h>(&self) -> &'h Doorbell<R::Wake> {
        // SAFETY: the caller guarantees that the half lives for `'h`, and the cursor is part of it.
        unsafe { self.cursor.0.bell() }
    }

    #[inline(always)]
    pub(super) fn slots(&self) -> SlotsRef<'_, u8> {
        // SAFETY: the cursor was made from a pointer to the whole ring. The owner keeps the ring
        // while the half exists.
        unsafe { inner::slots(self.cursor.0.header_ptr()) }
    }

    /// Copies in as many of `bytes` as there is room for, and returns their number. Wait-free.
    ///
    /// The consumer sees them at once. More than 32 KiB are published in chunks, so that the
    /// consumer can copy the first chunk while we copy the next. See also
    /// [`try_write_all`](Self::try_write_all).
    #[inline]
    pub fn try_write(&mut self, bytes: &[u8]) -> usize {
        if !Cached::ENABLED {
            return self.write_now(bytes, false, true);
        }
        if !self.is_short(bytes) {
            let room = self.find_room(bytes.len());
            if !self.is_short(bytes) {
                return self.write_slow(room, bytes);
            }
        }
        // This passes the length as the caller knows it: if it is a constant, the copy becomes a
        // few moves.
        // SAFETY: `is_short` has just been checked.
        unsafe { self.put_short(bytes) };
        bytes.len()
    }

    /// As [`try_write`](Self::try_write), for a producer that was lent for this call and so has no
    /// run. If `whole`, it copies all or nothing. The ring has no gaps: nobody reserves a grant.
    #[inline(always)]
    pub(crate) fn write_once(&mut self, bytes: &[u8], whole: bool) -> usize {
        if !Cached::ENABLED {
            return self.write_now(bytes, whole, false);
        }
        if whole {
            return self.write_all_once(bytes).map_or(0, |()| bytes.len());
        }
        let room = self.look(bytes.len().min(self.capacity()) as u32).len;
        self.write_room(room, bytes)
    }

    /// Copies in as many of `bytes` as there is `room` for, and returns their number.
    #[inline(always)]
    fn write_room(&mut self, room: u32, bytes: &[u8]) -> usize {
        if (room as usize) < bytes.len() {
            return self.try_write_less(room as usize, bytes);
        }
        // SAFETY: the ownership rule: there is room for all of `bytes`.
        unsafe { self.put(bytes) };
        bytes.len()
    }

    /// As [`write_room`](Self::write_room), for bytes that are not [short](Self::is_short).
    #[inline(never)]
    fn write_slow(&mut self, room: u32, bytes: &[u8]) -> usize {
        self.write_room(room, bytes)
    }

    /// Whether the run has room for an exact grant of `len` bytes.
    #[inline(always)]
    fn run_grants(&self, len: usize) -> bool {
        // This is the limit of `max_grant`. No overflow: `len` is no longer than the run.
        self.run.holds(self.cursor.0.tail(), len) && 2 * len <= self.capacity() + 1
    }

    /// Copies in a message after its length and gives both to the consumer. It does so only if the
    /// message is short and the run has room for it; returns whether it did.
    #[inline(always)]
    pub(in crate::ring) fn put_message(&mut self, message: &[u8]) -> bool {
        let len = message.len();
        if len >= LONG || !self.run_grants(HEADER + len) {
            return false;
        }
        let tail = self.cursor.0.tail();
        let at = self.run.at(self.size(), tail);
        // SAFETY: the ownership rule: the run has room for `HEADER + len` bytes from `at` on, and
        // this copies the first `HEADER`.
        unsafe { self.slots().copy_in_at(at, &(len as u32).to_le_bytes()) };
        // SAFETY: the ownership rule: the run has room for `HEADER + len` bytes from `at` on, and
        // this copies the last `len`.
        unsafe { self.slots().copy_in_at(at + HEADER as u32, message) };
        // No wrapping: the lap continues after these bytes.
        self.cursor.0.publish_to(tail + (HEADER + len) as u32);
        true
    }

    /// What this half knows, for code that sends messages without a call of this crate. `None`
    /// where a half keeps nothing in mind.
    #[cfg(not(loom))]
    #[inline]
    pub(in crate::ring) fn message_window(&self) -> Option<MessageWindow> {
        let cursor = &self.cursor.0;
        let (position, (lap, end)) = (cursor.reach()?.position, self.run.reach()?);
        let Words { word, bell, .. } = cursor.words();
        let limit = self.max_grant().saturating_sub(HEADER).min(LONG - 1) as u32;
        let (first, peer) = (self.slots().first(), cursor.peer_word());
        Some(MessageWindow { first, word, peer, bell, lap, position, end, limit, may_look: false })
    }

    /// Goes on from where a [`MessageWindow`] was left.
    ///
    /// # Safety
    /// The bytes up to `position` were written and published. They lie within the run.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(in crate::ring) unsafe fn resume_messages(&mut self, position: u32) {
        if let Some(reach) = self.cursor.0.reach() {
            // SAFETY: the caller guarantees that the bytes up to `position` are published. The run
            // lies within the free bytes, and so those from there on are free.
            unsafe { self.cursor.0.resume(position, reach.end) };
        }
    }

    /// Whether `bytes` are not empty, are few, and are known to fit into the run.
    #[inline(always)]
    fn is_short(&self, bytes: &[u8]) -> bool {
        !bytes.is_empty() && bytes.len() < LONG && self.run.holds(self.cursor.0.tail(), bytes.len())
    }

    /// Copies in `bytes` and gives them to the consumer.
    ///
    /// # Safety
    /// `bytes` are [short](Self::is_short).
    #[inline(always)]
    unsafe fn put_short(&mut self, bytes: &[u8]) {
        let tail = self.cursor.0.tail();
        let at = self.run.at(self.size(), tail);
        // SAFETY: the ownership rule: `bytes` are short, as the caller guarantees, so that the run
        // has room for them.
        unsafe { self.slots().copy_in_at(at, bytes) };
        // No wrapping: the lap continues after these bytes.
        self.cursor.0.publish_to(tail + bytes.len() as u32);
    }

    /// Returns the room, and ends the run. It looks at the consumer's position when less room than
    /// for `want` bytes is known.
    ///
    /// The run always lies within the known room. A corrupted position of the consumer can take
    /// room back. If a run were left then, the tail could leave the known room behind, and the room
    /// would seem to be larger than the ring.
    #[inline(always)]
    fn look(&mut self, want: u32) -> Span {
        self.run = Run::NONE;
        self.cursor.0.room(want)
    }

    /// Returns the room, and makes its contiguous part the run. It looks at the consumer's position
    /// when less room than for `len` bytes is known.
    #[inline(never)]
    fn find_room(&mut self, len: usize) -> u32 {
        let room = self.look(len.min(self.capacity()) as u32);
        self.run = Run::new(self.size(), room.at, room.len.min(self.to_end(room.at)));
        room.len
    }

    /// The rest of [`try_write`](Self::try_write), when there is no room for all bytes.
    #[inline(never)]
    fn try_write_less(&mut self, room: usize, bytes: &[u8]) -> usize {
        let Some((taken, _)) = bytes.split_at_checked(room) else { return 0 };
        // SAFETY: the ownership rule: there is room for `room` bytes, the length of `taken`.
        unsafe { self.put(taken) };
        taken.len()
    }

    /// Copies in `bytes` and gives them to the consumer.
    ///
    /// # Safety
    /// There is room for all of `bytes`.
    #[inline(always)]
    unsafe fn put(&mut self, bytes: &[u8]) {
        if self.may_be_long() && bytes.len() >= LONG {
            // SAFETY: the caller guarantees that there is room for all of `bytes`.
            unsafe { self.put_long(bytes) };
        } else {
            // SAFETY: the caller guarantees that there is room for all of `bytes`.
            unsafe { self.put_whole(bytes) };
        }
    }

    /// As [`put`](Self::put), in one publication.
    ///
    /// # Safety
    /// There is room for all of `bytes`.
    #[inline(always)]
    unsafe fn put_whole(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let at = self.cursor.0.tail();
            // SAFETY: the ownership rule: the caller guarantees that there is room for all of
            // `bytes`.
            unsafe { self.slots().copy_in(self.cursor.0.capacity(), at, bytes) };
            self.publish(Span { at, len: bytes.len() as u32 });
        }
    }

    /// As [`put`](Self::put), one chunk at a time.
    ///
    /// # Safety
    /// There is room for all of `bytes`.
    #[inline(never)]
    unsafe fn put_long(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(chunk_size(bytes.len())) {
            // SAFETY: the caller guarantees that there is room for all of `bytes`. The previous
            // chunks have taken their share of it.
            unsafe { self.put_whole(chunk) };
        }
    }

    /// Copies in all of `bytes` in one publication, or nothing. Wait-free.
    ///
    /// The consumer never sees a part of them.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is too little room now, [`Error::MessageTooLarge`] when
    /// `bytes` are more than the ring can hold.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::bytes::ByteRing;
    /// let mut ring: ByteRing<4> = ByteRing::new();
    /// let (mut producer, _consumer) = ring.split();
    /// assert_eq!(producer.try_write_all(b"12345"), Err(Error::MessageTooLarge { max: 4 }));
    /// assert_eq!(producer.try_write_all(b"123"), Ok(()));
    /// assert_eq!(producer.try_write_all(b"45"), Err(Error::WouldBlock));
    /// ```
    #[inline]
    pub fn try_write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if !Cached::ENABLED {
            if self.write_now(bytes, true, true) < bytes.len() {
                return Err(self.no_room(bytes.len()));
            }
            return Ok(());
        }
        if !self.is_short(bytes) {
            self.find_room(bytes.len());
            if !self.is_short(bytes) {
                return self.write_all_slow(bytes);
            }
        }
        // SAFETY: `is_short` has just been checked.
        unsafe { self.put_short(bytes) };
        Ok(())
    }

    /// As [`try_write_all`](Self::try_write_all), for a producer that has no run, or too short a
    /// one.
    #[inline(always)]
    fn write_all_once(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let max = self.capacity();
        if bytes.len() > max {
            return Err(Error::MessageTooLarge { max });
        }
        let count = bytes.len() as u32;
        if self.look(count).len < count {
            return Err(Error::WouldBlock);
        }
        // SAFETY: `look` has found room for all of `bytes`.
        unsafe { self.put_whole(bytes) };
        Ok(())
    }

    /// As [`write_all_once`](Self::write_all_once), but never inlined.
    #[inline(never)]
    fn write_all_slow(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.write_all_once(bytes)
    }

    /// Reserves exactly `len` contiguous bytes.
    ///
    /// The consumer sees nothing before [`WriteGrant::commit`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no such run now. It comes when the consumer has read
    /// everything. [`Error::MessageTooLarge`] when such a run may never come: `len` is more than
    /// [`MAX_GRANT`](super::ByteRing::MAX_GRANT).
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::bytes::ByteRing;
    /// let mut ring: ByteRing<8> = ByteRing::new();
    /// let (mut producer, _consumer) = ring.split();
    /// assert_eq!(producer.try_reserve(5).unwrap_err(), Error::MessageTooLarge { max: 4 });
    /// producer.try_write(b"1234567");
    /// assert_eq!(producer.try_reserve(2).unwrap_err(), Error::WouldBlock);
    /// ```
    pub fn try_reserve(&mut self, len: usize) -> Result<WriteGrant<'_, R>, Error> {
        if !Cached::ENABLED {
            let room = self.find_grant_now(len)?;
            return Ok(self.granted(room));
        }
        let tail = self.cursor.0.tail();
        if self.run_grants(len) {
            return Ok(self.granted(Room { tail: Local::new(tail), gap: 0, len: len as u32 }));
        }
        let (gap, len) = self.check_grant(tail, len)?;
        if self.find_room((gap + len) as usize) < gap + len {
            return Err(Error::WouldBlock);
        }
        Ok(self.granted(Room { tail: Local::new(tail), gap, len }))
    }

    /// Reserves the contiguous bytes at hand, at most `max`, without a gap.
    ///
    /// The consumer sees nothing before [`WriteGrant::commit`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no room at all.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// let mut ring: ByteRing<8> = ByteRing::new();
    /// let (mut producer, _consumer) = ring.split();
    /// producer.try_write(b"12345");
    /// assert_eq!(producer.try_reserve_up_to(100).unwrap().len(), 3);
    /// ```
    pub fn try_reserve_up_to(&mut self, max: usize) -> Result<WriteGrant<'_, R>, Error> {
        let want = max.min(self.capacity()) as u32;
        if !Cached::ENABLED {
            let room = self.find_up_to_now(want)?;
            return Ok(self.granted(room));
        }
        let tail = self.cursor.0.tail();
        let to_end = self.to_end(tail);
        // It asks for at least one byte. A request for none would be satisfied by the known room,
        // which may be 0 since an earlier look at a full ring.
        let room = self.find_room(want.max(1) as usize);
        if room == 0 {
            return Err(Error::WouldBlock);
        }
        let len = want.min(room).min(to_end);
        Ok(self.granted(Room { tail: Local::new(tail), gap: 0, len }))
    }

    /// The number of bytes that can be written now. The consumer can only increase it.
    pub fn room(&mut self) -> usize {
        if !Cached::ENABLED {
            return self.look(self.n()).len as usize;
        }
        self.find_room(self.capacity()) as usize
    }

    /// The reference by which the half reaches the ring.
    pub(in crate::ring) fn owner(&self) -> &R {
        &self.owner
    }

    /// The ring of which this is a half.
    pub fn ring(&self) -> &ByteRingInner<R::Storage, R::Wake> {
        self.owner.get()
    }

    /// The number of bytes that the ring can hold.
    #[inline(always)]
    pub(super) fn capacity(&self) -> usize {
        self.n() as usize
    }

    /// The capacity, as positions count.
    #[inline(always)]
    pub(super) fn n(&self) -> u32 {
        self.cursor.0.n()
    }

    /// The capacity in the form that the functions of `position` take.
    #[inline(always)]
    pub(in crate::ring) fn size(&self) -> CapacityOf<R> {
        self.cursor.0.capacity()
    }

    /// Whether the consumer closed or died.
    pub(super) fn consumer_is_gone(&self) -> bool {
        self.cursor.0.peer_is_gone()
    }

    /// Ends the stream.
    ///
    /// The consumer still gets what was written, and then the end of file. A producer that is taken
    /// later opens the stream again.
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// Publishes bytes that lie at the tail, without a gap.
    fn publish(&mut self, bytes: Span) {
        if self.at(bytes.at) + bytes.len >= self.n() {
            self.set_mark(self.n());
        }
        self.advance(bytes);
    }

    /// Gives bytes at the tail to the consumer, with or without a gap among them.
    #[inline(always)]
    fn advance(&mut self, bytes: Span) {
        // The run ends before `publish`, which calls a waker, and that may panic.
        self.run = Run::NONE;
        self.cursor.0.publish(bytes);
    }

    /// The slot at the position `tail`, the producer's.
    #[inline(always)]
    pub(super) fn at(&self, tail: u32) -> u32 {
        position::offset(self.size(), tail)
    }

    /// Records where the bytes of this lap end. The caller then publishes a position in the next
    /// lap.
    pub(super) fn set_mark(&mut self, mark: u32) {
        // Relaxed: the store of the position that follows, in `ProducerCursor::publish_to`, carries
        // it to the load in `Consumer::run_of`. The mark that it replaces was for the lap before.
        // The consumer has left that lap: the load in `ProducerCursor::head` saw so when it found
        // room in this lap.
        // SAFETY: the cursor was made from a pointer to the whole ring. The owner keeps the ring
        // while the half exists.
        unsafe { inner::mark(self.cursor.0.header_ptr()) }.store(mark, Ordering::Relaxed);
    }

    /// Copies in a message and its length in one publication, or nothing.
    pub(crate) fn try_write_message(&mut self, message: &[u8]) -> Result<(), Error> {
        let max = self.capacity().saturating_sub(HEADER);
        if message.len() > max {
            return Err(Error::MessageTooLarge { max });
        }
        let count = (HEADER + message.len()) as u32;
        let room = self.look(count);
        if room.len < count {
            return Err(Error::WouldBlock);
        }
        let n = self.size();
        // SAFETY: the ownership rule: there is room for `count` bytes, and this copies the first
        // `HEADER`.
        unsafe { self.slots().copy_in(n, room.at, &(message.len() as u32).to_le_bytes()) };
        let start = position::advance(n, room.at, HEADER as u32);
        // SAFETY: the ownership rule: there is room for `count` bytes, and this copies the last
        // `message.len()`.
        unsafe { self.slots().copy_in(n, start, message) };
        self.publish(room.first(count));
        Ok(())
    }

    /// The room that is known without a look at the consumer, in bytes.
    #[inline(always)]
    pub(crate) fn known_room(&self) -> u32 {
        self.cursor.0.known_room()
    }

    /// The number of bytes from the position `tail` to the end of the memory.
    #[inline(always)]
    pub(super) fn to_end(&self, tail: u32) -> u32 {
        self.n() - self.at(tail)
    }

    /// Why `len` bytes cannot be written at once.
    #[inline(always)]
    fn no_room(&self, len: usize) -> Error {
        let max = self.capacity();
        if len > max { Error::MessageTooLarge { max } } else { Error::WouldBlock }
    }

    /// The gap that an exact grant of `len` bytes would leave at the position `tail`, and `len`. An
    /// error if `len` is too large.
    #[inline(always)]
    pub(super) fn check_grant(&self, tail: u32, len: usize) -> Result<(u32, u32), Error> {
        let max = self.max_grant();
        if len > max {
            return Err(Error::MessageTooLarge { max });
        }
        let (len, to_end) = (len as u32, self.to_end(tail));
        // The grant lies before the end of the memory, or else at the start, with a gap before the
        // end. The sum of gap and length does not overflow: both are at most the capacity.
        Ok((if len <= to_end { 0 } else { to_end }, len))
    }

    /// The largest exact grant, see [`MAX_GRANT`](super::ByteRing::MAX_GRANT).
    #[inline(always)]
    pub(in crate::ring) fn max_grant(&self) -> usize {
        self.capacity().div_ceil(2)
    }

    /// The number of `bytes` that were written, or why none can be. `None` when some may be written
    /// later.
    fn write_or_end(&mut self, bytes: &[u8]) -> Option<Result<usize, Error>> {
        if bytes.is_empty() {
            return Some(Ok(0));
        }
        if self.consumer_is_gone() {
            return Some(Err(Error::BrokenPipe));
        }
        match self.try_write(bytes) {
            0 => self.cursor.0.peer_is_corrupt().then_some(Err(Error::Corrupt)),
            count => Some(Ok(count)),
        }
    }

    /// The room for an exact grant, or why it is impossible. `None` when there may be room later.
    pub(in crate::ring) fn grant_or_end(&mut self, len: usize) -> Option<Result<Room, Error>> {
        if !Cached::ENABLED {
            return self.grant_or_end_now(len);
        }
        let tail = self.cursor.0.tail();
        let (gap, len) = match self.check_grant(tail, len) {
            Ok(grant) => grant,
            Err(error) => return Some(Err(error)),
        };
        if self.consumer_is_gone() {
            return Some(Err(Error::BrokenPipe));
        }
        if self.look(gap + len).len < gap + len {
            return self.cursor.0.peer_is_corrupt().then_some(Err(Error::Corrupt));
        }
        Some(Ok(Room { tail: Local::new(tail), gap, len }))
    }

    /// The grant of the `room` that was found.
    #[inline(always)]
    pub(in crate::ring) fn granted(&mut self, room: Room) -> WriteGrant<'_, R> {
        WriteGrant { producer: self, room }
    }

    /// Whether the capacity allows copies that go in chunks.
    #[inline(always)]
    fn may_be_long(&self) -> bool {
        !(CapacityOf::<R>::IS_FIXED && self.capacity() < LONG)
    }
}

impl<R: ByteRingRef<Wake: Wait>> Producer<R> {
    /// Copies in at least one of `bytes`, and as many as there is room for; waits for room.
    ///
    /// It returns the number of bytes written. Without `bytes` it returns 0 at once.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the consumer closed or died, [`Error::Corrupt`] when the memory
    /// was corrupted.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::bytes::ByteRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = ByteRing::<4, Spin>::new();
    /// let (mut producer, consumer) = ring.split();
    /// assert_eq!(producer.write(b"123456"), Ok(4));
    /// consumer.close();
    /// assert_eq!(producer.write(b"56"), Err(Error::BrokenPipe));
    /// ```
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.write_deadline(bytes, None)
    }

    /// As [`write`](Self::write), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `write`, and [`Error::TimedOut`] when there was no room in time. Nothing was
    /// written then.
    pub fn write_deadline(
        &mut self,
        bytes: &[u8],
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<usize, Error> {
        self.wait(deadline, |this| this.write_or_end(bytes))?
    }

    /// Copies in all of `bytes`, however many; waits for room. The consumer sees them as they come.
    ///
    /// # Errors
    /// Those of [`write`](Self::write). Some of the bytes may have been written before the error.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = ByteRing::<4, Spin>::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || producer.write_all(b"more than it holds").unwrap());
    ///     let mut out = [0; 18];
    ///     consumer.read_exact(&mut out).unwrap();
    ///     assert_eq!(&out, b"more than it holds");
    /// });
    /// ```
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.write_all_deadline(&mut &*bytes, None)
    }

    /// As [`write_all`](Self::write_all), until `deadline` at most (`None`: for ever).
    ///
    /// `bytes` moves past what was written. After an error it is the part that was not written.
    ///
    /// # Errors
    /// Those of `write_all`, and [`Error::TimedOut`].
    pub fn write_all_deadline(
        &mut self,
        bytes: &mut &[u8],
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<(), Error> {
        while !bytes.is_empty() {
            let count = self.write_deadline(bytes, deadline)?;
            *bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reserves exactly `len` contiguous bytes; waits for such a run.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the consumer closed or died, [`Error::MessageTooLarge`] when
    /// `len` is more than [`MAX_GRANT`](super::ByteRing::MAX_GRANT), [`Error::Corrupt`] when the
    /// memory was corrupted.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = ByteRing::<8, Spin>::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// producer.write(b"1234567").unwrap();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || producer.reserve(4).unwrap().commit(4));
    ///     consumer.read(&mut [0; 7]).unwrap();
    ///     assert_eq!(consumer.peek(4).unwrap().len(), 4);
    /// });
    /// ```
    pub fn reserve(&mut self, len: usize) -> Result<WriteGrant<'_, R>, Error> {
        self.reserve_deadline(len, None)
    }

    /// As [`reserve`](Self::reserve), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `reserve`, and [`Error::TimedOut`].
    pub fn reserve_deadline(
        &mut self,
        len: usize,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<WriteGrant<'_, R>, Error> {
        let grant = self.wait(deadline, |this| this.grant_or_end(len))??;
        Ok(self.granted(grant))
    }

    /// Waits until `attempt` returns an answer, until `deadline` at most.
    fn wait<A>(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
        mut attempt: impl FnMut(&mut Self) -> Option<A>,
    ) -> Result<A, TimedOut> {
        // SAFETY: `&mut self` borrows the half while the bell is in use, so that the half lives.
        unsafe { self.bell() }.wait_until(deadline, || attempt(self))
    }
}

impl<R: ByteRingRef<Wake: Register>> Producer<R> {
    /// As [`write`](Self::write), but has the task woken when there may be room, instead of
    /// waiting.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        self.poll(cx, |this| this.write_or_end(bytes))
    }

    /// As [`write`](Self::write), but awaits room.
    ///
    /// If the future is dropped before it is ready, nothing is written.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn write_async(&mut self, bytes: &[u8]) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(move |cx| self.poll_write(cx, bytes))
    }

    /// As [`write_all`](Self::write_all), but awaits room.
    ///
    /// If the future is dropped before it is ready, some of the bytes may have been written.
    ///
    /// # Errors
    /// Those of `write_all`.
    pub fn write_all_async(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), Error>> {
        let mut left = bytes;
        poll_fn(move |cx| {
            while !left.is_empty() {
                match self.poll_write(cx, left) {
                    Poll::Ready(Ok(count)) => left = left.get(count..).unwrap_or_default(),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    /// As [`reserve`](Self::reserve), but awaits such a run. If the future is dropped, nothing is
    /// reserved.
    ///
    /// # Errors
    /// Those of `reserve`.
    pub fn reserve_async<'p>(
        &'p mut self,
        len: usize,
    ) -> impl Future<Output = Result<WriteGrant<'p, R>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.poll(cx, |this| this.grant_or_end(len))
        };
        lend_until(self, poll, |this, grant| grant.map(|grant| this.granted(grant)))
    }

    /// Returns what `attempt` answers. Without an answer, it has the task woken when there may be
    /// one.
    fn poll<A>(
        &mut self,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&mut Self) -> Option<A>,
    ) -> Poll<A> {
        // SAFETY: `&mut self` borrows the half while the bell is in use, so that the half lives.
        unsafe { self.bell() }.poll_until(cx, || attempt(self))
    }
}

/// The free bytes of a grant.
#[derive(Debug, Clone, Copy)]
pub(in crate::ring) struct Room {
    /// The position at which the grant begins, after the gap.
    pub(super) tail: Local,
    /// The number of bytes before the end of the memory that stay unused if the grant is committed.
    pub(super) gap: u32,
    pub(super) len: u32,
}

/// Contiguous bytes to be written, as a slice.
///
/// They contain what an earlier lap left there, or zeros. Dropped without a commit, the grant gives
/// nothing to the consumer.
///
/// ```
/// use ringway_core::ring::bytes::ByteRing;
/// let mut ring: ByteRing<8> = ByteRing::new();
/// let (mut producer, mut consumer) = ring.split();
/// producer.try_reserve(3).unwrap().copy_from_slice(b"abc"); // dropped: aborted
/// assert!(consumer.is_empty());
/// ```
#[must_use = "a grant that is dropped commits nothing"]
pub struct WriteGrant<'g, R: ByteRingRef> {
    producer: &'g mut Producer<R>,
    room: Room,
}

impl<R: ByteRingRef> fmt::Debug for WriteGrant<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteGrant").field("len", &self.room.len).finish_non_exhaustive()
    }
}

impl<R: ByteRingRef> WriteGrant<'_, R> {
    /// Gives the first `len` bytes to the consumer. With 0, nothing happens.
    ///
    /// If the grant has fewer than `len` bytes, it gives all of them.
    pub fn commit(mut self, len: usize) {
        let Room { tail, gap, len: granted } = self.room;
        let len = len.min(granted as usize) as u32;
        if len == 0 {
            return;
        }
        // Tells loom that the bytes were being written until now.
        self.bytes();
        let producer = self.producer;
        if let Some(tail) = tail.get() {
            // The mark was recorded with the grant.
            let tail = position::advance(producer.size(), tail, len);
            return producer.cursor.0.publish_to(tail);
        }
        let tail = producer.cursor.0.tail();
        if gap > 0 {
            // The bytes of this lap end here. The consumer skips the rest of the memory.
            producer.set_mark(producer.at(tail));
            return producer.advance(Span { at: tail, len: gap + len });
        }
        if producer.run.holds(tail, len as usize) {
            return producer.cursor.0.publish_to(tail + len);
        }
        producer.publish(Span { at: tail, len });
    }

    /// The slot at which the grant begins: the slot at the tail, or slot 0 after a gap.
    #[inline(always)]
    fn at(&self) -> u32 {
        match self.room.tail.get() {
            Some(tail) => self.producer.at(tail),
            None if self.room.gap > 0 => 0,
            None => self.producer.at(self.producer.cursor.0.tail()),
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the ownership rule: the grant lies within the room and is contiguous. The slice
        // borrows the grant, so that nothing else uses these bytes.
        let bytes = unsafe { self.producer.slots().writable_at(self.at(), self.room.len) };
        // SAFETY: every byte of the ring was initialized when the ring was made. `MaybeUninit<u8>`
        // has the layout of `u8`.
        unsafe { &mut *(core::ptr::from_mut(bytes) as *mut [u8]) }
    }
}

impl<R: ByteRingRef> Deref for WriteGrant<'_, R> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the ownership rule: the grant lies within the room and is contiguous. Every byte
        // of the ring was initialized when the ring was made. The slice borrows the grant, so that
        // nobody writes these bytes.
        unsafe { self.producer.slots().readable_at(self.at(), self.room.len) }
    }
}

impl<R: ByteRingRef> DerefMut for WriteGrant<'_, R> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes()
    }
}
