//! Two links and a line between them. The bytes decide what the line loses, flips and repeats, what
//! the two programs do, and when time passes.
//!
//! Whatever happens, a message that arrives is one that was sent, and comes after all that arrived
//! on its port before. When the line works again, the two links always form a session and a port,
//! and a message gets through.

use super::Choices;
use ringway_core::channel::State;
use ringway_core::channel::link::{Config, Line, Link, Phase, Reliable, Serial};
use std::collections::VecDeque;
use std::fmt::Debug;

const MAX: usize = 32;
const PORTS: usize = 2;
const CREDITS: usize = 2;

type End<L> = Link<L, PORTS, CREDITS, MAX>;

/// Runs one sequence, over a line of either discipline; a reliable one has no faults but its end.
pub fn link(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let config = |generation| Config { keepalive: 400, gone: 1_500, ..Config::new(generation) };
    match choices.flip() {
        Some(true) => {
            let ends = [1, 2].map(|n| End::<Serial<2, MAX>>::new(config(n)));
            World::new(ends, true).run(&mut choices);
        }
        Some(false) => {
            let ends = [1, 2].map(|n| End::<Reliable<2, MAX>>::new(config(n)));
            World::new(ends, false).run(&mut choices);
        }
        None => {}
    }
}

struct World<L: Line> {
    ends: [End<L>; 2],
    /// The bytes under way from each end.
    wires: [VecDeque<u8>; 2],
    /// Whether the line may do more to the bytes than to end.
    bad: bool,
    now: u64,
    /// How many messages each end sent; the count numbers them.
    sent: [u32; 2],
    /// One more than the number of the message that arrived last, at each end on each port.
    next: [[u32; PORTS]; 2],
}

impl<L: Line + Debug> World<L> {
    fn new(ends: [End<L>; 2], bad: bool) -> Self {
        let wires = [VecDeque::new(), VecDeque::new()];
        World { ends, wires, bad, now: 0, sent: [0; 2], next: [[0; PORTS]; 2] }
    }

    fn run(mut self, choices: &mut Choices<'_>) {
        while self.step(choices).is_some() {}
        self.recover();
    }

    /// Returns `None` when the bytes are used up.
    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let what = choices.below(16)?;
        let side = choices.below(2)?;
        let port = choices.below(PORTS)?;
        let number = port as u8;
        let end = &mut self.ends[side];
        match what {
            0..=3 => {
                let most = choices.below(100)?;
                self.carry(side, most);
            }
            4 if self.bad => {
                let count = choices.below(20)?;
                let wire = &mut self.wires[side];
                wire.drain(..count.min(wire.len()));
            }
            5 if self.bad => {
                let (at, bit) = (choices.below(256)?, choices.below(8)?);
                if let Some(byte) = self.wires[side].get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            6 if self.bad => {
                let again: Vec<u8> = self.wires[side].iter().copied().collect();
                self.wires[side].extend(again);
            }
            7 => self.wait(choices.below(256)? as u64),
            // A failure to open it now is as good an answer.
            8 | 9 => _ = end.open_port(number),
            10 | 11 => _ = self.send(side, number, choices.below(MAX + 2)?),
            12 => self.receive(side, port),
            13 => match choices.below(8)? {
                0 => _ = end.shut_send(number),
                1 => _ = end.shut_recv(number),
                2 => end.close_port(number),
                3 => end.reset_port(number, 7),
                _ => {}
            },
            14 => match choices.below(8)? {
                0 => end.close(self.now),
                1 => self.ends.iter_mut().for_each(|end| end.handle_end(self.now)),
                _ => {}
            },
            _ => _ = end.open(self.now),
        }
        self.ends.iter_mut().for_each(|end| while end.poll_event().is_some() {});
        Some(())
    }

    /// Moves at most this many bytes from one end onto the line, and as many off it. Returns
    /// whether any moved.
    fn carry(&mut self, from: usize, most: usize) -> bool {
        let mut bytes = vec![0; most];
        let len = self.ends[from].poll_transmit(self.now, &mut bytes);
        self.wires[from].extend(&bytes[..len]);
        let wire = &mut self.wires[from];
        let arrived: Vec<u8> = wire.drain(..most.min(wire.len())).collect();
        self.ends[1 - from].handle_bytes(self.now, &arrived);
        len + arrived.len() > 0
    }

    fn wait(&mut self, ticks: u64) {
        self.now += ticks;
        self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
    }

    /// Sends the next message of this end. Returns whether the link took it.
    fn send(&mut self, side: usize, port: u8, len: usize) -> bool {
        let number = self.sent[side];
        let message = [&number.to_le_bytes()[..], &vec![number as u8; len]].concat();
        let taken = self.ends[side].try_send(port, &message).is_ok();
        self.sent[side] += u32::from(taken);
        taken
    }

    /// Receives everything that came.
    fn receive(&mut self, side: usize, port: usize) {
        let mut message = [0; MAX];
        while let Ok(len) = self.ends[side].try_recv(port as u8, &mut message) {
            let (number, rest) = message[..len].split_first_chunk().expect("as it was sent");
            let number = u32::from_le_bytes(*number);
            assert!(rest.iter().all(|byte| *byte == number as u8), "{:?}", &message[..len]);
            assert!(number < self.sent[1 - side], "message {number} was never sent");
            assert!(number >= self.next[side][port], "message {number} comes late, or again");
            self.next[side][port] = number + 1;
        }
    }

    /// From now on the line works. Checks that a message gets through on each port, each way.
    fn recover(&mut self) {
        if !self.bad {
            // A reliable line that was ended begins anew at both ends.
            self.ends.iter_mut().for_each(|end| end.handle_end(self.now));
            self.wires.iter_mut().for_each(VecDeque::clear);
        }
        for end in &mut self.ends {
            (0..PORTS as u8).for_each(|port| end.reset_port(port, 0));
        }
        let before = self.sent;
        let mut through = [[false; PORTS]; 2];
        for _ in 0..4_000 {
            while self.carry(0, 200) | self.carry(1, 200) {}
            for end in self.ends.iter_mut().filter(|end| end.phase() == Phase::Down) {
                _ = end.open(self.now);
            }
            for (side, port) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                self.receive(side, port);
                through[side][port] |= self.next[side][port] > before[1 - side];
                let number = port as u8;
                match self.ends[side].port_state(number) {
                    // Fair to the other port, for which the line's window may have no room
                    // otherwise.
                    State::STREAM if through[1 - side][port] => {}
                    State::STREAM => _ = self.send(side, number, 1),
                    State::Connecting => {}
                    _ => {
                        self.ends[side].close_port(number);
                        _ = self.ends[side].open_port(number);
                    }
                }
            }
            self.ends.iter_mut().for_each(|end| while end.poll_event().is_some() {});
            if through == [[true; PORTS]; 2] {
                return;
            }
            self.wait(20);
        }
        panic!("nothing gets through though the line works: {through:?}, {:?}", self.ends);
    }
}
