//! What the two line disciplines share: interface, window of records, and the frame being sent.

use super::super::frame::{ACK, Hello};
use super::records::{Bytes, Record, RecordMut, Records};
use super::timer::Timer;
use core::fmt;
use core::hash::{Hash, Hasher};

/// A line discipline: [`Reliable`](super::Reliable) or [`Serial`](super::Serial), and no other.
///
/// It says how a line's bytes form frames.
pub trait Line: Discipline + Send {}

impl<L: Line + ?Sized> Line for &mut L {}

impl fmt::Debug for dyn Line + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

/// What arrived on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Nothing that concerns the link, or no complete frame yet.
    Nothing,
    /// A record of this kind, see [`frame`](super::super::frame). [`Discipline::port`] and
    /// [`Discipline::body`] say the rest until the line takes the next byte.
    Record(u8),
    /// Bytes that no peer of this version sends.
    Violation,
}

/// The interface between a link and its line.
///
/// The link passes records down and takes records. The line does frames, numbers and checksums.
pub trait Discipline {
    /// Returns whether the line finds the next frame after bytes that form none.
    fn resynchronises(&self) -> bool;

    /// Begins a session: drops the waiting records.
    ///
    /// The record that arrived last is the greeting of the peer, which heard this side.
    ///
    /// A reliable line first completes a partly sent frame. A serial line numbers its frames from
    /// 0, and abandons a partly sent numbered frame.
    fn begin(&mut self);

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

    /// Returns the port of the numbered record that arrived last.
    fn port(&self) -> u8;

    /// Returns the body of the record that arrived last.
    fn body(&self) -> &[u8];

    /// Tells the line that `ticks` passed.
    fn elapse(&mut self, ticks: u32);

    /// Returns the timer that says when [`handle_timeout`](Self::handle_timeout) is due.
    fn timer(&self) -> Timer;

    /// Sends again what is due.
    fn handle_timeout(&mut self);
}

/// A line of a kind that is known at run time.
impl<L: Discipline + ?Sized> Discipline for &mut L {
    #[inline(always)]
    fn resynchronises(&self) -> bool {
        (**self).resynchronises()
    }

    #[inline(always)]
    fn begin(&mut self) {
        (**self).begin()
    }

    #[inline(always)]
    fn clear(&mut self) {
        (**self).clear()
    }

    #[inline(always)]
    fn has_room(&self) -> bool {
        (**self).has_room()
    }

    #[inline(always)]
    fn push(&mut self, kind: u8, port: u8, body: &[u8]) -> bool {
        (**self).push(kind, port, body)
    }

    #[inline(always)]
    fn is_drained(&self) -> bool {
        (**self).is_drained()
    }

    #[inline(always)]
    fn is_sending(&self) -> bool {
        (**self).is_sending()
    }

    #[inline(always)]
    fn start_control(&mut self, kind: u8, hello: Option<&Hello>) {
        (**self).start_control(kind, hello)
    }

    #[inline(always)]
    fn start_numbered(&mut self) -> bool {
        (**self).start_numbered()
    }

    #[inline(always)]
    fn fill(&mut self, out: &mut [u8]) -> usize {
        (**self).fill(out)
    }

    #[inline(always)]
    fn recv(&mut self, input: &mut &[u8]) -> Received {
        (**self).recv(input)
    }

    #[inline(always)]
    fn port(&self) -> u8 {
        (**self).port()
    }

    #[inline(always)]
    fn body(&self) -> &[u8] {
        (**self).body()
    }

    #[inline(always)]
    fn elapse(&mut self, ticks: u32) {
        (**self).elapse(ticks)
    }

    #[inline(always)]
    fn timer(&self) -> Timer {
        (**self).timer()
    }

    #[inline(always)]
    fn handle_timeout(&mut self) {
        (**self).handle_timeout()
    }
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

/// Room for one frame of a serial line: head, body and checksum, with nothing between them.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(4))]
pub struct Frame<const MAX: usize> {
    head: [u8; HEAD],
    body: [u8; MAX],
    crc: [u8; CRC],
}

/// Kind, acknowledgement, number, port.
pub(super) const HEAD: usize = 4;
/// Where the port is in the head.
pub(super) const PORT: usize = 3;
/// The head of a bare acknowledgement: kind and acknowledgement.
pub(super) const SHORT: usize = 2;
pub(super) const CRC: usize = 4;

impl<const MAX: usize> Frame<MAX> {
    pub(super) const EMPTY: Self = Frame { head: [0; HEAD], body: [0; MAX], crc: [0; CRC] };

    const LEN: usize = HEAD + MAX + CRC;
}

impl<const MAX: usize> Bytes for Frame<MAX> {
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        // SAFETY: the three fields lie one behind the other (`repr(C)`, arrays of bytes), so that
        // the first `LEN` bytes are initialized and lent together with `self`.
        unsafe { core::slice::from_raw_parts((&raw const *self).cast(), Self::LEN) }
    }

    #[inline(always)]
    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `self` is lent exclusively, and any byte is valid in the fields.
        unsafe { core::slice::from_raw_parts_mut((&raw mut *self).cast(), Self::LEN) }
    }
}

/// A record that waits to be sent or acknowledged, as the frame that carries it.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Slot<const MAX: usize> {
    /// The length of head and body.
    len: u32,
    frame: Frame<MAX>,
}

impl<const MAX: usize> Slot<MAX> {
    pub(super) const EMPTY: Self = Slot { len: 0, frame: Frame::EMPTY };

    #[inline(always)]
    fn record(&self) -> Record<'_> {
        Record { len: self.len, bytes: self.frame.bytes() }
    }

    #[inline(always)]
    fn record_mut(&mut self) -> RecordMut<'_> {
        RecordMut { len: &mut self.len, bytes: self.frame.bytes_mut() }
    }
}

impl<const WINDOW: usize, const MAX: usize> Records for [Slot<MAX>; WINDOW] {
    #[inline(always)]
    fn count(&self) -> usize {
        WINDOW
    }

    #[inline(always)]
    fn get(&self, at: usize) -> Option<Record<'_>> {
        self.as_slice().get(at).map(Slot::record)
    }

    #[inline(always)]
    fn get_mut(&mut self, at: usize) -> Option<RecordMut<'_>> {
        self.as_mut_slice().get_mut(at).map(Slot::record_mut)
    }
}

/// A record as the frame that carries it; its length is that of head and body.
impl<'r> Record<'r> {
    pub(super) fn kind(self) -> u8 {
        self.bytes.first().copied().unwrap_or(ACK)
    }

    pub(super) fn port(self) -> u8 {
        self.bytes.get(PORT).copied().unwrap_or(0)
    }

    pub(super) fn body(self) -> &'r [u8] {
        self.bytes.get(HEAD..self.len as usize).unwrap_or_default()
    }

    /// Returns the frame: head, body and checksum.
    pub(super) fn frame(self) -> &'r [u8] {
        self.bytes.get(..(self.len as usize).wrapping_add(CRC)).unwrap_or_default()
    }
}

impl<'r> RecordMut<'r> {
    /// Puts a record in; returns `false` if its body is too long.
    fn set(self, kind: u8, number: u8, port: u8, body: &[u8]) -> bool {
        let Some((content, _)) = self.bytes.split_last_chunk_mut::<CRC>() else { return false };
        let Some((head, room)) = content.split_first_chunk_mut() else { return false };
        *head = [kind, 0, number, port];
        *self.len = HEAD.wrapping_add(body.len()) as u32;
        copy(room, body)
    }

    #[inline(always)]
    fn frame_mut(self) -> &'r mut [u8] {
        self.bytes.get_mut(..(*self.len as usize).wrapping_add(CRC)).unwrap_or_default()
    }
}

/// The records that wait, from the oldest to the newest, numbered modulo 256.
#[derive(Debug, Clone)]
#[repr(C)]
pub(super) struct Window<R> {
    /// The number of the oldest record.
    pub(super) base: u8,
    /// One more than the number of the newest record.
    pub(super) end: u8,
    records: R,
}

impl<const WINDOW: usize, const MAX: usize> Window<[Slot<MAX>; WINDOW]> {
    pub(super) const EMPTY: Self = {
        const {
            assert!(is_window(WINDOW), "a window has 1, 2, 4, 8, 16, 32 or 64 frames");
            assert!(MAX >= MIN_MAX, "messages of at least 24 bytes: the handshake is as long");
            assert!(MAX <= MAX_MAX, "messages of at most 16 MiB");
        }
        Window::new([Slot::EMPTY; WINDOW])
    };
}

/// Returns whether a window may have this many frames. Their numbers count modulo 256.
pub(super) const fn is_window(frames: usize) -> bool {
    frames.is_power_of_two() && frames <= 64
}

/// The least and the most bytes that a link's longest message may have.
pub(super) const MIN_MAX: usize = Hello::LEN;
pub(super) const MAX_MAX: usize = 1 << 24;

impl<R> Window<R> {
    pub(super) const fn new(records: R) -> Self {
        Window { base: 0, end: 0, records }
    }
}

impl<R: Records> Window<R> {
    fn index(&self, number: u8) -> usize {
        number as usize & self.records.count().wrapping_sub(1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.base == self.end
    }

    /// Returns whether another record fits without overwriting the one being sent, if any.
    #[inline(never)]
    pub(super) fn has_room(&self, partly_sent: Option<u8>) -> bool {
        (self.end.wrapping_sub(self.base) as usize) < self.records.count()
            && partly_sent.is_none_or(|number| self.index(number) != self.index(self.end))
    }

    /// Adds a record; the caller has checked [`has_room`](Self::has_room).
    pub(super) fn push(&mut self, kind: u8, port: u8, body: &[u8]) -> bool {
        let number = self.end;
        let Some(record) = self.get_mut(number) else { return false };
        if !record.set(kind, number, port, body) {
            return false;
        }
        self.end = number.wrapping_add(1);
        true
    }

    pub(super) fn get(&self, number: u8) -> Option<Record<'_>> {
        self.records.get(self.index(number))
    }

    pub(super) fn get_mut(&mut self, number: u8) -> Option<RecordMut<'_>> {
        let at = self.index(number);
        self.records.get_mut(at)
    }
}

/// Hashes the waiting records, not what old records left in free slots.
impl<R: Records> Hash for Window<R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.base, self.end).hash(state);
        let mut number = self.base;
        while number != self.end {
            if let Some(record) = self.get(number) {
                (record.kind(), record.port(), record.body()).hash(state);
            }
            number = number.wrapping_add(1);
        }
    }
}

/// Where the frame being sent lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// No frame is being sent.
    Idle,
    /// In the window's record of this number.
    Slot(u8),
    /// In [`Outgoing::control`].
    Control,
}

/// The frame being sent: where it lies, or the frame itself if it is not numbered.
#[derive(Debug, Clone)]
#[repr(C)]
pub(super) struct Outgoing {
    pub(super) source: Source,
    control: Slot<{ Hello::LEN }>,
}

impl Outgoing {
    pub(super) const EMPTY: Self = Outgoing { source: Source::Idle, control: Slot::EMPTY };

    /// Begins a frame with an unnumbered record.
    pub(super) fn start_control(&mut self, kind: u8, hello: Option<&Hello>) {
        self.source = Source::Control;
        match hello {
            Some(hello) => self.control.record_mut().set(kind, 0, 0, &hello.emit()),
            None => self.control.record_mut().set(kind, 0, 0, &[]),
        };
    }

    /// Begins a bare acknowledgement.
    pub(super) fn start_ack(&mut self) {
        self.start_control(ACK, None);
        self.control.len = SHORT as u32;
    }

    /// Returns the number of the frame being sent, if it has one.
    pub(super) fn number(&self) -> Option<u8> {
        match self.source {
            Source::Slot(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn body<'a, R: Records>(&'a self, window: &'a Window<R>) -> &'a [u8] {
        match self.source {
            Source::Idle => &[],
            Source::Slot(number) => window.get(number).map_or(&[], Record::body),
            Source::Control => self.control.record().body(),
        }
    }

    /// Returns the frame being sent, with its checksum.
    pub(super) fn frame<'a, R: Records>(&'a self, window: &'a Window<R>) -> &'a [u8] {
        match self.source {
            Source::Idle => &[],
            Source::Slot(number) => window.get(number).map_or(&[], Record::frame),
            Source::Control => self.control.record().frame(),
        }
    }

    /// Returns the frame being sent, with the room for its checksum.
    #[inline(never)]
    pub(super) fn frame_mut<'a, R: Records>(
        &'a mut self,
        window: &'a mut Window<R>,
    ) -> &'a mut [u8] {
        match self.source {
            Source::Idle => &mut [],
            Source::Slot(number) => window.get_mut(number).map_or(&mut [], RecordMut::frame_mut),
            Source::Control => self.control.record_mut().frame_mut(),
        }
    }
}
