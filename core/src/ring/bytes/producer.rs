//! The half of a byte ring that writes: copies, or grants to be filled in place.

use super::inner::{self, ByteRingInner, ByteRingRef, CapacityOf};
use super::run::Run;
use crate::Error;
use crate::participant::Participant;
use crate::ring::position;
use crate::ring::sides::{Header, ProducerCursor};
use crate::ring::slots::{LONG, stretch_of};
use crate::storage::sealed::Capacity as _;
use crate::sync::{CachePadded, Cached, Ordering, SlotsRef};
use crate::wait::{Doorbell, Register, TimedOut, Wait, lend_until};
use core::fmt;
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::task::{Context, Poll};

/// Before each message: its length, of so many bytes.
pub(crate) const HEADER: usize = size_of::<u32>();

/// The half that writes. It can move to another thread or context, and is used from one at a time.
///
/// `R` is the reference by which it reaches its ring and keeps it, see
/// [`StableRef`](crate::storage::StableRef): `&ByteRing<N, W>` or `&ByteRingView<W>`, or an `Arc`
/// of one, with which the half owns what it needs.
pub struct Producer<R: ByteRingRef> {
    cursor: CachePadded<ProducerCursor<CapacityOf<R>, R::Wake>>,
    /// The room that is known of, up to the end of the memory. It begins where the cursor stands.
    run: Run,
    /// Keeps the ring, which the cursor points to. The last field, which is dropped last.
    owner: R,
}

// SAFETY: bytes pass from side to side by the ownership rule. The pointer inside is to what the
// owner keeps.
unsafe impl<R: ByteRingRef<Wake: Sync> + Send> Send for Producer<R> {}

impl<R: ByteRingRef> fmt::Debug for Producer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("ring", &self.ring()).finish_non_exhaustive()
    }
}

impl<R: ByteRingRef> Producer<R> {
    /// The half of the ring that `owner` refers to, taken for its
    /// [`participant`](crate::storage::StableRef::participant); `None` while somebody has it. It
    /// has the owner with it.
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

    /// The same, for `me`.
    pub(in crate::ring) fn take_for(owner: R, me: Participant) -> Option<Self> {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor.
        let cursor = unsafe { Header::take_producer(header, n, me) }?;
        Some(Producer { cursor: CachePadded(cursor), run: Run::NONE, owner })
    }

    /// The half of the ring that `owner` refers to.
    ///
    /// # Safety
    /// The half was taken, and nobody has it.
    pub(in crate::ring) unsafe fn of_taken(owner: R) -> Self {
        // SAFETY: as the caller states.
        unsafe { Self::with_room(owner, 0) }
    }

    /// The same, where one before it knew of `room` free bytes.
    ///
    /// # Safety
    /// As [`of_taken`](Self::of_taken).
    #[inline(always)]
    pub(super) unsafe fn with_room(owner: R, room: u32) -> Self {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: as in `take_for`.
        let cursor = unsafe { ProducerCursor::with_room(header, n, room) };
        Producer { cursor: CachePadded(cursor), run: Run::NONE, owner }
    }

    /// What this side sleeps on.
    ///
    /// # Safety
    /// The half lives as long as what is returned.
    pub(in crate::ring) unsafe fn bell<'h>(&self) -> &'h Doorbell<R::Wake> {
        // SAFETY: as the caller states.
        unsafe { self.cursor.0.bell() }
    }

    #[inline(always)]
    fn slots(&self) -> SlotsRef<'_, u8> {
        // SAFETY: the cursor was made of a pointer to all of the ring, which is there for as long
        // as we are.
        unsafe { inner::slots(self.cursor.0.header_ptr()) }
    }

    /// Copies in as many of `bytes` as there is room for, and returns how many. The consumer sees
    /// them at once, but more than 32 KiB a stretch at a time, so that it can copy the first while
    /// we copy the next; see [`try_write_all`](Self::try_write_all). Wait-free.
    #[inline]
    pub fn try_write(&mut self, bytes: &[u8]) -> usize {
        if !Cached::ENABLED {
            return self.write_once(bytes);
        }
        if !self.is_short(bytes) {
            let room = self.find_room(bytes.len());
            if !self.is_short(bytes) {
                return self.write_beyond(room, bytes);
            }
        }
        // The length as the caller knows it: where it is a constant, the copy is a few moves.
        // SAFETY: just checked.
        unsafe { self.put_short(bytes) };
        bytes.len()
    }

    /// [`try_write`](Self::try_write) of a producer that was lent for this, which has no run.
    #[inline(always)]
    pub(crate) fn write_once(&mut self, bytes: &[u8]) -> usize {
        let room = self.cursor.0.room(bytes.len().min(self.capacity()) as u32);
        self.write_room(room, bytes)
    }

    /// Copies in as many of `bytes` as there is `room` for, and returns how many.
    #[inline(always)]
    fn write_room(&mut self, room: u32, bytes: &[u8]) -> usize {
        if (room as usize) < bytes.len() {
            return self.try_write_less(room as usize, bytes);
        }
        // SAFETY: the ownership rule: there is room for all of `bytes`.
        unsafe { self.put(bytes) };
        bytes.len()
    }

    /// [`write_room`](Self::write_room) of what is not [short](Self::is_short).
    #[inline(never)]
    fn write_beyond(&mut self, room: u32, bytes: &[u8]) -> usize {
        self.write_room(room, bytes)
    }

    /// Whether there is room for an exact grant of `len` bytes in the run.
    #[inline(always)]
    fn run_grants(&self, len: usize) -> bool {
        // As `max_grant` has it. No overflow: `len` is no longer than the run.
        self.run.holds(self.cursor.0.tail(), len) && 2 * len <= self.capacity() + 1
    }

    /// Copies in a message behind its length and gives it to the consumer, if it is short and there
    /// is room for it in the run.
    #[inline(always)]
    pub(in crate::ring) fn put_message(&mut self, message: &[u8]) -> bool {
        let len = message.len();
        if len >= LONG || !self.run_grants(HEADER + len) {
            return false;
        }
        let tail = self.cursor.0.tail();
        let at = self.run.at(self.size(), tail);
        // SAFETY: the ownership rule: there is room for so many, of which this are the first.
        unsafe { self.slots().copy_in_at(at, &(len as u32).to_le_bytes()) };
        // SAFETY: as above, and this are the others.
        unsafe { self.slots().copy_in_at(at + HEADER as u32, message) };
        // The lap goes on behind them.
        self.cursor.0.publish_to(tail + (HEADER + len) as u32);
        true
    }

    /// Whether there are bytes, few, and known to be room for them in the run.
    #[inline(always)]
    fn is_short(&self, bytes: &[u8]) -> bool {
        !bytes.is_empty() && bytes.len() < LONG && self.run.holds(self.cursor.0.tail(), bytes.len())
    }

    /// Copies in `bytes` and gives them to the consumer.
    ///
    /// # Safety
    /// They are [short](Self::is_short).
    #[inline(always)]
    unsafe fn put_short(&mut self, bytes: &[u8]) {
        let tail = self.cursor.0.tail();
        let at = self.run.at(self.size(), tail);
        // SAFETY: the ownership rule: there is room for so many, as the caller states.
        unsafe { self.slots().copy_in_at(at, bytes) };
        // The lap goes on behind them.
        self.cursor.0.publish_to(tail + bytes.len() as u32);
    }

    /// [`find_room`](Self::find_room), where there is a run at all.
    #[inline(always)]
    fn room_for(&mut self, count: u32) -> u32 {
        if Cached::ENABLED { self.find_room(count as usize) } else { self.cursor.0.room(count) }
    }

    /// How much room there is, for which it looks where less than for `len` bytes is known of. What
    /// of it is contiguous is the run then.
    #[inline(never)]
    fn find_room(&mut self, len: usize) -> u32 {
        let room = self.cursor.0.room(len.min(self.capacity()) as u32);
        self.run = Run::new(self.size(), self.cursor.0.tail(), room.min(self.to_end()));
        room
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
        if self.may_be_long() && bytes.len() >= LONG {
            // SAFETY: as the caller states.
            unsafe { self.put_long(bytes) };
        } else {
            // SAFETY: as the caller states.
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
            // SAFETY: the ownership rule, as the caller states.
            unsafe { self.slots().copy_in(self.cursor.0.capacity(), self.cursor.0.tail(), bytes) };
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
            // SAFETY: as the caller states.
            unsafe { self.put_whole(stretch) };
        }
    }

    /// Copies in all of `bytes` in one publication, or nothing: the consumer never sees a part.
    /// Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is too little room now, [`Error::MessageTooLarge`] when
    /// there can never be enough.
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
            return self.write_all_once(bytes);
        }
        if !self.is_short(bytes) {
            self.find_room(bytes.len());
            if !self.is_short(bytes) {
                return self.write_all_beyond(bytes);
            }
        }
        // SAFETY: just checked.
        unsafe { self.put_short(bytes) };
        Ok(())
    }

    /// [`try_write_all`](Self::try_write_all) of a producer that was lent for this, which has no
    /// run.
    #[inline(always)]
    pub(crate) fn write_all_once(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let max = self.capacity();
        if bytes.len() > max {
            return Err(Error::MessageTooLarge { max });
        }
        let count = bytes.len() as u32;
        if self.cursor.0.room(count) < count {
            return Err(Error::WouldBlock);
        }
        // SAFETY: there is room for all.
        unsafe { self.put_whole(bytes) };
        Ok(())
    }

    /// The same, by itself.
    #[inline(never)]
    fn write_all_beyond(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.write_all_once(bytes)
    }

    /// Reserves exactly `len` contiguous bytes. The consumer sees nothing before
    /// [`WriteGrant::commit`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no such run now; it comes when the consumer has read
    /// everything. [`Error::MessageTooLarge`] when there is no telling whether it ever comes, see
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
        if self.run_grants(len) {
            return Ok(WriteGrant { producer: self, gap: 0, len: len as u32 });
        }
        let (gap, len) = self.check_grant(len)?;
        if self.room_for(gap + len) < gap + len {
            return Err(Error::WouldBlock);
        }
        Ok(self.granted((gap, len)))
    }

    /// Reserves the contiguous bytes at hand, at most `max`, leaving no gap. The consumer sees
    /// nothing before [`WriteGrant::commit`].
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
        let to_end = self.to_end();
        // At least one: for none, what is known would be enough, and it may be that the ring was
        // full.
        let room = self.room_for(want.max(1));
        if room == 0 {
            return Err(Error::WouldBlock);
        }
        Ok(self.granted((0, want.min(room).min(to_end))))
    }

    /// How many bytes can be written now. The consumer can only make it more.
    pub fn room(&mut self) -> usize {
        self.cursor.0.room(self.n()) as usize
    }

    /// By what it reaches the ring.
    pub(in crate::ring) fn owner(&self) -> &R {
        &self.owner
    }

    /// The ring that it is a half of.
    pub fn ring(&self) -> &ByteRingInner<R::Storage, R::Wake> {
        self.owner.get()
    }

    /// How many bytes the ring holds when it is full.
    #[inline(always)]
    fn capacity(&self) -> usize {
        self.n() as usize
    }

    /// As positions count.
    #[inline(always)]
    fn n(&self) -> u32 {
        self.cursor.0.n()
    }

    /// As the functions of positions take it.
    #[inline(always)]
    pub(in crate::ring) fn size(&self) -> CapacityOf<R> {
        self.cursor.0.capacity()
    }

    /// Whether the consumer closed or died.
    fn consumer_is_gone(&self) -> bool {
        self.cursor.0.peer_is_gone()
    }

    /// Ends the stream: the consumer gets what was written, and then the end of file. A producer
    /// that is taken later opens the stream again.
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// Publishes `count` bytes that lie at the tail without a gap.
    fn publish(&mut self, count: u32) {
        if self.at() + count >= self.n() {
            self.set_mark(self.n());
        }
        self.advance(count);
    }

    /// Gives `count` bytes to the consumer, wherever they lie.
    #[inline(always)]
    fn advance(&mut self, count: u32) {
        // Before somebody's waker runs, which may panic.
        self.run = Run::NONE;
        self.cursor.0.publish(count);
    }

    /// The slot at the tail.
    #[inline(always)]
    fn at(&self) -> u32 {
        position::offset(self.size(), self.cursor.0.tail())
    }

    /// Writes down where the bytes of this lap end, before the position says that the lap is over.
    fn set_mark(&mut self, mark: u32) {
        // Relaxed: the store of the position that follows (SYNC POINT A) carries it to the load in
        // `Consumer::first_run`. The mark that it replaces was for the lap before, which the
        // consumer has left: we saw so through SYNC POINT B when we got room in this lap.
        // SAFETY: as in `slots`.
        unsafe { inner::mark(self.cursor.0.header_ptr()) }.store(mark, Ordering::Relaxed);
    }

    /// Copies in a message and its length in one publication, or nothing.
    pub(crate) fn try_write_message(&mut self, message: &[u8]) -> Result<(), Error> {
        let max = self.capacity().saturating_sub(HEADER);
        if message.len() > max {
            return Err(Error::MessageTooLarge { max });
        }
        let count = (HEADER + message.len()) as u32;
        if self.cursor.0.room(count) < count {
            return Err(Error::WouldBlock);
        }
        let start = self.cursor.0.tail();
        // SAFETY: the ownership rule: there is room for `count`, of which this are the first.
        unsafe {
            self.slots().copy_in(
                self.cursor.0.capacity(),
                start,
                &(message.len() as u32).to_le_bytes(),
            )
        };
        let start = position::advance(self.cursor.0.capacity(), start, HEADER as u32);
        // SAFETY: as above, and this are the others.
        unsafe { self.slots().copy_in(self.cursor.0.capacity(), start, message) };
        self.publish(count);
        Ok(())
    }

    /// How much room is known without looking.
    #[inline(always)]
    pub(crate) fn known_room(&self) -> u32 {
        self.cursor.0.known_room()
    }

    /// How many bytes lie from the tail to the end of the memory.
    #[inline(always)]
    fn to_end(&self) -> u32 {
        self.n() - self.at()
    }

    /// The gap that an exact grant of `len` bytes would leave now, and `len`, if it is not too
    /// large.
    #[inline(always)]
    fn check_grant(&self, len: usize) -> Result<(u32, u32), Error> {
        let max = self.max_grant();
        if len > max {
            return Err(Error::MessageTooLarge { max });
        }
        let (len, to_end) = (len as u32, self.to_end());
        // Before the end of the memory, or else at its start, with a gap before the end. Their sum
        // does not overflow: both are at most the capacity.
        Ok((if len <= to_end { 0 } else { to_end }, len))
    }

    /// See [`MAX_GRANT`](super::ByteRing::MAX_GRANT).
    #[inline(always)]
    pub(in crate::ring) fn max_grant(&self) -> usize {
        self.capacity().div_ceil(2)
    }

    /// How many of `bytes` were written, or why none can be; `None` when some can be later.
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

    /// Gap and length of an exact grant, or why there can be none; `None` when there may be later.
    pub(in crate::ring) fn grant_or_end(
        &mut self,
        len: usize,
    ) -> Option<Result<(u32, u32), Error>> {
        let (gap, len) = match self.check_grant(len) {
            Ok(grant) => grant,
            Err(error) => return Some(Err(error)),
        };
        self.cursor
            .0
            .room_or_end(|cursor| (cursor.room(gap + len) >= gap + len).then_some((gap, len)))
    }

    /// The grant that [`grant_or_end`](Self::grant_or_end) found.
    pub(in crate::ring) fn granted(&mut self, (gap, len): (u32, u32)) -> WriteGrant<'_, R> {
        WriteGrant { producer: self, gap, len }
    }

    /// Whether the capacity allows for bytes that are copied a stretch at a time.
    #[inline(always)]
    fn may_be_long(&self) -> bool {
        !(CapacityOf::<R>::IS_FIXED && self.capacity() < LONG)
    }
}

impl<R: ByteRingRef<Wake: Wait>> Producer<R> {
    /// Copies in at least one of `bytes` and as many as there is room for; waits for room. Returns
    /// how many.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the consumer closed or died; [`Error::Corrupt`] when it stands
    /// where none can.
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

    /// [`write`](Self::write), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `write`, and [`Error::TimedOut`] when there was no room in time; nothing was written
    /// then.
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
    /// As [`write`](Self::write); some may have been written then.
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

    /// [`write_all`](Self::write_all), at most until `deadline` (`None`: for ever). `bytes` moves
    /// past what was written, so that after an error it is what is left.
    ///
    /// # Errors
    /// As `write_all`, and [`Error::TimedOut`].
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

    /// [`try_reserve`](Self::try_reserve); waits for such a run.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the consumer closed or died; [`Error::MessageTooLarge`],
    /// [`Error::Corrupt`].
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

    /// [`reserve`](Self::reserve), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `reserve`, and [`Error::TimedOut`].
    pub fn reserve_deadline(
        &mut self,
        len: usize,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<WriteGrant<'_, R>, Error> {
        let grant = self.wait(deadline, |this| this.grant_or_end(len))??;
        Ok(self.granted(grant))
    }

    /// Waits until `look` answers, at most until `deadline`.
    fn wait<A>(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
        mut look: impl FnMut(&mut Self) -> Option<A>,
    ) -> Result<A, TimedOut> {
        // SAFETY: the half is borrowed meanwhile, and so lives.
        unsafe { self.bell() }.wait_until(deadline, || look(self))
    }
}

impl<R: ByteRingRef<Wake: Register>> Producer<R> {
    /// [`write`](Self::write) for a task: writes, or has the task woken when there may be room.
    ///
    /// # Errors
    /// As `write`.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        self.poll(cx, |this| this.write_or_end(bytes))
    }

    /// [`write`](Self::write); awaits room. Cancelled, it has written nothing.
    ///
    /// # Errors
    /// As `write`.
    pub fn write_async(&mut self, bytes: &[u8]) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(move |cx| self.poll_write(cx, bytes))
    }

    /// [`write_all`](Self::write_all); awaits room. Cancelled, it may have written some.
    ///
    /// # Errors
    /// As `write_all`.
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

    /// [`reserve`](Self::reserve); awaits such a run. Cancelled, it has reserved nothing.
    ///
    /// # Errors
    /// As `reserve`.
    pub fn reserve_async<'p>(
        &'p mut self,
        len: usize,
    ) -> impl Future<Output = Result<WriteGrant<'p, R>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.poll(cx, |this| this.grant_or_end(len))
        };
        lend_until(self, poll, |this, grant| grant.map(|grant| this.granted(grant)))
    }

    /// What `look` answers; else has the task woken when it may.
    fn poll<A>(
        &mut self,
        cx: &mut Context<'_>,
        mut look: impl FnMut(&mut Self) -> Option<A>,
    ) -> Poll<A> {
        // SAFETY: the half is borrowed meanwhile, and so lives.
        unsafe { self.bell() }.poll_until(cx, || look(self))
    }
}

/// Contiguous bytes to be written, as a slice. They hold what an earlier lap left there, or zero.
/// Dropped without a commit, it gives nothing to the consumer.
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
    /// How many bytes before the end of the memory stay unused, if this is committed.
    gap: u32,
    len: u32,
}

impl<R: ByteRingRef> fmt::Debug for WriteGrant<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteGrant").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<R: ByteRingRef> WriteGrant<'_, R> {
    /// Gives the first `len` bytes to the consumer; more than the grant has count as all it has.
    /// With 0, nothing happens.
    pub fn commit(mut self, len: usize) {
        let len = len.min(self.len as usize) as u32;
        if len == 0 {
            return;
        }
        // Under loom, says that the bytes were written until now.
        self.bytes();
        let producer = self.producer;
        if self.gap > 0 {
            // The lap's bytes end here; the rest of the memory is skipped.
            producer.set_mark(producer.at());
            return producer.advance(self.gap + len);
        }
        let tail = producer.cursor.0.tail();
        if producer.run.holds(tail, len as usize) {
            return producer.cursor.0.publish_to(tail + len);
        }
        producer.publish(len);
    }

    /// The slot at which it begins: the tail's, or behind a gap the first.
    #[inline(always)]
    fn at(&self) -> u32 {
        if self.gap > 0 { 0 } else { self.producer.at() }
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the ownership rule: the grant lies within the room, and is contiguous; the slice
        // borrows it.
        let bytes = unsafe { self.producer.slots().writable_at(self.at(), self.len) };
        // SAFETY: every byte of the ring is initialized since it was made; the type is the same but
        // for that.
        unsafe { &mut *(core::ptr::from_mut(bytes) as *mut [u8]) }
    }
}

impl<R: ByteRingRef> Deref for WriteGrant<'_, R> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: as in `bytes`: the producer's and initialized. A shared borrow only reads.
        unsafe { self.producer.slots().readable_at(self.at(), self.len) }
    }
}

impl<R: ByteRingRef> DerefMut for WriteGrant<'_, R> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes()
    }
}
