//! A simulated line between two links that loses, flips, cuts and duplicates bytes.

use super::random::Random;
use ringway_core::channel::link::{Line, Link};
use std::collections::VecDeque;

/// The faults of a line: a fault of value `n` strikes one byte in `n`; 0 is never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    pub lose: usize,
    pub flip: usize,
    /// Loses every byte that is under way.
    pub cut: usize,
    /// Transmits the last bytes once more.
    pub duplicate: usize,
    /// Adds bytes that nobody sent.
    pub noise: usize,
}

/// One direction of a line.
#[derive(Debug, Default)]
pub struct Wire {
    pub faults: Faults,
    queue: VecDeque<u8>,
    past: VecDeque<u8>,
}

fn strikes(random: &mut Random, one_in: usize) -> bool {
    one_in > 0 && random.below(one_in) == 0
}

impl Wire {
    pub fn new(faults: Faults) -> Self {
        Wire { faults, ..Wire::default() }
    }

    pub fn put(&mut self, random: &mut Random, byte: u8) {
        let faults = self.faults;
        self.past.push_back(byte);
        if self.past.len() > 100 {
            self.past.pop_front();
        }
        if strikes(random, faults.cut) {
            self.queue.clear();
        }
        if strikes(random, faults.duplicate) {
            let from = random.below(self.past.len());
            self.queue.extend(self.past.iter().skip(from));
        }
        if strikes(random, faults.noise) {
            let zeros = random.below(3);
            let len = random.below(50);
            self.queue.extend((0..len).map(|_| (random.below(256) >> (zeros * 4)) as u8));
        }
        if strikes(random, faults.lose) {
            return;
        }
        let flip = if strikes(random, faults.flip) { 1 << random.below(8) } else { 0 };
        self.queue.push_back(byte ^ flip);
    }

    /// Takes at most `most` bytes out of the wire.
    pub fn take(&mut self, most: usize) -> Vec<u8> {
        let most = most.min(self.queue.len());
        self.queue.drain(..most).collect()
    }

    pub fn clear(&mut self) {
        self.queue.clear();
    }
}

/// Moves at most `most` bytes from `from` into the wire, and at most `most` out of it into `to`.
///
/// Returns whether any byte moved.
pub fn carry<L: Line, const P: usize, const C: usize, const M: usize>(
    now: u64,
    random: &mut Random,
    from: &mut Link<L, P, C, M>,
    wire: &mut Wire,
    to: &mut Link<L, P, C, M>,
    most: usize,
) -> bool {
    let mut out = vec![0; most];
    let len = from.poll_transmit(now, &mut out);
    out[..len].iter().for_each(|byte| wire.put(random, *byte));
    let bytes = wire.take(most);
    to.handle_bytes(now, &bytes);
    len > 0 || !bytes.is_empty()
}
