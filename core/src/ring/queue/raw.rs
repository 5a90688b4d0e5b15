//! A queue whose values are bytes of a stated size and alignment, for users that do not know the
//! values' Rust type.

use super::handle::{Claim, Handle, Loan};
use super::protocol::{Ends, bundle_size};
use super::storage::values_offset;
use super::view::{QueueView, QueueWords};
use crate::error::Error;
use crate::participant::Participant;
use crate::ring::raw::copy;
use crate::storage::InMemory;
use crate::wait::{Nobody, Register, Wait, Wake};
use core::alloc::Layout;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::task::{Context, Poll};

/// A [`Queue`](super::Queue) whose values are bytes, of a size and alignment known at run time.
///
/// An inspector uses it, or a program in another language. The typed and the raw queue mean the
/// same memory.
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
    /// The size of a value, in bytes.
    size: usize,
}

impl<W: Wake> Clone for RawQueue<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for RawQueue<'_, W> {}

// SAFETY: the values are plain bytes. The slots' words let one participant at a time touch a value.
// `W: Sync` lets all threads use the bells.
unsafe impl<W: Wake + Sync> Send for RawQueue<'_, W> {}
// SAFETY: the values are plain bytes. The slots' words let one participant at a time touch a value.
// `W: Sync` lets all threads use the bells.
unsafe impl<W: Wake + Sync> Sync for RawQueue<'_, W> {}

impl<'q, W: Wake> RawQueue<'q, W> {
    /// The memory that a queue of `capacity` values of the layout `item` takes.
    ///
    /// `None` when there is no such queue. Only typed queues can have an alignment of more than 128
    /// bytes. A target without caches, or without 64-bit compare-and-swap, has a lower limit: 8
    /// bytes or more.
    pub fn layout(capacity: usize, item: Layout) -> Option<Layout> {
        if !size_of::<Ends<W>>().is_multiple_of(item.align()) {
            return None;
        }
        QueueView::<(), W>::layout(capacity)?;
        let bundles = bundle_size(item)?.checked_mul(capacity)?;
        let bundles = Layout::from_size_align(bundles, item.align()).ok()?;
        Some(Layout::new::<Ends<W>>().extend(bundles).ok()?.0.pad_to_align())
    }

    /// The queue of `capacity` values of the layout `item` at `at`.
    ///
    /// `None` when there is no such queue.
    ///
    /// # Safety
    /// For `'q`, there is such a queue at `at`. All who use it agree on the type of its values. The
    /// values are [`Plain`](crate::plain::Plain), and all of their bytes are initialized, also in
    /// slots that nobody filled yet. The memory of a region is initialized so, and so is what
    /// [`init_at`](Self::init_at) makes.
    pub unsafe fn at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        Self::layout(capacity, item)?;
        let words = QueueView::from_raw(at, capacity)?;
        let values = size_of::<Ends<W>>() + values_offset(capacity, item.align());
        // SAFETY: the caller guarantees a queue at `at` for `'q`. The layout of its words does not
        // depend on the type of its values.
        let words = unsafe { words.as_ref() };
        // SAFETY: the offset is at most the size of the queue that the caller guarantees.
        let values = unsafe { at.add(values) };
        Some(RawQueue { words, values, size: item.pad_to_align().size() })
    }

    /// Makes a fresh queue in the memory at `at`.
    ///
    /// What was there is neither read nor dropped. `None` when there is no such queue.
    ///
    /// # Safety
    /// For `'q`, there is memory of [`layout(capacity, item)`](Self::layout) at `at`. The caller
    /// may write it, and from now on only this queue uses it.
    pub unsafe fn init_at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        let layout = Self::layout(capacity, item)?;
        // SAFETY: the caller guarantees memory of this size that it may write.
        unsafe { at.write_bytes(0, layout.size()) };
        // SAFETY: the caller guarantees the memory, and the queue's words are its first bytes.
        unsafe { QueueView::<(), W>::init_at(at, capacity) }?;
        // SAFETY: the lines above made a queue here, and initialized every byte.
        unsafe { Self::at(at, capacity, item) }
    }

    /// The queue as `participant` uses it.
    pub fn handle(self, participant: Participant) -> RawHandle<'q, W> {
        RawHandle { queue: self, words: self.words.handle(participant) }
    }

    /// The bytes of a slot's value.
    fn value(self, slot: usize) -> NonNull<[u8]> {
        // SAFETY: a slot that a loan or a claim holds is one of the queue's, so its value lies in
        // the queue.
        let at = unsafe { self.values.add(slot * self.size) };
        NonNull::slice_from_raw_parts(at, self.size)
    }
}

/// Lends what a queue tells without knowing its values.
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
    /// Puts right what `dead` held: [`Handle::recover`].
    ///
    /// # Safety
    /// `dead` takes no more steps in this queue: its process has ended, or its context was reset.
    /// What it wrote is visible here. It is once the operating system has reported its end.
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        // SAFETY: the caller guarantees that `dead` takes no more steps, and that its writes are
        // visible. The values are plain, as the maker of the `RawQueue` guaranteed.
        unsafe { self.words.recover(dead) }
    }

    /// Pushes a copy of `value`.
    ///
    /// # Errors
    /// The errors of [`try_reserve`](Self::try_reserve) and [`RawLoan::write`].
    #[inline(always)]
    pub fn try_push(&self, value: &[u8]) -> Result<(), Error> {
        let queue = self.queue;
        if value.len() == queue.size {
            let pushed = self.words.same().try_push_by(|slot| {
                // SAFETY: the slot's word says `Writing` and names this participant, so nobody else
                // touches the value, which has as many bytes.
                unsafe { copy(value.as_ptr(), queue.value(slot).cast().as_ptr(), value.len()) };
            });
            if let Some(pushed) = pushed {
                return pushed.map_err(|refused| refused.without_value());
            }
        }
        self.push_slow(value)
    }

    /// The rest of [`try_push`](Self::try_push), when its short form does nothing.
    #[cfg_attr(not(target_os = "none"), cold, inline(never))]
    fn push_slow(&self, value: &[u8]) -> Result<(), Error> {
        self.try_reserve()?.write(value)
    }

    /// Pops the oldest value into `out`, if there is one.
    ///
    /// # Errors
    /// The errors of [`try_claim`](Self::try_claim) and [`RawClaim::take_into`].
    #[inline(always)]
    pub fn try_pop(&self, out: &mut [u8]) -> Result<(), Error> {
        let queue = self.queue;
        if out.len() == queue.size {
            let (to, size) = (out.as_mut_ptr(), out.len());
            let is_popped = self.words.same().try_pop_by(|slot| {
                // SAFETY: the slot's word says `Reading` and names this participant, so nobody else
                // touches the value, which has as many bytes. All of them are initialized, as the
                // maker of the `RawQueue` guaranteed.
                unsafe { copy(queue.value(slot).cast().as_ptr(), to, size) };
            });
            if is_popped {
                return Ok(());
            }
        }
        self.pop_slow(out)
    }

    /// The rest of [`try_pop`](Self::try_pop), when its short form does nothing.
    #[cfg_attr(not(target_os = "none"), cold, inline(never))]
    fn pop_slow(&self, out: &mut [u8]) -> Result<(), Error> {
        self.try_claim()?.take_into(out)
    }

    /// Takes a slot to be filled in place.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when every slot is held, [`Error::BrokenPipe`] when the queue is
    /// closed, [`Error::Corrupt`] when something else wrote into its memory.
    #[inline(always)]
    pub fn try_reserve(&self) -> Result<RawLoan<'_, W>, Error> {
        Ok(RawLoan { queue: self.queue, loan: self.words.try_reserve()? })
    }

    /// Claims the oldest value, to be used in place.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none.
    #[inline(always)]
    pub fn try_claim(&self) -> Result<RawClaim<'_, W>, Error> {
        let claim = self.words.try_claim().ok_or(Error::WouldBlock)?;
        Ok(RawClaim { queue: self.queue, claim })
    }
}

impl<W: Wait> RawHandle<'_, W> {
    /// Takes a slot; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// The errors of [`Handle::reserve_deadline`].
    pub fn reserve_deadline(&self, deadline: Option<W::Deadline>) -> Result<RawLoan<'_, W>, Error> {
        Ok(RawLoan { queue: self.queue, loan: self.words.reserve_deadline(deadline)? })
    }

    /// Claims the oldest value; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// The errors of [`Handle::claim_deadline`].
    pub fn claim_deadline(&self, deadline: Option<W::Deadline>) -> Result<RawClaim<'_, W>, Error> {
        Ok(RawClaim { queue: self.queue, claim: self.words.claim_deadline(deadline)? })
    }
}

impl<W: Register> RawHandle<'_, W> {
    /// Takes a slot, or has the task woken when one may be free: [`Handle::poll_reserve`].
    ///
    /// # Errors
    /// The errors of [`Handle::poll_reserve`].
    pub fn poll_reserve(&self, cx: &mut Context<'_>) -> Poll<Result<RawLoan<'_, W>, Error>> {
        let loan = self.words.poll_reserve(cx);
        loan.map_ok(|loan| RawLoan { queue: self.queue, loan })
    }

    /// Claims the oldest value, or has the task woken when one may be there:
    /// [`Handle::poll_claim`].
    ///
    /// # Errors
    /// The errors of [`Handle::poll_claim`].
    pub fn poll_claim(&self, cx: &mut Context<'_>) -> Poll<Result<RawClaim<'_, W>, Error>> {
        let claim = self.words.poll_claim(cx);
        claim.map_ok(|claim| RawClaim { queue: self.queue, claim })
    }
}

/// A slot of a [`RawQueue`], to be filled in place: a [`Loan`] of bytes.
///
/// At first it lends the bytes that were in the slot before.
#[derive(Debug)]
#[must_use = "a loan that is dropped sends nothing"]
pub struct RawLoan<'q, W: Wake> {
    queue: RawQueue<'q, W>,
    loan: Loan<'q, (), W>,
}

impl<W: Wake> RawLoan<'_, W> {
    /// Sends the bytes in the slot.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the queue was closed meanwhile, [`Error::Corrupt`] when something
    /// else wrote into its memory.
    #[inline(always)]
    pub fn commit(self) -> Result<(), Error> {
        self.loan.write(()).map_err(|refused| refused.without_value())
    }

    /// Copies `value` into the slot, and sends it.
    ///
    /// # Errors
    /// [`Error::MessageTooLarge`], with the size of this queue's values, when `value` has another
    /// size. Also the errors of [`commit`](Self::commit).
    #[inline(always)]
    pub fn write(mut self, value: &[u8]) -> Result<(), Error> {
        if value.len() != self.len() {
            return Err(Error::MessageTooLarge { max: self.len() });
        }
        // SAFETY: the slot is the loan's, and it has as many bytes as the value.
        unsafe { copy(value.as_ptr(), self.as_mut_ptr(), value.len()) };
        self.commit()
    }
}

impl<W: Wake> Deref for RawLoan<'_, W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the slot's word says `Writing` and names this loan's participant, so nobody else
        // touches the value. All its bytes are initialized, as the maker of the `RawQueue`
        // guaranteed.
        unsafe { self.queue.value(self.loan.slot()).as_ref() }
    }
}

impl<W: Wake> DerefMut for RawLoan<'_, W> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the slot's word says `Writing` and names this loan's participant, so nobody else
        // touches the value. All its bytes are initialized, as the maker of the `RawQueue`
        // guaranteed. The loan is borrowed exclusively.
        unsafe { self.queue.value(self.loan.slot()).as_mut() }
    }
}

/// The oldest value of a [`RawQueue`], claimed, to be used in place: a [`Claim`] of bytes.
#[derive(Debug)]
#[must_use = "a claim that is dropped goes back into the queue"]
pub struct RawClaim<'q, W: Wake> {
    queue: RawQueue<'q, W>,
    claim: Claim<'q, (), W>,
}

impl<W: Wake> RawClaim<'_, W> {
    /// Completes the claim: the value was delivered, and its slot is free. See [`Claim::complete`].
    #[inline(always)]
    pub fn complete(self) {
        self.claim.complete();
    }

    /// Copies the value into `out`, and completes the claim.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], with the size of this queue's values, when `out` has another
    /// size. The value goes back into the queue.
    #[inline(always)]
    pub fn take_into(self, out: &mut [u8]) -> Result<(), Error> {
        if out.len() != self.len() {
            return Err(Error::BufferTooSmall { needed: self.len() });
        }
        // SAFETY: the slot is the claim's, and it has as many bytes as `out`.
        unsafe { copy(self.as_ptr(), out.as_mut_ptr(), out.len()) };
        self.complete();
        Ok(())
    }

    /// How many claims there were of this value, with this one: [`Claim::attempts`].
    pub fn attempts(&self) -> u32 {
        self.claim.attempts()
    }
}

impl<W: Wake> Deref for RawClaim<'_, W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the slot's word says `Reading` and names this claim's participant, so nobody else
        // touches the value. All its bytes are initialized, as the maker of the `RawQueue`
        // guaranteed.
        unsafe { self.queue.value(self.claim.slot()).as_ref() }
    }
}

impl<W: Wake> DerefMut for RawClaim<'_, W> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the slot's word says `Reading` and names this claim's participant, so nobody else
        // touches the value. All its bytes are initialized, as the maker of the `RawQueue`
        // guaranteed. The claim is borrowed exclusively.
        unsafe { self.queue.value(self.claim.slot()).as_mut() }
    }
}
