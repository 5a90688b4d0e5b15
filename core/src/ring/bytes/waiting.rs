//! The forms that wait: for threads and for tasks, on rings whose sides can sleep.

use super::{Consumer, Producer};
use crate::Error;
use crate::wait::{Doorbell, Register, Wait, Wake};
use core::task::{Context, Poll};

impl<'a, const N: usize, W: Wake> Producer<'a, N, W> {
    /// What this side sleeps on.
    pub(in crate::ring) fn bell(&self) -> &'a Doorbell<W> {
        &self.cursor.0.header().consumer.0.bell
    }

    /// See [`ProducerCursor::peer_is_corrupt`](crate::ring::cursor::ProducerCursor::peer_is_corrupt).
    pub(in crate::ring) fn peer_is_corrupt(&self) -> bool {
        self.cursor.0.peer_is_corrupt()
    }
}

impl<'a, const N: usize, W: Wake> Consumer<'a, N, W> {
    /// What this side sleeps on.
    pub(in crate::ring) fn bell(&self) -> &'a Doorbell<W> {
        &self.cursor.0.header().producer.0.bell
    }

    /// See [`ConsumerCursor::peer_is_corrupt`](crate::ring::cursor::ConsumerCursor::peer_is_corrupt).
    pub(in crate::ring) fn peer_is_corrupt(&self) -> bool {
        self.cursor.0.peer_is_corrupt()
    }
}

impl<const N: usize, W: Wake> Producer<'_, N, W> {
    fn write_or_closed(&mut self, bytes: &[u8]) -> Option<Result<usize, Error>> {
        if bytes.is_empty() {
            return Some(Ok(0));
        }
        if self.consumer_is_gone() {
            return Some(Err(Error::BrokenPipe));
        }
        match self.try_write(bytes) {
            0 if self.peer_is_corrupt() => Some(Err(Error::Corrupt)),
            0 => None,
            count => Some(Ok(count)),
        }
    }
}

impl<const N: usize, W: Wait> Producer<'_, N, W> {
    /// Copies in at least one of `bytes` and as many as there is room for; waits for room. Returns how many.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the consumer closed or died; [`Error::Corrupt`] when it stands where
    /// none can.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::bytes::ByteRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = ByteRing::<4, Spin>::new();
    /// let (mut producer, consumer) = ring.split();
    /// assert_eq!(producer.write(b"123456"), Ok(4));
    /// consumer.close();
    /// assert_eq!(producer.write(b"56"), Err(Error::BrokenPipe));
    /// ```
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.write_deadline(bytes, None)
    }

    /// [`write`](Self::write), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the consumer closed or died, [`Error::TimedOut`] when there was
    /// no room in time; nothing was written then.
    pub fn write_deadline(
        &mut self,
        bytes: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<usize, Error> {
        let bell = self.bell();
        bell.wait_until(deadline, || self.write_or_closed(bytes))?
    }
}

impl<const N: usize, W: Register> Producer<'_, N, W> {
    /// [`write`](Self::write) for a task: writes, or has the task woken when there may be room.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the consumer closed or died; [`Error::Corrupt`] when it stands where
    /// none can.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        let bell = self.bell();
        bell.poll_until(cx, || self.write_or_closed(bytes))
    }
}

impl<const N: usize, W: Wake> Consumer<'_, N, W> {
    fn read_or_end(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        if out.is_empty() {
            return Some(Ok(0));
        }
        let count = self.try_read(out);
        if count > 0 {
            return Some(Ok(count));
        }
        // In this order: what the producer wrote before it went is seen by the look after we see that it went.
        if self.producer_is_gone() {
            return Some(Ok(self.try_read(out)));
        }
        self.peer_is_corrupt().then_some(Err(Error::Corrupt))
    }

    /// How many bytes can be read, once `count` can, or once no more will come.
    fn enough_or_end(&mut self, count: usize) -> Option<Result<usize, Error>> {
        if count > N {
            return Some(Err(Error::MessageTooLarge { max: N }));
        }
        let ready = self.len();
        if ready >= count {
            return Some(Ok(ready));
        }
        // In this order, as in `read_or_end`.
        if self.producer_is_gone() {
            return Some(Ok(self.len()));
        }
        self.peer_is_corrupt().then_some(Err(Error::Corrupt))
    }
}

impl<const N: usize, W: Wait> Consumer<'_, N, W> {
    /// Copies out at least one byte and as many as there are, at most `out.len()`; waits for one. Returns how many:
    /// 0 is the end of file: the producer closed or died, and everything was read.
    ///
    /// # Errors
    /// None of its own; the type is that of the forms with a deadline.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = ByteRing::<4, Spin>::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || {
    ///         producer.write(b"hi").unwrap();
    ///         producer.close();
    ///     });
    ///     let mut out = [0; 8];
    ///     assert_eq!(consumer.read(&mut out), Ok(2));
    ///     assert_eq!(consumer.read(&mut out), Ok(0));
    /// });
    /// ```
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        self.read_deadline(out, None)
    }

    /// [`read`](Self::read), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when nothing came in time; [`Error::Corrupt`] when the producer stands where
    /// none can.
    pub fn read_deadline(
        &mut self,
        out: &mut [u8],
        deadline: Option<W::Deadline>,
    ) -> Result<usize, Error> {
        let bell = self.bell();
        bell.wait_until(deadline, || self.read_or_end(out))?
    }

    /// Waits until `count` bytes can be read, without reading them, and returns how many can be:
    /// for a parser that needs a whole frame. Fewer than `count` means that no more will come,
    /// since the producer closed or died; 0 is the end of file.
    ///
    /// A frame that was copied in may lie in two runs, of which [`try_peek`](Self::try_peek) shows the first;
    /// [`try_read`](Self::try_read) copies both out. While we wait, nothing is released, so that the producer must find room
    /// for the rest without that: copies find room for all that the ring holds, an exact grant may not.
    ///
    /// # Errors
    /// [`Error::MessageTooLarge`] when `count` is more than the ring holds.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// use ringway_core::wait::Spin;
    /// let mut ring = ByteRing::<16, Spin>::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || [&b"fra"[..], &b"me\nrest"[..]].map(|part| producer.write(part)));
    ///     let mut seen = 0;
    ///     let end = loop {
    ///         seen = consumer.wait_for(seen + 1).unwrap();
    ///         let bytes = consumer.try_peek().unwrap();
    ///         if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
    ///             break end;
    ///         }
    ///     };
    ///     let frame = consumer.try_peek().unwrap();
    ///     assert_eq!(&frame[..end], b"frame");
    ///     frame.release(end + 1);
    /// });
    /// ```
    pub fn wait_for(&mut self, count: usize) -> Result<usize, Error> {
        self.wait_for_deadline(count, None)
    }

    /// [`wait_for`](Self::wait_for), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when there were fewer in time, and those of [`wait_for`](Self::wait_for).
    pub fn wait_for_deadline(
        &mut self,
        count: usize,
        deadline: Option<W::Deadline>,
    ) -> Result<usize, Error> {
        let bell = self.bell();
        bell.wait_until(deadline, || self.enough_or_end(count))?
    }
}

impl<const N: usize, W: Register> Consumer<'_, N, W> {
    /// [`read`](Self::read) for a task: reads, or has the task woken when something may be there.
    ///
    /// # Errors
    /// None of its own.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<Result<usize, Error>> {
        let bell = self.bell();
        bell.poll_until(cx, || self.read_or_end(out))
    }
    /// [`wait_for`](Self::wait_for) for a task: answers, or has the task woken when there may be more.
    ///
    /// # Errors
    /// Those of [`wait_for`](Self::wait_for).
    pub fn poll_wait_for(
        &mut self,
        cx: &mut Context<'_>,
        count: usize,
    ) -> Poll<Result<usize, Error>> {
        let bell = self.bell();
        bell.poll_until(cx, || self.enough_or_end(count))
    }
}
