//! The line discipline for a stream that keeps its bytes complete and in order.

use super::super::frame::Hello;
use super::line::{Discipline, Line, Outgoing, Received, Slot, Source, Window, copy};
use super::records::{Bytes, Records};
use super::timer::Timer;
use core::hash::{Hash, Hasher};

/// A line of frames that begin with their length.
///
/// It suits a pipe, a FIFO, a stream socket, or a ring in shared memory.
///
/// Up to `WINDOW` records wait for the line (a power of two up to 64). A message has at most `MAX`
/// bytes.
pub type Reliable<const WINDOW: usize, const MAX: usize> =
    ReliableInner<[Slot<MAX>; WINDOW], [u8; MAX]>;

/// A [`Reliable`] line, with its records in `R` and the body that arrives in `A`.
#[derive(Debug, Clone)]
pub struct ReliableInner<R, A> {
    window: Window<R>,
    out: Outgoing,
    out_head: [u8; HEAD],
    /// How many bytes of the current frame were sent.
    sent: usize,
    head: [u8; HEAD],
    /// How many bytes of the arriving frame are here.
    taken: usize,
    body: A,
    /// Whether an invalid length came, so that nothing tells where the next frame begins.
    is_lost: bool,
}

/// The length, the kind and the port.
const HEAD: usize = 6;
const LENGTH: usize = 4;
/// How many bytes the length counts besides the body.
const COUNTED: usize = 2;

impl<const WINDOW: usize, const MAX: usize> Reliable<WINDOW, MAX> {
    /// An empty line: zeros, which cost no flash.
    pub(super) const EMPTY: Self = ReliableInner::over(Window::EMPTY, [0; MAX]);
}

impl<R, A> ReliableInner<R, A> {
    /// An empty line.
    pub(super) const fn over(window: Window<R>, body: A) -> Self {
        ReliableInner {
            window,
            out: Outgoing::EMPTY,
            out_head: [0; HEAD],
            sent: 0,
            head: [0; HEAD],
            taken: 0,
            body,
            is_lost: false,
        }
    }
}

impl<R: Records, A: Bytes> ReliableInner<R, A> {
    /// Begins a frame whose body is set in `out` already.
    fn start(&mut self, kind: u8, port: u8) {
        let len = self.out.body(&self.window).len();
        let [a, b, c, d] = (len.wrapping_add(COUNTED) as u32).to_le_bytes();
        self.out_head = [a, b, c, d, kind, port];
        self.sent = 0;
    }

    /// Returns the length of the body that the peer claims; `None` when it is invalid.
    fn body_len(&self) -> Option<usize> {
        let [a, b, c, d, ..] = self.head;
        let len = (u32::from_le_bytes([a, b, c, d]) as usize).checked_sub(COUNTED)?;
        if len <= self.body.bytes().len() { Some(len) } else { None }
    }
}

impl<R: Records + Send, A: Bytes + Send> Line for ReliableInner<R, A> {}

impl<R: Records, A: Bytes> Discipline for ReliableInner<R, A> {
    fn resynchronises(&self) -> bool {
        false
    }

    fn begin(&mut self) {
        match self.out.number() {
            // Its length may be sent already, so the frame has to be completed.
            Some(number) => {
                self.window.base = number;
                self.window.end = number.wrapping_add(1);
            }
            None => self.window.base = self.window.end,
        }
    }

    fn clear(&mut self) {
        self.window.base = self.window.end;
        self.out.source = Source::Idle;
        self.taken = 0;
        self.is_lost = false;
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
        self.start(kind, 0);
    }

    fn start_numbered(&mut self) -> bool {
        if self.window.is_empty() {
            return false;
        }
        let number = self.window.base;
        let Some(record) = self.window.get(number) else { return false };
        let (kind, port) = (record.kind(), record.port());
        self.out.source = Source::Slot(number);
        self.start(kind, port);
        true
    }

    fn fill(&mut self, out: &mut [u8]) -> usize {
        let body = self.out.body(&self.window);
        let mut filled = 0;
        while let Some(place) = out.get_mut(filled..).filter(|place| !place.is_empty()) {
            let rest = match self.sent.checked_sub(HEAD) {
                None => self.out_head.get(self.sent..),
                Some(at) => body.get(at..),
            };
            let rest = rest.unwrap_or_default();
            let n = rest.len().min(place.len());
            if n == 0 {
                break;
            }
            copy(place, rest.get(..n).unwrap_or_default());
            self.sent = self.sent.wrapping_add(n);
            filled = filled.wrapping_add(n);
        }
        if self.sent >= body.len().saturating_add(HEAD) {
            if let Some(number) = self.out.number() {
                self.window.base = number.wrapping_add(1);
            }
            self.out.source = Source::Idle;
        }
        filled
    }

    fn recv(&mut self, input: &mut &[u8]) -> Received {
        if self.is_lost {
            *input = &[];
            return Received::Nothing;
        }
        loop {
            // Check the length as soon as it is here.
            let end = if self.taken < LENGTH {
                LENGTH
            } else {
                let Some(len) = self.body_len() else {
                    self.is_lost = true;
                    return Received::Violation;
                };
                HEAD.wrapping_add(len)
            };
            if self.taken >= end {
                self.taken = 0;
                let [.., kind, _] = self.head;
                return Received::Record(kind);
            }
            let place = match self.taken.checked_sub(HEAD) {
                None => self.head.get_mut(self.taken..end.min(HEAD)),
                Some(at) => self.body.bytes_mut().get_mut(at..end.wrapping_sub(HEAD)),
            };
            let place = place.unwrap_or_default();
            let n = place.len().min(input.len());
            let Some((piece, rest)) = input.split_at_checked(n).filter(|_| n > 0) else {
                return Received::Nothing;
            };
            copy(place, piece);
            self.taken = self.taken.wrapping_add(n);
            *input = rest;
        }
    }

    fn port(&self) -> u8 {
        let [.., port] = self.head;
        port
    }

    fn body(&self) -> &[u8] {
        self.body.bytes().get(..self.body_len().unwrap_or(0)).unwrap_or_default()
    }

    fn elapse(&mut self, _ticks: u32) {}

    fn timer(&self) -> Timer {
        Timer::OFF
    }

    fn handle_timeout(&mut self) {}
}

/// Hashes what affects later behaviour: the received part of the arriving frame, not the last one.
impl<R: Records, A: Bytes> Hash for ReliableInner<R, A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.window, self.taken, self.is_lost).hash(state);
        if self.is_sending() {
            (self.out.source, self.out.body(&self.window), self.out_head, self.sent).hash(state);
        }
        self.head.get(..self.taken.min(HEAD)).hash(state);
        self.body.bytes().get(..self.taken.saturating_sub(HEAD)).hash(state);
    }
}
