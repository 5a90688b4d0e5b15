//! Runs two links over a bad line through long random sequences of what users do.
//!
//! Users open, send, receive, shut, reset, close and restart.
//!
//! Every message names its sender's run, the life of the port, and its place in that life. So the
//! receiver can check each message as it arrives. The messages of a life begin with the first one
//! and come in order, without a gap and without a repetition. No message comes after one of a later
//! life. At the end the line has no more faults, and everything has to work again.
// Not for Miri: link_session, link_frame and link_hostile reach the unsafe code below a link.
#![cfg(not(any(loom, miri)))]

mod line;
mod random;
#[path = "../src/scaled.rs"]
mod scaled;

use line::{Faults, Wire, carry};
use random::Random;
use ringway_core::Error;
use ringway_core::channel::link::{
    Config, Down, Event, Line, Link, Phase, ReliableLink, SerialLink,
};
use ringway_core::channel::{Direction, State};
use scaled::scaled;

const PORTS: usize = 3;
const CREDITS: usize = 3;
const MAX: usize = 80;
/// The rounds of a soak that have faults.
const ROUNDS: u64 = scaled(20_000) as u64;

/// The name of a message: the sender's run, the life of the port, the place in that life.
type Name = (u32, u32, u32);

struct End<L: Line> {
    link: Link<L, PORTS, CREDITS, MAX>,
    generation: u32,
    /// How many lives each port had, and how many messages were sent in the current one.
    lives: [(u32, u32); PORTS],
    /// The last message that arrived on each port.
    last: [Option<Name>; PORTS],
    delivered: usize,
    resets: usize,
}

fn message((generation, life, place): Name, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        [generation, life, place].iter().flat_map(|number| number.to_le_bytes()).collect();
    // Zeros and runs without zeros, to exercise the byte stuffing.
    let filler =
        (0..len).map(|at| if (place as usize + at).is_multiple_of(5) { 0 } else { at as u8 });
    bytes.extend(filler);
    bytes
}

impl<L: Line> End<L> {
    fn new(link: Link<L, PORTS, CREDITS, MAX>, generation: u32) -> Self {
        let lives = [(0, 0); PORTS];
        End { link, generation, lives, last: [None; PORTS], delivered: 0, resets: 0 }
    }

    fn restart(&mut self, link: Link<L, PORTS, CREDITS, MAX>) {
        self.generation += 1;
        self.link = link;
        self.lives = [(0, 0); PORTS];
    }

    fn open(&mut self, port: usize) {
        if self.link.open_port(port as u8).is_ok() {
            self.lives[port] = (self.lives[port].0 + 1, 0);
        }
    }

    fn send(&mut self, port: usize, len: usize) -> Result<(), Error> {
        let (life, place) = self.lives[port];
        self.link.try_send(port as u8, &message((self.generation, life, place), len))?;
        self.lives[port].1 += 1;
        Ok(())
    }

    /// Receives a message if there is one, and checks it.
    fn receive(&mut self, port: usize) -> Result<(), Error> {
        let mut out = [0; MAX];
        let len = self.link.try_recv(port as u8, &mut out)?;
        let number = |at: usize| u32::from_le_bytes(out[at..at + 4].try_into().unwrap());
        let name = (number(0), number(4), number(8));
        assert_eq!(out[..len], message(name, len - 12), "a message that was never sent");
        let (generation, life, place) = name;
        match self.last[port] {
            Some(last) if (last.0, last.1) == (generation, life) => {
                assert_eq!(place, last.2 + 1, "lost, doubled or out of order: {last:?} {name:?}");
            }
            last => {
                assert!(last.is_none_or(|last| last < name), "{name:?} behind {last:?}");
                assert_eq!(place, 0, "a life that does not begin at its beginning");
            }
        }
        self.last[port] = Some(name);
        self.delivered += 1;
        Ok(())
    }

    fn events(&mut self, now: u64, reopen: bool) {
        while let Some(event) = self.link.poll_event() {
            if let Event::Down(why) = event {
                assert!(
                    !matches!(why, Down::Violation | Down::Incompatible(_)),
                    "two honest ends: {why:?}"
                );
                self.resets += 1;
            }
        }
        if reopen && self.link.phase() == Phase::Down {
            self.link.open(now).unwrap();
        }
        if self.link.poll_timeout().is_some_and(|at| at <= now) {
            self.link.handle_timeout(now);
        }
    }

    /// Does one random thing that a user could do.
    fn act(&mut self, random: &mut Random, now: u64) {
        let port = random.below(PORTS);
        match random.below(400) {
            0..100 => {
                let _ = self.send(port, random.below(MAX - 11));
            }
            100..220 => {
                let _ = self.receive(port);
            }
            220..240 => self.open(port),
            240..244 => {
                let _ = self.link.shut_send(port as u8);
            }
            244..247 => {
                let _ = self.link.shut_recv(port as u8);
            }
            247..253 => self.link.close_port(port as u8),
            253..255 => self.link.reset_port(port as u8, 9),
            255 if random.below(20) == 0 => self.link.close(now),
            _ => {}
        }
    }
}

fn is_over(state: State) -> bool {
    let ended = |direction| matches!(direction, Direction::Shut | Direction::Ended);
    match state {
        State::Connected { send, recv } => ended(send) && recv == Direction::Ended,
        _ => false,
    }
}

/// Runs `rounds` with faults, then without; returns how many messages came and sessions ended.
fn soak<L: Line>(
    make: fn(Config) -> Link<L, PORTS, CREDITS, MAX>,
    seed: u64,
    faults: Faults,
    rounds: u64,
    restarts: usize,
    same_stream: bool,
) -> (usize, usize) {
    let config = |generation| Config {
        retransmit: 300,
        hello: 500,
        keepalive: 2_000,
        gone: 9_000,
        ..Config::new(generation)
    };
    let mut random = Random::new(seed);
    let mut wires = [Wire::new(faults), Wire::new(faults)];
    let mut ends = [100, 200].map(|generation| End::new(make(config(generation)), generation));
    let mut now = 0;
    let step = |ends: &mut [End<L>; 2], wires: &mut [Wire; 2], random: &mut Random, now: u64| {
        let [a, b] = ends;
        let [ab, ba] = wires;
        let most = 1 + random.below(30);
        let forth = carry(now, random, &mut a.link, ab, &mut b.link, most);
        forth | carry(now, random, &mut b.link, ba, &mut a.link, most)
    };
    for _ in 0..rounds {
        now += 1 + random.below(10) as u64;
        step(&mut ends, &mut wires, &mut random, now);
        for (at, end) in ends.iter_mut().enumerate() {
            end.act(&mut random, now);
            end.events(now, true);
            if restarts > 0 && random.below(restarts) == 0 {
                end.restart(make(config(end.generation + 1)));
                end.link.open(now).unwrap();
                if same_stream {
                    // The bytes that it had put on the line stay there.
                    continue;
                }
                wires[0].clear();
                wires[1].clear();
                let other = &mut ends[1 - at];
                other.link.handle_end(now);
                break;
            }
        }
    }

    // Without faults, every port is closed, opened again, used and closed in bounded time.
    wires.iter_mut().for_each(|wire| wire.faults = Faults::default());
    let mut settle = |ends: &mut [End<L>; 2],
                      random: &mut Random,
                      what: &str,
                      reopen: bool,
                      until: &mut dyn FnMut(&mut [End<L>; 2]) -> bool| {
        for _ in 0..60_000 {
            now += 1 + random.below(10) as u64;
            step(ends, &mut wires, random, now);
            ends.iter_mut().for_each(|end| end.events(now, reopen));
            if until(ends) {
                return now;
            }
        }
        panic!("{what}: {:?}", ends.each_ref().map(|end| (end.link.phase(), &end.lives)));
    };
    settle(&mut ends, &mut random, "the link does not come up", true, &mut |ends| {
        ends.iter().all(|end| end.link.phase() == Phase::Up)
    });
    let all = || 0..PORTS;
    ends.iter_mut().for_each(|end| all().for_each(|port| end.link.close_port(port as u8)));
    settle(&mut ends, &mut random, "closed ports do not open again", true, &mut |ends| {
        ends.iter_mut().for_each(|end| all().for_each(|port| end.open(port)));
        ends.iter().all(|end| all().all(|port| end.link.port_state(port as u8) == State::STREAM))
    });
    const MANY: u32 = 10;
    let before = ends.each_ref().map(|end| end.lives);
    let end = settle(&mut ends, &mut random, "messages do not arrive", true, &mut |ends| {
        for end in ends.iter_mut() {
            for port in all() {
                if end.lives[port].1 < MANY {
                    let _ = end.send(port, 40);
                } else {
                    end.link.shut_send(port as u8).unwrap();
                }
                let _ = end.receive(port);
            }
        }
        ends.iter().all(|end| all().all(|port| is_over(end.link.port_state(port as u8))))
    });
    for port in all() {
        for (at, end) in ends.iter().enumerate() {
            let peer = &ends[1 - at];
            assert_eq!(before[at][port].0, end.lives[port].0, "the port was reset on a calm line");
            let last = (peer.generation, peer.lives[port].0, MANY - 1);
            assert_eq!(end.last[port], Some(last));
        }
    }
    let delivered = ends.iter().map(|end| end.delivered).sum();
    let resets = ends.iter().map(|end| end.resets).sum();
    ends[0].link.close(end);
    settle(&mut ends, &mut random, "the link does not close", false, &mut |ends| {
        ends.iter().all(|end| end.link.phase() == Phase::Down)
    });
    (delivered, resets)
}

/// Faults that leave most frames whole.
const SOME: Faults = Faults { lose: 900, flip: 900, cut: 5_000, duplicate: 2_000, noise: 5_000 };
/// Faults that hit most frames.
const MANY: Faults = Faults { lose: 150, flip: 150, cut: 800, duplicate: 300, noise: 500 };

#[test]
fn serial_link_recovers_from_a_bad_line() {
    let (mut delivered, mut resets) = (0, 0);
    for seed in 0..scaled(12) as u64 {
        let faults = [Faults::default(), SOME, MANY][seed as usize % 3];
        let (messages, downs) =
            soak::<_>(SerialLink::<MAX, 4, PORTS, CREDITS>::new, seed, faults, ROUNDS, 0, true);
        delivered += messages;
        resets += downs;
    }
    println!("{delivered} messages, {resets} ends of a session");
    assert!(delivered > scaled(5_000), "{delivered} messages: hardly anything was tried");
}

#[test]
fn serial_link_recognises_a_restart_of_either_side() {
    let mut delivered = 0;
    for seed in 100..100 + scaled(12) as u64 {
        let faults = [Faults::default(), SOME, MANY][seed as usize % 3];
        let (messages, downs) = soak::<_>(
            SerialLink::<MAX, 2, PORTS, CREDITS>::new,
            seed,
            faults,
            ROUNDS,
            scaled(1_000),
            true,
        );
        assert!(downs > scaled(10), "{downs} sessions ended: restarts went unnoticed");
        delivered += messages;
    }
    println!("{delivered} messages");
    assert!(delivered > scaled(2_000), "{delivered} messages: hardly anything was tried");
}

#[test]
fn a_window_of_one_frame_is_enough() {
    for seed in 200..200 + scaled(4) as u64 {
        let faults = [SOME, MANY][seed as usize % 2];
        soak::<_>(
            SerialLink::<MAX, 1, PORTS, CREDITS>::new,
            seed,
            faults,
            ROUNDS,
            scaled(5_000),
            true,
        );
    }
}

#[test]
fn reliable_link_survives_pieces_and_stream_ends() {
    let mut delivered = 0;
    for seed in 300..300 + scaled(8) as u64 {
        let calm = Faults::default();
        let make = ReliableLink::<MAX, 4, PORTS, CREDITS>::new;
        let restarts = if seed % 2 == 0 { 0 } else { scaled(2_000) };
        delivered += soak::<_>(make, seed, calm, ROUNDS, restarts, false).0;
    }
    assert!(delivered > scaled(5_000), "{delivered} messages: hardly anything was tried");
}
