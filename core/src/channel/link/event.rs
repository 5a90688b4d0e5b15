//! The phases and events that a link reports to its user.

use core::fmt;

/// The phase of a link, see the [diagram](super).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// It neither greets nor answers, except to tell a peer that it closed.
    Down,
    /// It greets until a peer answers.
    Connecting,
    /// Both sides are connected; ports work.
    Up,
    /// This side closed it. It sends the messages that it accepted, then tells the peer.
    Closing,
}

/// Something that happened to a link.
///
/// An event says "look again": the link may report once what happened twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// A session ended, perhaps one whose [`Up`](Self::Up) was not reported yet.
    ///
    /// Each connected port is reset once the messages that had arrived completely are taken.
    Down(Down),
    /// A session with the peer began, see [`Link::peer`](super::Link::peer).
    Up,
    /// Something happened to a port.
    Port(u8, PortEvent),
}

/// Why a session ended, and what the link does then.
///
/// A link that this side was closing stays down in every case. For such a link, every reason except
/// [`Closed`](Self::Closed) says that the peer may not have received everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Down {
    /// This side closed the link.
    ///
    /// The peer received everything, or this side did not wait for it. The link stays down.
    Closed,
    /// The peer closed the link, which stays down.
    PeerClosed,
    /// The peer was silent for [`Config::gone`](super::Config::gone) ticks. The link connects
    /// again.
    PeerGone,
    /// The peer greeted with another identity, because it restarted or gave this session up.
    ///
    /// The link connects again.
    PeerRestarted,
    /// The stream ended, see [`Link::handle_end`](super::Link::handle_end). The link stays down.
    LineEnded,
    /// The peer speaks this other version of the protocol. The link stays down.
    Incompatible(u8),
    /// The peer sent bytes that no peer of this version sends.
    ///
    /// A serial link connects again. A link on a reliable line stays down, because it cannot find
    /// where the next frame begins.
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

/// Something that happened to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PortEvent {
    /// The peer opened the port, and this side has not: open it, or reset it to refuse.
    Waiting,
    /// Both sides have opened the port: it is connected.
    Opened,
    /// A message came. Receive until receiving would block.
    Readable,
    /// There is room again after a send failed with `WouldBlock`.
    Writable,
    /// The peer sends no more. Messages that have arrived can still be received.
    PeerShutSend,
    /// The peer reads no more.
    PeerShutRecv,
    /// The port was torn down.
    ///
    /// If the session ended, the link reports this once the messages that had arrived completely
    /// are taken.
    Reset(ResetReason),
    /// Both sides are done with the port: it can be opened again.
    Free,
}

/// Why a port was torn down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ResetReason {
    /// The peer reset it for this reason, which the programs define.
    ///
    /// 0 may also mean that the peer closed the port before it was connected.
    Peer(u8),
    /// The session ended, see [`Event::Down`].
    LinkDown,
    /// The peer has no port of this number.
    NoSuchPort,
}
