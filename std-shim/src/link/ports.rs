//! Operations of a program on the ports of a link.

use super::end::Link;
use crate::error::Tried;
use crate::fd::Timeout;
use crate::{CoreError, Result};
use ringway_core::channel::State;
#[cfg(doc)]
use ringway_core::channel::link::PortEvent;
use ringway_core::channel::link::{Line, Phase};
use std::time::Instant;

const CONNECT: &str = "connect the port";

impl<L: Line, const PORTS: usize, const CREDITS: usize, const MAX: usize>
    Link<L, PORTS, CREDITS, MAX>
{
    /// The state of a port, as of the last time that the program drove the link.
    ///
    /// A port that the link does not have is `Closed`.
    pub fn port_state(&self, port: u8) -> State {
        self.core.port_state(port)
    }

    /// Opens a port, if it is not open in any direction, and waits until the peer has opened it
    /// too.
    ///
    /// It waits without a limit, also for the peer itself and across its restarts. If the port's
    /// session ended, it connects the port in the next one. That drops the messages that had come
    /// and were not received, so receive them first.
    ///
    /// # Errors
    /// [`NotFound`](CoreError::NotFound) if the link, or the peer, has no such port;
    /// [`Reset`](CoreError::Reset) if the peer refused it;
    /// [`NotConnected`](CoreError::NotConnected) if the link is down. Then
    /// [`poll_event`](Self::poll_event) returns the reason.
    pub fn connect(&mut self, port: u8) -> Result<()> {
        self.connect_deadline(port, None)
    }

    /// Does what [`connect`](Self::connect) does, and waits at most until `deadline`.
    ///
    /// After a timeout the port stays open, and the next call goes on with it.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut); else those of [`connect`](Self::connect).
    pub fn connect_deadline(&mut self, port: u8, deadline: Option<Instant>) -> Result<()> {
        let mut opened = false;
        self.drive(CONNECT, Timeout::Until(deadline), |link| {
            let mut state = link.port_state(port);
            if matches!(state, State::Connected { .. }) && !opened {
                if link.phase() == Phase::Down {
                    return Err(CoreError::NotConnected);
                }
                if !state.can_send() && !state.can_recv() {
                    // Both directions have ended, so the program asks for another connection.
                    link.core.close_port(port);
                } else {
                    match link.core.open_port(port) {
                        // The port is connected, and its session goes on.
                        Err(CoreError::AlreadyConnected) => return Ok(()),
                        other => other?,
                    }
                    opened = true;
                }
                state = link.port_state(port);
            }
            match state {
                State::Connected { .. } => Ok(()),
                _ if link.phase() == Phase::Down => Err(CoreError::NotConnected),
                State::Connecting => Err(CoreError::WouldBlock),
                _ if opened => Err(CoreError::Reset),
                _ => {
                    link.core.open_port(port)?;
                    opened = true;
                    // The port is connected at once if the peer was waiting for it.
                    match link.port_state(port) {
                        State::Connected { .. } => Ok(()),
                        _ => Err(CoreError::WouldBlock),
                    }
                }
            }
        })
    }

    /// Opens a port without waiting for the peer. It is also the answer to [`PortEvent::Waiting`].
    ///
    /// [`PortEvent::Opened`] reports when the port is connected.
    ///
    /// # Errors
    /// [`NotFound`](CoreError::NotFound), [`AlreadyConnected`](CoreError::AlreadyConnected), or
    /// [`WouldBlock`](CoreError::WouldBlock) if the peer has not finished the port's last session.
    /// Then [`PortEvent::Free`] reports when it has.
    ///
    /// ```
    /// use ringway::{channel::State, link::{Config, ReliableLink}, socket::UnixStream};
    /// let (near, _far) = UnixStream::pair().unwrap();
    /// let mut link: ReliableLink<64> = ReliableLink::over(near, Config::new(1));
    /// link.try_connect(0).unwrap();
    /// assert_eq!(link.port_state(0), State::Connecting);
    /// ```
    pub fn try_connect(&mut self, port: u8) -> Result<()> {
        self.core.open_port(port).tried(CONNECT)?;
        self.write_stream()
    }

    crate::fd::forms! {
        /// Sends a message; waits until the peer has room for it.
        ///
        /// The messages of a port arrive once each and in order, as long as the session lasts. An
        /// empty message is a message too. After a timeout the message was not sent. For a program
        /// that does not wait here, [`PortEvent::Writable`] reports when there is room.
        ///
        /// # Errors
        /// [`MessageTooLarge`](CoreError::MessageTooLarge) for the peer or for this side;
        /// [`BrokenPipe`](CoreError::BrokenPipe) if the peer reads no more, or this side sends no
        /// more; [`Reset`](CoreError::Reset) if the port was torn down, or the session ended;
        /// [`NotConnected`](CoreError::NotConnected).
        ///
        /// ```
        /// use ringway::{CoreError, link::{Config, ReliableLink}, socket::UnixStream};
        /// use std::time::{Duration, Instant};
        /// let (near, far) = UnixStream::pair().unwrap();
        /// let mut near: ReliableLink<64> = ReliableLink::over(near, Config::new(1));
        /// let mut far: ReliableLink<64> = ReliableLink::over(far, Config::new(2));
        /// assert!(near.send(0, b"hello").unwrap_err().is(CoreError::NotConnected));
        /// let soon = Some(Instant::now() + Duration::from_millis(5));
        /// assert!(near.connect_deadline(0, soon).unwrap_err().is(CoreError::TimedOut));
        /// std::thread::scope(|s| {
        ///     s.spawn(|| far.connect(0).unwrap());
        ///     near.connect(0).unwrap();
        /// });
        /// let soon = Some(Instant::now() + Duration::from_millis(5));
        /// let late = near.recv_deadline(0, &mut [0; 64], soon).unwrap_err();
        /// assert!(late.is(CoreError::TimedOut));
        /// near.send(0, b"hello").unwrap();
        /// assert_eq!(far.recv(0, &mut [0; 64]).unwrap(), 5);
        /// // The port holds four messages, so this sends some and then finds no room.
        /// while near.try_send(0, b"hello").is_ok() {}
        /// ```
        pub fn send,
        pub fn try_send,
        pub fn send_deadline:
        (&mut self, port: u8, message: &[u8]) -> () = send_by;

        /// Takes the oldest message into `out` and returns its length; waits for a message.
        ///
        /// See [`send`](Self::send) for an example.
        ///
        /// # Errors
        /// [`EndOfFile`](CoreError::EndOfFile) if the peer sends no more;
        /// [`BufferTooSmall`](CoreError::BufferTooSmall), and then the message stays;
        /// [`Reset`](CoreError::Reset) if the port was torn down or the session ended, after the
        /// messages that had come whole were received; [`NotConnected`](CoreError::NotConnected).
        pub fn recv,
        pub fn try_recv,
        pub fn recv_deadline:
        (&mut self, port: u8, out: &mut [u8]) -> usize = recv_by;
    }

    fn send_by(&mut self, port: u8, message: &[u8], timeout: Timeout) -> Result<()> {
        self.drive("send on the port", timeout, |link| link.core.try_send(port, message))
    }

    fn recv_by(&mut self, port: u8, out: &mut [u8], timeout: Timeout) -> Result<usize> {
        self.drive("receive on the port", timeout, |link| link.core.try_recv(port, out))
    }

    /// Ends sending on this port.
    ///
    /// Messages that were sent before still arrive, and receiving goes on.
    ///
    /// # Errors
    /// [`NotConnected`](CoreError::NotConnected), [`Closed`](CoreError::Closed),
    /// [`NotFound`](CoreError::NotFound).
    #[doc(alias = "shutdown")]
    pub fn shut_send(&mut self, port: u8) -> Result<()> {
        const SHUT: &str = "shut down sending on the port";
        self.core.shut_send(port).tried(SHUT)?;
        self.write_stream()
    }

    /// Ends receiving on this port.
    ///
    /// It drops the messages that came and were not received. The peer's sends fail with
    /// [`BrokenPipe`](CoreError::BrokenPipe) once the peer knows.
    ///
    /// # Errors
    /// Those of [`shut_send`](Self::shut_send).
    #[doc(alias = "shutdown")]
    pub fn shut_recv(&mut self, port: u8) -> Result<()> {
        const SHUT: &str = "shut down receiving on the port";
        self.core.shut_recv(port).tried(SHUT)?;
        self.write_stream()
    }

    /// Ends both directions of a port.
    ///
    /// Messages that were sent before still arrive. It drops the messages that came and were not
    /// received.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn close_port(&mut self, port: u8) -> Result<()> {
        self.core.close_port(port);
        self.write_stream()
    }

    /// Tears the port down and gives the peer a reason ([`PortEvent::Reset`]).
    ///
    /// The peer loses the messages that it has not received yet. This is also how to refuse a port
    /// that the peer opened ([`PortEvent::Waiting`]).
    ///
    /// # Errors
    /// The error of the system call.
    ///
    /// ```
    /// use ringway::link::{Config, Event, PortEvent, ReliableLink, ResetReason};
    /// use ringway::socket::UnixStream;
    /// let (near, far) = UnixStream::pair().unwrap();
    /// let mut near: ReliableLink<64> = ReliableLink::over(near, Config::new(1));
    /// let mut far: ReliableLink<64> = ReliableLink::over(far, Config::new(2));
    /// std::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         far.connect(0).unwrap();
    ///         far.recv(0, &mut [0; 64]).unwrap();
    ///         far.reset_port(0, 42).unwrap();
    ///     });
    ///     near.connect(0).unwrap();
    ///     near.send(0, b"not for you").unwrap();
    ///     let reset = Event::Port(0, PortEvent::Reset(ResetReason::Peer(42)));
    ///     while near.next_event().unwrap() != reset {}
    /// });
    /// ```
    pub fn reset_port(&mut self, port: u8, reason: u8) -> Result<()> {
        self.core.reset_port(port, reason);
        self.write_stream()
    }
}
