//! What the two line disciplines share: interface, window of records, and the frame being sent.

use super::super::frame::{Hello, Identity};
use super::timer::Timer;
use core::hash::{Hash, Hasher};

/// A line discipline: [`Reliable`](super::Reliable) or [`Serial`](super::Serial), and no other.
///
/// It says how a line's bytes form frames.
pub trait Line: Discipline {}

/// What arrived on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Nothing that concerns the link, or no complete frame yet.
    Nothing,
    /// A record; [`Discipline::body`] returns its body until the line takes the next byte.
    Record {
        /// The kind of the record, see [`frame`](super::super::frame).
        kind: u8,
        /// The port that it concerns.
        port: u8,
    },
    /// Bytes that no peer of this version sends.
    Violation,
}

/// The interface between a link and its line.
///
/// The link passes records down and takes records. The line does frames, numbers and checksums.
pub trait Discipline {
    /// Whether the line finds the next frame after bytes that form none.
    const RESYNCHRONISES: bool;

    /// Begins a session: drops the waiting records.
    ///
    /// A reliable line first completes a partly sent frame. A serial line numbers its frames from
    /// 0, and abandons a partly sent numbered frame.
    fn begin(&mut self, local: Identity, peer: Identity);

    /// Begins another stream: drops every partly sent or received frame of the old one.
    fn clear(&mut self);

    /// Returns whether [`push`](Self::push) has room.
    fn has_room(&self) -> bool;

    /// Takes a numbered record, to be delivered once and in order.
    ///
    /// Returns `false` if there is no room, or the body is too long.
    fn push(&mut self, kind: u8, port: u8, body: &[u8]) -> bool;

    /// Returns whether the peer's line has every pushed record, as far as this line can know.
    fn is_drained(&self) -> bool;

    /// Returns whether a frame is partly sent.
    fn is_sending(&self) -> bool;

    /// Begins a frame with an unnumbered record, whose body is `hello` or empty.
    fn start_control(&mut self, kind: u8, hello: Option<&Hello>);

    /// Begins the next numbered frame, or a bare acknowledgement; `false` if there is nothing to
    /// send.
    fn start_numbered(&mut self) -> bool;

    /// Puts the next bytes of the frame being sent into `out`; returns how many.
    fn fill(&mut self, out: &mut [u8]) -> usize;

    /// Takes bytes from the front of `input`, up to the end of a frame; at least one if there is
    /// one.
    fn recv(&mut self, input: &mut &[u8]) -> Received;

    /// Returns the body of the record that arrived last.
    fn body(&self) -> &[u8];

    /// Tells the line that `ticks` passed.
    fn elapse(&mut self, ticks: u32);

    /// Returns the timer that says when [`handle_timeout`](Self::handle_timeout) is due.
    fn timer(&self) -> Timer;

    /// Sends again what is due.
    fn handle_timeout(&mut self);
}

/// Copies `from` to the beginning of `to`; returns whether it fitted.
pub(super) fn copy(to: &mut [u8], from: &[u8]) -> bool {
    match to.get_mut(..from.len()) {
        Some(to) => {
            to.copy_from_slice(from);
            true
        }
        None => false,
    }
}

/// A record that waits to be sent or acknowledged.
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

/// The records that wait, from the oldest to the newest, numbered modulo 256.
#[derive(Debug, Clone)]
#[repr(C)]
pub(super) struct Window<const WINDOW: usize, const MAX: usize> {
    /// The number of the oldest record.
    pub(super) base: u8,
    /// One more than the number of the newest record.
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

    /// Returns whether another record fits without overwriting the one being sent, if any.
    #[inline(never)]
    pub(super) fn has_room(&self, partly_sent: Option<u8>) -> bool {
        (self.end.wrapping_sub(self.base) as usize) < WINDOW
            && partly_sent.is_none_or(|number| Self::index(number) != Self::index(self.end))
    }

    /// Adds a record; the caller has checked [`has_room`](Self::has_room).
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

/// Hashes the waiting records, not what old records left in free slots.
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

/// Where the body of the frame being sent lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// No frame is being sent.
    Idle,
    /// The frame has no body.
    Empty,
    /// In the window's record of this number.
    Slot(u8),
    /// In [`Outgoing::hello`].
    Hello,
}

/// The frame being sent: where its body lies, or the body itself if it is a greeting.
#[derive(Debug, Clone, Hash)]
#[repr(C)]
pub(super) struct Outgoing {
    pub(super) source: Source,
    hello: [u8; Hello::LEN],
}

impl Outgoing {
    pub(super) const EMPTY: Self = Outgoing { source: Source::Idle, hello: [0; Hello::LEN] };

    /// Begins a frame with an unnumbered record.
    pub(super) fn start_control(&mut self, hello: Option<&Hello>) {
        self.source = Source::Empty;
        if let Some(hello) = hello {
            self.hello = hello.emit();
            self.source = Source::Hello;
        }
    }

    /// Returns the number of the frame being sent, if it has one.
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
