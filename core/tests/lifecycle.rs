//! Exhaustive tests of an endpoint's states: every state, reachable or not, with every event.
//!
//! The table is small (21 states by 15 events), so that the tests check all of it and sample
//! nothing.

use ringway_core::Error;
use ringway_core::channel::{Direction, Event, State};
use std::collections::BTreeSet;

const DIRECTIONS: [Direction; 4] =
    [Direction::Absent, Direction::Open, Direction::Shut, Direction::Ended];

const EVENTS: [Event; 15] = [
    Event::Listen,
    Event::Connect,
    Event::Accept,
    Event::Send,
    Event::Recv,
    Event::ShutSend,
    Event::ShutRecv,
    Event::Close,
    Event::Establish,
    Event::EstablishWriter,
    Event::EstablishReader,
    Event::PeerShutSend,
    Event::PeerShutRecv,
    Event::PeerClose,
    Event::Reset,
];

/// Who causes an event. The match has no wildcard, so that a new event does not compile until it is
/// listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The owner of the end requests it, and may be refused.
    Ours,
    /// The owner learns of it, and cannot refuse it.
    News,
}

fn origin(event: Event) -> Origin {
    match event {
        Event::Listen
        | Event::Connect
        | Event::Accept
        | Event::Send
        | Event::Recv
        | Event::ShutSend
        | Event::ShutRecv
        | Event::Close => Origin::Ours,
        Event::Establish
        | Event::EstablishWriter
        | Event::EstablishReader
        | Event::PeerShutSend
        | Event::PeerShutRecv
        | Event::PeerClose
        | Event::Reset => Origin::News,
    }
}

/// Every value of the type, including unreachable ones.
fn states() -> Vec<State> {
    let mut all =
        vec![State::New, State::Listening, State::Connecting, State::Reset, State::Closed];
    for send in DIRECTIONS {
        for recv in DIRECTIONS {
            all.push(State::Connected { send, recv });
        }
    }
    all
}

fn pairs() -> impl Iterator<Item = (State, Event)> {
    states().into_iter().flat_map(|state| EVENTS.map(|event| (state, event)))
}

/// The state after the event, whether it was allowed or not: a refused event changes nothing.
fn after(state: State, event: Event) -> State {
    state.on(event).unwrap_or(state)
}

/// What a user of the end can observe: whether it may send or receive, and if not, why.
fn observed(state: State) -> [Result<(), Error>; 3] {
    [Event::Accept, Event::Send, Event::Recv].map(|event| state.on(event).map(drop))
}

fn reachable_from(start: &[State]) -> Vec<State> {
    let mut found: Vec<State> = start.to_vec();
    let mut next = 0;
    while let Some(&state) = found.get(next) {
        next += 1;
        for event in EVENTS {
            let to = after(state, event);
            if !found.contains(&to) {
                found.push(to);
            }
        }
    }
    found
}

#[test]
fn the_lists_are_complete_and_without_repetition() {
    let states = states();
    assert_eq!(states.len(), 5 + 16);
    assert_eq!(states.iter().map(|s| format!("{s:?}")).collect::<BTreeSet<_>>().len(), 21);
    assert_eq!(EVENTS.iter().map(|e| format!("{e:?}")).collect::<BTreeSet<_>>().len(), 15);
    assert_eq!(EVENTS.iter().filter(|e| origin(**e) == Origin::News).count(), 7);
}

#[test]
fn every_state_answers_every_event_and_does_not_panic() {
    let mut answered = 0;
    for (state, event) in pairs() {
        let _ = state.on(event);
        answered += 1;
    }
    assert_eq!(answered, 21 * 15);
}

#[test]
fn exactly_the_listed_states_are_reachable() {
    let reached = reachable_from(&[State::New]);
    for state in states() {
        let nowhere = State::Connected { send: Direction::Absent, recv: Direction::Absent };
        assert_eq!(reached.contains(&state), state != nowhere, "{state:?}");
    }
}

#[test]
fn ends_reach_only_states_of_their_own_kind() {
    let reader = reachable_from(&[State::READER]);
    assert_eq!(reader.len(), 3 + 2, "{reader:?}");
    let writer = reachable_from(&[State::WRITER]);
    assert_eq!(writer.len(), 3 + 2, "{writer:?}");
    let stream = reachable_from(&[State::STREAM]);
    assert_eq!(stream.len(), 9 + 2, "{stream:?}");
}

#[test]
fn close_leads_to_closed_from_everywhere() {
    for state in states() {
        assert_eq!(state.on(Event::Close), Ok(State::Closed), "{state:?}");
    }
}

#[test]
fn closed_never_reopens_and_refuses_every_request() {
    for event in EVENTS {
        let answer = State::Closed.on(event);
        match (origin(event), event) {
            (Origin::News, _) | (_, Event::Close) => {
                assert_eq!(answer, Ok(State::Closed), "{event:?}");
            }
            (Origin::Ours, _) => assert_eq!(answer, Err(Error::Closed), "{event:?}"),
        }
    }
}

#[test]
fn only_closed_says_closed() {
    for (state, event) in pairs() {
        if state != State::Closed {
            assert_ne!(state.on(event), Err(Error::Closed), "{state:?} {event:?}");
        }
    }
}

#[test]
fn news_of_the_peer_is_never_an_error() {
    for (state, event) in pairs().filter(|(_, event)| origin(*event) == Origin::News) {
        assert!(state.on(event).is_ok(), "{state:?} {event:?}");
    }
}

#[test]
fn an_absent_direction_stays_the_only_absent_one() {
    for (state, event) in pairs() {
        if let (
            State::Connected { send, recv },
            State::Connected { send: send_after, recv: recv_after },
        ) = (state, after(state, event))
        {
            for (before, after) in [(send, send_after), (recv, recv_after)] {
                assert_eq!(
                    before == Direction::Absent,
                    after == Direction::Absent,
                    "{state:?} {event:?}"
                );
            }
        }
    }
}

#[test]
fn an_absent_direction_answers_wrong_direction() {
    for other in DIRECTIONS {
        let reader = State::Connected { send: Direction::Absent, recv: other };
        assert_eq!(reader.on(Event::Send), Err(Error::WrongDirection));
        assert_eq!(reader.on(Event::ShutSend), Err(Error::WrongDirection));
        let writer = State::Connected { send: other, recv: Direction::Absent };
        assert_eq!(writer.on(Event::Recv), Err(Error::WrongDirection));
        assert_eq!(writer.on(Event::ShutRecv), Err(Error::WrongDirection));
    }
}

#[test]
fn an_ended_direction_stays_ended_for_its_reason() {
    for (state, event) in pairs() {
        if let (
            State::Connected { send, recv },
            State::Connected { send: send_after, recv: recv_after },
        ) = (state, after(state, event))
        {
            for (before, after) in [(send, send_after), (recv, recv_after)] {
                if before != Direction::Open {
                    assert_eq!(before, after, "{state:?} {event:?}");
                }
            }
        }
    }
}

/// How far an end has come. Every event keeps or increases this, except a refused connect.
fn progress(state: State) -> u32 {
    let ended = |direction| u32::from(matches!(direction, Direction::Shut | Direction::Ended));
    match state {
        State::New => 0,
        State::Listening | State::Connecting => 1,
        State::Connected { send, recv } => 2 + ended(send) + ended(recv),
        State::Reset => 5,
        State::Closed => 6,
    }
}

#[test]
fn a_life_only_goes_forward_but_for_a_refused_connect() {
    for (state, event) in pairs() {
        let to = after(state, event);
        if (state, event) == (State::Connecting, Event::Reset) {
            assert_eq!(to, State::New);
        } else {
            // Every change increases it strictly, so that there is no other cycle.
            assert!(to == state || progress(to) > progress(state), "{state:?} {event:?} {to:?}");
        }
    }
}

#[test]
fn a_refused_connect_can_be_tried_again() {
    let refused = State::New.on(Event::Connect).and_then(|s| s.on(Event::Reset)).unwrap();
    assert_eq!(refused.on(Event::Connect), Ok(State::Connecting));
}

#[test]
fn can_send_and_can_recv_say_what_the_table_says() {
    for state in states() {
        assert_eq!(state.can_send(), state.on(Event::Send).is_ok(), "{state:?}");
        assert_eq!(state.can_recv(), state.on(Event::Recv).is_ok(), "{state:?}");
    }
}

#[test]
fn sending_receiving_and_accepting_change_no_state() {
    for state in states() {
        for event in [Event::Send, Event::Recv, Event::Accept] {
            if let Ok(to) = state.on(event) {
                assert_eq!(to, state, "{state:?} {event:?}");
            }
        }
    }
}

#[test]
fn sending_fails_for_the_reason_that_the_state_names() {
    for state in states() {
        let expected = match state {
            State::Connected { send: Direction::Open, .. } => Ok(state),
            State::Connected { send: Direction::Shut | Direction::Ended, .. } | State::Reset => {
                Err(Error::BrokenPipe)
            }
            State::Connected { send: Direction::Absent, .. } => Err(Error::WrongDirection),
            State::New | State::Listening | State::Connecting => Err(Error::NotConnected),
            State::Closed => Err(Error::Closed),
        };
        assert_eq!(state.on(Event::Send), expected, "{state:?}");
    }
}

#[test]
fn recv_fails_for_the_reason_that_the_state_names() {
    for state in states() {
        let expected = match state {
            State::Connected { recv: Direction::Open, .. } => Ok(state),
            State::Connected { recv: Direction::Shut | Direction::Ended, .. } => {
                Err(Error::EndOfFile)
            }
            State::Connected { recv: Direction::Absent, .. } => Err(Error::WrongDirection),
            State::Reset => Err(Error::Reset),
            State::New | State::Listening | State::Connecting => Err(Error::NotConnected),
            State::Closed => Err(Error::Closed),
        };
        assert_eq!(state.on(Event::Recv), expected, "{state:?}");
    }
}

#[test]
fn one_state_each_allows_listen_connect_and_accept() {
    for state in states() {
        let unless_closed = |error| Err(if state == State::Closed { Error::Closed } else { error });
        let listen = if state == State::New {
            Ok(State::Listening)
        } else {
            unless_closed(Error::AlreadyConnected)
        };
        assert_eq!(state.on(Event::Listen), listen, "{state:?}");
        let connect = if state == State::New {
            Ok(State::Connecting)
        } else {
            unless_closed(Error::AlreadyConnected)
        };
        assert_eq!(state.on(Event::Connect), connect, "{state:?}");
        let accept = if state == State::Listening {
            Ok(State::Listening)
        } else {
            unless_closed(Error::NotConnected)
        };
        assert_eq!(state.on(Event::Accept), accept, "{state:?}");
    }
}

#[test]
fn the_other_end_is_met_once_and_late_is_no_change() {
    let meetings = [
        (Event::Establish, State::STREAM),
        (Event::EstablishWriter, State::WRITER),
        (Event::EstablishReader, State::READER),
    ];
    for state in states() {
        for (event, connected) in meetings {
            let expected = match state {
                State::New | State::Connecting => connected,
                other => other,
            };
            assert_eq!(state.on(event), Ok(expected), "{state:?} {event:?}");
        }
    }
}

#[test]
fn an_event_of_one_direction_leaves_the_other_alone() {
    for state in states() {
        let State::Connected { send, recv } = state else { continue };
        for event in [Event::ShutSend, Event::PeerShutRecv] {
            let State::Connected { recv: kept, .. } = after(state, event) else {
                panic!("{state:?} {event:?} is no longer connected")
            };
            assert_eq!(kept, recv, "{state:?} {event:?}");
        }
        for event in [Event::ShutRecv, Event::PeerShutSend] {
            let State::Connected { send: kept, .. } = after(state, event) else {
                panic!("{state:?} {event:?} is no longer connected")
            };
            assert_eq!(kept, send, "{state:?} {event:?}");
        }
    }
}

#[test]
fn half_closing_stops_its_direction() {
    for state in states() {
        if let Ok(to) = state.on(Event::ShutSend) {
            assert!(!to.can_send(), "{state:?}");
        }
        if let Ok(to) = state.on(Event::ShutRecv) {
            assert!(!to.can_recv(), "{state:?}");
        }
        assert!(!after(state, Event::PeerShutRecv).can_send(), "{state:?}");
        assert!(!after(state, Event::PeerShutSend).can_recv(), "{state:?}");
    }
}

#[test]
fn the_peers_close_ends_both_directions() {
    for state in states() {
        let closed = after(state, Event::PeerClose);
        let one = after(after(state, Event::PeerShutSend), Event::PeerShutRecv);
        let other = after(after(state, Event::PeerShutRecv), Event::PeerShutSend);
        assert_eq!(closed, one, "{state:?}");
        assert_eq!(closed, other, "{state:?}");
    }
}

#[test]
fn simultaneous_closes_look_alike_in_either_order() {
    // Only events that can happen at the same time: a connected end whose owner half-closes or
    // closes while the peer does the same.
    let ours = [Event::ShutSend, Event::ShutRecv, Event::Close];
    let theirs = [Event::PeerShutSend, Event::PeerShutRecv, Event::PeerClose, Event::Reset];
    for state in states() {
        if !matches!(state, State::Connected { .. }) {
            continue;
        }
        for our in ours {
            for their in theirs {
                let we_first = after(after(state, our), their);
                let they_first = after(after(state, their), our);
                assert_eq!(observed(we_first), observed(they_first), "{state:?} {our:?} {their:?}");
            }
        }
    }
}

#[test]
fn hearing_the_same_thing_twice_is_hearing_it_once() {
    for (state, event) in pairs() {
        let once = after(state, event);
        assert_eq!(after(once, event), once, "{state:?} {event:?}");
    }
}

#[test]
fn a_torn_down_connection_says_so_until_it_is_closed() {
    for event in EVENTS {
        let expected = if event == Event::Close { State::Closed } else { State::Reset };
        assert_eq!(after(State::Reset, event), expected, "{event:?}");
    }
    for state in states() {
        let torn = matches!(state, State::Connected { .. });
        if torn {
            assert_eq!(state.on(Event::Reset), Ok(State::Reset), "{state:?}");
        }
    }
}

#[test]
fn the_table_can_be_asked_at_compile_time() {
    const AFTER: Result<State, Error> = State::READER.on(Event::PeerShutSend);
    assert_eq!(AFTER, Ok(State::Connected { send: Direction::Absent, recv: Direction::Ended }));
}
