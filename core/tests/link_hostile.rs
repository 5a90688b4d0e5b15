//! Feeds bytes that no peer would send into a link in every phase.
//!
//! The link's work is bounded, it does not panic, and it does not take such bytes for a peer's.
#![cfg(not(loom))]

mod random;
#[path = "../src/scaled.rs"]
mod scaled;

use random::Random;
use ringway_core::Error;
use ringway_core::channel::State;
use ringway_core::channel::frame::{Crc32, Hello, Identity, encode, max_encoded_len};
use ringway_core::channel::link::{
    Config, Down, Event, Line, Link, Phase, PortEvent, ReliableLink, SerialLink,
};
use scaled::scaled;

const PORTS: usize = 2;
const MAX: usize = 64;

type Serial = SerialLink<MAX, 2, PORTS, 2>;
type Reliable = ReliableLink<MAX, 2, PORTS, 2>;

/// Returns two links that are up, with both ports connected.
fn connected<L: Line>(make: fn(Config) -> Link<L, PORTS, 2, MAX>) -> [Link<L, PORTS, 2, MAX>; 2] {
    let mut ends = [make(Config::new(1)), make(Config::new(2))];
    for end in &mut ends {
        end.open(0).unwrap();
        end.open_port(0).unwrap();
        end.open_port(1).unwrap();
    }
    let mut bytes = [0; 64];
    for _ in 0..100 {
        let [a, b] = &mut ends;
        let len = a.poll_transmit(0, &mut bytes);
        b.handle_bytes(0, &bytes[..len]);
        let len = b.poll_transmit(0, &mut bytes);
        a.handle_bytes(0, &bytes[..len]);
    }
    for end in &mut ends {
        assert_eq!(end.port_state(0), State::STREAM);
        while end.poll_event().is_some() {}
    }
    ends
}

/// Calls a random method of a link, then polls it; asserts that each poll comes to an end.
fn call_and_poll<L: Line>(link: &mut Link<L, PORTS, 2, MAX>, random: &mut Random, now: u64) {
    let port = random.below(PORTS + 2) as u8;
    match random.below(12) {
        0 => drop(link.open(now)),
        1 if random.below(10) == 0 => link.close(now),
        2 => drop(link.open_port(port)),
        3 => link.close_port(port),
        4 => link.reset_port(port, port),
        5 => drop(link.try_send(port, &[7; MAX + 1][..random.below(MAX + 2)])),
        6 => drop(link.try_recv(port, &mut [0; MAX][..random.below(MAX + 1)])),
        7 => drop(link.shut_send(port)),
        8 => drop(link.shut_recv(port)),
        9 => link.handle_timeout(link.poll_timeout().unwrap_or(now)),
        10 if random.below(50) == 0 => link.handle_end(now),
        _ => link.release(port),
    }
    let events = (0..100).take_while(|_| link.poll_event().is_some()).count();
    assert!(events < 2 + 8 * PORTS, "{events} events from one input");
    // It may transmit at most the window, each control frame once, and an acknowledgement.
    let mut out = [0; 32];
    let mut transmitted = 0;
    loop {
        let len = link.poll_transmit(now, &mut out);
        transmitted += len;
        assert!(transmitted < 8 * (MAX + 20), "it transmits for ever");
        if len < out.len() {
            break;
        }
    }
}

/// Makes random bytes, mutated frames and plausible but invalid ones.
fn hostile(random: &mut Random, captured: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = match random.below(4) {
        0 => (0..random.below(200)).map(|_| random.below(256) as u8).collect(),
        1 => (0..random.below(200)).map(|_| random.below(4) as u8).collect(),
        _ if captured.is_empty() => vec![random.below(256) as u8; random.below(300)],
        _ => captured[random.below(captured.len())].clone(),
    };
    for _ in 0..random.below(4) {
        if !bytes.is_empty() {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = random.below(256) as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, random.below(256) as u8),
            }
        }
    }
    bytes
}

fn survives<L: Line + Clone>(make: fn(Config) -> Link<L, PORTS, 2, MAX>, seed: u64) {
    let mut random = Random::new(seed);
    for round in 0..scaled(40) {
        let [fresh, mut peer] = connected(make);
        let mut link = if round % 2 == 0 { fresh } else { make(Config::new(9)) };
        // Frames of the true peer, to be mutated.
        let mut captured = Vec::new();
        let mut now = 0;
        for _ in 0..scaled(500) {
            now += random.below(300) as u64;
            if random.below(3) == 0 {
                call_and_poll(&mut peer, &mut random, now);
                let _ = peer.try_send(0, b"something");
                let mut out = [0; 200];
                let len = peer.poll_transmit(now, &mut out);
                captured.push(out[..len].to_vec());
            }
            let bytes = hostile(&mut random, &captured);
            link.handle_bytes(now, &bytes);
            call_and_poll(&mut link, &mut random, now);
        }
    }
}

#[test]
fn a_serial_link_survives_any_bytes() {
    (0..scaled(10) as u64).for_each(|seed| survives(Serial::new, seed));
}

#[test]
fn a_reliable_link_survives_any_bytes() {
    (0..scaled(10) as u64).for_each(|seed| survives(Reliable::new, 1_000 + seed));
}

#[test]
fn noise_neither_ends_a_serial_session_nor_delivers() {
    let mut random = Random::new(3);
    let [mut link, _] = connected(Serial::new);
    for _ in 0..scaled(3_000) {
        let bytes = hostile(&mut random, &[]);
        link.handle_bytes(0, &bytes);
        assert_eq!(link.poll_event(), None);
        assert_eq!(link.phase(), Phase::Up);
        let mut out = [0; 300];
        assert!(link.poll_transmit(0, &mut out) < 100, "noise is answered once at most");
    }
}

/// Makes a serial frame with a valid checksum, as a broken or hostile peer could send it.
fn forge(from: Identity, to: Identity, head: &[u8], body: &[u8]) -> Vec<u8> {
    let bytes = |id: Identity| {
        let [a, b, c, d] = id.generation.to_le_bytes();
        let [e, f] = id.attempt.to_le_bytes();
        [a, b, c, d, e, f]
    };
    let hello = head[0] & 0x7F == 1;
    let seed = if hello { vec![] } else { [bytes(from), bytes(to)].concat() };
    let content = [head, body].concat();
    let crc = Crc32::new().update(&seed).update(&content).finish();
    let frame = [&content[..], &crc.to_le_bytes()].concat();
    let mut line = vec![0; max_encoded_len(frame.len())];
    let len = encode(&frame, &mut line).unwrap();
    [&line[..len], &[0]].concat()
}

const HERE: Identity = Identity { generation: 1, attempt: 1 };
const THERE: Identity = Identity { generation: 2, attempt: 1 };

fn down(link: &mut Serial) -> Option<Down> {
    std::iter::from_fn(|| link.poll_event()).find_map(|event| match event {
        Event::Down(why) => Some(why),
        _ => None,
    })
}

#[test]
fn protocol_violation_ends_the_session() {
    // Each head is kind, acknowledgement, number and port. The peer's next number is 2, because it
    // opened two ports.
    let crimes: &[(&str, &[u8], &[u8])] = &[
        ("an unknown kind", &[14, 0, 2, 0], &[]),
        ("an unknown kind without a number", &[6, 0, 0, 0], &[]),
        ("a port that the link does not have", &[9, 0, 2, 2], b"x"),
        ("an `OPEN` for an open port", &[8, 0, 2, 0], &[1]),
        ("a credit without a number", &[10, 0, 2, 0], &[]),
        ("a `SHUT` with a body", &[11, 0, 2, 0], &[0]),
        ("an answer to a `BYE` that was not sent", &[3, 0, 0, 0], &[]),
        ("a numbered kind without a number", &[9, 0], &[]),
    ];
    for (crime, head, body) in crimes {
        let [mut link, _] = connected(Serial::new);
        link.handle_bytes(0, &forge(THERE, HERE, head, body));
        assert_eq!(down(&mut link), Some(Down::Violation), "{crime}");
        assert_eq!(link.port_state(0), State::Reset);
        assert_eq!(link.phase(), Phase::Connecting);
    }
    // The peer sends more messages than it has credits for.
    let [mut link, _] = connected(Serial::new);
    for (number, crime) in (2..5).zip([false, false, true]) {
        assert_eq!(down(&mut link), None);
        link.handle_bytes(0, &forge(THERE, HERE, &[9, 0, number, 0], b"more"));
        assert_eq!(link.phase() != Phase::Up, crime);
    }
    assert_eq!(down(&mut link), Some(Down::Violation));
}

/// A link that is up without open ports, and then gets records of its port 0 from a peer that
/// sends them whether or not a peer of this version would.
fn with_records(kinds: &[(u8, &[u8])]) -> Serial {
    let mut ends = [Serial::new(Config::new(1)), Serial::new(Config::new(2))];
    let [link, peer] = &mut ends;
    link.open(0).unwrap();
    peer.open(0).unwrap();
    link.exchange(0, peer);
    assert_eq!(link.poll_event(), Some(Event::Up));
    for (number, (kind, body)) in (0..).zip(kinds) {
        link.handle_bytes(0, &forge(THERE, HERE, &[*kind, 0, number, 0], body));
    }
    let [link, _] = ends;
    link
}

#[test]
fn message_that_may_not_come_ends_the_session() {
    let message: (u8, &[u8]) = (9, b"early");
    for records in [&[message][..], &[(8, &[1]), message]] {
        assert_eq!(down(&mut with_records(records)), Some(Down::Violation));
    }
    let [mut link, _] = connected(Serial::new);
    link.handle_bytes(0, &forge(THERE, HERE, &[11, 0, 2, 0], &[]));
    assert_eq!(down(&mut link), None);
    link.handle_bytes(0, &forge(THERE, HERE, &[9, 0, 3, 0], b"after the last word"));
    assert_eq!(down(&mut link), Some(Down::Violation));
}

#[test]
fn port_may_open_after_the_peer_shut_it() {
    let mut link = with_records(&[(8, &[1]), (11, &[])]);
    link.open_port(0).unwrap();
    let news = std::iter::from_fn(|| link.poll_event());
    assert_eq!(
        news.collect::<Vec<_>>(),
        [Event::Port(0, PortEvent::Opened), Event::Port(0, PortEvent::PeerShutSend)]
    );
    assert_eq!(link.peek(0), Err(Error::EndOfFile));
    assert_eq!(link.try_send(0, b"answer"), Ok(()));
}

#[test]
fn stop_for_a_port_that_was_not_opened_is_dropped() {
    let [mut link, mut peer] = connected(Serial::new);
    peer.try_send(0, b"unread").unwrap();
    peer.shut_send(0).unwrap();
    link.shut_send(0).unwrap();
    link.exchange(0, &mut peer);
    while link.poll_event().is_some() {}
    // The old connection is over except for its message. The peer's records had the numbers 2, 3.
    link.handle_bytes(0, &forge(THERE, HERE, &[8, 4, 4, 0], &[1]));
    assert_eq!(link.poll_event(), Some(Event::Port(0, PortEvent::Waiting)));
    link.handle_bytes(0, &forge(THERE, HERE, &[12, 4, 5, 0], &[]));
    assert_eq!(link.poll_event(), None);
    assert_eq!(link.peek(0), Ok(&b"unread"[..]));
}

#[test]
fn foreign_and_reflected_frames_are_noise() {
    let stranger = Identity { generation: 2, attempt: 2 };
    for (from, to) in [(stranger, HERE), (HERE, THERE), (THERE, stranger)] {
        let [mut link, _] = connected(Serial::new);
        link.handle_bytes(0, &forge(from, to, &[9, 0, 2, 0], b"old"));
        assert_eq!(link.peek(0), Err(Error::WouldBlock));
        assert_eq!(down(&mut link), None);
    }
    let [mut link, _] = connected(Serial::new);
    link.handle_bytes(0, &forge(THERE, HERE, &[9, 0, 2, 0], b"new"));
    assert_eq!(link.peek(0), Ok(&b"new"[..]));
}

#[test]
fn too_long_frame_is_dropped_and_the_next_accepted() {
    let [mut link, _] = connected(Serial::new);
    link.handle_bytes(0, &forge(THERE, HERE, &[9, 0, 2, 0], &[1; MAX + 1]));
    link.handle_bytes(0, &vec![0x55; scaled(100_000)]);
    link.handle_bytes(0, &[0]);
    link.handle_bytes(0, &forge(THERE, HERE, &[9, 0, 2, 0], &[2; MAX]));
    assert_eq!(link.peek(0), Ok(&[2; MAX][..]));
}

#[test]
fn reliable_link_stays_down_until_a_new_stream() {
    let [mut link, mut peer] = connected(Reliable::new);
    link.handle_bytes(5, &u32::MAX.to_le_bytes());
    assert_eq!(link.poll_event(), Some(Event::Down(Down::Violation)));
    assert_eq!(link.phase(), Phase::Down);
    peer.try_send(0, b"unheard").unwrap();
    let mut out = [0; 200];
    let len = peer.poll_transmit(5, &mut out);
    link.handle_bytes(5, &out[..len]);
    assert_eq!(link.peek(0), Err(Error::Reset));

    link.handle_end(6);
    peer.handle_end(6);
    link.open(6).unwrap();
    peer.open(6).unwrap();
    for _ in 0..10 {
        let len = link.poll_transmit(6, &mut out);
        peer.handle_bytes(6, &out[..len]);
        let len = peer.poll_transmit(6, &mut out);
        link.handle_bytes(6, &out[..len]);
    }
    assert_eq!(link.phase(), Phase::Up);
    assert_eq!(link.peer().map(|peer| peer.id.generation), Some(2));
}

#[test]
fn another_version_is_refused_with_its_number() {
    let mut link = Serial::new(Config::new(1));
    link.open(0).unwrap();
    let hello =
        Hello { up: false, ports: 1, credits: 1, max: 64, id: THERE, heard: Identity::NOBODY };
    let mut body = hello.emit();
    body[4] = 77;
    link.handle_bytes(0, &forge(THERE, HERE, &[1, 0, 0, 0], &body));
    assert_eq!(link.poll_event(), Some(Event::Down(Down::Incompatible(77))));
    assert_eq!(link.phase(), Phase::Down);
}

#[test]
fn acknowledgement_of_an_unsent_frame_is_ignored() {
    let [mut link, mut peer] = connected(Serial::new);
    link.try_send(0, b"still here").unwrap();
    let (mut out, mut unharmed) = ([0; 200], [0; 200]);
    link.clone().poll_transmit(0, &mut unharmed);
    // The link sent two frames, which opened its ports. The third frame waits.
    for ack in [3, 4, 100, 255] {
        let mut link = link.clone();
        link.handle_bytes(0, &forge(THERE, HERE, &[0, ack], &[]));
        link.poll_transmit(0, &mut out);
        assert_eq!(out, unharmed);
    }
    peer.handle_bytes(0, &unharmed);
    assert_eq!(peer.peek(0), Ok(&b"still here"[..]));
}
