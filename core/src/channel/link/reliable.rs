//! The discipline for a stream that the operating system, or the hardware, keeps in order and whole.

use super::super::frame::Identity;
use super::NEVER;
use super::line::{Discipline, Line, Outgoing, Received, Source, Window, copy};
use core::hash::{Hash, Hasher};

/// Frames with their length before them, and nothing more: for a pipe, a FIFO, a stream socket, a ring in shared memory.
///
/// `WINDOW` records wait for the line (a power of two up to 64); a message has at most `MAX` bytes.
#[derive(Debug, Clone)]
pub struct Reliable<const WINDOW: usize, const MAX: usize> {
    window: Window<WINDOW, MAX>,
    out: Outgoing,
    /// How much of the frame is out.
    sent: usize,
    head: [u8; 6],
    /// How much of the frame that is arriving is here.
    taken: usize,
    body: [u8; MAX],
    /// A length came that no frame has: where the next frame begins is not known any more.
    is_lost: bool,
}

/// The length, the kind and the port.
const HEAD: usize = 6;
const LENGTH: usize = 4;
/// What the length counts besides the body.
const COUNTED: usize = 2;

impl<const WINDOW: usize, const MAX: usize> Reliable<WINDOW, MAX> {
    pub(super) const fn new() -> Self {
        Reliable {
            window: Window::new(),
            out: Outgoing::new(),
            sent: 0,
            head: [0; HEAD],
            taken: 0,
            body: [0; MAX],
            is_lost: false,
        }
    }

    fn start(&mut self, kind: u8, port: u8, source: Source, body_len: usize) {
        let [a, b, c, d] = (body_len.wrapping_add(COUNTED) as u32).to_le_bytes();
        self.out.start(&[a, b, c, d, kind, port], source, body_len, &[]);
        self.sent = 0;
    }

    /// The length of the body, as the peer says it; `None` when it is one that no body has.
    fn body_len(&self) -> Option<usize> {
        let [a, b, c, d, ..] = self.head;
        let len = (u32::from_le_bytes([a, b, c, d]) as usize).checked_sub(COUNTED)?;
        if len <= MAX { Some(len) } else { None }
    }
}

impl<const WINDOW: usize, const MAX: usize> Line for Reliable<WINDOW, MAX> {}

impl<const WINDOW: usize, const MAX: usize> Discipline for Reliable<WINDOW, MAX> {
    const RESYNCHRONISES: bool = false;

    fn begin(&mut self, _local: Identity, _peer: Identity) {
        match self.out.number() {
            // Its length is out: what follows has to be as long.
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

    fn start_control(&mut self, kind: u8, body: &[u8]) {
        let len = self.out.keep(body);
        self.start(kind, 0, Source::Control, len);
    }

    fn start_numbered(&mut self) -> bool {
        if self.window.is_empty() {
            return false;
        }
        let number = self.window.base;
        let Some(slot) = self.window.get(number) else { return false };
        let (kind, port, len) = (slot.kind, slot.port, slot.body().len());
        self.start(kind, port, Source::Slot(number), len);
        true
    }

    fn fill(&mut self, out: &mut [u8]) -> usize {
        let body = self.out.body(&self.window);
        let mut filled = 0;
        while let Some(place) = out.get_mut(filled..).filter(|place| !place.is_empty()) {
            let rest = self.out.rest(body, self.sent);
            let n = rest.len().min(place.len());
            if n == 0 {
                break;
            }
            copy(place, rest.get(..n).unwrap_or_default());
            self.sent = self.sent.wrapping_add(n);
            filled = filled.wrapping_add(n);
        }
        if self.sent >= self.out.len() {
            if let Some(number) = self.out.number() {
                self.window.base = number.wrapping_add(1);
            }
            self.out.source = Source::Idle;
        }
        filled
    }

    fn receive(&mut self, input: &[u8]) -> (usize, Received) {
        if self.is_lost {
            return (input.len(), Received::Nothing);
        }
        let mut used = 0;
        loop {
            // As soon as the length is here it is looked at.
            let end = if self.taken < LENGTH {
                LENGTH
            } else {
                let Some(len) = self.body_len() else {
                    self.is_lost = true;
                    return (used, Received::Violation);
                };
                HEAD.wrapping_add(len)
            };
            if self.taken >= end {
                self.taken = 0;
                let [.., kind, port] = self.head;
                return (used, Received::Record { kind, port });
            }
            let place = match self.taken.checked_sub(HEAD) {
                None => self.head.get_mut(self.taken..end.min(HEAD)),
                Some(at) => self.body.get_mut(at..end.wrapping_sub(HEAD)),
            };
            let (Some(place), Some(rest)) = (place, input.get(used..)) else {
                return (used, Received::Nothing);
            };
            let n = place.len().min(rest.len());
            if n == 0 {
                return (used, Received::Nothing);
            }
            copy(place, rest.get(..n).unwrap_or_default());
            self.taken = self.taken.wrapping_add(n);
            used = used.wrapping_add(n);
        }
    }

    fn body(&self) -> &[u8] {
        self.body.get(..self.body_len().unwrap_or(0)).unwrap_or_default()
    }

    fn elapse(&mut self, _ticks: u32) {}

    fn timeout(&self) -> u32 {
        NEVER
    }

    fn handle_timeout(&mut self) {}
}

/// What is there of the frame that is arriving counts; what is left of the one before does not.
impl<const WINDOW: usize, const MAX: usize> Hash for Reliable<WINDOW, MAX> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.window, self.taken, self.is_lost).hash(state);
        if self.is_sending() {
            (&self.out, self.sent).hash(state);
        }
        self.head.get(..self.taken.min(HEAD)).hash(state);
        self.body.get(..self.taken.saturating_sub(HEAD)).hash(state);
    }
}
