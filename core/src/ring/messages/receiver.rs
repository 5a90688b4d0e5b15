//! The half of a message ring that receives.

use super::inner::{Bytes, MessageRingInner, MessageRingRef};
use crate::Error;
use crate::buffer::{Buffer, poll_into, recv_into};
use crate::participant::Participant;
#[cfg(not(loom))]
use crate::ring::MessageWindow;
use crate::ring::bytes::{Consumer, Found, HEADER, ReadGrant};
use crate::ring::slots::copy_bytes;
use crate::wait::{Register, TimedOut, Wait, lend_until, look_or_end};
use core::fmt;
use core::future::poll_fn;
use core::ops::Deref;
use core::task::{Context, Poll};

/// The half that receives. It can move to another thread or context, and is used from one at a
/// time.
///
/// `R` is the reference by which the half reaches its ring and keeps it, as for a
/// [`Sender`](super::Sender).
pub struct Receiver<R: MessageRingRef>(Consumer<Bytes<R>>);

impl<R: MessageRingRef> fmt::Debug for Receiver<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.0).finish()
    }
}

impl<R: MessageRingRef> Receiver<R> {
    /// Takes the receiver's half of the ring that `owner` refers to; `None` while somebody holds
    /// it.
    ///
    /// The half is held for the owner's [`participant`](crate::storage::StableRef::participant). It
    /// contains the owner.
    pub fn new(owner: R) -> Option<Self> {
        Consumer::new(Bytes(owner)).map(Receiver)
    }

    /// As [`new`](Self::new), for the participant `me`.
    pub(super) fn take_for(owner: R, me: Participant) -> Option<Self> {
        Consumer::take_for(Bytes(owner), me).map(Receiver)
    }

    /// The receiver's half of the ring that `owner` refers to, which was taken already.
    ///
    /// # Safety
    /// The half is taken, and nothing else uses it.
    pub(super) unsafe fn from_taken(owner: R) -> Self {
        // SAFETY: the caller guarantees that the half is taken and that nothing else uses it.
        Receiver(unsafe { Consumer::from_taken(Bytes(owner)) })
    }

    /// Copies the oldest message out and returns its length. Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no message now. [`Error::BufferTooSmall`] when `out` is
    /// smaller than the message, which then stays. [`Error::Corrupt`] when the bytes there are no
    /// message, which happens only if a peer corrupted the memory.
    pub fn try_recv(&mut self, out: &mut (impl Buffer + ?Sized)) -> Result<usize, Error> {
        recv_into(out, |out| self.try_peek()?.copy_out(out))
    }

    /// The oldest message, in place. It stays until [`RecvGrant::release`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no message now. [`Error::Corrupt`] when the bytes there
    /// are no message, which happens only if a peer corrupted the memory.
    pub fn try_peek(&mut self) -> Result<RecvGrant<'_, R>, Error> {
        // The sender publishes a message as a whole, so that what is known of it is all of it.
        let run = self.0.one_run().ok_or(Error::WouldBlock)?;
        self.message(run)
    }

    /// The ring of which this is a half.
    pub fn ring(&self) -> &MessageRingInner<R::Storage, R::Wake> {
        self.0.owner().0.get()
    }

    /// What this half knows, for code that receives without a call: see [`MessageWindow`]. `None`
    /// where a half keeps nothing in mind, because the target has no caches.
    #[cfg(not(loom))]
    #[inline]
    pub fn window(&mut self) -> Option<MessageWindow> {
        self.0.message_window()
    }

    /// Goes on from where the caller has left the window.
    ///
    /// # Safety
    /// It is the half's last window. The caller has received as [`MessageWindow`] says, and the
    /// half has done nothing since it made the window.
    #[cfg(not(loom))]
    #[inline]
    pub unsafe fn resume(&mut self, window: &MessageWindow) {
        // SAFETY: the caller guarantees that it has moved the window as `MessageWindow` says.
        unsafe { self.0.resume_messages(window.position, window.end) };
    }

    /// Ends the stream from this side.
    ///
    /// The sender's calls that wait return [`Error::BrokenPipe`]. Messages that are left stay in
    /// the ring. A receiver that is taken later opens the ring again.
    pub fn close(self) {
        self.0.close();
    }

    /// The message in the run, which is ready.
    fn message(&mut self, run: Found) -> Result<RecvGrant<'_, R>, Error> {
        let grant = self.0.granted(run);
        let (length, rest) = grant.split_first_chunk::<HEADER>().ok_or(Error::Corrupt)?;
        // The length is untrusted: the bytes that are ready limit it.
        let len = u32::from_le_bytes(*length) as usize;
        if len > rest.len() {
            return Err(Error::Corrupt);
        }
        Ok(RecvGrant { grant, len })
    }

    /// The run of the next message, or why none will come. `None` when one may come.
    fn ready_or_end(&mut self) -> Option<Result<Found, Error>> {
        look_or_end(self, |this| this.0.one_run().map(Ok), |this| this.0.end().map(Err))
    }
}

impl<R: MessageRingRef<Wake: Wait>> Receiver<R> {
    /// Copies the oldest message out and returns its length; waits for one.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the sender closed or died and everything was received.
    /// [`Error::BufferTooSmall`] when `out` is smaller than the message, which then stays.
    /// [`Error::Corrupt`] when the memory was corrupted.
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

    /// As [`recv`](Self::recv), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `recv`, and [`Error::TimedOut`].
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
    /// [`Error::EndOfFile`] when the sender closed or died and everything was received,
    /// [`Error::Corrupt`] when the memory was corrupted.
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

    /// As [`peek`](Self::peek), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `peek`, and [`Error::TimedOut`].
    pub fn peek_deadline(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<RecvGrant<'_, R>, Error> {
        let run = self.wait(deadline, |this| this.ready_or_end())??;
        self.message(run)
    }

    /// Waits until `attempt` returns an answer, until `deadline` at most.
    fn wait<A>(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
        mut attempt: impl FnMut(&mut Self) -> Option<A>,
    ) -> Result<A, TimedOut> {
        // SAFETY: `&mut self` borrows the half while the bell is in use, so that the half lives.
        unsafe { self.0.bell() }.wait_until(deadline, || attempt(self))
    }
}

impl<R: MessageRingRef<Wake: Register>> Receiver<R> {
    /// As [`recv`](Self::recv), but has the task woken when there may be a message, instead of
    /// waiting.
    ///
    /// # Errors
    /// Those of `recv`.
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

    /// As [`recv`](Self::recv), but awaits a message. If the future is dropped, nothing is
    /// received.
    ///
    /// # Errors
    /// Those of `recv`.
    pub fn recv_async(
        &mut self,
        out: &mut (impl Buffer + ?Sized),
    ) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(move |cx| self.poll_recv(cx, out))
    }

    /// As [`peek`](Self::peek), but awaits a message.
    ///
    /// If the future is dropped, every message stays in the ring.
    ///
    /// # Errors
    /// Those of `peek`.
    pub fn peek_async<'r>(&'r mut self) -> impl Future<Output = Result<RecvGrant<'r, R>, Error>> {
        let poll =
            |this: &mut Self, cx: &mut Context<'_>| this.poll(cx, |this| this.ready_or_end());
        lend_until(self, poll, |this, run| this.message(run?))
    }

    /// Returns what `attempt` answers. Without an answer, it has the task woken when there may be
    /// one.
    fn poll<A>(
        &mut self,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&mut Self) -> Option<A>,
    ) -> Poll<A> {
        // SAFETY: `&mut self` borrows the half while the bell is in use, so that the half lives.
        unsafe { self.0.bell() }.poll_until(cx, || attempt(self))
    }
}

/// A message to be read, as a slice. Dropped without a release, it stays the oldest message.
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
    /// Releases the message, so that the sender may use its room.
    pub fn release(self) {
        self.grant.release(HEADER + self.len);
    }

    /// Copies the message out and releases it, if `out` is large enough.
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
