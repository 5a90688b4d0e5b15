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

/// How long to wait for an acknowledgement: longer than the far end takes to hash what it has collected, so that its
/// pauses do not look like loss. Doubled as long as nothing at all is heard.
const PATIENCE: Duration = Duration::from_millis(50);
const MOST_PATIENCE: Duration = Duration::from_millis(400);

const DATA: u8 = 0;
const END: u8 = 1;
const ACKNOWLEDGE: u8 = 2;

/// How large a datagram with so many bytes is.
pub const fn datagram(bytes: usize) -> usize {
    HEADER + bytes
}

/// Sends datagrams until each is acknowledged.
///
/// As many may be under way as the window says, fewer after a loss: half as many, and one more for each round without
/// (additive increase, multiplicative decrease; Jacobson, "Congestion Avoidance and Control", 1988).
#[derive(Debug)]
pub struct Sender {
    /// The number of the oldest datagram that is not acknowledged.
    base: u64,
    /// The datagrams from `base` on.
    flight: VecDeque<Flying>,
    window: usize,
    /// How many may be under way now: 1 to `window`.
    allowed: usize,
    /// How many were acknowledged since `allowed` last changed.
    smooth: usize,
    patience: Duration,
    /// When something was last sent for the first time, acknowledged, or sent again.
    since: Option<Instant>,
    again: u64,
}

#[derive(Debug)]
struct Flying {
    datagram: Vec<u8>,
    /// The far end has it, though not what is before it.
    arrived: bool,
    /// It was sent again, because a later one had arrived.
    hurried: bool,
}

impl Sender {
    /// At most `window` datagrams, up to 64, are under way.
    pub fn new(window: usize) -> Self {
        let window = window.clamp(1, 64);
        Sender {
            base: 0,
            flight: VecDeque::new(),
            window,
            allowed: window,
            smooth: 0,
            patience: PATIENCE,
            since: None,
            again: 0,
        }
    }

    /// Whether one more datagram may be under way.
    pub fn has_room(&self) -> bool {
        self.flight.len() < self.allowed
    }

    /// Whether everything was acknowledged.
    pub fn is_done(&self) -> bool {
        self.flight.is_empty()
    }

    /// How many datagrams were sent again, each as often as it was.
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
        if self.flight.is_empty() {
            self.since = Some(now);
        }
        self.flight.push_back(Flying { datagram, arrived: false, hurried: false });
        self.flight.back().map(|flying| &flying.datagram[..]).unwrap_or_default()
    }

    /// Takes in what arrived. What comes back is to be sent again now.
    pub fn handle(&mut self, datagram: &[u8], now: Instant) -> Vec<&[u8]> {
        let Some((wanted, seen)) = parse_ack(datagram) else { return Vec::new() };
        let Some(acknowledged) = wanted
            .checked_sub(self.base)
            .and_then(|count| usize::try_from(count).ok())
            .filter(|&count| count <= self.flight.len())
        else {
            return Vec::new();
        };
        if acknowledged > 0 {
            self.flight.drain(..acknowledged);
            self.base = wanted;
            self.since = Some(now);
            self.patience = PATIENCE;
            self.smooth += acknowledged;
            if self.smooth >= self.allowed && self.allowed < self.window {
                self.smooth = 0;
                self.allowed += 1;
            }
        }
        // Bit i is for the number `wanted + 1 + i`.
        for (i, flying) in self.flight.iter_mut().skip(1).take(64).enumerate() {
            flying.arrived |= seen >> i & 1 == 1;
        }
        // One that is missing before one that has arrived was lost, or overtaken, which is rare: send it again once.
        let last = self.flight.iter().rposition(|flying| flying.arrived).unwrap_or(0);
        let missing = |flying: &&mut Flying| !flying.arrived && !flying.hurried;
        let mut lost = Vec::new();
        for flying in self.flight.iter_mut().take(last).filter(missing) {
            flying.hurried = true;
            lost.push(&flying.datagram[..]);
        }
        if !lost.is_empty() {
            self.again += lost.len() as u64;
            self.allowed = (self.allowed / 2).max(1);
            self.smooth = 0;
        }
        lost
    }

    /// When to call [`poll_again`](Self::poll_again), unless something arrives before.
    pub fn next_look(&self) -> Option<Instant> {
        if self.is_done() { None } else { self.since.map(|since| since + self.patience) }
    }

    /// What is to be sent again because nothing was heard for too long: the oldest, whose acknowledgement tells of the
    /// others.
    pub fn poll_again(&mut self, now: Instant) -> Option<&[u8]> {
        if self.next_look().is_none_or(|look| now < look) {
            return None;
        }
        self.since = Some(now);
        self.patience = (self.patience * 2).min(MOST_PATIENCE);
        self.allowed = (self.allowed / 2).max(1);
        self.smooth = 0;
        self.again += 1;
        // Those behind it may be sent again when it turns out that they are missing too.
        self.flight.iter_mut().for_each(|flying| flying.hurried = false);
        self.flight.front().map(|flying| &flying.datagram[..])
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

/// The next number wanted, and which later ones are there.
fn parse_ack(datagram: &[u8]) -> Option<(u64, u64)> {
    let (kind, wanted, rest) = parse(datagram)?;
    let seen = u64::from_le_bytes(rest.try_into().ok()?);
    (kind == ACKNOWLEDGE).then_some((wanted, seen))
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
                for again in sender.handle(&ack, now) {
                    there.send(again);
                }
            }
            if idle {
                now = sender.next_look().unwrap();
                there.send(sender.poll_again(now).unwrap());
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
            assert!(sender.handle(&ack, now).is_empty());
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
        assert!(sender.handle(&ack, now).is_empty());
        assert!(!sender.is_done());
        assert!(sender.handle(b"junk", now).is_empty());
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
