//! What a link tells its user.

use core::fmt;

/// Where a link is, see the [diagram](super).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// It neither greets nor answers, but for telling a peer that it closed.
    Down,
    /// It greets until a peer answers.
    Connecting,
    /// Both sides are there: ports work.
    Up,
    /// This side closed it: what was accepted is sent, then the peer is told.
    Closing,
}

/// What happened. An event says "look again": what happened twice may be told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// A session ended, also one whose [`Up`](Self::Up) was not told yet. Connected ports are
    /// reset, each as soon as the messages that had come whole are taken.
    Down(Down),
    /// A session began: the peer is there, see [`Link::peer`](super::Link::peer).
    Up,
    /// Something happened to a port.
    Port(u8, PortEvent),
}

/// Why a session ended, and what the link does then; but a link that this side was closing stays
/// down. Any other reason than [`Closed`](Self::Closed) then says that the peer may not have got
/// everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Down {
    /// This side closed the link, and the peer got everything or was not waited for. It stays down.
    Closed,
    /// The peer closed the link. It stays down.
    PeerClosed,
    /// Nothing was heard for [`Config::gone`](super::Config::gone) ticks. The link connects again.
    PeerGone,
    /// The peer greeted as somebody else: it was started again, or had given this session up. The
    /// link connects again.
    PeerRestarted,
    /// The stream ended, see [`Link::handle_end`](super::Link::handle_end). It stays down.
    LineEnded,
    /// The peer speaks this other version. It stays down.
    Incompatible(u8),
    /// The peer sent what no peer of this version sends. A serial link connects again; one on a
    /// reliable line, where frames cannot be found again, stays down.
    Violation,
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Down::Closed => "this side closed the link",
            Down::PeerClosed => "the peer closed the link; open it again to wait for another",
            Down::PeerGone => "the peer is silent: look at the line and at the peer's power",
            Down::PeerRestarted => "the peer started again; open the ports again",
            Down::LineEnded => "the line ended; open the link again over another",
            Down::Incompatible(version) => {
                return write!(
                    f,
                    "the peer speaks version {version} of the protocol, this side version {}",
                    super::super::frame::VERSION
                );
            }
            Down::Violation => "the peer broke the protocol; open the link again over a new line",
        })
    }
}

/// What happened to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PortEvent {
    /// The peer opened the port, and this side has not: open it, or reset it to refuse.
    Waiting,
    /// Both sides opened it: it is connected.
    Opened,
    /// A message came. Receive until that would block.
    Readable,
    /// A send that would have blocked can be tried again.
    Writable,
    /// The peer sends no more; what is left can be received.
    PeerShutSend,
    /// The peer reads no more.
    PeerShutRecv,
    /// The port was torn down. Where the session ended, this is told when everything that had come
    /// whole is taken.
    Reset(ResetReason),
    /// Both sides are done with it: it can be opened again.
    Free,
}

/// Why a port was torn down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ResetReason {
    /// The peer reset it and gave this reason, whose meaning is the program's. 0 is also "it is not
    /// wanted any more".
    Peer(u8),
    /// The session ended, see [`Event::Down`].
    LinkDown,
    /// The peer has no port of this number.
    NoSuchPort,
}
