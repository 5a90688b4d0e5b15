//! Tests what a link and its ports report to their users, over a line without faults.
#![cfg(not(loom))]

use ringway_core::Error;
use ringway_core::channel::link::{
    Config, Down, Event, Line, Link, Phase, PortEvent, ReliableLink, ResetReason, SerialLink,
};
use ringway_core::channel::{Direction, State};
use std::hash::{DefaultHasher, Hash, Hasher};

const MAX: usize = 32;

type Serial = SerialLink<MAX, 4, 2, 2>;
type Reliable = ReliableLink<MAX, 4, 2, 2>;

const CONFIG: Config = Config { keepalive: 1_000, gone: 3_000, ..Config::new(0) };

fn config(generation: u32) -> Config {
    Config { generation, ..CONFIG }
}

/// Carries bytes both ways until neither end has more to send.
fn carry<A: Line, B: Line, const P: usize, const Q: usize, const C: usize, const D: usize>(
    now: u64,
    a: &mut Link<A, P, C, MAX>,
    b: &mut Link<B, Q, D, MAX>,
) {
    let mut out = [0; 50];
    loop {
        let forth = a.poll_transmit(now, &mut out);
        b.handle_bytes(now, &out[..forth]);
        let back = b.poll_transmit(now, &mut out);
        a.handle_bytes(now, &out[..back]);
        if forth + back == 0 {
            return;
        }
    }
}

fn events<L: Line, const P: usize, const C: usize>(link: &mut Link<L, P, C, MAX>) -> Vec<Event> {
    std::iter::from_fn(|| link.poll_event()).collect()
}

/// Returns two links that are up, with `ports` open on both.
fn pair<L: Line>(
    make: fn(Config) -> Link<L, 2, 2, MAX>,
    ports: &[u8],
) -> (Link<L, 2, 2, MAX>, Link<L, 2, 2, MAX>) {
    let (mut a, mut b) = (make(config(1)), make(config(2)));
    for end in [&mut a, &mut b] {
        end.open(0).unwrap();
        ports.iter().for_each(|port| end.open_port(*port).unwrap());
    }
    carry(0, &mut a, &mut b);
    for end in [&mut a, &mut b] {
        assert_eq!(events(end)[0], Event::Up);
        ports.iter().for_each(|port| assert_eq!(end.port_state(*port), State::STREAM));
    }
    (a, b)
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Runs each scenario over both line disciplines.
macro_rules! over_both_lines {
    ($($name:ident($make:ident) $body:block)*) => {
        $(
            mod $name {
                use super::*;
                fn scenario<L: Line + Clone + Hash>($make: fn(Config) -> Link<L, 2, 2, MAX>) $body

                #[test]
                fn serial() {
                    scenario(Serial::new);
                }

                #[test]
                fn reliable() {
                    scenario(Reliable::new);
                }
            }
        )*
    };
}

over_both_lines! {
    both_sides_learn_the_peers_limits_and_generation(make) {
        let (a, b) = pair(make, &[]);
        let peer = a.peer().unwrap();
        assert_eq!((peer.id.generation, peer.max, peer.ports, peer.credits), (2, 32, 2, 2));
        assert_eq!(b.peer().unwrap().id.generation, 1);
    }

    a_port_opens_when_both_sides_want_it(make) {
        let (mut a, mut b) = pair(make, &[]);
        a.open_port(1).unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!(a.port_state(1), State::Connecting);
        assert_eq!(a.try_send(1, b"early"), Err(Error::NotConnected));
        assert_eq!(events(&mut b), [Event::Port(1, PortEvent::Waiting)]);
        b.open_port(1).unwrap();
        b.try_send(1, b"ready").unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut a), [
            Event::Port(1, PortEvent::Opened),
            Event::Port(1, PortEvent::Readable)
        ]);
        assert_eq!(a.peek(1), Ok(&b"ready"[..]));
    }

    refused_port_gets_a_reason_and_can_open_again(make) {
        let (mut a, mut b) = pair(make, &[]);
        a.open_port(0).unwrap();
        carry(0, &mut a, &mut b);
        b.reset_port(0, 42);
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut a), [
            Event::Port(0, PortEvent::Reset(ResetReason::Peer(42))),
            Event::Port(0, PortEvent::Free)
        ]);
        assert_eq!(a.port_state(0), State::New);
        a.open_port(0).unwrap();
        b.open_port(0).unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!((a.port_state(0), b.port_state(0)), (State::STREAM, State::STREAM));
    }

    withdrawn_open_leaves_nothing_behind(make) {
        let (mut a, mut b) = pair(make, &[]);
        a.open_port(0).unwrap();
        carry(0, &mut a, &mut b);
        a.close_port(0);
        assert_eq!(a.open_port(0), Err(Error::WouldBlock), "the peer has not agreed yet");
        carry(0, &mut a, &mut b);
        a.open_port(0).unwrap();
        b.open_port(0).unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!((a.port_state(0), b.port_state(0)), (State::STREAM, State::STREAM));
    }

    sender_stops_at_its_credits_on_one_port_only(make) {
        let (mut a, mut b) = pair(make, &[0, 1]);
        a.try_send(0, b"1").unwrap();
        a.try_send(0, b"2").unwrap();
        assert_eq!(a.try_send(0, b"3"), Err(Error::WouldBlock));
        carry(0, &mut a, &mut b);
        assert_eq!(a.try_send(0, b"3"), Err(Error::WouldBlock), "nobody read yet");
        for round in 0..50 {
            a.try_send(1, &[round]).unwrap();
            carry(0, &mut a, &mut b);
            assert_eq!(b.try_recv(1, &mut [0; 4]), Ok(1));
            carry(0, &mut a, &mut b);
        }
        assert_eq!(events(&mut a), []);
        b.release(0);
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut a), [Event::Port(0, PortEvent::Writable)]);
        a.try_send(0, b"3").unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!(b.peek(0), Ok(&b"2"[..]));
    }

    half_closed_port_carries_the_other_direction(make) {
        let (mut a, mut b) = pair(make, &[0]);
        a.try_send(0, b"last").unwrap();
        a.shut_send(0).unwrap();
        assert_eq!(a.try_send(0, b"more"), Err(Error::BrokenPipe));
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut b), [
            Event::Port(0, PortEvent::Readable),
            Event::Port(0, PortEvent::PeerShutSend)
        ]);
        assert_eq!(b.try_recv(0, &mut [0; 8]), Ok(4));
        assert_eq!(b.peek(0), Err(Error::EndOfFile));
        for round in 0..20 {
            b.try_send(0, &[round]).unwrap();
            carry(0, &mut a, &mut b);
            assert_eq!(a.try_recv(0, &mut [0; 8]), Ok(1));
            carry(0, &mut a, &mut b);
        }
        b.close_port(0);
        carry(0, &mut a, &mut b);
        let ended = State::Connected { send: Direction::Shut, recv: Direction::Ended };
        assert_eq!((a.port_state(0), b.port_state(0)), (ended, State::Closed));
        a.close_port(0);
        a.open_port(0).unwrap();
        b.open_port(0).unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!((a.port_state(0), b.port_state(0)), (State::STREAM, State::STREAM));
    }

    shut_recv_breaks_the_peers_pipe(make) {
        let (mut a, mut b) = pair(make, &[0]);
        a.try_send(0, b"unread").unwrap();
        carry(0, &mut a, &mut b);
        b.shut_recv(0).unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut a), [Event::Port(0, PortEvent::PeerShutRecv)]);
        assert_eq!(a.try_send(0, b"more"), Err(Error::BrokenPipe));
        b.try_send(0, b"back").unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!(a.peek(0), Ok(&b"back"[..]));
    }

    reset_carries_its_reason_and_drops_unread_messages(make) {
        let (mut a, mut b) = pair(make, &[0, 1]);
        b.try_send(0, b"unread").unwrap();
        carry(0, &mut a, &mut b);
        b.reset_port(0, 7);
        carry(0, &mut a, &mut b);
        assert!(events(&mut a).contains(&Event::Port(0, PortEvent::Reset(ResetReason::Peer(7)))));
        assert_eq!(a.peek(0), Err(Error::Reset));
        assert_eq!(a.port_state(1), State::STREAM, "the other port");
        a.open_port(0).unwrap();
        b.open_port(0).unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!((a.port_state(0), b.port_state(0)), (State::STREAM, State::STREAM));
    }

    message_length_is_bounded_by_both_sides(make) {
        let (mut a, mut b) = pair(make, &[0]);
        assert_eq!(a.try_send(0, &[1; MAX + 1]), Err(Error::MessageTooLarge { max: MAX }));
        a.try_send(0, &[1; MAX]).unwrap();
        a.try_send(0, &[]).unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!(b.try_recv(0, &mut [0; 4]), Err(Error::BufferTooSmall { needed: MAX }));
        assert_eq!(b.try_recv(0, &mut [0; MAX]), Ok(MAX));
        assert_eq!(b.try_recv(0, &mut [0; 4]), Ok(0), "an empty message is a message");
    }

    close_delivers_messages_then_both_sides_are_down(make) {
        let (mut a, mut b) = pair(make, &[0]);
        a.try_send(0, b"one").unwrap();
        a.try_send(0, b"two").unwrap();
        a.close(5);
        assert_eq!(a.phase(), Phase::Closing);
        carry(5, &mut a, &mut b);
        assert_eq!(events(&mut a), [
            Event::Down(Down::Closed),
            Event::Port(0, PortEvent::Free)
        ]);
        assert_eq!(events(&mut b)[0], Event::Down(Down::PeerClosed));
        assert_eq!((a.phase(), b.phase()), (Phase::Down, Phase::Down));
        assert_eq!(b.try_recv(0, &mut [0; 8]), Ok(3), "it had come whole: it can still be read");
        assert_eq!(b.try_recv(0, &mut [0; 8]), Ok(3));
        assert_eq!(b.peek(0), Err(Error::EndOfFile));
        assert_eq!(b.try_send(0, b"late"), Err(Error::Reset));
        // Both come up again over the same line.
        for end in [&mut a, &mut b] {
            end.close_port(0);
            end.open(9).unwrap();
            end.open_port(0).unwrap();
        }
        carry(9, &mut a, &mut b);
        assert_eq!((a.port_state(0), b.port_state(0)), (State::STREAM, State::STREAM));
    }

    complete_messages_are_delivered_before_the_reset(make) {
        type End<'a, L> = &'a mut Link<L, 2, 2, MAX>;
        type Loss<L> = (Down, fn(End<'_, L>, fn(Config) -> Link<L, 2, 2, MAX>));
        let losses: [Loss<L>; 4] = [
            (Down::LineEnded, |b, _| b.handle_end(5)),
            (Down::PeerGone, |b, _| b.handle_timeout(5_000)),
            (Down::PeerRestarted, |b, make| {
                let mut other = make(config(3));
                other.open(5).unwrap();
                // The new peer opens the port too; that must not mix with the messages in it.
                other.open_port(0).unwrap();
                carry(5, b, &mut other);
            }),
            (Down::PeerRestarted, |b, make| {
                // Lose the session twice: the second loss finds the messages that the first one
                // left.
                for generation in [3, 4] {
                    let mut other = make(config(generation));
                    other.open(5).unwrap();
                    carry(5, b, &mut other);
                }
            }),
        ];
        for (why, lose) in losses {
            for (count, ends) in [(0, false), (1, false), (2, false), (0, true), (1, true), (2, true)] {
                let (mut a, mut b) = pair(make, &[0, 1]);
                for number in 0..count {
                    a.try_send(0, &[number]).unwrap();
                }
                if ends {
                    a.shut_send(0).unwrap();
                }
                carry(0, &mut a, &mut b);
                lose(&mut b, make);
                let told = events(&mut b);
                assert!(told.contains(&Event::Down(why)));
                let stopped = told.contains(&Event::Port(0, PortEvent::PeerShutRecv));
                assert_eq!(stopped, count > 0, "a port with messages left can only be read");
                assert_eq!(b.try_send(0, b"late"), Err(Error::Reset));
                assert_eq!(b.port_state(1), State::Reset);
                for number in 0..count {
                    assert!(!events(&mut b).contains(&Event::Port(0, PortEvent::Reset(ResetReason::LinkDown))));
                    assert_eq!(b.peek(0), Ok(&[number][..]), "{why:?}");
                    assert_eq!(b.try_recv(0, &mut [0; 8]), Ok(1));
                    assert_eq!(b.try_send(0, b"late"), Err(Error::Reset));
                }
                let end = if ends { Error::EndOfFile } else { Error::Reset };
                assert_eq!(b.peek(0), Err(end), "{why:?}, {count}");
                assert_eq!(b.try_send(0, b"late"), Err(Error::Reset));
                if !ends {
                    assert_eq!(b.port_state(0), State::Reset);
                }
                // The port can be opened again, as after any reset.
                b.close_port(0);
                assert_eq!(b.peek(0), Err(Error::Closed));
                assert_eq!(b.try_send(0, b"late"), Err(Error::Closed));
                b.open_port(0).unwrap();
                assert_eq!(b.try_send(0, b"early").is_ok(), b.port_state(0).can_send());
            }
        }
    }

    port_reopens_after_its_session_ended_with_messages(make) {
        let (mut a, mut b) = pair(make, &[0]);
        a.try_send(0, b"old").unwrap();
        carry(0, &mut a, &mut b);
        a.handle_end(1);
        b.handle_end(1);
        for end in [&mut a, &mut b] {
            end.open(2).unwrap();
            end.open_port(0).unwrap();
        }
        carry(2, &mut a, &mut b);
        assert_eq!((a.port_state(0), b.port_state(0)), (State::STREAM, State::STREAM));
        assert_eq!(b.open_port(0), Err(Error::AlreadyConnected));
        a.try_send(0, b"new").unwrap();
        carry(2, &mut a, &mut b);
        assert_eq!(b.peek(0), Ok(&b"new"[..]));
        b.try_send(0, b"back").unwrap();
    }

    silent_peer_is_asked_and_then_given_up(make) {
        let (mut a, mut b) = pair(make, &[0]);
        a.handle_timeout(1_000);
        assert_eq!(a.phase(), Phase::Up);
        carry(1_000, &mut a, &mut b);
        assert!(a.poll_timeout().unwrap() >= 2_000, "it answered");
        let mut out = [0; 100];
        for now in [2_000, 3_000] {
            assert_eq!(a.poll_timeout(), Some(now));
            a.handle_timeout(now);
            assert!(a.poll_transmit(now, &mut out) > 0, "it asks");
        }
        assert_eq!(a.poll_timeout(), Some(4_000));
        a.handle_timeout(4_000);
        assert_eq!(events(&mut a), [
            Event::Down(Down::PeerGone),
            Event::Port(0, PortEvent::Reset(ResetReason::LinkDown))
        ]);
        assert_eq!(a.phase(), Phase::Connecting);
        carry(4_000, &mut a, &mut b);
        assert_eq!((a.phase(), b.phase()), (Phase::Up, Phase::Up));
        assert_eq!(events(&mut b)[0], Event::Down(Down::PeerRestarted));
        assert_eq!(b.port_state(0), State::Reset);
    }

    restart_with_the_same_generation_is_recognised(make) {
        for (generation, greets_first) in [(2, false), (3, false), (3, true)] {
            let (mut a, b) = pair(make, &[0]);
            a.try_send(0, b"for the old one").unwrap();
            drop(b);
            let mut b = make(config(generation));
            b.open(0).unwrap();
            b.open_port(0).unwrap();
            if greets_first {
                // The message waits in the line when the old session ends.
                carry(0, &mut b, &mut a);
            }
            carry(0, &mut a, &mut b);
            let told = events(&mut a);
            assert_eq!(told[..2], [Event::Down(Down::PeerRestarted), Event::Up]);
            assert!(told.contains(&Event::Port(0, PortEvent::Reset(ResetReason::LinkDown))));
            assert_eq!(a.port_state(0), State::Reset);
            a.open_port(0).unwrap();
            carry(0, &mut a, &mut b);
            assert_eq!(b.peek(0), Err(Error::WouldBlock), "nothing of the old session");
            assert_eq!((a.port_state(0), b.port_state(0)), (State::STREAM, State::STREAM));
        }
    }

    connecting_port_outlives_the_session(make) {
        let (mut a, mut b) = pair(make, &[]);
        a.open_port(1).unwrap();
        carry(0, &mut a, &mut b);
        a.handle_end(1);
        b.handle_end(1);
        assert_eq!(a.port_state(1), State::Connecting);
        a.open(2).unwrap();
        b.open(2).unwrap();
        b.open_port(1).unwrap();
        carry(2, &mut a, &mut b);
        assert_eq!((a.port_state(1), b.port_state(1)), (State::STREAM, State::STREAM));
    }

    open_withdrawn_unheard_is_free_at_once(make) {
        let (mut a, mut b) = pair(make, &[]);
        a.open_port(0).unwrap();
        a.close_port(0);
        assert_eq!(a.open_port(0), Ok(()));
        a.close_port(0);
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut b), []);
    }

    reset_after_close_changes_nothing(make) {
        let (mut a, mut b) = pair(make, &[0]);
        b.try_send(0, b"last").unwrap();
        b.close_port(0);
        b.reset_port(0, 9);
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut a), [
            Event::Port(0, PortEvent::Readable),
            Event::Port(0, PortEvent::PeerShutSend),
            Event::Port(0, PortEvent::PeerShutRecv)
        ]);
        assert_eq!(a.peek(0), Ok(&b"last"[..]));
    }

    side_that_ended_a_direction_hears_no_echo(make) {
        // The peer shut its sending before; nobody has to tell it to stop.
        let (mut a, mut b) = pair(make, &[0]);
        a.shut_send(0).unwrap();
        carry(0, &mut a, &mut b);
        b.shut_recv(0).unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut a), []);
        // This side shut its receiving before; the end of file is no news.
        let (mut a, mut b) = pair(make, &[0]);
        b.shut_recv(0).unwrap();
        a.shut_send(0).unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut b), []);
    }

    reset_replaces_the_news_before_it(make) {
        let (mut a, mut b) = pair(make, &[]);
        a.open_port(0).unwrap();
        b.open_port(0).unwrap();
        carry(0, &mut a, &mut b);
        b.try_send(0, b"unread").unwrap();
        b.shut_recv(0).unwrap();
        carry(0, &mut a, &mut b);
        b.reset_port(0, 7);
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut a), [
            Event::Port(0, PortEvent::Reset(ResetReason::Peer(7))),
            Event::Port(0, PortEvent::Free)
        ]);
    }

    opening_a_port_drops_the_news_of_its_last_use(make) {
        let (mut a, mut b) = pair(make, &[0]);
        b.reset_port(0, 7);
        carry(0, &mut a, &mut b);
        b.open_port(0).unwrap();
        carry(0, &mut a, &mut b);
        a.open_port(0).unwrap();
        carry(0, &mut a, &mut b);
        assert_eq!(events(&mut a), [Event::Port(0, PortEvent::Opened)]);
    }

    refusing_a_peer_loses_no_other_news(make) {
        let (mut a, mut b) = pair(make, &[0]);
        b.reset_port(0, 7);
        carry(0, &mut a, &mut b);
        for reason in [1, 2, 3] {
            b.open_port(0).unwrap();
            carry(0, &mut a, &mut b);
            a.reset_port(0, reason);
            carry(0, &mut a, &mut b);
            let refused = Event::Port(0, PortEvent::Reset(ResetReason::Peer(reason)));
            assert!(events(&mut b).contains(&refused));
        }
        assert_eq!(events(&mut a), [
            Event::Port(0, PortEvent::Reset(ResetReason::Peer(7))),
            Event::Port(0, PortEvent::Free)
        ]);
    }

    closing_side_learns_if_the_peer_has_everything(make) {
        let (mut a, _) = pair(make, &[0]);
        a.try_send(0, b"not yet sent").unwrap();
        a.close(0);
        a.handle_end(1);
        assert_eq!(events(&mut a)[0], Event::Down(Down::LineEnded));

        let (mut a, _) = pair(make, &[]);
        a.close(0);
        assert!(a.poll_transmit(0, &mut [0; 100]) > 0, "nothing is left to send: it says so");
        a.handle_end(1);
        assert_eq!(events(&mut a), [Event::Down(Down::Closed)]);
        // The next session has a reason of its own.
        a.open(2).unwrap();
        a.handle_end(3);
        assert_eq!(events(&mut a), [Event::Down(Down::LineEnded)]);
    }

    partly_sent_frame_does_not_outlive_its_stream(make) {
        let (mut a, _) = pair(make, &[0]);
        a.try_send(0, b"half").unwrap();
        let mut out = [0; 100];
        assert_eq!(a.poll_transmit(0, &mut out[..5]), 5);
        a.handle_end(1);
        assert_eq!(a.poll_transmit(1, &mut out), 0);
    }

    hash_says_what_affects_later_behaviour(make) {
        let (a, b) = pair(make, &[0]);
        let (mut one, mut two) = (a.clone(), a.clone());
        assert_eq!(hash(&one), hash(&two));
        one.try_send(0, b"x").unwrap();
        two.try_send(0, b"y").unwrap();
        assert_ne!(hash(&one), hash(&two), "a message waits for the line");

        let (mut one, mut two) = (a.clone(), a.clone());
        let mut came = [(&mut one, b"xz"), (&mut two, b"yz")].map(|(to, message)| {
            let mut from = b.clone();
            from.try_send(0, message).unwrap();
            let mut out = vec![0; 100];
            let len = from.poll_transmit(0, &mut out);
            out.truncate(len);
            let last = out.pop().unwrap();
            to.handle_bytes(0, &out);
            (to, last)
        });
        assert_ne!(hash(came[0].0), hash(came[1].0), "a frame arrives");
        for (to, last) in &mut came {
            to.handle_bytes(0, &[*last]);
            to.release(0);
        }
        assert_eq!(hash(&one), hash(&two), "what the messages left behind");
    }
}

#[test]
fn port_that_the_peer_lacks_is_refused() {
    let mut a = Serial::new(config(1));
    let mut b = SerialLink::<MAX, 1, 1, 1>::new(config(2));
    a.open(0).unwrap();
    b.open(0).unwrap();
    a.open_port(1).unwrap();
    carry(0, &mut a, &mut b);
    assert_eq!(
        events(&mut a),
        [Event::Up, Event::Port(1, PortEvent::Reset(ResetReason::NoSuchPort))]
    );
    assert_eq!(a.open_port(1), Err(Error::NotFound));
    // Links with different windows and credits work together.
    a.open_port(0).unwrap();
    b.open_port(0).unwrap();
    carry(0, &mut a, &mut b);
    assert_eq!(a.try_send(0, b"x"), Ok(()));
    assert_eq!(a.try_send(0, b"y"), Err(Error::WouldBlock), "the peer has room for one");
}

#[test]
fn lost_frame_is_resent_early_when_another_follows() {
    let (mut a, mut b) = pair(Serial::new, &[0]);
    let mut out = [0; 200];
    a.try_send(0, b"lost").unwrap();
    assert!(a.poll_transmit(0, &mut out) > 0);
    a.try_send(0, b"found").unwrap();
    carry(0, &mut a, &mut b);
    assert_eq!(b.try_recv(0, &mut out), Ok(4));
    assert_eq!(b.try_recv(0, &mut out), Ok(5));
}

#[test]
fn lost_last_frame_is_resent_at_doubling_intervals() {
    let (mut a, mut b) = pair(Serial::new, &[0]);
    let mut out = [0; 200];
    a.try_send(0, b"lost").unwrap();
    let mut now = 0;
    for interval in [100, 200, 400] {
        assert!(a.poll_transmit(now, &mut out) > 0);
        assert_eq!(a.poll_timeout(), Some((now + interval).min(1_000)));
        now += interval;
        a.handle_timeout(now);
    }
    carry(now, &mut a, &mut b);
    assert_eq!(b.try_recv(0, &mut out), Ok(4));
    assert_eq!(b.peek(0), Err(Error::WouldBlock), "once");
}

#[test]
fn frames_that_cross_are_not_sent_again() {
    let (mut a, mut b) = pair(Serial::new, &[0]);
    a.try_send(0, b"forth").unwrap();
    b.try_send(0, b"back").unwrap();
    let (mut out, mut bare) = ([0; 100], [0; 100]);
    let forth = a.poll_transmit(0, &mut bare);
    let back = b.poll_transmit(0, &mut out);
    a.handle_bytes(0, &out[..back]);
    assert_eq!(a.poll_transmit(0, &mut out), 8, "only the acknowledgement");
    b.handle_bytes(0, &bare[..forth]);
    assert_eq!(b.peek(0), Ok(&b"forth"[..]));
}

#[test]
fn late_acknowledgement_stops_the_resending() {
    let (mut a, mut b) = pair(Serial::new, &[0]);
    let mut out = [0; 100];
    a.try_send(0, b"once").unwrap();
    let len = a.poll_transmit(0, &mut out);
    b.handle_bytes(0, &out[..len]);
    a.handle_timeout(100);
    let len = b.poll_transmit(100, &mut out);
    a.handle_bytes(100, &out[..len]);
    assert_eq!(a.poll_transmit(100, &mut out), 0);
}

#[test]
fn exchange_carries_more_than_one_piece() {
    let (mut a, mut b) = pair(Serial::new, &[0]);
    a.try_send(0, &[7; MAX]).unwrap();
    a.exchange(0, &mut b);
    assert_eq!(b.peek(0), Ok(&[7; MAX][..]));
    b.release(0);
    b.try_send(0, &[8; MAX]).unwrap();
    a.exchange(0, &mut b);
    assert_eq!(a.peek(0), Ok(&[8; MAX][..]));
}

#[test]
fn reasons_for_a_lost_session_have_texts() {
    let text = Down::Incompatible(7).to_string();
    assert_eq!(text, "the peer speaks version 7 of the protocol, this side version 1");
    assert_eq!(Down::Closed.to_string(), "this side closed the link");
}

#[test]
fn noise_leaves_nothing_in_the_hash() {
    let (a, _) = pair(Serial::new, &[0]);
    let (mut one, mut two) = (a.clone(), a);
    one.handle_bytes(0, &[3, 7, 8, 0]);
    two.handle_bytes(0, &[3, 9, 8, 0]);
    assert_eq!(hash(&one), hash(&two));
}

#[test]
fn unopened_link_answers_nothing() {
    let (mut a, _) = pair(Reliable::new, &[0]);
    let mut fresh = Reliable::new(config(3));
    a.try_send(0, b"for the one before").unwrap();
    a.handle_timeout(1_000);
    carry(1_000, &mut a, &mut fresh);
    assert_eq!(a.phase(), Phase::Up);
    // Once it is open, the peer recognises it as another link.
    fresh.open(1_000).unwrap();
    carry(1_000, &mut a, &mut fresh);
    assert_eq!(events(&mut a)[0], Event::Down(Down::PeerRestarted));
    assert_eq!(fresh.phase(), Phase::Up);
    // Bytes that no peer sends are no news to a link without a session.
    let mut fresh = Reliable::new(config(3));
    fresh.handle_bytes(0, &[0xFF; 8]);
    assert_eq!(events(&mut fresh), []);
}

#[test]
fn peer_that_missed_the_close_hears_it_when_it_asks() {
    let (mut a, mut b) = pair(Serial::new, &[0]);
    b.try_send(0, b"hello").unwrap();
    carry(0, &mut a, &mut b);
    a.close(0);
    let mut now = 0;
    let mut lost = [0; 500];
    while a.phase() != Phase::Down {
        // The closing link transmits, and the line loses every byte.
        let _ = a.poll_transmit(now, &mut lost);
        now = a.poll_timeout().expect("the link sends `BYE` again, or is down");
        a.handle_timeout(now);
        assert!(now < 100_000);
    }
    b.handle_timeout(now.min(1_000));
    carry(now, &mut a, &mut b);
    assert_eq!(events(&mut b).first(), Some(&Event::Down(Down::PeerClosed)));
}

#[test]
fn close_that_nobody_answers_is_said_eight_times() {
    let (mut a, mut b) = pair(Serial::new, &[]);
    a.close(0);
    let mut bytes = [0; 500];
    let mut said = 0;
    for number in 0..8 {
        let now = number * u64::from(CONFIG.hello);
        a.handle_timeout(now);
        assert_eq!(a.phase(), Phase::Closing);
        said = a.poll_transmit(now, &mut bytes);
        assert!(said > 0);
    }
    // Each of them would do.
    b.handle_bytes(0, &bytes[..said]);
    assert_eq!(events(&mut b), [Event::Down(Down::PeerClosed)]);
    a.handle_timeout(8 * u64::from(CONFIG.hello));
    assert_eq!(events(&mut a), [Event::Down(Down::Closed)]);
}
