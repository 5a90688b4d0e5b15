//! The writer: it borrows frames, fills and publishes them.

use super::raw::{FREE, FrameWords, HIDDEN, LOANED, PUBLISHED, RawPool};
use crate::Error;
use crate::participant::Participant;
use crate::sync::{Ordering, OwnCell, fence};
use crate::wait::{Nobody, Register, TimedOut, Wait, Wake};
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};

impl<'p, W: Wake> RawPool<'p, W> {
    /// Takes the writer's half for a program that has the pool alone; `None` when somebody has it.
    pub fn writer(self) -> Option<Writer<'p, W>> {
        self.writer_as(Participant::LOCAL)
    }

    /// Takes the writer's half for `me`; `None` when somebody has it.
    ///
    /// Frames that the holder before had borrowed when it died are free again.
    pub fn writer_as(self, me: Participant) -> Option<Writer<'p, W>> {
        self.words.writer.0.owner.take(me).then(|| Writer::new(self))
    }
}

/// The half of a pool that publishes.
///
/// Dropping it gives the half back: another may continue.
#[derive(Debug)]
pub struct Writer<'p, W: Wake = Nobody> {
    pool: RawPool<'p, W>,
    /// How many of the newest publications `try_loan` leaves alone.
    history: OwnCell<u32>,
    /// A frame that was given back, to be taken first: its memory is warm in the cache.
    given_back: OwnCell<u32>,
}

/// How many of the newest publications readers have not received yet.
#[derive(Debug, Clone, Copy)]
struct Lag {
    /// The reliable readers.
    reliable: u32,
    /// All readers.
    any: u32,
}

/// No frame.
const NONE: u32 = u32::MAX;

impl<'p, W: Wake> Writer<'p, W> {
    /// For one that has just taken the half.
    fn new(pool: RawPool<'p, W>) -> Self {
        let published = pool.published();
        // A frame that was lent when the half was given back: its holder died, or forgot the loan.
        for (index, frame) in pool.frames.iter().map(|frame| &frame.0).enumerate() {
            // Relaxed, all: `take` acquired what the holders before wrote.
            if frame.state.load(Ordering::Relaxed) != LOANED {
                continue;
            }
            let number = frame.number.load(Ordering::Relaxed);
            let is_published = number & HIDDEN == 0
                && (1..=pool.frames.len() as u32).contains(&pool.age(published, number))
                && pool.line(number).load(Ordering::Relaxed) == index as u32;
            if is_published {
                frame.state.store(PUBLISHED, Ordering::Relaxed);
            } else {
                frame.number.store(number | HIDDEN, Ordering::Relaxed);
                frame.state.store(FREE, Ordering::Relaxed);
            }
        }
        Writer { pool, history: OwnCell::new(0), given_back: OwnCell::new(NONE) }
    }

    /// The pool.
    pub fn pool(&self) -> RawPool<'p, W> {
        self.pool
    }

    /// Says how many of the newest publications [`try_loan`](Self::try_loan) keeps for readers that
    /// come late (0 at first).
    ///
    /// ```
    /// use ringway_core::ring::pool::{Pool, Reliability::BestEffort};
    /// let pool: Pool<3, 4> = Pool::new();
    /// let writer = pool.raw().writer().unwrap();
    /// writer.set_history(2);
    /// for _ in 0..10 {
    ///     writer.try_loan().unwrap().publish();
    /// }
    /// let mut late = pool.raw().reader(BestEffort).unwrap();
    /// assert_eq!(late.rewind(2), 2);
    /// assert_eq!(late.try_recv().unwrap().unwrap().number(), 8);
    /// ```
    pub fn set_history(&self, newest: u32) {
        self.history.set(newest);
    }

    /// Borrows a frame that nobody needs any more.
    ///
    /// Several loans may exist at a time. The bytes are what was in the frame before.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none: readers keep them, or have not received them, or
    /// they belong to the [history](Self::set_history).
    pub fn try_loan(&self) -> Result<Loan<'_, W>, Error> {
        let pool = self.pool;
        let frames = pool.frames.len() as u32;
        let lag = self.lag();
        let kept = self.history.get().max(lag.reliable).min(frames);
        let wanted = kept.max(lag.any).min(frames);
        let is_older = |index: u32, than: u32| {
            let Some(frame) = self.frame(index) else { return false };
            // Relaxed, both: only the writer writes them.
            match frame.state.load(Ordering::Relaxed) {
                FREE => true,
                PUBLISHED => {
                    pool.age(pool.published(), frame.number.load(Ordering::Relaxed)) > than
                }
                _ => false,
            }
        };
        let back = Some(self.given_back.replace(NONE)).filter(|index| *index < frames);
        let take = |than: u32| {
            move |index: u32| if is_older(index, than) { self.seize(index) } else { None }
        };
        // What nobody wants any more, from the newest to the oldest. A word of the line that is
        // outdated leads to some frame, which is looked at like any other.
        let unwanted = (wanted + 1..=frames).map(|age| self.of_age(age));
        // Then what was never used, or lay pinned for long.
        let first = back.into_iter().chain(unwanted).chain(0..frames).find_map(take(wanted));
        // Then what best-effort readers want, from the oldest to the newest.
        let oldest_first = (kept + 1..=wanted).rev().map(|age| self.of_age(age));
        first
            .or_else(|| oldest_first.chain(0..frames).find_map(take(kept)))
            .ok_or(Error::WouldBlock)
    }

    /// As [`try_loan`](Self::try_loan). If there is no such frame, it takes the oldest publication
    /// that nobody reads at the moment: readers that have not received it are told
    /// ([`RecvError::Lagged`](super::super::broadcast::RecvError::Lagged)).
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when all frames are pinned or lent.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::RecvError;
    /// use ringway_core::ring::pool::{Pool, Reliability::Reliable};
    /// let pool: Pool<2, 4> = Pool::new();
    /// let (writer, reader) = (pool.raw().writer().unwrap(), pool.raw().reader(Reliable).unwrap());
    /// writer.try_loan().unwrap().publish();
    /// writer.try_loan().unwrap().publish();
    /// assert!(writer.try_loan().is_err());
    /// writer.try_loan_or_evict().unwrap().publish();
    /// assert!(matches!(reader.try_recv(), Err(RecvError::Lagged(1))));
    /// assert_eq!(reader.try_recv().unwrap().unwrap().number(), 1);
    /// ```
    pub fn try_loan_or_evict(&self) -> Result<Loan<'_, W>, Error> {
        let frames = self.pool.frames.len() as u32;
        self.try_loan().or_else(|error| {
            let oldest_first = (1..=frames).rev().map(|age| self.of_age(age));
            let evict = |index| {
                // Relaxed: only the writer writes it.
                let is_lent = self.frame(index)?.state.load(Ordering::Relaxed) == LOANED;
                if is_lent { None } else { self.seize(index) }
            };
            oldest_first.chain(0..frames).find_map(evict).ok_or(error)
        })
    }

    /// Ends the stream: readers that have received everything are told.
    pub fn close(self) {
        let words = &self.pool.words.writer.0;
        core::mem::forget(self);
        words.owner.close();
        words.bell.ring();
    }

    /// The frame that the line says for the publication of this age: 1 for the newest.
    fn of_age(&self, age: u32) -> u32 {
        let number = self.pool.before(self.pool.published(), age);
        // Relaxed: only the writer writes it.
        self.pool.line(number).load(Ordering::Relaxed)
    }

    /// How many of the newest publications some reader has not received yet.
    fn lag(&self) -> Lag {
        let published = self.pool.published();
        // Partner: the fence in `Reader::new`. If this fence is first, the reader that comes begins
        // behind what was published before it. If the other is first, the loads below see its
        // place.
        fence(Ordering::SeqCst);
        let places = self.pool.words.readers.0.places.iter();
        let held = places.filter(|place| place.owner.is_held());
        held.fold(Lag { reliable: 0, any: 0 }, |most, place| {
            // Acquire: partner of the release store in `Reader::advance`. The reader has looked at
            // the frame's number by then, and hiding it now takes nothing from that reader.
            let next = place.next.load(Ordering::Acquire);
            let lag = self.pool.age(published, next & !HIDDEN);
            let reliable = if next & HIDDEN == 0 { lag } else { 0 };
            Lag { reliable: most.reliable.max(reliable), any: most.any.max(lag) }
        })
    }

    /// The words of a frame.
    fn frame(&self, index: u32) -> Option<&FrameWords> {
        self.pool.frames.get(index as usize).map(|frame| &frame.0)
    }

    /// Takes a frame away from the readers, unless one of them has pinned it.
    fn seize(&self, index: u32) -> Option<Loan<'_, W>> {
        let frame = self.frame(index)?;
        // Relaxed: a first look, which spares others the sight of a hidden number.
        if frame.pins.iter().any(|pin| pin.load(Ordering::Relaxed) != 0) {
            return None;
        }
        // Relaxed, all: only the writer writes them, and the fence orders them before the pins.
        let number = frame.number.load(Ordering::Relaxed);
        let state = frame.state.load(Ordering::Relaxed);
        frame.number.store(number | HIDDEN, Ordering::Relaxed);
        frame.state.store(LOANED, Ordering::Relaxed);
        // Partner: the fence in `Reader::pin`. If this fence is first, the reader sees the hidden
        // number and withdraws. If the other is first, the loads below see the pin.
        fence(Ordering::SeqCst);
        // Acquire: partner of the release stores of `Frame::drop` and `RawPool::recover`. What the
        // readers read happened before what the writer writes.
        if frame.pins.iter().all(|pin| pin.load(Ordering::Acquire) == 0) {
            return Some(Loan { writer: self, frame, index, len: self.pool.size });
        }
        // Relaxed, both: readers know the publication by `published`, which released it. If the
        // writer dies between the two stores, `Writer::new` finds the frame published.
        frame.number.store(number, Ordering::Relaxed);
        frame.state.store(state, Ordering::Relaxed);
        None
    }
}

impl<W: Wait> Writer<'_, W> {
    /// Borrows a frame as [`try_loan`](Self::try_loan); waits for one until `deadline` at most
    /// (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    ///
    /// ```
    /// use ringway_core::ring::pool::{Pool, Reliability::Reliable};
    /// use ringway_core::wait::Spin;
    /// static POOL: Pool<1, 4, Spin> = Pool::new();
    /// let reader = POOL.raw().reader(Reliable).unwrap();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         let writer = POOL.raw().writer().unwrap();
    ///         for number in 0..3 {
    ///             let mut frame = writer.loan_deadline(None).unwrap();
    ///             frame[0] = number;
    ///             frame.publish();
    ///         }
    ///     });
    ///     (0..3).for_each(|number| assert_eq!(reader.recv_deadline(None).unwrap()[0], number));
    /// });
    /// ```
    pub fn loan_deadline(&self, deadline: Option<W::Deadline>) -> Result<Loan<'_, W>, Error> {
        let bell = &self.pool.words.readers.0.bell;
        bell.wait_until(deadline, || self.try_loan().ok()).map_err(|TimedOut| Error::TimedOut)
    }
}

impl<W: Register> Writer<'_, W> {
    /// Borrows a frame as [`try_loan`](Self::try_loan); awaits one. If the future is dropped,
    /// nothing was borrowed.
    ///
    /// ```
    /// use ringway_core::ring::pool::Pool;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::{pin::pin, task::{Context, Waker}};
    /// let pool: Pool<1, 4, Async<Spin>> = Pool::new();
    /// let writer = pool.raw().writer().unwrap();
    /// let loan = writer.try_loan().unwrap();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(pin!(writer.loan_async()).poll(&mut cx).is_pending());
    /// drop(loan);
    /// assert!(pin!(writer.loan_async()).poll(&mut cx).is_ready());
    /// ```
    pub fn loan_async(&self) -> impl Future<Output = Loan<'_, W>> {
        let bell = &self.pool.words.readers.0.bell;
        poll_fn(move |cx| bell.poll_until(cx, || self.try_loan().ok()))
    }
}

impl<W: Wake> Drop for Writer<'_, W> {
    fn drop(&mut self) {
        self.pool.words.writer.0.owner.give_back();
    }
}

/// A frame that the writer has borrowed, to be filled in place and published.
///
/// Dropping it gives the frame back unpublished.
#[derive(Debug)]
pub struct Loan<'w, W: Wake> {
    writer: &'w Writer<'w, W>,
    frame: &'w FrameWords,
    index: u32,
    len: usize,
}

impl<W: Wake> Loan<'_, W> {
    /// Shortens what will be published to the first `len` bytes. It does nothing if there are
    /// not as many.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Publishes the frame: readers receive it from now on. Returns the number of the publication,
    /// by which a reader can also [pin](super::Reader::try_pin) it.
    ///
    /// Wait-free, whatever the size of the frame.
    pub fn publish(self) -> u32 {
        let (pool, index) = (self.writer.pool, self.index);
        let frame = self.frame;
        let words = &pool.words.writer.0;
        let number = pool.published();
        #[cfg(loom)]
        pool.memory.0.touch_write(index as usize, 1);
        // Relaxed, all: the store of `published` releases them.
        frame.len.store(self.len as u32, Ordering::Relaxed);
        pool.line(number).store(index, Ordering::Relaxed);
        frame.number.store(number, Ordering::Relaxed);
        // Release: partner of the acquire load in `Reader::published`. The reader then reads the
        // line, the frame's words and its bytes.
        words.published.store(pool.after(number), Ordering::Release);
        // Relaxed: only the writer uses it. If it dies before, `Writer::new` finds out.
        frame.state.store(PUBLISHED, Ordering::Relaxed);
        words.bell.ring();
        core::mem::forget(self);
        number
    }
}

impl<W: Wake> Deref for Loan<'_, W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `seize` hid the frame from readers and found no pin, so that only this loan uses
        // it. All bytes are initialized: they were zeros at first.
        unsafe { core::slice::from_raw_parts(self.writer.pool.bytes(self.index), self.len) }
    }
}

impl<W: Wake> DerefMut for Loan<'_, W> {
    fn deref_mut(&mut self) -> &mut [u8] {
        #[cfg(loom)]
        self.writer.pool.memory.0.touch_write(self.index as usize, 1);
        // SAFETY: as in `deref`; `&mut self` excludes other uses of this loan.
        unsafe { core::slice::from_raw_parts_mut(self.writer.pool.bytes(self.index), self.len) }
    }
}

impl<W: Wake> Drop for Loan<'_, W> {
    fn drop(&mut self) {
        // Relaxed: only the writer uses it, and the number stays hidden.
        self.frame.state.store(FREE, Ordering::Relaxed);
        self.writer.given_back.set(self.index);
        // A task of this half may wait for a frame.
        self.writer.pool.words.readers.0.bell.ring();
    }
}
