//! The half of a message ring that receives.

use crate::Error;
use crate::buffer::{Buffer, poll_into, recv_into};
use crate::ring::bytes::{Consumer, HEADER, ReadGrant};
use crate::ring::slots::copy_bytes;
use crate::storage::{Capacity, Counted};
use crate::wait::{Nobody, Register, Wait, Wake, lend_until, look_or_end};
use core::future::poll_fn;
use core::ops::Deref;
use core::task::{Context, Poll};

/// The half that receives. It can move to another thread or context, and is used from one at a time.
#[derive(Debug)]
pub struct Receiver<'a, W: Wake = Nobody, C = Counted>(pub(super) Consumer<'a, W, C>);

impl<'a, C: Capacity, W: Wake> Receiver<'a, W, C> {
    /// Copies the oldest message out and returns its length. Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none now; [`Error::BufferTooSmall`] when `out` is smaller, and the message stays;
    /// [`Error::Corrupt`] when what lies there is no message, which only a peer that corrupts it can bring about.
    pub fn try_recv(&mut self, out: &mut (impl Buffer + ?Sized)) -> Result<usize, Error> {
        recv_into(out, |out| self.try_peek()?.copy_out(out))
    }

    /// The oldest message, in place. It stays until [`RecvGrant::release`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none now; [`Error::Corrupt`], as in [`try_recv`](Self::try_recv).
    pub fn try_peek(&mut self) -> Result<RecvGrant<'_, 'a, W, C>, Error> {
        // A message is published whole, so that the part of it that is known to be there is all of it.
        let run = self.0.one_run().ok_or(Error::WouldBlock)?;
        self.message(run)
    }

    /// Whether the last sender closed its half or died, and nobody took it since. What it sent can
    /// still be received. One that has not come yet is not gone, nor is one that gave its half
    /// back.
    pub fn sender_is_gone(&self) -> bool {
        self.0.producer_is_gone()
    }

    /// Takes no more: the sender's forms that wait answer [`Error::BrokenPipe`]. Messages that are
    /// left stay. A receiver that is taken later opens the ring again.
    pub fn close(self) {
        self.0.close();
    }

    /// The message in the run, which is ready.
    fn message(&mut self, run: u32) -> Result<RecvGrant<'_, 'a, W, C>, Error> {
        let grant = self.0.granted(run);
        let (length, rest) = grant.split_first_chunk::<HEADER>().ok_or(Error::Corrupt)?;
        // Untrusted: what lies behind it decides.
        let len = u32::from_le_bytes(*length) as usize;
        if len > rest.len() {
            return Err(Error::Corrupt);
        }
        Ok(RecvGrant { grant, len })
    }

    /// Where a message is, or why none will come; `None` when one may.
    fn ready_or_end(&mut self) -> Option<Result<u32, Error>> {
        look_or_end(self, |this| this.0.one_run().map(Ok), |this| this.0.end().map(Err))
    }
}

impl<'a, C: Capacity, W: Wait> Receiver<'a, W, C> {
    /// Copies the oldest message out and returns its length; waits for one.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the sender closed or died and everything was received;
    /// [`Error::BufferTooSmall`] when `out` is smaller, and the message stays; [`Error::Corrupt`].
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::messages::MessageRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = MessageRing::<32, Spin>::new();
    /// let (mut sender, mut receiver) = ring.split();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || {
    ///         sender.send(b"hi").unwrap();
    ///         sender.close();
    ///     });
    ///     let mut out = [0; 8];
    ///     assert_eq!(receiver.recv(&mut out), Ok(2));
    ///     assert_eq!(receiver.recv(&mut out), Err(Error::EndOfFile));
    /// });
    /// ```
    pub fn recv(&mut self, out: &mut (impl Buffer + ?Sized)) -> Result<usize, Error> {
        self.recv_deadline(out, None)
    }

    /// [`recv`](Self::recv), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `recv`, and [`Error::TimedOut`].
    pub fn recv_deadline(
        &mut self,
        out: &mut (impl Buffer + ?Sized),
        deadline: Option<W::Deadline>,
    ) -> Result<usize, Error> {
        recv_into(out, |out| self.peek_deadline(deadline)?.copy_out(out))
    }

    /// The oldest message, in place; waits for one. It stays until [`RecvGrant::release`].
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the sender closed or died and everything was received; [`Error::Corrupt`].
    ///
    /// ```
    /// use ringway_core::ring::messages::MessageRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = MessageRing::<32, Spin>::new();
    /// let (mut sender, mut receiver) = ring.split();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || sender.send(b"hi").unwrap());
    ///     let message = receiver.peek().unwrap();
    ///     assert_eq!(&*message, b"hi");
    ///     message.release();
    /// });
    /// ```
    pub fn peek(&mut self) -> Result<RecvGrant<'_, 'a, W, C>, Error> {
        self.peek_deadline(None)
    }

    /// [`peek`](Self::peek), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `peek`, and [`Error::TimedOut`].
    pub fn peek_deadline(
        &mut self,
        deadline: Option<W::Deadline>,
    ) -> Result<RecvGrant<'_, 'a, W, C>, Error> {
        let run = self.0.bell().wait_until(deadline, || self.ready_or_end())??;
        self.message(run)
    }
}

impl<'a, C: Capacity, W: Register> Receiver<'a, W, C> {
    /// [`recv`](Self::recv) for a task: receives, or has the task woken when a message may be there.
    ///
    /// # Errors
    /// As `recv`.
    pub fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut (impl Buffer + ?Sized),
    ) -> Poll<Result<usize, Error>> {
        poll_into(out, |out| self.poll_peek(cx).map(|message| message?.copy_out(out)))
    }

    /// [`recv`](Self::recv); awaits a message. Cancelled, it has received nothing.
    ///
    /// # Errors
    /// As `recv`.
    pub fn recv_async(
        &mut self,
        out: &mut (impl Buffer + ?Sized),
    ) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(move |cx| self.poll_recv(cx, out))
    }

    /// [`peek`](Self::peek) for a task: answers, or has the task woken when a message may be there.
    ///
    /// # Errors
    /// As `peek`.
    pub fn poll_peek(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<RecvGrant<'_, 'a, W, C>, Error>> {
        let run = self.0.bell().poll_until(cx, || self.ready_or_end());
        run.map(|run| self.message(run?))
    }

    /// [`peek`](Self::peek); awaits a message.
    ///
    /// # Errors
    /// As `peek`.
    pub fn peek_async<'r>(
        &'r mut self,
    ) -> impl Future<Output = Result<RecvGrant<'r, 'a, W, C>, Error>> {
        let poll = |this: &mut Self, cx: &mut Context<'_>| {
            this.0.bell().poll_until(cx, || this.ready_or_end())
        };
        lend_until(self, poll, |this, run| this.message(run?))
    }
}

/// A message to be read, as a slice. Dropped without a release, it stays the oldest.
#[derive(Debug)]
#[must_use = "a message that is not released stays"]
pub struct RecvGrant<'g, 'a, W: Wake, C: Capacity> {
    grant: ReadGrant<'g, 'a, W, C>,
    len: usize,
}

impl<C: Capacity, W: Wake> RecvGrant<'_, '_, W, C> {
    /// Done with it: the sender may use its room.
    pub fn release(self) {
        self.grant.release(HEADER + self.len);
    }

    /// Copies it out and releases it, if `out` is large enough.
    fn copy_out(self, out: &mut [u8]) -> Result<usize, Error> {
        let needed = self.len;
        let to = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
        copy_bytes(self.grant.size(), &self, to);
        self.release();
        Ok(needed)
    }
}

impl<C: Capacity, W: Wake> Deref for RecvGrant<'_, '_, W, C> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.grant.get(HEADER..HEADER + self.len).unwrap_or_default()
    }
}
