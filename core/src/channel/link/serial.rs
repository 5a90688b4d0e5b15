//! The line discipline for a line that may lose and change bytes, such as a UART.
//!
//! The sender numbers its frames and keeps each until it is acknowledged. As in LAPB (ISO/IEC
//! 13239), the receiver takes frames only in order, and asks once per gap to go back (*reject*). On
//! a line of one hop, frames cannot overtake each other. So going back costs a frame or two more
//! than sending just the missing frame would, and it saves a second window of buffers. If the
//! reject is lost as well, the sender goes back when its timer fires. Every frame except a greeting
//! carries an acknowledgement.

use super::super::frame::{self, Crc32, Decoded, Decoder, Encoder, FIRST_NUMBERED, Hello, REJECT};
use super::line::{CRC, Discipline, Frame, HEAD, Line, Outgoing, PORT, Received};
use super::line::{SHORT, Slot, Source, Window};
use super::records::{Bytes, Records};
use super::timer::Timer;
use core::hash::{Hash, Hasher};

/// A line of COBS frames with a CRC-32, which are numbered, acknowledged and sent again if lost.
///
/// Up to `WINDOW` frames may be unacknowledged (a power of two up to 64). A message has at most
/// `MAX` bytes.
pub type Serial<const WINDOW: usize, const MAX: usize> =
    SerialInner<[Slot<MAX>; WINDOW], Frame<MAX>>;

/// A [`Serial`] line, with its records in `R` and the frame that arrives in `A`.
#[derive(Debug, Clone)]
#[repr(C)]
pub struct SerialInner<R, A> {
    /// The number of the frame to send next, from the window's base up to `sent` inclusive.
    next: u8,
    /// One more than the highest number that was sent in this session.
    sent: u8,
    /// The number of the frame that has to arrive next.
    expected: u8,
    owes_ack: bool,
    owes_reject: bool,
    /// Whether a zero byte is still to be sent before the frame.
    lead: bool,
    /// While a frame is missing: how far the last frame was ahead of `expected`.
    gap: Option<u8>,
    decoder: Decoder,
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
    out: Outgoing,
    window: Window<R>,
    /// The frame that arrives.
    frame: A,
}

/// How often the retransmission timeout doubles.
const MAX_DOUBLINGS: u32 = 4;

/// The greatest distance of a number ahead of the expected one; numbers further on lie behind it.
const AHEAD: u8 = 127;

/// The room for the body in a frame.
#[inline(always)]
fn room(frame: &impl Bytes) -> &[u8] {
    let bytes = frame.bytes();
    bytes.get(HEAD..bytes.len().wrapping_sub(CRC)).unwrap_or_default()
}

impl<const WINDOW: usize, const MAX: usize> Serial<WINDOW, MAX> {
    /// A line without a timeout: zeros, which cost no flash.
    pub(super) const EMPTY: Self = SerialInner::over(Window::EMPTY, Frame::EMPTY);
}

impl<R, A> SerialInner<R, A> {
    /// A line without a timeout.
    pub(super) const fn over(window: Window<R>, frame: A) -> Self {
        SerialInner {
            next: 0,
            sent: 0,
            lead: false,
            expected: 0,
            owes_ack: false,
            owes_reject: false,
            gap: None,
            decoder: Decoder::new(),
            crc: Crc32::NONE,
            body_len: 0,
            seed_out: Crc32::NONE,
            seed_in: Crc32::NONE,
            retransmit: 0,
            timeout: 0,
            resend: Timer::OFF,
            encoder: Encoder::new(),
            out: Outgoing::EMPTY,
            window,
            frame,
        }
    }

    pub(super) const fn set_timeout(&mut self, retransmit: u32) {
        self.retransmit = retransmit;
        self.timeout = retransmit;
    }
}

impl<R: Records, A: Bytes> SerialInner<R, A> {
    /// Begins the frame that `out` says, whose head and body are there already: completes its head,
    /// and adds the checksum.
    ///
    /// The frame acknowledges, so this side owes no acknowledgement and no reject afterwards. A
    /// greeting belongs to no session, so it acknowledges nothing.
    #[inline(never)]
    fn start(&mut self) {
        self.encoder = Encoder::new();
        let frame = self.out.frame_mut(&mut self.window);
        let Some((content, crc)) = frame.split_last_chunk_mut::<CRC>() else { return };
        let [kind, ack, ..] = content else { return };
        let mut seed = Crc32::new();
        if *kind == frame::HELLO {
            // A zero first, so that the peer finds the greeting after any noise on the line.
            self.lead = true;
        } else {
            seed = self.seed_out;
            let reject = if self.owes_reject { REJECT } else { 0 };
            *kind = (*kind & !REJECT) | reject;
            *ack = self.expected;
            self.owes_reject = false;
            self.owes_ack = false;
        }
        *crc = seed.update(content).finish().to_le_bytes();
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

    /// Handles the end of a frame of `arrived` bytes; `whole` if its encoding was complete.
    fn end_frame(&mut self, arrived: usize, whole: bool) -> Received {
        let len = arrived.saturating_sub(CRC);
        let is_valid_len =
            len == SHORT || (HEAD..=HEAD.saturating_add(room(&self.frame).len())).contains(&len);
        if !whole || !is_valid_len || !self.crc.is_valid() {
            // Two zeros in a row are no loss. Of a damaged frame, only the loss is certain.
            if arrived > 0 && self.gap.is_none() {
                self.note_gap(0);
            }
            return Received::Nothing;
        }
        self.body_len = len.saturating_sub(HEAD);
        let Some(&[kind, ack, number, _]) = self.frame.bytes().first_chunk() else {
            return Received::Nothing;
        };
        let reject = kind & REJECT != 0;
        let kind = kind & !REJECT;
        if (len == SHORT) != (kind == frame::ACK) {
            return Received::Violation;
        }
        if kind == frame::HELLO {
            return Received::Record(kind);
        }
        self.acknowledge(ack);
        if reject && self.go_back() {
            self.resend = Timer::after(self.timeout);
        }
        if kind < FIRST_NUMBERED {
            return Received::Record(kind);
        }
        self.owes_ack = true;
        match number.wrapping_sub(self.expected) {
            0 => {
                self.expected = self.expected.wrapping_add(1);
                self.gap = None;
                self.owes_reject = false;
                Received::Record(kind)
            }
            ahead @ 1..=AHEAD => {
                self.note_gap(ahead);
                Received::Record(frame::ACK)
            }
            _ => Received::Record(frame::ACK),
        }
    }
}

impl<R: Records + Send, A: Bytes + Send> Line for SerialInner<R, A> {}

impl<R: Records, A: Bytes> Discipline for SerialInner<R, A> {
    fn resynchronises(&self) -> bool {
        true
    }

    fn begin(&mut self) {
        // The greeting of a peer that heard this side has what its frames' checksums begin with:
        // its own identity, then this side's. This side's frames have them the other way round.
        let identities = room(&self.frame).get(Hello::IDENTITIES).unwrap_or_default();
        let (theirs, ours) = identities.split_at(identities.len() / 2);
        self.seed_in = Crc32::new().update(identities);
        self.seed_out = Crc32::new().update(ours).update(theirs);
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
        self.out.start_control(kind, hello);
        self.start();
    }

    fn start_numbered(&mut self) -> bool {
        // A reject goes out first: it does not wait for a long frame.
        if self.next != self.window.end && !self.owes_reject {
            let number = self.next;
            self.out.source = Source::Slot(number);
            self.start();
            self.next = number.wrapping_add(1);
            if number == self.sent {
                self.sent = self.next;
            }
            return true;
        }
        if self.owes_ack || self.owes_reject {
            self.out.start_ack();
            self.start();
            return true;
        }
        false
    }

    #[inline(never)]
    fn fill(&mut self, out: &mut [u8]) -> usize {
        if let (true, Some(first)) = (self.lead, out.first_mut()) {
            *first = 0;
            self.lead = false;
            return 1;
        }
        let filled = self.encoder.fill(self.out.frame_mut(&mut self.window), out);
        let Some(end) = out.get_mut(filled) else { return filled };
        // This zero ends the frame.
        *end = 0;
        if self.out.number().is_some() && self.resend == Timer::OFF && !self.window.is_empty() {
            self.resend = Timer::after(self.timeout);
        }
        self.out.source = Source::Idle;
        filled.wrapping_add(1)
    }

    fn recv(&mut self, input: &mut &[u8]) -> Received {
        let before = self.decoder.len();
        let decoded = self.decoder.push(input, self.frame.bytes_mut());
        let arrived = match decoded {
            Decoded::More => self.decoder.len(),
            Decoded::End { len, .. } => len,
        };
        let bytes = self.frame.bytes();
        if before == 0 {
            let hello = bytes.first().is_some_and(|kind| *kind & !REJECT == frame::HELLO);
            self.crc = if hello { Crc32::new() } else { self.seed_in };
        }
        if let Some(new) = bytes.get(before..arrived) {
            self.crc = self.crc.update(new);
        }
        match decoded {
            Decoded::More => Received::Nothing,
            Decoded::End { len, whole } => self.end_frame(len, whole),
        }
    }

    fn port(&self) -> u8 {
        self.frame.bytes().get(PORT).copied().unwrap_or(0)
    }

    fn body(&self) -> &[u8] {
        room(&self.frame).get(..self.body_len).unwrap_or_default()
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
impl<R: Records, A: Bytes> Hash for SerialInner<R, A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.window, self.next, self.sent, self.resend).hash(state);
        (self.seed_out, self.seed_in, self.expected, self.gap).hash(state);
        (self.owes_ack, self.owes_reject, self.lead).hash(state);
        if self.is_sending() {
            (self.out.source, self.out.frame(&self.window), &self.encoder).hash(state);
        }
        self.decoder.hash(state);
        let arrived = self.decoder.len();
        if arrived > 0 {
            self.crc.hash(state);
            self.frame.bytes().get(..arrived).hash(state);
        }
    }
}
