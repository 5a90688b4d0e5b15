//! Descriptors that travel with bytes or messages (`SCM_RIGHTS`).

use super::message::{RECEIVE, SEND, STAMP, fits};
use super::{Patience, Socket, Type, Unix, recv_flags, send_flags};
use crate::fd::Interest;
use crate::{Error, Result, channel};
use ringway_core::channel::{Event, State};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SocketType,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Instant;

/// The most descriptors that can travel together (the kernel's `SCM_MAX_FD`).
///
/// ```
/// assert_eq!(ringway::socket::MAX_DESCRIPTORS, 253);
/// ```
#[doc(alias = "SCM_MAX_FD")]
pub const MAX_DESCRIPTORS: usize = 253;

/// What came: so many bytes in the buffer, and these descriptors.
#[derive(Debug)]
pub struct Received {
    /// The bytes of the message, or those that the stream had. 0 on a stream is the end of file.
    pub size: usize,
    /// The descriptors, in the order in which they were sent; close-on-exec.
    pub descriptors: Vec<OwnedFd>,
}

/// All kinds of Unix sockets carry descriptors.
impl<T: Type> Socket<Unix, T> {
    /// Sends bytes, or a message, and descriptors with it; waits for room. The receiver gets descriptors of its own for
    /// the same open files, and ours stay ours. Returns how many bytes were sent: on a stream maybe fewer than
    /// `data`; the descriptors go with the first.
    ///
    /// # Errors
    /// `EINVAL` for more than [`MAX_DESCRIPTORS`], or for none of `data` on a stream, where descriptors need at least one
    /// byte to travel with. `ETOOMANYREFS` if too many are under way. Else as writing or sending
    /// ([sendmsg(2)](https://man7.org/linux/man-pages/man2/sendmsg.2.html),
    /// [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html)).
    ///
    /// ```
    /// use ringway::socket::UnixStream;
    /// use std::io::{Read, Write};
    /// use std::os::fd::AsFd;
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let (mut reader, writer) = std::io::pipe().unwrap();
    /// ours.send_descriptors(b"a pipe's writer", &[writer.as_fd()])?;
    /// drop(writer);
    ///
    /// let mut buf = [0; 32];
    /// let received = theirs.recv_descriptors(&mut buf, 1)?;
    /// assert_eq!(&buf[..received.size], b"a pipe's writer");
    /// let mut writer = std::fs::File::from(received.descriptors.into_iter().next().unwrap());
    /// writer.write_all(b"through it").unwrap();
    /// drop(writer);
    /// let mut all = String::new();
    /// reader.read_to_string(&mut all).unwrap();
    /// assert_eq!(all, "through it");
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "sendmsg")]
    #[doc(alias = "SCM_RIGHTS")]
    pub fn send_descriptors(&self, data: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<usize> {
        self.send_rights(&[IoSlice::new(data)], descriptors, Patience::Forever)
    }

    /// [`send_descriptors`](Self::send_descriptors) without waiting.
    ///
    /// # Errors
    /// [`WouldBlock`](channel::Error::WouldBlock) if there is no room; else as
    /// [`send_descriptors`](Self::send_descriptors).
    ///
    /// ```
    /// use std::os::fd::AsFd;
    /// let (ours, _theirs) = ringway::socket::UnixDatagram::pair()?;
    /// ours.try_send_descriptors(b"", &[ours.as_fd()])?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn try_send_descriptors(
        &self,
        data: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<usize> {
        self.send_rights(&[IoSlice::new(data)], descriptors, Patience::Now)
    }

    /// [`send_descriptors`](Self::send_descriptors), waiting at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](channel::Error::TimedOut) when it passed first; else as
    /// [`send_descriptors`](Self::send_descriptors).
    ///
    /// ```
    /// use std::os::fd::AsFd;
    /// use std::time::{Duration, Instant};
    /// let (ours, _theirs) = ringway::socket::UnixSeqpacket::pair()?;
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// ours.send_descriptors_deadline(b"message", &[ours.as_fd()], soon)?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn send_descriptors_deadline(
        &self,
        data: &[u8],
        descriptors: &[BorrowedFd<'_>],
        deadline: Instant,
    ) -> Result<usize> {
        self.send_rights(&[IoSlice::new(data)], descriptors, Patience::Until(deadline))
    }

    /// Receives bytes, or a message, and at most `room` descriptors with it; waits. A stream gives the bytes up to
    /// where the next descriptors come.
    ///
    /// No descriptor leaks: those that came are closed unless they are returned, and every one is close-on-exec
    /// from the moment it exists here.
    ///
    /// # Errors
    /// [`Exhausted`](channel::Error::Exhausted) if more came than `room`, or than this process may still open: those
    /// that did come are closed, the system drops the others, and the bytes or the message are lost too. On a stream
    /// that leaves a gap: end the conversation. Else as reading or receiving
    /// ([recvmsg(2)](https://man7.org/linux/man-pages/man2/recvmsg.2.html)).
    ///
    /// ```
    /// use ringway::{channel, socket::UnixSeqpacket};
    /// use std::os::fd::AsFd;
    /// let (ours, theirs) = UnixSeqpacket::pair()?;
    /// ours.send_descriptors(b"two", &[ours.as_fd(), theirs.as_fd()])?;
    /// let error = theirs.recv_descriptors(&mut [0; 8], 1).unwrap_err();
    /// assert!(error.is(channel::Error::Exhausted));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "recvmsg")]
    #[doc(alias = "SCM_RIGHTS")]
    pub fn recv_descriptors(&self, buf: &mut [u8], room: usize) -> Result<Received> {
        self.receive_rights(buf, room, Patience::Forever)
    }

    /// [`recv_descriptors`](Self::recv_descriptors) without waiting.
    ///
    /// # Errors
    /// [`WouldBlock`](channel::Error::WouldBlock) if nothing is there; else as
    /// [`recv_descriptors`](Self::recv_descriptors).
    ///
    /// ```
    /// use ringway::{channel, socket::UnixStream};
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let error = ours.try_recv_descriptors(&mut [0; 8], 1).unwrap_err();
    /// assert!(error.is(channel::Error::WouldBlock));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn try_recv_descriptors(&self, buf: &mut [u8], room: usize) -> Result<Received> {
        self.receive_rights(buf, room, Patience::Now)
    }

    /// [`recv_descriptors`](Self::recv_descriptors), waiting at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](channel::Error::TimedOut) when it passed first; else as
    /// [`recv_descriptors`](Self::recv_descriptors).
    ///
    /// ```
    /// use ringway::{channel, socket::UnixStream};
    /// use std::time::{Duration, Instant};
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let soon = Instant::now() + Duration::from_millis(5);
    /// let error = ours.recv_descriptors_deadline(&mut [0; 8], 1, soon).unwrap_err();
    /// assert!(error.is(channel::Error::TimedOut));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn recv_descriptors_deadline(
        &self,
        buf: &mut [u8],
        room: usize,
        deadline: Instant,
    ) -> Result<Received> {
        self.receive_rights(buf, room, Patience::Until(deadline))
    }

    pub(crate) fn send_rights(
        &self,
        data: &[IoSlice<'_>],
        descriptors: &[BorrowedFd<'_>],
        patience: Patience,
    ) -> Result<usize> {
        if descriptors.len() > MAX_DESCRIPTORS {
            return Err(Error::new("send more than 253 descriptors at once", Errno::INVAL));
        }
        if T::TYPE == SocketType::STREAM && data.iter().all(|slice| slice.is_empty()) {
            // The system would drop the descriptors without a word.
            return Err(Error::new("send descriptors without a byte", Errno::INVAL));
        }
        if T::CONNECTED {
            self.state().on(Event::Send).map_err(|reason| Error::new(SEND, reason))?;
        }
        self.attempt(Interest::Write, patience, |at_once| {
            let mut space = Control::new();
            let mut control = SendAncillaryBuffer::new(&mut space.0);
            if !descriptors.is_empty()
                && !control.push(SendAncillaryMessage::ScmRights(descriptors))
            {
                return Err(Errno::INVAL);
            }
            rustix::net::sendmsg(&self.fd, data, &mut control, send_flags(at_once))
        })
        .map_err(|errno| self.not_sent(errno))
    }

    pub(crate) fn receive_rights(
        &self,
        buf: &mut [u8],
        room: usize,
        patience: Patience,
    ) -> Result<Received> {
        let messages = T::TYPE != SocketType::STREAM;
        let patience = match self.may_receive(patience) {
            Ok(patience) => patience,
            Err(channel::Error::EndOfFile) if !messages => {
                return Ok(Received { size: 0, descriptors: Vec::new() });
            }
            Err(reason) => return Err(Error::new(RECEIVE, reason)),
        };
        // For no more than asked for: what does not fit the kernel does not even open.
        let length = T::STAMP + control_length(room.min(MAX_DESCRIPTORS));
        let mut descriptors = Vec::new();
        // Only a seqpacket has an end that is not a size, and marks what is none.
        let has_end = messages && T::CONNECTED;
        let is_end = |(size, _, marked): &(usize, _, bool)| has_end && *size == 0 && !marked;
        let (size, flags, marked) = self
            .attempt_receive(patience, is_end, |at_once| {
                let mut space = Control::new();
                let mut control =
                    RecvAncillaryBuffer::new(space.0.get_mut(..length).unwrap_or_default());
                let mut flags = recv_flags(at_once) | RecvFlags::CMSG_CLOEXEC;
                flags.set(RecvFlags::TRUNC, messages);
                let slices = &mut [IoSliceMut::new(buf)];
                let message = rustix::net::recvmsg(&self.fd, slices, &mut control, flags)?;
                for part in control.drain() {
                    if let RecvAncillaryMessage::ScmRights(rights) = part {
                        descriptors.extend(rights);
                    }
                }
                drop(control);
                Ok((message.bytes, message.flags, space.was_filled()))
            })
            .map_err(|errno| self.not_received(errno))?;

        // From here on whatever returns early drops, and so closes, what came.
        if flags.contains(ReturnFlags::CTRUNC) || descriptors.len() > room {
            return Err(Error::new(
                "receive every descriptor that was sent (those that came are closed)",
                channel::Error::Exhausted,
            ));
        }
        if messages {
            if is_end(&(size, flags, marked)) {
                return Err(self.ended());
            }
            fits(size, buf.len())?;
        } else if size == 0 && !buf.is_empty() {
            if self.state() == State::Reset {
                return Err(Error::new(RECEIVE, channel::Error::Reset));
            }
            self.learn(Event::PeerShutSend);
        }
        Ok(Received { size, descriptors })
    }
}

/// Room for control data: a time stamp and as many descriptors as can come.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; CONTROL]);

const CONTROL: usize = STAMP + control_length(MAX_DESCRIPTORS);

impl Control {
    fn new() -> Self {
        Control([MaybeUninit::new(0); CONTROL])
    }

    /// Whether the kernel put anything there: control data begins with its length, which is not 0.
    fn was_filled(&self) -> bool {
        self.0.iter().take(size_of::<usize>()).any(|byte| {
            // SAFETY: every byte was initialised in `new`, and the kernel writes nothing uninitialised.
            unsafe { byte.assume_init() != 0 }
        })
    }
}

/// A header and so many descriptors, rounded up as the system's own walk through the headers wants it: without that it
/// overlooks the last one, and whatever is in it. An odd number leaves room for one more.
const fn control_length(descriptors: usize) -> usize {
    let bytes = (descriptors * size_of::<libc::c_int>()) as libc::c_uint;
    // SAFETY: it computes; the callers stay far below the bounds of the type.
    unsafe { libc::CMSG_SPACE(bytes) as usize }
}
