//! A peer that speaks the protocol, written from its description alone.
//!
//! It knows what it may say at each moment, and checks that what the link says is allowed.

use super::{CREDITS, MAX, PORTS};
use ringway_core::channel::frame::{Crc32, Hello, Identity, decode, encode, max_encoded_len};
use std::collections::VecDeque;

pub(super) const ACK: u8 = 0;
pub(super) const HELLO: u8 = 1;
pub(super) const BYE: u8 = 2;
pub(super) const BYE_ACK: u8 = 3;
pub(super) const PING: u8 = 4;
pub(super) const PONG: u8 = 5;
pub(super) const OPEN: u8 = 8;
pub(super) const DATA: u8 = 9;
pub(super) const CREDIT: u8 = 10;
pub(super) const SHUT: u8 = 11;
pub(super) const STOP: u8 = 12;
pub(super) const RESET: u8 = 13;

const REJECT: u8 = 0x80;

/// How many records it sends ahead of their acknowledgement.
const WINDOW: usize = 8;

/// Everything that a frame says.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) ack: u8,
    pub(super) number: u8,
    pub(super) port: u8,
    pub(super) body: Vec<u8>,
    /// Without number and port, as a bare acknowledgement.
    pub(super) is_short: bool,
}

/// A numbered record that is not acknowledged.
#[derive(Debug, Clone)]
struct Record {
    kind: u8,
    port: u8,
    body: Vec<u8>,
}

/// A use of a port, as this side knows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Port {
    pub(super) we_opened: bool,
    pub(super) we_ended: bool,
    pub(super) they_opened: bool,
    they_ended: bool,
    /// How many messages the link has room for, and how many it may still send.
    credit: u32,
    granted: u32,
    /// How many messages were sent, and the number of the one that came last.
    sent: u16,
    heard: Option<u32>,
    /// How often both sides ended the port in this session.
    life: u16,
}

impl Port {
    /// Whether a message came.
    pub(super) fn has_heard(&self) -> bool {
        self.heard.is_some()
    }
}

#[derive(Debug)]
pub(super) struct Speaker {
    is_serial: bool,
    id: Identity,
    /// The link's identity, as it greeted last.
    peer: Identity,
    /// Whether the link greeted this side by its identity: the session is on.
    pub(super) is_up: bool,
    /// Whether it said that it closes. Then it says nothing else.
    is_closing: bool,
    /// Whether all that it said on this line is what a peer may say.
    pub(super) is_honest: bool,
    session: u16,
    base: u8,
    window: VecDeque<Record>,
    expected: u8,
    pub(super) ports: [Port; PORTS],
    owes_hello: bool,
    owes_pong: bool,
    owes_ack: bool,
    /// The bytes of a frame that is not complete.
    partial: Vec<u8>,
    /// The frames under way to the link.
    pub(super) wire: VecDeque<Vec<u8>>,
}

impl Speaker {
    pub(super) fn new(is_serial: bool) -> Self {
        Speaker {
            is_serial,
            id: Identity { generation: 70, attempt: 1 },
            peer: Identity::NOBODY,
            is_up: false,
            is_closing: false,
            is_honest: true,
            session: 0,
            base: 0,
            window: VecDeque::new(),
            expected: 0,
            ports: Default::default(),
            owes_hello: true,
            owes_pong: false,
            owes_ack: false,
            partial: Vec::new(),
            wire: VecDeque::new(),
        }
    }

    /// Takes a new identity: the session is over.
    pub(super) fn renew(&mut self) {
        self.id.attempt = self.id.attempt.checked_add(1).unwrap_or(1);
        self.is_up = false;
        self.is_closing = false;
        self.owes_hello = true;
        (self.owes_pong, self.owes_ack) = (false, false);
    }

    /// Begins as another run of the program.
    pub(super) fn restart(&mut self) {
        self.id.generation += 1;
        self.renew();
    }

    /// Goes on over another line, honestly.
    pub(super) fn change_line(&mut self) {
        self.wire.clear();
        self.partial.clear();
        self.is_honest = true;
        self.peer = Identity::NOBODY;
        self.renew();
    }

    fn begin(&mut self) {
        self.is_up = true;
        self.session += 1;
        self.base = 0;
        self.window.clear();
        self.expected = 0;
        self.ports = Default::default();
    }

    /// The number of the next new record.
    fn next(&self) -> u8 {
        self.base.wrapping_add(self.window.len() as u8)
    }

    /// Whether the link has acknowledged every record.
    pub(super) fn is_drained(&self) -> bool {
        self.window.is_empty()
    }

    pub(super) fn frame(&self, kind: u8, port: u8, body: &[u8]) -> Frame {
        let number = if kind >= OPEN { self.next() } else { 0 };
        let (ack, is_short) = (self.expected, kind == ACK);
        Frame { kind, ack, number, port, body: body.to_vec(), is_short }
    }

    pub(super) fn hello(&self) -> Frame {
        let hello = Hello {
            up: self.is_up,
            ports: PORTS as u8,
            credits: CREDITS as u8,
            max: MAX as u32,
            id: self.id,
            heard: self.peer,
        };
        Frame { ack: 0, ..self.frame(HELLO, 0, &hello.emit()) }
    }

    /// The bytes of a frame, with a valid checksum.
    pub(super) fn bytes(&self, frame: &Frame) -> Vec<u8> {
        let Frame { kind, ack, number, port, body, is_short } = frame;
        if !self.is_serial {
            let length = (body.len() as u32 + 2).to_le_bytes();
            return [&length[..], &[*kind, *port], body].concat();
        }
        let head = [*kind, *ack, *number, *port];
        let content = [&head[..if *is_short { 2 } else { 4 }], body].concat();
        let crc = self.seed(*kind, self.id, self.peer).update(&content).finish();
        let frame = [&content[..], &crc.to_le_bytes()].concat();
        let mut line = vec![0; max_encoded_len(frame.len()) + 1];
        let len = encode(&frame, &mut line).expect("there is room");
        line.truncate(len + 1);
        line
    }

    fn seed(&self, kind: u8, from: Identity, to: Identity) -> Crc32 {
        if kind & !REJECT == HELLO {
            return Crc32::new();
        }
        [from, to].iter().fold(Crc32::new(), |crc, id| {
            crc.update(&id.generation.to_le_bytes()).update(&id.attempt.to_le_bytes())
        })
    }

    pub(super) fn put(&mut self, frame: &Frame) {
        let bytes = self.bytes(frame);
        self.wire.push_back(bytes);
    }

    /// Whether the description allows a record now.
    pub(super) fn may(&self, kind: u8, port: usize) -> bool {
        let Some(port) = self.ports.get(port) else { return false };
        self.is_up
            && !self.is_closing
            && self.window.len() < WINDOW
            && match kind {
                OPEN => !port.we_opened && !port.we_ended,
                DATA => port.we_opened && port.they_opened && !port.we_ended && port.credit > 0,
                CREDIT | STOP => port.we_opened && !port.they_ended,
                SHUT => (port.we_opened || port.they_ended) && !port.we_ended,
                RESET => (port.we_opened || port.they_opened) && !port.we_ended,
                _ => false,
            }
    }

    /// Says a record that [it may](Self::may), with `byte` as its body if it has one, or `len` more
    /// bytes behind the head of a message.
    pub(super) fn say(&mut self, kind: u8, at: usize, byte: u8, len: usize) {
        let session = self.session;
        let port = &mut self.ports[at];
        let mut body = vec![byte];
        match kind {
            OPEN => {
                port.we_opened = true;
                // More than it holds would be a lie.
                body = vec![byte % (CREDITS as u8 + 1)];
                port.granted = body[0].into();
            }
            DATA => {
                port.credit -= 1;
                body = [session, port.life, port.sent].map(u16::to_le_bytes).concat();
                body.resize((body.len() + len).min(MAX), port.sent as u8);
                port.sent += 1;
            }
            CREDIT => port.granted += u32::from(byte),
            RESET => port.we_ended = true,
            SHUT => {
                port.we_ended = true;
                body.clear();
            }
            _ => body.clear(),
        }
        let frame = self.frame(kind, at as u8, &body);
        self.put(&frame);
        if self.is_serial {
            self.window.push_back(Record { kind, port: at as u8, body });
        }
        self.settle(at);
    }

    fn settle(&mut self, at: usize) {
        let port = &mut self.ports[at];
        if port.we_ended && port.they_ended {
            *port = Port { life: port.life + 1, ..Port::default() };
        }
    }

    /// Says again what is not acknowledged.
    pub(super) fn go_back(&mut self) {
        if !self.is_up || self.is_closing {
            return;
        }
        let records: Vec<Record> = self.window.iter().cloned().collect();
        for (number, Record { kind, port, body }) in (0..).zip(records) {
            let frame = self.frame(kind, port, &body);
            self.put(&Frame { number: self.base.wrapping_add(number), ..frame });
        }
    }

    /// Answers what is to be answered.
    pub(super) fn answer(&mut self) {
        if std::mem::take(&mut self.owes_hello) {
            let hello = self.hello();
            self.put(&hello);
        }
        if self.is_up && !self.is_closing {
            if std::mem::take(&mut self.owes_pong) {
                self.put(&self.frame(PONG, 0, &[]));
            }
            if std::mem::take(&mut self.owes_ack) {
                self.put(&self.frame(ACK, 0, &[]));
            }
        }
    }

    /// Asks whether the link is there.
    pub(super) fn ping(&mut self) {
        if self.is_up && !self.is_closing {
            self.put(&self.frame(PING, 0, &[]));
        }
    }

    /// Says that it closes.
    pub(super) fn close(&mut self) {
        if self.is_up {
            self.put(&self.frame(BYE, 0, &[]));
            self.is_closing = true;
        }
    }

    /// Takes bytes that the link sent.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.partial.push(*byte);
            if self.is_serial {
                if *byte == 0 {
                    let line = std::mem::take(&mut self.partial);
                    self.hear_line(&line[..line.len() - 1]);
                }
                continue;
            }
            let Some((length, rest)) = self.partial.split_first_chunk() else { continue };
            let length = u32::from_le_bytes(*length) as usize;
            assert!((2..=MAX + 2).contains(&length), "a frame of {length} bytes");
            if rest.len() == length {
                let (kind, port, body) = (rest[0], rest[1], rest[2..].to_vec());
                self.partial.clear();
                self.hear_frame(&Frame { kind, ack: 0, number: 0, port, body, is_short: false });
            }
        }
    }

    fn hear_line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let mut frame = vec![0; line.len()];
        let len = decode(line, &mut frame).filter(|len| *len >= 6);
        let parts = len.and_then(|len| frame[..len].split_last_chunk());
        let valid = parts.filter(|(content, crc)| {
            let seed = self.seed(content[0], self.peer, self.id);
            seed.update(content).finish() == u32::from_le_bytes(**crc)
        });
        let Some((content, _)) = valid else {
            // What belongs to a session that is over is noise.
            assert!(!self.is_up || !self.is_honest, "the link sends noise: {line:?}");
            return;
        };
        let frame = match content {
            [kind, ack] => {
                assert_eq!(kind & !REJECT, ACK, "a short frame of another kind");
                Frame { kind: *kind, ack: *ack, number: 0, port: 0, body: vec![], is_short: true }
            }
            [kind, ack, number, port, body @ ..] => {
                let (kind, ack, number, port) = (*kind, *ack, *number, *port);
                Frame { kind, ack, number, port, body: body.to_vec(), is_short: false }
            }
            _ => panic!("a frame of {} bytes", content.len()),
        };
        self.hear_frame(&frame);
    }

    fn hear_frame(&mut self, frame: &Frame) {
        let kind = frame.kind & !REJECT;
        if kind == HELLO {
            return self.hear_hello(&frame.body);
        }
        if !self.is_up {
            return;
        }
        if self.is_serial {
            let more = usize::from(frame.ack.wrapping_sub(self.base));
            assert!(more <= self.window.len() || !self.is_honest, "it acknowledges too much");
            for _ in 0..more.min(self.window.len()) {
                self.window.pop_front();
                self.base = self.base.wrapping_add(1);
            }
            if frame.kind & REJECT != 0 {
                self.go_back();
            }
        }
        if kind >= OPEN {
            self.owes_ack |= self.is_serial;
            if self.is_serial && frame.number != self.expected {
                return;
            }
            self.expected = self.expected.wrapping_add(1);
            return self.hear_record(kind, frame.port.into(), &frame.body);
        }
        assert!(frame.body.is_empty(), "{frame:?}");
        match kind {
            ACK => assert!(self.is_serial),
            PING => self.owes_pong = true,
            PONG => {}
            BYE => {
                self.put(&self.frame(BYE_ACK, 0, &[]));
                self.renew();
            }
            BYE_ACK => {
                assert!(self.is_closing || !self.is_honest, "it answers what nobody said");
                self.renew();
            }
            _ => panic!("an unknown kind: {frame:?}"),
        }
    }

    fn hear_hello(&mut self, body: &[u8]) {
        let hello = Hello::parse(body).expect("a link greets as described");
        let limits = (hello.ports.into(), hello.credits.into(), hello.max as usize);
        assert_eq!(limits, (PORTS, CREDITS, MAX));
        if hello.id != self.peer {
            if self.is_up {
                self.renew();
            }
            self.peer = hello.id;
        }
        self.owes_hello = !hello.up;
        if hello.heard == self.id && !self.is_up {
            self.begin();
            // The link is up once it hears this, which goes ahead of all records.
            self.answer();
        }
        self.owes_hello |= !self.is_up;
    }

    fn hear_record(&mut self, kind: u8, at: usize, body: &[u8]) {
        assert!(at < PORTS, "a port that nobody has");
        let strict = self.is_honest;
        let port = &mut self.ports[at];
        let is_one = body.len() == 1;
        let is_allowed = match kind {
            OPEN => {
                let is_first = !port.they_opened && !port.they_ended;
                port.they_opened = true;
                port.credit = body.first().copied().unwrap_or(0).into();
                is_one && is_first && port.credit as usize == CREDITS
            }
            DATA => {
                let may = port.we_opened && port.they_opened && !port.they_ended;
                let has_credit = port.granted > 0;
                port.granted = port.granted.saturating_sub(1);
                let (number, _) = body.split_first_chunk().expect("a message has a number");
                let number = u32::from_le_bytes(*number);
                let is_next = port.heard.is_none_or(|last| last + 1 == number);
                port.heard = Some(number);
                may && has_credit && is_next && body.len() <= MAX
            }
            CREDIT => {
                if port.they_opened {
                    port.credit += u32::from(body.first().copied().unwrap_or(0));
                }
                is_one && port.credit as usize <= CREDITS
            }
            STOP => body.is_empty(),
            SHUT => {
                let may = (port.they_opened || port.we_ended) && !port.they_ended;
                port.they_ended = true;
                may && body.is_empty()
            }
            RESET => {
                let may = (port.we_opened || port.they_opened) && !port.they_ended;
                port.they_ended = true;
                may && is_one
            }
            _ => false,
        };
        assert!(is_allowed || !strict, "not allowed: kind {kind}, {body:?}, {port:?}");
        self.settle(at);
    }
}
