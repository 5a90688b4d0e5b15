//! What the two line disciplines have in common: the seam to the link, the records that wait, and
//! the one frame that is on its way out.

use super::super::frame::{Hello, Identity};
use super::timer::Timer;
use core::hash::{Hash, Hasher};

/// How frames are made of a line's bytes: [`Reliable`](super::Reliable) or
/// [`Serial`](super::Serial). There is no third.
pub trait Line: Discipline {}

/// What arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Nothing that concerns the link.
    Nothing,
    /// A record; its body is [`Discipline::body`] until the next byte is taken.
    Record {
        /// What it is, see [`frame`](super::super::frame).
        kind: u8,
        /// Whom it concerns.
        port: u8,
    },
    /// Bytes that no peer of this version sends.
    Violation,
}

/// The seam: the link hands records down and takes records; the line knows frames, numbers and
/// check sums.
pub trait Discipline {
    /// Whether frames are found again behind bytes that are none.
    const RESYNCHRONISES: bool;

    /// A session begins: what waits is dropped, numbers start at 0. A frame that is half out is
    /// completed first.
    fn begin(&mut self, local: Identity, peer: Identity);

    /// Another stream begins: nothing of the one before is completed.
    fn clear(&mut self);

    /// Whether [`push`](Self::push) has room.
    fn has_room(&self) -> bool;

    /// Takes a numbered record, to be sent once and in order. `false`: no room, or the body is too
    /// long.
    fn push(&mut self, kind: u8, port: u8, body: &[u8]) -> bool;

    /// Whether the peer's line has everything that was pushed, as far as this line can know.
    fn is_drained(&self) -> bool;

    /// Whether a frame is half out.
    fn is_sending(&self) -> bool;

    /// Begins a frame with a record that is not numbered, and whose body is a greeting or nothing.
    fn start_control(&mut self, kind: u8, hello: Option<&Hello>);

    /// Begins the next numbered frame, or one that only acknowledges. `false`: there is nothing to
    /// send.
    fn start_numbered(&mut self) -> bool;

    /// Puts the next bytes of the frame that is half out into `out`; returns how many.
    fn fill(&mut self, out: &mut [u8]) -> usize;

    /// Takes bytes from the front up to the end of a frame; at least one, if there is one.
    fn recv(&mut self, input: &mut &[u8]) -> Received;

    /// The body of the record that arrived last.
    fn body(&self) -> &[u8];

    /// So many ticks passed.
    fn elapse(&mut self, ticks: u32);

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    fn timer(&self) -> Timer;

    /// Does what is due.
    fn handle_timeout(&mut self);
}

/// Copies `from` to the beginning of `to`, if it fits.
pub(super) fn copy(to: &mut [u8], from: &[u8]) -> bool {
    match to.get_mut(..from.len()) {
        Some(to) => {
            to.copy_from_slice(from);
            true
        }
        None => false,
    }
}

/// A record that waits.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Slot<const MAX: usize> {
    pub(super) kind: u8,
    pub(super) port: u8,
    len: usize,
    bytes: [u8; MAX],
}

impl<const MAX: usize> Slot<MAX> {
    const EMPTY: Self = Slot { kind: 0, port: 0, len: 0, bytes: [0; MAX] };

    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The records from the oldest that is kept to the newest, numbered modulo 256.
#[derive(Debug, Clone)]
#[repr(C)]
pub(super) struct Window<const WINDOW: usize, const MAX: usize> {
    /// The number of the oldest.
    pub(super) base: u8,
    /// One more than the number of the newest.
    pub(super) end: u8,
    slots: [Slot<MAX>; WINDOW],
}

impl<const WINDOW: usize, const MAX: usize> Window<WINDOW, MAX> {
    pub(super) const EMPTY: Self = {
        const {
            assert!(
                WINDOW.is_power_of_two() && WINDOW <= 64,
                "a window has 1, 2, 4, 8, 16, 32 or 64 frames: numbers count modulo 256"
            );
            assert!(MAX >= Hello::LEN, "messages of at least 24 bytes: the handshake is as long");
            assert!(MAX <= 1 << 24, "messages of at most 16 MiB");
        }
        Window { base: 0, end: 0, slots: [Slot::EMPTY; WINDOW] }
    };

    fn index(number: u8) -> usize {
        number as usize & WINDOW.wrapping_sub(1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.base == self.end
    }

    /// Whether another record fits, while the one that is half out, if any, must stay as it is.
    #[inline(never)]
    pub(super) fn has_room(&self, half_out: Option<u8>) -> bool {
        (self.end.wrapping_sub(self.base) as usize) < WINDOW
            && half_out.is_none_or(|number| Self::index(number) != Self::index(self.end))
    }

    /// Adds a record; the caller asked [`has_room`](Self::has_room).
    pub(super) fn push(&mut self, kind: u8, port: u8, body: &[u8]) -> bool {
        let Some(slot) = self.slots.get_mut(Self::index(self.end)) else { return false };
        if !copy(&mut slot.bytes, body) {
            return false;
        }
        (slot.kind, slot.port, slot.len) = (kind, port, body.len());
        self.end = self.end.wrapping_add(1);
        true
    }

    pub(super) fn get(&self, number: u8) -> Option<&Slot<MAX>> {
        self.slots.get(Self::index(number))
    }
}

/// What is kept counts; what lies in a slot from before does not.
impl<const WINDOW: usize, const MAX: usize> Hash for Window<WINDOW, MAX> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.base, self.end).hash(state);
        let mut number = self.base;
        while number != self.end {
            if let Some(slot) = self.get(number) {
                (slot.kind, slot.port, slot.body()).hash(state);
            }
            number = number.wrapping_add(1);
        }
    }
}

/// Where the body of the frame that is half out lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// No frame is half out.
    Idle,
    /// There is no body.
    Empty,
    /// In the window.
    Slot(u8),
    /// In [`Outgoing::hello`].
    Hello,
}

/// Where the body of the frame that is half out lies, and what is kept of it here.
#[derive(Debug, Clone, Hash)]
#[repr(C)]
pub(super) struct Outgoing {
    pub(super) source: Source,
    hello: [u8; Hello::LEN],
}

impl Outgoing {
    pub(super) const EMPTY: Self = Outgoing { source: Source::Idle, hello: [0; Hello::LEN] };

    /// Begins a frame whose record is not numbered.
    pub(super) fn start_control(&mut self, hello: Option<&Hello>) {
        self.source = Source::Empty;
        if let Some(hello) = hello {
            self.hello = hello.emit();
            self.source = Source::Hello;
        }
    }

    /// The number of the frame that is half out, if it has one.
    pub(super) fn number(&self) -> Option<u8> {
        match self.source {
            Source::Slot(number) => Some(number),
            _ => None,
        }
    }

    #[inline(never)]
    pub(super) fn body<'a, const WINDOW: usize, const MAX: usize>(
        &'a self,
        window: &'a Window<WINDOW, MAX>,
    ) -> &'a [u8] {
        match self.source {
            Source::Idle | Source::Empty => &[],
            Source::Slot(number) => window.get(number).map_or(&[], Slot::body),
            Source::Hello => &self.hello,
        }
    }
}
