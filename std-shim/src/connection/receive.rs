//! Receiving messages, with descriptors or without.

use super::buffer::{Buffer, Place};
use super::end::{Connection, wrong_direction};
use super::part::Incoming;
use crate::fd::Timeout;
use crate::socket::MAX_DESCRIPTORS;
use crate::{CoreError, Error, Result};
use std::os::fd::OwnedFd;
use std::time::Instant;

const RECEIVE: &str = "receive a message";

impl Connection {
    /// Receives one message into `message`, in place of what was there, and returns its size; waits
    /// until all of it has come. A `Vec` grows to the size of the message; a slice or an array has
    /// to be large enough. Descriptors that come with it are dropped by the system, and never open
    /// here.
    ///
    /// # Errors
    /// [`EndOfFile`](CoreError::EndOfFile) when the peer has left and everything was received;
    /// [`Reset`](CoreError::Reset) if it left in the middle of a message, or with something unread;
    /// [`MessageTooLarge`](CoreError::MessageTooLarge) if the peer says that it sends more than the
    /// [limit](Self::with_max_message): end the conversation, nothing else can come;
    /// [`BufferTooSmall`](CoreError::BufferTooSmall) with the size of the message, which stays for the next call;
    /// [`WrongDirection`](CoreError::WrongDirection) if this end only sends. After an error a `Vec` is empty.
    ///
    /// ```
    /// use ringway::CoreError;
    /// let (ours, theirs) = ringway::connection::pair()?;
    /// theirs.send(b"hello")?;
    /// drop(theirs);
    /// let mut message = Vec::new();
    /// assert_eq!(ours.recv(&mut message)?, 5);
    /// assert_eq!(message, b"hello");
    /// assert!(ours.recv(&mut message).unwrap_err().is(CoreError::EndOfFile));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    ///
    /// Into a buffer:
    ///
    /// ```
    /// use ringway::CoreError;
    /// let (ours, theirs) = ringway::connection::pair()?;
    /// theirs.send(b"hello")?;
    /// let error = ours.recv(&mut [0; 2]).unwrap_err();
    /// assert!(error.is(CoreError::BufferTooSmall { needed: 5 }));
    /// let mut buf = [0; 8];
    /// assert_eq!(ours.recv(&mut buf)?, 5);
    /// assert_eq!(&buf[..5], b"hello");
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn recv(&self, message: &mut (impl Buffer + ?Sized)) -> Result<usize> {
        self.recv_deadline(message, None)
    }

    /// [`recv`](Self::recv) without waiting. What has come of a message is kept for the next call.
    ///
    /// # Errors
    /// [`WouldBlock`](CoreError::WouldBlock) if no message is there, or not all of it; else as [`recv`](Self::recv).
    ///
    /// ```
    /// use ringway::CoreError;
    /// let (ours, _theirs) = ringway::connection::pair()?;
    /// assert!(ours.try_recv(&mut Vec::new()).unwrap_err().is(CoreError::WouldBlock));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn try_recv(&self, message: &mut (impl Buffer + ?Sized)) -> Result<usize> {
        self.recv_message(message.place(), None, Timeout::Now).map(|(size, _)| size)
    }

    /// [`recv`](Self::recv), waiting at most until `deadline`. What has come of a message is kept for the next call.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut) when it passed first; else as [`recv`](Self::recv).
    ///
    /// ```
    /// use ringway::CoreError;
    /// use std::time::{Duration, Instant};
    /// let (ours, _theirs) = ringway::connection::pair()?;
    /// let soon = Instant::now() + Duration::from_millis(5);
    /// let late = ours.recv_deadline(&mut Vec::new(), Some(soon)).unwrap_err();
    /// assert!(late.is(CoreError::TimedOut));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn recv_deadline(
        &self,
        message: &mut (impl Buffer + ?Sized),
        deadline: Option<Instant>,
    ) -> Result<usize> {
        let timeout = Timeout::Until(deadline);
        self.recv_message(message.place(), None, timeout).map(|(size, _)| size)
    }

    /// Receives one message as [`recv_deadline`](Self::recv_deadline) does, and at most `room`
    /// descriptors with it. They are close-on-exec.
    ///
    /// A message that a form without descriptors began to receive, and left for the next call, has lost its descriptors:
    /// begin with this form where they matter.
    ///
    /// # Errors
    /// [`Exhausted`](CoreError::Exhausted) if more came than `room`: the message stays for the next call, with
    /// them, at most [`MAX_DESCRIPTORS`](crate::socket::MAX_DESCRIPTORS). Also `Exhausted` if this process may not open all that
    /// came: they are closed, this message is lost, and the next call receives the next one. Else as
    /// [`recv_deadline`](Self::recv_deadline).
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
        self.recv_message(message.place(), Some(room), timeout).map(|(_, came)| came)
    }

    /// Receives one message, and the descriptors that came with it if there is `room` for any.
    fn recv_message(
        &self,
        mut place: Place<'_>,
        room: Option<usize>,
        timeout: Timeout,
    ) -> Result<(usize, Vec<OwnedFd>)> {
        place.clear();
        if !self.receives {
            return Err(wrong_direction(RECEIVE));
        }
        let failed = |reason| Error::new(RECEIVE, reason);
        let mut incoming = self.incoming.take(timeout).map_err(failed)?;
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
        if !place.fits(length) {
            return Err(failed(CoreError::BufferTooSmall { needed: length }));
        }
        if room.is_some_and(|room| room < incoming.descriptors.len()) {
            return Err(Error::new(
                "receive every descriptor that was sent (the message stays)",
                CoreError::Exhausted,
            ));
        }

        let mut came = place.put(std::mem::take(&mut incoming.part));
        while came < length {
            match self.socket.recv_bytes(place.rest(came, length), timeout) {
                Ok(0) => {
                    incoming.part = place.take(came);
                    return Err(failed(CoreError::Reset));
                }
                Ok(count) => came += count,
                Err(error) => {
                    incoming.part = place.take(came);
                    return Err(error);
                }
            }
        }
        incoming.known = 0;
        let descriptors = std::mem::take(&mut incoming.descriptors);
        Ok((length, if room.is_some() { descriptors } else { Vec::new() }))
    }

    /// Receives what is missing of the length, and the descriptors if they are asked for. They travel with the first byte:
    /// what a peer sends with others the system drops, so that no peer can have more than one message's opened here.
    fn recv_length(
        &self,
        incoming: &mut Incoming,
        with_descriptors: bool,
        timeout: Timeout,
    ) -> Result<()> {
        while let Some(missing) =
            incoming.length.get_mut(incoming.known..).filter(|it| !it.is_empty())
        {
            let size = if with_descriptors && incoming.known == 0 {
                let rights = self.socket.recv_rights(missing, MAX_DESCRIPTORS, timeout)?;
                if rights.lost {
                    incoming.known = rights.received.size;
                    incoming.discarded = Some(0);
                    return Err(Error::new(ALL, CoreError::Exhausted));
                }
                incoming.descriptors = rights.received.descriptors;
                rights.received.size
            } else {
                self.socket.recv_bytes(missing, timeout)?
            };
            if size == 0 {
                return Err(Error::new(
                    RECEIVE,
                    match incoming.known {
                        0 => CoreError::EndOfFile,
                        _ => CoreError::Reset,
                    },
                ));
            }
            incoming.known += size;
        }
        Ok(())
    }

    /// Throws the rest of a message away, and is ready for the next one.
    fn discard(&self, incoming: &mut Incoming, length: usize, timeout: Timeout) -> Result<()> {
        let mut piece = [0; 4096];
        while let Some(left) =
            length.checked_sub(incoming.discarded.unwrap_or(length)).filter(|left| *left > 0)
        {
            let room = piece.get_mut(..left.min(4096)).unwrap_or_default();
            match self.socket.recv_bytes(room, timeout)? {
                0 => return Err(Error::new(RECEIVE, CoreError::Reset)),
                size => incoming.discarded = incoming.discarded.map(|before| before + size),
            }
        }
        *incoming = Incoming::default();
        Ok(())
    }
}

const ALL: &str =
    "receive every descriptor that was sent (the message is lost; the next one is not)";
