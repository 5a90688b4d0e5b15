//! The half of a byte ring that reads: copies, or bytes to be read in place.

use super::inner::{self, ByteRingInner, ByteRingRef, CapacityOf};
use super::producer::HEADER;
use super::run::Run;
use crate::Error;
use crate::participant::Participant;
use crate::ring::position;
use crate::ring::sides::{ConsumerCursor, Header, Span};
use crate::ring::slots::{LONG, chunk_size};
#[cfg(not(loom))]
use crate::ring::window::{MessageWindow, Words};
use crate::storage::sealed::Capacity as _;
use crate::sync::{CachePadded, Cached, Local, Ordering, SlotsRef};
use crate::wait::{Doorbell, Register, TimedOut, Wait, lend_until, look_or_end, needs_wake};
use core::fmt;
use core::future::poll_fn;
use core::ops::Deref;
use core::task::{Context, Poll};

/// The half that reads. It can move to another thread or context, and is used from one at a time.
///
/// `R` is the reference by which the half reaches its ring and keeps it, as for a
/// [`Producer`](super::Producer).
pub struct Consumer<R: ByteRingRef> {
    pub(super) cursor: CachePadded<ConsumerCursor<CapacityOf<R>, R::Wake>>,
    /// The number of bytes that the last read took: about the size of a message.
    taken: Cached,
    /// The bytes that are known to be ready and contiguous. The run begins at the cursor's
    /// position.
    run: Run,
    /// The position of the run's end, not wrapped. 0 without a run.
    end: Cached,
    /// Keeps the ring, to which the cursor points. It is the last field, so that it is dropped
    /// last.
    owner: R,
}

// SAFETY: bytes pass from one side to the other by the ownership rule. The pointer in the cursor
// leads to what the owner keeps, and the owner is `Send`. Both sides use `W`, which is `Sync`.
unsafe impl<R: ByteRingRef<Wake: Sync> + Send> Send for Consumer<R> {}

impl<R: ByteRingRef> fmt::Debug for Consumer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("ring", &self.ring()).finish_non_exhaustive()
    }
}

impl<R: ByteRingRef> Consumer<R> {
    /// Takes the consumer's half of the ring that `owner` refers to; `None` while somebody holds
    /// it.
    ///
    /// The half is held for the owner's [`participant`](crate::storage::StableRef::participant). It
    /// contains the owner.
    pub fn new(owner: R) -> Option<Self> {
        let me = owner.participant();
        Self::take_for(owner, me)
    }

    /// As [`new`](Self::new), for the participant `me`.
    pub(in crate::ring) fn take_for(owner: R, me: Participant) -> Option<Self> {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor.
        let cursor = unsafe { Header::take_consumer(header, n, me) }?;
        Some(Self::of_cursor(cursor, owner))
    }

    /// The consumer's half of the ring that `owner` refers to, which was taken already.
    ///
    /// # Safety
    /// The half is taken or lent, and nothing else uses it.
    pub(in crate::ring) unsafe fn from_taken(owner: R) -> Self {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor. The caller
        // guarantees that there is no other consumer.
        Self::of_cursor(unsafe { ConsumerCursor::new(header, n) }, owner)
    }

    fn of_cursor(cursor: ConsumerCursor<CapacityOf<R>, R::Wake>, owner: R) -> Self {
        let (taken, end) = (Cached::new(1), Cached::new(0));
        Consumer { cursor: CachePadded(cursor), taken, run: Run::NONE, end, owner }
    }

    /// The doorbell on which the consumer sleeps.
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

    /// Copies out as many bytes as there are, at most `out.len()`, and returns their number.
    ///
    /// It is wait-free.
    #[inline]
    pub fn try_read(&mut self, out: &mut [u8]) -> usize {
        if !Cached::ENABLED {
            return self.read_now(out, false, true);
        }
        if !self.is_short(out) {
            let run = self.find_run(out.len());
            if !self.is_short(out) {
                return self.read_slow(run, out);
            }
        }
        // This passes the length as the caller knows it: if it is a constant, the copy becomes a
        // few moves.
        // SAFETY: `is_short` has just been checked.
        unsafe { self.take_short(out) };
        out.len()
    }

    /// As [`try_read`](Self::try_read), for a ring without gaps: nobody reserves a grant. If
    /// `whole`, it fills `out` or reads nothing.
    #[inline(always)]
    pub(crate) fn read_once(&mut self, out: &mut [u8], whole: bool) -> usize {
        if !Cached::ENABLED {
            return self.read_now(out, whole, false);
        }
        if !whole {
            return self.try_read(out);
        }
        self.try_read_exact(out).map_or(0, |()| out.len())
    }

    /// Copies out as many bytes as there are, and returns their number. The first `run` bytes are
    /// contiguous.
    #[inline(always)]
    fn read_run(&mut self, run: u32, out: &mut [u8]) -> usize {
        if out.len() > run as usize {
            return self.try_read_less(run, out);
        }
        // SAFETY: the ownership rule: at least `out.len()` bytes are ready and contiguous.
        unsafe { self.take(out) };
        out.len()
    }

    /// As [`read_run`](Self::read_run), for a buffer that is not [short](Self::is_short).
    #[inline(never)]
    fn read_slow(&mut self, run: u32, out: &mut [u8]) -> usize {
        self.read_run(run, out)
    }

    /// Whether `out` is not empty, is small, and the run is known to have enough bytes for it.
    #[inline(always)]
    fn is_short(&self, out: &[u8]) -> bool {
        !out.is_empty() && out.len() < LONG && self.run.holds(self.cursor.0.head(), out.len())
    }

    /// Fills `out` from the run, and gives the bytes back to the producer.
    ///
    /// # Safety
    /// `out` is [short](Self::is_short).
    #[inline(always)]
    unsafe fn take_short(&mut self, out: &mut [u8]) {
        let head = self.cursor.0.head();
        let at = self.run.at(self.size(), head);
        // SAFETY: the ownership rule: `out` is short, as the caller guarantees, so that the run has
        // `out.len()` ready bytes.
        unsafe { self.slots().copy_out_at(at, out) };
        self.record_read(out.len() as u32);
        // No wrapping: the lap continues after these bytes.
        self.cursor.0.release_to(head + out.len() as u32);
    }

    /// As [`first_run`](Self::first_run) for `len` bytes. It also makes the result the known run.
    #[inline(never)]
    fn find_run(&mut self, len: usize) -> u32 {
        let run = self.first_run(len.min(self.capacity()) as u32);
        self.begin_run(run);
        run
    }

    /// The rest of [`try_read`](Self::try_read), when fewer than `out.len()` bytes are contiguous:
    /// `run` of them.
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
            // SAFETY: the ownership rule: `run` bytes are ready and contiguous, and `to` is no
            // longer than that.
            unsafe { self.take(to) };
            // If looks are cached and no further byte is known, everything that the last look found
            // is taken. Otherwise the run ended at the end of the memory or at a gap.
            if Cached::ENABLED && self.cursor.0.ready(0).len == 0 {
                break;
            }
            run = self.first_run((out.len() - done).min(self.capacity()) as u32);
        }
        self.record_read(done as u32);
        done
    }

    /// Fills `to`, and gives the bytes back to the producer.
    ///
    /// # Safety
    /// `to.len()` bytes are ready and contiguous.
    #[inline(always)]
    unsafe fn take(&mut self, to: &mut [u8]) {
        let count = to.len() as u32;
        if !(CapacityOf::<R>::IS_FIXED && self.capacity() < LONG) && to.len() >= LONG {
            // SAFETY: the caller guarantees that `to.len()` bytes are ready and contiguous.
            unsafe { self.take_long(to) };
        } else if count > 0 {
            // SAFETY: the ownership rule: the caller guarantees that `to.len()` bytes are ready and
            // contiguous.
            unsafe {
                self.slots().copy_run_out(self.cursor.0.capacity(), self.cursor.0.head(), to)
            };
            self.advance(self.head_span(count));
        }
        self.record_read(count);
    }

    /// As [`take`](Self::take), one chunk at a time.
    ///
    /// # Safety
    /// `to.len()` bytes are ready and contiguous.
    #[inline(never)]
    unsafe fn take_long(&mut self, to: &mut [u8]) {
        for chunk in to.chunks_mut(chunk_size(to.len())) {
            let count = chunk.len() as u32;
            // SAFETY: the ownership rule: the caller guarantees that `to.len()` bytes are ready and
            // contiguous. The previous chunks have taken their share of them.
            unsafe {
                self.slots().copy_run_out(self.cursor.0.capacity(), self.cursor.0.head(), chunk)
            };
            self.advance(self.head_span(count));
        }
    }

    /// Records that a read took `count` bytes, unless `count` is 0.
    #[inline(always)]
    fn record_read(&mut self, count: u32) {
        if count > 0 {
            self.taken = Cached::new(count);
        }
    }

    /// Drops every byte that is in the ring now, and wakes the producer.
    pub fn clear(&mut self) {
        let all = self.cursor.0.ready(self.n());
        if all.len > 0 {
            self.advance(all);
        }
    }

    /// Gives bytes at the head back to the producer, with or without a gap among them.
    #[inline(always)]
    fn advance(&mut self, bytes: Span) {
        // The run ends before `release`, which calls a waker, and that may panic.
        self.end_run();
        self.cursor.0.release(bytes);
    }

    /// The `len` bytes at the head.
    #[inline(always)]
    fn head_span(&self, len: u32) -> Span {
        Span { at: self.cursor.0.head(), len }
    }

    /// Makes the `len` bytes at the head, which are ready and contiguous, the run.
    #[inline(always)]
    fn begin_run(&mut self, len: u32) {
        let head = self.cursor.0.head();
        self.run = Run::new(self.size(), head, len);
        self.end = Cached::new(head + len);
    }

    /// Forgets the run, because the head leaves it.
    #[inline(always)]
    fn end_run(&mut self) {
        self.run = Run::NONE;
        self.end = Cached::new(0);
    }

    /// The length of the run, in bytes.
    #[inline(always)]
    fn known_run(&self) -> u32 {
        self.end.get().map_or(0, |end| end.saturating_sub(self.cursor.0.head()))
    }

    /// The slot at the head.
    #[inline(always)]
    fn at(&self) -> u32 {
        position::offset(self.size(), self.cursor.0.head())
    }

    /// As [`clear`](Self::clear), for a ring without a producer. It wakes nobody.
    pub(crate) fn discard(&mut self) {
        let all = self.cursor.0.ready(self.n());
        self.end_run();
        if all.len > 0 {
            self.cursor.0.release_silently(all);
        }
    }

    /// The bytes that lie contiguous at the head, in place, once there are at least `at_least`.
    ///
    /// It is for a parser that needs a whole frame, or, with `try_peek(1)`, any bytes. Nothing is
    /// consumed before [`ReadGrant::release`]. The next call also shows what has come in the
    /// meantime. If the bytes go past the end of the memory, the grant has fewer than `at_least`.
    /// Then [`as_slices`](Self::as_slices) has all of them, and [`try_read`](Self::try_read) copies
    /// them out.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there are fewer bytes now, or none. [`Error::MessageTooLarge`]
    /// when the ring can hold only fewer.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// let mut ring: ByteRing<8> = ByteRing::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// producer.try_write(b"ab");
    /// assert_eq!(&*consumer.try_peek(1).unwrap(), b"ab");
    /// assert!(consumer.try_peek(3).is_err());
    /// producer.try_write(b"c");
    /// assert_eq!(&*consumer.try_peek(3).unwrap(), b"abc");
    /// ```
    #[inline]
    pub fn try_peek(&mut self, at_least: usize) -> Result<ReadGrant<'_, R>, Error> {
        match self.find(at_least) {
            None => Err(self.too_few(at_least)),
            Some(found) => Ok(self.granted(found)),
        }
    }

    /// All bytes that are in the ring now, in place, as two runs of memory.
    ///
    /// The second run is empty unless the bytes go past the end of the memory.
    /// [`consume`](Self::consume) takes them.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// let mut ring: ByteRing<4> = ByteRing::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// producer.try_write(b"123");
    /// consumer.consume(3);
    /// producer.try_write(b"45");
    /// assert_eq!(consumer.as_slices(), (&b"4"[..], &b"5"[..]));
    /// consumer.consume(2);
    /// assert!(consumer.is_empty());
    /// ```
    pub fn as_slices(&mut self) -> (&[u8], &[u8]) {
        if !Cached::ENABLED {
            return self.as_slices_now();
        }
        let (first, second) = self.both_runs();
        // SAFETY: the ownership rule: these bytes are ready and contiguous. The slices borrow the
        // consumer, so that the bytes are not released while the slices are in use.
        let head = unsafe { self.slots().readable_at(self.at(), first) };
        // SAFETY: the ownership rule: these bytes are ready and contiguous. The slices borrow the
        // consumer, so that the bytes are not released while the slices are in use.
        let rest = unsafe { self.slots().readable_at(0, second) };
        (head, rest)
    }

    /// Takes the oldest `count` bytes without copying them. If there are fewer, it takes all.
    pub fn consume(&mut self, count: usize) {
        if !Cached::ENABLED {
            return self.consume_now(count);
        }
        let (first, second) = self.both_runs();
        let count = count.min((first + second) as usize) as u32;
        if count > 0 {
            // There may be a gap after the first run.
            let beyond = count.saturating_sub(first);
            let by = if beyond == 0 { count } else { self.to_end() + beyond };
            self.advance(self.head_span(by));
            self.record_read(count);
        }
    }

    /// Fills `out`, or reads nothing. Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there are fewer bytes now. [`Error::MessageTooLarge`] when the
    /// ring can hold only fewer.
    pub fn try_read_exact(&mut self, out: &mut [u8]) -> Result<(), Error> {
        if !Cached::ENABLED {
            if self.read_now(out, true, true) < out.len() {
                return Err(self.too_few(out.len()));
            }
        } else if !out.is_empty() {
            if self.run_if(out.len()) == 0 {
                return Err(self.too_few(out.len()));
            }
            self.try_read(out);
        }
        Ok(())
    }

    /// The number of bytes that can be read now. The producer can only increase it.
    pub fn len(&mut self) -> usize {
        if !Cached::ENABLED {
            return self.len_now();
        }
        let (first, second) = self.both_runs();
        (first + second) as usize
    }

    /// Whether there is nothing to read now.
    pub fn is_empty(&mut self) -> bool {
        self.cursor.0.ready(1).len == 0
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
    fn capacity(&self) -> usize {
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

    /// Ends the stream from this side.
    ///
    /// The producer's calls that wait return [`BrokenPipe`](crate::Error::BrokenPipe). Bytes that
    /// are left stay in the ring. A consumer that is taken later opens the ring again.
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// The number of contiguous bytes at the head; 0 if nothing is ready. It skips a gap at the
    /// head. It looks at the producer's position only when fewer than `want` bytes are known to be
    /// ready.
    #[inline]
    fn first_run(&mut self, want: u32) -> u32 {
        let ready = self.cursor.0.ready_batched(want, self.taken).len;
        self.run_of(ready)
    }

    /// The length of the first run, if at least `at_least` bytes are ready, and at least one.
    /// Otherwise 0.
    #[inline(always)]
    fn run_if(&mut self, at_least: usize) -> u32 {
        if let Some(end) = self.end.get().filter(|end| self.cursor.0.is_up_to_date(*end)) {
            let first = end.saturating_sub(self.cursor.0.head());
            if first as usize >= at_least.max(1) {
                return first;
            }
        }
        self.run_slow(at_least)
    }

    /// The rest of [`run_if`](Self::run_if), when a look is necessary or the first run is too
    /// short.
    #[inline(never)]
    fn run_slow(&mut self, at_least: usize) -> u32 {
        // The run stops at the end of the memory, so that bytes after that do not matter here.
        let ready = self.cursor.0.ready_now(self.to_end(), self.taken);
        let first = self.run_of(ready);
        self.begin_run(first);
        if first as usize >= at_least.max(1) {
            first
        } else if at_least > 1 && self.are_ready(at_least) {
            // This second look may have found more, which made the run longer.
            self.known_run()
        } else {
            0
        }
    }

    /// Whether both runs together have at least `count` bytes.
    #[inline(never)]
    fn are_ready(&mut self, count: usize) -> bool {
        self.len() >= count
    }

    /// Why `at_least` bytes cannot be had now.
    #[inline(always)]
    fn too_few(&self, at_least: usize) -> Error {
        let max = self.capacity();
        if at_least > max { Error::MessageTooLarge { max } } else { Error::WouldBlock }
    }

    /// How many of the `ready` bytes are contiguous at the head. It skips a gap at the head.
    #[inline(always)]
    fn run_of(&mut self, ready: u32) -> u32 {
        let at = self.at();
        let to_end = self.n() - at;
        if ready <= to_end {
            return ready;
        }
        // The producer is in the next lap, so that the mark is for our lap.
        // SAFETY: the cursor was made from a pointer to the whole ring. The owner keeps the ring
        // while the half exists.
        let mark = unsafe { inner::mark(self.cursor.0.header_ptr()) }.load(Ordering::Relaxed);
        let mark = mark.min(self.n());
        if mark > at {
            return mark - at;
        }
        self.skip(to_end)
    }

    /// The lengths of the two runs of ready bytes: at the head, and at the start of the memory.
    fn both_runs(&mut self) -> (u32, u32) {
        let Span { at, len: ready } = self.cursor.0.ready(self.n());
        let first = self.run_of(ready);
        self.begin_run(first);
        // After a gap at the head, all bytes lie in one run.
        let second =
            if at == self.cursor.0.head() { ready.saturating_sub(self.to_end()) } else { 0 };
        (first, second)
    }

    /// The number of bytes from the head to the end of the memory.
    #[inline(always)]
    fn to_end(&self) -> u32 {
        self.n() - self.at()
    }

    /// Takes a whole message out; `None` when there is none. The ring must contain messages alone.
    ///
    /// # Errors
    /// The size of the message when `out` is smaller. The message stays in the ring.
    pub(crate) fn try_read_message(&mut self, out: &mut [u8]) -> Option<Result<usize, usize>> {
        let header = HEADER as u32;
        let ready = self.cursor.0.ready_batched(header, self.taken);
        if ready.len < header {
            return None;
        }
        let (n, mut length) = (self.size(), [0; HEADER]);
        // SAFETY: the ownership rule: at least `HEADER` bytes are ready.
        unsafe { self.slots().copy_out(n, ready.at, &mut length) };
        // The producer publishes a message together with its length. Only a corrupted length is
        // larger than what is ready. So the length is limited to that, and nothing else is touched.
        let length = u32::from_le_bytes(length).min(ready.len - header);
        let Some((message, _)) = out.split_at_mut_checked(length as usize) else {
            return Some(Err(length as usize));
        };
        let start = position::advance(n, ready.at, header);
        // SAFETY: the ownership rule: `length` bytes are ready after the header.
        unsafe { self.slots().copy_out(n, start, message) };
        self.advance(ready.first(header + length));
        self.record_read(header + length);
        Some(Ok(length as usize))
    }

    /// Where the bytes end that are known to be ready and contiguous, for a [`MessageWindow`]: at
    /// most the last position of the lap.
    #[cfg(not(loom))]
    #[inline(always)]
    fn window_end(&self, head: u32) -> Option<u32> {
        Some(self.run.reach()?.1.max(head))
    }

    /// What this half knows, for code that receives messages without a call of this crate. `None`
    /// where a half keeps nothing in mind.
    #[cfg(not(loom))]
    #[inline]
    pub(in crate::ring) fn message_window(&self) -> Option<MessageWindow> {
        let cursor = &self.cursor.0;
        let position = cursor.reach()?.position;
        let (end, lap) = (self.window_end(position)?, position - self.at());
        let (limit, may_look) = (lap + self.n() - 1, cursor.may_look(self.taken));
        let (first, Words { word, peer, bell }) = (self.slots().first(), cursor.words());
        Some(MessageWindow { first, word, peer, bell, lap, position, end, limit, may_look })
    }

    /// Goes on from where a [`MessageWindow`] was left: at `position`, with bytes known up to
    /// `end`.
    ///
    /// # Safety
    /// The bytes up to `position` were read and released. Either `end` is what the window said, or
    /// a look has found that the filled bytes end there, and that is `position`.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(in crate::ring) unsafe fn resume_messages(&mut self, position: u32, end: u32) {
        let Some(reach) = self.cursor.0.reach() else { return };
        let mut filled_to = reach.end;
        if self.window_end(reach.position) != Some(end) {
            self.end_run();
            filled_to = end;
        }
        // SAFETY: the caller guarantees that the bytes up to `position` are released. Those from
        // there on are filled as far as before, or none are known.
        unsafe { self.cursor.0.resume(position, filled_to) };
    }

    /// Skips a gap of `len` bytes, and returns the number of ready bytes after it, which are
    /// contiguous.
    #[cold]
    fn skip(&mut self, len: u32) -> u32 {
        self.advance(self.head_span(len));
        self.cursor.0.ready(self.n()).len
    }

    /// The length of the contiguous run at the head, if a byte is ready.
    ///
    /// Unlike [`try_peek`](Self::try_peek), it looks at the producer's position only when nothing
    /// is known to be ready. It is for callers to whom one publication is enough.
    #[inline]
    pub(in crate::ring) fn one_run(&mut self) -> Option<Found> {
        if !Cached::ENABLED {
            return self.find_now(1);
        }
        let run = match self.known_run() {
            0 => self.find_run(1),
            known => known,
        };
        self.found(run)
    }

    /// The `len` bytes at the head, unless `len` is 0.
    #[inline(always)]
    fn found(&self, len: u32) -> Option<Found> {
        (len > 0).then(|| Found { head: Local::new(self.cursor.0.head()), len })
    }

    /// The first run, if at least `at_least` bytes are ready, and at least one.
    #[inline(always)]
    fn find(&mut self, at_least: usize) -> Option<Found> {
        if !Cached::ENABLED {
            return self.find_now(at_least);
        }
        let len = self.run_if(at_least);
        self.found(len)
    }

    /// The grant of the bytes that were found.
    #[inline]
    pub(in crate::ring) fn granted(&mut self, found: Found) -> ReadGrant<'_, R> {
        ReadGrant { consumer: self, found }
    }

    fn read_or_end(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        if out.is_empty() {
            return Some(Ok(0));
        }
        let attempt = |this: &mut Self| match this.try_read(out) {
            0 => None,
            count => Some(Ok(count)),
        };
        look_or_end(self, attempt, |this| match this.end()? {
            Error::EndOfFile => Some(Ok(0)),
            error => Some(Err(error)),
        })
    }

    fn peek_or_end(&mut self, at_least: usize) -> Option<Result<Found, Error>> {
        let attempt = |this: &mut Self| match this.find(at_least) {
            None if at_least > this.capacity() => Some(Err(this.too_few(at_least))),
            None => None,
            Some(found) => Some(Ok(found)),
        };
        look_or_end(self, attempt, |this| this.end().map(Err))
    }

    /// Why nothing more will come, see [`ConsumerCursor::end`].
    pub(in crate::ring) fn end(&self) -> Option<Error> {
        self.cursor.0.end()
    }
}

impl<R: ByteRingRef<Wake: Wait>> Consumer<R> {
    /// Copies out at least one byte, and as many as there are, at most `out.len()`; waits for one.
    ///
    /// It returns the number of bytes read. 0 is the end of file: the producer closed or died, and
    /// everything was read. It also returns 0 if `out` is empty.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the memory was corrupted.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = ByteRing::<4, Spin>::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || {
    ///         producer.write(b"hi").unwrap();
    ///         producer.close();
    ///     });
    ///     let mut out = [0; 8];
    ///     assert_eq!(consumer.read(&mut out), Ok(2));
    ///     assert_eq!(consumer.read(&mut out), Ok(0));
    /// });
    /// ```
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        self.read_deadline(out, None)
    }

    /// As [`read`](Self::read), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `read`, and [`Error::TimedOut`] when nothing came in time.
    pub fn read_deadline(
        &mut self,
        out: &mut [u8],
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<usize, Error> {
        self.wait(deadline, |this| this.read_or_end(out))?
    }

    /// Fills `out`, however large it is; waits for the bytes.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died before `out` was full,
    /// [`Error::Corrupt`] when the memory was corrupted. Some bytes may have been read before the
    /// error.
    pub fn read_exact(&mut self, mut out: &mut [u8]) -> Result<(), Error> {
        self.read_exact_deadline(&mut out, None)
    }

    /// As [`read_exact`](Self::read_exact), until `deadline` at most (`None`: for ever).
    ///
    /// `out` moves past what was read. After an error it is the part that was not filled.
    ///
    /// # Errors
    /// Those of `read_exact`, and [`Error::TimedOut`].
    pub fn read_exact_deadline(
        &mut self,
        out: &mut &mut [u8],
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<(), Error> {
        while !out.is_empty() {
            match self.read_deadline(out, deadline)? {
                0 => return Err(Error::EndOfFile),
                count => *out = core::mem::take(out).get_mut(count..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    /// The bytes at the head, in place; waits until there are at least `at_least`.
    ///
    /// The grant is that of [`try_peek`](Self::try_peek).
    /// The consumer releases nothing while it waits. The producer must find room for the rest
    /// without that. A copy finds room for as much as the ring holds; an exact grant may find none.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and there are fewer bytes, which can
    /// still be read. [`Error::MessageTooLarge`] when the ring can hold only fewer,
    /// [`Error::Corrupt`] when the memory was corrupted.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = ByteRing::<16, Spin>::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || [&b"fra"[..], &b"me\nrest"[..]].map(|part| producer.write(part)));
    ///     let mut seen = 0;
    ///     let end = loop {
    ///         let bytes = consumer.peek(seen + 1).unwrap();
    ///         seen = bytes.len();
    ///         if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
    ///             break end;
    ///         }
    ///     };
    ///     let frame = consumer.try_peek(end).unwrap();
    ///     assert_eq!(&frame[..end], b"frame");
    ///     frame.release(end + 1);
    /// });
    /// ```
    pub fn peek(&mut self, at_least: usize) -> Result<ReadGrant<'_, R>, Error> {
        self.peek_deadline(at_least, None)
    }

    /// As [`peek`](Self::peek), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `peek`, and [`Error::TimedOut`].
    pub fn peek_deadline(
        &mut self,
        at_least: usize,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<ReadGrant<'_, R>, Error> {
        let found = self.wait(deadline, |this| this.peek_or_end(at_least))??;
        Ok(self.granted(found))
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

impl<R: ByteRingRef<Wake: Register>> Consumer<R> {
    /// As [`read`](Self::read), but has the task woken when there may be a byte, instead of
    /// waiting.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<Result<usize, Error>> {
        self.poll(cx, |this| this.read_or_end(out))
    }

    /// As [`read`](Self::read), but awaits a byte.
    ///
    /// If the future is dropped before it is ready, nothing is read.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read_async(&mut self, out: &mut [u8]) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(move |cx| self.poll_read(cx, out))
    }

    /// As [`read_exact`](Self::read_exact), but awaits the bytes.
    ///
    /// If the future is dropped before it is ready, some bytes may have been read.
    ///
    /// # Errors
    /// Those of `read_exact`.
    pub fn read_exact_async(&mut self, out: &mut [u8]) -> impl Future<Output = Result<(), Error>> {
        let mut done = 0;
        poll_fn(move |cx| {
            while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
                match self.poll_read(cx, rest) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(Error::EndOfFile)),
                    Poll::Ready(Ok(count)) => done += count,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    /// As [`peek`](Self::peek), but awaits the bytes.
    ///
    /// If the future is dropped, every byte stays in the ring.
    ///
    /// # Errors
    /// Those of `peek`.
    pub fn peek_async<'c>(
        &'c mut self,
        at_least: usize,
    ) -> impl Future<Output = Result<ReadGrant<'c, R>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.poll(cx, |this| this.peek_or_end(at_least))
        };
        lend_until(self, poll, |this, found| found.map(|found| this.granted(found)))
    }

    /// The bytes at the head, in place, once there is one; none at the end.
    #[cfg(feature = "embedded-io-async")]
    pub(super) fn fill_async(&mut self) -> impl Future<Output = Result<&[u8], Error>> {
        let ready = |this: &mut Self| {
            let attempt = |this: &mut Self| (!this.is_empty()).then_some(Ok(()));
            look_or_end(this, attempt, |this| match this.end()? {
                Error::EndOfFile => Some(Ok(())),
                error => Some(Err(error)),
            })
        };
        let poll = move |this: &mut Self, cx: &mut Context<'_>| this.poll(cx, ready);
        lend_until(self, poll, |this, found| found.map(|()| this.as_slices().0))
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

/// Contiguous bytes that are ready.
#[derive(Debug, Clone, Copy)]
pub(in crate::ring) struct Found {
    /// The consumer's position, where they begin.
    pub(super) head: Local,
    pub(super) len: u32,
}

/// Contiguous bytes to be read, as a slice. Dropped without a release, the grant consumes nothing.
#[must_use = "a grant that is dropped consumes nothing"]
pub struct ReadGrant<'g, R: ByteRingRef> {
    consumer: &'g mut Consumer<R>,
    found: Found,
}

impl<R: ByteRingRef> fmt::Debug for ReadGrant<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadGrant").field("len", &self.found.len).finish_non_exhaustive()
    }
}

impl<R: ByteRingRef> ReadGrant<'_, R> {
    /// The capacity in the form that the functions of `position` take.
    pub(in crate::ring) fn size(&self) -> CapacityOf<R> {
        self.consumer.size()
    }

    /// The slot at which the grant begins: that of the run.
    #[inline(always)]
    fn at(&self) -> u32 {
        let head = self.found.head.get().unwrap_or_else(|| self.consumer.cursor.0.head());
        self.consumer.run.at(self.consumer.size(), head)
    }

    /// Gives the first `len` bytes back to the producer.
    ///
    /// If the grant has fewer than `len` bytes, it gives all of them back.
    pub fn release(self, len: usize) {
        let len = len.min(self.found.len as usize) as u32;
        // Tells loom that the bytes were being read until now.
        let _ = &*self;
        // Without copies, and if nobody has to be woken, storing the same position again is less
        // than the comparison.
        if len == 0 && (Cached::ENABLED || needs_wake::<R::Wake>()) {
            return;
        }
        let consumer = self.consumer;
        if let Some(head) = self.found.head.get() {
            let head = position::advance(consumer.size(), head, len);
            return consumer.cursor.0.release_to(head);
        }
        let head = consumer.cursor.0.head();
        consumer.record_read(len);
        if consumer.run.holds(head, len as usize) {
            consumer.cursor.0.release_to(head + len);
        } else {
            consumer.advance(Span { at: head, len });
        }
    }
}

impl<R: ByteRingRef> Deref for ReadGrant<'_, R> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the ownership rule: these bytes are ready and contiguous. The slice borrows the
        // grant, so that they are not released while it is in use.
        unsafe { self.consumer.slots().readable_at(self.at(), self.found.len) }
    }
}
