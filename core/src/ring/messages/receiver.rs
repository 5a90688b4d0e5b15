//! The half of a message ring that receives.

use super::inner::{Bytes, MessageRingInner, MessageRingRef};
use crate::Error;
use crate::buffer::{Buffer, poll_into, recv_into};
use crate::participant::Participant;
use crate::ring::bytes::{Consumer, HEADER, ReadGrant};
use crate::ring::slots::copy_bytes;
use crate::wait::{Register, TimedOut, Wait, lend_until, look_or_end};
use core::fmt;
use core::future::poll_fn;
use core::ops::Deref;
use core::task::{Context, Poll};

/// The half that receives. It can move to another thread or context, and is used from one at a
/// time.
///
/// `R` is the reference by which it reaches its ring and keeps it, see
/// [`StableRef`](crate::storage::StableRef): `&MessageRing<N, W>` or `&MessageRingView<W>`, or an
/// `Arc` of one, with which the half owns what it needs.
pub struct Receiver<R: MessageRingRef>(Consumer<Bytes<R>>);

impl<R: MessageRingRef> fmt::Debug for Receiver<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.0).finish()
    }
}

impl<R: MessageRingRef> Receiver<R> {
    /// The half of the ring that `owner` refers to, taken for its
    /// [`participant`](crate::storage::StableRef::participant); `None` while somebody has it. It
    /// has the owner with it.
    pub fn new(owner: R) -> Option<Self> {
        Consumer::new(Bytes(owner)).map(Receiver)
    }

    /// The same, for `me`.
    pub(super) fn take_for(owner: R, me: Participant) -> Option<Self> {
        Consumer::take_for(Bytes(owner), me).map(Receiver)
    }

    /// The half of the ring that `owner` refers to.
    ///
    /// # Safety
    /// The half was taken, and nobody has it.
    pub(super) unsafe fn of_taken(owner: R) -> Self {
        // SAFETY: as the caller states.
        Receiver(unsafe { Consumer::of_taken(Bytes(owner)) })
    }

    /// Copies the oldest message out and returns its length. Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none now; [`Error::BufferTooSmall`] when `out` is
    /// smaller, and the message stays; [`Error::Corrupt`] when what lies there is no message, which
    /// only a peer that corrupts it can bring about.
    pub fn try_recv(&mut self, out: &mut (impl Buffer + ?Sized)) -> Result<usize, Error> {
        recv_into(out, |out| self.try_peek()?.copy_out(out))
    }

    /// The oldest message, in place. It stays until [`RecvGrant::release`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none now; [`Error::Corrupt`], as in
    /// [`try_recv`](Self::try_recv).
    pub fn try_peek(&mut self) -> Result<RecvGrant<'_, R>, Error> {
        // A message is published whole, so that the part of it that is known to be there is all of
        // it.
        let run = self.0.one_run().ok_or(Error::WouldBlock)?;
        self.message(run)
    }

    /// The ring that it is a half of.
    pub fn ring(&self) -> &MessageRingInner<R::Storage, R::Wake> {
        self.0.owner().0.get()
    }

    /// Takes no more: the sender's forms that wait answer [`Error::BrokenPipe`]. Messages that are
    /// left stay. A receiver that is taken later opens the ring again.
    pub fn close(self) {
        self.0.close();
    }

    /// The message in the run, which is ready.
    fn message(&mut self, run: u32) -> Result<RecvGrant<'_, R>, Error> {
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

impl<R: MessageRingRef<Wake: Wait>> Receiver<R> {
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
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<usize, Error> {
        recv_into(out, |out| self.peek_deadline(deadline)?.copy_out(out))
    }

    /// The oldest message, in place; waits for one. It stays until [`RecvGrant::release`].
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the sender closed or died and everything was received;
    /// [`Error::Corrupt`].
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
    pub fn peek(&mut self) -> Result<RecvGrant<'_, R>, Error> {
        self.peek_deadline(None)
    }

    /// [`peek`](Self::peek), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `peek`, and [`Error::TimedOut`].
    pub fn peek_deadline(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<RecvGrant<'_, R>, Error> {
        let run = self.wait(deadline, |this| this.ready_or_end())??;
        self.message(run)
    }

    /// Waits until `look` answers, at most until `deadline`.
    fn wait<A>(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
        mut look: impl FnMut(&mut Self) -> Option<A>,
    ) -> Result<A, TimedOut> {
        // SAFETY: the half is borrowed meanwhile, and so lives.
        unsafe { self.0.bell() }.wait_until(deadline, || look(self))
    }
}

impl<R: MessageRingRef<Wake: Register>> Receiver<R> {
    /// [`recv`](Self::recv) for a task: receives, or has the task woken when a message may be
    /// there.
    ///
    /// # Errors
    /// As `recv`.
    pub fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut (impl Buffer + ?Sized),
    ) -> Poll<Result<usize, Error>> {
        poll_into(out, |out| {
            let run = self.poll(cx, Self::ready_or_end);
            run.map(|run| self.message(run?)?.copy_out(out))
        })
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

    /// [`peek`](Self::peek); awaits a message.
    ///
    /// # Errors
    /// As `peek`.
    pub fn peek_async<'r>(&'r mut self) -> impl Future<Output = Result<RecvGrant<'r, R>, Error>> {
        let poll =
            |this: &mut Self, cx: &mut Context<'_>| this.poll(cx, |this| this.ready_or_end());
        lend_until(self, poll, |this, run| this.message(run?))
    }

    /// What `look` answers; else has the task woken when it may.
    fn poll<A>(
        &mut self,
        cx: &mut Context<'_>,
        mut look: impl FnMut(&mut Self) -> Option<A>,
    ) -> Poll<A> {
        // SAFETY: the half is borrowed meanwhile, and so lives.
        unsafe { self.0.bell() }.poll_until(cx, || look(self))
    }
}

/// A message to be read, as a slice. Dropped without a release, it stays the oldest.
#[must_use = "a message that is not released stays"]
pub struct RecvGrant<'g, R: MessageRingRef> {
    grant: ReadGrant<'g, Bytes<R>>,
    len: usize,
}

impl<R: MessageRingRef> fmt::Debug for RecvGrant<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvGrant").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<R: MessageRingRef> RecvGrant<'_, R> {
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

impl<R: MessageRingRef> Deref for RecvGrant<'_, R> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.grant.get(HEADER..HEADER + self.len).unwrap_or_default()
    }
}
