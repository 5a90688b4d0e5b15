//! The half of a byte ring that reads: copies, or bytes to be read in place.

use super::inner::{self, ByteRingInner, ByteRingRef, CapacityOf};
use super::producer::HEADER;
use super::run::Run;
use crate::Error;
use crate::participant::Participant;
use crate::ring::position;
use crate::ring::sides::{ConsumerCursor, Header};
use crate::ring::slots::{LONG, stretch_of};
use crate::storage::sealed::Capacity as _;
use crate::sync::{CachePadded, Cached, Ordering, SlotsRef};
use crate::wait::{Doorbell, Register, TimedOut, Wait, lend_until, look_or_end};
use core::fmt;
use core::future::poll_fn;
use core::ops::Deref;
use core::task::{Context, Poll};

/// The half that reads. It can move to another thread or context, and is used from one at a time.
///
/// `R` is the reference by which it reaches its ring and keeps it, as in a
/// [`Producer`](super::Producer).
pub struct Consumer<R: ByteRingRef> {
    cursor: CachePadded<ConsumerCursor<CapacityOf<R>, R::Wake>>,
    /// How many bytes were taken the last time: about what a message has.
    taken: Cached,
    /// The bytes that are known to be ready and contiguous. It begins where the cursor stands.
    run: Run,
    /// Where the run ends, if there is one; not wrapped.
    end: Cached,
    /// Keeps the ring, which the cursor points to. The last field, which is dropped last.
    owner: R,
}

// SAFETY: as for `Producer`.
unsafe impl<R: ByteRingRef<Wake: Sync> + Send> Send for Consumer<R> {}

impl<R: ByteRingRef> fmt::Debug for Consumer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("ring", &self.ring()).finish_non_exhaustive()
    }
}

impl<R: ByteRingRef> Consumer<R> {
    /// The half of the ring that `owner` refers to, taken for its
    /// [`participant`](crate::storage::StableRef::participant); `None` while somebody has it. It
    /// has the owner with it.
    pub fn new(owner: R) -> Option<Self> {
        let me = owner.participant();
        Self::take_for(owner, me)
    }

    /// The same, for `me`.
    pub(in crate::ring) fn take_for(owner: R, me: Participant) -> Option<Self> {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor.
        let cursor = unsafe { Header::take_consumer(header, n, me) }?;
        Some(Self::of_cursor(cursor, owner))
    }

    /// The half of the ring that `owner` refers to.
    ///
    /// # Safety
    /// The half was taken, and nobody has it.
    pub(in crate::ring) unsafe fn of_taken(owner: R) -> Self {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: as in `take_for`.
        Self::of_cursor(unsafe { ConsumerCursor::new(header, n) }, owner)
    }

    fn of_cursor(cursor: ConsumerCursor<CapacityOf<R>, R::Wake>, owner: R) -> Self {
        let (taken, end) = (Cached::new(1), Cached::new(0));
        Consumer { cursor: CachePadded(cursor), taken, run: Run::NONE, end, owner }
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

    /// Copies out as many bytes as there are, at most `out.len()`, and returns how many. Wait-free.
    #[inline]
    pub fn try_read(&mut self, out: &mut [u8]) -> usize {
        if !Cached::ENABLED {
            let run = self.first_run(out.len().min(self.capacity()) as u32);
            return self.read_run(run, out);
        }
        if !self.is_short(out) {
            let run = self.find_run(out.len());
            if !self.is_short(out) {
                return self.read_beyond(run, out);
            }
        }
        // The length as the caller knows it: where it is a constant, the copy is a few moves.
        // SAFETY: just checked.
        unsafe { self.take_short(out) };
        out.len()
    }

    /// Copies out as many bytes as there are, the first `run` of which are contiguous; returns how
    /// many.
    #[inline(always)]
    fn read_run(&mut self, run: u32, out: &mut [u8]) -> usize {
        if out.len() > run as usize {
            return self.try_read_less(run, out);
        }
        // SAFETY: the ownership rule: at least `out.len()` bytes are ready and contiguous.
        unsafe { self.take(out) };
        out.len()
    }

    /// [`read_run`](Self::read_run) of what is not [short](Self::is_short).
    #[inline(never)]
    fn read_beyond(&mut self, run: u32, out: &mut [u8]) -> usize {
        self.read_run(run, out)
    }

    /// Whether `out` has place, for few bytes, and as many are known to be in the run.
    #[inline(always)]
    fn is_short(&self, out: &[u8]) -> bool {
        !out.is_empty() && out.len() < LONG && self.run.holds(self.cursor.0.head(), out.len())
    }

    /// Copies out so many bytes as there is place in `out`, and gives them back to the producer.
    ///
    /// # Safety
    /// It is [short](Self::is_short).
    #[inline(always)]
    unsafe fn take_short(&mut self, out: &mut [u8]) {
        let head = self.cursor.0.head();
        let at = self.run.at(self.size(), head);
        // SAFETY: the ownership rule: so many are ready, as the caller states.
        unsafe { self.slots().copy_out_at(at, out) };
        self.took(out.len() as u32);
        // The lap goes on behind them.
        self.cursor.0.release_to(head + out.len() as u32);
    }

    /// [`first_run`](Self::first_run) for `len` bytes, which is the run then.
    #[inline(never)]
    fn find_run(&mut self, len: usize) -> u32 {
        let run = self.first_run(len.min(self.capacity()) as u32);
        self.begin_run(run);
        run
    }

    /// The rest of [`try_read`](Self::try_read) where fewer than `out.len()` bytes are contiguous,
    /// namely `run`.
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
            // longer.
            unsafe { self.take(to) };
            // Where a look is kept and nothing more is known of, it has just been taken. Else the
            // memory begins again, or a gap ends.
            if Cached::ENABLED && self.cursor.0.ready(0) == 0 {
                break;
            }
            run = self.first_run((out.len() - done).min(self.capacity()) as u32);
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
        if !(CapacityOf::<R>::IS_FIXED && self.capacity() < LONG) && to.len() >= LONG {
            // SAFETY: as the caller states.
            unsafe { self.take_long(to) };
        } else if count > 0 {
            // SAFETY: the ownership rule, as the caller states.
            unsafe {
                self.slots().copy_run_out(self.cursor.0.capacity(), self.cursor.0.head(), to)
            };
            self.advance(count);
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
            // SAFETY: the ownership rule, as the caller states.
            unsafe {
                self.slots().copy_run_out(self.cursor.0.capacity(), self.cursor.0.head(), stretch)
            };
            self.advance(count);
        }
    }

    /// Remembers that a read took `count` bytes, unless it is none.
    #[inline(always)]
    fn took(&mut self, count: u32) {
        if count > 0 {
            self.taken = Cached::new(count);
        }
    }

    /// Drops every byte that is in the ring now, and wakes the producer.
    pub fn clear(&mut self) {
        let count = self.cursor.0.ready(self.n());
        self.advance(count);
    }

    /// Gives `count` bytes back to the producer, wherever they lie.
    #[inline(always)]
    fn advance(&mut self, count: u32) {
        // Before somebody's waker runs, which may panic.
        self.end_run();
        self.cursor.0.release(count);
    }

    /// There are `len` bytes ready and contiguous.
    #[inline(always)]
    fn begin_run(&mut self, len: u32) {
        let head = self.cursor.0.head();
        self.run = Run::new(self.size(), head, len);
        self.end = Cached::new(head + len);
    }

    /// The head leaves the run.
    #[inline(always)]
    fn end_run(&mut self) {
        self.run = Run::NONE;
        self.end = Cached::new(0);
    }

    /// How long the run is.
    #[inline(always)]
    fn known_run(&self) -> u32 {
        self.end.get().map_or(0, |end| end.saturating_sub(self.cursor.0.head()))
    }

    /// The slot at the head.
    #[inline(always)]
    fn at(&self) -> u32 {
        position::offset(self.size(), self.cursor.0.head())
    }

    /// [`clear`](Self::clear) of a ring that has no producer, which wakes nobody.
    pub(crate) fn discard(&mut self) {
        let count = self.cursor.0.ready(self.n());
        self.end_run();
        self.cursor.0.release_unheard(self.cursor.0.head(), count);
    }

    /// The bytes that lie contiguous at the head, in place, once there are at least so many: for a
    /// parser that needs a whole frame, or any bytes, `try_peek(1)`. Nothing is consumed before
    /// [`ReadGrant::release`], and what came since the last look is shown by the next. Where the
    /// end of the memory lies between, the grant has fewer: [`as_slices`](Self::as_slices) has all,
    /// and [`try_read`](Self::try_read) copies them out.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there are fewer now, or none; [`Error::MessageTooLarge`] when the
    /// ring holds fewer.
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
        match self.run_if(at_least) {
            0 => Err(self.too_few(at_least)),
            len => Ok(self.granted(len)),
        }
    }

    /// All bytes that are there now, in place, in two runs of memory: the second is empty unless
    /// the memory's end lies between. [`consume`](Self::consume) takes them.
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
        let (first, second) = self.both_runs();
        // SAFETY: the ownership rule: these bytes are ready and contiguous; the slice borrows the
        // consumer.
        let head = unsafe { self.slots().readable_at(self.at(), first) };
        // SAFETY: as above.
        let rest = unsafe { self.slots().readable_at(0, second) };
        (head, rest)
    }

    /// Takes the oldest `count` bytes without copying them; more than there are count as all.
    pub fn consume(&mut self, count: usize) {
        let (first, second) = self.both_runs();
        let count = count.min((first + second) as usize) as u32;
        if count > 0 {
            // Behind the first run there may be a gap.
            let beyond = count.saturating_sub(first);
            self.advance(if beyond == 0 { count } else { self.to_end() + beyond });
            self.took(count);
        }
    }

    /// Fills `out` or reads nothing. Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there are fewer now; [`Error::MessageTooLarge`] when the ring
    /// holds fewer.
    pub fn try_read_exact(&mut self, out: &mut [u8]) -> Result<(), Error> {
        if !out.is_empty() {
            if self.run_if(out.len()) == 0 {
                return Err(self.too_few(out.len()));
            }
            self.try_read(out);
        }
        Ok(())
    }

    /// How many bytes can be read now. The producer can only make it more.
    pub fn len(&mut self) -> usize {
        let (first, second) = self.both_runs();
        (first + second) as usize
    }

    /// Whether there is nothing to read now.
    pub fn is_empty(&mut self) -> bool {
        self.cursor.0.ready(1) == 0
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

    /// Takes no more: the producer's forms that wait answer
    /// [`BrokenPipe`](crate::Error::BrokenPipe). Bytes that are left stay. A consumer that
    /// is taken later opens the ring again.
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// How many bytes lie contiguous at the head, after skipping the gap if the head stands at one.
    /// 0: nothing is ready. Looks at the producer's position only when fewer than `want` are known
    /// to be.
    #[inline]
    fn first_run(&mut self, want: u32) -> u32 {
        let ready = self.cursor.0.ready_batched(want, self.taken);
        self.run_of(ready)
    }

    /// How long the first run is, if there are at least so many bytes, and one. Else 0.
    #[inline(always)]
    fn run_if(&mut self, at_least: usize) -> u32 {
        if let Some(end) = self.end.get().filter(|end| self.cursor.0.is_all(*end)) {
            let first = end.saturating_sub(self.cursor.0.head());
            if first as usize >= at_least.max(1) {
                return first;
            }
        }
        if Cached::ENABLED { self.run_beyond(at_least) } else { self.run_now(at_least) }
    }

    /// The rest of [`run_if`](Self::run_if) where that cannot be said without a look, or the first
    /// run is too short.
    #[inline(never)]
    fn run_beyond(&mut self, at_least: usize) -> u32 {
        self.run_now(at_least)
    }

    /// [`run_if`](Self::run_if) by a look.
    #[inline(always)]
    fn run_now(&mut self, at_least: usize) -> u32 {
        // A run ends at the end of the memory, so that what may have come since matters only up to
        // there.
        let ready = self.cursor.0.ready_now(self.to_end(), self.taken);
        let first = self.run_of(ready);
        self.begin_run(first);
        if first as usize >= at_least.max(1) || (at_least > 1 && self.are_ready(at_least)) {
            first
        } else {
            0
        }
    }

    /// Whether there are so many bytes in both runs.
    #[inline(never)]
    fn are_ready(&mut self, count: usize) -> bool {
        self.len() >= count
    }

    /// Why there are not so many bytes to be had now.
    #[inline(always)]
    fn too_few(&self, at_least: usize) -> Error {
        let max = self.capacity();
        if at_least > max { Error::MessageTooLarge { max } } else { Error::WouldBlock }
    }

    /// How many of the `ready` bytes lie contiguous at the head, after skipping the gap if the head
    /// stands at one.
    #[inline(always)]
    fn run_of(&mut self, ready: u32) -> u32 {
        let at = self.at();
        let to_end = self.n() - at;
        if ready <= to_end {
            return ready;
        }
        // The producer is in the next lap, hence the mark is for ours.
        // Relaxed: the partner is the store in `Producer::set_mark`, carried here by SYNC POINT A.
        // It is not replaced before we leave this lap, which we say through SYNC POINT B.
        // SAFETY: as in `slots`.
        let mark = unsafe { inner::mark(self.cursor.0.header_ptr()) }.load(Ordering::Relaxed);
        let mark = mark.min(self.n());
        if mark > at {
            return mark - at;
        }
        self.skip(to_end)
    }

    /// All bytes that are ready: how many lie contiguous at the head, and how many go on at the
    /// start of the memory.
    fn both_runs(&mut self) -> (u32, u32) {
        let ready = self.cursor.0.ready(self.n());
        let (before, first) = (self.cursor.0.head(), self.run_of(ready));
        self.begin_run(first);
        // Behind a gap at the head all lies in one run.
        let second =
            if before == self.cursor.0.head() { ready.saturating_sub(self.to_end()) } else { 0 };
        (first, second)
    }

    /// How many bytes lie from the head to the end of the memory.
    #[inline(always)]
    fn to_end(&self) -> u32 {
        self.n() - self.at()
    }

    /// Takes a message out whole; `None` when there is none. Only for a ring into which messages
    /// alone are written.
    ///
    /// # Errors
    /// The size of the message when `out` is smaller; it stays.
    pub(crate) fn try_read_message(&mut self, out: &mut [u8]) -> Option<Result<usize, usize>> {
        let header = HEADER as u32;
        let ready = self.cursor.0.ready_batched(header, self.taken);
        if ready < header {
            return None;
        }
        let mut length = [0; HEADER];
        // SAFETY: the ownership rule: at least `HEADER` bytes are ready.
        unsafe {
            self.slots().copy_out(self.cursor.0.capacity(), self.cursor.0.head(), &mut length)
        };
        // A message is published with its length; only a peer that corrupts the ring makes it
        // longer than what is ready, which alone is touched.
        let length = u32::from_le_bytes(length).min(ready - header);
        let Some((message, _)) = out.split_at_mut_checked(length as usize) else {
            return Some(Err(length as usize));
        };
        let start = position::advance(self.cursor.0.capacity(), self.cursor.0.head(), header);
        // SAFETY: the ownership rule: `length` bytes are ready behind the header.
        unsafe { self.slots().copy_out(self.cursor.0.capacity(), start, message) };
        self.advance(header + length);
        self.took(header + length);
        Some(Ok(length as usize))
    }

    /// Skips a gap of `len` bytes, and returns how many are ready behind it, which are contiguous.
    #[cold]
    fn skip(&mut self, len: u32) -> u32 {
        self.advance(len);
        self.cursor.0.ready(self.n())
    }

    /// [`try_peek`](Self::try_peek) for those who know that what is published in one go is enough:
    /// looks at the producer's position only where nothing is known to be ready. The length of the
    /// run, which is contiguous.
    #[inline]
    pub(in crate::ring) fn one_run(&mut self) -> Option<u32> {
        let run = match self.known_run() {
            0 if Cached::ENABLED => self.find_run(1),
            0 => self.first_run(1),
            known => known,
        };
        Some(run).filter(|len| *len > 0)
    }

    /// The grant of a run of `len` bytes, which is ready.
    #[inline]
    pub(in crate::ring) fn granted(&mut self, len: u32) -> ReadGrant<'_, R> {
        ReadGrant { consumer: self, len }
    }

    fn read_or_end(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        if out.is_empty() {
            return Some(Ok(0));
        }
        let look = |this: &mut Self| match this.try_read(out) {
            0 => None,
            count => Some(Ok(count)),
        };
        look_or_end(self, look, |this| match this.end()? {
            Error::EndOfFile => Some(Ok(0)),
            error => Some(Err(error)),
        })
    }

    fn peek_or_end(&mut self, at_least: usize) -> Option<Result<u32, Error>> {
        let look = |this: &mut Self| match this.run_if(at_least) {
            0 if at_least > this.capacity() => Some(Err(this.too_few(at_least))),
            0 => None,
            len => Some(Ok(len)),
        };
        look_or_end(self, look, |this| this.end().map(Err))
    }

    /// Why nothing will come any more, see [`ConsumerCursor::end`].
    pub(in crate::ring) fn end(&self) -> Option<Error> {
        self.cursor.0.end()
    }
}

impl<R: ByteRingRef<Wake: Wait>> Consumer<R> {
    /// Copies out at least one byte and as many as there are, at most `out.len()`; waits for one.
    /// Returns how many: 0 is the end of file: the producer closed or died, and everything was
    /// read.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the producer stands where none can.
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

    /// [`read`](Self::read), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `read`, and [`Error::TimedOut`] when nothing came in time.
    pub fn read_deadline(
        &mut self,
        out: &mut [u8],
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<usize, Error> {
        self.wait(deadline, |this| this.read_or_end(out))?
    }

    /// Copies out as many bytes as `out` has place for, however many; waits for them.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died before; [`Error::Corrupt`]. Some may
    /// have been read then.
    pub fn read_exact(&mut self, mut out: &mut [u8]) -> Result<(), Error> {
        self.read_exact_deadline(&mut out, None)
    }

    /// [`read_exact`](Self::read_exact), at most until `deadline` (`None`: for ever). `out` moves
    /// past what was read, so that after an error it is what is missing.
    ///
    /// # Errors
    /// As `read_exact`, and [`Error::TimedOut`].
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

    /// [`try_peek`](Self::try_peek); waits until there are at least so many.
    ///
    /// While one waits, nothing is released, so that the producer must find room for the rest
    /// without that: copies find room for all that the ring holds, an exact grant may not.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and there are fewer; what there is can
    /// be read. [`Error::MessageTooLarge`] when the ring holds fewer; [`Error::Corrupt`].
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

    /// [`peek`](Self::peek), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `peek`, and [`Error::TimedOut`].
    pub fn peek_deadline(
        &mut self,
        at_least: usize,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<ReadGrant<'_, R>, Error> {
        let len = self.wait(deadline, |this| this.peek_or_end(at_least))??;
        Ok(self.granted(len))
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

impl<R: ByteRingRef<Wake: Register>> Consumer<R> {
    /// [`read`](Self::read) for a task: reads, or has the task woken when something may be there.
    ///
    /// # Errors
    /// As `read`.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<Result<usize, Error>> {
        self.poll(cx, |this| this.read_or_end(out))
    }

    /// [`read`](Self::read); awaits a byte. Cancelled, it has read nothing.
    ///
    /// # Errors
    /// As `read`.
    pub fn read_async(&mut self, out: &mut [u8]) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(move |cx| self.poll_read(cx, out))
    }

    /// [`read_exact`](Self::read_exact); awaits them. Cancelled, it may have read some.
    ///
    /// # Errors
    /// As `read_exact`.
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

    /// [`peek`](Self::peek); awaits so many.
    ///
    /// # Errors
    /// As `peek`.
    pub fn peek_async<'c>(
        &'c mut self,
        at_least: usize,
    ) -> impl Future<Output = Result<ReadGrant<'c, R>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.poll(cx, |this| this.peek_or_end(at_least))
        };
        lend_until(self, poll, |this, len| len.map(|len| this.granted(len)))
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

/// Contiguous bytes to be read, as a slice. Dropped without a release, it consumes nothing.
#[must_use = "a grant that is dropped consumes nothing"]
pub struct ReadGrant<'g, R: ByteRingRef> {
    consumer: &'g mut Consumer<R>,
    len: u32,
}

impl<R: ByteRingRef> fmt::Debug for ReadGrant<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadGrant").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<R: ByteRingRef> ReadGrant<'_, R> {
    /// As the functions of positions take it.
    pub(in crate::ring) fn size(&self) -> CapacityOf<R> {
        self.consumer.size()
    }

    /// The slot at which it begins: where the run does.
    #[inline(always)]
    fn at(&self) -> u32 {
        self.consumer.run.at(self.consumer.size(), self.consumer.cursor.0.head())
    }

    /// Gives the first `len` bytes back to the producer; more than the grant has count as all it
    /// has.
    pub fn release(self, len: usize) {
        let len = len.min(self.len as usize) as u32;
        // Under loom, says that the bytes were read until now.
        let _ = &*self;
        if len == 0 {
            return;
        }
        let consumer = self.consumer;
        let head = consumer.cursor.0.head();
        consumer.took(len);
        if consumer.run.holds(head, len as usize) {
            consumer.cursor.0.release_to(head + len);
        } else {
            consumer.advance(len);
        }
    }
}

impl<R: ByteRingRef> Deref for ReadGrant<'_, R> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the ownership rule: these bytes are ready and contiguous; the slice borrows the
        // grant.
        unsafe { self.consumer.slots().readable_at(self.at(), self.len) }
    }
}
