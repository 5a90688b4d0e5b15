//! Descriptors, as `multiprocessing.reduction` passes them: one byte, their number, outside of any
//! message.

use super::end::Connection;
use super::receive::RECEIVE;
use super::send::SEND;
use crate::connection::lock;
use crate::fd::Timeout;
use crate::socket::{MAX_DESCRIPTORS, Unix};
use crate::{CoreError, Error, Result};
use rustix::io::Errno;
use std::io::IoSlice;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Instant;

impl Connection<Unix> {
    /// Sends descriptors between two messages; waits at most until `deadline`.
    ///
    /// Python receives one with `multiprocessing.reduction.recv_handle(connection)`, and several
    /// with `recvfds`. It has to expect them: they belong to no message, so that both sides agree
    /// on when they come.
    ///
    /// # Errors
    /// `EINVAL` for none, or for more than [`MAX_DESCRIPTORS`]; `EBUSY` if a message is half sent;
    /// otherwise as [`send_deadline`](Self::send_deadline).
    ///
    /// ```
    /// use ringway::{python::connection::Connection, socket::UnixStream};
    /// use std::io::{Read, Write};
    /// use std::os::fd::AsFd;
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let (ours, theirs) = (Connection::from(ours), Connection::from(theirs));
    /// let (mut reader, writer) = std::io::pipe().unwrap();
    /// ours.send_descriptors(&[writer.as_fd()], None)?;
    /// drop(writer);
    /// let writer = theirs.recv_descriptors(1, None)?.pop().unwrap();
    /// std::fs::File::from(writer).write_all(b"through it").unwrap();
    /// assert_eq!(std::io::read_to_string(reader).unwrap(), "through it");
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "send_handle")]
    #[doc(alias = "sendfds")]
    pub fn send_descriptors(
        &self,
        descriptors: &[BorrowedFd<'_>],
        deadline: Option<Instant>,
    ) -> Result<()> {
        let timeout = Timeout::Until(deadline);
        let outgoing = lock(&self.outgoing, SEND, timeout)?;
        if outgoing.sent > 0 {
            return Err(Error::new("send descriptors while a message is half sent", Errno::BUSY));
        }
        let count = u8::try_from(descriptors.len()).ok().filter(|count| *count > 0);
        let Some(count) = count.filter(|count| usize::from(*count) <= MAX_DESCRIPTORS) else {
            return Err(Error::new("send none, or more than 253 descriptors", Errno::INVAL));
        };
        let sent = self.stream.send_rights(&[IoSlice::new(&[count])], descriptors, timeout);
        sent.map(drop)
    }

    /// Receives descriptors that the peer sent between two messages, at most `room`; waits at most
    /// until `deadline`.
    ///
    /// Python sends one with `multiprocessing.reduction.send_handle(connection, fd, None)`, and
    /// several with `sendfds`. They are close-on-exec here.
    ///
    /// # Errors
    /// [`Corrupt`](CoreError::Corrupt) if what comes is no such descriptors, but a message, for
    /// instance: a byte of it is lost, so drop the connection. [`Exhausted`](CoreError::Exhausted)
    /// if more came than `room`, or than this process may open: they are closed. `EBUSY` if a
    /// message is half received; otherwise as [`recv_deadline`](Self::recv_deadline).
    ///
    /// ```
    /// use ringway::{CoreError, python::connection::Connection, socket::UnixStream};
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let (ours, theirs) = (Connection::from(ours), Connection::from(theirs));
    /// ours.send(b"a message")?;
    /// assert!(theirs.recv_descriptors(1, None).unwrap_err().is(CoreError::Corrupt));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "recv_handle")]
    #[doc(alias = "recvfds")]
    #[doc(alias = "SCM_RIGHTS")]
    pub fn recv_descriptors(&self, room: usize, deadline: Option<Instant>) -> Result<Vec<OwnedFd>> {
        const WHAT: &str = "receive descriptors";
        let timeout = Timeout::Until(deadline);
        let incoming = lock(&self.incoming, RECEIVE, timeout)?;
        if incoming.known > 0 {
            return Err(Error::new("receive descriptors in the middle of a message", Errno::BUSY));
        }
        let mut count = [0];
        let received = self.stream.recv_all_rights(&mut count, room, timeout)?;
        match (received.size, received.descriptors) {
            (0, _) => Err(Error::new(WHAT, CoreError::EndOfFile)),
            (_, came) if !came.is_empty() && [came.len() as u8] == count => Ok(came),
            _ => Err(Error::new(WHAT, CoreError::Corrupt).because(
                "what came is no descriptors with their number: both sides have to agree on when \
                 they come; drop the connection",
            )),
        }
    }
}
