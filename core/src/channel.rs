//! The states of an endpoint, and the channels that follow them: pipes, FIFOs, sockets and links.
//!
//! An endpoint is one end of a byte stream or of a message channel, seen from its own side. It is
//! always in one [`State`]. What happens to it is an [`Event`]. The table [`State::on`] gives the
//! state after an event; it has an answer for every event in every state. The channels in memory
//! ([`pipe`], [`fifo`], [`socket`]) and the shim's ends ask the same table. The shim turns errno
//! and poll bits into events. The channels in memory do so with the words that both ends share.
//!
//! ```text
//!          Listen                     Establish{send, recv}
//!   New ────────────▶ Listening  ┌──────────────▶ Connected{send, recv} ──┐ ShutSend, ShutRecv,
//!    │  │                        │                    ▲      │            │ PeerShutSend, PeerShutRecv
//!    │  └──── Connect ──▶ Connecting                  └──────┼────────────┘ close one direction each
//!    │                       │ Reset (refused)               │ Reset
//!    │                       ▼                               ▼
//!    │                      New                            Reset
//!    └────────────────────────── Close, from anywhere ──▶ Closed
//! ```
//!
//! A pipe's reader is `Connected` with `send: Absent`, its writer with `recv: Absent`. A FIFO's
//! ends are `Connecting` until the other end is open. A stream has both directions.

mod attempt;
mod bytes;
pub mod fifo;
pub mod frame;
#[cfg(feature = "embedded-io")]
mod io;
#[cfg(feature = "embedded-io-async")]
mod io_async;
pub mod link;
mod name;
pub mod pipe;
pub mod socket;
mod try_lock;

use crate::Error;
pub use name::NAME_MAX;

/// One direction of a connected endpoint.
///
/// ```
/// use ringway_core::channel::{Direction, State};
/// assert_eq!(State::READER, State::Connected { send: Direction::Absent, recv: Direction::Open });
/// ```
// The numbers leave room below for the other states, so that `State::New` is 0. A new endpoint is
// then all zeros, and zeros cost no flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Direction {
    /// This end never had this direction: a pipe's reader cannot send.
    Absent = 6,
    /// Bytes may flow.
    Open,
    /// This side ended it: it will send no more, or read no more.
    Shut,
    /// The peer ended it. Receiving finds the end of file; sending fails with a broken pipe.
    Ended,
}

/// The state of an endpoint, see the diagram of the [module](self).
///
/// ```
/// use ringway_core::Error;
/// use ringway_core::channel::{Event, State};
/// let writer = State::WRITER;
/// let writer = writer.on(Event::PeerShutRecv).unwrap(); // the last reader closed
/// assert_eq!(writer.on(Event::Send), Err(Error::BrokenPipe));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// New, and not connected.
    New,
    /// Accepts connections.
    Listening,
    /// Waits for the other end.
    Connecting,
    /// Has, or had, a peer.
    Connected {
        /// From us to the peer.
        send: Direction,
        /// From the peer to us.
        recv: Direction,
    },
    /// The connection was torn down, and bytes under way are lost.
    Reset,
    /// This side closed the endpoint.
    Closed,
}

/// What can happen to an endpoint: a request of this side, or news of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// We ask: accept connections from now on.
    Listen,
    /// We ask: connect to a listener, or open a FIFO whose other end is not there.
    Connect,
    /// We ask: take one connection from the backlog.
    Accept,
    /// We ask: send bytes or a message.
    Send,
    /// We ask: receive bytes or a message.
    Recv,
    /// We ask: end our sending (`shutdown(SHUT_WR)`).
    ShutSend,
    /// We ask: end our reading (`shutdown(SHUT_RD)`).
    ShutRecv,
    /// We ask: close this endpoint.
    Close,
    /// We learn: the other end is open, with both directions.
    Establish,
    /// We learn: the other end is open, and only reads; we are a writer.
    EstablishWriter,
    /// We learn: the other end is open, and only writes; we are a reader.
    EstablishReader,
    /// We learn: the peer sends no more, and we have read all it sent (end of file).
    PeerShutSend,
    /// We learn: nobody reads what we send any more (`EPIPE`).
    PeerShutRecv,
    /// We learn: the peer closed both directions (`POLLHUP`).
    PeerClose,
    /// We learn: the connection was refused or torn down (`ECONNREFUSED`, `ECONNRESET`).
    Reset,
}

impl State {
    /// A connected end that only receives: a pipe's or a FIFO's reader.
    pub const READER: State = State::Connected { send: Direction::Absent, recv: Direction::Open };
    /// A connected end that only sends: a pipe's or a FIFO's writer.
    pub const WRITER: State = State::Connected { send: Direction::Open, recv: Direction::Absent };
    /// A connected end with both directions: a stream.
    pub const STREAM: State = State::Connected { send: Direction::Open, recv: Direction::Open };

    /// Returns the state after `event`, or why `event` is not possible in this state.
    ///
    /// News of the peer is never an error. News that comes too late leaves the state as it is.
    ///
    /// # Errors
    /// The error that the requested operation returns. The state stays as it was.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::{Event, State};
    /// assert_eq!(State::New.on(Event::Listen), Ok(State::Listening));
    /// assert_eq!(State::New.on(Event::Send), Err(Error::NotConnected));
    /// assert_eq!(State::READER.on(Event::Send), Err(Error::WrongDirection));
    /// ```
    // Most callers pass a constant event; inlined, only that event's rows of the table remain.
    #[inline(always)]
    pub const fn on(self, event: Event) -> Result<State, Error> {
        use Direction::{Ended, Shut};
        use Event as E;
        use State::{Closed, Connected, Connecting, Listening, New, Reset};
        match (self, event) {
            // This side closed the end. It can only close it again, and news comes too late.
            (Closed, E::Close) => Ok(Closed),
            (
                Closed,
                E::Listen | E::Connect | E::Accept | E::Send | E::Recv | E::ShutSend | E::ShutRecv,
            ) => Err(Error::Closed),
            (Closed, _) => Ok(Closed),
            (_, E::Close) => Ok(Closed),

            (New, E::Listen) => Ok(Listening),
            (New, E::Connect) => Ok(Connecting),
            (_, E::Listen | E::Connect) => Err(Error::AlreadyConnected),

            (Listening, E::Accept) => Ok(Listening),
            (_, E::Accept) => Err(Error::NotConnected),

            // The other end came. An end of a pair is connected without an earlier `Connect`.
            (New | Connecting, E::Establish) => Ok(State::STREAM),
            (New | Connecting, E::EstablishWriter) => Ok(State::WRITER),
            (New | Connecting, E::EstablishReader) => Ok(State::READER),
            (_, E::Establish | E::EstablishWriter | E::EstablishReader) => Ok(self),

            (Connected { send, .. }, E::Send) => match send {
                Direction::Open => Ok(self),
                Shut | Ended => Err(Error::BrokenPipe),
                Direction::Absent => Err(Error::WrongDirection),
            },
            (Connected { recv, .. }, E::Recv) => match recv {
                Direction::Open => Ok(self),
                Shut | Ended => Err(Error::EndOfFile),
                Direction::Absent => Err(Error::WrongDirection),
            },
            (Reset, E::Send) => Err(Error::BrokenPipe),
            (Reset, E::Recv) => Err(Error::Reset),
            (_, E::Send | E::Recv) => Err(Error::NotConnected),

            (Connected { send, recv }, E::ShutSend) => match send {
                Direction::Open => Ok(Connected { send: Shut, recv }),
                Shut | Ended => Ok(self),
                Direction::Absent => Err(Error::WrongDirection),
            },
            (Connected { send, recv }, E::ShutRecv) => match recv {
                Direction::Open => Ok(Connected { send, recv: Shut }),
                Shut | Ended => Ok(self),
                Direction::Absent => Err(Error::WrongDirection),
            },
            (_, E::ShutSend | E::ShutRecv) => Err(Error::NotConnected),

            (Connected { send, recv }, E::PeerShutSend) => {
                Ok(Connected { send, recv: recv.ended() })
            }
            (Connected { send, recv }, E::PeerShutRecv) => {
                Ok(Connected { send: send.ended(), recv })
            }
            (Connected { send, recv }, E::PeerClose) => {
                Ok(Connected { send: send.ended(), recv: recv.ended() })
            }
            (_, E::PeerShutSend | E::PeerShutRecv | E::PeerClose) => Ok(self),

            (Connected { .. }, E::Reset) => Ok(Reset),
            // The listener refused; this end may try again.
            (Connecting, E::Reset) => Ok(New),
            (_, E::Reset) => Ok(self),
        }
    }

    /// Returns whether this end can still send bytes or messages.
    pub const fn can_send(self) -> bool {
        matches!(self, State::Connected { send: Direction::Open, .. })
    }

    /// Returns whether this end can still receive bytes or messages.
    pub const fn can_recv(self) -> bool {
        matches!(self, State::Connected { recv: Direction::Open, .. })
    }
}

impl Direction {
    /// Records that the peer ended this direction, unless this side ended it before.
    const fn ended(self) -> Direction {
        match self {
            Direction::Open => Direction::Ended,
            other => other,
        }
    }
}
