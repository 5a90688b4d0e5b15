//! The sides of a connection: streams of bytes, or packets.

use super::super::attempt::{Attempt, future, now, poll, wait};
use super::super::bytes::{or_end, reading, writing};
use super::super::pipe::{Reader, Writer};
use super::super::{Event, State};
use crate::Error;
use crate::buffer::{Buffer, poll_into, recv_into};
use crate::ring::bytes::HEADER;
use crate::wait::{Register, Spin, Wait, Wake};
use core::future::poll_fn;
use core::task::{Context, Poll};

/// The directions to end (`shutdown(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Shutdown {
    /// This side reads no more.
    ///
    /// The peer's next send fails with a broken pipe, and what it sent before is discarded.
    Read,
    /// This side sends no more. The peer reads what was sent, then finds the end of file.
    Write,
    /// Both directions.
    Both,
}

/// The two directions of one side; `None` for a direction that this side shut.
#[derive(Debug)]
pub(super) struct Halves<'a, const N: usize, W: Wake> {
    recv: Option<Reader<'a, N, W>>,
    send: Option<Writer<'a, N, W>>,
}

impl<'a, const N: usize, W: Wake> Halves<'a, N, W> {
    pub(super) fn new(recv: Reader<'a, N, W>, send: Writer<'a, N, W>) -> Self {
        Halves { recv: Some(recv), send: Some(send) }
    }

    fn state(&mut self) -> State {
        let send = match self.send.as_ref().map(Writer::state) {
            None => Some(Event::ShutSend),
            Some(state) if state.can_send() => None,
            Some(_) => Some(Event::PeerShutRecv),
        };
        let recv = match self.recv.as_mut().map(Reader::state) {
            None => Some(Event::ShutRecv),
            Some(State::Reset) => Some(Event::Reset),
            Some(state) if state.can_recv() => None,
            Some(_) => Some(Event::PeerShutSend),
        };
        [send, recv]
            .into_iter()
            .flatten()
            .fold(State::STREAM, |state, event| state.on(event).unwrap_or(state))
    }

    /// Closes the halves that `how` names. The peer then finds no reader, or no writer.
    fn shutdown(&mut self, how: Shutdown) {
        // Take both halves before dropping the first: dropping it wakes the peer.
        let recv = if how == Shutdown::Write { None } else { self.recv.take() };
        let send = if how == Shutdown::Read { None } else { self.send.take() };
        drop((recv, send));
    }

    /// Returns the half that receives.
    ///
    /// # Errors
    /// What [`State::on`] says once this side has shut it: [`Error::EndOfFile`].
    fn recv(&mut self) -> Result<&mut Reader<'a, N, W>, Error> {
        self.recv.as_mut().ok_or(refusal(Event::ShutRecv, Event::Recv))
    }

    /// Returns the half that sends.
    ///
    /// # Errors
    /// What [`State::on`] says once this side has shut it: [`Error::BrokenPipe`].
    fn send(&mut self) -> Result<&mut Writer<'a, N, W>, Error> {
        self.send.as_mut().ok_or(refusal(Event::ShutSend, Event::Send))
    }
}

/// Returns why a stream cannot do what `event` asks for after `before` has happened.
fn refusal(before: Event, event: Event) -> Error {
    State::STREAM.on(before).and_then(|state| state.on(event)).err().unwrap_or(Error::Closed)
}

/// One side of a connection that carries bytes both ways (`SOCK_STREAM`).
///
/// Dropping it closes both directions.
///
/// The peer may read the bytes of one write in several parts. [`try_write`](Self::try_write) writes
/// as many bytes as fit.
///
/// ```
/// use ringway_core::Error;
/// use ringway_core::channel::socket::{Connection, Shutdown};
/// let mut pair = Connection::<16>::new();
/// let (mut here, mut there) = pair.split();
/// here.try_write(b"question").unwrap();
/// here.shutdown(Shutdown::Write);
/// let mut out = [0; 16];
/// assert_eq!(there.try_read(&mut out), Ok(8));
/// assert_eq!(there.try_read(&mut out), Ok(0), "half of it is closed");
/// there.try_write(b"answer").unwrap();
/// assert_eq!(here.try_read(&mut out), Ok(6));
/// ```
#[derive(Debug)]
pub struct Stream<'a, const N: usize, W: Wake = Spin> {
    halves: Halves<'a, N, W>,
}

impl<'a, const N: usize, W: Wake> Stream<'a, N, W> {
    pub(super) fn new(halves: Halves<'a, N, W>) -> Self {
        Stream { halves }
    }

    /// Returns the state of this side.
    ///
    /// ```
    /// use ringway_core::channel::{Direction, State};
    /// use ringway_core::channel::socket::Connection;
    /// let mut pair = Connection::<16>::new();
    /// let (mut here, there) = pair.split();
    /// assert_eq!(here.state(), State::STREAM);
    /// drop(there);
    /// let (send, recv) = (Direction::Ended, Direction::Ended);
    /// assert_eq!(here.state(), State::Connected { send, recv });
    /// ```
    pub fn state(&mut self) -> State {
        self.halves.state()
    }

    /// Ends one direction or both for good.
    ///
    /// Ending a direction again changes nothing.
    pub fn shutdown(&mut self, how: Shutdown) {
        self.halves.shutdown(how);
    }

    /// Splits this side into its two directions, so that two contexts can use them.
    ///
    /// They are ends of two pipes. `None` stands for a direction that this side shut.
    ///
    /// The writer writes as a pipe's writer does: up to
    /// [`Pipe::ATOMIC`](super::super::pipe::Pipe::ATOMIC) bytes all or nothing.
    ///
    /// ```
    /// use ringway_core::channel::socket::Connection;
    /// let mut pair = Connection::<16>::new();
    /// let (here, mut there) = pair.split();
    /// let (mut recv, mut send) = here.into_split();
    /// assert_eq!(send.as_mut().unwrap().try_write(b"hi"), Ok(2));
    /// assert_eq!(there.try_write(b"hello"), Ok(5));
    /// assert_eq!(recv.as_mut().unwrap().try_read(&mut [0; 8]), Ok(5));
    /// ```
    pub fn into_split(self) -> (Option<Reader<'a, N, W>>, Option<Writer<'a, N, W>>) {
        (self.halves.recv, self.halves.send)
    }

    fn is_atomic(_bytes: &[u8]) -> bool {
        false
    }

    fn reader(&mut self) -> Result<&mut Reader<'a, N, W>, Error> {
        self.halves.recv()
    }

    fn writer(&mut self) -> Result<&mut Writer<'a, N, W>, Error> {
        self.halves.send()
    }

    /// Returns whether a read would not wait.
    #[cfg(feature = "embedded-io")]
    pub(in crate::channel) fn is_readable(&mut self) -> bool {
        self.halves.recv().map_or(true, Reader::is_ready)
    }

    /// Returns whether a write would not wait.
    #[cfg(feature = "embedded-io")]
    pub(in crate::channel) fn is_writable(&mut self) -> bool {
        self.halves.send().map_or(true, |half| half.has_room(1))
    }
}

reading!(Stream);
writing!(Stream);

/// One side of a connection that carries messages both ways (`SOCK_SEQPACKET`).
///
/// Each receive takes the message of one send. Dropping it closes both directions.
///
/// A message may be empty, so the end of file is an error here, [`Error::EndOfFile`]. Unlike in
/// POSIX, a message that is larger than the buffer stays in the channel and is not cut.
///
/// ```
/// use ringway_core::Error;
/// use ringway_core::channel::socket::Connection;
/// let mut pair = Connection::<32>::new();
/// let (mut here, mut there) = pair.split_packets();
/// here.try_send(b"one").unwrap();
/// here.try_send(b"").unwrap();
/// let mut out = [0; 8];
/// assert_eq!(there.try_recv(&mut out[..2]), Err(Error::BufferTooSmall { needed: 3 }));
/// assert_eq!(there.try_recv(&mut out), Ok(3));
/// assert_eq!(there.try_recv(&mut out), Ok(0), "an empty message");
/// assert_eq!(there.try_recv(&mut out), Err(Error::WouldBlock));
/// drop(here);
/// assert_eq!(there.try_recv(&mut out), Err(Error::EndOfFile));
/// ```
#[derive(Debug)]
pub struct Packets<'a, const N: usize, W: Wake = Spin> {
    halves: Halves<'a, N, W>,
}

impl<'a, const N: usize, W: Wake> Packets<'a, N, W> {
    /// The largest message, in bytes: `N - 4`, because each message takes 4 more in the channel.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::socket::{Connection, Packets};
    /// assert_eq!(Packets::<32>::MAX, 28);
    /// let mut pair = Connection::<32>::new();
    /// let (mut here, _there) = pair.split_packets();
    /// assert_eq!(here.try_send(&[0; 29]), Err(Error::MessageTooLarge { max: 28 }));
    /// ```
    pub const MAX: usize = N.saturating_sub(HEADER);

    pub(super) fn new(halves: Halves<'a, N, W>) -> Self {
        Packets { halves }
    }

    /// Returns the state of this side.
    pub fn state(&mut self) -> State {
        self.halves.state()
    }

    /// Ends one direction or both for good.
    ///
    /// Ending a direction again changes nothing.
    pub fn shutdown(&mut self, how: Shutdown) {
        self.halves.shutdown(how);
    }

    /// Sends a message; never waits.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no room now, [`Error::MessageTooLarge`] when the message
    /// is longer than [`MAX`](Self::MAX), [`Error::BrokenPipe`] when the peer receives no more or
    /// this side ended its sending. After an error, nothing was sent.
    pub fn try_send(&mut self, message: &[u8]) -> Result<(), Error> {
        now(self.attempt_send(message).ok())
    }

    /// Receives a message into `out` and returns its size; never waits.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when no message is there now; [`Error::BufferTooSmall`] when the
    /// message is larger than `out`, and it stays in the channel; [`Error::EndOfFile`] when the
    /// peer sends no more and every message was received, or this side ended its receiving;
    /// [`Error::Reset`] when the listener closed before it accepted the connection.
    pub fn try_recv(&mut self, out: &mut (impl Buffer + ?Sized)) -> Result<usize, Error> {
        recv_into(out, |out| now(self.attempt_recv(out).ok()))
    }

    fn attempt_send(&mut self, message: &[u8]) -> Attempt<'a, (), W> {
        match self.halves.send() {
            Ok(half) => half.attempt_message(message).ok_or(half.bell()),
            Err(error) => Ok(Err(error)),
        }
    }

    fn attempt_recv(&mut self, out: &mut [u8]) -> Attempt<'a, usize, W> {
        match self.halves.recv() {
            Ok(half) => half.attempt_message(out).ok_or(half.bell()),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl<const N: usize, W: Wait> Packets<'_, N, W> {
    /// Sends a message; waits for room.
    ///
    /// # Errors
    /// Those of [`try_send`](Self::try_send) except [`Error::WouldBlock`].
    pub fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        self.send_deadline(message, None)
    }

    /// Does [`send`](Self::send), waiting at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`send`](Self::send), and [`Error::TimedOut`] when there was no room in time.
    pub fn send_deadline(
        &mut self,
        message: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<(), Error> {
        wait(deadline, || self.attempt_send(message))
    }

    /// Receives a message into `out` and returns its size; waits for one.
    ///
    /// # Errors
    /// Those of [`try_recv`](Self::try_recv) except [`Error::WouldBlock`].
    pub fn recv(&mut self, out: &mut (impl Buffer + ?Sized)) -> Result<usize, Error> {
        self.recv_deadline(out, None)
    }

    /// Does [`recv`](Self::recv), waiting at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv), and [`Error::TimedOut`] when no message came in time.
    pub fn recv_deadline(
        &mut self,
        out: &mut (impl Buffer + ?Sized),
        deadline: Option<W::Deadline>,
    ) -> Result<usize, Error> {
        recv_into(out, |out| wait(deadline, || self.attempt_recv(out)))
    }
}

impl<const N: usize, W: Register> Packets<'_, N, W> {
    /// Does [`send`](Self::send) for a task: sends, or registers the task to be woken.
    ///
    /// Cancel-safe: a message that was not reported as sent was not sent.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub fn poll_send(&mut self, cx: &mut Context<'_>, message: &[u8]) -> Poll<Result<(), Error>> {
        poll(cx, || self.attempt_send(message))
    }

    /// Does [`send`](Self::send) as a future.
    ///
    /// Cancel-safe: if cancelled, it has sent nothing.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub fn send_async(&mut self, message: &[u8]) -> impl Future<Output = Result<(), Error>> {
        future(|| self.attempt_send(message))
    }

    /// Does [`recv`](Self::recv) for a task: receives, or registers the task to be woken.
    ///
    /// Cancel-safe: a message that was not returned was not received.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    pub fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut (impl Buffer + ?Sized),
    ) -> Poll<Result<usize, Error>> {
        poll_into(out, |out| poll(cx, || self.attempt_recv(out)))
    }

    /// Does [`recv`](Self::recv) as a future.
    ///
    /// Cancel-safe: if cancelled, it has received nothing.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    pub fn recv_async(
        &mut self,
        out: &mut (impl Buffer + ?Sized),
    ) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(|cx| self.poll_recv(cx, out))
    }
}
