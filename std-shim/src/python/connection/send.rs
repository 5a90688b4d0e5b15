//! Sending messages.

use super::end::Connection;
use super::frame;
use crate::connection::{self, Outgoing};
use crate::fd::Timeout;
use crate::socket::Family;
use crate::{CoreError, Error, Result};
use rustix::io::Errno;
use std::io::IoSlice;

pub(super) const SEND: &str = "send a message";

impl<F: Family> Connection<F> {
    crate::fd::forms! {
        /// Sends one message, which Python receives with `recv_bytes`; waits until all of it is
        /// under way.
        ///
        /// The message may be empty. After a form has given up, call one again with the same
        /// message.
        ///
        /// # Errors
        /// [`BrokenPipe`](CoreError::BrokenPipe) if nobody receives any more;
        /// [`Reset`](CoreError::Reset) if the peer left with something unread;
        /// [`MessageTooLarge`](CoreError::MessageTooLarge) if the message is above the
        /// [limit](Self::with_max_message): nothing was sent; `EBUSY` if another message is half
        /// sent: send that one again.
        ///
        /// ```
        /// use ringway::{CoreError, python::connection::Connection, socket::UnixStream};
        /// use std::time::{Duration, Instant};
        /// let (ours, theirs) = UnixStream::pair()?;
        /// let (ours, theirs) = (Connection::from(ours), Connection::from(theirs));
        /// let message = vec![7; 1_000_000];
        /// let mut received = Vec::new();
        /// while let Err(error) = ours.try_send(&message) {
        ///     assert!(error.is(CoreError::WouldBlock));
        ///     let _ = theirs.try_recv(&mut received);
        /// }
        /// theirs.recv(&mut received)?;
        /// assert_eq!(received, message);
        ///
        /// let soon = Some(Instant::now() + Duration::from_millis(5));
        /// assert!(ours.send_deadline(&message, soon).unwrap_err().is(CoreError::TimedOut));
        /// drop(theirs);
        /// assert!(ours.send(&message).is_err());
        /// # Ok::<(), ringway::Error>(())
        /// ```
        #[doc(alias = "send_bytes")]
        pub fn send,
        pub fn try_send,
        pub fn send_deadline: (&self, message: &[u8]) -> () = send_bytes;
    }

    pub(super) fn send_bytes(&self, message: &[u8], timeout: Timeout) -> Result<()> {
        if message.len() > self.max {
            return Err(Error::new(SEND, CoreError::MessageTooLarge { max: self.max }));
        }
        let mut outgoing = connection::lock(&self.outgoing, SEND, timeout)?;
        if outgoing.sent > 0 && outgoing.message != message {
            return Err(Error::new("send a message while another is half sent", Errno::BUSY));
        }
        let (length, count) = frame::encode(message.len());
        let length = length.get(..count).unwrap_or_default();
        let Outgoing { message: half, mut sent } = std::mem::take(&mut *outgoing);
        while sent < length.len() + message.len() {
            let first = length.get(sent..).unwrap_or_default();
            let rest = message.get(sent.saturating_sub(length.len())..).unwrap_or_default();
            let slices = [IoSlice::new(first), IoSlice::new(rest)];
            match self.stream.send_slices(&slices, timeout) {
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
