//! Receiving messages.

use super::end::{Connection, Incoming};
use super::frame::{self, Length};
use crate::connection::{self, Buffer};
use crate::fd::Timeout;
use crate::socket::Family;
use crate::{CoreError, Error, Result};

pub(super) const RECEIVE: &str = "receive a message";

impl<F: Family> Connection<F> {
    crate::fd::forms! {
        /// Receives one message, which Python sent with `send_bytes`, and returns its size in
        /// bytes.
        ///
        /// It replaces the contents of `message`, and waits until the whole message has come. A
        /// `Vec` grows to the size of the message; a slice or an array has to be large enough. When
        /// a form gives up in the middle, the end keeps the part that has come for the next call.
        ///
        /// # Errors
        /// [`EndOfFile`](CoreError::EndOfFile) when the peer has left and everything was received;
        /// [`Reset`](CoreError::Reset) if it left in the middle of a message, or with something
        /// unread; [`MessageTooLarge`](CoreError::MessageTooLarge) if the peer announces a message
        /// above the [limit](Self::with_max_message), and [`Corrupt`](CoreError::Corrupt) if it
        /// announces a negative length: drop the connection then, since it can carry nothing else;
        /// [`BufferTooSmall`](CoreError::BufferTooSmall) with the size of the message, which stays
        /// for the next call. After an error a `Vec` is empty.
        ///
        /// ```
        /// use ringway::{CoreError, python::connection::Connection, socket::UnixStream};
        /// use std::time::{Duration, Instant};
        /// let (ours, theirs) = UnixStream::pair()?;
        /// let (ours, theirs) = (Connection::from(ours), Connection::from(theirs));
        /// let mut message = Vec::new();
        /// assert!(ours.try_recv(&mut message).unwrap_err().is(CoreError::WouldBlock));
        /// let soon = Some(Instant::now() + Duration::from_millis(5));
        /// assert!(ours.recv_deadline(&mut message, soon).unwrap_err().is(CoreError::TimedOut));
        ///
        /// theirs.send(b"hello")?;
        /// drop(theirs);
        /// let error = ours.recv(&mut [0; 2]).unwrap_err();
        /// assert!(error.is(CoreError::BufferTooSmall { needed: 5 }));
        /// assert_eq!(ours.recv(&mut message)?, 5);
        /// assert!(ours.recv(&mut message).unwrap_err().is(CoreError::EndOfFile));
        /// # Ok::<(), ringway::Error>(())
        /// ```
        #[doc(alias = "recv_bytes")]
        pub fn recv,
        pub fn try_recv,
        pub fn recv_deadline:
        (&self, message: &mut (impl Buffer + ?Sized)) -> usize = recv_bytes;
    }

    pub(super) fn recv_bytes(
        &self,
        message: &mut (impl Buffer + ?Sized),
        timeout: Timeout,
    ) -> Result<usize> {
        let mut target = message.target();
        target.clear();
        let mut incoming = connection::lock(&self.incoming, RECEIVE, timeout)?;
        let length = self.recv_length(&mut incoming, timeout)?;
        if !target.fits(length) {
            return Err(Error::new(RECEIVE, CoreError::BufferTooSmall { needed: length }));
        }
        let mut came = target.put_part(std::mem::take(&mut incoming.part));
        while came < length {
            match self.some_bytes(target.rest(came, length), CoreError::Reset, timeout) {
                Ok(count) => came += count,
                Err(error) => {
                    incoming.part = target.take_part(came);
                    return Err(error);
                }
            }
        }
        incoming.known = 0;
        Ok(length)
    }

    /// Receives the missing bytes of the length, and checks it.
    fn recv_length(&self, incoming: &mut Incoming, timeout: Timeout) -> Result<usize> {
        loop {
            let known = incoming.length.get(..incoming.known).unwrap_or_default();
            match frame::decode(known) {
                Length::Part(needed) => {
                    let end =
                        if known.is_empty() { CoreError::EndOfFile } else { CoreError::Reset };
                    let missing = incoming.length.get_mut(incoming.known..needed);
                    let missing = missing.unwrap_or_default();
                    incoming.known += self.some_bytes(missing, end, timeout)?;
                }
                Length::Known(length) => {
                    let length = usize::try_from(length).ok().filter(|length| *length <= self.max);
                    let large = CoreError::MessageTooLarge { max: self.max };
                    return length.ok_or_else(|| Error::new(RECEIVE, large));
                }
                Length::Invalid => {
                    return Err(Error::new(RECEIVE, CoreError::Corrupt).because(
                        "the peer announces a negative length, which is no message of \
                         multiprocessing.connection: drop the connection",
                    ));
                }
            }
        }
    }

    /// Receives at least one byte into `buf`; returns the error `end` if none will come.
    fn some_bytes(&self, buf: &mut [u8], end: CoreError, timeout: Timeout) -> Result<usize> {
        match self.stream.recv_bytes(buf, timeout)? {
            0 => Err(Error::new(RECEIVE, end)),
            count => Ok(count),
        }
    }
}
