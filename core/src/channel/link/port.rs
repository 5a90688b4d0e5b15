//! One port: its lives on the line, its credits and its inbox.
//!
//! # A life
//!
//! A *life* of a port is one use of it, from `OPEN` to the end of both directions. In one life,
//! each side first sends `OPEN`. Then it sends `DATA`, `CREDIT` and `STOP` at any time, and exactly
//! one *last word*, `SHUT` or `RESET`, which ends its sending. After its last word it may still
//! send `CREDIT` or `STOP`, until the peer's last word came as well. Then the life is over, and the
//! next `OPEN` begins another.
//!
//! A line keeps the order of records, so the two sides cannot confuse lives. A side opens again
//! only after it has the peer's last word. So no record of the old life comes after the peer's next
//! `OPEN`. A `CREDIT` or `STOP` for the old life that comes before it finds the port without the
//! peer's `OPEN`, and is dropped.
//!
//! A port that its user closes sends these records by itself. A side whose peer resets the port
//! still owes its last word, and sends it.

use super::super::frame;
use super::super::{Event, State};
use super::event::{PortEvent, ResetReason};
use super::line::copy;
use super::records::{Messages, Records};
use crate::Error;
use core::hash::{Hash, Hasher};

/// What the two sides have said in this life of the port.
pub(super) mod said {
    /// This side said `OPEN`, or will as soon as the line has room.
    pub(crate) const WE_OPENED: u8 = 1;
    /// This side's last word is in the line.
    pub(crate) const WE_ENDED: u8 = 2;
    pub(crate) const PEER_OPENED: u8 = 4;
    pub(crate) const PEER_ENDED: u8 = 8;
}

/// The records to send as soon as the line has room, lowest bit first.
pub(super) mod due {
    pub(crate) const OPEN: u8 = 1;
    pub(crate) const STOP: u8 = 2;
    pub(crate) const SHUT: u8 = 4;
    pub(crate) const RESET: u8 = 8;
}

/// The events to report to the user, lowest bit first.
pub(super) mod news {
    pub(crate) const RESET: u8 = 1;
    pub(crate) const FREE: u8 = 2;
    pub(crate) const WAITING: u8 = 4;
    pub(crate) const OPENED: u8 = 8;
    pub(crate) const READABLE: u8 = 16;
    pub(crate) const SHUT: u8 = 32;
    pub(crate) const STOP: u8 = 64;
}

/// How a connection ended that was not closed.
mod over {
    /// It was torn down, or its session ended.
    ///
    /// Messages that had arrived completely before the session ended can still be taken.
    pub(super) const TORN: u8 = 1;
    /// The peer had said its last word before, so the messages in the inbox are all that it sent.
    pub(super) const COMPLETE: u8 = 2;
}

/// The error that the peer sent a record that no peer of this version sends.
#[derive(Debug)]
pub(super) struct Violation;

/// Returns whether a record of this kind (not `DATA`) has a body, which is one byte.
pub(super) fn has_body(kind: u8) -> bool {
    matches!(kind, frame::OPEN | frame::CREDIT | frame::RESET)
}

/// A port without its inbox.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) struct Port {
    pub(super) state: State,
    pub(super) said: u8,
    pub(super) due: u8,
    pub(super) news: u8,
    /// The reason that this side gives when it resets the port.
    pub(super) why: u8,
    /// Why the peer or the link reset the port.
    pub(super) reset: ResetReason,
    /// How many messages the peer has room for.
    pub(super) credit: u8,
    /// How many messages were taken out of the inbox and not yet credited to the peer.
    pub(super) owed: u8,
    /// Whether a send failed for lack of room, and `Writable` was not reported since.
    pub(super) blocked: bool,
    /// How the connection of `state` ended, in bits of `over`; 0 unless it was torn down.
    pub(super) over: u8,
}

impl Port {
    pub(super) const fn new() -> Self {
        Port {
            state: State::New,
            said: 0,
            due: 0,
            news: 0,
            why: 0,
            reset: ResetReason::Peer(0),
            credit: 0,
            owed: 0,
            blocked: false,
            over: 0,
        }
    }

    pub(super) fn has_said(&self, what: u8) -> bool {
        self.said & what != 0
    }

    /// Changes the state by `event`; returns `false` if that is not possible.
    fn on(&mut self, event: Event) -> bool {
        match self.state.on(event) {
            Ok(state) => {
                self.state = state;
                true
            }
            Err(_) => false,
        }
    }

    /// Opens the port for the user.
    pub(super) fn open(&mut self) -> Result<(), Error> {
        match self.state {
            State::New | State::Closed | State::Reset => {}
            _ if self.over != 0 => {}
            _ => return Err(Error::AlreadyConnected),
        }
        if self.has_said(said::WE_OPENED | said::WE_ENDED) || self.due != 0 {
            return Err(Error::WouldBlock);
        }
        self.state = State::New;
        self.on(Event::Connect);
        self.said |= said::WE_OPENED;
        self.due = due::OPEN;
        self.news &= !(news::WAITING | news::RESET | news::FREE);
        self.owed = 0;
        self.blocked = false;
        self.over = 0;
        if self.has_said(said::PEER_OPENED) {
            self.establish();
        }
        Ok(())
    }

    // Connects a port that was `Connecting`.
    fn establish(&mut self) {
        self.state = State::STREAM;
        self.news |= news::OPENED;
        if self.has_said(said::PEER_ENDED) {
            self.mark_drained();
            self.news |= news::SHUT;
        }
    }

    /// Ends this side's sending.
    pub(super) fn shut_send(&mut self) -> Result<(), Error> {
        let before = self.state;
        self.state = before.on(Event::ShutSend)?;
        self.last_word(due::SHUT);
        Ok(())
    }

    /// Ends this side's receiving.
    pub(super) fn shut_recv(&mut self) -> Result<(), Error> {
        self.state = self.state.on(Event::ShutRecv)?;
        self.stop();
        Ok(())
    }

    fn stop(&mut self) {
        if self.has_said(said::WE_OPENED) && !self.has_said(said::PEER_ENDED) {
            self.due |= due::STOP;
        }
        self.owed = 0;
    }

    /// Makes `word` due, unless this side's last word is sent or due already.
    ///
    /// The state can outlast the life while messages are left in the inbox. Then nothing is due.
    #[inline(never)]
    fn last_word(&mut self, word: u8) {
        if self.has_said(said::WE_OPENED)
            && !self.has_said(said::WE_ENDED)
            && self.due & (due::SHUT | due::RESET) == 0
        {
            self.due |= word;
        }
    }

    /// Closes the port for the user.
    #[inline(never)]
    pub(super) fn close(&mut self) {
        match self.state {
            // The peer has not heard of it: withdraw the `OPEN`.
            State::Connecting if self.due & due::OPEN != 0 => {
                self.due = 0;
                self.said &= !said::WE_OPENED;
            }
            State::Connecting => {
                self.why = 0;
                self.last_word(due::RESET);
            }
            State::Connected { .. } => {
                if self.state.can_recv() {
                    self.stop();
                }
                self.last_word(due::SHUT);
            }
            _ => {}
        }
        self.on(Event::Close);
    }

    /// Resets the port for the user, or refuses a peer that waits.
    pub(super) fn tear_down(&mut self, why: u8) {
        let waiting = self.has_said(said::PEER_OPENED) && !self.has_said(said::WE_OPENED);
        if !waiting && !matches!(self.state, State::Connected { .. }) {
            return self.close();
        }
        self.why = why;
        if self.has_said(said::WE_ENDED) {
            // This side's last word was `SHUT` or `RESET` already. `STOP` tells the peer at least
            // that this side reads no more.
            self.stop();
        } else if self.said != 0 {
            self.due = (self.due & due::OPEN) | due::RESET;
        }
        self.news &= !news::WAITING;
        self.on(Event::Close);
    }

    /// Returns the next record to send: its kind, and its body if it [has one](has_body).
    ///
    /// `credits` is what a port holds. The port sends `CREDIT` once it owes `threshold`.
    pub(super) fn next_record(&self, credits: u8, threshold: u8) -> Option<(u8, u8)> {
        if self.due & due::OPEN != 0 {
            return Some((frame::OPEN, credits));
        }
        if self.owed >= threshold && !self.has_said(said::PEER_ENDED) {
            return Some((frame::CREDIT, self.owed));
        }
        if self.due & due::STOP != 0 {
            return Some((frame::STOP, 0));
        }
        if self.due & due::SHUT != 0 {
            return Some((frame::SHUT, 0));
        }
        if self.due & due::RESET != 0 {
            return Some((frame::RESET, self.why));
        }
        None
    }

    /// Notes that the line took the record of [`next_record`](Self::next_record).
    pub(super) fn record_sent(&mut self, kind: u8) {
        match kind {
            frame::OPEN => self.due &= !due::OPEN,
            frame::CREDIT => self.owed = 0,
            frame::STOP => self.due &= !due::STOP,
            _ => {
                self.due &= !(due::SHUT | due::RESET);
                self.said |= said::WE_ENDED;
                self.settle();
            }
        }
    }

    /// Ends the life if both last words are said.
    #[inline(never)]
    fn settle(&mut self) {
        const BOTH: u8 = said::WE_ENDED | said::PEER_ENDED;
        if self.said & BOTH == BOTH {
            self.said = 0;
            self.due = 0;
            self.owed = 0;
            self.credit = 0;
            self.news = (self.news & !news::WAITING) | news::FREE;
        }
    }

    /// Notes that the peer opened the port and can take `credit` messages.
    pub(super) fn peer_opens(&mut self, credit: u8) -> Result<(), Violation> {
        if self.has_said(said::PEER_OPENED | said::PEER_ENDED) {
            return Err(Violation);
        }
        self.said |= said::PEER_OPENED;
        self.credit = credit;
        if self.state == State::Connecting {
            self.establish();
        } else if !self.has_said(said::WE_OPENED) {
            self.news |= news::WAITING;
        }
        Ok(())
    }

    /// Returns whether a message may come: both sides opened, and the peer's last word has not
    /// come.
    pub(super) fn peer_may_send(&self) -> bool {
        const ALL: u8 = said::WE_OPENED | said::PEER_OPENED | said::PEER_ENDED;
        self.said & ALL == said::WE_OPENED | said::PEER_OPENED
    }

    /// Notes that the peer has room for `credit` more messages.
    pub(super) fn peer_credits(&mut self, credit: u8) {
        if self.has_said(said::PEER_OPENED) {
            self.credit = self.credit.saturating_add(credit);
        }
    }

    /// Notes that the peer reads no more.
    pub(super) fn peer_stops(&mut self) {
        if self.has_said(said::PEER_OPENED) && self.has_said(said::WE_OPENED) {
            self.mark_peer_shut_recv();
            if matches!(self.state, State::Connected { .. }) {
                self.news |= news::STOP;
            }
        }
    }

    fn mark_peer_shut_recv(&mut self) {
        self.on(Event::PeerShutRecv);
    }

    /// Notes that the peer sends no more; `drained` if no message of it is left to read.
    pub(super) fn peer_shuts(&mut self, drained: bool) -> Result<(), Violation> {
        // A side that never opened the port also sends its last word, if it owes one.
        if self.said & (said::PEER_OPENED | said::WE_ENDED) == 0 || self.has_said(said::PEER_ENDED)
        {
            return Err(Violation);
        }
        self.said |= said::PEER_ENDED;
        self.owed = 0;
        if self.has_said(said::WE_OPENED) && self.state.can_recv() {
            self.news |= news::SHUT;
            if drained {
                self.mark_drained();
            }
        }
        self.settle();
        Ok(())
    }

    /// Notes that the peer sent its last word and that every message of it is taken.
    pub(super) fn mark_drained(&mut self) {
        self.on(Event::PeerShutSend);
    }

    /// Notes that the peer reset the port; returns whether this side had opened it.
    pub(super) fn peer_resets(&mut self, why: u8) -> Result<bool, Violation> {
        if self.has_said(said::PEER_ENDED) || self.said == 0 {
            return Err(Violation);
        }
        self.said |= said::PEER_ENDED;
        let ours = self.has_said(said::WE_OPENED);
        if ours {
            self.mark_torn(ResetReason::Peer(why));
        }
        self.news &= !news::WAITING;
        if !self.has_said(said::WE_ENDED) {
            self.due = (self.due & due::OPEN) | due::SHUT;
        }
        self.settle();
        Ok(ours)
    }

    /// Changes the state to torn down.
    fn mark_torn(&mut self, reset: ResetReason) {
        if matches!(self.state, State::Connected { .. } | State::Connecting) {
            self.reset = reset;
            self.news |= news::RESET;
        }
        self.news &= !(news::WAITING | news::OPENED | news::READABLE | news::SHUT | news::STOP);
        self.on(Event::Reset);
        self.blocked = false;
        self.over = over::TORN;
    }

    /// Tears the port down because the peer does not have it.
    pub(super) fn refuse(&mut self) {
        self.mark_torn(ResetReason::NoSuchPort);
        self.said = 0;
        self.due = 0;
    }

    /// Notes that the session ended; returns whether the user may still take messages from the
    /// inbox.
    ///
    /// Messages that had arrived completely still belong to the user.
    #[inline(never)]
    pub(super) fn link_down(&mut self, unread: bool) -> bool {
        let left = self.state.can_recv() && unread;
        let free = self.said != 0 || self.due != 0;
        let complete = self.peer_is_done();
        (self.said, self.due, self.credit, self.owed) = (0, 0, 0, 0);
        if self.state == State::Connecting {
            // The port waits for the next session.
            self.said = said::WE_OPENED;
            self.due = due::OPEN;
        } else if self.over == 0 && (self.state.can_send() || self.state.can_recv()) {
            if left {
                self.mark_peer_shut_recv();
                self.news |= news::STOP;
                self.blocked = false;
            } else {
                self.mark_torn(ResetReason::LinkDown);
            }
            self.over = if complete { over::TORN | over::COMPLETE } else { over::TORN };
        } else if free {
            self.news |= news::FREE;
        }
        self.news &= !news::WAITING;
        left
    }

    /// Notes that a message was taken out of the inbox; `empty` if it was the last one.
    pub(super) fn note_taken(&mut self, empty: bool) {
        if !self.peer_is_done() {
            self.owed = self.owed.saturating_add(1);
        } else if empty {
            self.emptied();
        }
    }

    #[inline(never)]
    fn emptied(&mut self) {
        if self.over == over::TORN {
            self.mark_torn(ResetReason::LinkDown);
        } else {
            self.mark_drained();
        }
    }

    /// Checks that the state allows sending a message.
    pub(super) fn may_send(&self) -> Result<(), Error> {
        match self.state.on(Event::Send) {
            Ok(_) => Ok(()),
            // The whole connection ended, not only the peer's receiving.
            Err(Error::BrokenPipe) if self.over != 0 => Err(Error::Reset),
            Err(error) => Err(error),
        }
    }

    /// Returns why no message is there.
    pub(super) fn why_none(&self) -> Error {
        match self.state.on(Event::Recv) {
            Ok(_) => Error::WouldBlock,
            Err(Error::Reset) if self.over & over::COMPLETE != 0 => Error::EndOfFile,
            Err(error) => error,
        }
    }

    /// Returns the next event to report to the user; `room` if the line has room.
    #[inline(never)]
    pub(super) fn next_news(&mut self, room: bool) -> Option<PortEvent> {
        const EVENTS: [(u8, PortEvent); 6] = [
            (news::FREE, PortEvent::Free),
            (news::WAITING, PortEvent::Waiting),
            (news::OPENED, PortEvent::Opened),
            (news::READABLE, PortEvent::Readable),
            (news::SHUT, PortEvent::PeerShutSend),
            (news::STOP, PortEvent::PeerShutRecv),
        ];
        if self.news & news::RESET != 0 {
            self.news &= !news::RESET;
            return Some(PortEvent::Reset(self.reset));
        }
        for (bit, event) in &EVENTS {
            if self.news & bit != 0 {
                self.news &= !bit;
                return Some(*event);
            }
        }
        if self.blocked && room && self.credit > 0 && self.due & due::OPEN == 0 {
            self.blocked = false;
            return Some(PortEvent::Writable);
        }
        None
    }

    /// Returns whether the peer said its last word in the life of `state`, or that life is over.
    pub(super) fn peer_is_done(&self) -> bool {
        self.has_said(said::PEER_ENDED) || !self.has_said(said::WE_OPENED)
    }
}

/// A port with its inbox, whose messages lie in `R`.
#[derive(Debug, Clone)]
#[repr(C)]
pub struct PortSlot<R: Records> {
    pub(super) port: Port,
    pub(super) inbox: Inbox<R>,
}

impl<R: Records> PortSlot<R> {
    pub(super) const fn new(messages: R) -> Self {
        PortSlot { port: Port::new(), inbox: Inbox { first: 0, count: 0, messages } }
    }
}

impl<const CREDITS: usize, const MAX: usize> PortSlot<Messages<CREDITS, MAX>> {
    pub(super) const EMPTY: Self = PortSlot::new(Messages::EMPTY);
}

impl<R: Records> Hash for PortSlot<R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.port, &self.inbox).hash(state);
    }
}

/// The ports of a link: an array, or memory whose size is known at run time.
pub trait Ports {
    /// Where the messages of a port lie.
    type Messages: Records;

    /// Returns the ports.
    fn as_slice(&self) -> &[PortSlot<Self::Messages>];

    /// Returns the ports, to be changed.
    fn as_mut_slice(&mut self) -> &mut [PortSlot<Self::Messages>];

    /// Returns how many messages a port holds.
    fn credits(&self) -> u8;

    /// Returns how many bytes a message has at most.
    fn max(&self) -> usize;
}

/// `PORTS` ports, each of which holds `CREDITS` messages of at most `MAX` bytes.
#[derive(Debug, Clone, Hash)]
#[repr(transparent)]
pub struct PortArray<const PORTS: usize, const CREDITS: usize, const MAX: usize>(
    [PortSlot<Messages<CREDITS, MAX>>; PORTS],
);

impl<const PORTS: usize, const CREDITS: usize, const MAX: usize> PortArray<PORTS, CREDITS, MAX> {
    pub(super) const EMPTY: Self = {
        const { assert!(PORTS >= 1 && PORTS <= 255, "a link has 1 to 255 ports") }
        PortArray([PortSlot::EMPTY; PORTS])
    };
}

impl<const PORTS: usize, const CREDITS: usize, const MAX: usize> Ports
    for PortArray<PORTS, CREDITS, MAX>
{
    type Messages = Messages<CREDITS, MAX>;

    #[inline(always)]
    fn as_slice(&self) -> &[PortSlot<Self::Messages>] {
        &self.0
    }

    #[inline(always)]
    fn as_mut_slice(&mut self) -> &mut [PortSlot<Self::Messages>] {
        &mut self.0
    }

    #[inline(always)]
    fn credits(&self) -> u8 {
        CREDITS as u8
    }

    #[inline(always)]
    fn max(&self) -> usize {
        MAX
    }
}

/// The messages that came and were not taken yet: at most as many as the peer has credits.
#[derive(Debug, Clone)]
#[repr(C)]
pub(super) struct Inbox<R> {
    first: usize,
    count: usize,
    messages: R,
}

impl<R: Records> Inbox<R> {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    /// Returns the index of the `n`-th message.
    fn index_of(&self, n: usize) -> usize {
        let at = self.first.wrapping_add(n);
        let credits = self.messages.count();
        if at >= credits { at.wrapping_sub(credits) } else { at }
    }

    /// Adds a message; returns `false` if the inbox is full or the message is too long.
    pub(super) fn push(&mut self, message: &[u8]) -> bool {
        let credits = self.messages.count();
        let at = self.index_of(self.count);
        let Some(place) = self.messages.get_mut(at) else { return false };
        if self.count >= credits || !copy(place.bytes, message) {
            return false;
        }
        *place.len = message.len() as u32;
        self.count = self.count.wrapping_add(1);
        true
    }

    fn get(&self, n: usize) -> Option<&[u8]> {
        if n >= self.count {
            return None;
        }
        self.messages.get(self.index_of(n))?.message()
    }

    /// Returns the oldest message.
    pub(super) fn front(&self) -> Option<&[u8]> {
        self.get(0)
    }

    /// Drops the oldest message; returns whether there was one.
    pub(super) fn pop(&mut self) -> bool {
        if self.count == 0 {
            return false;
        }
        self.count = self.count.wrapping_sub(1);
        self.first = self.index_of(1);
        true
    }
}

/// Hashes the messages, not what old messages left in free places.
impl<R: Records> Hash for Inbox<R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.count.hash(state);
        (0..self.count).for_each(|n| self.get(n).hash(state));
    }
}
