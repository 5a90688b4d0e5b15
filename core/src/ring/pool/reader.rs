//! The readers: they receive publications, and pin their frames.

use super::raw::{HIDDEN, Place, RawPool};
use crate::Error;
use crate::participant::Participant;
use crate::ring::broadcast::RecvError;
use crate::ring::owner::HalfOwner;
use crate::sync::{AtomicU32, Ordering, OwnCell, fence};
use crate::wait::{Nobody, Register, Wait, Wake};
use core::future::poll_fn;
use core::ops::Deref;

/// Whether the writer waits for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reliability {
    /// [`Writer::try_loan`](super::Writer::try_loan) takes no frame that the reader has not
    /// received. A reader that does not go on holds the writer up.
    Reliable,
    /// The writer does not wait. The reader is told what it missed.
    BestEffort,
}

impl<'p, W: Wake> RawPool<'p, W> {
    /// Takes a reader's place for a program that has the pool alone.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when all [`READERS`](super::READERS) places are taken.
    pub fn reader(self, reliability: Reliability) -> Result<Reader<'p, W>, Error> {
        self.reader_as(Participant::LOCAL, reliability)
    }

    /// Takes a reader's place for `me`. The reader receives every publication from now on.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when all [`READERS`](super::READERS) places are taken.
    pub fn reader_as(
        self,
        me: Participant,
        reliability: Reliability,
    ) -> Result<Reader<'p, W>, Error> {
        let taken =
            self.words.readers.0.places.iter().enumerate().find(|(_, place)| place.owner.take(me));
        Ok(Reader::new(self, taken.ok_or(Error::Exhausted)?, me, reliability))
    }
}

/// A reader of a pool. It can move to another thread or context.
///
/// Dropping it gives its place back.
#[derive(Debug)]
pub struct Reader<'p, W: Wake = Nobody> {
    pool: RawPool<'p, W>,
    place: &'p Place,
    /// The index of its place, which is that of its pins.
    index: usize,
    /// The pin of this reader.
    held: u32,
    /// The number that it wants next.
    next: OwnCell<u32>,
    reliability: Reliability,
}

impl<'p, W: Wake> Reader<'p, W> {
    /// For one that has just taken the place.
    fn new(
        pool: RawPool<'p, W>,
        (index, place): (usize, &'p Place),
        me: Participant,
        reliability: Reliability,
    ) -> Self {
        let held = HalfOwner::word_of(me);
        let reader = Reader { pool, place, index, held, next: OwnCell::new(0), reliability };
        reader.unpin_all();
        // The writer waits for what is published from here on. It may see the place only now.
        reader.advance(pool.published());
        // Partner: the fence in `Writer::lag`.
        fence(Ordering::SeqCst);
        reader.advance(reader.published());
        reader
    }

    /// The pool.
    pub fn pool(&self) -> RawPool<'p, W> {
        self.pool
    }

    /// Receives the next publication, if there is one, and pins its frame. Wait-free.
    ///
    /// Several frames may be kept at a time.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] when the writer used frames again that this reader had not received.
    /// The next call continues behind them.
    pub fn try_recv(&self) -> Result<Option<Frame<'_, W>>, RecvError> {
        let next = self.next.get();
        if self.published() == next {
            return Ok(None);
        }
        // Relaxed: the load of `published` acquired what the writer stored before.
        let index = self.pool.line(next).load(Ordering::Relaxed);
        match self.pin(index, next) {
            Some(frame) => {
                self.advance(self.pool.after(next));
                Ok(Some(frame))
            }
            None => Err(RecvError::Lagged(self.skip().into())),
        }
    }

    /// Pins the frame of a publication of which the number came by another way: through a queue, or
    /// over a socket. `None` if the writer has used the frame again, or if this reader has it.
    ///
    /// ```
    /// use ringway_core::ring::pool::{Pool, Reliability::BestEffort};
    /// use ringway_core::ring::queue::Queue;
    /// let (pool, queue) = (Pool::<4, 8>::new(), Queue::<u32, 4>::new());
    /// let (writer, worker) = (pool.raw().writer().unwrap(), pool.raw().reader(BestEffort).unwrap());
    /// let mut frame = writer.try_loan().unwrap();
    /// frame.fill(3);
    /// queue.try_push(frame.publish()).unwrap();
    /// let frame = worker.try_pin(queue.try_pop().unwrap()).unwrap();
    /// assert_eq!(*frame, [3; 8]);
    /// ```
    pub fn try_pin(&self, number: u32) -> Option<Frame<'_, W>> {
        // Acquire, in `published`: partner of the store in `publish`, before the line is read.
        let age = self.pool.age(self.published(), number);
        if number & HIDDEN != 0 || !(1..=self.pool.frames.len() as u32).contains(&age) {
            return None;
        }
        let index = self.pool.line(number).load(Ordering::Relaxed);
        self.pin(index, number)
    }

    /// Moves to the newest publication, and returns the number of those that it skips.
    ///
    /// `try_recv` then returns the newest one, or nothing if that was received already.
    ///
    /// ```
    /// use ringway_core::ring::pool::{Pool, Reliability::BestEffort};
    /// let pool: Pool<4, 8> = Pool::new();
    /// let (writer, mut reader) = (pool.raw().writer().unwrap(), pool.raw().reader(BestEffort).unwrap());
    /// (0..4).for_each(|_| _ = writer.try_loan_or_evict().unwrap().publish());
    /// assert_eq!(reader.skip_to_newest(), 3);
    /// assert_eq!(reader.try_recv().unwrap().unwrap().number(), 3);
    /// ```
    pub fn skip_to_newest(&mut self) -> u32 {
        let published = self.published();
        let waiting = self.pool.age(published, self.next.get());
        if waiting > 1 {
            self.advance(self.pool.before(published, 1));
            self.ring();
        }
        waiting.saturating_sub(1)
    }

    /// Goes back by up to `count` publications, as far as their frames are still there. Returns how
    /// many it can receive again.
    ///
    /// A reader that comes late gets what was published before it. See
    /// [`Writer::set_history`](super::Writer::set_history).
    pub fn rewind(&mut self, count: u32) -> u32 {
        let (published, next) = (self.published(), self.next.get());
        let room = (self.pool.frames.len() as u32)
            .saturating_sub(self.pool.age(published, next))
            .min(count);
        let is_there = |back: &u32| {
            let number = self.pool.before(next, *back);
            self.has(number)
        };
        let back = (1..=room).take_while(is_there).count() as u32;
        self.advance(self.pool.before(next, back));
        back
    }

    /// The number of publications that wait for this reader, some of which may be lost already.
    pub fn behind(&self) -> u32 {
        self.pool.age(self.published(), self.next.get())
    }

    /// The number of the next publication.
    fn published(&self) -> u32 {
        // Acquire: partner of the release store in `publish`. The line, the frame's words and its
        // bytes are read behind it.
        self.pool.words.writer.0.published.load(Ordering::Acquire)
    }

    /// Whether the frame of this publication seems to be there.
    fn has(&self, number: u32) -> bool {
        // Relaxed, both: a guess. `pin` finds out.
        let index = self.pool.line(number).load(Ordering::Relaxed);
        let frame = self.pool.frames.get(index as usize);
        frame.is_some_and(|frame| frame.0.number.load(Ordering::Relaxed) == number)
    }

    /// Pins the frame `index` if it has the publication `number`, and this reader does not have it.
    fn pin(&self, index: u32, number: u32) -> Option<Frame<'_, W>> {
        let frame = &self.pool.frames.get(index as usize)?.0;
        let pin = frame.pins.get(self.index)?;
        // Relaxed: this reader's own word.
        if pin.load(Ordering::Relaxed) != 0 {
            return None;
        }
        // Relaxed: the fence orders it before the load of the number.
        pin.store(self.held, Ordering::Relaxed);
        // Partner: the fence in `Writer::seize`.
        fence(Ordering::SeqCst);
        // Relaxed: `published` was acquired, and with it what the frame has for this number. If the
        // writer has begun to change that, its fence came first, and the number is hidden.
        let is_there = frame.number.load(Ordering::Relaxed) == number;
        let len = frame.len.load(Ordering::Relaxed);
        let pinned = Frame { pool: self.pool, pin, index, number, len };
        // Dropping it withdraws the pin, and wakes a writer that it may have held up.
        is_there.then_some(pinned)
    }

    /// Moves past the publications that are gone, of which the next is one. Returns their number.
    #[cold]
    fn skip(&self) -> u32 {
        let published = self.published();
        let waiting = self.pool.age(published, self.next.get());
        let frames = self.pool.frames.len() as u32;
        // The first one is gone in any case: its frame is the writer's, also if the writer will
        // have to leave it.
        let oldest = waiting.saturating_sub(1).min(frames);
        let left = (1..=oldest).rev().find(|age| self.has(self.pool.before(published, *age)));
        let left = left.unwrap_or(0);
        self.advance(self.pool.before(published, left));
        self.ring();
        waiting.wrapping_sub(left)
    }

    /// Says what this reader wants next.
    fn advance(&self, next: u32) {
        self.next.set(next);
        let said = match self.reliability {
            Reliability::Reliable => next,
            Reliability::BestEffort => next | HIDDEN,
        };
        // Release: partner of the acquire load in `Writer::lag`. The look at the frame's number
        // comes before.
        self.place.next.store(said, Ordering::Release);
    }

    /// Wakes a writer that waits for a frame.
    fn ring(&self) {
        self.pool.words.readers.0.bell.ring();
    }

    /// Clears this place's pins: those of a reader before that forgot its frames.
    fn unpin_all(&self) {
        for pin in self.pool.frames.iter().filter_map(|frame| frame.0.pins.get(self.index)) {
            // Relaxed: this place's own word.
            if pin.load(Ordering::Relaxed) != 0 {
                // Release: partner of the acquire load in `Writer::seize`.
                pin.store(0, Ordering::Release);
            }
        }
    }

    /// The next publication; or the end, if the writer is gone and there is none.
    fn recv_or_end(&self) -> Option<Result<Frame<'_, W>, RecvError>> {
        // Before the look: what the writer published before it went is there by then.
        let is_gone = self.pool.writer_is_gone();
        let found = self.try_recv().transpose();
        found.or_else(|| is_gone.then_some(Err(RecvError::EndOfFile)))
    }
}

impl<W: Wait> Reader<'_, W> {
    /// Receives the next publication; waits for one until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`try_recv`](Self::try_recv), [`RecvError::TimedOut`], and
    /// [`RecvError::EndOfFile`] when the writer closed or died and everything was received.
    pub fn recv_deadline(&self, deadline: Option<W::Deadline>) -> Result<Frame<'_, W>, RecvError> {
        self.pool.words.writer.0.bell.wait_until(deadline, || self.recv_or_end())?
    }
}

impl<W: Register> Reader<'_, W> {
    /// Receives the next publication; awaits one. If the future is dropped, nothing is consumed.
    ///
    /// # Errors
    /// Those of [`recv_deadline`](Self::recv_deadline), but for the deadline.
    ///
    /// ```
    /// use ringway_core::ring::pool::{Pool, Reliability::Reliable};
    /// use ringway_core::wait::{Async, Spin};
    /// use std::{pin::pin, task::{Context, Waker}};
    /// let pool: Pool<2, 4, Async<Spin>> = Pool::new();
    /// let (writer, reader) = (pool.raw().writer().unwrap(), pool.raw().reader(Reliable).unwrap());
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(pin!(reader.recv_async()).poll(&mut cx).is_pending());
    /// writer.try_loan().unwrap().publish();
    /// assert!(pin!(reader.recv_async()).poll(&mut cx).is_ready());
    /// ```
    pub fn recv_async(&self) -> impl Future<Output = Result<Frame<'_, W>, RecvError>> {
        poll_fn(move |cx| self.pool.words.writer.0.bell.poll_until(cx, || self.recv_or_end()))
    }
}

impl<W: Wake> Drop for Reader<'_, W> {
    fn drop(&mut self) {
        self.unpin_all();
        self.place.owner.give_back();
        self.ring();
    }
}

/// A publication whose frame is pinned: nobody writes it while this value lives.
#[derive(Debug)]
pub struct Frame<'r, W: Wake> {
    // Its own copy, so that it can move to another thread than the reader.
    pool: RawPool<'r, W>,
    pin: &'r AtomicU32,
    index: u32,
    number: u32,
    len: u32,
}

impl<W: Wake> Frame<'_, W> {
    /// The number of the publication.
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl<W: Wake> Deref for Frame<'_, W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let pool = self.pool;
        #[cfg(loom)]
        pool.memory.0.touch_read(self.index as usize, 1);
        let len = (self.len as usize).min(pool.size);
        // SAFETY: the frame is pinned, so that nobody writes it. Its bytes are initialized: they
        // were zeros at first.
        unsafe { core::slice::from_raw_parts(pool.bytes(self.index), len) }
    }
}

impl<W: Wake> Drop for Frame<'_, W> {
    fn drop(&mut self) {
        // Release: partner of the acquire load in `Writer::seize`. All reads happen before.
        self.pin.store(0, Ordering::Release);
        self.pool.words.readers.0.bell.ring();
    }
}
