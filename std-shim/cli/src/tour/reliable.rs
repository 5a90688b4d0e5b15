//! Order and completeness over datagrams that get lost, repeated or overtaken: numbers, acknowledgements and a window.
//!
//! Two machines without input or output: what arrives is handed to `handle`, what is to be sent comes out, and the
//! time is passed in. The sender keeps each datagram until it is acknowledged and sends it again when it seems lost.
//!
//! ```text
//!   data:  0, number, bytes          ack:  2, next number wanted, bit i: number + 1 + i is here already
//!   end:   1, number                 numbers count datagrams from 0; all little-endian
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// What stands before the bytes of a datagram: the kind, and the number.
const HEADER: usize = 1 + 8;

/// An acknowledgement is so long.
pub const ACK: usize = HEADER + 8;

/// Longer than the far end takes to hash what it has collected, so that its pauses do not look like loss.
const PATIENCE: Duration = Duration::from_millis(200);

const DATA: u8 = 0;
const END: u8 = 1;
const ACKNOWLEDGE: u8 = 2;

/// How large a datagram with so many bytes is.
pub const fn datagram(bytes: usize) -> usize {
    HEADER + bytes
}

/// Sends datagrams until each is acknowledged.
#[derive(Debug)]
pub struct Sender {
    /// The number of the oldest datagram that is not acknowledged.
    base: u64,
    /// The datagrams from `base` on; `None` for one that is known to have arrived.
    flight: VecDeque<Option<Vec<u8>>>,
    window: usize,
    /// When something was last sent or acknowledged.
    since: Option<Instant>,
    /// The oldest datagram was sent again because later ones had arrived.
    hurried: bool,
    again: u64,
}

impl Sender {
    /// At most `window` datagrams, up to 64, are under way.
    pub fn new(window: usize) -> Self {
        Sender {
            base: 0,
            flight: VecDeque::new(),
            window: window.clamp(1, 64),
            since: None,
            hurried: false,
            again: 0,
        }
    }

    /// Whether one more datagram may be under way.
    pub fn has_room(&self) -> bool {
        self.flight.len() < self.window
    }

    /// Whether everything was acknowledged.
    pub fn is_done(&self) -> bool {
        self.flight.is_empty()
    }

    /// How many datagrams were sent more than once.
    pub fn sent_again(&self) -> u64 {
        self.again
    }

    /// How many different datagrams there were.
    pub fn count(&self) -> u64 {
        self.base + self.flight.len() as u64
    }

    /// The next datagram, to be sent now. Call it when there is room.
    pub fn data(&mut self, bytes: &[u8], now: Instant) -> &[u8] {
        self.launch(DATA, bytes, now)
    }

    /// The last datagram, to be sent now: nothing follows. Call it when there is room.
    pub fn end(&mut self, now: Instant) -> &[u8] {
        self.launch(END, &[], now)
    }

    fn launch(&mut self, kind: u8, bytes: &[u8], now: Instant) -> &[u8] {
        let number = self.count();
        let mut datagram = Vec::with_capacity(HEADER + bytes.len());
        datagram.push(kind);
        datagram.extend_from_slice(&number.to_le_bytes());
        datagram.extend_from_slice(bytes);
        self.since.get_or_insert(now);
        self.flight.push_back(Some(datagram));
        self.flight.back().and_then(Option::as_deref).unwrap_or_default()
    }

    /// Takes in what arrived. A datagram that comes back is to be sent again now.
    pub fn handle(&mut self, datagram: &[u8], now: Instant) -> Option<&[u8]> {
        let (kind, wanted, rest) = parse(datagram)?;
        let seen = u64::from_le_bytes(rest.try_into().ok()?);
        let arrived = wanted.checked_sub(self.base)?;
        if kind != ACKNOWLEDGE || arrived > self.flight.len() as u64 {
            return None;
        }
        if arrived > 0 {
            self.flight.drain(..arrived as usize);
            self.base = wanted;
            self.since = Some(now);
            self.hurried = false;
        }
        for (i, datagram) in self.flight.iter_mut().skip(1).enumerate() {
            if seen >> i & 1 == 1 {
                *datagram = None;
            }
        }
        // Three later ones are there: the oldest was not overtaken, it was lost.
        if seen.count_ones() >= 3 && !self.hurried {
            self.hurried = true;
            self.again += 1;
            return self.flight.front()?.as_deref();
        }
        None
    }

    /// When to call [`poll_again`](Self::poll_again), unless something arrives before.
    pub fn next_look(&self) -> Option<Instant> {
        if self.is_done() { None } else { self.since.map(|since| since + PATIENCE) }
    }

    /// What is to be sent again because nothing was heard for too long.
    pub fn poll_again(&mut self, now: Instant) -> impl Iterator<Item = &[u8]> {
        let due = self.next_look().is_some_and(|look| look <= now);
        if due {
            self.since = Some(now);
            self.hurried = false;
            self.again += self.flight.iter().flatten().count() as u64;
        }
        self.flight.iter().filter(move |_| due).flatten().map(Vec::as_slice)
    }
}

/// Puts datagrams into order and acknowledges them.
#[derive(Debug, Default)]
pub struct Receiver {
    /// The number of the next datagram in order.
    wanted: u64,
    /// Those that overtook it: the bytes, or `None` for the end.
    early: BTreeMap<u64, Option<Vec<u8>>>,
    ended: bool,
}

impl Receiver {
    /// Waits for number 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether everything has arrived, up to the end.
    pub fn is_done(&self) -> bool {
        self.ended
    }

    /// Takes in what arrived, passes on to `deliver` what is in order now, and returns the acknowledgement to be
    /// sent. What is not of this protocol is not answered.
    pub fn handle(&mut self, datagram: &[u8], mut deliver: impl FnMut(&[u8])) -> Option<[u8; ACK]> {
        let (kind, number, bytes) = parse(datagram)?;
        let content = match kind {
            DATA => Some(bytes),
            END => None,
            _ => return None,
        };
        if number == self.wanted && !self.ended {
            self.pass(content, &mut deliver);
            while let Some(next) = self.early.remove(&self.wanted) {
                self.pass(next.as_deref(), &mut deliver);
            }
        } else if number > self.wanted && number - self.wanted <= 64 {
            self.early.insert(number, content.map(<[u8]>::to_vec));
        }
        Some(self.acknowledgement())
    }

    fn pass(&mut self, content: Option<&[u8]>, deliver: &mut impl FnMut(&[u8])) {
        self.wanted += 1;
        match content {
            Some(bytes) => deliver(bytes),
            None => self.ended = true,
        }
    }

    fn acknowledgement(&self) -> [u8; ACK] {
        let seen =
            self.early.keys().fold(0u64, |bits, number| bits | 1 << (number - self.wanted - 1));
        let mut ack = [0; ACK];
        ack[0] = ACKNOWLEDGE;
        ack[1..HEADER].copy_from_slice(&self.wanted.to_le_bytes());
        ack[HEADER..].copy_from_slice(&seen.to_le_bytes());
        ack
    }
}

fn parse(datagram: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (header, rest) = datagram.split_at_checked(HEADER)?;
    let number = header[1..].try_into().ok()?;
    Some((header[0], u64::from_le_bytes(number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a bad line does to datagrams: some are lost, some come twice, and some overtake others.
    struct Line {
        under_way: Vec<Vec<u8>>,
        state: u64,
        /// How many of 16 are lost.
        loss: u64,
    }

    impl Line {
        fn new(seed: u64, loss: u64) -> Self {
            Line { under_way: Vec::new(), state: seed | 1, loss }
        }

        fn dice(&mut self, sides: u64) -> u64 {
            // Marsaglia, "Xorshift RNGs", 2003.
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            self.state % sides
        }

        fn send(&mut self, datagram: &[u8]) {
            if self.dice(16) < self.loss {
                return;
            }
            let copies = 1 + usize::from(self.dice(16) == 0);
            self.under_way.extend(std::iter::repeat_n(datagram.to_vec(), copies));
        }

        fn receive(&mut self) -> Option<Vec<u8>> {
            if self.under_way.is_empty() {
                return None;
            }
            let first_few = self.under_way.len().min(4) as u64;
            let which = self.dice(first_few) as usize;
            Some(self.under_way.remove(which))
        }
    }

    /// Sends `data` over lines that lose `loss` of 16, and returns what arrived and how many were sent again.
    fn transfer(data: &[u8], window: usize, seed: u64, loss: u64) -> (Vec<u8>, u64) {
        let (mut there, mut back) = (Line::new(seed, loss), Line::new(seed ^ 0x5eed, loss));
        let (mut sender, mut receiver) = (Sender::new(window), Receiver::new());
        let mut now = Instant::now();
        let mut pieces = data.chunks(10);
        let mut ended = false;
        let mut arrived = Vec::new();
        for _ in 0..1_000_000 {
            while !ended && sender.has_room() {
                match pieces.next() {
                    Some(piece) => there.send(sender.data(piece, now)),
                    None => {
                        ended = true;
                        there.send(sender.end(now));
                    }
                }
            }
            if ended && sender.is_done() {
                assert!(receiver.is_done());
                return (arrived, sender.sent_again());
            }
            let mut idle = true;
            if let Some(datagram) = there.receive() {
                idle = false;
                if let Some(ack) =
                    receiver.handle(&datagram, |bytes| arrived.extend_from_slice(bytes))
                {
                    back.send(&ack);
                }
            }
            if let Some(ack) = back.receive() {
                idle = false;
                if let Some(again) = sender.handle(&ack, now) {
                    there.send(again);
                }
            }
            if idle {
                now = sender.next_look().unwrap();
                sender.poll_again(now).for_each(|datagram| there.send(datagram));
            }
        }
        panic!("no end: seed {seed}, window {window}");
    }

    #[test]
    fn everything_arrives_once_and_in_order_over_a_line_that_loses_repeats_and_overtakes() {
        let data: Vec<u8> = (0..1234u32).map(|i| (i * 7 % 251) as u8).collect();
        for seed in 0..200 {
            for window in [1, 2, 8, 64] {
                let (arrived, again) = transfer(&data, window, seed * 2 + 1, 5);
                assert!(arrived == data, "seed {seed}, window {window}");
                assert!(again > 0, "nothing was lost, so that nothing was shown");
            }
        }
    }

    #[test]
    fn nothing_is_sent_again_over_a_line_that_keeps_everything() {
        let mut sender = Sender::new(4);
        let mut receiver = Receiver::new();
        let now = Instant::now();
        for i in 0..100u8 {
            let datagram = sender.data(&[i], now).to_vec();
            let mut got = Vec::new();
            let ack = receiver.handle(&datagram, |bytes| got.extend_from_slice(bytes)).unwrap();
            assert_eq!(got, [i]);
            assert!(sender.handle(&ack, now).is_none());
            assert!(sender.is_done());
        }
        assert_eq!(sender.sent_again(), 0);
    }

    #[test]
    fn an_input_of_nothing_ends_at_once() {
        assert!(transfer(&[], 4, 3, 5).0.is_empty());
    }

    #[test]
    fn what_is_not_of_the_protocol_is_ignored() {
        let mut receiver = Receiver::new();
        for junk in [&b""[..], b"short", &[9; 40], &[2; 17]] {
            assert!(receiver.handle(junk, |_| panic!("delivered")).is_none());
        }
        let mut sender = Sender::new(4);
        let now = Instant::now();
        sender.data(b"a", now);
        // It acknowledges what was never sent.
        let mut ack = [0; ACK];
        ack[0] = ACKNOWLEDGE;
        ack[1] = 9;
        assert!(sender.handle(&ack, now).is_none());
        assert!(!sender.is_done());
        assert!(sender.handle(b"junk", now).is_none());
    }

    #[test]
    fn a_number_far_ahead_is_not_kept() {
        let mut receiver = Receiver::new();
        let mut far = vec![DATA];
        far.extend_from_slice(&u64::MAX.to_le_bytes());
        let ack = receiver.handle(&far, |_| panic!("delivered")).unwrap();
        assert_eq!(ack[1..], [0; ACK - 1]);
    }
}
