//! A queue of bytes of a stated size and alignment, for those who do not know the Rust type of its
//! values.

use super::handle::{Claim, Handle, Loan};
use super::look::{QueueView, QueueWords};
use super::shared::Ends;
use super::storage::{WORDS, values_offset};
use crate::error::Error;
use crate::participant::Participant;
use crate::storage::InMemory;
use crate::wait::{Nobody, Register, Wait, Wake};
use core::alloc::Layout;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::task::{Context, Poll};

/// A [`Queue`](super::Queue) of values whose size and alignment are known when the program runs,
/// and whose Rust type is not: as an inspector, or a program in another language, uses it. Its
/// values go in and out as bytes. Both mean the same memory.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::ring::queue::{Queue, RawQueue};
/// use std::{alloc::Layout, ptr::NonNull};
/// let jobs: Queue<u32, 4> = Queue::new();
/// let item = Layout::from_size_align(4, 4)?; // of a configuration
/// // SAFETY: there is a queue of four such values, all bytes of which are initialized.
/// let raw = unsafe { RawQueue::at(NonNull::from(&jobs).cast(), 4, item) }.unwrap();
/// # let _: &RawQueue<'_, ringway_core::wait::Nobody> = &raw;
/// let me = raw.handle(Participant::new(1).unwrap());
/// me.try_push(&7_u32.to_ne_bytes())?;
/// assert_eq!(jobs.try_pop(), Some(7));
///
/// jobs.try_push(8)?;
/// let job = me.try_claim()?;
/// assert_eq!(*job, 8_u32.to_ne_bytes());
/// job.complete();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RawQueue<'q, W: Wake = Nobody> {
    words: &'q QueueView<(), W>,
    values: NonNull<u8>,
    /// Of a value, in bytes.
    size: usize,
}

impl<W: Wake> Clone for RawQueue<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for RawQueue<'_, W> {}

// SAFETY: the values are plain bytes, each of which one participant at a time touches.
unsafe impl<W: Wake + Sync> Send for RawQueue<'_, W> {}
// SAFETY: as above.
unsafe impl<W: Wake + Sync> Sync for RawQueue<'_, W> {}

impl<'q, W: Wake> RawQueue<'q, W> {
    /// How much memory a queue of `capacity` values of the layout `item` takes, and on which
    /// boundary it lies; `None` when there is no such queue. An alignment of more than 128 bytes,
    /// or 32 where the target has no caches, is for typed queues alone.
    pub fn layout(capacity: usize, item: Layout) -> Option<Layout> {
        if !size_of::<Ends<W>>().is_multiple_of(item.align()) {
            return None;
        }
        QueueView::<(), W>::layout(capacity)?;
        let words = WORDS.checked_next_multiple_of(item.align())?;
        let bundle = words.checked_add(item.pad_to_align().size())?;
        let bundles = bundle.checked_mul(capacity)?;
        let bundles = Layout::from_size_align(bundles, item.align()).ok()?;
        Some(Layout::new::<Ends<W>>().extend(bundles).ok()?.0.pad_to_align())
    }

    /// The queue of `capacity` values of the layout `item` at `at`. `None` when there is no such
    /// queue.
    ///
    /// # Safety
    /// For `'q`, there is such a queue, and nobody who uses it has another idea of its values. They
    /// are [`Plain`](crate::plain::Plain), and all of their bytes are initialized, also of those
    /// that nobody pushed: the memory of a region is, and so is what [`init_at`](Self::init_at)
    /// leaves.
    pub unsafe fn at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        Self::layout(capacity, item)?;
        let words = QueueView::from_raw(at, capacity)?;
        let values = size_of::<Ends<W>>() + values_offset(capacity, item.align());
        // SAFETY: there is a queue, as the caller states, whose words do not depend on its values.
        let words = unsafe { words.as_ref() };
        // SAFETY: within the queue.
        let values = unsafe { at.add(values) };
        Some(RawQueue { words, values, size: item.pad_to_align().size() })
    }

    /// Makes a fresh one there. What was there is neither read nor dropped.
    ///
    /// # Safety
    /// For `'q`, there is memory of [`layout(capacity, item)`](Self::layout), which is the caller's
    /// to write, and which only this queue uses from now on.
    pub unsafe fn init_at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        let layout = Self::layout(capacity, item)?;
        // SAFETY: memory of that size, which is the caller's.
        unsafe { at.write_bytes(0, layout.size()) };
        // SAFETY: as above: the words of a queue are the first of it.
        unsafe { QueueView::<(), W>::init_at(at, capacity) }?;
        // SAFETY: just made, and zeroed before.
        unsafe { Self::at(at, capacity, item) }
    }

    /// The queue as `participant` uses it.
    pub fn handle(self, participant: Participant) -> RawHandle<'q, W> {
        RawHandle { queue: self, words: self.words.handle(participant) }
    }

    /// Where the value of a slot is.
    fn value(self, slot: usize) -> NonNull<[u8]> {
        // SAFETY: a slot that was lent out, or claimed, is one of the queue's.
        let at = unsafe { self.values.add(slot * self.size) };
        NonNull::slice_from_raw_parts(at, self.size)
    }
}

/// What is seen of it, which knows nothing of the values.
impl<W: Wake> Deref for RawQueue<'_, W> {
    type Target = QueueWords<(), W>;

    fn deref(&self) -> &QueueWords<(), W> {
        self.words
    }
}

/// A [`RawQueue`] as one participant uses it.
#[derive(Debug)]
pub struct RawHandle<'q, W: Wake> {
    queue: RawQueue<'q, W>,
    words: Handle<'q, (), W>,
}

impl<W: Wake> Deref for RawHandle<'_, W> {
    type Target = QueueWords<(), W>;

    fn deref(&self) -> &QueueWords<(), W> {
        self.queue.words
    }
}

impl<W: Wake> RawHandle<'_, W> {
    /// [`Handle::recover`].
    ///
    /// # Safety
    /// As there.
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        // SAFETY: as the caller states; the values are plain, as who made the `RawQueue` stated.
        unsafe { self.words.recover(dead) }
    }

    /// Copies `value` in.
    ///
    /// # Errors
    /// As [`try_reserve`](Self::try_reserve) and [`RawLoan::write`].
    pub fn try_push(&self, value: &[u8]) -> Result<(), Error> {
        self.try_reserve()?.write(value)
    }

    /// Copies the oldest value into `out`, if there is one.
    ///
    /// # Errors
    /// As [`try_claim`](Self::try_claim) and [`RawClaim::take_into`].
    pub fn try_pop(&self, out: &mut [u8]) -> Result<(), Error> {
        self.try_claim()?.take_into(out)
    }

    /// Takes a slot to be filled in place.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when every slot is held, [`Error::BrokenPipe`] when the queue is
    /// closed; [`Error::Corrupt`].
    pub fn try_reserve(&self) -> Result<RawLoan<'_, W>, Error> {
        Ok(RawLoan { queue: self.queue, loan: self.words.try_reserve()? })
    }

    /// Takes the oldest value, to be used in place.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none.
    pub fn try_claim(&self) -> Result<RawClaim<'_, W>, Error> {
        let claim = self.words.try_claim().ok_or(Error::WouldBlock)?;
        Ok(RawClaim { queue: self.queue, claim })
    }
}

impl<W: Wait> RawHandle<'_, W> {
    /// [`try_reserve`](Self::try_reserve) that waits for a slot, at most until `deadline` (`None`:
    /// for ever).
    ///
    /// # Errors
    /// As [`Handle::reserve_deadline`].
    pub fn reserve_deadline(&self, deadline: Option<W::Deadline>) -> Result<RawLoan<'_, W>, Error> {
        Ok(RawLoan { queue: self.queue, loan: self.words.reserve_deadline(deadline)? })
    }

    /// [`try_claim`](Self::try_claim) that waits for a value, at most until `deadline` (`None`: for
    /// ever).
    ///
    /// # Errors
    /// As [`Handle::claim_deadline`].
    pub fn claim_deadline(&self, deadline: Option<W::Deadline>) -> Result<RawClaim<'_, W>, Error> {
        Ok(RawClaim { queue: self.queue, claim: self.words.claim_deadline(deadline)? })
    }
}

impl<W: Register> RawHandle<'_, W> {
    /// [`Handle::poll_reserve`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_reserve(&self, cx: &mut Context<'_>) -> Poll<Result<RawLoan<'_, W>, Error>> {
        let loan = self.words.poll_reserve(cx);
        loan.map_ok(|loan| RawLoan { queue: self.queue, loan })
    }

    /// [`Handle::poll_claim`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_claim(&self, cx: &mut Context<'_>) -> Poll<Result<RawClaim<'_, W>, Error>> {
        let claim = self.words.poll_claim(cx);
        claim.map_ok(|claim| RawClaim { queue: self.queue, claim })
    }
}

/// A slot to be filled in place, with the bytes of a value: [`Loan`] of a [`RawQueue`]. It lends
/// what was there before.
#[derive(Debug)]
#[must_use = "a loan that is dropped sends nothing"]
pub struct RawLoan<'q, W: Wake> {
    queue: RawQueue<'q, W>,
    loan: Loan<'q, (), W>,
}

impl<W: Wake> RawLoan<'_, W> {
    /// Sends what is in the slot.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the queue was closed meanwhile; [`Error::Corrupt`].
    pub fn commit(self) -> Result<(), Error> {
        self.loan.write(()).map_err(|refused| refused.without_value())
    }

    /// Copies `value` into the slot, and sends it.
    ///
    /// # Errors
    /// [`Error::MessageTooLarge`] when it is not as large as the values of this queue, with their
    /// size; as [`commit`](Self::commit).
    pub fn write(mut self, value: &[u8]) -> Result<(), Error> {
        if value.len() != self.len() {
            return Err(Error::MessageTooLarge { max: self.len() });
        }
        self.copy_from_slice(value);
        self.commit()
    }
}

impl<W: Wake> Deref for RawLoan<'_, W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the slot is this loan's alone; all its bytes are initialized, as who made the
        // `RawQueue` stated.
        unsafe { self.queue.value(self.loan.slot).as_ref() }
    }
}

impl<W: Wake> DerefMut for RawLoan<'_, W> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and the loan is borrowed exclusively.
        unsafe { self.queue.value(self.loan.slot).as_mut() }
    }
}

/// The oldest value, claimed, in place: [`Claim`] of a [`RawQueue`].
#[derive(Debug)]
#[must_use = "a claim that is dropped goes back into the queue"]
pub struct RawClaim<'q, W: Wake> {
    queue: RawQueue<'q, W>,
    claim: Claim<'q, (), W>,
}

impl<W: Wake> RawClaim<'_, W> {
    /// It was delivered, and its slot is free: [`Claim::complete`].
    pub fn complete(self) {
        self.claim.complete();
    }

    /// Copies the value into `out`, and completes the claim.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] when `out` is not as large as the values of this queue, with their
    /// size: the value goes back into the queue.
    pub fn take_into(self, out: &mut [u8]) -> Result<(), Error> {
        if out.len() != self.len() {
            return Err(Error::BufferTooSmall { needed: self.len() });
        }
        out.copy_from_slice(&self);
        self.complete();
        Ok(())
    }

    /// [`Claim::attempts`].
    pub fn attempts(&self) -> u32 {
        self.claim.attempts()
    }
}

impl<W: Wake> Deref for RawClaim<'_, W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the slot is this claim's alone; all its bytes are initialized, as who made the
        // `RawQueue` stated.
        unsafe { self.queue.value(self.claim.slot()).as_ref() }
    }
}

impl<W: Wake> DerefMut for RawClaim<'_, W> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and the claim is borrowed exclusively.
        unsafe { self.queue.value(self.claim.slot()).as_mut() }
    }
}
