//! The forms that wait, on rings whose sides can sleep.

use super::{Receiver, Sender};
use crate::Error;
use crate::wait::{Register, Wait, Wake};
use core::task::{Context, Poll};

impl<const N: usize, W: Wake> Sender<'_, N, W> {
    fn sent_or_closed(&mut self, message: &[u8]) -> Option<Result<(), Error>> {
        if self.receiver_is_gone() {
            return Some(Err(Error::BrokenPipe));
        }
        match self.try_send(message) {
            Err(Error::WouldBlock) if self.0.peer_is_corrupt() => Some(Err(Error::Corrupt)),
            Err(Error::WouldBlock) => None,
            done => Some(done),
        }
    }
}

impl<const N: usize, W: Wait> Sender<'_, N, W> {
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
        let bell = self.0.bell();
        bell.wait_until(deadline, || self.sent_or_closed(message))?
    }
}

impl<const N: usize, W: Register> Sender<'_, N, W> {
    /// [`send`](Self::send) for a task: sends, or has the task woken when there may be room.
    ///
    /// # Errors
    /// As `send`.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, message: &[u8]) -> Poll<Result<(), Error>> {
        let bell = self.0.bell();
        bell.poll_until(cx, || self.sent_or_closed(message))
    }
}

impl<const N: usize, W: Wake> Receiver<'_, N, W> {
    /// Whether a message is there, or none will come; `None` when one may.
    fn ready_or_end(&mut self) -> Option<Result<(), Error>> {
        let ready = |this: &mut Self| this.try_peek().map(|message| message.is_some());
        match ready(self) {
            Ok(false) if !self.sender_is_gone() => {
                self.0.peer_is_corrupt().then_some(Err(Error::Corrupt))
            }
            // In this order: what the sender sent before it went is seen by the look after we see that it went.
            Ok(false) => Some(match ready(self) {
                Ok(false) => Err(Error::EndOfFile),
                found => found.map(|_| ()),
            }),
            found => Some(found.map(|_| ())),
        }
    }
}

impl<const N: usize, W: Wait> Receiver<'_, N, W> {
    /// Waits until a message is there, to be [peeked](Self::try_peek) at or received, at most until `deadline` (`None`: for
    /// ever).
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the sender closed or died and everything was received,
    /// [`Error::TimedOut`], [`Error::Corrupt`].
    pub fn wait_deadline(&mut self, deadline: Option<W::Deadline>) -> Result<(), Error> {
        let bell = self.0.bell();
        bell.wait_until(deadline, || self.ready_or_end())?
    }

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
    pub fn recv(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        self.recv_deadline(out, None)
    }

    /// [`recv`](Self::recv), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `recv`, and [`Error::TimedOut`].
    pub fn recv_deadline(
        &mut self,
        out: &mut [u8],
        deadline: Option<W::Deadline>,
    ) -> Result<usize, Error> {
        self.wait_deadline(deadline)?;
        self.try_recv(out)
    }
}

impl<const N: usize, W: Register> Receiver<'_, N, W> {
    /// [`recv`](Self::recv) for a task: receives, or has the task woken when a message may be there.
    ///
    /// # Errors
    /// As `recv`.
    pub fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<Result<usize, Error>> {
        let bell = self.0.bell();
        let ready = bell.poll_until(cx, || self.ready_or_end());
        ready.map(|ready| ready.and_then(|()| self.try_recv(out)))
    }
}
