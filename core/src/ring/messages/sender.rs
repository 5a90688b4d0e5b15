//! The half of a message ring that sends.

use super::inner::{Bytes, MessageRingInner, MessageRingRef};
use crate::Error;
use crate::participant::Participant;
#[cfg(not(loom))]
use crate::ring::MessageWindow;
use crate::ring::bytes::{HEADER, Producer, Room, WriteGrant};
use crate::ring::slots::copy_bytes;
use crate::wait::{Register, TimedOut, Wait, lend_until};
use core::fmt;
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::task::{Context, Poll};

/// The half that sends. It can move to another thread or context, and is used from one at a time.
///
/// `R` is the reference by which the half reaches its ring and keeps it, see
/// [`StableRef`](crate::storage::StableRef). It is `&MessageRing<N, W>`, `&MessageRingView<W>`, or
/// an `Arc` of one of these. With an `Arc` the half owns what it needs.
pub struct Sender<R: MessageRingRef>(Producer<Bytes<R>>);

impl<R: MessageRingRef> fmt::Debug for Sender<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.0).finish()
    }
}

impl<R: MessageRingRef> Sender<R> {
    /// Takes the sender's half of the ring that `owner` refers to; `None` while somebody holds it.
    ///
    /// The half is held for the owner's [`participant`](crate::storage::StableRef::participant). It
    /// contains the owner.
    pub fn new(owner: R) -> Option<Self> {
        Producer::new(Bytes(owner)).map(Sender)
    }

    /// As [`new`](Self::new), for the participant `me`.
    pub(super) fn take_for(owner: R, me: Participant) -> Option<Self> {
        Producer::take_for(Bytes(owner), me).map(Sender)
    }

    /// The sender's half of the ring that `owner` refers to, which was taken already.
    ///
    /// # Safety
    /// The half is taken, and nothing else uses it.
    pub(super) unsafe fn from_taken(owner: R) -> Self {
        // SAFETY: the caller guarantees that the half is taken and that nothing else uses it.
        Sender(unsafe { Producer::from_taken(Bytes(owner)) })
    }

    /// Copies a message in and sends it. Wait-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is too little room now, [`Error::MessageTooLarge`] when
    /// `message` is longer than [`MAX_MESSAGE`](super::MessageRing::MAX_MESSAGE).
    pub fn try_send(&mut self, message: &[u8]) -> Result<(), Error> {
        if self.0.put_message(message) { Ok(()) } else { self.send_slow(message) }
    }

    /// As [`try_send`](Self::try_send), for a message that does not fit into the known run of the
    /// ring.
    #[inline(never)]
    fn send_slow(&mut self, message: &[u8]) -> Result<(), Error> {
        let n = self.0.size();
        let mut grant = self.try_reserve(message.len())?;
        copy_bytes(n, message, &mut grant);
        grant.commit(message.len());
        Ok(())
    }

    /// Reserves room for a message of at most `len` bytes, to be written in place.
    ///
    /// The receiver sees nothing before [`SendGrant::commit`].
    ///
    /// # Errors
    /// Those of [`try_send`](Self::try_send).
    pub fn try_reserve(&mut self, len: usize) -> Result<SendGrant<'_, R>, Error> {
        let len = self.check(len)?;
        self.0.try_reserve(len).map(SendGrant)
    }

    /// The number of bytes that a message of `len` bytes takes in the ring, if it is not too long.
    #[inline]
    fn check(&self, len: usize) -> Result<usize, Error> {
        let max = self.0.max_grant().saturating_sub(HEADER);
        if len > max { Err(Error::MessageTooLarge { max }) } else { Ok(HEADER + len) }
    }

    /// The ring of which this is a half.
    pub fn ring(&self) -> &MessageRingInner<R::Storage, R::Wake> {
        self.0.owner().0.get()
    }

    /// What this half knows, for code that sends without a call: see [`MessageWindow`]. `None`
    /// where a half keeps nothing in mind, because the target has no caches.
    ///
    /// ```
    /// use ringway_core::ring::messages::MessageRing;
    /// use std::sync::atomic::Ordering;
    /// let mut ring: MessageRing<64> = MessageRing::new();
    /// let (mut sender, mut receiver) = ring.split();
    /// sender.try_send(b"one")?; // it looks, and finds room
    /// let mut window = sender.window().unwrap();
    /// let at = window.first.wrapping_add((window.position - window.lap) as usize);
    /// // SAFETY: the window says that these bytes are the sender's.
    /// unsafe { at.cast::<[u8; 7]>().write(*b"\x03\0\0\0two") };
    /// window.position += 7;
    /// // SAFETY: the word is there while the ring is.
    /// unsafe { &*window.word }.store(window.position, Ordering::Release);
    /// // SAFETY: the bytes up to there were written and published.
    /// unsafe { sender.resume(&window) };
    /// let mut out = [0; 8];
    /// assert_eq!(receiver.try_recv(&mut out)?, 3);
    /// assert_eq!(receiver.try_recv(&mut out)?, 3);
    /// assert!(out.starts_with(b"two"));
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    #[cfg(not(loom))]
    #[inline]
    pub fn window(&mut self) -> Option<MessageWindow> {
        self.0.message_window()
    }

    /// Goes on from where the caller has left the window.
    ///
    /// # Safety
    /// It is the half's last window. The caller has sent as [`MessageWindow`] says, and the half
    /// has done nothing since it made the window.
    #[cfg(not(loom))]
    #[inline]
    pub unsafe fn resume(&mut self, window: &MessageWindow) {
        // SAFETY: the caller guarantees that it has moved the window as `MessageWindow` says.
        unsafe { self.0.resume_messages(window.position) };
    }

    /// Ends the stream.
    ///
    /// The receiver still gets what was sent. After that, its calls that wait return
    /// [`Error::EndOfFile`]. A sender that is taken later opens the stream again.
    pub fn close(self) {
        self.0.close();
    }

    /// The parts of a grant, or why it is impossible. `None` when there may be room later.
    fn grant_or_end(&mut self, len: usize) -> Option<Result<Room, Error>> {
        match self.check(len) {
            Ok(len) => self.0.grant_or_end(len),
            Err(error) => Some(Err(error)),
        }
    }

    /// Sends `message`, or says why that is impossible. `None` when there may be room later.
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
    /// `message` is longer than [`MAX_MESSAGE`](super::MessageRing::MAX_MESSAGE),
    /// [`Error::Corrupt`] when the memory was corrupted.
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

    /// As [`send`](Self::send), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `send`, and [`Error::TimedOut`]. Nothing was sent then.
    pub fn send_deadline(
        &mut self,
        message: &[u8],
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<(), Error> {
        self.wait(deadline, |this| this.send_or_end(message))?
    }

    /// Reserves room for a message of at most `len` bytes; waits for it.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
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

    /// As [`reserve`](Self::reserve), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `reserve`, and [`Error::TimedOut`].
    pub fn reserve_deadline(
        &mut self,
        len: usize,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<SendGrant<'_, R>, Error> {
        let grant = self.wait(deadline, |this| this.grant_or_end(len))??;
        Ok(SendGrant(self.0.granted(grant)))
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

impl<R: MessageRingRef<Wake: Register>> Sender<R> {
    /// As [`send`](Self::send), but has the task woken when there may be room, instead of waiting.
    ///
    /// # Errors
    /// Those of `send`.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, message: &[u8]) -> Poll<Result<(), Error>> {
        self.poll(cx, |this| this.send_or_end(message))
    }

    /// As [`send`](Self::send), but awaits room. If the future is dropped, nothing is sent.
    ///
    /// # Errors
    /// Those of `send`.
    pub fn send_async(&mut self, message: &[u8]) -> impl Future<Output = Result<(), Error>> {
        poll_fn(move |cx| self.poll_send(cx, message))
    }

    /// As [`reserve`](Self::reserve), but awaits room. If the future is dropped, nothing is
    /// reserved.
    ///
    /// # Errors
    /// Those of `reserve`.
    pub fn reserve_async<'s>(
        &'s mut self,
        len: usize,
    ) -> impl Future<Output = Result<SendGrant<'s, R>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.poll(cx, |this| this.grant_or_end(len))
        };
        lend_until(self, poll, |this, grant| grant.map(|grant| SendGrant(this.0.granted(grant))))
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

/// A message to be written, as a slice. Dropped without a commit, the grant sends nothing.
#[must_use = "a grant that is dropped sends nothing"]
pub struct SendGrant<'g, R: MessageRingRef>(WriteGrant<'g, Bytes<R>>);

impl<R: MessageRingRef> fmt::Debug for SendGrant<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendGrant").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<R: MessageRingRef> SendGrant<'_, R> {
    /// Sends the first `len` bytes as a message. If the grant has fewer, it sends all of them.
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
