//! The line discipline for a line that may lose and change bytes, such as a UART.
//!
//! The sender numbers its frames and keeps each until it is acknowledged. As in LAPB (ISO/IEC
//! 13239), the receiver takes frames only in order, and asks once per gap to go back (*reject*). On
//! a line of one hop, frames cannot overtake each other. So going back costs a frame or two more
//! than sending just the missing frame would, and it saves a second window of buffers. If the
//! reject is lost as well, the sender goes back when its timer fires. Every frame except a greeting
//! carries an acknowledgement.

use super::super::frame::{
    self, Crc32, Decoded, Decoder, Encoder, FIRST_NUMBERED, Hello, Identity, REJECT,
};
use super::line::{Discipline, Line, Outgoing, Received, Source, Window};
use super::timer::Timer;
use core::hash::{Hash, Hasher};

/// A line of COBS frames with a CRC-32, which are numbered, acknowledged and sent again if lost.
///
/// Up to `WINDOW` frames may be unacknowledged (a power of two up to 64). A message has at most
/// `MAX` bytes.
#[derive(Debug, Clone)]
#[repr(C)]
pub struct Serial<const WINDOW: usize, const MAX: usize> {
    /// The number of the frame to send next, from the window's base up to `sent` inclusive.
    next: u8,
    /// One more than the highest number that was sent in this session.
    sent: u8,
    /// Whether a zero byte is still to be sent before the frame.
    lead: bool,
    /// The number of the frame that has to arrive next.
    expected: u8,
    owes_ack: bool,
    owes_reject: bool,
    /// While a frame is missing: how far the last frame was ahead of `expected`.
    gap: Option<u8>,
    head: [u8; HEAD],
    decoder: Decoder,
    /// How many bytes of the frame arrived, including the checksum.
    arrived: usize,
    /// The last four bytes that arrived: if the frame ends here, they are its checksum.
    last: u32,
    crc: Crc32,
    /// The length of the last record's body.
    body_len: usize,
    /// What the checksums of the session begin with, one for each direction.
    seed_out: Crc32,
    seed_in: Crc32,
    /// Ticks after which an unacknowledged frame is sent again.
    retransmit: u32,
    /// `retransmit`, doubled each time that the timer fires in a row.
    timeout: u32,
    resend: Timer,
    encoder: Encoder,
    /// The head of the frame that is being sent, with its first byte lowest.
    out_head: u32,
    /// How many bytes that head has.
    out_head_len: u8,
    /// The checksum of that frame.
    out_crc: u32,
    out: Outgoing,
    window: Window<WINDOW, MAX>,
    body: [u8; MAX],
}

/// Kind, acknowledgement, number, port.
const HEAD: usize = 4;
/// The head of a bare acknowledgement: kind and acknowledgement.
const SHORT: usize = 2;
const CRC: usize = 4;
/// How often the retransmission timeout doubles.
const MAX_DOUBLINGS: u32 = 4;

/// The greatest distance of a number ahead of the expected one; numbers further on lie behind it.
const AHEAD: u8 = 127;

/// Returns what the checksums of one direction begin with.
#[inline(never)]
fn seed(from: Identity, to: Identity) -> Crc32 {
    Crc32::new().update(&from.bytes()).update(&to.bytes())
}

/// Returns the byte at position `at` of a frame, which is the head, the body, then the checksum.
///
/// `head` holds the head's bytes and how many it has.
#[inline(never)]
fn byte(head: (u32, u8), body: &[u8], crc: u32, at: usize) -> u8 {
    let (number, at) = match at.checked_sub(head.1 as usize) {
        None => (head.0, at),
        Some(at) => match body.get(at) {
            Some(byte) => return *byte,
            None => (crc, at.wrapping_sub(body.len())),
        },
    };
    number.wrapping_shr(at as u32 * 8) as u8
}

impl<const WINDOW: usize, const MAX: usize> Serial<WINDOW, MAX> {
    pub(super) const fn new(retransmit: u32) -> Self {
        // Zeros where possible, because only nonzero bytes cost flash.
        Serial {
            next: 0,
            sent: 0,
            lead: false,
            expected: 0,
            owes_ack: false,
            owes_reject: false,
            gap: None,
            head: [0; HEAD],
            decoder: Decoder::new(),
            arrived: 0,
            last: 0,
            crc: Crc32::NONE,
            body_len: 0,
            seed_out: Crc32::NONE,
            seed_in: Crc32::NONE,
            retransmit,
            timeout: retransmit,
            resend: Timer::OFF,
            encoder: Encoder::new(),
            out_head: 0,
            out_head_len: 0,
            out_crc: 0,
            out: Outgoing::EMPTY,
            window: Window::EMPTY,
            body: [0; MAX],
        }
    }

    /// Begins a frame with the first `len` bytes of `head`; its body is set in `out` already.
    #[inline(never)]
    fn start(&mut self, head: [u8; HEAD], len: u8) {
        let hello = matches!(head, [frame::HELLO, ..]);
        let seed = if hello { Crc32::new() } else { self.seed_out };
        let crc = seed.update(head.get(..len as usize).unwrap_or_default());
        self.out_crc = crc.update(self.out.body(&self.window)).finish();
        self.out_head = u32::from_le_bytes(head);
        self.out_head_len = len;
        self.encoder = Encoder::new();
        // A zero first, so that the peer finds the greeting after any noise on the line.
        self.lead |= hello;
    }

    /// Returns the kind byte, with the reject flag if this side owes one.
    ///
    /// The frame acknowledges, so this side owes no acknowledgement and no reject afterwards.
    fn stamp(&mut self, kind: u8) -> u8 {
        let reject = if self.owes_reject { REJECT } else { 0 };
        self.owes_reject = false;
        self.owes_ack = false;
        kind | reject
    }

    /// Goes back to the oldest unacknowledged frame; returns whether there is one.
    ///
    /// If that frame is being sent now, it goes back to the next one: the peer cannot have missed a
    /// frame that is not sent completely.
    #[inline(never)]
    fn go_back(&mut self) -> bool {
        if self.window.base == self.sent {
            return false;
        }
        let partly_sent = self.out.number() == Some(self.window.base);
        self.next = self.window.base.wrapping_add(u8::from(partly_sent));
        true
    }

    /// Notes that the peer has every frame before `ack`.
    fn acknowledge(&mut self, ack: u8) {
        let advance = ack.wrapping_sub(self.window.base);
        if advance == 0 || advance > self.sent.wrapping_sub(self.window.base) {
            return;
        }
        if self.next.wrapping_sub(self.window.base) < advance {
            self.next = ack;
        }
        self.window.base = ack;
        self.timeout = self.retransmit;
        self.resend = match ack == self.sent {
            true => Timer::OFF,
            false => Timer::after(self.timeout),
        };
    }

    /// Notes that a frame is missing before one whose number is `ahead` of the expected one.
    fn note_gap(&mut self, ahead: u8) {
        // If the number is not further ahead than the last one, the peer went back and the missing
        // frame was lost again.
        if self.gap.is_none_or(|last| ahead <= last) {
            self.owes_reject = true;
        }
        self.gap = Some(ahead);
    }

    /// Takes the next decoded byte of the frame.
    #[inline(never)]
    fn take_byte(&mut self, byte: u8) {
        if let Some(at) = self.arrived.checked_sub(CRC) {
            let [oldest, ..] = self.last.to_le_bytes();
            if at == 0 {
                let hello = oldest & !REJECT == frame::HELLO;
                self.crc = if hello { Crc32::new() } else { self.seed_in };
            }
            self.crc = self.crc.push(oldest);
            let place = match at.checked_sub(HEAD) {
                None => self.head.get_mut(at),
                Some(at) => self.body.get_mut(at),
            };
            if let Some(place) = place {
                *place = oldest;
            }
        }
        self.last = (self.last >> 8) | ((byte as u32) << 24);
        // The count saturates: a frame that is too long fails the length check, and must not wrap
        // around to a valid length.
        self.arrived = self.arrived.saturating_add(1);
    }

    /// Handles the end of a frame; `whole` if its encoding was complete.
    fn end_frame(&mut self, whole: bool) -> Received {
        let len = self.arrived.saturating_sub(CRC);
        let is_valid_len = len == SHORT || (HEAD..=HEAD.saturating_add(MAX)).contains(&len);
        if !whole || !is_valid_len || self.crc.finish() != self.last {
            // Two zeros in a row are no loss. Of a damaged frame, only the loss is certain.
            if self.arrived > 0 && self.gap.is_none() {
                self.note_gap(0);
            }
            return Received::Nothing;
        }
        self.body_len = len.saturating_sub(HEAD);
        let [kind, ack, number, port] = self.head;
        let reject = kind & REJECT != 0;
        let kind = kind & !REJECT;
        if (len == SHORT) != (kind == frame::ACK) {
            return Received::Violation;
        }
        if kind == frame::HELLO {
            return Received::Record { kind, port: 0 };
        }
        self.acknowledge(ack);
        if reject && self.go_back() {
            self.resend = Timer::after(self.timeout);
        }
        if kind < FIRST_NUMBERED {
            return Received::Record { kind, port: 0 };
        }
        self.owes_ack = true;
        match number.wrapping_sub(self.expected) {
            0 => {
                self.expected = self.expected.wrapping_add(1);
                self.gap = None;
                self.owes_reject = false;
                Received::Record { kind, port }
            }
            ahead @ 1..=AHEAD => {
                self.note_gap(ahead);
                Received::Record { kind: frame::ACK, port: 0 }
            }
            _ => Received::Record { kind: frame::ACK, port: 0 },
        }
    }
}

impl<const WINDOW: usize, const MAX: usize> Line for Serial<WINDOW, MAX> {}

impl<const WINDOW: usize, const MAX: usize> Discipline for Serial<WINDOW, MAX> {
    const RESYNCHRONISES: bool = true;

    fn begin(&mut self, local: Identity, peer: Identity) {
        self.seed_out = seed(local, peer);
        self.seed_in = seed(peer, local);
        self.window.base = 0;
        self.window.end = 0;
        self.next = 0;
        self.sent = 0;
        self.resend = Timer::OFF;
        self.timeout = self.retransmit;
        self.expected = 0;
        self.owes_ack = false;
        self.owes_reject = false;
        self.gap = None;
        // A numbered frame of the last session that is being sent is of no use, and its number may
        // come again. Abandon it.
        if self.out.number().is_some() {
            self.out.source = Source::Idle;
            self.lead = true;
        }
    }

    fn clear(&mut self) {
        self.out.source = Source::Idle;
        self.decoder = Decoder::new();
        self.arrived = 0;
    }

    fn has_room(&self) -> bool {
        self.window.has_room(self.out.number())
    }

    fn push(&mut self, kind: u8, port: u8, body: &[u8]) -> bool {
        self.has_room() && self.window.push(kind, port, body)
    }

    fn is_drained(&self) -> bool {
        self.window.is_empty()
    }

    fn is_sending(&self) -> bool {
        self.out.source != Source::Idle
    }

    fn start_control(&mut self, kind: u8, hello: Option<&Hello>) {
        self.out.start_control(hello);
        // A greeting belongs to no session, so it acknowledges nothing.
        let head = match kind {
            frame::HELLO => [kind, 0, 0, 0],
            _ => [self.stamp(kind), self.expected, 0, 0],
        };
        self.start(head, HEAD as u8);
    }

    fn start_numbered(&mut self) -> bool {
        // A reject goes out first: it does not wait for a long frame.
        if self.next != self.window.end && !self.owes_reject {
            let number = self.next;
            let Some(slot) = self.window.get(number) else { return false };
            let (kind, port) = (slot.kind, slot.port);
            let head = [self.stamp(kind), self.expected, number, port];
            self.out.source = Source::Slot(number);
            self.start(head, HEAD as u8);
            self.next = number.wrapping_add(1);
            if number == self.sent {
                self.sent = self.next;
            }
            return true;
        }
        if self.owes_ack || self.owes_reject {
            let head = [self.stamp(frame::ACK), self.expected, 0, 0];
            self.out.source = Source::Empty;
            self.start(head, SHORT as u8);
            return true;
        }
        false
    }

    fn fill(&mut self, out: &mut [u8]) -> usize {
        let body = self.out.body(&self.window);
        let len = (self.out_head_len as usize).wrapping_add(body.len()).wrapping_add(CRC);
        let (head, crc) = ((self.out_head, self.out_head_len), self.out_crc);
        let mut filled = 0;
        for place in out.iter_mut() {
            filled += 1;
            *place = 0;
            if self.lead {
                self.lead = false;
                continue;
            }
            if let Some(byte) = self.encoder.next(len, |at| byte(head, body, crc, at)) {
                *place = byte;
                continue;
            }
            // The zero just placed ends the frame.
            if self.out.number().is_some() && self.resend == Timer::OFF && !self.window.is_empty() {
                self.resend = Timer::after(self.timeout);
            }
            self.out.source = Source::Idle;
            break;
        }
        filled
    }

    fn recv(&mut self, input: &mut &[u8]) -> Received {
        while let Some((byte, rest)) = input.split_first() {
            *input = rest;
            match self.decoder.push(*byte) {
                Decoded::Nothing => {}
                Decoded::Byte(byte) => self.take_byte(byte),
                Decoded::End { whole } => {
                    let received = self.end_frame(whole);
                    self.arrived = 0;
                    return received;
                }
            }
        }
        Received::Nothing
    }

    fn body(&self) -> &[u8] {
        self.body.get(..self.body_len).unwrap_or_default()
    }

    fn elapse(&mut self, ticks: u32) {
        self.resend.elapse(ticks);
    }

    fn timer(&self) -> Timer {
        self.resend
    }

    fn handle_timeout(&mut self) {
        if self.resend.is_due() {
            if self.timeout >> MAX_DOUBLINGS < self.retransmit {
                self.timeout = self.timeout.saturating_add(self.timeout);
            }
            self.resend = Timer::after(self.timeout);
            self.go_back();
        }
    }
}

/// Hashes what affects later behaviour: the received part of the arriving frame, not the last one.
///
/// The timeout is left out, because it changes when frames are sent, but not which.
impl<const WINDOW: usize, const MAX: usize> Hash for Serial<WINDOW, MAX> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.window, self.next, self.sent, self.resend).hash(state);
        (self.seed_out, self.seed_in, self.expected, self.gap).hash(state);
        (self.owes_ack, self.owes_reject, self.lead).hash(state);
        if self.is_sending() {
            (&self.out, &self.encoder).hash(state);
            (self.out_head, self.out_head_len, self.out_crc).hash(state);
        }
        if self.arrived > 0 {
            let kept = self.arrived.saturating_sub(CRC);
            (self.arrived, self.last, self.crc).hash(state);
            self.head.get(..kept.min(HEAD)).hash(state);
            self.body.get(..kept.saturating_sub(HEAD)).hash(state);
        }
        self.decoder.hash(state);
    }
}
