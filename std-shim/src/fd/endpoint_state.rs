//! A [`State`] that several threads may feed: the life of one end.

use crate::CoreError;
use ringway_core::channel::{Direction, Event, State};
use std::sync::atomic::{AtomicU8, Ordering};

/// The state of an end, changed by what the table says and by nothing else.
///
/// The state is advice for the program, and never decides what a descriptor may do: the kernel
/// does. So the accesses order nothing and are relaxed; what the kernel tells each thread is true
/// by itself.
#[derive(Debug)]
pub(crate) struct EndpointState(AtomicU8);

impl EndpointState {
    pub(crate) const fn new(state: State) -> Self {
        EndpointState(AtomicU8::new(encode(state)))
    }

    #[inline]
    pub(crate) fn get(&self) -> State {
        // Relaxed: see the type. Partner: the exchange in `on`.
        decode(self.0.load(Ordering::Relaxed))
    }

    /// Asks the table, and keeps its answer.
    ///
    /// # Errors
    /// What the table says when the event is not possible in this state; the state stays.
    pub(crate) fn on(&self, event: Event) -> Result<State, CoreError> {
        // Relaxed: see the type. Partner: the exchange below, of another thread.
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let next = decode(seen).on(event)?;
            let (old, new) = (seen, encode(next));
            // Relaxed: see the type. Partner: the same exchange in another thread, which makes us
            // look again.
            match self.0.compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(next),
                Err(now) => seen = now,
            }
        }
    }

    /// Begins a new life in `state`: a FIFO's next writer came after the last one had left.
    #[cold]
    pub(crate) fn renew(&self, state: State) {
        // Relaxed: see the type. Partner: the loads in `state` and `on`.
        self.0.store(encode(state), Ordering::Relaxed);
    }
}

const DIRECTIONS: [Direction; 4] =
    [Direction::Absent, Direction::Open, Direction::Shut, Direction::Ended];
const OTHERS: [State; 5] =
    [State::New, State::Listening, State::Connecting, State::Reset, State::Closed];
const CONNECTED: u8 = 16;

/// One byte: `CONNECTED | send << 2 | recv` with two bits for a direction, or the place among the
/// others. The tables have the order of the kinds.
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
