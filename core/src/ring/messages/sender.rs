//! The half of a message ring that sends.

use crate::Error;
use crate::ring::bytes::{HEADER, Producer, WriteGrant};
use crate::ring::slots::copy_bytes;
use crate::storage::{Capacity, Counted};
use crate::wait::{Nobody, Register, Wait, Wake, lend_until};
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::task::{Context, Poll};

/// The half that sends. It can move to another thread or context, and is used from one at a time.
#[derive(Debug)]
pub struct Sender<'a, W: Wake = Nobody, C = Counted>(pub(super) Producer<'a, W, C>);

impl<'a, C: Capacity, W: Wake> Sender<'a, W, C> {
    /// Copies a message in and sends it. Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is too little room now, [`Error::MessageTooLarge`] when there can never be enough.
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

    /// Reserves room for a message of at most `len` bytes, to be written in place. The receiver sees nothing before
    /// [`SendGrant::commit`].
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_reserve(&mut self, len: usize) -> Result<SendGrant<'_, 'a, W, C>, Error> {
        let len = self.check(len)?;
        self.0.try_reserve(len).map(SendGrant)
    }

    /// How many bytes of the ring a message of `len` bytes takes, if it is not too large.
    #[inline]
    fn check(&self, len: usize) -> Result<usize, Error> {
        let max = self.0.max_grant().saturating_sub(HEADER);
        if len > max { Err(Error::MessageTooLarge { max }) } else { Ok(HEADER + len) }
    }

    /// Whether the last receiver closed its half or died, and nobody took it since. One that has
    /// not come yet is not gone, nor is one that gave its half back.
    pub fn receiver_is_gone(&self) -> bool {
        self.0.consumer_is_gone()
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

impl<'a, C: Capacity, W: Wait> Sender<'a, W, C> {
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
        deadline: Option<W::Deadline>,
    ) -> Result<(), Error> {
        self.0.bell().wait_until(deadline, || self.send_or_end(message))?
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
    pub fn reserve(&mut self, len: usize) -> Result<SendGrant<'_, 'a, W, C>, Error> {
        self.reserve_deadline(len, None)
    }

    /// [`reserve`](Self::reserve), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `reserve`, and [`Error::TimedOut`].
    pub fn reserve_deadline(
        &mut self,
        len: usize,
        deadline: Option<W::Deadline>,
    ) -> Result<SendGrant<'_, 'a, W, C>, Error> {
        let grant = self.0.bell().wait_until(deadline, || self.grant_or_end(len))??;
        Ok(SendGrant(self.0.granted(grant)))
    }
}

impl<'a, C: Capacity, W: Register> Sender<'a, W, C> {
    /// [`send`](Self::send) for a task: sends, or has the task woken when there may be room.
    ///
    /// # Errors
    /// As `send`.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, message: &[u8]) -> Poll<Result<(), Error>> {
        self.0.bell().poll_until(cx, || self.send_or_end(message))
    }

    /// [`send`](Self::send); awaits room. Cancelled, it has sent nothing.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_async(&mut self, message: &[u8]) -> impl Future<Output = Result<(), Error>> {
        poll_fn(move |cx| self.poll_send(cx, message))
    }

    /// [`reserve`](Self::reserve) for a task: answers, or has the task woken when there may be room.
    ///
    /// # Errors
    /// As `reserve`.
    pub fn poll_reserve(
        &mut self,
        cx: &mut Context<'_>,
        len: usize,
    ) -> Poll<Result<SendGrant<'_, 'a, W, C>, Error>> {
        let grant = self.0.bell().poll_until(cx, || self.grant_or_end(len));
        grant.map_ok(|grant| SendGrant(self.0.granted(grant)))
    }

    /// [`reserve`](Self::reserve); awaits room. Cancelled, it has reserved nothing.
    ///
    /// # Errors
    /// As `reserve`.
    pub fn reserve_async<'s>(
        &'s mut self,
        len: usize,
    ) -> impl Future<Output = Result<SendGrant<'s, 'a, W, C>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.0.bell().poll_until(cx, || this.grant_or_end(len))
        };
        lend_until(self, poll, |this, grant| grant.map(|grant| SendGrant(this.0.granted(grant))))
    }
}

/// A message to be written, as a slice. Dropped without a commit, it sends nothing.
#[derive(Debug)]
#[must_use = "a grant that is dropped sends nothing"]
pub struct SendGrant<'g, 'a, W: Wake, C: Capacity>(WriteGrant<'g, 'a, W, C>);

impl<C: Capacity, W: Wake> SendGrant<'_, '_, W, C> {
    /// Sends the first `len` bytes as a message; more than the grant has count as all it has.
    pub fn commit(mut self, len: usize) {
        let len = len.min(self.len());
        if let Some(to) = self.0.first_chunk_mut() {
            *to = (len as u32).to_le_bytes();
        }
        self.0.commit(HEADER + len);
    }
}

impl<C: Capacity, W: Wake> Deref for SendGrant<'_, '_, W, C> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.get(HEADER..).unwrap_or_default()
    }
}

impl<C: Capacity, W: Wake> DerefMut for SendGrant<'_, '_, W, C> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.get_mut(HEADER..).unwrap_or_default()
    }
}
