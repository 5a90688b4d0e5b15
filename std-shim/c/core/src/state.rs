//! The states of ends, as C sees them.

use ringway_core::channel::{Direction, State};

/// What an end of a channel does.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum rw_phase {
    /// New, and not connected.
    RW_PHASE_NEW = 0,
    /// It accepts connections.
    RW_PHASE_LISTENING = 1,
    /// It waits for the other end.
    RW_PHASE_CONNECTING = 2,
    /// It has, or had, a peer: see its directions.
    RW_PHASE_CONNECTED = 3,
    /// The connection was torn down, and bytes under way are lost.
    RW_PHASE_TORN_DOWN = 4,
    /// This side closed it, or it is no end.
    RW_PHASE_GONE = 5,
}

/// One direction of a connected end.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum rw_direction {
    /// The end does not have this direction.
    RW_DIRECTION_ABSENT = 0,
    /// Bytes may flow.
    RW_DIRECTION_OPEN = 1,
    /// This side ended it.
    RW_DIRECTION_SHUT = 2,
    /// The peer ended it.
    RW_DIRECTION_ENDED = 3,
}

/// The state of an end.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rw_state {
    /// What it does.
    pub phase: rw_phase,
    /// From this side to the peer, if it is connected.
    pub send: rw_direction,
    /// From the peer to this side, if it is connected.
    pub recv: rw_direction,
}

impl From<Direction> for rw_direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Absent => rw_direction::RW_DIRECTION_ABSENT,
            Direction::Open => rw_direction::RW_DIRECTION_OPEN,
            Direction::Shut => rw_direction::RW_DIRECTION_SHUT,
            Direction::Ended => rw_direction::RW_DIRECTION_ENDED,
        }
    }
}

impl From<State> for rw_state {
    fn from(state: State) -> Self {
        let (phase, send, recv) = match state {
            State::New => (rw_phase::RW_PHASE_NEW, Direction::Absent, Direction::Absent),
            State::Listening => {
                (rw_phase::RW_PHASE_LISTENING, Direction::Absent, Direction::Absent)
            }
            State::Connecting => {
                (rw_phase::RW_PHASE_CONNECTING, Direction::Absent, Direction::Absent)
            }
            State::Connected { send, recv } => (rw_phase::RW_PHASE_CONNECTED, send, recv),
            State::Reset => (rw_phase::RW_PHASE_TORN_DOWN, Direction::Absent, Direction::Absent),
            State::Closed => (rw_phase::RW_PHASE_GONE, Direction::Absent, Direction::Absent),
        };
        rw_state { phase, send: send.into(), recv: recv.into() }
    }
}
