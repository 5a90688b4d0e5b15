//! A link, and a peer that speaks its protocol: it greets, opens ports, sends with valid checksums
//! and numbers, acknowledges, closes and restarts. The line loses, repeats, swaps and cuts what it
//! says. Now and then it lies in a single field.
//!
//! While the peer says what it may, the link never takes it for a liar, delivers each message once
//! and in order, and says only what it may itself. A lie that is certain to be one ends the
//! session. Afterwards, an honest peer on a new line always gets a message through.

mod speaker;

use super::Choices;
use ringway_core::channel::State;
use ringway_core::channel::link::{Config, Down, Event, Line, Link, Phase, Reliable, Serial};
use speaker::{
    BYE, BYE_ACK, CREDIT, DATA, Frame, HELLO, OPEN, PING, PONG, Port, RESET, SHUT, STOP, Speaker,
};
use std::fmt::Debug;

const MAX: usize = 32;
const PORTS: usize = 2;
const CREDITS: usize = 2;
const WINDOW: usize = 4;

type End<L> = Link<L, PORTS, CREDITS, MAX>;

/// Runs one sequence, over a line of either discipline.
pub fn link_session(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let config = Config { keepalive: 400, gone: 1_500, ..Config::new(7) };
    match choices.flip() {
        Some(true) => {
            World::new(End::<Serial<WINDOW, MAX>>::new(config), true).run(&mut choices);
        }
        Some(false) => {
            World::new(End::<Reliable<WINDOW, MAX>>::new(config), false).run(&mut choices);
        }
        None => {}
    }
}

struct World<L: Line> {
    link: End<L>,
    speaker: Speaker,
    is_serial: bool,
    now: u64,
    /// How many messages the link sent on each port; the count numbers them.
    sent: [u32; PORTS],
    /// Session, life and number of the message that arrived last on each port.
    last: [Option<[u16; 3]>; PORTS],
}

impl<L: Line + Debug> World<L> {
    fn new(link: End<L>, is_serial: bool) -> Self {
        let speaker = Speaker::new(is_serial);
        World { link, speaker, is_serial, now: 0, sent: [0; PORTS], last: [None; PORTS] }
    }

    fn run(mut self, choices: &mut Choices<'_>) {
        _ = self.link.open(self.now);
        while self.step(choices).is_some() {
            self.events();
        }
        self.finish();
    }

    /// Returns `None` when the bytes are used up.
    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        match choices.below(24)? {
            0..=5 => {
                let (kind, port) = (OPEN + choices.below(6)? as u8, choices.below(PORTS)?);
                let (byte, len) = (choices.below(4)? as u8, choices.below(MAX)?);
                if self.speaker.may(kind, port) {
                    self.speaker.say(kind, port, byte, len);
                }
            }
            6 | 7 => self.speaker.answer(),
            8 | 9 => self.deliver(choices.below(8)? + 1, choices.below(64)? + 1),
            10 | 11 => _ = self.listen(choices.below(64)? + 1),
            // Whatever is under way arrives, and is answered.
            12 => self.settle(),
            13 if self.is_serial => self.harm(choices)?,
            14 => match choices.below(4)? {
                0 => self.speaker.ping(),
                1 => self.speaker.go_back(),
                2 if choices.below(4)? == 0 => self.speaker.close(),
                3 if choices.below(4)? == 0 => self.speaker.restart(),
                _ => {}
            },
            15 | 16 => _ = self.link.open_port(choices.below(PORTS)? as u8),
            17 => {
                let (port, len) = (choices.below(PORTS)?, choices.below(MAX)?);
                _ = self.send(port, len);
            }
            18 => _ = self.receive(choices.below(PORTS)?),
            19 => {
                let port = choices.below(PORTS)? as u8;
                match choices.below(6)? {
                    0 => _ = self.link.shut_send(port),
                    1 => _ = self.link.shut_recv(port),
                    2 => self.link.close_port(port),
                    3 => self.link.reset_port(port, 7),
                    _ => {}
                }
            }
            20 => {
                self.now += choices.below(256)? as u64;
                self.link.handle_timeout(self.now);
            }
            21 => match choices.below(8)? {
                0 => self.link.close(self.now),
                1 => self.change_line(),
                _ => _ = self.link.open(self.now),
            },
            22 => self.lie(choices)?,
            23 => self.crime(choices)?,
            _ => {}
        }
        Some(())
    }

    /// Lets the frames that are first under way arrive, in pieces.
    fn deliver(&mut self, frames: usize, piece: usize) {
        for _ in 0..frames {
            let Some(frame) = self.speaker.wire.pop_front() else { return };
            for piece in frame.chunks(piece) {
                self.link.handle_bytes(self.now, piece);
            }
        }
    }

    /// Lets the speaker hear up to `most` bytes of the link. Returns whether there were any.
    fn listen(&mut self, most: usize) -> bool {
        let mut bytes = vec![0; most];
        let len = self.link.poll_transmit(self.now, &mut bytes);
        self.speaker.hear(&bytes[..len]);
        len > 0
    }

    /// Carries everything both ways, and lets the speaker answer, until neither has more to say.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.deliver(usize::MAX, 50);
            let mut is_quiet = true;
            // At most the window, each control frame, and an acknowledgement.
            for _ in 0..100 {
                if !self.listen(50) {
                    break;
                }
                is_quiet = false;
            }
            assert!(!self.listen(50), "the link sends for ever");
            self.speaker.answer();
            if is_quiet && self.speaker.wire.is_empty() {
                return;
            }
            self.events();
        }
        assert!(!self.speaker.is_honest, "the two never come to rest: {:?}", self.link);
    }

    /// Harms what is first under way to the link.
    fn harm(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let what = choices.below(5)?;
        let wire = &mut self.speaker.wire;
        match what {
            0 => _ = wire.pop_front(),
            1 => wire.extend(wire.front().cloned()),
            2 if wire.len() > 1 => wire.swap(0, 1),
            3 => {
                let (at, bit) = (choices.below(64)?, choices.below(8)?);
                if let Some(byte) = wire.front_mut().and_then(|frame| frame.get_mut(at)) {
                    *byte ^= 1 << bit;
                }
            }
            _ => {
                let len = choices.below(64)?;
                wire.iter_mut().take(1).for_each(|frame| frame.truncate(len));
            }
        }
        Some(())
    }

    /// Sends the next message of the link.
    fn send(&mut self, port: usize, len: usize) -> bool {
        let number = self.sent[port];
        let message = [&number.to_le_bytes()[..], &vec![number as u8; len]].concat();
        let is_taken = self.link.try_send(port as u8, &message).is_ok();
        assert!(!is_taken || message.len() <= MAX);
        self.sent[port] += u32::from(is_taken);
        is_taken
    }

    /// Receives everything that came on a port. Returns whether anything had.
    fn receive(&mut self, port: usize) -> bool {
        let mut message = [0; MAX];
        let mut any = false;
        while let Ok(len) = self.link.try_recv(port as u8, &mut message) {
            any = true;
            if !self.speaker.is_honest {
                continue;
            }
            let (head, rest) = message[..len].split_at(6);
            let mut words = head.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]]));
            let [session, life, number] = [(); 3].map(|()| words.next().expect("three words"));
            assert!(rest.iter().all(|byte| *byte == number as u8), "{:?}", &message[..len]);
            let is_next = match self.last[port] {
                Some([s, l, n]) if [s, l] == [session, life] => number == n + 1,
                Some([s, l, _]) => number == 0 && [session, life] > [s, l],
                None => number == 0,
            };
            assert!(is_next, "{session}.{life}.{number} after {:?}", self.last[port]);
            self.last[port] = Some([session, life, number]);
        }
        any
    }

    /// Takes all events of the link; returns why its session ended, if it did.
    fn events(&mut self) -> Option<Down> {
        let mut why = None;
        for count in 0.. {
            assert!(count < 2 + 8 * PORTS, "events without an end");
            match self.link.poll_event() {
                Some(Event::Down(down)) => why = Some(down),
                Some(_) => {}
                None => break,
            }
        }
        let is_blamed = matches!(why, Some(Down::Violation | Down::Incompatible(_)));
        assert!(!is_blamed || !self.speaker.is_honest, "an honest peer is blamed: {why:?}");
        why
    }

    /// Says something in which a single field is a lie.
    fn lie(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        const KINDS: [u8; 12] =
            [0, HELLO, BYE, BYE_ACK, PING, PONG, OPEN, DATA, CREDIT, SHUT, STOP, RESET];
        let kind = KINDS[choices.below(KINDS.len())?];
        let body = match kind {
            OPEN | CREDIT | RESET => vec![choices.below(256)? as u8],
            DATA => vec![5; choices.below(MAX)?],
            _ => vec![],
        };
        let mut frame = match kind {
            HELLO => self.speaker.hello(),
            kind => self.speaker.frame(kind, choices.below(PORTS)? as u8, &body),
        };
        let (field, value) = (choices.below(6)?, choices.below(256)? as u8);
        match field {
            0 => frame.kind = value,
            1 => frame.ack = value,
            2 => frame.number = value,
            3 => frame.port = value,
            4 => frame.body.resize(usize::from(value) % (MAX + 4), value),
            _ => {
                let at = choices.below(32)?;
                frame.body.get_mut(at).into_iter().for_each(|byte| *byte = value);
            }
        }
        self.speaker.is_honest = false;
        self.speaker.put(&frame);
        if !self.is_serial && choices.below(4)? == 0 {
            // The length is the last field.
            let frame = self.speaker.wire.back_mut()?;
            frame[choices.below(4)?] = value;
        }
        Some(())
    }

    /// Says what no peer says, when nothing else is under way: the session ends.
    fn crime(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let (what, value) = (choices.below(10)?, choices.below(256)? as u8);
        let port = choices.below(PORTS)?;
        self.settle();
        self.speaker.go_back();
        self.settle();
        self.events();
        let speaker = &self.speaker;
        let is_ready = speaker.is_up && speaker.is_honest && speaker.is_drained();
        let Port { we_opened, we_ended, .. } = speaker.ports[port];
        // On an open port, a message is no crime.
        if self.link.phase() != Phase::Up || !is_ready || (what < 2 && we_opened && !we_ended) {
            return Some(());
        }
        let frame = |kind, body: &[u8]| speaker.frame(kind, port as u8, body);
        let frame = match what {
            // Of a port that this side has not opened.
            0 => frame(DATA, b"unasked"),
            1 => frame(DATA, &[]),
            2 => frame(RESET + 1 + value % 100, &[]),
            3 => frame(6 + value % 2, &[]),
            4 => Frame { port: PORTS as u8 + value % 200, ..frame(OPEN, &[1]) },
            5 => frame([OPEN, CREDIT, RESET][usize::from(value) % 3], &[]),
            6 => frame([SHUT, STOP][usize::from(value) % 2], &[value]),
            7 => frame(BYE_ACK, &[]),
            8 if self.is_serial => Frame { is_short: true, ..frame(DATA, &[]) },
            9 if self.is_serial => Frame { is_short: false, ..frame(0, &[]) },
            _ => Frame { body: vec![value; 8], ..speaker.hello() },
        };
        self.speaker.is_honest = false;
        if self.is_serial {
            // Ends what is left of a frame that was cut.
            self.link.handle_bytes(self.now, &[0]);
        }
        self.speaker.put(&frame);
        self.deliver(1, 9);
        assert_eq!(self.events(), Some(Down::Violation), "{what}: {frame:?}, {:?}", self.link);
        let after = if self.is_serial { Phase::Connecting } else { Phase::Down };
        assert_eq!(self.link.phase(), after);
        self.change_line();
        Some(())
    }

    /// Goes on over a new line, on which the speaker is honest.
    fn change_line(&mut self) {
        self.link.handle_end(self.now);
        self.speaker.change_line();
        for port in 0..PORTS as u8 {
            // What a liar sent is of no interest.
            self.link.reset_port(port, 0);
            self.link.release(port);
        }
        self.events();
    }

    /// Checks that a message gets through on each port, each way, on a new line.
    fn finish(&mut self) {
        self.change_line();
        let mut through = [[false; 2]; PORTS];
        for _ in 0..60 {
            if self.link.phase() == Phase::Down {
                _ = self.link.open(self.now);
            }
            self.settle();
            for (port, [to_link, to_speaker]) in through.iter_mut().enumerate() {
                *to_link |= self.receive(port);
                match self.link.port_state(port as u8) {
                    State::STREAM => _ = self.send(port, 1),
                    State::Connecting => {}
                    _ => {
                        self.link.close_port(port as u8);
                        _ = self.link.open_port(port as u8);
                    }
                }
                for kind in [OPEN, DATA] {
                    if self.speaker.may(kind, port) {
                        self.speaker.say(kind, port, CREDITS as u8, 3);
                    }
                }
                *to_speaker |= self.speaker.ports[port].has_heard();
            }
            self.events();
            if through == [[true; 2]; PORTS] {
                return;
            }
            self.now += 100;
            self.link.handle_timeout(self.now);
        }
        panic!("nothing gets through: {through:?}, {:?}, {:?}", self.speaker, self.link);
    }
}
