//! The half of a message ring that sends.

use super::inner::{Bytes, MessageRingInner, MessageRingRef};
use crate::Error;
use crate::participant::Participant;
use crate::ring::bytes::{HEADER, Producer, WriteGrant};
use crate::ring::slots::copy_bytes;
use crate::wait::{Register, TimedOut, Wait, lend_until};
use core::fmt;
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::task::{Context, Poll};

/// The half that sends. It can move to another thread or context, and is used from one at a time.
///
/// `R` is the reference by which it reaches its ring and keeps it, see
/// [`StableRef`](crate::storage::StableRef): `&MessageRing<N, W>` or `&MessageRingView<W>`, or an
/// `Arc` of one, with which the half owns what it needs.
pub struct Sender<R: MessageRingRef>(Producer<Bytes<R>>);

impl<R: MessageRingRef> fmt::Debug for Sender<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.0).finish()
    }
}

impl<R: MessageRingRef> Sender<R> {
    /// The half of the ring that `owner` refers to, taken for its
    /// [`participant`](crate::storage::StableRef::participant); `None` while somebody has it. It
    /// has the owner with it.
    pub fn new(owner: R) -> Option<Self> {
        Producer::new(Bytes(owner)).map(Sender)
    }

    /// The same, for `me`.
    pub(super) fn take_for(owner: R, me: Participant) -> Option<Self> {
        Producer::take_for(Bytes(owner), me).map(Sender)
    }

    /// The half of the ring that `owner` refers to.
    ///
    /// # Safety
    /// The half was taken, and nobody has it.
    pub(super) unsafe fn of_taken(owner: R) -> Self {
        // SAFETY: as the caller states.
        Sender(unsafe { Producer::of_taken(Bytes(owner)) })
    }

    /// Copies a message in and sends it. Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is too little room now, [`Error::MessageTooLarge`] when
    /// there can never be enough.
    pub fn try_send(&mut self, message: &[u8]) -> Result<(), Error> {
        if self.0.put_message(message) { Ok(()) } else { self.send_beyond(message) }
    }

    /// [`try_send`](Self::try_send) of a message for which the run of the ring has no room.
    #[inline(never)]
    fn send_beyond(&mut self, message: &[u8]) -> Result<(), Error> {
        let n = self.0.size();
        let mut grant = self.try_reserve(message.len())?;
        copy_bytes(n, message, &mut grant);
        grant.commit(message.len());
        Ok(())
    }

    /// Reserves room for a message of at most `len` bytes, to be written in place. The receiver
    /// sees nothing before [`SendGrant::commit`].
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_reserve(&mut self, len: usize) -> Result<SendGrant<'_, R>, Error> {
        let len = self.check(len)?;
        self.0.try_reserve(len).map(SendGrant)
    }

    /// How many bytes of the ring a message of `len` bytes takes, if it is not too large.
    #[inline]
    fn check(&self, len: usize) -> Result<usize, Error> {
        let max = self.0.max_grant().saturating_sub(HEADER);
        if len > max { Err(Error::MessageTooLarge { max }) } else { Ok(HEADER + len) }
    }

    /// The ring that it is a half of.
    pub fn ring(&self) -> &MessageRingInner<R::Storage, R::Wake> {
        self.0.owner().0.get()
    }

    /// Ends the stream: the receiver gets what was sent, and then its forms that wait answer
    /// [`Error::EndOfFile`]. A sender that is taken later opens the stream again.
    pub fn close(self) {
        self.0.close();
    }

    /// What a grant is made of, or why there can be none; `None` when there may be later.
    fn grant_or_end(&mut self, len: usize) -> Option<Result<(u32, u32), Error>> {
        match self.check(len) {
            Ok(len) => self.0.grant_or_end(len),
            Err(error) => Some(Err(error)),
        }
    }

    /// Whether `message` was sent, or why it can never be; `None` when it can be later.
    fn send_or_end(&mut self, message: &[u8]) -> Option<Result<(), Error>> {
        let n = self.0.size();
        Some(self.grant_or_end(message.len())?.map(|grant| {
            let mut grant = SendGrant(self.0.granted(grant));
            copy_bytes(n, message, &mut grant);
            grant.commit(message.len());
        }))
    }
}

impl<R: MessageRingRef<Wake: Wait>> Sender<R> {
    /// Copies a message in and sends it; waits for room.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the receiver closed or died, [`Error::MessageTooLarge`] when
    /// there can never be enough room.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::messages::MessageRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = MessageRing::<32, Spin>::new();
    /// let (mut sender, receiver) = ring.split();
    /// sender.send(b"hello").unwrap();
    /// receiver.close();
    /// assert_eq!(sender.send(b"hello"), Err(Error::BrokenPipe));
    /// ```
    pub fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        self.send_deadline(message, None)
    }

    /// [`send`](Self::send), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `send`, and [`Error::TimedOut`]; nothing was sent then.
    pub fn send_deadline(
        &mut self,
        message: &[u8],
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<(), Error> {
        self.wait(deadline, |this| this.send_or_end(message))?
    }

    /// [`try_reserve`](Self::try_reserve); waits for room.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// ```
    /// use ringway_core::ring::messages::MessageRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = MessageRing::<32, Spin>::new();
    /// let (mut sender, mut receiver) = ring.split();
    /// let mut grant = sender.reserve(10).unwrap();
    /// grant[..2].copy_from_slice(b"hi");
    /// grant.commit(2);
    /// assert_eq!(&*receiver.peek().unwrap(), b"hi");
    /// ```
    pub fn reserve(&mut self, len: usize) -> Result<SendGrant<'_, R>, Error> {
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
    ) -> Result<SendGrant<'_, R>, Error> {
        let grant = self.wait(deadline, |this| this.grant_or_end(len))??;
        Ok(SendGrant(self.0.granted(grant)))
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

impl<R: MessageRingRef<Wake: Register>> Sender<R> {
    /// [`send`](Self::send) for a task: sends, or has the task woken when there may be room.
    ///
    /// # Errors
    /// As `send`.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, message: &[u8]) -> Poll<Result<(), Error>> {
        self.poll(cx, |this| this.send_or_end(message))
    }

    /// [`send`](Self::send); awaits room. Cancelled, it has sent nothing.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_async(&mut self, message: &[u8]) -> impl Future<Output = Result<(), Error>> {
        poll_fn(move |cx| self.poll_send(cx, message))
    }

    /// [`reserve`](Self::reserve); awaits room. Cancelled, it has reserved nothing.
    ///
    /// # Errors
    /// As `reserve`.
    pub fn reserve_async<'s>(
        &'s mut self,
        len: usize,
    ) -> impl Future<Output = Result<SendGrant<'s, R>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.poll(cx, |this| this.grant_or_end(len))
        };
        lend_until(self, poll, |this, grant| grant.map(|grant| SendGrant(this.0.granted(grant))))
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

/// A message to be written, as a slice. Dropped without a commit, it sends nothing.
#[must_use = "a grant that is dropped sends nothing"]
pub struct SendGrant<'g, R: MessageRingRef>(WriteGrant<'g, Bytes<R>>);

impl<R: MessageRingRef> fmt::Debug for SendGrant<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendGrant").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<R: MessageRingRef> SendGrant<'_, R> {
    /// Sends the first `len` bytes as a message; more than the grant has count as all it has.
    pub fn commit(mut self, len: usize) {
        let len = len.min(self.len());
        if let Some(to) = self.0.first_chunk_mut() {
            *to = (len as u32).to_le_bytes();
        }
        self.0.commit(HEADER + len);
    }
}

impl<R: MessageRingRef> Deref for SendGrant<'_, R> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.get(HEADER..).unwrap_or_default()
    }
}

impl<R: MessageRingRef> DerefMut for SendGrant<'_, R> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.get_mut(HEADER..).unwrap_or_default()
    }
}
