//! Receiving messages, with descriptors or without.

use super::buffer::{Buffer, Target};
use super::end::Connection;
use super::part::{self, Incoming};
use crate::fd::Timeout;
use crate::socket::MAX_DESCRIPTORS;
use crate::{CoreError, Error, Result};
use std::os::fd::OwnedFd;
use std::time::Instant;

const RECEIVE: &str = "receive a message";

impl Connection {
    crate::fd::forms! {
        /// Receives one message into `message`, and returns its size in bytes.
        ///
        /// It replaces the contents of `message`, and waits until the whole message has come. A
        /// `Vec` grows to the size of the message; a slice or an array has to be large enough. The
        /// system drops descriptors that come with the message, and never opens them here. When a
        /// form gives up in the middle, the end keeps the part that has come for the next call.
        ///
        /// # Errors
        /// [`EndOfFile`](CoreError::EndOfFile) when the peer has left and everything was received;
        /// [`Reset`](CoreError::Reset) if it left in the middle of a message, or with something
        /// unread; [`MessageTooLarge`](CoreError::MessageTooLarge) if the peer announces a message
        /// above the [limit](Self::with_max_message): drop the connection then, since it can carry
        /// nothing else; [`BufferTooSmall`](CoreError::BufferTooSmall) with the size of the
        /// message, which stays for the next call; [`WrongDirection`](CoreError::WrongDirection) if
        /// this end only sends. After an error a `Vec` is empty.
        ///
        /// ```
        /// use ringway::CoreError;
        /// use std::time::{Duration, Instant};
        /// let (ours, theirs) = ringway::connection::pair()?;
        /// let mut message = Vec::new();
        /// assert!(ours.try_recv(&mut message).unwrap_err().is(CoreError::WouldBlock));
        /// let soon = Some(Instant::now() + Duration::from_millis(5));
        /// assert!(ours.recv_deadline(&mut message, soon).unwrap_err().is(CoreError::TimedOut));
        ///
        /// theirs.send(b"hello")?;
        /// theirs.send(b"again")?;
        /// drop(theirs);
        /// assert_eq!(ours.recv(&mut message)?, 5);
        /// assert_eq!(message, b"hello");
        /// // Into a buffer:
        /// let error = ours.recv(&mut [0; 2]).unwrap_err();
        /// assert!(error.is(CoreError::BufferTooSmall { needed: 5 }));
        /// let mut buf = [0; 8];
        /// let size = ours.recv(&mut buf)?;
        /// assert_eq!(&buf[..size], b"again");
        /// assert!(ours.recv(&mut message).unwrap_err().is(CoreError::EndOfFile));
        /// # Ok::<(), ringway::Error>(())
        /// ```
        pub fn recv,
        pub fn try_recv,
        pub fn recv_deadline:
        (&self, message: &mut (impl Buffer + ?Sized)) -> usize = recv_bytes;
    }

    /// Receives one message, and at most `room` descriptors with it.
    ///
    /// It waits as [`recv_deadline`](Self::recv_deadline) does. The descriptors are close-on-exec.
    ///
    /// If a form without descriptors began to receive a message and left it for the next call, its
    /// descriptors are lost: use this form from the start where they matter.
    ///
    /// # Errors
    /// [`Exhausted`](CoreError::Exhausted) if more descriptors came than `room`: the message stays
    /// for the next call, with its descriptors, at most
    /// [`MAX_DESCRIPTORS`](crate::socket::MAX_DESCRIPTORS). Also `Exhausted` if this process may
    /// not open all that came: they are closed, this message is lost, and the next call receives
    /// the next one. Otherwise as [`recv_deadline`](Self::recv_deadline).
    ///
    /// ```
    /// use ringway::{CoreError, connection};
    /// use std::os::fd::AsFd;
    /// let (ours, theirs) = connection::pair()?;
    /// ours.send_descriptors(b"two", &[ours.as_fd(), ours.as_fd()], None)?;
    /// let mut message = Vec::new();
    /// let error = theirs.recv_descriptors(&mut message, 1, None).unwrap_err();
    /// assert!(error.is(CoreError::Exhausted));
    /// assert_eq!(theirs.recv_descriptors(&mut message, 2, None)?.len(), 2);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SCM_RIGHTS")]
    pub fn recv_descriptors(
        &self,
        message: &mut (impl Buffer + ?Sized),
        room: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<OwnedFd>> {
        let timeout = Timeout::Until(deadline);
        self.recv_message(message.target(), Some(room), timeout).map(|(_, came)| came)
    }

    fn recv_bytes(&self, message: &mut (impl Buffer + ?Sized), timeout: Timeout) -> Result<usize> {
        self.recv_message(message.target(), None, timeout).map(|(size, _)| size)
    }

    /// Receives one message, and the descriptors that came with it; `room` is `None` for no
    /// descriptors.
    fn recv_message(
        &self,
        mut target: Target<'_>,
        room: Option<usize>,
        timeout: Timeout,
    ) -> Result<(usize, Vec<OwnedFd>)> {
        target.clear();
        let failed = |reason| Error::new(RECEIVE, reason);
        let mut incoming = part::lock(&self.incoming, RECEIVE, timeout)?;
        let length = loop {
            self.recv_length(&mut incoming, room.is_some(), timeout)?;
            let length = u32::from_le_bytes(incoming.length) as usize;
            if length > self.max {
                return Err(failed(CoreError::MessageTooLarge { max: self.max }));
            }
            if incoming.discarded.is_none() {
                break length;
            }
            self.discard(&mut incoming, length, timeout)?;
        };
        if !target.fits(length) {
            return Err(failed(CoreError::BufferTooSmall { needed: length }));
        }
        if room.is_some_and(|room| room < incoming.descriptors.len()) {
            return Err(Error::new(
                "receive every descriptor that was sent (the message stays)",
                CoreError::Exhausted,
            ));
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
        let descriptors = std::mem::take(&mut incoming.descriptors);
        Ok((length, if room.is_some() { descriptors } else { Vec::new() }))
    }

    /// Receives the missing bytes of the length, and the descriptors if they are asked for.
    ///
    /// Descriptors travel with the first byte. The system drops those that a peer sends with other
    /// bytes, so that no peer can have more than one message's descriptors opened here.
    fn recv_length(
        &self,
        incoming: &mut Incoming,
        with_descriptors: bool,
        timeout: Timeout,
    ) -> Result<()> {
        while let Some(missing @ [_, ..]) = incoming.length.get_mut(incoming.known..) {
            let is_first = incoming.known == 0;
            incoming.known += if with_descriptors && is_first {
                let rights = self.socket.recv_rights(missing, MAX_DESCRIPTORS, timeout)?;
                if rights.lost {
                    incoming.known = rights.received.size;
                    incoming.discarded = Some(0);
                    return Err(Error::new(ALL, CoreError::Exhausted));
                }
                incoming.descriptors = rights.received.descriptors;
                some(rights.received.size, CoreError::EndOfFile)?
            } else {
                let end = if is_first { CoreError::EndOfFile } else { CoreError::Reset };
                self.some_bytes(missing, end, timeout)?
            };
        }
        Ok(())
    }

    /// Receives at least one byte into `buf`; returns the error `end` if none will come.
    fn some_bytes(&self, buf: &mut [u8], end: CoreError, timeout: Timeout) -> Result<usize> {
        some(self.socket.recv_bytes(buf, timeout)?, end)
    }

    /// Receives and discards the rest of a message, and prepares for the next one.
    fn discard(&self, incoming: &mut Incoming, length: usize, timeout: Timeout) -> Result<()> {
        let mut piece = [0; 4096];
        while let Some(left) =
            incoming.discarded.filter(|done| *done < length).map(|done| length - done)
        {
            let room = piece.get_mut(..left.min(4096)).unwrap_or_default();
            let size = self.some_bytes(room, CoreError::Reset, timeout)?;
            incoming.discarded = incoming.discarded.map(|before| before + size);
        }
        *incoming = Incoming::default();
        Ok(())
    }
}

fn some(count: usize, end: CoreError) -> Result<usize> {
    if count == 0 { Err(Error::new(RECEIVE, end)) } else { Ok(count) }
}

const ALL: &str =
    "receive every descriptor that was sent (the message is lost; the next one is not)";
