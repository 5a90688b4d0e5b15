//! The [`State`] of one end, which several threads may change.

use crate::CoreError;
use ringway_core::channel::{Direction, Event, State};
use std::sync::atomic::{AtomicU8, Ordering};

/// The state of an end. Only the core's table of events changes it.
///
/// The state is advice for the program. The kernel alone decides what a descriptor may do, and what
/// it tells one thread is true without regard to other threads. So the accesses order nothing and
/// are relaxed.
#[derive(Debug)]
pub(crate) struct EndpointState(AtomicU8);

impl EndpointState {
    pub(crate) const fn new(state: State) -> Self {
        EndpointState(AtomicU8::new(encode(state)))
    }

    #[inline]
    pub(crate) fn get(&self) -> State {
        // Relaxed: see the type. Partners: the exchange in `on`, the store in `renew`.
        decode(self.0.load(Ordering::Relaxed))
    }

    /// Asks the table what the event does to the state, and stores the answer.
    ///
    /// # Errors
    /// The table's error if the event is not possible in this state. The state does not change
    /// then.
    pub(crate) fn on(&self, event: Event) -> Result<State, CoreError> {
        // Relaxed: see the type. Partners: the exchange below and the store in `renew`, in other
        // threads.
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let next = decode(seen).on(event)?;
            let (old, new) = (seen, encode(next));
            // Relaxed: see the type. Partner: the same exchange in another thread, after which this
            // one fails and tries again.
            match self.0.compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(next),
                Err(now) => seen = now,
            }
        }
    }

    /// Starts over in `state`: a FIFO's next writer came after the last one had left.
    #[cold]
    pub(crate) fn renew(&self, state: State) {
        // Relaxed: see the type. Partners: the loads in `get` and `on`.
        self.0.store(encode(state), Ordering::Relaxed);
    }
}

const DIRECTIONS: [Direction; 4] =
    [Direction::Absent, Direction::Open, Direction::Shut, Direction::Ended];
const OTHERS: [State; 5] =
    [State::New, State::Listening, State::Connecting, State::Reset, State::Closed];
const CONNECTED: u8 = 16;

/// Encodes a state in one byte.
///
/// A connected state is `CONNECTED | send << 2 | recv`, with two bits for each direction. Another
/// state is its index in `OTHERS`. Both tables list the states in the order of their declaration.
const fn encode(state: State) -> u8 {
    match state {
        State::New => 0,
        State::Listening => 1,
        State::Connecting => 2,
        State::Reset => 3,
        State::Closed => 4,
        State::Connected { send, recv } => {
            let first = Direction::Absent as u8;
            CONNECTED | ((send as u8 - first) << 2) | (recv as u8 - first)
        }
    }
}

fn decode(byte: u8) -> State {
    let direction = |bits: u8| DIRECTIONS[(bits & 3) as usize];
    match OTHERS.get(byte as usize) {
        Some(state) => *state,
        None => State::Connected { send: direction(byte >> 2), recv: direction(byte) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives_its_byte() {
        let mut states =
            vec![State::New, State::Listening, State::Connecting, State::Reset, State::Closed];
        for send in DIRECTIONS {
            for recv in DIRECTIONS {
                states.push(State::Connected { send, recv });
            }
        }
        for state in states {
            assert_eq!(decode(encode(state)), state);
            assert_eq!(EndpointState::new(state).get(), state);
        }
    }

    #[test]
    fn an_impossible_event_leaves_the_state_as_it_was() {
        let state = EndpointState::new(State::READER);
        assert_eq!(state.on(Event::Send), Err(CoreError::WrongDirection));
        assert_eq!(state.get(), State::READER);
        state.on(Event::PeerShutSend).unwrap();
        assert_eq!(state.on(Event::Recv), Err(CoreError::EndOfFile));
        state.renew(State::READER);
        assert_eq!(state.on(Event::Recv), Ok(State::READER));
    }
}
