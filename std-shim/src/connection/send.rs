//! Sending messages, with descriptors or without.

use super::end::Connection;
use super::part::{self, Outgoing};
use crate::fd::Timeout;
use crate::{CoreError, Error, Result};
use rustix::io::Errno;
use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// The size, in bytes, of the largest message that is sent at once or not at all.
///
/// Of a larger message, a form with a bounded wait may leave a part for the next call to send.
///
/// ```
/// use ringway::{CoreError, connection};
/// let (ours, theirs) = connection::pair()?;
/// let message = vec![1; connection::WHOLE];
/// let mut sent = 0;
/// while ours.try_send(&message).is_ok() {
///     sent += 1;
/// }
/// ours.try_send(b"").ok(); // another one may be tried instead
/// for _ in 0..sent {
///     assert_eq!(theirs.recv(&mut Vec::new())?, message.len());
/// }
/// # Ok::<(), ringway::Error>(())
/// ```
// The kernel takes a message in pieces of at least 32 KiB, unless the buffer was made smaller
// (`SO_SNDBUF`), and takes each piece whole. The first piece contains the length.
pub const WHOLE: usize = 30 << 10;

const SEND: &str = "send a message";

impl Connection {
    crate::fd::forms! {
        /// Sends one message, and waits until all of it is under way.
        ///
        /// The message may be empty. After a form has given up, call one again with the same
        /// message.
        ///
        /// # Errors
        /// [`BrokenPipe`](CoreError::BrokenPipe) if nobody receives any more;
        /// [`Reset`](CoreError::Reset) if the peer left with something unread;
        /// [`MessageTooLarge`](CoreError::MessageTooLarge) if the message is above the
        /// [limit](Self::with_max_message): nothing was sent;
        /// [`WrongDirection`](CoreError::WrongDirection) if this end only receives; `EBUSY` if
        /// another message is half sent: send that one again.
        ///
        /// ```
        /// use ringway::CoreError;
        /// use std::time::{Duration, Instant};
        /// let (ours, theirs) = ringway::connection::pair()?;
        /// ours.send(b"hello")?;
        /// assert_eq!(theirs.recv(&mut Vec::new())?, 5);
        /// drop(theirs);
        /// assert!(ours.send(b"hello").unwrap_err().is(CoreError::BrokenPipe));
        ///
        /// let (ours, _busy) = ringway::connection::pair()?;
        /// let soon = Some(Instant::now() + Duration::from_millis(5));
        /// assert!(ours.send_deadline(&[7; 10_000_000], soon).unwrap_err().is(CoreError::TimedOut));
        /// # Ok::<(), ringway::Error>(())
        /// ```
        ///
        /// In an event loop, a message may not fit at once: send it again when the other side has
        /// made room.
        ///
        /// ```
        /// use ringway::CoreError;
        /// let (ours, theirs) = ringway::connection::pair()?;
        /// let message = vec![7; 1_000_000];
        /// let mut received = Vec::new();
        /// while let Err(error) = ours.try_send(&message) {
        ///     assert!(error.is(CoreError::WouldBlock));
        ///     let _ = theirs.try_recv(&mut received);
        /// }
        /// theirs.recv(&mut received)?;
        /// assert_eq!(received, message);
        /// # Ok::<(), ringway::Error>(())
        /// ```
        pub fn send,
        pub fn try_send,
        pub fn send_deadline: (&self, message: &[u8]) -> () = send_bytes;
    }

    /// Sends one message and descriptors with it, and waits, at most until `deadline`.
    ///
    /// The receiver gets descriptors of its own for the same open files. The sender keeps its own.
    ///
    /// # Errors
    /// `EINVAL` for more than [`MAX_DESCRIPTORS`](crate::socket::MAX_DESCRIPTORS); otherwise as
    /// [`send_deadline`](Self::send_deadline).
    ///
    /// ```
    /// use ringway::connection;
    /// use std::io::Write;
    /// use std::os::fd::AsFd;
    /// let (ours, theirs) = connection::pair()?;
    /// let (reader, writer) = ringway::pipe::pipe()?;
    /// ours.send_descriptors(b"a pipe's writer", &[writer.as_fd()], None)?;
    /// drop(writer);
    ///
    /// let mut message = Vec::new();
    /// let mut descriptors = theirs.recv_descriptors(&mut message, 1, None)?;
    /// assert_eq!(message, b"a pipe's writer");
    /// std::fs::File::from(descriptors.pop().unwrap()).write_all(b"through it").unwrap();
    /// assert_eq!(std::io::read_to_string(reader).unwrap(), "through it");
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SCM_RIGHTS")]
    pub fn send_descriptors(
        &self,
        message: &[u8],
        descriptors: &[BorrowedFd<'_>],
        deadline: Option<Instant>,
    ) -> Result<()> {
        self.send_message(message, descriptors, Timeout::Until(deadline))
    }

    fn send_bytes(&self, message: &[u8], timeout: Timeout) -> Result<()> {
        self.send_message(message, &[], timeout)
    }

    fn send_message(
        &self,
        message: &[u8],
        descriptors: &[BorrowedFd<'_>],
        timeout: Timeout,
    ) -> Result<()> {
        let length = u32::try_from(message.len()).ok().filter(|_| message.len() <= self.max);
        let Some(length) = length else {
            return Err(Error::new(SEND, CoreError::MessageTooLarge { max: self.max }));
        };
        let mut outgoing = part::lock(&self.outgoing, SEND, timeout)?;
        if outgoing.sent > 0 && outgoing.message != message {
            return Err(Error::new("send a message while another is half sent", Errno::BUSY));
        }
        let length = length.to_le_bytes();
        let Outgoing { message: half, mut sent } = std::mem::take(&mut *outgoing);
        while sent < length.len() + message.len() {
            let first = length.get(sent..).unwrap_or_default();
            let rest = message.get(sent.saturating_sub(length.len())..).unwrap_or_default();
            // Sends them with the first byte: a receiver that has the length also has the
            // descriptors.
            let descriptors = if sent == 0 { descriptors } else { &[] };
            let slices = [IoSlice::new(first), IoSlice::new(rest)];
            match self.socket.send_rights(&slices, descriptors, timeout) {
                Ok(count) => sent += count,
                Err(error) => {
                    let later = error.is(CoreError::WouldBlock) || error.is(CoreError::TimedOut);
                    if later && sent > 0 {
                        let message = if half.is_empty() { message.to_vec() } else { half };
                        *outgoing = Outgoing { message, sent };
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
